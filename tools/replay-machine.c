// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The machine that a trace is replayed on: a disk below a root port, or an endpoint of a
 * topology that was described, whose windows and offsets then apply; and its limits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "replay.h"
#include "tools.h"

static int find_endpoint(struct replay *r)
{
	int i, n = physbio_topology_nr(r->topology);

	for (i = 0; i < n; i++) {
		const struct physbio_node *node =
			physbio_topology_node(r->topology, i);

		if (node->kind == PHYSBIO_ENDPOINT &&
		    (!r->opt->device || !strcmp(node->name, r->opt->device))) {
			r->node = i;
			return 0;
		}
	}
	complain("%s: has no endpoint%s%s", r->opt->topology,
		 r->opt->device ? " " : "",
		 r->opt->device ? r->opt->device : "");
	return -ENODEV;
}

static int make_topology(struct replay *r, struct physbio_error *error)
{
	if (r->opt->topology) {
		r->topology = load_topology("physbio replay", r->opt->topology);
		return r->topology ? find_endpoint(r) : -EINVAL;
	}
	r->topology = physbio_topology_create();
	physbio_topology_add(r->topology, PHYSBIO_HOST_BRIDGE, "pci0000:00",
			     NULL, error);
	physbio_topology_add(r->topology, PHYSBIO_BRIDGE, "00:01.0",
			     "pci0000:00", error);
	r->node = physbio_topology_add(r->topology, PHYSBIO_ENDPOINT, "01:00.0",
				       "00:01.0", error);
	return 0;
}

/* The pool's RAM, and above it what the device's descriptor lists need. */
static int make_machine(struct replay *r, struct physbio_error *error)
{
	struct physbio_mem_range *ram, *all;
	int n = physbio_snapshot_ranges(&r->pool, 1, &ram), err;

	if (n < 0)
		return n;
	all = realloc(ram, ((size_t)n + 1) * sizeof(*all));
	if (!all) {
		free(ram);
		return -ENOMEM;
	}
	all[n] = (struct physbio_mem_range){
		.start = r->snap.top,
		.size = (physbio_memdev_list_bytes(DEPTH) + PB_PAGE_SIZE - 1) &
			PB_PAGE_MASK,
		.kind = PHYSBIO_MEM_RAM,
		.nid = -1,
	};
	err = physbio_machine_create(r->topology, all, (unsigned int)n + 1,
				     &r->machine, error);
	free(all);
	if (err)
		return err;
	r->mem = physbio_machine_mem(r->machine);
	return physbio_snapshot_attach(&r->pool, 1, r->mem);
}

/* What was asked for, as far as the model disk can do it; SGLs where PRPs can't. */
static int disk_limits(const struct replay *r, struct pb_queue_limits *lim,
		       bool *sgl)
{
	struct pb_queue_limits disk, asked = r->settings.limits;

	*sgl = r->settings.has_limits && !asked.virt_boundary_mask;
	physbio_memdev_limits(&disk, *sgl);
	*lim = disk;
	if (!r->settings.has_limits)
		return 0;
	if (pb_blk_validate_limits(&asked) || pb_blk_validate_limits(&disk))
		return -EINVAL;
	pb_blk_set_stacking_limits(lim);
	if (pb_blk_stack_limits(lim, &asked, 0) ||
	    pb_blk_stack_limits(lim, &disk, 0))
		return -EINVAL;
	lim->max_user_sectors = lim->max_sectors;
	lim->max_hw_discard_sectors = disk.max_hw_discard_sectors;
	lim->features = disk.features;
	return 0;
}

static void engine_of(const struct physbio_repr *repr,
		      struct physbio_memdev_core *core)
{
	*core = (struct physbio_memdev_core){
		.alloc_queue = repr->blk_mq_alloc_queue,
		.destroy_queue = repr->blk_mq_destroy_queue,
		.start_request = repr->blk_mq_start_request,
		.end_request = repr->blk_mq_end_request,
		.map_data = repr->nvme_map_data,
		.unmap_data = repr->nvme_unmap_data,
	};
}

static const char *scheduler_of(const struct replay *r)
{
	if (r->opt->scheduler)
		return r->opt->scheduler;
	return r->settings.deadline ? "mq-deadline" : "none";
}

static int make_disk(struct replay *r)
{
	struct pb_queue_limits lim;
	struct physbio_memdev_config config = {
		.core = &r->core,
		.fabric = r->fabric,
		.node = r->node,
		.dev = physbio_machine_device(r->machine, r->node),
		.mem = r->mem,
		.lists = r->snap.top,
		.limits = &lim,
		.nr_sectors = r->log.size / 512,
		.queue_depth = DEPTH,
	};
	struct pb_request_queue *q;
	int err = disk_limits(r, &lim, &config.sgl_supported);

	if (err)
		return err;
	engine_of(r->repr, &r->core);
	err = physbio_memdev_create(&config, &r->disk);
	if (err)
		return err;
	q = physbio_memdev_bdev(r->disk)->bd_queue;
	r->repr->queue_set_stats(q, &r->stats);
	r->repr->queue_set_nomerges(q, r->settings.nomerges);
	return r->repr->elevator_change(q, scheduler_of(r));
}

/* A number for each sector: 0, and no memory, where nothing happens. */
static size_t sectors_size(const struct replay *r)
{
	return (size_t)(r->log.size / 512) * sizeof(*r->writer);
}

static uint32_t *map_sectors(const struct replay *r)
{
	void *p = mmap(NULL, sectors_size(r), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap_sectors(const struct replay *r, uint32_t *table)
{
	if (table)
		munmap(table, sectors_size(r));
}

static int make_tables(struct replay *r)
{
	r->batch = calloc(r->opt->plug, sizeof(*r->batch));
	r->nr_batches = 1;
	r->pieces = calloc(MAX_PIECES, sizeof(*r->pieces));
	r->writer = map_sectors(r);
	r->touched = map_sectors(r);
	if (!r->batch || !r->writer || !r->touched || !r->pieces)
		return -ENOMEM;
	return r->repr->bioset_init(&r->bs, 16, 0, 0);
}

int machine_up(struct replay *r)
{
	struct physbio_error error = { 0 };
	int err = make_topology(r, &error);

	if (err)
		return err;
	err = make_machine(r, &error);
	if (!err)
		err = physbio_fabric_create(r->topology, r->mem, &r->fabric);
	if (!err)
		err = make_disk(r);
	if (!err)
		err = make_tables(r);
	if (err)
		complain("can't set the machine up: %s",
			 *error.message ? error.message : strerror(-err));
	return err;
}

void machine_down(struct replay *r)
{
	physbio_memdev_destroy(r->disk);
	physbio_fabric_destroy(r->fabric);
	physbio_machine_destroy(r->machine);
	physbio_topology_destroy(r->topology);
	if (r->bs.bio_pool)
		r->repr->bioset_exit(&r->bs);
	unmap_sectors(r, r->writer);
	unmap_sectors(r, r->touched);
	free(r->pieces);
	free(r->batch);
}
