// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bios that join requests, on the plug or in the scheduler: what the engine does with each,
 * against what the record says became of it. Where the two part, the check goes on from
 * the record.
 */
#include "check.h"

#include <inttypes.h>

const char *const check_merge_names[] = {
	[CHECK_NOT_MERGED] = "no merge",
	[CHECK_BACK] = "a back merge",
	[CHECK_FRONT] = "a front merge",
	[CHECK_DISCARD] = "a merge of discards",
};

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
bool check_undo_plug(struct check *c, struct check_task *t)
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
		bool ours = check_undo_plug(c, t);

		c->inputs++;
		check_finish(t);
		if (ours)
			pb_bio_endio(bio);
	}
}

/* Requests that have joined others: the scheduler has let go of them. */
void check_let_go(struct check *c, const struct pb_rq_list *joined)
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
		check_let_go(c, &t->joined);
	}
	how = merged_how(c, &was);
	if (how == CHECK_FRONT)
		check_new_start(c, t->cur);
	return how;
}

void check_attempt(struct check *c, struct check_task *t,
		   const struct trace_event *e)
{
	check_settle_split(c, t, e);
	if (t->cur && !check_undo_plug(c, t))
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
	bool same =
		check_decided(c, e, got == want, "expected %s, got %s%s",
			      check_merge_names[want], check_merge_names[got],
			      e->path == TRACE_PATH_PLUG ? " in the plug" :
							   " in the scheduler");

	if (same || got != CHECK_NOT_MERGED)
		check_finish(t);
	else
		lose(t);
}

/* A merge in the scheduler, and whether two requests joined after it. */
void check_settle_merge(struct check *c, bool joins)
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
	check_settle_split(c, t, e);
	if (!check_bio_at(t->cur, e)) {
		check_decided(c, e, false,
			      "expected %s of a bio that is not there",
			      check_merge_names[recorded_merge(e)]);
		return;
	}
	if (e->path != TRACE_PATH_SCHED || t->plug_merge != CHECK_NOT_MERGED) {
		compare_merge(c, t, e, t->plug_merge);
		return;
	}
	t->merge = *e;
	c->merging = t;
}

bool check_had_left(struct check *c, struct pb_request *rq,
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
