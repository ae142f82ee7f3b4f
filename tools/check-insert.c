// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests on their way into the scheduler or a software queue: which of them join others
 * there. What bios do with those that wait is decided in check-merge.c.
 */
#include "check.h"

#include <inttypes.h>

struct check_rq *check_leave_flushed(struct check *c, struct check_task *t,
				     const struct trace_event *e)
{
	struct pb_request *rq = t->flushed.head;
	struct check_rq *cr;

	for (; rq; rq = rq->rq_next)
		if (pb_blk_rq_pos(rq) == e->offset / 512 &&
		    pb_blk_rq_bytes(rq) == e->len)
			break;
	if (rq) {
		check_list_remove(&t->flushed, rq);
		return check_rq_of(rq);
	}
	cr = check_find(c, e,
			CHECK_AT(CHECK_LOOSE) | CHECK_AT(CHECK_FLUSH_SEQ) |
				CHECK_AT(CHECK_REQUEUED),
			true);
	if (cr && cr == t->incoming)
		t->incoming = NULL;
	return cr;
}

static void insert_waits(struct check *c, struct check_task *t,
			 struct check_rq *cr, const struct trace_event *e)
{
	struct pb_request *rq;

	if (!c->q->elevator) {
		pb_rq_list_add_tail(&c->sw[cr->cpu], &cr->rq);
		check_move(c, cr, CHECK_WAITING, e->line);
		return;
	}
	/* Where memory is not known it may have been against it. */
	while ((rq = check_insert_would(c, &cr->rq)) && !c->blind &&
	       check_had_left(c, rq, e))
		;
	c->inputs += rq && c->blind;
	/* As it was recorded: it joins nothing. */
	c->q->nomerges |= rq != NULL;
	pb_elv_insert(&cr->rq, &t->joined);
	c->q->nomerges = c->nomerges == 2;
	check_let_go(c, &t->joined);
	/* If it has joined after all, the next event will not say so. */
	if (!t->joined.head)
		check_move(c, cr, CHECK_WAITING, e->line);
}

void check_insert(struct check *c, struct check_task *t,
		  const struct trace_event *e)
{
	struct check_rq *cr = check_leave_flushed(c, t, e);

	check_decided(c, e, cr,
		      "expected request %" PRIu64 " + %" PRIu64
		      " to be inserted, got no such request",
		      e->offset / 512, e->len / 512);
	/* Those of the flush machinery go in front and are not looked at. */
	if (cr && (cr->place == CHECK_LOOSE || cr->place == CHECK_FLUSHED))
		insert_waits(c, t, cr, e);
}

/* It is part of another, or must be soon. */
static void joined(struct check *c, struct pb_request *rq)
{
	check_rq_put(c, check_rq_of(rq));
}

static void insert_joins(struct check *c, struct check_task *t,
			 struct check_rq *cr, const struct trace_event *e)
{
	if (!check_insert_would(c, &cr->rq))
		c->inputs += check_insert_other(c, &cr->rq, e->line);
	pb_elv_insert(&cr->rq, &t->joined);
	check_let_go(c, &t->joined);
	if (!check_decided(c, e, t->joined.head == &cr->rq,
			   "expected request %" PRIu64 " + %" PRIu64
			   " to join another, got it inserted",
			   e->offset / 512, e->len / 512)) {
		check_set_place(c, cr, CHECK_WAITING);
		return;
	}
	joined(c, pb_rq_list_pop(&t->joined));
}

/* A request that was merged away has no bio any more, but its extent still. */
static bool rq_was_at(const struct pb_request *rq, const struct trace_event *e)
{
	return rq && pb_blk_rq_pos(rq) == e->offset / 512 &&
	       pb_blk_rq_bytes(rq) == e->len;
}

void check_rq_merge(struct check *c, struct check_task *t,
		    const struct trace_event *e)
{
	struct check_rq *cr;

	if (t->joined.head) {
		check_decided(c, e, rq_was_at(t->joined.head, e),
			      "expected request %" PRIu64 " + %" PRIu64
			      " to join another, got %" PRIu64 " + %u",
			      e->offset / 512, e->len / 512,
			      (uint64_t)pb_blk_rq_pos(t->joined.head),
			      pb_blk_rq_sectors(t->joined.head));
		joined(c, pb_rq_list_pop(&t->joined));
		return;
	}
	cr = e->path == TRACE_PATH_INSERT ? check_leave_flushed(c, t, e) : NULL;
	if (cr && c->q->elevator)
		insert_joins(c, t, cr, e);
	else
		check_decided(c, e, false,
			      "expected request %" PRIu64 " + %" PRIu64
			      " to join another, got no such merge",
			      e->offset / 512, e->len / 512);
}

/* Joins that the engine made and the record has not. */
void check_settle_joined(struct check *c, struct check_task *t,
			 const struct trace_event *e)
{
	struct pb_request *rq;

	while ((rq = pb_rq_list_pop(&t->joined))) {
		check_decided(c, e, false,
			      "expected nothing, got request %" PRIu64
			      " + %u joined to another",
			      (uint64_t)pb_blk_rq_pos(rq),
			      pb_blk_rq_sectors(rq));
		joined(c, rq);
	}
}
