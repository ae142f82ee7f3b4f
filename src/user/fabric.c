// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Routing as the hardware does it. A bus address goes up from its device; the first
 * bridge with a peer below it that claims the address sends it down there, unless the
 * function that it comes from redirects it up; at the host bridge an IOMMU may look it
 * up, and it becomes a CPU address, which is RAM, another bridge's window, or nothing.
 * What is on the wires is written down once, so that no access looks at all nodes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/fabric.h>

#include "spans.h"

struct physbio_fabric {
	struct physbio_topology *t;
	struct physbio_mem *mem;
	const struct physbio_iommu **iommus; /* by node; NULL: there are none */
	/* bus addresses by host bridge; CPU addresses of all */
	struct spans bars, outbound, inbound, outbound_cpu;
	unsigned long transfers; /* atomics: devices work in parallel */
	unsigned long bytes;
	unsigned long faults;
	unsigned long corrupt_at; /* transfer number, 0: none */
};

/* --- what is on the wires --- */

/* A BAR that overlaps one before it is never hit where they do. */
static int add_bars(struct physbio_fabric *f, int node)
{
	const struct physbio_node *n = physbio_topology_node(f->t, node);
	int hb = physbio_topology_host_bridge(f->t, node), err = 0;
	unsigned int i;

	for (i = 0; i < n->nr_bars && !err; i++) {
		const struct span_of bar = { hb, n->bars[i].bus,
					     n->bars[i].size, node, (int)i };

		err = spans_add(&f->bars, &bar);
	}
	return err;
}

static int add_windows(struct physbio_fabric *f, int hb)
{
	const struct physbio_node *n = physbio_topology_node(f->t, hb);
	int err = 0, i;

	for (i = 0; i < (int)n->nr_outbound && !err; i++) {
		const struct physbio_bridge_window *w = &n->outbound[i];
		const struct span_of bus = { hb, w->bus, w->size, hb, i };
		const struct span_of cpu = { -1, w->cpu, w->size, hb, i };

		err = spans_add(&f->outbound, &bus);
		if (!err)
			err = spans_add(&f->outbound_cpu, &cpu);
	}
	for (i = 0; i < (int)n->nr_inbound && !err; i++) {
		const struct physbio_bridge_window *w = &n->inbound[i];
		const struct span_of bus = { hb, w->bus, w->size, hb, i };

		err = spans_add_rest(&f->inbound, &bus);
	}
	return err;
}

int physbio_fabric_create(struct physbio_topology *t, struct physbio_mem *mem,
			  struct physbio_fabric **fabric)
{
	struct physbio_fabric *f = calloc(1, sizeof(*f));
	int i, err = 0;

	if (!f)
		return -ENOMEM;
	f->t = t;
	f->mem = mem;
	for (i = 0; i < physbio_topology_nr(t) && !err; i++) {
		err = add_bars(f, i);
		if (!err)
			err = add_windows(f, i);
	}
	if (err) {
		physbio_fabric_destroy(f);
		return err;
	}
	*fabric = f;
	return 0;
}

void physbio_fabric_destroy(struct physbio_fabric *f)
{
	if (!f)
		return;
	spans_free(&f->bars);
	spans_free(&f->outbound);
	spans_free(&f->inbound);
	spans_free(&f->outbound_cpu);
	free(f->iommus);
	free(f);
}

int physbio_fabric_set_iommu(struct physbio_fabric *f, int node,
			     const struct physbio_iommu *iommu)
{
	const struct physbio_node *n = physbio_topology_node(f->t, node);

	if (!n || n->kind != PHYSBIO_HOST_BRIDGE)
		return -EINVAL;
	if (!f->iommus)
		f->iommus = calloc((size_t)physbio_topology_nr(f->t),
				   sizeof(*f->iommus));
	if (!f->iommus)
		return -ENOMEM;
	f->iommus[node] = iommu;
	return 0;
}

/* --- down --- */

static const struct physbio_hit no_hit = {
	.kind = PHYSBIO_HIT_NOTHING, .len = 1, .node = -1, .bar = -1
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes from a bus address on that a bridge sends down, 0: none. */
static uint64_t forwards(const struct physbio_node *n, uint64_t bus)
{
	unsigned int i;

	if (!n->nr_forwards)
		return UINT64_MAX;
	for (i = 0; i < n->nr_forwards; i++)
		if (bus - n->forwards[i].bus < n->forwards[i].size)
			return n->forwards[i].size - (bus - n->forwards[i].bus);
	return 0;
}

/*
 * From the bus below @top down to the BAR that has an address. Nothing goes back where
 * it came from: to @issuer.
 */
static struct physbio_hit send_down(struct physbio_fabric *f, int top,
				    int issuer, const struct span_of *bar,
				    uint64_t bus)
{
	struct physbio_hit hit = no_hit;
	uint64_t room;
	int node;

	if (!bar || bar->node == issuer)
		return no_hit;
	room = bar->size - (bus - bar->start);
	for (node = bar->node; node != top && room;) {
		node = physbio_topology_parent(f->t, node);
		if (node != top)
			room = min_u64(room, forwards(physbio_topology_node(
							      f->t, node),
						      bus));
	}
	if (!room)
		return no_hit;
	hit.kind = PHYSBIO_HIT_BAR;
	hit.paddr = physbio_topology_bar_phys(f->t, bar->node, bar->index) +
		    (pb_phys_addr_t)(bus - bar->start);
	hit.len = room;
	hit.node = bar->node;
	hit.bar = bar->index;
	return hit;
}

/* --- memory --- */

static bool is_ram(const struct physbio_fabric *f, uint64_t cpu)
{
	const struct pb_page *page;

	if (cpu > (pb_phys_addr_t)-1)
		return false;
	page = physbio_mem_page(f->mem, (pb_phys_addr_t)cpu);
	return page && !pb_page_is_p2pdma(page);
}

static struct physbio_hit ram_hit(uint64_t cpu, uint64_t room)
{
	uint64_t in_page = PB_PAGE_SIZE - (cpu & (PB_PAGE_SIZE - 1));

	return (struct physbio_hit){
		.kind = PHYSBIO_HIT_RAM,
		.paddr = (pb_phys_addr_t)cpu,
		.len = in_page < room ? in_page : room,
		.node = -1,
		.bar = -1,
	};
}

/* A CPU address that a device has sent up: another host bridge may send it down. */
static struct physbio_hit route_cpu(struct physbio_fabric *f, int issuer,
				    uint64_t cpu, uint64_t room)
{
	const struct span_of *w;
	struct physbio_hit hit;
	uint64_t bus;

	if (is_ram(f, cpu))
		return ram_hit(cpu, room);
	w = spans_at(&f->outbound_cpu, -1, cpu);
	if (!w || !physbio_topology_node(f->t, w->node)->p2p_routed)
		return no_hit;
	bus = physbio_topology_node(f->t, w->node)->outbound[w->index].bus +
	      (cpu - w->start);
	hit = send_down(f, w->node, issuer, spans_at(&f->bars, w->node, bus),
			bus);
	hit.len = min_u64(hit.len, room);
	return hit;
}

/* All that comes in is looked up, whoever's address it was meant to be. */
static struct physbio_hit route_iommu(struct physbio_fabric *f,
				      const struct physbio_iommu *iommu,
				      int issuer, uint64_t bus)
{
	pb_phys_addr_t paddr;
	uint32_t room = physbio_iommu_lookup(iommu, bus, &paddr);

	return room ? route_cpu(f, issuer, paddr, room) : no_hit;
}

/* At the top: its own devices' addresses first, then memory behind it. */
static struct physbio_hit route_host_bridge(struct physbio_fabric *f, int top,
					    int issuer,
					    const struct span_of *bar,
					    uint64_t bus)
{
	const struct physbio_node *hb = physbio_topology_node(f->t, top);
	uint64_t room = spans_room(&f->outbound, top, bus);
	const struct span_of *w = spans_at(&f->inbound, top, bus);
	const struct physbio_bridge_window *in;

	if (f->iommus && f->iommus[top])
		return w || !hb->nr_inbound ?
			       route_iommu(f, f->iommus[top], issuer, bus) :
			       no_hit;
	if (spans_at(&f->outbound, top, bus))
		return hb->p2p_routed ? send_down(f, top, issuer, bar, bus) :
					no_hit;
	if (!hb->nr_inbound)
		return route_cpu(f, issuer, bus, room);
	if (!w)
		return no_hit;
	in = &hb->inbound[w->index];
	return route_cpu(f, issuer, in->cpu + (bus - in->bus),
			 min_u64(room, w->size - (bus - w->start)));
}

/* --- up --- */

/* Does a request that comes through a function go up whoever claims it beside? */
static bool redirects(const struct physbio_node *n)
{
	if (n->acs_hw != PHYSBIO_ACS_AS_SET)
		return n->acs_hw == PHYSBIO_ACS_ALWAYS;
	return n->acs_ctrl & PHYSBIO_ACS_REDIRECT;
}

/* The lowest node that is above both, or one of them; of one host bridge. */
static int meeting_of(struct physbio_topology *t, int a, int b)
{
	while (a != b) {
		if (physbio_topology_depth(t, a) < physbio_topology_depth(t, b))
			b = physbio_topology_parent(t, b);
		else
			a = physbio_topology_parent(t, a);
	}
	return a;
}

/*
 * Does a request that goes up get through a bridge? Not if the bridge sends its address
 * down; where it was redirected, it does.
 */
static bool passes_up(const struct physbio_node *n, uint64_t bus)
{
	return n->kind != PHYSBIO_BRIDGE || !n->nr_forwards ||
	       !forwards(n, bus);
}

struct physbio_hit physbio_fabric_route(struct physbio_fabric *f, int node,
					pb_dma_addr_t addr)
{
	int top = physbio_topology_host_bridge(f->t, node), meet = -1;
	int from = node, above;
	uint64_t bus = physbio_dma_value(addr);
	const struct span_of *bar = spans_at(&f->bars, top, bus);
	bool redirected = false;

	if (bar)
		meet = meeting_of(f->t, node, bar->node);
	for (;; from = above) {
		const struct physbio_node *n =
			physbio_topology_node(f->t, from);

		above = physbio_topology_parent(f->t, from);
		if (redirects(n))
			redirected = true;
		else if (above == meet && above != top)
			return send_down(f, meet, node, bar, bus);
		if (from != node && !redirected && !passes_up(n, bus))
			return no_hit;
		if (above == top)
			return route_host_bridge(f, top, node, bar, bus);
	}
}

static size_t min_size(size_t a, uint64_t b)
{
	return b < a ? (size_t)b : a;
}

/* What one access may move at once: to the end of what it hits, or of the page. */
static size_t piece_of(const struct physbio_hit *hit, size_t len)
{
	size_t room = PB_PAGE_SIZE - pb_offset_in_page(hit->paddr);

	return min_size(min_size(len, hit->len), room);
}

/* Returns how many bytes have moved: all, or those before one that hits nothing. */
static size_t move(struct physbio_fabric *f, int node, pb_dma_addr_t addr,
		   char *buf, size_t len, bool write)
{
	size_t done, n;

	for (done = 0; done < len; done += n, buf += n) {
		struct physbio_hit hit = physbio_fabric_route(f, node, addr);
		char *virt = hit.kind == PHYSBIO_HIT_NOTHING ?
				     NULL :
				     physbio_mem_virt(f->mem, hit.paddr);

		if (!virt)
			break;
		n = piece_of(&hit, len - done);
		memcpy(write ? virt : buf, write ? buf : virt, n);
		addr = physbio_dma_add(addr, n);
	}
	return done;
}

static int outcome(pb_dma_addr_t addr, size_t done, size_t len,
		   pb_dma_addr_t *fault)
{
	if (done == len)
		return 0;
	if (fault)
		*fault = physbio_dma_add(addr, done);
	return -EFAULT;
}

static void count(unsigned long *counter, unsigned long n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* Is this the transfer that was chosen? Counts it. */
static bool transfer_begins(struct physbio_fabric *f)
{
	unsigned long number =
		__atomic_add_fetch(&f->transfers, 1, __ATOMIC_RELAXED);

	return number == f->corrupt_at;
}

static void transfer_ends(struct physbio_fabric *f, size_t done, size_t len)
{
	count(&f->bytes, done);
	if (done < len)
		count(&f->faults, 1);
}

int physbio_fabric_read(struct physbio_fabric *f, int node, pb_dma_addr_t addr,
			void *buf, size_t len, pb_dma_addr_t *fault)
{
	bool corrupt = transfer_begins(f);
	size_t done = move(f, node, addr, buf, len, false);

	if (corrupt && done)
		((unsigned char *)buf)[done / 2] ^= 1;
	transfer_ends(f, done, len);
	return outcome(addr, done, len, fault);
}

/* A byte that has just arrived there. */
static void flip(struct physbio_fabric *f, int node, pb_dma_addr_t addr)
{
	unsigned char byte = 0;

	move(f, node, addr, (char *)&byte, 1, false);
	byte ^= 1;
	move(f, node, addr, (char *)&byte, 1, true);
}

int physbio_fabric_write(struct physbio_fabric *f, int node, pb_dma_addr_t addr,
			 const void *buf, size_t len, pb_dma_addr_t *fault)
{
	bool corrupt = transfer_begins(f);
	/* Only read from: the direction says so. */
	size_t done = move(f, node, addr, (char *)(uintptr_t)buf, len, true);

	if (corrupt && done)
		flip(f, node, physbio_dma_add(addr, done / 2));
	transfer_ends(f, done, len);
	return outcome(addr, done, len, fault);
}

int physbio_fabric_fetch(struct physbio_fabric *f, int node, pb_dma_addr_t addr,
			 void *buf, size_t len, pb_dma_addr_t *fault)
{
	return outcome(addr, move(f, node, addr, buf, len, false), len, fault);
}

void physbio_fabric_corrupt(struct physbio_fabric *f, unsigned long nth)
{
	f->corrupt_at = nth ? f->transfers + nth : 0;
}

void physbio_fabric_stats(const struct physbio_fabric *f,
			  struct physbio_fabric_stats *stats)
{
	stats->transfers = __atomic_load_n(&f->transfers, __ATOMIC_RELAXED);
	stats->bytes = __atomic_load_n(&f->bytes, __ATOMIC_RELAXED);
	stats->faults = __atomic_load_n(&f->faults, __ATOMIC_RELAXED);
}
