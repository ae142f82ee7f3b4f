// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A request as a table of pages, and that table with bus addresses. */
#include <stdlib.h>

#include "fixture.h"

#include <physbio/integrity.h>
#include <physbio/scatterlist.h>

#define BAR_START (RAM_START + RAM_PAGES * PG)
#define BAR_PAGES 16

static const struct physbio_region region = {
	.start = BAR_START,
	.size = BAR_PAGES * PG,
	.bus_offset = (uint64_t)0 - 0x1000000,
	.id = 0,
};

static int bar_up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, RAM_PAGES * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ BAR_START, BAR_PAGES * PG, PHYSBIO_MEM_BAR, -1, &region },
	};

	return physbio_mem_create(ranges, 2, &mem, NULL);
}

static struct test_queue tq;
static struct test_bio tb;
static struct pb_scatterlist sgl[8];

static const struct pb_queue_limits wide = { .max_hw_sectors = 4096,
					     .max_segment_size = 1 << 20,
					     .dma_alignment = 3 };

static struct pb_request *submit(const struct range *ranges, unsigned int nr)
{
	unsigned int i;

	test_queue_up(&tq, &wide, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < nr; i++)
		test_bio_add(&tb, ranges[i].at, ranges[i].len);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 1);
	return kept[0];
}

static void down(void)
{
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void ranges_become_pages(void **state)
{
	const struct range r[] = { { 512, 512 },
				   { 3 * (uint32_t)PG, 2 * (uint32_t)PG },
				   { 5 * (uint32_t)PG, 1024 } };
	struct pb_request *rq = submit(r, 3);

	/* a shorter one's, of which the first entry was the last */
	memset(sgl, 0xff, sizeof(sgl));
	assert_int_equal(pb_blk_rq_map_sg(rq, sgl), 2);
	assert_ptr_equal(sgl[0].page, pb_phys_to_page(RAM_START));
	assert_int_equal(sgl[0].offset, 512);
	assert_int_equal(sgl[0].length, 512);
	assert_int_equal(sgl[0].sg_flags, 0);
	assert_ptr_equal(sgl[1].page, pb_phys_to_page(RAM_START + 3 * PG));
	assert_int_equal(sgl[1].length, 2 * PG + 1024);
	assert_int_equal(sgl[1].sg_flags, PB_SG_END);
	down();
}

static void a_special_payload_replaces_the_data(void **state)
{
	const struct range r[] = { { 0, 4096 } };
	struct pb_request *rq = submit(r, 1);
	struct pb_bio_vec payload;

	pb_bvec_set_phys(&payload, RAM_START + 7 * PG + 16, 16);
	rq->special_vec = &payload;
	rq->rq_flags |= PB_RQF_SPECIAL_PAYLOAD;
	assert_int_equal(pb_blk_rq_nr_phys_segments(rq), 1);
	assert_int_equal(pb_blk_rq_payload_bytes(rq), 16);
	assert_int_equal(pb_blk_rq_map_sg(rq, sgl), 1);
	assert_ptr_equal(sgl[0].page, pb_phys_to_page(RAM_START + 7 * PG));
	assert_int_equal(sgl[0].offset, 16);
	assert_int_equal(sgl[0].length, 16);
	rq->rq_flags &= ~PB_RQF_SPECIAL_PAYLOAD;
	down();
}

/* Two bios' metadata: what touches is one range, over bios too. */
static void metadata_have_a_table_of_their_own(void **state)
{
	const struct pb_queue_limits lim = {
		.max_hw_sectors = 4096,
		.max_integrity_segments = 8,
		.integrity = { .metadata_size = 8 },
	};
	static const uint32_t at[] = { 0, 64, 512 };
	struct pb_bio_integrity_payload bips[3];
	struct pb_bio_vec tables[3][2];
	struct pb_dma_iova_state st;
	struct pb_blk_dma_iter iter;
	struct test_bio bios[3];
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	struct pb_blk_plug plug;
	unsigned int i;

	physbio_xlate_init_identity(&x);
	test_queue_up(&tq, &lim, 8);
	pb_blk_start_plug(&plug);
	for (i = 0; i < 3; i++) {
		test_bio_init(&bios[i], PB_REQ_OP_WRITE, 8 * i);
		bios[i].bio.bi_bdev = &tq.bdev;
		test_bio_add(&bios[i], 65536 * i, 4096);
		pb_bio_integrity_init(&bios[i].bio, &bips[i], tables[i], 2);
		assert_int_equal(pb_bio_integrity_add_phys(
					 &bios[i].bio,
					 RAM_START + 9 * PG + at[i], 64),
				 64);
		pb_submit_bio(&bios[i].bio);
	}
	pb_blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 1);
	assert_int_equal(kept[0]->nr_integrity_segments, 3);
	assert_int_equal(pb_blk_rq_map_integrity_sg(kept[0], sgl), 2);
	assert_int_equal(sgl[0].length, 128);
	assert_int_equal(sgl[1].offset, 512);
	assert_int_equal(sgl[1].length, 64);
	assert_true(pb_blk_rq_integrity_dma_map_iter_start(kept[0], &dev, &st,
							   &iter));
	assert_true(physbio_dma_value(iter.addr) == RAM_START + 9 * PG);
	assert_int_equal(iter.len, 128);
	assert_true(
		pb_blk_rq_integrity_dma_map_iter_next(kept[0], &dev, &iter));
	assert_int_equal(iter.len, 64);
	assert_false(
		pb_blk_rq_integrity_dma_map_iter_next(kept[0], &dev, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), 0);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* --- bus addresses --- */

static const struct physbio_window windows[] = {
	{ RAM_START, RAM_PAGES *PG, 0x40000000 },
	{ BAR_START, BAR_PAGES *PG, 0x90000000 },
};

static struct physbio_xlate x;
static const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };

static void sg_set(unsigned int i, pb_phys_addr_t paddr, uint32_t len)
{
	memset(&sgl[i], 0, sizeof(sgl[i]));
	sgl[i].page = pb_phys_to_page(paddr);
	sgl[i].offset = pb_offset_in_page(paddr);
	sgl[i].length = len;
}

/* RAM, a peer's memory twice, RAM; every entry of another length. */
static int map_mixed(struct pb_sg_table *sgt, uint8_t map)
{
	static uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(2) / 8];
	static uint8_t maps[1];

	maps[0] = map;
	assert_int_equal(physbio_xlate_init_windows(&x, windows, 2, index), 0);
	physbio_xlate_set_p2p(&x, maps, 1);
	sg_set(0, RAM_START, 512);
	sg_set(1, BAR_START + 64, 1024);
	sg_set(2, BAR_START + 2 * PG, 2048);
	sg_set(3, RAM_START + PG, 4096);
	sgt->sgl = sgl;
	sgt->orig_nents = 4;
	return pb_dma_map_sgtable(&dev, sgt, PB_DMA_TO_DEVICE, 0);
}

static void entry_is(unsigned int i, uint64_t addr, uint32_t len)
{
	assert_true(physbio_dma_value(sgl[i].dma_address) == addr);
	assert_int_equal(sgl[i].dma_length, len);
}

/*
 * d0d08f4bd7f6: a peer's entry has its length too. And it is its own, where the IOMMU
 * code of 7.1 gave each the first one's.
 */
static void a_peers_entry_has_its_own_length(void **state)
{
	struct pb_sg_table sgt;

	assert_int_equal(map_mixed(&sgt, PB_PCI_P2PDMA_MAP_BUS_ADDR), 0);
	assert_int_equal(sgt.nents, 4);
	entry_is(0, 0x40000000, 512);
	entry_is(1, (uint64_t)BAR_START + 64 - 0x1000000, 1024);
	entry_is(2, (uint64_t)BAR_START + 2 * PG - 0x1000000, 2048);
	entry_is(3, 0x40000000 + PG, 4096);
	assert_int_equal(sgl[1].sg_flags, PB_SG_DMA_BUS_ADDRESS);
	pb_dma_unmap_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0);
}

/* 7.1's direct mapping left these without an address. */
static void a_peer_through_the_host_bridge_has_an_address(void **state)
{
	struct pb_sg_table sgt;

	assert_int_equal(map_mixed(&sgt, PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE),
			 0);
	entry_is(1, 0x90000000 + 64, 1024);
	entry_is(2, 0x90000000 + 2 * PG, 2048);
	pb_dma_unmap_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0);
}

/* Mainline's direct mapping since 7.0 looks at no window for these. */
static void a_peers_address_through_the_host_bridge_is_a_policy(void **state)
{
	struct pb_sg_table sgt;

	assert_int_equal(map_mixed(&sgt, PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE),
			 0);
	entry_is(1, 0x90000000 + 64, 1024);
	x.mmio_identity = true;
	assert_int_equal(pb_dma_map_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0),
			 0);
	entry_is(0, 0x40000000, 512);
	entry_is(1, (uint64_t)BAR_START + 64, 1024);
}

static void its_own_bar_is_an_offset(void **state)
{
	struct pb_sg_table sgt;

	assert_int_equal(map_mixed(&sgt, PB_PCI_P2PDMA_MAP_NOT_SUPPORTED),
			 -EREMOTEIO);
	physbio_xlate_set_own_bar(&x, &region);
	assert_int_equal(pb_dma_map_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0),
			 0);
	entry_is(1, 64, 1024);
	entry_is(2, 2 * PG, 2048);
	assert_int_equal(sgl[1].sg_flags,
			 PB_SG_DMA_BUS_ADDRESS | PHYSBIO_SG_DMA_OWN_BAR);
	pb_dma_unmap_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0);
	sgl[2].length = BAR_PAGES * PG;
	assert_int_equal(pb_dma_map_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0),
			 -EIO);
	assert_int_equal(sgt.nents, 0);
}

static int mapped;

static pb_dma_addr_t counting_map(const struct pb_device *d,
				  pb_phys_addr_t phys, uint64_t size,
				  enum pb_dma_data_direction dir,
				  unsigned long attrs)
{
	mapped++;
	return physbio_dma_make(phys);
}

static void counting_unmap(const struct pb_device *d, pb_dma_addr_t addr,
			   uint64_t size, enum pb_dma_data_direction dir,
			   unsigned long attrs)
{
	mapped--;
}

static void an_error_half_way_leaves_nothing_mapped(void **state)
{
	static const struct physbio_xlate_ops ops = {
		.map_phys = counting_map,
		.unmap_phys = counting_unmap,
	};
	const struct physbio_xlate counting = { .ops = &ops };
	const struct pb_device counted = { .xlate = &counting,
					   .dma_mask = RAM_START + PG };
	struct pb_sg_table sgt;

	/* no table of peers: not supported */
	assert_int_equal(map_mixed(&sgt, PB_PCI_P2PDMA_MAP_NOT_SUPPORTED),
			 -EREMOTEIO);
	assert_int_equal(sgt.nents, 0);
	/* beyond the device's mask */
	sg_set(0, RAM_START, 512);
	sg_set(1, RAM_START + PG, 512);
	sgt.orig_nents = 2;
	assert_int_equal(
		pb_dma_map_sgtable(&counted, &sgt, PB_DMA_TO_DEVICE, 0), -EIO);
	assert_int_equal(mapped, 0);
	assert_int_equal(sgt.nents, 0);
}

/* A table that was another device's says nothing of it any more. */
static void a_table_is_mapped_again_for_another_way(void **state)
{
	static const struct {
		uint8_t map;
		bool own;
		uint32_t flags;
	} ways[] = {
		{ PB_PCI_P2PDMA_MAP_BUS_ADDR, true,
		  PB_SG_DMA_BUS_ADDRESS | PHYSBIO_SG_DMA_OWN_BAR },
		{ PB_PCI_P2PDMA_MAP_BUS_ADDR, false, PB_SG_DMA_BUS_ADDRESS },
		{ PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, false, 0 },
	};
	struct pb_sg_table sgt;
	uint8_t map;
	unsigned int i;

	assert_int_equal(map_mixed(&sgt, PB_PCI_P2PDMA_MAP_BUS_ADDR), 0);
	sgl[3].sg_flags |= PB_SG_END;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		map = ways[i].map;
		physbio_xlate_set_p2p(&x, &map, 1);
		physbio_xlate_set_own_bar(&x, ways[i].own ? &region : NULL);
		pb_dma_unmap_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0);
		assert_int_equal(
			pb_dma_map_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0), 0);
		assert_int_equal(sgl[1].sg_flags, ways[i].flags);
		assert_int_equal(sgl[3].sg_flags, PB_SG_END);
	}
}

static unsigned long attrs_seen[2][4]; /* of the maps, of the unmaps */
static unsigned int nr_seen[2];

static pb_dma_addr_t seeing_map(const struct pb_device *d, pb_phys_addr_t phys,
				uint64_t size, enum pb_dma_data_direction dir,
				unsigned long attrs)
{
	attrs_seen[0][nr_seen[0]++] = attrs;
	return physbio_dma_make(phys);
}

static void seeing_unmap(const struct pb_device *d, pb_dma_addr_t addr,
			 uint64_t size, enum pb_dma_data_direction dir,
			 unsigned long attrs)
{
	attrs_seen[1][nr_seen[1]++] = attrs;
}

static void an_entry_is_unmapped_as_it_was_mapped(void **state)
{
	static const struct {
		uint8_t map;
		bool bounces;
		unsigned long attrs; /* of the peer's entries */
		unsigned int nr; /* entries that are mapped */
	} ways[] = {
		{ PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, false, PB_DMA_ATTR_MMIO,
		  4 },
		{ PB_PCI_P2PDMA_MAP_NOT_SUPPORTED, true,
		  PHYSBIO_DMA_ATTR_BOUNCE, 4 },
		{ PB_PCI_P2PDMA_MAP_BUS_ADDR, false, 0, 2 },
	};
	static const struct physbio_xlate_ops ops = {
		.map_phys = seeing_map,
		.unmap_phys = seeing_unmap,
	};
	struct physbio_xlate seeing = { .ops = &ops };
	const struct pb_device seen = { .xlate = &seeing,
					.dma_mask = UINT64_MAX };
	struct pb_sg_table sgt;
	unsigned int i;

	map_mixed(&sgt, PB_PCI_P2PDMA_MAP_BUS_ADDR);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		physbio_xlate_set_p2p(&seeing, &ways[i].map, 1);
		seeing.bounce_p2p = ways[i].bounces;
		/* only that there is one is asked */
		seeing.bounce = (void *)&seeing;
		memset(nr_seen, 0, sizeof(nr_seen));
		assert_int_equal(pb_dma_map_sgtable(&seen, &sgt,
						    PB_DMA_TO_DEVICE, 0),
				 0);
		pb_dma_unmap_sgtable(&seen, &sgt, PB_DMA_TO_DEVICE, 0);
		assert_int_equal(nr_seen[0], ways[i].nr);
		assert_int_equal(nr_seen[1], ways[i].nr);
		assert_memory_equal(attrs_seen[0], attrs_seen[1],
				    ways[i].nr * sizeof(attrs_seen[0][0]));
		assert_true(attrs_seen[0][0] == 0);
		assert_true(attrs_seen[0][1] == ways[i].attrs);
		assert_true(attrs_seen[0][ways[i].nr - 1] == 0);
	}
}

/* --- mixed requests --- */

static const struct physbio_region *const regions[] = { &region };
static const struct physbio_region_table region_table = { regions, 1 };

static const struct pb_queue_limits p2p_limits = {
	.features = PB_BLK_FEAT_PCI_P2PDMA,
	.max_hw_sectors = 4096,
	.max_segment_size = 1 << 20,
	.dma_alignment = 3,
};

/* RAM and the peer's memory touch where they meet. */
static struct pb_request *submit_mixed(void)
{
	const uint32_t bar = RAM_PAGES * (uint32_t)PG;
	const struct range r[] = {
		{ 0, 512 }, { bar - 512, 512 }, { bar, 1024 }, { 4096, 512 }
	};
	unsigned int i;

	test_queue_up(&tq, &p2p_limits, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	assert_int_equal(physbio_bio_set_mixed(&tb.bio, &region_table), 0);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		test_bio_add(&tb, r[i].at, r[i].len);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 1);
	return kept[0];
}

static void a_mixed_requests_table_has_the_iterators_addresses(void **state)
{
	static const uint8_t ways[] = { PB_PCI_P2PDMA_MAP_BUS_ADDR,
					PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE };
	struct pb_request *rq = submit_mixed();
	struct pb_sg_table sgt = { .sgl = sgl };
	struct pb_dma_iova_state st;
	struct pb_blk_dma_iter iter;
	unsigned int i, n;
	bool more;

	map_mixed(&sgt, PB_PCI_P2PDMA_MAP_BUS_ADDR);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		physbio_xlate_set_p2p(&x, &ways[i], 1);
		sgt.orig_nents = (unsigned int)pb_blk_rq_map_sg(rq, sgl);
		assert_int_equal(sgt.orig_nents, 4);
		assert_int_equal(
			pb_dma_map_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0), 0);
		more = pb_blk_rq_dma_map_iter_start(rq, &dev, &st, &iter);
		for (n = 0; more; n++) {
			entry_is(n, physbio_dma_value(iter.addr), iter.len);
			assert_int_equal(
				sgl[n].sg_flags & PB_SG_DMA_BUS_ADDRESS,
				iter.map == PB_PCI_P2PDMA_MAP_BUS_ADDR ?
					PB_SG_DMA_BUS_ADDRESS :
					0);
			more = pb_blk_rq_dma_map_iter_next(rq, &dev, &iter);
		}
		assert_int_equal(n, 4);
		pb_dma_unmap_sgtable(&dev, &sgt, PB_DMA_TO_DEVICE, 0);
	}
	down();
}

/* The iterator says PB_BLK_STS_TARGET of the first; a table has no status. */
static void a_range_that_is_not_ones_is_in_no_table(void **state)
{
	struct pb_request *rq = submit_mixed();

	assert_int_equal(pb_blk_rq_map_sg(rq, sgl), 4);
	pb_bvec_set_phys(&tb.table[1], BAR_START - 256, 512);
	assert_int_equal(pb_blk_rq_map_sg(rq, sgl), 0);
	down();
}

/* The same behind ranges that are: those are taken many at once. */
static void a_late_range_that_is_not_ones_is_in_no_table(void **state)
{
	enum {
		RANGES = 40
	};
	static struct pb_scatterlist list[RANGES];
	unsigned int i;

	test_queue_up(&tq, &p2p_limits, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	assert_int_equal(physbio_bio_set_mixed(&tb.bio, &region_table), 0);
	for (i = 0; i < RANGES; i++)
		test_bio_add(&tb, i * (uint32_t)PG, 512);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 1);
	for (i = 0; i < RANGES; i++) {
		struct pb_bio_vec was = tb.table[i];

		assert_int_equal(pb_blk_rq_map_sg(kept[0], list), RANGES);
		pb_bvec_set_phys(&tb.table[i], BAR_START - 256, 512);
		assert_int_equal(pb_blk_rq_map_sg(kept[0], list), 0);
		tb.table[i] = was;
	}
	down();
}

/* --- the table, the iterator, and what is right, of requests at random --- */

#define MAX_BIOS 4
#define MAX_ENTRIES 40
#define MAX_RANGES (MAX_BIOS * MAX_ENTRIES * 16)

static struct pb_bio rand_bios[MAX_BIOS];
static struct pb_bio_vec rand_table[MAX_BIOS][MAX_ENTRIES];
static struct pb_phys_vec pieces[MAX_BIOS * MAX_ENTRIES], right[MAX_RANGES];
static struct pb_scatterlist rand_sgl[MAX_RANGES];
static unsigned int nr_pieces, nr_right;

/* Entries of which a third continue the one before; front and end may be cut off. */
static void rand_bio(unsigned int b, uint64_t *end)
{
	unsigned int n = 1 + (unsigned int)rand() % MAX_ENTRIES, i;
	uint32_t cut = rand() % 4 ? 0 : 256, size = 0;
	struct pb_bio *bio = &rand_bios[b];

	pb_bio_init(bio, &tq.bdev, rand_table[b], MAX_ENTRIES, PB_REQ_OP_READ);
	for (i = 0; i < n; i++) {
		uint32_t len = 512 * (1 + (uint32_t)rand() % 16);
		uint64_t at = RAM_START + 512 * ((uint64_t)rand() %
						 (RAM_PAGES * PG / 2048));

		if (rand() % 3 == 0 && *end + len <= RAM_START + RAM_PAGES * PG)
			at = *end;
		*end = at + len;
		pb_bvec_set_phys(&rand_table[b][i], at, len);
		pieces[nr_pieces].paddr = at + (i ? 0 : cut);
		pieces[nr_pieces++].len =
			len - (i ? 0 : cut) - (i == n - 1 ? cut / 2 : 0);
		size += len;
	}
	bio->bi_vcnt = (uint16_t)n;
	bio->bi_iter.bi_size = size - cut - cut / 2;
	bio->bi_iter.bi_bvec_done = cut;
}

/* Piece after piece, as the rules say it. */
static void find_what_is_right(const struct pb_queue_limits *lim)
{
	uint32_t done = 0, len, most;
	unsigned int i = 0;
	uint64_t at;

	for (nr_right = 0; i < nr_pieces; nr_right++) {
		at = pieces[i].paddr + done;
		most = pb_get_max_segment_size(lim, at, UINT32_MAX);
		len = pieces[i].len - done;
		if (len > most) {
			len = most;
			done += most;
		} else {
			done = 0;
			for (i++;
			     i < nr_pieces && pieces[i].paddr == at + len &&
			     (uint64_t)len + pieces[i].len <= most;
			     i++)
				len += pieces[i].len;
		}
		right[nr_right].paddr = at;
		right[nr_right].len = len;
	}
}

static void check_iterator(struct pb_request *rq)
{
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	unsigned int i;

	pb_blk_map_iter_init(rq, &iter);
	for (i = 0; pb_blk_map_iter_next(rq, &iter, &vec); i++) {
		assert_in_range(i, 0, nr_right - 1);
		assert_int_equal(vec.paddr, right[i].paddr);
		assert_int_equal(vec.len, right[i].len);
	}
	assert_int_equal(i, nr_right);
}

static void check_table(struct pb_request *rq)
{
	unsigned int i;

	assert_int_equal(pb_blk_rq_map_sg(rq, rand_sgl), nr_right);
	for (i = 0; i < nr_right; i++) {
		assert_int_equal(pb_page_to_phys(rand_sgl[i].page) +
					 rand_sgl[i].offset,
				 right[i].paddr);
		assert_int_equal(rand_sgl[i].length, right[i].len);
		assert_int_equal(rand_sgl[i].sg_flags,
				 i == nr_right - 1 ? PB_SG_END : 0);
	}
}

static void check_at_random(const struct pb_queue_limits *lim)
{
	unsigned int n = 1 + (unsigned int)rand() % MAX_BIOS, b;
	struct pb_request rq = { .q = tq.q, .bio = rand_bios };
	uint64_t end = RAM_START;

	nr_pieces = 0;
	for (b = 0; b < n; b++) {
		rand_bio(b, &end);
		if (b)
			rand_bios[b - 1].bi_next = &rand_bios[b];
	}
	find_what_is_right(lim);
	check_iterator(&rq);
	check_table(&rq);
}

static void any_requests_ranges_are_those_of_the_rules(void **state)
{
	const struct pb_queue_limits limits[] = {
		wide,
		{ .max_hw_sectors = 4096, .max_segment_size = (uint32_t)PG },
		{ .max_hw_sectors = 4096,
		  .seg_boundary_mask = 2 * PG - 1,
		  .max_segment_size = 3 * (uint32_t)PG },
	};
	unsigned int seed = 5, i, round;

	print_message("seed %u\n", seed);
	srand(seed);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		test_queue_up(&tq, &limits[i], 8);
		for (round = 0; round < 300; round++)
			check_at_random(pb_queue_limits(tq.q));
		test_queue_down(&tq);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_become_pages),
		cmocka_unit_test(a_special_payload_replaces_the_data),
		cmocka_unit_test(metadata_have_a_table_of_their_own),
		cmocka_unit_test(a_peers_entry_has_its_own_length),
		cmocka_unit_test(a_peer_through_the_host_bridge_has_an_address),
		cmocka_unit_test(
			a_peers_address_through_the_host_bridge_is_a_policy),
		cmocka_unit_test(its_own_bar_is_an_offset),
		cmocka_unit_test(an_error_half_way_leaves_nothing_mapped),
		cmocka_unit_test(a_table_is_mapped_again_for_another_way),
		cmocka_unit_test(an_entry_is_unmapped_as_it_was_mapped),
		cmocka_unit_test(
			a_mixed_requests_table_has_the_iterators_addresses),
		cmocka_unit_test(a_range_that_is_not_ones_is_in_no_table),
		cmocka_unit_test(a_late_range_that_is_not_ones_is_in_no_table),
		cmocka_unit_test(any_requests_ranges_are_those_of_the_rules),
	};

	return cmocka_run_group_tests(tests, bar_up, mem_down);
}
