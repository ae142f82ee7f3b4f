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
#include <physbio/nvme.h>
#include <physbio/p2p.h>

#include "spans.h"

/* What one endpoint needs. */
struct client {
	struct pb_device dev;
	struct physbio_xlate xlate;
	struct physbio_window *windows;
	void *index; /* of the windows */
};

/* The addresses that a domain may give out. */
#define IOVA_FIRST UINT64_C(0x10000)
#define IOVA_END (UINT64_C(1) << 48)

struct physbio_machine {
	struct physbio_topology *topology;
	struct physbio_iommu **iommus; /* by node of a host bridge */
	struct physbio_mem *mem;
	struct client *clients; /* by node */
	struct physbio_region *regions;
	int *region_node; /* by region id */
	int *region_bar;
	unsigned int nr_regions;
	uint8_t *p2p_maps; /* by node, and of each by region id */
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

/* How all clients reach one region; @maps: room for a byte of each node. */
static void region_set_p2p(struct physbio_machine *m, unsigned int id,
			   uint8_t *maps)
{
	int nr = physbio_topology_nr(m->topology), i;

	if (region_published(m, id))
		physbio_p2p_map_all(m->topology, m->region_node[id], maps);
	else
		memset(maps, PB_PCI_P2PDMA_MAP_NOT_SUPPORTED, (size_t)nr);
	for (i = 0; i < nr; i++)
		if (physbio_topology_node(m->topology, i)->kind ==
		    PHYSBIO_ENDPOINT)
			m->p2p_maps[(size_t)i * m->nr_regions + id] = maps[i];
}

static int set_p2p(struct physbio_machine *m, struct physbio_error *error)
{
	uint8_t *maps = calloc((size_t)physbio_topology_nr(m->topology) + 1, 1);
	unsigned int id;

	if (!maps)
		return no_memory(error);
	for (id = 0; id < m->nr_regions; id++)
		region_set_p2p(m, id, maps);
	free(maps);
	return 0;
}

/* --- inbound windows --- */

/* The part of a window that stands for it in the table. */
static struct physbio_window
part_of(const struct physbio_bridge_window *inbound, const struct span_of *of)
{
	const struct physbio_bridge_window *w = &inbound[of->index];

	return (struct physbio_window){
		.start = (pb_phys_addr_t)of->start,
		.size = of->size,
		.bus = w->bus + (of->start - w->cpu),
	};
}

static int count_spans(const struct spans *s)
{
	const struct span_of *of;
	int n = 0;

	for (of = spans_first(s); of; of = spans_next(of))
		n++;
	return n;
}

/* All parts in order; nothing of them if there is no memory. */
static int table_of(const struct physbio_bridge_window *inbound,
		    const struct spans *parts, struct physbio_window **table)
{
	const struct span_of *of;
	int n = 0;

	*table = NULL;
	if (!parts->root)
		return 0;
	*table = calloc((size_t)count_spans(parts), sizeof(**table));
	if (!*table)
		return -ENOMEM;
	for (of = spans_first(parts); of; of = spans_next(of))
		(*table)[n++] = part_of(inbound, of);
	return n;
}

int physbio_inbound_table(const struct physbio_bridge_window *inbound,
			  unsigned int nr, struct physbio_window **table)
{
	struct spans parts = { 0 };
	int i, err = 0;

	for (i = 0; i < (int)nr && !err; i++) {
		const struct span_of cpu = { 0, inbound[i].cpu, inbound[i].size,
					     0, i };

		err = spans_add_rest(&parts, &cpu);
	}
	if (!err)
		err = table_of(inbound, &parts, table);
	spans_free(&parts);
	return err;
}

static int client_set_windows(struct client *c, const struct physbio_node *hb,
			      struct physbio_iommu *iommu)
{
	int nr;

	if (iommu) {
		physbio_xlate_init_iommu(&c->xlate, iommu);
		return 0;
	}
	nr = physbio_inbound_table(hb->inbound, hb->nr_inbound, &c->windows);
	if (nr < 0)
		return nr;
	if (!nr) {
		physbio_xlate_init_identity(&c->xlate);
		return 0;
	}
	c->index = calloc(1, PHYSBIO_WINDOW_INDEX_BYTES(nr));
	if (!c->index)
		return -ENOMEM;
	return physbio_xlate_init_windows(&c->xlate, c->windows, (uint32_t)nr,
					  c->index);
}

static int client_setup(struct physbio_machine *m, int node,
			struct physbio_error *error)
{
	struct physbio_node *n = physbio_topology_node(m->topology, node);
	struct client *c = &m->clients[node];
	struct physbio_node *hb;
	int top;

	if (n->kind != PHYSBIO_ENDPOINT)
		return 0;
	top = physbio_topology_host_bridge(m->topology, node);
	hb = physbio_topology_node(m->topology, top);
	if (client_set_windows(c, hb, m->iommus[top]))
		return no_memory(error);
	physbio_xlate_set_p2p(&c->xlate,
			      m->p2p_maps + (size_t)node * m->nr_regions,
			      m->nr_regions);
	c->dev.xlate = &c->xlate;
	c->dev.dma_mask = n->dma_mask;
	/* Devices here are NVMe's: PRPs name pages. */
	c->dev.min_align_mask = PB_NVME_CTRL_PAGE_SIZE - 1;
	c->dev.numa_node = n->numa_node;
	return 0;
}

/* --- IOMMUs --- */

/* The end of what all endpoints below a host bridge can put on the bus. */
static uint64_t reach_of(struct physbio_topology *t, int top)
{
	uint64_t last = IOVA_END - 1;
	int i;

	for (i = top; i < physbio_topology_nr(t); i++) {
		const struct physbio_node *n = physbio_topology_node(t, i);

		if (n->kind == PHYSBIO_ENDPOINT && n->dma_mask < last &&
		    physbio_topology_host_bridge(t, i) == top)
			last = n->dma_mask;
	}
	return last + 1;
}

struct gap {
	uint64_t start, size;
};

static void note_gap(struct gap *best, uint64_t start, uint64_t end,
		     uint32_t granule)
{
	start = (start + granule - 1) & ~(uint64_t)(granule - 1);
	end &= ~(uint64_t)(granule - 1);
	if (end > start && end - start > best->size)
		*best = (struct gap){ start, end - start };
}

static int compare_bus(const void *a, const void *b)
{
	const struct physbio_bridge_window *wa = a, *wb = b;

	return wa->bus < wb->bus ? -1 : wa->bus > wb->bus;
}

/* The largest range from @at to before @end that no window (ascending) has. */
static void find_gap_between(const struct physbio_node *hb,
			     const struct physbio_bridge_window *w, uint64_t at,
			     uint64_t end, struct gap *best)
{
	unsigned int i;

	for (i = 0; i < hb->nr_outbound && at < end; i++) {
		note_gap(best, at, w[i].bus < end ? w[i].bus : end,
			 hb->iommu_granule);
		if (w[i].bus + (w[i].size - 1) >= at)
			at = w[i].bus + (w[i].size - 1) + 1;
		if (!at)
			at = end;
	}
	if (at < end)
		note_gap(best, at, end, hb->iommu_granule);
}

/* In each of the windows that let something in, or anywhere if there are none. */
static void find_gap_inbound(const struct physbio_node *hb,
			     const struct physbio_bridge_window *w,
			     uint64_t end, struct gap *best)
{
	unsigned int i;

	if (!hb->nr_inbound)
		find_gap_between(hb, w, IOVA_FIRST, end, best);
	for (i = 0; i < hb->nr_inbound; i++) {
		uint64_t first = hb->inbound[i].bus;
		uint64_t last = first + (hb->inbound[i].size - 1);

		find_gap_between(hb, w, first < IOVA_FIRST ? IOVA_FIRST : first,
				 last < end ? last + 1 : end, best);
	}
}

/*
 * The largest range of addresses that come in and are no peer's, as Linux keeps the
 * windows of a host bridge apart. Source: iova_reserve_pci_windows()
 */
static int find_gap(const struct physbio_node *hb, uint64_t end,
		    struct gap *best)
{
	struct physbio_bridge_window *w =
		calloc(hb->nr_outbound + 1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	if (hb->nr_outbound)
		memcpy(w, hb->outbound, hb->nr_outbound * sizeof(*w));
	qsort(w, hb->nr_outbound, sizeof(*w), compare_bus);
	find_gap_inbound(hb, w, end, best);
	free(w);
	return 0;
}

static int make_iommu(struct physbio_machine *m, int top,
		      struct physbio_error *error)
{
	const struct physbio_node *hb = physbio_topology_node(m->topology, top);
	struct gap gap = { 0 };
	int err;

	if (!hb->iommu_granule)
		return 0;
	if (find_gap(hb, reach_of(m->topology, top), &gap))
		return no_memory(error);
	if (!gap.size)
		return fail(error, -EINVAL,
			    "an IOMMU has no addresses that all can use: ",
			    hb->name);
	err = physbio_iommu_create(hb->iommu_granule, gap.start, gap.size,
				   &m->iommus[top]);
	return err ? fail(error, err, "an IOMMU can't be made: ", hb->name) : 0;
}

static int make_iommus(struct physbio_machine *m, struct physbio_error *error)
{
	int i, err = 0;

	for (i = physbio_topology_child(m->topology, -1); i >= 0 && !err;
	     i = physbio_topology_next(m->topology, i))
		err = make_iommu(m, i, error);
	return err;
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

	m->iommus = calloc(nodes, sizeof(struct physbio_iommu *));
	m->clients = calloc(nodes, sizeof(*m->clients));
	m->regions = calloc(bars, sizeof(*m->regions));
	m->region_node = calloc(bars, sizeof(*m->region_node));
	m->region_bar = calloc(bars, sizeof(*m->region_bar));
	m->p2p_maps = calloc(nodes, bars);
	return m->iommus && m->clients && m->regions && m->region_node &&
	       m->region_bar && m->p2p_maps;
}

static int machine_setup(struct physbio_machine *m,
			 const struct physbio_mem_range *ram,
			 unsigned int nr_ram, struct physbio_error *error)
{
	int i, err = 0;

	if (!alloc_tables(m))
		return no_memory(error);
	find_regions(m);
	err = set_p2p(m, error);
	if (!err)
		err = make_iommus(m, error);
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
	for (i = 0; m->iommus && i < physbio_topology_nr(m->topology); i++)
		physbio_iommu_destroy(m->iommus[i]);
	physbio_mem_destroy(m->mem);
	free(m->iommus);
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

struct physbio_iommu *physbio_machine_iommu(const struct physbio_machine *m,
					    int node)
{
	if (node < 0 || node >= physbio_topology_nr(m->topology))
		return NULL;
	return m->iommus[node];
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
