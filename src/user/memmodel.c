// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Page structs, and the tables that they are found by under each memory model. Decides
 * where page structs lie: one array over the span of all ranges, or sections apart from
 * each other. Only the parts that exist are accessible and take memory, so a wrong
 * physical address faults at once. It knows nothing of what is behind a page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <physbio/mem.h>

#include "../core/platform.h"
#include "mem-internal.h"

struct physbio_memmap physbio_memmap;
struct pb_page *pb_vmemmap;

/* Reserved address space, of which parts may be accessible. */
struct area {
	char *addr;
	size_t size;
};

/* What there is besides physbio_memmap. */
static struct memmap {
	const struct mem_range *ranges;
	unsigned int nr_ranges;
	struct physbio_mem_options options;
	unsigned long *sections; /* numbers of those that exist, ascending */
	unsigned long nr_sections;
	struct pb_mem_section_usage *usages; /* of each */
	struct pb_dev_pagemap *pagemaps; /* of each range */
	struct area structs, table, roots, subsections, memdescs;
	uint64_t bytes;
} made;

#define SECTION_BYTES (PB_PAGES_PER_SECTION * sizeof(struct pb_page))
#define NR_ROOTS (PB_NR_MEM_SECTIONS / PB_SECTIONS_PER_ROOT + 1)
#define HOST_PAGE 4096 /* of a table that is filled here and there */

/* --- address space --- */

static bool area_reserve(struct area *area, uint64_t size, int prot)
{
	if (size > SIZE_MAX / 2)
		return false;
	area->addr = mmap(NULL, (size_t)size, prot,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area->addr == MAP_FAILED) {
		area->addr = NULL;
		return false;
	}
	area->size = (size_t)size;
	return true;
}

static void area_free(struct area *area)
{
	if (area->addr)
		munmap(area->addr, area->size);
}

/* Host pages around [@addr, @addr + @size). */
static void host_pages(char **addr, size_t *size)
{
	uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uintptr_t start = (uintptr_t)*addr & ~mask;

	*size = (((uintptr_t)*addr + *size + mask) & ~mask) - start;
	*addr = (char *)start;
}

static bool area_open(void *at, size_t size)
{
	char *addr = at;

	host_pages(&addr, &size);
	return !mprotect(addr, size, PROT_READ | PROT_WRITE);
}

/* --- which sections --- */

static unsigned long first_pfn(const struct mem_range *mr)
{
	return (unsigned long)(mr->range.start >> PB_PAGE_SHIFT);
}

static unsigned long last_pfn(const struct mem_range *mr)
{
	return (unsigned long)(physbio_range_last(&mr->range) >> PB_PAGE_SHIFT);
}

/* Writes numbers if there is a place for them. Returns how many. */
static unsigned long list_sections(unsigned long *numbers)
{
	unsigned long n = 0, nr = 0, last;
	unsigned int i;

	for (i = 0; i < made.nr_ranges; i++) {
		nr = max(nr, pb_pfn_to_section_nr(first_pfn(&made.ranges[i])));
		last = pb_pfn_to_section_nr(last_pfn(&made.ranges[i]));
		for (; nr <= last; nr++, n++)
			if (numbers)
				numbers[n] = nr;
	}
	return n;
}

static bool sections_make(void)
{
	made.nr_sections = list_sections(NULL);
	made.sections = calloc(made.nr_sections, sizeof(*made.sections));
	made.usages = calloc(made.nr_sections, sizeof(*made.usages));
	if (!made.sections || !made.usages)
		return false;
	list_sections(made.sections);
	made.bytes += made.nr_sections *
		      (sizeof(*made.sections) + sizeof(*made.usages));
	return true;
}

/* --- where page structs lie --- */

/* In sections from the start of the area. */
static unsigned long section_position(unsigned long i)
{
	if (made.options.sections_apart)
		return i + i / made.options.sections_apart;
	return made.sections[i] - made.sections[0];
}

/* Address of frame 0's page struct, if the array of section @i went down to it. */
static uintptr_t section_map(unsigned long i)
{
	return (uintptr_t)made.structs.addr +
	       section_position(i) * SECTION_BYTES -
	       made.sections[i] * SECTION_BYTES;
}

static bool structs_reserve(void)
{
	uint64_t n = section_position(made.nr_sections - 1) + 1;

	return area_reserve(&made.structs, n * SECTION_BYTES, PROT_NONE);
}

/* --- tables --- */

static bool wants(enum physbio_memmodel_id id)
{
	return made.options.models & 1u << id;
}

/* Frame numbers end with the last section. */
static unsigned long end_pfn(void)
{
	return (made.sections[made.nr_sections - 1] + 1)
	       << PB_PFN_SECTION_SHIFT;
}

static bool tables_reserve(void)
{
	int rw = PROT_READ | PROT_WRITE;

	if (!area_reserve(&made.roots, NR_ROOTS * sizeof(void *), rw))
		return false;
	physbio_memmap.roots = (struct pb_mem_section **)made.roots.addr;
	if (wants(PHYSBIO_MEMMODEL_sparsemem)) {
		if (!area_reserve(&made.table,
				  PB_NR_MEM_SECTIONS *
					  sizeof(struct pb_mem_section),
				  rw))
			return false;
		physbio_memmap.section =
			(struct pb_mem_section *)made.table.addr;
	}
	if (wants(PHYSBIO_MEMMODEL_flatmem)) {
		if (!area_reserve(&made.subsections,
				  (end_pfn() >> PB_PFN_SUBSECTION_SHIFT) / 8 +
					  sizeof(uint32_t),
				  rw))
			return false;
		physbio_memmap.subsections =
			(const uint32_t *)made.subsections.addr;
		physbio_memmap.max_mapnr = end_pfn();
	}
	return true;
}

/* Frame 0's page struct may lie anywhere: it is never touched. */
static void arrays_set(void)
{
	struct pb_page *map = (struct pb_page *)section_map(0);

	if (made.options.sections_apart)
		return;
	if (wants(PHYSBIO_MEMMODEL_vmemmap))
		pb_vmemmap = map;
	if (wants(PHYSBIO_MEMMODEL_flatmem))
		physbio_memmap.mem_map = map;
}

/* Tables are touched a host page at a time: does entry @a begin another than @b? */
static bool other_page(unsigned long a, unsigned long b, size_t size)
{
	return a * size / HOST_PAGE != b * size / HOST_PAGE;
}

static bool section_root(unsigned long i)
{
	unsigned long nr = made.sections[i] / PB_SECTIONS_PER_ROOT;
	struct pb_mem_section **root = &physbio_memmap.roots[nr];

	if (*root)
		return true;
	*root = calloc(PB_SECTIONS_PER_ROOT, sizeof(**root));
	made.bytes += HOST_PAGE * 2; /* it, and its part of the first level */
	return *root;
}

static bool section_add(unsigned long i)
{
	unsigned long nr = made.sections[i];
	struct pb_mem_section section = {
		.section_mem_map = section_map(i) | PB_SECTION_PRESENT,
		.usage = &made.usages[i],
	};

	if (!section_root(i))
		return false;
	*physbio_sparsemem_extreme_section(nr) = section;
	if (!physbio_memmap.section)
		return true;
	if (!i || other_page(nr, made.sections[i - 1], sizeof(section)))
		made.bytes += HOST_PAGE;
	physbio_memmap.section[nr] = section;
	return true;
}

static bool sections_add(void)
{
	unsigned long i;

	for (i = 0; i < made.nr_sections; i++)
		if (!section_add(i))
			return false;
	return true;
}

/* --- what exists of a section --- */

static bool wants_numbers(void)
{
	return made.options.models &
	       ~(PHYSBIO_MEMMODEL_BIT(flatmem) | PHYSBIO_MEMMODEL_BIT(vmemmap) |
		 PHYSBIO_MEMMODEL_BIT(memdesc));
}

static void number_pages(unsigned long pfn)
{
	struct pb_page *page = physbio_sparsemem_extreme_pfn_to_page(pfn);
	unsigned long nr = pb_pfn_to_section_nr(pfn), i;

	for (i = 0; i < PB_PAGES_PER_SUBSECTION; i++)
		page[i].flags |= nr << PB_SECTIONS_PGSHIFT;
}

static void subsection_add(unsigned long pfn)
{
	const struct pb_mem_section *section =
		physbio_sparsemem_extreme_section(pb_pfn_to_section_nr(pfn));
	unsigned long nr = pfn >> PB_PFN_SUBSECTION_SHIFT;
	unsigned int bit = nr & (PB_SUBSECTIONS_PER_SECTION - 1);
	uint32_t *subsections = (uint32_t *)made.subsections.addr;

	if (physbio_section_has(section, pfn))
		return;
	__atomic_fetch_or(&section->usage->subsection_map[bit / 32],
			  UINT32_C(1) << bit % 32, __ATOMIC_RELEASE);
	if (subsections)
		__atomic_fetch_or(&subsections[nr / 32], UINT32_C(1) << nr % 32,
				  __ATOMIC_RELEASE);
	made.bytes += PB_PAGES_PER_SUBSECTION * sizeof(struct pb_page);
	if (wants_numbers())
		number_pages(pfn);
}

#define SUBSECTION(pfn) ((pfn) & ~(PB_PAGES_PER_SUBSECTION - 1))

/* Whole subsections, as far as page structs follow each other at a time. */
static bool range_open(unsigned long pfn, unsigned long end)
{
	unsigned long upto = end;

	for (; pfn < end; pfn = upto) {
		if (made.options.sections_apart)
			upto = min(end, (pfn | (PB_PAGES_PER_SECTION - 1)) + 1);
		if (!area_open(physbio_sparsemem_extreme_pfn_to_page(pfn),
			       (upto - pfn) * sizeof(struct pb_page)))
			return false;
	}
	return true;
}

static bool range_add(const struct mem_range *mr)
{
	unsigned long pfn = SUBSECTION(first_pfn(mr));
	unsigned long end = SUBSECTION(last_pfn(mr)) + PB_PAGES_PER_SUBSECTION;

	if (!range_open(pfn, end))
		return false;
	for (; pfn < end; pfn += PB_PAGES_PER_SUBSECTION)
		subsection_add(pfn);
	return true;
}

/* Page structs of a range lie on its node. Those at its ends may be others' too. */
static void range_place(const struct mem_range *mr)
{
	unsigned long pfn = first_pfn(mr), end = last_pfn(mr) + 1, upto = end;
	size_t size;
	char *addr;

	for (; pfn < end; pfn = upto) {
		if (made.options.sections_apart)
			upto = min(end, (pfn | (PB_PAGES_PER_SECTION - 1)) + 1);
		addr = (char *)physbio_sparsemem_extreme_pfn_to_page(pfn);
		size = (upto - pfn) * sizeof(struct pb_page);
		host_pages(&addr, &size);
		physbio_place(addr, size, mr->range.nid);
	}
}

/* Source: init_unavailable_range() */
static void holes_mark(unsigned long pfn, unsigned long end)
{
	for (; pfn < end; pfn++)
		physbio_sparsemem_extreme_pfn_to_page(pfn)->flags |=
			PB_PG_reserved;
}

/* Holes on both sides of a range, in the subsections that are its own in part. */
static void range_mark_holes(unsigned int i)
{
	const struct mem_range *mr = &made.ranges[i];
	unsigned long first = first_pfn(mr), next = last_pfn(mr) + 1;
	unsigned long from = SUBSECTION(first);
	unsigned long end = SUBSECTION(next - 1) + PB_PAGES_PER_SUBSECTION;

	if (i)
		from = max(from, last_pfn(mr - 1) + 1);
	if (i + 1 < made.nr_ranges)
		end = min(end, first_pfn(mr + 1));
	holes_mark(from, first);
	holes_mark(next, end);
}

/* --- who provides it --- */

static bool is_device(const struct mem_range *mr)
{
	return mr->range.kind == PHYSBIO_MEM_BAR ||
	       mr->range.kind == PHYSBIO_MEM_DAX;
}

/* Pages of device memory point to who provides it. */
static void range_own(unsigned int i)
{
	const struct mem_range *mr = &made.ranges[i];
	bool peer = mr->range.kind == PHYSBIO_MEM_BAR;
	struct pb_dev_pagemap *pgmap = &made.pagemaps[i];
	unsigned long pfn = first_pfn(mr), last = last_pfn(mr);

	if (!is_device(mr))
		return;
	for (; pfn <= last; pfn++) {
		struct pb_page *page =
			physbio_sparsemem_extreme_pfn_to_page(pfn);

		page->flags |= PB_PG_zone_device | (peer ? PB_PG_p2pdma : 0);
		page->pgmap = pgmap;
	}
}

static int pagemaps_find(void)
{
	struct physbio_pfn_range *r = calloc(made.nr_ranges, sizeof(*r));
	unsigned int i;
	unsigned long n = 0;
	int err;

	if (!r)
		return -ENOMEM;
	for (i = 0; i < made.nr_ranges; i++)
		if (is_device(&made.ranges[i]))
			r[n++] = (struct physbio_pfn_range){
				first_pfn(&made.ranges[i]),
				last_pfn(&made.ranges[i]),
				(uintptr_t)&made.pagemaps[i],
			};
	err = physbio_range_tree_build(&physbio_memmap.pagemaps, r, n);
	free(r);
	return err;
}

static bool pagemaps_make(void)
{
	size_t size = made.nr_ranges * sizeof(*made.pagemaps);
	unsigned int i;

	made.pagemaps = aligned_alloc(64, size);
	if (!made.pagemaps)
		return false;
	memset(made.pagemaps, 0, size);
	made.bytes += size;
	for (i = 0; i < made.nr_ranges; i++) {
		made.pagemaps[i].start = made.ranges[i].range.start;
		made.pagemaps[i].size = made.ranges[i].range.size;
		made.pagemaps[i].region = made.ranges[i].range.region;
		range_own(i);
	}
	return !pagemaps_find();
}

/* --- trees --- */

/* The page structs of a range, as ranges whose structs follow each other. */
static unsigned long range_runs(const struct mem_range *mr,
				struct physbio_pfn_range *runs, unsigned long n)
{
	unsigned long pfn = first_pfn(mr), last = last_pfn(mr), upto;

	for (; pfn <= last; pfn = upto + 1) {
		uintptr_t word = physbio_sparsemem_extreme_section(
					 pb_pfn_to_section_nr(pfn))
					 ->section_mem_map;

		upto = min(last, pfn | (PB_PAGES_PER_SECTION - 1));
		if (n && runs[n - 1].last + 1 == pfn &&
		    runs[n - 1].word == word)
			runs[n - 1].last = upto;
		else
			runs[n++] =
				(struct physbio_pfn_range){ pfn, upto, word };
	}
	return n;
}

static bool trees_make(void)
{
	unsigned long max = made.nr_ranges + made.nr_sections, n = 0;
	struct physbio_pfn_range *runs = calloc(max, sizeof(*runs));
	unsigned int i;
	int err = 0;

	if (!runs)
		return false;
	for (i = 0; i < made.nr_ranges; i++)
		n = range_runs(&made.ranges[i], runs, n);
	if (wants(PHYSBIO_MEMMODEL_radix))
		err = physbio_radix_build(&physbio_memmap.radix, runs, n);
	if (!err && wants(PHYSBIO_MEMMODEL_range))
		err = physbio_range_tree_build(&physbio_memmap.ranges, runs, n);
	free(runs);
	made.bytes += physbio_memmap.radix.nr_nodes *
			      sizeof(struct physbio_radix_node) +
		      (physbio_memmap.ranges.nr_nodes +
		       physbio_memmap.pagemaps.nr_nodes) *
			      sizeof(struct physbio_range_node);
	return !err;
}

/* --- memdescs --- */

static bool range_describe(const struct mem_range *mr)
{
	unsigned long pfn = first_pfn(mr), last = last_pfn(mr);

	if (!area_open(physbio_memdesc_pfn_to_page(pfn),
		       (last - pfn + 1) * sizeof(struct physbio_memdesc)))
		return false;
	made.bytes += (last - pfn + 1) * sizeof(struct physbio_memdesc);
	for (; pfn <= last; pfn++)
		physbio_memdesc_pfn_to_page(pfn)->word =
			(uintptr_t)physbio_sparsemem_extreme_pfn_to_page(pfn) |
			PHYSBIO_MEMDESC_FOLIO;
	return true;
}

static bool memdescs_make(void)
{
	unsigned long first = made.sections[0] << PB_PFN_SECTION_SHIFT;
	unsigned int i;

	if (!wants(PHYSBIO_MEMMODEL_memdesc))
		return true;
	if (!area_reserve(&made.memdescs,
			  (uint64_t)(end_pfn() - first) *
				  sizeof(struct physbio_memdesc),
			  PROT_NONE))
		return false;
	physbio_memmap.memdescs =
		(struct physbio_memdesc
			 *)((uintptr_t)made.memdescs.addr -
			    first * sizeof(struct physbio_memdesc));
	for (i = 0; i < made.nr_ranges; i++)
		if (!range_describe(&made.ranges[i]))
			return false;
	return true;
}

void physbio_memmap_folio(unsigned long pfn, unsigned long nr)
{
	uintptr_t word;
	unsigned long i;

	if (!physbio_memmap.memdescs)
		return;
	word = physbio_memdesc_pfn_to_page(pfn)->word;
	for (i = 1; i < nr; i++)
		physbio_memdesc_pfn_to_page(pfn + i)->word = word;
}

/* --- all of it --- */

static bool ranges_add(void)
{
	unsigned int i;

	for (i = 0; i < made.nr_ranges; i++) {
		range_place(&made.ranges[i]);
		if (!range_add(&made.ranges[i]))
			return false;
	}
	for (i = 0; i < made.nr_ranges; i++)
		range_mark_holes(i);
	return true;
}

int physbio_memmap_make(const struct mem_range *ranges, unsigned int nr,
			const struct physbio_mem_options *options)
{
	made.ranges = ranges;
	made.nr_ranges = nr;
	made.options = *options;
	if (sections_make() && structs_reserve() && tables_reserve() &&
	    sections_add() && ranges_add() && pagemaps_make() && trees_make() &&
	    memdescs_make()) {
		arrays_set();
		return 0;
	}
	physbio_memmap_free();
	return -ENOMEM;
}

/* --- ranges that go and come back --- */

struct pb_dev_pagemap *physbio_memmap_pagemap(unsigned int i)
{
	return &made.pagemaps[i];
}

/* Trees are made whole, and memdescs are not protected by what protects pages. */
bool physbio_memmap_can_change(void)
{
	return !wants(PHYSBIO_MEMMODEL_radix) &&
	       !wants(PHYSBIO_MEMMODEL_range) &&
	       !wants(PHYSBIO_MEMMODEL_memdesc);
}

static void subsection_remove(unsigned long pfn)
{
	const struct pb_mem_section *section =
		physbio_sparsemem_extreme_section(pb_pfn_to_section_nr(pfn));
	unsigned long nr = pfn >> PB_PFN_SUBSECTION_SHIFT;
	unsigned int bit = nr & (PB_SUBSECTIONS_PER_SECTION - 1);
	uint32_t *subsections = (uint32_t *)made.subsections.addr;

	__atomic_fetch_and(&section->usage->subsection_map[bit / 32],
			   ~(UINT32_C(1) << bit % 32), __ATOMIC_SEQ_CST);
	if (subsections)
		__atomic_fetch_and(&subsections[nr / 32],
				   ~(UINT32_C(1) << nr % 32), __ATOMIC_SEQ_CST);
	made.bytes -= PB_PAGES_PER_SUBSECTION * sizeof(struct pb_page);
}

void physbio_memmap_offline(unsigned int i)
{
	unsigned long pfn = first_pfn(&made.ranges[i]);

	for (; pfn <= last_pfn(&made.ranges[i]); pfn += PB_PAGES_PER_SUBSECTION)
		subsection_remove(pfn);
}

/* Host pages with these page structs alone; what is beside them is cleared. */
static bool structs_close(unsigned long pfn, unsigned long end)
{
	uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	struct pb_page *page = physbio_sparsemem_extreme_pfn_to_page(pfn);
	char *start = (char *)page, *stop = (char *)(page + (end - pfn));
	char *from = (char *)(((uintptr_t)start + mask) & ~mask);
	char *to = (char *)((uintptr_t)stop & ~mask);

	if (from >= to) {
		memset(start, 0, (size_t)(stop - start));
		return true;
	}
	memset(start, 0, (size_t)(from - start));
	memset(to, 0, (size_t)(stop - to));
	return physbio_close(from, (size_t)(to - from));
}

bool physbio_memmap_remove(unsigned int i)
{
	bool closed = true;
	unsigned long pfn = first_pfn(&made.ranges[i]), upto;
	unsigned long end = last_pfn(&made.ranges[i]) + 1;

	for (; pfn < end; pfn = upto) {
		upto = end;
		if (made.options.sections_apart)
			upto = min(end, (pfn | (PB_PAGES_PER_SECTION - 1)) + 1);
		closed &= structs_close(pfn, upto);
	}
	return closed;
}

int physbio_memmap_add(unsigned int i)
{
	if (!range_add(&made.ranges[i]))
		return -ENOMEM;
	range_own(i);
	return 0;
}

static void roots_free(void)
{
	unsigned long i;

	for (i = 0; physbio_memmap.roots && i < made.nr_sections; i++) {
		struct pb_mem_section **root =
			&physbio_memmap.roots[made.sections[i] /
					      PB_SECTIONS_PER_ROOT];

		free(*root);
		*root = NULL;
	}
}

void physbio_memmap_free(void)
{
	roots_free();
	physbio_radix_free(&physbio_memmap.radix);
	physbio_range_tree_free(&physbio_memmap.ranges);
	physbio_range_tree_free(&physbio_memmap.pagemaps);
	area_free(&made.structs);
	area_free(&made.table);
	area_free(&made.roots);
	area_free(&made.subsections);
	area_free(&made.memdescs);
	free(made.sections);
	free(made.usages);
	free(made.pagemaps);
	memset(&made, 0, sizeof(made));
	memset(&physbio_memmap, 0, sizeof(physbio_memmap));
	pb_vmemmap = NULL;
}

uint64_t physbio_memmap_bytes(void)
{
	return made.bytes;
}

/* --- models at run time --- */

static struct pb_folio *pages_folio(const struct pb_page *page)
{
	return page_folio((struct pb_page *)page);
}

static bool pages_exist(const struct pb_page *page)
{
	return !(page->flags & PB_PG_reserved);
}

static bool memdescs_exist(const struct physbio_memdesc *page)
{
	return page->word;
}

/* The functions of a model behind pointers, for descriptors of one type. */
#define MODEL(model, type, folio_of, exist)                                  \
	static void *model##_pfn_to_page(unsigned long pfn)                  \
	{                                                                    \
		return physbio_##model##_pfn_to_page(pfn);                   \
	}                                                                    \
	static unsigned long model##_page_to_pfn(const void *page)           \
	{                                                                    \
		return physbio_##model##_page_to_pfn(page);                  \
	}                                                                    \
	static bool model##_pfn_valid(unsigned long pfn)                     \
	{                                                                    \
		return physbio_##model##_pfn_valid(pfn);                     \
	}                                                                    \
	static unsigned long model##_page_run(                               \
		const void *page, unsigned long pfn, unsigned long nr)       \
	{                                                                    \
		return physbio_##model##_page_run(page, pfn, nr);            \
	}                                                                    \
	static struct pb_folio *model##_page_folio(const void *page)         \
	{                                                                    \
		return folio_of(page);                                       \
	}                                                                    \
	static void *model##_page_at(pb_phys_addr_t paddr)                   \
	{                                                                    \
		unsigned long pfn = (unsigned long)(paddr >> PB_PAGE_SHIFT); \
		void *page;                                                  \
                                                                             \
		if ((uint64_t)paddr >> PB_MAX_PHYSMEM_BITS ||                \
		    !physbio_##model##_pfn_valid(pfn))                       \
			return NULL;                                         \
		page = physbio_##model##_pfn_to_page(pfn);                   \
		return exist(page) ? page : NULL;                            \
	}                                                                    \
	static const struct physbio_memmodel model = {                       \
		.name = #model,                                              \
		.page_size = sizeof(type),                                   \
		.pfn_to_page = model##_pfn_to_page,                          \
		.page_to_pfn = model##_page_to_pfn,                          \
		.pfn_valid = model##_pfn_valid,                              \
		.page_run = model##_page_run,                                \
		.page_folio = model##_page_folio,                            \
		.page_at = model##_page_at,                                  \
	};

MODEL(flatmem, struct pb_page, pages_folio, pages_exist)
MODEL(sparsemem, struct pb_page, pages_folio, pages_exist)
MODEL(sparsemem_extreme, struct pb_page, pages_folio, pages_exist)
MODEL(vmemmap, struct pb_page, pages_folio, pages_exist)
MODEL(radix, struct pb_page, pages_folio, pages_exist)
MODEL(range, struct pb_page, pages_folio, pages_exist)
MODEL(memdesc, struct physbio_memdesc, physbio_memdesc_folio, memdescs_exist)

static const struct physbio_memmodel *const models[PHYSBIO_NR_MEMMODELS] = {
	[PHYSBIO_MEMMODEL_flatmem] = &flatmem,
	[PHYSBIO_MEMMODEL_sparsemem] = &sparsemem,
	[PHYSBIO_MEMMODEL_sparsemem_extreme] = &sparsemem_extreme,
	[PHYSBIO_MEMMODEL_vmemmap] = &vmemmap,
	[PHYSBIO_MEMMODEL_radix] = &radix,
	[PHYSBIO_MEMMODEL_range] = &range,
	[PHYSBIO_MEMMODEL_memdesc] = &memdesc,
};

const struct physbio_memmodel *physbio_memmodel(enum physbio_memmodel_id id)
{
	if ((unsigned int)id >= PHYSBIO_NR_MEMMODELS || !wants(id))
		return NULL;
	return models[id];
}

int physbio_memmodel_range(const struct physbio_memmodel *model,
			   pb_phys_addr_t paddr, uint64_t len, void **page)
{
	pb_phys_addr_t last = paddr + (pb_phys_addr_t)(len - 1), at = paddr;
	void *first = model->page_at(paddr);

	if (!len)
		return -EINVAL;
	if (len - 1 > (pb_phys_addr_t)-1 - paddr)
		return -EFAULT;
	for (; at >> PB_PAGE_SHIFT <= last >> PB_PAGE_SHIFT; at += PB_PAGE_SIZE)
		if (!model->page_at(at))
			return -EFAULT;
	*page = first;
	return 0;
}
