/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The end of buffered I/O, which needs the page again as direct I/O does: folios of the
 * page cache are unlocked or end their writeback when all of their bytes have come or
 * gone, in however many bios. Pins have no part in it: a folio that is locked or under
 * writeback stays.
 */
#ifndef PHYSBIO_PAGECACHE_H
#define PHYSBIO_PAGECACHE_H

#include <physbio/bio.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What of a folio's I/O has not ended yet, if it is in several parts. All private. The
 * kernel's has a bit for each block besides, so that a part of a folio can be read alone;
 * here a read is of all that is missing. Source: struct iomap_folio_state
 */
struct pb_iomap_folio_state {
	pb_atomic_t read_bytes_pending;
	pb_atomic_t write_bytes_pending;
	bool read_failed;
};

/**
 * physbio_folio_start_read() - a folio is about to be read
 * @folio: folio that is not uptodate
 * @ifs: the caller's until the folio is unlocked; NULL: it is read in one part
 * @len: bytes that will be read of it, in any number of bios
 *
 * Locks it; physbio_bio_end_folio_reads() of the last part unlocks it.
 * Context: may sleep. Source: iomap_read_folio()
 */
PB_API void physbio_folio_start_read(struct pb_folio *folio,
				     struct pb_iomap_folio_state *ifs,
				     size_t len);

/**
 * physbio_folio_start_writeback() - a folio is about to be written
 * @folio: folio, not under writeback; the caller has locked it or holds off others
 * @ifs: the caller's until writeback has ended; NULL: it is written in one part
 * @len: bytes that will be written of it, in any number of bios
 *
 * Context: any. Source: iomap_writeback_folio()
 */
PB_API void physbio_folio_start_writeback(struct pb_folio *folio,
					  struct pb_iomap_folio_state *ifs,
					  size_t len);

/**
 * physbio_bio_end_folio_reads() - a bio has read parts of folios
 * @bio: owning bio of a read, from its bi_end_io, with bi_status; not put
 *
 * Each folio whose last byte this was is uptodate, unless one of its parts failed, and
 * unlocked. One lookup for each entry, as in resolve.h.
 *
 * Context: any. Source: iomap_read_end_io(), mpage_read_end_io()
 */
PB_API void physbio_bio_end_folio_reads(struct pb_bio *bio);

/**
 * physbio_bio_end_folio_writes() - a bio has written parts of folios
 * @bio: owning bio of a write, from its bi_end_io, with bi_status; not put
 *
 * Each folio whose last byte this was ends its writeback. A failure is noted first: for
 * fsync() in the mapping; in userspace, where there is none, as PB_PG_error of the folio.
 *
 * Context: any. Source: iomap_finish_ioend(), mpage_write_end_io()
 */
PB_API void physbio_bio_end_folio_writes(struct pb_bio *bio);

#ifdef __cplusplus
}
#endif

#endif
