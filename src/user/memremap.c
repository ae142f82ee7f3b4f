// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * References on the providers of memory: cheap to take and drop, dear to wait
 * for, as those of the kernel are. Decides when the last one is gone; what happens then
 * is the caller's.
 */
#include <physbio/memremap.h>
#include <physbio/page.h>

#include "../core/platform.h"
#include "mem-internal.h"

unsigned int physbio_ref_slot(void)
{
	static unsigned int next;
	static __thread unsigned int mine; /* from 1 */

	if (unlikely(!mine))
		mine = 1 + __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) %
				   PHYSBIO_REF_SLOTS;
	return mine - 1;
}

/*
 * Either this sees that the pagemap is killed, or the one who kills it sees this
 * reference: each writes first, then looks, and all four are in one order.
 */
bool physbio_pagemap_tryget(struct pb_dev_pagemap *pgmap)
{
	long *count = &pgmap->slots[physbio_ref_slot()].count;

	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
	if (likely(!__atomic_load_n(&pgmap->dead, __ATOMIC_SEQ_CST)))
		return true;
	__atomic_fetch_sub(count, 1, __ATOMIC_RELEASE);
	return false;
}

struct pb_dev_pagemap *pb_get_dev_pagemap(unsigned long pfn)
{
	struct pb_dev_pagemap *pgmap;

	pb_count(PHYSBIO_LOOKUP);
	pgmap = (struct pb_dev_pagemap *)physbio_range_tree_find(
		&physbio_memmap.pagemaps, pfn);
	return pgmap && physbio_pagemap_tryget(pgmap) ? pgmap : NULL;
}

void pb_put_dev_pagemap(struct pb_dev_pagemap *pgmap)
{
	if (!pgmap)
		return;
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_sub(&pgmap->slots[physbio_ref_slot()].count, 1,
			   __ATOMIC_RELEASE);
}

void physbio_pagemap_kill(struct pb_dev_pagemap *pgmap)
{
	__atomic_store_n(&pgmap->dead, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&pgmap->generation, 1, __ATOMIC_SEQ_CST);
}

void physbio_pagemap_resurrect(struct pb_dev_pagemap *pgmap)
{
	__atomic_store_n(&pgmap->dead, 0, __ATOMIC_SEQ_CST);
}

/*
 * Every reference that is out was counted before the pagemap was killed, so each slot
 * has all that was taken there; what is dropped while this adds up makes the sum too
 * high, never too low.
 */
bool physbio_pagemap_idle(const struct pb_dev_pagemap *pgmap)
{
	unsigned int i;
	long sum = 0;

	for (i = 0; i < PHYSBIO_REF_SLOTS; i++)
		sum += __atomic_load_n(&pgmap->slots[i].count,
				       __ATOMIC_SEQ_CST);
	return !sum;
}
