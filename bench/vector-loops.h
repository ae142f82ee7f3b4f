/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark of vectors times: bare loops over tables of entries, compiled once for
 * each way to store a length, in the steps of the engine and without the rest of it. Nothing
 * in here looks at a clock.
 */
#ifndef BENCH_VECTOR_LOOPS_H
#define BENCH_VECTOR_LOOPS_H

#include <stddef.h>
#include <stdint.h>

/* As much of a bio as adding and walking need. */
struct vector_bio {
	void *table;
	unsigned int nr, max; /* entries in use, and there are */
	uint64_t size; /* bytes */
	uint64_t max_size; /* bytes that it may have */
};

struct vector_loops {
	const char *name;
	size_t entry_bytes;
	uint64_t max_len; /* bytes of an entry */
	/* what an assignment without a check leaves of a length */
	uint64_t (*store)(uint64_t len);
	/* entries become pages of their own, from @paddr on */
	void (*write)(void *table, unsigned int nr, uint64_t paddr);
	/* all addresses and lengths; the sum */
	uint64_t (*read)(const void *table, unsigned int nr);
	/* in segments of at most @most bytes, from entry to entry; how many */
	uint64_t (*walk)(const void *table, uint64_t bytes, uint32_t most);
	/*
	 * A range is joined to the last entry, or cut into as many as it takes. Returns
	 * the bytes that there was room for.
	 */
	uint64_t (*add)(struct vector_bio *bio, uint64_t paddr, uint64_t len);
};

extern const struct vector_loops vector_loops_u32;
extern const struct vector_loops vector_loops_packed;
extern const struct vector_loops vector_loops_size_t;
extern const struct vector_loops vector_loops_31_bits;

#endif
