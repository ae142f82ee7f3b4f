// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * User addresses and the pages behind them: a sorted array of mappings under a lock, as
 * there are few and all I/O pins under it for a moment only.
 */
#include <stdlib.h>

#include <physbio/mem.h>
#include <physbio/mm.h>

#include "../core/platform.h"
#include "mem-internal.h"

struct mapping {
	struct mapping *next; /* by start, ascending */
	uintptr_t start;
	size_t nr; /* pages */
	bool writable;
	pb_phys_addr_t frames[];
};

static struct mapping *mappings;
static spinlock_t mm_lock;

static uintptr_t last_of(const struct mapping *m)
{
	return m->start + (m->nr << PB_PAGE_SHIFT) - 1;
}

static bool frames_ok(const pb_phys_addr_t *frames, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (pb_offset_in_page(frames[i]) ||
		    !physbio_the_mem_page(frames[i]))
			return false;
	return true;
}

static struct mapping *mapping_of(uintptr_t start, const pb_phys_addr_t *frames,
				  size_t nr, bool writable)
{
	struct mapping *m = malloc(sizeof(*m) + nr * sizeof(frames[0]));

	if (m) {
		m->start = start;
		m->nr = nr;
		m->writable = writable;
		memcpy(m->frames, frames, nr * sizeof(frames[0]));
	}
	return m;
}

/* The place of @m in the list; NULL if it is taken. */
static struct mapping **place_of(const struct mapping *m)
{
	struct mapping **link = &mappings;

	while (*link && last_of(*link) < m->start)
		link = &(*link)->next;
	return *link && (*link)->start <= last_of(m) ? NULL : link;
}

int physbio_mm_map(const void *addr, const pb_phys_addr_t *frames, size_t nr,
		   bool writable)
{
	uintptr_t start = (uintptr_t)addr;
	struct mapping *m, **link;

	if (pb_offset_in_page(start) || !nr ||
	    nr - 1 > (UINTPTR_MAX - start) >> PB_PAGE_SHIFT ||
	    !frames_ok(frames, nr))
		return -EINVAL;
	m = mapping_of(start, frames, nr, writable);
	if (!m)
		return -ENOMEM;
	spin_lock(&mm_lock);
	link = place_of(m);
	if (link) {
		m->next = *link;
		*link = m;
	}
	spin_unlock(&mm_lock);
	if (link)
		return 0;
	free(m);
	return -EEXIST;
}

int physbio_mm_unmap(const void *addr)
{
	struct mapping **link, *m;

	spin_lock(&mm_lock);
	for (link = &mappings; (m = *link); link = &m->next)
		if (m->start == (uintptr_t)addr) {
			*link = m->next;
			break;
		}
	spin_unlock(&mm_lock);
	free(m);
	return m ? 0 : -ENOENT;
}

static const struct mapping *find_mapping(uintptr_t addr)
{
	const struct mapping *m = mappings;

	while (m && last_of(m) < addr)
		m = m->next;
	return m && m->start <= addr ? m : NULL;
}

static struct pb_page *page_at(const struct mapping *m, uintptr_t addr)
{
	return pb_phys_to_page(m->frames[(addr - m->start) >> PB_PAGE_SHIFT]);
}

struct pb_page *physbio_vmalloc_to_page(const void *addr)
{
	const struct mapping *m;
	struct pb_page *page;

	spin_lock(&mm_lock);
	m = find_mapping((uintptr_t)addr);
	page = m ? page_at(m, (uintptr_t)addr) : NULL;
	spin_unlock(&mm_lock);
	return page;
}

/* One page, pinned; or -errno. */
static int pin_one(uintptr_t addr, unsigned int gup_flags,
		   struct pb_page **page)
{
	const struct mapping *m = find_mapping(addr);

	if (!m || ((gup_flags & FOLL_WRITE) && !m->writable))
		return -EFAULT;
	return physbio_frame_pin(m->frames[(addr - m->start) >> PB_PAGE_SHIFT],
				 gup_flags & FOLL_PCI_P2PDMA, page);
}

int pin_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct pb_page **pages)
{
	int n, err = 0;

	spin_lock(&mm_lock);
	for (n = 0; n < nr_pages; n++) {
		err = pin_one(start + ((uintptr_t)n << PB_PAGE_SHIFT),
			      gup_flags, &pages[n]);
		if (err)
			break;
	}
	spin_unlock(&mm_lock);
	return n ? n : err;
}
