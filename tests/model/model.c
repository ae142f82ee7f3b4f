// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model.h"

#include <errno.h>
#include <string.h>

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Number of the lowest bit that is set, from 1. */
static uint32_t lowest_bit(uint64_t bits)
{
	uint32_t n;

	for (n = 1; n <= 64; n++)
		if (bits & (UINT64_C(1) << (n - 1)))
			return n;
	return 0;
}

/* Of 0 and another it is the other. */
static uint32_t lower_bit(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a + b;
	return least(a, b);
}

static uint64_t end_of(const struct model_range *r)
{
	return r->addr + r->len;
}

/* Is byte @addr the first of a window of the segment boundary? */
static bool window_begins(const struct model_limits *lim, uint64_t addr)
{
	return !(addr & lim->seg_boundary);
}

static bool same_window(const struct model_limits *lim, uint64_t first,
			uint64_t last)
{
	return (first | lim->seg_boundary) == (last | lim->seg_boundary);
}

/* --- splitting --- */

/*
 * How many sectors may be in front: up to the limit and the next chunk, and then so
 * many that what follows begins with a physical block, if that is possible.
 */
static uint32_t most_sectors(const struct model_bio *bio,
			     const struct model_limits *lim)
{
	uint32_t most = lim->max_sectors, n;

	for (n = 1; lim->chunk_sectors && n < most; n++)
		if ((bio->sector + n) % lim->chunk_sectors == 0)
			most = n;
	for (n = most; n; n--)
		if ((bio->sector + n) % (lim->physical_block / 512) == 0)
			return n;
	return most - most % (lim->logical_block / 512);
}

/* The range that byte @at of a bio is in, and where in it. */
static unsigned int range_at(const struct model_bio *bio, uint32_t at,
			     uint32_t *in)
{
	unsigned int i;

	for (i = 0; at >= bio->ranges[i].len; i++)
		at -= bio->ranges[i].len;
	*in = at;
	return i;
}

/*
 * What needs no second look: all of it is in one range, and that range, with what of it
 * is done already, lies in one page and is one segment wherever it is. Nothing else is
 * asked then, not even alignment or size.
 */
static bool passes_unseen(const struct model_bio *bio,
			  const struct model_limits *lim)
{
	uint32_t in, fast = least(lim->page_size, lim->max_segment_size);
	const struct model_range *r =
		&bio->ranges[range_at(bio, bio->done, &in)];

	if (lim->seg_boundary < fast)
		fast = (uint32_t)lim->seg_boundary + 1;
	return !lim->chunk_sectors && bio->size <= r->len - in &&
	       r->addr % lim->page_size + r->len <= fast;
}

/* How far a walk over the bytes has come. */
struct walk {
	uint32_t bytes;
	uint32_t nsegs;
	uint32_t in_segment; /* bytes of the current segment */
	uint64_t gaps;
};

enum step {
	STEP_ON,
	STEP_CUT,
	STEP_MISALIGNED
};

/* The first byte of a range: @prev is the one before, or NULL. */
static enum step enter_range(struct walk *w, const struct model_limits *lim,
			     const struct model_range *prev,
			     const struct model_range *r)
{
	if ((r->addr | r->len) & lim->dma_alignment)
		return STEP_MISALIGNED;
	if (!prev)
		return STEP_ON;
	if ((r->addr | end_of(prev)) & lim->virt_boundary)
		return STEP_CUT;
	/* Also if what follows is cut off just here. */
	w->gaps |= r->addr | end_of(prev);
	return STEP_ON;
}

/* One step of bytes at @addr. @first: of its range. */
static enum step take_step(struct walk *w, const struct model_limits *lim,
			   uint64_t addr, bool first, uint32_t most)
{
	bool begins = first || w->in_segment == lim->max_segment_size ||
		      window_begins(lim, addr);

	/* Inside of a range a segment may end at the virt boundary alone. */
	if (begins && !first && (addr & lim->virt_boundary))
		return STEP_CUT;
	if (w->bytes == most || (begins && w->nsegs == lim->max_segments))
		return STEP_CUT;
	if (begins) {
		w->nsegs++;
		w->in_segment = 0;
	}
	w->bytes += lim->step;
	w->in_segment += lim->step;
	return STEP_ON;
}

/* What is left of the range that byte @at is in. */
static struct model_range rest_at(const struct model_bio *bio, uint32_t at)
{
	uint32_t in;
	unsigned int i = range_at(bio, bio->done + at, &in);
	struct model_range r = { bio->ranges[i].addr + in,
				 least(bio->ranges[i].len - in,
				       bio->size - at) };

	return r;
}

static enum step walk(struct walk *w, const struct model_bio *bio,
		      const struct model_limits *lim)
{
	uint32_t most = most_sectors(bio, lim) * 512, in, at;
	struct model_range r = { 0, 0 }, prev;
	enum step step = STEP_ON;

	for (at = 0, in = 0; at < bio->size; at += lim->step) {
		bool first = !at || in == r.len;

		if (first) {
			prev = r;
			r = rest_at(bio, at);
			in = 0;
			step = enter_range(w, lim, at ? &prev : NULL, &r);
		}
		if (step == STEP_ON)
			step = take_step(w, lim, r.addr + in, first, most);
		if (step != STEP_ON)
			return step;
		in += lim->step;
	}
	return STEP_ON;
}

struct model_fragment model_split(struct model_bio *bio,
				  const struct model_limits *lim)
{
	struct model_fragment f = { 0 };
	struct walk w = { 0 };
	enum step step = STEP_ON;

	if (passes_unseen(bio, lim))
		w.nsegs = 1;
	else
		step = walk(&w, bio, lim);
	f.whole = step == STEP_ON;
	f.bytes = f.whole ? bio->size : w.bytes - w.bytes % lim->logical_block;
	f.nsegs = w.nsegs;
	f.gap_bit = lowest_bit(w.gaps);
	if (step == STEP_MISALIGNED)
		f.err = -EINVAL;
	else if (!f.whole && bio->atomic)
		f.err = -EINVAL;
	else if (!f.whole && bio->nowait)
		f.err = -EAGAIN;
	else if (!f.bytes)
		f.err = -EINVAL;
	if (f.err)
		return f;
	bio->done += f.bytes;
	bio->size -= f.bytes;
	bio->sector += f.bytes / 512;
	return f;
}

/* --- merging --- */

static void rq_add(struct model_rq *rq, const struct model_range *ranges,
		   unsigned int nr)
{
	memcpy(&rq->ranges[rq->nr], ranges, nr * sizeof(ranges[0]));
	rq->nr += nr;
}

/* The ranges of what is left of a bio. Returns how many. */
static unsigned int ranges_left(const struct model_bio *bio,
				struct model_range *ranges)
{
	unsigned int nr = 0;
	uint32_t at;

	for (at = 0; at < bio->size; at += ranges[nr++].len)
		ranges[nr] = rest_at(bio, at);
	return nr;
}

void model_rq_of(struct model_rq *rq, const struct model_bio *bio,
		 const struct model_fragment *f)
{
	rq->sector = bio->sector;
	rq->bytes = f->bytes;
	rq->nsegs = f->nsegs;
	rq->gap_bit = f->gap_bit;
	rq->nomerge = false;
	rq->nr = ranges_left(bio, rq->ranges);
}

/* May two ranges be one segment, whatever its size? */
static bool joins(const struct model_limits *lim, const struct model_range *a,
		  const struct model_range *b)
{
	return end_of(a) == b->addr && same_window(lim, a->addr, end_of(b) - 1);
}

/* The device sees a gap, or the very first range does not begin at the boundary. */
static bool gap_between(const struct model_limits *lim,
			const struct model_range *first,
			const struct model_range *prev,
			const struct model_range *next)
{
	if (first->addr & lim->virt_boundary)
		return true;
	return !joins(lim, prev, next) &&
	       ((end_of(prev) | next->addr) & lim->virt_boundary);
}

/* Sectors from @sector on that may be one request. */
static uint32_t most_from(const struct model_limits *lim, uint64_t sector)
{
	uint32_t most = lim->max_sectors, n;

	for (n = 1; lim->chunk_sectors && n < most; n++)
		if ((sector + n) % lim->chunk_sectors == 0)
			return n;
	return most;
}

enum model_merge model_merge(struct model_rq *rq, const struct model_bio *bio,
			     const struct model_fragment *f,
			     const struct model_limits *lim)
{
	struct model_range left[MODEL_RANGES];
	unsigned int nr = ranges_left(bio, left);
	bool back = rq->sector + rq->bytes / 512 == bio->sector;
	const struct model_range *first = back ? rq->ranges : left;
	const struct model_range *prev = back ? &rq->ranges[rq->nr - 1] :
						&left[nr - 1];
	const struct model_range *next = back ? left : rq->ranges;
	struct model_rq other;

	if (rq->nomerge ||
	    (!back && bio->sector + f->bytes / 512 != rq->sector))
		return MODEL_APART;
	if (gap_between(lim, first, prev, next))
		return MODEL_FAILED;
	if ((rq->bytes + f->bytes) / 512 >
		    most_from(lim, back ? rq->sector : bio->sector) ||
	    rq->nsegs + f->nsegs > lim->max_segments) {
		rq->nomerge = true;
		return MODEL_FAILED;
	}
	rq->gap_bit = lower_bit(rq->gap_bit, f->gap_bit);
	if (!joins(lim, prev, next))
		rq->gap_bit = lower_bit(rq->gap_bit,
					lowest_bit(end_of(prev) | next->addr));
	rq->bytes += f->bytes;
	rq->nsegs += f->nsegs;
	if (back) {
		rq_add(rq, left, nr);
		return MODEL_BACK;
	}
	other = *rq;
	rq->nr = 0;
	rq_add(rq, left, nr);
	rq_add(rq, other.ranges, other.nr);
	rq->sector = bio->sector;
	return MODEL_FRONT;
}

/* --- mapping --- */

unsigned int model_map(const struct model_rq *rq,
		       const struct model_limits *lim, struct model_range *out,
		       unsigned int max)
{
	struct model_range *now = NULL;
	unsigned int i, n = 0;
	uint32_t at;

	for (i = 0; i < rq->nr; i++) {
		const struct model_range *r = &rq->ranges[i];

		/* All of it continues the range before, or none of it. */
		if (now && joins(lim, now, r) &&
		    (uint64_t)now->len + r->len <= lim->max_segment_size) {
			now->len += r->len;
			continue;
		}
		for (at = 0; at < r->len; at += lim->step) {
			if (!at || now->len == lim->max_segment_size ||
			    window_begins(lim, r->addr + at)) {
				if (n == max)
					return n + 1;
				now = &out[n++];
				now->addr = r->addr + at;
				now->len = 0;
			}
			now->len += lim->step;
		}
	}
	return n;
}
