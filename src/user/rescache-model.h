/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two more memory models, for internal builds: a page struct by the thread's own cache of
 * rescache.h or by the one that all share, and by the memory map where that has nothing.
 * Included before everything else. What protects the page is the caller's business, as
 * with every other model.
 */
#ifndef PHYSBIO_USER_RESCACHE_MODEL_H
#define PHYSBIO_USER_RESCACHE_MODEL_H

#define PHYSBIO_MEMMODEL_rescache PHYSBIO_MEMMODEL_sparsemem_extreme
#define physbio_rescache_page_to_pfn physbio_sparsemem_extreme_page_to_pfn
#define physbio_rescache_pfn_valid physbio_sparsemem_extreme_pfn_valid

#define PHYSBIO_MEMMODEL_rescache_shared PHYSBIO_MEMMODEL_sparsemem_extreme
#define physbio_rescache_shared_page_to_pfn \
	physbio_sparsemem_extreme_page_to_pfn
#define physbio_rescache_shared_pfn_valid physbio_sparsemem_extreme_pfn_valid

struct pb_page;

static inline struct pb_page *physbio_rescache_pfn_to_page(unsigned long pfn);
static inline unsigned long
physbio_rescache_page_run(const struct pb_page *page, unsigned long pfn,
			  unsigned long nr);
static inline struct pb_page *
physbio_rescache_shared_pfn_to_page(unsigned long pfn);
static inline unsigned long
physbio_rescache_shared_page_run(const struct pb_page *page, unsigned long pfn,
				 unsigned long nr);

#include <physbio/rescache.h>

/* The caches that are asked: whoever links this makes them. */
extern __thread struct physbio_rescache physbio_rescache_mine;
extern struct physbio_rescache_shared *physbio_rescache_ours;

/* The page of an address that the thread's cache has not, and that exists. */
struct pb_page *physbio_rescache_ask_map(pb_phys_addr_t paddr);

/* The same by the shared cache. */
struct pb_page *physbio_rescache_ask_ours(pb_phys_addr_t paddr);

static inline struct pb_page *physbio_rescache_pfn_to_page(unsigned long pfn)
{
	pb_phys_addr_t paddr = (pb_phys_addr_t)pfn << PB_PAGE_SHIFT;
	const struct physbio_pages *pages =
		physbio_rescache_find(&physbio_rescache_mine, paddr);

	return pages ? physbio_pages_page(pages, paddr) :
		       physbio_rescache_ask_map(paddr);
}

static inline struct pb_page *
physbio_rescache_shared_pfn_to_page(unsigned long pfn)
{
	return physbio_rescache_ask_ours((pb_phys_addr_t)pfn << PB_PAGE_SHIFT);
}

static inline unsigned long
physbio_rescache_page_run(const struct pb_page *page, unsigned long pfn,
			  unsigned long nr)
{
	return physbio_sections_page_run(page, pfn, nr,
					 physbio_rescache_pfn_to_page);
}

static inline unsigned long
physbio_rescache_shared_page_run(const struct pb_page *page, unsigned long pfn,
				 unsigned long nr)
{
	return physbio_sections_page_run(page, pfn, nr,
					 physbio_rescache_shared_pfn_to_page);
}

#endif
