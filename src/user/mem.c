// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The model of a machine's memory. Page structs stand in one reserved array over
 * the span of all ranges, of which only the parts that exist are accessible: a wrong
 * physical address faults at once. Pages are all zero until something is done with
 * them, so that a large map costs nothing.
 */
#include <errno.h>
#include <inttypes.h>
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

struct pb_page *pb_vmemmap;

struct mem_range {
	struct physbio_mem_range range;
	char *bytes; /* NULL: only what is attached */
};

struct physbio_mem {
	char *reserved; /* the array of page structs */
	size_t reserved_size;
	unsigned int nr;
	struct mem_range ranges[]; /* ascending */
};

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

static pb_phys_addr_t range_last(const struct physbio_mem_range *r)
{
	return r->start + (pb_phys_addr_t)(r->size - 1);
}

static const char *range_fault(const struct physbio_mem_range *r)
{
	if (!r->size)
		return "memory range is empty";
	if ((r->start | r->size) & (PB_PAGE_SIZE - 1))
		return "memory range is not of whole pages";
	if (r->size - 1 > (pb_phys_addr_t)-1 - r->start)
		return "memory range wraps";
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
		    r->start <= range_last(&mem->ranges[i - 1].range))
			fault = "memory range overlaps the one before it";
		if (fault)
			return fail(error, -EINVAL, fault, r);
	}
	return 0;
}

/* Host pages around [@addr, @addr + @size). */
static void host_pages(char **addr, size_t *size)
{
	uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uintptr_t start = (uintptr_t)*addr & ~mask;

	*size = (((uintptr_t)*addr + *size + mask) & ~mask) - start;
	*addr = (char *)start;
}

static void place(void *addr, size_t size, int nid)
{
#ifdef HAVE_LIBNUMA
	if (nid >= 0 && numa_available() >= 0 && numa_max_node() > 0)
		numa_tonode_memory(addr, size, nid);
#endif
}

static bool reserve_pages(struct physbio_mem *mem)
{
	uint64_t first = mem->ranges[0].range.start >> PB_PAGE_SHIFT;
	uint64_t last = range_last(&mem->ranges[mem->nr - 1].range) >>
			PB_PAGE_SHIFT;
	uint64_t size = (last - first + 1) * sizeof(struct pb_page);

	if (size > SIZE_MAX / 2)
		return false;
	mem->reserved_size = (size_t)size;
	mem->reserved = mmap(NULL, mem->reserved_size, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);
	if (mem->reserved == MAP_FAILED) {
		mem->reserved = NULL;
		return false;
	}
	/* The page struct of frame 0 may lie anywhere: it is never touched. */
	pb_vmemmap =
		(struct pb_page *)((uintptr_t)mem->reserved -
				   (uintptr_t)first * sizeof(struct pb_page));
	return true;
}

static bool open_pages(const struct physbio_mem_range *r)
{
	char *addr = (char *)(pb_vmemmap + (r->start >> PB_PAGE_SHIFT));
	size_t size =
		(size_t)(r->size >> PB_PAGE_SHIFT) * sizeof(struct pb_page);

	host_pages(&addr, &size);
	if (mprotect(addr, size, PROT_READ | PROT_WRITE))
		return false;
	place(addr, size, r->nid);
	return true;
}

/* Each range of DAX is a provider of its own. */
static void own_pages(const struct physbio_mem_range *r)
{
	bool peer = r->kind == PHYSBIO_MEM_BAR;
	struct pb_page *page = pb_vmemmap + (r->start >> PB_PAGE_SHIFT);
	uint64_t n = r->size >> PB_PAGE_SHIFT;

	for (; n; n--, page++) {
		page->flags = PB_PG_zone_device | (peer ? PB_PG_p2pdma : 0);
		page->pgmap = peer ? (const void *)r->region : r;
	}
}

static bool range_setup(struct mem_range *mr)
{
	const struct physbio_mem_range *r = &mr->range;

	if (!open_pages(r))
		return false;
	if (r->kind == PHYSBIO_MEM_BAR || r->kind == PHYSBIO_MEM_DAX)
		own_pages(r);
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
	place(mr->bytes, (size_t)r->size, r->nid);
	return true;
}

static void mem_free(struct physbio_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (mem->ranges[i].bytes)
			munmap(mem->ranges[i].bytes,
			       (size_t)mem->ranges[i].range.size);
	if (mem->reserved)
		munmap(mem->reserved, mem->reserved_size);
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

static int mem_setup(struct physbio_mem *mem, struct physbio_error *error)
{
	unsigned int i;
	int err = check_ranges(mem, error);

	if (err)
		return err;
	if (!reserve_pages(mem))
		return fail(error, -ENOMEM,
			    "no room for the page structs up to memory range",
			    &mem->ranges[mem->nr - 1].range);
	for (i = 0; i < mem->nr; i++)
		if (!range_setup(&mem->ranges[i]))
			return fail(error, -ENOMEM, "no room for memory range",
				    &mem->ranges[i].range);
	return 0;
}

int physbio_mem_create(const struct physbio_mem_range *ranges, unsigned int nr,
		       struct physbio_mem **mem, struct physbio_error *error)
{
	static const struct physbio_mem_range none;
	struct physbio_mem *made;
	int err;

	if (!nr)
		return fail(error, -EINVAL, "no memory range", &none);
	if (the_mem)
		return fail(error, -EBUSY, "a memory map exists", &ranges[0]);
	made = mem_of(ranges, nr);
	if (!made)
		return fail(error, -ENOMEM, "no memory", &ranges[0]);
	err = mem_setup(made, error);
	if (err) {
		mem_free(made);
		pb_vmemmap = NULL;
		return err;
	}
	the_mem = made;
	*mem = made;
	return 0;
}

void physbio_mem_destroy(struct physbio_mem *mem)
{
	if (!mem)
		return;
	mem_free(mem);
	the_mem = NULL;
	pb_vmemmap = NULL;
}

static const struct mem_range *mem_range_of(const struct physbio_mem *mem,
					    pb_phys_addr_t paddr)
{
	unsigned int low = 0, high = mem->nr;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;
		const struct mem_range *mr = &mem->ranges[mid];

		if (paddr < mr->range.start)
			high = mid;
		else if (paddr > range_last(&mr->range))
			low = mid + 1;
		else
			return mr;
	}
	return NULL;
}

struct pb_page *physbio_mem_page(const struct physbio_mem *mem,
				 pb_phys_addr_t paddr)
{
	if (!mem_range_of(mem, paddr))
		return NULL;
	return pb_vmemmap + (paddr >> PB_PAGE_SHIFT);
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

		if (bytes && at >= bytes && at - bytes < mr->range.size)
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
	virt = pb_vmemmap[paddr >> PB_PAGE_SHIFT].virt;
	return virt ? virt + pb_offset_in_page(paddr) : NULL;
}

int physbio_mem_attach(struct physbio_mem *mem, pb_phys_addr_t paddr,
		       void *virt)
{
	const struct mem_range *mr = mem_range_of(mem, paddr);
	struct pb_page *page;

	if (!mr || mr->range.kind != PHYSBIO_MEM_RAM_EMPTY ||
	    pb_offset_in_page(paddr))
		return -EINVAL;
	page = pb_vmemmap + (paddr >> PB_PAGE_SHIFT);
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
	const struct pb_page *page = pb_vmemmap + (paddr >> PB_PAGE_SHIFT);

	if (!mr || n - 1 > (range_last(&mr->range) - paddr) >> PB_PAGE_SHIFT)
		return false;
	for (; n; n--, page++)
		if (!page_unused(page))
			return false;
	return true;
}

int physbio_mem_make_folio(struct physbio_mem *mem, pb_phys_addr_t paddr,
			   unsigned int order)
{
	struct pb_page *head = pb_vmemmap + (paddr >> PB_PAGE_SHIFT);
	unsigned long n, i;

	if (!order || order > 30 - PB_PAGE_SHIFT + 12)
		return -EINVAL;
	n = 1ul << order;
	if ((paddr & ((pb_phys_addr_t)(PB_PAGE_SIZE << order) - 1)) ||
	    !pages_unused(mem, paddr, n))
		return -EINVAL;
	head->flags |= PB_PG_head;
	head->order = order;
	for (i = 1; i < n; i++)
		head[i].compound_head = (uintptr_t)head | 1;
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
int physbio_page_pin(struct pb_page *page)
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

static uint64_t pages_of(pb_phys_addr_t paddr, uint64_t len)
{
	return (pb_offset_in_page(paddr) + len + PB_PAGE_SIZE - 1) >>
	       PB_PAGE_SHIFT;
}

int physbio_mem_pin(struct physbio_mem *mem, pb_phys_addr_t paddr, uint64_t len)
{
	pb_phys_addr_t page_addr = paddr & (pb_phys_addr_t)PB_PAGE_MASK;
	uint64_t n = pages_of(paddr, len), i;
	struct pb_page *page;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		page = physbio_mem_page(mem, page_addr + (i << PB_PAGE_SHIFT));
		err = page ? physbio_page_pin(page) : -EFAULT;
	}
	if (!err)
		return 0;
	while (--i) {
		page_addr = (paddr & (pb_phys_addr_t)PB_PAGE_MASK) +
			    ((i - 1) << PB_PAGE_SHIFT);
		unpin_user_folio(
			page_folio(pb_vmemmap + (page_addr >> PB_PAGE_SHIFT)),
			1);
	}
	return err;
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
