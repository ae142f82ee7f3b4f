// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where two sections meet (Q18): memory goes on, page structs need not. Today's vector
 * ends there, as bv_page + n would be nobody's page; a physical one goes on, and
 * whoever looks its pages up has to look again. A segment of a request is addresses and
 * goes on for both. Page vectors under VMEMMAP, under SPARSEMEM, and physical vectors, side
 * by side.
 */
#include "../unit/fixture.h"

#include "../../src/repr/ops.h"

#define SECTION ((pb_phys_addr_t)PB_PAGES_PER_SECTION * PG)
#define SEAM (2 * SECTION)

static const struct physbio_mem_range ram = {
	.start = SECTION,
	.size = 2 * SECTION,
	.kind = PHYSBIO_MEM_RAM_EMPTY,
	.nid = -1,
};

/* Page structs are one array, or the second section's lies apart. */
static void layout_up(bool apart)
{
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(sparsemem_extreme) |
			  (apart ? 0 : PHYSBIO_MEMMODEL_BIT(vmemmap)),
		.sections_apart = apart,
	};

	assert_int_equal(physbio_mem_create_for(&ram, 1, &options, &mem, NULL),
			 0);
}

static struct test_bio tb;

/* Two pages of memory before the seam and two behind it, in two ways. */
static void add_by_page(const struct physbio_repr *r)
{
	pb_phys_addr_t at;

	for (at = SEAM - 2 * PG; at < SEAM + 2 * PG; at += PG)
		assert_int_equal(r->bio_add_page(&tb.bio,
						 physbio_mem_page(mem, at),
						 (unsigned int)PG, 0),
				 PG);
}

static void add_by_phys(const struct physbio_repr *r)
{
	pb_phys_addr_t at;

	for (at = SEAM - 2 * PG; at < SEAM + 2 * PG; at += PG)
		assert_int_equal(r->bio_add_phys(&tb.bio, at, (unsigned int)PG),
				 PG);
}

/* One address range, or are the two entries one segment all the same? */
static bool is_one_segment(const struct physbio_repr *r)
{
	struct pb_blk_mq_tag_set set = { .ops = &keep_ops, .queue_depth = 1 };
	struct pb_request_queue *q = r->blk_mq_alloc_queue(&set, NULL, NULL);
	bool one = tb.bio.bi_vcnt == 1 ||
		   r->biovec_phys_mergeable(q, &tb.table[0], &tb.table[1]);

	r->blk_mq_destroy_queue(q);
	return one;
}

static void vectors_of_pages_end_where_page_structs_do(void **state)
{
	static const struct {
		const struct physbio_repr *r;
		bool apart;
		void (*add)(const struct physbio_repr *r);
		unsigned short entries;
	} cases[] = {
		{ &page_physbio_repr, false, add_by_page, 1 },
		{ &page_physbio_repr, false, add_by_phys, 1 },
		{ &sparse_physbio_repr, false, add_by_page, 1 },
		{ &sparse_physbio_repr, false, add_by_phys, 1 },
		{ &sparse_physbio_repr, true, add_by_page, 2 },
		{ &sparse_physbio_repr, true, add_by_phys, 2 },
		{ &phys_physbio_repr, false, add_by_page, 1 },
		{ &phys_physbio_repr, false, add_by_phys, 1 },
		{ &phys_physbio_repr, true, add_by_phys, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct physbio_repr *r = cases[i].r;
		uint64_t addr, end = SEAM - 2 * PG;
		unsigned short n;

		layout_up(cases[i].apart);
		r->bio_init(&tb.bio, NULL, tb.table, 4, PB_REQ_OP_WRITE);
		cases[i].add(r);
		if (tb.bio.bi_vcnt != cases[i].entries)
			fail_msg("case %u, %s: %u entries", i, r->name,
				 tb.bio.bi_vcnt);
		for (n = 0; n < tb.bio.bi_vcnt; n++) {
			uint32_t len = r->bvec_get(tb.table, n, &addr);

			assert_int_equal(addr, end);
			end += len;
		}
		assert_int_equal(end, SEAM + 2 * PG);
		assert_true(is_one_segment(r));
		mem_down(NULL);
	}
}

/* What a resolver of physical vectors needs: it is told where to look again. */
static void pages_are_found_again_behind_the_seam(void **state)
{
	const struct physbio_memmodel *model;
	pb_phys_addr_t at = SEAM - 2 * PG;
	unsigned long left = 4, n;
	unsigned int lookups = 0;

	layout_up(true);
	model = physbio_memmodel(PHYSBIO_MEMMODEL_sparsemem_extreme);
	for (; left; left -= n, at += n * PG, lookups++) {
		struct pb_page *page = model->page_at(at);
		unsigned long i;

		n = model->page_run(page, (unsigned long)(at / PG), left);
		for (i = 0; i < n; i++)
			assert_ptr_equal(page + i,
					 physbio_mem_page(mem, at + i * PG));
	}
	assert_int_equal(lookups, 2);
	mem_down(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_pages_end_where_page_structs_do),
		cmocka_unit_test(pages_are_found_again_behind_the_seam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
