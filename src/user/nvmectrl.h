/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a controller moves the data of a command: by what the command says, whoever wrote
 * it. For the model device and its tests alone.
 */
#ifndef PHYSBIO_USER_NVMECTRL_H
#define PHYSBIO_USER_NVMECTRL_H

#include <physbio/fabric.h>
#include <physbio/nvme.h>

/* Descriptors of one SGL that the controller follows, of data of no bytes too. */
#define PHYSBIO_NVMECTRL_MAX_DESCS 4096

/* A controller at its port. */
struct physbio_nvmectrl {
	struct physbio_fabric *fabric;
	int node; /* endpoint that it is */
	bool sgl_supported;
	struct physbio_mem *mem; /* that cmb is a part of */
	/* its own BAR, where a descriptor may name offsets; NULL: none may */
	const struct physbio_region *cmb;
};

/* What is moved, and the fields of the command that say where to. */
struct physbio_nvmectrl_cmd {
	uint8_t flags; /* PB_NVME_CMD_*; the reserved bits don't count */
	bool to_device; /* else to memory */
	union pb_nvme_data_ptr dptr;
	pb_le64 metadata; /* bus address: of the metadata, or of a descriptor */
	void *data; /* the controller's own memory */
	uint32_t len; /* bytes, not 0 */
	void *meta; /* metadata apart from the data */
	uint32_t meta_len; /* bytes; 0: none, and the pointer is not looked at */
};

/**
 * physbio_nvmectrl_transfer() - move the data and the metadata of a command
 * @ctrl: the controller
 * @cmd: command
 * @fault: where it hit nothing, if it did
 *
 * Reads no byte that the command does not name, and moves none that it has no room
 * for. What comes before a wrong descriptor has been moved.
 *
 * Context: any thread. Return: PB_NVME_SC_SUCCESS; PB_NVME_SC_DATA_XFER_ERROR if an
 * address hits nothing; PB_NVME_SC_INVALID_FIELD, _PRP_INVALID_OFFSET or _SGL_INVALID_*
 * for what the specification refuses.
 */
uint16_t physbio_nvmectrl_transfer(const struct physbio_nvmectrl *ctrl,
				   const struct physbio_nvmectrl_cmd *cmd,
				   pb_dma_addr_t *fault);

#endif
