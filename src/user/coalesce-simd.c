// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk of core/coalesce.c by vector units, four or eight vectors at a time, for
 * prototypes. Vectors that touch are a run, which is found without a look at the limits;
 * where they bear it, it is a segment. What they don't bear, and empty vectors, are left to
 * core/coalesce.c.
 */
#include "../core/coalesce.h"

/* sparse does not know the intrinsics. */
#if defined(__x86_64__) && !defined(__CHECKER__) && !defined(PB_REPR_PAGE) && \
	!defined(PB_BIO_VEC_STORED_OTHERWISE) &&                              \
	!(defined(PB_PHYS_ADDR_BITS) && PB_PHYS_ADDR_BITS == 32)

#include <immintrin.h>

PB_STATIC_ASSERT(sizeof(struct pb_bio_vec) == 16 &&
			 offsetof(struct pb_bio_vec, bv_len) == 8 &&
			 sizeof(struct pb_phys_vec) == 16 &&
			 offsetof(struct pb_phys_vec, len) == 8,
		 "an address and a length for each two lanes, in and out");

enum stop {
	STOP_END, /* there are too few vectors left for a loop */
	STOP_RUN, /* there is no segment for a run, or no room */
	STOP_EMPTY, /* there is an empty vector somewhere */
};

struct walk {
	/* limits: a segment's last byte is within a window, and at most so far on */
	u64 window;
	u64 furthest;
	const struct pb_bio_vec *bv; /* what is looked at next */
	const struct pb_bio_vec *end;
	const struct pb_bio_vec *first; /* where the open run began */
	struct pb_phys_vec *seg; /* what is written next */
	struct pb_phys_vec *last; /* no room from there on */
	enum stop stop;
	/* STOP_RUN: it is one of those that end before the vectors of @breaks */
	u32 breaks; /* a bit for each, counted from bv */
	u32 bad; /* and for each run that is no segment, counted from 0 */
	u32 done; /* bytes of *first that are in segments, if there was no room for all */
	const struct pb_queue_limits *lim;
};

typedef void loop_fn(struct walk *w);

static u64 end_of(const struct pb_bio_vec *bv)
{
	return bv->bv_paddr + bv->bv_len;
}

/* The run ends before @bv, which begins another. Return: is it a segment, with room? */
static inline bool end_one(struct walk *w, const struct pb_bio_vec *bv)
{
	u64 start = w->first->bv_paddr;
	u64 last = end_of(bv - 1) - start - 1;

	if (unlikely(w->seg == w->last || last > w->furthest ||
		     last > (w->window & ~start)))
		return false;
	w->seg->paddr = start;
	w->seg++->len = (u32)last + 1;
	w->first = bv;
	return true;
}

/*
 * The run has several segments, or there is no room. A run of nothing can join those around
 * it: then all of the array is core/coalesce.c's. Return: go on.
 */
static bool cut_run(struct walk *w)
{
	struct physbio_coalesce_pos pos = { 0, 0 };

	if (end_of(w->bv - 1) == w->first->bv_paddr) {
		w->stop = STOP_EMPTY;
		return false;
	}
	w->seg += physbio_coalesce(w->lim, w->first, (u32)(w->bv - w->first),
				   &pos, w->seg, (u32)(w->last - w->seg));
	w->first += pos.idx;
	w->done = pos.done;
	return w->first == w->bv;
}

static bool end_run(struct walk *w)
{
	return end_one(w, w->bv) || cut_run(w);
}

/* Where @bv would continue the open run. */
static u64 run_end(const struct walk *w)
{
	return w->bv == w->first ? w->first->bv_paddr : end_of(w->bv - 1);
}

/* The vectors that are too few for a loop. */
static void walk_last(struct walk *w)
{
	u64 end = run_end(w);

	for (; w->bv != w->end; w->bv++) {
		if (w->bv->bv_paddr != end && !end_run(w))
			return;
		end = end_of(w->bv);
	}
	end_run(w);
}

/* The number of a bit that is the @n-th of those that are set, counted from 0. */
static u32 nth_set(u32 bits, u32 n)
{
	while (n--)
		bits &= bits - 1;
	return (u32)__builtin_ctz(bits);
}

/* The runs before the one that a loop stopped at are segments, which have been written. */
static void go_to_run(struct walk *w)
{
	u32 ok = (u32)__builtin_ctz(w->bad | 1u << 31);

	if (ok > w->last - w->seg)
		ok = (u32)(w->last - w->seg);
	w->seg += ok;
	if (ok)
		w->first = w->bv + nth_set(w->breaks, ok - 1);
	w->bv += nth_set(w->breaks, ok);
}

/* Into each that calls it, with its loop: what the walk knows is in registers. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE void walk_all(struct walk *w, u32 fewest, loop_fn *loop)
{
	while (w->end - w->bv >= fewest) {
		loop(w);
		if (w->stop == STOP_END)
			break;
		go_to_run(w);
		if (!cut_run(w))
			return;
	}
	if (w->first != w->end)
		walk_last(w);
}

/* Behind a segment no empty vector is left. */
static const struct pb_bio_vec *what_is_left(const struct walk *w)
{
	const struct pb_bio_vec *bv = w->first;

	while (bv != w->end && !bv->bv_len)
		bv++;
	return bv;
}

/* A loop takes @fewest vectors at a time. */
static ALWAYS_INLINE int coalesce_by(const struct pb_queue_limits *lim,
				     const struct pb_bio_vec *table, u32 nr,
				     struct physbio_coalesce_pos *pos,
				     struct pb_phys_vec *segs, u32 max,
				     u32 fewest, loop_fn *loop)
{
	struct walk w;

	if (nr < fewest || pos->done ||
	    !physbio_coalesce_ok(lim, table, nr, pos))
		return physbio_coalesce(lim, table, nr, pos, segs, max);
	w.lim = lim;
	w.window = lim->seg_boundary_mask;
	w.furthest = lim->max_segment_size - 1u;
	w.bv = w.first = &table[pos->idx];
	w.end = &table[nr];
	w.seg = segs;
	w.last = &segs[min(max, (u32)INT_MAX)];
	w.done = 0;
	w.stop = STOP_END;
	walk_all(&w, fewest, loop);
	if (unlikely(w.stop == STOP_EMPTY))
		return physbio_coalesce(lim, table, nr, pos, segs, max);
	if (w.seg != segs)
		pos->idx = (u32)(what_is_left(&w) - table);
	pos->done = w.done;
	return (int)(w.seg - segs);
}

/* --- what a loop does with runs --- */

static inline bool stop_at(struct walk *w, u32 breaks, u32 bad)
{
	w->stop = STOP_RUN;
	w->breaks = breaks;
	w->bad = bad;
	return false;
}

static inline bool one_bit(u32 bits)
{
	return !(bits & (bits - 1));
}

/* One run ends, before the vector of @breaks: nothing for a vector unit. */
static inline bool end_single(struct walk *w, u32 breaks)
{
	return likely(end_one(w, w->bv + __builtin_ctz(breaks))) ||
	       stop_at(w, breaks, 1);
}

/*
 * Several end, and what they are was written. How many is not to wait for what the limits
 * say to each, which is nearly always yes; they bear none of @bad.
 */
static inline bool end_several(struct walk *w, u32 breaks, u32 bad)
{
	u32 nr = (u32)__builtin_popcount(breaks);

	if (unlikely(bad << (32 - nr) || nr > w->last - w->seg))
		return stop_at(w, breaks, bad);
	w->seg += nr;
	w->first = w->bv + (31 - __builtin_clz(breaks));
	return true;
}

/* --- by eight --- */

#define AVX512 __attribute__((target("avx512f,popcnt")))

struct eight {
	__m512i paddr;
	__m512i len;
};

AVX512 static inline struct eight load_eight(const struct pb_bio_vec *bv)
{
	const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
	/* by 32 bits: nothing is said of what stands behind a length */
	const __m512i odd = _mm512_set_epi32(0, 30, 0, 26, 0, 22, 0, 18, 0, 14,
					     0, 10, 0, 6, 0, 2);
	__m512i a = _mm512_loadu_si512(bv);
	__m512i b = _mm512_loadu_si512(bv + 4);

	return (struct eight){
		.paddr = _mm512_permutex2var_epi64(a, even, b),
		.len = _mm512_maskz_permutex2var_epi32(0x5555, a, odd, b),
	};
}

AVX512 static inline void store_eight(struct pb_phys_vec *segs, struct eight v)
{
	const __m512i front = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
	const __m512i back = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);

	_mm512_storeu_si512(segs,
			    _mm512_permutex2var_epi64(v.paddr, front, v.len));
	_mm512_storeu_si512(segs + 4,
			    _mm512_permutex2var_epi64(v.paddr, back, v.len));
}

/* Where there is no room for all. */
AVX512 static noinline void store_few_of_eight(struct walk *w, struct eight v)
{
	struct pb_phys_vec all[8];

	store_eight(all, v);
	memcpy(w->seg, all, (size_t)(w->last - w->seg) * sizeof(all[0]));
}

/* Lanes go up by one, and lane 7 of @before comes to lane 0. */
AVX512 static inline __m512i behind_eight(__m512i before, __m512i lanes)
{
	return _mm512_alignr_epi64(lanes, before, 7);
}

/* The walk's limits, in each lane. */
struct eight_limits {
	__m512i window;
	__m512i furthest;
};

/* A bit for each that the limits don't bear; those of no length are such. */
AVX512 static inline u32 eight_too_long(const struct eight_limits *lim,
					struct eight v)
{
	__m512i last = _mm512_andnot_si512(v.paddr, lim->window);

	return _mm512_cmpgt_epu64_mask(_mm512_sub_epi64(v.len,
							_mm512_set1_epi64(1)),
				       _mm512_min_epu64(last, lim->furthest));
}

/*
 * Runs end before those vectors of @v, the eight at bv, that @breaks has bits for; @before
 * are the ends of the vectors in front of each.
 */
AVX512 static inline bool end_eight(struct walk *w,
				    const struct eight_limits *lim,
				    __mmask8 breaks, struct eight v,
				    __m512i before)
{
	__m512i first = _mm512_set1_epi64((long long)w->first->bv_paddr);
	struct walk few;
	struct eight runs;

	if (!breaks)
		return true;
	runs.paddr = behind_eight(first,
				  _mm512_maskz_compress_epi64(breaks, v.paddr));
	runs.len = _mm512_sub_epi64(_mm512_maskz_compress_epi64(breaks, before),
				    runs.paddr);
	if (unlikely(w->last - w->seg < 8)) {
		few = *w;
		store_few_of_eight(&few, runs);
	} else {
		store_eight(w->seg, runs);
	}
	return end_several(w, breaks, eight_too_long(lim, runs));
}

AVX512 static void runs_by_eight(struct walk *walk)
{
	struct walk w = *walk; /* which can be in registers */
	const struct eight_limits lim = {
		.window = _mm512_set1_epi64((long long)w.window),
		.furthest = _mm512_set1_epi64((long long)w.furthest),
	};
	__m512i ends = _mm512_set1_epi64((long long)run_end(&w));

	w.stop = STOP_END;
	while (w.end - w.bv >= 16) {
		struct eight a = load_eight(w.bv), b = load_eight(w.bv + 8);
		__m512i ends_a = _mm512_add_epi64(a.paddr, a.len);
		__m512i before_a = behind_eight(ends, ends_a), before_b;
		__mmask8 breaks_a, breaks_b;
		u32 breaks;

		ends = _mm512_add_epi64(b.paddr, b.len);
		before_b = behind_eight(ends_a, ends);
		breaks_a = _mm512_cmpneq_epu64_mask(a.paddr, before_a);
		breaks_b = _mm512_cmpneq_epu64_mask(b.paddr, before_b);
		breaks = _mm512_kunpackb(breaks_b, breaks_a);
		if (breaks && one_bit(breaks)) {
			if (!end_single(&w, breaks))
				break;
		} else if (breaks) {
			if (!end_eight(&w, &lim, breaks_a, a, before_a))
				break;
			w.bv += 8;
			if (!end_eight(&w, &lim, breaks_b, b, before_b))
				break;
			w.bv += 8;
			continue;
		}
		w.bv += 16;
	}
	*walk = w;
}

AVX512 static int coalesce_by_eight(const struct pb_queue_limits *lim,
				    const struct pb_bio_vec *table, u32 nr,
				    struct physbio_coalesce_pos *pos,
				    struct pb_phys_vec *segs, u32 max)
{
	return coalesce_by(lim, table, nr, pos, segs, max, 16, runs_by_eight);
}

/* --- by four --- */

#define AVX2 __attribute__((target("avx2,popcnt")))

struct four {
	__m256i paddr;
	__m256i len;
};

AVX2 static inline __m256i load_pair(const struct pb_bio_vec *low,
				     const struct pb_bio_vec *high)
{
	return _mm256_inserti128_si256(
		_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low)),
		_mm_loadu_si128((const __m128i *)high), 1);
}

AVX2 static inline struct four load_four(const struct pb_bio_vec *bv)
{
	__m256i even = load_pair(bv, bv + 2);
	__m256i odd = load_pair(bv + 1, bv + 3);
	__m256i len = _mm256_unpackhi_epi64(even, odd);

	return (struct four){
		.paddr = _mm256_unpacklo_epi64(even, odd),
		/* nothing is said of what stands behind a length */
		.len = _mm256_and_si256(len, _mm256_set1_epi64x(U32_MAX)),
	};
}

AVX2 static inline void store_four(struct pb_phys_vec *segs, struct four v)
{
	__m256i even = _mm256_unpacklo_epi64(v.paddr, v.len);
	__m256i odd = _mm256_unpackhi_epi64(v.paddr, v.len);
	__m256i *to = (__m256i *)segs;

	_mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
	_mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
}

AVX2 static noinline void store_few_of_four(struct walk *w, struct four v)
{
	struct pb_phys_vec all[4];

	store_four(all, v);
	memcpy(w->seg, all, (size_t)(w->last - w->seg) * sizeof(all[0]));
}

/* Lanes go up by one, the last one to the front. */
AVX2 static inline __m256i rotate(__m256i lanes)
{
	return _mm256_permute4x64_epi64(lanes, _MM_SHUFFLE(2, 1, 0, 3));
}

AVX2 static inline __m256i with_first(__m256i lanes, __m256i first)
{
	return _mm256_blend_epi32(lanes, first, 3);
}

AVX2 static inline u32 bits_of(__m256i lanes)
{
	return (u32)_mm256_movemask_pd(_mm256_castsi256_pd(lanes));
}

/* Those of @bits, in front. There is no instruction for it. */
AVX2 static inline __m256i compress(u32 bits, __m256i lanes)
{
#define LANE(n) 2 * (n), 2 * (n) + 1
	static const u32 which[16][8] = {
		{ LANE(0), LANE(0), LANE(0), LANE(0) },
		{ LANE(0), LANE(0), LANE(0), LANE(0) },
		{ LANE(1), LANE(0), LANE(0), LANE(0) },
		{ LANE(0), LANE(1), LANE(0), LANE(0) },
		{ LANE(2), LANE(0), LANE(0), LANE(0) },
		{ LANE(0), LANE(2), LANE(0), LANE(0) },
		{ LANE(1), LANE(2), LANE(0), LANE(0) },
		{ LANE(0), LANE(1), LANE(2), LANE(0) },
		{ LANE(3), LANE(0), LANE(0), LANE(0) },
		{ LANE(0), LANE(3), LANE(0), LANE(0) },
		{ LANE(1), LANE(3), LANE(0), LANE(0) },
		{ LANE(0), LANE(1), LANE(3), LANE(0) },
		{ LANE(2), LANE(3), LANE(0), LANE(0) },
		{ LANE(0), LANE(2), LANE(3), LANE(0) },
		{ LANE(1), LANE(2), LANE(3), LANE(0) },
		{ LANE(0), LANE(1), LANE(2), LANE(3) },
	};
#undef LANE
	return _mm256_permutevar8x32_epi32(
		lanes, _mm256_loadu_si256((const __m256i *)which[bits]));
}

/* The sign's bit is turned: there is a comparison for signed numbers only. */
AVX2 static inline __m256i unsign(__m256i lanes)
{
	return _mm256_xor_si256(lanes, _mm256_set1_epi64x(INT64_MIN));
}

struct four_limits {
	__m256i window;
	__m256i furthest; /* with its sign turned */
};

AVX2 static inline u32 four_too_long(const struct four_limits *lim,
				     struct four v)
{
	__m256i len = unsign(_mm256_sub_epi64(v.len, _mm256_set1_epi64x(1)));
	__m256i last = unsign(_mm256_andnot_si256(v.paddr, lim->window));

	return bits_of(_mm256_or_si256(_mm256_cmpgt_epi64(len, last),
				       _mm256_cmpgt_epi64(len, lim->furthest)));
}

/* As end_eight(). */
AVX2 static inline bool end_four(struct walk *w, const struct four_limits *lim,
				 u32 breaks, struct four v, __m256i before)
{
	__m256i first = _mm256_set1_epi64x((long long)w->first->bv_paddr);
	struct walk few;
	struct four runs;

	if (!breaks)
		return true;
	runs.paddr = with_first(rotate(compress(breaks, v.paddr)), first);
	runs.len = _mm256_sub_epi64(compress(breaks, before), runs.paddr);
	if (unlikely(w->last - w->seg < 4)) {
		few = *w;
		store_few_of_four(&few, runs);
	} else {
		store_four(w->seg, runs);
	}
	return end_several(w, breaks, four_too_long(lim, runs));
}

/* A bit for each that is not in both. */
AVX2 static inline u32 differ(__m256i a, __m256i b)
{
	return bits_of(_mm256_cmpeq_epi64(a, b)) ^ 0xf;
}

AVX2 static void runs_by_four(struct walk *walk)
{
	struct walk w = *walk; /* which can be in registers */
	const struct four_limits lim = {
		.window = _mm256_set1_epi64x((long long)w.window),
		.furthest = unsign(_mm256_set1_epi64x((long long)w.furthest)),
	};
	__m256i ends = _mm256_set1_epi64x((long long)run_end(&w));

	w.stop = STOP_END;
	while (w.end - w.bv >= 8) {
		struct four a = load_four(w.bv), b = load_four(w.bv + 4);
		__m256i ends_a = rotate(_mm256_add_epi64(a.paddr, a.len));
		__m256i before_a = with_first(ends_a, ends), before_b;
		u32 breaks_a, breaks_b, breaks;

		ends = rotate(_mm256_add_epi64(b.paddr, b.len));
		before_b = with_first(ends, ends_a);
		breaks_a = differ(a.paddr, before_a);
		breaks_b = differ(b.paddr, before_b);
		breaks = breaks_a | breaks_b << 4;
		if (breaks && one_bit(breaks)) {
			if (!end_single(&w, breaks))
				break;
		} else if (breaks) {
			if (!end_four(&w, &lim, breaks_a, a, before_a))
				break;
			w.bv += 4;
			if (!end_four(&w, &lim, breaks_b, b, before_b))
				break;
			w.bv += 4;
			continue;
		}
		w.bv += 8;
	}
	*walk = w;
}

AVX2 static int coalesce_by_four(const struct pb_queue_limits *lim,
				 const struct pb_bio_vec *table, u32 nr,
				 struct physbio_coalesce_pos *pos,
				 struct pb_phys_vec *segs, u32 max)
{
	return coalesce_by(lim, table, nr, pos, segs, max, 8, runs_by_four);
}

/* --- which of them --- */

physbio_coalesce_fn *physbio_coalesce_by(enum physbio_simd simd)
{
	if (simd == PHYSBIO_SIMD_AVX2 && __builtin_cpu_supports("avx2"))
		return coalesce_by_four;
	if (simd == PHYSBIO_SIMD_AVX512 && __builtin_cpu_supports("avx512f"))
		return coalesce_by_eight;
	return simd == PHYSBIO_SIMD_NONE ? physbio_coalesce : NULL;
}

#else

physbio_coalesce_fn *physbio_coalesce_by(enum physbio_simd simd)
{
	return simd == PHYSBIO_SIMD_NONE ? physbio_coalesce : NULL;
}

#endif
