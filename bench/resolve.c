// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it costs to come back to the page at the end of an I/O: once for each entry of a
 * bio, as a share of the work that is done to its pages, under each memory model; and once
 * for each page, as the contrast. What is found is compared with the memory map first, and
 * all pins must be gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/mem.h>
#include <physbio/resolve.h>

#include "pieces.h"
#include "resolve-loops.h"

static struct bench bench = {
	.name = "resolve",
	.title = "page lookup against the work on pages",
	.rounds = 100,
};

#define PAGE 4096u
#define SECTION_BYTES ((pb_phys_addr_t)PB_PAGES_PER_SECTION * PAGE)

/*
 * Memory of 8 GiB in pieces that lie apart, all over 1 TiB: a section each, for each of
 * which a cache of sections has a place of its own.
 */
#define NR_PIECES 64u
#define PIECE_PAGES (UINT32_C(128) << 20 >> PB_PAGE_SHIFT)
#define PIECE_GAP (129 * SECTION_BYTES)
#define ALL_PAGES (NR_PIECES * PIECE_PAGES)

/* Pages of a sample: their structs fit a cache. */
#define SAMPLE_PAGES 2048u
#define MAX_ENTRIES 64u /* of a bio */

/* --- what is compared --- */

enum {
	KEPT, /* the bio has kept its pages: the work alone */
	FLATMEM,
	VMEMMAP,
	SPARSEMEM,
	EXTREME,
	RADIX,
	RANGE,
	CACHE, /* the thread's own */
	SHARED,
	MEMDESC,
	NR_MODELS
};

static const struct {
	const char *name;
	const struct resolve_loops *loops;
} models[NR_MODELS] = {
	[KEPT] = { "work", &vmemmap_resolve_loops },
	[FLATMEM] = { "flatmem", &flatmem_resolve_loops },
	[VMEMMAP] = { "vmemmap", &vmemmap_resolve_loops },
	[SPARSEMEM] = { "sparsemem", &sparsemem_resolve_loops },
	[EXTREME] = { "extreme", &sparsemem_extreme_resolve_loops },
	[RADIX] = { "radix", &radix_resolve_loops },
	[RANGE] = { "range", &range_resolve_loops },
	[CACHE] = { "cache", &rescache_resolve_loops },
	[SHARED] = { "shared", &rescache_shared_resolve_loops },
	[MEMDESC] = { "memdesc", &memdesc_resolve_loops },
};

static const struct shape {
	const char *name;
	unsigned int pages; /* of an entry */
	bool cold; /* page structs are in no cache */
} shapes[] = {
	{ "1 page", 1, false },		{ "2 pages", 2, false },
	{ "4 pages", 4, false },	{ "8 pages", 8, false },
	{ "16 pages", 16, false },	{ "64 pages", 64, false },
	{ "256 pages", 256, false },	{ "512 pages", 512, false },
	{ "1 page, cold", 1, true },	{ "8 pages, cold", 8, true },
	{ "64 pages, cold", 64, true }, { "512 pages, cold", 512, true },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

/* --- memory --- */

static const struct bench_pieces pieces = {
	.nr = NR_PIECES,
	.size = (uint64_t)PIECE_PAGES * PAGE,
	.gap = PIECE_GAP,
};

static struct physbio_mem *mem;

/* --- bios --- */

/*
 * Entries that have no page in common, in no order. A sample takes some of the bios; those
 * of a warm shape are one sample, those of a cold one are many.
 */
struct pool {
	struct pb_bio *bios;
	struct pb_bio_vec *vecs;
	struct pb_page **pages; /* the first page of each entry */
	unsigned int nr_bios;
	unsigned int entries; /* of a bio */
	unsigned int sample; /* bios of a sample */
	unsigned int next; /* bio that the next sample begins with */
};

static uint64_t random_u64(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Numbers below @n, in no order. */
static uint32_t *shuffled(uint32_t n)
{
	uint32_t *order = bench_alloc(&bench, n, sizeof(*order));
	uint32_t i, j, swap;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i; i--) {
		j = (uint32_t)(random_u64() % (i + 1));
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	return order;
}

/*
 * A bio has a table and, behind it, the pages of its entries. The bench keeps them all: it
 * is no submitter that pins.
 */
static void bio_up(struct pool *pool, unsigned int b, const uint32_t *order,
		   unsigned int entry_pages)
{
	size_t stride = pool->entries *
			(sizeof(struct pb_bio_vec) + sizeof(struct pb_page *));
	struct pb_bio *bio = &pool->bios[b];
	unsigned int i;

	pb_bio_init(bio, NULL, (void *)((char *)pool->vecs + b * stride),
		    (unsigned short)pool->entries, PB_REQ_OP_READ);
	for (i = 0; i < pool->entries; i++) {
		uint32_t first = order[b * pool->entries + i] * entry_pages;
		pb_phys_addr_t paddr =
			bench_piece(&pieces, first / PIECE_PAGES) +
			(pb_phys_addr_t)(first % PIECE_PAGES) * PAGE;

		pb_bvec_set_phys(&bio->bi_io_vec[i], paddr, entry_pages * PAGE);
		physbio_bio_kept_pages(bio)[i] = physbio_mem_page(mem, paddr);
	}
	bio->bi_vcnt = bio->bi_max_vecs;
}

static void pool_up(struct pool *pool, const struct shape *shape)
{
	uint32_t all = ALL_PAGES / shape->pages;
	unsigned int entries = SAMPLE_PAGES / shape->pages, b;
	uint32_t *order = shuffled(all);

	pool->entries = entries < MAX_ENTRIES ? entries : MAX_ENTRIES;
	pool->sample = entries / pool->entries;
	pool->nr_bios = shape->cold ? all / pool->entries : pool->sample;
	pool->next = 0;
	pool->bios = bench_alloc(&bench, pool->nr_bios, sizeof(*pool->bios));
	pool->vecs = bench_alloc(&bench, (size_t)pool->nr_bios * pool->entries,
				 sizeof(struct pb_bio_vec) +
					 sizeof(struct pb_page *));
	for (b = 0; b < pool->nr_bios; b++)
		bio_up(pool, b, order, shape->pages);
	free(order);
}

static void pool_down(struct pool *pool)
{
	free(pool->bios);
	free(pool->vecs);
}

/* As when they were pinned and sent: clean, and one pin for each page. */
static void bio_ready(struct pb_bio *bio)
{
	unsigned int i, j;

	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	for (i = 0; i < bio->bi_vcnt; i++) {
		struct pb_page *page = physbio_bio_kept_pages(bio)[i];

		for (j = 0; j < bio->bi_io_vec[i].bv_len / PAGE; j++) {
			page[j].refcount.counter = 1 << 10;
			page[j].flags &= ~(unsigned long)PB_PG_dirty;
		}
	}
}

/* The next sample's bios, ready. In a cold pool all are made ready, once a turn. */
static struct pb_bio *pool_next(struct pool *pool)
{
	unsigned int at = pool->next, b;

	if (at + pool->sample > pool->nr_bios)
		at = 0;
	if (!at)
		for (b = 0; b < pool->nr_bios; b++)
			bio_ready(&pool->bios[b]);
	pool->next = at + pool->sample;
	return &pool->bios[at];
}

/* --- the loops --- */

enum {
	ALONE, /* lookups, once for each entry */
	WHOLE, /* lookups and work */
	EACH, /* lookups, once for each page */
	NR_LOOPS
};

static const char *const loop_names[NR_LOOPS] = { "entry", "whole", "page" };

static void *found[SAMPLE_PAGES];

static struct resolve_loop loop_of(struct pool *pool, int m)
{
	struct resolve_loop loop = {
		.bios = pool_next(pool),
		.nr_bios = pool->sample,
		.found = found,
	};
	unsigned int b;

	for (b = 0; b < loop.nr_bios; b++)
		if (m == KEPT)
			pb_bio_set_flag(&loop.bios[b], PHYSBIO_BIO_PAGES_KEPT);
		else
			pb_bio_clear_flag(&loop.bios[b],
					  PHYSBIO_BIO_PAGES_KEPT);
	return loop;
}

static resolve_loop_fn *loop_fn(int m, int which)
{
	const struct resolve_loops *l = models[m].loops;

	return which == ALONE ? l->entries :
	       which == EACH  ? l->pages :
				l->release;
}

/* With pages that are kept nothing is looked up. */
static bool takes_part(int m, int which)
{
	return loop_fn(m, which) && (m != KEPT || which == WHOLE);
}

/* --- verification --- */

static void verify_found(const struct shape *shape, int m,
			 const struct resolve_loop *loop, bool each)
{
	unsigned int b, i, j, n = 0;

	for (b = 0; b < loop->nr_bios; b++)
		for (i = 0; i < loop->bios[b].bi_vcnt; i++)
			for (j = 0; j < (each ? shape->pages : 1); j++, n++) {
				pb_phys_addr_t at =
					loop->bios[b].bi_io_vec[i].bv_paddr +
					j * PAGE;

				if (found[n] != physbio_mem_page(mem, at))
					bench_die(
						&bench,
						"%s, %s: another page for 0x%llx",
						shape->name, models[m].name,
						(unsigned long long)at);
			}
}

static void verify_released(const struct shape *shape, int m,
			    const struct resolve_loop *loop)
{
	unsigned int b, i, j;

	for (b = 0; b < loop->nr_bios; b++)
		for (i = 0; i < loop->bios[b].bi_vcnt; i++)
			for (j = 0; j < shape->pages; j++) {
				const struct pb_page *page =
					physbio_bio_kept_pages(
						&loop->bios[b])[i] +
					j;

				if (page->refcount.counter ||
				    !(page->flags & PB_PG_dirty))
					bench_die(
						&bench,
						"%s, %s: a page is pinned or clean",
						shape->name, models[m].name);
			}
}

static void verify(struct pool *pool, const struct shape *shape)
{
	int m, which;

	for (m = 0; m < NR_MODELS; m++)
		for (which = 0; which < NR_LOOPS; which++) {
			struct resolve_loop loop;

			if (!takes_part(m, which))
				continue;
			pool->next = 0;
			loop = loop_of(pool, m);
			memset(found, 0xff, sizeof(found));
			loop_fn(m, which)(&loop);
			if (which == WHOLE)
				verify_released(shape, m, &loop);
			else
				verify_found(shape, m, &loop, which == EACH);
		}
	pool->next = 0;
}

/* --- one shape --- */

struct runner {
	struct pool *pool;
	int m;
	int which;
	unsigned int passes; /* in a sample */
	struct resolve_loop loop;
};

static void ready(void *arg)
{
	struct runner *r = arg;

	r->loop = loop_of(r->pool, r->m);
}

static void run(void *arg)
{
	struct runner *r = arg;
	unsigned int i;

	for (i = 0; i < r->passes; i++)
		loop_fn(r->m, r->which)(&r->loop);
}

/* So that a few lookups are not too short for the clock. Work is done once. */
static unsigned int passes_of(const struct shape *shape, int which)
{
	if (which == WHOLE || bench.count)
		return 1;
	return which == ALONE ? 2 * shape->pages : 4;
}

/* The work alone is the measure in every case. */
static void bench_loops(const struct shape *shape, int which, const char *name)
{
	struct bench_contestant c[NR_MODELS];
	struct runner runners[NR_MODELS];
	struct pool pool;
	int m, n = 0;

	pool_up(&pool, shape);
	verify(&pool, shape);
	for (m = 0; m < NR_MODELS; m++) {
		if (m != KEPT && !takes_part(m, which))
			continue;
		runners[n] = (struct runner){ .pool = &pool, .m = m };
		runners[n].which = m == KEPT ? WHOLE : which;
		runners[n].passes = passes_of(shape, runners[n].which);
		c[n] = (struct bench_contestant){
			.name = models[m].name,
			.base = models[KEPT].name,
			.ready = ready,
			.run = run,
			.arg = &runners[n],
			.units =
				runners[n].passes * SAMPLE_PAGES / shape->pages,
		};
		n++;
	}
	bench_time(&bench, name, SAMPLE_PAGES / shape->pages, c, n);
	pool_down(&pool);
}

/* Only the work touches page structs, so only with the work there is something cold. */
static void bench_which(int which)
{
	char name[80];
	int i;

	for (i = 0; i < NR_SHAPES; i++) {
		if (shapes[i].cold && which != WHOLE)
			continue;
		snprintf(name, sizeof(name), "%s: %s", shapes[i].name,
			 loop_names[which]);
		if (bench_wanted(&bench, name))
			bench_loops(&shapes[i], which, name);
	}
}

static void describe(void)
{
	bench_note_memory(&bench, mem, bench_piece(&pieces, 0), "made up");
	bench_note(
		&bench, "work",
		"to mark each page dirty and drop a pin, pages of order 0, by pages that the bio has kept: ns for an entry");
	bench_note(
		&bench, "entry",
		"lookups alone, once for each entry, as a share of the work");
	bench_note(&bench, "whole", "lookups and work, as a share of the work");
	bench_note(&bench, "page",
		   "lookups alone, once for each page, as a share of the work");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	mem = bench_pieces_up(&bench, &pieces);
	describe();
	for (i = 0; i < NR_LOOPS; i++)
		bench_which(i);
	bench_pieces_down(mem);
	return bench_end(&bench);
}
