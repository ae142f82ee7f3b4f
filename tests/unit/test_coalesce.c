// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An array of vectors becomes segments: as a request's would, and by every unit alike. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <physbio/coalesce.h>
#include <physbio/dma.h>

#define NR_UNITS 3u /* of enum physbio_simd */

#define MOST 300u

static struct pb_bio_vec table[MOST];
static struct pb_phys_vec segs[MOST * 4];

static uint64_t seed, random_state;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 8;
}

static uint32_t random_below(uint32_t n)
{
	return (uint32_t)(random_u64() % n);
}

static int random_up(void **state)
{
	const char *given = getenv("PHYSBIO_SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	random_state = seed * 2 + 1;
	print_message("PHYSBIO_SEED=%llu\n", (unsigned long long)seed);
	return mem_up(state);
}

/* --- cases that can be read --- */

struct coalesce_case {
	const char *name;
	struct pb_queue_limits lim;
	struct range in[6];
	struct range out[6];
};

static void check_case(const struct coalesce_case *c)
{
	struct pb_queue_limits lim = c->lim;
	struct physbio_coalesce_pos pos = { 0, 0 };
	uint32_t nr = 0;
	int i, n;

	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	for (i = 0; i < 6 && (c->in[i].len || c->in[i].at); i++)
		pb_bvec_set_phys(&table[nr++], RAM_START + c->in[i].at,
				 c->in[i].len);
	n = physbio_coalesce(&lim, table, nr, &pos, segs, MOST);
	for (i = 0; i < n; i++)
		if (i >= 6 || segs[i].paddr != RAM_START + c->out[i].at ||
		    segs[i].len != c->out[i].len)
			fail_msg(
				"%s: segment %d is 0x%llx+0x%x", c->name, i,
				(unsigned long long)(segs[i].paddr - RAM_START),
				segs[i].len);
	if (n < 0 || (n < 6 && c->out[n].len))
		fail_msg("%s: only %d segments", c->name, n);
	assert_int_equal(pos.idx, nr);
	assert_int_equal(pos.done, 0);
}

static void vectors_that_touch_are_one_segment(void **state)
{
	const struct coalesce_case cases[] = {
		{ "none", { 0 }, { { 0, 0 } }, { { 0, 0 } } },
		{ "one", { 0 }, { { 512, 512 } }, { { 512, 512 } } },
		{ "two apart",
		  { 0 },
		  { { 0, 512 }, { 1024, 512 } },
		  { { 0, 512 }, { 1024, 512 } } },
		{ "two that touch, and one that does not",
		  { 0 },
		  { { 0, 512 }, { 512, 512 }, { 0, 512 } },
		  { { 0, 1024 }, { 0, 512 } } },
		{ "in front of the other",
		  { 0 },
		  { { 512, 512 }, { 0, 512 } },
		  { { 512, 512 }, { 0, 512 } } },
		{ "up to the segment size",
		  { .max_segment_size = 4096 },
		  { { 0, 2048 }, { 2048, 2048 }, { 4096, 512 } },
		  { { 0, 4096 }, { 4096, 512 } } },
		{ "not if the whole does not fit",
		  { .max_segment_size = 4096 },
		  { { 0, 2048 }, { 2048, 2049 }, { 4097, 2047 } },
		  { { 0, 2048 }, { 2048, 4096 } } },
		{ "cut to the segment size; the rest goes on",
		  { .max_segment_size = 4096 },
		  { { 512, 9216 }, { 9728, 512 } },
		  { { 512, 4096 }, { 4608, 4096 }, { 8704, 1536 } } },
		{ "cut at the boundary",
		  { .seg_boundary_mask = 8191 },
		  { { 4096, 12288 } },
		  { { 4096, 4096 }, { 8192, 8192 } } },
		{ "parted at the boundary",
		  { .seg_boundary_mask = 8191 },
		  { { 4096, 4096 }, { 8192, 512 } },
		  { { 4096, 4096 }, { 8192, 512 } } },
		{ "over an empty one",
		  { 0 },
		  { { 0, 512 }, { 4096, 0 }, { 512, 512 }, { 8192, 0 } },
		  { { 0, 1024 } } },
		{ "behind an empty one",
		  { 0 },
		  { { 4096, 0 }, { 4096, 512 }, { 8192, 0 }, { 512, 512 } },
		  { { 4096, 512 }, { 512, 512 } } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(&cases[i]);
}

static void what_is_no_limit_or_no_position_is_refused(void **state)
{
	const struct {
		const char *name;
		uint64_t mask;
		uint32_t size;
		struct physbio_coalesce_pos pos;
	} cases[] = {
		{ "no segment size", 4095, 0, { 0, 0 } },
		{ "no boundary", 0, 4096, { 0, 0 } },
		{ "a boundary with holes", 0x10fff, 4096, { 0, 0 } },
		{ "a boundary without the lowest bit", 0xfffe, 4096, { 0, 0 } },
		{ "behind the array", 4095, 4096, { 21, 0 } },
		{ "in what is behind the array", 4095, 4096, { 20, 1 } },
		{ "behind the vector", 4095, 4096, { 19, 512 } },
	};
	unsigned int i;

	for (i = 0; i < 20; i++)
		pb_bvec_set_phys(&table[i], RAM_START, 512);
	for (i = 0; i < ARRAY_SIZE(cases) * NR_UNITS; i++) {
		struct pb_queue_limits lim = {
			.seg_boundary_mask = cases[i / NR_UNITS].mask,
			.max_segment_size = cases[i / NR_UNITS].size,
		};
		struct physbio_coalesce_pos pos = cases[i / NR_UNITS].pos;
		physbio_coalesce_fn *fn;

		fn = physbio_coalesce_by((enum physbio_simd)(i % NR_UNITS));
		if (!fn)
			continue;
		segs[0].len = 0x55;
		if (fn(&lim, table, 20, &pos, segs, MOST) != -EINVAL)
			fail_msg("%s, unit %u", cases[i / NR_UNITS].name,
				 i % NR_UNITS);
		assert_memory_equal(&pos, &cases[i / NR_UNITS].pos,
				    sizeof(pos));
		assert_int_equal(segs[0].len, 0x55);
	}
}

static void a_walk_goes_on_where_it_ended(void **state)
{
	const struct pb_queue_limits lim = { .seg_boundary_mask = UINT32_MAX,
					     .max_segment_size = 4096 };
	struct physbio_coalesce_pos pos = { 0, 0 };

	pb_bvec_set_phys(&table[0], RAM_START, 4096 + 512);
	pb_bvec_set_phys(&table[1], RAM_START + 4096 + 512, 512);
	assert_int_equal(physbio_coalesce(&lim, table, 2, &pos, segs, 0), 0);
	assert_int_equal(physbio_coalesce(&lim, table, 2, &pos, segs, 1), 1);
	assert_int_equal(pos.idx, 0);
	assert_int_equal(pos.done, 4096);
	assert_int_equal(physbio_coalesce(&lim, table, 2, &pos, segs, 1), 1);
	assert_true(segs[0].paddr == RAM_START + 4096);
	assert_int_equal(segs[0].len, 1024);
	assert_int_equal(pos.idx, 2);
	assert_int_equal(physbio_coalesce(&lim, table, 2, &pos, segs, 1), 0);
}

static void there_is_a_function_for_some_units(void **state)
{
	assert_true(physbio_coalesce_by(PHYSBIO_SIMD_NONE) == physbio_coalesce);
	assert_true(physbio_coalesce_by((enum physbio_simd)NR_UNITS) == NULL);
}

/* --- random arrays --- */

/* How an array is made: what it is of, and how. */
struct kind {
	pb_phys_addr_t start; /* all of it is behind this */
	uint64_t size;
	uint32_t touching; /* of 16 vectors, so many touch the one before */
	uint32_t empty; /* of 64, so many are empty */
	uint32_t longest;
	uint32_t unit; /* of lengths */
	uint32_t garbage; /* behind lengths */
};

static void fill(const struct kind *k, uint32_t nr)
{
	uint64_t end = k->size;
	uint32_t i, len;
	size_t b;

	for (i = 0; i < nr; i++) {
		len = (1 + random_below(k->longest / k->unit)) * k->unit;
		if (random_below(64) < k->empty)
			len = 0;
		if (random_below(16) >= k->touching ||
		    end + len + !len > k->size)
			end = random_u64() % (k->size - len) / k->unit *
			      k->unit;
		pb_bvec_set_phys(&table[i], k->start + (pb_phys_addr_t)end,
				 len);
		for (b = 12; k->garbage && b < sizeof(table[i]); b++)
			((unsigned char *)&table[i])[b] = 0xa5;
		end += len;
	}
}

/* Sizes of segments, and windows, from a page up to none. */
static struct pb_queue_limits random_limits(void)
{
	struct pb_queue_limits lim = { .max_segments = UINT16_MAX };

	if (random_below(2))
		lim.seg_boundary_mask =
			(UINT64_C(1) << (12 + random_below(53 - 1))) - 1;
	if (random_below(4) == 0)
		lim.seg_boundary_mask = UINT64_MAX;
	lim.max_segment_size = 4096 + random_below(1 << (6 + random_below(18)));
	if (random_below(4) == 0)
		lim.max_segment_size = UINT32_MAX - random_below(3);
	if (random_below(8) == 0) {
		lim.virt_boundary_mask = 4095;
		lim.max_segment_size = 2048 + random_below(5000);
	}
	assert_int_equal(pb_blk_validate_limits(&lim), 0);
	return lim;
}

/* Bytes that a segment from @at on may have, found from the outside. */
static uint64_t room_at(const struct pb_queue_limits *lim, uint64_t at)
{
	uint64_t last = at | lim->seg_boundary_mask; /* of the window */

	if (last - at >= lim->max_segment_size)
		return lim->max_segment_size;
	return last - at + 1;
}

/* Slow and obvious: pieces are put on a list and joined there. */
static int model(const struct pb_queue_limits *lim, uint32_t nr,
		 struct pb_phys_vec *out)
{
	uint32_t i, n = 0;

	for (i = 0; i < nr; i++) {
		uint64_t at = pb_bvec_addr_bits(pb_bvec_addr(&table[i]));
		uint64_t len = table[i].bv_len;

		if (!len)
			continue;
		if (n && out[n - 1].paddr + out[n - 1].len == at &&
		    out[n - 1].len + len <= room_at(lim, out[n - 1].paddr)) {
			out[n - 1].len += (uint32_t)len;
			continue;
		}
		while (len) {
			uint64_t piece = room_at(lim, at);

			if (piece > len)
				piece = len;
			out[n].paddr = (pb_phys_addr_t)at;
			out[n++].len = (uint32_t)piece;
			at += piece;
			len -= piece;
		}
	}
	return (int)n;
}

static struct pb_phys_vec want[MOST * 64];
static struct pb_phys_vec got[MOST * 64];

static void same_segments(const char *name, int n, int nr_want)
{
	int i;

	if (n != nr_want)
		fail_msg("%s: %d segments, not %d", name, n, nr_want);
	for (i = 0; i < n; i++)
		if (got[i].paddr != want[i].paddr || got[i].len != want[i].len)
			fail_msg(
				"%s: segment %d of %d: 0x%llx+0x%x, not 0x%llx+0x%x",
				name, i, n, (unsigned long long)got[i].paddr,
				got[i].len, (unsigned long long)want[i].paddr,
				want[i].len);
}

static const struct kind ram_kinds[] = {
	{ RAM_START, RAM_PAGES *PG, 8, 0, 8192, 512, 0 },
	{ RAM_START, RAM_PAGES *PG, 15, 0, 20000, 1, 0 },
	{ RAM_START, RAM_PAGES *PG, 16, 0, 4096, 4096, 0 },
	{ RAM_START, RAM_PAGES *PG, 0, 0, 4096, 4096, 0 },
	{ RAM_START, RAM_PAGES *PG, 12, 0, 100000, 1, 0 },
};

static void segments_are_those_of_a_request(void **state)
{
	struct test_queue tq;
	struct pb_queue_limits lim;
	uint32_t run, i, nr;

	for (run = 0; run < 2000; run++) {
		const struct kind *k = &ram_kinds[run % ARRAY_SIZE(ram_kinds)];
		struct physbio_coalesce_pos pos = { 0, 0 };
		struct pb_bio bio;
		struct pb_request rq;
		struct pb_blk_map_iter iter;
		int n = 0;

		lim = random_limits();
		lim.max_hw_sectors = 1 << 20;
		nr = 1 + random_below(PB_BIO_MAX_VECS);
		fill(k, nr);
		test_queue_up(&tq, &lim, 1);
		memset(&rq, 0, sizeof(rq));
		pb_bio_init(&bio, NULL, table, (uint16_t)nr, PB_REQ_OP_READ);
		bio.bi_vcnt = (uint16_t)nr;
		for (i = 0; i < nr; i++)
			bio.bi_iter.bi_size += (uint32_t)table[i].bv_len;
		rq.q = tq.q;
		rq.bio = rq.biotail = &bio;
		pb_blk_map_iter_init(&rq, &iter);
		while (pb_blk_map_iter_next(&rq, &iter, &want[n]))
			n++;
		same_segments("a request",
			      physbio_coalesce(pb_queue_limits(tq.q), table, nr,
					       &pos, got, MOST * 64),
			      n);
		assert_int_equal(pos.idx, nr);
		test_queue_down(&tq);
	}
}

static void segments_are_those_of_the_model(void **state)
{
	uint32_t run, nr;

	for (run = 0; run < 20000; run++) {
		struct kind k = ram_kinds[run % ARRAY_SIZE(ram_kinds)];
		struct pb_queue_limits lim = random_limits();
		struct physbio_coalesce_pos pos = { 0, 0 };

		k.empty = random_below(3) * 4;
		nr = random_below(64);
		fill(&k, nr);
		same_segments("the model",
			      physbio_coalesce(&lim, table, nr, &pos, got,
					       MOST * 64),
			      model(&lim, nr, want));
		assert_int_equal(pos.idx, nr);
	}
}

/* --- vector units --- */

#define CANARY 0x55aa55aau

/* In parts, as there is room: from none up. */
static void agree(const char *name, physbio_coalesce_fn *fn,
		  const struct pb_queue_limits *lim, uint32_t nr)
{
	struct physbio_coalesce_pos pos = { 0, 0 }, slow;
	struct pb_bio_vec *copy = malloc(nr * sizeof(*copy) + !nr);
	uint32_t room;
	int n;

	/* nothing behind it may be read */
	assert_non_null(copy);
	memcpy(copy, table, nr * sizeof(*copy));
	pos.idx = random_below(4) ? 0 : random_below(nr + 1);
	do {
		room = random_below(2) ? MOST * 64 - 1 : random_below(40);
		slow = pos;
		n = physbio_coalesce(lim, copy, nr, &slow, want, room);
		got[room].len = CANARY;
		same_segments(name, fn(lim, copy, nr, &pos, got, room), n);
		assert_int_equal(got[room].len, CANARY);
		if (memcmp(&pos, &slow, sizeof(pos)))
			fail_msg("%s: at %u+0x%x, not %u+0x%x", name, pos.idx,
				 pos.done, slow.idx, slow.done);
	} while (pos.idx < nr);
	free(copy);
}

static void agree_on(const struct kind *kinds, unsigned int nr_kinds,
		     unsigned int unit, physbio_coalesce_fn *fn)
{
	uint32_t run, nr;
	char name[64];

	for (run = 0; run < 40000; run++) {
		struct kind k = kinds[run % nr_kinds];
		struct pb_queue_limits lim = random_limits();

		/* what is long is not cut small */
		if (k.longest > 200000)
			lim.max_segment_size |= 1u << 31;
		if (k.longest > 200000)
			lim.seg_boundary_mask |= UINT32_MAX;
		if (k.empty && random_below(2))
			k.empty = 0;
		nr = random_below(random_below(8) ? 80 : MOST);
		fill(&k, nr);
		snprintf(name, sizeof(name), "unit %u, run %u", unit, run);
		agree(name, fn, &lim, nr);
	}
}

static void units_agree(const struct kind *kinds, unsigned int nr_kinds)
{
	unsigned int i;

	for (i = 0; i < NR_UNITS; i++) {
		physbio_coalesce_fn *fn =
			physbio_coalesce_by((enum physbio_simd)i);

		if (fn)
			agree_on(kinds, nr_kinds, i, fn);
	}
}

static void all_units_agree(void **state)
{
	units_agree(ram_kinds, ARRAY_SIZE(ram_kinds));
}

#if !defined(PB_REPR_PAGE) && \
	(!defined(PB_PHYS_ADDR_BITS) || PB_PHYS_ADDR_BITS == 64)
/* Addresses that no page has, lengths up to 4 GiB, empty vectors, and garbage. */
static void all_units_agree_on_what_is_rare(void **state)
{
	const struct kind kinds[] = {
		{ 1 << 30, UINT64_C(1) << 45, 8, 0, UINT32_MAX, 1, 0 },
		{ 1 << 30, UINT64_C(1) << 45, 14, 2, UINT32_MAX, 4096, 0 },
		{ 0 - (UINT64_C(1) << 36), UINT64_C(1) << 36, 15, 0, UINT32_MAX,
		  4096, 0 },
		{ 0, 1 << 20, 15, 1, 4096, 512, 0 },
		{ 0, 1 << 20, 8, 8, 512, 512, 0 },
		{ 1 << 30, 1 << 20, 10, 32, 512, 512, 0 },
		{ 1 << 30, 1 << 30, 12, 0, 4096, 4096, 1 },
	};
	/* The last kind has a place for garbage in a vector of 16 bytes alone. */
	units_agree(kinds,
		    ARRAY_SIZE(kinds) - (sizeof(table[0]) != 16 ||
					 sizeof(0u + table[0].bv_len) != 4));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_that_touch_are_one_segment),
		cmocka_unit_test(what_is_no_limit_or_no_position_is_refused),
		cmocka_unit_test(a_walk_goes_on_where_it_ended),
		cmocka_unit_test(there_is_a_function_for_some_units),
		cmocka_unit_test(segments_are_those_of_a_request),
		cmocka_unit_test(segments_are_those_of_the_model),
		cmocka_unit_test(all_units_agree),
#if !defined(PB_REPR_PAGE) && \
	(!defined(PB_PHYS_ADDR_BITS) || PB_PHYS_ADDR_BITS == 64)
		cmocka_unit_test(all_units_agree_on_what_is_rare),
#endif
	};

	return cmocka_run_group_tests(tests, random_up, mem_down);
}
