/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who provides a range of memory, and references that keep it from going away. It
 * knows no page: those of device memory (ZONE_DEVICE) point here.
 */
#ifndef PHYSBIO_MEMREMAP_H
#define PHYSBIO_MEMREMAP_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct physbio_region;

/* References of one of several counters, so that CPUs don't meet on a cache line. */
struct physbio_ref_slot {
	long count; /* may be below 0: another slot has the rest */
	char pad[64 - sizeof(long)];
};

#define PHYSBIO_REF_SLOTS 16

/* Source: struct dev_pagemap */
struct pb_dev_pagemap {
	pb_phys_addr_t start; /* physical address of the first byte */
	uint64_t size; /* bytes */
	const struct physbio_region *region; /* the P2P provider, or NULL */
	/* Another one each time that it is killed: what was found before is stale. */
	unsigned long generation;
	int dead; /* no new references */
	char pad[64 - 2 * sizeof(uint64_t) - 2 * sizeof(void *) - sizeof(int)];
	struct physbio_ref_slot slots[PHYSBIO_REF_SLOTS];
};

/**
 * pb_get_dev_pagemap() - look up who provides a frame, with a reference
 * @pfn: any frame number
 *
 * The kernel's reference is a plain addition on the CPU's own counter; this one is an
 * atomic on a cache line that is mostly the thread's own.
 *
 * Context: any, the memory map staying. Return: the pagemap, which stays until
 * pb_put_dev_pagemap(); NULL if the frame is RAM or nothing, or the pagemap is killed.
 * Source: get_dev_pagemap()
 */
PB_API struct pb_dev_pagemap *pb_get_dev_pagemap(unsigned long pfn);

/* pb_put_dev_pagemap() - drop a reference; NULL is ignored. Source: put_dev_pagemap() */
PB_API void pb_put_dev_pagemap(struct pb_dev_pagemap *pgmap);

/**
 * physbio_pagemap_tryget() - a reference on a pagemap that is at hand
 * @pgmap: of a page
 *
 * Context: any. Return: false if the pagemap is killed. Source:
 * percpu_ref_tryget_live_rcu()
 */
PB_API bool physbio_pagemap_tryget(struct pb_dev_pagemap *pgmap);

/**
 * physbio_pagemap_kill() - let nobody take a new reference
 * @pgmap: pagemap
 *
 * Context: any. Source: percpu_ref_kill()
 */
PB_API void physbio_pagemap_kill(struct pb_dev_pagemap *pgmap);

/**
 * physbio_pagemap_idle() - are all references gone?
 * @pgmap: pagemap that is killed
 *
 * Context: any. Return: true once, and true for ever then: nobody has a reference, and
 * what those who had one wrote is seen. Source: percpu_ref_is_zero()
 */
PB_API bool physbio_pagemap_idle(const struct pb_dev_pagemap *pgmap);

/**
 * physbio_pagemap_resurrect() - let references be taken again
 * @pgmap: pagemap that is killed and idle
 *
 * Context: any. Source: percpu_ref_resurrect()
 */
PB_API void physbio_pagemap_resurrect(struct pb_dev_pagemap *pgmap);

#ifdef __cplusplus
}
#endif

#endif
