/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The base types of every other header, and the one installed header that may
 * pick the kernel's. It decides what an address is: a physical address is plain
 * arithmetic, a bus address is a type of its own that only three helpers make,
 * read or move. It knows nothing of vectors, bios or devices.
 */
#ifndef PHYSBIO_TYPES_H
#define PHYSBIO_TYPES_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#define PB_PAGE_SHIFT PAGE_SHIFT
#define PB_API
#define pb_page page
#define pb_folio folio

typedef phys_addr_t pb_phys_addr_t;
typedef gfp_t pb_gfp_t;
typedef atomic_t pb_atomic_t;

#define PB_GFP_KERNEL GFP_KERNEL
#define PB_GFP_NOIO GFP_NOIO
#define PB_GFP_NOWAIT GFP_NOWAIT

#define PB_BITWISE __bitwise
#define PB_FORCE __force

typedef __le32 pb_le32;
typedef __le64 pb_le64;

/* What the kernel has under other names. */
#define UINT64_C(x) U64_C(x)
#define UINT32_MAX U32_MAX

#else /* userspace */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef PB_PAGE_SHIFT
#define PB_PAGE_SHIFT 12
#endif

#define PB_API __attribute__((visibility("default")))

#if defined(PB_PHYS_ADDR_BITS) && PB_PHYS_ADDR_BITS == 32
typedef uint32_t pb_phys_addr_t;
#else
typedef uint64_t pb_phys_addr_t;
#endif

typedef unsigned int pb_gfp_t;

typedef struct {
	int counter;
} pb_atomic_t;

/* May the allocation sleep? That is all that userspace asks a gfp mask. */
#define PB_GFP_NOWAIT 0u
#define PB_GFP_NOIO 1u
#define PB_GFP_KERNEL 3u

#ifdef __CHECKER__
#define PB_BITWISE __attribute__((bitwise))
#define PB_FORCE __attribute__((force))
#else
#define PB_BITWISE
#define PB_FORCE
#endif

/* Numbers whose bytes are in a device's order, lowest first. Source: __le32 */
typedef uint32_t PB_BITWISE pb_le32;
typedef uint64_t PB_BITWISE pb_le64;

#endif

#ifdef __cplusplus
#define PB_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define PB_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

#define PB_PAGE_SIZE (1ul << PB_PAGE_SHIFT)
#define PB_PAGE_MASK (~(PB_PAGE_SIZE - 1))
#define PB_SECTOR_SHIFT 9
#define PB_SECTOR_SIZE (1u << PB_SECTOR_SHIFT)

/* The part of a physical address below the page, in bytes. */
#define pb_offset_in_page(paddr) ((unsigned int)((paddr) & (PB_PAGE_SIZE - 1)))

/* Device position in sectors of 512 bytes, whatever the logical block is. */
typedef uint64_t pb_sector_t;

/* Outcome of a bio or request: one of PB_BLK_STS_*. */
typedef uint8_t PB_BITWISE pb_blk_status_t;

/* Operation in the low PB_REQ_OP_BITS bits, PB_REQ_* flags above. */
typedef uint32_t pb_blk_opf_t;

/*
 * An address as one device puts it on its bus. It means nothing without that
 * device, so it is no integer: sparse refuses to mix it with a physical address.
 */
typedef uint64_t PB_BITWISE pb_dma_addr_t;

#define PB_DMA_MAPPING_ERROR ((PB_FORCE pb_dma_addr_t)~UINT64_C(0))

/**
 * physbio_dma_make() - make a bus address from its number
 * @value: bus address in bytes, as the device would put it on the bus
 *
 * For translators, the fabric and descriptor parsers only.
 * Return: the address.
 */
static inline pb_dma_addr_t physbio_dma_make(uint64_t value)
{
	return (PB_FORCE pb_dma_addr_t)value;
}

/**
 * physbio_dma_value() - the number of a bus address, in bytes
 * @addr: bus address
 *
 * For translators, the fabric and descriptor builders only.
 * Return: the number.
 */
static inline uint64_t physbio_dma_value(pb_dma_addr_t addr)
{
	return (PB_FORCE uint64_t)addr;
}

/**
 * physbio_dma_add() - a bus address further on in the same mapping
 * @addr: bus address
 * @bytes: how far, within one mapping
 *
 * Return: @addr + @bytes, not checked for wrapping.
 */
static inline pb_dma_addr_t physbio_dma_add(pb_dma_addr_t addr, uint64_t bytes)
{
	return physbio_dma_make(physbio_dma_value(addr) + bytes);
}

/* Vector units that go through arrays; a program tries them from the last on. */
enum physbio_simd {
	PHYSBIO_SIMD_NONE, /* portable code */
	PHYSBIO_SIMD_AVX2, /* by four */
	PHYSBIO_SIMD_AVX512, /* by eight */
};

#endif
