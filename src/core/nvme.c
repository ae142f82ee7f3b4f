// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * PRPs and SGLs of a request. A PRP list says nothing about lengths: every range but
 * the first must begin on a controller page and every one but the last end on one.
 * Where the request's gaps say that it can't be so, an SGL is built.
 */
#include "platform.h"

#include <physbio/nvme.h>

#include "queue.h"

#define PAGE_OFFSET_MASK (PB_NVME_CTRL_PAGE_SIZE - 1)

/* Gaps that a PRP list can't express: those below the controller's page. */
static bool has_gaps(const struct pb_request *rq)
{
	return pb_req_phys_gap_mask(rq) & (PB_NVME_CTRL_PAGE_SIZE - 1);
}

static bool sgl_wanted(const struct pb_request *rq,
		       const struct pb_nvme_iod *iod)
{
	u32 nsegs = pb_blk_rq_nr_phys_segments(rq);

	if (!iod->sgl_supported)
		return false;
	if (has_gaps(rq))
		return true;
	/* The average, rounded up, without dividing. */
	return iod->sgl_threshold &&
	       pb_blk_rq_bytes(rq) > (u64)(iod->sgl_threshold - 1) * nsegs;
}

static u64 page_offset_of(pb_dma_addr_t addr)
{
	return physbio_dma_value(addr) & PAGE_OFFSET_MASK;
}

/* --- PRP --- */

/* The next slot of the list that PRP2 points to. */
struct prp_writer {
	struct pb_nvme_iod *iod;
	u32 pages; /* entries so far, PRP1 included */
	u32 list; /* page that is being filled */
	u32 slot;
	u64 end_offset; /* of the last range, within its page */
	pb_dma_addr_t first_listed;
};

static pb_dma_addr_t *prp_slot(struct prp_writer *w)
{
	return (pb_dma_addr_t *)w->iod->lists[w->list].virt + w->slot;
}

/*
 *   | e0 | e1 | ... | e510 | e511 |        e511 moves to the next page if
 *                             |            there is another entry behind it
 *                             v
 *                           | e511 | ... |
 */
static bool prp_list_add(struct prp_writer *w, pb_dma_addr_t addr)
{
	pb_dma_addr_t moved;

	if (w->slot == PB_NVME_PRPS_PER_PAGE) {
		if (w->list + 1 == PB_NVME_MAX_LIST_PAGES)
			return false;
		w->slot--;
		moved = *prp_slot(w);
		*prp_slot(w) = w->iod->lists[w->list + 1].dma;
		w->list++;
		w->slot = 0;
		*prp_slot(w) = moved;
		w->slot++;
	}
	*prp_slot(w) = addr;
	w->slot++;
	return true;
}

/* PRP1, then PRP2; from the third on, PRP2 is the list and the second moves there. */
static bool prp_add(struct prp_writer *w, pb_dma_addr_t addr)
{
	union pb_nvme_data_ptr *dptr = &w->iod->dptr;

	switch (w->pages++) {
	case 0:
		dptr->prp.prp1 = addr;
		return true;
	case 1:
		dptr->prp.prp2 = addr;
		return true;
	case 2:
		prp_list_add(w, dptr->prp.prp2);
		dptr->prp.prp2 = w->iod->lists[0].dma;
		return prp_list_add(w, addr);
	default:
		return prp_list_add(w, addr);
	}
}

static bool prp_add_range(struct prp_writer *w, pb_dma_addr_t addr, u32 len)
{
	u32 first =
		min(len, PB_NVME_CTRL_PAGE_SIZE - (u32)page_offset_of(addr));

	if (w->pages && (w->end_offset || page_offset_of(addr)))
		return false;
	if (!prp_add(w, addr))
		return false;
	for (len -= first, addr = physbio_dma_add(addr, first); len;) {
		u32 piece = min(len, PB_NVME_CTRL_PAGE_SIZE);

		if (!prp_add(w, addr))
			return false;
		addr = physbio_dma_add(addr, piece);
		len -= piece;
	}
	w->end_offset = page_offset_of(addr);
	return true;
}

/* --- SGL --- */

#define SGL_DESCS_PER_PAGE \
	(PB_NVME_CTRL_PAGE_SIZE / sizeof(struct pb_nvme_sgl_desc))

static void sgl_set(struct pb_nvme_sgl_desc *desc, pb_dma_addr_t addr, u32 len,
		    u8 type)
{
	memset(desc, 0, sizeof(*desc));
	desc->addr = addr;
	desc->length = len;
	desc->type = type;
}

/* The first range is inline; a second one moves it to the list. */
static bool sgl_add_range(struct pb_nvme_iod *iod, u32 n, pb_dma_addr_t addr,
			  u32 len)
{
	struct pb_nvme_sgl_desc *list = iod->lists[0].virt;

	if (!n) {
		sgl_set(&iod->dptr.sgl, addr, len, PB_NVME_SGL_DATA);
		return true;
	}
	if (n == SGL_DESCS_PER_PAGE)
		return false;
	if (n == 1)
		list[0] = iod->dptr.sgl;
	sgl_set(&list[n], addr, len, PB_NVME_SGL_DATA);
	sgl_set(&iod->dptr.sgl, iod->lists[0].dma,
		(n + 1) * (u32)sizeof(list[0]), PB_NVME_SGL_LAST_SEGMENT);
	return true;
}

/* --- both --- */

static bool remember_range(struct pb_nvme_iod *iod, pb_dma_addr_t addr, u32 len)
{
	if (iod->nr_ranges == iod->max_ranges)
		return false;
	iod->ranges[iod->nr_ranges].addr = addr;
	iod->ranges[iod->nr_ranges].len = len;
	iod->nr_ranges++;
	iod->len += len;
	return true;
}

static unsigned long unmap_attrs(const struct pb_nvme_iod *iod)
{
	return iod->map == PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE ?
		       PB_DMA_ATTR_MMIO :
		       0;
}

void pb_nvme_unmap_data(struct pb_request *rq, const struct pb_device *dev,
			struct pb_nvme_iod *iod)
{
	u32 i;

	if (pb_blk_rq_dma_unmap(rq, dev, &iod->state, iod->len, iod->map))
		return;
	for (i = 0; i < iod->nr_ranges; i++)
		pb_dma_unmap_phys(dev, iod->ranges[i].addr, iod->ranges[i].len,
				  pb_rq_dma_dir(rq), unmap_attrs(iod));
}
EXPORT_SYMBOL_GPL(pb_nvme_unmap_data);

/* A range that no one remembers must go back at once. */
static bool iod_add_range(struct pb_request *rq, const struct pb_device *dev,
			  struct pb_nvme_iod *iod, struct prp_writer *w,
			  const struct pb_blk_dma_iter *iter)
{
	u32 n = iod->nr_ranges;

	if (!remember_range(iod, iter->addr, iter->len)) {
		if (!pb_blk_rq_dma_unmap(rq, dev, &iod->state, iter->len,
					 iod->map))
			pb_dma_unmap_phys(dev, iter->addr, iter->len,
					  pb_rq_dma_dir(rq), unmap_attrs(iod));
		return false;
	}
	if (iod->use_sgl)
		return sgl_add_range(iod, n, iter->addr, iter->len);
	return prp_add_range(w, iter->addr, iter->len);
}

static pb_blk_status_t map_ranges(struct pb_request *rq,
				  const struct pb_device *dev,
				  struct pb_nvme_iod *iod)
{
	struct prp_writer w = { .iod = iod };
	struct pb_blk_dma_iter iter;
	bool more;

	iod->use_sgl = sgl_wanted(rq, iod);
	more = pb_blk_rq_dma_map_iter_start(rq, dev, &iod->state, &iter);
	iod->map = iter.map;
	while (more) {
		if (!iod_add_range(rq, dev, iod, &w, &iter)) {
			iter.status = PB_BLK_STS_IOERR;
			break;
		}
		more = pb_blk_rq_dma_map_iter_next(rq, dev, &iod->state, &iter);
	}
	if (unlikely(iter.status))
		pb_nvme_unmap_data(rq, dev, iod);
	return iter.status;
}

/* May it be mapped without the iterator: one segment of RAM that needs no list? */
static bool is_simple(const struct pb_request *rq,
		      const struct pb_nvme_iod *iod,
		      const struct pb_bio_vec *bv)
{
	u32 offset = pb_bvec_offset(bv) & PAGE_OFFSET_MASK;

	if (pb_bvec_region(bv, rq->bio->bi_region))
		return false;
	return iod->sgl_supported ||
	       offset + bv->bv_len <= 2 * PB_NVME_CTRL_PAGE_SIZE;
}

/*
 * A translator that does not keep the offset in the page can make three pages of
 * two: then there is a list after all. Source: nvme_pci_setup_data_simple()
 */
static pb_blk_status_t map_simple(const struct pb_request *rq,
				  const struct pb_device *dev,
				  struct pb_nvme_iod *iod,
				  const struct pb_bio_vec *bv)
{
	pb_dma_addr_t addr = pb_dma_map_bvec(dev, bv, pb_rq_dma_dir(rq), 0);
	struct prp_writer w = { .iod = iod };
	u32 first;

	if (unlikely(pb_dma_mapping_error(dev, addr)))
		return PB_BLK_STS_IOERR;
	remember_range(iod, addr, bv->bv_len);
	first = PB_NVME_CTRL_PAGE_SIZE - (u32)page_offset_of(addr);
	iod->use_sgl = false;
	if (unlikely(bv->bv_len > first + PB_NVME_CTRL_PAGE_SIZE)) {
		iod->use_sgl = iod->sgl_supported;
		if (iod->use_sgl)
			sgl_add_range(iod, 0, addr, bv->bv_len);
		else
			prp_add_range(&w, addr, bv->bv_len);
		return PB_BLK_STS_OK;
	}
	iod->dptr.prp.prp1 = addr;
	if (bv->bv_len > first)
		iod->dptr.prp.prp2 = physbio_dma_add(addr, first);
	return PB_BLK_STS_OK;
}

pb_blk_status_t pb_nvme_map_data(struct pb_request *rq,
				 const struct pb_device *dev,
				 struct pb_nvme_iod *iod)
{
	struct pb_bio_vec bv;

	memset(&iod->dptr, 0, sizeof(iod->dptr));
	memset(&iod->state, 0, sizeof(iod->state));
	iod->nr_ranges = 0;
	iod->len = 0;
	iod->map = PB_PCI_P2PDMA_MAP_NONE;
	if (pb_blk_rq_nr_phys_segments(rq) == 1 &&
	    !(rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD)) {
		bv = pb_mp_bvec_iter_bvec(rq->bio->bi_io_vec, rq->bio->bi_iter);
		if (is_simple(rq, iod, &bv))
			return map_simple(rq, dev, iod, &bv);
	}
	return map_ranges(rq, dev, iod);
}
EXPORT_SYMBOL_GPL(pb_nvme_map_data);
