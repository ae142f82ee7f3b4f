// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where it stands that memory is a peer's: on the bio, in each vector, nowhere but in a
 * table of addresses, or in the page; and a build that has no peers to compare with. The
 * same engine adds and maps the same ranges with each. Then what it costs that a bio is
 * all of one kind, where the buffers of an I/O are not. Every address is verified first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../src/repr/ops.h"
#include "driver.h"
#include "harness.h"

static struct bench bench = {
	.name = "mark",
	.title = "where it stands that memory is a peer's",
	.rounds = 150,
};

#define PAGE 4096u
#define MIB (UINT64_C(1) << 20)
#define MAX_RANGES 256u

/* --- the machine --- */

#define RAM_START (UINT64_C(1) << 32)
#define RAM_SIZE (64 * MIB)
#define BAR_START (UINT64_C(1) << 40)
#define BAR_SIZE (16 * MIB)
#define BUS_OFFSET (UINT64_C(0) - (UINT64_C(1) << 39))
#define NR_REGIONS 16u

static struct physbio_mem *mem;
static struct physbio_region regions[NR_REGIONS];
static const struct physbio_region *region_list[NR_REGIONS];
static struct physbio_region_table region_table;

static void set_up_memory(void)
{
	struct physbio_mem_range ranges[1 + NR_REGIONS] = {
		{ RAM_START, RAM_SIZE, PHYSBIO_MEM_RAM_EMPTY, bench.node, NULL }
	};
	struct physbio_error error;
	uint32_t i;

	for (i = 0; i < NR_REGIONS; i++) {
		regions[i] =
			(struct physbio_region){ BAR_START + 2 * i * BAR_SIZE,
						 BAR_SIZE, BUS_OFFSET, i };
		region_list[i] = &regions[i];
		ranges[1 + i] =
			(struct physbio_mem_range){ regions[i].start, BAR_SIZE,
						    PHYSBIO_MEM_BAR, bench.node,
						    &regions[i] };
	}
	if (physbio_mem_create(ranges, 1 + NR_REGIONS, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
	if (physbio_region_table_init(&region_table, region_list, NR_REGIONS))
		bench_die(&bench, "no such regions");
}

/* Page @i of RAM or of a peer's memory; no two of them touch. */
static uint64_t ram_page(unsigned int i)
{
	return RAM_START + (uint64_t)i * 2 * PAGE;
}

static uint64_t peer_page(unsigned int i, unsigned int peers)
{
	return regions[i % peers].start + (uint64_t)i * 2 * PAGE;
}

static uint64_t bus_of(uint64_t paddr)
{
	return paddr < BAR_START ? paddr : paddr + BUS_OFFSET;
}

/* The identity, and every peer by its bus address. */
struct client {
	struct physbio_xlate xlate;
	uint8_t p2p_map[NR_REGIONS];
	struct pb_device dev;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
};

static void client_up(struct client *c, const struct physbio_repr *repr,
		      struct pb_blk_mq_tag_set *set, void *queuedata)
{
	static const struct pb_queue_limits limits = {
		.features = PB_BLK_FEAT_PCI_P2PDMA,
		.max_hw_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_user_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_segments = MAX_RANGES,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};
	uint32_t i;

	for (i = 0; i < NR_REGIONS; i++)
		c->p2p_map[i] = PB_PCI_P2PDMA_MAP_BUS_ADDR;
	repr->xlate_init_identity(&c->xlate);
	repr->xlate_set_p2p(&c->xlate, c->p2p_map, NR_REGIONS);
	c->dev = (struct pb_device){ .xlate = &c->xlate,
				     .dma_mask = UINT64_MAX,
				     .numa_node = -1 };
	c->q = bench_queue(&bench, repr, set, &limits, queuedata);
	c->bdev.bd_queue = c->q;
	c->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
}

/* --- where the mark is --- */

static const struct place {
	const char *name;
	const struct physbio_repr *repr;
	bool mixes; /* a bio, RAM's too, may hold several kinds of memory */
	bool no_peers; /* is built without */
	bool pages; /* its submitter has pages, which say whose they are */
} places[] = {
	{ "bio", &phys_physbio_repr, false, false, false },
	{ "vector bit", &physbit_physbio_repr, true, false, false },
	{ "lookup", &phys_physbio_repr, true, false, false },
	{ "page", &page_physbio_repr, false, false, true },
	{ "no P2P", &physram_physbio_repr, false, true, false },
};

#define NR_PLACES ((int)(sizeof(places) / sizeof(places[0])))

static const struct load {
	const char *name;
	unsigned int ranges; /* of each request */
	unsigned int requests; /* in a sample */
	unsigned int peers; /* 0: RAM */
} loads[] = {
	{ "mark, 4 KiB RAM", 1, 512, 0 },
	{ "mark, 64 ranges RAM", 64, 16, 0 },
	{ "mark, 256 ranges RAM", 256, 8, 0 },
	{ "mark, 4 KiB P2P", 1, 512, 1 },
	{ "mark, 64 ranges P2P", 64, 16, 1 },
	{ "mark, 256 ranges P2P", 256, 8, 1 },
	{ "mark, 256 ranges of 16 peers", 256, 8, NR_REGIONS },
};

#define NR_LOADS ((int)(sizeof(loads) / sizeof(loads[0])))

static bool takes_part(const struct place *place, const struct load *load)
{
	return load->peers == 0 || (load->peers == 1 && !place->no_peers) ||
	       place->mixes;
}

struct runner {
	const struct place *place;
	const struct load *load;
	struct client client;
	struct pb_bio *bios;
	struct pb_bio_vec (*tables)[MAX_RANGES]; /* of any representation */
	struct pb_request *rqs;
	pb_phys_addr_t *ranges; /* of all requests */
	struct pb_page **pages; /* the same */
	struct pb_nvme_range mapped[MAX_RANGES]; /* by the last request */
};

static uint64_t range_at(const struct load *load, unsigned int i)
{
	/* In no order. */
	unsigned int at = i * 37 % (load->requests * load->ranges);

	return load->peers ? peer_page(at, load->peers) : ram_page(at);
}

static void say_whose(struct runner *run, struct pb_bio *bio)
{
	const struct physbio_repr *repr = run->place->repr;

	if (run->place->pages)
		return;
	if (run->place->mixes)
		repr->bio_set_mixed(bio, &region_table);
	else if (run->load->peers)
		repr->bio_set_region(bio, &regions[0]);
}

/* As its submitter has them: pages where vectors are of pages, else addresses. */
static void add_ranges(struct runner *run, struct pb_bio *bio,
		       unsigned int first)
{
	const struct physbio_repr *repr = run->place->repr;
	unsigned int i, end = first + run->load->ranges;

	if (run->place->pages)
		for (i = first; i < end; i++)
			repr->bio_add_page(bio, run->pages[i], PAGE, 0);
	else
		for (i = first; i < end; i++)
			repr->bio_add_phys(bio, run->ranges[i], PAGE);
}

static void run_add(void *arg)
{
	struct runner *run = arg;
	unsigned int b;

	for (b = 0; b < run->load->requests; b++) {
		struct pb_bio *bio = &run->bios[b];

		run->place->repr->bio_init(bio, &run->client.bdev,
					   run->tables[b], MAX_RANGES,
					   PB_REQ_OP_READ);
		say_whose(run, bio);
		add_ranges(run, bio, b * run->load->ranges);
	}
}

/* What a driver does, but for its descriptors. Return: how many ranges there were. */
static unsigned int map_request(struct runner *run, struct pb_request *rq)
{
	const struct physbio_repr *repr = run->place->repr;
	const struct pb_device *dev = &run->client.dev;
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	unsigned int n = 0;
	bool more = repr->blk_rq_dma_map_iter_start(rq, dev, &state, &iter);

	while (more) {
		run->mapped[n].addr = iter.addr;
		run->mapped[n++].len = iter.len;
		more = repr->blk_rq_dma_map_iter_next(rq, dev, &iter);
	}
	repr->blk_rq_dma_unmap(rq, dev, &state, 0, iter.map);
	return n;
}

static void run_map(void *arg)
{
	struct runner *run = arg;
	unsigned int b;

	for (b = 0; b < run->load->requests; b++)
		map_request(run, &run->rqs[b]);
}

static void verify_request(struct runner *run, unsigned int b)
{
	unsigned int i, n = run->load->ranges;
	unsigned int mapped = map_request(run, &run->rqs[b]);

	for (i = 0; i < mapped; i++)
		if (physbio_dma_value(run->mapped[i].addr) !=
			    bus_of(range_at(run->load, b * n + i)) ||
		    run->mapped[i].len != PAGE)
			bench_die(&bench, "%s, %s: range %u is 0x%llx",
				  run->load->name, run->place->name, i,
				  (unsigned long long)physbio_dma_value(
					  run->mapped[i].addr));
	if (mapped != n)
		bench_die(&bench, "%s, %s: %u ranges", run->load->name,
			  run->place->name, mapped);
}

static void make_ranges(struct runner *run)
{
	unsigned int i, n = run->load->requests * run->load->ranges;

	run->ranges = bench_alloc(&bench, n, sizeof(*run->ranges));
	run->pages = bench_alloc(&bench, n, sizeof(struct pb_page *));
	for (i = 0; i < n; i++) {
		run->ranges[i] = (pb_phys_addr_t)range_at(run->load, i);
		run->pages[i] = physbio_mem_page(mem, run->ranges[i]);
	}
}

static void runner_up(struct runner *run, const struct place *place,
		      const struct load *load)
{
	unsigned int b, segs;

	run->place = place;
	run->load = load;
	run->bios = bench_alloc(&bench, load->requests, sizeof(*run->bios));
	run->tables = bench_alloc(&bench, load->requests, sizeof(*run->tables));
	run->rqs = bench_alloc(&bench, load->requests, sizeof(*run->rqs));
	make_ranges(run);
	client_up(&run->client, place->repr, NULL, NULL);
	run_add(run);
	for (b = 0; b < load->requests; b++) {
		place->repr->bio_split_to_limits(
			&run->bios[b], pb_queue_limits(run->client.q), &segs);
		run->rqs[b].q = run->client.q;
		place->repr->blk_rq_bio_prep(&run->rqs[b], &run->bios[b], segs);
		verify_request(run, b);
	}
}

static void runner_down(struct runner *run)
{
	run->place->repr->blk_mq_destroy_queue(run->client.q);
	free(run->pages);
	free(run->ranges);
	free(run->rqs);
	free(run->tables);
	free(run->bios);
}

static void time_load(const char *name, const struct load *load,
		      struct runner *runners, void (*fn)(void *arg))
{
	struct bench_contestant c[NR_PLACES];
	int i, n = 0;

	if (!bench_wanted(&bench, name))
		return;
	for (i = 0; i < NR_PLACES; i++)
		if (takes_part(&places[i], load))
			c[n++] = (struct bench_contestant){ places[i].name,
							    NULL, fn, fn,
							    &runners[i] };
	bench_time(&bench, name, load->requests * load->ranges, c, n);
	for (i = 0; i < NR_PLACES; i++)
		if (!takes_part(&places[i], load))
			bench_absent(&bench, places[i].name,
				     places[i].no_peers ?
					     "there are no peers" :
					     "a bio is of one peer");
}

static void bench_load(const struct load *load)
{
	struct runner *runners =
		bench_alloc(&bench, NR_PLACES, sizeof(*runners));
	char name[80];
	int i;

	for (i = 0; i < NR_PLACES; i++)
		if (takes_part(&places[i], load))
			runner_up(&runners[i], &places[i], load);
	snprintf(name, sizeof(name), "%s: map", load->name);
	time_load(name, load, runners, run_map);
	snprintf(name, sizeof(name), "%s: add", load->name);
	time_load(name, load, runners, run_add);
	for (i = 0; i < NR_PLACES; i++)
		if (takes_part(&places[i], load))
			runner_down(&runners[i]);
	free(runners);
}

/* --- bios of one kind, and of several --- */

#define IOS 4u /* of a sample */

static const struct pattern {
	const char *name;
	unsigned int
		run; /* ranges of RAM, then as many of the peer; 0: no peer */
	unsigned int tail; /* the last ones are the peer's */
} patterns[] = {
	{ "mixing, all RAM", 0, 0 },   { "mixing, P2P tail", 0, 1 },
	{ "mixing, every 1", 1, 0 },   { "mixing, every 4", 4, 0 },
	{ "mixing, every 16", 16, 0 }, { "mixing, every 64", 64, 0 },
};

#define NR_PATTERNS ((int)(sizeof(patterns) / sizeof(patterns[0])))

static const struct rule {
	const char *name;
	const struct physbio_repr *repr;
	bool mixed;
} rules[] = {
	{ "uniform", &phys_physbio_repr, false },
	{ "mixed", &phys_physbio_repr, true },
	{ "mixed, vector bit", &physbit_physbio_repr, true },
};

#define NR_RULES ((int)(sizeof(rules) / sizeof(rules[0])))

/* Of one I/O. */
struct counts {
	unsigned long bios, requests, refused, ranges;
	unsigned long pending; /* bios that have not ended */
};

struct mixer {
	const struct pattern *pattern;
	const struct rule *rule;
	struct client client;
	struct pb_nvme_iod iod;
	struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	struct pb_nvme_range saved[MAX_RANGES];
	struct pb_bio bios[MAX_RANGES];
	struct pb_bio_vec table[MAX_RANGES]; /* one bio's behind another's */
	struct pb_page *pages[MAX_RANGES];
	struct counts n;
	bool verify;
};

static uint64_t buffer_at(const struct pattern *p, unsigned int i)
{
	bool peer = p->run ? i / p->run % 2 : i >= MAX_RANGES - p->tail;

	return peer ? peer_page(i, 1) : ram_page(i);
}

static void verify_mixed(struct mixer *m, struct pb_request *rq)
{
	const struct physbio_repr *repr = m->rule->repr;
	unsigned int i = (unsigned int)(pb_blk_rq_pos(rq) * 512 / PAGE);
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	bool more = repr->blk_rq_dma_map_iter_start(rq, &m->client.dev, &state,
						    &iter);

	for (; more; i++, m->n.ranges++) {
		if (physbio_dma_value(iter.addr) !=
			    bus_of(buffer_at(m->pattern, i)) ||
		    iter.len != PAGE)
			bench_die(&bench, "%s, %s: range %u is 0x%llx",
				  m->pattern->name, m->rule->name, i,
				  (unsigned long long)physbio_dma_value(
					  iter.addr));
		more = repr->blk_rq_dma_map_iter_next(rq, &m->client.dev,
						      &iter);
	}
}

/* The device is done at once. */
static pb_blk_status_t mix_queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				    const struct pb_blk_mq_queue_data *bd)
{
	struct mixer *m = bd->rq->bio->bi_private;
	const struct physbio_repr *repr = m->rule->repr;
	pb_blk_status_t status;

	if (m->verify)
		verify_mixed(m, bd->rq);
	repr->blk_mq_start_request(bd->rq);
	status = repr->nvme_map_data(bd->rq, &m->client.dev, &m->iod);
	if (status == PB_BLK_STS_OK)
		repr->nvme_unmap_data(bd->rq, &m->client.dev, &m->iod);
	m->n.requests++;
	repr->blk_mq_end_request(bd->rq, status);
	return PB_BLK_STS_OK;
}

static void mix_end_io(struct pb_bio *bio)
{
	struct mixer *m = bio->bi_private;

	if (bio->bi_status)
		bench_die(&bench, "%s, %s: an I/O has failed", m->pattern->name,
			  m->rule->name);
	m->n.pending--;
}

/* The next bio begins with range @i. */
static struct pb_bio *next_bio(struct mixer *m, unsigned int i)
{
	const struct physbio_repr *repr = m->rule->repr;
	struct pb_bio *bio = &m->bios[m->n.bios++];

	repr->bio_init(bio, &m->client.bdev, &m->table[i],
		       (unsigned short)(MAX_RANGES - i), PB_REQ_OP_WRITE);
	if (m->rule->mixed)
		repr->bio_set_mixed(bio, &region_table);
	bio->bi_iter.bi_sector = i * (PAGE >> PB_SECTOR_SHIFT);
	bio->bi_end_io = mix_end_io;
	bio->bi_private = m;
	m->n.pending++;
	return bio;
}

/* As a filesystem does: what a bio refuses begins another one. */
static void send_io(struct mixer *m)
{
	const struct physbio_repr *repr = m->rule->repr;
	struct pb_bio *bio = next_bio(m, 0);
	unsigned int i;

	for (i = 0; i < MAX_RANGES; i++) {
		if (repr->bio_add_page(bio, m->pages[i], PAGE, 0) == PAGE)
			continue;
		m->n.refused++;
		repr->submit_bio(bio);
		bio = next_bio(m, i);
		repr->bio_add_page(bio, m->pages[i], PAGE, 0);
	}
	repr->submit_bio(bio);
}

static void run_io(struct mixer *m)
{
	struct pb_blk_plug plug;

	m->n = (struct counts){ 0 };
	m->rule->repr->blk_start_plug(&plug);
	send_io(m);
	m->rule->repr->blk_finish_plug(&plug);
}

static void run_mix(void *arg)
{
	unsigned int i;

	for (i = 0; i < IOS; i++)
		run_io(arg);
}

static void mixer_up(struct mixer *m, const struct pattern *pattern,
		     const struct rule *rule)
{
	static const struct pb_blk_mq_ops ops = { .queue_rq = mix_queue_rq };
	static struct pb_blk_mq_tag_set set = { .ops = &ops,
						.queue_depth = MAX_RANGES };
	unsigned int i;

	m->pattern = pattern;
	m->rule = rule;
	client_up(&m->client, rule->repr, &set, NULL);
	for (i = 0; i < MAX_RANGES; i++)
		m->pages[i] = physbio_mem_page(mem, buffer_at(pattern, i));
	bench_lists_up(&bench, m->lists);
	m->iod.lists = m->lists;
	m->iod.ranges = m->saved;
	m->iod.max_ranges = MAX_RANGES;
	m->verify = true;
	run_io(m);
	m->verify = false;
	if (m->n.pending || m->n.ranges != MAX_RANGES)
		bench_die(&bench, "%s, %s: %lu ranges, %lu bios in flight",
			  pattern->name, rule->name, m->n.ranges, m->n.pending);
}

static void mixer_down(struct mixer *m)
{
	bench_lists_down(m->lists);
	m->rule->repr->blk_mq_destroy_queue(m->client.q);
}

/*
 * Of one I/O more, which is not timed: the queue counts, too. A bio that goes on where the
 * plug's last request ends is one that it would have taken, were they of one kind.
 */
static void emit_counts(struct mixer *m)
{
	const struct physbio_repr *repr = m->rule->repr;
	struct physbio_queue_stats stats = { 0 };

	repr->queue_set_stats(m->client.q, &stats);
	run_io(m);
	repr->queue_set_stats(m->client.q, NULL);
	bench_value(&bench, m->rule->name, "bios", (double)m->n.bios);
	bench_value(&bench, m->rule->name, "requests", (double)m->n.requests);
	bench_value(&bench, m->rule->name, "refused", (double)m->n.refused);
	bench_value(&bench, m->rule->name, "merges",
		    (double)(m->n.bios - m->n.requests));
	bench_value(&bench, m->rule->name, "refused_merges",
		    (double)stats.p2p_nomerges);
}

static void bench_pattern(const struct pattern *pattern)
{
	struct mixer *mixers = bench_alloc(&bench, NR_RULES, sizeof(*mixers));
	struct bench_contestant c[NR_RULES];
	int i;

	for (i = 0; i < NR_RULES; i++) {
		mixer_up(&mixers[i], pattern, &rules[i]);
		c[i] = (struct bench_contestant){ rules[i].name, NULL, run_mix,
						  run_mix, &mixers[i] };
	}
	bench_time(&bench, pattern->name, IOS, c, NR_RULES);
	for (i = 0; i < NR_RULES; i++) {
		emit_counts(&mixers[i]);
		mixer_down(&mixers[i]);
	}
	free(mixers);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, RAM_START, "made up");
	bench_note(
		&bench, "shown",
		"mark: ns for one range, ratios to a mark on the bio; mixing: ns for an I/O of %u pages",
		MAX_RANGES);
	bench_note(
		&bench, "add",
		"bio_add_page() of pages that are at hand, else bio_add_phys()");
	bench_note(
		&bench, "map",
		"by the iterator, with no descriptors; peers are reached by bus address");
	bench_note(
		&bench, "vector bit",
		"each range, RAM too, is looked up when it is added, and one that is marked when it is mapped");
	bench_note(&bench, "lookup",
		   "each range, RAM too, added and mapped: among %u regions",
		   NR_REGIONS);
	bench_note(&bench, "no P2P",
		   "the engine built without, as with CONFIG_PCI_P2PDMA=n");
}

static bool load_runs(const struct load *load)
{
	char map[80], add[80];

	snprintf(map, sizeof(map), "%s: map", load->name);
	snprintf(add, sizeof(add), "%s: add", load->name);
	return bench.list || bench_runs(&bench, map) || bench_runs(&bench, add);
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	set_up_memory();
	describe();
	for (i = 0; i < NR_LOADS; i++)
		if (load_runs(&loads[i]))
			bench_load(&loads[i]);
	for (i = 0; i < NR_PATTERNS; i++)
		if (bench_wanted(&bench, patterns[i].name))
			bench_pattern(&patterns[i]);
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
