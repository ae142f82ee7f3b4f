// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From submission to the driver and back, over plugs, tags and threads. */
#include <pthread.h>
#include <sched.h>

#include "fixture.h"

static struct test_queue tq;
static struct test_bio bios[80];

static const struct pb_queue_limits wide = { .max_hw_sectors = 4096 };

static void submit(unsigned int i, pb_blk_opf_t opf, pb_sector_t sector,
		   uint32_t len)
{
	test_bio_init(&bios[i], opf, sector);
	bios[i].bio.bi_bdev = &tq.bdev;
	test_bio_add(&bios[i], 0, len);
	pb_submit_bio(&bios[i].bio);
}

static int ended(unsigned int n)
{
	unsigned int i;
	int sum = 0;

	for (i = 0; i < n; i++)
		sum += bios[i].ended;
	return sum;
}

static void bad_bios_end_at_once(void **state)
{
	static const struct {
		pb_blk_opf_t opf;
		pb_sector_t sector;
		uint32_t len;
		int err;
	} cases[] = {
		{ PB_REQ_OP_READ, (1 << 20) - 1, 1024,
		  -EIO }, /* over the end */
		{ PB_REQ_OP_READ, UINT64_MAX, 512, -EIO },
		{ PB_REQ_OP_READ, 0, 100, -EIO }, /* not of whole blocks */
		{ PB_REQ_OP_DISCARD, 0, 512, -EOPNOTSUPP },
		{ PB_REQ_OP_WRITE_ZEROES, 0, 512, -EOPNOTSUPP },
		{ PB_REQ_OP_SECURE_ERASE, 0, 512, -EOPNOTSUPP },
		{ PB_REQ_OP_ZONE_APPEND, 0, 512, -EOPNOTSUPP },
		{ PB_REQ_OP_DRV_IN, 0, 512, -EOPNOTSUPP },
		{ PB_REQ_OP_READ | PB_REQ_POLLED, 0, 512, -EOPNOTSUPP },
	};
	unsigned int i;

	test_queue_up(&tq, &wide, 4);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		submit(0, cases[i].opf, cases[i].sector, cases[i].len);
		assert_int_equal(bios[0].ended, 1);
		assert_int_equal(pb_blk_status_to_errno(bios[0].bio.bi_status),
				 cases[i].err);
	}
	assert_int_equal(nr_kept, 0);
	test_queue_down(&tq);
}

static void queues_of_contradictions_are_not_made(void **state)
{
	struct pb_blk_mq_tag_set set = { .ops = &keep_ops, .queue_depth = 4 };
	struct pb_blk_mq_tag_set no_depth = { .ops = &keep_ops };
	struct pb_blk_mq_ops no_op = { NULL };
	struct pb_blk_mq_tag_set no_driver = { .ops = &no_op,
					       .queue_depth = 4 };
	const struct pb_queue_limits odd = { .logical_block_size = 100 };

	assert_int_equal((intptr_t)pb_blk_mq_alloc_queue(&set, &odd, NULL),
			 -EINVAL);
	assert_int_equal((intptr_t)pb_blk_mq_alloc_queue(&no_depth, NULL, NULL),
			 -EINVAL);
	assert_int_equal((intptr_t)pb_blk_mq_alloc_queue(&no_driver, NULL,
							 NULL),
			 -EINVAL);
}

static void requests_begin_on_cache_lines(void **state)
{
	struct pb_blk_mq_tag_set set = { .ops = &keep_ops,
					 .queue_depth = 4,
					 .cmd_size = 1 };
	unsigned int i;

	test_queue_up(&tq, &wide, 4);
	pb_blk_mq_destroy_queue(tq.q);
	tq.q = pb_blk_mq_alloc_queue(&set, &wide, NULL);
	tq.bdev.bd_queue = tq.q;
	for (i = 0; i < 4; i++)
		submit(i, PB_REQ_OP_READ, i * 16, 512);
	assert_int_equal(nr_kept, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal((uintptr_t)kept[i] % 64, 0);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void a_plug_holds_back_up_to_32_requests(void **state)
{
	struct pb_blk_plug plug;
	unsigned int i;

	test_queue_up(&tq, &wide, 64);
	pb_blk_start_plug(&plug);
	for (i = 0; i < 32; i++)
		submit(i, PB_REQ_OP_READ, i * 16, 512);
	assert_int_equal(nr_kept, 0);
	submit(32, PB_REQ_OP_READ, 32 * 16, 512);
	assert_int_equal(nr_kept, 32);
	pb_blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 33);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(ended(33), 33);
	test_queue_down(&tq);
}

static void a_plug_sends_large_requests_soon(void **state)
{
	struct pb_blk_plug plug;

	test_queue_up(&tq, &wide, 64);
	pb_blk_start_plug(&plug);
	submit(0, PB_REQ_OP_READ, 0, 128 << 10);
	assert_int_equal(nr_kept, 0);
	submit(1, PB_REQ_OP_READ, 4096, 512);
	assert_int_equal(nr_kept, 1);
	pb_blk_finish_plug(&plug);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* Nothing would join it anyway: whether the new one's queue merges is asked. */
static void a_queue_that_does_not_merge_leaves_them_plugged(void **state)
{
	static struct test_queue other;
	struct pb_blk_plug plug;

	test_queue_up(&other, &wide, 64);
	test_queue_up(&tq, &wide, 64);
	physbio_queue_set_nomerges(other.q, 2);
	pb_blk_start_plug(&plug);
	submit(0, PB_REQ_OP_READ, 0, 128 << 10);
	test_bio_init(&bios[1], PB_REQ_OP_READ, 0);
	bios[1].bio.bi_bdev = &other.bdev;
	test_bio_add(&bios[1], 0, 128 << 10);
	pb_submit_bio(&bios[1].bio);
	assert_int_equal(nr_kept, 0);
	submit(2, PB_REQ_OP_READ, 4096, 512);
	assert_int_equal(nr_kept, 2);
	pb_blk_finish_plug(&plug);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
	test_queue_down(&other);
}

/* A small request, a large one, and what is sent before a third. */
static void third_after_a_large_one(uint32_t quirks, unsigned int sent)
{
	struct pb_queue_limits lim = wide;
	struct pb_blk_plug plug;

	lim.quirks = quirks;
	test_queue_up(&tq, &lim, 64);
	pb_blk_start_plug(&plug);
	submit(0, PB_REQ_OP_READ, 4096, 512);
	submit(1, PB_REQ_OP_READ, 0, 128 << 10);
	submit(2, PB_REQ_OP_READ, 8192, 512);
	assert_int_equal(nr_kept, sent);
	pb_blk_finish_plug(&plug);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void the_newest_request_says_how_full_a_plug_is(void **state)
{
	third_after_a_large_one(0, 2);
	third_after_a_large_one(PB_QUIRK_PLUG_OLDEST, 0);
}

static void an_inner_plug_has_no_effect(void **state)
{
	struct pb_blk_plug outer, inner;

	test_queue_up(&tq, &wide, 64);
	pb_blk_start_plug(&outer);
	pb_blk_start_plug(&inner);
	submit(0, PB_REQ_OP_READ, 0, 512);
	pb_blk_finish_plug(&inner);
	assert_int_equal(nr_kept, 0);
	pb_blk_finish_plug(&outer);
	assert_int_equal(nr_kept, 1);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void what_the_driver_refuses_comes_again_in_order(void **state)
{
	unsigned int i;

	test_queue_up(&tq, &wide, 64);
	submit(0, PB_REQ_OP_READ, 0, 512);
	driver_says = PB_BLK_STS_DEV_RESOURCE;
	for (i = 1; i < 4; i++)
		submit(i, PB_REQ_OP_READ, i * 16, 512);
	assert_int_equal(nr_kept, 1);
	driver_says = PB_BLK_STS_OK;
	end_kept(PB_BLK_STS_OK); /* its end offers the others again */
	assert_int_equal(nr_kept, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(pb_blk_rq_pos(kept[i]), (i + 1) * 16);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(ended(4), 4);
	test_queue_down(&tq);
}

static void the_drivers_error_ends_the_bio(void **state)
{
	test_queue_up(&tq, &wide, 4);
	driver_says = PB_BLK_STS_TARGET;
	submit(0, PB_REQ_OP_READ, 0, 512);
	assert_int_equal(bios[0].ended, 1);
	assert_int_equal(pb_blk_status_to_errno(bios[0].bio.bi_status),
			 -EREMOTEIO);
	test_queue_down(&tq);
}

static void nowait_does_not_wait_for_a_tag(void **state)
{
	test_queue_up(&tq, &wide, 1);
	submit(0, PB_REQ_OP_READ, 0, 512);
	submit(1, PB_REQ_OP_READ | PB_REQ_NOWAIT, 16, 512);
	assert_int_equal(bios[1].ended, 1);
	assert_int_equal(pb_blk_status_to_errno(bios[1].bio.bi_status),
			 -EAGAIN);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void without_a_cache_a_flush_is_done(void **state)
{
	test_queue_up(&tq, &wide, 4);
	test_bio_init(&bios[0], PB_REQ_OP_WRITE | PB_REQ_PREFLUSH, 0);
	bios[0].bio.bi_bdev = &tq.bdev;
	pb_submit_bio(&bios[0].bio);
	assert_int_equal(bios[0].ended, 1);
	assert_int_equal(nr_kept, 0);
	test_queue_down(&tq);
}

/* --- a stack of devices --- */

enum {
	LEVELS = 10000
};

static struct pb_block_device stack[LEVELS];
static unsigned int depth, deepest, passed;

static void pass_down(struct pb_bio *bio)
{
	if (++depth > deepest)
		deepest = depth;
	passed++;
	bio->bi_bdev = bio->bi_bdev->bd_private;
	pb_submit_bio(bio);
	depth--;
}

static const struct pb_block_device_operations stack_ops = {
	.submit_bio = pass_down,
};

static void a_stack_of_devices_needs_no_stack_of_calls(void **state)
{
	int i;

	test_queue_up(&tq, &wide, 4);
	for (i = 0; i < LEVELS; i++)
		stack[i] = (struct pb_block_device){
			.bd_fops = &stack_ops,
			.bd_nr_sectors = 1 << 20,
			.bd_private = i ? &stack[i - 1] : &tq.bdev,
		};
	test_bio_init(&bios[0], PB_REQ_OP_READ, 0);
	bios[0].bio.bi_bdev = &stack[LEVELS - 1];
	test_bio_add(&bios[0], 0, 512);
	pb_submit_bio(&bios[0].bio);
	assert_int_equal(passed, LEVELS);
	assert_int_equal(deepest, 1);
	assert_int_equal(nr_kept, 1);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* --- another thread ends what this one submits --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pb_request *inbox[64];
static unsigned int nr_inbox;
static bool stop;

static pb_blk_status_t post_rq(struct pb_blk_mq_hw_ctx *hctx,
			       const struct pb_blk_mq_queue_data *bd)
{
	pthread_mutex_lock(&lock);
	inbox[nr_inbox++] = bd->rq;
	pthread_mutex_unlock(&lock);
	return PB_BLK_STS_OK;
}

static void *end_posted(void *arg)
{
	bool stopping = false;

	while (!stopping) {
		struct pb_request *batch[64];
		unsigned int n, i;

		pthread_mutex_lock(&lock);
		stopping = stop && !nr_inbox;
		n = nr_inbox;
		memcpy(batch, inbox, n * sizeof(batch[0]));
		nr_inbox = 0;
		pthread_mutex_unlock(&lock);
		for (i = 0; i < n; i++)
			pb_blk_mq_end_request(batch[i], PB_BLK_STS_OK);
		if (!n)
			sched_yield();
	}
	return NULL;
}

static void another_thread_ends_requests(void **state)
{
	static const struct pb_blk_mq_ops post_ops = { .queue_rq = post_rq };
	const struct pb_queue_limits narrow = { .max_hw_sectors = 4096,
						.max_user_sectors = 8 };
	struct pb_blk_mq_tag_set set = { .ops = &post_ops, .queue_depth = 2 };
	struct pb_blk_plug plug;
	pthread_t thread;
	int i;

	tq.q = pb_blk_mq_alloc_queue(&set, &narrow, NULL);
	tq.bdev.bd_queue = tq.q;
	tq.bdev.bd_nr_sectors = 1 << 20;
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, end_posted, NULL), 0);
	pb_blk_start_plug(&plug);
	for (i = 0; i < 500; i++) {
		test_bio_init(&bios[0], PB_REQ_OP_WRITE, 0);
		bios[0].bio.bi_bdev = &tq.bdev;
		test_bio_add(&bios[0], 0, 65536); /* 16 fragments, 2 tags */
		assert_int_equal(pb_submit_bio_wait(&bios[0].bio), 0);
	}
	pb_blk_finish_plug(&plug);
	pb_blk_mq_destroy_queue(tq.q);
	pthread_mutex_lock(&lock);
	stop = true;
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
}

/* Not sent at all: it ends with what @priv says. */
static void end_at_once(struct pb_bio *bio, void *priv)
{
	bio->bi_status = *(pb_blk_status_t *)priv;
	pb_bio_endio(bio);
}

static void what_is_awaited_is_sent_as_asked(void **state)
{
	pb_blk_status_t status = PB_BLK_STS_MEDIUM;
	struct test_bio one;

	test_bio_init(&one, PB_REQ_OP_WRITE, 0);
	pb_bio_await(&one.bio, &status, end_at_once);
	assert_int_equal(pb_blk_status_to_errno(one.bio.bi_status), -ENODATA);
	assert_true(one.bio.bi_opf & PB_REQ_SYNC);
	assert_int_equal(one.ended, 0);
	/* pb_submit_bio() refuses it: it ends before the wait */
	test_queue_up(&tq, NULL, 8);
	test_bio_init(&one, PB_REQ_OP_WRITE, 1 << 20);
	one.bio.bi_bdev = &tq.bdev;
	test_bio_add(&one, 0, 4096);
	pb_bio_await(&one.bio, NULL, NULL);
	assert_int_equal(pb_blk_status_to_errno(one.bio.bi_status), -EIO);
	test_queue_down(&tq);
}

static void a_chain_is_sent_one_by_one(void **state)
{
	struct test_bio first, second;

	test_queue_up(&tq, NULL, 8);
	test_bio_init(&first, PB_REQ_OP_WRITE, 0);
	first.bio.bi_bdev = &tq.bdev;
	test_bio_add(&first, 0, 4096);
	test_bio_init(&second, PB_REQ_OP_WRITE, 1000);
	second.bio.bi_bdev = &tq.bdev;
	test_bio_add(&second, 65536, 4096);
	pb_bio_get(&first.bio); /* its last reference would free it */
	assert_ptr_equal(pb_bio_chain_and_submit(NULL, &first.bio), &first.bio);
	assert_int_equal(nr_kept, 0);
	assert_ptr_equal(pb_bio_chain_and_submit(&first.bio, &second.bio),
			 &second.bio);
	assert_int_equal(nr_kept, 1);
	pb_submit_bio(&second.bio);
	assert_int_equal(nr_kept, 2);
	pb_blk_mq_end_request(kept[1], PB_BLK_STS_OK);
	assert_int_equal(second.ended, 0);
	pb_blk_mq_end_request(kept[0], PB_BLK_STS_IOERR);
	assert_int_equal(second.ended, 1);
	assert_int_equal(pb_blk_status_to_errno(second.bio.bi_status), -EIO);
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_bios_end_at_once),
		cmocka_unit_test(queues_of_contradictions_are_not_made),
		cmocka_unit_test(requests_begin_on_cache_lines),
		cmocka_unit_test(a_plug_holds_back_up_to_32_requests),
		cmocka_unit_test(a_plug_sends_large_requests_soon),
		cmocka_unit_test(
			a_queue_that_does_not_merge_leaves_them_plugged),
		cmocka_unit_test(the_newest_request_says_how_full_a_plug_is),
		cmocka_unit_test(an_inner_plug_has_no_effect),
		cmocka_unit_test(what_the_driver_refuses_comes_again_in_order),
		cmocka_unit_test(the_drivers_error_ends_the_bio),
		cmocka_unit_test(nowait_does_not_wait_for_a_tag),
		cmocka_unit_test(without_a_cache_a_flush_is_done),
		cmocka_unit_test(a_stack_of_devices_needs_no_stack_of_calls),
		cmocka_unit_test(another_thread_ends_requests),
		cmocka_unit_test(what_is_awaited_is_sent_as_asked),
		cmocka_unit_test(a_chain_is_sent_one_by_one),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
