// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The memory models against a table of all pages: every model, every page, both ways,
 * over random maps. What has no page is refused by all of them.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <physbio/memmodel.h>
#include <physbio/xlate.h>

#define SECTION ((pb_phys_addr_t)PB_PAGES_PER_SECTION * PG)
#define SUBSECTION ((pb_phys_addr_t)PB_PAGES_PER_SUBSECTION * PG)
#define END_OF_SPACE (UINT64_C(1) << PB_MAX_PHYSMEM_BITS)

#define ALL_MODELS ((1u << PHYSBIO_NR_MEMMODELS) - 1)
#define ONE_ARRAY \
	(PHYSBIO_MEMMODEL_BIT(flatmem) | PHYSBIO_MEMMODEL_BIT(vmemmap))

static const struct physbio_region region = { .size = 1 };

#define RAM(at, bytes)                                     \
	{                                                  \
		at, bytes, PHYSBIO_MEM_RAM_EMPTY, -1, NULL \
	}

static void map_up(const struct physbio_mem_range *ranges, unsigned int nr,
		   unsigned int apart)
{
	const struct physbio_mem_options options = {
		.models = apart ? ALL_MODELS & ~ONE_ARRAY : ALL_MODELS,
		.sections_apart = apart,
	};

	assert_int_equal(
		physbio_mem_create_for(ranges, nr, &options, &mem, NULL), 0);
}

/* The page struct of a frame under a model; all models mean the same one. */
static struct pb_page *struct_of(const struct physbio_memmodel *model,
				 unsigned long pfn)
{
	void *page = model->pfn_to_page(pfn);

	if (model->page_size == sizeof(struct pb_page))
		return page;
	return &model->page_folio(page)->page;
}

/* --- the table of all pages --- */

struct slow_page {
	unsigned long pfn;
	/* page structs of this frame and the one before it don't follow each other */
	bool seam;
};

static struct slow_page *slow;
static unsigned long nr_slow;

static bool starts_section(unsigned long pfn)
{
	return pfn % PB_PAGES_PER_SECTION == 0;
}

/* Which sections there are in a table of pages, counted as they come. */
static void slow_up(const struct physbio_mem_range *ranges, unsigned int nr,
		    unsigned int apart)
{
	unsigned long n = 0, sections = 0, last = ~0ul, pfn;
	unsigned int i;

	for (i = 0, nr_slow = 0; i < nr; i++)
		nr_slow += (unsigned long)(ranges[i].size / PG);
	slow = calloc(nr_slow, sizeof(*slow));
	assert_non_null(slow);
	for (i = 0; i < nr; i++)
		for (pfn = (unsigned long)(ranges[i].start / PG);
		     pfn < (ranges[i].start + ranges[i].size) / PG; pfn++) {
			if (pfn / PB_PAGES_PER_SECTION != last)
				sections++;
			last = pfn / PB_PAGES_PER_SECTION;
			slow[n].pfn = pfn;
			slow[n].seam = starts_section(pfn) && apart &&
				       (sections - 1) % apart == 0;
			n++;
		}
}

static void slow_down(void)
{
	free(slow);
	slow = NULL;
}

static bool slow_has(unsigned long pfn)
{
	unsigned long low = 0, high = nr_slow;

	while (low < high) {
		unsigned long mid = (low + high) / 2;

		if (slow[mid].pfn == pfn)
			return true;
		if (slow[mid].pfn < pfn)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Frames from slow[at] on that exist one after the other, at most @nr. */
static unsigned long slow_exist(unsigned long at, unsigned long nr)
{
	unsigned long n = 1;

	while (n < nr && at + n < nr_slow &&
	       slow[at + n].pfn == slow[at].pfn + n)
		n++;
	return n;
}

/* As far as their page structs follow each other, page by page. */
static unsigned long slow_run(unsigned long at, unsigned long nr)
{
	unsigned long n = 1;

	while (n < nr && !slow[at + n].seam)
		n++;
	return n;
}

/* --- random maps --- */

static unsigned int any(unsigned int n)
{
	return (unsigned int)rand() % n;
}

/* In pages: mostly little, at times up to sections. */
static unsigned long any_length(void)
{
	switch (any(4)) {
	case 0:
		return 1 + any(3);
	case 1:
		return 1 + any(2 * PB_PAGES_PER_SUBSECTION);
	case 2:
		return PB_PAGES_PER_SUBSECTION * (1 + any(3));
	default:
		return PB_PAGES_PER_SECTION - 2 + any(5);
	}
}

static unsigned long any_gap(void)
{
	switch (any(5)) {
	case 0:
		return 0;
	case 1:
		return 1 + any(600);
	case 2:
		return PB_PAGES_PER_SECTION *
		       any(PB_MAX_PHYSMEM_BITS == 32 ? 2 : 40);
	default:
		return any((unsigned int)PB_PAGES_PER_SECTION);
	}
}

static unsigned long round_up_to(unsigned long pfn, unsigned long to)
{
	return (pfn + to - 1) / to * to;
}

#define MAX_RANGES 8

/* Provided memory comes in whole subsections, as the kernel has it. */
static unsigned int any_map(struct physbio_mem_range *ranges)
{
	unsigned int nr = 1 + any(MAX_RANGES), i;
	unsigned long pfn = 0, n;

	for (i = 0; i < nr; i++) {
		struct physbio_mem_range *r = &ranges[i];
		bool device = !any(3);

		pfn += any_gap();
		n = any_length();
		if (device) {
			pfn = round_up_to(pfn, PB_PAGES_PER_SUBSECTION);
			n = round_up_to(n, PB_PAGES_PER_SUBSECTION);
		}
		r->start = pfn * PG;
		r->size = n * PG;
		r->nid = -1;
		r->kind = device ?
				  (any(2) ? PHYSBIO_MEM_BAR : PHYSBIO_MEM_DAX) :
				  PHYSBIO_MEM_RAM_EMPTY;
		r->region = r->kind == PHYSBIO_MEM_BAR ? &region : NULL;
		pfn += n;
	}
	return nr;
}

/* --- what is compared --- */

/*
 * Each page gets its number in the table, by way of one model. If two frames had one
 * page struct, or two models two for one frame, a number would be another.
 */
static void number_pages(const struct physbio_memmodel *model)
{
	unsigned long i;

	for (i = 0; i < nr_slow; i++)
		struct_of(model, slow[i].pfn)->virt = (void *)(i + 1);
}

static void every_page_is_found(const struct physbio_memmodel *model)
{
	unsigned long i, bad = 0;

	for (i = 0; i < nr_slow; i++) {
		unsigned long pfn = slow[i].pfn;
		pb_phys_addr_t paddr = (pb_phys_addr_t)pfn * PG;
		char *page = model->pfn_to_page(pfn);

		bad += struct_of(model, pfn)->virt != (void *)(i + 1);
		bad += model->page_to_pfn(page) != pfn;
		bad += !model->pfn_valid(pfn);
		bad += model->page_at(paddr + (i % PG)) != page;
		if (i && slow[i - 1].pfn == pfn - 1)
			bad += (model->pfn_to_page(pfn - 1) ==
				page - model->page_size) != !slow[i].seam &&
			       model->page_size == sizeof(struct pb_page);
	}
	if (bad)
		print_message("%s: %lu differences\n", model->name, bad);
	assert_int_equal(bad, 0);
}

/* Around every end of what exists, and anywhere. */
static void nothing_else_is_found(const struct physbio_memmodel *model)
{
	unsigned long i, bad = 0;
	unsigned int n;

	for (i = 0; i < nr_slow; i++) {
		unsigned long pfn = slow[i].pfn;

		for (n = 1; n < 700 && !slow_has(pfn + n); n += n / 8 + 1)
			bad += !!model->page_at((pb_phys_addr_t)(pfn + n) * PG);
		for (n = 1; n < 700 && n <= pfn && !slow_has(pfn - n);
		     n += n / 8 + 1)
			bad += !!model->page_at((pb_phys_addr_t)(pfn - n) * PG);
	}
	for (n = 0; n < 1000; n++) {
		unsigned long pfn = slow[nr_slow - 1].pfn + any(1u << 30);

		if (pfn <= slow[nr_slow - 1].pfn || pfn >= END_OF_SPACE / PG)
			continue;
		bad += !!model->page_at((pb_phys_addr_t)pfn * PG) &&
		       !slow_has(pfn);
	}
	assert_null(model->page_at((pb_phys_addr_t)-1));
	assert_int_equal(bad, 0);
}

static void runs_end_at_seams(const struct physbio_memmodel *model)
{
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		unsigned long at = (unsigned long)rand() % nr_slow;
		unsigned long nr = slow_exist(at, 1 + any(1u << any(18)));
		unsigned long want = slow_run(at, nr);

		if (model->page_size != sizeof(struct pb_page))
			want = nr; /* words are one array, page structs or not */
		assert_int_equal(
			model->page_run(model->pfn_to_page(slow[at].pfn),
					slow[at].pfn, nr),
			want);
	}
}

static void
ranges_are_found_whole_or_not_at_all(const struct physbio_memmodel *model)
{
	unsigned int i;

	for (i = 0; i < 300; i++) {
		unsigned long at = (unsigned long)rand() % nr_slow;
		unsigned long nr = 1 + any(2000);
		bool whole = slow_exist(at, nr) == nr;
		pb_phys_addr_t paddr = (pb_phys_addr_t)slow[at].pfn * PG;
		void *page = NULL;
		int ret;

		/* from the last byte of the first page to the first of the last */
		ret = physbio_memmodel_range(model,
					     paddr + (nr > 1 ? PG - 1 : 0),
					     nr > 1 ? (nr - 2) * PG + 2 : 1,
					     &page);
		assert_int_equal(ret, whole ? 0 : -EFAULT);
		assert_ptr_equal(page, whole ? model->page_at(paddr) : NULL);
	}
}

static void providers_are_found(const struct physbio_mem_range *ranges,
				unsigned int nr)
{
	unsigned long i, bad = 0, at = 0;
	unsigned int r;

	for (r = 0; r < nr; r++)
		for (i = 0; i < ranges[r].size / PG; i++, at++) {
			bool ram = ranges[r].kind == PHYSBIO_MEM_RAM_EMPTY;
			struct pb_dev_pagemap *pgmap;
			struct pb_page *page;

			pgmap = pb_get_dev_pagemap(slow[at].pfn);
			page = physbio_mem_page(mem, slow[at].pfn * PG);
			bad += page->pgmap != pgmap;
			bad += !pgmap != ram;
			if (pgmap)
				bad += pgmap->start != ranges[r].start ||
				       pgmap->size != ranges[r].size ||
				       pgmap->region != ranges[r].region;
			bad += pb_page_region(page) != ranges[r].region;
			pb_put_dev_pagemap(pgmap);
		}
	assert_int_equal(bad, 0);
}

static void check_model(const struct physbio_memmodel *model)
{
	every_page_is_found(model);
	nothing_else_is_found(model);
	runs_end_at_seams(model);
	ranges_are_found_whole_or_not_at_all(model);
}

static void check_map(const struct physbio_mem_range *ranges, unsigned int nr,
		      unsigned int apart)
{
	unsigned int id, models = 0;

	map_up(ranges, nr, apart);
	slow_up(ranges, nr, apart);
	number_pages(physbio_memmodel(PHYSBIO_MEMMODEL_sparsemem));
	for (id = 0; id < PHYSBIO_NR_MEMMODELS; id++) {
		if (!physbio_memmodel(id))
			continue;
		check_model(physbio_memmodel(id));
		models++;
	}
	assert_int_equal(models, apart ? PHYSBIO_NR_MEMMODELS - 2 :
					 PHYSBIO_NR_MEMMODELS);
	providers_are_found(ranges, nr);
	slow_down();
	mem_down(NULL);
}

static void random_maps(unsigned int seed, unsigned int most_apart)
{
	struct physbio_mem_range ranges[MAX_RANGES];
	unsigned int i, nr;

	print_message("seed %u\n", seed);
	srand(seed);
	for (i = 0; i < 10; i++) {
		nr = any_map(ranges);
		check_map(ranges, nr, most_apart ? 1 + any(most_apart) : 0);
	}
}

static void all_models_find_every_page_of_random_maps(void **state)
{
	random_maps(11, 0);
}

static void the_same_where_sections_lie_apart(void **state)
{
	random_maps(12, 3);
}

/* --- bad input --- */

#define AT_SECTION(n) ((n)*SECTION)

/* A page here and there; device memory without pages is in no range. */
static const struct physbio_mem_range scattered[] = {
	RAM(AT_SECTION(2) - 2 * PG, 3 * PG),
	RAM(AT_SECTION(2) + 5 * PG, PG),
	{ AT_SECTION(4), SUBSECTION, PHYSBIO_MEM_BAR, -1, &region },
};

static void what_has_no_page_is_refused_by_all_models(void **state)
{
	static const struct {
		pb_phys_addr_t paddr;
		bool page;
	} cases[] = {
		{ 0, false }, /* before everything */
		{ AT_SECTION(2) - 2 * PG - 1,
		  false }, /* its subsection exists */
		{ AT_SECTION(2) - 2 * PG, true },
		{ AT_SECTION(2) + PG - 1, true },
		{ AT_SECTION(2) + PG, false }, /* a hole */
		{ AT_SECTION(2) + 5 * PG - 1, false },
		{ AT_SECTION(2) + 5 * PG, true },
		{ AT_SECTION(2) + 6 * PG, false },
		{ AT_SECTION(2) + SUBSECTION, false }, /* its section exists */
		{ AT_SECTION(3), false }, /* no section */
		{ AT_SECTION(4) - 1, false },
		{ AT_SECTION(4) + SUBSECTION - 1, true },
		{ AT_SECTION(4) + SUBSECTION, false }, /* a BAR without pages */
		{ AT_SECTION(5), false }, /* beyond the end */
		{ AT_SECTION(31), false },
		{ (pb_phys_addr_t)(END_OF_SPACE - 1), false },
		{ (pb_phys_addr_t)END_OF_SPACE, false },
		{ (pb_phys_addr_t)-1, false },
	};
	unsigned int id, i, apart;

	for (apart = 0; apart < 2; apart++) {
		map_up(scattered, ARRAY_SIZE(scattered), apart);
		for (id = 0; id < PHYSBIO_NR_MEMMODELS; id++)
			for (i = 0; i < ARRAY_SIZE(cases); i++) {
				const struct physbio_memmodel *model =
					physbio_memmodel(id);

				if (!model)
					continue;
				assert_int_equal(
					!!model->page_at(cases[i].paddr),
					cases[i].page);
			}
		mem_down(NULL);
	}
}

static void a_range_that_ends_in_a_hole_is_refused_by_all_models(void **state)
{
	static const struct {
		pb_phys_addr_t paddr;
		uint64_t len;
		int ret;
	} cases[] = {
		{ AT_SECTION(2) - 2 * PG, 3 * PG, 0 },
		{ AT_SECTION(2) - 2 * PG, 3 * PG + 1, -EFAULT },
		{ AT_SECTION(2) - 1, 2, 0 }, /* over the seam */
		{ AT_SECTION(2), 6 * PG, -EFAULT }, /* over the hole */
		{ AT_SECTION(2) - 2 * PG - 1, 2, -EFAULT },
		{ AT_SECTION(4), SUBSECTION, 0 },
		{ AT_SECTION(4), SUBSECTION + 1, -EFAULT },
		{ AT_SECTION(4), UINT64_MAX, -EFAULT },
		{ AT_SECTION(4), (uint64_t)0 - AT_SECTION(4), -EFAULT },
		{ AT_SECTION(4), 0, -EINVAL },
		{ 0, 0, -EINVAL },
	};
	const struct physbio_memmodel *model;
	unsigned int id, i;

	map_up(scattered, ARRAY_SIZE(scattered), 0);
	for (id = 0; id < PHYSBIO_NR_MEMMODELS; id++)
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			void *page = &page;

			model = physbio_memmodel(id);
			assert_int_equal(
				physbio_memmodel_range(model, cases[i].paddr,
						       cases[i].len, &page),
				cases[i].ret);
			assert_ptr_equal(
				page, cases[i].ret ?
					      (void *)&page :
					      model->page_at(cases[i].paddr));
		}
	mem_down(NULL);
}

/* Source: pfn_valid() is true, and PageReserved() */
static void a_hole_in_a_subsection_has_a_reserved_page_struct(void **state)
{
	unsigned long hole = (unsigned long)((AT_SECTION(2) + 2 * PG) / PG);

	map_up(scattered, ARRAY_SIZE(scattered), 0);
	assert_true(physbio_vmemmap_pfn_valid(hole));
	assert_true(physbio_flatmem_pfn_valid(hole));
	assert_true(physbio_vmemmap_pfn_to_page(hole)->flags & PB_PG_reserved);
	assert_false(physbio_vmemmap_pfn_to_page(hole + 3)->flags &
		     PB_PG_reserved);
	assert_false(physbio_vmemmap_pfn_valid(hole + PB_PAGES_PER_SUBSECTION));
	assert_false(physbio_flatmem_pfn_valid(hole + PB_PAGES_PER_SUBSECTION));
	mem_down(NULL);
}

static void options_that_contradict_are_refused(void **state)
{
	const struct physbio_mem_options cases[] = {
		{ .models = 0 },
		{ .models = ALL_MODELS + 1 },
		{ PHYSBIO_MEMMODEL_BIT(vmemmap), 1 },
		{ PHYSBIO_MEMMODEL_BIT(flatmem) |
			  PHYSBIO_MEMMODEL_BIT(sparsemem),
		  2 },
	};
	const struct physbio_mem_range beyond =
		RAM((pb_phys_addr_t)(END_OF_SPACE - PG), 2 * PG);
	const struct physbio_mem_options all = { .models = ALL_MODELS };
	struct physbio_error error;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(physbio_mem_create_for(scattered, 1, &cases[i],
							&mem, &error),
				 -EINVAL);
		assert_int_equal(error.err, -EINVAL);
		assert_null(mem);
	}
	assert_int_equal(physbio_mem_create_for(&beyond, 1, &all, &mem, &error),
			 -EINVAL);
	assert_non_null(strstr(error.message, "0x"));
}

static void a_model_that_the_map_has_not_is_not_given(void **state)
{
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(sparsemem),
	};
	unsigned int id;

	for (id = 0; id <= PHYSBIO_NR_MEMMODELS; id++)
		assert_null(physbio_memmodel(id));
	assert_int_equal(
		physbio_mem_create_for(scattered, 1, &options, &mem, NULL), 0);
	for (id = 0; id <= PHYSBIO_NR_MEMMODELS; id++)
		assert_int_equal(!!physbio_memmodel(id),
				 id == PHYSBIO_MEMMODEL_sparsemem);
	mem_down(NULL);
}

/* --- what it costs --- */

/* Bytes of the process that are in memory. */
static uint64_t resident(void)
{
	unsigned long total, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &total, &pages), 2);
	fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The page structs of all space are 1 TiB of addresses, which valgrind has not. */
static bool can_reserve(uint64_t size)
{
	void *addr;

	if (size > SIZE_MAX / 2)
		return true; /* space is small then */
	addr = mmap(NULL, (size_t)size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (addr == MAP_FAILED)
		return false;
	munmap(addr, (size_t)size);
	return true;
}

/* Three pieces at the ends and in the middle of a space of 64 TiB. */
static void space_costs_nothing_where_there_is_no_memory(void **state)
{
	const uint64_t space = END_OF_SPACE < UINT64_C(1) << 46 ?
				       END_OF_SPACE :
				       UINT64_C(1) << 46;
	const struct physbio_mem_range ranges[] = {
		RAM(0, 4 * SUBSECTION),
		RAM((pb_phys_addr_t)(space / 2), SUBSECTION),
		RAM((pb_phys_addr_t)(space - PG), PG),
	};
	uint64_t structs = 6 * PB_PAGES_PER_SUBSECTION * sizeof(struct pb_page);
	unsigned int apart;

	if (!can_reserve(space / PG * 2 * sizeof(struct pb_page)))
		skip();
	for (apart = 0; apart < 2; apart++) {
		uint64_t before = resident(), cost;

		map_up(ranges, ARRAY_SIZE(ranges), apart);
		cost = physbio_mem_overhead(mem);
		assert_in_range(cost, structs, structs + (256 << 10));
		/* what was touched, with room for what is not ours */
		assert_in_range(resident(), 0, before + cost + (1 << 20));
		assert_non_null(
			physbio_mem_page(mem, (pb_phys_addr_t)(space - 1)));
		slow_up(ranges, ARRAY_SIZE(ranges), apart);
		number_pages(physbio_memmodel(PHYSBIO_MEMMODEL_range));
		every_page_is_found(physbio_memmodel(PHYSBIO_MEMMODEL_radix));
		every_page_is_found(physbio_memmodel(PHYSBIO_MEMMODEL_memdesc));
		slow_down();
		mem_down(NULL);
	}
}

/* --- folios --- */

static void all_pages_of_a_folio_lead_to_it(void **state)
{
	const struct physbio_mem_range ram = RAM(AT_SECTION(1), 64 * PG);
	unsigned long first = (unsigned long)(AT_SECTION(1) / PG), i;
	unsigned int id;

	map_up(&ram, 1, 0);
	assert_int_equal(physbio_mem_make_folio(mem, ram.start + 8 * PG, 3), 0);
	for (id = 0; id < PHYSBIO_NR_MEMMODELS; id++) {
		const struct physbio_memmodel *model = physbio_memmodel(id);

		for (i = 0; i < 64; i++) {
			unsigned long head = i / 8 == 1 ? 8 : i;

			assert_ptr_equal(
				model->page_folio(
					model->pfn_to_page(first + i)),
				physbio_mem_page(mem, ram.start + head * PG));
		}
	}
	/* a word that says that the memory is something else */
	physbio_memmap.memdescs[first].word = 0;
	assert_null(physbio_memdesc_folio(physbio_memdesc_pfn_to_page(first)));
	mem_down(NULL);
}

static void no_folio_is_made_over_a_seam(void **state)
{
	const struct physbio_mem_range ram = RAM(0, 2 * SECTION);
	unsigned int order = PB_PFN_SECTION_SHIFT + 1;
	unsigned int apart;

	for (apart = 0; apart < 3; apart++) {
		map_up(&ram, 1, apart);
		assert_int_equal(physbio_mem_make_folio(mem, 0, order),
				 apart == 1 ? -EINVAL : 0);
		if (apart == 1)
			assert_int_equal(
				physbio_mem_make_folio(mem, 0, order - 1), 0);
		mem_down(NULL);
	}
}

/* --- the model that is compiled in --- */

static void the_model_of_the_build_is_the_one_at_run_time(void **state)
{
	const struct physbio_mem_range ram = RAM(SECTION - 8 * PG, 16 * PG);
	const struct physbio_memmodel *model;
	unsigned long first = (unsigned long)(ram.start / PG), i;
	bool one_array = 1u << PHYSBIO_THE_MEMMODEL & ONE_ARRAY;

	map_up(&ram, 1, one_array ? 0 : 1);
	model = physbio_memmodel(PHYSBIO_THE_MEMMODEL);
	for (i = 0; i < 16; i++) {
		pb_phys_addr_t paddr = ram.start + i * PG;
		struct pb_page *page = pb_phys_to_page(paddr + 7);

		assert_ptr_equal(page, model->page_at(paddr));
		assert_ptr_equal(page, pb_pfn_to_page(first + i));
		assert_ptr_equal(page, physbio_mem_page(mem, paddr));
		assert_int_equal(pb_page_to_phys(page), paddr);
		assert_int_equal(pb_page_to_pfn(page), first + i);
		assert_true(pb_pfn_valid(first + i));
		assert_int_equal(physbio_page_run(page, first + i, 16 - i),
				 one_array || i >= 8 ? 16 - i : 8 - i);
		assert_int_equal(pb_page_range_contiguous(page, 16 - i),
				 one_array || i >= 8);
		assert_true(pb_page_range_contiguous(page, 1));
	}
	assert_false(pb_pfn_valid(first + PB_PAGES_PER_SUBSECTION * 4));
	mem_down(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_models_find_every_page_of_random_maps),
		cmocka_unit_test(the_same_where_sections_lie_apart),
		cmocka_unit_test(what_has_no_page_is_refused_by_all_models),
		cmocka_unit_test(
			a_range_that_ends_in_a_hole_is_refused_by_all_models),
		cmocka_unit_test(
			a_hole_in_a_subsection_has_a_reserved_page_struct),
		cmocka_unit_test(options_that_contradict_are_refused),
		cmocka_unit_test(a_model_that_the_map_has_not_is_not_given),
		cmocka_unit_test(space_costs_nothing_where_there_is_no_memory),
		cmocka_unit_test(all_pages_of_a_folio_lead_to_it),
		cmocka_unit_test(no_folio_is_made_over_a_seam),
		cmocka_unit_test(the_model_of_the_build_is_the_one_at_run_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
