// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it costs to keep memory while I/O is in flight, and to look pages and providers
 * up: ratios to a loop that does without, in one process, in turn. Every result is
 * compared before, and all references must be back afterwards.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <physbio/hotplug.h>

#include "harness.h"
#include "lifetime-loops.h"

#define NR_ADDRS 8192u /* of a sample */
#define NR_WINDOWS 16u /* more than a branch predictor learns: one a sample */
#define NR_ALL (NR_WINDOWS * NR_ADDRS)
#define MAX_CONTESTANTS 7
#define MAX_PROVIDERS 4096u

static struct bench bench = {
	.name = "lifetime",
	.title = "lifetimes, page caches and provider lookups against none",
	.rounds = 150,
};

/* --- the memory map --- */

#define SECTION ((pb_phys_addr_t)PB_PAGES_PER_SECTION << PB_PAGE_SHIFT)
#define START (4 * SECTION)
#define NR_SECTIONS 64u

static struct physbio_mem *mem;

/* One range a section, on the node of our CPU. */
static void map_make(void)
{
	struct physbio_mem_range ranges[NR_SECTIONS] = { { 0 } };
	unsigned int i;

	for (i = 0; i < NR_SECTIONS; i++) {
		ranges[i].start = START + i * SECTION;
		ranges[i].size = PHYSBIO_HOTPLUG_ALIGN;
		ranges[i].kind = PHYSBIO_MEM_RAM_EMPTY;
		ranges[i].nid = bench.node;
	}
	if (physbio_mem_create(ranges, NR_SECTIONS, &mem, NULL))
		bench_die(&bench, "no memory map");
	for (i = 0; i < NR_SECTIONS; i++)
		physbio_mem_page(mem, ranges[i].start)->flags |= PB_PG_dirty;
}

/* Each range goes at once: nothing is held. */
static void map_free(void)
{
	unsigned int i;

	for (i = 0; i < NR_SECTIONS; i++)
		if (physbio_mem_offline(mem, START + i * SECTION) ||
		    physbio_mem_remove(mem, START + i * SECTION, 0))
			bench_die(&bench, "range %u is still held", i);
	physbio_mem_destroy(mem);
}

/* --- what is compared --- */

struct contestant {
	const char *name;
	lifetime_loop_fn *loop;
};

static const struct contestant pages[] = {
	{ "convert", loop_convert },
	{ "map", loop_map },
	{ "own", loop_own },
	{ "shared", loop_shared },
};

static const struct contestant providers[] = {
	{ "load", loop_load },		 { "sorted", loop_sorted },
	{ "tree", loop_tree },		 { "interval", loop_interval },
	{ "radix", loop_radix },	 { "hash", loop_hash },
	{ "one-entry", loop_one_entry },
};

static const struct contestant holds[] = {
	{ "none", loop_entries },
	{ "segment", loop_segment },
	{ "bio", loop_bio },
	{ "epoch", loop_epoch },
};

enum group {
	HOLDS,
	PAGES,
	PROVIDERS
};

static const struct shape {
	const char *name;
	enum group group;
	uint32_t n; /* segments, sections, providers */
	bool random; /* another section or provider each time */
	unsigned int threads;
	uint32_t sections; /* of each provider; 0: a part of one */
} shapes[] = {
	{ "hold: 1 segment", HOLDS, 1, false, 1, 0 },
	{ "hold: 16 segments", HOLDS, 16, false, 1, 0 },
	{ "hold: 256 segments", HOLDS, 256, false, 1, 0 },
	{ "hold: 1 segment, 2 threads", HOLDS, 1, false, 2, 0 },
	{ "hold: 16 segments, 2 threads", HOLDS, 16, false, 2, 0 },
	{ "hold: 256 segments, 2 threads", HOLDS, 256, false, 2, 0 },
	{ "page: hit, one section", PAGES, 1, false, 1, 0 },
	{ "page: hit, 16 sections", PAGES, 16, true, 1, 0 },
	{ "page: hit, 16, 2 threads", PAGES, 16, true, 2, 0 },
	{ "page: miss, 64 sections", PAGES, 64, true, 1, 0 },
	{ "provider: the same of 1", PROVIDERS, 1, false, 1, 0 },
	{ "provider: random of 16", PROVIDERS, 16, true, 1, 0 },
	{ "provider: random of 64", PROVIDERS, 64, true, 1, 0 },
	{ "provider: random of 256", PROVIDERS, 256, true, 1, 0 },
	{ "provider: random of 1024", PROVIDERS, 1024, true, 1, 0 },
	{ "provider: the same of 4096", PROVIDERS, 4096, false, 1, 0 },
	{ "provider: random of 4096", PROVIDERS, 4096, true, 1, 0 },
	{ "provider: random of 64, 64 sections each", PROVIDERS, 64, true, 1,
	  64 },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

static const struct contestant *contestants_of(enum group group, int *nr)
{
	switch (group) {
	case HOLDS:
		*nr = (int)(sizeof(holds) / sizeof(holds[0]));
		return holds;
	case PAGES:
		*nr = (int)(sizeof(pages) / sizeof(pages[0]));
		return pages;
	default:
		*nr = (int)(sizeof(providers) / sizeof(providers[0]));
		return providers;
	}
}

/* --- what a thread works on --- */

struct work {
	struct lifetime_loop loop;
	pb_phys_addr_t addrs[NR_ALL];
	uintptr_t out[NR_ADDRS], want[NR_ALL];
	struct physbio_rescache own;
	struct pb_bio bio;
	struct pb_bio_vec vecs[PB_BIO_MAX_VECS];
};

static struct physbio_rescache_shared *shared;
static struct providers table;

static uint64_t random_u64(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 8;
}

/* A section has a page that is used; those of a miss collide in a cache of one. */
static void work_pages(struct work *w, const struct shape *shape)
{
	uint32_t i, section;

	for (i = 0; i < NR_ALL; i++) {
		section = shape->random ? (uint32_t)(random_u64() % shape->n) :
					  0;
		if (shape->n == NR_SECTIONS)
			section = i % NR_SECTIONS;
		w->addrs[i] =
			START + section * SECTION +
			(random_u64() % PB_PAGES_PER_SUBSECTION) * PB_PAGE_SIZE;
		w->want[i] = (uintptr_t)physbio_mem_page(mem, w->addrs[i]);
	}
}

static void work_holds(struct work *w, const struct shape *shape)
{
	uint32_t i;

	w->loop.nr = NR_ADDRS / (shape->n + 1) * 2;
	pb_bio_init(&w->bio, NULL, w->vecs, PB_BIO_MAX_VECS, PB_REQ_OP_READ);
	w->want[0] = 0;
	for (i = 0; i < shape->n; i++) {
		pb_phys_addr_t at = START + 2 * i * (pb_phys_addr_t)512;

		if (pb_bio_add_phys(&w->bio, at, 512) != 512)
			bench_die(&bench, "%s: no such bio", shape->name);
		w->want[0] += (uintptr_t)at;
	}
	for (i = 1; i < w->loop.nr; i++)
		w->want[i] = w->want[0];
}

static void hash_add_section(const struct provider *p, unsigned long section)
{
	uint32_t slot = (uint32_t)(section * 0x61c88647u) >> 18;

	while (table.hash[slot])
		slot = (slot + 1) % HASH_SLOTS;
	table.hash[slot] = p;
}

static void hash_add(const struct provider *p)
{
	unsigned long section;

	for (section = pb_pfn_to_section_nr(p->first);
	     section <= pb_pfn_to_section_nr(p->last); section++)
		hash_add_section(p, section);
}

/* As even as can be: the one in the middle of @nr is above the others. */
static struct interval *intervals_make(struct interval *nodes,
				       const struct provider *sorted,
				       uint32_t nr)
{
	uint32_t half = nr / 2;
	struct interval *node = &nodes[half];

	if (!nr)
		return NULL;
	node->left = intervals_make(nodes, sorted, half);
	node->right =
		intervals_make(node + 1, sorted + half + 1, nr - half - 1);
	node->first = sorted[half].first;
	node->last = sorted[half].last;
	node->word = sorted[half].word;
	node->subtree_last = sorted[nr - 1].last;
	return node;
}

/* Parts of a section are of sizes from 2 MiB up. */
static unsigned long provider_pages(const struct shape *shape)
{
	if (shape->sections)
		return shape->sections * PB_PAGES_PER_SECTION;
	return PB_PAGES_PER_SUBSECTION << random_u64() % 6;
}

/* Each in sections of its own, and as many free ones between them. */
static void providers_make(const struct shape *shape)
{
	static struct provider sorted[MAX_PROVIDERS];
	static struct interval nodes[MAX_PROVIDERS];
	uint32_t nr = shape->n, i;
	unsigned long gap = 2ul * (shape->sections ? shape->sections : 1)
			    << PB_PFN_SECTION_SHIFT;
	struct physbio_pfn_range *r = bench_alloc(&bench, nr, sizeof(*r));

	memset(table.hash, 0, sizeof(table.hash));
	table.sorted = sorted;
	table.nr = nr;
	for (i = 0; i < nr; i++) {
		sorted[i].first = (i + 1) * gap;
		sorted[i].last = sorted[i].first + provider_pages(shape) - 1;
		sorted[i].word = 4ul * (i + 1);
		r[i] = (struct physbio_pfn_range){ sorted[i].first,
						   sorted[i].last,
						   sorted[i].word };
		hash_add(&sorted[i]);
	}
	table.intervals = intervals_make(nodes, sorted, nr);
	physbio_range_tree_free(&table.tree);
	physbio_radix_free(&table.radix);
	if (physbio_range_tree_build(&table.tree, r, nr) ||
	    physbio_radix_build(&table.radix, r, nr))
		bench_die(&bench, "no trees of %u providers", nr);
	free(r);
}

static void work_providers(struct work *w, const struct shape *shape)
{
	const struct provider *p = &table.sorted[shape->n / 3];
	uint32_t i;

	for (i = 0; i < NR_ALL; i++) {
		if (shape->random)
			p = &table.sorted[random_u64() % shape->n];
		w->addrs[i] = (pb_phys_addr_t)(p->first +
					       random_u64() %
						       (p->last - p->first + 1))
			      << PB_PAGE_SHIFT;
		w->want[i] = p->word;
	}
}

static struct work *work_make(const struct shape *shape)
{
	struct work *w = bench_alloc(&bench, 1, sizeof(*w));
	unsigned int entries = shape->n == NR_SECTIONS ? 1 : NR_SECTIONS;

	w->loop = (struct lifetime_loop){ .addrs = w->addrs,
					  .nr = NR_ADDRS,
					  .out = w->out,
					  .own = &w->own,
					  .shared = shared,
					  .providers = &table,
					  .bio = &w->bio };
	if (physbio_rescache_init(&w->own, entries))
		bench_die(&bench, "no cache");
	if (shape->group == HOLDS)
		work_holds(w, shape);
	else if (shape->group == PAGES)
		work_pages(w, shape);
	else
		work_providers(w, shape);
	return w;
}

static void work_free(struct work *w)
{
	physbio_rescache_destroy(&w->own);
	free(w);
}

/* What the loop goes through next. Holds have no addresses: all windows are the same. */
static void use_window(struct work *w, unsigned int window)
{
	w->loop.addrs = w->addrs + (size_t)window * NR_ADDRS;
}

/* The addresses are at hand, as those of a bio are. */
static void fetch_window(const struct work *w)
{
	pb_phys_addr_t sum = 0;
	uint32_t i;

	for (i = 0; i < w->loop.nr; i++)
		sum += w->loop.addrs[i];
	__asm__ volatile("" ::"r"(sum));
}

/* The first loop over providers finds none: it loads alone. */
static void verify_window(const struct shape *shape, const struct contestant *c,
			  struct work *w, const uintptr_t *want)
{
	uint32_t i;

	memset(w->out, 0xff, sizeof(w->out));
	c->loop(&w->loop);
	for (i = 0; i < w->loop.nr; i++)
		if (w->out[i] != want[i] && c->loop != loop_load)
			bench_die(&bench, "%s, %s: %u is 0x%lx, not 0x%lx",
				  shape->name, c->name, i,
				  (unsigned long)w->out[i],
				  (unsigned long)want[i]);
}

static void verify(const struct shape *shape, const struct contestant *c,
		   struct work *w)
{
	unsigned int i, nr = shape->group == HOLDS ? 1 : NR_WINDOWS;

	for (i = 0; i < nr; i++) {
		use_window(w, i);
		verify_window(shape, c, w, w->want + (size_t)i * NR_ADDRS);
	}
}

/* --- another thread that does the same --- */

static struct rival {
	pthread_t thread;
	struct work *work;
	lifetime_loop_fn *loop; /* NULL: stop */
	lifetime_loop_fn *runs; /* the one that it has come to */
} rival;

/* The same as ours: there is none. */
static int rival_cpu(void)
{
	return (bench.cpu + 1) % (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void *rival_run(void *arg)
{
	lifetime_loop_fn *loop;

	while ((loop = __atomic_load_n(&rival.loop, __ATOMIC_ACQUIRE))) {
		__atomic_store_n(&rival.runs, loop, __ATOMIC_RELEASE);
		loop(&rival.work->loop);
	}
	return NULL;
}

/* Return: 0, or an error if there can be no thread on @cpu. */
static int rival_create(int cpu)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (pthread_attr_init(&attr))
		return ENOMEM;
	err = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!err)
		err = pthread_create(&rival.thread, &attr, rival_run, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

/* Return: NULL, or why there is none. */
static const char *rival_start(const struct shape *shape,
			       lifetime_loop_fn *loop)
{
	int cpu = rival_cpu();

	if (cpu == bench.cpu)
		return "no other CPU is online";
	rival.work = work_make(shape);
	rival.loop = loop;
	if (!rival_create(cpu))
		return NULL;
	work_free(rival.work);
	return "no second thread can run on a CPU of its own";
}

/* What is timed next has none but the same beside it. */
static void rival_turn_to(lifetime_loop_fn *loop)
{
	__atomic_store_n(&rival.loop, loop, __ATOMIC_RELEASE);
	while (__atomic_load_n(&rival.runs, __ATOMIC_ACQUIRE) != loop)
		sched_yield();
}

static void rival_stop(void)
{
	__atomic_store_n(&rival.loop, NULL, __ATOMIC_RELEASE);
	pthread_join(rival.thread, NULL);
	rival.runs = NULL;
	work_free(rival.work);
}

/* --- one shape --- */

struct runner {
	const struct contestant *c;
	const struct shape *shape;
	struct work *w;
	unsigned int window; /* of the next sample */
};

static void run(void *arg)
{
	const struct runner *r = arg;

	r->c->loop(&r->w->loop);
}

/* The window before is for the caches, which another contestant may have left cold. */
static void ready(void *arg)
{
	struct runner *r = arg;

	if (r->shape->threads > 1)
		rival_turn_to(r->c->loop);
	use_window(r->w, r->window);
	run(r);
	r->window = (r->window + 1) % NR_WINDOWS;
	use_window(r->w, r->window);
	fetch_window(r->w);
}

static void time_shape(const struct shape *shape, const struct contestant *cs,
		       int nr, struct work *w)
{
	struct bench_contestant c[MAX_CONTESTANTS];
	struct runner runners[MAX_CONTESTANTS];
	const char *why = NULL;
	int i;

	for (i = 0; i < nr; i++) {
		verify(shape, &cs[i], w);
		runners[i] = (struct runner){ &cs[i], shape, w, 0 };
		c[i] = (struct bench_contestant){
			.name = cs[i].name,
			.ready = ready,
			.run = run,
			.arg = &runners[i],
		};
	}
	if (shape->threads > 1)
		why = rival_start(shape, cs[0].loop);
	if (why) {
		bench_skip(&bench, shape->name, why);
		return;
	}
	bench_time(&bench, shape->name, w->loop.nr, c, nr);
	if (shape->threads > 1)
		rival_stop();
}

static void bench_shape(const struct shape *shape)
{
	const struct contestant *cs;
	struct work *w;
	int nr;

	if (physbio_rescache_shared_create(
		    shape->n == NR_SECTIONS ? 1 : NR_SECTIONS, &shared))
		bench_die(&bench, "no cache");
	if (shape->group == PROVIDERS)
		providers_make(shape);
	cs = contestants_of(shape->group, &nr);
	w = work_make(shape);
	time_shape(shape, cs, nr, w);
	work_free(w);
	physbio_rescache_shared_destroy(shared);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, START, "made up");
	bench_note(&bench, "caches", "%u entries: %zu bytes a thread's own",
		   NR_SECTIONS,
		   sizeof(struct physbio_rescache) +
			   NR_SECTIONS * sizeof(struct physbio_pages));
	bench_note(
		&bench, "addresses",
		"%u, and each sample has the next ones: a branch predictor would learn a short list",
		NR_ALL);
	if (rival_cpu() != bench.cpu)
		bench_note(&bench, "threads", "the second one on CPU %d",
			   rival_cpu());
	bench_note(
		&bench, "hold",
		"take and drop what the entries of a bio are in; none: only read the entries");
	bench_note(
		&bench, "page",
		"convert is the unchecked conversion; map asks the memory map; shared has its read section");
	bench_note(
		&bench, "provider",
		"load is the loop without a lookup; tree has nodes of 16 as a maple tree, interval is binary, radix as an xarray; one-entry is the last one found before the array");
	bench_note(
		&bench, "hash",
		"has a slot for each section of a provider: one, as a provider is within a section, but for those of many, as a large BAR has them");
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	map_make();
	describe();
	for (i = 0; i < NR_SHAPES; i++)
		if (bench_wanted(&bench, shapes[i].name))
			bench_shape(&shapes[i]);
	physbio_range_tree_free(&table.tree);
	physbio_radix_free(&table.radix);
	map_free();
	return bench_end(&bench);
}
