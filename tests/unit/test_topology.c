// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Descriptions of machines: what is refused, and what software makes of the rest. */
#include "fixture.h"
#include "no_memory.h"

#include <stdlib.h>

#include <physbio/fabric.h>
#include <physbio/machine.h>
#include <physbio/p2p.h>
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
	static const char *const odd[] = { "a b",  "a#",       "a=b",
					   "a\tb", "a\x1b[2J", "\x7f" };
	unsigned int i;

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
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		assert_int_equal(physbio_topology_add(t, PHYSBIO_BRIDGE, odd[i],
						      "hb", &error),
				 -EINVAL);
		says("has a blank, #, = or control character");
	}
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

/* Cortina's Gemini has all of its memory at bus address 0, and parts of it again there. */
static void memory_may_be_at_several_bus_addresses(void **state)
{
	const struct {
		struct physbio_bridge_window w;
		int err;
	} cases[] = {
		{ { 0x10000000, 0, 0x1000000 }, 0 },
		{ { 0x20000000, 0xfff000, 0x2000 }, -EINVAL },
		{ { 0x10fff000, 0x2000000, 0x2000 }, 0 },
		{ { 0x11000000, 0x1000000, 0x1000 }, 0 }, /* touches */
		{ { 0x10000000, 0, 0x800000 }, 0 },
		{ { 0x10800000, 0x800000, 0x1000000 }, 0 },
		/* where only the last one was */
		{ { 0x20000000, 0x17ff000, 0x1000 }, -EINVAL },
		{ { 0x20000000, 0x1800000, 0x1000 }, 0 },
	};
	unsigned int i;

	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (physbio_topology_add_inbound(t, 0, &cases[i].w, &error) !=
		    cases[i].err)
			fail_msg("case %u", i);
	says("size 0x1000 overlaps cpu 0x10800000 bus 0x800000 size 0x1000000 of hb");
	assert_int_equal(physbio_topology_node(t, 0)->nr_inbound, 6);
	/* two bridges may give their devices the same memory */
	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb1", NULL, NULL);
	assert_int_equal(
		physbio_topology_add_inbound(t, 1, &cases[0].w, &error), 0);
}

static void of_inbound_windows_the_first_counts(void **state)
{
	static const struct physbio_bridge_window inbound[] = {
		{ 0x2000, 0x90000, 0x1000 },
		{ 0x5000, 0xa0000, 0x1000 },
		{ 0x1000, 0xb0000, 0x6000 },
		{ 0x2000, 0xc0000, 0x1000 }, /* nothing is left for it */
		{ 0x6000, 0xd0000, 0x2000 },
	};
	static const struct physbio_window want[] = {
		{ 0x1000, 0x1000, 0xb0000 }, { 0x2000, 0x1000, 0x90000 },
		{ 0x3000, 0x2000, 0xb2000 }, { 0x5000, 0x1000, 0xa0000 },
		{ 0x6000, 0x1000, 0xb5000 }, { 0x7000, 0x1000, 0xd1000 },
	};
	static const struct physbio_bridge_window all[] = {
		{ 0x1000, 0, 1 },
		{ 0, 0, UINT64_MAX },
	};
	struct physbio_window *table;
	unsigned int i;

	assert_int_equal(physbio_inbound_table(inbound, 5, &table),
			 ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		if (table[i].start != want[i].start ||
		    table[i].size != want[i].size ||
		    table[i].bus != want[i].bus)
			fail_msg("window %u", i);
	free(table);
	assert_int_equal(physbio_inbound_table(NULL, 0, &table), 0);
	assert_null(table);
	if (sizeof(pb_phys_addr_t) < 8)
		return;
	assert_int_equal(physbio_inbound_table(all, 2, &table), 3);
	assert_true(table[2].size == UINT64_MAX - 0x1001);
	free(table);
}

/* What the first of the windows says of an address, and what the table says. */
static void random_inbound_windows_are_as_one_by_one(void **state)
{
	struct physbio_bridge_window w[8];
	unsigned int seed = 3, round, i, nr;
	struct physbio_window *table;
	int n, j;

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 3000; round++) {
		nr = 1 + (unsigned int)rand() % ARRAY_SIZE(w);
		for (i = 0; i < nr; i++)
			w[i] = (struct physbio_bridge_window){
				(pb_phys_addr_t)rand() % 32, 100u * (i + 1),
				1 + (uint64_t)rand() % 16
			};
		n = physbio_inbound_table(w, nr, &table);
		assert_true(n > 0);
		for (j = 1; j < n; j++)
			assert_true(table[j].start >=
				    table[j - 1].start + table[j - 1].size);
		for (pb_phys_addr_t at = 0; at < 64; at++) {
			uint64_t want = 0, got = 0;

			for (i = nr; i--;)
				if (at >= w[i].cpu && at - w[i].cpu < w[i].size)
					want = w[i].bus + (at - w[i].cpu);
			for (j = 0; j < n; j++)
				if (at >= table[j].start &&
				    at - table[j].start < table[j].size)
					got = table[j].bus +
					      (at - table[j].start);
			assert_true(got == want);
		}
		free(table);
	}
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

static int add(enum physbio_node_kind kind, const char *name,
	       const char *parent)
{
	int node = physbio_topology_add(t, kind, name, parent, &error);

	assert_true(node >= 0);
	return node;
}

static void bus_numbers_belong_to_one_host_bridge(void **state)
{
	static const struct {
		int node, domain;
		unsigned int first, last;
		int err;
		const char *says;
	} cases[] = {
		{ 0, 0, 0, 0x7f, 0, "" },
		{ 1, 0, 0x7f, 0xff, -EINVAL, "0x7f to 0xff of domain 0" },
		{ 1, -1, 0, 1, -EINVAL, "domain -1" },
		{ 1, 0, 0x90, 0x8f, -EINVAL, "no buses 0x90 to 0x8f" },
		{ 1, 0, 0x90, 0x100, -EINVAL, "no buses" },
		{ 1, 0, 0x80, 0xff, 0, "" },
		{ 1, 1, 0x80, 0xff, -EINVAL, "hb1: has bus numbers already" },
		{ 2, 1, 0, 0xff, 0, "" },
		{ 3, 2, 0, 0xff, -EINVAL, "no host bridge" },
		{ -1, 2, 0, 0xff, -EINVAL, "no host bridge" },
	};
	unsigned int i;

	add(PHYSBIO_HOST_BRIDGE, "hb0", NULL);
	add(PHYSBIO_HOST_BRIDGE, "hb1", NULL);
	add(PHYSBIO_HOST_BRIDGE, "hb2", NULL);
	add(PHYSBIO_ENDPOINT, "ep", "hb0");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(physbio_topology_set_buses(
					 t, cases[i].node, cases[i].domain,
					 cases[i].first, cases[i].last, &error),
				 cases[i].err);
		if (cases[i].err)
			says(cases[i].says);
	}
	assert_int_equal(physbio_topology_node(t, 1)->domain, 0);
	assert_int_equal(physbio_topology_node(t, 1)->first_bus, 0x80);
}

static void iommus_have_a_granule(void **state)
{
	static const struct {
		int node;
		uint32_t granule;
		int err;
	} cases[] = {
		{ 0, 4096, 0 },
		{ 0, 65536, 0 },
		{ 0, 0, 0 },
		{ 0, 2048, -EINVAL },
		{ 0, 131072, -EINVAL },
		{ 0, 6144, -EINVAL },
		{ 1, 4096, -EINVAL },
	};
	unsigned int i;

	add(PHYSBIO_HOST_BRIDGE, "hb", NULL);
	add(PHYSBIO_ENDPOINT, "ep", "hb");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_topology_set_iommu(t, cases[i].node,
							    cases[i].granule,
							    &error),
				 cases[i].err);
}

/* hb: rp: up: dn: up2, pci; and an endpoint */
static void ports_are_where_they_can_be(void **state)
{
	static const struct {
		const char *name;
		enum physbio_port port;
		int err;
	} cases[] = {
		{ "hb", PHYSBIO_ROOT_PORT, -EINVAL },
		{ "ep", PHYSBIO_ROOT_PORT, -EINVAL },
		{ "rp", PHYSBIO_NR_PORTS, -EINVAL },
		{ "rp", PHYSBIO_DOWNSTREAM_PORT, -EINVAL },
		{ "rp", PHYSBIO_ROOT_PORT, 0 },
		{ "up", PHYSBIO_ROOT_PORT, -EINVAL },
		{ "dn", PHYSBIO_DOWNSTREAM_PORT, -EINVAL }, /* not yet */
		{ "up", PHYSBIO_UPSTREAM_PORT, 0 },
		{ "dn", PHYSBIO_DOWNSTREAM_PORT, 0 },
		{ "up2", PHYSBIO_DOWNSTREAM_PORT, -EINVAL },
		{ "up2", PHYSBIO_UPSTREAM_PORT, 0 },
		{ "pci", PHYSBIO_PCI_BRIDGE, 0 },
		{ "pci", PHYSBIO_PORT_UNKNOWN, 0 },
	};
	unsigned int i;

	add(PHYSBIO_HOST_BRIDGE, "hb", NULL);
	add(PHYSBIO_BRIDGE, "rp", "hb");
	add(PHYSBIO_BRIDGE, "up", "rp");
	add(PHYSBIO_BRIDGE, "dn", "up");
	add(PHYSBIO_BRIDGE, "up2", "dn");
	add(PHYSBIO_BRIDGE, "pci", "dn");
	add(PHYSBIO_ENDPOINT, "ep", "hb");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (physbio_topology_set_port(
			    t, physbio_topology_find(t, cases[i].name),
			    cases[i].port, &error) != cases[i].err)
			fail_msg("case %u", i);
}

static void functions_of_a_bus_have_their_own_numbers(void **state)
{
	add(PHYSBIO_HOST_BRIDGE, "hb", NULL);
	add(PHYSBIO_BRIDGE, "rp", "hb");
	add(PHYSBIO_ENDPOINT, "a", "hb");
	add(PHYSBIO_ENDPOINT, "b", "rp");
	assert_int_equal(physbio_topology_first_function(t, 0), 1);
	assert_int_equal(physbio_topology_set_function(t, 1, 8, &error), 0);
	assert_int_equal(physbio_topology_set_function(t, 2, 8, &error),
			 -EINVAL);
	says("a: rp is at 01.0 already");
	assert_int_equal(physbio_topology_set_function(t, 3, 8, &error), 0);
	assert_int_equal(physbio_topology_set_function(t, 2, 256, &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_set_function(t, 2, -1, &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_set_function(t, 0, 1, &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_set_function(t, 1, 1, &error),
			 -EINVAL);
	says("rp: has a function number already");
	assert_int_equal(physbio_topology_first_function(t, 0), 1);
	assert_int_equal(physbio_topology_set_function(t, 2, 7, &error), 0);
	assert_int_equal(physbio_topology_first_function(t, 0), 2);
	assert_int_equal(physbio_topology_first_function(t, 3), -1);
}

static void bridges_have_few_windows(void **state)
{
	static const struct {
		struct physbio_forward w;
		int err;
	} cases[] = {
		{ { 0x100000, 0x100000 }, 0 },
		{ { 0x100000, 0 }, -EINVAL },
		{ { 0x1000, 0x100000 }, -EINVAL },
		{ { 0x100000, 0x1000 }, -EINVAL },
		{ { 0xfffffffffff00000, 0x200000 }, -EINVAL },
		{ { 0xfffffffffff00000, 0x100000 }, 0 },
		{ { 0x100000, 0x100000 }, -ENOSPC },
	};
	unsigned int i;

	add(PHYSBIO_HOST_BRIDGE, "hb", NULL);
	add(PHYSBIO_BRIDGE, "rp", "hb");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_topology_add_forward(t, 1, &cases[i].w,
							      &error),
				 cases[i].err);
	assert_int_equal(physbio_topology_add_forward(t, 0, &cases[0].w,
						      &error),
			 -EINVAL);
}

/* f0 and f2 of the recorded machines: the same ports, without an IOMMU and with one. */
static void an_iommu_in_use_sets_acs(void **state)
{
	static const struct {
		const char *name, *parent;
		uint16_t cap, ctrl, after;
	} nodes[] = {
		{ "rp", "hb0", 0x5f, 0, 0x1d },	  { "up", "rp", 0, 0, 0 },
		{ "dn", "up", 0x1f, 0x40, 0x5d }, { "rr", "up", 0x04, 0, 0x04 },
		{ "other", "hb1", 0x5f, 0, 0 },
	};
	unsigned int i;

	add(PHYSBIO_HOST_BRIDGE, "hb0", NULL);
	add(PHYSBIO_HOST_BRIDGE, "hb1", NULL);
	assert_int_equal(physbio_topology_set_iommu(t, 0, 4096, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		int node = add(PHYSBIO_BRIDGE, nodes[i].name, nodes[i].parent);

		physbio_topology_node(t, node)->acs_cap = nodes[i].cap;
		physbio_topology_node(t, node)->acs_ctrl = nodes[i].ctrl;
	}
	physbio_topology_enable_acs(t);
	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		assert_int_equal(physbio_topology_node(t, (int)i + 2)->acs_ctrl,
				 nodes[i].after);
}

static void what_is_below_is_listed_in_order(void **state)
{
	add(PHYSBIO_HOST_BRIDGE, "hb0", NULL);
	add(PHYSBIO_BRIDGE, "a", "hb0");
	add(PHYSBIO_HOST_BRIDGE, "hb1", NULL);
	add(PHYSBIO_ENDPOINT, "b", "hb0");
	add(PHYSBIO_ENDPOINT, "c", "a");
	assert_int_equal(physbio_topology_child(t, -1), 0);
	assert_int_equal(physbio_topology_next(t, 0), 2);
	assert_int_equal(physbio_topology_next(t, 2), -1);
	assert_int_equal(physbio_topology_child(t, 0), 1);
	assert_int_equal(physbio_topology_next(t, 1), 3);
	assert_int_equal(physbio_topology_child(t, 3), -1);
	assert_int_equal(physbio_topology_depth(t, 4), 2);
	assert_int_equal(physbio_topology_parent(t, 4), 1);
	assert_int_equal(physbio_topology_parent(t, 0), -1);
	assert_int_equal(physbio_topology_host_bridge(t, 4), 0);
}

/* A parent that someone has bent back is not followed. */
static void a_cycle_in_the_nodes_is_not_followed(void **state)
{
	add(PHYSBIO_HOST_BRIDGE, "hb", NULL);
	add(PHYSBIO_BRIDGE, "a", "hb");
	add(PHYSBIO_BRIDGE, "b", "a");
	add(PHYSBIO_ENDPOINT, "c", "b");
	physbio_topology_node(t, 1)->parent = 3;
	physbio_topology_node(t, 2)->parent = 2;
	assert_int_equal(physbio_topology_host_bridge(t, 3), 0);
	assert_int_equal(physbio_topology_depth(t, 3), 3);
	assert_int_equal(physbio_p2p_verdict(t, 1, 3).distance, 2);
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

/* The first address is what software gives, and hardware takes both. */
static void memory_at_two_bus_addresses_is_reached_at_both(void **state)
{
	const struct physbio_bridge_window w[] = {
		{ RAM_START, 0x80000000, 1 << 20 },
		{ RAM_START, 0x90000000, 1 << 20 },
		{ RAM_START + 65536, 0x80010000, 1 << 20 },
	};
	struct physbio_fabric *fabric;
	const struct pb_device *d;
	struct physbio_machine *m;
	struct physbio_hit hit;
	unsigned int i;
	int node;

	add_machine(false);
	for (i = 0; i < ARRAY_SIZE(w); i++)
		assert_int_equal(
			physbio_topology_add_inbound(t, 1, &w[i], &error), 0);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error), 0);
	assert_int_equal(
		physbio_fabric_create(t, physbio_machine_mem(m), &fabric), 0);
	node = physbio_topology_find(t, "d");
	d = physbio_machine_device(m, node);
	assert_true(physbio_dma_value(pb_dma_map_phys(d, RAM_START + 65536, 16,
						      PB_DMA_TO_DEVICE, 0)) ==
		    0x80010000);
	for (i = 0; i < 2; i++) {
		hit = physbio_fabric_route(
			fabric, node, physbio_dma_make(w[i].bus + 65536 + 5));
		assert_int_equal(hit.kind, PHYSBIO_HIT_RAM);
		assert_true(hit.paddr == RAM_START + 65536 + 5);
	}
	physbio_fabric_destroy(fabric);
	physbio_machine_destroy(m);
}

static void machines_that_cannot_be_say_why(void **state)
{
	struct physbio_machine *first, *m = NULL;

	add_machine(false);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &first, &error), 0);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error),
			 -EBUSY);
	assert_int_equal(error.err, -EBUSY);
	assert_true(error.message[0]);
	assert_null(m);
	physbio_machine_destroy(first);
}

static void a_machine_and_its_wires_need_memory(void **state)
{
	static const struct physbio_bridge_window w[] = {
		{ RAM_START, 0x80000000, 1 << 20 },
		{ RAM_START, 0x90000000, 2 << 20 },
	};
	struct physbio_fabric *f = NULL;
	struct physbio_machine *m = NULL;
	struct physbio_window *table;
	unsigned int nth, i;

	add_machine(false);
	for (i = 0; i < ARRAY_SIZE(w); i++)
		assert_int_equal(
			physbio_topology_add_inbound(t, 1, &w[i], &error), 0);
	assert_int_equal(physbio_topology_set_iommu(t, 0, 4096, &error), 0);
	for (call_fails = nth = 1;
	     physbio_machine_create(t, &ram, 1, &m, &error);
	     call_fails = ++nth) {
		assert_int_equal(error.err, -ENOMEM);
		assert_null(m);
	}
	assert_true(nth > 10);
	for (call_fails = nth = 1;
	     physbio_fabric_create(t, physbio_machine_mem(m), &f);
	     call_fails = ++nth)
		assert_null(f);
	assert_true(nth > 10);
	call_fails = 1;
	assert_int_equal(physbio_fabric_set_iommu(f, 0, NULL), -ENOMEM);
	for (call_fails = nth = 1; physbio_inbound_table(w, 2, &table) < 0;
	     call_fails = ++nth)
		;
	assert_int_equal(nth, 4);
	call_fails = 0;
	free(table);
	physbio_fabric_destroy(f);
	physbio_machine_destroy(m);
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

/*
 * a, below an IOMMU, sees RAM where the domain has it, and so does the hardware; d,
 * below none, where it is. With ACS as Linux sets it then, a reaches b over the top.
 */
/* What an IOMMU gives out must get to it, and nothing else does. */
static void an_iommu_is_behind_the_inbound_windows(void **state)
{
	static const struct physbio_bridge_window w[] = {
		{ 0, 0, 0x20000 }, /* too low, but for a bit of it */
		{ 0, 0x50000000, 0x100000 },
		{ 0x200000, 0x3ff00000, 0x200000 }, /* half of it is peers' */
	};
	struct physbio_fabric *f;
	const struct pb_device *a;
	struct physbio_machine *m;
	struct physbio_hit hit;
	pb_dma_addr_t bus;
	unsigned int i;
	int node;

	add_machine(true);
	assert_int_equal(physbio_topology_set_iommu(t, 0, 65536, &error), 0);
	for (i = 0; i < ARRAY_SIZE(w); i++)
		assert_int_equal(
			physbio_topology_add_inbound(t, 0, &w[i], &error), 0);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error), 0);
	assert_int_equal(physbio_fabric_create(t, physbio_machine_mem(m), &f),
			 0);
	assert_int_equal(
		physbio_fabric_set_iommu(f, 0, physbio_machine_iommu(m, 0)), 0);
	node = physbio_topology_find(t, "a");
	a = physbio_machine_device(m, node);
	bus = pb_dma_map_phys(a, RAM_START, 65536, PB_DMA_BIDIRECTIONAL, 0);
	assert_true(physbio_dma_value(bus) - 0x50000000 < 0x100000);
	hit = physbio_fabric_route(f, node, bus);
	assert_int_equal(hit.kind, PHYSBIO_HIT_RAM);
	assert_true(hit.paddr == RAM_START);
	physbio_fabric_destroy(f);
	/* the same wires with windows elsewhere */
	physbio_topology_node(t, 0)->nr_inbound = 1;
	assert_int_equal(physbio_fabric_create(t, physbio_machine_mem(m), &f),
			 0);
	assert_int_equal(
		physbio_fabric_set_iommu(f, 0, physbio_machine_iommu(m, 0)), 0);
	hit = physbio_fabric_route(f, node, bus);
	assert_int_equal(hit.kind, PHYSBIO_HIT_NOTHING);
	pb_dma_unmap_phys(a, bus, 65536, PB_DMA_BIDIRECTIONAL, 0);
	physbio_fabric_destroy(f);
	physbio_machine_destroy(m);
}

static void an_iommu_in_use_is_softwares_and_hardwares(void **state)
{
	const pb_phys_addr_t at[] = { RAM_START + 0x10, 0x20100000 };
	const struct pb_device *a, *d;
	struct physbio_machine *m;
	struct physbio_fabric *f;
	unsigned int i;

	add_machine(true);
	physbio_topology_node(t, 5)->dma_mask = UINT32_MAX;
	physbio_topology_node(t, 2)->acs_cap = 0x5f;
	assert_int_equal(physbio_topology_set_iommu(t, 0, 16384, &error), 0);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error), 0);
	assert_int_equal(reach(m, "a", "b"), PB_PCI_P2PDMA_MAP_BUS_ADDR);
	physbio_machine_destroy(m);
	physbio_topology_enable_acs(t);
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error), 0);
	assert_int_equal(reach(m, "a", "b"),
			 PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
	assert_int_equal(physbio_fabric_create(t, physbio_machine_mem(m), &f),
			 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(physbio_fabric_set_iommu(
					 f, (int)i,
					 physbio_machine_iommu(m, (int)i)),
				 0);
	assert_non_null(physbio_machine_iommu(m, 0));
	assert_null(physbio_machine_iommu(m, 1));
	assert_null(physbio_machine_iommu(m, 5));
	assert_null(physbio_machine_iommu(m, -1));
	a = physbio_machine_device(m, physbio_topology_find(t, "a"));
	d = physbio_machine_device(m, physbio_topology_find(t, "d"));
	assert_int_equal(pb_dma_get_merge_boundary(a), 16383);
	assert_int_equal(pb_dma_get_merge_boundary(d), 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		pb_dma_addr_t bus =
			pb_dma_map_phys(a, at[i], 16, PB_DMA_BIDIRECTIONAL, 0);
		struct physbio_hit hit;

		assert_int_equal(pb_dma_mapping_error(a, bus), 0);
		/* within the mask, and in no window of the bridge */
		assert_true(physbio_dma_value(bus) <= UINT32_MAX);
		assert_true(physbio_dma_value(bus) - 0x40000000 >= 0x1000000);
		hit = physbio_fabric_route(f, physbio_topology_find(t, "a"),
					   bus);
		assert_int_equal(hit.paddr, at[i]);
		pb_dma_unmap_phys(a, bus, 16, PB_DMA_BIDIRECTIONAL, 0);
		hit = physbio_fabric_route(f, physbio_topology_find(t, "a"),
					   bus);
		assert_int_equal(hit.kind, PHYSBIO_HIT_NOTHING);
	}
	physbio_fabric_destroy(f);
	physbio_machine_destroy(m);
}

static void an_iommu_without_addresses_is_refused(void **state)
{
	struct physbio_machine *m = NULL;

	add_machine(true);
	assert_int_equal(physbio_topology_set_iommu(t, 0, 4096, &error), 0);
	physbio_topology_node(t, 5)->dma_mask = 0xffff;
	assert_int_equal(physbio_machine_create(t, &ram, 1, &m, &error),
			 -EINVAL);
	says("no addresses that all can use: hb0");
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
			memory_may_be_at_several_bus_addresses, up, down),
		cmocka_unit_test(of_inbound_windows_the_first_counts),
		cmocka_unit_test(random_inbound_windows_are_as_one_by_one),
		cmocka_unit_test_setup_teardown(
			bars_have_an_end_and_windows_none, up, down),
		cmocka_unit_test_setup_teardown(
			bus_numbers_belong_to_one_host_bridge, up, down),
		cmocka_unit_test_setup_teardown(iommus_have_a_granule, up,
						down),
		cmocka_unit_test_setup_teardown(ports_are_where_they_can_be, up,
						down),
		cmocka_unit_test_setup_teardown(
			functions_of_a_bus_have_their_own_numbers, up, down),
		cmocka_unit_test_setup_teardown(bridges_have_few_windows, up,
						down),
		cmocka_unit_test_setup_teardown(an_iommu_in_use_sets_acs, up,
						down),
		cmocka_unit_test_setup_teardown(
			what_is_below_is_listed_in_order, up, down),
		cmocka_unit_test_setup_teardown(
			a_cycle_in_the_nodes_is_not_followed, up, down),
		cmocka_unit_test(peers_below_one_bridge_use_bus_addresses),
		cmocka_unit_test_setup_teardown(a_region_knows_its_offset, up,
						down),
		cmocka_unit_test_setup_teardown(
			a_client_sees_memory_through_its_own_bridge, up, down),
		cmocka_unit_test_setup_teardown(
			memory_at_two_bus_addresses_is_reached_at_both, up,
			down),
		cmocka_unit_test_setup_teardown(machines_that_cannot_be_say_why,
						up, down),
		cmocka_unit_test_setup_teardown(
			a_machine_and_its_wires_need_memory, up, down),
		cmocka_unit_test_setup_teardown(ram_over_a_bar_is_refused, up,
						down),
		cmocka_unit_test_setup_teardown(
			an_iommu_is_behind_the_inbound_windows, up, down),
		cmocka_unit_test_setup_teardown(
			an_iommu_in_use_is_softwares_and_hardwares, up, down),
		cmocka_unit_test_setup_teardown(
			an_iommu_without_addresses_is_refused, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
