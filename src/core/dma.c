// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A request becomes the ranges that its device uses. One step of the iterator feeds
 * every consumer; how a range is mapped is decided once, on the first one, and holds
 * for the whole request, unless its bios say that their memory is mixed.
 */
#include "platform.h"

#include <physbio/dma.h>
#include <physbio/integrity.h>
#include <physbio/merge.h>

#include "queue.h"

static void map_iter_set_bio(struct pb_blk_map_iter *iter, struct pb_bio *bio)
{
	iter->bio = bio;
	if (unlikely(iter->is_integrity)) {
		iter->bvecs = bio->bi_integrity->bip_vec;
		iter->iter = bio->bi_integrity->bip_iter;
	} else {
		iter->bvecs = bio->bi_io_vec;
		iter->iter = bio->bi_iter;
	}
	pb_bvec_iter_skip_empty(iter->bvecs, &iter->iter);
}

static const struct physbio_region_table *bio_regions(const struct pb_bio *bio)
{
	return HAS_P2PDMA && unlikely(pb_bio_flagged(bio, PHYSBIO_BIO_MIXED)) ?
		       bio->bi_regions :
		       NULL;
}

/* A driver's own vector, or none: a flush has no bio. */
static void map_iter_without_bio(const struct pb_request *rq,
				 struct pb_blk_map_iter *iter)
{
	memset(iter, 0, sizeof(*iter));
	if (rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD) {
		iter->bvecs = rq->special_vec;
		iter->iter.bi_size = rq->special_vec->bv_len;
	}
}

void pb_blk_map_iter_init(struct pb_request *rq, struct pb_blk_map_iter *iter)
{
	if (unlikely(!rq->bio || (rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD))) {
		map_iter_without_bio(rq, iter);
		return;
	}
	iter->is_integrity = false;
	iter->regions = bio_regions(rq->bio);
	map_iter_set_bio(iter, rq->bio);
}
EXPORT_SYMBOL_GPL(pb_blk_map_iter_init);

void pb_blk_integrity_map_iter_init(struct pb_request *rq,
				    struct pb_blk_map_iter *iter)
{
	iter->is_integrity = true;
	iter->regions = NULL;
	map_iter_set_bio(iter, rq->bio);
}
EXPORT_SYMBOL_GPL(pb_blk_integrity_map_iter_init);

/* Is there a vector left, in this bio or one behind it? */
static bool map_iter_more(struct pb_blk_map_iter *iter)
{
	while (!iter->iter.bi_size) {
		if (!iter->bio || !iter->bio->bi_next)
			return false;
		map_iter_set_bio(iter, iter->bio->bi_next);
	}
	return true;
}

#ifdef PB_REPR_DMA
static bool range_lookup(const struct pb_blk_map_iter *iter,
			 pb_bvec_addr_t addr, u32 len,
			 const struct physbio_region **region)
{
	*region = NULL;
	return true;
}
#else
/* Whose memory a range of a mixed request is; false: not one's alone. */
static bool range_lookup(const struct pb_blk_map_iter *iter,
			 pb_bvec_addr_t addr, u32 len,
			 const struct physbio_region **region)
{
	return physbio_region_lookup(iter->regions, addr, len, region);
}
#endif

/*
 * Must it be looked up whose memory the current range is? Of a mixed request each must,
 * but where vectors are marked only those with a mark.
 */
#ifdef PB_REPR_MARKED
static void map_iter_mark(struct pb_blk_map_iter *iter,
			  const struct pb_bio_vec *bv)
{
	iter->marked = bv->bv_p2p;
}

static bool map_iter_marked(const struct pb_blk_map_iter *iter)
{
	return iter->marked;
}

static bool range_asks(const struct pb_blk_map_iter *iter)
{
	return iter->marked && iter->regions;
}
#else
static void map_iter_mark(struct pb_blk_map_iter *iter,
			  const struct pb_bio_vec *bv)
{
}

static bool map_iter_marked(const struct pb_blk_map_iter *iter)
{
	return false;
}

static bool range_asks(const struct pb_blk_map_iter *iter)
{
	return iter->regions;
}
#endif

/* May they be one range, wherever its memory is? */
static bool one_region(const struct pb_blk_map_iter *iter, pb_bvec_addr_t addr,
		       u32 len)
{
	const struct physbio_region *region;

	return likely(!range_asks(iter)) ||
	       range_lookup(iter, addr, len, &region);
}

/* Does @next begin @len bytes behind the start of @bv? */
static inline bool bvecs_touch(const struct pb_bio_vec *bv, u32 len,
			       const struct pb_bio_vec *next)
{
	return pb_bvec_addr_bits(pb_bvec_addr(bv)) + len ==
	       pb_bvec_addr_bits(pb_bvec_addr(next));
}

/* Bytes of the longest range that begins at @addr, whatever an entry can hold. */
static inline u32 longest_range(const struct pb_queue_limits *lim,
				pb_bvec_addr_t addr)
{
	return pb_get_max_segment_size(lim, pb_bvec_addr_bits(addr), U32_MAX);
}

/*
 * Are @len bytes from @addr on in one window of the boundary? What is no longer than
 * longest_range() is; but a mask may have holes, as the kernel lets it, and then says
 * more of two entries than of one.
 */
static bool in_one_window(const struct pb_queue_limits *lim,
			  pb_bvec_addr_t addr, u64 len)
{
	u64 first = pb_bvec_addr_bits(addr), mask = lim->seg_boundary_mask;

	return (first | mask) == ((first + len - 1) | mask);
}

/*
 * Lengthen @vec, which begins with @bv, by what continues it from @iter on, the start of
 * an entry that touches it.
 */
static noinline bool map_iter_absorb(const struct pb_request *rq,
				     struct pb_blk_map_iter *iter,
				     struct pb_phys_vec *vec,
				     const struct pb_bio_vec *bv)
{
	const struct pb_queue_limits *lim = &rq->q->limits;
	u32 most = longest_range(lim, vec->paddr);
	struct pb_bio_vec next;
	bool touches = true;
	u64 len;

	do {
		next = pb_mp_bvec_iter_bvec(iter->bvecs, iter->iter);
		len = (u64)vec->len + next.bv_len;
		if (len > most ||
		    !(touches || bvecs_touch(bv, vec->len, &next)) ||
		    !in_one_window(lim, vec->paddr, len) ||
		    !pb_bvec_same_kind(bv, &next) ||
		    !one_region(iter, vec->paddr, (u32)len))
			break;
		touches = false;
		vec->len = (u32)len;
		pb_bvec_iter_step(iter->bvecs, &iter->iter, next.bv_len);
	} while ((!iter->iter.bi_size || !iter->iter.bi_bvec_done) &&
		 map_iter_more(iter));
	return true;
}

/* The front of an entry that no range can hold. */
static void map_iter_cut(struct pb_blk_map_iter *iter, struct pb_phys_vec *vec,
			 u32 len)
{
	vec->len = len;
	iter->iter.bi_bvec_done += len;
	iter->iter.bi_size -= len;
}

/* Whatever is next: what is left of an entry, or of a bio, or the next bio. */
static noinline bool map_iter_any(const struct pb_request *rq,
				  struct pb_blk_map_iter *iter,
				  struct pb_phys_vec *vec)
{
	struct pb_bio_vec bv, next;
	u32 most;

	if (!iter->iter.bi_size && !map_iter_more(iter))
		return false;
	bv = pb_mp_bvec_iter_bvec(iter->bvecs, iter->iter);
	map_iter_mark(iter, &bv);
	vec->paddr = pb_bvec_addr(&bv);
	vec->len = (u32)bv.bv_len;
	most = longest_range(&rq->q->limits, vec->paddr);
	if (vec->len > most) {
		map_iter_cut(iter, vec, most);
		return true;
	}
	pb_bvec_iter_step(iter->bvecs, &iter->iter, vec->len);
	if (!iter->iter.bi_size && !map_iter_more(iter))
		return true;
	next = pb_mp_bvec_iter_bvec(iter->bvecs, iter->iter);
	if (next.bv_len > most - vec->len || !bvecs_touch(&bv, vec->len, &next))
		return true;
	return map_iter_absorb(rq, iter, vec, &bv);
}

static inline struct pb_bio *next_bio(const struct pb_blk_map_iter *iter)
{
	return iter->bio ? iter->bio->bi_next : NULL;
}

/*
 * Up to @max ranges in the common case: entries of which nothing is done yet, and that
 * are not their bio's last before another one. The table is read where it stands, the
 * iterator is written once, and of page vectors no address is asked for that today's
 * iterator does not ask for. Returns how many; fewer where an entry is of another kind,
 * is cut, or is lengthened.
 */
static __always_inline unsigned int map_iter_plain(const struct pb_request *rq,
						   struct pb_blk_map_iter *iter,
						   struct pb_phys_vec *vec,
						   unsigned int max)
{
	const struct pb_queue_limits *lim = &rq->q->limits;
	const struct pb_bio_vec *first, *bv;
	u32 left = iter->iter.bi_size;
	bool touches = false;
	unsigned int n = 0;

	if (!left || iter->iter.bi_bvec_done)
		return 0;
	first = bv = &iter->bvecs[iter->iter.bi_idx];
	if (bv->bv_len > left)
		return 0;
	while (left && n < max && !touches) {
		u32 len = (u32)bv->bv_len, rest = left - len, most;

		/* The next one must be whole; 0 is no length either. */
		if (likely(rest)) {
			if ((u64)bv[1].bv_len - 1 >= rest)
				break;
		} else if (next_bio(iter)) {
			break;
		}
		map_iter_mark(iter, bv);
		vec[n].paddr = pb_bvec_addr(bv);
		most = longest_range(lim, vec[n].paddr);
		if (unlikely(len > most)) {
			vec[n++].len = most;
			iter->iter.bi_bvec_done = most;
			left -= most;
			break;
		}
		touches = rest && bv[1].bv_len <= most - len &&
			  bvecs_touch(bv, len, bv + 1);
		vec[n++].len = len;
		left = rest;
		bv++;
	}
	iter->iter.bi_idx += (u32)(bv - first);
	iter->iter.bi_size = left;
	if (touches)
		map_iter_absorb(rq, iter, &vec[n - 1], bv - 1);
	return n;
}

/* Is the whole entry that @iter is at its bio's last, and another bio begins after it? */
static bool bio_follows(const struct pb_blk_map_iter *iter)
{
	const struct pb_bio *next = next_bio(iter);

	return next && !iter->is_integrity && iter->iter.bi_size &&
	       !iter->iter.bi_bvec_done &&
	       iter->bvecs[iter->iter.bi_idx].bv_len == iter->iter.bi_size &&
	       next->bi_iter.bi_size && !next->bi_iter.bi_bvec_done;
}

/* What map_iter_plain() leaves: one bio's last entry before the next one, or anything. */
static noinline bool map_iter_other(const struct pb_request *rq,
				    struct pb_blk_map_iter *iter,
				    struct pb_phys_vec *vec)
{
	const struct pb_bio_vec *bv;
	u32 most;

	if (!bio_follows(iter))
		return map_iter_any(rq, iter, vec);
	bv = &iter->bvecs[iter->iter.bi_idx];
	map_iter_mark(iter, bv);
	vec->paddr = pb_bvec_addr(bv);
	vec->len = (u32)bv->bv_len;
	most = longest_range(&rq->q->limits, vec->paddr);
	if (vec->len > most) {
		map_iter_cut(iter, vec, most);
		return true;
	}
	map_iter_set_bio(iter, next_bio(iter));
	if (pb_mp_bvec_iter_len(iter->bvecs, iter->iter) > most - vec->len ||
	    !bvecs_touch(bv, vec->len, &iter->bvecs[iter->iter.bi_idx]))
		return true;
	return map_iter_absorb(rq, iter, vec, bv);
}

bool pb_blk_map_iter_next(struct pb_request *rq, struct pb_blk_map_iter *iter,
			  struct pb_phys_vec *vec)
{
	return map_iter_plain(rq, iter, vec, 1) ||
	       map_iter_other(rq, iter, vec);
}
EXPORT_SYMBOL_GPL(pb_blk_map_iter_next);

unsigned int pb_blk_map_iter_fill(const struct pb_request *rq,
				  struct pb_blk_map_iter *iter,
				  struct pb_phys_vec *vec, unsigned int max)
{
	unsigned int n;

	if (!iter->iter.bi_size && !map_iter_more(iter))
		return 0;
	n = map_iter_plain(rq, iter, vec, max);
	return n ? n : map_iter_other(rq, iter, vec);
}

#ifdef PB_REPR_DMA
#define MAPPED_BY_SUBMITTER true

/* The submitter has mapped already, for whichever device it had in mind. */
static pb_dma_addr_t map_addr(const struct pb_device *dev, pb_bvec_addr_t addr,
			      u32 len, enum pb_dma_data_direction dir,
			      unsigned long attrs)
{
	return addr;
}

static bool iova_try_alloc(const struct pb_device *dev,
			   struct pb_dma_iova_state *state,
			   const struct pb_phys_vec *vec, u64 size)
{
	return false;
}

static int iova_link(const struct pb_device *dev,
		     struct pb_dma_iova_state *state,
		     const struct pb_phys_vec *vec, u64 offset,
		     enum pb_dma_data_direction dir, unsigned long attrs)
{
	return -EINVAL;
}

static pb_dma_addr_t peer_addr(const struct physbio_region *region,
			       pb_bvec_addr_t addr)
{
	return addr;
}

static pb_dma_addr_t own_addr(const struct physbio_region *region,
			      pb_bvec_addr_t addr, u32 len)
{
	return addr;
}
#else
#define MAPPED_BY_SUBMITTER false

static pb_dma_addr_t map_addr(const struct pb_device *dev, pb_bvec_addr_t addr,
			      u32 len, enum pb_dma_data_direction dir,
			      unsigned long attrs)
{
	return pb_dma_map_phys(dev, addr, len, dir, attrs);
}

static bool iova_try_alloc(const struct pb_device *dev,
			   struct pb_dma_iova_state *state,
			   const struct pb_phys_vec *vec, u64 size)
{
	return pb_dma_iova_try_alloc(dev, state, vec->paddr, size);
}

static int iova_link(const struct pb_device *dev,
		     struct pb_dma_iova_state *state,
		     const struct pb_phys_vec *vec, u64 offset,
		     enum pb_dma_data_direction dir, unsigned long attrs)
{
	return pb_dma_iova_link(dev, state, vec->paddr, offset, vec->len, dir,
				attrs);
}

static pb_dma_addr_t peer_addr(const struct physbio_region *region,
			       pb_bvec_addr_t addr)
{
	return pb_pci_p2pdma_bus_addr_map(region, addr);
}

static pb_dma_addr_t own_addr(const struct physbio_region *region,
			      pb_bvec_addr_t addr, u32 len)
{
	return physbio_own_bar_map(region, addr, len);
}
#endif

/* The way to the memory is known; it may be a peer's. */
static pb_dma_addr_t p2p_addr(struct pb_request *rq,
			      const struct pb_device *dev,
			      const struct pb_blk_dma_iter *iter,
			      const struct pb_phys_vec *vec)
{
	switch (iter->map) {
	case PB_PCI_P2PDMA_MAP_BUS_ADDR:
		return peer_addr(iter->region, vec->paddr);
	case PHYSBIO_P2PDMA_MAP_OWN_BAR:
		return own_addr(iter->region, vec->paddr, vec->len);
	default:
		return map_addr(dev, vec->paddr, vec->len, pb_rq_dma_dir(rq),
				physbio_p2p_attrs(iter->map));
	}
}

static bool iter_is_p2p(const struct pb_blk_dma_iter *iter)
{
	return HAS_P2PDMA && iter->p2p;
}

static bool dma_iter_mapped(struct pb_blk_dma_iter *iter)
{
	if (likely(iter->addr != PB_DMA_MAPPING_ERROR))
		return true;
	iter->status = PB_BLK_STS_IOERR;
	return false;
}

static bool dma_iter_map_ram(struct pb_request *rq, const struct pb_device *dev,
			     struct pb_blk_dma_iter *iter,
			     const struct pb_phys_vec *vec)
{
	iter->len = vec->len;
	iter->addr = map_addr(dev, vec->paddr, vec->len, pb_rq_dma_dir(rq), 0);
	return dma_iter_mapped(iter);
}

static bool dma_iter_map(struct pb_request *rq, const struct pb_device *dev,
			 struct pb_blk_dma_iter *iter,
			 const struct pb_phys_vec *vec)
{
	if (likely(!iter_is_p2p(iter)))
		return dma_iter_map_ram(rq, dev, iter, vec);
	iter->len = vec->len;
	iter->addr = p2p_addr(rq, dev, iter, vec);
	return dma_iter_mapped(iter);
}

/*
 * Do all ranges meet where the IOMMU can see it? Without one there is no boundary, and
 * nothing to try. Source: blk_can_dma_map_iova()
 */
static bool can_dma_map_iova(const struct pb_request *rq,
			     const struct pb_device *dev)
{
	u64 boundary;

	if (MAPPED_BY_SUBMITTER)
		return false;
	boundary = pb_dma_get_merge_boundary(dev);
	return boundary && !(pb_req_phys_gap_mask(rq) & boundary);
}

/* All of the request at once. An error leaves nothing mapped and nothing allocated. */
static int dma_iter_map_iova(struct pb_request *rq, const struct pb_device *dev,
			     struct pb_dma_iova_state *state,
			     struct pb_blk_dma_iter *iter,
			     struct pb_phys_vec *vec)
{
	enum pb_dma_data_direction dir = pb_rq_dma_dir(rq);
	u64 mapped = 0;
	int err;

	iter->addr = state->addr;
	iter->len = (u32)state->size;
	do {
		err = iova_link(dev, state, vec, mapped, dir,
				physbio_p2p_attrs(iter->map));
		if (err)
			break;
		mapped += vec->len;
	} while (pb_blk_map_iter_next(rq, &iter->iter, vec));
	if (!err)
		err = pb_dma_iova_sync(dev, state, 0, mapped);
	if (err)
		pb_dma_iova_destroy(dev, state, mapped, dir,
				    physbio_p2p_attrs(iter->map));
	return err;
}

/* What a request says of all its memory: a driver's own vector is not its bio's. */
static const struct physbio_region *
uniform_region(const struct pb_blk_map_iter *iter)
{
	return HAS_P2PDMA && likely(iter->bio && !iter->regions) ?
		       iter->bio->bi_region :
		       NULL;
}

/*
 * Whose memory is it, and how does the device get there? Of a mixed request each range
 * is asked, of another one the first.
 */
static bool dma_iter_find_way(const struct pb_device *dev,
			      struct pb_blk_dma_iter *iter,
			      const struct pb_phys_vec *vec)
{
	bool found = true;

	if (unlikely(range_asks(&iter->iter)))
		found = range_lookup(&iter->iter, vec->paddr, vec->len,
				     &iter->region);
	else
		iter->region =
			pb_seg_region(uniform_region(&iter->iter), vec->paddr);
	iter->map = physbio_p2p_state(dev, iter->region);
	iter->p2p = range_asks(&iter->iter) || iter->region;
	if (likely(found && iter->map != PB_PCI_P2PDMA_MAP_NOT_SUPPORTED))
		return true;
	iter->status = PB_BLK_STS_TARGET;
	return false;
}

/*
 * Where a limit cuts within a granule the ranges do not make one. Mainline's
 * dma_iova_link() says -EIO of one that begins there, and its page table -EINVAL of one
 * behind an end there.
 */
static bool cut_within_granule(int err)
{
	return err == -EINVAL || err == -EIO;
}

bool pb_blk_rq_dma_map_iter_start(struct pb_request *rq,
				  const struct pb_device *dma_dev,
				  struct pb_dma_iova_state *state,
				  struct pb_blk_dma_iter *iter)
{
	struct pb_phys_vec vec;
	int err;

	memset(state, 0, sizeof(*state));
	iter->status = PB_BLK_STS_OK;
	iter->map = PB_PCI_P2PDMA_MAP_NONE;
	pb_blk_map_iter_init(rq, &iter->iter);
	if (!pb_blk_map_iter_next(rq, &iter->iter, &vec))
		return false;
	if (!dma_iter_find_way(dma_dev, iter, &vec))
		return false;
	/* Whatever was tried leaves no state behind when it comes to nothing. */
	if (unlikely(can_dma_map_iova(rq, dma_dev)) &&
	    !physbio_is_unmapped(iter->map) && !iter->iter.regions &&
	    iova_try_alloc(dma_dev, state, &vec, pb_blk_rq_payload_bytes(rq))) {
		err = dma_iter_map_iova(rq, dma_dev, state, iter, &vec);
		if (likely(!err))
			return true;
		if (!cut_within_granule(err) ||
		    (rq->q->limits.quirks & PB_QUIRK_IOVA_NO_FALLBACK)) {
			iter->status = PB_BLK_STS_IOERR;
			return false;
		}
		/* Each range on its own, then. */
		pb_blk_map_iter_init(rq, &iter->iter);
		pb_blk_map_iter_next(rq, &iter->iter, &vec);
	}
	return dma_iter_map(rq, dma_dev, iter, &vec);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_dma_map_iter_start);

bool pb_blk_rq_dma_map_iter_next(struct pb_request *rq,
				 const struct pb_device *dma_dev,
				 struct pb_blk_dma_iter *iter)
{
	struct pb_phys_vec vec;

	if (!pb_blk_map_iter_next(rq, &iter->iter, &vec))
		return false;
	if (likely(!iter_is_p2p(iter) && !map_iter_marked(&iter->iter)))
		return dma_iter_map_ram(rq, dma_dev, iter, &vec);
	if (iter->iter.regions && !dma_iter_find_way(dma_dev, iter, &vec))
		return false;
	return dma_iter_map(rq, dma_dev, iter, &vec);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_dma_map_iter_next);

bool pb_blk_rq_integrity_dma_map_iter_start(struct pb_request *rq,
					    const struct pb_device *dma_dev,
					    struct pb_dma_iova_state *state,
					    struct pb_blk_dma_iter *iter)
{
	memset(state, 0, sizeof(*state));
	iter->status = PB_BLK_STS_OK;
	iter->map = PB_PCI_P2PDMA_MAP_NONE;
	iter->region = NULL;
	iter->p2p = false;
	pb_blk_integrity_map_iter_init(rq, &iter->iter);
	return pb_blk_rq_dma_map_iter_next(rq, dma_dev, iter);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_integrity_dma_map_iter_start);

bool pb_blk_rq_integrity_dma_map_iter_next(struct pb_request *rq,
					   const struct pb_device *dma_dev,
					   struct pb_blk_dma_iter *iter)
{
	return pb_blk_rq_dma_map_iter_next(rq, dma_dev, iter);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_integrity_dma_map_iter_next);

bool pb_blk_rq_dma_unmap(struct pb_request *rq, const struct pb_device *dma_dev,
			 struct pb_dma_iova_state *state, u64 mapped_len,
			 enum pb_pci_p2pdma_map_type map)
{
	if (MAPPED_BY_SUBMITTER)
		return true;
	/* Of a mixed request it is the first range's, and others may be mapped. */
	if (unlikely(physbio_is_unmapped(map)))
		return !bio_regions(rq->bio) || !pb_dma_need_unmap(dma_dev);
	if (pb_dma_use_iova(state)) {
		pb_dma_iova_destroy(dma_dev, state, mapped_len,
				    pb_rq_dma_dir(rq), physbio_p2p_attrs(map));
		return true;
	}
	return !pb_dma_need_unmap(dma_dev);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_dma_unmap);

void physbio_dma_unmap_range(const struct pb_device *dev, pb_dma_addr_t addr,
			     u32 len, enum pb_dma_data_direction dir,
			     enum pb_pci_p2pdma_map_type map)
{
	if (!physbio_is_unmapped(map))
		pb_dma_unmap_phys(dev, addr, len, dir, physbio_p2p_attrs(map));
}
EXPORT_SYMBOL_GPL(physbio_dma_unmap_range);
