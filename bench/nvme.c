// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it takes to describe a request to an NVMe device, and to undo that: each vector is
 * mapped and becomes PRPs or an SGL. Descriptors are verified first, against a model that
 * puts down page after page what lists must hold. The floor is a loop that writes the
 * same descriptors and has them ready.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "nvme-loops.h"
#include "reprs.h"

#define KIB 1024u
#define PAGE PB_NVME_CTRL_PAGE_SIZE
#define NR_PAGES 65536u

static struct bench bench = {
	.name = "nvme",
	.title = "requests to descriptors: page vectors against physical ones",
	.rounds = 150,
};

/* --- the cases --- */

static const struct nvme_case {
	const char *name;
	unsigned int vecs; /* of a request; no two touch */
	uint32_t len; /* bytes of each */
	unsigned int rqs;
	unsigned int times; /* that each is described in a sample */
	bool sgl;
	bool kept; /* each range must be unmapped, and is kept for that */
	bool unmap; /* which is what is timed */
} cases[] = {
	{ "PRP, 1 page", 1, PAGE, 32, 64 },
	{ "PRP, 2 pages", 1, 2 * PAGE, 32, 64 },
	{ "PRP list, 128 KiB scattered", 32, PAGE, 8, 32 },
	{ "PRP list, 1 MiB scattered", 256, PAGE, 4, 8 },
	{ "PRP list, 1 MiB scattered, kept", 256, PAGE, 4, 8, .kept = true },
	{ "PRP list, 1 MiB contiguous", 1, 1024 * KIB, 8, 8 },
	{ "PRP list, 8 MiB", 256, 32 * KIB, 2, 2 },
	{ "SGL, inline", 1, 128 * KIB, 32, 64, .sgl = true },
	{ "SGL, list of 4", 4, PAGE, 32, 32, .sgl = true },
	{ "SGL, list of 64", 64, PAGE, 8, 16, .sgl = true },
	{ "SGL, list of 256", 256, PAGE, 4, 8, .sgl = true },
	{ "unmap, nothing to undo", 256, PAGE, 4, 1024, .unmap = true },
	{ "unmap, 256 ranges", 256, PAGE, 4, 4, .kept = true, .unmap = true },
};

#define NR_CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* A stride that is prime to any power of two. No two vectors that follow touch. */
static pb_phys_addr_t vec_paddr(const struct nvme_case *c, unsigned int rq,
				unsigned int vec)
{
	pb_phys_addr_t pages = c->len / PAGE, n = rq * c->vecs + vec;

	return BENCH_RAM + n * 1237 % (NR_PAGES / pages) * c->len;
}

/* --- what all contestants write to, so that none has a better place --- */

#define LIST_BYTES (PB_NVME_MAX_LIST_PAGES * PAGE)

static char list_memory[LIST_BYTES] __attribute__((aligned(PAGE)));
static char small_memory[PB_NVME_SMALL_POOL_SIZE]
	__attribute__((aligned(PB_NVME_SMALL_POOL_SIZE)));
static struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
static struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];

static void lists_up(void)
{
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++) {
		lists[i].virt = list_memory + i * PAGE;
		lists[i].dma = physbio_dma_make(BENCH_LIST_BUS + i * PAGE);
	}
}

/* --- one contestant at one case --- */

struct runner {
	const struct nvme_case *c;
	const struct physbio_repr *repr;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	struct pb_device dev;
	struct pb_request *rqs;
	struct pb_bio *bios;
	char *vecs;
	struct nvme_ready *ready; /* for the floor: of all requests */
	uint32_t nr_ready; /* of each */
	struct pb_nvme_iod iod;
	unsigned int failed;
};

static unsigned int nr_undone;

static void undo(const struct pb_device *dev, pb_dma_addr_t addr, uint64_t size,
		 enum pb_dma_data_direction dir, unsigned long attrs)
{
	nr_undone++;
}

static void map_one(struct runner *run, unsigned int rq)
{
	run->failed += run->repr->nvme_map_data(&run->rqs[rq], &run->dev,
						&run->iod) != PB_BLK_STS_OK;
}

static void bare_one(struct runner *run, unsigned int rq)
{
	const struct nvme_ready *ready = run->ready + rq * run->nr_ready;

	if (run->c->sgl)
		nvme_bare_sgl(&run->iod, ready, run->nr_ready);
	else
		nvme_bare_prp(&run->iod, ready, run->nr_ready);
}

/* Undoing changes nothing here: it can be done again. */
static void unmap_one(struct runner *run, unsigned int rq)
{
	run->repr->nvme_unmap_data(&run->rqs[rq], &run->dev, &run->iod);
}

#define RUN(name, one)                                          \
	static void name(void *arg)                             \
	{                                                       \
		struct runner *run = arg;                       \
		unsigned int rq, times;                         \
                                                                \
		for (times = 0; times < run->c->times; times++) \
			for (rq = 0; rq < run->c->rqs; rq++)    \
				one(run, rq);                   \
	}

RUN(run_map, map_one)
RUN(run_bare, bare_one)
RUN(run_unmap, unmap_one)

static void ready_unmap(void *arg)
{
	map_one(arg, 0);
}

/* --- verification --- */

/* What the device would read. */
struct model {
	union pb_nvme_data_ptr dptr;
	bool small;
	size_t bytes; /* of the list */
	union {
		uint64_t prps[LIST_BYTES / sizeof(uint64_t)];
		struct pb_nvme_sgl_desc sgl[PB_NVME_MAX_SEGS];
		char list[LIST_BYTES];
	};
};

static uint64_t model_list_bus(struct model *m, size_t bytes)
{
	m->small = bytes <= PB_NVME_SMALL_POOL_SIZE;
	m->bytes = bytes;
	return m->small ? BENCH_LIST_BUS + LIST_BYTES : BENCH_LIST_BUS;
}

/* Page @n of the request. */
static uint64_t model_page(const struct nvme_case *c, unsigned int rq,
			   uint64_t n)
{
	uint64_t each = c->len / PAGE;

	return vec_paddr(c, rq, (unsigned int)(n / each)) + n % each * PAGE;
}

/* The last slot of a page is the next page, unless nothing follows. */
static void model_prp_list(struct model *m, const struct nvme_case *c,
			   unsigned int rq, uint64_t nr)
{
	uint64_t n = 1, slot, next = BENCH_LIST_BUS;

	for (slot = 0; n < nr; slot++)
		if ((slot + 1) % PB_NVME_PRPS_PER_PAGE || n + 1 == nr)
			m->prps[slot] = htole64(model_page(c, rq, n++));
		else
			m->prps[slot] = htole64(next += PAGE);
	m->dptr.prp.prp2 =
		htole64(model_list_bus(m, slot * sizeof(m->prps[0])));
}

static void model_prp(struct model *m, const struct nvme_case *c,
		      unsigned int rq)
{
	uint64_t nr = (uint64_t)c->vecs * c->len / PAGE;

	m->dptr.prp.prp1 = htole64(model_page(c, rq, 0));
	if (nr == 2)
		m->dptr.prp.prp2 = htole64(model_page(c, rq, 1));
	else if (nr > 2)
		model_prp_list(m, c, rq, nr);
}

static void model_sgl(struct model *m, const struct nvme_case *c,
		      unsigned int rq)
{
	unsigned int n;

	for (n = 0; n < c->vecs; n++) {
		m->sgl[n].addr = htole64(vec_paddr(c, rq, n));
		m->sgl[n].length = htole32(c->len);
		m->sgl[n].type = PB_NVME_SGL_DATA;
	}
	if (c->vecs == 1) {
		m->dptr.sgl = m->sgl[0];
		return;
	}
	m->dptr.sgl.addr =
		htole64(model_list_bus(m, c->vecs * sizeof(m->sgl[0])));
	m->dptr.sgl.length = htole32((uint32_t)m->bytes);
	m->dptr.sgl.type = PB_NVME_SGL_LAST_SEGMENT;
}

static void verify_descriptors(const struct runner *run, unsigned int rq,
			       const char *who)
{
	struct model *m = bench_alloc(&bench, 1, sizeof(*m));

	if (run->c->sgl)
		model_sgl(m, run->c, rq);
	else
		model_prp(m, run->c, rq);
	if (memcmp(&m->dptr, &run->iod.dptr, sizeof(m->dptr)))
		bench_die(&bench, "%s, %s: a wrong data pointer", run->c->name,
			  who);
	if (memcmp(m->list, m->small ? small_memory : list_memory, m->bytes))
		bench_die(&bench, "%s, %s: a wrong list", run->c->name, who);
	free(m);
}

static void verify_undone(struct runner *run, unsigned int rq)
{
	unsigned int want = run->c->kept ? run->c->vecs : 0;

	nr_undone = 0;
	unmap_one(run, rq);
	if (nr_undone != want)
		bench_die(&bench, "%s, %s: %u ranges were undone, not %u",
			  run->c->name, run->repr->name, nr_undone, want);
}

static void verify(struct runner *run,
		   void (*one)(struct runner *run, unsigned int rq),
		   const char *who)
{
	unsigned int rq;

	for (rq = 0; rq < run->c->rqs; rq++) {
		memset(list_memory, 0xff, sizeof(list_memory));
		memset(small_memory, 0xff, sizeof(small_memory));
		one(run, rq);
		if (run->failed)
			bench_die(&bench, "%s, %s: a request can't be mapped",
				  run->c->name, who);
		verify_descriptors(run, rq, who);
	}
}

/* --- contestants --- */

static void iod_up(struct runner *run)
{
	static const struct physbio_xlate_ops nothing, undone = {
		.unmap_phys = undo,
	};
	static const struct physbio_xlate identity = { .ops = &nothing },
					  kept = { .ops = &undone };

	run->dev.xlate = run->c->kept ? &kept : &identity;
	run->dev.dma_mask = UINT64_MAX;
	run->iod.lists = lists;
	run->iod.small.virt = small_memory;
	run->iod.small.dma = physbio_dma_make(BENCH_LIST_BUS + LIST_BYTES);
	run->iod.ranges = ranges;
	run->iod.max_ranges = PB_NVME_MAX_SEGS;
	run->iod.sgl_supported = run->c->sgl;
	run->iod.sgl_threshold = 1; /* whatever the segments are */
}

static void request_make(struct runner *run, unsigned int rq)
{
	const struct nvme_case *c = run->c;
	struct pb_bio *bio = &run->bios[rq];
	unsigned int vec, segs;

	run->repr->bio_init(
		bio, &run->bdev,
		(struct pb_bio_vec *)(run->vecs +
				      rq * c->vecs * run->repr->bvec_size),
		(unsigned short)c->vecs, PB_REQ_OP_READ);
	for (vec = 0; vec < c->vecs; vec++)
		run->repr->bio_add_phys(bio, vec_paddr(c, rq, vec), c->len);
	if (run->repr->bio_split_to_limits(bio, pb_queue_limits(run->q),
					   &segs) != bio ||
	    segs != c->vecs || bio->bi_iter.bi_size != c->vecs * c->len)
		bench_die(&bench, "%s, %s: a bio can't be made", c->name,
			  run->repr->name);
	run->rqs[rq].q = run->q;
	run->repr->blk_rq_bio_prep(&run->rqs[rq], bio, segs);
}

static struct pb_request_queue *queue_make(const struct physbio_repr *repr)
{
	static const struct pb_queue_limits lim = {
		.max_hw_sectors = PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_user_sectors = PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_segments = PB_NVME_MAX_SEGS,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};

	return bench_queue(&bench, repr, NULL, &lim, NULL);
}

static void *runner_up(const void *stage, const struct physbio_repr *repr)
{
	struct runner *run = bench_alloc(&bench, 1, sizeof(*run));
	const struct nvme_case *c = stage;
	unsigned int rq;

	run->c = c;
	run->repr = repr;
	run->q = queue_make(repr);
	run->bdev.bd_queue = run->q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	run->rqs = bench_alloc(&bench, c->rqs, sizeof(run->rqs[0]));
	run->bios = bench_alloc(&bench, c->rqs, sizeof(run->bios[0]));
	run->vecs = bench_alloc(&bench, c->rqs * c->vecs, repr->bvec_size);
	for (rq = 0; rq < c->rqs; rq++)
		request_make(run, rq);
	iod_up(run);
	verify(run, map_one, repr->name);
	verify_undone(run, 0);
	return run;
}

static void runner_down(void *arg)
{
	struct runner *run = arg;

	run->repr->blk_mq_destroy_queue(run->q);
	free(run->vecs);
	free(run->bios);
	free(run->rqs);
	free(run);
}

/* --- the floor --- */

static void bare_up(struct runner *run, const struct nvme_case *c)
{
	uint32_t each = c->sgl ? 1 : c->len / PAGE, i, rq;
	struct nvme_ready *r;

	run->c = c;
	run->nr_ready = c->vecs * each;
	run->ready = bench_alloc(&bench, c->rqs * run->nr_ready, sizeof(*r));
	r = run->ready;
	for (rq = 0; rq < c->rqs; rq++)
		for (i = 0; i < run->nr_ready; i++, r++) {
			r->addr = physbio_dma_make(vec_paddr(c, rq, i / each) +
						   i % each * PAGE);
			r->len = c->len;
		}
	iod_up(run);
	verify(run, bare_one, "bare");
}

static void bench_case(const struct nvme_case *c)
{
	struct runner bare = { .c = c };
	const struct bench_contestant other = {
		.name = "bare",
		.run = run_bare,
		.arg = &bare,
	};
	const struct bench_stage stage = {
		.name = c->name,
		.units = c->rqs * c->times,
		.up = runner_up,
		.down = runner_down,
		.ready = c->unmap ? ready_unmap : NULL,
		.run = c->unmap ? run_unmap : run_map,
		.stage = c,
		.other = c->unmap ? NULL : &other,
	};

	if (!bench_wanted(&bench, c->name))
		return;
	bare_up(&bare, c);
	bench_time_stage(&bench, &stage);
	free(bare.ready);
}

int main(int argc, char **argv)
{
	struct physbio_mem *mem;
	int i;

	bench_start(&bench, argc, argv);
	mem = bench_ram(&bench, (uint64_t)NR_PAGES * PAGE);
	lists_up();
	bench_note_memory(&bench, mem, BENCH_RAM, "made up");
	bench_note(
		&bench, "shown",
		"ns for one request; reads; identity translation; lists of up to 256 bytes in a small block; bare: the same descriptors from an array that has them ready");
	for (i = 0; i < NR_CASES; i++)
		bench_case(&cases[i]);
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
