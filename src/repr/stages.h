/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stages of an I/O as loops over many of them, compiled with each representation as
 * a kernel's callers are compiled with the kernel's: direct calls, inlined accessors.
 * Nothing in here looks at a clock.
 */
#ifndef PHYSBIO_REPR_STAGES_H
#define PHYSBIO_REPR_STAGES_H

#include <physbio/bio.h>
#include <physbio/dma.h>
#include <physbio/nvme.h>
#include <physbio/request.h>

/* A piece of memory as its submitter has it at hand. */
struct physbio_stage_range {
	struct pb_page *page; /* first page */
	pb_phys_addr_t paddr; /* physical address of the first byte */
	pb_dma_addr_t daddr; /* its bus address for one device */
	uint32_t len; /* bytes */
};

/* One I/O, and the one that is merged behind it. */
struct physbio_stage_io {
	struct pb_bio bio;
	struct pb_bio next;
	struct pb_request rq;
	struct pb_bio_vec *table;
	const struct physbio_stage_range *ranges;
	unsigned int nr_segs;
};

struct physbio_stage_ctx {
	struct pb_request_queue *q;
	const struct pb_queue_limits *lim; /* its limits */
	struct pb_block_device *bdev;
	const struct pb_device *dev;
	struct physbio_stage_io *ios;
	unsigned int nr_ios;
	unsigned int nr_ranges; /* of each I/O */
	unsigned short max_vecs;
	bool page_given; /* the submitter has pages, else physical addresses */
	bool keep_pages; /* with page_given: the bio keeps them behind its table */
	struct pb_nvme_iod iod; /* one I/O after the other has it */
	struct pb_nvme_iod *iods; /* in flight: each I/O has its own */
	unsigned int times; /* that all are in flight, or all ranges converted */
	uint64_t sum; /* so that a conversion has a use */
};

typedef void physbio_stage_fn(struct physbio_stage_ctx *ctx);

/* Those of the dma representation that need a page are NULL. */
struct physbio_stages {
	physbio_stage_fn *add; /* init a bio and add all ranges */
	physbio_stage_fn *split; /* check it against the limits, count segments */
	physbio_stage_fn *prep; /* make a request of it; not timed */
	physbio_stage_fn *merge; /* merge another bio behind it */
	physbio_stage_fn *map; /* map and describe it */
	physbio_stage_fn *map_iter; /* map it and describe nothing */
	physbio_stage_fn *pin; /* its pages, as a submitter does; not timed */
	physbio_stage_fn *complete; /* dirty and unpin its pages */
	/* the same page by page, as a kernel without folios does */
	physbio_stage_fn *complete_each;
	physbio_stage_fn *whole; /* pin, and all of these: each I/O to its end */
	/* the same, but all I/Os are mapped before the first is completed */
	physbio_stage_fn *in_flight;

	/* A use of each range of the first I/O, which has a multiple of 8. */
	physbio_stage_fn *read; /* which its page only is read for */
	physbio_stage_fn *to_phys; /* its page converted */
	physbio_stage_fn *to_page; /* its physical address converted */
	physbio_stage_fn *round_trip; /* there and back, one after the other */
};

extern const struct physbio_stages phys_physbio_stages;
extern const struct physbio_stages physb_physbio_stages;
extern const struct physbio_stages phys12_physbio_stages;
extern const struct physbio_stages phyr_physbio_stages;
extern const struct physbio_stages phys31_physbio_stages;
extern const struct physbio_stages page_physbio_stages;
extern const struct physbio_stages sparse_physbio_stages;
extern const struct physbio_stages physsparse_physbio_stages;
extern const struct physbio_stages dma_physbio_stages;
extern const struct physbio_stages physcnt_physbio_stages;
extern const struct physbio_stages pagecnt_physbio_stages;
extern const struct physbio_stages sparsecnt_physbio_stages;
extern const struct physbio_stages physsparsecnt_physbio_stages;
extern const struct physbio_stages dmacnt_physbio_stages;

#endif
