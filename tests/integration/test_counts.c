// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the comparison stands on: the page build converts exactly where the kernel does
 * today, and the physical build where it would. Counted in the counting builds, stage by
 * stage, for scattered pages. The two columns are those of the kernel's own count:
 *
 *   step                       today                             with phys vectors
 *   add, beyond the first      2 page -> phys a call             0
 *   split, fast / slow         0 / 1 page -> phys a piece        0 / 0
 *   bio -> request merge       2 (4 with a virt boundary)        0
 *   map, one segment           1 page -> phys                    0
 *   map, iterator              1 page -> phys a range, 2 a pair  0
 *                              tested, 1 phys -> page a request
 *   completion                 0                                 1 phys -> page an entry
 */
#define PHYSBIO_COUNTING
#include "../unit/fixture.h"

#include "../../src/repr/ops.h"

enum {
	ENTRIES = 16
};

static const struct physbio_repr *const reprs[] = { &pagecnt_physbio_repr,
						    &sparsecnt_physbio_repr,
						    &physcnt_physbio_repr };

struct counts {
	uint64_t to_phys, to_page;
};

struct step {
	const char *name;
	struct counts (*count)(const struct physbio_repr *r);
	struct counts today, phys;
};

static struct counts before;

static void start(void)
{
	before.to_phys = physbio_counts[PHYSBIO_PAGE_TO_PHYS];
	before.to_page = physbio_counts[PHYSBIO_PHYS_TO_PAGE];
}

static struct counts since(void)
{
	return (struct counts){
		physbio_counts[PHYSBIO_PAGE_TO_PHYS] - before.to_phys,
		physbio_counts[PHYSBIO_PHYS_TO_PAGE] - before.to_page,
	};
}

static struct pb_bio_set bs;
static struct pb_block_device bdev;
static struct physbio_xlate xlate;
static const struct pb_device dev = { .xlate = &xlate, .dma_mask = UINT64_MAX };
static struct pb_bio *bio;

/* Every second page, so that nothing touches. */
static struct pb_page *page_at(const struct physbio_mem *m, unsigned int i)
{
	return physbio_mem_page(m, RAM_START + 2 * i * PG);
}

static void add(const struct physbio_repr *r, struct pb_bio *to, unsigned int i,
		bool page_given)
{
	if (page_given)
		r->bio_add_page(to, page_at(mem, i), (unsigned int)PG, 0);
	else
		r->bio_add_phys(to, RAM_START + 2 * i * PG, (unsigned int)PG);
}

/* page and sparse are given pages, phys physical ranges: each what it keeps. */
static bool keeps_pages(const struct physbio_repr *r)
{
	return r != &physcnt_physbio_repr;
}

static struct pb_bio *make_bio(const struct physbio_repr *r, unsigned int first,
			       unsigned int n, bool page_given)
{
	struct pb_bio *b = r->bio_alloc_bioset(&bdev, ENTRIES, PB_REQ_OP_READ,
					       PB_GFP_KERNEL, &bs);
	unsigned int i;

	b->bi_iter.bi_sector = first * (PG >> PB_SECTOR_SHIFT);
	for (i = first; i < first + n; i++)
		add(r, b, i, page_given);
	return b;
}

/* An entry of some pages each so many pages. */
static struct pb_bio *make_large_bio(const struct physbio_repr *r,
				     unsigned int every, unsigned int pages)
{
	struct pb_bio *b = r->bio_alloc_bioset(&bdev, ENTRIES, PB_REQ_OP_READ,
					       PB_GFP_KERNEL, &bs);
	const unsigned int len = pages * (unsigned int)PG;
	unsigned int i;

	for (i = 0; i < ENTRIES; i++) {
		pb_phys_addr_t at = RAM_START + i * every * PG;

		if (keeps_pages(r))
			r->bio_add_page(b, physbio_mem_page(mem, at), len, 0);
		else
			r->bio_add_phys(b, at, len);
	}
	return b;
}

static struct counts count_add(const struct physbio_repr *r)
{
	struct counts c;

	start();
	bio = make_bio(r, 0, ENTRIES, keeps_pages(r));
	c = since();
	r->bio_put(bio);
	return c;
}

static struct counts count_add_converted(const struct physbio_repr *r)
{
	struct counts c;

	start();
	bio = make_bio(r, 0, ENTRIES, true);
	c = since();
	r->bio_put(bio);
	return c;
}

static struct counts count_split_fast(const struct physbio_repr *r)
{
	struct pb_queue_limits lim = { 0 };
	struct counts c;
	unsigned int segs;

	assert_int_equal(r->blk_validate_limits(&lim), 0);
	bio = make_bio(r, 0, ENTRIES, keeps_pages(r));
	start();
	assert_int_equal(r->bio_split_io_at(bio, &lim, &segs, UINT32_MAX, 0),
			 0);
	c = since();
	assert_int_equal(segs, ENTRIES);
	r->bio_put(bio);
	return c;
}

/* Entries of two pages, each of which a boundary cuts into two pieces. */
static struct counts count_split_slow(const struct physbio_repr *r)
{
	struct pb_queue_limits lim = { .seg_boundary_mask = 4095 };
	struct counts c;
	unsigned int segs;

	assert_int_equal(r->blk_validate_limits(&lim), 0);
	bio = make_large_bio(r, 4, 2);
	start();
	assert_int_equal(r->bio_split_io_at(bio, &lim, &segs, UINT32_MAX, 0),
			 0);
	c = since();
	assert_int_equal(segs, 2 * ENTRIES);
	r->bio_put(bio);
	return c;
}

static const struct physbio_repr *driver;

/* The queue is the representation's, its driver this test. */
static struct pb_request_queue *queue_up(const struct physbio_repr *r,
					 const struct pb_queue_limits *lim)
{
	static struct pb_blk_mq_tag_set set = { .ops = &keep_ops,
						.queue_depth = 4 };
	struct pb_request_queue *q = r->blk_mq_alloc_queue(&set, lim, NULL);

	driver = r;
	bdev.bd_queue = q;
	bdev.bd_nr_sectors = 1 << 20;
	nr_kept = 0;
	driver_says = PB_BLK_STS_OK;
	return q;
}

static void queue_down(struct pb_request_queue *q)
{
	unsigned int i;

	for (i = 0; i < nr_kept; i++)
		driver->blk_mq_end_request(kept[i], PB_BLK_STS_OK);
	driver->blk_mq_destroy_queue(q);
}

static struct counts count_merge_with(const struct physbio_repr *r,
				      uint64_t virt_boundary)
{
	const struct pb_queue_limits lim = {
		.max_hw_sectors = 4096,
		.virt_boundary_mask = virt_boundary,
	};
	struct pb_request_queue *q = queue_up(r, &lim);
	struct pb_bio *one = make_bio(r, 0, 1, keeps_pages(r));
	struct pb_bio *two = make_bio(r, 1, 1, keeps_pages(r));
	struct pb_blk_plug plug;
	struct counts c;

	/* The plug is the thread's: one for all builds. */
	r->blk_start_plug(&plug);
	r->submit_bio(one);
	start();
	r->submit_bio(two);
	c = since();
	r->blk_finish_plug(&plug);
	assert_int_equal(nr_kept, 1);
	queue_down(q);
	r->bio_put(one);
	r->bio_put(two);
	return c;
}

static struct counts count_merge(const struct physbio_repr *r)
{
	return count_merge_with(r, 0);
}

static struct counts count_merge_virt(const struct physbio_repr *r)
{
	return count_merge_with(r, 4095);
}

/* How a request is mapped that is in @b, which is put, as @ranges_out. */
static struct counts count_map_bio(const struct physbio_repr *r,
				   const struct pb_queue_limits *lim,
				   struct pb_bio *b, unsigned int ranges_out)
{
	static uint64_t list_mem[PB_NVME_PRPS_PER_PAGE];
	static struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	static struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
	struct pb_nvme_iod iod = { .lists = lists,
				   .ranges = ranges,
				   .max_ranges = PB_NVME_MAX_SEGS };
	struct pb_request_queue *q = queue_up(r, lim);
	struct counts c;

	lists[0].virt = list_mem;
	r->submit_bio(b);
	assert_int_equal(nr_kept, 1);
	start();
	assert_true(r->nvme_map_data(kept[0], &dev, &iod) == PB_BLK_STS_OK);
	c = since();
	assert_int_equal(iod.nr_ranges, ranges_out);
	r->nvme_unmap_data(kept[0], &dev, &iod);
	queue_down(q);
	r->bio_put(b);
	return c;
}

static struct counts count_map(const struct physbio_repr *r, unsigned int n)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096 };

	return count_map_bio(r, &lim, make_bio(r, 0, n, keeps_pages(r)), n);
}

static struct counts count_map_one(const struct physbio_repr *r)
{
	r->xlate_init_identity(&xlate);
	return count_map(r, 1);
}

static struct counts count_map_iter(const struct physbio_repr *r)
{
	r->xlate_init_identity(&xlate);
	return count_map(r, ENTRIES);
}

/* Two of them are more than a segment: no pair need be looked at. */
static struct counts count_map_large(const struct physbio_repr *r)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096 };

	r->xlate_init_identity(&xlate);
	return count_map_bio(r, &lim, make_large_bio(r, 16, 10), ENTRIES);
}

/* A boundary cuts each in two. */
static struct counts count_map_cut(const struct physbio_repr *r)
{
	const struct pb_queue_limits lim = { .max_hw_sectors = 4096,
					     .seg_boundary_mask = 4095 };

	r->xlate_init_identity(&xlate);
	return count_map_bio(r, &lim, make_large_bio(r, 4, 2), 2 * ENTRIES);
}

static struct counts count_complete(const struct physbio_repr *r)
{
	struct counts c;
	unsigned int i;

	bio = make_bio(r, 0, ENTRIES, keeps_pages(r));
	for (i = 0; i < ENTRIES; i++)
		assert_int_equal(
			physbio_mem_pin(mem, RAM_START + 2 * i * PG, PG), 0);
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	start();
	r->bio_release_pages(bio, true);
	c = since();
	assert_int_equal(physbio_mem_pinned(mem, RAM_START, RAM_PAGES * PG), 0);
	r->bio_put(bio);
	return c;
}

#define N ENTRIES

static const struct step steps[] = {
	{ "add", count_add, { 2 * (N - 1), 0 }, { 0, 0 } },
	{ "add, page given", count_add_converted, { 2 * (N - 1), 0 }, { N, 0 } },
	{ "split, fast", count_split_fast, { 0, 0 }, { 0, 0 } },
	{ "split, slow", count_split_slow, { 2 * N, 0 }, { 0, 0 } },
	{ "merge", count_merge, { 2, 0 }, { 0, 0 } },
	{ "merge, virt boundary", count_merge_virt, { 4, 0 }, { 0, 0 } },
	{ "map, one segment", count_map_one, { 1, 0 }, { 0, 0 } },
	{ "map, iterator", count_map_iter, { N + 2 * (N - 1), 1 }, { 0, 0 } },
	{ "map, 40 KiB each", count_map_large, { N, 1 }, { 0, 0 } },
	{ "map, each cut", count_map_cut, { 2 * N, 1 }, { 0, 0 } },
	{ "completion", count_complete, { 0, 0 }, { 0, N } },
};

static void conversions_are_those_of_the_kernel(void **state)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		for (j = 0; j < ARRAY_SIZE(reprs); j++) {
			const struct counts *want = keeps_pages(reprs[j]) ?
							    &steps[i].today :
							    &steps[i].phys;
			struct counts got = steps[i].count(reprs[j]);

			if (got.to_phys != want->to_phys ||
			    got.to_page != want->to_page)
				fail_msg(
					"%s, %s: %u page -> phys (not %u), %u phys -> page (not %u)",
					reprs[j]->name, steps[i].name,
					(unsigned int)got.to_phys,
					(unsigned int)want->to_phys,
					(unsigned int)got.to_page,
					(unsigned int)want->to_page);
		}
}

/* --- lookups --- */

#define NR_WINDOWS 16

static struct physbio_window windows[NR_WINDOWS];
static uint64_t window_index[PHYSBIO_WINDOW_INDEX_BYTES(NR_WINDOWS) / 8];

/* Windows of 16 pages over the test's RAM; one that starts at 0 if there is but one. */
static void set_windows(const struct physbio_repr *r, uint32_t nr,
			uint64_t offset)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		windows[i] = (struct physbio_window){
			.start = RAM_START + i * 16 * PG,
			.size = 16 * PG,
			.bus = RAM_START + i * 16 * PG + offset,
		};
	if (nr == 1)
		windows[0] = (struct physbio_window){
			.size = 2 * RAM_START,
			.bus = offset,
		};
	assert_int_equal(
		r->xlate_init_windows(&xlate, windows, nr, window_index), 0);
}

static uint64_t count_lookups(const struct physbio_repr *r, unsigned int page,
			      unsigned int times)
{
	uint64_t had = physbio_counts[PHYSBIO_LOOKUP];

	while (times--)
		assert_true(r->dma_map_phys(&dev, RAM_START + page * PG, PG,
					    PB_DMA_TO_DEVICE,
					    0) != PB_DMA_MAPPING_ERROR);
	return physbio_counts[PHYSBIO_LOOKUP] - had;
}

/* A request of @n ranges through the whole of nvme_map_data(). */
static uint64_t count_request_lookups(const struct physbio_repr *r,
				      unsigned int n)
{
	uint64_t had = physbio_counts[PHYSBIO_LOOKUP];

	count_map(r, n);
	return physbio_counts[PHYSBIO_LOOKUP] - had;
}

static void a_machine_with_identity_windows_looks_nothing_up(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reprs); i++) {
		set_windows(reprs[i], 1, 0);
		assert_null(xlate.ops->map_phys);
		assert_int_equal(count_request_lookups(reprs[i], 1), 0);
		assert_int_equal(count_request_lookups(reprs[i], ENTRIES), 0);
	}
}

static void one_window_is_never_looked_up(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reprs); i++) {
		set_windows(reprs[i], 1, 0x1000000);
		assert_non_null(xlate.ops->map_phys);
		assert_int_equal(count_request_lookups(reprs[i], ENTRIES), 0);
	}
}

static void the_first_window_is_looked_up_once(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reprs); i++) {
		set_windows(reprs[i], NR_WINDOWS, 0x1000000);
		assert_int_equal(count_lookups(reprs[i], 40, 100), 1);
	}
}

/* It takes the translator some ranges to believe it, and from there on none. */
static void a_device_that_moves_is_followed(void **state)
{
	uint64_t lookups = 0;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(reprs); i++) {
		set_windows(reprs[i], NR_WINDOWS, 0x1000000);
		count_lookups(reprs[i], 0, 1);
		for (j = 0; j < 64; j++)
			lookups += count_lookups(reprs[i], 32 + j % 16, 1);
		assert_in_range(lookups, 1, 63);
		assert_int_equal(count_lookups(reprs[i], 33, 100), 0);
		lookups = 0;
	}
}

static void check_batch_lookups(unsigned int stride, unsigned int lookups)
{
	const struct physbio_repr *r = &physcnt_physbio_repr;
	struct pb_phys_vec vecs[4 * ENTRIES];
	pb_dma_addr_t addrs[4 * ENTRIES];
	uint64_t had = physbio_counts[PHYSBIO_LOOKUP];
	unsigned int i;

	set_windows(r, NR_WINDOWS, 0x1000000);
	for (i = 0; i < ARRAY_SIZE(vecs); i++)
		vecs[i] = (struct pb_phys_vec){
			.paddr = RAM_START + i * stride % ARRAY_SIZE(vecs) * PG,
			.len = 512,
		};
	assert_int_equal(r->xlate_map_batch(&dev, vecs, ARRAY_SIZE(vecs),
					    PB_DMA_TO_DEVICE, 0, addrs),
			 0);
	assert_int_equal(physbio_counts[PHYSBIO_LOOKUP] - had, lookups);
	for (i = 0; i < ARRAY_SIZE(vecs); i++)
		assert_true(physbio_dma_value(addrs[i]) ==
			    vecs[i].paddr + 0x1000000);
}

/* The ranges are in four windows, one after the other. */
static void a_batch_looks_up_each_window_once(void **state)
{
	check_batch_lookups(1, 4);
}

/* In turn: what follows the first range is looked up ahead, and nothing after that. */
static void a_batch_that_jumps_looks_up_its_first_ranges(void **state)
{
	check_batch_lookups(ENTRIES + 1, 1 + 8);
}

static int up(void **state)
{
	const struct physbio_mem_range ram = {
		.start = RAM_START,
		.size = RAM_PAGES * PG,
		.kind = PHYSBIO_MEM_RAM,
		.nid = -1,
	};
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(vmemmap) |
			  PHYSBIO_MEMMODEL_BIT(sparsemem_extreme),
	};

	return physbio_mem_create_for(&ram, 1, &options, &mem, NULL) ||
	       pb_bioset_init(&bs, 4, 0, 0);
}

static int down(void **state)
{
	pb_bioset_exit(&bs);
	return mem_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversions_are_those_of_the_kernel),
		cmocka_unit_test(
			a_machine_with_identity_windows_looks_nothing_up),
		cmocka_unit_test(one_window_is_never_looked_up),
		cmocka_unit_test(the_first_window_is_looked_up_once),
		cmocka_unit_test(a_device_that_moves_is_followed),
		cmocka_unit_test(a_batch_looks_up_each_window_once),
		cmocka_unit_test(a_batch_that_jumps_looks_up_its_first_ranges),
	};

	return cmocka_run_group_tests(tests, up, down);
}
