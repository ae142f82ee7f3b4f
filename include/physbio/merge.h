/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Joining: when two vectors are one segment, when a bio joins a request at its back
 * or front, and when two requests become one. All of it is arithmetic on
 * addresses and counts; which request is tried is submit.c's decision.
 */
#ifndef PHYSBIO_MERGE_H
#define PHYSBIO_MERGE_H

#include <physbio/limits.h>
#include <physbio/request.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a bio could join a request. Source: enum elv_merge */
enum pb_elv_merge {
	PB_ELEVATOR_NO_MERGE = 0,
	PB_ELEVATOR_FRONT_MERGE = 1,
	PB_ELEVATOR_BACK_MERGE = 2,
	PB_ELEVATOR_DISCARD_MERGE = 3,
};

/* What came of trying. Source: enum bio_merge_status */
enum pb_bio_merge_status {
	PB_BIO_MERGE_OK,
	PB_BIO_MERGE_NONE, /* they don't touch, or must not */
	PB_BIO_MERGE_FAILED, /* they touch, but the limits say no */
};

/**
 * pb_get_max_segment_size() - bytes of a segment that begins at an address
 * @lim: validated limits
 * @addr_bits: the address as a number, in bytes
 * @len: bytes that are wanted
 *
 * Context: any. Return: @len, or less where the segment boundary or size ends it.
 * Source: get_max_segment_size()
 */
static inline unsigned int
pb_get_max_segment_size(const struct pb_queue_limits *lim, uint64_t addr_bits,
			unsigned int len)
{
	/* To the last byte of the window; all ones plus one must not wrap. */
	uint64_t to_last =
		lim->seg_boundary_mask - (lim->seg_boundary_mask & addr_bits);
	uint64_t room = lim->max_segment_size;

	if (to_last < room)
		room = to_last + 1;
	return len < room ? len : (unsigned int)room;
}

/**
 * pb_biovec_phys_mergeable() - are two vectors one segment?
 * @q: queue; its max_segment_size is the caller's to check
 * @vec1: vector
 * @vec2: vector that is to follow it
 *
 * Context: any. Return: true if they touch, are memory of one kind, and lie in
 * one segment boundary window. Source: biovec_phys_mergeable()
 */
PB_API bool pb_biovec_phys_mergeable(const struct pb_request_queue *q,
				     const struct pb_bio_vec *vec1,
				     const struct pb_bio_vec *vec2);

/**
 * pb_bvec_gap_to_prev() - is there a gap that the device can't take?
 * @lim: validated limits, of which virt_boundary_mask counts
 * @bprv: vector
 * @offset: bits of the start of the one that is to follow, see pb_bvec_offset()
 *
 * Context: any. Source: bvec_gap_to_prev()
 */
static inline bool pb_bvec_gap_to_prev(const struct pb_queue_limits *lim,
				       const struct pb_bio_vec *bprv,
				       uint32_t offset)
{
	uint32_t edges = offset | (pb_bvec_offset(bprv) + bprv->bv_len);

	return lim->virt_boundary_mask & edges;
}

/**
 * pb_blk_rq_merge_ok() - may a bio and a request be one command?
 * @rq: request
 * @bio: bio
 *
 * Context: any. Return: false if operation, flags, hints, priority or region
 * differ. Source: blk_rq_merge_ok()
 */
PB_API bool pb_blk_rq_merge_ok(struct pb_request *rq, struct pb_bio *bio);

/* Where a bio touches a request, if anywhere. Source: blk_try_merge() */
PB_API enum pb_elv_merge pb_blk_try_merge(const struct pb_request *rq,
					  const struct pb_bio *bio);

/**
 * pb_ll_back_merge_fn() - may a bio be added at the end, as the limits have it?
 * @rq: request; marked NOMERGE if it would be too large, else its segment count
 *	has grown
 * @bio: bio that touches its end
 * @nr_segs: segments of @bio
 *
 * Context: any. Return: 1 if it may, else 0. Source: ll_back_merge_fn()
 */
PB_API int pb_ll_back_merge_fn(struct pb_request *rq, struct pb_bio *bio,
			       unsigned int nr_segs);

/**
 * pb_blk_attempt_bio_merge() - try to add a bio to one request
 * @q: queue of both
 * @rq: request that the driver has not seen
 * @bio: bio; the request's if it was merged
 * @nr_segs: segments of @bio
 * @sched_allow_merge: ask the scheduler too
 *
 * Context: the one that owns @rq. Return: enum pb_bio_merge_status.
 * Source: blk_attempt_bio_merge()
 */
PB_API enum pb_bio_merge_status
pb_blk_attempt_bio_merge(struct pb_request_queue *q, struct pb_request *rq,
			 struct pb_bio *bio, unsigned int nr_segs,
			 bool sched_allow_merge);

/**
 * pb_blk_attempt_req_merge() - try to make two requests one
 * @q: queue of both
 * @rq: request that the driver has not seen
 * @next: the one to add at its end; without bios afterwards, if merged
 *
 * Context: the one that owns both. Return: true if merged.
 * Source: blk_attempt_req_merge()
 */
PB_API bool pb_blk_attempt_req_merge(struct pb_request_queue *q,
				     struct pb_request *rq,
				     struct pb_request *next);

/**
 * pb_blk_rq_append_bio() - add a bio to a driver's own request
 * @rq: passthrough request, perhaps without bios
 * @bio: bio; the request's if it was added
 *
 * Context: any. Return: 0; -EREMOTEIO if it would have to be cut, which means that
 * its data must be copied; -EINVAL if a vector is misaligned, or it can't follow what
 * is there. Source: blk_rq_append_bio()
 */
PB_API int pb_blk_rq_append_bio(struct pb_request *rq, struct pb_bio *bio);

/**
 * pb_blk_attempt_plug_merge() - try to add a bio to what the task has plugged
 * @q: queue of @bio
 * @bio: bio; a request's if it was merged
 * @nr_segs: segments of @bio
 *
 * The last request is tried, or where several queues are plugged the first one
 * of this queue.
 *
 * Context: task. Return: true if merged. Source: blk_attempt_plug_merge()
 */
PB_API bool pb_blk_attempt_plug_merge(struct pb_request_queue *q,
				      struct pb_bio *bio, unsigned int nr_segs);

#ifdef __cplusplus
}
#endif

#endif
