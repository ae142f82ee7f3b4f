/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose memory a range is, asked in several ways, compiled as the kernel's callers are.
 * Which of them are right is not decided here, and nothing looks at a clock.
 */
#ifndef BENCH_REGION_LOOPS_H
#define BENCH_REGION_LOOPS_H

#include <physbio/xlate.h>

struct region_range {
	pb_phys_addr_t paddr; /* physical address of the first byte */
	uint64_t size; /* bytes, not 0 */
};

struct region_loop {
	const struct region_range *ranges;
	uint32_t nr;
	const struct physbio_region_table *table;
	const struct physbio_region *known; /* whose they are said to be */
	unsigned long nr_known; /* filled: how many are, by the check */
};

/* Is a range one's alone, and whose? NULL is RAM. */
typedef bool region_check_fn(const struct region_loop *loop,
			     const struct region_range *range,
			     const struct physbio_region **region);

region_check_fn check_range; /* the library: a lookup that checks both ends */
region_check_fn check_known; /* the library: in the region that its bio is of */
region_check_fn check_end_points; /* both are the same provider's */
region_check_fn check_first_page; /* as the kernel does when it adds one */
region_check_fn check_every_page; /* what it would have to do */

/* Each in a loop of its own, without a call where there need be none. */
typedef void region_loop_fn(struct region_loop *loop);

region_loop_fn loop_range;
region_loop_fn loop_known;
region_loop_fn loop_end_points;
region_loop_fn loop_first_page;
region_loop_fn loop_every_page;

#endif
