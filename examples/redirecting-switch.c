// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The machine and the I/O of 08-redirecting-switch.c. */
#include "redirecting-switch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

/* A domain whose addresses nobody has kept apart from the bridge's windows. */
struct iommu {
	struct physbio_iommu *domain;
	struct physbio_xlate xlate;
};

static int boot(struct machine *m, const struct rs_case *c)
{
	const char *acs = c->bits ? "acs=0x1d" : "";
	const char *does = c->redirects ? "always" : "never";
	char text[1024];

	snprintf(text, sizeof(text),
		 "host-bridge hb listed\n"
		 "outbound hb cpu=0x40000000 bus=0x40000000 size=0x1000000\n"
		 "bridge port below=hb\n"
		 "bridge switch below=port\n"
		 "bridge dn0 below=switch %s acs-hw=%s\n"
		 "endpoint peer below=dn0\n"
		 "bar peer bus=0x40000000 size=0x10000 published\n"
		 "bridge dn1 below=switch %s acs-hw=%s\n"
		 "endpoint disk below=dn1\n",
		 acs, does, acs, does);
	return machine_boot(m, text, RS_RAM);
}

/* The first range that is mapped is the domain's last, and begins where the BAR does. */
static int add_iommu(struct machine *m, struct iommu *iommu, bool buffer)
{
	uint64_t end = RS_BAR + (buffer ? RS_LEN : 0), size = 1 << 20;
	int err = physbio_iommu_create(4096, end - size, size, &iommu->domain);
	pb_dma_addr_t addr;

	if (err)
		return err;
	physbio_xlate_init_iommu(&iommu->xlate, iommu->domain);
	physbio_xlate_set_p2p(&iommu->xlate, m->dev.xlate->p2p_map,
			      m->dev.xlate->nr_regions);
	m->dev.xlate = &iommu->xlate;
	if (buffer) {
		addr = pb_dma_map_phys(&m->dev, RS_BUFFER, RS_LEN,
				       PB_DMA_BIDIRECTIONAL, 0);
		if (physbio_dma_value(addr) != RS_BAR)
			return -EADDRINUSE;
	}
	return physbio_fabric_set_iommu(
		m->fabric, physbio_topology_host_bridge(m->t, m->node),
		iommu->domain);
}

/* Of 256 bytes in a row each value is one: 64 of RS_LEN are the same as any constant. */
static void fill(unsigned char *bytes)
{
	unsigned int i;

	for (i = 0; i < RS_LEN; i++)
		bytes[i] = (unsigned char)(7 * i + i / 256);
}

/* The transfer and what has arrived: @from has the bytes, @to has none of them. */
static void transfer(struct machine *m, pb_blk_opf_t op, unsigned char *from,
		     unsigned char *to, struct rs_io *io)
{
	const struct physbio_region *bar = machine_bar(m, "peer");
	unsigned char want[RS_LEN];
	struct pb_bio_vec vec;
	struct pb_bio bio;

	fill(from);
	fill(want);
	memset(to, 0, RS_LEN);
	pb_bio_init(&bio, physbio_memdev_bdev(m->disk), &vec, 1, op);
	physbio_bio_set_region(&bio, bar);
	pb_bio_add_phys(&bio, bar->start, RS_LEN);
	io->err = pb_submit_bio_wait(&bio);
	io->wrong = count_wrong(to, want, RS_LEN);
	pb_bio_uninit(&bio);
}

static void do_io(struct machine *m, struct rs_result *r)
{
	unsigned char *store = physbio_memdev_store(m->disk);
	unsigned char *bar = machine_bar_bytes(m, "peer");

	r->map = physbio_p2p_state(&m->dev, machine_bar(m, "peer"));
	r->hit = physbio_fabric_route(m->fabric, m->node,
				      physbio_dma_make(RS_BAR));
	transfer(m, PB_REQ_OP_WRITE, bar, store, &r->to_disk);
	transfer(m, PB_REQ_OP_READ, store, bar, &r->to_peer);
	r->buffer_changed =
		!is_filled(physbio_mem_virt(m->mem, RS_BUFFER), 0, RS_LEN);
}

int rs_run(const struct rs_case *c, struct rs_result *r)
{
	struct iommu iommu = { .domain = NULL };
	struct machine m = { .t = NULL };
	int err = boot(&m, c);

	if (!err && c->iommu)
		err = add_iommu(&m, &iommu, c->buffer);
	if (!err)
		err = machine_add_disk(&m, NULL);
	if (!err)
		do_io(&m, r);
	machine_shut_down(&m);
	physbio_iommu_destroy(iommu.domain);
	return err;
}
