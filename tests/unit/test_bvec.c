// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterators over a table of vectors: what they give, and where they stop. */
#include "fixture.h"

static struct pb_bio_vec table[4];
static const struct range ranges[] = {
	{ 0x100, 0x200 }, /* within a page */
	{ 0, 0 }, /* nothing: passed over */
	{ 0, 0 }, /* set below: from inside a page over two borders */
	{ 0x20000, 0x400 },
};

static uint32_t long_len;

static int table_up(void **state)
{
	unsigned int i;

	if (mem_up(state))
		return -1;
	long_len = (uint32_t)(2 * PG);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		pb_bvec_set_phys(&table[i], RAM_START + ranges[i].at,
				 ranges[i].len);
	pb_bvec_set_phys(&table[2], RAM_START + 8 * PG + 0x200, long_len);
	return 0;
}

static struct pb_bvec_iter start(void)
{
	return (struct pb_bvec_iter){ .bi_size = 0x200 + long_len + 0x400 };
}

static void multi_page_view_gives_each_entry_whole(void **state)
{
	const uint32_t lens[] = { 0x200, long_len, 0x400 };
	struct pb_bvec_iter iter;
	struct pb_bio_vec bv;
	unsigned int n = 0;

	pb_for_each_mp_bvec(bv, table, iter, start()) {
		assert_int_equal(bv.bv_len, lens[n]);
		n++;
	}
	assert_int_equal(n, 3);
}

static void single_page_view_ends_at_page_borders(void **state)
{
	struct pb_bvec_iter iter;
	struct pb_bio_vec bv;
	uint64_t sum = 0;
	unsigned int n = 0;

	pb_for_each_bvec(bv, table, iter, start()) {
		pb_phys_addr_t first = pb_bvec_phys(&bv);

		assert_true(pb_offset_in_page(first) + bv.bv_len <= PG);
		sum += bv.bv_len;
		n++;
	}
	assert_int_equal(sum, 0x200 + long_len + 0x400);
	assert_int_equal(n, 1 + 3 + 1);
}

static void view_begins_within_an_entry(void **state)
{
	struct pb_bvec_iter iter = start();
	struct pb_bio_vec bv;

	assert_true(pb_bvec_iter_advance(table, &iter, 0x200 + 0x300));
	assert_int_equal(iter.bi_idx, 2);
	assert_int_equal(iter.bi_bvec_done, 0x300);
	bv = pb_mp_bvec_iter_bvec(table, iter);
	assert_int_equal(pb_bvec_phys(&bv), RAM_START + 8 * PG + 0x500);
	assert_int_equal(bv.bv_len, long_len - 0x300);
}

/* Where an advance ends in front of one, it is no vector either. */
static void view_does_not_begin_with_an_empty_entry(void **state)
{
	struct pb_bvec_iter iter, from = start();
	struct pb_bio_vec bv;

	assert_true(pb_bvec_iter_advance(table, &from, 0x200));
	pb_for_each_mp_bvec(bv, table, iter, from)
		assert_int_not_equal(bv.bv_len, 0);
	pb_for_each_bvec(bv, table, iter, from)
		assert_int_not_equal(bv.bv_len, 0);
}

static void advance_stops_at_an_entry(void **state)
{
	static const struct {
		uint32_t bytes, idx, done;
	} cases[] = {
		{ 0, 0, 0 },	 { 1, 0, 1 }, { 0x1ff, 0, 0x1ff },
		{ 0x200, 1, 0 }, /* not past the empty one: no bytes left */
		{ 0x201, 2, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_bvec_iter iter = start();

		assert_true(pb_bvec_iter_advance(table, &iter, cases[i].bytes));
		assert_int_equal(iter.bi_idx, cases[i].idx);
		assert_int_equal(iter.bi_bvec_done, cases[i].done);
		assert_int_equal(iter.bi_size,
				 start().bi_size - cases[i].bytes);
	}
}

static void advance_too_far_ends_the_iterator(void **state)
{
	struct pb_bvec_iter iter = start();

	assert_false(pb_bvec_iter_advance(table, &iter, iter.bi_size + 1));
	assert_int_equal(iter.bi_size, 0);
}

static void a_page_and_its_offset_are_the_address(void **state)
{
	struct pb_bio_vec bv;
	struct pb_page *page = physbio_mem_page(mem, RAM_START + 3 * PG);

	pb_bvec_set_page(&bv, page, 512, (unsigned int)PG + 0x80);
	assert_int_equal(pb_bvec_phys(&bv), RAM_START + 4 * PG + 0x80);
	assert_ptr_equal(pb_bvec_page(&bv), page + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multi_page_view_gives_each_entry_whole),
		cmocka_unit_test(single_page_view_ends_at_page_borders),
		cmocka_unit_test(view_begins_within_an_entry),
		cmocka_unit_test(view_does_not_begin_with_an_empty_entry),
		cmocka_unit_test(advance_stops_at_an_entry),
		cmocka_unit_test(advance_too_far_ends_the_iterator),
		cmocka_unit_test(a_page_and_its_offset_are_the_address),
	};

	return cmocka_run_group_tests(tests, table_up, mem_down);
}
