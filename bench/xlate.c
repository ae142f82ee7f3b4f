// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a translation costs: ratios to a loop that loads an address, adds a constant and
 * stores the sum, all in one process, in turn. Every result of every contestant is
 * compared with a walk over the table first.
 *
 * What remains: a batch that jumps among four windows compares each address with three
 * starts and loads what it chose: 22 instructions a range in portable code, where the
 * bare loop has 7 and does one range a cycle; the goal is two and a half cycles, which
 * AVX-512 meets and AVX2 just misses. Random over 16 irregular windows is four halvings
 * and two predictions that fail one time in 16; search trees were no faster there. Nor
 * were they over 4096 windows in two far-apart clusters of geometric sizes, which no table
 * helps: of any kind they took 35 to 37.
 */
#include <stdlib.h>
#include <string.h>

#include "../src/repr/ops.h"
#include "harness.h"
#include "xlate-loops.h"

#define NR_RANGES (64 * BATCH)
#define RANGE_LEN 512u
#define MAX_WINDOWS 4096u

static struct bench bench = {
	.name = "xlate",
	.title = "translation against a bare load-and-add loop",
	.rounds = 200,
};

/* --- what is compared --- */

enum {
	BARE,
	INLINE,
	WINDOWS,
	CALL,
	BATCHES,
	BY_FOUR,
	BY_EIGHT,
	BINARY,
	NR_CONTESTANTS
};

static const struct contestant {
	const char *name;
	xlate_loop_fn *loop;
	enum physbio_simd simd;
} contestants[NR_CONTESTANTS] = {
	[BARE] = { "bare", loop_bare },
	[INLINE] = { "inline", loop_inline },
	[WINDOWS] = { "windows", loop_ops },
	[CALL] = { "call", loop_call },
	[BATCHES] = { "batch", loop_batch },
	[BY_FOUR] = { "AVX2", loop_batch, PHYSBIO_SIMD_AVX2 },
	[BY_EIGHT] = { "AVX-512", loop_batch, PHYSBIO_SIMD_AVX512 },
	[BINARY] = { "binary", loop_ops },
};

enum access {
	ONE_WINDOW, /* all ranges in one window */
	RANDOM, /* each in another one */
	RUNS, /* four windows for each batch, one after the other */
	RANDOM_OF_FOUR, /* the same, in no order */
};

/* Where the windows of a table lie. */
enum layout {
	REGULAR, /* of equal sizes, no holes */
	IRREGULAR, /* from 4 KiB to 64 GiB, and holes of nearly as many */
	CLUSTERED, /* 4 KiB, one of them far from the others */
	TWO_CLUSTERS, /* the same, one half of them far from the other */
	MANY_CLUSTERS, /* the same, 64 at a place, anywhere */
	GEOMETRIC, /* each larger than the one before it, from 4 KiB to 1 TiB */
};

static const struct shape {
	const char *name;
	enum access access;
	uint32_t nr_windows; /* 0: the identity */
	enum layout layout;
} shapes[] = {
	{ "identity", RANDOM, 0, REGULAR },
	{ "one of 1", ONE_WINDOW, 1, REGULAR },
	{ "one of 16", ONE_WINDOW, 16, REGULAR },
	{ "one of 256", ONE_WINDOW, 256, REGULAR },
	{ "one of 4096", ONE_WINDOW, 4096, REGULAR },
	{ "one of 4096, irregular", ONE_WINDOW, 4096, IRREGULAR },
	{ "random of 16", RANDOM, 16, REGULAR },
	{ "random of 16, irregular", RANDOM, 16, IRREGULAR },
	{ "random of 256", RANDOM, 256, REGULAR },
	{ "random of 256, irregular", RANDOM, 256, IRREGULAR },
	{ "random of 4096", RANDOM, 4096, REGULAR },
	{ "random of 4096, irregular", RANDOM, 4096, IRREGULAR },
	{ "random of 4096, clustered", RANDOM, 4096, CLUSTERED },
	{ "random of 4096, two clusters", RANDOM, 4096, TWO_CLUSTERS },
	{ "random of 4096, many clusters", RANDOM, 4096, MANY_CLUSTERS },
	{ "random of 4096, geometric", RANDOM, 4096, GEOMETRIC },
	{ "4 of 4, in runs", RUNS, 4, IRREGULAR },
	{ "4 of 4, at random", RANDOM_OF_FOUR, 4, IRREGULAR },
	{ "4 of 256, in runs", RUNS, 256, IRREGULAR },
	{ "4 of 256, at random", RANDOM_OF_FOUR, 256, IRREGULAR },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

/* --- layouts --- */

static struct physbio_window *table;
static uint32_t nr_windows;
static struct pb_phys_vec *vecs;

static uint64_t random_u64(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Bytes of window @i. */
static uint64_t size_of(enum layout layout, uint32_t i)
{
	/* Doubled 28 times, each time in 16 steps. */
	uint32_t step = i * 28 * 16 / nr_windows;

	if (layout == REGULAR)
		return 0x100000;
	if (layout == IRREGULAR)
		return UINT64_C(4096) << random_u64() % 25;
	if (layout == GEOMETRIC)
		return (UINT64_C(256) << step / 16) * (16 + step % 16);
	return 4096;
}

/* Bytes that belong to none, in front of window @i. */
static uint64_t hole_before(enum layout layout, uint32_t i)
{
	const uint64_t far = UINT64_C(1) << 40;

	if (layout == IRREGULAR)
		return random_u64() % 4 ? 0 :
					  UINT64_C(4096) << random_u64() % 20;
	if (layout == CLUSTERED)
		return i == nr_windows - 1 ? far : 0;
	if (layout == TWO_CLUSTERS)
		return i == nr_windows / 2 ? far : 0;
	if (layout == MANY_CLUSTERS)
		return i % 64 ? 0 : random_u64() % far;
	return 0;
}

static void lay_out(const struct shape *shape)
{
	uint64_t at = 0x80000000u;
	uint32_t i;

	nr_windows = shape->nr_windows;
	for (i = 0; i < nr_windows; i++) {
		at += hole_before(shape->layout, i);
		table[i].start = at;
		table[i].size = size_of(shape->layout, i);
		table[i].bus = random_u64() >> 8;
		at += table[i].size;
	}
}

static uint32_t window_for(enum access access, uint32_t i)
{
	static uint32_t four[4];
	uint32_t j;

	if (access == ONE_WINDOW)
		return nr_windows / 3;
	if (access == RANDOM)
		return (uint32_t)(random_u64() % nr_windows);
	if (i % BATCH == 0)
		for (j = 0; j < 4; j++)
			four[j] = (uint32_t)(random_u64() % nr_windows);
	j = access == RUNS ? i % BATCH / (BATCH / 4) :
			     (uint32_t)(random_u64() % 4);
	return four[j];
}

static void choose_ranges(const struct shape *shape)
{
	static const struct physbio_window all = {
		.start = 0x80000000u,
		.size = UINT64_C(1) << 40,
	};
	const struct physbio_window *w = &all;
	uint32_t i;

	for (i = 0; i < NR_RANGES; i++) {
		if (nr_windows)
			w = &table[window_for(shape->access, i)];
		vecs[i].paddr =
			w->start + random_u64() % (w->size - RANGE_LEN + 1);
		vecs[i].len = RANGE_LEN;
	}
}

/* --- verification --- */

static uint64_t walk(uint64_t paddr, uint64_t len)
{
	uint32_t i;

	if (!nr_windows)
		return paddr;
	for (i = 0; i < nr_windows; i++)
		if (paddr >= table[i].start &&
		    paddr + len <= table[i].start + table[i].size)
			return paddr - table[i].start + table[i].bus;
	return UINT64_MAX;
}

static uint64_t *walk_all(void)
{
	uint64_t *want = bench_alloc(&bench, NR_RANGES, sizeof(*want));
	uint32_t i;

	for (i = 0; i < NR_RANGES; i++)
		want[i] = walk(vecs[i].paddr, vecs[i].len);
	return want;
}

static void verify(const struct shape *shape, int c,
		   const struct xlate_loop *loop, const uint64_t *want)
{
	uint32_t i;

	memset(loop->addrs, 0xff, NR_RANGES * sizeof(*loop->addrs));
	contestants[c].loop(loop);
	for (i = 0; i < NR_RANGES; i++) {
		uint64_t expect = c == BARE ? vecs[i].paddr + loop->offset :
					      want[i];

		if (physbio_dma_value(loop->addrs[i]) != expect)
			bench_die(&bench,
				  "%s, %s: 0x%llx is 0x%llx, not 0x%llx",
				  shape->name, contestants[c].name,
				  (unsigned long long)vecs[i].paddr,
				  (unsigned long long)physbio_dma_value(
					  loop->addrs[i]),
				  (unsigned long long)expect);
	}
}

/* --- one shape --- */

/* Has this CPU what a contestant needs? */
static bool offered(int c)
{
	struct physbio_xlate x;

	physbio_xlate_init_identity(&x);
	return !physbio_xlate_use_simd(&x, contestants[c].simd);
}

/* The identity has no map_phys() of its own, and nothing to search. */
static bool takes_part(const struct shape *shape, int c)
{
	if (!shape->nr_windows)
		return c == BARE || c == CALL || c == BATCHES;
	return offered(c);
}

static void init_xlate(struct physbio_xlate *x, const struct shape *shape)
{
	static uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(MAX_WINDOWS) / 8];

	phys_physbio_repr.xlate_init_identity(x);
	if (nr_windows &&
	    phys_physbio_repr.xlate_init_windows(x, table, nr_windows, index))
		bench_die(&bench, "%s: no such windows", shape->name);
}

/* One table and one index, and the translators that look into them. */
static void fill_loop(int c, const struct physbio_xlate *x,
		      struct xlate_loop *loop)
{
	static struct physbio_xlate xlates[NR_CONTESTANTS];
	static struct pb_device devs[NR_CONTESTANTS];
	static struct binary_table binary;

	binary = (struct binary_table){ table, nr_windows };
	xlates[c] = *x;
	if (c == BINARY)
		xlates[c] = (struct physbio_xlate){ .ops = &binary_ops,
						    .priv = &binary };
	else if (contestants[c].simd)
		physbio_xlate_use_simd(&xlates[c], contestants[c].simd);
	devs[c] = (struct pb_device){ .xlate = &xlates[c],
				      .dma_mask = UINT64_MAX };
	loop->dev = &devs[c];
}

struct runner {
	xlate_loop_fn *fn;
	struct xlate_loop loop;
};

static void run(void *arg)
{
	const struct runner *r = arg;

	r->fn(&r->loop);
}

static void time_loops(const struct shape *shape, struct runner *runners,
		       const uint64_t *want)
{
	struct bench_contestant c[NR_CONTESTANTS];
	int i, n = 0;

	for (i = 0; i < NR_CONTESTANTS; i++) {
		if (!takes_part(shape, i))
			continue;
		verify(shape, i, &runners[i].loop, want);
		c[n++] = (struct bench_contestant){
			.name = contestants[i].name,
			.run = run,
			.arg = &runners[i],
		};
	}
	bench_time(&bench, shape->name, NR_RANGES, c, n);
	for (i = 0; i < NR_CONTESTANTS; i++)
		if (!offered(i))
			bench_absent(&bench, contestants[i].name,
				     "this CPU has none");
}

static void bench_shape(const struct shape *shape)
{
	struct runner runners[NR_CONTESTANTS];
	pb_dma_addr_t *addrs = bench_alloc(&bench, NR_RANGES, sizeof(*addrs));
	struct physbio_xlate x;
	uint64_t *want;
	int c;

	lay_out(shape);
	choose_ranges(shape);
	init_xlate(&x, shape);
	want = walk_all();
	for (c = 0; c < NR_CONTESTANTS; c++) {
		runners[c].fn = contestants[c].loop;
		runners[c].loop = (struct xlate_loop){
			.vecs = vecs,
			.nr = NR_RANGES,
			.offset = 0x1000000,
			.addrs = addrs,
		};
		fill_loop(c, &x, &runners[c].loop);
	}
	time_loops(shape, runners, want);
	free(want);
	free(addrs);
}

static void describe(void)
{
	bench_note(&bench, "memory",
		   "%zu bytes a window, and up to 16 of its index",
		   sizeof(struct physbio_window));
	bench_note(&bench, "bare",
		   "a loop of load, add, store: ns for a range");
	bench_note(
		&bench, "inline",
		"physbio_windows_map() in the loop; windows: map_phys() of the ops for each range");
	bench_note(
		&bench, "call",
		"pb_dma_map_phys() for each: an indirect call and the mask's test more");
	bench_note(
		&bench, "batch",
		"physbio_xlate_map_batch() of %u, portable, and by AVX2 and AVX-512",
		BATCH);
	bench_note(&bench, "binary",
		   "map_phys() of a binary search in the table");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	table = bench_alloc(&bench, MAX_WINDOWS, sizeof(*table));
	vecs = bench_alloc(&bench, NR_RANGES, sizeof(*vecs));
	describe();
	for (i = 0; i < NR_SHAPES; i++)
		if (bench_wanted(&bench, shapes[i].name))
			bench_shape(&shapes[i]);
	free(vecs);
	free(table);
	return bench_end(&bench);
}
