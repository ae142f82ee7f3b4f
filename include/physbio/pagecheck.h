/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way of resolve.h for whoever doesn't trust a bio: a table from outside, a test, a
 * replayed trace. What resolve.h takes for granted is looked at page by page first.
 */
#ifndef PHYSBIO_PAGECHECK_H
#define PHYSBIO_PAGECHECK_H

#include <physbio/bio.h>
#include <physbio/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * physbio_bio_check_pages() - has every byte of a bio's entries a page?
 * @mem: memory map
 * @bio: owning bio
 * @error: filled on failure: entry and physical address; may be NULL
 *
 * Context: any. Return: 0; -EINVAL if @bio is a clone, whose table is another's; -EFAULT if
 * a page is missing: a hole, a device's memory without pages, beyond the end, or the entry
 * wraps.
 */
PB_API int physbio_bio_check_pages(const struct physbio_mem *mem,
				   const struct pb_bio *bio,
				   struct physbio_error *error);

/**
 * physbio_bio_release_pages() - pb_bio_release_pages(), checked
 * @mem: memory map
 * @bio: owning bio, from its bi_end_io or later
 * @mark_dirty: mark each folio dirty first
 * @error: filled on failure: entry and physical address; may be NULL
 *
 * On failure nothing was released and nothing is dirty.
 *
 * Context: any; nobody else pins or unpins these folios meanwhile. Return: 0; -EINVAL if
 * @bio is a clone or its pages are not pinned (PB_BIO_PAGE_PINNED), or not any more;
 * -EFAULT as above; -ERANGE if a folio has fewer pins than the bio would drop.
 */
PB_API int physbio_bio_release_pages(const struct physbio_mem *mem,
				     struct pb_bio *bio, bool mark_dirty,
				     struct physbio_error *error);

#ifdef __cplusplus
}
#endif

#endif
