// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a request is made of, and how its bios end part by part. */
#include "fixture.h"

static struct test_queue tq;
static struct test_bio a, b;

static struct pb_request *request_of_two(void)
{
	struct pb_blk_plug plug;

	test_queue_up(&tq, &(struct pb_queue_limits){ .max_hw_sectors = 4096 },
		      8);
	test_bio_init(&a, PB_REQ_OP_READ, 0);
	test_bio_init(&b, PB_REQ_OP_READ, 16);
	a.bio.bi_bdev = b.bio.bi_bdev = &tq.bdev;
	test_bio_add(&a, 0, 4096);
	test_bio_add(&a, 65536, 4096);
	test_bio_add(&b, 131072, 4096);
	pb_blk_start_plug(&plug);
	pb_submit_bio(&a.bio);
	pb_submit_bio(&b.bio);
	pb_blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 1);
	return kept[0];
}

static void walks_the_vectors_of_all_bios(void **state)
{
	struct pb_request *rq = request_of_two();
	struct pb_req_iterator iter;
	struct pb_bio_vec bv;
	unsigned int n = 0;

	pb_rq_for_each_bvec(bv, rq, iter) {
		assert_int_equal(pb_bvec_phys(&bv), RAM_START + (n << 16));
		n++;
	}
	assert_int_equal(n, 3);
	assert_int_equal(rq->nr_phys_segments, 3);
	assert_int_equal(pb_blk_recalc_rq_segments(rq), 3);
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static void ends_bios_as_their_bytes_are_done(void **state)
{
	struct pb_request *rq = request_of_two();

	assert_true(pb_blk_update_request(rq, PB_BLK_STS_OK, 4096));
	assert_int_equal(a.ended + b.ended, 0);
	assert_int_equal(pb_blk_rq_bytes(rq), 8192);
	assert_int_equal(pb_blk_rq_pos(rq), 8);
	assert_int_equal(rq->nr_phys_segments, 2);
	assert_true(pb_blk_update_request(rq, PB_BLK_STS_OK, 6144));
	assert_int_equal(a.ended, 1);
	assert_int_equal(b.ended, 0);
	assert_int_equal(pb_blk_rq_pos(rq), 20);
	assert_false(pb_blk_update_request(rq, PB_BLK_STS_IOERR, 2048));
	assert_int_equal(b.ended, 1);
	assert_int_equal(pb_blk_status_to_errno(a.bio.bi_status), 0);
	assert_int_equal(pb_blk_status_to_errno(b.bio.bi_status), -EIO);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(b.ended, 1);
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_the_vectors_of_all_bios),
		cmocka_unit_test(ends_bios_as_their_bytes_are_done),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
