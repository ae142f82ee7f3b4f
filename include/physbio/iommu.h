/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model of an IOMMU domain: a range of I/O virtual addresses, the page table that the
 * hardware walks, and the IOTLB in which it remembers what it found. Software fills the
 * table through a translator (xlate.h); what is in these two is all that the hardware
 * knows. It doesn't know why a page is mapped.
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
	unsigned long ranges; /* of addresses that nobody else can get now */
	unsigned long waiting; /* of these, unmapped and in the flush queue */
	unsigned long flushes; /* of the whole IOTLB, ever */
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
 * From the IOTLB, or from the page table and then the IOTLB has it.
 *
 * Context: any thread. Return: bytes from there to the end of the granule; 0 if
 * nothing is mapped, which is a fault.
 */
PB_API uint32_t physbio_iommu_lookup(const struct physbio_iommu *iommu,
				     uint64_t iova, pb_phys_addr_t *paddr);

/**
 * physbio_iommu_set_deferred() - when the hardware learns that something was unmapped
 * @iommu: the domain, with nothing in flight
 * @max: ranges that may wait in the flush queue; 0: strict, the default
 *
 * Strict: before the unmapping returns. Deferred: with the @max'th range that waits, or
 * with physbio_iommu_flush(). Until then a device reaches memory that is no longer its
 * own, as far as the IOTLB has the translation, and the addresses are given to nobody: a
 * domain may run out of them by waiting. Only what is unmapped together with giving its
 * addresses back waits (pb_dma_unmap_phys(), pb_dma_iova_destroy()).
 *
 * Context: may sleep. Return: 0; -ENOMEM and the policy is as before. Source:
 * iommu_dma_init_fq(), IOMMU_DOMAIN_DMA and IOMMU_DOMAIN_DMA_FQ
 */
PB_API int physbio_iommu_set_deferred(struct physbio_iommu *iommu,
				      unsigned int max);

/**
 * physbio_iommu_flush() - tell the hardware what waits
 * @iommu: the domain
 *
 * For the caller's timer: the library has none. Context: any thread. Source:
 * fq_flush_timeout()
 */
PB_API void physbio_iommu_flush(struct physbio_iommu *iommu);

/* physbio_iommu_stats() - what is held now. Context: any. */
PB_API void physbio_iommu_stats(struct physbio_iommu *iommu,
				struct physbio_iommu_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
