// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* User memory becomes a bio's data, and what is not used is given back. */
#include "fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <physbio/mm.h>
#include <physbio/resolve.h>
#include <physbio/xlate.h>

#include "no_memory.h"

#define BAR_START (RAM_START + RAM_PAGES * PG)
#define BAR_PAGES 8

static const struct physbio_region region = {
	.start = BAR_START,
	.size = BAR_PAGES * PG,
	.id = 0,
};

/* Folios of four pages at the start of RAM, single pages from here on. */
#define SINGLE 64

static int up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, RAM_PAGES * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ BAR_START, BAR_PAGES * PG, PHYSBIO_MEM_BAR, -1, &region },
	};
	unsigned int i;
	int err = physbio_mem_create(ranges, 2, &mem, NULL);

	for (i = 0; !err && i < SINGLE; i += 4)
		err = physbio_mem_make_folio(mem, RAM_START + i * PG, 2);
	return err;
}

/* Numbers that nobody uses; nothing is touched there. */
#define USER ((char *)(uintptr_t)0x40000000)

/* User pages by the number of their frame. */
static void map_frames(const unsigned int *frames, unsigned int nr,
		       bool writable)
{
	pb_phys_addr_t addrs[64];
	unsigned int i;

	for (i = 0; i < nr; i++)
		addrs[i] = RAM_START + frames[i] * PG;
	assert_int_equal(physbio_mm_map(USER, addrs, nr, writable), 0);
}

static uint64_t pinned(void)
{
	return physbio_mem_pinned(mem, RAM_START, (RAM_PAGES + BAR_PAGES) * PG);
}

static struct test_bio tb;
static struct pb_iov_iter iter;

static void bio_up(unsigned short max_vecs)
{
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_max_vecs = max_vecs;
}

static void entry_is(unsigned int i, pb_phys_addr_t paddr, uint32_t len)
{
	assert_true(pb_bvec_phys(&tb.table[i]) == paddr);
	assert_int_equal(tb.table[i].bv_len, len);
}

static void down(void)
{
	pb_bio_release_pages(&tb.bio, false);
	assert_int_equal(pinned(), 0);
	assert_int_equal(physbio_mm_unmap(USER), 0);
}

#define FRAMES(...)                                                \
	map_frames((const unsigned int[]){ __VA_ARGS__ },          \
		   sizeof((const unsigned int[]){ __VA_ARGS__ }) / \
			   sizeof(unsigned int),                   \
		   true)

static void a_run_within_a_folio_is_one_entry(void **state)
{
	/* a folio and the one behind it, which touch; two single pages, too */
	FRAMES(0, 1, 2, 3, 4, 5, SINGLE, SINGLE + 1);
	bio_up(16);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + 512, 8 * PG - 512);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_vcnt, 4);
	entry_is(0, RAM_START + 512, 4 * (uint32_t)PG - 512);
	entry_is(1, RAM_START + 4 * PG, 2 * (uint32_t)PG);
	entry_is(2, RAM_START + SINGLE * PG, (uint32_t)PG);
	entry_is(3, RAM_START + (SINGLE + 1) * PG, (uint32_t)PG);
	assert_int_equal(tb.bio.bi_iter.bi_size, 8 * PG - 512);
	assert_int_equal(pinned(), 8);
	assert_true(pb_bio_flagged(&tb.bio, PB_BIO_PAGE_PINNED));
	assert_true(pb_iov_iter_count(&iter) == 0);
	down();
}

static void pages_out_of_order_are_entries_of_their_own(void **state)
{
	FRAMES(1, 0, 2, 3);
	bio_up(16);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, 4 * PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_vcnt, 3);
	entry_is(0, RAM_START + PG, (uint32_t)PG);
	entry_is(1, RAM_START, (uint32_t)PG);
	entry_is(2, RAM_START + 2 * PG, 2 * (uint32_t)PG);
	down();
}

/* Small direct I/O: the table and, behind it, the pages. */
static struct {
	struct pb_bio_vec vecs[PB_BIO_INLINE_VECS];
	struct pb_page *pages[PB_BIO_INLINE_VECS];
} small;

static void keep_up(void)
{
	memset(&small, 0xff, sizeof(small));
	bio_up(PB_BIO_INLINE_VECS);
	tb.bio.bi_io_vec = small.vecs;
	assert_int_equal(physbio_bio_keep_pages(&tb.bio), 0);
	assert_ptr_equal(physbio_bio_kept_pages(&tb.bio), small.pages);
}

static struct pb_page *frame_page(unsigned int i)
{
	return physbio_mem_page(mem, RAM_START + i * PG);
}

static void a_bio_keeps_the_pages_that_were_pinned_for_it(void **state)
{
	unsigned int i;

	/* two of a folio, from within the first one on; two single pages */
	FRAMES(1, 2, SINGLE, SINGLE + 3);
	keep_up();
	pb_iov_iter_ubuf(&iter, PB_ITER_DEST, USER + 512, 4 * PG - 512);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_vcnt, 3);
	assert_ptr_equal(small.pages[0], frame_page(1));
	assert_ptr_equal(small.pages[1], frame_page(SINGLE));
	assert_ptr_equal(small.pages[2], frame_page(SINGLE + 3));
	assert_null(small.pages[3]);
	for (i = 0; i < 3; i++)
		assert_ptr_equal(small.pages[i], pb_bvec_page(&small.vecs[i]));
	down();
	assert_false(pb_bio_flagged(&tb.bio, PHYSBIO_BIO_PAGES_KEPT));
}

/* What an entry that is no more had is not the next one's. */
static void a_page_is_kept_no_longer_than_its_entry(void **state)
{
	FRAMES(SINGLE, SINGLE + 2);
	keep_up();
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, PG + 512);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter,
						   (unsigned int)PG - 1),
			 0);
	assert_int_equal(tb.bio.bi_vcnt, 1);
	assert_ptr_equal(small.pages[0], frame_page(SINGLE));
	assert_null(small.pages[1]);
	down();
}

static void pages_are_kept_from_the_first_entry_on_or_not_at_all(void **state)
{
	struct pb_bio clone;

	bio_up(PB_BIO_INLINE_VECS);
	tb.bio.bi_io_vec = small.vecs;
	test_bio_add(&tb, 0, 512);
	assert_int_equal(physbio_bio_keep_pages(&tb.bio), -EINVAL);
	pb_bio_init_clone(NULL, &clone, &tb.bio, 0);
	assert_int_equal(physbio_bio_keep_pages(&clone), -EINVAL);
	bio_up(0);
	assert_int_equal(physbio_bio_keep_pages(&tb.bio), -EINVAL);
	assert_false(pb_bio_flagged(&tb.bio, PHYSBIO_BIO_PAGES_KEPT));
}

static void a_full_table_leaves_the_rest(void **state)
{
	FRAMES(SINGLE, SINGLE + 2, SINGLE + 4, SINGLE + 6);
	bio_up(3);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, 4 * PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_vcnt, 3);
	assert_true(pb_iov_iter_count(&iter) == PG);
	assert_int_equal(pinned(), 3);
	pb_bio_release_pages(&tb.bio, false);
	bio_up(3);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_vcnt, 1);
	entry_is(0, RAM_START + (SINGLE + 6) * PG, (uint32_t)PG);
	down();
}

/*
 * The pages' addresses are kept in the table until they are entries: none may be
 * overwritten before, wherever the table begins and however long it is.
 */
static void a_table_of_any_length_is_filled(void **state)
{
	unsigned short vecs, first;
	unsigned int i;

	FRAMES(SINGLE, SINGLE + 2, SINGLE + 4, SINGLE + 6, SINGLE + 8,
	       SINGLE + 10, SINGLE + 12, SINGLE + 14, SINGLE + 16, SINGLE + 18);
	for (first = 0; first < 2; first++)
		for (vecs = 1; vecs <= 9; vecs++) {
			bio_up(vecs);
			tb.bio.bi_io_vec += first;
			pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, 10 * PG);
			assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio,
								   &iter, 511),
					 0);
			assert_int_equal(tb.bio.bi_vcnt, vecs);
			for (i = 0; i < vecs; i++)
				entry_is(first + i,
					 RAM_START + (SINGLE + 2 * i) * PG,
					 (uint32_t)PG);
			pb_bio_release_pages(&tb.bio, false);
			assert_int_equal(pinned(), 0);
		}
	assert_int_equal(physbio_mm_unmap(USER), 0);
}

static void several_ranges_follow_each_other(void **state)
{
	const struct pb_iovec iov[] = { { USER + 512, 1024 },
					{ USER, 0 },
					{ USER + PG, 2 * PG },
					{ USER + 3 * PG, 512 } };

	FRAMES(SINGLE, SINGLE + 8, SINGLE + 9, SINGLE + 20);
	bio_up(16);
	pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 4, 2 * PG + 1536);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_vcnt, 4);
	entry_is(0, RAM_START + SINGLE * PG + 512, 1024);
	entry_is(3, RAM_START + (SINGLE + 20) * PG, 512);
	assert_int_equal(pinned(), 4);
	down();
}

/* What is beyond the last whole block goes back, and so do its pins. */
static void sizes_are_of_whole_blocks(void **state)
{
	static const struct {
		size_t bytes; /* beyond three pages */
		unsigned int mask, pins;
		long left;
	} cases[] = {
		{ 100, 511, 3, 100 },
		{ 512, 511, 4, 0 },
		{ 700, 511, 4, 188 },
		{ 700, 4095, 3, 700 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		FRAMES(SINGLE, 0, 1, SINGLE + 5);
		bio_up(16);
		pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER,
				 3 * PG + cases[i].bytes);
		assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter,
							   cases[i].mask),
				 0);
		assert_int_equal(pinned(), cases[i].pins);
		assert_true(pb_iov_iter_count(&iter) == (size_t)cases[i].left);
		assert_int_equal(tb.bio.bi_iter.bi_size,
				 3 * PG + cases[i].bytes - cases[i].left);
		down();
	}
}

/* The tail of an entry goes back: pins of the pages that it no longer touches. */
static void an_entry_is_shortened(void **state)
{
	FRAMES(0, 1, 2, 3);
	bio_up(16);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + 512, 3 * PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter,
						   2 * (unsigned)PG - 1),
			 0);
	assert_int_equal(tb.bio.bi_vcnt, 1);
	entry_is(0, RAM_START + 512, 2 * (uint32_t)PG);
	assert_int_equal(pinned(), 3);
	assert_true(pb_iov_iter_count(&iter) == PG);
	down();
}

static void less_than_a_block_is_an_error(void **state)
{
	const struct pb_iovec iov[] = { { USER, 100 }, { USER + PG, 100 } };

	FRAMES(SINGLE, SINGLE + 2);
	bio_up(16);
	pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 2, 200);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511),
			 -EFAULT);
	assert_int_equal(tb.bio.bi_vcnt, 0);
	assert_int_equal(tb.bio.bi_iter.bi_size, 0);
	assert_true(pb_iov_iter_count(&iter) == 200);
	assert_ptr_equal(iter.__iov, iov);
	assert_true(iter.iov_offset == 0);
	assert_false(pb_bio_flagged(&tb.bio, PB_BIO_PAGE_PINNED));
	assert_int_equal(pinned(), 0);
	down();
}

static void a_hole_ends_it(void **state)
{
	FRAMES(SINGLE, SINGLE + 1);
	bio_up(16);
	/* the third page is nobody's */
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, 4 * PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_iter.bi_size, 2 * PG);
	assert_int_equal(pinned(), 2);
	pb_bio_release_pages(&tb.bio, false);
	bio_up(16);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511),
			 -EFAULT);
	assert_true(pb_iov_iter_count(&iter) == 2 * PG);
	down();
}

/* The pin of one page after the other fails: those before it are the bio's, no other. */
static void a_pin_that_fails_ends_it_wherever_it_does(void **state)
{
	static const unsigned int frames[] = { SINGLE, SINGLE + 1, 0, 1,
					       2,      SINGLE + 2, 5, 4 };
	/* the first of the same folio */
	static const unsigned int first[] = { 0, 1, 2, 2, 2, 5, 6, 6 };
	const unsigned int nr = ARRAY_SIZE(frames);
	const int full = INT_MAX / 2;
	unsigned int i;

	map_frames(frames, nr, true);
	for (i = 0; i < nr; i++) {
		struct pb_page *head = pb_compound_head(
			physbio_mem_page(mem, RAM_START + frames[i] * PG));

		bio_up(16);
		pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, nr * PG);
		head->refcount.counter += full;
		assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511),
				 first[i] ? 0 : -EOVERFLOW);
		head->refcount.counter -= full;
		assert_int_equal(pinned(), first[i]);
		assert_int_equal(tb.bio.bi_iter.bi_size, first[i] * PG);
		assert_true(pb_iov_iter_count(&iter) == (nr - first[i]) * PG);
		pb_bio_release_pages(&tb.bio, true);
		assert_int_equal(pinned(), 0);
	}
	down();
}

static void a_mapping_needs_memory(void **state)
{
	const pb_phys_addr_t frame = RAM_START;

	call_fails = 1;
	assert_int_equal(physbio_mm_map(USER, &frame, 1, true), -ENOMEM);
	assert_int_equal(physbio_mm_unmap(USER), -ENOENT);
}

static void a_device_writes_only_where_it_may(void **state)
{
	const unsigned int frame = SINGLE;

	map_frames(&frame, 1, false);
	bio_up(16);
	pb_iov_iter_ubuf(&iter, PB_ITER_DEST, USER, PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511),
			 -EFAULT);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	down();
}

static void a_peers_memory_needs_a_queue_that_takes_it(void **state)
{
	const struct pb_queue_limits lim = {
		.features = PB_BLK_FEAT_PCI_P2PDMA,
	};
	struct test_queue tq;

	/* RAM, then a peer's */
	FRAMES(SINGLE, RAM_PAGES, RAM_PAGES + 1);
	bio_up(16);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + PG, 2 * PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511),
			 -EREMOTEIO);
	assert_int_equal(pinned(), 0);
	test_queue_up(&tq, &lim, 8);
	bio_up(16);
	tb.bio.bi_bdev = &tq.bdev;
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_ptr_equal(tb.bio.bi_region, &region);
	assert_true(tb.bio.bi_opf & PB_REQ_NOMERGE);
	pb_bio_release_pages(&tb.bio, false);
	/* memory of another kind ends the bio, and its pins go back */
	bio_up(16);
	tb.bio.bi_bdev = &tq.bdev;
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, 3 * PG);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(tb.bio.bi_iter.bi_size, PG);
	assert_int_equal(pinned(), 1);
	test_queue_down(&tq);
	down();
}

static void vectors_are_borrowed(void **state)
{
	struct pb_bio_vec table[2];

	FRAMES(SINGLE);
	pb_bvec_set_phys(&table[0], RAM_START, (uint32_t)PG);
	pb_bvec_set_phys(&table[1], RAM_START + 4 * PG, (uint32_t)PG);
	pb_iov_iter_bvec(&iter, PB_ITER_SOURCE, table, 2, 2 * PG);
	bio_up(0);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_ptr_equal(tb.bio.bi_io_vec, table);
	assert_false(pb_bio_flagged(&tb.bio, PB_BIO_PAGE_PINNED));
	assert_true(pb_iov_iter_count(&iter) == 0);
	assert_int_equal(pinned(), 0);
	down();
}

/* 9b0c3673c885: found where it can still be refused. */
static void misalignment_is_found_before_anything_is_pinned(void **state)
{
	static const struct {
		size_t at, len;
		int err;
	} cases[] = {
		{ 0, 4096, 0 },	      { 4, 4096, 0 },	{ 2, 4096, -EINVAL },
		{ 0, 4098, -EINVAL }, { 512, 1024, 0 },
	};
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 1,
					     .dma_alignment = 3 };
	struct test_queue tq;
	struct pb_iovec iov[2];
	unsigned int i, segs;

	FRAMES(SINGLE, SINGLE + 1, SINGLE + 2);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		iov[0].iov_base = USER;
		iov[0].iov_len = 512;
		iov[1].iov_base = USER + cases[i].at;
		iov[1].iov_len = cases[i].len;
		bio_up(16);
		pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 2,
				 512 + cases[i].len);
		assert_int_equal(physbio_bio_iov_iter_get_pages_aligned(
					 &tb.bio, &iter, 3, 511),
				 cases[i].err);
		if (cases[i].err)
			assert_int_equal(pinned(), 0);
		pb_bio_release_pages(&tb.bio, false);
	}
	/* 7.1: only the splitter says so, when a front part may have gone already */
	test_queue_up(&tq, &lim, 8);
	bio_up(16);
	iov[1].iov_base = USER + 2;
	iov[1].iov_len = 1024;
	pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 2, 1536);
	assert_int_equal(pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511), 0);
	assert_int_equal(pb_bio_split_io_at(&tb.bio, pb_queue_limits(tq.q),
					    &segs, 1 << 20, 3),
			 -EINVAL);
	test_queue_down(&tq);
	down();
}

/* 14b007e17881: whoever made a table has aligned it, and one look is cheap. */
static void of_vectors_the_first_alone_is_checked(void **state)
{
	static const struct {
		uint32_t at, len, at2, len2;
		int err;
	} cases[] = {
		{ 512, 512, 4096, 512, 0 },
		{ 512, 512, 4098, 512, 0 },
		{ 512, 512, 4096, 510, 0 },
		{ 514, 512, 4096, 512, -EINVAL },
		{ 512, 510, 4096, 512, -EINVAL },
	};
	struct pb_bio_vec vecs[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_bvec_set_phys(&vecs[0], RAM_START + cases[i].at,
				 cases[i].len);
		pb_bvec_set_phys(&vecs[1], RAM_START + cases[i].at2,
				 cases[i].len2);
		pb_iov_iter_bvec(&iter, PB_ITER_SOURCE, vecs, 2,
				 cases[i].len + cases[i].len2);
		pb_bio_init(&tb.bio, NULL, NULL, 0, PB_REQ_OP_WRITE);
		assert_int_equal(physbio_bio_iov_iter_get_pages_aligned(
					 &tb.bio, &iter, 3, 511),
				 cases[i].err);
		if (cases[i].err)
			assert_int_equal(tb.bio.bi_iter.bi_size, 0);
		else
			assert_ptr_equal(tb.bio.bi_io_vec, vecs);
	}
}

static void direct_io_is_of_whole_blocks(void **state)
{
	static const struct {
		uint64_t pos;
		size_t count;
		bool invalid;
	} cases[] = {
		{ 0, 4096, false },  { 4096, 8192, false }, { 512, 4096, true },
		{ 4096, 512, true }, { 4096, 4097, true },
	};
	const struct pb_queue_limits lim = { .logical_block_size = 4096 };
	struct test_queue tq;
	unsigned int i;

	test_queue_up(&tq, &lim, 8);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER, cases[i].count);
		assert_int_equal(pb_blkdev_dio_invalid(&tq.bdev, cases[i].pos,
						       &iter),
				 cases[i].invalid);
	}
	test_queue_down(&tq);
}

static void tables_are_as_long_as_pages_are_touched(void **state)
{
	const struct pb_iovec iov[] = { { USER + PG - 1, 2 },
					{ USER, 0 },
					{ USER, 2 * PG } };
	struct pb_bio_vec bv;

	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + 1, PG);
	assert_int_equal(pb_bio_iov_vecs_to_alloc(&iter, 256), 2);
	pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 3, 2 * PG + 2);
	assert_int_equal(pb_bio_iov_vecs_to_alloc(&iter, 256), 4);
	assert_int_equal(pb_bio_iov_vecs_to_alloc(&iter, 3), 3);
	pb_bvec_set_phys(&bv, RAM_START, (uint32_t)PG);
	pb_iov_iter_bvec(&iter, PB_ITER_SOURCE, &bv, 1, PG);
	assert_int_equal(pb_bio_iov_vecs_to_alloc(&iter, 256), 0);
}

static void direct_io_is_sent_as_its_size_asks(void **state)
{
	static const struct {
		size_t pages, bytes; /* at the start of a page */
		bool sync, atomic;
		int kind;
	} cases[] = {
		{ 4, 0, true, false, PHYSBIO_DIO_ONSTACK },
		{ 4, 512, true, false, PHYSBIO_DIO_SYNC },
		{ 256, 0, true, false, PHYSBIO_DIO_SYNC },
		{ 4, 0, false, false, PHYSBIO_DIO_ASYNC },
		{ 256, 0, false, true, PHYSBIO_DIO_ASYNC },
		{ 256, 512, true, false, PHYSBIO_DIO_MULTI },
		{ 256, 512, false, false, PHYSBIO_DIO_MULTI },
		{ 256, 512, true, true, -EINVAL },
		{ 1, 100, true, false, -EINVAL },
	};
	struct test_queue tq;
	unsigned int i;

	test_queue_up(&tq, NULL, 8);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER,
				 cases[i].pages * PG + cases[i].bytes);
		assert_int_equal(physbio_blkdev_dio(&tq.bdev, 4096, &iter,
						    cases[i].sync,
						    cases[i].atomic),
				 cases[i].kind);
	}
	assert_int_equal(physbio_blkdev_dio(&tq.bdev, 100, &iter, true, false),
			 -EINVAL);
	test_queue_down(&tq);
}

static void alignment_is_of_what_is_left(void **state)
{
	struct pb_iovec iov[] = { { USER + 0x100, 0x700 },
				  { USER, 0 },
				  { USER + 0x2000, 0x1000 },
				  { USER + 0x5000, 0x208 } };

	pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 4, 0x1908);
	assert_int_equal(pb_iov_iter_alignment(&iter) & 0xfff, 0x708);
	/* 0x800 and 0x2000, 0x3000 and 0x5000: neither the first start nor the end */
	assert_int_equal(pb_iov_iter_gap_alignment(&iter) & 0xfff, 0x800);
	pb_iov_iter_advance(&iter, 0x700);
	assert_int_equal(pb_iov_iter_alignment(&iter) & 0xfff, 0x208);
	assert_int_equal(pb_iov_iter_gap_alignment(&iter) & 0xfff, 0);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + 12, 0x100);
	assert_int_equal(pb_iov_iter_alignment(&iter) & 0xfff, 0x10c);
	assert_int_equal(pb_iov_iter_gap_alignment(&iter), 0);
	pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + 12, 0);
	assert_int_equal(pb_iov_iter_alignment(&iter), 0);
	pb_bvec_set_page(&tb.table[0], pb_phys_to_page(RAM_START), 512, 4);
	pb_iov_iter_bvec(&iter, PB_ITER_SOURCE, tb.table, 1, 512);
	assert_int_equal(pb_iov_iter_alignment(&iter) & 0xfff, 0x204);
	assert_true(pb_iov_iter_gap_alignment(&iter) == ~0ul);
}

static void a_drivers_request_takes_user_memory(void **state)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 3,
					     .dma_alignment = 3,
					     .virt_boundary_mask = PG - 1 };
	const struct {
		size_t at, len, at2, len2; /* bytes from USER */
		int err;
	} cases[] = {
		{ 512, PG - 512, 2 * PG, 512, 0 },
		{ 512, PG - 508, 2 * PG, 512, -EREMOTEIO }, /* boundary */
		{ 512, PG - 512, 2 * PG + 4, 512, -EREMOTEIO },
		{ 2, PG - 2, 2 * PG, 512, -EREMOTEIO }, /* alignment */
		{ 0, PG, 2 * PG, 510, -EREMOTEIO },
		{ 0, 0, 0, 0, -EINVAL }, /* nothing */
		{ 0, 2 * PG, 2 * PG, 4 * PG, -EREMOTEIO }, /* segments */
		{ 0, PG, 64 * PG, PG, -EFAULT }, /* not there */
	};
	struct pb_request rq;
	struct pb_bio_set bs;
	struct test_queue tq;
	unsigned int i;

	FRAMES(SINGLE, SINGLE + 2, SINGLE + 4, SINGLE + 6, SINGLE + 8,
	       SINGLE + 10);
	test_queue_up(&tq, &lim, 8);
	assert_int_equal(pb_bioset_init(&bs, 2, 0, 0), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct pb_iovec iov[] = {
			{ USER + cases[i].at, cases[i].len },
			{ USER + cases[i].at2, cases[i].len2 },
		};

		memset(&rq, 0, sizeof(rq));
		rq.q = tq.q;
		rq.cmd_flags = PB_REQ_OP_DRV_IN;
		pb_iov_iter_init(&iter, PB_ITER_DEST, iov, 2,
				 cases[i].len + cases[i].len2);
		assert_int_equal(physbio_rq_map_user_iov(&rq, &iter,
							 PB_GFP_KERNEL, &bs),
				 cases[i].err);
		if (cases[i].err) {
			assert_null(rq.bio);
			assert_int_equal(pb_blk_rq_bytes(&rq), 0);
		} else {
			assert_int_equal(pb_blk_rq_bytes(&rq), PG);
			assert_int_equal(rq.nr_phys_segments, 2);
			assert_int_equal(pinned(), 2);
		}
		assert_int_equal(pb_blk_rq_unmap_user(rq.bio), 0);
		assert_int_equal(pinned(), 0);
	}
	/* a device's bytes are in these pages now */
	assert_true(pb_phys_to_page(RAM_START + SINGLE * PG)->flags &
		    PB_PG_dirty);
	pb_bioset_exit(&bs);
	test_queue_down(&tq);
	assert_int_equal(physbio_mm_unmap(USER), 0);
}

static void positions_move_both_ways(void **state)
{
	const struct pb_iovec iov[] = { { USER, 100 },
					{ USER + 1000, 0 },
					{ USER + 2000, 300 } };
	struct pb_iov_iter at;
	size_t n;

	pb_iov_iter_init(&iter, PB_ITER_SOURCE, iov, 3, 400);
	for (n = 0; n <= 400; n++) {
		at = iter;
		pb_iov_iter_advance(&at, n);
		assert_true(pb_iov_iter_count(&at) == 400 - n);
		if (n < 400)
			assert_ptr_equal((char *)at.__iov->iov_base +
						 at.iov_offset,
					 n < 100 ? USER + n : USER + 1900 + n);
		pb_iov_iter_revert(&at, n);
		assert_true(pb_iov_iter_count(&at) == 400);
		pb_iov_iter_advance(&at, 0);
		assert_ptr_equal((char *)at.__iov->iov_base + at.iov_offset,
				 USER);
	}
}

static void mappings_that_make_no_sense_are_refused(void **state)
{
	const pb_phys_addr_t ok = RAM_START, odd = RAM_START + 512,
			     nowhere = RAM_START - PG;

	assert_int_equal(physbio_mm_map(USER + 1, &ok, 1, true), -EINVAL);
	assert_int_equal(physbio_mm_map(USER, &ok, 0, true), -EINVAL);
	assert_int_equal(physbio_mm_map(USER, &odd, 1, true), -EINVAL);
	assert_int_equal(physbio_mm_map(USER, &nowhere, 1, true), -EINVAL);
	assert_int_equal(physbio_mm_unmap(USER), -ENOENT);
	assert_int_equal(physbio_mm_map(USER, &ok, 1, true), 0);
	assert_int_equal(physbio_mm_map(USER, &ok, 1, true), -EEXIST);
	assert_int_equal(physbio_mm_unmap(USER), 0);
}

/* Random buffers: every byte where it should be, every pin given back. */
static void random_buffers_are_taken_whole(void **state)
{
	unsigned int seed = 3, round, i, frames[32];

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 3000; round++) {
		unsigned int at = (unsigned)rand() % (8 * (unsigned)PG);
		unsigned int len = 512 + (unsigned)rand() % (20 * (unsigned)PG);
		unsigned int taken = 0;
		struct pb_bio_vec *bv;
		int n;

		for (i = 0; i < 32; i++)
			frames[i] = i && rand() % 3 ?
					    (frames[i - 1] + 1) % RAM_PAGES :
					    (unsigned)rand() % RAM_PAGES;
		map_frames(frames, 32, true);
		pb_iov_iter_ubuf(&iter, PB_ITER_SOURCE, USER + at, len);
		while (taken < (len & ~511u)) {
			bio_up((unsigned short)(1 + rand() % 12));
			if (pb_bio_iov_iter_get_pages(&tb.bio, &iter, 511))
				break;
			pb_bio_for_each_bvec_all(bv, &tb.bio, n)
			{
				for (i = 0; i < bv->bv_len; i += 64) {
					unsigned int byte = at + taken + i;

					assert_true(pb_bvec_phys(bv) + i ==
						    RAM_START +
							    frames[byte / PG] *
								    PG +
							    byte % PG);
				}
				taken += bv->bv_len;
			}
			pb_bio_release_pages(&tb.bio, false);
			assert_int_equal(pinned(), 0);
		}
		assert_int_equal(taken + pb_iov_iter_count(&iter), len);
		bio_up(1);
		down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_within_a_folio_is_one_entry),
		cmocka_unit_test(pages_out_of_order_are_entries_of_their_own),
		cmocka_unit_test(a_bio_keeps_the_pages_that_were_pinned_for_it),
		cmocka_unit_test(a_page_is_kept_no_longer_than_its_entry),
		cmocka_unit_test(
			pages_are_kept_from_the_first_entry_on_or_not_at_all),
		cmocka_unit_test(a_full_table_leaves_the_rest),
		cmocka_unit_test(a_table_of_any_length_is_filled),
		cmocka_unit_test(several_ranges_follow_each_other),
		cmocka_unit_test(sizes_are_of_whole_blocks),
		cmocka_unit_test(an_entry_is_shortened),
		cmocka_unit_test(less_than_a_block_is_an_error),
		cmocka_unit_test(a_hole_ends_it),
		cmocka_unit_test(a_pin_that_fails_ends_it_wherever_it_does),
		cmocka_unit_test(a_mapping_needs_memory),
		cmocka_unit_test(a_device_writes_only_where_it_may),
		cmocka_unit_test(a_peers_memory_needs_a_queue_that_takes_it),
		cmocka_unit_test(vectors_are_borrowed),
		cmocka_unit_test(
			misalignment_is_found_before_anything_is_pinned),
		cmocka_unit_test(of_vectors_the_first_alone_is_checked),
		cmocka_unit_test(direct_io_is_of_whole_blocks),
		cmocka_unit_test(tables_are_as_long_as_pages_are_touched),
		cmocka_unit_test(direct_io_is_sent_as_its_size_asks),
		cmocka_unit_test(alignment_is_of_what_is_left),
		cmocka_unit_test(a_drivers_request_takes_user_memory),
		cmocka_unit_test(positions_move_both_ways),
		cmocka_unit_test(mappings_that_make_no_sense_are_refused),
		cmocka_unit_test(random_buffers_are_taken_whole),
	};

	return cmocka_run_group_tests(tests, up, mem_down);
}
