// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Buffers and the frames behind them. Asks the kernel through /proc/self/pagemap, and
 * believes what it says only when no frame is claimed twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <physbio/buffer.h>

#include "config.h"
#ifdef HAVE_LIBNUMA
#include <numa.h>
#endif

#include "mem-internal.h"

#define HUGE_SIZE ((size_t)2 << 20)
#define SECTION_SIZE ((pb_phys_addr_t)128 << 20)
#define TRIES 4

static int fail(struct physbio_error *error, int err, const char *message)
{
	if (error) {
		memset(error, 0, sizeof(*error));
		error->err = err;
		snprintf(error->message, sizeof(error->message), "%s: %s",
			 message, strerror(-err));
	}
	return err;
}

static size_t page_size_of(enum physbio_buffer_kind kind)
{
	size_t host = (size_t)sysconf(_SC_PAGESIZE);

	if (kind != PHYSBIO_BUFFER_PAGES)
		return HUGE_SIZE;
	return host > PB_PAGE_SIZE ? host : PB_PAGE_SIZE;
}

static void *map_anonymous(size_t size, int flags)
{
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif

/* Mapped with room to align, so that a THP can begin at the first byte. */
static int map_buffer(struct physbio_buffer *b, size_t page_size)
{
	uintptr_t start;

	if (b->kind == PHYSBIO_BUFFER_HUGETLB) {
		b->mapping_size = b->size;
		b->mapping = map_anonymous(b->size, MAP_HUGETLB | MAP_HUGE_2MB);
		b->virt = b->mapping;
		return b->mapping ? 0 : -ENOTSUP;
	}
	b->mapping_size = b->size + page_size;
	b->mapping = map_anonymous(b->mapping_size, 0);
	if (!b->mapping)
		return -ENOMEM;
	start = ((uintptr_t)b->mapping + page_size - 1) & ~(page_size - 1);
	b->virt = (char *)start;
	/* Refused where the kernel has no THP: the snapshot will tell. */
	madvise(b->virt, b->size,
		b->kind == PHYSBIO_BUFFER_THP ? MADV_HUGEPAGE :
						MADV_NOHUGEPAGE);
	return 0;
}

static void touch(struct physbio_buffer *b)
{
	size_t host = (size_t)sysconf(_SC_PAGESIZE), at;

	for (at = 0; at < b->size; at += host)
		((volatile char *)b->virt)[at] = 0;
	b->locked = !mlock(b->virt, b->size);
}

int physbio_buffer_alloc(enum physbio_buffer_kind kind, size_t size, int nid,
			 struct physbio_buffer **buffer,
			 struct physbio_error *error)
{
	size_t page_size = page_size_of(kind);
	struct physbio_buffer *b;
	int err;

	if (!size || size > SIZE_MAX / 2)
		return fail(error, -EINVAL, "buffer size");
	b = calloc(1, sizeof(*b));
	if (!b)
		return fail(error, -ENOMEM, "buffer");
	b->kind = kind;
	b->size = (size + page_size - 1) / page_size * page_size;
	err = map_buffer(b, page_size);
	if (err) {
		free(b);
		return fail(error, err,
			    kind == PHYSBIO_BUFFER_HUGETLB ?
				    "no free hugetlb pages of 2 MiB" :
				    "buffer");
	}
	physbio_place(b->virt, b->size, nid);
	touch(b);
	*buffer = b;
	return 0;
}

void physbio_buffer_free(struct physbio_buffer *b)
{
	if (!b)
		return;
	munmap(b->mapping, b->mapping_size);
	free(b->frames);
	free(b);
}

static size_t nr_frames(const struct physbio_buffer *b)
{
	return b->size >> PB_PAGE_SHIFT;
}

static size_t total_frames(struct physbio_buffer *const *buffers,
			   unsigned int nr)
{
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		n += nr_frames(buffers[i]);
	return n;
}

/* --- frames that the kernel tells --- */

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_PFN ((UINT64_C(1) << 55) - 1)

static int read_frames(int fd, struct physbio_buffer *b)
{
	size_t i, n = nr_frames(b);
	off_t at = (off_t)((uintptr_t)b->virt >> PB_PAGE_SHIFT) *
		   (off_t)sizeof(uint64_t);

	for (i = 0; i < n; i++) {
		uint64_t entry;

		if (pread(fd, &entry, sizeof(entry),
			  at + (off_t)(i * sizeof(entry))) != sizeof(entry))
			return -EIO;
		if (!(entry & PAGEMAP_PRESENT))
			return -EAGAIN;
		if (!(entry & PAGEMAP_PFN))
			return -EPERM;
		if ((entry & PAGEMAP_PFN) > (pb_phys_addr_t)-1 >> PB_PAGE_SHIFT)
			return -ERANGE;
		b->frames[i] = (pb_phys_addr_t)(entry & PAGEMAP_PFN)
			       << PB_PAGE_SHIFT;
	}
	return 0;
}

static int compare_frames(const void *a, const void *b)
{
	pb_phys_addr_t fa = *(const pb_phys_addr_t *)a;
	pb_phys_addr_t fb = *(const pb_phys_addr_t *)b;

	return fa < fb ? -1 : fa > fb;
}

/* All frames of all buffers, ascending. */
static pb_phys_addr_t *sorted_frames(struct physbio_buffer *const *buffers,
				     unsigned int nr)
{
	size_t total = total_frames(buffers, nr), n = 0;
	pb_phys_addr_t *all = malloc(total * sizeof(*all));
	unsigned int i;

	if (!all)
		return NULL;
	for (i = 0; i < nr; i++) {
		memcpy(all + n, buffers[i]->frames,
		       nr_frames(buffers[i]) * sizeof(*all));
		n += nr_frames(buffers[i]);
	}
	qsort(all, total, sizeof(*all), compare_frames);
	return all;
}

/* A frame that two pages have was given to one while the other was read. */
static int check_frames(struct physbio_buffer *const *buffers, unsigned int nr)
{
	size_t total = total_frames(buffers, nr), i;
	pb_phys_addr_t *all = sorted_frames(buffers, nr);
	int err = 0;

	if (!all)
		return -ENOMEM;
	for (i = 1; i < total && !err; i++)
		if (all[i] == all[i - 1])
			err = -EAGAIN;
	free(all);
	return err;
}

static int read_pagemap(struct physbio_buffer *const *buffers, unsigned int nr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int err = 0, tries;
	unsigned int i;

	if (fd < 0)
		return -EPERM;
	for (tries = 0; tries < TRIES; tries++) {
		err = 0;
		for (i = 0; i < nr && !err; i++)
			err = read_frames(fd, buffers[i]);
		if (!err)
			err = check_frames(buffers, nr);
		if (err != -EAGAIN)
			break;
	}
	close(fd);
	return err;
}

/* --- frames that are made up --- */

#define SYNTHETIC_BASE ((pb_phys_addr_t)1 << 30)

/* xorshift: the same layout for the same seed, everywhere. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* As a buddy allocator that has run for a while: short runs, some of them long. */
static size_t run_length(uint32_t *state)
{
	size_t run = 1;

	while (run < 64 && !(next_random(state) & 1))
		run *= 2;
	return run;
}

static void make_up_pages(struct physbio_buffer *b, pb_phys_addr_t *next,
			  uint32_t *state)
{
	size_t i = 0, n = nr_frames(b), run;

	while (i < n) {
		*next += (pb_phys_addr_t)(1 + (next_random(state) & 7))
			 << PB_PAGE_SHIFT;
		for (run = run_length(state); run && i < n; run--) {
			b->frames[i++] = *next;
			*next += (pb_phys_addr_t)PB_PAGE_SIZE;
		}
	}
	/* Freed and allocated again: neighbours are not in order. */
	for (i = n; i > 1; i--) {
		size_t j = next_random(state) % i;
		pb_phys_addr_t swap = b->frames[i - 1];

		if (next_random(state) & 3)
			continue;
		b->frames[i - 1] = b->frames[j];
		b->frames[j] = swap;
	}
}

static void make_up_blocks(struct physbio_buffer *b, pb_phys_addr_t *next)
{
	size_t i, n = nr_frames(b);

	*next = (*next + HUGE_SIZE - 1) & ~(pb_phys_addr_t)(HUGE_SIZE - 1);
	for (i = 0; i < n; i++) {
		if (!((i << PB_PAGE_SHIFT) % HUGE_SIZE))
			*next += HUGE_SIZE;
		b->frames[i] = *next;
		*next += (pb_phys_addr_t)PB_PAGE_SIZE;
	}
}

static void make_up(struct physbio_buffer *const *buffers, unsigned int nr,
		    unsigned int seed)
{
	pb_phys_addr_t next = SYNTHETIC_BASE;
	uint32_t state = seed * 2654435761u + 1;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (buffers[i]->kind == PHYSBIO_BUFFER_PAGES)
			make_up_pages(buffers[i], &next, &state);
		else
			make_up_blocks(buffers[i], &next);
}

/* --- both --- */

static bool block_at(const struct physbio_buffer *b, size_t first)
{
	size_t i, n = HUGE_SIZE >> PB_PAGE_SHIFT;

	if (b->frames[first] & (HUGE_SIZE - 1))
		return false;
	for (i = 1; i < n; i++)
		if (b->frames[first + i] !=
		    b->frames[first] + ((pb_phys_addr_t)i << PB_PAGE_SHIFT))
			return false;
	return true;
}

static bool all_blocks(const struct physbio_buffer *b)
{
	size_t i, n = HUGE_SIZE >> PB_PAGE_SHIFT;

	if (b->kind == PHYSBIO_BUFFER_PAGES)
		return false;
	for (i = 0; i < nr_frames(b); i += n)
		if (!block_at(b, i))
			return false;
	return true;
}

static pb_phys_addr_t top_of(struct physbio_buffer *const *buffers,
			     unsigned int nr)
{
	pb_phys_addr_t top = 0, gib = (pb_phys_addr_t)1 << 30;
	unsigned int i;
	size_t j;

	for (i = 0; i < nr; i++)
		for (j = 0; j < nr_frames(buffers[i]); j++)
			if (buffers[i]->frames[j] > top)
				top = buffers[i]->frames[j];
	return (top / gib + 1) * gib;
}

static int alloc_frames(struct physbio_buffer *const *buffers, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		free(buffers[i]->frames);
		buffers[i]->frames = calloc(nr_frames(buffers[i]),
					    sizeof(buffers[i]->frames[0]));
		if (!buffers[i]->frames)
			return -ENOMEM;
	}
	return 0;
}

static int find_frames(struct physbio_buffer *const *buffers, unsigned int nr)
{
	if ((size_t)sysconf(_SC_PAGESIZE) != PB_PAGE_SIZE)
		return -ENOTSUP;
	return read_pagemap(buffers, nr);
}

static void say_source(struct physbio_snapshot *snap, int err)
{
	const char *why =
		err == -ENOTSUP ?
			"the pages of this build are not the machine's" :
			"/proc/self/pagemap tells no frames (not root?)";

	snap->synthetic = err;
	snprintf(snap->source, sizeof(snap->source), "%s%s",
		 err ? "synthetic: " : "pagemap", err ? why : "");
}

int physbio_snapshot_take(struct physbio_buffer *const *buffers,
			  unsigned int nr, unsigned int seed,
			  struct physbio_snapshot *snap,
			  struct physbio_error *error)
{
	unsigned int i;
	int err = alloc_frames(buffers, nr);

	if (!err)
		err = find_frames(buffers, nr);
	if (err == -EAGAIN || err == -ENOMEM)
		return fail(error, err, "frames of the buffers");
	if (err)
		make_up(buffers, nr, seed);
	say_source(snap, err);
	for (i = 0; i < nr; i++)
		buffers[i]->huge = all_blocks(buffers[i]);
	snap->top = top_of(buffers, nr);
	return 0;
}

static int compare_starts(const void *a, const void *b)
{
	const struct physbio_mem_range *ra = a, *rb = b;

	return ra->start < rb->start ? -1 : ra->start > rb->start;
}

int physbio_snapshot_ranges(struct physbio_buffer *const *buffers,
			    unsigned int nr, struct physbio_mem_range **ranges)
{
	size_t total = total_frames(buffers, nr), i;
	pb_phys_addr_t *all = sorted_frames(buffers, nr);
	struct physbio_mem_range *made = calloc(total + 1, sizeof(*made));
	int n = 0;

	if (!all || !made) {
		free(all);
		free(made);
		return -ENOMEM;
	}
	for (i = 0; i < total; i++) {
		pb_phys_addr_t start = all[i] / SECTION_SIZE * SECTION_SIZE;

		if (n && start - made[n - 1].start < made[n - 1].size)
			continue;
		if (n && start - made[n - 1].start == made[n - 1].size) {
			made[n - 1].size += SECTION_SIZE;
			continue;
		}
		made[n++] = (struct physbio_mem_range){
			.start = start,
			.size = SECTION_SIZE,
			.kind = PHYSBIO_MEM_RAM_EMPTY,
			.nid = -1,
		};
	}
	free(all);
	qsort(made, (size_t)n, sizeof(*made), compare_starts);
	*ranges = made;
	return n;
}

static int attach_buffer(const struct physbio_buffer *b,
			 struct physbio_mem *mem)
{
	size_t i, block = HUGE_SIZE >> PB_PAGE_SHIFT;
	unsigned int order = 21 - PB_PAGE_SHIFT;
	int err = 0;

	for (i = 0; i < nr_frames(b) && !err; i++)
		err = physbio_mem_attach(mem, b->frames[i],
					 b->virt + (i << PB_PAGE_SHIFT));
	if (!b->huge)
		return err;
	for (i = 0; i < nr_frames(b) && !err; i += block)
		err = physbio_mem_make_folio(mem, b->frames[i], order);
	return err;
}

int physbio_snapshot_attach(struct physbio_buffer *const *buffers,
			    unsigned int nr, struct physbio_mem *mem)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = attach_buffer(buffers[i], mem);
	return err;
}

int physbio_snapshot_map(struct physbio_buffer *const *buffers, unsigned int nr,
			 const struct physbio_mem_range *extra,
			 unsigned int nr_extra, struct physbio_mem **mem,
			 struct physbio_error *error)
{
	struct physbio_mem_range *ram, *all;
	int n = physbio_snapshot_ranges(buffers, nr, &ram), err;
	unsigned int i;

	if (n < 0)
		return fail(error, n, "memory map");
	all = realloc(ram, ((size_t)n + nr_extra) * sizeof(*all));
	if (!all) {
		free(ram);
		return fail(error, -ENOMEM, "memory map");
	}
	for (i = 0; i < nr_extra; i++)
		all[n + (int)i] = extra[i];
	err = physbio_mem_create(all, (unsigned int)n + nr_extra, mem, error);
	free(all);
	if (err)
		return err;
	err = physbio_snapshot_attach(buffers, nr, *mem);
	if (err) {
		physbio_mem_destroy(*mem);
		*mem = NULL;
		return fail(error, err, "memory map");
	}
	return 0;
}

pb_phys_addr_t physbio_buffer_phys(const struct physbio_buffer *b,
				   size_t offset)
{
	return b->frames[offset >> PB_PAGE_SHIFT] + pb_offset_in_page(offset);
}

size_t physbio_buffer_run(const struct physbio_buffer *b, size_t offset,
			  size_t len, pb_phys_addr_t *paddr)
{
	size_t run;

	*paddr = physbio_buffer_phys(b, offset);
	run = PB_PAGE_SIZE - pb_offset_in_page(offset);
	while (run < len && offset + run < b->size &&
	       physbio_buffer_phys(b, offset + run) ==
		       *paddr + (pb_phys_addr_t)run)
		run += PB_PAGE_SIZE;
	return run < len ? run : len;
}

void physbio_numa_describe(char *text, size_t size)
{
#ifdef HAVE_LIBNUMA
	if (numa_available() >= 0 && numa_max_node() > 0)
		snprintf(text, size, "%d nodes (libnuma)", numa_max_node() + 1);
	else
		snprintf(text, size, "one node: nothing to place");
#else
	snprintf(text, size, "built without libnuma: nothing is placed");
#endif
}
