/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the files of the e2e benchmark have in common: shapes of I/Os (e2e-shapes.c), memory
 * (e2e-memory.c), contestants (e2e-runner.c) and their verification (e2e-verify.c).
 */
#ifndef BENCH_E2E_H
#define BENCH_E2E_H

#include "../src/repr/ops.h"
#include "../src/repr/stages.h"
#include "harness.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define PAGE 4096u

extern struct bench bench;

/* --- shapes --- */

enum stage {
	ADD,
	SPLIT,
	MERGE,
	MAP,
	MAP_ITER, /* range by range, as a driver of another device does */
	COMPLETE,
	WHOLE,
	IN_FLIGHT, /* the whole way, of all I/Os at once */
	NR_STAGES
};

/* What is asked of a shape. */
enum kind {
	EACH_STAGE,
	HOT, /* the same I/Os go their way again and again, all in flight */
	COLD, /* nothing of them is in a cache */
	PER_SEGMENT, /* what a segment costs, in a bio of many */
	NR_KINDS
};

enum buffer_use {
	SMALL,
	HUGE_PAGES,
	HUGETLB_PAGES,
	FRAGMENTED, /* pages that a process gets in what others have left */
	LARGE, /* 1 GiB of huge pages */
	NR_BUFFERS
};

enum layout {
	CONTIGUOUS,
	SCATTERED, /* no two ranges of an I/O touch */
	HALF, /* every other range continues the one before */
	AS_IT_IS, /* page after page of the buffer, wherever it lies */
	RECORDED, /* as pages lay under a recorded kernel, the same on every machine */
};

struct shape {
	const char *name;
	enum buffer_use buffer;
	enum layout layout;
	unsigned int ranges; /* of each bio */
	unsigned int range_len; /* bytes each range has */
	unsigned int
		bios; /* of each I/O: what an entry or a request can't hold */
	unsigned int ios; /* in a sample */
	/* the same of stages that can't be repeated; 0: as many */
	unsigned int once_ios;

	enum kind kind;
	/* of a variant */
	const char *suffix;
	unsigned int times;
};

/* All shapes, and variants of some. */
extern const int nr_shapes;
struct shape shape_at(int i);

unsigned int shape_nr_ios(const struct shape *shape, enum stage s);
unsigned int shape_nr_bios(const struct shape *shape);
size_t shape_nr_ranges(const struct shape *shape);
unsigned int shape_nr_times(const struct shape *shape, enum stage s);
unsigned int shape_nr_units(const struct shape *shape, enum stage s);
int shape_nr_rounds(const struct shape *shape);
bool shape_is_for_nvme(const struct shape *shape);
bool shape_has_stage(const struct shape *shape, enum stage s);
void shape_case_name(char name[80], const struct shape *shape, enum stage s);

/* --- memory --- */

extern struct physbio_mem *mem;

void memory_up(void);
void memory_down(void);
void memory_note(void);

/* Why there is no such buffer; NULL: there is. */
const char *memory_lacks(enum buffer_use use);

/* All ranges of a shape, to be freed. */
struct physbio_stage_range *lay_out(const struct shape *shape);

/* --- contestants --- */

struct entrant {
	const char *name;
	const char *base;
	const struct physbio_repr *repr;
	const struct physbio_stages *stages;
	const struct physbio_repr *count_repr; /* NULL: counts as another does */
	const struct physbio_stages *count_stages;
	bool page_given, page_kept;
};

#define NR_ENTRANTS 11

extern const struct entrant entrants[NR_ENTRANTS];

struct runner {
	const struct entrant *e;
	const struct shape *shape;
	enum stage stage; /* that is timed */
	unsigned int times; /* that it is run in a sample */
	const struct physbio_stage_range *r;
	const struct physbio_repr *repr; /* timed or counting */
	const struct physbio_stages *stages;
	struct physbio_stage_ctx ctx;
	struct pb_block_device bdev;
	struct physbio_xlate xlate;
	struct pb_device dev;
};

extern const struct pb_queue_limits limits;

/* A stage, and what comes before it; both get a runner. */
extern const struct stage_fns {
	void (*ready)(void *arg);
	void (*run)(void *arg);
} stages[NR_STAGES];

void ios_up(struct physbio_stage_ctx *ctx, const struct shape *shape,
	    const struct physbio_stage_range *r);
void ios_down(struct physbio_stage_ctx *ctx);
void iod_up(struct pb_nvme_iod *iod, unsigned int max_ranges);
void iod_down(struct pb_nvme_iod *iod);

void runner_up(struct runner *run, const struct entrant *e,
	       const struct shape *shape, const struct physbio_stage_ctx *ios,
	       const struct physbio_repr *repr,
	       const struct physbio_stages *of);
void runner_down(struct runner *run);
void set_stage(struct runner *run, enum stage s);
bool can_run(const struct entrant *e, enum stage s);

/* Ranges of the stage that is set. */
size_t nr_run(const struct runner *run);
void clean_all(const struct runner *run);
void touch_pages(const struct runner *run);
void ready_pinned(void *arg);

/* Every stage that its shape has; or the process ends. */
void runner_verify(struct runner *run);

#endif
