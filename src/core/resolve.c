// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The page side of the end of an I/O. Walks the owner's entries, looks each one's
 * first page up once, and goes on from there folio by folio, as far as page structs
 * follow each other. It never looks at an iterator: what was submitted is in the table,
 * however it was cut and merged since.
 */
#include "platform.h"

#include <physbio/resolve.h>

/* --- pages that are at hand --- */

int physbio_bio_keep_pages(struct pb_bio *bio)
{
	struct pb_page **pages = physbio_bio_kept_pages(bio);
	unsigned int n = bio->bi_max_vecs, i;

	if (bio->bi_vcnt || !n || pb_bio_flagged(bio, PB_BIO_CLONED))
		return -EINVAL;
	/* For a few entries memset() takes longer than all that is saved. */
	for (i = 0; i < n; i++)
		WRITE_ONCE(pages[i], NULL);
	pb_bio_set_flag(bio, PHYSBIO_BIO_PAGES_KEPT);
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_bio_keep_pages);

/* --- runs --- */

/*
 * An entry is walked in runs, almost always one: the pages whose structs follow each
 * other. No folio goes beyond a run's end.
 *
 *   | run                         | _beyond
 *   | done | this part |   _left  |
 */

/* The part of the run that is in the folio. Nothing of the folio is read later. */
static void run_clip(struct pb_folio_iter *fi)
{
	size_t room = folio_size(fi->folio) - fi->offset;

	fi->length = min(fi->_left, room);
	fi->_left -= fi->length;
	fi->_next = fi->_left ? folio_next(fi->folio) : NULL;
}

static bool run_step(struct pb_folio_iter *fi)
{
	if (!fi->_left)
		return false;
	fi->folio = fi->_next;
	fi->offset = 0;
	run_clip(fi);
	return true;
}

/* Bytes of @bv, which begins in @page, as far as page structs follow that one's. */
static size_t run_bytes(const struct pb_bio_vec *bv, const struct pb_page *page)
{
	u64 start = pb_offset_in_page(pb_bvec_offset(bv));
	u64 end = start + bv->bv_len;
	unsigned long nr =
		(unsigned long)((end + PB_PAGE_SIZE - 1) >> PB_PAGE_SHIFT);

	nr = pb_bvec_page_run(bv, page, nr);
	return (size_t)(min(end, (u64)nr << PB_PAGE_SHIFT) - start);
}

/* The run that @bv begins, the first byte of which is in @page. */
static void run_begin(struct pb_folio_iter *fi, const struct pb_bio_vec *bv,
		      struct pb_page *page)
{
	size_t room;

	fi->folio = page_folio(page);
	fi->offset = folio_page_idx(fi->folio, page) * PB_PAGE_SIZE +
		     pb_offset_in_page(pb_bvec_offset(bv));
	fi->_left = bv->bv_len;
	room = folio_size(fi->folio) - fi->offset;
	if (fi->_left > room)
		fi->_left = run_bytes(bv, page);
	fi->_beyond = bv->bv_len - fi->_left;
	run_clip(fi);
}

/* The page that the first byte of an entry is in. */
static struct pb_page *entry_page(const struct pb_bio *bio, unsigned int i)
{
	if (pb_bio_flagged(bio, PHYSBIO_BIO_PAGES_KEPT)) {
		struct pb_page *page = physbio_bio_kept_pages(bio)[i];

		if (likely(page)) {
			pb_count(PHYSBIO_KEPT);
			return page;
		}
		pb_count(PHYSBIO_KEPT_MISS);
	}
	return pb_bvec_page(&bio->bi_io_vec[i]);
}

/* The run that byte @done of an entry begins. */
static void run_find(struct pb_folio_iter *fi, const struct pb_bio *bio,
		     unsigned int i, u32 done)
{
	const struct pb_bio_vec *bv = &bio->bi_io_vec[i];
	struct pb_bio_vec rest __uninitialized;

	fi->_i = (int)i;
	if (likely(!done)) {
		run_begin(fi, bv, entry_page(bio, i));
		return;
	}
	pb_count(PHYSBIO_SEAM);
	rest = pb_bvec_slice(bv, done, (u32)(bv->bv_len - done));
	run_begin(fi, &rest, pb_bvec_page(&rest));
}

/* --- folios of a bio --- */

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
	run_find(fi, bio, (unsigned int)i, 0);
}
EXPORT_SYMBOL_GPL(pb_bio_first_folio);

void pb_bio_next_folio(struct pb_folio_iter *fi, struct pb_bio *bio)
{
	const struct pb_bio_vec *bv = &bio->bi_io_vec[fi->_i];

	if (run_step(fi))
		return;
	if (fi->_beyond)
		run_find(fi, bio, (unsigned int)fi->_i,
			 (u32)(bv->bv_len - fi->_beyond));
	else
		pb_bio_first_folio(fi, bio, fi->_i + 1);
}
EXPORT_SYMBOL_GPL(pb_bio_next_folio);

/* --- work on a run --- */

static unsigned long part_nr_pages(const struct pb_folio_iter *part)
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

static void run_set_dirty(struct pb_folio_iter *fi)
{
	do {
		folio_dirty_lock(fi->folio);
	} while (run_step(fi));
}

static bool run_is_dirty(struct pb_folio_iter fi)
{
	do {
		if (!folio_test_dirty(fi.folio))
			return false;
	} while (run_step(&fi));
	return true;
}

static void run_release(struct pb_folio_iter *fi, bool mark_dirty)
{
	do {
		if (mark_dirty)
			folio_dirty_lock(fi->folio);
		unpin_user_folio(fi->folio, part_nr_pages(fi));
	} while (run_step(fi));
}

/* --- all of a bio --- */

static void entry_set_dirty(const struct pb_bio *bio, unsigned int i)
{
	struct pb_folio_iter fi __uninitialized;
	u32 done = 0;

	do {
		run_find(&fi, bio, i, done);
		run_set_dirty(&fi);
		done = (u32)(bio->bi_io_vec[i].bv_len - fi._beyond);
	} while (fi._beyond);
}

void pb_bio_set_pages_dirty(struct pb_bio *bio)
{
	unsigned int i;

	if (WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return;
	for (i = 0; i < bio->bi_vcnt; i++)
		entry_set_dirty(bio, i);
}
EXPORT_SYMBOL_GPL(pb_bio_set_pages_dirty);

static void entry_release(const struct pb_bio *bio, unsigned int i, u32 done,
			  bool mark_dirty)
{
	struct pb_folio_iter fi __uninitialized;

	do {
		run_find(&fi, bio, i, done);
		run_release(&fi, mark_dirty);
		done = (u32)(bio->bi_io_vec[i].bv_len - fi._beyond);
	} while (fi._beyond);
}

/* The same, as far as all folios of a run are dirty. Returns where it stopped. */
static u32 entry_release_dirty(const struct pb_bio *bio, unsigned int i)
{
	struct pb_folio_iter fi __uninitialized;
	u32 done = 0;

	do {
		run_find(&fi, bio, i, done);
		if (!run_is_dirty(fi))
			break;
		run_release(&fi, false);
		done = (u32)(bio->bi_io_vec[i].bv_len - fi._beyond);
	} while (fi._beyond);
	return done;
}

/* Are there pins to drop? Then there will be none, and no page that is kept is good. */
static bool begin_release(struct pb_bio *bio)
{
	if (!pb_bio_flagged(bio, PB_BIO_PAGE_PINNED) ||
	    WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return false;
	pb_bio_clear_flag(bio, PB_BIO_PAGE_PINNED);
	return true;
}

void pb_bio_release_pages(struct pb_bio *bio, bool mark_dirty)
{
	unsigned int i;

	if (!begin_release(bio))
		return;
	for (i = 0; i < bio->bi_vcnt; i++)
		entry_release(bio, i, 0, mark_dirty);
	pb_bio_clear_flag(bio, PHYSBIO_BIO_PAGES_KEPT);
}
EXPORT_SYMBOL_GPL(pb_bio_release_pages);

/* --- pages of a read that were cleaned under it --- */

static void bio_dirty_fn(struct work_struct *work);

static DEFINE_SPINLOCK(bio_dirty_lock);
static struct pb_bio *bio_dirty_list; /* by bi_private */
static DECLARE_WORK(bio_dirty_work, bio_dirty_fn);

/* From byte @done of entry @i on. The bio is ours: its position is free for that. */
static void bio_defer(struct pb_bio *bio, unsigned int i, u32 done)
{
	unsigned long flags;

	bio->bi_iter.bi_idx = i;
	bio->bi_iter.bi_bvec_done = done;
	spin_lock_irqsave(&bio_dirty_lock, flags);
	bio->bi_private = bio_dirty_list;
	bio_dirty_list = bio;
	spin_unlock_irqrestore(&bio_dirty_lock, flags);
	schedule_work(&bio_dirty_work);
}

static void bio_release_deferred(struct pb_bio *bio)
{
	unsigned int i = bio->bi_iter.bi_idx;

	entry_release(bio, i, bio->bi_iter.bi_bvec_done, true);
	while (++i < bio->bi_vcnt)
		entry_release(bio, i, 0, true);
	pb_bio_put(bio);
}

static void bio_dirty_fn(struct work_struct *work)
{
	struct pb_bio *bio, *next;

	spin_lock_irq(&bio_dirty_lock);
	next = bio_dirty_list;
	bio_dirty_list = NULL;
	spin_unlock_irq(&bio_dirty_lock);
	while ((bio = next)) {
		next = bio->bi_private;
		bio_release_deferred(bio);
	}
}

void pb_bio_check_pages_dirty(struct pb_bio *bio)
{
	unsigned int i, n = begin_release(bio) ? bio->bi_vcnt : 0;

	for (i = 0; i < n; i++) {
		u32 done = entry_release_dirty(bio, i);

		if (done < bio->bi_io_vec[i].bv_len) {
			bio_defer(bio, i, done);
			return;
		}
	}
	pb_bio_put(bio);
}
EXPORT_SYMBOL_GPL(pb_bio_check_pages_dirty);
