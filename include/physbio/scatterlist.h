/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The older way from a request to its device: a table of pages first, bus addresses
 * beside them afterwards. It names pages, so that with physical vectors every entry
 * costs a lookup; dma.h's iterator has none.
 */
#ifndef PHYSBIO_SCATTERLIST_H
#define PHYSBIO_SCATTERLIST_H

#include <physbio/dma.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of sg_flags. */
#define PB_SG_END (1u << 0) /* the last entry */
#define PB_SG_DMA_BUS_ADDRESS (1u << 1) /* a peer's, nothing to unmap */
#define PHYSBIO_SG_DMA_OWN_BAR (1u << 2) /* an offset; the former is set too */

/* Source: struct scatterlist, which keeps the flags in the page's address */
struct pb_scatterlist {
	struct pb_page *page; /* of the first byte */
	uint32_t offset; /* bytes from the start of @page, less than a page */
	uint32_t length; /* bytes of memory */
	pb_dma_addr_t dma_address;
	uint32_t dma_length; /* bytes at dma_address */
	uint32_t sg_flags; /* PB_SG_* */
};

/* Source: struct sg_table */
struct pb_sg_table {
	struct pb_scatterlist *sgl; /* the caller's */
	unsigned int orig_nents; /* entries of memory */
	unsigned int nents; /* entries with a bus address, once mapped */
};

/**
 * pb_blk_rq_map_sg() - the ranges of a request as a table
 * @rq: request with data
 * @sglist: room for pb_blk_rq_nr_phys_segments() entries
 *
 * Context: any. Return: entries used; the last one is marked. 0 if there are no data, or
 * a range of a mixed request is not one's alone. Source: blk_rq_map_sg()
 */
PB_API int pb_blk_rq_map_sg(struct pb_request *rq,
			    struct pb_scatterlist *sglist);

/**
 * pb_blk_rq_map_integrity_sg() - the ranges of a request's metadata as a table
 * @rq: request with metadata
 * @sglist: room for its nr_integrity_segments entries
 *
 * Context: any. Return: entries used. Source: blk_rq_map_integrity_sg()
 */
PB_API int pb_blk_rq_map_integrity_sg(struct pb_request *rq,
				      struct pb_scatterlist *sglist);

/**
 * pb_dma_map_sgtable() - give every entry of a table its bus address
 * @dev: DMA client
 * @sgt: table; nents is set
 * @dir: which way the data go
 * @attrs: PB_DMA_ATTR_*
 *
 * Each entry keeps its own: none are joined, also where the kernel's IOMMU code would.
 * Peers may stand among them: each entry's page is asked whose memory it is.
 *
 * Context: any. Return: 0; -EREMOTEIO if the device can't reach a peer; -EIO if one
 * can't be mapped; nothing is mapped then. Source: dma_map_sgtable()
 */
PB_API int pb_dma_map_sgtable(const struct pb_device *dev,
			      struct pb_sg_table *sgt,
			      enum pb_dma_data_direction dir,
			      unsigned long attrs);

/* pb_dma_unmap_sgtable() - undo it. Source: dma_unmap_sgtable() */
PB_API void pb_dma_unmap_sgtable(const struct pb_device *dev,
				 struct pb_sg_table *sgt,
				 enum pb_dma_data_direction dir,
				 unsigned long attrs);

#ifdef __cplusplus
}
#endif

#endif
