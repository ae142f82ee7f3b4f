// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One range of bus addresses for a whole request, and what the hardware finds there. */
#include <pthread.h>

#include "fixture.h"
#include "no_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include <physbio/dma.h>
#include <physbio/iommu.h>
#include <physbio/xlate.h>

#define GRANULE 4096u
#define IOVA_START 0x100000u
#define IOVA_SIZE 0x1000000u

static struct physbio_iommu *iommu;
static struct physbio_xlate xlate;
static struct pb_device dev;
static struct test_queue tq;
static struct test_bio tb;

static void domain_up(uint64_t size)
{
	assert_int_equal(
		physbio_iommu_create(GRANULE, IOVA_START, size, &iommu), 0);
	physbio_xlate_init_iommu(&xlate, iommu);
	memset(&dev, 0, sizeof(dev));
	dev.xlate = &xlate;
	dev.dma_mask = UINT64_MAX;
}

static void holds(unsigned long pages, unsigned long ranges)
{
	struct physbio_iommu_stats stats;

	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.pages, pages);
	assert_int_equal(stats.ranges, ranges);
}

static void domain_down(void)
{
	holds(0, 0);
	physbio_iommu_destroy(iommu);
	iommu = NULL;
}

/* Where a device that reads byte @offset from @addr on ends up. */
static uint64_t hits(pb_dma_addr_t addr, uint64_t offset)
{
	pb_phys_addr_t paddr;

	if (!physbio_iommu_lookup(iommu, physbio_dma_value(addr) + offset,
				  &paddr))
		return UINT64_MAX;
	return paddr;
}

static void numbers_that_fit_no_domain_are_refused(void **state)
{
	static const struct {
		uint32_t granule;
		uint64_t start, size;
	} cases[] = {
		{ 2048, 0x100000, 0x100000 },
		{ 131072, 0x100000, 0x100000 },
		{ 4097, 0x100000, 0x100000 },
		{ 4096, 0, 0x100000 },
		{ 4096, 0x100800, 0x100000 },
		{ 4096, 0x100000, 0 },
		{ 4096, 0x100000, 0x800 },
		{ 4096, UINT64_C(1) << 48, 4096 },
		{ 4096, 4096, UINT64_C(1) << 48 },
		{ 4096, 4096, UINT64_MAX & ~UINT64_C(4095) },
	};
	struct physbio_iommu *made = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_iommu_create(cases[i].granule,
						      cases[i].start,
						      cases[i].size, &made),
				 -EINVAL);
	assert_null(made);
}

static void a_range_is_mapped_and_gone(void **state)
{
	pb_dma_addr_t addr;

	domain_up(IOVA_SIZE);
	addr = pb_dma_map_phys(&dev, RAM_START + 512, 8192, PB_DMA_TO_DEVICE,
			       0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), 0);
	assert_true(hits(addr, 0) == RAM_START + 512);
	assert_true(hits(addr, 8191) == RAM_START + 512 + 8191);
	assert_true(hits(addr, 3 * GRANULE) == UINT64_MAX);
	holds(3, 1);
	assert_true(pb_dma_need_unmap(&dev));
	pb_dma_unmap_phys(&dev, addr, 8192, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(addr, 0) == UINT64_MAX);
	domain_down();
}

static void addresses_run_out(void **state)
{
	pb_dma_addr_t a, b;

	domain_up(2 * GRANULE);
	a = pb_dma_map_phys(&dev, RAM_START, GRANULE, PB_DMA_TO_DEVICE, 0);
	b = pb_dma_map_phys(&dev, RAM_START, GRANULE, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, b), 0);
	assert_int_equal(pb_dma_mapping_error(
				 &dev, pb_dma_map_phys(&dev, RAM_START, 512,
						       PB_DMA_TO_DEVICE, 0)),
			 -ENOMEM);
	pb_dma_unmap_phys(&dev, a, GRANULE, PB_DMA_TO_DEVICE, 0);
	a = pb_dma_map_phys(&dev, RAM_START, 512, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, a), 0);
	pb_dma_unmap_phys(&dev, a, 512, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, b, GRANULE, PB_DMA_TO_DEVICE, 0);
	domain_down();
}

static void addresses_stay_within_the_mask(void **state)
{
	pb_dma_addr_t a, b;

	domain_up(IOVA_SIZE);
	a = pb_dma_map_phys(&dev, RAM_START, GRANULE, PB_DMA_TO_DEVICE, 0);
	dev.dma_mask = 0x1fffff;
	b = pb_dma_map_phys(&dev, RAM_START, GRANULE, PB_DMA_TO_DEVICE, 0);
	assert_true(physbio_dma_value(a) > 0x1fffff);
	assert_true(physbio_dma_value(b) + GRANULE - 1 <= 0x1fffff);
	pb_dma_unmap_phys(&dev, a, GRANULE, PB_DMA_TO_DEVICE, 0);
	/* what was freed is above it and no use */
	a = pb_dma_map_phys(&dev, RAM_START, GRANULE, PB_DMA_TO_DEVICE, 0);
	assert_true(physbio_dma_value(a) + GRANULE - 1 <= 0x1fffff);
	pb_dma_unmap_phys(&dev, a, GRANULE, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, b, GRANULE, PB_DMA_TO_DEVICE, 0);
	domain_down();
}

static bool alloc(struct pb_dma_iova_state *st, uint64_t size)
{
	return pb_dma_iova_try_alloc(&dev, st, RAM_START, size);
}

/* One whose mask is narrow takes nothing from those whose mask is not. */
static void a_narrow_mask_costs_the_others_nothing(void **state)
{
	struct pb_dma_iova_state st[3];

	domain_up(8 * GRANULE);
	dev.dma_mask = IOVA_START + GRANULE - 1;
	assert_true(alloc(&st[0], GRANULE));
	dev.dma_mask = UINT64_MAX;
	assert_true(alloc(&st[1], 4 * GRANULE));
	assert_true(alloc(&st[2], 2 * GRANULE));
	assert_true(physbio_dma_value(st[0].addr) == IOVA_START);
	assert_true(physbio_dma_value(st[1].addr) == IOVA_START + 4 * GRANULE);
	assert_true(physbio_dma_value(st[2].addr) == IOVA_START + 2 * GRANULE);
	pb_dma_iova_free(&dev, &st[0]);
	pb_dma_iova_free(&dev, &st[1]);
	pb_dma_iova_free(&dev, &st[2]);
	domain_down();
}

/* In whatever order they come back: what touches is one range again. */
static void many_small_ranges_become_a_large_one(void **state)
{
	static const unsigned int orders[][4] = {
		{ 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 0, 2, 1, 3 },
		{ 0, 3, 1, 2 }, { 1, 3, 2, 0 }, { 3, 0, 2, 1 },
	};
	struct pb_dma_iova_state st[4], all;
	unsigned int i, j;

	domain_up(4 * GRANULE);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (j = 0; j < 4; j++)
			assert_true(alloc(&st[j], GRANULE));
		assert_false(alloc(&all, GRANULE));
		for (j = 0; j < 4; j++)
			pb_dma_iova_free(&dev, &st[orders[i][j]]);
		assert_true(alloc(&all, 4 * GRANULE));
		pb_dma_iova_free(&dev, &all);
	}
	domain_down();
}

/* Every granule is somebody's, or free and to be had. */
static void random_ranges_never_share_an_address(void **state)
{
	enum {
		NR = 64
	};
	struct pb_dma_iova_state st[NR] = { 0 };
	unsigned int seed = 11, round, i, j, fails = 0;
	uint64_t first, last;

	print_message("seed %u\n", seed);
	srand(seed);
	domain_up(NR * GRANULE);
	for (round = 0; round < 20000; round++) {
		i = (unsigned int)rand() % NR;
		if (pb_dma_use_iova(&st[i])) {
			pb_dma_iova_free(&dev, &st[i]);
			continue;
		}
		dev.dma_mask = rand() % 4 ? UINT64_MAX :
					    IOVA_START + NR / 2 * GRANULE - 1;
		if (!alloc(&st[i], (1 + (unsigned int)rand() % 9) * GRANULE)) {
			fails++;
			continue;
		}
		first = physbio_dma_value(st[i].addr);
		last = first + st[i].size - 1;
		assert_true(first >= IOVA_START && last <= dev.dma_mask &&
			    last < IOVA_START + NR * GRANULE);
		for (j = 0; j < NR; j++) {
			uint64_t other = physbio_dma_value(st[j].addr);

			assert_true(j == i || !pb_dma_use_iova(&st[j]) ||
				    other > last ||
				    other + st[j].size - 1 < first);
		}
	}
	assert_true(fails);
	for (i = 0; i < NR; i++)
		if (pb_dma_use_iova(&st[i]))
			pb_dma_iova_free(&dev, &st[i]);
	dev.dma_mask = UINT64_MAX;
	assert_true(alloc(&st[0], NR * GRANULE));
	pb_dma_iova_free(&dev, &st[0]);
	domain_down();
}

static void only_the_ends_may_be_within_a_granule(void **state)
{
	struct pb_dma_iova_state st;

	domain_up(IOVA_SIZE);
	assert_true(pb_dma_iova_try_alloc(&dev, &st, RAM_START + 512,
					  3584 + 4096 + 100));
	assert_true(pb_dma_use_iova(&st));
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 512, 0, 3584,
					  PB_DMA_TO_DEVICE, 0),
			 0);
	/* begins within a granule */
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 65536 + 512,
					  3584, 3584, PB_DMA_TO_DEVICE, 0),
			 -EIO);
	/* what comes before did not end with one */
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 65536, 3000,
					  4096, PB_DMA_TO_DEVICE, 0),
			 -EINVAL);
	/* is mapped already */
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 512, 0, 3584,
					  PB_DMA_TO_DEVICE, 0),
			 -EADDRINUSE);
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 65536, 3584,
					  4096, PB_DMA_TO_DEVICE, 0),
			 0);
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 131072,
					  3584 + 4096, 100, PB_DMA_TO_DEVICE,
					  0),
			 0);
	assert_int_equal(pb_dma_iova_sync(&dev, &st, 0, st.size), 0);
	holds(3, 1);
	assert_true(hits(st.addr, 0) == RAM_START + 512);
	assert_true(hits(st.addr, 3584) == RAM_START + 65536);
	assert_true(hits(st.addr, 3584 + 4096) == RAM_START + 131072);
	pb_dma_iova_unlink(&dev, &st, 3584, 4096, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(st.addr, 3584) == UINT64_MAX);
	pb_dma_iova_destroy(&dev, &st, 3584 + 4096 + 100, PB_DMA_TO_DEVICE, 0);
	assert_false(pb_dma_use_iova(&st));
	domain_down();
}

static struct pb_dma_iova_state iova;
static struct pb_blk_dma_iter iter;

/* One bio, cut or not; requests are kept. */
static void submit(const struct pb_queue_limits *lim,
		   const struct range *ranges, unsigned int nr)
{
	unsigned int i;

	test_queue_up(&tq, lim, 8);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < nr; i++)
		test_bio_add(&tb, ranges[i].at, ranges[i].len);
	pb_submit_bio(&tb.bio);
}

static void down(void)
{
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
	domain_down();
}

static const struct pb_queue_limits wide = { .max_hw_sectors = 4096,
					     .dma_alignment = 3 };

static void ranges_that_meet_become_one(void **state)
{
	const struct range r[] = { { 512, 3584 },
				   { 65536, 8192 },
				   { 131072, 512 } };
	struct pb_request *rq;

	domain_up(IOVA_SIZE);
	submit(&wide, r, 3);
	rq = kept[0];
	assert_true(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_int_equal(iter.len, pb_blk_rq_bytes(rq));
	assert_true(hits(iter.addr, 0) == RAM_START + 512);
	assert_true(hits(iter.addr, 3584) == RAM_START + 65536);
	assert_true(hits(iter.addr, 3584 + 8192 + 511) ==
		    RAM_START + 131072 + 511);
	assert_false(pb_blk_rq_dma_map_iter_next(rq, &dev, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), 0);
	assert_true(pb_blk_rq_dma_unmap(rq, &dev, &iova, iter.len, iter.map));
	down();
}

static void a_gap_keeps_them_apart(void **state)
{
	const struct range r[] = { { 0, 512 }, { 65536, 4096 } };
	pb_dma_addr_t first;
	struct pb_request *rq;

	domain_up(IOVA_SIZE);
	submit(&wide, r, 2);
	rq = kept[0];
	assert_true(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_false(pb_dma_use_iova(&iova));
	assert_int_equal(iter.len, 512);
	first = iter.addr;
	assert_true(pb_blk_rq_dma_map_iter_next(rq, &dev, &iter));
	assert_true(hits(iter.addr, 0) == RAM_START + 65536);
	assert_false(pb_blk_rq_dma_unmap(rq, &dev, &iova, iter.len, iter.map));
	pb_dma_unmap_phys(&dev, first, 512, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, iter.addr, 4096, PB_DMA_TO_DEVICE, 0);
	down();
}

/* December 2025: what was tried must not look as if it had been done. */
static void falling_back_leaves_no_stale_state(void **state)
{
	const struct range r[] = { { 0, 4096 }, { 65536, 4096 } };
	pb_dma_addr_t first;
	struct pb_request *rq;

	domain_up(2 * GRANULE);
	first = pb_dma_map_phys(&dev, RAM_START, 512, PB_DMA_TO_DEVICE, 0);
	submit(&wide, r, 2);
	rq = kept[0];
	memset(&iova, 0xff, sizeof(iova));
	/* one granule is left: the whole does not fit, the first range does */
	assert_true(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_false(pb_dma_use_iova(&iova));
	assert_int_equal(iter.len, 4096);
	assert_false(pb_blk_rq_dma_unmap(rq, &dev, &iova, 4096, iter.map));
	pb_dma_unmap_phys(&dev, iter.addr, 4096, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, first, 512, PB_DMA_TO_DEVICE, 0);
	down();
}

static struct physbio_xlate_ops ops;
static unsigned int links;

static int link_twice(const struct pb_device *dev_, uint64_t at,
		      pb_phys_addr_t phys, uint64_t size,
		      enum pb_dma_data_direction dir, unsigned long attrs)
{
	struct physbio_xlate plain;

	if (links++ == 2)
		return -ENOMEM;
	physbio_xlate_init_iommu(&plain, iommu);
	return plain.ops->iova_link(dev_, at, phys, size, dir, attrs);
}

/* December 2025: an error half way took the links away that were there already. */
static void an_error_half_way_leaks_no_link(void **state)
{
	const struct range r[] = { { 0, 4096 },
				   { 65536, 4096 },
				   { 131072, 512 } };
	struct pb_request *rq;

	domain_up(IOVA_SIZE);
	submit(&wide, r, 3);
	rq = kept[0];
	ops = *xlate.ops;
	ops.iova_link = link_twice;
	xlate.ops = &ops;
	links = 0;
	assert_false(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), -EIO);
	assert_int_equal(links, 3);
	assert_false(pb_dma_use_iova(&iova));
	down();
}

/* Each on its own, and nothing is left of what was linked before. */
static void map_two_ranges(struct pb_request *rq)
{
	pb_dma_addr_t first;

	memset(&iova, 0xff, sizeof(iova));
	assert_true(pb_blk_rq_dma_map_iter_start(rq, &dev, &iova, &iter));
	assert_false(pb_dma_use_iova(&iova));
	assert_int_equal(iter.len, 4096);
	first = iter.addr;
	assert_true(pb_blk_rq_dma_map_iter_next(rq, &dev, &iter));
	assert_int_equal(iter.len, 4096);
	pb_dma_unmap_phys(&dev, iter.addr, 4096, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, first, 4096, PB_DMA_TO_DEVICE, 0);
}

/*
 * What the lost gap bit leads to. The front part of a cut begins its second vector
 * within a granule, and says that it has no gaps.
 */
static void cut_with_gaps(uint32_t quirks)
{
	const struct range r[] = { { 0, 4096 },
				   { 65536 + 512, 4096 },
				   { 131072, 4096 },
				   { 196608, 4096 } };
	struct pb_queue_limits lim = wide;

	lim.max_segments = 2;
	lim.quirks = quirks;
	domain_up(IOVA_SIZE);
	submit(&lim, r, 4);
	assert_int_equal(nr_kept, 2);
	assert_int_equal(kept[0]->nr_phys_segments, 2);
}

/* As mainline has it: nobody would have got an error without the cut. */
static void without_its_gap_bit_a_fragment_is_not_mapped(void **state)
{
	cut_with_gaps(PB_QUIRK_LOST_GAP_BIT | PB_QUIRK_IOVA_NO_FALLBACK);
	assert_false(pb_blk_rq_dma_map_iter_start(kept[0], &dev, &iova, &iter));
	assert_int_equal(pb_blk_status_to_errno(iter.status), -EIO);
	assert_false(pb_dma_use_iova(&iova));
	down();
}

static void without_its_gap_bit_a_fragment_is_mapped_all_the_same(void **state)
{
	cut_with_gaps(PB_QUIRK_LOST_GAP_BIT);
	assert_int_equal(kept[0]->phys_gap_bit, 0);
	map_two_ranges(kept[0]);
	down();
}

/* A gap that is seen is no error: no range of addresses is tried. */
static void with_its_gap_bit_a_fragment_needs_no_fallback(void **state)
{
	cut_with_gaps(PB_QUIRK_IOVA_NO_FALLBACK);
	assert_int_not_equal(kept[0]->phys_gap_bit, 0);
	map_two_ranges(kept[0]);
	down();
}

/*
 * A device that trusts the request, as an IOMMU driver would that rounds down where it
 * should refuse: one range of bus addresses over both vectors.
 */
static void a_device_that_trusts_it_reads_other_bytes(void **state)
{
	pb_dma_addr_t addr;
	uint64_t first, wrong = 0, i;

	cut_with_gaps(PB_QUIRK_LOST_GAP_BIT);
	assert_true(pb_dma_iova_try_alloc(&dev, &iova, RAM_START, 8192));
	addr = iova.addr;
	first = physbio_dma_value(addr);
	assert_int_equal(xlate.ops->iova_link(&dev, first, RAM_START, GRANULE,
					      PB_DMA_TO_DEVICE, 0),
			 0);
	assert_int_equal(xlate.ops->iova_link(&dev, first + GRANULE,
					      RAM_START + 65536, GRANULE,
					      PB_DMA_TO_DEVICE, 0),
			 0);
	for (i = 0; i < 8192; i++) {
		uint64_t right = i < 4096 ? RAM_START + i :
					    RAM_START + 65536 + 512 + i - 4096;

		wrong += hits(addr, i) != right;
	}
	/* all of the second vector: it gets 512 bytes that were not to be sent */
	assert_int_equal(wrong, 4096);
	pb_dma_iova_destroy(&dev, &iova, 8192, PB_DMA_TO_DEVICE, 0);
	down();
}

static void with_its_gap_bit_it_is_mapped_in_two(void **state)
{
	pb_dma_addr_t first;

	cut_with_gaps(0);
	assert_int_equal(kept[0]->phys_gap_bit, 10);
	assert_true(pb_blk_rq_dma_map_iter_start(kept[0], &dev, &iova, &iter));
	assert_false(pb_dma_use_iova(&iova));
	first = iter.addr;
	assert_true(hits(first, 4095) == RAM_START + 4095);
	assert_true(pb_blk_rq_dma_map_iter_next(kept[0], &dev, &iter));
	assert_true(hits(iter.addr, 0) == RAM_START + 65536 + 512);
	assert_true(hits(iter.addr, 4095) == RAM_START + 65536 + 512 + 4095);
	pb_dma_unmap_phys(&dev, first, 4096, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, iter.addr, 4096, PB_DMA_TO_DEVICE, 0);
	down();
}

/* --- when the hardware learns of it --- */

static void in_strict_mode_what_is_unmapped_faults_at_once(void **state)
{
	pb_dma_addr_t addr;

	domain_up(IOVA_SIZE);
	addr = pb_dma_map_phys(&dev, RAM_START, 8192, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(addr, 4096) == RAM_START + 4096);
	pb_dma_unmap_phys(&dev, addr, 8192, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(addr, 4096) == UINT64_MAX);
	domain_down();
}

/* What was never used is in no IOTLB, and faults even so. */
static void in_deferred_mode_a_device_still_reaches_what_it_used(void **state)
{
	struct physbio_iommu_stats stats;
	pb_dma_addr_t addr, next;

	domain_up(IOVA_SIZE);
	assert_int_equal(physbio_iommu_set_deferred(iommu, 4), 0);
	addr = pb_dma_map_phys(&dev, RAM_START, 8192, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(addr, 0) == RAM_START);
	pb_dma_unmap_phys(&dev, addr, 8192, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(addr, 5) == RAM_START + 5);
	assert_true(hits(addr, 4096) == UINT64_MAX);
	/* the address is nobody else's meanwhile */
	next = pb_dma_map_phys(&dev, RAM_START + 65536, 8192, PB_DMA_TO_DEVICE,
			       0);
	assert_true(physbio_dma_value(next) != physbio_dma_value(addr));
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.ranges, 2);
	assert_int_equal(stats.waiting, 1);
	assert_int_equal(stats.flushes, 0);
	physbio_iommu_flush(iommu);
	assert_true(hits(addr, 5) == UINT64_MAX);
	pb_dma_unmap_phys(&dev, next, 8192, PB_DMA_TO_DEVICE, 0);
	physbio_iommu_flush(iommu);
	physbio_iommu_flush(iommu); /* nothing waits */
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.waiting, 0);
	assert_int_equal(stats.flushes, 2);
	domain_down();
}

static void a_full_flush_queue_is_flushed(void **state)
{
	struct physbio_iommu_stats stats;
	struct pb_dma_iova_state st;
	pb_dma_addr_t addr = PB_DMA_MAPPING_ERROR;
	unsigned int i;

	domain_up(IOVA_SIZE);
	assert_int_equal(physbio_iommu_set_deferred(iommu, 3), 0);
	for (i = 0; i < 3; i++) {
		physbio_iommu_stats(iommu, &stats);
		assert_int_equal(stats.waiting, i);
		assert_true(
			pb_dma_iova_try_alloc(&dev, &st, RAM_START, GRANULE));
		assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START, 0,
						  GRANULE, PB_DMA_TO_DEVICE, 0),
				 0);
		addr = st.addr;
		assert_true(hits(addr, 0) == RAM_START);
		pb_dma_iova_destroy(&dev, &st, GRANULE, PB_DMA_TO_DEVICE, 0);
	}
	assert_true(hits(addr, 0) == UINT64_MAX);
	physbio_iommu_stats(iommu, &stats);
	assert_int_equal(stats.flushes, 1);
	domain_down();
}

/* Addresses that stay may be linked again: there is nothing to wait for. */
static void a_part_that_is_unlinked_is_forgotten_at_once(void **state)
{
	struct pb_dma_iova_state st;

	domain_up(IOVA_SIZE);
	assert_int_equal(physbio_iommu_set_deferred(iommu, 4), 0);
	assert_true(pb_dma_iova_try_alloc(&dev, &st, RAM_START, GRANULE));
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START, 0, GRANULE,
					  PB_DMA_TO_DEVICE, 0),
			 0);
	assert_true(hits(st.addr, 0) == RAM_START);
	pb_dma_iova_unlink(&dev, &st, 0, GRANULE, PB_DMA_TO_DEVICE, 0);
	assert_true(hits(st.addr, 0) == UINT64_MAX);
	pb_dma_iova_free(&dev, &st);
	domain_down();
}

static void addresses_that_wait_are_missed(void **state)
{
	pb_dma_addr_t addr;

	domain_up(GRANULE);
	assert_int_equal(physbio_iommu_set_deferred(iommu, 2), 0);
	addr = pb_dma_map_phys(&dev, RAM_START, 512, PB_DMA_TO_DEVICE, 0);
	pb_dma_unmap_phys(&dev, addr, 512, PB_DMA_TO_DEVICE, 0);
	addr = pb_dma_map_phys(&dev, RAM_START, 512, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), -ENOMEM);
	/* to be strict again is to flush */
	assert_int_equal(physbio_iommu_set_deferred(iommu, 0), 0);
	addr = pb_dma_map_phys(&dev, RAM_START, 512, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), 0);
	pb_dma_unmap_phys(&dev, addr, 512, PB_DMA_TO_DEVICE, 0);
	domain_down();
}

/* --- no memory --- */

static void a_domain_needs_memory(void **state)
{
	struct physbio_iommu *made = NULL;

	for (call_fails = 1; call_fails <= 3; call_fails++) {
		unsigned int nth = call_fails;

		assert_int_equal(physbio_iommu_create(GRANULE, IOVA_START,
						      IOVA_SIZE, &made),
				 -ENOMEM);
		assert_null(made);
		call_fails = nth;
	}
	call_fails = 0;
	domain_up(IOVA_SIZE);
	call_fails = 1;
	assert_int_equal(physbio_iommu_set_deferred(iommu, 4), -ENOMEM);
	domain_down();
}

/* Two tables' borders and three levels: every allocation fails once. */
static void a_table_that_cannot_be_made_leaves_nothing(void **state)
{
	unsigned int nth, failed = 0;
	pb_dma_addr_t addr;

	for (nth = 1;; nth++) {
		domain_up(IOVA_SIZE);
		call_fails = nth;
		addr = pb_dma_map_phys(&dev, RAM_START, 1 << 20,
				       PB_DMA_TO_DEVICE, 0);
		if (!pb_dma_mapping_error(&dev, addr))
			break;
		assert_int_equal(call_fails, 0);
		failed++;
		domain_down();
	}
	assert_true(failed >= 4);
	call_fails = 0;
	pb_dma_unmap_phys(&dev, addr, 1 << 20, PB_DMA_TO_DEVICE, 0);
	domain_down();
}

/* A translator whose n'th link fails. */
static unsigned int link_fails;
static int link_error;

static int failing_link(const struct pb_device *d, uint64_t at,
			pb_phys_addr_t phys, uint64_t size,
			enum pb_dma_data_direction dir, unsigned long attrs)
{
	static struct physbio_xlate inner;
	struct pb_device to = *d;

	if (!--link_fails)
		return link_error;
	physbio_xlate_init_iommu(&inner, iommu);
	to.xlate = &inner;
	return inner.ops->iova_link(&to, at, phys, size, dir, attrs);
}

static void an_error_of_any_link_undoes_the_others(void **state)
{
	const struct range r[] = {
		{ 0, 4096 }, { 65536, 4096 }, { 131072, 4096 }, { 196608, 512 }
	};
	static const int errors[] = { -ENOMEM, -ENOSPC, -EFAULT, -EPERM,
				      -EADDRINUSE };
	struct physbio_xlate_ops ops;
	unsigned int nth, deferred;

	/* nothing would offer it again: the request fails, whatever it was */
	for (nth = 1; nth <= 4; nth++) {
		for (deferred = 0; deferred < 2; deferred++) {
			domain_up(IOVA_SIZE);
			assert_int_equal(
				physbio_iommu_set_deferred(iommu, deferred * 4),
				0);
			ops = *xlate.ops;
			ops.iova_link = failing_link;
			xlate.ops = &ops;
			submit(&wide, r, 4);
			link_fails = nth;
			link_error = errors[(nth + deferred) % 5];
			assert_false(pb_blk_rq_dma_map_iter_start(
				kept[0], &dev, &iova, &iter));
			assert_int_equal(pb_blk_status_to_errno(iter.status),
					 -EIO);
			assert_false(pb_dma_use_iova(&iova));
			physbio_iommu_flush(iommu);
			down();
		}
	}
}

/* Which of mainline's two errors it is says nothing: each range on its own, then. */
static void a_cut_within_a_granule_has_either_error(void **state)
{
	const struct range r[] = { { 0, 4096 }, { 65536, 4096 } };
	static const int errors[] = { -EINVAL, -EIO };
	struct physbio_xlate_ops ops;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		domain_up(IOVA_SIZE);
		ops = *xlate.ops;
		ops.iova_link = failing_link;
		xlate.ops = &ops;
		submit(&wide, r, 2);
		link_fails = 2;
		link_error = errors[i];
		map_two_ranges(kept[0]);
		down();
	}
}

/* --- several threads --- */

#define NR_THREADS 4

/* Each maps and unmaps its own page and always finds it. */
static void *use_domain(void *arg)
{
	pb_phys_addr_t phys = RAM_START + (uintptr_t)arg * 65536;
	uintptr_t wrong = 0;
	unsigned int i;

	for (i = 0; i < 500; i++) {
		pb_dma_addr_t addr = pb_dma_map_phys(&dev, phys + i % 4096,
						     4096, PB_DMA_TO_DEVICE, 0);

		wrong += hits(addr, 0) != phys + i % 4096;
		wrong += hits(addr, 4095) != phys + i % 4096 + 4095;
		pb_dma_unmap_phys(&dev, addr, 4096, PB_DMA_TO_DEVICE, 0);
		if (i % 50 == 49)
			physbio_iommu_flush(iommu);
	}
	return (void *)wrong;
}

static void threads_share_a_domain(void **state)
{
	pthread_t threads[NR_THREADS];
	unsigned int deferred;
	uintptr_t i;

	for (deferred = 0; deferred < 2; deferred++) {
		domain_up(IOVA_SIZE);
		assert_int_equal(
			physbio_iommu_set_deferred(iommu, deferred * 7), 0);
		for (i = 0; i < NR_THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
							use_domain, (void *)i),
					 0);
		for (i = 0; i < NR_THREADS; i++) {
			void *wrong;

			pthread_join(threads[i], &wrong);
			assert_null(wrong);
		}
		physbio_iommu_flush(iommu);
		domain_down();
	}
}

static void random_requests_reach_their_bytes(void **state)
{
	unsigned int seed = 7, round, i;

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 2000; round++) {
		struct pb_dma_iova_state st;
		struct pb_blk_dma_iter it;
		struct pb_req_iterator req_iter;
		pb_dma_addr_t addrs[16];
		uint32_t lens[16], n = 0, at = 0, in = 0;
		struct range r[8];
		unsigned int nr = 1 + (unsigned)rand() % 8;
		struct pb_bio_vec bv;

		for (i = 0; i < nr; i++) {
			bool whole = rand() % 4;

			r[i].at = ((unsigned)rand() % 64) * 4096 * 2 +
				  (whole ? 0 : 512 * ((unsigned)rand() % 8));
			r[i].len = whole ? 4096 : 512;
		}
		domain_up(IOVA_SIZE);
		submit(&wide, r, nr);
		assert_int_equal(nr_kept, 1);
		assert_true(
			pb_blk_rq_dma_map_iter_start(kept[0], &dev, &st, &it));
		do {
			addrs[n] = it.addr;
			lens[n++] = it.len;
		} while (pb_blk_rq_dma_map_iter_next(kept[0], &dev, &it));
		assert_int_equal(pb_blk_status_to_errno(it.status), 0);
		pb_rq_for_each_bvec(bv, kept[0], req_iter) {
			uint64_t paddr = pb_bvec_addr_bits(pb_bvec_addr(&bv));

			for (i = 0; i < bv.bv_len; i += 256, at += 256) {
				if (at == lens[in]) {
					in++;
					at = 0;
				}
				assert_true(hits(addrs[in], at) == paddr + i);
			}
		}
		if (!pb_blk_rq_dma_unmap(kept[0], &dev, &st, lens[0], it.map))
			for (i = 0; i < n; i++)
				pb_dma_unmap_phys(&dev, addrs[i], lens[i],
						  PB_DMA_TO_DEVICE, 0);
		down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_that_fit_no_domain_are_refused),
		cmocka_unit_test(a_range_is_mapped_and_gone),
		cmocka_unit_test(addresses_run_out),
		cmocka_unit_test(addresses_stay_within_the_mask),
		cmocka_unit_test(a_narrow_mask_costs_the_others_nothing),
		cmocka_unit_test(many_small_ranges_become_a_large_one),
		cmocka_unit_test(random_ranges_never_share_an_address),
		cmocka_unit_test(only_the_ends_may_be_within_a_granule),
		cmocka_unit_test(ranges_that_meet_become_one),
		cmocka_unit_test(a_gap_keeps_them_apart),
		cmocka_unit_test(falling_back_leaves_no_stale_state),
		cmocka_unit_test(an_error_half_way_leaks_no_link),
		cmocka_unit_test(without_its_gap_bit_a_fragment_is_not_mapped),
		cmocka_unit_test(
			without_its_gap_bit_a_fragment_is_mapped_all_the_same),
		cmocka_unit_test(with_its_gap_bit_a_fragment_needs_no_fallback),
		cmocka_unit_test(a_device_that_trusts_it_reads_other_bytes),
		cmocka_unit_test(with_its_gap_bit_it_is_mapped_in_two),
		cmocka_unit_test(
			in_strict_mode_what_is_unmapped_faults_at_once),
		cmocka_unit_test(
			in_deferred_mode_a_device_still_reaches_what_it_used),
		cmocka_unit_test(a_full_flush_queue_is_flushed),
		cmocka_unit_test(a_part_that_is_unlinked_is_forgotten_at_once),
		cmocka_unit_test(addresses_that_wait_are_missed),
		cmocka_unit_test(a_domain_needs_memory),
		cmocka_unit_test(a_table_that_cannot_be_made_leaves_nothing),
		cmocka_unit_test(an_error_of_any_link_undoes_the_others),
		cmocka_unit_test(a_cut_within_a_granule_has_either_error),
		cmocka_unit_test(threads_share_a_domain),
		cmocka_unit_test(random_requests_reach_their_bytes),
	};

	return cmocka_run_group_tests(tests, mem_up, mem_down);
}
