// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A request becomes ranges, and the ranges bus addresses. */
#include "fixture.h"

#include <endian.h>
#include <stdlib.h>

#include <physbio/coalesce.h>
#include <physbio/dma.h>
#include <physbio/iommu.h>
#include <physbio/nvme.h>
#include <physbio/scatterlist.h>

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

/* What is added one by one is joined; a borrowed table may have it in two entries. */
static void entries_that_touch_are_one_range(void **state)
{
	const struct dma_case c = {
		"borrowed",
		{ .max_hw_sectors = 4096, .max_segments = 8 },
		{ { { 0, 4096 }, { 65536, 4096 }, { 131072, 4096 } } },
		{ { 0, 0 } },
	};
	struct pb_request *rq = build(&c);
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;

	pb_bvec_set_phys(&bios[0].table[1], RAM_START + 4096, 4096);
	pb_blk_map_iter_init(rq, &iter);
	assert_true(pb_blk_map_iter_next(rq, &iter, &vec));
	assert_true(vec.paddr == RAM_START);
	assert_int_equal(vec.len, 8192);
	assert_true(pb_blk_map_iter_next(rq, &iter, &vec));
	assert_true(vec.paddr == RAM_START + 131072);
	assert_false(pb_blk_map_iter_next(rq, &iter, &vec));
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* --- tables that nothing of the library made --- */

/* Bios one behind the other; an entry that is nothing at all ends a table. */
struct table_case {
	const char *name;
	struct pb_queue_limits lim;
	struct range in[4][4];
	struct range out[8];
	uint32_t less; /* bytes that the first bio ends before its table does */
};

static void borrow(struct test_bio *tb, const struct range *r, uint32_t base)
{
	unsigned int i;

	test_bio_init(tb, PB_REQ_OP_READ, 0);
	for (i = 0; i < 4 && (r[i].at || r[i].len); i++) {
		pb_bvec_set_phys(&tb->table[i], base + r[i].at, r[i].len);
		tb->bio.bi_iter.bi_size += r[i].len;
	}
	tb->bio.bi_vcnt = (uint16_t)i;
}

static void check_table(const struct table_case *c, uint32_t base)
{
	struct pb_request rq = { .bio = &bios[0].bio };
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	unsigned int i, n = 0;

	test_queue_up(&tq, &c->lim, 2);
	rq.q = tq.q;
	for (i = 0; i < 4; i++) {
		borrow(&bios[i], c->in[i], base);
		bios[i].bio.bi_next = i < 3 ? &bios[i + 1].bio : NULL;
	}
	bios[0].bio.bi_iter.bi_size -= c->less;
	pb_blk_map_iter_init(&rq, &iter);
	for (; pb_blk_map_iter_next(&rq, &iter, &vec); n++)
		if (n == ARRAY_SIZE(c->out) || vec.len != c->out[n].len ||
		    vec.paddr != base + c->out[n].at)
			fail_msg("%s: range %u is 0x%llx+0x%x", c->name, n,
				 (unsigned long long)(vec.paddr - base),
				 vec.len);
	if (n < ARRAY_SIZE(c->out) && c->out[n].len)
		fail_msg("%s: only %u ranges", c->name, n);
	test_queue_down(&tq);
}

static void what_is_empty_is_no_range(void **state)
{
	const struct table_case cases[] = {
		{ "an entry in front",
		  { 0 },
		  { { { 4096, 0 }, { 65536, 512 } } },
		  { { 65536, 512 } } },
		{ "several, and one that would be touched",
		  { 0 },
		  { { { 4096, 0 }, { 8192, 0 }, { 8192, 512 } } },
		  { { 8192, 512 } } },
		{ "in front of the second bio, touched",
		  { 0 },
		  { { { 4096, 512 } }, { { 4608, 0 }, { 65536, 512 } } },
		  { { 4096, 512 }, { 65536, 512 } } },
		{ "the same behind a full segment",
		  { .max_segment_size = 4096 },
		  { { { 4096, 4096 } }, { { 8192, 0 }, { 65536, 512 } } },
		  { { 4096, 4096 }, { 65536, 512 } } },
		{ "between what touches",
		  { 0 },
		  { { { 4096, 512 } }, { { 65536, 0 }, { 4608, 512 } } },
		  { { 4096, 1024 } } },
		{ "in the middle",
		  { 0 },
		  { { { 4096, 512 }, { 8192, 0 }, { 65536, 512 } } },
		  { { 4096, 512 }, { 65536, 512 } } },
		{ "in the middle, touched",
		  { 0 },
		  { { { 4096, 512 }, { 4608, 0 }, { 65536, 512 } } },
		  { { 4096, 512 }, { 65536, 512 } } },
		{ "in the middle of what touches",
		  { 0 },
		  { { { 4096, 512 }, { 65536, 0 }, { 4608, 512 } } },
		  { { 4096, 1024 } } },
		{ "behind",
		  { 0 },
		  { { { 4096, 512 }, { 4608, 0 } }, { { 65536, 512 } } },
		  { { 4096, 512 }, { 65536, 512 } } },
		{ "bios",
		  { 0 },
		  { { { 4096, 512 } },
		    { { 0, 0 } },
		    { { 8192, 0 } },
		    { { 4608, 512 } } },
		  { { 4096, 1024 } } },
		{ "bios in front",
		  { 0 },
		  { { { 0, 0 } }, { { 8192, 0 } }, { { 4096, 512 } } },
		  { { 4096, 512 } } },
		{ "all",
		  { 0 },
		  { { { 4096, 0 } }, { { 0, 0 } }, { { 4096, 0 } } },
		  { { 0, 0 } } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_table(&cases[i], RAM_START);
}

static void what_fits_is_one_range(void **state)
{
	const struct table_case cases[] = {
		{ "an entry that the bio ends in",
		  { .max_segment_size = 4096 },
		  { { { 4096, 512 }, { 4608, 4096 } }, { { 5120, 512 } } },
		  { { 4096, 1536 } },
		  3584 },
		{ "the same where it does not",
		  { .max_segment_size = 4096 },
		  { { { 4096, 512 }, { 4608, 4096 } } },
		  { { 4096, 512 }, { 4608, 4096 } } },
		{ "the first bio's last entry is cut",
		  { .seg_boundary_mask = 4095 },
		  { { { 4096, 512 }, { 11776, 1024 } }, { { 12800, 512 } } },
		  { { 4096, 512 }, { 11776, 512 }, { 12288, 1024 } } },
		{ "not the second, but the third",
		  { .seg_boundary_mask = 4095 },
		  { { { 6144, 1024 }, { 7168, 1536 } }, { { 8704, 512 } } },
		  { { 6144, 1024 }, { 7168, 1024 }, { 8192, 1024 } } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_table(&cases[i], RAM_START);
}

/* As the kernel takes it: one entry may span a hole in the mask, two may not. */
static void a_boundary_with_holes_parts_what_touches(void **state)
{
	const struct table_case cases[] = {
		{ "parted",
		  { .seg_boundary_mask = 0x17ff },
		  { { { 0, 0x800 }, { 0x800, 0x800 } } },
		  { { 0, 0x800 }, { 0x800, 0x800 } } },
		{ "parted, over bios",
		  { .seg_boundary_mask = 0x17ff },
		  { { { 0, 0x800 } }, { { 0x800, 0x800 } } },
		  { { 0, 0x800 }, { 0x800, 0x800 } } },
		{ "below it",
		  { .seg_boundary_mask = 0x17ff },
		  { { { 0, 0x400 }, { 0x400, 0x400 } } },
		  { { 0, 0x800 } } },
		{ "one entry",
		  { .seg_boundary_mask = 0x17ff },
		  { { { 0, 0x2000 } } },
		  { { 0, 0x1800 }, { 0x1800, 0x800 } } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_table(&cases[i], RAM_START);
}

/* Whatever an entry's length can be: a range's is a u32. */
static void a_range_may_be_longer_than_an_entry(void **state)
{
#ifndef PB_REPR_PAGE
	const struct table_case c = {
		"2 GiB",
		{ .max_segment_size = UINT32_MAX },
		{ { { 1u << 30, 1u << 30 }, { 2u << 30, 1u << 30 } } },
		{ { 1u << 30, 2u << 30 } },
	};
	struct pb_queue_limits lim = c.lim;
	struct physbio_coalesce_pos pos = { 0, 0 };
	struct pb_phys_vec seg[2];

	check_table(&c, RAM_START);
	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	assert_int_equal(physbio_coalesce(&lim, bios[0].table, 2, &pos, seg, 2),
			 1);
	assert_true(seg[0].len == 2u << 30);
#else
	skip(); /* there are no such pages */
#endif
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
	assert_true(pb_blk_rq_dma_map_iter_next(rq, &dev, &iter));
	assert_true(physbio_dma_value(iter.addr) == 0x40010000);
	assert_false(pb_blk_rq_dma_map_iter_next(rq, &dev, &iter));
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
	assert_false(pb_blk_rq_dma_map_iter_next(rq, &dev, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), -EIO);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* --- RAM and peers' memory side by side --- */

#define BAR_PAGES 16u
#define BAR_A (RAM_PAGES * (uint32_t)PG) /* from RAM_START; RAM, A, B touch */
#define BAR_B (BAR_A + BAR_PAGES * (uint32_t)PG)
#define BAR_C (BAR_B + 4 * BAR_PAGES * (uint32_t)PG) /* out of reach */

static const struct physbio_region region_a = {
	.start = RAM_START + BAR_A,
	.size = BAR_PAGES * PG,
	.bus_offset = (uint64_t)0x40000000 - (RAM_START + BAR_A),
	.id = 0,
};
static const struct physbio_region region_b = {
	.start = RAM_START + BAR_B,
	.size = BAR_PAGES * PG,
	.bus_offset = (uint64_t)0x50000000 - (RAM_START + BAR_B),
	.id = 1,
};
static const struct physbio_region region_c = {
	.start = RAM_START + BAR_C,
	.size = BAR_PAGES * PG,
	.bus_offset = 0,
	.id = 2,
};
static const struct physbio_region *const regions[] = { &region_a, &region_b,
							&region_c };
static const struct physbio_region_table table = { regions, 3 };

static int peers_up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, RAM_PAGES * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ RAM_START + BAR_A, BAR_PAGES * PG, PHYSBIO_MEM_BAR, -1,
		  &region_a },
		{ RAM_START + BAR_B, BAR_PAGES * PG, PHYSBIO_MEM_BAR, -1,
		  &region_b },
		{ RAM_START + BAR_C, BAR_PAGES * PG, PHYSBIO_MEM_BAR, -1,
		  &region_c },
	};

	return physbio_mem_create(ranges, 4, &mem, NULL);
}

/* The client: A is below its own bridge, B behind another host bridge. */
static const struct physbio_window client_windows[] = {
	{ RAM_START, RAM_PAGES *PG, 0x80000000 },
	{ RAM_START + BAR_B, BAR_PAGES *PG, 0x90000000 },
};
static const uint8_t client_p2p[] = { PB_PCI_P2PDMA_MAP_BUS_ADDR,
				      PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
				      PB_PCI_P2PDMA_MAP_NOT_SUPPORTED };

static struct physbio_xlate windows_xlate, client_xlate;
static struct pb_device client;
static struct physbio_xlate_ops client_ops;
static int held; /* ranges that are mapped and not unmapped */

/* What is mapped as MMIO must be B's, and what is not must be RAM. */
static pb_dma_addr_t client_map(const struct pb_device *dev,
				pb_phys_addr_t phys, uint64_t size,
				enum pb_dma_data_direction dir,
				unsigned long attrs)
{
	struct pb_device inner = *dev;

	assert_int_equal(attrs == PB_DMA_ATTR_MMIO, phys >= RAM_START + BAR_A);
	held++;
	inner.xlate = &windows_xlate;
	return pb_dma_map_phys(&inner, phys, size, dir, attrs);
}

static void client_unmap(const struct pb_device *dev, pb_dma_addr_t addr,
			 uint64_t size, enum pb_dma_data_direction dir,
			 unsigned long attrs)
{
	assert_int_equal(attrs == PB_DMA_ATTR_MMIO,
			 physbio_dma_value(addr) >= 0x90000000);
	held--;
}

static void client_up(void)
{
	static uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(2) / 8];

	assert_int_equal(physbio_xlate_init_windows(&windows_xlate,
						    client_windows, 2, index),
			 0);
	client_ops = *windows_xlate.ops;
	client_ops.map_phys = client_map;
	client_ops.unmap_phys = client_unmap;
	client_xlate = windows_xlate;
	client_xlate.ops = &client_ops;
	physbio_xlate_set_p2p(&client_xlate, client_p2p, 3);
	memset(&client, 0, sizeof(client));
	client.xlate = &client_xlate;
	client.dma_mask = UINT64_MAX;
	held = 0;
}

/* Where the client must find a byte. */
static uint64_t address_of(uint32_t at)
{
	if (at < BAR_A)
		return 0x80000000 + (uint64_t)at;
	if (at < BAR_B)
		return 0x40000000 + (uint64_t)(at - BAR_A);
	return 0x90000000 + (uint64_t)(at - BAR_B);
}

static const struct pb_queue_limits p2p_limits = {
	.features = PB_BLK_FEAT_PCI_P2PDMA,
	.max_hw_sectors = 4096,
	.max_segments = 128,
	.max_segment_size = 4 << 20,
	.dma_alignment = 3,
};

static struct test_bio mixed[4];

/* Up to four bios of ranges, submitted together; at(0, 0) ends a list. */
static void submit_mixed(const struct pb_queue_limits *lim,
			 const struct range (*r)[8], unsigned int nr)
{
	struct pb_blk_plug plug;
	pb_sector_t sector = 0;
	unsigned int i, j;

	test_queue_up(&tq, lim, 8);
	pb_blk_start_plug(&plug);
	for (i = 0; i < nr; i++) {
		test_bio_init(&mixed[i], PB_REQ_OP_WRITE, sector);
		mixed[i].bio.bi_bdev = &tq.bdev;
		assert_int_equal(physbio_bio_set_mixed(&mixed[i].bio, &table),
				 0);
		for (j = 0; j < 8 && r[i][j].len; j++)
			test_bio_add(&mixed[i], r[i][j].at, r[i][j].len);
		sector += pb_bio_sectors(&mixed[i].bio);
		pb_submit_bio(&mixed[i].bio);
	}
	pb_blk_finish_plug(&plug);
}

static void mixed_down(void)
{
	assert_int_equal(held, 0);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

struct mapped {
	pb_dma_addr_t addr;
	uint32_t len;
	enum pb_pci_p2pdma_map_type map;
};

static struct pb_dma_iova_state state_of;

/* All ranges of the request, or those before the one that fails. */
static unsigned int map_all(struct mapped *out, int *err)
{
	struct pb_blk_dma_iter iter;
	unsigned int n = 0;
	bool more = pb_blk_rq_dma_map_iter_start(kept[0], &client, &state_of,
						 &iter);

	while (more) {
		out[n++] = (struct mapped){ iter.addr, iter.len, iter.map };
		more = pb_blk_rq_dma_map_iter_next(kept[0], &client, &iter);
	}
	*err = pb_blk_status_to_errno(iter.status);
	return n;
}

static void unmap_all(const struct mapped *m, unsigned int n)
{
	unsigned int i;

	if (pb_blk_rq_dma_unmap(kept[0], &client, &state_of, 0, m[0].map))
		return;
	for (i = 0; i < n; i++)
		physbio_dma_unmap_range(&client, m[i].addr, m[i].len,
					PB_DMA_TO_DEVICE, m[i].map);
}

static void each_range_of_a_mixed_request_goes_its_own_way(void **state)
{
	static const struct range r[][8] = {
		{ { 0, 4096 },
		  { BAR_A + 512, 1024 },
		  { BAR_B, 4096 },
		  { 65536, 512 },
		  { BAR_A, 512 } },
		{ { BAR_A + 8192, 4096 }, { 4096, 512 } },
	};
	static const enum pb_pci_p2pdma_map_type ways[] = {
		PB_PCI_P2PDMA_MAP_NONE,
		PB_PCI_P2PDMA_MAP_BUS_ADDR,
		PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
		PB_PCI_P2PDMA_MAP_NONE,
		PB_PCI_P2PDMA_MAP_BUS_ADDR,
	};
	struct mapped m[8];
	unsigned int i, n;
	int err;

	client_up();
	submit_mixed(&p2p_limits, r, 2);
	assert_int_equal(nr_kept, 1);
	n = map_all(m, &err);
	assert_int_equal(err, 0);
	assert_int_equal(n, 7);
	for (i = 0; i < 5; i++) {
		assert_true(physbio_dma_value(m[i].addr) ==
			    address_of(r[0][i].at));
		assert_int_equal(m[i].len, r[0][i].len);
		assert_int_equal(m[i].map, ways[i]);
	}
	assert_int_equal(held, 4);
	unmap_all(m, n);
	mixed_down();
}

/* The first one's way says nothing of the others. */
static void a_mixed_request_that_begins_with_a_peer_is_unmapped(void **state)
{
	static const struct range r[][8] = { { { BAR_A, 512 }, { 0, 512 } } };
	struct mapped m[8];
	unsigned int n;
	int err;

	client_up();
	submit_mixed(&p2p_limits, r, 1);
	n = map_all(m, &err);
	assert_int_equal(n, 2);
	assert_int_equal(held, 1);
	assert_false(
		pb_blk_rq_dma_unmap(kept[0], &client, &state_of, 0, m[0].map));
	unmap_all(m, n);
	/* where no range needs it there is nothing to do */
	client_xlate.ops = windows_xlate.ops;
	assert_true(
		pb_blk_rq_dma_unmap(kept[0], &client, &state_of, 0, m[0].map));
	mixed_down();
}

/* Below its own bridge: the IOMMU never sees these addresses, and knows none of them. */
static void a_peers_bus_address_is_no_iova(void **state)
{
	struct physbio_iommu_stats stats;
	struct pb_blk_dma_iter iter;
	struct physbio_iommu *iommu;
	struct physbio_xlate x;

	assert_int_equal(
		physbio_iommu_create(4096, 0x10000000, 0x10000000, &iommu), 0);
	physbio_xlate_init_iommu(&x, iommu);
	physbio_xlate_set_p2p(&x, client_p2p, 3);
	client_up();
	client.xlate = &x;
	test_queue_up(&tq, &p2p_limits, 8);
	test_bio_init(&mixed[0], PB_REQ_OP_WRITE, 0);
	mixed[0].bio.bi_bdev = &tq.bdev;
	assert_int_equal(physbio_bio_set_region(&mixed[0].bio, &region_a), 0);
	test_bio_add(&mixed[0], BAR_A, 4096);
	test_bio_add(&mixed[0], BAR_A + 2 * 4096, 4096);
	pb_submit_bio(&mixed[0].bio);
	assert_true(pb_blk_rq_dma_map_iter_start(kept[0], &client, &state_of,
						 &iter));
	assert_false(pb_blk_rq_dma_map_coalesce(&state_of));
	assert_int_equal(iter.map, PB_PCI_P2PDMA_MAP_BUS_ADDR);
	assert_true(physbio_dma_value(iter.addr) == address_of(BAR_A));
	assert_int_equal(iter.len, 4096);
	assert_true(pb_blk_rq_dma_map_iter_next(kept[0], &client, &iter));
	assert_true(physbio_dma_value(iter.addr) == address_of(BAR_A + 8192));
	assert_true(pb_blk_rq_dma_unmap(kept[0], &client, &state_of, 8192,
					iter.map));
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.pages, 0);
	assert_int_equal(stats.ranges, 0);
	mixed_down();
	physbio_iommu_destroy(iommu);
}

/* No gap, and an IOMMU: as RAM all of it would be one range of IOVAs. */
static void a_mixed_request_is_no_range_of_iovas(void **state)
{
	static const struct range r[][8] = { { { 0, PG }, { BAR_A, PG } } };
	struct physbio_iommu_stats stats;
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	pb_phys_addr_t paddr = 0;
	struct mapped m[8];
	int err;

	assert_int_equal(
		physbio_iommu_create(4096, 0x10000000, 0x10000000, &iommu), 0);
	physbio_xlate_init_iommu(&x, iommu);
	physbio_xlate_set_p2p(&x, client_p2p, 3);
	client_up();
	client.xlate = &x;
	submit_mixed(&p2p_limits, r, 1);
	assert_int_equal(map_all(m, &err), 2);
	assert_int_equal(err, 0);
	assert_false(pb_dma_use_iova(&state_of));
	assert_true(physbio_iommu_lookup(iommu, physbio_dma_value(m[0].addr),
					 &paddr));
	assert_true(paddr == RAM_START);
	assert_true(physbio_dma_value(m[1].addr) == address_of(BAR_A));
	unmap_all(m, 2);
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.pages, 0);
	assert_int_equal(stats.ranges, 0);
	mixed_down();
	physbio_iommu_destroy(iommu);
}

/* RAM, A and B touch: in a bio, and over bios of one request. */
static void memory_of_two_regions_is_never_one_range(void **state)
{
	static const struct range r[][8] = {
		{ { BAR_A - 512, 512 }, { BAR_A, 4096 }, { BAR_A + 4096, 512 } },
		{ { BAR_A + 4608, BAR_B - BAR_A - 4608 } },
		{ { BAR_B, 512 } },
	};
	struct mapped m[8];
	unsigned int n;
	int err;

	client_up();
	submit_mixed(&p2p_limits, r, 3);
	assert_int_equal(nr_kept, 1);
	assert_int_equal(mixed[0].bio.bi_vcnt, 2);
	assert_int_equal(mixed[0].table[1].bv_len, 4608);
	n = map_all(m, &err);
	assert_int_equal(err, 0);
	assert_int_equal(n, 3);
	assert_int_equal(m[0].len, 512);
	assert_int_equal(m[1].len, BAR_B - BAR_A);
	assert_true(physbio_dma_value(m[1].addr) == address_of(BAR_A));
	assert_true(physbio_dma_value(m[2].addr) == address_of(BAR_B));
	unmap_all(m, n);
	mixed_down();
}

static void a_range_over_an_edge_is_in_no_mixed_bio(void **state)
{
	static const struct range cases[] = {
		{ BAR_A - 512, 1024 },
		{ BAR_B - 512, 1024 },
		{ BAR_B + BAR_PAGES * (uint32_t)PG - 512, 1024 },
		{ BAR_A - 512,
		  (BAR_B - BAR_A) + 1024 }, /* all of A, and more */
	};
	struct pb_page *page;
	unsigned int i;

	test_bio_init(&mixed[0], PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_bio_set_mixed(&mixed[0].bio, &table), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(pb_bio_add_phys(&mixed[0].bio,
						 RAM_START + cases[i].at,
						 cases[i].len),
				 0);
		page = pb_phys_to_page(RAM_START + cases[i].at);
		assert_int_equal(pb_bio_add_page(&mixed[0].bio, page,
						 cases[i].len,
						 PB_PAGE_SIZE - 512),
				 0);
	}
	assert_int_equal(mixed[0].bio.bi_vcnt, 0);
	page = pb_phys_to_page(RAM_START + BAR_A);
	assert_int_equal(pb_bio_add_page(&mixed[0].bio, page, 512, 0), 512);
	page = pb_phys_to_page(RAM_START);
	assert_int_equal(pb_bio_add_page(&mixed[0].bio, page, 512, 0), 512);
	assert_int_equal(mixed[0].bio.bi_vcnt, 2);
	assert_int_equal(physbio_bio_set_mixed(&mixed[0].bio, &table), -EINVAL);
	assert_int_equal(physbio_bio_set_region(&mixed[0].bio, NULL), -EINVAL);
}

/* The table says RAM, the page a peer: it would be mapped as what it is not. */
static void a_peer_that_the_table_has_not_is_refused(void **state)
{
	const struct physbio_region_table none = { NULL, 0 };
	struct pb_page *page = pb_phys_to_page(RAM_START + BAR_A);

	test_bio_init(&mixed[0], PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_bio_set_mixed(&mixed[0].bio, &none), 0);
	assert_int_equal(pb_bio_add_page(&mixed[0].bio, page, 512, 0), 0);
	page = pb_phys_to_page(RAM_START);
	assert_int_equal(pb_bio_add_page(&mixed[0].bio, page, 512, 0), 512);
}

/* What nobody asked about when it was added. */
static void a_borrowed_range_over_an_edge_is_not_mapped(void **state)
{
	static const struct range r[][8] = { { { 0, 512 } } };
	struct mapped m[8];
	unsigned int n;
	int err;

	client_up();
	submit_mixed(&p2p_limits, r, 1);
	pb_bvec_set_phys(&mixed[0].table[0], RAM_START + BAR_B - 512, 1024);
	pb_bvec_set_region(&mixed[0].table[0], &region_b);
	kept[0]->bio->bi_iter.bi_size = 1024;
	n = map_all(m, &err);
	assert_int_equal(n, 0);
	assert_int_equal(err, -EREMOTEIO);
	mixed_down();
}

#ifdef PB_REPR_MARKED
/* What has none is RAM, whatever a table says: it is not looked up. */
static void a_peers_memory_is_found_by_its_mark(void **state)
{
	static const struct physbio_region ram = { RAM_START, RAM_PAGES * PG, 0,
						   2 };
	static const struct physbio_region *const list[] = { &ram, &region_a };
	static const struct physbio_region_table wrong = { list, 2 };
	static const struct range r[][8] = {
		{ { 0, 512 }, { BAR_A, 512 }, { 4096, 512 }, { BAR_A, 1024 } }
	};
	struct pb_bio_vec *bv = mixed[0].table, part;
	struct mapped m[8];
	unsigned int i;
	int err;

	client_up();
	submit_mixed(&p2p_limits, r, 1);
	mixed[0].bio.bi_regions = &wrong;
	assert_int_equal(map_all(m, &err), 4);
	assert_int_equal(err, 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(bv[i].bv_p2p, i % 2);
		assert_int_equal(m[i].map, i % 2 ? PB_PCI_P2PDMA_MAP_BUS_ADDR :
						   PB_PCI_P2PDMA_MAP_NONE);
	}
	unmap_all(m, 4);
	mixed_down();
	part = pb_bvec_slice(&bv[1], 8, 8);
	assert_int_equal(part.bv_p2p, 1);
	part = pb_bvec_page_slice(&bv[1], 8, 8);
	assert_int_equal(part.bv_p2p, 1);
}
#endif

static void a_bio_that_is_sent_again_is_still_mixed(void **state)
{
	test_bio_init(&mixed[0], PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_bio_set_mixed(&mixed[0].bio, &table), 0);
	test_bio_add(&mixed[0], BAR_A, 512);
	pb_bio_reuse(&mixed[0].bio, PB_REQ_OP_READ);
	assert_true(pb_bio_flagged(&mixed[0].bio, PB_BIO_P2PDMA));
	assert_true(pb_bio_flagged(&mixed[0].bio, PHYSBIO_BIO_MIXED));
	assert_ptr_equal(mixed[0].bio.bi_regions, &table);
	assert_true(pb_bio_mergeable(&mixed[0].bio));
	test_bio_init(&mixed[0], PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_bio_set_region(&mixed[0].bio, &region_a), 0);
	test_bio_add(&mixed[0], BAR_A, 512);
	pb_bio_reuse(&mixed[0].bio, PB_REQ_OP_READ);
	assert_ptr_equal(mixed[0].bio.bi_region, &region_a);
	assert_false(pb_bio_mergeable(&mixed[0].bio));
}

/* --- and described --- */

static uint64_t list_mem[PB_NVME_MAX_LIST_PAGES][PB_NVME_PRPS_PER_PAGE];
static struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
static struct pb_nvme_range nvme_ranges[PB_NVME_MAX_SEGS];
static struct pb_nvme_iod iod;

static int nvme_map(bool sgl, uint32_t max_ranges)
{
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		lists[i] = (struct pb_nvme_list_page){
			list_mem[i], physbio_dma_make(0x70000000 + i * 4096)
		};
	iod = (struct pb_nvme_iod){ .lists = lists,
				    .ranges = nvme_ranges,
				    .max_ranges = max_ranges,
				    .sgl_supported = sgl };
	return pb_blk_status_to_errno(pb_nvme_map_data(kept[0], &client, &iod));
}

/* What a driver puts in place of the data: RAM, whatever the bio has. */
static void a_special_payload_is_not_the_bios_memory(void **state)
{
	static const struct range r[][8] = { { { BAR_A, 512 } } };
	struct pb_bio_vec payload;
	struct mapped m[8];
	unsigned int kind;
	int err;

	for (kind = 0; kind < 3; kind++) {
		client_up();
		submit_mixed(&p2p_limits, r, 1);
		if (kind == 1) {
			pb_bio_clear_flag(&mixed[0].bio, PHYSBIO_BIO_MIXED);
			mixed[0].bio.bi_region = &region_a;
		}
		if (kind == 2)
			kept[0]->bio = NULL;
		pb_bvec_set_phys(&payload, RAM_START + 4096, 16);
		kept[0]->special_vec = &payload;
		kept[0]->rq_flags |= PB_RQF_SPECIAL_PAYLOAD;
		assert_int_equal(map_all(m, &err), 1);
		assert_int_equal(err, 0);
		assert_int_equal(m[0].map, PB_PCI_P2PDMA_MAP_NONE);
		assert_int_equal(m[0].len, 16);
		assert_true(physbio_dma_value(m[0].addr) == address_of(4096));
		unmap_all(m, 1);
		assert_int_equal(held, 0);
		assert_int_equal(nvme_map(false, PB_NVME_MAX_SEGS), 0);
		assert_true(le64toh(iod.dptr.prp.prp1) == address_of(4096));
		pb_nvme_unmap_data(kept[0], &client, &iod);
		kept[0]->rq_flags &= ~PB_RQF_SPECIAL_PAYLOAD;
		kept[0]->bio = &mixed[0].bio;
		mixed_down();
	}
}

static void append_is(struct pb_request *rq, struct test_bio *tb,
		      const struct physbio_region *whose, uint32_t at, int want)
{
	test_bio_init(tb, PB_REQ_OP_DRV_OUT, 0);
	assert_int_equal(physbio_bio_set_region(&tb->bio, whose), 0);
	test_bio_add(tb, at, 4096);
	assert_int_equal(pb_blk_rq_append_bio(rq, &tb->bio), want);
}

/* The first one's way is all of them's: RAM would be looked for in the BAR. */
static void a_drivers_own_request_is_of_one_kind(void **state)
{
	static struct test_bio tbs[5];
	struct pb_request rq = { .cmd_flags = PB_REQ_OP_DRV_OUT };

	test_queue_up(&tq, &p2p_limits, 2);
	rq.q = tq.q;
	append_is(&rq, &tbs[0], &region_a, BAR_A, 0);
	append_is(&rq, &tbs[1], NULL, 0, -EINVAL);
	append_is(&rq, &tbs[2], &region_b, BAR_B, -EINVAL);
	append_is(&rq, &tbs[3], &region_a, BAR_A + 8192, 0);
	assert_ptr_equal(rq.biotail, &tbs[3].bio);
	assert_int_equal(rq.__data_len, 8192);
	assert_int_equal(rq.nr_phys_segments, 2);
	rq.bio = NULL;
	append_is(&rq, &tbs[1], NULL, 0, 0);
	append_is(&rq, &tbs[4], &region_a, BAR_A, -EINVAL);
	test_queue_down(&tq);
}

/* A flush that nobody sent. */
static void a_request_without_a_bio_has_no_range(void **state)
{
	static const struct range r[][8] = { { { 0, 512 } } };
	struct pb_scatterlist sg;
	struct mapped m[8];
	int err;

	client_up();
	submit_mixed(&p2p_limits, r, 1);
	kept[0]->bio = NULL;
	assert_int_equal(map_all(m, &err), 0);
	assert_int_equal(err, 0);
	assert_int_equal(pb_blk_rq_map_sg(kept[0], &sg), 0);
	kept[0]->bio = &mixed[0].bio;
	mixed_down();
}

static const struct range five[][8] = { { { 0, 4096 },
					  { BAR_A, 4096 },
					  { BAR_B, 4096 },
					  { 65536, 4096 },
					  { BAR_A + 8192, 512 } } };

static void a_mixed_request_is_described_range_by_range(void **state)
{
	const struct pb_nvme_sgl_desc *sgl = (const void *)list_mem[0];
	unsigned int i;

	client_up();
	submit_mixed(&p2p_limits, five, 1);
	assert_int_equal(nvme_map(false, PB_NVME_MAX_SEGS), 0);
	assert_int_equal(iod.nr_ranges, 5);
	assert_int_equal(held, 3);
	for (i = 1; i < 5; i++)
		assert_true(le64toh(list_mem[0][i - 1]) ==
			    address_of(five[0][i].at));
	pb_nvme_unmap_data(kept[0], &client, &iod);
	assert_int_equal(held, 0);
	/* A is the client's own: only an SGL can say so */
	physbio_xlate_set_own_bar(&client_xlate, &region_a);
	assert_int_equal(nvme_map(false, PB_NVME_MAX_SEGS), -EIO);
	assert_int_equal(held, 0);
	/* two offsets need no room to be unmapped */
	assert_int_equal(nvme_map(true, 3), 0);
	assert_true(iod.use_sgl);
	for (i = 0; i < 5; i++) {
		bool own = five[0][i].at >= BAR_A && five[0][i].at < BAR_B;

		assert_true(le64toh(sgl[i].addr) ==
			    (own ? five[0][i].at - BAR_A :
				   address_of(five[0][i].at)));
		assert_int_equal(sgl[i].type,
				 own ? PB_NVME_SGL_OFFSET : PB_NVME_SGL_DATA);
	}
	assert_int_equal(held, 3);
	pb_nvme_unmap_data(kept[0], &client, &iod);
	/* an offset that was never mapped */
	physbio_dma_unmap_range(&client, physbio_dma_make(0), 4096,
				PB_DMA_TO_DEVICE, PHYSBIO_P2PDMA_MAP_OWN_BAR);
	mixed_down();
}

static void an_error_at_any_range_unmaps_the_others(void **state)
{
	static const struct range bad[][8] = { { { BAR_A, 4096 },
						 { 0, 4096 },
						 { BAR_B, 4096 },
						 { BAR_C, 4096 } } };
	struct pb_queue_limits lim = p2p_limits;
	unsigned int i;

	client_up();
	submit_mixed(&lim, bad, 1);
	assert_int_equal(nvme_map(true, PB_NVME_MAX_SEGS), -EREMOTEIO);
	mixed_down();
	submit_mixed(&lim, five, 1);
	/* two of five are A's, and need no room to be unmapped */
	for (i = 0; i < 3; i++) {
		assert_int_equal(nvme_map(true, i), -EIO);
		assert_int_equal(held, 0);
	}
	assert_int_equal(nvme_map(true, 3), 0);
	pb_nvme_unmap_data(kept[0], &client, &iod);
	assert_int_equal(held, 0);
	mixed_down();
}

/* One is described in the command: there is no room for another. */
static void a_range_that_no_segment_was_counted_for_is_an_error(void **state)
{
	static const struct range two[][8] = { { { BAR_B, 4096 },
						 { 0, 4096 } } };

	client_up();
	submit_mixed(&p2p_limits, two, 1);
	assert_int_equal(kept[0]->nr_phys_segments, 2);
	kept[0]->nr_phys_segments = 1;
	physbio_xlate_set_own_bar(&client_xlate, &region_c);
	assert_int_equal(nvme_map(true, PB_NVME_MAX_SEGS), -EIO);
	assert_int_equal(held, 0);
	mixed_down();
}

/* --- what it is worth --- */

#define INTERLEAVED 8

/* As many bios as it takes for pages of RAM and of A in turn; returns how many. */
static unsigned int submit_interleaved(bool is_mixed)
{
	static struct test_bio tbs[INTERLEAVED];
	struct pb_blk_plug plug;
	unsigned int i, nr = 0;
	struct test_bio *tb = NULL;

	test_queue_up(&tq, &p2p_limits, INTERLEAVED);
	pb_blk_start_plug(&plug);
	for (i = 0; i < INTERLEAVED; i++) {
		uint32_t at = (i % 2 ? BAR_A : 0) + i * 4096;
		const struct physbio_region *region = i % 2 ? &region_a : NULL;

		if (tb && (is_mixed || tb->bio.bi_region == region) &&
		    pb_bio_add_phys(&tb->bio, RAM_START + at, 4096))
			continue;
		if (tb)
			pb_submit_bio(&tb->bio);
		tb = &tbs[nr++];
		test_bio_init(tb, PB_REQ_OP_WRITE, 8 * i);
		tb->bio.bi_bdev = &tq.bdev;
		if (is_mixed)
			physbio_bio_set_mixed(&tb->bio, &table);
		else
			physbio_bio_set_region(&tb->bio, region);
		test_bio_add(tb, at, 4096);
	}
	pb_submit_bio(&tb->bio);
	pb_blk_finish_plug(&plug);
	return nr;
}

static void interleaved_memory_is_one_request_if_it_may_be_mixed(void **state)
{
	assert_int_equal(submit_interleaved(false), INTERLEAVED);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tq.stats.bios, INTERLEAVED);
	assert_int_equal(tq.stats.requests, INTERLEAVED);
	assert_int_equal(tq.stats.p2p_nomerges, INTERLEAVED - 1);
	test_queue_down(&tq);

	assert_int_equal(submit_interleaved(true), 1);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tq.stats.bios, 1);
	assert_int_equal(tq.stats.requests, 1);
	assert_int_equal(tq.stats.p2p_nomerges, 0);
	test_queue_down(&tq);
}

static void mixed_bios_merge_with_those_of_their_table(void **state)
{
	static const struct physbio_region_table other = { regions, 2 };
	const struct physbio_region_table *tables[] = {
		&table, &table, &other, NULL, NULL, &table
	};
	static struct test_bio tbs[6];
	struct pb_blk_plug plug;
	unsigned int i;

	test_queue_up(&tq, &p2p_limits, 8);
	pb_blk_start_plug(&plug);
	/* the last one is somewhere else: nothing keeps it apart */
	for (i = 0; i < 6; i++) {
		test_bio_init(&tbs[i], PB_REQ_OP_WRITE, i == 5 ? 100 : i);
		tbs[i].bio.bi_bdev = &tq.bdev;
		physbio_bio_set_mixed(&tbs[i].bio, tables[i]);
		test_bio_add(&tbs[i], i * 4096, 512);
		pb_submit_bio(&tbs[i].bio);
	}
	pb_blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 4);
	assert_int_equal(tq.stats.back_merges, 2);
	assert_int_equal(tq.stats.p2p_nomerges, 2);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void random_mixed_requests_reach_their_bytes(void **state)
{
	unsigned int seed = 11, round, i, j, n, in;
	struct mapped m[64];
	int err;

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 1000; round++) {
		struct range r[4][8] = { 0 };
		unsigned int nr = 1 + (unsigned)rand() % 4;
		struct pb_queue_limits lim = p2p_limits;
		struct pb_req_iterator req_iter;
		struct pb_bio_vec bv;
		uint32_t at = 0;

		if (rand() % 2)
			lim.max_segment_size = 8192;
		/* near the edges, so that much of it touches */
		for (i = 0; i < nr; i++) {
			uint32_t next = 0;

			for (j = 0; j < 1 + (unsigned)rand() % 8; j++) {
				uint32_t where = rand() % 2 ? BAR_A : BAR_B;

				if (!j || rand() % 3)
					next = where - 4096 +
					       512 * ((unsigned)rand() % 16);
				r[i][j].at = next;
				r[i][j].len = 512;
				next += 512;
			}
		}
		client_up();
		submit_mixed(&lim, (const struct range(*)[8])r, nr);
		assert_int_equal(nr_kept, 1);
		n = map_all(m, &err);
		assert_int_equal(err, 0);
		assert_true(n <= kept[0]->nr_phys_segments);
		in = 0;
		pb_rq_for_each_bvec(bv, kept[0], req_iter) {
			uint32_t from = (uint32_t)(pb_bvec_addr_bits(
							   pb_bvec_addr(&bv)) -
						   RAM_START);

			for (i = 0; i < bv.bv_len; i += 512, at += 512) {
				if (at == m[in].len) {
					in++;
					at = 0;
				}
				assert_true(physbio_dma_value(m[in].addr) +
						    at ==
					    address_of(from + i));
			}
		}
		assert_int_equal(in, n - 1);
		unmap_all(m, n);
		mixed_down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_that_touch_are_one_range),
		cmocka_unit_test(entries_that_touch_are_one_range),
		cmocka_unit_test(what_is_empty_is_no_range),
		cmocka_unit_test(what_fits_is_one_range),
		cmocka_unit_test(a_boundary_with_holes_parts_what_touches),
		cmocka_unit_test(a_range_may_be_longer_than_an_entry),
		cmocka_unit_test(each_range_goes_through_the_translator),
		cmocka_unit_test(a_range_out_of_reach_ends_the_mapping),
		cmocka_unit_test(
			each_range_of_a_mixed_request_goes_its_own_way),
		cmocka_unit_test(
			a_mixed_request_that_begins_with_a_peer_is_unmapped),
		cmocka_unit_test(a_peers_bus_address_is_no_iova),
		cmocka_unit_test(a_mixed_request_is_no_range_of_iovas),
		cmocka_unit_test(a_special_payload_is_not_the_bios_memory),
		cmocka_unit_test(a_drivers_own_request_is_of_one_kind),
		cmocka_unit_test(a_request_without_a_bio_has_no_range),
		cmocka_unit_test(memory_of_two_regions_is_never_one_range),
		cmocka_unit_test(a_range_over_an_edge_is_in_no_mixed_bio),
		cmocka_unit_test(a_peer_that_the_table_has_not_is_refused),
		cmocka_unit_test(a_borrowed_range_over_an_edge_is_not_mapped),
#ifdef PB_REPR_MARKED
		cmocka_unit_test(a_peers_memory_is_found_by_its_mark),
#endif
		cmocka_unit_test(a_bio_that_is_sent_again_is_still_mixed),
		cmocka_unit_test(a_mixed_request_is_described_range_by_range),
		cmocka_unit_test(an_error_at_any_range_unmaps_the_others),
		cmocka_unit_test(
			a_range_that_no_segment_was_counted_for_is_an_error),
		cmocka_unit_test(
			interleaved_memory_is_one_request_if_it_may_be_mixed),
		cmocka_unit_test(mixed_bios_merge_with_those_of_their_table),
		cmocka_unit_test(random_mixed_requests_reach_their_bytes),
	};

	return cmocka_run_group_tests(tests, peers_up, mem_down);
}
