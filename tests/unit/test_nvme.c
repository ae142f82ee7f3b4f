// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* PRPs and SGLs: which is built, and how lists are laid out. */
#include <endian.h>

/* The largest transfer, and gaps. */
#define RAM_PAGES ((16 << 20) / PB_PAGE_SIZE)

#include "fixture.h"

#include <physbio/integrity.h>
#include <physbio/iommu.h>

#include <physbio/nvme.h>

#define LIST_BUS 0x70000000u
#define SMALL_BUS 0x7f000f00u
#define META_BUS 0x7f001e00u

static struct test_queue tq;
static struct test_bio tb;
static uint64_t list_mem[PB_NVME_MAX_LIST_PAGES][PB_NVME_PRPS_PER_PAGE];
static uint64_t small_mem[PB_NVME_SMALL_POOL_SIZE / 8];
static struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
static struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
static struct physbio_xlate identity;
static const struct pb_device dev = { .xlate = &identity,
				      .dma_mask = UINT64_MAX };
static struct pb_nvme_iod iod;

static const struct pb_queue_limits nvme_limits = {
	.max_hw_sectors = PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
	.max_user_sectors = PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
	.max_segments = PB_NVME_MAX_SEGS,
	.max_segment_size = UINT32_MAX,
	.dma_alignment = 3,
};

static struct pb_queue_limits lim;

static int default_limits(void **state)
{
	lim = nvme_limits;
	return 0;
}

static struct pb_request *build(const struct range *r, unsigned int n)
{
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

/* The same request again, for another iod or device. */
static pb_blk_status_t again(const struct pb_device *other)
{
	return pb_nvme_map_data(kept[0], other, &iod);
}

static void down(void)
{
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void unmap(void)
{
	pb_nvme_unmap_data(kept[0], &dev, &iod);
	down();
}

static void give_small(void)
{
	iod.small = (struct pb_nvme_list_page){
		small_mem,
		physbio_dma_make(SMALL_BUS),
	};
}

static uint64_t bus(uint32_t at)
{
	return RAM_START + at;
}

static uint64_t prp(int which)
{
	return le64toh(which == 1 ? iod.dptr.prp.prp1 : iod.dptr.prp.prp2);
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
	assert_true(le64toh(list_mem[0][0]) == bus(65536));
	assert_true(le64toh(list_mem[0][1]) == bus(65536 + 4096));
	unmap();
}

/* 514 pages: PRP1, then 513 entries; the last slot of the first page chains. */
static void a_full_list_page_chains(void **state)
{
	const struct range r = { 0, 514 * 4096 };

	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(le64toh(list_mem[0][510]) == bus(511 * 4096));
	assert_true(le64toh(list_mem[0][511]) == LIST_BUS + 4096);
	assert_true(le64toh(list_mem[1][0]) == bus(512 * 4096));
	assert_true(le64toh(list_mem[1][1]) == bus(513 * 4096));
	unmap();
}

/* 513 pages: 512 entries fill one page, and nothing chains. */
static void an_exactly_full_list_page_does_not_chain(void **state)
{
	const struct range r = { 0, 513 * 4096 };

	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(le64toh(list_mem[0][511]) == bus(512 * 4096));
	unmap();
}

/* 513 pages and another range: for what is no page any more the list chains after all. */
static void a_short_range_behind_a_full_list_page_chains(void **state)
{
	static const uint32_t lens[] = { 4096, 512 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct range r[] = { { 0, 513 * 4096 },
					   { 1024 * 4096, lens[i] } };

		memset(list_mem, 0, sizeof(list_mem));
		assert_true(map(r, 2, false, 0) == PB_BLK_STS_OK);
		assert_true(le64toh(list_mem[0][510]) == bus(511 * 4096));
		assert_true(le64toh(list_mem[0][511]) == LIST_BUS + 4096);
		assert_true(le64toh(list_mem[1][0]) == bus(512 * 4096));
		assert_true(le64toh(list_mem[1][1]) == bus(1024 * 4096));
		assert_true(list_mem[1][2] == 0);
		unmap();
	}
}

/* PRP1, four pages that chain, and a last one that does not. */
static void what_no_prp_list_holds_is_an_error(void **state)
{
	const uint32_t most = 1 + 4 * 511 + 512;
	const struct range fits = { 0, most * 4096 };
	const struct range one_more[] = { { 0, most * 4096 },
					  { (most + 16) * 4096, 512 } };
	const struct range longer = { 0, most * 4096 + 512 };

	lim.max_hw_sectors = lim.max_user_sectors = 2 * PB_NVME_MAX_BYTES >>
						    PB_SECTOR_SHIFT;
	assert_true(map(&fits, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(le64toh(list_mem[4][511]) == bus((most - 1) * 4096));
	unmap();
	assert_int_equal(pb_blk_status_to_errno(map(one_more, 2, false, 0)),
			 -EIO);
	down();
	assert_int_equal(pb_blk_status_to_errno(map(&longer, 1, false, 0)),
			 -EIO);
	down();
}

static void gaps_need_an_sgl(void **state)
{
	const struct range r[] = { { 0, 512 }, { 65536, 1024 } };
	struct pb_nvme_sgl_desc *list = (void *)list_mem[0];

	assert_true(map(r, 2, true, 0) == PB_BLK_STS_OK);
	assert_true(iod.use_sgl);
	assert_int_equal(iod.dptr.sgl.type, PB_NVME_SGL_LAST_SEGMENT);
	assert_int_equal(le32toh(iod.dptr.sgl.length), 32);
	assert_true(le64toh(iod.dptr.sgl.addr) == LIST_BUS);
	assert_int_equal(list[0].type, PB_NVME_SGL_DATA);
	assert_true(le64toh(list[0].addr) == bus(0));
	assert_int_equal(le32toh(list[1].length), 1024);
	unmap();
}

static void gaps_without_sgls_are_an_error(void **state)
{
	static const struct range cases[][2] = {
		{ { 0, 512 }, { 65536, 1024 } }, /* ends within a page */
		{ { 0, 4096 }, { 65536 + 512, 1024 } }, /* begins within one */
		{ { 0, 512 }, { 65536 + 512, 1024 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			pb_blk_status_to_errno(map(cases[i], 2, false, 0)),
			-EIO);
		down();
	}
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
	uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(1) / 8];
	struct physbio_xlate x;
	const struct pb_device shifted = { .xlate = &x,
					   .dma_mask = UINT64_MAX };

	assert_int_equal(physbio_xlate_init_windows(&x, &w, 1, index), 0);
	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(pb_nvme_map_data(kept[0], &shifted, &iod) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	assert_true(prp(1) == 0x20000800);
	assert_true(prp(2) == LIST_BUS);
	assert_true(le64toh(list_mem[0][0]) == 0x20001000);
	assert_true(le64toh(list_mem[0][1]) == 0x20002000);
	unmap();
}

/* PRP1 and 2047 entries: four full pages of 511 and the last three. */
static void the_largest_transfer_takes_five_list_pages(void **state)
{
	const struct range r = { 512, PB_NVME_MAX_BYTES - 512 };
	const struct range whole = { 512, PB_NVME_MAX_BYTES };
	unsigned int i, page = 0, slot = 0;

	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	assert_true(le64toh(list_mem[4][2]) == bus(2047 * 4096));
	unmap();
	assert_true(map(&whole, 1, false, 0) == PB_BLK_STS_OK);
	for (i = 1; i <= 2048; i++, slot++) {
		if (slot == 511 && i != 2048) {
			page++;
			slot = 0;
			assert_true(le64toh(list_mem[page - 1][511]) ==
				    LIST_BUS + page * 4096);
		}
		assert_true(le64toh(list_mem[page][slot]) == bus(i * 4096));
	}
	assert_int_equal(page, 4);
	unmap();
}

static void short_lists_are_in_a_small_block(void **state)
{
	static const struct {
		uint32_t pages; /* of one range */
		bool small;
	} cases[] = { { 3, true }, { 33, true }, { 34, false } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct range r = { 512, cases[i].pages * 4096 - 512 };
		const uint64_t *list = cases[i].small ? small_mem : list_mem[0];
		uint32_t j;

		assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
		give_small();
		assert_true(again(&dev) == PB_BLK_STS_OK);
		assert_true(prp(2) == (cases[i].small ? SMALL_BUS : LIST_BUS));
		for (j = 1; j < cases[i].pages; j++)
			assert_true(le64toh(list[j - 1]) == bus(j * 4096));
		unmap();
	}
}

static void short_sgls_are_in_a_small_block(void **state)
{
	static const struct {
		unsigned int segments;
		uint64_t at;
	} cases[] = { { 2, SMALL_BUS }, { 16, SMALL_BUS }, { 17, LIST_BUS } };
	struct range r[17];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct range){ i * 8192, 512 };
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(map(r, cases[i].segments, true, 0) ==
			    PB_BLK_STS_OK);
		give_small();
		assert_true(again(&dev) == PB_BLK_STS_OK);
		assert_true(le64toh(iod.dptr.sgl.addr) == cases[i].at);
		assert_int_equal(le32toh(iod.dptr.sgl.length),
				 16 * cases[i].segments);
		unmap();
	}
}

/* 600 segments: 255 and a pointer, 255 and a pointer to the last 90. */
static void a_long_sgl_chains_by_segment_descriptors(void **state)
{
	const struct range r = { 0, 600 * 4096 };
	struct pb_nvme_sgl_desc *list[3];
	unsigned int i;

	lim.max_segments = 1024;
	lim.max_segment_size = 4096;
	for (i = 0; i < 3; i++)
		list[i] = (void *)list_mem[i];
	assert_true(map(&r, 1, true, 1) == PB_BLK_STS_OK);
	assert_int_equal(iod.nr_ranges, 600);
	assert_int_equal(iod.dptr.sgl.type, PB_NVME_SGL_SEGMENT);
	assert_int_equal(le32toh(iod.dptr.sgl.length), 4096);
	assert_int_equal(list[0][255].type, PB_NVME_SGL_SEGMENT);
	assert_true(le64toh(list[0][255].addr) == LIST_BUS + 4096);
	assert_int_equal(le32toh(list[0][255].length), 4096);
	assert_int_equal(list[1][255].type, PB_NVME_SGL_LAST_SEGMENT);
	assert_true(le64toh(list[1][255].addr) == LIST_BUS + 2 * 4096);
	assert_int_equal(le32toh(list[1][255].length), 90 * 16);
	for (i = 0; i < 600; i++) {
		assert_int_equal(list[i / 255][i % 255].type, PB_NVME_SGL_DATA);
		assert_true(le64toh(list[i / 255][i % 255].addr) ==
			    bus(i * 4096));
	}
	unmap();
}

/* 256 segments fill one page, of which the command says that it is the last. */
static void an_exactly_full_sgl_page_does_not_chain(void **state)
{
	const struct range r = { 0, 256 * 4096 };
	struct pb_nvme_sgl_desc *list = (void *)list_mem[0];

	lim.max_segment_size = 4096;
	assert_true(map(&r, 1, true, 1) == PB_BLK_STS_OK);
	assert_int_equal(iod.dptr.sgl.type, PB_NVME_SGL_LAST_SEGMENT);
	assert_int_equal(le32toh(iod.dptr.sgl.length), 4096);
	assert_int_equal(list[255].type, PB_NVME_SGL_DATA);
	assert_true(le64toh(list[255].addr) == bus(255 * 4096));
	unmap();
}

static void what_no_list_holds_is_an_error(void **state)
{
	const struct range r = { 0, 1300 * 4096 };

	lim.max_segments = 2048;
	lim.max_segment_size = 4096;
	assert_int_equal(pb_blk_status_to_errno(map(&r, 1, true, 1)), -EIO);
	down();
}

/* The small block was chosen for fewer. */
static void more_ranges_than_segments_are_an_error(void **state)
{
	struct range r[17];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct range){ i * 8192, 512 };
	assert_true(map(r, 17, true, 0) == PB_BLK_STS_OK);
	give_small();
	kept[0]->nr_phys_segments = 16;
	assert_int_equal(pb_blk_status_to_errno(again(&dev)), -EIO);
	down();
}

static void sgls_are_forced_or_forbidden(void **state)
{
	static const struct {
		bool supported, admin, user;
		uint16_t integrity; /* segments of metadata */
		uint32_t threshold;
		bool sgl;
	} cases[] = {
		{ true, false, false, 0, 0, false },
		{ true, false, false, 1, 0, false },
		{ true, false, false, 2, 0, true },
		{ true, false, true, 0, 0, true },
		{ true, false, false, 0, 4096, true },
		{ true, true, true, 2, 1, false },
		{ false, false, true, 2, 1, false },
	};
	static const struct range r[] = { { 0, 4096 }, { 65536, 4096 } };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (n = 1; n <= 2; n++) {
			assert_true(map(r, n, cases[i].supported,
					cases[i].threshold) == PB_BLK_STS_OK);
			iod.admin = cases[i].admin;
			iod.user_cmd = cases[i].user;
			kept[0]->nr_integrity_segments = cases[i].integrity;
			assert_true(again(&dev) == PB_BLK_STS_OK);
			/* what is no list needs no average */
			assert_int_equal(iod.use_sgl,
					 cases[i].sgl && (n == 2 ||
							  !cases[i].threshold));
			kept[0]->nr_integrity_segments = 0;
			unmap();
		}
	}
}

static void one_segment_of_three_pages_is_an_inline_sgl(void **state)
{
	const struct range r = { 512, 8192 };

	assert_true(map(&r, 1, true, 0) == PB_BLK_STS_OK);
	assert_true(iod.use_sgl);
	assert_int_equal(iod.dptr.sgl.type, PB_NVME_SGL_DATA);
	assert_int_equal(le32toh(iod.dptr.sgl.length), 8192);
	assert_true(le64toh(iod.dptr.sgl.addr) == bus(512));
	iod.admin = true;
	assert_true(again(&dev) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	assert_true(prp(2) == LIST_BUS);
	unmap();
}

/* What needs no list is mapped by itself, what needs one by the iterator. */
static void one_segment_of_three_pages_takes_the_iterator(void **state)
{
	static const struct {
		struct range r;
		bool iterator;
	} cases[] = { { { 0, 8192 }, false },
		      { { 512, 7680 }, false },
		      { { 512, 8192 }, true } };
	struct physbio_iommu_stats stats;
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device translated = { .xlate = &x,
					      .dma_mask = UINT64_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(map(&cases[i].r, 1, false, 0) == PB_BLK_STS_OK);
		assert_int_equal(physbio_iommu_create(4096, 0x100000, 0x100000,
						      &iommu),
				 0);
		physbio_xlate_init_iommu(&x, iommu);
		assert_true(again(&translated) == PB_BLK_STS_OK);
		assert_int_equal(iod.nr_ranges, 1);
		assert_int_equal(pb_dma_use_iova(&iod.state),
				 cases[i].iterator);
		assert_int_equal(iod.nr_saved, !cases[i].iterator);
		pb_nvme_unmap_data(kept[0], &translated, &iod);
		physbio_iommu_stats(iommu, &stats);
		assert_int_equal(stats.pages, 0);
		physbio_iommu_destroy(iommu);
		down();
	}
}

static void one_segment_of_a_peer_takes_the_iterator(void **state)
{
	static const uint8_t p2p[] = { PB_PCI_P2PDMA_MAP_BUS_ADDR };
	const struct physbio_region region = { RAM_START, RAM_PAGES * PG,
					       0x5000, 0 };
	const struct range r = { 0, 4096 };

	assert_true(map(&r, 1, true, 0) == PB_BLK_STS_OK);
#ifndef PB_REPR_PAGE
	physbio_xlate_set_p2p(&identity, p2p, 1);
	tb.bio.bi_region = &region;
	assert_true(again(&dev) == PB_BLK_STS_OK);
	assert_int_equal(iod.map, PB_PCI_P2PDMA_MAP_BUS_ADDR);
	assert_true(prp(1) == bus(0) + 0x5000);
#else
	(void)p2p; /* a page says whose it is: that one is RAM */
	(void)region;
#endif
	unmap();
}

/* A table that begins with nothing: PRP1 is the first byte all the same. */
static void an_empty_entry_is_not_prp1(void **state)
{
	static const struct range real[] = { { 0x8000, 4096 },
					     { 0x10000, 4096 } };
	static const uint8_t p2p[] = { PB_PCI_P2PDMA_MAP_BUS_ADDR };
	const struct physbio_region region = { RAM_START, RAM_PAGES * PG,
					       0x5000, 0 };
	unsigned int i, n;

	for (i = 0; i < 4; i++) {
		bool peer = i & 2;

		n = 1 + i % 2;
		assert_true(map(real, n, false, 0) == PB_BLK_STS_OK);
		pb_bvec_set_phys(&tb.table[0], RAM_START + 0x1000, 0);
		pb_bvec_set_phys(&tb.table[1], bus(0x8000), 4096);
		pb_bvec_set_phys(&tb.table[2], bus(0x10000), 4096);
#ifndef PB_REPR_PAGE
		physbio_xlate_set_p2p(&identity, p2p, 1);
		tb.bio.bi_region = peer ? &region : NULL;
#else
		peer = false; /* a page says whose it is: these are RAM */
		(void)p2p;
#endif
		assert_true(again(&dev) == PB_BLK_STS_OK);
		assert_int_equal(iod.nr_ranges, n);
		assert_true(prp(1) == bus(0x8000) + (peer ? 0x5000 : 0));
		assert_true(prp(2) ==
			    (n == 2 ? bus(0x10000) + (peer ? 0x5000 : 0) : 0));
		unmap();
	}
	(void)region;
}

/* A driver's own vector in place of the bio's. */
static void a_special_payload_is_what_is_mapped(void **state)
{
	const struct range r = { 0, 4096 };
	static struct test_bio other;

	assert_true(map(&r, 1, false, 0) == PB_BLK_STS_OK);
	test_bio_init(&other, PB_REQ_OP_READ, 0);
	test_bio_add(&other, 512, 16);
	kept[0]->special_vec = &other.table[0];
	kept[0]->rq_flags |= PB_RQF_SPECIAL_PAYLOAD;
	assert_true(again(&dev) == PB_BLK_STS_OK);
	assert_int_equal(iod.len, 16);
	assert_true(prp(1) == bus(512));
	assert_true(prp(2) == 0);
	kept[0]->rq_flags &= ~PB_RQF_SPECIAL_PAYLOAD;
	down();
}

/* --- what must be unmapped --- */

/* Every map has its unmap, also after an error. */
static unsigned int mapped, fail_at;
static uint32_t live; /* one bit for each 64 KiB of RAM */

static uint32_t live_bit(uint64_t addr)
{
	return 1u << ((addr - RAM_START) >> 16);
}

static pb_dma_addr_t counting_map(const struct pb_device *dev,
				  pb_phys_addr_t phys, uint64_t size,
				  enum pb_dma_data_direction dir,
				  unsigned long attrs)
{
	if (mapped == fail_at)
		return PB_DMA_MAPPING_ERROR;
	mapped++;
	live |= live_bit(phys);
	return physbio_dma_make(phys);
}

static void counting_unmap(const struct pb_device *dev, pb_dma_addr_t addr,
			   uint64_t size, enum pb_dma_data_direction dir,
			   unsigned long attrs)
{
	assert_true(live & live_bit(physbio_dma_value(addr)));
	assert_int_equal(
		size, live_bit(physbio_dma_value(addr)) < 0x10000 ? 4096 : 64);
	live &= ~live_bit(physbio_dma_value(addr));
}

static const struct physbio_xlate_ops counting_ops = {
	.map_phys = counting_map,
	.unmap_phys = counting_unmap,
};
static const struct physbio_xlate counting = { .ops = &counting_ops };
static const struct pb_device counted = { .xlate = &counting,
					  .dma_mask = UINT64_MAX };

static const struct range five[] = { { 0, 4096 },
				     { 65536, 4096 },
				     { 131072, 4096 },
				     { 196608, 4096 },
				     { 262144, 4096 } };

static void an_error_at_any_range_unmaps_what_was_mapped(void **state)
{
	unsigned int n, at, sgl;

	for (n = 1; n <= ARRAY_SIZE(five); n++) {
		for (sgl = 0; sgl < 2; sgl++) {
			assert_true(map(five, n, sgl, 1) == PB_BLK_STS_OK);
			for (at = 0; at < n; at++) {
				mapped = 0;
				fail_at = at;
				assert_int_equal(
					pb_blk_status_to_errno(again(&counted)),
					-EIO);
				assert_int_equal(mapped, at);
				assert_int_equal(live, 0);
			}
			down();
		}
	}
}

static void a_range_too_many_unmaps_all(void **state)
{
	unsigned int sgl, n;

	for (sgl = 0; sgl < 2; sgl++) {
		assert_true(map(five, 5, sgl, 1) == PB_BLK_STS_OK);
		for (n = 0; n < 5; n++) {
			iod.max_ranges = n;
			mapped = 0;
			fail_at = UINT32_MAX;
			assert_int_equal(
				pb_blk_status_to_errno(again(&counted)), -EIO);
			assert_int_equal(mapped, n + 1);
			assert_int_equal(live, 0);
		}
		down();
	}
}

static void ranges_are_saved_where_each_must_be_unmapped(void **state)
{
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device translated = { .xlate = &x,
					      .dma_mask = UINT64_MAX };
	struct physbio_iommu_stats stats;

	assert_true(map(five, 5, false, 0) == PB_BLK_STS_OK);
	assert_int_equal(iod.nr_ranges, 5);
	assert_int_equal(iod.nr_saved, 0);

	mapped = 0;
	fail_at = UINT32_MAX;
	assert_true(again(&counted) == PB_BLK_STS_OK);
	assert_int_equal(iod.nr_saved, 5);
	assert_int_equal(live, 0x1f);
	pb_nvme_unmap_data(kept[0], &counted, &iod);
	assert_int_equal(live, 0);

	assert_int_equal(physbio_iommu_create(4096, 0x100000, 0x100000, &iommu),
			 0);
	physbio_xlate_init_iommu(&x, iommu);
	assert_true(again(&translated) == PB_BLK_STS_OK);
	assert_int_equal(iod.nr_ranges, 1);
	assert_int_equal(iod.nr_saved, 0);
	pb_nvme_unmap_data(kept[0], &translated, &iod);
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.pages, 0);
	physbio_iommu_destroy(iommu);
	down();
}

static void what_is_cut_within_a_granule_is_mapped_range_by_range(void **state)
{
	const struct range r = { 0, 4 * PG };
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device translated = { .xlate = &x,
					      .dma_mask = UINT64_MAX };
	struct physbio_iommu_stats stats;

	if (4 * PG > 65536)
		skip(); /* no granule is that large */
	lim.max_segment_size = PG;
	assert_true(map(&r, 1, true, 0) == PB_BLK_STS_OK);
	assert_int_equal(physbio_iommu_create(4 * PG, 64 * PG, 64 * PG, &iommu),
			 0);
	physbio_xlate_init_iommu(&x, iommu);
	assert_true(again(&translated) == PB_BLK_STS_OK);
	assert_false(pb_dma_use_iova(&iod.state));
	assert_int_equal(iod.nr_ranges, 4);
	assert_int_equal(iod.nr_saved, 4);
	pb_nvme_unmap_data(kept[0], &translated, &iod);
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.pages, 0);
	physbio_iommu_destroy(iommu);
	down();
}

static void a_peer_below_the_same_bridge_has_nothing_to_unmap(void **state)
{
#ifndef PB_REPR_PAGE
	static const uint8_t p2p[] = { PB_PCI_P2PDMA_MAP_BUS_ADDR,
				       PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE };
	struct physbio_region region = { RAM_START, RAM_PAGES * PG, 0, 0 };
	struct physbio_xlate x = counting;
	const struct pb_device peer = { .xlate = &x, .dma_mask = UINT64_MAX };

	physbio_xlate_set_p2p(&x, p2p, 2);
	for (; region.id < 2; region.id++) {
		assert_true(map(five, 5, false, 0) == PB_BLK_STS_OK);
		tb.bio.bi_region = &region;
		mapped = live = 0;
		fail_at = UINT32_MAX;
		assert_true(again(&peer) == PB_BLK_STS_OK);
		assert_int_equal(iod.nr_ranges, 5);
		assert_int_equal(iod.nr_saved, region.id ? 5 : 0);
		assert_int_equal(mapped, region.id ? 5 : 0);
		pb_nvme_unmap_data(kept[0], &peer, &iod);
		assert_int_equal(live, 0);
		down();
	}
#else
	skip(); /* a page says whose it is: these are RAM */
#endif
}

/* Five segments that an IOMMU made one: the average is all, and no list is needed. */
static void a_coalesced_request_is_one_descriptor(void **state)
{
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device translated = { .xlate = &x,
					      .dma_mask = UINT64_MAX };

	assert_true(map(five, 5, true, 5 * 4096) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	assert_int_equal(physbio_iommu_create(4096, 0x100000, 0x100000, &iommu),
			 0);
	physbio_xlate_init_iommu(&x, iommu);
	assert_true(again(&translated) == PB_BLK_STS_OK);
	assert_true(iod.use_sgl);
	assert_int_equal(iod.dptr.sgl.type, PB_NVME_SGL_DATA);
	assert_int_equal(le32toh(iod.dptr.sgl.length), 5 * 4096);
	pb_nvme_unmap_data(kept[0], &translated, &iod);
	physbio_iommu_destroy(iommu);
	down();
}

/* --- metadata --- */

static struct pb_bio_integrity_payload bip;
static struct pb_bio_vec meta_table[20];
static struct pb_nvme_sgl_desc meta_mem[16];

static uint32_t meta_at(unsigned int i)
{
	return (1 << 20) + i * 65536;
}

/* Five segments of data, and so many pieces of metadata, whose sum no one checks. */
static void build_meta(unsigned int pieces)
{
	unsigned int i;

	lim.max_integrity_segments = 20;
	lim.integrity.metadata_size = 32;
	test_queue_up(&tq, &lim, 2);
	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < 5; i++)
		test_bio_add(&tb, five[i].at, five[i].len);
	pb_bio_integrity_init(&tb.bio, &bip, meta_table,
			      ARRAY_SIZE(meta_table));
	for (i = 0; i < pieces; i++)
		assert_int_equal(pb_bio_integrity_add_phys(
					 &tb.bio, RAM_START + meta_at(i), 64),
				 64);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 1);
	assert_int_equal(kept[0]->nr_integrity_segments, pieces);
}

static void give_meta(bool meta_sgl)
{
	physbio_xlate_init_identity(&identity);
	iod = (struct pb_nvme_iod){
		.lists = lists,
		.ranges = ranges,
		.max_ranges = PB_NVME_MAX_SEGS,
		.sgl_supported = true,
		.meta_list = { meta_sgl ? meta_mem : NULL,
			       physbio_dma_make(META_BUS) },
	};
}

static void one_piece_of_metadata_is_a_pointer(void **state)
{
	build_meta(1);
	give_meta(true);
	assert_true(again(&dev) == PB_BLK_STS_OK);
	assert_false(iod.use_sgl);
	assert_true(pb_nvme_map_metadata(kept[0], &dev, &iod) == PB_BLK_STS_OK);
	assert_false(iod.use_meta_sgl);
	assert_int_equal(iod.meta_len, 64);
	assert_true(le64toh(iod.metadata) == bus(meta_at(0)));
	down();
}

static void a_users_metadata_are_a_data_descriptor(void **state)
{
	build_meta(1);
	give_meta(true);
	iod.user_cmd = true;
	assert_true(again(&dev) == PB_BLK_STS_OK);
	assert_true(pb_nvme_map_metadata(kept[0], &dev, &iod) == PB_BLK_STS_OK);
	assert_true(iod.use_meta_sgl);
	assert_true(le64toh(iod.metadata) == META_BUS);
	assert_int_equal(meta_mem[0].type, PB_NVME_SGL_DATA);
	assert_int_equal(le32toh(meta_mem[0].length), 64);
	assert_true(le64toh(meta_mem[0].addr) == bus(meta_at(0)));
	/* the data's PRPs leave no place for it on the admin queue */
	iod.admin = true;
	assert_true(again(&dev) == PB_BLK_STS_OK);
	assert_true(pb_nvme_map_metadata(kept[0], &dev, &iod) == PB_BLK_STS_OK);
	assert_false(iod.use_meta_sgl);
	down();
}

static void pieces_of_metadata_are_a_last_segment(void **state)
{
	static const unsigned int pieces[] = { 2, 15 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		build_meta(pieces[i]);
		give_meta(true);
		assert_true(again(&dev) == PB_BLK_STS_OK);
		assert_true(iod.use_sgl);
		assert_true(pb_nvme_map_metadata(kept[0], &dev, &iod) ==
			    PB_BLK_STS_OK);
		assert_true(le64toh(iod.metadata) == META_BUS);
		assert_int_equal(meta_mem[0].type, PB_NVME_SGL_LAST_SEGMENT);
		assert_true(le64toh(meta_mem[0].addr) == META_BUS + 16);
		assert_int_equal(le32toh(meta_mem[0].length), 16 * pieces[i]);
		for (j = 1; j <= pieces[i]; j++) {
			assert_int_equal(meta_mem[j].type, PB_NVME_SGL_DATA);
			assert_true(le64toh(meta_mem[j].addr) ==
				    bus(meta_at(j - 1)));
		}
		down();
	}
}

static void pieces_that_the_device_cannot_take_are_an_error(void **state)
{
	static const struct {
		unsigned int pieces;
		bool meta_sgl;
	} cases[] = { { 2, false }, { 16, true } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		build_meta(cases[i].pieces);
		give_meta(cases[i].meta_sgl);
		fail_at = UINT32_MAX;
		live = 0;
		assert_true(again(&counted) == PB_BLK_STS_OK);
		assert_int_equal(pb_blk_status_to_errno(pb_nvme_map_metadata(
					 kept[0], &counted, &iod)),
				 -EIO);
		assert_int_equal(live, 0x1f);
		pb_nvme_unmap_data(kept[0], &counted, &iod);
		assert_int_equal(live, 0);
		down();
	}
}

static void an_error_at_any_piece_unmaps_the_others(void **state)
{
	unsigned int pieces, at;

	for (pieces = 1; pieces <= 4; pieces++) {
		build_meta(pieces);
		give_meta(true);
		for (at = 0; at <= pieces; at++) {
			mapped = live = 0;
			fail_at = 5 + at;
			assert_true(again(&counted) == PB_BLK_STS_OK);
			if (pb_nvme_map_metadata(kept[0], &counted, &iod) ==
			    PB_BLK_STS_OK) {
				assert_int_equal(at, pieces);
				pb_nvme_unmap_metadata(kept[0], &counted, &iod);
			}
			assert_int_equal(mapped, 5 + at);
			assert_int_equal(live, 0x1f);
			pb_nvme_unmap_data(kept[0], &counted, &iod);
			assert_int_equal(live, 0);
		}
		down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, default_limits)
		TEST(one_or_two_pages_need_no_list),
		TEST(more_pages_are_in_a_list),
		TEST(a_full_list_page_chains),
		TEST(an_exactly_full_list_page_does_not_chain),
		TEST(a_short_range_behind_a_full_list_page_chains),
		TEST(what_no_prp_list_holds_is_an_error),
		TEST(the_largest_transfer_takes_five_list_pages),
		TEST(short_lists_are_in_a_small_block),
		TEST(gaps_need_an_sgl),
		TEST(gaps_without_sgls_are_an_error),
		TEST(large_segments_go_by_sgl),
		TEST(the_average_is_rounded_up),
		TEST(short_sgls_are_in_a_small_block),
		TEST(a_long_sgl_chains_by_segment_descriptors),
		TEST(an_exactly_full_sgl_page_does_not_chain),
		TEST(what_no_list_holds_is_an_error),
		TEST(more_ranges_than_segments_are_an_error),
		TEST(sgls_are_forced_or_forbidden),
		TEST(one_segment_of_three_pages_is_an_inline_sgl),
		TEST(one_segment_of_three_pages_takes_the_iterator),
		TEST(one_segment_of_a_peer_takes_the_iterator),
		TEST(an_empty_entry_is_not_prp1),
		TEST(a_special_payload_is_what_is_mapped),
		TEST(a_shifted_page_needs_a_list),
		TEST(an_error_at_any_range_unmaps_what_was_mapped),
		TEST(a_range_too_many_unmaps_all),
		TEST(ranges_are_saved_where_each_must_be_unmapped),
		TEST(what_is_cut_within_a_granule_is_mapped_range_by_range),
		TEST(a_peer_below_the_same_bridge_has_nothing_to_unmap),
		TEST(a_coalesced_request_is_one_descriptor),
		TEST(one_piece_of_metadata_is_a_pointer),
		TEST(a_users_metadata_are_a_data_descriptor),
		TEST(pieces_of_metadata_are_a_last_segment),
		TEST(pieces_that_the_device_cannot_take_are_an_error),
		TEST(an_error_at_any_piece_unmaps_the_others),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
