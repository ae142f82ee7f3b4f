// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What device trees say of host bridges, and trees that say nothing sensible. */
#include "fixture.h"
#include "no_memory.h"

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

static void cells_if(const char *name, const uint32_t *values, unsigned int nr)
{
	if (nr)
		cells(name, values, nr);
}

static void add_iommu(const char *name, uint32_t phandle, const char *status)
{
	assert_int_equal(fdt_begin_node(blob, name), 0);
	assert_int_equal(fdt_property_u32(blob, "phandle", phandle), 0);
	assert_int_equal(fdt_property_string(blob, "status", status), 0);
	end_node();
}

static struct physbio_topology *topology(void)
{
	struct physbio_topology *t = NULL;

	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error), 0);
	return t;
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

/* A host bridge of any of the ways to say so, with a window of four bytes. */
static void what_is_a_host_bridge(void **state)
{
	static const struct {
		const char *name, *type;
		uint32_t cells;
		int windows;
	} cases[] = {
		{ "pci@0", "pci", 3, 1 },    { "x@0", "pci", 3, 1 },
		{ "x@0", "pciex", 3, 1 },    { "x@0", "ht", 3, 1 },
		{ "x@0", "vci", 3, 1 },	     { "x@0", "isa", 3, 0 },
		{ "pcie@0", NULL, 3, 1 },    { "pcie", NULL, 3, 1 },
		{ "pcie@0", NULL, 2, 0 },    { "pcie@0", "bus", 3, 0 },
		{ "pcie-ep@0", NULL, 3, 0 }, { "pci@0", NULL, 3, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		assert_int_equal(fdt_begin_node(blob, cases[i].name), 0);
		if (cases[i].type)
			fdt_property_string(blob, "device_type", cases[i].type);
		CELLS("#address-cells", cases[i].cells);
		CELLS("#size-cells", 2);
		CELLS("ranges", MEM32, 0, 0, 0, 0, 0, 4);
		end_node();
		finish();
		if (read_windows() != cases[i].windows)
			fail_msg("case %u", i);
	}
}

/* A bridge behind the bridge has windows of its own kind, which are no rows. */
static void bridges_behind_bridges_are_no_host_bridges(void **state)
{
	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x2000);
	begin_pci("pcie@0,0");
	CELLS("ranges", MEM32, 0, 0, MEM32, 0, 0, 0, 0x2000);
	end_node();
	end_node();
	finish();
	assert_int_equal(read_windows(), 1);
	assert_string_equal(windows[0].node, "/pcie@1000");
}

static void a_status_is_shown_as_it_is(void **state)
{
	static const struct {
		const char *status, *shown;
		bool enabled;
	} cases[] = {
		{ NULL, "okay", true },
		{ "okay", "okay", true },
		{ "ok", "ok", true },
		{ "disabled", "disabled", false },
		{ "reserved", "reserved", false },
		{ "fail", "fail", false },
		{ "", "", false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		begin_pci("pcie@1000");
		if (cases[i].status)
			fdt_property_string(blob, "status", cases[i].status);
		CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x2000);
		end_node();
		finish();
		assert_int_equal(read_windows(), 1);
		assert_string_equal(windows[0].status, cases[i].shown);
		assert_int_equal(windows[0].enabled, cases[i].enabled);
	}
}

/* What a bus between a bridge at @cells cells and the CPU makes of 0x1000. */
static void a_bus_in_between_translates_or_not(void **state)
{
	enum {
		NO_RANGES,
		EMPTY,
		SHIFT,
		SHIFT_2,
		SHIFT_3,
		OTHER
	};
	static const struct {
		uint32_t cells;
		int bus;
		uint64_t cpu;
		bool known;
	} cases[] = {
		{ 1, NO_RANGES, 0, false },	{ 2, NO_RANGES, 0, false },
		{ 1, EMPTY, 0x1000, true },	{ 2, EMPTY, 0x1000, true },
		{ 3, EMPTY, 0x1000, true },	{ 1, SHIFT, 0x901000, true },
		{ 2, SHIFT_2, 0x901000, true }, { 3, SHIFT_3, 0x901000, true },
		{ 1, OTHER, 0, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t entry[8] = { MEM32 };

		begin();
		assert_int_equal(fdt_begin_node(blob, "bus"), 0);
		CELLS("#address-cells", cases[i].cells);
		CELLS("#size-cells", 1);
		if (cases[i].bus == EMPTY)
			fdt_property(blob, "ranges", NULL, 0);
		if (cases[i].bus == SHIFT)
			CELLS("ranges", 0, 0, 0x900000, 0x2000);
		if (cases[i].bus == SHIFT_2)
			CELLS("ranges", 0, 0, 0, 0x900000, 0x2000);
		if (cases[i].bus == SHIFT_3)
			CELLS("ranges", 0, 0, 0, 0, 0x900000, 0x2000);
		if (cases[i].bus == OTHER)
			CELLS("ranges", 0x1001, 0, 0x900000, 0x2000);
		begin_pci("pcie@1000");
		entry[2 + cases[i].cells] = 0x1000;
		entry[4 + cases[i].cells] = 4;
		cells("ranges", entry, 5 + cases[i].cells);
		end_node();
		end_node();
		finish();
		assert_int_equal(read_windows(), 1);
		if (windows[0].cpu_known != cases[i].known)
			fail_msg("case %u", i);
		if (cases[i].known)
			assert_true(windows[0].cpu == cases[i].cpu);
	}
}

/* Two buses may have a bridge at the same address. */
static void bridges_of_one_name_are_two(void **state)
{
	static const char *const buses[] = { "a", "b", "c" };
	struct physbio_topology *t;
	unsigned int i;

	begin();
	for (i = 0; i < 3; i++) {
		assert_int_equal(fdt_begin_node(blob, buses[i]), 0);
		CELLS("#address-cells", 1);
		CELLS("#size-cells", 1);
		fdt_property(blob, "ranges", NULL, 0);
		begin_pci("pcie@1000");
		CELLS("ranges", MEM32, 0, 0, 0x10000000 * (i + 1), 0, 0x1000,
		      MEM32, 0, 0x2000, 0x50000000, 0, 0);
		end_node();
		end_node();
	}
	finish();
	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error), 0);
	assert_int_equal(physbio_topology_nr(t), 3);
	assert_string_equal(physbio_topology_node(t, 1)->name, "pcie@1000~2");
	assert_string_equal(physbio_topology_node(t, 2)->name, "pcie@1000~3");
	for (i = 0; i < 3; i++)
		assert_int_equal(physbio_topology_node(t, (int)i)->nr_outbound,
				 1);
	physbio_topology_destroy(t);
}

static void entries_without_an_address_or_a_size_are_refused(void **state)
{
	begin();
	assert_int_equal(fdt_begin_node(blob, "pci"), 0);
	assert_int_equal(fdt_property_string(blob, "device_type", "pci"), 0);
	CELLS("#address-cells", 3);
	CELLS("#size-cells", 0);
	CELLS("ranges", 0, 0, 0, 0, 0);
	end_node();
	finish();
	assert_int_equal(read_windows(), -EINVAL);
	says("/pci: ranges has entries of 3, 2 and 0 cells");
}

static void windows_that_wrap_are_refused(void **state)
{
	struct physbio_topology *t;

	begin();
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0xffffffff, 0xfffff000, 0, 0x2000);
	end_node();
	finish();
	assert_int_equal(read_windows(), 1);
	assert_int_equal(physbio_topology_from_dtb(blob, BLOB, &t, &error),
			 -EINVAL);
	says("pcie@1000: window cpu 0xfffffffffffff000 bus 0x0 size 0x2000 wraps");
}

static void nodes_too_deep_are_refused(void **state)
{
	unsigned int i;

	begin();
	for (i = 0; i < 40; i++)
		assert_int_equal(fdt_begin_node(blob, "x"), 0);
	for (i = 0; i < 40; i++)
		end_node();
	finish();
	assert_int_equal(read_windows(), -EINVAL);
	says("nodes are more than 32 deep");
}

/* Cut short anywhere, and with any byte changed: an answer or an error. */
/* What a node is, other than its windows: read where it changes what anyone does. */
static void a_bridge_says_what_it_is(void **state)
{
	enum {
		IOMMU = 1,
		IOMMU_OFF,
		NO_IOMMU
	};
	static const struct {
		uint32_t bus_range[2], domain[1], map[8], mask[1];
		unsigned int nr_bus_range, nr_domain, nr_map, nr_mask;
		int want_domain, first, last;
		uint32_t granule;
	} cases[] = {
		{ .want_domain = -1 },
		{ .domain = { 3 },
		  .nr_domain = 1,
		  .want_domain = 3,
		  .last = 255 },
		{ .domain = { 0xffff },
		  .nr_domain = 1,
		  .bus_range = { 0x20, 0x2f },
		  .nr_bus_range = 2,
		  .want_domain = 0xffff,
		  .first = 0x20,
		  .last = 0x2f },
		/* all of them */
		{ .map = { 0, IOMMU, 0, 0x10000 },
		  .nr_map = 4,
		  .want_domain = -1,
		  .granule = 4096 },
		/* the root port, as some have it before their firmware was there */
		{ .map = { 0, IOMMU, 0, 1 }, .nr_map = 4, .want_domain = -1 },
		/* the root port and the device behind it */
		{ .map = { 0, NO_IOMMU, 0, 1, 0x100, IOMMU, 1, 1 },
		  .nr_map = 8,
		  .want_domain = -1,
		  .granule = 4096 },
		/* all of them are one */
		{ .map = { 0, IOMMU, 0, 1 },
		  .nr_map = 4,
		  .mask = { 0 },
		  .nr_mask = 1,
		  .want_domain = -1,
		  .granule = 4096 },
		/* by the bridge's own bus numbers */
		{ .map = { 0x2100, IOMMU, 0, 0x100 },
		  .nr_map = 4,
		  .bus_range = { 0x20, 0x2f },
		  .nr_bus_range = 2,
		  .want_domain = -1,
		  .granule = 4096 },
		{ .map = { 0x2000, IOMMU, 0, 0x100 },
		  .nr_map = 4,
		  .bus_range = { 0x20, 0x20 },
		  .nr_bus_range = 2,
		  .want_domain = -1,
		  .granule = 4096 },
		/* the first entry counts */
		{ .map = { 0, IOMMU_OFF, 0, 0x10000, 0, IOMMU, 0, 0x10000 },
		  .nr_map = 8,
		  .want_domain = -1 },
		{ .map = { 0, NO_IOMMU, 0, 0x10000 },
		  .nr_map = 4,
		  .want_domain = -1 },
	};
	struct physbio_topology *t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct physbio_node *n;

		begin();
		add_iommu("iommu@0", IOMMU, "okay");
		add_iommu("iommu@1", IOMMU_OFF, "disabled");
		begin_pci("pcie@1000");
		cells_if("bus-range", cases[i].bus_range,
			 cases[i].nr_bus_range);
		cells_if("linux,pci-domain", cases[i].domain,
			 cases[i].nr_domain);
		cells_if("iommu-map", cases[i].map, cases[i].nr_map);
		cells_if("iommu-map-mask", cases[i].mask, cases[i].nr_mask);
		end_node();
		finish();
		t = topology();
		n = physbio_topology_node(t, 0);
		if (n->domain != cases[i].want_domain ||
		    n->first_bus != cases[i].first ||
		    n->last_bus != cases[i].last ||
		    n->iommu_granule != cases[i].granule)
			fail_msg("case %u", i);
		physbio_topology_destroy(t);
	}
}

static void what_a_bridge_says_of_itself_is_checked(void **state)
{
	static const struct {
		const char *property;
		uint32_t values[5];
		unsigned int nr;
		const char *says;
	} cases[] = {
		{ "bus-range", { 0 }, 1, "/pcie@1000: bus-range is no number" },
		{ "bus-range", { 0, 256 }, 2, "is no number up to 255" },
		{ "bus-range", { 2, 1 }, 2, "bus-range ends before it begins" },
		{ "linux,pci-domain",
		  { 0x10000 },
		  1,
		  "linux,pci-domain is no number up to 65535" },
		{ "linux,pci-domain", { 0 }, 0, "linux,pci-domain is no" },
		{ "numa-node-id", { 0x80000000 }, 1, "numa-node-id is no" },
		{ "iommu-map",
		  { 0, 1, 0, 1, 0 },
		  5,
		  "iommu-map has 20 bytes, which are not entries of 16" },
		{ "iommu-map-mask", { 0 }, 0, "iommu-map-mask is no number" },
	};
	struct physbio_topology *t = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		begin_pci("pcie@1000");
		cells(cases[i].property, cases[i].values, cases[i].nr);
		if (!strcmp(cases[i].property, "iommu-map-mask"))
			CELLS("iommu-map", 0, 1, 0, 1);
		end_node();
		finish();
		if (physbio_topology_from_dtb(blob, BLOB, &t, &error) !=
		    -EINVAL)
			fail_msg("case %u", i);
		says(cases[i].says);
		assert_null(t);
	}
}

/* Linux has no second bridge of a domain; refusing the tree would help nobody. */
static void a_domain_that_is_taken_is_not_given_twice(void **state)
{
	struct physbio_topology *t;

	begin();
	begin_pci("pcie@1000");
	CELLS("linux,pci-domain", 1);
	end_node();
	begin_pci("pcie@2000");
	CELLS("linux,pci-domain", 1);
	end_node();
	finish();
	t = topology();
	assert_int_equal(physbio_topology_node(t, 0)->domain, 1);
	assert_int_equal(physbio_topology_node(t, 1)->domain, -1);
	physbio_topology_destroy(t);
}

/* The node and the bus above it say where memory and NUMA nodes are, and whether it is. */
static void a_bus_above_speaks_for_its_bridges(void **state)
{
	static const uint32_t wide[] = { 0x80000000, 0x1, 0, 0x40000000 };
	static const uint32_t odd[] = { 1, 2, 3 };
	static const uint32_t own[] = { MEM32, 0, 0, 0x1000, 0, 0x1000 };
	static const struct {
		const uint32_t *bus, *bridge;
		int nr_bus, nr_bridge; /* -1: no such property */
		unsigned int windows;
		uint64_t first_cpu;
		int err;
	} cases[] = {
		{ NULL, NULL, -1, -1, 0, 0, 0 },
		{ NULL, NULL, 0, -1, 0, 0, 0 },
		{ wide, NULL, 4, -1, 1, UINT64_C(0x100000000), 0 },
		{ wide, NULL, 4, 0, 1, UINT64_C(0x100000000), 0 },
		{ NULL, own, 0, 6, 1, 0x1000, 0 },
		/* its own, which the bus does not take further */
		{ wide, own, 4, 6, 0, 0, 0 },
		{ odd, NULL, 3, -1, 0, 0, -EINVAL },
	};
	struct physbio_topology *t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		assert_int_equal(fdt_begin_node(blob, "bus"), 0);
		CELLS("#address-cells", 1);
		CELLS("#size-cells", 1);
		CELLS("numa-node-id", 2);
		if (cases[i].nr_bus >= 0)
			cells("dma-ranges", cases[i].bus,
			      (unsigned int)cases[i].nr_bus);
		begin_pci("pcie@1000");
		if (cases[i].nr_bridge >= 0)
			cells("dma-ranges", cases[i].bridge,
			      (unsigned int)cases[i].nr_bridge);
		end_node();
		end_node();
		finish();
		if (physbio_topology_from_dtb(blob, BLOB, &t, &error) !=
		    cases[i].err)
			fail_msg("case %u", i);
		if (cases[i].err)
			continue;
		if (physbio_topology_node(t, 0)->nr_inbound != cases[i].windows)
			fail_msg("case %u", i);
		if (cases[i].windows)
			assert_true(physbio_topology_node(t, 0)->inbound->cpu ==
				    cases[i].first_cpu);
		assert_int_equal(physbio_topology_node(t, 0)->numa_node, 2);
		physbio_topology_destroy(t);
	}
}

static void what_is_below_a_disabled_bus_is_disabled(void **state)
{
	struct physbio_topology *t;

	begin();
	assert_int_equal(fdt_begin_node(blob, "bus"), 0);
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	fdt_property_string(blob, "status", "disabled");
	fdt_property(blob, "ranges", NULL, 0);
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x2000);
	end_node();
	end_node();
	finish();
	assert_int_equal(read_windows(), 1);
	assert_false(windows->enabled);
	assert_string_equal(windows->status, "okay");
	t = topology();
	assert_int_equal(physbio_topology_nr(t), 0);
	physbio_topology_destroy(t);
}

/* As of_bus_n_addr_cells() has it, and the specification has not. */
static void cells_that_are_missing_are_those_above(void **state)
{
	begin();
	assert_int_equal(fdt_begin_node(blob, "bus"), 0);
	CELLS("ranges", 0, 0x1000, 0, 0x9000, 0, 0x1000);
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x1000, 0, 0x1000);
	end_node();
	end_node();
	finish();
	assert_int_equal(read_windows(), 1);
	assert_true(windows->cpu_known);
	assert_int_equal(windows->cpu, 0x9000);
}

/* All of one name, and each with an IOMMU of its own. */
static void trees_of_ten_thousand_nodes_are_read(void **state)
{
	const unsigned int nr = 2500, room = 4 << 20;
	struct physbio_topology *t;
	char *big = malloc(room);
	unsigned int i;

	assert_non_null(big);
	assert_int_equal(fdt_create(big, (int)room), 0);
	assert_int_equal(fdt_finish_reservemap(big), 0);
	assert_int_equal(fdt_begin_node(big, ""), 0);
	for (i = 0; i < nr; i++) {
		fdt32_t map[4] = { 0, cpu_to_fdt32(i + 1), 0,
				   cpu_to_fdt32(0x10000) };
		char name[32];

		snprintf(name, sizeof(name), "bus@%x", i);
		fdt_begin_node(big, name);
		fdt_begin_node(big, "iommu");
		fdt_property_u32(big, "phandle", i + 1);
		fdt_end_node(big);
		fdt_begin_node(big, "empty");
		fdt_end_node(big);
		fdt_begin_node(big, "pcie");
		fdt_property_string(big, "device_type", "pci");
		fdt_property(big, "iommu-map", map, sizeof(map));
		fdt_end_node(big);
		fdt_end_node(big);
	}
	fdt_end_node(big);
	assert_int_equal(fdt_finish(big), 0);
	assert_int_equal(physbio_topology_from_dtb(big, room, &t, &error), 0);
	assert_int_equal(physbio_topology_nr(t), nr);
	assert_string_equal(physbio_topology_node(t, (int)nr - 1)->name,
			    "pcie~2500");
	assert_int_equal(physbio_topology_node(t, (int)nr - 1)->iommu_granule,
			 4096);
	physbio_topology_destroy(t);
	free(big);
}

static void a_tree_needs_memory(void **state)
{
	struct physbio_topology *t = NULL;
	unsigned int nth;

	begin();
	add_iommu("iommu@0", 1, "okay");
	begin_pci("pcie@1000");
	CELLS("ranges", MEM32, 0, 0, 0, 0x50000000, 0, 0x2000);
	CELLS("dma-ranges", MEM32, 0, 0, 0, 0, 0, 0x2000);
	CELLS("linux,pci-domain", 0);
	CELLS("iommu-map", 0, 1, 0, 0x10000);
	end_node();
	finish();
	call_fails = 1;
	assert_int_equal(read_windows(), -ENOMEM);
	for (call_fails = nth = 1;
	     physbio_topology_from_dtb(blob, BLOB, &t, &error);
	     call_fails = ++nth) {
		assert_int_equal(error.err, -ENOMEM);
		says("no memory for");
		assert_null(t);
	}
	call_fails = 0;
	assert_true(nth > 8);
	physbio_topology_destroy(t);
}

static void damaged_trees_do_no_harm(void **state)
{
	struct physbio_topology *t;
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
		t = NULL;
		if (!physbio_topology_from_dtb(copy, size, &t, &error))
			physbio_topology_destroy(t);
		else
			assert_null(t);
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
		cmocka_unit_test(what_is_a_host_bridge),
		cmocka_unit_test(bridges_behind_bridges_are_no_host_bridges),
		cmocka_unit_test(a_status_is_shown_as_it_is),
		cmocka_unit_test(a_bus_in_between_translates_or_not),
		cmocka_unit_test(bridges_of_one_name_are_two),
		cmocka_unit_test(
			entries_without_an_address_or_a_size_are_refused),
		cmocka_unit_test(windows_that_wrap_are_refused),
		cmocka_unit_test(nodes_too_deep_are_refused),
		cmocka_unit_test(a_bridge_says_what_it_is),
		cmocka_unit_test(what_a_bridge_says_of_itself_is_checked),
		cmocka_unit_test(a_domain_that_is_taken_is_not_given_twice),
		cmocka_unit_test(a_bus_above_speaks_for_its_bridges),
		cmocka_unit_test(what_is_below_a_disabled_bus_is_disabled),
		cmocka_unit_test(cells_that_are_missing_are_those_above),
		cmocka_unit_test(trees_of_ten_thousand_nodes_are_read),
		cmocka_unit_test(a_tree_needs_memory),
		cmocka_unit_test(damaged_trees_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, down);
}
