/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The floor of describing a request: descriptors written from an array that has all of
 * them ready. Nothing in here knows of requests, and nothing looks at a clock.
 */
#ifndef BENCH_NVME_LOOPS_H
#define BENCH_NVME_LOOPS_H

#include <physbio/nvme.h>

/* What a command needs descriptors for: pages of the controller, or segments. */
struct nvme_ready {
	pb_dma_addr_t addr;
	uint32_t len; /* bytes, for an SGL */
};

typedef void nvme_bare_fn(struct pb_nvme_iod *iod, const struct nvme_ready *r,
			  uint32_t nr);

nvme_bare_fn nvme_bare_prp, nvme_bare_sgl;

#endif
