// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The page twin's operations one by one, as bench/anchors/ has the kernel's own times of
 * them, and the walks of vectors in the engine's way and in the kernel's steps. Every
 * result is held against what it must be, the same for all contestants, before it is
 * timed. What the kernel takes is no concern of this file: see anchors.py.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/mem.h>

#include "anchor-loops.h"
#include "harness.h"

#define MIB (1024u * 1024)
#define PAGE 4096u

static struct bench bench = {
	.name = "anchor",
	.title =
		"single operations, as the kernel's own times are known; and its steps against the engine's",
	.rounds = 150,
};

/* --- contestants --- */

static const struct entrant {
	const char *name;
	const struct anchor_loops *loops;
	bool shape; /* in the kernel's steps */
} entrants[] = {
	{ "page, FLATMEM", &flat_anchor_loops, false },
	{ "page", &vmemmap_anchor_loops, false },
	{ "phys", &phys_anchor_loops, false },
	{ "kernel's steps", &flat_anchor_loops, true },
	{ "kernel's steps, page", &vmemmap_anchor_loops, true },
	{ "kernel's steps, phys", &phys_anchor_loops, true },
};

#define NR_ENTRANTS ((int)(sizeof(entrants) / sizeof(entrants[0])))
#define NR_ENGINES 3

/* --- limits --- */

#define LIMITS                                                  \
	.max_hw_sectors = 1 << 20, .max_user_sectors = 1 << 20, \
	.max_segments = 1024, .max_segment_size = UINT32_MAX,   \
	.dma_alignment = 3

static const struct pb_queue_limits wide = { LIMITS };
static const struct pb_queue_limits virt_boundary = {
	LIMITS,
	.virt_boundary_mask = PAGE - 1,
};
static const struct pb_queue_limits short_segments = {
	.max_hw_sectors = 1 << 20,
	.max_user_sectors = 1 << 20,
	.max_segments = 1024,
	.max_segment_size = PAGE,
	.dma_alignment = 3,
};
static const struct pb_queue_limits few_segments = {
	.max_hw_sectors = 1 << 20,
	.max_user_sectors = 1 << 20,
	.max_segments = 64,
	.max_segment_size = UINT32_MAX,
	.dma_alignment = 3,
};

/* --- operations --- */

#define ANY UINT64_MAX /* the same of all, but which is not said here */
#define NONE ANCHOR_NR_OPS

static const struct operation {
	const char *name;
	enum anchor_op op;
	enum anchor_op shape; /* the same in the kernel's steps, or NONE */
	unsigned int nr; /* pages */
	enum anchor_layout layout;
	const struct pb_queue_limits *limits;
	unsigned int reps; /* a sample of some 20 us */
	uint64_t result; /* what comes of it */
	bool one_page_bios, pinned, apart;
} operations[] = {
	{ "bio_init", ANCHOR_BIO_INIT, NONE, 1, ANCHOR_SCATTERED, &wide, 8192,
	  ANCHOR_MAX_PAGES },
	{ "bio_add_page, contiguous pages, 256 calls", ANCHOR_ADD, NONE, 256,
	  ANCHOR_CONTIGUOUS, &wide, 20, MIB },
	{ "bio_add_page, scattered pages, 256 calls", ANCHOR_ADD, NONE, 256,
	  ANCHOR_SCATTERED, &wide, 20, MIB },
	{ "bio_add_page, 1 MiB folio, 1 call", ANCHOR_ADD, NONE, 256,
	  ANCHOR_FOLIO, &wide, 4096, MIB },
	{ "iterate, 256 scattered vectors", ANCHOR_ITERATE, NONE, 256,
	  ANCHOR_SCATTERED, &wide, 64, MIB },
	{ "split check, 4 KiB bio", ANCHOR_SPLIT, NONE, 1, ANCHOR_SCATTERED,
	  &wide, 8192, 1 },
	{ "split walk, 256 scattered vectors", ANCHOR_SPLIT, ANCHOR_SPLIT_SHAPE,
	  256, ANCHOR_SCATTERED, &wide, 32, 256 },
	{ "split walk, 256 scattered vectors, virt boundary 4095", ANCHOR_SPLIT,
	  ANCHOR_SPLIT_SHAPE, 256, ANCHOR_SCATTERED, &virt_boundary, 32, 256 },
	{ "split walk, one 1 MiB vector, max segment 4096", ANCHOR_SPLIT,
	  ANCHOR_SPLIT_SHAPE, 256, ANCHOR_FOLIO, &short_segments, 32, 256 },
	{ "real split, 256 scattered into 4 x 64", ANCHOR_SPLIT_REAL, NONE, 256,
	  ANCHOR_SCATTERED, &few_segments, 20, 4 },
	{ "map_sg 7.x, 4 KiB", ANCHOR_MAP_SG, ANCHOR_MAP_SG_SHAPE, 1,
	  ANCHOR_SCATTERED, &wide, 2048, 1 },
	{ "map_sg 7.x, 256 scattered vectors", ANCHOR_MAP_SG,
	  ANCHOR_MAP_SG_SHAPE, 256, ANCHOR_SCATTERED, &wide, 20, 256 },
	{ "map_sg 7.x, one 1 MiB vector", ANCHOR_MAP_SG, ANCHOR_MAP_SG_SHAPE,
	  256, ANCHOR_FOLIO, &wide, 2048, 1 },
	{ "map_sg 7.x, one 1 MiB vector, max segment 4096", ANCHOR_MAP_SG,
	  ANCHOR_MAP_SG_SHAPE, 256, ANCHOR_FOLIO, &short_segments, 20, 256 },
	{ "map_sg 7.x, 256 one-page bios, scattered", ANCHOR_MAP_SG,
	  ANCHOR_MAP_SG_SHAPE, 256, ANCHOR_SCATTERED, &wide, 20, 256,
	  .one_page_bios = true },
	{ "map_sg 7.x, 256 one-page bios, contiguous", ANCHOR_MAP_SG,
	  ANCHOR_MAP_SG_SHAPE, 256, ANCHOR_CONTIGUOUS, &wide, 20, 1,
	  .one_page_bios = true },
	{ "map_sg 6.1, 4 KiB", ANCHOR_MAP_SG_6_1, NONE, 1, ANCHOR_SCATTERED,
	  &wide, 2048, 1 },
	{ "map_sg 6.1, 256 scattered vectors", ANCHOR_MAP_SG_6_1, NONE, 256,
	  ANCHOR_SCATTERED, &wide, 20, 256 },
	{ "map_sg 6.1, one 1 MiB vector", ANCHOR_MAP_SG_6_1, NONE, 256,
	  ANCHOR_FOLIO, &wide, 2048, 1 },
	{ "map_sg 6.1, one 1 MiB vector, max segment 4096", ANCHOR_MAP_SG_6_1,
	  NONE, 256, ANCHOR_FOLIO, &short_segments, 20, 256 },
	{ "map_sg 6.1, 256 one-page bios, scattered", ANCHOR_MAP_SG_6_1, NONE,
	  256, ANCHOR_SCATTERED, &wide, 20, 256, .one_page_bios = true },
	{ "map_sg 6.1, 256 one-page bios, contiguous", ANCHOR_MAP_SG_6_1, NONE,
	  256, ANCHOR_CONTIGUOUS, &wide, 20, 1, .one_page_bios = true },
	{ "map iterator, 256 scattered vectors", ANCHOR_MAP_ITER,
	  ANCHOR_MAP_ITER_SHAPE, 256, ANCHOR_SCATTERED, &wide, 20, ANY },
	{ "DMA map iterator, 256 scattered vectors", ANCHOR_DMA_ITER, NONE, 256,
	  ANCHOR_SCATTERED, &wide, 20, ANY },
	{ "back merge", ANCHOR_BACK_MERGE, NONE, 1, ANCHOR_SCATTERED, &wide,
	  2048, 1 },
	{ "back merge, virt boundary 4095", ANCHOR_BACK_MERGE, NONE, 1,
	  ANCHOR_SCATTERED, &virt_boundary, 2048, 1 },
	{ "plug merge attempt, succeeds", ANCHOR_PLUG_MERGE, NONE, 1,
	  ANCHOR_SCATTERED, &wide, 2048, 1 },
	{ "plug merge attempt, not adjacent", ANCHOR_PLUG_MERGE, NONE, 1,
	  ANCHOR_SCATTERED, &wide, 4096, 0, .apart = true },
	{ "submit under a plug, 256 scattered 4 KiB bios", ANCHOR_PLUG_SUBMIT,
	  NONE, 256, ANCHOR_SCATTERED, &wide, 2, MIB },
	/* Hot, of 256 pages: none is brought from anywhere. */
	{ "page get and put, 256 pages", ANCHOR_GET_PUT, NONE, 256,
	  ANCHOR_CONTIGUOUS, &wide, 16, 256 },
	{ "4 KiB I/O: alloc, add, split, map, free", ANCHOR_PATH, NONE, 1,
	  ANCHOR_SCATTERED, &wide, 512, 1 },
	{ "4 KiB I/O: pin, dirty, release too", ANCHOR_PATH, NONE, 1,
	  ANCHOR_SCATTERED, &wide, 512, 1, .pinned = true },
	{ "4 KiB I/O: through submit_bio", ANCHOR_SUBMIT, NONE, 1,
	  ANCHOR_SCATTERED, &wide, 256, 1 },
	{ "4 KiB I/O: through submit_bio, pin, dirty, release too",
	  ANCHOR_SUBMIT, NONE, 1, ANCHOR_SCATTERED, &wide, 256, 1,
	  .pinned = true },
	{ "1 MiB I/O, 256 scattered pages: alloc, add, split, map, free",
	  ANCHOR_PATH, NONE, 256, ANCHOR_SCATTERED, &wide, 8, 256 },
	{ "1 MiB I/O, 256 scattered pages: pin, dirty, release too",
	  ANCHOR_PATH, NONE, 256, ANCHOR_SCATTERED, &wide, 4, 256,
	  .pinned = true },
	{ "1 MiB I/O, 256 scattered pages: through submit_bio", ANCHOR_SUBMIT,
	  NONE, 256, ANCHOR_SCATTERED, &wide, 8, 256 },
	{ "1 MiB I/O, 256 scattered pages: through submit_bio, pin, dirty, release too",
	  ANCHOR_SUBMIT, NONE, 256, ANCHOR_SCATTERED, &wide, 4, 256,
	  .pinned = true },
	{ "1 MiB I/O, contiguous pages: alloc, add, split, map, free",
	  ANCHOR_PATH, NONE, 256, ANCHOR_CONTIGUOUS, &wide, 20, 1 },
	{ "1 MiB I/O, contiguous pages: pin, dirty, release too", ANCHOR_PATH,
	  NONE, 256, ANCHOR_CONTIGUOUS, &wide, 4, 1, .pinned = true },
	{ "1 MiB I/O, contiguous pages: through submit_bio", ANCHOR_SUBMIT,
	  NONE, 256, ANCHOR_CONTIGUOUS, &wide, 20, 1 },
	{ "1 MiB I/O, contiguous pages: through submit_bio, pin, dirty, release too",
	  ANCHOR_SUBMIT, NONE, 256, ANCHOR_CONTIGUOUS, &wide, 4, 1,
	  .pinned = true },
	{ "1 MiB I/O, one folio: alloc, add, split, map, free", ANCHOR_PATH,
	  NONE, 256, ANCHOR_FOLIO, &wide, 512, 1 },
	{ "1 MiB I/O, one folio: pin, dirty, release too", ANCHOR_PATH, NONE,
	  256, ANCHOR_FOLIO, &wide, 16, 1, .pinned = true },
	{ "1 MiB I/O, one folio: through submit_bio", ANCHOR_SUBMIT, NONE, 256,
	  ANCHOR_FOLIO, &wide, 256, 1 },
	{ "1 MiB I/O, one folio: through submit_bio, pin, dirty, release too",
	  ANCHOR_SUBMIT, NONE, 256, ANCHOR_FOLIO, &wide, 16, 1,
	  .pinned = true },
};

#define NR_OPERATIONS ((int)(sizeof(operations) / sizeof(operations[0])))

/* --- memory --- */

#define RAM_START (UINT64_C(1) << 32)
#define RAM_SIZE (64 * MIB)
#define FOLIO_START (RAM_START + RAM_SIZE - 2 * MIB)
#define FOLIO_ORDER 8

static struct physbio_mem *mem;

static void set_up_memory(void)
{
	const struct physbio_mem_range ram = { RAM_START, RAM_SIZE,
					       PHYSBIO_MEM_RAM, bench.node,
					       NULL };
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(flatmem) |
			  PHYSBIO_MEMMODEL_BIT(vmemmap),
	};
	struct physbio_error error = { .message = "no memory" };

	if (physbio_mem_create_for(&ram, 1, &options, &mem, &error) ||
	    physbio_mem_make_folio(mem, FOLIO_START, FOLIO_ORDER))
		bench_die(&bench, "memory: %s", error.message);
}

/*
 * Page @i: of scattered ones no two touch, and they are in no order. Their page structs are
 * an odd number of cache lines apart, so that all sets of a cache have as many.
 */
static uint64_t page_at(enum anchor_layout layout, unsigned int i)
{
	switch (layout) {
	case ANCHOR_CONTIGUOUS:
		return RAM_START + (uint64_t)i * PAGE;
	case ANCHOR_FOLIO:
		return FOLIO_START + (uint64_t)i * PAGE;
	default:
		return RAM_START +
		       3 * (uint64_t)(i * 37 % (ANCHOR_MAX_PAGES + 1)) * PAGE;
	}
}

/* --- one contestant --- */

struct runner {
	const struct entrant *e;
	const struct operation *o;
	uint64_t (*op)(struct anchor_ctx *ctx);
	struct anchor_ctx ctx;
	struct pb_page *pages[ANCHOR_MAX_PAGES + 1];
};

static void run_op(void *arg)
{
	struct runner *run = arg;

	run->op(&run->ctx);
}

static bool makes_sg(enum anchor_op op)
{
	return op == ANCHOR_MAP_SG || op == ANCHOR_MAP_SG_6_1 ||
	       op == ANCHOR_PATH || op == ANCHOR_SUBMIT;
}

/* Each entry's page, offset and length; and the last one says so. */
static void verify_sg(const struct runner *run)
{
	const struct pb_scatterlist *sg = run->ctx.sg;
	unsigned int n = (unsigned int)run->o->result, i;
	unsigned int pages = run->o->nr / n;

	for (i = 0; i < n; i++)
		if (sg[i].page != run->pages[i * pages] || sg[i].offset ||
		    sg[i].length != pages * PAGE ||
		    !(sg[i].sg_flags & PB_SG_END) != (i + 1 < n))
			bench_die(&bench, "%s, %s: entry %u is wrong",
				  run->o->name, run->e->name, i);
}

static void verify_pages(const struct runner *run)
{
	unsigned int i;

	for (i = 0; run->o->pinned && i < run->o->nr; i++)
		if (physbio_mem_pinned(mem, page_at(run->o->layout, i), PAGE) ||
		    !(pb_compound_head(run->pages[i])->flags & PB_PG_dirty))
			bench_die(&bench, "%s, %s: page %u is pinned or clean",
				  run->o->name, run->e->name, i);
}

/* @want: what the others got */
static void verify(struct runner *run, uint64_t *want)
{
	unsigned int reps = run->ctx.reps;
	uint64_t got;

	run->ctx.reps = 1;
	got = run->op(&run->ctx);
	if (*want == ANY)
		*want = got;
	if (got != *want)
		bench_die(&bench, "%s, %s: %llu comes of it, not %llu",
			  run->o->name, run->e->name, (unsigned long long)got,
			  (unsigned long long)*want);
	if (makes_sg(run->o->op))
		verify_sg(run);
	verify_pages(run);
	run->ctx.reps = reps;
}

static void runner_up(struct runner *run)
{
	const struct operation *o = run->o;
	unsigned int i;

	for (i = 0; i <= ANCHOR_MAX_PAGES; i++)
		run->pages[i] = physbio_mem_page(mem, page_at(o->layout, i));
	run->op = run->e->loops->run[run->e->shape ? o->shape : o->op];
	run->ctx.pages = run->pages;
	run->ctx.nr = o->nr;
	run->ctx.layout = o->layout;
	run->ctx.one_page_bios = o->one_page_bios;
	run->ctx.pinned = o->pinned;
	run->ctx.apart = o->apart;
	run->ctx.limits = o->limits;
	run->ctx.reps = o->reps;
	if (run->e->loops->up(&run->ctx))
		bench_die(&bench, "%s: no memory", o->name);
}

static void bench_operation(const struct operation *o)
{
	static struct runner runners[NR_ENTRANTS];
	struct bench_contestant c[NR_ENTRANTS];
	int i, nr = o->shape == NONE ? NR_ENGINES : NR_ENTRANTS;
	uint64_t want = o->result;

	memset(runners, 0, sizeof(runners));
	for (i = 0; i < nr; i++) {
		runners[i].e = &entrants[i];
		runners[i].o = o;
		runner_up(&runners[i]);
		verify(&runners[i], &want);
		c[i] = (struct bench_contestant){
			.name = entrants[i].name,
			.run = run_op,
			.arg = &runners[i],
		};
	}
	bench_time(&bench, o->name, o->reps, c, nr);
	for (i = 0; i < nr; i++)
		entrants[i].loops->down(&runners[i].ctx);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, RAM_START, "made up");
	bench_note(
		&bench, "shown",
		"ns for one operation; hot, the same again and again; pages of 4 KiB; reads");
	bench_note(
		&bench, "7.x, 6.1",
		"the shapes of the kernel's __blk_rq_map_sg(): over an iterator of ranges, and before");
	bench_note(
		&bench, "steps",
		"the same decisions in the steps that the kernel takes to them");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	set_up_memory();
	describe();
	for (i = 0; i < NR_OPERATIONS; i++)
		if (bench_wanted(&bench, operations[i].name))
			bench_operation(&operations[i]);
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
