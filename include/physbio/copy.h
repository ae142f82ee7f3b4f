/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the CPU itself does with the data of a bio: it finds them by its own address,
 * copies and zeroes them. Memory of a peer is no such data: it is MMIO, and each of these
 * refuses it. The kernel does not: its pages are mapped, uncached, and it copies.
 */
#ifndef PHYSBIO_COPY_H
#define PHYSBIO_COPY_H

#include <physbio/bio.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef PB_REPR_HAS_PHYS
/**
 * pb_bvec_set_virt() - make a vector of memory by the address the CPU uses
 * @bv: vector to fill
 * @vaddr: kernel virtual address, of memory that is not vmalloc()ed; in userspace what
 *	physbio_mem_virt() has given, of memory that the map has made itself
 * @len: bytes
 *
 * Memory that is none of these gives an empty vector, which no bio takes.
 * Context: any. Source: bvec_set_virt()
 */
PB_API void pb_bvec_set_virt(struct pb_bio_vec *bv, void *vaddr,
			     unsigned int len);

/**
 * pb_bvec_virt() - where the CPU finds a vector's first byte
 * @bv: vector
 *
 * Context: any. Return: kernel virtual address, good up to the end of the page at least;
 * NULL for a peer's memory, and where there are no bytes. Source: bvec_virt()
 */
PB_API void *pb_bvec_virt(const struct pb_bio_vec *bv);

/**
 * pb_bvec_kmap_local() - let the CPU use a vector's memory for a moment
 * @bv: vector within a page
 *
 * To be undone by pb_kunmap_local(), the last one first, in the same task.
 * Context: any. Return: kernel virtual address of the first byte; NULL for a peer's
 * memory, and where there are no bytes. Source: bvec_kmap_local()
 */
PB_API void *pb_bvec_kmap_local(const struct pb_bio_vec *bv);

/* pb_kunmap_local() - what pb_bvec_kmap_local() gave is used no more. Source:
 * kunmap_local() */
PB_API void pb_kunmap_local(const void *vaddr);

/**
 * pb_memcpy_from_bvec() - copy a vector's bytes away
 * @to: where to; room for bv_len bytes
 * @bv: vector within a page
 *
 * Context: any. Return: 0; nothing is copied and -EINVAL returned if @bv goes beyond its
 * page, -EFAULT if it is a peer's memory or there are no bytes.
 * Source: memcpy_from_bvec()
 */
PB_API int pb_memcpy_from_bvec(char *to, const struct pb_bio_vec *bv);

/**
 * pb_memcpy_to_bvec() - the other way
 * @bv: vector within a page
 * @from: bv_len bytes
 *
 * Context: any. Return: as pb_memcpy_from_bvec(). Source: memcpy_to_bvec()
 */
PB_API int pb_memcpy_to_bvec(const struct pb_bio_vec *bv, const char *from);

/**
 * pb_memzero_bvec() - make all bytes of a vector 0
 * @bv: vector within a page
 *
 * Context: any. Return: as pb_memcpy_from_bvec(). Source: memzero_bvec()
 */
PB_API int pb_memzero_bvec(const struct pb_bio_vec *bv);

/**
 * pb_bio_copy_data_iter() - copy data from one bio to another
 * @dst: bio that is written to
 * @dst_iter: position in it, moved past what was copied
 * @src: bio that is read
 * @src_iter: position in it, likewise
 *
 * Until either ends. Context: any. Return: 0; -EFAULT if one of them has a peer's memory
 * or no data at all, and then nothing is copied; -EFAULT where there are no bytes behind
 * a page, and what comes before is copied. Source: bio_copy_data_iter()
 */
PB_API int pb_bio_copy_data_iter(struct pb_bio *dst,
				 struct pb_bvec_iter *dst_iter,
				 struct pb_bio *src,
				 struct pb_bvec_iter *src_iter);

/* pb_bio_copy_data() - the same from where both are, moving neither. Source:
 * bio_copy_data() */
PB_API int pb_bio_copy_data(struct pb_bio *dst, struct pb_bio *src);

/**
 * pb_zero_fill_bio_iter() - make a bio's data 0 from a position on
 * @bio: bio
 * @start: position in it
 *
 * Context: any. Return: as pb_bio_copy_data_iter(). Source: zero_fill_bio_iter()
 */
PB_API int pb_zero_fill_bio_iter(struct pb_bio *bio, struct pb_bvec_iter start);

/* pb_zero_fill_bio() - all that is left of them. Source: zero_fill_bio() */
PB_API int pb_zero_fill_bio(struct pb_bio *bio);

/**
 * pb_bio_truncate() - let a bio end earlier
 * @bio: bio that is not in flight
 * @new_size: bytes that are left of it; nothing is done unless it has more
 *
 * The table stays as it is, since its owner releases what is in it. What a read gets no
 * more is made 0. Context: any. Return: 0; for a read, -EFAULT as
 * pb_zero_fill_bio_iter(), and the bio is as long as it was. Source: bio_truncate()
 */
PB_API int pb_bio_truncate(struct pb_bio *bio, unsigned int new_size);

/**
 * pb_guard_bio_eod() - let a bio end where its device ends
 * @bio: bio with a device, not in flight
 *
 * One that begins behind the end is left alone: it fails when it is submitted. So is one
 * of a device whose size is 0, which is not known.
 * Context: any. Return: as pb_bio_truncate(). Source: guard_bio_eod()
 */
PB_API int pb_guard_bio_eod(struct pb_bio *bio);
#endif

#ifdef __cplusplus
}
#endif

#endif
