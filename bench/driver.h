/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a benchmark has of a driver, whatever the representation: a queue, and pages for PRP and
 * SGL lists. What is timed doesn't come from here.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <physbio/nvme.h>

#include "../src/repr/ops.h"
#include "harness.h"

/*
 * A queue of a build, or the process ends. @set: its driver; NULL: one that gets no requests,
 * as when they are carried to a device by hand.
 */
struct pb_request_queue *bench_queue(const struct bench *b,
				     const struct physbio_repr *repr,
				     struct pb_blk_mq_tag_set *set,
				     const struct pb_queue_limits *lim,
				     void *queuedata);

/* Bus addresses of list pages begin here. */
#define BENCH_LIST_BUS 0x1000000u

/* All that a command may need, at @lists. */
void bench_lists_up(const struct bench *b, struct pb_nvme_list_page *lists);
void bench_lists_down(struct pb_nvme_list_page *lists);

#endif
