// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The CPU's own way to the data of a bio. Decides which memory it may touch, a peer's
 * never, and walks page by page. How a page is mapped is the platform's secret.
 */
#include "platform.h"

#include <physbio/copy.h>

void pb_bvec_set_virt(struct pb_bio_vec *bv, void *vaddr, unsigned int len)
{
	pb_phys_addr_t paddr = virt_to_phys(vaddr);

	if (WARN_ON_ONCE(!paddr)) {
		memset(bv, 0, sizeof(*bv));
		return;
	}
	pb_bvec_set_page(bv, pb_phys_to_page(paddr), len,
			 pb_offset_in_page(paddr));
}
EXPORT_SYMBOL_GPL(pb_bvec_set_virt);

void *pb_bvec_virt(const struct pb_bio_vec *bv)
{
	return ram_virt(pb_bvec_phys(bv));
}
EXPORT_SYMBOL_GPL(pb_bvec_virt);

void *pb_bvec_kmap_local(const struct pb_bio_vec *bv)
{
	return ram_kmap_local(pb_bvec_phys(bv));
}
EXPORT_SYMBOL_GPL(pb_bvec_kmap_local);

void pb_kunmap_local(const void *vaddr)
{
	kunmap_local(vaddr);
}
EXPORT_SYMBOL_GPL(pb_kunmap_local);

/* 0 and the mapping of @bv in @vaddr, or -errno. */
static int bvec_map(const struct pb_bio_vec *bv, void **vaddr)
{
	if (pb_bvec_page_offset(bv) + (u64)bv->bv_len > PB_PAGE_SIZE)
		return -EINVAL;
	*vaddr = pb_bvec_kmap_local(bv);
	return *vaddr ? 0 : -EFAULT;
}

int pb_memcpy_from_bvec(char *to, const struct pb_bio_vec *bv)
{
	void *from;
	int err = bvec_map(bv, &from);

	if (err)
		return err;
	memcpy(to, from, bv->bv_len);
	pb_kunmap_local(from);
	return 0;
}
EXPORT_SYMBOL_GPL(pb_memcpy_from_bvec);

int pb_memcpy_to_bvec(const struct pb_bio_vec *bv, const char *from)
{
	void *to;
	int err = bvec_map(bv, &to);

	if (err)
		return err;
	memcpy(to, from, bv->bv_len);
	pb_kunmap_local(to);
	return 0;
}
EXPORT_SYMBOL_GPL(pb_memcpy_to_bvec);

int pb_memzero_bvec(const struct pb_bio_vec *bv)
{
	void *to;
	int err = bvec_map(bv, &to);

	if (err)
		return err;
	memset(to, 0, bv->bv_len);
	pb_kunmap_local(to);
	return 0;
}
EXPORT_SYMBOL_GPL(pb_memzero_bvec);

/* Has it data that the CPU may touch? */
static bool bio_has_ram(const struct pb_bio *bio)
{
	return bio->bi_io_vec && !pb_bio_no_advance_iter(bio) &&
	       !pb_bio_flagged(bio, PB_BIO_P2PDMA);
}

static void bio_iter_step(const struct pb_bio *bio, struct pb_bvec_iter *iter,
			  u32 bytes)
{
	iter->bi_sector += bytes >> PB_SECTOR_SHIFT;
	pb_bvec_iter_step(bio->bi_io_vec, iter, bytes);
}

int pb_bio_copy_data_iter(struct pb_bio *dst, struct pb_bvec_iter *dst_iter,
			  struct pb_bio *src, struct pb_bvec_iter *src_iter)
{
	struct pb_bio_vec to, from;
	void *vaddr;
	int err;

	if (!bio_has_ram(dst) || !bio_has_ram(src))
		return -EFAULT;
	while (dst_iter->bi_size && src_iter->bi_size) {
		to = pb_bvec_iter_bvec(dst->bi_io_vec, *dst_iter);
		from = pb_bvec_iter_bvec(src->bi_io_vec, *src_iter);
		to.bv_len = min((u32)to.bv_len, (u32)from.bv_len);
		err = bvec_map(&from, &vaddr);
		if (err)
			return err;
		err = pb_memcpy_to_bvec(&to, vaddr);
		pb_kunmap_local(vaddr);
		if (err)
			return err;
		bio_iter_step(dst, dst_iter, to.bv_len);
		bio_iter_step(src, src_iter, to.bv_len);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pb_bio_copy_data_iter);

int pb_bio_copy_data(struct pb_bio *dst, struct pb_bio *src)
{
	struct pb_bvec_iter dst_iter = dst->bi_iter;
	struct pb_bvec_iter src_iter = src->bi_iter;

	return pb_bio_copy_data_iter(dst, &dst_iter, src, &src_iter);
}
EXPORT_SYMBOL_GPL(pb_bio_copy_data);

int pb_zero_fill_bio_iter(struct pb_bio *bio, struct pb_bvec_iter start)
{
	struct pb_bvec_iter iter;
	struct pb_bio_vec bv;
	int err;

	if (!bio_has_ram(bio))
		return -EFAULT;
	pb_for_each_bvec(bv, bio->bi_io_vec, iter, start) {
		err = pb_memzero_bvec(&bv);
		if (err)
			return err;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pb_zero_fill_bio_iter);

int pb_zero_fill_bio(struct pb_bio *bio)
{
	return pb_zero_fill_bio_iter(bio, bio->bi_iter);
}
EXPORT_SYMBOL_GPL(pb_zero_fill_bio);

int pb_bio_truncate(struct pb_bio *bio, unsigned int new_size)
{
	struct pb_bvec_iter cut = bio->bi_iter;
	int err = 0;

	if (new_size >= bio->bi_iter.bi_size)
		return 0;
	if (pb_bio_op(bio) == PB_REQ_OP_READ) {
		pb_bio_advance_iter(bio, &cut, new_size);
		err = pb_zero_fill_bio_iter(bio, cut);
	}
	if (!err)
		bio->bi_iter.bi_size = new_size;
	return err;
}
EXPORT_SYMBOL_GPL(pb_bio_truncate);

int pb_guard_bio_eod(struct pb_bio *bio)
{
	pb_sector_t end = bio->bi_bdev->bd_nr_sectors;
	pb_sector_t start = bio->bi_iter.bi_sector;

	if (start >= end || pb_bio_sectors(bio) <= end - start)
		return 0;
	return pb_bio_truncate(bio, (u32)(end - start) << PB_SECTOR_SHIFT);
}
EXPORT_SYMBOL_GPL(pb_guard_bio_eod);
