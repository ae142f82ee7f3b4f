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

extern const struct physbio_repr physbio_repr;

#define MEMBER(prefix, member) .member = prefix##member,

const struct physbio_repr physbio_repr = {
	.name = NAME_OF(PHYSBIO_REPR_NAME),
	.bvec_size = sizeof(struct pb_bio_vec),
	PHYSBIO_REPR_FUNCTIONS(MEMBER)
#ifdef PB_REPR_HAS_PHYS
		PHYSBIO_REPR_PHYS_FUNCTIONS(MEMBER)
#endif
#ifdef PB_REPR_DMA
			.bio_add_dma_addr = pb_bio_add_dma_addr,
#endif
	.bvec_get = bvec_get,
};
