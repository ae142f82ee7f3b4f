// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which bios join a plugged request, where, and what the request is then. */
#include "fixture.h"

static struct test_queue tq, tq2;
static struct test_bio a, b, c3;

struct bio_of {
	pb_blk_opf_t opf;
	pb_sector_t sector;
	struct range range;
	uint16_t ioprio;
	uint8_t hint, stream;
};

static void submit(struct test_bio *tb, struct test_queue *to,
		   const struct bio_of *d)
{
	test_bio_init(tb, d->opf, d->sector);
	tb->bio.bi_bdev = &to->bdev;
	tb->bio.bi_ioprio = d->ioprio;
	tb->bio.bi_write_hint = d->hint;
	tb->bio.bi_write_stream = d->stream;
	if ((d->opf & PB_REQ_OP_MASK) == PB_REQ_OP_DISCARD)
		tb->bio.bi_iter.bi_size = d->range.len;
	else
		test_bio_add(tb, d->range.at, d->range.len);
	pb_submit_bio(&tb->bio);
}

static const struct pb_queue_limits wide = {
	.max_hw_sectors = 4096,
	.features = PB_BLK_FEAT_WRITE_CACHE | PB_BLK_FEAT_FUA,
};

enum {
	NONE,
	BACK,
	FRONT,
	DISCARD
};

struct merge_case {
	const char *name;
	struct bio_of first, second;
	int merged;
	struct pb_queue_limits lim; /* wide, if nothing is set */
};

static void run_case(const struct merge_case *m)
{
	struct pb_blk_plug plug;
	unsigned int merged;

	test_queue_up(&tq, m->lim.max_hw_sectors ? &m->lim : &wide, 64);
	pb_blk_start_plug(&plug);
	submit(&a, &tq, &m->first);
	submit(&b, &tq, &m->second);
	pb_blk_finish_plug(&plug);
	merged = m->merged == BACK  ? tq.stats.back_merges :
		 m->merged == FRONT ? tq.stats.front_merges :
				      tq.stats.discard_merges;
	if (nr_kept != (m->merged ? 1u : 2u) || (m->merged && merged != 1))
		fail_msg("%s: %u requests, %lu back, %lu front, %lu discard",
			 m->name, nr_kept, tq.stats.back_merges,
			 tq.stats.front_merges, tq.stats.discard_merges);
	if (m->merged) {
		assert_int_equal(pb_blk_rq_bytes(kept[0]),
				 m->first.range.len + m->second.range.len);
		assert_int_equal(pb_blk_rq_pos(kept[0]),
				 m->merged == FRONT ? m->second.sector :
						      m->first.sector);
	}
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(a.ended + b.ended, 2);
	test_queue_down(&tq);
}

#define W PB_REQ_OP_WRITE
#define R PB_REQ_OP_READ
#define D PB_REQ_OP_DISCARD
#define K4              \
	{               \
		0, 4096 \
	}
#define FAR                 \
	{                   \
		65536, 4096 \
	}

static void bios_join_where_they_touch(void **state)
{
	const struct merge_case cases[] = {
		{ "back", { W, 8, K4 }, { W, 16, FAR }, BACK },
		{ "front", { W, 8, K4 }, { W, 0, FAR }, FRONT },
		{ "apart", { W, 8, K4 }, { W, 17, FAR }, NONE },
		{ "overlap", { W, 8, K4 }, { W, 15, FAR }, NONE },
		{ "other op", { W, 8, K4 }, { R, 16, FAR }, NONE },
		{ "reads", { R, 8, K4 }, { R, 16, FAR }, BACK },
		{ "nomerge",
		  { W, 8, K4 },
		  { W | PB_REQ_NOMERGE, 16, FAR },
		  NONE },
		{ "nomerge first",
		  { W | PB_REQ_NOMERGE, 8, K4 },
		  { W, 16, FAR },
		  NONE },
		{ "fua", { W, 8, K4 }, { W | PB_REQ_FUA, 16, FAR }, NONE },
		{ "flush",
		  { W | PB_REQ_PREFLUSH, 8, K4 },
		  { W, 16, FAR },
		  NONE },
		{ "ioprio", { W, 8, K4, .ioprio = 1 }, { W, 16, FAR }, NONE },
		{ "hint", { W, 8, K4 }, { W, 16, FAR, .hint = 2 }, NONE },
		{ "stream", { W, 8, K4 }, { W, 16, FAR, .stream = 3 }, NONE },
		{ "same hints",
		  { W, 8, K4, 1, 2, 3 },
		  { W, 16, FAR, 1, 2, 3 },
		  BACK },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
}

static void limits_refuse_a_join(void **state)
{
	const struct merge_case cases[] = {
		{ "sectors fit",
		  { W, 0, K4 },
		  { W, 8, FAR },
		  BACK,
		  { .max_hw_sectors = 4096, .max_user_sectors = 16 } },
		{ "too many sectors",
		  { W, 0, K4 },
		  { W, 8, FAR },
		  NONE,
		  { .max_hw_sectors = 4096, .max_user_sectors = 15 } },
		{ "segments fit",
		  { W, 0, K4 },
		  { W, 8, FAR },
		  BACK,
		  { .max_hw_sectors = 4096, .max_segments = 2 } },
		{ "too many segments",
		  { W, 0, K4 },
		  { W, 8, FAR },
		  NONE,
		  { .max_hw_sectors = 4096, .max_segments = 1 } },
		{ "counted apart though they touch",
		  { W, 0, K4 },
		  { W, 8, { 4096, 4096 } },
		  NONE,
		  { .max_hw_sectors = 4096, .max_segments = 1 } },
		{ "within a chunk",
		  { W, 0, K4 },
		  { W, 8, FAR },
		  BACK,
		  { .max_hw_sectors = 4096, .chunk_sectors = 16 } },
		{ "over a chunk",
		  { W, 8, K4 },
		  { W, 16, FAR },
		  NONE,
		  { .max_hw_sectors = 4096, .chunk_sectors = 16 } },
		{ "front over a chunk",
		  { W, 16, K4 },
		  { W, 8, FAR },
		  NONE,
		  { .max_hw_sectors = 4096, .chunk_sectors = 16 } },
		{ "no gap",
		  { W, 0, K4 },
		  { W, 8, FAR },
		  BACK,
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 } },
		{ "gap at the seam",
		  { W, 0, { 0, 2048 } },
		  { W, 4, FAR },
		  NONE,
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 } },
		{ "seam that touches",
		  { W, 0, { 0, 2048 } },
		  { W, 4, { 2048, 2048 } },
		  BACK,
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 } },
		{ "touches, but begins unaligned",
		  { W, 0, { 512, 512 } },
		  { W, 1, { 1024, 512 } },
		  NONE,
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 4095 } },
		{ "discard back",
		  { D, 0, K4 },
		  { D, 8, K4 },
		  BACK,
		  { .max_hw_sectors = 4096, .max_hw_discard_sectors = 4096 } },
		{ "discard apart",
		  { D, 0, K4 },
		  { D, 80, K4 },
		  NONE,
		  { .max_hw_sectors = 4096, .max_hw_discard_sectors = 4096 } },
		{ "discard ranges apart",
		  { D, 0, K4 },
		  { D, 80, K4 },
		  DISCARD,
		  { .max_hw_sectors = 4096,
		    .max_hw_discard_sectors = 4096,
		    .max_discard_segments = 2 } },
		{ "discard too long",
		  { D, 0, K4 },
		  { D, 8, K4 },
		  NONE,
		  { .max_hw_sectors = 4096,
		    .max_hw_discard_sectors = 15,
		    .max_discard_segments = 2 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
}

/* A request that was too large once is not asked again; one with a gap is. */
static void refusal_for_size_is_for_good(void **state)
{
	static const struct {
		struct pb_queue_limits lim;
		bool nomerge;
	} cases[] = {
		{ { .max_hw_sectors = 4096, .max_segments = 1 }, true },
		{ { .max_hw_sectors = 4096, .max_user_sectors = 8 }, true },
		{ { .max_hw_sectors = 4096, .virt_boundary_mask = 65535 },
		  false },
	};
	struct pb_blk_plug plug;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		test_queue_up(&tq, &cases[i].lim, 8);
		pb_blk_start_plug(&plug);
		submit(&a, &tq, &(struct bio_of){ W, 0, K4 });
		submit(&b, &tq, &(struct bio_of){ W, 8, { 131072, 4096 } });
		pb_blk_finish_plug(&plug);
		assert_int_equal(nr_kept, 2);
		assert_int_equal(!!(kept[0]->cmd_flags & PB_REQ_NOMERGE),
				 cases[i].nomerge);
		end_kept(PB_BLK_STS_OK);
		test_queue_down(&tq);
	}
}

static void of_two_queues_the_oldest_request_is_tried(void **state)
{
	struct pb_blk_plug plug;

	test_queue_up(&tq2, &wide, 8);
	test_queue_up(&tq, &wide, 8);
	pb_blk_start_plug(&plug);
	submit(&a, &tq, &(struct bio_of){ W, 0, K4 });
	submit(&b, &tq2, &(struct bio_of){ W, 0, K4 });
	submit(&c3, &tq, &(struct bio_of){ W, 8, FAR });
	pb_blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 2);
	assert_int_equal(tq.stats.back_merges, 1);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
	test_queue_down(&tq2);
}

static void failfast_that_differs_is_kept_per_bio(void **state)
{
	struct pb_blk_plug plug;

	test_queue_up(&tq, &wide, 8);
	pb_blk_start_plug(&plug);
	submit(&a, &tq, &(struct bio_of){ R | PB_REQ_FAILFAST_DEV, 0, K4 });
	submit(&b, &tq, &(struct bio_of){ R, 8, FAR });
	pb_blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 1);
	assert_true(kept[0]->rq_flags & PB_RQF_MIXED_MERGE);
	assert_true(a.bio.bi_opf & PB_REQ_FAILFAST_DEV);
	assert_false(b.bio.bi_opf & PB_REQ_FAILFAST_MASK);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void gap_bit_is_the_lowest_of_all_seams(void **state)
{
	static const struct {
		struct range first, second;
		unsigned int bit;
	} cases[] = {
		{ { 0, 512 }, { 512, 512 }, 0 },
		{ { 0, 512 }, { 65536, 512 }, 10 },
		{ { 512, 3584 }, { 65536 + 1024, 512 }, 11 },
	};
	struct pb_blk_plug plug;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_sector_t next = cases[i].first.len >> 9;

		test_queue_up(&tq, &wide, 8);
		pb_blk_start_plug(&plug);
		submit(&a, &tq, &(struct bio_of){ W, 0, cases[i].first });
		submit(&b, &tq, &(struct bio_of){ W, next, cases[i].second });
		pb_blk_finish_plug(&plug);
		assert_int_equal(nr_kept, 1);
		assert_int_equal(kept[0]->phys_gap_bit, cases[i].bit);
		end_kept(PB_BLK_STS_OK);
		test_queue_down(&tq);
	}
}

/* A request that no queue has handed out. */
static void make_rq(struct pb_request *rq, struct test_bio *tb,
		    pb_blk_opf_t opf, pb_sector_t sector, uint32_t at,
		    uint32_t len)
{
	unsigned int nsegs = 1;

	memset(rq, 0, sizeof(*rq));
	rq->q = tq.q;
	test_bio_init(tb, opf, sector);
	tb->bio.bi_bdev = &tq.bdev;
	if ((opf & PB_REQ_OP_MASK) == PB_REQ_OP_DISCARD)
		tb->bio.bi_iter.bi_size = len;
	else
		test_bio_add(tb, at, len);
	pb_blk_rq_bio_prep(rq, &tb->bio, nsegs);
}

/* The gap is in front of what the second one begins with. */
static void an_empty_entry_in_front_is_not_where_a_request_begins(void **state)
{
	struct pb_request first, second;

	test_queue_up(&tq, &wide, 8);
	make_rq(&first, &a, W, 8, 0, 4096);
	make_rq(&second, &b, W, 16, 65536, 4096);
	b.table[1] = b.table[0];
	pb_bvec_set_phys(&b.table[0], RAM_START + 512, 0);
	assert_true(pb_blk_attempt_req_merge(tq.q, &first, &second));
	assert_int_equal(first.phys_gap_bit, 13);
	test_queue_down(&tq);
}

static void requests_that_touch_become_one(void **state)
{
	struct pb_request first, second;

	test_queue_up(&tq, &wide, 8);
	make_rq(&first, &a, W, 8, 0, 4096);
	make_rq(&second, &b, W | PB_REQ_FAILFAST_DEV, 16, 65536 + 512, 4096);
	assert_true(pb_blk_attempt_req_merge(tq.q, &first, &second));
	assert_int_equal(pb_blk_rq_bytes(&first), 8192);
	assert_int_equal(first.nr_phys_segments, 2);
	assert_int_equal(first.phys_gap_bit, 10);
	assert_true(first.rq_flags & PB_RQF_MIXED_MERGE);
	assert_true(b.bio.bi_opf & PB_REQ_FAILFAST_DEV);
	assert_ptr_equal(first.biotail, &b.bio);
	assert_null(second.bio);
	test_queue_down(&tq);
}

static void requests_stay_apart(void **state)
{
	static const struct {
		const char *name;
		struct pb_queue_limits lim;
		pb_blk_opf_t opf;
		pb_sector_t sector;
		uint16_t prio;
	} cases[] = {
		{ "in front", { .max_hw_sectors = 4096 }, W, 0, 0 },
		{ "op", { .max_hw_sectors = 4096 }, R, 16, 0 },
		{ "priority", { .max_hw_sectors = 4096 }, W, 16, 1 },
		{ "atomic",
		  { .max_hw_sectors = 4096 },
		  W | PB_REQ_ATOMIC,
		  16,
		  0 },
		{ "flush",
		  { .max_hw_sectors = 4096 },
		  W | PB_REQ_PREFLUSH,
		  16,
		  0 },
		{ "sectors",
		  { .max_hw_sectors = 4096, .max_user_sectors = 8 },
		  W,
		  16,
		  0 },
		{ "segments",
		  { .max_hw_sectors = 4096, .max_segments = 1 },
		  W,
		  16,
		  0 },
		{ "gap",
		  { .max_hw_sectors = 4096, .virt_boundary_mask = 8191 },
		  W,
		  16,
		  0 },
		{ "chunk",
		  { .max_hw_sectors = 4096, .chunk_sectors = 16 },
		  W,
		  16,
		  0 },
	};
	struct pb_request first, second;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		test_queue_up(&tq, &cases[i].lim, 8);
		make_rq(&first, &a, W, 8, 0, 4096);
		make_rq(&second, &b, cases[i].opf, cases[i].sector, 65536,
			4096);
		second.ioprio = cases[i].prio;
		if (pb_blk_attempt_req_merge(tq.q, &first, &second))
			fail_msg("%s: merged", cases[i].name);
		assert_int_equal(pb_blk_rq_bytes(&first), 4096);
		assert_int_equal(first.nr_phys_segments, 1);
		assert_ptr_equal(second.bio, &b.bio);
		/* they may part and try others */
		assert_false(first.cmd_flags & PB_REQ_NOMERGE);
		test_queue_down(&tq);
	}
}

static void discards_add_up_their_ranges(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_hw_discard_sectors = 4096,
					     .max_user_discard_sectors = 4096,
					     .max_discard_segments = 2 };
	struct pb_request first, second, third;

	test_queue_up(&tq, &lim, 8);
	make_rq(&first, &a, D, 8, 0, 4096);
	make_rq(&second, &b, D, 1000, 0, 4096);
	make_rq(&third, &c3, D, 2000, 0, 4096);
	assert_true(pb_blk_attempt_req_merge(tq.q, &first, &second));
	assert_int_equal(first.nr_phys_segments, 2);
	assert_int_equal(pb_blk_rq_pos(&first), 8);
	assert_false(pb_blk_attempt_req_merge(tq.q, &first, &third));
	assert_true(first.cmd_flags & PB_REQ_NOMERGE);
	test_queue_down(&tq);
}

/* 2f6b2565d43c: what looks for the last vector must not ask a discard for one. */
static void a_discard_has_no_last_vector(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_hw_discard_sectors = 4096,
					     .max_user_discard_sectors = 4096 };
	struct pb_request first, second;

	test_queue_up(&tq, &lim, 8);
	make_rq(&first, &a, D, 8, 0, 4096);
	make_rq(&second, &b, D, 16, 0, 4096);
	first.nr_phys_segments = 0;
	a.bio.bi_io_vec = NULL;
	b.bio.bi_io_vec = NULL;
	assert_true(pb_blk_attempt_req_merge(tq.q, &first, &second));
	assert_int_equal(first.phys_gap_bit, 0);
	assert_int_equal(pb_blk_rq_bytes(&first), 8192);
	test_queue_down(&tq);
}

static void some_operations_merge_with_nothing(void **state)
{
	static const pb_blk_opf_t ops[] = { PB_REQ_OP_DRV_IN, PB_REQ_OP_DRV_OUT,
					    PB_REQ_OP_FLUSH,
					    PB_REQ_OP_WRITE_ZEROES,
					    PB_REQ_OP_ZONE_APPEND };
	struct pb_request first, second;
	unsigned int i;

	test_queue_up(&tq, &wide, 8);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		make_rq(&first, &a, ops[i], 8, 0, 4096);
		make_rq(&second, &b, ops[i], 16, 65536, 4096);
		assert_false(pb_blk_attempt_req_merge(tq.q, &first, &second));
		assert_int_equal(pb_blk_attempt_bio_merge(tq.q, &first, &b.bio,
							  1, false),
				 PB_BIO_MERGE_NONE);
	}
	test_queue_down(&tq);
}

/* The device has one, and the other's data are not in its bios. */
static void what_a_driver_has_begun_merges_with_nothing(void **state)
{
	static const uint32_t flags[] = { PB_RQF_STARTED,
					  PB_RQF_SPECIAL_PAYLOAD };
	struct pb_request first, second;
	unsigned int i;

	test_queue_up(&tq, &wide, 8);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		make_rq(&first, &a, PB_REQ_OP_WRITE, 8, 0, 4096);
		make_rq(&second, &b, PB_REQ_OP_WRITE, 16, 65536, 4096);
		first.rq_flags |= flags[i];
		assert_false(pb_blk_attempt_req_merge(tq.q, &first, &second));
		assert_int_equal(pb_blk_attempt_bio_merge(tq.q, &first, &b.bio,
							  1, false),
				 PB_BIO_MERGE_NONE);
		first.rq_flags &= ~flags[i];
		second.rq_flags |= flags[i];
		assert_false(pb_blk_attempt_req_merge(tq.q, &first, &second));
		second.rq_flags &= ~flags[i];
		assert_true(pb_blk_attempt_req_merge(tq.q, &first, &second));
	}
	test_queue_down(&tq);
}

static void a_drivers_request_takes_what_it_need_not_cut(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 1024,
					     .max_user_sectors = 8,
					     .max_segments = 3,
					     .dma_alignment = 3,
					     .virt_boundary_mask = PG - 1 };
	struct pb_request rq = { .cmd_flags = PB_REQ_OP_DRV_IN };

	test_queue_up(&tq, &lim, 8);
	rq.q = tq.q;
	test_bio_init(&a, PB_REQ_OP_DRV_IN, 0);
	test_bio_add(&a, 0, 2 * (uint32_t)PG);
	assert_int_equal(pb_blk_rq_append_bio(&rq, &a.bio), 0);
	assert_int_equal(rq.nr_phys_segments, 1);
	/* more than may be in a user's I/O, not than the device takes */
	assert_int_equal(pb_blk_rq_bytes(&rq), 2 * PG);
	/* to be copied: it would have to be cut */
	test_bio_init(&b, PB_REQ_OP_DRV_IN, 0);
	test_bio_add(&b, 65536 * 2, (uint32_t)PG);
	test_bio_add(&b, 65536 * 2 + 2 * (uint32_t)PG + 512, (uint32_t)PG);
	assert_int_equal(pb_blk_rq_append_bio(&rq, &b.bio), -EREMOTEIO);
	/* a gap to what is there */
	test_bio_init(&b, PB_REQ_OP_DRV_IN, 0);
	test_bio_add(&b, 65536 * 2 + 512, 512);
	assert_int_equal(pb_blk_rq_append_bio(&rq, &b.bio), -EINVAL);
	test_bio_init(&b, PB_REQ_OP_DRV_IN, 0);
	test_bio_add(&b, 65536 * 2 + 2, 510);
	assert_int_equal(pb_blk_rq_append_bio(&rq, &b.bio), -EINVAL);
	assert_int_equal(pb_blk_rq_bytes(&rq), 2 * PG);
	assert_ptr_equal(rq.biotail, &a.bio);
	test_bio_init(&b, PB_REQ_OP_DRV_IN, 0);
	test_bio_add(&b, 65536 * 2, 512);
	assert_int_equal(pb_blk_rq_append_bio(&rq, &b.bio), 0);
	assert_int_equal(rq.nr_phys_segments, 2);
	assert_ptr_equal(rq.biotail, &b.bio);
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bios_join_where_they_touch),
		cmocka_unit_test(limits_refuse_a_join),
		cmocka_unit_test(refusal_for_size_is_for_good),
		cmocka_unit_test(of_two_queues_the_oldest_request_is_tried),
		cmocka_unit_test(failfast_that_differs_is_kept_per_bio),
		cmocka_unit_test(gap_bit_is_the_lowest_of_all_seams),
		cmocka_unit_test(requests_that_touch_become_one),
		cmocka_unit_test(
			an_empty_entry_in_front_is_not_where_a_request_begins),
		cmocka_unit_test(requests_stay_apart),
		cmocka_unit_test(discards_add_up_their_ranges),
		cmocka_unit_test(a_discard_has_no_last_vector),
		cmocka_unit_test(some_operations_merge_with_nothing),
		cmocka_unit_test(what_a_driver_has_begun_merges_with_nothing),
		cmocka_unit_test(a_drivers_request_takes_what_it_need_not_cut),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
