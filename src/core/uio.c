// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * User memory becomes the data of a bio: which pages are pinned, which of them are one
 * entry, and what is given back when it is not of whole blocks. Where the pages are is
 * the memory manager's business.
 */
#include "platform.h"

#include <physbio/bio.h>
#include <physbio/merge.h>
#include <physbio/request.h>
#include <physbio/resolve.h>
#include <physbio/submit.h>

#include "queue.h"

/* --- positions --- */

/* Length of the current range or vector. */
static size_t segment_len(const struct pb_iov_iter *i)
{
	switch (i->iter_type) {
	case PB_ITER_IOVEC:
		return i->__iov->iov_len;
	case PB_ITER_BVEC:
		return i->bvec->bv_len;
	default:
		return i->iov_offset + i->count;
	}
}

static void next_segment(struct pb_iov_iter *i)
{
	if (i->iter_type == PB_ITER_IOVEC)
		i->__iov++;
	else
		i->bvec++;
	i->nr_segs--;
	i->iov_offset = 0;
}

static void previous_segment(struct pb_iov_iter *i)
{
	if (i->iter_type == PB_ITER_IOVEC)
		i->__iov--;
	else
		i->bvec--;
	i->nr_segs++;
	i->iov_offset = segment_len(i);
}

void pb_iov_iter_advance(struct pb_iov_iter *i, size_t bytes)
{
	bytes = min(bytes, i->count);
	i->count -= bytes;
	i->iov_offset += bytes;
	if (i->iter_type == PB_ITER_UBUF)
		return;
	while (i->nr_segs && i->iov_offset >= segment_len(i)) {
		bytes = i->iov_offset - segment_len(i);
		next_segment(i);
		i->iov_offset = bytes;
	}
}
EXPORT_SYMBOL_GPL(pb_iov_iter_advance);

void pb_iov_iter_revert(struct pb_iov_iter *i, size_t bytes)
{
	i->count += bytes;
	while (bytes > i->iov_offset) {
		bytes -= i->iov_offset;
		previous_segment(i);
	}
	i->iov_offset -= bytes;
}
EXPORT_SYMBOL_GPL(pb_iov_iter_revert);

/* The user address that the position is at. */
static unsigned long user_addr(const struct pb_iov_iter *i)
{
	void *base = i->iter_type == PB_ITER_UBUF ? i->ubuf :
						    i->__iov->iov_base;

	return (unsigned long)base + i->iov_offset;
}

static bool bvec_aligned(const struct pb_iov_iter *i, unsigned int addr_mask,
			 unsigned int len_mask)
{
	u64 addr = pb_bvec_addr_bits(pb_bvec_addr(i->bvec)) + i->iov_offset;
	size_t len = min(segment_len(i) - i->iov_offset, i->count);

	return !(addr & addr_mask) && !(len & len_mask);
}

bool pb_iov_iter_is_aligned(const struct pb_iov_iter *i, unsigned int addr_mask,
			    unsigned int len_mask)
{
	struct pb_iov_iter at = *i;

	if (at.count && at.iter_type == PB_ITER_BVEC)
		return bvec_aligned(&at, addr_mask, len_mask);
	while (at.count) {
		size_t len = min(segment_len(&at) - at.iov_offset, at.count);

		if (len && ((user_addr(&at) & addr_mask) || (len & len_mask)))
			return false;
		if (at.iter_type == PB_ITER_UBUF)
			break;
		at.count -= len;
		next_segment(&at);
	}
	return true;
}
EXPORT_SYMBOL_GPL(pb_iov_iter_is_aligned);

unsigned long pb_iov_iter_alignment(const struct pb_iov_iter *i)
{
	struct pb_iov_iter at = *i;
	unsigned long bits = 0;

	while (at.count) {
		size_t len = min(segment_len(&at) - at.iov_offset, at.count);

		if (len)
			bits |= len | (at.iter_type == PB_ITER_BVEC ?
					       pb_bvec_offset(at.bvec) +
						       at.iov_offset :
					       user_addr(&at));
		if (at.iter_type == PB_ITER_UBUF)
			break;
		at.count -= len;
		next_segment(&at);
	}
	return bits;
}
EXPORT_SYMBOL_GPL(pb_iov_iter_alignment);

unsigned long pb_iov_iter_gap_alignment(const struct pb_iov_iter *i)
{
	struct pb_iov_iter at = *i;
	unsigned long bits = 0, end = 0;

	if (at.iter_type == PB_ITER_UBUF)
		return 0;
	if (WARN_ON_ONCE(at.iter_type != PB_ITER_IOVEC))
		return ~0ul;
	while (at.count) {
		size_t len = min(segment_len(&at) - at.iov_offset, at.count);

		if (len) {
			if (end)
				bits |= user_addr(&at) | end;
			end = user_addr(&at) + len;
		}
		at.count -= len;
		next_segment(&at);
	}
	return bits;
}
EXPORT_SYMBOL_GPL(pb_iov_iter_gap_alignment);

int pb_bio_iov_vecs_to_alloc(const struct pb_iov_iter *iter, int max_segs)
{
	struct pb_iov_iter at = *iter;
	size_t npages = 0;

	if (at.iter_type == PB_ITER_BVEC)
		return 0;
	while (at.count && npages < (size_t)max_segs) {
		size_t len = min(segment_len(&at) - at.iov_offset, at.count);

		if (len)
			npages += (pb_offset_in_page(user_addr(&at)) + len +
				   PB_PAGE_SIZE - 1) >>
				  PB_PAGE_SHIFT;
		if (at.iter_type == PB_ITER_UBUF)
			break;
		at.count -= len;
		next_segment(&at);
	}
	return (int)min(npages, (size_t)max_segs);
}
EXPORT_SYMBOL_GPL(pb_bio_iov_vecs_to_alloc);

bool pb_blkdev_dio_invalid(const struct pb_block_device *bdev, u64 pos,
			   const struct pb_iov_iter *iter)
{
	u32 mask = bdev->bd_queue->limits.logical_block_size - 1;

	return (pos | iter->count) & mask;
}
EXPORT_SYMBOL_GPL(pb_blkdev_dio_invalid);

int physbio_blkdev_dio(const struct pb_block_device *bdev, u64 pos,
		       const struct pb_iov_iter *iter, bool sync, bool atomic)
{
	int nr;

	if (pb_blkdev_dio_invalid(bdev, pos, iter))
		return -EINVAL;
	nr = pb_bio_iov_vecs_to_alloc(iter, PB_BIO_MAX_VECS + 1);
	if (nr > (int)PB_BIO_MAX_VECS)
		return atomic ? -EINVAL : PHYSBIO_DIO_MULTI;
	if (!sync)
		return PHYSBIO_DIO_ASYNC;
	return nr <= PB_BIO_INLINE_VECS ? PHYSBIO_DIO_ONSTACK :
					  PHYSBIO_DIO_SYNC;
}
EXPORT_SYMBOL_GPL(physbio_blkdev_dio);

/* --- pages --- */

/* Consecutive pages of one folio. */
static void unpin_pages(struct pb_page *page, unsigned long n)
{
	if (n)
		unpin_user_folio(page_folio(page), n);
}

static void unpin_array(struct pb_page **pages, int n)
{
	int i;

	for (i = 0; i < n; i++)
		unpin_pages(pages[i], 1);
}

/* How many of @n pages follow each other within one folio. */
static int folio_run(struct pb_page **pages, int n)
{
	const struct pb_folio *folio = page_folio(pages[0]);
	int run = 1;

	while (run < n && pages[run] == pages[0] + run &&
	       page_folio(pages[run]) == folio)
		run++;
	return run;
}

/* What was pinned for a bio and is not an entry of it yet. */
struct extract {
	struct pb_page **pages;
	int nr; /* pages */
	unsigned int offset; /* bytes of the first that come before the data */
	size_t len; /* bytes of data */
};

/*
 * The pinned pages become entries, from the front. Memory of another kind than the
 * bio's ends it. Returns the bytes that are in the bio now.
 */
static size_t extract_fold(struct pb_bio *bio, struct extract *x)
{
	size_t done = 0;

	while (x->nr) {
		struct pb_page *page = x->pages[0];
		int run = folio_run(x->pages, x->nr);
		size_t part =
			min(x->len, ((size_t)run << PB_PAGE_SHIFT) - x->offset);

		if (!pb_bio_takes_page(bio, page, (u32)part, x->offset))
			break;
		/* May be where pages[] was: those before this run are done with. */
		__pb_bio_add_page(bio, page, (u32)part, x->offset);
		physbio_bio_keep_page(bio, page);
		x->pages += run;
		x->nr -= run;
		x->len -= part;
		x->offset = 0;
		done += part;
	}
	unpin_array(x->pages, x->nr);
	return done;
}

/*
 * The pages' addresses are written to the end of the table that they become entries of,
 * one for each entry that is free:
 *
 *   | entry | entry |  free  |  free  |  free  |  free  |
 *                                     | p | p | p | p |
 *
 * The n-th entry is written when n pointers at least were looked at. It ends before the
 * next one, as long as the free entries are longer than the pointers: one of 12 bytes is,
 * where the table's end is that of a pointer.
 */
static struct pb_page **page_array(const struct pb_bio *bio, int *max)
{
	void *end = &bio->bi_io_vec[bio->bi_max_vecs];

	PB_STATIC_ASSERT(2 * sizeof(struct pb_bio_vec) >= 3 * sizeof(void *),
			 "an entry is half a pointer longer than a pointer");
	*max = bio->bi_max_vecs - bio->bi_vcnt;
	return (struct pb_page **)round_down((uintptr_t)end, sizeof(void *)) -
	       *max;
}

/*
 * Add what is at the position, as far as one call for pages reaches. Returns the bytes,
 * or -errno.
 */
static long extract_some(struct pb_bio *bio, struct pb_iov_iter *iter,
			 unsigned int gup_flags)
{
	size_t len = min(segment_len(iter) - iter->iov_offset, iter->count);
	unsigned long addr;
	struct extract x;
	size_t whole;
	int max;

	addr = user_addr(iter);
	x.pages = page_array(bio, &max);
	x.offset = pb_offset_in_page(addr);
	x.len = min_t(size_t, len, PB_BIO_MAX_SIZE - bio->bi_iter.bi_size);
	whole = (x.offset + x.len + PB_PAGE_SIZE - 1) >> PB_PAGE_SHIFT;
	x.nr = pin_user_pages_fast(addr - x.offset,
				   (int)min(whole, (size_t)max), gup_flags,
				   x.pages);
	if (x.nr <= 0)
		return x.nr ? x.nr : -EFAULT;
	x.len = min(x.len, ((size_t)x.nr << PB_PAGE_SHIFT) - x.offset);
	return (long)extract_fold(bio, &x);
}

/* Pages that an entry of @len bytes touches. */
static unsigned long entry_pages(const struct pb_bio_vec *bv, u32 len)
{
	return len ? (pb_offset_in_page(pb_bvec_offset(bv)) + (u64)len +
		      PB_PAGE_SIZE - 1) >>
			       PB_PAGE_SHIFT :
		     0;
}

/* Shorten the last entry to @len bytes and drop the pins of the pages behind. */
static void trim_last(struct pb_bio *bio, u32 len)
{
	struct pb_bio_vec *bv = &bio->bi_io_vec[bio->bi_vcnt - 1];
	unsigned long keep = entry_pages(bv, len);

	unpin_pages(pb_bvec_page(bv) + keep,
		    entry_pages(bv, bv->bv_len) - keep);
	bio->bi_iter.bi_size -= bv->bv_len - len;
	bv->bv_len = len;
	if (!len) {
		physbio_bio_keep_page(bio, NULL);
		bio->bi_vcnt--;
	}
}

/* Source: bio_iov_iter_align_down() */
static void align_down(struct pb_bio *bio, struct pb_iov_iter *iter, u32 mask)
{
	u32 bytes = bio->bi_iter.bi_size & mask;

	pb_iov_iter_revert(iter, bytes);
	while (bytes) {
		u32 len = bio->bi_io_vec[bio->bi_vcnt - 1].bv_len;
		u32 cut = min(bytes, len);

		trim_last(bio, len - cut);
		bytes -= cut;
	}
}

static unsigned int gup_flags_of(const struct pb_bio *bio,
				 const struct pb_iov_iter *iter)
{
	unsigned int flags = 0;

	if (iter->data_source == PB_ITER_DEST)
		flags |= FOLL_WRITE;
	if (bio->bi_bdev && bio->bi_bdev->bd_queue &&
	    (bio->bi_bdev->bd_queue->limits.features & PB_BLK_FEAT_PCI_P2PDMA))
		flags |= FOLL_PCI_P2PDMA;
	return flags;
}

/* An error is one only if there is nothing else. */
static int extract_all(struct pb_bio *bio, struct pb_iov_iter *iter)
{
	unsigned int gup_flags = gup_flags_of(bio, iter);
	long ret = -EFAULT;

	while (iter->count && bio->bi_vcnt < bio->bi_max_vecs) {
		if (iter->iter_type != PB_ITER_UBUF &&
		    iter->iov_offset == segment_len(iter)) {
			next_segment(iter);
			continue;
		}
		ret = extract_some(bio, iter, gup_flags);
		if (ret <= 0)
			break;
		pb_iov_iter_advance(iter, (size_t)ret);
	}
	return bio->bi_vcnt ? 0 : (int)ret;
}

int pb_bio_iov_iter_get_pages(struct pb_bio *bio, struct pb_iov_iter *iter,
			      unsigned int len_align_mask)
{
	int err;

	if (iter->iter_type == PB_ITER_BVEC) {
		pb_bio_iov_bvec_set(bio, iter);
		pb_iov_iter_advance(iter, bio->bi_iter.bi_size);
		return 0;
	}
	err = extract_all(bio, iter);
	if (err)
		return err;
	align_down(bio, iter, len_align_mask);
	if (!bio->bi_vcnt)
		return -EFAULT;
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	return 0;
}
EXPORT_SYMBOL_GPL(pb_bio_iov_iter_get_pages);

int physbio_bio_iov_iter_get_pages_aligned(struct pb_bio *bio,
					   struct pb_iov_iter *iter,
					   unsigned int mem_align_mask,
					   unsigned int len_align_mask)
{
	if (!pb_iov_iter_is_aligned(iter, mem_align_mask, mem_align_mask))
		return -EINVAL;
	return pb_bio_iov_iter_get_pages(bio, iter, len_align_mask);
}
EXPORT_SYMBOL_GPL(physbio_bio_iov_iter_get_pages_aligned);

/* --- a driver's own requests --- */

bool physbio_rq_must_copy(const struct pb_request_queue *q,
			  const struct pb_iov_iter *iter)
{
	const struct pb_queue_limits *lim = &q->limits;

	if (pb_iov_iter_alignment(iter) & lim->dma_alignment)
		return true;
	return iter->iter_type != PB_ITER_BVEC && lim->virt_boundary_mask &&
	       (pb_iov_iter_gap_alignment(iter) & lim->virt_boundary_mask);
}
EXPORT_SYMBOL_GPL(physbio_rq_must_copy);

/* One bio more, of as much as it can hold. */
static int rq_map_some(struct pb_request *rq, struct pb_iov_iter *iter,
		       pb_gfp_t gfp, struct pb_bio_set *bs)
{
	int nr = pb_bio_iov_vecs_to_alloc(iter, PB_BIO_MAX_VECS);
	struct pb_bio *bio = pb_bio_alloc_bioset(NULL, (unsigned short)nr,
						 rq->cmd_flags, gfp, bs);
	int err;

	if (!bio)
		return -ENOMEM;
	err = pb_bio_iov_iter_get_pages(bio, iter, 0);
	if (!err)
		err = pb_blk_rq_append_bio(rq, bio);
	if (err)
		pb_blk_rq_unmap_user(bio);
	return err;
}

int physbio_rq_map_user_iov(struct pb_request *rq,
			    const struct pb_iov_iter *iter, pb_gfp_t gfp,
			    struct pb_bio_set *bs)
{
	struct pb_iov_iter at = *iter;
	int err = iter->count ? 0 : -EINVAL;

	if (physbio_rq_must_copy(rq->q, iter))
		return -EREMOTEIO;
	while (!err && at.count)
		err = rq_map_some(rq, &at, gfp, bs);
	if (!err)
		return 0;
	pb_blk_rq_unmap_user(rq->bio);
	rq->bio = NULL;
	rq->biotail = NULL;
	rq->__data_len = 0;
	rq->nr_phys_segments = 0;
	rq->phys_gap_bit = 0;
	return err;
}
EXPORT_SYMBOL_GPL(physbio_rq_map_user_iov);

int pb_blk_rq_unmap_user(struct pb_bio *bio)
{
	struct pb_bio *next;

	for (; bio; bio = next) {
		next = bio->bi_next;
		pb_bio_release_pages(bio, !pb_op_is_write(bio->bi_opf));
		pb_bio_put(bio);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pb_blk_rq_unmap_user);
