// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio replay --check: does the engine decide as the recorded kernel did? Each event is
 * either an input (a bio came, a task slept, a request was issued) or what came of
 * a decision: then the engine has decided already, and the two are compared.
 *
 * Not the engine's to decide, and so taken from the record: when a task sleeps (for a tag,
 * or at all) and when it ends its plug; on which CPU a task runs; whether a task has a
 * plug, which shows at its first P; when a request leaves the scheduler and in which
 * order; whether requests of a flushed plug go to the driver or wait. A request
 * leaves the scheduler a little before its D: a bio that was not merged with one that
 * could have taken it says that it had left, and from then on nothing may join it.
 */
#include "check.h"
#include "replay.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SHOWN 10

/* One decision: recorded and got are shown if they are not the same. */
bool check_decided(struct check *c, const struct trace_event *e, bool same,
		   const char *format, ...)
{
	va_list args;

	c->decisions++;
	if (same)
		return true;
	c->mismatches++;
	if (c->shown++ < MAX_SHOWN) {
		printf("%s:%u: ", c->path, e->line);
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		putchar('\n');
	}
	return false;
}

static const char *const merge_names[] = {
	[CHECK_NOT_MERGED] = "no merge",
	[CHECK_BACK] = "a back merge",
	[CHECK_FRONT] = "a front merge",
	[CHECK_DISCARD] = "a merge of discards",
};

/* --- submission and cutting --- */

/* The engine cuts; what is left of the bio waits its turn. */
void check_begin(struct check_task *t, struct pb_bio *bio)
{
	struct pb_task *task = pb_current();
	struct pb_bio_list lists[2] = { { NULL, NULL }, { NULL, NULL } };

	task->bio_list = lists;
	t->cur = __pb_bio_split_to_limits(
		bio, pb_queue_limits(bio->bi_bdev->bd_queue), &t->nr_segs);
	task->bio_list = NULL;
	t->rest = lists[0].head;
	t->want_split = t->rest;
	t->attempted = false;
	t->plug_merge = CHECK_NOT_MERGED;
	t->sched_none = false;
}

/* The current bio is a request's: what was left of it is next. */
void check_finish(struct check_task *t)
{
	struct pb_bio *rest = t->rest;

	t->cur = NULL;
	t->rest = NULL;
	if (rest && t->blind && pb_bio_has_data(rest))
		t->whole = rest;
	else if (rest)
		check_begin(t, rest);
}

bool check_bio_at(const struct pb_bio *bio, const struct trace_event *e)
{
	return bio && bio->bi_iter.bi_sector == e->offset / 512 &&
	       bio->bi_iter.bi_size == e->len;
}

/* A cut that the engine made and the record has not. */
static void settle_split(struct check *c, struct check_task *t,
			 const struct trace_event *e)
{
	if (!t->want_split)
		return;
	t->want_split = false;
	check_decided(c, e, false,
		      "expected no split, got one after %u sectors",
		      pb_bio_sectors(t->cur));
}

static bool same_iter(const struct pb_bio *bio, const struct trace_event *e)
{
	return check_bio_at(bio, e) && bio->bi_iter.bi_idx == e->idx &&
	       bio->bi_iter.bi_bvec_done == e->done;
}

static void on_rest(struct check *c, struct check_task *t,
		    const struct trace_event *e)
{
	if (t->rest)
		check_decided(c, e, same_iter(t->rest, e),
			      "expected the rest of a split at sector %" PRIu64
			      " + %" PRIu64 ", vector %u + %u, got %" PRIu64
			      " + %u, %u + %u",
			      e->offset / 512, e->len / 512, e->idx, e->done,
			      (uint64_t)t->rest->bi_iter.bi_sector,
			      pb_bio_sectors(t->rest), t->rest->bi_iter.bi_idx,
			      t->rest->bi_iter.bi_bvec_done);
	else
		check_decided(c, e, false,
			      "expected the rest of a split, got none");
}

static int on_submit(struct check *c, struct check_task *t,
		     const struct trace_event *e)
{
	struct pb_bio *bio;

	if (e->flags & TRACE_BIO_REST) {
		on_rest(c, t, e);
		return 0;
	}
	settle_split(c, t, e);
	check_drop(c, t);
	bio = check_bio(c, e);
	if (!bio)
		return -ENOMEM;
	check_begin(t, bio);
	return 0;
}

void check_split(struct check *c, struct check_task *t,
		 const struct trace_event *e)
{
	if (!t->cur || !t->want_split)
		check_decided(c, e, false,
			      "expected a split after %" PRIu64
			      " sectors, got none",
			      e->len / 512);
	else
		check_decided(c, e, check_bio_at(t->cur, e),
			      "expected a split of sector %" PRIu64
			      " after %" PRIu64 " sectors, got %" PRIu64
			      " after %u",
			      e->offset / 512, e->len / 512,
			      (uint64_t)t->cur->bi_iter.bi_sector,
			      pb_bio_sectors(t->cur));
	t->want_split = false;
}

/* --- merging of bios --- */

/* What the engine's counters say of its last attempt. */
static enum check_merge merged_how(const struct check *c,
				   const struct physbio_queue_stats *was)
{
	if (c->stats.back_merges != was->back_merges)
		return CHECK_BACK;
	if (c->stats.front_merges != was->front_merges)
		return CHECK_FRONT;
	if (c->stats.discard_merges != was->discard_merges)
		return CHECK_DISCARD;
	return CHECK_NOT_MERGED;
}

bool check_may_merge(const struct check *c, const struct pb_bio *bio)
{
	return c->nomerges != 2 && pb_bio_mergeable(bio);
}

void check_try_plug(struct check *c, struct check_task *t)
{
	const struct physbio_queue_stats was = c->stats;

	t->merge_rq = t->plug.mq_list.tail;
	if (t->merge_rq)
		t->merge_was = *t->merge_rq;
	t->cur_was = *t->cur;
	pb_current()->plug = &t->plug;
	pb_blk_attempt_plug_merge(c->q, t->cur, t->nr_segs);
	pb_current()->plug = NULL;
	t->plug_merge = merged_how(c, &was);
	if (t->plug_merge == CHECK_FRONT)
		check_rehash(c, check_rq_of(t->merge_rq));
}

/*
 * The record has it otherwise: go on from what it says. Return: false if the request has
 * gone on meanwhile, and the bio with it.
 */
static bool undo_plug(struct check *c, struct check_task *t)
{
	if (t->plug_merge == CHECK_NOT_MERGED)
		return true;
	if (t->plug.mq_list.tail != t->merge_rq)
		return false;
	t->merge_was.rq_next = t->merge_rq->rq_next;
	t->merge_was.rq_prev = t->merge_rq->rq_prev;
	*t->merge_rq = t->merge_was;
	check_rehash(c, check_rq_of(t->merge_rq));
	t->merge_rq->biotail->bi_next = NULL;
	*t->cur = t->cur_was;
	t->plug_merge = CHECK_NOT_MERGED;
	return true;
}

/* Nothing came of the bio before: it was ended with an error, an input. */
void check_drop(struct check *c, struct check_task *t)
{
	while (t->cur) {
		struct pb_bio *bio = t->cur;
		bool ours = undo_plug(c, t);

		c->inputs++;
		check_finish(t);
		if (ours)
			pb_bio_endio(bio);
	}
}

/* Requests that have joined others: the scheduler has let go of them. */
static void let_go(struct check *c, const struct pb_rq_list *joined)
{
	struct pb_request *rq;

	for (rq = joined->head; rq; rq = rq->rq_next)
		check_set_place(c, check_rq_of(rq), CHECK_LOOSE);
}

enum check_merge check_try_sched(struct check *c, struct check_task *t,
				 unsigned int cpu)
{
	const struct physbio_queue_stats was = c->stats;
	struct pb_request *joined = NULL;
	enum check_merge how;

	if (c->q->elevator)
		pb_blk_mq_sched_try_merge(c->q, t->cur, t->nr_segs, &joined);
	else
		pb_blk_bio_list_merge(c->q, &c->sw[cpu], t->cur, t->nr_segs);
	if (joined) {
		pb_rq_list_add_tail(&t->joined, joined);
		let_go(c, &t->joined);
	}
	how = merged_how(c, &was);
	if (how == CHECK_FRONT)
		check_new_start(c, t->cur);
	return how;
}

static void on_attempt(struct check *c, struct check_task *t,
		       const struct trace_event *e)
{
	settle_split(c, t, e);
	if (t->cur && !undo_plug(c, t))
		check_finish(t);
	if (!t->cur) {
		check_decided(c, e, false, "expected a bio, got none");
		return;
	}
	check_decided(c, e,
		      check_may_merge(c, t->cur) && check_bio_at(t->cur, e) &&
			      t->nr_segs == e->segs,
		      "expected sector %" PRIu64 " + %" PRIu64
		      " to try a merge with %u segments, got %" PRIu64
		      " + %u%s with %u",
		      e->offset / 512, e->len / 512, e->segs,
		      (uint64_t)t->cur->bi_iter.bi_sector,
		      pb_bio_sectors(t->cur),
		      check_may_merge(c, t->cur) ? "" : ", not to be merged,",
		      t->nr_segs);
	t->attempted = true;
	check_try_plug(c, t);
	if (t->plug_merge != CHECK_NOT_MERGED)
		return;
	t->sched_none = !check_sched_would(c, t->cur, t->nr_segs, e->cpu);
	/* A refusal leaves its mark. */
	if (t->sched_none)
		check_try_sched(c, t, e->cpu);
	check_ask_taken(c, t->cur, t->nr_segs);
}

static enum check_merge recorded_merge(const struct trace_event *e)
{
	switch (e->action) {
	case TRACE_BACKMERGE:
		return CHECK_BACK;
	case TRACE_FRONTMERGE:
		return CHECK_FRONT;
	default:
		return CHECK_DISCARD;
	}
}

/* It is where the record has it, somewhere: count it as ended. */
static void lose(struct check_task *t)
{
	struct pb_bio *bio = t->cur;

	check_finish(t);
	pb_bio_endio(bio);
}

static enum check_merge merge_with(const struct pb_request *rq,
				   const struct pb_bio *bio)
{
	switch (pb_blk_try_merge(rq, bio)) {
	case PB_ELEVATOR_BACK_MERGE:
		return CHECK_BACK;
	case PB_ELEVATOR_FRONT_MERGE:
		return CHECK_FRONT;
	case PB_ELEVATOR_DISCARD_MERGE:
		return CHECK_DISCARD;
	default:
		return CHECK_NOT_MERGED;
	}
}

/* What would take the bio at its other end, or be tried in vain, had left. */
static void sched_takes(struct check *c, struct check_task *t,
			const struct trace_event *e, bool joins)
{
	struct pb_request *rq, *other;

	while ((rq = check_sched_would(c, t->cur, t->nr_segs, e->cpu)) &&
	       merge_with(rq, t->cur) != recorded_merge(e)) {
		c->inputs++;
		check_move(c, check_rq_of(rq), CHECK_TAKEN, e->line);
	}
	if (!rq) {
		c->inputs += check_not_left(c, t->cur, t->nr_segs, e->line) ||
			     check_other_last(c, t->cur, t->nr_segs);
		rq = check_sched_would(c, t->cur, t->nr_segs, e->cpu);
	}
	if (!rq || !c->q->elevator)
		return;
	other = check_join_would(c, rq, t->cur, t->nr_segs);
	if (!other == !joins)
		return;
	c->inputs++;
	if (other)
		check_move(c, check_rq_of(other), CHECK_TAKEN, e->line);
	else
		check_join_not_left(c, rq, t->cur, t->nr_segs, e->line);
}

static void compare_merge(struct check *c, struct check_task *t,
			  const struct trace_event *e, enum check_merge got)
{
	enum check_merge want = recorded_merge(e);
	bool same = check_decided(c, e, got == want, "expected %s, got %s%s",
				  merge_names[want], merge_names[got],
				  e->path == TRACE_PATH_PLUG ?
					  " in the plug" :
					  " in the scheduler");

	if (same || got != CHECK_NOT_MERGED)
		check_finish(t);
	else
		lose(t);
}

/* A merge in the scheduler, and whether two requests joined after it. */
static void settle_merge(struct check *c, bool joins)
{
	struct check_task *t = c->merging;

	if (!t)
		return;
	c->merging = NULL;
	sched_takes(c, t, &t->merge, joins);
	compare_merge(c, t, &t->merge, check_try_sched(c, t, t->merge.cpu));
}

void check_merge(struct check *c, struct check_task *t,
		 const struct trace_event *e)
{
	settle_split(c, t, e);
	if (!check_bio_at(t->cur, e)) {
		check_decided(c, e, false,
			      "expected %s of a bio that is not there",
			      merge_names[recorded_merge(e)]);
		return;
	}
	if (e->path != TRACE_PATH_SCHED || t->plug_merge != CHECK_NOT_MERGED) {
		compare_merge(c, t, e, t->plug_merge);
		return;
	}
	t->merge = *e;
	c->merging = t;
}

/* --- a request of its own --- */

/* What would have merged, and has not, had left. Return: false if that can't be. */
static bool had_left(struct check *c, struct pb_request *rq,
		     const struct trace_event *e)
{
	const bool one = c->q->elevator && c->nomerges == 1;

	if (one && (rq != c->q->last_merge || !check_last_unsure(c)))
		return check_decided(
			c, e, false,
			"expected no merge in the scheduler, got one with request %" PRIu64,
			(uint64_t)pb_blk_rq_pos(rq));
	c->inputs++;
	if (one)
		c->q->last_merge = NULL;
	else
		check_move(c, check_rq_of(rq), CHECK_TAKEN, e->line);
	return true;
}

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
		if (!had_left(c, rq, e))
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

static void settle_plug(struct check *c, struct check_task *t,
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
		      asked ? merge_names[t->plug_merge] :
			      "an attempt to merge");
	if (undo_plug(c, t) && t->attempted)
		sched_refuses(c, t, e);
}

int check_getrq(struct check *c, struct check_task *t,
		const struct trace_event *e)
{
	struct check_rq *cr;
	bool flush;

	settle_split(c, t, e);
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

static void on_plug(struct check *c, struct check_task *t,
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
static void on_unplug(struct check *c, struct check_task *t,
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

/* --- insertion --- */

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
	       had_left(c, rq, e))
		;
	c->inputs += rq && c->blind;
	/* As it was recorded: it joins nothing. */
	c->q->nomerges |= rq != NULL;
	pb_elv_insert(&cr->rq, &t->joined);
	c->q->nomerges = c->nomerges == 2;
	let_go(c, &t->joined);
	/* If it has joined after all, the next event will not say so. */
	if (!t->joined.head)
		check_move(c, cr, CHECK_WAITING, e->line);
}

static void on_insert(struct check *c, struct check_task *t,
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
	let_go(c, &t->joined);
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
static void settle_joined(struct check *c, struct check_task *t,
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

/* --- the driver --- */

#define NOT_ISSUED                                         \
	(CHECK_AT(CHECK_LOOSE) | CHECK_AT(CHECK_FLUSHED) | \
	 CHECK_AT(CHECK_WAITING) | CHECK_AT(CHECK_TAKEN) | \
	 CHECK_AT(CHECK_FLUSH_SEQ) | CHECK_AT(CHECK_REQUEUED))

/* Flags of a request that follow from what was merged. */
#define DECIDED_FLAGS (PB_REQ_NOMERGE | PB_REQ_FAILFAST_MASK)

static void leave(struct check *c, struct check_rq *cr, unsigned int line)
{
	if (cr->place == CHECK_FLUSHED)
		check_list_remove(&cr->task->flushed, &cr->rq);
	if (cr->task->incoming == cr)
		cr->task->incoming = NULL;
	check_move(c, cr, CHECK_ISSUED, line);
}

/*
 * Requests that have left the scheduler go before those that came later, but for those
 * that another CPU gives to the driver just now.
 */
static void check_turn(struct check *c, const struct check_rq *cr,
		       const struct trace_event *e)
{
	struct check_rq *other;

	if (cr->place != CHECK_WAITING)
		return;
	check_for_each_at(c, other,
			  CHECK_TAKEN) if (other->cpu == cr->cpu &&
					   other->since < cr->since &&
					   ++other->overtaken > c->nr_cpus)
		check_decided(
			c, e, false,
			"expected request %" PRIu64
			" to be issued, which line %u says has left, got %" PRIu64,
			(uint64_t)pb_blk_rq_pos(&other->rq), other->since,
			e->offset / 512);
}

/* The issue after this one. */
static int look_ahead(struct check *c, struct physbio_error *error)
{
	int ret;

	do
		ret = trace_next(c->ahead, &c->next_issue, error);
	while (ret > 0 &&
	       (c->next_issue.action != TRACE_ISSUE || !c->next_issue.len));
	if (ret <= 0) {
		c->next_issue.action = TRACE_OTHER;
		c->next_issue.line = UINT_MAX;
	}
	return ret < 0 ? ret : 0;
}

static void on_issue(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr;
	uint32_t flags;

	/* A flush itself: the machinery's own request. */
	if (!e->len)
		return;
	cr = check_find(c, e, NOT_ISSUED, true);
	if (!cr) {
		cr = check_find(c, e, NOT_ISSUED, false);
		check_decided(c, e, false,
			      "expected request %" PRIu64 " + %" PRIu64
			      " to be issued, got %u sectors",
			      e->offset / 512, e->len / 512,
			      cr ? pb_blk_rq_sectors(&cr->rq) : 0);
		if (cr)
			leave(c, cr, e->line);
		return;
	}
	if (c->blind) {
		check_turn(c, cr, e);
		check_decided(c, e, true, "extent");
		leave(c, cr, e->line);
		return;
	}
	/* It was asked before it left, or it was not. */
	if (cr->refused && ((e->opf ^ cr->rq.cmd_flags) & PB_REQ_NOMERGE)) {
		c->inputs++;
		cr->rq.cmd_flags ^= PB_REQ_NOMERGE;
	}
	flags = cr->rq.cmd_flags & DECIDED_FLAGS;
	check_turn(c, cr, e);
	check_decided(
		c, e,
		cr->rq.nr_phys_segments == e->segs &&
			flags == (e->opf & DECIDED_FLAGS),
		"expected a request of %u segments and flags 0x%x, got %u and 0x%x",
		e->segs, e->opf & DECIDED_FLAGS, cr->rq.nr_phys_segments,
		flags);
	leave(c, cr, e->line);
}

static void on_requeue(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr = check_find(c, e, CHECK_AT(CHECK_ISSUED), true);

	if (cr)
		check_set_place(c, cr, CHECK_REQUEUED);
}

static void on_complete(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr = check_find(c, e, CHECK_AT(CHECK_ISSUED), true);

	if (cr)
		check_rq_put(c, cr);
}

/* --- events --- */

/*
 * A merge in the scheduler waits for the next event that could tell or be touched by it:
 * nothing else happens in the scheduler before the join that may follow.
 */
static void next_after_merge(struct check *c, const struct trace_event *e)
{
	static const char apart[] = "SQPUC";

	if (!c->merging)
		return;
	if (e->pid != c->merging->pid && strchr(apart, (int)e->action))
		return;
	settle_merge(c, e->pid == c->merging->pid &&
				((e->action == TRACE_RQ_MERGE &&
				  e->path == TRACE_PATH_SCHED) ||
				 (c->blind && e->action == TRACE_BACKMERGE &&
				  !check_bio_at(c->merging->cur, e))));
}

/* What had to come before this event of the task. */
static void settle_task(struct check *c, struct check_task *t,
			const struct trace_event *e)
{
	static const char between[] = "UPIR";
	bool may_join = e->action == TRACE_RQ_MERGE ||
			(c->blind && e->action == TRACE_BACKMERGE);

	if (!may_join)
		settle_joined(c, t, e);
	if (!strchr(between, (int)e->action))
		settle_plug(c, t, e);
}

static int task_event(struct check *c, struct check_task *t,
		      const struct trace_event *e)
{
	switch (e->action) {
	case TRACE_SUBMIT:
		return on_submit(c, t, e);
	case TRACE_SPLIT:
		check_split(c, t, e);
		return 0;
	case TRACE_ATTEMPT:
		on_attempt(c, t, e);
		return 0;
	case TRACE_BACKMERGE:
	case TRACE_FRONTMERGE:
	case TRACE_SILENT_MERGE:
		check_merge(c, t, e);
		return 0;
	case TRACE_GETRQ:
		return check_getrq(c, t, e);
	case TRACE_PLUG:
		on_plug(c, t, e);
		return 0;
	case TRACE_UNPLUG:
		on_unplug(c, t, e);
		return 0;
	case TRACE_INSERT:
		on_insert(c, t, e);
		return 0;
	case TRACE_RQ_MERGE:
		check_rq_merge(c, t, e);
		return 0;
	default:
		return 0;
	}
}

static int on_event(struct check *c, const struct trace_event *e)
{
	struct check_task *t;

	next_after_merge(c, e);
	switch (e->action) {
	case TRACE_ISSUE:
		on_issue(c, e);
		return 0;
	case TRACE_REQUEUE:
		on_requeue(c, e);
		return 0;
	case TRACE_COMPLETE:
		on_complete(c, e);
		return 0;
	case TRACE_QUEUE:
		if (!c->blind)
			return 0;
		break;
	default:
		break;
	}
	t = check_task_of(c, e->pid);
	if (!t)
		return -ENOMEM;
	settle_task(c, t, e);
	if (!c->blind)
		return task_event(c, t, e);
	return check_blind(c, t, e, task_event);
}

static int check_events(struct check *c, struct physbio_error *error)
{
	struct trace_event e;
	int ret, err;

	while ((ret = trace_next(c->trace, &e, error)) > 0) {
		if (c->next_issue.line <= e.line && look_ahead(c, error))
			return -EINVAL;
		if (e.cpu >= c->nr_cpus)
			c->nr_cpus = e.cpu + 1;
		if (e.action != TRACE_INSERT && e.action != TRACE_RQ_MERGE)
			check_out_of_tags(c, e.line);
		err = e.cpu < TRACE_MAX_CPUS ? on_event(c, &e) : -E2BIG;
		if (!err)
			continue;
		memset(error, 0, sizeof(*error));
		snprintf(error->file, sizeof(error->file), "%s", c->path);
		snprintf(error->message, sizeof(error->message),
			 err == -ENOMEM ? "no memory" :
					  "too many CPUs or requests at once");
		error->line = e.line;
		return err;
	}
	settle_merge(c, false);
	return ret;
}

static int check_detail(struct check *c, struct physbio_error *error)
{
	c->blind = trace_detail(c->trace) != TRACE_MEMORY;
	if (trace_detail(c->trace) != TRACE_IOS)
		return 0;
	memset(error, 0, sizeof(*error));
	error->err = -EINVAL;
	snprintf(error->file, sizeof(error->file), "%s", c->path);
	snprintf(error->message, sizeof(error->message),
		 "a %s says nothing of decisions", trace_format(c->trace));
	return -EINVAL;
}

int check_trace(const char *path, bool quiet, struct check_result *result,
		struct physbio_error *error)
{
	struct check *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->path = path;
	c->shown = quiet ? MAX_SHOWN : 0;
	err = trace_open(path, &c->trace, error);
	if (!err)
		err = trace_open(path, &c->ahead, error);
	if (!err)
		err = check_detail(c, error);
	if (!err)
		err = check_init(c, error);
	if (!err)
		err = check_events(c, error);
	check_exit(c);
	result->decisions += c->decisions;
	result->mismatches += c->mismatches;
	result->inputs += c->inputs;
	free(c);
	return err;
}
