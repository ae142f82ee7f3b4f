// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* References on providers of memory: who has one keeps it, and none is lost. */
#include "fixture.h"

#include <pthread.h>

#include <physbio/memremap.h>
#include <physbio/xlate.h>

static const struct physbio_region region = { .size = 1 };

static const struct physbio_mem_range ranges[] = {
	{ RAM_START, 4 * PG, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	{ RAM_START + 4 * PG, 4 * PG, PHYSBIO_MEM_BAR, -1, &region },
	{ RAM_START + 8 * PG, 2 * PG, PHYSBIO_MEM_DAX, -1, NULL },
};

static int up(void **state)
{
	return physbio_mem_create(ranges, ARRAY_SIZE(ranges), &mem, NULL);
}

static unsigned long pfn_at(unsigned int page)
{
	return (unsigned long)(RAM_START / PG) + page;
}

static void frames_of_providers_have_a_pagemap(void **state)
{
	static const struct {
		unsigned int page;
		int range; /* -1: none */
	} cases[] = {
		{ 3, -1 }, { 4, 1 }, { 7, 1 }, { 8, 2 }, { 9, 2 }, { 10, -1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_dev_pagemap *pgmap =
			pb_get_dev_pagemap(pfn_at(cases[i].page));
		int range = cases[i].range;

		assert_int_equal(!!pgmap, range >= 0);
		if (!pgmap)
			continue;
		assert_int_equal(pgmap->start, ranges[range].start);
		assert_int_equal(pgmap->size, ranges[range].size);
		assert_ptr_equal(pgmap->region, ranges[range].region);
		pb_put_dev_pagemap(pgmap);
	}
	pb_put_dev_pagemap(NULL);
}

static void a_killed_pagemap_gives_no_reference(void **state)
{
	struct pb_dev_pagemap *pgmap = pb_get_dev_pagemap(pfn_at(4));
	struct pb_dev_pagemap *other = pb_get_dev_pagemap(pfn_at(8));

	assert_true(physbio_pagemap_tryget(pgmap));
	physbio_pagemap_kill(pgmap);
	assert_null(pb_get_dev_pagemap(pfn_at(5)));
	assert_false(physbio_pagemap_tryget(pgmap));
	assert_true(physbio_pagemap_tryget(other));
	assert_false(physbio_pagemap_idle(pgmap));
	pb_put_dev_pagemap(pgmap);
	assert_false(physbio_pagemap_idle(pgmap));
	pb_put_dev_pagemap(pgmap);
	assert_true(physbio_pagemap_idle(pgmap));
	pb_put_dev_pagemap(other);
	pb_put_dev_pagemap(other);
}

enum {
	THREADS = 4,
	HANDED = 64
};

static struct shared {
	int gone; /* by the one who waited: nobody may have a reference now */
	int seen_gone; /* times that somebody had one all the same */
	uint64_t got, refused;
	struct pb_dev_pagemap *handed[HANDED]; /* from one thread to another */
} shared;

/* Drops what another thread took, and leaves its own to be dropped. */
static void hand_over(struct pb_dev_pagemap *pgmap, unsigned int at)
{
	pb_put_dev_pagemap(__atomic_exchange_n(&shared.handed[at % HANDED],
					       pgmap, __ATOMIC_ACQ_REL));
}

static void *take_and_drop(void *arg)
{
	uint64_t got = 0, i;

	for (i = 0;; i++) {
		struct pb_dev_pagemap *pgmap = pb_get_dev_pagemap(pfn_at(4));

		if (!pgmap)
			break;
		got++;
		if (__atomic_load_n(&shared.gone, __ATOMIC_SEQ_CST))
			__atomic_fetch_add(&shared.seen_gone, 1,
					   __ATOMIC_SEQ_CST);
		if (i % 3)
			pb_put_dev_pagemap(pgmap);
		else
			hand_over(pgmap, (unsigned int)i);
	}
	for (i = 0; i < HANDED; i++)
		hand_over(NULL, (unsigned int)i);
	__atomic_fetch_add(&shared.got, got, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&shared.refused, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Taken by one thread and dropped by another, while somebody waits for the last. */
static void no_reference_outlives_the_wait(void **state)
{
	struct pb_dev_pagemap *pgmap =
		physbio_mem_page(mem, RAM_START + 4 * PG)->pgmap;
	pthread_t threads[THREADS];
	unsigned int i;

	memset(&shared, 0, sizeof(shared));
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						take_and_drop, NULL),
				 0);
	while (!__atomic_load_n(&shared.handed[HANDED / 2], __ATOMIC_ACQUIRE))
		;
	physbio_pagemap_kill(pgmap);
	while (!physbio_pagemap_idle(pgmap))
		;
	__atomic_store_n(&shared.gone, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(shared.seen_gone, 0);
	assert_int_equal(shared.refused, THREADS);
	assert_true(shared.got > HANDED / 2);
	assert_true(physbio_pagemap_idle(pgmap));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			frames_of_providers_have_a_pagemap, up, mem_down),
		cmocka_unit_test_setup_teardown(
			a_killed_pagemap_gives_no_reference, up, mem_down),
		cmocka_unit_test_setup_teardown(no_reference_outlives_the_wait,
						up, mem_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
