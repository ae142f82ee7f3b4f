// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The counters of counting builds. Here once, for all of them; other builds don't
 * know that they exist.
 */
#define PHYSBIO_COUNTING
#include <physbio/count.h>

__thread uint64_t physbio_counts[PHYSBIO_NR_COUNTERS];
