// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Caches of page structs by section. Decides which entry makes room and how threads read
 * one that is being written. A page that it gives out it has not protected: see the
 * header.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include <physbio/memremap.h>
#include <physbio/rescache.h>

#include "../core/platform.h"
#include "mem-internal.h"

/* --- from the memory map --- */

static void clip(struct physbio_pages *pages, unsigned long pfn)
{
	const struct pb_dev_pagemap *pgmap = pages->pgmap;
	unsigned long first = (unsigned long)(pgmap->start >> PB_PAGE_SHIFT);
	unsigned long last =
		(unsigned long)(first + (pgmap->size >> PB_PAGE_SHIFT) - 1);

	first = max(first, pfn & ~(PB_PAGES_PER_SECTION - 1));
	last = min(last, pfn | (PB_PAGES_PER_SECTION - 1));
	pages->pfn = first;
	pages->nr = last - first + 1;
}

/* The generation comes first: who unplugs changes it last. */
int physbio_pages_at(pb_phys_addr_t paddr, struct physbio_pages *pages)
{
	struct physbio_pages found = { .pgmap = physbio_the_pagemap(paddr) };

	pb_count(PHYSBIO_LOOKUP);
	if (!found.pgmap)
		return -EFAULT;
	found.generation =
		__atomic_load_n(&found.pgmap->generation, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&found.pgmap->dead, __ATOMIC_SEQ_CST))
		return -ENODEV;
	clip(&found, (unsigned long)(paddr >> PB_PAGE_SHIFT));
	found.page =
		physbio_the_page((pb_phys_addr_t)found.pfn << PB_PAGE_SHIFT);
	*pages = found;
	return 0;
}

bool physbio_pages_get(const struct physbio_pages *pages)
{
	if (!physbio_pagemap_tryget(pages->pgmap))
		return false;
	if (physbio_pages_fresh(pages))
		return true;
	pb_put_dev_pagemap(pages->pgmap);
	return false;
}

static bool size_ok(unsigned int nr)
{
	return is_power_of_2(nr) && nr <= PHYSBIO_RESCACHE_MAX;
}

static bool touches(unsigned long pfn, unsigned long nr, pb_phys_addr_t start,
		    uint64_t len)
{
	unsigned long first = (unsigned long)(start >> PB_PAGE_SHIFT);
	unsigned long last =
		(unsigned long)((start + (pb_phys_addr_t)(len - 1)) >>
				PB_PAGE_SHIFT);

	return nr && len && pfn <= last && pfn + nr - 1 >= first;
}

/* --- a thread's own --- */

int physbio_rescache_init(struct physbio_rescache *cache, unsigned int nr)
{
	struct physbio_pages *slots;

	if (!size_ok(nr))
		return -EINVAL;
	slots = calloc(nr, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(cache, 0, sizeof(*cache));
	cache->slots = slots;
	cache->mask = nr - 1;
	return 0;
}

void physbio_rescache_destroy(struct physbio_rescache *cache)
{
	free(cache->slots);
	cache->slots = NULL;
}

size_t physbio_rescache_bytes(const struct physbio_rescache *cache)
{
	return sizeof(*cache) + (cache->mask + 1) * sizeof(cache->slots[0]);
}

void physbio_rescache_missed(struct physbio_rescache *cache,
			     const struct physbio_pages *slot,
			     unsigned long pfn)
{
	cache->stats.misses++;
	if (pfn - slot->pfn < slot->nr)
		cache->stats.stale++;
}

void physbio_rescache_insert(struct physbio_rescache *cache,
			     const struct physbio_pages *pages)
{
	struct physbio_pages *slot =
		&cache->slots[pb_pfn_to_section_nr(pages->pfn) & cache->mask];

	cache->stats.inserts++;
	if (slot->nr && slot->pfn != pages->pfn)
		cache->stats.evictions++;
	*slot = *pages;
}

void physbio_rescache_invalidate(struct physbio_rescache *cache,
				 pb_phys_addr_t start, uint64_t len)
{
	struct physbio_pages *slot = cache->slots;

	for (; slot <= cache->slots + cache->mask; slot++) {
		if (!touches(slot->pfn, slot->nr, start, len))
			continue;
		slot->nr = 0;
		cache->stats.invalidated++;
	}
}

int physbio_rescache_page(struct physbio_rescache *cache, pb_phys_addr_t paddr,
			  struct pb_page **page)
{
	const struct physbio_pages *pages = physbio_rescache_find(cache, paddr);
	struct physbio_pages found;
	int err;

	if (likely(pages)) {
		*page = physbio_pages_page(pages, paddr);
		return 0;
	}
	err = physbio_pages_at(paddr, &found);
	if (err)
		return err;
	physbio_rescache_insert(cache, &found);
	*page = physbio_pages_page(&found, paddr);
	return 0;
}

/* --- one for all threads --- */

/*
 * The sequence is odd while the entry is written. All members are read and written
 * atomically, each read before the sequence is read again.
 */
struct shared_slot {
	unsigned long seq;
	struct physbio_pages pages;
	char pad[64 - sizeof(unsigned long) - sizeof(struct physbio_pages)];
};

/* What the threads of a slot count, see physbio_ref_slot(). */
struct shared_stats {
	struct physbio_rescache_stats stats;
	char pad[64 - sizeof(struct physbio_rescache_stats)];
};

struct physbio_rescache_shared {
	unsigned long mask;
	struct shared_slot *slots;
	struct shared_stats *stats;
};

#define shared_count(cache, what) \
	count_one(&(cache)->stats[physbio_ref_slot()].stats.what)

/* Not an atomic addition: it would cost more than what is counted. */
static void count_one(unsigned long *n)
{
	__atomic_store_n(n, __atomic_load_n(n, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
}

static void *zeroed_lines(size_t n, size_t size)
{
	void *p = aligned_alloc(64, n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

int physbio_rescache_shared_create(unsigned int nr,
				   struct physbio_rescache_shared **cache)
{
	struct physbio_rescache_shared *made;

	if (!size_ok(nr))
		return -EINVAL;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->mask = nr - 1;
	made->slots = zeroed_lines(nr, sizeof(*made->slots));
	made->stats = zeroed_lines(PHYSBIO_REF_SLOTS, sizeof(*made->stats));
	if (!made->slots || !made->stats) {
		physbio_rescache_shared_destroy(made);
		return -ENOMEM;
	}
	*cache = made;
	return 0;
}

void physbio_rescache_shared_destroy(struct physbio_rescache_shared *cache)
{
	if (!cache)
		return;
	free(cache->slots);
	free(cache->stats);
	free(cache);
}

size_t
physbio_rescache_shared_bytes(const struct physbio_rescache_shared *cache)
{
	return sizeof(*cache) + (cache->mask + 1) * sizeof(cache->slots[0]) +
	       PHYSBIO_REF_SLOTS * sizeof(cache->stats[0]);
}

#define slot_load(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)
#define slot_store(member, value) \
	__atomic_store_n(&(member), value, __ATOMIC_RELEASE)

/* False: it was written meanwhile. */
static bool slot_read(const struct shared_slot *slot,
		      struct physbio_pages *pages)
{
	unsigned long seq = slot_load(slot->seq);

	pages->pfn = slot_load(slot->pages.pfn);
	pages->nr = slot_load(slot->pages.nr);
	pages->page = slot_load(slot->pages.page);
	pages->pgmap = slot_load(slot->pages.pgmap);
	pages->generation = slot_load(slot->pages.generation);
	return !(seq & 1) && slot_load(slot->seq) == seq;
}

static bool slot_trylock(struct shared_slot *slot)
{
	unsigned long seq = __atomic_load_n(&slot->seq, __ATOMIC_RELAXED);

	return !(seq & 1) &&
	       __atomic_compare_exchange_n(&slot->seq, &seq, seq + 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void slot_unlock(struct shared_slot *slot)
{
	slot_store(slot->seq,
		   __atomic_load_n(&slot->seq, __ATOMIC_RELAXED) + 1);
}

static void slot_write(struct shared_slot *slot,
		       const struct physbio_pages *pages)
{
	slot_store(slot->pages.pfn, pages->pfn);
	slot_store(slot->pages.nr, pages->nr);
	slot_store(slot->pages.page, pages->page);
	slot_store(slot->pages.pgmap, pages->pgmap);
	slot_store(slot->pages.generation, pages->generation);
}

static struct shared_slot *slot_of(const struct physbio_rescache_shared *cache,
				   unsigned long pfn)
{
	return &cache->slots[pb_pfn_to_section_nr(pfn) & cache->mask];
}

bool physbio_rescache_shared_find(struct physbio_rescache_shared *cache,
				  pb_phys_addr_t paddr,
				  struct physbio_pages *pages)
{
	unsigned long pfn = (unsigned long)(paddr >> PB_PAGE_SHIFT);

	if (slot_read(slot_of(cache, pfn), pages) &&
	    pfn - pages->pfn < pages->nr) {
		if (likely(physbio_pages_fresh(pages))) {
			shared_count(cache, hits);
			return true;
		}
		shared_count(cache, stale);
	}
	shared_count(cache, misses);
	return false;
}

bool physbio_rescache_shared_insert(struct physbio_rescache_shared *cache,
				    const struct physbio_pages *pages)
{
	struct shared_slot *slot = slot_of(cache, pages->pfn);

	if (!slot_trylock(slot))
		return false;
	shared_count(cache, inserts);
	if (slot->pages.nr && slot->pages.pfn != pages->pfn)
		shared_count(cache, evictions);
	slot_write(slot, pages);
	slot_unlock(slot);
	return true;
}

void physbio_rescache_shared_invalidate(struct physbio_rescache_shared *cache,
					pb_phys_addr_t start, uint64_t len)
{
	struct shared_slot *slot = cache->slots;

	for (; slot <= cache->slots + cache->mask; slot++) {
		while (!slot_trylock(slot))
			sched_yield();
		if (touches(slot->pages.pfn, slot->pages.nr, start, len)) {
			slot_store(slot->pages.nr, 0);
			shared_count(cache, invalidated);
		}
		slot_unlock(slot);
	}
}

int physbio_rescache_shared_page(struct physbio_rescache_shared *cache,
				 pb_phys_addr_t paddr, struct pb_page **page)
{
	struct physbio_pages pages;
	int err = 0;

	if (!physbio_rescache_shared_find(cache, paddr, &pages)) {
		err = physbio_pages_at(paddr, &pages);
		if (err)
			return err;
		physbio_rescache_shared_insert(cache, &pages);
	}
	*page = physbio_pages_page(&pages, paddr);
	return 0;
}

void physbio_rescache_shared_stats(const struct physbio_rescache_shared *cache,
				   struct physbio_rescache_stats *stats)
{
	unsigned long *sum = (unsigned long *)stats;
	unsigned int i, j;

	memset(stats, 0, sizeof(*stats));
	for (i = 0; i < PHYSBIO_REF_SLOTS; i++)
		for (j = 0; j < sizeof(*stats) / sizeof(*sum); j++)
			sum[j] += __atomic_load_n(
				(unsigned long *)&cache->stats[i].stats + j,
				__ATOMIC_RELAXED);
}
