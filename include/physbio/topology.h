/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a machine looks like: host bridges with their windows, the ports below them,
 * and devices with their BARs. A description and nothing else: what software makes of
 * it is machine.h's business, what hardware does with it fabric.h's.
 */
#ifndef PHYSBIO_TOPOLOGY_H
#define PHYSBIO_TOPOLOGY_H

#include <physbio/error.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PHYSBIO_NAME_MAX 32
#define PHYSBIO_MAX_BARS 6
#define PHYSBIO_MAX_FORWARDS 2 /* memory, and prefetchable memory */

/* Bits of acs_ctrl that send a peer's traffic up: P2P request and completion redirect,
 * egress control. */
#define PHYSBIO_ACS_REDIRECT 0x2cu

/* Bits that Linux sets where there is an IOMMU: source validation, both redirects and
 * upstream forwarding. Source: pci_std_enable_acs() */
#define PHYSBIO_ACS_ENABLED 0x1du

/* What a function does with a request to a peer, whatever its ACS bits say. */
enum physbio_acs_hw {
	PHYSBIO_ACS_AS_SET = 0, /* as acs_ctrl says */
	PHYSBIO_ACS_ALWAYS, /* sends it up */
	PHYSBIO_ACS_NEVER, /* lets it pass */
};

/* Is a host bridge on Linux's list of those that forward P2P? */
enum physbio_p2p_listing {
	PHYSBIO_P2P_UNLISTED = 0, /* unless its first function says otherwise */
	PHYSBIO_P2P_LISTED,
	PHYSBIO_P2P_LISTED_SAME, /* between its own devices only */
};

enum physbio_node_kind {
	PHYSBIO_HOST_BRIDGE,
	PHYSBIO_BRIDGE, /* a port: what is below it is its peers' */
	PHYSBIO_ENDPOINT,
};

/* Which kind of bridge. */
enum physbio_port {
	PHYSBIO_PORT_UNKNOWN = 0,
	PHYSBIO_ROOT_PORT, /* below a host bridge */
	PHYSBIO_UPSTREAM_PORT, /* of a switch */
	PHYSBIO_DOWNSTREAM_PORT, /* of a switch, below its upstream port */
	PHYSBIO_PCI_BRIDGE, /* PCI Express to conventional PCI, or PCI to PCI */
	PHYSBIO_NR_PORTS,
};

/* CPU addresses and bus addresses of the same size. */
struct physbio_bridge_window {
	pb_phys_addr_t cpu; /* physical address of the first byte */
	uint64_t bus; /* bus address of the first byte */
	uint64_t size; /* bytes */
};

/* Bus addresses that a bridge sends down, and that do not come up through it. */
struct physbio_forward {
	uint64_t bus; /* first bus address, multiple of 1 MiB */
	uint64_t size; /* bytes, multiple of 1 MiB */
};

struct physbio_bar {
	uint64_t bus; /* bus address of the first byte, what the register holds */
	uint64_t size; /* bytes */
	bool published; /* peers may use it: the BAR is a P2P provider */
};

/*
 * A node. What a function is named beside, and the name, the kind, the parent, windows
 * and BARs, are only to be changed by that; the rest is free to be set.
 */
struct physbio_node {
	char name[PHYSBIO_NAME_MAX]; /* physbio_topology_add() */
	enum physbio_node_kind kind;
	int parent; /* index of the node above, -1: none */

	/* host bridge; any number of windows, the description's own */
	struct physbio_bridge_window *outbound;
	struct physbio_bridge_window *inbound;
	unsigned int nr_outbound;
	unsigned int nr_inbound; /* 0: bus address = CPU address */
	enum physbio_p2p_listing p2p_listed; /* software; see p2p.h */
	bool p2p_routed; /* hardware: forwards from one of its ports to another */
	int domain; /* physbio_topology_set_buses(); -1: not known */
	uint8_t first_bus, last_bus; /* of the domain */
	uint32_t iommu_granule; /* physbio_topology_set_iommu(); 0: none in use */

	/* bridge */
	enum physbio_port port; /* physbio_topology_set_port() */
	struct physbio_forward forwards[PHYSBIO_MAX_FORWARDS];
	unsigned int nr_forwards; /* 0: what its devices' BARs need */

	/* bridge, endpoint */
	int devfn; /* physbio_topology_set_function(); -1: not known */
	uint16_t vendor, device; /* PCI ids; 0: not known */
	uint16_t acs_cap; /* the ACS capability register, 0: has none */
	uint16_t acs_ctrl; /* software: the ACS control register */
	enum physbio_acs_hw acs_hw; /* hardware */
	struct physbio_bar bars[PHYSBIO_MAX_BARS];
	unsigned int nr_bars;

	/* endpoint */
	uint64_t dma_mask; /* highest bus address it can put on the bus */

	/* host bridge, endpoint */
	int numa_node; /* -1: none */
};

struct physbio_topology;

/**
 * physbio_topology_create() - an empty description
 *
 * Context: may sleep. Return: the description, ended by physbio_topology_destroy();
 * NULL without memory.
 */
PB_API struct physbio_topology *physbio_topology_create(void);

/* physbio_topology_destroy() - free it; NULL is nothing. Context: any. */
PB_API void physbio_topology_destroy(struct physbio_topology *t);

/**
 * physbio_topology_add() - add a node
 * @t: description
 * @kind: what it is
 * @name: its name, copied
 * @parent: name of the node above; NULL for a host bridge
 * @error: filled on failure; may be NULL
 *
 * A host bridge has no windows, is not listed and routes between its ports; an
 * endpoint has no BARs, a 64-bit mask and no NUMA node. The fields of what
 * physbio_topology_node() returns may be changed until the description is used;
 * the pointer is good until the next node is added. What is above a node exists before
 * it, so that there are no cycles; there may be any number of nodes, at any depth.
 *
 * Context: may sleep. Return: index of the node; -EINVAL if the name is empty, too
 * long, taken or has a blank, a #, an = or a control character, the parent unknown or an
 * endpoint, or @kind needs another parent; -ENOMEM.
 */
PB_API int physbio_topology_add(struct physbio_topology *t,
				enum physbio_node_kind kind, const char *name,
				const char *parent,
				struct physbio_error *error);

/**
 * physbio_topology_add_outbound() - a window from the CPU to the bus
 * @t: description
 * @node: index of a host bridge
 * @w: window; bus addresses are those that devices below it see
 * @error: filled on failure; may be NULL
 *
 * Context: any. Return: 0; -EINVAL if it is empty, wraps or overlaps another one on
 * either side (of any host bridge where CPU addresses are concerned); -ENOMEM.
 */
PB_API int physbio_topology_add_outbound(struct physbio_topology *t, int node,
					 const struct physbio_bridge_window *w,
					 struct physbio_error *error);

/**
 * physbio_topology_add_inbound() - a window from the bus to the CPU (dma-ranges)
 * @t: description
 * @node: index of a host bridge
 * @w: window; bus addresses are those that devices below it use
 * @error: filled on failure; may be NULL
 *
 * Windows of a bridge may overlap: the same memory is then at several bus addresses, and
 * who asks for one gets that of the window that was added first (see
 * physbio_inbound_table()). Bridges may share CPU addresses too.
 *
 * Context: any. Return: 0; -EINVAL if it is empty, wraps, or has a bus address that
 * another one of the bridge takes to another CPU address; -ENOMEM.
 */
PB_API int physbio_topology_add_inbound(struct physbio_topology *t, int node,
					const struct physbio_bridge_window *w,
					struct physbio_error *error);

/**
 * physbio_topology_add_forward() - a window of a bridge
 * @t: description
 * @node: index of a bridge
 * @w: bus addresses that it sends down
 * @error: filled on failure; may be NULL
 *
 * Without any, a bridge forwards what the BARs below it need.
 * Context: any. Return: 0; -EINVAL if @node is no bridge, or the window is empty,
 * wraps or is not of whole MiB; -ENOSPC beyond PHYSBIO_MAX_FORWARDS.
 */
PB_API int physbio_topology_add_forward(struct physbio_topology *t, int node,
					const struct physbio_forward *w,
					struct physbio_error *error);

/**
 * physbio_topology_set_buses() - the bus numbers of a host bridge
 * @t: description
 * @node: index of a host bridge
 * @domain: PCI domain (segment), from 0
 * @first: number of its root bus
 * @last: highest number below it
 * @error: filled on failure; may be NULL
 *
 * Context: any. Return: 0; -EINVAL if @node is no host bridge, @first is above @last,
 * it has numbers already, or another one has one of these in the same domain; -ENOMEM.
 */
PB_API int physbio_topology_set_buses(struct physbio_topology *t, int node,
				      int domain, unsigned int first,
				      unsigned int last,
				      struct physbio_error *error);

/**
 * physbio_topology_set_iommu() - put an IOMMU in use above all ports of a host bridge
 * @t: description
 * @node: index of a host bridge
 * @granule: bytes of its smallest page, power of two from 4096 to 65536; 0: none
 * @error: filled on failure; may be NULL
 *
 * Context: any. Return: 0; -EINVAL if @node is no host bridge, or @granule not as said.
 */
PB_API int physbio_topology_set_iommu(struct physbio_topology *t, int node,
				      uint32_t granule,
				      struct physbio_error *error);

/**
 * physbio_topology_set_port() - which kind of bridge it is
 * @t: description
 * @node: index of a bridge
 * @port: the kind
 * @error: filled on failure; may be NULL
 *
 * Context: any. Return: 0; -EINVAL if @node is no bridge, there is no such kind, a root
 * port is below something else than a host bridge or a downstream port below something
 * else than an upstream port.
 */
PB_API int physbio_topology_set_port(struct physbio_topology *t, int node,
				     enum physbio_port port,
				     struct physbio_error *error);

/**
 * physbio_topology_set_function() - where a function is on its bus
 * @t: description
 * @node: index of a bridge or endpoint
 * @devfn: number of the device times 8, and of the function in it
 * @error: filled on failure; may be NULL
 *
 * Context: any. Return: 0; -EINVAL if @node is a host bridge or has a number already,
 * @devfn is above 255, or another node below the same one is there.
 */
PB_API int physbio_topology_set_function(struct physbio_topology *t, int node,
					 int devfn,
					 struct physbio_error *error);

/**
 * physbio_topology_enable_acs() - what Linux does to ACS where there is an IOMMU
 * @t: description
 *
 * Sets what a function is capable of in PHYSBIO_ACS_ENABLED, in all functions below a
 * host bridge with an IOMMU in use. Peers below one bridge may be apart then.
 *
 * Context: any. Source: pci_enable_acs()
 */
PB_API void physbio_topology_enable_acs(struct physbio_topology *t);

/**
 * physbio_topology_add_bar() - a BAR of a device
 * @t: description
 * @node: index of an endpoint or bridge
 * @bar: the BAR
 * @error: filled on failure; may be NULL
 *
 * Context: any. Return: its index at the device; -EINVAL if it is empty, published and
 * not of whole pages, outside every outbound window of its host bridge, or overlaps a
 * BAR below the same one; -ENOSPC.
 */
PB_API int physbio_topology_add_bar(struct physbio_topology *t, int node,
				    const struct physbio_bar *bar,
				    struct physbio_error *error);

/* How many nodes there are, which has a name (-ENOENT: none), and one of them. */
PB_API int physbio_topology_nr(const struct physbio_topology *t);
PB_API int physbio_topology_find(const struct physbio_topology *t,
				 const char *name);
PB_API struct physbio_node *physbio_topology_node(struct physbio_topology *t,
						  int node);

/* Does the CPU forward P2P between any of its root ports, as AMD's do since Zen? */
PB_API void physbio_topology_set_cpu_forwards(struct physbio_topology *t,
					      bool forwards);
PB_API bool physbio_topology_cpu_forwards(const struct physbio_topology *t);

/*
 * The first node directly below one and the one after it, in the order in which they
 * were added; -1: no more. Below -1 are the host bridges. Context: any.
 */
PB_API int physbio_topology_child(const struct physbio_topology *t, int node);
PB_API int physbio_topology_next(const struct physbio_topology *t, int node);

/* The node above, -1: none; and how many there are. Context: any. */
PB_API int physbio_topology_parent(const struct physbio_topology *t, int node);
PB_API int physbio_topology_depth(const struct physbio_topology *t, int node);

/* The function of the lowest number below a node, or else the first one; -1: none. */
PB_API int physbio_topology_first_function(const struct physbio_topology *t,
					   int node);

/* The host bridge above a node, or the node itself if it is one. Context: any. */
PB_API int physbio_topology_host_bridge(struct physbio_topology *t, int node);

/**
 * physbio_topology_bar_phys() - where the CPU sees a BAR
 * @t: description
 * @node: index of an endpoint or bridge
 * @bar: index of a BAR of it
 *
 * Context: any. Return: physical address of the first byte.
 */
PB_API pb_phys_addr_t physbio_topology_bar_phys(struct physbio_topology *t,
						int node, int bar);

#ifdef __cplusplus
}
#endif

#endif
