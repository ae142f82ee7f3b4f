// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio p2p: whether devices of a machine reach each other's memory, by which route,
 * at which address, and why not. One pair in words, or all of them as a matrix. What the
 * hardware makes of an address it does not ask: that is physbio map's.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/p2p.h>

#include "reach.h"
#include "tools.h"

static int usage(FILE *to)
{
	fprintf(to,
		"usage: physbio p2p TOPOLOGY [PROVIDER CLIENT]\n"
		"  TOPOLOGY         text (see physbio/topofile.h) or device tree blob\n"
		"  PROVIDER CLIENT  names of devices; without, all of them in a matrix:\n"
		"                   b by bus address, h through the host bridge, and the distance,\n"
		"                   ! a way, but no published BAR has an address, . not at all\n"
		"Exit code 0: there is an answer, be it no; 1: there are no devices; 2: an error.\n");
	return to == stderr ? 2 : 0;
}

/* --- one pair --- */

/* What a client has of a provider's BAR. */
enum bar_use {
	NOT_PUBLISHED,
	REFUSED,
	NO_WINDOW,
	BEYOND_MASK,
	/* an address, from here on */
	BUS_ADDRESS,
	BY_IOVA,
	BY_WINDOW,
	PARTLY,
};

static const struct physbio_node *host_bridge_of(struct physbio_topology *t,
						 int node)
{
	return physbio_topology_node(t, physbio_topology_host_bridge(t, node));
}

/* The inbound window of a peer's BAR, and the mask: @dma is where it begins. */
static enum bar_use bar_by_window(struct physbio_topology *t, int client,
				  uint64_t phys, uint64_t size, uint64_t *dma)
{
	const struct physbio_node *hb = host_bridge_of(t, client);
	uint64_t mask = physbio_topology_node(t, client)->dma_mask, whole;

	if (!reach_inbound(hb, phys, 1, dma))
		return NO_WINDOW;
	if (*dma > mask)
		return BEYOND_MASK;
	return size - 1 <= mask - *dma &&
			       reach_inbound(hb, phys, size, &whole) ?
		       BY_WINDOW :
		       PARTLY;
}

static enum bar_use bar_use(struct physbio_topology *t, int provider,
			    int client, int bar,
			    enum pb_pci_p2pdma_map_type map, uint64_t *dma)
{
	const struct physbio_bar *b =
		&physbio_topology_node(t, provider)->bars[bar];

	*dma = b->bus;
	if (!b->published)
		return NOT_PUBLISHED;
	if (map == PB_PCI_P2PDMA_MAP_BUS_ADDR)
		return BUS_ADDRESS;
	if (map != PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return REFUSED;
	if (host_bridge_of(t, client)->iommu_granule)
		return BY_IOVA;
	return bar_by_window(t, client,
			     physbio_topology_bar_phys(t, provider, bar),
			     b->size, dma);
}

static void print_use(enum bar_use use, uint64_t dma, const char *client,
		      const char *hb)
{
	switch (use) {
	case NOT_PUBLISHED:
		printf("not published\n");
		break;
	case REFUSED:
		printf("none\n");
		break;
	case NO_WINDOW:
		printf("in no inbound window of %s\n", hb);
		break;
	case BEYOND_MASK:
		printf("0x%" PRIx64 " is beyond the mask of %s\n", dma, client);
		break;
	case BUS_ADDRESS:
		printf("bus address 0x%" PRIx64 "\n", dma);
		break;
	case BY_IOVA:
		printf("an IOVA of the IOMMU of %s\n", hb);
		break;
	case BY_WINDOW:
		printf("0x%" PRIx64 "\n", dma);
		break;
	case PARTLY:
		printf("0x%" PRIx64 ", but its end is out of reach of %s\n",
		       dma, client);
		break;
	}
}

static void print_bar(struct physbio_topology *t, int provider, int client,
		      int bar, const struct physbio_p2p_verdict *v)
{
	uint64_t dma;
	enum bar_use use = bar_use(t, provider, client, bar, v->map, &dma);

	printf("  BAR %d: cpu 0x%" PRIx64 " size 0x%" PRIx64 ": ", bar,
	       (uint64_t)physbio_topology_bar_phys(t, provider, bar),
	       physbio_topology_node(t, provider)->bars[bar].size);
	print_use(use, dma, physbio_topology_node(t, client)->name,
		  host_bridge_of(t, client)->name);
}

static int print_pair(struct physbio_topology *t, int provider, int client)
{
	struct physbio_p2p_verdict v = physbio_p2p_verdict(t, provider, client);
	struct physbio_node *p = physbio_topology_node(t, provider);
	unsigned int i;

	printf("%s from %s: ", p->name, physbio_topology_node(t, client)->name);
	switch (v.map) {
	case PB_PCI_P2PDMA_MAP_BUS_ADDR:
		printf("by bus address, distance %d\n", v.distance);
		break;
	case PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		printf("through the host bridge, distance %d\n", v.distance);
		break;
	default:
		printf("not at all\n");
	}
	printf("  %s\n", physbio_p2p_reason_text(v.reason));
	if (v.common >= 0)
		printf("  the first bridge above both: %s\n",
		       physbio_topology_node(t, v.common)->name);
	if (v.redirect >= 0)
		printf("  redirected by the ACS bits of %s\n",
		       physbio_topology_node(t, v.redirect)->name);
	if (!p->nr_bars)
		printf("  %s has no BAR\n", p->name);
	for (i = 0; i < p->nr_bars; i++)
		print_bar(t, provider, client, (int)i, &v);
	return 0;
}

/* --- all of them --- */

static bool is_endpoint(struct physbio_topology *t, int node)
{
	return physbio_topology_node(t, node)->kind == PHYSBIO_ENDPOINT;
}

/* Is there an address to go by? A verdict alone does not promise one. */
static bool has_address(struct physbio_topology *t, int provider, int client,
			enum pb_pci_p2pdma_map_type map)
{
	int bar, nr = (int)physbio_topology_node(t, provider)->nr_bars;
	uint64_t dma;

	for (bar = 0; bar < nr; bar++)
		if (bar_use(t, provider, client, bar, map, &dma) >= BUS_ADDRESS)
			return true;
	return false;
}

static void print_cell(struct physbio_topology *t, int provider, int client)
{
	struct physbio_p2p_verdict v = physbio_p2p_verdict(t, provider, client);
	char cell[16] = ".";

	if (v.map != PB_PCI_P2PDMA_MAP_NOT_SUPPORTED)
		snprintf(cell, sizeof(cell), "%c%d%s",
			 v.map == PB_PCI_P2PDMA_MAP_BUS_ADDR ? 'b' : 'h',
			 v.distance,
			 has_address(t, provider, client, v.map) ? "" : "!");
	printf(" %-4s", cell);
}

static void print_columns(struct physbio_topology *t)
{
	int i, column = 0;

	printf("%-4s %-32s", "", "provider \\ client");
	for (i = 0; i < physbio_topology_nr(t); i++)
		if (is_endpoint(t, i))
			printf(" %-4d", ++column);
	printf("\n");
}

static void print_row(struct physbio_topology *t, int provider, int row)
{
	int i;

	printf("%-4d %-32s", row, physbio_topology_node(t, provider)->name);
	for (i = 0; i < physbio_topology_nr(t); i++)
		if (is_endpoint(t, i))
			print_cell(t, provider, i);
	printf("\n");
}

/* Columns are clients, numbered as the rows are. */
static int print_matrix(struct physbio_topology *t, const char *path)
{
	int i, row = 0;

	if (!reach_has_endpoint(t)) {
		fprintf(stderr, "physbio p2p: %s: there is no device%s\n", path,
			reach_hint(t));
		return 1;
	}
	print_columns(t);
	for (i = 0; i < physbio_topology_nr(t); i++)
		if (is_endpoint(t, i))
			print_row(t, i, ++row);
	printf("b by bus address, h through the host bridge, and the distance; ! a way, but no\n"
	       "published BAR has an address; . not at all\n");
	return 0;
}

/* --- command line --- */

static int find(struct physbio_topology *t, const char *path, const char *name)
{
	int node = physbio_topology_find(t, name);

	if (node < 0)
		fprintf(stderr,
			"physbio p2p: %s: there is no device \"%s\"%s\n", path,
			name, reach_hint(t));
	else if (physbio_topology_node(t, node)->kind == PHYSBIO_HOST_BRIDGE)
		fprintf(stderr,
			"physbio p2p: %s: \"%s\" is a host bridge, no device\n",
			path, name);
	else
		return node;
	return -1;
}

static int run(struct physbio_topology *t, int argc, char **argv)
{
	int provider, client;

	if (argc == 1)
		return print_matrix(t, argv[0]);
	provider = find(t, argv[0], argv[1]);
	client = provider < 0 ? -1 : find(t, argv[0], argv[2]);
	return client < 0 ? 2 : print_pair(t, provider, client);
}

int p2p_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct physbio_topology *t;
	int c, ret;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		return usage(c == 'h' ? stdout : stderr);
	argc -= optind;
	argv += optind;
	if (argc != 1 && argc != 3) {
		fprintf(stderr, "physbio p2p: %s\n",
			argc == 2 ? "a PROVIDER needs a CLIENT" :
				    "one TOPOLOGY is needed");
		return usage(stderr);
	}
	t = load_topology("physbio p2p", argv[0]);
	if (!t)
		return 2;
	ret = run(t, argc, argv);
	physbio_topology_destroy(t);
	return ret;
}
