// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Translators: what a device is told to put on its bus. */
#include "fixture.h"

#include <physbio/xlate.h>

static pb_dma_addr_t map(const struct pb_device *dev, pb_phys_addr_t paddr,
			 uint64_t len)
{
	return pb_dma_map_phys(dev, paddr, len, PB_DMA_TO_DEVICE, 0);
}

static void the_mask_must_reach_the_last_byte(void **state)
{
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = 0xffff };

	physbio_xlate_init_identity(&x);
	assert_int_equal(pb_dma_mapping_error(&dev, map(&dev, 0xf000, 0x1000)),
			 0);
	assert_int_equal(pb_dma_mapping_error(&dev, map(&dev, 0xf000, 0x1001)),
			 -ENOMEM);
}

static void regions_are_reached_as_the_table_says(void **state)
{
	static const uint8_t map[] = {
		PB_PCI_P2PDMA_MAP_BUS_ADDR,
		PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
		PB_PCI_P2PDMA_MAP_NOT_SUPPORTED,
		PB_PCI_P2PDMA_MAP_UNKNOWN,
	};
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x };
	struct physbio_region r = { .size = 1 };

	physbio_xlate_init_identity(&x);
	assert_int_equal(physbio_p2p_state(&dev, NULL), PB_PCI_P2PDMA_MAP_NONE);
	assert_int_equal(physbio_p2p_state(&dev, &r),
			 PB_PCI_P2PDMA_MAP_NOT_SUPPORTED);
	physbio_xlate_set_p2p(&x, map, ARRAY_SIZE(map));
	for (r.id = 0; r.id < ARRAY_SIZE(map) + 1; r.id++)
		assert_int_equal(physbio_p2p_state(&dev, &r),
				 r.id < 2 ? map[r.id] :
					    PB_PCI_P2PDMA_MAP_NOT_SUPPORTED);
}

/* --- many at once --- */

#define BATCH 8

static struct pb_phys_vec vecs[BATCH];
static pb_dma_addr_t addrs[BATCH];

static int map_batch(const struct pb_device *dev, uint32_t nr,
		     unsigned long attrs)
{
	return physbio_xlate_map_batch(dev, vecs, nr, PB_DMA_TO_DEVICE, attrs,
				       addrs);
}

static void set_vec(unsigned int i, pb_phys_addr_t paddr, uint32_t len)
{
	vecs[i] = (struct pb_phys_vec){ .paddr = paddr, .len = len };
}

static void a_batch_is_mapped_as_each_range(void **state)
{
	static const struct {
		uint64_t mask;
		uint32_t at, len;
		int err;
	} cases[] = {
		{ UINT64_MAX, 0, 1, 0 },       { UINT64_MAX, UINT32_MAX, 1, 0 },
		{ 0xffff, 0xf000, 0x1000, 0 }, { 0xffff, 0xf000, 0x1001, -EIO },
		{ 0xffff, 0x10000, 1, -EIO },  { 0, 0, 1, 0 },
	};
	struct physbio_xlate x;
	struct pb_device dev = { .xlate = &x };
	unsigned int i;

	physbio_xlate_init_identity(&x);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		dev.dma_mask = cases[i].mask;
		set_vec(0, 0, 1);
		set_vec(1, cases[i].at, cases[i].len);
		assert_int_equal(map_batch(&dev, 2, 0), cases[i].err);
		if (!cases[i].err)
			assert_true(physbio_dma_value(addrs[1]) == cases[i].at);
	}
}

static void no_ranges_are_a_batch(void **state)
{
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x };

	physbio_xlate_init_identity(&x);
	assert_int_equal(map_batch(&dev, 0, 0), 0);
}

/* A prototype's translator: it maps up to a number of ranges. */
static unsigned int mapped, most;

static pb_dma_addr_t count_map(const struct pb_device *dev, pb_phys_addr_t phys,
			       uint64_t size, enum pb_dma_data_direction dir,
			       unsigned long attrs)
{
	if (mapped == most)
		return PB_DMA_MAPPING_ERROR;
	mapped++;
	return physbio_dma_make((uint64_t)phys + 0x1000);
}

static void count_unmap(const struct pb_device *dev, pb_dma_addr_t addr,
			uint64_t size, enum pb_dma_data_direction dir,
			unsigned long attrs)
{
	unsigned int i = (unsigned int)(physbio_dma_value(addr) >> 12) - 1;

	/* The one that was mapped so, and not yet undone. */
	assert_int_equal(size, vecs[i].len);
	assert_int_equal(i, --mapped);
}

static const struct physbio_xlate_ops count_ops = {
	.name = "count",
	.map_phys = count_map,
	.unmap_phys = count_unmap,
};

static void a_batch_that_fails_leaves_nothing_mapped(void **state)
{
	const struct physbio_xlate x = { .ops = &count_ops };
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		set_vec(i, i * 0x1000, i + 1);
	for (most = 0; most < BATCH; most++) {
		assert_int_equal(map_batch(&dev, BATCH, 0), -EIO);
		assert_int_equal(mapped, 0);
	}
	assert_int_equal(map_batch(&dev, BATCH, 0), 0);
	assert_int_equal(mapped, BATCH);
	for (i = 0; i < BATCH; i++)
		assert_true(physbio_dma_value(addrs[i]) == (i + 1) * 0x1000);
	mapped = 0;
}

/* --- whose memory it is --- */

static const struct physbio_region r0 = { 0x1000, 0x1000, 0, 0 };
static const struct physbio_region r1 = { 0x2000, 0x800, 0, 1 };
static const struct physbio_region r2 = { 0x8000, 1, 0, 2 };
static const struct physbio_region top = { (pb_phys_addr_t)-4096, 4096, 0, 3 };

static void a_range_is_of_one_region_or_of_none(void **state)
{
	static const struct physbio_region *const regions[] = { &r0, &r1, &r2,
								&top };
	static const struct {
		pb_phys_addr_t at;
		uint64_t size;
		const struct physbio_region *region;
		bool ok;
	} cases[] = {
		{ 0, 0x1000, NULL, true },
		{ 0xfff, 1, NULL, true },
		{ 0xfff, 2, &r0, false },
		{ 0x1000, 0x1000, &r0, true },
		{ 0x1000, 0x1001, &r0, false },
		{ 0x1fff, 1, &r0, true },
		{ 0, 0x10000, NULL, false },
		{ 0x2000, 0x800, &r1, true },
		{ 0x27ff, 2, &r1, false },
		{ 0x2800, 0x5800, NULL, true },
		{ 0x2800, 0x5801, NULL, false },
		{ 0x8000, 1, &r2, true },
		{ 0x8001, 0x1000, NULL, true },
		{ (pb_phys_addr_t)-4096, 4096, &top, true },
		{ (pb_phys_addr_t)-4097, 1, NULL, true },
		{ (pb_phys_addr_t)-4096, 4097, NULL, false }, /* wraps */
	};
	const struct physbio_region *region;
	struct physbio_region_table t;
	unsigned int i;

	assert_int_equal(physbio_region_table_init(&t, regions, 4), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool ok = physbio_region_lookup(&t, cases[i].at, cases[i].size,
						&region);

		if (ok != cases[i].ok || (ok && region != cases[i].region))
			fail_msg("case %u", i);
	}
	assert_int_equal(physbio_region_table_init(&t, NULL, 0), 0);
	assert_true(physbio_region_lookup(&t, 0x1000, 1, &region));
	assert_null(region);
}

static void region_tables_that_contradict_themselves_are_refused(void **state)
{
	static const struct physbio_region empty = { 0x5000, 0, 0, 4 };
	static const struct physbio_region over = { 0x1fff, 1, 0, 5 };
	static const struct physbio_region wraps = { (pb_phys_addr_t)-4096,
						     4097, 0, 6 };
	static const struct physbio_region *const tables[][2] = {
		{ &r1, &r0 },	 { &r0, &r0 },	  { &r0, &over },
		{ &r0, &empty }, { &empty, &r2 }, { &r0, &wraps },
	};
	struct physbio_region_table t = { NULL, 77 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		assert_int_equal(physbio_region_table_init(&t, tables[i], 2),
				 -EINVAL);
	assert_int_equal(t.nr, 77);
}

static void its_own_bar_is_seen_before_any_table(void **state)
{
	static const uint8_t map[] = { PB_PCI_P2PDMA_MAP_BUS_ADDR,
				       PB_PCI_P2PDMA_MAP_BUS_ADDR };
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = 0 };

	physbio_xlate_init_identity(&x);
	physbio_xlate_set_p2p(&x, map, 2);
	physbio_xlate_set_own_bar(&x, &r1);
	assert_int_equal(physbio_p2p_state(&dev, &r0),
			 PB_PCI_P2PDMA_MAP_BUS_ADDR);
	assert_int_equal(physbio_p2p_state(&dev, &r1),
			 PHYSBIO_P2PDMA_MAP_OWN_BAR);
	assert_int_equal(physbio_p2p_state(&dev, NULL), PB_PCI_P2PDMA_MAP_NONE);
	assert_true(physbio_dma_value(physbio_own_bar_map(&r1, 0x2010, 16)) ==
		    0x10);
	assert_true(physbio_own_bar_map(&r1, 0x27ff, 2) ==
		    PB_DMA_MAPPING_ERROR);
	assert_true(physbio_own_bar_map(&r1, 0x1fff, 1) ==
		    PB_DMA_MAPPING_ERROR);
	physbio_xlate_set_own_bar(&x, NULL);
	assert_int_equal(physbio_p2p_state(&dev, &r1),
			 PB_PCI_P2PDMA_MAP_BUS_ADDR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mask_must_reach_the_last_byte),
		cmocka_unit_test(regions_are_reached_as_the_table_says),
		cmocka_unit_test(a_batch_is_mapped_as_each_range),
		cmocka_unit_test(no_ranges_are_a_batch),
		cmocka_unit_test(a_batch_that_fails_leaves_nothing_mapped),
		cmocka_unit_test(a_range_is_of_one_region_or_of_none),
		cmocka_unit_test(
			region_tables_that_contradict_themselves_are_refused),
		cmocka_unit_test(its_own_bar_is_seen_before_any_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
