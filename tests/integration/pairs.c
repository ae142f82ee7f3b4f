// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The I/O of all pairs, see pairs.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pairs.h"

#define LISTS_SIZE \
	(64u << 10) /* at its start: they change, and are not compared */
#define SECTOR 8u /* where the I/O begins on the device */
#define COMPARED (64u << 10) /* bytes of a place that are compared, at most */

const struct piece pieces[NR_PIECES] = {
	{ 0xe00, 0x200 },
	{ 0x2000, 0x1000 },
	{ 0x1000, 0x1000 },
	{ 0x3200, 0x400 },
};

_Static_assert(POPULATE_BAR >= 0x3600, "a BAR holds all pieces");

static const char *const outcome_names[NR_OUTCOMES] = {
	"right", "refused", "failed", "corrupt", "broken",
};

/* One device of a board, as it works. */
struct run {
	struct board *b;
	const struct forwarding *fw;
	const struct physbio_repr *repr;
	struct pb_bio_set bs;
	struct physbio_memdev *disk;
	int client;
	struct counts *counts;
	unsigned long *wrong; /* I/Os that did not end as they must */
};

static void set_forwarding(struct physbio_topology *t,
			   const struct forwarding *fw)
{
	int i;

	physbio_topology_set_cpu_forwards(t, fw->cpu);
	for (i = 0; i < physbio_topology_nr(t); i++) {
		struct physbio_node *n = physbio_topology_node(t, i);

		if (n->kind != PHYSBIO_HOST_BRIDGE)
			continue;
		n->p2p_listed = fw->listing;
		n->p2p_routed = fw->routed;
	}
}

static int add_place(struct board *b, int node, int bar, pb_phys_addr_t paddr,
		     uint64_t size)
{
	struct place *p = &b->places[b->nr_places];

	p->bytes = physbio_mem_virt(b->mem, paddr);
	if (!p->bytes)
		return 0;
	p->node = node;
	p->bar = bar;
	p->paddr = paddr;
	p->size = size < COMPARED ? (size_t)size : COMPARED;
	p->region = bar < 0 ? NULL : physbio_machine_region(b->m, node, bar);
	p->target = (bar < 0 || p->region) && p->size >= POPULATE_BAR;
	p->want = malloc(p->size);
	if (!p->want)
		return -ENOMEM;
	b->nr_places++;
	return 0;
}

static unsigned int nr_bars(struct physbio_topology *t)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < physbio_topology_nr(t); i++)
		n += physbio_topology_node(t, i)->nr_bars;
	return n;
}

static int find_places(struct board *b)
{
	int i, j, err;

	b->places = calloc(nr_bars(b->t) + 1, sizeof(*b->places));
	if (!b->places)
		return -ENOMEM;
	err = add_place(b, -1, -1, (pb_phys_addr_t)b->ram + LISTS_SIZE,
			POPULATE_RAM - LISTS_SIZE);
	for (i = 0; i < physbio_topology_nr(b->t) && !err; i++)
		for (j = 0;
		     j < (int)physbio_topology_node(b->t, i)->nr_bars && !err;
		     j++)
			err = add_place(
				b, i, j, physbio_topology_bar_phys(b->t, i, j),
				physbio_topology_node(b->t, i)->bars[j].size);
	return err;
}

void board_shut_down(struct board *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_places; i++)
		free(b->places[i].want);
	free(b->places);
	b->places = NULL;
	b->nr_places = 0;
	physbio_fabric_destroy(b->fabric);
	physbio_machine_destroy(b->m);
	b->fabric = NULL;
	b->m = NULL;
}

int board_boot(struct board *b, const struct forwarding *fw,
	       struct physbio_error *error)
{
	const struct physbio_mem_range ram = { (pb_phys_addr_t)b->ram,
					       POPULATE_RAM, PHYSBIO_MEM_RAM,
					       -1, NULL };
	int err;

	set_forwarding(b->t, fw);
	err = physbio_machine_create(b->t, &ram, 1, &b->m, error);
	if (err)
		return err;
	b->mem = physbio_machine_mem(b->m);
	err = reach_wire(b->t, b->m, b->mem, &b->fabric);
	return err ? err : find_places(b);
}

/* --- bytes --- */

/* No two places, and no two pages of one, look alike. */
static void fill(char *bytes, size_t size, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i + sizeof(x) <= size; i += sizeof(x)) {
		x = x * 1664525u + 1013904223u;
		memcpy(bytes + i, &x, sizeof(x));
	}
}

static void fill_all(struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->b->nr_places; i++) {
		struct place *p = &r->b->places[i];

		fill(p->bytes, p->size, i + 1);
		memcpy(p->want, p->bytes, p->size);
	}
	fill(r->b->want_store, sizeof(r->b->want_store), ~0u);
	memcpy(physbio_memdev_store(r->disk), r->b->want_store,
	       sizeof(r->b->want_store));
}

/* Is everything as it must be? */
static bool all_as_wanted(const struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->b->nr_places; i++) {
		const struct place *p = &r->b->places[i];

		if (memcmp(p->bytes, p->want, p->size))
			return false;
	}
	return !memcmp(physbio_memdev_store(r->disk), r->b->want_store,
		       sizeof(r->b->want_store));
}

static void restore(struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->b->nr_places; i++)
		memcpy(r->b->places[i].bytes, r->b->places[i].want,
		       r->b->places[i].size);
	memcpy(physbio_memdev_store(r->disk), r->b->want_store,
	       sizeof(r->b->want_store));
}

/* What an I/O that is right does. */
static void want_moved(struct run *r, struct place *p, enum pb_req_op op)
{
	char *store = r->b->want_store + (SECTOR << PB_SECTOR_SHIFT);
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++) {
		char *memory = p->want + pieces[i].at;

		if (op == PB_REQ_OP_WRITE)
			memcpy(store, memory, pieces[i].len);
		else
			memcpy(memory, store, pieces[i].len);
		store += pieces[i].len;
	}
}

/* Another content on the device, so that no I/O finds what the last one has moved. */
static void refresh(struct run *r, uint32_t seed)
{
	fill(r->b->want_store, sizeof(r->b->want_store), seed);
	memcpy(physbio_memdev_store(r->disk), r->b->want_store,
	       sizeof(r->b->want_store));
}

/* --- one I/O --- */

uint64_t board_submitters_bus(struct board *b, const struct place *p)
{
	const struct pb_device *dev = NULL;
	int i;

	if (p->bar >= 0)
		return physbio_topology_node(b->t, p->node)->bars[p->bar].bus;
	for (i = 0; !dev; i++)
		dev = physbio_machine_device(b->m, i);
	return physbio_dma_value(pb_dma_map_phys(dev, p->paddr, POPULATE_BAR,
						 PB_DMA_BIDIRECTIONAL, 0));
}

static void add_pieces(struct run *r, struct pb_bio *bio, const struct place *p)
{
	unsigned int i;

	if (r->repr->bio_add_dma_addr) {
		uint64_t bus = board_submitters_bus(r->b, p);

		for (i = 0; i < NR_PIECES; i++)
			r->repr->bio_add_dma_addr(
				bio, physbio_dma_make(bus + pieces[i].at),
				pieces[i].len);
		return;
	}
	if (p->region)
		r->repr->bio_set_region(bio, p->region);
	for (i = 0; i < NR_PIECES; i++)
		r->repr->bio_add_phys(bio, p->paddr + pieces[i].at,
				      pieces[i].len);
}

static int submit(struct run *r, const struct place *p, enum pb_req_op op)
{
	struct pb_bio *bio = r->repr->bio_alloc_bioset(
		physbio_memdev_bdev(r->disk), NR_PIECES, (pb_blk_opf_t)op,
		PB_GFP_KERNEL, &r->bs);
	int err;

	bio->bi_iter.bi_sector = SECTOR;
	add_pieces(r, bio, p);
	err = r->repr->submit_bio_wait(bio);
	r->repr->bio_put(bio);
	return err;
}

static enum outcome outcome_of(int err, bool moved, bool untouched)
{
	if (!err)
		return moved ? RIGHT : CORRUPT;
	if (!untouched)
		return BROKEN;
	return err == -EREMOTEIO ? REFUSED : err == -EIO ? FAILED : BROKEN;
}

static enum outcome do_io(struct run *r, struct place *p, enum pb_req_op op)
{
	int err = submit(r, p, op);
	bool untouched = all_as_wanted(r), moved;

	if (!err)
		want_moved(r, p, op);
	moved = !err && all_as_wanted(r);
	if (!moved && !untouched)
		restore(r);
	return outcome_of(err, moved, untouched);
}

/* --- what must come out --- */

/* Has the client an address for memory that it reaches from above? */
static bool has_address(const struct run *r, const struct place *p)
{
	const struct physbio_node *c =
		physbio_topology_node(r->b->t, r->client);
	const struct physbio_node *hb = physbio_topology_node(
		r->b->t, physbio_topology_host_bridge(r->b->t, r->client));
	uint64_t bus;

	/* Its addresses are within every mask. */
	if (hb->iommu_granule)
		return true;
	return reach_inbound(hb, p->paddr, POPULATE_BAR, &bus) &&
	       bus + (POPULATE_BAR - 1) <= c->dma_mask;
}

/* A device whose own BAR does not come back to it gets an error from the bus. */
static bool reaches_itself(const struct run *r, const struct place *p)
{
	uint64_t bus =
		physbio_topology_node(r->b->t, p->node)->bars[p->bar].bus;

	return physbio_fabric_route(r->b->fabric, r->client,
				    physbio_dma_make(bus))
		       .kind == PHYSBIO_HIT_BAR;
}

static enum outcome expected(const struct run *r, const struct place *p)
{
	struct physbio_p2p_verdict v;

	if (p->bar < 0)
		return has_address(r, p) ? RIGHT : FAILED;
	v = physbio_p2p_verdict(r->b->t, p->node, r->client);
	if (v.map == PB_PCI_P2PDMA_MAP_NOT_SUPPORTED)
		return REFUSED;
	if (v.map == PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return has_address(r, p) && r->fw->routed ? RIGHT : FAILED;
	return p->node != r->client || reaches_itself(r, p) ? RIGHT : FAILED;
}

static unsigned long nr_faults(const struct run *r)
{
	struct physbio_memdev_stats stats;

	physbio_memdev_stats(r->disk, &stats);
	return (unsigned long)stats.faults;
}

static void count_io(struct run *r, struct place *p, enum pb_req_op op,
		     bool phys)
{
	unsigned long faults = nr_faults(r);
	enum outcome want = expected(r, p), got = do_io(r, p, op);

	r->counts->n[got]++;
	if (got == FAILED && p->node == r->client)
		r->counts->own++;
	if (got == FAILED)
		r->counts->faults += nr_faults(r) != faults;
	if (!phys || got == want)
		return;
	(*r->wrong)++;
	fprintf(stderr, "%s, %s: %s %s BAR %d of %s at 0x%llx: %s, not %s\n",
		r->b->name, r->fw->name,
		physbio_topology_node(r->b->t, r->client)->name,
		op == PB_REQ_OP_WRITE ? "reads" : "writes", p->bar,
		p->bar < 0 ? "RAM" :
			     physbio_topology_node(r->b->t, p->node)->name,
		(unsigned long long)p->paddr, outcome_names[got],
		outcome_names[want]);
}

/* --- all pairs --- */

static int make_disk(struct run *r, bool sgl)
{
	static struct physbio_memdev_core core;
	const struct physbio_memdev_config config = {
		.core = &core,
		.fabric = r->b->fabric,
		.node = r->client,
		.dev = physbio_machine_device(r->b->m, r->client),
		.mem = r->b->mem,
		.lists = (pb_phys_addr_t)r->b->ram,
		.nr_sectors = STORE_SECTORS,
		.queue_depth = 2,
		.sgl_supported = sgl,
	};

	core = (struct physbio_memdev_core){
		.alloc_queue = r->repr->blk_mq_alloc_queue,
		.destroy_queue = r->repr->blk_mq_destroy_queue,
		.start_request = r->repr->blk_mq_start_request,
		.end_request = r->repr->blk_mq_end_request,
		.map_data = r->repr->nvme_map_data,
		.unmap_data = r->repr->nvme_unmap_data,
	};
	return physbio_memdev_create(&config, &r->disk);
}

/* One device and all places. An error is one of setting it up. */
static int run_client(struct run *r, bool sgl)
{
	bool phys = !r->repr->bio_add_dma_addr;
	unsigned int i;
	int err = make_disk(r, sgl);

	if (err)
		return err;
	fill_all(r);
	for (i = 0; i < r->b->nr_places; i++) {
		if (!r->b->places[i].target)
			continue;
		refresh(r, 2 * i + 1000);
		count_io(r, &r->b->places[i], PB_REQ_OP_WRITE, phys);
		refresh(r, 2 * i + 1001);
		count_io(r, &r->b->places[i], PB_REQ_OP_READ, phys);
	}
	physbio_memdev_destroy(r->disk);
	return 0;
}

static int run_clients(struct run *r)
{
	int sgl, err = r->repr->bioset_init(&r->bs, 1, 0, 0);

	if (err)
		return err;
	for (r->client = 0; r->client < physbio_topology_nr(r->b->t) && !err;
	     r->client++)
		for (sgl = 0; sgl < 2 && !err; sgl++)
			if (physbio_machine_device(r->b->m, r->client))
				err = run_client(r, sgl);
	r->repr->bioset_exit(&r->bs);
	return err;
}

int board_run(struct board *b, const struct forwarding *fw,
	      const struct physbio_repr *repr, struct counts *counts,
	      unsigned long *wrong)
{
	struct run r = {
		.b = b, .fw = fw, .repr = repr, .counts = counts, .wrong = wrong
	};

	return run_clients(&r);
}

int board_populate(struct board *b, struct physbio_error *error)
{
	int err = populate(b->t, error);

	return err ? err : populate_ram(b->t, POPULATE_RAM, &b->ram);
}

int board_count_nodes(struct physbio_topology *t, enum physbio_node_kind kind)
{
	int i, n = 0;

	for (i = 0; i < physbio_topology_nr(t); i++)
		n += physbio_topology_node(t, i)->kind == kind;
	return n;
}

unsigned long counts_sum(const struct counts *c)
{
	return c->n[RIGHT] + c->n[REFUSED] + c->n[FAILED] + c->n[CORRUPT] +
	       c->n[BROKEN];
}
