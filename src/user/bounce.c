// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A pool of slots, and the translator that uses it where a table has no answer. A run of
 * slots is taken under the lock; bytes move without it. Not in core: the kernel has its
 * swiotlb, and how the CPU reaches a physical address is the memory model's business.
 */
#include <stdlib.h>

#include <physbio/bounce.h>

#include "../core/platform.h"

#define POOL_ALIGN 4096u

struct slot {
	u32 nth; /* slot of its run, from 1; 0: free */
	u32 run; /* of the first slot of a run: how many; else 0 */
	pb_phys_addr_t orig; /* of a first slot: where the data are */
	u32 offset; /* from the first slot to the copy, bytes */
	u64 size; /* bytes of the copy */
};

struct physbio_bounce {
	struct physbio_mem *mem;
	pb_phys_addr_t start;
	u32 slot_size;
	u32 nr;
	spinlock_t lock; /* from here on */
	struct physbio_bounce_stats stats;
	struct slot slots[];
};

/* --- bytes --- */

static u64 room_in_page(u64 paddr)
{
	return PB_PAGE_SIZE - pb_offset_in_page(paddr);
}

static int copy_phys(struct physbio_mem *mem, u64 to, u64 from, u64 size)
{
	while (size) {
		u64 room = min(room_in_page(to), room_in_page(from));
		u64 n = min(size, room);
		void *dst = physbio_mem_virt(mem, (pb_phys_addr_t)to);
		const void *src = physbio_mem_virt(mem, (pb_phys_addr_t)from);

		if (!dst || !src)
			return -EFAULT;
		memcpy(dst, src, n);
		to += n;
		from += n;
		size -= n;
	}
	return 0;
}

static void zero_phys(struct physbio_mem *mem, u64 at, u64 size)
{
	while (size) {
		u64 n = min(size, room_in_page(at));

		memset(physbio_mem_virt(mem, (pb_phys_addr_t)at), 0, n);
		at += n;
		size -= n;
	}
}

/* --- runs of slots --- */

static u64 slot_addr(const struct physbio_bounce *pool, u32 index)
{
	return pool->start + (u64)index * pool->slot_size;
}

/* What a range needs. */
struct run {
	u64 phase; /* of the first slot within the units of the mask, bytes */
	u64 offset; /* from the first slot to the copy, bytes */
	u64 nr; /* slots */
};

static struct run run_of(const struct physbio_bounce *pool, u64 phys, u64 size,
			 const struct physbio_bounce_place *place)
{
	u64 slot_mask = pool->slot_size - 1;
	u64 low = phys & place->mask;
	struct run run = { .phase = place->whole ? 0 : low & ~slot_mask };
	u64 bytes;

	run.offset = low - run.phase;
	bytes = run.offset + size;
	if (place->whole)
		bytes = (bytes + place->mask) & ~place->mask;
	run.nr = (bytes + slot_mask) >> ilog2(pool->slot_size);
	return run;
}

/* How many slots from @first on are free, of @nr at most. */
static u32 free_slots(const struct physbio_bounce *pool, u32 first, u32 nr)
{
	u32 n = 0;

	while (n < nr && !pool->slots[first + n].nth)
		n++;
	return n;
}

/* The first run that will do; nr of the pool if there is none. */
static u32 find_run(const struct physbio_bounce *pool, const struct run *run,
		    const struct physbio_bounce_place *place)
{
	u64 slot_mask = pool->slot_size - 1;
	u32 i, n;

	for (i = 0; run->nr <= pool->nr - i; i += n + 1) {
		u64 addr = slot_addr(pool, i);

		if (addr + run->nr * pool->slot_size - 1 > place->last)
			break;
		n = 0;
		if ((addr & place->mask & ~slot_mask) != run->phase)
			continue;
		n = free_slots(pool, i, (u32)run->nr);
		if (n == run->nr)
			return i;
	}
	return pool->nr;
}

static void run_take(struct physbio_bounce *pool, u32 first,
		     const struct run *run, u64 phys, u64 size)
{
	struct slot *slot = &pool->slots[first];
	u32 i;

	for (i = 0; i < run->nr; i++)
		slot[i].nth = i + 1;
	slot->run = (u32)run->nr;
	slot->orig = (pb_phys_addr_t)phys;
	slot->offset = (u32)run->offset;
	slot->size = size;
	pool->stats.slots += run->nr;
	pool->stats.maps++;
}

static void run_free(struct physbio_bounce *pool, u32 first)
{
	struct slot *slot = &pool->slots[first];
	u32 i, nr = slot->run;

	for (i = 0; i < nr; i++)
		slot[i].nth = 0;
	slot->run = 0;
	pool->stats.slots -= nr;
}

/* Copy into a run that was taken, or give it back. */
static int run_fill(struct physbio_bounce *pool, u32 first, bool whole)
{
	const struct slot *slot = &pool->slots[first];
	u64 at = slot_addr(pool, first);
	int err;

	if (whole)
		zero_phys(pool->mem, at, (u64)slot->run * pool->slot_size);
	err = copy_phys(pool->mem, at + slot->offset, slot->orig, slot->size);
	spin_lock(&pool->lock);
	if (err)
		run_free(pool, first);
	else
		pool->stats.bytes_in += slot->size;
	spin_unlock(&pool->lock);
	return err;
}

int physbio_bounce_map(struct physbio_bounce *pool, pb_phys_addr_t phys,
		       u64 size, const struct physbio_bounce_place *place,
		       pb_phys_addr_t *slot)
{
	struct run run = run_of(pool, phys, size, place);
	u32 first;
	int err;

	spin_lock(&pool->lock);
	first = size <= U64_MAX / 2 ? find_run(pool, &run, place) : pool->nr;
	if (first < pool->nr)
		run_take(pool, first, &run, phys, size);
	else
		pool->stats.refused++;
	spin_unlock(&pool->lock);
	if (first == pool->nr)
		return -ENOSPC;
	err = run_fill(pool, first, place->whole);
	if (!err)
		*slot = (pb_phys_addr_t)(slot_addr(pool, first) + run.offset);
	return err;
}

static bool in_pool(const struct physbio_bounce *pool, pb_phys_addr_t addr)
{
	return addr >= pool->start &&
	       addr - pool->start < (u64)pool->nr * pool->slot_size;
}

/* The first slot of the run that has an address; nr of the pool if there is none. */
static u32 run_at(const struct physbio_bounce *pool, pb_phys_addr_t addr)
{
	u32 i;

	if (!in_pool(pool, addr))
		return pool->nr;
	i = (u32)((addr - pool->start) >> ilog2(pool->slot_size));
	return pool->slots[i].nth ? i - (pool->slots[i].nth - 1) : pool->nr;
}

/* The run is the caller's: nobody else changes its slots. */
bool physbio_bounce_unmap(struct physbio_bounce *pool, pb_phys_addr_t addr,
			  enum pb_dma_data_direction dir)
{
	u32 first = run_at(pool, addr);
	const struct slot *slot = &pool->slots[first];

	if (first == pool->nr)
		return false;
	if (dir != PB_DMA_TO_DEVICE)
		copy_phys(pool->mem, slot->orig,
			  slot_addr(pool, first) + slot->offset, slot->size);
	spin_lock(&pool->lock);
	if (dir != PB_DMA_TO_DEVICE)
		pool->stats.bytes_out += slot->size;
	run_free(pool, first);
	spin_unlock(&pool->lock);
	return true;
}

/* --- the translator --- */

static struct pb_device inner_of(const struct pb_device *dev)
{
	struct pb_device inner = *dev;

	inner.xlate = dev->xlate->inner;
	return inner;
}

/* Where the device has its last byte of the pool, as the CPU sees it. */
static bool place_for(const struct pb_device *dev,
		      struct physbio_bounce_place *place)
{
	const struct physbio_xlate *x = dev->xlate;
	u64 reach = dev->dma_mask - x->bounce_bus;

	if (dev->dma_mask < x->bounce_bus)
		return false;
	place->mask = dev->min_align_mask;
	place->whole = false;
	place->last = reach > U64_MAX - x->bounce->start ?
			      U64_MAX :
			      x->bounce->start + reach;
	return true;
}

static pb_dma_addr_t map_bounced(const struct pb_device *dev,
				 pb_phys_addr_t phys, u64 size)
{
	const struct physbio_xlate *x = dev->xlate;
	struct physbio_bounce_place place;
	pb_phys_addr_t slot;

	if (!place_for(dev, &place) ||
	    physbio_bounce_map(x->bounce, phys, size, &place, &slot))
		return PB_DMA_MAPPING_ERROR;
	return physbio_dma_make(x->bounce_bus + (slot - x->bounce->start));
}

static pb_dma_addr_t bounce_map_phys(const struct pb_device *dev,
				     pb_phys_addr_t phys, u64 size,
				     enum pb_dma_data_direction dir,
				     unsigned long attrs)
{
	struct pb_device inner = inner_of(dev);
	pb_dma_addr_t addr;

	if (attrs & PHYSBIO_DMA_ATTR_BOUNCE)
		return map_bounced(dev, phys, size);
	if ((attrs & PB_DMA_ATTR_MMIO) && dev->xlate->mmio_identity)
		return physbio_dma_make(phys);
	addr = pb_dma_map_phys(&inner, phys, size, dir, attrs);
	if (addr != PB_DMA_MAPPING_ERROR || (attrs & PB_DMA_ATTR_MMIO))
		return addr;
	return map_bounced(dev, phys, size);
}

/* What is not in the pool was in reach, and a table has nothing to undo. */
static void bounce_unmap_phys(const struct pb_device *dev, pb_dma_addr_t addr,
			      u64 size, enum pb_dma_data_direction dir,
			      unsigned long attrs)
{
	const struct physbio_xlate *x = dev->xlate;
	u64 offset = physbio_dma_value(addr) - x->bounce_bus;

	if (offset < (u64)x->bounce->nr * x->bounce->slot_size)
		physbio_bounce_unmap(
			x->bounce, (pb_phys_addr_t)(x->bounce->start + offset),
			dir);
}

static const struct physbio_xlate_ops bounce_ops = {
	.name = "bounce",
	.map_phys = bounce_map_phys,
	.unmap_phys = bounce_unmap_phys,
};

int physbio_xlate_init_bounce(struct physbio_xlate *x,
			      const struct physbio_xlate *inner,
			      struct physbio_bounce *pool)
{
	const struct pb_device any = { .xlate = inner, .dma_mask = U64_MAX };
	pb_dma_addr_t bus;

	if (pb_dma_need_unmap(&any))
		return -EINVAL;
	bus = pb_dma_map_phys(&any, pool->start,
			      (u64)pool->nr * pool->slot_size,
			      PB_DMA_BIDIRECTIONAL, 0);
	if (pb_dma_mapping_error(&any, bus))
		return -EINVAL;
	memset(x, 0, sizeof(*x));
	x->ops = &bounce_ops;
	x->inner = inner;
	x->bounce = pool;
	x->bounce_bus = physbio_dma_value(bus);
	x->mmio_identity = inner->mmio_identity;
	physbio_xlate_set_p2p(x, inner->p2p_map, inner->nr_regions);
	physbio_xlate_set_own_bar(x, inner->own_bar);
	return 0;
}

void physbio_xlate_set_untrusted(struct physbio_xlate *x,
				 struct physbio_bounce *pool)
{
	x->bounce = pool;
}

/* --- life --- */

static bool is_ram(const struct physbio_mem *mem, pb_phys_addr_t paddr)
{
	const struct pb_page *page = physbio_mem_page(mem, paddr);

	return page && !pb_page_is_p2pdma(page) && physbio_mem_virt(mem, paddr);
}

static bool all_ram(const struct physbio_mem *mem, pb_phys_addr_t start,
		    u64 size)
{
	u64 at;

	for (at = 0; at < size; at += POOL_ALIGN)
		if (!is_ram(mem, start + (pb_phys_addr_t)at))
			return false;
	return is_ram(mem, start + (pb_phys_addr_t)(size - 1));
}

static bool numbers_ok(pb_phys_addr_t start, u64 size, u32 slot_size)
{
	if (slot_size < 512 || slot_size > 65536 || !is_power_of_2(slot_size))
		return false;
	if (!size || ((start | size) & (slot_size - 1)) ||
	    (start & (POOL_ALIGN - 1)))
		return false;
	return size / slot_size <= U32_MAX &&
	       size - 1 <= (pb_phys_addr_t)-1 - start;
}

int physbio_bounce_create(struct physbio_mem *mem, pb_phys_addr_t start,
			  u64 size, u32 slot_size, struct physbio_bounce **pool)
{
	struct physbio_bounce *made;

	if (!numbers_ok(start, size, slot_size))
		return -EINVAL;
	if (!all_ram(mem, start, size))
		return -EFAULT;
	made = calloc(1, sizeof(*made) +
				 size / slot_size * sizeof(made->slots[0]));
	if (!made)
		return -ENOMEM;
	made->mem = mem;
	made->start = start;
	made->slot_size = slot_size;
	made->nr = (u32)(size / slot_size);
	spin_lock_init(&made->lock);
	*pool = made;
	return 0;
}

void physbio_bounce_destroy(struct physbio_bounce *pool)
{
	free(pool);
}

void physbio_bounce_stats(struct physbio_bounce *pool,
			  struct physbio_bounce_stats *stats)
{
	spin_lock(&pool->lock);
	*stats = pool->stats;
	spin_unlock(&pool->lock);
}
