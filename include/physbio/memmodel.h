/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory models: how a frame number becomes a page struct and back. Each is a set
 * of inline functions physbio_MODEL_...(); a build converts by one of them, chosen by
 * PB_MEMMODEL, and struct physbio_memmodel gives them all at run time. What a lookup
 * starts from is set by physbio_mem_create() and stands here; who lays page structs out
 * is src/user/memmodel.c. It knows nothing of what is in a page. In the kernel, the
 * kernel's own model takes the place of this file.
 */
#ifndef PHYSBIO_PAGE_H
#include <physbio/page.h> /* includes this file in turn, where it can be used */
#elif !defined(PHYSBIO_MEMMODEL_H)
#define PHYSBIO_MEMMODEL_H

#include <physbio/pfntree.h>

/* The models, under the names that PB_MEMMODEL may have. */
enum physbio_memmodel_id {
	PHYSBIO_MEMMODEL_flatmem, /* one array from frame 0 on */
	PHYSBIO_MEMMODEL_sparsemem, /* a table of sections */
	PHYSBIO_MEMMODEL_sparsemem_extreme, /* the same in two levels */
	PHYSBIO_MEMMODEL_vmemmap, /* one array of virtual addresses, with holes */
	PHYSBIO_MEMMODEL_radix, /* a radix tree of ranges */
	PHYSBIO_MEMMODEL_range, /* a balanced tree of ranges */
	PHYSBIO_MEMMODEL_memdesc, /* a page is a word; not for PB_MEMMODEL */
	PHYSBIO_NR_MEMMODELS,
};

/* A set of models, as struct physbio_mem_options has it. */
#define PHYSBIO_MEMMODEL_BIT(id) (1u << PHYSBIO_MEMMODEL_##id)

/* --- sections --- */

/* Physical space in bits of an address. Source: MAX_PHYSMEM_BITS */
#if defined(PB_PHYS_ADDR_BITS) && PB_PHYS_ADDR_BITS == 32
#define PB_MAX_PHYSMEM_BITS 32
#elif UINTPTR_MAX > 0xffffffffu
#define PB_MAX_PHYSMEM_BITS 52
#else
#define PB_MAX_PHYSMEM_BITS 36
#endif

/* 128 MiB as on x86-64 and arm64; 512 MiB with pages of 64 KiB, as on arm64. */
#define PB_SECTION_SIZE_BITS (PB_PAGE_SHIFT == 16 ? 29 : 27)
#define PB_PFN_SECTION_SHIFT (PB_SECTION_SIZE_BITS - PB_PAGE_SHIFT)
#define PB_PAGES_PER_SECTION (1ul << PB_PFN_SECTION_SHIFT)
#define PB_SECTIONS_SHIFT (PB_MAX_PHYSMEM_BITS - PB_SECTION_SIZE_BITS)
#define PB_NR_MEM_SECTIONS (1ul << PB_SECTIONS_SHIFT)

/* What can be there or not within a section: 2 MiB. Source: SUBSECTION_SHIFT */
#define PB_PFN_SUBSECTION_SHIFT (21 - PB_PAGE_SHIFT)
#define PB_PAGES_PER_SUBSECTION (1ul << PB_PFN_SUBSECTION_SHIFT)
#define PB_SUBSECTIONS_PER_SECTION (1u << (PB_SECTION_SIZE_BITS - 21))

/* The number of a page's section is in the highest bits of its flags. */
#define PB_SECTIONS_PGSHIFT (sizeof(unsigned long) * 8 - PB_SECTIONS_SHIFT)

/* Source: struct mem_section_usage */
struct pb_mem_section_usage {
	/* a bit for each subsection that has pages */
	uint32_t subsection_map[(PB_SUBSECTIONS_PER_SECTION + 31) / 32];
};

/*
 * A section that is not there is all zero. Another has the address that the page
 * struct of frame 0 would have if this section's array went down so far: one addition
 * gives a page then, one subtraction a frame. Source: struct mem_section
 */
struct pb_mem_section {
	uintptr_t section_mem_map; /* that address, and PB_SECTION_PRESENT */
	struct pb_mem_section_usage *usage;
};

#define PB_SECTION_PRESENT ((uintptr_t)1)

/* One level of the table of SPARSEMEM EXTREME fills a page of 4 KiB. */
#define PB_SECTIONS_PER_ROOT (4096 / sizeof(struct pb_mem_section))

/* Where lookups start. NULL or 0: that model is not there, see struct physbio_mem_options. */
struct physbio_memmap {
	struct pb_page *mem_map; /* FLATMEM: page struct of frame 0 */
	unsigned long max_mapnr; /* frames from 0 on that mem_map has */
	const uint32_t *subsections; /* FLATMEM: a bit for each that has pages */
	struct pb_mem_section *section; /* SPARSEMEM, by number */
	struct pb_mem_section **roots; /* SPARSEMEM EXTREME and VMEMMAP */
	struct physbio_radix radix; /* frame -> as section_mem_map */
	struct physbio_range_tree ranges; /* the same */
	struct physbio_memdesc *memdescs; /* that of frame 0 */
	struct physbio_range_tree pagemaps; /* frame -> struct pb_dev_pagemap */
};

extern PB_API struct physbio_memmap physbio_memmap;

/*
 * The page struct of frame 0, whether that frame exists or not. Set by
 * physbio_mem_create(); a variable, as on kernels with KASLR.
 */
extern PB_API struct pb_page *pb_vmemmap;

/* Source: pfn_to_section_nr() */
static inline unsigned long pb_pfn_to_section_nr(unsigned long pfn)
{
	return pfn >> PB_PFN_SECTION_SHIFT;
}

/* Source: memdesc_section(), page_to_section() before */
static inline unsigned long pb_page_to_section(const struct pb_page *page)
{
	return page->flags >> PB_SECTIONS_PGSHIFT;
}

static inline struct pb_page *physbio_map_page(uintptr_t map, unsigned long pfn)
{
	return (struct pb_page *)(map - PB_SECTION_PRESENT) + pfn;
}

static inline unsigned long physbio_map_pfn(uintptr_t map,
					    const struct pb_page *page)
{
	return (unsigned long)(page -
			       (struct pb_page *)(map - PB_SECTION_PRESENT));
}

static inline bool physbio_section_has(const struct pb_mem_section *section,
				       unsigned long pfn)
{
	unsigned int bit = (unsigned int)(pfn >> PB_PFN_SUBSECTION_SHIFT) &
			   (PB_SUBSECTIONS_PER_SECTION - 1);

	return section && (section->section_mem_map & PB_SECTION_PRESENT) &&
	       (__atomic_load_n(&section->usage->subsection_map[bit / 32],
				__ATOMIC_SEQ_CST) >>
			(bit % 32) &
		1);
}

/* Is the frame within physical space at all? */
static inline bool physbio_pfn_in_space(unsigned long pfn)
{
	return !((uint64_t)pfn >> (PB_MAX_PHYSMEM_BITS - PB_PAGE_SHIFT));
}

/* --- FLATMEM --- */

static inline struct pb_page *physbio_flatmem_pfn_to_page(unsigned long pfn)
{
	return physbio_memmap.mem_map + pfn;
}

static inline unsigned long
physbio_flatmem_page_to_pfn(const struct pb_page *page)
{
	return (unsigned long)(page - physbio_memmap.mem_map);
}

/*
 * The kernel's FLATMEM has page structs for holes, marked reserved. Here a bitmap says
 * where they would be, so that they take no memory.
 */
static inline bool physbio_flatmem_pfn_valid(unsigned long pfn)
{
	unsigned long nr = pfn >> PB_PFN_SUBSECTION_SHIFT;

	return pfn < physbio_memmap.max_mapnr &&
	       (__atomic_load_n(&physbio_memmap.subsections[nr / 32],
				__ATOMIC_SEQ_CST) >>
			(nr % 32) &
		1);
}

/* --- SPARSEMEM --- */

static inline struct pb_mem_section *physbio_sparsemem_section(unsigned long nr)
{
	return &physbio_memmap.section[nr];
}

static inline struct pb_page *physbio_sparsemem_pfn_to_page(unsigned long pfn)
{
	return physbio_map_page(
		physbio_sparsemem_section(pb_pfn_to_section_nr(pfn))
			->section_mem_map,
		pfn);
}

static inline unsigned long
physbio_sparsemem_page_to_pfn(const struct pb_page *page)
{
	return physbio_map_pfn(
		physbio_sparsemem_section(pb_page_to_section(page))
			->section_mem_map,
		page);
}

static inline bool physbio_sparsemem_pfn_valid(unsigned long pfn)
{
	return physbio_pfn_in_space(pfn) &&
	       physbio_section_has(
		       physbio_sparsemem_section(pb_pfn_to_section_nr(pfn)),
		       pfn);
}

/* --- SPARSEMEM EXTREME --- */

/* NULL if the whole root is missing. Source: __nr_to_section() */
static inline struct pb_mem_section *
physbio_sparsemem_extreme_section(unsigned long nr)
{
	struct pb_mem_section *root =
		physbio_memmap.roots[nr / PB_SECTIONS_PER_ROOT];

	return root ? &root[nr % PB_SECTIONS_PER_ROOT] : NULL;
}

static inline struct pb_page *
physbio_sparsemem_extreme_pfn_to_page(unsigned long pfn)
{
	return physbio_map_page(
		physbio_sparsemem_extreme_section(pb_pfn_to_section_nr(pfn))
			->section_mem_map,
		pfn);
}

static inline unsigned long
physbio_sparsemem_extreme_page_to_pfn(const struct pb_page *page)
{
	return physbio_map_pfn(
		physbio_sparsemem_extreme_section(pb_page_to_section(page))
			->section_mem_map,
		page);
}

static inline bool physbio_sparsemem_extreme_pfn_valid(unsigned long pfn)
{
	return physbio_pfn_in_space(pfn) &&
	       physbio_section_has(physbio_sparsemem_extreme_section(
					   pb_pfn_to_section_nr(pfn)),
				   pfn);
}

/* --- VMEMMAP --- */

static inline struct pb_page *physbio_vmemmap_pfn_to_page(unsigned long pfn)
{
	return pb_vmemmap + pfn;
}

static inline unsigned long
physbio_vmemmap_page_to_pfn(const struct pb_page *page)
{
	return (unsigned long)(page - pb_vmemmap);
}

/* The sections are there with VMEMMAP too, but for this question alone. */
static inline bool physbio_vmemmap_pfn_valid(unsigned long pfn)
{
	return physbio_sparsemem_extreme_pfn_valid(pfn);
}

/* --- trees: what may come; the way back is that of SPARSEMEM --- */

static inline struct pb_page *physbio_radix_pfn_to_page(unsigned long pfn)
{
	pb_count(PHYSBIO_LOOKUP);
	return physbio_map_page(physbio_radix_find(&physbio_memmap.radix, pfn),
				pfn);
}

static inline unsigned long
physbio_radix_page_to_pfn(const struct pb_page *page)
{
	return physbio_sparsemem_extreme_page_to_pfn(page);
}

static inline bool physbio_radix_pfn_valid(unsigned long pfn)
{
	return physbio_radix_find(&physbio_memmap.radix, pfn);
}

static inline struct pb_page *physbio_range_pfn_to_page(unsigned long pfn)
{
	pb_count(PHYSBIO_LOOKUP);
	return physbio_map_page(
		physbio_range_tree_find(&physbio_memmap.ranges, pfn), pfn);
}

static inline unsigned long
physbio_range_page_to_pfn(const struct pb_page *page)
{
	return physbio_sparsemem_extreme_page_to_pfn(page);
}

static inline bool physbio_range_pfn_valid(unsigned long pfn)
{
	return physbio_range_tree_find(&physbio_memmap.ranges, pfn);
}

/* --- memdescs: what may come --- */

/*
 * All that is left of a page then: a word with the address of what describes the memory
 * that the page is in, and its type in the low bits. A folio's descriptor is struct
 * pb_folio, of which there is one for the whole folio.
 */
struct physbio_memdesc {
	uintptr_t word; /* 0: no memory */
};

#define PHYSBIO_MEMDESC_TYPE ((uintptr_t)3)
#define PHYSBIO_MEMDESC_FOLIO ((uintptr_t)1)

static inline struct physbio_memdesc *
physbio_memdesc_pfn_to_page(unsigned long pfn)
{
	return physbio_memmap.memdescs + pfn;
}

static inline unsigned long
physbio_memdesc_page_to_pfn(const struct physbio_memdesc *page)
{
	return (unsigned long)(page - physbio_memmap.memdescs);
}

static inline bool physbio_memdesc_pfn_valid(unsigned long pfn)
{
	return physbio_sparsemem_extreme_pfn_valid(pfn);
}

static inline unsigned long
physbio_memdesc_page_run(const struct physbio_memdesc *page, unsigned long pfn,
			 unsigned long nr)
{
	(void)page;
	(void)pfn;
	return nr;
}

/* NULL: the memory is no folio. */
static inline struct pb_folio *
physbio_memdesc_folio(const struct physbio_memdesc *page)
{
	uintptr_t word = page->word;

	if ((word & PHYSBIO_MEMDESC_TYPE) != PHYSBIO_MEMDESC_FOLIO)
		return NULL;
	return (struct pb_folio *)(word - PHYSBIO_MEMDESC_FOLIO);
}

/* --- how far pointer arithmetic goes --- */

/*
 * Arrays belong to sections, so only at their edges need one look whether the next
 * array follows. @page + n is never read.
 */
static inline __attribute__((always_inline)) unsigned long
physbio_sections_page_run(const struct pb_page *page, unsigned long pfn,
			  unsigned long nr,
			  struct pb_page *(*pfn_to_page)(unsigned long pfn))
{
	unsigned long n =
		PB_PAGES_PER_SECTION - (pfn & (PB_PAGES_PER_SECTION - 1));

	while (n < nr && pfn_to_page(pfn + n) == page + n)
		n += PB_PAGES_PER_SECTION;
	return n < nr ? n : nr;
}

static inline unsigned long physbio_flatmem_page_run(const struct pb_page *page,
						     unsigned long pfn,
						     unsigned long nr)
{
	(void)page;
	(void)pfn;
	return nr;
}

static inline unsigned long physbio_vmemmap_page_run(const struct pb_page *page,
						     unsigned long pfn,
						     unsigned long nr)
{
	(void)page;
	(void)pfn;
	return nr;
}

#define PHYSBIO_SECTIONS_PAGE_RUN(model)                               \
	static inline unsigned long physbio_##model##_page_run(        \
		const struct pb_page *page, unsigned long pfn,         \
		unsigned long nr)                                      \
	{                                                              \
		return physbio_sections_page_run(                      \
			page, pfn, nr, physbio_##model##_pfn_to_page); \
	}
PHYSBIO_SECTIONS_PAGE_RUN(sparsemem)
PHYSBIO_SECTIONS_PAGE_RUN(sparsemem_extreme)
PHYSBIO_SECTIONS_PAGE_RUN(radix)
PHYSBIO_SECTIONS_PAGE_RUN(range)
#undef PHYSBIO_SECTIONS_PAGE_RUN

/* --- a model at run time --- */

/*
 * What a page descriptor is depends on the model: struct physbio_memdesc for memdesc,
 * struct pb_page for the others. The functions are those above.
 */
struct physbio_memmodel {
	const char *name; /* as PB_MEMMODEL has it */
	size_t page_size; /* bytes of a page descriptor */
	void *(*pfn_to_page)(unsigned long pfn);
	unsigned long (*page_to_pfn)(const void *page);
	bool (*pfn_valid)(unsigned long pfn);
	unsigned long (*page_run)(const void *page, unsigned long pfn,
				  unsigned long nr);
	/* The folio of a page that exists. */
	struct pb_folio *(*page_folio)(const void *page);
	/* Checked: NULL for any physical address that has no page. */
	void *(*page_at)(pb_phys_addr_t paddr);
};

/**
 * physbio_memmodel() - a memory model
 * @id: which
 *
 * Context: any. Return: the model; NULL if the memory map that exists is not laid out
 * for it, or @id is none.
 */
PB_API const struct physbio_memmodel *
physbio_memmodel(enum physbio_memmodel_id id);

/**
 * physbio_memmodel_range() - the first page of a physical range, checked
 * @model: memory model of the map that exists
 * @paddr: physical address of the first byte
 * @len: bytes
 * @page: page descriptor of the first page
 *
 * Looks at every page. Whether their descriptors follow each other is another question,
 * see page_run.
 *
 * Context: any. Return: 0; -EINVAL if @len is 0; -EFAULT if a page is missing: a hole, a
 * device's memory without pages, beyond the end. @page is written on success alone.
 */
PB_API int physbio_memmodel_range(const struct physbio_memmodel *model,
				  pb_phys_addr_t paddr, uint64_t len,
				  void **page);

/* --- the model of this build --- */

#ifndef PB_MEMMODEL
#define PB_MEMMODEL vmemmap
#endif

#define PHYSBIO_MODEL_JOIN(a, b, c) a##b##c
#define PHYSBIO_MODEL_NAME(a, b, c) PHYSBIO_MODEL_JOIN(a, b, c)
#define PHYSBIO_MODEL(function) \
	PHYSBIO_MODEL_NAME(physbio_, PB_MEMMODEL, _##function)
#define PHYSBIO_THE_MEMMODEL \
	PHYSBIO_MODEL_NAME(PHYSBIO_MEMMODEL_, PB_MEMMODEL, )

/**
 * pb_pfn_to_page() - the page struct of a frame
 * @pfn: frame number of RAM or of a region with pages; not checked
 *
 * Context: any. Return: the page, with no reference taken. Source: pfn_to_page()
 */
static inline struct pb_page *pb_pfn_to_page(unsigned long pfn)
{
	return PHYSBIO_MODEL(pfn_to_page)(pfn);
}

/* pb_page_to_pfn() - the other way. Source: page_to_pfn() */
static inline unsigned long pb_page_to_pfn(const struct pb_page *page)
{
	return PHYSBIO_MODEL(page_to_pfn)(page);
}

/**
 * pb_pfn_valid() - is there a page struct for a frame?
 * @pfn: any frame number
 *
 * A page struct that can be read; of the subsections that have memory in part, that of
 * a hole too, which is marked PB_PG_reserved then.
 *
 * Context: any. Source: pfn_valid()
 */
static inline bool pb_pfn_valid(unsigned long pfn)
{
	return PHYSBIO_MODEL(pfn_valid)(pfn);
}

/* physbio_page_run() of the model, see page.h. */
static inline unsigned long physbio_model_page_run(const struct pb_page *page,
						   unsigned long pfn,
						   unsigned long nr)
{
	return PHYSBIO_MODEL(page_run)(page, pfn, nr);
}

#endif
