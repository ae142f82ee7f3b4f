// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The CPU copies and zeroes a bio's data, and never touches a peer's. */
#include "fixture.h"

#include <physbio/copy.h>
#include <physbio/resolve.h>
#include <physbio/xlate.h>

#define BAR_START (RAM_START + RAM_PAGES * PG)
#define EMPTY_START (BAR_START + PG)

static const struct physbio_region region = { .start = BAR_START,
					      .size = PG,
					      .id = 0 };

static int up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, RAM_PAGES * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ BAR_START, PG, PHYSBIO_MEM_BAR, -1, &region },
		{ EMPTY_START, PG, PHYSBIO_MEM_RAM_EMPTY, -1, NULL },
	};

	return physbio_mem_create(ranges, 3, &mem, NULL) ||
	       physbio_mem_make_folio(mem, RAM_START + 64 * PG, 2);
}

static struct pb_bio_vec vec(pb_phys_addr_t paddr, uint32_t len)
{
	struct pb_bio_vec bv;

	pb_bvec_set_page(&bv, pb_phys_to_page(paddr), len,
			 pb_offset_in_page(paddr));
	return bv;
}

/* Byte @i of the pattern that tests look for. */
static uint8_t byte(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251 + 1);
}

static void fill(uint32_t at, uint32_t len, uint32_t from)
{
	uint32_t i;
	uint8_t b;

	for (i = 0; i < len; i++) {
		b = byte(from + i);
		assert_int_equal(
			physbio_mem_write(mem, RAM_START + at + i, &b, 1), 0);
	}
}

static uint8_t at(uint32_t offset)
{
	uint8_t b;

	assert_int_equal(physbio_mem_read(mem, RAM_START + offset, &b, 1), 0);
	return b;
}

static void bytes_are(uint32_t offset, uint32_t len, uint32_t from)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(at(offset + i), byte(from + i));
}

static void bytes_are_0(uint32_t offset, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(at(offset + i), 0);
}

static void a_folios_part_is_its_address(void **state)
{
	struct pb_folio *folio =
		(struct pb_folio *)pb_phys_to_page(RAM_START + 64 * PG);
	struct pb_bio_vec bv;

	pb_bvec_set_folio(&bv, folio, 512, 2 * PG + 0x80);
	assert_true(pb_bvec_phys(&bv) == RAM_START + 66 * PG + 0x80);
	assert_int_equal(bv.bv_len, 512);
	assert_ptr_equal(pb_bvec_folio(&bv), folio);
}

static void the_cpus_address_leads_both_ways(void **state)
{
	char *virt = physbio_mem_virt(mem, RAM_START + 3 * PG + 0x40);
	struct pb_bio_vec bv;
	char mine;

	pb_bvec_set_virt(&bv, virt, 256);
	assert_true(pb_bvec_phys(&bv) == RAM_START + 3 * PG + 0x40);
	assert_int_equal(bv.bv_len, 256);
	assert_ptr_equal(pb_bvec_virt(&bv), virt);
	assert_ptr_equal(pb_bvec_kmap_local(&bv), virt);
	pb_kunmap_local(virt);
	/* memory that is not the map's */
	pb_bvec_set_virt(&bv, &mine, 1);
	assert_int_equal(bv.bv_len, 0);
}

static void a_vectors_bytes_are_copied_and_zeroed(void **state)
{
	struct pb_bio_vec bv = vec(RAM_START + 100, 300);
	char buf[300];

	fill(0, 512, 0);
	assert_int_equal(pb_memcpy_from_bvec(buf, &bv), 0);
	assert_int_equal((uint8_t)buf[0], byte(100));
	assert_int_equal((uint8_t)buf[299], byte(399));
	assert_int_equal(pb_memzero_bvec(&bv), 0);
	bytes_are(0, 100, 0);
	bytes_are_0(100, 300);
	bytes_are(400, 112, 400);
	assert_int_equal(pb_memcpy_to_bvec(&bv, buf), 0);
	bytes_are(0, 512, 0);
}

static void what_is_no_ram_or_no_page_is_refused(void **state)
{
	const struct {
		pb_phys_addr_t paddr;
		uint32_t len;
		int err;
	} cases[] = {
		{ RAM_START, (uint32_t)PG, 0 },
		{ RAM_START + 1, (uint32_t)PG, -EINVAL }, /* two pages */
		{ RAM_START, (uint32_t)PG + 1, -EINVAL },
		{ BAR_START, 512, -EFAULT }, /* a peer's */
		{ EMPTY_START, 512, -EFAULT }, /* nothing behind it */
	};
	static char buf[PB_PAGE_SIZE + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pb_bio_vec bv = vec(cases[i].paddr, cases[i].len);

		assert_int_equal(pb_memcpy_from_bvec(buf, &bv), cases[i].err);
		assert_int_equal(pb_memcpy_to_bvec(&bv, buf), cases[i].err);
		assert_int_equal(pb_memzero_bvec(&bv), cases[i].err);
		assert_int_equal(!pb_bvec_virt(&bv), cases[i].err == -EFAULT);
	}
}

static struct test_bio a, b;

static void bio_of(struct test_bio *tb, pb_blk_opf_t opf, const struct range *r,
		   unsigned int n)
{
	unsigned int i;

	test_bio_init(tb, opf, 8);
	for (i = 0; i < n; i++)
		test_bio_add(tb, r[i].at, r[i].len);
}

static void data_are_copied_over_borders_of_both(void **state)
{
	const uint32_t pg = (uint32_t)PG;
	const struct range from[] = { { pg - 512, 1024 }, { 4 * pg, 1024 } };
	const struct range to[] = { { 8 * pg, 512 },
				    { 10 * pg - 512, 1024 },
				    { 12 * pg, 2048 } };
	struct pb_bvec_iter dst, src;

	fill(pg - 512, 1024, 0);
	fill(4 * pg, 1024, 1024);
	bio_of(&a, PB_REQ_OP_READ, to, 3);
	bio_of(&b, PB_REQ_OP_WRITE, from, 2);
	assert_int_equal(pb_zero_fill_bio(&a.bio), 0);
	dst = a.bio.bi_iter;
	src = b.bio.bi_iter;
	assert_int_equal(pb_bio_copy_data_iter(&a.bio, &dst, &b.bio, &src), 0);
	bytes_are(8 * pg, 512, 0);
	bytes_are(10 * pg - 512, 1024, 512);
	bytes_are(12 * pg, 512, 1536);
	bytes_are_0(12 * pg + 512, 1536);
	/* the shorter one ended it, and both positions are behind what was copied */
	assert_int_equal(src.bi_size, 0);
	assert_int_equal(dst.bi_size, 1536);
	assert_int_equal(dst.bi_sector, 8 + 4);
	assert_int_equal(src.bi_sector, 8 + 4);
	assert_int_equal(a.bio.bi_iter.bi_size, 512 + 1024 + 2048);
	/* from where a bio is, not from its table's start */
	pb_bio_advance(&b.bio, 512);
	assert_int_equal(pb_bio_copy_data(&a.bio, &b.bio), 0);
	bytes_are(8 * pg, 512, 512);
	assert_int_equal(b.bio.bi_iter.bi_size, 1536);
}

static void a_peers_data_are_not_touched(void **state)
{
	const struct range r = { 0, 512 };
	struct pb_bvec_iter ia, ib;

	fill(0, 512, 0);
	bio_of(&a, PB_REQ_OP_READ, &r, 1);
	test_bio_init(&b, PB_REQ_OP_READ, 8);
	assert_int_equal(pb_bio_add_page(&b.bio, pb_phys_to_page(BAR_START),
					 1024, 0),
			 1024);
	ia = a.bio.bi_iter;
	ib = b.bio.bi_iter;
	assert_int_equal(pb_bio_copy_data(&a.bio, &b.bio), -EFAULT);
	assert_int_equal(pb_bio_copy_data(&b.bio, &a.bio), -EFAULT);
	assert_int_equal(pb_bio_copy_data_iter(&b.bio, &ib, &a.bio, &ia),
			 -EFAULT);
	assert_int_equal(ia.bi_size, 512);
	assert_int_equal(pb_zero_fill_bio(&b.bio), -EFAULT);
	assert_int_equal(pb_bio_truncate(&b.bio, 512), -EFAULT);
	assert_int_equal(b.bio.bi_iter.bi_size, 1024);
	bytes_are(0, 512, 0);
}

static void a_page_without_bytes_ends_it(void **state)
{
	const struct range r = { 0, 512 };

	fill(0, 512, 0);
	bio_of(&a, PB_REQ_OP_READ, &r, 1);
	assert_int_equal(pb_bio_add_page(&a.bio, pb_phys_to_page(EMPTY_START),
					 512, 0),
			 512);
	assert_int_equal(pb_bio_truncate(&a.bio, 512), -EFAULT);
	assert_int_equal(a.bio.bi_iter.bi_size, 1024);
	assert_int_equal(pb_zero_fill_bio(&a.bio), -EFAULT);
	bytes_are_0(0, 512);
}

static void what_moves_no_data_has_none(void **state)
{
	const struct range r = { 0, 512 };

	bio_of(&a, PB_REQ_OP_READ, &r, 1);
	pb_bio_init(&b.bio, NULL, NULL, 0, PB_REQ_OP_DISCARD);
	b.bio.bi_iter.bi_size = 4096;
	assert_int_equal(pb_zero_fill_bio(&b.bio), -EFAULT);
	assert_int_equal(pb_bio_copy_data(&a.bio, &b.bio), -EFAULT);
	/* it can be shorter all the same */
	assert_int_equal(pb_bio_truncate(&b.bio, 512), 0);
	assert_int_equal(b.bio.bi_iter.bi_size, 512);
}

static void what_a_read_gets_no_more_is_0(void **state)
{
	const struct range r[] = { { 0, 1024 }, { 8192, 1024 } };
	static const struct {
		pb_blk_opf_t opf;
		uint32_t size, left;
	} cases[] = {
		{ PB_REQ_OP_READ, 1536, 1536 }, { PB_REQ_OP_READ, 512, 512 },
		{ PB_REQ_OP_READ, 0, 0 },	{ PB_REQ_OP_READ, 2048, 2048 },
		{ PB_REQ_OP_READ, 4096, 2048 }, { PB_REQ_OP_WRITE, 512, 512 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool read = cases[i].opf == PB_REQ_OP_READ;
		uint32_t left = read ? cases[i].left : 2048;
		uint32_t first = left < 1024 ? left : 1024;

		fill(0, 1024, 0);
		fill(8192, 1024, 1024);
		bio_of(&a, cases[i].opf, r, 2);
		assert_int_equal(pb_bio_truncate(&a.bio, cases[i].size), 0);
		assert_int_equal(a.bio.bi_iter.bi_size, cases[i].left);
		assert_int_equal(a.bio.bi_vcnt, 2);
		bytes_are(0, first, 0);
		bytes_are_0(first, 1024 - first);
		bytes_are(8192, left - first, 1024);
		bytes_are_0(8192 + left - first, 2048 - left - (1024 - first));
	}
}

static void a_bio_ends_where_its_device_ends(void **state)
{
	const struct range r = { 0, 2048 };
	static const struct {
		uint64_t nr_sectors, sector;
		uint32_t size;
	} cases[] = {
		{ 100, 0, 2048 },
		{ 100, 96, 2048 },
		{ 100, 97, 1536 },
		{ 100, 99, 512 },
		{ 100, 100, 2048 }, /* fails later */
		{ 100, 200, 2048 },
		{ 0, 5, 2048 }, /* of unknown size */
		{ UINT64_C(1) << 40, 5, 2048 },
	};
	struct pb_block_device bdev = { .bd_queue = NULL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fill(0, 2048, 0);
		bio_of(&a, PB_REQ_OP_READ, &r, 1);
		a.bio.bi_bdev = &bdev;
		bdev.bd_nr_sectors = cases[i].nr_sectors;
		a.bio.bi_iter.bi_sector = cases[i].sector;
		assert_int_equal(pb_guard_bio_eod(&a.bio), 0);
		assert_int_equal(a.bio.bi_iter.bi_size, cases[i].size);
		bytes_are(0, cases[i].size, 0);
		bytes_are_0(cases[i].size, 2048 - cases[i].size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folios_part_is_its_address),
		cmocka_unit_test(the_cpus_address_leads_both_ways),
		cmocka_unit_test(a_vectors_bytes_are_copied_and_zeroed),
		cmocka_unit_test(what_is_no_ram_or_no_page_is_refused),
		cmocka_unit_test(data_are_copied_over_borders_of_both),
		cmocka_unit_test(a_peers_data_are_not_touched),
		cmocka_unit_test(a_page_without_bytes_ends_it),
		cmocka_unit_test(what_moves_no_data_has_none),
		cmocka_unit_test(what_a_read_gets_no_more_is_0),
		cmocka_unit_test(a_bio_ends_where_its_device_ends),
	};

	return cmocka_run_group_tests(tests, up, mem_down);
}
