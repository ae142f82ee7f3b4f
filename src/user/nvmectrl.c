// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The controller's half of PRPs and SGLs, from the specification and not from what
 * nvme.c happens to write: it decides what is refused, and with which status. It
 * knows bus addresses, lengths and its own BAR, and refuses to know requests, translators
 * and what an address on the bus hits.
 */
#include <endian.h>

#include "nvmectrl.h"

#define PAGE PB_NVME_CTRL_PAGE_SIZE
#define DATA_AT_OFFSET (PB_NVME_SGL_DATA | PB_NVME_SGL_OFFSET)

/* One buffer of the controller, and what is to come of it. */
struct xfer {
	const struct physbio_nvmectrl *ctrl;
	bool to_device;
	char *buf;
	uint32_t left; /* bytes */
	uint32_t descs; /* SGL descriptors that were followed */
	uint16_t bad_length; /* status if an SGL has another length */
	pb_dma_addr_t *fault;
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static pb_dma_addr_t bus_addr(pb_le64 addr)
{
	return physbio_dma_make(le64toh((PB_FORCE uint64_t)addr));
}

static uint32_t length_of(const struct pb_nvme_sgl_desc *desc)
{
	return le32toh((PB_FORCE uint32_t)desc->length);
}

/* The bits of an address below @size, a power of two. */
static uint32_t offset_in(pb_dma_addr_t addr, uint32_t size)
{
	return (uint32_t)(physbio_dma_value(addr) & (size - 1));
}

/* Nothing lies behind the last address, and not the first one. */
static bool wraps(pb_dma_addr_t addr, uint32_t len)
{
	return physbio_dma_value(addr) + (len - 1) < physbio_dma_value(addr);
}

static uint16_t move(struct xfer *x, pb_dma_addr_t addr, uint32_t len)
{
	const struct physbio_nvmectrl *c = x->ctrl;
	int err;

	if (wraps(addr, len)) {
		*x->fault = addr;
		return PB_NVME_SC_DATA_XFER_ERROR;
	}
	if (x->to_device)
		err = physbio_fabric_read(c->fabric, c->node, addr, x->buf, len,
					  x->fault);
	else
		err = physbio_fabric_write(c->fabric, c->node, addr, x->buf,
					   len, x->fault);
	x->buf += len;
	x->left -= len;
	return err ? PB_NVME_SC_DATA_XFER_ERROR : PB_NVME_SC_SUCCESS;
}

/* In the controller's own BAR: nothing of it is on the bus. */
static uint16_t move_own(struct xfer *x, pb_dma_addr_t offset, uint32_t len)
{
	const struct physbio_region *cmb = x->ctrl->cmb;
	uint64_t at = physbio_dma_value(offset);
	pb_phys_addr_t phys;
	int err;

	if (at > cmb->size || len > cmb->size - at)
		return PB_NVME_SC_SGL_INVALID_OFFSET;
	phys = cmb->start + (pb_phys_addr_t)at;
	if (x->to_device)
		err = physbio_mem_read(x->ctrl->mem, phys, x->buf, len);
	else
		err = physbio_mem_write(x->ctrl->mem, phys, x->buf, len);
	x->buf += len;
	x->left -= len;
	return err ? PB_NVME_SC_DATA_XFER_ERROR : PB_NVME_SC_SUCCESS;
}

static uint16_t fetch(const struct xfer *x, pb_dma_addr_t addr, void *buf,
		      uint32_t len)
{
	if (wraps(addr, len)) {
		*x->fault = addr;
		return PB_NVME_SC_DATA_XFER_ERROR;
	}
	return physbio_fabric_fetch(x->ctrl->fabric, x->ctrl->node, addr, buf,
				    len, x->fault) ?
		       PB_NVME_SC_DATA_XFER_ERROR :
		       PB_NVME_SC_SUCCESS;
}

/* --- PRP --- */

/* An entry behind PRP1 is a whole page's address. */
static uint16_t move_page(struct xfer *x, pb_dma_addr_t addr)
{
	if (offset_in(addr, PAGE))
		return PB_NVME_SC_PRP_INVALID_OFFSET;
	return move(x, addr, min_u32(x->left, PAGE));
}

/*
 *   |          page          |
 *          | e | e | ... | e |
 *          ^ at            ^ chains if not all entries fit, whether the list
 *                            begins with the page or not
 */
static uint16_t prp_list_page(struct xfer *x, pb_dma_addr_t *at)
{
	pb_le64 list[PB_NVME_PRPS_PER_PAGE];
	uint32_t slots = (PAGE - offset_in(*at, PAGE)) / sizeof(list[0]);
	uint32_t entries = (x->left + (PAGE - 1)) >> PB_NVME_CTRL_PAGE_SHIFT;
	uint32_t n = min_u32(entries, slots), i;
	uint16_t status = fetch(x, *at, list, n * (uint32_t)sizeof(list[0]));

	if (entries > slots)
		n--;
	for (i = 0; !status && i < n; i++)
		status = move_page(x, bus_addr(list[i]));
	if (!status && entries > slots)
		*at = bus_addr(list[n]);
	return status;
}

/* Only the first list may begin within a page: each of the others has room for data. */
static uint16_t prp_list(struct xfer *x, pb_dma_addr_t at)
{
	uint16_t status;

	if (offset_in(at, sizeof(pb_le64)))
		return PB_NVME_SC_PRP_INVALID_OFFSET;
	status = prp_list_page(x, &at);
	while (!status && x->left) {
		if (offset_in(at, PAGE))
			return PB_NVME_SC_PRP_INVALID_OFFSET;
		status = prp_list_page(x, &at);
	}
	return status;
}

static uint16_t prp(struct xfer *x, const union pb_nvme_data_ptr *dptr)
{
	pb_dma_addr_t prp1 = bus_addr(dptr->prp.prp1);
	pb_dma_addr_t prp2 = bus_addr(dptr->prp.prp2);
	uint16_t status;

	if (offset_in(prp1, 4))
		return PB_NVME_SC_PRP_INVALID_OFFSET;
	status = move(x, prp1, min_u32(x->left, PAGE - offset_in(prp1, PAGE)));
	if (status || !x->left)
		return status;
	if (x->left <= PAGE)
		return move_page(x, prp2);
	return prp_list(x, prp2);
}

/* --- SGL --- */

/* Data of no bytes are valid, and nothing is read there. */
static uint16_t sgl_data(struct xfer *x, const struct pb_nvme_sgl_desc *desc)
{
	uint32_t len = length_of(desc);

	if (len > x->left)
		return x->bad_length;
	if (!len)
		return PB_NVME_SC_SUCCESS;
	if (desc->type == DATA_AT_OFFSET)
		return move_own(x, bus_addr(desc->addr), len);
	return move(x, bus_addr(desc->addr), len);
}

/* An offset is one of data, and only where there is something that it is in. */
static bool is_data(const struct xfer *x, const struct pb_nvme_sgl_desc *desc)
{
	return desc->type == PB_NVME_SGL_DATA ||
	       (desc->type == DATA_AT_OFFSET && x->ctrl->cmb);
}

static bool is_pointer(const struct pb_nvme_sgl_desc *desc)
{
	return desc->type == PB_NVME_SGL_SEGMENT ||
	       desc->type == PB_NVME_SGL_LAST_SEGMENT;
}

/* A segment has whole descriptors, one at least, and begins with a qword. */
static bool pointer_ok(const struct pb_nvme_sgl_desc *desc)
{
	uint32_t len = length_of(desc);

	return len && len % sizeof(*desc) == 0 &&
	       !offset_in(bus_addr(desc->addr), 8);
}

/* A pointer is at the end of every segment but the last, and nowhere else. */
static uint16_t check_desc(const struct xfer *x,
			   const struct pb_nvme_sgl_desc *desc, bool at_end,
			   bool in_last)
{
	if (is_data(x, desc))
		return at_end && !in_last ? PB_NVME_SC_SGL_INVALID_LAST :
					    PB_NVME_SC_SUCCESS;
	if (!is_pointer(desc))
		return PB_NVME_SC_SGL_INVALID_TYPE;
	if (in_last)
		return PB_NVME_SC_SGL_INVALID_LAST;
	if (!at_end)
		return PB_NVME_SC_SGL_INVALID_COUNT;
	return pointer_ok(desc) ? PB_NVME_SC_SUCCESS :
				  PB_NVME_SC_SGL_INVALID_LAST;
}

/* The segment that @desc points to; then @desc is its last descriptor. */
static uint16_t sgl_segment(struct xfer *x, struct pb_nvme_sgl_desc *desc)
{
	const bool in_last = desc->type == PB_NVME_SGL_LAST_SEGMENT;
	const pb_dma_addr_t addr = bus_addr(desc->addr);
	const uint32_t n = length_of(desc) / (uint32_t)sizeof(*desc);
	uint16_t status = PB_NVME_SC_SUCCESS;
	uint32_t i;

	/* A chain that bites its tail ends here, too. */
	if (n > PHYSBIO_NVMECTRL_MAX_DESCS - x->descs)
		return PB_NVME_SC_SGL_INVALID_COUNT;
	x->descs += n;
	if (wraps(addr, n * (uint32_t)sizeof(*desc))) {
		*x->fault = addr;
		return PB_NVME_SC_DATA_XFER_ERROR;
	}
	for (i = 0; !status && i < n; i++) {
		status = fetch(x, physbio_dma_add(addr, i * sizeof(*desc)),
			       desc, sizeof(*desc));
		if (!status)
			status = check_desc(x, desc, i == n - 1, in_last);
		if (!status && is_data(x, desc))
			status = sgl_data(x, desc);
	}
	return status;
}

static uint16_t sgl(struct xfer *x, struct pb_nvme_sgl_desc desc)
{
	/* The command is a segment of one descriptor, that may be either. */
	bool inline_data = is_data(x, &desc);
	uint16_t status = check_desc(x, &desc, true, inline_data);

	if (!status && inline_data)
		status = sgl_data(x, &desc);
	while (!status && is_pointer(&desc))
		status = sgl_segment(x, &desc);
	return !status && x->left ? x->bad_length : status;
}

/* --- commands --- */

/* One buffer, or a descriptor of an SGL of its own. */
static uint16_t move_metadata(struct xfer *x,
			      const struct physbio_nvmectrl_cmd *cmd)
{
	pb_dma_addr_t addr = bus_addr(cmd->metadata);
	struct pb_nvme_sgl_desc desc;
	uint16_t status;

	if (!(cmd->flags & PB_NVME_CMD_SGL_METASEG))
		return offset_in(addr, 4) ? PB_NVME_SC_INVALID_FIELD :
					    move(x, addr, x->left);
	if (offset_in(addr, 8))
		return PB_NVME_SC_INVALID_FIELD;
	status = fetch(x, addr, &desc, sizeof(desc));
	return status ? status : sgl(x, desc);
}

static bool flags_ok(const struct physbio_nvmectrl *ctrl, uint8_t flags)
{
	if ((flags & PB_NVME_CMD_SGL_ALL) == PB_NVME_CMD_SGL_ALL)
		return false;
	return !(flags & PB_NVME_CMD_SGL_ALL) || ctrl->sgl_supported;
}

uint16_t physbio_nvmectrl_transfer(const struct physbio_nvmectrl *ctrl,
				   const struct physbio_nvmectrl_cmd *cmd,
				   pb_dma_addr_t *fault)
{
	struct xfer data = { .ctrl = ctrl,
			     .to_device = cmd->to_device,
			     .buf = cmd->data,
			     .left = cmd->len,
			     .bad_length = PB_NVME_SC_SGL_INVALID_DATA,
			     .fault = fault };
	struct xfer meta = data;
	uint16_t status;

	meta.buf = cmd->meta;
	meta.left = cmd->meta_len;
	meta.bad_length = PB_NVME_SC_SGL_INVALID_METADATA;
	if (!flags_ok(ctrl, cmd->flags))
		return PB_NVME_SC_INVALID_FIELD;
	if (cmd->flags & PB_NVME_CMD_SGL_ALL)
		status = sgl(&data, cmd->dptr.sgl);
	else
		status = prp(&data, &cmd->dptr);
	if (!status && cmd->meta_len)
		status = move_metadata(&meta, cmd);
	return status;
}
