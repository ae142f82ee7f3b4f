/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark of resolution times: loops over the entries of bios, compiled with
 * each memory model together with src/core/resolve.c. Nothing in here looks at a clock.
 */
#ifndef BENCH_RESOLVE_LOOPS_H
#define BENCH_RESOLVE_LOOPS_H

#include <physbio/bio.h>

struct resolve_loop {
	struct pb_bio *bios;
	unsigned int nr_bios;
	void **found; /* a place for the page of each entry, or for each page */
};

typedef void resolve_loop_fn(const struct resolve_loop *loop);

struct resolve_loops {
	/* the first page of each entry, and how far it goes */
	resolve_loop_fn *entries;
	/*
	 * Lookups of frames, each waiting for the one before. The sum of what was found:
	 * pages, or descriptors.
	 */
	uintptr_t (*chain)(const unsigned long *pfns, unsigned int nr);
	/* the same, and which folio it belongs to is read and added */
	uintptr_t (*chain_read)(const unsigned long *pfns, unsigned int nr);
	resolve_loop_fn *pages; /* each page by a lookup of its own */
	/* all that a completion does to the pages; NULL: none */
	resolve_loop_fn *release;
};

/* The build renames each table to the name of its memory model. */
extern const struct resolve_loops flatmem_resolve_loops;
extern const struct resolve_loops vmemmap_resolve_loops;
extern const struct resolve_loops sparsemem_resolve_loops;
extern const struct resolve_loops sparsemem_extreme_resolve_loops;
extern const struct resolve_loops radix_resolve_loops;
extern const struct resolve_loops range_resolve_loops;
extern const struct resolve_loops rescache_resolve_loops;
extern const struct resolve_loops rescache_shared_resolve_loops;
extern const struct resolve_loops memdesc_resolve_loops;
extern const struct resolve_loops delay_resolve_loops;

/* Of delay_resolve_loops, see delay.h: how much longer a lookup takes, in steps. */
#define BENCH_DELAYS(D) \
	D(0)            \
	D(2)            \
	D(4)            \
	D(8)            \
	D(12)           \
	D(16)           \
	D(24)           \
	D(32)           \
	D(64)           \
	D(128)          \
	D(256)          \
	D(512)          \
	D(1024)
#define BENCH_NR_DELAYS 13

struct bench_delay {
	unsigned int steps;
	unsigned long (*fn)(unsigned long pfn); /* gives @pfn, late */
};

extern const struct bench_delay bench_delays[BENCH_NR_DELAYS];
extern unsigned long (*bench_delay)(unsigned long pfn); /* the one in use */

#endif
