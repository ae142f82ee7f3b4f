// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it costs to come back to the page at the end of an I/O: once for each entry of a
 * bio, as a share of the work that is done to its pages, under each memory model; and once
 * for each page, as the contrast. What is found is compared with the memory map first, and
 * all pins must be gone.
 */
#include <stdlib.h>
#include <string.h>

#include <physbio/mem.h>
#include <physbio/resolve.h>

#include "harness.h"
#include "resolve-loops.h"

#include "../src/user/rescache-model.h"

static struct bench bench = {
	.name = "resolve",
	.title = "page lookup against the work on pages",
	.rounds = 400,
	.quick_rounds = 80,
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
#define NR_CACHED 64u /* entries of a cache */
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
	unsigned int
		from; /* pages an entry, from which the goal is held; 0: never */
} models[NR_MODELS] = {
	[KEPT] = { "kept", &vmemmap_resolve_loops, 0 },
	[FLATMEM] = { "flatmem", &flatmem_resolve_loops, 8 },
	[VMEMMAP] = { "vmemmap", &vmemmap_resolve_loops, 8 },
	[SPARSEMEM] = { "sparsemem", &sparsemem_resolve_loops, 8 },
	[EXTREME] = { "extreme", &sparsemem_extreme_resolve_loops, 8 },
	[RADIX] = { "radix", &radix_resolve_loops, 64 },
	[RANGE] = { "range", &range_resolve_loops, 64 },
	[CACHE] = { "cache", &rescache_resolve_loops, 8 },
	[SHARED] = { "shared", &rescache_shared_resolve_loops, 8 },
	[MEMDESC] = { "memdesc", &memdesc_resolve_loops, 0 },
};

#define GOAL 5.0 /* per cent of the work */

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

static struct physbio_mem *mem;

static pb_phys_addr_t piece_start(unsigned int i)
{
	return (i + 1) * PIECE_GAP;
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
}

/* With room for all pieces, so that once they are in, every lookup is a hit. */
static void set_up_caches(void)
{
	if (physbio_rescache_init(&physbio_rescache_mine, NR_CACHED) ||
	    physbio_rescache_shared_create(NR_CACHED, &physbio_rescache_ours))
		bench_die(&bench, "no caches");
}

static void free_caches(void)
{
	physbio_rescache_destroy(&physbio_rescache_mine);
	physbio_rescache_shared_destroy(physbio_rescache_ours);
}

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
			piece_start(first / PIECE_PAGES) +
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
	EACH, /* lookups, once for each page */
	WHOLE, /* lookups and work */
	NR_LOOPS
};

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

static uint64_t time_loop(struct pool *pool, int m, int which)
{
	struct resolve_loop loop = loop_of(pool, m);
	uint64_t start = bench_now_ns();

	loop_fn(m, which)(&loop);
	return bench_now_ns() - start;
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

/* --- results --- */

struct figure {
	double ns[NR_LOOPS]; /* for each entry, median */
	double share[NR_LOOPS]; /* per cent of the work, median over the rounds */
};

struct result {
	const struct shape *shape;
	struct figure figures[NR_MODELS];
};

typedef uint64_t sample_t[NR_MODELS][NR_LOOPS];

static double share_of(sample_t sample, int m, int which)
{
	double work = (double)sample[KEPT][WHOLE];
	double took = (double)sample[m][which];

	return 100 * (which == WHOLE ? took - work : took) / work;
}

static void summarize(struct result *res, sample_t *samples)
{
	double *values =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*values));
	unsigned int entries = SAMPLE_PAGES / res->shape->pages;
	int m, which, i;

	for (m = 0; m < NR_MODELS; m++)
		for (which = 0; which < NR_LOOPS; which++) {
			if (!takes_part(m, which))
				continue;
			for (i = 0; i < bench.rounds; i++)
				values[i] =
					(double)samples[i][m][which] / entries;
			res->figures[m].ns[which] =
				bench_median(values, bench.rounds);
			for (i = 0; i < bench.rounds; i++)
				values[i] = share_of(samples[i], m, which);
			res->figures[m].share[which] =
				bench_median(values, bench.rounds);
		}
	free(values);
}

/* Who goes first changes from round to round. */
static void time_shape(struct result *res, struct pool *pool)
{
	sample_t *samples =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*samples));
	int round, i, m, which;

	for (round = 0; round < bench.rounds; round++) {
		bench_progress(&bench, res->shape->name, round);
		for (i = 0; i < NR_MODELS; i++) {
			m = (round + i) % NR_MODELS;
			for (which = 0; which < NR_LOOPS; which++)
				if (takes_part(m, which))
					samples[round][m][which] =
						time_loop(pool, m, which);
		}
	}
	summarize(res, samples);
	free(samples);
}

static void bench_shape(struct result *res)
{
	struct pool pool;

	pool_up(&pool, res->shape);
	verify(&pool, res->shape);
	time_shape(res, &pool);
	pool_down(&pool);
}

/* --- output --- */

static bool judged(const struct shape *shape, int m)
{
	return !shape->cold && models[m].from && shape->pages >= models[m].from;
}

static bool met(const struct result *res, int m)
{
	return res->figures[m].share[ALONE] <= GOAL;
}

static void print_header(void)
{
	int m;

	bench_print_head(&bench);
	printf("rounds    %d of %u pages, contestants in turn\n", bench.rounds,
	       SAMPLE_PAGES);
	printf("work is to mark %s dirty and drop a pin, pages of order 0, by pages that the bio\n"
	       "has kept: ns for an entry. The others are per cent of it, medians: lookups alone, once\n"
	       "for each entry; what a whole completion takes more; lookups alone, once for each page.\n"
	       "Goal of lookups once for each entry: %g %% from 8 pages, trees from 64; ! is a miss.\n\n",
	       "each page", GOAL);
	printf("%-24s %9s", "", "work");
	for (m = KEPT + 1; m < NR_MODELS; m++)
		printf(" %9s", models[m].name);
	putchar('\n');
}

static void print_shares(const struct result *res, const char *what, int which)
{
	int m;

	printf("  %-22s %9s", what, "");
	for (m = KEPT + 1; m < NR_MODELS; m++)
		if (takes_part(m, which))
			printf(" %8.1f%c", res->figures[m].share[which],
			       which == ALONE && judged(res->shape, m) &&
					       !met(res, m) ?
				       '!' :
				       ' ');
		else
			printf(" %8s ", "-");
	putchar('\n');
}

static void print_result(const struct result *res)
{
	printf("%-24s %9.1f\n", res->shape->name, res->figures[KEPT].ns[WHOLE]);
	print_shares(res, "an entry", ALONE);
	print_shares(res, "whole, more", WHOLE);
	print_shares(res, "each page", EACH);
}

static void json_result(FILE *f, const struct result *res)
{
	int m;

	fprintf(f,
		"    {\"shape\": \"%s\", \"pages\": %u, \"cold\": %s, \"work_ns\": %.3f",
		res->shape->name, res->shape->pages,
		res->shape->cold ? "true" : "false",
		res->figures[KEPT].ns[WHOLE]);
	for (m = KEPT + 1; m < NR_MODELS; m++) {
		const struct figure *g = &res->figures[m];

		fprintf(f,
			",\n     \"%s\": {\"entry_ns\": %.3f, \"entry_percent\": %.3f, \"page_percent\": %.3f",
			models[m].name, g->ns[ALONE], g->share[ALONE],
			g->share[EACH]);
		if (takes_part(m, WHOLE))
			fprintf(f, ", \"whole_more_percent\": %.3f",
				g->share[WHOLE]);
		if (judged(res->shape, m))
			fprintf(f, ", \"goal_percent\": %g, \"met\": %s", GOAL,
				met(res, m) ? "true" : "false");
		fputc('}', f);
	}
	fputc('}', f);
}

static void write_json(const char *path, const struct result *results, int n)
{
	FILE *f = bench_json_open(&bench, path);
	int i;

	fprintf(f, "  \"results\": [\n");
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
	set_up_caches();
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
	free_caches();
	physbio_mem_destroy(mem);
	return 0;
}
