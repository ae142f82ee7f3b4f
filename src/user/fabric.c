// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Routing as the hardware does it. A bus address goes up from its device; the first
 * bridge with a peer below it that claims the address sends it down there, unless the
 * function that it comes from redirects it up; at the host bridge an IOMMU may look it
 * up, and it becomes a CPU address, which is RAM, another bridge's window, or nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/fabric.h>

struct physbio_fabric {
	struct physbio_topology *t;
	struct physbio_mem *mem;
	const struct physbio_iommu **iommus; /* by node; NULL: there are none */
	unsigned long transfers; /* atomics: devices work in parallel */
	unsigned long bytes;
	unsigned long faults;
	unsigned long corrupt_at; /* transfer number, 0: none */
};

int physbio_fabric_create(struct physbio_topology *t, struct physbio_mem *mem,
			  struct physbio_fabric **fabric)
{
	struct physbio_fabric *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->t = t;
	f->mem = mem;
	*fabric = f;
	return 0;
}

void physbio_fabric_destroy(struct physbio_fabric *f)
{
	if (!f)
		return;
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

static bool is_below(struct physbio_topology *t, int node, int bridge)
{
	for (; node >= 0; node = physbio_topology_node(t, node)->parent)
		if (node == bridge)
			return true;
	return false;
}

static const struct physbio_hit no_hit = {
	.kind = PHYSBIO_HIT_NOTHING, .len = 1, .node = -1, .bar = -1
};

static bool bar_claims(const struct physbio_bar *bar, uint64_t bus)
{
	return bus >= bar->bus && bus - bar->bus < bar->size;
}

static struct physbio_hit bar_hit(struct physbio_topology *t, int node, int bar,
				  uint64_t bus)
{
	const struct physbio_bar *b =
		&physbio_topology_node(t, node)->bars[bar];
	uint64_t offset = bus - b->bus;

	return (struct physbio_hit){
		.kind = PHYSBIO_HIT_BAR,
		.paddr = physbio_topology_bar_phys(t, node, bar) +
			 (pb_phys_addr_t)offset,
		.len = b->size - offset,
		.node = node,
		.bar = bar,
	};
}

/*
 * A device below @bridge that claims a bus address. Nothing goes back where it came
 * from: @from and what is below it are not asked.
 */
static struct physbio_hit claim_below(struct physbio_topology *t, int bridge,
				      int from, uint64_t bus)
{
	int i, j;

	for (i = 0; i < physbio_topology_nr(t); i++) {
		const struct physbio_node *n = physbio_topology_node(t, i);

		if (is_below(t, i, from) || !is_below(t, i, bridge))
			continue;
		for (j = 0; j < (int)n->nr_bars; j++)
			if (bar_claims(&n->bars[j], bus))
				return bar_hit(t, i, j, bus);
	}
	return no_hit;
}

/* The window that claims an address on one of its sides, NULL: none. */
static const struct physbio_bridge_window *
find_window(const struct physbio_bridge_window *w, unsigned int nr,
	    uint64_t addr, bool by_bus)
{
	for (; nr; nr--, w++) {
		uint64_t start = by_bus ? w->bus : w->cpu;

		if (addr >= start && addr - start < w->size)
			return w;
	}
	return NULL;
}

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
	const struct physbio_bridge_window *w;
	int i;

	if (is_ram(f, cpu))
		return ram_hit(cpu, room);
	for (i = 0; i < physbio_topology_nr(f->t); i++) {
		const struct physbio_node *hb = physbio_topology_node(f->t, i);
		struct physbio_hit hit;

		w = find_window(hb->outbound, hb->nr_outbound, cpu, false);
		if (!w || !hb->p2p_routed)
			continue;
		hit = claim_below(f->t, i, issuer, w->bus + (cpu - w->cpu));
		hit.len = hit.len < room ? hit.len : room;
		return hit;
	}
	return no_hit;
}

/* Bytes from a bus address on until one of the bridge's own windows claims them. */
static uint64_t room_before_windows(const struct physbio_node *hb, uint64_t bus)
{
	uint64_t room = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < hb->nr_outbound; i++) {
		uint64_t start = hb->outbound[i].bus;

		if (start > bus && start - bus < room)
			room = start - bus;
	}
	return room;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* All that comes up is looked up, whoever's address it was meant to be. */
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
					    int issuer, uint64_t bus)
{
	const struct physbio_node *hb = physbio_topology_node(f->t, top);
	const struct physbio_bridge_window *w;
	uint64_t room = room_before_windows(hb, bus);

	if (f->iommus && f->iommus[top])
		return route_iommu(f, f->iommus[top], issuer, bus);
	if (find_window(hb->outbound, hb->nr_outbound, bus, true)) {
		if (!hb->p2p_routed)
			return no_hit;
		return claim_below(f->t, top, issuer, bus);
	}
	if (!hb->nr_inbound)
		return route_cpu(f, issuer, bus, room);
	w = find_window(hb->inbound, hb->nr_inbound, bus, true);
	if (!w)
		return no_hit;
	return route_cpu(f, issuer, w->cpu + (bus - w->bus),
			 min_u64(room, w->size - (bus - w->bus)));
}

/* Does a request that comes through a function go up whoever claims it beside? */
static bool redirects(const struct physbio_node *n)
{
	if (n->acs_hw != PHYSBIO_ACS_AS_SET)
		return n->acs_hw == PHYSBIO_ACS_ALWAYS;
	return n->acs_ctrl & PHYSBIO_ACS_REDIRECT;
}

struct physbio_hit physbio_fabric_route(struct physbio_fabric *f, int node,
					pb_dma_addr_t addr)
{
	uint64_t bus = physbio_dma_value(addr);
	int from = node, above;

	for (;; from = above) {
		const struct physbio_node *n =
			physbio_topology_node(f->t, from);
		struct physbio_hit hit;

		above = n->parent;
		if (physbio_topology_node(f->t, above)->kind ==
		    PHYSBIO_HOST_BRIDGE)
			return route_host_bridge(f, above, node, bus);
		if (redirects(n))
			continue;
		hit = claim_below(f->t, above, from, bus);
		if (hit.kind != PHYSBIO_HIT_NOTHING)
			return hit;
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
