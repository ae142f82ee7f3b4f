// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the benchmark times, in the words of a caller of the block layer. See stages.h.
 */
#include "../core/platform.h"

#include <physbio/merge.h>
#include <physbio/resolve.h>
#include <physbio/split.h>

#include "stages.h"

#ifdef PB_REPR_HAS_PHYS

static void folio_pin(struct pb_page *head, unsigned long nr)
{
	int refs = (int)nr;

	pb_count(PHYSBIO_ATOMIC);
	if (!(head->flags & PB_PG_head)) {
		__atomic_fetch_add(&head->refcount.counter, refs << 10,
				   __ATOMIC_RELAXED);
		return;
	}
	__atomic_fetch_add(&head->refcount.counter, refs, __ATOMIC_RELAXED);
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_add(&head->pincount.counter, refs, __ATOMIC_RELAXED);
}

/* Each folio that a range is in, once. */
static void range_pin(const struct physbio_stage_range *r)
{
	unsigned long nr = (r->len + PB_PAGE_SIZE - 1) >> PB_PAGE_SHIFT, n;
	struct pb_page *page = r->page, *head;

	for (; nr; nr -= n, page += n) {
		head = pb_compound_head(page);
		n = (1ul << head->order) - (unsigned long)(page - head);
		if (n > nr)
			n = nr;
		folio_pin(head, n);
	}
}

/*
 * As pin_user_pages_fast() does before there is a bio, whatever its vectors are: page
 * structs are in the cache then.
 */
static void io_pin(struct physbio_stage_ctx *ctx, struct physbio_stage_io *io)
{
	unsigned int i;

	for (i = 0; i < ctx->nr_ranges; i++)
		range_pin(&io->ranges[i]);
}

/* As those that keep nothing are added; of a range that is an entry the page is kept. */
static void io_add_kept(struct pb_bio *bio, const struct physbio_stage_range *r,
			const struct physbio_stage_range *end)
{
	physbio_bio_keep_pages(bio);
	for (; r < end; r++) {
		uint16_t had = bio->bi_vcnt;

		pb_bio_add_page(bio, r->page, r->len, 0);
		if (bio->bi_vcnt != had)
			physbio_bio_keep_page(bio, r->page);
	}
}

static void io_add_ranges(const struct physbio_stage_ctx *ctx,
			  struct pb_bio *bio,
			  const struct physbio_stage_range *r,
			  const struct physbio_stage_range *end)
{
	if (ctx->keep_pages)
		io_add_kept(bio, r, end);
	else if (ctx->page_given)
		for (; r < end; r++)
			pb_bio_add_page(bio, r->page, r->len, 0);
	else
		for (; r < end; r++)
			pb_bio_add_phys(bio, r->paddr, r->len);
}

#else /* dma has no page to give and none to come back to */

static void io_add_ranges(const struct physbio_stage_ctx *ctx,
			  struct pb_bio *bio,
			  const struct physbio_stage_range *r,
			  const struct physbio_stage_range *end)
{
	for (; r < end; r++)
		pb_bio_add_dma_addr(bio, r->daddr, r->len);
}

#endif

static void io_add(struct physbio_stage_ctx *ctx, struct physbio_stage_io *io,
		   struct pb_bio *bio)
{
	pb_bio_init(bio, ctx->bdev, io->table, ctx->max_vecs, PB_REQ_OP_READ);
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	io_add_ranges(ctx, bio, io->ranges, io->ranges + ctx->nr_ranges);
}

static void io_split(struct physbio_stage_ctx *ctx, struct physbio_stage_io *io)
{
	__pb_bio_split_to_limits(&io->bio, ctx->lim, &io->nr_segs);
}

static void io_prep(struct physbio_stage_ctx *ctx, struct physbio_stage_io *io)
{
	io->rq.q = ctx->q;
	io->rq.rq_flags = 0;
	io->bio.bi_next = NULL;
	pb_blk_rq_bio_prep(&io->rq, &io->bio, io->nr_segs);
}

static void io_map(struct physbio_stage_ctx *ctx, struct physbio_stage_io *io,
		   struct pb_nvme_iod *iod)
{
	pb_nvme_map_data(&io->rq, ctx->dev, iod);
}

static void io_map_iter(struct physbio_stage_ctx *ctx,
			struct physbio_stage_io *io)
{
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	bool more =
		pb_blk_rq_dma_map_iter_start(&io->rq, ctx->dev, &state, &iter);

	while (more)
		more = pb_blk_rq_dma_map_iter_next(&io->rq, ctx->dev, &iter);
}

#define for_each_io(io, ctx) \
	for (io = (ctx)->ios; io < (ctx)->ios + (ctx)->nr_ios; io++)

static void stage_add(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_add(ctx, io, &io->bio);
}

static void stage_split(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_split(ctx, io);
}

/* The bio that follows it on the device: the same memory, the same table. */
static void stage_prep(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx) {
		io_prep(ctx, io);
		io->next = io->bio;
		io->next.bi_iter.bi_sector = pb_bio_end_sector(&io->bio);
	}
}

static void stage_merge(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		pb_blk_attempt_bio_merge(ctx->q, &io->rq, &io->next,
					 io->nr_segs, false);
}

static void stage_map(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_map(ctx, io, &ctx->iod);
}

static void stage_map_iter(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_map_iter(ctx, io);
}

#ifdef PB_REPR_HAS_PHYS

static void io_complete(struct physbio_stage_io *io)
{
	pb_bio_release_pages(&io->bio, true);
}

static void page_release(struct pb_page *page)
{
	struct pb_folio *folio = page_folio(page);

	if (!folio_test_dirty(folio)) {
		folio_lock(folio);
		folio_mark_dirty(folio);
		folio_unlock(folio);
	}
	unpin_user_folio(folio, 1);
}

static void io_complete_each(struct physbio_stage_io *io)
{
	struct pb_bvec_iter_all iter;
	struct pb_bio_vec *bv;

	pb_bio_for_each_segment_all(bv, &io->bio, iter)
		page_release(pb_bvec_page(bv));
	pb_bio_clear_flag(&io->bio, PB_BIO_PAGE_PINNED);
}

static void io_submit(struct physbio_stage_ctx *ctx,
		      struct physbio_stage_io *io, struct pb_nvme_iod *iod)
{
	io_pin(ctx, io);
	io_add(ctx, io, &io->bio);
	io_split(ctx, io);
	io_prep(ctx, io);
	io_map(ctx, io, iod);
}

static void stage_pin(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_pin(ctx, io);
}

static void stage_complete(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_complete(io);
}

static void stage_complete_each(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx)
		io_complete_each(io);
}

static void stage_whole(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;

	for_each_io(io, ctx) {
		io_submit(ctx, io, &ctx->iod);
		io_complete(io);
	}
}

static void stage_in_flight(struct physbio_stage_ctx *ctx)
{
	struct physbio_stage_io *io;
	unsigned int n;

	for (n = 0; n < ctx->times; n++) {
		for_each_io(io, ctx)
			io_submit(ctx, io, &ctx->iods[io - ctx->ios]);
		for_each_io(io, ctx)
			io_complete(io);
	}
}

/*
 * Conversions as a loop of the kernel's has them: none waits for another. One sum would
 * be waited for in each cycle, and so would the branch of a loop over single ranges: a
 * wide CPU converts meanwhile, and it seems to cost nothing. With four sums over eight ranges
 * what all loops are bound by is how much the CPU can begin in a cycle.
 */
#define ALONE noinline __attribute__((aligned(64)))

typedef uint64_t range_fn(const struct physbio_stage_range *r);
typedef uint64_t ranges_fn(const struct physbio_stage_range *r,
			   const struct physbio_stage_range *end);

/* Opaque: else the compiler makes one shift of two, as no loop of the kernel's could. */
static __always_inline uint64_t used(uint64_t value)
{
	__asm__("" : "+r"(value));
	return value;
}

static __always_inline uint64_t ranges_sum(const struct physbio_stage_range *r,
					   const struct physbio_stage_range *end,
					   range_fn *use)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; r < end; r += 8) {
		a += used(use(&r[0]));
		b += used(use(&r[1]));
		c += used(use(&r[2]));
		d += used(use(&r[3]));
		a += used(use(&r[4]));
		b += used(use(&r[5]));
		c += used(use(&r[6]));
		d += used(use(&r[7]));
	}
	return a + b + c + d;
}

static __always_inline uint64_t range_read(const struct physbio_stage_range *r)
{
	return (uintptr_t)r->page;
}

static __always_inline uint64_t
range_to_phys(const struct physbio_stage_range *r)
{
	return pb_page_to_phys(r->page);
}

static __always_inline uint64_t
range_to_page(const struct physbio_stage_range *r)
{
	return (uintptr_t)pb_phys_to_page(r->paddr);
}

ALONE static uint64_t ranges_read(const struct physbio_stage_range *r,
				  const struct physbio_stage_range *end)
{
	return ranges_sum(r, end, range_read);
}

ALONE static uint64_t ranges_to_phys(const struct physbio_stage_range *r,
				     const struct physbio_stage_range *end)
{
	return ranges_sum(r, end, range_to_phys);
}

ALONE static uint64_t ranges_to_page(const struct physbio_stage_range *r,
				     const struct physbio_stage_range *end)
{
	return ranges_sum(r, end, range_to_page);
}

/* Which range is next depends on where the one before has come to. */
ALONE static uint64_t ranges_round_trip(const struct physbio_stage_range *r,
					const struct physbio_stage_range *end)
{
	uintptr_t off = 0;

	for (; r < end; r++)
		off |= (uintptr_t)r->page ^
		       (uintptr_t)pb_phys_to_page(pb_page_to_phys(
			       (struct pb_page *)((uintptr_t)r->page + off)));
	return off;
}

static void convert(struct physbio_stage_ctx *ctx, ranges_fn *all)
{
	const struct physbio_stage_range *r = ctx->ios[0].ranges;
	unsigned int n;

	for (n = 0; n < ctx->times; n++)
		ctx->sum += all(r, r + ctx->nr_ranges);
}

static void stage_read(struct physbio_stage_ctx *ctx)
{
	convert(ctx, ranges_read);
}

static void stage_to_phys(struct physbio_stage_ctx *ctx)
{
	convert(ctx, ranges_to_phys);
}

static void stage_to_page(struct physbio_stage_ctx *ctx)
{
	convert(ctx, ranges_to_page);
}

static void stage_round_trip(struct physbio_stage_ctx *ctx)
{
	convert(ctx, ranges_round_trip);
}

#endif

extern const struct physbio_stages physbio_stages;

const struct physbio_stages physbio_stages = {
	.add = stage_add,
	.split = stage_split,
	.prep = stage_prep,
	.merge = stage_merge,
	.map = stage_map,
	.map_iter = stage_map_iter,
#ifdef PB_REPR_HAS_PHYS
	.pin = stage_pin,
	.complete = stage_complete,
	.complete_each = stage_complete_each,
	.whole = stage_whole,
	.in_flight = stage_in_flight,
	.read = stage_read,
	.to_phys = stage_to_phys,
	.to_page = stage_to_page,
	.round_trip = stage_round_trip,
#endif
};
