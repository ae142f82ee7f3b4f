// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is a range one provider's alone? What each way to ask costs, by the length of the range,
 * and how often it is wrong: random ranges over regions that touch, that have RAM between
 * them, or of which one provider has every other, against a table that says of every
 * page whose it is. A way that must be right ends the benchmark with its first wrong answer.
 */
#include <stdlib.h>

#include <physbio/mem.h>

#include "harness.h"
#include "region-loops.h"

static struct bench bench = {
	.name = "region",
	.title = "whose memory a range is, and whether it is one's alone",
	.rounds = 150,
};

#define PAGE 4096u
#define MIB (UINT64_C(1) << 20)

/* --- the ways to ask --- */

static const struct way {
	const char *name;
	region_check_fn *check;
	region_loop_fn *loop;
	bool right; /* it must be */
	bool asks; /* it finds out whose; else it is told */
	bool walks; /* takes the longer the longer a range is */
} ways[] = {
	{ "range check", check_range, loop_range, true, true, false },
	{ "known region", check_known, loop_known, true, false, false },
	{ "end points", check_end_points, loop_end_points, false, true, false },
	{ "first page", check_first_page, loop_first_page, false, true, false },
	{ "every page", check_every_page, loop_every_page, true, true, true },
};

#define NR_WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

/* --- memory --- */

#define ARENA_PAGES 4096u
#define ARENA_START(i) ((UINT64_C(1) << 40) + (uint64_t)(i)*64 * MIB)
#define MAX_REGIONS ARENA_PAGES

enum layout {
	ADJACENT, /* one region behind the other */
	GAPPED, /* RAM between them */
	SHARED, /* one provider has every other one */
	NR_LAYOUTS
};

static const char *const layout_names[NR_LAYOUTS] = {
	[ADJACENT] = "fuzz, adjacent regions",
	[GAPPED] = "fuzz, gapped regions",
	[SHARED] = "fuzz, every other region one provider's",
};

/* Regions and RAM, page for page. */
static struct arena {
	struct physbio_region *regions;
	const struct physbio_region **list;
	uint32_t nr;
	const struct physbio_region *owner[ARENA_PAGES]; /* NULL: RAM */
	struct physbio_region_table table;
} arenas[NR_LAYOUTS];

/* And BARs for the time of long ranges: the ranges are in the last one. */
#define NR_BARS 16u
#define BAR_SPACING (4096 * MIB)
#define BAR_SIZE (64 * MIB)
#define LONG_BAR_SIZE (2048 * MIB)
#define BAR_START (UINT64_C(1) << 41)

static struct physbio_region bars[NR_BARS];
static const struct physbio_region *bar_list[NR_BARS];
static struct physbio_region_table bar_table;

static struct physbio_mem *mem;

static const uint64_t seed = 88172645463325252u;
static uint64_t random_state = seed;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Up to 32 pages, none beyond the arena. */
static uint32_t random_pages(uint32_t at)
{
	uint32_t n = 1 + (uint32_t)(random_u64() % 32);

	return n < ARENA_PAGES - at ? n : ARENA_PAGES - at;
}

/* Each region has a provider of its own; but one may have half of them. */
static uint32_t provider_of(enum layout layout, uint32_t i)
{
	return layout == SHARED && i % 2 ? 1 : i;
}

static void add_region(struct arena *a, enum layout layout, uint32_t page,
		       uint32_t pages)
{
	struct physbio_region *region = &a->regions[a->nr];
	uint32_t i;

	*region = (struct physbio_region){ ARENA_START(layout) +
						   (uint64_t)page * PAGE,
					   (uint64_t)pages * PAGE, 0,
					   provider_of(layout, a->nr) };
	a->list[a->nr++] = region;
	for (i = page; i < page + pages; i++)
		a->owner[i] = region;
}

static void lay_out(enum layout layout)
{
	struct arena *a = &arenas[layout];
	uint32_t page = 0, pages;

	a->regions = bench_alloc(&bench, MAX_REGIONS, sizeof(*a->regions));
	a->list = bench_alloc(&bench, MAX_REGIONS, sizeof(*a->list));
	for (; page < ARENA_PAGES; page += pages) {
		pages = random_pages(page);
		if (layout != GAPPED || random_u64() % 2)
			add_region(a, layout, page, pages);
	}
	if (physbio_region_table_init(&a->table, a->list, a->nr))
		bench_die(&bench, "%s: no such regions", layout_names[layout]);
}

static void lay_out_bars(void)
{
	uint32_t i;

	for (i = 0; i < NR_BARS; i++) {
		bars[i] = (struct physbio_region){
			BAR_START + i * BAR_SPACING,
			i == NR_BARS - 1 ? LONG_BAR_SIZE : BAR_SIZE, 0, i
		};
		bar_list[i] = &bars[i];
	}
	if (physbio_region_table_init(&bar_table, bar_list, NR_BARS))
		bench_die(&bench, "no such BARs");
}

static struct physbio_mem_range region_memory(const struct physbio_region *r)
{
	return (struct physbio_mem_range){ r->start, r->size, PHYSBIO_MEM_BAR,
					   bench.node, r };
}

/* Runs of pages that have one owner: a BAR's or RAM. */
static uint32_t arena_memory(enum layout layout,
			     struct physbio_mem_range *ranges)
{
	const struct arena *a = &arenas[layout];
	uint32_t page, nr = 0;

	for (page = 0; page < ARENA_PAGES; page++) {
		if (page && a->owner[page] == a->owner[page - 1]) {
			ranges[nr - 1].size += PAGE;
			continue;
		}
		ranges[nr++] = (struct physbio_mem_range){
			ARENA_START(layout) + (uint64_t)page * PAGE, PAGE,
			a->owner[page] ? PHYSBIO_MEM_BAR :
					 PHYSBIO_MEM_RAM_EMPTY,
			bench.node, a->owner[page]
		};
	}
	return nr;
}

static void set_up_memory(void)
{
	struct physbio_mem_range *ranges = bench_alloc(
		&bench, NR_LAYOUTS * ARENA_PAGES + NR_BARS, sizeof(*ranges));
	struct physbio_error error;
	uint32_t i, nr = 0;

	for (i = 0; i < NR_LAYOUTS; i++) {
		lay_out((enum layout)i);
		nr += arena_memory((enum layout)i, ranges + nr);
	}
	lay_out_bars();
	for (i = 0; i < NR_BARS; i++)
		ranges[nr++] = region_memory(&bars[i]);
	if (physbio_mem_create(ranges, nr, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
	free(ranges);
}

static void tear_down_memory(void)
{
	int i;

	physbio_mem_destroy(mem);
	for (i = 0; i < NR_LAYOUTS; i++) {
		free(arenas[i].regions);
		free(arenas[i].list);
	}
}

/* --- contestants --- */

struct runner {
	const struct way *way;
	struct region_loop loop;
};

static void run(void *arg)
{
	struct runner *r = arg;

	r->way->loop(&r->loop);
}

/* Until the caches have again what every page has driven out of them. */
#define WARM_UPS 4

static void warm_up(void *arg)
{
	const struct runner *r = arg;
	int i;

	for (i = 0; i < (r->way->walks ? 1 : WARM_UPS); i++)
		run(arg);
}

/* A way that does not ask must be told. */
static bool takes_part(const struct way *way, const struct region_loop *loop)
{
	return way->asks || loop->known;
}

/* As @loop says, but that @walked ranges are enough for those that walk. */
static void runners_up(struct runner *runners, const struct region_loop *loop,
		       uint32_t walked)
{
	int i;

	for (i = 0; i < NR_WAYS; i++) {
		runners[i].way = &ways[i];
		runners[i].loop = *loop;
		/* A count is one of as many ranges for all. */
		if (ways[i].walks || bench.count)
			runners[i].loop.nr = walked;
	}
}

static void time_ways(const char *name, struct runner *runners,
		      const struct region_loop *loop)
{
	struct bench_contestant c[NR_WAYS];
	int i, n = 0;

	for (i = 0; i < NR_WAYS; i++)
		if (takes_part(&ways[i], loop))
			c[n++] = (struct bench_contestant){
				.name = ways[i].name,
				.ready = warm_up,
				.run = run,
				.arg = &runners[i],
				.units = runners[i].loop.nr,
			};
	bench_time(&bench, name, loop->nr, c, n);
}

/* --- the time, by length --- */

#define NR_TIMED 4096u /* ranges of a sample */

static const struct length {
	const char *name;
	uint64_t size; /* bytes */
	uint32_t walked; /* ranges of a sample, where each page is looked at */
} lengths[] = {
	{ "check, 4 KiB", 4096, NR_TIMED },
	{ "check, 64 KiB", 65536, NR_TIMED },
	{ "check, 1 MiB", MIB, 1024 },
	{ "check, 32 MiB", 32 * MIB, 32 },
	{ "check, 1 GiB", 1024 * MIB, 1 },
};

#define NR_LENGTHS ((int)(sizeof(lengths) / sizeof(lengths[0])))

static struct region_range *ranges_in_bar(const struct length *length)
{
	struct region_range *r = bench_alloc(&bench, NR_TIMED, sizeof(*r));
	const struct physbio_region *bar = &bars[NR_BARS - 1];
	uint32_t i;

	for (i = 0; i < NR_TIMED; i++) {
		r[i].size = length->size;
		r[i].paddr = bar->start +
			     random_u64() %
				     ((bar->size - length->size) / PAGE + 1) *
				     PAGE;
	}
	return r;
}

static void bench_length(const struct length *length)
{
	struct region_range *ranges = ranges_in_bar(length);
	const struct region_loop loop = {
		.ranges = ranges,
		.nr = NR_TIMED,
		.table = &bar_table,
		.known = &bars[NR_BARS - 1],
	};
	struct runner runners[NR_WAYS];
	int i;

	runners_up(runners, &loop, length->walked);
	for (i = 0; i < NR_WAYS; i++) {
		run(&runners[i]);
		if (runners[i].loop.nr_known != runners[i].loop.nr)
			bench_die(&bench, "%s, %s: not the BAR's", length->name,
				  ways[i].name);
	}
	time_ways(length->name, runners, &loop);
	free(ranges);
}

/* --- right or wrong --- */

#define NR_TRIED 65536u

/* Whose the whole of a range is, by the table of pages. */
static bool one_owner(enum layout layout, const struct region_range *range,
		      const struct physbio_region **owner)
{
	const struct arena *a = &arenas[layout];
	uint64_t at = range->paddr - ARENA_START(layout);
	uint64_t page = at / PAGE, last = (at + range->size - 1) / PAGE;

	*owner = a->owner[page];
	for (; page <= last; page++)
		if (a->owner[page] != *owner)
			return false;
	return true;
}

/* From a byte to 256 KiB, as many short ones as long ones. */
static struct region_range *ranges_in_arena(enum layout layout)
{
	struct region_range *r = bench_alloc(&bench, NR_TRIED, sizeof(*r));
	uint64_t size = (uint64_t)ARENA_PAGES * PAGE, at, most;
	uint32_t i;

	for (i = 0; i < NR_TRIED; i++) {
		at = random_u64() % size;
		most = (UINT64_C(1) << random_u64() % 19);
		r[i].paddr = ARENA_START(layout) + at;
		r[i].size = 1 + random_u64() % most;
		if (r[i].size > size - at)
			r[i].size = size - at;
	}
	return r;
}

struct answers {
	unsigned long accepted, refused, wrongly_accepted, wrongly_refused;
};

static void judge(const struct way *way, enum layout layout,
		  const struct region_range *range, struct answers *n)
{
	const struct region_loop loop = { .table = &arenas[layout].table };
	const struct physbio_region *owner, *said;
	bool one = one_owner(layout, range, &owner);
	bool accepted = way->check(&loop, range, &said);

	n->accepted += accepted;
	n->refused += !accepted;
	n->wrongly_accepted += accepted && (!one || said != owner);
	n->wrongly_refused += !accepted && one;
	if (way->right && (accepted != one || (one && said != owner)))
		bench_die(&bench, "%s, %s: 0x%llx, %llu bytes: %s",
			  layout_names[layout], way->name,
			  (unsigned long long)range->paddr,
			  (unsigned long long)range->size,
			  accepted ? "accepted" : "refused");
}

static struct answers judge_all(const struct way *way, enum layout layout,
				const struct region_range *ranges)
{
	struct answers n = { 0 };
	uint32_t i;

	for (i = 0; i < NR_TRIED; i++)
		judge(way, layout, &ranges[i], &n);
	return n;
}

static void emit_answers(const struct way *way, const struct answers *n)
{
	bench_value(&bench, way->name, "tried", NR_TRIED);
	bench_value(&bench, way->name, "accepted", (double)n->accepted);
	bench_value(&bench, way->name, "refused", (double)n->refused);
	bench_value(&bench, way->name, "wrongly_accepted",
		    (double)n->wrongly_accepted);
	bench_value(&bench, way->name, "wrongly_refused",
		    (double)n->wrongly_refused);
}

static void bench_layout(enum layout layout)
{
	struct region_range *ranges = ranges_in_arena(layout);
	const struct region_loop loop = {
		.ranges = ranges,
		.nr = NR_TIMED,
		.table = &arenas[layout].table,
	};
	struct answers answers[NR_WAYS] = { 0 };
	struct runner runners[NR_WAYS];
	int i;

	for (i = 0; i < NR_WAYS; i++)
		if (ways[i].asks)
			answers[i] = judge_all(&ways[i], layout, ranges);
	runners_up(runners, &loop, NR_TIMED);
	time_ways(layout_names[layout], runners, &loop);
	for (i = 0; i < NR_WAYS; i++)
		if (ways[i].asks)
			emit_answers(&ways[i], &answers[i]);
	free(ranges);
}

static void describe(void)
{
	bench_note(
		&bench, "shown",
		"ns for one range; ratios to range check; every page has fewer ranges in a sample if they are long");
	bench_note(&bench, "regions", "%u BARs; fuzz: %u, %u and %u in 16 MiB",
		   NR_BARS, arenas[ADJACENT].nr, arenas[GAPPED].nr,
		   arenas[SHARED].nr);
	bench_note(&bench, "seed", "%llu", (unsigned long long)seed);
	bench_note(
		&bench, "range check",
		"physbio_region_lookup(); known region: physbio_region_holds() of what the bio says");
	bench_note(
		&bench, "end points",
		"of both ends the region is looked up, and their provider must be the same");
	bench_note(
		&bench, "pages",
		"the provider is found from page structs, which lie in one array");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	set_up_memory();
	describe();
	for (i = 0; i < NR_LENGTHS; i++)
		if (bench_wanted(&bench, lengths[i].name))
			bench_length(&lengths[i]);
	for (i = 0; i < NR_LAYOUTS; i++)
		if (bench_wanted(&bench, layout_names[i]))
			bench_layout((enum layout)i);
	tear_down_memory();
	return bench_end(&bench);
}
