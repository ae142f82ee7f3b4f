// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where bios are cut, and what is counted. */
#include "fixture.h"

static struct test_queue tq;
static struct test_bio tb;

/*
 * Written for pages of 4 KiB and scaled to the page size that is tested: bytes, sectors
 * and windows alike. Each bio is made of ranges; the fragments are what must come out.
 */
struct split_case {
	const char *name;
	struct pb_queue_limits lim;
	struct range ranges[6];
	uint32_t sizes[8]; /* of the fragments, 0 ends */
	unsigned int segs[8];
};

#define SCALE ((uint32_t)(PG >> 12))

static struct pb_queue_limits scaled(const struct pb_queue_limits *lim)
{
	struct pb_queue_limits l = *lim;

	l.max_hw_sectors *= SCALE;
	l.max_user_sectors *= SCALE;
	if (!l.max_segment_size && !l.virt_boundary_mask)
		l.max_segment_size = PB_BLK_MAX_SEGMENT_SIZE;
	l.max_segment_size *= SCALE;
	l.chunk_sectors *= SCALE;
	l.physical_block_size *= SCALE;
	l.logical_block_size *= SCALE;
	l.atomic_write_hw_max *= SCALE;
	l.atomic_write_hw_unit_max *= SCALE;
	if (l.seg_boundary_mask)
		l.seg_boundary_mask = (l.seg_boundary_mask + 1) * SCALE - 1;
	if (l.virt_boundary_mask)
		l.virt_boundary_mask = (l.virt_boundary_mask + 1) * SCALE - 1;
	return l;
}

static void submit_case(const struct split_case *c)
{
	const struct pb_queue_limits lim = scaled(&c->lim);
	unsigned int i;

	test_queue_up(&tq, &lim, 64);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < ARRAY_SIZE(c->ranges) && c->ranges[i].len; i++)
		test_bio_add(&tb, c->ranges[i].at * SCALE,
			     c->ranges[i].len * SCALE);
	pb_submit_bio(&tb.bio);
}

static void run_case(const struct split_case *c)
{
	unsigned int i, n = 0;

	submit_case(c);
	while (n < ARRAY_SIZE(c->sizes) && c->sizes[n])
		n++;
	if (nr_kept != n)
		fail_msg("%s: %u fragments, not %u", c->name, nr_kept, n);
	for (i = 0; i < n; i++) {
		if (pb_blk_rq_bytes(kept[i]) != c->sizes[i] * SCALE ||
		    kept[i]->nr_phys_segments != c->segs[i])
			fail_msg("%s: fragment %u has %u bytes, %u segments",
				 c->name, i, pb_blk_rq_bytes(kept[i]),
				 kept[i]->nr_phys_segments);
		/* All but the last were cut off. */
		assert_int_equal(!!(kept[i]->cmd_flags & PB_REQ_NOMERGE),
				 i + 1 < n);
	}
	assert_int_equal(tq.stats.splits, n - 1);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tb.ended, 1);
	test_queue_down(&tq);
}

static void bios_are_cut_to_the_limits(void **state)
{
	const struct split_case cases[] = {
		{ "fits",
		  { .max_hw_sectors = 4096 },
		  { { 0, 8192 } },
		  { 8192 },
		  { 1 } },
		{ "max_sectors",
		  { .max_hw_sectors = 4096, .max_user_sectors = 128 },
		  { { 0, 160 << 10 } },
		  { 65536, 65536, 32768 },
		  { 1, 1, 1 } },
		{ "max_segments",
		  { .max_hw_sectors = 4096, .max_segments = 2 },
		  { { 0, 1024 }, { 65536, 1024 }, { 131072, 1024 } },
		  { 2048, 1024 },
		  { 2, 1 } },
		{ "segment size",
		  { .max_hw_sectors = 4096,
		    .max_segment_size = 4096,
		    .max_segments = 3 },
		  { { 0, 20480 } },
		  { 12288, 8192 },
		  { 3, 2 } },
		{ "segment boundary",
		  { .max_hw_sectors = 4096,
		    .seg_boundary_mask = 8191,
		    .max_segments = 2 },
		  { { 4096, 24576 } },
		  { 12288, 12288 },
		  { 2, 2 } },
		{ "virt boundary, start",
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 },
		  { { 0, 4096 }, { 65536 + 512, 512 } },
		  { 4096, 512 },
		  { 1, 1 } },
		{ "virt boundary, end",
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 },
		  { { 0, 512 }, { 65536, 4096 } },
		  { 512, 4096 },
		  { 1, 1 } },
		{ "virt boundary kept",
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 },
		  { { 512, 3584 }, { 65536, 4096 }, { 131072, 512 } },
		  { 8192 },
		  { 3 } },
		{ "chunk",
		  { .max_hw_sectors = 4096, .chunk_sectors = 16 },
		  { { 0, 20480 } },
		  { 8192, 8192, 4096 },
		  { 1, 1, 1 } },
		{ "physical block",
		  { .max_hw_sectors = 4096,
		    .max_user_sectors = 12,
		    .physical_block_size = 4096 },
		  { { 0, 12288 } },
		  { 4096, 4096, 4096 },
		  { 1, 1, 1 } },
		{ "logical block",
		  { .max_hw_sectors = 4096,
		    .logical_block_size = 4096,
		    .max_segments = 2 },
		  { { 0, 2048 }, { 65536, 4096 }, { 131072, 2048 } },
		  { 4096, 4096 },
		  { 2, 2 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
}

static int submit_error(const struct pb_queue_limits *lim, pb_blk_opf_t opf,
			uint32_t at, uint32_t len)
{
	const struct pb_queue_limits l = scaled(lim);
	int err;

	test_queue_up(&tq, &l, 512);
	test_bio_init(&tb, opf, 0);
	tb.bio.bi_bdev = &tq.bdev;
	test_bio_add(&tb, at, len * SCALE);
	pb_submit_bio(&tb.bio);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tb.ended, 1);
	err = pb_blk_status_to_errno(tb.bio.bi_status);
	test_queue_down(&tq);
	return err;
}

static void what_must_not_be_cut_is_refused(void **state)
{
	const struct pb_queue_limits narrow = {
		.max_hw_sectors = 4096,
		.max_user_sectors = 8,
		.dma_alignment = 511,
		.features = PB_BLK_FEAT_ATOMIC_WRITES,
		.atomic_write_hw_max = 4096,
		.atomic_write_hw_unit_min = 512,
		.atomic_write_hw_unit_max = 4096,
	};

	assert_int_equal(submit_error(&narrow, PB_REQ_OP_WRITE, 0, 8192), 0);
	assert_int_equal(submit_error(&narrow, PB_REQ_OP_WRITE | PB_REQ_NOWAIT,
				      0, 8192),
			 -EAGAIN);
	assert_int_equal(submit_error(&narrow, PB_REQ_OP_WRITE | PB_REQ_ATOMIC,
				      0, 8192),
			 -EINVAL);
	assert_int_equal(submit_error(&narrow, PB_REQ_OP_WRITE | PB_REQ_ATOMIC,
				      0, 4096),
			 0);
	/* misaligned: only where the splitter looks */
	assert_int_equal(submit_error(&narrow, PB_REQ_OP_WRITE, 4, 1 << 20),
			 -EINVAL);
}

/* Eight ranges with gaps of 512 bytes, four segments at most, and one range more. */
static void gap_bits_of_a_cut(uint32_t quirks, unsigned int front,
			      unsigned int rest)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 4,
					     .dma_alignment = 3,
					     .quirks = quirks };
	int i;

	test_queue_up(&tq, &lim, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < 5; i++)
		test_bio_add(&tb, (uint32_t)i << 16, 512);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 2);
	assert_int_equal(kept[0]->phys_gap_bit, front);
	assert_int_equal(kept[1]->phys_gap_bit, rest);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void a_cut_fragment_keeps_its_gap_bit(void **state)
{
	gap_bits_of_a_cut(0, 10, 0);
}

static void the_kernel_loses_it_and_keeps_it_in_the_rest(void **state)
{
	gap_bits_of_a_cut(PB_QUIRK_LOST_GAP_BIT, 0, 0);
	gap_bits_of_a_cut(PB_QUIRK_STALE_GAP_BIT, 10, 10);
	gap_bits_of_a_cut(PB_QUIRK_ALL, 0, 10);
}

/* Its rest comes back to the queue, but is no new bio. */
static void a_cut_bio_is_counted_once(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 2 };
	int i;

	test_queue_up(&tq, &lim, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < 5; i++)
		test_bio_add(&tb, (uint32_t)i << 16, 512);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 3);
	assert_int_equal(tq.stats.splits, 2);
	assert_int_equal(tq.stats.bios, 1);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* An address of which no low bit is set is still another range. */
static void a_gap_at_4_gib_is_a_gap(void **state)
{
#if !defined(PB_PHYS_ADDR_BITS) || PB_PHYS_ADDR_BITS == 64
	const pb_phys_addr_t gib4 = (pb_phys_addr_t)1 << 32;
	struct pb_bio_vec table[2];

	pb_bvec_set_phys(&table[0], gib4 - PG, PG);
	pb_bvec_set_phys(&table[1], 2 * gib4, PG);
	assert_int_not_equal(pb_bvec_seg_gap(&table[0], &table[1]), 0);
	assert_int_equal(pb_bvec_seg_gap(&table[0], &table[1]) & (PG - 1), 0);
#endif
}

/*
 * Today's vector knows where it begins within its page, the physical one where it
 * begins. Two vectors of a page each, at odd pages, and a boundary of two pages.
 */
static void a_boundary_beyond_a_page_is_seen_in_the_address(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .virt_boundary_mask = 2 * PG - 1 };
	unsigned int segs;

	test_queue_up(&tq, &lim, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	test_bio_add(&tb, 2 * (uint32_t)PG, 2 * (uint32_t)PG);
	test_bio_add(&tb, 7 * (uint32_t)PG, (uint32_t)PG);
#ifndef PB_REPR_PAGE
	assert_int_equal(pb_bio_split_io_at(&tb.bio, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 0),
			 2 * PG >> 9);
	assert_int_equal(segs, 1);
#else
	assert_int_equal(pb_bio_split_io_at(&tb.bio, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 0),
			 0);
	assert_int_equal(segs, 2);
#endif
	test_queue_down(&tq);
}

/* In bytes it would be 0: nothing would fit. */
static void a_limit_of_4_gib_does_not_wrap(void **state)
{
	static const uint32_t sectors[] = { 0x7fffff, 0x800000, 0x800008,
					    0xfffffff8 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sectors); i++) {
		const struct pb_queue_limits lim = {
			.max_hw_sectors = sectors[i],
			.max_user_sectors = sectors[i],
		};

		test_queue_up(&tq, &lim, 8);
		test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
		tb.bio.bi_bdev = &tq.bdev;
		test_bio_add(&tb, 0, 4096);
		test_bio_add(&tb, 65536, 4096);
		pb_submit_bio(&tb.bio);
		assert_int_equal(nr_kept, 1);
		assert_int_equal(kept[0]->nr_phys_segments, 2);
		end_kept(PB_BLK_STS_OK);
		test_queue_down(&tq);
	}
}

/* Offset and length together are 4 GiB: not 0, which would pass as one segment. */
static void a_vector_of_4_gib_does_not_wrap(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segment_size = 1u << 31 };
	const uint32_t len = UINT32_MAX - 511;
	struct pb_bio_vec bv;
	unsigned int segs;

	if (len > PB_BVEC_MAX_LEN)
		skip(); /* there is no such vector */
	test_queue_up(&tq, &lim, 8);
	pb_bvec_set_page(&bv, pb_phys_to_page(RAM_START), len, 512);
	pb_bio_init(&tb.bio, NULL, &bv, 1, PB_REQ_OP_WRITE);
	tb.bio.bi_vcnt = 1;
	tb.bio.bi_iter.bi_size = len;
	assert_true(pb_bio_may_need_split(&tb.bio, pb_queue_limits(tq.q)));
	assert_int_equal(pb_bio_split_io_at(&tb.bio, pb_queue_limits(tq.q),
					    &segs, UINT32_MAX, 511),
			 0);
	assert_int_equal(segs, 3); /* one for the 4 GiB boundary */
	test_queue_down(&tq);
}

/* The same of an offset that is large itself, behind an entry that is plain. */
static void an_offset_beyond_2_gib_does_not_wrap(void **state)
{
	struct pb_queue_limits lim = { .max_segment_size = 1u << 30 };
	const uint32_t len = 0x7ffffe00, offset = 0x80000200;
	struct pb_bio_vec table[2];
	struct pb_bio bio = { .bi_io_vec = table,
			      .bi_vcnt = 2,
			      .bi_iter.bi_size = 512 + len };
	unsigned int segs;

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	pb_bvec_set_page(&table[0], pb_phys_to_page(RAM_START), 512, 0);
	pb_bvec_set_page(&table[1], pb_phys_to_page(RAM_START), len, offset);
	assert_int_equal(pb_bio_split_io_at(&bio, &lim, &segs, UINT32_MAX, 511),
			 0);
	assert_int_equal(segs, 1 + 3); /* one for the 4 GiB boundary */
}

static void lengths_are_aligned_too(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .dma_alignment = 1023 };

	assert_int_equal(submit_error(&lim, PB_REQ_OP_WRITE, 0, 65536), 0);
	assert_int_equal(submit_error(&lim, PB_REQ_OP_WRITE, 0, 65536 + 1024),
			 0);
	assert_int_equal(submit_error(&lim, PB_REQ_OP_WRITE, 512, 65536),
			 -EINVAL);
	if (SCALE == 1)
		assert_int_equal(submit_error(&lim, PB_REQ_OP_WRITE, 0,
					      65536 + 512),
				 -EINVAL);
}

static void discards_are_cut_to_their_granularity(void **state)
{
	const struct pb_queue_limits lim = {
		.max_hw_sectors = 4096,
		.max_hw_discard_sectors = 100,
		.discard_granularity = 16384, /* 32 sectors */
		.discard_alignment = 4096, /* 8 sectors */
	};
	static const pb_sector_t sectors[] = { 0, 72, 168, 264 };
	unsigned int i;

	test_queue_up(&tq, &lim, 8);
	test_bio_init(&tb, PB_REQ_OP_DISCARD, 0);
	tb.bio.bi_bdev = &tq.bdev;
	tb.bio.bi_iter.bi_size = 300 << 9;
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, ARRAY_SIZE(sectors));
	for (i = 0; i < nr_kept; i++)
		assert_int_equal(pb_blk_rq_pos(kept[i]), sectors[i]);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tb.ended, 1);
	test_queue_down(&tq);
}

/* As in for_each_bvec(); none is added, but a driver may leave one in a table. */
static void an_entry_of_length_0_is_no_segment(void **state)
{
	static const uint32_t lens[] = { 4096, 4096, 0, 4096, 0, 0, 4096 };
	struct pb_bio_vec table[ARRAY_SIZE(lens)];
	struct pb_queue_limits lim = { .virt_boundary_mask = 4095 };
	struct pb_bio bio = { .bi_io_vec = table,
			      .bi_vcnt = ARRAY_SIZE(lens),
			      .bi_iter.bi_size = 4 * 4096 };
	unsigned int segs, i;

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		pb_bvec_set_phys(&table[i],
				 RAM_START + 2 * i * PG + (lens[i] ? 0 : 512),
				 lens[i]);
	assert_int_equal(pb_bio_split_io_at(&bio, &lim, &segs, UINT32_MAX, 0),
			 0);
	assert_int_equal(segs, 4);
}

/* What is in front of the first segment has no gap, and no end that must be aligned. */
static void an_entry_of_length_0_in_front_leaves_no_gap(void **state)
{
	static const struct {
		struct pb_queue_limits lim;
		uint32_t at, len;
	} cases[] = {
		{ { .virt_boundary_mask = 4095 }, 0x1200, 4096 },
		{ { .virt_boundary_mask = 4095 }, 0x1200, 2 << 20 },
		{ { .dma_alignment = 3 }, 0x1010, 4096 },
		{ { .dma_alignment = 3 }, 0x1010, 2 << 20 },
		{ { .dma_alignment = 3 }, 0x1001, 4096 },
	};
	struct pb_bio_vec table[3];
	unsigned int i, segs;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_queue_limits lim = cases[i].lim;
		struct pb_bio bio = { .bi_io_vec = table,
				      .bi_vcnt = 3,
				      .bi_iter.bi_size = cases[i].len };

		lim.max_segment_size = 1 << 20;
		assert_int_equal(pb_blk_validate_limits(&lim), 0);
		pb_bvec_set_phys(&table[0], RAM_START + cases[i].at, 0);
		pb_bvec_set_phys(&table[1], RAM_START + cases[i].at + 16, 0);
		pb_bvec_set_phys(&table[2], RAM_START + 0x100000, cases[i].len);
		assert_int_equal(pb_bio_split_io_at(&bio, &lim, &segs,
						    UINT32_MAX, 0),
				 0);
		assert_int_equal(segs, cases[i].len > 1 << 20 ? 2 : 1);
		assert_int_equal(bio.bi_bvec_gap_bit, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bios_are_cut_to_the_limits),
		cmocka_unit_test(what_must_not_be_cut_is_refused),
		cmocka_unit_test(a_cut_fragment_keeps_its_gap_bit),
		cmocka_unit_test(the_kernel_loses_it_and_keeps_it_in_the_rest),
		cmocka_unit_test(a_cut_bio_is_counted_once),
		cmocka_unit_test(a_gap_at_4_gib_is_a_gap),
		cmocka_unit_test(
			a_boundary_beyond_a_page_is_seen_in_the_address),
		cmocka_unit_test(a_limit_of_4_gib_does_not_wrap),
		cmocka_unit_test(a_vector_of_4_gib_does_not_wrap),
		cmocka_unit_test(an_offset_beyond_2_gib_does_not_wrap),
		cmocka_unit_test(lengths_are_aligned_too),
		cmocka_unit_test(discards_are_cut_to_their_granularity),
		cmocka_unit_test(an_entry_of_length_0_is_no_segment),
		cmocka_unit_test(an_entry_of_length_0_in_front_leaves_no_gap),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
