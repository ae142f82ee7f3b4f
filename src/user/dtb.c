// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which nodes are host bridges, what their ranges say, and where the buses above take
 * an address. A tree is checked as a whole before anything is read from it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/dtb.h>

#include "config.h"

__attribute__((format(printf, 3, 4))) static int
fail(struct physbio_error *error, int err, const char *format, ...)
{
	va_list args;

	if (!error)
		return err;
	memset(error, 0, sizeof(*error));
	error->err = err;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return err;
}

#ifdef HAVE_LIBFDT
#include <libfdt.h>

#define MAX_DEPTH 32
#define PCI_CELLS 3 /* of an address: flags, high, low */

struct dtb {
	const void *fdt;
	struct physbio_error *error;
	struct physbio_dtb_window *windows;
	int nr, room;
	int path[MAX_DEPTH]; /* nodes from the root to the one that is looked at */
};

/* The path of a node, cut short if it has no end. */
static const char *name_of(const struct dtb *d, int depth, char *text,
			   size_t size)
{
	size_t at = 0;
	int i;

	snprintf(text, size, "/");
	for (i = 1; i <= depth && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "/%s",
				       fdt_get_name(d->fdt, d->path[i], NULL));
	return text;
}

/* --- cells --- */

/* How many cells the children of a node use; the specification's if it does not say. */
static int cells_of(const struct dtb *d, int depth, const char *property,
		    int fallback)
{
	char path[256];
	int len;
	const fdt32_t *cells =
		fdt_getprop(d->fdt, d->path[depth], property, &len);

	if (!cells)
		return fallback;
	if (len != sizeof(*cells) || fdt32_to_cpu(*cells) > 4)
		return fail(d->error, -EINVAL, "%s: %s is no number of cells",
			    name_of(d, depth, path, sizeof(path)), property);
	return (int)fdt32_to_cpu(*cells);
}

/* A number of one cell or two; of more, the last two. */
static uint64_t number_of(const fdt32_t *cells, int n)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < n; i++)
		value = value << 32 | fdt32_to_cpu(cells[i]);
	return value;
}

/* The property of a bus that takes addresses from one side to the other. */
struct ranges {
	const fdt32_t *entry;
	int nr; /* entries; -1: there is no such property */
	int child, parent, size; /* cells of an entry */
};

static int entry_cells(const struct ranges *r)
{
	return r->child + r->parent + r->size;
}

static int get_ranges(const struct dtb *d, int depth, const char *property,
		      struct ranges *r)
{
	char path[256];
	int len;

	memset(r, 0, sizeof(*r));
	r->entry = fdt_getprop(d->fdt, d->path[depth], property, &len);
	r->nr = -1;
	if (!r->entry)
		return 0;
	r->child = cells_of(d, depth, "#address-cells", 2);
	r->parent = cells_of(d, depth - 1, "#address-cells", 2);
	r->size = cells_of(d, depth, "#size-cells", 1);
	if (r->child < 0 || r->parent < 0 || r->size < 0)
		return -EINVAL;
	r->nr = 0;
	if (!len)
		return 0;
	if (!r->child || !r->parent || !r->size)
		return fail(d->error, -EINVAL,
			    "%s: %s has entries of %d, %d and %d cells",
			    name_of(d, depth, path, sizeof(path)), property,
			    r->child, r->parent, r->size);
	if (len % (entry_cells(r) * 4))
		return fail(d->error, -EINVAL,
			    "%s: %s has %d bytes, which are not entries of %d",
			    name_of(d, depth, path, sizeof(path)), property,
			    len, entry_cells(r) * 4);
	r->nr = len / (entry_cells(r) * 4);
	return 0;
}

static const fdt32_t *entry_at(const struct ranges *r, int i)
{
	return r->entry + i * entry_cells(r);
}

/* --- up to the CPU --- */

/*
 * Take an address from the bus at @depth to the one above. Returns 1, 0 if it goes
 * nowhere, or -errno. Memory is on its way through a bus that says nothing of it; a
 * device's registers are not.
 */
static int translate_one(const struct dtb *d, int depth, const char *property,
			 uint64_t *addr)
{
	struct ranges r;
	int i, err = get_ranges(d, depth, property, &r);

	if (err)
		return err;
	if (r.nr < 0)
		return !strcmp(property, "dma-ranges");
	for (i = 0; i < r.nr; i++) {
		const fdt32_t *e = entry_at(&r, i);
		uint64_t child = number_of(e, r.child);
		uint64_t size = number_of(e + r.child + r.parent, r.size);

		if (*addr < child || *addr - child >= size)
			continue;
		*addr = number_of(e + r.child, r.parent) + (*addr - child);
		return 1;
	}
	return !r.nr; /* an empty property: as it is */
}

static int translate(const struct dtb *d, int depth, const char *property,
		     uint64_t *addr)
{
	int ret = 1;

	for (; depth > 0 && ret == 1; depth--)
		ret = translate_one(d, depth, property, addr);
	return ret;
}

/* --- host bridges --- */

static const char *string_of(const struct dtb *d, int node,
			     const char *property)
{
	int len;
	const char *text = fdt_getprop(d->fdt, node, property, &len);

	return text && len > 0 && !text[len - 1] ? text : "";
}

/* What has no type, but the name and the cells. */
static bool looks_like_pci(const struct dtb *d, int node)
{
	const char *name = fdt_get_name(d->fdt, node, NULL);
	int len;
	const fdt32_t *cells =
		fdt_getprop(d->fdt, node, "#address-cells", &len);

	return name && !strncmp(name, "pcie", 4) &&
	       (!name[4] || name[4] == '@') && cells && len == sizeof(*cells) &&
	       fdt32_to_cpu(*cells) == PCI_CELLS;
}

/* Source: of_bus_pci_match() */
static bool is_pci(const struct dtb *d, int node)
{
	static const char *const types[] = { "pci", "pciex", "ht", "vci" };
	const char *type = string_of(d, node, "device_type");
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return !*type && looks_like_pci(d, node);
}

static bool is_enabled(const char *status)
{
	return !*status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

/* Bindings whose ranges name ports and attributes instead of addresses. */
static bool ranges_are_ports(const struct dtb *d, int node)
{
	static const char *const bindings[] = {
		"marvell,armada-370-pcie",
		"marvell,armada-xp-pcie",
		"marvell,dove-pcie",
		"marvell,kirkwood-pcie",
	};
	size_t i;

	for (i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++)
		if (!fdt_node_check_compatible(d->fdt, node, bindings[i]))
			return true;
	return false;
}

static enum physbio_dtb_space space_of(uint32_t flags)
{
	static const enum physbio_dtb_space spaces[] = { PHYSBIO_DTB_CONFIG,
							 PHYSBIO_DTB_IO,
							 PHYSBIO_DTB_MEM32,
							 PHYSBIO_DTB_MEM64 };

	return spaces[flags >> 24 & 3];
}

static struct physbio_dtb_window *new_window(struct dtb *d)
{
	struct physbio_dtb_window *more;

	if (d->nr == d->room) {
		more = realloc(d->windows,
			       (size_t)(2 * d->room + 8) * sizeof(*more));
		if (!more)
			return NULL;
		d->windows = more;
		d->room = 2 * d->room + 8;
	}
	return memset(&d->windows[d->nr++], 0, sizeof(*more));
}

static void describe_node(const struct dtb *d, int depth,
			  struct physbio_dtb_window *w)
{
	const char *status = string_of(d, d->path[depth], "status");

	name_of(d, depth, w->node, sizeof(w->node));
	snprintf(w->compatible, sizeof(w->compatible), "%s",
		 string_of(d, d->path[depth], "compatible"));
	snprintf(w->status, sizeof(w->status), "%s", *status ? status : "okay");
	w->enabled = is_enabled(status);
	w->ports = ranges_are_ports(d, d->path[depth]);
}

static int add_window(struct dtb *d, int depth, const char *property,
		      const fdt32_t *e, const struct ranges *r)
{
	struct physbio_dtb_window *w = new_window(d);
	uint32_t flags = fdt32_to_cpu(e[0]);
	int ret;

	if (!w)
		return fail(d->error, -ENOMEM, "no memory for window %d",
			    d->nr);
	describe_node(d, depth, w);
	w->inbound = !strcmp(property, "dma-ranges");
	w->space = space_of(flags);
	w->prefetchable = flags & 0x40000000;
	w->bus = number_of(e + 1, 2);
	w->cpu = number_of(e + PCI_CELLS, r->parent);
	w->size = number_of(e + PCI_CELLS + r->parent, r->size);
	ret = translate(d, depth - 1, property, &w->cpu);
	w->cpu_known = ret == 1;
	return ret < 0 ? ret : 0;
}

static int add_windows(struct dtb *d, int depth, const char *property)
{
	struct ranges r;
	char path[256];
	int i, err = get_ranges(d, depth, property, &r);

	if (err)
		return err;
	if (r.nr > 0 && r.child != PCI_CELLS)
		return fail(d->error, -EINVAL,
			    "%s: a PCI address has %d cells, not %d",
			    name_of(d, depth, path, sizeof(path)), PCI_CELLS,
			    r.child);
	for (i = 0; i < r.nr && !err; i++)
		err = add_window(d, depth, property, entry_at(&r, i), &r);
	return err;
}

/* A bridge below a host bridge says pci too, and has windows of another kind. */
static int look_at(struct dtb *d, int depth)
{
	int err;

	if (depth < 1 || !is_pci(d, d->path[depth]) ||
	    is_pci(d, d->path[depth - 1]))
		return 0;
	err = add_windows(d, depth, "ranges");
	return err ? err : add_windows(d, depth, "dma-ranges");
}

static int walk(struct dtb *d)
{
	int depth = 0, node, err = 0;

	for (node = 0; node >= 0 && depth >= 0 && !err;
	     node = fdt_next_node(d->fdt, node, &depth)) {
		if (depth >= MAX_DEPTH)
			return fail(d->error, -EINVAL,
				    "nodes are more than %d deep", MAX_DEPTH);
		d->path[depth] = node;
		err = look_at(d, depth);
	}
	return err;
}

int physbio_dtb_windows(const void *blob, size_t size,
			struct physbio_dtb_window **windows,
			struct physbio_error *error)
{
	struct dtb d = { .fdt = blob, .error = error };
	int err = fdt_check_full(blob, size);

	if (err)
		return fail(error, -EINVAL, "no device tree: %s",
			    fdt_strerror(err));
	err = walk(&d);
	if (err) {
		free(d.windows);
		return err;
	}
	*windows = d.windows;
	return d.nr;
}
#else
int physbio_dtb_windows(const void *blob, size_t size,
			struct physbio_dtb_window **windows,
			struct physbio_error *error)
{
	return fail(error, -ENOTSUP, "built without libfdt");
}
#endif

/* --- as a topology --- */

/* Linux passes over entries of no size too. */
static bool is_memory(const struct physbio_dtb_window *w)
{
	return w->enabled && w->cpu_known && !w->ports && w->size &&
	       (w->space == PHYSBIO_DTB_MEM32 || w->space == PHYSBIO_DTB_MEM64);
}

/* The last part of the path, with a number if another bridge has it already. */
static int add_host_bridge(struct physbio_topology *t, const char *path,
			   struct physbio_error *error)
{
	const char *last = strrchr(path, '/');
	char name[PHYSBIO_NAME_MAX];
	int i;

	last = last ? last + 1 : path;
	snprintf(name, sizeof(name), "%s", last);
	for (i = 2; physbio_topology_find(t, name) >= 0; i++)
		snprintf(name, sizeof(name), "%.20s~%d", last, i);
	return physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, name, NULL, error);
}

static int add_window_to(struct physbio_topology *t, int node,
			 const struct physbio_dtb_window *w,
			 struct physbio_error *error)
{
	struct physbio_bridge_window bw = { .bus = w->bus, .size = w->size };

	bw.cpu = (pb_phys_addr_t)w->cpu;
	if (bw.cpu != w->cpu)
		return fail(error, -EINVAL,
			    "%s: CPU address 0x%" PRIx64 " is too high",
			    w->node, w->cpu);
	return w->inbound ? physbio_topology_add_inbound(t, node, &bw, error) :
			    physbio_topology_add_outbound(t, node, &bw, error);
}

/* Windows of one bridge follow each other. */
static int add_windows_to(struct physbio_topology *t,
			  const struct physbio_dtb_window *w, int nr,
			  struct physbio_error *error)
{
	int i, node = -1, err = 0;

	for (i = 0; i < nr && !err; i++) {
		if (!w[i].enabled)
			continue;
		if (!i || strcmp(w[i].node, w[i - 1].node))
			node = add_host_bridge(t, w[i].node, error);
		if (node < 0)
			return node;
		if (is_memory(&w[i]))
			err = add_window_to(t, node, &w[i], error);
	}
	return err;
}

int physbio_topology_from_dtb(const void *blob, size_t size,
			      struct physbio_topology **topology,
			      struct physbio_error *error)
{
	struct physbio_dtb_window *windows = NULL;
	int err = 0, nr = physbio_dtb_windows(blob, size, &windows, error);
	struct physbio_topology *t;

	if (nr < 0)
		return nr;
	t = physbio_topology_create();
	if (!t)
		err = fail(error, -ENOMEM, "no memory for a topology");
	else
		err = add_windows_to(t, windows, nr, error);
	free(windows);
	if (err) {
		physbio_topology_destroy(t);
		return err;
	}
	*topology = t;
	return 0;
}
