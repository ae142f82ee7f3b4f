// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What device trees say of host bridges, and trees that say nothing sensible. */
#include "fixture.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#include <physbio/dtb.h>

#define BLOB 8192

static char blob[BLOB];
static struct physbio_error error;

static void cells(const char *name, const uint32_t *values, unsigned int nr)
{
	fdt32_t text[64];
	unsigned int i;

	for (i = 0; i < nr; i++)
		text[i] = cpu_to_fdt32(values[i]);
	assert_int_equal(fdt_property(blob, name, text, (int)nr * 4), 0);
}

#define CELLS(name, ...)                               \
	cells(name, (const uint32_t[]){ __VA_ARGS__ }, \
	      sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void begin(void)
{
	assert_int_equal(fdt_create(blob, BLOB), 0);
	assert_int_equal(fdt_finish_reservemap(blob), 0);
	assert_int_equal(fdt_begin_node(blob, ""), 0);
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
}

static void begin_pci(const char *name)
{
	assert_int_equal(fdt_begin_node(blob, name), 0);
	assert_int_equal(fdt_property_string(blob, "device_type", "pci"), 0);
	assert_int_equal(fdt_property_string(blob, "compatible", "test,pcie"),
			 0);
	CELLS("#address-cells", 3);
	CELLS("#size-cells", 2);
}

static void end_node(void)
{
	assert_int_equal(fdt_end_node(blob), 0);
}

static void finish(void)
{
	end_node();
	assert_int_equal(fdt_finish(blob), 0);
}

static struct physbio_dtb_window *windows;

static int read_windows(void)
{
	free(windows);
	windows = NULL;
	return physbio_dtb_windows(blob, BLOB, &windows, &error);
}

#define MEM32 0x02000000u
#define MEM64_PREF 0x43000000u
#define IO 0x01000000u

static void windows_are_in_the_order_of_the_tree(void **state)
{
	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", IO, 0, 0, 0x10, 0x20000, 0, 0x10000, MEM32, 0,
	      0x40000000, 0x20, 0x40000000, 0, 0x40000000);
	CELLS("dma-ranges", MEM64_PREF, 0x80, 0, 0, 0, 0, 0x80000000);
	end_node();
	begin_pci("pcie@2000");
	assert_int_equal(fdt_property_string(blob, "status", "disabled"), 0);
	CELLS("ranges", MEM32, 0, 0, 0x30, 0, 0, 0x1000);
	end_node();
	finish();
	assert_int_equal(read_windows(), 4);
	assert_string_equal(windows[0].node, "/pcie@1000");
	assert_int_equal(windows[0].space, PHYSBIO_DTB_IO);
	assert_true(windows[1].bus == 0x40000000);
	assert_true(windows[1].cpu == UINT64_C(0x2040000000));
	assert_true(windows[1].size == 0x40000000);
	assert_true(windows[1].enabled && windows[1].cpu_known);
	assert_true(windows[2].inbound && windows[2].prefetchable);
	assert_true(windows[2].bus == UINT64_C(0x8000000000));
	assert_true(windows[2].cpu == 0);
	assert_false(windows[3].enabled);
	assert_string_equal(windows[3].compatible, "test,pcie");
}

/* A bus of one cell above, which shifts; and what it does not take further. */
static void buses_above_are_applied(void **state)
{
	begin();
	assert_int_equal(fdt_begin_node(blob, "soc"), 0);
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	CELLS("ranges", 0x80000000, 0x5, 0, 0x10000000);
	begin_pci("pcie@0");
	CELLS("ranges", MEM32, 0, 0x1000, 0x80001000, 0, 0x1000, MEM32, 0,
	      0x9000, 0x90000000, 0, 0x1000);
	CELLS("dma-ranges", MEM32, 0, 0, 0x1000, 0, 0x1000);
	end_node();
	end_node();
	finish();
	assert_int_equal(read_windows(), 3);
	assert_true(windows[0].cpu == UINT64_C(0x500001000));
	assert_false(windows[1].cpu_known);
	/* memory passes a bus that says nothing of it */
	assert_true(windows[2].cpu_known && windows[2].cpu == 0x1000);
}

static void a_topology_has_the_memory_of_enabled_bridges(void **state)
{
	struct physbio_topology *t;

	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", IO, 0, 0, 0x10, 0x20000, 0, 0x10000, MEM32, 0,
	      0x40000000, 0, 0x40000000, 0, 0x1000000);
	CELLS("dma-ranges", MEM32, 0, 0, 0, 0x80000000, 0, 0x1000000);
	end_node();
	begin_pci("pcie@2000");
	assert_int_equal(fdt_property_string(blob, "status", "disabled"), 0);
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x1000);
	end_node();
	begin_pci("pcie@3000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x60000000, 0, 0x1000);
	end_node();
	finish();
	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error), 0);
	assert_int_equal(physbio_topology_nr(t), 2);
	assert_int_equal(physbio_topology_node(t, 0)->nr_outbound, 1);
	assert_int_equal(physbio_topology_node(t, 0)->nr_inbound, 1);
	assert_string_equal(physbio_topology_node(t, 1)->name, "pcie@3000");
	physbio_topology_destroy(t);
}

static void ports_are_no_addresses(void **state)
{
	struct physbio_topology *t;

	begin();
	assert_int_equal(fdt_begin_node(blob, "pcie"), 0);
	assert_int_equal(fdt_property_string(blob, "device_type", "pci"), 0);
	assert_int_equal(fdt_property_string(blob, "compatible",
					     "marvell,armada-370-pcie"),
			 0);
	CELLS("#address-cells", 3);
	CELLS("#size-cells", 2);
	CELLS("ranges", MEM32, 1, 0, 0x8e8, 0, 1, 0);
	end_node();
	finish();
	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error), 0);
	assert_int_equal(physbio_topology_nr(t), 1);
	assert_int_equal(physbio_topology_node(t, 0)->nr_outbound, 0);
	physbio_topology_destroy(t);
}

static void says(const char *text)
{
	if (!strstr(error.message, text))
		fail_msg("\"%s\" does not say \"%s\"", error.message, text);
}

static void properties_of_an_odd_size_are_refused(void **state)
{
	struct physbio_topology *t;

	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0);
	end_node();
	finish();
	assert_int_equal(read_windows(), -EINVAL);
	says("/pcie@1000: ranges has 24 bytes, which are not entries of 28");
	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error),
			 -EINVAL);
}

static void cells_that_fit_no_address_are_refused(void **state)
{
	begin();
	assert_int_equal(fdt_begin_node(blob, "pci"), 0);
	assert_int_equal(fdt_property_string(blob, "device_type", "pci"), 0);
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	CELLS("ranges", 0, 0, 0, 0, 0, 0x1000);
	end_node();
	finish();
	assert_int_equal(read_windows(), -EINVAL);
	says("/pci: a PCI address has 3 cells, not 2");
	begin();
	assert_int_equal(fdt_begin_node(blob, "pci"), 0);
	assert_int_equal(fdt_property_string(blob, "device_type", "pci"), 0);
	CELLS("#address-cells", 9);
	CELLS("ranges", 0);
	end_node();
	finish();
	assert_int_equal(read_windows(), -EINVAL);
	says("/pci: #address-cells is no number of cells");
}

static void windows_that_overlap_are_refused(void **state)
{
	struct physbio_topology *t;

	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x2000, MEM32, 0, 0x1000,
	      0, 0x60000000, 0, 0x1000);
	end_node();
	finish();
	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error),
			 -EINVAL);
	says("pcie@1000: window cpu 0x60000000 bus 0x1000 size 0x1000 overlaps");
}

/* Cut short anywhere, and with any byte changed: an answer or an error. */
static void damaged_trees_do_no_harm(void **state)
{
	unsigned int i, size;
	char *copy;

	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x2000);
	end_node();
	finish();
	size = fdt_totalsize(blob);
	for (i = 0; i < size; i++) {
		copy = malloc(i ? i : 1); /* so that a byte too far is seen */
		memcpy(copy, blob, i);
		free(windows);
		windows = NULL;
		assert_int_equal(physbio_dtb_windows(copy, i, &windows, &error),
				 -EINVAL);
		free(copy);
	}
	copy = malloc(size);
	for (i = 0; i < size * 8; i++) {
		memcpy(copy, blob, size);
		copy[i / 8] ^= (char)(1 << i % 8);
		free(windows);
		windows = NULL;
		assert_true(physbio_dtb_windows(copy, size, &windows, &error) <
			    2);
	}
	free(copy);
}

static int down(void **state)
{
	free(windows);
	windows = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_in_the_order_of_the_tree),
		cmocka_unit_test(buses_above_are_applied),
		cmocka_unit_test(a_topology_has_the_memory_of_enabled_bridges),
		cmocka_unit_test(ports_are_no_addresses),
		cmocka_unit_test(properties_of_an_odd_size_are_refused),
		cmocka_unit_test(cells_that_fit_no_address_are_refused),
		cmocka_unit_test(windows_that_overlap_are_refused),
		cmocka_unit_test(damaged_trees_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, down);
}
