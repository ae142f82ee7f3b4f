/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct pb_page: what the kernel keeps for every page frame, and the way from a
 * physical address to it and back, by the memory model that memmodel.h has for this
 * build. In the kernel this is the kernel's own struct page. Who owns the memory behind
 * a page is mem.h's business.
 */
#ifndef PHYSBIO_PAGE_H
#define PHYSBIO_PAGE_H

#include <physbio/count.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __KERNEL__

#include <linux/io.h>
#include <linux/memremap.h>
#include <linux/minmax.h>
#include <linux/mm.h>

struct physbio_region;

#define pb_pfn_to_page(pfn) pfn_to_page(pfn)
#define pb_page_to_pfn(page) page_to_pfn(page)
#define pb_pfn_valid(pfn) pfn_valid(pfn)

static inline unsigned long physbio_model_page_run(const struct page *page,
						   unsigned long pfn,
						   unsigned long nr)
{
#if defined(CONFIG_SPARSEMEM) && !defined(CONFIG_SPARSEMEM_VMEMMAP)
	unsigned long n = PAGES_PER_SECTION - pfn % PAGES_PER_SECTION;

	while (n < nr && pfn_to_page(pfn + n) == page + n)
		n += PAGES_PER_SECTION;
	return min(n, nr);
#else
	return nr;
#endif
}

/* A module can't tell whose BAR it is: P2P pages are refused, see bio.c. */
static inline bool pb_page_is_p2pdma(const struct page *page)
{
	return is_pci_p2pdma_page(page);
}

static inline const struct physbio_region *
pb_page_region(const struct page *page)
{
	return NULL;
}

static inline bool pb_page_same_kind(const struct page *a, const struct page *b)
{
	return is_zone_device_page(a) == is_zone_device_page(b) &&
	       (!is_zone_device_page(a) || a->pgmap == b->pgmap);
}

#else

#include <physbio/memremap.h>

/* Bits of pb_page.flags. */
enum pb_pageflags {
	PB_PG_head = 1u << 0, /* first page of a folio of more than one */
	PB_PG_dirty = 1u << 1,
	PB_PG_zone_device = 1u << 2, /* owned by pgmap, not by the allocator */
	PB_PG_locked = 1u << 3,
	PB_PG_p2pdma = 1u << 4, /* and pgmap is a P2P provider's */
	PB_PG_reserved = 1u << 5, /* a hole: nothing but this flag is set */
	PB_PG_uptodate = 1u << 6, /* its bytes are those of the device */
	PB_PG_writeback = 1u << 7,
	PB_PG_error = 1u << 8, /* a write of it has failed, see pagecache.h */
};

/*
 * 64 bytes on 64-bit, like the kernel's. All zero is a page of its own that nobody
 * refers to. refcount and pincount belong to the head page of a folio; of a tail
 * page only compound_head and virt are looked at.
 */
struct pb_page {
	/* PB_PG_*, changed atomically; the section's number on top, see memmodel.h */
	unsigned long flags;
	uintptr_t compound_head; /* tail page: head page | 1, else 0 */
	/* PB_PG_zone_device: what provides this memory */
	struct pb_dev_pagemap *pgmap;
	void *virt; /* the page's bytes, or NULL: nothing behind it */
	pb_atomic_t refcount;
	pb_atomic_t pincount;
	uint32_t order; /* head page: the folio has 1 << order pages */
#if UINTPTR_MAX > 0xffffffffu
	uint32_t pad;
	uint64_t pad2; /* the kernel has mapping and index, too */
#endif
	void *priv; /* the page cache's, see pagecache.h */
};

PB_STATIC_ASSERT(sizeof(void *) == 4 || sizeof(struct pb_page) == 64,
		 "a page struct is one cache line, as in the kernel");

/* A folio is its head page, seen as a whole. Source: struct folio */
struct pb_folio {
	struct pb_page page;
};

#include <physbio/memmodel.h>

/* Is it memory of a P2P provider? Source: is_pci_p2pdma_page() */
static inline bool pb_page_is_p2pdma(const struct pb_page *page)
{
	return page->flags & PB_PG_p2pdma;
}

/* The P2P provider of a page, NULL for RAM. */
static inline const struct physbio_region *
pb_page_region(const struct pb_page *page)
{
	return pb_page_is_p2pdma(page) ? page->pgmap->region : NULL;
}

/* The allocator's both, or one provider's. Source: zone_device_pages_have_same_pgmap() */
static inline bool pb_page_same_kind(const struct pb_page *a,
				     const struct pb_page *b)
{
	if ((a->flags ^ b->flags) & PB_PG_zone_device)
		return false;
	return !(a->flags & PB_PG_zone_device) || a->pgmap == b->pgmap;
}

/**
 * pb_compound_head() - the first page of the folio that a page belongs to
 * @page: any page
 *
 * Context: any. Return: the head page; @page itself outside folios.
 * Source: compound_head()
 */
static inline struct pb_page *pb_compound_head(struct pb_page *page)
{
	if (page->compound_head & 1)
		return (struct pb_page *)(page->compound_head - 1);
	return page;
}

#endif

/**
 * pb_page_to_phys() - physical address of a page's first byte
 * @page: a page of the memory map
 *
 * Context: any. Return: physical address in bytes.
 * Source: page_to_phys()
 */
static inline pb_phys_addr_t pb_page_to_phys(const struct pb_page *page)
{
	pb_count(PHYSBIO_PAGE_TO_PHYS);
	return (pb_phys_addr_t)pb_page_to_pfn(page) << PB_PAGE_SHIFT;
}

/**
 * pb_phys_to_page() - the page struct of a physical address
 * @paddr: physical address in bytes, of RAM or of a region with pages; not
 *	checked (see physbio_mem_page() for one that is)
 *
 * Context: any. Return: the page, with no reference taken.
 * Source: phys_to_page()
 */
static inline struct pb_page *pb_phys_to_page(pb_phys_addr_t paddr)
{
	pb_count(PHYSBIO_PHYS_TO_PAGE);
	return pb_pfn_to_page((unsigned long)(paddr >> PB_PAGE_SHIFT));
}

/**
 * physbio_page_run() - how far pointer arithmetic goes from a page
 * @page: first page
 * @pfn: its frame, which whoever has just looked it up has at hand
 * @nr: pages from there on, all of which exist; not 0
 *
 * Under FLATMEM and VMEMMAP page structs are one array. Under SPARSEMEM each section
 * has an array of its own, and the one of the next section may lie anywhere: a physical
 * range goes on there, page + n does not. A vector of pages never spans such a seam, as
 * pages that don't follow each other are not merged; a vector of a physical address may
 * (merging knows addresses alone), and whoever resolves it looks up again at the seam.
 *
 * Nothing is read if all of them are in one section.
 *
 * Context: any. Return: n from 1 to @nr; @page + i is the page of frame @pfn + i for all
 * i < n, and if n < @nr, not for i == n.
 */
static inline unsigned long physbio_page_run(const struct pb_page *page,
					     unsigned long pfn,
					     unsigned long nr)
{
	return physbio_model_page_run(page, pfn, nr);
}

/**
 * pb_page_range_contiguous() - do the structs of pages follow each other?
 * @page: first page
 * @nr_pages: how many, all of which exist; not 0
 *
 * Context: any. Return: whether @page + i is the page of the i-th frame for all of them.
 * Source: page_range_contiguous()
 */
static inline bool pb_page_range_contiguous(const struct pb_page *page,
					    unsigned long nr_pages)
{
	return physbio_page_run(page, pb_page_to_pfn(page), nr_pages) ==
	       nr_pages;
}

#ifdef __cplusplus
}
#endif

#endif
