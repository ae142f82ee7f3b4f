/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inside of the translator by windows, for those who go through the ranges of a
 * batch faster than portable code: which windows a batch is in, what is an error and
 * what is remembered is decided in windows.c for all of them, and who they are it
 * does not know.
 */
#ifndef PHYSBIO_CORE_WINDOWS_H
#define PHYSBIO_CORE_WINDOWS_H

#include "platform.h"

#include <physbio/bio.h>
#include <physbio/xlate.h>

extern const struct physbio_xlate_ops physbio_windows_ops;

/* Its map_phys(). */
pb_dma_addr_t physbio_windows_map_phys(const struct pb_device *dev,
				       pb_phys_addr_t phys, u64 size,
				       enum pb_dma_data_direction dir,
				       unsigned long attrs);

/* The part of a window that the device reaches. */
struct reach {
	pb_phys_addr_t start;
	u64 size;
	u64 offset; /* added to an address in it: bus */
};

#define NR_REACHES 4u

/*
 * Windows by member and ascending, so that the one that an address can be in is found
 * without a branch. There may be fewer: then some are the same.
 */
struct reach_table {
	pb_phys_addr_t start[NR_REACHES];
	u64 size[NR_REACHES];
	u64 offset[NR_REACHES];
};

/*
 * Ways through the ranges: the bus addresses of those in front that are in one window, or
 * in the windows of a table. What they write behind these, up to @nr, is not looked
 * at. Return: how many; by one window it may be fewer than there are.
 */
struct batch_loops {
	u32 (*reach_map)(const struct reach *r, const struct pb_phys_vec *vecs,
			 u32 nr, pb_dma_addr_t *addrs);
	u32 (*table_map)(const struct reach_table *table,
			 const struct pb_phys_vec *vecs, u32 nr,
			 pb_dma_addr_t *addrs);
};

/* The portable one of a table. */
u32 physbio_table_map(const struct reach_table *table,
		      const struct pb_phys_vec *vecs, u32 nr,
		      pb_dma_addr_t *addrs);

/* As map_batch() of the ops. */
int physbio_windows_map_batch_by(const struct pb_device *dev,
				 const struct pb_phys_vec *vecs, u32 nr,
				 pb_dma_addr_t *addrs,
				 const struct batch_loops *loops);

#endif
