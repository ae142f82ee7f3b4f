// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What I/Os are asked for: their sizes, how their memory lies, which stages they go
 * through, how many are in a sample. Where memory comes from it doesn't know.
 */
#include <stdio.h>
#include <string.h>

#include "e2e.h"

static const char *const stage_names[NR_STAGES] = {
	[ADD] = "add",	   [SPLIT] = "split",	    [MERGE] = "merge",
	[MAP] = "map",	   [MAP_ITER] = "map iter", [COMPLETE] = "complete",
	[WHOLE] = "whole", [IN_FLIGHT] = "whole",
};

static const unsigned int stages_of[NR_KINDS] = {
	[EACH_STAGE] = 1u << ADD | 1u << SPLIT | 1u << MERGE | 1u << MAP |
		       1u << COMPLETE | 1u << WHOLE,
	[HOT] = 1u << IN_FLIGHT,
	[PER_SEGMENT] = 1u << ADD | 1u << SPLIT | 1u << MAP | 1u << MAP_ITER |
			1u << COMPLETE | 1u << WHOLE,
	[COLD] = 1u << ADD | 1u << MAP | 1u << COMPLETE | 1u << WHOLE,
};

static const struct shape shapes[] = {
	{ "512 B", SMALL, SCATTERED, 1, 512, 1, 256, 512 },
	{ "4 KiB, 1 page", SMALL, SCATTERED, 1, PAGE, 1, 256, 512 },
	{ "16 KiB contiguous", HUGE_PAGES, CONTIGUOUS, 4, PAGE, 1, 128, 256 },
	{ "16 KiB scattered", SMALL, SCATTERED, 4, PAGE, 1, 128, 256 },
	{ "64 KiB contiguous", HUGE_PAGES, CONTIGUOUS, 16, PAGE, 1, 64, 256 },
	{ "64 KiB scattered", SMALL, SCATTERED, 16, PAGE, 1, 64, 256 },
	{ "128 KiB contiguous", HUGE_PAGES, CONTIGUOUS, 32, PAGE, 1, 32, 256 },
	{ "128 KiB scattered", SMALL, SCATTERED, 32, PAGE, 1, 32, 192 },
	{ "128 KiB half", HUGE_PAGES, HALF, 32, PAGE, 1, 32, 256 },
	{ "128 KiB fragmented", FRAGMENTED, AS_IT_IS, 32, PAGE, 1, 32, 192 },
	{ "1 MiB THP", HUGE_PAGES, CONTIGUOUS, 1, MIB, 1, 64, 256 },
	{ "1 MiB hugetlb", HUGETLB_PAGES, CONTIGUOUS, 1, MIB, 1, 64, 256 },
	{ "1 MiB contiguous", HUGE_PAGES, CONTIGUOUS, 256, PAGE, 1, 8, 160 },
	{ "1 MiB scattered", SMALL, SCATTERED, 256, PAGE, 1, 8, 32 },
	{ "1 MiB half", HUGE_PAGES, HALF, 256, PAGE, 1, 8, 96 },
	{ "1 MiB fragmented", FRAGMENTED, AS_IT_IS, 256, PAGE, 1, 8, 32 },
	{ "1 MiB recorded", HUGE_PAGES, RECORDED, 256, PAGE, 1, 8, 96 },
	{ "2 MiB THP", LARGE, CONTIGUOUS, 1, 2 * MIB, 1, 32, 256 },
	{ "2 MiB contiguous", LARGE, CONTIGUOUS, 512, PAGE, 1, 4, 160 },
	{ "2 MiB scattered", SMALL, SCATTERED, 256, PAGE, 2, 4, 24 },
	{ "16 MiB THP", LARGE, CONTIGUOUS, 4, 2 * MIB, 2, 8, 64 },
	{ "16 MiB scattered", SMALL, SCATTERED, 256, PAGE, 16, 1, 2 },
	{ "1 GiB THP", LARGE, CONTIGUOUS, 4, 2 * MIB, 128, 1, 1 },
	/*
	 * Up to what an NVMe command can have, and what a bio can. Page structs of 4096
	 * segments are in a cache, as they are when pages were just pinned.
	 */
	{ "64", SMALL, SCATTERED, 64, PAGE, 1, 64, 0, PER_SEGMENT },
	{ "128", SMALL, SCATTERED, 128, PAGE, 1, 32, 0, PER_SEGMENT },
	{ "256", SMALL, SCATTERED, 256, PAGE, 1, 16, 0, PER_SEGMENT },
	{ "2048", SMALL, SCATTERED, 2048, PAGE, 1, 2, 0, PER_SEGMENT },
	{ "65535", SMALL, SCATTERED, UINT16_MAX, PAGE, 1, 1, 0, PER_SEGMENT },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

/* Other things that are asked of some of them. */
static const struct variant {
	const char *of;
	const char *suffix; /* of the name */
	enum kind kind;
	unsigned int ios; /* HOT: that are in flight */
	unsigned int times; /* HOT: that they go their way, in a sample */
} variants[] = {
	{ "4 KiB, 1 page", ", depth 1", HOT, 1, 512 },
	{ "4 KiB, 1 page", ", depth 64", HOT, 64, 8 },
	{ "16 KiB contiguous", ", depth 1", HOT, 1, 256 },
	{ "16 KiB contiguous", ", depth 64", HOT, 64, 4 },
	{ "16 KiB scattered", ", depth 1", HOT, 1, 256 },
	{ "16 KiB scattered", ", depth 64", HOT, 64, 4 },
	{ "64 KiB contiguous", ", depth 1", HOT, 1, 128 },
	{ "64 KiB contiguous", ", depth 64", HOT, 64, 2 },
	{ "64 KiB scattered", ", depth 1", HOT, 1, 64 },
	{ "64 KiB scattered", ", depth 64", HOT, 64, 1 },
	{ "128 KiB contiguous", ", depth 1", HOT, 1, 64 },
	{ "128 KiB contiguous", ", depth 64", HOT, 64, 1 },
	{ "128 KiB scattered", ", depth 1", HOT, 1, 32 },
	{ "128 KiB scattered", ", depth 64", HOT, 64, 1 },
	{ "1 MiB THP", ", depth 1", HOT, 1, 512 },
	{ "1 MiB THP", ", depth 64", HOT, 64, 8 },
	{ "1 MiB contiguous", ", depth 1", HOT, 1, 16 },
	{ "1 MiB contiguous", ", depth 64", HOT, 64, 1 },
	{ "1 MiB scattered", ", depth 1", HOT, 1, 8 },
	{ "1 MiB scattered", ", depth 64", HOT, 64, 1 },
	{ "2 MiB THP", ", depth 1", HOT, 1, 512 },
	{ "2 MiB THP", ", depth 64", HOT, 64, 8 },
	{ "2 MiB contiguous", ", depth 1", HOT, 1, 8 },
	{ "2 MiB contiguous", ", depth 64", HOT, 64, 1 },
	{ "2 MiB scattered", ", depth 1", HOT, 1, 4 },
	{ "2 MiB scattered", ", depth 64", HOT, 64, 1 },
	{ "4 KiB, 1 page", ", cold", COLD, 256, 1 },
	{ "128 KiB scattered", ", cold", COLD, 32, 1 },
	{ "1 MiB THP", ", cold", COLD, 128, 1 },
};

#define NR_VARIANTS ((int)(sizeof(variants) / sizeof(variants[0])))

const int nr_shapes = NR_SHAPES + NR_VARIANTS;

struct shape shape_at(int i)
{
	const struct variant *v = &variants[i - NR_SHAPES];
	struct shape shape;

	if (i < NR_SHAPES)
		return shapes[i];
	for (i = 0; strcmp(shapes[i].name, v->of); i++)
		;
	shape = shapes[i];
	shape.suffix = v->suffix;
	shape.kind = v->kind;
	shape.ios = v->ios;
	shape.once_ios = 0;
	shape.times = v->times;
	return shape;
}

/* A bio is merged or completed once; the other stages find it as it was. */
unsigned int shape_nr_ios(const struct shape *shape, enum stage s)
{
	if ((s == MERGE || s == COMPLETE) && shape->once_ios)
		return shape->once_ios;
	return shape->ios;
}

/* Of all I/Os that a stage has. */
unsigned int shape_nr_bios(const struct shape *shape)
{
	unsigned int ios = shape->ios > shape->once_ios ? shape->ios :
							  shape->once_ios;

	return ios * shape->bios;
}

size_t shape_nr_ranges(const struct shape *shape)
{
	return (size_t)shape_nr_bios(shape) * shape->ranges;
}

/* What a stage goes through: contiguous ranges are one entry when they were added. */
static unsigned int nr_steps(const struct shape *shape, enum stage s)
{
	bool one_entry = s != ADD && shape->layout == CONTIGUOUS;

	return shape->ios * shape->bios * (one_entry ? 1 : shape->ranges);
}

/* Of a sample at least: the clock's own time is lost in that of so many. */
#define STEPS 4096u

/* How often an I/O goes its way in a sample, or through a stage. */
unsigned int shape_nr_times(const struct shape *shape, enum stage s)
{
	if (shape->kind == HOT)
		return shape->times;
	if (shape->kind == EACH_STAGE && (s == ADD || s == SPLIT || s == MAP))
		return 1 + STEPS / nr_steps(shape, s);
	return 1;
}

/* What a time is for. */
unsigned int shape_nr_units(const struct shape *shape, enum stage s)
{
	unsigned int n = shape_nr_ios(shape, s) * shape_nr_times(shape, s);

	return shape->kind == PER_SEGMENT ? n * shape->ranges : n;
}

/* Can an NVMe command describe a bio of it? */
bool shape_is_for_nvme(const struct shape *shape)
{
	return (uint64_t)shape->ranges * shape->range_len <= PB_NVME_MAX_BYTES;
}

bool shape_has_stage(const struct shape *shape, enum stage s)
{
	if ((s == MAP || s == WHOLE) && !shape_is_for_nvme(shape))
		return false;
	return stages_of[shape->kind] & 1u << s;
}

/* Fewer of those that take long, a cold one because of what comes before it. */
int shape_nr_rounds(const struct shape *shape)
{
	bool is_long = (size_t)shape->ios * shape->bios * shape->ranges *
			       shape_nr_times(shape, WHOLE) >
		       4096;

	if (shape->kind == COLD)
		return (bench.rounds + 9) / 10;
	if (is_long)
		return (bench.rounds + 4) / 5;
	return bench.rounds;
}

void shape_case_name(char name[80], const struct shape *shape, enum stage s)
{
	if (shape->kind == PER_SEGMENT)
		snprintf(name, 80, "%s, per segment of %s", stage_names[s],
			 shape->name);
	else
		snprintf(name, 80, "%s%s: %s", shape->name,
			 shape->suffix ? shape->suffix : "", stage_names[s]);
}
