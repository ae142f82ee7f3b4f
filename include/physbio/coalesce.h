/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A whole array of vectors becomes segments at once: those that dma.h's iterator makes,
 * one by one, of a request with that table. For whoever has an array and no request;
 * whose memory it is nobody asks here.
 */
#ifndef PHYSBIO_COALESCE_H
#define PHYSBIO_COALESCE_H

#include <physbio/bio.h>
#include <physbio/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How far an array is done; all zero: not begun. */
struct physbio_coalesce_pos {
	uint32_t idx; /* the vector that comes next */
	uint32_t done; /* bytes of it that are in segments already */
};

/**
 * physbio_coalesce() - the segments of an array of vectors
 * @lim: validated limits: seg_boundary_mask and max_segment_size
 * @table: vectors, all of RAM or all of one region; an empty one is passed over
 * @nr: how many
 * @pos: where to begin, moved behind what is in @segs; idx is @nr at the end
 * @segs: filled: physical addresses (in the dma representation as @table has them), bytes
 * @max: segments that there is room for, or that a request may have
 *
 * Vectors that touch are one segment where the limits bear all of them; a vector that is
 * larger than a segment may be is several. To be called again for what is left, if @segs
 * was too small. virt_boundary_mask and max_segments are not looked at: what of a table may
 * be in one request split.h has said before.
 *
 * Context: any. Return: how many segments, INT_MAX at most; those behind them may have been
 * written, too. -EINVAL and nothing written, if max_segment_size is 0, the bits of
 * seg_boundary_mask do not begin with the lowest or are not in a row, or @pos is not
 * within the array. Source: none; blk_map_iter_next() in a loop
 */
PB_API int physbio_coalesce(const struct pb_queue_limits *lim,
			    const struct pb_bio_vec *table, uint32_t nr,
			    struct physbio_coalesce_pos *pos,
			    struct pb_phys_vec *segs, uint32_t max);

typedef int physbio_coalesce_fn(const struct pb_queue_limits *lim,
				const struct pb_bio_vec *table, uint32_t nr,
				struct physbio_coalesce_pos *pos,
				struct pb_phys_vec *segs, uint32_t max);

/**
 * physbio_coalesce_by() - the same by a vector unit
 * @simd: which; PHYSBIO_SIMD_NONE is physbio_coalesce()
 *
 * All of them have the same results and errors. Fewer than 8 vectors, or 16 by AVX-512, are
 * walked one by one, which is faster then; so is what is left of an array where a vector
 * is in segments in part.
 *
 * Userspace only. Context: any. Return: a function to call, or NULL if this CPU or this
 * build does not have it.
 */
PB_API physbio_coalesce_fn *physbio_coalesce_by(enum physbio_simd simd);

#ifdef __cplusplus
}
#endif

#endif
