// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One sorted tree for all spaces: by space, and by address within it. It keeps what it
 * is given until it is freed as a whole.
 */
#include <errno.h>
#include <stdlib.h>

#include "../core/platform.h"
#include "spans.h"

struct span {
	struct rb_node rb;
	struct span *older;
	struct span_of of;
};

static struct span *span_of_node(const struct rb_node *node)
{
	return rb_entry(node, struct span, rb);
}

static bool is_before(const struct span_of *of, int space, uint64_t start)
{
	return of->space < space || (of->space == space && of->start < start);
}

int spans_add(struct spans *s, const struct span_of *of)
{
	struct rb_root root = { s->root };
	struct rb_node **link = &root.rb_node, *parent = NULL;
	struct span *span = malloc(sizeof(*span));

	if (!span)
		return -ENOMEM;
	span->of = *of;
	span->older = s->newest;
	s->newest = span;
	while (*link) {
		parent = *link;
		link = is_before(&span_of_node(parent)->of, of->space,
				 of->start) ?
			       &parent->rb_right :
			       &parent->rb_left;
	}
	rb_link_node(&span->rb, parent, link);
	rb_insert_color(&span->rb, &root);
	s->root = root.rb_node;
	return 0;
}

void spans_undo(struct spans *s)
{
	struct rb_root root = { s->root };
	struct span *span = s->newest;

	rb_erase(&span->rb, &root);
	s->root = root.rb_node;
	s->newest = span->older;
	free(span);
}

/* The last range of a space that starts at an address or before it, and the next. */
static void around(const struct spans *s, int space, uint64_t addr,
		   const struct span_of **before, const struct span_of **after)
{
	struct rb_node *node = s->root;

	*before = NULL;
	*after = NULL;
	while (node) {
		const struct span_of *of = &span_of_node(node)->of;

		if (is_before(of, space, addr) ||
		    (of->space == space && of->start == addr)) {
			if (of->space == space)
				*before = of;
			node = node->rb_right;
		} else {
			if (of->space == space)
				*after = of;
			node = node->rb_left;
		}
	}
}

const struct span_of *spans_overlap(const struct spans *s, int space,
				    uint64_t start, uint64_t size)
{
	const struct span_of *before, *after;

	around(s, space, start, &before, &after);
	if (before && start - before->start < before->size)
		return before;
	return after && after->start - start < size ? after : NULL;
}

const struct span_of *spans_at(const struct spans *s, int space, uint64_t addr)
{
	const struct span_of *before, *after;

	around(s, space, addr, &before, &after);
	return before && addr - before->start < before->size ? before : NULL;
}

const struct span_of *spans_first(const struct spans *s)
{
	struct rb_node *node = s->root;

	while (node && node->rb_left)
		node = node->rb_left;
	return node ? &span_of_node(node)->of : NULL;
}

const struct span_of *spans_next(const struct span_of *of)
{
	struct rb_node *node = rb_next(&rb_entry(of, struct span, of)->rb);

	return node ? &span_of_node(node)->of : NULL;
}

const struct span_of *spans_next_overlap(const struct span_of *of,
					 uint64_t start, uint64_t size)
{
	const struct span_of *next = spans_next(of);

	return next && next->space == of->space && next->start - start < size ?
		       next :
		       NULL;
}

/*
 *   |-- of another --|      |-- of another --|
 *          |---------- of ----------|
 *                    |-rest-|
 */
int spans_add_rest(struct spans *s, const struct span_of *of)
{
	const struct span *before = s->newest;
	uint64_t at = of->start, left = of->size;
	const struct span_of *other = spans_overlap(s, of->space, at, left);
	struct span_of rest = *of;

	while (left) {
		rest.start = at;
		rest.size = left;
		if (other)
			rest.size = other->start > at ? other->start - at : 0;
		if (rest.size && spans_add(s, &rest)) {
			while (s->newest != before)
				spans_undo(s);
			return -ENOMEM;
		}
		if (!other || other->size - (at + rest.size - other->start) >=
				      left - rest.size)
			return 0;
		left -= other->start + other->size - at;
		at = other->start + other->size;
		other = spans_next_overlap(other, at, left);
	}
	return 0;
}

uint64_t spans_room(const struct spans *s, int space, uint64_t addr)
{
	const struct span_of *before, *after;

	around(s, space, addr, &before, &after);
	return after ? after->start - addr : UINT64_MAX;
}

void spans_free(struct spans *s)
{
	struct span *span;

	while ((span = s->newest)) {
		s->newest = span->older;
		free(span);
	}
	s->root = NULL;
}
