// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The way from a provider up to a bridge that is also above the client, and what stands
 * on it. Rules as Linux 6.12 has them; its comments are wrong about a function and
 * itself, whose own ACS bits count.
 */
#include <stddef.h>
#include <string.h>

#include <physbio/p2p.h>

static const struct {
	uint16_t vendor;
	uint16_t first, last; /* device ids */
	enum physbio_p2p_listing listing;
} listed[] = {
	{ 0x8086, 0x3c00, 0x3c01,
	  PHYSBIO_P2P_LISTED_SAME }, /* Sandy Bridge E */
	{ 0x8086, 0x2f00, 0x2f01, PHYSBIO_P2P_LISTED_SAME }, /* Haswell E */
	{ 0x8086, 0x2030, 0x2033, PHYSBIO_P2P_LISTED }, /* Skylake E */
	{ 0x8086, 0x2020, 0x2020, PHYSBIO_P2P_LISTED },
	{ 0x8086, 0x09a2, 0x09a2, PHYSBIO_P2P_LISTED }, /* Ice Lake and later */
	{ 0x1ae0, 0x0000, 0xffff, PHYSBIO_P2P_LISTED }, /* Google */
};

enum physbio_p2p_listing physbio_p2p_listing(uint16_t vendor, uint16_t device)
{
	size_t i;

	for (i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		if (listed[i].vendor == vendor && device >= listed[i].first &&
		    device <= listed[i].last)
			return listed[i].listing;
	return PHYSBIO_P2P_UNLISTED;
}

static const char *const reason_texts[PHYSBIO_P2P_NR_REASONS] = {
	[PHYSBIO_P2P_COMMON_BRIDGE] =
		"both are below one bridge, and nothing on the way redirects",
	[PHYSBIO_P2P_SAME_FUNCTION] = "a function and itself",
	[PHYSBIO_P2P_ACS_CPU] =
		"ACS redirects to the host bridge, and this CPU forwards",
	[PHYSBIO_P2P_ACS_LISTED] =
		"ACS redirects to the host bridge, which is listed",
	[PHYSBIO_P2P_APART_CPU] =
		"no bridge is above both, and this CPU forwards",
	[PHYSBIO_P2P_APART_LISTED] =
		"no bridge is above both, and the host bridges are listed",
	[PHYSBIO_P2P_ACS_UNLISTED] =
		"ACS redirects to the host bridge, which is not listed",
	[PHYSBIO_P2P_APART_UNLISTED] =
		"no bridge is above both, and a host bridge is not listed",
	[PHYSBIO_P2P_APART_SAME_ONLY] =
		"no bridge is above both, and a host bridge is listed for its own devices only",
};

const char *physbio_p2p_reason_text(enum physbio_p2p_reason reason)
{
	return (unsigned int)reason < PHYSBIO_P2P_NR_REASONS ?
		       reason_texts[reason] :
		       "";
}

/* The node above one, as PCI has it: a host bridge is no device. */
static int upstream(struct physbio_topology *t, int node)
{
	int above = node < 0 ? -1 : physbio_topology_parent(t, node);

	return above < 0 || physbio_topology_parent(t, above) < 0 ? -1 : above;
}

/* The first bridge above two functions, or one of them; -1: none. */
static int common_of(struct physbio_topology *t, int a, int b)
{
	int deep = physbio_topology_depth(t, a);
	int to = physbio_topology_depth(t, b);

	for (; deep > to; deep--)
		a = upstream(t, a);
	for (; to > deep; to--)
		b = upstream(t, b);
	while (a != b) {
		a = upstream(t, a);
		b = upstream(t, b);
	}
	return a;
}

/* The first function from one up to another that redirects; -1: none. */
static int redirect_between(struct physbio_topology *t, int node, int last)
{
	for (; node >= 0; node = upstream(t, node)) {
		if (physbio_topology_node(t, node)->acs_ctrl &
		    PHYSBIO_ACS_REDIRECT)
			return node;
		if (node == last)
			break;
	}
	return -1;
}

/* Fills in the common bridge, the distance and what redirects on the way. */
static void find_way(struct physbio_topology *t, int provider, int client,
		     struct physbio_p2p_verdict *v)
{
	int common = common_of(t, provider, client);

	v->common = common;
	v->distance = physbio_topology_depth(t, provider) +
		      physbio_topology_depth(t, client);
	v->redirect = -1;
	if (common < 0)
		return;
	v->redirect = redirect_between(t, provider, common);
	v->distance -= 2 * physbio_topology_depth(t, common);
	if (v->redirect < 0)
		v->redirect = redirect_between(t, client, common);
}

/* Linux asks the first function who it is, if that is at 00.0 or a root port. */
static enum physbio_p2p_listing listing_by_id(struct physbio_topology *t,
					      int host_bridge)
{
	int first = physbio_topology_first_function(t, host_bridge);
	const struct physbio_node *n = physbio_topology_node(t, first);

	if (!n || (n->devfn && n->port != PHYSBIO_ROOT_PORT))
		return PHYSBIO_P2P_UNLISTED;
	return physbio_p2p_listing(n->vendor, n->device);
}

enum physbio_p2p_listing
physbio_p2p_host_bridge_listing(struct physbio_topology *t, int node)
{
	const struct physbio_node *hb = physbio_topology_node(t, node);

	if (!hb || hb->kind != PHYSBIO_HOST_BRIDGE)
		return PHYSBIO_P2P_UNLISTED;
	return hb->p2p_listed ? hb->p2p_listed : listing_by_id(t, node);
}

/* May what goes through the host bridges pass? */
static enum physbio_p2p_reason through_host_bridge(struct physbio_topology *t,
						   int provider, int client,
						   bool acs)
{
	int hb_a = physbio_topology_host_bridge(t, provider);
	int hb_b = physbio_topology_host_bridge(t, client);
	enum physbio_p2p_listing a, b;

	if (physbio_topology_cpu_forwards(t))
		return acs ? PHYSBIO_P2P_ACS_CPU : PHYSBIO_P2P_APART_CPU;
	a = physbio_p2p_host_bridge_listing(t, hb_a);
	b = physbio_p2p_host_bridge_listing(t, hb_b);
	if (!a || !b)
		return acs ? PHYSBIO_P2P_ACS_UNLISTED :
			     PHYSBIO_P2P_APART_UNLISTED;
	if (hb_a != hb_b &&
	    (a == PHYSBIO_P2P_LISTED_SAME || b == PHYSBIO_P2P_LISTED_SAME))
		return PHYSBIO_P2P_APART_SAME_ONLY;
	return acs ? PHYSBIO_P2P_ACS_LISTED : PHYSBIO_P2P_APART_LISTED;
}

static enum pb_pci_p2pdma_map_type map_for(enum physbio_p2p_reason reason)
{
	return reason >= PHYSBIO_P2P_ACS_UNLISTED ?
		       PB_PCI_P2PDMA_MAP_NOT_SUPPORTED :
		       PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
}

struct physbio_p2p_verdict physbio_p2p_verdict(struct physbio_topology *t,
					       int provider, int client)
{
	struct physbio_p2p_verdict v;

	find_way(t, provider, client, &v);
	if (v.common >= 0 && v.redirect < 0) {
		v.map = PB_PCI_P2PDMA_MAP_BUS_ADDR;
		v.reason = provider == client ? PHYSBIO_P2P_SAME_FUNCTION :
						PHYSBIO_P2P_COMMON_BRIDGE;
		return v;
	}
	v.reason = through_host_bridge(t, provider, client, v.common >= 0);
	v.map = map_for(v.reason);
	if (v.map == PB_PCI_P2PDMA_MAP_NOT_SUPPORTED)
		v.distance = -1;
	return v;
}

static bool redirects(struct physbio_topology *t, int node)
{
	return physbio_topology_node(t, node)->acs_ctrl & PHYSBIO_ACS_REDIRECT;
}

/*
 * Does anything redirect on the way? Each node goes on from the one above it, which
 * stands before it; those above the provider are where the way turns.
 */
static void find_direct(struct physbio_topology *t, int provider, uint8_t *maps)
{
	uint8_t direct = PB_PCI_P2PDMA_MAP_BUS_ADDR;
	int node, above;

	memset(maps, PB_PCI_P2PDMA_MAP_UNKNOWN, (size_t)physbio_topology_nr(t));
	for (node = provider; node >= 0; node = upstream(t, node)) {
		if (redirects(t, node))
			direct = PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
		maps[node] = direct;
	}
	for (node = 0; node < physbio_topology_nr(t); node++) {
		if (maps[node] != PB_PCI_P2PDMA_MAP_UNKNOWN)
			continue;
		above = upstream(t, node);
		maps[node] = above < 0 || redirects(t, node) ?
				     (uint8_t)PB_PCI_P2PDMA_MAP_NOT_SUPPORTED :
				     maps[above];
	}
}

void physbio_p2p_map_all(struct physbio_topology *t, int provider,
			 uint8_t *maps)
{
	uint8_t around = PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
	int node, top = -1;

	find_direct(t, provider, maps);
	for (node = 0; node < physbio_topology_nr(t); node++) {
		if (maps[node] == PB_PCI_P2PDMA_MAP_BUS_ADDR)
			continue;
		/* The same for all below one host bridge. */
		if (physbio_topology_host_bridge(t, node) != top) {
			top = physbio_topology_host_bridge(t, node);
			around = (uint8_t)map_for(
				through_host_bridge(t, provider, node, false));
		}
		maps[node] = around;
	}
}
