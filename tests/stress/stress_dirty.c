// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads whose pages are written back and cleaned while they are in flight: threads that
 * submit, that clean, that complete, and one that does the work which completion leaves.
 * A page that is clean in the end must have been saved with all that devices wrote; no
 * pin and no bio may be left. Each path and each race is counted, and one that never
 * happened fails the test.
 */
#include <sched.h>
#include <stdlib.h>

#include <physbio/bio.h>
#include <physbio/mem.h>
#include <physbio/resolve.h>
#include <physbio/workqueue.h>

#include "../../src/core/platform.h"

#include "stress.h"

#define PG ((pb_phys_addr_t)PB_PAGE_SIZE)
#define START ((pb_phys_addr_t)0x10000000)
#define NR_PAGES 64u /* the last one is followed by a hole */
#define MAX_VECS 4
#define READS 32u /* in flight for each that submits */

/* --- what happened --- */

enum count {
	SUBMITTED,
	COMPLETED,
	CLEANED,
	NR_OPS,
	CLEANED_IN_FLIGHT = NR_OPS,
	REFUSED,
	PUT_AT_ONCE,
	PUT_BY_WORK,
	LAST_BY_WORK,
	LAST_ELSEWHERE,
	SCHEDULED_DURING,
	MANY_AT_ONCE,
	NR_COUNTS,
};

static const char *const count_names[NR_COUNTS] = {
	[SUBMITTED] = "reads submitted",
	[COMPLETED] = "reads completed",
	[CLEANED] = "folios written back and cleaned",
	[CLEANED_IN_FLIGHT] = "cleaned while a read of them was in flight",
	[REFUSED] = "reads refused: a pin failed half way",
	[PUT_AT_ONCE] = "completed at once",
	[PUT_BY_WORK] = "completed by the work",
	[LAST_BY_WORK] = "last reference dropped by the work",
	[LAST_ELSEWHERE] = "reference outlived the completion",
	[SCHEDULED_DURING] = "work scheduled while it was done",
	[MANY_AT_ONCE] = "work with several reads",
};

/* --- shared --- */

static struct physbio_mem *mem;
static struct pb_bio_set bs;

/* What devices wrote to each page, and what of it was saved. */
static unsigned long data[NR_PAGES], saved[NR_PAGES];

static struct pb_page *page_at(unsigned int i)
{
	return physbio_mem_page(mem, START + i * PG);
}

static unsigned int index_of(const struct pb_bio_vec *bv)
{
	return (unsigned int)((pb_bvec_phys(bv) - START) / PG);
}

/* --- who drops a reference --- */

static __thread bool in_work;
static __thread unsigned int puts; /* by the work that is being done */

static bool is_last(struct pb_bio *bio)
{
	return !pb_bio_flagged(bio, PB_BIO_REFFED) ||
	       atomic_read(&bio->__bi_cnt) == 1;
}

void __real_pb_bio_put(struct pb_bio *bio);
void __wrap_pb_bio_put(struct pb_bio *bio);

void __wrap_pb_bio_put(struct pb_bio *bio)
{
	if (in_work) {
		puts++;
		stress_count(PUT_BY_WORK);
		if (is_last(bio))
			stress_count(LAST_BY_WORK);
		if (puts % 8 == 1)
			sched_yield(); /* so that others meet the work */
	} else {
		stress_count(PUT_AT_ONCE);
	}
	__real_pb_bio_put(bio);
}

/* --- who does what is left --- */

static struct pb_work_struct *queued;
static int working;

/* There is one work, and it is not scheduled twice. */
static void queue_work(struct physbio_executor *executor,
		       struct pb_work_struct *work)
{
	if (__atomic_load_n(&working, __ATOMIC_ACQUIRE))
		stress_count(SCHEDULED_DURING);
	if (__atomic_exchange_n(&queued, work, __ATOMIC_ACQ_REL))
		stress_die("work was queued twice", 0);
}

static struct physbio_executor executor = { queue_work };

static bool work_some(void)
{
	struct pb_work_struct *work =
		__atomic_exchange_n(&queued, NULL, __ATOMIC_ACQ_REL);

	if (!work)
		return false;
	puts = 0;
	__atomic_store_n(&working, 1, __ATOMIC_RELEASE);
	physbio_work_run(work);
	__atomic_store_n(&working, 0, __ATOMIC_RELEASE);
	if (puts > 1)
		stress_count(MANY_AT_ONCE);
	return true;
}

static void worker(struct stress_role *role)
{
	in_work = true;
	while (!stress_stopped(role))
		if (!work_some() || stress_random(role) % 4 == 0)
			sched_yield();
	while (work_some())
		;
}

/* --- who submits --- */

/* Claimed by exchange: NULL is free, or with a completer. */
static struct pb_bio **reads;
static unsigned int nr_reads;

static bool read_add(struct pb_bio *bio, struct stress_role *role)
{
	unsigned int page = (unsigned int)stress_random(role) % NR_PAGES;
	unsigned int nr = 1 + (unsigned int)stress_random(role) % 6;
	pb_phys_addr_t at = START + page * PG;
	int err = physbio_mem_pin(mem, at, nr * PG);

	if (!err) {
		if (!pb_bio_add_phys(bio, at, nr * (unsigned int)PG))
			stress_die("no room for an entry", bio->bi_vcnt);
		return true;
	}
	if (err != -EFAULT || page + nr <= NR_PAGES)
		stress_die("pin", err);
	return false;
}

/* A reference is kept of every other one, which ends with the completion at times. */
static struct pb_bio *read_make(struct stress_role *role)
{
	struct pb_bio *bio = pb_bio_alloc_bioset(NULL, MAX_VECS, PB_REQ_OP_READ,
						 PB_GFP_KERNEL, &bs);
	unsigned int nr = 1 + (unsigned int)stress_random(role) % MAX_VECS;

	if (!bio)
		stress_die("no bio", 0);
	bio->bi_end_io = pb_bio_check_pages_dirty;
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	while (nr--)
		if (!read_add(bio, role)) {
			pb_bio_release_pages(bio, false);
			__real_pb_bio_put(bio);
			stress_count(REFUSED);
			return NULL;
		}
	if (stress_random(role) % 2)
		pb_bio_get(bio);
	return bio;
}

static void submitter(struct stress_role *role)
{
	struct pb_bio *bio = NULL, *none;

	while (!stress_stopped(role) || bio) {
		none = NULL;
		if (!bio) {
			bio = read_make(role);
			if (!bio)
				continue;
			pb_bio_set_pages_dirty(bio);
			stress_count(SUBMITTED);
		}
		if (__atomic_compare_exchange_n(
			    &reads[stress_random(role) % nr_reads], &none, bio,
			    false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			bio = NULL;
		else
			sched_yield();
	}
}

/* --- who writes back --- */

static void folio_save(struct pb_folio *folio, unsigned int first)
{
	unsigned int i, nr = 1u << folio->page.order;

	for (i = first; i < first + nr; i++)
		__atomic_store_n(&saved[i],
				 __atomic_load_n(&data[i], __ATOMIC_SEQ_CST),
				 __ATOMIC_RELAXED);
}

static bool folio_test_clear_dirty(struct pb_folio *folio)
{
	return __atomic_fetch_and(&folio->page.flags,
				  ~(unsigned long)PB_PG_dirty,
				  __ATOMIC_SEQ_CST) &
	       PB_PG_dirty;
}

static void cleaner(struct stress_role *role)
{
	while (!stress_stopped(role)) {
		unsigned int i = (unsigned int)stress_random(role) % NR_PAGES;
		struct pb_page *page = page_at(i);
		struct pb_folio *folio = page_folio(page);

		folio_lock(folio);
		if (folio_test_clear_dirty(folio)) {
			folio_save(folio, i - (unsigned int)folio_page_idx(
						      folio, page));
			stress_count(CLEANED);
			if (atomic_read(&folio->page.refcount))
				stress_count(CLEANED_IN_FLIGHT);
		}
		folio_unlock(folio);
		if (stress_random(role) % 4 == 0)
			sched_yield();
	}
}

/* --- who completes --- */

static void device_writes(const struct pb_bio *bio)
{
	unsigned int i, at, nr;

	for (i = 0; i < bio->bi_vcnt; i++) {
		at = index_of(&bio->bi_io_vec[i]);
		for (nr = bio->bi_io_vec[i].bv_len / (unsigned int)PG; nr; nr--)
			__atomic_fetch_add(&data[at++], 1, __ATOMIC_SEQ_CST);
	}
}

static void read_complete(struct pb_bio *bio, struct stress_role *role)
{
	bool kept = pb_bio_flagged(bio, PB_BIO_REFFED);

	device_writes(bio);
	if (stress_random(role) % 8 == 0)
		sched_yield();
	pb_bio_endio(bio);
	stress_count(COMPLETED);
	if (!kept)
		return;
	if (stress_random(role) % 2)
		sched_yield();
	if (is_last(bio))
		stress_count(LAST_ELSEWHERE);
	__real_pb_bio_put(bio);
}

static bool complete_some(struct stress_role *role, unsigned int from,
			  unsigned int nr)
{
	bool any = false;

	for (; nr; nr--, from++) {
		struct pb_bio *bio = __atomic_exchange_n(
			&reads[from % nr_reads], NULL, __ATOMIC_ACQUIRE);

		if (!bio)
			continue;
		read_complete(bio, role);
		any = true;
	}
	return any;
}

static void completer(struct stress_role *role)
{
	while (!stress_stopped(role)) {
		complete_some(role, (unsigned int)stress_random(role), 8);
		sched_yield();
	}
	while (complete_some(role, 0, nr_reads))
		;
}

/* --- the run --- */

enum kind {
	SUBMIT,
	CLEAN,
	COMPLETE,
	WORK,
	NR_KINDS
};

static const struct stress_kind kinds[NR_KINDS] = {
	[SUBMIT] = { submitter, false },
	[CLEAN] = { cleaner, false },
	[COMPLETE] = { completer, false },
	[WORK] = { worker, true },
};

static const struct stress stress = {
	.name = "stress_dirty",
	.counts = count_names,
	.nr_counts = NR_COUNTS,
	.nr_ops = NR_OPS,
	.kinds = kinds,
	.nr_kinds = NR_KINDS,
};

static void set_up(void)
{
	static const struct physbio_mem_range ram = { START, NR_PAGES * PG,
						      PHYSBIO_MEM_RAM_EMPTY, -1,
						      NULL };
	unsigned int i;

	stress_check(physbio_mem_create(&ram, 1, &mem, NULL), "map");
	for (i = 0; i < NR_PAGES; i += 16)
		stress_check(physbio_mem_make_folio(mem, START + i * PG, 2),
			     "folio");
	stress_check(pb_bioset_init(&bs, 4, 0, 0), "bio set");
	nr_reads = stress_threads(SUBMIT) * READS;
	reads = calloc(nr_reads, sizeof(reads[0]));
	if (!reads)
		stress_die("no memory", 0);
	physbio_set_executor(&executor);
}

static void balance(void)
{
	struct physbio_error error;
	unsigned int i;

	if (physbio_mem_underflows(&error))
		stress_die(error.message, error.err);
	for (i = 0; i < NR_PAGES; i++) {
		struct pb_folio *folio = page_folio(page_at(i));

		if (atomic_read(&folio->page.refcount))
			stress_die("pins are left on page", i);
		if (!folio_test_dirty(folio) && saved[i] != data[i])
			stress_die("what was read is lost of page", i);
	}
	if (stress_counted(PUT_AT_ONCE) + stress_counted(PUT_BY_WORK) !=
	    stress_counted(SUBMITTED))
		stress_die("a read did not end once", 0);
}

int main(int argc, char **argv)
{
	int failed;

	stress_start(&stress, argc, argv);
	set_up();
	stress_run();
	physbio_set_executor(NULL);
	balance();
	failed = stress_report();
	free(reads);
	pb_bioset_exit(&bs);
	physbio_mem_destroy(mem);
	return failed;
}
