// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A request as a table of pages, and that table with bus addresses. Ranges come from
 * dma.c's iterator; here they become pages again.
 */
#include "platform.h"

#include <physbio/integrity.h>
#include <physbio/scatterlist.h>

#include "queue.h"

static int map_iter_to_sg(struct pb_request *rq, struct pb_blk_map_iter *iter,
			  struct pb_scatterlist *sglist)
{
	struct pb_phys_vec vec;
	int n = 0;

	while (pb_blk_map_iter_next(rq, iter, &vec)) {
		struct pb_scatterlist *sg = &sglist[n++];

		sg->page = pb_phys_to_page(vec.paddr);
		sg->offset = pb_offset_in_page(vec.paddr);
		sg->length = vec.len;
		sg->sg_flags = 0;
	}
	if (n)
		sglist[n - 1].sg_flags = PB_SG_END;
	return n;
}

int pb_blk_rq_map_sg(struct pb_request *rq, struct pb_scatterlist *sglist)
{
	struct pb_blk_map_iter iter;

	pb_blk_map_iter_init(rq, &iter);
	return map_iter_to_sg(rq, &iter, sglist);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_map_sg);

int pb_blk_rq_map_integrity_sg(struct pb_request *rq,
			       struct pb_scatterlist *sglist)
{
	struct pb_blk_map_iter iter;

	pb_blk_integrity_map_iter_init(rq, &iter);
	return map_iter_to_sg(rq, &iter, sglist);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_map_integrity_sg);

static pb_phys_addr_t sg_phys(const struct pb_scatterlist *sg)
{
	return pb_page_to_phys(sg->page) + sg->offset;
}

/* A peer's own address: its length too is the entry's, not the table's. */
static int sg_map_peer(struct pb_scatterlist *sg,
		       const struct physbio_region *region)
{
	sg->dma_address = pb_pci_p2pdma_bus_addr_map(region, sg_phys(sg));
	sg->dma_length = sg->length;
	sg->sg_flags |= PB_SG_DMA_BUS_ADDRESS;
	return 0;
}

static int sg_map_own(struct pb_scatterlist *sg,
		      const struct physbio_region *region)
{
	sg->dma_address = physbio_own_bar_map(region, sg_phys(sg), sg->length);
	if (sg->dma_address == PB_DMA_MAPPING_ERROR)
		return -EIO;
	sg->dma_length = sg->length;
	sg->sg_flags |= PB_SG_DMA_BUS_ADDRESS | PHYSBIO_SG_DMA_OWN_BAR;
	return 0;
}

static int sg_map_phys(const struct pb_device *dev, struct pb_scatterlist *sg,
		       enum pb_dma_data_direction dir, unsigned long attrs)
{
	sg->dma_address =
		pb_dma_map_phys(dev, sg_phys(sg), sg->length, dir, attrs);
	if (pb_dma_mapping_error(dev, sg->dma_address))
		return -EIO;
	sg->dma_length = sg->length;
	sg->sg_flags &= ~(PB_SG_DMA_BUS_ADDRESS | PHYSBIO_SG_DMA_OWN_BAR);
	return 0;
}

static int sg_map(const struct pb_device *dev, struct pb_scatterlist *sg,
		  enum pb_dma_data_direction dir, unsigned long attrs)
{
	const struct physbio_region *region = pb_page_region(sg->page);

	switch (physbio_p2p_state(dev, region)) {
	case PB_PCI_P2PDMA_MAP_NONE:
		return sg_map_phys(dev, sg, dir, attrs);
	case PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return sg_map_phys(dev, sg, dir, attrs | PB_DMA_ATTR_MMIO);
	case PHYSBIO_P2PDMA_MAP_BOUNCE:
		return sg_map_phys(dev, sg, dir,
				   attrs | PHYSBIO_DMA_ATTR_BOUNCE);
	case PB_PCI_P2PDMA_MAP_BUS_ADDR:
		return sg_map_peer(sg, region);
	case PHYSBIO_P2PDMA_MAP_OWN_BAR:
		return sg_map_own(sg, region);
	default:
		return -EREMOTEIO;
	}
}

static void sg_unmap(const struct pb_device *dev, struct pb_scatterlist *sg,
		     enum pb_dma_data_direction dir, unsigned long attrs)
{
	if (sg->sg_flags & PB_SG_DMA_BUS_ADDRESS)
		return;
	if (pb_page_region(sg->page))
		attrs |= PB_DMA_ATTR_MMIO;
	pb_dma_unmap_phys(dev, sg->dma_address, sg->dma_length, dir, attrs);
}

void pb_dma_unmap_sgtable(const struct pb_device *dev, struct pb_sg_table *sgt,
			  enum pb_dma_data_direction dir, unsigned long attrs)
{
	unsigned int i;

	for (i = 0; i < sgt->nents; i++)
		sg_unmap(dev, &sgt->sgl[i], dir, attrs);
	sgt->nents = 0;
}
EXPORT_SYMBOL_GPL(pb_dma_unmap_sgtable);

int pb_dma_map_sgtable(const struct pb_device *dev, struct pb_sg_table *sgt,
		       enum pb_dma_data_direction dir, unsigned long attrs)
{
	int err;

	for (sgt->nents = 0; sgt->nents < sgt->orig_nents; sgt->nents++) {
		err = sg_map(dev, &sgt->sgl[sgt->nents], dir, attrs);
		if (err) {
			pb_dma_unmap_sgtable(dev, sgt, dir, attrs);
			return err;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pb_dma_map_sgtable);
