/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct pb_page: what the kernel keeps for every page frame, and the way from a
 * physical address to it and back (VMEMMAP: the page structs form one array over
 * physical space, whose base is a variable). In the kernel this is the kernel's
 * own struct page. Who owns the memory behind a page is mem.h's business.
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
#include <linux/mm.h>

struct physbio_region;

static inline pb_phys_addr_t pb_page_to_phys(const struct page *page)
{
	return page_to_phys(page);
}

static inline struct page *pb_phys_to_page(pb_phys_addr_t paddr)
{
	return pfn_to_page(PHYS_PFN(paddr));
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

/* Bits of pb_page.flags. */
enum pb_pageflags {
	PB_PG_head = 1u << 0, /* first page of a folio of more than one */
	PB_PG_dirty = 1u << 1,
	PB_PG_zone_device = 1u << 2, /* owned by pgmap, not by the allocator */
	PB_PG_locked = 1u << 3,
	PB_PG_p2pdma = 1u << 4, /* and pgmap is a P2P provider's region */
};

struct physbio_region;

/*
 * 64 bytes on 64-bit, like the kernel's. All zero is a page of its own that nobody
 * refers to. refcount and pincount belong to the head page of a folio; of a tail
 * page only compound_head and virt are looked at.
 */
struct pb_page {
	unsigned long flags; /* PB_PG_*, changed atomically */
	uintptr_t compound_head; /* tail page: head page | 1, else 0 */
	const void *pgmap; /* PB_PG_zone_device: what provides this memory */
	void *virt; /* the page's bytes, or NULL: nothing behind it */
	pb_atomic_t refcount;
	pb_atomic_t pincount;
	uint32_t order; /* head page: the folio has 1 << order pages */
#if UINTPTR_MAX > 0xffffffffu
	uint32_t pad;
	uint64_t priv[2]; /* the users', as mapping and index are */
#endif
};

PB_STATIC_ASSERT(sizeof(void *) == 4 || sizeof(struct pb_page) == 64,
		 "a page struct is one cache line, as in the kernel");

/* A folio is its head page, seen as a whole. Source: struct folio */
struct pb_folio {
	struct pb_page page;
};

/*
 * The page struct of frame 0, whether that frame exists or not. Set by
 * physbio_mem_create(); a variable, as on kernels with KASLR.
 */
extern PB_API struct pb_page *pb_vmemmap;

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
	return (pb_phys_addr_t)(page - pb_vmemmap) << PB_PAGE_SHIFT;
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
	return pb_vmemmap + (paddr >> PB_PAGE_SHIFT);
}

/* Is it memory of a P2P provider? Source: is_pci_p2pdma_page() */
static inline bool pb_page_is_p2pdma(const struct pb_page *page)
{
	return page->flags & PB_PG_p2pdma;
}

/* The P2P provider of a page, NULL for RAM. */
static inline const struct physbio_region *
pb_page_region(const struct pb_page *page)
{
	return pb_page_is_p2pdma(page) ?
		       (const struct physbio_region *)page->pgmap :
		       NULL;
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

#ifdef __cplusplus
}
#endif

#endif
