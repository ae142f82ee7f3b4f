/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Iteration over a table of vectors, on top of the accessors of repr.h: the
 * multi-page view (an entry, or what is left of it) and the single-page view
 * (never past the end of a page). Nothing here changes a vector, so one table can
 * be walked by any number of iterators at once.
 */
#ifndef PHYSBIO_BVEC_H
#define PHYSBIO_BVEC_H

#include <physbio/repr.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where an I/O stands: in the device and in its table of vectors. */
struct pb_bvec_iter {
	pb_sector_t bi_sector; /* device position, sectors of 512 bytes */
	uint32_t bi_size; /* bytes left */
	uint32_t bi_idx; /* current entry of the table */
	uint32_t bi_bvec_done; /* bytes done in the current entry */
} __attribute__((packed, aligned(4)));

PB_STATIC_ASSERT(sizeof(struct pb_bvec_iter) == 20, "as in the kernel");

#ifdef PB_REPR_HAS_PHYS
/**
 * pb_bvec_set_folio() - make a vector of a part of a folio
 * @bv: vector to fill
 * @folio: folio
 * @len: bytes
 * @offset: bytes from the start of @folio
 *
 * Context: any. Source: bvec_set_folio()
 */
static inline void pb_bvec_set_folio(struct pb_bio_vec *bv,
				     struct pb_folio *folio, size_t len,
				     size_t offset)
{
	pb_bvec_set_page(bv, &folio->page + (offset >> PB_PAGE_SHIFT),
			 (unsigned int)len, pb_offset_in_page(offset));
}
#endif

/* Bytes of the current entry that the iterator has still to give. */
static inline uint32_t pb_mp_bvec_iter_len(const struct pb_bio_vec *bvec,
					   struct pb_bvec_iter iter)
{
	__typeof__(0u + bvec->bv_len) left =
		bvec[iter.bi_idx].bv_len - iter.bi_bvec_done;

	return left < iter.bi_size ? (uint32_t)left : iter.bi_size;
}

/**
 * pb_mp_bvec_iter_bvec() - the current vector, over as many pages as it has
 * @bvec: table
 * @iter: position in it, with bytes left
 *
 * Context: any. Return: the vector, by value. Source: mp_bvec_iter_bvec()
 */
static inline struct pb_bio_vec
pb_mp_bvec_iter_bvec(const struct pb_bio_vec *bvec, struct pb_bvec_iter iter)
{
	return pb_bvec_slice(&bvec[iter.bi_idx], iter.bi_bvec_done,
			     pb_mp_bvec_iter_len(bvec, iter));
}

/**
 * pb_bvec_iter_bvec() - the current vector, up to the end of its page
 * @bvec: table
 * @iter: position in it, with bytes left
 *
 * Context: any. Return: the vector, by value. Source: bvec_iter_bvec()
 */
static inline struct pb_bio_vec pb_bvec_iter_bvec(const struct pb_bio_vec *bvec,
						  struct pb_bvec_iter iter)
{
	return pb_bvec_page_slice(&bvec[iter.bi_idx], iter.bi_bvec_done,
				  pb_mp_bvec_iter_len(bvec, iter));
}

/**
 * pb_bvec_iter_advance() - consume bytes, over any number of entries
 * @bvec: table
 * @iter: position, moved; bi_sector stays
 * @bytes: how many
 *
 * More bytes than are left end the iteration (bi_size 0) and are an error.
 * Entries of length 0 are passed over while bytes are left.
 *
 * Context: any. Return: false if @bytes was more than was left.
 * Source: bvec_iter_advance()
 */
static inline bool pb_bvec_iter_advance(const struct pb_bio_vec *bvec,
					struct pb_bvec_iter *iter,
					uint32_t bytes)
{
	uint32_t idx = iter->bi_idx;

	if (bytes > iter->bi_size) {
		iter->bi_size = 0;
		return false;
	}
	iter->bi_size -= bytes;
	bytes += iter->bi_bvec_done;
	while (bytes && bytes >= bvec[idx].bv_len) {
		bytes -= bvec[idx].bv_len;
		idx++;
	}
	iter->bi_idx = idx;
	iter->bi_bvec_done = bytes;
	return true;
}

/**
 * pb_bvec_iter_advance_single() - consume bytes of the current entry
 * @bvec: table
 * @iter: position, moved; bi_sector stays
 * @bytes: how many, not more than pb_mp_bvec_iter_len()
 *
 * Context: any. Source: bvec_iter_advance_single()
 */
static inline void pb_bvec_iter_advance_single(const struct pb_bio_vec *bvec,
					       struct pb_bvec_iter *iter,
					       uint32_t bytes)
{
	uint32_t done = iter->bi_bvec_done + bytes;

	if (done == bvec[iter->bi_idx].bv_len) {
		done = 0;
		iter->bi_idx++;
	}
	iter->bi_bvec_done = done;
	iter->bi_size -= bytes;
}

/* To the next vector, if it is not at one: entries of length 0 are none. */
static inline void pb_bvec_iter_skip_empty(const struct pb_bio_vec *bvec,
					   struct pb_bvec_iter *iter)
{
	while (iter->bi_size && !bvec[iter->bi_idx].bv_len)
		iter->bi_idx++;
}

/* Step past the vector that was just given. */
static inline void pb_bvec_iter_step(const struct pb_bio_vec *bvec,
				     struct pb_bvec_iter *iter, uint32_t bytes)
{
	pb_bvec_iter_advance_single(bvec, iter, bytes);
	pb_bvec_iter_skip_empty(bvec, iter);
}

/* The position of the first vector from @iter on. */
static inline struct pb_bvec_iter
pb_bvec_iter_first(const struct pb_bio_vec *bvec, struct pb_bvec_iter iter)
{
	pb_bvec_iter_skip_empty(bvec, &iter);
	return iter;
}

/* Every entry's rest, over page borders. Source: for_each_mp_bvec() */
#define pb_for_each_mp_bvec(bvl, bvec_table, iter, start)             \
	for ((iter) = pb_bvec_iter_first((bvec_table), (start));      \
	     (iter).bi_size &&                                        \
	     ((bvl) = pb_mp_bvec_iter_bvec((bvec_table), (iter)), 1); \
	     pb_bvec_iter_step((bvec_table), &(iter), (bvl).bv_len))

/* The same, a page at a time. Source: for_each_bvec() */
#define pb_for_each_bvec(bvl, bvec_table, iter, start)             \
	for ((iter) = pb_bvec_iter_first((bvec_table), (start));   \
	     (iter).bi_size &&                                     \
	     ((bvl) = pb_bvec_iter_bvec((bvec_table), (iter)), 1); \
	     pb_bvec_iter_step((bvec_table), &(iter), (bvl).bv_len))

/* Walks a whole table, a page at a time. Source: struct bvec_iter_all */
struct pb_bvec_iter_all {
	struct pb_bio_vec bv; /* the current part of an entry */
	uint32_t idx; /* current entry */
	uint32_t done; /* bytes of it that come before bv */
};

/* Source: bvec_init_iter_all() */
static inline struct pb_bio_vec *
pb_bvec_init_iter_all(struct pb_bvec_iter_all *iter_all)
{
	iter_all->done = 0;
	iter_all->idx = 0;
	iter_all->bv.bv_len = 0;
	return &iter_all->bv;
}

/**
 * pb_bvec_advance() - the next part of a table that lies within one page
 * @bvec: entry iter_all->idx of the table, not empty
 * @iter_all: position, moved; bv is what comes next
 *
 * Context: any. Source: bvec_advance()
 */
static inline void pb_bvec_advance(const struct pb_bio_vec *bvec,
				   struct pb_bvec_iter_all *iter_all)
{
	iter_all->bv = pb_bvec_page_slice(bvec, iter_all->done,
					  bvec->bv_len - iter_all->done);
	iter_all->done += iter_all->bv.bv_len;
	if (iter_all->done == bvec->bv_len) {
		iter_all->idx++;
		iter_all->done = 0;
	}
}

#ifdef __cplusplus
}
#endif

#endif
