/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One stream of events, whatever text they were written in. A reader of a format decides
 * what a well-formed line is and what it means as an event; what is done with events
 * is the caller's business. A line at a time: a trace of any length takes the same memory.
 */
#ifndef TOOLS_TRACE_H
#define TOOLS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <physbio/error.h>

#include "settings.h"

/*
 * What happened, by blktrace's letters. In lower case what blktrace has no letter for:
 * a merge of discards, which it does not report, and a request that comes back.
 */
enum trace_action {
	TRACE_SUBMIT = 'S', /* a bio with its memory, or what is left of one */
	TRACE_QUEUE = 'Q',
	TRACE_SPLIT = 'X',
	TRACE_ATTEMPT = 'B', /* a bio that may merge, and its segments */
	TRACE_BACKMERGE = 'M',
	TRACE_FRONTMERGE = 'F',
	TRACE_RQ_MERGE = 'R', /* a request became part of its predecessor */
	TRACE_SILENT_MERGE = 'm',
	TRACE_GETRQ = 'G',
	TRACE_PLUG = 'P',
	TRACE_UNPLUG = 'U',
	TRACE_INSERT = 'I',
	TRACE_ISSUE = 'D',
	TRACE_REQUEUE = 'q',
	TRACE_COMPLETE = 'C',
	TRACE_OTHER = '?', /* known, and nothing to us */
};

enum trace_op {
	TRACE_READ,
	TRACE_WRITE,
	TRACE_DISCARD,
	TRACE_FLUSH,
	TRACE_NONE,
};

enum trace_path {
	TRACE_PATH_NONE,
	TRACE_PATH_PLUG,
	TRACE_PATH_SCHED,
	TRACE_PATH_INSERT,
};

/* Memory of a recorded bio: a physical address and bytes. */
struct trace_vec {
	uint64_t paddr;
	uint32_t len;
};

struct trace_event {
	unsigned int line; /* from 1 */
	enum trace_action action;
	enum trace_op op;
	uint64_t offset; /* bytes: first of the extent, if there is one */
	uint64_t len; /* bytes */
	unsigned int file; /* iolog: which of its files */
	const char *name; /* iolog: the action, as written */
	unsigned int cpu;
	uint32_t pid;
	uint64_t arg; /* X: sector of the rest; U: requests; P: 0 */
	uint32_t opf; /* REQ_*, as far as is known */
	uint32_t flags; /* S: BIO_* of the kernel */
	uint32_t segs; /* B, D */
	uint32_t idx, done; /* S: where the iterator stands */
	enum trace_path path;
	const struct trace_vec *vecs; /* S: its memory; NULL: not recorded */
	unsigned int nr_vecs;
};

/* How much a format tells. */
enum trace_detail {
	TRACE_IOS, /* I/O alone */
	TRACE_EVENTS, /* what happened to each */
	TRACE_MEMORY, /* and where its memory was */
};

/* S: BIO_TRACE_COMPLETION of the recorded kernel: it was queued before */
#define TRACE_BIO_REST 0x80u

#define TRACE_MAX_FILES 64
#define TRACE_MAX_CPUS 512

/* The device's hardware queues, as far as the header tells of them. */
struct trace_hctxs {
	unsigned int nr_tags[TRACE_MAX_CPUS]; /* of each; 0: not told */
	uint16_t of_cpu[TRACE_MAX_CPUS]; /* the first, from 1; 0: not told */
};

struct trace;

/* Open a trace and see what it is. Return: 0, or -errno and @error. */
int trace_open(const char *path, struct trace **trace,
	       struct physbio_error *error);
void trace_close(struct trace *trace);

/*
 * The next event, valid until the next call. Extents are of whole sectors, at most
 * 4 GiB long, and do not wrap. Return: 1; 0 at the end; -errno and @error, which names
 * file, line and value.
 */
int trace_next(struct trace *trace, struct trace_event *event,
	       struct physbio_error *error);

/* How far it is: bytes of the file, and how many it has; 0: nobody knows. */
uint64_t trace_done(const struct trace *trace);
uint64_t trace_total(const struct trace *trace);

const char *trace_format(const struct trace *trace);
enum trace_detail trace_detail(const struct trace *trace);

/* The device's limits, as far as lines before the first event have told. */
const struct settings *trace_settings(const struct trace *trace);

/* Its hardware queues, likewise. */
const struct trace_hctxs *trace_hctxs(const struct trace *trace);

/*
 * Is this event an I/O that a replay of its trace carries? A bio, or with @by_issue a
 * request.
 */
bool trace_is_io(const struct trace *trace, const struct trace_event *event,
		 bool by_issue);

#endif
