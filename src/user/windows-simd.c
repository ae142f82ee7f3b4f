// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ways through a batch of ranges that vector units have: by four, by eight. Decides
 * which of them this CPU can go; in what windows the ranges are windows.c decides.
 */
#include "../core/windows.h"

/* sparse does not know the intrinsics. */
#if defined(__x86_64__) && !defined(__CHECKER__) && \
	!(defined(PB_PHYS_ADDR_BITS) && PB_PHYS_ADDR_BITS == 32)

#include <immintrin.h>

PB_STATIC_ASSERT(sizeof(struct pb_phys_vec) == 16 &&
			 offsetof(struct pb_phys_vec, paddr) == 0 &&
			 offsetof(struct pb_phys_vec, len) == 8,
		 "an address and a length for each two lanes");

/* What stands behind a length is nobody's. */
#define LEN_MASK 0xffffffff

/* --- by four --- */

#define AVX2 __attribute__((target("avx2")))

/* Lanes are in the order 0, 2, 1, 3: what unpacking leaves. */
struct four {
	__m256i paddr;
	__m256i len;
};

AVX2 static inline struct four load_four(const struct pb_phys_vec *vecs)
{
	const __m256i *from = (const __m256i *)vecs;
	__m256i a = _mm256_loadu_si256(from);
	__m256i b = _mm256_loadu_si256(from + 1);

	return (struct four){
		.paddr = _mm256_unpacklo_epi64(a, b),
		.len = _mm256_and_si256(_mm256_unpackhi_epi64(a, b),
					_mm256_set1_epi64x(LEN_MASK)),
	};
}

AVX2 static inline __m256i in_order(__m256i lanes)
{
	return _mm256_permute4x64_epi64(lanes, _MM_SHUFFLE(3, 1, 2, 0));
}

AVX2 static inline void store_four(pb_dma_addr_t *addrs, __m256i sums)
{
	_mm256_storeu_si256((__m256i *)addrs,
			    _mm256_permute4x64_epi64(sums,
						     _MM_SHUFFLE(3, 1, 2, 0)));
}

/* a < b in the lanes, without a sign: there is a comparison for signed ones only. */
AVX2 static inline __m256i less_four(__m256i a, __m256i b)
{
	const __m256i sign = _mm256_set1_epi64x(INT64_MIN);

	return _mm256_cmpgt_epi64(_mm256_xor_si256(b, sign),
				  _mm256_xor_si256(a, sign));
}

/* A bit for each that is not in its window. */
AVX2 static inline unsigned int four_outside(struct four v, __m256i start,
					     __m256i size)
{
	__m256i at = _mm256_sub_epi64(v.paddr, start);
	__m256i end = _mm256_add_epi64(at, v.len);
	__m256i out = _mm256_or_si256(less_four(end, at), less_four(size, end));

	return (unsigned int)_mm256_movemask_pd(
		_mm256_castsi256_pd(in_order(out)));
}

AVX2 static u32 reach_map_by_four(const struct reach *r,
				  const struct pb_phys_vec *vecs, u32 nr,
				  pb_dma_addr_t *addrs)
{
	const __m256i start = _mm256_set1_epi64x((long long)r->start);
	const __m256i size = _mm256_set1_epi64x((long long)r->size);
	const __m256i offset = _mm256_set1_epi64x((long long)r->offset);
	unsigned int outside;
	struct four v;
	u32 i;

	for (i = 0; nr - i >= 4; i += 4) {
		v = load_four(&vecs[i]);
		outside = four_outside(v, start, size);
		if (unlikely(outside))
			break;
		store_four(&addrs[i], _mm256_add_epi64(v.paddr, offset));
	}
	return i;
}

/* Which of four values each lane takes: the numbers of its halves in the table. */
AVX2 static inline __m256i near_four(__m256i paddr, const __m256i *starts)
{
	const __m256i last = _mm256_set1_epi64x(INT64_C(0x700000006));
	__m256i before = less_four(paddr, starts[1]); /* -1 or 0 in a half */

	before = _mm256_add_epi32(before, less_four(paddr, starts[2]));
	before = _mm256_add_epi32(before, less_four(paddr, starts[3]));
	return _mm256_add_epi32(last, _mm256_add_epi32(before, before));
}

AVX2 static inline __m256i lookup_four(__m256i table, __m256i near)
{
	return _mm256_permutevar8x32_epi32(table, near);
}

AVX2 static inline __m256i load_four_of(const u64 *member)
{
	return _mm256_loadu_si256((const __m256i *)member);
}

AVX2 static u32 table_map_by_four(const struct reach_table *table,
				  const struct pb_phys_vec *vecs, u32 nr,
				  pb_dma_addr_t *addrs)
{
	const __m256i start = load_four_of(table->start);
	const __m256i size = load_four_of(table->size);
	const __m256i offset = load_four_of(table->offset);
	__m256i starts[NR_REACHES], near;
	unsigned int outside;
	struct four v;
	u32 i;

	for (i = 1; i < NR_REACHES; i++)
		starts[i] = _mm256_set1_epi64x((long long)table->start[i]);
	for (i = 0; nr - i >= 4; i += 4) {
		v = load_four(&vecs[i]);
		near = near_four(v.paddr, starts);
		outside = four_outside(v, lookup_four(start, near),
				       lookup_four(size, near));
		store_four(&addrs[i],
			   _mm256_add_epi64(v.paddr,
					    lookup_four(offset, near)));
		if (unlikely(outside))
			return i + (u32)__builtin_ctz(outside);
	}
	return i + physbio_table_map(table, &vecs[i], nr - i, &addrs[i]);
}

/* --- by eight --- */

#define AVX512 __attribute__((target("avx512f")))

struct eight {
	__m512i paddr;
	__m512i len;
};

AVX512 static inline struct eight load_eight(const struct pb_phys_vec *vecs)
{
	const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
	const __m512i odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
	__m512i a = _mm512_loadu_si512(vecs);
	__m512i b = _mm512_loadu_si512(vecs + 4);

	return (struct eight){
		.paddr = _mm512_permutex2var_epi64(a, even, b),
		.len = _mm512_and_si512(_mm512_permutex2var_epi64(a, odd, b),
					_mm512_set1_epi64(LEN_MASK)),
	};
}

/* A bit for each that is not in its window. */
AVX512 static inline unsigned int eight_outside(struct eight v, __m512i start,
						__m512i size)
{
	__m512i at = _mm512_sub_epi64(v.paddr, start);
	__m512i end = _mm512_add_epi64(at, v.len);

	return _mm512_cmplt_epu64_mask(end, at) |
	       _mm512_cmpgt_epu64_mask(end, size);
}

AVX512 static u32 reach_map_by_eight(const struct reach *r,
				     const struct pb_phys_vec *vecs, u32 nr,
				     pb_dma_addr_t *addrs)
{
	const __m512i start = _mm512_set1_epi64((long long)r->start);
	const __m512i size = _mm512_set1_epi64((long long)r->size);
	const __m512i offset = _mm512_set1_epi64((long long)r->offset);
	unsigned int outside;
	struct eight v;
	u32 i;

	for (i = 0; nr - i >= 8; i += 8) {
		v = load_eight(&vecs[i]);
		outside = eight_outside(v, start, size);
		if (unlikely(outside))
			break;
		_mm512_storeu_si512(&addrs[i],
				    _mm512_add_epi64(v.paddr, offset));
	}
	return i;
}

/* Which of four values each lane takes. */
AVX512 static inline __m512i near_eight(__m512i paddr, const __m512i *starts)
{
	const __m512i one = _mm512_set1_epi64(1);
	__m512i near = _mm512_maskz_mov_epi64(
		_mm512_cmpge_epu64_mask(paddr, starts[1]), one);

	near = _mm512_mask_add_epi64(
		near, _mm512_cmpge_epu64_mask(paddr, starts[2]), near, one);
	return _mm512_mask_add_epi64(
		near, _mm512_cmpge_epu64_mask(paddr, starts[3]), near, one);
}

AVX512 static inline __m512i lookup_eight(__m512i table, __m512i near)
{
	return _mm512_permutexvar_epi64(near, table);
}

AVX512 static inline __m512i load_eight_of(const u64 *member)
{
	return _mm512_castsi256_si512(
		_mm256_loadu_si256((const __m256i *)member));
}

AVX512 static u32 table_map_by_eight(const struct reach_table *table,
				     const struct pb_phys_vec *vecs, u32 nr,
				     pb_dma_addr_t *addrs)
{
	const __m512i start = load_eight_of(table->start);
	const __m512i size = load_eight_of(table->size);
	const __m512i offset = load_eight_of(table->offset);
	__m512i starts[NR_REACHES], near;
	unsigned int outside;
	struct eight v;
	u32 i;

	for (i = 1; i < NR_REACHES; i++)
		starts[i] = _mm512_set1_epi64((long long)table->start[i]);
	for (i = 0; nr - i >= 8; i += 8) {
		v = load_eight(&vecs[i]);
		near = near_eight(v.paddr, starts);
		outside = eight_outside(v, lookup_eight(start, near),
					lookup_eight(size, near));
		_mm512_storeu_si512(
			&addrs[i],
			_mm512_add_epi64(v.paddr, lookup_eight(offset, near)));
		if (unlikely(outside))
			return i + (u32)__builtin_ctz(outside);
	}
	return i + physbio_table_map(table, &vecs[i], nr - i, &addrs[i]);
}

/* --- which of them --- */

static int map_batch_by_four(const struct pb_device *dev,
			     const struct pb_phys_vec *vecs, u32 nr,
			     pb_dma_addr_t *addrs)
{
	static const struct batch_loops loops = { reach_map_by_four,
						  table_map_by_four };

	return physbio_windows_map_batch_by(dev, vecs, nr, addrs, &loops);
}

static int map_batch_by_eight(const struct pb_device *dev,
			      const struct pb_phys_vec *vecs, u32 nr,
			      pb_dma_addr_t *addrs)
{
	static const struct batch_loops loops = { reach_map_by_eight,
						  table_map_by_eight };

	return physbio_windows_map_batch_by(dev, vecs, nr, addrs, &loops);
}

static const struct physbio_xlate_ops avx2_ops = {
	.name = "windows, AVX2",
	.map_phys = physbio_windows_map_phys,
	.map_batch = map_batch_by_four,
};

static const struct physbio_xlate_ops avx512_ops = {
	.name = "windows, AVX-512",
	.map_phys = physbio_windows_map_phys,
	.map_batch = map_batch_by_eight,
};

/* NULL: there is no such unit. */
static const struct physbio_xlate_ops *ops_with(enum physbio_simd simd)
{
	if (simd == PHYSBIO_SIMD_AVX2 && __builtin_cpu_supports("avx2"))
		return &avx2_ops;
	if (simd == PHYSBIO_SIMD_AVX512 && __builtin_cpu_supports("avx512f"))
		return &avx512_ops;
	return simd == PHYSBIO_SIMD_NONE ? &physbio_windows_ops : NULL;
}

#else

static const struct physbio_xlate_ops *ops_with(enum physbio_simd simd)
{
	return simd == PHYSBIO_SIMD_NONE ? &physbio_windows_ops : NULL;
}

#endif

int physbio_xlate_use_simd(struct physbio_xlate *x, enum physbio_simd simd)
{
	const struct physbio_xlate_ops *ops = ops_with(simd);

	if (!ops)
		return -EOPNOTSUPP;
	if (physbio_xlate_has_windows(x))
		x->ops = ops;
	return 0;
}
