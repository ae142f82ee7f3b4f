// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What waits at a busy device, what joins it there, and in which order it leaves. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <physbio/elevator.h>

static struct test_queue tq;

#define BIOS 64

static struct test_bio bios[BIOS];
static unsigned int nr_bios;

static const struct pb_queue_limits limits = { .max_hw_sectors = 4096,
					       .max_hw_discard_sectors = 4096,
					       .max_discard_segments = 8 };

/* A device that takes nothing for now. */
static void busy_queue_of(const struct pb_queue_limits *lim,
			  const char *scheduler, unsigned int depth)
{
	test_queue_up(&tq, lim, depth);
	assert_int_equal(pb_elevator_change(tq.q, scheduler), 0);
	assert_string_equal(physbio_elevator_name(tq.q), scheduler);
	driver_says = PB_BLK_STS_RESOURCE;
	nr_bios = 0;
}

static void busy_queue_up(const char *scheduler, unsigned int depth)
{
	busy_queue_of(&limits, scheduler, depth);
}

#define W PB_REQ_OP_WRITE
#define R PB_REQ_OP_READ

static void submit_prio(pb_blk_opf_t opf, pb_sector_t sector,
			unsigned int sectors, uint16_t prio)
{
	struct test_bio *tb = &bios[nr_bios];

	test_bio_init(tb, opf, sector);
	tb->bio.bi_bdev = &tq.bdev;
	tb->bio.bi_ioprio = prio;
	if ((opf & PB_REQ_OP_MASK) == PB_REQ_OP_DISCARD)
		tb->bio.bi_iter.bi_size = sectors << 9;
	else
		test_bio_add(tb, nr_bios * 8192, sectors << 9);
	nr_bios++;
	pb_submit_bio(&tb->bio);
}

static void submit(pb_blk_opf_t opf, pb_sector_t sector, unsigned int sectors)
{
	submit_prio(opf, sector, sectors, 0);
}

/* The device takes them now: first sectors in the order in which they come. */
static void leaves(const pb_sector_t *order, unsigned int nr)
{
	unsigned int i;

	driver_says = PB_BLK_STS_OK;
	pb_blk_mq_run_hw_queues(tq.q, false);
	assert_int_equal(nr_kept, nr);
	for (i = 0; i < nr; i++)
		if (pb_blk_rq_pos(kept[i]) != order[i])
			fail_msg("request %u begins at %lu, not at %lu", i,
				 (unsigned long)pb_blk_rq_pos(kept[i]),
				 (unsigned long)order[i]);
}

static void down(void)
{
	unsigned int i;

	end_kept(PB_BLK_STS_OK);
	for (i = 0; i < nr_bios; i++)
		assert_int_equal(bios[i].ended, 1);
	test_queue_down(&tq);
}

#define LEAVES(...)                                           \
	leaves((const pb_sector_t[]){ __VA_ARGS__ },          \
	       sizeof((const pb_sector_t[]){ __VA_ARGS__ }) / \
		       sizeof(pb_sector_t))

/* The first one was offered already, and waits at the head. */
static void requests_leave_by_sector(void **state)
{
	busy_queue_up("mq-deadline", 16);
	submit(W, 50, 8);
	submit(W, 900, 8);
	submit(W, 300, 8);
	submit(W, 600, 8);
	LEAVES(50, 300, 600, 900);
	down();
	/* from the end it goes back to what has waited longest */
	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit(W, 600, 8);
	submit(W, 300, 8);
	submit(W, 900, 8);
	LEAVES(5000, 600, 900, 300);
	down();
}

static void a_bio_joins_whatever_it_touches(void **state)
{
	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	submit(W, 300, 8);
	submit(W, 500, 8);
	submit(W, 108, 8); /* behind one that was not merged with last */
	submit(W, 292, 8); /* in front */
	submit(W, 508, 8);
	assert_int_equal(tq.stats.back_merges, 2);
	assert_int_equal(tq.stats.front_merges, 1);
	LEAVES(5000, 100, 292, 500);
	assert_int_equal(pb_blk_rq_sectors(kept[1]), 16);
	down();
}

static void a_bio_that_closes_a_gap_joins_three(void **state)
{
	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	submit(W, 116, 8);
	submit(W, 108, 8);
	assert_int_equal(tq.stats.rq_merges, 1);
	submit(W, 208, 8);
	submit(W, 192, 8);
	submit(W, 200, 8); /* in front of the one merged with last */
	LEAVES(5000, 100, 192);
	assert_int_equal(pb_blk_rq_sectors(kept[1]), 24);
	assert_int_equal(pb_blk_rq_sectors(kept[2]), 24);
	down();
}

/* A whole plug comes at once: its requests merge with what waits and each other. */
static void plugged_requests_merge_on_their_way_in(void **state)
{
	struct pb_blk_plug plug;

	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	pb_blk_start_plug(&plug);
	submit(W, 116, 8);
	submit(W, 300, 8);
	submit(W, 108, 8);
	pb_blk_finish_plug(&plug);
	/* 108 joined what waits; 116 was plugged, and touches that as it comes */
	LEAVES(5000, 100, 300);
	assert_int_equal(tq.stats.rq_merges, 1);
	assert_int_equal(pb_blk_rq_sectors(kept[1]), 24);
	down();
}

static void reads_and_writes_stay_apart(void **state)
{
	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	submit(R, 108, 8);
	submit(R, 92, 8);
	assert_int_equal(tq.stats.back_merges + tq.stats.front_merges, 0);
	/* reads first */
	LEAVES(5000, 92, 108, 100);
	down();
}

static void writes_are_not_starved(void **state)
{
	static const struct physbio_deadline two = { .read_expire = 10000,
						     .write_expire = 10000,
						     .prio_aging_expire = 10000,
						     .writes_starved = 2,
						     .fifo_batch = 1 };

	busy_queue_up("mq-deadline", 16);
	assert_int_equal(physbio_deadline_set(tq.q, &two), 0);
	submit(W, 5000, 8);
	submit(W, 1000, 8);
	submit(R, 100, 8);
	submit(R, 200, 8);
	submit(R, 300, 8);
	LEAVES(5000, 100, 200, 1000, 300);
	down();
}

static void what_waited_too_long_goes_first(void **state)
{
	static const struct physbio_deadline now = { .fifo_batch = 1,
						     .front_merges = true };

	busy_queue_up("mq-deadline", 16);
	assert_int_equal(physbio_deadline_set(tq.q, &now), 0);
	submit(W, 5000, 8);
	submit(W, 900, 8);
	submit(W, 300, 8);
	submit(W, 600, 8);
	LEAVES(5000, 900, 300, 600);
	down();
}

/* The two become one, which takes the turn of the older. */
static void a_merged_request_keeps_the_older_turn(void **state)
{
	static const struct physbio_deadline now = { .fifo_batch = 1,
						     .front_merges = true };

	busy_queue_up("mq-deadline", 16);
	assert_int_equal(physbio_deadline_set(tq.q, &now), 0);
	submit(W, 5000, 8);
	submit(W, 116, 8);
	usleep(5000); /* times are of milliseconds */
	submit(W, 900, 8);
	usleep(5000);
	submit(W, 100, 8);
	submit(W, 108, 8);
	LEAVES(5000, 100, 900);
	down();
}

#define PRIO(class) ((uint16_t)((class) << 13))

static void urgent_classes_go_first(void **state)
{
	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit_prio(W, 100, 8, PRIO(3));
	submit_prio(W, 200, 8, PRIO(2));
	submit_prio(W, 300, 8, PRIO(1));
	submit_prio(W, 400, 8, PRIO(0));
	LEAVES(5000, 300, 200, 400, 100);
	down();
}

static void a_class_that_has_aged_goes_before_them(void **state)
{
	static const struct physbio_deadline aged = { .read_expire = 10000,
						      .write_expire = 10000,
						      .prio_aging_expire = 0,
						      .writes_starved = 2,
						      .fifo_batch = 16 };

	busy_queue_up("mq-deadline", 16);
	assert_int_equal(physbio_deadline_set(tq.q, &aged), 0);
	submit(W, 5000, 8);
	submit_prio(W, 300, 8, PRIO(1));
	submit_prio(W, 100, 8, PRIO(3));
	LEAVES(5000, 100, 300);
	down();
}

static void discards_join_though_they_do_not_touch(void **state)
{
	busy_queue_up("mq-deadline", 16);
	submit(W, 5000, 8);
	submit(PB_REQ_OP_DISCARD, 100, 8);
	submit(PB_REQ_OP_DISCARD, 700, 8);
	submit(PB_REQ_OP_DISCARD, 300, 8);
	assert_int_equal(tq.stats.discard_merges, 2);
	LEAVES(5000, 100);
	assert_int_equal(kept[1]->nr_phys_segments, 3);
	down();
}

static void without_front_merges_they_stay_apart(void **state)
{
	static const struct physbio_deadline back = { .write_expire = 10000,
						      .prio_aging_expire =
							      10000,
						      .fifo_batch = 16 };

	busy_queue_up("mq-deadline", 16);
	assert_int_equal(physbio_deadline_set(tq.q, &back), 0);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	submit(W, 300, 8);
	/* 100 was queued first and is what is tried for its front too */
	submit(W, 292, 8);
	LEAVES(5000, 100, 292, 300);
	down();
}

static void nomerges_has_two_degrees(void **state)
{
	busy_queue_up("mq-deadline", 16);
	physbio_queue_set_nomerges(tq.q, 1);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	submit(W, 300, 8);
	submit(W, 308, 8); /* not what is tried */
	submit(W, 108, 8); /* it is */
	LEAVES(5000, 100, 300, 308);
	down();
	busy_queue_up("mq-deadline", 16);
	physbio_queue_set_nomerges(tq.q, 2);
	submit(W, 5000, 8);
	submit(W, 100, 8);
	submit(W, 108, 8);
	LEAVES(5000, 100, 108);
	down();
}

/* What has refused is nobody's last merge: the next one that comes is. */
static void a_closed_request_makes_room_for_the_next(void **state)
{
	struct pb_queue_limits lim = limits;

	lim.max_user_sectors = 16;
	busy_queue_of(&lim, "mq-deadline", 16);
	physbio_queue_set_nomerges(tq.q, 1);
	submit(W, 5000, 8);
	submit(W, 100, 16); /* the last merge */
	submit(W, 116, 8); /* closes it */
	submit(W, 124, 8); /* joins what came then */
	assert_int_equal(tq.stats.back_merges, 1);
	LEAVES(5000, 100, 116);
	down();
}

/* Without a scheduler: the newest eight, from the newest on. */
static void a_plain_list_is_searched_from_its_end(void **state)
{
	unsigned int i;

	busy_queue_up("none", 32);
	submit(W, 50000, 8);
	for (i = 0; i < 9; i++)
		submit(W, 1000 * (i + 1), 8);
	submit(W, 2008, 8); /* the eighth from the end */
	assert_int_equal(tq.stats.back_merges, 1);
	submit(W, 1008, 8); /* the ninth */
	assert_int_equal(tq.stats.back_merges, 1);
	LEAVES(50000, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000,
	       1008);
	down();
}

static void a_failed_try_ends_the_search(void **state)
{
	busy_queue_up("none", 32);
	((struct pb_queue_limits *)pb_queue_limits(tq.q))->max_segments = 1;
	submit(W, 50000, 8);
	submit(W, 100, 8);
	submit(W, 108, 8); /* too many segments: 100 is marked */
	assert_int_equal(tq.stats.back_merges, 0);
	LEAVES(50000, 100, 108);
	down();
}

/* A driver that ends requests as it gets them, however many wait. */
static pb_blk_status_t end_rq(struct pb_blk_mq_hw_ctx *hctx,
			      const struct pb_blk_mq_queue_data *bd)
{
	char here;
	static char *first;

	if (driver_says != PB_BLK_STS_OK)
		return driver_says;
	if (!first)
		first = &here;
	assert_true(labs((long)(&here - first)) < 4096);
	pb_blk_mq_start_request(bd->rq);
	pb_blk_mq_end_request(bd->rq, PB_BLK_STS_OK);
	return PB_BLK_STS_OK;
}

static void ending_at_once_needs_no_stack(void **state)
{
	static const struct pb_blk_mq_ops end_ops = { .queue_rq = end_rq };
	struct pb_blk_mq_tag_set set = { .ops = &end_ops, .queue_depth = 64 };
	struct pb_request_queue *q;
	unsigned int i;

	q = pb_blk_mq_alloc_queue(&set, &limits, NULL);
	assert_int_equal(pb_elevator_change(q, "mq-deadline"), 0);
	tq.bdev.bd_queue = q;
	tq.bdev.bd_nr_sectors = 1 << 20;
	nr_bios = 0;
	driver_says = PB_BLK_STS_RESOURCE;
	for (i = 0; i < BIOS; i++)
		submit(W, 100 * i, 8);
	driver_says = PB_BLK_STS_OK;
	pb_blk_mq_run_hw_queues(q, false);
	for (i = 0; i < BIOS; i++)
		assert_int_equal(bios[i].ended, 1);
	pb_blk_mq_destroy_queue(q);
}

static void changing_it_has_conditions(void **state)
{
	static const struct physbio_deadline none;

	busy_queue_up("none", 8);
	assert_int_equal(pb_elevator_change(tq.q, "cfq"), -EINVAL);
	assert_int_equal(physbio_deadline_set(tq.q, &none), -EINVAL);
	submit(W, 100, 8);
	assert_int_equal(pb_elevator_change(tq.q, "mq-deadline"), -EBUSY);
	assert_string_equal(physbio_elevator_name(tq.q), "none");
	LEAVES(100);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(pb_elevator_change(tq.q, "mq-deadline"), 0);
	assert_int_equal(physbio_deadline_set(tq.q, &none), -EINVAL);
	assert_int_equal(pb_elevator_change(tq.q, "none"), 0);
	down();
}

/*
 * Random writes of a small disk: whatever merged with what, every sector goes out
 * once, and a request is one range.
 */
static void every_sector_leaves_once(void **state)
{
	unsigned int seed = 1, round, i, s;
	unsigned char seen[512];

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 500; round++) {
		unsigned char taken[512] = { 0 };
		unsigned int sum = 0;

		busy_queue_up(round & 1 ? "none" : "mq-deadline", BIOS);
		for (i = 0; i < BIOS; i++) {
			unsigned int len = 1 + (unsigned)rand() % 8;
			unsigned int at = (unsigned)rand() % (512 - len);

			for (s = at; s < at + len && !taken[s]; s++)
				;
			if (s < at + len)
				continue;
			memset(taken + at, 1, len);
			sum += len;
			submit(rand() % 4 ? W : R, at, len);
			if (!(rand() % 8)) {
				driver_says = PB_BLK_STS_OK;
				pb_blk_mq_run_hw_queues(tq.q, false);
				driver_says = PB_BLK_STS_RESOURCE;
			}
		}
		driver_says = PB_BLK_STS_OK;
		pb_blk_mq_run_hw_queues(tq.q, false);
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < nr_kept; i++) {
			const struct pb_bio *bio;
			pb_sector_t at = pb_blk_rq_pos(kept[i]);

			__pb_rq_for_each_bio(bio, kept[i]) {
				assert_true(bio->bi_iter.bi_sector == at);
				for (s = 0; s < pb_bio_sectors(bio); s++)
					seen[at + s]++;
				at += pb_bio_sectors(bio);
			}
			assert_true(at == pb_blk_rq_pos(kept[i]) +
						  pb_blk_rq_sectors(kept[i]));
			sum -= pb_blk_rq_sectors(kept[i]);
		}
		assert_int_equal(sum, 0);
		assert_memory_equal(seen, taken, sizeof(seen));
		down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_leave_by_sector),
		cmocka_unit_test(a_bio_joins_whatever_it_touches),
		cmocka_unit_test(a_bio_that_closes_a_gap_joins_three),
		cmocka_unit_test(plugged_requests_merge_on_their_way_in),
		cmocka_unit_test(reads_and_writes_stay_apart),
		cmocka_unit_test(writes_are_not_starved),
		cmocka_unit_test(what_waited_too_long_goes_first),
		cmocka_unit_test(a_merged_request_keeps_the_older_turn),
		cmocka_unit_test(urgent_classes_go_first),
		cmocka_unit_test(a_class_that_has_aged_goes_before_them),
		cmocka_unit_test(discards_join_though_they_do_not_touch),
		cmocka_unit_test(without_front_merges_they_stay_apart),
		cmocka_unit_test(nomerges_has_two_degrees),
		cmocka_unit_test(a_closed_request_makes_room_for_the_next),
		cmocka_unit_test(a_plain_list_is_searched_from_its_end),
		cmocka_unit_test(a_failed_try_ends_the_search),
		cmocka_unit_test(ending_at_once_needs_no_stack),
		cmocka_unit_test(changing_it_has_conditions),
		cmocka_unit_test(every_sector_leaves_once),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
