// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it takes to merge a bio, or to find that it can't be: into a request at hand, into
 * the last one on a plug, into what waits at the queue, and by way of submission. Each
 * decision is verified first, against requests that were made up piece by piece. Bringing
 * a sample back to where it began is not timed.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "reprs.h"

#define PAGE 4096u
#define MIB (1u << 20)
#define NR_PAGES 65536u

static struct bench bench = {
	.name = "merge",
	.title = "bios into requests: page vectors against physical ones",
	.rounds = 150,
};

/* --- the cases --- */

/* Whom a bio is offered to. */
enum where {
	REQUEST, /* a request at hand */
	PLUG,
	NONE, /* requests that wait, without a scheduler */
	DEADLINE, /* and with one */
	SUBMIT, /* whom submission finds */
	NR_WHERES
};

/* Which pieces of a request are there before. */
enum side {
	BACK, /* the first one: the others follow */
	FRONT, /* the last one */
	MIDDLE, /* the first and the last of three, in a request each */
	ALONE, /* none */
};

/*
 * A request is to have pieces one behind the other on the device, each a bio. Pages of
 * two pieces don't touch unless the memory is contiguous.
 */
static const struct merge_case {
	const char *name;
	enum where where;
	enum side side;
	unsigned int rqs;
	unsigned int pieces; /* of each request */
	bool in_turn; /* a piece of each request, then the next of each */
	bool merges;
	bool apart; /* pieces are not adjacent on the device */
	bool contiguous; /* but in memory */
	uint32_t len; /* bytes of a piece; 0: a page */
	uint64_t virt_boundary_mask;
	uint32_t max_sectors; /* 0: any */
	uint16_t max_segments;
} cases[] = {
	{ "back, scattered", REQUEST, BACK, 32, 33, .merges = true },
	{ "back, contiguous", REQUEST, BACK, 32, 33, .merges = true,
	  .contiguous = true },
	{ "back, virt boundary, aligned", REQUEST, BACK, 32, 33, .merges = true,
	  .virt_boundary_mask = PAGE - 1 },
	{ "back, virt boundary, contiguous", REQUEST, BACK, 32, 33,
	  .merges = true, .contiguous = true, .len = PAGE / 2,
	  .virt_boundary_mask = PAGE - 1 },
	{ "back, virt boundary, gap", REQUEST, BACK, 1024, 2, .len = PAGE / 2,
	  .virt_boundary_mask = PAGE - 1 },
	{ "front, scattered", REQUEST, FRONT, 32, 33, .merges = true },
	{ "front, contiguous", REQUEST, FRONT, 32, 33, .merges = true,
	  .contiguous = true },
	{ "front, virt boundary, aligned", REQUEST, FRONT, 32, 33,
	  .merges = true, .virt_boundary_mask = PAGE - 1 },
	/* which begins on the boundary: half of a page would not */
	{ "front, virt boundary, contiguous", REQUEST, FRONT, 32, 33,
	  .merges = true, .contiguous = true, .virt_boundary_mask = PAGE - 1 },
	{ "front, virt boundary, gap", REQUEST, FRONT, 1024, 2, .len = PAGE / 2,
	  .virt_boundary_mask = PAGE - 1 },
	{ "refused, max_segments", REQUEST, BACK, 1024, 2, .max_segments = 1 },
	{ "refused, max_sectors", REQUEST, BACK, 1024, 2,
	  .max_sectors = PAGE >> PB_SECTOR_SHIFT },
	{ "plug, adjacent", PLUG, BACK, 32, 33, .merges = true },
	{ "plug, not adjacent", PLUG, BACK, 32, 33, .apart = true },
	{ "none, newest eight", NONE, BACK, 8, 129, .in_turn = true,
	  .merges = true },
	{ "none, in vain", NONE, BACK, 8, 129, .in_turn = true, .apart = true },
	{ "deadline, last merged", DEADLINE, BACK, 32, 33, .merges = true },
	{ "deadline, back by hash", DEADLINE, BACK, 128, 9, .in_turn = true,
	  .merges = true },
	{ "deadline, front by tree", DEADLINE, FRONT, 128, 9, .in_turn = true,
	  .merges = true },
	{ "deadline, closes a gap", DEADLINE, MIDDLE, 512, 3, .merges = true },
	{ "deadline, in vain", DEADLINE, BACK, 128, 9, .in_turn = true,
	  .apart = true },
	{ "submit 256 adjacent", SUBMIT, ALONE, 4, 256, .merges = true },
	{ "submit 256 scattered", SUBMIT, ALONE, 4, 256, .apart = true },
};

#define NR_CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* Pieces of each request that are there before, each in a request. */
static unsigned int nr_given(const struct merge_case *c)
{
	return c->side == ALONE ? 0 : c->side == MIDDLE ? 2 : 1;
}

static unsigned int given_piece(const struct merge_case *c, unsigned int n)
{
	return c->side == FRONT ? c->pieces - 1 : 2 * n;
}

static unsigned int nr_offered(const struct merge_case *c)
{
	return c->pieces - nr_given(c);
}

/* In the order in which they are offered. */
static unsigned int offered_piece(const struct merge_case *c, unsigned int n)
{
	switch (c->side) {
	case ALONE:
		return n;
	case FRONT:
		return c->pieces - 2 - n;
	default:
		return n + 1;
	}
}

static uint32_t piece_len(const struct merge_case *c)
{
	return c->len ? c->len : PAGE;
}

/* No two requests are adjacent on the device. */
#define SPAN ((pb_sector_t)1 << 20)

static pb_sector_t piece_step(const struct merge_case *c)
{
	return (piece_len(c) >> PB_SECTOR_SHIFT) * (c->apart ? 2u : 1u);
}

static pb_sector_t piece_sector(const struct merge_case *c, unsigned int rq,
				unsigned int piece)
{
	return rq * SPAN + piece * piece_step(c);
}

/* A stride that is prime to any power of two visits every page. */
static pb_phys_addr_t piece_paddr(const struct merge_case *c, unsigned int rq,
				  unsigned int piece)
{
	pb_phys_addr_t n = rq * c->pieces + piece;

	if (c->contiguous)
		return BENCH_RAM + rq * MIB + piece * piece_len(c);
	return BENCH_RAM + n * 1237 % NR_PAGES * PAGE;
}

/* --- one contestant at one case --- */

static struct physbio_mem *mem;

struct runner {
	const struct merge_case *c;
	const struct physbio_repr *repr;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	/* those that are there before, those that are offered, one that blocks the queue */
	struct pb_bio *bios;
	struct pb_bio *fresh; /* the same, as they were */
	const struct pb_page **pages; /* of each */
	char *vecs;
	unsigned int nr_bios;
	struct pb_request *rqs; /* REQUEST, PLUG */
	struct pb_blk_plug *plugs;
	struct pb_request **taken; /* the driver has them */
	unsigned int nr_taken;
	bool refuses; /* the driver does */
	unsigned int merged;
};

static struct pb_bio *offered_bios(const struct runner *run)
{
	return run->bios + run->c->rqs * nr_given(run->c);
}

/* It takes requests and keeps them. */
static pb_blk_status_t queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				const struct pb_blk_mq_queue_data *bd)
{
	struct runner *run = pb_queue_data(bd->rq->q);

	if (run->refuses)
		return PB_BLK_STS_RESOURCE;
	run->taken[run->nr_taken++] = bd->rq;
	return PB_BLK_STS_OK;
}

static void run_request(void *arg)
{
	struct runner *run = arg;
	struct pb_bio *bio = offered_bios(run);
	unsigned int rq, n, nr = nr_offered(run->c);

	for (rq = 0; rq < run->c->rqs; rq++)
		for (n = 0; n < nr; n++)
			run->merged += run->repr->blk_attempt_bio_merge(
					       run->q, &run->rqs[rq], bio++, 1,
					       false) == PB_BIO_MERGE_OK;
}

static void run_plug(void *arg)
{
	struct runner *run = arg;
	struct pb_bio *bio = offered_bios(run);
	unsigned int rq, n, nr = nr_offered(run->c);

	for (rq = 0; rq < run->c->rqs; rq++) {
		pb_current()->plug = &run->plugs[rq];
		for (n = 0; n < nr; n++)
			run->merged += run->repr->blk_attempt_plug_merge(
				run->q, bio++, 1);
	}
	pb_current()->plug = NULL;
}

static void run_queue(void *arg)
{
	struct runner *run = arg;
	struct pb_bio *bio = offered_bios(run);
	unsigned int n, nr = run->c->rqs * nr_offered(run->c);

	for (n = 0; n < nr; n++)
		run->merged +=
			run->repr->blk_mq_sched_bio_merge(run->q, bio++, 1);
}

static void run_submit(void *arg)
{
	struct runner *run = arg;
	struct pb_bio *bio = run->bios;
	unsigned int rq, n;

	for (rq = 0; rq < run->c->rqs; rq++) {
		struct pb_blk_plug plug;

		run->repr->blk_start_plug(&plug);
		for (n = 0; n < run->c->pieces; n++)
			run->repr->submit_bio(bio++);
		run->repr->blk_finish_plug(&plug);
	}
}

/* --- back to where it began --- */

/* What waits goes to the driver, and ends. */
static void queue_empty(struct runner *run)
{
	unsigned int i;

	run->refuses = false;
	run->repr->blk_mq_run_hw_queues(run->q, false);
	for (i = 0; i < run->nr_taken; i++)
		run->repr->blk_mq_end_request(run->taken[i], PB_BLK_STS_OK);
	run->nr_taken = 0;
}

/* Whoever made the bios has pinned their pages: the structs are in the cache. */
static void touch_pages(const struct runner *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_bios; i++)
		(void)*(const volatile unsigned long *)&run->pages[i]->flags;
}

static void ready_submit(void *arg)
{
	struct runner *run = arg;

	queue_empty(run);
	touch_pages(run);
	memcpy(run->bios, run->fresh, run->nr_bios * sizeof(run->bios[0]));
	run->merged = 0;
}

static void ready_request(void *arg)
{
	struct runner *run = arg;
	unsigned int rq;

	ready_submit(run);
	for (rq = 0; rq < run->c->rqs; rq++) {
		run->rqs[rq].q = run->q;
		run->repr->blk_rq_bio_prep(&run->rqs[rq], &run->bios[rq], 1);
		run->plugs[rq].mq_list.head = &run->rqs[rq];
		run->plugs[rq].mq_list.tail = &run->rqs[rq];
		run->plugs[rq].rq_count = 1;
	}
}

/* The driver refuses a first one, so that the others wait. */
static void ready_queue(void *arg)
{
	struct runner *run = arg;
	unsigned int i, nr = run->c->rqs * nr_given(run->c);

	ready_submit(run);
	run->refuses = true;
	run->repr->submit_bio(&run->bios[run->nr_bios - 1]);
	for (i = 0; i < nr; i++)
		run->repr->submit_bio(&run->bios[i]);
}

static const struct {
	void (*ready)(void *arg);
	void (*run)(void *arg);
	const char *scheduler;
} wheres[NR_WHERES] = {
	[REQUEST] = { ready_request, run_request, "none" },
	[PLUG] = { ready_request, run_plug, "none" },
	[NONE] = { ready_queue, run_queue, "none" },
	[DEADLINE] = { ready_queue, run_queue, "mq-deadline" },
	[SUBMIT] = { ready_submit, run_submit, "none" },
};

/* --- verification --- */

/* A request, as the driver would get it: @nr pieces from @piece on. */
struct expected {
	struct pb_request *rq;
	unsigned int row;
	unsigned int piece;
	unsigned int nr;
};

static void wrong(const struct runner *run, const char *what, uint64_t got,
		  uint64_t want)
{
	bench_die(&bench, "%s, %s: %s is %llu, not %llu", run->c->name,
		  run->repr->name, what, (unsigned long long)got,
		  (unsigned long long)want);
}

static void check(const struct runner *run, const char *what, uint64_t got,
		  uint64_t want)
{
	if (got != want)
		wrong(run, what, got, want);
}

static void verify_bios(const struct runner *run, const struct expected *e)
{
	const struct pb_bio *bio = e->rq->bio;
	unsigned int i;

	for (i = 0; i < e->nr && bio; i++, bio = bio->bi_next)
		check(run, "a bio's sector", bio->bi_iter.bi_sector,
		      piece_sector(run->c, e->row, e->piece + i));
	check(run, "a request's number of bios", i + !!bio, e->nr);
}

/* Pieces of memory that touch are one range of the device. */
static void verify_ranges(const struct runner *run, const struct expected *e)
{
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	unsigned int i = 0;

	run->repr->blk_map_iter_init(e->rq, &iter);
	while (run->repr->blk_map_iter_next(e->rq, &iter, &vec)) {
		check(run, "a range's address", vec.paddr,
		      piece_paddr(run->c, e->row, e->piece + i));
		check(run, "a range's length", vec.len,
		      (uint64_t)piece_len(run->c) *
			      (run->c->contiguous ? e->nr : 1));
		i += vec.len / piece_len(run->c);
	}
	check(run, "a request's number of pieces", i, e->nr);
}

static void verify_request(const struct runner *run, const struct expected *e)
{
	const struct pb_request *rq = e->rq;

	check(run, "a request's sector", rq->__sector,
	      piece_sector(run->c, e->row, e->piece));
	check(run, "a request's length", rq->__data_len,
	      (uint64_t)e->nr * piece_len(run->c));
	check(run, "a request's number of segments", rq->nr_phys_segments,
	      e->nr);
	check(run, "a gap between pieces", rq->phys_gap_bit != 0,
	      e->nr > 1 && !run->c->contiguous);
	verify_bios(run, e);
	verify_ranges(run, e);
}

/* Which one it should be its place on the device tells. */
static void verify_one(const struct runner *run, struct pb_request *rq)
{
	struct expected e = {
		.rq = rq,
		.row = (unsigned int)(rq->__sector / SPAN),
		.nr = run->c->merges ? run->c->pieces : 1,
	};

	if (!run->c->merges)
		e.piece = (unsigned int)(rq->__sector % SPAN /
					 piece_step(run->c));
	verify_request(run, &e);
}

static void verify_rqs(const struct runner *run)
{
	unsigned int rq;

	for (rq = 0; rq < run->c->rqs; rq++)
		verify_one(run, &run->rqs[rq]);
}

/* All that are sent then, but for @first: the one that blocked the queue. */
static void verify_taken(struct runner *run, unsigned int first)
{
	const struct merge_case *c = run->c;
	unsigned int i, each = nr_given(c) ? nr_given(c) : c->pieces;

	run->refuses = false;
	run->repr->blk_mq_run_hw_queues(run->q, false);
	check(run, "the number of requests", run->nr_taken - first,
	      c->rqs * (c->merges ? 1 : each));
	for (i = first; i < run->nr_taken; i++)
		verify_one(run, run->taken[i]);
}

static void verify(struct runner *run)
{
	const struct merge_case *c = run->c;

	wheres[c->where].ready(run);
	wheres[c->where].run(run);
	if (c->where != SUBMIT)
		check(run, "the number of merges", run->merged,
		      c->merges ? c->rqs * nr_offered(c) : 0);
	if (c->where == REQUEST || c->where == PLUG)
		verify_rqs(run);
	else
		verify_taken(run, c->where != SUBMIT);
}

/* --- contestants --- */

static void bio_make(struct runner *run, unsigned int i, unsigned int rq,
		     unsigned int piece)
{
	const struct merge_case *c = run->c;
	pb_phys_addr_t paddr = piece_paddr(c, rq, piece);
	struct pb_bio *bio = &run->fresh[i];

	run->repr->bio_init(
		bio, &run->bdev,
		(struct pb_bio_vec *)(run->vecs + i * run->repr->bvec_size), 1,
		PB_REQ_OP_READ);
	if (!run->repr->bio_add_phys(bio, paddr, piece_len(c)))
		bench_die(&bench, "%s: a bio can't be made", c->name);
	run->pages[i] = physbio_mem_page(mem, paddr);
	bio->bi_iter.bi_sector = piece_sector(c, rq, piece);
}

static void bios_make(struct runner *run)
{
	const struct merge_case *c = run->c;
	unsigned int i, n, rq, at = 0, nr = c->rqs * nr_offered(c);

	for (rq = 0; rq < c->rqs; rq++)
		for (n = 0; n < nr_given(c); n++)
			bio_make(run, at++, rq, given_piece(c, n));
	for (i = 0; i < nr; i++) {
		rq = c->in_turn ? i % c->rqs : i / nr_offered(c);
		n = c->in_turn ? i / c->rqs : i % nr_offered(c);
		bio_make(run, at++, rq, offered_piece(c, n));
	}
	bio_make(run, at, c->rqs, 0);
}

static struct pb_request_queue *queue_make(struct runner *run)
{
	static const struct pb_blk_mq_ops ops = { .queue_rq = queue_rq };
	static struct pb_blk_mq_tag_set set = { .ops = &ops };
	const struct merge_case *c = run->c;
	const struct pb_queue_limits lim = {
		.max_hw_sectors = c->max_sectors ? c->max_sectors : 32768,
		.max_user_sectors = c->max_sectors ? c->max_sectors : 32768,
		.max_segments = c->max_segments ? c->max_segments : 512,
		.max_segment_size = UINT32_MAX,
		.virt_boundary_mask = c->virt_boundary_mask,
		.dma_alignment = 3,
	};
	struct pb_request_queue *q;

	set.queue_depth = run->nr_bios;
	q = bench_queue(&bench, run->repr, &set, &lim, run);
	if (run->repr->elevator_change(q, wheres[c->where].scheduler))
		bench_die(&bench, "%s: no scheduler", c->name);
	return q;
}

static void *runner_up(const void *stage, const struct physbio_repr *repr)
{
	struct runner *run = bench_alloc(&bench, 1, sizeof(*run));
	const struct merge_case *c = stage;
	unsigned int nr = c->rqs * c->pieces + 1;

	run->c = c;
	run->repr = repr;
	run->nr_bios = nr;
	run->bios = bench_alloc(&bench, nr, sizeof(run->bios[0]));
	run->fresh = bench_alloc(&bench, nr, sizeof(run->fresh[0]));
	run->pages = bench_alloc(&bench, nr, sizeof(run->pages[0]));
	run->vecs = bench_alloc(&bench, nr, repr->bvec_size);
	run->taken = bench_alloc(&bench, nr, sizeof(run->taken[0]));
	run->rqs = bench_alloc(&bench, c->rqs, sizeof(run->rqs[0]));
	run->plugs = bench_alloc(&bench, c->rqs, sizeof(run->plugs[0]));
	run->q = queue_make(run);
	run->bdev.bd_queue = run->q;
	run->bdev.bd_nr_sectors = (c->rqs + 1) * SPAN;
	bios_make(run);
	verify(run);
	return run;
}

static void runner_down(void *arg)
{
	struct runner *run = arg;

	queue_empty(run);
	run->repr->blk_mq_destroy_queue(run->q);
	free(run->plugs);
	free(run->rqs);
	free(run->taken);
	free(run->vecs);
	free(run->pages);
	free(run->fresh);
	free(run->bios);
	free(run);
}

static void bench_case(const struct merge_case *c)
{
	const struct bench_stage stage = {
		.name = c->name,
		.units = c->rqs * nr_offered(c),
		.up = runner_up,
		.down = runner_down,
		.ready = wheres[c->where].ready,
		.run = wheres[c->where].run,
		.stage = c,
	};

	if (bench_wanted(&bench, c->name))
		bench_time_stage(&bench, &stage);
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	mem = bench_ram(&bench, (uint64_t)NR_PAGES * PAGE);
	bench_note_memory(&bench, mem, BENCH_RAM, "made up");
	bench_note(
		&bench, "shown",
		"ns for one bio that is offered; reads of 4 KiB, with a gap or touching within a page 2 KiB; submitted bios are split and given to a driver that keeps them");
	for (i = 0; i < NR_CASES; i++)
		bench_case(&cases[i]);
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
