// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests that wait, in three orders: by where they end (a hash, for back merges), by
 * where they begin (a tree for each direction, for front merges and for dispatch), and
 * by how long they have waited. Whether two may merge is merge.c's decision.
 */
#include "platform.h"

#include <physbio/elevator.h>

#include "queue.h"

#define ELV_HASH_BITS 6
#define ELV_HASH_SIZE (1u << ELV_HASH_BITS)
#define ELV_HASH_BLOCK(sector) ((sector) >> 3)

enum dd_data_dir {
	DD_READ,
	DD_WRITE,
	DD_DIR_COUNT
};

/* Classes of ioprio, the most urgent first. Source: enum dd_prio */
enum dd_prio {
	DD_RT_PRIO,
	DD_BE_PRIO,
	DD_IDLE_PRIO,
	DD_PRIO_COUNT
};

#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_CLASS_RT 1
#define IOPRIO_CLASS_IDLE 3

/* What the scheduler knows of a request, by its tag. */
struct elv_rq {
	struct rb_node sorted;
	struct elv_rq *hash_next;
	struct elv_rq **hash_prev; /* what points here; NULL: not hashed */
	struct elv_rq *fifo_next, *fifo_prev;
	unsigned long fifo_time; /* it has waited too long then */
	struct pb_request *rq; /* NULL: doesn't wait here */
};

struct dd_list {
	struct rb_root sorted;
	struct elv_rq *oldest, *newest;
	pb_sector_t latest_pos; /* where the last dispatched one ended */
};

struct dd_per_prio {
	struct dd_list dir[DD_DIR_COUNT];
	unsigned int queued;
};

struct pb_elevator_queue {
	struct physbio_deadline tunables;
	struct dd_per_prio per_prio[DD_PRIO_COUNT];
	enum dd_data_dir last_dir;
	unsigned int batching; /* requests since the direction was chosen */
	unsigned int starved; /* times reads went before writes */
	unsigned int queued;
	struct elv_rq *hash[ELV_HASH_SIZE];
	struct elv_rq rqs[]; /* by tag */
};

static const struct physbio_deadline deadline_default = {
	.read_expire = 500,
	.write_expire = 5000,
	.prio_aging_expire = 10000,
	.writes_starved = 2,
	.fifo_batch = 16,
	.front_merges = true,
};

static struct elv_rq *elv_rq_of(const struct pb_request *rq)
{
	return &rq->q->elevator->rqs[rq->tag];
}

/* --- by where they end --- */

static pb_sector_t rq_end(const struct pb_request *rq)
{
	return pb_blk_rq_pos(rq) + pb_blk_rq_sectors(rq);
}

static struct elv_rq **hash_of(struct pb_elevator_queue *e, pb_sector_t end)
{
	u64 key = (u64)ELV_HASH_BLOCK(end) * UINT64_C(0x61c8864680b583eb);

	return &e->hash[key >> (64 - ELV_HASH_BITS)];
}

static void elv_rqhash_del(struct elv_rq *er)
{
	if (!er->hash_prev)
		return;
	*er->hash_prev = er->hash_next;
	if (er->hash_next)
		er->hash_next->hash_prev = er->hash_prev;
	er->hash_prev = NULL;
}

static void elv_rqhash_add(struct pb_elevator_queue *e, struct elv_rq *er)
{
	struct elv_rq **head = hash_of(e, rq_end(er->rq));

	er->hash_next = *head;
	if (*head)
		(*head)->hash_prev = &er->hash_next;
	*head = er;
	er->hash_prev = head;
}

static void elv_rqhash_reposition(struct pb_elevator_queue *e,
				  struct elv_rq *er)
{
	if (!er->hash_prev)
		return;
	elv_rqhash_del(er);
	elv_rqhash_add(e, er);
}

/* A request that has become unmergeable is taken out when it is come upon. */
static struct pb_request *elv_rqhash_find(struct pb_elevator_queue *e,
					  pb_sector_t offset)
{
	struct elv_rq *er, *next;

	for (er = *hash_of(e, offset); er; er = next) {
		next = er->hash_next;
		if (!pb_rq_mergeable(er->rq))
			elv_rqhash_del(er);
		else if (rq_end(er->rq) == offset)
			return er->rq;
	}
	return NULL;
}

/* --- by where they begin --- */

static enum dd_prio dd_prio_of(u16 ioprio)
{
	switch (ioprio >> IOPRIO_CLASS_SHIFT) {
	case IOPRIO_CLASS_RT:
		return DD_RT_PRIO;
	case IOPRIO_CLASS_IDLE:
		return DD_IDLE_PRIO;
	default:
		return DD_BE_PRIO;
	}
}

static struct dd_per_prio *dd_per_prio_of(const struct pb_request *rq)
{
	return &rq->q->elevator->per_prio[dd_prio_of(rq->ioprio)];
}

static enum dd_data_dir dd_dir_of(pb_blk_opf_t opf)
{
	return pb_op_is_write(opf) ? DD_WRITE : DD_READ;
}

static struct dd_list *dd_list_of(const struct pb_request *rq)
{
	return &dd_per_prio_of(rq)->dir[dd_dir_of(rq->cmd_flags)];
}

static struct elv_rq *sorted_entry(struct rb_node *node)
{
	return node ? rb_entry(node, struct elv_rq, sorted) : NULL;
}

/* Of two that begin alike the newer one is behind. Source: elv_rb_add() */
static void elv_rb_add(struct rb_root *root, struct elv_rq *er)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		struct pb_request *rq = sorted_entry(*link)->rq;

		parent = *link;
		link = pb_blk_rq_pos(er->rq) < pb_blk_rq_pos(rq) ?
			       &parent->rb_left :
			       &parent->rb_right;
	}
	rb_link_node(&er->sorted, parent, link);
	rb_insert_color(&er->sorted, root);
}

/* The first request that begins at @sector or behind it. */
static struct elv_rq *elv_rb_from(const struct rb_root *root,
				  pb_sector_t sector)
{
	struct rb_node *node = root->rb_node;
	struct elv_rq *found = NULL;

	while (node) {
		struct elv_rq *er = sorted_entry(node);

		if (pb_blk_rq_pos(er->rq) >= sector) {
			found = er;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

struct pb_request *pb_elv_latter_request(struct pb_request *rq)
{
	struct elv_rq *er = elv_rq_of(rq);

	er = er->rq ? sorted_entry(rb_next(&er->sorted)) : NULL;
	return er ? er->rq : NULL;
}

struct pb_request *pb_elv_former_request(struct pb_request *rq)
{
	struct elv_rq *er = elv_rq_of(rq);

	er = er->rq ? sorted_entry(rb_prev(&er->sorted)) : NULL;
	return er ? er->rq : NULL;
}

/* --- by how long they have waited --- */

static void fifo_add(struct dd_list *list, struct elv_rq *er)
{
	er->fifo_prev = list->newest;
	er->fifo_next = NULL;
	if (list->newest)
		list->newest->fifo_next = er;
	else
		list->oldest = er;
	list->newest = er;
}

static void fifo_del(struct dd_list *list, struct elv_rq *er)
{
	if (er->fifo_prev)
		er->fifo_prev->fifo_next = er->fifo_next;
	else
		list->oldest = er->fifo_next;
	if (er->fifo_next)
		er->fifo_next->fifo_prev = er->fifo_prev;
	else
		list->newest = er->fifo_prev;
}

static void fifo_add_before(struct dd_list *list, struct elv_rq *er,
			    struct elv_rq *other)
{
	er->fifo_prev = other->fifo_prev;
	er->fifo_next = other;
	if (other->fifo_prev)
		other->fifo_prev->fifo_next = er;
	else
		list->oldest = er;
	other->fifo_prev = er;
}

static unsigned int dd_expire(const struct pb_elevator_queue *e,
			      enum dd_data_dir dir)
{
	return dir == DD_READ ? e->tunables.read_expire :
				e->tunables.write_expire;
}

/* --- into and out of the scheduler --- */

/* The request that was merged with last, unless it is closed. Source: req_set_nomerge() */
static struct pb_request *elv_last_merge(struct pb_request_queue *q)
{
	if (q->last_merge && !pb_rq_mergeable(q->last_merge))
		q->last_merge = NULL;
	return q->last_merge;
}

static void deadline_insert(struct pb_request *rq)
{
	struct pb_elevator_queue *e = rq->q->elevator;
	struct elv_rq *er = elv_rq_of(rq);
	struct dd_list *list = dd_list_of(rq);

	er->rq = rq;
	elv_rb_add(&list->sorted, er);
	if (pb_rq_mergeable(rq)) {
		elv_rqhash_add(e, er);
		if (!elv_last_merge(rq->q))
			rq->q->last_merge = rq;
	}
	er->fifo_time =
		jiffies +
		msecs_to_jiffies(dd_expire(e, dd_dir_of(rq->cmd_flags)));
	fifo_add(list, er);
	dd_per_prio_of(rq)->queued++;
	e->queued++;
}

static void deadline_remove(struct pb_request *rq)
{
	struct elv_rq *er = elv_rq_of(rq);
	struct dd_list *list = dd_list_of(rq);

	rb_erase(&er->sorted, &list->sorted);
	fifo_del(list, er);
	elv_rqhash_del(er);
	if (rq->q->last_merge == rq)
		rq->q->last_merge = NULL;
	dd_per_prio_of(rq)->queued--;
	rq->q->elevator->queued--;
	er->rq = NULL;
}

/* Does a new request close a gap in front of one that waits, or behind? */
static bool elv_attempt_insert_merge(struct pb_request *rq,
				     struct pb_rq_list *freed)
{
	struct pb_request_queue *q = rq->q;
	struct pb_request *other;
	bool merged = false;

	if (q->nomerges)
		return false;
	other = elv_last_merge(q);
	if (other && pb_blk_attempt_req_merge(q, other, rq)) {
		pb_rq_list_add_tail(freed, rq);
		return true;
	}
	if (q->noxmerges)
		return false;
	/* What it became part of may now touch the one before. */
	while ((other = elv_rqhash_find(q->elevator, pb_blk_rq_pos(rq))) &&
	       pb_blk_attempt_req_merge(q, other, rq)) {
		pb_rq_list_add_tail(freed, rq);
		merged = true;
		rq = other;
	}
	return merged;
}

void pb_elv_insert(struct pb_request *rq, struct pb_rq_list *freed)
{
	if (!elv_attempt_insert_merge(rq, freed))
		deadline_insert(rq);
}

/* --- merging --- */

static bool elv_bio_merge_ok(struct pb_request *rq, struct pb_bio *bio)
{
	return pb_blk_rq_merge_ok(rq, bio);
}

static enum pb_elv_merge deadline_request_merge(struct pb_request_queue *q,
						struct pb_request **req,
						struct pb_bio *bio)
{
	struct pb_elevator_queue *e = q->elevator;
	struct dd_list *list = &e->per_prio[dd_prio_of(bio->bi_ioprio)]
					.dir[dd_dir_of(bio->bi_opf)];
	pb_sector_t end = pb_bio_end_sector(bio);
	struct elv_rq *er;

	if (!e->tunables.front_merges)
		return PB_ELEVATOR_NO_MERGE;
	er = elv_rb_from(&list->sorted, end);
	if (!er || pb_blk_rq_pos(er->rq) != end ||
	    !elv_bio_merge_ok(er->rq, bio))
		return PB_ELEVATOR_NO_MERGE;
	*req = er->rq;
	return pb_blk_discard_mergable(er->rq) ? PB_ELEVATOR_DISCARD_MERGE :
						 PB_ELEVATOR_FRONT_MERGE;
}

enum pb_elv_merge pb_elv_merge(struct pb_request_queue *q,
			       struct pb_request **req, struct pb_bio *bio)
{
	enum pb_elv_merge ret;
	struct pb_request *rq;

	if (q->nomerges || !pb_bio_mergeable(bio))
		return PB_ELEVATOR_NO_MERGE;
	rq = elv_last_merge(q);
	ret = rq ? pb_blk_try_merge(rq, bio) : PB_ELEVATOR_NO_MERGE;
	/* Most don't touch it: what else there is to ask comes after. */
	if (ret != PB_ELEVATOR_NO_MERGE && elv_bio_merge_ok(rq, bio)) {
		*req = rq;
		return ret;
	}
	if (q->noxmerges)
		return PB_ELEVATOR_NO_MERGE;
	rq = elv_rqhash_find(q->elevator, bio->bi_iter.bi_sector);
	if (rq && elv_bio_merge_ok(rq, bio)) {
		*req = rq;
		return pb_blk_discard_mergable(rq) ? PB_ELEVATOR_DISCARD_MERGE :
						     PB_ELEVATOR_BACK_MERGE;
	}
	return deadline_request_merge(q, req, bio);
}
EXPORT_SYMBOL_GPL(pb_elv_merge);

void pb_elv_merged_request(struct pb_request *rq, enum pb_elv_merge type)
{
	struct elv_rq *er = elv_rq_of(rq);
	struct dd_list *list = dd_list_of(rq);

	/* It begins earlier now. */
	if (type == PB_ELEVATOR_FRONT_MERGE) {
		rb_erase(&er->sorted, &list->sorted);
		elv_rb_add(&list->sorted, er);
	}
	if (type == PB_ELEVATOR_BACK_MERGE)
		elv_rqhash_reposition(rq->q->elevator, er);
	rq->q->last_merge = rq;
}

/* @next may have been on its way in. Source: elv_merge_requests() */
void pb_elv_merge_requests(struct pb_request *rq, struct pb_request *next)
{
	struct elv_rq *er = elv_rq_of(rq), *ner = elv_rq_of(next);

	if (!er->rq)
		return;
	/* The one that has waited longer keeps its turn. */
	if (ner->rq && dd_list_of(rq) == dd_list_of(next) &&
	    time_before(ner->fifo_time, er->fifo_time)) {
		fifo_del(dd_list_of(rq), er);
		fifo_add_before(dd_list_of(rq), er, ner);
		er->fifo_time = ner->fifo_time;
	}
	if (ner->rq)
		deadline_remove(next);
	elv_rqhash_reposition(rq->q->elevator, er);
	rq->q->last_merge = rq;
}

#define BIO_LIST_MERGE_MAX 8

bool pb_blk_bio_list_merge(struct pb_request_queue *q,
			   const struct pb_rq_list *list, struct pb_bio *bio,
			   unsigned int nr_segs)
{
	struct pb_request *rq = list->tail;
	int checked = BIO_LIST_MERGE_MAX;

	for (; rq && checked; rq = rq->rq_prev, checked--) {
		switch (pb_blk_attempt_bio_merge(q, rq, bio, nr_segs, true)) {
		case PB_BIO_MERGE_NONE:
			continue;
		case PB_BIO_MERGE_OK:
			return true;
		default:
			return false;
		}
	}
	return false;
}

/* The bio has closed the gap to the neighbour, perhaps. */
static struct pb_request *attempt_back_merge(struct pb_request_queue *q,
					     struct pb_request *rq)
{
	struct pb_request *next = pb_elv_latter_request(rq);

	return next && pb_blk_attempt_req_merge(q, rq, next) ? next : NULL;
}

static struct pb_request *attempt_front_merge(struct pb_request_queue *q,
					      struct pb_request *rq)
{
	struct pb_request *prev = pb_elv_former_request(rq);

	return prev && pb_blk_attempt_req_merge(q, prev, rq) ? rq : NULL;
}

bool pb_blk_mq_sched_try_merge(struct pb_request_queue *q, struct pb_bio *bio,
			       unsigned int nr_segs,
			       struct pb_request **merged_request)
{
	struct pb_request *rq;

	switch (pb_elv_merge(q, &rq, bio)) {
	case PB_ELEVATOR_BACK_MERGE:
		if (pb_bio_attempt_back_merge(rq, bio, nr_segs) !=
		    PB_BIO_MERGE_OK)
			return false;
		*merged_request = attempt_back_merge(q, rq);
		if (!*merged_request)
			pb_elv_merged_request(rq, PB_ELEVATOR_BACK_MERGE);
		return true;
	case PB_ELEVATOR_FRONT_MERGE:
		if (pb_bio_attempt_front_merge(rq, bio, nr_segs) !=
		    PB_BIO_MERGE_OK)
			return false;
		*merged_request = attempt_front_merge(q, rq);
		if (!*merged_request)
			pb_elv_merged_request(rq, PB_ELEVATOR_FRONT_MERGE);
		return true;
	case PB_ELEVATOR_DISCARD_MERGE:
		return pb_bio_attempt_discard_merge(rq, bio) == PB_BIO_MERGE_OK;
	default:
		return false;
	}
}

/* --- dispatch --- */

static bool deadline_check_fifo(const struct dd_list *list)
{
	return time_is_before_eq_jiffies(list->oldest->fifo_time);
}

/* The next one in the order of sectors after the last. */
static struct elv_rq *deadline_next_request(const struct dd_list *list)
{
	return elv_rb_from(&list->sorted, list->latest_pos);
}

/* Which direction is it now? Reads go first, but not for ever. */
static bool dd_choose_dir(struct pb_elevator_queue *e,
			  const struct dd_per_prio *per_prio,
			  enum dd_data_dir *dir)
{
	bool reads = per_prio->dir[DD_READ].oldest;
	bool writes = per_prio->dir[DD_WRITE].oldest;

	if (reads && (!writes || e->starved++ < e->tunables.writes_starved)) {
		*dir = DD_READ;
		return true;
	}
	if (!writes)
		return false;
	e->starved = 0;
	*dir = DD_WRITE;
	return true;
}

static struct elv_rq *dd_pick(struct pb_elevator_queue *e,
			      struct dd_per_prio *per_prio)
{
	struct elv_rq *er = deadline_next_request(&per_prio->dir[e->last_dir]);
	enum dd_data_dir dir;

	if (er && e->batching < e->tunables.fifo_batch)
		return er;
	if (!dd_choose_dir(e, per_prio, &dir))
		return NULL;
	er = deadline_next_request(&per_prio->dir[dir]);
	if (!er || deadline_check_fifo(&per_prio->dir[dir]))
		er = per_prio->dir[dir].oldest;
	e->last_dir = dir;
	e->batching = 0;
	return er;
}

/* Has something waited there since before @latest? */
static bool dd_aged(const struct pb_elevator_queue *e,
		    const struct dd_per_prio *per_prio, unsigned long latest)
{
	int dir;

	for (dir = DD_READ; dir < DD_DIR_COUNT; dir++) {
		const struct elv_rq *er = per_prio->dir[dir].oldest;
		unsigned long wait;

		if (!er)
			continue;
		wait = msecs_to_jiffies(dd_expire(e, (enum dd_data_dir)dir));
		if (!time_after(er->fifo_time - wait, latest))
			return true;
	}
	return false;
}

/* A less urgent class is served when it has waited too long, else when it is alone. */
static struct elv_rq *dd_pick_prio(struct pb_elevator_queue *e)
{
	unsigned long latest =
		jiffies - msecs_to_jiffies(e->tunables.prio_aging_expire);
	int prio;

	for (prio = DD_BE_PRIO; prio < DD_PRIO_COUNT; prio++)
		if (e->per_prio[prio].queued != e->queued &&
		    dd_aged(e, &e->per_prio[prio], latest))
			return dd_pick(e, &e->per_prio[prio]);
	for (prio = DD_RT_PRIO; prio < DD_PRIO_COUNT; prio++)
		if (e->per_prio[prio].queued)
			return dd_pick(e, &e->per_prio[prio]);
	return NULL;
}

void physbio_elv_take(struct pb_request *rq)
{
	dd_list_of(rq)->latest_pos = rq_end(rq);
	deadline_remove(rq);
	rq->q->elevator->batching++;
}

struct pb_request *pb_elv_dispatch(struct pb_request_queue *q)
{
	struct elv_rq *er = dd_pick_prio(q->elevator);
	struct pb_request *rq;

	if (!er)
		return NULL;
	rq = er->rq;
	physbio_elv_take(rq);
	return rq;
}

bool pb_elv_has_work(const struct pb_request_queue *q)
{
	return q->elevator && q->elevator->queued;
}

/* --- which scheduler --- */

static struct pb_elevator_queue *deadline_init(unsigned int nr_rqs)
{
	struct pb_elevator_queue *e = kvzalloc(
		sizeof(*e) + nr_rqs * sizeof(e->rqs[0]), PB_GFP_KERNEL);

	if (e)
		e->tunables = deadline_default;
	return e;
}

static int elevator_set(struct pb_request_queue *q, struct pb_elevator_queue *e)
{
	struct pb_elevator_queue *old = e;
	unsigned long flags;
	int err = -EBUSY;

	spin_lock_irqsave(&q->lock, flags);
	if (!q->in_use) {
		old = q->elevator;
		q->elevator = e;
		q->last_merge = NULL;
		err = 0;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	kvfree(old);
	return err;
}

int pb_elevator_change(struct pb_request_queue *q, const char *name)
{
	struct pb_elevator_queue *e = NULL;

	if (!strcmp(name, "mq-deadline")) {
		e = deadline_init(q->nr_rqs);
		if (!e)
			return -ENOMEM;
	} else if (strcmp(name, "none")) {
		return -EINVAL;
	}
	return elevator_set(q, e);
}
EXPORT_SYMBOL_GPL(pb_elevator_change);

const char *physbio_elevator_name(const struct pb_request_queue *q)
{
	return q->elevator ? "mq-deadline" : "none";
}
EXPORT_SYMBOL_GPL(physbio_elevator_name);

int physbio_deadline_set(struct pb_request_queue *q,
			 const struct physbio_deadline *tunables)
{
	unsigned long flags;

	if (!q->elevator || !tunables->fifo_batch)
		return -EINVAL;
	spin_lock_irqsave(&q->lock, flags);
	q->elevator->tunables = *tunables;
	spin_unlock_irqrestore(&q->lock, flags);
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_deadline_set);
