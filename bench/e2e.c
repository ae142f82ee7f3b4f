// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The whole way of an I/O, stage by stage: today's page vectors against physical ones,
 * in one process, in turn, on memory whose physical addresses are the machine's own.
 * Every I/O is verified first, in a pass of its own; counts come from counting builds of
 * the same sources, times from builds without. No data are copied in a timed stage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/buffer.h>

#include "../src/repr/ops.h"
#include "../src/repr/stages.h"
#include "harness.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define PAGE 4096u
#define HUGE 512u /* pages of a huge one */

static struct bench bench = {
	.name = "e2e",
	.title =
		"the way of an I/O, stage by stage: page vectors against physical ones",
	.rounds = 150,
};

/* --- what is compared --- */

static const struct entrant {
	const char *name;
	const char *base;
	const struct physbio_repr *repr;
	const struct physbio_stages *stages;
	const struct physbio_repr *count_repr; /* NULL: counts as another does */
	const struct physbio_stages *count_stages;
	bool page_given;
} entrants[] = {
	{ "page", NULL, &page_physbio_repr, &page_physbio_stages,
	  &pagecnt_physbio_repr, &pagecnt_physbio_stages, true },
	{ "phys", NULL, &phys_physbio_repr, &phys_physbio_stages,
	  &physcnt_physbio_repr, &physcnt_physbio_stages, false },
	{ "page, SPARSEMEM", NULL, &sparse_physbio_repr, &sparse_physbio_stages,
	  &sparsecnt_physbio_repr, &sparsecnt_physbio_stages, true },
	{ "phys12", NULL, &phys12_physbio_repr, &phys12_physbio_stages, NULL,
	  NULL, false },
	{ "phyr", NULL, &phyr_physbio_repr, &phyr_physbio_stages, NULL, NULL,
	  false },
	{ "phys, page given", NULL, &phys_physbio_repr, &phys_physbio_stages,
	  &physcnt_physbio_repr, &physcnt_physbio_stages, true },
	/* the same code, linked a second time: what noise looks like */
	{ "phys again", "phys", &physb_physbio_repr, &physb_physbio_stages,
	  NULL, NULL, false },
	{ "phys, SPARSEMEM", "page, SPARSEMEM", &physsparse_physbio_repr,
	  &physsparse_physbio_stages, &physsparsecnt_physbio_repr,
	  &physsparsecnt_physbio_stages, false },
	{ "dma", NULL, &dma_physbio_repr, &dma_physbio_stages,
	  &dmacnt_physbio_repr, &dmacnt_physbio_stages, false },
};

#define NR_ENTRANTS ((int)(sizeof(entrants) / sizeof(entrants[0])))

enum stage {
	ADD,
	SPLIT,
	MERGE,
	MAP,
	MAP_ITER, /* range by range, as a driver of another device does */
	COMPLETE,
	WHOLE,
	IN_FLIGHT, /* the whole way, of all I/Os at once */
	NR_STAGES
};

static const char *const stage_names[NR_STAGES] = {
	[ADD] = "add",	   [SPLIT] = "split",	    [MERGE] = "merge",
	[MAP] = "map",	   [MAP_ITER] = "map iter", [COMPLETE] = "complete",
	[WHOLE] = "whole", [IN_FLIGHT] = "whole",
};

/* What is asked of a shape. */
enum kind {
	EACH_STAGE,
	HOT, /* the same I/Os go their way again and again, all in flight */
	COLD, /* nothing of them is in a cache */
	PER_SEGMENT, /* what a segment costs, in a bio of many */
	NR_KINDS
};

static const unsigned int stages_of[NR_KINDS] = {
	[EACH_STAGE] = 1u << ADD | 1u << SPLIT | 1u << MERGE | 1u << MAP |
		       1u << COMPLETE | 1u << WHOLE,
	[HOT] = 1u << IN_FLIGHT,
	[PER_SEGMENT] = 1u << ADD | 1u << SPLIT | 1u << MAP | 1u << MAP_ITER |
			1u << COMPLETE | 1u << WHOLE,
	[COLD] = 1u << ADD | 1u << MAP | 1u << COMPLETE | 1u << WHOLE,
};

enum buffer_use {
	SMALL,
	HUGE_PAGES,
	HUGETLB_PAGES,
	FRAGMENTED, /* pages that a process gets in what others have left */
	LARGE, /* 1 GiB of huge pages */
	NR_BUFFERS
};

enum layout {
	CONTIGUOUS,
	SCATTERED, /* no two ranges of an I/O touch */
	HALF, /* every other range continues the one before */
	AS_IT_IS, /* page after page of the buffer, wherever it lies */
	RECORDED, /* as pages lay under a recorded kernel, the same on every machine */
};

static const struct shape {
	const char *name;
	enum buffer_use buffer;
	enum layout layout;
	unsigned int ranges; /* of each bio */
	unsigned int range_len; /* bytes each range has */
	unsigned int
		bios; /* of each I/O: what an entry or a request can't hold */
	unsigned int ios; /* in a sample */
	/* the same of stages that can't be repeated; 0: as many */
	unsigned int once_ios;

	enum kind kind;
	/* of a variant */
	const char *suffix;
	unsigned int times;
} shapes[] = {
	{ "512 B", SMALL, SCATTERED, 1, 512, 1, 256, 512 },
	{ "4 KiB, 1 page", SMALL, SCATTERED, 1, PAGE, 1, 256, 512 },
	{ "16 KiB contiguous", HUGE_PAGES, CONTIGUOUS, 4, PAGE, 1, 128, 256 },
	{ "16 KiB scattered", SMALL, SCATTERED, 4, PAGE, 1, 128, 256 },
	{ "64 KiB contiguous", HUGE_PAGES, CONTIGUOUS, 16, PAGE, 1, 64, 256 },
	{ "64 KiB scattered", SMALL, SCATTERED, 16, PAGE, 1, 64, 256 },
	{ "128 KiB contiguous", HUGE_PAGES, CONTIGUOUS, 32, PAGE, 1, 32, 256 },
	{ "128 KiB scattered", SMALL, SCATTERED, 32, PAGE, 1, 32, 192 },
	{ "128 KiB half", HUGE_PAGES, HALF, 32, PAGE, 1, 32, 256 },
	{ "128 KiB fragmented", FRAGMENTED, AS_IT_IS, 32, PAGE, 1, 32, 192 },
	{ "1 MiB THP", HUGE_PAGES, CONTIGUOUS, 1, MIB, 1, 64, 256 },
	{ "1 MiB hugetlb", HUGETLB_PAGES, CONTIGUOUS, 1, MIB, 1, 64, 256 },
	{ "1 MiB contiguous", HUGE_PAGES, CONTIGUOUS, 256, PAGE, 1, 8, 160 },
	{ "1 MiB scattered", SMALL, SCATTERED, 256, PAGE, 1, 8, 32 },
	{ "1 MiB half", HUGE_PAGES, HALF, 256, PAGE, 1, 8, 96 },
	{ "1 MiB fragmented", FRAGMENTED, AS_IT_IS, 256, PAGE, 1, 8, 32 },
	{ "1 MiB recorded", HUGE_PAGES, RECORDED, 256, PAGE, 1, 8, 96 },
	{ "2 MiB THP", LARGE, CONTIGUOUS, 1, 2 * MIB, 1, 32, 256 },
	{ "2 MiB contiguous", LARGE, CONTIGUOUS, 512, PAGE, 1, 4, 160 },
	{ "2 MiB scattered", SMALL, SCATTERED, 256, PAGE, 2, 4, 24 },
	{ "16 MiB THP", LARGE, CONTIGUOUS, 4, 2 * MIB, 2, 8, 64 },
	{ "16 MiB scattered", SMALL, SCATTERED, 256, PAGE, 16, 1, 2 },
	{ "1 GiB THP", LARGE, CONTIGUOUS, 4, 2 * MIB, 128, 1, 1 },
	/*
	 * Up to what an NVMe command can have, and what a bio can. Page structs of 4096
	 * segments are in a cache, as they are when pages were just pinned.
	 */
	{ "64", SMALL, SCATTERED, 64, PAGE, 1, 64, 0, PER_SEGMENT },
	{ "128", SMALL, SCATTERED, 128, PAGE, 1, 32, 0, PER_SEGMENT },
	{ "256", SMALL, SCATTERED, 256, PAGE, 1, 16, 0, PER_SEGMENT },
	{ "2048", SMALL, SCATTERED, 2048, PAGE, 1, 2, 0, PER_SEGMENT },
	{ "65535", SMALL, SCATTERED, UINT16_MAX, PAGE, 1, 1, 0, PER_SEGMENT },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

/* Other things that are asked of some of them. */
static const struct variant {
	const char *of;
	const char *suffix; /* of the name */
	enum kind kind;
	unsigned int ios; /* HOT: that are in flight */
	unsigned int times; /* HOT: that they go their way, in a sample */
} variants[] = {
	{ "4 KiB, 1 page", ", depth 1", HOT, 1, 512 },
	{ "4 KiB, 1 page", ", depth 64", HOT, 64, 8 },
	{ "16 KiB contiguous", ", depth 1", HOT, 1, 256 },
	{ "16 KiB contiguous", ", depth 64", HOT, 64, 4 },
	{ "16 KiB scattered", ", depth 1", HOT, 1, 256 },
	{ "16 KiB scattered", ", depth 64", HOT, 64, 4 },
	{ "64 KiB contiguous", ", depth 1", HOT, 1, 128 },
	{ "64 KiB contiguous", ", depth 64", HOT, 64, 2 },
	{ "64 KiB scattered", ", depth 1", HOT, 1, 64 },
	{ "64 KiB scattered", ", depth 64", HOT, 64, 1 },
	{ "128 KiB contiguous", ", depth 1", HOT, 1, 64 },
	{ "128 KiB contiguous", ", depth 64", HOT, 64, 1 },
	{ "128 KiB scattered", ", depth 1", HOT, 1, 32 },
	{ "128 KiB scattered", ", depth 64", HOT, 64, 1 },
	{ "1 MiB THP", ", depth 1", HOT, 1, 512 },
	{ "1 MiB THP", ", depth 64", HOT, 64, 8 },
	{ "1 MiB contiguous", ", depth 1", HOT, 1, 16 },
	{ "1 MiB contiguous", ", depth 64", HOT, 64, 1 },
	{ "1 MiB scattered", ", depth 1", HOT, 1, 8 },
	{ "1 MiB scattered", ", depth 64", HOT, 64, 1 },
	{ "2 MiB THP", ", depth 1", HOT, 1, 512 },
	{ "2 MiB THP", ", depth 64", HOT, 64, 8 },
	{ "2 MiB contiguous", ", depth 1", HOT, 1, 8 },
	{ "2 MiB contiguous", ", depth 64", HOT, 64, 1 },
	{ "2 MiB scattered", ", depth 1", HOT, 1, 4 },
	{ "2 MiB scattered", ", depth 64", HOT, 64, 1 },
	{ "4 KiB, 1 page", ", cold", COLD, 256, 1 },
	{ "128 KiB scattered", ", cold", COLD, 32, 1 },
	{ "1 MiB THP", ", cold", COLD, 128, 1 },
};

#define NR_VARIANTS ((int)(sizeof(variants) / sizeof(variants[0])))

static struct shape shape_at(int i)
{
	const struct variant *v = &variants[i - NR_SHAPES];
	struct shape shape;

	if (i < NR_SHAPES)
		return shapes[i];
	for (i = 0; strcmp(shapes[i].name, v->of); i++)
		;
	shape = shapes[i];
	shape.suffix = v->suffix;
	shape.kind = v->kind;
	shape.ios = v->ios;
	shape.once_ios = 0;
	shape.times = v->times;
	return shape;
}

/* A bio is merged or completed once; the other stages find it as it was. */
static unsigned int nr_ios(const struct shape *shape, enum stage s)
{
	if ((s == MERGE || s == COMPLETE) && shape->once_ios)
		return shape->once_ios;
	return shape->ios;
}

/* Of all I/Os that a stage has. */
static unsigned int nr_bios(const struct shape *shape)
{
	unsigned int ios = shape->ios > shape->once_ios ? shape->ios :
							  shape->once_ios;

	return ios * shape->bios;
}

static size_t nr_ranges(const struct shape *shape)
{
	return (size_t)nr_bios(shape) * shape->ranges;
}

/* What a stage goes through: contiguous ranges are one entry when they were added. */
static unsigned int nr_steps(const struct shape *shape, enum stage s)
{
	bool one_entry = s != ADD && shape->layout == CONTIGUOUS;

	return shape->ios * shape->bios * (one_entry ? 1 : shape->ranges);
}

/* Of a sample at least: the clock's own time is lost in that of so many. */
#define STEPS 4096u

/* How often an I/O goes its way in a sample, or through a stage. */
static unsigned int nr_times(const struct shape *shape, enum stage s)
{
	if (shape->kind == HOT)
		return shape->times;
	if (shape->kind == EACH_STAGE && (s == ADD || s == SPLIT || s == MAP))
		return 1 + STEPS / nr_steps(shape, s);
	return 1;
}

/* What a time is for. */
static unsigned int nr_units(const struct shape *shape, enum stage s)
{
	unsigned int n = nr_ios(shape, s) * nr_times(shape, s);

	return shape->kind == PER_SEGMENT ? n * shape->ranges : n;
}

/* Can an NVMe command describe a bio of it? */
static bool is_for_nvme(const struct shape *shape)
{
	return (uint64_t)shape->ranges * shape->range_len <= PB_NVME_MAX_BYTES;
}

static bool has_stage(const struct shape *shape, enum stage s)
{
	if ((s == MAP || s == WHOLE) && !is_for_nvme(shape))
		return false;
	return stages_of[shape->kind] & 1u << s;
}

/* Fewer of those that take long, a cold one because of what comes before it. */
static int nr_rounds(const struct shape *shape)
{
	bool is_long = (size_t)shape->ios * shape->bios * shape->ranges *
			       nr_times(shape, WHOLE) >
		       4096;

	if (shape->kind == COLD)
		return (bench.rounds + 9) / 10;
	if (is_long)
		return (bench.rounds + 4) / 5;
	return bench.rounds;
}

static void case_name(char name[80], const struct shape *shape, enum stage s)
{
	if (shape->kind == PER_SEGMENT)
		snprintf(name, 80, "%s, per segment of %s", stage_names[s],
			 shape->name);
	else
		snprintf(name, 80, "%s%s: %s", shape->name,
			 shape->suffix ? shape->suffix : "", stage_names[s]);
}

/* --- caches --- */

/* What is read so that nothing else is in a cache. */
static struct {
	const volatile char *bytes;
	size_t size;
} sweep;

static void sweep_up(void)
{
	sweep.size = bench_cold_size(&bench);
	sweep.bytes = bench_alloc(&bench, sweep.size, 1);
}

static void sweep_caches(void)
{
	size_t at;

	for (at = 0; at < sweep.size; at += 64)
		sweep.bytes[at];
}

/* --- memory --- */

static struct physbio_buffer *buffers[NR_BUFFERS];
static struct physbio_snapshot snapshot;
static struct physbio_mem *mem;
static char missing[NR_BUFFERS][256]; /* why there is no such buffer */

/* The first one is there always: it says where addresses come from. */
static bool is_used(enum buffer_use use)
{
	struct shape shape;
	char name[80];
	int i, s;

	for (i = 0; i < NR_SHAPES + NR_VARIANTS; i++) {
		shape = shape_at(i);
		for (s = 0; s < NR_STAGES; s++) {
			case_name(name, &shape, s);
			if (shape.buffer == use && has_stage(&shape, s) &&
			    bench_runs(&bench, name))
				return true;
		}
	}
	return use == SMALL;
}

static void alloc_buffer(enum buffer_use use, enum physbio_buffer_kind kind,
			 size_t size)
{
	struct physbio_error error;

	if (!is_used(use))
		return;
	if (physbio_buffer_alloc(kind, size, bench.node, &buffers[use], &error))
		snprintf(missing[use], sizeof(missing[use]), "%s",
			 error.message);
}

/* A buffer that is taken out of what is free between pages of others. */
static void alloc_fragmented(void)
{
	void *hog;

	if (!is_used(FRAGMENTED))
		return;
	hog = bench_fragment(&bench);
	alloc_buffer(FRAGMENTED, PHYSBIO_BUFFER_PAGES, 32 * MIB);
	bench_unfragment(hog);
}

static void want_huge(enum buffer_use use)
{
	if (buffers[use] && !buffers[use]->huge)
		snprintf(missing[use], sizeof(missing[use]),
			 "the kernel gave no transparent huge pages");
}

/* For both memory models of the page vectors, which are timed on the same pages. */
static void map_memory(struct physbio_buffer *const *have, unsigned int n)
{
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(vmemmap) |
			  PHYSBIO_MEMMODEL_BIT(sparsemem_extreme),
	};
	struct physbio_mem_range *ranges;
	struct physbio_error error = { .message = "no memory" };
	int nr = physbio_snapshot_ranges(have, n, &ranges);

	if (nr < 0 ||
	    physbio_mem_create_for(ranges, (unsigned int)nr, &options, &mem,
				   &error) ||
	    physbio_snapshot_attach(have, n, mem))
		bench_die(&bench, "memory: %s", error.message);
	free(ranges);
}

static void set_up_memory(void)
{
	struct physbio_buffer *have[NR_BUFFERS];
	struct physbio_error error;
	unsigned int n = 0;
	int i;

	alloc_buffer(SMALL, PHYSBIO_BUFFER_PAGES, 256 * MIB);
	alloc_buffer(HUGE_PAGES, PHYSBIO_BUFFER_THP, 256 * MIB);
	alloc_buffer(HUGETLB_PAGES, PHYSBIO_BUFFER_HUGETLB, 256 * MIB);
	alloc_buffer(LARGE, PHYSBIO_BUFFER_THP, 1024 * (size_t)MIB);
	alloc_fragmented();
	for (i = 0; i < NR_BUFFERS; i++)
		if (buffers[i])
			have[n++] = buffers[i];
	if (physbio_snapshot_take(have, n, 1, &snapshot, &error))
		bench_die(&bench, "memory: %s", error.message);
	map_memory(have, n);
	want_huge(HUGE_PAGES);
	want_huge(LARGE);
}

static void tear_down_memory(void)
{
	int i;

	free((void *)sweep.bytes);
	physbio_mem_destroy(mem);
	for (i = 0; i < NR_BUFFERS; i++)
		physbio_buffer_free(buffers[i]);
}

/* --- one contestant at one shape --- */

#define LIST_BUS 0x1000000u

struct runner {
	const struct entrant *e;
	const struct shape *shape;
	enum stage stage; /* that is timed */
	unsigned int times; /* that it is run in a sample */
	const struct physbio_stage_range *r;
	const struct physbio_repr *repr; /* timed or counting */
	const struct physbio_stages *stages;
	struct physbio_stage_ctx ctx;
	struct pb_block_device bdev;
	struct physbio_xlate xlate;
	struct pb_device dev;
};

static pb_blk_status_t no_driver(struct pb_blk_mq_hw_ctx *hctx,
				 const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_IOERR;
}

/* An NVMe disk's, so wide that nothing of these shapes is cut or refused. */
static const struct pb_queue_limits limits = {
	.max_hw_sectors = 512 * MIB >> PB_SECTOR_SHIFT,
	.max_user_sectors = 512 * MIB >> PB_SECTOR_SHIFT,
	.max_segments = UINT16_MAX,
	.max_segment_size = UINT32_MAX,
	.dma_alignment = 3,
};

static void iod_up(struct pb_nvme_iod *iod, unsigned int max_ranges)
{
	unsigned int i;

	iod->lists = bench_alloc(&bench, PB_NVME_MAX_LIST_PAGES,
				 sizeof(*iod->lists));
	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++) {
		iod->lists[i].virt =
			bench_alloc(&bench, 1, PB_NVME_CTRL_PAGE_SIZE);
		iod->lists[i].dma =
			physbio_dma_make(LIST_BUS + i * PB_NVME_CTRL_PAGE_SIZE);
	}
	iod->ranges = bench_alloc(&bench, max_ranges, sizeof(*iod->ranges));
	iod->max_ranges = max_ranges;
	iod->sgl_supported = true;
	iod->sgl_threshold = 32 * KIB; /* the NVMe driver's default */
}

static void iod_down(struct pb_nvme_iod *iod)
{
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		free(iod->lists[i].virt);
	free(iod->lists);
	free(iod->ranges);
}

static size_t widest_vec(void)
{
	size_t widest = 0;
	int i;

	for (i = 0; i < NR_ENTRANTS; i++)
		if (entrants[i].repr->bvec_size > widest)
			widest = entrants[i].repr->bvec_size;
	return widest;
}

/*
 * The I/Os of a shape. All contestants have them in turn: where memory comes to lie, in
 * sets of a cache and in page tables, would else make twins differ by a third.
 */
static void ios_up(struct physbio_stage_ctx *ctx, const struct shape *shape,
		   const struct physbio_stage_range *r)
{
	unsigned int i;

	*ctx = (struct physbio_stage_ctx){
		.nr_ios = nr_bios(shape),
		.nr_ranges = shape->ranges,
		.max_vecs = (unsigned short)shape->ranges,
		.times = shape->times,
	};
	ctx->ios = bench_alloc(&bench, ctx->nr_ios, sizeof(ctx->ios[0]));
	for (i = 0; i < ctx->nr_ios; i++) {
		ctx->ios[i].table =
			bench_alloc(&bench, shape->ranges, widest_vec());
		ctx->ios[i].ranges = r + (size_t)i * shape->ranges;
	}
	iod_up(&ctx->iod, shape->ranges);
	if (shape->kind != HOT)
		return;
	ctx->iods = bench_alloc(&bench, ctx->nr_ios, sizeof(ctx->iods[0]));
	for (i = 0; i < ctx->nr_ios; i++)
		iod_up(&ctx->iods[i], shape->ranges);
}

static void ios_down(struct physbio_stage_ctx *ctx)
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

static void runner_up(struct runner *run, const struct entrant *e,
		      const struct shape *shape,
		      const struct physbio_stage_ctx *ios,
		      const struct physbio_repr *repr,
		      const struct physbio_stages *of)
{
	static const struct pb_blk_mq_ops ops = { .queue_rq = no_driver };
	static struct pb_blk_mq_tag_set set = { .ops = &ops, .queue_depth = 1 };
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
	ctx->q = run->repr->blk_mq_alloc_queue(&set, &limits, NULL);
	if ((uintptr_t)ctx->q >= (uintptr_t)-4095)
		bench_die(&bench, "no queue: %s",
			  strerror(-(int)(intptr_t)ctx->q));
	ctx->lim = pb_queue_limits(ctx->q);
	run->bdev.bd_queue = ctx->q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	ctx->bdev = &run->bdev;
	ctx->dev = &run->dev;
	ctx->page_given = run->e->page_given;
}

static void runner_down(struct runner *run)
{
	run->repr->blk_mq_destroy_queue(run->ctx.q);
}

/* Only some I/Os may be timed: others are allocated for other stages. */
static void set_stage(struct runner *run, enum stage s)
{
	run->stage = s;
	run->times = nr_times(run->shape, s);
	run->ctx.nr_ios = nr_ios(run->shape, s) * run->shape->bios;
}

static size_t nr_run(const struct runner *run)
{
	return (size_t)run->ctx.nr_ios * run->ctx.nr_ranges;
}

static void clean_all(const struct runner *run)
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
static void ready_pinned(void *arg)
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

static const struct {
	void (*ready)(void *arg);
	void (*run)(void *arg);
} stages[NR_STAGES] = {
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
static void touch_pages(const struct runner *run)
{
	const volatile struct pb_page *head;
	size_t i, n = nr_run(run);

	for (i = 0; i < n; i++) {
		head = pb_compound_head(run->r[i].page);
		head->flags;
	}
}

static void ready_cold(void *arg)
{
	struct runner *run = arg;

	stages[run->stage].ready(run);
	sweep_caches();
	if (run->stage == ADD || run->stage == MAP)
		touch_pages(run);
}

/* The dma representation has no page to come back to. */
static bool can_run(const struct entrant *e, enum stage s)
{
	return e->stages->complete || s < COMPLETE;
}

/* --- verification --- */

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
	if (!is_for_nvme(run->shape))
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
	if (has_stage(run->shape, MERGE))
		verify_merge(run);
	if (!run->stages->complete)
		return;
	ready_pinned(run);
	run->stages->complete(ctx);
	verify_pages(run);
}

static void verify(struct runner *run)
{
	verify_stages(run);
	if (!run->stages->complete)
		return;
	if (has_stage(run->shape, WHOLE))
		verify_whole(run);
	if (run->shape->kind == HOT)
		verify_in_flight(run);
}

/* --- layouts --- */

/*
 * Units of @pages pages that are contiguous, in an order in which no two units touch. A
 * stride that is prime to any power of two visits every unit of the buffer.
 */
static void scattered_ranges(const struct shape *shape, size_t pages,
			     struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t units = b->size / PAGE / pages, n = nr_ranges(shape);
	size_t i, at = 0, tries;
	pb_phys_addr_t next = 1;

	for (i = 0; i < n; i++) {
		for (tries = 0; !(i % pages) && tries < units; tries++) {
			at = (at + 1237) % units;
			if (physbio_buffer_phys(b, at * pages * PAGE) != next)
				break;
		}
		r[i].paddr =
			physbio_buffer_phys(b, (at * pages + i % pages) * PAGE);
		r[i].len = shape->range_len;
		next = r[i].paddr + PAGE;
	}
}

/* One after the other in the buffer, which may be contiguous or not. */
static void ranges_in_order(const struct shape *shape,
			    struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t i, n = nr_ranges(shape);

	for (i = 0; i < n; i++) {
		r[i].paddr = physbio_buffer_phys(b, i * shape->range_len);
		r[i].len = shape->range_len;
	}
}

/*
 * Runs of pages of eight buffers of 1 MiB, as fio had them in a recorded guest whose memory was
 * fragmented (Linux 6.12.107, big1m of the traces that replay --check was verified with): so
 * many pages, so many such runs after each other. No two runs touch.
 */
static const struct {
	unsigned char pages, runs;
} recorded[] = {
	{ 1, 5 },  { 2, 45 },  { 1, 1 },  { 83, 1 },  { 77, 1 }, { 1, 42 },
	{ 78, 1 }, { 128, 1 }, { 8, 1 },  { 1, 131 }, { 2, 1 },	 { 1, 12 },
	{ 26, 1 }, { 32, 2 },  { 21, 1 }, { 1, 1 },   { 4, 63 }, { 3, 1 },
	{ 1, 1 },  { 2, 54 },  { 4, 36 }, { 3, 1 },   { 1, 1 },	 { 2, 127 },
	{ 1, 1 },  { 1, 77 },  { 5, 1 },  { 32, 5 },  { 14, 1 }, { 1, 59 },
	{ 11, 1 }, { 16, 11 }, { 4, 1 },  { 6, 1 },
};

#define NR_RECORDED (sizeof(recorded) / sizeof(recorded[0]))

/* Each run is within a huge page, and one page or more from the next. */
static void recorded_ranges(const struct shape *shape,
			    struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t i = 0, n = nr_ranges(shape), at = 0;
	unsigned int k = 0, run = 0, j;

	while (i < n) {
		unsigned int pages = recorded[k].pages;

		if (at % HUGE + pages > HUGE)
			at += HUGE - at % HUGE;
		for (j = 0; j < pages; j++, i++) {
			r[i].paddr = physbio_buffer_phys(b, (at + j) * PAGE);
			r[i].len = PAGE;
		}
		at += pages + 1;
		if (++run == recorded[k].runs) {
			run = 0;
			k = (k + 1) % NR_RECORDED;
		}
	}
}

/* As a submitter knows a range: by its page, its address, its address for the device. */
static void describe_ranges(struct physbio_stage_range *r, size_t n)
{
	struct physbio_xlate xlate;
	const struct pb_device dev = { .xlate = &xlate,
				       .dma_mask = UINT64_MAX };
	size_t i;

	physbio_xlate_init_identity(&xlate);
	for (i = 0; i < n; i++) {
		r[i].page = physbio_mem_page(mem, r[i].paddr);
		r[i].daddr = pb_dma_map_phys(&dev, r[i].paddr, r[i].len,
					     PB_DMA_FROM_DEVICE, 0);
	}
}

static struct physbio_stage_range *lay_out(const struct shape *shape)
{
	size_t n = nr_ranges(shape);
	struct physbio_stage_range *r = bench_alloc(&bench, n, sizeof(*r));

	if (shape->layout == SCATTERED)
		scattered_ranges(shape, 1, r);
	else if (shape->layout == HALF)
		scattered_ranges(shape, 2, r);
	else if (shape->layout == RECORDED)
		recorded_ranges(shape, r);
	else
		ranges_in_order(shape, r);
	describe_ranges(r, n);
	return r;
}

/* --- counts --- */

static void count_stage(struct runner *run, enum stage s)
{
	const struct bench_contestant c = {
		.name = run->e->name,
		.ready = stages[s].ready,
		.run = stages[s].run,
		.arg = run,
		.units = nr_units(run->shape, s),
	};

	set_stage(run, s);
	bench_count(&bench, &c);
}

/* --- one shape --- */

static struct runner runners[NR_ENTRANTS];
static struct runner counting[NR_ENTRANTS]; /* of those that are counted */

static void runners_up(const struct shape *shape,
		       const struct physbio_stage_ctx *ios)
{
	const struct entrant *e;
	int i;

	for (i = 0; i < NR_ENTRANTS; i++) {
		e = &entrants[i];
		runner_up(&runners[i], e, shape, ios, e->repr, e->stages);
		verify(&runners[i]);
		if (!e->count_repr)
			continue;
		runner_up(&counting[i], e, shape, ios, e->count_repr,
			  e->count_stages);
		verify(&counting[i]);
	}
}

static void runners_down(void)
{
	int i;

	for (i = 0; i < NR_ENTRANTS; i++) {
		runner_down(&runners[i]);
		if (entrants[i].count_repr)
			runner_down(&counting[i]);
	}
}

static void time_stage(const struct shape *shape, enum stage s)
{
	struct bench_contestant c[NR_ENTRANTS];
	struct bench rounds = bench;
	char name[80];
	int i, n = 0;

	for (i = 0; i < NR_ENTRANTS; i++) {
		if (!can_run(&entrants[i], s))
			continue;
		set_stage(&runners[i], s);
		c[n++] = (struct bench_contestant){
			.name = entrants[i].name,
			.base = entrants[i].base,
			.ready = shape->kind == COLD ? ready_cold :
						       stages[s].ready,
			.run = stages[s].run,
			.arg = &runners[i],
		};
	}
	case_name(name, shape, s);
	rounds.rounds = nr_rounds(shape);
	bench_time(&rounds, name, nr_units(shape, s), c, n);
}

static void bench_stage(const struct shape *shape, enum stage s)
{
	int i;

	time_stage(shape, s);
	for (i = 0; i < NR_ENTRANTS; i++)
		if (!can_run(&entrants[i], s))
			bench_absent(&bench, entrants[i].name,
				     "it has no page to come back to");
		else if (entrants[i].count_repr)
			count_stage(&counting[i], s);
}

static void bench_shape(const struct shape *shape)
{
	bool wanted[NR_STAGES], any = false;
	struct physbio_stage_range *r;
	struct physbio_stage_ctx ios;
	char name[80];
	int s;

	for (s = 0; s < NR_STAGES; s++) {
		case_name(name, shape, s);
		wanted[s] = has_stage(shape, s) && bench_wanted(&bench, name);
		if (wanted[s] && *missing[shape->buffer])
			bench_skip(&bench, name, missing[shape->buffer]);
		any |= wanted[s];
	}
	if (!any || *missing[shape->buffer])
		return;
	if (shape->kind == COLD && !bench.count && !sweep.bytes)
		sweep_up(); /* a count is the same in any cache */
	r = lay_out(shape);
	ios_up(&ios, shape, r);
	runners_up(shape, &ios);
	for (s = 0; s < NR_STAGES; s++)
		if (wanted[s])
			bench_stage(shape, s);
	runners_down();
	ios_down(&ios);
	free(r);
}

/* --- what a conversion costs --- */

#define CONVERSIONS "one conversion"

/* The ranges that are converted, again and again: as many as a bio has at most. */
static const struct shape converted = {
	.buffer = SMALL,
	.layout = SCATTERED,
	.ranges = PB_BIO_MAX_VECS,
	.range_len = PAGE,
	.bios = 1,
	.ios = 1,
	.times = 256,
};

enum use {
	READ,
	TO_PHYS,
	TO_PAGE,
	ROUND_TRIP
};

struct conversion {
	const char *name;
	const struct physbio_stages *stages;
	enum use use;
	struct physbio_stage_ctx ctx;
};

static void run_conversion(void *arg)
{
	struct conversion *c = arg;

	c->ctx.sum = 0;
	switch (c->use) {
	case READ:
		c->stages->read(&c->ctx);
		break;
	case TO_PHYS:
		c->stages->to_phys(&c->ctx);
		break;
	case TO_PAGE:
		c->stages->to_page(&c->ctx);
		break;
	case ROUND_TRIP:
		c->stages->round_trip(&c->ctx);
	}
}

static uint64_t sum_of(enum use use, const struct physbio_stage_range *r)
{
	uint64_t sum = 0;
	size_t i, n = nr_ranges(&converted);

	for (i = 0; i < n && use != ROUND_TRIP; i++)
		sum += use == TO_PHYS ? r[i].paddr : (uintptr_t)r[i].page;
	return sum * converted.times;
}

static void bench_conversions(void)
{
	static struct conversion c[] = {
		{ "read", &page_physbio_stages, READ },
		{ "page to phys, VMEMMAP", &page_physbio_stages, TO_PHYS },
		{ "phys to page, VMEMMAP", &page_physbio_stages, TO_PAGE },
		{ "round trip, VMEMMAP", &page_physbio_stages, ROUND_TRIP },
		{ "page to phys, SPARSEMEM", &sparse_physbio_stages, TO_PHYS },
		{ "phys to page, SPARSEMEM", &sparse_physbio_stages, TO_PAGE },
		{ "round trip, SPARSEMEM", &sparse_physbio_stages, ROUND_TRIP },
	};
	enum {
		NR = sizeof(c) / sizeof(c[0])
	};
	struct bench_contestant contestants[NR];
	struct physbio_stage_range *r;
	struct physbio_stage_io io;
	int i;

	if (!bench_wanted(&bench, CONVERSIONS))
		return;
	r = lay_out(&converted);
	io.ranges = r;
	for (i = 0; i < NR; i++) {
		c[i].ctx.ios = &io;
		c[i].ctx.nr_ranges = converted.ranges;
		c[i].ctx.times = converted.times;
		run_conversion(&c[i]);
		if (c[i].ctx.sum != sum_of(c[i].use, r))
			bench_die(&bench, "%s is wrong", c[i].name);
		contestants[i] = (struct bench_contestant){
			.name = c[i].name,
			.run = run_conversion,
			.arg = &c[i],
		};
	}
	bench_time(&bench, CONVERSIONS, converted.ranges * converted.times,
		   contestants, NR);
	free(r);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, physbio_buffer_phys(buffers[SMALL], 0),
			  snapshot.source);
	bench_note(
		&bench, "limits",
		"max_sectors %u, max_segments %u, segment boundary 4 GiB, no virt boundary",
		limits.max_user_sectors, limits.max_segments);
	bench_note(
		&bench, "shown",
		"ns for one I/O, or as the case says; reads; identity translation; PRPs, or SGLs from segments of 32 KiB on; no data are copied; add, split and map: of the same I/Os several times in a sample; whole: pages are pinned, and all stages but merge follow; depth 1 and 64: so many I/Os, the same again and again, are mapped before the first is completed: their pages are dirty already, so that dirtying them takes no atomic; cold: I/Os are in no cache, nor are page structs when it comes to pinning or completing them; at add and map they are, as after pinning");
}

int main(int argc, char **argv)
{
	struct shape shape;
	int i;

	bench_start(&bench, argc, argv);
	set_up_memory();
	describe();
	for (i = 0; i < NR_SHAPES + NR_VARIANTS; i++) {
		shape = shape_at(i);
		bench_shape(&shape);
	}
	bench_conversions();
	tear_down_memory();
	return bench_end(&bench);
}
