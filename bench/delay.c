// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See delay.h. */
#include "delay.h"

#include "../src/core/platform.h"

#include "resolve-loops.h"

unsigned int bench_delay;

struct pb_page *physbio_delay_pfn_to_page(unsigned long pfn)
{
	unsigned int i;

	/* The compiler no longer knows what @pfn holds. */
	for (i = bench_delay; i; i--) {
		pfn = ~pfn;
		__asm__("" : "+r"(pfn));
		pfn = ~pfn;
		__asm__("" : "+r"(pfn));
	}
	return physbio_vmemmap_pfn_to_page(pfn);
}
