// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See resolve-loops.h. */
#include <physbio/resolve.h>

#include "resolve-loops.h"

static unsigned long nr_pages(const struct pb_bio_vec *bv)
{
	return (pb_offset_in_page(bv->bv_paddr) + bv->bv_len + PB_PAGE_SIZE -
		1) >>
	       PB_PAGE_SHIFT;
}

static void loop_entries(const struct resolve_loop *loop)
{
	void **found = loop->found;
	unsigned int b, i;

	for (b = 0; b < loop->nr_bios; b++)
		for (i = 0; i < loop->bios[b].bi_vcnt; i++) {
			const struct pb_bio_vec *bv =
				&loop->bios[b].bi_io_vec[i];
			struct pb_page *page = pb_bvec_page(bv);
			unsigned long nr = nr_pages(bv);

			/* As resolve.c: not of an entry of one page. */
			if (nr > 1 && pb_bvec_page_run(bv, page, nr) < nr)
				page = NULL; /* there is no such entry here */
			*found++ = page;
		}
}

static void loop_pages(const struct resolve_loop *loop)
{
	void **found = loop->found;
	unsigned int b, i;

	for (b = 0; b < loop->nr_bios; b++)
		for (i = 0; i < loop->bios[b].bi_vcnt; i++) {
			const struct pb_bio_vec *bv =
				&loop->bios[b].bi_io_vec[i];
			pb_phys_addr_t at = bv->bv_paddr;
			unsigned long n = nr_pages(bv);

			for (; n; n--, at += PB_PAGE_SIZE)
				*found++ = pb_phys_to_page(at);
		}
}

/* The lowest bits of a page's address are 0, which the compiler doesn't know. */
static uintptr_t loop_chain(const unsigned long *pfns, unsigned int nr)
{
	uintptr_t last = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		last = (uintptr_t)pb_pfn_to_page(pfns[i + (last & 1)]);
		__asm__ volatile("" : "+r"(last));
		sum += last;
	}
	return sum;
}

/* Nor that no page here is a folio's second one. */
static uintptr_t loop_chain_read(const unsigned long *pfns, unsigned int nr)
{
	uintptr_t last = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct pb_page *page =
			pb_pfn_to_page(pfns[i + (last & 1)]);

		last = page->compound_head;
		__asm__ volatile("" : "+r"(last));
		sum += (uintptr_t)page + last;
	}
	return sum;
}

static void loop_release(const struct resolve_loop *loop)
{
	unsigned int b;

	for (b = 0; b < loop->nr_bios; b++)
		pb_bio_release_pages(&loop->bios[b], true);
}

extern const struct resolve_loops resolve_loops;

const struct resolve_loops resolve_loops = {
	.entries = loop_entries,
	.pages = loop_pages,
	.chain = loop_chain,
	.chain_read = loop_chain_read,
	.release = loop_release,
};
