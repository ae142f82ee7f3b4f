/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a device uses for a physical range, and what it hits with that: software's answer
 * and the fabric's, side by side. That the two differ is found here; nobody else asks
 * both.
 */
#ifndef TOOLS_REACH_H
#define TOOLS_REACH_H

#include <physbio/fabric.h>
#include <physbio/machine.h>
#include <physbio/p2p.h>

struct reach {
	struct physbio_topology *t;
	struct physbio_machine *m;
	struct physbio_fabric *fabric;
	const struct physbio_mem_range *ram;
	unsigned int nr_ram;
	int device; /* endpoint that issues it */
};

enum reach_owner {
	REACH_NOTHING, /* no RAM, no BAR */
	REACH_RAM,
	REACH_BAR,
};

/* A part of the range that has one owner and one mapping. */
struct reach_piece {
	pb_phys_addr_t paddr;
	uint64_t len; /* bytes */
	enum reach_owner owner;
	int node, bar; /* REACH_BAR: whose */
	bool published; /* REACH_BAR: peers may use it */
	struct physbio_p2p_verdict verdict; /* REACH_BAR */
	pb_dma_addr_t addr; /* PB_DMA_MAPPING_ERROR: none */
};

/* The fabric of a machine, with its IOMMUs. Return: 0 or -ENOMEM. */
int reach_wire(struct physbio_topology *t, const struct physbio_machine *m,
	       struct physbio_mem *mem, struct physbio_fabric **fabric);

/*
 * The bus address of @size bytes at a CPU address as they are seen from below a host
 * bridge. Return: false if they are in no inbound window, and there are some.
 */
bool reach_inbound(const struct physbio_node *hb, uint64_t cpu, uint64_t size,
		   uint64_t *bus);

/*
 * The first part of @len bytes at @paddr: ends where a region or an inbound window does.
 * Mapped, if it can be, until reach_unmap().
 */
void reach_map(const struct reach *r, pb_phys_addr_t paddr, uint64_t len,
	       struct reach_piece *p);
void reach_unmap(const struct reach *r, const struct reach_piece *p);

/* What the byte at @offset of a mapped part hits, and how far that goes in it. */
struct physbio_hit reach_hit(const struct reach *r, const struct reach_piece *p,
			     uint64_t offset);

/* Is that what was asked for? */
bool reach_right(const struct reach_piece *p, uint64_t offset,
		 const struct physbio_hit *hit);

/* Is there any device? What to say of a name that is none depends on it. */
bool reach_has_endpoint(struct physbio_topology *t);
const char *reach_hint(struct physbio_topology *t);

#endif
