// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads that map, complete, look up, plug and unplug the same memory at once. Removed
 * memory is inaccessible, so a touch that comes too late ends the process. Every role and
 * every race is counted, and one that never happened fails the test: what was not tried
 * was not tested.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <physbio/hotplug.h>
#include <physbio/lifetime.h>
#include <physbio/memremap.h>
#include <physbio/rescache.h>
#include <physbio/resolve.h>
#include <physbio/xlate.h>

#include "../unit/access.h"

#define PG ((pb_phys_addr_t)PB_PAGE_SIZE)
#define BLOCK PHYSBIO_HOTPLUG_ALIGN
#define START ((pb_phys_addr_t)0x10000000)
/* Each in a section of its own, as the caches are by section. */
#define STRIDE ((pb_phys_addr_t)PB_PAGES_PER_SECTION << PB_PAGE_SHIFT)
#define NR_RANGES 4
#define MAX_VECS 8
#define IOS 64 /* of a submitter */

/* Ranges 0 and 1 are RAM, 2 and 3 a peer's; every one comes and goes. */
static const struct physbio_region regions[2] = {
	{ .start = START + 2 * STRIDE, .size = BLOCK, .id = 0 },
	{ .start = START + 3 * STRIDE, .size = BLOCK, .id = 1 },
};

static const struct physbio_mem_range ranges[NR_RANGES] = {
	{ START, BLOCK, PHYSBIO_MEM_RAM, -1, NULL },
	{ START + STRIDE, BLOCK, PHYSBIO_MEM_RAM, -1, NULL },
	{ START + 2 * STRIDE, BLOCK, PHYSBIO_MEM_BAR, -1, &regions[0] },
	{ START + 3 * STRIDE, BLOCK, PHYSBIO_MEM_BAR, -1, &regions[1] },
};

/* --- what happened --- */

enum count {
	SUBMITTED,
	COMPLETED,
	LOOKED_UP,
	REMOVED,
	PLUGGED_BACK, /* offline, but added before it was removed */
	INVALIDATED,
	REFUSED_SEGMENT,
	REFUSED_BIO,
	REFUSED_EPOCH,
	REFUSED_PIN,
	COMPLETED_LEAVING_SEGMENT,
	COMPLETED_LEAVING_BIO,
	COMPLETED_LEAVING_EPOCH,
	COMPLETED_LEAVING_PIN,
	FOUND_LEAVING, /* a page of a range that is going away */
	LOST, /* no page any more */
	STALE_OWN,
	STALE_SHARED,
	STALE_COPY, /* no reference on what was found before */
	KEPT_COPY, /* a reference on it, and used */
	WAITED, /* a range in use could not be removed at once */
	NR_COUNTS,
};

static const char *const count_names[NR_COUNTS] = {
	[SUBMITTED] = "I/O submitted",
	[COMPLETED] = "I/O completed",
	[LOOKED_UP] = "lookups in read sections",
	[REMOVED] = "ranges removed and plugged again",
	[PLUGGED_BACK] = "ranges offline and back",
	[INVALIDATED] = "invalidations of the shared cache",
	[REFUSED_SEGMENT] = "refused: reference per segment",
	[REFUSED_BIO] = "refused: reference per bio",
	[REFUSED_EPOCH] = "refused: epoch",
	[REFUSED_PIN] = "refused: pin",
	[COMPLETED_LEAVING_SEGMENT] = "completed during unplug: segment",
	[COMPLETED_LEAVING_BIO] = "completed during unplug: bio",
	[COMPLETED_LEAVING_EPOCH] = "completed during unplug: epoch",
	[COMPLETED_LEAVING_PIN] = "completed during unplug: pin",
	[FOUND_LEAVING] = "page found during unplug",
	[LOST] = "page not found",
	[STALE_OWN] = "stale entries met: a thread's cache",
	[STALE_SHARED] = "stale entries met: the shared cache",
	[STALE_COPY] = "stale copies refused a reference",
	[KEPT_COPY] = "fresh copies given a reference",
	[WAITED] = "removals that had to wait",
};

static unsigned long counts[NR_COUNTS];

static void count(enum count what)
{
	__atomic_fetch_add(&counts[what], 1, __ATOMIC_RELAXED);
}

static unsigned long counted(enum count what)
{
	return __atomic_load_n(&counts[what], __ATOMIC_RELAXED);
}

static bool all_happened(void)
{
	unsigned int i;

	for (i = 0; i < NR_COUNTS; i++)
		if (!counted((enum count)i))
			return false;
	return true;
}

static unsigned long ops(void)
{
	return counted(SUBMITTED) + counted(COMPLETED) + counted(LOOKED_UP);
}

/* --- shared --- */

static struct physbio_mem *mem;
static struct physbio_rescache_shared *shared;
static struct physbio_xlate xlate;
static struct pb_device device;
static unsigned long seed = 1;
static int stopped;
static int submitted_all;
static int leaving[NR_RANGES]; /* offline, and not removed yet */

static bool stop(void)
{
	return __atomic_load_n(&stopped, __ATOMIC_ACQUIRE);
}

static bool is_leaving(pb_phys_addr_t paddr)
{
	return __atomic_load_n(&leaving[(paddr - START) / STRIDE],
			       __ATOMIC_SEQ_CST);
}

static void die(const char *what, long value)
{
	fprintf(stderr, "stress_hotplug: %s: %ld\n", what, value);
	exit(1);
}

static void check(int err, const char *what)
{
	if (err)
		die(what, err);
}

struct role {
	pthread_t thread;
	uint64_t random;
};

static uint64_t next_random(struct role *role)
{
	role->random ^= role->random << 13;
	role->random ^= role->random >> 7;
	role->random ^= role->random << 17;
	return role->random >> 11;
}

static pb_phys_addr_t random_page(struct role *role)
{
	uint64_t r = next_random(role);

	return START + (pb_phys_addr_t)(r % NR_RANGES) * STRIDE +
	       (pb_phys_addr_t)(r / NR_RANGES % 64) * PG;
}

/* --- who submits --- */

#define PIN PHYSBIO_NR_LIFETIMES /* in the place of a lifetime */

enum state {
	FREE,
	IN_FLIGHT,
	CLAIMED /* by the one who submits or completes it */
};

struct io {
	int state;
	unsigned int lifetime;
	struct physbio_hold hold;
	struct pb_bio bio;
	struct pb_bio_vec vecs[MAX_VECS];
	pb_dma_addr_t addrs[MAX_VECS];
};

static struct io *ios;
static unsigned int nr_ios;

static void io_fill(struct io *io, struct role *role)
{
	unsigned int nr = 1 + (unsigned int)(next_random(role) % MAX_VECS);
	pb_phys_addr_t first = random_page(role), at;
	unsigned int i;

	pb_bio_init(&io->bio, NULL, io->vecs, MAX_VECS, PB_REQ_OP_READ);
	for (i = 0; i < nr; i++) {
		at = random_page(role);
		/* most bios are in one range */
		if (next_random(role) % 4)
			at = first / STRIDE * STRIDE + at % STRIDE;
		if (!pb_bio_add_phys(&io->bio, at, PB_PAGE_SIZE))
			break;
	}
}

static void io_unpin(struct io *io, unsigned int nr)
{
	io->bio.bi_vcnt = (unsigned short)nr;
	pb_bio_set_flag(&io->bio, PB_BIO_PAGE_PINNED);
	pb_bio_release_pages(&io->bio, true);
}

static int io_pin(struct io *io)
{
	unsigned int i;
	int err;

	for (i = 0; i < io->bio.bi_vcnt; i++) {
		err = physbio_mem_pin(mem, io->vecs[i].bv_paddr,
				      io->vecs[i].bv_len);
		if (err) {
			io_unpin(io, i);
			return err;
		}
	}
	return 0;
}

static int io_hold(struct io *io)
{
	if (io->lifetime == PIN)
		return io_pin(io);
	return physbio_lifetime((enum physbio_lifetime_id)io->lifetime)
		->get(&io->hold, &io->bio);
}

static void io_map(struct io *io)
{
	unsigned int i;

	for (i = 0; i < io->bio.bi_vcnt; i++) {
		io->addrs[i] = pb_dma_map_phys(&device, io->vecs[i].bv_paddr,
					       io->vecs[i].bv_len,
					       PB_DMA_FROM_DEVICE, 0);
		check(pb_dma_mapping_error(&device, io->addrs[i]), "map");
	}
}

/* False: it was refused. */
static bool io_prepare(struct io *io, struct role *role)
{
	int err;

	io->lifetime =
		(unsigned int)(next_random(role) % (PHYSBIO_NR_LIFETIMES + 1));
	io_fill(io, role);
	err = io_hold(io);
	if (!err) {
		io_map(io);
		count(SUBMITTED);
		return true;
	}
	if (err != (io->lifetime == PIN ? -EFAULT : -ENODEV))
		die("refused with", err);
	count((enum count)(REFUSED_SEGMENT + io->lifetime));
	return false;
}

static bool io_claim(struct io *io, int from)
{
	return __atomic_compare_exchange_n(&io->state, &from, CLAIMED, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void io_release(struct io *io, int to)
{
	__atomic_store_n(&io->state, to, __ATOMIC_RELEASE);
}

static void *submitter(void *arg)
{
	struct role *role = arg;
	unsigned int i = 0;

	for (; !stop(); i++) {
		struct io *io = &ios[next_random(role) % nr_ios];

		if (io_claim(io, FREE))
			io_release(io, io_prepare(io, role) ? IN_FLIGHT : FREE);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* --- who completes --- */

/* The device writes, and the page is touched, as long as it is held. */
static void entry_complete(const struct pb_bio_vec *bv, pb_dma_addr_t addr)
{
	uint32_t *bytes = physbio_mem_virt(mem, bv->bv_paddr);
	struct pb_page *page = physbio_mem_page(mem, bv->bv_paddr);
	pb_phys_addr_t at;

	if (!bytes || !page)
		die("a held page is gone", (long)(bv->bv_paddr / PG));
	for (at = 0; at < bv->bv_len; at += PG)
		__atomic_fetch_add(bytes + at / sizeof(*bytes), 1,
				   __ATOMIC_RELAXED);
	__atomic_fetch_or(&page->flags, PB_PG_dirty, __ATOMIC_RELAXED);
	pb_dma_unmap_phys(&device, addr, bv->bv_len, PB_DMA_FROM_DEVICE, 0);
}

static void io_complete(struct io *io)
{
	bool during = false;
	unsigned int i;

	for (i = 0; i < io->bio.bi_vcnt; i++) {
		entry_complete(&io->vecs[i], io->addrs[i]);
		during |= is_leaving(io->vecs[i].bv_paddr);
	}
	if (during)
		count((enum count)(COMPLETED_LEAVING_SEGMENT + io->lifetime));
	count(COMPLETED);
	if (io->lifetime == PIN)
		io_unpin(io, io->bio.bi_vcnt);
	else
		physbio_lifetime((enum physbio_lifetime_id)io->lifetime)
			->put(&io->hold, &io->bio);
}

static bool complete_some(unsigned int from, unsigned int nr)
{
	bool any = false;

	for (; nr; nr--, from++) {
		struct io *io = &ios[from % nr_ios];

		if (!io_claim(io, IN_FLIGHT))
			continue;
		io_complete(io);
		io_release(io, FREE);
		any = true;
	}
	return any;
}

/* Goes on as long as there is something, as others may wait for it. */
static void *completer(void *arg)
{
	struct role *role = arg;

	while (!__atomic_load_n(&submitted_all, __ATOMIC_ACQUIRE)) {
		complete_some((unsigned int)next_random(role), 32);
		sched_yield();
	}
	while (complete_some(0, nr_ios))
		;
	return NULL;
}

/* --- who looks up --- */

/* What was found can be touched until the section ends, however long it takes. */
static void page_touch(struct pb_page *page, pb_phys_addr_t paddr,
		       struct role *role)
{
	const uint32_t *bytes = physbio_mem_virt(mem, paddr);

	if (next_random(role) % 64 == 0)
		sched_yield();
	(void)__atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	if (pb_page_to_phys(page) != paddr)
		die("another page", (long)(paddr / PG));
	if (bytes)
		(void)__atomic_load_n(bytes, __ATOMIC_RELAXED);
	count(is_leaving(paddr) ? FOUND_LEAVING : LOOKED_UP);
}

static void look_up(struct physbio_rescache *own, struct role *role)
{
	pb_phys_addr_t paddr = random_page(role);
	unsigned int idx = physbio_read_lock();
	struct pb_page *page;
	int err = 0;

	switch (next_random(role) % 4) {
	case 0:
		page = physbio_mem_page(mem, paddr);
		break;
	case 1:
		err = physbio_rescache_page(own, paddr, &page);
		break;
	default:
		err = physbio_rescache_shared_page(shared, paddr, &page);
		break;
	}
	if (!err && page)
		page_touch(page, paddr, role);
	else
		count(LOST);
	physbio_read_unlock(idx);
	if (err && err != -ENODEV)
		die("lookup", err);
}

/* A copy from before: a reference, or it is not touched. */
static void copy_use(const struct physbio_pages *copy)
{
	struct pb_page *page = copy->page;

	if (!copy->nr)
		return;
	if (!physbio_pages_get(copy)) {
		count(STALE_COPY);
		return;
	}
	(void)__atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	count(KEPT_COPY);
	pb_put_dev_pagemap(copy->pgmap);
}

static void *looker(void *arg)
{
	struct physbio_pages copies[16] = { { 0 } };
	struct physbio_rescache own;
	struct role *role = arg;
	unsigned long i;

	check(physbio_rescache_init(&own, 4), "cache");
	for (i = 0; !stop(); i++) {
		struct physbio_pages *copy = &copies[next_random(role) % 16];

		look_up(&own, role);
		if (i % 8 == 0)
			copy_use(copy);
		if (i % 64 == 0)
			physbio_pages_at(random_page(role), copy);
		if (i % 64 == 0)
			sched_yield();
		if (i % 1024 == 0) {
			physbio_rescache_shared_invalidate(
				shared, random_page(role), PG);
			count(INVALIDATED);
			__atomic_fetch_add(&counts[STALE_OWN], own.stats.stale,
					   __ATOMIC_RELAXED);
			own.stats.stale = 0;
		}
	}
	physbio_rescache_destroy(&own);
	return NULL;
}

/* --- who plugs --- */

static void range_go(unsigned int i, bool look)
{
	pb_phys_addr_t start = ranges[i].start;
	struct pb_page *page = physbio_mem_page(mem, start);
	char *bytes = physbio_mem_virt(mem, start);
	int err = physbio_mem_remove(mem, start, 0);

	if (err == -EBUSY) {
		count(WAITED);
		err = physbio_mem_remove(mem, start, -1);
	}
	check(err, "remove");
	__atomic_store_n(&leaving[i], 0, __ATOMIC_SEQ_CST);
	if (look && (accessible(page) || accessible(bytes) ||
		     accessible(bytes + BLOCK - 1) ||
		     accessible(page + PB_PAGES_PER_SUBSECTION - 1)))
		die("a removed range can be touched", (long)i);
	sched_yield();
	check(physbio_mem_add(mem, start), "add");
	count(REMOVED);
}

/* Offline and back: in use or not, it must go on working. */
static void range_return(unsigned int i)
{
	int err;

	do {
		err = physbio_mem_add(mem, ranges[i].start);
		sched_yield();
	} while (err == -EBUSY);
	check(err, "add back");
	__atomic_store_n(&leaving[i], 0, __ATOMIC_SEQ_CST);
	count(PLUGGED_BACK);
}

static void *plugger(void *arg)
{
	struct role *role = arg;
	unsigned long n;

	for (n = 0; !stop(); n++) {
		unsigned int i = (unsigned int)(next_random(role) % NR_RANGES);

		__atomic_store_n(&leaving[i], 1, __ATOMIC_SEQ_CST);
		check(physbio_mem_offline(mem, ranges[i].start), "offline");
		sched_yield();
		if (n % 4 == 3)
			range_return(i);
		else
			range_go(i, n % 8 == 0);
		sched_yield();
	}
	return NULL;
}

/* --- the run --- */

struct options {
	long seconds, ops, threads;
};

enum kind {
	SUBMIT,
	COMPLETE,
	LOOK_UP,
	NR_KINDS
};

static void roles_start(struct role *roles, long nr)
{
	void *(*const kinds[])(void *) = { submitter, completer, looker };
	long i;

	for (i = 0; i <= nr; i++) {
		roles[i].random = (seed + (uint64_t)i) * 0x9e3779b97f4a7c15u;
		check(pthread_create(&roles[i].thread, NULL,
				     i == nr ? plugger : kinds[i % NR_KINDS],
				     &roles[i]),
		      "thread");
	}
}

/* Who completes is last: the others may wait for it. */
static void roles_stop(struct role *roles, long nr)
{
	long i;

	__atomic_store_n(&stopped, 1, __ATOMIC_RELEASE);
	for (i = 0; i <= nr; i++)
		if (i == nr || i % NR_KINDS != COMPLETE)
			pthread_join(roles[i].thread, NULL);
	__atomic_store_n(&submitted_all, 1, __ATOMIC_RELEASE);
	for (i = COMPLETE; i < nr; i += NR_KINDS)
		pthread_join(roles[i].thread, NULL);
}

/* The shared cache counts stale entries itself. */
static bool enough(const struct options *o, long seconds)
{
	struct physbio_rescache_stats stats;

	physbio_rescache_shared_stats(shared, &stats);
	__atomic_store_n(&counts[STALE_SHARED], stats.stale, __ATOMIC_RELAXED);
	if (seconds >= 10 * o->seconds + 30)
		return true;
	return seconds >= o->seconds && ops() >= (unsigned long)o->ops &&
	       all_happened();
}

static void run(const struct options *o)
{
	struct role *roles = calloc((size_t)o->threads + 1, sizeof(*roles));
	const struct timespec second = { .tv_sec = 1 };
	long seconds = 0;

	if (!roles)
		die("no memory", 0);
	roles_start(roles, o->threads);
	do {
		nanosleep(&second, NULL);
		seconds++;
	} while (!enough(o, seconds));
	roles_stop(roles, o->threads);
	printf("%ld s, %ld threads and one that plugs, seed %lu\n", seconds,
	       o->threads, seed);
	free(roles);
}

/* Nothing is in flight: each range goes at once, and no pin is left. */
static void balance(void)
{
	struct physbio_error error;
	unsigned int i;

	for (i = 0; i < NR_RANGES; i++) {
		if (physbio_mem_pinned(mem, ranges[i].start, BLOCK))
			die("pins are left in range", (long)i);
		check(physbio_mem_offline(mem, ranges[i].start), "offline");
		check(physbio_mem_remove(mem, ranges[i].start, 0),
		      "something is still held");
	}
	if (physbio_mem_underflows(&error)) {
		fprintf(stderr, "stress_hotplug: %s\n", error.message);
		exit(1);
	}
}

static int report(const struct options *o)
{
	int failed = ops() < (unsigned long)o->ops;
	unsigned int i;

	for (i = 0; i < NR_COUNTS; i++) {
		printf("%12lu  %s%s\n", counts[i], count_names[i],
		       counts[i] ? "" : "  NEVER HAPPENED");
		failed |= !counts[i];
	}
	printf("%12lu  operations, %ld wanted\n", ops(), o->ops);
	return failed;
}

static long number(const char *name, const char *text, long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < min || value > max) {
		fprintf(stderr,
			"stress_hotplug: --%s: \"%s\" is not a number from %ld to %ld\n",
			name, text, min, max);
		exit(2);
	}
	return value;
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "threads", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o->seconds = number("seconds", optarg, 1, 86400);
		else if (c == 'o')
			o->ops = number("ops", optarg, 1, LONG_MAX);
		else if (c == 't')
			o->threads = number("threads", optarg, 3, 256);
		else if (c == 'r')
			seed = (unsigned long)number("seed", optarg, 1,
						     LONG_MAX);
		else
			exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "stress_hotplug: \"%s\" is no option\n",
			argv[optind]);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .seconds = 60, .ops = 10000000, .threads = 6 };
	int failed;

	parse(&o, argc, argv);
	nr_ios = (unsigned int)(o.threads + 2) / 3 * IOS;
	ios = calloc(nr_ios, sizeof(*ios));
	if (!ios)
		die("no memory", 0);
	physbio_xlate_init_identity(&xlate);
	device.xlate = &xlate;
	device.dma_mask = UINT64_MAX;
	check(physbio_mem_create(ranges, NR_RANGES, &mem, NULL), "map");
	check(physbio_rescache_shared_create(4, &shared), "cache");
	run(&o);
	balance();
	failed = report(&o);
	physbio_rescache_shared_destroy(shared);
	physbio_mem_destroy(mem);
	free(ios);
	return failed;
}
