// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which nodes are host bridges, what their ranges say, and where the buses above take
 * an address. A tree is checked as a whole before anything is read from it. Where the
 * specification and Linux differ it is read as Linux does.
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
#define IOMMU_GRANULE 4096 /* the smallest page of most */

struct dtb {
	const void *fdt;
	struct physbio_error *error;
	struct physbio_topology *t; /* NULL: windows alone are asked for */
	struct physbio_dtb_window *windows; /* with a topology: of one bridge */
	int nr, room;
	/* of the nodes from the root to the one that is looked at */
	int path[MAX_DEPTH];
	bool pci[MAX_DEPTH];
	bool enabled[MAX_DEPTH]; /* and all above */
	struct phandle *phandles; /* ascending; NULL: not asked for yet */
	size_t nr_phandles;
};

/* What a property may name, and the node of it. */
struct phandle {
	uint32_t phandle;
	int node;
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

/*
 * How many cells the children of a node use: what the next node above says if it does
 * not, and the specification's if none does. Source: of_bus_n_addr_cells()
 */
static int cells_of(const struct dtb *d, int depth, const char *property,
		    int fallback)
{
	const fdt32_t *cells = NULL;
	char path[256];
	int len;

	for (; depth >= 0 && !cells; depth--)
		cells = fdt_getprop(d->fdt, d->path[depth], property, &len);
	if (!cells)
		return fallback;
	if (len != sizeof(*cells) || fdt32_to_cpu(*cells) > 4)
		return fail(d->error, -EINVAL, "%s: %s is no number of cells",
			    name_of(d, depth + 1, path, sizeof(path)),
			    property);
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

/* What a node says of itself; what is there and says nothing is not okay. */
static const char *status_of(const struct dtb *d, int node)
{
	return fdt_getprop(d->fdt, node, "status", NULL) ?
		       string_of(d, node, "status") :
		       "okay";
}

/* Source: of_device_is_available() */
static bool is_enabled(const struct dtb *d, int node)
{
	const char *status = status_of(d, node);

	return !strcmp(status, "okay") || !strcmp(status, "ok");
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
	name_of(d, depth, w->node, sizeof(w->node));
	snprintf(w->compatible, sizeof(w->compatible), "%s",
		 string_of(d, d->path[depth], "compatible"));
	snprintf(w->status, sizeof(w->status), "%s",
		 status_of(d, d->path[depth]));
	w->enabled = d->enabled[depth];
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

/* --- as a topology --- */

/* The last part of the path, and which bridge it is if another one has that already. */
static int add_host_bridge(const struct dtb *d, int depth)
{
	const char *last = fdt_get_name(d->fdt, d->path[depth], NULL);
	char name[PHYSBIO_NAME_MAX];
	unsigned int i;

	snprintf(name, sizeof(name), "%s", last);
	for (i = (unsigned int)physbio_topology_nr(d->t) + 1;
	     physbio_topology_find(d->t, name) >= 0; i++)
		snprintf(name, sizeof(name), "%.20s~%u", last, i);
	return physbio_topology_add(d->t, PHYSBIO_HOST_BRIDGE, name, NULL,
				    d->error);
}

/* Linux passes over what has no size, and does not ask what comes in for its space. */
static bool is_memory(const struct physbio_dtb_window *w)
{
	return w->cpu_known && !w->ports && w->size &&
	       (w->inbound || w->space == PHYSBIO_DTB_MEM32 ||
		w->space == PHYSBIO_DTB_MEM64);
}

static int add_window_to(const struct dtb *d, int bridge,
			 const struct physbio_dtb_window *w)
{
	struct physbio_bridge_window bw = { .bus = w->bus, .size = w->size };

	bw.cpu = (pb_phys_addr_t)w->cpu;
	if (bw.cpu != w->cpu)
		return fail(d->error, -EINVAL,
			    "%s: CPU address 0x%" PRIx64 " is too high",
			    w->node, w->cpu);
	return w->inbound ? physbio_topology_add_inbound(d->t, bridge, &bw,
							 d->error) :
			    physbio_topology_add_outbound(d->t, bridge, &bw,
							  d->error);
}

static int add_windows_to(const struct dtb *d, int bridge)
{
	int i, err = 0;

	for (i = 0; i < d->nr && !err; i++)
		if (is_memory(&d->windows[i]))
			err = add_window_to(d, bridge, &d->windows[i]);
	return err;
}

/* The windows of a bus above, in bus addresses of its own. */
static int add_bus_windows(struct dtb *d, int depth, const struct ranges *r,
			   int bridge)
{
	struct physbio_dtb_window w = { .inbound = true };
	int i, ret, err = 0;

	name_of(d, depth, w.node, sizeof(w.node));
	for (i = 0; i < r->nr && !err; i++) {
		const fdt32_t *e = entry_at(r, i);

		w.bus = number_of(e, r->child);
		w.cpu = number_of(e + r->child, r->parent);
		w.size = number_of(e + r->child + r->parent, r->size);
		ret = translate(d, depth - 1, "dma-ranges", &w.cpu);
		w.cpu_known = ret == 1;
		if (ret < 0)
			return ret;
		if (is_memory(&w))
			err = add_window_to(d, bridge, &w);
	}
	return err;
}

/*
 * A bridge whose dma-ranges are empty or missing has those of the next bus above that
 * has some, as long as those between are empty. Source: of_dma_get_range()
 */
static int inherit_inbound(struct dtb *d, int depth, int bridge)
{
	struct ranges r;
	int i, err;

	for (i = depth; i > 0; i--) {
		err = get_ranges(d, i, "dma-ranges", &r);
		if (err)
			return err;
		if (r.nr > 0)
			return i == depth ? 0 :
					    add_bus_windows(d, i, &r, bridge);
		if (r.nr < 0 && i < depth)
			return 0;
	}
	return 0;
}

/* Returns 1, 0 if there is no such number, or -EINVAL if it can't be one. */
static int get_number(const struct dtb *d, int depth, const char *property,
		      int index, uint32_t max, uint32_t *value)
{
	char path[256];
	int len;
	const fdt32_t *cells =
		fdt_getprop(d->fdt, d->path[depth], property, &len);

	if (!cells)
		return 0;
	if (len / 4 <= index || fdt32_to_cpu(cells[index]) > max)
		return fail(d->error, -EINVAL,
			    "%s: %s is no number up to %" PRIu32,
			    name_of(d, depth, path, sizeof(path)), property,
			    max);
	*value = fdt32_to_cpu(cells[index]);
	return 1;
}

struct buses {
	uint32_t first, last;
};

/* Source: of_pci_parse_bus_range() */
static int get_buses(const struct dtb *d, int depth, struct buses *buses)
{
	char path[256];

	buses->first = 0;
	buses->last = UINT8_MAX;
	if (get_number(d, depth, "bus-range", 0, UINT8_MAX, &buses->first) <
		    0 ||
	    get_number(d, depth, "bus-range", 1, UINT8_MAX, &buses->last) < 0)
		return -EINVAL;
	return buses->first <= buses->last ?
		       0 :
		       fail(d->error, -EINVAL,
			    "%s: bus-range ends before it begins",
			    name_of(d, depth, path, sizeof(path)));
}

/*
 * Where the tree has no number Linux takes a free one, in the order of its drivers. What
 * another bridge has already it does not give twice: this one stays without.
 * Source: of_pci_bus_find_domain_nr()
 */
static int set_domain(const struct dtb *d, int depth, int bridge,
		      const struct buses *buses)
{
	uint32_t domain;
	int ret = get_number(d, depth, "linux,pci-domain", 0, UINT16_MAX,
			     &domain);

	if (ret == 1)
		ret = physbio_topology_set_buses(d->t, bridge, (int)domain,
						 buses->first, buses->last,
						 NULL) == -ENOMEM ?
			      fail(d->error, -ENOMEM, "no memory for a bus") :
			      0;
	return ret;
}

/* The node's own, or that of the next one above that has one. Source: of_node_to_nid() */
static int set_numa_node(const struct dtb *d, int depth, int bridge)
{
	uint32_t nid;
	int ret = 0;

	for (; depth >= 0 && !ret; depth--)
		ret = get_number(d, depth, "numa-node-id", 0, INT32_MAX, &nid);
	if (ret == 1)
		physbio_topology_node(d->t, bridge)->numa_node = (int)nid;
	return ret < 0 ? ret : 0;
}

/* --- IOMMUs --- */

/* An entry of iommu-map: first requester ID, IOMMU, first ID there, how many. */
#define MAP_CELLS 4

static int compare_phandles(const void *a, const void *b)
{
	const struct phandle *pa = a, *pb = b;

	return pa->phandle < pb->phandle ? -1 : pa->phandle > pb->phandle;
}

/* All of the tree, found once: libfdt would walk it for each. */
static int list_phandles(struct dtb *d)
{
	size_t room = 1;
	int node;

	for (node = 0; node >= 0; node = fdt_next_node(d->fdt, node, NULL))
		room++;
	d->phandles = calloc(room, sizeof(*d->phandles));
	if (!d->phandles)
		return fail(d->error, -ENOMEM, "no memory for %zu nodes", room);
	for (node = 0; node >= 0; node = fdt_next_node(d->fdt, node, NULL))
		d->phandles[d->nr_phandles++] =
			(struct phandle){ fdt_get_phandle(d->fdt, node), node };
	qsort(d->phandles, d->nr_phandles, sizeof(*d->phandles),
	      compare_phandles);
	return 0;
}

/* Is there an enabled node of that number? Returns 1, 0 or -ENOMEM. */
static int find_iommu(struct dtb *d, uint32_t phandle)
{
	const struct phandle key = { .phandle = phandle };
	const struct phandle *found;

	if (!d->phandles && list_phandles(d))
		return -ENOMEM;
	found = bsearch(&key, d->phandles, d->nr_phandles, sizeof(key),
			compare_phandles);
	return phandle && found && is_enabled(d, found->node);
}

/*
 * Does an IOMMU translate for a requester ID? Returns 1, 0 or -errno. What is in no
 * entry passes by. Source: of_map_id()
 */
static int is_translated(struct dtb *d, int depth, uint32_t id)
{
	uint32_t mask = UINT32_MAX, base;
	char path[256];
	int len, i, ret;
	const fdt32_t *map =
		fdt_getprop(d->fdt, d->path[depth], "iommu-map", &len);

	if (!map)
		return 0;
	if (len % (MAP_CELLS * 4))
		return fail(
			d->error, -EINVAL,
			"%s: iommu-map has %d bytes, which are not entries of %d",
			name_of(d, depth, path, sizeof(path)), len,
			MAP_CELLS * 4);
	ret = get_number(d, depth, "iommu-map-mask", 0, UINT32_MAX, &mask);
	if (ret < 0)
		return ret;
	for (i = 0; i < len / 4; i += MAP_CELLS) {
		base = fdt32_to_cpu(map[i]);
		if ((id & mask) >= base &&
		    (id & mask) - base < fdt32_to_cpu(map[i + 3]))
			return find_iommu(d, fdt32_to_cpu(map[i + 1]));
	}
	return 0;
}

/*
 * A description has one IOMMU for all below a bridge: in use if the first device on the
 * first bus behind a port is translated. The tree does not say which pages it has.
 */
static int set_iommu(struct dtb *d, int depth, int bridge,
		     const struct buses *buses)
{
	uint32_t bus = buses->first + (buses->first < buses->last);
	int ret = is_translated(d, depth, bus << 8);

	return ret == 1 ? physbio_topology_set_iommu(d->t, bridge,
						     IOMMU_GRANULE, d->error) :
			  ret;
}

static int describe_bridge(struct dtb *d, int depth)
{
	int bridge = add_host_bridge(d, depth);
	struct buses buses;
	int err = bridge < 0 ? bridge : get_buses(d, depth, &buses);

	if (!err)
		err = add_windows_to(d, bridge);
	if (!err)
		err = inherit_inbound(d, depth, bridge);
	if (!err)
		err = set_domain(d, depth, bridge, &buses);
	if (!err)
		err = set_numa_node(d, depth, bridge);
	return err ? err : set_iommu(d, depth, bridge, &buses);
}

/* --- the tree --- */

/* A bridge below a host bridge says pci too, and has windows of another kind. */
static int look_at(struct dtb *d, int depth)
{
	int err;

	if (depth < 1 || !d->pci[depth] || d->pci[depth - 1])
		return 0;
	if (d->t)
		d->nr = 0;
	err = add_windows(d, depth, "ranges");
	if (!err)
		err = add_windows(d, depth, "dma-ranges");
	if (err || !d->t || !d->enabled[depth])
		return err;
	return describe_bridge(d, depth);
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
		d->pci[depth] = is_pci(d, node);
		d->enabled[depth] = is_enabled(d, node) &&
				    (!depth || d->enabled[depth - 1]);
		err = look_at(d, depth);
	}
	return err;
}

static int read_tree(struct dtb *d, size_t size)
{
	int err = fdt_check_full(d->fdt, size);

	return err ? fail(d->error, -EINVAL, "no device tree: %s",
			  fdt_strerror(err)) :
		     walk(d);
}

int physbio_dtb_windows(const void *blob, size_t size,
			struct physbio_dtb_window **windows,
			struct physbio_error *error)
{
	struct dtb d = { .fdt = blob, .error = error };
	int err = read_tree(&d, size);

	if (err) {
		free(d.windows);
		return err;
	}
	*windows = d.windows;
	return d.nr;
}

int physbio_topology_from_dtb(const void *blob, size_t size,
			      struct physbio_topology **topology,
			      struct physbio_error *error)
{
	struct dtb d = { .fdt = blob, .error = error };
	int err;

	d.t = physbio_topology_create();
	if (!d.t)
		return fail(error, -ENOMEM, "no memory for a topology");
	err = read_tree(&d, size);
	free(d.phandles);
	free(d.windows);
	if (err) {
		physbio_topology_destroy(d.t);
		return err;
	}
	*topology = d.t;
	return 0;
}
#else
int physbio_dtb_windows(const void *blob, size_t size,
			struct physbio_dtb_window **windows,
			struct physbio_error *error)
{
	return fail(error, -ENOTSUP, "built without libfdt");
}

int physbio_topology_from_dtb(const void *blob, size_t size,
			      struct physbio_topology **topology,
			      struct physbio_error *error)
{
	return fail(error, -ENOTSUP, "built without libfdt");
}
#endif
