/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark of lifetimes and lookups times: loops over addresses or I/Os,
 * compiled as the kernel's callers are. Nothing in here looks at a clock.
 */
#ifndef BENCH_LIFETIME_LOOPS_H
#define BENCH_LIFETIME_LOOPS_H

#include <physbio/lifetime.h>
#include <physbio/pfntree.h>
#include <physbio/rescache.h>

/* Who owns a range of frames, as a table of providers would have it. */
struct provider {
	unsigned long first, last; /* frames */
	uintptr_t word;
};

/* A node of an interval tree, as a provider would have it in itself: a cache line. */
struct interval {
	const struct interval *left, *right;
	unsigned long first, last;
	unsigned long subtree_last; /* highest last of it and all below it */
	uintptr_t word;
} __attribute__((aligned(64)));

#define HASH_SLOTS 16384u /* four times the providers, at least */

struct providers {
	const struct provider *sorted;
	uint32_t nr;
	struct physbio_range_tree tree;
	const struct interval *intervals; /* root */
	struct physbio_radix radix;
	const struct provider
		*hash[HASH_SLOTS]; /* by section, next slot if taken */
};

struct lifetime_loop {
	/* lookups */
	const pb_phys_addr_t *addrs;
	uint32_t nr;
	uintptr_t *out; /* what was found for each */
	struct physbio_rescache *own;
	struct physbio_rescache_shared *shared;
	const struct providers *providers;
	/* I/Os, nr of them with the same table */
	struct pb_bio *bio;
};

typedef void lifetime_loop_fn(const struct lifetime_loop *loop);

/* pages: those of the memory map, and of the caches */
lifetime_loop_fn loop_convert, loop_map, loop_own, loop_shared;
/* providers */
lifetime_loop_fn loop_load, loop_sorted, loop_tree, loop_interval, loop_radix,
	loop_hash;
lifetime_loop_fn
	loop_one_entry; /* the last one found, and then the sorted array */
/* holds: entries are looked at alone, or held meanwhile */
lifetime_loop_fn loop_entries, loop_segment, loop_bio, loop_epoch;

#endif
