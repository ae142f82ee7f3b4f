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
	check_settle_merge(c,
			   e->pid == c->merging->pid &&
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
		check_settle_joined(c, t, e);
	if (!strchr(between, (int)e->action))
		check_settle_plug(c, t, e);
}

static int task_event(struct check *c, struct check_task *t,
		      const struct trace_event *e)
{
	switch (e->action) {
	case TRACE_SUBMIT:
		return check_submit(c, t, e);
	case TRACE_SPLIT:
		check_split(c, t, e);
		return 0;
	case TRACE_ATTEMPT:
		check_attempt(c, t, e);
		return 0;
	case TRACE_BACKMERGE:
	case TRACE_FRONTMERGE:
	case TRACE_SILENT_MERGE:
		check_merge(c, t, e);
		return 0;
	case TRACE_GETRQ:
		return check_getrq(c, t, e);
	case TRACE_PLUG:
		check_plug(c, t, e);
		return 0;
	case TRACE_UNPLUG:
		check_unplug(c, t, e);
		return 0;
	case TRACE_INSERT:
		check_insert(c, t, e);
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
		check_issue(c, e);
		return 0;
	case TRACE_REQUEUE:
		check_requeue(c, e);
		return 0;
	case TRACE_COMPLETE:
		check_complete(c, e);
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

static int one_event(struct check *c, const struct trace_event *e,
		     struct physbio_error *error)
{
	int err = -E2BIG;

	if (c->next_issue.line <= e->line && check_look_ahead(c, error))
		return -EINVAL;
	if (e->cpu >= c->nr_cpus)
		c->nr_cpus = e->cpu + 1;
	if (e->action != TRACE_INSERT && e->action != TRACE_RQ_MERGE)
		check_out_of_tags(c, e->line);
	if (e->cpu < TRACE_MAX_CPUS)
		err = on_event(c, e);
	if (!err)
		return 0;
	return check_fail(c, error, e->line, err,
			  err == -ENOMEM ? "no memory" :
					   "too many CPUs or requests at once");
}

static int check_events(struct check *c, struct physbio_error *error)
{
	struct progress progress;
	struct trace_event e;
	int ret;

	progress_start(&progress, "checking", trace_total(c->trace));
	while ((ret = trace_next(c->trace, &e, error)) > 0) {
		if (progress_due(&progress))
			progress_show(&progress, trace_done(c->trace));
		ret = one_event(c, &e, error);
		if (ret)
			break;
	}
	progress_end(&progress);
	if (!ret)
		check_settle_merge(c, false);
	return ret;
}

static int check_detail(struct check *c, struct physbio_error *error)
{
	c->blind = trace_detail(c->trace) != TRACE_MEMORY;
	if (trace_detail(c->trace) != TRACE_IOS)
		return 0;
	return check_fail(c, error, 0, -EINVAL,
			  "a trace of I/Os alone says nothing of decisions");
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
