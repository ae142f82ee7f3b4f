/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The machine of an example: what a text describes, some RAM, and a disk in it. */
#ifndef EXAMPLE_MACHINE_H
#define EXAMPLE_MACHINE_H

#include <physbio/machine.h>
#include <physbio/memdev.h>

#define MACHINE_RAM (1u << 20) /* bytes */

struct machine {
	struct physbio_topology *t;
	struct physbio_machine *m;
	struct physbio_mem *mem;
	struct physbio_fabric *fabric;
	struct physbio_memdev *disk;
	pb_phys_addr_t ram; /* of its first byte */
	int node; /* of the endpoint "disk" */
	struct pb_device dev; /* its DMA client */
};

/* A machine as physbio/topofile.h has it, with RAM at @ram. 0 or -errno. */
int machine_boot(struct machine *m, const char *text, pb_phys_addr_t ram);

/* The disk, driven by @core; NULL: the library's own. 0 or -errno. */
int machine_add_disk(struct machine *m, const struct physbio_memdev_core *core);

/* Also of what machine_boot() did not finish. */
void machine_shut_down(struct machine *m);

/* The first BAR of a device, and its bytes; NULL if there is none. */
const struct physbio_region *machine_bar(struct machine *m, const char *name);
unsigned char *machine_bar_bytes(struct machine *m, const char *name);

/* How many bytes differ, and whether all are the same one. */
unsigned int count_wrong(const unsigned char *got, const unsigned char *want,
			 unsigned int len);
bool is_filled(const unsigned char *bytes, unsigned char c, unsigned int len);

#endif
