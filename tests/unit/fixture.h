/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What most tests begin with: a map of RAM, bios built from physical ranges, and a
 * queue whose driver keeps what it gets until the test ends it.
 */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include <physbio/bio.h>
#include <physbio/mem.h>
#include <physbio/memremap.h>
#include <physbio/merge.h>
#include <physbio/request.h>
#include <physbio/split.h>
#include <physbio/submit.h>

#include "../../src/user/mem-internal.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define PG ((pb_phys_addr_t)PB_PAGE_SIZE)
#ifdef TEST_SEAM
/* Page structs don't go on after this page of RAM: another section begins there. */
#define RAM_START ((pb_phys_addr_t)(3 * PB_PAGES_PER_SECTION - TEST_SEAM) * PG)
#else
#define TEST_SEAM 0
#define RAM_START ((pb_phys_addr_t)0x10000000)
#endif
#ifndef RAM_PAGES
#define RAM_PAGES 512
#endif

static struct physbio_mem *mem;

static inline int mem_up(void **state)
{
	const struct physbio_mem_range ram = {
		.start = RAM_START,
		.size = RAM_PAGES * PG,
		.kind = PHYSBIO_MEM_RAM,
		.nid = -1,
	};

	const struct physbio_mem_options options = {
		.models = 1u << PHYSBIO_THE_MEMMODEL,
		.sections_apart = TEST_SEAM != 0,
	};

	return physbio_mem_create_for(&ram, 1, &options, &mem, NULL);
}

/* Nobody holds a page that is there: references, and pins, which are the same. */
static inline void assert_range_is_free(const struct mem_range *mr)
{
	pb_phys_addr_t at = mr->range.start;
	uint64_t n = mr->range.size / PG;

	for (; n; n--, at += PG) {
		const struct pb_page *page = physbio_mem_page(mem, at);

		if (page && (page->refcount.counter || page->pincount.counter))
			fail_msg("page 0x%llx has %d references, %d pins",
				 (unsigned long long)at, page->refcount.counter,
				 page->pincount.counter);
	}
}

/* After every test, whatever failed in it. */
static inline void assert_references_balance(void)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		assert_true(physbio_pagemap_idle(physbio_memmap_pagemap(i)));
		assert_range_is_free(&mem->ranges[i]);
	}
	assert_int_equal(physbio_mem_underflows(NULL), 0);
}

static inline int mem_down(void **state)
{
	if (mem)
		assert_references_balance();
	physbio_mem_destroy(mem);
	mem = NULL;
	return 0;
}

/* A range of the test's RAM: bytes from its start. */
struct range {
	uint32_t at;
	uint32_t len;
};

struct test_bio {
	struct pb_bio bio;
	struct pb_bio_vec table[PB_BIO_MAX_VECS];
	int ended; /* times that bi_end_io was called */
};

static inline void test_bio_endio(struct pb_bio *bio)
{
	((struct test_bio *)bio)->ended++;
}

static inline void test_bio_init(struct test_bio *tb, pb_blk_opf_t opf,
				 pb_sector_t sector)
{
	pb_bio_init(&tb->bio, NULL, tb->table, PB_BIO_MAX_VECS, opf);
	tb->bio.bi_iter.bi_sector = sector;
	tb->bio.bi_end_io = test_bio_endio;
	tb->ended = 0;
}

static inline void test_bio_add(struct test_bio *tb, uint32_t at, uint32_t len)
{
	assert_int_equal(pb_bio_add_phys(&tb->bio, RAM_START + at, len), len);
}

/* A driver that keeps the requests that it gets. */
#define KEPT_MAX 512

static struct pb_request *kept[KEPT_MAX];
static unsigned int nr_kept;
static pb_blk_status_t driver_says;

static inline pb_blk_status_t keep_rq(struct pb_blk_mq_hw_ctx *hctx,
				      const struct pb_blk_mq_queue_data *bd)
{
	if (driver_says != PB_BLK_STS_OK)
		return driver_says;
	pb_blk_mq_start_request(bd->rq);
	kept[nr_kept++] = bd->rq;
	return PB_BLK_STS_OK;
}

static const struct pb_blk_mq_ops keep_ops = { .queue_rq = keep_rq };

struct test_queue {
	struct pb_blk_mq_tag_set set;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	struct physbio_queue_stats stats;
};

static inline void test_queue_up(struct test_queue *tq,
				 const struct pb_queue_limits *lim,
				 unsigned int depth)
{
	memset(tq, 0, sizeof(*tq));
	tq->set.ops = &keep_ops;
	tq->set.queue_depth = depth;
	tq->q = pb_blk_mq_alloc_queue(&tq->set, lim, NULL);
	assert_true((uintptr_t)tq->q < (uintptr_t)-4095);
	physbio_queue_set_stats(tq->q, &tq->stats);
	tq->bdev.bd_queue = tq->q;
	tq->bdev.bd_nr_sectors = 1 << 20;
	nr_kept = 0;
	driver_says = PB_BLK_STS_OK;
}

static inline void end_kept(pb_blk_status_t status)
{
	unsigned int i, n = nr_kept;

	nr_kept = 0;
	for (i = 0; i < n; i++)
		pb_blk_mq_end_request(kept[i], status);
}

static inline void test_queue_down(struct test_queue *tq)
{
	pb_blk_mq_destroy_queue(tq->q);
}

#endif
