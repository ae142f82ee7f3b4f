// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What goes with a bio's data. Metadata are added, moved, cut and cloned as the data are;
 * their vectors are vectors like any other. Before two bios become one, their metadata,
 * keys, regions and payers are asked.
 */
#include "platform.h"

#include <physbio/integrity.h>
#include <physbio/merge.h>

#include "queue.h"

void pb_bio_integrity_init(struct pb_bio *bio,
			   struct pb_bio_integrity_payload *bip,
			   struct pb_bio_vec *bvecs, unsigned int nr_vecs)
{
	memset(bip, 0, sizeof(*bip));
	bip->bip_vec = bvecs;
	bip->bip_max_vcnt = (u16)nr_vecs;
	bio->bi_integrity = bip;
	bio->bi_opf |= PB_REQ_INTEGRITY;
}
EXPORT_SYMBOL_GPL(pb_bio_integrity_init);

#ifdef PB_REPR_HAS_PHYS
static int integrity_add(struct pb_bio *bio, const struct pb_bio_vec *bv)
{
	struct pb_request_queue *q = bio->bi_bdev->bd_queue;
	struct pb_bio_integrity_payload *bip = bio->bi_integrity;
	struct pb_bio_vec *last;

	if (bip->bip_vcnt) {
		last = &bip->bip_vec[bip->bip_vcnt - 1];
		if (pb_bvec_try_merge_hw(q, last, bv)) {
			bip->bip_iter.bi_size += bv->bv_len;
			return (int)bv->bv_len;
		}
		if (bip->bip_vcnt >=
		    min(bip->bip_max_vcnt, q->limits.max_integrity_segments))
			return 0;
		if (pb_bvec_gap_to_prev(&q->limits, last, pb_bvec_offset(bv)))
			return 0;
	} else if (!bip->bip_max_vcnt) {
		return 0;
	}
	bip->bip_vec[bip->bip_vcnt++] = *bv;
	bip->bip_iter.bi_size += bv->bv_len;
	return (int)bv->bv_len;
}

int pb_bio_integrity_add_phys(struct pb_bio *bio, pb_phys_addr_t paddr,
			      unsigned int len)
{
	struct pb_bio_vec bv;

	if (len & ~PB_BVEC_MAX_LEN)
		return 0;
	pb_bvec_set_phys(&bv, paddr, len);
	return integrity_add(bio, &bv);
}
EXPORT_SYMBOL_GPL(pb_bio_integrity_add_phys);

int pb_bio_integrity_add_page(struct pb_bio *bio, struct pb_page *page,
			      unsigned int len, unsigned int offset)
{
	struct pb_bio_vec bv;

	if (len & ~PB_BVEC_MAX_LEN)
		return 0;
	pb_bvec_set_page(&bv, page, len, offset);
	return integrity_add(bio, &bv);
}
EXPORT_SYMBOL_GPL(pb_bio_integrity_add_page);
#endif

/* Intervals of protected data in sectors. Source: bio_integrity_intervals() */
static u32 integrity_intervals(const struct pb_bio *bio, u32 sectors)
{
	const struct pb_blk_integrity *bi =
		&bio->bi_bdev->bd_queue->limits.integrity;

	return sectors >> (bi->interval_exp - PB_SECTOR_SHIFT);
}

static u32 integrity_bytes(const struct pb_bio *bio, u32 sectors)
{
	return integrity_intervals(bio, sectors) *
	       bio->bi_bdev->bd_queue->limits.integrity.metadata_size;
}

void pb_bio_integrity_advance(struct pb_bio *bio, u32 bytes_done)
{
	struct pb_bio_integrity_payload *bip = bio->bi_integrity;
	u32 sectors = bytes_done >> PB_SECTOR_SHIFT;

	bip->bip_iter.bi_sector += integrity_intervals(bio, sectors);
	pb_bvec_iter_advance(bip->bip_vec, &bip->bip_iter,
			     integrity_bytes(bio, sectors));
}

void pb_bio_integrity_trim(struct pb_bio *bio)
{
	bio->bi_integrity->bip_iter.bi_size =
		integrity_bytes(bio, pb_bio_sectors(bio));
}

int pb_bio_integrity_clone(struct pb_bio *bio, const struct pb_bio *src,
			   pb_gfp_t gfp, struct pb_bio_set *bs)
{
	const struct pb_bio_integrity_payload *from = src->bi_integrity;
	struct pb_bio_integrity_payload *bip = mempool_alloc(bs->bip_pool, gfp);

	if (!bip)
		return -ENOMEM;
	*bip = *from;
	bip->bip_max_vcnt = 0;
	bip->bip_set = bs;
	bio->bi_integrity = bip;
	return 0;
}

void pb_bio_integrity_free(struct pb_bio *bio)
{
	struct pb_bio_integrity_payload *bip = bio->bi_integrity;

	if (bip->bip_set)
		mempool_free(bip, bip->bip_set->bip_pool);
	bio->bi_integrity = NULL;
	bio->bi_opf &= ~PB_REQ_INTEGRITY;
}

int pb_blk_rq_count_integrity_sg(struct pb_request_queue *q, struct pb_bio *bio)
{
	struct pb_bio_integrity_payload *bip = bio->bi_integrity;
	struct pb_bio_vec iv, prev;
	struct pb_bvec_iter iter;
	u32 segments = 0, size = 0;

	pb_for_each_mp_bvec(iv, bip->bip_vec, iter, bip->bip_iter) {
		if (segments &&
		    size + iv.bv_len <= q->limits.max_segment_size &&
		    pb_biovec_phys_mergeable(q, &prev, &iv)) {
			size += iv.bv_len;
		} else {
			segments++;
			size = iv.bv_len;
		}
		prev = iv;
	}
	return (int)segments;
}
EXPORT_SYMBOL_GPL(pb_blk_rq_count_integrity_sg);

/* A gap between the metadata of two bios that the device can't take. */
static bool integrity_gap(const struct pb_request_queue *q,
			  const struct pb_bio *prev, const struct pb_bio *next)
{
	const struct pb_bio_integrity_payload *bip = pb_bio_integrity(prev);
	const struct pb_bio_integrity_payload *nbip = pb_bio_integrity(next);

	if (likely(!bip || !nbip))
		return false;
	return pb_bvec_gap_to_prev(&q->limits, &bip->bip_vec[bip->bip_vcnt - 1],
				   pb_bvec_offset(&nbip->bip_vec[0]));
}

/* Are both without metadata, or is what they say about them the same? */
static bool bips_alike(const struct pb_bio *bio, const struct pb_bio *next)
{
	const struct pb_bio_integrity_payload *bip = pb_bio_integrity(bio);
	const struct pb_bio_integrity_payload *other = pb_bio_integrity(next);

	if (!bip || !other)
		return bip == other;
	if (bip->bip_flags != other->bip_flags)
		return false;
	return !(bip->bip_flags & PB_BIP_CHECK_APPTAG) ||
	       bip->app_tag == other->app_tag;
}

bool pb_blk_integrity_merge_bio(struct pb_request_queue *q,
				struct pb_request *rq, struct pb_bio *bio)
{
	if (!pb_blk_integrity_rq(rq) && !pb_bio_integrity(bio))
		return true;
	return bips_alike(rq->bio, bio) &&
	       rq->nr_integrity_segments +
			       (u32)pb_blk_rq_count_integrity_sg(q, bio) <=
		       q->limits.max_integrity_segments;
}
EXPORT_SYMBOL_GPL(pb_blk_integrity_merge_bio);

bool pb_blk_integrity_merge_rq(struct pb_request_queue *q,
			       struct pb_request *rq, struct pb_request *next)
{
	if (!pb_blk_integrity_rq(rq) && !pb_blk_integrity_rq(next))
		return true;
	return bips_alike(rq->bio, next->bio) &&
	       (u32)rq->nr_integrity_segments + next->nr_integrity_segments <=
		       q->limits.max_integrity_segments &&
	       !integrity_gap(q, rq->biotail, next->bio);
}
EXPORT_SYMBOL_GPL(pb_blk_integrity_merge_rq);

/* --- all of it, before two become one --- */

/* Is it one's memory? Of a mixed bio this is the table. */
static bool regions_alike(const struct pb_bio *bio, const struct pb_bio *next)
{
	return !HAS_P2PDMA || bio->bi_region == next->bi_region;
}

/* Would one cgroup pay for both? Source: blk_cgroup_mergeable() */
static bool cgroup_mergeable(const struct pb_request_queue *q,
			     const struct pb_bio *bio,
			     const struct pb_bio *next)
{
	if (q->limits.quirks & PB_QUIRK_NO_CGROUPS)
		return true;
	return bio->bi_blkg == next->bi_blkg &&
	       !(bio->bi_opf & PB_REQ_AS_ROOT) ==
		       !(next->bi_opf & PB_REQ_AS_ROOT);
}

bool pb_contexts_alike(struct pb_request *rq, struct pb_bio *bio)
{
	return regions_alike(rq->bio, bio) &&
	       cgroup_mergeable(rq->q, rq->bio, bio) &&
	       pb_blk_integrity_merge_bio(rq->q, rq, bio) &&
	       pb_bio_crypt_ctx_compatible(&rq->bio->bi_crypt_context,
					   &bio->bi_crypt_context);
}

bool pb_context_follows(const struct pb_request_queue *q,
			const struct pb_bio *first, const struct pb_bio *prev,
			u32 bytes, const struct pb_bio *next)
{
	return !integrity_gap(q, prev, next) &&
	       pb_bio_crypt_ctx_mergeable(&first->bi_crypt_context, bytes,
					  &next->bi_crypt_context);
}

bool pb_rq_contexts_join(struct pb_request *rq, struct pb_request *next)
{
	return regions_alike(rq->bio, next->bio) &&
	       cgroup_mergeable(rq->q, rq->bio, next->bio) &&
	       pb_blk_integrity_merge_rq(rq->q, rq, next) &&
	       pb_bio_crypt_ctx_mergeable(&rq->bio->bi_crypt_context,
					  pb_blk_rq_bytes(rq),
					  &next->bio->bi_crypt_context);
}

void pb_rq_add_context(struct pb_request *rq, struct pb_bio *bio)
{
	if (unlikely(pb_bio_integrity(bio)))
		rq->nr_integrity_segments +=
			(u16)pb_blk_rq_count_integrity_sg(rq->q, bio);
}
