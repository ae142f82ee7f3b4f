// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The translator by windows: which of thousands an address is in, and what it is on the
 * bus there. Decides for sorted tables of any layout, regular or not, and knows nothing
 * of who made the table or whether the hardware keeps to it.
 */
#include "windows.h"

#define CACHE_LINE 64

/* A piece of the address space that has parts of its own. */
struct crowd {
	u32 base; /* + (distance >> shift): the part */
	u32 shift;
};

/*
 * Where each window starts, by 8 bytes, so that few cache lines tell it; and, where it
 * helps, tables in front: for each part of the address space the first window that can
 * be there. A search goes on from there in halves, as often as the fullest part needs,
 * without a branch that could be predicted wrongly.
 *
 * Where the layout is even the space is cut into equal parts. Where windows crowd in
 * some places it is cut into crowds first, as floating point numbers cut it: the
 * farther from the first window the larger, 1 << crowd_bits of a size. Each of them is
 * cut into equal parts, as many as it has windows. What neither helps has no table.
 */
struct window_search {
	/* Written where the threads change windows, so on a line of its own. */
	struct physbio_window_index index;
	/* where the first window begins: distances are from there */
	pb_phys_addr_t first __attribute__((aligned(CACHE_LINE)));
	u32 shift; /* distance >> shift: the part, without crowds */
	u32 nr_parts; /* 0: no table */
	u32 crowd_bits;
	u32 crowd_shift; /* distance >> crowd_shift is what they cut */
	u32 nr_crowds; /* 0: equal parts */
	unsigned long half; /* of the fullest part's windows */
	const struct crowd *crowds;
	u32 *parts; /* index of a window */
	/* The last address before each window. Nothing is above those behind them. */
	pb_phys_addr_t keys[] __attribute__((aligned(CACHE_LINE)));
};

PB_STATIC_ASSERT(sizeof(struct window_search) == 2 * CACHE_LINE,
		 "as PHYSBIO_WINDOW_INDEX_BYTES() has it");

/* Nothing is in it. */
static const struct physbio_window no_window;

static const struct window_search *search_of(const struct physbio_xlate *x)
{
	return (const struct window_search *)x->index;
}

/* The crowd of a distance: its exponent, then its upper @bits below the first. */
static u64 crowd_of(u64 at, u32 bits)
{
	u32 shift = (u32)fls64(at >> bits | 1) - 1;

	return ((u64)shift << bits) + (at >> shift);
}

/* Out of line, so that the others have no registers to save. */
static noinline u64 part_in_crowd(const struct window_search *s, u64 at)
{
	u64 i = crowd_of(at >> s->crowd_shift, s->crowd_bits);
	const struct crowd *crowd;

	if (unlikely(i >= s->nr_crowds))
		return s->nr_parts;
	crowd = &s->crowds[i];
	return (u32)(crowd->base + (u32)(at >> crowd->shift));
}

/*
 * The first window to look at. What is before all parts or behind them is in no
 * window: any will do.
 */
static unsigned long first_of(const struct window_search *s,
			      pb_phys_addr_t phys)
{
	u64 at = (pb_phys_addr_t)(phys - s->first);
	u64 part;

	if (!s->nr_parts)
		return 0;
	part = s->nr_crowds ? part_in_crowd(s, at) : at >> s->shift;
	return likely(part < s->nr_parts) ? s->parts[part] : 0;
}

static unsigned long step(const struct window_search *s, unsigned long i,
			  unsigned long half, pb_phys_addr_t phys)
{
	return s->keys[i + half] < phys ? i + half : i;
}

/* The one window that @phys can be in. */
static inline const struct physbio_window *
window_near(const struct physbio_xlate *x, pb_phys_addr_t phys)
{
	const struct window_search *s = search_of(x);
	unsigned long half, i = first_of(s, phys);

	pb_count(PHYSBIO_LOOKUP);
	/* Four at a time: the end of a longer loop is predicted wrongly. */
	for (half = s->half; half >= 8; half /= 16) {
		i = step(s, i, half, phys);
		i = step(s, i, half / 2, phys);
		i = step(s, i, half / 4, phys);
		i = step(s, i, half / 8, phys);
	}
	for (; half; half /= 2)
		i = step(s, i, half, phys);
	return &x->windows[i];
}

/* An address before the window is as far behind it as the address space is large. */
static u64 within(const struct physbio_window *w, pb_phys_addr_t phys)
{
	return (pb_phys_addr_t)(phys - w->start);
}

static bool window_has(const struct physbio_window *w, pb_phys_addr_t phys,
		       u64 size)
{
	u64 end = within(w, phys) + size;

	return end >= size && end <= w->size;
}

static pb_dma_addr_t addr_within(const struct physbio_window *w,
				 pb_phys_addr_t phys)
{
	return physbio_dma_make(w->bus + within(w, phys));
}

/*
 * The first window is remembered at once, then another one time in 32, which the address
 * tells: threads that work in different windows would fight for the line otherwise,
 * and every one of them would lose more than a search costs.
 */
static void remember(struct physbio_window_index *index,
		     const struct physbio_window *w, pb_phys_addr_t phys)
{
	if (unlikely(!hash_32((u32)phys, 5)) ||
	    unlikely(READ_ONCE(index->last) == &no_window))
		WRITE_ONCE(index->last, w);
}

pb_dma_addr_t physbio_windows_search(const struct physbio_xlate *x,
				     pb_phys_addr_t phys, u64 size)
{
	const struct physbio_window *w = window_near(x, phys);

	if (unlikely(!window_has(w, phys, size)))
		return PB_DMA_MAPPING_ERROR;
	remember(x->index, w, phys);
	return addr_within(w, phys);
}
EXPORT_SYMBOL_GPL(physbio_windows_search);

pb_dma_addr_t physbio_windows_map_phys(const struct pb_device *dev,
				       pb_phys_addr_t phys, u64 size,
				       enum pb_dma_data_direction dir,
				       unsigned long attrs)
{
	const struct physbio_xlate *x = dev->xlate;

	if (unlikely(attrs & PB_DMA_ATTR_MMIO) && x->mmio_identity)
		return physbio_dma_make(phys);
	return physbio_windows_map(x, phys, size);
}

/* A vector of the submitter's bus addresses has no physical address to map. */
#ifdef PB_REPR_DMA
#define windows_map_batch NULL
#else

static struct reach reach_of(const struct physbio_window *w, u64 mask)
{
	struct reach r = { .start = w->start, .size = w->size };

	r.offset = w->bus - w->start;
	if (unlikely(w->bus > mask))
		r.size = 0;
	else if (unlikely(r.size && r.size - 1 > mask - w->bus))
		r.size = mask - w->bus + 1;
	return r;
}

/* For a length that is less than an address space one sum is enough. */
static bool reach_has(const struct reach *r, const struct pb_phys_vec *vec)
{
	u64 end = (u64)(pb_phys_addr_t)(vec->paddr - r->start) + vec->len;

	return end >= vec->len && end <= r->size;
}

static pb_dma_addr_t addr_in_reach(const struct reach *r,
				   const struct pb_phys_vec *vec)
{
	return physbio_dma_make(vec->paddr + r->offset);
}

#define GROUP 4u

/* Return: false, and nothing is written, if one of them is not in the window. */
static inline bool map_group_in_reach(const struct reach *r,
				      const struct pb_phys_vec *vecs,
				      pb_dma_addr_t *addrs)
{
	if (!reach_has(r, &vecs[0]) || !reach_has(r, &vecs[1]) ||
	    !reach_has(r, &vecs[2]) || !reach_has(r, &vecs[3]))
		return false;
	addrs[0] = addr_in_reach(r, &vecs[0]);
	addrs[1] = addr_in_reach(r, &vecs[1]);
	addrs[2] = addr_in_reach(r, &vecs[2]);
	addrs[3] = addr_in_reach(r, &vecs[3]);
	return true;
}

/* Groups in front that are in one window. Return: how many ranges. */
static u32 reach_map(const struct reach *r, const struct pb_phys_vec *vecs,
		     u32 nr, pb_dma_addr_t *addrs)
{
	/* Its own: what is stored might be @r, and would be read again. */
	const struct reach own = *r;
	const struct pb_phys_vec *vec = vecs;
	const struct pb_phys_vec *behind = vecs + round_down(nr, GROUP);

	for (; vec < behind && map_group_in_reach(&own, vec, addrs);
	     vec += GROUP)
		addrs += GROUP;
	return (u32)(vec - vecs);
}

/*
 * The first windows of a batch, in the order of its ranges. What is not used repeats the
 * first. The table is filled when one of them is met again.
 */
struct reach_set {
	struct reach found[NR_REACHES];
	u32 nr;
	u32 nr_sorted; /* of those found */
	struct reach_table table;
};

static bool set_has(const struct reach_set *set, const struct pb_phys_vec *vec)
{
	u32 i;

	for (i = 0; i < set->nr; i++)
		if (reach_has(&set->found[i], vec))
			return true;
	return false;
}

static void set_add(struct reach_set *set, struct reach r)
{
	u32 i;

	if (!set->nr)
		for (i = 1; i < NR_REACHES; i++)
			set->found[i] = r;
	set->found[set->nr++] = r;
}

/* Those that are the same stand in the order in which they were found. */
static u32 rank_of(const struct reach *found, u32 i)
{
	u32 j, rank = 0;

	for (j = 0; j < i; j++)
		rank += found[j].start <= found[i].start;
	for (j = i + 1; j < NR_REACHES; j++)
		rank += found[j].start < found[i].start;
	return rank;
}

/* No count and no order is known beforehand: there is nothing to predict. */
static void set_sort(struct reach_set *set)
{
	u32 i, rank;

	for (i = 0; i < NR_REACHES; i++) {
		rank = rank_of(set->found, i);
		set->table.start[rank] = set->found[i].start;
		set->table.size[rank] = set->found[i].size;
		set->table.offset[rank] = set->found[i].offset;
	}
	set->nr_sorted = set->nr;
}

/* Return: false, and nothing is written, if it is in no window of the table. */
static inline bool map_in_table(const struct reach_table *t,
				const struct pb_phys_vec *vec,
				pb_dma_addr_t *addr)
{
	pb_phys_addr_t paddr = vec->paddr;
	unsigned long near = paddr >= t->start[1];
	u64 at, end;

	near += paddr >= t->start[2];
	near += paddr >= t->start[3];
	at = (pb_phys_addr_t)(paddr - t->start[near]);
	end = at + vec->len;
	if (unlikely(end < at || end > t->size[near]))
		return false;
	*addr = physbio_dma_make(paddr + t->offset[near]);
	return true;
}

static inline bool map_group_in_table(const struct reach_table *t,
				      const struct pb_phys_vec *vecs,
				      pb_dma_addr_t *addrs)
{
	return map_in_table(t, &vecs[0], &addrs[0]) &&
	       map_in_table(t, &vecs[1], &addrs[1]) &&
	       map_in_table(t, &vecs[2], &addrs[2]) &&
	       map_in_table(t, &vecs[3], &addrs[3]);
}

static inline u32 table_map(const struct reach_table *table,
			    const struct pb_phys_vec *vecs, u32 nr,
			    pb_dma_addr_t *addrs)
{
	const struct pb_phys_vec *vec = vecs, *behind = vecs + nr;
	const struct pb_phys_vec *rest = vecs + round_down(nr, GROUP);

	for (; vec < rest && map_group_in_table(table, vec, addrs);
	     vec += GROUP)
		addrs += GROUP;
	for (; vec < behind && map_in_table(table, vec, addrs); vec++)
		addrs++;
	return (u32)(vec - vecs);
}

u32 physbio_table_map(const struct reach_table *table,
		      const struct pb_phys_vec *vecs, u32 nr,
		      pb_dma_addr_t *addrs)
{
	return table_map(table, vecs, nr, addrs);
}

static int map_each(const struct pb_device *dev, const struct pb_phys_vec *vecs,
		    u32 nr, pb_dma_addr_t *addrs)
{
	for (; nr; nr--, vecs++, addrs++) {
		*addrs =
			physbio_windows_map(dev->xlate, vecs->paddr, vecs->len);
		if (unlikely(*addrs == PB_DMA_MAPPING_ERROR))
			return -EIO;
		if (unlikely(physbio_dma_value(*addrs) + (vecs->len - 1) >
			     dev->dma_mask))
			return -EIO;
	}
	return 0;
}

/* The window of a range joins the set. Return: false if it has not all of it. */
static bool set_search(const struct pb_device *dev, struct reach_set *set,
		       const struct pb_phys_vec *vec)
{
	const struct physbio_window *w = window_near(dev->xlate, vec->paddr);
	struct reach r = reach_of(w, dev->dma_mask);

	if (unlikely(!reach_has(&r, vec)))
		return false;
	remember(dev->xlate->index, w, vec->paddr);
	set_add(set, r);
	return true;
}

#define AHEAD 8u
#define AHEAD_PAYS (4 * AHEAD)

/*
 * A batch whose first group has several windows will jump among them. They are searched
 * for at once: if each search waited until the range before it has left those that are
 * known, that would be predicted wrongly each time. It may be that one is of no use.
 */
static noinline void look_ahead(const struct pb_device *dev,
				struct reach_set *set,
				const struct pb_phys_vec *vecs)
{
	const struct physbio_window *w[AHEAD];
	u32 i;

	for (i = 0; i < AHEAD; i++)
		w[i] = window_near(dev->xlate, vecs[i].paddr);
	for (i = 0; i < AHEAD && set->nr < NR_REACHES; i++)
		if (!set_has(set, &vecs[i]))
			set_add(set, reach_of(w[i], dev->dma_mask));
}

/* Ranges that are not all in @r, the remembered window. */
static __always_inline int map_by_set(const struct pb_device *dev,
				      struct reach r,
				      const struct pb_phys_vec *vecs, u32 nr,
				      pb_dma_addr_t *addrs,
				      const struct batch_loops *loops)
{
	struct reach_set set __uninitialized;
	u32 i, n;

	set.nr = 0;
	set.nr_sorted = 0;
	if (reach_has(&r, vecs))
		set_add(&set, r);
	for (i = 0; i < nr; i += n) {
		n = 0;
		if (!set_has(&set, &vecs[i])) {
			if (unlikely(set.nr == NR_REACHES))
				return map_each(dev, &vecs[i], nr - i,
						&addrs[i]);
			if (unlikely(!set_search(dev, &set, &vecs[i])))
				return -EIO;
			if (!set.nr_sorted)
				n = loops->reach_map(&set.found[set.nr - 1],
						     &vecs[i], nr - i,
						     &addrs[i]);
		}
		if (n)
			continue;
		if (!set.nr_sorted && nr - i >= AHEAD_PAYS)
			look_ahead(dev, &set, &vecs[i]);
		if (set.nr_sorted != set.nr)
			set_sort(&set);
		n = loops->table_map(&set.table, &vecs[i], nr - i, &addrs[i]);
		if (WARN_ON_ONCE(!n))
			return -EIO;
	}
	return 0;
}

/* Out of line, so that a batch that is in one window has no set. */
static noinline int map_by_set_portably(const struct pb_device *dev,
					struct reach r,
					const struct pb_phys_vec *vecs, u32 nr,
					pb_dma_addr_t *addrs)
{
	static const struct batch_loops loops = { reach_map,
						  physbio_table_map };

	return map_by_set(dev, r, vecs, nr, addrs, &loops);
}

/*
 * Most batches are in one window, or in one after the other: what was found last goes on
 * until a range leaves it. A batch that comes back to a window has all that were found
 * tried at once, and one that has more of them goes on range by range. There is nothing
 * to undo.
 */
static int windows_map_batch(const struct pb_device *dev,
			     const struct pb_phys_vec *vecs, u32 nr,
			     pb_dma_addr_t *addrs)
{
	struct reach r =
		reach_of(READ_ONCE(dev->xlate->index->last), dev->dma_mask);
	u32 i = reach_map(&r, vecs, nr, addrs);

	return i == nr ?
		       0 :
		       map_by_set_portably(dev, r, &vecs[i], nr - i, &addrs[i]);
}

int physbio_windows_map_batch_by(const struct pb_device *dev,
				 const struct pb_phys_vec *vecs, u32 nr,
				 pb_dma_addr_t *addrs,
				 const struct batch_loops *loops)
{
	struct reach r =
		reach_of(READ_ONCE(dev->xlate->index->last), dev->dma_mask);
	u32 i = loops->reach_map(&r, vecs, nr, addrs);

	return i == nr ? 0 :
			 map_by_set(dev, r, &vecs[i], nr - i, &addrs[i], loops);
}
#endif

const struct physbio_xlate_ops physbio_windows_ops = {
	.name = "windows",
	.map_phys = physbio_windows_map_phys,
	.map_batch = windows_map_batch,
};

/* --- the index --- */

/* How often must @nr be halved until one is left? */
static unsigned int steps_for(u32 nr)
{
	unsigned int steps = 0;

	while ((u64)1 << steps < nr)
		steps++;
	return steps;
}

/* What tables cost, as steps of a search. */
#define EVEN_COST 3u
#define CROWDS_COST 5u

/*
 * 8 bytes of a crowd for each three windows, and 4 of a part for each window and for
 * each crowd: with the key 16 bytes for each window.
 */
#define MAX_CROWDS(nr) ((nr) / 3)

static void fill_keys(struct window_search *s,
		      const struct physbio_window *windows, u32 nr, u32 nr_keys)
{
	u32 i;

	for (i = 0; i < nr_keys; i++)
		s->keys[i] = i < nr ? windows[i].start - 1 : (pb_phys_addr_t)-1;
}

/* A walk over the windows while parts are filled, in the same order. */
struct walk {
	const struct physbio_window *windows;
	u32 nr;
	u32 i; /* the window that it has come to */
	u32 most; /* windows of a part so far */
};

/* Distances of window @i's first and last byte from the first window. */
static u64 start_of(const struct walk *walk, u32 i)
{
	return walk->windows[i].start - walk->windows->start;
}

static u64 end_of(const struct walk *walk, u32 i)
{
	return start_of(walk, i) + (walk->windows[i].size - 1);
}

/* On to the last window that begins up to @at bytes behind the first. */
static void walk_to(struct walk *walk, u64 at)
{
	while (walk->i + 1 < walk->nr && start_of(walk, walk->i + 1) <= at)
		walk->i++;
}

/* The next @nr parts, of 1 << @shift bytes, @at bytes behind the first window. */
static void fill_parts(struct walk *walk, u32 *parts, u32 nr, u64 at, u32 shift)
{
	u64 size = (u64)1 << shift;
	u32 i;

	for (i = 0; i < nr; i++, at += size) {
		/* The one that begins before it may reach into it. */
		walk_to(walk, at);
		parts[i] = walk->i;
		walk_to(walk, at + (size - 1));
		walk->most = max(walk->most, walk->i - parts[i] + 1);
	}
}

/* Equal parts, at most two for each window. Return: the steps of a search in one. */
static u32 fill_even(struct window_search *s, struct walk walk, u64 last)
{
	s->nr_crowds = 0;
	s->parts = (u32 *)&s->keys[walk.nr];
	s->shift = 0;
	while (last >> s->shift >= 2 * (u64)walk.nr)
		s->shift++;
	s->nr_parts = (u32)(last >> s->shift) + 1;
	fill_parts(&walk, s->parts, s->nr_parts, 0, s->shift);
	return steps_for(walk.most);
}

/* Distances of a crowd's first and last byte. */
struct span {
	u64 first;
	u64 last;
};

static struct span crowd_span(const struct window_search *s, u32 i)
{
	u32 doubled = i >> s->crowd_bits;
	u32 shift = doubled ? doubled - 1 : 0;
	struct span span;

	span.first = (u64)(i - (shift << s->crowd_bits))
		     << shift << s->crowd_shift;
	span.last = span.first + (((u64)1 << shift << s->crowd_shift) - 1);
	return span;
}

/*
 * The windows that a crowd has to do with: from walk->i on. Return: how many. @span
 * becomes what they have of it.
 */
static u32 crowd_windows(struct walk *walk, struct span *span)
{
	struct walk ahead;

	walk_to(walk, span->first);
	ahead = *walk;
	walk_to(&ahead, span->last);
	if (end_of(walk, walk->i) < span->first && walk->i < ahead.i)
		span->first = start_of(walk, ++walk->i);
	span->last = max(span->first, min(span->last, end_of(walk, ahead.i)));
	return ahead.i - walk->i + 1;
}

/* As many parts as a crowd has windows, or fewer. */
static void fill_crowd(struct window_search *s, struct walk *walk,
		       struct crowd *crowd, struct span span)
{
	u32 nr = crowd_windows(walk, &span), shift = 0;

	while ((span.last >> shift) - (span.first >> shift) >= nr)
		shift++;
	nr = (u32)((span.last >> shift) - (span.first >> shift)) + 1;
	crowd->shift = shift;
	crowd->base = s->nr_parts - (u32)(span.first >> shift);
	fill_parts(walk, &s->parts[s->nr_parts], nr,
		   span.first >> shift << shift, shift);
	s->nr_parts += nr;
}

/* As many crowds as there may be, with @bits. Return: the steps of a search in a part. */
static u32 fill_crowds(struct window_search *s, struct walk walk, u64 last,
		       u32 bits)
{
	struct crowd *crowds = (struct crowd *)&s->keys[walk.nr];
	u32 i;

	s->crowd_bits = bits;
	for (s->crowd_shift = 0;
	     crowd_of(last >> s->crowd_shift, bits) >= MAX_CROWDS(walk.nr);)
		s->crowd_shift++;
	s->nr_crowds = (u32)crowd_of(last >> s->crowd_shift, bits) + 1;
	s->crowds = crowds;
	s->parts = (u32 *)&crowds[s->nr_crowds];
	s->nr_parts = 0;
	for (i = 0; i < s->nr_crowds; i++)
		fill_crowd(s, &walk, &crowds[i], crowd_span(s, i));
	return steps_for(walk.most);
}

/* Return: the bits with which a search takes the fewest steps. */
static u32 best_bits(struct window_search *s, struct walk walk, u64 last)
{
	u32 bits, steps, best = 0, fewest = U32_MAX;

	for (bits = 0; MAX_CROWDS(walk.nr) >> bits; bits++) {
		steps = fill_crowds(s, walk, last, bits);
		if (steps < fewest) {
			fewest = steps;
			best = bits;
		}
	}
	return best;
}

/* A search that begins with the last windows must not look behind them. */
static void end_parts(struct window_search *s, u32 nr, u32 span)
{
	u32 part;

	for (part = 0; part < s->nr_parts; part++)
		s->parts[part] = min(s->parts[part], nr - span);
}

/* Return: the steps of a search, with the tables that are best, or none. */
static u32 fill_tables(struct window_search *s,
		       const struct physbio_window *windows, u32 nr)
{
	const struct walk walk = { .windows = windows, .nr = nr };
	u64 last = end_of(&walk, nr - 1);
	u32 all = steps_for(nr), even = U32_MAX, crowds = U32_MAX;

	if (all > EVEN_COST)
		even = EVEN_COST + fill_even(s, walk, last);
	if (min(all, even) > CROWDS_COST)
		crowds = CROWDS_COST +
			 fill_crowds(s, walk, last, best_bits(s, walk, last));
	if (crowds < min(all, even))
		return crowds - CROWDS_COST;
	if (even <= all)
		return fill_even(s, walk, last);
	s->nr_parts = 0;
	return all;
}

static void search_fill(struct window_search *s,
			const struct physbio_window *windows, u32 nr)
{
	u32 steps = fill_tables(s, windows, nr);

	s->first = windows->start;
	s->half = steps ? 1ul << (steps - 1) : 0;
	fill_keys(s, windows, nr, s->nr_parts ? nr : 1u << steps);
	end_parts(s, nr, 1u << steps);
}

/* May a window stand in the table? Its last byte counts, not the one behind. */
static bool window_ok(const struct physbio_window *w)
{
	if (!w->size || w->bus + (w->size - 1) < w->bus)
		return false;
	return (u64)w->start + (w->size - 1) >= w->start &&
	       w->size - 1 <= (pb_phys_addr_t)-1 - w->start;
}

static bool window_follows(const struct physbio_window *prev,
			   const struct physbio_window *w)
{
	return w->start > prev->start && w->start - prev->start >= prev->size;
}

static bool windows_ok(const struct physbio_window *windows, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!window_ok(&windows[i]))
			return false;
		if (i && !window_follows(&windows[i - 1], &windows[i]))
			return false;
	}
	return true;
}

/* Are windows that touch the identity from address 0 on? @end is behind the last. */
static bool is_identity(const struct physbio_window *windows, u32 nr, u64 *end)
{
	u32 i;

	*end = 0;
	for (i = 0; i < nr; i++) {
		if (windows[i].start != *end || windows[i].bus != *end)
			return false;
		*end += windows[i].size;
	}
	return nr;
}

int physbio_xlate_init_windows(struct physbio_xlate *x,
			       const struct physbio_window *windows, u32 nr,
			       void *index)
{
	struct window_search *s;
	u64 end;

	if (nr > PHYSBIO_MAX_WINDOWS || !windows_ok(windows, nr))
		return -EINVAL;
	physbio_xlate_init_identity(x);
	if (is_identity(windows, nr, &end)) {
		x->bus_limit = end;
		return 0;
	}
	x->ops = &physbio_windows_ops;
	x->windows = nr ? windows : &no_window;
	s = PTR_ALIGN((struct window_search *)index, CACHE_LINE);
	search_fill(s, x->windows, max(nr, 1u));
	s->index.last = nr == 1 ? windows : &no_window;
	x->index = &s->index;
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_xlate_init_windows);
