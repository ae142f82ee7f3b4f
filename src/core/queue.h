/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a queue is inside. For src/core alone: drivers see it through submit.h.
 */
#ifndef PHYSBIO_CORE_QUEUE_H
#define PHYSBIO_CORE_QUEUE_H

#include "platform.h"

#include <physbio/bio.h>
#include <physbio/dma.h>
#include <physbio/merge.h>
#include <physbio/submit.h>

/*
 * May memory be a peer's? A build without that, as with CONFIG_PCI_P2PDMA=n, is what
 * others are compared with.
 */
#ifdef PHYSBIO_NO_P2PDMA
#define HAS_P2PDMA false
#else
#define HAS_P2PDMA true
#endif

/* Is the address known without the translator, and is there nothing to undo? */
static inline bool physbio_is_unmapped(enum pb_pci_p2pdma_map_type map)
{
	return map == PB_PCI_P2PDMA_MAP_BUS_ADDR ||
	       map == PHYSBIO_P2PDMA_MAP_OWN_BAR;
}

/* Bios for front parts that a queue can always have. Source: BIO_POOL_SIZE */
#define PB_BIO_SPLIT_POOL 2

struct pb_blk_mq_hw_ctx {
	struct pb_request_queue *queue;
};

struct pb_request_queue {
	/* Read by everyone, written by nobody after creation. */
	struct pb_queue_limits limits;
	const struct pb_blk_mq_ops *ops;
	void *queuedata;
	struct pb_bio_set bio_split; /* where front parts of cuts come from */
	struct pb_blk_mq_hw_ctx hctx;
	struct physbio_queue_stats *stats; /* NULL: nobody counts */
	void *rqs; /* memory of all requests */
	unsigned int nr_rqs;
	bool nomerges;
	bool noxmerges; /* only the request that was merged with last */
	struct pb_elevator_queue *elevator; /* NULL: none */

	/*
	 * Under lock, from here to the end. deferred and ended are also read
	 * without it: deferred to pass the lock by, ended as a time before which
	 * nothing was missed.
	 */
	spinlock_t lock;
	struct pb_request *free; /* linked by rq_next */
	struct pb_rq_list dispatch; /* refused by the driver for now */
	struct pb_rq_list sw; /* came meanwhile, without a scheduler */
	struct pb_request *last_merge; /* the scheduler's */
	bool running; /* somebody gives requests to the driver */
	bool rerun; /* and is to look again */
	bool deferred; /* something waits: in one of these or the scheduler */
	unsigned int in_use; /* requests not free, or being freed */
	unsigned int waiters; /* tasks that wait for a free one */
	unsigned long ended; /* requests that were freed, ever */
	bool dying; /* pb_blk_mq_destroy_queue() waits for in_use 0 */
	wait_queue_head_t wait; /* for free, and for in_use 0 */
};

/* No I/O crosses a multiple of these sectors; 0: none. */
static inline u32 pb_boundary_sectors(const struct pb_queue_limits *lim,
				      bool atomic)
{
	if (atomic && lim->atomic_write_boundary_sectors)
		return lim->atomic_write_boundary_sectors;
	return lim->chunk_sectors;
}

/* Sectors from @sector to the next multiple of @boundary. */
static inline u32 pb_boundary_sectors_left(pb_sector_t sector, u32 boundary)
{
	if (is_power_of_2(boundary))
		return boundary - (u32)(sector & (boundary - 1));
	return boundary - sector_div(sector, boundary);
}

/* Are two vectors one segment? The caller checks max_segment_size. */
static inline bool pb_bvecs_mergeable(const struct pb_queue_limits *lim,
				      const struct pb_bio_vec *vec1,
				      const struct pb_bio_vec *vec2)
{
	u64 mask = lim->seg_boundary_mask;
	u64 addr1 = pb_bvec_addr_bits(pb_bvec_addr(vec1));
	u64 addr2 = pb_bvec_addr_bits(pb_bvec_addr(vec2));

	if (addr1 + vec1->bv_len != addr2)
		return false;
	if (!pb_bvec_same_kind(vec1, vec2))
		return false;
	return (addr1 | mask) == ((addr2 + vec2->bv_len - 1) | mask);
}

/*
 * Count the segments of one vector that the limits may cut; the walk of split.c and the
 * recount of request.c are one. Returns true if it does not pass whole.
 * Source: bvec_split_segs()
 */
bool pb_bvec_split_segs(const struct pb_queue_limits *lim,
			const struct pb_bio_vec *bv, u32 *nsegs, u32 *bytes,
			u32 max_segs, u32 max_bytes);

/*
 * Several steps of pb_blk_map_iter_next() at once. Returns how many ranges there are in
 * @vec, @max at most; 0: no more will come.
 */
unsigned int pb_blk_map_iter_fill(const struct pb_request *rq,
				  struct pb_blk_map_iter *iter,
				  struct pb_phys_vec *vec, unsigned int max);

#ifdef PB_REPR_HAS_PHYS
/* May memory of this page's kind be in @bio? The first page decides. */
bool pb_bio_takes_page(struct pb_bio *bio, const struct pb_page *page,
		       unsigned int len, unsigned int offset);
#endif

/*
 * Lengthen @bv by @next if the device takes both as one segment.
 * Source: bvec_try_merge_hw_page()
 */
bool pb_bvec_try_merge_hw(struct pb_request_queue *q, struct pb_bio_vec *bv,
			  const struct pb_bio_vec *next);

/* What happens to a bio's metadata when it happens to its data. All have some. */
void pb_bio_integrity_advance(struct pb_bio *bio, u32 bytes_done);
void pb_bio_integrity_trim(struct pb_bio *bio);
int pb_bio_integrity_clone(struct pb_bio *bio, const struct pb_bio *src,
			   pb_gfp_t gfp, struct pb_bio_set *bs);
void pb_bio_integrity_free(struct pb_bio *bio);

/*
 * What a bio has beside its data: whose memory it is, who pays, the key and the
 * metadata. Is it such that the bio may be in this request?
 */
bool pb_contexts_alike(struct pb_request *rq, struct pb_bio *bio);

/*
 * May @next follow @prev, the last of bios from @first on that have @bytes? Keys' data
 * units must go on, and metadata have no gap that the device can't take.
 */
bool pb_context_follows(const struct pb_request_queue *q,
			const struct pb_bio *first, const struct pb_bio *prev,
			u32 bytes, const struct pb_bio *next);

/* Both of these for two requests. */
bool pb_rq_contexts_join(struct pb_request *rq, struct pb_request *next);

/* Count what a bio brings along. */
void pb_rq_add_context(struct pb_request *rq, struct pb_bio *bio);

/* May anything be merged with it at all? Source: rq_mergeable() */
bool pb_rq_mergeable(const struct pb_request *rq);

/* Ranges of a discard need not touch, where the device takes several. */
static inline bool pb_blk_discard_mergable(const struct pb_request *rq)
{
	return pb_req_op(rq) == PB_REQ_OP_DISCARD &&
	       rq->q->limits.max_discard_segments > 1;
}

/* Join a bio to a request where it touches it, if the limits allow it. */
enum pb_bio_merge_status pb_bio_attempt_back_merge(struct pb_request *rq,
						   struct pb_bio *bio,
						   unsigned int nr_segs);
enum pb_bio_merge_status pb_bio_attempt_front_merge(struct pb_request *rq,
						    struct pb_bio *bio,
						    unsigned int nr_segs);
enum pb_bio_merge_status pb_bio_attempt_discard_merge(struct pb_request *rq,
						      struct pb_bio *bio);

/* The newest eight of a list. Source: blk_bio_list_merge() */
bool pb_blk_bio_list_merge(struct pb_request_queue *q,
			   const struct pb_rq_list *list, struct pb_bio *bio,
			   unsigned int nr_segs);

/*
 * Join @bio to what waits in the scheduler. @merged_request: one that became part of
 * another thereby, to be freed. Source: blk_mq_sched_try_merge()
 */
bool pb_blk_mq_sched_try_merge(struct pb_request_queue *q, struct pb_bio *bio,
			       unsigned int nr_segs,
			       struct pb_request **merged_request);

/* Must a plug with at least one request be sent before one of @q is added? */
bool physbio_plug_full(const struct pb_blk_plug *plug,
		       const struct pb_request_queue *q);

/* The scheduler, under the queue's lock. Requests to be freed go on @freed. */
void pb_elv_insert(struct pb_request *rq, struct pb_rq_list *freed);
struct pb_request *pb_elv_dispatch(struct pb_request_queue *q);
/* A request that waits leaves, whoever's turn it is. */
void physbio_elv_take(struct pb_request *rq);
bool pb_elv_has_work(const struct pb_request_queue *q);
struct pb_request *pb_elv_latter_request(struct pb_request *rq);
struct pb_request *pb_elv_former_request(struct pb_request *rq);
void pb_elv_merged_request(struct pb_request *rq, enum pb_elv_merge type);
void pb_elv_merge_requests(struct pb_request *rq, struct pb_request *next);

#define pb_queue_count(q, member, n)                             \
	do {                                                     \
		if (unlikely((q)->stats))                        \
			atomic_stat_add(n, &(q)->stats->member); \
	} while (0)

static inline bool pb_rq_list_empty(const struct pb_rq_list *list)
{
	return !list->head;
}

static inline void pb_rq_list_add_tail(struct pb_rq_list *list,
				       struct pb_request *rq)
{
	rq->rq_next = NULL;
	rq->rq_prev = list->tail;
	if (list->tail)
		list->tail->rq_next = rq;
	else
		list->head = rq;
	list->tail = rq;
}

static inline void pb_rq_list_add_head(struct pb_rq_list *list,
				       struct pb_request *rq)
{
	rq->rq_next = list->head;
	rq->rq_prev = NULL;
	if (list->head)
		list->head->rq_prev = rq;
	else
		list->tail = rq;
	list->head = rq;
}

static inline struct pb_request *pb_rq_list_pop(struct pb_rq_list *list)
{
	struct pb_request *rq = list->head;

	if (rq) {
		list->head = rq->rq_next;
		if (list->head)
			list->head->rq_prev = NULL;
		else
			list->tail = NULL;
	}
	return rq;
}

#endif
