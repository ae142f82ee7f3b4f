/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * May one device reach another one's memory, by which route, and why not? What Linux
 * decides from config space and its list of host bridges. Whether the hardware agrees
 * the fabric says.
 */
#ifndef PHYSBIO_P2P_H
#define PHYSBIO_P2P_H

#include <physbio/topology.h>
#include <physbio/xlate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a pair goes the way it goes. */
enum physbio_p2p_reason {
	PHYSBIO_P2P_COMMON_BRIDGE, /* below one bridge, nothing redirects */
	PHYSBIO_P2P_SAME_FUNCTION, /* a device and itself, nothing redirects */
	PHYSBIO_P2P_ACS_CPU, /* ACS redirects; the CPU forwards */
	PHYSBIO_P2P_ACS_LISTED, /* ACS redirects; the host bridges are listed */
	PHYSBIO_P2P_APART_CPU, /* no common bridge; the CPU forwards */
	PHYSBIO_P2P_APART_LISTED, /* no common bridge; the host bridges are listed */
	PHYSBIO_P2P_ACS_UNLISTED, /* ACS redirects to a host bridge not listed */
	PHYSBIO_P2P_APART_UNLISTED, /* no common bridge, a host bridge not listed */
	PHYSBIO_P2P_APART_SAME_ONLY, /* listed, but only for one host bridge */
	PHYSBIO_P2P_NR_REASONS,
};

struct physbio_p2p_verdict {
	enum pb_pci_p2pdma_map_type map;
	int distance; /* hops up and down; -1: not supported */
	enum physbio_p2p_reason reason;
	int common; /* node of the lowest common bridge, -1: none */
	int redirect; /* first node on the path to common that redirects, -1: none */
};

/**
 * physbio_p2p_verdict() - how a client reaches a provider
 * @t: description
 * @provider: index of the node whose BAR it is
 * @client: index of the node that wants to reach it
 *
 * A distance that is not negative does not promise that there is a mapping: an address
 * through the host bridge must be in one of the client's inbound windows.
 *
 * Context: any. Return: the verdict. Source: calc_map_type_and_dist()
 */
PB_API struct physbio_p2p_verdict
physbio_p2p_verdict(struct physbio_topology *t, int provider, int client);

/**
 * physbio_p2p_map_all() - how all nodes reach a provider
 * @t: description
 * @provider: index of the node whose BAR it is
 * @maps: enum pb_pci_p2pdma_map_type by index of the client, physbio_topology_nr(@t) of
 *	them, filled here
 *
 * As physbio_p2p_verdict() of each, in one pass over the nodes. Context: any.
 */
PB_API void physbio_p2p_map_all(struct physbio_topology *t, int provider,
				uint8_t *maps);

/* A reason in words. */
PB_API const char *physbio_p2p_reason_text(enum physbio_p2p_reason reason);

/**
 * physbio_p2p_listing() - what Linux knows of a host bridge
 * @vendor: PCI vendor id of the first function on its root bus
 * @device: PCI device id of it
 *
 * Context: any. Return: the listing. Source: pci_p2pdma_whitelist[]
 */
PB_API enum physbio_p2p_listing physbio_p2p_listing(uint16_t vendor,
						    uint16_t device);

/**
 * physbio_p2p_host_bridge_listing() - what Linux knows of one of a topology
 * @t: description
 * @node: index of a host bridge
 *
 * As its p2p_listed says; if that says nothing, by the ids of the first function on its
 * root bus, which counts only at 00.0 or as a root port.
 *
 * Context: any. Return: the listing; PHYSBIO_P2P_UNLISTED for another node.
 * Source: pci_host_bridge_dev(), __host_bridge_whitelist()
 */
PB_API enum physbio_p2p_listing
physbio_p2p_host_bridge_listing(struct physbio_topology *t, int node);

#ifdef __cplusplus
}
#endif

#endif
