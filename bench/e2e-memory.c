// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The memory of the I/Os: buffers whose frames the kernel tells, page structs for them under
 * both models, and ranges of them as a shape wants them to lie.
 */
#include <stdio.h>
#include <stdlib.h>

#include <physbio/buffer.h>

#include "e2e.h"

static struct physbio_buffer *buffers[NR_BUFFERS];
static struct physbio_snapshot snapshot;
struct physbio_mem *mem;
static char missing[NR_BUFFERS][256]; /* why there is no such buffer */

/* The first one is there always: it says where addresses come from. */
static bool is_used(enum buffer_use use)
{
	struct shape shape;
	char name[80];
	int i, s;

	for (i = 0; i < nr_shapes; i++) {
		shape = shape_at(i);
		for (s = 0; s < NR_STAGES; s++) {
			shape_case_name(name, &shape, s);
			if (shape.buffer == use && shape_has_stage(&shape, s) &&
			    bench_runs(&bench, name))
				return true;
		}
	}
	return use == SMALL;
}

static void alloc_buffer(enum buffer_use use, enum physbio_buffer_kind kind,
			 size_t size)
{
	struct physbio_error error;

	if (!is_used(use))
		return;
	if (physbio_buffer_alloc(kind, size, bench.node, &buffers[use], &error))
		snprintf(missing[use], sizeof(missing[use]), "%s",
			 error.message);
}

/* A buffer that is taken out of what is free between pages of others. */
static void alloc_fragmented(void)
{
	void *hog;

	if (!is_used(FRAGMENTED))
		return;
	hog = bench_fragment(&bench);
	alloc_buffer(FRAGMENTED, PHYSBIO_BUFFER_PAGES, 32 * MIB);
	bench_unfragment(hog);
}

static void want_huge(enum buffer_use use)
{
	if (buffers[use] && !buffers[use]->huge)
		snprintf(missing[use], sizeof(missing[use]),
			 "the kernel gave no transparent huge pages");
}

/* For both memory models of the page vectors, which are timed on the same pages. */
static void map_memory(struct physbio_buffer *const *have, unsigned int n)
{
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(vmemmap) |
			  PHYSBIO_MEMMODEL_BIT(sparsemem_extreme),
	};
	struct physbio_mem_range *ranges;
	struct physbio_error error = { .message = "no memory" };
	int nr = physbio_snapshot_ranges(have, n, &ranges);

	if (nr < 0 ||
	    physbio_mem_create_for(ranges, (unsigned int)nr, &options, &mem,
				   &error) ||
	    physbio_snapshot_attach(have, n, mem))
		bench_die(&bench, "memory: %s", error.message);
	free(ranges);
}

void memory_up(void)
{
	struct physbio_buffer *have[NR_BUFFERS];
	struct physbio_error error;
	unsigned int n = 0;
	int i;

	alloc_buffer(SMALL, PHYSBIO_BUFFER_PAGES, 256 * MIB);
	alloc_buffer(HUGE_PAGES, PHYSBIO_BUFFER_THP, 256 * MIB);
	alloc_buffer(HUGETLB_PAGES, PHYSBIO_BUFFER_HUGETLB, 256 * MIB);
	alloc_buffer(LARGE, PHYSBIO_BUFFER_THP, 1024 * (size_t)MIB);
	alloc_fragmented();
	for (i = 0; i < NR_BUFFERS; i++)
		if (buffers[i])
			have[n++] = buffers[i];
	if (physbio_snapshot_take(have, n, 1, &snapshot, &error))
		bench_die(&bench, "memory: %s", error.message);
	map_memory(have, n);
	want_huge(HUGE_PAGES);
	want_huge(LARGE);
}

void memory_down(void)
{
	int i;

	physbio_mem_destroy(mem);
	for (i = 0; i < NR_BUFFERS; i++)
		physbio_buffer_free(buffers[i]);
}

void memory_note(void)
{
	bench_note_memory(&bench, mem, physbio_buffer_phys(buffers[SMALL], 0),
			  snapshot.source);
}

const char *memory_lacks(enum buffer_use use)
{
	return *missing[use] ? missing[use] : NULL;
}

/* --- layouts --- */

#define HUGE 512u /* pages of a huge one */

/*
 * Units of @pages pages that are contiguous, in an order in which no two units touch. A
 * stride that is prime to any power of two visits every unit of the buffer.
 */
static void scattered_ranges(const struct shape *shape, size_t pages,
			     struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t units = b->size / PAGE / pages, n = shape_nr_ranges(shape);
	size_t i, at = 0, tries;
	pb_phys_addr_t next = 1;

	for (i = 0; i < n; i++) {
		for (tries = 0; !(i % pages) && tries < units; tries++) {
			at = (at + 1237) % units;
			if (physbio_buffer_phys(b, at * pages * PAGE) != next)
				break;
		}
		r[i].paddr =
			physbio_buffer_phys(b, (at * pages + i % pages) * PAGE);
		r[i].len = shape->range_len;
		next = r[i].paddr + PAGE;
	}
}

/* One after the other in the buffer, which may be contiguous or not. */
static void ranges_in_order(const struct shape *shape,
			    struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t i, n = shape_nr_ranges(shape);

	for (i = 0; i < n; i++) {
		r[i].paddr = physbio_buffer_phys(b, i * shape->range_len);
		r[i].len = shape->range_len;
	}
}

/*
 * Runs of pages of eight buffers of 1 MiB, as fio had them in a recorded guest whose memory was
 * fragmented (Linux 6.12.107, big1m of the traces that replay --check was verified with): so
 * many pages, so many such runs after each other. No two runs touch.
 */
static const struct {
	unsigned char pages, runs;
} recorded[] = {
	{ 1, 5 },  { 2, 45 },  { 1, 1 },  { 83, 1 },  { 77, 1 }, { 1, 42 },
	{ 78, 1 }, { 128, 1 }, { 8, 1 },  { 1, 131 }, { 2, 1 },	 { 1, 12 },
	{ 26, 1 }, { 32, 2 },  { 21, 1 }, { 1, 1 },   { 4, 63 }, { 3, 1 },
	{ 1, 1 },  { 2, 54 },  { 4, 36 }, { 3, 1 },   { 1, 1 },	 { 2, 127 },
	{ 1, 1 },  { 1, 77 },  { 5, 1 },  { 32, 5 },  { 14, 1 }, { 1, 59 },
	{ 11, 1 }, { 16, 11 }, { 4, 1 },  { 6, 1 },
};

#define NR_RECORDED (sizeof(recorded) / sizeof(recorded[0]))

/* Each run is within a huge page, and one page or more from the next. */
static void recorded_ranges(const struct shape *shape,
			    struct physbio_stage_range *r)
{
	const struct physbio_buffer *b = buffers[shape->buffer];
	size_t i = 0, n = shape_nr_ranges(shape), at = 0;
	unsigned int k = 0, run = 0, j;

	while (i < n) {
		unsigned int pages = recorded[k].pages;

		if (at % HUGE + pages > HUGE)
			at += HUGE - at % HUGE;
		for (j = 0; j < pages; j++, i++) {
			r[i].paddr = physbio_buffer_phys(b, (at + j) * PAGE);
			r[i].len = PAGE;
		}
		at += pages + 1;
		if (++run == recorded[k].runs) {
			run = 0;
			k = (k + 1) % NR_RECORDED;
		}
	}
}

/* As a submitter knows a range: by its page, its address, its address for the device. */
static void describe_ranges(struct physbio_stage_range *r, size_t n)
{
	struct physbio_xlate xlate;
	const struct pb_device dev = { .xlate = &xlate,
				       .dma_mask = UINT64_MAX };
	size_t i;

	physbio_xlate_init_identity(&xlate);
	for (i = 0; i < n; i++) {
		r[i].page = physbio_mem_page(mem, r[i].paddr);
		r[i].daddr = pb_dma_map_phys(&dev, r[i].paddr, r[i].len,
					     PB_DMA_FROM_DEVICE, 0);
	}
}

struct physbio_stage_range *lay_out(const struct shape *shape)
{
	size_t n = shape_nr_ranges(shape);
	struct physbio_stage_range *r = bench_alloc(&bench, n, sizeof(*r));

	if (shape->layout == SCATTERED)
		scattered_ranges(shape, 1, r);
	else if (shape->layout == HALF)
		scattered_ranges(shape, 2, r);
	else if (shape->layout == RECORDED)
		recorded_ranges(shape, r);
	else
		ranges_in_order(shape, r);
	describe_ranges(r, n);
	return r;
}
