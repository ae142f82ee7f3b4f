// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A request becomes ranges, and the ranges bus addresses. */
#include "fixture.h"

#include <physbio/dma.h>

static struct test_queue tq;
static struct test_bio bios[4];

/* A request of up to four bios of up to four ranges; what must come out. */
struct dma_case {
	const char *name;
	struct pb_queue_limits lim;
	struct range ranges[4][4];
	struct range out[8];
};

static struct pb_request *build(const struct dma_case *c)
{
	struct pb_blk_plug plug;
	pb_sector_t sector = 0;
	unsigned int i, j;

	test_queue_up(&tq, &c->lim, 8);
	pb_blk_start_plug(&plug);
	for (i = 0; i < 4 && c->ranges[i][0].len; i++) {
		test_bio_init(&bios[i], PB_REQ_OP_READ, sector);
		bios[i].bio.bi_bdev = &tq.bdev;
		for (j = 0; j < 4 && c->ranges[i][j].len; j++)
			test_bio_add(&bios[i], c->ranges[i][j].at,
				     c->ranges[i][j].len);
		sector += pb_bio_sectors(&bios[i].bio);
		pb_submit_bio(&bios[i].bio);
	}
	pb_blk_finish_plug(&plug);
	if (nr_kept != 1)
		fail_msg("%s: %u requests", c->name, nr_kept);
	return kept[0];
}

static void check_ranges(const struct dma_case *c)
{
	struct pb_request *rq = build(c);
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	unsigned int n = 0;

	pb_blk_map_iter_init(rq, &iter);
	while (pb_blk_map_iter_next(rq, &iter, &vec)) {
		if (n == ARRAY_SIZE(c->out) || vec.len != c->out[n].len ||
		    vec.paddr != RAM_START + c->out[n].at)
			fail_msg("%s: range %u is 0x%llx+0x%x", c->name, n,
				 (unsigned long long)(vec.paddr - RAM_START),
				 vec.len);
		n++;
	}
	if (n < ARRAY_SIZE(c->out) && c->out[n].len)
		fail_msg("%s: only %u ranges", c->name, n);
	assert_true(n <= rq->nr_phys_segments);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void vectors_that_touch_are_one_range(void **state)
{
	const struct dma_case cases[] = {
		{ "one",
		  { .max_hw_sectors = 4096 },
		  { { { 0, 4096 } } },
		  { { 0, 4096 } } },
		{ "two apart",
		  { .max_hw_sectors = 4096 },
		  { { { 0, 4096 }, { 65536, 4096 } } },
		  { { 0, 4096 }, { 65536, 4096 } } },
		{ "over bios",
		  { .max_hw_sectors = 4096 },
		  { { { 0, 4096 } }, { { 4096, 4096 } }, { { 65536, 512 } } },
		  { { 0, 8192 }, { 65536, 512 } } },
		{ "up to the segment size",
		  { .max_hw_sectors = 4096, .max_segment_size = 8192 },
		  { { { 0, 4096 } }, { { 4096, 4096 } }, { { 8192, 4096 } } },
		  { { 0, 8192 }, { 8192, 4096 } } },
		{ "not if the whole does not fit",
		  { .max_hw_sectors = 4096, .max_segment_size = 8192 },
		  { { { 0, 6144 } }, { { 6144, 4096 } } },
		  { { 0, 6144 }, { 6144, 4096 } } },
		{ "cut at the segment boundary",
		  { .max_hw_sectors = 4096, .seg_boundary_mask = 8191 },
		  { { { 4096, 12288 } } },
		  { { 4096, 4096 }, { 8192, 8192 } } },
		{ "cut to the segment size",
		  { .max_hw_sectors = 4096, .max_segment_size = 4096 },
		  { { { 512, 9216 } } },
		  { { 512, 4096 }, { 4608, 4096 }, { 8704, 1024 } } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_ranges(&cases[i]);
}

static const struct dma_case two_ranges = {
	"two",
	{ .max_hw_sectors = 4096 },
	{ { { 0, 4096 }, { 65536, 4096 } } },
	{ { 0, 0 } },
};

static void each_range_goes_through_the_translator(void **state)
{
	const struct physbio_window window = { RAM_START, 1 << 20, 0x40000000 };
	uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(1) / 8];
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	struct pb_dma_iova_state iova;
	struct pb_blk_dma_iter iter;
	struct pb_request *rq = build(&two_ranges);

	assert_int_equal(physbio_xlate_init_windows(&x, &window, 1, index), 0);
	assert_true(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_true(physbio_dma_value(iter.addr) == 0x40000000);
	assert_int_equal(iter.len, 4096);
	assert_true(pb_blk_rq_dma_map_iter_next(rq, &dev, &iova, &iter));
	assert_true(physbio_dma_value(iter.addr) == 0x40010000);
	assert_false(pb_blk_rq_dma_map_iter_next(rq, &dev, &iova, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), 0);
	assert_true(pb_blk_rq_dma_unmap(rq, &dev, &iova, 8192, iter.map));
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void a_range_out_of_reach_ends_the_mapping(void **state)
{
	const struct physbio_window window = { RAM_START, 4096, 0 };
	uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(1) / 8];
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	struct pb_dma_iova_state iova;
	struct pb_blk_dma_iter iter;
	struct pb_request *rq = build(&two_ranges);

	assert_int_equal(physbio_xlate_init_windows(&x, &window, 1, index), 0);
	assert_true(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_false(pb_blk_rq_dma_map_iter_next(rq, &dev, &iova, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), -EIO);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_that_touch_are_one_range),
		cmocka_unit_test(each_range_goes_through_the_translator),
		cmocka_unit_test(a_range_out_of_reach_ends_the_mapping),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
