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

/* What a stack of the given devices takes, each from its own first sector on. */
static int stacked(struct pb_queue_limits *top, const struct pb_queue_limits *a,
		   pb_sector_t a_start, const struct pb_queue_limits *b,
		   pb_sector_t b_start)
{
	struct pb_queue_limits lower[2] = { *a, *b };
	int ret;

	pb_blk_set_stacking_limits(top);
	assert_int_equal(pb_blk_validate_limits(&lower[0]), 0);
	assert_int_equal(pb_blk_validate_limits(&lower[1]), 0);
	ret = pb_blk_stack_limits(top, &lower[0], a_start);
	ret |= pb_blk_stack_limits(top, &lower[1], b_start);
	return ret;
}

static void one_device_below_is_what_it_was(void **state)
{
	struct pb_queue_limits lim = {
		.max_hw_sectors = 2048,
		.max_segments = 33,
		.max_segment_size = 8192,
		.seg_boundary_mask = 0xffff,
		.virt_boundary_mask = 4095,
		.dma_alignment = 3,
		.logical_block_size = 512,
		.physical_block_size = 4096,
		.io_opt = 65536,
		.chunk_sectors = 256,
		.max_hw_discard_sectors = 4096,
		.max_user_discard_sectors = UINT32_MAX,
		.max_write_zeroes_sectors = 77,
	};
	struct pb_queue_limits top;

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	pb_blk_set_stacking_limits(&top);
	assert_int_equal(pb_blk_stack_limits(&top, &lim, 0), 0);
	assert_int_equal(pb_blk_validate_limits(&top), 0);
	assert_int_equal(top.max_sectors, lim.max_sectors);
	assert_int_equal(top.max_hw_sectors, 2048);
	assert_int_equal(top.max_segments, 33);
	assert_int_equal(top.max_segment_size, 8192);
	assert_true(top.seg_boundary_mask == 0xffff);
	assert_true(top.virt_boundary_mask == 4095);
	assert_int_equal(top.dma_alignment, 511);
	assert_int_equal(top.physical_block_size, 4096);
	assert_int_equal(top.io_opt, 65536);
	assert_int_equal(top.chunk_sectors, 256);
	assert_int_equal(top.max_discard_sectors, 4096);
	assert_int_equal(top.max_write_zeroes_sectors, 77);
	assert_int_equal(top.max_fast_segment_size, lim.max_fast_segment_size);
}

static void a_stack_takes_what_fits_all(void **state)
{
	const struct pb_queue_limits a = { .max_hw_sectors = 2048,
					   .max_segments = 16,
					   .max_segment_size = 65536,
					   .seg_boundary_mask = 0xffffff,
					   .logical_block_size = 512,
					   .io_opt = 3 * 65536,
					   .chunk_sectors = 384,
					   .features = PB_BLK_FEAT_NOWAIT |
						       PB_BLK_FEAT_POLL,
					   .max_write_zeroes_sectors = 8 };
	const struct pb_queue_limits b = { .max_hw_sectors = 1000,
					   .max_segments = 64,
					   .max_segment_size = 16384,
					   .seg_boundary_mask = 0xffff,
					   .virt_boundary_mask = 4095,
					   .logical_block_size = 4096,
					   .io_opt = 2 * 65536,
					   .chunk_sectors = 256,
					   .dma_alignment = 1023,
					   .features = PB_BLK_FEAT_WRITE_CACHE |
						       PB_BLK_FEAT_NOWAIT };
	struct pb_queue_limits top;

	assert_int_equal(stacked(&top, &a, 0, &b, 0), 0);
	assert_int_equal(top.max_hw_sectors, 1000);
	assert_int_equal(top.max_segments, 16);
	assert_int_equal(top.max_segment_size, 16384);
	assert_true(top.seg_boundary_mask == 0xffff);
	assert_true(top.virt_boundary_mask == 4095);
	assert_int_equal(top.logical_block_size, 4096);
	assert_int_equal(top.physical_block_size, 4096);
	assert_int_equal(top.io_opt, 6 * 65536);
	assert_int_equal(top.chunk_sectors, 128);
	assert_int_equal(top.dma_alignment, 1023);
	assert_int_equal(top.max_write_zeroes_sectors, 0);
	assert_true(top.features & PB_BLK_FEAT_WRITE_CACHE);
	assert_false(top.features & PB_BLK_FEAT_POLL);
	assert_int_equal(top.flags, 0);
}

/* Blocks of 4 KiB from sector 0, and from sector 7 on: never together. */
static void devices_that_do_not_line_up_are_marked(void **state)
{
	static const struct {
		struct pb_queue_limits lim;
		pb_sector_t start;
		int ret;
	} cases[] = {
		{ { .physical_block_size = 4096 }, 0, 0 },
		{ { .physical_block_size = 4096 }, 8, 0 },
		{ { .physical_block_size = 4096 }, 7, -1 },
		{ { .physical_block_size = 4096, .alignment_offset = 3584 },
		  7,
		  0 },
	};
	const struct pb_queue_limits aligned = { .physical_block_size = 4096 };
	struct pb_queue_limits top;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(stacked(&top, &aligned, 0, &cases[i].lim,
					 cases[i].start),
				 cases[i].ret);
		assert_int_equal(!!(top.flags & PB_BLK_FLAG_MISALIGNED),
				 !!cases[i].ret);
	}
}

/* A driver that says where its blocks begin has not lost them. */
static void an_alignment_offset_clears_the_mark(void **state)
{
	struct pb_queue_limits lim = { .physical_block_size = 4096,
				       .flags = PB_BLK_FLAG_MISALIGNED };

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(lim.flags, PB_BLK_FLAG_MISALIGNED);
	lim.alignment_offset = 4096 + 512;
	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(lim.alignment_offset, 512);
	assert_int_equal(lim.flags, 0);
}

static void no_stack_takes_less_than_a_page(void **state)
{
	const struct pb_queue_limits small = {
		.max_hw_sectors = (uint32_t)(PG >> 9),
		.max_user_sectors = 8,
	};
	struct pb_queue_limits top;

	assert_int_equal(stacked(&top, &small, 0, &small, 0), 0);
	assert_int_equal(top.max_sectors, PG >> 9);
}

static void discards_begin_where_the_devices_granules_do(void **state)
{
	const struct pb_queue_limits lim = {
		.max_hw_discard_sectors = 4096,
		.max_user_discard_sectors = UINT32_MAX,
		.discard_granularity = 65536,
		.discard_alignment = 4096,
	};
	struct pb_queue_limits top, lower = lim;

	assert_int_equal(pb_blk_validate_limits(&lower), 0);
	pb_blk_set_stacking_limits(&top);
	assert_int_equal(pb_blk_stack_limits(&top, &lower, 2), 0);
	assert_int_equal(top.discard_granularity, 65536);
	assert_int_equal(top.discard_alignment, 4096 - 1024);
}

static void atomic_writes_stack_where_all_have_them(void **state)
{
	const struct pb_queue_limits a = {
		.features = PB_BLK_FEAT_ATOMIC_WRITES,
		.max_hw_sectors = 2048,
		.atomic_write_hw_max = 65536,
		.atomic_write_hw_unit_min = 512,
		.atomic_write_hw_unit_max = 65536,
	};
	struct pb_queue_limits b = a, none = { .max_hw_sectors = 2048 }, top;

	b.atomic_write_hw_unit_min = 4096;
	b.atomic_write_hw_unit_max = 16384;
	b.atomic_write_hw_max = 32768;
	assert_int_equal(stacked(&top, &a, 0, &b, 0), 0);
	assert_int_equal(top.atomic_write_hw_unit_min, 4096);
	assert_int_equal(top.atomic_write_hw_unit_max, 16384);
	assert_int_equal(top.atomic_write_hw_max, 32768);
	/* chunks end what is written at once */
	b.chunk_sectors = 64;
	assert_int_equal(stacked(&top, &a, 0, &b, 0), 0);
	assert_int_equal(top.atomic_write_hw_unit_max, 16384);
	/* it begins within a unit */
	assert_int_equal(stacked(&top, &a, 0, &b, 4), 0);
	assert_int_equal(top.atomic_write_hw_unit_max, 0);
	assert_int_equal(stacked(&top, &a, 0, &none, 0), 0);
	assert_int_equal(top.atomic_write_hw_max, 0);
	assert_false(top.features & PB_BLK_FEAT_ATOMIC_WRITES);
	/* and it does not come back */
	b = a;
	assert_int_equal(pb_blk_validate_limits(&b), 0);
	assert_int_equal(pb_blk_stack_limits(&top, &b, 0), 0);
	assert_int_equal(top.atomic_write_hw_unit_max, 0);
}

static void metadata_narrow_other_limits(void **state)
{
	struct pb_queue_limits lim = {
		.logical_block_size = 4096,
		.max_hw_sectors = 65535 & ~7u,
		.dma_alignment = 3,
		.max_segment_size = 4096,
		.integrity = { .csum_type = PB_BLK_INTEGRITY_CSUM_CRC,
			       .metadata_size = 64,
			       .pi_tuple_size = 8 },
	};

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(lim.integrity.interval_exp, 12);
	assert_int_equal(lim.dma_alignment, 4095);
	/* 64 intervals of 64 bytes are one segment */
	assert_int_equal(lim.max_sectors, 64 * 8);
}

static void metadata_that_contradict_themselves_are_refused(void **state)
{
	const struct pb_blk_integrity cases[] = {
		{ .csum_type = PB_BLK_INTEGRITY_CSUM_CRC },
		{ .tag_size = 2 },
		{ .metadata_size = 8, .csum_type = 4 },
		{ .metadata_size = 8, .flags = PB_BLK_INTEGRITY_REF_TAG },
		{ .metadata_size = 8,
		  .pi_tuple_size = 8,
		  .pi_offset = 1,
		  .csum_type = PB_BLK_INTEGRITY_CSUM_CRC },
		{ .metadata_size = 16,
		  .pi_tuple_size = 16,
		  .csum_type = PB_BLK_INTEGRITY_CSUM_IP },
		{ .metadata_size = 16,
		  .pi_tuple_size = 8,
		  .csum_type = PB_BLK_INTEGRITY_CSUM_CRC64 },
		{ .metadata_size = 8, .interval_exp = 8 },
		{ .metadata_size = 8, .interval_exp = 13 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_queue_limits lim = { .logical_block_size = 4096,
					       .integrity = cases[i] };
		struct pb_queue_limits before = lim;

		assert_int_equal(pb_blk_validate_limits(&lim), -EINVAL);
		assert_memory_equal(&lim, &before, sizeof(lim));
	}
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
		cmocka_unit_test(one_device_below_is_what_it_was),
		cmocka_unit_test(a_stack_takes_what_fits_all),
		cmocka_unit_test(devices_that_do_not_line_up_are_marked),
		cmocka_unit_test(an_alignment_offset_clears_the_mark),
		cmocka_unit_test(no_stack_takes_less_than_a_page),
		cmocka_unit_test(discards_begin_where_the_devices_granules_do),
		cmocka_unit_test(atomic_writes_stack_where_all_have_them),
		cmocka_unit_test(metadata_narrow_other_limits),
		cmocka_unit_test(
			metadata_that_contradict_themselves_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
