// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Completion: every page released exactly once, whatever became of the bio. */
#include "fixture.h"

#include <physbio/resolve.h>
#include <physbio/workqueue.h>

static struct test_queue tq;
static struct test_bio tb;

static uint64_t pins(void)
{
	return physbio_mem_pinned(mem, RAM_START, RAM_PAGES * PG);
}

static void release_endio(struct pb_bio *bio)
{
	pb_bio_release_pages(bio, true);
	test_bio_endio(bio);
}

static void pinned_bio(const struct range *r, unsigned int n)
{
	unsigned int i;

	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	tb.bio.bi_end_io = release_endio;
	for (i = 0; i < n; i++) {
		assert_int_equal(
			physbio_mem_pin(mem, RAM_START + r[i].at, r[i].len), 0);
		test_bio_add(&tb, r[i].at, r[i].len);
	}
	pb_bio_set_flag(&tb.bio, PB_BIO_PAGE_PINNED);
}

static bool dirty(uint32_t at)
{
	struct pb_page *page = physbio_mem_page(mem, RAM_START + at);

	return pb_compound_head(page)->flags & PB_PG_dirty;
}

static int folio_up(void **state)
{
	/* Pages 16 to 31 are one folio; the others are alone. */
	return mem_up(state) ||
	       physbio_mem_make_folio(mem, RAM_START + 16 * PG, 4);
}

static void every_page_an_entry_touches_is_released(void **state)
{
	const struct {
		struct range r;
		unsigned int pages;
	} cases[] = {
		{ { 0, 512 }, 1 },
		{ { 0, (uint32_t)PG }, 1 },
		{ { (uint32_t)PG - 512, 1024 }, 2 },
		{ { 512, (uint32_t)(3 * PG) }, 4 },
		{ { (uint32_t)(16 * PG), (uint32_t)(16 * PG) }, 16 },
		{ { (uint32_t)(18 * PG) + 512, (uint32_t)PG }, 2 },
		/* single pages, the folio, single pages again */
		{ { (uint32_t)(14 * PG) + 512, (uint32_t)(20 * PG) }, 21 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pinned_bio(&cases[i].r, 1);
		assert_int_equal(pins(), cases[i].pages);
		pb_bio_endio(&tb.bio);
		assert_int_equal(pins(), 0);
		assert_true(dirty(cases[i].r.at));
	}
}

static void a_bio_without_pins_is_left_alone(void **state)
{
	const struct range r = { 0, 512 };

	pinned_bio(&r, 1);
	pb_bio_clear_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	pb_bio_release_pages(&tb.bio, false);
	assert_int_equal(pins(), 1);
	pb_bio_set_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	pb_bio_release_pages(&tb.bio, false);
	/* a second time is none */
	pb_bio_release_pages(&tb.bio, false);
	assert_int_equal(pins(), 0);
}

static void a_clone_releases_nothing(void **state)
{
	const struct range r = { 0, 512 };
	struct pb_bio clone;

	pinned_bio(&r, 1);
	pb_bio_init_clone(NULL, &clone, &tb.bio, 0);
	pb_bio_set_flag(&clone, PB_BIO_PAGE_PINNED);
	pb_bio_release_pages(&clone, false);
	assert_int_equal(pins(), 1);
	pb_bio_endio(&tb.bio);
	assert_int_equal(pins(), 0);
}

static void read_pages_are_dirty_before_they_are_sent(void **state)
{
	const struct range r[] = { { (uint32_t)(100 * PG), 512 },
				   { (uint32_t)(102 * PG), 512 } };

	pinned_bio(r, 2);
	pb_bio_set_pages_dirty(&tb.bio);
	assert_true(dirty(r[0].at));
	assert_false(dirty((uint32_t)(101 * PG)));
	assert_true(dirty(r[1].at));
	pb_bio_endio(&tb.bio);
}

/* An executor that is run by hand. */
static struct pb_work_struct *queued;

static void queue_by_hand(struct physbio_executor *executor,
			  struct pb_work_struct *work)
{
	assert_null(queued);
	queued = work;
}

static struct physbio_executor by_hand = { queue_by_hand };

static void run_queued(void)
{
	struct pb_work_struct *work = queued;

	queued = NULL;
	physbio_work_run(work);
}

static struct pb_bio_set bs;
static void check_endio(struct pb_bio *bio)
{
	pb_bio_check_pages_dirty(bio);
}

/*
 * A read of three entries of two pages each, marked dirty and sent. One reference is the
 * test's, which sees the other one go.
 */
static struct pb_bio *read_bio(void)
{
	struct pb_bio *bio = pb_bio_alloc_bioset(NULL, 3, PB_REQ_OP_READ,
						 PB_GFP_KERNEL, &bs);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		pb_phys_addr_t at = RAM_START + (200 + 4 * i) * PG;

		assert_int_equal(physbio_mem_pin(mem, at, 2 * PG), 0);
		assert_int_equal(pb_bio_add_phys(bio, at, 2 * (unsigned int)PG),
				 2 * PG);
	}
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	bio->bi_end_io = check_endio;
	pb_bio_set_pages_dirty(bio);
	pb_bio_get(bio);
	return bio;
}

static bool test_holds_last_reference(const struct pb_bio *bio)
{
	return __atomic_load_n(&bio->__bi_cnt.counter, __ATOMIC_RELAXED) == 1;
}

static void clean(unsigned int page)
{
	physbio_mem_page(mem, RAM_START + page * PG)->flags &=
		~(unsigned long)PB_PG_dirty;
}

static void a_read_whose_pages_stayed_dirty_ends_at_once(void **state)
{
	struct pb_bio *bio = read_bio();

	pb_bio_endio(bio);
	assert_null(queued);
	assert_int_equal(pins(), 0);
	assert_true(test_holds_last_reference(bio));
	pb_bio_put(bio);
}

static void pages_that_were_cleaned_are_dirtied_by_the_executor(void **state)
{
	static const struct {
		unsigned int page; /* clean */
		unsigned int left; /* pins until it has run */
	} cases[] = { { 200, 6 }, { 201, 6 }, { 205, 4 }, { 209, 2 } };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_bio *bio = read_bio();

		clean(cases[i].page);
		pb_bio_endio(bio);
		assert_non_null(queued);
		assert_false(test_holds_last_reference(bio));
		assert_int_equal(pins(), cases[i].left);
		run_queued();
		assert_true(test_holds_last_reference(bio));
		assert_int_equal(pins(), 0);
		for (j = 0; j < 6; j++)
			assert_true(dirty(
				(uint32_t)((200 + j / 2 * 4 + j % 2) * PG)));
		pb_bio_put(bio);
	}
}

static void without_an_executor_pins_wait_for_one(void **state)
{
	struct pb_bio *bio = read_bio();

	physbio_set_executor(NULL);
	clean(200);
	pb_bio_endio(bio);
	assert_int_equal(pins(), 6);
	assert_null(queued);
	physbio_set_executor(&by_hand);
	assert_non_null(queued);
	assert_int_equal(pins(), 6);
	run_queued();
	assert_int_equal(pins(), 0);
	assert_true(test_holds_last_reference(bio));
	pb_bio_put(bio);
}

static void the_executor_takes_many_bios_at_once(void **state)
{
	struct pb_bio *bio[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		bio[i] = read_bio();
	clean(204);
	for (i = 0; i < 3; i++)
		pb_bio_endio(bio[i]);
	assert_int_equal(pins(), 12);
	run_queued();
	assert_int_equal(pins(), 0);
	for (i = 0; i < 3; i++) {
		assert_true(test_holds_last_reference(bio[i]));
		pb_bio_put(bio[i]);
	}
}

static void a_read_without_pins_is_put_and_no_more(void **state)
{
	struct pb_bio *bio = read_bio();

	pb_bio_clear_flag(bio, PB_BIO_PAGE_PINNED);
	clean(200);
	pb_bio_endio(bio);
	assert_null(queued);
	assert_true(test_holds_last_reference(bio));
	assert_int_equal(pins(), 6);
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	pb_bio_release_pages(bio, false);
	pb_bio_put(bio);
}

/*
 * 40 fragments of one bio of 40 pages. They don't merge, being parts of a cut; three
 * requests take them in the end, put together as a driver of many ranges would.
 */
static void forty_fragments_in_three_requests_release_once(void **state)
{
	enum {
		PAGES = 40,
		REQUESTS = 3
	};
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 1 };
	struct pb_request *head[REQUESTS] = { NULL };
	unsigned int i;

	test_queue_up(&tq, &lim, PAGES);
	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	tb.bio.bi_bdev = &tq.bdev;
	tb.bio.bi_end_io = release_endio;
	for (i = 0; i < PAGES; i++) {
		uint32_t at = (uint32_t)(PG * 4 * i);

		assert_int_equal(physbio_mem_pin(mem, RAM_START + at, PG), 0);
		test_bio_add(&tb, at, (uint32_t)PG);
	}
	pb_bio_set_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	assert_int_equal(tb.bio.bi_vcnt, PAGES);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, PAGES);
	assert_int_equal(pins(), PAGES);
	for (i = 0; i < PAGES; i++) {
		struct pb_request *to = head[i % REQUESTS];

		if (!to) {
			head[i % REQUESTS] = kept[i];
			continue;
		}
		to->biotail->bi_next = kept[i]->bio;
		to->biotail = kept[i]->biotail;
		to->__data_len += kept[i]->__data_len;
		kept[i]->bio = kept[i]->biotail = NULL;
		kept[i]->__data_len = 0;
	}
	for (i = 0; i < PAGES; i++)
		if (!kept[i]->bio)
			pb_blk_mq_end_request(kept[i], PB_BLK_STS_OK);
	for (i = 0; i < REQUESTS; i++) {
		assert_int_equal(tb.ended, 0);
		assert_int_equal(pins(), PAGES);
		pb_blk_mq_end_request(head[i], PB_BLK_STS_OK);
	}
	assert_int_equal(tb.ended, 1);
	assert_int_equal(pins(), 0);
	nr_kept = 0;
	test_queue_down(&tq);
}

/* Refused on the way down, by the driver, or failed by the device, whole or in part. */
static void whatever_fails_pins_are_dropped_once(void **state)
{
	static const struct {
		pb_blk_opf_t opf;
		pb_sector_t sector;
		uint32_t at; /* of the first entry, from the start of RAM */
		pb_blk_status_t driver, device;
		unsigned int
			good; /* requests that succeed before the others fail */
		int err;
	} cases[] = {
		{ PB_REQ_OP_READ, 0, 0, PB_BLK_STS_OK, PB_BLK_STS_IOERR, 0,
		  -EIO },
		{ PB_REQ_OP_READ, 0, 0, PB_BLK_STS_OK, PB_BLK_STS_IOERR, 2,
		  -EIO },
		{ PB_REQ_OP_READ, 0, 0, PB_BLK_STS_TARGET, PB_BLK_STS_OK, 0,
		  -EREMOTEIO },
		{ PB_REQ_OP_READ | PB_REQ_NOWAIT, 0, 0, PB_BLK_STS_OK,
		  PB_BLK_STS_OK, 0, -EAGAIN },
		{ PB_REQ_OP_READ, 1 << 20, 0, PB_BLK_STS_OK, PB_BLK_STS_OK, 0,
		  -EIO },
		/* can't be cut, as it is aligned to no sector */
		{ PB_REQ_OP_READ, 0, 4, PB_BLK_STS_OK, PB_BLK_STS_OK, 0,
		  -EINVAL },
	};
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 1,
					     .dma_alignment = 511 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct range r[] = {
			{ cases[i].at, (uint32_t)PG },
			{ (uint32_t)(18 * PG), (uint32_t)(3 * PG) },
			{ (uint32_t)(40 * PG), (uint32_t)PG },
		};

		test_queue_up(&tq, &lim, 8);
		driver_says = cases[i].driver;
		pinned_bio(r, 3);
		tb.bio.bi_bdev = &tq.bdev;
		tb.bio.bi_opf = cases[i].opf;
		tb.bio.bi_iter.bi_sector = cases[i].sector;
		pb_submit_bio(&tb.bio);
		for (j = 0; j < nr_kept; j++)
			pb_blk_mq_end_request(kept[j], j < cases[i].good ?
							       PB_BLK_STS_OK :
							       cases[i].device);
		assert_int_equal(tb.ended, 1);
		assert_int_equal(pb_blk_status_to_errno(tb.bio.bi_status),
				 cases[i].err);
		assert_int_equal(pins(), 0);
		test_queue_down(&tq);
	}
}

/* The owner's alone: fragments and clones have none, and a bio used again looks up. */
static void kept_pages_are_the_owners_alone(void **state)
{
	static struct {
		struct pb_bio_vec vecs[4];
		struct pb_page *pages[4];
	} small;
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .max_segments = 1 };
	struct pb_folio_iter fi;
	struct pb_bio clone;
	unsigned int i;

	test_queue_up(&tq, &lim, 8);
	pb_bio_init(&tb.bio, &tq.bdev, small.vecs, 4, PB_REQ_OP_READ);
	tb.bio.bi_end_io = release_endio;
	tb.ended = 0;
	assert_int_equal(physbio_bio_keep_pages(&tb.bio), 0);
	for (i = 0; i < 4; i++) {
		uint32_t at = (uint32_t)(PG * 4 * i);

		assert_int_equal(physbio_mem_pin(mem, RAM_START + at, PG), 0);
		test_bio_add(&tb, at, (uint32_t)PG);
		physbio_bio_keep_page(&tb.bio,
				      physbio_mem_page(mem, RAM_START + at));
	}
	pb_bio_set_flag(&tb.bio, PB_BIO_PAGE_PINNED);
	pb_bio_init_clone(NULL, &clone, &tb.bio, PB_GFP_KERNEL);
	assert_false(pb_bio_flagged(&clone, PHYSBIO_BIO_PAGES_KEPT));
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 4);
	for (i = 0; i < 3; i++)
		assert_false(
			pb_bio_flagged(kept[i]->bio, PHYSBIO_BIO_PAGES_KEPT));
	assert_true(pb_bio_flagged(&tb.bio, PHYSBIO_BIO_PAGES_KEPT));
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tb.ended, 1);
	assert_int_equal(pins(), 0);
	/* nothing of what was kept is believed from here on */
	memset(small.pages, 0xff, sizeof(small.pages));
	pb_bio_reuse(&tb.bio, PB_REQ_OP_WRITE);
	assert_false(pb_bio_flagged(&tb.bio, PHYSBIO_BIO_PAGES_KEPT));
	i = 0;
	pb_bio_for_each_folio_all(fi, &tb.bio)
	{
		assert_ptr_equal(fi.folio,
				 physbio_mem_page(mem, RAM_START + 4 * PG * i));
		i++;
	}
	assert_int_equal(i, 4);
	test_queue_down(&tq);
}

static void folios_are_walked_with_one_lookup_an_entry(void **state)
{
	struct pb_folio_iter fi;
	struct test_bio tb;
	size_t bytes = 0;
	int n = 0;

	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	assert_int_equal(physbio_mem_make_folio(mem, RAM_START + 64 * PG, 2),
			 0);
	/* from within a folio of four pages over its end, into two single ones */
	test_bio_add(&tb, 66 * (uint32_t)PG + 512, 4 * (uint32_t)PG - 512);
	test_bio_add(&tb, 80 * (uint32_t)PG, 512);
	pb_bio_advance(&tb.bio, 512);
	pb_bio_for_each_folio_all(fi, &tb.bio)
	{
		static const unsigned int pages[] = { 64, 68, 69, 80 };

		assert_ptr_equal(fi.folio,
				 pb_phys_to_page(RAM_START + pages[n] * PG));
		if (!n)
			assert_int_equal(fi.offset, 2 * PG + 512);
		bytes += fi.length;
		n++;
	}
	assert_int_equal(n, 4);
	assert_int_equal(bytes, 4 * PG);
}

static int up(void **state)
{
	physbio_set_executor(&by_hand);
	return pb_bioset_init(&bs, 4, 0, 0) || folio_up(state);
}

static int down(void **state)
{
	physbio_set_executor(NULL);
	pb_bioset_exit(&bs);
	return mem_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_an_entry_touches_is_released),
		cmocka_unit_test(a_bio_without_pins_is_left_alone),
		cmocka_unit_test(a_clone_releases_nothing),
		cmocka_unit_test(read_pages_are_dirty_before_they_are_sent),
		cmocka_unit_test(a_read_whose_pages_stayed_dirty_ends_at_once),
		cmocka_unit_test(
			pages_that_were_cleaned_are_dirtied_by_the_executor),
		cmocka_unit_test(without_an_executor_pins_wait_for_one),
		cmocka_unit_test(the_executor_takes_many_bios_at_once),
		cmocka_unit_test(a_read_without_pins_is_put_and_no_more),
		cmocka_unit_test(
			forty_fragments_in_three_requests_release_once),
		cmocka_unit_test(whatever_fails_pins_are_dropped_once),
		cmocka_unit_test(kept_pages_are_the_owners_alone),
		cmocka_unit_test(folios_are_walked_with_one_lookup_an_entry),
	};

	return cmocka_run_group_tests(tests, up, down);
}
