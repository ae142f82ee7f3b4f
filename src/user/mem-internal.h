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
	int gone; /* unplugged: no page struct, no bytes; changed atomically */
};

struct physbio_mem {
	unsigned int nr;
	struct mem_range ranges[]; /* ascending */
};

/* The last byte. */
static inline pb_phys_addr_t
physbio_range_last(const struct physbio_mem_range *r)
{
	return r->start + (pb_phys_addr_t)(r->size - 1);
}

/* The page of an address in the map that exists; NULL if there is none. */
struct pb_page *physbio_the_mem_page(pb_phys_addr_t paddr);

/* The range of an address, gone or not; NULL if none ever was there. */
struct mem_range *physbio_mem_range(struct physbio_mem *mem,
				    pb_phys_addr_t paddr);

/* Who provides an address of the map that exists, RAM too; NULL if nobody does. */
struct pb_dev_pagemap *physbio_the_pagemap(pb_phys_addr_t paddr);

/* The same with a reference; NULL also if it is killed. */
struct pb_dev_pagemap *physbio_the_pagemap_get(pb_phys_addr_t paddr);

/* Is the address one that it provides? */
static inline bool physbio_pagemap_has(const struct pb_dev_pagemap *pgmap,
				       pb_phys_addr_t paddr)
{
	return paddr - pgmap->start < pgmap->size;
}

/* Where this thread counts. Threads share a slot if there are many. */
unsigned int physbio_ref_slot(void);

/*
 * One pin on the folio of the page at @paddr. 0; -EFAULT if nothing is plugged in there;
 * -EREMOTEIO for a peer's memory, unless @peer_ok; -EOVERFLOW if it has too many.
 */
int physbio_frame_pin(pb_phys_addr_t paddr, bool peer_ok,
		      struct pb_page **page);

/*
 * Page structs of @ranges, which are ascending and checked, and what @options ask for
 * to find them by. -ENOMEM: nothing is left behind.
 */
int physbio_memmap_make(const struct mem_range *ranges, unsigned int nr,
			const struct physbio_mem_options *options);
void physbio_memmap_free(void);

/* The pagemap of a range, by number. */
struct pb_dev_pagemap *physbio_memmap_pagemap(unsigned int i);

/* Can ranges come and go in the models that there are? */
bool physbio_memmap_can_change(void);

/* Say of the frames of a range that they are not valid any more. */
void physbio_memmap_offline(unsigned int i);

/* Take the page structs of a range away; nobody knows them any more. As above. */
bool physbio_memmap_remove(unsigned int i);

/* New page structs for a range that was removed. -ENOMEM: it stays removed. */
int physbio_memmap_add(unsigned int i);

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

/*
 * What is there is lost, and whoever touches it faults. Whole pages of the host. False:
 * the host refused one of the two.
 */
bool physbio_close(void *addr, size_t size);

/*
 * Wait until all I/O that began under the epoch lifetime before the call has ended, but
 * not beyond a time of physbio_jiffies(). False: some has not.
 */
bool physbio_epoch_synchronize(const unsigned long *deadline);

/* Wait for all read sections that began before the call. */
void physbio_read_synchronize(void);

/* Memory on its node, where there are nodes. */
void physbio_place(void *addr, size_t size, int nid);

#endif
