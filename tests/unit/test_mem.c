// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The memory model: what exists, what is refused, and pins that balance. */
#include "fixture.h"

#include "../../src/core/platform.h"

#include <physbio/xlate.h>

#include "no_memory.h"

static const struct physbio_region region = { .size = 1 };

#define RAM_AT(at, bytes)                            \
	{                                            \
		at, bytes, PHYSBIO_MEM_RAM, -1, NULL \
	}

static void maps_that_no_machine_has_are_refused(void **state)
{
	const struct physbio_mem_range cases[][2] = {
		{ RAM_AT(0, 0), RAM_AT(PG, PG) },
		{ RAM_AT(1, PG), RAM_AT(2 * PG, PG) },
		{ RAM_AT(0, PG + 1), RAM_AT(4 * PG, PG) },
		{ RAM_AT(0, 2 * PG), RAM_AT(PG, PG) },
		{ RAM_AT((pb_phys_addr_t)-PG, 2 * PG), RAM_AT(0, PG) },
		{ { 0, PG, PHYSBIO_MEM_BAR, -1, NULL }, RAM_AT(PG, PG) },
		{ { 0, PG, PHYSBIO_MEM_RAM, -1, &region }, RAM_AT(PG, PG) },
	};
	struct physbio_mem *m = NULL;
	struct physbio_error error;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		error.message[0] = '\0';
		assert_int_equal(physbio_mem_create(cases[i], 2, &m, &error),
				 -EINVAL);
		assert_int_equal(error.err, -EINVAL);
		assert_non_null(strstr(error.message, "0x"));
		assert_null(m);
		assert_null(pb_vmemmap);
	}
	assert_int_equal(physbio_mem_create(cases[0], 0, &m, &error), -EINVAL);
}

static void there_is_one_map_at_a_time(void **state)
{
	const struct physbio_mem_range ram = RAM_AT(0, PG);
	struct physbio_mem *first, *second = NULL;

	assert_int_equal(physbio_mem_create(&ram, 1, &first, NULL), 0);
	assert_int_equal(physbio_mem_create(&ram, 1, &second, NULL), -EBUSY);
	assert_null(second);
	physbio_mem_destroy(first);
	assert_int_equal(physbio_mem_create(&ram, 1, &second, NULL), 0);
	physbio_mem_destroy(second);
}

/* Every call fails once, and nothing of the map is there then. */
static void without_memory_there_is_no_map(void **state)
{
	const struct physbio_mem_range ram[] = {
		RAM_AT(2 * PG, PG),
		{ PG << 12, PG, PHYSBIO_MEM_BAR, -1, &region },
	};
	const struct physbio_mem_options all = {
		.models = (1u << PHYSBIO_NR_MEMMODELS) - 1,
	};
	struct physbio_mem *m = NULL;
	struct physbio_error error;
	unsigned int nth, id;

	for (nth = 1;; nth++) {
		call_fails = nth;
		if (!physbio_mem_create_for(ram, 2, &all, &m, &error))
			break;
		assert_int_equal(error.err, -ENOMEM);
		assert_null(m);
		for (id = 0; id < PHYSBIO_NR_MEMMODELS; id++)
			assert_null(
				physbio_memmodel((enum physbio_memmodel_id)id));
	}
	call_fails = 0;
	/* bytes, areas, what is opened of them, tables, trees, providers */
	assert_true(nth > 20);
	physbio_mem_destroy(m);
}

static const struct physbio_mem_range ranges[] = {
	RAM_AT(RAM_START + 64 * PG, 8 * PG),
	{ RAM_START, 8 * PG, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	{ RAM_START + 32 * PG, 2 * PG, PHYSBIO_MEM_BAR, -1, &region },
};

static int three_ranges(void **state)
{
	return physbio_mem_create(ranges, ARRAY_SIZE(ranges), &mem, NULL);
}

static void only_pages_that_exist_are_found(void **state)
{
	static const struct {
		unsigned int page;
		bool exists, bytes, device;
	} cases[] = {
		{ 0, true, false, false },   { 7, true, false, false },
		{ 8, false, false, false },  { 31, false, false, false },
		{ 32, true, true, true },    { 34, false, false, false },
		{ 64, true, true, false },   { 71, true, true, false },
		{ 72, false, false, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_phys_addr_t paddr = RAM_START + cases[i].page * PG + 3;
		struct pb_page *page = physbio_mem_page(mem, paddr);

		assert_int_equal(!!page, cases[i].exists);
		assert_int_equal(!!physbio_mem_virt(mem, paddr),
				 cases[i].bytes);
		if (!page)
			continue;
		assert_ptr_equal(page, pb_phys_to_page(paddr));
		assert_int_equal(pb_page_to_phys(page), paddr - 3);
		assert_int_equal(pb_page_is_p2pdma(page), cases[i].device);
		assert_ptr_equal(pb_page_region(page),
				 cases[i].device ? &region : NULL);
	}
	assert_null(physbio_mem_page(mem, 0));
	assert_null(physbio_mem_page(mem, (pb_phys_addr_t)-1));
}

static void memory_can_be_attached_to_empty_pages(void **state)
{
	static char own[1 << 16], other[1 << 16];

	assert_int_equal(physbio_mem_attach(mem, RAM_START + PG, own), 0);
	assert_ptr_equal(physbio_mem_virt(mem, RAM_START + PG + 5), own + 5);
	assert_int_equal(physbio_mem_attach(mem, RAM_START + PG, other),
			 -EEXIST);
	assert_int_equal(physbio_mem_attach(mem, RAM_START + PG + 1, other),
			 -EINVAL);
	assert_int_equal(physbio_mem_attach(mem, RAM_START + 8 * PG, other),
			 -EINVAL);
	assert_int_equal(physbio_mem_attach(mem, RAM_START + 64 * PG, other),
			 -EINVAL);
	assert_int_equal(physbio_mem_attach(mem, RAM_START + PG, NULL), 0);
	assert_null(physbio_mem_virt(mem, RAM_START + PG));
}

static void bytes_go_in_and_come_out_over_pages(void **state)
{
	pb_phys_addr_t at = RAM_START + 65 * PG - 3;
	char in[] = "abcdefg", out[sizeof(in)] = "";

	assert_int_equal(physbio_mem_write(mem, at, in, sizeof(in)), 0);
	assert_int_equal(physbio_mem_read(mem, at, out, sizeof(out)), 0);
	assert_string_equal(in, out);
	/* the second half would be in a hole: nothing is written */
	at = RAM_START + 72 * PG - 3;
	assert_int_equal(physbio_mem_write(mem, at, "zzzzzzz", 7), -EFAULT);
	assert_int_equal(physbio_mem_read(mem, at, out, 3), 0);
	assert_int_equal(out[0], 0);
	assert_int_equal(physbio_mem_read(mem, at, out, 7), -EFAULT);
}

static void pins_are_taken_for_all_pages_or_none(void **state)
{
	pb_phys_addr_t ram = RAM_START + 64 * PG;

	assert_int_equal(physbio_mem_pin(mem, ram + 7 * PG + 1, PG), -EFAULT);
	assert_int_equal(physbio_mem_pinned(mem, ram, 8 * PG), 0);
	assert_int_equal(physbio_mem_pin(mem, ram + 1, PG), 0);
	assert_int_equal(physbio_mem_pinned(mem, ram, 8 * PG), 2);
	physbio_mem_page(mem, ram)->refcount.counter = 0;
	physbio_mem_page(mem, ram + PG)->refcount.counter = 0;
}

static void a_pin_too_many_is_refused(void **state)
{
	pb_phys_addr_t ram = RAM_START + 64 * PG;
	struct pb_page *page = physbio_mem_page(mem, ram + PG);
	int most = INT32_MAX / 2;

	page->refcount.counter = most;
	assert_int_equal(physbio_mem_pin(mem, ram, 2 * PG), -EOVERFLOW);
	assert_int_equal(page->refcount.counter, most);
	page->refcount.counter = 0;
	assert_int_equal(physbio_mem_pinned(mem, ram, 8 * PG), 0);
}

static void pins_that_are_not_there_are_reported(void **state)
{
	pb_phys_addr_t ram = RAM_START + 64 * PG;
	struct pb_page *small = physbio_mem_page(mem, ram + PG);
	struct pb_page *large = physbio_mem_page(mem, ram + 4 * PG);
	struct physbio_error error = { 0 };
	const struct {
		struct pb_page *page;
		unsigned long npages;
		bool refused;
	} cases[] = {
		{ small, 1, false },	    { small, 1, true },
		{ small, ULONG_MAX, true }, { small, INT_MAX, true },
		{ large, 1, false },	    { large, 2, true },
		{ large, 1, false },	    { large, 1, true },
	};
	unsigned int i;

	assert_int_equal(physbio_mem_make_folio(mem, ram + 4 * PG, 2), 0);
	assert_int_equal(physbio_mem_pin(mem, ram + PG, PG), 0);
	assert_int_equal(physbio_mem_pin(mem, ram + 4 * PG, 2 * PG), 0);
	small->refcount.counter += 5;
	large->refcount.counter += 5;
	assert_int_equal(physbio_mem_underflows(&error), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unpin_user_folio((struct pb_folio *)cases[i].page,
				 cases[i].npages);
		assert_int_equal(physbio_mem_underflows(&error),
				 cases[i].refused);
	}
	assert_int_equal(error.err, -ERANGE);
	assert_non_null(strstr(error.message, "1 pins"));
	assert_non_null(strstr(error.message, "5 references"));
	assert_int_equal(physbio_mem_underflows(NULL), 0);
	assert_int_equal(small->refcount.counter, 5);
	assert_int_equal(large->refcount.counter, 5);
	assert_int_equal(large->pincount.counter, 0);
	small->refcount.counter = large->refcount.counter = 0;
}

/* A machine of some nodes, and what is asked to be on which. */
static int fake_nodes;
static struct {
	char *start, *end;
	int node;
} placed[16];
static unsigned int nr_placed;

int __wrap_numa_available(void);
int __wrap_numa_max_node(void);
void __wrap_numa_tonode_memory(void *start, size_t size, int node);

int __wrap_numa_available(void)
{
	return fake_nodes ? 0 : -1;
}

int __wrap_numa_max_node(void)
{
	return fake_nodes - 1;
}

void __wrap_numa_tonode_memory(void *start, size_t size, int node)
{
	assert_true(nr_placed < ARRAY_SIZE(placed));
	placed[nr_placed].start = start;
	placed[nr_placed].end = (char *)start + size;
	placed[nr_placed++].node = node;
}

/* The node that an address was last placed on; -1: none. */
static int placed_on(const void *addr)
{
	unsigned int i = nr_placed;

	while (i--)
		if ((const char *)addr >= placed[i].start &&
		    (const char *)addr < placed[i].end)
			return placed[i].node;
	return -1;
}

static void page_structs_and_bytes_are_on_their_node(void **state)
{
	const pb_phys_addr_t size = PG * PB_PAGES_PER_SUBSECTION;
	const struct physbio_mem_range two[] = {
		{ RAM_START, size, PHYSBIO_MEM_RAM, 1, NULL },
		{ RAM_START + 2 * size, size, PHYSBIO_MEM_RAM, 0, NULL },
		{ RAM_START + 4 * size, size, PHYSBIO_MEM_RAM, -1, NULL },
	};
	unsigned int i;

	for (fake_nodes = 2; fake_nodes >= 0; fake_nodes--) {
		nr_placed = 0;
		assert_int_equal(physbio_mem_create(two, 3, &mem, NULL), 0);
		if (fake_nodes == 2 && !nr_placed) {
			mem_down(state);
			skip(); /* built without libnuma */
		}
		if (fake_nodes < 2)
			assert_int_equal(nr_placed, 0);
		for (i = 0; i < 3; i++) {
			pb_phys_addr_t middle = two[i].start + size / 2;
			int node = fake_nodes == 2 ? two[i].nid : -1;

			assert_int_equal(
				placed_on(physbio_mem_page(mem, middle)), node);
			assert_int_equal(
				placed_on(physbio_mem_virt(mem, middle)), node);
		}
		mem_down(state);
	}
	fake_nodes = 0;
}

static void nodes_are_known_where_there_are_several(void **state)
{
	assert_int_equal(physbio_mem_nid(mem, 0), -1);
	assert_true(physbio_mem_nid(mem, RAM_START) >= -1);
}

static void folios_are_made_of_free_aligned_pages(void **state)
{
	pb_phys_addr_t ram = RAM_START + 64 * PG;

	assert_int_equal(physbio_mem_make_folio(mem, ram + PG, 1), -EINVAL);
	assert_int_equal(physbio_mem_make_folio(mem, ram, 0), -EINVAL);
	assert_int_equal(physbio_mem_make_folio(mem, ram, 4), -EINVAL);
	assert_int_equal(physbio_mem_make_folio(mem, ram, 2), 0);
	assert_int_equal(physbio_mem_make_folio(mem, ram, 2), -EINVAL);
	assert_ptr_equal(pb_compound_head(physbio_mem_page(mem, ram + 3 * PG)),
			 physbio_mem_page(mem, ram));
	assert_int_equal(physbio_mem_pin(mem, ram + PG, 2 * PG), 0);
	assert_int_equal(physbio_mem_pinned(mem, ram, 8 * PG), 2);
	assert_int_equal(physbio_mem_page(mem, ram)->pincount.counter, 2);
	physbio_mem_page(mem, ram)->refcount.counter = 0;
	physbio_mem_page(mem, ram)->pincount.counter = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_that_no_machine_has_are_refused),
		cmocka_unit_test(there_is_one_map_at_a_time),
		cmocka_unit_test(without_memory_there_is_no_map),
		cmocka_unit_test_setup_teardown(only_pages_that_exist_are_found,
						three_ranges, mem_down),
		cmocka_unit_test_setup_teardown(
			memory_can_be_attached_to_empty_pages, three_ranges,
			mem_down),
		cmocka_unit_test_setup_teardown(
			bytes_go_in_and_come_out_over_pages, three_ranges,
			mem_down),
		cmocka_unit_test_setup_teardown(
			pins_are_taken_for_all_pages_or_none, three_ranges,
			mem_down),
		cmocka_unit_test_setup_teardown(a_pin_too_many_is_refused,
						three_ranges, mem_down),
		cmocka_unit_test_setup_teardown(
			pins_that_are_not_there_are_reported, three_ranges,
			mem_down),
		cmocka_unit_test(page_structs_and_bytes_are_on_their_node),
		cmocka_unit_test_setup_teardown(
			nodes_are_known_where_there_are_several, three_ranges,
			mem_down),
		cmocka_unit_test_setup_teardown(
			folios_are_made_of_free_aligned_pages, three_ranges,
			mem_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
