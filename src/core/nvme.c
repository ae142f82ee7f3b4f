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

enum nvme_use_sgl {
	SGL_UNSUPPORTED,
	SGL_SUPPORTED,
	SGL_FORCED,
};

/* Gaps that a PRP list can't express: those below the controller's page. */
static bool has_gaps(const struct pb_request *rq)
{
	return pb_req_phys_gap_mask(rq) & PAGE_OFFSET_MASK;
}

/* An offset in the device's own BAR: a PRP can't say that it is one. */
static bool may_be_offset(const struct pb_request *rq,
			  const struct pb_device *dev)
{
	return HAS_P2PDMA && unlikely(dev->xlate->own_bar) && rq->bio &&
	       pb_bio_flagged(rq->bio, PB_BIO_P2PDMA);
}

/* Only an SGL checks a user's length, or can go with metadata in pieces. */
static enum nvme_use_sgl nvme_use_sgls(const struct pb_request *rq,
				       const struct pb_device *dev,
				       const struct pb_nvme_iod *iod)
{
	if (!iod->sgl_supported || iod->admin)
		return SGL_UNSUPPORTED;
	if (has_gaps(rq) || iod->user_cmd || rq->nr_integrity_segments > 1 ||
	    may_be_offset(rq, dev))
		return SGL_FORCED;
	return SGL_SUPPORTED;
}

/* The segments that the device sees: one, if they became one. */
static u32 nr_entries(const struct pb_request *rq,
		      const struct pb_nvme_iod *iod)
{
	if (pb_blk_rq_dma_map_coalesce(&iod->state))
		return 1;
	return pb_blk_rq_nr_phys_segments(rq);
}

static bool sgl_wanted(const struct pb_request *rq, const struct pb_device *dev,
		       const struct pb_nvme_iod *iod)
{
	enum nvme_use_sgl use_sgl = nvme_use_sgls(rq, dev, iod);

	if (use_sgl != SGL_SUPPORTED)
		return use_sgl == SGL_FORCED;
	/* The average, rounded up, without dividing. */
	return iod->sgl_threshold &&
	       pb_blk_rq_payload_bytes(rq) >
		       (u64)(iod->sgl_threshold - 1) * nr_entries(rq, iod);
}

static u32 page_offset_of(pb_dma_addr_t addr)
{
	return (u32)(physbio_dma_value(addr) & PAGE_OFFSET_MASK);
}

static pb_le64 dma_to_le64(pb_dma_addr_t addr)
{
	return cpu_to_le64(physbio_dma_value(addr));
}

/* --- lists --- */

/* What describes a request, range by range: the next slot of the list. */
struct writer {
	struct pb_nvme_iod *iod;
	struct pb_nvme_list_page list; /* that is being filled */
	u32 next; /* of iod->lists, to go on in */
	u32 slot; /* of list */
	u32 slots;
	bool save; /* ranges must be unmapped, each */

	/* PRP */
	u32 left; /* bytes of the request */
	u32 end_offset; /* of the last range, within its page */

	/* SGL */
	u32 entries; /* as many, at most */
	struct pb_nvme_sgl_desc *up; /* what points to list */
};

/* A short list that needs no other goes in a small block, if there is one. */
static void list_begin(struct writer *w, u32 entries, u32 entry_size)
{
	struct pb_nvme_iod *iod = w->iod;

	w->slot = 0;
	if (iod->small.virt &&
	    entries * entry_size <= PB_NVME_SMALL_POOL_SIZE) {
		w->list = iod->small;
		w->slots = PB_NVME_SMALL_POOL_SIZE / entry_size;
		w->next = PB_NVME_MAX_LIST_PAGES;
		return;
	}
	w->list = iod->lists[0];
	w->slots = PB_NVME_CTRL_PAGE_SIZE / entry_size;
	w->next = 1;
}

/* The next page, if there is one, for which the caller has made a pointer. */
static bool list_go_on(struct writer *w)
{
	if (w->next == PB_NVME_MAX_LIST_PAGES)
		return false;
	w->list = w->iod->lists[w->next++];
	w->slot = 0;
	return true;
}

/* --- PRP --- */

/*
 *   | e0 | e1 | ... | e510 | e511 |        e511 moves to the next page if
 *                             |            there is another entry behind it
 *                             v
 *                           | e511 | ... |
 */
static bool prp_list_go_on(struct writer *w)
{
	pb_le64 *last = (pb_le64 *)w->list.virt + w->slots - 1;

	if (!list_go_on(w))
		return false;
	*(pb_le64 *)w->list.virt = *last;
	*last = dma_to_le64(w->list.dma);
	w->slot = 1;
	return true;
}

static void prp_fill(pb_le64 *list, pb_dma_addr_t addr, u32 pages)
{
	for (; pages; pages--) {
		*list++ = dma_to_le64(addr);
		addr = physbio_dma_add(addr, PB_NVME_CTRL_PAGE_SIZE);
	}
}

/* An entry for each page, of which the last one need not be full. */
static bool prp_list_add_pages(struct writer *w, pb_dma_addr_t addr, u32 len)
{
	u32 pages = ((len - 1) >> PB_NVME_CTRL_PAGE_SHIFT) + 1, n;

	for (; pages; pages -= n) {
		if (unlikely(w->slot == w->slots) && !prp_list_go_on(w))
			return false;
		n = min(pages, w->slots - w->slot);
		prp_fill((pb_le64 *)w->list.virt + w->slot, addr, n);
		addr = physbio_dma_add(addr, (u64)n << PB_NVME_CTRL_PAGE_SHIFT);
		w->slot += n;
	}
	return true;
}

static bool prp_list_add(struct writer *w, pb_dma_addr_t addr, u32 len)
{
	pb_le64 *list = w->list.virt;

	if (len > PB_NVME_CTRL_PAGE_SIZE || unlikely(w->slot == w->slots))
		return prp_list_add_pages(w, addr, len);
	list[w->slot++] = dma_to_le64(addr);
	return true;
}

/* PRP2: the second page if it is the last, else the list. */
static bool prp_add_second(struct writer *w, pb_dma_addr_t addr, u32 len)
{
	union pb_nvme_data_ptr *dptr = &w->iod->dptr;

	if (w->left <= PB_NVME_CTRL_PAGE_SIZE) {
		dptr->prp.prp2 = dma_to_le64(addr);
		return true;
	}
	list_begin(w, (w->left + PAGE_OFFSET_MASK) >> PB_NVME_CTRL_PAGE_SHIFT,
		   sizeof(pb_le64));
	dptr->prp.prp2 = dma_to_le64(w->list.dma);
	return prp_list_add(w, addr, len);
}

/* The first range may begin within a page, and fills PRP1. */
static u32 prp_add_first(struct writer *w, pb_dma_addr_t addr, u32 len)
{
	u32 done = min(len, PB_NVME_CTRL_PAGE_SIZE - page_offset_of(addr));

	w->iod->dptr.prp.prp1 = dma_to_le64(addr);
	w->left -= done;
	return done;
}

static bool prp_add_range(struct writer *w, pb_dma_addr_t addr, u32 len)
{
	u32 done = 0;

	if (w->iod->nr_ranges == 1)
		done = prp_add_first(w, addr, len);
	else if (w->end_offset || page_offset_of(addr))
		return false;
	w->end_offset = page_offset_of(physbio_dma_add(addr, len));
	if (done == len)
		return true;
	addr = physbio_dma_add(addr, done);
	if (!w->list.virt)
		return prp_add_second(w, addr, len - done);
	return prp_list_add(w, addr, len - done);
}

/* --- SGL --- */

static void sgl_set(struct pb_nvme_sgl_desc *desc, pb_dma_addr_t addr, u32 len,
		    u8 type)
{
	memset(desc, 0, sizeof(*desc));
	desc->addr = dma_to_le64(addr);
	desc->length = cpu_to_le32(len);
	desc->type = type;
}

/* What points to the list learns what it has become. */
static void sgl_list_end(struct writer *w, u8 type)
{
	sgl_set(w->up, w->list.dma,
		w->slot * (u32)sizeof(struct pb_nvme_sgl_desc), type);
}

/*
 * A full page: its last descriptor moves to the next one and points there. Whatever
 * points to the full page does not point to the last segment.
 */
static bool sgl_list_go_on(struct writer *w)
{
	struct pb_nvme_sgl_desc *list = w->list.virt;
	struct pb_nvme_sgl_desc *last = &list[w->slots - 1];

	sgl_list_end(w, PB_NVME_SGL_SEGMENT);
	if (!list_go_on(w))
		return false;
	list = w->list.virt;
	list[w->slot++] = *last;
	w->up = last;
	return true;
}

/* One segment is described in the command, several are in a list. */
static bool sgl_add_range(struct writer *w, pb_dma_addr_t addr, u32 len,
			  u8 type)
{
	struct pb_nvme_sgl_desc *list;

	if (w->entries == 1) {
		sgl_set(&w->iod->dptr.sgl, addr, len, type);
		return w->iod->nr_ranges == 1;
	}
	if (!w->up) {
		w->up = &w->iod->dptr.sgl;
		list_begin(w, w->entries, sizeof(*w->up));
	}
	if (w->slot == w->slots && !sgl_list_go_on(w))
		return false;
	list = w->list.virt;
	sgl_set(&list[w->slot++], addr, len, type);
	return true;
}

/* --- both --- */

/*
 * Descriptors don't tell where ranges end: whoever has to unmap each of them must keep
 * it. Source: nvme_pci_prp_save_mapping()
 */
static bool must_save(const struct pb_device *dev,
		      const struct pb_nvme_iod *iod)
{
	return pb_dma_need_unmap(dev) && !pb_dma_use_iova(&iod->state);
}

/* A range that can't be kept goes back at once. */
static bool save_range(struct pb_request *rq, const struct pb_device *dev,
		       struct pb_nvme_iod *iod, pb_dma_addr_t addr, u32 len,
		       enum pb_pci_p2pdma_map_type map)
{
	struct pb_nvme_range *range = &iod->ranges[iod->nr_saved];

	if (iod->nr_saved == iod->max_ranges) {
		physbio_dma_unmap_range(dev, addr, len, pb_rq_dma_dir(rq), map);
		return false;
	}
	range->addr = addr;
	range->len = len;
	range->map = (u8)map;
	iod->nr_saved++;
	return true;
}

void pb_nvme_unmap_data(struct pb_request *rq, const struct pb_device *dev,
			struct pb_nvme_iod *iod)
{
	u32 i;

	if (pb_blk_rq_dma_unmap(rq, dev, &iod->state, iod->len, iod->map))
		return;
	for (i = 0; i < iod->nr_saved; i++)
		physbio_dma_unmap_range(
			dev, iod->ranges[i].addr, iod->ranges[i].len,
			pb_rq_dma_dir(rq),
			(enum pb_pci_p2pdma_map_type)iod->ranges[i].map);
}
EXPORT_SYMBOL_GPL(pb_nvme_unmap_data);

static bool iod_add_range(struct pb_request *rq, const struct pb_device *dev,
			  struct writer *w, pb_dma_addr_t addr, u32 len,
			  enum pb_pci_p2pdma_map_type map)
{
	bool own_bar = map == PHYSBIO_P2PDMA_MAP_OWN_BAR;

	if (unlikely(w->save) && !physbio_is_unmapped(map) &&
	    !save_range(rq, dev, w->iod, addr, len, map))
		return false;
	w->iod->nr_ranges++;
	w->iod->len += len;
	if (w->iod->use_sgl)
		return sgl_add_range(w, addr, len,
				     own_bar ? PB_NVME_SGL_DATA |
						       PB_NVME_SGL_OFFSET :
					       PB_NVME_SGL_DATA);
	return !own_bar && prp_add_range(w, addr, len);
}

/* Where a list begins, the rest is set. */
static void writer_begin(struct writer *w, struct pb_nvme_iod *iod,
			 const struct pb_device *dev, u32 len, u32 entries)
{
	w->iod = iod;
	w->list.virt = NULL;
	w->save = must_save(dev, iod);
	w->left = len;
	w->end_offset = 0;
	w->entries = entries;
	w->up = NULL;
}

static pb_blk_status_t map_ranges(struct pb_request *rq,
				  const struct pb_device *dev,
				  struct pb_nvme_iod *iod)
{
	struct pb_blk_dma_iter iter __uninitialized;
	struct writer w __uninitialized;
	bool more;

	more = pb_blk_rq_dma_map_iter_start(rq, dev, &iod->state, &iter);
	iod->map = iter.map;
	iod->use_sgl = sgl_wanted(rq, dev, iod);
	writer_begin(&w, iod, dev, pb_blk_rq_payload_bytes(rq),
		     nr_entries(rq, iod));
	while (more) {
		if (!iod_add_range(rq, dev, &w, iter.addr, iter.len,
				   iter.map)) {
			iter.status = PB_BLK_STS_IOERR;
			break;
		}
		more = pb_blk_rq_dma_map_iter_next(rq, dev, &iter);
	}
	if (w.up)
		sgl_list_end(&w, PB_NVME_SGL_LAST_SEGMENT);
	if (unlikely(iter.status))
		pb_nvme_unmap_data(rq, dev, iod);
	return iter.status;
}

/* Source: req_bvec() */
static struct pb_bio_vec req_bvec(const struct pb_request *rq)
{
	if (rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD)
		return *rq->special_vec;
	return pb_mp_bvec_iter_bvec(rq->bio->bi_io_vec,
				    pb_bvec_iter_first(rq->bio->bi_io_vec,
						       rq->bio->bi_iter));
}

/* A driver's own vector is RAM, whatever its bio has. */
static const struct physbio_region *req_region(const struct pb_request *rq)
{
	return rq->rq_flags & PB_RQF_SPECIAL_PAYLOAD ? NULL :
						       rq->bio->bi_region;
}

static bool prp_possible(u32 offset, u32 len)
{
	return offset + (u64)len <= 2 * PB_NVME_CTRL_PAGE_SIZE;
}

/* May it be mapped without the iterator: one segment of RAM that needs no list? */
static bool is_simple(const struct pb_request *rq, enum nvme_use_sgl use_sgl,
		      const struct pb_bio_vec *bv)
{
	u32 offset = pb_bvec_offset(bv) & PAGE_OFFSET_MASK;

	if (HAS_P2PDMA && pb_bvec_region(bv, req_region(rq)))
		return false;
	return use_sgl != SGL_UNSUPPORTED || prp_possible(offset, bv->bv_len);
}

/*
 * A translator that does not keep the offset in the page can make three pages of
 * two: then there is a list after all. Source: nvme_pci_setup_data_simple()
 */
static pb_blk_status_t map_simple(struct pb_request *rq,
				  const struct pb_device *dev,
				  struct pb_nvme_iod *iod,
				  enum nvme_use_sgl use_sgl,
				  const struct pb_bio_vec *bv)
{
	pb_dma_addr_t addr = pb_dma_map_bvec(dev, bv, pb_rq_dma_dir(rq), 0);
	struct writer w __uninitialized;

	writer_begin(&w, iod, dev, bv->bv_len, 1);
	if (unlikely(pb_dma_mapping_error(dev, addr)))
		return PB_BLK_STS_IOERR;
	iod->use_sgl = use_sgl == SGL_FORCED ||
		       (use_sgl == SGL_SUPPORTED &&
			!prp_possible(page_offset_of(addr), bv->bv_len));
	if (likely(iod_add_range(rq, dev, &w, addr, bv->bv_len,
				 PB_PCI_P2PDMA_MAP_NONE)))
		return PB_BLK_STS_OK;
	pb_nvme_unmap_data(rq, dev, iod);
	return PB_BLK_STS_IOERR;
}

pb_blk_status_t pb_nvme_map_data(struct pb_request *rq,
				 const struct pb_device *dev,
				 struct pb_nvme_iod *iod)
{
	enum nvme_use_sgl use_sgl;
	struct pb_bio_vec bv __uninitialized;

	memset(&iod->dptr, 0, sizeof(iod->dptr));
	memset(&iod->state, 0, sizeof(iod->state));
	iod->nr_ranges = 0;
	iod->nr_saved = 0;
	iod->len = 0;
	iod->map = PB_PCI_P2PDMA_MAP_NONE;
	if (pb_blk_rq_nr_phys_segments(rq) == 1) {
		bv = req_bvec(rq);
		use_sgl = nvme_use_sgls(rq, dev, iod);
		if (is_simple(rq, use_sgl, &bv))
			return map_simple(rq, dev, iod, use_sgl, &bv);
	}
	return map_ranges(rq, dev, iod);
}
EXPORT_SYMBOL_GPL(pb_nvme_map_data);

/* --- metadata --- */

static bool meta_use_sgls(const struct pb_request *rq,
			  const struct pb_nvme_iod *iod)
{
	return iod->use_sgl && iod->meta_list.virt &&
	       (rq->nr_integrity_segments > 1 || iod->user_cmd);
}

static u32 max_meta_ranges(const struct pb_request *rq,
			   const struct pb_nvme_iod *iod)
{
	if (!iod->use_meta_sgl)
		return 1;
	return min_t(u32, rq->nr_integrity_segments, PB_NVME_MAX_META_SEGS);
}

/*
 *   one:      | data |
 *   several:  | last segment | data | data | ... |
 *               `--------------^
 */
static struct pb_nvme_sgl_desc *first_meta_desc(const struct pb_request *rq,
						const struct pb_nvme_iod *iod)
{
	struct pb_nvme_sgl_desc *list = iod->meta_list.virt;

	return rq->nr_integrity_segments > 1 ? list + 1 : list;
}

static bool meta_add_range(const struct pb_request *rq, struct pb_nvme_iod *iod,
			   pb_dma_addr_t addr, u32 len)
{
	struct pb_nvme_sgl_desc *list = iod->meta_list.virt, *first;

	if (iod->nr_meta_ranges == max_meta_ranges(rq, iod))
		return false;
	iod->meta_len += len;
	if (!iod->use_meta_sgl) {
		iod->nr_meta_ranges++;
		iod->metadata = dma_to_le64(addr);
		return true;
	}
	first = first_meta_desc(rq, iod);
	sgl_set(&first[iod->nr_meta_ranges++], addr, len, PB_NVME_SGL_DATA);
	if (first != list)
		sgl_set(list,
			physbio_dma_add(iod->meta_list.dma, sizeof(*list)),
			iod->nr_meta_ranges * (u32)sizeof(*list),
			PB_NVME_SGL_LAST_SEGMENT);
	iod->metadata = dma_to_le64(iod->meta_list.dma);
	return true;
}

/* Metadata are mapped range by range, if at all. */
static void unmap_meta_range(struct pb_request *rq, const struct pb_device *dev,
			     u64 addr, u32 len)
{
	struct pb_dma_iova_state state = { .size = 0 };

	if (!pb_blk_rq_dma_unmap(rq, dev, &state, len, PB_PCI_P2PDMA_MAP_NONE))
		pb_dma_unmap_phys(dev, physbio_dma_make(addr), len,
				  pb_rq_dma_dir(rq), 0);
}

/* The descriptors say it all: nothing else remembers the ranges. */
void pb_nvme_unmap_metadata(struct pb_request *rq, const struct pb_device *dev,
			    struct pb_nvme_iod *iod)
{
	const struct pb_nvme_sgl_desc *desc;
	u32 i;

	if (!iod->nr_meta_ranges)
		return;
	if (!iod->use_meta_sgl) {
		unmap_meta_range(rq, dev, le64_to_cpu(iod->metadata),
				 iod->meta_len);
		return;
	}
	desc = first_meta_desc(rq, iod);
	for (i = 0; i < iod->nr_meta_ranges; i++, desc++)
		unmap_meta_range(rq, dev, le64_to_cpu(desc->addr),
				 le32_to_cpu(desc->length));
}
EXPORT_SYMBOL_GPL(pb_nvme_unmap_metadata);

pb_blk_status_t pb_nvme_map_metadata(struct pb_request *rq,
				     const struct pb_device *dev,
				     struct pb_nvme_iod *iod)
{
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	bool more;

	iod->metadata = 0;
	iod->nr_meta_ranges = 0;
	iod->meta_len = 0;
	iod->use_meta_sgl = meta_use_sgls(rq, iod);
	more = pb_blk_rq_integrity_dma_map_iter_start(rq, dev, &state, &iter);
	while (more) {
		if (!meta_add_range(rq, iod, iter.addr, iter.len)) {
			unmap_meta_range(rq, dev, physbio_dma_value(iter.addr),
					 iter.len);
			iter.status = PB_BLK_STS_IOERR;
			break;
		}
		more = pb_blk_rq_integrity_dma_map_iter_next(rq, dev, &iter);
	}
	if (unlikely(iter.status))
		pb_nvme_unmap_metadata(rq, dev, iod);
	return iter.status;
}
EXPORT_SYMBOL_GPL(pb_nvme_map_metadata);
