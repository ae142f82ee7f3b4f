/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One process, several representations: each internal build of src/core is reached
 * through a table of its public functions, with the prototypes of the headers. All
 * structs but pb_bio_vec have one layout in every build, so whoever looks into no
 * vector can be compiled once and drive them all.
 */
#ifndef PHYSBIO_REPR_OPS_H
#define PHYSBIO_REPR_OPS_H

#include <physbio/bio.h>
#include <physbio/coalesce.h>
#include <physbio/dma.h>
#include <physbio/elevator.h>
#include <physbio/limits.h>
#include <physbio/merge.h>
#include <physbio/nvme.h>
#include <physbio/request.h>
#include <physbio/resolve.h>
#include <physbio/split.h>
#include <physbio/submit.h>
#include <physbio/xlate.h>

/* Every build has these. In the order of the way of an I/O. */
#define PHYSBIO_REPR_FUNCTIONS(F)         \
	F(pb_, bioset_init)               \
	F(pb_, bioset_exit)               \
	F(pb_, bio_init)                  \
	F(pb_, bio_uninit)                \
	F(pb_, bio_reset)                 \
	F(pb_, bio_alloc_bioset)          \
	F(pb_, bio_put)                   \
	F(pb_, bio_alloc_clone)           \
	F(physbio_, bio_set_region)       \
	F(physbio_, bio_set_mixed)        \
	F(pb_, bio_advance)               \
	F(pb_, bio_split)                 \
	F(pb_, bio_chain)                 \
	F(pb_, bio_endio)                 \
	F(pb_, blk_validate_limits)       \
	F(pb_, bio_split_io_at)           \
	F(__pb_, bio_split_to_limits)     \
	F(pb_, get_max_io_size)           \
	F(pb_, bio_may_need_split)        \
	F(pb_, bio_init_clone)            \
	F(pb_, bio_trim)                  \
	F(pb_, bio_iov_bvec_set)          \
	F(pb_, biovec_phys_mergeable)     \
	F(pb_, blk_attempt_req_merge)     \
	F(pb_, blk_attempt_plug_merge)    \
	F(pb_, blk_mq_sched_bio_merge)    \
	F(pb_, blk_rq_append_bio)         \
	F(pb_, blk_recalc_rq_segments)    \
	F(pb_, blk_attempt_bio_merge)     \
	F(pb_, blk_rq_bio_prep)           \
	F(pb_, blk_mq_alloc_queue)        \
	F(pb_, blk_mq_destroy_queue)      \
	F(pb_, elevator_change)           \
	F(physbio_, queue_set_stats)      \
	F(physbio_, queue_set_nomerges)   \
	F(pb_, queue_data)                \
	F(pb_, hctx_queue)                \
	F(pb_, submit_bio)                \
	F(pb_, submit_bio_noacct_nocheck) \
	F(pb_, queue_limits)              \
	F(pb_, submit_bio_wait)           \
	F(pb_, blk_start_plug)            \
	F(pb_, blk_finish_plug)           \
	F(pb_, blk_flush_plug)            \
	F(pb_, blk_mq_run_hw_queues)      \
	F(pb_, blk_mq_start_request)      \
	F(pb_, blk_mq_end_request)        \
	F(physbio_, xlate_init_identity)  \
	F(physbio_, xlate_init_windows)   \
	F(physbio_, windows_search)       \
	F(physbio_, xlate_set_p2p)        \
	F(pb_, dma_map_phys)              \
	F(pb_, dma_unmap_phys)            \
	F(pb_, blk_map_iter_next)         \
	F(pb_, blk_map_iter_init)         \
	F(pb_, blk_rq_dma_map_iter_start) \
	F(pb_, blk_rq_dma_map_iter_next)  \
	F(pb_, blk_rq_dma_unmap)          \
	F(physbio_, coalesce)             \
	F(pb_, nvme_map_data)             \
	F(pb_, nvme_unmap_data)

/* Only those that know a physical address have these; NULL in the others. */
#define PHYSBIO_REPR_PHYS_FUNCTIONS(F) \
	F(pb_, bio_add_phys)           \
	F(pb_, bio_add_page)           \
	F(pb_, bio_set_pages_dirty)    \
	F(pb_, bio_release_pages)      \
	F(physbio_, xlate_map_batch)

#ifndef PB_REPR_HAS_PHYS
/* What a table has a place for, and this build has not. */
int pb_bio_add_phys(struct pb_bio *bio, pb_phys_addr_t paddr, unsigned int len);
int pb_bio_add_page(struct pb_bio *bio, struct pb_page *page, unsigned int len,
		    unsigned int offset);
void __pb_bio_add_page(struct pb_bio *bio, struct pb_page *page,
		       unsigned int len, unsigned int offset);
#endif
#ifndef PB_REPR_DMA
int pb_bio_add_dma_addr(struct pb_bio *bio, pb_dma_addr_t daddr,
			unsigned int len);
#endif

struct physbio_repr {
	const char *name; /* "phys", "phys12", "phyr", "page", "sparse", "dma" */
	size_t bvec_size; /* bytes of a vector */
	bool offsets_of_page; /* gaps of a page and more are those from bv_page */
#define PHYSBIO_REPR_MEMBER(prefix, name) __typeof__(&prefix##name) name;
	PHYSBIO_REPR_FUNCTIONS(PHYSBIO_REPR_MEMBER)
	PHYSBIO_REPR_PHYS_FUNCTIONS(PHYSBIO_REPR_MEMBER)
	/* NULL without pages. */
	__typeof__(&__pb_bio_add_page) __bio_add_page;
	/* The dma representation's way to add; NULL in the others. */
	PHYSBIO_REPR_MEMBER(pb_, bio_add_dma_addr)
#undef PHYSBIO_REPR_MEMBER
	/* Entry @idx of @table: its length, and its address as a number. */
	uint32_t (*bvec_get)(const struct pb_bio_vec *table, unsigned int idx,
			     uint64_t *addr);
	/* The same of the vector that an iterator is at, whole or to its page's end. */
	uint32_t (*bvec_at)(const struct pb_bio_vec *table,
			    struct pb_bvec_iter iter, bool whole,
			    uint64_t *addr);
	/* An iterator goes @bytes on. */
	bool (*bvec_advance)(const struct pb_bio_vec *table,
			     struct pb_bvec_iter *iter, uint32_t bytes);
	/* Entry @idx becomes a range from @page on; NULL without pages. */
	void (*bvec_set_page)(struct pb_bio_vec *table, unsigned int idx,
			      struct pb_page *page, uint32_t len,
			      uint32_t offset);
	/* Questions that are answered inline. */
	uint32_t (*bvec_seg_gap)(const struct pb_bio_vec *bprv,
				 const struct pb_bio_vec *bv);
	bool (*bvec_gap_to_prev)(const struct pb_queue_limits *lim,
				 const struct pb_bio_vec *prev,
				 const struct pb_bio_vec *next);
};

/* The build renames each table to the name of its build. */
extern const struct physbio_repr phys_physbio_repr;
extern const struct physbio_repr physb_physbio_repr;
extern const struct physbio_repr phys12_physbio_repr;
extern const struct physbio_repr phyr_physbio_repr;
extern const struct physbio_repr phys31_physbio_repr;
extern const struct physbio_repr page_physbio_repr;
extern const struct physbio_repr sparse_physbio_repr;
extern const struct physbio_repr physsparse_physbio_repr;
extern const struct physbio_repr dma_physbio_repr;
extern const struct physbio_repr physbit_physbio_repr; /* vectors with a mark */
extern const struct physbio_repr physram_physbio_repr; /* no P2P in the build */
extern const struct physbio_repr physcnt_physbio_repr;
extern const struct physbio_repr pagecnt_physbio_repr;
extern const struct physbio_repr sparsecnt_physbio_repr;
extern const struct physbio_repr physsparsecnt_physbio_repr;
extern const struct physbio_repr dmacnt_physbio_repr;

#endif
