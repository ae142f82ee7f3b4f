// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* PRPs and SGLs: which is built, and how lists are laid out. */
#include "fixture.h"

#include <physbio/nvme.h>

#define LIST_BUS 0x70000000u

static struct test_queue tq;
static struct test_bio tb;
static uint64_t list_mem[PB_NVME_MAX_LIST_PAGES][PB_NVME_PRPS_PER_PAGE];
static struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
static struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
static struct physbio_xlate identity;
static const struct pb_device dev = { .xlate = &identity,
				      .dma_mask = UINT64_MAX };
static struct pb_nvme_iod iod;

static struct pb_request *build(const struct range *r, unsigned int n)
{
	const struct pb_queue_limits lim = {
		.max_hw_sectors = 16384,
		.max_user_sectors = 16384,
		.max_segments = 256,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};
	unsigned int i;

	test_queue_up(&tq, &lim, 2);
	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < n; i++)
		test_bio_add(&tb, r[i].at, r[i].len);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 1);
	return kept[0];
}

static pb_blk_status_t map(const struct range *r, unsigned int n, bool sgl,
			   uint32_t threshold)
{
	unsigned int i;

	physbio_xlate_init_identity(&identity);
	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		lists[i] = (struct pb_nvme_list_page){
			list_mem[i],
			physbio_dma_make(LIST_BUS + i * 4096),
		};
	iod = (struct pb_nvme_iod){ .lists = lists,
				    .ranges = ranges,
				    .max_ranges = PB_NVME_MAX_SEGS,
				    .sgl_supported = sgl,
				    .sgl_threshold = threshold };
	return pb_nvme_map_data(build(r, n), &dev, &iod);
}

static void unmap(void)
{
	pb_nvme_unmap_data(kept[0], &dev, &iod);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static uint64_t bus(uint32_t at)
{
	return RAM_START + at;
}

static uint64_t prp(int which)
{
	return physbio_dma_value(which == 1 ? iod.dptr.prp.prp1 :
					      iod.dptr.prp.prp2);
}

static void one_or_two_pages_need_no_list(void **state)
{
	static const struct {
		struct range r;
		uint32_t second; /* page of PRP2, 0: none */
	} cases[] = {
		{ { 0, 4096 }, 0 },	  { { 512, 3584 }, 0 },
		{ { 512, 4096 }, 4096 },  { { 0, 8192 }, 4096 },
		{ { 3584, 4608 }, 4096 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(map(&cases[i].r, 1, false, 0) == PB_BLK_STS_OK);
		assert_false(iod.use_sgl);
		assert_true(prp(1) == bus(cases[i].r.at));
		assert_true(prp(2) ==
			    (cases[i].second ? bus(cases[i].second) : 0));
		unmap();
	}
}

static void more_pages_are_in_a_list(void **state)
{
	const struct range r[] = { { 512, 3584 }, { 65536, 8192 } };

	assert_true(map(r, 2, false, 0) == PB_BLK_STS_OK);
	assert_true(prp(1) == bus(512));
	assert_true(prp(2) == LIST_BUS);
	assert_true(list_mem[0][0] == bus(65536));
	assert_true(list_mem[0][1] == bus(65536 + 4096));
	unmap();
}

/* 514 pages: PRP1, then 513 entries; the last slot of the first page chains. */
static void a_full_list_page_chains(void **state)
{
	const struct range r = { 0, 514 * 4096 };

	if (RAM_PAGES * PG < 514 * 4096)
		skip();
	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(list_mem[0][510] == bus(511 * 4096));
	assert_true(list_mem[0][511] == LIST_BUS + 4096);
	assert_true(list_mem[1][0] == bus(512 * 4096));
	assert_true(list_mem[1][1] == bus(513 * 4096));
	unmap();
}

/* 513 pages: 512 entries fill one page, and nothing chains. */
static void an_exactly_full_list_page_does_not_chain(void **state)
{
	const struct range r = { 0, 513 * 4096 };

	if (RAM_PAGES * PG < 513 * 4096)
		skip();
	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(list_mem[0][511] == bus(512 * 4096));
	unmap();
}

static void gaps_need_an_sgl(void **state)
{
	const struct range r[] = { { 0, 512 }, { 65536, 1024 } };
	struct pb_nvme_sgl_desc *list = (void *)list_mem[0];

	assert_true(map(r, 2, true, 0) == PB_BLK_STS_OK);
	assert_true(iod.use_sgl);
	assert_int_equal(iod.dptr.sgl.type, PB_NVME_SGL_LAST_SEGMENT);
	assert_int_equal(iod.dptr.sgl.length, 32);
	assert_true(physbio_dma_value(iod.dptr.sgl.addr) == LIST_BUS);
	assert_int_equal(list[0].type, PB_NVME_SGL_DATA);
	assert_true(physbio_dma_value(list[0].addr) == bus(0));
	assert_int_equal(list[1].length, 1024);
	unmap();
}

static void gaps_without_sgls_are_an_error(void **state)
{
	const struct range r[] = { { 0, 512 }, { 65536, 1024 } };

	assert_int_equal(pb_blk_status_to_errno(map(r, 2, false, 0)), -EIO);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void large_segments_go_by_sgl(void **state)
{
	const struct range r[] = { { 0, 32768 }, { 65536, 32768 } };

	assert_true(map(r, 2, true, 32768) == PB_BLK_STS_OK);
	assert_true(iod.use_sgl);
	unmap();
	assert_true(map(r, 2, true, 32769) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	unmap();
}

/* 5120 bytes in 3 segments: 1707 on average, as the kernel rounds. */
static void the_average_is_rounded_up(void **state)
{
	const struct range r[] = { { 3584, 512 },
				   { 65536, 4096 },
				   { 131072, 512 } };

	assert_true(map(r, 3, true, 1707) == PB_BLK_STS_OK);
	assert_true(iod.use_sgl);
	unmap();
	assert_true(map(r, 3, true, 1708) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	unmap();
}

/* Two pages of memory, three of the bus: no SGL for a device without SGLs. */
static void a_shifted_page_needs_a_list(void **state)
{
	const struct physbio_window w = { RAM_START, RAM_PAGES * PG,
					  0x20000800 };
	const struct range r = { 0, 8192 };
	struct physbio_xlate x;
	const struct pb_device shifted = { .xlate = &x,
					   .dma_mask = UINT64_MAX };

	assert_int_equal(physbio_xlate_init_windows(&x, &w, 1), 0);
	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(pb_nvme_map_data(kept[0], &shifted, &iod) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	assert_true(prp(1) == 0x20000800);
	assert_true(prp(2) == LIST_BUS);
	assert_true(list_mem[0][0] == 0x20001000);
	assert_true(list_mem[0][1] == 0x20002000);
	unmap();
}

/* A translator that must be told: every map has its unmap, also after an error. */
static unsigned int mapped, unmapped;

static pb_dma_addr_t counting_map(const struct pb_device *dev,
				  pb_phys_addr_t phys, uint64_t size,
				  enum pb_dma_data_direction dir,
				  unsigned long attrs)
{
	if (mapped == 2)
		return PB_DMA_MAPPING_ERROR;
	mapped++;
	return physbio_dma_make(phys);
}

static void counting_unmap(const struct pb_device *dev, pb_dma_addr_t addr,
			   uint64_t size, enum pb_dma_data_direction dir,
			   unsigned long attrs)
{
	unmapped++;
}

static void an_error_half_way_unmaps_what_was_mapped(void **state)
{
	static const struct physbio_xlate_ops ops = {
		.map_phys = counting_map,
		.unmap_phys = counting_unmap,
	};
	const struct physbio_xlate x = { .ops = &ops };
	const struct pb_device counted = { .xlate = &x,
					   .dma_mask = UINT64_MAX };
	const struct range r[] = { { 0, 4096 },
				   { 65536, 4096 },
				   { 131072, 4096 } };

	mapped = unmapped = 0;
	assert_true(map(r, 3, false, 0) == PB_BLK_STS_OK);
	assert_int_equal(pb_blk_status_to_errno(
				 pb_nvme_map_data(kept[0], &counted, &iod)),
			 -EIO);
	assert_int_equal(mapped, 2);
	assert_int_equal(unmapped, 2);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_or_two_pages_need_no_list),
		cmocka_unit_test(more_pages_are_in_a_list),
		cmocka_unit_test(a_full_list_page_chains),
		cmocka_unit_test(an_exactly_full_list_page_does_not_chain),
		cmocka_unit_test(gaps_need_an_sgl),
		cmocka_unit_test(gaps_without_sgls_are_an_error),
		cmocka_unit_test(large_segments_go_by_sgl),
		cmocka_unit_test(the_average_is_rounded_up),
		cmocka_unit_test(a_shifted_page_needs_a_list),
		cmocka_unit_test(an_error_half_way_unmaps_what_was_mapped),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
