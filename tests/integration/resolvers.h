/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The page side of src/core, compiled with each memory model, counting. */
#ifndef TEST_RESOLVERS_H
#define TEST_RESOLVERS_H

#include <physbio/pagecache.h>
#include <physbio/resolve.h>

struct resolver {
	const char *name;
	enum physbio_memmodel_id id;
#define MEMBER(prefix, name) __typeof__(&prefix##name) name;
#define RESOLVER_FUNCTIONS(F)             \
	F(pb_, bio_first_folio)           \
	F(pb_, bio_next_folio)            \
	F(pb_, bio_set_pages_dirty)       \
	F(pb_, bio_release_pages)         \
	F(pb_, bio_check_pages_dirty)     \
	F(physbio_, bio_end_folio_reads)  \
	F(physbio_, bio_end_folio_writes) \
	F(physbio_, folio_start_read)     \
	F(physbio_, folio_start_writeback)
	RESOLVER_FUNCTIONS(MEMBER)
#undef MEMBER
};

extern const struct resolver flatmem_resolver;
extern const struct resolver vmemmap_resolver;
extern const struct resolver sparsemem_resolver;
extern const struct resolver sparsemem_extreme_resolver;
extern const struct resolver radix_resolver;
extern const struct resolver range_resolver;
extern const struct resolver rescache_resolver;
extern const struct resolver rescache_shared_resolver;

#endif
