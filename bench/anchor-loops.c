// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * See anchor-loops.h. A bio is what its caller made of it when an operation ends, so that
 * the next turn does the same again.
 */
#include "../src/core/platform.h"

#include <physbio/merge.h>
#include <physbio/resolve.h>
#include <physbio/split.h>

#include "../src/core/queue.h"
#include "anchor-loops.h"
#include "kernel-shape.h"

/* --- what is worked on --- */

static pb_blk_status_t queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				const struct pb_blk_mq_queue_data *bd)
{
	struct anchor_ctx *ctx = pb_queue_data(pb_hctx_queue(hctx));

	pb_blk_mq_start_request(bd->rq);
	ctx->nr_sg = pb_blk_rq_map_sg(bd->rq, ctx->sg);
	pb_blk_mq_end_request(bd->rq, PB_BLK_STS_OK);
	return PB_BLK_STS_OK;
}

static const struct pb_blk_mq_ops ops = { .queue_rq = queue_rq };

/* A reference for each page, as one that comes from a table of pages has. */
static void pin_pages(struct anchor_ctx *ctx)
{
	struct pb_page *head;
	unsigned int i;

	for (i = 0; i < ctx->nr; i++) {
		head = pb_compound_head(ctx->pages[i]);
		__atomic_fetch_add(&head->refcount.counter,
				   ctx->layout == ANCHOR_FOLIO ? 1 : 1 << 10,
				   __ATOMIC_RELAXED);
	}
	if (ctx->layout == ANCHOR_FOLIO)
		__atomic_fetch_add(&ctx->pages[0]->pincount.counter,
				   (int)ctx->nr, __ATOMIC_RELAXED);
}

static void add_pages(struct anchor_ctx *ctx, struct pb_bio *bio)
{
	unsigned int i;

	if (ctx->layout == ANCHOR_FOLIO)
		pb_bio_add_page(bio, ctx->pages[0], ctx->nr << PB_PAGE_SHIFT,
				0);
	else
		for (i = 0; i < ctx->nr; i++)
			pb_bio_add_page(bio, ctx->pages[i], PB_PAGE_SIZE, 0);
}

static void make_bio(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->bios[0];

	pb_bio_init(bio, &ctx->bdev, ctx->table, ANCHOR_MAX_PAGES,
		    PB_REQ_OP_READ);
	add_pages(ctx, bio);
}

static void make_one_page_bio(struct anchor_ctx *ctx, unsigned int i)
{
	struct pb_bio *bio = &ctx->bios[i];

	pb_bio_init(bio, &ctx->bdev, &ctx->table[i], 1, PB_REQ_OP_READ);
	bio->bi_iter.bi_sector = i << (PB_PAGE_SHIFT - PB_SECTOR_SHIFT);
	pb_bio_add_page(bio, ctx->pages[i], PB_PAGE_SIZE, 0);
}

static void make_bios(struct anchor_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < ctx->nr; i++) {
		make_one_page_bio(ctx, i);
		if (i)
			ctx->bios[i - 1].bi_next = &ctx->bios[i];
	}
}

static void prep(struct anchor_ctx *ctx)
{
	struct pb_bio *bio;

	ctx->rq.q = ctx->q;
	pb_blk_rq_bio_prep(&ctx->rq, &ctx->bios[0], 1);
	if (!ctx->one_page_bios)
		return;
	for (bio = &ctx->bios[0]; bio->bi_next; bio = bio->bi_next)
		ctx->rq.__data_len += bio->bi_next->bi_iter.bi_size;
	ctx->rq.biotail = bio;
}

/* The bio behind the request: of the second page. */
static void make_next(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->next;

	pb_bio_init(bio, &ctx->bdev, &ctx->table[ANCHOR_MAX_PAGES], 1,
		    PB_REQ_OP_READ);
	bio->bi_iter.bi_sector = pb_bio_end_sector(&ctx->bios[0]);
	if (ctx->apart)
		bio->bi_iter.bi_sector += 1024;
	pb_bio_add_page(bio, ctx->pages[ctx->nr], PB_PAGE_SIZE, 0);
}

static int up(struct anchor_ctx *ctx)
{
	int err = pb_bioset_init(&ctx->bs, 4, 0, 0);

	ctx->table = kvzalloc((ANCHOR_MAX_PAGES + 1) * sizeof(ctx->table[0]),
			      PB_GFP_KERNEL);
	ctx->set.ops = &ops;
	ctx->set.queue_depth = 64;
	ctx->q = pb_blk_mq_alloc_queue(&ctx->set, ctx->limits, ctx);
	if (err || !ctx->table || IS_ERR(ctx->q))
		return -ENOMEM;
	ctx->lim = pb_queue_limits(ctx->q);
	ctx->bdev.bd_queue = ctx->q;
	ctx->bdev.bd_nr_sectors = U64_MAX >> PB_SECTOR_SHIFT;
	physbio_xlate_init_identity(&ctx->xlate);
	ctx->dev.xlate = &ctx->xlate;
	ctx->dev.dma_mask = U64_MAX;
	if (ctx->one_page_bios)
		make_bios(ctx);
	else
		make_bio(ctx);
	make_next(ctx);
	prep(ctx);
	return 0;
}

static void down(struct anchor_ctx *ctx)
{
	pb_blk_mq_destroy_queue(ctx->q);
	pb_bioset_exit(&ctx->bs);
	kvfree(ctx->table);
}

/* --- one stage --- */

#define REPEAT(ctx, i) for (i = 0; i < (ctx)->reps; i++)

static uint64_t bio_init(struct anchor_ctx *ctx)
{
	unsigned int i;

	REPEAT(ctx, i)
	pb_bio_init(&ctx->bios[0], &ctx->bdev, ctx->table, ANCHOR_MAX_PAGES,
		    PB_REQ_OP_READ);
	return ctx->bios[0].bi_max_vecs;
}

static uint64_t add(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->bios[0];
	unsigned int i;

	REPEAT(ctx, i)
	{
		bio->bi_vcnt = 0;
		bio->bi_iter.bi_size = 0;
		add_pages(ctx, bio);
	}
	return bio->bi_iter.bi_size;
}

static uint64_t iterate(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->bios[0];
	struct pb_bvec_iter iter;
	struct pb_bio_vec bv;
	uint64_t bytes = 0;
	unsigned int i;

	REPEAT(ctx, i)
	{
		bytes = 0;
		pb_bio_for_each_bvec(bv, bio, iter)
			bytes += bv.bv_len;
		__asm__ volatile("" ::: "memory");
	}
	return bytes;
}

static uint64_t split(struct anchor_ctx *ctx)
{
	unsigned int i;

	REPEAT(ctx, i)
	__pb_bio_split_to_limits(&ctx->bios[0], ctx->lim, &ctx->nr_segs);
	return ctx->nr_segs;
}

static uint64_t split_shape(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->bios[0];
	unsigned int i;

	REPEAT(ctx, i)
	shape_bio_split_io_at(bio, ctx->lim, &ctx->nr_segs,
			      pb_get_max_io_size(bio, ctx->lim)
				      << PB_SECTOR_SHIFT,
			      ctx->lim->dma_alignment);
	return ctx->nr_segs;
}

/* Cut by cut; what is in front goes at once. Returns how many parts there were. */
static unsigned int split_all(struct anchor_ctx *ctx, struct pb_bio *bio)
{
	unsigned int parts = 1, segs;
	struct pb_bio *front;
	int sectors;

	while ((sectors = pb_bio_split_io_at(bio, ctx->lim, &segs,
					     pb_get_max_io_size(bio, ctx->lim)
						     << PB_SECTOR_SHIFT,
					     ctx->lim->dma_alignment)) > 0) {
		front = pb_bio_split(bio, sectors, PB_GFP_NOIO, &ctx->bs);
		pb_bio_chain(front, bio);
		pb_bio_put(front);
		parts++;
	}
	return parts;
}

static uint64_t split_real(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->bios[0];
	const struct pb_bvec_iter iter = bio->bi_iter;
	unsigned int i, parts = 0;

	REPEAT(ctx, i)
	{
		parts = split_all(ctx, bio);
		bio->bi_iter = iter;
		pb_bio_clear_flag(bio, PB_BIO_CHAIN);
		atomic_set(&bio->__bi_remaining, 1);
	}
	return parts;
}

static uint64_t map_sg(struct anchor_ctx *ctx)
{
	unsigned int i;

	REPEAT(ctx, i)
	ctx->nr_sg = pb_blk_rq_map_sg(&ctx->rq, ctx->sg);
	return (uint64_t)ctx->nr_sg;
}

static uint64_t map_sg_shape(struct anchor_ctx *ctx)
{
	unsigned int i;

	REPEAT(ctx, i)
	ctx->nr_sg = shape_blk_rq_map_sg(&ctx->rq, ctx->sg);
	return (uint64_t)ctx->nr_sg;
}

static uint64_t map_sg_6_1(struct anchor_ctx *ctx)
{
	unsigned int i;

	REPEAT(ctx, i)
	ctx->nr_sg = shape_6_1_blk_rq_map_sg(&ctx->rq, ctx->sg);
	return (uint64_t)ctx->nr_sg;
}

static uint64_t map_iter(struct anchor_ctx *ctx)
{
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	uint64_t sum = 0;
	unsigned int i;

	REPEAT(ctx, i)
	{
		pb_blk_map_iter_init(&ctx->rq, &iter);
		for (sum = 0; pb_blk_map_iter_next(&ctx->rq, &iter, &vec);)
			sum += vec.paddr ^ vec.len;
	}
	return sum;
}

static uint64_t map_iter_shape(struct anchor_ctx *ctx)
{
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	uint64_t sum = 0;
	unsigned int i;

	REPEAT(ctx, i)
	{
		pb_blk_map_iter_init(&ctx->rq, &iter);
		for (sum = 0; shape_blk_map_iter_next(&ctx->rq, &iter, &vec);)
			sum += vec.paddr ^ vec.len;
	}
	return sum;
}

static uint64_t dma_iter(struct anchor_ctx *ctx)
{
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	uint64_t sum = 0;
	unsigned int i;
	bool more;

	REPEAT(ctx, i)
	{
		sum = 0;
		more = pb_blk_rq_dma_map_iter_start(&ctx->rq, &ctx->dev, &state,
						    &iter);
		for (; more; more = pb_blk_rq_dma_map_iter_next(
				     &ctx->rq, &ctx->dev, &iter))
			sum += physbio_dma_value(iter.addr) ^ iter.len;
	}
	return sum;
}

/* --- merging --- */

/* What a merge behind it changes of a request. */
static void unmerge(struct anchor_ctx *ctx)
{
	struct pb_bio *bio = &ctx->bios[0];

	bio->bi_next = NULL;
	ctx->rq.biotail = bio;
	ctx->rq.__data_len = bio->bi_iter.bi_size;
	ctx->rq.nr_phys_segments = 1;
	ctx->rq.phys_gap_bit = 0;
}

static uint64_t back_merge(struct anchor_ctx *ctx)
{
	uint64_t merged = 0;
	unsigned int i;

	for (i = 0; i < ctx->reps; i++, unmerge(ctx))
		merged = pb_bio_attempt_back_merge(&ctx->rq, &ctx->next, 1) ==
			 PB_BIO_MERGE_OK;
	return merged;
}

static uint64_t plug_merge(struct anchor_ctx *ctx)
{
	struct pb_blk_plug plug = { .mq_list = { &ctx->rq, &ctx->rq },
				    .rq_count = 1 };
	uint64_t merged = 0;
	unsigned int i;

	ctx->rq.rq_next = NULL;
	pb_current()->plug = &plug;
	for (i = 0; i < ctx->reps; i++, unmerge(ctx))
		merged = pb_blk_attempt_plug_merge(ctx->q, &ctx->next, 1);
	pb_current()->plug = NULL;
	return merged;
}

static void count_bio(struct pb_bio *bio)
{
	struct anchor_ctx *ctx = bio->bi_private;

	ctx->ended += PB_PAGE_SIZE;
}

/* Bios that are there already; 32 fill a request, which the plug then lets go. */
static uint64_t plug_submit(struct anchor_ctx *ctx)
{
	struct pb_blk_plug plug;
	unsigned int i, j;

	REPEAT(ctx, i)
	{
		ctx->ended = 0;
		pb_blk_start_plug(&plug);
		for (j = 0; j < ctx->nr; j++) {
			make_one_page_bio(ctx, j);
			ctx->bios[j].bi_end_io = count_bio;
			ctx->bios[j].bi_private = ctx;
			pb_submit_bio(&ctx->bios[j]);
		}
		pb_blk_finish_plug(&plug);
	}
	return ctx->ended;
}

/* --- the whole way --- */

static uint64_t get_put(struct anchor_ctx *ctx)
{
	struct pb_page *head;
	unsigned int i, j, last = 0;

	REPEAT(ctx, i)
	for (j = 0; j < ctx->nr; j++) {
		head = pb_compound_head(ctx->pages[j]);
		__atomic_fetch_add(&head->refcount.counter, 1,
				   __ATOMIC_RELAXED);
		head = pb_compound_head(ctx->pages[j]);
		last += !__atomic_sub_fetch(&head->refcount.counter, 1,
					    __ATOMIC_ACQ_REL);
	}
	return last;
}

static struct pb_bio *alloc_bio(struct anchor_ctx *ctx)
{
	struct pb_bio *bio;

	if (ctx->pinned)
		pin_pages(ctx);
	bio = pb_bio_alloc_bioset(&ctx->bdev,
				  ctx->layout == ANCHOR_FOLIO ? 1 : ctx->nr,
				  PB_REQ_OP_READ, PB_GFP_KERNEL, &ctx->bs);
	if (ctx->pinned)
		pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	add_pages(ctx, bio);
	return bio;
}

static void free_bio(struct pb_bio *bio)
{
	pb_bio_release_pages(bio, true);
	pb_bio_put(bio);
}

static uint64_t path(struct anchor_ctx *ctx)
{
	struct pb_bio *bio;
	unsigned int i;

	REPEAT(ctx, i)
	{
		bio = alloc_bio(ctx);
		__pb_bio_split_to_limits(bio, ctx->lim, &ctx->nr_segs);
		pb_blk_rq_bio_prep(&ctx->rq, bio, ctx->nr_segs);
		ctx->nr_sg = pb_blk_rq_map_sg(&ctx->rq, ctx->sg);
		free_bio(bio);
	}
	return (uint64_t)ctx->nr_sg;
}

static uint64_t submit(struct anchor_ctx *ctx)
{
	struct pb_bio *bio;
	unsigned int i;

	REPEAT(ctx, i)
	{
		bio = alloc_bio(ctx);
		bio->bi_end_io = free_bio;
		pb_submit_bio(bio);
	}
	return (uint64_t)ctx->nr_sg;
}

extern const struct anchor_loops anchor_loops;

const struct anchor_loops anchor_loops = {
	.up = up,
	.down = down,
	.run = {
		[ANCHOR_BIO_INIT] = bio_init,
		[ANCHOR_ADD] = add,
		[ANCHOR_ITERATE] = iterate,
		[ANCHOR_SPLIT] = split,
		[ANCHOR_SPLIT_SHAPE] = split_shape,
		[ANCHOR_SPLIT_REAL] = split_real,
		[ANCHOR_MAP_SG] = map_sg,
		[ANCHOR_MAP_SG_SHAPE] = map_sg_shape,
		[ANCHOR_MAP_SG_6_1] = map_sg_6_1,
		[ANCHOR_MAP_ITER] = map_iter,
		[ANCHOR_MAP_ITER_SHAPE] = map_iter_shape,
		[ANCHOR_DMA_ITER] = dma_iter,
		[ANCHOR_BACK_MERGE] = back_merge,
		[ANCHOR_PLUG_MERGE] = plug_merge,
		[ANCHOR_PLUG_SUBMIT] = plug_submit,
		[ANCHOR_GET_PUT] = get_put,
		[ANCHOR_PATH] = path,
		[ANCHOR_SUBMIT] = submit,
	},
};
