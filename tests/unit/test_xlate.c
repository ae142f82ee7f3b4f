// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Translators: what a device is told to put on its bus. */
#include "fixture.h"

#include <physbio/xlate.h>

static const struct physbio_window windows[] = {
	{ .start = 0x1000, .size = 0x1000, .bus = 0x80001000 },
	{ .start = 0x2000, .size = 0x2000, .bus = 0x10000 }, /* touches */
	{ .start = 0x8000, .size = 0x1000, .bus = 0x8000 },
};

static pb_dma_addr_t map(const struct pb_device *dev, pb_phys_addr_t paddr,
			 uint64_t len)
{
	return pb_dma_map_phys(dev, paddr, len, PB_DMA_TO_DEVICE, 0);
}

static void an_address_goes_through_its_window(void **state)
{
	static const struct {
		uint32_t paddr, len;
		int err;
		uint64_t bus;
	} cases[] = {
		{ 0x1000, 0x1000, 0, 0x80001000 },
		{ 0x1fff, 1, 0, 0x80001fff },
		{ 0x2000, 1, 0, 0x10000 },
		{ 0x3fff, 1, 0, 0x11fff },
		{ 0x8800, 0x800, 0, 0x8800 },
		{ 0x0fff, 1, -EIO, 0 }, /* before the first */
		{ 0x4000, 1, -EIO, 0 }, /* between two */
		{ 0x9000, 1, -EIO, 0 }, /* behind the last */
		{ 0x1fff, 2, -EIO,
		  0 }, /* over a border, though both are there */
	};
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	unsigned int i;

	assert_int_equal(physbio_xlate_init_windows(&x, windows,
						    ARRAY_SIZE(windows)),
			 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_dma_addr_t addr = map(&dev, cases[i].paddr, cases[i].len);

		assert_int_equal(!!pb_dma_mapping_error(&dev, addr),
				 !!cases[i].err);
		if (!cases[i].err)
			assert_true(physbio_dma_value(addr) == cases[i].bus);
	}
}

static void tables_that_contradict_themselves_are_refused(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)-0x1000;
	const struct physbio_window cases[][2] = {
		{ { 0x1000, 0, 0 }, { 0x8000, 0x1000, 0 } }, /* empty */
		{ { 0x1000, 0x1001, 0 }, { 0x2000, 0x1000, 0x8000 } },
		{ { 0x2000, 0x1000, 0 }, { 0x1000, 0x1000, 0x8000 } },
		{ { 0x1000, 0x1000, 0 }, { 0x1000, 0x1000, 0x8000 } },
		{ { 0x1000, 0x1000, 0 }, { top, 0x1001, 0x8000 } }, /* wraps */
		{ { 0x1000, 0x1000, 0 },
		  { 0x8000, 0x1001, UINT64_MAX - 0xfff } },
	};
	struct physbio_xlate x, before;
	unsigned int i;

	memset(&x, 0x5a, sizeof(x));
	before = x;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(physbio_xlate_init_windows(&x, cases[i], 2),
				 -EINVAL);
		assert_memory_equal(&x, &before, sizeof(x));
	}
}

static void a_window_may_end_at_the_top(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)-0x1000;
	const struct physbio_window last = { top, 0x1000, UINT64_MAX - 0xfff };
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };

	assert_int_equal(physbio_xlate_init_windows(&x, &last, 1), 0);
	assert_true(physbio_dma_value(map(&dev, top, 0x1000)) ==
		    UINT64_MAX - 0xfff);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_goes_through_its_window),
		cmocka_unit_test(tables_that_contradict_themselves_are_refused),
		cmocka_unit_test(a_window_may_end_at_the_top),
		cmocka_unit_test(the_mask_must_reach_the_last_byte),
		cmocka_unit_test(regions_are_reached_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
