// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Limits: defaults, contradictions, what follows from what. */
#include "fixture.h"

#include <physbio/limits.h>

static void all_zero_gets_the_defaults(void **state)
{
	struct pb_queue_limits lim = { 0 };

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(lim.logical_block_size, 512);
	assert_int_equal(lim.physical_block_size, 512);
	assert_int_equal(lim.max_segments, 128);
	assert_int_equal(lim.max_segment_size, 65536);
	assert_true(lim.seg_boundary_mask == 0xffffffff);
	assert_int_equal(lim.max_hw_sectors, 255);
	assert_int_equal(lim.max_sectors, 255);
	assert_int_equal(lim.dma_alignment, 511);
	assert_int_equal(lim.max_fast_segment_size, PG < 65536 ? PG : 65536);
	assert_int_equal(lim.max_discard_segments, 1);
}

#define LIM(...) ((struct pb_queue_limits){ __VA_ARGS__ })

static void contradictions_are_refused_and_change_nothing(void **state)
{
	const struct pb_queue_limits cases[] = {
		LIM(.logical_block_size = 100),
		LIM(.logical_block_size = 256),
		LIM(.logical_block_size = 1 << 20),
		LIM(.physical_block_size = 1536),
		LIM(.max_hw_sectors = (uint32_t)(PG >> 9) - 1),
		LIM(.max_hw_sectors = 127, .logical_block_size = 65536),
		LIM(.max_user_sectors = 7),
		LIM(.seg_boundary_mask = 2047),
		LIM(.max_segment_size = 2048),
		LIM(.dma_alignment = 1 << 20),
		LIM(.zone_write_granularity = 4096),
		LIM(.max_zone_append_sectors = 8),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_queue_limits lim = cases[i];

		assert_int_equal(pb_blk_validate_limits(&lim), -EINVAL);
		assert_memory_equal(&lim, &cases[i], sizeof(lim));
	}
}

static void max_sectors_follows_the_device(void **state)
{
	static const struct {
		uint32_t hw, dev, user, io_min, io_opt, got;
	} cases[] = {
		{ 1024, 0, 0, 0, 0, 1024 },
		{ 65536, 0, 0, 0, 0, 8192 }, /* the cap of 4 MiB */
		{ 65536, 512, 0, 0, 0, 512 },
		{ 65536, 0, 256, 0, 0, 256 },
		{ 65536, 0, 0, 0, 16 << 20, 32768 },
		{ 65536, 0, 0, 8 << 20, 0, 16384 },
		{ 4096, 0, 0, 0, 16 << 20, 4096 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_queue_limits lim = {
			.max_hw_sectors = cases[i].hw,
			.max_dev_sectors = cases[i].dev,
			.max_user_sectors = cases[i].user,
			.io_min = cases[i].io_min,
			.io_opt = cases[i].io_opt,
		};

		assert_int_equal(pb_blk_validate_limits(&lim), 0);
		assert_int_equal(lim.max_sectors, cases[i].got);
	}
}

static void virt_boundary_lifts_the_segment_size(void **state)
{
	struct pb_queue_limits lim = { .virt_boundary_mask = 4095 };

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_true(lim.max_segment_size == UINT32_MAX);
}

static void a_boundary_of_all_ones_is_none(void **state)
{
	struct pb_queue_limits lim = { .seg_boundary_mask = UINT64_MAX,
				       .max_segment_size = UINT32_MAX };

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(lim.max_fast_segment_size, PG);
}

static void atomic_writes_need_powers_of_two(void **state)
{
	struct pb_queue_limits lim = {
		.features = PB_BLK_FEAT_ATOMIC_WRITES,
		.max_hw_sectors = 2048,
		.atomic_write_hw_max = 65536,
		.atomic_write_hw_unit_min = 512,
		.atomic_write_hw_unit_max = 65536,
	};
	struct pb_queue_limits odd = lim;

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(lim.atomic_write_max_sectors, 128);
	assert_int_equal(lim.atomic_write_unit_min, 512);
	assert_int_equal(lim.atomic_write_unit_max, 65536);
	odd.atomic_write_hw_unit_min = 1536;
	assert_int_equal(pb_blk_validate_limits(&odd), 0);
	assert_int_equal(odd.atomic_write_max_sectors, 0);
	assert_int_equal(odd.atomic_write_unit_max, 0);
}

/* Which kernel it is decides that, not which device. */
static void large_blocks_need_huge_pages(void **state)
{
	struct pb_queue_limits lim = {
		.logical_block_size = 65536,
		.quirks = PB_QUIRK_NO_LARGE_BLOCKS,
	};

	assert_int_equal(pb_blk_validate_limits(&lim),
			 PG < 65536 ? -EINVAL : 0);
	lim.quirks = 0;
	assert_int_equal(pb_blk_validate_limits(&lim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_zero_gets_the_defaults),
		cmocka_unit_test(contradictions_are_refused_and_change_nothing),
		cmocka_unit_test(max_sectors_follows_the_device),
		cmocka_unit_test(virt_boundary_lifts_the_segment_size),
		cmocka_unit_test(a_boundary_of_all_ones_is_none),
		cmocka_unit_test(atomic_writes_need_powers_of_two),
		cmocka_unit_test(large_blocks_need_huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
