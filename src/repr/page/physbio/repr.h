/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector as the kernel has it today: page, length, offset. An address costs a
 * conversion each time, exactly where the kernel pays it; which one says PB_MEMMODEL:
 * with VMEMMAP this is the representation page, with SPARSEMEM it is sparse. Not
 * installed; stands in the place of include/physbio/repr.h in internal builds.
 */
#ifndef PHYSBIO_REPR_H
#define PHYSBIO_REPR_H

#include <physbio/page.h>
#include <physbio/types.h>

#define PB_REPR_HAS_PHYS 1
#define PB_REPR_PAGE 1
#define PB_BVEC_MAX_LEN UINT32_MAX

typedef pb_phys_addr_t pb_bvec_addr_t;

struct pb_bio_vec {
	struct pb_page *bv_page; /* where the range starts, see bv_offset */
	uint32_t bv_len; /* bytes, never 0 in a bio */
	uint32_t bv_offset; /* bytes from bv_page, may be a page or more */
};

static inline void pb_bvec_set_page(struct pb_bio_vec *bv, struct pb_page *page,
				    unsigned int len, unsigned int offset)
{
	bv->bv_page = page;
	bv->bv_len = len;
	bv->bv_offset = offset;
}

/* The page structs of the range must follow each other. */
static inline void pb_bvec_set_phys(struct pb_bio_vec *bv, pb_phys_addr_t paddr,
				    uint32_t len)
{
	pb_bvec_set_page(bv, pb_phys_to_page(paddr), len,
			 pb_offset_in_page(paddr));
}

static inline pb_bvec_addr_t pb_bvec_addr(const struct pb_bio_vec *bv)
{
	return pb_page_to_phys(bv->bv_page) + bv->bv_offset;
}

static inline uint64_t pb_bvec_addr_bits(pb_bvec_addr_t addr)
{
	return addr;
}

static inline pb_phys_addr_t pb_bvec_phys(const struct pb_bio_vec *bv)
{
	return pb_bvec_addr(bv);
}

static inline uint32_t pb_bvec_offset(const struct pb_bio_vec *bv)
{
	return bv->bv_offset;
}

static inline uint32_t pb_bvec_page_offset(const struct pb_bio_vec *bv)
{
	return bv->bv_offset;
}

/* Offsets know no gap of a page and more. */
#define PB_GAP_BEYOND 0u

static inline uint32_t pb_bvec_seg_gap(const struct pb_bio_vec *bprv,
				       const struct pb_bio_vec *bv)
{
	return bv->bv_offset | (bprv->bv_offset + bprv->bv_len);
}

static inline struct pb_bio_vec pb_bvec_slice(const struct pb_bio_vec *bv,
					      uint32_t done, uint32_t len)
{
	struct pb_bio_vec slice;

	pb_bvec_set_page(&slice, bv->bv_page, len, bv->bv_offset + done);
	return slice;
}

static inline struct pb_bio_vec pb_bvec_page_slice(const struct pb_bio_vec *bv,
						   uint32_t done, uint32_t len)
{
	uint32_t offset = bv->bv_offset + done;
	uint32_t in_page = pb_offset_in_page(offset);
	uint32_t room = (uint32_t)PB_PAGE_SIZE - in_page;
	struct pb_bio_vec slice;

	pb_bvec_set_page(&slice, bv->bv_page + (offset >> PB_PAGE_SHIFT),
			 len < room ? len : room, in_page);
	return slice;
}

/*
 * Contiguous memory is not enough: where @next begins in another page than the
 * one that @bv ends in, the page structs must follow each other too, or
 * bv_page + n would not be the n-th page of the entry.
 */
static inline bool pb_bvec_contiguous(const struct pb_bio_vec *bv,
				      const struct pb_bio_vec *next)
{
	uint32_t end = bv->bv_offset + bv->bv_len;
	pb_phys_addr_t last = pb_page_to_phys(bv->bv_page) + end - 1;
	pb_phys_addr_t start = pb_page_to_phys(next->bv_page) + next->bv_offset;

	if (last + 1 != start)
		return false;
	if (((last ^ start) >> PB_PAGE_SHIFT) == 0)
		return true;
	return bv->bv_page + (end >> PB_PAGE_SHIFT) ==
	       next->bv_page + (next->bv_offset >> PB_PAGE_SHIFT);
}

/* The page says it. */
static inline void pb_bvec_set_region(struct pb_bio_vec *bv,
				      const struct physbio_region *region)
{
}

/* Source: zone_device_pages_have_same_pgmap() */
static inline bool pb_bvec_same_kind(const struct pb_bio_vec *bv,
				     const struct pb_bio_vec *next)
{
	return pb_page_same_kind(bv->bv_page, next->bv_page);
}

static inline struct pb_page *pb_bvec_page(const struct pb_bio_vec *bv)
{
	return bv->bv_page + (bv->bv_offset >> PB_PAGE_SHIFT);
}

/* All of them, or it would have been another vector. */
static inline unsigned long pb_bvec_page_run(const struct pb_bio_vec *bv,
					     const struct pb_page *page,
					     unsigned long nr)
{
	return nr;
}

/* The same of a vector, for a driver that has it at hand; no lookup. */
static inline const struct physbio_region *
pb_bvec_region(const struct pb_bio_vec *bv,
	       const struct physbio_region *bi_region)
{
	return pb_page_region(bv->bv_page);
}

/* The kernel asks the page, and so goes back to it once for each request. */
static inline const struct physbio_region *
pb_seg_region(const struct physbio_region *bi_region, pb_bvec_addr_t addr)
{
	return pb_page_region(pb_phys_to_page(addr));
}

#endif
