/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * I/O between all pairs of a board: every device as the client, RAM and every BAR as the
 * memory, both ways, with PRPs and with SGLs, through the engine and the fabric and back.
 * After each one all memory is compared with what must be in it; how it must end is
 * decided here, and nothing is printed but I/Os that end otherwise.
 */
#ifndef TEST_PAIRS_H
#define TEST_PAIRS_H

#include <physbio/machine.h>
#include <physbio/memdev.h>
#include <physbio/p2p.h>

#include "../../src/repr/ops.h"
#include "../../tools/populate.h"
#include "../../tools/reach.h"

/*
 *	page 0     page 1     page 2     page 3
 *	|      aa| |cccccccc| |bbbbbbbb| | dd     |
 *
 * An I/O, in this order: a, b and c are one PRP list, which d can't be in.
 */
struct piece {
	uint32_t at, len;
};

#define NR_PIECES 4u

extern const struct piece pieces[NR_PIECES];

/* Memory that has bytes: RAM, or a BAR. */
struct place {
	int node, bar; /* -1: RAM */
	pb_phys_addr_t paddr;
	size_t size; /* bytes that are compared */
	const struct physbio_region *region; /* NULL: RAM */
	bool target; /* I/O goes there */
	char *bytes, *want;
};

#define STORE_SECTORS 64u

struct board {
	const char *name;
	struct physbio_topology *t;
	struct physbio_machine *m;
	struct physbio_mem *mem;
	struct physbio_fabric *fabric;
	struct place *places;
	unsigned int nr_places;
	uint64_t ram;
	char want_store[STORE_SECTORS << PB_SECTOR_SHIFT];
};

/* What the host bridges do, and what Linux believes of them. */
struct forwarding {
	const char *name;
	enum physbio_p2p_listing listing;
	bool cpu, routed;
};

enum outcome {
	RIGHT, /* these bytes, and no other */
	REFUSED, /* EREMOTEIO, and no byte has moved */
	FAILED, /* EIO, likewise */
	CORRUPT, /* success, and not these bytes */
	BROKEN, /* an error, and bytes have moved, or an error of another kind */
	NR_OUTCOMES,
};

/* Counts of one way of addressing. */
struct counts {
	unsigned long n[NR_OUTCOMES];
	unsigned long own; /* of FAILED: the client's own BAR */
	unsigned long faults; /* of FAILED: the device tried, and hit nothing */
};

/* Give a board that is loaded its devices and RAM that they reach. */
int board_populate(struct board *b, struct physbio_error *error);

/* Make a machine of it, and end that one. Return: 0 or -errno and @error. */
int board_boot(struct board *b, const struct forwarding *fw,
	       struct physbio_error *error);
void board_shut_down(struct board *b);

/*
 * The I/O of all pairs of a board that is up, by one representation. @wrong counts those
 * of physical vectors that did not end as they must. Return: 0 or -errno, of setting up.
 */
int board_run(struct board *b, const struct forwarding *fw,
	      const struct physbio_repr *repr, struct counts *counts,
	      unsigned long *wrong);

/* RFC: made once, by the first device of the board, or where the BAR is. */
uint64_t board_submitters_bus(struct board *b, const struct place *p);

int board_count_nodes(struct physbio_topology *t, enum physbio_node_kind kind);

unsigned long counts_sum(const struct counts *c);

#endif
