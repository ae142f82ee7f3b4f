// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See driver.h. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"

static pb_blk_status_t no_driver(struct pb_blk_mq_hw_ctx *hctx,
				 const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_IOERR;
}

struct pb_request_queue *bench_queue(const struct bench *b,
				     const struct physbio_repr *repr,
				     struct pb_blk_mq_tag_set *set,
				     const struct pb_queue_limits *lim,
				     void *queuedata)
{
	static const struct pb_blk_mq_ops ops = { .queue_rq = no_driver };
	static struct pb_blk_mq_tag_set none = { .ops = &ops,
						 .queue_depth = 1 };
	struct pb_request_queue *q =
		repr->blk_mq_alloc_queue(set ? set : &none, lim, queuedata);

	if ((uintptr_t)q >= (uintptr_t)-4095)
		bench_die(b, "no queue: %s", strerror(-(int)(intptr_t)q));
	return q;
}

void bench_lists_up(const struct bench *b, struct pb_nvme_list_page *lists)
{
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++) {
		lists[i].virt = bench_alloc(b, 1, PB_NVME_CTRL_PAGE_SIZE);
		lists[i].dma = physbio_dma_make(BENCH_LIST_BUS +
						i * PB_NVME_CTRL_PAGE_SIZE);
	}
}

void bench_lists_down(struct pb_nvme_list_page *lists)
{
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		free(lists[i].virt);
}
