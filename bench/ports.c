// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Real boards with several host bridges, at each of which the same memory may have another
 * bus address: how the I/O of all pairs of devices ends where addresses are made for the
 * device that gets it, and where the submitter has made one, for whatever device it may
 * be; and the time to map in each way. What is right the fabric and the bytes say.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../tests/integration/pairs.h"
#include "../tools/tools.h"
#include "driver.h"
#include "harness.h"

static struct bench bench = {
	.name = "ports",
	.title =
		"a bus address for each device against one for all, on real boards",
	.rounds = 150,
};

/* Those of boards/ that have more than one host bridge with windows. */
static const char *const boards[] = {
	"apm-merlin", "imx8qm",	 "imx95", "j721e",    "ls1088a",
	"lx2160a",    "pseries", "rpi5",  "tegra234",
};

#define NR_BOARDS ((int)(sizeof(boards) / sizeof(boards[0])))

/* Linux knows them all, and they forward: what is refused then no address can mend. */
static const struct forwarding forwarding = { "listed", PHYSBIO_P2P_LISTED,
					      false, true };

static struct board *load_board(const char *name)
{
	struct board *b = bench_alloc(&bench, 1, sizeof(*b));
	struct physbio_error error = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.dtb", BENCH_BOARDS, name);
	b->name = name;
	b->t = load_topology("ports", path);
	if (!b->t || board_populate(b, &error))
		bench_die(&bench, "%s: %s", name,
			  b->t ? error.message : "can't be read");
	if (board_count_nodes(b->t, PHYSBIO_HOST_BRIDGE) < 2)
		bench_die(&bench, "%s: one host bridge", name);
	return b;
}

static void unload_board(struct board *b)
{
	physbio_topology_destroy(b->t);
	free(b);
}

/* --- contestants --- */

enum {
	PER_DEVICE,
	ONE_ADDRESS,
	NR_WAYS
};

static const struct way {
	const char *name;
	const struct physbio_repr *repr;
} ways[NR_WAYS] = {
	[PER_DEVICE] = { "per device", &phys_physbio_repr },
	[ONE_ADDRESS] = { "one address", &dma_physbio_repr },
};

/* A device and a request of memory that it reaches. */
struct pair {
	const struct pb_device *dev;
	struct pb_request *rq;
};

#define SAMPLE 512u /* requests at least, or nearly so many */

/* One request for each place, which goes to whichever device. */
struct runner {
	const struct way *way;
	struct board *b;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	struct pb_bio *bios;
	struct pb_bio_vec (*tables)[NR_PIECES];
	struct pb_request *rqs;
	struct pair *pairs;
	unsigned int nr_pairs;
	unsigned int times; /* that a sample has all of them */
	struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	struct pb_nvme_range ranges[NR_PIECES];
	struct pb_nvme_iod iod;
};

static void add_pieces(struct runner *run, struct pb_bio *bio,
		       const struct place *p)
{
	const struct physbio_repr *repr = run->way->repr;
	unsigned int i;
	uint64_t bus;

	if (repr->bio_add_dma_addr) {
		bus = board_submitters_bus(run->b, p);
		for (i = 0; i < NR_PIECES; i++)
			repr->bio_add_dma_addr(
				bio, physbio_dma_make(bus + pieces[i].at),
				pieces[i].len);
		return;
	}
	repr->bio_set_region(bio, p->region);
	for (i = 0; i < NR_PIECES; i++)
		repr->bio_add_phys(bio, p->paddr + pieces[i].at, pieces[i].len);
}

static void make_request(struct runner *run, unsigned int i)
{
	const struct physbio_repr *repr = run->way->repr;
	unsigned int segs;

	repr->bio_init(&run->bios[i], &run->bdev, run->tables[i], NR_PIECES,
		       PB_REQ_OP_READ);
	add_pieces(run, &run->bios[i], &run->b->places[i]);
	repr->bio_split_to_limits(&run->bios[i], pb_queue_limits(run->q),
				  &segs);
	run->rqs[i].q = run->q;
	repr->blk_rq_bio_prep(&run->rqs[i], &run->bios[i], segs);
}

static pb_blk_status_t map_pair(struct runner *run, const struct pair *p)
{
	return run->way->repr->nvme_map_data(p->rq, p->dev, &run->iod);
}

static void unmap_pair(struct runner *run, const struct pair *p)
{
	run->way->repr->nvme_unmap_data(p->rq, p->dev, &run->iod);
}

static void run_pairs(void *arg)
{
	struct runner *run = arg;
	const struct pair *p, *end = run->pairs + run->nr_pairs;
	unsigned int i;

	for (i = 0; i < run->times; i++)
		for (p = run->pairs; p < end; p++) {
			map_pair(run, p);
			unmap_pair(run, p);
		}
}

/* All pairs that have a mapping: the same ones for both, by what the first can map. */
static void find_pairs(struct runner *run, struct runner *first)
{
	struct board *b = run->b;
	struct pair p;
	unsigned int i;
	int node;

	for (node = 0; node < physbio_topology_nr(b->t); node++) {
		p.dev = physbio_machine_device(b->m, node);
		for (i = 0; p.dev && i < b->nr_places; i++) {
			if (!b->places[i].target)
				continue;
			p.rq = &first->rqs[i];
			if (map_pair(first, &p))
				continue;
			unmap_pair(first, &p);
			p.rq = &run->rqs[i];
			run->pairs[run->nr_pairs++] = p;
		}
	}
	if (!run->nr_pairs)
		bench_die(&bench, "%s: no device reaches any memory", b->name);
	run->times = run->nr_pairs < SAMPLE ? SAMPLE / run->nr_pairs : 1;
}

/* Or a refusal would be timed as a fast way to map. */
static void verify_pairs(struct runner *run)
{
	unsigned int i;
	pb_blk_status_t status;

	for (i = 0; i < run->nr_pairs; i++) {
		status = map_pair(run, &run->pairs[i]);
		if (status)
			bench_die(&bench, "%s, %s: pair %u is refused: %u",
				  run->b->name, run->way->name, i, status);
		unmap_pair(run, &run->pairs[i]);
	}
}

static void queue_up(struct runner *run)
{
	static const struct pb_queue_limits limits = {
		.features = PB_BLK_FEAT_PCI_P2PDMA,
		.max_hw_sectors = 1024,
		.max_segments = 128,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};

	run->q = bench_queue(&bench, run->way->repr, NULL, &limits, NULL);
	run->bdev.bd_queue = run->q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	bench_lists_up(&bench, run->lists);
	run->iod.lists = run->lists;
	run->iod.ranges = run->ranges;
	run->iod.max_ranges = NR_PIECES;
	run->iod.sgl_supported = true;
	run->iod.sgl_threshold = 1;
}

static void runner_up(struct runner *run, const struct way *way,
		      struct board *b)
{
	unsigned int i, n = b->nr_places;

	run->way = way;
	run->b = b;
	run->bios = bench_alloc(&bench, n, sizeof(*run->bios));
	run->tables = bench_alloc(&bench, n, sizeof(*run->tables));
	run->rqs = bench_alloc(&bench, n, sizeof(*run->rqs));
	run->pairs = bench_alloc(&bench, (size_t)n * physbio_topology_nr(b->t),
				 sizeof(*run->pairs));
	queue_up(run);
	for (i = 0; i < n; i++)
		if (b->places[i].target)
			make_request(run, i);
}

static void runner_down(struct runner *run)
{
	bench_lists_down(run->lists);
	run->way->repr->blk_mq_destroy_queue(run->q);
	free(run->pairs);
	free(run->rqs);
	free(run->tables);
	free(run->bios);
}

/* --- one board --- */

static void emit(const char *name, const struct counts *c)
{
	bench_value(&bench, name, "ios", (double)counts_sum(c));
	bench_value(&bench, name, "right", (double)c->n[RIGHT]);
	bench_value(&bench, name, "refused", (double)c->n[REFUSED]);
	bench_value(&bench, name, "no_address",
		    (double)(c->n[FAILED] - c->faults));
	bench_value(&bench, name, "faulted", (double)c->faults);
	bench_value(&bench, name, "own_bar", (double)c->own);
	bench_value(&bench, name, "corrupted",
		    (double)(c->n[CORRUPT] + c->n[BROKEN]));
}

static void count_pairs(struct board *b, struct counts counts[NR_WAYS])
{
	unsigned long wrong = 0;
	int i;

	for (i = 0; i < NR_WAYS; i++)
		if (board_run(b, &forwarding, ways[i].repr, &counts[i], &wrong))
			bench_die(&bench, "%s: can't be set up", b->name);
	if (wrong)
		bench_die(&bench, "%s: %lu I/Os have not ended as they must",
			  b->name, wrong);
}

static void bench_pairs(struct board *b)
{
	struct runner *runners = bench_alloc(&bench, NR_WAYS, sizeof(*runners));
	struct bench_contestant c[NR_WAYS];
	struct counts counts[NR_WAYS] = { 0 };
	int i;

	count_pairs(b, counts);
	for (i = 0; i < NR_WAYS; i++) {
		runner_up(&runners[i], &ways[i], b);
		find_pairs(&runners[i], &runners[PER_DEVICE]);
		verify_pairs(&runners[i]);
		c[i] = (struct bench_contestant){ ways[i].name, NULL, run_pairs,
						  run_pairs, &runners[i] };
	}
	bench_time(&bench, b->name, runners[0].nr_pairs * runners[0].times, c,
		   NR_WAYS);
	for (i = 0; i < NR_WAYS; i++) {
		emit(ways[i].name, &counts[i]);
		bench_value(&bench, ways[i].name, "host_bridges",
			    board_count_nodes(b->t, PHYSBIO_HOST_BRIDGE));
		bench_value(&bench, ways[i].name, "devices",
			    board_count_nodes(b->t, PHYSBIO_ENDPOINT));
		runner_down(&runners[i]);
	}
	free(runners);
}

static void bench_board(const char *name)
{
	struct board *b = load_board(name);
	struct physbio_error error = { 0 };

	/* Under a tool that counts there may be no room for its page structs. */
	if (board_boot(b, &forwarding, &error))
		bench_skip(&bench, name, error.message);
	else
		bench_pairs(b);
	board_shut_down(b);
	unload_board(b);
}

static void describe(void)
{
	bench_note(
		&bench, "shown",
		"ns to map and unmap a request of %u ranges for a device that can reach them",
		NR_PIECES);
	bench_note(
		&bench, "I/Os",
		"of all pairs of devices and of RAM, both ways, with PRPs and SGLs; every byte is compared");
	bench_note(
		&bench, "right",
		"per device every one ends as it must; faulted: own_bar among them, a device's own memory, which its port does not send back");
	bench_note(
		&bench, "no_address",
		"no inbound window has it: the I/O is refused, where one address for all is tried");
	bench_note(
		&bench, "one address",
		"made by the submitter: what a BAR's register holds, for RAM what the first device has");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	describe();
	for (i = 0; i < NR_BOARDS; i++)
		if (bench_wanted(&bench, boards[i])) {
			if (BENCH_BOARDS[0])
				bench_board(boards[i]);
			else
				bench_skip(
					&bench, boards[i],
					"it was built without dtc and libfdt");
		}
	return bench_end(&bench);
}
