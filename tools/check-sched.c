// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the scheduler, or a software queue, would do: tried on copies, so that nothing
 * is changed. And how a request leaves either of them when the record says so.
 */
#include "check.h"

/* The engine's own attempt, on copies of both sides. */
static enum pb_bio_merge_status try_bio(struct check *c, struct pb_request *rq,
					const struct pb_bio *bio,
					unsigned int nr_segs)
{
	const struct physbio_queue_stats was = c->stats;
	struct pb_request rq_copy = *rq;
	struct pb_bio bio_copy = *bio;
	enum pb_bio_merge_status status;

	status = pb_blk_attempt_bio_merge(c->q, &rq_copy, &bio_copy, nr_segs,
					  true);
	rq->biotail->bi_next = NULL;
	c->stats = was;
	if (status == PB_BIO_MERGE_FAILED)
		check_rq_of(rq)->refused = true;
	return status;
}

bool check_would(struct check *c, struct pb_request *rq,
		 const struct pb_bio *bio, unsigned int nr_segs)
{
	return try_bio(c, rq, bio, nr_segs) == PB_BIO_MERGE_OK;
}

static bool try_rq(struct check *c, struct pb_request *rq,
		   struct pb_request *next)
{
	const struct physbio_queue_stats was = c->stats;
	struct pb_elevator_queue *elevator = c->q->elevator;
	struct pb_request rq_copy = *rq, next_copy = *next;
	bool merged;

	c->q->elevator = NULL; /* it is not to hear of this */
	merged = pb_blk_attempt_req_merge(c->q, &rq_copy, &next_copy);
	c->q->elevator = elevator;
	rq->biotail->bi_next = NULL;
	c->stats = was;
	return merged;
}

struct pb_request *check_join_would(struct check *c, struct pb_request *rq,
				    const struct pb_bio *bio,
				    unsigned int nr_segs)
{
	const struct physbio_queue_stats was = c->stats;
	bool back = pb_blk_try_merge(rq, bio) == PB_ELEVATOR_BACK_MERGE;
	struct pb_request *other = back ? pb_elv_latter_request(rq) :
					  pb_elv_former_request(rq);
	struct pb_request copy = *rq;
	struct pb_bio bio_copy = *bio;
	bool joins = false;

	if (!other || pb_blk_discard_mergable(rq))
		return NULL;
	if (pb_blk_attempt_bio_merge(c->q, &copy, &bio_copy, nr_segs, true) ==
	    PB_BIO_MERGE_OK)
		joins = back ? try_rq(c, &copy, other) :
			       try_rq(c, other, &copy);
	rq->biotail->bi_next = NULL;
	c->stats = was;
	return joins ? other : NULL;
}

#define SW_TRIED 8 /* of a software queue: BIO_LIST_MERGE_MAX of elevator.c */

static struct pb_request *sw_would(struct check *c, struct pb_bio *bio,
				   unsigned int nr_segs, unsigned int cpu)
{
	struct pb_request *rq = c->sw[cpu].tail;
	int left = SW_TRIED;

	for (; rq && left; rq = rq->rq_prev, left--)
		switch (try_bio(c, rq, bio, nr_segs)) {
		case PB_BIO_MERGE_NONE:
			continue;
		case PB_BIO_MERGE_OK:
			return rq;
		default:
			return NULL;
		}
	return NULL;
}

struct pb_request *check_sched_would(struct check *c, struct pb_bio *bio,
				     unsigned int nr_segs, unsigned int cpu)
{
	struct pb_request *rq;

	if (!c->q->elevator)
		return sw_would(c, bio, nr_segs, cpu);
	if (pb_elv_merge(c->q, &rq, bio) == PB_ELEVATOR_NO_MERGE)
		return NULL;
	return try_bio(c, rq, bio, nr_segs) == PB_BIO_MERGE_OK ? rq : NULL;
}

struct pb_request *check_insert_would(struct check *c, struct pb_request *rq)
{
	struct check_rq *cr;

	if (!c->q->elevator || c->nomerges == 2)
		return NULL;
	if (c->q->last_merge && try_rq(c, c->q->last_merge, rq))
		return c->q->last_merge;
	if (c->nomerges)
		return NULL;
	check_for_each_at(c, cr, CHECK_WAITING) if (&cr->rq != rq &&
						    try_rq(c, &cr->rq,
							   rq)) return &cr->rq;
	return NULL;
}

bool check_last_unsure(const struct check *c)
{
	struct pb_request *last = c->q->last_merge;

	if (!c->q->elevator || c->nomerges != 1)
		return false;
	/* Its memory may have closed it. */
	if (c->blind)
		return true;
	return c->left || (last && c->left_issued > check_rq_of(last)->since);
}

bool check_other_last(struct check *c, struct pb_bio *bio, unsigned int nr_segs)
{
	struct check_rq *cr;

	if (!check_last_unsure(c))
		return false;
	check_for_each_at(c, cr, CHECK_WAITING)
	{
		if (pb_blk_try_merge(&cr->rq, bio) == PB_ELEVATOR_NO_MERGE ||
		    try_bio(c, &cr->rq, bio, nr_segs) != PB_BIO_MERGE_OK)
			continue;
		c->q->last_merge = &cr->rq;
		return true;
	}
	return false;
}

static unsigned int hctx_of(const struct check *c, const struct check_rq *cr)
{
	unsigned int hctx = trace_hctxs(c->trace)->of_cpu[cr->cpu];

	return hctx ? hctx - 1 : 0;
}

void check_move(struct check *c, struct check_rq *cr, enum check_place place,
		unsigned int line)
{
	unsigned int hctx = hctx_of(c, cr);

	if (c->q->last_merge == &cr->rq)
		c->left = cr;
	if (c->left == cr && place == CHECK_ISSUED) {
		c->left = NULL;
		c->left_issued = line;
	}
	if (cr->place == CHECK_WAITING && c->q->elevator)
		physbio_elv_take(&cr->rq);
	else if (cr->place == CHECK_WAITING)
		check_list_remove(&c->sw[cr->cpu], &cr->rq);
	c->issued[hctx] -= cr->place == CHECK_ISSUED;
	c->issued[hctx] += place == CHECK_ISSUED;
	c->taken[hctx] -= cr->place == CHECK_TAKEN;
	c->taken[hctx] += place == CHECK_TAKEN;
	check_set_place(c, cr, place);
	cr->since = line;
}

void check_ask_taken(struct check *c, struct pb_bio *bio, unsigned int nr_segs)
{
	struct check_rq *cr;

	check_for_each_at(c, cr, CHECK_TAKEN) try_bio(c, &cr->rq, bio, nr_segs);
}

static void put_back(struct check *c, struct check_rq *cr, unsigned int line)
{
	struct pb_rq_list freed = { NULL, NULL };

	c->q->nomerges |= c->blind;
	pb_elv_insert(&cr->rq, &freed);
	c->q->nomerges = c->nomerges == 2;
	check_move(c, cr, CHECK_WAITING, line);
	if (c->nomerges == 1)
		c->q->last_merge = &cr->rq;
}

static bool can_put_back(struct check *c, struct check_rq *cr)
{
	return c->q->elevator && (c->blind || !check_insert_would(c, &cr->rq));
}

bool check_not_left(struct check *c, struct pb_bio *bio, unsigned int nr_segs,
		    unsigned int line)
{
	struct check_rq *cr;

	check_for_each_at(c, cr,
			  CHECK_TAKEN) if (can_put_back(c, cr) &&
					   try_bio(c, &cr->rq, bio, nr_segs) ==
						   PB_BIO_MERGE_OK)
	{
		put_back(c, cr, line);
		return true;
	}
	return false;
}

bool check_insert_other(struct check *c, struct pb_request *rq,
			unsigned int line)
{
	struct check_rq *cr;

	check_for_each_at(c, cr, CHECK_TAKEN) if (can_put_back(c, cr) &&
						  try_rq(c, &cr->rq, rq))
	{
		put_back(c, cr, line);
		return true;
	}
	if (!check_last_unsure(c))
		return false;
	check_for_each_at(c, cr, CHECK_WAITING) if (try_rq(c, &cr->rq, rq))
	{
		c->q->last_merge = &cr->rq;
		return true;
	}
	return false;
}

bool check_join_not_left(struct check *c, struct pb_request *rq,
			 const struct pb_bio *bio, unsigned int nr_segs,
			 unsigned int line)
{
	struct check_rq *cr;

	check_for_each_at(c, cr, CHECK_TAKEN)
	{
		if (!can_put_back(c, cr))
			continue;
		put_back(c, cr, line);
		if (check_join_would(c, rq, bio, nr_segs))
			return true;
		check_move(c, cr, CHECK_TAKEN, line);
	}
	return false;
}

/*
 * The scheduler gives one request more than there are tags: that one has left it, and
 * waits for a tag. Which one it is shows when it is issued.
 */
void check_out_of_tags(struct check *c, unsigned int line)
{
	struct check_rq *cr;
	unsigned int hctx, tags;

	if (!c->q->elevator || c->next_issue.action != TRACE_ISSUE)
		return;
	cr = check_find(c, &c->next_issue, CHECK_AT(CHECK_WAITING), false);
	if (!cr)
		return;
	hctx = hctx_of(c, cr);
	tags = trace_hctxs(c->trace)->nr_tags[hctx];
	if (tags && c->issued[hctx] >= tags && !c->taken[hctx])
		check_move(c, cr, CHECK_TAKEN, line);
}
