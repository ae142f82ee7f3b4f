// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A request as a table of pages, and that table with bus addresses. Ranges come from
 * dma.c's iterator; here they become pages again.
 */
#include "platform.h"

#include <physbio/integrity.h>
#include <physbio/scatterlist.h>

#include "queue.h"

/* Is a range of a mixed request in one region, or all RAM? */
static bool is_ones(const struct pb_blk_map_iter *iter,
		    const struct pb_phys_vec *vec)
{
	const struct physbio_region *region;

	return likely(!iter->regions) ||
	       physbio_region_lookup(iter->regions, vec->paddr, vec->len,
				     &region);
}

/* Ranges that are taken at once. */
#define MAP_BATCH 16

static int map_iter_to_sg(struct pb_request *rq, struct pb_blk_map_iter *iter,
			  struct pb_scatterlist *sglist)
{
	struct pb_phys_vec vec[MAP_BATCH] __uninitialized;
	struct pb_scatterlist *sg = sglist;
	unsigned int i, n;

	while ((n = pb_blk_map_iter_fill(rq, iter, vec, MAP_BATCH)))
		for (i = 0; i < n; i++, sg++) {
			if (!is_ones(iter, &vec[i]))
				return 0;
			sg->page = pb_phys_to_page(vec[i].paddr);
			sg->offset = pb_offset_in_page(vec[i].paddr);
			sg->length = vec[i].len;
			sg->sg_flags = 0;
		}
	if (sg == sglist)
		return 0;
	sg[-1].sg_flags = PB_SG_END;
	return (int)(sg - sglist);
}

int pb_blk_rq_map_sg(struct pb_request *rq, struct pb_scatterlist *sglist)
{
	struct pb_blk_map_iter iter __uninitialized;

	pb_blk_map_iter_init(rq, &iter);
	return map_iter_to_sg(rq, &iter, sglist);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_map_sg);

int pb_blk_rq_map_integrity_sg(struct pb_request *rq,
			       struct pb_scatterlist *sglist)
{
	struct pb_blk_map_iter iter __uninitialized;

	pb_blk_integrity_map_iter_init(rq, &iter);
	return map_iter_to_sg(rq, &iter, sglist);
}
EXPORT_SYMBOL_GPL(pb_blk_rq_map_integrity_sg);

static pb_phys_addr_t sg_phys(const struct pb_scatterlist *sg)
{
	return pb_page_to_phys(sg->page) + sg->offset;
}

/* A peer's own address: its length too is the entry's, not the table's. */
static void sg_set_bus_address(struct pb_scatterlist *sg, pb_dma_addr_t addr,
			       u32 flags)
{
	sg->dma_address = addr;
	sg->dma_length = sg->length;
	sg->sg_flags |= PB_SG_DMA_BUS_ADDRESS | flags;
}

static int sg_map_own(struct pb_scatterlist *sg,
		      const struct physbio_region *region)
{
	pb_dma_addr_t addr =
		physbio_own_bar_map(region, sg_phys(sg), sg->length);

	if (addr == PB_DMA_MAPPING_ERROR)
		return -EIO;
	sg_set_bus_address(sg, addr, PHYSBIO_SG_DMA_OWN_BAR);
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
	return 0;
}

static int sg_map(const struct pb_device *dev, struct pb_scatterlist *sg,
		  enum pb_dma_data_direction dir, unsigned long attrs)
{
	const struct physbio_region *region = pb_page_region(sg->page);
	enum pb_pci_p2pdma_map_type map = physbio_p2p_state(dev, region);

	/* It may have been another device's. */
	sg->sg_flags &= PB_SG_END;
	switch (map) {
	case PB_PCI_P2PDMA_MAP_NOT_SUPPORTED:
		return -EREMOTEIO;
	case PB_PCI_P2PDMA_MAP_BUS_ADDR:
		sg_set_bus_address(
			sg, pb_pci_p2pdma_bus_addr_map(region, sg_phys(sg)), 0);
		return 0;
	case PHYSBIO_P2PDMA_MAP_OWN_BAR:
		return sg_map_own(sg, region);
	default:
		return sg_map_phys(dev, sg, dir,
				   attrs | physbio_p2p_attrs(map));
	}
}

static void sg_unmap(const struct pb_device *dev, struct pb_scatterlist *sg,
		     enum pb_dma_data_direction dir, unsigned long attrs)
{
	if (sg->sg_flags & PB_SG_DMA_BUS_ADDRESS)
		return;
	attrs |= physbio_p2p_attrs(
		physbio_p2p_state(dev, pb_page_region(sg->page)));
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
