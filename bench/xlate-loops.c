// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The timed loops, see xlate-loops.h. The core that they call is the one of the physical
 * representation, which is built with the same flags.
 */
/* What the inline lookup calls is of that representation too. */
#define physbio_windows_search phys_physbio_windows_search

#include "xlate-loops.h"

extern __typeof__(pb_dma_map_phys) phys_pb_dma_map_phys;
extern __typeof__(physbio_xlate_map_batch) phys_physbio_xlate_map_batch;

/* What may change while it stores is not read again and again: a bare loop is bare. */
void loop_bare(const struct xlate_loop *loop)
{
	const struct pb_phys_vec *v = loop->vecs;
	const struct pb_phys_vec *end = v + loop->nr;
	pb_dma_addr_t *addr = loop->addrs;
	uint64_t offset = loop->offset;

	for (; v < end; v++)
		*addr++ = physbio_dma_make(v->paddr + offset);
}

void loop_inline(const struct xlate_loop *loop)
{
	const struct pb_phys_vec *v = loop->vecs;
	const struct pb_phys_vec *end = v + loop->nr;
	const struct physbio_xlate *x = loop->dev->xlate;
	pb_dma_addr_t *addr = loop->addrs;

	for (; v < end; v++)
		*addr++ = physbio_windows_map(x, v->paddr, v->len);
}

void loop_ops(const struct xlate_loop *loop)
{
	const struct pb_phys_vec *v = loop->vecs;
	const struct pb_phys_vec *end = v + loop->nr;
	const struct pb_device *dev = loop->dev;
	const struct physbio_xlate_ops *ops = dev->xlate->ops;
	pb_dma_addr_t *addr = loop->addrs;

	for (; v < end; v++)
		*addr++ = ops->map_phys(dev, v->paddr, v->len, PB_DMA_TO_DEVICE,
					0);
}

void loop_call(const struct xlate_loop *loop)
{
	const struct pb_phys_vec *v = loop->vecs;
	const struct pb_phys_vec *end = v + loop->nr;
	const struct pb_device *dev = loop->dev;
	pb_dma_addr_t *addr = loop->addrs;

	for (; v < end; v++)
		*addr++ = phys_pb_dma_map_phys(dev, v->paddr, v->len,
					       PB_DMA_TO_DEVICE, 0);
}

void loop_batch(const struct xlate_loop *loop)
{
	uint32_t i;

	for (i = 0; i < loop->nr; i += BATCH)
		phys_physbio_xlate_map_batch(loop->dev, loop->vecs + i, BATCH,
					     PB_DMA_TO_DEVICE, 0,
					     loop->addrs + i);
}

static pb_dma_addr_t binary_map_phys(const struct pb_device *dev,
				     pb_phys_addr_t phys, uint64_t size,
				     enum pb_dma_data_direction dir,
				     unsigned long attrs)
{
	const struct binary_table *t = dev->xlate->priv;
	const struct physbio_window *w = t->windows;
	uint32_t n = t->nr, half;
	uint64_t at;

	for (; n > 1; n -= half) {
		half = n / 2;
		if (w[half].start <= phys)
			w += half;
	}
	at = phys - w->start;
	if (at >= w->size || size > w->size - at)
		return PB_DMA_MAPPING_ERROR;
	return physbio_dma_make(w->bus + at);
}

const struct physbio_xlate_ops binary_ops = {
	.name = "binary search",
	.map_phys = binary_map_phys,
};
