/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a device can take in one request: the limits a driver gives, their
 * defaults, and the rules that make the rest follow. Which I/O is cut where is
 * split.c's decision.
 */
#ifndef PHYSBIO_LIMITS_H
#define PHYSBIO_LIMITS_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of pb_queue_limits.features. */
enum pb_blk_features {
	PB_BLK_FEAT_ZONED = 1u << 0,
	PB_BLK_FEAT_ATOMIC_WRITES = 1u << 1,
	PB_BLK_FEAT_PCI_P2PDMA = 1u << 2, /* P2P regions may be submitted */
	PB_BLK_FEAT_WRITE_CACHE = 1u << 3,
	PB_BLK_FEAT_FUA = 1u << 4,
	PB_BLK_FEAT_ROTATIONAL = 1u << 5,
	PB_BLK_FEAT_ADD_RANDOM = 1u << 6,
	PB_BLK_FEAT_IO_STAT = 1u << 7,
	PB_BLK_FEAT_STABLE_WRITES = 1u << 8,
	PB_BLK_FEAT_NOWAIT = 1u << 9,
	PB_BLK_FEAT_POLL = 1u << 10,
	PB_BLK_FEAT_RAID_PARTIAL_STRIPES_EXPENSIVE = 1u << 11,
};

/*
 * Bits of pb_queue_limits.quirks: what mainline at the 7.1 merge window does and should
 * not, or does when it is configured as the recorded one was. All off, the default, is
 * the right rule. See docs/kernel-findings.md.
 */
enum pb_quirks {
	/* the front part of a cut claims to have no gaps */
	PB_QUIRK_LOST_GAP_BIT = 1u << 0,
	/* what is left after a cut keeps the gap bit of the front part */
	PB_QUIRK_STALE_GAP_BIT = 1u << 1,
	/* without huge pages no logical block is larger than a page */
	PB_QUIRK_NO_LARGE_BLOCKS = 1u << 2,
	/* what can't be linked to one IOVA range fails, instead of being mapped in parts */
	PB_QUIRK_IOVA_NO_FALLBACK = 1u << 3,
	/* a plug is flushed for the size of its oldest request, not its newest */
	PB_QUIRK_PLUG_OLDEST = 1u << 4,
	/* without cgroups metadata and data may share a request */
	PB_QUIRK_NO_CGROUPS = 1u << 5,
	PB_QUIRK_ALL = (1u << 6) - 1,
};

/* Checksum in the metadata. Source: enum blk_integrity_checksum */
enum pb_blk_integrity_checksum {
	PB_BLK_INTEGRITY_CSUM_NONE = 0,
	PB_BLK_INTEGRITY_CSUM_IP = 1,
	PB_BLK_INTEGRITY_CSUM_CRC = 2,
	PB_BLK_INTEGRITY_CSUM_CRC64 = 3,
};

/* Bits of pb_blk_integrity.flags. */
#define PB_BLK_INTEGRITY_NOVERIFY (1u << 0)
#define PB_BLK_INTEGRITY_NOGENERATE (1u << 1)
#define PB_BLK_INTEGRITY_DEVICE_CAPABLE (1u << 2)
#define PB_BLK_INTEGRITY_REF_TAG (1u << 3)
#define PB_BLK_INTEGRITY_STACKED (1u << 4)

/* Metadata that go with the data. Source: struct blk_integrity */
struct pb_blk_integrity {
	uint8_t flags; /* PB_BLK_INTEGRITY_* */
	uint8_t csum_type; /* PB_BLK_INTEGRITY_CSUM_* */
	uint8_t metadata_size; /* bytes for each interval; 0: there are none */
	uint8_t pi_offset; /* bytes in front of the checksum */
	uint8_t interval_exp; /* data of an interval: 1 << this, in bytes */
	uint8_t tag_size; /* bytes */
	uint8_t pi_tuple_size; /* bytes */
};

/* A stacking device has these if any device below has. */
#define PB_BLK_FEAT_INHERIT_MASK                                              \
	(PB_BLK_FEAT_WRITE_CACHE | PB_BLK_FEAT_FUA | PB_BLK_FEAT_ROTATIONAL | \
	 PB_BLK_FEAT_STABLE_WRITES | PB_BLK_FEAT_ZONED |                      \
	 PB_BLK_FEAT_RAID_PARTIAL_STRIPES_EXPENSIVE)

/* Bits of pb_queue_limits.flags. */
#define PB_BLK_FLAG_MISALIGNED (1u << 1) /* devices below don't line up */

#define PB_BLK_MAX_SEGMENTS 128
#define PB_BLK_MAX_SEGMENT_SIZE 65536u
#define PB_BLK_SEG_BOUNDARY_MASK UINT64_C(0xffffffff)
#define PB_BLK_SAFE_MAX_SECTORS 255u
#define PB_BLK_DEF_MAX_SECTORS_CAP 8192u /* 4 MiB */
#define PB_BLK_MIN_SEGMENT_SIZE 4096u
#define PB_BLK_INTEGRITY_MAX_SIZE (2u << 20) /* metadata of one bio, bytes */

/*
 * Members as in the kernel's struct queue_limits. A driver sets those it knows
 * and leaves 0 in the others, then calls pb_blk_validate_limits().
 */
struct pb_queue_limits {
	uint32_t features; /* PB_BLK_FEAT_* */
	uint32_t flags; /* PB_BLK_FLAG_* */
	uint32_t quirks; /* PB_QUIRK_* */
	uint64_t seg_boundary_mask; /* a segment lies within one such window */
	uint64_t virt_boundary_mask; /* segments but the ends meet here; 0 none */
	uint32_t max_hw_sectors; /* sectors of 512 bytes */
	uint32_t max_dev_sectors;
	uint32_t chunk_sectors; /* no I/O crosses a multiple of these; 0 none */
	uint32_t max_sectors; /* derived */
	uint32_t max_user_sectors; /* what an administrator asked for; 0 none */
	uint32_t max_segment_size; /* bytes */
	uint32_t max_fast_segment_size; /* derived, bytes */
	uint32_t physical_block_size; /* bytes */
	uint32_t logical_block_size; /* bytes */
	uint32_t alignment_offset; /* bytes */
	uint32_t io_min; /* bytes */
	uint32_t io_opt; /* bytes */
	uint32_t max_discard_sectors; /* derived */
	uint32_t max_hw_discard_sectors;
	uint32_t max_user_discard_sectors;
	uint32_t max_secure_erase_sectors;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_hw_zone_append_sectors;
	uint32_t max_zone_append_sectors; /* derived */
	uint32_t discard_granularity; /* bytes */
	uint32_t discard_alignment; /* bytes */
	uint32_t zone_write_granularity; /* bytes */
	uint32_t atomic_write_hw_max; /* bytes */
	uint32_t atomic_write_max_sectors; /* derived */
	uint32_t atomic_write_hw_boundary; /* bytes */
	uint32_t atomic_write_boundary_sectors; /* derived */
	uint32_t atomic_write_hw_unit_min; /* bytes */
	uint32_t atomic_write_unit_min; /* derived, bytes */
	uint32_t atomic_write_hw_unit_max; /* bytes */
	uint32_t atomic_write_unit_max; /* derived, bytes */
	uint16_t max_segments;
	uint16_t max_integrity_segments;
	uint16_t max_discard_segments;
	uint32_t dma_alignment; /* mask */
	struct pb_blk_integrity integrity;
};

/**
 * pb_blk_validate_limits() - check a driver's limits and derive the others
 * @lim: limits; filled with defaults and derived values on success
 *
 * Context: any. Return: 0, or -EINVAL where two limits contradict each other or
 * one is out of range; @lim is then as before the call.
 * Source: blk_validate_limits()
 */
PB_API int pb_blk_validate_limits(struct pb_queue_limits *lim);

/**
 * pb_blk_set_stacking_limits() - no limits at all, to be narrowed by those below
 * @lim: filled
 *
 * Context: any. Source: blk_set_stacking_limits()
 */
PB_API void pb_blk_set_stacking_limits(struct pb_queue_limits *lim);

/**
 * pb_blk_stack_limits() - narrow a stacking device's limits by a device below it
 * @t: limits of the device on top; what was stacked so far
 * @b: validated limits of the device below
 * @start: first sector of @b that @t uses
 *
 * Whatever fits both: the smaller of sizes and counts, the larger of blocks and
 * alignments, the greatest common chunk, the least common optimal size. To be
 * validated when all devices are in.
 *
 * Context: any. Return: 0; -1 if the two don't line up: PB_BLK_FLAG_MISALIGNED is set
 * then, and @t can be used. Source: blk_stack_limits()
 */
PB_API int pb_blk_stack_limits(struct pb_queue_limits *t,
			       const struct pb_queue_limits *b,
			       pb_sector_t start);

#ifdef __cplusplus
}
#endif

#endif
