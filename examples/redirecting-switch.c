// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The machine and the I/O of 08-redirecting-switch.c. */
#include "redirecting-switch.h"

#include <errno.h>
#include <string.h>

#include <physbio/machine.h>
#include <physbio/memdev.h>
#include <physbio/topofile.h>

static const char text[] =
	"host-bridge hb listed\n"
	"outbound hb cpu=0x40000000 bus=0x40000000 size=0x1000000\n"
	"bridge port below=hb\n"
	"bridge switch below=port\n"
	"bridge dn0 below=switch\n"
	"endpoint peer below=dn0\n"
	"bar peer bus=0x40000000 size=0x10000 published\n"
	"bridge dn1 below=switch\n"
	"endpoint disk below=dn1\n";

struct machine {
	struct physbio_topology *t;
	struct physbio_machine *m;
	struct physbio_mem *mem;
	struct physbio_fabric *fabric;
	struct physbio_iommu *iommu;
	struct physbio_xlate xlate;
	struct pb_device dev; /* the disk's DMA client */
	struct physbio_memdev *disk;
	int node;
};

static int describe(struct machine *m, const struct rs_case *c)
{
	static const char *const ports[] = { "dn0", "dn1" };
	int i, err = physbio_topology_parse(text, strlen(text), &m->t, NULL);

	if (err)
		return err;
	for (i = 0; i < 2; i++) {
		struct physbio_node *port = physbio_topology_node(
			m->t, physbio_topology_find(m->t, ports[i]));

		port->acs_ctrl = c->bits ? 0x1d : 0;
		port->acs_hw = c->redirects ? PHYSBIO_ACS_ALWAYS :
					      PHYSBIO_ACS_NEVER;
	}
	m->node = physbio_topology_find(m->t, "disk");
	return 0;
}

/*
 * A domain whose addresses nobody has kept apart from the bridge's windows. The first
 * range that is mapped is the last of them, and begins where the peer's BAR does.
 */
static int add_iommu(struct machine *m, const struct rs_case *c)
{
	pb_dma_addr_t addr;
	uint64_t end = RS_BAR + (c->buffer ? RS_LEN : 0), size = 1 << 20;
	int err = physbio_iommu_create(4096, end - size, size, &m->iommu);

	if (err)
		return err;
	physbio_xlate_init_iommu(&m->xlate, m->iommu);
	physbio_xlate_set_p2p(&m->xlate, m->dev.xlate->p2p_map,
			      m->dev.xlate->nr_regions);
	m->dev.xlate = &m->xlate;
	if (c->buffer) {
		addr = pb_dma_map_phys(&m->dev, RS_BUFFER, RS_LEN,
				       PB_DMA_BIDIRECTIONAL, 0);
		if (physbio_dma_value(addr) != RS_BAR)
			return -EADDRINUSE;
	}
	return physbio_fabric_set_iommu(
		m->fabric, physbio_topology_host_bridge(m->t, m->node),
		m->iommu);
}

static int boot(struct machine *m, const struct rs_case *c)
{
	const struct physbio_mem_range ram = { RS_RAM, 1 << 20, PHYSBIO_MEM_RAM,
					       -1, NULL };
	struct physbio_memdev_config config = {
		.dev = &m->dev,
		.lists = RS_RAM,
		.nr_sectors = 64,
		.queue_depth = 1,
	};
	int err = describe(m, c);

	if (!err)
		err = physbio_machine_create(m->t, &ram, 1, &m->m, NULL);
	if (err)
		return err;
	m->mem = physbio_machine_mem(m->m);
	m->dev = *physbio_machine_device(m->m, m->node);
	err = physbio_fabric_create(m->t, m->mem, &m->fabric);
	if (!err && c->iommu)
		err = add_iommu(m, c);
	config.fabric = m->fabric;
	config.node = m->node;
	config.mem = m->mem;
	return err ? err : physbio_memdev_create(&config, &m->disk);
}

static void shut_down(struct machine *m)
{
	physbio_memdev_destroy(m->disk);
	physbio_fabric_destroy(m->fabric);
	physbio_iommu_destroy(m->iommu);
	physbio_machine_destroy(m->m);
	physbio_topology_destroy(m->t);
}

/* Of 256 bytes in a row each value is one: 64 of RS_LEN are the same as any constant. */
static void fill(unsigned char *bytes)
{
	unsigned int i;

	for (i = 0; i < RS_LEN; i++)
		bytes[i] = (unsigned char)(7 * i + i / 256);
}

static unsigned int count_wrong(const unsigned char *bytes)
{
	unsigned char want[RS_LEN];
	unsigned int i, wrong = 0;

	fill(want);
	for (i = 0; i < RS_LEN; i++)
		wrong += bytes[i] != want[i];
	return wrong;
}

/* The transfer and what has arrived: @from has the bytes, @to has none of them. */
static void transfer(struct machine *m, pb_blk_opf_t op, unsigned char *from,
		     unsigned char *to, struct rs_io *io)
{
	const struct physbio_region *region = physbio_machine_region(
		m->m, physbio_topology_find(m->t, "peer"), 0);
	struct pb_bio_vec vec;
	struct pb_bio bio;

	fill(from);
	memset(to, 0, RS_LEN);
	pb_bio_init(&bio, physbio_memdev_bdev(m->disk), &vec, 1, op);
	physbio_bio_set_region(&bio, region);
	pb_bio_add_phys(&bio, region->start, RS_LEN);
	io->err = pb_submit_bio_wait(&bio);
	io->wrong = count_wrong(to);
	pb_bio_uninit(&bio);
}

static bool is_zero(const unsigned char *bytes)
{
	unsigned int i;

	for (i = 0; i < RS_LEN && !bytes[i];)
		i++;
	return i == RS_LEN;
}

int rs_run(const struct rs_case *c, struct rs_result *r)
{
	struct machine m = { .t = NULL };
	int err = boot(&m, c);

	memset(r, 0, sizeof(*r));
	if (!err) {
		unsigned char *store = physbio_memdev_store(m.disk);
		unsigned char *bar = physbio_mem_virt(m.mem, RS_BAR);

		r->map = physbio_p2p_state(
			&m.dev,
			physbio_machine_region(
				m.m, physbio_topology_find(m.t, "peer"), 0));
		r->hit = physbio_fabric_route(m.fabric, m.node,
					      physbio_dma_make(RS_BAR));
		transfer(&m, PB_REQ_OP_WRITE, bar, store, &r->to_disk);
		transfer(&m, PB_REQ_OP_READ, store, bar, &r->to_peer);
		r->buffer_changed =
			!is_zero(physbio_mem_virt(m.mem, RS_BUFFER));
	}
	shut_down(&m);
	return err;
}
