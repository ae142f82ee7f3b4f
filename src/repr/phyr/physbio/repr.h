/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector with a length that has the width of an address: one range may be longer than
 * 4 GiB. What a bio has of it is not, since bi_size is a u32. Not installed; stands in
 * the place of include/physbio/repr.h in internal builds, whose answers it takes.
 */
#ifndef PHYSBIO_REPR_PHYR_H
#define PHYSBIO_REPR_PHYR_H

#include <physbio/types.h>

#define PB_BIO_VEC_STORED_OTHERWISE 1

struct pb_bio_vec {
	pb_phys_addr_t bv_paddr; /* physical address in bytes */
	size_t bv_len; /* bytes, never 0 in a bio */
};

static inline void pb_bvec_set_phys(struct pb_bio_vec *bv, pb_phys_addr_t paddr,
				    uint32_t len)
{
	bv->bv_paddr = paddr;
	bv->bv_len = len;
}

#include_next <physbio/repr.h>

#endif
