// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The resolver under every memory model, and by the caches, against a slow one that looks
 * every page up: random maps, random folios, random bios, many of them over the edges of sections and regions.
 * Each entry is looked up once, and once more where page structs don't follow each other;
 * never, if its page was kept. Afterwards there are no pins.
 */
#define PHYSBIO_COUNTING
#include "../unit/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <physbio/hotplug.h>
#include <physbio/workqueue.h>
#include <physbio/xlate.h>

#include "../../src/user/rescache-model.h"

#include "resolvers.h"

static const struct resolver *const resolvers[] = {
	&flatmem_resolver,   &vmemmap_resolver,
	&sparsemem_resolver, &sparsemem_extreme_resolver,
	&radix_resolver,     &range_resolver,
	&rescache_resolver,  &rescache_shared_resolver,
};

#define SECTION ((pb_phys_addr_t)PB_PAGES_PER_SECTION * PG)
#define SUBSECTION ((pb_phys_addr_t)PB_PAGES_PER_SUBSECTION * PG)

/* --- random numbers --- */

static uint64_t seed;

static uint32_t below(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* --- a random map --- */

static struct physbio_mem_range ranges[3];
static struct physbio_region region;

/* RAM over some sections, a BAR right behind it, and more RAM somewhere else. */
static void random_ranges(void)
{
	pb_phys_addr_t start = SECTION + below(64) * SUBSECTION;
	pb_phys_addr_t bar = (2 + below(2)) * SECTION + below(64) * SUBSECTION;
	pb_phys_addr_t bar_size = (1 + below(40)) * SUBSECTION;

	ranges[0] = (struct physbio_mem_range){ start, bar - start,
						PHYSBIO_MEM_RAM_EMPTY, -1,
						NULL };
	region = (struct physbio_region){ .start = bar, .size = bar_size };
	ranges[1] = (struct physbio_mem_range){ bar, bar_size, PHYSBIO_MEM_BAR,
						-1, &region };
	ranges[2] = (struct physbio_mem_range){ (6 + below(8)) * SECTION,
						(1 + below(64)) * SUBSECTION,
						PHYSBIO_MEM_RAM_EMPTY, -1,
						NULL };
}

#define ONE_ARRAY \
	(PHYSBIO_MEMMODEL_BIT(flatmem) | PHYSBIO_MEMMODEL_BIT(vmemmap))

#define ALL_MODELS ((1u << PHYSBIO_NR_MEMMODELS) - 1)

/* Those whose memory may come and go. */
#define CHANGING_MODELS                                \
	(ONE_ARRAY | PHYSBIO_MEMMODEL_BIT(sparsemem) | \
	 PHYSBIO_MEMMODEL_BIT(sparsemem_extreme))

/* Caches of fewer entries than the map has sections. */
static void caches_up(void)
{
	assert_int_equal(physbio_rescache_init(&physbio_rescache_mine, 2), 0);
	assert_int_equal(
		physbio_rescache_shared_create(2, &physbio_rescache_ours), 0);
}

static void map_up(unsigned int models, bool apart)
{
	const struct physbio_mem_options options = {
		.models = apart ? models & ~ONE_ARRAY : models,
		.sections_apart = apart,
	};
	unsigned int i;

	random_ranges();
	assert_int_equal(
		physbio_mem_create_for(ranges, 3, &options, &mem, NULL), 0);
	caches_up();
	/* Those that don't fit are refused. */
	for (i = 0; i < 300; i++) {
		const struct physbio_mem_range *r = &ranges[below(3)];
		unsigned int order = 1 + below(9);
		pb_phys_addr_t at =
			r->start + below((uint32_t)(r->size / PG)) * PG;

		physbio_mem_make_folio(mem, at & ~((PG << order) - 1), order);
	}
}

/* Stale entries that were met so far: the thread's cache, the shared one. */
static unsigned long stale_met[2];

static void map_down(void)
{
	struct physbio_rescache_stats stats;

	physbio_rescache_shared_stats(physbio_rescache_ours, &stats);
	stale_met[0] += physbio_rescache_mine.stats.stale;
	stale_met[1] += stats.stale;
	physbio_rescache_destroy(&physbio_rescache_mine);
	physbio_rescache_shared_destroy(physbio_rescache_ours);
	mem_down(NULL);
}

/* --- a random bio --- */

static struct {
	struct pb_bio_vec vecs[8];
	struct pb_page *pages[8];
} table;

static struct pb_bio_set bs;
static struct pb_bio *bio;
static unsigned int nr_pages, nr_seams; /* of all entries */

/* Near an edge of a section or of a region, half of the time. */
static pb_phys_addr_t random_place(const struct physbio_mem_range *r)
{
	pb_phys_addr_t end = r->start + r->size;
	pb_phys_addr_t at = r->start + below((uint32_t)r->size);

	if (below(2)) {
		at = (at + SECTION / 2) & ~(SECTION - 1);
		at -= below(64) * 512;
	} else if (below(2)) {
		at = end - below(64) * 512 - 512;
	}
	if (at < r->start || at >= end)
		at = r->start;
	return at & ~(pb_phys_addr_t)511;
}

static uint32_t random_len(pb_phys_addr_t at)
{
	uint32_t len = 512 * (1 + below(below(8) ? 128 : 50000));

	while (len > 512 && !physbio_mem_page(mem, at + len - 1))
		len = len / 1024 * 512;
	return len;
}

/* All memory from ranges[0] on to the end of ranges[1] is there; holes are elsewhere. */
static void add_entries(void)
{
	unsigned int i;

	for (i = 1 + below(8); i; i--) {
		pb_phys_addr_t at = random_place(&ranges[below(3)]);
		uint32_t len = random_len(at);

		assert_int_equal(pb_bio_add_phys(bio, at, len), len);
	}
}

static struct pb_page *slow_page(pb_phys_addr_t at)
{
	struct pb_page *page = physbio_mem_page(mem, at);

	assert_non_null(page);
	return page;
}

static void count_pages(const struct pb_bio_vec *bv)
{
	pb_phys_addr_t at = bv->bv_paddr & ~(PG - 1);
	pb_phys_addr_t end = bv->bv_paddr + bv->bv_len;
	const struct pb_page *page = slow_page(at), *next;

	nr_pages++;
	for (at += PG; at < end; at += PG, page = next) {
		next = slow_page(at);
		nr_seams += next != page + 1;
		nr_pages++;
	}
}

static void random_bio(bool keep)
{
	unsigned int i;

	bio = pb_bio_alloc_bioset(NULL, 4, PB_REQ_OP_READ, PB_GFP_KERNEL, &bs);
	bio->bi_io_vec = table.vecs;
	bio->bi_max_vecs = 8;
	if (keep)
		assert_int_equal(physbio_bio_keep_pages(bio), 0);
	add_entries();
	nr_pages = nr_seams = 0;
	for (i = 0; i < bio->bi_vcnt; i++) {
		table.pages[i] = keep ? slow_page(table.vecs[i].bv_paddr) :
					NULL;
		count_pages(&table.vecs[i]);
	}
}

static void put_bio(void)
{
	/* The set has lent it another table. */
	bio->bi_max_vecs = PB_BIO_INLINE_VECS;
	pb_bio_put(bio);
}

static void pin_bio(void)
{
	unsigned int i;

	for (i = 0; i < bio->bi_vcnt; i++)
		assert_int_equal(physbio_mem_pin(mem, table.vecs[i].bv_paddr,
						 table.vecs[i].bv_len),
				 0);
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
}

/* --- what must be so --- */

typedef void page_fn(struct pb_page *head);

static void for_each_page(page_fn *fn)
{
	unsigned int i;

	for (i = 0; i < bio->bi_vcnt; i++) {
		pb_phys_addr_t at = table.vecs[i].bv_paddr & ~(PG - 1);
		pb_phys_addr_t end =
			table.vecs[i].bv_paddr + table.vecs[i].bv_len;

		for (; at < end; at += PG)
			fn(pb_compound_head(slow_page(at)));
	}
}

static void is_dirty(struct pb_page *head)
{
	assert_true(head->flags & PB_PG_dirty);
	assert_false(head->flags & PB_PG_locked);
}

static void make_clean(struct pb_page *head)
{
	head->flags &= ~(unsigned long)PB_PG_dirty;
}

static void is_not_pinned(struct pb_page *head)
{
	assert_int_equal(head->refcount.counter, 0);
	assert_int_equal(head->pincount.counter, 0);
}

static uint64_t counts[PHYSBIO_NR_COUNTERS];

static void counts_from_here(void)
{
	memcpy(counts, physbio_counts, sizeof(counts));
}

static uint64_t counted(enum physbio_counter which)
{
	return physbio_counts[which] - counts[which];
}

/* Lookups since counts_from_here(), which were for @entries. */
static void looked_up(bool keep, unsigned int entries)
{
	assert_int_equal(counted(PHYSBIO_PHYS_TO_PAGE),
			 (keep ? 0 : entries) + nr_seams);
	assert_int_equal(counted(PHYSBIO_KEPT), keep ? entries : 0);
	assert_int_equal(counted(PHYSBIO_SEAM), nr_seams);
	assert_int_equal(counted(PHYSBIO_KEPT_MISS), 0);
}

/* --- the properties --- */

/* The folios of entry @i, page by page. */
static void compare_entry(const struct resolver *r, struct pb_folio_iter *fi,
			  unsigned int i)
{
	pb_phys_addr_t at = table.vecs[i].bv_paddr;
	pb_phys_addr_t end = at + table.vecs[i].bv_len;

	while (at < end) {
		struct pb_page *page = slow_page(at);
		struct pb_page *head = pb_compound_head(page);
		pb_phys_addr_t upto = at;

		while (upto < end && pb_compound_head(slow_page(upto)) == head)
			upto = (upto | (PG - 1)) + 1;
		if (upto > end)
			upto = end;
		assert_ptr_equal(fi->folio, head);
		assert_int_equal(fi->offset,
				 (size_t)(page - head) * PG + at % PG);
		assert_int_equal(fi->length, upto - at);
		r->bio_next_folio(fi, bio);
		at = upto;
	}
}

static void check_folios(const struct resolver *r, bool keep)
{
	struct pb_folio_iter fi;
	unsigned int i;

	random_bio(keep);
	counts_from_here();
	r->bio_first_folio(&fi, bio, 0);
	for (i = 0; i < bio->bi_vcnt; i++)
		compare_entry(r, &fi, i);
	assert_null(fi.folio);
	looked_up(keep, bio->bi_vcnt);
	put_bio();
}

static void check_release(const struct resolver *r, bool keep)
{
	random_bio(keep);
	for_each_page(make_clean);
	pin_bio();
	counts_from_here();
	r->bio_set_pages_dirty(bio);
	looked_up(keep, bio->bi_vcnt);
	for_each_page(is_dirty);
	/* Failed or not, it is released. */
	bio->bi_status = below(2) ? PB_BLK_STS_OK : PB_BLK_STS_IOERR;
	for_each_page(make_clean);
	counts_from_here();
	r->bio_release_pages(bio, true);
	looked_up(keep, bio->bi_vcnt);
	for_each_page(is_dirty);
	for_each_page(is_not_pinned);
	put_bio();
}

static struct pb_work_struct *queued;

static void queue_by_hand(struct physbio_executor *executor,
			  struct pb_work_struct *work)
{
	queued = work;
}

static struct physbio_executor by_hand = { queue_by_hand };

/* At once, or what is left of it by the executor: no run twice in one context. */
static void check_deferred(const struct resolver *r, bool keep)
{
	const struct pb_bio_vec *bv;
	uint64_t at_once;

	random_bio(keep);
	pin_bio();
	r->bio_set_pages_dirty(bio);
	if (below(2)) {
		bv = &table.vecs[below(bio->bi_vcnt)];
		make_clean(pb_compound_head(
			slow_page(bv->bv_paddr + below(bv->bv_len))));
	}
	pb_bio_get(bio);
	queued = NULL;
	counts_from_here();
	r->bio_check_pages_dirty(bio);
	at_once = counted(PHYSBIO_PHYS_TO_PAGE) + counted(PHYSBIO_KEPT);
	assert_true(at_once <= bio->bi_vcnt + nr_seams);
	if (queued) {
		counts_from_here();
		physbio_work_run(queued);
		/* The run with the clean page is the one that both look up. */
		assert_int_equal(at_once + counted(PHYSBIO_PHYS_TO_PAGE) +
					 counted(PHYSBIO_KEPT),
				 bio->bi_vcnt + nr_seams + 1);
	} else {
		assert_int_equal(at_once, bio->bi_vcnt + nr_seams);
	}
	for_each_page(is_dirty);
	for_each_page(is_not_pinned);
	put_bio();
}

static const struct resolver *the_resolver;

static void lock_once(struct pb_page *head)
{
	if (!(head->flags & PB_PG_locked))
		the_resolver->folio_start_read((struct pb_folio *)head, NULL,
					       0);
}

static void was_read(struct pb_page *head)
{
	assert_true(head->flags & PB_PG_uptodate);
	assert_false(head->flags & PB_PG_locked);
}

static void forget(struct pb_page *head)
{
	head->flags &= ~(unsigned long)PB_PG_uptodate;
}

/* Of one entry, so that no folio is in the bio twice. */
static void check_reads(const struct resolver *r, bool keep)
{
	random_bio(keep);
	bio->bi_vcnt = 1;
	nr_pages = nr_seams = 0;
	count_pages(&table.vecs[0]);
	the_resolver = r;
	for_each_page(lock_once);
	counts_from_here();
	r->bio_end_folio_reads(bio);
	looked_up(keep, 1);
	for_each_page(was_read);
	for_each_page(forget);
	put_bio();
}

/* I/O that is in flight when a range goes offline ends as ever; then the range goes. */
static void check_unplug(const struct resolver *r, bool keep)
{
	pb_phys_addr_t start = ranges[below(3)].start;

	random_bio(keep);
	pin_bio();
	r->bio_set_pages_dirty(bio);
	assert_int_equal(physbio_mem_offline(mem, start), 0);
	for_each_page(make_clean);
	counts_from_here();
	r->bio_release_pages(bio, true);
	looked_up(keep, bio->bi_vcnt);
	for_each_page(is_dirty);
	for_each_page(is_not_pinned);
	put_bio();
	assert_int_equal(physbio_mem_remove(mem, start, 0), 0);
	assert_int_equal(physbio_mem_add(mem, start), 0);
}

static void random_start(void)
{
	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : 5;
	printf("seed %llu\n", (unsigned long long)seed);
}

typedef void check_fn(const struct resolver *r, bool keep);

static void on_random_maps_of(unsigned int models, check_fn *check)
{
	unsigned int round, i, j, seams = 0;

	random_start();
	for (round = 0; round < 6; round++) {
		bool apart = round % 2;

		map_up(models, apart);
		for (i = 0; i < ARRAY_SIZE(resolvers); i++) {
			if (!physbio_memmodel(resolvers[i]->id))
				continue;
			for (j = 0; j < 24; j++) {
				check(resolvers[i], j % 2);
				seams += nr_seams;
			}
		}
		map_down();
	}
	assert_true(seams);
}

static void on_random_maps(check_fn *check)
{
	on_random_maps_of(ALL_MODELS, check);
}

static void folios_are_those_of_a_lookup_for_each_page(void **state)
{
	on_random_maps(check_folios);
}

static void every_page_is_dirtied_and_released_with_one_lookup(void **state)
{
	on_random_maps(check_release);
}

static void what_is_deferred_is_released_too(void **state)
{
	on_random_maps(check_deferred);
}

static void buffered_reads_end_with_one_lookup(void **state)
{
	on_random_maps(check_reads);
}

/* Every entry of a cache is stale some time; not one is followed. */
static void ranges_are_unplugged_and_plugged_again_in_flight(void **state)
{
	stale_met[0] = stale_met[1] = 0;
	on_random_maps_of(CHANGING_MODELS, check_unplug);
	assert_true(stale_met[0]);
	assert_true(stale_met[1]);
}

/* Those of a range, and of some pages before and behind it. */
static void cached_pages_are_those_of_the_map(const struct physbio_mem_range *r)
{
	pb_phys_addr_t at = r->start - 8 * PG;
	struct pb_page *page, *mine, *ours;
	unsigned int bad = 0;

	for (; at < r->start + r->size + 8 * PG; at += PG) {
		page = physbio_mem_page(mem, at);
		mine = ours = NULL;
		bad += physbio_rescache_page(&physbio_rescache_mine, at,
					     &mine) != (page ? 0 : -EFAULT);
		bad += physbio_rescache_shared_page(physbio_rescache_ours, at,
						    &ours) !=
		       (page ? 0 : -EFAULT);
		bad += mine != page || ours != page;
	}
	assert_int_equal(bad, 0);
}

static void caches_have_every_address_as_the_map_has_it(void **state)
{
	unsigned int round, i;

	random_start();
	for (round = 0; round < 6; round++) {
		map_up(CHANGING_MODELS, round % 2);
		for (i = 0; i < 6; i++)
			cached_pages_are_those_of_the_map(&ranges[below(3)]);
		map_down();
	}
}

static int up(void **state)
{
	physbio_set_executor(&by_hand);
	return pb_bioset_init(&bs, 2, 0, 0);
}

static int down(void **state)
{
	physbio_set_executor(NULL);
	pb_bioset_exit(&bs);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folios_are_those_of_a_lookup_for_each_page),
		cmocka_unit_test(
			every_page_is_dirtied_and_released_with_one_lookup),
		cmocka_unit_test(what_is_deferred_is_released_too),
		cmocka_unit_test(buffered_reads_end_with_one_lookup),
		cmocka_unit_test(
			ranges_are_unplugged_and_plugged_again_in_flight),
		cmocka_unit_test(caches_have_every_address_as_the_map_has_it),
	};

	return cmocka_run_group_tests(tests, up, down);
}
