// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads that map, complete, look up, plug and unplug the same memory at once. Removed
 * memory is inaccessible, so a touch that comes too late ends the process. Every role and
 * every race is counted, and one that never happened fails the test: what was not tried
 * was not tested.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include <physbio/hotplug.h>
#include <physbio/lifetime.h>
#include <physbio/memremap.h>
#include <physbio/rescache.h>
#include <physbio/resolve.h>
#include <physbio/xlate.h>

#include "../unit/access.h"

#include "stress.h"

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
	NR_OPS,
	REMOVED = NR_OPS,
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

/* --- shared --- */

static struct physbio_mem *mem;
static struct physbio_rescache_shared *shared;
static struct physbio_xlate xlate;
static struct pb_device device;
static int leaving[NR_RANGES]; /* offline, and not removed yet */

static bool is_leaving(pb_phys_addr_t paddr)
{
	return __atomic_load_n(&leaving[(paddr - START) / STRIDE],
			       __ATOMIC_SEQ_CST);
}

static pb_phys_addr_t random_page(struct stress_role *role)
{
	uint64_t r = stress_random(role);

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

static void io_fill(struct io *io, struct stress_role *role)
{
	unsigned int nr = 1 + (unsigned int)(stress_random(role) % MAX_VECS);
	pb_phys_addr_t first = random_page(role), at;
	unsigned int i;

	pb_bio_init(&io->bio, NULL, io->vecs, MAX_VECS, PB_REQ_OP_READ);
	for (i = 0; i < nr; i++) {
		at = random_page(role);
		/* most bios are in one range */
		if (stress_random(role) % 4)
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
		stress_check(pb_dma_mapping_error(&device, io->addrs[i]),
			     "map");
	}
}

/* False: it was refused. */
static bool io_prepare(struct io *io, struct stress_role *role)
{
	int err;

	io->lifetime = (unsigned int)(stress_random(role) %
				      (PHYSBIO_NR_LIFETIMES + 1));
	io_fill(io, role);
	err = io_hold(io);
	if (!err) {
		io_map(io);
		stress_count(SUBMITTED);
		return true;
	}
	if (err != (io->lifetime == PIN ? -EFAULT : -ENODEV))
		stress_die("refused with", err);
	stress_count((REFUSED_SEGMENT + io->lifetime));
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

static void submitter(struct stress_role *role)
{
	unsigned int i = 0;

	for (; !stress_stopped(role); i++) {
		struct io *io = &ios[stress_random(role) % nr_ios];

		if (io_claim(io, FREE))
			io_release(io, io_prepare(io, role) ? IN_FLIGHT : FREE);
		if (i % 64 == 0)
			sched_yield();
	}
}

/* --- who completes --- */

/* The device writes, and the page is touched, as long as it is held. */
static void entry_complete(const struct pb_bio_vec *bv, pb_dma_addr_t addr)
{
	uint32_t *bytes = physbio_mem_virt(mem, bv->bv_paddr);
	struct pb_page *page = physbio_mem_page(mem, bv->bv_paddr);
	pb_phys_addr_t at;

	if (!bytes || !page)
		stress_die("a held page is gone", (long)(bv->bv_paddr / PG));
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
		stress_count((COMPLETED_LEAVING_SEGMENT + io->lifetime));
	stress_count(COMPLETED);
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
static void completer(struct stress_role *role)
{
	while (!stress_stopped(role)) {
		complete_some((unsigned int)stress_random(role), 32);
		sched_yield();
	}
	while (complete_some(0, nr_ios))
		;
}

/* --- who looks up --- */

/* What was found can be touched until the section ends, however long it takes. */
static void page_touch(struct pb_page *page, pb_phys_addr_t paddr,
		       struct stress_role *role)
{
	const uint32_t *bytes = physbio_mem_virt(mem, paddr);

	if (stress_random(role) % 64 == 0)
		sched_yield();
	(void)__atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	if (pb_page_to_phys(page) != paddr)
		stress_die("another page", (long)(paddr / PG));
	if (bytes)
		(void)__atomic_load_n(bytes, __ATOMIC_RELAXED);
	stress_count(is_leaving(paddr) ? FOUND_LEAVING : LOOKED_UP);
}

static void look_up(struct physbio_rescache *own, struct stress_role *role)
{
	pb_phys_addr_t paddr = random_page(role);
	unsigned int idx = physbio_read_lock();
	struct pb_page *page;
	int err = 0;

	switch (stress_random(role) % 4) {
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
		stress_count(LOST);
	physbio_read_unlock(idx);
	if (err && err != -ENODEV)
		stress_die("lookup", err);
}

/* A copy from before: a reference, or it is not touched. */
static void copy_use(const struct physbio_pages *copy)
{
	struct pb_page *page = copy->page;

	if (!copy->nr)
		return;
	if (!physbio_pages_get(copy)) {
		stress_count(STALE_COPY);
		return;
	}
	(void)__atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	stress_count(KEPT_COPY);
	pb_put_dev_pagemap(copy->pgmap);
}

static void looker(struct stress_role *role)
{
	struct physbio_pages copies[16] = { { 0 } };
	struct physbio_rescache own;
	unsigned long i;

	stress_check(physbio_rescache_init(&own, 4), "cache");
	for (i = 0; !stress_stopped(role); i++) {
		struct physbio_pages *copy = &copies[stress_random(role) % 16];

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
			stress_count(INVALIDATED);
			stress_add(STALE_OWN, own.stats.stale);
			own.stats.stale = 0;
		}
	}
	physbio_rescache_destroy(&own);
}

/* --- who plugs --- */

static void range_go(unsigned int i, bool look)
{
	pb_phys_addr_t start = ranges[i].start;
	struct pb_page *page = physbio_mem_page(mem, start);
	char *bytes = physbio_mem_virt(mem, start);
	int err = physbio_mem_remove(mem, start, 0);

	if (err == -EBUSY) {
		stress_count(WAITED);
		err = physbio_mem_remove(mem, start, -1);
	}
	stress_check(err, "remove");
	__atomic_store_n(&leaving[i], 0, __ATOMIC_SEQ_CST);
	if (look && (accessible(page) || accessible(bytes) ||
		     accessible(bytes + BLOCK - 1) ||
		     accessible(page + PB_PAGES_PER_SUBSECTION - 1)))
		stress_die("a removed range can be touched", (long)i);
	sched_yield();
	stress_check(physbio_mem_add(mem, start), "add");
	stress_count(REMOVED);
}

/* Offline and back: in use or not, it must go on working. */
static void range_return(unsigned int i)
{
	int err;

	do {
		err = physbio_mem_add(mem, ranges[i].start);
		sched_yield();
	} while (err == -EBUSY);
	stress_check(err, "add back");
	__atomic_store_n(&leaving[i], 0, __ATOMIC_SEQ_CST);
	stress_count(PLUGGED_BACK);
}

static void plugger(struct stress_role *role)
{
	unsigned long n;

	for (n = 0; !stress_stopped(role); n++) {
		unsigned int i =
			(unsigned int)(stress_random(role) % NR_RANGES);

		__atomic_store_n(&leaving[i], 1, __ATOMIC_SEQ_CST);
		stress_check(physbio_mem_offline(mem, ranges[i].start),
			     "offline");
		sched_yield();
		if (n % 4 == 3)
			range_return(i);
		else
			range_go(i, n % 8 == 0);
		sched_yield();
	}
}

/* --- the run --- */

enum kind {
	SUBMIT,
	LOOK_UP,
	PLUG,
	COMPLETE, /* the others may wait for it */
	NR_KINDS
};

static const struct stress_kind kinds[NR_KINDS] = {
	[SUBMIT] = { submitter, false },
	[LOOK_UP] = { looker, false },
	[PLUG] = { plugger, true },
	[COMPLETE] = { completer, false },
};

/* The shared cache counts stale entries itself. */
static void look_at_shared(void)
{
	static unsigned long before;
	struct physbio_rescache_stats stats;

	physbio_rescache_shared_stats(shared, &stats);
	stress_add(STALE_SHARED, stats.stale - before);
	before = stats.stale;
}

/* Nothing is in flight: each range goes at once, and no pin is left. */
static void balance(void)
{
	struct physbio_error error;
	unsigned int i;

	for (i = 0; i < NR_RANGES; i++) {
		if (physbio_mem_pinned(mem, ranges[i].start, BLOCK))
			stress_die("pins are left in range", (long)i);
		stress_check(physbio_mem_offline(mem, ranges[i].start),
			     "offline");
		stress_check(physbio_mem_remove(mem, ranges[i].start, 0),
			     "something is still held");
	}
	if (physbio_mem_underflows(&error))
		stress_die(error.message, error.err);
}

static const struct stress stress = {
	.name = "stress_hotplug",
	.counts = count_names,
	.nr_counts = NR_COUNTS,
	.nr_ops = NR_OPS,
	.kinds = kinds,
	.nr_kinds = NR_KINDS,
	.look = look_at_shared,
};

int main(int argc, char **argv)
{
	int failed;

	stress_start(&stress, argc, argv);
	nr_ios = stress_threads(SUBMIT) * IOS;
	ios = calloc(nr_ios, sizeof(*ios));
	if (!ios)
		stress_die("no memory", 0);
	physbio_xlate_init_identity(&xlate);
	device.xlate = &xlate;
	device.dma_mask = UINT64_MAX;
	stress_check(physbio_mem_create(ranges, NR_RANGES, &mem, NULL), "map");
	stress_check(physbio_rescache_shared_create(4, &shared), "cache");
	stress_run();
	balance();
	failed = stress_report();
	physbio_rescache_shared_destroy(shared);
	physbio_mem_destroy(mem);
	free(ios);
	return failed;
}
