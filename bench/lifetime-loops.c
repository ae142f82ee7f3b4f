// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The timed loops, see lifetime-loops.h. */
#include "lifetime-loops.h"

#define FOR_EACH(l, i) for ((i) = 0; (i) < (l)->nr; (i)++)

/* --- pages --- */

void loop_convert(const struct lifetime_loop *l)
{
	uint32_t i;

	FOR_EACH(l, i)
	l->out[i] = (uintptr_t)pb_phys_to_page(l->addrs[i]);
}

void loop_map(const struct lifetime_loop *l)
{
	struct physbio_pages pages;
	uint32_t i;

	FOR_EACH(l, i)
	{
		l->out[i] = 0;
		if (!physbio_pages_at(l->addrs[i], &pages))
			l->out[i] = (uintptr_t)physbio_pages_page(&pages,
								  l->addrs[i]);
	}
}

void loop_own(const struct lifetime_loop *l)
{
	const struct physbio_pages *pages;
	struct pb_page *page;
	uint32_t i;

	FOR_EACH(l, i)
	{
		pages = physbio_rescache_find(l->own, l->addrs[i]);
		if (pages)
			page = physbio_pages_page(pages, l->addrs[i]);
		else if (physbio_rescache_page(l->own, l->addrs[i], &page))
			page = NULL;
		l->out[i] = (uintptr_t)page;
	}
}

/* A read section for each lookup, as nothing else is held. */
void loop_shared(const struct lifetime_loop *l)
{
	struct pb_page *page;
	unsigned int idx;
	uint32_t i;

	FOR_EACH(l, i)
	{
		idx = physbio_read_lock();
		if (physbio_rescache_shared_page(l->shared, l->addrs[i], &page))
			page = NULL;
		l->out[i] = (uintptr_t)page;
		physbio_read_unlock(idx);
	}
}

/* --- providers --- */

static inline unsigned long pfn_of(pb_phys_addr_t paddr)
{
	return (unsigned long)(paddr >> PB_PAGE_SHIFT);
}

void loop_load(const struct lifetime_loop *l)
{
	uint32_t i;

	FOR_EACH(l, i)
	l->out[i] = pfn_of(l->addrs[i]);
}

static inline const struct provider *sorted_find(const struct providers *p,
						 unsigned long pfn)
{
	const struct provider *at = p->sorted;
	uint32_t n = p->nr, half;

	for (; n > 1; n -= half) {
		half = n / 2;
		if (at[half].first <= pfn)
			at += half;
	}
	return pfn - at->first <= at->last - at->first ? at : NULL;
}

void loop_sorted(const struct lifetime_loop *l)
{
	const struct provider *found;
	uint32_t i;

	FOR_EACH(l, i)
	{
		found = sorted_find(l->providers, pfn_of(l->addrs[i]));
		l->out[i] = found ? found->word : 0;
	}
}

void loop_one_entry(const struct lifetime_loop *l)
{
	const struct provider *last = l->providers->sorted, *found;
	uint32_t i;

	FOR_EACH(l, i)
	{
		unsigned long pfn = pfn_of(l->addrs[i]);

		found = last;
		if (pfn - last->first > last->last - last->first) {
			found = sorted_find(l->providers, pfn);
			if (found)
				last = found;
		}
		l->out[i] = found ? found->word : 0;
	}
}

void loop_tree(const struct lifetime_loop *l)
{
	uint32_t i;

	FOR_EACH(l, i)
	l->out[i] = physbio_range_tree_find(&l->providers->tree,
					    pfn_of(l->addrs[i]));
}

/* Source: interval_tree_iter_first(), of a single frame */
static inline const struct interval *interval_find(const struct interval *at,
						   unsigned long pfn)
{
	while (at && pfn <= at->subtree_last) {
		if (at->left && pfn <= at->left->subtree_last)
			at = at->left;
		else if (pfn < at->first)
			return NULL;
		else if (pfn <= at->last)
			return at;
		else
			at = at->right;
	}
	return NULL;
}

void loop_interval(const struct lifetime_loop *l)
{
	const struct interval *found;
	uint32_t i;

	FOR_EACH(l, i)
	{
		found = interval_find(l->providers->intervals,
				      pfn_of(l->addrs[i]));
		l->out[i] = found ? found->word : 0;
	}
}

void loop_radix(const struct lifetime_loop *l)
{
	uint32_t i;

	FOR_EACH(l, i)
	l->out[i] =
		physbio_radix_find(&l->providers->radix, pfn_of(l->addrs[i]));
}

void loop_hash(const struct lifetime_loop *l)
{
	uint32_t i, slot;

	FOR_EACH(l, i)
	{
		unsigned long pfn = pfn_of(l->addrs[i]);
		const struct provider *p;

		slot = (uint32_t)(pb_pfn_to_section_nr(pfn) * 0x61c88647u);
		for (slot = slot >> 18; (p = l->providers->hash[slot]);
		     slot = (slot + 1) % HASH_SLOTS)
			if (pfn - p->first <= p->last - p->first)
				break;
		l->out[i] = p ? p->word : 0;
	}
}

/* --- holds --- */

static inline void entries_look(const struct lifetime_loop *l, uint32_t i)
{
	const struct pb_bio *bio = l->bio;
	uintptr_t sum = 0;
	unsigned int j;

	for (j = 0; j < bio->bi_vcnt; j++)
		sum += (uintptr_t)bio->bi_io_vec[j].bv_paddr;
	l->out[i] = sum;
}

void loop_entries(const struct lifetime_loop *l)
{
	uint32_t i;

	FOR_EACH(l, i)
	entries_look(l, i);
}

static inline void hold_loop(const struct lifetime_loop *l,
			     enum physbio_lifetime_id id)
{
	const struct physbio_lifetime *lifetime = physbio_lifetime(id);
	struct physbio_hold hold;
	uint32_t i;

	FOR_EACH(l, i)
	{
		l->out[i] = 0;
		if (lifetime->get(&hold, l->bio))
			continue;
		entries_look(l, i);
		lifetime->put(&hold, l->bio);
	}
}

void loop_segment(const struct lifetime_loop *l)
{
	hold_loop(l, PHYSBIO_LIFETIME_segment);
}

void loop_bio(const struct lifetime_loop *l)
{
	hold_loop(l, PHYSBIO_LIFETIME_bio);
}

void loop_epoch(const struct lifetime_loop *l)
{
	hold_loop(l, PHYSBIO_LIFETIME_epoch);
}
