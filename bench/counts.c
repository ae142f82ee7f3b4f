// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What builds that count have counted, see harness.h. */
#include <string.h>

#define PHYSBIO_COUNTING
#include <physbio/bio.h>

#include "harness.h"

static const struct {
	int counter;
	const char *key;
} counters[] = {
	{ PHYSBIO_PAGE_TO_PHYS, "page_to_phys" },
	{ PHYSBIO_PHYS_TO_PAGE, "phys_to_page" },
	{ PHYSBIO_LOOKUP, "lookups" },
	{ PHYSBIO_PAGE_FOLIO, "page_folio" },
	{ PHYSBIO_ATOMIC, "atomics" },
};

void bench_count(const struct bench *b, const struct bench_contestant *c)
{
	size_t i;

	if (c->ready)
		c->ready(c->arg);
	memset(physbio_counts, 0, sizeof(physbio_counts));
	c->run(c->arg);
	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		bench_value(b, c->name, counters[i].key,
			    (double)physbio_counts[counters[i].counter] /
				    c->units);
}
