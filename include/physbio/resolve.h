/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Back to the page, at the end of an I/O: the entries of the owning bio's own
 * table, one lookup each, the further pages by pointer arithmetic. Never a
 * request's segments, a clone's or a fragment's: a clone is left alone.
 */
#ifndef PHYSBIO_RESOLVE_H
#define PHYSBIO_RESOLVE_H

#include <physbio/bio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A part of a bio's data that lies in one folio. Source: struct folio_iter */
struct pb_folio_iter {
	struct pb_folio *folio; /* NULL: there is none any more */
	size_t offset; /* bytes from the start of the folio */
	size_t length; /* bytes */
	size_t _left; /* private: bytes of the entry behind this part */
	int _i; /* private: the entry */
};

/**
 * pb_bvec_folio() - the folio that a vector begins in
 * @bv: vector, of one who added it: nobody else knows that its pages are a folio's
 *
 * One lookup. Context: any, the pages being pinned. Return: the folio, with no reference
 * taken. Source: bvec_folio() of 7.3
 */
PB_API struct pb_folio *pb_bvec_folio(const struct pb_bio_vec *bv);

/**
 * pb_bio_first_folio() - the first folio of an entry
 * @fi: filled
 * @bio: owning bio, not a clone
 * @i: entry; beyond the last there is none
 *
 * One lookup. Context: any, the pages being pinned. Source: bio_first_folio()
 */
PB_API void pb_bio_first_folio(struct pb_folio_iter *fi, struct pb_bio *bio,
			       int i);

/* pb_bio_next_folio() - the next one, of this entry or another. Source:
 * bio_next_folio() */
PB_API void pb_bio_next_folio(struct pb_folio_iter *fi, struct pb_bio *bio);

/* Every folio of what was added to a bio. Source: bio_for_each_folio_all() */
#define pb_bio_for_each_folio_all(fi, bio)                  \
	for (pb_bio_first_folio(&(fi), bio, 0); (fi).folio; \
	     pb_bio_next_folio(&(fi), bio))

/**
 * pb_bio_set_pages_dirty() - mark the pages of a read dirty before it is sent
 * @bio: owning bio, not a clone
 *
 * Context: task. Source: bio_set_pages_dirty()
 */
PB_API void pb_bio_set_pages_dirty(struct pb_bio *bio);

/**
 * pb_bio_release_pages() - drop the pins of a bio's pages
 * @bio: owning bio, from its bi_end_io or later; nothing is done unless
 *	PB_BIO_PAGE_PINNED is set, and it is cleared
 * @mark_dirty: mark each folio dirty first
 *
 * One pin for each page that an entry touches. Context: any, the pages being
 * pinned. Source: bio_release_pages()
 */
PB_API void pb_bio_release_pages(struct pb_bio *bio, bool mark_dirty);

#ifdef __cplusplus
}
#endif

#endif
