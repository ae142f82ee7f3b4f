/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the engine has to decide, said again in the slowest way there is: bytes are
 * looked at one after the other, in steps so small that nothing can happen within one.
 * Includes nothing of the engine, and is not meant to be fast or short of memory.
 */
#ifndef MODEL_H
#define MODEL_H

#include <physbio/types.h>

#define MODEL_RANGES 32

struct model_range {
	uint64_t addr;
	uint32_t len;
};

struct model_limits {
	uint32_t step; /* bytes; all addresses, lengths and limits are of whole ones */
	uint32_t page_size;
	uint32_t max_segments;
	uint32_t max_segment_size;
	uint64_t seg_boundary; /* mask */
	uint64_t virt_boundary; /* mask */
	uint32_t max_sectors;
	uint32_t chunk_sectors;
	uint32_t logical_block;
	uint32_t physical_block;
	uint32_t dma_alignment; /* mask */
};

/* A read or write: what was added, and how much of it is done. */
struct model_bio {
	uint64_t sector; /* of what is left */
	unsigned int nr;
	struct model_range ranges[MODEL_RANGES];
	uint32_t done; /* bytes */
	uint32_t size; /* bytes left */
	bool atomic, nowait;
};

struct model_fragment {
	int err; /* -errno: the rest ends with it, and nothing else is said */
	uint32_t bytes;
	uint32_t nsegs;
	uint32_t gap_bit; /* number of the lowest bit of all gaps, from 1; 0 none */
	bool whole; /* nothing was cut off */
};

/* Cut off what fits; @bio is what is left afterwards. */
struct model_fragment model_split(struct model_bio *bio,
				  const struct model_limits *lim);

/* A request: what its bios have, in the order of their data. */
struct model_rq {
	uint64_t sector;
	uint32_t bytes;
	uint32_t nsegs;
	uint32_t gap_bit;
	bool nomerge;
	unsigned int nr;
	struct model_range ranges[2 * MODEL_RANGES];
};

enum model_merge {
	MODEL_APART, /* they don't touch in the device, or must not */
	MODEL_BACK,
	MODEL_FRONT,
	MODEL_FAILED, /* they touch, but not so */
};

/* @bio: as it was before it was found to be @f as a whole */
void model_rq_of(struct model_rq *rq, const struct model_bio *bio,
		 const struct model_fragment *f);

/* Join @bio, which was found to be @f as a whole, to @rq if that may be. */
enum model_merge model_merge(struct model_rq *rq, const struct model_bio *bio,
			     const struct model_fragment *f,
			     const struct model_limits *lim);

/* The ranges that a request is mapped to. Returns how many. */
unsigned int model_map(const struct model_rq *rq,
		       const struct model_limits *lim, struct model_range *out,
		       unsigned int max);

#endif
