// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio topo: what a description of a machine says of its host bridges, as a tree or,
 * with --windows, a line for each window, its fields apart by tabs; with --populate, as
 * a text with devices below it, for the other commands.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/dtb.h>
#include <physbio/p2p.h>
#include <physbio/topofile.h>

#include "populate.h"
#include "tools.h"

static int usage(FILE *to)
{
	fprintf(to,
		"usage: physbio topo FILE|--live[=DIR] [--windows | --populate]\n"
		"  FILE        text (see physbio/topofile.h) or device tree blob\n"
		"  --live      this machine; with DIR another one, of which that has sys/, proc/\n"
		"              and lspci, the output of lspci -D -xxxx\n"
		"  --populate  text, with devices below each host bridge that has none: see\n"
		"              docs/boards.md\n"
		"  --windows   a line for each window: node, property, space, flags, bus, cpu,\n"
		"              size, offset (cpu - bus), status, compatible\n");
	return to == stderr ? 2 : 0;
}

__attribute__((format(printf, 1, 2))) static void complain(const char *format,
							   ...)
{
	va_list args;

	fprintf(stderr, "physbio topo: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

static const char *const space_names[] = {
	[PHYSBIO_DTB_IO] = "io",
	[PHYSBIO_DTB_MEM32] = "mem32",
	[PHYSBIO_DTB_MEM64] = "mem64",
	[PHYSBIO_DTB_CONFIG] = "config",
};

static void print_offset(const struct physbio_dtb_window *w)
{
	if (w->cpu >= w->bus)
		printf("%" PRIx64, w->cpu - w->bus);
	else
		printf("-%" PRIx64, w->bus - w->cpu);
}

static void print_window(const struct physbio_dtb_window *w)
{
	printf("%s\t%s\t%s\t%s\t%" PRIx64 "\t", w->node,
	       w->inbound ? "dma-ranges" : "ranges", space_names[w->space],
	       w->prefetchable ? "pref" : "-", w->bus);
	if (w->cpu_known)
		printf("%" PRIx64, w->cpu);
	else
		putchar('?');
	printf("\t%" PRIx64 "\t", w->size);
	if (w->cpu_known)
		print_offset(w);
	else
		putchar('?');
	printf("\t%s\t%s\n", w->status, w->compatible);
}

static int print_windows(const char *path, const void *blob, size_t size)
{
	struct physbio_dtb_window *windows = NULL;
	struct physbio_error error;
	int i, nr = physbio_dtb_windows(blob, size, &windows, &error);

	if (nr < 0) {
		complain("%s: %s", path, error.message);
		return 2;
	}
	for (i = 0; i < nr; i++)
		print_window(&windows[i]);
	free(windows);
	return 0;
}

/* The same columns for what has no device tree. */
static void print_side_rows(const struct physbio_node *n, bool inbound)
{
	const struct physbio_bridge_window *w = inbound ? n->inbound :
							  n->outbound;
	unsigned int nr = inbound ? n->nr_inbound : n->nr_outbound;

	for (; nr; nr--, w++) {
		struct physbio_dtb_window row = {
			.compatible = "-",
			.inbound = inbound,
			.status = "okay",
			.space = w->bus + (w->size - 1) > UINT32_MAX ?
					 PHYSBIO_DTB_MEM64 :
					 PHYSBIO_DTB_MEM32,
			.bus = w->bus,
			.cpu = w->cpu,
			.cpu_known = true,
			.size = w->size,
		};

		snprintf(row.node, sizeof(row.node), "%s", n->name);
		print_window(&row);
	}
}

static void print_rows(struct physbio_topology *t)
{
	int i;

	for (i = physbio_topology_child(t, -1); i >= 0;
	     i = physbio_topology_next(t, i)) {
		print_side_rows(physbio_topology_node(t, i), false);
		print_side_rows(physbio_topology_node(t, i), true);
	}
}

static void print_side(const char *side, const struct physbio_bridge_window *w,
		       unsigned int nr)
{
	for (; nr; nr--, w++)
		printf("  %-8s bus 0x%012" PRIx64 "-0x%012" PRIx64
		       "  cpu 0x%012" PRIx64 "  offset %s0x%" PRIx64 "\n",
		       side, w->bus, w->bus + (w->size - 1), (uint64_t)w->cpu,
		       w->cpu < w->bus ? "-" : "",
		       w->cpu < w->bus ? w->bus - w->cpu : w->cpu - w->bus);
}

static void print_function(const struct physbio_node *n)
{
	static const char *const ports[PHYSBIO_NR_PORTS] = {
		"bridge", "root port", "upstream port", "downstream port",
		"bridge to PCI"
	};
	static const char *const hardware[] = { "", ", but always redirects",
						", but never redirects" };

	if (n->kind == PHYSBIO_BRIDGE)
		printf("  %s", ports[n->port]);
	if (n->vendor)
		printf("  %04x:%04x", n->vendor, n->device);
	if (n->acs_ctrl || n->acs_hw)
		printf("  acs 0x%x%s", n->acs_ctrl, hardware[n->acs_hw]);
	if (n->dma_mask != UINT64_MAX)
		printf("  mask 0x%" PRIx64, n->dma_mask);
}

static void print_host_bridge(struct physbio_topology *t, int node)
{
	static const char *const listings[] = { "", "  listed",
						"  listed for itself" };
	const struct physbio_node *n = physbio_topology_node(t, node);

	printf("  host bridge");
	if (n->domain >= 0)
		printf("  domain %04x bus %02x-%02x", (unsigned int)n->domain,
		       n->first_bus, n->last_bus);
	if (n->iommu_granule)
		printf("  iommu %" PRIu32, n->iommu_granule);
	printf("%s", listings[physbio_p2p_host_bridge_listing(t, node)]);
}

static void print_node(struct physbio_topology *t, int node)
{
	const struct physbio_node *n = physbio_topology_node(t, node);
	int indent = 2 * physbio_topology_depth(t, node);
	unsigned int i;

	printf("%*s%s", indent, "", n->name);
	if (n->kind == PHYSBIO_HOST_BRIDGE)
		print_host_bridge(t, node);
	else
		print_function(n);
	if (n->numa_node >= 0)
		printf("  node %d", n->numa_node);
	printf("\n");
	print_side("outbound", n->outbound, n->nr_outbound);
	print_side("inbound", n->inbound, n->nr_inbound);
	for (i = 0; i < n->nr_forwards; i++)
		printf("%*s  forwards bus 0x%" PRIx64 "-0x%" PRIx64 "\n",
		       indent, "", n->forwards[i].bus,
		       n->forwards[i].bus + (n->forwards[i].size - 1));
	for (i = 0; i < n->nr_bars; i++)
		printf("%*s  BAR %u bus 0x%" PRIx64 " cpu 0x%" PRIx64
		       " size 0x%" PRIx64 "%s\n",
		       indent, "", i, n->bars[i].bus,
		       (uint64_t)physbio_topology_bar_phys(t, node, (int)i),
		       n->bars[i].size,
		       n->bars[i].published ? " published" : "");
}

/* A tree may have every controller disabled. Nothing would be said, which says nothing. */
static void note_if_empty(struct physbio_topology *t, const char *path)
{
	if (!physbio_topology_nr(t))
		complain(
			"%s: no host bridge is enabled; of a device tree --windows shows all",
			path);
}

/* Each node, and then what is below it; without a stack: down, on, or up and on. */
static void print_tree(struct physbio_topology *t)
{
	int node = physbio_topology_child(t, -1), next;

	while (node >= 0) {
		print_node(t, node);
		next = physbio_topology_child(t, node);
		while (next < 0 && node >= 0) {
			next = physbio_topology_next(t, node);
			node = physbio_topology_parent(t, node);
		}
		node = next;
	}
}

static int print_populated(struct physbio_topology *t)
{
	struct physbio_error error = { 0 };
	char *text = NULL;

	if (!populate(t, &error))
		text = physbio_topology_format(t);
	if (text)
		fputs(text, stdout);
	else
		complain("%s", *error.message ? error.message : "no memory");
	free(text);
	return text ? 0 : 2;
}

/* What of a machine is printed: as the options have it. */
enum what {
	TREE = 0,
	WINDOWS = 'w',
	POPULATED = 'p',
};

static int print_topology(struct physbio_topology *t, const char *path,
			  enum what what)
{
	int ret = 0;

	if (!t)
		return 2;
	note_if_empty(t, path);
	if (what == WINDOWS)
		print_rows(t);
	else if (what == POPULATED)
		ret = print_populated(t);
	else
		print_tree(t);
	physbio_topology_destroy(t);
	return ret;
}

/* A device tree says more of its windows than a topology keeps. */
static int print_file(const char *path, enum what what)
{
	size_t size;
	void *blob;
	int ret;

	if (what != WINDOWS)
		return print_topology(load_topology("physbio topo", path), path,
				      what);
	blob = read_file("physbio topo", path, &size);
	if (!blob)
		return 2;
	ret = is_dtb(blob, size) ?
		      print_windows(path, blob, size) :
		      print_topology(load_topology("physbio topo", path), path,
				     what);
	free(blob);
	return ret;
}

int topo_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "live", optional_argument, NULL, 'l' },
		{ "windows", no_argument, NULL, 'w' },
		{ "populate", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum what what = TREE;
	const char *root = NULL;
	bool live = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout);
		if (c == '?' || (c != 'l' && what))
			return usage(stderr);
		if (c != 'l') {
			what = (enum what)c;
			continue;
		}
		live = true;
		root = optarg;
	}
	if (live && optind == argc)
		return print_topology(live_topology("physbio topo", root),
				      root ? root : "this machine", what);
	if (live || optind + 1 != argc) {
		complain("one file is needed, or --live");
		return usage(stderr);
	}
	return print_file(argv[optind], what);
}
