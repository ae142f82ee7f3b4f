// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The floor of describing a request, see nvme-loops.h.
 */
#include <endian.h>

#include "nvme-loops.h"

static pb_le64 le64_of(pb_dma_addr_t addr)
{
	return htole64(physbio_dma_value(addr));
}

static struct pb_nvme_list_page list_of(const struct pb_nvme_iod *iod,
					size_t bytes)
{
	return bytes <= PB_NVME_SMALL_POOL_SIZE ? iod->small : iod->lists[0];
}

/* Full pages end with the address of the next one. */
static void prp_list(const struct pb_nvme_iod *iod, pb_le64 *list,
		     const struct nvme_ready *r, uint32_t nr)
{
	const struct pb_nvme_list_page *next = &iod->lists[1];
	uint32_t i;

	for (; nr > PB_NVME_PRPS_PER_PAGE; nr -= i, r += i) {
		for (i = 0; i < PB_NVME_PRPS_PER_PAGE - 1; i++)
			list[i] = le64_of(r[i].addr);
		list[i] = le64_of(next->dma);
		list = next++->virt;
	}
	for (i = 0; i < nr; i++)
		list[i] = le64_of(r[i].addr);
}

void nvme_bare_prp(struct pb_nvme_iod *iod, const struct nvme_ready *r,
		   uint32_t nr)
{
	union pb_nvme_data_ptr *dptr = &iod->dptr;
	struct pb_nvme_list_page list;

	dptr->prp.prp1 = le64_of(r[0].addr);
	dptr->prp.prp2 = 0;
	if (nr == 2)
		dptr->prp.prp2 = le64_of(r[1].addr);
	if (nr <= 2)
		return;
	list = list_of(iod, (nr - 1) * sizeof(pb_le64));
	dptr->prp.prp2 = le64_of(list.dma);
	prp_list(iod, list.virt, r + 1, nr - 1);
}

static void sgl_set(struct pb_nvme_sgl_desc *desc, pb_dma_addr_t addr,
		    uint32_t len, uint8_t type)
{
	*desc = (struct pb_nvme_sgl_desc){
		.addr = le64_of(addr),
		.length = htole32(len),
		.type = type,
	};
}

void nvme_bare_sgl(struct pb_nvme_iod *iod, const struct nvme_ready *r,
		   uint32_t nr)
{
	uint32_t bytes = nr * (uint32_t)sizeof(struct pb_nvme_sgl_desc), i;
	struct pb_nvme_list_page list;
	struct pb_nvme_sgl_desc *desc;

	if (nr == 1) {
		sgl_set(&iod->dptr.sgl, r->addr, r->len, PB_NVME_SGL_DATA);
		return;
	}
	list = list_of(iod, bytes);
	sgl_set(&iod->dptr.sgl, list.dma, bytes, PB_NVME_SGL_LAST_SEGMENT);
	desc = list.virt;
	for (i = 0; i < nr; i++)
		sgl_set(&desc[i], r[i].addr, r[i].len, PB_NVME_SGL_DATA);
}
