/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data pointer of an NVMe command: the ranges of a mapped request as PRPs or as
 * an SGL. Decides which of the two and how lists are laid out; what the rest of the
 * command says is the driver's business.
 */
#ifndef PHYSBIO_NVME_H
#define PHYSBIO_NVME_H

#include <physbio/dma.h>
#include <physbio/request.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PB_NVME_CTRL_PAGE_SHIFT 12
#define PB_NVME_CTRL_PAGE_SIZE (1u << PB_NVME_CTRL_PAGE_SHIFT)
#define PB_NVME_MAX_BYTES (8u << 20)
#define PB_NVME_MAX_SEGS 256
#define PB_NVME_PRPS_PER_PAGE (PB_NVME_CTRL_PAGE_SIZE / sizeof(uint64_t))
/* 8 MiB are 2048 entries, of which one is in the command, and 4 slots chain. */
#define PB_NVME_MAX_LIST_PAGES 5
/* Bytes of a block for a short list, and what it is aligned to. */
#define PB_NVME_SMALL_POOL_SIZE 256u
/* Metadata in pieces: a small block of descriptors, the first of which points on. */
#define PB_NVME_MAX_META_SEGS 15
#define PB_NVME_SGL_THRESHOLD (32u << 10)

/* Type in the high 4 bits, subtype in the low. As the NVMe specification has them. */
#define PB_NVME_SGL_DATA 0x00
#define PB_NVME_SGL_SEGMENT 0x20
#define PB_NVME_SGL_LAST_SEGMENT 0x30
#define PB_NVME_SGL_OFFSET 0x01 /* subtype: here, within the device's own BAR */

/* Bits of a command's flags: PRPs if none is set. As the specification has them. */
#define PB_NVME_CMD_SGL_METABUF (1u << 6) /* an SGL; metadata are one buffer */
#define PB_NVME_CMD_SGL_METASEG (1u << 7) /* an SGL; metadata have one too */
#define PB_NVME_CMD_SGL_ALL (PB_NVME_CMD_SGL_METABUF | PB_NVME_CMD_SGL_METASEG)

/* How a command ended. As the specification has them. */
enum pb_nvme_sc {
	PB_NVME_SC_SUCCESS = 0x00,
	PB_NVME_SC_INVALID_OPCODE = 0x01,
	PB_NVME_SC_INVALID_FIELD = 0x02,
	PB_NVME_SC_DATA_XFER_ERROR = 0x04,
	PB_NVME_SC_SGL_INVALID_LAST =
		0x0d, /* a segment, or what points to it */
	PB_NVME_SC_SGL_INVALID_COUNT = 0x0e, /* too many, or one too early */
	PB_NVME_SC_SGL_INVALID_DATA = 0x0f, /* length is not the command's */
	PB_NVME_SC_SGL_INVALID_METADATA = 0x10, /* the same of the metadata */
	PB_NVME_SC_SGL_INVALID_TYPE = 0x11,
	PB_NVME_SC_PRP_INVALID_OFFSET = 0x13,
	PB_NVME_SC_SGL_INVALID_OFFSET = 0x16, /* not in the BAR */
	PB_NVME_SC_LBA_RANGE = 0x80,
};

/* Little endian, as it is on the bus. */
struct pb_nvme_sgl_desc {
	pb_le64 addr; /* bus address */
	pb_le32 length; /* bytes */
	uint8_t rsvd[3];
	uint8_t type; /* PB_NVME_SGL_* */
};

PB_STATIC_ASSERT(sizeof(struct pb_nvme_sgl_desc) == 16, "as specified");

/* The 16 bytes of a command that say where its data are. Little endian too. */
union pb_nvme_data_ptr {
	struct {
		pb_le64 prp1; /* any dword of a controller page */
		pb_le64 prp2; /* second page, or list of the others */
	} prp;
	struct pb_nvme_sgl_desc sgl;
};

/* Memory for a list: as the CPU sees it, and as the device does. */
struct pb_nvme_list_page {
	void *virt;
	pb_dma_addr_t dma;
};

/* What was mapped, for a translator that has to unmap each range. */
struct pb_nvme_range {
	pb_dma_addr_t addr;
	uint32_t len;
	uint8_t map; /* enum pb_pci_p2pdma_map_type */
};

/*
 * A request's mapping. The driver gives the memory and says what the device can do;
 * pb_nvme_map_data() fills the rest, pb_nvme_map_metadata() what is of the metadata.
 */
struct pb_nvme_iod {
	/* PB_NVME_MAX_LIST_PAGES controller pages, aligned to their size */
	struct pb_nvme_list_page *lists;
	/* PB_NVME_SMALL_POOL_SIZE bytes, aligned to that; virt NULL: none */
	struct pb_nvme_list_page small;
	/* the same for metadata; virt NULL: the device takes no SGL of them */
	struct pb_nvme_list_page meta_list;
	struct pb_nvme_range *ranges; /* for those that must be unmapped */
	uint32_t max_ranges;
	bool sgl_supported;
	bool admin; /* a command of the admin queue: never an SGL */
	bool user_cmd; /* a user's own command: an SGL tells its length */
	uint32_t sgl_threshold; /* average segment from which SGLs are used, bytes */

	union pb_nvme_data_ptr dptr;
	bool use_sgl;
	uint32_t nr_ranges; /* ranges that were mapped */
	uint32_t nr_saved; /* ranges that must be unmapped one by one */
	uint32_t len; /* bytes that were mapped */
	enum pb_pci_p2pdma_map_type map; /* of the first */
	struct pb_dma_iova_state state;

	pb_le64 metadata; /* bus address of the metadata, or of meta_list */
	bool use_meta_sgl;
	uint16_t nr_meta_ranges; /* ranges that were mapped */
	uint32_t meta_len; /* bytes that were mapped */
};

/**
 * pb_nvme_map_data() - map a request and describe it to the device
 * @rq: request with data
 * @dev: DMA client
 * @iod: its first half filled, for the second half
 *
 * Context: any. Return: PB_BLK_STS_OK, and pb_nvme_unmap_data() must follow;
 * PB_BLK_STS_TARGET if the device can't reach the memory, PB_BLK_STS_IOERR if it has
 * no address for a range, or the ranges fit neither PRPs nor an SGL that it
 * supports, or are more than the lists or max_ranges hold. On an error nothing
 * stays mapped. Source: nvme_map_data()
 */
PB_API pb_blk_status_t pb_nvme_map_data(struct pb_request *rq,
					const struct pb_device *dev,
					struct pb_nvme_iod *iod);

/* pb_nvme_unmap_data() - undo it. Context: any. Source: nvme_unmap_data() */
PB_API void pb_nvme_unmap_data(struct pb_request *rq,
			       const struct pb_device *dev,
			       struct pb_nvme_iod *iod);

/**
 * pb_nvme_map_metadata() - map a request's metadata and describe them to the device
 * @rq: request with metadata
 * @dev: DMA client
 * @iod: filled by pb_nvme_map_data()
 *
 * Metadata are RAM. A user's command, and metadata in pieces, have an SGL if the
 * device takes one and the data have one too; the others one buffer of a length that
 * both sides know.
 *
 * Context: any. Return: PB_BLK_STS_OK, and pb_nvme_unmap_metadata() must follow;
 * PB_BLK_STS_IOERR if the device has no address for a range, or the ranges are more
 * than it takes; nothing stays mapped then. Source: nvme_map_metadata()
 */
PB_API pb_blk_status_t pb_nvme_map_metadata(struct pb_request *rq,
					    const struct pb_device *dev,
					    struct pb_nvme_iod *iod);

/* pb_nvme_unmap_metadata() - undo it. Context: any. Source: nvme_unmap_metadata() */
PB_API void pb_nvme_unmap_metadata(struct pb_request *rq,
				   const struct pb_device *dev,
				   struct pb_nvme_iod *iod);

#ifdef __cplusplus
}
#endif

#endif
