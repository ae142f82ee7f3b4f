/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Metadata that goes with an I/O: a second table of vectors beside the data, of so many
 * bytes for each interval. Decides how it follows its bio when that is moved, cut,
 * cloned or merged. What the metadata say is not looked at.
 */
#ifndef PHYSBIO_INTEGRITY_H
#define PHYSBIO_INTEGRITY_H

#include <physbio/bio.h>
#include <physbio/request.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of bip_flags. Two bios of different bits don't merge. */
enum pb_bip_flags {
	PB_BIP_BLOCK_INTEGRITY = 1u << 0,
	PB_BIP_MAPPED_INTEGRITY = 1u << 1,
	PB_BIP_DISK_NOCHECK = 1u << 2,
	PB_BIP_IP_CHECKSUM = 1u << 3,
	PB_BIP_COPY_USER = 1u << 4,
	PB_BIP_CHECK_GUARD = 1u << 5,
	PB_BIP_CHECK_REFTAG = 1u << 6,
	PB_BIP_CHECK_APPTAG = 1u << 7,
};

/* Members as in the kernel. */
struct pb_bio_integrity_payload {
	struct pb_bvec_iter bip_iter; /* bi_sector: the seed, in intervals */
	uint16_t bip_vcnt;
	uint16_t bip_max_vcnt; /* 0: the table is another bio's */
	uint16_t bip_flags; /* PB_BIP_* */
	uint16_t app_tag;
	struct pb_bio_vec *bip_vec;
	struct pb_bio_set *bip_set; /* where a clone's payload returns to */
};

/* Does a bio carry metadata? Source: bio_integrity() */
static inline struct pb_bio_integrity_payload *
pb_bio_integrity(const struct pb_bio *bio)
{
	return bio->bi_opf & PB_REQ_INTEGRITY ? bio->bi_integrity : NULL;
}

/* Does a request? Source: blk_integrity_rq() */
static inline bool pb_blk_integrity_rq(const struct pb_request *rq)
{
	return rq->cmd_flags & PB_REQ_INTEGRITY;
}

/**
 * pb_bio_integrity_init() - give a bio a payload that the caller owns
 * @bio: bio without one
 * @bip: payload, emptied; must outlive the bio
 * @bvecs: its table
 * @nr_vecs: entries of it
 *
 * Context: any. Source: bio_integrity_init()
 */
PB_API void pb_bio_integrity_init(struct pb_bio *bio,
				  struct pb_bio_integrity_payload *bip,
				  struct pb_bio_vec *bvecs,
				  unsigned int nr_vecs);

/**
 * pb_bio_integrity_add_phys() - add a physical range of metadata
 * @bio: bio with a payload and a device with a queue
 * @paddr: physical address in bytes
 * @len: bytes
 *
 * Context: any. Return: @len, or 0 if the table is full, the device can't take a gap
 * there, or it is longer than an entry can be. Source: bio_integrity_add_page()
 */
PB_API int pb_bio_integrity_add_phys(struct pb_bio *bio, pb_phys_addr_t paddr,
				     unsigned int len);

/**
 * pb_bio_integrity_add_page() - add a range of metadata that begins in a page
 * @bio: bio with a payload and a device with a queue
 * @page: page
 * @len: bytes
 * @offset: bytes from the start of @page
 *
 * Context: any. Return: @len, or 0 as above. Source: bio_integrity_add_page()
 */
PB_API int pb_bio_integrity_add_page(struct pb_bio *bio, struct pb_page *page,
				     unsigned int len, unsigned int offset);

/**
 * pb_blk_rq_count_integrity_sg() - ranges that a bio's metadata are mapped to
 * @q: queue of the bio
 * @bio: bio with metadata
 *
 * Context: any. Return: the number. Source: blk_rq_count_integrity_sg()
 */
PB_API int pb_blk_rq_count_integrity_sg(struct pb_request_queue *q,
					struct pb_bio *bio);

/**
 * pb_blk_integrity_merge_bio() - may the metadata of a bio join a request's?
 * @q: queue of both
 * @rq: request
 * @bio: bio
 *
 * Context: any. Return: true if both have none, or alike and few enough.
 * Source: blk_integrity_merge_bio()
 */
PB_API bool pb_blk_integrity_merge_bio(struct pb_request_queue *q,
				       struct pb_request *rq,
				       struct pb_bio *bio);

/**
 * pb_blk_integrity_merge_rq() - may those of two requests be one?
 * @q: queue of both
 * @rq: request
 * @next: the one that is to follow it
 *
 * Context: any. Source: blk_integrity_merge_rq()
 */
PB_API bool pb_blk_integrity_merge_rq(struct pb_request_queue *q,
				      struct pb_request *rq,
				      struct pb_request *next);

#ifdef __cplusplus
}
#endif

#endif
