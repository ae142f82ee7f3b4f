/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cutting a bio to what its queue can take, and counting the segments of what
 * goes through. Where the limits come from is limits.h's business.
 */
#ifndef PHYSBIO_SPLIT_H
#define PHYSBIO_SPLIT_H

#include <physbio/bio.h>
#include <physbio/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * pb_bio_may_need_split() - is the splitter to look at this read or write?
 * @bio: bio with data or without
 * @lim: validated limits
 *
 * Context: any. Return: false if one look says that it is one segment and fits.
 * Source: bio_may_need_split()
 */
PB_API bool pb_bio_may_need_split(const struct pb_bio *bio,
				  const struct pb_queue_limits *lim);

/**
 * pb_bio_split_io_at() - where a bio must be cut, and how many segments come before
 * @bio: bio with vectors; its gap bit is set
 * @lim: validated limits
 * @segs: number of segments up to the cut; an upper bound on DMA segments
 * @max_bytes: bytes that may pass before the cut
 * @len_align_mask: bits that no vector's length may have, beside its address
 *
 * Context: any. Return: sectors of 512 bytes of the front part, 0 if nothing is to
 * be cut, -EINVAL if a vector is misaligned, the bio is atomic or nothing would
 * be left in front, -EAGAIN if the bio is NOWAIT. Source: bio_split_io_at()
 */
PB_API int pb_bio_split_io_at(struct pb_bio *bio,
			      const struct pb_queue_limits *lim, unsigned *segs,
			      unsigned max_bytes, unsigned len_align_mask);

/**
 * pb_get_max_io_size() - the longest I/O that may start where a bio does
 * @bio: bio, of which operation and start count
 * @lim: validated limits
 *
 * Context: any. Return: sectors of 512 bytes. Source: get_max_io_size()
 */
PB_API unsigned pb_get_max_io_size(const struct pb_bio *bio,
				   const struct pb_queue_limits *lim);

/**
 * __pb_bio_split_to_limits() - cut off what fits
 * @bio: bio to submit
 * @lim: validated limits of its queue
 * @nr_segs: number of segments of what is returned
 *
 * If it does not fit, the front part is returned, chained to the rest, and the
 * rest has been submitted anew.
 *
 * Context: may sleep. Return: what to go on with; NULL if the bio has been ended
 * with an error. Source: __bio_split_to_limits()
 */
PB_API struct pb_bio *
__pb_bio_split_to_limits(struct pb_bio *bio, const struct pb_queue_limits *lim,
			 unsigned int *nr_segs);

#ifdef __cplusplus
}
#endif

#endif
