// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a device can't reach is copied, the right way, and nothing is left behind. */
#include <pthread.h>
#include <stdlib.h>

#include "fixture.h"
#include "no_memory.h"

#include <physbio/bounce.h>
#include <physbio/dma.h>
#include <physbio/iommu.h>
#include <physbio/nvme.h>

#define BAR_START (RAM_START + RAM_PAGES * PG)
#define BAR_PAGES 4
#define POOL_START (RAM_START + 256 * PG)
#define POOL_SIZE 65536u
#define SLOT 2048u

static const struct physbio_region region = {
	.start = BAR_START,
	.size = BAR_PAGES * PG,
	.bus_offset = (uint64_t)0 - 0x1000000,
	.id = 0,
};

/* The device has the pool at 0x1000, and nothing else. */
static const struct physbio_window pool_window = { POOL_START, POOL_SIZE,
						   0x1000 };

static struct physbio_bounce *pool;
static uint64_t window_index[PHYSBIO_WINDOW_INDEX_BYTES(1) / 8];
static struct physbio_xlate inner, xlate;
static struct pb_device dev;

static int all_up(void **state)
{
	const struct physbio_mem_range ranges[] = {
		{ RAM_START, RAM_PAGES * PG, PHYSBIO_MEM_RAM, -1, NULL },
		{ BAR_START, BAR_PAGES * PG, PHYSBIO_MEM_BAR, -1, &region },
	};

	return physbio_mem_create(ranges, 2, &mem, NULL);
}

static void pool_up(void)
{
	assert_int_equal(physbio_bounce_create(mem, POOL_START, POOL_SIZE, SLOT,
					       &pool),
			 0);
	assert_int_equal(physbio_xlate_init_windows(&inner, &pool_window, 1,
						    window_index),
			 0);
	assert_int_equal(physbio_xlate_init_bounce(&xlate, &inner, pool), 0);
	memset(&dev, 0, sizeof(dev));
	dev.xlate = &xlate;
	dev.dma_mask = UINT64_MAX;
	dev.min_align_mask = 4095;
}

static struct physbio_bounce_stats stats(void)
{
	struct physbio_bounce_stats s;

	physbio_bounce_stats(pool, &s);
	return s;
}

static void pool_down(void)
{
	assert_int_equal(stats().slots, 0);
	physbio_bounce_destroy(pool);
	pool = NULL;
}

static unsigned char buf[65536];

static void fill(pb_phys_addr_t at, uint32_t len, int byte)
{
	memset(buf, byte, len);
	assert_int_equal(physbio_mem_write(mem, at, buf, len), 0);
}

/* Is all of a range that byte? */
static bool is_all(pb_phys_addr_t at, uint32_t len, int byte)
{
	uint32_t i = 0;

	assert_int_equal(physbio_mem_read(mem, at, buf, len), 0);
	while (i < len && buf[i] == byte)
		i++;
	return i == len;
}

/* Where in the pool the device finds its copy. */
static pb_phys_addr_t copy_at(pb_dma_addr_t addr)
{
	return POOL_START + (pb_phys_addr_t)(physbio_dma_value(addr) - 0x1000);
}

static void pools_that_cannot_be_are_refused(void **state)
{
	static const struct {
		pb_phys_addr_t start;
		uint64_t size;
		uint32_t slot;
		int err;
	} cases[] = {
		{ POOL_START, POOL_SIZE, 256, -EINVAL },
		{ POOL_START, POOL_SIZE, 3000, -EINVAL },
		{ POOL_START, 262144, 131072, -EINVAL },
		{ POOL_START, 0, 2048, -EINVAL },
		{ POOL_START, 3000, 2048, -EINVAL },
		{ POOL_START + 2048, 4096, 2048, -EINVAL },
		{ POOL_START, UINT64_MAX & ~UINT64_C(4095), 4096, -EINVAL },
		{ BAR_START, 4096, 2048, -EFAULT },
		{ RAM_START - 65536, 65536, 2048, -EFAULT },
		{ BAR_START - 65536, 2 * 65536, 2048, -EFAULT },
	};
	struct physbio_bounce *made = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (physbio_bounce_create(mem, cases[i].start, cases[i].size,
					  cases[i].slot, &made) != cases[i].err)
			fail_msg("case %u", i);
	assert_null(made);
}

static void a_pool_needs_memory(void **state)
{
	call_fails = 1;
	assert_int_equal(physbio_bounce_create(mem, POOL_START, POOL_SIZE, SLOT,
					       &pool),
			 -ENOMEM);
	assert_null(pool);
}

static void translators_that_cannot_bounce_are_refused(void **state)
{
	const struct physbio_window half = { POOL_START, POOL_SIZE / 2, 0 };
	struct physbio_xlate x, before, outer;

	pool_up();
	memset(&outer, 0x55, sizeof(outer));
	before = outer;
	/* the pool must be at one range of bus addresses */
	assert_int_equal(physbio_xlate_init_windows(&x, &half, 1, window_index),
			 0);
	assert_int_equal(physbio_xlate_init_bounce(&outer, &x, pool), -EINVAL);
	/* and nothing within may have to be undone */
	assert_int_equal(physbio_xlate_init_bounce(&outer, &xlate, pool),
			 -EINVAL);
	assert_memory_equal(&outer, &before, sizeof(outer));
	pool_down();
}

static void what_is_in_reach_is_not_copied(void **state)
{
	const struct physbio_window all = { RAM_START, RAM_PAGES * PG,
					    0x40000000 };
	pb_dma_addr_t addr;

	pool_up();
	assert_int_equal(
		physbio_xlate_init_windows(&inner, &all, 1, window_index), 0);
	assert_int_equal(physbio_xlate_init_bounce(&xlate, &inner, pool), 0);
	addr = pb_dma_map_phys(&dev, RAM_START + 512, 512, PB_DMA_TO_DEVICE, 0);
	assert_true(physbio_dma_value(addr) == 0x40000200);
	assert_int_equal(stats().maps, 0);
	pb_dma_unmap_phys(&dev, addr, 512, PB_DMA_TO_DEVICE, 0);
	/* until the mask says that it isn't */
	dev.dma_mask = 0x40000000 + 256 * PG + POOL_SIZE - 1;
	addr = pb_dma_map_phys(&dev, POOL_START + POOL_SIZE, 512,
			       PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), 0);
	assert_true(physbio_dma_value(addr) <= dev.dma_mask);
	assert_int_equal(stats().maps, 1);
	pb_dma_unmap_phys(&dev, addr, 512, PB_DMA_TO_DEVICE, 0);
	pool_down();
}

/* Which copies are made, and what the buffer and the copy hold afterwards. */
static void data_are_copied_the_way_they_go(void **state)
{
	static const struct {
		enum pb_dma_data_direction dir;
		int buffer; /* at the end; the device wrote 'd' */
	} cases[] = {
		{ PB_DMA_TO_DEVICE, 'b' },
		{ PB_DMA_FROM_DEVICE, 'd' },
		{ PB_DMA_BIDIRECTIONAL, 'd' },
	};
	static const uint32_t lens[] = { 1, 512, 2048, 2049, 5000, 40000 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (j = 0; j < ARRAY_SIZE(lens); j++) {
			pb_phys_addr_t at = RAM_START + 700;
			pb_dma_addr_t addr;

			pool_up();
			fill(at - 1, lens[j] + 2, 'n');
			fill(at, lens[j], 'b');
			addr = pb_dma_map_phys(&dev, at, lens[j], cases[i].dir,
					       0);
			assert_int_equal(pb_dma_mapping_error(&dev, addr), 0);
			/* also before a read: it may be a short one */
			assert_true(is_all(copy_at(addr), lens[j], 'b'));
			fill(copy_at(addr), lens[j], 'd');
			pb_dma_unmap_phys(&dev, addr, lens[j], cases[i].dir, 0);
			assert_true(is_all(at, lens[j], cases[i].buffer));
			/* its neighbours are as they were */
			assert_true(is_all(at - 1, 1, 'n'));
			assert_true(is_all(at + lens[j], 1, 'n'));
			assert_int_equal(stats().bytes_in, lens[j]);
			assert_int_equal(
				stats().bytes_out,
				cases[i].dir == PB_DMA_TO_DEVICE ? 0 : lens[j]);
			pool_down();
		}
	}
}

static void a_copy_keeps_the_offset_and_takes_few_slots(void **state)
{
	static const struct {
		uint32_t mask, at, len, slots;
	} cases[] = {
		{ 0, 700, 512, 1 },	     { 0, 700, 2048, 1 },
		{ 0, 700, 2049, 2 },	     { 4095, 0, 4096, 2 },
		{ 4095, 700, 512, 1 },	     { 4095, 700, 1348, 1 },
		{ 4095, 700, 1349, 2 },	     { 4095, 2048, 512, 1 },
		{ 4095, 4095, 1, 1 },	     { 4095, 4095, 2, 2 },
		{ 511, 700, 2048 - 188, 1 }, { 511, 700, 2048 - 187, 2 },
	};
	pb_dma_addr_t other, addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pool_up();
		/* not the first slot */
		other = pb_dma_map_phys(&dev, RAM_START, 100, PB_DMA_TO_DEVICE,
					0);
		dev.min_align_mask = cases[i].mask;
		addr = pb_dma_map_phys(&dev, RAM_START + cases[i].at,
				       cases[i].len, PB_DMA_TO_DEVICE, 0);
		if ((physbio_dma_value(addr) ^ cases[i].at) & cases[i].mask)
			fail_msg("case %u: offset", i);
		if (stats().slots != 1 + cases[i].slots)
			fail_msg("case %u: %lu slots", i, stats().slots - 1);
		pb_dma_unmap_phys(&dev, addr, cases[i].len, PB_DMA_TO_DEVICE,
				  0);
		pb_dma_unmap_phys(&dev, other, 100, PB_DMA_TO_DEVICE, 0);
		pool_down();
	}
}

static void slots_run_out_and_come_back(void **state)
{
	pb_dma_addr_t addrs[POOL_SIZE / SLOT], addr;
	unsigned int i;

	pool_up();
	dev.min_align_mask = 0;
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		addrs[i] = pb_dma_map_phys(&dev, RAM_START, SLOT,
					   PB_DMA_TO_DEVICE, 0);
		assert_int_equal(pb_dma_mapping_error(&dev, addrs[i]), 0);
	}
	addr = pb_dma_map_phys(&dev, RAM_START, 1, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), -ENOMEM);
	assert_int_equal(stats().refused, 1);
	/* every other one is free: no two in a row */
	for (i = 0; i < ARRAY_SIZE(addrs); i += 2)
		pb_dma_unmap_phys(&dev, addrs[i], SLOT, PB_DMA_TO_DEVICE, 0);
	addr = pb_dma_map_phys(&dev, RAM_START, SLOT + 1, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), -ENOMEM);
	addr = pb_dma_map_phys(&dev, RAM_START, SLOT, PB_DMA_TO_DEVICE, 0);
	assert_true(addr == addrs[0]);
	pb_dma_unmap_phys(&dev, addr, SLOT, PB_DMA_TO_DEVICE, 0);
	for (i = 1; i < ARRAY_SIZE(addrs); i += 2)
		pb_dma_unmap_phys(&dev, addrs[i], SLOT, PB_DMA_TO_DEVICE, 0);
	/* more than there ever is */
	addr = pb_dma_map_phys(&dev, RAM_START, POOL_SIZE + 1, PB_DMA_TO_DEVICE,
			       0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), -ENOMEM);
	pool_down();
}

static void a_pool_beyond_the_mask_is_no_help(void **state)
{
	pb_dma_addr_t addr;

	pool_up();
	dev.dma_mask = 0xfff;
	addr = pb_dma_map_phys(&dev, RAM_START, 16, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), -ENOMEM);
	/* the first slot, and no more */
	dev.dma_mask = 0x1000 + SLOT - 1;
	addr = pb_dma_map_phys(&dev, RAM_START, SLOT, PB_DMA_TO_DEVICE, 0);
	assert_true(physbio_dma_value(addr) == 0x1000);
	assert_int_equal(pb_dma_mapping_error(
				 &dev, pb_dma_map_phys(&dev, RAM_START, 16,
						       PB_DMA_TO_DEVICE, 0)),
			 -ENOMEM);
	assert_int_equal(stats().maps, 1); /* none was taken in vain */
	pb_dma_unmap_phys(&dev, addr, SLOT, PB_DMA_TO_DEVICE, 0);
	pool_down();
}

static void memory_without_bytes_takes_no_slot(void **state)
{
	pb_dma_addr_t addr;

	pool_up();
	addr = pb_dma_map_phys(&dev, RAM_START - 4096, 4096, PB_DMA_TO_DEVICE,
			       0);
	assert_int_equal(pb_dma_mapping_error(&dev, addr), -ENOMEM);
	assert_int_equal(stats().bytes_in, 0);
	pool_down();
}

static void only_what_was_bounced_is_unmapped(void **state)
{
	const struct physbio_bounce_place place = { 0, false, UINT64_MAX };
	pb_phys_addr_t slot;

	pool_up();
	assert_false(physbio_bounce_unmap(pool, RAM_START, PB_DMA_TO_DEVICE));
	assert_false(physbio_bounce_unmap(pool, POOL_START, PB_DMA_TO_DEVICE));
	assert_int_equal(physbio_bounce_map(pool, RAM_START, 16, &place, &slot),
			 0);
	assert_int_equal(physbio_bounce_map(pool, RAM_START, UINT64_MAX, &place,
					    &slot),
			 -ENOSPC);
	assert_int_equal(physbio_bounce_map(pool, RAM_START - PG, 16, &place,
					    &slot),
			 -EFAULT);
	assert_true(physbio_bounce_unmap(pool, slot, PB_DMA_TO_DEVICE));
	assert_false(physbio_bounce_unmap(pool, slot, PB_DMA_TO_DEVICE));
	pool_down();
}

/* A copy that keeps more bits than a slot has lies behind its first slot. */
static void any_address_of_a_copy_gives_it_back(void **state)
{
	const struct physbio_bounce_place place = { 4095, true, UINT64_MAX };
	pb_phys_addr_t slot, at[3];
	unsigned int i;

	pool_up();
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		assert_int_equal(physbio_bounce_map(pool, RAM_START + 3000, 100,
						    &place, &slot),
				 0);
		assert_int_equal(slot & 4095, 3000);
		assert_int_equal(stats().slots, 4096 / SLOT);
		at[0] = slot & ~(pb_phys_addr_t)4095;
		at[1] = slot;
		at[2] = at[0] + 4095;
		assert_true(
			physbio_bounce_unmap(pool, at[i], PB_DMA_TO_DEVICE));
		assert_int_equal(stats().slots, 0);
		assert_false(
			physbio_bounce_unmap(pool, at[i], PB_DMA_TO_DEVICE));
	}
	pool_down();
}

/* --- requests --- */

static struct test_queue tq;
static struct test_bio tb;

static uint64_t list_mem[PB_NVME_MAX_LIST_PAGES][PB_NVME_PRPS_PER_PAGE];
static struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
static struct pb_nvme_range nvme_ranges[PB_NVME_MAX_SEGS];
static struct pb_nvme_iod iod;

static void build(const struct physbio_region *of, const struct range *r,
		  unsigned int n)
{
	const struct pb_queue_limits lim = {
		.features = PB_BLK_FEAT_PCI_P2PDMA,
		.max_hw_sectors = 4096,
		.virt_boundary_mask = 4095,
		.dma_alignment = 3,
	};
	unsigned int i;

	test_queue_up(&tq, &lim, 2);
	test_bio_init(&tb, PB_REQ_OP_READ, 0);
	tb.bio.bi_bdev = &tq.bdev;
	assert_int_equal(physbio_bio_set_region(&tb.bio, of), 0);
	for (i = 0; i < n; i++)
		test_bio_add(&tb, r[i].at, r[i].len);
	pb_submit_bio(&tb.bio);
	assert_int_equal(nr_kept, 1);
	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		lists[i] = (struct pb_nvme_list_page){
			list_mem[i],
			physbio_dma_make(0x70000000 + i * 4096),
		};
	iod = (struct pb_nvme_iod){ .lists = lists,
				    .ranges = nvme_ranges,
				    .max_ranges = PB_NVME_MAX_SEGS };
}

static void request_down(void)
{
	end_kept(PB_BLK_STS_OK);
	test_queue_down(&tq);
}

static int map_request(void)
{
	return pb_blk_status_to_errno(pb_nvme_map_data(kept[0], &dev, &iod));
}

/* PRPs name pages: without its offset in the page a copy could not be described. */
static void a_request_is_described_by_its_copies(void **state)
{
	static const struct range r[] = { { 512, 3584 },
					  { 65536, 8192 },
					  { 131072, 512 } };
	unsigned int i;

	pool_up();
	build(NULL, r, 3);
	for (i = 0; i < 3; i++)
		fill(RAM_START + r[i].at, r[i].len, 'b');
	assert_int_equal(map_request(), 0);
	assert_int_equal(iod.nr_ranges, 3);
	for (i = 0; i < 3; i++)
		fill(copy_at(iod.ranges[i].addr), r[i].len, 'x' + (int)i);
	assert_int_equal(physbio_dma_value(iod.dptr.prp.prp1) & 4095, 512);
	pb_nvme_unmap_data(kept[0], &dev, &iod);
	for (i = 0; i < 3; i++)
		assert_true(
			is_all(RAM_START + r[i].at, r[i].len, 'x' + (int)i));
	request_down();
	pool_down();
}

static void a_request_for_which_slots_run_out_keeps_none(void **state)
{
	static const struct range r[] = { { 0, 32768 },
					  { 65536, 16384 },
					  { 131072, 32768 } };

	pool_up();
	build(NULL, r, 3);
	fill(RAM_START, 32768, 'b');
	assert_int_equal(map_request(), -EIO);
	assert_int_equal(stats().maps, 2);
	assert_int_equal(stats().refused, 1);
	assert_int_equal(stats().slots, 0);
	assert_true(is_all(RAM_START, 32768, 'b'));
	request_down();
	pool_down();
}

static void a_peers_memory_does_not_bounce_by_itself(void **state)
{
	static const uint8_t through[] = { PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE };
	const struct range r = { BAR_START - RAM_START, 4096 };

	pool_up();
	build(&region, &r, 1);
	assert_int_equal(map_request(), -EREMOTEIO);
	/* nor where the host bridge takes it, and no window does */
	physbio_xlate_set_p2p(&xlate, through, 1);
	assert_int_equal(map_request(), -EIO);
	assert_int_equal(stats().maps, 0);
	request_down();
	pool_down();
}

/* The BAR has an address that the device could be told, and that is not its own. */
static void by_policy_a_peer_out_of_reach_is_copied(void **state)
{
	const struct range r = { BAR_START - RAM_START, 4096 };

	pool_up();
	physbio_xlate_init_identity(&inner);
	assert_int_equal(physbio_xlate_init_bounce(&xlate, &inner, pool), 0);
	xlate.bounce_p2p = true;
	assert_int_equal(physbio_p2p_state(&dev, &region),
			 PHYSBIO_P2PDMA_MAP_BOUNCE);
	build(&region, &r, 1);
	fill(BAR_START, 4096, 'b');
	assert_int_equal(map_request(), 0);
	assert_int_equal(stats().bytes_in, 4096);
	assert_true(physbio_dma_value(iod.dptr.prp.prp1) >= POOL_START &&
		    physbio_dma_value(iod.dptr.prp.prp1) <
			    POOL_START + POOL_SIZE);
	fill((pb_phys_addr_t)physbio_dma_value(iod.dptr.prp.prp1), 4096, 'd');
	pb_nvme_unmap_data(kept[0], &dev, &iod);
	assert_true(is_all(BAR_START, 4096, 'd'));
	request_down();
	pool_down();
}

/* Also where they are said after the pool was put before the windows. */
static void what_holds_for_peers_holds_before_a_pool(void **state)
{
	static const struct physbio_region own = { BAR_START, PG, 0, 0 };
	const pb_phys_addr_t peer = 0x7f000000;
	bool late;

	for (late = false;; late = true) {
		struct physbio_xlate windows, x;
		unsigned char index[PHYSBIO_WINDOW_INDEX_BYTES(1)]
			__attribute__((aligned(8)));
		struct pb_device d = { .dma_mask = UINT64_MAX };

		pool_up();
		assert_int_equal(physbio_xlate_init_windows(
					 &windows, &pool_window, 1, index),
				 0);
		windows.mmio_identity = !late;
		physbio_xlate_set_own_bar(&windows, late ? NULL : &own);
		assert_int_equal(physbio_xlate_init_bounce(&x, &windows, pool),
				 0);
		if (late) {
			d.xlate = &x;
			assert_int_equal(
				pb_dma_mapping_error(
					&d, pb_dma_map_phys(&d, peer, 512,
							    PB_DMA_TO_DEVICE,
							    PB_DMA_ATTR_MMIO)),
				-ENOMEM);
			x.mmio_identity = true;
			physbio_xlate_set_own_bar(&x, &own);
		}
		d.xlate = &x;
		assert_true(physbio_dma_value(pb_dma_map_phys(
				    &d, peer, 512, PB_DMA_TO_DEVICE,
				    PB_DMA_ATTR_MMIO)) == peer);
		assert_int_equal(physbio_p2p_state(&d, &own),
				 PHYSBIO_P2PDMA_MAP_OWN_BAR);
		d.dma_mask = peer;
		assert_int_equal(pb_dma_mapping_error(
					 &d, pb_dma_map_phys(&d, peer, 512,
							     PB_DMA_TO_DEVICE,
							     PB_DMA_ATTR_MMIO)),
				 -ENOMEM);
		pool_down();
		if (late)
			break;
	}
}

/* --- untrusted devices --- */

static struct physbio_iommu *iommu;

static void domain_up(void)
{
	pool_up();
	assert_int_equal(
		physbio_iommu_create(4096, 0x100000, 0x1000000, &iommu), 0);
	physbio_xlate_init_iommu(&xlate, iommu);
	physbio_xlate_set_untrusted(&xlate, pool);
}

static void domain_down(void)
{
	struct physbio_iommu_stats s;

	physbio_iommu_stats(iommu, &s);
	assert_int_equal(s.pages, 0);
	assert_int_equal(s.ranges, 0);
	physbio_iommu_destroy(iommu);
	pool_down();
}

static pb_phys_addr_t seen(pb_dma_addr_t addr, uint64_t offset)
{
	pb_phys_addr_t paddr = 0;

	assert_true(physbio_iommu_lookup(
		iommu, physbio_dma_value(addr) + offset, &paddr));
	return paddr;
}

/* Or what it still reaches is the slot of whoever is next. */
static void an_untrusted_device_is_unmapped_at_once(void **state)
{
	struct physbio_iommu_stats s;
	pb_phys_addr_t paddr;
	pb_dma_addr_t addr;

	domain_up();
	assert_int_equal(physbio_iommu_set_deferred(iommu, 4), 0);
	addr = pb_dma_map_phys(&dev, RAM_START + 512, 1024, PB_DMA_FROM_DEVICE,
			       0);
	assert_true(seen(addr, 0) >= POOL_START);
	pb_dma_unmap_phys(&dev, addr, 1024, PB_DMA_FROM_DEVICE, 0);
	assert_int_equal(physbio_iommu_lookup(iommu, physbio_dma_value(addr),
					      &paddr),
			 0);
	physbio_iommu_stats(iommu, &s);
	assert_int_equal(s.waiting, 0);
	domain_down();
}

/* What the device sees around its data is zero; what it writes there goes nowhere. */
static void an_untrusted_device_sees_only_its_data(void **state)
{
	static const struct {
		uint32_t at, len, copied;
	} cases[] = {
		{ 0, 8192, 0 },	      { 512, 512, 512 },
		{ 512, 3584, 3584 },  { 0, 512, 512 },
		{ 0, 4608, 512 },     { 512, 8192, 3584 + 512 },
		{ 3584, 1024, 1024 }, { 4095, 4098, 2 },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t at = cases[i].at, len = cases[i].len;
		pb_dma_addr_t addr;

		domain_up();
		fill(RAM_START, 16384, 's'); /* a secret */
		fill(RAM_START + at, len, 'b');
		addr = pb_dma_map_phys(&dev, RAM_START + at, len,
				       PB_DMA_FROM_DEVICE, 0);
		assert_int_equal(pb_dma_mapping_error(&dev, addr), 0);
		assert_int_equal(stats().bytes_in, cases[i].copied);
		for (j = 0; j < len; j++)
			assert_true(is_all(seen(addr, j), 1, 'b'));
		for (j = 0; j < at % 4096; j++)
			assert_true(is_all(seen(addr, -(uint64_t)j - 1), 1, 0));
		for (j = at + len; j % 4096; j++)
			assert_true(is_all(seen(addr, j - at), 1, 0));
		for (j = 0; j < len; j++)
			fill(seen(addr, j), 1, 'd');
		pb_dma_unmap_phys(&dev, addr, len, PB_DMA_FROM_DEVICE, 0);
		assert_true(is_all(RAM_START + at, len, 'd'));
		assert_true(!at || is_all(RAM_START, at, 's'));
		assert_true(is_all(RAM_START + at + len, 64, 's'));
		domain_down();
	}
}

static void an_untrusted_devices_ends_bounce_among_links(void **state)
{
	struct pb_dma_iova_state st;

	domain_up();
	fill(RAM_START, 16384, 'b');
	assert_true(pb_dma_iova_try_alloc(&dev, &st, RAM_START + 512,
					  3584 + 4096 + 100));
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 512, 0, 3584,
					  PB_DMA_FROM_DEVICE, 0),
			 0);
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 65536, 3584,
					  4096, PB_DMA_FROM_DEVICE, 0),
			 0);
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START + 8192,
					  3584 + 4096, 100, PB_DMA_FROM_DEVICE,
					  0),
			 0);
	assert_int_equal(stats().bytes_in, 3684);
	fill(seen(st.addr, 0), 3584, 'x');
	fill(seen(st.addr, 7680), 100, 'y');
	pb_dma_iova_destroy(&dev, &st, 7780, PB_DMA_FROM_DEVICE, 0);
	assert_true(is_all(RAM_START + 512, 3584, 'x'));
	assert_true(is_all(RAM_START + 8192, 100, 'y'));
	domain_down();
}

static void a_peers_memory_is_not_copied_for_an_untrusted_device(void **state)
{
	struct pb_dma_iova_state st;

	domain_up();
	assert_true(pb_dma_iova_try_alloc(&dev, &st, BAR_START, 512));
	assert_int_equal(pb_dma_iova_link(&dev, &st, BAR_START, 0, 512,
					  PB_DMA_FROM_DEVICE, PB_DMA_ATTR_MMIO),
			 -EPERM);
	pb_dma_iova_destroy(&dev, &st, 0, PB_DMA_FROM_DEVICE, PB_DMA_ATTR_MMIO);
	domain_down();
}

/* Head, whole granules, tail: each of them fails once, by slots or by tables. */
static void a_link_that_fails_gives_its_slots_back(void **state)
{
	struct pb_dma_iova_state st;
	pb_dma_addr_t taken = PB_DMA_MAPPING_ERROR;
	unsigned int free_slots;
	int err;

	for (free_slots = 0; free_slots <= 4; free_slots++) {
		uint32_t len = POOL_SIZE - free_slots * SLOT;
		struct physbio_xlate x;
		struct pb_device other = dev;

		domain_up();
		assert_int_equal(physbio_xlate_init_bounce(&x, &inner, pool),
				 0);
		other.xlate = &x;
		other.dma_mask = UINT64_MAX;
		taken = pb_dma_map_phys(&other, RAM_START, len,
					PB_DMA_TO_DEVICE, 0);
		assert_int_equal(pb_dma_mapping_error(&other, taken), 0);
		assert_true(pb_dma_iova_try_alloc(&dev, &st, RAM_START + 512,
						  8192));
		err = pb_dma_iova_link(&dev, &st, RAM_START + 512, 0, 8192,
				       PB_DMA_TO_DEVICE, 0);
		assert_int_equal(err, free_slots < 4 ? -ENOSPC : 0);
		pb_dma_iova_destroy(&dev, &st, err ? 0 : 8192, PB_DMA_TO_DEVICE,
				    0);
		assert_int_equal(stats().slots, POOL_SIZE / SLOT - free_slots);
		pb_dma_unmap_phys(&other, taken, len, PB_DMA_TO_DEVICE, 0);
		domain_down();
	}
}

static void tables_that_cannot_be_made_give_slots_back(void **state)
{
	unsigned int nth, failed = 0;
	struct pb_dma_iova_state st;
	int err;

	for (nth = 1, err = -1; err; nth++) {
		domain_up();
		assert_true(pb_dma_iova_try_alloc(&dev, &st, RAM_START + 512,
						  1 << 16));
		call_fails = nth;
		err = pb_dma_iova_link(&dev, &st, RAM_START + 512, 0, 1 << 16,
				       PB_DMA_TO_DEVICE, 0);
		call_fails = 0;
		assert_true(!err || err == -ENOMEM);
		failed += !!err;
		pb_dma_iova_destroy(&dev, &st, err ? 0 : 1 << 16,
				    PB_DMA_TO_DEVICE, 0);
		domain_down();
	}
	assert_true(failed >= 3);
	/* what is there already is somebody's */
	domain_up();
	assert_true(pb_dma_iova_try_alloc(&dev, &st, RAM_START, 512));
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START, 0, 512,
					  PB_DMA_TO_DEVICE, 0),
			 0);
	assert_int_equal(pb_dma_iova_link(&dev, &st, RAM_START, 0, 512,
					  PB_DMA_TO_DEVICE, 0),
			 -EADDRINUSE);
	pb_dma_iova_destroy(&dev, &st, 512, PB_DMA_TO_DEVICE, 0);
	domain_down();
}

/* --- several threads --- */

#define NR_THREADS 4

/* Each bounces its own buffer; the "device" adds one to every byte. */
static void *bounce_own(void *arg)
{
	pb_phys_addr_t at = RAM_START + (uintptr_t)arg * 65536 + 100;
	uintptr_t done = 0;
	unsigned int i, j;

	for (i = 0; i < 300; i++) {
		uint32_t len = 1000 + i * 37 % 9000;
		unsigned char bytes[10000];
		pb_dma_addr_t addr;

		addr = pb_dma_map_phys(&dev, at, len, PB_DMA_BIDIRECTIONAL, 0);
		if (pb_dma_mapping_error(&dev, addr))
			continue; /* the others have all slots */
		physbio_mem_read(mem, copy_at(addr), bytes, len);
		for (j = 0; j < len; j++)
			bytes[j]++;
		physbio_mem_write(mem, copy_at(addr), bytes, len);
		pb_dma_unmap_phys(&dev, addr, len, PB_DMA_BIDIRECTIONAL, 0);
		done++;
	}
	return (void *)done;
}

static void threads_share_a_pool(void **state)
{
	pthread_t threads[NR_THREADS];
	uintptr_t i, total = 0;
	void *done;

	pool_up();
	for (i = 0; i < NR_THREADS; i++) {
		fill(RAM_START + i * 65536, 20000, 0);
		assert_int_equal(pthread_create(&threads[i], NULL, bounce_own,
						(void *)i),
				 0);
	}
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], &done);
		/* the first bytes were in every one of them */
		assert_true(is_all(RAM_START + i * 65536 + 100, 1000,
				   (unsigned char)(uintptr_t)done));
		assert_true(is_all(RAM_START + i * 65536, 100, 0));
		total += (uintptr_t)done;
	}
	assert_int_equal(stats().maps, total);
	assert_int_equal(stats().maps + stats().refused, NR_THREADS * 300);
	pool_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_that_cannot_be_are_refused),
		cmocka_unit_test(a_pool_needs_memory),
		cmocka_unit_test(translators_that_cannot_bounce_are_refused),
		cmocka_unit_test(what_is_in_reach_is_not_copied),
		cmocka_unit_test(data_are_copied_the_way_they_go),
		cmocka_unit_test(a_copy_keeps_the_offset_and_takes_few_slots),
		cmocka_unit_test(slots_run_out_and_come_back),
		cmocka_unit_test(a_pool_beyond_the_mask_is_no_help),
		cmocka_unit_test(memory_without_bytes_takes_no_slot),
		cmocka_unit_test(only_what_was_bounced_is_unmapped),
		cmocka_unit_test(any_address_of_a_copy_gives_it_back),
		cmocka_unit_test(a_request_is_described_by_its_copies),
		cmocka_unit_test(a_request_for_which_slots_run_out_keeps_none),
		cmocka_unit_test(a_peers_memory_does_not_bounce_by_itself),
		cmocka_unit_test(by_policy_a_peer_out_of_reach_is_copied),
		cmocka_unit_test(what_holds_for_peers_holds_before_a_pool),
		cmocka_unit_test(an_untrusted_device_is_unmapped_at_once),
		cmocka_unit_test(an_untrusted_device_sees_only_its_data),
		cmocka_unit_test(an_untrusted_devices_ends_bounce_among_links),
		cmocka_unit_test(
			a_peers_memory_is_not_copied_for_an_untrusted_device),
		cmocka_unit_test(a_link_that_fails_gives_its_slots_back),
		cmocka_unit_test(tables_that_cannot_be_made_give_slots_back),
		cmocka_unit_test(threads_share_a_pool),
	};

	return cmocka_run_group_tests(tests, all_up, mem_down);
}
