// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where buffers lie. The pool's frames are the machine's own, or one run, or apart; and
 * each I/O gets a place in the pool: the next pages, or pieces that begin, end and touch
 * each other as the vectors did that were recorded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"

const char *const layout_names[] = {
	[LAYOUT_FRAMES] = "frames",
	[LAYOUT_CONTIGUOUS] = "contiguous",
	[LAYOUT_SCATTERED] = "scattered",
	[LAYOUT_RECORDED] = "recorded",
};

/* Where RAM is on any machine. */
#define MADE_UP_BASE ((pb_phys_addr_t)1 << 30)
#define MADE_UP_SIZE ((pb_phys_addr_t)512 << 20)

/* Odd, so that it reaches each of a power of two of places once. */
#define STRIDE 2654435761u

static pb_phys_addr_t made_up_frame(enum layout layout, size_t i, size_t n)
{
	size_t place = i;

	if (layout == LAYOUT_SCATTERED)
		place = i * STRIDE % n * 2;
	return MADE_UP_BASE + (pb_phys_addr_t)place * PB_PAGE_SIZE;
}

int layout_frames(struct replay *r, struct physbio_error *error)
{
	enum layout layout = r->opt->layout;
	size_t i, n = r->pool->size / PB_PAGE_SIZE;
	int err = physbio_snapshot_take(&r->pool, 1, 1, &r->snap, error);

	if (err || layout == LAYOUT_FRAMES)
		return err;
	for (i = 0; i < n; i++)
		r->pool->frames[i] = made_up_frame(layout, i, n);
	r->snap.synthetic = true;
	r->snap.top = MADE_UP_BASE + MADE_UP_SIZE;
	snprintf(r->snap.source, sizeof(r->snap.source), "layout %s",
		 layout_names[layout]);
	return 0;
}

static bool add_piece(struct replay *r, struct io *io, size_t at, uint64_t len)
{
	if (r->nr_pieces == MAX_PIECES || at + len > r->pool->size)
		return false;
	r->pieces[r->nr_pieces++] = (struct piece){ at, (uint32_t)len };
	io->nr_pieces++;
	r->pool_used = at + len;
	return true;
}

static size_t page_up(size_t at)
{
	return (at + PB_PAGE_SIZE - 1) / PB_PAGE_SIZE * PB_PAGE_SIZE;
}

/* Whole pages, as buffers of direct I/O have. */
static uint64_t layout_pages(struct replay *r, struct io *io, uint64_t len)
{
	size_t at = page_up(r->pool_used);

	if (at >= r->pool->size)
		return 0;
	if (len > r->pool->size - at) {
		/* Longer than the pool: in parts, as from a bounded buffer. */
		if (len <= r->pool->size || at)
			return 0;
		len = r->pool->size;
	}
	if (!add_piece(r, io, at, len))
		return 0;
	r->pool_used = page_up(r->pool_used);
	return len;
}

/* Behind the one before if they touched; else a page is left between them. */
static size_t recorded_place(const struct replay *r, uint64_t paddr)
{
	size_t in_page = (size_t)(paddr % PB_PAGE_SIZE);

	if (r->pool_used && paddr == r->last_paddr)
		return r->pool_used;
	return page_up(r->pool_used) + (r->pool_used ? PB_PAGE_SIZE : 0) +
	       in_page;
}

static uint64_t layout_recorded(struct replay *r, struct io *io,
				const struct trace_event *e)
{
	const size_t used = r->pool_used;
	const unsigned int pieces = r->nr_pieces;
	unsigned int i;

	for (i = 0; i < e->nr_vecs; i++) {
		if (!add_piece(r, io, recorded_place(r, e->vecs[i].paddr),
			       e->vecs[i].len)) {
			r->pool_used = used;
			r->nr_pieces = pieces;
			io->nr_pieces = 0;
			return 0;
		}
		r->last_paddr = e->vecs[i].paddr + e->vecs[i].len;
	}
	return io->len;
}

uint64_t layout_io(struct replay *r, struct io *io, uint64_t len,
		   const struct trace_event *e, uint64_t skip)
{
	io->first_piece = r->nr_pieces;
	io->nr_pieces = 0;
	if (io->op != TRACE_READ && io->op != TRACE_WRITE)
		return len;
	if (r->opt->layout == LAYOUT_RECORDED && e->nr_vecs && !skip &&
	    !e->idx && !e->done)
		return layout_recorded(r, io, e);
	return layout_pages(r, io, len);
}
