// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * See kernel-shape.h. Every step takes the vector by value from the iterator and moves the
 * iterator, the previous vector is kept as a copy, and a limit is tested where it is
 * met. Memory is all RAM, and a request is its bios'.
 */
#include "../src/core/platform.h"

#include <physbio/merge.h>

#include "../src/core/queue.h"
#include "kernel-shape.h"

int shape_bio_split_io_at(struct pb_bio *bio, const struct pb_queue_limits *lim,
			  unsigned int *segs, unsigned int max_bytes,
			  unsigned int len_align_mask)
{
	struct pb_bio_vec bv, prev, *prevp = NULL;
	u32 nsegs = 0, bytes = 0, gaps = 0;
	u32 unit_mask = pb_bio_crypt_align_mask(bio);
	u32 start_mask = lim->dma_alignment | unit_mask;
	struct pb_bvec_iter iter;

	len_align_mask |= unit_mask;
	pb_bio_for_each_bvec(bv, bio, iter) {
		if ((pb_bvec_offset(&bv) & start_mask) ||
		    (bv.bv_len & len_align_mask))
			return -EINVAL;
		if (prevp) {
			if (pb_bvec_gap_to_prev(lim, prevp,
						pb_bvec_offset(&bv)))
				goto split;
			gaps |= pb_bvec_seg_gap(prevp, &bv);
		}
		if (nsegs < lim->max_segments &&
		    bytes + bv.bv_len <= max_bytes &&
		    pb_bvec_page_offset(&bv) + bv.bv_len <=
			    lim->max_fast_segment_size) {
			nsegs++;
			bytes += bv.bv_len;
		} else if (pb_bvec_split_segs(lim, &bv, &nsegs, &bytes,
					      lim->max_segments, max_bytes)) {
			goto split;
		}
		prev = bv;
		prevp = &prev;
	}
	*segs = nsegs;
	bio->bi_bvec_gap_bit = (u8)ffs((int)gaps);
	return 0;
split:
	*segs = nsegs;
	return -EREMOTEIO;
}

/* The next bio's vectors, once this one's are done. */
static bool map_iter_more(struct pb_blk_map_iter *iter)
{
	while (!iter->iter.bi_size) {
		if (!iter->bio->bi_next)
			return false;
		iter->bio = iter->bio->bi_next;
		iter->bvecs = iter->bio->bi_io_vec;
		iter->iter = iter->bio->bi_iter;
	}
	return true;
}

bool shape_blk_map_iter_next(struct pb_request *rq,
			     struct pb_blk_map_iter *iter,
			     struct pb_phys_vec *vec)
{
	struct pb_bio_vec bv, next;
	u32 most;

	if (!map_iter_more(iter))
		return false;
	bv = pb_mp_bvec_iter_bvec(iter->bvecs, iter->iter);
	vec->paddr = pb_bvec_addr(&bv);
	most = pb_get_max_segment_size(&rq->q->limits,
				       pb_bvec_addr_bits(vec->paddr), U32_MAX);
	bv.bv_len = min_t(u32, bv.bv_len, most);
	pb_bvec_iter_step(iter->bvecs, &iter->iter, bv.bv_len);
	while (!iter->iter.bi_size || !iter->iter.bi_bvec_done) {
		if (!map_iter_more(iter))
			break;
		next = pb_mp_bvec_iter_bvec(iter->bvecs, iter->iter);
		if ((u64)bv.bv_len + next.bv_len > most ||
		    !pb_bvecs_mergeable(&rq->q->limits, &bv, &next))
			break;
		bv.bv_len += next.bv_len;
		pb_bvec_iter_step(iter->bvecs, &iter->iter, next.bv_len);
	}
	vec->len = bv.bv_len;
	return true;
}

/* A new entry behind @sg, which is then no longer the last one. */
static struct pb_scatterlist *sg_after(struct pb_scatterlist *sg,
				       struct pb_scatterlist *sglist)
{
	if (!sg)
		return sglist;
	sg->sg_flags &= ~PB_SG_END;
	return sg + 1;
}

static void sg_set(struct pb_scatterlist *sg, struct pb_page *page, u32 len,
		   u32 offset)
{
	sg->page = page;
	sg->offset = offset;
	sg->length = len;
	sg->sg_flags = 0;
}

static int sg_end(struct pb_scatterlist *sg, int n)
{
	if (sg)
		sg->sg_flags |= PB_SG_END;
	return n;
}

int shape_blk_rq_map_sg(struct pb_request *rq, struct pb_scatterlist *sglist)
{
	struct pb_scatterlist *sg = NULL;
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	int n = 0;

	pb_blk_map_iter_init(rq, &iter);
	while (shape_blk_map_iter_next(rq, &iter, &vec)) {
		sg = sg_after(sg, sglist);
		sg_set(sg, pb_phys_to_page(vec.paddr), vec.len,
		       pb_offset_in_page(vec.paddr));
		n++;
	}
	return sg_end(sg, n);
}

/* --- the older way --- */

/* Where a table is being filled. */
struct fill {
	const struct pb_request_queue *q;
	struct pb_scatterlist *sglist, *sg;
	int n;
};

/* Entries of at most a segment each, for a vector that may be longer. */
static void fill_bvec(struct fill *f, const struct pb_bio_vec *bv)
{
	struct pb_page *page = pb_bvec_page(bv);
	u32 at = pb_offset_in_page(pb_bvec_offset(bv));
	u32 left = bv->bv_len, len;

	while (left) {
		len = pb_get_max_segment_size(&f->q->limits,
					      pb_page_to_phys(page) + at, left);
		f->sg = sg_after(f->sg, f->sglist);
		sg_set(f->sg, page, len, at);
		f->n++;
		left -= len;
		at += len;
		page += at >> PB_PAGE_SHIFT;
		at = pb_offset_in_page(at);
	}
}

/* Does @bv continue the last entry? Asked where two bios meet: one is merged already. */
static bool joins(const struct fill *f, const struct pb_bio_vec *prev,
		  const struct pb_bio_vec *bv)
{
	return f->sg &&
	       (u64)f->sg->length + bv->bv_len <=
		       f->q->limits.max_segment_size &&
	       pb_bvecs_mergeable(&f->q->limits, prev, bv);
}

int shape_6_1_blk_rq_map_sg(struct pb_request *rq,
			    struct pb_scatterlist *sglist)
{
	struct fill f = { .q = rq->q, .sglist = sglist };
	struct pb_bio_vec bv, prev = { 0 };
	struct pb_bvec_iter iter;
	struct pb_bio *bio;
	bool first;

	__pb_rq_for_each_bio(bio, rq) {
		first = true;
		pb_bio_for_each_bvec(bv, bio, iter) {
			if (first && joins(&f, &prev, &bv)) {
				f.sg->length += bv.bv_len;
			} else if (pb_bvec_page_offset(&bv) + bv.bv_len <=
				   PB_PAGE_SIZE) {
				f.sg = sg_after(f.sg, sglist);
				sg_set(f.sg, pb_bvec_page(&bv), bv.bv_len,
				       pb_offset_in_page(pb_bvec_offset(&bv)));
				f.n++;
			} else {
				fill_bvec(&f, &bv);
			}
			first = false;
		}
		/* Of a bio without data the one before it counts. */
		if (!first)
			prev = bv;
	}
	return sg_end(f.sg, f.n);
}
