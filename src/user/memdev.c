// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The model device. One half is the driver, which knows requests and maps them; the
 * other the controller, which gets a command and knows nothing but what is in it. How
 * that says where data are is nvmectrl.c's decision.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <physbio/integrity.h>
#include <physbio/memdev.h>

#include "nvmectrl.h"

#define DEFAULT_DEPTH 64

/* Memory for the lists of each tag: data and metadata may each have a small block. */
#define LIST_PAGES_BYTES \
	((uint64_t)PB_NVME_MAX_LIST_PAGES * PB_NVME_CTRL_PAGE_SIZE)
#define SMALL_BLOCKS_BYTES (2 * (uint64_t)PB_NVME_SMALL_POOL_SIZE)

/* What travels from the driver to the controller. */
struct command {
	enum pb_req_op op;
	uint64_t offset; /* in the store, bytes */
	uint32_t len; /* bytes */
	uint8_t flags; /* PB_NVME_CMD_* */
	union pb_nvme_data_ptr dptr;
	bool has_meta;
	pb_le64 metadata;
};

/* The driver's memory behind each request. */
struct cmd {
	struct pb_nvme_iod iod;
	struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
	bool prepared;
};

struct physbio_memdev {
	struct physbio_memdev_config config;
	const struct physbio_memdev_core *core;
	struct pb_blk_mq_tag_set set;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	pb_dma_addr_t lists_dma; /* PB_DMA_MAPPING_ERROR: not mapped */
	char *store;
	size_t store_size;
	char *meta; /* NULL: the device has none */
	size_t meta_size;
	pthread_mutex_t lock; /* of waiting and stats */
	struct pb_rq_list waiting;
	struct physbio_memdev_stats stats;
};

static const struct physbio_memdev_core own_core = {
	.alloc_queue = pb_blk_mq_alloc_queue,
	.destroy_queue = pb_blk_mq_destroy_queue,
	.start_request = pb_blk_mq_start_request,
	.end_request = pb_blk_mq_end_request,
	.map_data = pb_nvme_map_data,
	.unmap_data = pb_nvme_unmap_data,
	.map_metadata = pb_nvme_map_metadata,
	.unmap_metadata = pb_nvme_unmap_metadata,
};

/* --- controller --- */

/* Metadata of so many bytes of data. The queue's limits are the format of the disk. */
static uint64_t meta_bytes(const struct physbio_memdev *d, uint64_t bytes)
{
	const struct pb_blk_integrity *bi = &pb_queue_limits(d->q)->integrity;

	return bi->metadata_size ?
		       (bytes >> bi->interval_exp) * bi->metadata_size :
		       0;
}

static void count_bytes(struct physbio_memdev *d, const struct command *c)
{
	pthread_mutex_lock(&d->lock);
	if (c->has_meta)
		d->stats.meta_bytes += meta_bytes(d, c->len);
	if (pb_op_is_write((pb_blk_opf_t)c->op))
		d->stats.bytes_out += c->len;
	else
		d->stats.bytes_in += c->len;
	pthread_mutex_unlock(&d->lock);
}

/* What ended otherwise has hit nothing, or was refused for what it said. */
static void count_failure(struct physbio_memdev *d, uint16_t status,
			  pb_dma_addr_t fault)
{
	pthread_mutex_lock(&d->lock);
	d->stats.last_status = status;
	if (status == PB_NVME_SC_DATA_XFER_ERROR) {
		d->stats.faults++;
		d->stats.last_fault = fault;
	} else {
		d->stats.refused++;
	}
	pthread_mutex_unlock(&d->lock);
}

static uint16_t execute_data(struct physbio_memdev *d, const struct command *c)
{
	const struct physbio_nvmectrl ctrl = {
		.fabric = d->config.fabric,
		.node = d->config.node,
		.sgl_supported = d->config.sgl_supported,
		.mem = d->config.mem,
		.cmb = d->config.cmb,
	};
	struct physbio_nvmectrl_cmd cmd = {
		.flags = c->flags,
		.to_device = pb_op_is_write((pb_blk_opf_t)c->op),
		.dptr = c->dptr,
		.data = d->store + c->offset,
		.len = c->len,
	};
	pb_dma_addr_t fault = PB_DMA_MAPPING_ERROR;
	uint16_t status;

	if (c->has_meta) {
		cmd.metadata = c->metadata;
		cmd.meta = d->meta + meta_bytes(d, c->offset);
		cmd.meta_len = (uint32_t)meta_bytes(d, c->len);
	}
	status = physbio_nvmectrl_transfer(&ctrl, &cmd, &fault);
	if (status)
		count_failure(d, status, fault);
	else
		count_bytes(d, c);
	return status;
}

/*
 *   |--memset--|---- whole pages, given back ----|--memset--|
 *
 * A page that was never written takes no memory to be zero.
 */
static void zero_store(struct physbio_memdev *d, uint64_t offset, uint32_t len)
{
	const size_t mask = (size_t)sysconf(_SC_PAGESIZE) - 1;
	char *from = d->store + offset, *end = from + len;
	size_t head = -(uintptr_t)from & mask, tail = (uintptr_t)end & mask;

	if (len <= head + tail ||
	    madvise(from + head, len - head - tail, MADV_DONTNEED)) {
		memset(from, 0, len);
		return;
	}
	memset(from, 0, head);
	memset(end - tail, 0, tail);
}

/* The controller trusts no driver. */
static bool in_store(const struct physbio_memdev *d, const struct command *c)
{
	return c->offset <= d->store_size &&
	       c->len <= d->store_size - c->offset;
}

static uint16_t execute(struct physbio_memdev *d, const struct command *c)
{
	if (c->len && !in_store(d, c)) {
		count_failure(d, PB_NVME_SC_LBA_RANGE, PB_DMA_MAPPING_ERROR);
		return PB_NVME_SC_LBA_RANGE;
	}
	switch (c->op) {
	case PB_REQ_OP_READ:
	case PB_REQ_OP_WRITE:
		return c->len ? execute_data(d, c) : PB_NVME_SC_SUCCESS;
	case PB_REQ_OP_WRITE_ZEROES:
	case PB_REQ_OP_DISCARD:
		zero_store(d, c->offset, c->len);
		return PB_NVME_SC_SUCCESS;
	default:
		return PB_NVME_SC_INVALID_OPCODE;
	}
}

/* --- driver --- */

/* What the block layer hears of it. */
static pb_blk_status_t blk_status_of(uint16_t status)
{
	switch (status) {
	case PB_NVME_SC_SUCCESS:
		return PB_BLK_STS_OK;
	case PB_NVME_SC_INVALID_OPCODE:
		return PB_BLK_STS_NOTSUPP;
	default:
		return PB_BLK_STS_IOERR;
	}
}

static struct cmd *cmd_of(struct pb_request *rq)
{
	return pb_blk_mq_rq_to_pdu(rq);
}

/* RAM that was mapped once for the device, bytes from its start. */
static struct pb_nvme_list_page list_at(const struct physbio_memdev *d,
					uint64_t at)
{
	return (struct pb_nvme_list_page){
		.virt = physbio_mem_virt(d->config.mem,
					 d->config.lists + (pb_phys_addr_t)at),
		.dma = physbio_dma_add(d->lists_dma, at),
	};
}

/*
 *   | pages of tag 0 | pages of tag 1 | ... | small blocks of tag 0 | ... |
 */
static void cmd_prepare(struct physbio_memdev *d, struct pb_request *rq)
{
	struct cmd *cmd = cmd_of(rq);
	uint64_t page = (uint64_t)rq->tag * PB_NVME_MAX_LIST_PAGES;
	uint64_t blocks = d->set.queue_depth * LIST_PAGES_BYTES +
			  (uint64_t)rq->tag * SMALL_BLOCKS_BYTES;
	int i;

	if (cmd->prepared)
		return;
	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++, page++)
		cmd->lists[i] = list_at(d, page * PB_NVME_CTRL_PAGE_SIZE);
	cmd->iod.lists = cmd->lists;
	cmd->iod.small = list_at(d, blocks);
	if (d->config.sgl_supported)
		cmd->iod.meta_list =
			list_at(d, blocks + PB_NVME_SMALL_POOL_SIZE);
	cmd->iod.admin = d->config.admin;
	cmd->iod.ranges = cmd->ranges;
	cmd->iod.max_ranges = PB_NVME_MAX_SEGS;
	cmd->iod.sgl_supported = d->config.sgl_supported;
	cmd->iod.sgl_threshold = PB_NVME_SGL_THRESHOLD;
	cmd->prepared = true;
}

static bool rq_has_data(const struct pb_request *rq)
{
	enum pb_req_op op = pb_req_op(rq);

	return pb_blk_rq_bytes(rq) &&
	       (op == PB_REQ_OP_READ || op == PB_REQ_OP_WRITE);
}

static uint8_t flags_of(const struct pb_nvme_iod *iod, bool has_meta)
{
	if (!iod->use_sgl)
		return 0;
	return has_meta && iod->use_meta_sgl ? PB_NVME_CMD_SGL_METASEG :
					       PB_NVME_CMD_SGL_METABUF;
}

static bool rq_has_meta(const struct pb_request *rq)
{
	return rq_has_data(rq) && pb_blk_integrity_rq(rq);
}

static struct command command_of(struct pb_request *rq)
{
	const struct pb_nvme_iod *iod = &cmd_of(rq)->iod;

	return (struct command){
		.op = pb_req_op(rq),
		.offset = pb_blk_rq_pos(rq) << PB_SECTOR_SHIFT,
		.len = pb_blk_rq_bytes(rq),
		.flags = flags_of(iod, rq_has_meta(rq)),
		.dptr = iod->dptr,
		.has_meta = rq_has_meta(rq),
		.metadata = iod->metadata,
	};
}

static void count_request(struct physbio_memdev *d, struct pb_request *rq)
{
	const struct pb_nvme_iod *iod = &cmd_of(rq)->iod;

	pthread_mutex_lock(&d->lock);
	d->stats.requests++;
	if (rq->cmd_flags & PB_REQ_PREFLUSH)
		d->stats.flushes++;
	if (rq_has_data(rq)) {
		d->stats.ranges += iod->nr_ranges;
		d->stats.sgls += iod->use_sgl;
	}
	pthread_mutex_unlock(&d->lock);
}

/* A discard may have several ranges; each bio is one. */
static pb_blk_status_t run_ranges(struct physbio_memdev *d,
				  struct pb_request *rq)
{
	pb_blk_status_t status = PB_BLK_STS_OK;
	struct command c = command_of(rq);
	const struct pb_bio *bio;

	__pb_rq_for_each_bio(bio, rq) {
		c.offset = bio->bi_iter.bi_sector << PB_SECTOR_SHIFT;
		c.len = bio->bi_iter.bi_size;
		if (status == PB_BLK_STS_OK)
			status = blk_status_of(execute(d, &c));
	}
	return status;
}

/* Data, then metadata: both, or nothing stays mapped. */
static pb_blk_status_t map_request(struct physbio_memdev *d,
				   struct pb_request *rq)
{
	struct pb_nvme_iod *iod = &cmd_of(rq)->iod;
	pb_blk_status_t status;

	cmd_prepare(d, rq);
	if (rq_has_meta(rq) && (!d->core->map_metadata || !d->meta))
		return PB_BLK_STS_NOTSUPP;
	status = d->core->map_data(rq, d->config.dev, iod);
	if (status != PB_BLK_STS_OK || !rq_has_meta(rq))
		return status;
	status = d->core->map_metadata(rq, d->config.dev, iod);
	if (status != PB_BLK_STS_OK)
		d->core->unmap_data(rq, d->config.dev, iod);
	return status;
}

static void unmap_request(struct physbio_memdev *d, struct pb_request *rq)
{
	struct pb_nvme_iod *iod = &cmd_of(rq)->iod;

	if (rq_has_meta(rq))
		d->core->unmap_metadata(rq, d->config.dev, iod);
	d->core->unmap_data(rq, d->config.dev, iod);
}

static void run_request(struct physbio_memdev *d, struct pb_request *rq)
{
	struct command c = command_of(rq);
	pb_blk_status_t status;

	count_request(d, rq);
	if (rq_has_data(rq)) {
		status = blk_status_of(execute(d, &c));
		unmap_request(d, rq);
	} else {
		status = run_ranges(d, rq);
	}
	d->core->end_request(rq, status);
}

static void wait_for_poll(struct physbio_memdev *d, struct pb_request *rq)
{
	pthread_mutex_lock(&d->lock);
	rq->rq_next = NULL;
	if (d->waiting.tail)
		d->waiting.tail->rq_next = rq;
	else
		d->waiting.head = rq;
	d->waiting.tail = rq;
	pthread_mutex_unlock(&d->lock);
}

static struct pb_request *next_waiting(struct physbio_memdev *d)
{
	struct pb_request *rq;

	pthread_mutex_lock(&d->lock);
	rq = d->waiting.head;
	if (rq)
		d->waiting.head = rq->rq_next;
	if (!d->waiting.head)
		d->waiting.tail = NULL;
	pthread_mutex_unlock(&d->lock);
	return rq;
}

unsigned int physbio_memdev_poll(struct physbio_memdev *d, unsigned int max)
{
	struct pb_request *rq;
	unsigned int n;

	for (n = 0; n < max && (rq = next_waiting(d)); n++)
		run_request(d, rq);
	return n;
}

/* Every build lays a queue out alike: this works for whichever calls. */
static pb_blk_status_t memdev_queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				       const struct pb_blk_mq_queue_data *bd)
{
	struct physbio_memdev *d = pb_queue_data(pb_hctx_queue(hctx));
	struct pb_request *rq = bd->rq;
	pb_blk_status_t status;

	d->core->start_request(rq);
	if (rq_has_data(rq)) {
		status = map_request(d, rq);
		if (status != PB_BLK_STS_OK)
			return status;
	}
	if (d->config.deferred)
		wait_for_poll(d, rq);
	else
		run_request(d, rq);
	return PB_BLK_STS_OK;
}

static const struct pb_blk_mq_ops memdev_ops = {
	.queue_rq = memdev_queue_rq,
};

/* --- life --- */

uint64_t physbio_memdev_list_bytes(unsigned int queue_depth)
{
	if (!queue_depth)
		queue_depth = DEFAULT_DEPTH;
	return queue_depth * LIST_PAGES_BYTES +
	       (queue_depth * SMALL_BLOCKS_BYTES + PB_NVME_CTRL_PAGE_SIZE - 1) /
		       PB_NVME_CTRL_PAGE_SIZE * PB_NVME_CTRL_PAGE_SIZE;
}

void physbio_memdev_limits(struct pb_queue_limits *lim, bool sgl)
{
	memset(lim, 0, sizeof(*lim));
	lim->features = PB_BLK_FEAT_WRITE_CACHE | PB_BLK_FEAT_FUA |
			PB_BLK_FEAT_PCI_P2PDMA;
	lim->max_hw_sectors = 1024; /* 512 KiB */
	/* as nvme_max_drv_segments(): each page on its own, and one that is begun */
	lim->max_segments = 1024 / (PB_NVME_CTRL_PAGE_SIZE / 512) + 1;
	lim->max_segment_size = UINT32_MAX;
	lim->virt_boundary_mask = sgl ? 0 : PB_NVME_CTRL_PAGE_SIZE - 1;
	lim->dma_alignment = 3;
	lim->max_integrity_segments = sgl ? PB_NVME_MAX_META_SEGS : 1;
	lim->max_hw_discard_sectors = UINT32_MAX >> PB_SECTOR_SHIFT;
	lim->max_discard_segments = 256;
	lim->max_write_zeroes_sectors = UINT32_MAX >> PB_SECTOR_SHIFT;
}

static bool is_ram(const struct physbio_mem *mem, pb_phys_addr_t paddr)
{
	const struct pb_page *page = physbio_mem_page(mem, paddr);

	return page && !pb_page_is_p2pdma(page) && physbio_mem_virt(mem, paddr);
}

/* Lists are whole controller pages, or PRP2 would point into the middle of one. */
static bool lists_in_ram(const struct physbio_memdev *d)
{
	uint64_t bytes = physbio_memdev_list_bytes(d->set.queue_depth), at;

	if ((d->config.lists & (PB_NVME_CTRL_PAGE_SIZE - 1)) ||
	    bytes - 1 > (pb_phys_addr_t)-1 - d->config.lists)
		return false;
	for (at = 0; at < bytes; at += PB_NVME_CTRL_PAGE_SIZE)
		if (!is_ram(d->config.mem,
			    d->config.lists + (pb_phys_addr_t)at))
			return false;
	return true;
}

static bool map_lists(struct physbio_memdev *d)
{
	d->lists_dma =
		pb_dma_map_phys(d->config.dev, d->config.lists,
				physbio_memdev_list_bytes(d->set.queue_depth),
				PB_DMA_TO_DEVICE, 0);
	return !pb_dma_mapping_error(d->config.dev, d->lists_dma);
}

static void unmap_lists(struct physbio_memdev *d)
{
	if (pb_dma_mapping_error(d->config.dev, d->lists_dma))
		return;
	pb_dma_unmap_phys(d->config.dev, d->lists_dma,
			  physbio_memdev_list_bytes(d->set.queue_depth),
			  PB_DMA_TO_DEVICE, 0);
}

/* Zeroes that take no memory; NULL if there is no room for them. */
static char *alloc_zeroes(size_t size)
{
	void *zeroes = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return zeroes == MAP_FAILED ? NULL : zeroes;
}

static bool alloc_store(struct physbio_memdev *d)
{
	if (d->config.nr_sectors > SIZE_MAX >> PB_SECTOR_SHIFT)
		return false;
	d->store_size = (size_t)d->config.nr_sectors << PB_SECTOR_SHIFT;
	d->store = alloc_zeroes(d->store_size);
	return d->store;
}

/* The queue has to be there: it knows the format. */
static bool alloc_meta(struct physbio_memdev *d)
{
	uint64_t bytes = meta_bytes(d, d->store_size);

	if (!bytes)
		return true;
	if (bytes > SIZE_MAX)
		return false;
	d->meta_size = (size_t)bytes;
	d->meta = alloc_zeroes(d->meta_size);
	return d->meta;
}

/* Errors come as pointers from the engine, as in the kernel. */
static int ptr_error(const void *ptr)
{
	return (uintptr_t)ptr >= (uintptr_t)-4095 ? (int)(intptr_t)ptr : 0;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What the driver can't describe, whatever the disk takes. */
static void clamp_limits(struct pb_queue_limits *lim, bool sgl)
{
	lim->max_hw_sectors = min_u32(lim->max_hw_sectors,
				      PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT);
	lim->max_segments =
		(uint16_t)min_u32(lim->max_segments, PB_NVME_MAX_SEGS);
	lim->max_integrity_segments = (uint16_t)min_u32(
		lim->max_integrity_segments, sgl ? PB_NVME_MAX_META_SEGS : 1);
}

static int make_queue(struct physbio_memdev *d)
{
	bool sgl = d->config.sgl_supported && !d->config.admin;
	struct pb_queue_limits lim;
	struct pb_request_queue *q;

	physbio_memdev_limits(&lim, sgl);
	if (d->config.limits)
		lim = *d->config.limits;
	clamp_limits(&lim, sgl);
	q = d->core->alloc_queue(&d->set, &lim, d);
	if (ptr_error(q))
		return ptr_error(q);
	d->q = q;
	d->bdev.bd_queue = q;
	d->bdev.bd_nr_sectors = d->config.nr_sectors;
	return 0;
}

static int memdev_setup(struct physbio_memdev *d)
{
	int err;

	d->core = d->config.core ? d->config.core : &own_core;
	d->set.ops = &memdev_ops;
	d->set.queue_depth = d->config.queue_depth ? d->config.queue_depth :
						     DEFAULT_DEPTH;
	d->set.cmd_size = sizeof(struct cmd);
	d->set.numa_node = d->config.dev->numa_node;
	pthread_mutex_init(&d->lock, NULL);
	if (!d->config.nr_sectors || !lists_in_ram(d))
		return -EINVAL;
	if (!map_lists(d))
		return -EIO;
	if (!alloc_store(d))
		return -ENOMEM;
	err = make_queue(d);
	if (!err && !alloc_meta(d))
		err = -ENOMEM;
	return err;
}

int physbio_memdev_create(const struct physbio_memdev_config *config,
			  struct physbio_memdev **memdev)
{
	struct physbio_memdev *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->lists_dma = PB_DMA_MAPPING_ERROR;
	err = memdev_setup(d);
	if (err) {
		physbio_memdev_destroy(d);
		return err;
	}
	*memdev = d;
	return 0;
}

void physbio_memdev_destroy(struct physbio_memdev *d)
{
	if (!d)
		return;
	if (d->q)
		d->core->destroy_queue(d->q);
	unmap_lists(d);
	if (d->store)
		munmap(d->store, d->store_size);
	if (d->meta)
		munmap(d->meta, d->meta_size);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct pb_block_device *physbio_memdev_bdev(struct physbio_memdev *d)
{
	return &d->bdev;
}

void *physbio_memdev_store(struct physbio_memdev *d)
{
	return d->store;
}

void physbio_memdev_stats(const struct physbio_memdev *d,
			  struct physbio_memdev_stats *stats)
{
	*stats = d->stats;
}
