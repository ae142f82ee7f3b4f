// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which devices stand where, and where RAM is. Looks at windows alone: what anyone may
 * reach is not asked here.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "populate.h"
#include "reach.h"

/* Bus addresses that firmware leaves free: what is there is older than PCI. */
#define LEGACY (1ull << 20)

/* --- RAM --- */

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b ? a_size <= b - a : b_size <= a - b;
}

static bool claimed(const struct physbio_node *hb, uint64_t cpu, uint64_t bus,
		    uint64_t size)
{
	unsigned int i;

	for (i = 0; i < hb->nr_outbound; i++)
		if (!apart(hb->outbound[i].cpu, hb->outbound[i].size, cpu,
			   size) ||
		    !apart(hb->outbound[i].bus, hb->outbound[i].size, bus,
			   size))
			return true;
	return false;
}

static bool ram_fits(struct physbio_topology *t, uint64_t start, uint64_t size)
{
	uint64_t bus;
	int i;

	if (start + (size - 1) < start)
		return false;
	for (i = 0; i < physbio_topology_nr(t); i++) {
		const struct physbio_node *n = physbio_topology_node(t, i);

		if (n->kind == PHYSBIO_HOST_BRIDGE &&
		    (!reach_inbound(n, start, size, &bus) ||
		     claimed(n, start, bus, size)))
			return false;
	}
	return true;
}

static void try_ram(struct physbio_topology *t, uint64_t at, uint64_t size,
		    bool *found, uint64_t *start)
{
	at = (at + PB_PAGE_SIZE - 1) & -(uint64_t)PB_PAGE_SIZE;
	if ((*found && at >= *start) || !ram_fits(t, at, size))
		return;
	*start = at;
	*found = true;
}

/* The lowest place begins at 0, or where some window begins or ends. */
static void try_host_bridge(struct physbio_topology *t,
			    const struct physbio_node *hb, uint64_t size,
			    bool *found, uint64_t *start)
{
	const struct physbio_bridge_window *w;

	for (w = hb->inbound; w < hb->inbound + hb->nr_inbound; w++)
		try_ram(t, w->cpu, size, found, start);
	for (w = hb->outbound; w < hb->outbound + hb->nr_outbound; w++) {
		uint64_t behind = w->bus + w->size;
		const struct physbio_bridge_window *in = hb->inbound;

		try_ram(t, w->cpu + w->size, size, found, start);
		if (!hb->nr_inbound)
			try_ram(t, behind, size, found, start);
		for (; in < hb->inbound + hb->nr_inbound; in++)
			try_ram(t, in->cpu + (behind - in->bus), size, found,
				start);
	}
}

int populate_ram(struct physbio_topology *t, uint64_t size, uint64_t *start)
{
	bool found = false;
	int i;

	try_ram(t, 0, size, &found, start);
	for (i = 0; i < physbio_topology_nr(t); i++)
		try_host_bridge(t, physbio_topology_node(t, i), size, &found,
				start);
	return found ? 0 : -ENOENT;
}

/* --- devices --- */

static bool has_children(struct physbio_topology *t, int node)
{
	int i;

	for (i = 0; i < physbio_topology_nr(t); i++)
		if (physbio_topology_node(t, i)->parent == node)
			return true;
	return false;
}

static const struct {
	enum physbio_node_kind kind;
	const char *name, *parent; /* NULL: the host bridge */
} below[] = {
	{ PHYSBIO_BRIDGE, "rp0", NULL }, { PHYSBIO_BRIDGE, "up", "rp0" },
	{ PHYSBIO_BRIDGE, "dn0", "up" }, { PHYSBIO_ENDPOINT, "nvme0", "dn0" },
	{ PHYSBIO_BRIDGE, "dn1", "up" }, { PHYSBIO_ENDPOINT, "nvme1", "dn1" },
	{ PHYSBIO_BRIDGE, "rp1", NULL }, { PHYSBIO_ENDPOINT, "nvme2", "rp1" },
};

#define NR_BELOW (sizeof(below) / sizeof(below[0]))
#define DN1 4
#define NVME2 7

/* The @nth BAR of a window, one behind the other from its start. False: no room. */
static bool bar_at(const struct physbio_bridge_window *w, uint64_t nth,
		   uint64_t *bus)
{
	uint64_t start = w->bus < LEGACY ? LEGACY : w->bus;

	start = (start + POPULATE_BAR - 1) & -(uint64_t)POPULATE_BAR;
	*bus = start + nth * POPULATE_BAR;
	return start >= w->bus && *bus - w->bus < w->size &&
	       w->size - (*bus - w->bus) >= POPULATE_BAR;
}

static int add_bars(struct physbio_topology *t, int hb, int node, uint64_t nth,
		    struct physbio_error *error)
{
	struct physbio_bar bar = { .size = POPULATE_BAR, .published = true };
	unsigned int i;
	int err;

	for (i = 0; i < physbio_topology_node(t, hb)->nr_outbound; i++) {
		if (i == PHYSBIO_MAX_BARS ||
		    !bar_at(&physbio_topology_node(t, hb)->outbound[i], nth,
			    &bar.bus))
			continue;
		err = physbio_topology_add_bar(t, node, &bar, error);
		if (err < 0)
			return err;
	}
	return 0;
}

static int add_below(struct physbio_topology *t, int hb, unsigned int i,
		     struct physbio_error *error)
{
	const char *top = physbio_topology_node(t, hb)->name;
	char name[2 * PHYSBIO_NAME_MAX], parent[2 * PHYSBIO_NAME_MAX];

	snprintf(name, sizeof(name), "%s.%s", top, below[i].name);
	snprintf(parent, sizeof(parent), below[i].parent ? "%s.%s" : "%s", top,
		 below[i].parent);
	return physbio_topology_add(t, below[i].kind, name, parent, error);
}

static bool ram_below_4g(struct physbio_topology *t, int hb)
{
	uint64_t ram, bus;

	return !populate_ram(t, POPULATE_RAM, &ram) &&
	       reach_inbound(physbio_topology_node(t, hb), ram, POPULATE_RAM,
			     &bus) &&
	       bus <= UINT32_MAX && POPULATE_RAM - 1 <= UINT32_MAX - bus;
}

static int populate_one(struct physbio_topology *t, int hb, bool first,
			struct physbio_error *error)
{
	uint64_t nth = 0;
	unsigned int i;
	int node, err;

	for (i = 0; i < NR_BELOW; i++) {
		node = add_below(t, hb, i, error);
		if (node < 0)
			return node;
		if (first && i == DN1)
			physbio_topology_node(t, node)->acs_ctrl = 0x1d;
		if (first && i == NVME2 && ram_below_4g(t, hb))
			physbio_topology_node(t, node)->dma_mask = UINT32_MAX;
		if (below[i].kind != PHYSBIO_ENDPOINT)
			continue;
		err = add_bars(t, hb, node, nth++, error);
		if (err)
			return err;
	}
	return 0;
}

int populate(struct physbio_topology *t, struct physbio_error *error)
{
	int i, nr = physbio_topology_nr(t), err = 0;
	bool first = true;

	for (i = 0; i < nr && !err; i++) {
		const struct physbio_node *n = physbio_topology_node(t, i);

		if (n->kind != PHYSBIO_HOST_BRIDGE || !n->nr_outbound ||
		    has_children(t, i))
			continue;
		err = populate_one(t, i, first, error);
		first = false;
	}
	return err;
}
