/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The machine and the I/O of 08-redirecting-switch.c, for it and for its test. */
#ifndef REDIRECTING_SWITCH_H
#define REDIRECTING_SWITCH_H

#include <physbio/fabric.h>
#include <physbio/xlate.h>

#define RS_LEN 16384u
#define RS_BAR \
	0x40000000u /* bus address of the peer's memory, and physical address */
#define RS_RAM 0x10000000u
#define RS_BUFFER (RS_RAM + 0x80000u) /* somebody's, mapped for the disk */

struct rs_case {
	bool redirects; /* the switch sends peers' requests up */
	bool bits; /* its ACS bits say so */
	bool iommu; /* there is one above it */
	bool buffer; /* and it maps somebody's buffer at RS_BAR */
};

struct rs_io {
	int err;
	unsigned int wrong; /* bytes of RS_LEN that are not where they must be */
};

struct rs_result {
	enum pb_pci_p2pdma_map_type map; /* what Linux decides */
	struct physbio_hit hit; /* what RS_BAR hits, as the fabric has it */
	struct rs_io to_disk, to_peer;
	bool buffer_changed; /* somebody's buffer, by the transfer to the peer */
};

/* Set the machine up, do both transfers, take it down. 0, or -errno of set-up. */
int rs_run(const struct rs_case *c, struct rs_result *r);

#endif
