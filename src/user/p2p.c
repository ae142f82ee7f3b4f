// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The way from a provider up to a bridge that is also above the client, and what stands
 * on it. Rules as Linux 6.12 has them; its comments are wrong about a function and
 * itself, whose own ACS bits count.
 */
#include <stddef.h>

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
	int above = physbio_topology_node(t, node)->parent;

	if (above < 0 ||
	    physbio_topology_node(t, above)->kind == PHYSBIO_HOST_BRIDGE)
		return -1;
	return above;
}

static bool acs_redirects(struct physbio_topology *t, int node)
{
	return physbio_topology_node(t, node)->acs_ctrl & PHYSBIO_ACS_REDIRECT;
}

static void note_redirect(struct physbio_topology *t, int node,
			  struct physbio_p2p_verdict *v)
{
	if (v->redirect < 0 && acs_redirects(t, node))
		v->redirect = node;
}

/* Hops from @node up to @above; -1 if that is not above it. */
static int hops(struct physbio_topology *t, int node, int above)
{
	int n = 0;

	for (; node >= 0; node = upstream(t, node), n++)
		if (node == above)
			return n;
	return -1;
}

/* Fills in the common bridge, the distance and what redirects on the way. */
static void find_way(struct physbio_topology *t, int provider, int client,
		     struct physbio_p2p_verdict *v)
{
	int a, b, up = 0, down = -1;

	v->common = -1;
	v->redirect = -1;
	for (a = provider; a >= 0; a = upstream(t, a), up++) {
		note_redirect(t, a, v);
		down = hops(t, client, a);
		if (down >= 0)
			break;
	}
	v->common = a;
	if (a < 0)
		for (b = client, down = 0; b >= 0; b = upstream(t, b))
			down++;
	v->distance = up + down;
	for (b = client; a >= 0 && b != a; b = upstream(t, b))
		note_redirect(t, b, v);
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
	a = physbio_topology_node(t, hb_a)->p2p_listed;
	b = physbio_topology_node(t, hb_b)->p2p_listed;
	if (!a || !b)
		return acs ? PHYSBIO_P2P_ACS_UNLISTED :
			     PHYSBIO_P2P_APART_UNLISTED;
	if (hb_a != hb_b &&
	    (a == PHYSBIO_P2P_LISTED_SAME || b == PHYSBIO_P2P_LISTED_SAME))
		return PHYSBIO_P2P_APART_SAME_ONLY;
	return acs ? PHYSBIO_P2P_ACS_LISTED : PHYSBIO_P2P_APART_LISTED;
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
	if (v.reason >= PHYSBIO_P2P_ACS_UNLISTED) {
		v.map = PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
		v.distance = -1;
	} else {
		v.map = PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	}
	return v;
}
