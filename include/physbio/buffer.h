/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * I/O buffers whose physical addresses are the machine's own: memory of this process,
 * and the frames that the kernel says are behind it. Where it does not say, a layout is
 * made up and named as such. Settings of the machine are never changed.
 */
#ifndef PHYSBIO_BUFFER_H
#define PHYSBIO_BUFFER_H

#include <physbio/error.h>
#include <physbio/mem.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum physbio_buffer_kind {
	PHYSBIO_BUFFER_PAGES, /* pages of the machine's base size */
	PHYSBIO_BUFFER_THP, /* transparent huge pages of 2 MiB */
	PHYSBIO_BUFFER_HUGETLB, /* huge pages of 2 MiB that were set aside */
};

struct physbio_buffer {
	enum physbio_buffer_kind kind;
	char *virt; /* first byte */
	size_t size; /* bytes, multiple of the page size of the kind */
	bool locked; /* mlock() succeeded: the frames stay */
	bool huge; /* after the snapshot: every 2 MiB are one block */
	pb_phys_addr_t *frames; /* of each PB_PAGE_SIZE, after the snapshot */
	void *mapping; /* what to unmap */
	size_t mapping_size;
};

/* Where the physical addresses of a run come from. */
struct physbio_snapshot {
	bool synthetic;
	char source[160]; /* for people: "pagemap", or "synthetic: " and why */
	pb_phys_addr_t top; /* first address above all frames, to 1 GiB */
};

/**
 * physbio_buffer_alloc() - memory of this process, touched and locked
 * @kind: what pages it is to have
 * @size: bytes, rounded up to whole pages
 * @nid: NUMA node to place it on; -1: any
 * @buffer: the buffer
 * @error: filled on failure; may be NULL
 *
 * Context: may sleep. Return: 0; -EINVAL if @size is 0; -ENOMEM; -ENOTSUP if the
 * machine has no such pages to give, and @error says which.
 */
PB_API int physbio_buffer_alloc(enum physbio_buffer_kind kind, size_t size,
				int nid, struct physbio_buffer **buffer,
				struct physbio_error *error);

/* physbio_buffer_free() - give it back; no map may hold it. NULL is nothing. */
PB_API void physbio_buffer_free(struct physbio_buffer *buffer);

/**
 * physbio_snapshot_take() - find out the frames of all buffers of a run, once
 * @buffers: all of them
 * @nr: how many
 * @seed: of the layout that is made up if the kernel does not tell
 * @snap: where the addresses come from
 * @error: filled on failure; may be NULL
 *
 * Frames that appear twice were moved while they were read, and are read again.
 * Context: may sleep. Return: 0; -EAGAIN if they kept moving; -ENOMEM.
 */
PB_API int physbio_snapshot_take(struct physbio_buffer *const *buffers,
				 unsigned int nr, unsigned int seed,
				 struct physbio_snapshot *snap,
				 struct physbio_error *error);

/**
 * physbio_snapshot_map() - make the memory map of all buffers
 * @buffers: all of them, with their frames
 * @nr: how many
 * @extra: further ranges of the map, such as BARs
 * @nr_extra: how many
 * @mem: the map
 * @error: filled on failure; may be NULL
 *
 * Every section of 128 MiB with a frame in it is RAM; blocks of 2 MiB are folios.
 * Context: may sleep. Return: as physbio_mem_create().
 */
PB_API int physbio_snapshot_map(struct physbio_buffer *const *buffers,
				unsigned int nr,
				const struct physbio_mem_range *extra,
				unsigned int nr_extra, struct physbio_mem **mem,
				struct physbio_error *error);

/**
 * physbio_snapshot_ranges() - the RAM that such a map would have
 * @buffers: all of them, with their frames
 * @nr: how many
 * @ranges: made for the caller, who frees it with free()
 *
 * Context: may sleep. Return: how many, or -ENOMEM.
 */
PB_API int physbio_snapshot_ranges(struct physbio_buffer *const *buffers,
				   unsigned int nr,
				   struct physbio_mem_range **ranges);

/* physbio_snapshot_attach() - put the buffers behind the pages of a map of them. */
PB_API int physbio_snapshot_attach(struct physbio_buffer *const *buffers,
				   unsigned int nr, struct physbio_mem *mem);

/* Physical address of a byte of a buffer. Context: any, after the snapshot. */
PB_API pb_phys_addr_t physbio_buffer_phys(const struct physbio_buffer *buffer,
					  size_t offset);

/**
 * physbio_buffer_run() - how far memory is contiguous
 * @buffer: buffer, after the snapshot
 * @offset: bytes from its start
 * @len: bytes that are wanted
 * @paddr: physical address of the first
 *
 * Context: any. Return: bytes, at most @len, from @paddr on.
 */
PB_API size_t physbio_buffer_run(const struct physbio_buffer *buffer,
				 size_t offset, size_t len,
				 pb_phys_addr_t *paddr);

/* For people: the machine's nodes, and whether placing works. Context: any. */
PB_API void physbio_numa_describe(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
