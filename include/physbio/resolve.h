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
