// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which folios of the page cache have had their last byte. Walks the entries of the
 * owning bio as resolve.c does, and knows neither files nor mappings.
 */
#include "platform.h"

#include <physbio/pagecache.h>
#include <physbio/resolve.h>

void physbio_folio_start_read(struct pb_folio *folio,
			      struct pb_iomap_folio_state *ifs, size_t len)
{
	folio_lock(folio);
	if (ifs) {
		ifs->read_failed = false;
		atomic_set(&ifs->read_bytes_pending, (int)len);
	}
	folio_change_private(folio, ifs);
}
EXPORT_SYMBOL_GPL(physbio_folio_start_read);

void physbio_folio_start_writeback(struct pb_folio *folio,
				   struct pb_iomap_folio_state *ifs, size_t len)
{
	if (ifs)
		atomic_set(&ifs->write_bytes_pending, (int)len);
	folio_change_private(folio, ifs);
	folio_start_writeback(folio);
}
EXPORT_SYMBOL_GPL(physbio_folio_start_writeback);

/* Who ends the last part knows of all that failed: the count orders them. */
static void end_read_part(struct pb_folio *folio, size_t len, int error)
{
	struct pb_iomap_folio_state *ifs = folio_get_private(folio);
	bool failed = error;

	if (ifs) {
		if (error)
			WRITE_ONCE(ifs->read_failed, true);
		if (!atomic_sub_and_test((int)len, &ifs->read_bytes_pending))
			return;
		failed = READ_ONCE(ifs->read_failed);
	}
	folio_end_read(folio, !failed);
}

static void end_write_part(struct pb_folio *folio, size_t len, int error)
{
	struct pb_iomap_folio_state *ifs = folio_get_private(folio);

	if (error)
		folio_note_error(folio, error);
	if (!ifs || atomic_sub_and_test((int)len, &ifs->write_bytes_pending))
		folio_end_writeback(folio);
}

void physbio_bio_end_folio_reads(struct pb_bio *bio)
{
	int error = pb_blk_status_to_errno(bio->bi_status);
	struct pb_folio_iter fi;

	if (WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return;
	pb_bio_for_each_folio_all(fi, bio)
		end_read_part(fi.folio, fi.length, error);
}
EXPORT_SYMBOL_GPL(physbio_bio_end_folio_reads);

void physbio_bio_end_folio_writes(struct pb_bio *bio)
{
	int error = pb_blk_status_to_errno(bio->bi_status);
	struct pb_folio_iter fi;

	if (WARN_ON_ONCE(pb_bio_flagged(bio, PB_BIO_CLONED)))
		return;
	pb_bio_for_each_folio_all(fi, bio)
		end_write_part(fi.folio, fi.length, error);
}
EXPORT_SYMBOL_GPL(physbio_bio_end_folio_writes);
