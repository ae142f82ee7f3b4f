// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The machine and the I/O of 07-two-root-ports.c; windows are the board's own. */
#include "two-root-ports.h"

#include <string.h>

#include <physbio/machine.h>
#include <physbio/memdev.h>

#include "../src/repr/ops.h"

#define RAM 0x2080000000
#define BAR_SIZE 0x10000u

struct machine {
	struct physbio_topology *t;
	struct physbio_machine *m;
	struct physbio_mem *mem;
	struct physbio_fabric *fabric;
	struct physbio_memdev *disk;
	const struct physbio_repr *repr;
	int cmb, victim, disk_node;
	uint64_t bus;
};

static int add_port(struct machine *m, const char *hb, const char *port,
		    const struct trp_case *c, uint64_t cpu, uint64_t bus)
{
	const struct physbio_bridge_window w = { cpu, bus, 0x40000000 };
	int node =
		physbio_topology_add(m->t, PHYSBIO_HOST_BRIDGE, hb, NULL, NULL);

	physbio_topology_node(m->t, node)->p2p_listed =
		c->allowed ? PHYSBIO_P2P_LISTED : PHYSBIO_P2P_UNLISTED;
	physbio_topology_add(m->t, PHYSBIO_BRIDGE, port, hb, NULL);
	return physbio_topology_add_outbound(m->t, node, &w, NULL);
}

static int add_bar(struct machine *m, const char *name, const char *port,
		   uint64_t bus)
{
	const struct physbio_bar bar = { bus, BAR_SIZE, true };
	int node =
		physbio_topology_add(m->t, PHYSBIO_ENDPOINT, name, port, NULL);

	return physbio_topology_add_bar(m->t, node, &bar, NULL) ? -1 : node;
}

static int describe(struct machine *m, const struct trp_case *c)
{
	uint64_t far = c->equal_offsets ? 0x8c00000000 : 0x40000000;
	int err;

	m->bus = c->equal_offsets ? 0x8400000000 : 0x40000000;
	m->t = physbio_topology_create();
	err = add_port(m, "pcie@3400000", "port1", c,
		       c->equal_offsets ? 0x8400000000 : 0x8040000000, m->bus);
	if (!err)
		err = add_port(m, "pcie@3500000", "port2", c,
			       c->equal_offsets ? 0x8c00000000 : 0x8840000000,
			       far);
	if (err)
		return err;
	m->cmb = add_bar(m, "cmb", "port1", m->bus);
	m->victim = c->victim ? add_bar(m, "victim", "port2", far) : -1;
	m->disk_node = physbio_topology_add(m->t, PHYSBIO_ENDPOINT, "disk",
					    "port2", NULL);
	return m->cmb < 0 || m->disk_node < 0 ? -1 : 0;
}

static int make_disk(struct machine *m)
{
	static struct physbio_memdev_core core;
	struct physbio_memdev_config config = {
		.core = &core,
		.fabric = m->fabric,
		.node = m->disk_node,
		.dev = physbio_machine_device(m->m, m->disk_node),
		.mem = m->mem,
		.lists = RAM,
		.nr_sectors = 2048,
		.queue_depth = 4,
	};

	core = (struct physbio_memdev_core){
		.alloc_queue = m->repr->blk_mq_alloc_queue,
		.destroy_queue = m->repr->blk_mq_destroy_queue,
		.start_request = m->repr->blk_mq_start_request,
		.end_request = m->repr->blk_mq_end_request,
		.map_data = m->repr->nvme_map_data,
		.unmap_data = m->repr->nvme_unmap_data,
	};
	return physbio_memdev_create(&config, &m->disk);
}

static int boot(struct machine *m, const struct trp_case *c)
{
	const struct physbio_mem_range ram = { RAM, 16 << 20, PHYSBIO_MEM_RAM,
					       -1, NULL };
	int err = describe(m, c);

	if (!err)
		err = physbio_machine_create(m->t, &ram, 1, &m->m, NULL);
	if (err)
		return err;
	m->mem = physbio_machine_mem(m->m);
	err = physbio_fabric_create(m->t, m->mem, &m->fabric);
	return err ? err : make_disk(m);
}

static void shut_down(struct machine *m)
{
	physbio_memdev_destroy(m->disk);
	physbio_fabric_destroy(m->fabric);
	physbio_machine_destroy(m->m);
	physbio_topology_destroy(m->t);
}

/* One I/O of the BAR's first bytes, by either address. */
static int io(struct machine *m, pb_blk_opf_t op)
{
	const struct physbio_region *region =
		physbio_machine_region(m->m, m->cmb, 0);
	struct pb_bio_set bs;
	struct pb_bio *bio;
	int err = m->repr->bioset_init(&bs, 1, 0, 0);

	if (err)
		return err;
	bio = m->repr->bio_alloc_bioset(physbio_memdev_bdev(m->disk), 4, op,
					PB_GFP_KERNEL, &bs);
	if (m->repr->bio_add_dma_addr) {
		m->repr->bio_add_dma_addr(
			bio, pb_pci_p2pdma_bus_addr_map(region, region->start),
			TRP_LEN);
	} else {
		m->repr->bio_set_region(bio, region);
		m->repr->bio_add_phys(bio, region->start, TRP_LEN);
	}
	err = m->repr->submit_bio_wait(bio);
	m->repr->bio_put(bio);
	m->repr->bioset_exit(&bs);
	return err;
}

static char *bar_bytes(struct machine *m, int node)
{
	return physbio_mem_virt(m->mem,
				physbio_topology_bar_phys(m->t, node, 0));
}

static unsigned int count_wrong(const char *got, const char *want)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < TRP_LEN; i++)
		wrong += got[i] != want[i];
	return wrong;
}

static bool is_filled(const char *bytes, char c)
{
	unsigned int i;

	for (i = 0; i < TRP_LEN && bytes[i] == c;)
		i++;
	return i == TRP_LEN;
}

static void do_io(struct machine *m, struct trp_result *r)
{
	char *memory = bar_bytes(m, m->cmb);
	char *victim = m->victim >= 0 ? bar_bytes(m, m->victim) : NULL;
	char *store = physbio_memdev_store(m->disk);

	memset(memory, 'm', TRP_LEN);
	if (victim)
		memset(victim, 'v', TRP_LEN);
	r->err = io(m, PB_REQ_OP_WRITE);
	r->wrong_bytes = r->err ? 0 : count_wrong(store, memory);
	r->disk_has_victim = victim && is_filled(store, 'v');
	r->disk_changed = !is_filled(store, 0);
	memset(store, 'd', TRP_LEN);
	r->read_err = io(m, PB_REQ_OP_READ);
	r->read_right = is_filled(memory, 'd');
	r->memory_changed = !is_filled(memory, 'm');
	r->victim_changed = victim && is_filled(victim, 'd');
}

int trp_run(const struct trp_case *c, int repr, struct trp_result *r)
{
	struct machine m = { .repr = repr == TRP_PHYS ? &phys_physbio_repr :
							&dma_physbio_repr };
	int err = boot(&m, c);

	memset(r, 0, sizeof(*r));
	if (!err) {
		r->paddr = physbio_topology_bar_phys(m.t, m.cmb, 0);
		r->bus = m.bus;
		do_io(&m, r);
	}
	shut_down(&m);
	return err;
}
