// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The whole way of an I/O, stage by stage: today's page vectors against physical ones,
 * in one process, in turn, on memory whose physical addresses are the machine's own.
 * Every I/O is verified first, in a pass of its own; counts come from counting builds of
 * the same sources, times from builds without. No data are copied in a timed stage.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PHYSBIO_COUNTING
#include <physbio/buffer.h>

#include "../src/repr/ops.h"
#include "../src/repr/stages.h"
#include "harness.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define PAGE 4096u

/* --- what is compared --- */

struct contestant {
	const char *name;
	const struct physbio_repr *repr;
	const struct physbio_stages *stages;
	const struct physbio_repr *count_repr;
	const struct physbio_stages *count_stages;
	bool page_given;
};

enum {
	PAGE_KEPT,
	PHYS_GIVEN,
	PAGE_CONVERTED,
	PHYS_AGAIN,
	NR_CONTESTANTS
};

static const struct contestant contestants[NR_CONTESTANTS] = {
	[PAGE_KEPT] = { "page", &page_physbio_repr, &page_physbio_stages,
			&pagecnt_physbio_repr, &pagecnt_physbio_stages, true },
	[PHYS_GIVEN] = { "phys", &phys_physbio_repr, &phys_physbio_stages,
			 &physcnt_physbio_repr, &physcnt_physbio_stages,
			 false },
	[PAGE_CONVERTED] = { "phys, page given", &phys_physbio_repr,
			     &phys_physbio_stages, &physcnt_physbio_repr,
			     &physcnt_physbio_stages, true },
	[PHYS_AGAIN] = { "phys again", &physb_physbio_repr,
			 &physb_physbio_stages, &physcnt_physbio_repr,
			 &physcnt_physbio_stages, false },
};

enum {
	ADD,
	SPLIT,
	MERGE,
	MAP,
	COMPLETE,
	WHOLE,
	NR_STAGES
};

static const char *const stage_names[NR_STAGES] = {
	"add", "split", "merge", "map", "complete", "whole"
};

enum buffer_use {
	SMALL,
	HUGE_PAGES,
	HUGETLB_PAGES,
	NR_BUFFERS
};

struct shape {
	const char *name;
	enum buffer_use buffer;
	unsigned int ranges; /* of each I/O */
	unsigned int range_len; /* bytes each range has */
	bool scattered; /* no two ranges of an I/O touch */
	unsigned int ios; /* in a sample */
};

static const struct shape shapes[] = {
	{ "4 KiB, 1 page", SMALL, 1, PAGE, true, 256 },
	{ "64 KiB contiguous", HUGE_PAGES, 16, PAGE, false, 64 },
	{ "64 KiB scattered", SMALL, 16, PAGE, true, 64 },
	{ "1 MiB contiguous, THP", HUGE_PAGES, 1, MIB, false, 64 },
	{ "1 MiB contiguous, hugetlb", HUGETLB_PAGES, 1, MIB, false, 64 },
	{ "1 MiB scattered", SMALL, 256, PAGE, true, 8 },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

static struct bench bench = {
	.name = "e2e",
	.title = "page vectors (VMEMMAP) against physical vectors",
	.rounds = 2000,
	.quick_rounds = 400,
};

/* --- memory --- */

static struct physbio_buffer *buffers[NR_BUFFERS];
static struct physbio_snapshot snapshot;
static struct physbio_mem *mem;
static char missing[NR_BUFFERS][256]; /* why there is no such buffer */

static void alloc_buffer(enum buffer_use use, enum physbio_buffer_kind kind,
			 size_t size)
{
	struct physbio_error error;

	if (physbio_buffer_alloc(kind, size, -1, &buffers[use], &error))
		snprintf(missing[use], sizeof(missing[use]), "%s",
			 error.message);
}

static void set_up_memory(void)
{
	struct physbio_buffer *have[NR_BUFFERS];
	struct physbio_error error;
	unsigned int n = 0;
	int i;

	alloc_buffer(SMALL, PHYSBIO_BUFFER_PAGES, 32 * MIB);
	alloc_buffer(HUGE_PAGES, PHYSBIO_BUFFER_THP, 64 * MIB);
	alloc_buffer(HUGETLB_PAGES, PHYSBIO_BUFFER_HUGETLB, 64 * MIB);
	for (i = 0; i < NR_BUFFERS; i++)
		if (buffers[i])
			have[n++] = buffers[i];
	if (physbio_snapshot_take(have, n, 1, &snapshot, &error) ||
	    physbio_snapshot_map(have, n, NULL, 0, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
	if (!buffers[HUGE_PAGES]->huge)
		snprintf(missing[HUGE_PAGES], sizeof(missing[HUGE_PAGES]),
			 "the kernel gave no transparent huge pages");
}

static void tear_down_memory(void)
{
	int i;

	physbio_mem_destroy(mem);
	for (i = 0; i < NR_BUFFERS; i++)
		physbio_buffer_free(buffers[i]);
}

/* --- one contestant at one shape --- */

#define LIST_BUS 0x1000000u

struct runner {
	const struct contestant *c;
	const struct physbio_repr *repr; /* timed or counting */
	const struct physbio_stages *stages;
	struct physbio_stage_ctx ctx;
	struct pb_block_device bdev;
	struct physbio_xlate xlate;
	struct pb_device dev;
	struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
};

static pb_blk_status_t no_driver(struct pb_blk_mq_hw_ctx *hctx,
				 const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_IOERR;
}

/* An NVMe disk's, so wide that nothing of these shapes is cut or refused. */
static const struct pb_queue_limits limits = {
	.max_hw_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
	.max_user_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
	.max_segments = 2 * PB_NVME_MAX_SEGS,
	.max_segment_size = UINT32_MAX,
	.dma_alignment = 3,
};

static void runner_up(struct runner *run, const struct shape *shape,
		      const struct physbio_stage_range *ranges)
{
	static const struct pb_blk_mq_ops ops = { .queue_rq = no_driver };
	static struct pb_blk_mq_tag_set set = { .ops = &ops, .queue_depth = 1 };
	struct physbio_stage_ctx *ctx = &run->ctx;
	unsigned int i;

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
	ctx->nr_ios = shape->ios;
	ctx->nr_ranges = shape->ranges;
	ctx->max_vecs = PB_BIO_MAX_VECS;
	ctx->page_given = run->c->page_given;
	ctx->ios = bench_alloc(&bench, shape->ios, sizeof(ctx->ios[0]));
	for (i = 0; i < shape->ios; i++) {
		ctx->ios[i].table = bench_alloc(&bench, shape->ranges,
						run->repr->bvec_size);
		ctx->ios[i].ranges = ranges + (size_t)i * shape->ranges;
	}
	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++) {
		run->lists[i].virt =
			bench_alloc(&bench, 1, PB_NVME_CTRL_PAGE_SIZE);
		run->lists[i].dma =
			physbio_dma_make(LIST_BUS + i * PB_NVME_CTRL_PAGE_SIZE);
	}
	ctx->iod.lists = run->lists;
	ctx->iod.ranges = run->ranges;
	ctx->iod.max_ranges = PB_NVME_MAX_SEGS;
	ctx->iod.sgl_supported = true;
}

static void runner_down(struct runner *run)
{
	unsigned int i;

	for (i = 0; i < run->ctx.nr_ios; i++)
		free(run->ctx.ios[i].table);
	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		free(run->lists[i].virt);
	free(run->ctx.ios);
	run->repr->blk_mq_destroy_queue(run->ctx.q);
}

static void pin_all(const struct shape *shape,
		    const struct physbio_stage_range *r)
{
	size_t i, n = (size_t)shape->ios * shape->ranges;

	for (i = 0; i < n; i++)
		if (physbio_mem_pin(mem, r[i].paddr, r[i].len))
			bench_die(&bench, "can't pin 0x%llx",
				  (unsigned long long)r[i].paddr);
}

/* Pages are clean and pinned before each completion, as after a read was sent. */
static void ready_to_complete(const struct shape *shape,
			      const struct physbio_stage_range *r)
{
	size_t i, n = (size_t)shape->ios * shape->ranges;

	pin_all(shape, r);
	for (i = 0; i < n; i++)
		pb_compound_head(r[i].page)->flags &=
			~(unsigned long)PB_PG_dirty;
}

static uint64_t time_stage(physbio_stage_fn *fn, struct physbio_stage_ctx *ctx)
{
	uint64_t start = bench_now_ns();

	fn(ctx);
	return bench_now_ns() - start;
}

/* All stages once: nanoseconds of all I/Os in each. */
static void run_stages(struct runner *run, const struct shape *shape,
		       const struct physbio_stage_range *r,
		       uint64_t took[NR_STAGES])
{
	const struct physbio_stages *s = run->stages;
	struct physbio_stage_ctx *ctx = &run->ctx;

	took[ADD] = time_stage(s->add, ctx);
	took[SPLIT] = time_stage(s->split, ctx);
	s->prep(ctx);
	took[MERGE] = time_stage(s->merge, ctx);
	s->unmerge(ctx);
	took[MAP] = time_stage(s->map, ctx);
	ready_to_complete(shape, r);
	took[COMPLETE] = time_stage(s->complete, ctx);
	ready_to_complete(shape, r);
	took[WHOLE] = time_stage(s->whole, ctx);
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
	uint32_t done = 0;

	for (i = 0; i < run->ctx.nr_ranges; i++) {
		uint32_t at;

		for (at = 0; at < io->ranges[i].len; at++) {
			uint64_t want = io->ranges[i].paddr + at;
			uint64_t got =
				physbio_dma_value(iod->ranges[j].addr) + done;

			if (j >= iod->nr_ranges || got != want)
				bench_die(
					&bench,
					"%s: byte %u of range %u is mapped to 0x%llx, not 0x%llx",
					run->c->name, at, i,
					(unsigned long long)got,
					(unsigned long long)want);
			if (++done == iod->ranges[j].len) {
				done = 0;
				j++;
			}
		}
	}
	if (j != iod->nr_ranges)
		bench_die(&bench, "%s: %u ranges too many", run->c->name,
			  iod->nr_ranges - j);
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
			  run->c->name, io->bio.bi_iter.bi_size,
			  (unsigned long long)len);
	if (io->nr_segs < 1 || io->nr_segs > run->ctx.nr_ranges)
		bench_die(&bench, "%s: %u segments", run->c->name, io->nr_segs);
	if (run->repr->nvme_map_data(&io->rq, &dev, &iod))
		bench_die(&bench, "%s: a request can't be mapped",
			  run->c->name);
	verify_ranges(run, io, &iod);
}

static void verify(struct runner *run, const struct shape *shape,
		   const struct physbio_stage_range *r)
{
	struct physbio_stage_ctx *ctx = &run->ctx;
	unsigned int i;

	run->stages->add(ctx);
	run->stages->split(ctx);
	run->stages->prep(ctx);
	for (i = 0; i < ctx->nr_ios; i++)
		verify_io(run, &ctx->ios[i]);
	run->stages->merge(ctx);
	for (i = 0; i < ctx->nr_ios; i++)
		if (ctx->ios[i].rq.biotail != &ctx->ios[i].next)
			bench_die(&bench, "%s: a bio was not merged",
				  run->c->name);
	ready_to_complete(shape, r);
	run->stages->complete(ctx);
	for (i = 0; i < shape->ios * shape->ranges; i++) {
		if (physbio_mem_pinned(mem, r[i].paddr, r[i].len))
			bench_die(&bench, "%s: a page is still pinned",
				  run->c->name);
		if (!(pb_compound_head(r[i].page)->flags & PB_PG_dirty))
			bench_die(&bench, "%s: a page is not dirty",
				  run->c->name);
	}
}

/* --- layouts --- */

/* Pages of the small buffer in an order in which no two touch. */
static void scattered_ranges(const struct shape *shape,
			     struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t pages = b->size / PAGE, n = (size_t)shape->ios * shape->ranges;
	size_t i, at = 0, tries;
	pb_phys_addr_t previous = 1;

	for (i = 0; i < n; i++) {
		/* A stride that is prime to any power of two visits every page. */
		for (tries = 0; tries < pages; tries++) {
			at = (at + 1237) % pages;
			r[i].paddr = physbio_buffer_phys(b, at * PAGE);
			if (r[i].paddr != previous)
				break;
		}
		previous = r[i].paddr + PAGE;
		r[i].len = PAGE;
	}
}

static void contiguous_ranges(const struct shape *shape,
			      struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t i, n = (size_t)shape->ios * shape->ranges;

	for (i = 0; i < n; i++) {
		r[i].paddr = physbio_buffer_phys(b, i * shape->range_len);
		r[i].len = shape->range_len;
	}
}

static struct physbio_stage_range *lay_out(const struct shape *shape)
{
	size_t i, n = (size_t)shape->ios * shape->ranges;
	struct physbio_stage_range *r = bench_alloc(&bench, n, sizeof(*r));

	if (shape->scattered)
		scattered_ranges(shape, r);
	else
		contiguous_ranges(shape, r);
	for (i = 0; i < n; i++)
		r[i].page = physbio_mem_page(mem, r[i].paddr);
	return r;
}

/* --- results --- */

struct figure {
	double min; /* ns for each I/O */
	double median;
	double ratio; /* median over the rounds of it to page, or to phys (A/A) */
	uint64_t counts[PHYSBIO_NR_COUNTERS]; /* of all I/Os of a sample */
};

struct result {
	const struct shape *shape;
	bool skipped;
	struct figure figures[NR_CONTESTANTS][NR_STAGES];
};

typedef uint64_t sample_t[NR_CONTESTANTS][NR_STAGES];

static void summarize(struct result *res, sample_t *samples)
{
	double *values =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*values));
	int c, s, i, base;

	for (c = 0; c < NR_CONTESTANTS; c++) {
		base = c == PHYS_AGAIN ? PHYS_GIVEN : PAGE_KEPT;
		for (s = 0; s < NR_STAGES; s++) {
			struct figure *f = &res->figures[c][s];
			double ios = res->shape->ios;

			for (i = 0; i < bench.rounds; i++)
				values[i] = (double)samples[i][c][s] / ios;
			f->median = bench_median(values, bench.rounds);
			f->min = values[0];
			for (i = 0; i < bench.rounds; i++)
				values[i] = (double)samples[i][c][s] /
					    (double)samples[i][base][s];
			f->ratio = bench_median(values, bench.rounds);
		}
	}
	free(values);
}

/* Who goes first changes from round to round. */
static void time_shape(struct result *res, struct runner *runners,
		       const struct physbio_stage_range *r)
{
	sample_t *samples =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*samples));
	sample_t warm_up;
	int round, i, c;

	for (c = 0; c < NR_CONTESTANTS; c++)
		run_stages(&runners[c], res->shape, r, warm_up[c]);
	for (round = 0; round < bench.rounds; round++) {
		bench_progress(&bench, res->shape->name, round);
		for (i = 0; i < NR_CONTESTANTS; i++) {
			c = (round + i) % NR_CONTESTANTS;
			run_stages(&runners[c], res->shape, r,
				   samples[round][c]);
		}
	}
	summarize(res, samples);
	free(samples);
}

static void count_stage(physbio_stage_fn *fn, struct physbio_stage_ctx *ctx,
			struct figure *f)
{
	memset(physbio_counts, 0, sizeof(physbio_counts));
	fn(ctx);
	memcpy(f->counts, physbio_counts, sizeof(physbio_counts));
}

static void count_shape(struct result *res, struct runner *run,
			const struct physbio_stage_range *r,
			struct figure figures[NR_STAGES])
{
	const struct physbio_stages *s = run->stages;
	struct physbio_stage_ctx *ctx = &run->ctx;

	verify(run, res->shape, r);
	count_stage(s->add, ctx, &figures[ADD]);
	count_stage(s->split, ctx, &figures[SPLIT]);
	s->prep(ctx);
	count_stage(s->merge, ctx, &figures[MERGE]);
	s->unmerge(ctx);
	count_stage(s->map, ctx, &figures[MAP]);
	ready_to_complete(res->shape, r);
	count_stage(s->complete, ctx, &figures[COMPLETE]);
	ready_to_complete(res->shape, r);
	count_stage(s->whole, ctx, &figures[WHOLE]);
}

static void count_contestant(struct result *res, int c,
			     const struct physbio_stage_range *r)
{
	struct runner run = {
		.c = &contestants[c],
		.repr = contestants[c].count_repr,
		.stages = contestants[c].count_stages,
	};

	runner_up(&run, res->shape, r);
	count_shape(res, &run, r, res->figures[c]);
	runner_down(&run);
}

static void bench_shape(struct result *res)
{
	static struct runner runners[NR_CONTESTANTS];
	struct physbio_stage_range *r = lay_out(res->shape);
	int c;

	for (c = 0; c < NR_CONTESTANTS; c++) {
		runners[c] = (struct runner){
			.c = &contestants[c],
			.repr = contestants[c].repr,
			.stages = contestants[c].stages,
		};
		runner_up(&runners[c], res->shape, r);
		verify(&runners[c], res->shape, r);
	}
	time_shape(res, runners, r);
	for (c = 0; c < NR_CONTESTANTS; c++) {
		runner_down(&runners[c]);
		count_contestant(res, c, r);
	}
	free(r);
}

/* --- output --- */

static char numa[80];

static void print_header(void)
{
	bench_print_head(&bench);
	physbio_numa_describe(numa, sizeof(numa));
	printf("memory    %s; %s\n", numa, snapshot.source);
	printf("limits    max_sectors %u, max_segments %u, segment boundary 4 GiB, no virt boundary\n",
	       limits.max_user_sectors, limits.max_segments);
	printf("rounds    %d, contestants in turn; reads; identity translation; PRPs are built\n",
	       bench.rounds);
	printf("ns are for one I/O; ratio: median over rounds of phys / page in the same round\n");
}

static double per_io(const struct result *res, int c, int s, int counter)
{
	return (double)res->figures[c][s].counts[counter] /
	       (double)res->shape->ios;
}

static void print_counts(const struct result *res, int c, int s)
{
	char text[64];

	snprintf(text, sizeof(text), "%g/%g/%g/%g",
		 per_io(res, c, s, PHYSBIO_PAGE_TO_PHYS),
		 per_io(res, c, s, PHYSBIO_PHYS_TO_PAGE),
		 per_io(res, c, s, PHYSBIO_LOOKUP),
		 per_io(res, c, s, PHYSBIO_ATOMIC));
	printf(" %16s", text);
}

static void print_stage(const struct result *res, int s)
{
	const struct figure *page = &res->figures[PAGE_KEPT][s];
	const struct figure *phys = &res->figures[PHYS_GIVEN][s];

	printf("  %-10s %9.1f %9.1f  %9.1f %9.1f  %6.3f ", stage_names[s],
	       page->min, page->median, phys->min, phys->median, phys->ratio);
	print_counts(res, PAGE_KEPT, s);
	print_counts(res, PHYS_GIVEN, s);
	printf("  %6.3f\n", res->figures[PHYS_AGAIN][s].ratio);
}

static void print_add(const struct result *res)
{
	int c;

	printf("  adding:");
	for (c = 0; c < NR_CONTESTANTS; c++) {
		static const char *const ways[] = {
			[PAGE_KEPT] = "page given and kept",
			[PAGE_CONVERTED] = "page given and converted",
			[PHYS_GIVEN] = "phys given",
		};

		if (c == PHYS_AGAIN)
			continue;
		printf("%s %s %.1f ns", c ? "," : "", ways[c],
		       res->figures[c][ADD].median);
	}
	printf(" (median); the whole way with pages given and converted: %.3f of page\n",
	       res->figures[PAGE_CONVERTED][WHOLE].ratio);
}

/* Is the noise, as the same code against itself shows it, within 2 %? */
static bool quiet(const struct result *res)
{
	double aa = res->figures[PHYS_AGAIN][WHOLE].ratio;

	return aa >= 0.98 && aa <= 1.02;
}

static void print_result(const struct result *res)
{
	int s;

	printf("\n%s", res->shape->name);
	if (res->skipped) {
		printf(": skipped, %s\n", missing[res->shape->buffer]);
		return;
	}
	printf(" (%u range%s of %u bytes)\n", res->shape->ranges,
	       res->shape->ranges > 1 ? "s" : "", res->shape->range_len);
	printf("  %-10s %9s %9s  %9s %9s  %6s  %16s %16s  %6s\n", "stage",
	       "page min", "median", "phys min", "median", "ratio",
	       "page counts*", "phys counts*", "A/A");
	for (s = 0; s < NR_STAGES; s++)
		print_stage(res, s);
	print_add(res);
	if (!quiet(res))
		printf("  NOISY: the same code against itself is at %.3f, outside 0.98 to 1.02\n",
		       res->figures[PHYS_AGAIN][WHOLE].ratio);
}

static void json_figure(FILE *f, const struct result *res, int c, int s)
{
	const struct figure *g = &res->figures[c][s];

	fprintf(f,
		"{\"min_ns\": %.3f, \"median_ns\": %.3f, \"ratio\": %.5f, \"page_to_phys\": %g, \"phys_to_page\": %g, \"lookups\": %g, \"atomics\": %g}",
		g->min, g->median, g->ratio,
		per_io(res, c, s, PHYSBIO_PAGE_TO_PHYS),
		per_io(res, c, s, PHYSBIO_PHYS_TO_PAGE),
		per_io(res, c, s, PHYSBIO_LOOKUP),
		per_io(res, c, s, PHYSBIO_ATOMIC));
}

static void json_result(FILE *f, const struct result *res)
{
	int c, s;

	fprintf(f, "    {\"shape\": \"%s\"", res->shape->name);
	if (res->skipped) {
		fprintf(f, ", \"skipped\": \"%s\"}",
			missing[res->shape->buffer]);
		return;
	}
	fprintf(f, ", \"ios\": %u, \"ranges\": %u, \"range_len\": %u",
		res->shape->ios, res->shape->ranges, res->shape->range_len);
	for (c = 0; c < NR_CONTESTANTS; c++) {
		fprintf(f, ",\n     \"%s\": {", contestants[c].name);
		for (s = 0; s < NR_STAGES; s++) {
			fprintf(f, "%s\n      \"%s\": ", s ? "," : "",
				stage_names[s]);
			json_figure(f, res, c, s);
		}
		fputc('}', f);
	}
	fputc('}', f);
}

static void write_json(const char *path, const struct result *results, int n)
{
	FILE *f = bench_json_open(&bench, path);
	int i;

	fprintf(f,
		"  \"numa\": \"%s\",\n  \"addresses\": \"%s\",\n  \"results\": [\n",
		numa, snapshot.source);
	for (i = 0; i < n; i++) {
		json_result(f, &results[i]);
		fputs(i + 1 < n ? ",\n" : "\n", f);
	}
	fputs("  ]\n", f);
	bench_json_close(&bench, path, f);
}

int main(int argc, char **argv)
{
	static struct result results[NR_SHAPES];
	int i, n = 0;

	bench_start(&bench, argc, argv);
	set_up_memory();
	print_header();
	for (i = 0; i < NR_SHAPES; i++) {
		if (!bench_wanted(&bench, shapes[i].name))
			continue;
		results[n].shape = &shapes[i];
		results[n].skipped = *missing[shapes[i].buffer];
		if (!results[n].skipped)
			bench_shape(&results[n]);
		bench_progress_done();
		print_result(&results[n++]);
		fflush(stdout);
	}
	if (!n)
		bench_die(&bench, "--filter: no shape has \"%s\" in its name",
			  bench.filter);
	printf("\n* for one I/O: page -> phys / phys -> page / table lookups / atomics\n");
	for (i = 0; i < bench.nr_json; i++)
		write_json(bench.json[i], results, n);
	tear_down_memory();
	return 0;
}
