// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a request is made of, how its segments are counted, and how its bios end.
 * Where requests come from and go to is submit.c's business.
 */
#include "platform.h"

#include <physbio/integrity.h>
#include <physbio/merge.h>
#include <physbio/request.h>

#include "queue.h"

/* A read-ahead that fails is nobody's loss: don't retry it. */
static u32 rq_failfast(const struct pb_bio *bio)
{
	return bio->bi_opf & PB_REQ_RAHEAD ? PB_REQ_FAILFAST_MASK : 0;
}

void pb_blk_rq_bio_prep(struct pb_request *rq, struct pb_bio *bio,
			unsigned int nr_segs)
{
	rq->cmd_flags = bio->bi_opf | rq_failfast(bio);
	rq->__sector = bio->bi_iter.bi_sector;
	rq->__data_len = bio->bi_iter.bi_size;
	rq->bio = bio;
	rq->biotail = bio;
	rq->nr_phys_segments = (u16)nr_segs;
	rq->nr_integrity_segments = 0;
	if (unlikely(pb_bio_integrity(bio)))
		rq->nr_integrity_segments =
			(u16)pb_blk_rq_count_integrity_sg(rq->q, bio);
	rq->phys_gap_bit = bio->bi_bvec_gap_bit;
	rq->ioprio = bio->bi_ioprio;
	rq->write_hint = bio->bi_write_hint;
	rq->write_stream = bio->bi_write_stream;
}
EXPORT_SYMBOL_GPL(pb_blk_rq_bio_prep);

static unsigned int rq_nr_bios(const struct pb_request *rq)
{
	const struct pb_bio *bio;
	unsigned int n = 0;

	__pb_rq_for_each_bio(bio, rq)
		n++;
	return n;
}

unsigned int pb_blk_recalc_rq_segments(struct pb_request *rq)
{
	struct pb_req_iterator iter;
	struct pb_bio_vec bv;
	u32 nsegs = 0, bytes = 0;

	if (!rq->bio)
		return 0;
	switch (pb_req_op(rq)) {
	case PB_REQ_OP_DISCARD:
	case PB_REQ_OP_SECURE_ERASE:
		return rq->q->limits.max_discard_segments > 1 ? rq_nr_bios(rq) :
								1;
	case PB_REQ_OP_WRITE_ZEROES:
		return 0;
	default:
		break;
	}
	pb_rq_for_each_bvec(bv, rq, iter)
		pb_bvec_split_segs(&rq->q->limits, &bv, &nsegs, &bytes, U32_MAX,
				   U32_MAX);
	return nsegs;
}
EXPORT_SYMBOL_GPL(pb_blk_recalc_rq_segments);

/* The bios are done with the front of the request: it begins later now. */
static void rq_move_front(struct pb_request *rq, unsigned int bytes)
{
	rq->__data_len -= bytes;
	if (!pb_blk_rq_is_passthrough(rq))
		rq->__sector += bytes >> PB_SECTOR_SHIFT;
	if (rq->rq_flags & PB_RQF_MIXED_MERGE)
		rq->cmd_flags = (rq->cmd_flags & ~PB_REQ_FAILFAST_MASK) |
				(rq->bio->bi_opf & PB_REQ_FAILFAST_MASK);
	rq->nr_phys_segments = (u16)pb_blk_recalc_rq_segments(rq);
}

bool pb_blk_update_request(struct pb_request *rq, pb_blk_status_t error,
			   unsigned int nr_bytes)
{
	unsigned int total = 0;

	while (rq->bio && (nr_bytes || !rq->bio->bi_iter.bi_size)) {
		struct pb_bio *bio = rq->bio;
		unsigned int bytes = min(bio->bi_iter.bi_size, nr_bytes);

		if (unlikely(error))
			bio->bi_status = error;
		total += bytes;
		nr_bytes -= bytes;
		if (bytes < bio->bi_iter.bi_size) {
			pb_bio_advance(bio, bytes);
			break;
		}
		rq->bio = bio->bi_next;
		bio->bi_next = NULL;
		pb_bio_advance(bio, bytes);
		pb_bio_endio(bio);
	}
	if (!rq->bio) {
		rq->__data_len = 0;
		return false;
	}
	rq_move_front(rq, total);
	return true;
}
EXPORT_SYMBOL_GPL(pb_blk_update_request);
