/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an operating system makes of a topology: the memory map, a P2P region for every
 * published BAR, and for every endpoint a DMA client with its translator and the way it
 * may reach each region. Whether that is true the fabric says.
 */
#ifndef PHYSBIO_MACHINE_H
#define PHYSBIO_MACHINE_H

#include <physbio/error.h>
#include <physbio/iommu.h>
#include <physbio/mem.h>
#include <physbio/topology.h>
#include <physbio/xlate.h>

#ifdef __cplusplus
extern "C" {
#endif

struct physbio_machine;

/**
 * physbio_inbound_table() - inbound windows as a translator has them
 * @inbound: windows of a host bridge, in the order of the description
 * @nr: how many
 * @table: ascending and disjoint, for physbio_xlate_init_windows(), for the caller to
 *	free(); NULL if there are none
 *
 * Of an address that several windows have the first one counts.
 * Context: may sleep. Return: how many windows the table has; -ENOMEM. Source:
 * of_dma_get_range(), translate_phys_to_dma()
 */
PB_API int physbio_inbound_table(const struct physbio_bridge_window *inbound,
				 unsigned int nr,
				 struct physbio_window **table);

/**
 * physbio_machine_create() - boot a topology
 * @t: description; kept by the caller, and not changed, as long as the machine
 * @ram: ranges of RAM
 * @nr_ram: how many
 * @machine: the machine
 * @error: filled on failure; may be NULL
 *
 * Makes the memory map, of which there is one at a time. Where the description has an
 * IOMMU in use, all endpoints below that host bridge share one domain, whose addresses
 * are none of the bridge's outbound windows, in one of its inbound ones if it has any,
 * and within all of their masks.
 * Context: may sleep. Return: 0; -EINVAL if a range of RAM or a BAR overlaps another
 * one, or an IOMMU has no addresses left; -EBUSY, -ENOMEM.
 */
PB_API int physbio_machine_create(struct physbio_topology *t,
				  const struct physbio_mem_range *ram,
				  unsigned int nr_ram,
				  struct physbio_machine **machine,
				  struct physbio_error *error);

/* physbio_machine_destroy() - end it and its memory map; NULL is nothing. */
PB_API void physbio_machine_destroy(struct physbio_machine *machine);

/* The memory map, the machine's own. Context: any. */
PB_API struct physbio_mem *physbio_machine_mem(struct physbio_machine *machine);

/* The DMA client of an endpoint, NULL for another node. Context: any. */
PB_API const struct pb_device *
physbio_machine_device(const struct physbio_machine *machine, int node);

/*
 * The domain of all endpoints below a host bridge, for physbio_fabric_set_iommu(); the
 * machine's own. NULL if none is in use there, or for another node. Context: any.
 */
PB_API struct physbio_iommu *
physbio_machine_iommu(const struct physbio_machine *machine, int node);

/* The region of a published BAR, NULL if it is not published. Context: any. */
PB_API const struct physbio_region *
physbio_machine_region(const struct physbio_machine *machine, int node,
		       int bar);

#ifdef __cplusplus
}
#endif

#endif
