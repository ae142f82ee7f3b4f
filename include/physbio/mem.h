/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model of a machine's memory: which physical ranges are RAM or a device's
 * BAR, a page struct for every page of them, and the bytes behind each page. One
 * exists at a time, as on a machine. It knows no device and no bus address.
 */
#ifndef PHYSBIO_MEM_H
#define PHYSBIO_MEM_H

#include <physbio/error.h>
#include <physbio/page.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct physbio_mem;
struct physbio_region;

enum physbio_mem_kind {
	PHYSBIO_MEM_RAM, /* bytes come with the first touch of the model */
	PHYSBIO_MEM_RAM_EMPTY, /* nothing behind it until physbio_mem_attach() */
	PHYSBIO_MEM_BAR, /* device memory with pages (ZONE_DEVICE) */
	PHYSBIO_MEM_DAX, /* the same, but no peer's: it is used like RAM */
};

struct physbio_mem_range {
	pb_phys_addr_t start; /* physical address, multiple of the page size */
	uint64_t size; /* bytes, multiple of the page size, not 0 */
	enum physbio_mem_kind kind;
	int nid; /* NUMA node for page structs and bytes; -1: any */
	/* PHYSBIO_MEM_BAR: provider; the caller keeps it. NULL otherwise. */
	const struct physbio_region *region;
};

/* How page structs lie, and what they can be found by: see memmodel.h. */
struct physbio_mem_options {
	unsigned int models; /* PHYSBIO_MEMMODEL_BIT() of each, not 0 */
	/*
	 * 0: page structs are one array, as VMEMMAP and FLATMEM need them. n: after
	 * every n sections that exist there is nothing where the next page struct would
	 * be, as it may happen under SPARSEMEM.
	 */
	unsigned int sections_apart;
};

/**
 * physbio_mem_create() - make the memory map, for the model of this build
 * @ranges: ranges in any order
 * @nr: how many
 * @mem: the map
 * @error: filled on failure; may be NULL
 *
 * Context: may sleep; not from two threads at once. Return: 0; -EINVAL if a range is
 * empty, unaligned, wraps, goes beyond physical space (PB_MAX_PHYSMEM_BITS) or overlaps
 * another; -EBUSY if a map exists; -ENOMEM.
 */
PB_API int physbio_mem_create(const struct physbio_mem_range *ranges,
			      unsigned int nr, struct physbio_mem **mem,
			      struct physbio_error *error);

/**
 * physbio_mem_create_for() - make the memory map, for several models
 * @ranges: ranges in any order
 * @nr: how many
 * @options: models, and how page structs lie; not kept
 * @mem: the map
 * @error: filled on failure; may be NULL
 *
 * A page struct costs nothing until it is touched, but for all models other than
 * VMEMMAP and FLATMEM each page struct of the map is written to.
 *
 * Context: may sleep; not from two threads at once. Return: as physbio_mem_create();
 * -EINVAL too if no model is asked for or one that there is not, or if page structs shall
 * lie apart for a model that needs one array.
 */
PB_API int physbio_mem_create_for(const struct physbio_mem_range *ranges,
				  unsigned int nr,
				  const struct physbio_mem_options *options,
				  struct physbio_mem **mem,
				  struct physbio_error *error);

/**
 * physbio_mem_overhead() - what the map itself takes
 * @mem: map
 *
 * Context: any. Return: bytes of page structs and of the tables that they are found by,
 * at most; not the bytes behind pages.
 */
PB_API uint64_t physbio_mem_overhead(const struct physbio_mem *mem);

/**
 * physbio_mem_destroy() - free the map and the bytes that came with it
 * @mem: map, or NULL; no I/O may be in flight. What was attached stays the
 *	caller's.
 *
 * Context: may sleep.
 */
PB_API void physbio_mem_destroy(struct physbio_mem *mem);

/**
 * physbio_mem_page() - the page struct of a physical address, checked
 * @mem: map
 * @paddr: any physical address
 *
 * Context: any. Return: the page, with no reference taken; NULL if there is none.
 */
PB_API struct pb_page *physbio_mem_page(const struct physbio_mem *mem,
					pb_phys_addr_t paddr);

/**
 * physbio_mem_virt() - the bytes behind a physical address
 * @mem: map
 * @paddr: any physical address
 *
 * Context: any. Return: pointer, good up to the end of the page; NULL if there
 * are none.
 */
PB_API void *physbio_mem_virt(const struct physbio_mem *mem,
			      pb_phys_addr_t paddr);

/**
 * physbio_mem_attach() - put the caller's memory behind a page
 * @mem: map
 * @paddr: physical address, multiple of the page size, of a RAM_EMPTY page
 * @virt: a page of the caller's, kept until physbio_mem_destroy() or until NULL
 *	is attached
 *
 * Context: any. Return: 0; -EINVAL if @paddr is unaligned or no such page; -EEXIST
 * if the page has memory already.
 */
PB_API int physbio_mem_attach(struct physbio_mem *mem, pb_phys_addr_t paddr,
			      void *virt);

/**
 * physbio_mem_make_folio() - join pages to a folio
 * @mem: map
 * @paddr: physical address of the first page, multiple of the folio's size
 * @order: the folio has 1 << @order pages
 *
 * Context: any. Return: 0; -EINVAL if a page is missing, unaligned, pinned or in
 * a folio already, or if the page structs don't follow each other.
 */
PB_API int physbio_mem_make_folio(struct physbio_mem *mem, pb_phys_addr_t paddr,
				  unsigned int order);

/**
 * physbio_mem_pin() - pin every page of a range, as pin_user_pages() would
 * @mem: map
 * @paddr: physical address of the first byte
 * @len: bytes
 *
 * One pin of the page's folio for each page touched. Context: any. Return: 0, or
 * -EFAULT and no pin taken if a page is missing or its range offline, -EOVERFLOW
 * likewise.
 */
PB_API int physbio_mem_pin(struct physbio_mem *mem, pb_phys_addr_t paddr,
			   uint64_t len);

/**
 * physbio_mem_underflows() - were pins dropped that nobody had?
 * @error: of the first one: the folio, its physical address, what it had; may be NULL
 *
 * Who unpins has no way to say no. A counter that would fall below 0 is left as it is,
 * and counted here. Asking sets the count back.
 *
 * Context: any. Return: how often since it was last asked.
 */
PB_API uint64_t physbio_mem_underflows(struct physbio_error *error);

/**
 * physbio_mem_nid() - the NUMA node that a page struct is on
 * @mem: map
 * @paddr: any physical address
 *
 * Context: may sleep. Return: the node; -1 if there is no page, or nobody knows: one
 * node, no libnuma, or the page struct was never touched.
 */
PB_API int physbio_mem_nid(const struct physbio_mem *mem, pb_phys_addr_t paddr);

/**
 * physbio_mem_pinned() - how many pins there are on the folios of a range
 * @mem: map
 * @paddr: physical address of the first byte, of a folio's first page
 * @len: bytes
 *
 * Context: any, nothing in flight. Return: pins, one for each page and pinning.
 */
PB_API uint64_t physbio_mem_pinned(const struct physbio_mem *mem,
				   pb_phys_addr_t paddr, uint64_t len);

/**
 * physbio_mem_write() - copy bytes into the memory of a physical range
 * @mem: map
 * @paddr: physical address of the first byte
 * @buf: bytes
 * @len: how many
 *
 * Context: any. Return: 0; -EFAULT and nothing copied if a page has no bytes.
 */
PB_API int physbio_mem_write(struct physbio_mem *mem, pb_phys_addr_t paddr,
			     const void *buf, size_t len);

/* physbio_mem_read() - the other way. Return: as physbio_mem_write(). */
PB_API int physbio_mem_read(const struct physbio_mem *mem, pb_phys_addr_t paddr,
			    void *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
