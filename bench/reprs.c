// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Representations as a benchmark of a stage compares them, see reprs.h.
 */
#include "reprs.h"

static const struct entrant {
	const char *name;
	const char *base;
	const struct physbio_repr *repr;
	const struct physbio_repr *count_repr; /* NULL: counts as another does */
} entrants[] = {
	{ "page", NULL, &page_physbio_repr, &pagecnt_physbio_repr },
	{ "phys", NULL, &phys_physbio_repr, &physcnt_physbio_repr },
	{ "page, SPARSEMEM", NULL, &sparse_physbio_repr,
	  &sparsecnt_physbio_repr },
	{ "phys12", "phys", &phys12_physbio_repr, NULL },
	/* the same code, linked a second time: what noise looks like */
	{ "phys again", "phys", &physb_physbio_repr, NULL },
};

#define NR_ENTRANTS ((int)(sizeof(entrants) / sizeof(entrants[0])))

static void count(const struct bench *b, const struct bench_stage *s,
		  const struct entrant *e)
{
	const struct bench_contestant c = {
		.name = e->name,
		.ready = s->ready,
		.run = s->run,
		.arg = s->up(s->stage, e->count_repr),
		.units = s->units,
	};

	bench_count(b, &c);
	s->down(c.arg);
}

void bench_time_stage(const struct bench *b, const struct bench_stage *s)
{
	struct bench_contestant c[NR_ENTRANTS + 1];
	int i;

	for (i = 0; i < NR_ENTRANTS; i++)
		c[i] = (struct bench_contestant){
			.name = entrants[i].name,
			.base = entrants[i].base,
			.ready = s->ready,
			.run = s->run,
			.arg = s->up(s->stage, entrants[i].repr),
		};
	if (s->other)
		c[i++] = *s->other;
	bench_time(b, s->name, s->units, c, i);
	for (i = 0; i < NR_ENTRANTS; i++) {
		s->down(c[i].arg);
		if (entrants[i].count_repr)
			count(b, s, &entrants[i]);
	}
}
