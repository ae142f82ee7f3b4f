// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Three ways to keep providers while I/O is in flight, and read sections. Decides who is
 * counted where; it never looks at a page.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "config.h"
#ifdef HAVE_LIBURCU
#include <urcu-bp.h>
#endif

#include <physbio/lifetime.h>
#include <physbio/memremap.h>

#include "../core/platform.h"
#include "mem-internal.h"

/* --- epochs --- */

/* Two counters, so that those who wait need not wait for those who come. */
struct epoch_slot {
	unsigned long begun[2], ended[2];
} __attribute__((aligned(64))); /* a cache line of a thread's own */

struct epoch {
	struct epoch_slot slots[PHYSBIO_REF_SLOTS];
	unsigned int current; /* lowest bit: the counter of those who come */
	pthread_mutex_t lock; /* one waits at a time */
};

static struct epoch io_epoch = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned int epoch_enter(struct epoch *e)
{
	unsigned int idx = __atomic_load_n(&e->current, __ATOMIC_RELAXED) & 1;

	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_add(&e->slots[physbio_ref_slot()].begun[idx], 1,
			   __ATOMIC_SEQ_CST);
	return idx;
}

static void epoch_exit(struct epoch *e, unsigned int idx)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_add(&e->slots[physbio_ref_slot()].ended[idx], 1,
			   __ATOMIC_SEQ_CST);
}

static unsigned long sum_ended(const struct epoch *e, unsigned int idx)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < PHYSBIO_REF_SLOTS; i++)
		sum += __atomic_load_n(&e->slots[i].ended[idx],
				       __ATOMIC_SEQ_CST);
	return sum;
}

static unsigned long sum_begun(const struct epoch *e, unsigned int idx)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < PHYSBIO_REF_SLOTS; i++)
		sum += __atomic_load_n(&e->slots[i].begun[idx],
				       __ATOMIC_SEQ_CST);
	return sum;
}

/*
 * Ends are added up first: who has ended by then began before the other sum is made, so
 * that the sums are equal only if nobody is left who began before.
 */
static bool epoch_empty(const struct epoch *e, unsigned int idx)
{
	unsigned long ended = sum_ended(e, idx);

	return sum_begun(e, idx) == ended;
}

static bool epoch_wait(const struct epoch *e, unsigned int idx,
		       const unsigned long *deadline)
{
	while (!epoch_empty(e, idx)) {
		if (deadline && !time_before(jiffies, *deadline))
			return false;
		sched_yield();
	}
	return true;
}

/*
 * The counter that nobody should be in may have some who read long ago which one is
 * current. They are waited for before others are sent there.
 */
static bool epoch_synchronize(struct epoch *e, const unsigned long *deadline)
{
	unsigned int idx;
	bool done;

	pthread_mutex_lock(&e->lock);
	idx = e->current & 1;
	done = epoch_wait(e, !idx, deadline);
	if (done) {
		__atomic_store_n(&e->current, !idx, __ATOMIC_SEQ_CST);
		done = epoch_wait(e, idx, deadline);
	}
	pthread_mutex_unlock(&e->lock);
	return done;
}

bool physbio_epoch_synchronize(const unsigned long *deadline)
{
	return epoch_synchronize(&io_epoch, deadline);
}

/* --- read sections --- */

#ifdef HAVE_LIBURCU

/*
 * liburcu is not compiled with ThreadSanitizer, which sees neither its barriers nor its
 * counters: it is told what a grace period orders.
 */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static char grace_period;
#define sanitizer_release() __tsan_release(&grace_period)
#define sanitizer_acquire() __tsan_acquire(&grace_period)
#else
#define sanitizer_release() ((void)0)
#define sanitizer_acquire() ((void)0)
#endif

unsigned int physbio_read_lock(void)
{
	rcu_read_lock();
	return 0;
}

void physbio_read_unlock(unsigned int idx)
{
	sanitizer_release();
	rcu_read_unlock();
}

void physbio_read_synchronize(void)
{
	synchronize_rcu();
	sanitizer_acquire();
}

#else

static struct epoch read_epoch = { .lock = PTHREAD_MUTEX_INITIALIZER };

unsigned int physbio_read_lock(void)
{
	return epoch_enter(&read_epoch);
}

void physbio_read_unlock(unsigned int idx)
{
	epoch_exit(&read_epoch, idx);
}

void physbio_read_synchronize(void)
{
	epoch_synchronize(&read_epoch, NULL);
}

#endif

/* --- the ranges that a bio is in --- */

/* An entry may go over the edge from one range into the next. */
struct walk {
	const struct pb_bio *bio;
	u16 i;
	u64 done; /* bytes of entry i */
};

static bool walk_more(const struct walk *w)
{
	return w->i < w->bio->bi_vcnt;
}

/* Who provides the part that is next; @last is who provided the one before, or NULL. */
static struct pb_dev_pagemap *walk_next(struct walk *w,
					struct pb_dev_pagemap *last)
{
	const struct pb_bio_vec *bv = &w->bio->bi_io_vec[w->i];
	pb_phys_addr_t paddr = pb_bvec_phys(bv) + (pb_phys_addr_t)w->done;
	u64 room;

	if (!last || !physbio_pagemap_has(last, paddr))
		last = physbio_the_pagemap(paddr);
	if (!last)
		return NULL;
	room = last->size - (paddr - last->start);
	if (bv->bv_len - w->done > room) {
		w->done += room;
	} else {
		w->i++;
		w->done = 0;
	}
	return last;
}

/* --- a reference for each segment --- */

static void segments_put(const struct pb_bio *bio, unsigned int nr)
{
	struct walk w = { .bio = bio };
	struct pb_dev_pagemap *pgmap = NULL;

	for (; nr; nr--) {
		pgmap = walk_next(&w, pgmap);
		pb_put_dev_pagemap(pgmap);
	}
}

static int segment_get(struct physbio_hold *hold, const struct pb_bio *bio)
{
	struct walk w = { .bio = bio };
	struct pb_dev_pagemap *pgmap = NULL;
	unsigned int nr = 0;

	for (; walk_more(&w); nr++) {
		pgmap = walk_next(&w, pgmap);
		if (likely(pgmap && physbio_pagemap_tryget(pgmap)))
			continue;
		segments_put(bio, nr);
		return pgmap ? -ENODEV : -EFAULT;
	}
	hold->refs = nr;
	return 0;
}

static void segment_put(struct physbio_hold *hold, const struct pb_bio *bio)
{
	segments_put(bio, hold->refs);
}

/* --- a reference for each bio --- */

static void runs_put(const struct pb_bio *bio, unsigned int nr)
{
	struct walk w = { .bio = bio };
	struct pb_dev_pagemap *pgmap = NULL, *last = NULL;

	while (nr) {
		pgmap = walk_next(&w, last);
		if (pgmap == last)
			continue;
		pb_put_dev_pagemap(pgmap);
		last = pgmap;
		nr--;
	}
}

static int bio_get(struct physbio_hold *hold, const struct pb_bio *bio)
{
	struct walk w = { .bio = bio };
	struct pb_dev_pagemap *pgmap, *last = NULL;
	unsigned int nr = 0;

	while (walk_more(&w)) {
		pgmap = walk_next(&w, last);
		if (likely(pgmap && pgmap == last))
			continue;
		if (unlikely(!pgmap || !physbio_pagemap_tryget(pgmap))) {
			runs_put(bio, nr);
			return pgmap ? -ENODEV : -EFAULT;
		}
		if (!nr++)
			hold->pgmap = pgmap;
		last = pgmap;
	}
	hold->refs = nr;
	return 0;
}

static void bio_put(struct physbio_hold *hold, const struct pb_bio *bio)
{
	if (likely(hold->refs == 1))
		pb_put_dev_pagemap(hold->pgmap);
	else
		runs_put(bio, hold->refs);
}

/* --- an epoch --- */

static int ranges_alive(const struct pb_bio *bio)
{
	struct walk w = { .bio = bio };
	struct pb_dev_pagemap *pgmap, *last = NULL;

	while (walk_more(&w)) {
		pgmap = walk_next(&w, last);
		if (unlikely(!pgmap))
			return -EFAULT;
		if (pgmap != last &&
		    __atomic_load_n(&pgmap->dead, __ATOMIC_SEQ_CST))
			return -ENODEV;
		last = pgmap;
	}
	return 0;
}

/* Counted first, looked at then: as physbio_pagemap_tryget(). */
static int epoch_get(struct physbio_hold *hold, const struct pb_bio *bio)
{
	int err;

	hold->epoch = epoch_enter(&io_epoch);
	err = ranges_alive(bio);
	if (unlikely(err))
		epoch_exit(&io_epoch, hold->epoch);
	return err;
}

static void epoch_put(struct physbio_hold *hold, const struct pb_bio *bio)
{
	epoch_exit(&io_epoch, hold->epoch);
}

static const struct physbio_lifetime lifetimes[PHYSBIO_NR_LIFETIMES] = {
	[PHYSBIO_LIFETIME_segment] = { "segment", segment_get, segment_put },
	[PHYSBIO_LIFETIME_bio] = { "bio", bio_get, bio_put },
	[PHYSBIO_LIFETIME_epoch] = { "epoch", epoch_get, epoch_put },
};

const struct physbio_lifetime *physbio_lifetime(enum physbio_lifetime_id id)
{
	if ((unsigned int)id >= PHYSBIO_NR_LIFETIMES)
		return NULL;
	return &lifetimes[id];
}
