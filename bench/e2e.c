// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The whole way of an I/O, stage by stage: today's page vectors against physical ones,
 * in one process, in turn, on memory whose physical addresses are the machine's own.
 * Every I/O is verified first, in a pass of its own; counts come from counting builds of
 * the same sources, times from builds without. No data are copied in a timed stage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "e2e.h"

struct bench bench = {
	.name = "e2e",
	.title =
		"the way of an I/O, stage by stage: page vectors against physical ones",
	.rounds = 150,
};

/* --- caches --- */

/* What is read so that nothing else is in a cache. */
static struct {
	const volatile char *bytes;
	size_t size;
} sweep;

static void sweep_up(void)
{
	sweep.size = bench_cold_size(&bench);
	sweep.bytes = bench_alloc(&bench, sweep.size, 1);
}

static void sweep_caches(void)
{
	size_t at;

	for (at = 0; at < sweep.size; at += 64)
		sweep.bytes[at];
}

static void ready_cold(void *arg)
{
	struct runner *run = arg;

	stages[run->stage].ready(run);
	sweep_caches();
	if (run->stage == ADD || run->stage == MAP)
		touch_pages(run);
}

/* --- counts --- */

static void count_stage(struct runner *run, enum stage s)
{
	const struct bench_contestant c = {
		.name = run->e->name,
		.ready = stages[s].ready,
		.run = stages[s].run,
		.arg = run,
		.units = shape_nr_units(run->shape, s),
	};

	set_stage(run, s);
	bench_count(&bench, &c);
}

/* --- one shape --- */

static struct runner runners[NR_ENTRANTS];
static struct runner counting[NR_ENTRANTS]; /* of those that are counted */

static void runners_up(const struct shape *shape,
		       const struct physbio_stage_ctx *ios)
{
	const struct entrant *e;
	int i;

	for (i = 0; i < NR_ENTRANTS; i++) {
		e = &entrants[i];
		runner_up(&runners[i], e, shape, ios, e->repr, e->stages);
		runner_verify(&runners[i]);
		if (!e->count_repr)
			continue;
		runner_up(&counting[i], e, shape, ios, e->count_repr,
			  e->count_stages);
		runner_verify(&counting[i]);
	}
}

static void runners_down(void)
{
	int i;

	for (i = 0; i < NR_ENTRANTS; i++) {
		runner_down(&runners[i]);
		if (entrants[i].count_repr)
			runner_down(&counting[i]);
	}
}

static void time_stage(const struct shape *shape, enum stage s)
{
	struct bench_contestant c[NR_ENTRANTS];
	struct bench rounds = bench;
	char name[80];
	int i, n = 0;

	for (i = 0; i < NR_ENTRANTS; i++) {
		if (!can_run(&entrants[i], s))
			continue;
		set_stage(&runners[i], s);
		c[n++] = (struct bench_contestant){
			.name = entrants[i].name,
			.base = entrants[i].base,
			.ready = shape->kind == COLD ? ready_cold :
						       stages[s].ready,
			.run = stages[s].run,
			.arg = &runners[i],
		};
	}
	shape_case_name(name, shape, s);
	rounds.rounds = shape_nr_rounds(shape);
	bench_time(&rounds, name, shape_nr_units(shape, s), c, n);
}

static void bench_stage(const struct shape *shape, enum stage s)
{
	int i;

	time_stage(shape, s);
	for (i = 0; i < NR_ENTRANTS; i++)
		if (!can_run(&entrants[i], s))
			bench_absent(&bench, entrants[i].name,
				     "it has no page to come back to");
		else if (entrants[i].count_repr)
			count_stage(&counting[i], s);
}

static void bench_shape(const struct shape *shape)
{
	const char *lacks = memory_lacks(shape->buffer);
	bool wanted[NR_STAGES], any = false;
	struct physbio_stage_range *r;
	struct physbio_stage_ctx ios;
	char name[80];
	int s;

	for (s = 0; s < NR_STAGES; s++) {
		shape_case_name(name, shape, s);
		wanted[s] = shape_has_stage(shape, s) &&
			    bench_wanted(&bench, name);
		if (wanted[s] && lacks)
			bench_skip(&bench, name, lacks);
		any |= wanted[s];
	}
	if (!any || lacks)
		return;
	if (shape->kind == COLD && !bench.count && !sweep.bytes)
		sweep_up(); /* a count is the same in any cache */
	r = lay_out(shape);
	ios_up(&ios, shape, r);
	runners_up(shape, &ios);
	for (s = 0; s < NR_STAGES; s++)
		if (wanted[s])
			bench_stage(shape, s);
	runners_down();
	ios_down(&ios);
	free(r);
}

/* --- what a conversion costs --- */

#define CONVERSIONS "one conversion"

/* The ranges that are converted, again and again: as many as a bio has at most. */
static const struct shape converted = {
	.buffer = SMALL,
	.layout = SCATTERED,
	.ranges = PB_BIO_MAX_VECS,
	.range_len = PAGE,
	.bios = 1,
	.ios = 1,
	.times = 256,
};

enum use {
	READ,
	TO_PHYS,
	TO_PAGE,
	ROUND_TRIP
};

struct conversion {
	const char *name;
	const struct physbio_stages *stages;
	enum use use;
	struct physbio_stage_ctx ctx;
};

static void run_conversion(void *arg)
{
	struct conversion *c = arg;

	c->ctx.sum = 0;
	switch (c->use) {
	case READ:
		c->stages->read(&c->ctx);
		break;
	case TO_PHYS:
		c->stages->to_phys(&c->ctx);
		break;
	case TO_PAGE:
		c->stages->to_page(&c->ctx);
		break;
	case ROUND_TRIP:
		c->stages->round_trip(&c->ctx);
	}
}

static uint64_t sum_of(enum use use, const struct physbio_stage_range *r)
{
	uint64_t sum = 0;
	size_t i, n = shape_nr_ranges(&converted);

	for (i = 0; i < n && use != ROUND_TRIP; i++)
		sum += use == TO_PHYS ? r[i].paddr : (uintptr_t)r[i].page;
	return sum * converted.times;
}

static void bench_conversions(void)
{
	static struct conversion c[] = {
		{ "read", &page_physbio_stages, READ },
		{ "page to phys, VMEMMAP", &page_physbio_stages, TO_PHYS },
		{ "phys to page, VMEMMAP", &page_physbio_stages, TO_PAGE },
		{ "round trip, VMEMMAP", &page_physbio_stages, ROUND_TRIP },
		{ "page to phys, SPARSEMEM", &sparse_physbio_stages, TO_PHYS },
		{ "phys to page, SPARSEMEM", &sparse_physbio_stages, TO_PAGE },
		{ "round trip, SPARSEMEM", &sparse_physbio_stages, ROUND_TRIP },
	};
	enum {
		NR = sizeof(c) / sizeof(c[0])
	};
	struct bench_contestant contestants[NR];
	struct physbio_stage_range *r;
	struct physbio_stage_io io;
	int i;

	if (!bench_wanted(&bench, CONVERSIONS))
		return;
	r = lay_out(&converted);
	io.ranges = r;
	for (i = 0; i < NR; i++) {
		c[i].ctx.ios = &io;
		c[i].ctx.nr_ranges = converted.ranges;
		c[i].ctx.times = converted.times;
		run_conversion(&c[i]);
		if (c[i].ctx.sum != sum_of(c[i].use, r))
			bench_die(&bench, "%s is wrong", c[i].name);
		contestants[i] = (struct bench_contestant){
			.name = c[i].name,
			.run = run_conversion,
			.arg = &c[i],
		};
	}
	bench_time(&bench, CONVERSIONS, converted.ranges * converted.times,
		   contestants, NR);
	free(r);
}

static void describe(void)
{
	memory_note();
	bench_note(
		&bench, "limits",
		"max_sectors %u, max_segments %u, segment boundary 4 GiB, no virt boundary",
		limits.max_user_sectors, limits.max_segments);
	bench_note(
		&bench, "shown",
		"ns for one I/O, or as the case says; reads; identity translation; PRPs, or SGLs from segments of 32 KiB on; no data are copied; add, split and map: of the same I/Os several times in a sample; whole: pages are pinned, and all stages but merge follow; depth 1 and 64: so many I/Os, the same again and again, are mapped before the first is completed: their pages are dirty already, so that dirtying them takes no atomic; cold: I/Os are in no cache, nor are page structs when it comes to pinning or completing them; at add and map they are, as after pinning");
}

int main(int argc, char **argv)
{
	struct shape shape;
	int i;

	bench_start(&bench, argc, argv);
	memory_up();
	describe();
	for (i = 0; i < nr_shapes; i++) {
		shape = shape_at(i);
		bench_shape(&shape);
	}
	bench_conversions();
	free((void *)sweep.bytes);
	memory_down();
	return bench_end(&bench);
}
