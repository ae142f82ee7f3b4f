// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What goes with the data follows them: metadata, keys, and who pays. */
#include "fixture.h"

#include <physbio/integrity.h>

static struct test_queue tq;
static struct test_bio a, b;

/* 8 bytes for each 512; four ranges of metadata at most. */
static const struct pb_queue_limits protected = {
	.max_hw_sectors = 4096,
	.dma_alignment = 3,
	.max_integrity_segments = 4,
	.integrity = { .csum_type = PB_BLK_INTEGRITY_CSUM_CRC,
		       .metadata_size = 8,
		       .pi_tuple_size = 8 },
};

#define META (RAM_START + 256 * PG)

struct payload {
	struct pb_bio_integrity_payload bip;
	struct pb_bio_vec table[4];
};

static struct payload pa, pb;

static void protect(struct test_bio *tb, struct payload *p, uint32_t at,
		    uint32_t len)
{
	pb_bio_integrity_init(&tb->bio, &p->bip, p->table, 4);
	assert_int_equal(pb_bio_integrity_add_phys(&tb->bio, META + at, len),
			 len);
}

static void bio_up(struct test_bio *tb, pb_sector_t sector, uint32_t at,
		   uint32_t len)
{
	test_bio_init(tb, PB_REQ_OP_WRITE, sector);
	tb->bio.bi_bdev = &tq.bdev;
	test_bio_add(tb, at, len);
}

static void metadata_that_touch_share_an_entry(void **state)
{
	struct pb_queue_limits lim = protected;

	lim.virt_boundary_mask = PG - 1;
	test_queue_up(&tq, &lim, 8);
	bio_up(&a, 0, 0, 4096);
	protect(&a, &pa, 0, 32);
	assert_int_equal(pb_bio_integrity_add_phys(&a.bio, META + 32, 32), 32);
	assert_int_equal(pa.bip.bip_vcnt, 1);
	assert_int_equal(pa.bip.bip_iter.bi_size, 64);
	/* the device can't take a gap there */
	assert_int_equal(pb_bio_integrity_add_phys(&a.bio, META + 512, 32), 0);
	assert_int_equal(pa.bip.bip_iter.bi_size, 64);
	assert_int_equal(pb_blk_rq_count_integrity_sg(tq.q, &a.bio), 1);
	test_queue_down(&tq);
}

static void a_range_is_as_long_as_an_entry_can_be(void **state)
{
	const uint32_t len = 1u << 31;
	const int added = len > PB_BVEC_MAX_LEN ? 0 : (int)len;

	test_queue_up(&tq, &protected, 8);
	bio_up(&a, 0, 0, 4096);
	pb_bio_integrity_init(&a.bio, &pa.bip, pa.table, 4);
	assert_int_equal(pb_bio_integrity_add_phys(&a.bio, META, len), added);
	pb_bio_integrity_init(&a.bio, &pa.bip, pa.table, 4);
	assert_int_equal(pb_bio_integrity_add_page(
				 &a.bio, pb_phys_to_page(META), len, 0),
			 added);
	assert_int_equal(pa.bip.bip_vcnt, added ? 1 : 0);
	test_queue_down(&tq);
}

static void a_table_takes_no_more_than_the_device(void **state)
{
	struct pb_queue_limits lim = protected;
	int i;

	lim.max_integrity_segments = 2;
	test_queue_up(&tq, &lim, 8);
	bio_up(&a, 0, 0, 4096);
	protect(&a, &pa, 0, 8);
	for (i = 1; i < 4; i++)
		assert_int_equal(pb_bio_integrity_add_phys(
					 &a.bio, META + 64 * (unsigned)i, 8),
				 i < 2 ? 8 : 0);
	test_queue_down(&tq);
}

static void metadata_follow_the_data(void **state)
{
	struct pb_bio_set bs;
	struct pb_bio *front;

	test_queue_up(&tq, &protected, 8);
	assert_int_equal(pb_bioset_init(&bs, 2, 0, 0), 0);
	bio_up(&a, 100, 0, 8192);
	protect(&a, &pa, 0, 128);
	pa.bip.bip_iter.bi_sector = 100;
	front = pb_bio_split(&a.bio, 4, PB_GFP_NOIO, &bs);
	assert_non_null(pb_bio_integrity(front));
	assert_int_equal(front->bi_integrity->bip_iter.bi_size, 4 * 8);
	assert_int_equal(front->bi_integrity->bip_iter.bi_sector, 100);
	assert_int_equal(pa.bip.bip_iter.bi_size, 12 * 8);
	assert_int_equal(pa.bip.bip_iter.bi_sector, 104);
	assert_int_equal(pa.bip.bip_iter.bi_bvec_done, 32);
	pb_bio_trim(&a.bio, 2, 4);
	assert_int_equal(pa.bip.bip_iter.bi_size, 4 * 8);
	assert_int_equal(pa.bip.bip_iter.bi_sector, 106);
	pb_bio_put(front);
	assert_ptr_equal(a.bio.bi_integrity, &pa.bip);
	pb_bio_uninit(&a.bio);
	assert_null(pb_bio_integrity(&a.bio));
	pb_bioset_exit(&bs);
	test_queue_down(&tq);
}

static void a_clone_without_a_set_can_have_none(void **state)
{
	struct pb_bio clone;

	test_queue_up(&tq, &protected, 8);
	bio_up(&a, 0, 0, 4096);
	protect(&a, &pa, 0, 64);
	assert_int_equal(pb_bio_init_clone(&tq.bdev, &clone, &a.bio,
					   PB_GFP_NOIO),
			 -ENOMEM);
	test_queue_down(&tq);
}

static struct pb_request first, second;

static void rq_up(struct pb_request *rq, struct test_bio *tb)
{
	memset(rq, 0, sizeof(*rq));
	rq->q = tq.q;
	pb_blk_rq_bio_prep(rq, &tb->bio, 1);
}

static enum pb_bio_merge_status offer(void)
{
	rq_up(&first, &a);
	return pb_blk_attempt_bio_merge(tq.q, &first, &b.bio, 1, false);
}

static bool offer_rq(void)
{
	rq_up(&first, &a);
	rq_up(&second, &b);
	return pb_blk_attempt_req_merge(tq.q, &first, &second);
}

/* Two bios that touch; the second one is behind the first. */
static void two_up(void)
{
	bio_up(&a, 8, 0, 4096);
	bio_up(&b, 16, 65536, 4096);
}

static void two_protected_up(void)
{
	two_up();
	protect(&a, &pa, 0, 64);
	protect(&b, &pb, 512, 64);
}

static void metadata_merge_when_they_are_alike(void **state)
{
	test_queue_up(&tq, &protected, 8);
	two_protected_up();
	assert_int_equal(offer(), PB_BIO_MERGE_OK);
	assert_int_equal(first.nr_integrity_segments, 2);
	two_protected_up();
	assert_true(offer_rq());
	assert_int_equal(first.nr_integrity_segments, 2);
	two_protected_up();
	pb.bip.bip_flags = PB_BIP_IP_CHECKSUM;
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	two_protected_up();
	pa.bip.bip_flags = PB_BIP_CHECK_APPTAG;
	pb.bip.bip_flags = PB_BIP_CHECK_APPTAG;
	pb.bip.app_tag = 7;
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	two_up();
	protect(&a, &pa, 0, 64);
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	two_up();
	protect(&b, &pb, 0, 64);
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	test_queue_down(&tq);
}

static void too_many_metadata_ranges_stay_apart(void **state)
{
	struct pb_queue_limits lim = protected;

	lim.max_integrity_segments = 1;
	test_queue_up(&tq, &lim, 8);
	two_protected_up();
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	test_queue_down(&tq);
}

static void a_gap_in_the_metadata_keeps_apart(void **state)
{
	struct pb_queue_limits lim = protected;

	lim.virt_boundary_mask = PG - 1;
	test_queue_up(&tq, &lim, 8);
	bio_up(&a, 8, 0, (uint32_t)PG);
	bio_up(&b, 8 + (PG >> 9), 4 * (uint32_t)PG, (uint32_t)PG);
	protect(&a, &pa, 0, 64);
	protect(&b, &pb, 512, 64);
	assert_int_equal(offer(), PB_BIO_MERGE_FAILED);
	assert_false(first.cmd_flags & PB_REQ_NOMERGE);
	assert_false(offer_rq());
	test_queue_down(&tq);
}

static const struct pb_blk_crypto_key key = { .data_unit_size = 4096 };
static const struct pb_blk_crypto_key other_key = { .data_unit_size = 4096 };

static void data_units_follow_each_other(void **state)
{
	static const struct {
		const struct pb_blk_crypto_key *key;
		uint64_t dun;
		enum pb_bio_merge_status status;
	} cases[] = {
		{ &key, 6, PB_BIO_MERGE_OK },
		{ &key, 7, PB_BIO_MERGE_FAILED },
		{ &other_key, 6, PB_BIO_MERGE_NONE },
		{ NULL, 6, PB_BIO_MERGE_NONE },
	};
	unsigned int i;

	test_queue_up(&tq, &protected, 8);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		two_up();
		pb_bio_crypt_set_ctx(&a.bio, &key, 5);
		pb_bio_crypt_set_ctx(&b.bio, cases[i].key, cases[i].dun);
		assert_int_equal(offer(), cases[i].status);
		two_up();
		pb_bio_crypt_set_ctx(&a.bio, &key, 5);
		pb_bio_crypt_set_ctx(&b.bio, cases[i].key, cases[i].dun);
		assert_int_equal(offer_rq(),
				 cases[i].status == PB_BIO_MERGE_OK);
	}
	/* in front: the bio's last unit comes before the request's first */
	bio_up(&a, 16, 0, 4096);
	bio_up(&b, 8, 65536, 4096);
	pb_bio_crypt_set_ctx(&a.bio, &key, 6);
	pb_bio_crypt_set_ctx(&b.bio, &key, 5);
	assert_int_equal(offer(), PB_BIO_MERGE_OK);
	bio_up(&a, 16, 0, 4096);
	pb_bio_crypt_set_ctx(&a.bio, &key, 7);
	bio_up(&b, 8, 65536, 4096);
	pb_bio_crypt_set_ctx(&b.bio, &key, 5);
	assert_int_equal(offer(), PB_BIO_MERGE_FAILED);
	test_queue_down(&tq);
}

static void a_data_unit_is_in_one_vector(void **state)
{
	unsigned int segs;

	test_queue_up(&tq, &protected, 8);
	bio_up(&a, 0, 0, 4096);
	test_bio_add(&a, 65536, 4096);
	pb_bio_crypt_set_ctx(&a.bio, &key, 1);
	assert_int_equal(pb_bio_split_io_at(&a.bio, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 0),
			 0);
	bio_up(&a, 0, 512, 4096);
	pb_bio_crypt_set_ctx(&a.bio, &key, 1);
	assert_int_equal(pb_bio_split_io_at(&a.bio, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 0),
			 -EINVAL);
	bio_up(&a, 0, 0, 2048);
	test_bio_add(&a, 65536, 2048);
	pb_bio_crypt_set_ctx(&a.bio, &key, 1);
	assert_int_equal(pb_bio_split_io_at(&a.bio, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 0),
			 -EINVAL);
	test_queue_down(&tq);
}

static void the_number_of_the_data_unit_moves_along(void **state)
{
	struct pb_bio clone;

	test_queue_up(&tq, &protected, 8);
	bio_up(&a, 0, 0, 16384);
	pb_bio_crypt_set_ctx(&a.bio, &key, UINT64_MAX);
	pb_bio_advance(&a.bio, 8192);
	assert_true(a.bio.bi_crypt_context.bc_dun == 1);
	assert_int_equal(
		pb_bio_init_clone(&tq.bdev, &clone, &a.bio, PB_GFP_NOIO), 0);
	pb_bio_advance(&clone, 4096);
	assert_true(clone.bi_crypt_context.bc_dun == 2);
	assert_true(a.bio.bi_crypt_context.bc_dun == 1);
	test_queue_down(&tq);
}

static void who_pays_must_be_one(void **state)
{
	int group, other;

	test_queue_up(&tq, &protected, 8);
	two_up();
	a.bio.bi_blkg = &group;
	b.bio.bi_blkg = &group;
	assert_int_equal(offer(), PB_BIO_MERGE_OK);
	two_up();
	a.bio.bi_blkg = &group;
	b.bio.bi_blkg = &other;
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	/* charged to the root, whoever submits it */
	two_up();
	b.bio.bi_opf |= PB_REQ_META;
	assert_int_equal(offer(), PB_BIO_MERGE_NONE);
	assert_false(offer_rq());
	two_up();
	a.bio.bi_opf |= PB_REQ_SWAP;
	b.bio.bi_opf |= PB_REQ_META;
	assert_int_equal(offer(), PB_BIO_MERGE_OK);
	test_queue_down(&tq);
}

static void without_cgroups_nobody_pays(void **state)
{
	struct pb_queue_limits lim = protected;

	lim.quirks = PB_QUIRK_NO_CGROUPS;
	test_queue_up(&tq, &lim, 8);
	two_up();
	b.bio.bi_opf |= PB_REQ_META;
	assert_int_equal(offer(), PB_BIO_MERGE_OK);
	test_queue_down(&tq);
}

static void writes_of_a_zone_are_not_put_in_front(void **state)
{
	test_queue_up(&tq, &protected, 8);
	bio_up(&a, 16, 0, 4096);
	bio_up(&b, 8, 65536, 4096);
	rq_up(&first, &a);
	first.rq_flags |= PB_RQF_ZONE_WRITE_PLUGGING;
	assert_int_equal(pb_blk_attempt_bio_merge(tq.q, &first, &b.bio, 1,
						  false),
			 PB_BIO_MERGE_FAILED);
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_that_touch_share_an_entry),
		cmocka_unit_test(a_range_is_as_long_as_an_entry_can_be),
		cmocka_unit_test(a_table_takes_no_more_than_the_device),
		cmocka_unit_test(metadata_follow_the_data),
		cmocka_unit_test(a_clone_without_a_set_can_have_none),
		cmocka_unit_test(metadata_merge_when_they_are_alike),
		cmocka_unit_test(too_many_metadata_ranges_stay_apart),
		cmocka_unit_test(a_gap_in_the_metadata_keeps_apart),
		cmocka_unit_test(data_units_follow_each_other),
		cmocka_unit_test(a_data_unit_is_in_one_vector),
		cmocka_unit_test(the_number_of_the_data_unit_moves_along),
		cmocka_unit_test(who_pays_must_be_one),
		cmocka_unit_test(without_cgroups_nobody_pays),
		cmocka_unit_test(writes_of_a_zone_are_not_put_in_front),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
