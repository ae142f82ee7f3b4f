/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The request: adjacent bios on their way to a driver as one command. This file
 * decides what a request is made of and how it is walked and ended. Whether a bio
 * may join it is merge.c's decision, when it is sent submit.c's.
 */
#ifndef PHYSBIO_REQUEST_H
#define PHYSBIO_REQUEST_H

#include <physbio/bio.h>
#include <physbio/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_request;

/* Bits of rq_flags. */
#define PB_RQF_MIXED_MERGE (1u << 0) /* bios of different failfast flags */
#define PB_RQF_STARTED (1u << 1) /* the driver has it */
#define PB_RQF_SPECIAL_PAYLOAD (1u << 2) /* one vector replaces the bios' */
#define PB_RQF_ZONE_WRITE_PLUGGING (1u << 3) /* writes of a zone, in order */

struct pb_request {
	struct pb_request_queue *q;
	pb_blk_opf_t cmd_flags; /* op | PB_REQ_* */
	uint32_t rq_flags; /* PB_RQF_* */
	int tag; /* index in the tag set */
	uint32_t __data_len; /* bytes; see pb_blk_rq_bytes() */
	pb_sector_t __sector; /* sectors of 512 bytes */
	struct pb_bio *bio; /* first, linked by bi_next */
	struct pb_bio *biotail;
	struct pb_request *rq_next; /* next on a plug, dispatch or free list */
	struct pb_request *rq_prev;
	uint16_t nr_phys_segments; /* upper bound on DMA segments */
	uint16_t nr_integrity_segments; /* of the metadata */
	uint16_t ioprio;
	uint8_t write_hint;
	uint8_t write_stream;
	/* lowest bit, from 1, of all gaps between vectors; 0: no gap */
	uint8_t phys_gap_bit;
	struct pb_bio_vec *special_vec; /* PB_RQF_SPECIAL_PAYLOAD */
};

/* Source: rq_list */
struct pb_rq_list {
	struct pb_request *head;
	struct pb_request *tail;
};

static inline enum pb_req_op pb_req_op(const struct pb_request *rq)
{
	return (enum pb_req_op)(rq->cmd_flags & PB_REQ_OP_MASK);
}

/* First sector. Source: blk_rq_pos() */
static inline pb_sector_t pb_blk_rq_pos(const struct pb_request *rq)
{
	return rq->__sector;
}

/* Bytes left. Source: blk_rq_bytes() */
static inline uint32_t pb_blk_rq_bytes(const struct pb_request *rq)
{
	return rq->__data_len;
}

/* Sectors of 512 bytes left. Source: blk_rq_sectors() */
static inline uint32_t pb_blk_rq_sectors(const struct pb_request *rq)
{
	return rq->__data_len >> PB_SECTOR_SHIFT;
}

/* Does a driver's own command move no bio's sectors? */
static inline bool pb_blk_rq_is_passthrough(const struct pb_request *rq)
{
	enum pb_req_op op = pb_req_op(rq);

	return op == PB_REQ_OP_DRV_IN || op == PB_REQ_OP_DRV_OUT;
}

/* Segments as counted by the splitter. Source: blk_rq_nr_phys_segments() */
static inline unsigned short
pb_blk_rq_nr_phys_segments(const struct pb_request *rq)
{
	if (rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD)
		return 1;
	return rq->nr_phys_segments;
}

/* Bytes to map. Source: blk_rq_payload_bytes() */
static inline uint32_t pb_blk_rq_payload_bytes(const struct pb_request *rq)
{
	if (rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD)
		return rq->special_vec->bv_len;
	return rq->__data_len;
}

/*
 * The granules that a gap between the vectors of a request is seen at: the lowest bit of
 * all gaps and those above; 0 if there is none. Source: req_phys_gap_mask()
 */
static inline uint64_t pb_req_phys_gap_mask(const struct pb_request *rq)
{
	return rq->phys_gap_bit ? ~UINT64_C(0) << (rq->phys_gap_bit - 1) : 0;
}

/* The driver's memory behind a request: cmd_size bytes. Source: blk_mq_rq_to_pdu() */
static inline void *pb_blk_mq_rq_to_pdu(struct pb_request *rq)
{
	return rq + 1;
}

/* Every bio of a request. Source: __rq_for_each_bio() */
#define __pb_rq_for_each_bio(_bio, rq) \
	for ((_bio) = (rq)->bio; (_bio); (_bio) = (_bio)->bi_next)

/* Walks every vector of a request. Source: req_iterator */
struct pb_req_iterator {
	struct pb_bvec_iter iter;
	struct pb_bio *bio;
};

/* Every vector of a request. Source: rq_for_each_bvec() */
#define pb_rq_for_each_bvec(bvl, rq, rq_iter)   \
	__pb_rq_for_each_bio((rq_iter).bio, rq) \
		pb_bio_for_each_bvec(bvl, (rq_iter).bio, (rq_iter).iter)

/* The same, a page at a time. Source: rq_for_each_segment() */
#define pb_rq_for_each_segment(bvl, rq, rq_iter) \
	__pb_rq_for_each_bio((rq_iter).bio, rq)  \
		pb_bio_for_each_segment(bvl, (rq_iter).bio, (rq_iter).iter)

#ifdef PB_REPR_HAS_PHYS
/**
 * physbio_rq_must_copy() - can a driver's own request not take user memory as it is?
 * @q: queue
 * @iter: user addresses, or vectors
 *
 * An address or a length that the device can't do, or ranges that meet within the virt
 * boundary: user addresses decide, whatever pages are behind them.
 * Context: any. Return: true if the bytes must be copied.
 * Source: blk_rq_map_user_iov()
 */
PB_API bool physbio_rq_must_copy(const struct pb_request_queue *q,
				 const struct pb_iov_iter *iter);

/**
 * physbio_rq_map_user_iov() - make user memory the data of a driver's own request
 * @rq: passthrough request without bios
 * @iter: user addresses, or vectors; not moved
 * @gfp: as for pb_bio_alloc_bioset()
 * @bs: set to take bios from
 *
 * In as many bios as it takes. To be undone by pb_blk_rq_unmap_user() with the first of
 * them, as it was now. The library has no pages of its own to copy to: where mainline
 * copies, the caller does.
 *
 * Context: may sleep; of the task whose memory it is. Return: 0; -EREMOTEIO if the bytes
 * must be copied; -EINVAL if there are none, or a vector is misaligned, or it is more than
 * a request takes; -ENOMEM; or as pb_bio_iov_iter_get_pages(). Nothing is pinned then and
 * @rq has no bio. Source: blk_rq_map_user_iov()
 */
PB_API int physbio_rq_map_user_iov(struct pb_request *rq,
				   const struct pb_iov_iter *iter, pb_gfp_t gfp,
				   struct pb_bio_set *bs);

/**
 * pb_blk_rq_unmap_user() - let user memory go again
 * @bio: first bio that a request was given, or NULL
 *
 * Pages that were read to are marked dirty. Context: task. Return: 0.
 * Source: blk_rq_unmap_user()
 */
PB_API int pb_blk_rq_unmap_user(struct pb_bio *bio);
#endif

/**
 * pb_blk_rq_bio_prep() - make a request of one bio
 * @rq: request without bios
 * @bio: bio, from now on the request's
 * @nr_segs: what the splitter counted for @bio
 *
 * Context: any. Source: blk_rq_bio_prep(), blk_mq_bio_to_request()
 */
PB_API void pb_blk_rq_bio_prep(struct pb_request *rq, struct pb_bio *bio,
			       unsigned int nr_segs);

/**
 * pb_blk_recalc_rq_segments() - count the segments of a request anew
 * @rq: request
 *
 * Context: any. Return: the number, counted as the splitter counts.
 * Source: blk_recalc_rq_segments()
 */
PB_API unsigned int pb_blk_recalc_rq_segments(struct pb_request *rq);

/**
 * pb_blk_update_request() - end the front of a request
 * @rq: request that the driver has
 * @error: status of these bytes
 * @nr_bytes: bytes that are done
 *
 * Ends every bio that they complete.
 * Context: any. Return: true if the request has bytes left.
 * Source: blk_update_request()
 */
PB_API bool pb_blk_update_request(struct pb_request *rq, pb_blk_status_t error,
				  unsigned int nr_bytes);

#ifdef __cplusplus
}
#endif

#endif
