// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Events that say nothing of memory: what blkparse, perf script and bpftrace tell. Sizes,
 * places, the plug and the scheduler are decided as ever. What segments or gaps may have
 * refused is an input: the engine has no say in it, but what was merged it must allow, and
 * no part is longer than it would cut. There is no event before a merge is tried, none
 * of a merge of discards, and requests that join are called bios that merge.
 */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Nothing may be refused for its memory: that is looked at here. */
void check_blind_limits(struct check *c, struct pb_queue_limits *lim)
{
	const struct settings *s = trace_settings(c->trace);

	c->max_segments = lim->max_segments;
	c->gaps_count = lim->virt_boundary_mask || !s->has_limits;
	lim->max_segments = UINT16_MAX;
	lim->max_segment_size = UINT32_MAX;
	lim->seg_boundary_mask = UINT64_MAX;
	lim->virt_boundary_mask = 0;
	if (s->has_limits)
		return;
	lim->max_hw_sectors = UINT32_MAX;
	lim->max_user_sectors = UINT32_MAX;
	lim->max_hw_discard_sectors = UINT32_MAX >> PB_SECTOR_SHIFT;
	lim->max_discard_segments = UINT16_MAX;
	lim->features |= PB_BLK_FEAT_WRITE_CACHE | PB_BLK_FEAT_FUA;
}

/* Segments that so many bytes in so many bios have at most: pages that they touch. */
static unsigned int most_segments(uint64_t bytes, unsigned int bios)
{
	return (unsigned int)(bytes / PB_PAGE_SIZE) + 2 * bios;
}

static bool memory_may_refuse(const struct check *c,
			      const struct pb_request *rq,
			      const struct pb_bio *bio)
{
	const struct pb_bio *b;
	unsigned int bios = 1;

	for (b = rq->bio; b; b = b->bi_next)
		bios++;
	return c->gaps_count || most_segments((uint64_t)pb_blk_rq_bytes(rq) +
						      bio->bi_iter.bi_size,
					      bios) > c->max_segments;
}

static bool memory_may_cut(const struct check *c, const struct pb_bio *bio)
{
	return c->gaps_count ||
	       most_segments(bio->bi_iter.bi_size, 1) > c->max_segments;
}

/* The bio, before it is known whether it is cut. */
static void start(struct check *c, struct check_task *t,
		  const struct trace_event *e)
{
	struct pb_bio *bio = t->whole;

	if (!bio)
		return;
	t->whole = NULL;
	check_begin(t, bio);
	check_settle_split(c, t, e);
}

/* A discard of several ranges joins without an event. */
static void settle_discard(struct check *c, struct check_task *t,
			   const struct trace_event *e)
{
	enum check_merge got;

	check_try_plug(c, t);
	got = t->plug_merge;
	if (got == CHECK_NOT_MERGED)
		got = check_try_sched(c, t, e->cpu);
	if (check_decided(c, e, got != CHECK_NOT_MERGED,
			  "expected a merge of discards before, got none"))
		check_finish(t);
	else
		check_drop(c, t);
}

/* Nothing more is told of the bios before. */
static void settle(struct check *c, struct check_task *t,
		   const struct trace_event *e)
{
	while (t->whole || t->cur) {
		start(c, t, e);
		if (!t->cur)
			continue;
		if (pb_bio_op(t->cur) == PB_REQ_OP_DISCARD)
			settle_discard(c, t, e);
		else
			check_drop(c, t);
	}
}

/* A task that sleeps has a bio in hand, unless that has joined what is plugged. */
static void settle_silent(struct check *c, struct check_task *t,
			  const struct trace_event *e)
{
	struct pb_request *last = t->plug.mq_list.tail;

	if (t->cur && last && pb_blk_discard_mergable(last) &&
	    check_would(c, last, t->cur, t->nr_segs))
		settle(c, t, e);
}

static int on_queue(struct check *c, struct check_task *t,
		    const struct trace_event *e)
{
	static const uint64_t somewhere = UINT64_C(1) << 32;
	struct trace_vec vec = { somewhere, (uint32_t)e->len };
	struct trace_event bio_event = *e;
	struct pb_bio *bio;
	bool data = e->op == TRACE_READ || e->op == TRACE_WRITE;

	settle(c, t, e);
	if (e->len > UINT32_MAX)
		return -E2BIG;
	/* A flush comes as a write without data. */
	if (e->op == TRACE_FLUSH)
		bio_event.opf = (e->opf & ~PB_REQ_OP_MASK) | PB_REQ_OP_WRITE;
	if (data && e->len) {
		bio_event.vecs = &vec;
		bio_event.nr_vecs = 1;
	}
	bio = check_bio(c, &bio_event);
	if (!bio)
		return -ENOMEM;
	if (bio_event.nr_vecs)
		t->whole = bio;
	else
		check_begin(t, bio);
	return 0;
}

/* The engine cuts where the record does; not behind where it would. */
static void on_split(struct check *c, struct check_task *t,
		     const struct trace_event *e)
{
	struct pb_queue_limits *lim = &c->q->limits;
	const uint32_t max_sectors = lim->max_sectors;
	uint32_t most, n = (uint32_t)(e->len / 512);
	struct pb_bio *bio = t->whole;

	if (!bio) {
		check_split(c, t, e);
		return;
	}
	most = pb_get_max_io_size(bio, lim);
	check_decided(
		c, e,
		bio->bi_iter.bi_sector == e->offset / 512 &&
			n < pb_bio_sectors(bio) &&
			(n == most || (n < most && memory_may_cut(c, bio))),
		"expected a split of sector %" PRIu64
		" after %u sectors, got %" PRIu64 " after %u",
		e->offset / 512, n, (uint64_t)bio->bi_iter.bi_sector, most);
	c->inputs += n < most;
	t->whole = NULL;
	lim->max_sectors = n;
	check_begin(t, bio);
	lim->max_sectors = max_sectors;
	t->want_split = false;
}

/*
 * A request joins another: one on its way in, or one that waits and has grown. The
 * engine alone would perhaps go on, where memory has stopped it.
 */
static void on_join(struct check *c, struct check_task *t,
		    const struct trace_event *e)
{
	struct check_rq *cr = check_leave_flushed(c, t, e);
	struct pb_request *other = NULL;

	if (!cr)
		cr = check_find(c, e, CHECK_AT(CHECK_WAITING), true);
	if (cr && c->q->elevator)
		other = check_insert_would(c, &cr->rq);
	if (cr && c->q->elevator && !other &&
	    check_insert_other(c, &cr->rq, e->line))
		other = check_insert_would(c, &cr->rq);
	if (!check_decided(c, e,
			   other && pb_blk_attempt_req_merge(c->q, other,
							     &cr->rq),
			   "expected request %" PRIu64 " + %" PRIu64
			   " to join another, got no such merge",
			   e->offset / 512, e->len / 512))
		return;
	/* The scheduler has let go of it. */
	check_set_place(c, cr, CHECK_LOOSE);
	check_rq_put(c, cr);
}

static void on_merge(struct check *c, struct check_task *t,
		     const struct trace_event *e)
{
	const enum check_merge want =
		e->action == TRACE_BACKMERGE ? CHECK_BACK : CHECK_FRONT;
	struct trace_event known = *e;

	if (!check_bio_at(t->whole ? t->whole : t->cur, e)) {
		known.action = TRACE_RQ_MERGE;
		known.path = TRACE_PATH_SCHED;
		if (t->joined.head)
			check_rq_merge(c, t, &known);
		else
			on_join(c, t, e);
		return;
	}
	start(c, t, e);
	t->attempted = true;
	/* At its other end, or not at all: then it was elsewhere. */
	check_try_plug(c, t);
	known.path = t->plug_merge == want ||
				     t->plug_merge != CHECK_NOT_MERGED ?
			     TRACE_PATH_PLUG :
			     TRACE_PATH_SCHED;
	check_merge(c, t, &known);
}

static void try_all(struct check *c, struct check_task *t,
		    const struct trace_event *e)
{
	struct pb_request *last = t->plug.mq_list.tail;

	t->attempted = true;
	if (last && check_would(c, last, t->cur, t->nr_segs) &&
	    memory_may_refuse(c, last, t->cur))
		c->inputs++;
	else
		check_try_plug(c, t);
	t->sched_none = true;
	if (t->plug_merge != CHECK_NOT_MERGED)
		return;
	if (check_sched_would(c, t->cur, t->nr_segs, e->cpu))
		c->inputs++;
	else
		check_try_sched(c, t, e->cpu);
}

static int on_getrq(struct check *c, struct check_task *t,
		    const struct trace_event *e)
{
	start(c, t, e);
	if (t->cur && check_bio_at(t->cur, e) && check_may_merge(c, t->cur))
		try_all(c, t, e);
	return check_getrq(c, t, e);
}

int check_blind(struct check *c, struct check_task *t,
		const struct trace_event *e,
		int (*next)(struct check *c, struct check_task *t,
			    const struct trace_event *e))
{
	switch (e->action) {
	case TRACE_QUEUE:
		return on_queue(c, t, e);
	case TRACE_SPLIT:
		on_split(c, t, e);
		return 0;
	case TRACE_BACKMERGE:
	case TRACE_FRONTMERGE:
		on_merge(c, t, e);
		return 0;
	case TRACE_GETRQ:
		return on_getrq(c, t, e);
	case TRACE_UNPLUG:
		settle_silent(c, t, e);
		/* The driver is told that no more come: the same event. */
		if (!t->plug.rq_count && !t->flushed.head) {
			c->inputs++;
			return 0;
		}
		return next(c, t, e);
	default:
		return next(c, t, e);
	}
}
