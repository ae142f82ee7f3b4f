// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Descriptions of machines: what is refused, and what software makes of the rest. */
#include "fixture.h"

#include <physbio/machine.h>
#include <physbio/topology.h>

static struct physbio_topology *t;
static struct physbio_error error;

static int up(void **state)
{
	t = physbio_topology_create();
	return t ? 0 : -1;
}

static int down(void **state)
{
	physbio_topology_destroy(t);
	return 0;
}

static void says(const char *text)
{
	if (!strstr(error.message, text))
		fail_msg("\"%s\" does not say \"%s\"", error.message, text);
}

static void nodes_need_a_name_and_a_place(void **state)
{
	assert_int_equal(physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb",
					      NULL, &error),
			 0);
	assert_int_equal(physbio_topology_add(t, PHYSBIO_ENDPOINT, "ep", "hb",
					      &error),
			 1);
	assert_int_equal(physbio_topology_add(t, PHYSBIO_ENDPOINT, "ep", "hb",
					      &error),
			 -EINVAL);
	says("ep");
	assert_int_equal(physbio_topology_add(t, PHYSBIO_ENDPOINT, "x", "no",
					      &error),
			 -EINVAL);
	says("no");
	assert_int_equal(physbio_topology_add(t, PHYSBIO_ENDPOINT, "x", "ep",
					      &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "x", "hb",
					      &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_add(t, PHYSBIO_BRIDGE, "", "hb",
					      &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_add(
				 t, PHYSBIO_BRIDGE,
				 "a name that is longer than any name may be",
				 "hb", &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_nr(t), 2);
	assert_int_equal(physbio_topology_find(t, "x"), -ENOENT);
}

static void windows_that_contradict_are_refused(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)-0x1000;
	const struct {
		int hb;
		struct physbio_bridge_window w;
		int err;
		const char *says;
	} cases[] = {
		{ 0, { 0x10000000, 0x40000000, 0x1000000 }, 0, "" },
		{ 0, { 0x20000000, 0x50000000, 0 }, -EINVAL, "0x50000000" },
		{ 0, { top, 0x50000000, 0x1001 }, -EINVAL, "wraps" },
		{ 0, { 0x20000000, UINT64_MAX, 2 }, -EINVAL, "wraps" },
		{ 0, { 0x20000000, 0x40ffffff, 0x1000 }, -EINVAL, "overlaps" },
		{ 0, { 0x10ffffff, 0x50000000, 0x1000 }, -EINVAL, "overlaps" },
		/* another bridge: its own bus, but the same CPU addresses */
		{ 1, { 0x10ffffff, 0x50000000, 0x1000 }, -EINVAL, "overlaps" },
		{ 1, { 0x20000000, 0x40000000, 0x1000000 }, 0, "" },
		{ 2, { 0x30000000, 0x60000000, 0x1000 }, -EINVAL, "2" },
	};
	unsigned int i;

	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb0", NULL, NULL);
	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb1", NULL, NULL);
	physbio_topology_add(t, PHYSBIO_ENDPOINT, "ep", "hb0", NULL);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(physbio_topology_add_outbound(
					 t, cases[i].hb, &cases[i].w, &error),
				 cases[i].err);
		if (cases[i].err)
			says(cases[i].says);
	}
	assert_int_equal(physbio_topology_node(t, 0)->nr_outbound, 1);
	assert_int_equal(physbio_topology_node(t, 1)->nr_outbound, 1);
}

static void bars_must_lie_in_a_window(void **state)
{
	const struct physbio_bridge_window w = { 0x10000000, 0x40000000,
						 0x1000000 };
	const struct {
		struct physbio_bar bar;
		int err;
	} cases[] = {
		{ { 0x40000000, PG, true }, 0 },
		{ { 0x40000000, PG, true }, -EINVAL }, /* taken */
		{ { 0x40000000 + PG, 0, true }, -EINVAL },
		{ { 0x40000000 + PG, 100, true }, -EINVAL },
		{ { 0x40ff0000, 0x20000, true }, -EINVAL }, /* leaves it */
		{ { 0x10000000, PG, true }, -EINVAL }, /* a CPU address */
		{ { 0x40000000 + PG, PG, true }, 1 },
	};
	unsigned int i;

	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	physbio_topology_add(t, PHYSBIO_ENDPOINT, "ep", "hb", NULL);
	assert_int_equal(physbio_topology_add_outbound(t, 0, &w, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_topology_add_bar(t, 1, &cases[i].bar,
							  &error),
				 cases[i].err);
	assert_int_equal(physbio_topology_bar_phys(t, 1, 1), 0x10000000 + PG);
	assert_int_equal(physbio_topology_add_bar(t, 0, &cases[0].bar, &error),
			 -EINVAL);
}

static void inbound_windows_overlap_on_no_side(void **state)
{
	const struct {
		struct physbio_bridge_window w;
		int err;
	} cases[] = {
		{ { 0x10000000, 0, 0x1000000 }, 0 },
		{ { 0x20000000, 0xfff000, 0x2000 }, -EINVAL }, /* bus */
		{ { 0x10fff000, 0x2000000, 0x2000 }, -EINVAL }, /* CPU */
		{ { 0x11000000, 0x1000000, 0x1000 }, 0 }, /* they touch */
	};
	unsigned int i;

	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_topology_add_inbound(t, 0, &cases[i].w,
							      &error),
				 cases[i].err);
	assert_int_equal(physbio_topology_node(t, 0)->nr_inbound, 2);
	/* two bridges may give their devices the same memory */
	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb1", NULL, NULL);
	assert_int_equal(
		physbio_topology_add_inbound(t, 1, &cases[0].w, &error), 0);
}

static void bars_have_an_end_and_windows_none(void **state)
{
	struct physbio_bridge_window w = { 0x10000000, 0x40000000, 0x100000 };
	struct physbio_bar bar = { 0x40000000, PG, true };
	unsigned int i;

	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	physbio_topology_add(t, PHYSBIO_ENDPOINT, "ep", "hb", NULL);
	for (i = 0; i < 500; i++) {
		assert_int_equal(
			physbio_topology_add_outbound(t, 0, &w, &error), 0);
		assert_int_equal(physbio_topology_add_inbound(t, 0, &w, &error),
				 0);
		w.cpu += w.size;
		w.bus += w.size;
	}
	assert_int_equal(physbio_topology_node(t, 0)->nr_outbound, 500);
	for (i = 0; i <= PHYSBIO_MAX_BARS; i++) {
		assert_int_equal(physbio_topology_add_bar(t, 1, &bar, &error),
				 i == PHYSBIO_MAX_BARS ? -ENOSPC : (int)i);
		bar.bus += PG;
	}
	says("ep");
}

/*
 *   hb0: port0: a, b    port1: c     hb1: port2: d
 */
static void add_machine(bool listed)
{
	static const struct {
		enum physbio_node_kind kind;
		const char *name, *parent;
		uint64_t bar;
	} nodes[] = {
		{ PHYSBIO_HOST_BRIDGE, "hb0", NULL, 0 },
		{ PHYSBIO_HOST_BRIDGE, "hb1", NULL, 0 },
		{ PHYSBIO_BRIDGE, "port0", "hb0", 0 },
		{ PHYSBIO_BRIDGE, "port1", "hb0", 0 },
		{ PHYSBIO_BRIDGE, "port2", "hb1", 0 },
		{ PHYSBIO_ENDPOINT, "a", "port0", 0x40000000 },
		{ PHYSBIO_ENDPOINT, "b", "port0", 0x40100000 },
		{ PHYSBIO_ENDPOINT, "c", "port1", 0x40200000 },
		{ PHYSBIO_ENDPOINT, "d", "port2", 0x40000000 },
	};
	const struct physbio_bridge_window w[] = {
		{ 0x20000000, 0x40000000, 0x1000000 },
		{ 0x30000000, 0x40000000, 0x1000000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		const struct physbio_bar bar = { nodes[i].bar, 0x100000, true };
		int n = physbio_topology_add(t, nodes[i].kind, nodes[i].name,
					     nodes[i].parent, NULL);

		assert_int_equal(n, i);
		physbio_topology_node(t, n)->p2p_listed =
			listed ? PHYSBIO_P2P_LISTED : PHYSBIO_P2P_UNLISTED;
		if (nodes[i].kind == PHYSBIO_HOST_BRIDGE)
			assert_int_equal(physbio_topology_add_outbound(
						 t, n, &w[n], NULL),
					 0);
		if (nodes[i].bar)
			assert_int_equal(
				physbio_topology_add_bar(t, n, &bar, NULL), 0);
	}
}

static const struct physbio_mem_range ram = {
	.start = RAM_START, .size = 1 << 20, .kind = PHYSBIO_MEM_RAM, .nid = -1
};

static enum pb_pci_p2pdma_map_type reach(struct physbio_machine *m,
					 const char *client, const char *peer)
{
	return physbio_p2p_state(
		physbio_machine_device(m, physbio_topology_find(t, client)),
		physbio_machine_region(m, physbio_topology_find(t, peer), 0));
}

static void peers_below_one_bridge_use_bus_addresses(void **state)
{
	const enum pb_pci_p2pdma_map_type
		no = PB_PCI_P2PDMA_MAP_NOT_SUPPORTED,
		up_ = PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	struct physbio_machine *m;
	int listed;

	for (listed = 0; listed < 2; listed++) {
		t = physbio_topology_create();
		add_machine(listed);
		assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error),
				 0);
		assert_int_equal(reach(m, "a", "b"),
				 PB_PCI_P2PDMA_MAP_BUS_ADDR);
		assert_int_equal(reach(m, "b", "a"),
				 PB_PCI_P2PDMA_MAP_BUS_ADDR);
		/* two root ports of one host bridge share no bridge */
		assert_int_equal(reach(m, "c", "a"), listed ? up_ : no);
		assert_int_equal(reach(m, "d", "a"), listed ? up_ : no);
		physbio_machine_destroy(m);
		physbio_topology_destroy(t);
	}
	t = NULL;
}

static void a_region_knows_its_offset(void **state)
{
	struct physbio_machine *m;
	const struct physbio_region *r;

	add_machine(false);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error), 0);
	r = physbio_machine_region(m, physbio_topology_find(t, "d"), 0);
	assert_int_equal(r->start, 0x30000000);
	assert_true(r->start + r->bus_offset == 0x40000000);
	assert_null(physbio_machine_region(m, 0, 0));
	assert_null(physbio_machine_device(m, 0));
	physbio_machine_destroy(m);
}

static void a_client_sees_memory_through_its_own_bridge(void **state)
{
	const struct physbio_bridge_window w = { RAM_START, 0x80000000,
						 1 << 20 };
	const struct pb_device *a, *d;
	struct physbio_machine *m;

	add_machine(false);
	assert_int_equal(physbio_topology_add_inbound(t, 1, &w, &error), 0);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error), 0);
	a = physbio_machine_device(m, physbio_topology_find(t, "a"));
	d = physbio_machine_device(m, physbio_topology_find(t, "d"));
	assert_true(physbio_dma_value(pb_dma_map_phys(a, RAM_START + 16, 16,
						      PB_DMA_TO_DEVICE, 0)) ==
		    RAM_START + 16);
	assert_true(physbio_dma_value(pb_dma_map_phys(d, RAM_START + 16, 16,
						      PB_DMA_TO_DEVICE, 0)) ==
		    0x80000010);
	physbio_machine_destroy(m);
}

static void machines_that_cannot_be_say_why(void **state)
{
	const struct physbio_bridge_window w = { RAM_START, 0x80000000,
						 1 << 20 };
	struct physbio_machine *first, *m = NULL;

	add_machine(false);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &first, &error), 0);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error),
			 -EBUSY);
	assert_int_equal(error.err, -EBUSY);
	assert_true(error.message[0]);
	physbio_machine_destroy(first);
	assert_int_equal(physbio_topology_add_inbound(t, 1, &w, &error), 0);
	physbio_topology_node(t, 1)->inbound[0].size = 0;
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error),
			 -EINVAL);
	says("hb1");
	assert_null(m);
}

static void ram_over_a_bar_is_refused(void **state)
{
	const struct physbio_mem_range wrong = { .start = 0x20000000,
						 .size = PG,
						 .kind = PHYSBIO_MEM_RAM };
	struct physbio_machine *m = NULL;

	add_machine(false);
	assert_int_equal(physbio_machine_create(t, &wrong, 1, &m, &error),
			 -EINVAL);
	says("0x20000000");
	assert_null(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nodes_need_a_name_and_a_place,
						up, down),
		cmocka_unit_test_setup_teardown(
			windows_that_contradict_are_refused, up, down),
		cmocka_unit_test_setup_teardown(bars_must_lie_in_a_window, up,
						down),
		cmocka_unit_test_setup_teardown(
			inbound_windows_overlap_on_no_side, up, down),
		cmocka_unit_test_setup_teardown(
			bars_have_an_end_and_windows_none, up, down),
		cmocka_unit_test(peers_below_one_bridge_use_bus_addresses),
		cmocka_unit_test_setup_teardown(a_region_knows_its_offset, up,
						down),
		cmocka_unit_test_setup_teardown(
			a_client_sees_memory_through_its_own_bridge, up, down),
		cmocka_unit_test_setup_teardown(machines_that_cannot_be_say_why,
						up, down),
		cmocka_unit_test_setup_teardown(ram_over_a_bar_is_refused, up,
						down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
