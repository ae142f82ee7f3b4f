/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bio: what one block I/O is. This file decides how a bio is made, filled,
 * walked, cut, chained and ended. It knows the queue's limits only as something
 * split.c asks about, and pages only as a way to say a physical address.
 */
#ifndef PHYSBIO_BIO_H
#define PHYSBIO_BIO_H

#include <physbio/bvec.h>
#include <physbio/crypt.h>
#include <physbio/types.h>
#include <physbio/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_bio;
struct pb_bio_set;
struct pb_request_queue;
struct pb_bio_integrity_payload;
struct physbio_region;
struct physbio_region_table;

typedef void (*pb_bio_end_io_t)(struct pb_bio *bio);

#define PB_BIO_MAX_VECS 256u
#define PB_BIO_MAX_SIZE UINT32_MAX
#define PB_BIO_INLINE_VECS 4

/* Operation of a bio: the low bits of bi_opf. Values as in the kernel. */
enum pb_req_op {
	PB_REQ_OP_READ = 0,
	PB_REQ_OP_WRITE = 1,
	PB_REQ_OP_FLUSH = 2,
	PB_REQ_OP_DISCARD = 3,
	PB_REQ_OP_SECURE_ERASE = 5,
	PB_REQ_OP_ZONE_APPEND = 7,
	PB_REQ_OP_WRITE_ZEROES = 9,
	PB_REQ_OP_DRV_IN = 34, /* passthrough, device to memory */
	PB_REQ_OP_DRV_OUT = 35, /* passthrough, memory to device */
};

#define PB_REQ_OP_BITS 8
#define PB_REQ_OP_MASK ((1u << PB_REQ_OP_BITS) - 1)

/* Flags of bi_opf and cmd_flags. */
#define PB_REQ_FAILFAST_DEV (1u << 8)
#define PB_REQ_FAILFAST_TRANSPORT (1u << 9)
#define PB_REQ_FAILFAST_DRIVER (1u << 10)
#define PB_REQ_SYNC (1u << 11)
#define PB_REQ_META (1u << 12)
#define PB_REQ_PRIO (1u << 13)
#define PB_REQ_NOMERGE (1u << 14) /* no merging with or into this one */
#define PB_REQ_IDLE (1u << 15)
#define PB_REQ_INTEGRITY (1u << 16)
#define PB_REQ_FUA (1u << 17)
#define PB_REQ_PREFLUSH (1u << 18)
#define PB_REQ_RAHEAD (1u << 19)
#define PB_REQ_BACKGROUND (1u << 20)
#define PB_REQ_NOWAIT (1u << 21) /* -EAGAIN instead of waiting or cutting */
#define PB_REQ_POLLED (1u << 22)
#define PB_REQ_SWAP (1u << 24)
#define PB_REQ_ATOMIC (1u << 27) /* all or nothing: never cut */

#define PB_REQ_FAILFAST_MASK                               \
	(PB_REQ_FAILFAST_DEV | PB_REQ_FAILFAST_TRANSPORT | \
	 PB_REQ_FAILFAST_DRIVER)

/* Nothing with one of these merges. Source: REQ_NOMERGE_FLAGS */
#define PB_REQ_NOMERGE_FLAGS (PB_REQ_NOMERGE | PB_REQ_PREFLUSH | PB_REQ_FUA)

/* How a bio or request ended. */
#define PB_BLK_STS_OK ((PB_FORCE pb_blk_status_t)0)
#define PB_BLK_STS_NOTSUPP ((PB_FORCE pb_blk_status_t)1) /* -EOPNOTSUPP */
#define PB_BLK_STS_TIMEOUT ((PB_FORCE pb_blk_status_t)2) /* -ETIMEDOUT */
#define PB_BLK_STS_NOSPC ((PB_FORCE pb_blk_status_t)3) /* -ENOSPC */
#define PB_BLK_STS_TRANSPORT ((PB_FORCE pb_blk_status_t)4) /* -ENOLINK */
#define PB_BLK_STS_TARGET ((PB_FORCE pb_blk_status_t)5) /* -EREMOTEIO */
#define PB_BLK_STS_MEDIUM ((PB_FORCE pb_blk_status_t)7) /* -ENODATA */
#define PB_BLK_STS_PROTECTION ((PB_FORCE pb_blk_status_t)8) /* -EILSEQ */
#define PB_BLK_STS_RESOURCE ((PB_FORCE pb_blk_status_t)9) /* -ENOMEM */
#define PB_BLK_STS_IOERR ((PB_FORCE pb_blk_status_t)10) /* -EIO */
#define PB_BLK_STS_AGAIN ((PB_FORCE pb_blk_status_t)12) /* -EAGAIN */
#define PB_BLK_STS_DEV_RESOURCE ((PB_FORCE pb_blk_status_t)13) /* -EBUSY */
#define PB_BLK_STS_OFFLINE ((PB_FORCE pb_blk_status_t)16) /* -ENODEV */
#define PB_BLK_STS_INVAL ((PB_FORCE pb_blk_status_t)19) /* -EINVAL */

/* Is it charged to the root, whoever submits it? Source: bio_issue_as_root_blkg() */
#define PB_REQ_AS_ROOT (PB_REQ_META | PB_REQ_SWAP)

/* Bits of bi_flags. */
enum pb_bio_flag {
	PB_BIO_PAGE_PINNED, /* end of I/O drops a pin on every page */
	PB_BIO_CLONED, /* the table is another bio's */
	PB_BIO_CHAIN, /* __bi_remaining counts */
	PB_BIO_REFFED, /* __bi_cnt counts */
	PB_BIO_REMAPPED, /* the remainder of a cut: already checked */
	PB_BIO_P2PDMA, /* the memory is bi_region's, none of it is RAM */
	/* and with it: each range is RAM or of one of bi_regions */
	PHYSBIO_BIO_MIXED,
	PHYSBIO_BIO_PAGES_KEPT, /* see physbio_bio_keep_pages() */
};

struct pb_block_device_operations {
	/* A stacking driver's; NULL: bios become requests of bd_queue. */
	void (*submit_bio)(struct pb_bio *bio);
};

struct pb_block_device {
	struct pb_request_queue *bd_queue;
	const struct pb_block_device_operations *bd_fops; /* may be NULL */
	pb_sector_t bd_nr_sectors; /* capacity, sectors of 512 bytes */
	void *bd_private; /* the owner's */
};

/*
 * Members as in the kernel. Of a bio in flight only the one who submitted it may
 * read the table; clones and fragments share it and may not outlive it.
 */
struct pb_bio {
	struct pb_bio *bi_next; /* next of the request */
	struct pb_block_device *bi_bdev;
	pb_blk_opf_t bi_opf; /* op | PB_REQ_* */
	uint16_t bi_flags; /* 1 << PB_BIO_* */
	uint16_t bi_ioprio;
	uint8_t bi_write_hint;
	uint8_t bi_write_stream;
	pb_blk_status_t bi_status;
	/* lowest bit, from 1, of all gaps between vectors; 0: no gap */
	uint8_t bi_bvec_gap_bit;
	pb_atomic_t __bi_remaining;
	struct pb_bvec_iter bi_iter;
	uint16_t bi_vcnt; /* entries in use, set by the owner's adding */
	uint16_t bi_max_vecs; /* entries there are; 0: the table is borrowed */
	pb_bio_end_io_t bi_end_io;
	void *bi_private; /* bi_end_io's */
	struct pb_bio_vec *bi_io_vec;
	/* PB_REQ_INTEGRITY: the metadata, see integrity.h */
	struct pb_bio_integrity_payload *bi_integrity;
	struct pb_bio_crypt_ctx bi_crypt_context;
	void *bi_blkg; /* cgroup that pays; only compared */
	/*
	 * PB_BIO_P2PDMA: whose memory this is, decided once, not per vector; with
	 * PHYSBIO_BIO_MIXED: where to look up whose each vector is.
	 */
	union {
		const struct physbio_region *bi_region;
		const struct physbio_region_table *bi_regions;
	};
	struct pb_bio_set *bi_pool; /* where pb_bio_put() returns it to */
	pb_atomic_t __bi_cnt;
};

/*
 * A range of memory. In the dma representation the submitter's bus address stands in
 * paddr. Source: struct phys_vec
 */
struct pb_phys_vec {
	pb_bvec_addr_t paddr; /* physical address in bytes */
	uint32_t len; /* bytes */
};

/* Source: bio_list */
struct pb_bio_list {
	struct pb_bio *head;
	struct pb_bio *tail;
};

/**
 * struct pb_bio_set - where bios come from: bios with 4 vectors inside, and
 *	tables of 16, 64, 128 and 256 vectors
 */
struct pb_bio_set {
	unsigned int front_pad; /* bytes before each bio, its owner's */
	void *bio_pool;
	void *bvec_pool[4];
	void *bip_pool; /* payloads of clones */
};

static inline enum pb_req_op pb_bio_op(const struct pb_bio *bio)
{
	return (enum pb_req_op)(bio->bi_opf & PB_REQ_OP_MASK);
}

/* Do data go to the device? Source: op_is_write() */
static inline bool pb_op_is_write(pb_blk_opf_t opf)
{
	return opf & 1;
}

static inline bool pb_bio_flagged(const struct pb_bio *bio,
				  enum pb_bio_flag flag)
{
	return bio->bi_flags & (1u << flag);
}

static inline void pb_bio_set_flag(struct pb_bio *bio, enum pb_bio_flag flag)
{
	bio->bi_flags |= (uint16_t)(1u << flag);
}

static inline void pb_bio_clear_flag(struct pb_bio *bio, enum pb_bio_flag flag)
{
	bio->bi_flags &= (uint16_t) ~(1u << flag);
}

static inline uint32_t pb_bio_sectors(const struct pb_bio *bio)
{
	return bio->bi_iter.bi_size >> PB_SECTOR_SHIFT;
}

/* First sector behind the bio. */
static inline pb_sector_t pb_bio_end_sector(const struct pb_bio *bio)
{
	return bio->bi_iter.bi_sector + pb_bio_sectors(bio);
}

/* Does it move no data, so that its size alone counts? Source: bio_no_advance_iter() */
static inline bool pb_bio_no_advance_iter(const struct pb_bio *bio)
{
	enum pb_req_op op = pb_bio_op(bio);

	return op == PB_REQ_OP_DISCARD || op == PB_REQ_OP_SECURE_ERASE ||
	       op == PB_REQ_OP_WRITE_ZEROES;
}

/* Has it vectors that move data? Source: bio_has_data() */
static inline bool pb_bio_has_data(const struct pb_bio *bio)
{
	return bio->bi_iter.bi_size && !pb_bio_no_advance_iter(bio);
}

/* May it merge with others, as far as it is concerned itself? */
static inline bool pb_bio_mergeable(const struct pb_bio *bio)
{
	return !(bio->bi_opf & PB_REQ_NOMERGE_FLAGS);
}

/* Every vector, over page borders. Source: bio_for_each_bvec() */
#define pb_bio_for_each_bvec(bvl, bio, iter) \
	pb_for_each_mp_bvec(bvl, (bio)->bi_io_vec, iter, (bio)->bi_iter)

/* Every vector, a page at a time. Source: bio_for_each_segment() */
#define pb_bio_for_each_segment(bvl, bio, iter) \
	pb_for_each_bvec(bvl, (bio)->bi_io_vec, iter, (bio)->bi_iter)

/*
 * All that was added, whatever has been done of it since: for the owner alone, since a
 * clone has added nothing.
 */

/* Every entry; @bvl points at it. Source: bio_for_each_bvec_all() */
#define pb_bio_for_each_bvec_all(bvl, bio, i)             \
	for ((i) = 0, (bvl) = pb_bio_first_bvec_all(bio); \
	     (i) < (bio)->bi_vcnt; (i)++, (bvl)++)

/* Every page's part; @bvl points at it. Source: bio_for_each_segment_all() */
#define pb_bio_for_each_segment_all(bvl, bio, iter)  \
	for ((bvl) = pb_bvec_init_iter_all(&(iter)); \
	     (iter).idx < (bio)->bi_vcnt &&          \
	     (pb_bvec_advance(&(bio)->bi_io_vec[(iter).idx], &(iter)), 1);)

/* Source: bio_first_bvec_all() */
static inline struct pb_bio_vec *pb_bio_first_bvec_all(const struct pb_bio *bio)
{
	return bio->bi_io_vec;
}

/* Source: bio_last_bvec_all() */
static inline struct pb_bio_vec *pb_bio_last_bvec_all(const struct pb_bio *bio)
{
	return &bio->bi_io_vec[bio->bi_vcnt - 1];
}

/**
 * pb_bio_advance_iter() - move a position in a bio
 * @bio: bio, with a table or without
 * @iter: position, moved in the device and the table
 * @bytes: how far
 *
 * Context: any. Source: bio_advance_iter()
 */
static inline void pb_bio_advance_iter(const struct pb_bio *bio,
				       struct pb_bvec_iter *iter,
				       unsigned int bytes)
{
	iter->bi_sector += bytes >> PB_SECTOR_SHIFT;
	if (bio->bi_io_vec && !pb_bio_no_advance_iter(bio))
		pb_bvec_iter_advance(bio->bi_io_vec, iter, bytes);
	else
		iter->bi_size -= bytes < iter->bi_size ? bytes : iter->bi_size;
}

/* Every bio of a chain linked by bi_next. Source: for_each_bio() */
#define pb_for_each_bio(_bio) for (; (_bio); (_bio) = (_bio)->bi_next)

/**
 * pb_bioset_init() - make the pools of a bio_set
 * @bs: set to fill
 * @pool_size: how many bios, and tables of each size, are always to be had
 * @front_pad: bytes before each bio for its owner, a multiple of 8
 * @flags: must be 0
 *
 * Context: may sleep. Return: 0; -ENOMEM, or -EINVAL for a @front_pad or @flags that
 * can't be; @bs is then empty.
 * Source: bioset_init()
 */
PB_API int pb_bioset_init(struct pb_bio_set *bs, unsigned int pool_size,
			  unsigned int front_pad, int flags);

/**
 * pb_bioset_exit() - free the pools; all bios must have been put
 * @bs: set to empty; one never filled, or emptied before, is left alone
 *
 * Context: may sleep. Source: bioset_exit()
 */
PB_API void pb_bioset_exit(struct pb_bio_set *bs);

/**
 * pb_bio_init() - make a bio in the caller's memory
 * @bio: memory of a bio; the caller keeps it and ends it with pb_bio_uninit()
 * @bdev: device it is meant for; may be NULL until it is submitted
 * @table: the caller's vectors, kept by the caller; may be NULL
 * @max_vecs: entries of @table
 * @opf: operation | PB_REQ_*
 *
 * Context: any. Source: bio_init()
 */
PB_API void pb_bio_init(struct pb_bio *bio, struct pb_block_device *bdev,
			struct pb_bio_vec *table, unsigned short max_vecs,
			pb_blk_opf_t opf);

/* pb_bio_uninit() - end a bio made by pb_bio_init(). Source: bio_uninit() */
PB_API void pb_bio_uninit(struct pb_bio *bio);

/**
 * pb_bio_reset() - as after pb_bio_init(), with the same table and max_vecs
 * @bio: a bio that is not in flight
 * @bdev: its new device
 * @opf: its new operation | PB_REQ_*
 *
 * Context: any. Source: bio_reset()
 */
PB_API void pb_bio_reset(struct pb_bio *bio, struct pb_block_device *bdev,
			 pb_blk_opf_t opf);

/**
 * pb_bio_reuse() - send the same data again
 * @bio: a bio that has ended, with its own table
 * @opf: its new operation | PB_REQ_*
 *
 * As pb_bio_reset(), but all that was added is still there, and so are its region,
 * bi_end_io and bi_private; bi_iter.bi_sector is 0.
 * Context: any. Source: bio_reuse()
 */
PB_API void pb_bio_reuse(struct pb_bio *bio, pb_blk_opf_t opf);

/**
 * pb_bio_alloc_bioset() - take a bio from a set
 * @bdev: device it is meant for; may be NULL until it is submitted
 * @nr_vecs: vectors wanted, up to PB_BIO_MAX_VECS
 * @opf: operation | PB_REQ_*
 * @gfp: PB_GFP_NOWAIT: fail rather than wait
 * @bs: set to take it from
 *
 * Context: may sleep, as @gfp says. Return: a bio with one reference, dropped by
 * pb_bio_put(); NULL if @nr_vecs is too many, or nothing is left and @gfp does
 * not let it wait. Source: bio_alloc_bioset()
 */
PB_API struct pb_bio *pb_bio_alloc_bioset(struct pb_block_device *bdev,
					  unsigned short nr_vecs,
					  pb_blk_opf_t opf, pb_gfp_t gfp,
					  struct pb_bio_set *bs);

#define PB_BIO_MAX_INLINE_VECS 1024u

/**
 * pb_bio_kmalloc() - memory for a bio with vectors of its own
 * @nr_vecs: vectors, up to PB_BIO_MAX_INLINE_VECS
 * @gfp: PB_GFP_NOWAIT: fail rather than wait
 *
 * No bio yet: pb_bio_init() with pb_bio_inline_vecs() makes it one. It is freed by
 * pb_bio_uninit() and physbio_bio_kfree(), never put.
 * Context: may sleep, as @gfp says. Return: memory; NULL if there is none, or @nr_vecs is
 * too many. Source: bio_kmalloc()
 */
PB_API struct pb_bio *pb_bio_kmalloc(unsigned short nr_vecs, pb_gfp_t gfp);

/* The vectors behind a bio of pb_bio_kmalloc(). Source: bio_inline_vecs() */
static inline struct pb_bio_vec *pb_bio_inline_vecs(struct pb_bio *bio)
{
	return (struct pb_bio_vec *)(bio + 1);
}

/* physbio_bio_kfree() - free what pb_bio_kmalloc() gave, or NULL. Context: may sleep. */
PB_API void physbio_bio_kfree(struct pb_bio *bio);

/* pb_bio_get() - one more reference. Context: any. Source: bio_get() */
PB_API void pb_bio_get(struct pb_bio *bio);

/**
 * pb_bio_put() - one reference less; the last one returns the bio to its set
 * @bio: a bio of pb_bio_alloc_bioset() or pb_bio_alloc_clone()
 *
 * Context: any. Source: bio_put()
 */
PB_API void pb_bio_put(struct pb_bio *bio);

/**
 * pb_bio_init_clone() - a clone in the caller's memory
 * @bdev: device of the clone
 * @bio: memory of a bio; the caller keeps it
 * @bio_src: original, which must outlive the clone
 * @gfp: not used yet; integrity and crypto contexts will
 *
 * The clone shares the table and has an iterator of its own.
 * Context: any. Return: 0. Source: bio_init_clone()
 */
PB_API int pb_bio_init_clone(struct pb_block_device *bdev, struct pb_bio *bio,
			     struct pb_bio *bio_src, pb_gfp_t gfp);

/**
 * pb_bio_alloc_clone() - the same, in memory of a set
 * @bdev: device of the clone
 * @bio_src: original, which must outlive the clone
 * @gfp: as for pb_bio_alloc_bioset()
 * @bs: set to take it from
 *
 * Context: may sleep, as @gfp says. Return: the clone or NULL.
 * Source: bio_alloc_clone()
 */
PB_API struct pb_bio *pb_bio_alloc_clone(struct pb_block_device *bdev,
					 struct pb_bio *bio_src, pb_gfp_t gfp,
					 struct pb_bio_set *bs);

#ifdef PB_REPR_HAS_PHYS
/**
 * pb_bio_add_phys() - add a physical range
 * @bio: bio to extend
 * @paddr: physical address of the first byte
 * @len: bytes
 *
 * Joined to the last entry if it continues it, else a new entry. A bio with a
 * region (physbio_bio_set_region()) takes ranges inside of it alone, a mixed one
 * (physbio_bio_set_mixed()) those that are one region's or RAM, and joins no two of
 * different ones. The caller keeps the memory there until the bio has ended.
 *
 * Context: any. Return: @len; 0 and nothing changed, if @bio is a clone or full,
 * @len is 0, the bio would pass PB_BIO_MAX_SIZE, @paddr + @len wraps, or the range
 * leaves its region. Source: bio_add_page()
 */
PB_API int pb_bio_add_phys(struct pb_bio *bio, pb_phys_addr_t paddr,
			   unsigned int len);

/**
 * pb_bio_add_page() - add a range that begins in a page
 * @bio: bio to extend
 * @page: page to start from
 * @len: bytes
 * @offset: bytes from the start of @page, may be a page or more
 *
 * Context: any. Return: as pb_bio_add_phys(). Source: bio_add_page()
 */
PB_API int pb_bio_add_page(struct pb_bio *bio, struct pb_page *page,
			   unsigned int len, unsigned int offset);

/**
 * pb_bio_add_folio() - add a part of a folio
 * @bio: bio to extend
 * @folio: folio
 * @len: bytes
 * @off: bytes from the start of @folio
 *
 * Context: any. Return: true if all of it was added. Source: bio_add_folio()
 */
PB_API bool pb_bio_add_folio(struct pb_bio *bio, struct pb_folio *folio,
			     size_t len, size_t off);

/**
 * pb_bio_add_folio_nofail() - the same as a new entry, joining nothing
 * @bio: bio with an entry free and room for @len bytes; not checked
 * @folio: folio
 * @len: bytes, not 0
 * @off: bytes from the start of @folio
 *
 * Context: any. Source: bio_add_folio_nofail()
 */
PB_API void pb_bio_add_folio_nofail(struct pb_bio *bio, struct pb_folio *folio,
				    size_t len, size_t off);

/**
 * pb_bio_add_vmalloc_chunk() - add what of vmalloc()ed memory lies in one page
 * @bio: bio to extend
 * @vaddr: address of it; in userspace one that physbio_mm_map() was told of
 * @len: bytes
 *
 * Context: any. After a read its caller invalidates the kernel's mapping, where a CPU
 * needs that. Return: bytes that were added; 0 if there is no page, or as
 * pb_bio_add_page(). Source: bio_add_vmalloc_chunk()
 */
PB_API unsigned int pb_bio_add_vmalloc_chunk(struct pb_bio *bio, void *vaddr,
					     unsigned int len);

/**
 * pb_bio_add_vmalloc() - add vmalloc()ed memory
 * @bio: bio to extend
 * @vaddr: address of it, as above
 * @len: bytes
 *
 * Context: any. Return: false if not all of it was added; what comes before is.
 * Source: bio_add_vmalloc()
 */
PB_API bool pb_bio_add_vmalloc(struct pb_bio *bio, void *vaddr,
			       unsigned int len);

/**
 * pb_bio_add_virt_nofail() - add memory of the machine by the address the CPU uses
 * @bio: bio with an entry free
 * @vaddr: kernel virtual address, of memory that is not vmalloc()ed; in userspace what
 *	physbio_mem_virt() has given
 * @len: bytes, not 0
 *
 * Context: any. Source: bio_add_virt_nofail()
 */
PB_API void pb_bio_add_virt_nofail(struct pb_bio *bio, void *vaddr,
				   unsigned int len);

/**
 * pb_bio_add_phys_vecs() - add many physical ranges
 * @bio: bio to extend
 * @vecs: ranges: physical addresses, bytes
 * @nr: how many
 *
 * As pb_bio_add_phys() for each in turn, up to the first that it refuses.
 *
 * Context: any. Return: how many were added, the first ones of @vecs, 0 if none was. Fewer
 * than @nr: @bio has no entry left for the next one, or would refuse it alone, for any of
 * pb_bio_add_phys()'s reasons; a further call begins with that. Source: none
 */
PB_API unsigned int pb_bio_add_phys_vecs(struct pb_bio *bio,
					 const struct pb_phys_vec *vecs,
					 unsigned int nr);

/**
 * pb_bio_iov_iter_get_pages() - make user memory a bio's data
 * @bio: bio with a table of its own, or without one if @iter has vectors
 * @iter: user addresses, or vectors; moved past what was taken
 * @len_align_mask: the bio's size gets none of these bits, usually those below a
 *	logical block
 *
 * Each page of user memory is pinned, and an entry is a run of pages of one folio.
 * Takes what there is, until the table is full, memory of another kind begins, or a
 * page can't be had; then gives back what is beyond the last whole block. Vectors
 * are borrowed, see pb_bio_iov_bvec_set().
 *
 * Context: may sleep; of the task whose memory it is. Return: 0 if there is something
 * in the bio; -EFAULT if there is no memory at the address, or less than a block;
 * -EREMOTEIO if it is a peer's and the device's queue takes none; @iter is then where
 * it was and nothing is pinned. Source: bio_iov_iter_get_pages()
 */
PB_API int pb_bio_iov_iter_get_pages(struct pb_bio *bio,
				     struct pb_iov_iter *iter,
				     unsigned int len_align_mask);

/**
 * physbio_bio_iov_iter_get_pages_aligned() - the same, with misalignment found early
 * @bio: as above
 * @iter: as above
 * @mem_align_mask: no user address and no length may have these bits, usually the
 *	queue's dma_alignment
 * @len_align_mask: as above
 *
 * As mainline does since 7.3: the splitter would end the bio with the same error, but
 * a stacking driver may have sent a part of it by then. Of vectors the first alone
 * is looked at.
 *
 * Context: as above. Return: -EINVAL if something is misaligned, and nothing was done;
 * else as above.
 */
PB_API int physbio_bio_iov_iter_get_pages_aligned(struct pb_bio *bio,
						  struct pb_iov_iter *iter,
						  unsigned int mem_align_mask,
						  unsigned int len_align_mask);

/**
 * pb_bio_iov_vecs_to_alloc() - entries that a table needs for what is left
 * @iter: user addresses, or vectors
 * @max_segs: that many are enough
 *
 * Context: any. Return: 0 for vectors, which are borrowed; else pages that are touched,
 * at most @max_segs. Source: bio_iov_vecs_to_alloc()
 */
PB_API int pb_bio_iov_vecs_to_alloc(const struct pb_iov_iter *iter,
				    int max_segs);

/**
 * pb_blkdev_dio_invalid() - must direct I/O be refused?
 * @bdev: device with a queue
 * @pos: position in the device, in bytes
 * @iter: memory
 *
 * Context: any. Return: true if position or size are not of logical blocks.
 * Source: blkdev_dio_invalid()
 */
PB_API bool pb_blkdev_dio_invalid(const struct pb_block_device *bdev,
				  uint64_t pos, const struct pb_iov_iter *iter);

/* How direct I/O to a block device is sent. */
enum physbio_dio {
	PHYSBIO_DIO_ONSTACK, /* one bio on the stack, with its vectors, and wait */
	PHYSBIO_DIO_SYNC, /* the same with vectors from the heap */
	PHYSBIO_DIO_ASYNC, /* one bio from a set, its end is the I/O's */
	PHYSBIO_DIO_MULTI, /* as many bios as it takes */
};

/**
 * physbio_blkdev_dio() - how must direct I/O be sent?
 * @bdev: device with a queue
 * @pos: position in the device, in bytes
 * @iter: memory
 * @sync: its submitter waits for it
 * @atomic: all or nothing
 *
 * One bio does for up to PB_BIO_MAX_VECS pages, and none but one may be atomic.
 * Context: any. Return: enum physbio_dio; -EINVAL if position or size are not of logical
 * blocks, or it is atomic and too large. Source: blkdev_direct_IO()
 */
PB_API int physbio_blkdev_dio(const struct pb_block_device *bdev, uint64_t pos,
			      const struct pb_iov_iter *iter, bool sync,
			      bool atomic);

/**
 * __pb_bio_add_page() - add a range as a new entry, joining nothing
 * @bio: bio with an entry free and room for @len bytes; not checked
 * @page: page to start from
 * @len: bytes, not 0
 * @offset: bytes from the start of @page
 *
 * Warns, and adds nothing, if no entry can be that long.
 * Context: any. Source: __bio_add_page()
 */
PB_API void __pb_bio_add_page(struct pb_bio *bio, struct pb_page *page,
			      unsigned int len, unsigned int offset);
#endif

#ifdef PB_REPR_DMA
/*
 * pb_bio_add_dma_addr() - add a range by the bus address that one device has for
 * it. The RFC's way. Return: as for adding a physical range. Source:
 * bio_add_dma_addr() of the RFC
 */
PB_API int pb_bio_add_dma_addr(struct pb_bio *bio, pb_dma_addr_t daddr,
			       unsigned int len);
#endif

/**
 * physbio_bio_set_region() - say that all memory of a bio is one P2P region's
 * @bio: bio without vectors
 * @region: region, kept by the caller until the bio has ended; NULL: RAM
 *
 * The bio is marked NOMERGE with it, as the kernel marks a bio of P2P pages.
 *
 * Context: any. Return: 0; -EINVAL if the bio has vectors already; -EOPNOTSUPP if it is
 * to have a region and the build knows none.
 */
PB_API int physbio_bio_set_region(struct pb_bio *bio,
				  const struct physbio_region *region);

/**
 * physbio_bio_set_mixed() - say that some memory of a bio may be P2P regions'
 * @bio: bio without vectors
 * @table: all regions there are; kept by the caller until the bio has ended; NULL: RAM
 *
 * The policy of Q4: by default a bio, and so a request, is all of one kind. A mixed one
 * has RAM and any regions side by side: each vector is of one, found by its address when
 * it is added and again when it is mapped. It may merge with those of the same table.
 *
 * Context: any. Return: 0; -EINVAL if the bio has vectors already; -EOPNOTSUPP if there is
 * a table and the build knows no regions.
 */
PB_API int physbio_bio_set_mixed(struct pb_bio *bio,
				 const struct physbio_region_table *table);

/**
 * pb_bio_iov_bvec_set() - let a bio borrow a caller's table
 * @bio: bio without a table (max_vecs 0)
 * @iter: vectors of PB_ITER_BVEC; what is left of it becomes the bio's data
 *
 * The table stays the caller's, unchanged, until the bio has ended. It is marked
 * PB_BIO_CLONED: nothing can be added.
 * Context: any. Source: bio_iov_bvec_set()
 */
PB_API void pb_bio_iov_bvec_set(struct pb_bio *bio,
				const struct pb_iov_iter *iter);

/**
 * pb_bio_crypt_set_ctx() - encrypt or decrypt what is in a bio
 * @bio: bio
 * @key: key, the caller's until the bio has ended
 * @dun: number of the data unit that the bio begins with
 *
 * The bio is then cut only between data units, and each of its vectors must be of
 * whole ones. Context: any. Source: bio_crypt_set_ctx()
 */
static inline void pb_bio_crypt_set_ctx(struct pb_bio *bio,
					const struct pb_blk_crypto_key *key,
					uint64_t dun)
{
	bio->bi_crypt_context.bc_key = key;
	bio->bi_crypt_context.bc_dun = dun;
}

/* Bits that no vector's start or length may have: a data unit lies within one. */
static inline uint32_t pb_bio_crypt_align_mask(const struct pb_bio *bio)
{
	const struct pb_blk_crypto_key *key = bio->bi_crypt_context.bc_key;

	return key ? key->data_unit_size - 1 : 0;
}

/* Source: bio_has_crypt_ctx() */
static inline bool pb_bio_has_crypt_ctx(const struct pb_bio *bio)
{
	return bio->bi_crypt_context.bc_key;
}

/**
 * pb_bio_advance() - move on in the device and in the table
 * @bio: bio to move
 * @nbytes: bytes; all that remain end the bio's data and leave its position
 *
 * Context: any. Source: bio_advance()
 */
PB_API void pb_bio_advance(struct pb_bio *bio, unsigned int nbytes);

/**
 * pb_bio_trim() - narrow a bio to a window of it
 * @bio: bio that is not in flight
 * @offset: sectors of 512 bytes to leave out in front
 * @size: sectors of 512 bytes to keep; 0 is a window too
 *
 * Left alone if the window does not lie in the bio, or the bio is atomic, unless @size is
 * 0.
 * Context: any. Source: bio_trim()
 */
PB_API void pb_bio_trim(struct pb_bio *bio, pb_sector_t offset,
			pb_sector_t size);

/**
 * pb_bio_split() - cut the front off
 * @bio: bio to cut, moved past the front part
 * @sectors: sectors of 512 bytes of the front part
 * @gfp: as for pb_bio_alloc_bioset()
 * @bs: set to take the front part from
 *
 * The front part is a clone: @bio must outlive it, which pb_bio_chain() sees to.
 *
 * Context: may sleep, as @gfp says. Return: the front part; ERR_PTR -EINVAL if
 * @sectors is not within the bio or the bio is atomic or a zone append, -ENOMEM
 * if no bio was to be had. Source: bio_split()
 */
PB_API struct pb_bio *pb_bio_split(struct pb_bio *bio, int sectors,
				   pb_gfp_t gfp, struct pb_bio_set *bs);

/**
 * pb_bio_chain() - let the end of one bio wait for another
 * @bio: child, whose bi_end_io and bi_private this takes
 * @parent: ends when itself and all its children have; the first error is its own
 *
 * Context: any. Source: bio_chain()
 */
PB_API void pb_bio_chain(struct pb_bio *bio, struct pb_bio *parent);

/**
 * pb_bio_endio() - one part of a bio has ended
 * @bio: bio, with bi_status set; gone when its bi_end_io has taken it
 *
 * Follows chains to their parents in a loop, however long they are.
 * Context: any. Source: bio_endio()
 */
PB_API void pb_bio_endio(struct pb_bio *bio);

/* pb_bio_io_error() - end a bio with PB_BLK_STS_IOERR. Source: bio_io_error() */
static inline void pb_bio_io_error(struct pb_bio *bio)
{
	bio->bi_status = PB_BLK_STS_IOERR;
	pb_bio_endio(bio);
}

/**
 * pb_blk_status_to_errno() - the errno of a status
 * @status: PB_BLK_STS_*
 *
 * Context: any. Return: 0 or -errno; -EIO for a status that is none.
 * Source: blk_status_to_errno()
 */
PB_API int pb_blk_status_to_errno(pb_blk_status_t status);

/**
 * pb_errno_to_blk_status() - the status of an errno
 * @errnum: 0 or -errno
 *
 * Context: any. Return: PB_BLK_STS_IOERR for an errno that has none.
 * Source: errno_to_blk_status()
 */
PB_API pb_blk_status_t pb_errno_to_blk_status(int errnum);

#ifdef __cplusplus
}
#endif

#endif
