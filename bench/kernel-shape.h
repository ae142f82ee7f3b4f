/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two walks of a bio's and a request's vectors in the steps that the kernel takes,
 * and the kernel's older way to a scatterlist. They decide as the engine does; only how
 * they come to it is another's. For comparison.
 */
#ifndef BENCH_KERNEL_SHAPE_H
#define BENCH_KERNEL_SHAPE_H

#include <physbio/dma.h>
#include <physbio/scatterlist.h>
#include <physbio/split.h>

/* As pb_bio_split_io_at(), of a bio that needs no cut; -EREMOTEIO: it does need one. */
int shape_bio_split_io_at(struct pb_bio *bio, const struct pb_queue_limits *lim,
			  unsigned int *segs, unsigned int max_bytes,
			  unsigned int len_align_mask);

/* As pb_blk_map_iter_next(). Linux 7.x. */
bool shape_blk_map_iter_next(struct pb_request *rq,
			     struct pb_blk_map_iter *iter,
			     struct pb_phys_vec *vec);

/* As pb_blk_rq_map_sg(): over the iterator as 7.x does, and without one as 6.1 did. */
int shape_blk_rq_map_sg(struct pb_request *rq, struct pb_scatterlist *sglist);
int shape_6_1_blk_rq_map_sg(struct pb_request *rq,
			    struct pb_scatterlist *sglist);

#endif
