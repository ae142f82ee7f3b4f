// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Software's view of a topology: which device may reach which region how, and at
 * which address. Reads config space and windows as an operating system would, and
 * never asks the fabric.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/machine.h>
#include <physbio/p2p.h>

/* What one endpoint needs. */
struct client {
	struct pb_device dev;
	struct physbio_xlate xlate;
	struct physbio_window *windows;
	void *index; /* of the windows */
	uint8_t *p2p_map; /* by region id */
};

struct physbio_machine {
	struct physbio_topology *topology;
	struct physbio_mem *mem;
	struct client *clients; /* by node */
	struct physbio_region *regions;
	int *region_node; /* by region id */
	int *region_bar;
	unsigned int nr_regions;
	uint8_t *p2p_maps; /* of all clients */
};

static int fail(struct physbio_error *error, int err, const char *what,
		const char *name)
{
	if (error) {
		memset(error, 0, sizeof(*error));
		error->err = err;
		snprintf(error->message, sizeof(error->message), "%s%s", what,
			 name);
	}
	return err;
}

static int no_memory(struct physbio_error *error)
{
	return fail(error, -ENOMEM, "no memory for a machine", "");
}

static unsigned int count_bars(struct physbio_topology *t)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < physbio_topology_nr(t); i++)
		n += physbio_topology_node(t, i)->nr_bars;
	return n;
}

static void region_add(struct physbio_machine *m, int node, int bar)
{
	struct physbio_node *n = physbio_topology_node(m->topology, node);
	struct physbio_region *r = &m->regions[m->nr_regions];

	r->start = physbio_topology_bar_phys(m->topology, node, bar);
	r->size = n->bars[bar].size;
	r->bus_offset = n->bars[bar].bus - r->start;
	r->id = m->nr_regions;
	m->region_node[m->nr_regions] = node;
	m->region_bar[m->nr_regions] = bar;
	m->nr_regions++;
}

static bool whole_pages(const struct physbio_bar *bar)
{
	return !((bar->bus | bar->size) & (PB_PAGE_SIZE - 1));
}

/*
 * A BAR that is not published has bytes too, but no one may ask for a mapping. One that
 * is less than a page has registers, and no bytes here.
 */
static void find_regions(struct physbio_machine *m)
{
	int i, j;

	for (i = 0; i < physbio_topology_nr(m->topology); i++) {
		struct physbio_node *n = physbio_topology_node(m->topology, i);

		for (j = 0; j < (int)n->nr_bars; j++)
			if (whole_pages(&n->bars[j]))
				region_add(m, i, j);
	}
}

static bool region_published(const struct physbio_machine *m, unsigned int id)
{
	struct physbio_node *n =
		physbio_topology_node(m->topology, m->region_node[id]);

	return n->bars[m->region_bar[id]].published;
}

static void client_set_p2p(struct physbio_machine *m, int node)
{
	struct client *c = &m->clients[node];
	unsigned int id;

	for (id = 0; id < m->nr_regions; id++)
		c->p2p_map[id] =
			region_published(m, id) ?
				(uint8_t)physbio_p2p_verdict(
					m->topology, m->region_node[id], node)
					.map :
				(uint8_t)PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
	physbio_xlate_set_p2p(&c->xlate, c->p2p_map, m->nr_regions);
}

static int compare_windows(const void *a, const void *b)
{
	const struct physbio_window *wa = a, *wb = b;

	return wa->start < wb->start ? -1 : wa->start > wb->start;
}

static int client_set_windows(struct client *c, const struct physbio_node *hb)
{
	unsigned int i;

	if (!hb->nr_inbound) {
		physbio_xlate_init_identity(&c->xlate);
		return 0;
	}
	c->windows = calloc(hb->nr_inbound, sizeof(*c->windows));
	c->index = calloc(1, PHYSBIO_WINDOW_INDEX_BYTES(hb->nr_inbound));
	if (!c->windows || !c->index)
		return -ENOMEM;
	for (i = 0; i < hb->nr_inbound; i++) {
		c->windows[i].start = hb->inbound[i].cpu;
		c->windows[i].size = hb->inbound[i].size;
		c->windows[i].bus = hb->inbound[i].bus;
	}
	qsort(c->windows, hb->nr_inbound, sizeof(c->windows[0]),
	      compare_windows);
	return physbio_xlate_init_windows(&c->xlate, c->windows, hb->nr_inbound,
					  c->index);
}

static int client_setup(struct physbio_machine *m, int node,
			struct physbio_error *error)
{
	struct physbio_node *n = physbio_topology_node(m->topology, node);
	struct client *c = &m->clients[node];
	struct physbio_node *hb;
	int err;

	if (n->kind != PHYSBIO_ENDPOINT)
		return 0;
	hb = physbio_topology_node(
		m->topology, physbio_topology_host_bridge(m->topology, node));
	err = client_set_windows(c, hb);
	if (err == -ENOMEM)
		return no_memory(error);
	if (err)
		return fail(error, -EINVAL,
			    "inbound windows are empty, wrap or overlap: ",
			    hb->name);
	c->p2p_map = m->p2p_maps + (size_t)node * m->nr_regions;
	client_set_p2p(m, node);
	c->dev.xlate = &c->xlate;
	c->dev.dma_mask = n->dma_mask;
	c->dev.numa_node = n->numa_node;
	return 0;
}

static int make_mem(struct physbio_machine *m,
		    const struct physbio_mem_range *ram, unsigned int nr_ram,
		    struct physbio_error *error)
{
	struct physbio_mem_range *ranges =
		calloc(nr_ram + m->nr_regions, sizeof(*ranges));
	unsigned int i;
	int err;

	if (!ranges)
		return no_memory(error);
	for (i = 0; i < nr_ram; i++)
		ranges[i] = ram[i];
	for (i = 0; i < m->nr_regions; i++)
		ranges[nr_ram + i] = (struct physbio_mem_range){
			.start = m->regions[i].start,
			.size = m->regions[i].size,
			.kind = PHYSBIO_MEM_BAR,
			.nid = -1,
			.region = &m->regions[i],
		};
	err = physbio_mem_create(ranges, nr_ram + m->nr_regions, &m->mem,
				 error);
	free(ranges);
	return err;
}

static bool alloc_tables(struct physbio_machine *m)
{
	size_t nodes = (size_t)physbio_topology_nr(m->topology) + 1;
	size_t bars = count_bars(m->topology) + 1;

	m->clients = calloc(nodes, sizeof(*m->clients));
	m->regions = calloc(bars, sizeof(*m->regions));
	m->region_node = calloc(bars, sizeof(*m->region_node));
	m->region_bar = calloc(bars, sizeof(*m->region_bar));
	m->p2p_maps = calloc(nodes, bars);
	return m->clients && m->regions && m->region_node && m->region_bar &&
	       m->p2p_maps;
}

static int machine_setup(struct physbio_machine *m,
			 const struct physbio_mem_range *ram,
			 unsigned int nr_ram, struct physbio_error *error)
{
	int i, err = 0;

	if (!alloc_tables(m))
		return no_memory(error);
	find_regions(m);
	for (i = 0; i < physbio_topology_nr(m->topology) && !err; i++)
		err = client_setup(m, i, error);
	return err ? err : make_mem(m, ram, nr_ram, error);
}

int physbio_machine_create(struct physbio_topology *t,
			   const struct physbio_mem_range *ram,
			   unsigned int nr_ram,
			   struct physbio_machine **machine,
			   struct physbio_error *error)
{
	struct physbio_machine *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return no_memory(error);
	m->topology = t;
	err = machine_setup(m, ram, nr_ram, error);
	if (err) {
		physbio_machine_destroy(m);
		return err;
	}
	*machine = m;
	return 0;
}

void physbio_machine_destroy(struct physbio_machine *m)
{
	int i;

	if (!m)
		return;
	for (i = 0; m->clients && i < physbio_topology_nr(m->topology); i++) {
		free(m->clients[i].index);
		free(m->clients[i].windows);
	}
	physbio_mem_destroy(m->mem);
	free(m->p2p_maps);
	free(m->region_bar);
	free(m->region_node);
	free(m->regions);
	free(m->clients);
	free(m);
}

struct physbio_mem *physbio_machine_mem(struct physbio_machine *m)
{
	return m->mem;
}

const struct pb_device *physbio_machine_device(const struct physbio_machine *m,
					       int node)
{
	if (node < 0 || node >= physbio_topology_nr(m->topology) ||
	    !m->clients[node].dev.xlate)
		return NULL;
	return &m->clients[node].dev;
}

const struct physbio_region *
physbio_machine_region(const struct physbio_machine *m, int node, int bar)
{
	unsigned int id;

	for (id = 0; id < m->nr_regions; id++)
		if (m->region_node[id] == node && m->region_bar[id] == bar &&
		    region_published(m, id))
			return &m->regions[id];
	return NULL;
}
