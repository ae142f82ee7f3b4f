// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a bio must be cut so that its queue can take it, and how many segments what
 * goes through may have. Adjacent entries are never joined in that count: it is an
 * upper bound, and joining is dma.c's work.
 */
#include "platform.h"

#include <physbio/merge.h>
#include <physbio/split.h>
#include <physbio/submit.h>

#include "queue.h"

bool pb_bio_may_need_split(const struct pb_bio *bio,
			   const struct pb_queue_limits *lim)
{
	const struct pb_bio_vec *bv;

	if (lim->chunk_sectors || !bio->bi_io_vec)
		return true;
	bv = &bio->bi_io_vec[bio->bi_iter.bi_idx];
	if (bio->bi_iter.bi_size > bv->bv_len - bio->bi_iter.bi_bvec_done)
		return true;
	return (u64)bv->bv_len + pb_bvec_page_offset(bv) >
	       lim->max_fast_segment_size;
}
EXPORT_SYMBOL_GPL(pb_bio_may_need_split);

static u32 op_max_sectors(const struct pb_bio *bio,
			  const struct pb_queue_limits *lim)
{
	if (pb_bio_op(bio) == PB_REQ_OP_WRITE_ZEROES)
		return lim->max_write_zeroes_sectors;
	if (bio->bi_opf & PB_REQ_ATOMIC)
		return lim->atomic_write_max_sectors;
	return lim->max_sectors;
}

unsigned pb_get_max_io_size(const struct pb_bio *bio,
			    const struct pb_queue_limits *lim)
{
	u32 pbs = lim->physical_block_size >> PB_SECTOR_SHIFT;
	u32 lbs = lim->logical_block_size >> PB_SECTOR_SHIFT;
	u32 boundary = pb_boundary_sectors(lim, bio->bi_opf & PB_REQ_ATOMIC);
	u32 most = op_max_sectors(bio, lim);
	u32 start, end;

	if (boundary)
		most = min(most, pb_boundary_sectors_left(
					 bio->bi_iter.bi_sector, boundary));
	/* End on a physical block where at least one can be reached. */
	start = (u32)(bio->bi_iter.bi_sector & (pbs - 1));
	end = round_down(start + most, pbs);
	if (end > start)
		return end - start;
	return round_down(most, lbs);
}
EXPORT_SYMBOL_GPL(pb_get_max_io_size);

/* What the walk goes by, and how far it has come. */
struct split_walk {
	const struct pb_queue_limits *lim;
	u32 start_align_mask;
	u32 len_align_mask;
	u32 max_bytes;
	u32 bytes; /* that pass; 0 before the first entry */
	u32 nsegs;
	u32 gaps;
	u32 end; /* bits of the end of the entry before, see pb_bvec_offset() */
};

bool pb_bvec_split_segs(const struct pb_queue_limits *lim,
			const struct pb_bio_vec *bv, u32 *nsegs, u32 *bytes,
			u32 max_segs, u32 max_bytes)
{
	u32 room = max_bytes - *bytes;
	u32 len = min((u32)bv->bv_len, room);
	u32 taken = 0, piece;

	while (len && *nsegs < max_segs) {
		piece = pb_get_max_segment_size(
			lim, pb_bvec_addr_bits(pb_bvec_addr(bv)) + taken, len);
		(*nsegs)++;
		taken += piece;
		len -= piece;
		if ((pb_bvec_offset(bv) + taken) & lim->virt_boundary_mask)
			break;
	}
	*bytes += taken;
	return len || bv->bv_len > room;
}

/* Does @bv pass whole, as one segment? */
static bool bvec_fits(const struct split_walk *w, const struct pb_bio_vec *bv)
{
	return w->nsegs < w->lim->max_segments &&
	       w->bytes + bv->bv_len <= w->max_bytes &&
	       (u64)pb_bvec_page_offset(bv) + bv->bv_len <=
		       w->lim->max_fast_segment_size;
}

/* The cut must leave whole blocks, or whole zone write units, in front. */
static u32 split_alignment(const struct pb_bio *bio,
			   const struct pb_queue_limits *lim)
{
	if (pb_op_is_write(bio->bi_opf) && lim->zone_write_granularity)
		return lim->zone_write_granularity;
	return lim->logical_block_size;
}

/* A bit's number from 1, as stored in a u8. */
static u8 gap_bit(u32 gaps)
{
	return (u8)ffs((int)gaps);
}

/* The walk has ended within the bio: how many sectors go in front? */
static int split_here(struct pb_bio *bio, struct split_walk *w)
{
	u32 bytes;

	if (bio->bi_opf & PB_REQ_ATOMIC)
		return -EINVAL;
	if (bio->bi_opf & PB_REQ_NOWAIT)
		return -EAGAIN;
	bytes = round_down(w->bytes, split_alignment(bio, w->lim));
	if (!bytes)
		return -EINVAL;
	/* What is cut can't be polled for: its parts end one by one. */
	bio->bi_opf &= ~PB_REQ_POLLED;
	bio->bi_bvec_gap_bit = gap_bit(w->gaps);
	return (int)(bytes >> PB_SECTOR_SHIFT);
}

/*
 * One entry, whatever it is. Returns 0 if it passes whole, -EINVAL if it is misaligned, 1
 * if the bio must be cut: in front of it or within.
 */
static int walk_one(struct split_walk *w, const struct pb_bio_vec *bv)
{
	u32 offset = pb_bvec_offset(bv);
	u32 edges = offset | w->end;

	if ((offset & w->start_align_mask) || (bv->bv_len & w->len_align_mask))
		return -EINVAL;
	if (w->bytes) {
		if (edges & w->lim->virt_boundary_mask)
			return 1;
		w->gaps |= edges | PB_GAP_BEYOND;
	}
	w->end = offset + (u32)bv->bv_len;
	if (!bvec_fits(w, bv))
		return pb_bvec_split_segs(w->lim, bv, &w->nsegs, &w->bytes,
					  w->lim->max_segments, w->max_bytes);
	w->nsegs++;
	w->bytes += bv->bv_len;
	return 0;
}

/* All ones up to the highest bit of @mask. */
static u32 filled(u32 mask)
{
	return (u32)((1ull << fls64(mask)) - 1);
}

/* Of so many bytes and an offset no sum wraps. */
#define PLAIN_MAX_BYTES (1u << 31)

/*
 * Entries from @iter on, for as long as they are plain: whole, aligned to whatever
 * counts, so that no gap can be seen either, and one segment each. Then the table is
 * read once, and one test stands for several: of whole pages the first of them says
 * all. The first entry that is not plain is left.
 */
static noinline void walk_plain(struct split_walk *w,
				const struct pb_bio_vec *table,
				struct pb_bvec_iter *iter)
{
	const struct pb_queue_limits *lim = w->lim;
	const struct pb_bio_vec *first = &table[iter->bi_idx], *bv = first;
	const struct pb_bio_vec *stop = first + (lim->max_segments - w->nsegs);
	u32 had = min(min(iter->bi_size, w->max_bytes - w->bytes),
		      PLAIN_MAX_BYTES);
	u32 virt = (u32)lim->virt_boundary_mask, room = had;
	u32 mask = filled(w->start_align_mask | w->len_align_mask | virt);
	u32 page_mask = mask | (u32)(PB_PAGE_SIZE - 1);
	u32 longest = lim->max_fast_segment_size;
	u32 end = w->end, gaps = 0;

	if (end & virt)
		return;
	for (; room && bv < stop; bv++) {
		u32 offset = pb_bvec_offset(bv), len = (u32)bv->bv_len;
		u32 bits = offset | len;

		/* An entry of length 0 is too long as well. */
		if ((u64)bv->bv_len - 1 >= room)
			break;
		if (likely(!(bits & page_mask)) ?
			    len > longest :
			    (bits & mask) ||
				    (u64)pb_bvec_page_offset(bv) + len >
					    longest)
			break;
		gaps |= offset | end;
		end = offset + len;
		room -= len;
	}
	if (bv == first)
		return;
	w->gaps |= gaps | PB_GAP_BEYOND;
	w->end = end;
	w->nsegs += (u32)(bv - first);
	w->bytes += had - room;
	iter->bi_idx += (u32)(bv - first);
	iter->bi_size -= had - room;
}

/* Returns as walk_one(). */
static int walk(struct split_walk *w, const struct pb_bio *bio)
{
	struct pb_bvec_iter iter =
		pb_bvec_iter_first(bio->bi_io_vec, bio->bi_iter);
	struct pb_bio_vec bv;
	int ret;

	while (iter.bi_size) {
		bv = pb_mp_bvec_iter_bvec(bio->bi_io_vec, iter);
		ret = walk_one(w, &bv);
		if (ret)
			return ret;
		pb_bvec_iter_step(bio->bi_io_vec, &iter, bv.bv_len);
		walk_plain(w, bio->bi_io_vec, &iter);
		/* It stops at what is no vector, too. */
		pb_bvec_iter_skip_empty(bio->bi_io_vec, &iter);
	}
	return 0;
}

int pb_bio_split_io_at(struct pb_bio *bio, const struct pb_queue_limits *lim,
		       unsigned *segs, unsigned max_bytes,
		       unsigned len_align_mask)
{
	u32 unit_mask = pb_bio_crypt_align_mask(bio);
	struct split_walk w = {
		.lim = lim,
		.start_align_mask = lim->dma_alignment | unit_mask,
		.len_align_mask = len_align_mask | unit_mask,
		.max_bytes = max_bytes,
	};
	int ret = walk(&w, bio);

	if (ret < 0)
		return ret;
	*segs = w.nsegs;
	if (ret)
		return split_here(bio, &w);
	bio->bi_bvec_gap_bit = gap_bit(w.gaps);
	return 0;
}
EXPORT_SYMBOL_GPL(pb_bio_split_io_at);

static struct pb_bio *bio_end_unsplit(struct pb_bio *bio, int err)
{
	bio->bi_status = pb_errno_to_blk_status(err);
	pb_bio_endio(bio);
	return NULL;
}

/* @sectors: of the front part, 0: it fits, -errno: the bio ends with it. */
static struct pb_bio *bio_submit_split(struct pb_bio *bio, int sectors)
{
	struct pb_request_queue *q = bio->bi_bdev->bd_queue;
	struct pb_bio *split;

	if (sectors < 0)
		return bio_end_unsplit(bio, sectors);
	if (!sectors)
		return bio;
	split = pb_bio_split(bio, sectors, PB_GFP_NOIO, &q->bio_split);
	if (IS_ERR(split))
		return bio_end_unsplit(bio, (int)PTR_ERR(split));
	split->bi_opf |= PB_REQ_NOMERGE;
	/* The gaps are those of the front part; the rest has yet to be looked at. */
	if (!(q->limits.quirks & PB_QUIRK_LOST_GAP_BIT))
		split->bi_bvec_gap_bit = bio->bi_bvec_gap_bit;
	if (!(q->limits.quirks & PB_QUIRK_STALE_GAP_BIT))
		bio->bi_bvec_gap_bit = 0;
	pb_bio_chain(split, bio);
	pb_queue_count(q, splits, 1);
	/* Not written again: the last fragment may be ending just now. */
	if (!pb_bio_flagged(bio, PB_BIO_REMAPPED))
		pb_bio_set_flag(bio, PB_BIO_REMAPPED);
	pb_submit_bio_noacct_nocheck(bio);
	return split;
}

/* No bio is longer than 4 GiB: a limit beyond must not wrap. */
static u32 max_bytes_of(u32 sectors)
{
	return min(sectors, PB_BIO_MAX_SIZE >> PB_SECTOR_SHIFT)
	       << PB_SECTOR_SHIFT;
}

static struct pb_bio *bio_split_rw(struct pb_bio *bio,
				   const struct pb_queue_limits *lim,
				   unsigned int *nr_segs)
{
	u32 max_bytes = max_bytes_of(pb_get_max_io_size(bio, lim));

	return bio_submit_split(bio,
				pb_bio_split_io_at(bio, lim, nr_segs, max_bytes,
						   lim->dma_alignment));
}

/* The device chooses where it goes, so that it can't be two. */
static struct pb_bio *bio_split_zone_append(struct pb_bio *bio,
					    const struct pb_queue_limits *lim,
					    unsigned int *nr_segs)
{
	u32 max_bytes = max_bytes_of(lim->max_zone_append_sectors);
	int sectors = pb_bio_split_io_at(bio, lim, nr_segs, max_bytes,
					 lim->dma_alignment);

	return bio_submit_split(bio, sectors > 0 ? -EINVAL : sectors);
}

/* Longest bio of whole blocks. */
static u32 bio_allowed_max_sectors(const struct pb_queue_limits *lim)
{
	return round_down(PB_BIO_MAX_SIZE, lim->logical_block_size) >>
	       PB_SECTOR_SHIFT;
}

static struct pb_bio *bio_split_discard(struct pb_bio *bio,
					const struct pb_queue_limits *lim,
					unsigned int *nr_segs, u32 max_sectors)
{
	u32 granularity = max(lim->discard_granularity >> PB_SECTOR_SHIFT, 1u);
	pb_sector_t next;
	u32 over;

	*nr_segs = 1;
	max_sectors = min(max_sectors, bio_allowed_max_sectors(lim));
	max_sectors -= max_sectors % granularity;
	if (!max_sectors || pb_bio_sectors(bio) <= max_sectors)
		return bio;
	/* Let the next one begin at a multiple of the granularity. */
	next = bio->bi_iter.bi_sector + max_sectors -
	       (lim->discard_alignment >> PB_SECTOR_SHIFT) % granularity;
	over = sector_div(next, granularity);
	/* Less than a granule, of which max_sectors has one at least. */
	return bio_submit_split(bio, (int)(max_sectors - over));
}

static struct pb_bio *bio_split_write_zeroes(struct pb_bio *bio,
					     const struct pb_queue_limits *lim,
					     unsigned int *nr_segs)
{
	u32 max_sectors = pb_get_max_io_size(bio, lim);

	*nr_segs = 0;
	if (!max_sectors || pb_bio_sectors(bio) <= max_sectors)
		return bio;
	return bio_submit_split(bio, (int)max_sectors);
}

struct pb_bio *__pb_bio_split_to_limits(struct pb_bio *bio,
					const struct pb_queue_limits *lim,
					unsigned int *nr_segs)
{
	switch (pb_bio_op(bio)) {
	case PB_REQ_OP_READ:
	case PB_REQ_OP_WRITE:
		if (pb_bio_may_need_split(bio, lim))
			return bio_split_rw(bio, lim, nr_segs);
		*nr_segs = 1;
		return bio;
	case PB_REQ_OP_ZONE_APPEND:
		return bio_split_zone_append(bio, lim, nr_segs);
	case PB_REQ_OP_DISCARD:
		return bio_split_discard(bio, lim, nr_segs,
					 lim->max_discard_sectors);
	case PB_REQ_OP_SECURE_ERASE:
		return bio_split_discard(bio, lim, nr_segs,
					 lim->max_secure_erase_sectors);
	case PB_REQ_OP_WRITE_ZEROES:
		return bio_split_write_zeroes(bio, lim, nr_segs);
	default:
		*nr_segs = 0;
		return bio;
	}
}
EXPORT_SYMBOL_GPL(__pb_bio_split_to_limits);
