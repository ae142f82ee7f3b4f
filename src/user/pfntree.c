// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes the trees of pfntree.h. Decides their shape; what the words are is the
 * caller's. A tree is made whole and never changed: who changes what it stands for
 * makes another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/pfntree.h>

static bool ranges_ok(const struct physbio_pfn_range *ranges, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		const struct physbio_pfn_range *r = &ranges[i];

		if (r->last < r->first || !r->word ||
		    (r->word & PHYSBIO_TREE_NODE))
			return false;
		if (i && r->first <= ranges[i - 1].last)
			return false;
	}
	return true;
}

/* --- by digits --- */

/* Are @bits bits of nothing but zeros below @pfn, and all numbers up to @last? */
static bool block_fits(unsigned long pfn, unsigned long last, unsigned int bits)
{
	unsigned long mask;

	if (bits >= sizeof(pfn) * 8)
		return false;
	mask = (1ul << bits) - 1;
	return !(pfn & mask) && last - pfn >= mask;
}

static struct physbio_radix_node *node_of(uintptr_t word)
{
	return (struct physbio_radix_node *)(word - PHYSBIO_TREE_NODE);
}

static bool node_add(struct physbio_radix *tree, uintptr_t *slot)
{
	struct physbio_radix_node *node = calloc(1, sizeof(*node));

	if (!node)
		return false;
	*slot = (uintptr_t)node | PHYSBIO_TREE_NODE;
	tree->nr_nodes++;
	return true;
}

/* All frames of a block of 1 << @block_bits have one slot on the way down. */
static bool block_store(struct physbio_radix *tree, unsigned long pfn,
			unsigned int block_bits, uintptr_t word)
{
	unsigned int bits = tree->bits;
	uintptr_t *slot = &tree->root;

	while (bits > block_bits) {
		if (!*slot && !node_add(tree, slot))
			return false;
		bits -= PHYSBIO_RADIX_BITS;
		slot = &node_of(*slot)->slots[pfn >> bits &
					      (PHYSBIO_RADIX_SLOTS - 1)];
	}
	*slot = word;
	return true;
}

static bool range_store(struct physbio_radix *tree,
			const struct physbio_pfn_range *r)
{
	unsigned long pfn = r->first;

	while (true) {
		unsigned int bits = 0;

		while (bits + PHYSBIO_RADIX_BITS <= tree->bits &&
		       block_fits(pfn, r->last, bits + PHYSBIO_RADIX_BITS))
			bits += PHYSBIO_RADIX_BITS;
		if (!block_store(tree, pfn, bits, r->word))
			return false;
		if (r->last - pfn <= (1ul << bits) - 1)
			return true;
		pfn += 1ul << bits;
	}
}

int physbio_radix_build(struct physbio_radix *tree,
			const struct physbio_pfn_range *ranges,
			unsigned long nr)
{
	unsigned long i;

	memset(tree, 0, sizeof(*tree));
	if (!ranges_ok(ranges, nr))
		return -EINVAL;
	while (nr && tree->bits < sizeof(i) * 8 &&
	       ranges[nr - 1].last >> tree->bits)
		tree->bits += PHYSBIO_RADIX_BITS;
	for (i = 0; i < nr; i++) {
		if (range_store(tree, &ranges[i]))
			continue;
		physbio_radix_free(tree);
		return -ENOMEM;
	}
	return 0;
}

/* As deep as a frame number has digits. */
static void word_free(uintptr_t word)
{
	struct physbio_radix_node *node;
	unsigned int i;

	if (!(word & PHYSBIO_TREE_NODE))
		return;
	node = node_of(word);
	for (i = 0; i < PHYSBIO_RADIX_SLOTS; i++)
		word_free(node->slots[i]);
	free(node);
}

void physbio_radix_free(struct physbio_radix *tree)
{
	word_free(tree->root);
	memset(tree, 0, sizeof(*tree));
}

/* --- by the ends of ranges --- */

/* One slot of a level: what it has, and the last frame that it is for. */
struct part {
	unsigned long last;
	uintptr_t word;
};

/* Ranges, and the holes between them, up to the last range. */
static unsigned long parts_of(struct part *parts,
			      const struct physbio_pfn_range *ranges,
			      unsigned long nr)
{
	unsigned long i, n = 0, next = 0;

	for (i = 0; i < nr; i++) {
		if (ranges[i].first > next)
			parts[n++] = (struct part){ ranges[i].first - 1, 0 };
		parts[n++] = (struct part){ ranges[i].last, ranges[i].word };
		next = ranges[i].last + 1;
	}
	if (nr && next)
		parts[n++] = (struct part){ ~0ul, 0 };
	return n;
}

static void node_fill(struct physbio_range_node *node, const struct part *parts,
		      unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < PHYSBIO_RANGE_SLOTS - 1; i++)
		node->last[i] = i + 1 < nr ? parts[i].last : ~0ul;
	for (i = 0; i < PHYSBIO_RANGE_SLOTS; i++)
		node->slots[i] = i < nr ? parts[i].word : 0;
}

/* Nodes for @nr parts, which become the parts of the next level. */
static unsigned long level_up(struct physbio_range_tree *tree,
			      struct part *parts, unsigned long nr)
{
	unsigned long at, n = 0;

	for (at = 0; at < nr; at += PHYSBIO_RANGE_SLOTS) {
		struct physbio_range_node *node = &tree->nodes[tree->nr_nodes];
		unsigned long take = nr - at < PHYSBIO_RANGE_SLOTS ?
					     nr - at :
					     PHYSBIO_RANGE_SLOTS;

		tree->nr_nodes++;
		node_fill(node, parts + at, take);
		parts[n].last = parts[at + take - 1].last;
		parts[n++].word = (uintptr_t)node | PHYSBIO_TREE_NODE;
	}
	return n;
}

static unsigned long nodes_for(unsigned long parts)
{
	unsigned long nodes = 0;

	do {
		parts = (parts + PHYSBIO_RANGE_SLOTS - 1) / PHYSBIO_RANGE_SLOTS;
		nodes += parts;
	} while (parts > 1);
	return nodes;
}

int physbio_range_tree_build(struct physbio_range_tree *tree,
			     const struct physbio_pfn_range *ranges,
			     unsigned long nr)
{
	struct part *parts;
	unsigned long n;

	memset(tree, 0, sizeof(*tree));
	if (!ranges_ok(ranges, nr))
		return -EINVAL;
	if (!nr)
		return 0;
	parts = calloc(2 * nr + 1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	n = parts_of(parts, ranges, nr);
	tree->nodes = aligned_alloc(64, nodes_for(n) * sizeof(*tree->nodes));
	if (!tree->nodes) {
		free(parts);
		return -ENOMEM;
	}
	do
		n = level_up(tree, parts, n);
	while (n > 1);
	tree->root = parts[0].word;
	free(parts);
	return 0;
}

void physbio_range_tree_free(struct physbio_range_tree *tree)
{
	free(tree->nodes);
	memset(tree, 0, sizeof(*tree));
}
