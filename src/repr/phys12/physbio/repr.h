/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector packed: 12 bytes, as proposed for 64-bit machines. Every other entry begins
 * in the middle of 8 bytes; a table of 256 has 3 KiB. Not installed; stands in the
 * place of include/physbio/repr.h in internal builds, whose answers it takes.
 */
#ifndef PHYSBIO_REPR_PHYS12_H
#define PHYSBIO_REPR_PHYS12_H

#include <physbio/types.h>

#define PB_BIO_VEC_STORED_OTHERWISE 1

struct pb_bio_vec {
	pb_phys_addr_t bv_paddr; /* physical address in bytes */
	uint32_t bv_len; /* bytes, never 0 in a bio */
} __attribute__((packed, aligned(4)));

PB_STATIC_ASSERT(sizeof(struct pb_bio_vec) == sizeof(pb_phys_addr_t) + 4,
		 "nothing but address and length");

static inline void pb_bvec_set_phys(struct pb_bio_vec *bv, pb_phys_addr_t paddr,
				    uint32_t len)
{
	bv->bv_paddr = paddr;
	bv->bv_len = len;
}

#include_next <physbio/repr.h>

#endif
