// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The model of a machine's memory: which ranges there are, the bytes behind them, and
 * pins. Bytes come with the first touch, so that a large map costs nothing. Where page
 * structs lie is memmodel.c's business.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <physbio/mem.h>
#include <physbio/xlate.h>

#include "config.h"
#ifdef HAVE_LIBNUMA
#include <numa.h>
#endif

#include "../core/platform.h"
#include "mem-internal.h"

static struct physbio_mem *the_mem;

static int fail(struct physbio_error *error, int err, const char *what,
		const struct physbio_mem_range *r)
{
	if (error) {
		memset(error, 0, sizeof(*error));
		error->err = err;
		snprintf(error->message, sizeof(error->message),
			 "%s: start 0x%" PRIx64 ", size 0x%" PRIx64, what,
			 (uint64_t)r->start, r->size);
	}
	return err;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct mem_range *ra = a, *rb = b;

	return ra->range.start < rb->range.start ? -1 :
	       ra->range.start > rb->range.start ? 1 :
						   0;
}

static const char *range_fault(const struct physbio_mem_range *r)
{
	if (!r->size)
		return "memory range is empty";
	if ((r->start | r->size) & (PB_PAGE_SIZE - 1))
		return "memory range is not of whole pages";
	if (r->size - 1 > (pb_phys_addr_t)-1 - r->start)
		return "memory range wraps";
	if ((uint64_t)physbio_range_last(r) >> PB_MAX_PHYSMEM_BITS)
		return "memory range is beyond physical space";
	if ((r->kind == PHYSBIO_MEM_BAR) != !!r->region)
		return "memory range of a BAR needs a region, and no other has one";
	return NULL;
}

static int check_ranges(const struct physbio_mem *mem,
			struct physbio_error *error)
{
	const char *fault;
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct physbio_mem_range *r = &mem->ranges[i].range;

		fault = range_fault(r);
		if (!fault && i &&
		    r->start <= physbio_range_last(&mem->ranges[i - 1].range))
			fault = "memory range overlaps the one before it";
		if (fault)
			return fail(error, -EINVAL, fault, r);
	}
	return 0;
}

void physbio_place(void *addr, size_t size, int nid)
{
#ifdef HAVE_LIBNUMA
	if (nid >= 0 && numa_available() >= 0 && numa_max_node() > 0)
		numa_tonode_memory(addr, size, nid);
#endif
}

int physbio_mem_nid(const struct physbio_mem *mem, pb_phys_addr_t paddr)
{
	int nid = -1;
#ifdef HAVE_LIBNUMA
	void *page = physbio_mem_page(mem, paddr);

	if (page && numa_available() >= 0 && numa_max_node() > 0 &&
	    (numa_move_pages(0, 1, &page, NULL, &nid, 0) || nid < 0))
		nid = -1;
#endif
	return nid;
}

bool physbio_close(void *addr, size_t size)
{
	bool lost = !madvise(addr, size, MADV_DONTNEED);

	return !mprotect(addr, size, PROT_NONE) && lost;
}

static bool range_setup(struct mem_range *mr)
{
	const struct physbio_mem_range *r = &mr->range;

	if (r->kind == PHYSBIO_MEM_RAM_EMPTY)
		return true;
	if (r->size > SIZE_MAX / 2)
		return false;
	mr->bytes = mmap(NULL, (size_t)r->size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mr->bytes == MAP_FAILED) {
		mr->bytes = NULL;
		return false;
	}
	physbio_place(mr->bytes, (size_t)r->size, r->nid);
	return true;
}

static void mem_free(struct physbio_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (mem->ranges[i].bytes)
			munmap(mem->ranges[i].bytes,
			       (size_t)mem->ranges[i].range.size);
	free(mem);
}

static struct physbio_mem *mem_of(const struct physbio_mem_range *ranges,
				  unsigned int nr)
{
	struct physbio_mem *mem =
		calloc(1, sizeof(*mem) + nr * sizeof(mem->ranges[0]));
	unsigned int i;

	if (!mem)
		return NULL;
	mem->nr = nr;
	for (i = 0; i < nr; i++)
		mem->ranges[i].range = ranges[i];
	qsort(mem->ranges, nr, sizeof(mem->ranges[0]), compare_ranges);
	return mem;
}

static int mem_setup(struct physbio_mem *mem,
		     const struct physbio_mem_options *options,
		     struct physbio_error *error)
{
	unsigned int i;
	int err = check_ranges(mem, error);

	if (err)
		return err;
	for (i = 0; i < mem->nr; i++)
		if (!range_setup(&mem->ranges[i]))
			return fail(error, -ENOMEM, "no room for memory range",
				    &mem->ranges[i].range);
	err = physbio_memmap_make(mem->ranges, mem->nr, options);
	if (err)
		return fail(error, err,
			    "no room for the page structs up to memory range",
			    &mem->ranges[mem->nr - 1].range);
	return 0;
}

#define ONE_ARRAY \
	(PHYSBIO_MEMMODEL_BIT(flatmem) | PHYSBIO_MEMMODEL_BIT(vmemmap))

static const char *options_fault(const struct physbio_mem_options *options)
{
	if (!options->models || options->models >> PHYSBIO_NR_MEMMODELS)
		return "no such memory models";
	if (options->sections_apart && (options->models & ONE_ARRAY))
		return "FLATMEM and VMEMMAP have one array of page structs";
	return NULL;
}

int physbio_mem_create_for(const struct physbio_mem_range *ranges,
			   unsigned int nr,
			   const struct physbio_mem_options *options,
			   struct physbio_mem **mem,
			   struct physbio_error *error)
{
	static const struct physbio_mem_range none;
	struct physbio_mem *made;
	int err;

	if (!nr)
		return fail(error, -EINVAL, "no memory range", &none);
	if (options_fault(options))
		return fail(error, -EINVAL, options_fault(options), &ranges[0]);
	if (the_mem)
		return fail(error, -EBUSY, "a memory map exists", &ranges[0]);
	made = mem_of(ranges, nr);
	if (!made)
		return fail(error, -ENOMEM, "no memory", &ranges[0]);
	err = mem_setup(made, options, error);
	if (err) {
		mem_free(made);
		return err;
	}
	the_mem = made;
	*mem = made;
	return 0;
}

int physbio_mem_create(const struct physbio_mem_range *ranges, unsigned int nr,
		       struct physbio_mem **mem, struct physbio_error *error)
{
	static const struct physbio_mem_options options = {
		.models = 1u << PHYSBIO_THE_MEMMODEL,
	};

	return physbio_mem_create_for(ranges, nr, &options, mem, error);
}

uint64_t physbio_mem_overhead(const struct physbio_mem *mem)
{
	return sizeof(*mem) + mem->nr * sizeof(mem->ranges[0]) +
	       physbio_memmap_bytes();
}

void physbio_mem_destroy(struct physbio_mem *mem)
{
	if (!mem)
		return;
	physbio_memmap_free();
	mem_free(mem);
	the_mem = NULL;
}

struct mem_range *physbio_mem_range(struct physbio_mem *mem,
				    pb_phys_addr_t paddr)
{
	unsigned int low = 0, high = mem->nr;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;
		struct mem_range *mr = &mem->ranges[mid];

		if (paddr < mr->range.start)
			high = mid;
		else if (paddr > physbio_range_last(&mr->range))
			low = mid + 1;
		else
			return mr;
	}
	return NULL;
}

static bool range_gone(const struct mem_range *mr)
{
	return __atomic_load_n(&mr->gone, __ATOMIC_SEQ_CST);
}

/* One that is plugged. */
static const struct mem_range *mem_range_of(const struct physbio_mem *mem,
					    pb_phys_addr_t paddr)
{
	const struct mem_range *mr =
		physbio_mem_range((struct physbio_mem *)mem, paddr);

	return mr && !range_gone(mr) ? mr : NULL;
}

struct pb_dev_pagemap *physbio_the_pagemap(pb_phys_addr_t paddr)
{
	const struct mem_range *mr =
		the_mem ? physbio_mem_range(the_mem, paddr) : NULL;

	if (!mr)
		return NULL;
	return physbio_memmap_pagemap((unsigned int)(mr - the_mem->ranges));
}

struct pb_dev_pagemap *physbio_the_pagemap_get(pb_phys_addr_t paddr)
{
	struct pb_dev_pagemap *pgmap = physbio_the_pagemap(paddr);

	return pgmap && physbio_pagemap_tryget(pgmap) ? pgmap : NULL;
}

struct pb_page *physbio_mem_page(const struct physbio_mem *mem,
				 pb_phys_addr_t paddr)
{
	if (!mem_range_of(mem, paddr))
		return NULL;
	return physbio_the_page(paddr);
}

struct pb_page *physbio_the_mem_page(pb_phys_addr_t paddr)
{
	return the_mem ? physbio_mem_page(the_mem, paddr) : NULL;
}

/* Of memory that the map has made itself: attached pages have no order. */
pb_phys_addr_t physbio_virt_to_phys(const void *virt)
{
	uintptr_t at = (uintptr_t)virt;
	unsigned int i;

	for (i = 0; the_mem && i < the_mem->nr; i++) {
		const struct mem_range *mr = &the_mem->ranges[i];
		uintptr_t bytes = (uintptr_t)mr->bytes;

		if (bytes && !range_gone(mr) && at >= bytes &&
		    at - bytes < mr->range.size)
			return mr->range.start + (pb_phys_addr_t)(at - bytes);
	}
	return 0;
}

void *physbio_mem_virt(const struct physbio_mem *mem, pb_phys_addr_t paddr)
{
	const struct mem_range *mr = mem_range_of(mem, paddr);
	char *virt;

	if (!mr)
		return NULL;
	if (mr->bytes)
		return mr->bytes + (size_t)(paddr - mr->range.start);
	virt = physbio_the_page(paddr)->virt;
	return virt ? virt + pb_offset_in_page(paddr) : NULL;
}

void *physbio_ram_virt(pb_phys_addr_t paddr)
{
	const struct pb_page *page = physbio_the_mem_page(paddr);

	if (!page || pb_page_is_p2pdma(page))
		return NULL;
	return physbio_mem_virt(the_mem, paddr);
}

int physbio_mem_attach(struct physbio_mem *mem, pb_phys_addr_t paddr,
		       void *virt)
{
	const struct mem_range *mr = mem_range_of(mem, paddr);
	struct pb_page *page;

	if (!mr || mr->range.kind != PHYSBIO_MEM_RAM_EMPTY ||
	    pb_offset_in_page(paddr))
		return -EINVAL;
	page = physbio_the_page(paddr);
	if (virt && page->virt)
		return -EEXIST;
	page->virt = virt;
	return 0;
}

static bool page_unused(const struct pb_page *page)
{
	return !page->compound_head && !(page->flags & PB_PG_head) &&
	       !atomic_read(&page->refcount);
}

static bool pages_unused(const struct physbio_mem *mem, pb_phys_addr_t paddr,
			 unsigned long n)
{
	const struct mem_range *mr = mem_range_of(mem, paddr);
	const struct pb_page *page;

	if (!mr ||
	    n - 1 > (physbio_range_last(&mr->range) - paddr) >> PB_PAGE_SHIFT)
		return false;
	page = physbio_the_page(paddr);
	if (physbio_the_page(paddr + ((pb_phys_addr_t)(n - 1)
				      << PB_PAGE_SHIFT)) != page + n - 1)
		return false;
	for (; n; n--, page++)
		if (!page_unused(page))
			return false;
	return true;
}

int physbio_mem_make_folio(struct physbio_mem *mem, pb_phys_addr_t paddr,
			   unsigned int order)
{
	struct pb_page *head;
	unsigned long n, i;

	if (!order || order > 30 - PB_PAGE_SHIFT + 12)
		return -EINVAL;
	n = 1ul << order;
	if ((paddr & ((pb_phys_addr_t)(PB_PAGE_SIZE << order) - 1)) ||
	    !pages_unused(mem, paddr, n))
		return -EINVAL;
	head = physbio_the_page(paddr);
	head->flags |= PB_PG_head;
	head->order = order;
	for (i = 1; i < n; i++)
		head[i].compound_head = (uintptr_t)head | 1;
	physbio_memmap_folio((unsigned long)(paddr >> PB_PAGE_SHIFT), n);
	return 0;
}

/* Half of the range is kept for references that don't come from here. */
#define PINS_MAX (INT_MAX / 2)

static bool counter_grow(pb_atomic_t *v, int by)
{
	int old = __atomic_fetch_add(&v->counter, by, __ATOMIC_RELAXED);

	if (old >= 0 && old <= PINS_MAX - by)
		return true;
	__atomic_fetch_sub(&v->counter, by, __ATOMIC_RELAXED);
	return false;
}

/* The other side of unpin_user_folio(). */
static int page_pin(struct pb_page *page)
{
	struct pb_folio *folio = page_folio(page);

	if (!folio_test_large(folio))
		return counter_grow(&folio->page.refcount,
				    GUP_PIN_COUNTING_BIAS) ?
			       0 :
			       -EOVERFLOW;
	if (!counter_grow(&folio->page.refcount, 1))
		return -EOVERFLOW;
	if (counter_grow(&folio->page.pincount, 1))
		return 0;
	atomic_sub(1, &folio->page.refcount);
	return -EOVERFLOW;
}

/* Whoever unplugs the range waits for us, and then for the pin. */
int physbio_frame_pin(pb_phys_addr_t paddr, bool peer_ok, struct pb_page **page)
{
	struct pb_dev_pagemap *pgmap = physbio_the_pagemap_get(paddr);
	int err;

	if (!pgmap)
		return -EFAULT;
	*page = physbio_the_page(paddr);
	err = pgmap->region && !peer_ok ? -EREMOTEIO : page_pin(*page);
	pb_put_dev_pagemap(pgmap);
	return err;
}

static uint64_t pages_of(pb_phys_addr_t paddr, uint64_t len)
{
	return (pb_offset_in_page(paddr) + len + PB_PAGE_SIZE - 1) >>
	       PB_PAGE_SHIFT;
}

static void unpin_pages(pb_phys_addr_t paddr, uint64_t n)
{
	for (; n; n--, paddr += PB_PAGE_SIZE)
		unpin_user_folio(page_folio(physbio_the_page(paddr)), 1);
}

int physbio_mem_pin(struct physbio_mem *mem, pb_phys_addr_t paddr, uint64_t len)
{
	pb_phys_addr_t first = paddr & (pb_phys_addr_t)PB_PAGE_MASK;
	uint64_t n = pages_of(paddr, len), i;
	struct pb_page *page;
	int err;

	for (i = 0; i < n; i++) {
		err = physbio_frame_pin(
			first + (pb_phys_addr_t)(i << PB_PAGE_SHIFT), true,
			&page);
		if (err) {
			unpin_pages(first, i);
			return err;
		}
	}
	return 0;
}

/* --- pins that there aren't --- */

static struct {
	pthread_mutex_t lock;
	uint64_t nr;
	pb_phys_addr_t paddr; /* of the first one's folio */
	unsigned long npages;
	int count; /* that it had */
} underflow = { .lock = PTHREAD_MUTEX_INITIALIZER };

void physbio_unpin_underflow(struct pb_folio *folio, unsigned long npages)
{
	pthread_mutex_lock(&underflow.lock);
	if (!underflow.nr++) {
		underflow.paddr = pb_page_to_phys(&folio->page);
		underflow.npages = npages;
		underflow.count = atomic_read(&folio->page.refcount);
	}
	pthread_mutex_unlock(&underflow.lock);
}

uint64_t physbio_mem_underflows(struct physbio_error *error)
{
	uint64_t nr;

	pthread_mutex_lock(&underflow.lock);
	nr = underflow.nr;
	if (nr && error) {
		memset(error, 0, sizeof(*error));
		error->err = -ERANGE;
		snprintf(error->message, sizeof(error->message),
			 "%lu pins dropped of the folio at 0x%" PRIx64
			 ", which has %d references",
			 underflow.npages, (uint64_t)underflow.paddr,
			 underflow.count);
	}
	underflow.nr = 0;
	pthread_mutex_unlock(&underflow.lock);
	return nr;
}

static uint64_t folio_pins(struct pb_folio *folio)
{
	if (folio_test_large(folio))
		return (uint64_t)atomic_read(&folio->page.pincount);
	return (uint64_t)atomic_read(&folio->page.refcount) /
	       GUP_PIN_COUNTING_BIAS;
}

uint64_t physbio_mem_pinned(const struct physbio_mem *mem, pb_phys_addr_t paddr,
			    uint64_t len)
{
	uint64_t n = pages_of(paddr, len), i, pins = 0;

	for (i = 0; i < n; i++) {
		struct pb_page *page =
			physbio_mem_page(mem, paddr + (i << PB_PAGE_SHIFT));

		if (page && page == &page_folio(page)->page)
			pins += folio_pins(page_folio(page));
	}
	return pins;
}

/* Bytes from @paddr to the end of its page, at most @len. */
static size_t page_room(pb_phys_addr_t paddr, size_t len)
{
	return min(len, (size_t)PB_PAGE_SIZE - pb_offset_in_page(paddr));
}

static bool has_bytes(const struct physbio_mem *mem, pb_phys_addr_t paddr,
		      size_t len)
{
	for (; len;
	     len -= page_room(paddr, len), paddr += page_room(paddr, SIZE_MAX))
		if (!physbio_mem_virt(mem, paddr))
			return false;
	return true;
}

int physbio_mem_write(struct physbio_mem *mem, pb_phys_addr_t paddr,
		      const void *buf, size_t len)
{
	const char *from = buf;
	size_t n;

	if (!has_bytes(mem, paddr, len))
		return -EFAULT;
	for (; len; len -= n, from += n, paddr += n) {
		n = page_room(paddr, len);
		memcpy(physbio_mem_virt(mem, paddr), from, n);
	}
	return 0;
}

int physbio_mem_read(const struct physbio_mem *mem, pb_phys_addr_t paddr,
		     void *buf, size_t len)
{
	char *to = buf;
	size_t n;

	if (!has_bytes(mem, paddr, len))
		return -EFAULT;
	for (; len; len -= n, to += n, paddr += n) {
		n = page_room(paddr, len);
		memcpy(to, physbio_mem_virt(mem, paddr), n);
	}
	return 0;
}
