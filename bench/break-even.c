// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How much a page lookup may cost before physical vectors lose to page vectors: the whole
 * way of an I/O, with a lookup at its end whose time is dialled in, and with none, since
 * the bio has kept its pages. The lookups of real memory models are timed beside it.
 */
#include <stdio.h>
#include <stdlib.h>

#include <physbio/mem.h>

#include "../src/repr/ops.h"
#include "../src/repr/stages.h"
#include "driver.h"
#include "pieces.h"
#include "resolve-loops.h"

extern const struct physbio_stages delay_physbio_stages;

static struct bench bench = {
	.name = "break-even",
	.title = "what a page lookup may cost",
	.rounds = 100,
};

#define PAGE 4096u

/* --- what is compared --- */

#define NR_DELAYS BENCH_NR_DELAYS

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
#define PIECE_GAP ((uint64_t)129 * PIECE_PAGES * PAGE)

static const struct bench_pieces pieces = {
	.nr = NR_PIECES,
	.size = (uint64_t)PIECE_PAGES * PAGE,
	.gap = PIECE_GAP,
};

static struct physbio_mem *mem;

/* No two ranges touch, and no two have a page in common: one piece after the other. */
static struct physbio_stage_range *make_ranges(const struct shape *shape)
{
	unsigned int n = shape->ios * shape->ranges, i;
	struct physbio_stage_range *r = bench_alloc(&bench, n, sizeof(*r));

	for (i = 0; i < n; i++) {
		r[i].paddr = bench_piece(&pieces, i % NR_PIECES) +
			     (pb_phys_addr_t)(i / NR_PIECES) * 2 *
				     shape->pages * PAGE;
		r[i].len = shape->pages * PAGE;
		r[i].page = physbio_mem_page(mem, r[i].paddr);
	}
	return r;
}

/* --- one I/O after the other --- */

struct runner {
	int c; /* contestant */
	const struct shape *shape;
	const struct physbio_stage_range *r;
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

static void lists_up(struct runner *run)
{
	bench_lists_up(&bench, run->lists);
	run->ctx.iod.lists = run->lists;
	run->ctx.iod.ranges = run->ranges;
	run->ctx.iod.max_ranges = PB_NVME_MAX_SEGS;
	run->ctx.iod.sgl_supported = true;
	run->ctx.iod.sgl_threshold = 32768; /* the driver's default */
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

static void runner_up(struct runner *run)
{
	static const struct pb_queue_limits limits = {
		.max_hw_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_user_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_segments = 2 * PB_NVME_MAX_SEGS,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};
	const struct physbio_repr *repr = run->c == PAGES ? &page_physbio_repr :
							    &phys_physbio_repr;

	repr->xlate_init_identity(&run->xlate);
	run->dev.xlate = &run->xlate;
	run->dev.dma_mask = UINT64_MAX;
	run->ctx.q = bench_queue(&bench, repr, NULL, &limits, NULL);
	run->ctx.lim = pb_queue_limits(run->ctx.q);
	run->bdev.bd_queue = run->ctx.q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	run->ctx.bdev = &run->bdev;
	run->ctx.dev = &run->dev;
	run->ctx.page_given = true;
	run->ctx.keep_pages = run->c == KEPT;
	lists_up(run);
	ios_up(&run->ctx, run->shape, run->r);
}

static void runner_down(struct runner *run)
{
	unsigned int i;

	for (i = 0; i < run->ctx.nr_ios; i++)
		free(run->ctx.ios[i].table);
	bench_lists_down(run->lists);
	free(run->ctx.ios);
	(run->c == PAGES ? &page_physbio_repr : &phys_physbio_repr)
		->blk_mq_destroy_queue(run->ctx.q);
}

/* Clean pages that nobody has pinned; and the next lookups take so long. */
static void ready(void *arg)
{
	const struct runner *run = arg;
	unsigned int n = run->shape->ios * run->shape->ranges, i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < run->shape->pages; j++) {
			run->r[i].page[j].refcount.counter = 0;
			run->r[i].page[j].flags &= ~(unsigned long)PB_PG_dirty;
		}
	if (run->c >= DELAYED)
		bench_delay = bench_delays[run->c - DELAYED].fn;
}

static void run_whole(void *arg)
{
	struct runner *run = arg;

	stages_of(run->c)->whole(&run->ctx);
}

static void verify(struct runner *run)
{
	const struct shape *shape = run->shape;
	unsigned int n = shape->ios * shape->ranges, i, j;

	ready(run);
	run_whole(run);
	for (i = 0; i < n; i++)
		for (j = 0; j < shape->pages; j++)
			if (run->r[i].page[j].refcount.counter ||
			    !(run->r[i].page[j].flags & PB_PG_dirty))
				bench_die(&bench,
					  "%s: a page is pinned or clean",
					  shape->name);
	for (i = 0; i < shape->ios; i++)
		if (run->ctx.ios[i].bio.bi_vcnt != shape->ranges)
			bench_die(&bench, "%s: a bio of %u entries",
				  shape->name, run->ctx.ios[i].bio.bi_vcnt);
}

static void delay_name(char name[16], int d)
{
	snprintf(name, 16, "delay %u", bench_delays[d].steps);
}

static void bench_shape(const struct shape *shape)
{
	static struct runner runs[NR_CONTESTANTS];
	static char names[NR_CONTESTANTS][16] = { "page", "kept" };
	struct physbio_stage_range *r = make_ranges(shape);
	struct bench_contestant c[NR_CONTESTANTS];
	int i;

	for (i = 0; i < NR_CONTESTANTS; i++) {
		if (i >= DELAYED)
			delay_name(names[i], i - DELAYED);
		runs[i] = (struct runner){ .c = i, .shape = shape, .r = r };
		runner_up(&runs[i]);
		verify(&runs[i]);
		c[i] = (struct bench_contestant){
			.name = names[i],
			.ready = ready,
			.run = run_whole,
			.arg = &runs[i],
		};
	}
	bench_time(&bench, shape->name, shape->ios, c, NR_CONTESTANTS);
	for (i = 0; i < NR_CONTESTANTS; i++)
		runner_down(&runs[i]);
	free(r);
}

/* --- what a lookup takes --- */

#define CHAIN 4096u
#define NR_WINDOWS 32u /* more than a branch predictor learns: one a sample */
#define NR_PFNS (NR_WINDOWS * CHAIN)
#define LOOKUPS "one lookup"

static unsigned long *pfns;

/* Pages in no order. */
static void choose_pages(void)
{
	uint64_t state = 88172645463325252u;
	unsigned int i;

	/* and one that may be read ahead */
	pfns = bench_alloc(&bench, NR_PFNS + 1, sizeof(*pfns));
	for (i = 0; i < NR_PFNS; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		pfns[i] = (unsigned long)(bench_piece(&pieces,
						      (unsigned int)(state >>
								     33) %
							      NR_PIECES) >>
					  PB_PAGE_SHIFT) +
			  (unsigned long)(state >> 40) % PIECE_PAGES;
	}
}

struct lookup {
	const struct resolve_loops *loops;
	unsigned int delay; /* of bench_delays */
	unsigned int window; /* of the next sample */
};

static const unsigned long *window(const struct lookup *l)
{
	return pfns + (size_t)l->window * CHAIN;
}

static void next_window(struct lookup *l)
{
	l->window = (l->window + 1) % NR_WINDOWS;
}

/* Each waits for the one before it. */
static void run_lookups(void *arg)
{
	const struct lookup *l = arg;

	l->loops->chain(window(l), CHAIN);
}

/* The addresses to look up are at hand, as a bio's are. */
static void fetch_window(const struct lookup *l)
{
	const unsigned long *at = window(l);
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i <= CHAIN; i++)
		sum += at[i];
	__asm__ volatile("" ::"r"(sum));
}

/* Warm by the window before, which is in the same pieces. */
static void ready_lookups(void *arg)
{
	struct lookup *l = arg;

	bench_delay = bench_delays[l->delay].fn;
	run_lookups(l);
	next_window(l);
	fetch_window(l);
}

static void verify_window(const struct lookup *l, const char *name)
{
	uintptr_t want = 0;
	unsigned int i;

	for (i = 0; i < CHAIN; i++)
		want += (uintptr_t)physbio_mem_page(
			mem, (pb_phys_addr_t)window(l)[i] << PB_PAGE_SHIFT);
	if (l->loops->chain(window(l), CHAIN) != want)
		bench_die(&bench, "%s: other pages are found", name);
}

/* Each window: it's the first one's turn then. */
static void verify_lookups(struct lookup *l, const char *name)
{
	unsigned int i;

	bench_delay = bench_delays[l->delay].fn;
	for (i = 0; i < NR_WINDOWS; i++) {
		verify_window(l, name);
		next_window(l);
	}
}

static void bench_lookups(void)
{
	static struct lookup lookups[NR_MODELS + NR_DELAYS];
	static char names[NR_DELAYS][16];
	struct bench_contestant c[NR_MODELS + NR_DELAYS];
	int i;

	choose_pages();
	for (i = 0; i < NR_MODELS + NR_DELAYS; i++) {
		int d = i - NR_MODELS;

		if (d >= 0)
			delay_name(names[d], d);
		lookups[i].loops = d < 0 ? models[i].loops :
					   &delay_resolve_loops;
		lookups[i].delay = d < 0 ? 0 : (unsigned int)d;
		c[i] = (struct bench_contestant){
			.name = d < 0 ? models[i].name : names[d],
			.ready = ready_lookups,
			.run = run_lookups,
			.arg = &lookups[i],
		};
		verify_lookups(&lookups[i], c[i].name);
	}
	bench_time(&bench, LOOKUPS, CHAIN, c, NR_MODELS + NR_DELAYS);
	free(pfns);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, bench_piece(&pieces, 0), "made up");
	bench_note(
		&bench, "shown",
		"ns for the whole way of an I/O with page vectors; ratios of physical vectors to it, given pages");
	bench_note(
		&bench, "kept",
		"the bio has kept its pages: no lookup, so that nothing moves its ratio");
	bench_note(
		&bench, "delay N",
		"a lookup at the end for each entry that takes N steps more: how long, \"" LOOKUPS
		"\" says");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	mem = bench_pieces_up(&bench, &pieces);
	describe();
	if (bench_wanted(&bench, LOOKUPS))
		bench_lookups();
	for (i = 0; i < NR_SHAPES; i++)
		if (bench_wanted(&bench, shapes[i].name))
			bench_shape(&shapes[i]);
	bench_pieces_down(mem);
	return bench_end(&bench);
}
