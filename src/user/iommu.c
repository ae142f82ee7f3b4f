// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A page table of four levels, the IOTLB that the hardware keeps of it, and the addresses
 * that are free, which are given out from the top down. Who may use an address that is
 * freed, and when, is decided here.
 */
#include <stdlib.h>

#include <physbio/bounce.h>
#include <physbio/iommu.h>
#include <physbio/xlate.h>

#include "../core/platform.h"

#define LEVELS 4
#define LEVEL_BITS 9
#define ENTRIES (1u << LEVEL_BITS)
#define IOVA_BITS 48

#define PTE_VALID 1u
#define IOTLB_ENTRIES 256

/* An entry of the lowest level: number of the physical granule, and whether it is. */
typedef unsigned long pte_t;

struct table {
	union {
		struct table *below[ENTRIES];
		pte_t pte[ENTRIES];
	};
};

/* What the hardware has seen of the page table, and believes until it is told. */
struct iotlb {
	spinlock_t lock;
	unsigned long flushes;
	struct {
		u64 iova; /* of the granule */
		pte_t pte; /* 0: the entry is free */
	} entries[IOTLB_ENTRIES]; /* by the low bits of the granule's number */
};

/* Addresses that are free, and none beside it is. */
struct free_range {
	struct rb_node rb; /* by address */
	struct free_range *next; /* of those that are spare */
	u64 start, size;
};

/* A range that was unmapped before the hardware was told. */
struct waiting_range {
	u64 iova;
	u64 size;
};

struct physbio_iommu {
	u32 granule;
	unsigned int shift;
	struct iotlb *iotlb; /* the hardware's: locked by itself */
	spinlock_t lock; /* from here on */
	struct rb_root free;
	struct free_range *spare;
	unsigned long
		nr_free; /* with the spare ones more than ranges given out */
	struct waiting_range *queue; /* NULL: strict */
	unsigned int queue_max, queued;
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

static pte_t walk(struct physbio_iommu *iommu, u64 iova)
{
	pte_t *pte = pte_of(iommu, iova, false);

	return pte ? __atomic_load_n(pte, __ATOMIC_ACQUIRE) : 0;
}

/* --- the hardware's part --- */

/*
 * The walk is under the lock too: an entry that it finds is in the IOTLB before whoever
 * removes it from the table invalidates it here. What is not mapped is not remembered.
 * One lock for all devices models what they may see, not how long it takes: hardware has
 * none, and only the CPU's side (what pb_dma_map_phys() costs) can be timed here.
 */
static pte_t iotlb_lookup(struct iotlb *tlb, struct physbio_iommu *iommu,
			  u64 iova)
{
	unsigned int i = index_at(iommu, iova, 0) % IOTLB_ENTRIES;
	pte_t pte;

	iova &= ~(u64)(iommu->granule - 1);
	spin_lock(&tlb->lock);
	pte = tlb->entries[i].iova == iova ? tlb->entries[i].pte : 0;
	if (!pte) {
		pte = walk(iommu, iova);
		if (pte) {
			tlb->entries[i].iova = iova;
			tlb->entries[i].pte = pte;
		}
	}
	spin_unlock(&tlb->lock);
	return pte;
}

static void iotlb_invalidate(struct iotlb *tlb, u64 iova, u64 size)
{
	unsigned int i;

	spin_lock(&tlb->lock);
	for (i = 0; i < IOTLB_ENTRIES; i++)
		if (tlb->entries[i].iova - iova < size)
			tlb->entries[i].pte = 0;
	spin_unlock(&tlb->lock);
}

static void iotlb_flush(struct iotlb *tlb)
{
	spin_lock(&tlb->lock);
	memset(tlb->entries, 0, sizeof(tlb->entries));
	tlb->flushes++;
	spin_unlock(&tlb->lock);
}

uint32_t physbio_iommu_lookup(const struct physbio_iommu *iommu, uint64_t iova,
			      pb_phys_addr_t *paddr)
{
	u32 offset = (u32)iova & (iommu->granule - 1);
	pte_t entry;

	if (iova >> IOVA_BITS)
		return 0;
	entry = iotlb_lookup(iommu->iotlb, (struct physbio_iommu *)iommu, iova);
	if (!(entry & PTE_VALID))
		return 0;
	*paddr = (pb_phys_addr_t)(((u64)(entry >> 1) << iommu->shift) + offset);
	return iommu->granule - offset;
}

/* --- what software does to the table --- */

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

static struct free_range *range_of(const struct rb_node *node)
{
	return node ? rb_entry(node, struct free_range, rb) : NULL;
}

static void spare_push(struct physbio_iommu *iommu, struct free_range *range)
{
	range->next = iommu->spare;
	iommu->spare = range;
}

static void range_erase(struct physbio_iommu *iommu, struct free_range *range)
{
	rb_erase(&range->rb, &iommu->free);
	spare_push(iommu, range);
}

/* There is a spare one: between two that are free is one that is given out. */
static void range_insert(struct physbio_iommu *iommu, u64 start, u64 size)
{
	struct rb_node **link = &iommu->free.rb_node, *parent = NULL;
	struct free_range *range = iommu->spare;

	iommu->spare = range->next;
	range->start = start;
	range->size = size;
	while (*link) {
		parent = *link;
		link = range_of(parent)->start < start ? &parent->rb_right :
							 &parent->rb_left;
	}
	rb_link_node(&range->rb, parent, link);
	rb_insert_color(&range->rb, &iommu->free);
}

/* One for what may be free when one more is given out. */
static bool range_reserve(struct physbio_iommu *iommu)
{
	struct free_range *range;

	if (iommu->nr_free > iommu->stats.ranges + 1)
		return true;
	range = calloc(1, sizeof(*range));
	if (!range)
		return false;
	spare_push(iommu, range);
	iommu->nr_free++;
	return true;
}

/* The last free range that starts at an address or before it, NULL: none. */
static struct free_range *range_before(const struct physbio_iommu *iommu,
				       u64 addr)
{
	struct rb_node *node = iommu->free.rb_node, *before = NULL;

	while (node) {
		if (range_of(node)->start <= addr) {
			before = node;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return range_of(before);
}

/* Ranges are aligned to their size, rounded up to a power of two. */
static u64 align_of(const struct physbio_iommu *iommu, u64 size)
{
	u64 align = iommu->granule;

	while (align < size)
		align *= 2;
	return align;
}

static bool range_fits(const struct free_range *range, u64 size, u64 align,
		       u64 last, u64 *iova)
{
	u64 end = min(range->start + range->size, last + 1);

	if (end < size)
		return false;
	*iova = (end - size) & ~(align - 1);
	return *iova >= range->start;
}

/*
 *   |------- range -------|-- size --|-- above --|
 *                         ^ iova
 */
static void range_take(struct physbio_iommu *iommu, struct free_range *range,
		       u64 iova, u64 size)
{
	u64 above = range->start + range->size - (iova + size);

	range->size = iova - range->start;
	if (!range->size)
		range_erase(iommu, range);
	if (above)
		range_insert(iommu, iova + size, above);
}

static bool iova_alloc_locked(struct physbio_iommu *iommu, u64 size, u64 mask,
			      u64 *iova)
{
	u64 last = min(mask, ((u64)1 << IOVA_BITS) - 1);
	u64 align = align_of(iommu, size);
	struct free_range *range = range_before(iommu, last);

	while (range && !range_fits(range, size, align, last, iova))
		range = range_of(rb_prev(&range->rb));
	if (!range || !range_reserve(iommu))
		return false;
	range_take(iommu, range, *iova, size);
	iommu->stats.ranges++;
	return true;
}

static bool iommu_iova_alloc(const struct pb_device *dev, u64 size, u64 *iova)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	bool found;

	if (!size || size > (u64)1 << IOVA_BITS)
		return false;
	spin_lock(&iommu->lock);
	found = iova_alloc_locked(iommu, size, dev->dma_mask, iova);
	spin_unlock(&iommu->lock);
	return found;
}

/* What touches becomes one, or no larger range would ever be found there again. */
static void iova_free_locked(struct physbio_iommu *iommu, u64 iova, u64 size)
{
	struct free_range *before = range_before(iommu, iova);
	struct free_range *after = range_before(iommu, iova + size);

	if (after == before || after->start != iova + size)
		after = NULL;
	if (before && before->start + before->size != iova)
		before = NULL;
	iommu->stats.ranges--;
	if (before) {
		before->size += size + (after ? after->size : 0);
		if (after)
			range_erase(iommu, after);
	} else if (after) {
		after->start = iova;
		after->size += size;
	} else {
		range_insert(iommu, iova, size);
	}
}

/* The hardware first: an address is nobody else's while it may still be in use. */
static void flush_locked(struct physbio_iommu *iommu)
{
	iotlb_flush(iommu->iotlb);
	while (iommu->queued) {
		iommu->queued--;
		iova_free_locked(iommu, iommu->queue[iommu->queued].iova,
				 iommu->queue[iommu->queued].size);
	}
}

static void iova_defer_locked(struct physbio_iommu *iommu, u64 iova, u64 size)
{
	iommu->queue[iommu->queued].iova = iova;
	iommu->queue[iommu->queued].size = size;
	iommu->queued++;
	if (iommu->queued == iommu->queue_max)
		flush_locked(iommu);
}

/* Not where the memory is a copy's: it is somebody else's as soon as it is unmapped. */
static bool may_defer(const struct pb_device *dev, bool deferred)
{
	const struct physbio_iommu *iommu = dev->xlate->priv;

	return deferred && iommu->queue && !dev->xlate->bounce;
}

static void iommu_iova_free(const struct pb_device *dev, u64 iova, u64 size,
			    bool deferred)
{
	struct physbio_iommu *iommu = dev->xlate->priv;

	spin_lock(&iommu->lock);
	if (may_defer(dev, deferred))
		iova_defer_locked(iommu, iova, size);
	else
		iova_free_locked(iommu, iova, size);
	spin_unlock(&iommu->lock);
}

void physbio_iommu_flush(struct physbio_iommu *iommu)
{
	spin_lock(&iommu->lock);
	if (iommu->queued)
		flush_locked(iommu);
	spin_unlock(&iommu->lock);
}

int physbio_iommu_set_deferred(struct physbio_iommu *iommu, unsigned int max)
{
	struct waiting_range *queue = NULL, *old;

	if (max) {
		queue = calloc(max, sizeof(*queue));
		if (!queue)
			return -ENOMEM;
	}
	spin_lock(&iommu->lock);
	if (iommu->queued)
		flush_locked(iommu);
	old = iommu->queue;
	iommu->queue = queue;
	iommu->queue_max = max;
	spin_unlock(&iommu->lock);
	free(old);
	return 0;
}

/* --- the translator --- */

static u64 iommu_merge_boundary(const struct pb_device *dev)
{
	const struct physbio_iommu *iommu = dev->xlate->priv;

	return iommu->granule - 1;
}

/* The granules that @size bytes at @addr touch: how many bytes they have. */
static u64 granules(const struct physbio_iommu *iommu, u64 addr, u64 size)
{
	u64 mask = iommu->granule - 1;

	return ((addr & mask) + size + mask) & ~mask;
}

/* All of the granules that the bytes touch. */
static int map_whole(struct physbio_iommu *iommu, u64 iova, u64 phys, u64 size)
{
	u64 mask = iommu->granule - 1;
	int err;

	spin_lock(&iommu->lock);
	err = iommu_map_locked(iommu, iova & ~mask, phys & ~mask,
			       granules(iommu, iova, size));
	spin_unlock(&iommu->lock);
	return err;
}

/* A part of a granule: its bytes alone, in a granule of the pool. */
static int map_copy(const struct pb_device *dev, u64 iova, u64 phys, u64 size)
{
	struct physbio_bounce *pool = dev->xlate->bounce;
	struct physbio_iommu *iommu = dev->xlate->priv;
	const struct physbio_bounce_place place = {
		.mask = iommu->granule - 1,
		.whole = true,
		.last = U64_MAX,
	};
	pb_phys_addr_t slot;
	int err = physbio_bounce_map(pool, (pb_phys_addr_t)phys, size, &place,
				     &slot);

	if (err)
		return err;
	err = map_whole(iommu, iova, slot, size);
	if (err) /* as if it had gone to the device: nothing is copied back */
		physbio_bounce_unmap(pool, slot, PB_DMA_TO_DEVICE);
	return err;
}

static void unlink_whole(const struct pb_device *dev, u64 iova, u64 size,
			 bool deferred)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	u64 whole = granules(iommu, iova, size);

	iova &= ~(u64)(iommu->granule - 1);
	spin_lock(&iommu->lock);
	iommu_unmap_locked(iommu, iova, whole);
	if (!may_defer(dev, deferred))
		iotlb_invalidate(iommu->iotlb, iova, whole);
	spin_unlock(&iommu->lock);
}

/*
 * Where the copies of a linked range may be: in its first and its last granule, since
 * only there a link may begin or end within one.
 */
static int copies_of(struct physbio_iommu *iommu, u64 iova, u64 size,
		     pb_phys_addr_t *copies)
{
	u64 ends[2] = { iova, iova + size - 1 };
	int i, n = 0;

	for (i = 0; i < 2; i++) {
		pte_t pte = walk(iommu, ends[i]);

		if (i && (ends[0] ^ ends[1]) >> iommu->shift == 0)
			break;
		if (pte)
			copies[n++] = (pb_phys_addr_t)(pte >> 1)
				      << iommu->shift;
	}
	return n;
}

/* A copy goes back when the hardware can no longer change it. */
static void unlink_range(const struct pb_device *dev, u64 iova, u64 size,
			 enum pb_dma_data_direction dir, bool deferred)
{
	struct physbio_bounce *pool = dev->xlate->bounce;
	pb_phys_addr_t copies[2];
	int i, n = 0;

	if (unlikely(pool))
		n = copies_of(dev->xlate->priv, iova, size, copies);
	unlink_whole(dev, iova, size, deferred);
	for (i = 0; i < n; i++)
		physbio_bounce_unmap(pool, copies[i], dir);
}

/*
 *   |   |-head-|------- whole granules -------|-tail-|   |
 */
static int link_untrusted(const struct pb_device *dev, u64 iova, u64 phys,
			  u64 size)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	u64 mask = iommu->granule - 1;
	u64 head = min(-phys & mask, size);
	u64 tail = (size - head) & mask, middle = size - head - tail;
	u64 done = 0;
	int err = 0;

	if (head)
		err = map_copy(dev, iova, phys, head);
	if (!err) {
		done = head;
		if (middle)
			err = map_whole(iommu, iova + head, phys + head,
					middle);
	}
	if (!err) {
		done = head + middle;
		if (tail)
			err = map_copy(dev, iova + done, phys + done, tail);
	}
	if (err && done)
		unlink_range(dev, iova, done, PB_DMA_TO_DEVICE, false);
	return err;
}

static int iommu_iova_link(const struct pb_device *dev, u64 iova,
			   pb_phys_addr_t phys, u64 size,
			   enum pb_dma_data_direction dir, unsigned long attrs)
{
	struct physbio_iommu *iommu = dev->xlate->priv;
	u64 mask = iommu->granule - 1;

	if ((iova ^ phys) & mask)
		return -EINVAL;
	if (likely(!dev->xlate->bounce || !((phys | size) & mask)))
		return map_whole(iommu, iova, phys, size);
	if (attrs & PB_DMA_ATTR_MMIO)
		return -EPERM;
	return link_untrusted(dev, iova, phys, size);
}

static void iommu_iova_unlink(const struct pb_device *dev, u64 iova, u64 size,
			      enum pb_dma_data_direction dir,
			      unsigned long attrs, bool deferred)
{
	unlink_range(dev, iova, size, dir, deferred);
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
	if (iommu_iova_link(dev, iova + offset, phys, size, dir, attrs)) {
		iommu_iova_free(dev, iova, whole, false);
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

	iommu_iova_unlink(dev, iova, size, dir, attrs, true);
	iommu_iova_free(dev, iova & ~(u64)(iommu->granule - 1),
			granules(iommu, iova, size), true);
}

static const struct physbio_xlate_ops iommu_ops = {
	.name = "iommu",
	.map_phys = iommu_map_phys,
	.unmap_phys = iommu_unmap_phys,
	.merge_boundary = iommu_merge_boundary,
	.iova_alloc = iommu_iova_alloc,
	.iova_free = iommu_iova_free,
	.iova_link = iommu_iova_link,
	.iova_unlink = iommu_iova_unlink,
};

void physbio_xlate_init_iommu(struct physbio_xlate *x,
			      struct physbio_iommu *iommu)
{
	memset(x, 0, sizeof(*x));
	x->ops = &iommu_ops;
	x->priv = iommu;
}

/* --- life --- */

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

static void free_ranges(struct physbio_iommu *iommu)
{
	struct free_range *range;

	while (iommu->free.rb_node)
		range_erase(iommu, range_of(iommu->free.rb_node));
	while ((range = iommu->spare)) {
		iommu->spare = range->next;
		free(range);
	}
}

void physbio_iommu_destroy(struct physbio_iommu *iommu)
{
	if (!iommu)
		return;
	free_tables(&iommu->root);
	free_ranges(iommu);
	free(iommu->queue);
	free(iommu->iotlb);
	free(iommu);
}

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
	made->iotlb = calloc(1, sizeof(*made->iotlb));
	if (!made->iotlb || !range_reserve(made)) {
		physbio_iommu_destroy(made);
		return -ENOMEM;
	}
	spin_lock_init(&made->iotlb->lock);
	made->granule = granule;
	made->shift = (unsigned int)ilog2(granule);
	range_insert(made, start, size);
	spin_lock_init(&made->lock);
	*iommu = made;
	return 0;
}

void physbio_iommu_stats(struct physbio_iommu *iommu,
			 struct physbio_iommu_stats *stats)
{
	spin_lock(&iommu->lock);
	*stats = iommu->stats;
	stats->waiting = iommu->queued;
	spin_lock(&iommu->iotlb->lock);
	stats->flushes = iommu->iotlb->flushes;
	spin_unlock(&iommu->iotlb->lock);
	spin_unlock(&iommu->lock);
}
