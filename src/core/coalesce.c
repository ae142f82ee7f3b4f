// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An array of vectors becomes segments in one walk, with no iterator between them. Decides
 * as pb_blk_map_iter_next() does, and knows no request, no bio, no device.
 */
#include "coalesce.h"

/* At a vector, or behind some bytes of it. Every address is asked for once. */
struct walk {
	const struct pb_bio_vec *bv;
	const struct pb_bio_vec *end;
	pb_bvec_addr_t addr; /* of what comes next */
	u32 done; /* bytes of *bv */
	/* limits: a segment's last byte is within one window, and at most so far on */
	u64 mask;
	u32 furthest;
};

static inline void walk_to(struct walk *w, u32 done)
{
	struct pb_bio_vec rest = pb_bvec_slice(w->bv, done, 0);

	w->addr = pb_bvec_addr(&rest);
	w->done = done;
}

/* Return: is there another one? */
static inline bool walk_next(struct walk *w)
{
	if (++w->bv == w->end)
		return false;
	w->addr = pb_bvec_addr(w->bv);
	return true;
}

/* What is longer than a segment, or empty. Return: bytes. */
static inline u32 walk_part(struct walk *w, u32 len, u32 last)
{
	if (len)
		walk_to(w, w->done + last + 1);
	else
		walk_next(w);
	return len ? last + 1 : 0;
}

/* The longest segment from here on. Return: bytes of it; 0: here was an empty vector. */
static inline u32 walk_segment(struct walk *w)
{
	const struct pb_bio_vec *first = w->bv;
	u64 at = pb_bvec_addr_bits(w->addr), end;
	u32 last = (u32)min(w->mask & ~at, (u64)w->furthest);
	u32 len = (u32)first->bv_len - w->done;
	u32 room;

	if (unlikely(len - 1 > last))
		return walk_part(w, len, last);
	room = last - (len - 1);
	end = at + len;
	w->done = 0;
	while (walk_next(w)) {
		len = (u32)w->bv->bv_len;
		if (pb_bvec_addr_bits(w->addr) == end && len <= room &&
		    pb_bvec_same_kind(first, w->bv)) {
			end += len;
			room -= len;
		} else if (likely(len)) {
			break;
		}
	}
	return (u32)(end - at);
}

int physbio_coalesce(const struct pb_queue_limits *lim,
		     const struct pb_bio_vec *table, u32 nr,
		     struct physbio_coalesce_pos *pos, struct pb_phys_vec *segs,
		     u32 max)
{
	struct walk w = { .mask = lim->seg_boundary_mask,
			  .furthest = lim->max_segment_size - 1 };
	struct pb_phys_vec *seg = segs;
	struct pb_phys_vec *last;

	if (!physbio_coalesce_ok(lim, table, nr, pos))
		return -EINVAL;
	w.bv = &table[pos->idx];
	w.end = &table[nr];
	last = &segs[min(max, (u32)INT_MAX)];
	if (w.bv != w.end)
		walk_to(&w, pos->done);
	while (seg != last && w.bv != w.end) {
		seg->paddr = w.addr;
		seg->len = walk_segment(&w);
		if (likely(seg->len))
			seg++;
	}
	pos->idx = (u32)(w.bv - table);
	pos->done = w.done;
	return (int)(seg - segs);
}
EXPORT_SYMBOL_GPL(physbio_coalesce);
