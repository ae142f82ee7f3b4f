// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See pieces.h. */
#include <stdlib.h>

#include "pieces.h"

#include "../src/user/rescache-model.h"

pb_phys_addr_t bench_piece(const struct bench_pieces *p, unsigned int i)
{
	return (i + 1) * p->gap;
}

struct physbio_mem *bench_pieces_up(const struct bench *b,
				    const struct bench_pieces *p)
{
	const struct physbio_mem_options options = {
		.models = (1u << PHYSBIO_NR_MEMMODELS) - 1,
	};
	struct physbio_mem_range *ranges =
		bench_alloc(b, p->nr, sizeof(*ranges));
	struct physbio_error error;
	struct physbio_mem *mem;
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		ranges[i] = (struct physbio_mem_range){
			.start = bench_piece(p, i),
			.size = p->size,
			.kind = PHYSBIO_MEM_RAM_EMPTY,
			.nid = b->node,
		};
	if (physbio_mem_create_for(ranges, p->nr, &options, &mem, &error))
		bench_die(b, "memory: %s", error.message);
	if (physbio_rescache_init(&physbio_rescache_mine, p->nr) ||
	    physbio_rescache_shared_create(p->nr, &physbio_rescache_ours))
		bench_die(b, "no caches");
	free(ranges);
	return mem;
}

void bench_pieces_down(struct physbio_mem *mem)
{
	physbio_rescache_destroy(&physbio_rescache_mine);
	physbio_rescache_shared_destroy(physbio_rescache_ours);
	physbio_mem_destroy(mem);
}
