// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The page side of the end of an I/O. Walks the owner's entries, looks each one's
 * first page up once, and goes on from there folio by folio. It never looks at an
 * iterator: what was submitted is in the table, however it was cut and merged since.
 */
#include "platform.h"

#include <physbio/resolve.h>

static void folio_part_clip(struct pb_folio_iter *part)
{
	size_t room = folio_size(part->folio) - part->offset;

	part->length = min(part->_left, room);
	part->_left -= part->length;
}

static void folio_part_first(struct pb_folio_iter *part,
			     const struct pb_bio_vec *bv)
{
	struct pb_page *page = pb_bvec_page(bv);

	part->folio = page_folio(page);
	part->offset = folio_page_idx(part->folio, page) * PB_PAGE_SIZE +
		       pb_offset_in_page(pb_bvec_offset(bv));
	part->_left = bv->bv_len;
	part->_i = 0;
	folio_part_clip(part);
}

static bool folio_part_next(struct pb_folio_iter *part)
{
	if (!part->_left)
		return false;
	part->folio = folio_next(part->folio);
	part->offset = 0;
	folio_part_clip(part);
	return true;
}

static unsigned long folio_part_nr_pages(const struct pb_folio_iter *part)
{
	size_t last = part->offset + part->length - 1;

	return (last >> PB_PAGE_SHIFT) - (part->offset >> PB_PAGE_SHIFT) + 1;
}

static void folio_dirty_lock(struct pb_folio *folio)
{
	folio_lock(folio);
	folio_mark_dirty(folio);
	folio_unlock(folio);
}

static void bvec_set_dirty(const struct pb_bio_vec *bv)
{
	struct pb_folio_iter part;

	folio_part_first(&part, bv);
	do {
		folio_dirty_lock(part.folio);
	} while (folio_part_next(&part));
}

struct pb_folio *pb_bvec_folio(const struct pb_bio_vec *bv)
{
	return page_folio(pb_bvec_page(bv));
}
EXPORT_SYMBOL_GPL(pb_bvec_folio);

void pb_bio_first_folio(struct pb_folio_iter *fi, struct pb_bio *bio, int i)
{
	if (i >= bio->bi_vcnt) {
		fi->folio = NULL;
		return;
	}
	folio_part_first(fi, &bio->bi_io_vec[i]);
	fi->_i = i;
}
EXPORT_SYMBOL_GPL(pb_bio_first_folio);

void pb_bio_next_folio(struct pb_folio_iter *fi, struct pb_bio *bio)
{
	if (!folio_part_next(fi))
		pb_bio_first_folio(fi, bio, fi->_i + 1);
}
EXPORT_SYMBOL_GPL(pb_bio_next_folio);

void pb_bio_set_pages_dirty(struct pb_bio *bio)
{
	u16 i;

	if (WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return;
	for (i = 0; i < bio->bi_vcnt; i++)
		bvec_set_dirty(&bio->bi_io_vec[i]);
}
EXPORT_SYMBOL_GPL(pb_bio_set_pages_dirty);

/* The next folio is found before this one's last pin is gone. */
static void bvec_release(const struct pb_bio_vec *bv, bool mark_dirty)
{
	struct pb_folio_iter part, next;
	bool more;

	folio_part_first(&part, bv);
	do {
		next = part;
		more = folio_part_next(&next);
		if (mark_dirty)
			folio_dirty_lock(part.folio);
		unpin_user_folio(part.folio, folio_part_nr_pages(&part));
		part = next;
	} while (more);
}

void pb_bio_release_pages(struct pb_bio *bio, bool mark_dirty)
{
	u16 i;

	if (!pb_bio_flagged(bio, PB_BIO_PAGE_PINNED) ||
	    WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return;
	pb_bio_clear_flag(bio, PB_BIO_PAGE_PINNED);
	for (i = 0; i < bio->bi_vcnt; i++)
		bvec_release(&bio->bi_io_vec[i], mark_dirty);
}
EXPORT_SYMBOL_GPL(pb_bio_release_pages);
