// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ranges that go and come back: who is refused, who is waited for, what is left. */
#include "fixture.h"

#include <pthread.h>

#include <physbio/hotplug.h>
#include <physbio/lifetime.h>
#include <physbio/memremap.h>
#include <physbio/resolve.h>
#include <physbio/xlate.h>

#include "access.h"
#include "no_memory.h"

#define BLOCK PHYSBIO_HOTPLUG_ALIGN
#define PLUGGED (RAM_START + BLOCK)
#define PEER (RAM_START + 2 * BLOCK)
#define ODD (RAM_START + 4 * BLOCK)

static const struct physbio_region region = { .start = PEER, .size = BLOCK };

static const struct physbio_mem_range ranges[] = {
	{ RAM_START, BLOCK, PHYSBIO_MEM_RAM, -1, NULL },
	{ PLUGGED, BLOCK, PHYSBIO_MEM_RAM, -1, NULL },
	{ PEER, BLOCK, PHYSBIO_MEM_BAR, -1, &region },
	{ ODD, 2 * PG, PHYSBIO_MEM_RAM, -1, NULL },
};

static int up_for(unsigned int models)
{
	const struct physbio_mem_options options = { .models = models };

	return physbio_mem_create_for(ranges, ARRAY_SIZE(ranges), &options,
				      &mem, NULL);
}

static int up(void **state)
{
	return up_for(1u << PHYSBIO_THE_MEMMODEL);
}

static void unplug(pb_phys_addr_t start)
{
	assert_int_equal(physbio_mem_offline(mem, start), 0);
	assert_int_equal(physbio_mem_remove(mem, start, -1), 0);
}

static void what_cannot_go_is_refused(void **state)
{
	static const struct {
		pb_phys_addr_t start;
		int err;
	} cases[] = {
		{ 0, -ENODEV },
		{ PLUGGED + PG, -ENODEV },
		{ PEER + BLOCK, -ENODEV },
		{ ODD, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_mem_offline(mem, cases[i].start),
				 cases[i].err);
	assert_int_equal(physbio_mem_remove(mem, PLUGGED + PG, 0), -ENODEV);
	assert_int_equal(physbio_mem_remove(mem, PLUGGED, 0), -EINVAL);
	assert_int_equal(physbio_mem_add(mem, PLUGGED + PG), -ENODEV);
	assert_int_equal(physbio_mem_add(mem, PLUGGED), -EEXIST);
	assert_int_equal(physbio_mem_offline(mem, PLUGGED), 0);
	assert_int_equal(physbio_mem_offline(mem, PLUGGED), -EALREADY);
	assert_int_equal(physbio_mem_remove(mem, PLUGGED, -1), 0);
	assert_int_equal(physbio_mem_remove(mem, PLUGGED, -1), -EINVAL);
	assert_int_equal(physbio_mem_offline(mem, PLUGGED), -EALREADY);
}

static void maps_that_do_not_change_are_refused(void **state)
{
	static const unsigned int models[] = {
		PHYSBIO_MEMMODEL_BIT(radix),
		PHYSBIO_MEMMODEL_BIT(range),
		PHYSBIO_MEMMODEL_BIT(memdesc),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(models); i++) {
		assert_int_equal(up_for(models[i] | 1u << PHYSBIO_THE_MEMMODEL),
				 0);
		assert_int_equal(physbio_mem_offline(mem, PLUGGED),
				 -EOPNOTSUPP);
		mem_down(state);
	}
}

/* Host pages may have page structs of a neighbour too: those in the middle have not. */
static void nothing_of_a_removed_range_is_left(void **state)
{
	static const pb_phys_addr_t starts[] = { PLUGGED, PEER };
	uint64_t before = physbio_mem_overhead(mem);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		pb_phys_addr_t middle = starts[i] + BLOCK / 2;
		void *bytes = physbio_mem_virt(mem, middle);
		struct pb_page *page = physbio_mem_page(mem, middle);
		unsigned long pfn = (unsigned long)(middle / PG);

		assert_true(accessible(bytes) && accessible(page));
		unplug(starts[i]);
		assert_false(accessible(bytes));
		if (PB_PAGES_PER_SUBSECTION * sizeof(*page) >= 3 * 4096)
			assert_false(accessible(page));
		assert_false(pb_pfn_valid(pfn));
		assert_null(physbio_mem_page(mem, middle));
		assert_null(physbio_mem_virt(mem, middle));
		assert_int_equal(physbio_mem_write(mem, middle, "x", 1),
				 -EFAULT);
		assert_int_equal(physbio_mem_pin(mem, middle, 1), -EFAULT);
		assert_null(pb_get_dev_pagemap(pfn));
		assert_true(pb_pfn_valid((unsigned long)(RAM_START / PG)));
	}
	assert_int_equal(before - physbio_mem_overhead(mem),
			 2 * PB_PAGES_PER_SUBSECTION * sizeof(struct pb_page));
}

static void flatmem_and_sparsemem_forget_it_too(void **state)
{
	static const enum physbio_memmodel_id ids[] = {
		PHYSBIO_MEMMODEL_flatmem,
		PHYSBIO_MEMMODEL_sparsemem,
		PHYSBIO_MEMMODEL_sparsemem_extreme,
		PHYSBIO_MEMMODEL_vmemmap,
	};
	unsigned int models = 0, i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		models |= 1u << ids[i];
	assert_int_equal(up_for(models), 0);
	unplug(PLUGGED);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		assert_null(physbio_memmodel(ids[i])->page_at(PLUGGED));
	assert_int_equal(physbio_mem_add(mem, PLUGGED), 0);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		assert_ptr_equal(physbio_memmodel(ids[i])->page_at(PLUGGED),
				 physbio_mem_page(mem, PLUGGED));
	mem_down(state);
}

/* Drops all pins of a page. */
static void let_go(pb_phys_addr_t paddr)
{
	physbio_mem_page(mem, paddr)->refcount.counter = 0;
}

static void what_comes_back_is_new(void **state)
{
	struct pb_page *page = physbio_mem_page(mem, PEER + PG);
	char byte = 'x';

	assert_int_equal(physbio_mem_write(mem, PEER + PG, &byte, 1), 0);
	assert_int_equal(physbio_mem_make_folio(mem, PEER, 2), 0);
	page->flags |= PB_PG_dirty;
	unplug(PEER);
	assert_int_equal(physbio_mem_add(mem, PEER), 0);
	assert_ptr_equal(physbio_mem_page(mem, PEER + PG), page);
	assert_ptr_equal(pb_compound_head(page), page);
	assert_false(page->flags & PB_PG_dirty);
	assert_ptr_equal(pb_page_region(page), &region);
	assert_int_equal(pb_page_to_phys(page), PEER + PG);
	assert_int_equal(physbio_mem_read(mem, PEER + PG, &byte, 1), 0);
	assert_int_equal(byte, 0);
	assert_int_equal(physbio_mem_pin(mem, PEER, PG), 0);
	assert_int_equal(physbio_mem_pinned(mem, PEER, PG), 1);
	let_go(PEER);
}

static void an_offline_range_comes_back_as_it_was(void **state)
{
	char byte = 'x';

	assert_int_equal(physbio_mem_write(mem, PLUGGED, &byte, 1), 0);
	assert_int_equal(physbio_mem_pin(mem, PLUGGED, 1), 0);
	assert_int_equal(physbio_mem_offline(mem, PLUGGED), 0);
	assert_int_equal(physbio_mem_pin(mem, PLUGGED, 1), -EFAULT);
	assert_int_equal(physbio_mem_add(mem, PLUGGED), 0);
	byte = 0;
	assert_int_equal(physbio_mem_read(mem, PLUGGED, &byte, 1), 0);
	assert_int_equal(byte, 'x');
	assert_int_equal(physbio_mem_pinned(mem, PLUGGED, 1), 1);
	assert_int_equal(physbio_mem_pin(mem, PLUGGED, 1), 0);
	let_go(PLUGGED);
}

static void a_reference_keeps_an_offline_range_from_coming_back(void **state)
{
	struct pb_dev_pagemap *pgmap =
		pb_get_dev_pagemap((unsigned long)(PEER / PG));

	assert_int_equal(physbio_mem_offline(mem, PEER), 0);
	assert_int_equal(physbio_mem_add(mem, PEER), -EBUSY);
	pb_put_dev_pagemap(pgmap);
	assert_int_equal(physbio_mem_add(mem, PEER), 0);
}

/* --- failures --- */

static void a_range_that_finds_no_room_stays_removed(void **state)
{
	unsigned int nth;
	int err;

	unplug(PEER);
	for (nth = 1;; nth++) {
		call_fails = nth;
		err = physbio_mem_add(mem, PEER);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(physbio_mem_page(mem, PEER));
		assert_int_equal(physbio_mem_pin(mem, PEER, 1), -EFAULT);
		assert_int_equal(physbio_mem_remove(mem, PEER, 0), -EINVAL);
	}
	call_fails = 0;
	assert_int_equal(nth - 1, 2); /* bytes, page structs */
	assert_int_equal(physbio_mem_pin(mem, PEER, 1), 0);
	let_go(PEER);
}

/* Bytes or page structs stay accessible: that is said, and the range is gone all the same. */
static void what_the_host_keeps_open_is_reported(void **state)
{
	bool structs = PB_PAGES_PER_SUBSECTION * sizeof(struct pb_page) > 4096;
	unsigned int nth;
	int err;

	for (nth = 1;; nth++) {
		assert_int_equal(physbio_mem_offline(mem, PEER), 0);
		call_fails = nth;
		err = physbio_mem_remove(mem, PEER, 0);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(physbio_mem_page(mem, PEER));
		assert_int_equal(physbio_mem_pin(mem, PEER, 1), -EFAULT);
		assert_int_equal(physbio_mem_add(mem, PEER), 0);
	}
	call_fails = 0;
	assert_int_equal(nth - 1, structs ? 2 : 1);
}

/* What keeps a range, how it is taken and how it is let go. */
static struct test_bio tb;
static struct physbio_hold hold;
static struct pb_dev_pagemap *pgmap;

static void pin(void)
{
	assert_int_equal(physbio_mem_pin(mem, PEER + PG, 3 * PG), 0);
}

static void unpin(void)
{
	pb_bio_set_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	pb_bio_release_pages(&tb.bio, true);
}

static void reference(void)
{
	pgmap = pb_get_dev_pagemap((unsigned long)(PEER / PG));
}

static void unreference(void)
{
	pb_put_dev_pagemap(pgmap);
}

#define HOLD(id)                                                              \
	static void hold_##id(void)                                           \
	{                                                                     \
		assert_int_equal(physbio_lifetime(PHYSBIO_LIFETIME_##id)      \
					 ->get(&hold, &tb.bio),               \
				 0);                                          \
	}                                                                     \
	static void unhold_##id(void)                                         \
	{                                                                     \
		physbio_lifetime(PHYSBIO_LIFETIME_##id)->put(&hold, &tb.bio); \
	}
HOLD(segment)
HOLD(bio)
HOLD(epoch)

static void who_uses_a_range_is_waited_for(void **state)
{
	static const struct {
		void (*take)(void), (*drop)(void);
	} cases[] = {
		{ pin, unpin },
		{ reference, unreference },
		{ hold_segment, unhold_segment },
		{ hold_bio, unhold_bio },
		{ hold_epoch, unhold_epoch },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		test_bio_init(&tb, PB_REQ_OP_READ, 0);
		assert_int_equal(pb_bio_add_phys(&tb.bio, PEER + PG,
						 (unsigned int)(3 * PG)),
				 3 * PG);
		cases[i].take();
		assert_int_equal(physbio_mem_offline(mem, PEER), 0);
		assert_int_equal(physbio_mem_remove(mem, PEER, 0), -EBUSY);
		assert_int_equal(physbio_mem_remove(mem, PEER, 1), -EBUSY);
		assert_non_null(physbio_mem_virt(mem, PEER + PG));
		cases[i].drop();
		assert_int_equal(physbio_mem_remove(mem, PEER, 0), 0);
		assert_int_equal(physbio_mem_add(mem, PEER), 0);
	}
}

static struct {
	int reading, removed;
} section;

static void *remove_it(void *arg)
{
	while (!__atomic_load_n(&section.reading, __ATOMIC_ACQUIRE))
		;
	unplug(PLUGGED);
	__atomic_store_n(&section.removed, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Until nobody finds it any more, and then a little: what was found is still there. */
static void a_read_section_keeps_what_it_found(void **state)
{
	struct pb_page *page;
	pthread_t thread;
	unsigned int idx;

	memset(&section, 0, sizeof(section));
	assert_int_equal(pthread_create(&thread, NULL, remove_it, NULL), 0);
	idx = physbio_read_lock();
	page = physbio_mem_page(mem, PLUGGED);
	__atomic_store_n(&section.reading, 1, __ATOMIC_RELEASE);
	while (physbio_mem_page(mem, PLUGGED))
		;
	assert_int_equal(*(volatile unsigned long *)&page->flags & PB_PG_dirty,
			 0);
	assert_false(__atomic_load_n(&section.removed, __ATOMIC_ACQUIRE));
	physbio_read_unlock(idx);
	pthread_join(thread, NULL);
	assert_int_equal(section.removed, 1);
}

#define WITH_MAP(test) cmocka_unit_test_setup_teardown(test, up, mem_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MAP(what_cannot_go_is_refused),
		cmocka_unit_test(maps_that_do_not_change_are_refused),
		WITH_MAP(nothing_of_a_removed_range_is_left),
		cmocka_unit_test(flatmem_and_sparsemem_forget_it_too),
		WITH_MAP(what_comes_back_is_new),
		WITH_MAP(an_offline_range_comes_back_as_it_was),
		WITH_MAP(a_reference_keeps_an_offline_range_from_coming_back),
		WITH_MAP(a_range_that_finds_no_room_stays_removed),
		WITH_MAP(what_the_host_keeps_open_is_reported),
		WITH_MAP(who_uses_a_range_is_waited_for),
		WITH_MAP(a_read_section_keeps_what_it_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
