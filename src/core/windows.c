// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The translator by windows: which of thousands an address is in, and what it is on the
 * bus there. Decides for sorted tables of any layout, regular or not, and knows nothing
 * of who made the table or whether the hardware keeps to it.
 */
#include "platform.h"

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

/* The one window that @phys can be in. */
static const struct physbio_window *window_near(const struct physbio_xlate *x,
						pb_phys_addr_t phys)
{
	const pb_phys_addr_t *keys = x->index->keys;
	unsigned int level;
	unsigned long k = 1;

	pb_count(PHYSBIO_LOOKUP);
	for (level = x->window_levels; level; level--) {
		unsigned long twice = k;

		/* Or it is made a shift, and the carry costs more than it. */
		OPTIMIZER_HIDE_VAR(twice);
		k = (keys[k] < phys) + k + twice;
	}
	return &x->windows[k - (1ul << x->window_levels)];
}

/* An address before the window is as far behind it as the address space is large. */
static bool window_has(const struct physbio_window *w, pb_phys_addr_t phys,
		       u64 size)
{
	u64 at = (pb_phys_addr_t)(phys - w->start);

	return at < w->size && size <= w->size - at;
}

static pb_dma_addr_t addr_within(const struct physbio_window *w,
				 pb_phys_addr_t phys)
{
	return physbio_dma_make(w->bus + (pb_phys_addr_t)(phys - w->start));
}

/*
 * May another window be remembered? The first one always; then one time in 16, which
 * the address tells: threads that work in different windows would fight for the line
 * otherwise, and every one of them would lose more than a search costs.
 */
static bool may_remember(const struct physbio_window_index *index,
			 pb_phys_addr_t phys)
{
	return READ_ONCE(index->last) == &no_window ||
	       !hash_32((u32)(phys >> PB_SECTOR_SHIFT), 4);
}

static const struct physbio_window *
window_elsewhere(const struct physbio_xlate *x, pb_phys_addr_t phys)
{
	const struct physbio_window *w = window_near(x, phys);

	if (likely(window_has(w, phys, 1)) &&
	    unlikely(may_remember(x->index, phys)))
		WRITE_ONCE(x->index->last, w);
	return w;
}

/* Out of line, so that the short way has no registers to save. */
static noinline pb_dma_addr_t map_elsewhere(const struct physbio_xlate *x,
					    pb_phys_addr_t phys, u64 size)
{
	const struct physbio_window *w = window_elsewhere(x, phys);

	if (unlikely(!window_has(w, phys, size)))
		return PB_DMA_MAPPING_ERROR;
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

static bool windows_window(const struct pb_device *dev, pb_phys_addr_t phys,
			   struct physbio_window *window)
{
	const struct physbio_window *w = READ_ONCE(dev->xlate->index->last);

	if (!window_has(w, phys, 1))
		w = window_elsewhere(dev->xlate, phys);
	*window = *w;
	return window_has(w, phys, 1);
}

static const struct physbio_xlate_ops windows_ops = {
	.name = "windows",
	.map_phys = windows_map_phys,
	.window = windows_window,
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

int physbio_xlate_init_windows(struct physbio_xlate *x,
			       const struct physbio_window *windows, u32 nr,
			       void *index)
{
	if (!windows_ok(windows, nr))
		return -EINVAL;
	physbio_xlate_init_identity(x);
	if (nr == 1 && !windows->start && !windows->bus) {
		x->bus_limit = windows->size;
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
