/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector as the library is installed: a physical address and a length. This
 * file decides how a vector is stored and answers the engine's questions about
 * one; internal builds put another repr.h before it in the include path, which may
 * store address and length in its own way and take the answers from here. It knows
 * nothing of iterators, bios or limits.
 */
#ifndef PHYSBIO_REPR_H
#define PHYSBIO_REPR_H

#include <physbio/page.h>
#include <physbio/types.h>

#define PB_REPR_HAS_PHYS 1

/* The address of a vector's first byte, in the terms of the representation. */
typedef pb_phys_addr_t pb_bvec_addr_t;

/* Bytes that an entry can have, of those that a bio can: all ones. */
#ifndef PB_BVEC_MAX_LEN
#define PB_BVEC_MAX_LEN UINT32_MAX
#endif

#ifndef PB_BIO_VEC_STORED_OTHERWISE
struct pb_bio_vec {
	pb_phys_addr_t bv_paddr; /* physical address in bytes */
	uint32_t bv_len; /* bytes, never 0 in a bio */
#if !defined(PB_PHYS_ADDR_BITS) || PB_PHYS_ADDR_BITS == 64
	uint32_t bv_zero; /* 0 */
#endif
};

#if !defined(__KERNEL__) && \
	(!defined(PB_PHYS_ADDR_BITS) || PB_PHYS_ADDR_BITS == 64)
PB_STATIC_ASSERT(sizeof(struct pb_bio_vec) == 16, "u64, u32 and a u32 of 0");
#endif

#ifndef __KERNEL__
/* Linking with a library that lays a vector out otherwise fails by this name. */
extern PB_API const char physbio_layout_phys16;
static const char *const physbio_layout
	__attribute__((used, unused)) = &physbio_layout_phys16;
#endif

/**
 * pb_bvec_set_phys() - make a vector of a physical range
 * @bv: vector to fill
 * @paddr: physical address of the first byte
 * @len: bytes
 *
 * Context: any. Source: none; bvec_set_page() is the kernel's only way.
 */
static inline void pb_bvec_set_phys(struct pb_bio_vec *bv, pb_phys_addr_t paddr,
				    uint32_t len)
{
	bv->bv_paddr = paddr;
	bv->bv_len = len;
#if !defined(PB_PHYS_ADDR_BITS) || PB_PHYS_ADDR_BITS == 64
	bv->bv_zero = 0;
#endif
}
#endif

#ifndef PB_REPR_MARKED
/* Say whose memory a vector is, where vectors know anything of that. NULL: RAM. */
static inline void pb_bvec_set_region(struct pb_bio_vec *bv,
				      const struct physbio_region *region)
{
	(void)bv;
	(void)region;
}

/* The same as @from says. */
static inline void pb_bvec_copy_mark(struct pb_bio_vec *bv,
				     const struct pb_bio_vec *from)
{
	(void)bv;
	(void)from;
}

/* Does memory of one kind stand in both? Here the bio knows: see bi_region. */
static inline bool pb_bvec_same_kind(const struct pb_bio_vec *bv,
				     const struct pb_bio_vec *next)
{
	(void)bv;
	(void)next;
	return true;
}
#endif

/**
 * pb_bvec_set_page() - make a vector of a range that begins in a page
 * @bv: vector to fill
 * @page: page to start from
 * @len: bytes
 * @offset: bytes from the start of @page, may be a page or more
 *
 * Context: any. Source: bvec_set_page()
 */
static inline void pb_bvec_set_page(struct pb_bio_vec *bv, struct pb_page *page,
				    unsigned int len, unsigned int offset)
{
	pb_bvec_set_phys(bv, pb_page_to_phys(page) + offset, len);
#ifdef PB_REPR_MARKED
	pb_bvec_set_region(bv, pb_page_region(page));
#endif
}

/**
 * pb_bvec_addr() - address of a vector's first byte
 * @bv: the vector
 *
 * Context: any. Return: physical address in bytes. Source: bvec_phys()
 */
static inline pb_bvec_addr_t pb_bvec_addr(const struct pb_bio_vec *bv)
{
	return bv->bv_paddr;
}

/**
 * pb_bvec_addr_bits() - an address as a number, for tests against a mask
 * @addr: what pb_bvec_addr() returned
 *
 * Context: any. Return: the number.
 */
static inline uint64_t pb_bvec_addr_bits(pb_bvec_addr_t addr)
{
	return addr;
}

/* pb_bvec_phys() - physical address of the first byte. Source: bvec_phys() */
static inline pb_phys_addr_t pb_bvec_phys(const struct pb_bio_vec *bv)
{
	return bv->bv_paddr;
}

/*
 * The start of a vector as gap and alignment tests see it. Bits up to the 32nd
 * are true here; the page representation knows those within bv_page alone.
 */
static inline uint32_t pb_bvec_offset(const struct pb_bio_vec *bv)
{
	return (uint32_t)bv->bv_paddr;
}

/* The start of a vector within its page: what the fast path adds the length to. */
static inline uint32_t pb_bvec_page_offset(const struct pb_bio_vec *bv)
{
	return pb_offset_in_page(bv->bv_paddr);
}

/* In a gap that shows in none of an address's low 32 bits: the highest of them. */
#define PB_GAP_BEYOND (1u << 31)

/**
 * pb_bvec_seg_gap() - bits of the gap between two vectors
 * @bprv: vector
 * @bv: the one that follows it
 *
 * The lowest bit set says for which granules there is a gap. Low bits only: a bit is
 * stored as its number, and whoever reads it shifts 32 bits. Never 0, since two vectors
 * are no single range.
 *
 * Context: any. Return: bits of addresses in bytes. Source: bvec_seg_gap()
 */
static inline uint32_t pb_bvec_seg_gap(const struct pb_bio_vec *bprv,
				       const struct pb_bio_vec *bv)
{
	return pb_bvec_offset(bv) | (pb_bvec_offset(bprv) + bprv->bv_len) |
	       PB_GAP_BEYOND;
}

/* @len bytes of @bv from byte @done on, pages not looked at. */
static inline struct pb_bio_vec pb_bvec_slice(const struct pb_bio_vec *bv,
					      uint32_t done, uint32_t len)
{
	struct pb_bio_vec slice;

	pb_bvec_set_phys(&slice, bv->bv_paddr + done, len);
	pb_bvec_copy_mark(&slice, bv);
	return slice;
}

/* The same, ending with the page that byte @done is in. */
static inline struct pb_bio_vec pb_bvec_page_slice(const struct pb_bio_vec *bv,
						   uint32_t done, uint32_t len)
{
	pb_phys_addr_t paddr = bv->bv_paddr + done;
	uint32_t room = (uint32_t)PB_PAGE_SIZE - pb_offset_in_page(paddr);
	struct pb_bio_vec slice;

	pb_bvec_set_phys(&slice, paddr, len < room ? len : room);
	pb_bvec_copy_mark(&slice, bv);
	return slice;
}

/* Does @next start where @bv ends, so that one entry can hold both? */
static inline bool pb_bvec_contiguous(const struct pb_bio_vec *bv,
				      const struct pb_bio_vec *next)
{
	return bv->bv_paddr + bv->bv_len == next->bv_paddr &&
	       !((0u + bv->bv_len + next->bv_len) & ~PB_BVEC_MAX_LEN);
}

/* The page that the first byte is in: one lookup. */
static inline struct pb_page *pb_bvec_page(const struct pb_bio_vec *bv)
{
	return pb_phys_to_page(bv->bv_paddr);
}

/* Of @nr pages from there on, how many follow it: see physbio_page_run(). No lookup. */
static inline unsigned long pb_bvec_page_run(const struct pb_bio_vec *bv,
					     const struct pb_page *page,
					     unsigned long nr)
{
	return physbio_page_run(
		page, (unsigned long)(bv->bv_paddr >> PB_PAGE_SHIFT), nr);
}

/* The same of a vector, for a driver that has it at hand; no lookup. */
static inline const struct physbio_region *
pb_bvec_region(const struct pb_bio_vec *bv,
	       const struct physbio_region *bi_region)
{
	(void)bv;
	return bi_region;
}

/* Whose memory a segment is, NULL for RAM: what its bio says. */
static inline const struct physbio_region *
pb_seg_region(const struct physbio_region *bi_region, pb_bvec_addr_t addr)
{
	(void)addr;
	return bi_region;
}

#endif
