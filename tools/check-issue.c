// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests that are issued, come back and end: their extent, segments and flags as the
 * engine has them. Which one is next is the record's.
 */
#include "check.h"

#include <inttypes.h>

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

int check_look_ahead(struct check *c, struct physbio_error *error)
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

/* Another extent, or none. */
static void issue_other(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr = check_find(c, e, NOT_ISSUED, false);

	check_decided(c, e, false,
		      "expected request %" PRIu64 " + %" PRIu64
		      " to be issued, got %u sectors",
		      e->offset / 512, e->len / 512,
		      cr ? pb_blk_rq_sectors(&cr->rq) : 0);
	if (cr)
		leave(c, cr, e->line);
}

static void compare_issue(struct check *c, const struct check_rq *cr,
			  const struct trace_event *e)
{
	const uint32_t flags = cr->rq.cmd_flags & DECIDED_FLAGS;

	if (c->blind)
		check_decided(c, e, true, "extent");
	else
		check_decided(
			c, e,
			cr->rq.nr_phys_segments == e->segs &&
				flags == (e->opf & DECIDED_FLAGS),
			"expected a request of %u segments and flags 0x%x, got %u and 0x%x",
			e->segs, e->opf & DECIDED_FLAGS,
			cr->rq.nr_phys_segments, flags);
}

void check_issue(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr;

	/* A flush itself: the machinery's own request. */
	if (!e->len)
		return;
	cr = check_find(c, e, NOT_ISSUED, true);
	if (!cr) {
		issue_other(c, e);
		return;
	}
	/* It was asked before it left, or it was not. */
	if (!c->blind && cr->refused &&
	    ((e->opf ^ cr->rq.cmd_flags) & PB_REQ_NOMERGE)) {
		c->inputs++;
		cr->rq.cmd_flags ^= PB_REQ_NOMERGE;
	}
	check_turn(c, cr, e);
	compare_issue(c, cr, e);
	leave(c, cr, e->line);
}

void check_requeue(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr = check_find(c, e, CHECK_AT(CHECK_ISSUED), true);

	if (cr)
		check_set_place(c, cr, CHECK_REQUEUED);
}

void check_complete(struct check *c, const struct trace_event *e)
{
	struct check_rq *cr = check_find(c, e, CHECK_AT(CHECK_ISSUED), true);

	if (cr)
		check_rq_put(c, cr);
}
