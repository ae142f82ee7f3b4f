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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mask_must_reach_the_last_byte),
		cmocka_unit_test(regions_are_reached_as_the_table_says),
		cmocka_unit_test(a_batch_is_mapped_as_each_range),
		cmocka_unit_test(no_ranges_are_a_batch),
		cmocka_unit_test(a_batch_that_fails_leaves_nothing_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
