/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Devices for a machine whose description names host bridges only, as a device tree
 * does, and RAM that all of them reach. Always the same ones: see docs/boards.md.
 */
#ifndef TOOLS_POPULATE_H
#define TOOLS_POPULATE_H

#include <stdint.h>

#include <physbio/error.h>
#include <physbio/topology.h>

/* Bytes of every BAR that is added, a published one in each outbound window. */
#define POPULATE_BAR 16384u

/* Bytes of RAM that a device with a mask of 32 bits must reach to get it. */
#define POPULATE_RAM (128u << 10)

/*
 * Put devices below each host bridge with windows that has nothing below it:
 *
 *	HB.rp0 - HB.up - HB.dn0 - HB.nvme0
 *	               - HB.dn1 - HB.nvme1	first of these host bridges: ACS redirects
 *	HB.rp1 - HB.nvme2			the same: a mask of 32 bits, if that reaches RAM
 *
 * Return: 0, or -errno and @error.
 */
int populate(struct physbio_topology *t, struct physbio_error *error);

/*
 * The lowest CPU address at which @size bytes of RAM are reached from below every host
 * bridge: in no outbound window, in an inbound one where there are any, and at bus
 * addresses that no outbound window claims. Return: 0, or -ENOENT.
 */
int populate_ram(struct physbio_topology *t, uint64_t size, uint64_t *start);

#endif
