/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bouncing: data that a device can't reach are copied through memory that it can. This
 * file decides where in its pool a copy lies and when which way it is made. That it must
 * be made is a translator's decision. Userspace only: it plays the part of the kernel's
 * swiotlb, which is not to be replaced.
 */
#ifndef PHYSBIO_BOUNCE_H
#define PHYSBIO_BOUNCE_H

#include <physbio/mem.h>
#include <physbio/types.h>
#include <physbio/xlate.h>

#ifdef __cplusplus
extern "C" {
#endif

struct physbio_bounce;

struct physbio_bounce_stats {
	unsigned long slots; /* that are in use now */
	unsigned long maps; /* runs of slots that were taken, ever */
	unsigned long refused; /* for want of a run that is long enough, ever */
	unsigned long bytes_in; /* copied into slots */
	unsigned long bytes_out; /* copied back from them */
};

/**
 * physbio_bounce_create() - make a pool of slots
 * @mem: memory map; kept by the caller
 * @start: physical address of the pool, multiple of @slot_size and of 4096
 * @size: bytes, multiple of @slot_size, not 0; RAM, the pool's until it is destroyed
 * @slot_size: bytes, power of two from 512 to 65536; the kernel's are 2048
 * @pool: the pool
 *
 * Context: may sleep. Return: 0; -EINVAL if a number is not as said; -EFAULT if a page
 * is no RAM with bytes; -ENOMEM.
 */
PB_API int physbio_bounce_create(struct physbio_mem *mem, pb_phys_addr_t start,
				 uint64_t size, uint32_t slot_size,
				 struct physbio_bounce **pool);

/* physbio_bounce_destroy() - free it, in use or not; NULL is nothing. */
PB_API void physbio_bounce_destroy(struct physbio_bounce *pool);

/* physbio_bounce_stats() - what it has done. Context: any thread. */
PB_API void physbio_bounce_stats(struct physbio_bounce *pool,
				 struct physbio_bounce_stats *stats);

/* How a run of slots must lie. */
struct physbio_bounce_place {
	uint64_t mask; /* low bits of the address that the copy keeps */
	bool whole; /* nothing but the data and zeroes in the units of mask + 1 */
	uint64_t last; /* highest physical address that will do */
};

/**
 * physbio_bounce_map() - take slots and copy into them
 * @pool: the pool
 * @phys: physical address of the data
 * @size: bytes, not 0
 * @place: where the slots must be
 * @slot: physical address of the copy
 *
 * The copy is made whichever way the data are to go: a device that writes less than was
 * mapped must not make the rest of it something else.
 *
 * Context: any thread. Return: 0; -ENOSPC if there is no such run of free slots; -EFAULT
 * if there are no bytes at @phys; nothing is taken then. Source:
 * swiotlb_tbl_map_single()
 */
PB_API int physbio_bounce_map(struct physbio_bounce *pool, pb_phys_addr_t phys,
			      uint64_t size,
			      const struct physbio_bounce_place *place,
			      pb_phys_addr_t *slot);

/**
 * physbio_bounce_unmap() - copy back and give slots back
 * @pool: the pool
 * @slot: physical address of the copy, or of another byte of its slots
 * @dir: which way the data went; to the device: nothing is copied
 *
 * Context: any thread. Return: whether something was bounced there. Source:
 * swiotlb_tbl_unmap_single()
 */
PB_API bool physbio_bounce_unmap(struct physbio_bounce *pool,
				 pb_phys_addr_t slot,
				 enum pb_dma_data_direction dir);

/**
 * physbio_xlate_init_bounce() - what a device can't reach goes through a pool
 * @x: translator to fill
 * @inner: tried first: a table, identity or windows; kept by the caller. Its P2P map,
 *	own BAR and policy for peers' memory are taken over, and may be changed in @x.
 * @pool: pool; kept by the caller; several translators may share it
 *
 * A copy keeps the low bits of an address that the device names (pb_device's
 * min_align_mask). Peers' memory is never bounced, unless @x->bounce_p2p is set: then
 * what the device can't reach otherwise is copied by the CPU.
 *
 * Context: any. Return: 0; -EINVAL and @x as before if @inner maps and unmaps, or has no
 * one range of bus addresses for the whole pool.
 */
PB_API int physbio_xlate_init_bounce(struct physbio_xlate *x,
				     const struct physbio_xlate *inner,
				     struct physbio_bounce *pool);

/**
 * physbio_xlate_set_untrusted() - the device must see nothing but its data
 * @x: translator of an IOMMU's domain
 * @pool: pool for what does not fill a granule; kept by the caller; NULL: trusted again
 *
 * A granule at the start or end of a range that holds other bytes too is replaced by a
 * copy among zeroes, where the kernel's dma_map_phys() copies the whole range. A peer's
 * memory is not copied: such a range is refused. What is unmapped is forgotten at once,
 * also where the domain's policy is to defer: a slot is somebody else's then.
 * Context: any, before the first I/O. Source: dev_use_swiotlb(),
 * iommu_get_default_domain_type()
 */
PB_API void physbio_xlate_set_untrusted(struct physbio_xlate *x,
					struct physbio_bounce *pool);

#ifdef __cplusplus
}
#endif

#endif
