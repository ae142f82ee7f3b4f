// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How much a page lookup may cost before physical vectors lose to page vectors: the whole
 * way of an I/O, with a lookup at its end whose time is dialled in, and with none, since
 * the bio has kept its pages. The lookups of real memory models are timed beside it.
 */
#include <stdlib.h>
#include <string.h>

#include <physbio/mem.h>

#include "../src/repr/ops.h"
#include "../src/repr/stages.h"
#include "harness.h"
#include "resolve-loops.h"

#include "../src/user/rescache-model.h"

extern const struct physbio_stages delay_physbio_stages;

static struct bench bench = {
	.name = "break-even",
	.title = "what a page lookup may cost",
	.rounds = 400,
	.quick_rounds = 80,
};

#define PAGE 4096u

/* --- what is compared --- */

/* Steps of the delay. */
static const unsigned int delays[] = { 0,  2,  4,   8,	 12,  16,  24,
				       32, 64, 128, 256, 512, 1024 };

#define NR_DELAYS ((int)(sizeof(delays) / sizeof(delays[0])))

enum {
	PAGES, /* page vectors */
	KEPT, /* physical ones, and the pages kept */
	DELAYED, /* physical ones; and so on, with each delay */
	NR_CONTESTANTS = DELAYED + NR_DELAYS
};

static const struct shape {
	const char *name;
	unsigned int ranges; /* of each I/O: entries, and so lookups */
	unsigned int pages; /* of a range */
	unsigned int ios; /* in a sample */
} shapes[] = {
	{ "4 KiB", 1, 1, 256 },
	{ "64 KiB, 1 entry", 1, 16, 64 },
	{ "64 KiB, 16 entries", 16, 1, 64 },
	{ "1 MiB, 1 entry", 1, 256, 8 },
	{ "1 MiB, 256 entries", 256, 1, 8 },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

static const struct {
	const char *name;
	const struct resolve_loops *loops;
} models[] = {
	{ "flatmem", &flatmem_resolve_loops },
	{ "vmemmap", &vmemmap_resolve_loops },
	{ "sparsemem", &sparsemem_resolve_loops },
	{ "extreme", &sparsemem_extreme_resolve_loops },
	{ "radix", &radix_resolve_loops },
	{ "range", &range_resolve_loops },
	{ "cache", &rescache_resolve_loops },
	{ "shared", &rescache_shared_resolve_loops },
};

#define NR_MODELS ((int)(sizeof(models) / sizeof(models[0])))

/* --- memory: 64 pieces of 128 MiB, each with a place in a cache of sections --- */

#define NR_PIECES 64u
#define PIECE_PAGES (UINT32_C(128) << 20 >> PB_PAGE_SHIFT)

static struct physbio_mem *mem;

static pb_phys_addr_t piece_start(unsigned int i)
{
	return (pb_phys_addr_t)(i + 1) * 129 * PIECE_PAGES * PAGE;
}

static void set_up_memory(void)
{
	static struct physbio_mem_range ranges[NR_PIECES];
	const struct physbio_mem_options options = {
		.models = (1u << PHYSBIO_NR_MEMMODELS) - 1,
	};
	struct physbio_error error;
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++)
		ranges[i] = (struct physbio_mem_range){
			.start = piece_start(i),
			.size = (uint64_t)PIECE_PAGES * PAGE,
			.kind = PHYSBIO_MEM_RAM_EMPTY,
			.nid = -1,
		};
	if (physbio_mem_create_for(ranges, NR_PIECES, &options, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
	if (physbio_rescache_init(&physbio_rescache_mine, NR_PIECES) ||
	    physbio_rescache_shared_create(NR_PIECES, &physbio_rescache_ours))
		bench_die(&bench, "no caches");
}

/* No two ranges touch, and no two have a page in common: one piece after the other. */
static struct physbio_stage_range *make_ranges(const struct shape *shape)
{
	unsigned int n = shape->ios * shape->ranges, i;
	struct physbio_stage_range *r = bench_alloc(&bench, n, sizeof(*r));

	for (i = 0; i < n; i++) {
		r[i].paddr = piece_start(i % NR_PIECES) +
			     (pb_phys_addr_t)(i / NR_PIECES) * 2 *
				     shape->pages * PAGE;
		r[i].len = shape->pages * PAGE;
		r[i].page = physbio_mem_page(mem, r[i].paddr);
	}
	return r;
}

/* --- one I/O after the other --- */

struct runner {
	struct physbio_stage_ctx ctx;
	struct pb_block_device bdev;
	struct physbio_xlate xlate;
	struct pb_device dev;
	struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
};

static const struct physbio_stages *stages_of(int c)
{
	return c == PAGES ? &page_physbio_stages :
	       c == KEPT  ? &phys_physbio_stages :
			    &delay_physbio_stages;
}

static pb_blk_status_t no_driver(struct pb_blk_mq_hw_ctx *hctx,
				 const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_IOERR;
}

static void lists_up(struct runner *run)
{
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++) {
		run->lists[i].virt =
			bench_alloc(&bench, 1, PB_NVME_CTRL_PAGE_SIZE);
		run->lists[i].dma = physbio_dma_make(
			0x1000000u + i * PB_NVME_CTRL_PAGE_SIZE);
	}
	run->ctx.iod.lists = run->lists;
	run->ctx.iod.ranges = run->ranges;
	run->ctx.iod.max_ranges = PB_NVME_MAX_SEGS;
	run->ctx.iod.sgl_supported = true;
}

static void ios_up(struct physbio_stage_ctx *ctx, const struct shape *shape,
		   const struct physbio_stage_range *r)
{
	unsigned int i;

	ctx->nr_ios = shape->ios;
	ctx->nr_ranges = shape->ranges;
	ctx->max_vecs = (unsigned short)shape->ranges;
	ctx->ios = bench_alloc(&bench, shape->ios, sizeof(ctx->ios[0]));
	for (i = 0; i < shape->ios; i++) {
		/* and behind it the pages that are kept */
		ctx->ios[i].table = bench_alloc(&bench, shape->ranges,
						16 + sizeof(struct pb_page *));
		ctx->ios[i].ranges = r + (size_t)i * shape->ranges;
	}
}

static void runner_up(struct runner *run, int c, const struct shape *shape,
		      const struct physbio_stage_range *r)
{
	static const struct pb_queue_limits limits = {
		.max_hw_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_user_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_segments = 2 * PB_NVME_MAX_SEGS,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};
	static const struct pb_blk_mq_ops ops = { .queue_rq = no_driver };
	static struct pb_blk_mq_tag_set set = { .ops = &ops, .queue_depth = 1 };
	const struct physbio_repr *repr = c == PAGES ? &page_physbio_repr :
						       &phys_physbio_repr;

	repr->xlate_init_identity(&run->xlate);
	run->dev.xlate = &run->xlate;
	run->dev.dma_mask = UINT64_MAX;
	run->ctx.q = repr->blk_mq_alloc_queue(&set, &limits, NULL);
	run->ctx.lim = pb_queue_limits(run->ctx.q);
	run->bdev.bd_queue = run->ctx.q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	run->ctx.bdev = &run->bdev;
	run->ctx.dev = &run->dev;
	run->ctx.page_given = true;
	run->ctx.keep_pages = c == KEPT;
	lists_up(run);
	ios_up(&run->ctx, shape, r);
}

/* Clean and pinned, as after a read was sent. */
static void ready_to_complete(const struct shape *shape,
			      const struct physbio_stage_range *r)
{
	unsigned int n = shape->ios * shape->ranges, i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < shape->pages; j++) {
			r[i].page[j].refcount.counter = 1 << 10;
			r[i].page[j].flags &= ~(unsigned long)PB_PG_dirty;
		}
}

static uint64_t time_whole(struct runner *run, int c)
{
	uint64_t start;

	if (c >= DELAYED)
		bench_delay = delays[c - DELAYED];
	start = bench_now_ns();
	stages_of(c)->whole(&run->ctx);
	return bench_now_ns() - start;
}

static void verify(struct runner *run, int c, const struct shape *shape,
		   const struct physbio_stage_range *r)
{
	unsigned int n = shape->ios * shape->ranges, i, j;

	ready_to_complete(shape, r);
	time_whole(run, c);
	for (i = 0; i < n; i++)
		for (j = 0; j < shape->pages; j++)
			if (r[i].page[j].refcount.counter ||
			    !(r[i].page[j].flags & PB_PG_dirty))
				bench_die(&bench,
					  "%s: a page is pinned or clean",
					  shape->name);
	for (i = 0; i < shape->ios; i++)
		if (run->ctx.ios[i].bio.bi_vcnt != shape->ranges)
			bench_die(&bench, "%s: a bio of %u entries",
				  shape->name, run->ctx.ios[i].bio.bi_vcnt);
}

/* --- what a lookup takes --- */

#define CHAIN 4096u

static unsigned long *pfns;

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ns, each lookup waiting for the one before it. */
static double lookup_ns(const struct resolve_loops *loops)
{
	double took[31];
	int i;

	for (i = 0; i < 31; i++) {
		uint64_t start = bench_now_ns();

		loops->chain(pfns, CHAIN);
		took[i] = (double)(bench_now_ns() - start) / CHAIN;
	}
	qsort(took, 31, sizeof(took[0]), compare_doubles);
	return took[15];
}

static double delay_ns[NR_DELAYS], model_ns[NR_MODELS];

static void time_lookups(void)
{
	uint64_t state = 88172645463325252u;
	unsigned int i;
	int d;

	pfns = bench_alloc(&bench, CHAIN, sizeof(*pfns));
	for (i = 0; i < CHAIN; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		pfns[i] = (unsigned long)(piece_start(
						  (unsigned int)(state >> 33) %
						  NR_PIECES) >>
					  PB_PAGE_SHIFT) +
			  (unsigned long)(state >> 40) % PIECE_PAGES;
	}
	for (d = 0; d < NR_DELAYS; d++) {
		bench_delay = delays[d];
		delay_ns[d] = lookup_ns(&delay_resolve_loops);
	}
	for (d = 0; d < NR_MODELS; d++)
		model_ns[d] = lookup_ns(models[d].loops);
}

/* --- results --- */

struct result {
	const struct shape *shape;
	double page_ns; /* of an I/O */
	double ratio[NR_CONTESTANTS]; /* to page vectors, median over the rounds */
	double break_even; /* ns of a lookup; < 0: lost already without delay */
};

typedef uint64_t sample_t[NR_CONTESTANTS];

/* Where the ratio passes 1, between two delays. HUGE: nowhere. */
static double find_break_even(const double *ratio)
{
	int d;

	if (ratio[0] >= 1)
		return -1;
	for (d = 1; d < NR_DELAYS; d++)
		if (ratio[d] >= 1)
			return delay_ns[d - 1] +
			       (delay_ns[d] - delay_ns[d - 1]) *
				       (1 - ratio[d - 1]) /
				       (ratio[d] - ratio[d - 1]);
	return 1e9;
}

static void summarize(struct result *res, sample_t *samples)
{
	double *values =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*values));
	int c, i;

	for (i = 0; i < bench.rounds; i++)
		values[i] = (double)samples[i][PAGES] / res->shape->ios;
	res->page_ns = bench_median(values, bench.rounds);
	for (c = 0; c < NR_CONTESTANTS; c++) {
		for (i = 0; i < bench.rounds; i++)
			values[i] = (double)samples[i][c] /
				    (double)samples[i][PAGES];
		res->ratio[c] = bench_median(values, bench.rounds);
	}
	res->break_even = find_break_even(&res->ratio[DELAYED]);
	free(values);
}

static void bench_shape(struct result *res)
{
	static struct runner runs[NR_CONTESTANTS];
	struct physbio_stage_range *r = make_ranges(res->shape);
	sample_t *samples =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*samples));
	int round, i, c;

	for (c = 0; c < NR_CONTESTANTS; c++) {
		runner_up(&runs[c], c, res->shape, r);
		verify(&runs[c], c, res->shape, r);
	}
	for (round = 0; round < bench.rounds; round++) {
		bench_progress(&bench, res->shape->name, round);
		for (i = 0; i < NR_CONTESTANTS; i++) {
			c = (round + i) % NR_CONTESTANTS;
			ready_to_complete(res->shape, r);
			samples[round][c] = time_whole(&runs[c], c);
		}
	}
	summarize(res, samples);
	free(samples);
	free(r);
}

/* --- output --- */

static void print_header(void)
{
	int i;

	bench_print_head(&bench);
	printf("rounds    %d, contestants in turn\n", bench.rounds);
	printf("a lookup  ");
	for (i = 0; i < NR_MODELS; i++)
		printf("%s %.1f ns%s", models[i].name, model_ns[i],
		       i + 1 < NR_MODELS ? ", " : "\n");
	printf("page: ns of the whole way of an I/O with page vectors. kept, and the delayed lookups of\n"
	       "so many ns: ratio of physical vectors to it, given pages, medians. even: ns of a lookup at\n"
	       "which they lose; lost: they do without any delay. A bio that keeps its pages has no\n"
	       "lookup, so that nothing moves its ratio. Lookups are timed one waiting for the other;\n"
	       "models whose lookups take as long as that stand at the end of a line.\n\n");
	printf("%-20s %9s %8s %6s", "", "page", "even", "kept");
	for (i = 0; i < NR_DELAYS; i++)
		printf(" %6.1f", delay_ns[i]);
	puts(" lose");
}

static void print_result(const struct result *res)
{
	int c;

	printf("%-20s %9.1f ", res->shape->name, res->page_ns);
	if (res->break_even < 0)
		printf("%8s", "lost");
	else if (res->break_even >= 1e9)
		printf("%8s", "never");
	else
		printf("%8.1f", res->break_even);
	for (c = KEPT; c < NR_CONTESTANTS; c++)
		printf(" %6.3f", res->ratio[c]);
	for (c = 0; c < NR_MODELS; c++)
		if (model_ns[c] >= res->break_even)
			printf(" %s", models[c].name);
	putchar('\n');
}

static void json_result(FILE *f, const struct result *res)
{
	int d;

	fprintf(f,
		"    {\"shape\": \"%s\", \"lookups\": %u, \"page_ns\": %.2f, \"kept_ratio\": %.4f, \"break_even_ns\": ",
		res->shape->name, res->shape->ranges, res->page_ns,
		res->ratio[KEPT]);
	if (res->break_even < 0 || res->break_even >= 1e9)
		fprintf(f, "null, \"lost\": %s",
			res->break_even < 0 ? "true" : "false");
	else
		fprintf(f, "%.2f, \"lost\": false", res->break_even);
	fprintf(f, ",\n     \"curve\": [");
	for (d = 0; d < NR_DELAYS; d++)
		fprintf(f, "%s{\"lookup_ns\": %.2f, \"ratio\": %.4f}",
			d ? ", " : "", delay_ns[d], res->ratio[DELAYED + d]);
	fprintf(f, "]}");
}

static void write_json(const char *path, const struct result *results, int n)
{
	FILE *f = bench_json_open(&bench, path);
	int i;

	fprintf(f, "  \"lookup_ns\": {");
	for (i = 0; i < NR_MODELS; i++)
		fprintf(f, "%s\"%s\": %.2f", i ? ", " : "", models[i].name,
			model_ns[i]);
	fprintf(f, "},\n  \"results\": [\n");
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
	time_lookups();
	print_header();
	for (i = 0; i < NR_SHAPES; i++) {
		if (!bench_wanted(&bench, shapes[i].name))
			continue;
		results[n].shape = &shapes[i];
		bench_shape(&results[n]);
		bench_progress_done();
		print_result(&results[n++]);
		fflush(stdout);
	}
	if (!n)
		bench_die(&bench, "--filter: no shape has \"%s\" in its name",
			  bench.filter);
	for (i = 0; i < bench.nr_json; i++)
		write_json(bench.json[i], results, n);
	physbio_rescache_destroy(&physbio_rescache_mine);
	physbio_rescache_shared_destroy(physbio_rescache_ours);
	physbio_mem_destroy(mem);
	return 0;
}
