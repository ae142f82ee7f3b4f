/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every walk through an array refuses, whoever walks.
 */
#ifndef PHYSBIO_CORE_COALESCE_H
#define PHYSBIO_CORE_COALESCE_H

#include "platform.h"

#include <physbio/coalesce.h>

/* A mask with holes would make segments that lie in no one window. */
static inline bool physbio_coalesce_ok(const struct pb_queue_limits *lim,
				       const struct pb_bio_vec *table, u32 nr,
				       const struct physbio_coalesce_pos *pos)
{
	u64 mask = lim->seg_boundary_mask;

	if (!lim->max_segment_size || !mask || (mask & (mask + 1)))
		return false;
	if (!pos->done)
		return pos->idx <= nr;
	return pos->idx < nr && pos->done < table[pos->idx].bv_len;
}

#endif
