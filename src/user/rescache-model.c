// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the models of rescache-model.h do when a cache has nothing. A page that is held
 * stays also when its range is offline: no cache knows it then, the memory map does.
 */
#include "rescache-model.h"

#include "mem-internal.h"

__thread struct physbio_rescache physbio_rescache_mine;
struct physbio_rescache_shared *physbio_rescache_ours;

struct pb_page *physbio_rescache_ask_map(pb_phys_addr_t paddr)
{
	struct physbio_pages pages;

	if (physbio_pages_at(paddr, &pages))
		return physbio_the_page(paddr);
	physbio_rescache_insert(&physbio_rescache_mine, &pages);
	return physbio_pages_page(&pages, paddr);
}

struct pb_page *physbio_rescache_ask_ours(pb_phys_addr_t paddr)
{
	struct pb_page *page;

	if (physbio_rescache_shared_page(physbio_rescache_ours, paddr, &page))
		return physbio_the_page(paddr);
	return page;
}
