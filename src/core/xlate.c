// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Translators that need nothing but a table: identity and windows. They decide what
 * address a device is told to use; what is there in truth the fabric decides.
 */
#include "platform.h"

#include <physbio/xlate.h>

static const struct physbio_xlate_ops identity_ops = {
	.name = "identity",
};

void physbio_xlate_init_identity(struct physbio_xlate *x)
{
	memset(x, 0, sizeof(*x));
	x->ops = &identity_ops;
}
EXPORT_SYMBOL_GPL(physbio_xlate_init_identity);

/* The window that @paddr is in, or NULL: the last one that starts before it. */
static const struct physbio_window *window_of(const struct physbio_xlate *x,
					      pb_phys_addr_t paddr)
{
	const struct physbio_window *base = x->windows;
	u32 n = x->nr_windows;

	pb_count(PHYSBIO_LOOKUP);
	while (n > 1) {
		u32 half = n / 2;

		if (base[half].start <= paddr)
			base += half;
		n -= half;
	}
	if (!n || paddr < base->start || paddr - base->start >= base->size)
		return NULL;
	return base;
}

static pb_dma_addr_t windows_map_phys(const struct physbio_xlate *x,
				      pb_phys_addr_t phys, u64 size,
				      enum pb_dma_data_direction dir,
				      unsigned long attrs)
{
	const struct physbio_window *w = window_of(x, phys);

	if (!w || size > w->size - (phys - w->start))
		return PB_DMA_MAPPING_ERROR;
	return physbio_dma_make(w->bus + (phys - w->start));
}

static const struct physbio_xlate_ops windows_ops = {
	.name = "windows",
	.map_phys = windows_map_phys,
};

/* May a window stand in the table? Its last byte counts, not the one behind. */
static bool window_ok(const struct physbio_window *w)
{
	if (!w->size || w->bus + (w->size - 1) < w->bus)
		return false;
	return (u64)w->start + (w->size - 1) >= w->start &&
	       w->size - 1 <= (pb_phys_addr_t)-1 - w->start;
}

static bool window_follows(const struct physbio_window *prev,
			   const struct physbio_window *w)
{
	return w->start > prev->start && w->start - prev->start >= prev->size;
}

int physbio_xlate_init_windows(struct physbio_xlate *x,
			       const struct physbio_window *windows, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!window_ok(&windows[i]))
			return -EINVAL;
		if (i && !window_follows(&windows[i - 1], &windows[i]))
			return -EINVAL;
	}
	memset(x, 0, sizeof(*x));
	x->ops = &windows_ops;
	x->windows = windows;
	x->nr_windows = nr;
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_xlate_init_windows);

void physbio_xlate_set_p2p(struct physbio_xlate *x, const u8 *map, u32 nr)
{
	x->p2p_map = map;
	x->nr_regions = nr;
}
EXPORT_SYMBOL_GPL(physbio_xlate_set_p2p);

enum pb_pci_p2pdma_map_type
physbio_p2p_state(const struct pb_device *dev,
		  const struct physbio_region *region)
{
	const struct physbio_xlate *x = dev->xlate;
	u8 map = PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;

	if (likely(!region))
		return PB_PCI_P2PDMA_MAP_NONE;
	pb_count(PHYSBIO_LOOKUP);
	if (region->id < x->nr_regions)
		map = x->p2p_map[region->id];
	if (map != PB_PCI_P2PDMA_MAP_BUS_ADDR &&
	    map != PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
	return (enum pb_pci_p2pdma_map_type)map;
}
EXPORT_SYMBOL_GPL(physbio_p2p_state);

int pb_dma_mapping_error(const struct pb_device *dev, pb_dma_addr_t addr)
{
	return addr == PB_DMA_MAPPING_ERROR ? -ENOMEM : 0;
}
EXPORT_SYMBOL_GPL(pb_dma_mapping_error);

/* Does the device reach the last byte? Source: dma_capable() */
static bool dma_capable(const struct pb_device *dev, pb_dma_addr_t addr,
			u64 size)
{
	u64 last = physbio_dma_value(addr) + (size - 1);

	return last <= dev->dma_mask && last >= physbio_dma_value(addr);
}

pb_dma_addr_t pb_dma_map_phys(const struct pb_device *dev, pb_phys_addr_t phys,
			      u64 size, enum pb_dma_data_direction dir,
			      unsigned long attrs)
{
	const struct physbio_xlate *x = dev->xlate;
	pb_dma_addr_t addr = physbio_dma_make(phys);

	if (unlikely(x->ops->map_phys)) {
		addr = x->ops->map_phys(x, phys, size, dir, attrs);
		if (addr == PB_DMA_MAPPING_ERROR)
			return addr;
	}
	if (likely(dma_capable(dev, addr, size)))
		return addr;
	pb_dma_unmap_phys(dev, addr, size, dir, attrs);
	return PB_DMA_MAPPING_ERROR;
}
EXPORT_SYMBOL_GPL(pb_dma_map_phys);

void pb_dma_unmap_phys(const struct pb_device *dev, pb_dma_addr_t addr,
		       u64 size, enum pb_dma_data_direction dir,
		       unsigned long attrs)
{
	const struct physbio_xlate *x = dev->xlate;

	if (x->ops->unmap_phys)
		x->ops->unmap_phys(x, addr, size, dir, attrs);
}
EXPORT_SYMBOL_GPL(pb_dma_unmap_phys);
