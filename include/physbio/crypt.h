/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Inline encryption, as far as it decides where an I/O may be cut and what may follow
 * what: the key, the size of its data units, and the number of the first one. It never
 * touches data.
 */
#ifndef PHYSBIO_CRYPT_H
#define PHYSBIO_CRYPT_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_blk_crypto_key {
	uint32_t data_unit_size; /* bytes, power of two, 512 or more */
};

/* Source: struct bio_crypt_ctx, which has its number in four words */
struct pb_bio_crypt_ctx {
	const struct pb_blk_crypto_key *bc_key; /* the owner's; NULL: none */
	uint64_t bc_dun; /* number of the data unit that begins the bio */
};

/**
 * pb_bio_crypt_dun_add() - the number of a data unit further on
 * @bc: context with a key
 * @bytes: how far, in whole data units
 *
 * Context: any. Return: the number, which may wrap. Source: bio_crypt_dun_increment()
 */
static inline uint64_t pb_bio_crypt_dun_add(const struct pb_bio_crypt_ctx *bc,
					    uint32_t bytes)
{
	return bc->bc_dun + bytes / bc->bc_key->data_unit_size;
}

/**
 * pb_bio_crypt_ctx_compatible() - are two of one key, or both of none?
 * @bc1: context
 * @bc2: context
 *
 * Context: any. Source: bio_crypt_ctx_compatible()
 */
static inline bool
pb_bio_crypt_ctx_compatible(const struct pb_bio_crypt_ctx *bc1,
			    const struct pb_bio_crypt_ctx *bc2)
{
	return bc1->bc_key == bc2->bc_key;
}

/**
 * pb_bio_crypt_ctx_mergeable() - may data of one context follow data of another?
 * @bc1: context of what comes first
 * @bc1_bytes: bytes of that
 * @bc2: context of what is to follow
 *
 * Context: any. Return: false if the keys or the numbers of the data units don't fit.
 * Source: bio_crypt_ctx_mergeable()
 */
static inline bool
pb_bio_crypt_ctx_mergeable(const struct pb_bio_crypt_ctx *bc1,
			   uint32_t bc1_bytes,
			   const struct pb_bio_crypt_ctx *bc2)
{
	if (!pb_bio_crypt_ctx_compatible(bc1, bc2))
		return false;
	return !bc1->bc_key ||
	       pb_bio_crypt_dun_add(bc1, bc1_bytes) == bc2->bc_dun;
}

#ifdef __cplusplus
}
#endif

#endif
