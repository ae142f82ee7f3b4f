// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The hardware: what a bus address hits, seen from each port. */
#include "fixture.h"

#include <stdio.h>

#include <physbio/fabric.h>
#include <physbio/p2p.h>
#include <physbio/topology.h>
#include <physbio/xlate.h>

static struct physbio_topology *t;
static struct physbio_fabric *fabric;

/*
 *   hb0: port0: a, b    port1: c     hb1: port2: d, e
 *   RAM at 0x10000000; hb1 sees it at bus 0x80000000
 */
static const struct {
	enum physbio_node_kind kind;
	const char *name, *parent;
	uint64_t bar;
	pb_phys_addr_t cpu;
} nodes[] = {
	{ PHYSBIO_HOST_BRIDGE, "hb0", NULL, 0, 0x20000000 },
	{ PHYSBIO_HOST_BRIDGE, "hb1", NULL, 0, 0x30000000 },
	{ PHYSBIO_BRIDGE, "port0", "hb0", 0, 0 },
	{ PHYSBIO_BRIDGE, "port1", "hb0", 0, 0 },
	{ PHYSBIO_BRIDGE, "port2", "hb1", 0, 0 },
	{ PHYSBIO_ENDPOINT, "a", "port0", 0x40000000, 0x20000000 },
	{ PHYSBIO_ENDPOINT, "b", "port0", 0x40100000, 0x20100000 },
	{ PHYSBIO_ENDPOINT, "c", "port1", 0x40200000, 0x20200000 },
	{ PHYSBIO_ENDPOINT, "d", "port2", 0x40000000, 0x30000000 },
	{ PHYSBIO_ENDPOINT, "e", "port2", 0x40100000, 0x30100000 },
};

/* Only its address counts. */
static const struct physbio_region owner;

static int node_of(const char *name)
{
	return physbio_topology_find(t, name);
}

static int add_nodes(struct physbio_mem_range *ranges)
{
	unsigned int i, n = 0;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		const struct physbio_bridge_window w = { nodes[i].cpu,
							 0x40000000,
							 0x1000000 };
		const struct physbio_bar bar = { nodes[i].bar, 0x100000, true };
		int node = physbio_topology_add(t, nodes[i].kind, nodes[i].name,
						nodes[i].parent, NULL);

		if (nodes[i].kind == PHYSBIO_HOST_BRIDGE)
			err |= physbio_topology_add_outbound(t, node, &w, NULL);
		if (!nodes[i].bar)
			continue;
		err |= physbio_topology_add_bar(t, node, &bar, NULL);
		ranges[n++] = (struct physbio_mem_range){
			nodes[i].cpu, 0x100000, PHYSBIO_MEM_BAR, -1, &owner
		};
	}
	return err;
}

static int up(void **state)
{
	const struct physbio_bridge_window inbound = { RAM_START, 0x80000000,
						       0x10000000 };
	const struct physbio_bridge_window peers = { 0x20000000, 0x90000000,
						     0x1000000 };
	struct physbio_mem_range ranges[6];

	t = physbio_topology_create();
	if (add_nodes(ranges) ||
	    physbio_topology_add_inbound(t, node_of("hb1"), &inbound, NULL) ||
	    physbio_topology_add_inbound(t, node_of("hb1"), &peers, NULL))
		return -1;
	ranges[5] = (struct physbio_mem_range){ RAM_START, 1 << 20,
						PHYSBIO_MEM_RAM, -1, NULL };
	return physbio_mem_create(ranges, 6, &mem, NULL) ||
	       physbio_fabric_create(t, mem, &fabric);
}

static int down(void **state)
{
	physbio_fabric_destroy(fabric);
	mem_down(state);
	physbio_topology_destroy(t);
	return 0;
}

static void an_address_hits_what_the_wires_say(void **state)
{
	static const struct {
		const char *from;
		uint64_t bus;
		enum physbio_hit_kind kind;
		const char *whose;
		uint32_t paddr;
	} cases[] = {
		/* peers below one port */
		{ "a", 0x40100010, PHYSBIO_HIT_BAR, "b", 0x20100010 },
		{ "b", 0x40000000, PHYSBIO_HIT_BAR, "a", 0x20000000 },
		/* over the host bridge, to its other port */
		{ "a", 0x40200000, PHYSBIO_HIT_BAR, "c", 0x20200000 },
		{ "c", 0x40000000, PHYSBIO_HIT_BAR, "a", 0x20000000 },
		/* the same bus address behind another host bridge */
		{ "e", 0x40000000, PHYSBIO_HIT_BAR, "d", 0x30000000 },
		{ "d", 0x40100000, PHYSBIO_HIT_BAR, "e", 0x30100000 },
		/* its own BAR does not come back to it */
		{ "a", 0x40000000, PHYSBIO_HIT_NOTHING, NULL, 0 },
		/* a hole in the window */
		{ "a", 0x40800000, PHYSBIO_HIT_NOTHING, NULL, 0 },
		/* RAM: as it is for hb0, moved for hb1 */
		{ "a", 0x10000123, PHYSBIO_HIT_RAM, NULL, 0x10000123 },
		{ "d", 0x80000123, PHYSBIO_HIT_RAM, NULL, 0x10000123 },
		{ "d", 0x10000123, PHYSBIO_HIT_NOTHING, NULL, 0 },
		{ "a", 0x80000123, PHYSBIO_HIT_NOTHING, NULL, 0 },
		/* up, over, and down again: by CPU address */
		{ "a", 0x30100000, PHYSBIO_HIT_BAR, "e", 0x30100000 },
		{ "d", 0x90000000, PHYSBIO_HIT_BAR, "a", 0x20000000 },
		{ "d", 0x20000000, PHYSBIO_HIT_NOTHING, NULL, 0 },
		{ "a", UINT64_MAX, PHYSBIO_HIT_NOTHING, NULL, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct physbio_hit hit =
			physbio_fabric_route(fabric, node_of(cases[i].from),
					     physbio_dma_make(cases[i].bus));

		if (hit.kind != cases[i].kind)
			fail_msg("%s 0x%llx hits %d", cases[i].from,
				 (unsigned long long)cases[i].bus, hit.kind);
		if (hit.kind == PHYSBIO_HIT_NOTHING)
			continue;
		assert_int_equal(hit.paddr, cases[i].paddr);
		assert_int_equal(hit.node,
				 cases[i].whose ? node_of(cases[i].whose) : -1);
	}
}

static void a_host_bridge_that_routes_no_peers_drops_them(void **state)
{
	struct physbio_hit hit;

	physbio_topology_node(t, node_of("hb0"))->p2p_routed = false;
	hit = physbio_fabric_route(fabric, node_of("c"),
				   physbio_dma_make(0x40000000));
	assert_int_equal(hit.kind, PHYSBIO_HIT_NOTHING);
	hit = physbio_fabric_route(fabric, node_of("d"),
				   physbio_dma_make(0x90000000));
	assert_int_equal(hit.kind, PHYSBIO_HIT_NOTHING);
	/* below one port it is not asked */
	hit = physbio_fabric_route(fabric, node_of("b"),
				   physbio_dma_make(0x40000000));
	assert_int_equal(hit.kind, PHYSBIO_HIT_BAR);
	physbio_topology_node(t, node_of("hb0"))->p2p_routed = true;
}

static void bytes_move_and_are_counted(void **state)
{
	struct physbio_fabric_stats stats;
	char out[100], in[100];

	memset(out, 'x', sizeof(out));
	physbio_fabric_stats(fabric, &stats);
	assert_int_equal(stats.transfers, 0);
	assert_int_equal(physbio_fabric_write(fabric, node_of("d"),
					      physbio_dma_make(0x80000ff0), out,
					      sizeof(out), NULL),
			 0);
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"),
					     physbio_dma_make(0x10000ff0), in,
					     sizeof(in), NULL),
			 0);
	assert_memory_equal(in, out, sizeof(in));
	physbio_fabric_stats(fabric, &stats);
	assert_int_equal(stats.transfers, 2);
	assert_int_equal(stats.bytes, 200);
	assert_int_equal(stats.faults, 0);
}

static void a_fault_names_its_address(void **state)
{
	struct physbio_fabric_stats stats;
	pb_dma_addr_t fault;
	unsigned long before;
	char buf[64];

	physbio_fabric_stats(fabric, &stats);
	before = stats.bytes;
	/* 16 bytes before the end of RAM */
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"),
					     physbio_dma_make(0x100ffff0), buf,
					     sizeof(buf), &fault),
			 -EFAULT);
	assert_true(physbio_dma_value(fault) == 0x10100000);
	physbio_fabric_stats(fabric, &stats);
	assert_int_equal(stats.faults, 1);
	assert_int_equal(stats.bytes - before, 16);
}

/*
 *   |------- z, below hb1 -------|     as hb1 has it
 *                 |------ v -----|     a window of hb0, which comes first
 */
static void a_hit_ends_where_a_window_begins(void **state)
{
	const struct physbio_bridge_window w[] = {
		{ 0x40000000, 0x20100000, 0x100000 },
		{ 0x20000000, 0x20000000, 0x200000 },
	};
	const struct physbio_bar bars[] = { { 0x20100000, 0x100000, true },
					    { 0x20000000, 0x200000, true } };
	struct physbio_topology *two = physbio_topology_create();
	struct physbio_fabric *f;
	struct physbio_hit hit;
	int i;

	for (i = 0; i < 2; i++) {
		const char *hb = i ? "hb1" : "hb0";
		int node = physbio_topology_add(two, PHYSBIO_HOST_BRIDGE, hb,
						NULL, NULL);

		assert_int_equal(physbio_topology_add_outbound(two, node, &w[i],
							       NULL),
				 0);
		node = physbio_topology_add(two, PHYSBIO_ENDPOINT,
					    i ? "z" : "v", hb, NULL);
		assert_int_equal(
			physbio_topology_add_bar(two, node, &bars[i], NULL), 0);
	}
	i = physbio_topology_add(two, PHYSBIO_ENDPOINT, "a", "hb0", NULL);
	assert_int_equal(physbio_fabric_create(two, mem, &f), 0);
	hit = physbio_fabric_route(f, i, physbio_dma_make(0x20000000));
	assert_int_equal(hit.node, physbio_topology_find(two, "z"));
	assert_true(hit.len == 0x100000);
	hit = physbio_fabric_route(f, i, physbio_dma_make(0x20100000));
	assert_int_equal(hit.node, physbio_topology_find(two, "v"));
	physbio_fabric_destroy(f);
	physbio_topology_destroy(two);
}

static void a_transfer_that_hits_nothing_is_not_corrupted(void **state)
{
	char buf[64] = "", zero[64] = "";

	physbio_fabric_corrupt(fabric, 1);
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"),
					     physbio_dma_make(UINT64_MAX - 64),
					     buf, sizeof(buf), NULL),
			 -EFAULT);
	assert_memory_equal(buf, zero, sizeof(buf));
}

static void the_chosen_transfer_is_corrupted_and_no_other(void **state)
{
	const pb_dma_addr_t at = physbio_dma_make(0x10000000);
	char zero[64] = "", got[64];
	int i;

	for (i = 0; i < 2; i++) {
		memset(got, 0, sizeof(got));
		physbio_fabric_corrupt(fabric, 2);
		physbio_fabric_write(fabric, node_of("a"), at, zero, 64, NULL);
		if (i) {
			physbio_fabric_write(fabric, node_of("a"), at, zero, 64,
					     NULL);
			physbio_mem_read(mem, RAM_START, got, 64);
		} else {
			physbio_fabric_read(fabric, node_of("a"), at, got, 64,
					    NULL);
		}
		assert_int_equal(got[32], 1);
		got[32] = 0;
		assert_memory_equal(got, zero, 64);
		/* the next one is right again */
		physbio_fabric_write(fabric, node_of("a"), at, zero, 64, NULL);
		physbio_mem_read(mem, RAM_START, got, 64);
		assert_memory_equal(got, zero, 64);
	}
}

static struct physbio_hit hit_from(const char *from, uint64_t bus)
{
	return physbio_fabric_route(fabric, node_of(from),
				    physbio_dma_make(bus));
}

/* What a test has changed of the machine. */
static int as_built(void **state)
{
	struct physbio_node *a = physbio_topology_node(t, node_of("a"));

	a->acs_ctrl = 0;
	a->acs_hw = PHYSBIO_ACS_AS_SET;
	physbio_topology_node(t, node_of("hb0"))->p2p_routed = true;
	return physbio_fabric_set_iommu(fabric, node_of("hb0"), NULL);
}

static void a_function_that_redirects_sends_peers_traffic_up(void **state)
{
	struct physbio_node *a = physbio_topology_node(t, node_of("a"));
	struct physbio_node *hb = physbio_topology_node(t, node_of("hb0"));

	/* over the top it comes down again, if the host bridge lets it */
	a->acs_ctrl = 0x1d;
	assert_int_equal(hit_from("a", 0x40100000).node, node_of("b"));
	hb->p2p_routed = false;
	assert_int_equal(hit_from("a", 0x40100000).kind, PHYSBIO_HIT_NOTHING);
	/* the other way nothing redirects */
	assert_int_equal(hit_from("b", 0x40000000).node, node_of("a"));
	/* bits that do not redirect */
	a->acs_ctrl = 0x51;
	assert_int_equal(hit_from("a", 0x40100000).node, node_of("b"));
}

static void hardware_may_do_otherwise_than_its_bits_say(void **state)
{
	struct physbio_node *a = physbio_topology_node(t, node_of("a"));

	physbio_topology_node(t, node_of("hb0"))->p2p_routed = false;
	a->acs_hw = PHYSBIO_ACS_ALWAYS;
	assert_int_equal(hit_from("a", 0x40100000).kind, PHYSBIO_HIT_NOTHING);
	a->acs_ctrl = 0x1d;
	a->acs_hw = PHYSBIO_ACS_NEVER;
	assert_int_equal(hit_from("a", 0x40100000).node, node_of("b"));
}

static void an_iommu_looks_up_all_that_comes_up(void **state)
{
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	pb_dma_addr_t addr;
	struct physbio_hit hit;

	assert_int_equal(
		physbio_iommu_create(4096, 0x1000000, 0x1000000, &iommu), 0);
	physbio_xlate_init_iommu(&x, iommu);
	assert_int_equal(
		physbio_fabric_set_iommu(fabric, node_of("hb0"), iommu), 0);
	assert_int_equal(physbio_fabric_set_iommu(fabric, node_of("a"), iommu),
			 -EINVAL);
	addr = pb_dma_map_phys(&dev, RAM_START + 0x3000, 0x2000,
			       PB_DMA_TO_DEVICE, 0);
	hit = physbio_fabric_route(fabric, node_of("a"),
				   physbio_dma_add(addr, 0x1234));
	assert_int_equal(hit.kind, PHYSBIO_HIT_RAM);
	assert_int_equal(hit.paddr, RAM_START + 0x4234);
	/* peers below one port are reached before it, others only as it says */
	assert_int_equal(hit_from("a", 0x40100000).node, node_of("b"));
	assert_int_equal(hit_from("a", 0x40200000).kind, PHYSBIO_HIT_NOTHING);
	assert_int_equal(hit_from("a", RAM_START).kind, PHYSBIO_HIT_NOTHING);
	pb_dma_unmap_phys(&dev, addr, 0x2000, PB_DMA_TO_DEVICE, 0);
	assert_int_equal(physbio_fabric_route(fabric, node_of("a"), addr).kind,
			 PHYSBIO_HIT_NOTHING);
	physbio_fabric_set_iommu(fabric, node_of("hb0"), NULL);
	assert_int_equal(hit_from("a", RAM_START).kind, PHYSBIO_HIT_RAM);
	physbio_iommu_destroy(iommu);
}

/* The memory is somebody else's meanwhile: a read brings bytes, and no error. */
static void a_device_reads_what_is_unmapped_until_the_flush(void **state)
{
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	char was[16], is[16] = "somebody else's", got[16] = "";
	pb_dma_addr_t addr;

	assert_int_equal(
		physbio_iommu_create(4096, 0x1000000, 0x1000000, &iommu), 0);
	assert_int_equal(physbio_iommu_set_deferred(iommu, 8), 0);
	physbio_xlate_init_iommu(&x, iommu);
	physbio_fabric_set_iommu(fabric, node_of("hb0"), iommu);
	addr = pb_dma_map_phys(&dev, RAM_START + 0x3000, 16, PB_DMA_FROM_DEVICE,
			       0);
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"), addr, was,
					     16, NULL),
			 0);
	pb_dma_unmap_phys(&dev, addr, 16, PB_DMA_FROM_DEVICE, 0);
	physbio_mem_write(mem, RAM_START + 0x3000, is, 16);
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"), addr, got,
					     16, NULL),
			 0);
	assert_memory_equal(got, is, 16);
	physbio_iommu_flush(iommu);
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"), addr, got,
					     16, NULL),
			 -EFAULT);
	physbio_fabric_set_iommu(fabric, node_of("hb0"), NULL);
	physbio_iommu_destroy(iommu);
}

#define TRANSFER 16384u

/*
 * Recorded on a real kernel: a switch that redirects though no ACS bit says so, and an
 * IOMMU above it. Software chooses the bus path, the transfer succeeds, and the bytes
 * are those that the IOMMU maps there: memory that nobody has written. Of bytes that take
 * every value alike, one in 256 is the same as any constant.
 */
static void a_switch_that_lies_brings_other_bytes_and_no_error(void **state)
{
	static unsigned char want[TRANSFER], got[TRANSFER];
	struct physbio_iommu *iommu;
	struct physbio_xlate x;
	const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };
	struct physbio_p2p_verdict v;
	unsigned int i, wrong = 0;

	for (i = 0; i < TRANSFER; i++)
		want[i] = (unsigned char)(i * 7 + i / 256);
	assert_int_equal(physbio_mem_write(mem, 0x20100000, want, TRANSFER), 0);
	assert_int_equal(physbio_mem_write(mem, RAM_START, got, TRANSFER), 0);
	assert_int_equal(
		physbio_iommu_create(4096, 0x40100000, TRANSFER, &iommu), 0);
	physbio_xlate_init_iommu(&x, iommu);
	assert_true(physbio_dma_value(pb_dma_map_phys(&dev, RAM_START, TRANSFER,
						      PB_DMA_TO_DEVICE, 0)) ==
		    0x40100000);
	physbio_fabric_set_iommu(fabric, node_of("hb0"), iommu);
	v = physbio_p2p_verdict(t, node_of("b"), node_of("a"));
	assert_int_equal(v.map, PB_PCI_P2PDMA_MAP_BUS_ADDR);
	/* as its config space says */
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"),
					     physbio_dma_make(0x40100000), got,
					     TRANSFER, NULL),
			 0);
	assert_memory_equal(got, want, TRANSFER);
	/* as it is */
	physbio_topology_node(t, node_of("a"))->acs_hw = PHYSBIO_ACS_ALWAYS;
	assert_int_equal(physbio_fabric_read(fabric, node_of("a"),
					     physbio_dma_make(0x40100000), got,
					     TRANSFER, NULL),
			 0);
	for (i = 0; i < TRANSFER; i++)
		wrong += got[i] != want[i];
	assert_int_equal(wrong, TRANSFER - TRANSFER / 256);
	/* and it can be noticed: what is hit is not the peer */
	assert_int_equal(hit_from("a", 0x40100000).kind, PHYSBIO_HIT_RAM);
	physbio_iommu_destroy(iommu);
}

/*
 *   hb: rp: up: dn0: a    dn1: b     window of hb, rp and up: 0x40000000, 16 MiB
 *   BARs: a 0x40000000, b 0x40100000, 2 MiB
 */
static struct physbio_hit hit_behind_switch(uint64_t dn1_bus, uint64_t dn1_size,
					    uint64_t up_size, uint16_t dn0_acs,
					    uint64_t bus)
{
	static const char *const names[] = { "rp", "up", "dn0", "dn1" };
	static const char *const above[] = { "hb", "rp", "up", "up" };
	const struct physbio_bridge_window w = { 0x50000000, 0x40000000,
						 0x1000000 };
	const struct physbio_forward forwards[] = {
		{ 0x40000000, up_size },
		{ 0x40000000, up_size },
		{ 0x40000000, 0x100000 },
		{ dn1_bus, dn1_size },
	};
	const struct physbio_bar a = { 0x40000000, 0x100000, true };
	const struct physbio_bar b = { 0x40100000, 0x200000, true };
	struct physbio_topology *s = physbio_topology_create();
	struct physbio_fabric *f;
	struct physbio_hit hit;
	int i, err = 0;

	physbio_topology_add(s, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	err |= physbio_topology_add_outbound(s, 0, &w, NULL);
	for (i = 0; i < 4; i++) {
		physbio_topology_add(s, PHYSBIO_BRIDGE, names[i], above[i],
				     NULL);
		if (forwards[i].size)
			err |= physbio_topology_add_forward(s, i + 1,
							    &forwards[i], NULL);
	}
	physbio_topology_node(s, 3)->acs_ctrl = dn0_acs;
	physbio_topology_add(s, PHYSBIO_ENDPOINT, "a", "dn0", NULL);
	physbio_topology_add(s, PHYSBIO_ENDPOINT, "b", "dn1", NULL);
	err |= physbio_topology_add_bar(s, 5, &a, NULL);
	err |= physbio_topology_add_bar(s, 6, &b, NULL);
	assert_int_equal(err, 0);
	assert_int_equal(physbio_fabric_create(s, mem, &f), 0);
	hit = physbio_fabric_route(f, 5, physbio_dma_make(bus));
	physbio_fabric_destroy(f);
	physbio_topology_destroy(s);
	return hit;
}

static void bridges_send_down_what_their_windows_have(void **state)
{
	static const struct {
		uint64_t dn1_bus, dn1_size, up_size;
		uint16_t acs;
		uint64_t bus;
		int node;
		uint64_t len;
	} cases[] = {
		/* none given: what is below */
		{ 0, 0, 0, 0, 0x40100000, 6, 0x200000 },
		{ 0x40100000, 0x200000, 0x1000000, 0, 0x40100000, 6, 0x200000 },
		/* a window that has a part of the BAR, and one that has none */
		{ 0x40100000, 0x100000, 0x1000000, 0, 0x40100010, 6, 0xffff0 },
		{ 0x40100000, 0x100000, 0x1000000, 0, 0x40200000, -1, 1 },
		{ 0x40400000, 0x100000, 0x1000000, 0, 0x40100000, -1, 1 },
		/* redirected, it comes down through the upper ones */
		{ 0x40100000, 0x200000, 0x1000000, 4, 0x40100000, 6, 0x200000 },
		{ 0x40100000, 0x200000, 0x100000, 4, 0x40100000, -1, 1 },
		/* the upper ones have nothing to do with it otherwise */
		{ 0x40100000, 0x200000, 0x100000, 0, 0x40100000, 6, 0x200000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct physbio_hit hit = hit_behind_switch(
			cases[i].dn1_bus, cases[i].dn1_size, cases[i].up_size,
			cases[i].acs, cases[i].bus);

		if (hit.node != cases[i].node || hit.len != cases[i].len)
			fail_msg("case %u: node %d len 0x%llx", i, hit.node,
				 (unsigned long long)hit.len);
	}
}

/* What a bridge would send down does not pass it on its way up, whoever is there. */
static void nothing_goes_up_into_a_bridges_own_window(void **state)
{
	const struct physbio_forward over_ram = { RAM_START, 0x100000 };
	struct physbio_node *port = physbio_topology_node(t, node_of("port0"));

	assert_int_equal(hit_from("a", RAM_START).kind, PHYSBIO_HIT_RAM);
	assert_int_equal(physbio_topology_add_forward(t, node_of("port0"),
						      &over_ram, NULL),
			 0);
	assert_int_equal(hit_from("a", RAM_START).kind, PHYSBIO_HIT_NOTHING);
	assert_int_equal(hit_from("c", RAM_START).kind, PHYSBIO_HIT_RAM);
	port->nr_forwards = 0;
}

/* 10,000 nodes: one chain, one bus, or anything; every tenth has a BAR. */
static void large_machines_are_routed(void **state)
{
	enum {
		NODES = 10000,
		CHAIN = 0,
		BUS = 1,
		SHAPES = 3
	};
	const struct physbio_bridge_window w = { 0x50000000, 0x40000000,
						 0x40000000 };
	uint32_t random = 12345;
	int shape, i, nr, last = 0;
	char name[16], above[16];

	for (shape = 0; shape < SHAPES; shape++) {
		struct physbio_topology *big = physbio_topology_create();
		struct physbio_fabric *f;
		struct physbio_hit hit;

		physbio_topology_add(big, PHYSBIO_HOST_BRIDGE, "n0", NULL,
				     NULL);
		assert_int_equal(
			physbio_topology_add_outbound(big, 0, &w, NULL), 0);
		for (i = 1; i < NODES; i++) {
			const struct physbio_bar bar = {
				0x40000000 + (uint64_t)(NODES - i) * 0x10000,
				0x10000, true
			};

			random = random * 1103515245 + 12345;
			snprintf(name, sizeof(name), "n%d", i);
			snprintf(above, sizeof(above), "n%d",
				 shape == CHAIN ?
					 i - 1 :
				 shape == BUS ?
					 0 :
					 (int)((random >> 8) % (uint32_t)i));
			assert_int_equal(
				physbio_topology_add(big, PHYSBIO_BRIDGE, name,
						     above, NULL),
				i);
			if (i % 10)
				continue;
			assert_int_equal(physbio_topology_add_bar(big, i, &bar,
								  NULL),
					 0);
			last = i;
		}
		nr = physbio_topology_nr(big);
		assert_int_equal(physbio_fabric_create(big, mem, &f), 0);
		for (i = 1; i < nr; i += shape == CHAIN ? 500 : 1) {
			physbio_p2p_verdict(big, i, last);
			hit = physbio_fabric_route(
				f, i,
				physbio_dma_make(
					physbio_topology_node(big, last)
						->bars[0]
						.bus));
			assert_int_equal(hit.node, i == last ? -1 : last);
		}
		physbio_fabric_destroy(f);
		physbio_topology_destroy(big);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_hits_what_the_wires_say),
		cmocka_unit_test(a_host_bridge_that_routes_no_peers_drops_them),
		cmocka_unit_test(bytes_move_and_are_counted),
		cmocka_unit_test(a_fault_names_its_address),
		cmocka_unit_test(a_hit_ends_where_a_window_begins),
		cmocka_unit_test(the_chosen_transfer_is_corrupted_and_no_other),
		cmocka_unit_test(a_transfer_that_hits_nothing_is_not_corrupted),
		cmocka_unit_test(nothing_goes_up_into_a_bridges_own_window),
		cmocka_unit_test(
			a_function_that_redirects_sends_peers_traffic_up),
		cmocka_unit_test_teardown(
			hardware_may_do_otherwise_than_its_bits_say, as_built),
		cmocka_unit_test_teardown(an_iommu_looks_up_all_that_comes_up,
					  as_built),
		cmocka_unit_test_teardown(
			a_device_reads_what_is_unmapped_until_the_flush,
			as_built),
		cmocka_unit_test(
			a_switch_that_lies_brings_other_bytes_and_no_error),
		cmocka_unit_test(bridges_send_down_what_their_windows_have),
		cmocka_unit_test(large_machines_are_routed),
	};

	return cmocka_run_group_tests(tests, up, down);
}
