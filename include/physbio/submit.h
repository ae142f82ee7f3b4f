/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way from pb_submit_bio() to the driver's queue_rq and back: checks, split,
 * plug, tags, dispatch, and the end of a request. Several threads may submit to
 * one queue and others may end its requests. The library starts no thread.
 */
#ifndef PHYSBIO_SUBMIT_H
#define PHYSBIO_SUBMIT_H

#include <physbio/limits.h>
#include <physbio/request.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PB_BLK_MAX_REQUEST_COUNT 32
#define PB_BLK_PLUG_FLUSH_SIZE (128u * 1024)

struct pb_device;
struct pb_blk_mq_hw_ctx;

struct pb_blk_plug {
	struct pb_rq_list mq_list;
	uint16_t rq_count;
	bool multiple_queues;
};

/* What submission keeps for each task: these members of the kernel's current. */
struct pb_task {
	/* [0] submitted by the bio being submitted, [1] before it; NULL: none is */
	struct pb_bio_list *bio_list;
	struct pb_blk_plug *plug;
};

/**
 * pb_current() - the task's part in submission
 *
 * In userspace a thread is a task. In the kernel the host of the core has one for
 * each task that submits.
 * Context: task. Return: never NULL. Source: current
 */
PB_API struct pb_task *pb_current(void);

struct pb_blk_mq_queue_data {
	struct pb_request *rq;
	bool last; /* no other request follows at once */
};

/* A driver. Source: struct blk_mq_ops */
struct pb_blk_mq_ops {
	/*
	 * Start a request. PB_BLK_STS_OK: taken, pb_blk_mq_end_request() will
	 * follow, from here or from any thread. PB_BLK_STS_RESOURCE or
	 * _DEV_RESOURCE: not taken, to be offered again when a request has ended.
	 * Anything else: not taken, to be ended with this.
	 */
	pb_blk_status_t (*queue_rq)(struct pb_blk_mq_hw_ctx *hctx,
				    const struct pb_blk_mq_queue_data *bd);
};

/* Requests of a queue, filled by the driver. Source: struct blk_mq_tag_set */
struct pb_blk_mq_tag_set {
	const struct pb_blk_mq_ops *ops;
	unsigned int queue_depth; /* requests there are */
	unsigned int cmd_size; /* bytes of driver memory behind each */
	int numa_node; /* for the requests' memory; -1: any */
	void *driver_data;
};

/* What a queue does, counted where it is asked for. */
struct physbio_queue_stats {
	unsigned long bios; /* that reached the queue, fragments not counted */
	unsigned long splits;
	unsigned long back_merges;
	unsigned long front_merges;
	unsigned long discard_merges;
	unsigned long rq_merges; /* requests that became part of others */
	/* bios that touch the last one on a plug and are of other memory: see Q4 */
	unsigned long p2p_nomerges;
	unsigned long requests; /* given to queue_rq and taken */
	unsigned long segments; /* sum of nr_phys_segments of these */
};

/**
 * pb_blk_mq_alloc_queue() - make a queue
 * @set: driver operations and depth; the caller keeps it as long as the queue
 * @lim: limits, checked and copied; NULL: all defaults
 * @queuedata: the driver's, see pb_queue_data()
 *
 * Context: may sleep. Return: the queue, ended by pb_blk_mq_destroy_queue();
 * ERR_PTR -EINVAL if the limits contradict each other or @set has no queue_rq or
 * depth, -ENOMEM. Source: blk_mq_alloc_queue()
 */
PB_API struct pb_request_queue *
pb_blk_mq_alloc_queue(struct pb_blk_mq_tag_set *set,
		      const struct pb_queue_limits *lim, void *queuedata);

/**
 * pb_blk_mq_destroy_queue() - wait until nothing is in flight, then free a queue
 * @q: queue that nobody submits to any more
 *
 * Context: may sleep. Source: blk_mq_destroy_queue()
 */
PB_API void pb_blk_mq_destroy_queue(struct pb_request_queue *q);

/* The driver's pointer of a queue, and its limits. Context: any. */
PB_API void *pb_queue_data(const struct pb_request_queue *q);
PB_API const struct pb_queue_limits *
pb_queue_limits(const struct pb_request_queue *q);

/* The queue of a hardware context, as queue_rq needs it. Context: any. */
PB_API struct pb_request_queue *
pb_hctx_queue(const struct pb_blk_mq_hw_ctx *hctx);

/**
 * physbio_queue_set_stats() - have a queue count what it does
 * @q: queue without I/O in flight
 * @stats: added to from every thread until the queue is gone or NULL is set; the
 *	caller's, and read by the caller when nothing is in flight
 *
 * Context: any.
 */
PB_API void physbio_queue_set_stats(struct pb_request_queue *q,
				    struct physbio_queue_stats *stats);

/**
 * physbio_queue_set_nomerges() - how much may be merged
 * @q: queue without I/O in flight
 * @nomerges: 0: all; 1: only with the request that was merged with last, or is last on
 *	a plug; 2: nothing
 *
 * Context: any. Source: QUEUE_FLAG_NOMERGES, QUEUE_FLAG_NOXMERGES
 */
PB_API void physbio_queue_set_nomerges(struct pb_request_queue *q,
				       unsigned int nomerges);

/**
 * pb_submit_bio() - submit a bio
 * @bio: bio with device, position, operation and data; the block layer's until
 *	bi_end_io is called, which may be before this returns
 *
 * Never recurses: what a stacking driver or a split submits meanwhile is put on a
 * list and submitted when this one is done. Beyond the device's end: ends with
 * PB_BLK_STS_IOERR; not a multiple of the logical block: the same. What the device
 * can't do, polling included: PB_BLK_STS_NOTSUPP.
 *
 * Context: task, may sleep. Source: submit_bio()
 */
PB_API void pb_submit_bio(struct pb_bio *bio);

/* The same for a bio that was checked before. Source: submit_bio_noacct_nocheck() */
PB_API void pb_submit_bio_noacct_nocheck(struct pb_bio *bio);

/**
 * pb_bio_chain_and_submit() - send one bio and go on with the next of a chain
 * @prev: bio to submit; NULL: there is none yet
 * @new_bio: bio that ends after it
 *
 * Context: may sleep. Return: @new_bio. Source: bio_chain_and_submit()
 */
PB_API struct pb_bio *pb_bio_chain_and_submit(struct pb_bio *prev,
					      struct pb_bio *new_bio);

/**
 * pb_bio_await() - send a bio and wait for its end
 * @bio: bio; the caller's again afterwards, with its bi_status. Takes bi_end_io and
 *	bi_private.
 * @priv: the caller's, for @submit
 * @submit: sends @bio; NULL: pb_submit_bio()
 *
 * Context: task, may sleep; flushes the task's plug. Source: bio_await() of 7.1
 */
PB_API void pb_bio_await(struct pb_bio *bio, void *priv,
			 void (*submit)(struct pb_bio *bio, void *priv));

/**
 * pb_submit_bio_wait() - submit a bio and wait for its end
 * @bio: bio; the caller's again afterwards. Takes bi_end_io and bi_private.
 *
 * Context: task, may sleep; flushes the task's plug. Return: 0 or -errno.
 * Source: submit_bio_wait()
 */
PB_API int pb_submit_bio_wait(struct pb_bio *bio);

/**
 * pb_blk_start_plug() - collect requests until pb_blk_finish_plug()
 * @plug: memory, usually on the stack. Within another plug it has no effect.
 *
 * Context: task. Source: blk_start_plug()
 */
PB_API void pb_blk_start_plug(struct pb_blk_plug *plug);

/* pb_blk_finish_plug() - send what was collected. Source: blk_finish_plug() */
PB_API void pb_blk_finish_plug(struct pb_blk_plug *plug);

/**
 * pb_blk_flush_plug() - send what was collected and go on collecting
 * @plug: the task's plug
 * @from_schedule: the task is going to sleep
 *
 * Context: task. Source: blk_flush_plug()
 */
PB_API void pb_blk_flush_plug(struct pb_blk_plug *plug, bool from_schedule);

/**
 * pb_blk_mq_run_hw_queues() - offer again what the driver has refused
 * @q: queue
 * @async: must be false: the library has no thread to do it in
 *
 * Happens by itself when a request ends; a driver that refused one with nothing in
 * flight calls it when it can take more.
 * Context: any thread. Source: blk_mq_run_hw_queues()
 */
PB_API void pb_blk_mq_run_hw_queues(struct pb_request_queue *q, bool async);

/* pb_blk_mq_start_request() - the driver has begun. Source: blk_mq_start_request() */
PB_API void pb_blk_mq_start_request(struct pb_request *rq);

/**
 * pb_blk_mq_end_request() - the device is done with a request
 * @rq: request that queue_rq took; gone afterwards
 * @error: how it ended
 *
 * Ends its bios, frees the tag and offers again what was refused for want of one.
 * Context: any thread. Source: blk_mq_end_request()
 */
PB_API void pb_blk_mq_end_request(struct pb_request *rq, pb_blk_status_t error);

#ifdef __cplusplus
}
#endif

#endif
