// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * I/Os become bios, a plug full of them at a time, and go the whole way through the
 * engine: from pages through split, plug merge, request and mapping to the model
 * device and back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

const char *const trace_op_names[] = {
	[TRACE_READ] = "read",	  [TRACE_WRITE] = "write",
	[TRACE_DISCARD] = "trim", [TRACE_FLUSH] = "sync",
	[TRACE_NONE] = "nothing",
};

struct bio_owner {
	struct replay *r;
	struct io *io;
};

static void replay_endio(struct pb_bio *bio)
{
	struct bio_owner *owner = bio->bi_private;
	struct replay *r = owner->r;
	int err = pb_blk_status_to_errno(bio->bi_status);

	if (err && !owner->io->err)
		owner->io->err = err;
	r->repr->bio_release_pages(bio, !pb_op_is_write(bio->bi_opf));
	r->repr->bio_put(bio);
	free(owner);
}

static struct pb_bio *new_bio(struct replay *r, struct io *io, pb_blk_opf_t opf,
			      uint64_t offset, unsigned short nr_vecs)
{
	struct bio_owner *owner = malloc(sizeof(*owner));
	struct pb_bio *bio =
		r->repr->bio_alloc_bioset(physbio_memdev_bdev(r->disk), nr_vecs,
					  opf, PB_GFP_KERNEL, &r->bs);

	if (!owner || !bio) {
		complain("no memory");
		exit(1);
	}
	owner->r = r;
	owner->io = io;
	bio->bi_private = owner;
	bio->bi_end_io = replay_endio;
	bio->bi_iter.bi_sector = offset / 512;
	r->totals.bios++;
	return bio;
}

/* Each representation is given what it keeps. */
static int bio_add(struct replay *r, struct pb_bio *bio, pb_phys_addr_t paddr,
		   unsigned int len)
{
	int added;

	if (r->repr == &pagecnt_physbio_repr)
		added = r->repr->bio_add_page(bio,
					      physbio_mem_page(r->mem, paddr),
					      len, pb_offset_in_page(paddr));
	else
		added = r->repr->bio_add_phys(bio, paddr, len);
	if (added && physbio_mem_pin(r->mem, paddr, len)) {
		complain("a page can't be pinned");
		exit(1);
	}
	return added;
}

static void submit_full(struct replay *r, struct pb_bio *bio)
{
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	r->totals.segments_before += bio->bi_vcnt;
	r->repr->submit_bio(bio);
}

/* A bio that is full is sent, and another one goes on. */
static void submit_data(struct replay *r, struct io *io)
{
	pb_blk_opf_t op = io->op == TRACE_READ ? PB_REQ_OP_READ :
						 PB_REQ_OP_WRITE;
	struct pb_bio *bio = new_bio(r, io, op, io->offset, PB_BIO_MAX_VECS);
	const struct piece *piece = &r->pieces[io->first_piece];
	uint64_t done = 0;
	uint32_t in_piece = 0;

	while (done < io->len) {
		pb_phys_addr_t paddr;
		size_t run = physbio_buffer_run(r->pool, piece->at + in_piece,
						piece->len - in_piece, &paddr);

		if (!bio_add(r, bio, paddr, (unsigned int)run)) {
			submit_full(r, bio);
			bio = new_bio(r, io, op, io->offset + done,
				      PB_BIO_MAX_VECS);
			continue;
		}
		done += run;
		in_piece += (uint32_t)run;
		if (in_piece == piece->len) {
			piece++;
			in_piece = 0;
		}
	}
	submit_full(r, bio);
}

static void submit_trim(struct replay *r, struct io *io)
{
	struct pb_bio *bio = new_bio(r, io, PB_REQ_OP_DISCARD, io->offset, 0);

	bio->bi_iter.bi_size = (uint32_t)io->len;
	r->repr->submit_bio(bio);
}

static void submit_flush(struct replay *r, struct io *io)
{
	r->repr->submit_bio(
		new_bio(r, io, PB_REQ_OP_WRITE | PB_REQ_PREFLUSH, 0, 0));
}

static void end_io(struct replay *r, const struct io *io)
{
	if (io->err) {
		complain("%s: I/O %" PRIu64 " (line %u, %s at %" PRIu64
			 ") failed: %s",
			 r->repr->name, io->number, io->line,
			 trace_op_names[io->op], io->offset,
			 strerror(-io->err));
		r->wrong = true;
	} else if (io->op == TRACE_READ) {
		compare_read(r, io);
	}
}

/* Everything in the plug goes to the device, and what it read is compared. */
void flush_batch(struct replay *r)
{
	unsigned int i;

	r->repr->blk_finish_plug(&r->plug);
	for (i = 0; i < r->nr_batch; i++)
		end_io(r, &r->batch[i]);
	r->nr_batch = 0;
	r->nr_batches++;
	r->nr_pieces = 0;
	r->pool_used = 0;
	r->repr->blk_start_plug(&r->plug);
}

/*
 * A trace may not say what ran at the same time: what depends must not. Each sector has
 * the number of the batch that it was in last, and whether that wrote it.
 */
static bool must_wait(const struct replay *r, const struct io *io)
{
	const uint32_t batch = r->nr_batches << 1;
	uint64_t sector = io->offset / 512, end = sector + io->len / 512;

	for (; sector < end; sector++)
		if (r->touched[sector] == (batch | 1) ||
		    (r->touched[sector] == batch && io->op != TRACE_READ))
			return true;
	return false;
}

static void touch(struct replay *r, const struct io *io)
{
	uint64_t sector = io->offset / 512, end = sector + io->len / 512;

	for (; sector < end; sector++)
		r->touched[sector] = r->nr_batches << 1 |
				     (io->op != TRACE_READ);
}

static void count_io(struct totals *t, const struct io *io)
{
	t->ios++;
	if (io->op == TRACE_READ)
		t->bytes_read += io->len;
	else if (io->op == TRACE_WRITE)
		t->bytes_written += io->len;
	else if (io->op == TRACE_DISCARD)
		t->trims++;
	else
		t->flushes++;
}

static void send(struct replay *r, struct io *io)
{
	switch (io->op) {
	case TRACE_WRITE:
		fill_write(r, io);
		submit_data(r, io);
		break;
	case TRACE_READ:
		poison_read(r, io);
		submit_data(r, io);
		break;
	case TRACE_DISCARD:
		forget(r, io);
		submit_trim(r, io);
		break;
	default:
		submit_flush(r, io);
	}
}

/* Return: how much of the I/O was sent. */
static uint64_t replay_part(struct replay *r, struct io part,
			    const struct trace_event *e, uint64_t skip)
{
	bool wait = must_wait(r, &part);
	uint64_t len;

	r->totals.overlaps += wait;
	if (wait || r->nr_batch == r->opt->plug)
		flush_batch(r);
	len = layout_io(r, &part, part.len, e, skip);
	if (!len && part.len) {
		flush_batch(r);
		len = layout_io(r, &part, part.len, e, skip);
	}
	if (!len && part.len) {
		complain("%s:%u: has more vectors than there is memory for",
			 r->opt->path, part.line);
		exit(1);
	}
	part.len = len;
	touch(r, &part);
	r->batch[r->nr_batch] = part;
	send(r, &r->batch[r->nr_batch++]);
	return len;
}

void replay_skip(struct replay *r, const struct trace_event *e)
{
	struct totals *t = &r->totals;
	unsigned int i;

	for (i = 0; i < MAX_NAMES; i++) {
		if (t->names[i] && strcmp(t->names[i], e->name))
			continue;
		t->names[i] = e->name;
		t->skipped[i]++;
		return;
	}
}

void replay_event(struct replay *r, const struct trace_event *e,
		  uint64_t number)
{
	struct io io = {
		.number = number,
		.line = e->line,
		.op = e->len ? e->op : TRACE_FLUSH,
		.offset = r->log.base[e->file] + e->offset,
		.len = e->len,
	};
	uint64_t sent, skip = 0;

	count_io(&r->totals, &io);
	do {
		sent = replay_part(r, io, e, skip);
		skip += sent;
		io.offset += sent;
		io.len -= sent;
	} while (io.len);
}
