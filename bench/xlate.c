// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a translation costs: ratios to a loop that loads an address, adds a constant and
 * stores the sum, all in one process, in turn. Every result of every contestant is
 * compared with a walk over the table first.
 *
 * What remains, in portable code and without SIMD: a batch that jumps among four windows
 * compares each address with three starts and loads what it chose: some 21
 * instructions a range, where the bare loop has 6. Windows that change in runs
 * cost a search and a wrong prediction each, four times in 256 ranges. Random over
 * 16 irregular windows is four halvings and two predictions that fail one time in
 * 16; a search tree was one unit faster there and eight slower over 4096.
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
	.rounds = 1000,
	.quick_rounds = 200,
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
	int judged; /* contestant */
	double goal; /* ratio that it must not exceed, 0: none */
} shapes[] = {
	{ "identity", RANDOM, 0, REGULAR, CALL, 0 },
	{ "one of 1", ONE_WINDOW, 1, REGULAR, INLINE, 3.5 },
	{ "one of 16", ONE_WINDOW, 16, REGULAR, INLINE, 3.5 },
	{ "one of 256", ONE_WINDOW, 256, REGULAR, INLINE, 3.5 },
	{ "one of 4096", ONE_WINDOW, 4096, REGULAR, INLINE, 5 },
	{ "one of 4096, irregular", ONE_WINDOW, 4096, IRREGULAR, INLINE, 5 },
	{ "random of 16", RANDOM, 16, REGULAR, INLINE, 14 },
	{ "random of 16, irregular", RANDOM, 16, IRREGULAR, INLINE, 14 },
	{ "random of 256", RANDOM, 256, REGULAR, INLINE, 0 },
	{ "random of 256, irregular", RANDOM, 256, IRREGULAR, INLINE, 0 },
	{ "random of 4096", RANDOM, 4096, REGULAR, INLINE, 30 },
	{ "random of 4096, irregular", RANDOM, 4096, IRREGULAR, INLINE, 30 },
	{ "random of 4096, clustered", RANDOM, 4096, CLUSTERED, INLINE, 30 },
	{ "random of 4096, two clusters", RANDOM, 4096, TWO_CLUSTERS, INLINE,
	  30 },
	{ "random of 4096, many clusters", RANDOM, 4096, MANY_CLUSTERS, INLINE,
	  30 },
	{ "random of 4096, geometric", RANDOM, 4096, GEOMETRIC, INLINE, 30 },
	{ "4 of 4, in runs", RUNS, 4, IRREGULAR, BATCHES, 2.5 },
	{ "4 of 4, at random", RANDOM_OF_FOUR, 4, IRREGULAR, BATCHES, 2.5 },
	{ "4 of 256, in runs", RUNS, 256, IRREGULAR, BATCHES, 2.5 },
	{ "4 of 256, at random", RANDOM_OF_FOUR, 256, IRREGULAR, BATCHES, 2.5 },
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

/* --- results --- */

struct figure {
	bool ran;
	double min; /* ns for each range */
	double median;
	double ratio; /* median over the rounds of it to the bare loop */
	double min_ratio; /* of the minima */
};

struct result {
	const struct shape *shape;
	struct figure figures[NR_CONTESTANTS];
};

typedef uint64_t sample_t[NR_CONTESTANTS];

/* Has this CPU what a contestant needs? */
static bool offered(int c)
{
	struct physbio_xlate x;

	physbio_xlate_init_identity(&x);
	return !physbio_xlate_use_simd(&x, contestants[c].simd);
}

/* What maps a batch best on this CPU. */
static int best_batch(void)
{
	if (offered(BY_EIGHT))
		return BY_EIGHT;
	return offered(BY_FOUR) ? BY_FOUR : BATCHES;
}

/* The identity has no map_phys() of its own, and nothing to search. */
static bool takes_part(const struct shape *shape, int c)
{
	if (!shape->nr_windows)
		return c == BARE || c == CALL || c == BATCHES;
	return offered(c);
}

static void summarize(struct result *res, sample_t *samples)
{
	double *values =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*values));
	int c, i;

	for (c = 0; c < NR_CONTESTANTS; c++) {
		struct figure *f = &res->figures[c];

		f->ran = takes_part(res->shape, c);
		if (!f->ran)
			continue;
		for (i = 0; i < bench.rounds; i++)
			values[i] = (double)samples[i][c] / NR_RANGES;
		f->median = bench_median(values, bench.rounds);
		f->min = values[0];
		f->min_ratio = f->min / res->figures[BARE].min;
		for (i = 0; i < bench.rounds; i++)
			values[i] = (double)samples[i][c] /
				    (double)samples[i][BARE];
		f->ratio = bench_median(values, bench.rounds);
	}
	free(values);
}

static uint64_t time_loop(int c, const struct xlate_loop *loop)
{
	uint64_t start = bench_now_ns();

	contestants[c].loop(loop);
	return bench_now_ns() - start;
}

/* Who goes first changes from round to round. */
static void time_shape(struct result *res, const struct xlate_loop *loops)
{
	sample_t *samples =
		bench_alloc(&bench, (size_t)bench.rounds, sizeof(*samples));
	int round, i, c;

	for (round = 0; round < bench.rounds; round++) {
		bench_progress(&bench, res->shape->name, round);
		for (i = 0; i < NR_CONTESTANTS; i++) {
			c = (round + i) % NR_CONTESTANTS;
			if (takes_part(res->shape, c))
				samples[round][c] = time_loop(c, &loops[c]);
		}
	}
	summarize(res, samples);
	free(samples);
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

static void bench_shape(struct result *res)
{
	const struct shape *shape = res->shape;
	struct xlate_loop loops[NR_CONTESTANTS];
	pb_dma_addr_t *addrs = bench_alloc(&bench, NR_RANGES, sizeof(*addrs));
	struct physbio_xlate x;
	uint64_t *want;
	int c;

	lay_out(shape);
	choose_ranges(shape);
	init_xlate(&x, shape);
	want = walk_all();
	for (c = 0; c < NR_CONTESTANTS; c++) {
		loops[c] = (struct xlate_loop){
			.vecs = vecs,
			.nr = NR_RANGES,
			.offset = 0x1000000,
			.addrs = addrs,
		};
		fill_loop(c, &x, &loops[c]);
		if (takes_part(shape, c))
			verify(shape, c, &loops[c], want);
	}
	time_shape(res, loops);
	free(want);
	free(addrs);
}

/* --- output --- */

static void print_header(void)
{
	int c;

	bench_print_head(&bench);
	printf("memory    %zu bytes a window, and up to 16 of its index\n",
	       sizeof(struct physbio_window));
	printf("rounds    %d of %u ranges, contestants in turn\n", bench.rounds,
	       NR_RANGES);
	printf("ns are for one range; the others are ratios to the bare loop in the same round, median\n"
	       "inline: physbio_windows_map() in the loop; windows: map_phys() of the ops for each range;\n"
	       "call: pb_dma_map_phys() for each, an indirect call and the mask's test more; batch:\n"
	       "physbio_xlate_map_batch() of %u; AVX2, AVX-512: the same after physbio_xlate_use_simd();\n"
	       "binary: map_phys() of a binary search in the table\n"
	       "goals are judged by the inline lookup, which looks at no mask, or by the batch, portable and the\n"
	       "best that this CPU has, as named, min to min\n",
	       BATCH);
	for (c = BARE; c < NR_CONTESTANTS; c++)
		if (!offered(c))
			printf("skipped   %s: this CPU has none\n",
			       contestants[c].name);
	putchar('\n');
	printf("%-30s %9s %9s", "", "bare min", "median");
	for (c = BARE + 1; c < NR_CONTESTANTS; c++)
		printf(" %8s", contestants[c].name);
	printf("  goal\n");
}

/* Others on the machine slow the bare loop most: only the minima are of it alone. */
static bool met(const struct result *res, int c)
{
	return res->figures[c].min_ratio <= res->shape->goal;
}

static void print_goal(const struct result *res, int c)
{
	printf("  %s %g: %.2f %s", contestants[c].name, res->shape->goal,
	       res->figures[c].min_ratio, met(res, c) ? "met" : "MISSED");
}

static void print_result(const struct result *res)
{
	const struct shape *shape = res->shape;
	int c;

	printf("%-30s %9.3f %9.3f", shape->name, res->figures[BARE].min,
	       res->figures[BARE].median);
	for (c = BARE + 1; c < NR_CONTESTANTS; c++)
		if (res->figures[c].ran)
			printf(" %8.2f", res->figures[c].ratio);
		else
			printf(" %8s", "-");
	if (shape->goal)
		print_goal(res, shape->judged);
	if (shape->judged == BATCHES && best_batch() != BATCHES)
		print_goal(res, best_batch());
	putchar('\n');
}

static void json_figure(FILE *f, const char *name, const struct figure *g)
{
	if (g->ran)
		fprintf(f,
			",\n     \"%s\": {\"min_ns\": %.4f, \"median_ns\": %.4f, \"ratio\": %.4f, \"min_ratio\": %.4f}",
			name, g->min, g->median, g->ratio, g->min_ratio);
}

/* "simd" is the best batch that the CPU has, by another name. */
static void json_result(FILE *f, const struct result *res)
{
	const struct shape *shape = res->shape;
	int c, best = best_batch();

	fprintf(f, "    {\"shape\": \"%s\", \"nr_windows\": %u", shape->name,
		shape->nr_windows);
	if (shape->goal)
		fprintf(f, ", \"judged\": \"%s\", \"goal\": %g, \"met\": %s",
			contestants[shape->judged].name, shape->goal,
			met(res, shape->judged) ? "true" : "false");
	if (shape->judged == BATCHES)
		fprintf(f, ", \"best\": \"%s\", \"best_met\": %s",
			contestants[best].name,
			met(res, best) ? "true" : "false");
	for (c = 0; c < NR_CONTESTANTS; c++)
		json_figure(f, contestants[c].name, &res->figures[c]);
	json_figure(f, "simd", &res->figures[best]);
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
	table = bench_alloc(&bench, MAX_WINDOWS, sizeof(*table));
	vecs = bench_alloc(&bench, NR_RANGES, sizeof(*vecs));
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
	free(vecs);
	free(table);
	return 0;
}
