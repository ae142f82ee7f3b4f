/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a request to the ranges that its device can use: vectors that touch become
 * one range, within the segment limits, and each is mapped for the device. Which
 * translation a device needs is its translator's decision.
 */
#ifndef PHYSBIO_DMA_H
#define PHYSBIO_DMA_H

#include <physbio/request.h>
#include <physbio/xlate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which way a request's data go. Source: rq_dma_dir() */
static inline enum pb_dma_data_direction
pb_rq_dma_dir(const struct pb_request *rq)
{
	return pb_op_is_write(rq->cmd_flags) ? PB_DMA_TO_DEVICE :
					       PB_DMA_FROM_DEVICE;
}

/* The attrs to map and unmap memory with, by the way that it is reached. */
static inline unsigned long physbio_p2p_attrs(enum pb_pci_p2pdma_map_type map)
{
	switch (map) {
	case PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return PB_DMA_ATTR_MMIO;
	case PHYSBIO_P2PDMA_MAP_BOUNCE:
		return PHYSBIO_DMA_ATTR_BOUNCE;
	default:
		return 0;
	}
}

/**
 * pb_dma_map_bvec() - the bus address of one vector for a device
 * @dev: DMA client
 * @bv: vector of RAM
 * @dir: which way the data go
 * @attrs: PB_DMA_ATTR_*
 *
 * Context: any. Return: as pb_dma_map_phys(). Source: dma_map_bvec()
 */
static inline pb_dma_addr_t pb_dma_map_bvec(const struct pb_device *dev,
					    const struct pb_bio_vec *bv,
					    enum pb_dma_data_direction dir,
					    unsigned long attrs)
{
#ifdef PB_REPR_DMA
	return pb_bvec_addr(bv);
#else
	return pb_dma_map_phys(dev, pb_bvec_addr(bv), bv->bv_len, dir, attrs);
#endif
}

/* Position in a request's vectors. Source: struct blk_map_iter */
struct pb_blk_map_iter {
	const struct pb_bio_vec *bvecs;
	struct pb_bvec_iter iter;
	struct pb_bio *bio;
	/* where to look up whose memory a range is; NULL: it is not mixed */
	const struct physbio_region_table *regions;
	bool is_integrity; /* of the metadata */
	bool marked; /* the current range, by its vector: see PB_REPR_MARKED */
};

/* Source: struct blk_dma_iter */
struct pb_blk_dma_iter {
	pb_dma_addr_t addr; /* bus address of the current range */
	uint32_t len; /* bytes of it */
	pb_blk_status_t status; /* why the iteration ended, PB_BLK_STS_OK: done */
	/* of the whole request; of the current range, if it is mixed */
	enum pb_pci_p2pdma_map_type map;
	const struct physbio_region *region; /* the same; NULL: RAM */
	bool p2p; /* not all of it is RAM */
	struct pb_blk_map_iter iter;
};

/**
 * pb_blk_map_iter_init() - begin with the first vector of a request
 * @rq: request with data
 * @iter: position to set
 *
 * Context: any. Source: blk_rq_map_iter_init()
 */
PB_API void pb_blk_map_iter_init(struct pb_request *rq,
				 struct pb_blk_map_iter *iter);

/**
 * pb_blk_integrity_map_iter_init() - begin with the first vector of its metadata
 * @rq: request with metadata
 * @iter: position to set
 *
 * Context: any. Source: blk_rq_integrity_dma_map_iter_start()
 */
PB_API void pb_blk_integrity_map_iter_init(struct pb_request *rq,
					   struct pb_blk_map_iter *iter);

/**
 * pb_blk_map_iter_next() - the next range of a request
 * @rq: the request
 * @iter: position, moved past it
 * @vec: the range
 *
 * Joins vectors that touch, over entries and bios, up to the segment limits; in a mixed
 * request only those of one region. A range is never empty: what has length 0 in a table
 * is passed over, wherever it stands.
 * Context: any. Return: false if there is none. Source: blk_map_iter_next()
 */
PB_API bool pb_blk_map_iter_next(struct pb_request *rq,
				 struct pb_blk_map_iter *iter,
				 struct pb_phys_vec *vec);

/**
 * pb_blk_rq_dma_map_iter_start() - map the first range of a request
 * @rq: request with data, whose device gets it
 * @dma_dev: DMA client
 * @state: filled; says how the request was mapped
 * @iter: addr and len of the range on success, else status
 *
 * Every range must be unmapped as pb_blk_rq_dma_unmap() says, also when a later one
 * fails. A range of the device's own BAR is its offset there, if the translator says so:
 * the descriptor must say it too. Of a mixed request each range has a map of its own,
 * and never an IOVA range with others.
 *
 * A request of a P2P region that the device can't reach has status PB_BLK_STS_TARGET
 * (-EREMOTEIO, as dma_map_sgtable() has it), one that can't be mapped PB_BLK_STS_IOERR
 * (-EIO, likewise), also where slots or addresses have run out. Mainline's twin says
 * PB_BLK_STS_INVAL, and PB_BLK_STS_RESOURCE whatever the cause: there a timer offers
 * the request again. Here nothing would, with nothing else in flight, and most of
 * these will not be otherwise.
 *
 * Context: any. Return: true if there is a range. Source:
 * blk_rq_dma_map_iter_start()
 */
PB_API bool pb_blk_rq_dma_map_iter_start(struct pb_request *rq,
					 const struct pb_device *dma_dev,
					 struct pb_dma_iova_state *state,
					 struct pb_blk_dma_iter *iter);

/**
 * pb_blk_rq_dma_map_iter_next() - map the next range
 * @rq: as for _start()
 * @dma_dev: as for _start()
 * @iter: as for _start()
 *
 * Context: any. Return: true if there is a range; false with status
 * PB_BLK_STS_OK at the end. Source: blk_rq_dma_map_iter_next()
 */
PB_API bool pb_blk_rq_dma_map_iter_next(struct pb_request *rq,
					const struct pb_device *dma_dev,
					struct pb_blk_dma_iter *iter);

/**
 * pb_blk_rq_integrity_dma_map_iter_start() - map the first range of the metadata
 * @rq: request with metadata, whose device gets it
 * @dma_dev: DMA client
 * @state: emptied: each range is mapped on its own
 * @iter: addr and len of the range on success, else status
 *
 * Metadata are RAM. Context: any. Return: true if there is a range. Source:
 * blk_rq_integrity_dma_map_iter_start()
 */
PB_API bool pb_blk_rq_integrity_dma_map_iter_start(
	struct pb_request *rq, const struct pb_device *dma_dev,
	struct pb_dma_iova_state *state, struct pb_blk_dma_iter *iter);

/* The next one, as pb_blk_rq_dma_map_iter_next(). Source:
 * blk_rq_integrity_dma_map_iter_next() */
PB_API bool
pb_blk_rq_integrity_dma_map_iter_next(struct pb_request *rq,
				      const struct pb_device *dma_dev,
				      struct pb_blk_dma_iter *iter);

/* Is all of the request one range already? Source: blk_rq_dma_map_coalesce() */
static inline bool
pb_blk_rq_dma_map_coalesce(const struct pb_dma_iova_state *state)
{
	return pb_dma_use_iova(state);
}

/**
 * pb_blk_rq_dma_unmap() - unmap a request, as far as it needs no list of ranges
 * @rq: the request
 * @dma_dev: DMA client it was mapped for
 * @state: filled by _start()
 * @mapped_len: bytes that were mapped
 * @map: map of the iterator
 *
 * Of a mixed request @map says nothing. Context: any. Return: false if the driver must
 * unmap each range itself, with physbio_dma_unmap_range(). Source: blk_rq_dma_unmap()
 */
PB_API bool pb_blk_rq_dma_unmap(struct pb_request *rq,
				const struct pb_device *dma_dev,
				struct pb_dma_iova_state *state,
				uint64_t mapped_len,
				enum pb_pci_p2pdma_map_type map);

/**
 * physbio_dma_unmap_range() - unmap one range of the iterator
 * @dev: DMA client it was mapped for
 * @addr: its bus address
 * @len: bytes
 * @dir: which way the data went
 * @map: the iterator's map when it was mapped
 *
 * Context: any.
 */
PB_API void physbio_dma_unmap_range(const struct pb_device *dev,
				    pb_dma_addr_t addr, uint32_t len,
				    enum pb_dma_data_direction dir,
				    enum pb_pci_p2pdma_map_type map);

#ifdef __cplusplus
}
#endif

#endif
