/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A topology as text, a line for each thing:
 *
 *	# a comment, to the end of the line
 *	cpu forwards
 *	host-bridge NAME [listed|listed-same] [unrouted] [domain=N buses=FIRST-LAST]
 *		[iommu=GRANULE] [numa=NODE]
 *	outbound HOST-BRIDGE cpu=ADDR bus=ADDR size=BYTES
 *	inbound HOST-BRIDGE cpu=ADDR bus=ADDR size=BYTES
 *	bridge NAME below=NAME [port=root|upstream|downstream|pci] [FUNCTION]
 *	forward BRIDGE bus=ADDR size=BYTES
 *	endpoint NAME below=NAME [mask=BITS] [numa=NODE] [FUNCTION]
 *	bar NAME bus=ADDR size=BYTES [published]
 *
 * A line is one line, and FUNCTION stands for
 *
 *	[at=DEVICE.FUNCTION] [id=VENDOR:DEVICE] [acs=BITS] [acs-cap=BITS]
 *		[acs-hw=always|never]
 *
 * NAME has up to 31 characters, none of them a # or =. What a line names stands above
 * it. Numbers are decimal, or hexadecimal behind 0x; at= and id= are hexadecimal, as PCI
 * has them. Of inbound windows that overlap the first counts. acs= is the control
 * register, acs-cap= the capability, acs-hw= what the hardware does instead. A bridge
 * with no forward line sends down what is below it. What is written is read back the
 * same.
 */
#ifndef PHYSBIO_TOPOFILE_H
#define PHYSBIO_TOPOFILE_H

#include <physbio/error.h>
#include <physbio/topology.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * physbio_topology_parse() - read a topology
 * @text: the text, not ended by a zero
 * @size: bytes of it
 * @topology: the description, ended by physbio_topology_destroy()
 * @error: filled on failure, with the line; may be NULL
 *
 * Context: may sleep. Return: 0; -EINVAL if a line is not as above, or says what no
 * machine can be; -ENOMEM. There is no description then.
 */
PB_API int physbio_topology_parse(const char *text, size_t size,
				  struct physbio_topology **topology,
				  struct physbio_error *error);

/**
 * physbio_topology_format() - write a topology
 * @t: description
 *
 * Context: may sleep. Return: the text, ended by a zero, for the caller to free();
 * NULL without memory.
 */
PB_API char *physbio_topology_format(struct physbio_topology *t);

#ifdef __cplusplus
}
#endif

#endif
