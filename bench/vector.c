// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How an entry is stored: 16 bytes or 12, and a length of 32 bits, of an address's width, or
 * of 31 bits beside a flag. Tables are read, written and walked by bare loops, in the caches
 * and out of them; buffers up to 16 GiB become entries and bios, as many as the engine makes
 * of them where it is built with such an entry; and bios are split that are in no cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <physbio/mem.h>

#include "../src/repr/ops.h"
#include "harness.h"
#include "text-bytes.h"
#include "vector-loops.h"

static struct bench bench = {
	.name = "vector",
	.title =
		"what an entry is: 16 bytes or 12, and how long its range may be",
	.rounds = 100,
};

#define PAGE 4096u
#define LINE 64u
#define MIB (1024u * 1024u)
#define GIB ((uint64_t)1024 * MIB)
#define ARRAY_SIZE(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* More than a last cache level has: what is used in turn is in none. */
#define COLD_BYTES bench_cold_size(&bench)

static const struct vector_loops *const vectors[] = {
	&vector_loops_u32,
	&vector_loops_packed,
	&vector_loops_size_t,
	&vector_loops_31_bits,
};

static const char *const vector_names[] = { "u32", "packed", "size_t",
					    "31 bits" };

#define NR_VECTORS ARRAY_SIZE(vectors)

/* In huge pages if there are some, as the kernel's own memory is mapped. */
static void *cold_alloc(size_t n, size_t size)
{
	size_t bytes = (n * size + 2 * MIB - 1) / (2 * MIB) * (2 * MIB);
	void *p = aligned_alloc(2 * MIB, bytes);

	if (!p)
		bench_die(&bench, "no memory");
	madvise(p, bytes, MADV_HUGEPAGE);
	return memset(p, 0, bytes);
}

/* --- tables --- */

enum op {
	READ,
	WRITE,
	WALK,
	NR_OPS
};

static const char *const op_names[NR_OPS] = { "read", "write", "walk" };

static const struct place {
	const char *name;
	unsigned int nr; /* entries of a table */
	unsigned int passes; /* over it in a sample; or tables, if it is cold */
	bool cold;
} places[] = {
	{ "256 entries, L1", 256, 64, false },
	{ "16384 entries, L2", 16384, 1, false },
	{ "256 entries, cold", 256, 32, true },
	{ "16 entries, cold", 16, 64, true },
};

struct table {
	const struct vector_loops *v;
	const struct place *place;
	enum op op;
	char *entries; /* of all tables */
	unsigned int nr_tables;
	unsigned int next; /* table, of those that are cold */
};

static size_t table_bytes(const struct table *t)
{
	return t->place->nr * t->v->entry_bytes;
}

#define STRIDE 4241u /* a prime, so that it visits all tables */

static char *next_table(struct table *t)
{
	char *at = t->entries + t->next * table_bytes(t);

	if (t->place->cold)
		t->next = (t->next + STRIDE) % t->nr_tables;
	return at;
}

static void run_table(void *arg)
{
	struct table *t = arg;
	unsigned int pass, nr = t->place->nr;
	uint64_t sum = 0;
	char *at;

	for (pass = 0; pass < t->place->passes; pass++) {
		at = next_table(t);
		if (t->op == READ)
			sum += t->v->read(at, nr);
		else if (t->op == WRITE)
			t->v->write(at, nr, GIB);
		else
			sum += t->v->walk(at, (uint64_t)nr * PAGE, UINT32_MAX);
	}
	__asm__ volatile("" ::"r"(sum) : "memory");
}

static void table_up(struct table *t, char *entries)
{
	unsigned int i, nr = t->place->nr;
	uint64_t want = 0;

	t->nr_tables = 1;
	if (t->place->cold)
		t->nr_tables = (unsigned int)(COLD_BYTES / table_bytes(t));
	if (t->nr_tables % STRIDE == 0)
		t->nr_tables--;
	t->entries = entries;
	t->v->write(entries, nr, GIB);
	for (i = 0; i < nr; i++)
		want += GIB + i * (uint64_t)(2 * PAGE) + PAGE;
	if (t->v->read(t->entries, nr) != want ||
	    t->v->walk(t->entries, (uint64_t)nr * PAGE, UINT32_MAX) != nr)
		bench_die(&bench, "%s: a table is read wrongly", t->v->name);
}

/* Entries whose address is in two cache lines, of a table that begins with a line. */
static double line_crossings(size_t entry_bytes)
{
	unsigned int i, n = 0;

	for (i = 0; i < LINE; i++)
		n += i * entry_bytes % LINE > LINE - sizeof(uint64_t);
	return (double)n / LINE;
}

static char *cold_entries[NR_VECTORS]; /* of each kind COLD_BYTES, if needed */

static char *all_entries(int i)
{
	if (!cold_entries[i]) {
		cold_entries[i] = cold_alloc(COLD_BYTES, 1);
		vectors[i]->write(
			cold_entries[i],
			(unsigned int)(COLD_BYTES / vectors[i]->entry_bytes),
			GIB);
	}
	return cold_entries[i];
}

static void bench_table(const char *name, enum op op, const struct place *place)
{
	struct bench_contestant c[NR_VECTORS];
	struct table tables[NR_VECTORS];
	int i;

	for (i = 0; i < NR_VECTORS; i++) {
		tables[i] = (struct table){ .v = vectors[i],
					    .place = place,
					    .op = op };
		table_up(&tables[i], all_entries(i));
		c[i] = (struct bench_contestant){
			.name = vector_names[i],
			.ready = place->cold ? NULL : run_table,
			.run = run_table,
			.arg = &tables[i],
		};
	}
	bench_time(&bench, name, (double)place->nr * place->passes, c,
		   NR_VECTORS);
	for (i = 0; i < NR_VECTORS; i++) {
		bench_value(&bench, vector_names[i], "line_crossings",
			    line_crossings(vectors[i]->entry_bytes));
	}
}

/* --- buffers that are contiguous --- */

#define HUGE_PAGE (2 * MIB) /* what is added at once */
#define SEGMENT MIB /* what it is walked in */
#define MAX_BIOS 8u

static const struct buffer_shape {
	const char *name;
	uint64_t bytes;
} buffer_shapes[] = {
	{ "1 GiB", GIB },
	{ "4 GiB - 1", 4 * GIB - 1 },
	{ "4 GiB", 4 * GIB },
	{ "16 GiB", 16 * GIB },
};

/* Lengths at which something may happen, each offered to an empty bio. */
static const struct {
	const char *name;
	uint64_t len;
} edges[] = {
	{ "2^31-1", INT32_MAX },
	{ "2^31", (uint64_t)INT32_MAX + 1 },
	{ "2^32-1", UINT32_MAX },
	{ "2^32", (uint64_t)UINT32_MAX + 1 },
	{ "2^32+4096", (uint64_t)UINT32_MAX + 1 + PAGE },
	{ "2^33", 2 * ((uint64_t)UINT32_MAX + 1) },
};

struct buffer {
	const struct vector_loops *v;
	uint64_t bytes;
	uint64_t max_size; /* of a bio */
	struct vector_bio bios[MAX_BIOS];
	unsigned int nr_bios;
	uint64_t segments;
};

static void new_bio(struct buffer *b)
{
	struct vector_bio *bio = &b->bios[b->nr_bios++];

	bio->nr = 0;
	bio->size = 0;
	bio->max_size = b->max_size;
}

/* As a submitter goes on in another bio when one takes no more. */
static void run_buffer(void *arg)
{
	struct buffer *b = arg;
	uint64_t at, n, taken;
	unsigned int i;

	b->nr_bios = 0;
	new_bio(b);
	for (at = 0; at < b->bytes; at += taken) {
		n = b->bytes - at < HUGE_PAGE ? b->bytes - at : HUGE_PAGE;
		taken = b->v->add(&b->bios[b->nr_bios - 1], 4 * GIB + at, n);
		if (!taken)
			new_bio(b);
	}
	b->segments = 0;
	for (i = 0; i < b->nr_bios; i++)
		b->segments +=
			b->v->walk(b->bios[i].table, b->bios[i].size, SEGMENT);
}

static void buffer_up(struct buffer *b, const struct vector_loops *v,
		      uint64_t bytes, uint64_t max_size)
{
	unsigned int i;

	*b = (struct buffer){ .v = v, .bytes = bytes, .max_size = max_size };
	for (i = 0; i < MAX_BIOS; i++) {
		b->bios[i].max = PB_BIO_MAX_VECS;
		b->bios[i].table =
			bench_alloc(&bench, PB_BIO_MAX_VECS, v->entry_bytes);
	}
}

static void buffer_down(struct buffer *b)
{
	unsigned int i;

	for (i = 0; i < MAX_BIOS; i++)
		free(b->bios[i].table);
}

static unsigned int buffer_entries(const struct buffer *b)
{
	unsigned int i, n = 0;

	for (i = 0; i < b->nr_bios; i++)
		n += b->bios[i].nr;
	return n;
}

static const struct physbio_repr *engine_of(const struct vector_loops *v)
{
	return v == &vector_loops_u32	 ? &phys_physbio_repr :
	       v == &vector_loops_packed ? &phys12_physbio_repr :
	       v == &vector_loops_size_t ? &phyr_physbio_repr :
					   &phys31_physbio_repr;
}

/* What the engine makes of the same pieces where it is built with that entry. */
static void verify_engine(const struct buffer *b, const char *name)
{
	const struct physbio_repr *repr = engine_of(b->v);
	unsigned int i, n, bios, entries = 0;
	struct pb_bio bio;
	uint64_t at = 0;
	void *table;

	table = bench_alloc(&bench, PB_BIO_MAX_VECS, repr->bvec_size);
	for (bios = 0; at < b->bytes; bios++) {
		repr->bio_init(&bio, NULL, table, PB_BIO_MAX_VECS,
			       PB_REQ_OP_READ);
		for (; at < b->bytes; at += n) {
			n = b->bytes - at < HUGE_PAGE ?
				    (unsigned int)(b->bytes - at) :
				    HUGE_PAGE;
			/* Whole pages, if there is less room. */
			if (bio.bi_iter.bi_size > PB_BIO_MAX_SIZE - n)
				n = (PB_BIO_MAX_SIZE - bio.bi_iter.bi_size) &
				    ~(PAGE - 1);
			if (!n || !repr->bio_add_phys(&bio, 4 * GIB + at, n))
				break;
		}
		entries += bio.bi_vcnt;
	}
	for (i = 0, n = 0; i < b->nr_bios; i++)
		n += b->bios[i].nr;
	if (bios != b->nr_bios || entries != n)
		bench_die(&bench, "%s, %s: %u bios of %u entries, not %u of %u",
			  name, b->v->name, b->nr_bios, n, bios, entries);
	free(table);
}

static void verify_buffer(struct buffer *b, const char *name)
{
	uint64_t size = 0;
	unsigned int i;

	run_buffer(b);
	for (i = 0; i < b->nr_bios; i++)
		size += b->bios[i].size;
	if (size != b->bytes)
		bench_die(&bench, "%s, %s: %llu bytes", name, b->v->name,
			  (unsigned long long)size);
	verify_engine(b, name);
}

static void say_edges(const char *name, const struct vector_loops *v)
{
	struct buffer b;
	char key[80];
	int i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		buffer_up(&b, v, edges[i].len, PB_BIO_MAX_SIZE);
		new_bio(&b);
		snprintf(key, sizeof(key), "stored_%s", edges[i].name);
		bench_value(&bench, name, key, (double)v->store(edges[i].len));
		snprintf(key, sizeof(key), "bytes_%s", edges[i].name);
		bench_value(&bench, name, key,
			    (double)v->add(&b.bios[0], 4 * GIB, edges[i].len));
		snprintf(key, sizeof(key), "entries_%s", edges[i].name);
		bench_value(&bench, name, key, b.bios[0].nr);
		buffer_down(&b);
	}
}

static void say_buffer(const char *name, const struct buffer *b)
{
	struct buffer unlimited;

	bench_value(&bench, name, "bios", b->nr_bios);
	bench_value(&bench, name, "entries", buffer_entries(b));
	buffer_up(&unlimited, b->v, b->bytes, UINT64_MAX);
	run_buffer(&unlimited);
	bench_value(&bench, name, "entries_unlimited",
		    buffer_entries(&unlimited));
	buffer_down(&unlimited);
}

static void bench_buffer(const char *name, const struct buffer_shape *shape)
{
	struct bench_contestant c[NR_VECTORS];
	struct buffer buffers[NR_VECTORS];
	int i;

	for (i = 0; i < NR_VECTORS; i++) {
		buffer_up(&buffers[i], vectors[i], shape->bytes,
			  PB_BIO_MAX_SIZE);
		verify_buffer(&buffers[i], name);
		c[i] = (struct bench_contestant){
			.name = vector_names[i],
			.ready = run_buffer,
			.run = run_buffer,
			.arg = &buffers[i],
		};
	}
	bench_time(&bench, name, 1, c, NR_VECTORS);
	for (i = 0; i < NR_VECTORS; i++) {
		say_buffer(vector_names[i], &buffers[i]);
		if (shape == &buffer_shapes[0])
			say_edges(vector_names[i], vectors[i]);
		buffer_down(&buffers[i]);
	}
}

/* --- bios that are in no cache --- */

#define AREA_START ((uint64_t)4 * GIB)
#define AREA_PAGES ((unsigned int)(GIB / PAGE))

static struct physbio_mem *mem;

static const struct {
	const char *name;
	const struct physbio_repr *repr;
	unsigned int text_bytes; /* of src/core */
} engines[] = {
	{ "page", &page_physbio_repr, TEXT_BYTES_page },
	{ "phys", &phys_physbio_repr, TEXT_BYTES_phys },
	{ "phys12", &phys12_physbio_repr, TEXT_BYTES_phys12 },
	{ "phyr", &phyr_physbio_repr, TEXT_BYTES_phyr },
	{ "phys31", &phys31_physbio_repr, TEXT_BYTES_phys31 },
};

#define NR_ENGINES ARRAY_SIZE(engines)

static const struct bio_shape {
	const char *name;
	unsigned int entries;
	unsigned int bios; /* of a sample */
} bio_shapes[] = {
	{ "1 entry", 1, 128 },
	{ "4 entries", 4, 128 },
	{ "16 entries", 16, 64 },
	{ "256 entries", 256, 16 },
};

struct pool {
	const struct physbio_repr *repr;
	const struct bio_shape *shape;
	struct pb_queue_limits limits;
	char *bios, *tables;
	size_t bio_stride, table_stride;
	unsigned int nr;
	uint64_t random;
};

/* As in a bio_set: a few entries follow the bio, more are a table of their own. */
static bool is_inline(const struct bio_shape *shape)
{
	return shape->entries <= PB_BIO_INLINE_VECS;
}

static size_t lines(size_t bytes)
{
	return (bytes + LINE - 1) / LINE;
}

static struct pb_bio *pool_bio(const struct pool *p, unsigned int i)
{
	return (struct pb_bio *)(p->bios + i * p->bio_stride);
}

static void pool_alloc(struct pool *p)
{
	size_t table = p->shape->entries * p->repr->bvec_size;
	size_t bio = sizeof(struct pb_bio);

	if (is_inline(p->shape)) {
		p->bio_stride =
			lines(bio + PB_BIO_INLINE_VECS * p->repr->bvec_size) *
			LINE;
		p->bios = cold_alloc(p->nr, p->bio_stride);
		p->tables = p->bios + bio;
		p->table_stride = p->bio_stride;
		return;
	}
	p->bio_stride = lines(bio) * LINE;
	p->bios = cold_alloc(p->nr, p->bio_stride);
	p->table_stride = table;
	p->tables = cold_alloc(p->nr, table);
}

static void pool_free(struct pool *p)
{
	if (!is_inline(p->shape))
		free(p->tables);
	free(p->bios);
}

static void pool_up(struct pool *p)
{
	unsigned int i, j, page = 0;

	p->limits = (struct pb_queue_limits){
		.max_hw_sectors = UINT32_MAX,
		.max_user_sectors = UINT32_MAX,
		.max_segments = 2 * PB_BIO_MAX_VECS,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};
	if (p->repr->blk_validate_limits(&p->limits))
		bench_die(&bench, "no such limits");
	/* As many of each kind, so that none has more of them in a cache. */
	p->nr = COLD_BYTES /
		(unsigned int)(sizeof(struct pb_bio) + p->shape->entries * 12);
	pool_alloc(p);
	for (i = 0; i < p->nr; i++) {
		struct pb_bio *bio = pool_bio(p, i);

		p->repr->bio_init(bio, NULL,
				  (void *)(p->tables + i * p->table_stride),
				  (unsigned short)p->shape->entries,
				  PB_REQ_OP_READ);
		for (j = 0; j < p->shape->entries; j++, page += 2)
			p->repr->bio_add_phys(
				bio,
				AREA_START +
					(uint64_t)(page % AREA_PAGES) * PAGE,
				PAGE);
	}
}

/* In an order that no prefetcher knows. */
static struct pb_bio *pool_next(struct pool *p)
{
	p->random = p->random * UINT64_C(6364136223846793005) + 1;
	return pool_bio(p, (unsigned int)((p->random >> 33) % p->nr));
}

static unsigned int split_bio(const struct pool *p, struct pb_bio *bio)
{
	unsigned int segs = 0;

	p->repr->bio_split_io_at(bio, &p->limits, &segs, UINT32_MAX & ~511u,
				 p->limits.dma_alignment);
	return segs;
}

static void run_split(void *arg)
{
	struct pool *p = arg;
	unsigned int i;

	for (i = 0; i < p->shape->bios; i++)
		split_bio(p, pool_next(p));
}

static void verify_pool(const struct pool *p, const char *name)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		if (split_bio(p, pool_bio(p, i)) != p->shape->entries)
			bench_die(&bench, "%s: a bio of another number", name);
}

static void say_pool(const char *name, const struct pool *p)
{
	size_t table = p->shape->entries * p->repr->bvec_size;
	size_t bio = sizeof(struct pb_bio);

	bench_value(&bench, name, "table_bytes", (double)table);
	bench_value(&bench, name, "lines",
		    (double)(is_inline(p->shape) ? lines(bio + table) :
						   lines(bio) + lines(table)));
}

static void bench_bio(const char *name, const struct bio_shape *shape)
{
	struct bench_contestant c[NR_ENGINES];
	struct pool pools[NR_ENGINES];
	int i;

	for (i = 0; i < NR_ENGINES; i++) {
		pools[i] = (struct pool){ .repr = engines[i].repr,
					  .shape = shape };
		pool_up(&pools[i]);
		verify_pool(&pools[i], name);
		c[i] = (struct bench_contestant){
			.name = engines[i].name,
			.run = run_split,
			.arg = &pools[i],
		};
	}
	bench_time(&bench, name, shape->bios, c, NR_ENGINES);
	for (i = 0; i < NR_ENGINES; i++) {
		say_pool(engines[i].name, &pools[i]);
		bench_value(&bench, engines[i].name, "text_bytes",
			    engines[i].text_bytes);
		pool_free(&pools[i]);
	}
}

/* --- all --- */

static void bench_tables(void)
{
	char name[80];
	int op, i;

	for (op = 0; op < NR_OPS; op++)
		for (i = 0; i < ARRAY_SIZE(places); i++) {
			snprintf(name, sizeof(name), "%s: %s", op_names[op],
				 places[i].name);
			if (bench_wanted(&bench, name))
				bench_table(name, (enum op)op, &places[i]);
		}
	for (i = 0; i < NR_VECTORS; i++)
		free(cold_entries[i]);
}

static void bench_buffers(void)
{
	char name[80];
	int i;

	for (i = 0; i < ARRAY_SIZE(buffer_shapes); i++) {
		snprintf(name, sizeof(name), "buffer: %s",
			 buffer_shapes[i].name);
		if (bench_wanted(&bench, name))
			bench_buffer(name, &buffer_shapes[i]);
	}
}

static void bench_bios(void)
{
	char name[80];
	int i;

	for (i = 0; i < ARRAY_SIZE(bio_shapes); i++) {
		snprintf(name, sizeof(name), "bio: %s", bio_shapes[i].name);
		if (bench_wanted(&bench, name))
			bench_bio(name, &bio_shapes[i]);
	}
}

static void set_up_memory(void)
{
	const struct physbio_mem_range range = { AREA_START, GIB,
						 PHYSBIO_MEM_RAM_EMPTY,
						 bench.node, NULL };
	struct physbio_error error;

	if (physbio_mem_create(&range, 1, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, AREA_START, "made up");
	bench_note(
		&bench, "entries",
		"u32: address, u32, a u32 of 0; packed: address, u32, 12 bytes; size_t: address, size_t; 31 bits: as u32, of which a bit is a flag");
	bench_note(
		&bench, "tables",
		"ns for an entry; walk: as the engine goes on from segment to segment; cold: tables of %u MiB in turn",
		COLD_BYTES / MIB);
	bench_note(
		&bench, "buffer",
		"ns to add it in pieces of 2 MiB and to walk it in segments of 1 MiB; bios have at most %u bytes, entries_unlimited if they had not; stored_LENGTH is what an assignment leaves of it, bytes_LENGTH what a bio takes",
		PB_BIO_MAX_SIZE);
	bench_note(
		&bench, "bio",
		"ns to check a bio against limits and to count its segments, in no cache; lines: of the cache, that bio and entries are in; text_bytes: of src/core");
}

int main(int argc, char **argv)
{
	bench_start(&bench, argc, argv);
	set_up_memory();
	describe();
	bench_tables();
	bench_buffers();
	bench_bios();
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
