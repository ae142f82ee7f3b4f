// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio p2p: whether devices of a machine reach each other's memory, by which route,
 * at which address, and why not. One pair in words, or all of them as a matrix.
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
		"                   b by bus address, h through the host bridge, . not at all,\n"
		"                   and the distance\n");
	return to == stderr ? 2 : 0;
}

/* --- one pair --- */

static void print_bar(struct physbio_topology *t, int provider, int client,
		      unsigned int bar, const struct physbio_p2p_verdict *v)
{
	struct physbio_node *p = physbio_topology_node(t, provider);
	struct physbio_node *c = physbio_topology_node(t, client);
	uint64_t phys = physbio_topology_bar_phys(t, provider, (int)bar), dma;
	const struct physbio_node *hb = physbio_topology_node(
		t, physbio_topology_host_bridge(t, client));

	printf("  BAR %u: cpu 0x%" PRIx64 " size 0x%" PRIx64 ": ", bar, phys,
	       p->bars[bar].size);
	if (!p->bars[bar].published)
		printf("not published\n");
	else if (v->map == PB_PCI_P2PDMA_MAP_BUS_ADDR)
		printf("bus address 0x%" PRIx64 "\n", p->bars[bar].bus);
	else if (v->map != PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		printf("none\n");
	else if (hb->iommu_granule)
		printf("an IOVA of the IOMMU of %s\n", hb->name);
	else if (!reach_inbound(hb, phys, 1, &dma))
		printf("in no inbound window of %s\n", hb->name);
	else if (dma + (p->bars[bar].size - 1) > c->dma_mask)
		printf("0x%" PRIx64 " is beyond the mask of %s\n", dma,
		       c->name);
	else
		printf("0x%" PRIx64 "\n", dma);
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
	for (i = 0; i < p->nr_bars; i++)
		print_bar(t, provider, client, i, &v);
	return 0;
}

/* --- all of them --- */

static bool is_endpoint(struct physbio_topology *t, int node)
{
	return physbio_topology_node(t, node)->kind == PHYSBIO_ENDPOINT;
}

static void print_cell(const struct physbio_p2p_verdict *v)
{
	switch (v->map) {
	case PB_PCI_P2PDMA_MAP_BUS_ADDR:
		printf(" b%-3d", v->distance);
		break;
	case PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		printf(" h%-3d", v->distance);
		break;
	default:
		printf(" .   ");
	}
}

/* Columns are clients, numbered as the rows are. */
static int print_matrix(struct physbio_topology *t)
{
	int nr = physbio_topology_nr(t), i, j, row = 0;

	printf("%-4s %-32s", "", "provider \\ client");
	for (i = 0, j = 0; i < nr; i++)
		if (is_endpoint(t, i))
			printf(" %-4d", ++j);
	printf("\n");
	for (i = 0; i < nr; i++) {
		if (!is_endpoint(t, i))
			continue;
		printf("%-4d %-32s", ++row, physbio_topology_node(t, i)->name);
		for (j = 0; j < nr; j++) {
			struct physbio_p2p_verdict v;

			if (!is_endpoint(t, j))
				continue;
			v = physbio_p2p_verdict(t, i, j);
			print_cell(&v);
		}
		printf("\n");
	}
	if (!row)
		printf("no device: physbio topo --populate adds some\n");
	return 0;
}

/* --- command line --- */

static int find(struct physbio_topology *t, const char *path, const char *name)
{
	int node = physbio_topology_find(t, name);

	if (node < 0 ||
	    physbio_topology_node(t, node)->kind == PHYSBIO_HOST_BRIDGE) {
		fprintf(stderr, "physbio p2p: %s: there is no device \"%s\"\n",
			path, name);
		return -1;
	}
	return node;
}

static int run(struct physbio_topology *t, int argc, char **argv)
{
	int provider, client;

	if (argc == 1)
		return print_matrix(t);
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
	if (argc != 1 && argc != 3)
		return usage(stderr);
	t = load_topology("physbio p2p", argv[0]);
	if (!t)
		return 2;
	ret = run(t, argc, argv);
	physbio_topology_destroy(t);
	return ret;
}
