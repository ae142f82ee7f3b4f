// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The translator by windows: which of thousands an address is in, and what it is on the
 * bus there. Decides for sorted tables of any layout, regular or not, and knows nothing
 * of who made the table or whether the hardware keeps to it.
 */
#include "platform.h"

#include <physbio/bio.h>
#include <physbio/xlate.h>

#define CACHE_LINE 64

/*
 * The starts of all windows but the first make a search tree without a gap: the keys
 * below keys[k] are keys[2k] and keys[2k + 1]. Each level adds a bit to k by the carry of
 * a comparison, so a search has no branch that could be predicted wrongly, and the
 * first levels share few cache lines. A key is the last address before a window. What a
 * table does not fill has keys that nothing is above.
 */
struct physbio_window_index {
	/* Written where the threads change windows, so on a line of its own. */
	const struct physbio_window *last;
	pb_phys_addr_t keys[] __attribute__((aligned(CACHE_LINE))); /* from 1 */
};

PB_STATIC_ASSERT(sizeof(struct physbio_window_index) == CACHE_LINE,
		 "as PHYSBIO_WINDOW_INDEX_BYTES() has it");

/* Nothing is in it. */
static const struct physbio_window no_window;

static unsigned int levels_of(u32 nr)
{
	unsigned int levels = 0;

	while ((u64)1 << levels < nr)
		levels++;
	return levels;
}

/* From @k one level down. */
static unsigned long step(const pb_phys_addr_t *keys, unsigned long k,
			  pb_phys_addr_t phys)
{
	unsigned long twice = k;

	/* Or it is made a shift, and the carry costs more than it. */
	OPTIMIZER_HIDE_VAR(twice);
	return (keys[k] < phys) + k + twice;
}

/* The one window that @phys can be in. */
static const struct physbio_window *window_near(const struct physbio_xlate *x,
						pb_phys_addr_t phys)
{
	const pb_phys_addr_t *keys = x->index->keys;
	unsigned int level;
	unsigned long k = 1;

	pb_count(PHYSBIO_LOOKUP);
	for (level = x->window_levels; level; level--)
		k = step(keys, k, phys);
	return &x->windows[k - (1ul << x->window_levels)];
}

/* An address before the window is as far behind it as the address space is large. */
static u64 within(const struct physbio_window *w, pb_phys_addr_t phys)
{
	return (pb_phys_addr_t)(phys - w->start);
}

static bool window_has(const struct physbio_window *w, pb_phys_addr_t phys,
		       u64 size)
{
	u64 at = within(w, phys);

	return at < w->size && size <= w->size - at;
}

static pb_dma_addr_t addr_within(const struct physbio_window *w,
				 pb_phys_addr_t phys)
{
	return physbio_dma_make(w->bus + within(w, phys));
}

/*
 * The first window is remembered at once, then another one time in 16, which the address
 * tells: threads that work in different windows would fight for the line otherwise,
 * and every one of them would lose more than a search costs.
 */
static void remember(struct physbio_window_index *index,
		     const struct physbio_window *w, pb_phys_addr_t phys)
{
	if (unlikely(!hash_32((u32)(phys >> PB_SECTOR_SHIFT), 4)) ||
	    unlikely(READ_ONCE(index->last) == &no_window))
		WRITE_ONCE(index->last, w);
}

/* Out of line, so that the short way has no registers to save. */
static noinline pb_dma_addr_t map_elsewhere(const struct physbio_xlate *x,
					    pb_phys_addr_t phys, u64 size)
{
	const struct physbio_window *w = window_near(x, phys);

	if (unlikely(!window_has(w, phys, size)))
		return PB_DMA_MAPPING_ERROR;
	remember(x->index, w, phys);
	return addr_within(w, phys);
}

static pb_dma_addr_t windows_map_phys(const struct pb_device *dev,
				      pb_phys_addr_t phys, u64 size,
				      enum pb_dma_data_direction dir,
				      unsigned long attrs)
{
	const struct physbio_xlate *x = dev->xlate;
	const struct physbio_window *w = READ_ONCE(x->index->last);

	if (unlikely(attrs & PB_DMA_ATTR_MMIO) && x->mmio_identity)
		return physbio_dma_make(phys);
	if (likely(window_has(w, phys, size)))
		return addr_within(w, phys);
	return map_elsewhere(x, phys, size);
}

/* A vector of the submitter's bus addresses has no physical address to map. */
#ifdef PB_REPR_DMA
#define windows_map_batch NULL
#else

/* The part of a window that the device reaches. */
struct reach {
	pb_phys_addr_t start;
	u64 size;
	u64 offset; /* added to an address in it: bus */
};

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

/*
 * Ranges go by fours: a processor that waits for one search can do the steps of three
 * others in the meantime.
 */
#define GROUP 4u

static bool reach_has_group(const struct reach *r,
			    const struct pb_phys_vec *vecs)
{
	return reach_has(r, &vecs[0]) && reach_has(r, &vecs[1]) &&
	       reach_has(r, &vecs[2]) && reach_has(r, &vecs[3]);
}

static void group_in_reach(const struct reach *r,
			   const struct pb_phys_vec *vecs, pb_dma_addr_t *addrs)
{
	addrs[0] = addr_in_reach(r, &vecs[0]);
	addrs[1] = addr_in_reach(r, &vecs[1]);
	addrs[2] = addr_in_reach(r, &vecs[2]);
	addrs[3] = addr_in_reach(r, &vecs[3]);
}

/* As window_near(), of four. */
static void windows_near(const struct physbio_xlate *x,
			 const struct pb_phys_vec *vecs,
			 const struct physbio_window *w[GROUP])
{
	const pb_phys_addr_t *keys = x->index->keys;
	const struct physbio_window *first = x->windows;
	unsigned long k0 = 1, k1 = 1, k2 = 1, k3 = 1;
	unsigned long leaves = 1ul << x->window_levels;
	unsigned int level;

	pb_count(PHYSBIO_LOOKUP);
	pb_count(PHYSBIO_LOOKUP);
	pb_count(PHYSBIO_LOOKUP);
	pb_count(PHYSBIO_LOOKUP);
	for (level = x->window_levels; level; level--) {
		k0 = step(keys, k0, vecs[0].paddr);
		k1 = step(keys, k1, vecs[1].paddr);
		k2 = step(keys, k2, vecs[2].paddr);
		k3 = step(keys, k3, vecs[3].paddr);
	}
	w[0] = &first[k0 - leaves];
	w[1] = &first[k1 - leaves];
	w[2] = &first[k2 - leaves];
	w[3] = &first[k3 - leaves];
}

/* Each by the window that it is in. Return: the last one, or NULL. */
static noinline const struct physbio_window *
map_group(const struct pb_device *dev, const struct pb_phys_vec *vecs,
	  pb_dma_addr_t *addrs)
{
	const struct physbio_window *w[GROUP];
	unsigned int i;
	u64 bus;

	windows_near(dev->xlate, vecs, w);
	for (i = 0; i < GROUP; i++) {
		bus = w[i]->bus + within(w[i], vecs[i].paddr);
		if (unlikely(!window_has(w[i], vecs[i].paddr, vecs[i].len) ||
			     bus + (vecs[i].len - 1) > dev->dma_mask))
			return NULL;
		addrs[i] = physbio_dma_make(bus);
	}
	return w[GROUP - 1];
}

/* The window of the last range is at hand. There is nothing to undo. */
static int windows_map_batch(const struct pb_device *dev,
			     const struct pb_phys_vec *vecs, u32 nr,
			     pb_dma_addr_t *addrs)
{
	struct physbio_window_index *index = dev->xlate->index;
	const struct physbio_window *last = READ_ONCE(index->last);
	const struct physbio_window *found = last;
	struct reach r = reach_of(found, dev->dma_mask);

	for (; nr >= GROUP; nr -= GROUP, vecs += GROUP, addrs += GROUP) {
		if (likely(reach_has_group(&r, vecs))) {
			group_in_reach(&r, vecs, addrs);
			continue;
		}
		found = map_group(dev, vecs, addrs);
		if (unlikely(!found))
			return -EIO;
		r = reach_of(found, dev->dma_mask);
	}
	if (found != last)
		remember(index, found, vecs[-1].paddr);
	for (; nr; nr--, vecs++, addrs++) {
		*addrs = pb_dma_map_phys(dev, vecs->paddr, vecs->len,
					 PB_DMA_BIDIRECTIONAL, 0);
		if (unlikely(pb_dma_mapping_error(dev, *addrs)))
			return -EIO;
	}
	return 0;
}
#endif

static const struct physbio_xlate_ops windows_ops = {
	.name = "windows",
	.map_phys = windows_map_phys,
	.map_batch = windows_map_batch,
};

/* --- the index --- */

/* Of all keys in order, which one has place @k of the tree? */
static unsigned long rank_of(unsigned long k, unsigned int levels)
{
	unsigned long first = rounddown_pow_of_two(k);
	unsigned long span = (1ul << levels) / first;

	return (k - first) * span + span / 2 - 1;
}

static void index_fill(struct physbio_window_index *index,
		       const struct physbio_window *windows, u32 nr)
{
	unsigned int levels = levels_of(nr);
	unsigned long k;

	for (k = 1; k < 1ul << levels; k++) {
		unsigned long behind = rank_of(k, levels) + 1;

		index->keys[k] = behind < nr ? windows[behind].start - 1 :
					       (pb_phys_addr_t)-1;
	}
	index->last = nr == 1 ? windows : &no_window;
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
	u64 end;

	if (!windows_ok(windows, nr))
		return -EINVAL;
	physbio_xlate_init_identity(x);
	if (is_identity(windows, nr, &end)) {
		x->bus_limit = end;
		return 0;
	}
	x->ops = &windows_ops;
	x->windows = nr ? windows : &no_window;
	x->window_levels = levels_of(nr);
	x->index = PTR_ALIGN((struct physbio_window_index *)index, CACHE_LINE);
	index_fill(x->index, windows, nr);
	return 0;
}
EXPORT_SYMBOL_GPL(physbio_xlate_init_windows);
