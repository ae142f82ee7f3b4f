/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory made up of pieces that lie apart, for benchmarks of lookups: no bytes, but page
 * structs under every memory model, and caches of sections with a place for each piece, so
 * that every lookup after the first is a hit.
 */
#ifndef BENCH_PIECES_H
#define BENCH_PIECES_H

#include "harness.h"

struct bench_pieces {
	unsigned int nr;
	uint64_t size; /* bytes of each */
	uint64_t gap; /* bytes from the start of one to the start of the next */
};

pb_phys_addr_t bench_piece(const struct bench_pieces *p, unsigned int i);

/* Or the process ends. */
struct physbio_mem *bench_pieces_up(const struct bench *b,
				    const struct bench_pieces *p);
void bench_pieces_down(struct physbio_mem *mem);

#endif
