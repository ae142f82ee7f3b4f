/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts of physbio replay: the options and the order of things (replay.c), what the
 * bytes of each sector are (replay-data.c), bios and batches (replay-io.c), where
 * buffers lie (replay-layout.c), the machine (replay-machine.c) and the result
 * (replay-report.c). Checking decisions is apart: check.c.
 */
#ifndef TOOLS_REPLAY_H
#define TOOLS_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <physbio/buffer.h>
#include <physbio/machine.h>
#include <physbio/memdev.h>

#include "../src/repr/ops.h"
#include "trace.h"

#define MIB ((uint64_t)1 << 20)
#define POOL_SIZE (32 * MIB) /* of data in one plug */
#define DEPTH 64
#define MAX_NAMES 16

/* Where buffers lie, physically. */
enum layout {
	LAYOUT_FRAMES, /* as the machine that it runs on gives pages */
	LAYOUT_CONTIGUOUS,
	LAYOUT_SCATTERED, /* no two pages touch */
	LAYOUT_RECORDED, /* vectors begin, end and touch as in the trace */
};

struct options {
	const char *path;
	const char *limits, *topology, *device; /* NULL: none given */
	unsigned int plug;
	uint64_t size; /* 0: the highest end, rounded up to 1 MiB */
	unsigned long corrupt;
	enum layout layout;
	const char *scheduler; /* NULL: as the trace has it, else none */
	const struct physbio_repr *reprs[4];
	unsigned int nr_reprs;
	bool check, json;
};

/* What the first pass over the trace finds. */
struct extent_of_trace {
	uint64_t end[TRACE_MAX_FILES]; /* highest end of each file */
	uint64_t base[TRACE_MAX_FILES]; /* where it begins on the device */
	uint64_t size;
	uint64_t ios;
	bool by_issue; /* requests are recorded, bios are not */
};

struct totals {
	uint64_t ios, bios, flushes, trims, overlaps;
	uint64_t bytes_read, bytes_written, bytes_compared;
	uint64_t segments_before;
	const char *names[MAX_NAMES]; /* of actions that are no I/O */
	uint64_t skipped[MAX_NAMES];
};

/* A part of an I/O's memory that is contiguous in the pool. */
struct piece {
	size_t at; /* in the pool, bytes */
	uint32_t len; /* bytes */
};

/* One I/O on its way. */
struct io {
	uint64_t number; /* in the trace, from 1 */
	unsigned int line;
	enum trace_op op;
	uint64_t offset, len; /* on the device, bytes */
	unsigned int first_piece, nr_pieces;
	int err;
};

#define MAX_PIECES 65536 /* of one batch */

struct replay {
	const struct options *opt;
	const struct physbio_repr *repr;
	struct extent_of_trace log;
	struct settings settings;
	struct physbio_buffer *pool;
	struct physbio_snapshot snap;
	struct physbio_topology *topology;
	int node; /* which the disk is */
	struct physbio_machine *machine;
	struct physbio_mem *mem;
	struct physbio_fabric *fabric;
	struct physbio_memdev *disk;
	struct physbio_memdev_core core;
	struct pb_bio_set bs;
	struct physbio_queue_stats stats;
	struct totals totals;
	uint32_t *writer; /* of each sector, 0: nobody */
	uint32_t *touched; /* of each sector: nr_batches << 1 | written */
	struct io *batch; /* what is in the plug */
	unsigned int nr_batch;
	uint32_t nr_batches; /* from 1 */
	struct piece *pieces; /* of the batch */
	unsigned int nr_pieces;
	size_t pool_used;
	uint64_t last_paddr; /* LAYOUT_RECORDED: where the last vector ended */
	struct pb_blk_plug plug;
	bool wrong;
};

extern const char *const trace_op_names[];
extern const char *const layout_names[];

__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
void complain_error(const struct physbio_error *error);

/* Sectors of an I/O: filled for a write, compared after a read. */
void fill_write(struct replay *r, const struct io *io);
void poison_read(struct replay *r, const struct io *io);
void compare_read(struct replay *r, const struct io *io);
void forget(struct replay *r, const struct io *io);
/* All of the device. */
void compare_store(struct replay *r);

/* Frames of the pool. Return: 0, or -errno. */
int layout_frames(struct replay *r, struct physbio_error *error);
/*
 * Places for @len bytes of @io, from @skip on, in the pool. Return: how many bytes have
 * one; 0: the batch must be flushed first.
 */
uint64_t layout_io(struct replay *r, struct io *io, uint64_t len,
		   const struct trace_event *e, uint64_t skip);

int machine_up(struct replay *r);
void machine_down(struct replay *r);

/* One event, the @number-th I/O if it is one. */
void replay_event(struct replay *r, const struct trace_event *e,
		  uint64_t number);
void replay_skip(struct replay *r, const struct trace_event *e);
void flush_batch(struct replay *r);

void print_options(const struct replay *r);
void print_result(const struct replay *r);
void print_json(const struct replay *r, bool first, bool last);
/* The figures must add up, whatever the data say. */
void check_figures(struct replay *r);

/* A line of progress, on a terminal, when it takes longer than a second. */
struct progress {
	const char *what;
	uint64_t total, started, shown; /* times in ms */
	unsigned int calls;
	bool tty;
};
void progress_start(struct progress *p, const char *what, uint64_t total);
/* Is it time to look how far we are? */
bool progress_due(struct progress *p);
void progress_show(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

struct check_result {
	uint64_t decisions, mismatches;
	uint64_t inputs; /* decisions that the record's timing made */
};

/*
 * Compare every decision of a recording with the engine's, and add to @result. Return: 0,
 * also if some are not the same; -errno and @error if the file is not good.
 */
int check_trace(const char *path, bool quiet, struct check_result *result,
		struct physbio_error *error);

#endif
