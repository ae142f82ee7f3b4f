// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the resolver takes for granted, looked at page by page: that there are pages, and
 * that they have the pins that will be dropped. The work itself is resolve.c's.
 */
#include <inttypes.h>
#include <stdio.h>

#include <physbio/pagecheck.h>
#include <physbio/resolve.h>

#include "../core/platform.h"

static int fail(struct physbio_error *error, int err, const char *what,
		unsigned int entry, pb_phys_addr_t at)
{
	if (error) {
		memset(error, 0, sizeof(*error));
		error->err = err;
		snprintf(error->message, sizeof(error->message),
			 "entry %u: %s: 0x%" PRIx64, entry, what, (uint64_t)at);
	}
	return err;
}

/* --- pages of a bio, one after the other --- */

struct walk {
	const struct pb_bio *bio;
	unsigned int entry;
	uint64_t left; /* pages of the entry, with this one */
	pb_phys_addr_t at; /* physical address of this page */
};

static void walk_entry(struct walk *w)
{
	const struct pb_bio_vec *bv = &w->bio->bi_io_vec[w->entry];
	pb_phys_addr_t first;

	if (w->entry >= w->bio->bi_vcnt)
		return;
	first = pb_bvec_phys(bv);
	w->at = first & (pb_phys_addr_t)PB_PAGE_MASK;
	w->left = (pb_offset_in_page(first) + (uint64_t)bv->bv_len +
		   PB_PAGE_SIZE - 1) >>
		  PB_PAGE_SHIFT;
}

static struct walk walk_start(const struct pb_bio *bio)
{
	struct walk w = { .bio = bio };

	walk_entry(&w);
	return w;
}

static bool walk_more(const struct walk *w)
{
	return w->entry < w->bio->bi_vcnt;
}

static void walk_next(struct walk *w)
{
	w->at += PB_PAGE_SIZE;
	if (--w->left)
		return;
	w->entry++;
	walk_entry(w);
}

static struct pb_folio *walk_folio(const struct physbio_mem *mem,
				   const struct walk *w)
{
	return page_folio(physbio_mem_page(mem, w->at));
}

/* --- are there pages? --- */

static bool entry_wraps(const struct pb_bio_vec *bv)
{
	return bv->bv_len &&
	       bv->bv_len - 1u > (pb_phys_addr_t)-1 - pb_bvec_phys(bv);
}

int physbio_bio_check_pages(const struct physbio_mem *mem,
			    const struct pb_bio *bio,
			    struct physbio_error *error)
{
	struct walk w;
	unsigned int i;

	if (pb_bio_flagged(bio, PB_BIO_CLONED))
		return fail(error, -EINVAL, "the bio is a clone", 0, 0);
	for (i = 0; i < bio->bi_vcnt; i++)
		if (entry_wraps(&bio->bi_io_vec[i]))
			return fail(error, -EFAULT, "wraps", i,
				    pb_bvec_phys(&bio->bi_io_vec[i]));
	for (w = walk_start(bio); walk_more(&w); walk_next(&w))
		if (!physbio_mem_page(mem, w.at))
			return fail(error, -EFAULT, "no page", w.entry, w.at);
	return 0;
}

/* --- are there pins? --- */

static bool folio_take_pin(struct pb_folio *folio)
{
	struct pb_page *page = &folio->page;
	bool large = folio_test_large(folio);
	int refs = large ? 1 : (int)GUP_PIN_COUNTING_BIAS;

	if (atomic_read(&page->refcount) < refs ||
	    (large && atomic_read(&page->pincount) < 1))
		return false;
	atomic_sub(refs, &page->refcount);
	if (large)
		atomic_sub(1, &page->pincount);
	return true;
}

static void folio_give_pin(struct pb_folio *folio)
{
	bool large = folio_test_large(folio);

	atomic_sub(large ? -1 : -(int)GUP_PIN_COUNTING_BIAS,
		   &folio->page.refcount);
	if (large)
		atomic_sub(-1, &folio->page.pincount);
}

/*
 * Entries may share folios, so one can't ask each alone: all pins are taken, and given
 * back.
 */
static bool pins_suffice(const struct physbio_mem *mem,
			 const struct pb_bio *bio, struct walk *w)
{
	struct walk back = walk_start(bio);

	for (*w = back; walk_more(w); walk_next(w))
		if (!folio_take_pin(walk_folio(mem, w)))
			break;
	while (walk_more(&back) &&
	       (back.entry != w->entry || back.left != w->left)) {
		folio_give_pin(walk_folio(mem, &back));
		walk_next(&back);
	}
	return !walk_more(w);
}

int physbio_bio_release_pages(const struct physbio_mem *mem, struct pb_bio *bio,
			      bool mark_dirty, struct physbio_error *error)
{
	int err = physbio_bio_check_pages(mem, bio, error);
	struct walk w;

	if (err)
		return err;
	if (!pb_bio_flagged(bio, PB_BIO_PAGE_PINNED))
		return fail(error, -EINVAL, "the bio has no pins", 0, 0);
	if (!pins_suffice(mem, bio, &w))
		return fail(error, -ERANGE, "no pin to drop", w.entry, w.at);
	pb_bio_release_pages(bio, mark_dirty);
	return 0;
}
