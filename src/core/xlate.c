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

static pb_dma_addr_t windows_map_phys(const struct pb_device *dev,
				      pb_phys_addr_t phys, u64 size,
				      enum pb_dma_data_direction dir,
				      unsigned long attrs)
{
	const struct physbio_window *w;

	if ((attrs & PB_DMA_ATTR_MMIO) && dev->xlate->mmio_identity)
		return physbio_dma_make(phys);
	w = window_of(dev->xlate, phys);
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
		addr = x->ops->map_phys(dev, phys, size, dir, attrs);
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
		x->ops->unmap_phys(dev, addr, size, dir, attrs);
}
EXPORT_SYMBOL_GPL(pb_dma_unmap_phys);

/* --- one range of bus addresses for many --- */

u64 pb_dma_get_merge_boundary(const struct pb_device *dev)
{
	const struct physbio_xlate_ops *ops = dev->xlate->ops;

	return ops->merge_boundary ? ops->merge_boundary(dev) : 0;
}
EXPORT_SYMBOL_GPL(pb_dma_get_merge_boundary);

/* The whole granules that @size bytes at @addr touch: where they begin and how many. */
struct granules {
	u64 pad; /* bytes of the first one in front of @addr */
	u64 size;
};

static struct granules granules_of(const struct pb_device *dev, u64 addr,
				   u64 size)
{
	u64 mask = dev->xlate->ops->merge_boundary(dev);
	struct granules g = { .pad = addr & mask };

	g.size = (g.pad + size + mask) & ~mask;
	return g;
}

bool pb_dma_iova_try_alloc(const struct pb_device *dev,
			   struct pb_dma_iova_state *state, pb_phys_addr_t phys,
			   u64 size)
{
	const struct physbio_xlate_ops *ops = dev->xlate->ops;
	struct granules g;
	u64 iova;

	memset(state, 0, sizeof(*state));
	if (!ops->iova_alloc || WARN_ON_ONCE(!size))
		return false;
	g = granules_of(dev, phys, size);
	if (g.size < size || !ops->iova_alloc(dev, g.size, &iova))
		return false;
	state->addr = physbio_dma_make(iova + g.pad);
	state->size = size;
	return true;
}
EXPORT_SYMBOL_GPL(pb_dma_iova_try_alloc);

int pb_dma_iova_link(const struct pb_device *dev,
		     struct pb_dma_iova_state *state, pb_phys_addr_t phys,
		     u64 offset, u64 size, enum pb_dma_data_direction dir,
		     unsigned long attrs)
{
	struct granules g = granules_of(dev, phys, size);
	u64 iova = physbio_dma_value(state->addr) + offset;

	/* The page table has no bytes: both must begin alike within a granule. */
	if ((g.pad && offset) || g.pad != granules_of(dev, iova, size).pad)
		return -EINVAL;
	return dev->xlate->ops->iova_map(
		dev, iova - g.pad, (pb_phys_addr_t)(phys - g.pad), g.size);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_link);

int pb_dma_iova_sync(const struct pb_device *dev,
		     struct pb_dma_iova_state *state, u64 offset, u64 size)
{
	return 0;
}
EXPORT_SYMBOL_GPL(pb_dma_iova_sync);

void pb_dma_iova_unlink(const struct pb_device *dev,
			struct pb_dma_iova_state *state, u64 offset, u64 size,
			enum pb_dma_data_direction dir, unsigned long attrs)
{
	u64 iova = physbio_dma_value(state->addr) + offset;
	struct granules g = granules_of(dev, iova, size);

	if (size)
		dev->xlate->ops->iova_unmap(dev, iova - g.pad, g.size);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_unlink);

void pb_dma_iova_free(const struct pb_device *dev,
		      struct pb_dma_iova_state *state)
{
	u64 iova = physbio_dma_value(state->addr);
	struct granules g = granules_of(dev, iova, state->size);

	dev->xlate->ops->iova_free(dev, iova - g.pad, g.size);
	memset(state, 0, sizeof(*state));
}
EXPORT_SYMBOL_GPL(pb_dma_iova_free);

void pb_dma_iova_destroy(const struct pb_device *dev,
			 struct pb_dma_iova_state *state, u64 mapped_len,
			 enum pb_dma_data_direction dir, unsigned long attrs)
{
	pb_dma_iova_unlink(dev, state, 0, mapped_len, dir, attrs);
	pb_dma_iova_free(dev, state);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_destroy);
