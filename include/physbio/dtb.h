/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Host bridges as a device tree describes them: the windows of each, in both
 * directions, as the CPU sees them. Reads flattened trees with libfdt, and knows which
 * bindings write something else than addresses.
 */
#ifndef PHYSBIO_DTB_H
#define PHYSBIO_DTB_H

#include <physbio/error.h>
#include <physbio/topology.h>

#ifdef __cplusplus
extern "C" {
#endif

enum physbio_dtb_space {
	PHYSBIO_DTB_IO,
	PHYSBIO_DTB_MEM32,
	PHYSBIO_DTB_MEM64,
	PHYSBIO_DTB_CONFIG,
};

/* An entry of ranges or dma-ranges. */
struct physbio_dtb_window {
	char node[256]; /* full path */
	char compatible[64]; /* the first one */
	bool inbound; /* of dma-ranges */
	char status[32]; /* as the tree has it; okay if it does not say */
	bool enabled; /* status is okay or ok, and that of all above */
	bool ports; /* by its binding, bus and cpu are numbers of ports */
	enum physbio_dtb_space space;
	bool prefetchable;
	uint64_t bus; /* first bus address */
	uint64_t cpu; /* first CPU address, through all buses above */
	bool cpu_known; /* false: a bus above does not take it to the CPU */
	uint64_t size; /* bytes */
};

/**
 * physbio_dtb_windows() - all windows of all host bridges of a tree
 * @blob: flattened device tree
 * @size: bytes of it
 * @windows: in the order of the tree, for the caller to free(); NULL if there are none
 * @error: filled on failure; may be NULL
 *
 * Context: may sleep. Return: how many; -EINVAL if the tree is damaged, or a property's
 * size or number of cells fits no entry, and @error names the node; -ENOMEM; -ENOTSUP
 * if the library was built without libfdt.
 */
PB_API int physbio_dtb_windows(const void *blob, size_t size,
			       struct physbio_dtb_window **windows,
			       struct physbio_error *error);

/**
 * physbio_topology_from_dtb() - the host bridges of a tree as a topology
 * @blob: flattened device tree
 * @size: bytes of it
 * @topology: the description, named by node; ended by physbio_topology_destroy()
 * @error: filled on failure; may be NULL
 *
 * Enabled host bridges with their memory windows. Those whose ranges are numbers of
 * ports have none, and neither have I/O ports. One that says nothing of what comes in has
 * the dma-ranges of the bus above. Bus numbers are known where linux,pci-domain is and no
 * bridge before has them; the NUMA node is that of the node or above it; an IOMMU of 4096
 * byte pages is in use where iommu-map names an enabled one for the first device behind
 * a port.
 *
 * Context: may sleep. Return: 0; as physbio_dtb_windows(); -EINVAL if windows contradict
 * each other, a CPU address is too high for this machine, or bus-range, linux,pci-domain,
 * numa-node-id, iommu-map or its mask are not as they must be.
 */
PB_API int physbio_topology_from_dtb(const void *blob, size_t size,
				     struct physbio_topology **topology,
				     struct physbio_error *error);

#ifdef __cplusplus
}
#endif

#endif
