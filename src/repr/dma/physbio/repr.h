/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector of the RFC of June 2019: a bus address, made by the submitter for the
 * one device it believes will get the I/O. It can be added, split, merged and
 * mapped. What needs a physical address or a page does not compile: there is no
 * way from here to either, which is what the refusal was about.
 *
 * This is the pass-through that the translators are compared with, on any board: mapping
 * hands the number to whichever device the request goes to. For a peer's memory the
 * submitter has it from pb_pci_p2pdma_bus_addr_map(), as its provider sees it, for RAM from
 * pb_dma_map_phys() of the device that it believes in.
 */
#ifndef PHYSBIO_REPR_H
#define PHYSBIO_REPR_H

#include <physbio/page.h>
#include <physbio/types.h>

#define PB_REPR_DMA 1
#define PB_BVEC_MAX_LEN UINT32_MAX

typedef pb_dma_addr_t pb_bvec_addr_t;

struct pb_bio_vec {
	pb_dma_addr_t bv_daddr; /* bus address, valid for one device */
	uint32_t bv_len; /* bytes, never 0 in a bio */
	uint32_t bv_zero; /* 0 */
};

static inline void pb_bvec_set_dma(struct pb_bio_vec *bv, pb_dma_addr_t daddr,
				   uint32_t len)
{
	bv->bv_daddr = daddr;
	bv->bv_len = len;
	bv->bv_zero = 0;
}

static inline pb_bvec_addr_t pb_bvec_addr(const struct pb_bio_vec *bv)
{
	return bv->bv_daddr;
}

static inline uint64_t pb_bvec_addr_bits(pb_bvec_addr_t addr)
{
	return physbio_dma_value(addr);
}

static inline uint32_t pb_bvec_offset(const struct pb_bio_vec *bv)
{
	return (uint32_t)pb_bvec_addr_bits(bv->bv_daddr);
}

static inline uint32_t pb_bvec_page_offset(const struct pb_bio_vec *bv)
{
	return pb_offset_in_page(pb_bvec_addr_bits(bv->bv_daddr));
}

#define PB_GAP_BEYOND (1u << 31)

static inline uint32_t pb_bvec_seg_gap(const struct pb_bio_vec *bprv,
				       const struct pb_bio_vec *bv)
{
	return pb_bvec_offset(bv) | (pb_bvec_offset(bprv) + bprv->bv_len) |
	       PB_GAP_BEYOND;
}

static inline struct pb_bio_vec pb_bvec_slice(const struct pb_bio_vec *bv,
					      uint32_t done, uint32_t len)
{
	struct pb_bio_vec slice;

	pb_bvec_set_dma(&slice, physbio_dma_add(bv->bv_daddr, done), len);
	return slice;
}

static inline struct pb_bio_vec pb_bvec_page_slice(const struct pb_bio_vec *bv,
						   uint32_t done, uint32_t len)
{
	struct pb_bio_vec slice = pb_bvec_slice(bv, done, len);
	uint32_t room = (uint32_t)PB_PAGE_SIZE - pb_bvec_page_offset(&slice);

	if (slice.bv_len > room)
		slice.bv_len = room;
	return slice;
}

static inline bool pb_bvec_contiguous(const struct pb_bio_vec *bv,
				      const struct pb_bio_vec *next)
{
	return pb_bvec_addr_bits(physbio_dma_add(bv->bv_daddr, bv->bv_len)) ==
	       pb_bvec_addr_bits(next->bv_daddr);
}

static inline bool pb_bvec_same_kind(const struct pb_bio_vec *bv,
				     const struct pb_bio_vec *next)
{
	return true;
}

/* The same of a vector, for a driver that has it at hand; no lookup. */
static inline const struct physbio_region *
pb_bvec_region(const struct pb_bio_vec *bv,
	       const struct physbio_region *bi_region)
{
	return NULL;
}

/* Nobody can say any more: the submitter has decided. */
static inline const struct physbio_region *
pb_seg_region(const struct physbio_region *bi_region, pb_bvec_addr_t addr)
{
	return NULL;
}

#endif
