/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hardware between devices and memory: what a bus address, issued by one device at
 * its port, really hits. It follows the wires of the topology and knows nothing of
 * what software believes: no translator, no region, no physical address that anyone
 * meant.
 */
#ifndef PHYSBIO_FABRIC_H
#define PHYSBIO_FABRIC_H

#include <physbio/iommu.h>
#include <physbio/mem.h>
#include <physbio/topology.h>
#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum physbio_hit_kind {
	PHYSBIO_HIT_NOTHING, /* no one claims it: the access fails */
	PHYSBIO_HIT_RAM,
	PHYSBIO_HIT_BAR,
};

struct physbio_hit {
	enum physbio_hit_kind kind;
	pb_phys_addr_t paddr; /* where the CPU sees the first byte */
	uint64_t len; /* bytes from here on that hit the same thing */
	int node; /* PHYSBIO_HIT_BAR: whose */
	int bar; /* and which */
};

struct physbio_fabric_stats {
	unsigned long transfers; /* reads and writes of data that were issued */
	unsigned long bytes; /* that arrived, also before a fault */
	unsigned long
		faults; /* transfers that hit nothing, at their start or later */
};

struct physbio_fabric;

/**
 * physbio_fabric_create() - wire a topology to its memory
 * @t: description; kept by the caller, and not changed, as long as the fabric
 * @mem: memory map of the same machine; kept by the caller
 * @fabric: the fabric
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
PB_API int physbio_fabric_create(struct physbio_topology *t,
				 struct physbio_mem *mem,
				 struct physbio_fabric **fabric);

/* physbio_fabric_destroy() - free it; NULL is nothing. Context: any. */
PB_API void physbio_fabric_destroy(struct physbio_fabric *fabric);

/**
 * physbio_fabric_set_iommu() - put an IOMMU above the ports of a host bridge
 * @fabric: the fabric, with nothing in flight
 * @node: index of a host bridge
 * @iommu: domain of all that comes up there; kept by the caller; NULL: none
 *
 * What a device sends up is then an I/O virtual address, a peer's too.
 * Context: may sleep. Return: 0; -EINVAL if @node is no host bridge; -ENOMEM.
 */
PB_API int physbio_fabric_set_iommu(struct physbio_fabric *fabric, int node,
				    const struct physbio_iommu *iommu);

/**
 * physbio_fabric_route() - what a bus address hits
 * @fabric: the fabric
 * @node: endpoint that issues it
 * @addr: bus address, as that endpoint puts it on the bus
 *
 * Context: any. Return: what the first byte hits, and how far that goes.
 */
PB_API struct physbio_hit physbio_fabric_route(struct physbio_fabric *fabric,
					       int node, pb_dma_addr_t addr);

/**
 * physbio_fabric_read() - a device reads memory
 * @fabric: the fabric
 * @node: endpoint that issues it
 * @addr: bus address of the first byte
 * @buf: where the bytes go
 * @len: how many
 *
 * Context: any thread. Return: 0; -EFAULT if a byte hits nothing: those before it
 * have been read, and @fault, if not NULL, is its bus address.
 */
PB_API int physbio_fabric_read(struct physbio_fabric *fabric, int node,
			       pb_dma_addr_t addr, void *buf, size_t len,
			       pb_dma_addr_t *fault);

/* physbio_fabric_write() - a device writes memory. As physbio_fabric_read(). */
PB_API int physbio_fabric_write(struct physbio_fabric *fabric, int node,
				pb_dma_addr_t addr, const void *buf, size_t len,
				pb_dma_addr_t *fault);

/**
 * physbio_fabric_fetch() - a device reads descriptors
 *
 * As physbio_fabric_read(), but no transfer of data: neither counted nor corrupted.
 */
PB_API int physbio_fabric_fetch(struct physbio_fabric *fabric, int node,
				pb_dma_addr_t addr, void *buf, size_t len,
				pb_dma_addr_t *fault);

/**
 * physbio_fabric_corrupt() - flip one byte of a transfer to come
 * @fabric: the fabric, with nothing in flight
 * @nth: which transfer of those from now on, from 1; 0: none
 *
 * The middle byte of what arrives is flipped on its way; of a transfer that hits
 * nothing at once, none.
 * Context: any.
 */
PB_API void physbio_fabric_corrupt(struct physbio_fabric *fabric,
				   unsigned long nth);

/* physbio_fabric_stats() - what has been issued so far. Context: any. */
PB_API void physbio_fabric_stats(const struct physbio_fabric *fabric,
				 struct physbio_fabric_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
