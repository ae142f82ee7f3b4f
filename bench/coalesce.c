// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it takes to make segments of an array of vectors, under all limits: the same walk
 * compiled with each representation, the walks by vector units, and the bare read of the same
 * bytes, which is the floor. Every array is verified first, against the runs that it was
 * made of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/coalesce.h>

#include "../src/repr/ops.h"
#include "harness.h"

#define PAGE 4096u

static struct bench bench = {
	.name = "coalesce",
	.title =
		"arrays of vectors to segments: representations and vector units",
	.rounds = 30,
};

/* --- what is compared --- */

static const struct entrant {
	const char *name;
	const char *base;
	const struct physbio_repr *repr;
	enum physbio_simd simd;
	bool read; /* and no walk */
} entrants[] = {
	{ "read", "read", &phys_physbio_repr, PHYSBIO_SIMD_NONE, true },
	{ "page", "page", &page_physbio_repr },
	{ "page, SPARSEMEM", "page", &sparse_physbio_repr },
	{ "phys", "page", &phys_physbio_repr },
	{ "phys, to SPARSEMEM", "page, SPARSEMEM", &phys_physbio_repr },
	{ "phys12", "phys", &phys12_physbio_repr },
	{ "AVX2", "phys", &phys_physbio_repr, PHYSBIO_SIMD_AVX2 },
	{ "AVX-512", "phys", &phys_physbio_repr, PHYSBIO_SIMD_AVX512 },
	{ "AVX2, to read", "read", &phys_physbio_repr, PHYSBIO_SIMD_AVX2 },
	{ "AVX-512, to read", "read", &phys_physbio_repr, PHYSBIO_SIMD_AVX512 },
};

#define NR_ENTRANTS ((int)(sizeof(entrants) / sizeof(entrants[0])))

enum pattern {
	RUNS_256,
	RUNS_32,
	HALF_RANDOM,
	NONE
};

static const char *const patterns[] = {
	[RUNS_256] = "runs of 256",
	[RUNS_32] = "runs of 32",
	[HALF_RANDOM] = "half random",
	[NONE] = "none",
};

#define NR_PATTERNS ((int)(sizeof(patterns) / sizeof(patterns[0])))

/*
 * Vectors of a sample: a table of them is in L2, or in no cache. Half as many were few
 * enough for a branch predictor to learn some of what is random, in some processes.
 */
#define IN_L2 32768u
#define STREAMING (4u << 20)

/* Memory that they are of: its page structs are in L2 too, or in no cache. */
#define FEW_PAGES 2048u
#define NR_PAGES (2u << 30 >> 12)

static const struct size {
	const char *name;
	uint32_t array; /* vectors of each array */
	uint32_t all;
	uint32_t pages;
} sizes[] = {
	{ "8", 8, IN_L2, NR_PAGES },
	{ "64", 64, IN_L2, NR_PAGES },
	{ "256", 256, IN_L2, NR_PAGES },
	{ "4096", 4096, IN_L2, NR_PAGES },
	{ "4096 in 8 MiB", 4096, IN_L2, FEW_PAGES },
	{ "4096, streaming", 4096, STREAMING, NR_PAGES },
};

#define NR_SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

/* What such a device takes: no run of these is cut. */
static struct pb_queue_limits limits = {
	.seg_boundary_mask = UINT32_MAX,
	.max_segment_size = 4u << 20,
	.max_hw_sectors = 32768,
};

static struct physbio_mem *mem;

/* --- arrays --- */

struct run {
	uint32_t page; /* its first one, from BENCH_RAM */
	uint32_t vecs; /* pages, each a vector */
};

struct arrays {
	const struct size *size;
	struct run *runs; /* of all arrays, in turn */
	uint32_t nr_runs;
};

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) * n >> 32);
}

static uint32_t run_length(enum pattern pattern)
{
	uint32_t n = 1;

	switch (pattern) {
	case RUNS_256:
		return 256;
	case RUNS_32:
		return 32;
	case HALF_RANDOM:
		while (random_below(2))
			n++;
		return n;
	default:
		return 1;
	}
}

/* Somewhere, but not where the one before it ends. */
static uint32_t run_place(const struct run *before, uint32_t vecs,
			  uint32_t pages)
{
	uint32_t page;

	do
		page = random_below(pages - vecs);
	while (page == before->page + before->vecs);
	return page;
}

static void arrays_make(struct arrays *a, enum pattern pattern,
			const struct size *size)
{
	struct run run = { 0, 0 };
	uint32_t i, left, vecs;

	a->size = size;
	a->runs = bench_alloc(&bench, size->all, sizeof(*a->runs));
	a->nr_runs = 0;
	for (i = 0; i < size->all; i += run.vecs) {
		vecs = run_length(pattern);
		left = size->array - i % size->array;
		if (vecs > left)
			vecs = left;
		run.page = run_place(&run, vecs, size->pages);
		run.vecs = vecs;
		a->runs[a->nr_runs++] = run;
	}
}

/* --- the floor --- */

typedef void read_fn(const unsigned char *from, size_t size);

/* Two at a time. The size is a multiple of 128. */
#define READ_LOOP(vector)                                          \
	{                                                          \
		const vector *at = (const vector *)from;           \
		const vector *end = (const vector *)(from + size); \
		vector a = { 0 }, b = { 0 };                       \
                                                                   \
		for (; at < end; at += 2) {                        \
			a |= at[0];                                \
			b |= at[1];                                \
		}                                                  \
		a |= b;                                            \
		__asm__ volatile("" : : "x"(a));                   \
	}

#if defined(__x86_64__)
typedef long long wide __attribute__((vector_size(64), aligned(16), may_alias));
typedef long long half __attribute__((vector_size(32), aligned(16), may_alias));

__attribute__((target("avx512f"))) static void
read_wide(const unsigned char *from, size_t size) READ_LOOP(wide)

	__attribute__((target("avx2"))) static void read_half(
		const unsigned char *from, size_t size) READ_LOOP(half)
#endif

		static void read_words(const unsigned char *from, size_t size)
{
	const uint64_t *at = (const uint64_t *)from;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < size / 8; i++)
		sum |= at[i];
	__asm__ volatile("" : : "r"(sum));
}

/* As wide as this CPU can. */
static read_fn *reader(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		return read_wide;
	if (__builtin_cpu_supports("avx2"))
		return read_half;
#endif
	return read_words;
}

/* --- one contestant --- */

struct runner {
	const struct entrant *e;
	const struct arrays *a;
	physbio_coalesce_fn *coalesce; /* NULL: only read */
	read_fn *read;
	size_t vec_size;
	unsigned char *table;
	struct pb_phys_vec *segs;
};

static size_t array_bytes(const struct runner *r)
{
	return r->a->size->array * r->vec_size;
}

static void run_read(void *arg)
{
	const struct runner *r = arg;
	uint32_t i, nr = r->a->size->array;

	for (i = 0; i < r->a->size->all; i += nr)
		r->read(r->table + i * r->vec_size, array_bytes(r));
}

static void run_coalesce(void *arg)
{
	const struct runner *r = arg;
	uint32_t i, nr = r->a->size->array;

	for (i = 0; i < r->a->size->all; i += nr) {
		struct physbio_coalesce_pos pos = { 0, 0 };

		r->coalesce(
			&limits,
			(const struct pb_bio_vec *)(r->table + i * r->vec_size),
			nr, &pos, r->segs, nr);
	}
}

/*
 * The table is in L2, and what a branch predictor makes of it is not known: to walk it twice
 * would teach it the lengths of the runs.
 */
static void ready_in_l2(void *arg)
{
	const struct runner *r = arg;

	r->read(r->table, r->a->size->all * r->vec_size);
}

static void table_fill(const struct runner *r)
{
	uint32_t i, j, n = 0;

	for (i = 0; i < r->a->nr_runs; i++)
		for (j = 0; j < r->a->runs[i].vecs; j++) {
			pb_phys_addr_t at =
				(pb_phys_addr_t)(r->a->runs[i].page + j) * PAGE;

			r->e->repr->bvec_set_page(
				(struct pb_bio_vec *)r->table, n++,
				physbio_mem_page(mem, BENCH_RAM + at), PAGE, 0);
		}
}

/* Contestants of one representation have one table. */
static void runner_up(struct runner *r, const struct runner *others, int nr)
{
	int i;

	r->vec_size = r->e->repr->bvec_size;
	r->read = reader();
	if (!r->e->read)
		r->coalesce = r->e->simd ? physbio_coalesce_by(r->e->simd) :
					   r->e->repr->coalesce;
	for (i = 0; i < nr; i++)
		if (others[i].e->repr == r->e->repr)
			r->table = others[i].table;
	if (r->table)
		return;
	r->table = bench_alloc(&bench, r->a->size->all, r->vec_size);
	table_fill(r);
}

static void verify_array(const struct runner *r, uint32_t from,
			 const struct run *runs)
{
	uint32_t nr = r->a->size->array, vecs = 0;
	struct physbio_coalesce_pos pos = { 0, 0 };
	int i, n = r->coalesce(&limits,
			       (const struct pb_bio_vec *)(r->table +
							   from * r->vec_size),
			       nr, &pos, r->segs, nr);

	for (i = 0; i < n; i++) {
		if (r->segs[i].paddr !=
			    BENCH_RAM + (pb_phys_addr_t)runs[i].page * PAGE ||
		    r->segs[i].len != runs[i].vecs * PAGE)
			bench_die(&bench,
				  "%s: segment %d of array %u: 0x%llx+0x%x",
				  r->e->name, i, from / nr,
				  (unsigned long long)r->segs[i].paddr,
				  r->segs[i].len);
		vecs += runs[i].vecs;
	}
	if (n < 0 || vecs != nr || pos.idx != nr)
		bench_die(&bench, "%s: array %u ends at vector %u, not %u",
			  r->e->name, from / nr, vecs, nr);
}

static void verify(const struct runner *r)
{
	const struct run *run = r->a->runs;
	uint32_t i, left;

	if (!r->coalesce)
		return;
	for (i = 0; i < r->a->size->all; i += r->a->size->array) {
		verify_array(r, i, run);
		for (left = r->a->size->array; left; run++)
			left -= run->vecs;
	}
}

/* --- a case --- */

static bool can(const struct entrant *e)
{
	return physbio_coalesce_by(e->simd);
}

static void tear_down(struct runner *runners, int nr)
{
	int i, j;

	for (i = 0; i < nr; i++) {
		for (j = i + 1; j < nr; j++)
			if (runners[j].table == runners[i].table)
				runners[j].table = NULL;
		free(runners[i].table);
	}
}

static void bench_arrays(const char *name, const struct arrays *a)
{
	struct bench_contestant c[NR_ENTRANTS];
	struct runner runners[NR_ENTRANTS];
	struct pb_phys_vec *segs =
		bench_alloc(&bench, a->size->array, sizeof(*segs));
	int i, nr = 0;

	for (i = 0; i < NR_ENTRANTS; i++) {
		if (!can(&entrants[i]))
			continue;
		runners[nr] = (struct runner){ .e = &entrants[i],
					       .a = a,
					       .segs = segs };
		runner_up(&runners[nr], runners, nr);
		verify(&runners[nr]);
		c[nr] = (struct bench_contestant){
			.name = entrants[i].name,
			.base = entrants[i].base,
			.ready = a->size->all == IN_L2 ? ready_in_l2 : NULL,
			.run = runners[nr].coalesce ? run_coalesce : run_read,
			.arg = &runners[nr],
		};
		nr++;
	}
	bench_time(&bench, name, a->size->all, c, nr);
	for (i = 0; i < NR_ENTRANTS; i++)
		if (!can(&entrants[i]))
			bench_absent(&bench, entrants[i].name,
				     "this CPU has none");
	tear_down(runners, nr);
	free(segs);
}

static void bench_case(enum pattern pattern, const struct size *size)
{
	struct arrays a;
	char name[64];

	snprintf(name, sizeof(name), "%s, %s", patterns[pattern], size->name);
	if (!bench_wanted(&bench, name))
		return;
	arrays_make(&a, pattern, size);
	bench_arrays(name, &a);
	free(a.runs);
}

static void describe(void)
{
	int i;

	bench_note(
		&bench, "arrays",
		"vectors of 4 KiB, touching or anywhere in 2 GiB; %u in a sample, %u streaming",
		IN_L2, STREAMING);
	for (i = 0; i < NR_ENTRANTS; i++)
		if (!can(&entrants[i]))
			bench_note(&bench, entrants[i].name,
				   "skipped: this CPU has no such unit");
}

int main(int argc, char **argv)
{
	int p, s;

	bench_start(&bench, argc, argv);
	if (phys_physbio_repr.blk_validate_limits(&limits))
		bench_die(&bench, "the limits contradict each other");
	mem = bench_ram(&bench, (uint64_t)NR_PAGES * PAGE);
	describe();
	for (p = 0; p < NR_PATTERNS; p++)
		for (s = 0; s < NR_SIZES; s++)
			bench_case((enum pattern)p, &sizes[s]);
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
