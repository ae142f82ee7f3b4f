// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of one internal build, compiled once with each representation.
 */
#include "ops.h"

#define STRING(x) #x
#define NAME_OF(x) STRING(x)

static uint32_t bvec_get(const struct pb_bio_vec *table, unsigned int idx,
			 uint64_t *addr)
{
	*addr = pb_bvec_addr_bits(pb_bvec_addr(&table[idx]));
	return table[idx].bv_len;
}

static uint32_t bvec_at(const struct pb_bio_vec *table,
			struct pb_bvec_iter iter, bool whole, uint64_t *addr)
{
	struct pb_bio_vec bv = whole ? pb_mp_bvec_iter_bvec(table, iter) :
				       pb_bvec_iter_bvec(table, iter);

	return bvec_get(&bv, 0, addr);
}

static bool bvec_advance(const struct pb_bio_vec *table,
			 struct pb_bvec_iter *iter, uint32_t bytes)
{
	return pb_bvec_iter_advance(table, iter, bytes);
}

#ifdef PB_REPR_HAS_PHYS
static void bvec_set_page(struct pb_bio_vec *table, unsigned int idx,
			  struct pb_page *page, uint32_t len, uint32_t offset)
{
	pb_bvec_set_page(&table[idx], page, len, offset);
}
#endif

static uint32_t bvec_seg_gap(const struct pb_bio_vec *bprv,
			     const struct pb_bio_vec *bv)
{
	return pb_bvec_seg_gap(bprv, bv);
}

static bool bvec_gap_to_prev(const struct pb_queue_limits *lim,
			     const struct pb_bio_vec *prev,
			     const struct pb_bio_vec *next)
{
	return pb_bvec_gap_to_prev(lim, prev, pb_bvec_offset(next));
}

extern const struct physbio_repr physbio_repr;

#define MEMBER(prefix, member) .member = prefix##member,

const struct physbio_repr physbio_repr = {
	.name = NAME_OF(PHYSBIO_REPR_NAME),
	.bvec_size = sizeof(struct pb_bio_vec),
#ifdef PB_REPR_PAGE
	.offsets_of_page = true,
#endif
	PHYSBIO_REPR_FUNCTIONS(MEMBER)
#ifdef PB_REPR_HAS_PHYS
		PHYSBIO_REPR_PHYS_FUNCTIONS(MEMBER)
			.bvec_set_page = bvec_set_page,
	.__bio_add_page = __pb_bio_add_page,
#endif
#ifdef PB_REPR_DMA
	.bio_add_dma_addr = pb_bio_add_dma_addr,
#endif
	.bvec_get = bvec_get,
	.bvec_at = bvec_at,
	.bvec_advance = bvec_advance,
	.bvec_seg_gap = bvec_seg_gap,
	.bvec_gap_to_prev = bvec_gap_to_prev,
};
