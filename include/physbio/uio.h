/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the bytes of an I/O are before they are a bio's: in user memory, or in a
 * table of vectors that somebody else has made. Decides how far one has come; how
 * memory becomes vectors is bio.h's business.
 */
#ifndef PHYSBIO_UIO_H
#define PHYSBIO_UIO_H

#include <physbio/repr.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Source: enum iter_type */
enum pb_iter_type {
	PB_ITER_UBUF, /* one range of user addresses */
	PB_ITER_IOVEC, /* several */
	PB_ITER_BVEC, /* vectors that their owner keeps */
};

/* A range of user addresses. Source: struct iovec */
struct pb_iovec {
	void *iov_base; /* user address */
	size_t iov_len; /* bytes */
};

/* Members as in the kernel. */
struct pb_iov_iter {
	uint8_t iter_type; /* enum pb_iter_type */
	bool data_source; /* true: its bytes are written to the device */
	size_t iov_offset; /* bytes done in the current range or vector */
	size_t count; /* bytes left */
	unsigned long nr_segs; /* ranges or vectors left; PB_ITER_UBUF: 1 */
	union {
		void *ubuf; /* user address of the start */
		const struct pb_iovec *__iov; /* the current range */
		const struct pb_bio_vec *bvec; /* the current vector */
	};
};

#define PB_ITER_DEST false /* the device's bytes go there */
#define PB_ITER_SOURCE true

/* One range of user addresses. Source: iov_iter_ubuf() */
static inline void pb_iov_iter_ubuf(struct pb_iov_iter *i, bool data_source,
				    void *buf, size_t count)
{
	i->iter_type = PB_ITER_UBUF;
	i->data_source = data_source;
	i->iov_offset = 0;
	i->count = count;
	i->nr_segs = 1;
	i->ubuf = buf;
}

/* @count bytes from the start of @iov on. Source: iov_iter_init() */
static inline void pb_iov_iter_init(struct pb_iov_iter *i, bool data_source,
				    const struct pb_iovec *iov,
				    unsigned long nr_segs, size_t count)
{
	i->iter_type = PB_ITER_IOVEC;
	i->data_source = data_source;
	i->iov_offset = 0;
	i->count = count;
	i->nr_segs = nr_segs;
	i->__iov = iov;
}

/* @count bytes from the start of @bvec on. Source: iov_iter_bvec() */
static inline void pb_iov_iter_bvec(struct pb_iov_iter *i, bool data_source,
				    const struct pb_bio_vec *bvec,
				    unsigned long nr_segs, size_t count)
{
	i->iter_type = PB_ITER_BVEC;
	i->data_source = data_source;
	i->iov_offset = 0;
	i->count = count;
	i->nr_segs = nr_segs;
	i->bvec = bvec;
}

/* Bytes left. Source: iov_iter_count() */
static inline size_t pb_iov_iter_count(const struct pb_iov_iter *i)
{
	return i->count;
}

/**
 * pb_iov_iter_advance() - move on
 * @i: position, moved; at most what is left
 * @bytes: how far
 *
 * Context: any. Source: iov_iter_advance()
 */
PB_API void pb_iov_iter_advance(struct pb_iov_iter *i, size_t bytes);

/**
 * pb_iov_iter_revert() - move back
 * @i: position, moved
 * @bytes: how far, at most what it was advanced by
 *
 * Context: any. Source: iov_iter_revert()
 */
PB_API void pb_iov_iter_revert(struct pb_iov_iter *i, size_t bytes);

/**
 * pb_iov_iter_alignment() - bits of all addresses and lengths
 * @i: position
 *
 * Context: any. Return: the lowest bit set is what all of them are multiples of; 0 if
 * nothing is left. Source: iov_iter_alignment()
 */
PB_API unsigned long pb_iov_iter_alignment(const struct pb_iov_iter *i);

/**
 * pb_iov_iter_gap_alignment() - bits of where one range ends and the next begins
 * @i: position, of user addresses
 *
 * Neither the first start nor the last end counts. Empty ranges are none.
 * Context: any. Return: 0 for one range; all bits for vectors, which are not asked about.
 * Source: iov_iter_gap_alignment()
 */
PB_API unsigned long pb_iov_iter_gap_alignment(const struct pb_iov_iter *i);

/**
 * pb_iov_iter_is_aligned() - have all addresses and lengths none of some bits?
 * @i: position; of vectors the first alone is looked at
 * @addr_mask: bits that no address may have
 * @len_mask: bits that no length may have
 *
 * Context: any. Source: iov_iter_is_aligned()
 */
PB_API bool pb_iov_iter_is_aligned(const struct pb_iov_iter *i,
				   unsigned int addr_mask,
				   unsigned int len_mask);

#ifdef __cplusplus
}
#endif

#endif
