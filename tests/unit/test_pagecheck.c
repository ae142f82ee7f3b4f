// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the resolver would follow blindly is refused, and nothing is changed. */
#include "fixture.h"

#include <physbio/pagecheck.h>
#include <physbio/resolve.h>

/* RAM, a hole of a page, RAM again; pages 16 to 31 are a folio. */
#define HOLE 64
#define END 128

static struct test_bio tb;
static struct physbio_error error;

static int up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, HOLE * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ RAM_START + (HOLE + 1) * PG, (END - HOLE - 1) * PG,
		  PHYSBIO_MEM_RAM, -1, NULL },
	};

	return physbio_mem_create(ranges, 2, &mem, NULL) ||
	       physbio_mem_make_folio(mem, RAM_START + 16 * PG, 4);
}

static uint64_t pins(void)
{
	return physbio_mem_pinned(mem, RAM_START, END * PG);
}

static bool any_dirty(void)
{
	unsigned int i;

	for (i = 0; i < END; i++)
		if (i != HOLE &&
		    (physbio_mem_page(mem, RAM_START + i * PG)->flags &
		     PB_PG_dirty))
			return true;
	return false;
}

static void bio_up(void)
{
	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	pb_bio_set_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	memset(&error, 0, sizeof(error));
}

#ifndef PB_REPR_PAGE /* whose vectors can't name memory without pages */
static void memory_without_pages_is_named(void **state)
{
	static const struct {
		pb_phys_addr_t paddr;
		uint32_t len;
		const char *message;
	} cases[] = {
		{ RAM_START + HOLE * PG, 512, "entry 1: no page: 0x" },
		/* starts well and ends in a hole */
		{ RAM_START + (HOLE - 1) * PG, (uint32_t)PG + 512,
		  "entry 1: no page: 0x" },
		/* two good ends, and a hole between them */
		{ RAM_START + (HOLE - 1) * PG, 3 * (uint32_t)PG,
		  "entry 1: no page: 0x" },
		{ RAM_START + (END - 1) * PG, (uint32_t)PG + 512,
		  "entry 1: no page: 0x" },
		{ 0, 512, "entry 1: no page: 0x0" },
		/* beyond physical space */
		{ (pb_phys_addr_t)-1 & ~(PG - 1), 512, "entry 1: no page: 0x" },
		{ (pb_phys_addr_t)-512, 1024, "entry 1: wraps: 0x" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bio_up();
		test_bio_add(&tb, 0, 512);
		assert_int_equal(physbio_mem_pin(mem, RAM_START, 512), 0);
		pb_bvec_set_phys(&tb.table[1], cases[i].paddr, cases[i].len);
		tb.bio.bi_vcnt = 2;
		assert_int_equal(physbio_bio_check_pages(mem, &tb.bio, &error),
				 -EFAULT);
		assert_int_equal(error.err, -EFAULT);
		assert_memory_equal(error.message, cases[i].message,
				    strlen(cases[i].message));
		assert_int_equal(physbio_bio_release_pages(mem, &tb.bio, true,
							   NULL),
				 -EFAULT);
		assert_int_equal(pins(), 1);
		assert_false(any_dirty());
		tb.bio.bi_vcnt = 1;
		pb_bio_release_pages(&tb.bio, false);
	}
}
#endif

static void pages_are_released_as_ever(void **state)
{
	bio_up();
	test_bio_add(&tb, 14 * (uint32_t)PG + 512, 20 * (uint32_t)PG);
	test_bio_add(&tb, 15 * (uint32_t)PG, 512);
	assert_int_equal(
		physbio_mem_pin(mem, RAM_START + 14 * PG + 512, 20 * PG), 0);
	assert_int_equal(physbio_mem_pin(mem, RAM_START + 15 * PG, 512), 0);
	assert_int_equal(physbio_bio_check_pages(mem, &tb.bio, NULL), 0);
	assert_int_equal(physbio_bio_release_pages(mem, &tb.bio, false, NULL),
			 0);
	assert_int_equal(pins(), 0);
}

static void pins_that_are_not_there_are_not_dropped(void **state)
{
	/* Page by page, what is pinned and what the bio would drop. */
	static const struct {
		unsigned int page, pinned;
		unsigned int nr[2]; /* pages of both entries from there on */
	} cases[] = {
		{ 1, 0, { 1, 0 } },    { 1, 2, { 3, 0 } },  { 1, 1, { 1, 1 } },
		{ 16, 0, { 1, 0 } },   { 16, 4, { 5, 0 } }, { 16, 4, { 3, 2 } },
		{ 14, 17, { 18, 0 } },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t at = cases[i].page * (uint32_t)PG;

		bio_up();
		if (cases[i].pinned)
			assert_int_equal(physbio_mem_pin(mem, RAM_START + at,
							 cases[i].pinned * PG),
					 0);
		for (j = 0; j < 2; j++)
			if (cases[i].nr[j])
				test_bio_add(&tb, at,
					     cases[i].nr[j] * (uint32_t)PG);
		assert_int_equal(physbio_bio_release_pages(mem, &tb.bio, true,
							   &error),
				 -ERANGE);
		assert_int_equal(error.err, -ERANGE);
		assert_non_null(strstr(error.message, "no pin to drop: 0x"));
		assert_int_equal(pins(), cases[i].pinned);
		assert_false(any_dirty());
		/* what is there goes */
		bio_up();
		if (!cases[i].pinned)
			continue;
		test_bio_add(&tb, at, cases[i].pinned * (uint32_t)PG);
		assert_int_equal(physbio_bio_release_pages(mem, &tb.bio, false,
							   NULL),
				 0);
		assert_int_equal(pins(), 0);
	}
}

static void clones_and_bios_without_pins_are_refused(void **state)
{
	struct pb_bio clone;

	bio_up();
	test_bio_add(&tb, 0, 512);
	pb_bio_init_clone(NULL, &clone, &tb.bio, 0);
	assert_int_equal(physbio_bio_check_pages(mem, &clone, &error), -EINVAL);
	assert_int_equal(physbio_bio_release_pages(mem, &clone, false, NULL),
			 -EINVAL);
	pb_bio_clear_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	assert_int_equal(physbio_bio_release_pages(mem, &tb.bio, false, &error),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef PB_REPR_PAGE
		cmocka_unit_test(memory_without_pages_is_named),
#endif
		cmocka_unit_test(pages_are_released_as_ever),
		cmocka_unit_test(pins_that_are_not_there_are_not_dropped),
		cmocka_unit_test(clones_and_bios_without_pins_are_refused),
	};

	return cmocka_run_group_tests(tests, up, mem_down);
}
