// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buffered I/O ends for a folio when it has ended for all of its bytes. */
#include "fixture.h"

#include <physbio/pagecache.h>

/* A folio of four pages. */
#define FOLIO_PAGES 4
#define FOLIO_BYTES ((uint32_t)(FOLIO_PAGES * PG))

static struct test_bio parts[4];
static struct pb_iomap_folio_state ifs;

static int up(void **state)
{
	return mem_up(state) || physbio_mem_make_folio(mem, RAM_START, 2);
}

static struct pb_folio *folio_at(uint32_t at)
{
	return (struct pb_folio *)pb_compound_head(
		physbio_mem_page(mem, RAM_START + at));
}

#define FLAGS                                                              \
	((unsigned long)(PB_PG_locked | PB_PG_uptodate | PB_PG_writeback | \
			 PB_PG_error))

static unsigned long flags_of(uint32_t at)
{
	return folio_at(at)->page.flags & FLAGS;
}

static void clear_flags(uint32_t at)
{
	folio_at(at)->page.flags &= ~FLAGS;
}

static void end_reads(struct pb_bio *bio)
{
	physbio_bio_end_folio_reads(bio);
}

static void end_writes(struct pb_bio *bio)
{
	physbio_bio_end_folio_writes(bio);
}

static struct pb_bio *part(unsigned int i, uint32_t at, uint32_t len,
			   pb_bio_end_io_t end_io)
{
	test_bio_init(&parts[i], PB_REQ_OP_READ, 0);
	parts[i].bio.bi_end_io = end_io;
	test_bio_add(&parts[i], at, len);
	return &parts[i].bio;
}

static void end(struct pb_bio *bio, bool good)
{
	bio->bi_status = good ? PB_BLK_STS_OK : PB_BLK_STS_IOERR;
	pb_bio_endio(bio);
}

/* Parts of a folio that end in some order, well or not. */
static const struct order {
	unsigned char parts[4];
	int bad; /* this one of them; -1: none */
} orders[] = {
	{ { 0, 1, 2, 3 }, -1 }, { { 3, 1, 0, 2 }, -1 }, { { 0, 1, 2, 3 }, 0 },
	{ { 0, 1, 2, 3 }, 3 },	{ { 2, 0, 3, 1 }, 1 },
};

static void make_parts(pb_bio_end_io_t end_io)
{
	unsigned int i;

	/* cut within pages */
	part(0, 0, 512, end_io);
	part(1, 512, (uint32_t)PG, end_io);
	part(2, 512 + (uint32_t)PG, (uint32_t)PG, end_io);
	part(3, 512 + 2 * (uint32_t)PG, FOLIO_BYTES - 512 - 2 * (uint32_t)PG,
	     end_io);
	for (i = 0; i < 4; i++)
		assert_int_equal(parts[i].bio.bi_vcnt, 1);
}

static void a_folio_is_unlocked_when_its_last_part_was_read(void **state)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct order *o = &orders[i];

		make_parts(end_reads);
		physbio_folio_start_read(folio_at(0), &ifs, FOLIO_BYTES);
		for (j = 0; j < 4; j++) {
			assert_int_equal(flags_of(0), PB_PG_locked);
			end(&parts[o->parts[j]].bio, (int)j != o->bad);
		}
		assert_int_equal(flags_of(0), o->bad < 0 ? PB_PG_uptodate : 0);
		clear_flags(0);
	}
}

static void writeback_ends_when_its_last_part_was_written(void **state)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct order *o = &orders[i];

		make_parts(end_writes);
		physbio_folio_start_writeback(folio_at(0), &ifs, FOLIO_BYTES);
		for (j = 0; j < 4; j++) {
			assert_true(flags_of(0) & PB_PG_writeback);
			end(&parts[o->parts[j]].bio, (int)j != o->bad);
		}
		assert_int_equal(flags_of(0), o->bad < 0 ? 0 : PB_PG_error);
		clear_flags(0);
	}
}

/* Readahead: one bio for many folios, each whole in it. */
static void a_bio_ends_all_folios_that_are_whole_in_it(void **state)
{
	static const uint32_t at[] = { 0, FOLIO_PAGES, FOLIO_PAGES + 1 };
	unsigned int i, bad;

	for (bad = 0; bad < 2; bad++) {
		struct pb_bio *bio =
			part(0, 0, FOLIO_BYTES + 2 * (uint32_t)PG, end_reads);

		for (i = 0; i < ARRAY_SIZE(at); i++)
			physbio_folio_start_read(folio_at(at[i] * (uint32_t)PG),
						 NULL, 0);
		end(bio, !bad);
		for (i = 0; i < ARRAY_SIZE(at); i++) {
			assert_int_equal(flags_of(at[i] * (uint32_t)PG),
					 bad ? 0 : PB_PG_uptodate);
			clear_flags(at[i] * (uint32_t)PG);
		}
	}
}

static void what_lies_beside_is_left_alone(void **state)
{
	uint32_t next = FOLIO_BYTES;
	struct pb_bio *bio = part(0, 0, FOLIO_BYTES, end_writes);

	physbio_folio_start_writeback(folio_at(0), NULL, 0);
	physbio_folio_start_writeback(folio_at(next), NULL, 0);
	end(bio, false);
	assert_int_equal(flags_of(0), PB_PG_error);
	assert_int_equal(flags_of(next), PB_PG_writeback);
	clear_flags(0);
	clear_flags(next);
}

static void a_clone_ends_nothing(void **state)
{
	struct pb_bio *bio = part(0, 0, FOLIO_BYTES, end_reads), clone;

	physbio_folio_start_read(folio_at(0), NULL, 0);
	pb_bio_init_clone(NULL, &clone, bio, 0);
	physbio_bio_end_folio_reads(&clone);
	physbio_bio_end_folio_writes(&clone);
	assert_int_equal(flags_of(0), PB_PG_locked);
	end(bio, true);
	assert_int_equal(flags_of(0), PB_PG_uptodate);
	clear_flags(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_folio_is_unlocked_when_its_last_part_was_read),
		cmocka_unit_test(writeback_ends_when_its_last_part_was_written),
		cmocka_unit_test(a_bio_ends_all_folios_that_are_whole_in_it),
		cmocka_unit_test(what_lies_beside_is_left_alone),
		cmocka_unit_test(a_clone_ends_nothing),
	};

	return cmocka_run_group_tests(tests, up, mem_down);
}
