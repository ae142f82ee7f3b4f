// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is what a contestant does right? Every byte is mapped to where it is, every page is dirty
 * and unpinned at the end, and descriptors are as they are when nothing else is done.
 */
#include <string.h>

#include "e2e.h"

static uint64_t sum_len(const struct physbio_stage_range *r, unsigned int n)
{
	uint64_t sum = 0;

	while (n--)
		sum += r++->len;
	return sum;
}

/* Every range must be unmapped: only so is every range kept. */
static void nothing_to_undo(const struct pb_device *dev, pb_dma_addr_t addr,
			    uint64_t size, enum pb_dma_data_direction dir,
			    unsigned long attrs)
{
}

/* The mapped ranges, laid end to end, must be the given ones, byte for byte. */
static void verify_ranges(const struct runner *run,
			  const struct physbio_stage_io *io,
			  const struct pb_nvme_iod *iod)
{
	unsigned int i, j = 0;
	uint32_t at, n, done = 0;

	for (i = 0; i < run->ctx.nr_ranges; i++)
		for (at = 0; at < io->ranges[i].len; at += n) {
			uint64_t want = io->ranges[i].paddr + at, got = 0;

			if (j < iod->nr_ranges)
				got = physbio_dma_value(iod->ranges[j].addr) +
				      done;
			if (got != want)
				bench_die(
					&bench,
					"%s: byte %u of range %u is mapped to 0x%llx, not 0x%llx",
					run->e->name, at, i,
					(unsigned long long)got,
					(unsigned long long)want);
			n = io->ranges[i].len - at;
			if (n > iod->ranges[j].len - done)
				n = iod->ranges[j].len - done;
			done += n;
			if (done == iod->ranges[j].len) {
				done = 0;
				j++;
			}
		}
	if (j != iod->nr_ranges)
		bench_die(&bench, "%s: %u ranges too many", run->e->name,
			  iod->nr_ranges - j);
}

static void map_by_iter(struct runner *run, struct physbio_stage_io *io,
			const struct pb_device *dev, struct pb_nvme_iod *iod)
{
	const struct physbio_repr *repr = run->repr;
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	bool more =
		repr->blk_rq_dma_map_iter_start(&io->rq, dev, &state, &iter);

	for (iod->nr_ranges = 0; more; iod->nr_ranges++) {
		if (iod->nr_ranges == iod->max_ranges)
			bench_die(&bench, "%s: more than %u ranges",
				  run->e->name, iod->max_ranges);
		iod->ranges[iod->nr_ranges].addr = iter.addr;
		iod->ranges[iod->nr_ranges].len = iter.len;
		more = repr->blk_rq_dma_map_iter_next(&io->rq, dev, &iter);
	}
}

static void verify_io(struct runner *run, struct physbio_stage_io *io)
{
	static const struct physbio_xlate_ops ops = {
		.unmap_phys = nothing_to_undo,
	};
	const struct physbio_xlate xlate = { .ops = &ops };
	const struct pb_device dev = { .xlate = &xlate,
				       .dma_mask = UINT64_MAX };
	struct pb_nvme_iod iod = run->ctx.iod;
	uint64_t len = sum_len(io->ranges, run->ctx.nr_ranges);

	if (io->bio.bi_iter.bi_size != len)
		bench_die(&bench, "%s: a bio of %u bytes, not %llu",
			  run->e->name, io->bio.bi_iter.bi_size,
			  (unsigned long long)len);
	if (io->nr_segs < 1 || io->nr_segs > run->ctx.nr_ranges)
		bench_die(&bench, "%s: %u segments", run->e->name, io->nr_segs);
	map_by_iter(run, io, &dev, &iod);
	verify_ranges(run, io, &iod);
	if (!shape_is_for_nvme(run->shape))
		return;
	if (run->repr->nvme_map_data(&io->rq, &dev, &iod))
		bench_die(&bench, "%s: a request can't be mapped",
			  run->e->name);
	verify_ranges(run, io, &iod);
}

static void verify_merge(struct runner *run)
{
	struct physbio_stage_ctx *ctx = &run->ctx;
	unsigned int i;

	run->stages->merge(ctx);
	for (i = 0; i < ctx->nr_ios; i++)
		if (ctx->ios[i].rq.biotail != &ctx->ios[i].next)
			bench_die(&bench, "%s: a bio was not merged",
				  run->e->name);
}

static void verify_pages(const struct runner *run)
{
	const struct physbio_stage_range *r = run->r;
	size_t i, n = nr_run(run);

	for (i = 0; i < n; i++) {
		if (physbio_mem_pinned(mem, r[i].paddr, r[i].len))
			bench_die(&bench, "%s: a page is still pinned",
				  run->e->name);
		if (!(pb_compound_head(r[i].page)->flags & PB_PG_dirty))
			bench_die(&bench, "%s: a page is not dirty",
				  run->e->name);
	}
}

/* Of the list that belongs to a data pointer, in bytes: none where it says all itself. */
static uint32_t list_size(const struct pb_nvme_iod *iod)
{
	uint32_t pages = (iod->len + PAGE - 1) / PAGE, size = 0;

	if (iod->use_sgl && iod->nr_ranges > 1)
		size = iod->nr_ranges *
		       (uint32_t)sizeof(struct pb_nvme_sgl_desc);
	else if (!iod->use_sgl && pages > 2)
		size = (pages - 1) * (uint32_t)sizeof(uint64_t);
	return size < PAGE ? size : PAGE;
}

/* As it is described when nothing else is done: that its ranges are right was verified. */
static void verify_described(struct runner *run, unsigned int i,
			     const struct pb_nvme_iod *iod)
{
	struct physbio_stage_io *io = &run->ctx.ios[i];
	struct pb_nvme_iod want = { .len = 0 };

	iod_up(&want, run->shape->ranges);
	if (run->repr->nvme_map_data(&io->rq, &run->dev, &want) ||
	    want.len != sum_len(io->ranges, run->ctx.nr_ranges) ||
	    iod->len != want.len || iod->use_sgl != want.use_sgl ||
	    memcmp(&iod->dptr, &want.dptr, sizeof(want.dptr)) ||
	    memcmp(iod->lists[0].virt, want.lists[0].virt, list_size(&want)))
		bench_die(&bench, "%s: I/O %u is described wrongly",
			  run->e->name, i);
	iod_down(&want);
}

static void verify_in_flight(struct runner *run)
{
	struct physbio_stage_ctx *ctx = &run->ctx;
	unsigned int i;

	clean_all(run);
	run->stages->in_flight(ctx);
	verify_pages(run);
	for (i = 0; i < ctx->nr_ios; i++)
		verify_described(run, i, &ctx->iods[i]);
}

/* What it wrote for the last I/O is there still. */
static void verify_whole(struct runner *run)
{
	struct pb_nvme_iod *iod = &run->ctx.iod;

	set_stage(run, WHOLE);
	clean_all(run);
	memset(&iod->dptr, 0, sizeof(iod->dptr));
	iod->len = 0;
	run->stages->whole(&run->ctx);
	verify_pages(run);
	verify_described(run, run->ctx.nr_ios - 1, iod);
}

static void verify_stages(struct runner *run)
{
	struct physbio_stage_ctx *ctx = &run->ctx;
	unsigned int i;

	run->stages->add(ctx);
	run->stages->split(ctx);
	run->stages->prep(ctx);
	for (i = 0; i < ctx->nr_ios; i++)
		verify_io(run, &ctx->ios[i]);
	if (shape_has_stage(run->shape, MERGE))
		verify_merge(run);
	if (!run->stages->complete)
		return;
	ready_pinned(run);
	run->stages->complete(ctx);
	verify_pages(run);
}

void runner_verify(struct runner *run)
{
	verify_stages(run);
	if (!run->stages->complete)
		return;
	if (shape_has_stage(run->shape, WHOLE))
		verify_whole(run);
	if (run->shape->kind == HOT)
		verify_in_flight(run);
}
