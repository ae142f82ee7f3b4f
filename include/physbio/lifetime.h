/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What keeps memory from being taken away while I/O is in flight on it: three lifetimes
 * to choose from, and read sections for whoever looks at a page for a moment. Decides who
 * is waited for; who waits is hotplug.h's. Neither pins pages nor knows requests.
 */
#ifndef PHYSBIO_LIFETIME_H
#define PHYSBIO_LIFETIME_H

#include <physbio/bio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_dev_pagemap;

enum physbio_lifetime_id {
	/*
	 * A reference on the provider for each entry of the bio's table. Two atomics for
	 * each entry, on cache lines that are mostly the CPU's own.
	 */
	PHYSBIO_LIFETIME_segment,
	/*
	 * One for each run of entries that have the same provider: one for most bios, and
	 * for every P2P bio. A comparison is left for each entry.
	 */
	PHYSBIO_LIFETIME_bio,
	/*
	 * No reference on any provider: the I/O is counted as one of its epoch, from
	 * submission to completion. A plain RCU read section can't do that, as an I/O
	 * completes on another thread and must not keep a CPU from sleeping; so epochs are
	 * counted as SRCU counts its readers. It doesn't matter which provider is removed:
	 * who removes any waits for every I/O that was in flight when it was killed,
	 * also for one that hangs on another device.
	 */
	PHYSBIO_LIFETIME_epoch,
	PHYSBIO_NR_LIFETIMES,
};

/* What an I/O holds. The members are private. */
struct physbio_hold {
	struct pb_dev_pagemap *pgmap; /* of the first entry */
	unsigned int refs;
	unsigned int epoch;
};

struct physbio_lifetime {
	const char *name;
	/**
	 * @get: hold what the entries of a bio are in
	 *
	 * @hold is filled, and kept by the caller until put(). The entries are those of
	 * the bio's own table, not a clone's.
	 *
	 * Context: any, the memory map staying. Return: 0; -EFAULT if there was no memory
	 * in the map where an entry is; -ENODEV if the range of an entry is offline or
	 * removed. On error nothing is held. Source: blk_queue_enter(), get_dev_pagemap()
	 */
	int (*get)(struct physbio_hold *hold, const struct pb_bio *bio);
	/**
	 * @put: let it go
	 *
	 * The table is as it was, however the bio was cut or merged since. No page of the
	 * bio may be touched any more, but for pages that are pinned.
	 *
	 * Context: any thread.
	 */
	void (*put)(struct physbio_hold *hold, const struct pb_bio *bio);
};

/**
 * physbio_lifetime() - a lifetime
 * @id: which
 *
 * Context: any. Return: the lifetime; NULL if @id is none.
 */
PB_API const struct physbio_lifetime *
physbio_lifetime(enum physbio_lifetime_id id);

/**
 * physbio_read_lock() - begin a read section
 *
 * A page that is looked up in a read section and that is there (physbio_mem_page(),
 * rescache.h) stays until the end of the section, with its bytes. Sections may nest.
 *
 * They are those of liburcu (liburcu-bp); without it they are counted, with two atomics
 * for each section, and everything else works alike.
 *
 * Context: any; the section must not wait for physbio_mem_remove(). Return: what
 * physbio_read_unlock() wants. Source: srcu_read_lock()
 */
PB_API unsigned int physbio_read_lock(void);

/* physbio_read_unlock() - end it, in the thread that began it. Source: srcu_read_unlock() */
PB_API void physbio_read_unlock(unsigned int idx);

#ifdef __cplusplus
}
#endif

#endif
