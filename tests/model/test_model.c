// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_model [--part I/N] [--every K] [--cases N] [--seed N] [--repr NAME]...
 *
 * The engine, with physical and with page vectors (those under VMEMMAP and under
 * SPARSEMEM), against the model: over all small bios and many limits, and over random large ones. Decides what "all small" is.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <physbio/mem.h>

#include "../../src/repr/ops.h"
#include "model.h"

#define PAGE 4096u
#define UNIT 2048u /* two in a page */
#define PAGES 8u
#define UNITS (PAGES * PAGE / UNIT)
#define BASE UINT64_C(0x100000) /* of the memory that is used */
#define SECTOR UINT64_C(20)
#define SHOWN 5
#define FRAGMENTS 512
#define GAP_BIT_PAGE 13

static const struct physbio_repr *const all_reprs[] = {
	&phys_physbio_repr,   &phys12_physbio_repr, &phyr_physbio_repr,
	&phys31_physbio_repr, &page_physbio_repr,   &sparse_physbio_repr,
};
#define NR_REPRS 6

/* Those that are compared: all, or the one that was asked for. */
static const struct physbio_repr *reprs[NR_REPRS];
static unsigned int nr_reprs;

struct options {
	unsigned int part, parts;
	unsigned int every; /* of the limits, one in so many */
	unsigned int cases;
	unsigned int seed;
};

static struct options options = { 0, 1, 1, 1000000, 1 };

struct result {
	const char *name;
	uint64_t cases, differences;
};

static struct physbio_mem *mem;
static struct pb_request_queue *queues[NR_REPRS];
static struct pb_queue_limits *limits[NR_REPRS]; /* of the queues */

/* --- limits --- */

static const struct model_limits no_limits = {
	.step = UNIT,
	.page_size = PAGE,
	.max_segments = 128,
	.max_segment_size = 1 << 20,
	.seg_boundary = 0xffffffff,
	.max_sectors = 2048,
	.logical_block = 512,
	.physical_block = 512,
	.dma_alignment = 511,
};

/* Each limit at none, just binding, tight. The first four make all combinations. */
static const uint32_t max_segments[] = { 128, 3, 2, 1 };
static const uint32_t max_segment_sizes[] = { 1 << 20, 6144, 2048 };
static const uint64_t seg_boundaries[] = { 0xffffffff, 0x3fff, 0xfff };
static const uint64_t virt_boundaries[] = { 0, 2047, 4095 };
static const uint32_t max_sectors[] = { 2048, 28, 4 };
static const uint32_t logical_blocks[] = { 512, 2048, 4096 };
static const uint32_t chunks[] = { 0, 28, 8 };
static const uint32_t dma_alignments[] = { 511, 2047, 4095 };

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_COMBINATIONS 1024

static struct model_limits combinations[MAX_COMBINATIONS];
static unsigned int nr_combinations;

static void add_combination(const struct model_limits *lim)
{
	unsigned int i;

	for (i = 0; i < nr_combinations; i++)
		if (!memcmp(&combinations[i], lim, sizeof(*lim)))
			return;
	combinations[nr_combinations++] = *lim;
}

static void segment_combinations(void)
{
	struct model_limits lim = no_limits;
	unsigned int a, b, c, d, e;

	for (a = 0; a < N(max_segments); a++)
		for (b = 0; b < N(max_segment_sizes); b++)
			for (c = 0; c < N(seg_boundaries); c++)
				for (d = 0; d < N(virt_boundaries); d++)
					for (e = 0; e < N(max_sectors); e++) {
						lim.max_segments =
							max_segments[a];
						lim.max_segment_size =
							max_segment_sizes[b];
						lim.seg_boundary =
							seg_boundaries[c];
						lim.virt_boundary =
							virt_boundaries[d];
						lim.max_sectors =
							max_sectors[e];
						add_combination(&lim);
					}
}

static void block_combinations(void)
{
	struct model_limits lim = no_limits;
	unsigned int a, b, c, d;

	for (a = 0; a < N(logical_blocks); a++)
		for (b = 0; b < N(chunks); b++)
			for (c = 0; c < N(dma_alignments); c++)
				for (d = 0; d < N(max_sectors); d++) {
					lim.logical_block = logical_blocks[a];
					lim.physical_block = logical_blocks[a];
					lim.chunk_sectors = chunks[b];
					lim.dma_alignment = dma_alignments[c];
					lim.max_sectors = max_sectors[d];
					lim.max_segments = d ? 2 : 128;
					add_combination(&lim);
				}
}

static void set_limits(const struct model_limits *lim)
{
	unsigned int i;
	uint32_t fast = lim->page_size;

	if (lim->max_segment_size < fast)
		fast = lim->max_segment_size;
	if (lim->seg_boundary < fast)
		fast = (uint32_t)lim->seg_boundary + 1;
	for (i = 0; i < nr_reprs; i++) {
		limits[i]->max_segments = (uint16_t)lim->max_segments;
		limits[i]->max_segment_size = lim->max_segment_size;
		limits[i]->max_fast_segment_size = fast;
		limits[i]->seg_boundary_mask = lim->seg_boundary;
		limits[i]->virt_boundary_mask = lim->virt_boundary;
		limits[i]->max_sectors = lim->max_sectors;
		/* as much at once as otherwise: the flag alone counts */
		limits[i]->atomic_write_max_sectors = lim->max_sectors;
		limits[i]->chunk_sectors = lim->chunk_sectors;
		limits[i]->logical_block_size = lim->logical_block;
		limits[i]->physical_block_size = lim->physical_block;
		limits[i]->dma_alignment = lim->dma_alignment;
	}
}

/* --- what is compared --- */

/* A bio of the engine, its table behind it: both kinds of vectors have 16 bytes. */
struct engine_bio {
	struct pb_bio bio;
	uint64_t table[2 * MODEL_RANGES];
};

static struct pb_block_device bdevs[NR_REPRS];

static uint32_t flags_of(const struct model_bio *m)
{
	return (m->atomic ? PB_REQ_ATOMIC : 0) |
	       (m->nowait ? PB_REQ_NOWAIT : 0);
}

static void make_bio(unsigned int repr, struct engine_bio *e,
		     const struct model_bio *m)
{
	const struct physbio_repr *r = reprs[repr];
	struct pb_bio_vec *table = (struct pb_bio_vec *)e->table;
	unsigned int i;

	r->bio_init(&e->bio, &bdevs[repr], table, MODEL_RANGES,
		    PB_REQ_OP_WRITE | flags_of(m));
	for (i = 0; i < m->nr; i++)
		r->bvec_set_page(table, i,
				 pb_vmemmap + m->ranges[i].addr / PAGE,
				 m->ranges[i].len,
				 (uint32_t)(m->ranges[i].addr % PAGE));
	e->bio.bi_vcnt = (uint16_t)m->nr;
	e->bio.bi_iter.bi_size = m->done + m->size;
	if (m->done)
		r->bio_advance(&e->bio, m->done);
	e->bio.bi_iter.bi_size = m->size;
	e->bio.bi_iter.bi_sector = m->sector;
}

static bool gaps_equal(unsigned int repr, uint32_t want, uint32_t got)
{
	return want == got || (reprs[repr]->offsets_of_page &&
			       want >= GAP_BIT_PAGE && got >= GAP_BIT_PAGE);
}

static void show_ranges(const struct model_range *ranges, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		printf(" 0x%" PRIx64 "+0x%x", ranges[i].addr, ranges[i].len);
}

static void show_limits(const struct model_limits *lim)
{
	printf("  max_segments %u max_segment_size 0x%x seg_boundary 0x%" PRIx64
	       " virt_boundary 0x%" PRIx64 " max_sectors %u chunk %u"
	       " logical_block %u dma_alignment 0x%x\n",
	       lim->max_segments, lim->max_segment_size, lim->seg_boundary,
	       lim->virt_boundary, lim->max_sectors, lim->chunk_sectors,
	       lim->logical_block, lim->dma_alignment);
}

__attribute__((format(printf, 5, 6))) static void
differs(struct result *result, unsigned int repr, const struct model_bio *m,
	const struct model_limits *lim, const char *format, ...)
{
	va_list args;

	if (result->differences++ >= SHOWN)
		return;
	printf("%s, %s, sector %" PRIu64 ":", result->name, reprs[repr]->name,
	       m->sector);
	show_ranges(m->ranges, m->nr);
	printf("\n");
	show_limits(lim);
	printf("  ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void compare_fragment(struct result *result, unsigned int repr,
			     const struct model_bio *m,
			     const struct model_limits *lim,
			     const struct model_fragment *want,
			     const struct model_fragment *got, unsigned int nr)
{
	if (want->err != got->err)
		differs(result, repr, m, lim, "fragment %u: error %d, model %d",
			nr, got->err, want->err);
	else if (!want->err &&
		 (want->bytes != got->bytes || want->nsegs != got->nsegs ||
		  want->whole != got->whole ||
		  !gaps_equal(repr, want->gap_bit, got->gap_bit)))
		differs(result, repr, m, lim,
			"fragment %u: 0x%x bytes %u segments gap %u, model 0x%x %u %u",
			nr, got->bytes, got->nsegs, got->gap_bit, want->bytes,
			want->nsegs, want->gap_bit);
}

/* --- splitting, as submission does it --- */

static struct model_fragment engine_split(unsigned int repr, struct pb_bio *bio)
{
	const struct physbio_repr *r = reprs[repr];
	const struct pb_queue_limits *lim = limits[repr];
	struct model_fragment f = { .bytes = bio->bi_iter.bi_size,
				    .nsegs = 1,
				    .whole = true };
	int sectors = 0;

	if (r->bio_may_need_split(bio, lim))
		sectors = r->bio_split_io_at(bio, lim, &f.nsegs,
					     r->get_max_io_size(bio, lim) << 9,
					     lim->dma_alignment);
	f.gap_bit = bio->bi_bvec_gap_bit;
	if (sectors < 0) {
		f.err = sectors;
	} else if (sectors) {
		f.whole = false;
		f.bytes = (uint32_t)sectors << 9;
		bio->bi_bvec_gap_bit = 0;
		r->bio_advance(bio, f.bytes);
	}
	return f;
}

static struct model_fragment wanted[FRAGMENTS];

static unsigned int model_fragments(const struct model_bio *m,
				    const struct model_limits *lim)
{
	struct model_bio left = *m;
	unsigned int n = 0;

	do {
		wanted[n] = model_split(&left, lim);
	} while (!wanted[n].err && !wanted[n].whole && ++n < FRAGMENTS - 1);
	return n + 1;
}

/* @bios: of the same layout, one for each representation */
static void check_split(struct result *result, const struct model_bio *m,
			const struct model_limits *lim,
			struct engine_bio bios[NR_REPRS])
{
	unsigned int n = model_fragments(m, lim), i, repr;

	for (repr = 0; repr < nr_reprs; repr++) {
		struct pb_bio *bio = &bios[repr].bio;
		struct pb_bvec_iter start = bio->bi_iter;

		for (i = 0; i < n; i++) {
			struct model_fragment got = engine_split(repr, bio);

			compare_fragment(result, repr, m, lim, &wanted[i], &got,
					 i);
		}
		bio->bi_iter = start;
		bio->bi_bvec_gap_bit = 0;
		result->cases++;
	}
}

/* --- all small layouts --- */

/* Every range of @unit within the memory, up to @max units long. */
struct range_list {
	unsigned int nr;
	struct model_range r[UNITS * (UNITS + 1) / 2];
};

static void list_ranges(struct range_list *list, uint32_t unit,
			unsigned int max)
{
	unsigned int units = PAGES * PAGE / unit, at, len;

	list->nr = 0;
	for (at = 0; at < units; at++)
		for (len = 1; len <= max && at + len <= units; len++) {
			list->r[list->nr].addr = BASE + at * unit;
			list->r[list->nr++].len = len * unit;
		}
}

/* Layout number @n of those with @nr ranges. */
static void layout_at(const struct range_list *list, unsigned int nr,
		      uint64_t n, struct model_bio *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->sector = SECTOR;
	m->nr = nr;
	for (i = 0; i < nr; i++) {
		m->ranges[i] = list->r[n % list->nr];
		m->size += m->ranges[i].len;
		n /= list->nr;
	}
}

static uint64_t nr_layouts(const struct range_list *list, unsigned int nr)
{
	uint64_t n = 1;

	while (nr--)
		n *= list->nr;
	return n;
}

static void progress(const char *name, uint64_t done, uint64_t of)
{
	if (isatty(STDERR_FILENO) && of > 1000 && !(done % (of / 1000)))
		fprintf(stderr, "\r%s: %5.1f %%", name,
			(double)done * 100 / (double)of);
}

/* Where not all limits are used, each layout has others: none is left out. */
static void
check_layout(struct result *result, uint64_t nr, const struct model_bio *m,
	     void (*check)(struct result *result, const struct model_bio *m,
			   const struct model_limits *lim,
			   struct engine_bio bios[NR_REPRS]))
{
	static struct engine_bio bios[NR_REPRS];
	unsigned int i;

	for (i = 0; i < nr_reprs; i++)
		make_bio(i, &bios[i], m);
	for (i = (unsigned int)(nr / options.parts % options.every);
	     i < nr_combinations; i += options.every) {
		set_limits(&combinations[i]);
		check(result, m, &combinations[i], bios);
	}
}

static void all_layouts(struct result *result, const struct range_list *list,
			unsigned int max_nr,
			void (*check)(struct result *result,
				      const struct model_bio *m,
				      const struct model_limits *lim,
				      struct engine_bio bios[NR_REPRS]))
{
	struct model_bio m;
	unsigned int nr;
	uint64_t n, of;

	for (nr = 1; nr <= max_nr; nr++) {
		of = nr_layouts(list, nr);
		for (n = options.part; n < of; n += options.parts) {
			progress(result->name, n, of);
			layout_at(list, nr, n, &m);
			check_layout(result, n, &m, check);
		}
	}
}

/* --- mapping --- */

static void engine_rq(unsigned int repr, struct pb_request *rq,
		      struct pb_bio *bio, unsigned int nsegs)
{
	memset(rq, 0, sizeof(*rq));
	rq->q = queues[repr];
	reprs[repr]->blk_rq_bio_prep(rq, bio, nsegs);
}

static void compare_map(struct result *result, unsigned int repr,
			const struct model_bio *m,
			const struct model_limits *lim,
			const struct model_rq *mrq, struct pb_request *rq)
{
	struct model_range want[FRAGMENTS];
	unsigned int n = model_map(mrq, lim, want, FRAGMENTS), i = 0;
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;

	reprs[repr]->blk_map_iter_init(rq, &iter);
	while (reprs[repr]->blk_map_iter_next(rq, &iter, &vec)) {
		if (i < n &&
		    (vec.paddr != want[i].addr || vec.len != want[i].len)) {
			differs(result, repr, m, lim,
				"range %u: 0x%" PRIx64 "+0x%x, model 0x%" PRIx64
				"+0x%x",
				i, (uint64_t)vec.paddr, vec.len, want[i].addr,
				want[i].len);
			return;
		}
		i++;
	}
	if (i != n)
		differs(result, repr, m, lim, "%u ranges, model %u", i, n);
}

/* Bios that pass whole are mapped. */
static void check_map(struct result *result, const struct model_bio *m,
		      const struct model_limits *lim,
		      struct engine_bio bios[NR_REPRS])
{
	struct model_bio left = *m;
	struct model_fragment f = model_split(&left, lim);
	struct model_rq mrq;
	struct pb_request rq;
	unsigned int repr;

	if (f.err || !f.whole)
		return;
	model_rq_of(&mrq, m, &f);
	for (repr = 0; repr < nr_reprs; repr++) {
		engine_rq(repr, &rq, &bios[repr].bio, f.nsegs);
		compare_map(result, repr, m, lim, &mrq, &rq);
		result->cases++;
	}
}

/* --- merging --- */

static const char *const merge_names[] = { "apart", "back", "front", "failed" };

static enum model_merge engine_merge(unsigned int repr, struct pb_request *rq,
				     struct pb_bio *bio, unsigned int nsegs)
{
	switch (reprs[repr]->blk_attempt_bio_merge(queues[repr], rq, bio, nsegs,
						   false)) {
	case PB_BIO_MERGE_OK:
		return rq->bio == bio ? MODEL_FRONT : MODEL_BACK;
	case PB_BIO_MERGE_FAILED:
		return MODEL_FAILED;
	default:
		return MODEL_APART;
	}
}

/* Two bios of a request: what the second one's layout is, relative to the first. */
struct second {
	struct model_bio m;
	struct engine_bio bios[NR_REPRS];
};

static void compare_merge(struct result *result, unsigned int repr,
			  const struct model_bio *m,
			  const struct model_limits *lim,
			  const struct model_rq *mrq, enum model_merge want,
			  const struct pb_request *rq, enum model_merge got)
{
	if (want != got)
		differs(result, repr, m, lim, "%s, model %s", merge_names[got],
			merge_names[want]);
	else if (mrq->bytes != rq->__data_len ||
		 mrq->nsegs != rq->nr_phys_segments ||
		 mrq->sector != rq->__sector ||
		 mrq->nomerge != !!(rq->cmd_flags & PB_REQ_NOMERGE) ||
		 !gaps_equal(repr, mrq->gap_bit, rq->phys_gap_bit))
		differs(result, repr, m, lim,
			"%s: 0x%x bytes %u segments gap %u flags 0x%x, model 0x%x %u %u",
			merge_names[got], rq->__data_len, rq->nr_phys_segments,
			rq->phys_gap_bit, rq->cmd_flags, mrq->bytes, mrq->nsegs,
			mrq->gap_bit);
}

/* The second bio where it is in the device: behind the first, in front of it, apart. */
static void check_merge_of(struct result *result, const struct model_bio *m,
			   const struct model_limits *lim,
			   struct engine_bio bios[NR_REPRS],
			   struct second *second)
{
	struct model_bio a = *m, b = second->m;
	struct model_fragment fa = model_split(&a, lim);
	struct model_fragment fb = model_split(&b, lim);
	struct model_rq mrq;
	enum model_merge want;
	unsigned int repr;

	if (fa.err || fb.err || !fa.whole || !fb.whole)
		return;
	model_rq_of(&mrq, m, &fa);
	want = model_merge(&mrq, &second->m, &fb, lim);
	for (repr = 0; repr < nr_reprs; repr++) {
		struct pb_bio *ba = &bios[repr].bio;
		struct pb_bio *bb = &second->bios[repr].bio;
		struct pb_request rq;

		ba->bi_next = NULL;
		bb->bi_next = NULL;
		bb->bi_iter.bi_sector = second->m.sector;
		fa = engine_split(repr, ba);
		fb = engine_split(repr, bb);
		engine_rq(repr, &rq, ba, fa.nsegs);
		compare_merge(result, repr, m, lim, &mrq, want, &rq,
			      engine_merge(repr, &rq, bb, fb.nsegs));
		compare_map(result, repr, m, lim, &mrq, &rq);
		ba->bi_bvec_gap_bit = 0;
		bb->bi_bvec_gap_bit = 0;
		result->cases++;
	}
}

static const struct range_list *second_list;

static void check_merge(struct result *result, const struct model_bio *m,
			const struct model_limits *lim,
			struct engine_bio bios[NR_REPRS])
{
	static struct second second;
	uint64_t n, of = nr_layouts(second_list, 1);
	unsigned int i;

	for (n = 0; n < of; n++) {
		layout_at(second_list, 1, n, &second.m);
		for (i = 0; i < nr_reprs; i++)
			make_bio(i, &second.bios[i], &second.m);
		second.m.sector = SECTOR + m->size / 512;
		check_merge_of(result, m, lim, bios, &second);
		second.m.sector = SECTOR - second.m.size / 512;
		check_merge_of(result, m, lim, bios, &second);
	}
}

/* --- random large ones, all the way through submission --- */

static uint32_t seed_state;

static uint32_t any(uint32_t below)
{
	seed_state = seed_state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)seed_state * below) >> 32);
}

struct submitted {
	struct pb_block_device bdev; /* first: bi_bdev leads here */
	unsigned int repr;
	unsigned int n;
	struct model_fragment got[FRAGMENTS];
	struct pb_bio *cut[FRAGMENTS];
	unsigned int nr_cut;
};

static struct submitted submitted;

static void take_fragment(struct pb_bio *bio)
{
	const struct physbio_repr *r = reprs[submitted.repr];
	struct model_fragment *f = &submitted.got[submitted.n++];
	unsigned int nsegs = 0;
	struct pb_bio *part =
		r->bio_split_to_limits(bio, limits[submitted.repr], &nsegs);

	memset(f, 0, sizeof(*f));
	if (!part) {
		f->err = pb_blk_status_to_errno(bio->bi_status);
		return;
	}
	f->bytes = part->bi_iter.bi_size;
	f->nsegs = nsegs;
	f->gap_bit = part->bi_bvec_gap_bit;
	f->whole = part == bio;
	if (part != bio)
		submitted.cut[submitted.nr_cut++] = part;
}

static const struct pb_block_device_operations take_fops = {
	.submit_bio = take_fragment,
};

static void random_limits(struct model_limits *lim)
{
	static const uint32_t sizes[] = { 512,	 1024,	  4096,
					  65536, 1 << 20, 1 << 30 };
	static const uint64_t masks[] = { 0xfff, 0x1fff, 0xffff, 0xffffffff };
	static const uint64_t virts[] = { 0, 0, 511, 2047, 4095 };

	*lim = no_limits;
	lim->step = 512;
	lim->max_segments = 1 + any(any(2) ? 4 : 128);
	lim->max_segment_size = sizes[any(N(sizes))];
	lim->seg_boundary = masks[any(N(masks))];
	lim->virt_boundary = virts[any(N(virts))];
	lim->max_sectors = 1 + any(any(2) ? 32 : 2048);
	lim->chunk_sectors = any(3) ? 0 : 1 + any(100);
	lim->logical_block = 512u << any(4);
	lim->physical_block = lim->logical_block << any(3);
	lim->dma_alignment = any(4) ? 3 : (512u << any(4)) - 1;
	lim->max_sectors += lim->logical_block / 512;
}

static void random_bio(struct model_bio *m, const struct model_limits *lim)
{
	unsigned int i;
	uint64_t addr = BASE;

	memset(m, 0, sizeof(*m));
	m->sector = any(10000);
	m->nr = 1 + any(12);
	m->atomic = !any(16);
	m->nowait = !any(16);
	for (i = 0; i < m->nr; i++) {
		if (any(2))
			addr = BASE + 512 * any(4096);
		m->ranges[i].addr = addr;
		m->ranges[i].len = 512 * (1 + any(any(2) ? 4 : 64));
		addr += m->ranges[i].len;
		m->size += m->ranges[i].len;
	}
	m->size -= m->size % lim->logical_block;
}

static void check_random_repr(struct result *result, unsigned int repr,
			      const struct model_bio *m,
			      const struct model_limits *lim, unsigned int n)
{
	const struct physbio_repr *r = reprs[repr];
	struct engine_bio e;
	unsigned int i;

	submitted.bdev.bd_queue = queues[repr];
	submitted.bdev.bd_fops = &take_fops;
	submitted.repr = repr;
	submitted.n = 0;
	submitted.nr_cut = 0;
	make_bio(repr, &e, m);
	e.bio.bi_bdev = &submitted.bdev;
	r->submit_bio_noacct_nocheck(&e.bio);
	for (i = 0; i < n && i < submitted.n; i++)
		compare_fragment(result, repr, m, lim, &wanted[i],
				 &submitted.got[i], i);
	if (n != submitted.n)
		differs(result, repr, m, lim, "%u fragments, model %u",
			submitted.n, n);
	for (i = 0; i < submitted.nr_cut; i++)
		r->bio_put(submitted.cut[i]);
	result->cases++;
}

static void check_random(struct result *result)
{
	struct model_limits lim;
	struct model_bio m;
	unsigned int i, repr, n;

	seed_state = options.seed + options.part;
	printf("%s: seed %u\n", result->name, seed_state);
	for (i = 0; i < options.cases / options.parts; i++) {
		random_limits(&lim);
		random_bio(&m, &lim);
		if (!m.size)
			continue;
		set_limits(&lim);
		n = model_fragments(&m, &lim);
		if (n >= FRAGMENTS - 1)
			continue;
		for (repr = 0; repr < nr_reprs; repr++)
			check_random_repr(result, repr, &m, &lim, n);
	}
}

static void whole_size(struct model_bio *m)
{
	unsigned int i;

	m->size = 0;
	for (i = 0; i < m->nr; i++)
		m->size += m->ranges[i].len;
	m->atomic = false;
	m->nowait = false;
}

/* Done in part, and not to its end: vectors at both ends are not whole then. */
static void cut_ends(struct model_bio *m)
{
	uint32_t cut = 512 * any(m->size / 512);

	if (any(2)) {
		m->done = cut;
		m->size -= cut;
	}
	if (any(2))
		m->size -= 512 * any(m->size / 512);
}

/* Where the last byte of a bio is, and one more. */
static uint64_t end_of_bio(const struct model_bio *m)
{
	uint32_t left = m->done + m->size;
	unsigned int i;

	for (i = 0; left > m->ranges[i].len; i++)
		left -= m->ranges[i].len;
	return m->ranges[i].addr + left;
}

/* @next is to follow @prev in the device: let it do so in memory too, half the time. */
static void let_touch(const struct model_bio *prev, struct model_bio *next)
{
	if (!next->done && any(2))
		next->ranges[0].addr = end_of_bio(prev);
}

static void check_random_merges(struct result *result)
{
	static struct engine_bio bios[NR_REPRS];
	static struct second second;
	struct model_limits lim;
	struct model_bio m;
	unsigned int i, repr;

	seed_state = options.seed + options.part;
	printf("%s: seed %u\n", result->name, seed_state);
	for (i = 0; i < options.cases / options.parts; i++) {
		random_limits(&lim);
		lim.logical_block = 512;
		lim.physical_block = 512;
		random_bio(&m, &lim);
		random_bio(&second.m, &lim);
		m.nr = 1 + m.nr % 4;
		second.m.nr = 1 + second.m.nr % 4;
		whole_size(&m);
		whole_size(&second.m);
		cut_ends(&m);
		cut_ends(&second.m);
		m.sector += 1000;
		if (any(2)) {
			second.m.sector = m.sector + m.size / 512;
			let_touch(&m, &second.m);
		} else {
			second.m.sector = m.sector - second.m.size / 512;
			let_touch(&second.m, &m);
		}
		set_limits(&lim);
		for (repr = 0; repr < nr_reprs; repr++) {
			make_bio(repr, &bios[repr], &m);
			make_bio(repr, &second.bios[repr], &second.m);
		}
		check_merge_of(result, &m, &lim, bios, &second);
	}
}

/* --- all of it --- */

static bool report(const struct result *r)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r");
	printf("%s: %" PRIu64 " cases, %" PRIu64 " differences\n", r->name,
	       r->cases, r->differences);
	return !r->differences;
}

static pb_blk_status_t queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_IOERR; /* no request is ever sent */
}

static const struct pb_blk_mq_ops no_ops = { .queue_rq = queue_rq };

static bool mem_up(void)
{
	static const struct physbio_mem_range ram = {
		.size = (uint64_t)PAGE << 16,
		.kind = PHYSBIO_MEM_RAM_EMPTY,
		.nid = -1,
	};
	static const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(vmemmap) |
			  PHYSBIO_MEMMODEL_BIT(sparsemem_extreme),
	};

	return !physbio_mem_create_for(&ram, 1, &options, &mem, NULL);
}

static bool up(void)
{
	struct pb_blk_mq_tag_set set = { .ops = &no_ops, .queue_depth = 1 };
	unsigned int i;

	if (!mem_up())
		return false;
	for (i = 0; i < nr_reprs; i++) {
		queues[i] = reprs[i]->blk_mq_alloc_queue(&set, NULL, NULL);
		limits[i] = (struct pb_queue_limits *)reprs[i]->queue_limits(
			queues[i]);
		bdevs[i].bd_queue = queues[i];
	}
	return true;
}

static void down(void)
{
	unsigned int i;

	for (i = 0; i < nr_reprs; i++)
		reprs[i]->blk_mq_destroy_queue(queues[i]);
	physbio_mem_destroy(mem);
}

static bool run(void)
{
	struct result units = { .name = "split, two units a page" };
	struct result whole = { .name = "split, whole pages" };
	struct result map = { .name = "map" };
	struct result merge = { .name = "merge and map" };
	struct result random = { .name = "random" };
	struct result merges = { .name = "random merges" };
	struct range_list list, second;
	bool ok = true;

	segment_combinations();
	block_combinations();
	printf("%u combinations of limits, one in %u is used\n",
	       nr_combinations, options.every);
	list_ranges(&list, UNIT, UNITS);
	all_layouts(&units, &list, 3, check_split);
	ok &= report(&units);
	list_ranges(&list, PAGE, 3);
	all_layouts(&whole, &list, 4, check_split);
	ok &= report(&whole);
	list_ranges(&list, UNIT, UNITS);
	all_layouts(&map, &list, 2, check_map);
	ok &= report(&map);
	list_ranges(&list, PAGE, 2);
	list_ranges(&second, UNIT, 4);
	second_list = &second;
	all_layouts(&merge, &list, 2, check_merge);
	ok &= report(&merge);
	check_random(&random);
	ok &= report(&random);
	check_random_merges(&merges);
	ok &= report(&merges);
	return ok;
}

static bool choose_repr(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_REPRS && nr_reprs < NR_REPRS; i++)
		if (!strcmp(all_reprs[i]->name, name)) {
			reprs[nr_reprs++] = all_reprs[i];
			return true;
		}
	return false;
}

static void choose_all(void)
{
	while (nr_reprs < NR_REPRS) {
		reprs[nr_reprs] = all_reprs[nr_reprs];
		nr_reprs++;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'p':
		if (sscanf(arg, "%u/%u", &options.part, &options.parts) != 2 ||
		    options.part >= options.parts)
			argp_error(state, "--part %s: I/N with I < N", arg);
		return 0;
	case 'e':
		options.every = (unsigned int)atoi(arg);
		if (!options.every)
			argp_error(state, "--every %s: 1 or more", arg);
		return 0;
	case 'c':
		options.cases = (unsigned int)atoi(arg);
		return 0;
	case 's':
		options.seed = (unsigned int)atoi(arg);
		return 0;
	case 'r':
		if (!choose_repr(arg))
			argp_error(state, "--repr %s: there is none", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option argp_options[] = {
	{ "part", 'p', "I/N", 0,
	  "part I of N, from 0: layouts and random cases" },
	{ "every", 'e', "K", 0, "one of K combinations of limits" },
	{ "cases", 'c', "N", 0, "random cases" },
	{ "seed", 's', "N", 0, "of the random cases" },
	{ "repr", 'r', "NAME", 0, "one representation; may be repeated" },
	{ 0 },
};

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.doc = "Compare the engine with the model.",
};

int main(int argc, char **argv)
{
	bool ok;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (!nr_reprs)
		choose_all();
	if (!up())
		return 2;
	ok = run();
	down();
	return !ok;
}
