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

#include "spans.h"

#define FORWARD_ALIGN UINT64_C(0x100000)
#define MAX_DEVFN 255

/* Where a node is among the others: what a caller can't change. -1: none. */
struct place {
	int up, next; /* node above, next one below the same */
	int child, last; /* first and last node below */
	int first_function; /* below, by number; -1: numbers are not known */
	int host_bridge;
	int depth;
	int same_hash; /* next node in its list of names */
};

struct physbio_topology {
	struct physbio_node *nodes;
	struct place *places;
	int nr, room;
	int top, last_top; /* first and last host bridge */
	int *names; /* lists by hash, as many as there is room for nodes */
	bool cpu_forwards;
	/* CPU addresses of all host bridges; bus addresses by host bridge, of those that
	 * come in each once */
	struct spans outbound_cpu, outbound_bus, inbound_bus, bars;
	struct spans buses; /* bus numbers by domain */
};

struct physbio_topology *physbio_topology_create(void)
{
	struct physbio_topology *t = calloc(1, sizeof(*t));

	if (t) {
		t->top = -1;
		t->last_top = -1;
	}
	return t;
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
	spans_free(&t->outbound_cpu);
	spans_free(&t->outbound_bus);
	spans_free(&t->inbound_bus);
	spans_free(&t->bars);
	spans_free(&t->buses);
	free(t->names);
	free(t->places);
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

/* --- names --- */

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

static int *names_of(const struct physbio_topology *t, const char *name)
{
	return &t->names[hash_of(name) & (uint32_t)(t->room - 1)];
}

int physbio_topology_find(const struct physbio_topology *t, const char *name)
{
	int i = t->nr ? *names_of(t, name) : -1;

	for (; i >= 0; i = t->places[i].same_hash)
		if (!strcmp(t->nodes[i].name, name))
			return i;
	return -ENOENT;
}

static void name_node(struct physbio_topology *t, int node)
{
	int *names = names_of(t, t->nodes[node].name);

	t->places[node].same_hash = *names;
	*names = node;
}

/* Twice the room, a power of two, and all names where they belong then. */
static bool make_room(struct physbio_topology *t)
{
	int room = t->room ? 2 * t->room : 16, i;
	void *p;

	if (t->nr < t->room)
		return true;
	p = realloc(t->nodes, (size_t)room * sizeof(*t->nodes));
	if (!p)
		return false;
	t->nodes = p;
	p = realloc(t->places, (size_t)room * sizeof(*t->places));
	if (!p)
		return false;
	t->places = p;
	p = realloc(t->names, (size_t)room * sizeof(*t->names));
	if (!p)
		return false;
	t->names = p;
	t->room = room;
	memset(t->names, -1, (size_t)room * sizeof(*t->names));
	for (i = 0; i < t->nr; i++)
		name_node(t, i);
	return true;
}

/* --- places --- */

struct physbio_node *physbio_topology_node(struct physbio_topology *t, int node)
{
	return node >= 0 && node < t->nr ? &t->nodes[node] : NULL;
}

int physbio_topology_host_bridge(struct physbio_topology *t, int node)
{
	return t->places[node].host_bridge;
}

int physbio_topology_child(const struct physbio_topology *t, int node)
{
	return node < 0 ? t->top : t->places[node].child;
}

int physbio_topology_next(const struct physbio_topology *t, int node)
{
	return t->places[node].next;
}

int physbio_topology_parent(const struct physbio_topology *t, int node)
{
	return t->places[node].up;
}

int physbio_topology_depth(const struct physbio_topology *t, int node)
{
	return t->places[node].depth;
}

int physbio_topology_first_function(const struct physbio_topology *t, int node)
{
	const struct place *p = &t->places[node];

	return p->first_function >= 0 ? p->first_function : p->child;
}

static void place_node(struct physbio_topology *t, int node, int above)
{
	int *first = above < 0 ? &t->top : &t->places[above].child;
	int *last = above < 0 ? &t->last_top : &t->places[above].last;

	t->places[node] = (struct place){
		.up = above,
		.next = -1,
		.child = -1,
		.last = -1,
		.first_function = -1,
		.host_bridge = above < 0 ? node : t->places[above].host_bridge,
		.depth = above < 0 ? 0 : t->places[above].depth + 1,
	};
	if (*first < 0)
		*first = node;
	else
		t->places[*last].next = node;
	*last = node;
}

/* What is written in a line of text, and read back as one word. */
static bool all_fit(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name <= ' ' || *name == 0x7f ||
		    *name == '#' || *name == '=')
			return false;
	return true;
}

static int check_name(const struct physbio_topology *t, const char *name,
		      struct physbio_error *error)
{
	if (!*name || strlen(name) >= PHYSBIO_NAME_MAX)
		return fail(error, -EINVAL,
			    "name \"%.64s\" must have 1 to %d characters", name,
			    PHYSBIO_NAME_MAX - 1);
	if (!all_fit(name))
		return fail(
			error, -EINVAL,
			"name \"%s\" has a blank, #, = or control character",
			name);
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
	struct physbio_node *node;
	int above, err;

	err = check_name(t, name, error);
	if (err)
		return err;
	above = find_parent(t, kind, name, parent, error);
	if (above < -1)
		return above;
	if (!make_room(t))
		return fail(error, -ENOMEM, "no memory for node %d", t->nr);
	node = memset(&t->nodes[t->nr], 0, sizeof(*node));
	strcpy(node->name, name);
	node->kind = kind;
	node->parent = above;
	node->p2p_routed = true;
	node->dma_mask = UINT64_MAX;
	node->numa_node = -1;
	node->domain = -1;
	node->devfn = -1;
	place_node(t, t->nr, above);
	name_node(t, t->nr);
	return t->nr++;
}

/* --- windows --- */

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

static int overlaps(const struct physbio_topology *t, const char *name,
		    const struct physbio_bridge_window *w,
		    const struct span_of *of, bool outbound,
		    struct physbio_error *error)
{
	const struct physbio_node *n = &t->nodes[of->node];
	const struct physbio_bridge_window *other =
		outbound ? &n->outbound[of->index] : &n->inbound[of->index];

	return fail(error, -EINVAL,
		    "%s: window cpu 0x%" PRIx64 " bus 0x%" PRIx64
		    " size 0x%" PRIx64 " overlaps cpu 0x%" PRIx64
		    " bus 0x%" PRIx64 " size 0x%" PRIx64 " of %s",
		    name, (uint64_t)w->cpu, w->bus, w->size,
		    (uint64_t)other->cpu, other->bus, other->size, n->name);
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

/* CPU addresses are one space for all that go out, bus addresses one for each bridge. */
static int add_outbound(struct physbio_topology *t, int node,
			const struct physbio_bridge_window *w,
			struct physbio_error *error)
{
	struct physbio_node *n = &t->nodes[node];
	const struct span_of cpu = { -1, w->cpu, w->size, node,
				     (int)n->nr_outbound };
	const struct span_of bus = { node, w->bus, w->size, node, cpu.index };
	const struct span_of *of =
		spans_overlap(&t->outbound_cpu, -1, w->cpu, w->size);
	int err;

	if (!of)
		of = spans_overlap(&t->outbound_bus, node, w->bus, w->size);
	if (of)
		return overlaps(t, n->name, w, of, true, error);
	if (spans_add(&t->outbound_cpu, &cpu))
		return fail(error, -ENOMEM, "no memory for a window");
	if (spans_add(&t->outbound_bus, &bus)) {
		spans_undo(&t->outbound_cpu);
		return fail(error, -ENOMEM, "no memory for a window");
	}
	err = append(&n->outbound, &n->nr_outbound, w, error);
	if (err) {
		spans_undo(&t->outbound_cpu);
		spans_undo(&t->outbound_bus);
	}
	return err;
}

/* A window of the node's that takes a bus address of @w elsewhere, NULL: none. */
static const struct span_of *contradicts(const struct physbio_topology *t,
					 int node,
					 const struct physbio_bridge_window *w)
{
	const struct physbio_bridge_window *other;
	const struct span_of *of =
		spans_overlap(&t->inbound_bus, node, w->bus, w->size);

	for (; of; of = spans_next_overlap(of, w->bus, w->size)) {
		other = &t->nodes[node].inbound[of->index];
		if (other->cpu - other->bus != w->cpu - w->bus)
			return of;
	}
	return NULL;
}

/* Memory may be at several bus addresses, but not one of these in several places. */
static int add_inbound(struct physbio_topology *t, int node,
		       const struct physbio_bridge_window *w,
		       struct physbio_error *error)
{
	struct physbio_node *n = &t->nodes[node];
	const struct span_of bus = { node, w->bus, w->size, node,
				     (int)n->nr_inbound };
	const struct span_of *of = contradicts(t, node, w);
	int err;

	if (of)
		return overlaps(t, n->name, w, of, false, error);
	err = append(&n->inbound, &n->nr_inbound, w, error);
	if (!err && spans_add_rest(&t->inbound_bus, &bus)) {
		n->nr_inbound--;
		err = fail(error, -ENOMEM, "no memory for a window");
	}
	return err;
}

static int check_and_add_window(struct physbio_topology *t, int node,
				const struct physbio_bridge_window *w,
				bool outbound, struct physbio_error *error)
{
	int err = check_host_bridge(t, node, error);

	if (!err)
		err = check_window(w, t->nodes[node].name, error);
	if (err)
		return err;
	return outbound ? add_outbound(t, node, w, error) :
			  add_inbound(t, node, w, error);
}

int physbio_topology_add_outbound(struct physbio_topology *t, int node,
				  const struct physbio_bridge_window *w,
				  struct physbio_error *error)
{
	return check_and_add_window(t, node, w, true, error);
}

int physbio_topology_add_inbound(struct physbio_topology *t, int node,
				 const struct physbio_bridge_window *w,
				 struct physbio_error *error)
{
	return check_and_add_window(t, node, w, false, error);
}

int physbio_topology_add_forward(struct physbio_topology *t, int node,
				 const struct physbio_forward *w,
				 struct physbio_error *error)
{
	struct physbio_node *n = physbio_topology_node(t, node);

	if (!n || n->kind != PHYSBIO_BRIDGE)
		return fail(error, -EINVAL, "node %d is no bridge", node);
	if (n->nr_forwards == PHYSBIO_MAX_FORWARDS)
		return fail(error, -ENOSPC, "%s: more than %d windows", n->name,
			    PHYSBIO_MAX_FORWARDS);
	if (!w->size || w->bus + (w->size - 1) < w->bus ||
	    (w->bus | w->size) & (FORWARD_ALIGN - 1))
		return fail(error, -EINVAL,
			    "%s: window at bus 0x%" PRIx64 " size 0x%" PRIx64
			    " is empty, wraps or is not of whole MiB",
			    n->name, w->bus, w->size);
	n->forwards[n->nr_forwards++] = *w;
	return 0;
}

/* --- what a node is --- */

int physbio_topology_set_buses(struct physbio_topology *t, int node, int domain,
			       unsigned int first, unsigned int last,
			       struct physbio_error *error)
{
	const struct span_of *of;
	struct span_of new = { domain, first, last - first + 1, node, 0 };
	int err = check_host_bridge(t, node, error);

	if (err)
		return err;
	if (t->nodes[node].domain >= 0)
		return fail(error, -EINVAL, "%s: has bus numbers already",
			    t->nodes[node].name);
	if (domain < 0 || first > last || last > UINT8_MAX)
		return fail(error, -EINVAL,
			    "%s: domain %d has no buses 0x%x to 0x%x",
			    t->nodes[node].name, domain, first, last);
	of = spans_overlap(&t->buses, domain, first, new.size);
	if (of)
		return fail(error, -EINVAL,
			    "%s: bus 0x%x to 0x%x of domain %d is also of %s",
			    t->nodes[node].name, first, last, domain,
			    t->nodes[of->node].name);
	if (spans_add(&t->buses, &new))
		return fail(error, -ENOMEM, "no memory for bus numbers");
	t->nodes[node].domain = domain;
	t->nodes[node].first_bus = (uint8_t)first;
	t->nodes[node].last_bus = (uint8_t)last;
	return 0;
}

int physbio_topology_set_iommu(struct physbio_topology *t, int node,
			       uint32_t granule, struct physbio_error *error)
{
	int err = check_host_bridge(t, node, error);

	if (err)
		return err;
	if (granule &&
	    (granule & (granule - 1) || granule < 4096 || granule > 65536))
		return fail(error, -EINVAL,
			    "%s: no IOMMU has a granule of %" PRIu32,
			    t->nodes[node].name, granule);
	t->nodes[node].iommu_granule = granule;
	return 0;
}

/* What is above a port of this kind is as it must be. */
static bool port_fits(const struct physbio_node *above, enum physbio_port port)
{
	if (port == PHYSBIO_ROOT_PORT)
		return above->kind == PHYSBIO_HOST_BRIDGE;
	if (port == PHYSBIO_DOWNSTREAM_PORT)
		return above->kind == PHYSBIO_BRIDGE &&
		       above->port == PHYSBIO_UPSTREAM_PORT;
	return (unsigned int)port < PHYSBIO_NR_PORTS;
}

int physbio_topology_set_port(struct physbio_topology *t, int node,
			      enum physbio_port port,
			      struct physbio_error *error)
{
	struct physbio_node *n = physbio_topology_node(t, node);

	if (!n || n->kind != PHYSBIO_BRIDGE)
		return fail(error, -EINVAL, "node %d is no bridge", node);
	if (!port_fits(&t->nodes[t->places[node].up], port))
		return fail(error, -EINVAL,
			    "\"%s\" can't be a port of that kind below \"%s\"",
			    n->name, t->nodes[t->places[node].up].name);
	n->port = port;
	return 0;
}

/* The function of that number below a node, -1: none. */
static int function_at(const struct physbio_topology *t, int above, int devfn)
{
	int i;

	for (i = t->places[above].child; i >= 0; i = t->places[i].next)
		if (t->nodes[i].devfn == devfn)
			return i;
	return -1;
}

int physbio_topology_set_function(struct physbio_topology *t, int node,
				  int devfn, struct physbio_error *error)
{
	struct physbio_node *n = physbio_topology_node(t, node);
	struct place *above;
	int other;

	if (!n || n->kind == PHYSBIO_HOST_BRIDGE)
		return fail(error, -EINVAL, "node %d is no device", node);
	if (devfn < 0 || devfn > MAX_DEVFN)
		return fail(error, -EINVAL, "%s: there is no function %d",
			    n->name, devfn);
	if (n->devfn >= 0)
		return fail(error, -EINVAL, "%s: has a function number already",
			    n->name);
	other = function_at(t, t->places[node].up, devfn);
	if (other >= 0)
		return fail(error, -EINVAL, "%s: %s is at %02x.%x already",
			    n->name, t->nodes[other].name, devfn >> 3,
			    devfn & 7);
	n->devfn = devfn;
	above = &t->places[t->places[node].up];
	if (above->first_function < 0 ||
	    t->nodes[above->first_function].devfn > devfn)
		above->first_function = node;
	return 0;
}

void physbio_topology_enable_acs(struct physbio_topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (t->nodes[t->places[i].host_bridge].iommu_granule)
			t->nodes[i].acs_ctrl |= t->nodes[i].acs_cap &
						PHYSBIO_ACS_ENABLED;
}

/* --- BARs --- */

/* The outbound window of a host bridge that has all of a range, NULL: none. */
static const struct physbio_bridge_window *
window_of_bus(const struct physbio_topology *t, int hb, uint64_t bus,
	      uint64_t size)
{
	const struct span_of *of = spans_at(&t->outbound_bus, hb, bus);

	return of && size <= of->size - (bus - of->start) ?
		       &t->nodes[hb].outbound[of->index] :
		       NULL;
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
	const struct span_of *of;
	struct span_of new;
	int hb;

	if (!n || n->kind == PHYSBIO_HOST_BRIDGE)
		return fail(error, -EINVAL, "node %d is no device", node);
	if (n->nr_bars == PHYSBIO_MAX_BARS)
		return fail(error, -ENOSPC, "%s: more than %d BARs", n->name,
			    PHYSBIO_MAX_BARS);
	hb = physbio_topology_host_bridge(t, node);
	if (!bar->size || !whole_if_published(bar) ||
	    !window_of_bus(t, hb, bar->bus, bar->size))
		return fail(error, -EINVAL,
			    "%s: BAR at bus 0x%" PRIx64 " size 0x%" PRIx64
			    " is not of whole pages in one window of %s",
			    n->name, bar->bus, bar->size, t->nodes[hb].name);
	of = spans_overlap(&t->bars, hb, bar->bus, bar->size);
	if (of)
		return fail(error, -EINVAL,
			    "BAR at bus 0x%" PRIx64 " size 0x%" PRIx64
			    " of %s overlaps BAR %d of %s",
			    bar->bus, bar->size, n->name, of->index,
			    t->nodes[of->node].name);
	new = (struct span_of){ hb, bar->bus, bar->size, node,
				(int)n->nr_bars };
	if (spans_add(&t->bars, &new))
		return fail(error, -ENOMEM, "no memory for a BAR");
	n->bars[n->nr_bars] = *bar;
	return (int)n->nr_bars++;
}

pb_phys_addr_t physbio_topology_bar_phys(struct physbio_topology *t, int node,
					 int bar)
{
	const struct physbio_bar *b = &t->nodes[node].bars[bar];
	const struct physbio_bridge_window *w =
		window_of_bus(t, t->places[node].host_bridge, b->bus, b->size);

	return w->cpu + (pb_phys_addr_t)(b->bus - w->bus);
}
