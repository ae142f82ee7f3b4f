// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio topo: what a description of a machine says of its host bridges, as a tree or,
 * with --windows, a line for each window, its fields apart by tabs.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/dtb.h>

#include "tools.h"

static int usage(FILE *to)
{
	fprintf(to,
		"usage: physbio topo FILE [--windows]\n"
		"  FILE       text (see physbio/topofile.h) or device tree blob\n"
		"  --windows  a line for each window of a device tree: node, property, space, flags,\n"
		"             bus, cpu, size, offset (cpu - bus), status, compatible\n");
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

static unsigned int depth_of(struct physbio_topology *t, int node)
{
	unsigned int depth = 0;

	while ((node = physbio_topology_node(t, node)->parent) >= 0)
		depth++;
	return depth;
}

static void print_node(struct physbio_topology *t, int node)
{
	const struct physbio_node *n = physbio_topology_node(t, node);
	int indent = 2 * (int)depth_of(t, node);
	unsigned int i;

	printf("%*s%s", indent, "", n->name);
	if (n->acs_ctrl)
		printf("  acs 0x%x", n->acs_ctrl);
	if (n->numa_node >= 0)
		printf("  node %d", n->numa_node);
	printf("\n");
	print_side("outbound", n->outbound, n->nr_outbound);
	print_side("inbound", n->inbound, n->nr_inbound);
	for (i = 0; i < n->nr_bars; i++)
		printf("%*s  BAR %u bus 0x%" PRIx64 " cpu 0x%" PRIx64
		       " size 0x%" PRIx64 "%s\n",
		       indent, "", i, n->bars[i].bus,
		       (uint64_t)physbio_topology_bar_phys(t, node, (int)i),
		       n->bars[i].size,
		       n->bars[i].published ? " published" : "");
}

/* Each node, and then what is below it. */
static void print_below(struct physbio_topology *t, int above)
{
	int node = -1, nr = physbio_topology_nr(t), at = above;

	/* Depth first without a stack: the next child, or up and on. */
	for (;;) {
		for (node++; node < nr; node++)
			if (physbio_topology_node(t, node)->parent == at)
				break;
		if (node < nr) {
			print_node(t, node);
			at = node;
			node = -1;
		} else if (at == above) {
			return;
		} else {
			node = at;
			at = physbio_topology_node(t, at)->parent;
		}
	}
}

static int print_tree(const char *path)
{
	struct physbio_topology *t = load_topology("physbio topo", path);

	if (!t)
		return 2;
	print_below(t, -1);
	physbio_topology_destroy(t);
	return 0;
}

int topo_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "windows", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool windows = false;
	size_t size;
	void *blob;
	int c, ret;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout);
		if (c != 'w')
			return usage(stderr);
		windows = true;
	}
	if (optind + 1 != argc) {
		complain("one file is needed");
		return usage(stderr);
	}
	if (!windows)
		return print_tree(argv[optind]);
	blob = read_file("physbio topo", argv[optind], &size);
	if (!blob)
		return 2;
	ret = print_windows(argv[optind], blob, size);
	free(blob);
	return ret;
}
