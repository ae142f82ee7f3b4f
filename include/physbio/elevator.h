/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The scheduler between submission and the driver: requests that wait are found by
 * where they end or begin, so that bios join them, and leave in the order of their
 * sectors until one has waited too long. "none" keeps a plain list instead.
 */
#ifndef PHYSBIO_ELEVATOR_H
#define PHYSBIO_ELEVATOR_H

#include <physbio/merge.h>
#include <physbio/submit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tunables of mq-deadline, by the kernel's names. Times in milliseconds. */
struct physbio_deadline {
	unsigned int read_expire; /* 500 */
	unsigned int write_expire; /* 5000 */
	unsigned int prio_aging_expire; /* 10000 */
	unsigned int writes_starved; /* 2: so often reads go first */
	unsigned int fifo_batch; /* 16: requests in the order of sectors */
	bool front_merges; /* true */
};

/**
 * pb_elevator_change() - choose the scheduler of a queue
 * @q: queue without a request in use
 * @name: "none" or "mq-deadline"
 *
 * Requests that the driver refuses wait in it, and so do new ones meanwhile. Unlike the
 * kernel's it has no tags of its own: as many requests wait as the queue has.
 *
 * Context: may sleep. Return: 0; -EINVAL for another name; -EBUSY if a request is in
 * use; -ENOMEM. On error the scheduler stays. Source: elevator_change()
 */
PB_API int pb_elevator_change(struct pb_request_queue *q, const char *name);

/* Name of the scheduler in use. */
PB_API const char *physbio_elevator_name(const struct pb_request_queue *q);

/**
 * physbio_deadline_set() - set all tunables of a queue's scheduler
 * @q: queue with mq-deadline
 * @tunables: copied
 *
 * Context: any. Return: 0, or -EINVAL if the queue has another scheduler or fifo_batch
 * is 0.
 */
PB_API int physbio_deadline_set(struct pb_request_queue *q,
				const struct physbio_deadline *tunables);

/**
 * pb_elv_merge() - which waiting request could a bio join?
 * @q: queue with a scheduler, locked
 * @req: the request found
 * @bio: bio
 *
 * The one that was merged with last is tried first, then one that ends where @bio
 * begins, then one that begins where it ends.
 *
 * Context: the queue's lock. Return: where it would join; @req is set unless that is
 * PB_ELEVATOR_NO_MERGE. Source: elv_merge()
 */
PB_API enum pb_elv_merge pb_elv_merge(struct pb_request_queue *q,
				      struct pb_request **req,
				      struct pb_bio *bio);

/**
 * pb_blk_mq_sched_bio_merge() - try to join a bio to what waits at its queue
 * @q: queue of @bio
 * @bio: bio; a request's if it was merged
 * @nr_segs: segments of @bio
 *
 * Where that closes the gap to the neighbouring request, the two become one too.
 * Without a scheduler the newest eight requests of the plain list are tried.
 *
 * Context: any. Return: true if merged. Source: blk_mq_sched_bio_merge()
 */
PB_API bool pb_blk_mq_sched_bio_merge(struct pb_request_queue *q,
				      struct pb_bio *bio, unsigned int nr_segs);

#ifdef __cplusplus
}
#endif

#endif
