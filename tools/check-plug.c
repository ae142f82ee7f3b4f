// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests of their own, and the plug that they go on: is it full, and what does it hold
 * when it is flushed? When a task ends it, or sleeps, is the record's.
 */
#include "check.h"

#include <inttypes.h>

/*
 * The scheduler was asked between B and now. If it has something for the bio at both
 * times, what it has had left already.
 */
static void sched_refuses(struct check *c, struct check_task *t,
			  const struct trace_event *e)
{
	struct pb_request *rq;

	if (t->sched_none)
		return;
	while ((rq = check_sched_would(c, t->cur, t->nr_segs, e->cpu)))
		if (!check_had_left(c, rq, e))
			return;
	check_try_sched(c, t, e->cpu);
}

/* Flushes before the data, or after them without FUA, are steps of their own. */
static bool is_flush_seq(const struct check *c, const struct pb_bio *bio)
{
	if (bio->bi_opf & PB_REQ_PREFLUSH)
		return true;
	return (bio->bi_opf & PB_REQ_FUA) &&
	       !(c->q->limits.features & PB_BLK_FEAT_FUA);
}

static void plug_add(struct check *c, struct check_task *t, struct check_rq *cr)
{
	pb_rq_list_add_tail(&t->plug.mq_list, &cr->rq);
	t->plug.rq_count++;
	check_set_place(c, cr, CHECK_PLUGGED);
	t->incoming = NULL;
}

void check_settle_plug(struct check *c, struct check_task *t,
		       const struct trace_event *e)
{
	if (!t->want_unplug)
		return;
	t->want_unplug = false;
	check_decided(c, e, false, "expected no unplug, got one of %u requests",
		      t->plug.rq_count);
	plug_add(c, t, t->incoming);
}

static void to_plug(struct check *c, struct check_task *t, struct check_rq *cr)
{
	t->incoming = cr;
	if (!t->plug.rq_count)
		return;
	c->decisions++;
	t->want_unplug = physbio_plug_full(&t->plug, c->q);
	if (!t->want_unplug)
		plug_add(c, t, cr);
}

static void check_not_merged(struct check *c, struct check_task *t,
			     const struct trace_event *e)
{
	bool asked = t->attempted == check_may_merge(c, t->cur);

	check_decided(c, e, asked && t->plug_merge == CHECK_NOT_MERGED,
		      "expected a request of its own, got %s",
		      asked ? check_merge_names[t->plug_merge] :
			      "an attempt to merge");
	if (check_undo_plug(c, t) && t->attempted)
		sched_refuses(c, t, e);
}

int check_getrq(struct check *c, struct check_task *t,
		const struct trace_event *e)
{
	struct check_rq *cr;
	bool flush;

	check_settle_split(c, t, e);
	if (!check_bio_at(t->cur, e)) {
		check_decided(c, e, false,
			      "expected a request of a bio that is not there");
		return 0;
	}
	check_not_merged(c, t, e);
	if (t->plug_merge != CHECK_NOT_MERGED) {
		check_finish(t);
		return 0;
	}
	flush = is_flush_seq(c, t->cur);
	cr = check_rq_get(c, t);
	if (!cr)
		return -E2BIG;
	cr->cpu = e->cpu;
	check_finish(t);
	if (!flush)
		to_plug(c, t, cr);
	else if (pb_blk_rq_bytes(&cr->rq))
		check_set_place(c, cr, CHECK_FLUSH_SEQ);
	else
		check_rq_put(c, cr);
	return 0;
}

/* --- the plug --- */

void check_plug(struct check *c, struct check_task *t,
		const struct trace_event *e)
{
	bool first = t->incoming && !t->plug.rq_count && !t->want_unplug;

	check_decided(c, e, first,
		      "expected the first request of a plug, got a plug of %u",
		      t->plug.rq_count);
	t->want_unplug = false;
	if (t->incoming)
		plug_add(c, t, t->incoming);
}

static bool one_cpu(const struct pb_rq_list *list)
{
	const struct check_rq *first = (const struct check_rq *)list->head;
	struct pb_request *rq;

	for (rq = list->head; rq; rq = rq->rq_next)
		if (check_rq_of(rq)->cpu != first->cpu)
			return false;
	return true;
}

static unsigned int list_length(const struct pb_rq_list *list)
{
	const struct pb_request *rq;
	unsigned int n = 0;

	for (rq = list->head; rq; rq = rq->rq_next)
		n++;
	return n;
}

static void move_plug(struct check *c, struct check_task *t)
{
	struct pb_request *rq;

	while ((rq = pb_rq_list_pop(&t->plug.mq_list))) {
		check_set_place(c, check_rq_of(rq), CHECK_FLUSHED);
		pb_rq_list_add_tail(&t->flushed, rq);
	}
	t->plug.rq_count = 0;
}

/*
 * All leave together if they were allocated on one CPU, else in groups, each with an
 * event; what the driver does not take at once is counted again.
 */
void check_unplug(struct check *c, struct check_task *t,
		  const struct trace_event *e)
{
	bool first = t->plug.rq_count;
	unsigned int n;

	if (!t->want_unplug)
		t->incoming = NULL;
	t->want_unplug = false;
	move_plug(c, t);
	n = list_length(&t->flushed);
	check_decided(c, e,
		      e->arg == n ||
			      (e->arg < n && (!first || !one_cpu(&t->flushed))),
		      "expected an unplug of %" PRIu64 " requests, got %u",
		      e->arg, n);
}
