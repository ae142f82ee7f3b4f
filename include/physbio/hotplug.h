/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ranges of the memory map that go away and come back while there is I/O: RAM as well
 * as the memory of a P2P provider. Decides when nobody can touch a page of the range any
 * more; what keeps one from being taken away is lifetime.h's and the pins'.
 */
#ifndef PHYSBIO_HOTPLUG_H
#define PHYSBIO_HOTPLUG_H

#include <physbio/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a range may begin and end: only whole subsections of page structs go. */
#define PHYSBIO_HOTPLUG_ALIGN \
	((pb_phys_addr_t)PB_PAGES_PER_SUBSECTION << PB_PAGE_SHIFT)

/**
 * physbio_mem_offline() - refuse new I/O on a range
 * @mem: map
 * @start: physical address that a range of the map begins with
 *
 * No new pin, reference or hold is given from now on (-EFAULT, NULL, -ENODEV), and all
 * that caches know of the range is stale. I/O that is in flight goes on.
 *
 * Context: any; not from two threads at once for one map. Return: 0; -ENODEV if no range
 * begins there; -EINVAL if it begins or ends within a PHYSBIO_HOTPLUG_ALIGN; -EOPNOTSUPP
 * if the map is laid out for trees or memdescs, which don't change; -EALREADY if it is
 * offline. Source: offline_pages(), percpu_ref_kill()
 */
PB_API int physbio_mem_offline(struct physbio_mem *mem, pb_phys_addr_t start);

/**
 * physbio_mem_remove() - take a range away that is offline
 * @mem: map
 * @start: physical address that a range of the map begins with
 * @timeout: milliseconds to wait for I/O; -1: for ever
 *
 * Waits until nothing of the range is in use: references on the provider, all I/O under
 * the epoch lifetime, pins of pages, and then read sections. Page structs and bytes are
 * inaccessible then: whoever has kept a pointer faults. Of page structs that share a
 * page of the host with those of a neighbour only the contents go. Memory that was
 * attached is the caller's again.
 *
 * Context: may sleep, outside of read sections, with no hold on the range; not from two
 * threads at once for one map. Return: 0; -ENODEV if no range begins there; -EINVAL if it
 * is not offline or removed already; -EBUSY if it was in use until the end of the time:
 * it stays offline, and this can be called again; -ENOMEM if it is removed, but the host
 * would not take all of it away: a touch that comes too late may go unseen.
 * Source: remove_memory(), memunmap_pages()
 */
PB_API int physbio_mem_remove(struct physbio_mem *mem, pb_phys_addr_t start,
			      int timeout);

/**
 * physbio_mem_add() - plug a range again that was removed
 * @mem: map
 * @start: physical address that a range of the map begins with
 *
 * Page structs and bytes are new: nothing is left of what was there. A range that is
 * offline but not removed comes back as it was.
 *
 * Context: may sleep; not from two threads at once for one map. Return: 0; -ENODEV if no
 * range begins there; -EEXIST if it is plugged; -EBUSY if it is offline and in use;
 * -ENOMEM, and it stays removed. Source: add_memory(), memremap_pages()
 */
PB_API int physbio_mem_add(struct physbio_mem *mem, pb_phys_addr_t start);

#ifdef __cplusplus
}
#endif

#endif
