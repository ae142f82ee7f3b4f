// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page-resolution caches: what they find is what the memory map says, or nothing. */
#include "fixture.h"

#include <pthread.h>

#include <physbio/hotplug.h>
#include <physbio/lifetime.h>
#include <physbio/memremap.h>
#include <physbio/rescache.h>

#include "no_memory.h"

#define BLOCK PHYSBIO_HOTPLUG_ALIGN
#define SECTION ((pb_phys_addr_t)PB_PAGES_PER_SECTION << PB_PAGE_SHIFT)

/* Two ranges in one section, one in the next, and a large one over two further ones. */
#define S ((pb_phys_addr_t)2 * SECTION)
#define LARGE (S + 2 * SECTION)

static const struct physbio_mem_range ranges[] = {
	{ S, BLOCK, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	{ S + 4 * BLOCK, BLOCK, PHYSBIO_MEM_DAX, -1, NULL },
	{ S + SECTION, BLOCK, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	{ LARGE, SECTION + BLOCK, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
};

static struct physbio_rescache own;
static struct physbio_rescache_shared *shared;

static int up(void **state)
{
	return physbio_mem_create(ranges, ARRAY_SIZE(ranges), &mem, NULL) ||
	       physbio_rescache_init(&own, 4) ||
	       physbio_rescache_shared_create(4, &shared);
}

static int down(void **state)
{
	physbio_rescache_destroy(&own);
	physbio_rescache_shared_destroy(shared);
	return mem_down(state);
}

/* The same questions to both kinds. */
struct cache {
	int (*page)(pb_phys_addr_t paddr, struct pb_page **page);
	bool (*find)(pb_phys_addr_t paddr, struct physbio_pages *pages);
	void (*insert)(const struct physbio_pages *pages);
	void (*invalidate)(pb_phys_addr_t start, uint64_t len);
	void (*stats)(struct physbio_rescache_stats *stats);
};

static int own_page(pb_phys_addr_t paddr, struct pb_page **page)
{
	return physbio_rescache_page(&own, paddr, page);
}

static bool own_find(pb_phys_addr_t paddr, struct physbio_pages *pages)
{
	const struct physbio_pages *found = physbio_rescache_find(&own, paddr);

	if (found)
		*pages = *found;
	return found;
}

static void own_insert(const struct physbio_pages *pages)
{
	physbio_rescache_insert(&own, pages);
}

static void own_invalidate(pb_phys_addr_t start, uint64_t len)
{
	physbio_rescache_invalidate(&own, start, len);
}

static void own_stats(struct physbio_rescache_stats *stats)
{
	*stats = own.stats;
}

static int shared_page(pb_phys_addr_t paddr, struct pb_page **page)
{
	return physbio_rescache_shared_page(shared, paddr, page);
}

static bool shared_find(pb_phys_addr_t paddr, struct physbio_pages *pages)
{
	return physbio_rescache_shared_find(shared, paddr, pages);
}

static void shared_insert(const struct physbio_pages *pages)
{
	assert_true(physbio_rescache_shared_insert(shared, pages));
}

static void shared_invalidate(pb_phys_addr_t start, uint64_t len)
{
	physbio_rescache_shared_invalidate(shared, start, len);
}

static void shared_stats(struct physbio_rescache_stats *stats)
{
	physbio_rescache_shared_stats(shared, stats);
}

static const struct cache caches[2] = {
	{ own_page, own_find, own_insert, own_invalidate, own_stats },
	{ shared_page, shared_find, shared_insert, shared_invalidate,
	  shared_stats },
};

#define for_each_cache(c) for ((c) = caches; (c) < caches + 2; (c)++)

static void every_address_is_found_as_the_map_has_it(void **state)
{
	static const struct {
		pb_phys_addr_t at;
		pb_phys_addr_t first, size; /* what is found around it */
		int err;
	} cases[] = {
		{ S, S, BLOCK, 0 },
		{ S + BLOCK - 1, S, BLOCK, 0 },
		{ S + BLOCK, 0, 0, -EFAULT },
		{ S + 4 * BLOCK + PG, S + 4 * BLOCK, BLOCK, 0 },
		{ S + SECTION, S + SECTION, BLOCK, 0 },
		{ LARGE + PG, LARGE, SECTION, 0 },
		{ LARGE + SECTION, LARGE + SECTION, BLOCK, 0 },
		{ LARGE + SECTION + BLOCK, 0, 0, -EFAULT },
		{ 0, 0, 0, -EFAULT },
		{ (pb_phys_addr_t)-1, 0, 0, -EFAULT },
	};
	const struct cache *c;
	unsigned int i;

	for_each_cache(c) for (i = 0; i < 2 * ARRAY_SIZE(cases); i++)
	{
		pb_phys_addr_t at = cases[i / 2].at;
		struct physbio_pages pages;
		struct pb_page *page = NULL;

		assert_int_equal(c->page(at, &page), cases[i / 2].err);
		assert_ptr_equal(page, physbio_mem_page(mem, at));
		if (cases[i / 2].err)
			continue;
		assert_true(c->find(at, &pages));
		assert_ptr_equal(physbio_pages_page(&pages, at), page);
		assert_int_equal(pages.pfn, cases[i / 2].first / PG);
		assert_int_equal(pages.nr, cases[i / 2].size / PG);
	}
}

static void what_it_does_is_counted(void **state)
{
	const struct cache *c;

	for_each_cache(c)
	{
		struct physbio_rescache_stats s;
		struct pb_page *page;

		c->page(S, &page); /* miss, insert */
		c->page(S + PG, &page); /* hit */
		c->page(S + 4 * BLOCK, &page); /* the same slot: eviction */
		c->page(S, &page); /* and again */
		c->page(S + BLOCK, &page); /* nothing there */
		c->invalidate(S + BLOCK,
			      3 * BLOCK); /* nothing of it is there */
		c->invalidate(S + BLOCK - 1, 1);
		c->page(S, &page);
		assert_int_equal(physbio_mem_offline(mem, S), 0);
		assert_int_equal(c->page(S, &page), -ENODEV); /* stale */
		assert_int_equal(physbio_mem_add(mem, S), 0);
		c->stats(&s);
		assert_int_equal(s.hits, 1);
		assert_int_equal(s.misses, 6);
		assert_int_equal(s.stale, 1);
		assert_int_equal(s.inserts, 4);
		assert_int_equal(s.evictions, 2);
		assert_int_equal(s.invalidated, 1);
	}
}

/* Unplugged and plugged in again: same address, same page struct, another memory. */
static void an_entry_from_before_is_never_used(void **state)
{
	const struct cache *c;

	for_each_cache(c)
	{
		struct physbio_pages old, pages;
		struct pb_page *page;

		assert_int_equal(c->page(S + PG, &page), 0);
		assert_true(c->find(S + PG, &old));
		assert_true(physbio_pages_get(&old));
		pb_put_dev_pagemap(old.pgmap);
		assert_int_equal(physbio_mem_offline(mem, S), 0);
		assert_false(c->find(S + PG, &pages));
		assert_false(physbio_pages_get(&old));
		assert_int_equal(physbio_mem_remove(mem, S, -1), 0);
		assert_int_equal(c->page(S + PG, &page), -ENODEV);
		assert_int_equal(physbio_mem_add(mem, S), 0);
		/* the same address again, and a reference could be had */
		assert_false(c->find(S + PG, &pages));
		assert_false(physbio_pages_get(&old));
		/* a late writer puts it back: it is still not used */
		c->insert(&old);
		assert_false(c->find(S + PG, &pages));
		assert_int_equal(c->page(S + PG, &page), 0);
		assert_true(c->find(S + PG, &pages));
		assert_ptr_equal(physbio_pages_page(&pages, S + PG),
				 physbio_mem_page(mem, S + PG));
		/* what was refused has left no reference behind */
		assert_int_equal(physbio_mem_offline(mem, S), 0);
		assert_int_equal(physbio_mem_remove(mem, S, 0), 0);
		assert_int_equal(physbio_mem_add(mem, S), 0);
	}
}

static void a_reference_keeps_what_was_found(void **state)
{
	struct physbio_pages pages;

	assert_int_equal(physbio_pages_at(S, &pages), 0);
	assert_true(physbio_pages_get(&pages));
	assert_int_equal(physbio_mem_offline(mem, S), 0);
	assert_int_equal(physbio_mem_remove(mem, S, 0), -EBUSY);
	pb_put_dev_pagemap(pages.pgmap);
	assert_int_equal(physbio_mem_remove(mem, S, 0), 0);
}

static void invalidation_takes_what_it_touches(void **state)
{
	static const struct {
		pb_phys_addr_t start;
		uint64_t len;
		bool gone;
	} cases[] = {
		{ S, 0, false },
		{ S - 1, 1, false },
		{ S - 1, 2, true },
		{ S + BLOCK - 1, 1, true },
		{ S + BLOCK, SECTION, false },
		{ 0, S, false },
		{ 0, S + 1, true },
	};
	const struct cache *c;
	unsigned int i;

	for_each_cache(c) for (i = 0; i < ARRAY_SIZE(cases); i++)
	{
		struct physbio_pages pages;
		struct pb_page *page;

		assert_int_equal(c->page(S, &page), 0);
		c->invalidate(cases[i].start, cases[i].len);
		assert_int_equal(!c->find(S, &pages), cases[i].gone);
	}
}

static void sizes_are_powers_of_two_within_bounds(void **state)
{
	static const unsigned int bad[] = { 0, 3, 6, PHYSBIO_RESCACHE_MAX + 1,
					    PHYSBIO_RESCACHE_MAX * 2 };
	static const unsigned int good[] = { 1, 64, PHYSBIO_RESCACHE_MAX };
	struct physbio_rescache_shared *made = NULL;
	struct physbio_rescache cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(physbio_rescache_init(&cache, bad[i]),
				 -EINVAL);
		assert_int_equal(physbio_rescache_shared_create(bad[i], &made),
				 -EINVAL);
		assert_null(made);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(physbio_rescache_init(&cache, good[i]), 0);
		assert_true(physbio_rescache_bytes(&cache) >
			    good[i] * sizeof(struct physbio_pages));
		physbio_rescache_destroy(&cache);
		assert_int_equal(physbio_rescache_shared_create(good[i], &made),
				 0);
		assert_true(physbio_rescache_shared_bytes(made) >
			    (size_t)good[i] * 64);
		physbio_rescache_shared_destroy(made);
	}
	physbio_rescache_shared_destroy(NULL);
}

static void without_memory_there_is_no_cache(void **state)
{
	struct physbio_rescache_shared *made = NULL;
	struct physbio_rescache cache;
	unsigned int nth;
	int err;

	call_fails = 1;
	assert_int_equal(physbio_rescache_init(&cache, 8), -ENOMEM);
	for (nth = 1;; nth++) {
		call_fails = nth;
		err = physbio_rescache_shared_create(8, &made);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(made);
	}
	call_fails = 0;
	assert_int_equal(nth - 1, 3); /* it, its entries, its statistics */
	physbio_rescache_shared_destroy(made);
}

/* One entry serves two sections in turn: never more than there is room for. */
static void a_cache_of_one_entry_works(void **state)
{
	struct physbio_rescache one;
	struct pb_page *page;
	unsigned int i;

	assert_int_equal(physbio_rescache_init(&one, 1), 0);
	for (i = 0; i < 10; i++) {
		pb_phys_addr_t at = S + (i & 1) * SECTION;

		assert_int_equal(physbio_rescache_page(&one, at, &page), 0);
		assert_ptr_equal(page, physbio_mem_page(mem, at));
	}
	assert_int_equal(one.stats.hits, 0);
	assert_int_equal(one.stats.evictions, 9);
	physbio_rescache_destroy(&one);
}

static int stop;

/* Whatever is found is right, also while others write and forget. */
static void *read_and_compare(void *arg)
{
	unsigned long *wrong = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
		pb_phys_addr_t at = S + (i & 3) * SECTION + (i & 15) * PG;
		struct physbio_pages pages;
		struct pb_page *page;

		if (i & 16)
			at = S + 4 * BLOCK;
		if (physbio_rescache_shared_page(shared, at, &page) ||
		    page != physbio_mem_page(mem, at))
			++*wrong;
		if (physbio_rescache_shared_find(shared, at, &pages) &&
		    physbio_pages_page(&pages, at) != page)
			++*wrong;
	}
	return NULL;
}

static bool much_was_done(void)
{
	struct physbio_rescache_stats s;

	physbio_rescache_shared_stats(shared, &s);
	return s.hits > 1000 && s.invalidated > 100 && s.evictions > 100;
}

static void readers_see_no_half_of_an_entry(void **state)
{
	unsigned long wrong[2] = { 0, 0 };
	pthread_t threads[2];
	unsigned int i;

	stop = 0;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						read_and_compare, &wrong[i]),
				 0);
	while (!much_was_done())
		physbio_rescache_shared_invalidate(shared, S, 3 * SECTION);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

#define WITH_MAP(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MAP(every_address_is_found_as_the_map_has_it),
		WITH_MAP(what_it_does_is_counted),
		WITH_MAP(an_entry_from_before_is_never_used),
		WITH_MAP(a_reference_keeps_what_was_found),
		WITH_MAP(invalidation_takes_what_it_touches),
		cmocka_unit_test(sizes_are_powers_of_two_within_bounds),
		cmocka_unit_test(without_memory_there_is_no_cache),
		WITH_MAP(a_cache_of_one_entry_works),
		WITH_MAP(readers_see_no_half_of_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
