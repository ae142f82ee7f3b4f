// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The life of a bio: made, filled, cloned, cut, chained, ended. What a vector looks
 * like is repr.h's secret, and how long a bio may be for its queue is split.c's.
 */
#include "platform.h"

#include <physbio/bio.h>
#include <physbio/integrity.h>
#include <physbio/xlate.h>

#include "queue.h"

/* Tables of up to so many vectors come from the pool of the same index. */
static const unsigned short bvec_pool_size[] = { 16, 64, 128, PB_BIO_MAX_VECS };

#define NR_BVEC_POOLS \
	((int)(sizeof(bvec_pool_size) / sizeof(bvec_pool_size[0])))

int pb_bioset_init(struct pb_bio_set *bs, unsigned int pool_size,
		   unsigned int front_pad, int flags)
{
	int i;

	memset(bs, 0, sizeof(*bs));
	if (front_pad % sizeof(u64) || front_pad > PB_PAGE_SIZE || flags)
		return -EINVAL;
	bs->front_pad = front_pad;
	bs->bio_pool = mempool_create_kmalloc_pool(
		pool_size,
		front_pad + sizeof(struct pb_bio) +
			PB_BIO_INLINE_VECS * sizeof(struct pb_bio_vec));
	bs->bip_pool = mempool_create_kmalloc_pool(
		pool_size, sizeof(struct pb_bio_integrity_payload));
	if (!bs->bio_pool || !bs->bip_pool) {
		pb_bioset_exit(bs);
		return -ENOMEM;
	}
	for (i = 0; i < NR_BVEC_POOLS; i++) {
		bs->bvec_pool[i] = mempool_create_kmalloc_pool(
			pool_size,
			bvec_pool_size[i] * sizeof(struct pb_bio_vec));
		if (!bs->bvec_pool[i]) {
			pb_bioset_exit(bs);
			return -ENOMEM;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pb_bioset_init);

void pb_bioset_exit(struct pb_bio_set *bs)
{
	int i;

	for (i = 0; i < NR_BVEC_POOLS; i++)
		mempool_destroy(bs->bvec_pool[i]);
	mempool_destroy(bs->bip_pool);
	mempool_destroy(bs->bio_pool);
	memset(bs, 0, sizeof(*bs));
}
EXPORT_SYMBOL_GPL(pb_bioset_exit);

void pb_bio_init(struct pb_bio *bio, struct pb_block_device *bdev,
		 struct pb_bio_vec *table, unsigned short max_vecs,
		 pb_blk_opf_t opf)
{
	/* Not by memset(): its string instruction takes longer than all of these. */
	bio->bi_next = NULL;
	bio->bi_bdev = bdev;
	bio->bi_opf = opf;
	bio->bi_flags = 0;
	bio->bi_ioprio = 0;
	bio->bi_write_hint = 0;
	bio->bi_write_stream = 0;
	bio->bi_status = PB_BLK_STS_OK;
	bio->bi_bvec_gap_bit = 0;
	atomic_set(&bio->__bi_remaining, 1);
	bio->bi_iter = (struct pb_bvec_iter){ 0 };
	bio->bi_vcnt = 0;
	bio->bi_max_vecs = max_vecs;
	bio->bi_end_io = NULL;
	bio->bi_private = NULL;
	bio->bi_io_vec = table;
	bio->bi_integrity = NULL;
	bio->bi_crypt_context = (struct pb_bio_crypt_ctx){ 0 };
	bio->bi_blkg = NULL;
	bio->bi_region = NULL;
	bio->bi_pool = NULL;
	atomic_set(&bio->__bi_cnt, 1);
}
EXPORT_SYMBOL_GPL(pb_bio_init);

void pb_bio_uninit(struct pb_bio *bio)
{
	bio->bi_region = NULL;
	bio->bi_blkg = NULL;
	bio->bi_crypt_context.bc_key = NULL;
	if (pb_bio_integrity(bio))
		pb_bio_integrity_free(bio);
}
EXPORT_SYMBOL_GPL(pb_bio_uninit);

void pb_bio_reset(struct pb_bio *bio, struct pb_block_device *bdev,
		  pb_blk_opf_t opf)
{
	struct pb_bio_set *pool = bio->bi_pool;
	int refs = atomic_read(&bio->__bi_cnt);
	u16 reffed = bio->bi_flags & (1u << PB_BIO_REFFED);

	pb_bio_uninit(bio);
	pb_bio_init(bio, bdev, bio->bi_io_vec, bio->bi_max_vecs, opf);
	bio->bi_pool = pool;
	bio->bi_flags = reffed;
	atomic_set(&bio->__bi_cnt, refs);
}
EXPORT_SYMBOL_GPL(pb_bio_reset);

/* Whose memory it is: a bio that is reused has the same, and so has a clone. */
#define BIO_KIND_FLAGS (1u << PB_BIO_P2PDMA | 1u << PHYSBIO_BIO_MIXED)

static void bio_set_kind(struct pb_bio *bio, u16 flags,
			 const struct physbio_region *region)
{
	bio->bi_flags &= (u16)~BIO_KIND_FLAGS;
	bio->bi_flags |= flags;
	bio->bi_region = region;
	/* All of a request is of one kind: it is not asked whether others are. */
	if (flags == 1u << PB_BIO_P2PDMA)
		bio->bi_opf |= PB_REQ_NOMERGE;
}

void pb_bio_reuse(struct pb_bio *bio, pb_blk_opf_t opf)
{
	pb_bio_end_io_t end_io = bio->bi_end_io;
	void *private = bio->bi_private;
	u16 vcnt = bio->bi_vcnt, i;
	u16 kind = bio->bi_flags & BIO_KIND_FLAGS;
	const struct physbio_region *region = bio->bi_region;

	WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED));
	pb_bio_reset(bio, bio->bi_bdev, opf);
	for (i = 0; i < vcnt; i++)
		bio->bi_iter.bi_size += bio->bi_io_vec[i].bv_len;
	bio->bi_vcnt = vcnt;
	bio_set_kind(bio, kind, region);
	bio->bi_end_io = end_io;
	bio->bi_private = private;
}
EXPORT_SYMBOL_GPL(pb_bio_reuse);

static int bvec_pool_of(unsigned short nr_vecs)
{
	int i = 0;

	while (bvec_pool_size[i] < nr_vecs)
		i++;
	return i;
}

struct pb_bio *pb_bio_alloc_bioset(struct pb_block_device *bdev,
				   unsigned short nr_vecs, pb_blk_opf_t opf,
				   pb_gfp_t gfp, struct pb_bio_set *bs)
{
	struct pb_bio_vec *table = NULL;
	struct pb_bio *bio;
	void *mem;
	int pool;

	if (WARN_ON_ONCE(nr_vecs > PB_BIO_MAX_VECS))
		return NULL;
	mem = mempool_alloc(bs->bio_pool, gfp);
	if (unlikely(!mem))
		return NULL;
	bio = mem + bs->front_pad;
	if (nr_vecs > PB_BIO_INLINE_VECS) {
		pool = bvec_pool_of(nr_vecs);
		nr_vecs = bvec_pool_size[pool];
		table = mempool_alloc(bs->bvec_pool[pool], gfp);
		if (unlikely(!table)) {
			mempool_free(mem, bs->bio_pool);
			return NULL;
		}
	} else if (nr_vecs) {
		nr_vecs = PB_BIO_INLINE_VECS;
		table = (struct pb_bio_vec *)(bio + 1);
	}
	pb_bio_init(bio, bdev, table, nr_vecs, opf);
	bio->bi_pool = bs;
	return bio;
}
EXPORT_SYMBOL_GPL(pb_bio_alloc_bioset);

struct pb_bio *pb_bio_kmalloc(unsigned short nr_vecs, pb_gfp_t gfp)
{
	if (nr_vecs > PB_BIO_MAX_INLINE_VECS)
		return NULL;
	return kvzalloc(sizeof(struct pb_bio) +
				nr_vecs * sizeof(struct pb_bio_vec),
			gfp);
}
EXPORT_SYMBOL_GPL(pb_bio_kmalloc);

void physbio_bio_kfree(struct pb_bio *bio)
{
	kvfree(bio);
}
EXPORT_SYMBOL_GPL(physbio_bio_kfree);

void pb_bio_get(struct pb_bio *bio)
{
	pb_bio_set_flag(bio, PB_BIO_REFFED);
	atomic_inc(&bio->__bi_cnt);
}
EXPORT_SYMBOL_GPL(pb_bio_get);

static void bio_free(struct pb_bio *bio)
{
	struct pb_bio_set *bs = bio->bi_pool;

	pb_bio_uninit(bio);
	if (bio->bi_max_vecs > PB_BIO_INLINE_VECS)
		mempool_free(bio->bi_io_vec,
			     bs->bvec_pool[bvec_pool_of(bio->bi_max_vecs)]);
	mempool_free((void *)bio - bs->front_pad, bs->bio_pool);
}

void pb_bio_put(struct pb_bio *bio)
{
	if (pb_bio_flagged(bio, PB_BIO_REFFED) &&
	    !atomic_dec_and_test(&bio->__bi_cnt))
		return;
	bio_free(bio);
}
EXPORT_SYMBOL_GPL(pb_bio_put);

/* The iterator is the clone's own; what it walks belongs to the original. */
static int bio_clone_fields(struct pb_bio *bio, const struct pb_bio *src,
			    pb_gfp_t gfp, struct pb_bio_set *bs)
{
	pb_bio_set_flag(bio, PB_BIO_CLONED);
	bio->bi_flags |= src->bi_flags & BIO_KIND_FLAGS;
	/* The rest of what this device has cut, and no other. */
	if (bio->bi_bdev == src->bi_bdev)
		bio->bi_flags |= src->bi_flags & (1u << PB_BIO_REMAPPED);
	bio->bi_region = src->bi_region;
	bio->bi_ioprio = src->bi_ioprio;
	bio->bi_write_hint = src->bi_write_hint;
	bio->bi_write_stream = src->bi_write_stream;
	bio->bi_iter = src->bi_iter;
	bio->bi_io_vec = src->bi_io_vec;
	bio->bi_blkg = src->bi_blkg;
	bio->bi_crypt_context = src->bi_crypt_context;
	if (!pb_bio_integrity(src))
		return 0;
	bio->bi_opf &= ~PB_REQ_INTEGRITY;
	if (!bs || pb_bio_integrity_clone(bio, src, gfp, bs))
		return -ENOMEM;
	bio->bi_opf |= PB_REQ_INTEGRITY;
	return 0;
}

int pb_bio_init_clone(struct pb_block_device *bdev, struct pb_bio *bio,
		      struct pb_bio *bio_src, pb_gfp_t gfp)
{
	pb_bio_init(bio, bdev, NULL, 0, bio_src->bi_opf);
	return bio_clone_fields(bio, bio_src, gfp, bio_src->bi_pool);
}
EXPORT_SYMBOL_GPL(pb_bio_init_clone);

struct pb_bio *pb_bio_alloc_clone(struct pb_block_device *bdev,
				  struct pb_bio *bio_src, pb_gfp_t gfp,
				  struct pb_bio_set *bs)
{
	struct pb_bio *bio =
		pb_bio_alloc_bioset(bdev, 0, bio_src->bi_opf, gfp, bs);

	if (bio && bio_clone_fields(bio, bio_src, gfp, bs)) {
		pb_bio_put(bio);
		return NULL;
	}
	return bio;
}
EXPORT_SYMBOL_GPL(pb_bio_alloc_clone);

int physbio_bio_set_region(struct pb_bio *bio,
			   const struct physbio_region *region)
{
	if (bio->bi_vcnt)
		return -EINVAL;
	if (!HAS_P2PDMA && region)
		return -EOPNOTSUPP;
	bio_set_kind(bio, region ? 1u << PB_BIO_P2PDMA : 0, region);
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_bio_set_region);

int physbio_bio_set_mixed(struct pb_bio *bio,
			  const struct physbio_region_table *table)
{
	if (bio->bi_vcnt)
		return -EINVAL;
	if (!HAS_P2PDMA && table)
		return -EOPNOTSUPP;
	bio_set_kind(bio, table ? BIO_KIND_FLAGS : 0, NULL);
	bio->bi_regions = table;
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_bio_set_mixed);

static bool bio_may_grow(const struct pb_bio *bio, unsigned int len)
{
	if (WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return false;
	if (WARN_ON_ONCE(!len))
		return false;
	if (len & ~PB_BVEC_MAX_LEN)
		return false;
	return bio->bi_iter.bi_size <= PB_BIO_MAX_SIZE - len;
}

bool pb_bvec_try_merge_hw(struct pb_request_queue *q, struct pb_bio_vec *bv,
			  const struct pb_bio_vec *next)
{
	u64 mask = q->limits.seg_boundary_mask;
	u64 first = pb_bvec_addr_bits(pb_bvec_addr(bv));
	u64 last = pb_bvec_addr_bits(pb_bvec_addr(next)) + next->bv_len - 1;

	if ((first | mask) != (last | mask))
		return false;
	/* An entry that is too long already wraps here, as in the kernel. */
	if (next->bv_len > q->limits.max_segment_size - bv->bv_len)
		return false;
	if (!pb_bvec_same_kind(bv, next) || !pb_bvec_contiguous(bv, next))
		return false;
	bv->bv_len += next->bv_len;
	return true;
}

/*
 * By value, in registers: a vector that is filled member by member and copied as a
 * whole is loaded before its stores can be forwarded.
 */
static void bio_add_entry(struct pb_bio *bio, struct pb_bio_vec bv)
{
	bio->bi_io_vec[bio->bi_vcnt++] = bv;
	bio->bi_iter.bi_size += bv.bv_len;
}

#ifdef PB_REPR_HAS_PHYS
/* Whose memory a range of a mixed bio is; false: not one's alone. */
static bool bio_lookup(const struct pb_bio *bio, pb_phys_addr_t paddr, u64 len,
		       const struct physbio_region **region)
{
	return physbio_region_lookup(bio->bi_regions, paddr, len, region);
}

/* Is what one entry would hold one's alone? */
static bool bio_one_region(const struct pb_bio *bio,
			   const struct pb_bio_vec *last,
			   const struct pb_bio_vec *bv)
{
	const struct physbio_region *region;

	return likely(!pb_bio_flagged(bio, PHYSBIO_BIO_MIXED)) ||
	       bio_lookup(bio, pb_bvec_addr(last),
			  (u64)last->bv_len + bv->bv_len, &region);
}
#else
static bool bio_one_region(const struct pb_bio *bio,
			   const struct pb_bio_vec *last,
			   const struct pb_bio_vec *bv)
{
	return true;
}
#endif

/*
 * Lengthen the last entry if @bv continues it, else use the next one. Memory of two
 * kinds that may be in one bio is two entries; of a peer, see pb_bio_takes_page().
 */
static int bio_add_vec(struct pb_bio *bio, struct pb_bio_vec bv)
{
	struct pb_bio_vec *last;

	if (bio->bi_vcnt) {
		last = &bio->bi_io_vec[bio->bi_vcnt - 1];
		if (pb_bvec_same_kind(last, &bv) &&
		    pb_bvec_contiguous(last, &bv) &&
		    bio_one_region(bio, last, &bv)) {
			last->bv_len += bv.bv_len;
			bio->bi_iter.bi_size += bv.bv_len;
			return (int)bv.bv_len;
		}
	}
	if (bio->bi_vcnt >= bio->bi_max_vecs)
		return 0;
	bio_add_entry(bio, bv);
	return (int)bv.bv_len;
}

#ifdef PB_REPR_HAS_PHYS
/*
 * A range that may be a peer's: a vector that has a mark gets it here. Out of line, so
 * that RAM has no registers to save.
 */
static noinline int bio_add_p2p(struct pb_bio *bio, pb_phys_addr_t paddr,
				unsigned int len)
{
	const struct physbio_region *region = bio->bi_region;
	struct pb_bio_vec bv;
	bool ok = pb_bio_flagged(bio, PHYSBIO_BIO_MIXED) ?
			  bio_lookup(bio, paddr, len, &region) :
			  physbio_region_holds(region, paddr, len);

	if (!ok)
		return 0;
	pb_bvec_set_phys(&bv, paddr, len);
	pb_bvec_set_region(&bv, region);
	return bio_add_vec(bio, bv);
}

int pb_bio_add_phys(struct pb_bio *bio, pb_phys_addr_t paddr, unsigned int len)
{
	struct pb_bio_vec bv;

	if (!bio_may_grow(bio, len))
		return 0;
	if (unlikely((pb_phys_addr_t)(paddr + (len - 1)) < paddr))
		return 0;
	if (HAS_P2PDMA && unlikely(pb_bio_flagged(bio, PB_BIO_P2PDMA)))
		return bio_add_p2p(bio, paddr, len);
	pb_bvec_set_phys(&bv, paddr, len);
	return bio_add_vec(bio, bv);
}
EXPORT_SYMBOL_GPL(pb_bio_add_phys);

/* The table must say what the page does: a region that it has not is no RAM. */
static bool bio_mixed_takes(struct pb_bio *bio, const struct pb_page *page,
			    unsigned int len, unsigned int offset)
{
	const struct physbio_region *region;

	return bio_lookup(bio, pb_page_to_phys(page) + offset, len, &region) &&
	       region == pb_page_region(page);
}

/* The first page decides whose memory the bio is of; the others must follow. */
static bool bio_takes_region_of(struct pb_bio *bio, const struct pb_page *page,
				unsigned int len, unsigned int offset)
{
	const struct physbio_region *region = pb_page_region(page);

	if (!region ||
	    !physbio_region_holds(region, pb_page_to_phys(page) + offset, len))
		return false;
	if (!bio->bi_vcnt)
		bio_set_kind(bio, 1u << PB_BIO_P2PDMA, region);
	return bio->bi_region == region;
}

bool pb_bio_takes_page(struct pb_bio *bio, const struct pb_page *page,
		       unsigned int len, unsigned int offset)
{
	if (!HAS_P2PDMA || likely(!pb_bio_flagged(bio, PB_BIO_P2PDMA) &&
				  !pb_page_is_p2pdma(page)))
		return true;
	if (pb_bio_flagged(bio, PHYSBIO_BIO_MIXED))
		return bio_mixed_takes(bio, page, len, offset);
	return pb_page_is_p2pdma(page) &&
	       bio_takes_region_of(bio, page, len, offset);
}

int pb_bio_add_page(struct pb_bio *bio, struct pb_page *page, unsigned int len,
		    unsigned int offset)
{
	struct pb_bio_vec bv;

	if (!bio_may_grow(bio, len) ||
	    !pb_bio_takes_page(bio, page, len, offset))
		return 0;
	pb_bvec_set_page(&bv, page, len, offset);
	return bio_add_vec(bio, bv);
}
EXPORT_SYMBOL_GPL(pb_bio_add_page);

void __pb_bio_add_page(struct pb_bio *bio, struct pb_page *page,
		       unsigned int len, unsigned int offset)
{
	struct pb_bio_vec bv;

	WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED));
	if (WARN_ON_ONCE(len & ~PB_BVEC_MAX_LEN))
		return;
	pb_bvec_set_page(&bv, page, len, offset);
	bio_add_entry(bio, bv);
}
EXPORT_SYMBOL_GPL(__pb_bio_add_page);

bool pb_bio_add_folio(struct pb_bio *bio, struct pb_folio *folio, size_t len,
		      size_t off)
{
	if (len > PB_BIO_MAX_SIZE)
		return false;
	return pb_bio_add_page(bio, folio_page(folio, off >> PB_PAGE_SHIFT),
			       (unsigned int)len, pb_offset_in_page(off)) > 0;
}
EXPORT_SYMBOL_GPL(pb_bio_add_folio);

void pb_bio_add_folio_nofail(struct pb_bio *bio, struct pb_folio *folio,
			     size_t len, size_t off)
{
	WARN_ON_ONCE(len > PB_BIO_MAX_SIZE);
	__pb_bio_add_page(bio, folio_page(folio, off >> PB_PAGE_SHIFT),
			  (unsigned int)len, pb_offset_in_page(off));
}
EXPORT_SYMBOL_GPL(pb_bio_add_folio_nofail);

unsigned int pb_bio_add_vmalloc_chunk(struct pb_bio *bio, void *vaddr,
				      unsigned int len)
{
	unsigned int offset = pb_offset_in_page((unsigned long)vaddr);
	struct pb_page *page = vmalloc_to_page(vaddr);

	len = min(len, (unsigned int)PB_PAGE_SIZE - offset);
	if (!page || !pb_bio_add_page(bio, page, len, offset))
		return 0;
	if (pb_op_is_write(bio->bi_opf))
		flush_kernel_vmap_range(vaddr, (int)len);
	return len;
}
EXPORT_SYMBOL_GPL(pb_bio_add_vmalloc_chunk);

bool pb_bio_add_vmalloc(struct pb_bio *bio, void *vaddr, unsigned int len)
{
	unsigned int added;

	while (len) {
		added = pb_bio_add_vmalloc_chunk(bio, vaddr, len);
		if (!added)
			return false;
		vaddr += added;
		len -= added;
	}
	return true;
}
EXPORT_SYMBOL_GPL(pb_bio_add_vmalloc);

void pb_bio_add_virt_nofail(struct pb_bio *bio, void *vaddr, unsigned int len)
{
	pb_phys_addr_t paddr = virt_to_phys(vaddr);

	if (!WARN_ON_ONCE(!paddr))
		__pb_bio_add_page(bio, pb_phys_to_page(paddr), len,
				  pb_offset_in_page(paddr));
}
EXPORT_SYMBOL_GPL(pb_bio_add_virt_nofail);

unsigned int pb_bio_add_phys_vecs(struct pb_bio *bio,
				  const struct pb_phys_vec *vecs,
				  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!pb_bio_add_phys(bio, vecs[i].paddr, vecs[i].len))
			break;
	return i;
}
EXPORT_SYMBOL_GPL(pb_bio_add_phys_vecs);
#endif /* PB_REPR_HAS_PHYS */

#ifdef PB_REPR_DMA
int pb_bio_add_dma_addr(struct pb_bio *bio, pb_dma_addr_t daddr,
			unsigned int len)
{
	struct pb_bio_vec bv;
	u64 first = physbio_dma_value(daddr);

	if (!bio_may_grow(bio, len) || first + (len - 1) < first)
		return 0;
	pb_bvec_set_dma(&bv, daddr, len);
	return bio_add_vec(bio, bv);
}
EXPORT_SYMBOL_GPL(pb_bio_add_dma_addr);
#endif

void pb_bio_iov_bvec_set(struct pb_bio *bio, const struct pb_iov_iter *iter)
{
	WARN_ON_ONCE(bio->bi_max_vecs);
	bio->bi_io_vec = (struct pb_bio_vec *)iter->bvec;
	bio->bi_vcnt = (u16)iter->nr_segs;
	bio->bi_iter.bi_idx = 0;
	bio->bi_iter.bi_bvec_done = (u32)iter->iov_offset;
	bio->bi_iter.bi_size = (u32)iter->count;
	pb_bio_set_flag(bio, PB_BIO_CLONED);
}
EXPORT_SYMBOL_GPL(pb_bio_iov_bvec_set);

void pb_bio_advance(struct pb_bio *bio, unsigned int nbytes)
{
	if (nbytes == bio->bi_iter.bi_size) {
		bio->bi_iter.bi_size = 0;
		return;
	}
	if (unlikely(pb_bio_integrity(bio)))
		pb_bio_integrity_advance(bio, nbytes);
	if (unlikely(pb_bio_has_crypt_ctx(bio)))
		bio->bi_crypt_context.bc_dun =
			pb_bio_crypt_dun_add(&bio->bi_crypt_context, nbytes);
	pb_bio_advance_iter(bio, &bio->bi_iter, nbytes);
}
EXPORT_SYMBOL_GPL(pb_bio_advance);

void pb_bio_trim(struct pb_bio *bio, pb_sector_t offset, pb_sector_t size)
{
	const pb_sector_t most = PB_BIO_MAX_SIZE >> PB_SECTOR_SHIFT;
	u32 bytes;

	if (WARN_ON_ONCE(((bio->bi_opf & PB_REQ_ATOMIC) && size) ||
			 offset > most || size > most ||
			 offset + size > pb_bio_sectors(bio)))
		return;
	bytes = (u32)size << PB_SECTOR_SHIFT;
	if (!offset && bytes == bio->bi_iter.bi_size)
		return;
	pb_bio_advance(bio, (u32)offset << PB_SECTOR_SHIFT);
	bio->bi_iter.bi_size = bytes;
	if (pb_bio_integrity(bio))
		pb_bio_integrity_trim(bio);
}
EXPORT_SYMBOL_GPL(pb_bio_trim);

struct pb_bio *pb_bio_split(struct pb_bio *bio, int sectors, pb_gfp_t gfp,
			    struct pb_bio_set *bs)
{
	struct pb_bio *split;

	if (WARN_ON_ONCE(sectors <= 0 || (u32)sectors >= pb_bio_sectors(bio)))
		return ERR_PTR(-EINVAL);
	if (WARN_ON_ONCE(pb_bio_op(bio) == PB_REQ_OP_ZONE_APPEND ||
			 (bio->bi_opf & PB_REQ_ATOMIC)))
		return ERR_PTR(-EINVAL);
	split = pb_bio_alloc_clone(bio->bi_bdev, bio, gfp, bs);
	if (!split)
		return ERR_PTR(-ENOMEM);
	split->bi_iter.bi_size = (u32)sectors << PB_SECTOR_SHIFT;
	if (pb_bio_integrity(split))
		pb_bio_integrity_trim(split);
	pb_bio_advance(bio, split->bi_iter.bi_size);
	return split;
}
EXPORT_SYMBOL_GPL(pb_bio_split);

static struct pb_bio *chain_parent(struct pb_bio *bio)
{
	struct pb_bio *parent = bio->bi_private;

	if (bio->bi_status && !READ_ONCE(parent->bi_status))
		WRITE_ONCE(parent->bi_status, bio->bi_status);
	pb_bio_put(bio);
	return parent;
}

/* Only marks a chained bio: pb_bio_endio() goes to the parent in its loop. */
static void bio_chain_endio(struct pb_bio *bio)
{
	pb_bio_endio(chain_parent(bio));
}

void pb_bio_chain(struct pb_bio *bio, struct pb_bio *parent)
{
	bio->bi_private = parent;
	bio->bi_end_io = bio_chain_endio;
	/* Not written again: an earlier child may be ending just now. */
	if (!pb_bio_flagged(parent, PB_BIO_CHAIN))
		pb_bio_set_flag(parent, PB_BIO_CHAIN);
	atomic_inc(&parent->__bi_remaining);
}
EXPORT_SYMBOL_GPL(pb_bio_chain);

/* Was this the last part of the bio to end? */
static bool bio_remaining_done(struct pb_bio *bio)
{
	if (!pb_bio_flagged(bio, PB_BIO_CHAIN))
		return true;
	if (!atomic_dec_and_test(&bio->__bi_remaining))
		return false;
	pb_bio_clear_flag(bio, PB_BIO_CHAIN);
	return true;
}

void pb_bio_endio(struct pb_bio *bio)
{
	while (bio_remaining_done(bio)) {
		if (bio->bi_end_io != bio_chain_endio) {
			if (bio->bi_end_io)
				bio->bi_end_io(bio);
			return;
		}
		bio = chain_parent(bio);
	}
}
EXPORT_SYMBOL_GPL(pb_bio_endio);

static const struct {
	int errnum;
	u8 status;
} blk_errors[] = {
	{ 0, 0 },	 { -EOPNOTSUPP, 1 }, { -ETIMEDOUT, 2 }, { -ENOSPC, 3 },
	{ -ENOLINK, 4 }, { -EREMOTEIO, 5 },  { -ENODATA, 7 },	{ -EILSEQ, 8 },
	{ -ENOMEM, 9 },	 { -EAGAIN, 12 },    { -EBUSY, 13 },	{ -ENODEV, 16 },
	{ -EINVAL, 19 }, { -EIO, 10 },
};

#define NR_BLK_ERRORS ((int)(sizeof(blk_errors) / sizeof(blk_errors[0])))

int pb_blk_status_to_errno(pb_blk_status_t status)
{
	int i;

	for (i = 0; i < NR_BLK_ERRORS; i++)
		if (blk_errors[i].status == (PB_FORCE u8)status)
			return blk_errors[i].errnum;
	return -EIO;
}
EXPORT_SYMBOL_GPL(pb_blk_status_to_errno);

pb_blk_status_t pb_errno_to_blk_status(int errnum)
{
	int i;

	for (i = 0; i < NR_BLK_ERRORS; i++)
		if (blk_errors[i].errnum == errnum)
			return (PB_FORCE pb_blk_status_t)blk_errors[i].status;
	return PB_BLK_STS_IOERR;
}
EXPORT_SYMBOL_GPL(pb_errno_to_blk_status);
