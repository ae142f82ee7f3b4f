/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Back to the page, at the end of an I/O: the entries of the owning bio's own
 * table, one lookup each, the further pages by pointer arithmetic. Never a
 * request's segments, a clone's or a fragment's: a clone is left alone.
 *
 * Each of these functions looks an entry up once, or never if the bio has kept its page;
 * and once more for each place within the entry where page structs don't follow each other
 * (see physbio_page_run()). They believe what the table says: every byte of an entry is
 * in a page that exists and stays, because it is pinned, or because it is locked or under
 * writeback. Nothing is checked.
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
	/* private */
	struct pb_folio *
		_next; /* so that this one may go before the next is asked for */
	size_t _left; /* bytes of the entry behind this part, up to a seam */
	size_t _beyond; /* bytes behind that */
	int _i; /* the entry */
};

/* Where a bio keeps pages: behind its table. */
static inline struct pb_page **physbio_bio_kept_pages(const struct pb_bio *bio)
{
	uintptr_t end = (uintptr_t)&bio->bi_io_vec[bio->bi_max_vecs];

	return (struct pb_page **)((end + sizeof(void *) - 1) &
				   ~(sizeof(void *) - 1));
}

/**
 * physbio_bio_keep_pages() - let a bio keep the pages that its submitter has at hand
 * @bio: bio of the caller's, without entries. Its table, the caller's too, is followed by
 *	a place for the page of each entry:
 *	struct { struct pb_bio_vec vecs[N]; struct pb_page *pages[N]; }
 *
 * For small direct I/O, which has the pages from pinning them and wants them again at the
 * end: pb_bio_iov_iter_get_pages() writes the first page of each entry down, and the
 * functions below look nothing up then. An entry that was added in another way is looked
 * up as ever.
 *
 * A page that is kept is protected by the pin that the bio has on it and by nothing else.
 * pb_bio_release_pages() and pb_bio_reset() end it; a clone keeps nothing.
 *
 * Context: any. Return: 0; -EINVAL if the bio has entries or no table of its own.
 */
PB_API int physbio_bio_keep_pages(struct pb_bio *bio);

/**
 * physbio_bio_keep_page() - this is the page of a bio's last entry
 * @bio: bio with an entry
 * @page: the page that the entry's first byte is in; NULL: to be looked up. It must be
 *	pinned for the bio
 *
 * Does nothing if the bio keeps no pages. Context: any.
 */
static inline void physbio_bio_keep_page(struct pb_bio *bio,
					 struct pb_page *page)
{
	if (pb_bio_flagged(bio, PHYSBIO_BIO_PAGES_KEPT))
		physbio_bio_kept_pages(bio)[bio->bi_vcnt - 1] = page;
}

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
 * One lookup. The folio may be let go before the next one is asked for.
 * Context: any. Source: bio_first_folio()
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

/**
 * pb_bio_check_pages_dirty() - end a read whose pages were marked dirty before it
 * @bio: owning bio of a bio_set, from its bi_end_io; gone afterwards
 *
 * A page may have been written back and cleaned in the meantime. If all are still dirty,
 * their pins are dropped and the bio is put. Else that is left to the executor
 * (workqueue.h), which may sleep for a folio's lock: from the first entry on that has a
 * clean page, so that no entry is looked up twice here. The kernel looks all of them up
 * first, and leaves either all or nothing.
 *
 * Context: any, the pages being pinned. Source: bio_check_pages_dirty()
 */
PB_API void pb_bio_check_pages_dirty(struct pb_bio *bio);

#ifdef __cplusplus
}
#endif

#endif
