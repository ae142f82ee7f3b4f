/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model of an IOMMU domain: a range of I/O virtual addresses, and the page table
 * that the hardware walks. Software fills the table through a translator (xlate.h); what
 * is in it then is all that the hardware knows. It doesn't know why a page is mapped.
 */
#ifndef PHYSBIO_IOMMU_H
#define PHYSBIO_IOMMU_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct physbio_iommu;

struct physbio_iommu_stats {
	unsigned long pages; /* granules that are mapped now */
	unsigned long ranges; /* of addresses that are allocated now */
};

/**
 * physbio_iommu_create() - make an empty domain
 * @granule: bytes of the smallest page, power of two from 4096 to 65536
 * @start: first I/O virtual address that may be given out, multiple of @granule, not 0
 * @size: bytes from there, multiple of @granule; ends below 2^48
 * @iommu: the domain
 *
 * Context: may sleep. Return: 0; -EINVAL if a number is not as said; -ENOMEM.
 */
PB_API int physbio_iommu_create(uint32_t granule, uint64_t start, uint64_t size,
				struct physbio_iommu **iommu);

/* physbio_iommu_destroy() - free it, mapped or not; NULL is nothing. */
PB_API void physbio_iommu_destroy(struct physbio_iommu *iommu);

/**
 * physbio_iommu_lookup() - what the hardware finds behind an address
 * @iommu: the domain
 * @iova: I/O virtual address that a device has put on the bus
 * @paddr: physical address there
 *
 * Context: any. Return: bytes from there to the end of the granule; 0 if nothing is
 * mapped, which is a fault.
 */
PB_API uint32_t physbio_iommu_lookup(const struct physbio_iommu *iommu,
				     uint64_t iova, pb_phys_addr_t *paddr);

/* physbio_iommu_stats() - what is held now. Context: any. */
PB_API void physbio_iommu_stats(struct physbio_iommu *iommu,
				struct physbio_iommu_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
