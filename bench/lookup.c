// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a physical address to its page struct, under each memory model: one lookup after the
 * other, at random or page by page, with the tables that it goes through in the caches
 * or in none. What is found is compared with the memory map first. What is done with the
 * page it doesn't know, but for the first read of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/mem.h>

#include "pieces.h"
#include "resolve-loops.h"

static struct bench bench = {
	.name = "lookup",
	.title = "one page lookup, under each memory model",
	.rounds = 40,
};

#define PAGE 4096u
#define MIB (1024u * 1024u)
#define ARRAY_SIZE(a) ((int)(sizeof(a) / sizeof((a)[0])))

/*
 * 2 MiB in each of many sections, so far apart that each section's entry has a cache line
 * of its own in every table: over 2.5 TiB.
 */
#define NR_PIECES 4096u
#define PIECE_PAGES 512u
#define PIECE_GAP (5 * (pb_phys_addr_t)PB_PAGES_PER_SECTION * PAGE)
#define NR_WARM 64u /* pieces of a warm case */

static const struct bench_pieces pieces = {
	.nr = NR_PIECES,
	.size = (uint64_t)PIECE_PAGES * PAGE,
	.gap = PIECE_GAP,
};

static struct physbio_mem *mem;

/* --- what is compared --- */

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
	{ "memdesc", &memdesc_resolve_loops },
};

#define NR_MODELS ARRAY_SIZE(models)

/* More than a sample may have: cold ones are so short that few lines are used twice. */
#define MAX_LOOKUPS 4096u

static const struct shape {
	const char *name;
	unsigned int lookups; /* of a sample */
	unsigned int pieces; /* that they are in */
	bool random, cold;
	bool read; /* and read from what is found */
} shapes[] = {
	{ "random, warm", MAX_LOOKUPS, NR_WARM, true, false, false },
	{ "sequential, warm", MAX_LOOKUPS, NR_WARM, false, false, false },
	{ "random, cold", 1024, NR_PIECES, true, true, false },
	{ "sequential, cold", MAX_LOOKUPS, NR_WARM, false, true, false },
	{ "random, warm, and read", MAX_LOOKUPS, NR_WARM, true, false, true },
	{ "random, cold, and read", 1024, NR_PIECES, true, true, true },
};

/* --- addresses --- */

/*
 * More than a branch predictor learns, which may be some 10,000 in the same order: each
 * sample has the next window of them.
 */
#define NR_PFNS (32 * MAX_LOOKUPS)

static unsigned long pfns[NR_PFNS + 1]; /* and one that is read ahead */

static unsigned int nr_windows(const struct shape *shape)
{
	return NR_PFNS / shape->lookups;
}

static unsigned long pfn_of(const struct shape *shape, unsigned int piece,
			    unsigned int page)
{
	return (unsigned long)(bench_piece(&pieces, piece % shape->pieces) >>
			       PB_PAGE_SHIFT) +
	       page % PIECE_PAGES;
}

/*
 * Warm windows have the first one's frames, drawn again if at random: the window before
 * warms what the next one goes through, the pages too.
 */
static void choose_pfns(const struct shape *shape)
{
	uint64_t state = 88172645463325252u;
	unsigned int i, draw;

	for (i = 0; i < NR_PFNS; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		draw = shape->random ? (unsigned int)(state >> 33) : i;
		if (i >= shape->lookups && !shape->cold)
			pfns[i] = pfns[draw % shape->lookups];
		else if (shape->random)
			pfns[i] = pfn_of(shape, draw,
					 (unsigned int)(state >> 40));
		else
			pfns[i] = pfn_of(shape, i / PIECE_PAGES, i);
	}
	pfns[i] = pfns[0];
}

/* --- caches without the tables --- */

/* More than a core's share of a last level has; what a guest is told of it may be anything. */
#define OTHER_SIZE bench_cold_size(&bench)

static char *other; /* what is in them then */

static void make_cold(void)
{
	unsigned long sum = 0;
	size_t at, size = OTHER_SIZE;

	for (at = 0; at < size; at += 64)
		sum += (unsigned char)other[at];
	__asm__ volatile("" ::"r"(sum));
}

/* --- one shape --- */

struct runner {
	const struct shape *shape;
	const struct resolve_loops *loops;
	unsigned int window; /* of the next sample */
};

static const unsigned long *window(const struct runner *r)
{
	return pfns + (size_t)r->window * r->shape->lookups;
}

static void next_window(struct runner *r)
{
	r->window = (r->window + 1) % nr_windows(r->shape);
}

static uintptr_t chain(const struct runner *r)
{
	if (r->shape->read)
		return r->loops->chain_read(window(r), r->shape->lookups);
	return r->loops->chain(window(r), r->shape->lookups);
}

/* The addresses to look up are at hand, as a bio's are. */
static void fetch_window(const struct runner *r)
{
	const unsigned long *at = window(r);
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i <= r->shape->lookups; i++)
		sum += at[i];
	__asm__ volatile("" ::"r"(sum));
}

static void run(void *arg)
{
	chain(arg);
}

/* Warm by the window before. */
static void ready(void *arg)
{
	struct runner *r = arg;

	run(r);
	next_window(r);
	if (r->shape->cold)
		make_cold();
	fetch_window(r);
}

/* The descriptor of a frame: the one that leads to its page. */
static uintptr_t descriptor(unsigned long pfn, const struct pb_page *page)
{
	struct physbio_memdesc *desc = physbio_memdesc_pfn_to_page(pfn);

	if ((const void *)physbio_memdesc_folio(desc) != page)
		bench_die(&bench, "frame 0x%lx: a descriptor of another page",
			  pfn);
	return (uintptr_t)desc;
}

/* What a chain adds for a frame: where it has come to, and what is read there. */
static uintptr_t link_of(const struct runner *r, unsigned long pfn)
{
	const struct pb_page *page =
		physbio_mem_page(mem, (pb_phys_addr_t)pfn << PB_PAGE_SHIFT);

	if (r->loops == &memdesc_resolve_loops)
		return descriptor(pfn, page) +
		       (r->shape->read ? (uintptr_t)page : 0);
	return (uintptr_t)page + (r->shape->read ? page->compound_head : 0);
}

static void verify_window(const struct runner *r, const char *model)
{
	uintptr_t want = 0;
	unsigned int i;

	for (i = 0; i < r->shape->lookups; i++)
		want += link_of(r, window(r)[i]);
	if (chain(r) != want)
		bench_die(&bench, "%s, %s: other pages are found",
			  r->shape->name, model);
}

/* The very loop that is timed, over each window: it's the first one's turn then. */
static void verify(struct runner *r, const char *model)
{
	unsigned int i;

	for (i = 0; i < nr_windows(r->shape); i++) {
		verify_window(r, model);
		next_window(r);
	}
}

static void bench_shape(const struct shape *shape)
{
	struct bench_contestant c[NR_MODELS];
	struct runner runners[NR_MODELS];
	int m;

	choose_pfns(shape);
	for (m = 0; m < NR_MODELS; m++) {
		runners[m] = (struct runner){ shape, models[m].loops, 0 };
		verify(&runners[m], models[m].name);
		c[m] = (struct bench_contestant){
			.name = models[m].name,
			.ready = ready,
			.run = run,
			.arg = &runners[m],
		};
	}
	bench_time(&bench, shape->name, shape->lookups, c, NR_MODELS);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, bench_piece(&pieces, 0), "made up");
	bench_note(
		&bench, "shown",
		"ns for a lookup that waits for the one before; memdesc: of a descriptor of 8 bytes; caches are hit always");
	bench_note(
		&bench, "warm",
		"%u sections, of which each has a cache line of a table to itself",
		NR_WARM);
	bench_note(
		&bench, "cold",
		"%u sections, and %u MiB of other memory are read before each sample",
		NR_PIECES, OTHER_SIZE / MIB);
	bench_note(
		&bench, "addresses",
		"%u, and each sample has the next ones: a branch predictor would learn a short list",
		NR_PFNS);
	bench_note(
		&bench, "read",
		"and from the page struct or descriptor that was found, which folio it belongs to");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	mem = bench_pieces_up(&bench, &pieces);
	other = bench_alloc(&bench, OTHER_SIZE, 1);
	describe();
	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (bench_wanted(&bench, shapes[i].name))
			bench_shape(&shapes[i]);
	free(other);
	bench_pieces_down(mem);
	return bench_end(&bench);
}
