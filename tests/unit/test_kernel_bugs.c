// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bugs that the kernel really had, each by its commit or number. Others are tested where
 * what they are about is:
 *
 * 2f6b2565d43c     test_merge.c: a_discard_has_no_last_vector
 * 9b0c3673c885     test_uio.c: misalignment_is_found_before_anything_is_pinned
 * 14b007e17881     test_uio.c: of_vectors_the_first_alone_is_checked
 * December 2025    test_iommu.c: falling_back_leaves_no_stale_state,
 *                  an_error_half_way_leaks_no_link
 * d0d08f4bd7f6     test_scatterlist.c: a_peers_entry_has_its_own_length
 *
 * and of the 7.1 window, in test_scatterlist.c: a peer's address through the host bridge
 * left unset, a_peer_through_the_host_bridge_has_an_address; the list head's length given to
 * all peers' entries, a_peers_entry_has_its_own_length; no window applied to MMIO,
 * a_peers_address_through_the_host_bridge_is_a_policy.
 */
#include "fixture.h"

#include <physbio/dma.h>
#include <physbio/xlate.h>

/* RAM, then two providers and two pagemaps of no peer, each touching the next. */
#define A_START (RAM_START + RAM_PAGES * PG)
#define B_START (A_START + 4 * PG)
#define DAX_START (B_START + 4 * PG)
#define DAX2_START (DAX_START + 4 * PG)

static const struct physbio_region provider_a = { .start = A_START,
						  .size = 4 * PG,
						  .id = 0 };
static const struct physbio_region provider_b = { .start = B_START,
						  .size = 4 * PG,
						  .id = 1 };

static int up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, RAM_PAGES * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ A_START, 4 * PG, PHYSBIO_MEM_BAR, -1, &provider_a },
		{ B_START, 4 * PG, PHYSBIO_MEM_BAR, -1, &provider_b },
		{ DAX_START, 4 * PG, PHYSBIO_MEM_DAX, -1, NULL },
		{ DAX2_START, 4 * PG, PHYSBIO_MEM_DAX, -1, NULL },
	};

	return physbio_mem_create(ranges, 5, &mem, NULL);
}

static struct test_queue tq;
static struct test_bio a, b;

static const struct pb_queue_limits peers = {
	.max_hw_sectors = 4096,
	.features = PB_BLK_FEAT_PCI_P2PDMA,
};

static int add_page(struct test_bio *tb, pb_phys_addr_t paddr, uint32_t len)
{
	return pb_bio_add_page(&tb->bio, pb_phys_to_page(paddr), len,
			       pb_offset_in_page(paddr));
}

/*
 * CVE-2026-46115: segments of two providers that happen to touch became one. Here they
 * never get into one bio, bios of two never into one request, and even requests that
 * say nothing against it stay apart.
 */
static void cve_2026_46115_providers_that_touch_stay_apart(void **state)
{
	struct pb_request first, second;
	struct pb_bio_vec va, vb;

	test_queue_up(&tq, &peers, 8);
	test_bio_init(&a, PB_REQ_OP_WRITE, 0);
	assert_int_equal(add_page(&a, B_START - PG, (uint32_t)PG), PG);
	assert_int_equal(add_page(&a, B_START, (uint32_t)PG), 0);
	assert_int_equal(pb_bio_add_phys(&a.bio, B_START, (uint32_t)PG), 0);
	assert_ptr_equal(a.bio.bi_region, &provider_a);
	assert_int_equal(a.bio.bi_vcnt, 1);
	test_bio_init(&b, PB_REQ_OP_WRITE, PG >> 9);
	assert_int_equal(add_page(&b, B_START, (uint32_t)PG), PG);
	/* as if nobody had marked them */
	a.bio.bi_opf &= ~PB_REQ_NOMERGE;
	b.bio.bi_opf &= ~PB_REQ_NOMERGE;
	memset(&first, 0, sizeof(first));
	first.q = tq.q;
	second = first;
	pb_blk_rq_bio_prep(&first, &a.bio, 1);
	assert_int_equal(pb_blk_attempt_bio_merge(tq.q, &first, &b.bio, 1,
						  false),
			 PB_BIO_MERGE_NONE);
	pb_blk_rq_bio_prep(&second, &b.bio, 1);
	assert_false(pb_blk_attempt_req_merge(tq.q, &first, &second));
	/* two vectors alone: a page knows its provider, an address does not */
	pb_bvec_set_page(&va, pb_phys_to_page(B_START - PG), (uint32_t)PG, 0);
	pb_bvec_set_page(&vb, pb_phys_to_page(B_START), (uint32_t)PG, 0);
#ifdef PB_REPR_PAGE
	assert_false(pb_biovec_phys_mergeable(tq.q, &va, &vb));
#else
	assert_true(pb_biovec_phys_mergeable(tq.q, &va, &vb));
#endif
	test_queue_down(&tq);
}

/* Q10: no vector spans two regions, or a region and RAM, whichever way it is added. */
static void no_vector_spans_two_regions(void **state)
{
	static const pb_phys_addr_t seams[] = { A_START, B_START, DAX_START };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seams); i++) {
		test_bio_init(&a, PB_REQ_OP_WRITE, 0);
		assert_int_equal(add_page(&a, seams[i] - PG, (uint32_t)PG), PG);
		assert_int_equal(add_page(&a, seams[i], (uint32_t)PG), 0);
		assert_int_equal(a.bio.bi_vcnt, 1);
		/* one page, and a length beyond the region */
		test_bio_init(&a, PB_REQ_OP_WRITE, 0);
		if (i)
			assert_int_equal(add_page(&a, seams[i] - PG,
						  2 * (uint32_t)PG),
					 0);
	}
}

/*
 * 41c665aae2b5: pagemaps that differ are refused only if one of them is a peer's;
 * otherwise both may be in one bio, as two entries. An address does not know its
 * pagemap: what touches is one entry then, and its page structs follow each other.
 */
static void rule_41c665aae2b5_other_pagemaps_may_be_in_one_bio(void **state)
{
	test_bio_init(&a, PB_REQ_OP_WRITE, 0);
	assert_int_equal(add_page(&a, DAX2_START - PG, (uint32_t)PG), PG);
	assert_int_equal(add_page(&a, DAX2_START, (uint32_t)PG), PG);
#ifdef PB_REPR_PAGE
	assert_int_equal(a.bio.bi_vcnt, 2);
#else
	assert_int_equal(a.bio.bi_vcnt, 1);
#endif
	assert_int_equal(a.bio.bi_iter.bi_size, 2 * PG);
	assert_int_equal(add_page(&a, RAM_START, (uint32_t)PG), PG);
	assert_int_equal(add_page(&a, A_START, (uint32_t)PG), 0);
}

/*
 * ee623c892aa5: of a clone that begins within its first vector, only what is left of
 * that vector may be thought to be one segment.
 */
static void ee623c892aa5_a_clone_may_begin_within_a_vector(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 1,
					     .max_segment_size = 65536 };
	struct pb_bio clone;
	unsigned int segs;

	test_queue_up(&tq, &lim, 8);
	test_bio_init(&a, PB_REQ_OP_WRITE, 0);
	test_bio_add(&a, 0, 2048);
	test_bio_add(&a, 65536, 2048);
	assert_int_equal(pb_bio_init_clone(NULL, &clone, &a.bio, PB_GFP_NOIO),
			 0);
	pb_bio_trim(&clone, 2, 4);
	/* 2048 bytes are left, as many as the first vector has, but in both */
	assert_int_equal(clone.bi_iter.bi_size, 2048);
	assert_true(pb_bio_may_need_split(&clone, pb_queue_limits(tq.q)));
	assert_int_equal(pb_bio_split_io_at(&clone, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 0),
			 2);
	assert_int_equal(segs, 1);
	pb_bio_trim(&clone, 2, 2);
	assert_false(pb_bio_may_need_split(&clone, pb_queue_limits(tq.q)));
	test_queue_down(&tq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			cve_2026_46115_providers_that_touch_stay_apart),
		cmocka_unit_test(no_vector_spans_two_regions),
		cmocka_unit_test(
			rule_41c665aae2b5_other_pagemaps_may_be_in_one_bio),
		cmocka_unit_test(
			ee623c892aa5_a_clone_may_begin_within_a_vector),
	};

	return cmocka_run_group_tests(tests, up, mem_down);
}
