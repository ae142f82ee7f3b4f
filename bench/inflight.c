// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What an I/O costs while many others are in flight: one ends and the next one is
 * submitted, so that their number stays. Says what the engine adds to the cache misses
 * that so much memory costs anyway: a bare loop touches the same lines in the same
 * order. Who waits for what, and for how long, is not looked at.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../src/repr/ops.h"
#include "driver.h"
#include "harness.h"

#define PAGE 4096u
#define START ((pb_phys_addr_t)4 << 30) /* of the memory that is read into */
#define NR_ORDER 896u /* I/Os in a sample */
#define LINE 64u
#define HUGE ((uintptr_t)2 << 20)

/* Of Linux 6.1, and not of its C library. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static struct bench bench = {
	.name = "inflight",
	.title =
		"an I/O while many others are in flight: page vectors against physical ones",
	.rounds = 150,
};

/* --- what is compared --- */

/* I/Os in flight: they end in the order that they came in, or at random. */
static const unsigned int numbers[] = { 1, 32, 1000, 32000, 1000000 };

#define NR_NUMBERS ((int)(sizeof(numbers) / sizeof(numbers[0])))

static void case_name(char name[80], unsigned int nr, bool random)
{
	snprintf(name, 80, "%u in flight%s", nr, random ? ", at random" : "");
}

static const struct entrant {
	const char *name;
	const struct physbio_repr *repr; /* NULL: no engine, the bytes alone */
	bool look_ahead; /* the driver fetches what the next ends will need */
} entrants[] = {
	{ "page", &page_physbio_repr, false },
	{ "phys", &phys_physbio_repr, false },
	{ "page, look ahead", &page_physbio_repr, true },
	{ "phys, look ahead", &phys_physbio_repr, true },
	{ "bytes alone", NULL, false },
};

#define NR_ENTRANTS ((int)(sizeof(entrants) / sizeof(entrants[0])))

/* --- memory --- */

static struct physbio_mem *mem;

/* Page structs that no other contestant has brought into the cache. */
#define BUFFERS ((pb_phys_addr_t)4 << 30)

static void memory_make(void)
{
	const struct physbio_mem_range range = {
		.start = START,
		.size = NR_ENTRANTS * BUFFERS,
		.kind = PHYSBIO_MEM_RAM_EMPTY,
		.nid = bench.node,
	};

	if (physbio_mem_create(&range, 1, &mem, NULL))
		bench_die(&bench, "no memory map");
}

/*
 * On huge pages, as all that the kernel allocates is: its own map of memory has no
 * others. Return: false if there are none.
 */
static bool make_huge(void *addr, size_t size)
{
	uintptr_t first = ((uintptr_t)addr + HUGE - 1) & ~(HUGE - 1);
	uintptr_t end = ((uintptr_t)addr + size) & ~(HUGE - 1);

	return first >= end ||
	       !madvise((void *)first, end - first, MADV_COLLAPSE);
}

/* What is touched later comes on huge pages, and need not be copied there. */
static void want_huge(void *addr, size_t size)
{
	uintptr_t first = ((uintptr_t)addr + HUGE - 1) & ~(HUGE - 1);
	uintptr_t end = ((uintptr_t)addr + size) & ~(HUGE - 1);

	if (first < end)
		madvise((void *)first, end - first, MADV_HUGEPAGE);
}

/* Zeroed, and huge from the start. */
static void *alloc_huge(size_t size)
{
	void *p = aligned_alloc(HUGE, (size + HUGE - 1) / HUGE * HUGE);

	if (!p)
		bench_die(&bench, "no memory");
	want_huge(p, size);
	return memset(p, 0, size);
}

/* --- an I/O --- */

struct io {
	struct pb_bio bio;
	uint64_t vecs[2]; /* of any representation, behind the bio as in the kernel */
	struct pb_page *page;
	struct runner *run;
} __attribute__((aligned(LINE)));

/* What the engine has for each request: itself, and the driver's memory behind. */
#define RQ_SIZE                                                               \
	((sizeof(struct pb_request) + sizeof(struct pb_nvme_iod) + 15) / 16 * \
	 16)

struct runner {
	const struct entrant *e;
	const struct physbio_repr *repr;
	unsigned int nr; /* I/Os in flight */
	pb_phys_addr_t memory; /* a page for each */
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	struct physbio_xlate xlate;
	struct pb_device dev;
	struct pb_nvme_iod iod; /* as each request's begins */
	struct io *ios;
	char *rqs; /* the engine's, or as much memory */
	struct pb_request **in_flight;
	unsigned int at; /* of in_flight: who goes next */
	struct io *ended;
	unsigned int order[NR_ORDER]; /* in which they end, places in in_flight */
	bool random;
	unsigned int next; /* in order: where the next sample begins */
	pb_blk_status_t status; /* the last that was no success */
};

/* As pin_user_pages() has done it when there is a bio: the page is in the cache then. */
static void io_pin(const struct io *io)
{
	__atomic_fetch_add(&io->page->refcount.counter, 1 << 10,
			   __ATOMIC_RELAXED);
}

static void io_end(struct pb_bio *bio)
{
	struct io *io = bio->bi_private;
	struct runner *run = io->run;

	if (bio->bi_status)
		run->status = bio->bi_status;
	run->repr->bio_release_pages(bio, true);
	run->ended = io;
}

static struct pb_bio_vec *io_table(struct io *io)
{
	return (struct pb_bio_vec *)(void *)io->vecs;
}

static pb_phys_addr_t io_memory(const struct runner *run, const struct io *io)
{
	return run->memory + (pb_phys_addr_t)(io - run->ios) * PAGE;
}

/* Sectors far apart: nothing is merged. */
static void io_submit(struct runner *run, struct io *io)
{
	const struct physbio_repr *repr = run->repr;
	struct pb_bio *bio = &io->bio;

	io_pin(io);
	repr->bio_init(bio, &run->bdev, io_table(io), 1, PB_REQ_OP_READ);
	bio->bi_iter.bi_sector = (pb_sector_t)(io - run->ios) * 64;
	bio->bi_private = io;
	bio->bi_end_io = io_end;
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	if (repr == &page_physbio_repr)
		repr->bio_add_page(bio, io->page, PAGE, 0);
	else
		repr->bio_add_phys(bio, io_memory(run, io), PAGE);
	repr->submit_bio(bio);
}

/* --- the driver --- */

static pb_blk_status_t queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				const struct pb_blk_mq_queue_data *bd)
{
	struct runner *run = pb_queue_data(pb_hctx_queue(hctx));
	struct pb_nvme_iod *iod = pb_blk_mq_rq_to_pdu(bd->rq);

	run->repr->blk_mq_start_request(bd->rq);
	run->in_flight[run->at] = bd->rq;
	*iod = run->iod;
	return run->repr->nvme_map_data(bd->rq, &run->dev, iod);
}

static void complete(struct runner *run, struct pb_request *rq)
{
	run->repr->nvme_unmap_data(rq, &run->dev, pb_blk_mq_rq_to_pdu(rq));
	run->repr->blk_mq_end_request(rq, PB_BLK_STS_OK);
}

/* An asm stands at its end: what only fetches is taken for doing nothing. */
static void fetch(const void *addr, size_t size)
{
	const char *p = addr;

	for (; size > LINE; size -= LINE, p += LINE)
		__builtin_prefetch(p, 1);
	__builtin_prefetch(p, 1);
	__asm__ volatile("");
}

#define AHEAD 8u /* I/Os between one step and the next */

static struct pb_request *request_ahead(const struct runner *run,
					unsigned int i, unsigned int steps)
{
	i += steps * AHEAD;
	return i < NR_ORDER ? run->in_flight[run->order[i]] : NULL;
}

/*
 * The completion queue says who comes next. One pointer after the other is followed, each
 * when it has come.
 */
static void look_ahead(const struct runner *run, unsigned int i)
{
	const struct pb_request *rq;

	if (i + 4 * AHEAD < NR_ORDER)
		fetch(&run->in_flight[run->order[i + 4 * AHEAD]], 1);
	rq = request_ahead(run, i, 3);
	if (rq)
		fetch(rq, RQ_SIZE);
	rq = request_ahead(run, i, 2);
	if (rq)
		fetch(rq->bio, sizeof(struct io));
	rq = request_ahead(run, i, 1);
	if (rq)
		fetch(((const struct io *)rq->bio)->page,
		      sizeof(struct pb_page));
}

static void run_engine(void *arg)
{
	struct runner *run = arg;
	unsigned int i;

	for (i = 0; i < NR_ORDER; i++) {
		if (run->e->look_ahead)
			look_ahead(run, i);
		run->at = run->order[i];
		complete(run, run->in_flight[run->at]);
		io_submit(run, run->ended);
	}
}

/* --- the same lines without an engine --- */

static void touch(void *addr, size_t size)
{
	volatile uint64_t *p = addr;
	size_t i;

	for (i = 0; i < size / sizeof(*p); i += LINE / sizeof(*p))
		p[i]++;
}

static void run_bytes(void *arg)
{
	struct runner *run = arg;
	unsigned int i;

	for (i = 0; i < NR_ORDER; i++) {
		unsigned int at = run->order[i];
		struct io *io = &run->ios[at];

		touch(run->rqs + at * RQ_SIZE, RQ_SIZE);
		touch(io, sizeof(*io));
		touch(io->page, sizeof(*io->page));
		touch(&run->in_flight[at], sizeof(run->in_flight[at]));
	}
}

/* --- one contestant --- */

static uint64_t random_u64(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 8;
}

static void next_order(struct runner *run)
{
	unsigned int i;

	for (i = 0; i < NR_ORDER; i++)
		run->order[i] = run->random ?
					(unsigned int)(random_u64() % run->nr) :
					(run->next + i) % run->nr;
	run->next = (run->next + NR_ORDER) % run->nr;
}

static void run_entrant(void *arg)
{
	struct runner *run = arg;

	if (!run->repr)
		run_bytes(run);
	else
		run_engine(run);
}

/* The code is warm when the clock starts, and what is in flight is as it was. */
static void ready(void *arg)
{
	next_order(arg);
	run_entrant(arg);
	next_order(arg);
}

static void queue_up(struct runner *run)
{
	static const struct pb_blk_mq_ops ops = { .queue_rq = queue_rq };
	static const struct pb_queue_limits limits = {
		.max_hw_sectors = 1024,
		.max_segments = 128,
		.dma_alignment = 3,
	};
	struct pb_blk_mq_tag_set set = {
		.ops = &ops,
		.queue_depth = run->nr,
		.cmd_size = sizeof(struct pb_nvme_iod),
		.numa_node = bench.node,
	};

	run->q = bench_queue(&bench, run->repr, &set, &limits, run);
	run->repr->xlate_init_identity(&run->xlate);
	run->dev.xlate = &run->xlate;
	run->dev.dma_mask = UINT64_MAX;
	run->bdev.bd_queue = run->q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
}

/* As many as there are to be. */
static void fill(struct runner *run)
{
	for (run->at = 0; run->at < run->nr; run->at++) {
		io_submit(run, &run->ios[run->at]);
		if (!run->in_flight[run->at]->tag)
			run->rqs = (char *)run->in_flight[run->at];
	}
}

static void ios_make(struct runner *run)
{
	unsigned int i;

	run->ios = alloc_huge(run->nr * sizeof(*run->ios));
	run->in_flight = alloc_huge(run->nr * sizeof(*run->in_flight));
	for (i = 0; i < run->nr; i++) {
		run->ios[i].run = run;
		run->ios[i].page =
			physbio_mem_page(mem, io_memory(run, &run->ios[i]));
	}
	want_huge(run->ios[0].page, run->nr * sizeof(struct pb_page));
}

static bool all_huge;

static void runner_up(struct runner *run)
{
	unsigned int i;

	ios_make(run);
	if (run->repr) {
		queue_up(run);
		fill(run);
	} else {
		run->rqs = alloc_huge(run->nr * RQ_SIZE);
		for (i = 0; i < run->nr; i++)
			touch(run->ios[i].page, sizeof(struct pb_page));
	}
	all_huge &= make_huge(run->ios, run->nr * sizeof(*run->ios));
	all_huge &= make_huge(run->rqs, run->nr * RQ_SIZE);
	all_huge &=
		make_huge(run->ios[0].page, run->nr * sizeof(struct pb_page));
}

/* Everything ends, and nothing is left of it. */
static void runner_down(struct runner *run)
{
	unsigned int i;

	for (i = 0; run->repr && i < run->nr; i++)
		complete(run, run->in_flight[i]);
	if (physbio_mem_pinned(mem, run->memory, (uint64_t)run->nr * PAGE))
		bench_die(&bench, "%s: pages are still pinned", run->e->name);
	if (run->repr)
		run->repr->blk_mq_destroy_queue(run->q);
	else
		free(run->rqs);
	free(run->ios);
	free(run->in_flight);
}

/* Each I/O is in flight once, and the device is told of its own memory. */
static void verify(const struct runner *run)
{
	bool *seen = bench_alloc(&bench, run->nr, sizeof(*seen));
	unsigned int i;

	for (i = 0; i < run->nr; i++) {
		struct pb_request *rq = run->in_flight[i];
		const struct pb_nvme_iod *iod = pb_blk_mq_rq_to_pdu(rq);
		const struct io *io = rq->bio->bi_private;
		uint64_t want = io_memory(run, io);

		if (seen[io - run->ios] || run->status ||
		    le64toh((PB_FORCE uint64_t)iod->dptr.prp.prp1) != want ||
		    iod->len != PAGE)
			bench_die(
				&bench,
				"%s: I/O %u of %u is not in flight as it should be",
				run->e->name, i, run->nr);
		seen[io - run->ios] = true;
	}
	free(seen);
}

/* --- cases --- */

/* What takes long to set up, and has more misses than noise, has fewer rounds. */
static void time_case(const char *name, const struct bench_contestant *c,
		      unsigned int nr)
{
	const int rounds = bench.rounds;

	if (nr > 1000)
		bench.rounds = (rounds + 2) / 3;
	bench_time(&bench, name, NR_ORDER, c, NR_ENTRANTS);
	bench.rounds = rounds;
}

static void verify_all(const struct runner *runners)
{
	int i;

	for (i = 0; i < NR_ENTRANTS; i++)
		if (runners[i].repr)
			verify(&runners[i]);
}

static void bench_case(struct runner *runners, unsigned int nr, bool random)
{
	struct bench_contestant c[NR_ENTRANTS];
	char name[80];
	int i;

	case_name(name, nr, random);
	for (i = 0; i < NR_ENTRANTS; i++) {
		runners[i].random = random;
		c[i] = (struct bench_contestant){
			.name = entrants[i].name,
			.ready = ready,
			.run = run_entrant,
			.arg = &runners[i],
		};
	}
	time_case(name, c, nr);
	for (i = 0; i < NR_ENTRANTS; i++)
		bench_value(&bench, entrants[i].name, "bytes_in_flight",
			    (double)(RQ_SIZE + sizeof(struct io) +
				     sizeof(struct pb_page)));
}

static void bench_number(unsigned int nr, bool in_order, bool random)
{
	static struct runner runners[NR_ENTRANTS];
	int i;

	memset(runners, 0, sizeof(runners));
	for (i = 0; i < NR_ENTRANTS; i++) {
		runners[i].e = &entrants[i];
		runners[i].repr = entrants[i].repr;
		runners[i].nr = nr;
		runners[i].memory = START + (pb_phys_addr_t)i * BUFFERS;
		runner_up(&runners[i]);
	}
	verify_all(runners);
	if (in_order)
		bench_case(runners, nr, false);
	if (random)
		bench_case(runners, nr, true);
	verify_all(runners);
	for (i = 0; i < NR_ENTRANTS; i++)
		runner_down(&runners[i]);
}

static uint64_t physical_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) *
	       (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Both orders of so many: what is in flight is made once. */
static void consider(unsigned int nr)
{
	const uint64_t need =
		(uint64_t)nr * NR_ENTRANTS * 2 * (RQ_SIZE + sizeof(struct io));
	bool wanted[2] = { false, false };
	char name[80];
	int random;

	for (random = 0; random < (nr > NR_ORDER ? 2 : 1); random++) {
		case_name(name, nr, random);
		wanted[random] = bench_wanted(&bench, name);
		if (wanted[random] && need > physical_memory()) {
			bench_skip(&bench, name, "too little memory");
			wanted[random] = false;
		}
	}
	if (wanted[0] || wanted[1])
		bench_number(nr, wanted[0], wanted[1]);
}

int main(int argc, char **argv)
{
	int i;

	all_huge = true;
	bench_start(&bench, argc, argv);
	memory_make();
	bench_note_memory(&bench, mem, START, "made up");
	bench_note(&bench, "shown",
		   "ns of one I/O of 4 KiB: one ends, the next is submitted");
	for (i = 0; i < NR_NUMBERS; i++)
		consider(numbers[i]);
	bench_note(&bench, "pages", "%s",
		   all_huge ?
			   "requests, bios and page structs are on huge pages" :
			   "not all on huge pages: the kernel gives none");
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
