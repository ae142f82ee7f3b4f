// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One contestant at one shape: the I/Os, what it needs to carry them, and each of its stages
 * with what comes before it. What is timed, and whether it is right, others know.
 */
#include <stdlib.h>

#include "driver.h"
#include "e2e.h"

const struct entrant entrants[NR_ENTRANTS] = {
	{ "page", NULL, &page_physbio_repr, &page_physbio_stages,
	  &pagecnt_physbio_repr, &pagecnt_physbio_stages, true },
	{ "phys", NULL, &phys_physbio_repr, &phys_physbio_stages,
	  &physcnt_physbio_repr, &physcnt_physbio_stages, false },
	{ "page, SPARSEMEM", NULL, &sparse_physbio_repr, &sparse_physbio_stages,
	  &sparsecnt_physbio_repr, &sparsecnt_physbio_stages, true },
	{ "phys12", "phys", &phys12_physbio_repr, &phys12_physbio_stages, NULL,
	  NULL, false },
	{ "phyr", "phys", &phyr_physbio_repr, &phyr_physbio_stages, NULL, NULL,
	  false },
	{ "phys31", "phys", &phys31_physbio_repr, &phys31_physbio_stages, NULL,
	  NULL, false },
	{ "phys, page given", NULL, &phys_physbio_repr, &phys_physbio_stages,
	  &physcnt_physbio_repr, &physcnt_physbio_stages, true },
	{ "phys, page kept", NULL, &phys_physbio_repr, &phys_physbio_stages,
	  &physcnt_physbio_repr, &physcnt_physbio_stages, true, true },
	/* the same code, linked a second time: what noise looks like */
	{ "phys again", "phys", &physb_physbio_repr, &physb_physbio_stages,
	  NULL, NULL, false },
	{ "phys, SPARSEMEM", "page, SPARSEMEM", &physsparse_physbio_repr,
	  &physsparse_physbio_stages, &physsparsecnt_physbio_repr,
	  &physsparsecnt_physbio_stages, false },
	{ "dma", NULL, &dma_physbio_repr, &dma_physbio_stages,
	  &dmacnt_physbio_repr, &dmacnt_physbio_stages, false },
};

/* An NVMe disk's, so wide that nothing of these shapes is cut or refused. */
const struct pb_queue_limits limits = {
	.max_hw_sectors = 512 * MIB >> PB_SECTOR_SHIFT,
	.max_user_sectors = 512 * MIB >> PB_SECTOR_SHIFT,
	.max_segments = UINT16_MAX,
	.max_segment_size = UINT32_MAX,
	.dma_alignment = 3,
};

void iod_up(struct pb_nvme_iod *iod, unsigned int max_ranges)
{
	iod->lists = bench_alloc(&bench, PB_NVME_MAX_LIST_PAGES,
				 sizeof(*iod->lists));
	bench_lists_up(&bench, iod->lists);
	iod->ranges = bench_alloc(&bench, max_ranges, sizeof(*iod->ranges));
	iod->max_ranges = max_ranges;
	iod->sgl_supported = true;
	iod->sgl_threshold = 32 * KIB; /* the NVMe driver's default */
}

void iod_down(struct pb_nvme_iod *iod)
{
	bench_lists_down(iod->lists);
	free(iod->lists);
	free(iod->ranges);
}

/* Bytes of an entry of a table: of the widest vector, and of a page that is kept. */
static size_t widest_entry(void)
{
	size_t widest = 0;
	int i;

	for (i = 0; i < NR_ENTRANTS; i++)
		if (entrants[i].repr->bvec_size > widest)
			widest = entrants[i].repr->bvec_size;
	return widest + sizeof(struct pb_page *);
}

/*
 * The I/Os of a shape. All contestants have them in turn: where memory comes to lie, in
 * sets of a cache and in page tables, would else make twins differ by a third.
 */
void ios_up(struct physbio_stage_ctx *ctx, const struct shape *shape,
	    const struct physbio_stage_range *r)
{
	unsigned int i;

	*ctx = (struct physbio_stage_ctx){
		.nr_ios = shape_nr_bios(shape),
		.nr_ranges = shape->ranges,
		.max_vecs = (unsigned short)shape->ranges,
		.times = shape->times,
	};
	ctx->ios = bench_alloc(&bench, ctx->nr_ios, sizeof(ctx->ios[0]));
	for (i = 0; i < ctx->nr_ios; i++) {
		ctx->ios[i].table =
			bench_alloc(&bench, shape->ranges, widest_entry());
		ctx->ios[i].ranges = r + (size_t)i * shape->ranges;
	}
	iod_up(&ctx->iod, shape->ranges);
	if (shape->kind != HOT)
		return;
	ctx->iods = bench_alloc(&bench, ctx->nr_ios, sizeof(ctx->iods[0]));
	for (i = 0; i < ctx->nr_ios; i++)
		iod_up(&ctx->iods[i], shape->ranges);
}

void ios_down(struct physbio_stage_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < ctx->nr_ios; i++) {
		free(ctx->ios[i].table);
		if (ctx->iods)
			iod_down(&ctx->iods[i]);
	}
	iod_down(&ctx->iod);
	free(ctx->iods);
	free(ctx->ios);
}

void runner_up(struct runner *run, const struct entrant *e,
	       const struct shape *shape, const struct physbio_stage_ctx *ios,
	       const struct physbio_repr *repr, const struct physbio_stages *of)
{
	struct physbio_stage_ctx *ctx = &run->ctx;

	*run = (struct runner){
		.e = e,
		.shape = shape,
		.r = ios->ios[0].ranges,
		.repr = repr,
		.stages = of,
		.ctx = *ios,
	};
	run->repr->xlate_init_identity(&run->xlate);
	run->dev.xlate = &run->xlate;
	run->dev.dma_mask = UINT64_MAX;
	ctx->q = bench_queue(&bench, run->repr, NULL, &limits, NULL);
	ctx->lim = pb_queue_limits(ctx->q);
	run->bdev.bd_queue = ctx->q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	ctx->bdev = &run->bdev;
	ctx->dev = &run->dev;
	ctx->page_given = run->e->page_given;
	ctx->keep_pages = run->e->page_kept;
}

void runner_down(struct runner *run)
{
	run->repr->blk_mq_destroy_queue(run->ctx.q);
}

/* Only some I/Os may be timed: others are allocated for other stages. */
void set_stage(struct runner *run, enum stage s)
{
	run->stage = s;
	run->times = shape_nr_times(run->shape, s);
	run->ctx.nr_ios = shape_nr_ios(run->shape, s) * run->shape->bios;
}

size_t nr_run(const struct runner *run)
{
	return (size_t)run->ctx.nr_ios * run->ctx.nr_ranges;
}

void clean_all(const struct runner *run)
{
	size_t i, n = nr_run(run);

	for (i = 0; i < n; i++)
		pb_compound_head(run->r[i].page)->flags &=
			~(unsigned long)PB_PG_dirty;
}

/* --- a stage, and what comes before it --- */

static void run_add(void *arg)
{
	struct runner *run = arg;
	unsigned int n;

	for (n = 0; n < run->times; n++)
		run->stages->add(&run->ctx);
}

static void run_split(void *arg)
{
	struct runner *run = arg;
	unsigned int n;

	for (n = 0; n < run->times; n++)
		run->stages->split(&run->ctx);
}

static void run_merge(void *arg)
{
	struct runner *run = arg;

	run->stages->merge(&run->ctx);
}

static void run_map(void *arg)
{
	struct runner *run = arg;
	unsigned int n;

	for (n = 0; n < run->times; n++)
		run->stages->map(&run->ctx);
}

static void run_map_iter(void *arg)
{
	struct runner *run = arg;

	run->stages->map_iter(&run->ctx);
}

static void run_complete(void *arg)
{
	struct runner *run = arg;

	run->stages->complete(&run->ctx);
}

static void run_whole(void *arg)
{
	struct runner *run = arg;

	run->stages->whole(&run->ctx);
}

static void run_in_flight(void *arg)
{
	struct runner *run = arg;

	run->stages->in_flight(&run->ctx);
}

static void ready_bio(void *arg)
{
	struct runner *run = arg;

	run->stages->add(&run->ctx);
}

static void ready_request(void *arg)
{
	struct runner *run = arg;

	run->stages->add(&run->ctx);
	run->stages->split(&run->ctx);
	run->stages->prep(&run->ctx);
}

static void ready_clean(void *arg)
{
	struct runner *run = arg;

	run->stages->add(&run->ctx);
	clean_all(run);
}

/* As after a read was sent. */
void ready_pinned(void *arg)
{
	struct runner *run = arg;

	ready_clean(run);
	run->stages->pin(&run->ctx);
}

/* They share ranges and page structs, and others ran since it had its turn. */
static void ready_in_flight(void *arg)
{
	struct runner *run = arg;
	unsigned int times = run->ctx.times;

	run->ctx.times = 1;
	run->stages->in_flight(&run->ctx);
	run->ctx.times = times;
}

const struct stage_fns stages[NR_STAGES] = {
	[ADD] = { ready_bio, run_add }, /* as warm as the others */
	[SPLIT] = { ready_bio, run_split },
	[MERGE] = { ready_request, run_merge },
	[MAP] = { ready_request, run_map },
	[MAP_ITER] = { ready_request, run_map_iter },
	[COMPLETE] = { ready_pinned, run_complete },
	[WHOLE] = { ready_clean, run_whole },
	[IN_FLIGHT] = { ready_in_flight, run_in_flight },
};

/* What pinning reads: it comes just before these stages. */
void touch_pages(const struct runner *run)
{
	const volatile struct pb_page *head;
	size_t i, n = nr_run(run);

	for (i = 0; i < n; i++) {
		head = pb_compound_head(run->r[i].page);
		head->flags;
	}
}

/* The dma representation has no page to come back to. */
bool can_run(const struct entrant *e, enum stage s)
{
	return e->stages->complete || s < COMPLETE;
}
