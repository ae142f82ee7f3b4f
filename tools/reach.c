// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whose a physical range is, how a device is told to reach it, and where the fabric
 * takes that. Maps as the engine does, one range at a time.
 */
#include <stdlib.h>

#include "reach.h"

int reach_wire(struct physbio_topology *t, const struct physbio_machine *m,
	       struct physbio_mem *mem, struct physbio_fabric **fabric)
{
	int i, err = physbio_fabric_create(t, mem, fabric);

	for (i = physbio_topology_child(t, -1); i >= 0 && !err;
	     i = physbio_topology_next(t, i))
		err = physbio_fabric_set_iommu(*fabric, i,
					       physbio_machine_iommu(m, i));
	return err;
}

/* The first window of the table that ends behind @cpu, if it has all of the range. */
static bool inbound_lookup(const struct physbio_window *w, int nr, uint64_t cpu,
			   uint64_t size, uint64_t *bus)
{
	while (nr && cpu > w->start + (w->size - 1)) {
		nr--;
		w++;
	}
	if (!nr || cpu < w->start || size > w->size - (cpu - w->start))
		return false;
	*bus = w->bus + (cpu - w->start);
	return true;
}

bool reach_inbound(const struct physbio_node *hb, uint64_t cpu, uint64_t size,
		   uint64_t *bus)
{
	struct physbio_window *table;
	bool found = false;
	int nr;

	*bus = cpu;
	if (!hb->nr_inbound)
		return true;
	nr = physbio_inbound_table(hb->inbound, hb->nr_inbound, &table);
	if (nr > 0)
		found = inbound_lookup(table, nr, cpu, size, bus);
	free(table);
	return found;
}

bool reach_has_endpoint(struct physbio_topology *t)
{
	int i;

	for (i = 0; i < physbio_topology_nr(t); i++)
		if (physbio_topology_node(t, i)->kind == PHYSBIO_ENDPOINT)
			return true;
	return false;
}

const char *reach_hint(struct physbio_topology *t)
{
	return reach_has_endpoint(t) ? "" :
				       ": physbio topo --populate adds some";
}

/* --- whose it is --- */

/* Shorten a part that has @start in it to end before that. */
static void end_before(struct reach_piece *p, uint64_t start)
{
	if (start > p->paddr && start - p->paddr < p->len)
		p->len = start - p->paddr;
}

/* Does a range have the first byte? Whatever it is, the part ends at its edges. */
static bool has_first(struct reach_piece *p, uint64_t start, uint64_t size)
{
	end_before(p, start);
	end_before(p, start + size);
	return p->paddr >= start && p->paddr - start < size;
}

static void try_bars(const struct reach *r, int node, struct reach_piece *p)
{
	const struct physbio_node *n = physbio_topology_node(r->t, node);
	int i;

	for (i = 0; i < (int)n->nr_bars; i++) {
		if (!has_first(p, physbio_topology_bar_phys(r->t, node, i),
			       n->bars[i].size))
			continue;
		p->owner = REACH_BAR;
		p->node = node;
		p->bar = i;
		p->published = n->bars[i].published;
	}
}

static const struct physbio_node *host_bridge(const struct reach *r)
{
	return physbio_topology_node(
		r->t, physbio_topology_host_bridge(r->t, r->device));
}

static void find_owner(const struct reach *r, struct reach_piece *p)
{
	const struct physbio_node *hb = host_bridge(r);
	unsigned int j;
	int i;

	for (j = 0; j < r->nr_ram; j++)
		if (has_first(p, r->ram[j].start, r->ram[j].size))
			p->owner = REACH_RAM;
	for (i = 0; i < physbio_topology_nr(r->t); i++)
		try_bars(r, i, p);
	for (j = 0; j < hb->nr_inbound; j++)
		has_first(p, hb->inbound[j].cpu, hb->inbound[j].size);
}

/* --- how it is reached --- */

static unsigned long attrs_of(const struct reach_piece *p)
{
	return p->owner == REACH_BAR ? PB_DMA_ATTR_MMIO : 0;
}

static bool by_bus(const struct reach_piece *p)
{
	return p->owner == REACH_BAR &&
	       p->verdict.map == PB_PCI_P2PDMA_MAP_BUS_ADDR;
}

/* By the way that the machine has chosen for its DMA client, which the engine uses. */
static pb_dma_addr_t map_piece(const struct reach *r,
			       const struct reach_piece *p)
{
	const struct pb_device *dev = physbio_machine_device(r->m, r->device);
	const struct physbio_region *region = NULL;
	enum pb_pci_p2pdma_map_type map;

	if (p->owner == REACH_NOTHING)
		return PB_DMA_MAPPING_ERROR;
	if (p->owner == REACH_BAR) {
		region = physbio_machine_region(r->m, p->node, p->bar);
		if (!region)
			return PB_DMA_MAPPING_ERROR;
	}
	map = physbio_p2p_state(dev, region);
	if (map == PB_PCI_P2PDMA_MAP_NOT_SUPPORTED)
		return PB_DMA_MAPPING_ERROR;
	if (map == PB_PCI_P2PDMA_MAP_BUS_ADDR)
		return physbio_dma_make(p->paddr + region->bus_offset);
	return pb_dma_map_phys(dev, p->paddr, p->len, PB_DMA_BIDIRECTIONAL,
			       attrs_of(p));
}

void reach_map(const struct reach *r, pb_phys_addr_t paddr, uint64_t len,
	       struct reach_piece *p)
{
	*p = (struct reach_piece){
		.paddr = paddr, .len = len, .node = -1, .bar = -1
	};
	find_owner(r, p);
	if (p->owner == REACH_BAR)
		p->verdict = physbio_p2p_verdict(r->t, p->node, r->device);
	p->addr = map_piece(r, p);
}

void reach_unmap(const struct reach *r, const struct reach_piece *p)
{
	const struct pb_device *dev = physbio_machine_device(r->m, r->device);

	if (!pb_dma_mapping_error(dev, p->addr) && !by_bus(p))
		pb_dma_unmap_phys(dev, p->addr, p->len, PB_DMA_BIDIRECTIONAL,
				  attrs_of(p));
}

/* --- what it hits --- */

static bool goes_on(const struct physbio_hit *hit,
		    const struct physbio_hit *next)
{
	if (next->kind != hit->kind || next->node != hit->node ||
	    next->bar != hit->bar)
		return false;
	return hit->kind == PHYSBIO_HIT_NOTHING ||
	       next->paddr == hit->paddr + (pb_phys_addr_t)hit->len;
}

static struct physbio_hit hit_at(const struct reach *r,
				 const struct reach_piece *p, uint64_t offset)
{
	struct physbio_hit hit = physbio_fabric_route(
		r->fabric, r->device, physbio_dma_add(p->addr, offset));
	uint64_t in_page =
		PB_PAGE_SIZE -
		((physbio_dma_value(p->addr) + offset) & (PB_PAGE_SIZE - 1));

	/* What hits nothing is asked for again at the next page, not the next byte. */
	if (hit.kind == PHYSBIO_HIT_NOTHING)
		hit.len = in_page;
	if (hit.len > p->len - offset)
		hit.len = p->len - offset;
	return hit;
}

struct physbio_hit reach_hit(const struct reach *r, const struct reach_piece *p,
			     uint64_t offset)
{
	struct physbio_hit hit = hit_at(r, p, offset), next;

	while (hit.len < p->len - offset) {
		next = hit_at(r, p, offset + hit.len);
		if (!goes_on(&hit, &next))
			break;
		hit.len += next.len;
	}
	return hit;
}

bool reach_right(const struct reach_piece *p, uint64_t offset,
		 const struct physbio_hit *hit)
{
	if (hit->paddr != p->paddr + (pb_phys_addr_t)offset)
		return false;
	if (p->owner == REACH_RAM)
		return hit->kind == PHYSBIO_HIT_RAM;
	return hit->kind == PHYSBIO_HIT_BAR && hit->node == p->node &&
	       hit->bar == p->bar;
}
