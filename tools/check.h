/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The state of a check: what the engine makes of a recording, one event at a time. Shared
 * by the check-*.c files alone. The engine is the library's own, driven step by step:
 * which step comes when is the record's, what comes of it the engine's decision.
 */
#ifndef TOOLS_CHECK_H
#define TOOLS_CHECK_H

#include "../src/core/queue.h"

#include <physbio/elevator.h>
#include <physbio/merge.h>
#include <physbio/split.h>

#include "trace.h"

#define CHECK_MAX_RQS (1u << 20) /* in use at once */
#define CHECK_TASKS 256 /* slots of the hash */

/* Where a request is. */
enum check_place {
	CHECK_LOOSE, /* of a task without a plug: inserted or issued next */
	CHECK_PLUGGED,
	CHECK_FLUSHED, /* the plug was; not inserted or issued yet */
	CHECK_WAITING, /* in the scheduler or a software queue */
	CHECK_TAKEN, /* out of there, though it was not issued yet */
	CHECK_FLUSH_SEQ, /* the flush machinery has it */
	CHECK_ISSUED,
	CHECK_REQUEUED,
	CHECK_NR_PLACES,
};

/* Lists that a request is on: of its place, and of those that may begin where it does. */
enum check_order {
	CHECK_BY_PLACE,
	CHECK_BY_START,
	CHECK_NR_ORDERS,
};

struct check_list {
	struct check_rq *oldest, *newest;
};

struct check_rq {
	struct pb_request rq;
	enum check_place place;
	unsigned int cpu; /* where it was allocated: its software queue */
	unsigned int since; /* line of the event that brought it there */
	bool refused; /* a bio, while it waited or may have waited */
	unsigned int overtaken; /* after it had left the scheduler */
	struct check_task *task; /* whose it is; NULL: nobody's */
	uint64_t number; /* the order in which they were allocated */
	pb_sector_t start; /* by which it is found */
	struct {
		struct check_rq *prev, *next;
	} on[CHECK_NR_ORDERS]; /* the free ones: CHECK_BY_PLACE */
};

/* What came of trying to merge. */
enum check_merge {
	CHECK_NOT_MERGED,
	CHECK_BACK,
	CHECK_FRONT,
	CHECK_DISCARD,
};

struct check_task {
	uint32_t pid;
	struct check_task *next;
	struct pb_blk_plug plug;
	struct pb_rq_list flushed; /* in the order they are inserted */
	bool blind; /* nothing is known of memory */
	struct pb_bio *whole; /* where that is so: a bio, before it is cut */
	struct pb_bio *cur; /* the bio that is being submitted */
	struct pb_bio *rest; /* of a cut one, its turn comes */
	unsigned int nr_segs; /* of cur */
	bool want_split; /* the engine has cut, the record must say so */
	bool attempted; /* B was seen */
	enum check_merge plug_merge; /* what the engine did in the plug */
	struct pb_request *merge_rq; /* with which request, as it was */
	struct pb_request merge_was;
	struct pb_bio cur_was;
	bool sched_none; /* nothing to merge with at B */
	struct check_rq *incoming; /* allocated, perhaps for the plug */
	bool want_unplug; /* the plug is full: U and P must follow */
	struct pb_rq_list joined; /* requests that R must name next */
	struct trace_event merge; /* in the scheduler; a join may follow */
};

struct check {
	const char *path;
	struct trace *trace;
	struct trace *ahead; /* the same, at the issue that comes next */
	struct trace_event next_issue; /* TRACE_OTHER: there is none */
	unsigned int issued[TRACE_MAX_CPUS]; /* of each hardware queue */
	unsigned int taken[TRACE_MAX_CPUS];
	unsigned int nr_cpus; /* that were seen */
	struct check_rq *left; /* what was merged with last, till it is issued */
	unsigned int left_issued; /* at this line */
	struct check_task *merging; /* whose merge waits for the next event */
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	struct pb_bio_set bs;
	struct physbio_queue_stats stats;
	struct check_rq *rqs, *free;
	unsigned int nr_made, nr_used; /* of rqs: ever, and now */
	uint64_t nr_allocated;
	/* WAITING and TAKEN: the oldest first; the others: as they came there */
	struct check_list at[CHECK_NR_PLACES];
	struct check_list *starts; /* a hash by where they start */
	unsigned int starts_bits;
	struct pb_rq_list sw[TRACE_MAX_CPUS];
	struct check_task *tasks[CHECK_TASKS];
	unsigned int nomerges;
	bool blind; /* nothing is known of memory */
	unsigned int max_segments; /* of the device, where the queue has none */
	bool gaps_count; /* it has a virt_boundary_mask */
	/* the result */
	uint64_t decisions, mismatches, inputs;
	unsigned int shown; /* mismatches that were printed */
};

/* The request is its first member. */
static inline struct check_rq *check_rq_of(struct pb_request *rq)
{
	return (struct check_rq *)rq;
}

/* --- check.c --- */

/* One decision: recorded and got are shown if they are not @same. Return: @same. */
__attribute__((format(printf, 4, 5))) bool
check_decided(struct check *c, const struct trace_event *e, bool same,
	      const char *format, ...);

/* --- check-bio.c --- */

/* The engine cuts a bio; what is left of it waits its turn. */
void check_begin(struct check_task *t, struct pb_bio *bio);
/* The current bio is a request's: what was left of it is next. */
void check_finish(struct check_task *t);
bool check_bio_at(const struct pb_bio *bio, const struct trace_event *e);
/* A cut that the engine made and the record has not. */
void check_settle_split(struct check *c, struct check_task *t,
			const struct trace_event *e);
int check_submit(struct check *c, struct check_task *t,
		 const struct trace_event *e);
void check_split(struct check *c, struct check_task *t,
		 const struct trace_event *e);

/* --- check-merge.c --- */

extern const char *const check_merge_names[];

bool check_may_merge(const struct check *c, const struct pb_bio *bio);
void check_try_plug(struct check *c, struct check_task *t);
/*
 * The record has it otherwise: go on from what it says. Return: false if the request has
 * gone on meanwhile, and the bio with it.
 */
bool check_undo_plug(struct check *c, struct check_task *t);
/* Nothing came of the bio before: it was ended with an error, an input. */
void check_drop(struct check *c, struct check_task *t);
/* Requests that have joined others: the scheduler has let go of them. */
void check_let_go(struct check *c, const struct pb_rq_list *joined);
enum check_merge check_try_sched(struct check *c, struct check_task *t,
				 unsigned int cpu);
void check_attempt(struct check *c, struct check_task *t,
		   const struct trace_event *e);
void check_merge(struct check *c, struct check_task *t,
		 const struct trace_event *e);
/* A merge in the scheduler, and whether two requests joined after it. */
void check_settle_merge(struct check *c, bool joins);
/* What would have merged, and has not, had left. Return: false if that can't be. */
bool check_had_left(struct check *c, struct pb_request *rq,
		    const struct trace_event *e);

/* --- check-plug.c --- */

int check_getrq(struct check *c, struct check_task *t,
		const struct trace_event *e);
void check_plug(struct check *c, struct check_task *t,
		const struct trace_event *e);
void check_unplug(struct check *c, struct check_task *t,
		  const struct trace_event *e);
/* A flush that the engine made and the record has not. */
void check_settle_plug(struct check *c, struct check_task *t,
		       const struct trace_event *e);

/* --- check-insert.c --- */

/* The request of this extent that is on its way into the scheduler; NULL. */
struct check_rq *check_leave_flushed(struct check *c, struct check_task *t,
				     const struct trace_event *e);
void check_insert(struct check *c, struct check_task *t,
		  const struct trace_event *e);
void check_rq_merge(struct check *c, struct check_task *t,
		    const struct trace_event *e);
/* Joins that the engine made and the record has not. */
void check_settle_joined(struct check *c, struct check_task *t,
			 const struct trace_event *e);

/* --- check-issue.c --- */

/* Find the issue after this one. Return: 0, or -errno and @error. */
int check_look_ahead(struct check *c, struct physbio_error *error);
void check_issue(struct check *c, const struct trace_event *e);
void check_requeue(struct check *c, const struct trace_event *e);
void check_complete(struct check *c, const struct trace_event *e);

/* --- check-blind.c: events without memory --- */

/*
 * Decide what can be decided of an event of blkparse, perf or bpftrace, and hand @next
 * what is left of it. Return: 0 or -errno.
 */
int check_blind(struct check *c, struct check_task *t,
		const struct trace_event *e,
		int (*next)(struct check *c, struct check_task *t,
			    const struct trace_event *e));
/* Its limits, of those that count with memory or not. */
void check_blind_limits(struct check *c, struct pb_queue_limits *lim);

/* --- check-state.c --- */

/* Fill @error; @line 0: of no line. Return: @err. */
int check_fail(const struct check *c, struct physbio_error *error,
	       unsigned int line, int err, const char *message);

/* Return: 0, or -errno and @error. */
int check_init(struct check *c, struct physbio_error *error);
void check_exit(struct check *c);

/* NULL: no memory. */
struct check_task *check_task_of(struct check *c, uint32_t pid);

/* A bio as recorded; NULL: no memory. */
struct pb_bio *check_bio(struct check *c, const struct trace_event *e);

/* A request of the task's current bio; NULL: too many are in use. */
struct check_rq *check_rq_get(struct check *c, struct check_task *t);
/* It is at @place now, and nobody else has to know. */
void check_set_place(struct check *c, struct check_rq *cr,
		     enum check_place place);

/* A bio was put in front of a request: it is found where it begins now. */
void check_new_start(struct check *c, const struct pb_bio *bio);
void check_rehash(struct check *c, struct check_rq *cr);

/* Ends its bios, if it has any. */
void check_rq_put(struct check *c, struct check_rq *cr);

/* The oldest of this extent that is at one of @places, a mask; NULL. */
struct check_rq *check_find(struct check *c, const struct trace_event *e,
			    unsigned int places, bool whole);
#define CHECK_AT(place) (1u << (place))

/* Requests at a place. */
#define check_for_each_at(c, cr, place)          \
	for ((cr) = (c)->at[place].oldest; (cr); \
	     (cr) = (cr)->on[CHECK_BY_PLACE].next)

void check_list_remove(struct pb_rq_list *list, struct pb_request *rq);

/* --- check-sched.c: trying without doing --- */

/* Would the engine join @bio to @rq? Nothing is changed. */
bool check_would(struct check *c, struct pb_request *rq,
		 const struct pb_bio *bio, unsigned int nr_segs);

/* Which waiting request would take @bio? NULL: none; those that refuse are marked. */
struct pb_request *check_sched_would(struct check *c, struct pb_bio *bio,
				     unsigned int nr_segs, unsigned int cpu);

/* Which waiting request would @rq join as it is inserted? NULL: none. */
struct pb_request *check_insert_would(struct check *c, struct pb_request *rq);

/*
 * Only the request that was merged with last is tried, and it is another than we think:
 * the one that would take @bio. Return: false if none would.
 */
bool check_other_last(struct check *c, struct pb_bio *bio,
		      unsigned int nr_segs);

/* Which neighbour would @rq join once it has taken @bio? NULL: none. */
struct pb_request *check_join_would(struct check *c, struct pb_request *rq,
				    const struct pb_bio *bio,
				    unsigned int nr_segs);

/*
 * The same two questions for a request that the record says has joined another, as it was
 * inserted or (@bio) when it took a bio: was the other one still there, or another the
 * last? Return: false if that does not explain it.
 */
bool check_insert_other(struct check *c, struct pb_request *rq,
			unsigned int line);
bool check_join_not_left(struct check *c, struct pb_request *rq,
			 const struct pb_bio *bio, unsigned int nr_segs,
			 unsigned int line);

/*
 * Which request was merged with last is known but around the time when one left that was:
 * who came first after it?
 */
bool check_last_unsure(const struct check *c);

/* Requests that have left, it seems, but may have been asked before. */
void check_ask_taken(struct check *c, struct pb_bio *bio, unsigned int nr_segs);

/* Is one that was thought to have left still there, as it takes @bio? */
bool check_not_left(struct check *c, struct pb_bio *bio, unsigned int nr_segs,
		    unsigned int line);

/* A request goes elsewhere; out of where it waits, if it does. */
void check_move(struct check *c, struct check_rq *cr, enum check_place place,
		unsigned int line);

/* The request that is issued next has left the scheduler, if tags have run out. */
void check_out_of_tags(struct check *c, unsigned int line);

#endif
