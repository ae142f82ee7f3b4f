/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The machine and the I/O of 07-two-root-ports.c, for it and for its test. */
#ifndef TWO_ROOT_PORTS_H
#define TWO_ROOT_PORTS_H

#include <stdbool.h>

#define TRP_LEN 16384u

enum {
	TRP_PHYS,
	TRP_DMA
};

struct trp_case {
	bool equal_offsets; /* the board's 64-bit windows: offset 0 everywhere */
	bool allowed; /* host bridges on the allow-list for P2P */
	bool victim; /* another device behind port 2 has the same bus address */
};

struct trp_result {
	unsigned long long paddr; /* of the memory, as the CPU sees it */
	unsigned long long bus; /* of the same, at its own port */
	int err; /* of writing it to the disk */
	unsigned int
		wrong_bytes; /* of what the disk got, if it reports success */
	bool disk_has_victim; /* all of these are the victim's bytes */
	bool disk_changed; /* by the write */
	int read_err; /* of reading the disk into it */
	bool read_right; /* the memory has what the disk had */
	bool memory_changed; /* by the read */
	bool victim_changed; /* the victim's memory has it instead */
};

/* Set the machine up, do the I/O both ways, take it down. 0, or -errno of set-up. */
int trp_run(const struct trp_case *c, int which, struct trp_result *r);

#endif
