/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector with a length of 31 bits and a flag beside it, as proposed: a range of 2 GiB
 * or more is several entries, whatever bi_size could hold. What the flag would say is not
 * decided here, so that it is always 0. Not installed; stands in the place of
 * include/physbio/repr.h in internal builds, whose answers it takes.
 */
#ifndef PHYSBIO_REPR_PHYS31_H
#define PHYSBIO_REPR_PHYS31_H

#include <physbio/types.h>

#define PB_BIO_VEC_STORED_OTHERWISE 1
#define PB_BVEC_MAX_LEN (UINT32_MAX >> 1)

struct pb_bio_vec {
	pb_phys_addr_t bv_paddr; /* physical address in bytes */
	uint32_t bv_len : 31; /* bytes, never 0 in a bio */
	uint32_t bv_flag : 1; /* 0 */
	uint32_t bv_zero; /* 0 */
};

PB_STATIC_ASSERT(sizeof(struct pb_bio_vec) == 16, "as large as without a flag");

static inline void pb_bvec_set_phys(struct pb_bio_vec *bv, pb_phys_addr_t paddr,
				    uint32_t len)
{
	bv->bv_paddr = paddr;
	bv->bv_len = len & PB_BVEC_MAX_LEN;
	bv->bv_flag = 0;
	bv->bv_zero = 0;
}

#include_next <physbio/repr.h>

#endif
