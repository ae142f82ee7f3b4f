/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark of translation times: loops over an array of ranges, compiled as the
 * kernel's callers are. Nothing in here looks at a clock.
 */
#ifndef BENCH_XLATE_LOOPS_H
#define BENCH_XLATE_LOOPS_H

#include <physbio/bio.h>
#include <physbio/xlate.h>

#define BATCH 256u /* ranges of a batch */

struct xlate_loop {
	const struct pb_device *dev;
	const struct pb_phys_vec *vecs;
	uint32_t nr; /* a multiple of BATCH */
	uint64_t offset; /* what the bare loop adds */
	pb_dma_addr_t *addrs; /* where the result goes */
};

typedef void xlate_loop_fn(const struct xlate_loop *loop);

xlate_loop_fn loop_bare; /* load, add, store */
xlate_loop_fn loop_inline; /* physbio_windows_map() in the loop */
xlate_loop_fn loop_ops; /* the translator's own map_phys() */
xlate_loop_fn loop_call; /* pb_dma_map_phys() */
xlate_loop_fn loop_batch; /* physbio_xlate_map_batch() of BATCH ranges */

/* For comparison: a binary search in the table itself, which is priv. */
struct binary_table {
	const struct physbio_window *windows;
	uint32_t nr;
};

extern const struct physbio_xlate_ops binary_ops;

#endif
