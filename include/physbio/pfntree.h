/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two trees from ranges of frame numbers to words: by the digits of the number, and by
 * comparing with the ends of ranges. Finding is inline, as it is what is timed; both
 * are made by src/user/pfntree.c. They stand for what page descriptors may be found
 * through one day; their figures are not those of a tree of the kernel. They don't know
 * what the words mean.
 */
#ifndef PHYSBIO_PFNTREE_H
#define PHYSBIO_PFNTREE_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In a word of a node: it is the address of another node. No user's word has it. */
#define PHYSBIO_TREE_NODE ((uintptr_t)2)

/* A range of frames, both ends in it, and the word that is found for each of them. */
struct physbio_pfn_range {
	unsigned long first, last;
	uintptr_t word; /* not 0, without PHYSBIO_TREE_NODE */
};

#define PHYSBIO_RADIX_BITS 6
#define PHYSBIO_RADIX_SLOTS (1u << PHYSBIO_RADIX_BITS)

/* A slot has 0, a word for all frames below it, or the next node. */
struct physbio_radix_node {
	uintptr_t slots[PHYSBIO_RADIX_SLOTS];
};

/* All zero is empty. */
struct physbio_radix {
	uintptr_t root; /* as a slot */
	unsigned int bits; /* of the frame numbers below root */
	unsigned long nr_nodes;
};

/**
 * physbio_radix_find() - the word of a frame
 * @tree: the tree
 * @pfn: any frame number
 *
 * Context: any. Return: the word; 0 if no range has the frame.
 */
static inline uintptr_t physbio_radix_find(const struct physbio_radix *tree,
					   unsigned long pfn)
{
	uintptr_t word = tree->root;
	unsigned int bits = tree->bits;

	if (bits < sizeof(pfn) * 8 && pfn >> bits)
		return 0;
	while (word & PHYSBIO_TREE_NODE) {
		const struct physbio_radix_node *node =
			(const struct physbio_radix_node *)(word -
							    PHYSBIO_TREE_NODE);

		bits -= PHYSBIO_RADIX_BITS;
		word = node->slots[pfn >> bits & (PHYSBIO_RADIX_SLOTS - 1)];
	}
	return word;
}

#define PHYSBIO_RANGE_SLOTS 16

/*
 * Slot i is for the frames up to last[i] that no earlier slot is for; the last slot in
 * use for all that are left. Four cache lines, as frame numbers have 64 bits.
 */
struct physbio_range_node {
	unsigned long last[PHYSBIO_RANGE_SLOTS - 1];
	uintptr_t slots[PHYSBIO_RANGE_SLOTS];
	uintptr_t pad;
};

/* All zero is empty. */
struct physbio_range_tree {
	uintptr_t root; /* as a slot */
	struct physbio_range_node *nodes; /* all of them */
	unsigned long nr_nodes;
};

/* physbio_range_tree_find() - the word of a frame, as physbio_radix_find() */
static inline uintptr_t
physbio_range_tree_find(const struct physbio_range_tree *tree,
			unsigned long pfn)
{
	uintptr_t word = tree->root;

	while (word & PHYSBIO_TREE_NODE) {
		const struct physbio_range_node *node =
			(const struct physbio_range_node *)(word -
							    PHYSBIO_TREE_NODE);
		unsigned int i = 0;

		while (i < PHYSBIO_RANGE_SLOTS - 1 && pfn > node->last[i])
			i++;
		word = node->slots[i];
	}
	return word;
}

/**
 * physbio_radix_build() - make a tree of ranges
 * @tree: filled; empty if it fails
 * @ranges: ascending, none of which touches a frame of another
 * @nr: how many; may be 0
 *
 * Context: may sleep. Return: 0; -EINVAL if a range ends before it begins, is not after
 * the one before it, or has a word that is 0 or marked as a node; -ENOMEM.
 */
PB_API int physbio_radix_build(struct physbio_radix *tree,
			       const struct physbio_pfn_range *ranges,
			       unsigned long nr);

/* physbio_radix_free() - free its nodes; it is empty then. Context: may sleep. */
PB_API void physbio_radix_free(struct physbio_radix *tree);

/* physbio_range_tree_build() - as physbio_radix_build() */
PB_API int physbio_range_tree_build(struct physbio_range_tree *tree,
				    const struct physbio_pfn_range *ranges,
				    unsigned long nr);

/* physbio_range_tree_free() - as physbio_radix_free() */
PB_API void physbio_range_tree_free(struct physbio_range_tree *tree);

#ifdef __cplusplus
}
#endif

#endif
