// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Joining bios to requests: whether they are alike, whether they touch, whether the
 * limits bear it, and then the joining itself. Only the first and last vectors of
 * each side are looked at; which request is tried is the caller's decision.
 */
#include "platform.h"

#include <physbio/merge.h>
#include <physbio/split.h>
#include <physbio/submit.h>

#include "queue.h"

bool pb_biovec_phys_mergeable(const struct pb_request_queue *q,
			      const struct pb_bio_vec *vec1,
			      const struct pb_bio_vec *vec2)
{
	return pb_bvecs_mergeable(&q->limits, vec1, vec2);
}
EXPORT_SYMBOL_GPL(pb_biovec_phys_mergeable);

bool pb_rq_mergeable(const struct pb_request *rq)
{
	enum pb_req_op op = pb_req_op(rq);

	if (pb_blk_rq_is_passthrough(rq) || op == PB_REQ_OP_FLUSH ||
	    op == PB_REQ_OP_WRITE_ZEROES || op == PB_REQ_OP_ZONE_APPEND)
		return false;
	if (rq->cmd_flags & PB_REQ_NOMERGE_FLAGS)
		return false;
	return !(rq->rq_flags & (PB_RQF_STARTED | PB_RQF_SPECIAL_PAYLOAD));
}

bool pb_blk_rq_merge_ok(struct pb_request *rq, struct pb_bio *bio)
{
	if (!pb_rq_mergeable(rq) || !pb_bio_mergeable(bio))
		return false;
	if (pb_req_op(rq) != pb_bio_op(bio))
		return false;
	if (!pb_contexts_alike(rq, bio))
		return false;
	if (rq->write_hint != bio->bi_write_hint ||
	    rq->write_stream != bio->bi_write_stream ||
	    rq->ioprio != bio->bi_ioprio)
		return false;
	return !((rq->cmd_flags ^ bio->bi_opf) & PB_REQ_ATOMIC);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_merge_ok);

enum pb_elv_merge pb_blk_try_merge(const struct pb_request *rq,
				   const struct pb_bio *bio)
{
	if (pb_blk_discard_mergable(rq))
		return PB_ELEVATOR_DISCARD_MERGE;
	if (pb_blk_rq_pos(rq) + pb_blk_rq_sectors(rq) == bio->bi_iter.bi_sector)
		return PB_ELEVATOR_BACK_MERGE;
	if (pb_bio_end_sector(bio) == pb_blk_rq_pos(rq))
		return PB_ELEVATOR_FRONT_MERGE;
	return PB_ELEVATOR_NO_MERGE;
}
EXPORT_SYMBOL_GPL(pb_blk_try_merge);

static struct pb_bio_vec bio_first_bvec(const struct pb_bio *bio)
{
	return pb_mp_bvec_iter_bvec(bio->bi_io_vec,
				    pb_bvec_iter_first(bio->bi_io_vec,
						       bio->bi_iter));
}

/*
 * The end of the iterator is within the last entry, or just behind it. Nothing
 * before the entry matters, but an entry whose front is done begins later.
 */
static struct pb_bio_vec bio_last_bvec(const struct pb_bio *bio)
{
	struct pb_bio_vec bv = bio_first_bvec(bio);
	struct pb_bvec_iter iter = bio->bi_iter;

	if (bv.bv_len == iter.bi_size)
		return bv;
	pb_bvec_iter_advance(bio->bi_io_vec, &iter, iter.bi_size);
	if (!iter.bi_bvec_done)
		return bio->bi_io_vec[iter.bi_idx - 1];
	return pb_bvec_slice(&bio->bi_io_vec[iter.bi_idx], 0,
			     iter.bi_bvec_done);
}

/*
 *   first ............ prev | next
 *   ^ must be aligned       ^ no gap, or one that the device can't see
 */
static bool bio_will_gap(const struct pb_request_queue *q,
			 const struct pb_bio *first, const struct pb_bio *prev,
			 const struct pb_bio *next)
{
	const struct pb_queue_limits *lim = &q->limits;
	struct pb_bio_vec pb, nb;

	if (!lim->virt_boundary_mask || !pb_bio_has_data(prev))
		return false;
	pb = bio_first_bvec(first);
	if (pb_bvec_offset(&pb) & lim->virt_boundary_mask)
		return true;
	pb = bio_last_bvec(prev);
	nb = bio_first_bvec(next);
	if (pb_bvecs_mergeable(&q->limits, &pb, &nb))
		return false;
	return pb_bvec_gap_to_prev(lim, &pb, pb_bvec_offset(&nb));
}

/* The lowest gap of two bios that are to follow each other, @gap_bit included. */
static u8 bio_seg_gap(const struct pb_request_queue *q,
		      const struct pb_bio *prev, const struct pb_bio *next,
		      u8 gap_bit)
{
	struct pb_bio_vec pb, nb;

	if (!pb_bio_has_data(prev))
		return 0;
	gap_bit = min_not_zero(gap_bit, prev->bi_bvec_gap_bit);
	gap_bit = min_not_zero(gap_bit, next->bi_bvec_gap_bit);
	pb = bio_last_bvec(prev);
	nb = bio_first_bvec(next);
	if (pb_bvecs_mergeable(&q->limits, &pb, &nb))
		return gap_bit;
	return min_not_zero(gap_bit, (u8)ffs((int)pb_bvec_seg_gap(&pb, &nb)));
}

static u32 op_max_sectors(const struct pb_request *rq)
{
	const struct pb_queue_limits *lim = &rq->q->limits;
	u32 most = round_down(PB_BIO_MAX_SIZE, lim->logical_block_size) >>
		   PB_SECTOR_SHIFT;

	switch (pb_req_op(rq)) {
	case PB_REQ_OP_DISCARD:
		return min(lim->max_discard_sectors, most);
	case PB_REQ_OP_SECURE_ERASE:
		return min(lim->max_secure_erase_sectors, most);
	case PB_REQ_OP_WRITE_ZEROES:
		return lim->max_write_zeroes_sectors;
	default:
		if (rq->cmd_flags & PB_REQ_ATOMIC)
			return lim->atomic_write_max_sectors;
		return lim->max_sectors;
	}
}

/* Sectors that a request may have if it begins at @pos. */
static u32 rq_max_sectors(const struct pb_request *rq, pb_sector_t pos)
{
	const struct pb_queue_limits *lim = &rq->q->limits;
	enum pb_req_op op = pb_req_op(rq);
	u32 boundary;

	if (pb_blk_rq_is_passthrough(rq))
		return lim->max_hw_sectors;
	boundary = pb_boundary_sectors(lim, rq->cmd_flags & PB_REQ_ATOMIC);
	if (!boundary || op == PB_REQ_OP_DISCARD ||
	    op == PB_REQ_OP_SECURE_ERASE)
		return op_max_sectors(rq);
	return min(op_max_sectors(rq), pb_boundary_sectors_left(pos, boundary));
}

static bool rq_takes_sectors(const struct pb_request *rq,
			     const struct pb_bio *bio, pb_sector_t pos)
{
	return pb_blk_rq_sectors(rq) + pb_bio_sectors(bio) <=
	       rq_max_sectors(rq, pos);
}

/* For good: it would be asked in vain each time. */
static int rq_set_nomerge(struct pb_request *rq)
{
	rq->cmd_flags |= PB_REQ_NOMERGE;
	return 0;
}

/* Source: ll_new_hw_segment() */
static int rq_take_segments(struct pb_request *rq, struct pb_bio *bio,
			    unsigned int nr_segs)
{
	if (!pb_contexts_alike(rq, bio))
		return rq_set_nomerge(rq);
	if (pb_req_op(rq) == PB_REQ_OP_DISCARD)
		return 1;
	if (rq->nr_phys_segments + nr_segs > rq->q->limits.max_segments)
		return rq_set_nomerge(rq);
	rq->nr_phys_segments += (u16)nr_segs;
	pb_rq_add_context(rq, bio);
	return 1;
}

int pb_ll_back_merge_fn(struct pb_request *rq, struct pb_bio *bio,
			unsigned int nr_segs)
{
	if (bio_will_gap(rq->q, rq->bio, rq->biotail, bio))
		return 0;
	if (!pb_context_follows(rq->q, rq->bio, rq->biotail,
				pb_blk_rq_bytes(rq), bio))
		return 0;
	if (!rq_takes_sectors(rq, bio, pb_blk_rq_pos(rq)))
		return rq_set_nomerge(rq);
	return rq_take_segments(rq, bio, nr_segs);
}
EXPORT_SYMBOL_GPL(pb_ll_back_merge_fn);

static int ll_front_merge_fn(struct pb_request *rq, struct pb_bio *bio,
			     unsigned int nr_segs)
{
	if (bio_will_gap(rq->q, bio, bio, rq->bio))
		return 0;
	if (!pb_context_follows(rq->q, bio, bio, bio->bi_iter.bi_size, rq->bio))
		return 0;
	if (!rq_takes_sectors(rq, bio, bio->bi_iter.bi_sector))
		return rq_set_nomerge(rq);
	return rq_take_segments(rq, bio, nr_segs);
}

static u32 bio_failfast(const struct pb_bio *bio)
{
	if (bio->bi_opf & PB_REQ_RAHEAD)
		return PB_REQ_FAILFAST_MASK;
	return bio->bi_opf & PB_REQ_FAILFAST_MASK;
}

/* From now on each bio has its own failfast flags, and the request the first's. */
static void rq_set_mixed_merge(struct pb_request *rq)
{
	u32 ff = rq->cmd_flags & PB_REQ_FAILFAST_MASK;
	struct pb_bio *bio;

	if (rq->rq_flags & PB_RQF_MIXED_MERGE)
		return;
	__pb_rq_for_each_bio(bio, rq)
		bio->bi_opf |= ff;
	rq->rq_flags |= PB_RQF_MIXED_MERGE;
}

static void rq_merge_failfast(struct pb_request *rq, struct pb_bio *bio,
			      bool front)
{
	if ((rq->cmd_flags & PB_REQ_FAILFAST_MASK) != bio_failfast(bio))
		rq_set_mixed_merge(rq);
	if (!(rq->rq_flags & PB_RQF_MIXED_MERGE))
		return;
	if (bio->bi_opf & PB_REQ_RAHEAD)
		bio->bi_opf |= PB_REQ_FAILFAST_MASK;
	if (front)
		rq->cmd_flags = (rq->cmd_flags & ~PB_REQ_FAILFAST_MASK) |
				(bio->bi_opf & PB_REQ_FAILFAST_MASK);
}

static void rq_append(struct pb_request *rq, struct pb_bio *bio)
{
	rq->biotail->bi_next = bio;
	rq->biotail = bio;
	rq->__data_len += bio->bi_iter.bi_size;
}

enum pb_bio_merge_status pb_bio_attempt_back_merge(struct pb_request *rq,
						   struct pb_bio *bio,
						   unsigned int nr_segs)
{
	if (!pb_ll_back_merge_fn(rq, bio, nr_segs))
		return PB_BIO_MERGE_FAILED;
	rq_merge_failfast(rq, bio, false);
	rq->phys_gap_bit =
		bio_seg_gap(rq->q, rq->biotail, bio, rq->phys_gap_bit);
	rq_append(rq, bio);
	pb_queue_count(rq->q, back_merges, 1);
	return PB_BIO_MERGE_OK;
}

enum pb_bio_merge_status pb_bio_attempt_front_merge(struct pb_request *rq,
						    struct pb_bio *bio,
						    unsigned int nr_segs)
{
	/* Writes of a zone go where it ends. */
	if (rq->rq_flags & PB_RQF_ZONE_WRITE_PLUGGING)
		return PB_BIO_MERGE_FAILED;
	if (!ll_front_merge_fn(rq, bio, nr_segs))
		return PB_BIO_MERGE_FAILED;
	rq_merge_failfast(rq, bio, true);
	rq->phys_gap_bit = bio_seg_gap(rq->q, bio, rq->bio, rq->phys_gap_bit);
	bio->bi_next = rq->bio;
	rq->bio = bio;
	rq->__sector = bio->bi_iter.bi_sector;
	rq->__data_len += bio->bi_iter.bi_size;
	pb_queue_count(rq->q, front_merges, 1);
	return PB_BIO_MERGE_OK;
}

/* A discard's segments are its ranges; one has at least one. */
enum pb_bio_merge_status pb_bio_attempt_discard_merge(struct pb_request *rq,
						      struct pb_bio *bio)
{
	u16 ranges = max_t(u16, rq->nr_phys_segments, 1);

	if (ranges >= rq->q->limits.max_discard_segments ||
	    !rq_takes_sectors(rq, bio, pb_blk_rq_pos(rq))) {
		rq_set_nomerge(rq);
		return PB_BIO_MERGE_FAILED;
	}
	rq_append(rq, bio);
	rq->nr_phys_segments = ranges + 1;
	pb_queue_count(rq->q, discard_merges, 1);
	return PB_BIO_MERGE_OK;
}

enum pb_bio_merge_status pb_blk_attempt_bio_merge(struct pb_request_queue *q,
						  struct pb_request *rq,
						  struct pb_bio *bio,
						  unsigned int nr_segs,
						  bool sched_allow_merge)
{
	/* The order of mainline's two questions is the other one: most find no neighbour. */
	enum pb_elv_merge where = pb_blk_try_merge(rq, bio);

	if (where == PB_ELEVATOR_NO_MERGE || !pb_blk_rq_merge_ok(rq, bio))
		return PB_BIO_MERGE_NONE;
	switch (where) {
	case PB_ELEVATOR_BACK_MERGE:
		return pb_bio_attempt_back_merge(rq, bio, nr_segs);
	case PB_ELEVATOR_FRONT_MERGE:
		return pb_bio_attempt_front_merge(rq, bio, nr_segs);
	case PB_ELEVATOR_DISCARD_MERGE:
		return pb_bio_attempt_discard_merge(rq, bio);
	default:
		return PB_BIO_MERGE_NONE;
	}
}
EXPORT_SYMBOL_GPL(pb_blk_attempt_bio_merge);

static bool rqs_alike(const struct pb_request *rq,
		      const struct pb_request *next)
{
	if (!pb_rq_mergeable(rq) || !pb_rq_mergeable(next) ||
	    pb_req_op(rq) != pb_req_op(next))
		return false;
	if (rq->write_hint != next->write_hint ||
	    rq->write_stream != next->write_stream ||
	    rq->ioprio != next->ioprio)
		return false;
	return !((rq->cmd_flags ^ next->cmd_flags) & PB_REQ_ATOMIC);
}

static bool rqs_touch(const struct pb_request *rq,
		      const struct pb_request *next)
{
	return pb_blk_rq_pos(rq) + pb_blk_rq_sectors(rq) == pb_blk_rq_pos(next);
}

/* Unlike a bio's, a refusal marks no request: they may part and try others. */
static bool ll_merge_requests_fn(struct pb_request *rq, struct pb_request *next)
{
	u32 segs = rq->nr_phys_segments + next->nr_phys_segments;
	u32 most = pb_req_op(rq) == PB_REQ_OP_DISCARD ?
			   rq->q->limits.max_discard_segments :
			   rq->q->limits.max_segments;

	if (bio_will_gap(rq->q, rq->bio, rq->biotail, next->bio))
		return false;
	if (pb_blk_rq_sectors(rq) + pb_blk_rq_sectors(next) >
	    rq_max_sectors(rq, pb_blk_rq_pos(rq)))
		return false;
	if (segs > most)
		return false;
	if (!pb_rq_contexts_join(rq, next))
		return false;
	rq->nr_phys_segments = (u16)segs;
	rq->nr_integrity_segments += next->nr_integrity_segments;
	return true;
}

static u16 rq_discard_ranges(const struct pb_request *rq)
{
	return max_t(u16, rq->nr_phys_segments, 1);
}

static bool rq_attempt_discard_merge(struct pb_request *rq,
				     struct pb_request *next)
{
	u16 ranges = rq_discard_ranges(rq);

	if (ranges >= rq->q->limits.max_discard_segments ||
	    !rq_takes_sectors(rq, next->bio, pb_blk_rq_pos(rq))) {
		rq_set_nomerge(rq);
		return false;
	}
	rq->nr_phys_segments = ranges + rq_discard_ranges(next);
	return true;
}

static bool rqs_fit(struct pb_request *rq, struct pb_request *next)
{
	if (pb_blk_discard_mergable(rq))
		return rq_attempt_discard_merge(rq, next);
	return rqs_touch(rq, next) && ll_merge_requests_fn(rq, next);
}

bool pb_blk_attempt_req_merge(struct pb_request_queue *q, struct pb_request *rq,
			      struct pb_request *next)
{
	if (!rqs_alike(rq, next) || !rqs_fit(rq, next))
		return false;
	if (((rq->rq_flags | next->rq_flags) & PB_RQF_MIXED_MERGE) ||
	    ((rq->cmd_flags ^ next->cmd_flags) & PB_REQ_FAILFAST_MASK)) {
		rq_set_mixed_merge(rq);
		rq_set_mixed_merge(next);
	}
	rq->phys_gap_bit =
		bio_seg_gap(q, rq->biotail, next->bio,
			    min_not_zero(next->phys_gap_bit, rq->phys_gap_bit));
	rq->biotail->bi_next = next->bio;
	rq->biotail = next->biotail;
	rq->__data_len += pb_blk_rq_bytes(next);
	if (q->elevator)
		pb_elv_merge_requests(rq, next);
	pb_queue_count(q, rq_merges, 1);
	next->bio = NULL;
	return true;
}
EXPORT_SYMBOL_GPL(pb_blk_attempt_req_merge);

int pb_blk_rq_append_bio(struct pb_request *rq, struct pb_bio *bio)
{
	const struct pb_queue_limits *lim = &rq->q->limits;
	unsigned int nr_segs = 0;
	u32 most = min(lim->max_hw_sectors, PB_BIO_MAX_SIZE >> PB_SECTOR_SHIFT);
	int ret = pb_bio_split_io_at(bio, lim, &nr_segs,
				     most << PB_SECTOR_SHIFT, 0);

	if (ret > 0)
		return -EREMOTEIO;
	if (ret)
		return ret;
	if (!rq->bio) {
		rq->bio = bio;
		rq->biotail = bio;
		rq->nr_phys_segments = (u16)nr_segs;
		rq->__data_len = bio->bi_iter.bi_size;
		rq->phys_gap_bit = bio->bi_bvec_gap_bit;
		return 0;
	}
	if (!pb_ll_back_merge_fn(rq, bio, nr_segs))
		return -EINVAL;
	rq->phys_gap_bit =
		bio_seg_gap(rq->q, rq->biotail, bio, rq->phys_gap_bit);
	rq_append(rq, bio);
	return 0;
}
EXPORT_SYMBOL_GPL(pb_blk_rq_append_bio);

/* Of several queues' requests: the oldest of this one. */
static struct pb_request *plug_first_of(const struct pb_blk_plug *plug,
					const struct pb_request_queue *q)
{
	struct pb_request *rq = plug->mq_list.head;

	while (rq && rq->q != q)
		rq = rq->rq_next;
	return rq;
}

bool pb_blk_attempt_plug_merge(struct pb_request_queue *q, struct pb_bio *bio,
			       unsigned int nr_segs)
{
	struct pb_blk_plug *plug = pb_current()->plug;
	struct pb_request *rq;

	if (!plug || pb_rq_list_empty(&plug->mq_list))
		return false;
	rq = plug->mq_list.tail;
	if (rq->q != q) {
		if (!plug->multiple_queues)
			return false;
		rq = plug_first_of(plug, q);
	}
	return rq && pb_blk_attempt_bio_merge(q, rq, bio, nr_segs, false) ==
			     PB_BIO_MERGE_OK;
}
EXPORT_SYMBOL_GPL(pb_blk_attempt_plug_merge);
