// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The order in which a range goes away: first nobody new gets it, then those who have it
 * are waited for, then nobody finds it, then those who may have found it are waited for,
 * and then it is gone. What it consists of mem.c and memmodel.c know.
 */
#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include <physbio/hotplug.h>

#include "../core/platform.h"
#include "mem-internal.h"

static struct mem_range *range_at(struct physbio_mem *mem, pb_phys_addr_t start)
{
	struct mem_range *mr = physbio_mem_range(mem, start);

	return mr && mr->range.start == start ? mr : NULL;
}

static unsigned int number_of(const struct physbio_mem *mem,
			      const struct mem_range *mr)
{
	return (unsigned int)(mr - mem->ranges);
}

static struct pb_dev_pagemap *pagemap_of(const struct physbio_mem *mem,
					 const struct mem_range *mr)
{
	return physbio_memmap_pagemap(number_of(mem, mr));
}

int physbio_mem_offline(struct physbio_mem *mem, pb_phys_addr_t start)
{
	struct mem_range *mr = range_at(mem, start);
	struct pb_dev_pagemap *pgmap;

	if (!mr)
		return -ENODEV;
	if ((start | mr->range.size) & (PHYSBIO_HOTPLUG_ALIGN - 1))
		return -EINVAL;
	if (!physbio_memmap_can_change())
		return -EOPNOTSUPP;
	pgmap = pagemap_of(mem, mr);
	if (pgmap->dead)
		return -EALREADY;
	physbio_pagemap_kill(pgmap);
	return 0;
}

/* --- waiting --- */

static bool range_unpinned(const struct mem_range *mr)
{
	pb_phys_addr_t at = mr->range.start;
	uint64_t n = mr->range.size >> PB_PAGE_SHIFT;

	for (; n--; at += PB_PAGE_SIZE)
		if (__atomic_load_n(&physbio_the_page(at)->refcount.counter,
				    __ATOMIC_ACQUIRE))
			return false;
	return true;
}

/* Nobody comes who isn't there: a reference is needed to pin. */
static bool range_idle(const struct physbio_mem *mem,
		       const struct mem_range *mr)
{
	return physbio_pagemap_idle(pagemap_of(mem, mr)) && range_unpinned(mr);
}

static void wait_a_little(void)
{
	const struct timespec t = { .tv_nsec = 50000 };

	nanosleep(&t, NULL);
}

static bool range_wait(const struct physbio_mem *mem,
		       const struct mem_range *mr,
		       const unsigned long *deadline)
{
	if (!physbio_epoch_synchronize(deadline))
		return false;
	while (!range_idle(mem, mr)) {
		if (deadline && !time_before(jiffies, *deadline))
			return false;
		wait_a_little();
	}
	return true;
}

/* --- away, and back --- */

static int range_remove(struct physbio_mem *mem, struct mem_range *mr)
{
	bool closed;

	physbio_memmap_offline(number_of(mem, mr));
	__atomic_store_n(&mr->gone, 1, __ATOMIC_SEQ_CST);
	physbio_read_synchronize();
	closed = physbio_memmap_remove(number_of(mem, mr));
	if (mr->bytes)
		closed &= physbio_close(mr->bytes, (size_t)mr->range.size);
	return closed ? 0 : -ENOMEM;
}

int physbio_mem_remove(struct physbio_mem *mem, pb_phys_addr_t start,
		       int timeout)
{
	struct mem_range *mr = range_at(mem, start);
	unsigned long deadline = jiffies + (unsigned long)timeout;

	if (!mr)
		return -ENODEV;
	if (!pagemap_of(mem, mr)->dead || mr->gone)
		return -EINVAL;
	if (!range_wait(mem, mr, timeout < 0 ? NULL : &deadline))
		return -EBUSY;
	return range_remove(mem, mr);
}

static int range_add(struct physbio_mem *mem, struct mem_range *mr)
{
	if (mr->bytes &&
	    mprotect(mr->bytes, (size_t)mr->range.size, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	if (physbio_memmap_add(number_of(mem, mr))) {
		if (mr->bytes)
			physbio_close(mr->bytes, (size_t)mr->range.size);
		return -ENOMEM;
	}
	__atomic_store_n(&mr->gone, 0, __ATOMIC_SEQ_CST);
	return 0;
}

int physbio_mem_add(struct physbio_mem *mem, pb_phys_addr_t start)
{
	struct mem_range *mr = range_at(mem, start);
	int err;

	if (!mr)
		return -ENODEV;
	if (!pagemap_of(mem, mr)->dead)
		return -EEXIST;
	if (!mr->gone && !physbio_pagemap_idle(pagemap_of(mem, mr)))
		return -EBUSY;
	err = mr->gone ? range_add(mem, mr) : 0;
	if (!err)
		physbio_pagemap_resurrect(pagemap_of(mem, mr));
	return err;
}
