/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters of the operations that the comparison of representations is about.
 * They exist in builds with PHYSBIO_COUNTING alone: in every other build
 * pb_count() is nothing, so a timed build carries no trace of them.
 */
#ifndef PHYSBIO_COUNT_H
#define PHYSBIO_COUNT_H

#include <physbio/types.h>

enum physbio_counter {
	PHYSBIO_PAGE_TO_PHYS, /* struct page -> physical address */
	PHYSBIO_PHYS_TO_PAGE, /* physical address -> struct page */
	PHYSBIO_PAGE_FOLIO, /* struct page -> folio */
	PHYSBIO_LOOKUP, /* search in a table of windows or regions */
	PHYSBIO_KEPT, /* an entry's page that its bio had kept */
	PHYSBIO_KEPT_MISS, /* one that such a bio had not */
	PHYSBIO_SEAM, /* an entry's pages, looked up again within it */
	PHYSBIO_ATOMIC, /* atomic read-modify-write */
	PHYSBIO_NR_COUNTERS,
};

#if defined(PHYSBIO_COUNTING) && !defined(__KERNEL__)
/* One set per thread, defined in src/user/counts.c. */
extern __thread uint64_t physbio_counts[PHYSBIO_NR_COUNTERS];
#define pb_count(which) ((void)physbio_counts[which]++)
#else
#define pb_count(which) ((void)0)
#endif

#endif
