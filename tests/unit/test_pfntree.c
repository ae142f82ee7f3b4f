// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The trees of frame numbers: against a search from the first range to the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <physbio/pfntree.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LAST (~0ul)
#define MAX_RANGES 5000

static uintptr_t slow_find(const struct physbio_pfn_range *r, unsigned long nr,
			   unsigned long pfn)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (pfn >= r[i].first && pfn <= r[i].last)
			return r[i].word;
	return 0;
}

static struct physbio_radix radix;
static struct physbio_range_tree tree;

static void build(const struct physbio_pfn_range *r, unsigned long nr)
{
	assert_int_equal(physbio_radix_build(&radix, r, nr), 0);
	assert_int_equal(physbio_range_tree_build(&tree, r, nr), 0);
}

static void destroy(void)
{
	physbio_radix_free(&radix);
	physbio_range_tree_free(&tree);
	assert_int_equal(physbio_radix_find(&radix, 0), 0);
	assert_int_equal(physbio_range_tree_find(&tree, 0), 0);
}

static void check(unsigned long pfn, uintptr_t want)
{
	assert_int_equal(physbio_radix_find(&radix, pfn), want);
	assert_int_equal(physbio_range_tree_find(&tree, pfn), want);
}

/* Both ends of every range, what is next to them, and the ends of all numbers. */
static void check_ends(const struct physbio_pfn_range *r, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		check(r[i].first, r[i].word);
		check(r[i].last, r[i].word);
		check(r[i].first + (r[i].last - r[i].first) / 2, r[i].word);
		check(r[i].first - 1, slow_find(r, nr, r[i].first - 1));
		check(r[i].last + 1, slow_find(r, nr, r[i].last + 1));
	}
	check(0, slow_find(r, nr, 0));
	check(LAST, slow_find(r, nr, LAST));
}

static void ranges_are_found_and_holes_are_not(void **state)
{
	static const struct {
		unsigned long nr;
		struct physbio_pfn_range r[4];
	} cases[] = {
		{ 0, { { 0 } } },
		{ 1, { { 0, 0, 4 } } },
		{ 1, { { 0, LAST, 4 } } },
		{ 1, { { LAST, LAST, 4 } } },
		{ 1, { { 63, 64, 4 } } },
		{ 1, { { 64, 4095, 5 } } },
		{ 1, { { 1, LAST - 1, 9 } } },
		{ 2, { { 0, 63, 4 }, { 64, LAST, 8 } } },
		{ 3, { { 7, 7, 4 }, { 8, 4096, 8 }, { 4098, 9000, 12 } } },
		{ 4,
		  { { 0, 1, 1 },
		    { 2, 3, 4 },
		    { 1 << 20, 1 << 21, 8 },
		    { 1ul << 31, LAST, 16 } } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		build(cases[i].r, cases[i].nr);
		check_ends(cases[i].r, cases[i].nr);
		destroy();
	}
}

static unsigned long any(unsigned long n)
{
	return (unsigned long)rand() % n;
}

static void random_ranges_are_found(void **state)
{
	static const unsigned long sizes[] = { 1,   15,	 16,  17,
					       255, 256, 257, MAX_RANGES };
	static struct physbio_pfn_range r[MAX_RANGES];
	unsigned int seed = 5, round, i;

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < ARRAY_SIZE(sizes) * 4; round++) {
		unsigned long nr = sizes[round / 4], pfn = any(3);

		for (i = 0; i < nr; i++) {
			r[i].first = pfn;
			r[i].last = pfn + any(1ul << any(18));
			r[i].word = 4 * (1 + any(1000));
			pfn = r[i].last + 1 + (any(2) ? 0 : any(100000));
		}
		build(r, nr);
		for (i = 0; i < 2000; i++) {
			pfn = any(r[nr - 1].last + 1000);
			check(pfn, slow_find(r, nr, pfn));
		}
		check_ends(r, nr);
		destroy();
	}
}

static void ranges_that_are_no_table_are_refused(void **state)
{
	static const struct physbio_pfn_range cases[][2] = {
		{ { 5, 4, 4 }, { 6, 7, 4 } }, /* ends before it begins */
		{ { 0, 4, 4 }, { 4, 7, 4 } }, /* a frame twice */
		{ { 5, 9, 4 }, { 0, 1, 4 } }, /* not ascending */
		{ { 0, 4, 4 }, { 5, 7, 0 } }, /* nothing */
		{ { 0, 4, 4 | PHYSBIO_TREE_NODE }, { 5, 7, 4 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(physbio_radix_build(&radix, cases[i], 2),
				 -EINVAL);
		assert_int_equal(physbio_range_tree_build(&tree, cases[i], 2),
				 -EINVAL);
		check(0, 0);
		check(5, 0);
	}
}

/* 1 TiB of frames is two nodes on the way, not one for each 64 frames. */
static void large_ranges_take_few_nodes(void **state)
{
	const struct physbio_pfn_range r = { 0, (1ul << 28) - 1, 4 };

	build(&r, 1);
	assert_in_range(radix.nr_nodes, 1, 2);
	assert_int_equal(tree.nr_nodes, 1);
	destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_found_and_holes_are_not),
		cmocka_unit_test(random_ranges_are_found),
		cmocka_unit_test(ranges_that_are_no_table_are_refused),
		cmocka_unit_test(large_ranges_take_few_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
