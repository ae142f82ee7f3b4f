/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The operations of which the kernel's own times are known, each in a loop, compiled with
 * each representation as the kernel's callers are. Nothing in here looks at a clock.
 */
#ifndef BENCH_ANCHOR_LOOPS_H
#define BENCH_ANCHOR_LOOPS_H

#include <physbio/bio.h>
#include <physbio/dma.h>
#include <physbio/request.h>
#include <physbio/scatterlist.h>
#include <physbio/submit.h>

#define ANCHOR_MAX_PAGES 256

enum anchor_op {
	ANCHOR_BIO_INIT,
	ANCHOR_ADD,
	ANCHOR_ITERATE,
	ANCHOR_SPLIT,
	ANCHOR_SPLIT_SHAPE, /* in the kernel's shape, as others below */
	ANCHOR_SPLIT_REAL,
	ANCHOR_MAP_SG,
	ANCHOR_MAP_SG_SHAPE,
	ANCHOR_MAP_SG_6_1,
	ANCHOR_MAP_ITER,
	ANCHOR_MAP_ITER_SHAPE,
	ANCHOR_DMA_ITER,
	ANCHOR_BACK_MERGE,
	ANCHOR_PLUG_MERGE,
	ANCHOR_PLUG_SUBMIT,
	ANCHOR_GET_PUT,
	ANCHOR_PATH,
	ANCHOR_SUBMIT,
	ANCHOR_NR_OPS
};

enum anchor_layout {
	ANCHOR_SCATTERED, /* pages of which no two touch */
	ANCHOR_CONTIGUOUS, /* pages one after the other */
	ANCHOR_FOLIO, /* the same in one folio, added at once */
};

/* What one contestant works on. */
struct anchor_ctx {
	/* the caller's */
	struct pb_page *const *pages;
	unsigned int nr; /* pages */
	enum anchor_layout layout;
	bool one_page_bios; /* else one bio has all pages */
	bool pinned; /* pages are pinned before, dirtied and unpinned after */
	bool apart; /* the bio that may be merged is not the next one on the device */
	const struct pb_queue_limits *limits; /* not validated */
	unsigned int reps; /* operations in a sample */
	/* its own */
	struct pb_request_queue *q;
	const struct pb_queue_limits *lim;
	struct pb_blk_mq_tag_set set;
	struct pb_block_device bdev;
	struct physbio_xlate xlate;
	struct pb_device dev;
	struct pb_bio_set bs;
	struct pb_bio bios[ANCHOR_MAX_PAGES];
	struct pb_bio next; /* may be merged behind them */
	struct pb_bio_vec *table; /* of all of them */
	struct pb_request rq;
	struct pb_scatterlist sg[ANCHOR_MAX_PAGES];
	unsigned int nr_segs; /* of the bios, as counted */
	int nr_sg; /* entries of sg that were made */
	uint64_t ended; /* bytes of bios whose I/O has ended */
};

struct anchor_loops {
	/* 0 or -errno */
	int (*up)(struct anchor_ctx *ctx);
	void (*down)(struct anchor_ctx *ctx);
	/* What came of it: segments, entries, bytes, or whether it was merged. */
	uint64_t (*run[ANCHOR_NR_OPS])(struct anchor_ctx *ctx);
};

extern const struct anchor_loops flat_anchor_loops;
extern const struct anchor_loops vmemmap_anchor_loops;
extern const struct anchor_loops phys_anchor_loops;

#endif
