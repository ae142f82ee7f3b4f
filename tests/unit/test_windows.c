// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The translator by windows against a walk over the table: at every border, in layouts
 * regular and not, range by range and in batches, by one thread and by several.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include <physbio/xlate.h>

#define MOST 1100

static struct physbio_window table[MOST];
static uint64_t index_mem[PHYSBIO_WINDOW_INDEX_BYTES(MOST) / 8 + 8];
static struct physbio_xlate x;
static const struct pb_device dev = { .xlate = &x, .dma_mask = UINT64_MAX };

static const struct physbio_window windows[] = {
	{ .start = 0x1000, .size = 0x1000, .bus = 0x80001000 },
	{ .start = 0x2000, .size = 0x2000, .bus = 0x10000 }, /* touches */
	{ .start = 0x8000, .size = 0x1000, .bus = 0x8000 },
};

static int init(const struct physbio_window *w, uint32_t nr)
{
	return physbio_xlate_init_windows(&x, w, nr, index_mem);
}

static pb_dma_addr_t map_attrs(pb_phys_addr_t paddr, uint64_t len,
			       unsigned long attrs)
{
	return pb_dma_map_phys(&dev, paddr, len, PB_DMA_TO_DEVICE, attrs);
}

static pb_dma_addr_t map(pb_phys_addr_t paddr, uint64_t len)
{
	return map_attrs(paddr, len, 0);
}

static bool fails(pb_phys_addr_t paddr, uint64_t len)
{
	return pb_dma_mapping_error(&dev, map(paddr, len));
}

static void an_address_goes_through_its_window(void **state)
{
	static const struct {
		uint32_t paddr, len;
		int err;
		uint64_t bus;
	} cases[] = {
		{ 0x1000, 0x1000, 0, 0x80001000 },
		{ 0x1fff, 1, 0, 0x80001fff },
		{ 0x2000, 1, 0, 0x10000 },
		{ 0x3fff, 1, 0, 0x11fff },
		{ 0x8800, 0x800, 0, 0x8800 },
		{ 0x0fff, 1, -EIO, 0 }, /* before the first */
		{ 0x4000, 1, -EIO, 0 }, /* between two */
		{ 0x9000, 1, -EIO, 0 }, /* behind the last */
		{ 0x1fff, 2, -EIO,
		  0 }, /* over a border, though both are there */
	};
	unsigned int i;

	assert_int_equal(init(windows, ARRAY_SIZE(windows)), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pb_dma_addr_t addr = map(cases[i].paddr, cases[i].len);

		assert_int_equal(!!pb_dma_mapping_error(&dev, addr),
				 !!cases[i].err);
		if (!cases[i].err)
			assert_true(physbio_dma_value(addr) == cases[i].bus);
	}
}

static void tables_that_contradict_themselves_are_refused(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)-0x1000;
	const struct physbio_window cases[][2] = {
		{ { 0x1000, 0, 0 }, { 0x8000, 0x1000, 0 } }, /* empty */
		{ { 0x1000, 0x1001, 0 }, { 0x2000, 0x1000, 0x8000 } },
		{ { 0x2000, 0x1000, 0 }, { 0x1000, 0x1000, 0x8000 } },
		{ { 0x1000, 0x1000, 0 }, { 0x1000, 0x1000, 0x8000 } },
		{ { 0x1000, 0x1000, 0 }, { top, 0x1001, 0x8000 } }, /* wraps */
		{ { 0x1000, 0x1000, 0 },
		  { 0x8000, 0x1001, UINT64_MAX - 0xfff } },
	};
	struct physbio_xlate before;
	unsigned int i;

	assert_int_equal(init(windows, ARRAY_SIZE(windows)), 0);
	before = x;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(init(cases[i], 2), -EINVAL);
		assert_memory_equal(&x, &before, sizeof(x));
		assert_true(physbio_dma_value(map(0x3fff, 1)) == 0x11fff);
	}
}

/* None of them is looked at. */
static void more_windows_than_can_be_counted_are_refused(void **state)
{
	struct physbio_xlate before;

	assert_int_equal(init(windows, ARRAY_SIZE(windows)), 0);
	before = x;
	assert_int_equal(init(NULL, PHYSBIO_MAX_WINDOWS + 1), -EINVAL);
	assert_int_equal(init(NULL, UINT32_MAX), -EINVAL);
	assert_memory_equal(&x, &before, sizeof(x));
}

static void a_window_may_end_at_the_top(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)-0x1000;
	const struct physbio_window last = { top, 0x1000, UINT64_MAX - 0xfff };

	assert_int_equal(init(&last, 1), 0);
	assert_true(physbio_dma_value(map(top, 0x1000)) == UINT64_MAX - 0xfff);
	assert_true(fails(top, 0x1001));
	assert_true(fails(top - 1, 1));
	assert_true(fails(0, 1));
}

static void an_empty_table_reaches_nothing(void **state)
{
	struct pb_phys_vec vecs[4];
	pb_dma_addr_t addrs[4];
	unsigned int i;

	assert_int_equal(init(NULL, 0), 0);
	assert_true(fails(0, 1));
	assert_true(fails((pb_phys_addr_t)-1, 1));
	for (i = 0; i < 4; i++)
		vecs[i] = (struct pb_phys_vec){ .paddr = 0x1000, .len = 1 };
	assert_int_equal(physbio_xlate_map_batch(&dev, vecs, 4,
						 PB_DMA_TO_DEVICE, 0, addrs),
			 -EIO);
}

static const struct {
	struct physbio_window w[2];
	uint32_t nr;
	bool identity;
} identities[] = {
	{ { { 0, 0x10000, 0 } }, 1, true },
	{ { { 0, 0x8000, 0 }, { 0x8000, 0x8000, 0x8000 } }, 2, true },
	{ { { 0, 0x10000, 0x1000 } }, 1, false },
	{ { { 0x1000, 0xf000, 0x1000 } }, 1, false }, /* not below */
	{ { { 0, 0x8000, 0 }, { 0x9000, 0x7000, 0x9000 } }, 2, false },
	{ { { 0, 0x8000, 0 }, { 0x8000, 0x8000, 0x9000 } }, 2, false },
};

static void the_identity_needs_no_translator(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(identities); i++) {
		assert_int_equal(init(identities[i].w, identities[i].nr), 0);
		assert_int_equal(!x.ops->map_phys, identities[i].identity);
		assert_int_equal(!physbio_xlate_has_windows(&x),
				 identities[i].identity);
		if (identities[i].identity)
			assert_true(physbio_dma_value(map(0x7fff, 2)) ==
				    0x7fff);
	}
}

static int map_one_in_batch(pb_phys_addr_t paddr, uint32_t len)
{
	const struct pb_phys_vec vec = { .paddr = paddr, .len = len };
	pb_dma_addr_t addr;

	return physbio_xlate_map_batch(&dev, &vec, 1, PB_DMA_TO_DEVICE, 0,
				       &addr);
}

static void the_identity_ends_with_its_windows(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(identities); i++) {
		if (!identities[i].identity)
			continue;
		assert_int_equal(init(identities[i].w, identities[i].nr), 0);
		assert_false(fails(0xf000, 0x1000));
		assert_true(fails(0xf000, 0x1001));
		assert_true(fails(0x10000, 1));
		assert_int_equal(map_one_in_batch(0xf000, 0x1000), 0);
		assert_int_equal(map_one_in_batch(0xf000, 0x1001), -EIO);
	}
}

static void the_identity_may_have_no_end(void **state)
{
	const pb_phys_addr_t half = (pb_phys_addr_t)-1 / 2 + 1;
	const struct physbio_window all[] = { { 0, half, 0 },
					      { half, half, half } };

	assert_int_equal(init(all, 2), 0);
	assert_null(x.ops->map_phys);
	assert_false(fails((pb_phys_addr_t)-4096, 4096));
}

/* The policy of mainline: the CPU's address, whatever the windows. */
static void a_peers_memory_may_pass_the_windows_by(void **state)
{
	static const struct physbio_window tables[][2] = {
		{ { 0, 0x10000, 0 } },
		{ { 0x1000, 0x1000, 0x5000 }, { 0x4000, 0x1000, 0x9000 } },
	};
	struct pb_phys_vec vecs[] = { { .paddr = 0x1000, .len = 1 },
				      { .paddr = 0x20000, .len = 1 } };
	pb_dma_addr_t addrs[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		assert_int_equal(init(tables[i], i + 1), 0);
		assert_true(pb_dma_mapping_error(
			&dev, map_attrs(0x20000, 1, PB_DMA_ATTR_MMIO)));
		x.mmio_identity = true;
		assert_true(fails(0x20000, 1));
		assert_true(physbio_dma_value(map_attrs(
				    0x20000, 1, PB_DMA_ATTR_MMIO)) == 0x20000);
		assert_int_equal(
			physbio_xlate_map_batch(&dev, vecs, 2, PB_DMA_TO_DEVICE,
						PB_DMA_ATTR_MMIO, addrs),
			0);
		assert_true(physbio_dma_value(addrs[0]) == 0x1000);
		assert_true(physbio_dma_value(addrs[1]) == 0x20000);
	}
}

/* --- against a walk over the table --- */

static uint64_t random_u64(void)
{
	uint64_t r = 0;
	int i;

	for (i = 0; i < 5; i++)
		r = r << 15 ^ (uint64_t)(rand() & 0x7fff);
	return r;
}

/* Small windows in as many clusters as there are bits in @nr, far from each other. */
static void lay_out_clusters(uint32_t nr)
{
	const uint64_t space = (pb_phys_addr_t)-1 >> 1;
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		at += (i & (i - 1)) ? (uint64_t)rand() % 3 : space / 16;
		table[i].start = (pb_phys_addr_t)at;
		table[i].size = 1 + (uint64_t)rand() % 64;
		table[i].bus = random_u64() >> 2;
		at += table[i].size;
	}
}

/* Small windows, @crowd of them at each place, and the places far from each other. */
static void lay_out_crowds(uint32_t nr, uint32_t crowd)
{
	const uint64_t space = (pb_phys_addr_t)-1 >> 1;
	uint64_t at = 0, far = space / (nr / crowd + 2);
	uint32_t i;

	for (i = 0; i < nr; i++) {
		at += i % crowd ? (uint64_t)rand() % 3 :
				  far / 2 + random_u64() % (far / 4);
		table[i].start = (pb_phys_addr_t)at;
		table[i].size = 1 + (uint64_t)rand() % 64;
		table[i].bus = random_u64() >> 2;
		at += table[i].size;
	}
}

/* Each window larger than the one before it. */
static void lay_out_growing(uint32_t nr)
{
	const uint32_t bits = sizeof(pb_phys_addr_t) * 8 - 14;
	uint64_t at = random_u64() % 64;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		table[i].start = (pb_phys_addr_t)at;
		table[i].size =
			(UINT64_C(1) << ((uint64_t)i * bits / nr)) + i % 2;
		table[i].bus = random_u64() >> 2;
		at += table[i].size + rand() % 2;
	}
}

/* @nr windows in order; if not regular, sizes from a byte to a large part, and holes. */
static void lay_out(uint32_t nr, bool regular)
{
	const uint64_t space = (pb_phys_addr_t)-1 >> 1;
	uint64_t at = random_u64() % (space / 4), share;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		share = (space - at) / (nr - i + 1) + 1;
		if (!regular && rand() % 2)
			at += share / 2 >> rand() % 20;
		table[i].start = (pb_phys_addr_t)at;
		table[i].size = regular ? space / 2 / nr :
					  (share / 2 >> rand() % 30) + 1;
		table[i].bus = random_u64() >> 2;
		at += table[i].size;
	}
}

/* What the address is on the bus by the table, or PB_DMA_MAPPING_ERROR. */
static pb_dma_addr_t walk(uint32_t nr, uint64_t paddr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (paddr >= table[i].start &&
		    paddr - table[i].start < table[i].size &&
		    len <= table[i].size - (paddr - table[i].start))
			return physbio_dma_make(table[i].bus + paddr -
						table[i].start);
	return PB_DMA_MAPPING_ERROR;
}

static void check(uint32_t nr, uint64_t paddr, uint64_t len)
{
	pb_phys_addr_t phys = (pb_phys_addr_t)paddr;
	pb_dma_addr_t want = walk(nr, phys, len);

	if (map(phys, len) != want ||
	    physbio_windows_map(&x, phys, len) != want ||
	    physbio_windows_search(&x, phys, len) != want)
		fail_msg("%u windows: 0x%llx + 0x%llx", nr,
			 (unsigned long long)phys, (unsigned long long)len);
}

/* The bytes around both ends, and ranges that end at, and one byte behind, the end. */
static void check_borders(uint32_t nr, const struct physbio_window *w)
{
	uint64_t end = w->start + w->size;

	check(nr, w->start - (uint64_t)1, 1);
	check(nr, w->start - (uint64_t)1, 2);
	check(nr, w->start, 1);
	check(nr, w->start, w->size);
	check(nr, w->start, w->size + 1);
	check(nr, w->start, UINT64_MAX);
	check(nr, end - 1, 1);
	check(nr, end - 1, 2);
	check(nr, end, 1);
}

/* The index begins anywhere in a cache line, and stays in its bytes. */
static void init_in_bounds(uint32_t nr)
{
	uint64_t *index = index_mem + rand() % 8;
	uint64_t *end = index + PHYSBIO_WINDOW_INDEX_BYTES(nr) / 8;

	memset(index_mem, 0xa5, sizeof(index_mem));
	assert_int_equal(physbio_xlate_init_windows(&x, table, nr, index), 0);
	for (; end < index_mem + ARRAY_SIZE(index_mem); end++)
		assert_true(*end == UINT64_C(0xa5a5a5a5a5a5a5a5));
}

static void check_layout(uint32_t nr)
{
	uint32_t i;

	init_in_bounds(nr);
	for (i = 0; i < nr; i++)
		check_borders(nr, &table[i]);
	for (i = 0; i < nr; i++)
		check_borders(nr, &table[(uint32_t)rand() % nr]);
	for (i = 0; i < 200; i++)
		check(nr, random_u64(), 1 + (random_u64() >> rand() % 64));
	check(nr, 0, 1);
	check(nr, UINT64_MAX, 1);
}

static void every_layout_is_as_a_walk_has_it(void **state)
{
	static const uint32_t sizes[] = { 1,   2,   3,	 4,   5,   7,  8,
					  9,   15,  16,	 17,  32,  33, 34,
					  100, 255, 256, 257, MOST };
	unsigned int seed = 11, i, round;

	print_message("seed %u\n", seed);
	srand(seed);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (round = 0; round < 4; round++) {
			lay_out(sizes[i], round % 2);
			check_layout(sizes[i]);
			lay_out_clusters(sizes[i]);
			check_layout(sizes[i]);
			lay_out_crowds(sizes[i],
				       (sizes[i] + 1) / 2 + round % 2);
			check_layout(sizes[i]);
			lay_out_crowds(sizes[i], 1 + (uint32_t)rand() % 64);
			check_layout(sizes[i]);
			lay_out_growing(sizes[i]);
			check_layout(sizes[i]);
		}
}

/* --- batches --- */

#define BATCH 64

/* In runs, or in any order, of @few windows or of all. */
static void random_batch(struct pb_phys_vec *vecs, uint32_t nr)
{
	uint32_t few = rand() % 2 ? nr : 1 + (uint32_t)rand() % 5;
	int run = rand() % 2 ? 8 : 1;
	const struct physbio_window *w = table;
	uint32_t i;

	/* What stands behind a length is nobody's. */
	memset(vecs, rand() % 256, BATCH * sizeof(*vecs));
	for (i = 0; i < BATCH; i++) {
		if (rand() % run == 0)
			w = &table[(uint32_t)rand() % few * 7 % nr];
		vecs[i].paddr =
			(pb_phys_addr_t)(w->start + random_u64() % w->size);
		vecs[i].len =
			1 + (uint32_t)(random_u64() >> (44 + rand() % 20));
		if (rand() % 512 == 0)
			vecs[i].paddr = (pb_phys_addr_t)random_u64();
	}
}

static int walk_batch(const struct pb_phys_vec *vecs, uint32_t n, uint32_t nr,
		      uint64_t mask, pb_dma_addr_t *want)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		want[i] = walk(nr, vecs[i].paddr, vecs[i].len);
		if (want[i] == PB_DMA_MAPPING_ERROR ||
		    physbio_dma_value(want[i]) + vecs[i].len - 1 > mask)
			return -EIO;
	}
	return 0;
}

static void lay_out_any(uint32_t nr)
{
	if (rand() % 4 == 0)
		lay_out_clusters(nr);
	else
		lay_out(nr, rand() % 2);
}

/* Every way through a batch that this machine has, from the portable one on. */
#define for_each_simd(simd)                                             \
	for ((simd) = PHYSBIO_SIMD_NONE; (simd) <= PHYSBIO_SIMD_AVX512; \
	     (simd)++)                                                  \
		if (!physbio_xlate_use_simd(&x, (enum physbio_simd)(simd)))

/* The same by every way, and not one byte behind its addresses. */
static void check_batch(const struct pb_device *client,
			const struct pb_phys_vec *vecs, uint32_t n, int err,
			const pb_dma_addr_t *want)
{
	pb_dma_addr_t got[BATCH + 1];
	int simd;

	for_each_simd(simd)
	{
		memset(got, 0x5a, sizeof(got));
		assert_int_equal(physbio_xlate_map_batch(client, vecs, n,
							 PB_DMA_TO_DEVICE, 0,
							 got),
				 err);
		if (!err)
			assert_memory_equal(got, want, n * sizeof(got[0]));
		assert_true(physbio_dma_value(got[n]) ==
			    UINT64_C(0x5a5a5a5a5a5a5a5a));
	}
}

static void a_batch_is_as_a_walk_has_it(void **state)
{
	struct pb_phys_vec vecs[BATCH];
	pb_dma_addr_t want[BATCH];
	unsigned int seed = 12, round, refused = 0;
	struct pb_device narrow = dev;

	print_message("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 4000; round++) {
		uint32_t nr = 1 + (uint32_t)rand() % 20;
		uint32_t n = (uint32_t)rand() % (rand() % 2 ? 18 : BATCH + 1);
		int err;

		lay_out_any(nr);
		assert_int_equal(init(table, nr), 0);
		narrow.dma_mask = UINT64_MAX >> rand() % 4;
		random_batch(vecs, nr);
		err = walk_batch(vecs, n, nr, narrow.dma_mask, want);
		check_batch(&narrow, vecs, n, err, want);
		refused += !!err;
	}
	/* Both must happen, or this tests nothing. */
	assert_in_range(refused, 100, 3900);
}

static void map_back_and_forth(const struct physbio_window *w, uint32_t nr)
{
	struct pb_phys_vec vecs[BATCH];
	pb_dma_addr_t want[BATCH];
	uint32_t i;

	for (i = 0; i < BATCH; i++) {
		uint64_t last = w[i % nr].size - 1;

		vecs[i].paddr = (pb_phys_addr_t)(w[i % nr].start + last);
		vecs[i].len = 1;
		want[i] = physbio_dma_make(w[i % nr].bus + last);
	}
	check_batch(&dev, vecs, BATCH, 0, want);
}

/* The last byte of all is one that a window's may be taken for. */
static void a_batch_comes_back_to_a_window(void **state)
{
	const pb_phys_addr_t top = (pb_phys_addr_t)-0x1000;
	const struct physbio_window w[] = {
		{ top, 0x1000, 0x5000 },
		{ 0x1000, 0x1000, 0x80001000 },
		{ 0x8000, 0x2000, 0x10000 },
		{ 0x4000, 0x1000, 0x8000 },
	};
	struct physbio_window sorted[] = { w[1], w[3], w[2], w[0] };
	uint32_t nr;

	for (nr = 1; nr <= ARRAY_SIZE(w); nr++) {
		assert_int_equal(init(sorted, ARRAY_SIZE(sorted)), 0);
		map_back_and_forth(w, nr);
	}
}

static void fill_in_windows(struct pb_phys_vec *vecs, pb_dma_addr_t *want,
			    uint32_t nr, uint32_t nr_windows)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		const struct physbio_window *w = &windows[i % nr_windows];

		vecs[i] = (struct pb_phys_vec){ .paddr = w->start, .len = 1 };
		want[i] = physbio_dma_make(w->bus);
	}
}

/* One in any place is over a border, or beside a window; its window is known or not. */
static void a_batch_minds_both_borders(void **state)
{
	static const struct {
		uint32_t paddr, len;
	} cases[] = {
		{ 0x0fff, 2 },		{ 0x0fff, 0x1001 },	{ 0x3fff, 2 },
		{ 0x7fff, 2 },		{ 0x8fff, 2 },		{ 0x9000, 1 },
		{ 0x1000, UINT32_MAX }, { 0x0fff, UINT32_MAX },
	};
	struct pb_phys_vec vecs[BATCH];
	pb_dma_addr_t want[BATCH];
	uint32_t i, bad, nr;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (nr = 1; nr <= 40; nr++)
			for (bad = 0; bad < nr; bad++) {
				fill_in_windows(vecs, want, nr, 1 + nr % 3);
				assert_int_equal(init(windows, 3), 0);
				check_batch(&dev, vecs, nr, 0, want);
				vecs[bad].paddr = cases[i].paddr;
				vecs[bad].len = cases[i].len;
				check_batch(&dev, vecs, nr, -EIO, NULL);
				assert_int_equal(init(windows, 3), 0);
				check_batch(&dev, vecs, nr, -EIO, NULL);
			}
}

static void a_batch_minds_the_mask(void **state)
{
	/* Of the second window the first byte alone is in reach. */
	const struct pb_device narrow = { .xlate = &x, .dma_mask = 0x10000 };
	const struct physbio_window w[] = {
		{ .start = 0x1000, .size = 0x1000, .bus = 0x4000 },
		{ .start = 0x2000, .size = 0x2000, .bus = 0x10000 },
		{ .start = 0x8000, .size = 0x1000, .bus = 0x20000 },
	};
	struct pb_phys_vec vecs[BATCH];
	pb_dma_addr_t want[BATCH];
	uint32_t i, bad;

	assert_int_equal(init(w, ARRAY_SIZE(w)), 0);
	for (bad = 0; bad < 20; bad++) {
		for (i = 0; i < 20; i++) {
			vecs[i].paddr = w[i % 2].start;
			vecs[i].len = 1;
			want[i] = physbio_dma_make(w[i % 2].bus);
		}
		check_batch(&narrow, vecs, 20, 0, want);
		vecs[bad] = (struct pb_phys_vec){ .paddr = 0x2000, .len = 2 };
		check_batch(&narrow, vecs, 20, -EIO, NULL);
		vecs[bad] = (struct pb_phys_vec){ .paddr = 0x2001, .len = 1 };
		check_batch(&narrow, vecs, 20, -EIO, NULL);
		vecs[bad] = (struct pb_phys_vec){ .paddr = 0x8000, .len = 1 };
		check_batch(&narrow, vecs, 20, -EIO, NULL);
	}
}

/* --- vector units --- */

static void a_unit_that_is_not_there_is_refused(void **state)
{
	struct physbio_xlate before;
	int simd;

	assert_int_equal(init(windows, ARRAY_SIZE(windows)), 0);
	before = x;
	assert_int_equal(physbio_xlate_use_simd(&x, (enum physbio_simd)99),
			 -EOPNOTSUPP);
	assert_memory_equal(&x, &before, sizeof(x));
	for (simd = PHYSBIO_SIMD_NONE; simd <= PHYSBIO_SIMD_AVX512; simd++) {
		int err = physbio_xlate_use_simd(&x, (enum physbio_simd)simd);

		if (err) {
			print_message("%d is not here\n", simd);
			assert_int_equal(err, -EOPNOTSUPP);
			assert_memory_equal(&x, &before, sizeof(x));
		}
		before = x;
	}
	assert_int_equal(physbio_xlate_use_simd(&x, PHYSBIO_SIMD_NONE), 0);
}

static void what_looks_up_no_window_uses_none(void **state)
{
	struct physbio_xlate before;
	int simd;

	physbio_xlate_init_identity(&x);
	before = x;
	for_each_simd(simd) assert_memory_equal(&x, &before, sizeof(x));
}

/* --- threads --- */

#define THREADS 4

/* Each thread stays in a window for a while; returns how often it was told wrongly. */
static void *map_in_turn(void *arg)
{
	uint32_t i, w = (uint32_t)(uintptr_t)arg;
	uintptr_t wrong = 0;

	for (i = 0; i < 20000; i++) {
		uint64_t at = (i * UINT64_C(4096)) % table[w].size;

		if (i % 64 == 0)
			w = (w + THREADS) % 256;
		at %= table[w].size;
		wrong += physbio_dma_value(map(
				 (pb_phys_addr_t)(table[w].start + at), 1)) !=
			 table[w].bus + at;
	}
	return (void *)wrong;
}

static void threads_share_a_translator(void **state)
{
	pthread_t threads[THREADS];
	void *wrong;
	uintptr_t i;

	srand(13);
	lay_out(256, false);
	assert_int_equal(init(table, 256), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, map_in_turn,
						(void *)i),
				 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_goes_through_its_window),
		cmocka_unit_test(tables_that_contradict_themselves_are_refused),
		cmocka_unit_test(more_windows_than_can_be_counted_are_refused),
		cmocka_unit_test(a_window_may_end_at_the_top),
		cmocka_unit_test(an_empty_table_reaches_nothing),
		cmocka_unit_test(the_identity_needs_no_translator),
		cmocka_unit_test(the_identity_ends_with_its_windows),
		cmocka_unit_test(the_identity_may_have_no_end),
		cmocka_unit_test(a_peers_memory_may_pass_the_windows_by),
		cmocka_unit_test(every_layout_is_as_a_walk_has_it),
		cmocka_unit_test(a_batch_is_as_a_walk_has_it),
		cmocka_unit_test(a_batch_comes_back_to_a_window),
		cmocka_unit_test(a_batch_minds_both_borders),
		cmocka_unit_test(a_batch_minds_the_mask),
		cmocka_unit_test(a_unit_that_is_not_there_is_refused),
		cmocka_unit_test(what_looks_up_no_window_uses_none),
		cmocka_unit_test(threads_share_a_translator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
