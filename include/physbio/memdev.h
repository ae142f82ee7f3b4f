/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model device: a driver that maps requests and describes them as an NVMe driver
 * does, and a controller that reads the description back and moves the data, with
 * every access issued at its port of the fabric. The controller knows bus addresses
 * alone, as a device does.
 */
#ifndef PHYSBIO_MEMDEV_H
#define PHYSBIO_MEMDEV_H

#include <physbio/fabric.h>
#include <physbio/mem.h>
#include <physbio/nvme.h>
#include <physbio/submit.h>
#include <physbio/xlate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The engine that drives the device: another build of it for tests and tools. */
struct physbio_memdev_core {
	struct pb_request_queue *(*alloc_queue)(struct pb_blk_mq_tag_set *set,
						const struct pb_queue_limits *l,
						void *queuedata);
	void (*destroy_queue)(struct pb_request_queue *q);
	void (*start_request)(struct pb_request *rq);
	void (*end_request)(struct pb_request *rq, pb_blk_status_t error);
	pb_blk_status_t (*map_data)(struct pb_request *rq,
				    const struct pb_device *dev,
				    struct pb_nvme_iod *iod);
	void (*unmap_data)(struct pb_request *rq, const struct pb_device *dev,
			   struct pb_nvme_iod *iod);
	/* both NULL: requests with metadata are not supported */
	pb_blk_status_t (*map_metadata)(struct pb_request *rq,
					const struct pb_device *dev,
					struct pb_nvme_iod *iod);
	void (*unmap_metadata)(struct pb_request *rq,
			       const struct pb_device *dev,
			       struct pb_nvme_iod *iod);
};

struct physbio_memdev_config {
	/* NULL: the library's own engine */
	const struct physbio_memdev_core *core;
	struct physbio_fabric *fabric; /* kept by the caller */
	int node; /* endpoint that the device is */
	const struct pb_device *dev; /* its DMA client; kept by the caller */
	struct physbio_mem *mem; /* where its descriptor lists are */
	/*
	 * RAM for the lists: physbio_memdev_list_bytes() from this physical
	 * address on, a multiple of PB_NVME_CTRL_PAGE_SIZE
	 */
	pb_phys_addr_t lists;
	const struct pb_queue_limits *limits; /* NULL: an NVMe disk's */
	pb_sector_t nr_sectors; /* size of the device, sectors of 512 bytes */
	unsigned int queue_depth; /* 0: 64 */
	bool sgl_supported; /* of data and of metadata */
	bool admin; /* its queue is the admin queue: PRPs alone */
	bool deferred; /* requests wait for physbio_memdev_poll() */
	/*
	 * Its own BAR, where SGL descriptors may name offsets: its controller memory
	 * buffer; kept by the caller. NULL: it refuses such descriptors.
	 */
	const struct physbio_region *cmb;
};

struct physbio_memdev_stats {
	uint64_t requests;
	uint64_t bytes_in; /* from the device to memory */
	uint64_t bytes_out; /* from memory to the device */
	uint64_t meta_bytes; /* of metadata, both ways */
	uint64_t ranges; /* DMA ranges that were mapped */
	uint64_t sgls; /* requests described by an SGL */
	uint64_t flushes;
	uint64_t faults; /* requests that hit nothing */
	pb_dma_addr_t last_fault; /* where the last of them did */
	uint64_t refused; /* commands that say what the device can't do */
	uint16_t last_status; /* of the last that failed, PB_NVME_SC_* */
};

struct physbio_memdev;

/* Bytes of RAM that the descriptor lists of a device need. */
PB_API uint64_t physbio_memdev_list_bytes(unsigned int queue_depth);

/*
 * physbio_memdev_limits() - limits of an NVMe disk that takes 512 KiB at once, with PRPs
 * alone, or with SGLs too. Source: nvme_set_ctrl_limits()
 */
PB_API void physbio_memdev_limits(struct pb_queue_limits *lim, bool sgl);

/**
 * physbio_memdev_create() - make a device
 * @config: what it is; copied, what it points to is kept by the caller
 * @memdev: the device
 *
 * Its store begins as zeroes and takes memory as it is written, and so does that of
 * the metadata, if the limits say that there are some. No limit is above what NVMe
 * drivers allow: 8 MiB in 256 segments, metadata in 15, or in one without SGLs.
 * Context: may sleep. Return: 0; -EINVAL if the limits contradict each other, the
 * lists are unaligned or not in RAM, or there are no sectors; -EIO if the device
 * can't reach the lists; -ENOMEM.
 */
PB_API int physbio_memdev_create(const struct physbio_memdev_config *config,
				 struct physbio_memdev **memdev);

/* physbio_memdev_destroy() - wait for requests, then free it; NULL is nothing. */
PB_API void physbio_memdev_destroy(struct physbio_memdev *memdev);

/* The block device to submit to, the memdev's own. Context: any. */
PB_API struct pb_block_device *
physbio_memdev_bdev(struct physbio_memdev *memdev);

/* The bytes of the device, for a test to look at. Context: nothing in flight. */
PB_API void *physbio_memdev_store(struct physbio_memdev *memdev);

/**
 * physbio_memdev_poll() - execute what waits, on a device that is deferred
 * @memdev: the device
 * @max: requests at most
 *
 * Context: any thread. Return: how many have ended.
 */
PB_API unsigned int physbio_memdev_poll(struct physbio_memdev *memdev,
					unsigned int max);

/* physbio_memdev_stats() - what it has done. Context: nothing in flight. */
PB_API void physbio_memdev_stats(const struct physbio_memdev *memdev,
				 struct physbio_memdev_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
