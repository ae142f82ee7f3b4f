// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The machine and the I/O of 07-two-root-ports.c; windows are the board's own. */
#include "two-root-ports.h"

#include <stdio.h>
#include <string.h>

#include "../src/repr/ops.h"
#include "machine.h"

/* Where a controller's window is, for CPUs and on its bus. */
static const struct window {
	unsigned long long cpu, bus;
} windows[][2] = {
	{ { 0x8040000000, 0x40000000 }, { 0x8840000000, 0x40000000 } },
	{ { 0x8400000000, 0x8400000000 }, { 0x8c00000000, 0x8c00000000 } },
};

/* A controller, its root port, and a device whose BAR begins its window, if it has one. */
static int describe_port(char *text, int port, const struct window *w,
			 const char *listed, const char *device, bool has_bar)
{
	return snprintf(text, 256,
			"host-bridge hb%d %s\n"
			"outbound hb%d cpu=0x%llx bus=0x%llx size=0x40000000\n"
			"bridge port%d below=hb%d\n"
			"endpoint %s below=port%d\n"
			"%sbar %s bus=0x%llx size=0x10000 published\n",
			port, listed, port, w->cpu, w->bus, port, port, device,
			port, has_bar ? "" : "# ", device, w->bus);
}

static int boot(struct machine *m, const struct trp_case *c)
{
	const struct window *w = windows[c->equal_offsets];
	const char *listed = c->allowed ? "listed" : "";
	char text[1024], *end = text;

	end += describe_port(end, 1, &w[0], listed, "memory", true);
	end += describe_port(end, 2, &w[1], listed, "victim", c->victim);
	strcpy(end, "endpoint disk below=port2\n");
	return machine_boot(m, text, 0x2080000000);
}

static int add_disk(struct machine *m, const struct physbio_repr *repr)
{
	static struct physbio_memdev_core core;

	core = (struct physbio_memdev_core){
		.alloc_queue = repr->blk_mq_alloc_queue,
		.destroy_queue = repr->blk_mq_destroy_queue,
		.start_request = repr->blk_mq_start_request,
		.end_request = repr->blk_mq_end_request,
		.map_data = repr->nvme_map_data,
		.unmap_data = repr->nvme_unmap_data,
	};
	return machine_add_disk(m, &core);
}

/* One I/O of the memory's first bytes, by either address. */
static int io(struct machine *m, const struct physbio_repr *repr,
	      pb_blk_opf_t op)
{
	const struct physbio_region *bar = machine_bar(m, "memory");
	pb_dma_addr_t bus = pb_pci_p2pdma_bus_addr_map(bar, bar->start);
	struct pb_bio_vec table[1];
	struct pb_bio bio;
	int err;

	repr->bio_init(&bio, physbio_memdev_bdev(m->disk), table, 1, op);
	if (repr->bio_add_dma_addr) {
		repr->bio_add_dma_addr(&bio, bus, TRP_LEN);
	} else {
		repr->bio_set_region(&bio, bar);
		repr->bio_add_phys(&bio, bar->start, TRP_LEN);
	}
	err = repr->submit_bio_wait(&bio);
	repr->bio_uninit(&bio);
	return err;
}

static void do_io(struct machine *m, const struct physbio_repr *repr,
		  struct trp_result *r)
{
	unsigned char *memory = machine_bar_bytes(m, "memory");
	unsigned char *victim = machine_bar_bytes(m, "victim");
	unsigned char *store = physbio_memdev_store(m->disk);

	memset(memory, 'm', TRP_LEN);
	if (victim)
		memset(victim, 'v', TRP_LEN);
	r->err = io(m, repr, PB_REQ_OP_WRITE);
	r->wrong_bytes = r->err ? 0 : count_wrong(store, memory, TRP_LEN);
	r->disk_has_victim = victim && is_filled(store, 'v', TRP_LEN);
	r->disk_changed = !is_filled(store, 0, TRP_LEN);
	memset(store, 'd', TRP_LEN);
	r->read_err = io(m, repr, PB_REQ_OP_READ);
	r->read_right = is_filled(memory, 'd', TRP_LEN);
	r->memory_changed = !is_filled(memory, 'm', TRP_LEN);
	r->victim_changed = victim && is_filled(victim, 'd', TRP_LEN);
}

int trp_run(const struct trp_case *c, int which, struct trp_result *r)
{
	const struct physbio_repr *repr =
		which == TRP_PHYS ? &phys_physbio_repr : &dma_physbio_repr;
	struct machine m = { .t = NULL };
	int err = boot(&m, c);

	memset(r, 0, sizeof(*r));
	if (!err)
		err = add_disk(&m, repr);
	if (!err) {
		r->paddr = machine_bar(&m, "memory")->start;
		r->bus = windows[c->equal_offsets][0].bus;
		do_io(&m, repr, r);
	}
	machine_shut_down(&m);
	return err;
}
