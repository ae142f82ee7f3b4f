// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which way a peer is reached, how far it is, and why not. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fixture.h"

#include <physbio/p2p.h>

/*
 *   hb0: rp0: up: dn0: a      hb1: rp2: d
 *                 dn1: b           e (on the root bus)
 *        rp1: c
 */
enum node {
	HB0,
	HB1,
	RP0,
	RP1,
	RP2,
	UP,
	DN0,
	DN1,
	A,
	B,
	C,
	D,
	E,
	NR_NODES
};

static struct physbio_topology *t;

static int up(void **state)
{
	static const struct {
		enum physbio_node_kind kind;
		const char *name, *parent;
	} nodes[NR_NODES] = {
		{ PHYSBIO_HOST_BRIDGE, "hb0", NULL },
		{ PHYSBIO_HOST_BRIDGE, "hb1", NULL },
		{ PHYSBIO_BRIDGE, "rp0", "hb0" },
		{ PHYSBIO_BRIDGE, "rp1", "hb0" },
		{ PHYSBIO_BRIDGE, "rp2", "hb1" },
		{ PHYSBIO_BRIDGE, "up", "rp0" },
		{ PHYSBIO_BRIDGE, "dn0", "up" },
		{ PHYSBIO_BRIDGE, "dn1", "up" },
		{ PHYSBIO_ENDPOINT, "a", "dn0" },
		{ PHYSBIO_ENDPOINT, "b", "dn1" },
		{ PHYSBIO_ENDPOINT, "c", "rp1" },
		{ PHYSBIO_ENDPOINT, "d", "rp2" },
		{ PHYSBIO_ENDPOINT, "e", "hb1" },
	};
	int i;

	t = physbio_topology_create();
	for (i = 0; i < NR_NODES; i++)
		if (physbio_topology_add(t, nodes[i].kind, nodes[i].name,
					 nodes[i].parent, NULL) != i)
			return -1;
	return 0;
}

static int down(void **state)
{
	physbio_topology_destroy(t);
	return 0;
}

#define BUS PB_PCI_P2PDMA_MAP_BUS_ADDR
#define HOST PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE
#define NOT PB_PCI_P2PDMA_MAP_NOT_SUPPORTED

struct p2p_case {
	enum node provider, client;
	enum pb_pci_p2pdma_map_type map;
	int distance;
	enum physbio_p2p_reason reason;
};

static void check(const struct p2p_case *cases, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct physbio_p2p_verdict v = physbio_p2p_verdict(
			t, cases[i].provider, cases[i].client);

		if (v.map != cases[i].map || v.distance != cases[i].distance ||
		    v.reason != cases[i].reason)
			fail_msg("case %u: map %d distance %d, %s", i, v.map,
				 v.distance, physbio_p2p_reason_text(v.reason));
	}
}

#define CHECK(...)                                               \
	check((const struct p2p_case[]){ __VA_ARGS__ },          \
	      sizeof((const struct p2p_case[]){ __VA_ARGS__ }) / \
		      sizeof(struct p2p_case))

static void below_one_bridge_the_bus_address_is_used(void **state)
{
	CHECK({ A, A, BUS, 0, PHYSBIO_P2P_SAME_FUNCTION },
	      { A, B, BUS, 4, PHYSBIO_P2P_COMMON_BRIDGE },
	      { B, A, BUS, 4, PHYSBIO_P2P_COMMON_BRIDGE },
	      { A, DN0, BUS, 1, PHYSBIO_P2P_COMMON_BRIDGE });
}

static void root_ports_share_no_bridge(void **state)
{
	CHECK({ A, C, NOT, -1, PHYSBIO_P2P_APART_UNLISTED },
	      { A, D, NOT, -1, PHYSBIO_P2P_APART_UNLISTED },
	      { E, D, NOT, -1, PHYSBIO_P2P_APART_UNLISTED });
}

static void a_cpu_that_forwards_allows_all(void **state)
{
	physbio_topology_set_cpu_forwards(t, true);
	CHECK({ A, B, BUS, 4, PHYSBIO_P2P_COMMON_BRIDGE },
	      { A, C, HOST, 6, PHYSBIO_P2P_APART_CPU },
	      { A, D, HOST, 6, PHYSBIO_P2P_APART_CPU },
	      { E, D, HOST, 3, PHYSBIO_P2P_APART_CPU });
}

static void both_host_bridges_must_be_listed(void **state)
{
	physbio_topology_node(t, HB0)->p2p_listed = PHYSBIO_P2P_LISTED;
	CHECK({ A, C, HOST, 6, PHYSBIO_P2P_APART_LISTED },
	      { A, D, NOT, -1, PHYSBIO_P2P_APART_UNLISTED });
	physbio_topology_node(t, HB1)->p2p_listed = PHYSBIO_P2P_LISTED;
	CHECK({ A, D, HOST, 6, PHYSBIO_P2P_APART_LISTED });
	physbio_topology_node(t, HB0)->p2p_listed = PHYSBIO_P2P_LISTED_SAME;
	CHECK({ A, C, HOST, 6, PHYSBIO_P2P_APART_LISTED },
	      { A, D, NOT, -1, PHYSBIO_P2P_APART_SAME_ONLY },
	      { D, A, NOT, -1, PHYSBIO_P2P_APART_SAME_ONLY });
}

/* Whose bits count: every function on the way, the ends and the common bridge too. */
static void acs_anywhere_on_the_way_redirects(void **state)
{
	static const enum node on_the_way[] = { A, DN0, UP, DN1, B };
	static const uint16_t bits[] = { 0x04, 0x08, 0x20 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(on_the_way); i++)
		for (j = 0; j < ARRAY_SIZE(bits); j++) {
			struct physbio_node *n =
				physbio_topology_node(t, on_the_way[i]);
			struct physbio_p2p_verdict v;

			n->acs_ctrl = bits[j];
			v = physbio_p2p_verdict(t, A, B);
			assert_int_equal(v.map, NOT);
			assert_int_equal(v.reason, PHYSBIO_P2P_ACS_UNLISTED);
			assert_int_equal(v.redirect, on_the_way[i]);
			assert_int_equal(v.common, UP);
			n->acs_ctrl = 0;
		}
	/* bits that redirect nothing, and a port that is not on the way */
	physbio_topology_node(t, A)->acs_ctrl = 0xffff & ~0x2c;
	physbio_topology_node(t, RP0)->acs_ctrl = 0x2c;
	CHECK({ A, B, BUS, 4, PHYSBIO_P2P_COMMON_BRIDGE });
}

/* Nothing to turn round at: what redirects there is not why. */
static void apart_no_acs_bit_counts(void **state)
{
	struct physbio_p2p_verdict v;

	physbio_topology_node(t, DN0)->acs_ctrl = 0x2c;
	physbio_topology_node(t, RP1)->acs_ctrl = 0x2c;
	v = physbio_p2p_verdict(t, A, C);
	assert_int_equal(v.reason, PHYSBIO_P2P_APART_UNLISTED);
	assert_int_equal(v.common, -1);
	assert_int_equal(v.redirect, -1);
}

static void a_function_may_not_even_reach_itself(void **state)
{
	physbio_topology_node(t, A)->acs_ctrl = 0x04;
	CHECK({ A, A, NOT, -1, PHYSBIO_P2P_ACS_UNLISTED });
	physbio_topology_set_cpu_forwards(t, true);
	CHECK({ A, A, HOST, 0, PHYSBIO_P2P_ACS_CPU });
	physbio_topology_set_cpu_forwards(t, false);
	physbio_topology_node(t, HB0)->p2p_listed = PHYSBIO_P2P_LISTED_SAME;
	CHECK({ A, A, HOST, 0, PHYSBIO_P2P_ACS_LISTED });
}

static void the_list_is_linuxs(void **state)
{
	static const struct {
		uint16_t vendor, device;
		enum physbio_p2p_listing listing;
	} cases[] = {
		{ 0x8086, 0x3bff, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x3c00, PHYSBIO_P2P_LISTED_SAME },
		{ 0x8086, 0x3c01, PHYSBIO_P2P_LISTED_SAME },
		{ 0x8086, 0x3c02, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x2eff, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x2f00, PHYSBIO_P2P_LISTED_SAME },
		{ 0x8086, 0x2f01, PHYSBIO_P2P_LISTED_SAME },
		{ 0x8086, 0x2f02, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x201f, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x2020, PHYSBIO_P2P_LISTED },
		{ 0x8086, 0x2021, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x202f, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x2030, PHYSBIO_P2P_LISTED },
		{ 0x8086, 0x2033, PHYSBIO_P2P_LISTED },
		{ 0x8086, 0x2034, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x09a1, PHYSBIO_P2P_UNLISTED },
		{ 0x8086, 0x09a2, PHYSBIO_P2P_LISTED },
		{ 0x8086, 0x09a3, PHYSBIO_P2P_UNLISTED },
		{ 0x1ae0, 0x0000, PHYSBIO_P2P_LISTED },
		{ 0x1ae0, 0xffff, PHYSBIO_P2P_LISTED },
		{ 0x1ae1, 0x0000, PHYSBIO_P2P_UNLISTED },
		{ 0x1022, 0x1480, PHYSBIO_P2P_UNLISTED },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(physbio_p2p_listing(cases[i].vendor,
						     cases[i].device),
				 cases[i].listing);
	for (i = 0; i < PHYSBIO_P2P_NR_REASONS; i++)
		assert_true(
			*physbio_p2p_reason_text((enum physbio_p2p_reason)i));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

/* Who the first function is, where it is, and what Linux makes of that. */
static void a_host_bridge_is_known_by_its_first_function(void **state)
{
	static const struct {
		int devfn;
		enum physbio_port port;
		uint16_t vendor, device;
		enum physbio_p2p_listing by_hand, listing;
	} cases[] = {
		{ 0, 0, 0x8086, 0x2030, 0, PHYSBIO_P2P_LISTED },
		{ 0, 0, 0x8086, 0x3c00, 0, PHYSBIO_P2P_LISTED_SAME },
		{ 0, 0, 0x8086, 0x1234, 0, PHYSBIO_P2P_UNLISTED },
		{ 0, 0, 0, 0, 0, PHYSBIO_P2P_UNLISTED },
		{ 8, 0, 0x8086, 0x2030, 0, PHYSBIO_P2P_UNLISTED },
		{ 8, PHYSBIO_ROOT_PORT, 0x8086, 0x2030, 0, PHYSBIO_P2P_LISTED },
		{ -1, 0, 0x8086, 0x2030, 0, PHYSBIO_P2P_UNLISTED },
		{ -1, PHYSBIO_ROOT_PORT, 0x8086, 0x2030, 0,
		  PHYSBIO_P2P_LISTED },
		{ 0, 0, 0x8086, 0x2030, PHYSBIO_P2P_LISTED_SAME,
		  PHYSBIO_P2P_LISTED_SAME },
		{ 0, 0, 0, 0, PHYSBIO_P2P_LISTED, PHYSBIO_P2P_LISTED },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct physbio_topology *m = physbio_topology_create();
		struct physbio_node *n;

		physbio_topology_add(m, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
		physbio_topology_node(m, 0)->p2p_listed = cases[i].by_hand;
		assert_int_equal(physbio_p2p_host_bridge_listing(m, 0),
				 cases[i].by_hand);
		physbio_topology_add(m, PHYSBIO_BRIDGE, "later", "hb", NULL);
		physbio_topology_set_function(m, 1, 0xf8, NULL);
		physbio_topology_add(m, PHYSBIO_BRIDGE, "f", "hb", NULL);
		if (cases[i].devfn >= 0)
			physbio_topology_set_function(m, 2, cases[i].devfn,
						      NULL);
		n = physbio_topology_node(m, cases[i].devfn < 0 ? 1 : 2);
		n->devfn = cases[i].devfn;
		n->port = cases[i].port;
		n->vendor = cases[i].vendor;
		n->device = cases[i].device;
		if (physbio_p2p_host_bridge_listing(m, 0) != cases[i].listing)
			fail_msg("case %u", i);
		assert_int_equal(physbio_p2p_host_bridge_listing(m, 1),
				 PHYSBIO_P2P_UNLISTED);
		physbio_topology_destroy(m);
	}
}

#define MANY 40

/* Any number of host bridges, nodes below any but an endpoint, ACS here and there. */
static struct physbio_topology *any_topology(void)
{
	struct physbio_topology *any = physbio_topology_create();
	const struct physbio_node *above;
	char name[MANY][8];
	int i, up, kind;

	physbio_topology_set_cpu_forwards(any, rand() % 4 == 0);
	for (i = 0; i < MANY; i++) {
		snprintf(name[i], sizeof(name[i]), "n%d", i);
		up = i ? rand() % i : -1;
		above = up < 0 || rand() % 8 == 0 ?
				NULL :
				physbio_topology_node(any, up);
		if (above && above->kind == PHYSBIO_ENDPOINT)
			above = NULL;
		kind = !above	  ? PHYSBIO_HOST_BRIDGE :
		       rand() % 3 ? PHYSBIO_BRIDGE :
				    PHYSBIO_ENDPOINT;
		assert_int_equal(physbio_topology_add(any, kind, name[i],
						      above ? name[up] : NULL,
						      NULL),
				 i);
		if (rand() % 6 == 0)
			physbio_topology_node(any, i)->acs_ctrl =
				PHYSBIO_ACS_REDIRECT;
		if (!above)
			physbio_topology_node(any, i)->p2p_listed = rand() % 3;
	}
	return any;
}

static void one_pass_finds_what_each_verdict_says(void **state)
{
	const unsigned int seed = (unsigned int)time(NULL);
	struct physbio_topology *any;
	unsigned int round, seen[8] = { 0 };
	uint8_t maps[MANY];
	int a, b;

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 200; round++) {
		any = any_topology();
		for (a = 0; a < MANY; a++) {
			physbio_p2p_map_all(any, a, maps);
			for (b = 0; b < MANY; b++) {
				assert_int_equal(
					maps[b],
					physbio_p2p_verdict(any, a, b).map);
				seen[maps[b]]++;
			}
		}
		physbio_topology_destroy(any);
	}
	assert_true(seen[BUS] && seen[HOST] && seen[NOT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(below_one_bridge_the_bus_address_is_used),
		TEST(root_ports_share_no_bridge),
		TEST(a_cpu_that_forwards_allows_all),
		TEST(both_host_bridges_must_be_listed),
		TEST(acs_anywhere_on_the_way_redirects),
		TEST(apart_no_acs_bit_counts),
		TEST(a_function_may_not_even_reach_itself),
		TEST(the_list_is_linuxs),
		cmocka_unit_test(one_pass_finds_what_each_verdict_says),
		cmocka_unit_test(a_host_bridge_is_known_by_its_first_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
