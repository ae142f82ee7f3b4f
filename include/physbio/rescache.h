/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The page-resolution cache: from a physical address to a page struct without asking the
 * memory map, section by section. One kind belongs to a thread, the other is read by all
 * without locks. An entry carries the generation of its range, so that one from before a
 * range was unplugged is never used, also if the range is there again at the same
 * address. It decides nothing about how long a page stays.
 *
 * What a page that was found is protected by:
 * - by what the caller held before it looked (a hold of lifetime.h, a pin, a reference on
 *   the provider), for as long as that is held; or
 * - by the read section that it looked in (physbio_read_lock()), until its end; or
 * - by the reference that physbio_pages_get() takes, until it is put.
 * An entry that is copied protects nothing: before it is used again, it takes one of
 * the three and a look at physbio_pages_fresh().
 */
#ifndef PHYSBIO_RESCACHE_H
#define PHYSBIO_RESCACHE_H

#include <physbio/page.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Pages of one section and one range, whose page structs follow each other: an entry of a
 * cache.
 */
struct physbio_pages {
	unsigned long pfn; /* the first */
	unsigned long nr; /* 0: none */
	struct pb_page *page; /* of the first */
	struct pb_dev_pagemap *pgmap; /* who provides them */
	unsigned long generation; /* of the pagemap, when they were found */
};

/**
 * physbio_pages_at() - the pages around a physical address, from the memory map
 * @paddr: any physical address
 * @pages: filled on success
 *
 * As far as the section and the range go. What a cache that has nothing asks.
 *
 * Context: any, the memory map staying. Return: 0; -EFAULT if there was no memory in the
 * map; -ENODEV if it is offline or removed.
 */
PB_API int physbio_pages_at(pb_phys_addr_t paddr, struct physbio_pages *pages);

/* Is the range the one that was found, and neither offline nor another since? */
static inline bool physbio_pages_fresh(const struct physbio_pages *pages)
{
	return __atomic_load_n(&pages->pgmap->generation, __ATOMIC_SEQ_CST) ==
	       pages->generation;
}

/* The page of an address that is among them. */
static inline struct pb_page *
physbio_pages_page(const struct physbio_pages *pages, pb_phys_addr_t paddr)
{
	return pages->page +
	       ((unsigned long)(paddr >> PB_PAGE_SHIFT) - pages->pfn);
}

/**
 * physbio_pages_get() - take a reference on who provides pages
 * @pages: what was found at any time
 *
 * Context: any, the memory map staying. Return: true: they stay until
 * pb_put_dev_pagemap() of pages->pgmap; false: they are stale.
 */
PB_API bool physbio_pages_get(const struct physbio_pages *pages);

/* What a cache did. */
struct physbio_rescache_stats {
	unsigned long hits;
	unsigned long misses; /* stale ones too */
	unsigned long stale; /* an entry of a range that was unplugged since */
	unsigned long inserts;
	unsigned long evictions; /* inserts in the place of other pages */
	unsigned long invalidated; /* entries */
};

#define PHYSBIO_RESCACHE_MAX (1u << 16) /* entries */

/* --- a thread's own --- */

/* Direct-mapped by section number. The members are private, but for stats. */
struct physbio_rescache {
	struct physbio_pages *slots;
	unsigned long mask;
	struct physbio_rescache_stats stats;
};

/**
 * physbio_rescache_init() - make a cache
 * @cache: filled; used by one thread at a time
 * @nr: entries, a power of two up to PHYSBIO_RESCACHE_MAX; it never has more
 *
 * It must be empty or destroyed when the memory map is.
 *
 * Context: may sleep. Return: 0; -EINVAL if @nr is not as said; -ENOMEM.
 */
PB_API int physbio_rescache_init(struct physbio_rescache *cache,
				 unsigned int nr);

/* physbio_rescache_destroy() - free its memory. Context: may sleep. */
PB_API void physbio_rescache_destroy(struct physbio_rescache *cache);

/* physbio_rescache_bytes() - memory that it takes. Context: any. */
PB_API size_t physbio_rescache_bytes(const struct physbio_rescache *cache);

/* For physbio_rescache_find() alone. */
PB_API void physbio_rescache_missed(struct physbio_rescache *cache,
				    const struct physbio_pages *slot,
				    unsigned long pfn);

/**
 * physbio_rescache_find() - look pages up
 * @cache: the thread's
 * @paddr: any physical address
 *
 * See above for what protects them.
 *
 * Context: any. Return: pages with @paddr among them, the cache's until the next insert
 * or invalidation; NULL if it has none that are fresh.
 */
static inline const struct physbio_pages *
physbio_rescache_find(struct physbio_rescache *cache, pb_phys_addr_t paddr)
{
	unsigned long pfn = (unsigned long)(paddr >> PB_PAGE_SHIFT);
	const struct physbio_pages *slot =
		&cache->slots[pb_pfn_to_section_nr(pfn) & cache->mask];

	if (pfn - slot->pfn < slot->nr && physbio_pages_fresh(slot)) {
		cache->stats.hits++;
		return slot;
	}
	physbio_rescache_missed(cache, slot, pfn);
	return NULL;
}

/**
 * physbio_rescache_insert() - remember pages
 * @cache: the thread's
 * @pages: from physbio_pages_at(); copied, in the place of what was there
 *
 * Context: any.
 */
PB_API void physbio_rescache_insert(struct physbio_rescache *cache,
				    const struct physbio_pages *pages);

/**
 * physbio_rescache_invalidate() - forget what touches a physical range
 * @cache: the thread's
 * @start: physical address of the first byte
 * @len: bytes
 *
 * Not needed when a range is unplugged: its entries are stale then.
 * Context: any.
 */
PB_API void physbio_rescache_invalidate(struct physbio_rescache *cache,
					pb_phys_addr_t start, uint64_t len);

/**
 * physbio_rescache_page() - the page of an address, by the cache or else the map
 * @cache: the thread's
 * @paddr: any physical address
 * @page: set on success
 *
 * What the map says is remembered. See above for what protects the page.
 *
 * Context: any, the memory map staying. Return: 0, or as physbio_pages_at().
 */
PB_API int physbio_rescache_page(struct physbio_rescache *cache,
				 pb_phys_addr_t paddr, struct pb_page **page);

/* --- one for all threads --- */

struct physbio_rescache_shared;

/**
 * physbio_rescache_shared_create() - make a cache that threads share
 * @nr: entries, a power of two up to PHYSBIO_RESCACHE_MAX; it never has more
 * @cache: the cache
 *
 * Context: may sleep. Return: 0; -EINVAL if @nr is not as said; -ENOMEM.
 */
PB_API int
physbio_rescache_shared_create(unsigned int nr,
			       struct physbio_rescache_shared **cache);

/* physbio_rescache_shared_destroy() - free it, or NULL. Context: may sleep, no user. */
PB_API void
physbio_rescache_shared_destroy(struct physbio_rescache_shared *cache);

/* physbio_rescache_shared_bytes() - memory that it takes. Context: any. */
PB_API size_t
physbio_rescache_shared_bytes(const struct physbio_rescache_shared *cache);

/**
 * physbio_rescache_shared_find() - look pages up
 * @cache: the cache
 * @paddr: any physical address
 * @pages: a copy of the entry, on success
 *
 * Waits for nobody: an entry that is being written is a miss. Writes nothing that other
 * threads read.
 *
 * Context: any. Return: whether it has fresh ones; see above for what protects them.
 */
PB_API bool physbio_rescache_shared_find(struct physbio_rescache_shared *cache,
					 pb_phys_addr_t paddr,
					 struct physbio_pages *pages);

/**
 * physbio_rescache_shared_insert() - remember pages
 * @cache: the cache
 * @pages: from physbio_pages_at(); copied, in the place of what was there
 *
 * Context: any. Return: false if another thread is writing there: nothing is done.
 */
PB_API bool
physbio_rescache_shared_insert(struct physbio_rescache_shared *cache,
			       const struct physbio_pages *pages);

/**
 * physbio_rescache_shared_invalidate() - forget what touches a physical range
 * @cache: the cache
 * @start: physical address of the first byte
 * @len: bytes
 *
 * Waits for a writer, never for readers, who may have found it before.
 * Context: any.
 */
PB_API void
physbio_rescache_shared_invalidate(struct physbio_rescache_shared *cache,
				   pb_phys_addr_t start, uint64_t len);

/* physbio_rescache_shared_page() - as physbio_rescache_page() */
PB_API int physbio_rescache_shared_page(struct physbio_rescache_shared *cache,
					pb_phys_addr_t paddr,
					struct pb_page **page);

/**
 * physbio_rescache_shared_stats() - what it did so far
 * @cache: the cache
 * @stats: filled
 *
 * Exact if there are no more threads than PHYSBIO_REF_SLOTS, and none is in the cache
 * now; otherwise some may be missing. Context: any.
 */
PB_API void
physbio_rescache_shared_stats(const struct physbio_rescache_shared *cache,
			      struct physbio_rescache_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
