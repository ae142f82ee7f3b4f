// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A page table of four levels, and ranges of addresses by powers of two: what was freed
 * is given out again, and what is new comes from the top down.
 */
#include <stdlib.h>

#include <physbio/iommu.h>
#include <physbio/xlate.h>

#include "../core/platform.h"

#define LEVELS 4
#define LEVEL_BITS 9
#define ENTRIES (1u << LEVEL_BITS)
#define IOVA_BITS 48
#define ORDERS (IOVA_BITS - 12 + 1)

#define PTE_VALID 1u

/* An entry of the lowest level: number of the physical granule, and whether it is. */
typedef unsigned long pte_t;

struct table {
	union {
		struct table *below[ENTRIES];
		pte_t pte[ENTRIES];
	};
};

struct free_range {
	struct free_range *next;
	u64 iova;
};

struct physbio_iommu {
	u32 granule;
	unsigned int shift;
	u64 start;
	spinlock_t lock; /* from here on */
	u64 top; /* below it nothing was given out yet */
	struct free_range *free[ORDERS]; /* by order of granules */
	struct physbio_iommu_stats stats;
	struct table root;
};

/* --- the page table --- */

static unsigned int index_at(const struct physbio_iommu *iommu, u64 iova,
			     int level)
{
	return (iova >> (iommu->shift + LEVEL_BITS * level)) & (ENTRIES - 1);
}

static struct table *table_below(struct table *table, unsigned int index)
{
	return __atomic_load_n(&table->below[index], __ATOMIC_ACQUIRE);
}

/* The entry of @iova, or NULL if its table is not there and not to be made. */
static pte_t *pte_of(struct physbio_iommu *iommu, u64 iova, bool make)
{
	struct table *table = &iommu->root, *below;
	int level;

	for (level = LEVELS - 1; level > 0; level--) {
		unsigned int index = index_at(iommu, iova, level);

		below = table_below(table, index);
		if (!below && make) {
			below = calloc(1, sizeof(*below));
			__atomic_store_n(&table->below[index], below,
					 __ATOMIC_RELEASE);
		}
		if (!below)
			return NULL;
		table = below;
	}
	return &table->pte[index_at(iommu, iova, 0)];
}

uint32_t physbio_iommu_lookup(const struct physbio_iommu *iommu, uint64_t iova,
			      pb_phys_addr_t *paddr)
{
	u32 offset = (u32)iova & (iommu->granule - 1);
	pte_t *pte, entry;

	if (iova >> IOVA_BITS)
		return 0;
	pte = pte_of((struct physbio_iommu *)iommu, iova, false);
	entry = pte ? __atomic_load_n(pte, __ATOMIC_ACQUIRE) : 0;
	if (!(entry & PTE_VALID))
		return 0;
	*paddr = (pb_phys_addr_t)(((u64)(entry >> 1) << iommu->shift) + offset);
	return iommu->granule - offset;
}

static void iommu_unmap_locked(struct physbio_iommu *iommu, u64 iova, u64 size)
{
	pte_t *pte;

	for (; size; size -= iommu->granule, iova += iommu->granule) {
		pte = pte_of(iommu, iova, false);
		if (!pte || !*pte)
			continue;
		__atomic_store_n(pte, 0, __ATOMIC_RELEASE);
		iommu->stats.pages--;
	}
}

/* An entry that is there already is somebody's: refused, and all as before. */
static int iommu_map_locked(struct physbio_iommu *iommu, u64 iova, u64 phys,
			    u64 size)
{
	pte_t *pte;
	u64 done;

	for (done = 0; done < size; done += iommu->granule) {
		pte = pte_of(iommu, iova + done, true);
		if (!pte || *pte) {
			iommu_unmap_locked(iommu, iova, done);
			return pte ? -EADDRINUSE : -ENOMEM;
		}
		__atomic_store_n(pte,
				 (pte_t)((phys + done) >> iommu->shift) << 1 |
					 PTE_VALID,
				 __ATOMIC_RELEASE);
		iommu->stats.pages++;
	}
	return 0;
}

/* --- ranges of addresses --- */

static unsigned int order_of(const struct physbio_iommu *iommu, u64 size)
{
	unsigned int order = 0;

	while ((u64)iommu->granule << order < size)
		order++;
	return order;
}

static bool iova_reuse(struct physbio_iommu *iommu, unsigned int order,
		       u64 mask, u64 *iova)
{
	struct free_range **link = &iommu->free[order], *range;
	u64 last = ((u64)iommu->granule << order) - 1;

	while ((range = *link) && range->iova + last > mask)
		link = &range->next;
	if (!range)
		return false;
	*link = range->next;
	*iova = range->iova;
	free(range);
	return true;
}

static bool iova_carve(struct physbio_iommu *iommu, unsigned int order,
		       u64 mask, u64 *iova)
{
	u64 size = (u64)iommu->granule << order;
	u64 top = iommu->top;

	if (mask < top)
		top = mask + 1;
	if (top < size)
		return false;
	top = (top - size) & ~(size - 1);
	if (top < iommu->start)
		return false;
	iommu->top = top;
	*iova = top;
	return true;
}

static bool iommu_iova_alloc(const struct pb_device *dev, u64 size, u64 *iova)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	u64 mask = dev->dma_mask;
	unsigned int order;
	bool found;

	if (!size || size > (u64)1 << IOVA_BITS)
		return false;
	order = order_of(iommu, size);
	spin_lock(&iommu->lock);
	found = order < ORDERS && (iova_reuse(iommu, order, mask, iova) ||
				   iova_carve(iommu, order, mask, iova));
	iommu->stats.ranges += found;
	spin_unlock(&iommu->lock);
	return found;
}

static void iommu_iova_free(const struct pb_device *dev, u64 iova, u64 size)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	struct free_range *range = malloc(sizeof(*range));
	unsigned int order = order_of(iommu, size);

	spin_lock(&iommu->lock);
	iommu->stats.ranges--;
	if (range) { /* else it is lost until the domain goes */
		range->iova = iova;
		range->next = iommu->free[order];
		iommu->free[order] = range;
	}
	spin_unlock(&iommu->lock);
}

/* --- the translator --- */

static u64 iommu_merge_boundary(const struct pb_device *dev)
{
	const struct physbio_iommu *iommu = dev->xlate->priv;

	return iommu->granule - 1;
}

static int iommu_map(const struct pb_device *dev, u64 iova, pb_phys_addr_t phys,
		     u64 size)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	int err;

	if ((iova | phys | size) & (iommu->granule - 1))
		return -EINVAL;
	spin_lock(&iommu->lock);
	err = iommu_map_locked(iommu, iova, phys, size);
	spin_unlock(&iommu->lock);
	return err;
}

static void iommu_unmap(const struct pb_device *dev, u64 iova, u64 size)
{
	struct physbio_iommu *iommu = dev->xlate->priv;

	spin_lock(&iommu->lock);
	iommu_unmap_locked(iommu, iova, size);
	spin_unlock(&iommu->lock);
}

static u64 granules(const struct physbio_iommu *iommu, u64 addr, u64 size)
{
	u64 mask = iommu->granule - 1;

	return ((addr & mask) + size + mask) & ~mask;
}

static pb_dma_addr_t iommu_map_phys(const struct pb_device *dev,
				    pb_phys_addr_t phys, u64 size,
				    enum pb_dma_data_direction dir,
				    unsigned long attrs)
{
	const struct physbio_iommu *iommu = dev->xlate->priv;
	u64 whole = granules(iommu, phys, size), iova;
	u64 offset = phys & (iommu->granule - 1);

	if (whole < size || !iommu_iova_alloc(dev, whole, &iova))
		return PB_DMA_MAPPING_ERROR;
	if (iommu_map(dev, iova, (pb_phys_addr_t)(phys - offset), whole)) {
		iommu_iova_free(dev, iova, whole);
		return PB_DMA_MAPPING_ERROR;
	}
	return physbio_dma_make(iova + offset);
}

static void iommu_unmap_phys(const struct pb_device *dev, pb_dma_addr_t addr,
			     u64 size, enum pb_dma_data_direction dir,
			     unsigned long attrs)
{
	const struct physbio_iommu *iommu = dev->xlate->priv;
	u64 iova = physbio_dma_value(addr);
	u64 whole = granules(iommu, iova, size);

	iova &= ~(u64)(iommu->granule - 1);
	iommu_unmap(dev, iova, whole);
	iommu_iova_free(dev, iova, whole);
}

static const struct physbio_xlate_ops iommu_ops = {
	.name = "iommu",
	.map_phys = iommu_map_phys,
	.unmap_phys = iommu_unmap_phys,
	.merge_boundary = iommu_merge_boundary,
	.iova_alloc = iommu_iova_alloc,
	.iova_free = iommu_iova_free,
	.iova_map = iommu_map,
	.iova_unmap = iommu_unmap,
};

void physbio_xlate_init_iommu(struct physbio_xlate *x,
			      struct physbio_iommu *iommu)
{
	memset(x, 0, sizeof(*x));
	x->ops = &iommu_ops;
	x->priv = iommu;
}

/* --- life --- */

int physbio_iommu_create(uint32_t granule, uint64_t start, uint64_t size,
			 struct physbio_iommu **iommu)
{
	struct physbio_iommu *made;

	if (granule < 4096 || granule > 65536 || !is_power_of_2(granule))
		return -EINVAL;
	if (!start || !size || ((start | size) & (granule - 1)))
		return -EINVAL;
	if (start >> IOVA_BITS || size >> IOVA_BITS ||
	    (start + size - 1) >> IOVA_BITS)
		return -EINVAL;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->granule = granule;
	made->shift = (unsigned int)ilog2(granule);
	made->start = start;
	made->top = start + size;
	spin_lock_init(&made->lock);
	*iommu = made;
	return 0;
}

static void free_tables(struct table *root)
{
	unsigned int i, j, k;

	for (i = 0; i < ENTRIES; i++) {
		struct table *upper = root->below[i];

		for (j = 0; upper && j < ENTRIES; j++) {
			struct table *middle = upper->below[j];

			for (k = 0; middle && k < ENTRIES; k++)
				free(middle->below[k]);
			free(middle);
		}
		free(upper);
	}
}

void physbio_iommu_destroy(struct physbio_iommu *iommu)
{
	struct free_range *range;
	int order;

	if (!iommu)
		return;
	free_tables(&iommu->root);
	for (order = 0; order < ORDERS; order++) {
		while ((range = iommu->free[order])) {
			iommu->free[order] = range->next;
			free(range);
		}
	}
	free(iommu);
}

void physbio_iommu_stats(struct physbio_iommu *iommu,
			 struct physbio_iommu_stats *stats)
{
	spin_lock(&iommu->lock);
	*stats = iommu->stats;
	spin_unlock(&iommu->lock);
}
