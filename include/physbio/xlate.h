/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translators: what software does to turn a physical address into the bus address
 * that one device must use. Small tables behind a small ops table that a prototype
 * can fill too. What the hardware then does with the address is the fabric's
 * business, and nothing here knows of it.
 */
#ifndef PHYSBIO_XLATE_H
#define PHYSBIO_XLATE_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_device;
struct pb_phys_vec;
struct physbio_iommu;
struct physbio_window_index;
struct physbio_xlate;
struct physbio_bounce;

/* Values as in the kernel. Source: enum pci_p2pdma_map_type */
enum pb_pci_p2pdma_map_type {
	PB_PCI_P2PDMA_MAP_UNKNOWN = 0,
	PB_PCI_P2PDMA_MAP_NONE, /* RAM */
	PB_PCI_P2PDMA_MAP_NOT_SUPPORTED,
	PB_PCI_P2PDMA_MAP_BUS_ADDR, /* stays below a common bridge */
	PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
	/* Not the kernel's. */
	PHYSBIO_P2PDMA_MAP_BOUNCE, /* out of reach: copied by the CPU */
	PHYSBIO_P2PDMA_MAP_OWN_BAR, /* the device's own: an offset within it */
};

/*
 * Memory of a PCI device that others may reach: one P2P provider, one BAR. The
 * address of this struct is its identity. Source: struct p2pdma_provider
 */
struct physbio_region {
	pb_phys_addr_t start; /* physical address of the first byte */
	uint64_t size; /* bytes */
	uint64_t bus_offset; /* added to a physical address, mod 2^64: bus */
	uint32_t id; /* index in the tables of translators */
};

/* Does a region hold all @size bytes from @paddr on? Its ends alone would not do. */
static inline bool physbio_region_holds(const struct physbio_region *region,
					pb_phys_addr_t paddr, uint64_t size)
{
	uint64_t offset = paddr - region->start;

	return paddr >= region->start && offset < region->size &&
	       size <= region->size - offset;
}

/* All regions that memory of a mixed bio may be of. */
struct physbio_region_table {
	const struct physbio_region *const *regions; /* ascending, disjoint */
	uint32_t nr;
};

/* A physical range and the bus address of its first byte. */
struct physbio_window {
	pb_phys_addr_t start; /* physical address of the first byte */
	uint64_t size; /* bytes, not 0 */
	uint64_t bus; /* bus address of the first byte */
};

/*
 * Bytes of an index of @nr windows, a constant if @nr is one: 16 for each window, with
 * 24 for the window itself, and three cache lines.
 */
#define PHYSBIO_WINDOW_INDEX_BYTES(nr) (192 + 16 * (size_t)(nr))

/* What a table may have: indices and counts of what finds them are of 32 bits. */
#define PHYSBIO_MAX_WINDOWS (1u << 30)

/* Finds a window of many. What it remembers is read without a call, the rest is its own. */
struct physbio_window_index {
	const struct physbio_window *last; /* never NULL */
};

/* Values as in the kernel. Source: enum dma_data_direction */
enum pb_dma_data_direction {
	PB_DMA_BIDIRECTIONAL = 0,
	PB_DMA_TO_DEVICE = 1,
	PB_DMA_FROM_DEVICE = 2,
};

/* Bits of attrs. */
#define PB_DMA_ATTR_MMIO (1u << 10) /* a peer's BAR, not RAM */
#define PHYSBIO_DMA_ATTR_BOUNCE (1u << 31) /* copy it, whatever is in reach */

struct physbio_xlate_ops {
	const char *name;
	/*
	 * One mapped range: the bus address of @phys, or PB_DMA_MAPPING_ERROR
	 * if the device can't reach all @size bytes at one bus address range.
	 * NULL: the physical address is the bus address.
	 */
	pb_dma_addr_t (*map_phys)(const struct pb_device *dev,
				  pb_phys_addr_t phys, uint64_t size,
				  enum pb_dma_data_direction dir,
				  unsigned long attrs);
	/* Undo it. NULL: nothing to undo. */
	void (*unmap_phys)(const struct pb_device *dev, pb_dma_addr_t addr,
			   uint64_t size, enum pb_dma_data_direction dir,
			   unsigned long attrs);
	/*
	 * Many ranges of RAM, where a translator can do better than one by one and
	 * nothing of it needs undoing: 0, or -EIO if one can't be mapped or is
	 * beyond dev->dma_mask. NULL: each goes to map_phys().
	 */
	int (*map_batch)(const struct pb_device *dev,
			 const struct pb_phys_vec *vecs, uint32_t nr,
			 pb_dma_addr_t *addrs);
	/*
	 * The two-step way, where many physical ranges become one range of bus
	 * addresses. All NULL if there is none. The granule is one more than
	 * merge_boundary(): sizes and addresses are multiples of it.
	 */
	uint64_t (*merge_boundary)(const struct pb_device *dev);
	/* A free range, its last byte within dev->dma_mask, or false. */
	bool (*iova_alloc)(const struct pb_device *dev, uint64_t size,
			   uint64_t *iova);
	/*
	 * Give a range back. @deferred: it was unlinked so, and may still be in use
	 * by the hardware: nobody gets it before that is over.
	 */
	void (*iova_free)(const struct pb_device *dev, uint64_t iova,
			  uint64_t size, bool deferred);
	/*
	 * Map bytes that begin alike within a granule on both sides, with all of the
	 * granules that they touch. 0 or -errno, and then nothing of it is mapped.
	 */
	int (*iova_link)(const struct pb_device *dev, uint64_t iova,
			 pb_phys_addr_t phys, uint64_t size,
			 enum pb_dma_data_direction dir, unsigned long attrs);
	/* Undo it. @deferred: iova_free() follows; the hardware may learn it later. */
	void (*iova_unlink)(const struct pb_device *dev, uint64_t iova,
			    uint64_t size, enum pb_dma_data_direction dir,
			    unsigned long attrs, bool deferred);
};

/* A translator: how one device reaches memory. Filled by an init below. */
struct physbio_xlate {
	const struct physbio_xlate_ops *ops;
	uint64_t bus_limit; /* bus address behind the last; 0: no limit */
	const struct physbio_window *windows; /* ascending, disjoint */
	struct physbio_window_index *index; /* finds one of them */
	uint32_t nr_regions;
	/* by physbio_region.id: enum pb_pci_p2pdma_map_type for this device */
	const uint8_t *p2p_map;
	/*
	 * Policy for a peer's memory through the host bridge. false: by the table, as
	 * Linux 6.12 does; true: its CPU address, whatever the windows, as mainline
	 * does since dma_map_phys().
	 */
	bool mmio_identity;
	/*
	 * Policy for a peer's memory that the device can't reach. false: an error;
	 * true: where there is a pool the CPU copies it. See bounce.h.
	 */
	bool bounce_p2p;
	struct physbio_bounce *bounce; /* pool, or NULL */
	uint64_t bounce_bus; /* bus address of the pool's first byte */
	const struct physbio_xlate *inner; /* tried before the pool */
	const struct physbio_region *own_bar; /* addressed by offset, or NULL */
	void *priv; /* a prototype's own */
};

/* A DMA client. */
struct pb_device {
	const struct physbio_xlate *xlate;
	uint64_t dma_mask; /* highest bus address it can put on the bus */
	/* low bits of an address that bouncing must keep, dma_set_min_align_mask() */
	uint32_t min_align_mask;
	int numa_node; /* -1: none */
	void *driver_data;
};

/**
 * physbio_xlate_init_identity() - bus addresses are physical addresses
 * @x: translator to fill
 *
 * Context: any.
 */
PB_API void physbio_xlate_init_identity(struct physbio_xlate *x);

/**
 * physbio_xlate_init_windows() - bus addresses by a table of windows
 * @x: translator to fill
 * @windows: table, ascending by physical address; kept by the caller as long as
 *	@x is used
 * @nr: windows in it, at most PHYSBIO_MAX_WINDOWS
 * @index: memory of PHYSBIO_WINDOW_INDEX_BYTES(@nr), aligned for a pointer, for this
 *	translator alone; kept likewise, and filled here
 *
 * A range is translated if one window has all of it. The translator remembers a window
 * of its last ranges, without a lock: any number of threads may use it. Windows that
 * touch, from address 0 on and with no offset, are one: the identity up to their end,
 * with nothing to look up.
 *
 * Context: any. Return: 0, or -EINVAL and @x as before if there are too many windows, or
 * if one is empty, wraps on either side, or overlaps the one before it or stands out of
 * order.
 */
PB_API int physbio_xlate_init_windows(struct physbio_xlate *x,
				      const struct physbio_window *windows,
				      uint32_t nr, void *index);

/**
 * physbio_xlate_use_simd() - let batches of ranges in windows be mapped by vector units
 * @x: translator, filled by physbio_xlate_init_windows(): portable code until then
 * @simd: which; a program tries them from the last on
 *
 * For physbio_xlate_map_batch() alone, whose results and errors are the same with any.
 * A translator that has no window to look up stays as it is.
 *
 * Userspace only. Context: any, before the first I/O. Return: 0, or -EOPNOTSUPP and @x as
 * before if this CPU or this build does not have it.
 */
PB_API int physbio_xlate_use_simd(struct physbio_xlate *x,
				  enum physbio_simd simd);

/* pb_dma_addr_t of a range in a window that is not the remembered one, or
 * PB_DMA_MAPPING_ERROR: for physbio_windows_map() alone. */
PB_API pb_dma_addr_t physbio_windows_search(const struct physbio_xlate *x,
					    pb_phys_addr_t phys, uint64_t size);

/**
 * physbio_xlate_has_windows() - is a translator a table that physbio_windows_map() reads?
 * @x: translator, already filled
 *
 * Context: any. Return: false also for windows that are the identity.
 */
static inline bool physbio_xlate_has_windows(const struct physbio_xlate *x)
{
	return x->index;
}

/**
 * physbio_windows_map() - the bus address of a physical range, by a table of windows
 * @x: translator that physbio_xlate_has_windows()
 * @phys: physical address of the first byte
 * @size: bytes, not 0
 *
 * For a driver that asks once what its translator is, and then has no call to make for
 * a range in the remembered window. No mask is looked at and no policy: a
 * driver that can't reach all of the bus, or maps a peer's memory, has
 * pb_dma_map_phys(). There is nothing to undo. Context: any.
 * Return: bus address of the first byte; PB_DMA_MAPPING_ERROR if no window has all of
 * the range.
 */
static inline pb_dma_addr_t physbio_windows_map(const struct physbio_xlate *x,
						pb_phys_addr_t phys,
						uint64_t size)
{
	const struct physbio_window *w =
		__atomic_load_n(&x->index->last, __ATOMIC_RELAXED);
	/* What is before the window is as far behind it as addresses go. */
	uint64_t at = (pb_phys_addr_t)(phys - w->start);
	uint64_t end = at + size;

	if (__builtin_expect(end >= size && end <= w->size, 1))
		return physbio_dma_make(w->bus + at);
	return physbio_windows_search(x, phys, size);
}

/**
 * physbio_xlate_init_iommu() - bus addresses are what a domain maps
 * @x: translator to fill
 * @iommu: domain; kept by the caller as long as @x is used
 *
 * Several translators may share one domain. Userspace only. Context: any.
 */
PB_API void physbio_xlate_init_iommu(struct physbio_xlate *x,
				     struct physbio_iommu *iommu);

/**
 * physbio_xlate_set_p2p() - say how a device reaches each P2P region
 * @x: translator, already filled
 * @map: by physbio_region.id, enum pb_pci_p2pdma_map_type; kept by the caller
 * @nr: entries of @map; a region beyond is not supported
 *
 * Context: any, before the first I/O.
 */
PB_API void physbio_xlate_set_p2p(struct physbio_xlate *x, const uint8_t *map,
				  uint32_t nr);

/**
 * physbio_region_table_init() - make a table that regions are looked up in
 * @table: table to fill
 * @regions: ascending by physical address; kept by the caller as long as @table is used
 * @nr: how many
 *
 * Context: any. Return: 0, or -EINVAL and @table as before if a region is empty, wraps,
 * or overlaps the one before it or stands out of order.
 */
PB_API int
physbio_region_table_init(struct physbio_region_table *table,
			  const struct physbio_region *const *regions,
			  uint32_t nr);

/**
 * physbio_region_lookup() - whose memory a range is
 * @table: regions
 * @paddr: physical address of the first byte
 * @size: bytes, not 0
 * @region: whose; NULL: RAM
 *
 * Context: any. Return: false if it is not one's alone.
 */
PB_API bool physbio_region_lookup(const struct physbio_region_table *table,
				  pb_phys_addr_t paddr, uint64_t size,
				  const struct physbio_region **region);

/**
 * physbio_xlate_set_own_bar() - a device names addresses in its own BAR by offset
 * @x: translator, already filled
 * @region: the BAR, kept by the caller; NULL: it has a bus address like any other
 *
 * For a controller that can be told so of each range (an NVMe controller memory buffer).
 * Whose memory it is costs a comparison of pointers, the address a subtraction; there is
 * nothing to map and nothing to unmap.
 *
 * Context: any, before the first I/O.
 */
PB_API void physbio_xlate_set_own_bar(struct physbio_xlate *x,
				      const struct physbio_region *region);

/**
 * physbio_own_bar_map() - where a range is in its own device's BAR
 * @region: the BAR
 * @paddr: physical address of the first byte
 * @size: bytes, not 0
 *
 * Context: any. Return: the offset, which only that device understands and only where
 * it is told that it is one; PB_DMA_MAPPING_ERROR if the range leaves the BAR.
 */
PB_API pb_dma_addr_t physbio_own_bar_map(const struct physbio_region *region,
					 pb_phys_addr_t paddr, uint64_t size);

/**
 * pb_pci_p2pdma_bus_addr_map() - a peer's address on its own bus
 * @provider: whose memory it is
 * @paddr: physical address in it
 *
 * Right for a device below the same bridge. The RFC put this number into bios, for
 * whatever device they would go to.
 *
 * Context: any. Return: bus address. Source: pci_p2pdma_bus_addr_map()
 */
static inline pb_dma_addr_t
pb_pci_p2pdma_bus_addr_map(const struct physbio_region *provider,
			   pb_phys_addr_t paddr)
{
	return physbio_dma_make(paddr + provider->bus_offset);
}

/**
 * physbio_p2p_state() - how a device reaches a region
 * @dev: DMA client
 * @region: region; NULL: RAM
 *
 * Context: any. Return: PB_PCI_P2PDMA_MAP_NONE for RAM, never _UNKNOWN; instead of
 * _NOT_SUPPORTED PHYSBIO_P2PDMA_MAP_BOUNCE, where that is the translator's policy.
 * Source: pci_p2pdma_state()
 */
PB_API enum pb_pci_p2pdma_map_type
physbio_p2p_state(const struct pb_device *dev,
		  const struct physbio_region *region);

/**
 * pb_dma_map_phys() - the bus address of a physical range for a device
 * @dev: DMA client
 * @phys: physical address of the first byte
 * @size: bytes, not 0
 * @dir: which way the data go
 * @attrs: PB_DMA_ATTR_*
 *
 * Context: any. Return: bus address of the first byte; PB_DMA_MAPPING_ERROR if the
 * device has no window for all of it or its mask does not reach the last byte.
 * Source: dma_map_phys()
 */
PB_API pb_dma_addr_t pb_dma_map_phys(const struct pb_device *dev,
				     pb_phys_addr_t phys, uint64_t size,
				     enum pb_dma_data_direction dir,
				     unsigned long attrs);

/* Did a mapping fail? Return: 0 or -ENOMEM. Source: dma_mapping_error() */
PB_API int pb_dma_mapping_error(const struct pb_device *dev,
				pb_dma_addr_t addr);

/* pb_dma_unmap_phys() - undo pb_dma_map_phys(). Source: dma_unmap_phys() */
PB_API void pb_dma_unmap_phys(const struct pb_device *dev, pb_dma_addr_t addr,
			      uint64_t size, enum pb_dma_data_direction dir,
			      unsigned long attrs);

/**
 * physbio_xlate_map_batch() - the bus addresses of many physical ranges
 * @dev: DMA client
 * @vecs: ranges, none of them empty
 * @nr: how many
 * @dir: which way the data go
 * @attrs: PB_DMA_ATTR_*
 * @addrs: bus address of the first byte of each, @nr of them
 *
 * As pb_dma_map_phys() of each, and undone likewise with pb_dma_unmap_phys(), but a
 * window is not looked up again while the ranges are in few. Not with vectors that hold
 * bus addresses. Context: any. Return: 0; -EIO if one can't be mapped, and then nothing is
 * and @addrs is undefined.
 */
PB_API int physbio_xlate_map_batch(const struct pb_device *dev,
				   const struct pb_phys_vec *vecs, uint32_t nr,
				   enum pb_dma_data_direction dir,
				   unsigned long attrs, pb_dma_addr_t *addrs);

/* An IOVA range for a whole request. Source: struct dma_iova_state */
struct pb_dma_iova_state {
	pb_dma_addr_t
		addr; /* of its first byte, which may lie within a granule */
	uint64_t size; /* bytes; 0: none, each range is mapped on its own */
};

/* Source: dma_use_iova() */
static inline bool pb_dma_use_iova(const struct pb_dma_iova_state *state)
{
	return state->size;
}

/**
 * pb_dma_get_merge_boundary() - where ranges must meet to become one
 * @dev: DMA client
 *
 * Context: any. Return: a mask, or 0 if the device's ranges can't become one.
 * Source: dma_get_merge_boundary()
 */
PB_API uint64_t pb_dma_get_merge_boundary(const struct pb_device *dev);

/**
 * pb_dma_iova_try_alloc() - get bus addresses for several physical ranges
 * @dev: DMA client
 * @state: the range; emptied if there is none
 * @phys: physical address of the first byte of the first, of which the bits within a
 *	granule count
 * @size: bytes of all, not 0
 *
 * Context: any. Return: false if the device has no such thing, or none left.
 * Source: dma_iova_try_alloc()
 */
PB_API bool pb_dma_iova_try_alloc(const struct pb_device *dev,
				  struct pb_dma_iova_state *state,
				  pb_phys_addr_t phys, uint64_t size);

/**
 * pb_dma_iova_link() - map the next physical range
 * @dev: DMA client
 * @state: range of bus addresses
 * @phys: physical address of the first byte
 * @offset: bytes of the range that are mapped already
 * @size: bytes, not 0
 * @dir: which way the data go
 * @attrs: PB_DMA_ATTR_*
 *
 * Only the first one may begin, only the last one end, within a granule.
 * Context: any. Return: 0; -EIO if another one begins so; -EINVAL if one follows such an
 * end, as mainline's page table has it; -EADDRINUSE; -ENOMEM. Of an untrusted device also -EPERM, if such an end is of a peer's memory, and -ENOSPC or
 * -EFAULT, if there is no slot for it or nothing to copy.
 * Source: dma_iova_link()
 */
PB_API int pb_dma_iova_link(const struct pb_device *dev,
			    struct pb_dma_iova_state *state,
			    pb_phys_addr_t phys, uint64_t offset, uint64_t size,
			    enum pb_dma_data_direction dir,
			    unsigned long attrs);

/**
 * pb_dma_iova_sync() - let the hardware see what was linked
 * @dev: DMA client
 * @state: range of bus addresses
 * @offset: bytes from its start
 * @size: bytes
 *
 * Context: any. Return: 0; the model's hardware sees it at once.
 * Source: dma_iova_sync()
 */
PB_API int pb_dma_iova_sync(const struct pb_device *dev,
			    struct pb_dma_iova_state *state, uint64_t offset,
			    uint64_t size);

/**
 * pb_dma_iova_unlink() - unmap a part
 * @dev: DMA client
 * @state: range of bus addresses, which stay allocated
 * @offset: bytes from its start
 * @size: bytes
 * @dir: as for the link
 * @attrs: as for the link
 *
 * The hardware forgets it at once, also where the domain's policy is to defer: the
 * addresses may be linked to other memory next.
 *
 * Context: any. Source: dma_iova_unlink()
 */
PB_API void pb_dma_iova_unlink(const struct pb_device *dev,
			       struct pb_dma_iova_state *state, uint64_t offset,
			       uint64_t size, enum pb_dma_data_direction dir,
			       unsigned long attrs);

/* pb_dma_iova_free() - give back addresses that nothing is mapped at. Source:
 * dma_iova_free() */
PB_API void pb_dma_iova_free(const struct pb_device *dev,
			     struct pb_dma_iova_state *state);

/**
 * pb_dma_iova_destroy() - unmap the front of a range and give it all back
 * @dev: DMA client
 * @state: range of bus addresses
 * @mapped_len: bytes that were linked
 * @dir: as for the links
 * @attrs: as for the links
 *
 * By the domain's policy the hardware may learn of it later, see
 * physbio_iommu_set_deferred().
 *
 * Context: any. Source: dma_iova_destroy()
 */
PB_API void pb_dma_iova_destroy(const struct pb_device *dev,
				struct pb_dma_iova_state *state,
				uint64_t mapped_len,
				enum pb_dma_data_direction dir,
				unsigned long attrs);

/* Is there anything for pb_dma_unmap_phys() to do? Source: dma_need_unmap() */
static inline bool pb_dma_need_unmap(const struct pb_device *dev)
{
	return dev->xlate->ops->unmap_phys;
}

#ifdef __cplusplus
}
#endif

#endif
