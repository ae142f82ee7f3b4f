// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The end of an I/O on folios of all sizes: pages are marked dirty and unpinned by entry and
 * folio, or page by page; pages are looked up once for each folio, or for each page; and an
 * entry spans sections whose page structs lie apart, or is cut there. All pins must be gone
 * first, and every page that is found is compared with the memory map.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/mem.h>
#include <physbio/resolve.h>

#include "../src/repr/ops.h"
#include "../src/repr/stages.h"
#include "harness.h"
#include "resolve-loops.h"

static struct bench bench = {
	.name = "complete",
	.title = "the end of an I/O: by folio, by page, and over section edges",
	.rounds = 60,
};

#define KIB 1024u
#define MIB (1024u * KIB)
#define GIB (1024u * MIB)
#define PAGE 4096u
#define SECTION ((uint64_t)PB_PAGES_PER_SECTION * PAGE)
#define ARRAY_SIZE(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* --- memory: an area for folios of each order, and a larger one for the largest --- */

#define START ((uint64_t)4 * GIB)
#define GIGANTIC 18u /* order of a folio of 1 GiB */
#define AREA (128u * MIB)

static struct physbio_mem *mem;

static pb_phys_addr_t area_of(unsigned int order)
{
	return order == GIGANTIC ? START : START + GIB + order * (uint64_t)AREA;
}

static void create(const struct physbio_mem_range *ranges, unsigned int nr,
		   unsigned int models, unsigned int sections_apart)
{
	const struct physbio_mem_options options = {
		.models = models,
		.sections_apart = sections_apart,
	};
	struct physbio_error error;

	if (physbio_mem_create_for(ranges, nr, &options, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
}

static void make_folios(pb_phys_addr_t start, uint64_t size, unsigned int order)
{
	uint64_t at;

	for (at = 0; order && at < size; at += (uint64_t)PAGE << order)
		if (physbio_mem_make_folio(mem, start + at, order))
			bench_die(&bench, "no folio of order %u", order);
}

static void set_up_areas(void)
{
	static const unsigned int orders[] = { 0, 4, 8, 9, GIGANTIC };
	struct physbio_mem_range ranges[ARRAY_SIZE(orders)];
	int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++)
		ranges[i] = (struct physbio_mem_range){
			.start = area_of(orders[i]),
			.size = orders[i] == GIGANTIC ? GIB : AREA,
			.kind = PHYSBIO_MEM_RAM_EMPTY,
			.nid = bench.node,
		};
	create(ranges, ARRAY_SIZE(orders),
	       PHYSBIO_MEMMODEL_BIT(vmemmap) |
		       PHYSBIO_MEMMODEL_BIT(sparsemem_extreme) |
		       PHYSBIO_MEMMODEL_BIT(radix) |
		       PHYSBIO_MEMMODEL_BIT(range),
	       0);
	for (i = 0; i < ARRAY_SIZE(orders); i++)
		make_folios(ranges[i].start, ranges[i].size, orders[i]);
}

/* --- pins --- */

static void clean(pb_phys_addr_t paddr, uint64_t len)
{
	uint64_t at;
	struct pb_page *head;

	for (at = 0; at < len; at += (uint64_t)PAGE << head->order) {
		head = pb_compound_head(physbio_mem_page(mem, paddr + at));
		head->flags &= ~(unsigned long)PB_PG_dirty;
	}
}

static void verify_released(const char *name, pb_phys_addr_t paddr,
			    uint64_t len)
{
	uint64_t at;
	struct pb_page *head;

	for (at = 0; at < len; at += (uint64_t)PAGE << head->order) {
		head = pb_compound_head(physbio_mem_page(mem, paddr + at));
		if (head->refcount.counter || head->pincount.counter ||
		    !(head->flags & PB_PG_dirty))
			bench_die(&bench,
				  "%s: the page of 0x%llx is pinned or clean",
				  name, (unsigned long long)(paddr + at));
	}
}

/* --- bios of the stages --- */

struct stage_bios {
	const struct physbio_repr *repr;
	const struct physbio_stages *stages;
	struct physbio_stage_ctx ctx;
	struct physbio_stage_range *r;
	uint32_t len; /* bytes of each range */
	bool each; /* page by page */
	bool cut; /* an entry of several sections: at their edges */
};

/* Each of @ios I/Os has @nr ranges of @len bytes, @stride apart; @next: to the next I/O. */
struct io_layout {
	pb_phys_addr_t start;
	unsigned int ios, nr;
	uint32_t len;
	uint64_t stride, next;
};

static void bios_up(struct stage_bios *s, const struct io_layout *l)
{
	unsigned int i, j;

	s->len = l->len;
	s->r = bench_alloc(&bench, (size_t)l->ios * l->nr, sizeof(*s->r));
	s->ctx = (struct physbio_stage_ctx){
		.ios = bench_alloc(&bench, l->ios, sizeof(*s->ctx.ios)),
		.nr_ios = l->ios,
		.nr_ranges = l->nr,
		.max_vecs = PB_BIO_MAX_VECS,
		.page_given = true,
	};
	for (i = 0; i < l->ios; i++) {
		s->ctx.ios[i].table = bench_alloc(&bench, PB_BIO_MAX_VECS,
						  s->repr->bvec_size);
		s->ctx.ios[i].ranges = s->r + i * l->nr;
		for (j = 0; j < l->nr; j++) {
			pb_phys_addr_t at =
				l->start + i * l->next + j * l->stride;

			s->r[i * l->nr + j] = (struct physbio_stage_range){
				.page = physbio_mem_page(mem, at),
				.paddr = at,
				.len = l->len,
			};
		}
	}
}

static void bios_down(struct stage_bios *s)
{
	unsigned int i;

	for (i = 0; i < s->ctx.nr_ios; i++)
		free(s->ctx.ios[i].table);
	free(s->ctx.ios);
	free(s->r);
}

/* The first entry becomes one for each section. */
static void cut_bio(struct pb_bio *bio)
{
	struct pb_bio_vec *bv = bio->bi_io_vec;
	pb_phys_addr_t at = bv->bv_paddr, end = at + bv->bv_len, to;

	for (bio->bi_vcnt = 0; at < end; at = to, bio->bi_vcnt++) {
		to = (at | (SECTION - 1)) + 1;
		if (to > end)
			to = end;
		pb_bvec_set_phys(bv++, at, (uint32_t)(to - at));
	}
}

/* As after a read was sent. */
static void bios_ready(void *arg)
{
	struct stage_bios *s = arg;
	unsigned int i, n = s->ctx.nr_ios * s->ctx.nr_ranges;

	s->stages->add(&s->ctx);
	for (i = 0; i < n; i++)
		clean(s->r[i].paddr, s->r[i].len);
	for (i = 0; s->cut && i < s->ctx.nr_ios; i++)
		cut_bio(&s->ctx.ios[i].bio);
	s->stages->pin(&s->ctx);
}

static void bios_run(void *arg)
{
	struct stage_bios *s = arg;

	if (s->each)
		s->stages->complete_each(&s->ctx);
	else
		s->stages->complete(&s->ctx);
}

static void bios_verify(struct stage_bios *s, const char *name)
{
	unsigned int i, n = s->ctx.nr_ios * s->ctx.nr_ranges;

	bios_ready(s);
	for (i = 0; i < s->ctx.nr_ios; i++)
		if (s->ctx.ios[i].bio.bi_iter.bi_size !=
		    s->len * s->ctx.nr_ranges)
			bench_die(&bench, "%s: a bio of %u bytes", name,
				  s->ctx.ios[i].bio.bi_iter.bi_size);
	bios_run(s);
	for (i = 0; i < n; i++)
		verify_released(name, s->r[i].paddr, s->r[i].len);
}

/* What the same I/Os do in a build that counts, which @s is of. */
static void count_bios(const char *name, struct stage_bios *s)
{
	const struct bench_contestant c = {
		.name = name,
		.ready = bios_ready,
		.run = bios_run,
		.arg = s,
		.units = s->ctx.nr_ios,
	};

	bench_count(&bench, &c);
}

/* --- release: by entry and folio, or page by page --- */

static const struct release_shape {
	const char *name;
	unsigned int order;
	unsigned int entries; /* of a bio, and in one they are contiguous */
	uint32_t len; /* bytes a bio has */
	unsigned int ios; /* in a sample */
	unsigned int ios_each; /* page by page */
} release_shapes[] = {
	{ "order 0, 256 entries", 0, 256, MIB, 8, 8 },
	{ "order 0, 1 entry", 0, 1, MIB, 8, 8 },
	{ "order 4, 16 entries", 4, 16, MIB, 8, 8 },
	{ "order 4, 1 entry", 4, 1, MIB, 8, 8 },
	{ "order 9, 1 entry", 9, 1, MIB, 64, 64 },
	{ "order 18, 1 entry", GIGANTIC, 1, GIB, 256, 1 },
};

static const struct {
	const char *name;
	const struct physbio_repr *repr, *count_repr;
	const struct physbio_stages *stages, *count_stages;
	bool each;
} releasers[] = {
	{ "page", &page_physbio_repr, &pagecnt_physbio_repr,
	  &page_physbio_stages, &pagecnt_physbio_stages, false },
	{ "phys", &phys_physbio_repr, &physcnt_physbio_repr,
	  &phys_physbio_stages, &physcnt_physbio_stages, false },
	{ "page, each page", &page_physbio_repr, &pagecnt_physbio_repr,
	  &page_physbio_stages, &pagecnt_physbio_stages, true },
	{ "phys, each page", &phys_physbio_repr, &physcnt_physbio_repr,
	  &phys_physbio_stages, &physcnt_physbio_stages, true },
};

#define NR_RELEASERS ARRAY_SIZE(releasers)

/* Of the largest folio there is one, which all I/Os have. */
static struct io_layout release_layout(const struct release_shape *shape,
				       unsigned int ios)
{
	return (struct io_layout){
		.start = area_of(shape->order),
		.ios = ios,
		.nr = shape->entries,
		.len = shape->len / shape->entries,
		.stride = 2 * (uint64_t)shape->len / shape->entries,
		.next = shape->order == GIGANTIC ? 0 : 2 * (uint64_t)shape->len,
	};
}

static void releaser_up(struct stage_bios *s, int i,
			const struct release_shape *shape, unsigned int ios)
{
	const struct io_layout l = release_layout(shape, ios);

	*s = (struct stage_bios){ .repr = releasers[i].repr,
				  .stages = releasers[i].stages,
				  .each = releasers[i].each };
	bios_up(s, &l);
	bios_verify(s, releasers[i].name);
}

static void count_releaser(int i, const struct release_shape *shape)
{
	const struct io_layout l = release_layout(shape, shape->ios_each);
	struct stage_bios s = { .repr = releasers[i].count_repr,
				.stages = releasers[i].count_stages,
				.each = releasers[i].each };

	bios_up(&s, &l);
	count_bios(releasers[i].name, &s);
	bios_down(&s);
}

static void bench_release(const char *name, const struct release_shape *shape)
{
	unsigned int ios = bench.count ? shape->ios_each : shape->ios;
	struct bench_contestant c[NR_RELEASERS];
	struct stage_bios bios[NR_RELEASERS];
	int i;

	for (i = 0; i < NR_RELEASERS; i++) {
		unsigned int n = releasers[i].each ? shape->ios_each : ios;

		releaser_up(&bios[i], i, shape, n);
		c[i] = (struct bench_contestant){
			.name = releasers[i].name,
			.base = releasers[0].name,
			.ready = bios_ready,
			.run = bios_run,
			.arg = &bios[i],
			.units = n,
		};
	}
	bench_time(&bench, name, ios, c, NR_RELEASERS);
	for (i = 0; i < NR_RELEASERS; i++) {
		count_releaser(i, shape);
		bios_down(&bios[i]);
	}
}

/* --- lookups: once for each folio, or for each page --- */

/* A bio with an entry for each folio, and how often it is gone through. */
struct lookup_sample {
	unsigned int entries, passes;
};

static const struct lookup_shape {
	const char *name;
	unsigned int order;
	struct lookup_sample once, each;
} lookup_shapes[] = {
	{ "4 KiB folio", 0, { 1024, 8 }, { 1024, 8 } },
	{ "64 KiB folio", 4, { 256, 16 }, { 256, 16 } },
	{ "1 MiB folio", 8, { 64, 64 }, { 64, 16 } },
	{ "1 GiB folio", GIGANTIC, { 64, 64 }, { 1, 1 } },
};

static const struct {
	const char *once, *each;
	const struct resolve_loops *loops;
} models[] = {
	{ "vmemmap", "vmemmap, each page", &vmemmap_resolve_loops },
	{ "extreme", "extreme, each page", &sparsemem_extreme_resolve_loops },
	{ "radix", "radix, each page", &radix_resolve_loops },
	{ "range", "range, each page", &range_resolve_loops },
};

#define NR_MODELS ARRAY_SIZE(models)

struct lookups {
	const struct lookup_shape *shape;
	struct lookup_sample sample;
	bool each;
	resolve_loop_fn *fn;
	struct pb_bio bio;
	struct resolve_loop loop;
};

/* Of the largest folio there is one, which all entries have. */
static pb_phys_addr_t folio_at(const struct lookup_shape *shape, unsigned int i)
{
	return area_of(shape->order) +
	       (shape->order == GIGANTIC ?
			0 :
			((uint64_t)i * PAGE << shape->order));
}

static unsigned int pages_found(const struct lookups *l)
{
	return l->each ? l->sample.entries << l->shape->order :
			 l->sample.entries;
}

static void run_lookups(void *arg)
{
	struct lookups *l = arg;
	unsigned int i;

	for (i = 0; i < l->sample.passes; i++)
		l->fn(&l->loop);
}

static void lookups_up(struct lookups *l, const struct lookup_shape *shape,
		       int i)
{
	const struct resolve_loops *loops = models[i % NR_MODELS].loops;
	unsigned int n;

	*l = (struct lookups){ .shape = shape, .each = i >= NR_MODELS };
	l->sample = l->each || bench.count ? shape->each : shape->once;
	l->fn = l->each ? loops->pages : loops->entries;
	n = l->sample.entries;
	pb_bio_init(&l->bio, NULL,
		    bench_alloc(&bench, n, sizeof(struct pb_bio_vec)),
		    (unsigned short)n, PB_REQ_OP_READ);
	l->bio.bi_vcnt = l->bio.bi_max_vecs;
	while (n--)
		pb_bvec_set_phys(&l->bio.bi_io_vec[n], folio_at(shape, n),
				 PAGE << shape->order);
	/* and one behind, which stays NULL */
	l->loop = (struct resolve_loop){ &l->bio, 1,
					 bench_alloc(&bench, pages_found(l) + 1,
						     sizeof(void *)) };
}

static void lookups_down(struct lookups *l)
{
	free(l->loop.found);
	free(l->bio.bi_io_vec);
}

/* One for each entry or for each page, and each must be the memory map's. */
static void verify_lookups(struct lookups *l)
{
	unsigned int n, i;

	run_lookups(l);
	for (n = 0; n <= pages_found(l) && l->loop.found[n]; n++)
		;
	if (n != pages_found(l))
		bench_die(&bench, "%s: %u pages are found, not %u",
			  l->shape->name, n, pages_found(l));
	for (i = 0; i < n; i++)
		if (l->loop.found[i] !=
		    physbio_mem_page(mem, l->each ? folio_at(l->shape, 0) +
							    (uint64_t)i * PAGE :
						    folio_at(l->shape, i)))
			bench_die(&bench, "%s: another page is found",
				  l->shape->name);
}

static unsigned int folios_of(const struct lookups *l)
{
	return l->sample.entries * l->sample.passes;
}

static void bench_lookup(const char *name, const struct lookup_shape *shape)
{
	struct bench_contestant c[2 * NR_MODELS];
	struct lookups lookups[2 * NR_MODELS];
	int i;

	for (i = 0; i < 2 * NR_MODELS; i++) {
		lookups_up(&lookups[i], shape, i);
		verify_lookups(&lookups[i]);
		c[i] = (struct bench_contestant){
			.name = lookups[i].each ? models[i % NR_MODELS].each :
						  models[i].once,
			.base = models[0].once,
			.ready = run_lookups,
			.run = run_lookups,
			.arg = &lookups[i],
			.units = folios_of(&lookups[i]),
		};
	}
	bench_time(&bench, name, folios_of(&lookups[0]), c, 2 * NR_MODELS);
	for (i = 0; i < 2 * NR_MODELS; i++) {
		bench_value(&bench, c[i].name, "lookups",
			    (double)pages_found(&lookups[i]) /
				    lookups[i].sample.entries);
		lookups_down(&lookups[i]);
	}
}

/* --- sections that lie apart --- */

/* Sections of single pages, of huge ones for 4 MiB, and 1 GiB of huge ones. */
#define PAGES_START (START)
#define HUGE_START (START + 2 * SECTION)
#define LARGE_START (START + GIB)

static const struct section_shape {
	const char *name;
	pb_phys_addr_t start;
	uint32_t len; /* bytes */
	unsigned int order; /* of its folios */
	unsigned int ios; /* in a sample: all of the same memory */
} section_shapes[] = {
	{ "64 KiB over an edge", PAGES_START + SECTION - 32 * KIB, 64 * KIB, 0,
	  16 },
	{ "4 MiB over an edge", HUGE_START + SECTION - 2 * MIB, 4 * MIB, 9,
	  64 },
	{ "1 GiB over 7 edges", LARGE_START, GIB, 9, 1 },
};

static void set_up_sections(void)
{
	const struct physbio_mem_range ranges[] = {
		{ .start = PAGES_START,
		  .size = 4 * SECTION,
		  .kind = PHYSBIO_MEM_RAM_EMPTY,
		  .nid = bench.node },
		{ .start = LARGE_START,
		  .size = GIB,
		  .kind = PHYSBIO_MEM_RAM_EMPTY,
		  .nid = bench.node },
	};

	create(ranges, ARRAY_SIZE(ranges),
	       PHYSBIO_MEMMODEL_BIT(sparsemem_extreme), 1);
	make_folios(HUGE_START, 2 * SECTION, 9);
	make_folios(LARGE_START, GIB, 9);
}

/* Of pages, what there would be if page structs followed each other everywhere. */
static unsigned int wrong_pages(const struct section_shape *shape)
{
	struct pb_page *first = physbio_mem_page(mem, shape->start);
	unsigned int i, wrong = 0;

	for (i = 0; i < shape->len / PAGE; i++)
		wrong += physbio_mem_page(mem,
					  shape->start + (uint64_t)i * PAGE) !=
			 first + i;
	return wrong;
}

/*
 * Page vectors become so by themselves: they take no page that is not the next one.
 * Physical ones become one entry, which may be cut.
 */
static const struct section_way {
	const char *name;
	const struct physbio_repr *repr, *count_repr;
	const struct physbio_stages *stages, *count_stages;
	bool cut;
} section_ways[] = {
	{ "page, cut", &sparse_physbio_repr, &sparsecnt_physbio_repr,
	  &sparse_physbio_stages, &sparsecnt_physbio_stages, false },
	{ "phys, cut", &physsparse_physbio_repr, &physsparsecnt_physbio_repr,
	  &physsparse_physbio_stages, &physsparsecnt_physbio_stages, true },
	{ "phys, spans", &physsparse_physbio_repr, &physsparsecnt_physbio_repr,
	  &physsparse_physbio_stages, &physsparsecnt_physbio_stages, false },
};

#define NR_SECTION_WAYS ARRAY_SIZE(section_ways)

static void section_up(struct stage_bios *s, const struct section_shape *shape)
{
	const struct io_layout l = {
		.start = shape->start,
		.ios = shape->ios,
		.nr = shape->len / (PAGE << shape->order),
		.len = PAGE << shape->order,
		.stride = PAGE << shape->order,
	};

	bios_up(s, &l);
}

static void count_section(const struct section_way *way,
			  const struct section_shape *shape)
{
	struct stage_bios s = { .repr = way->count_repr,
				.stages = way->count_stages,
				.cut = way->cut };

	section_up(&s, shape);
	count_bios(way->name, &s);
	bench_value(&bench, way->name, "entries", s.ctx.ios[0].bio.bi_vcnt);
	bios_down(&s);
}

static void bench_section(const char *name, const struct section_shape *shape)
{
	struct bench_contestant c[NR_SECTION_WAYS];
	struct stage_bios bios[NR_SECTION_WAYS];
	int i;

	for (i = 0; i < NR_SECTION_WAYS; i++) {
		bios[i] = (struct stage_bios){ .repr = section_ways[i].repr,
					       .stages = section_ways[i].stages,
					       .cut = section_ways[i].cut };
		section_up(&bios[i], shape);
		bios_verify(&bios[i], section_ways[i].name);
		c[i] = (struct bench_contestant){
			.name = section_ways[i].name,
			.ready = bios_ready,
			.run = bios_run,
			.arg = &bios[i],
		};
	}
	bench_time(&bench, name, shape->ios, c, NR_SECTION_WAYS);
	for (i = 0; i < NR_SECTION_WAYS; i++) {
		count_section(&section_ways[i], shape);
		bios_down(&bios[i]);
	}
	bench_value(&bench, "phys, spans", "wrong_pages", wrong_pages(shape));
}

/* --- all --- */

static void bench_areas(void)
{
	char name[80];
	int i;

	for (i = 0; i < ARRAY_SIZE(release_shapes); i++) {
		snprintf(name, sizeof(name), "release: %s",
			 release_shapes[i].name);
		if (bench_wanted(&bench, name))
			bench_release(name, &release_shapes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(lookup_shapes); i++) {
		snprintf(name, sizeof(name), "lookup: %s",
			 lookup_shapes[i].name);
		if (bench_wanted(&bench, name))
			bench_lookup(name, &lookup_shapes[i]);
	}
}

static void bench_sections(void)
{
	char name[80];
	int i;

	for (i = 0; i < ARRAY_SIZE(section_shapes); i++) {
		snprintf(name, sizeof(name), "section: %s",
			 section_shapes[i].name);
		if (bench_wanted(&bench, name))
			bench_section(name, &section_shapes[i]);
	}
}

static void describe(void)
{
	bench_note_memory(&bench, mem, START, "made up");
	bench_note(
		&bench, "release",
		"ns to mark the pages of a read dirty and to unpin them, for a bio; each page: as before there were folios; counts are for a bio; of order 18 there is one folio, in the cache");
	bench_note(&bench, "lookup",
		   "ns for a folio that is an entry, page structs not touched");
	bench_note(
		&bench, "section",
		"ns to mark dirty and to unpin, not to add, for a bio, under SPARSEMEM EXTREME with page structs of sections apart; wrong_pages: of page + n without a look at the edge");
}

int main(int argc, char **argv)
{
	bench_start(&bench, argc, argv);
	set_up_areas();
	describe();
	bench_areas();
	physbio_mem_destroy(mem);
	set_up_sections();
	bench_sections();
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
