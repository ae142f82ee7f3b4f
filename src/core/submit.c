// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From pb_submit_bio() to queue_rq and from the end of a request back to a free
 * tag. Decides the order of the steps and which list a bio or request waits on; what
 * may be cut or merged is decided elsewhere.
 */
#include "platform.h"

#include <physbio/elevator.h>
#include <physbio/merge.h>
#include <physbio/split.h>
#include <physbio/submit.h>

#include "queue.h"

/* --- queues --- */

static struct pb_request *rq_at(struct pb_request_queue *q, size_t rq_size,
				unsigned int tag)
{
	return (struct pb_request *)((char *)q->rqs + rq_size * tag);
}

/* Whole cache lines: no two CPUs write to one for two requests. */
static size_t rq_alloc_size(const struct pb_blk_mq_tag_set *set)
{
	size_t size = sizeof(struct pb_request) + set->cmd_size;

	return (size + L1_CACHE_BYTES - 1) / L1_CACHE_BYTES * L1_CACHE_BYTES;
}

static int queue_alloc_rqs(struct pb_request_queue *q,
			   const struct pb_blk_mq_tag_set *set)
{
	size_t size = rq_alloc_size(set);
	unsigned int tag = set->queue_depth;
	struct pb_request *rq;

	if (size < set->cmd_size || tag > INT_MAX || size > SIZE_MAX / tag)
		return -EINVAL;
	q->rqs = kvzalloc(size * tag, PB_GFP_KERNEL);
	if (!q->rqs)
		return -ENOMEM;
	q->nr_rqs = tag;
	while (tag--) {
		rq = rq_at(q, size, tag);
		rq->q = q;
		rq->tag = (int)tag;
		rq->rq_next = q->free;
		q->free = rq;
	}
	return 0;
}

static int queue_set_limits(struct pb_request_queue *q,
			    const struct pb_queue_limits *lim)
{
	if (lim)
		q->limits = *lim;
	q->limits.features |= PB_BLK_FEAT_NOWAIT | PB_BLK_FEAT_IO_STAT;
	if (!q->limits.max_user_discard_sectors)
		q->limits.max_user_discard_sectors = U32_MAX;
	return pb_blk_validate_limits(&q->limits);
}

static void queue_free(struct pb_request_queue *q)
{
	kvfree(q->elevator);
	kvfree(q->rqs);
	pb_bioset_exit(&q->bio_split);
	kvfree(q);
}

static int queue_init(struct pb_request_queue *q, struct pb_blk_mq_tag_set *set,
		      const struct pb_queue_limits *lim, void *queuedata)
{
	int err;

	q->ops = set->ops;
	q->queuedata = queuedata;
	q->hctx.queue = q;
	spin_lock_init(&q->lock);
	init_waitqueue_head(&q->wait);
	err = queue_set_limits(q, lim);
	if (!err)
		err = queue_alloc_rqs(q, set);
	if (!err)
		err = pb_bioset_init(&q->bio_split, PB_BIO_SPLIT_POOL, 0, 0);
	return err;
}

struct pb_request_queue *
pb_blk_mq_alloc_queue(struct pb_blk_mq_tag_set *set,
		      const struct pb_queue_limits *lim, void *queuedata)
{
	struct pb_request_queue *q;
	int err;

	if (!set->ops || !set->ops->queue_rq || !set->queue_depth)
		return ERR_PTR(-EINVAL);
	q = kvzalloc(sizeof(*q), PB_GFP_KERNEL);
	if (!q)
		return ERR_PTR(-ENOMEM);
	err = queue_init(q, set, lim, queuedata);
	if (err) {
		queue_free(q);
		return ERR_PTR(err);
	}
	return q;
}
EXPORT_SYMBOL_GPL(pb_blk_mq_alloc_queue);

static bool queue_idle(struct pb_request_queue *q)
{
	unsigned long flags;
	bool idle;

	spin_lock_irqsave(&q->lock, flags);
	q->dying = true;
	idle = !q->in_use;
	spin_unlock_irqrestore(&q->lock, flags);
	return idle;
}

void pb_blk_mq_destroy_queue(struct pb_request_queue *q)
{
	wait_event(q->wait, queue_idle(q));
	queue_free(q);
}
EXPORT_SYMBOL_GPL(pb_blk_mq_destroy_queue);

void *pb_queue_data(const struct pb_request_queue *q)
{
	return q->queuedata;
}
EXPORT_SYMBOL_GPL(pb_queue_data);

const struct pb_queue_limits *pb_queue_limits(const struct pb_request_queue *q)
{
	return &q->limits;
}
EXPORT_SYMBOL_GPL(pb_queue_limits);

struct pb_request_queue *pb_hctx_queue(const struct pb_blk_mq_hw_ctx *hctx)
{
	return hctx->queue;
}
EXPORT_SYMBOL_GPL(pb_hctx_queue);

void physbio_queue_set_stats(struct pb_request_queue *q,
			     struct physbio_queue_stats *stats)
{
	q->stats = stats;
}
EXPORT_SYMBOL_GPL(physbio_queue_set_stats);

void physbio_queue_set_nomerges(struct pb_request_queue *q,
				unsigned int nomerges)
{
	q->nomerges = nomerges == 2;
	q->noxmerges = nomerges == 1;
}
EXPORT_SYMBOL_GPL(physbio_queue_set_nomerges);

/* --- tags --- */

static struct pb_request *rq_try_get(struct pb_request_queue *q, bool waiter)
{
	struct pb_request *rq;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	rq = q->free;
	if (rq) {
		q->free = rq->rq_next;
		q->in_use++;
		if (waiter)
			q->waiters--;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return rq;
}

/* What this task has plugged may be what it is going to wait for. */
static struct pb_request *rq_wait_get(struct pb_request_queue *q)
{
	struct pb_blk_plug *plug = pb_current()->plug;
	struct pb_request *rq = NULL;
	unsigned long flags;

	if (plug)
		pb_blk_flush_plug(plug, true);
	spin_lock_irqsave(&q->lock, flags);
	q->waiters++;
	spin_unlock_irqrestore(&q->lock, flags);
	wait_event(q->wait, (rq = rq_try_get(q, true)));
	return rq;
}

static struct pb_request *rq_get(struct pb_request_queue *q, struct pb_bio *bio)
{
	struct pb_request *rq = rq_try_get(q, false);

	if (unlikely(!rq)) {
		if (bio->bi_opf & PB_REQ_NOWAIT)
			return NULL;
		rq = rq_wait_get(q);
	}
	rq->rq_flags = 0;
	rq->rq_next = NULL;
	rq->special_vec = NULL;
	return rq;
}

/*
 * The last look at the queue is the unlock that takes in_use to 0: whoever waits to
 * free the queue reads in_use under the same lock.
 */
static void rq_put(struct pb_request *rq)
{
	struct pb_request_queue *q = rq->q;
	unsigned long flags;
	bool again;

	spin_lock_irqsave(&q->lock, flags);
	rq->rq_next = q->free;
	q->free = rq;
	WRITE_ONCE(q->ended, q->ended + 1);
	again = q->deferred;
	if (unlikely(again)) {
		spin_unlock_irqrestore(&q->lock, flags);
		pb_blk_mq_run_hw_queues(q, false);
		spin_lock_irqsave(&q->lock, flags);
	}
	q->in_use--;
	if (unlikely(q->waiters || q->dying))
		wake_up_all(&q->wait);
	spin_unlock_irqrestore(&q->lock, flags);
}

/* --- dispatch --- */

/* To wait its turn, where bios may still join it. */
static void queue_insert(struct pb_request_queue *q, struct pb_request *rq)
{
	struct pb_rq_list freed = { NULL, NULL };
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->elevator)
		pb_elv_insert(rq, &freed);
	else
		pb_rq_list_add_tail(&q->sw, rq);
	WRITE_ONCE(q->deferred, true);
	spin_unlock_irqrestore(&q->lock, flags);
	while ((rq = pb_rq_list_pop(&freed)))
		rq_put(rq);
}

bool pb_blk_mq_sched_bio_merge(struct pb_request_queue *q, struct pb_bio *bio,
			       unsigned int nr_segs)
{
	struct pb_request *merged_request = NULL;
	unsigned long flags;
	bool merged;

	/* Nothing waits. */
	if (likely(!READ_ONCE(q->deferred)))
		return false;
	spin_lock_irqsave(&q->lock, flags);
	if (q->elevator)
		merged = pb_blk_mq_sched_try_merge(q, bio, nr_segs,
						   &merged_request);
	else
		merged = pb_blk_bio_list_merge(q, &q->sw, bio, nr_segs);
	spin_unlock_irqrestore(&q->lock, flags);
	if (merged_request)
		rq_put(merged_request);
	return merged;
}
EXPORT_SYMBOL_GPL(pb_blk_mq_sched_bio_merge);

/* Give @rq to the driver. Returns false if it can't take it now. */
static bool rq_issue(struct pb_request *rq, bool last)
{
	struct pb_request_queue *q = rq->q;
	struct pb_blk_mq_queue_data bd = { .rq = rq, .last = last };
	unsigned int nsegs = rq->nr_phys_segments;
	pb_blk_status_t status = q->ops->queue_rq(&q->hctx, &bd);

	if (likely(status == PB_BLK_STS_OK)) {
		/* It may have ended: only the queue is still there. */
		pb_queue_count(q, requests, 1);
		pb_queue_count(q, segments, nsegs);
		return true;
	}
	if (status == PB_BLK_STS_RESOURCE ||
	    status == PB_BLK_STS_DEV_RESOURCE) {
		rq->rq_flags &= ~PB_RQF_STARTED;
		return false;
	}
	pb_blk_mq_end_request(rq, status);
	return true;
}

static struct pb_request *dispatch_pop(struct pb_request_queue *q,
				       unsigned long *ended, bool *last)
{
	struct pb_request *rq;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	rq = pb_rq_list_pop(&q->dispatch);
	if (!rq)
		rq = q->elevator ? pb_elv_dispatch(q) : pb_rq_list_pop(&q->sw);
	*last = pb_rq_list_empty(&q->dispatch) && pb_rq_list_empty(&q->sw) &&
		!pb_elv_has_work(q);
	WRITE_ONCE(q->deferred, !*last);
	*ended = q->ended;
	spin_unlock_irqrestore(&q->lock, flags);
	return rq;
}

/*
 * Put it back. A request that ended while the driver refused this one has not seen
 * it on the list: then it must be offered again.
 */
static bool dispatch_put_back(struct pb_request_queue *q, struct pb_request *rq,
			      unsigned long ended)
{
	unsigned long flags;
	bool again;

	spin_lock_irqsave(&q->lock, flags);
	pb_rq_list_add_head(&q->dispatch, rq);
	WRITE_ONCE(q->deferred, true);
	again = q->ended != ended;
	spin_unlock_irqrestore(&q->lock, flags);
	return again;
}

static void queue_run(struct pb_request_queue *q)
{
	struct pb_request *rq;
	unsigned long ended;
	bool last;

	while ((rq = dispatch_pop(q, &ended, &last)))
		if (!rq_issue(rq, last) && !dispatch_put_back(q, rq, ended))
			return;
}

/*
 * One runs the queue, the others tell it to look again: a driver that ends requests as
 * it gets them would else come back here for every one, deeper each time.
 */
static bool queue_begin_run(struct pb_request_queue *q)
{
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&q->lock, flags);
	mine = !q->running;
	q->rerun = !mine;
	q->running = true;
	spin_unlock_irqrestore(&q->lock, flags);
	return mine;
}

static bool queue_end_run(struct pb_request_queue *q)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(&q->lock, flags);
	done = !q->rerun;
	q->rerun = false;
	q->running = !done;
	spin_unlock_irqrestore(&q->lock, flags);
	return done;
}

void pb_blk_mq_run_hw_queues(struct pb_request_queue *q, bool async)
{
	WARN_ON_ONCE(async);
	if (!queue_begin_run(q))
		return;
	do {
		queue_run(q);
	} while (!queue_end_run(q));
}
EXPORT_SYMBOL_GPL(pb_blk_mq_run_hw_queues);

/* In order: behind what already waits. */
static void rq_dispatch(struct pb_request *rq, bool last)
{
	struct pb_request_queue *q = rq->q;
	unsigned long ended = READ_ONCE(q->ended);

	if (unlikely(READ_ONCE(q->deferred) || q->elevator)) {
		queue_insert(q, rq);
		pb_blk_mq_run_hw_queues(q, false);
		return;
	}
	if (unlikely(!rq_issue(rq, last)) && dispatch_put_back(q, rq, ended))
		pb_blk_mq_run_hw_queues(q, false);
}

void pb_blk_mq_start_request(struct pb_request *rq)
{
	rq->rq_flags |= PB_RQF_STARTED;
}
EXPORT_SYMBOL_GPL(pb_blk_mq_start_request);

void pb_blk_mq_end_request(struct pb_request *rq, pb_blk_status_t error)
{
	pb_blk_update_request(rq, error, pb_blk_rq_bytes(rq));
	rq_put(rq);
}
EXPORT_SYMBOL_GPL(pb_blk_mq_end_request);

/* --- plug --- */

void pb_blk_start_plug(struct pb_blk_plug *plug)
{
	struct pb_task *task = pb_current();

	if (task->plug)
		return;
	plug->mq_list.head = NULL;
	plug->mq_list.tail = NULL;
	plug->rq_count = 0;
	plug->multiple_queues = false;
	task->plug = plug;
}
EXPORT_SYMBOL_GPL(pb_blk_start_plug);

/* Emptied before anything is sent: sending may end bios that submit more. */
void pb_blk_flush_plug(struct pb_blk_plug *plug, bool from_schedule)
{
	struct pb_rq_list list = plug->mq_list;
	struct pb_request *rq;

	plug->mq_list.head = NULL;
	plug->mq_list.tail = NULL;
	plug->rq_count = 0;
	plug->multiple_queues = false;
	while ((rq = pb_rq_list_pop(&list))) {
		bool last = !list.head || list.head->q != rq->q;
		struct pb_request_queue *q = rq->q;

		if (!q->elevator) {
			rq_dispatch(rq, last);
			continue;
		}
		/* All of them, before the first one leaves. */
		queue_insert(q, rq);
		if (last)
			pb_blk_mq_run_hw_queues(q, false);
	}
}
EXPORT_SYMBOL_GPL(pb_blk_flush_plug);

void pb_blk_finish_plug(struct pb_blk_plug *plug)
{
	struct pb_task *task = pb_current();

	if (task->plug != plug)
		return;
	pb_blk_flush_plug(plug, false);
	task->plug = NULL;
}
EXPORT_SYMBOL_GPL(pb_blk_finish_plug);

/* The one that a new request follows; with the quirk, the one that leads. */
static const struct pb_request *plug_last(const struct pb_blk_plug *plug)
{
	const struct pb_request *last = plug->mq_list.tail;

	return last->q->limits.quirks & PB_QUIRK_PLUG_OLDEST ?
		       plug->mq_list.head :
		       last;
}

bool physbio_plug_full(const struct pb_blk_plug *plug,
		       const struct pb_request_queue *q)
{
	unsigned int most = PB_BLK_MAX_REQUEST_COUNT;

	if (plug->multiple_queues)
		most *= 2;
	if (plug->rq_count >= most)
		return true;
	return !q->nomerges &&
	       pb_blk_rq_bytes(plug_last(plug)) >= PB_BLK_PLUG_FLUSH_SIZE;
}

static void plug_add(struct pb_blk_plug *plug, struct pb_request *rq)
{
	if (plug->rq_count && physbio_plug_full(plug, rq->q))
		pb_blk_flush_plug(plug, false);
	if (plug->rq_count && plug->mq_list.tail->q != rq->q)
		plug->multiple_queues = true;
	pb_rq_list_add_tail(&plug->mq_list, rq);
	plug->rq_count++;
}

/* --- submission --- */

static void bio_list_add(struct pb_bio_list *list, struct pb_bio *bio)
{
	bio->bi_next = NULL;
	if (list->tail)
		list->tail->bi_next = bio;
	else
		list->head = bio;
	list->tail = bio;
}

static struct pb_bio *bio_list_pop(struct pb_bio_list *list)
{
	struct pb_bio *bio = list->head;

	if (bio) {
		list->head = bio->bi_next;
		if (!list->head)
			list->tail = NULL;
		bio->bi_next = NULL;
	}
	return bio;
}

static void bio_list_merge(struct pb_bio_list *list, struct pb_bio_list *behind)
{
	if (!behind->head)
		return;
	if (list->tail)
		list->tail->bi_next = behind->head;
	else
		list->head = behind->head;
	list->tail = behind->tail;
}

static void bio_end_with(struct pb_bio *bio, pb_blk_status_t status)
{
	bio->bi_status = status;
	pb_bio_endio(bio);
}

static bool bio_unaligned(const struct pb_bio *bio,
			  const struct pb_queue_limits *lim)
{
	u32 mask = lim->logical_block_size - 1;

	return (bio->bi_iter.bi_size & mask) ||
	       ((bio->bi_iter.bi_sector << PB_SECTOR_SHIFT) & mask);
}

/*
 * Would the bio be part of the last request but for whose memory they are? What the
 * rule costs that a request is of one kind.
 */
static bool p2p_keeps_apart(const struct pb_request *rq,
			    const struct pb_bio *bio)
{
	if (!pb_bio_flagged(bio, PB_BIO_P2PDMA) &&
	    !pb_bio_flagged(rq->bio, PB_BIO_P2PDMA))
		return false;
	if (rq->bio->bi_region == bio->bi_region && pb_bio_mergeable(bio))
		return false;
	return pb_blk_try_merge(rq, bio) != PB_ELEVATOR_NO_MERGE;
}

static void count_p2p_nomerge(struct pb_request_queue *q,
			      const struct pb_blk_plug *plug,
			      const struct pb_bio *bio)
{
	const struct pb_request *last = plug ? plug->mq_list.tail : NULL;

	if (last && last->q == q && pb_req_op(last) == pb_bio_op(bio) &&
	    p2p_keeps_apart(last, bio))
		pb_queue_count(q, p2p_nomerges, 1);
}

static void blk_mq_submit_bio(struct pb_bio *bio)
{
	struct pb_request_queue *q = bio->bi_bdev->bd_queue;
	struct pb_blk_plug *plug = pb_current()->plug;
	struct pb_request *rq;
	unsigned int nr_segs;

	if (unlikely(bio_unaligned(bio, &q->limits))) {
		bio_end_with(bio, PB_BLK_STS_IOERR);
		return;
	}
	if (unlikely((bio->bi_opf & PB_REQ_POLLED) &&
		     !(q->limits.features & PB_BLK_FEAT_POLL))) {
		bio_end_with(bio, PB_BLK_STS_NOTSUPP);
		return;
	}
	if (!pb_bio_flagged(bio, PB_BIO_REMAPPED))
		pb_queue_count(q, bios, 1);
	bio = __pb_bio_split_to_limits(bio, &q->limits, &nr_segs);
	if (!bio)
		return;
	if (!q->nomerges && pb_bio_mergeable(bio) &&
	    (pb_blk_attempt_plug_merge(q, bio, nr_segs) ||
	     pb_blk_mq_sched_bio_merge(q, bio, nr_segs)))
		return;
	if (unlikely(q->stats))
		count_p2p_nomerge(q, plug, bio);
	rq = rq_get(q, bio);
	if (unlikely(!rq)) {
		bio_end_with(bio, PB_BLK_STS_AGAIN);
		return;
	}
	pb_blk_rq_bio_prep(rq, bio, nr_segs);
	if (plug)
		plug_add(plug, rq);
	else
		rq_dispatch(rq, true);
}

static void submit_one(struct pb_bio *bio)
{
	const struct pb_block_device_operations *fops = bio->bi_bdev->bd_fops;

	if (fops && fops->submit_bio)
		fops->submit_bio(bio);
	else
		blk_mq_submit_bio(bio);
}

/*
 * A bio that is submitted while another one is being submitted waits its turn here,
 * so that a stack of devices needs no stack of calls. Bios for lower devices go
 * first, then the others that this one brought, then what was there before:
 *
 *   lists[0]  brought by the current bio      lists[1]  older ones
 */
static void submit_sort(struct pb_bio_list *lists,
			const struct pb_block_device *bdev)
{
	struct pb_bio_list lower = { NULL, NULL }, same = { NULL, NULL };
	struct pb_bio *bio;

	while ((bio = bio_list_pop(&lists[0])))
		bio_list_add(bio->bi_bdev == bdev ? &same : &lower, bio);
	bio_list_merge(&lists[0], &lower);
	bio_list_merge(&lists[0], &same);
	bio_list_merge(&lists[0], &lists[1]);
	lists[1].head = NULL;
	lists[1].tail = NULL;
}

void pb_submit_bio_noacct_nocheck(struct pb_bio *bio)
{
	struct pb_task *task = pb_current();
	struct pb_bio_list lists[2] = { { NULL, NULL }, { NULL, NULL } };

	if (task->bio_list) {
		bio_list_add(&task->bio_list[0], bio);
		return;
	}
	task->bio_list = lists;
	do {
		const struct pb_block_device *bdev = bio->bi_bdev;

		lists[1] = lists[0];
		lists[0].head = NULL;
		lists[0].tail = NULL;
		submit_one(bio);
		submit_sort(lists, bdev);
	} while ((bio = bio_list_pop(&lists[0])));
	task->bio_list = NULL;
}
EXPORT_SYMBOL_GPL(pb_submit_bio_noacct_nocheck);

static bool bio_beyond_end(const struct pb_bio *bio)
{
	pb_sector_t capacity = bio->bi_bdev->bd_nr_sectors;
	u32 sectors = pb_bio_sectors(bio);

	return sectors && (sectors > capacity ||
			   bio->bi_iter.bi_sector > capacity - sectors);
}

static bool atomic_size_ok(const struct pb_bio *bio,
			   const struct pb_queue_limits *lim)
{
	u32 size = bio->bi_iter.bi_size;

	return lim->atomic_write_unit_min &&
	       size <= lim->atomic_write_unit_max &&
	       !(size % lim->atomic_write_unit_min);
}

/* Can the device do this at all? */
static pb_blk_status_t bio_op_status(const struct pb_bio *bio,
				     const struct pb_queue_limits *lim)
{
	switch (pb_bio_op(bio)) {
	case PB_REQ_OP_READ:
		return PB_BLK_STS_OK;
	case PB_REQ_OP_WRITE:
		if ((bio->bi_opf & PB_REQ_ATOMIC) && !atomic_size_ok(bio, lim))
			return PB_BLK_STS_INVAL;
		return PB_BLK_STS_OK;
	case PB_REQ_OP_FLUSH:
		return PB_BLK_STS_NOTSUPP; /* comes as PREFLUSH of a write */
	case PB_REQ_OP_DISCARD:
		return lim->max_discard_sectors ? PB_BLK_STS_OK :
						  PB_BLK_STS_NOTSUPP;
	case PB_REQ_OP_SECURE_ERASE:
		return lim->max_secure_erase_sectors ? PB_BLK_STS_OK :
						       PB_BLK_STS_NOTSUPP;
	case PB_REQ_OP_ZONE_APPEND:
		return lim->max_zone_append_sectors ? PB_BLK_STS_OK :
						      PB_BLK_STS_NOTSUPP;
	case PB_REQ_OP_WRITE_ZEROES:
		return lim->max_write_zeroes_sectors ? PB_BLK_STS_OK :
						       PB_BLK_STS_NOTSUPP;
	default:
		return PB_BLK_STS_NOTSUPP;
	}
}

/*
 * Without a volatile cache there is nothing to flush. Returns true if with that
 * nothing is left to do.
 */
static bool bio_drop_flush(struct pb_bio *bio,
			   const struct pb_queue_limits *lim)
{
	if (!(bio->bi_opf & (PB_REQ_PREFLUSH | PB_REQ_FUA)) ||
	    (lim->features & PB_BLK_FEAT_WRITE_CACHE))
		return false;
	bio->bi_opf &= ~(PB_REQ_PREFLUSH | PB_REQ_FUA);
	return !pb_bio_sectors(bio);
}

/* Memory of a P2P region goes only where the driver knows of such. */
static bool bio_p2p_refused(const struct pb_bio *bio,
			    const struct pb_queue_limits *lim)
{
	return pb_bio_flagged(bio, PB_BIO_P2PDMA) &&
	       !(lim->features & PB_BLK_FEAT_PCI_P2PDMA);
}

/* A stacking driver's device has no queue: what it maps to is asked instead. */
static bool bio_checked(struct pb_bio *bio)
{
	const struct pb_request_queue *q = bio->bi_bdev->bd_queue;
	pb_blk_status_t status;

	if (bio_beyond_end(bio)) {
		bio_end_with(bio, PB_BLK_STS_IOERR);
		return false;
	}
	if (!q)
		return true;
	if (bio_drop_flush(bio, &q->limits)) {
		bio_end_with(bio, PB_BLK_STS_OK);
		return false;
	}
	status = bio_p2p_refused(bio, &q->limits) ?
			 PB_BLK_STS_NOTSUPP :
			 bio_op_status(bio, &q->limits);
	if (status == PB_BLK_STS_OK)
		return true;
	bio_end_with(bio, status);
	return false;
}

void pb_submit_bio(struct pb_bio *bio)
{
	if (bio_checked(bio))
		pb_submit_bio_noacct_nocheck(bio);
}
EXPORT_SYMBOL_GPL(pb_submit_bio);

struct pb_bio *pb_bio_chain_and_submit(struct pb_bio *prev,
				       struct pb_bio *new_bio)
{
	if (prev) {
		pb_bio_chain(prev, new_bio);
		pb_submit_bio(prev);
	}
	return new_bio;
}
EXPORT_SYMBOL_GPL(pb_bio_chain_and_submit);

static void submit_wait_endio(struct pb_bio *bio)
{
	complete(bio->bi_private);
}

void pb_bio_await(struct pb_bio *bio, void *priv,
		  void (*submit)(struct pb_bio *bio, void *priv))
{
	struct pb_blk_plug *plug;
	DECLARE_COMPLETION_ONSTACK(done);

	bio->bi_private = &done;
	bio->bi_end_io = submit_wait_endio;
	bio->bi_opf |= PB_REQ_SYNC;
	if (submit)
		submit(bio, priv);
	else
		pb_submit_bio(bio);
	/* Going to sleep flushes the plug. */
	plug = pb_current()->plug;
	if (plug)
		pb_blk_flush_plug(plug, true);
	wait_for_completion_io(&done);
}
EXPORT_SYMBOL_GPL(pb_bio_await);

int pb_submit_bio_wait(struct pb_bio *bio)
{
	pb_bio_await(bio, NULL, NULL);
	return pb_blk_status_to_errno(bio->bi_status);
}
EXPORT_SYMBOL_GPL(pb_submit_bio_wait);
