/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the memory map answers to the rest of src/user, and what it asks for: page
 * structs, and the tables that they are found by.
 */
#ifndef PHYSBIO_USER_MEM_INTERNAL_H
#define PHYSBIO_USER_MEM_INTERNAL_H

#include <physbio/mem.h>
#include <physbio/page.h>

struct mem_range {
	struct physbio_mem_range range;
	char *bytes; /* NULL: only what is attached */
};

/* The last byte. */
static inline pb_phys_addr_t
physbio_range_last(const struct physbio_mem_range *r)
{
	return r->start + (pb_phys_addr_t)(r->size - 1);
}

/* The page of an address in the map that exists; NULL if there is none. */
struct pb_page *physbio_the_mem_page(pb_phys_addr_t paddr);

/* One pin on the folio of a page. 0, or -EOVERFLOW if it has too many. */
int physbio_page_pin(struct pb_page *page);

/*
 * Page structs of @ranges, which are ascending and checked, and what @options ask for
 * to find them by. -ENOMEM: nothing is left behind.
 */
int physbio_memmap_make(const struct mem_range *ranges, unsigned int nr,
			const struct physbio_mem_options *options);
void physbio_memmap_free(void);

/* Bytes of page structs and tables. */
uint64_t physbio_memmap_bytes(void);

/* Pages from @pfn on are a folio now: what else than page structs must know it? */
void physbio_memmap_folio(unsigned long pfn, unsigned long nr);

/* The page struct of a frame that exists, whatever the map is laid out for. */
static inline struct pb_page *physbio_the_page(pb_phys_addr_t paddr)
{
	return physbio_sparsemem_extreme_pfn_to_page(
		(unsigned long)(paddr >> PB_PAGE_SHIFT));
}

/* Memory on its node, where there are nodes. */
void physbio_place(void *addr, size_t size, int nid);

#endif
