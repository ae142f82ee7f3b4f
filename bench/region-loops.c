// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checks and their loops, see region-loops.h. What the library does is called as it
 * is in the physical representation, which is built with the same flags.
 */
#include <physbio/page.h>

#include "region-loops.h"

extern __typeof__(physbio_region_lookup) phys_physbio_region_lookup;

/* Inlined in the loops; elsewhere they are called. */
#define CHECK inline __attribute__((always_inline)) bool

CHECK check_range(const struct region_loop *loop,
		  const struct region_range *range,
		  const struct physbio_region **region)
{
	return phys_physbio_region_lookup(loop->table, range->paddr,
					  range->size, region);
}

CHECK check_known(const struct region_loop *loop,
		  const struct region_range *range,
		  const struct physbio_region **region)
{
	*region = loop->known;
	return physbio_region_holds(loop->known, range->paddr, range->size);
}

/* One provider may have several ranges: it is known by its number. */
static bool same_provider(const struct physbio_region *a,
			  const struct physbio_region *b)
{
	return a == b || (a && b && a->id == b->id);
}

CHECK check_end_points(const struct region_loop *loop,
		       const struct region_range *range,
		       const struct physbio_region **region)
{
	const struct physbio_region *last;

	phys_physbio_region_lookup(loop->table, range->paddr, 1, region);
	phys_physbio_region_lookup(loop->table, range->paddr + range->size - 1,
				   1, &last);
	return same_provider(*region, last);
}

CHECK check_first_page(const struct region_loop *loop,
		       const struct region_range *range,
		       const struct physbio_region **region)
{
	(void)loop;
	*region = pb_page_region(pb_phys_to_page(range->paddr));
	return true;
}

CHECK check_every_page(const struct region_loop *loop,
		       const struct region_range *range,
		       const struct physbio_region **region)
{
	const struct pb_page *page = pb_phys_to_page(range->paddr);
	const struct pb_page *last =
		pb_phys_to_page(range->paddr + range->size - 1);

	(void)loop;
	*region = pb_page_region(page);
	while (page < last)
		if (pb_page_region(++page) != *region)
			return false;
	return true;
}

static inline __attribute__((always_inline)) void
check_all(struct region_loop *loop, region_check_fn *check)
{
	const struct region_range *r = loop->ranges, *end = r + loop->nr;
	const struct physbio_region *region;
	unsigned long known = 0;

	for (; r < end; r++)
		known += check(loop, r, &region) && region == loop->known;
	loop->nr_known = known;
}

void loop_range(struct region_loop *loop)
{
	check_all(loop, check_range);
}

void loop_known(struct region_loop *loop)
{
	check_all(loop, check_known);
}

void loop_end_points(struct region_loop *loop)
{
	check_all(loop, check_end_points);
}

void loop_first_page(struct region_loop *loop)
{
	check_all(loop, check_first_page);
}

void loop_every_page(struct region_loop *loop)
{
	check_all(loop, check_every_page);
}
