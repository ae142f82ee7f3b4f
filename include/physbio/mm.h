/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The address space of the process, as the model's memory manager knows it: which
 * user addresses stand for which pages of the memory map. It pins pages and knows
 * nothing of bios.
 */
#ifndef PHYSBIO_MM_H
#define PHYSBIO_MM_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * physbio_mm_map() - let user addresses stand for pages
 * @addr: user address, multiple of the page size
 * @frames: physical address of each page, of the memory map; copied
 * @nr: pages, not 0
 * @writable: a device may write there
 *
 * Nothing is touched at @addr: it may be memory of this process, such as a buffer
 * (buffer.h), or a number that nobody uses.
 *
 * Context: may sleep. Return: 0; -EINVAL if something is not as said; -EEXIST if one of
 * the addresses is mapped; -ENOMEM.
 */
PB_API int physbio_mm_map(const void *addr, const pb_phys_addr_t *frames,
			  size_t nr, bool writable);

/**
 * physbio_mm_unmap() - take a mapping away again
 * @addr: what it was made with
 *
 * Pages that are pinned stay so. Context: may sleep. Return: 0, or -ENOENT.
 */
PB_API int physbio_mm_unmap(const void *addr);

#ifdef __cplusplus
}
#endif

#endif
