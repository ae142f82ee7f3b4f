// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See delay.h. */
#include "delay.h"

#include "../src/core/platform.h"

#include "resolve-loops.h"

unsigned long (*bench_delay)(unsigned long pfn);

/*
 * Straight on, with no loop: a count that changes with the contestant would be predicted
 * wrongly, which takes longer than what is dialled.
 */
#ifdef __x86_64__
#define STEPS(n)                                                            \
	static unsigned long steps_##n(unsigned long pfn)                   \
	{                                                                   \
		__asm__(".rept 2 * " #n "\n\tnot %0\n\t.endr" : "+r"(pfn)); \
		return pfn;                                                 \
	}
#else
#define STEPS(n)                                          \
	static unsigned long steps_##n(unsigned long pfn) \
	{                                                 \
		unsigned int i;                           \
                                                          \
		for (i = 0; i < 2 * (n); i++)             \
			__asm__("" : "+r"(pfn));          \
		return pfn;                               \
	}
#endif

BENCH_DELAYS(STEPS)

#define ENTRY(n) { n, steps_##n },

const struct bench_delay bench_delays[BENCH_NR_DELAYS] = { BENCH_DELAYS(
	ENTRY) };

struct pb_page *physbio_delay_pfn_to_page(unsigned long pfn)
{
	return physbio_vmemmap_pfn_to_page(bench_delay(pfn));
}
