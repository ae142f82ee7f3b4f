// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The life of a bio: adding, cloning, cutting, chaining, ending. */
#include "fixture.h"

#include <physbio/mm.h>
#include <physbio/xlate.h>

static struct pb_bio_set bs;
static struct test_bio tb, tb2;

static int up(void **state)
{
	return mem_up(state) || pb_bioset_init(&bs, 4, 0, 0);
}

static int down(void **state)
{
	pb_bioset_exit(&bs);
	return mem_down(state);
}

/* Whatever was in its memory before. */
static void every_member_is_initialised(void **state)
{
	struct pb_bio clean, dirty;

	memset(&clean, 0, sizeof(clean));
	memset(&dirty, 0xff, sizeof(dirty));
	pb_bio_init(&clean, NULL, NULL, 3, PB_REQ_OP_WRITE);
	pb_bio_init(&dirty, NULL, NULL, 3, PB_REQ_OP_WRITE);
	/* behind the last member is nothing but padding */
	assert_memory_equal(&clean, &dirty,
			    offsetof(struct pb_bio, __bi_cnt) +
				    sizeof(clean.__bi_cnt));
}

static void touching_ranges_share_an_entry(void **state)
{
	static const struct {
		struct range a, b;
		int vcnt;
	} cases[] = {
		{ { 0, 512 }, { 512, 512 }, 1 },
		{ { 0x100, 0x300 }, { 0x400, 0x8000 }, 1 },
		{ { 0, 512 }, { 513, 511 }, 2 },
		{ { 512, 512 }, { 0, 512 }, 2 },
		{ { 0, 512 }, { 511, 512 }, 2 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
		test_bio_add(&tb, cases[i].a.at, cases[i].a.len);
		test_bio_add(&tb, cases[i].b.at, cases[i].b.len);
		assert_int_equal(tb.bio.bi_vcnt, cases[i].vcnt);
		assert_int_equal(tb.bio.bi_iter.bi_size,
				 cases[i].a.len + cases[i].b.len);
	}
}

static void pages_join_across_their_border(void **state)
{
	struct pb_page *page = physbio_mem_page(mem, RAM_START);
	unsigned int i;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(pb_bio_add_page(&tb.bio, page + i,
						 (unsigned int)PG, 0),
				 PG);
	assert_int_equal(tb.bio.bi_vcnt, 1);
	assert_int_equal(pb_bvec_phys(&tb.table[0]), RAM_START);
}

static void add_refuses_and_changes_nothing(void **state)
{
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_max_vecs = 1;
	assert_int_equal(pb_bio_add_phys(&tb.bio, RAM_START, 0), 0);
	test_bio_add(&tb, 0, 512);
	/* full */
	assert_int_equal(pb_bio_add_phys(&tb.bio, RAM_START + 4096, 512), 0);
	/* but the last entry may still grow */
	test_bio_add(&tb, 512, 512);
	/* longer than a bio can be */
	assert_int_equal(pb_bio_add_phys(&tb.bio, RAM_START + 1024,
					 UINT32_MAX - 1023),
			 0);
	assert_int_equal(tb.bio.bi_vcnt, 1);
	assert_int_equal(tb.bio.bi_iter.bi_size, 1024);
}

static void add_refuses_a_range_that_wraps(void **state)
{
	pb_phys_addr_t last = (pb_phys_addr_t)-512;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(pb_bio_add_phys(&tb.bio, last, 513), 0);
	assert_int_equal(tb.bio.bi_vcnt, 0);
}

/* Not of pages, which would have to be there; nor where such an address wraps. */
#if !defined(PB_REPR_PAGE) && UINTPTR_MAX > 0xffffffffu
static void an_entry_is_as_long_as_its_length_can_be(void **state)
{
	const uint32_t gib = 1u << 30;
	const int vcnt = 2 * (uint64_t)gib > PB_BVEC_MAX_LEN ? 2 : 1;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(pb_bio_add_phys(&tb.bio, gib, gib), gib);
	assert_int_equal(pb_bio_add_phys(&tb.bio, 2 * gib, gib), gib);
	assert_int_equal(tb.bio.bi_vcnt, vcnt);
	assert_int_equal(tb.bio.bi_iter.bi_size, 2 * gib);
}

static void add_refuses_what_no_length_can_be(void **state)
{
	const uint32_t len = 1u << 31;
	const int added = len > PB_BVEC_MAX_LEN ? 0 : (int)len;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(pb_bio_add_phys(&tb.bio, RAM_START, len), added);
	assert_int_equal(tb.bio.bi_vcnt, added ? 1 : 0);
	assert_int_equal(tb.bio.bi_iter.bi_size, added ? len : 0);
}

/* Nor do those that can't say so. */
static void nothing_is_added_of_what_no_length_can_be(void **state)
{
	const uint32_t len = 1u << 31;
	const int vcnt = len > PB_BVEC_MAX_LEN ? 0 : 1;
	struct pb_page *page = pb_phys_to_page(RAM_START);

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	__pb_bio_add_page(&tb.bio, page, len, 0);
	assert_int_equal(tb.bio.bi_vcnt, vcnt);
	assert_int_equal(tb.bio.bi_iter.bi_size, vcnt ? len : 0);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	pb_bio_add_folio_nofail(&tb.bio, (struct pb_folio *)page, len, 0);
	assert_int_equal(tb.bio.bi_vcnt, vcnt);
}
#endif

static void add_refuses_a_clone(void **state)
{
	struct pb_bio clone;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	test_bio_add(&tb, 0, 512);
	assert_int_equal(pb_bio_init_clone(NULL, &clone, &tb.bio, 0), 0);
	assert_int_equal(pb_bio_add_phys(&clone, RAM_START + 512, 512), 0);
}

#ifdef PHYSBIO_NO_P2PDMA
#define NEEDS_P2PDMA() skip()
#else
#define NEEDS_P2PDMA() ((void)0)
#endif

/* It would map a peer's memory as RAM. */
static void a_build_without_p2pdma_takes_no_region(void **state)
{
#ifdef PHYSBIO_NO_P2PDMA
	static const struct physbio_region region = { .start = RAM_START,
						      .size = PG };
	static const struct physbio_region *const regions[] = { &region };
	static const struct physbio_region_table table = { regions, 1 };

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_bio_set_region(&tb.bio, &region), -EOPNOTSUPP);
	assert_int_equal(physbio_bio_set_mixed(&tb.bio, &table), -EOPNOTSUPP);
	assert_null(tb.bio.bi_region);
	assert_false(pb_bio_flagged(&tb.bio, PB_BIO_P2PDMA));
	assert_int_equal(physbio_bio_set_region(&tb.bio, NULL), 0);
	assert_int_equal(physbio_bio_set_mixed(&tb.bio, NULL), 0);
#else
	skip();
#endif
}

static void region_takes_its_own_ranges_alone(void **state)
{
	const struct physbio_region region = {
		.start = RAM_START + 0x1000,
		.size = 0x1000,
	};
	static const struct {
		uint32_t at, len;
		bool taken;
	} cases[] = {
		{ 0x1000, 0x1000, true },  { 0x1800, 0x800, true },
		{ 0x0fff, 2, false },	   { 0x1fff, 2, false },
		{ 0x1000, 0x1001, false }, { 0x2000, 1, false },
		{ 0, 0x4000, false }, /* its ends are not in it, its middle is */
	};
	unsigned int i;

	NEEDS_P2PDMA();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
		assert_int_equal(physbio_bio_set_region(&tb.bio, &region), 0);
		assert_int_equal(!!pb_bio_add_phys(&tb.bio,
						   RAM_START + cases[i].at,
						   cases[i].len),
				 cases[i].taken);
		assert_true(tb.bio.bi_opf & PB_REQ_NOMERGE);
	}
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	test_bio_add(&tb, 0, 512);
	assert_int_equal(physbio_bio_set_region(&tb.bio, &region), -EINVAL);
	assert_null(tb.bio.bi_region);
}

static void advance_moves_device_and_table(void **state)
{
	test_bio_init(&tb, PB_REQ_OP_READ, 100);
	test_bio_add(&tb, 0, 1024);
	test_bio_add(&tb, 8192, 1024);
	pb_bio_advance(&tb.bio, 1536);
	assert_int_equal(tb.bio.bi_iter.bi_sector, 103);
	assert_int_equal(tb.bio.bi_iter.bi_idx, 1);
	assert_int_equal(tb.bio.bi_iter.bi_bvec_done, 512);
	/* all that remains: only the size changes */
	pb_bio_advance(&tb.bio, 512);
	assert_int_equal(tb.bio.bi_iter.bi_sector, 103);
	assert_int_equal(tb.bio.bi_iter.bi_size, 0);
}

static void trim_keeps_a_window(void **state)
{
	test_bio_init(&tb, PB_REQ_OP_READ, 100);
	test_bio_add(&tb, 0, 8192);
	pb_bio_trim(&tb.bio, 4, 8);
	assert_int_equal(tb.bio.bi_iter.bi_sector, 104);
	assert_int_equal(tb.bio.bi_iter.bi_size, 4096);
	assert_int_equal(tb.bio.bi_iter.bi_bvec_done, 2048);
	/* outside: left alone */
	pb_bio_trim(&tb.bio, 4, 5);
	assert_int_equal(tb.bio.bi_iter.bi_size, 4096);
	pb_bio_trim(&tb.bio, UINT64_MAX, 2);
	assert_int_equal(tb.bio.bi_iter.bi_size, 4096);
	/* never a part of an atomic one, but all of it */
	tb.bio.bi_opf |= PB_REQ_ATOMIC;
	pb_bio_trim(&tb.bio, 2, 4);
	assert_int_equal(tb.bio.bi_iter.bi_size, 4096);
	pb_bio_trim(&tb.bio, 2, 0);
	assert_int_equal(tb.bio.bi_iter.bi_sector, 106);
	assert_int_equal(tb.bio.bi_iter.bi_size, 0);
}

static void split_cuts_the_front_off(void **state)
{
	struct pb_bio *front;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 100);
	test_bio_add(&tb, 0, 2048);
	front = pb_bio_split(&tb.bio, 1, PB_GFP_KERNEL, &bs);
	assert_int_equal(front->bi_iter.bi_sector, 100);
	assert_int_equal(front->bi_iter.bi_size, 512);
	assert_int_equal(tb.bio.bi_iter.bi_sector, 101);
	assert_int_equal(tb.bio.bi_iter.bi_size, 1536);
	assert_ptr_equal(front->bi_io_vec, tb.table);
	pb_bio_put(front);
}

static int split_error(pb_blk_opf_t opf, int sectors)
{
	struct pb_bio *front;

	test_bio_init(&tb, opf, 0);
	test_bio_add(&tb, 0, 2048);
	front = pb_bio_split(&tb.bio, sectors, PB_GFP_KERNEL, &bs);
	if ((uintptr_t)front >= (uintptr_t)-4095)
		return (int)(intptr_t)front;
	pb_bio_put(front);
	return 0;
}

static void split_refuses_what_is_no_cut(void **state)
{
	static const struct {
		pb_blk_opf_t opf;
		int sectors, err;
	} cases[] = {
		{ PB_REQ_OP_WRITE, 3, 0 },
		{ PB_REQ_OP_WRITE, 0, -EINVAL },
		{ PB_REQ_OP_WRITE, -1, -EINVAL },
		{ PB_REQ_OP_WRITE, 4, -EINVAL },
		{ PB_REQ_OP_WRITE | PB_REQ_ATOMIC, 1, -EINVAL },
		{ PB_REQ_OP_ZONE_APPEND, 1, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(split_error(cases[i].opf, cases[i].sectors),
				 cases[i].err);
}

static void parent_ends_last_with_the_first_error(void **state)
{
	struct pb_bio *child[3];
	int i;

	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	test_bio_add(&tb, 0, 512);
	for (i = 0; i < 3; i++) {
		child[i] = pb_bio_alloc_bioset(NULL, 0, PB_REQ_OP_READ,
					       PB_GFP_KERNEL, &bs);
		pb_bio_chain(child[i], &tb.bio);
	}
	pb_bio_endio(child[0]);
	child[1]->bi_status = PB_BLK_STS_TIMEOUT;
	pb_bio_endio(child[1]);
	pb_bio_endio(&tb.bio);
	assert_int_equal(tb.ended, 0);
	child[2]->bi_status = PB_BLK_STS_NOSPC;
	pb_bio_endio(child[2]);
	assert_int_equal(tb.ended, 1);
	assert_int_equal(pb_blk_status_to_errno(tb.bio.bi_status), -ETIMEDOUT);
}

/* A recursion of this depth would need more stack than a thread has. */
static void a_long_chain_needs_no_stack(void **state)
{
	enum {
		LONG = 1000000
	};
	struct pb_bio *first, *next;
	int i;

	test_bio_init(&tb2, PB_REQ_OP_READ, 0);
	first = pb_bio_alloc_bioset(NULL, 0, 0, PB_GFP_KERNEL, &bs);
	pb_bio_chain(first, &tb2.bio);
	pb_bio_endio(&tb2.bio);
	for (i = 0; i < LONG; i++) {
		next = pb_bio_alloc_bioset(NULL, 0, 0, PB_GFP_KERNEL, &bs);
		pb_bio_chain(next, first);
		pb_bio_endio(first);
		first = next;
	}
	assert_int_equal(tb2.ended, 0);
	pb_bio_endio(first);
	assert_int_equal(tb2.ended, 1);
}

static void references_keep_a_bio(void **state)
{
	struct pb_bio *bio =
		pb_bio_alloc_bioset(NULL, 1, 0, PB_GFP_KERNEL, &bs);

	pb_bio_get(bio);
	pb_bio_put(bio);
	bio->bi_private = &bs; /* still ours: ASan and valgrind look */
	pb_bio_put(bio);
}

static void tables_come_in_sizes(void **state)
{
	static const struct {
		unsigned short wanted, got;
	} cases[] = { { 0, 0 },	    { 1, 4 },	 { 4, 4 },    { 5, 16 },
		      { 16, 16 },   { 17, 64 },	 { 65, 128 }, { 128, 128 },
		      { 129, 256 }, { 256, 256 } };
	struct pb_bio *bio;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bio = pb_bio_alloc_bioset(NULL, cases[i].wanted, 0,
					  PB_GFP_KERNEL, &bs);
		assert_int_equal(bio->bi_max_vecs, cases[i].got);
		pb_bio_put(bio);
	}
	assert_null(pb_bio_alloc_bioset(NULL, 257, 0, PB_GFP_KERNEL, &bs));
}

static void owners_have_room_before_their_bios(void **state)
{
	struct pb_bio_set padded;
	struct pb_bio *bio;

	assert_int_equal(pb_bioset_init(&padded, 1, 4, 0), -EINVAL);
	assert_int_equal(pb_bioset_init(&padded, 1, 64, 1), -EINVAL);
	assert_int_equal(pb_bioset_init(&padded, 1, 64, 0), 0);
	bio = pb_bio_alloc_bioset(NULL, 16, 0, PB_GFP_KERNEL, &padded);
	memset((char *)bio - 64, 'x', 64);
	pb_bio_put(bio);
	pb_bioset_exit(&padded);
}

static void reset_keeps_table_and_set(void **state)
{
	struct pb_bio *bio =
		pb_bio_alloc_bioset(NULL, 16, 0, PB_GFP_KERNEL, &bs);

	pb_bio_add_phys(bio, RAM_START, 512);
	bio->bi_status = PB_BLK_STS_IOERR;
	pb_bio_reset(bio, NULL, PB_REQ_OP_WRITE);
	assert_int_equal(bio->bi_vcnt, 0);
	assert_int_equal(bio->bi_max_vecs, 16);
	assert_int_equal(pb_blk_status_to_errno(bio->bi_status), 0);
	assert_int_equal(pb_bio_add_phys(bio, RAM_START, 512), 512);
	pb_bio_put(bio);
}

static void every_status_has_its_errno(void **state)
{
	static const int errnos[] = { 0,	-EOPNOTSUPP, -ETIMEDOUT,
				      -ENOSPC,	-ENOLINK,    -EREMOTEIO,
				      -ENODATA, -EILSEQ,     -ENOMEM,
				      -EIO,	-EAGAIN,     -EBUSY,
				      -ENODEV,	-EINVAL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		assert_int_equal(pb_blk_status_to_errno(
					 pb_errno_to_blk_status(errnos[i])),
				 errnos[i]);
	assert_int_equal(pb_blk_status_to_errno(pb_errno_to_blk_status(-EPERM)),
			 -EIO);
}

static void a_borrowed_table_is_only_read(void **state)
{
	struct pb_bio_vec table[3];
	struct pb_iov_iter iter;
	struct pb_bio bio;
	int i;

	for (i = 0; i < 3; i++)
		pb_bvec_set_phys(&table[i], RAM_START + 2 * PG * i,
				 (uint32_t)PG);
	pb_iov_iter_bvec(&iter, PB_ITER_SOURCE, table, 3, 2 * PG);
	iter.iov_offset = 512;
	assert_true(pb_iov_iter_count(&iter) == 2 * PG);
	pb_bio_init(&bio, NULL, NULL, 0, PB_REQ_OP_WRITE);
	pb_bio_iov_bvec_set(&bio, &iter);
	assert_ptr_equal(bio.bi_io_vec, table);
	assert_int_equal(bio.bi_iter.bi_size, 2 * PG);
	assert_int_equal(bio.bi_iter.bi_bvec_done, 512);
	assert_true(pb_bio_flagged(&bio, PB_BIO_CLONED));
	assert_int_equal(pb_bio_add_phys(&bio, RAM_START + 5 * PG, 512), 0);
	pb_bio_advance(&bio, (uint32_t)PG);
	assert_int_equal(bio.bi_iter.bi_idx, 1);
	assert_int_equal(bio.bi_iter.bi_bvec_done, 512);
}

static void folios_are_added_by_their_offset(void **state)
{
	struct pb_folio *folio =
		(struct pb_folio *)pb_phys_to_page(RAM_START + 8 * PG);

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_true(pb_bio_add_folio(&tb.bio, folio, 2 * PG, PG + 512));
	assert_int_equal(tb.bio.bi_vcnt, 1);
	assert_true(pb_bvec_phys(&tb.table[0]) == RAM_START + 9 * PG + 512);
	assert_int_equal(tb.table[0].bv_len, 2 * PG);
	tb.bio.bi_max_vecs = 1;
	assert_false(pb_bio_add_folio(&tb.bio, folio, 512, 0));
	assert_int_equal(tb.bio.bi_iter.bi_size, 2 * PG);
}

static void memory_is_added_by_the_cpus_address(void **state)
{
	char *virt = physbio_mem_virt(mem, RAM_START + 5 * PG);

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	pb_bio_add_virt_nofail(&tb.bio, virt + 100, 1000);
	assert_true(pb_bvec_phys(&tb.table[0]) == RAM_START + 5 * PG + 100);
	assert_int_equal(tb.bio.bi_iter.bi_size, 1000);
	/* what is not of the model is not added */
	pb_bio_add_virt_nofail(&tb.bio, &tb, 512);
	assert_int_equal(tb.bio.bi_vcnt, 1);
}

static void many_ranges_are_added_until_one_is_not(void **state)
{
	const struct pb_phys_vec vecs[] = {
		{ RAM_START + (0), 512 },     { RAM_START + (512), 512 },
		{ RAM_START + (4096), 512 },  { RAM_START + (16384), 512 },
		{ RAM_START + (65536), 512 },
	};

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(pb_bio_add_phys_vecs(&tb.bio, vecs, 5), 5);
	assert_int_equal(tb.bio.bi_vcnt, 4);
	assert_int_equal(tb.table[0].bv_len, 1024);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_max_vecs = 2;
	assert_int_equal(pb_bio_add_phys_vecs(&tb.bio, vecs, 5), 3);
	assert_int_equal(tb.bio.bi_iter.bi_size, 1536);
	assert_int_equal(pb_bio_add_phys_vecs(&tb.bio, vecs, 0), 0);
}

/* In front of it are two ranges, behind it one: what is added is the first two. */
static void many_ranges_end_at_one_that_is_refused(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)0 - 512;
	const struct {
		const char *name;
		struct pb_phys_vec bad;
		uint16_t max_vecs;
		uint16_t flags;
		unsigned int added;
	} cases[] = {
		{ "nothing is wrong", { RAM_START, 512 }, 8, 0, 4 },
		{ "empty", { RAM_START, 0 }, 8, 0, 2 },
		{ "wraps", { top, 1024 }, 8, 0, 2 },
		{ "too large", { RAM_START, UINT32_MAX - 512 }, 8, 0, 2 },
		{ "no entry left", { RAM_START, 512 }, 2, 0, 2 },
		{ "an entry left for what continues it",
		  { RAM_START + 16384 + 512, 512 },
		  2,
		  0,
		  3 },
		{ "no table at all", { RAM_START, 512 }, 0, 0, 0 },
		{ "a clone", { RAM_START, 512 }, 8, 1u << PB_BIO_CLONED, 0 },
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct pb_phys_vec vecs[] = {
			{ RAM_START + 4096, 512 },
			{ RAM_START + 16384, 512 },
			cases[i].bad,
			{ RAM_START + 32768, 512 },
		};

		test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
		tb.bio.bi_max_vecs = cases[i].max_vecs;
		tb.bio.bi_flags |= cases[i].flags;
		n = pb_bio_add_phys_vecs(&tb.bio, vecs, 4);
		if (n != cases[i].added)
			fail_msg("%s: %u were added", cases[i].name, n);
		assert_int_equal(tb.bio.bi_iter.bi_size, n * 512);
		/* the rest is refused again, and nothing changes */
		if (n < 4)
			assert_int_equal(pb_bio_add_phys_vecs(&tb.bio, &vecs[n],
							      4 - n),
					 0);
		assert_int_equal(tb.bio.bi_iter.bi_size, n * 512);
	}
}

static void many_ranges_stay_in_their_region(void **state)
{
	const struct physbio_region region = { .start = RAM_START,
					       .size = 8192 };
	const struct pb_phys_vec vecs[] = { { RAM_START, 4096 },
					    { RAM_START + 4096, 4096 },
					    { RAM_START + 8192, 4096 } };

	NEEDS_P2PDMA();
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_bio_set_region(&tb.bio, &region), 0);
	assert_int_equal(pb_bio_add_phys_vecs(&tb.bio, vecs, 3), 2);
	assert_int_equal(tb.bio.bi_iter.bi_size, 8192);
	assert_int_equal(tb.bio.bi_vcnt, 1);
}

static void a_bio_is_sent_again_with_its_data(void **state)
{
	test_bio_init(&tb, PB_REQ_OP_READ, 100);
	test_bio_add(&tb, 0, 4096);
	test_bio_add(&tb, 65536, 512);
	tb.bio.bi_private = &tb;
	pb_bio_advance(&tb.bio, 4096);
	tb.bio.bi_status = PB_BLK_STS_IOERR;
	pb_bio_reuse(&tb.bio, PB_REQ_OP_WRITE);
	assert_int_equal(tb.bio.bi_iter.bi_size, 4608);
	assert_int_equal(tb.bio.bi_iter.bi_idx, 0);
	assert_int_equal(tb.bio.bi_vcnt, 2);
	assert_int_equal(pb_bio_op(&tb.bio), PB_REQ_OP_WRITE);
	assert_int_equal(pb_blk_status_to_errno(tb.bio.bi_status), 0);
	assert_ptr_equal(tb.bio.bi_end_io, test_bio_endio);
	assert_ptr_equal(tb.bio.bi_private, &tb);
}

/* The rest of what one device has cut is no rest for another. */
static void a_clone_for_another_device_is_new_there(void **state)
{
	struct pb_block_device upper = { .bd_nr_sectors = 100 };
	struct pb_block_device lower = { .bd_nr_sectors = 10 };
	struct pb_bio clone;

	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	test_bio_add(&tb, 0, 512);
	tb.bio.bi_bdev = &upper;
	pb_bio_set_flag(&tb.bio, PB_BIO_REMAPPED);
	assert_int_equal(
		pb_bio_init_clone(&upper, &clone, &tb.bio, PB_GFP_NOIO), 0);
	assert_true(pb_bio_flagged(&clone, PB_BIO_REMAPPED));
	assert_int_equal(
		pb_bio_init_clone(&lower, &clone, &tb.bio, PB_GFP_NOIO), 0);
	assert_false(pb_bio_flagged(&clone, PB_BIO_REMAPPED));
}

/* Or the memory of a peer would be mapped as if it were RAM. */
static void a_peers_bio_is_sent_again_as_a_peers(void **state)
{
	static const struct physbio_region region = { .start = RAM_START,
						      .size = 4 * PG };

	NEEDS_P2PDMA();
	test_bio_init(&tb, PB_REQ_OP_READ, 100);
	assert_int_equal(physbio_bio_set_region(&tb.bio, &region), 0);
	test_bio_add(&tb, 0, 512);
	pb_bio_reuse(&tb.bio, PB_REQ_OP_WRITE);
	assert_ptr_equal(tb.bio.bi_region, &region);
	assert_true(pb_bio_flagged(&tb.bio, PB_BIO_P2PDMA));
	assert_false(pb_bio_mergeable(&tb.bio));
	pb_bio_reset(&tb.bio, NULL, PB_REQ_OP_WRITE);
	assert_null(tb.bio.bi_region);
	assert_true(pb_bio_mergeable(&tb.bio));
}

/* All that was added, whatever has been done of it. */
static void all_entries_are_walked_from_the_start(void **state)
{
	static const struct range r[] = { { 512, 1024 }, { 65536, 512 } };
	struct pb_bvec_iter_all iter_all;
	struct pb_bvec_iter iter;
	struct pb_bio_vec *bv;
	uint32_t bytes = 0;
	int i;

	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	test_bio_add(&tb, r[0].at, r[0].len);
	test_bio_add(&tb, r[1].at, r[1].len);
	test_bio_add(&tb, 4 * 65536 - 512, 2 * (uint32_t)PG);
	pb_bio_advance(&tb.bio, 1000);
	pb_bio_for_each_bvec_all(bv, &tb.bio, i) bytes += bv->bv_len;
	assert_int_equal(i, 3);
	assert_int_equal(bytes, 1536 + 2 * PG);
	assert_ptr_equal(pb_bio_first_bvec_all(&tb.bio), &tb.table[0]);
	assert_ptr_equal(pb_bio_last_bvec_all(&tb.bio), &tb.table[2]);
	bytes = 0;
	i = 0;
	pb_bio_for_each_segment_all(bv, &tb.bio, iter_all)
	{
		uint32_t in_page = pb_offset_in_page(pb_bvec_phys(bv));

		assert_true(in_page + bv->bv_len <= PG);
		bytes += bv->bv_len;
		i++;
	}
	assert_int_equal(bytes, 1536 + 2 * PG);
	assert_int_equal(i, 5);
	/* a position of one's own */
	iter = tb.bio.bi_iter;
	pb_bio_advance_iter(&tb.bio, &iter, 24);
	assert_int_equal(iter.bi_idx, 1);
	assert_int_equal(iter.bi_bvec_done, 0);
	assert_int_equal(tb.bio.bi_iter.bi_bvec_done, 1000);
}

static void memory_for_a_bio_has_its_vectors(void **state)
{
	struct pb_bio *bio =
		pb_bio_kmalloc(PB_BIO_MAX_INLINE_VECS, PB_GFP_KERNEL);
	unsigned int i;

	assert_non_null(bio);
	pb_bio_init(bio, NULL, pb_bio_inline_vecs(bio), PB_BIO_MAX_INLINE_VECS,
		    PB_REQ_OP_WRITE);
	for (i = 0; i < PB_BIO_MAX_INLINE_VECS; i++)
		assert_int_equal(pb_bio_add_phys(bio, RAM_START + i % 2 * 4096,
						 512),
				 512);
	assert_int_equal(pb_bio_add_phys(bio, RAM_START, 512), 0);
	pb_bio_uninit(bio);
	physbio_bio_kfree(bio);
	assert_null(pb_bio_kmalloc(PB_BIO_MAX_INLINE_VECS + 1, PB_GFP_KERNEL));
}

static void a_folio_is_an_entry_of_its_own(void **state)
{
	struct pb_folio *folio = (struct pb_folio *)pb_phys_to_page(RAM_START);

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	pb_bio_add_folio_nofail(&tb.bio, folio, 512, 0);
	pb_bio_add_folio_nofail(&tb.bio, folio, 512, 512);
	assert_int_equal(tb.bio.bi_vcnt, 2);
	assert_int_equal(tb.bio.bi_iter.bi_size, 1024);
	assert_true(pb_bvec_phys(&tb.table[1]) == RAM_START + 512);
}

static void vmalloced_memory_is_added_page_by_page(void **state)
{
	/* a number that nobody uses, for pages that are out of order but the last */
	char *vaddr = (char *)(uintptr_t)0x50000000;
	const pb_phys_addr_t frames[] = { RAM_START + 2 * PG, RAM_START,
					  RAM_START + PG };
	const unsigned int pg = (unsigned int)PG;

	assert_int_equal(physbio_mm_map(vaddr, frames, 3, true), 0);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(pb_bio_add_vmalloc_chunk(&tb.bio, vaddr + 512, pg),
			 pg - 512);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_true(pb_bio_add_vmalloc(&tb.bio, vaddr + 512, 3 * pg - 1024));
	assert_int_equal(tb.bio.bi_vcnt, 2);
	assert_true(pb_bvec_phys(&tb.table[0]) == RAM_START + 2 * PG + 512);
	assert_int_equal(tb.table[0].bv_len, pg - 512);
	assert_true(pb_bvec_phys(&tb.table[1]) == RAM_START);
	assert_int_equal(tb.table[1].bv_len, 2 * pg - 512);
	/* there is no page behind the last */
	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	assert_false(pb_bio_add_vmalloc(&tb.bio, vaddr + 2 * PG, 2 * pg));
	assert_int_equal(tb.bio.bi_iter.bi_size, pg);
	assert_int_equal(physbio_mm_unmap(vaddr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_initialised),
		cmocka_unit_test(touching_ranges_share_an_entry),
		cmocka_unit_test(pages_join_across_their_border),
		cmocka_unit_test(add_refuses_and_changes_nothing),
		cmocka_unit_test(add_refuses_a_range_that_wraps),
#if !defined(PB_REPR_PAGE) && UINTPTR_MAX > 0xffffffffu
		cmocka_unit_test(an_entry_is_as_long_as_its_length_can_be),
		cmocka_unit_test(add_refuses_what_no_length_can_be),
		cmocka_unit_test(nothing_is_added_of_what_no_length_can_be),
#endif
		cmocka_unit_test(add_refuses_a_clone),
		cmocka_unit_test(a_build_without_p2pdma_takes_no_region),
		cmocka_unit_test(region_takes_its_own_ranges_alone),
		cmocka_unit_test(advance_moves_device_and_table),
		cmocka_unit_test(trim_keeps_a_window),
		cmocka_unit_test(memory_for_a_bio_has_its_vectors),
		cmocka_unit_test(a_folio_is_an_entry_of_its_own),
		cmocka_unit_test(vmalloced_memory_is_added_page_by_page),
		cmocka_unit_test(split_cuts_the_front_off),
		cmocka_unit_test(split_refuses_what_is_no_cut),
		cmocka_unit_test(parent_ends_last_with_the_first_error),
		cmocka_unit_test(a_long_chain_needs_no_stack),
		cmocka_unit_test(references_keep_a_bio),
		cmocka_unit_test(tables_come_in_sizes),
		cmocka_unit_test(owners_have_room_before_their_bios),
		cmocka_unit_test(reset_keeps_table_and_set),
		cmocka_unit_test(every_status_has_its_errno),
		cmocka_unit_test(a_borrowed_table_is_only_read),
		cmocka_unit_test(folios_are_added_by_their_offset),
		cmocka_unit_test(memory_is_added_by_the_cpus_address),
		cmocka_unit_test(many_ranges_are_added_until_one_is_not),
		cmocka_unit_test(many_ranges_end_at_one_that_is_refused),
		cmocka_unit_test(many_ranges_stay_in_their_region),
		cmocka_unit_test(a_bio_is_sent_again_with_its_data),
		cmocka_unit_test(a_clone_for_another_device_is_new_there),
		cmocka_unit_test(a_peers_bio_is_sent_again_as_a_peers),
		cmocka_unit_test(all_entries_are_walked_from_the_start),
	};

	return cmocka_run_group_tests(tests, up, down);
}
