// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bios as they come: where the engine cuts them, whose turn is next, and whether the record
 * has the same cut. What they may join is not decided here.
 */
#include "check.h"

#include <inttypes.h>

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
void check_settle_split(struct check *c, struct check_task *t,
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

int check_submit(struct check *c, struct check_task *t,
		 const struct trace_event *e)
{
	struct pb_bio *bio;

	if (e->flags & TRACE_BIO_REST) {
		on_rest(c, t, e);
		return 0;
	}
	check_settle_split(c, t, e);
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
