// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an I/O holds, under each lifetime: all of its ranges or nothing. */
#include "fixture.h"

#include <pthread.h>

#include <physbio/hotplug.h>
#include <physbio/lifetime.h>
#include <physbio/memremap.h>

#define BLOCK PHYSBIO_HOTPLUG_ALIGN

/* A, B next to it, a hole, and C. */
#define A RAM_START
#define B (RAM_START + BLOCK)
#define HOLE (RAM_START + 2 * BLOCK)
#define C (RAM_START + 3 * BLOCK)

static const struct physbio_mem_range ranges[] = {
	{ A, BLOCK, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	{ B, BLOCK, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	{ C, BLOCK, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
};

static struct test_bio tb;

static int up(void **state)
{
	return physbio_mem_create(ranges, ARRAY_SIZE(ranges), &mem, NULL);
}

/* None of them follows the one before it. */
static void bio_of(const pb_phys_addr_t *at, unsigned int nr)
{
	unsigned int i;

	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	for (i = 0; i < nr; i++)
		assert_int_equal(pb_bio_add_phys(&tb.bio, at[i], 512), 512);
	assert_int_equal(tb.bio.bi_vcnt, nr);
}

static bool busy(pb_phys_addr_t start)
{
	int err = physbio_mem_offline(mem, start);

	assert_int_equal(err, 0);
	err = physbio_mem_remove(mem, start, 0);
	if (err)
		assert_int_equal(err, -EBUSY);
	return err;
}

static const struct {
	pb_phys_addr_t at[4];
	unsigned int nr;
	bool holds[3]; /* A, B, C */
	unsigned int refs[2]; /* per segment, per bio */
} cases[] = {
	{ { A }, 0, { false, false, false }, { 0, 0 } },
	{ { A }, 1, { true, false, false }, { 1, 1 } },
	{ { A, A + PG, A + 4 * PG }, 3, { true, false, false }, { 3, 1 } },
	{ { A, C, A + PG, C + PG }, 4, { true, false, true }, { 4, 4 } },
	{ { C, C + 1024, B }, 3, { false, true, true }, { 3, 2 } },
	/* over the edge from one range into the next */
	{ { B - 256 }, 1, { true, true, false }, { 2, 2 } },
	{ { A, B - 256, B + PG }, 3, { true, true, false }, { 4, 2 } },
};

static const pb_phys_addr_t starts[] = { A, B, C };

/* The epoch holds all there is; what is named by the entries is held by the others. */
static void what_entries_are_in_is_held(void **state)
{
	const struct physbio_lifetime *lifetime;
	struct physbio_hold hold;
	unsigned int id, i, j;

	for (id = 0; id < PHYSBIO_NR_LIFETIMES * ARRAY_SIZE(cases); id++) {
		lifetime = physbio_lifetime(
			(enum physbio_lifetime_id)(id % PHYSBIO_NR_LIFETIMES));
		i = id / PHYSBIO_NR_LIFETIMES;
		bio_of(cases[i].at, cases[i].nr);
		assert_int_equal(lifetime->get(&hold, &tb.bio), 0);
		if (id % PHYSBIO_NR_LIFETIMES < 2)
			assert_int_equal(
				hold.refs,
				cases[i].refs[id % PHYSBIO_NR_LIFETIMES]);
		for (j = 0; j < ARRAY_SIZE(starts); j++)
			assert_int_equal(
				busy(starts[j]),
				cases[i].holds[j] ||
					lifetime ==
						physbio_lifetime(
							PHYSBIO_LIFETIME_epoch));
		lifetime->put(&hold, &tb.bio);
		for (j = 0; j < ARRAY_SIZE(starts); j++) {
			int err = physbio_mem_remove(mem, starts[j], 0);

			assert_true(!err || err == -EINVAL);
			assert_int_equal(physbio_mem_add(mem, starts[j]), 0);
		}
	}
}

/* Nothing stays held: everything can be removed at once. */
static void refused(const pb_phys_addr_t *at, unsigned int nr, int err)
{
	const struct physbio_lifetime *lifetime;
	struct physbio_hold hold;
	unsigned int id, i;

	for (id = 0; id < PHYSBIO_NR_LIFETIMES; id++) {
		lifetime = physbio_lifetime((enum physbio_lifetime_id)id);
		bio_of(at, nr);
		if (err == -ENODEV)
			assert_int_equal(physbio_mem_offline(mem, B), 0);
		assert_int_equal(lifetime->get(&hold, &tb.bio), err);
		if (err != -ENODEV)
			assert_int_equal(physbio_mem_offline(mem, B), 0);
		assert_int_equal(physbio_mem_remove(mem, B, 0), 0);
		assert_false(busy(A));
		assert_false(busy(C));
		for (i = 0; i < ARRAY_SIZE(starts); i++)
			assert_int_equal(physbio_mem_add(mem, starts[i]), 0);
	}
}

static void a_range_that_is_offline_is_refused(void **state)
{
	static const struct {
		pb_phys_addr_t at[4];
		unsigned int nr;
	} bad[] = {
		{ { B }, 1 },
		{ { A, A + PG, C, B }, 4 },
		{ { B - 256 }, 1 },
		{ { C, A, C, B - 256 }, 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i].at, bad[i].nr, -ENODEV);
}

/* A vector of pages can't say where there is no page. */
#ifndef PB_REPR_PAGE
static void what_is_no_memory_is_refused(void **state)
{
	static const struct {
		pb_phys_addr_t at[4];
		unsigned int nr;
	} bad[] = {
		{ { 0 }, 1 },
		{ { A, A + PG, C, HOLE }, 4 },
		{ { HOLE - 256, A }, 2 },
		{ { A, C + BLOCK - 256 }, 2 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i].at, bad[i].nr, -EFAULT);
}
#endif

static void there_are_three_lifetimes(void **state)
{
	unsigned int id;

	for (id = 0; id < PHYSBIO_NR_LIFETIMES; id++)
		assert_non_null(
			physbio_lifetime((enum physbio_lifetime_id)id)->name);
	assert_null(physbio_lifetime((enum physbio_lifetime_id)id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_entries_are_in_is_held, up,
						mem_down),
		cmocka_unit_test_setup_teardown(
			a_range_that_is_offline_is_refused, up, mem_down),
#ifndef PB_REPR_PAGE
		cmocka_unit_test_setup_teardown(what_is_no_memory_is_refused,
						up, mem_down),
#endif
		cmocka_unit_test(there_are_three_lifetimes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
