// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's rb_node interface, over a treap: a node's priority is a hash of where it
 * lies, which keeps the tree balanced without a colour. Who asks knows no difference.
 */
#include "../core/platform.h"

static u64 priority(const struct rb_node *node)
{
	u64 x = (u64)(uintptr_t)node;

	x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

static struct rb_node **link_of(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->rb_parent;

	if (!parent)
		return &root->rb_node;
	return parent->rb_left == node ? &parent->rb_left : &parent->rb_right;
}

/*
 *      parent           node
 *      /    \           /  \
 *    node    c   ->    a  parent
 *    /  \                 /   \
 *   a    b               b     c        and mirrored
 */
static void rotate_up(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->rb_parent, *moved;
	struct rb_node **link = link_of(parent, root);

	if (parent->rb_left == node) {
		moved = node->rb_right;
		parent->rb_left = moved;
		node->rb_right = parent;
	} else {
		moved = node->rb_left;
		parent->rb_right = moved;
		node->rb_left = parent;
	}
	if (moved)
		moved->rb_parent = parent;
	node->rb_parent = parent->rb_parent;
	parent->rb_parent = node;
	*link = node;
}

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	while (node->rb_parent && priority(node) < priority(node->rb_parent))
		rotate_up(node, root);
}

static struct rb_node *first_child(const struct rb_node *node)
{
	if (!node->rb_left || !node->rb_right)
		return node->rb_left ? node->rb_left : node->rb_right;
	return priority(node->rb_left) < priority(node->rb_right) ?
		       node->rb_left :
		       node->rb_right;
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *child;

	while ((child = first_child(node)))
		rotate_up(child, root);
	*link_of(node, root) = NULL;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	const struct rb_node *next = node->rb_right;

	if (next) {
		while (next->rb_left)
			next = next->rb_left;
		return (struct rb_node *)next;
	}
	while (node->rb_parent && node->rb_parent->rb_right == node)
		node = node->rb_parent;
	return node->rb_parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	const struct rb_node *prev = node->rb_left;

	if (prev) {
		while (prev->rb_right)
			prev = prev->rb_right;
		return (struct rb_node *)prev;
	}
	while (node->rb_parent && node->rb_parent->rb_left == node)
		node = node->rb_parent;
	return node->rb_parent;
}
