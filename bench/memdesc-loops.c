// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The loops of resolve-loops.h with page descriptors of 8 bytes: going on to the next page
 * is arithmetic here too, but which folio it belongs to has to be read each time. The
 * library has no completion for them.
 */
#include "resolve-loops.h"

static const struct physbio_memdesc *memdesc_of(const struct pb_bio_vec *bv)
{
	return physbio_memdesc_pfn_to_page(
		(unsigned long)(bv->bv_paddr >> PB_PAGE_SHIFT));
}

static void loop_entries(const struct resolve_loop *loop)
{
	void **found = loop->found;
	unsigned int b, i;

	for (b = 0; b < loop->nr_bios; b++)
		for (i = 0; i < loop->bios[b].bi_vcnt; i++)
			*found++ = physbio_memdesc_folio(
				memdesc_of(&loop->bios[b].bi_io_vec[i]));
}

/* All pages are of order 0 here, and entries begin with a page. */
static void loop_pages(const struct resolve_loop *loop)
{
	void **found = loop->found;
	unsigned int b, i;

	for (b = 0; b < loop->nr_bios; b++)
		for (i = 0; i < loop->bios[b].bi_vcnt; i++) {
			const struct pb_bio_vec *bv =
				&loop->bios[b].bi_io_vec[i];
			const struct physbio_memdesc *at = memdesc_of(bv);
			unsigned long n = bv->bv_len >> PB_PAGE_SHIFT;

			for (; n; n--)
				*found++ = physbio_memdesc_folio(at++);
		}
}

static uintptr_t loop_chain(const unsigned long *pfns, unsigned int nr)
{
	uintptr_t last = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		last = (uintptr_t)physbio_memdesc_pfn_to_page(
			pfns[i + (last & 1)]);
		__asm__ volatile("" : "+r"(last));
		sum += last;
	}
	return sum;
}

static uintptr_t loop_chain_read(const unsigned long *pfns, unsigned int nr)
{
	uintptr_t last = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct physbio_memdesc *desc =
			physbio_memdesc_pfn_to_page(pfns[i + (last & 1)]);

		last = (uintptr_t)physbio_memdesc_folio(desc);
		__asm__ volatile("" : "+r"(last));
		sum += (uintptr_t)desc + last;
	}
	return sum;
}

const struct resolve_loops memdesc_resolve_loops = {
	.entries = loop_entries,
	.pages = loop_pages,
	.chain = loop_chain,
	.chain_read = loop_chain_read,
};
