// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What all translators have in common, and the one that needs no table. They decide
 * what address a device is told to use; what is there in truth the fabric decides.
 */
#include "platform.h"

#include <physbio/bio.h>
#include <physbio/xlate.h>

/* A vector of the submitter's bus addresses has no physical address to map. */
#ifdef PB_REPR_DMA
#define identity_map_batch NULL
#else

/* The highest bus address that the device and its translator reach. */
static u64 highest_bus(const struct pb_device *dev)
{
	return min(dev->dma_mask, dev->xlate->bus_limit - 1);
}

static int identity_map_batch(const struct pb_device *dev,
			      const struct pb_phys_vec *vecs, u32 nr,
			      pb_dma_addr_t *addrs)
{
	const struct pb_phys_vec *end = vecs + nr;
	u64 most = highest_bus(dev), last;

	for (; vecs < end; vecs++) {
		last = (u64)vecs->paddr + (vecs->len - 1);
		if (unlikely(last > most || last < vecs->paddr))
			return -EIO;
		*addrs++ = physbio_dma_make(vecs->paddr);
	}
	return 0;
}
#endif

static const struct physbio_xlate_ops identity_ops = {
	.name = "identity",
	.map_batch = identity_map_batch,
};

void physbio_xlate_init_identity(struct physbio_xlate *x)
{
	memset(x, 0, sizeof(*x));
	x->ops = &identity_ops;
}
EXPORT_SYMBOL_GPL(physbio_xlate_init_identity);

void physbio_xlate_set_p2p(struct physbio_xlate *x, const u8 *map, u32 nr)
{
	x->p2p_map = map;
	x->nr_regions = nr;
}
EXPORT_SYMBOL_GPL(physbio_xlate_set_p2p);

static bool region_ok(const struct physbio_region *region)
{
	return region->size &&
	       region->size - 1 <= (pb_phys_addr_t)-1 - region->start;
}

int physbio_region_table_init(struct physbio_region_table *table,
			      const struct physbio_region *const *regions,
			      u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!region_ok(regions[i]))
			return -EINVAL;
		if (i && (regions[i]->start <= regions[i - 1]->start ||
			  regions[i]->start - regions[i - 1]->start <
				  regions[i - 1]->size))
			return -EINVAL;
	}
	table->regions = regions;
	table->nr = nr;
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_region_table_init);

/* The last region that begins at or before @last, or the first one. */
static const struct physbio_region *
region_before(const struct physbio_region_table *table, pb_phys_addr_t last)
{
	const struct physbio_region *const *base = table->regions;
	u32 n = table->nr;

	while (n > 1) {
		u32 half = n / 2;

		if (base[half]->start <= last)
			base += half;
		n -= half;
	}
	return *base;
}

/*
 *   |---- region ----|      |---- region ----|
 *        |-in-|    |-not-|         |- RAM -| is what touches none
 */
bool physbio_region_lookup(const struct physbio_region_table *table,
			   pb_phys_addr_t paddr, u64 size,
			   const struct physbio_region **region)
{
	const struct physbio_region *found;
	u64 last = (u64)paddr + (size - 1);

	*region = NULL;
	if (unlikely(last < paddr || last > (pb_phys_addr_t)-1))
		return false;
	pb_count(PHYSBIO_LOOKUP);
	if (!table->nr)
		return true;
	found = region_before(table, (pb_phys_addr_t)last);
	if (last < found->start ||
	    (paddr >= found->start && paddr - found->start >= found->size))
		return true;
	*region = found;
	return physbio_region_holds(found, paddr, size);
}
EXPORT_SYMBOL_GPL(physbio_region_lookup);

void physbio_xlate_set_own_bar(struct physbio_xlate *x,
			       const struct physbio_region *region)
{
	x->own_bar = region;
}
EXPORT_SYMBOL_GPL(physbio_xlate_set_own_bar);

pb_dma_addr_t physbio_own_bar_map(const struct physbio_region *region,
				  pb_phys_addr_t paddr, u64 size)
{
	if (!physbio_region_holds(region, paddr, size))
		return PB_DMA_MAPPING_ERROR;
	return physbio_dma_make(paddr - region->start);
}
EXPORT_SYMBOL_GPL(physbio_own_bar_map);

enum pb_pci_p2pdma_map_type
physbio_p2p_state(const struct pb_device *dev,
		  const struct physbio_region *region)
{
	const struct physbio_xlate *x = dev->xlate;
	u8 map = PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;

	if (likely(!region))
		return PB_PCI_P2PDMA_MAP_NONE;
	if (region == x->own_bar)
		return PHYSBIO_P2PDMA_MAP_OWN_BAR;
	pb_count(PHYSBIO_LOOKUP);
	if (region->id < x->nr_regions)
		map = x->p2p_map[region->id];
	if (map != PB_PCI_P2PDMA_MAP_BUS_ADDR &&
	    map != PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return x->bounce_p2p && x->bounce ?
			       PHYSBIO_P2PDMA_MAP_BOUNCE :
			       PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
	return (enum pb_pci_p2pdma_map_type)map;
}
EXPORT_SYMBOL_GPL(physbio_p2p_state);

int pb_dma_mapping_error(const struct pb_device *dev, pb_dma_addr_t addr)
{
	return addr == PB_DMA_MAPPING_ERROR ? -ENOMEM : 0;
}
EXPORT_SYMBOL_GPL(pb_dma_mapping_error);

/*
 * Do the windows of an identity end before @last? A peer's memory may be told not to
 * mind them.
 */
static bool beyond_limit(const struct physbio_xlate *x, u64 last,
			 unsigned long attrs)
{
	return last > x->bus_limit - 1 &&
	       !((attrs & PB_DMA_ATTR_MMIO) && x->mmio_identity);
}

/* Does the device reach the last byte? Source: dma_capable() */
static bool dma_capable(const struct pb_device *dev, pb_dma_addr_t addr,
			u64 size, unsigned long attrs)
{
	u64 last = physbio_dma_value(addr) + (size - 1);

	return last <= dev->dma_mask && last >= physbio_dma_value(addr) &&
	       !beyond_limit(dev->xlate, last, attrs);
}

/* Out of line, so that the identity has no registers to save. */
static noinline pb_dma_addr_t map_by_ops(const struct pb_device *dev,
					 pb_phys_addr_t phys, u64 size,
					 enum pb_dma_data_direction dir,
					 unsigned long attrs)
{
	pb_dma_addr_t addr;

	addr = dev->xlate->ops->map_phys(dev, phys, size, dir, attrs);
	if (addr == PB_DMA_MAPPING_ERROR)
		return addr;
	if (likely(dma_capable(dev, addr, size, attrs)))
		return addr;
	pb_dma_unmap_phys(dev, addr, size, dir, attrs);
	return PB_DMA_MAPPING_ERROR;
}

pb_dma_addr_t pb_dma_map_phys(const struct pb_device *dev, pb_phys_addr_t phys,
			      u64 size, enum pb_dma_data_direction dir,
			      unsigned long attrs)
{
	pb_dma_addr_t addr = physbio_dma_make(phys);

	if (unlikely(dev->xlate->ops->map_phys))
		return map_by_ops(dev, phys, size, dir, attrs);
	if (likely(dma_capable(dev, addr, size, attrs)))
		return addr;
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

#ifndef PB_REPR_DMA
static void unmap_batch(const struct pb_device *dev,
			const struct pb_phys_vec *vecs, u32 nr,
			enum pb_dma_data_direction dir, unsigned long attrs,
			const pb_dma_addr_t *addrs)
{
	while (nr--)
		pb_dma_unmap_phys(dev, addrs[nr], vecs[nr].len, dir, attrs);
}

int physbio_xlate_map_batch(const struct pb_device *dev,
			    const struct pb_phys_vec *vecs, u32 nr,
			    enum pb_dma_data_direction dir, unsigned long attrs,
			    pb_dma_addr_t *addrs)
{
	const struct physbio_xlate_ops *ops = dev->xlate->ops;
	u32 i;

	/* A peer's memory has policies of its own. */
	if (ops->map_batch && !(attrs & PB_DMA_ATTR_MMIO))
		return ops->map_batch(dev, vecs, nr, addrs);
	for (i = 0; i < nr; i++) {
		addrs[i] = pb_dma_map_phys(dev, vecs[i].paddr, vecs[i].len, dir,
					   attrs);
		if (unlikely(pb_dma_mapping_error(dev, addrs[i]))) {
			unmap_batch(dev, vecs, i, dir, attrs, addrs);
			return -EIO;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_xlate_map_batch);
#endif

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
	u64 mask = pb_dma_get_merge_boundary(dev);
	u64 iova = physbio_dma_value(state->addr) + offset;

	if (WARN_ON_ONCE((phys & mask) && offset))
		return -EIO;
	/* The page table has no bytes: both must begin alike within a granule. */
	if ((phys ^ iova) & mask)
		return -EINVAL;
	return dev->xlate->ops->iova_link(dev, iova, phys, size, dir, attrs);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_link);

int pb_dma_iova_sync(const struct pb_device *dev,
		     struct pb_dma_iova_state *state, u64 offset, u64 size)
{
	return 0;
}
EXPORT_SYMBOL_GPL(pb_dma_iova_sync);

static void iova_unlink(const struct pb_device *dev,
			const struct pb_dma_iova_state *state, u64 offset,
			u64 size, enum pb_dma_data_direction dir,
			unsigned long attrs, bool deferred)
{
	u64 iova = physbio_dma_value(state->addr) + offset;

	if (size)
		dev->xlate->ops->iova_unlink(dev, iova, size, dir, attrs,
					     deferred);
}

static void iova_free(const struct pb_device *dev,
		      struct pb_dma_iova_state *state, bool deferred)
{
	u64 iova = physbio_dma_value(state->addr);
	struct granules g = granules_of(dev, iova, state->size);

	dev->xlate->ops->iova_free(dev, iova - g.pad, g.size, deferred);
	memset(state, 0, sizeof(*state));
}

void pb_dma_iova_unlink(const struct pb_device *dev,
			struct pb_dma_iova_state *state, u64 offset, u64 size,
			enum pb_dma_data_direction dir, unsigned long attrs)
{
	iova_unlink(dev, state, offset, size, dir, attrs, false);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_unlink);

void pb_dma_iova_free(const struct pb_device *dev,
		      struct pb_dma_iova_state *state)
{
	iova_free(dev, state, false);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_free);

void pb_dma_iova_destroy(const struct pb_device *dev,
			 struct pb_dma_iova_state *state, u64 mapped_len,
			 enum pb_dma_data_direction dir, unsigned long attrs)
{
	iova_unlink(dev, state, 0, mapped_len, dir, attrs, true);
	/* Where nothing was linked no hardware can know of it. */
	iova_free(dev, state, mapped_len);
}
EXPORT_SYMBOL_GPL(pb_dma_iova_destroy);
