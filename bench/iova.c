// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How many ranges of bus addresses an I/O becomes: without an IOMMU as many as its memory
 * has pieces, with one a single range where all pieces meet at the IOMMU's granule; and how
 * well the gap bit of a request foresees that. Every range is compared with what the
 * addresses say first. How long an IOMMU of hardware takes, it doesn't know.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/buffer.h>
#include <physbio/iommu.h>

#include "../src/repr/ops.h"
#include "driver.h"
#include "harness.h"

static struct bench bench = {
	.name = "iova",
	.title = "ranges of an I/O, and one range for all of it",
	.rounds = 60,
};

#define KIB 1024u
#define MIB (1024u * KIB)
#define PAGE 4096u
#define MAX_VECS 512u
#define NR_COUNTED 1024u /* I/Os of a statistic */

/* --- memory: a place that is contiguous, and frames of a fragmented process --- */

#define AREA (UINT64_C(1) << 30)

static struct physbio_buffer *fragmented;
static struct physbio_snapshot snapshot;
static struct physbio_mem *mem;
static pb_phys_addr_t area; /* multiple of AREA */

static void set_up_memory(void)
{
	struct physbio_mem_range range = { .size = AREA,
					   .kind = PHYSBIO_MEM_RAM_EMPTY,
					   .nid = bench.node };
	struct physbio_error error;
	void *hog = bench_fragment(&bench);

	if (physbio_buffer_alloc(PHYSBIO_BUFFER_PAGES, 32 * MIB, bench.node,
				 &fragmented, &error))
		bench_die(&bench, "memory: %s", error.message);
	bench_unfragment(hog);
	if (physbio_snapshot_take(&fragmented, 1, 1, &snapshot, &error))
		bench_die(&bench, "memory: %s", error.message);
	area = range.start = snapshot.top;
	if (physbio_snapshot_map(&fragmented, 1, &range, 1, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
}

#define SEED 88172645463325252u

static uint64_t state; /* of random numbers */

static uint64_t random_below(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 8) % n;
}

/* --- layouts --- */

struct vec {
	pb_phys_addr_t paddr;
	uint32_t len; /* bytes */
};

static const struct layout {
	const char *name;
	uint32_t run; /* bytes that are contiguous; 0: as the frames lie */
	uint32_t align; /* runs begin at multiples of that */
	uint32_t offset; /* bytes from a page's start that an I/O begins at */
	bool mixed; /* runs of this size, a quarter, or a sixteenth */
	bool inside; /* an I/O doesn't leave its first run */
	bool two_bios;
} range_layouts[] = {
	{ .name = "contiguous",
	  .run = 64 * MIB,
	  .align = 64 * MIB,
	  .inside = true },
	{ .name = "huge pages", .run = 2 * MIB, .align = 2 * MIB },
	{ .name = "half", .run = 2 * PAGE, .align = PAGE },
	{ .name = "scattered", .run = PAGE, .align = PAGE },
	{ .name = "fragmented" },
	{ .name = "fragmented, off by 512", .offset = 512 },
}, granule_layouts[] = {
	{ .name = "scattered pages", .run = PAGE, .align = PAGE },
	{ .name = "folios of 16 KiB", .run = 16 * KIB, .align = 16 * KIB },
	{ .name = "folios of 64 KiB", .run = 64 * KIB, .align = 64 * KIB },
	{ .name = "folios of 4, 16, 64 KiB", .run = 64 * KIB,
	  .align = 64 * KIB, .mixed = true },
	{ .name = "runs of 64 KiB", .run = 64 * KIB, .align = PAGE },
	{ .name = "pieces of 2 KiB", .run = 2 * KIB, .align = 512 },
	{ .name = "fragmented" },
	{ .name = "two bios in a page", .run = 64 * MIB, .align = 64 * MIB,
	  .offset = 2 * KIB, .inside = true, .two_bios = true },
};

#define ARRAY_SIZE(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* The next piece, to a page's end at most, as a submitter has it. */
static unsigned int add_pages(struct vec *v, pb_phys_addr_t paddr, uint32_t len)
{
	unsigned int n = 0;

	for (; len; len -= v[n].len, paddr += v[n].len, n++) {
		v[n].paddr = paddr;
		v[n].len = PAGE - (uint32_t)(paddr % PAGE);
		if (v[n].len > len)
			v[n].len = len;
	}
	return n;
}

static unsigned int lay_out_frames(const struct layout *l, struct vec *v,
				   uint32_t bytes)
{
	size_t at = random_below((fragmented->size - bytes) / PAGE) * PAGE +
		    l->offset;
	unsigned int n = 0;
	uint32_t len;

	for (; bytes; bytes -= len, at += len) {
		len = PAGE - (uint32_t)(at % PAGE);
		if (len > bytes)
			len = bytes;
		n += add_pages(&v[n], physbio_buffer_phys(fragmented, at), len);
	}
	return n;
}

/* Where the first run is entered. */
static uint32_t entrance(const struct layout *l, uint32_t run, uint32_t bytes)
{
	uint32_t room = l->inside ? run - bytes - PAGE : run;

	return (uint32_t)random_below((room + PAGE - 1) / PAGE) * PAGE +
	       l->offset;
}

static unsigned int lay_out_runs(const struct layout *l, struct vec *v,
				 uint32_t bytes)
{
	uint32_t len, run, align, skip;
	unsigned int n = 0;

	for (; bytes; bytes -= len) {
		run = l->mixed ? l->run >> 2 * random_below(3) : l->run;
		align = l->mixed ? run : l->align;
		skip = n ? 0 : entrance(l, run, bytes);
		len = run - skip < bytes ? run - skip : bytes;
		n += add_pages(
			&v[n],
			area + random_below((AREA - run) / align) * align +
				skip,
			len);
	}
	return n;
}

static unsigned int lay_out(const struct layout *l, struct vec *v,
			    uint32_t bytes)
{
	return l->run ? lay_out_runs(l, v, bytes) : lay_out_frames(l, v, bytes);
}

/* --- I/Os --- */

struct io {
	struct pb_bio bios[2];
	struct pb_request rq;
	struct pb_bio_vec *table; /* of two bios */
	struct vec vecs[MAX_VECS];
	unsigned int nr;
	uint32_t bytes;
};

static struct pb_request_queue *queue_of(const struct physbio_repr *repr)
{
	static const struct pb_queue_limits limits = {
		.max_hw_sectors = 32 * MIB >> PB_SECTOR_SHIFT,
		.max_user_sectors = 32 * MIB >> PB_SECTOR_SHIFT,
		.max_segments = 2 * MAX_VECS,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};

	return bench_queue(&bench, repr, NULL, &limits, NULL);
}

/* Vectors from @first on; where the bio ends is said. Returns segments. */
static unsigned int bio_up(const struct physbio_repr *repr, struct io *io,
			   int b, struct pb_block_device *bdev,
			   unsigned int first, unsigned int end)
{
	void *table = (char *)io->table + b * MAX_VECS * repr->bvec_size;
	struct pb_bio *bio = &io->bios[b];
	unsigned int segs;

	repr->bio_init(bio, bdev, table, MAX_VECS, PB_REQ_OP_READ);
	for (; first < end; first++)
		if (repr->bio_add_phys(bio, io->vecs[first].paddr,
				       io->vecs[first].len) !=
		    (int)io->vecs[first].len)
			bench_die(&bench, "no bio of %u bytes", io->bytes);
	if (b)
		bio->bi_iter.bi_sector = pb_bio_end_sector(&io->bios[0]);
	repr->bio_split_to_limits(bio, pb_queue_limits(bdev->bd_queue), &segs);
	return segs;
}

static void request_up(const struct physbio_repr *repr, struct io *io,
		       struct pb_block_device *bdev, bool two_bios)
{
	unsigned int end = two_bios ? io->nr / 2 : io->nr, segs;

	segs = bio_up(repr, io, 0, bdev, 0, end);
	io->rq = (struct pb_request){ .q = bdev->bd_queue };
	repr->blk_rq_bio_prep(&io->rq, &io->bios[0], segs);
	if (!two_bios)
		return;
	segs = bio_up(repr, io, 1, bdev, end, io->nr);
	if (repr->blk_attempt_bio_merge(bdev->bd_queue, &io->rq, &io->bios[1],
					segs, false) != PB_BIO_MERGE_OK)
		bench_die(&bench, "two bios are no request");
}

static struct io *ios_alloc(unsigned int nr)
{
	struct io *ios = bench_alloc(&bench, nr, sizeof(*ios));
	unsigned int i;

	for (i = 0; i < nr; i++)
		ios[i].table = bench_alloc(&bench, 2 * MAX_VECS,
					   sizeof(struct pb_bio_vec));
	return ios;
}

static void ios_free(struct io *ios, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		free(ios[i].table);
	free(ios);
}

/* What the addresses say: pieces that touch are one. A seam is where two don't. */
static unsigned int true_ranges(const struct io *io, uint64_t mask,
				unsigned int *bad_seams)
{
	unsigned int i, ranges = 1;

	*bad_seams = 0;
	for (i = 1; i < io->nr; i++) {
		uint64_t end = io->vecs[i - 1].paddr + io->vecs[i - 1].len;

		if (end == io->vecs[i].paddr)
			continue;
		ranges++;
		if ((end | io->vecs[i].paddr) & mask)
			(*bad_seams)++;
	}
	return ranges;
}

/* --- the device --- */

struct reach {
	struct physbio_xlate xlate;
	struct physbio_iommu *iommu;
	struct pb_device dev;
};

/* @granule 0: no IOMMU. With one as distributions have it: deferred. */
static void reach_up(struct reach *r, uint32_t granule)
{
	memset(r, 0, sizeof(*r));
	phys_physbio_repr.xlate_init_identity(&r->xlate);
	if (granule) {
		if (physbio_iommu_create(granule, UINT64_C(1) << 30,
					 UINT64_C(1) << 40, &r->iommu) ||
		    physbio_iommu_set_deferred(r->iommu, 256))
			bench_die(&bench, "no IOMMU");
		physbio_xlate_init_iommu(&r->xlate, r->iommu);
	}
	r->dev = (struct pb_device){ .xlate = &r->xlate,
				     .dma_mask = UINT64_MAX,
				     .numa_node = -1 };
}

struct range {
	pb_dma_addr_t addr;
	uint32_t len;
};

struct mapping {
	struct range ranges[MAX_VECS];
	unsigned int nr;
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
};

static void io_map(const struct physbio_repr *repr, struct io *io,
		   const struct pb_device *dev, struct mapping *m)
{
	bool more = repr->blk_rq_dma_map_iter_start(&io->rq, dev, &m->state,
						    &m->iter);

	for (m->nr = 0; more; m->nr++) {
		m->ranges[m->nr].addr = m->iter.addr;
		m->ranges[m->nr].len = m->iter.len;
		more = repr->blk_rq_dma_map_iter_next(&io->rq, dev, &m->iter);
	}
}

static void io_unmap(const struct physbio_repr *repr, struct io *io,
		     const struct pb_device *dev, struct mapping *m)
{
	unsigned int i;

	if (repr->blk_rq_dma_unmap(&io->rq, dev, &m->state, io->bytes,
				   m->iter.map))
		return;
	for (i = 0; i < m->nr; i++)
		physbio_dma_unmap_range(dev, m->ranges[i].addr,
					m->ranges[i].len, PB_DMA_FROM_DEVICE,
					m->iter.map);
}

/* Where the hardware finds byte @at of a range. */
static pb_phys_addr_t reached(const struct reach *r, const struct range *range,
			      uint32_t at)
{
	uint64_t addr = physbio_dma_value(range->addr) + at;
	pb_phys_addr_t paddr = 0;

	if (!r->iommu)
		return addr;
	physbio_iommu_lookup(r->iommu, addr, &paddr);
	return paddr;
}

/* First and last byte of every piece must be reached; none is in two ranges. */
static void verify_mapping(const struct io *io, const struct reach *r,
			   const struct mapping *m, const char *name)
{
	const struct range *range = m->ranges;
	uint32_t at = 0;
	unsigned int i;

	if (m->iter.status != PB_BLK_STS_OK)
		bench_die(&bench, "%s: an I/O can't be mapped", name);
	for (i = 0; i < io->nr; i++) {
		const struct vec *v = &io->vecs[i];

		if (range == m->ranges + m->nr ||
		    reached(r, range, at) != v->paddr ||
		    reached(r, range, at + v->len - 1) != v->paddr + v->len - 1)
			bench_die(&bench, "%s: piece %u is mapped elsewhere",
				  name, i);
		at += v->len;
		if (at == range->len) {
			at = 0;
			range++;
		}
	}
}

/* --- ranges of an I/O --- */

static const struct size {
	const char *name;
	uint32_t bytes;
	unsigned int ios;
	unsigned int passes; /* over them in a sample */
} sizes[] = {
	{ "4 KiB", 4 * KIB, 256, 1 },
	{ "64 KiB", 64 * KIB, 64, 4 },
	{ "1 MiB", MIB, 8, 16 },
};

enum {
	ONE, /* contiguous, whatever the layout is */
	DIRECT,
	IOVA,
	NR_WAYS
};

static const char *const way_names[NR_WAYS] = { "one range", "no IOMMU",
						"IOVA" };

struct way {
	struct io *ios;
	unsigned int nr, passes;
	struct reach reach;
	struct mapping mapping;
	struct pb_block_device bdev;
};

static void run_way(void *arg)
{
	struct way *w = arg;
	unsigned int i, at;

	for (i = 0; i < w->nr * w->passes; i++) {
		at = i % w->nr;
		io_map(&phys_physbio_repr, &w->ios[at], &w->reach.dev,
		       &w->mapping);
		io_unmap(&phys_physbio_repr, &w->ios[at], &w->reach.dev,
			 &w->mapping);
	}
}

static void io_make(const struct physbio_repr *repr, struct io *io,
		    struct pb_block_device *bdev, const struct layout *l,
		    uint32_t bytes)
{
	io->bytes = bytes;
	io->nr = lay_out(l, io->vecs, bytes);
	request_up(repr, io, bdev, l->two_bios);
}

static uint32_t granule_of(int which)
{
	return which == IOVA ? PAGE : 0;
}

static void way_up(struct way *w, int which, const struct size *size)
{
	reach_up(&w->reach, granule_of(which));
	w->bdev.bd_queue = queue_of(&phys_physbio_repr);
	w->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	w->nr = size->ios;
	w->passes = size->passes;
	w->ios = ios_alloc(w->nr);
}

/* The I/Os that are timed: the same ones each way. */
static void way_fill(struct way *w, const struct layout *l,
		     const struct size *size)
{
	unsigned int i;

	state = SEED;
	for (i = 0; i < w->nr; i++)
		io_make(&phys_physbio_repr, &w->ios[i], &w->bdev, l,
			size->bytes);
}

static void way_down(struct way *w)
{
	ios_free(w->ios, w->nr);
	phys_physbio_repr.blk_mq_destroy_queue(w->bdev.bd_queue);
	physbio_iommu_destroy(w->reach.iommu);
}

static int by_number(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Ranges of many I/Os of that layout, each mapped and looked at: those that are timed come
 * first among them. The device is another one, whose IOMMU may be left as it is then.
 */
static void count_ranges(struct way *w, int which, const struct layout *l,
			 const struct size *size, unsigned int *counts)
{
	struct io *io = &w->ios[0];
	struct reach reach;
	unsigned int i, bad, want;

	state = SEED;
	reach_up(&reach, granule_of(which));
	for (i = 0; i < NR_COUNTED; i++) {
		io_make(&phys_physbio_repr, io, &w->bdev, l, size->bytes);
		io_map(&phys_physbio_repr, io, &reach.dev, &w->mapping);
		verify_mapping(io, &reach, &w->mapping, l->name);
		want = true_ranges(io, PAGE - 1, &bad);
		if (which == IOVA && !bad)
			want = 1;
		if (w->mapping.nr != want)
			bench_die(&bench, "%s: %u ranges, not %u", l->name,
				  w->mapping.nr, want);
		counts[i] = w->mapping.nr;
		io_unmap(&phys_physbio_repr, io, &reach.dev, &w->mapping);
	}
	physbio_iommu_destroy(reach.iommu);
	qsort(counts, NR_COUNTED, sizeof(counts[0]), by_number);
}

static void say_ranges(const char *name, const unsigned int *counts)
{
	unsigned int ones = 0;

	while (ones < NR_COUNTED && counts[ones] == 1)
		ones++;
	bench_value(&bench, name, "ranges_min", counts[0]);
	bench_value(&bench, name, "ranges_median", counts[NR_COUNTED / 2]);
	bench_value(&bench, name, "ranges_p99", counts[NR_COUNTED * 99 / 100]);
	bench_value(&bench, name, "ranges_max", counts[NR_COUNTED - 1]);
	bench_value(&bench, name, "one_range_share", (double)ones / NR_COUNTED);
}

static void bench_ranges(const char *name, const struct layout *l,
			 const struct size *size)
{
	static struct way ways[NR_WAYS];
	static unsigned int counts[NR_WAYS][NR_COUNTED];
	struct bench_contestant c[NR_WAYS];
	int i;

	for (i = 0; i < NR_WAYS; i++) {
		const struct layout *own = i == ONE ? &range_layouts[0] : l;

		way_up(&ways[i], i, size);
		count_ranges(&ways[i], i, own, size, counts[i]);
		way_fill(&ways[i], own, size);
		c[i] = (struct bench_contestant){
			.name = way_names[i],
			.ready = run_way,
			.run = run_way,
			.arg = &ways[i],
		};
	}
	bench_time(&bench, name, size->ios * size->passes, c, NR_WAYS);
	for (i = 0; i < NR_WAYS; i++) {
		say_ranges(way_names[i], counts[i]);
		way_down(&ways[i]);
	}
}

/* --- the gap bit --- */

#define REQUESTS 64u
#define PASSES 8u /* over them in a sample */
#define QUICK_PASSES \
	128u /* by the gap bit: less would be too short for the clock */
#define REQUEST_BYTES (256 * KIB)

enum {
	SEAMS, /* each is looked at, by the addresses */
	GAP_BIT,
	GAP_BIT_PAGE, /* of page vectors, which know no address */
	NR_TESTS
};

static const char *const test_names[NR_TESTS] = { "seams", "gap bit",
						  "gap bit, page" };

struct test {
	const struct physbio_repr *repr;
	struct io *ios;
	struct pb_block_device bdev;
	uint64_t mask; /* of the granule */
	unsigned int passes;
	bool out[REQUESTS];
};

/* As blk_can_dma_map_iova(). */
static bool gap_bit_ok(const struct pb_request *rq, uint64_t mask)
{
	return !(pb_req_phys_gap_mask(rq) & mask);
}

static bool seams_ok(const struct physbio_repr *repr, struct pb_request *rq,
		     uint64_t mask)
{
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	uint64_t end;

	repr->blk_map_iter_init(rq, &iter);
	if (!repr->blk_map_iter_next(rq, &iter, &vec))
		return true;
	end = vec.paddr + vec.len;
	while (repr->blk_map_iter_next(rq, &iter, &vec)) {
		if ((end | vec.paddr) & mask)
			return false;
		end = vec.paddr + vec.len;
	}
	return true;
}

static void run_gap_bit(void *arg)
{
	struct test *t = arg;
	unsigned int i, pass;

	for (pass = 0; pass < t->passes; pass++) {
		for (i = 0; i < REQUESTS; i++)
			t->out[i] = gap_bit_ok(&t->ios[i].rq, t->mask);
		__asm__ volatile("" ::"r"(t->out) : "memory");
	}
}

static void run_seams(void *arg)
{
	struct test *t = arg;
	unsigned int i, pass;

	for (pass = 0; pass < t->passes; pass++)
		for (i = 0; i < REQUESTS; i++)
			t->out[i] = seams_ok(t->repr, &t->ios[i].rq, t->mask);
}

static void test_up(struct test *t, int which, uint32_t granule)
{
	t->repr = which == GAP_BIT_PAGE ? &page_physbio_repr :
					  &phys_physbio_repr;
	t->mask = granule - 1;
	t->passes = which == SEAMS || bench.count ? PASSES : QUICK_PASSES;
	t->bdev.bd_queue = queue_of(t->repr);
	t->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	t->ios = ios_alloc(REQUESTS);
}

static void test_down(struct test *t)
{
	ios_free(t->ios, REQUESTS);
	t->repr->blk_mq_destroy_queue(t->bdev.bd_queue);
}

struct shares {
	unsigned int coalesced, false_negatives, false_positives, mapped;
	unsigned int ranges;
};

/* What the test says of a request, what is true, and what comes of it. */
static void count_one(const struct test *t, int which, struct io *io,
		      const struct reach *r, struct shares *s)
{
	static struct mapping m;
	unsigned int bad, ranges = true_ranges(io, t->mask, &bad);
	bool says = which == SEAMS ? seams_ok(t->repr, &io->rq, t->mask) :
				     gap_bit_ok(&io->rq, t->mask);

	if (which == SEAMS && says != !bad)
		bench_die(&bench, "the seams of a request are seen wrongly");
	s->coalesced += says;
	s->false_negatives += !says && !bad;
	s->false_positives += says && bad;
	io_map(t->repr, io, &r->dev, &m);
	verify_mapping(io, r, &m, test_names[which]);
	s->mapped += pb_dma_use_iova(&m.state);
	/* Where a seam is all that ends a range, only a bad one does. */
	s->ranges += which == SEAMS ? 1 + bad : m.nr;
	if (which != SEAMS && m.nr != 1 && m.nr != ranges)
		bench_die(&bench, "%u ranges, not %u", m.nr, ranges);
	io_unmap(t->repr, io, &r->dev, &m);
}

static struct shares count_shares(struct test *t, int which,
				  const struct layout *l, uint32_t granule)
{
	struct shares s = { 0 };
	struct reach reach;
	unsigned int i;

	state = SEED; /* each test sees the same requests */
	reach_up(&reach, granule);
	for (i = 0; i < NR_COUNTED; i++) {
		io_make(t->repr, &t->ios[0], &t->bdev, l, REQUEST_BYTES);
		count_one(t, which, &t->ios[0], &reach, &s);
	}
	physbio_iommu_destroy(reach.iommu);
	return s;
}

static void say_shares(int which, const struct shares *s)
{
	const char *name = test_names[which];

	bench_value(&bench, name, "coalesced",
		    (double)s->coalesced / NR_COUNTED);
	bench_value(&bench, name, "false_negatives",
		    (double)s->false_negatives / NR_COUNTED);
	bench_value(&bench, name, "false_positives",
		    (double)s->false_positives / NR_COUNTED);
	bench_value(&bench, name, "ranges", (double)s->ranges / NR_COUNTED);
	if (which != SEAMS)
		bench_value(&bench, name, "mapped",
			    (double)s->mapped / NR_COUNTED);
}

/* The requests that are timed: the first ones that were counted. */
static void test_fill(struct test *t, const struct layout *l)
{
	unsigned int i;

	state = SEED;
	for (i = 0; i < REQUESTS; i++)
		io_make(t->repr, &t->ios[i], &t->bdev, l, REQUEST_BYTES);
}

static void bench_granule(const char *name, const struct layout *l,
			  uint32_t granule)
{
	static struct test tests[NR_TESTS];
	struct bench_contestant c[NR_TESTS];
	struct shares shares[NR_TESTS];
	int i;

	for (i = 0; i < NR_TESTS; i++) {
		test_up(&tests[i], i, granule);
		shares[i] = count_shares(&tests[i], i, l, granule);
		test_fill(&tests[i], l);
		c[i] = (struct bench_contestant){
			.name = test_names[i],
			.base = test_names[SEAMS],
			.ready = i == SEAMS ? run_seams : run_gap_bit,
			.run = i == SEAMS ? run_seams : run_gap_bit,
			.arg = &tests[i],
			.units = tests[i].passes * REQUESTS,
		};
	}
	bench_time(&bench, name, REQUESTS, c, NR_TESTS);
	for (i = 0; i < NR_TESTS; i++) {
		say_shares(i, &shares[i]);
		test_down(&tests[i]);
	}
}

static void bench_all_ranges(void)
{
	char name[80];
	int s, l;

	for (s = 0; s < ARRAY_SIZE(sizes); s++)
		for (l = 0; l < ARRAY_SIZE(range_layouts); l++) {
			snprintf(name, sizeof(name), "ranges: %s, %s",
				 sizes[s].name, range_layouts[l].name);
			if (bench_wanted(&bench, name))
				bench_ranges(name, &range_layouts[l],
					     &sizes[s]);
		}
}

static void bench_all_granules(void)
{
	char name[80];
	uint32_t granule;
	int l;

	for (granule = 4 * KIB; granule <= 64 * KIB; granule *= 4)
		for (l = 0; l < ARRAY_SIZE(granule_layouts); l++) {
			snprintf(name, sizeof(name), "granule: %u KiB, %s",
				 granule / KIB, granule_layouts[l].name);
			if (bench_wanted(&bench, name))
				bench_granule(name, &granule_layouts[l],
					      granule);
		}
}

static void describe(void)
{
	bench_note_memory(&bench, mem, area, "made up, but for fragmented:");
	bench_note(&bench, "fragmented", "%s", snapshot.source);
	bench_note(
		&bench, "ranges",
		"ns to map and unmap a read of that size; IOVA: granule of 4 KiB, deferred; one range: the same bytes in one piece, no IOMMU; ranges of %u I/Os",
		NR_COUNTED);
	bench_note(
		&bench, "granule",
		"ns of the test alone, of one request of %u KiB; shares of %u requests; ranges: of one request, as mapped, and for seams as if only a seam that is within a granule ended a range",
		REQUEST_BYTES / KIB, NR_COUNTED);
	bench_note(
		&bench, "gap bit",
		"gathered where segments are counted, so that it costs nothing here; seams walks the request");
}

int main(int argc, char **argv)
{
	bench_start(&bench, argc, argv);
	set_up_memory();
	describe();
	bench_all_ranges();
	bench_all_granules();
	physbio_mem_destroy(mem);
	physbio_buffer_free(fragmented);
	return bench_end(&bench);
}
