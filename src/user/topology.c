// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The description of a machine: refuses what no machine can be, and knows nothing of
 * what anyone does with the rest.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/topology.h>

struct physbio_topology {
	struct physbio_node *nodes;
	int nr;
	bool cpu_forwards;
};

struct physbio_topology *physbio_topology_create(void)
{
	return calloc(1, sizeof(struct physbio_topology));
}

void physbio_topology_destroy(struct physbio_topology *t)
{
	int i;

	if (!t)
		return;
	for (i = 0; i < t->nr; i++) {
		free(t->nodes[i].outbound);
		free(t->nodes[i].inbound);
	}
	free(t->nodes);
	free(t);
}

void physbio_topology_set_cpu_forwards(struct physbio_topology *t,
				       bool forwards)
{
	t->cpu_forwards = forwards;
}

bool physbio_topology_cpu_forwards(const struct physbio_topology *t)
{
	return t->cpu_forwards;
}

__attribute__((format(printf, 3, 4))) static int
fail(struct physbio_error *error, int err, const char *format, ...)
{
	va_list args;

	if (!error)
		return err;
	memset(error, 0, sizeof(*error));
	error->err = err;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return err;
}

int physbio_topology_nr(const struct physbio_topology *t)
{
	return t->nr;
}

int physbio_topology_find(const struct physbio_topology *t, const char *name)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->nodes[i].name, name))
			return i;
	return -ENOENT;
}

struct physbio_node *physbio_topology_node(struct physbio_topology *t, int node)
{
	return node >= 0 && node < t->nr ? &t->nodes[node] : NULL;
}

int physbio_topology_host_bridge(struct physbio_topology *t, int node)
{
	while (t->nodes[node].parent >= 0)
		node = t->nodes[node].parent;
	return node;
}

static int check_name(const struct physbio_topology *t, const char *name,
		      struct physbio_error *error)
{
	if (!*name || strlen(name) >= PHYSBIO_NAME_MAX)
		return fail(error, -EINVAL,
			    "name \"%.64s\" must have 1 to %d characters", name,
			    PHYSBIO_NAME_MAX - 1);
	if (physbio_topology_find(t, name) >= 0)
		return fail(error, -EINVAL, "two nodes have the name \"%s\"",
			    name);
	return 0;
}

/* A host bridge is on top and everything else below a bridge of some kind. */
static int find_parent(const struct physbio_topology *t,
		       enum physbio_node_kind kind, const char *name,
		       const char *parent, struct physbio_error *error)
{
	int above;

	if (kind == PHYSBIO_HOST_BRIDGE)
		return parent ? fail(error, -EINVAL,
				     "host bridge \"%s\" can't be below \"%s\"",
				     name, parent) :
				-1;
	above = parent ? physbio_topology_find(t, parent) : -ENOENT;
	if (above < 0)
		return fail(error, -EINVAL, "\"%s\" has no parent \"%s\"", name,
			    parent ? parent : "");
	if (t->nodes[above].kind == PHYSBIO_ENDPOINT)
		return fail(error, -EINVAL,
			    "\"%s\" can't be below endpoint \"%s\"", name,
			    parent);
	return above;
}

int physbio_topology_add(struct physbio_topology *t,
			 enum physbio_node_kind kind, const char *name,
			 const char *parent, struct physbio_error *error)
{
	struct physbio_node *nodes, *node;
	int above, err;

	err = check_name(t, name, error);
	if (err)
		return err;
	above = find_parent(t, kind, name, parent, error);
	if (above < -1)
		return above;
	nodes = realloc(t->nodes, (size_t)(t->nr + 1) * sizeof(*nodes));
	if (!nodes)
		return fail(error, -ENOMEM, "no memory for node %d", t->nr);
	t->nodes = nodes;
	node = memset(&nodes[t->nr], 0, sizeof(*node));
	strcpy(node->name, name);
	node->kind = kind;
	node->parent = above;
	node->p2p_routed = true;
	node->dma_mask = UINT64_MAX;
	node->numa_node = -1;
	return t->nr++;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a <= b + (b_size - 1) && b <= a + (a_size - 1);
}

static int check_window(const struct physbio_bridge_window *w, const char *name,
			struct physbio_error *error)
{
	if (!w->size)
		return fail(error, -EINVAL,
			    "%s: window at bus 0x%" PRIx64 " is empty", name,
			    w->bus);
	if (w->bus + (w->size - 1) < w->bus ||
	    w->size - 1 > (pb_phys_addr_t)-1 - w->cpu)
		return fail(error, -EINVAL,
			    "%s: window cpu 0x%" PRIx64 " bus 0x%" PRIx64
			    " size 0x%" PRIx64 " wraps",
			    name, (uint64_t)w->cpu, w->bus, w->size);
	return 0;
}

static int check_windows_apart(const struct physbio_bridge_window *w,
			       const struct physbio_bridge_window *other,
			       bool same_bus, const char *name,
			       struct physbio_error *error)
{
	if (overlap(w->cpu, w->size, other->cpu, other->size) ||
	    (same_bus && overlap(w->bus, w->size, other->bus, other->size)))
		return fail(error, -EINVAL,
			    "%s: window cpu 0x%" PRIx64 " bus 0x%" PRIx64
			    " size 0x%" PRIx64 " overlaps cpu 0x%" PRIx64
			    " bus 0x%" PRIx64 " size 0x%" PRIx64,
			    name, (uint64_t)w->cpu, w->bus, w->size,
			    (uint64_t)other->cpu, other->bus, other->size);
	return 0;
}

static int check_host_bridge(struct physbio_topology *t, int node,
			     struct physbio_error *error)
{
	struct physbio_node *hb = physbio_topology_node(t, node);

	if (!hb || hb->kind != PHYSBIO_HOST_BRIDGE)
		return fail(error, -EINVAL, "node %d is no host bridge", node);
	return 0;
}

static int append(struct physbio_bridge_window **windows, unsigned int *nr,
		  const struct physbio_bridge_window *w,
		  struct physbio_error *error)
{
	struct physbio_bridge_window *more =
		realloc(*windows, (*nr + 1) * sizeof(*more));

	if (!more)
		return fail(error, -ENOMEM, "no memory for window %u", *nr);
	more[(*nr)++] = *w;
	*windows = more;
	return 0;
}

static int check_outbound(struct physbio_topology *t, int node,
			  const struct physbio_bridge_window *w,
			  struct physbio_error *error)
{
	const char *name = t->nodes[node].name;
	int err = check_window(w, name, error);
	unsigned int j;
	int i;

	for (i = 0; i < t->nr && !err; i++)
		for (j = 0; j < t->nodes[i].nr_outbound && !err; j++)
			err = check_windows_apart(w, &t->nodes[i].outbound[j],
						  i == node, name, error);
	return err;
}

int physbio_topology_add_outbound(struct physbio_topology *t, int node,
				  const struct physbio_bridge_window *w,
				  struct physbio_error *error)
{
	struct physbio_node *hb = physbio_topology_node(t, node);
	int err = check_host_bridge(t, node, error);

	if (!err)
		err = check_outbound(t, node, w, error);
	if (err)
		return err;
	return append(&hb->outbound, &hb->nr_outbound, w, error);
}

int physbio_topology_add_inbound(struct physbio_topology *t, int node,
				 const struct physbio_bridge_window *w,
				 struct physbio_error *error)
{
	struct physbio_node *hb = physbio_topology_node(t, node);
	int err = check_host_bridge(t, node, error);
	unsigned int j;

	if (!err)
		err = check_window(w, hb->name, error);
	for (j = 0; !err && j < hb->nr_inbound; j++)
		err = check_windows_apart(w, &hb->inbound[j], true, hb->name,
					  error);
	if (err)
		return err;
	return append(&hb->inbound, &hb->nr_inbound, w, error);
}

static const struct physbio_bridge_window *
window_of_bus(const struct physbio_node *hb, uint64_t bus, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < hb->nr_outbound; i++) {
		const struct physbio_bridge_window *w = &hb->outbound[i];

		if (bus >= w->bus && bus - w->bus < w->size &&
		    size <= w->size - (bus - w->bus))
			return w;
	}
	return NULL;
}

static int check_bar_apart(struct physbio_topology *t, int hb,
			   const struct physbio_bar *bar,
			   struct physbio_error *error)
{
	unsigned int j;
	int i;

	for (i = 0; i < t->nr; i++) {
		const struct physbio_node *n = &t->nodes[i];

		for (j = 0; j < n->nr_bars; j++)
			if (physbio_topology_host_bridge(t, i) == hb &&
			    overlap(bar->bus, bar->size, n->bars[j].bus,
				    n->bars[j].size))
				return fail(error, -EINVAL,
					    "BAR at bus 0x%" PRIx64
					    " size 0x%" PRIx64
					    " overlaps BAR %u of %s",
					    bar->bus, bar->size, j, n->name);
	}
	return 0;
}

/* What peers may use has pages. */
static bool whole_if_published(const struct physbio_bar *bar)
{
	return !bar->published ||
	       !((bar->bus | bar->size) & (PB_PAGE_SIZE - 1));
}

int physbio_topology_add_bar(struct physbio_topology *t, int node,
			     const struct physbio_bar *bar,
			     struct physbio_error *error)
{
	struct physbio_node *n = physbio_topology_node(t, node);
	int hb, err;

	if (!n || n->kind == PHYSBIO_HOST_BRIDGE)
		return fail(error, -EINVAL, "node %d is no device", node);
	if (n->nr_bars == PHYSBIO_MAX_BARS)
		return fail(error, -ENOSPC, "%s: more than %d BARs", n->name,
			    PHYSBIO_MAX_BARS);
	hb = physbio_topology_host_bridge(t, node);
	if (!bar->size || !whole_if_published(bar) ||
	    !window_of_bus(&t->nodes[hb], bar->bus, bar->size))
		return fail(error, -EINVAL,
			    "%s: BAR at bus 0x%" PRIx64 " size 0x%" PRIx64
			    " is not of whole pages in one window of %s",
			    n->name, bar->bus, bar->size, t->nodes[hb].name);
	err = check_bar_apart(t, hb, bar, error);
	if (err)
		return err;
	n->bars[n->nr_bars] = *bar;
	return (int)n->nr_bars++;
}

pb_phys_addr_t physbio_topology_bar_phys(struct physbio_topology *t, int node,
					 int bar)
{
	const struct physbio_bar *b = &t->nodes[node].bars[bar];
	const struct physbio_bridge_window *w =
		window_of_bus(&t->nodes[physbio_topology_host_bridge(t, node)],
			      b->bus, b->size);

	return w->cpu + (pb_phys_addr_t)(b->bus - w->bus);
}
