// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buffers and their frames, whether the kernel tells them or not. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <physbio/buffer.h>

static struct physbio_buffer *pages, *thp;
static struct physbio_error error;
static struct physbio_snapshot snap;

static int up(void **state)
{
	return physbio_buffer_alloc(PHYSBIO_BUFFER_PAGES, 1 << 20, -1, &pages,
				    NULL) ||
	       physbio_buffer_alloc(PHYSBIO_BUFFER_THP, 4 << 20, -1, &thp,
				    NULL);
}

static int down(void **state)
{
	physbio_buffer_free(pages);
	physbio_buffer_free(thp);
	return 0;
}

static void sizes_are_checked_and_rounded(void **state)
{
	struct physbio_buffer *b = NULL;

	assert_int_equal(physbio_buffer_alloc(PHYSBIO_BUFFER_PAGES, 0, -1, &b,
					      &error),
			 -EINVAL);
	assert_non_null(strstr(error.message, "size"));
	assert_null(b);
	assert_int_equal(physbio_buffer_alloc(PHYSBIO_BUFFER_PAGES, 1, -1, &b,
					      &error),
			 0);
	assert_int_equal(b->size % PG, 0);
	physbio_buffer_free(b);
}

/* What no machine has: more hugetlb pages than memory. */
static void missing_huge_pages_are_said_by_name(void **state)
{
	struct physbio_buffer *b = NULL;
	size_t much = (size_t)1 << (sizeof(size_t) == 4 ? 30 : 45);

	assert_int_equal(physbio_buffer_alloc(PHYSBIO_BUFFER_HUGETLB, much, -1,
					      &b, &error),
			 -ENOTSUP);
	assert_non_null(strstr(error.message, "hugetlb"));
	assert_null(b);
}

static void frames_are_distinct_and_have_the_bytes(void **state)
{
	struct physbio_buffer *all[] = { pages, thp };
	struct physbio_mem *map;
	size_t i;

	assert_int_equal(physbio_snapshot_take(all, 2, 1, &snap, &error), 0);
	assert_true(*snap.source);
	if (snap.synthetic)
		assert_non_null(strstr(snap.source, "synthetic"));
	if (physbio_snapshot_map(all, 2, NULL, 0, &map, &error)) {
		/* 32-bit code has no room for the pages of a large machine */
		assert_true(sizeof(void *) == 4);
		skip();
	}
	for (i = 0; i < pages->size; i += 777)
		assert_ptr_equal(
			physbio_mem_virt(map, physbio_buffer_phys(pages, i)),
			pages->virt + i);
	if (thp->huge)
		assert_true(
			pb_phys_to_page(physbio_buffer_phys(thp, 0))->flags &
			PB_PG_head);
	physbio_mem_destroy(map);
}

static void runs_end_where_frames_do(void **state)
{
	struct physbio_buffer *all[] = { pages, thp };
	pb_phys_addr_t paddr, next;
	size_t at = 100, run;

	assert_int_equal(physbio_snapshot_take(all, 2, 1, &snap, &error), 0);
	while (at < pages->size) {
		run = physbio_buffer_run(pages, at, pages->size - at, &paddr);
		assert_true(run);
		assert_int_equal(paddr, physbio_buffer_phys(pages, at));
		at += run;
		if (at == pages->size)
			break;
		next = physbio_buffer_phys(pages, at);
		assert_int_equal(pb_offset_in_page(next), 0);
		assert_int_not_equal(next, paddr + run);
	}
	assert_int_equal(physbio_buffer_run(pages, 10, 7, &paddr), 7);
}

static void nodes_are_described(void **state)
{
	char text[80] = "";

	physbio_numa_describe(text, sizeof(text));
	assert_true(*text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_checked_and_rounded),
		cmocka_unit_test(missing_huge_pages_are_said_by_name),
		cmocka_unit_test(frames_are_distinct_and_have_the_bytes),
		cmocka_unit_test(runs_end_where_frames_do),
		cmocka_unit_test(nodes_are_described),
	};

	return cmocka_run_group_tests(tests, up, down);
}
