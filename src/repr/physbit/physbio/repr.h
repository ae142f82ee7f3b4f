/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vector with a mark: the u32 that is 0 elsewhere says that the memory is a peer's,
 * and so that whose it is must be looked up. That a bio says so once is what it is
 * compared with. Not installed; stands in the place of include/physbio/repr.h in internal
 * builds, whose answers it takes.
 */
#ifndef PHYSBIO_REPR_PHYSBIT_H
#define PHYSBIO_REPR_PHYSBIT_H

#include <physbio/types.h>

#define PB_BIO_VEC_STORED_OTHERWISE 1
#define PB_REPR_MARKED 1

struct physbio_region;

struct pb_bio_vec {
	pb_phys_addr_t bv_paddr; /* physical address in bytes */
	uint32_t bv_len; /* bytes, never 0 in a bio */
	uint32_t bv_p2p; /* 1: a peer's, 0: RAM */
};

static inline void pb_bvec_set_phys(struct pb_bio_vec *bv, pb_phys_addr_t paddr,
				    uint32_t len)
{
	bv->bv_paddr = paddr;
	bv->bv_len = len;
	bv->bv_p2p = 0;
}

static inline void pb_bvec_set_region(struct pb_bio_vec *bv,
				      const struct physbio_region *region)
{
	bv->bv_p2p = !!region;
}

static inline void pb_bvec_copy_mark(struct pb_bio_vec *bv,
				     const struct pb_bio_vec *from)
{
	bv->bv_p2p = from->bv_p2p;
}

static inline bool pb_bvec_same_kind(const struct pb_bio_vec *bv,
				     const struct pb_bio_vec *next)
{
	return bv->bv_p2p == next->bv_p2p;
}

#include_next <physbio/repr.h>

#endif
