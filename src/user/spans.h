/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ranges of addresses that do not overlap, each in one of many spaces, found by an
 * address in the time of a sorted tree. What an address means is its user's business.
 */
#ifndef USER_SPANS_H
#define USER_SPANS_H

#include <stdbool.h>
#include <stdint.h>

struct rb_node;
struct span;

struct spans {
	struct rb_node *root;
	struct span *newest;
};

/* A range, and what its user knows it by. */
struct span_of {
	int space;
	uint64_t start; /* first address */
	uint64_t size; /* bytes, not 0; does not wrap */
	int node;
	int index;
};

/* Keep a range that overlaps none. Return: 0 or -ENOMEM. */
int spans_add(struct spans *s, const struct span_of *of);

/* Forget the one that was added last. */
void spans_undo(struct spans *s);

/* Keep the parts of a range that none has yet. Return: 0 or -ENOMEM, and none is. */
int spans_add_rest(struct spans *s, const struct span_of *of);

/* All ranges in order, by space and start. NULL: no more. */
const struct span_of *spans_first(const struct spans *s);
const struct span_of *spans_next(const struct span_of *of);

/* The first of the ranges that share an address with this one, NULL: none. */
const struct span_of *spans_overlap(const struct spans *s, int space,
				    uint64_t start, uint64_t size);

/* The one behind one of them, if it is another of them. */
const struct span_of *spans_next_overlap(const struct span_of *of,
					 uint64_t start, uint64_t size);

/* The range that has an address, NULL: none. */
const struct span_of *spans_at(const struct spans *s, int space, uint64_t addr);

/* Bytes from an address to the start of the next range, UINT64_MAX: there is none. */
uint64_t spans_room(const struct spans *s, int space, uint64_t addr);

void spans_free(struct spans *s);

#endif
