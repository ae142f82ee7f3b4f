// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Limits: defaults, contradictions, what follows from what a driver said, and what is
 * left of two devices' limits on top of both. Validation works on a copy, so that
 * refused limits stay as they were given.
 */
#include "platform.h"

#include <physbio/bio.h>
#include <physbio/limits.h>

#define MIN_BLOCK_SIZE 512u
#define MAX_BLOCK_SIZE 65536u

static bool block_size_ok(const struct pb_queue_limits *lim)
{
	u32 size = lim->logical_block_size;
	u32 most = max_t(u32, MAX_BLOCK_SIZE, (u32)PB_PAGE_SIZE);

	if (lim->quirks & PB_QUIRK_NO_LARGE_BLOCKS)
		most = (u32)PB_PAGE_SIZE;
	return size >= MIN_BLOCK_SIZE && size <= most && is_power_of_2(size);
}

static int validate_blocks(struct pb_queue_limits *lim)
{
	if (!lim->logical_block_size)
		lim->logical_block_size = PB_SECTOR_SIZE;
	else if (!block_size_ok(lim))
		return -EINVAL;
	if (lim->physical_block_size < lim->logical_block_size)
		lim->physical_block_size = lim->logical_block_size;
	else if (!is_power_of_2(lim->physical_block_size))
		return -EINVAL;
	lim->io_min = max(lim->io_min, lim->physical_block_size);
	lim->io_opt = round_down(lim->io_opt, lim->physical_block_size);
	return 0;
}

/* What may pass unless the device or its administrator says less or more. */
static u32 default_max_sectors(const struct pb_queue_limits *lim)
{
	if (lim->io_opt > PB_BLK_DEF_MAX_SECTORS_CAP << PB_SECTOR_SHIFT)
		return lim->io_opt >> PB_SECTOR_SHIFT;
	if (lim->io_min > PB_BLK_DEF_MAX_SECTORS_CAP << PB_SECTOR_SHIFT)
		return lim->io_min >> PB_SECTOR_SHIFT;
	return PB_BLK_DEF_MAX_SECTORS_CAP;
}

static int validate_sectors(struct pb_queue_limits *lim)
{
	u32 lbs = lim->logical_block_size >> PB_SECTOR_SHIFT;
	u32 most;

	if (!lim->max_hw_sectors)
		lim->max_hw_sectors = PB_BLK_SAFE_MAX_SECTORS;
	if (lim->max_hw_sectors < PB_PAGE_SIZE >> PB_SECTOR_SHIFT ||
	    lim->max_hw_sectors < lbs)
		return -EINVAL;
	lim->max_hw_sectors = round_down(lim->max_hw_sectors, lbs);
	most = min_not_zero(lim->max_hw_sectors, lim->max_dev_sectors);
	if (lim->max_user_sectors) {
		if (lim->max_user_sectors < PB_BLK_MIN_SEGMENT_SIZE >>
		    PB_SECTOR_SHIFT)
			return -EINVAL;
		lim->max_sectors = min(most, lim->max_user_sectors);
	} else {
		lim->max_sectors = min(most, default_max_sectors(lim));
	}
	lim->max_sectors = round_down(lim->max_sectors, lbs);
	return 0;
}

static void validate_discard(struct pb_queue_limits *lim)
{
	lim->max_discard_sectors =
		min(lim->max_hw_discard_sectors, lim->max_user_discard_sectors);
	if (lim->max_discard_sectors)
		lim->discard_granularity =
			max(lim->discard_granularity, lim->physical_block_size);
	else
		lim->discard_granularity = 0;
	if (!lim->max_discard_segments)
		lim->max_discard_segments = 1;
}

/*
 * Below this a vector in one page is one segment whatever its address. All ones
 * as a boundary is none: one more would wrap.
 */
static u32 fast_segment_size(const struct pb_queue_limits *lim)
{
	u64 size = min_t(u64, lim->max_segment_size, PB_PAGE_SIZE);

	if (lim->seg_boundary_mask < size)
		size = lim->seg_boundary_mask + 1;
	return (u32)size;
}

static int validate_segments(struct pb_queue_limits *lim)
{
	if (!lim->max_segments)
		lim->max_segments = PB_BLK_MAX_SEGMENTS;
	if (!lim->seg_boundary_mask)
		lim->seg_boundary_mask = PB_BLK_SEG_BOUNDARY_MASK;
	if (lim->seg_boundary_mask < PB_BLK_MIN_SEGMENT_SIZE - 1)
		return -EINVAL;
	if (!lim->max_segment_size)
		lim->max_segment_size = lim->virt_boundary_mask ?
						U32_MAX :
						PB_BLK_MAX_SEGMENT_SIZE;
	else if (!lim->virt_boundary_mask &&
		 lim->max_segment_size < PB_BLK_MIN_SEGMENT_SIZE)
		return -EINVAL;
	lim->max_fast_segment_size = fast_segment_size(lim);
	if (!lim->dma_alignment)
		lim->dma_alignment = PB_SECTOR_SIZE - 1;
	if (lim->dma_alignment > PB_PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/* Bytes that a bio can have whatever its vectors: two may be partial pages. */
static u32 max_guaranteed_bio(const struct pb_queue_limits *lim)
{
	u32 segs = min_t(u32, PB_BIO_MAX_VECS, lim->max_segments);
	u32 bytes = min_t(u32, segs, 2) * lim->logical_block_size;

	if (segs > 2)
		bytes += (segs - 2) * (u32)PB_PAGE_SIZE;
	return bytes;
}

static u64 sectors_to_bytes(u32 sectors)
{
	return (u64)sectors << PB_SECTOR_SHIFT;
}

/* One of chunk and boundary must divide the other, or both would cut. */
static bool atomic_boundary_ok(const struct pb_queue_limits *lim)
{
	u32 boundary = lim->atomic_write_hw_boundary >> PB_SECTOR_SHIFT;
	u32 chunk = lim->chunk_sectors;

	if (!boundary)
		return true;
	if (lim->atomic_write_hw_max > lim->atomic_write_hw_boundary)
		return false;
	if (chunk && (chunk > boundary ? chunk % boundary : boundary % chunk))
		return false;
	return is_power_of_2(boundary);
}

static bool atomic_writes_ok(const struct pb_queue_limits *lim)
{
	if (!(lim->features & PB_BLK_FEAT_ATOMIC_WRITES) ||
	    !lim->atomic_write_hw_max)
		return false;
	if (!is_power_of_2(lim->atomic_write_hw_unit_min) ||
	    !is_power_of_2(lim->atomic_write_hw_unit_max))
		return false;
	if (lim->atomic_write_hw_unit_min > lim->atomic_write_hw_unit_max ||
	    lim->atomic_write_hw_unit_max > lim->atomic_write_hw_max)
		return false;
	if (lim->chunk_sectors &&
	    lim->atomic_write_hw_max > sectors_to_bytes(lim->chunk_sectors))
		return false;
	return atomic_boundary_ok(lim);
}

static void clear_atomic_writes(struct pb_queue_limits *lim)
{
	lim->atomic_write_hw_max = 0;
	lim->atomic_write_hw_boundary = 0;
	lim->atomic_write_hw_unit_min = 0;
	lim->atomic_write_hw_unit_max = 0;
	lim->atomic_write_max_sectors = 0;
	lim->atomic_write_boundary_sectors = 0;
	lim->atomic_write_unit_min = 0;
	lim->atomic_write_unit_max = 0;
}

static void validate_atomic_writes(struct pb_queue_limits *lim)
{
	u64 most;
	u32 unit;

	if (!atomic_writes_ok(lim)) {
		clear_atomic_writes(lim);
		return;
	}
	most = min(sectors_to_bytes(lim->max_hw_sectors),
		   (u64)max_guaranteed_bio(lim));
	unit = (u32)rounddown_pow_of_two((unsigned long)most);
	lim->atomic_write_max_sectors =
		min(lim->atomic_write_hw_max >> PB_SECTOR_SHIFT,
		    lim->max_hw_sectors);
	lim->atomic_write_unit_min = min(lim->atomic_write_hw_unit_min, unit);
	lim->atomic_write_unit_max = min(lim->atomic_write_hw_unit_max, unit);
	lim->atomic_write_boundary_sectors = lim->atomic_write_hw_boundary >>
					     PB_SECTOR_SHIFT;
}

/* Bytes of checksum that a kind of it has. */
static u32 pi_tuple_size(const struct pb_blk_integrity *bi)
{
	switch (bi->csum_type) {
	case PB_BLK_INTEGRITY_CSUM_NONE:
		return 0;
	case PB_BLK_INTEGRITY_CSUM_CRC64:
		return 16;
	default:
		return 8;
	}
}

static bool integrity_ok(const struct pb_queue_limits *lim)
{
	const struct pb_blk_integrity *bi = &lim->integrity;

	if (bi->csum_type > PB_BLK_INTEGRITY_CSUM_CRC64)
		return false;
	if (!bi->csum_type && (bi->flags & PB_BLK_INTEGRITY_REF_TAG))
		return false;
	if (!bi->metadata_size)
		return !bi->csum_type && !bi->tag_size;
	if (bi->pi_offset + bi->pi_tuple_size > bi->metadata_size ||
	    bi->pi_tuple_size != pi_tuple_size(bi))
		return false;
	return !bi->interval_exp ||
	       (bi->interval_exp >= PB_SECTOR_SHIFT && bi->interval_exp < 32 &&
		1u << bi->interval_exp <= lim->logical_block_size);
}

/* Data whose metadata fit in one segment. Source: max_integrity_io_size() */
static u32 max_integrity_sectors(const struct pb_queue_limits *lim)
{
	u32 intervals = min(lim->max_segment_size, PB_BLK_INTEGRITY_MAX_SIZE) /
			lim->integrity.metadata_size;

	return intervals << (lim->integrity.interval_exp - PB_SECTOR_SHIFT);
}

/*
 * An interval may not straddle two vectors where there is a checksum over it, and
 * the metadata that are made for a whole I/O are one segment.
 */
static int validate_integrity(struct pb_queue_limits *lim)
{
	struct pb_blk_integrity *bi = &lim->integrity;
	u32 interval;

	if (!integrity_ok(lim))
		return -EINVAL;
	if (!bi->metadata_size) {
		bi->flags |= PB_BLK_INTEGRITY_NOGENERATE |
			     PB_BLK_INTEGRITY_NOVERIFY;
		return 0;
	}
	if (!bi->interval_exp)
		bi->interval_exp = (u8)ilog2(lim->logical_block_size);
	interval = 1u << bi->interval_exp;
	if (bi->csum_type)
		lim->dma_alignment = max(lim->dma_alignment, interval - 1);
	lim->max_sectors = min(lim->max_sectors, max_integrity_sectors(lim));
	return 0;
}

static int validate_zoned(struct pb_queue_limits *lim)
{
	if (!(lim->features & PB_BLK_FEAT_ZONED)) {
		if (lim->zone_write_granularity || lim->max_zone_append_sectors)
			return -EINVAL;
		return 0;
	}
	lim->zone_write_granularity =
		max(lim->zone_write_granularity, lim->logical_block_size);
	lim->max_zone_append_sectors =
		min_not_zero(lim->max_hw_zone_append_sectors,
			     min(lim->chunk_sectors, lim->max_hw_sectors));
	return 0;
}

int pb_blk_validate_limits(struct pb_queue_limits *lim)
{
	struct pb_queue_limits checked = *lim;

	if (validate_blocks(&checked) || validate_sectors(&checked) ||
	    validate_segments(&checked) || validate_integrity(&checked) ||
	    validate_zoned(&checked))
		return -EINVAL;
	validate_discard(&checked);
	validate_atomic_writes(&checked);
	if (checked.alignment_offset) {
		checked.alignment_offset &= checked.physical_block_size - 1;
		checked.flags &= ~PB_BLK_FLAG_MISALIGNED;
	}
	if (!(checked.features & PB_BLK_FEAT_WRITE_CACHE))
		checked.features &= ~(u32)PB_BLK_FEAT_FUA;
	*lim = checked;
	return 0;
}
EXPORT_SYMBOL_GPL(pb_blk_validate_limits);

/* --- stacking --- */

void pb_blk_set_stacking_limits(struct pb_queue_limits *lim)
{
	memset(lim, 0, sizeof(*lim));
	lim->logical_block_size = PB_SECTOR_SIZE;
	lim->physical_block_size = PB_SECTOR_SIZE;
	lim->io_min = PB_SECTOR_SIZE;
	lim->discard_granularity = PB_SECTOR_SIZE;
	lim->dma_alignment = PB_SECTOR_SIZE - 1;
	lim->seg_boundary_mask = PB_BLK_SEG_BOUNDARY_MASK;
	lim->max_segments = U16_MAX;
	lim->max_discard_segments = U16_MAX;
	lim->max_hw_sectors = U32_MAX;
	lim->max_segment_size = U32_MAX;
	lim->max_sectors = U32_MAX;
	lim->max_dev_sectors = U32_MAX;
	lim->max_write_zeroes_sectors = U32_MAX;
	lim->max_hw_zone_append_sectors = U32_MAX;
	lim->max_user_discard_sectors = U32_MAX;
	lim->atomic_write_hw_max = U32_MAX;
}
EXPORT_SYMBOL_GPL(pb_blk_set_stacking_limits);

/* 0 is none, and what does not fit is too. */
static u32 lcm_not_zero_of(u32 a, u32 b)
{
	u64 lcm;

	if (!a || !b)
		return a ? a : b;
	lcm = a / gcd(a, b) * (u64)b;
	return lcm <= U32_MAX ? (u32)lcm : 0;
}

/* Bytes from @start to where @lim's physical blocks begin. */
static u32 queue_limit_alignment_offset(const struct pb_queue_limits *lim,
					pb_sector_t start)
{
	u32 granularity = max(lim->physical_block_size, lim->io_min);
	u32 into = sector_div(start, granularity >> PB_SECTOR_SHIFT)
		   << PB_SECTOR_SHIFT;

	return (granularity + lim->alignment_offset - into) % granularity;
}

static u32 queue_limit_discard_alignment(const struct pb_queue_limits *lim,
					 pb_sector_t start)
{
	u32 granularity = lim->discard_granularity >> PB_SECTOR_SHIFT;
	u32 alignment = lim->discard_alignment >> PB_SECTOR_SHIFT;

	if (!lim->max_discard_sectors || !granularity)
		return 0;
	return ((granularity + alignment - sector_div(start, granularity)) %
		granularity)
	       << PB_SECTOR_SHIFT;
}

static int misaligned(struct pb_queue_limits *t)
{
	t->flags |= PB_BLK_FLAG_MISALIGNED;
	return -1;
}

static void stack_features(struct pb_queue_limits *t,
			   const struct pb_queue_limits *b)
{
	const u32 all_must = PB_BLK_FEAT_NOWAIT | PB_BLK_FEAT_POLL;

	t->features |= b->features & PB_BLK_FEAT_INHERIT_MASK;
	t->features &= ~all_must | (b->features & all_must);
	t->flags |= b->flags & PB_BLK_FLAG_MISALIGNED;
}

static void stack_sizes(struct pb_queue_limits *t,
			const struct pb_queue_limits *b)
{
	t->max_sectors = min_not_zero(t->max_sectors, b->max_sectors);
	t->max_user_sectors =
		min_not_zero(t->max_user_sectors, b->max_user_sectors);
	t->max_hw_sectors = min_not_zero(t->max_hw_sectors, b->max_hw_sectors);
	t->max_dev_sectors =
		min_not_zero(t->max_dev_sectors, b->max_dev_sectors);
	t->max_write_zeroes_sectors =
		min(t->max_write_zeroes_sectors, b->max_write_zeroes_sectors);
	t->max_hw_zone_append_sectors = min(t->max_hw_zone_append_sectors,
					    b->max_hw_zone_append_sectors);
	t->seg_boundary_mask =
		min_not_zero(t->seg_boundary_mask, b->seg_boundary_mask);
	t->virt_boundary_mask =
		min_not_zero(t->virt_boundary_mask, b->virt_boundary_mask);
	t->max_segments = min_not_zero(t->max_segments, b->max_segments);
	t->max_discard_segments =
		min_not_zero(t->max_discard_segments, b->max_discard_segments);
	t->max_integrity_segments = min_not_zero(t->max_integrity_segments,
						 b->max_integrity_segments);
	t->max_segment_size =
		min_not_zero(t->max_segment_size, b->max_segment_size);
	t->max_secure_erase_sectors = min_not_zero(t->max_secure_erase_sectors,
						   b->max_secure_erase_sectors);
}

/* Do the blocks of both begin together somewhere? */
static int stack_alignment(struct pb_queue_limits *t,
			   const struct pb_queue_limits *b, u32 alignment)
{
	u32 top = max(t->physical_block_size, t->io_min) + t->alignment_offset;
	u32 bottom = max(b->physical_block_size, b->io_min) + alignment;

	if (t->alignment_offset == alignment)
		return 0;
	return max(top, bottom) % min(top, bottom) ? misaligned(t) : 0;
}

/* Each block size a multiple of the one before, or it means nothing. */
static int stack_blocks(struct pb_queue_limits *t,
			const struct pb_queue_limits *b)
{
	int ret = 0;

	t->logical_block_size =
		max(t->logical_block_size, b->logical_block_size);
	t->physical_block_size =
		max(t->physical_block_size, b->physical_block_size);
	t->io_min = max(t->io_min, b->io_min);
	t->io_opt = lcm_not_zero_of(t->io_opt, b->io_opt);
	t->dma_alignment = max(t->dma_alignment, b->dma_alignment);
	if (b->chunk_sectors)
		t->chunk_sectors = (u32)gcd(t->chunk_sectors, b->chunk_sectors);
	if (t->physical_block_size & (t->logical_block_size - 1)) {
		t->physical_block_size = t->logical_block_size;
		ret = misaligned(t);
	}
	if (t->io_min & (t->physical_block_size - 1)) {
		t->io_min = t->physical_block_size;
		ret = misaligned(t);
	}
	if (t->io_opt & (t->physical_block_size - 1)) {
		t->io_opt = 0;
		ret = misaligned(t);
	}
	if (t->chunk_sectors % (t->physical_block_size >> PB_SECTOR_SHIFT)) {
		t->chunk_sectors = 0;
		ret = misaligned(t);
	}
	return ret;
}

static int stack_offset(struct pb_queue_limits *t, u32 alignment)
{
	t->alignment_offset = lcm_not_zero_of(t->alignment_offset, alignment) %
			      max(t->physical_block_size, t->io_min);
	return t->alignment_offset & (t->logical_block_size - 1) ?
		       misaligned(t) :
		       0;
}

/* Whole blocks, but never less than a page. */
static u32 blk_round_down_sectors(u32 sectors, u32 lbs)
{
	return max_t(u32, round_down(sectors, lbs >> PB_SECTOR_SHIFT),
		     PB_PAGE_SIZE >> PB_SECTOR_SHIFT);
}

static void stack_discard(struct pb_queue_limits *t,
			  const struct pb_queue_limits *b, pb_sector_t start)
{
	u32 alignment;

	if (!b->discard_granularity)
		return;
	alignment = queue_limit_discard_alignment(b, start);
	t->max_discard_sectors =
		min_not_zero(t->max_discard_sectors, b->max_discard_sectors);
	t->max_hw_discard_sectors = min_not_zero(t->max_hw_discard_sectors,
						 b->max_hw_discard_sectors);
	t->discard_granularity =
		max(t->discard_granularity, b->discard_granularity);
	t->discard_alignment =
		lcm_not_zero_of(t->discard_alignment, alignment) %
		t->discard_granularity;
}

static bool atomic_writes_stack(const struct pb_queue_limits *t,
				const struct pb_queue_limits *b,
				pb_sector_t start)
{
	u32 unit =
		max(b->atomic_write_hw_unit_min, b->atomic_write_hw_boundary);

	if (!(b->features & PB_BLK_FEAT_ATOMIC_WRITES) ||
	    !b->atomic_write_hw_unit_min)
		return false;
	if (start & ((unit >> PB_SECTOR_SHIFT) - 1))
		return false;
	/* the first one decides the boundary */
	return t->atomic_write_hw_max == U32_MAX ||
	       t->atomic_write_hw_boundary == b->atomic_write_hw_boundary;
}

/* Largest power of two that divides a chunk, in bytes. */
static u32 chunk_unit(u32 chunk_sectors)
{
	u64 bytes = sectors_to_bytes(chunk_sectors);

	bytes &= ~bytes + 1;
	return bytes > U32_MAX ? 1u << 31 : (u32)bytes;
}

static void stack_atomic_writes(struct pb_queue_limits *t,
				const struct pb_queue_limits *b,
				pb_sector_t start)
{
	bool first = t->atomic_write_hw_max == U32_MAX;

	if (!atomic_writes_stack(t, b, start)) {
		clear_atomic_writes(t);
		t->features &= ~(u32)PB_BLK_FEAT_ATOMIC_WRITES;
		return;
	}
	if (first) {
		t->features |= PB_BLK_FEAT_ATOMIC_WRITES;
		t->atomic_write_hw_unit_max = U32_MAX;
		t->atomic_write_hw_boundary = b->atomic_write_hw_boundary;
	}
	t->atomic_write_hw_max =
		min(t->atomic_write_hw_max, b->atomic_write_hw_max);
	t->atomic_write_hw_unit_min =
		max(t->atomic_write_hw_unit_min, b->atomic_write_hw_unit_min);
	t->atomic_write_hw_unit_max =
		min(t->atomic_write_hw_unit_max, b->atomic_write_hw_unit_max);
	if (t->chunk_sectors)
		t->atomic_write_hw_unit_max = min(t->atomic_write_hw_unit_max,
						  chunk_unit(t->chunk_sectors));
	if (t->atomic_write_hw_unit_min > t->atomic_write_hw_unit_max)
		clear_atomic_writes(t);
}

int pb_blk_stack_limits(struct pb_queue_limits *t,
			const struct pb_queue_limits *b, pb_sector_t start)
{
	u32 alignment = queue_limit_alignment_offset(b, start);
	int ret;

	stack_features(t, b);
	stack_sizes(t, b);
	ret = stack_alignment(t, b, alignment);
	ret |= stack_blocks(t, b);
	ret |= stack_offset(t, alignment);
	t->max_sectors =
		blk_round_down_sectors(t->max_sectors, t->logical_block_size);
	t->max_hw_sectors = blk_round_down_sectors(t->max_hw_sectors,
						   t->logical_block_size);
	t->max_dev_sectors = blk_round_down_sectors(t->max_dev_sectors,
						    t->logical_block_size);
	stack_discard(t, b, start);
	t->zone_write_granularity =
		max(t->zone_write_granularity, b->zone_write_granularity);
	if (!(t->features & PB_BLK_FEAT_ZONED)) {
		t->zone_write_granularity = 0;
		t->max_zone_append_sectors = 0;
	}
	stack_atomic_writes(t, b, start);
	return ret;
}
EXPORT_SYMBOL_GPL(pb_blk_stack_limits);
