// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio map: the bus addresses that a device uses for a physical range, by which route
 * and why, and what the fabric says that it hits with them. Decides nothing: it prints
 * what software and hardware have decided, and whether they agree.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reach.h"
#include "tools.h"

#define MAX_RAM 16
#define LOW_RAM \
	(4ull << 30) /* without --ram: what no window claims of so much */

static struct {
	struct physbio_mem_range ram[MAX_RAM];
	unsigned int nr_ram;
	uint64_t paddr, len;
} opt;

static int usage(FILE *to)
{
	fprintf(to,
		"usage: physbio map [--ram START+SIZE]... TOPOLOGY DEVICE PADDR LEN\n"
		"  TOPOLOGY  text (see physbio/topofile.h) or device tree blob; what topo --populate\n"
		"            writes has devices\n"
		"  DEVICE    name of the endpoint that is to reach it\n"
		"  PADDR     physical address, LEN bytes from there, less than 4 GiB: RAM or BARs\n"
		"  --ram START+SIZE  a range of RAM, at most %d times. Without: what is in no\n"
		"            outbound window, of the first 4 GiB and of PADDR and LEN\n"
		"Numbers are decimal, or hexadecimal behind 0x.\n"
		"Exit code 0: it hits what was asked for; 1: it does not, or there is no address.\n",
		MAX_RAM);
	return to == stderr ? 2 : 0;
}

__attribute__((format(printf, 1, 2))) static int complain(const char *format,
							  ...)
{
	va_list args;

	fprintf(stderr, "physbio map: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return 2;
}

/* --- numbers --- */

/* A number and what is behind it; NULL: none. */
static const char *number(const char *text, uint64_t *value)
{
	bool hex = text[0] == '0' && text[1] == 'x';
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	char *end;

	/* strtoull() would take a sign, and blanks before it. */
	if (!strspn(text + 2 * hex, digits))
		return NULL;
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	return errno ? NULL : end;
}

static bool parse_number(const char *text, uint64_t *value)
{
	const char *end = number(text, value);

	return end && !*end;
}

static int parse_ram(const char *text)
{
	uint64_t start, size;
	const char *end = number(text, &start);

	if (!end || *end != '+' || !parse_number(end + 1, &size))
		return complain("--ram \"%s\" is not START+SIZE", text);
	if (opt.nr_ram == MAX_RAM)
		return complain("--ram: more than %d ranges", MAX_RAM);
	if ((pb_phys_addr_t)start != start)
		return complain("--ram \"%s\" starts too high", text);
	opt.ram[opt.nr_ram++] =
		(struct physbio_mem_range){ (pb_phys_addr_t)start, size,
					    PHYSBIO_MEM_RAM, -1, NULL };
	return 0;
}

static int parse_range(const char *paddr, const char *len)
{
	if (!parse_number(paddr, &opt.paddr))
		return complain("PADDR \"%s\" is no number", paddr);
	if (!parse_number(len, &opt.len))
		return complain("LEN \"%s\" is no number", len);
	if (!opt.len || opt.len > UINT32_MAX)
		return complain("LEN \"%s\" is not from 1 to %" PRIu32, len,
				UINT32_MAX);
	if (opt.len - 1 > (pb_phys_addr_t)-1 - opt.paddr)
		return complain("PADDR \"%s\" and LEN \"%s\" wrap", paddr, len);
	return 0;
}

/* --- RAM --- */

/* A range of RAM that the user did not name: nothing if there are too many. */
static void add_ram(struct physbio_mem_range *ram, unsigned int *nr,
		    unsigned int max, uint64_t start, uint64_t end)
{
	const uint64_t mask = PB_PAGE_SIZE - 1;

	start = (start + mask) & ~mask;
	end &= ~mask;
	if (start >= end || *nr == max)
		return;
	ram[(*nr)++] = (struct physbio_mem_range){ (pb_phys_addr_t)start,
						   end - start, PHYSBIO_MEM_RAM,
						   -1, NULL };
}

/* The outbound window that has a CPU address, or the first one behind it. */
static const struct physbio_bridge_window *
window_from(struct physbio_topology *t, uint64_t cpu)
{
	const struct physbio_bridge_window *w, *first = NULL;
	int i;

	for (i = 0; i < physbio_topology_nr(t); i++) {
		const struct physbio_node *n = physbio_topology_node(t, i);

		for (w = n->outbound; w < n->outbound + n->nr_outbound; w++)
			if (w->cpu + (w->size - 1) >= cpu &&
			    (!first || w->cpu < first->cpu))
				first = w;
	}
	return first;
}

/* What no window has of [@start, @end), both of whole pages. */
static void add_unclaimed(struct physbio_topology *t,
			  struct physbio_mem_range *ram, unsigned int *nr,
			  unsigned int max, uint64_t start, uint64_t end)
{
	while (start < end) {
		const struct physbio_bridge_window *w = window_from(t, start);

		if (!w || w->cpu >= end) {
			add_ram(ram, nr, max, start, end);
			return;
		}
		add_ram(ram, nr, max, start, w->cpu);
		start = w->cpu + w->size;
		if (!start)
			return;
	}
}

static unsigned int nr_windows(struct physbio_topology *t)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < physbio_topology_nr(t); i++)
		n += physbio_topology_node(t, i)->nr_outbound;
	return n;
}

/* To be freed; NULL without memory. The last page of all addresses is no RAM. */
static struct physbio_mem_range *default_ram(struct physbio_topology *t,
					     unsigned int *nr)
{
	const uint64_t mask = PB_PAGE_SIZE - 1;
	uint64_t start = opt.paddr & ~mask;
	uint64_t end = ((opt.paddr + (opt.len - 1)) & ~mask) + PB_PAGE_SIZE;
	unsigned int max = 2 * (nr_windows(t) + 1);
	struct physbio_mem_range *ram = calloc(max, sizeof(*ram));

	*nr = 0;
	if (!ram)
		return NULL;
	add_unclaimed(t, ram, nr, max, 0, LOW_RAM);
	add_unclaimed(t, ram, nr, max, start > LOW_RAM ? start : LOW_RAM, end);
	return ram;
}

/* --- what is printed --- */

static const char *name_of(const struct reach *r, int node)
{
	return physbio_topology_node(r->t, node)->name;
}

static void print_hit(const struct reach *r, const struct physbio_hit *hit)
{
	switch (hit->kind) {
	case PHYSBIO_HIT_RAM:
		printf("hits RAM at 0x%" PRIx64, (uint64_t)hit->paddr);
		break;
	case PHYSBIO_HIT_BAR:
		printf("hits BAR %d of %s at 0x%" PRIx64, hit->bar,
		       name_of(r, hit->node), (uint64_t)hit->paddr);
		break;
	default:
		printf("hits nothing");
	}
}

static bool print_hits(const struct reach *r, const struct reach_piece *p)
{
	uint64_t bus = physbio_dma_value(p->addr), at;
	struct physbio_hit hit;
	bool right = true;

	for (at = 0; at < p->len; at += hit.len) {
		bool this;

		hit = reach_hit(r, p, at);
		this = reach_right(p, at, &hit);
		right = right && this;
		printf("  bus 0x%" PRIx64 "-0x%" PRIx64 ": %s", bus + at,
		       bus + at + (hit.len - 1), this ? "" : "MISMATCH: ");
		print_hit(r, &hit);
		printf("\n");
	}
	return right;
}

static void print_owner(const struct reach *r, const struct reach_piece *p)
{
	printf("physical 0x%" PRIx64 "-0x%" PRIx64 ": ", (uint64_t)p->paddr,
	       (uint64_t)p->paddr + (p->len - 1));
	if (p->owner == REACH_RAM)
		printf("RAM\n");
	else if (p->owner == REACH_BAR)
		printf("BAR %d of %s\n", p->bar, name_of(r, p->node));
	else
		printf("neither RAM nor a BAR\n");
}

static void print_route(const struct reach_piece *p)
{
	const char *why = physbio_p2p_reason_text(p->verdict.reason);

	if (p->owner != REACH_BAR)
		return;
	if (!p->published)
		printf("  refused: the BAR is not published\n");
	else if (p->verdict.map == PB_PCI_P2PDMA_MAP_BUS_ADDR)
		printf("  by bus address: %s\n", why);
	else if (p->verdict.map == PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		printf("  through the host bridge: %s\n", why);
	else
		printf("  refused: %s\n", why);
}

/* A way there is, and no address. */
static void print_no_address(const struct reach *r, const struct reach_piece *p)
{
	const struct physbio_node *d = physbio_topology_node(r->t, r->device);
	const struct physbio_node *hb = physbio_topology_node(
		r->t, physbio_topology_host_bridge(r->t, r->device));
	uint64_t bus;

	if (p->owner == REACH_NOTHING ||
	    (p->owner == REACH_BAR &&
	     (!p->published ||
	      p->verdict.map == PB_PCI_P2PDMA_MAP_NOT_SUPPORTED)))
		return;
	if (!reach_inbound(hb, p->paddr, p->len, &bus))
		printf("  no address: in no inbound window of %s\n", hb->name);
	else if (bus + (p->len - 1) > d->dma_mask)
		printf("  no address: 0x%" PRIx64 " is beyond the mask of %s\n",
		       bus + (p->len - 1), d->name);
	else
		printf("  no address\n");
}

static bool print_piece(const struct reach *r, const struct reach_piece *p)
{
	print_owner(r, p);
	print_route(p);
	if (p->addr != PB_DMA_MAPPING_ERROR)
		return print_hits(r, p);
	print_no_address(r, p);
	return false;
}

static int print_range(const struct reach *r)
{
	uint64_t at;
	bool right = true;
	struct reach_piece p;

	for (at = 0; at < opt.len; at += p.len) {
		reach_map(r, (pb_phys_addr_t)(opt.paddr + at), opt.len - at,
			  &p);
		right &= print_piece(r, &p);
		reach_unmap(r, &p);
	}
	return right ? 0 : 1;
}

/* --- command line --- */

static int run_machine(struct reach *r)
{
	struct physbio_error error = { 0 };
	int ret = 2;

	if (physbio_machine_create(r->t, r->ram, r->nr_ram, &r->m, &error))
		return complain("%s", error.message);
	if (reach_wire(r->t, r->m, physbio_machine_mem(r->m), &r->fabric))
		complain("no memory for a fabric");
	else
		ret = print_range(r);
	physbio_fabric_destroy(r->fabric);
	physbio_machine_destroy(r->m);
	return ret;
}

static int run(struct physbio_topology *t, const char *path, const char *name)
{
	struct reach r = { .t = t, .ram = opt.ram, .nr_ram = opt.nr_ram };
	struct physbio_mem_range *ram = NULL;
	int ret;

	r.device = physbio_topology_find(t, name);
	if (r.device < 0)
		return complain("%s: there is no device \"%s\"%s", path, name,
				reach_hint(t));
	if (physbio_topology_node(t, r.device)->kind != PHYSBIO_ENDPOINT)
		return complain("%s: \"%s\" is a bridge, no device", path,
				name);
	if (!opt.nr_ram) {
		ram = default_ram(t, &r.nr_ram);
		r.ram = ram;
	}
	ret = r.ram ? run_machine(&r) : complain("no memory");
	free(ram);
	return ret;
}

int map_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ram", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct physbio_topology *t;
	int c, ret;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'r')
			return usage(c == 'h' ? stdout : stderr);
		if (parse_ram(optarg))
			return 2;
	}
	argv += optind;
	if (argc - optind != 4) {
		complain("a TOPOLOGY, a DEVICE, PADDR and LEN are needed");
		return usage(stderr);
	}
	if (parse_range(argv[2], argv[3]))
		return 2;
	t = load_topology("physbio map", argv[0]);
	if (!t)
		return 2;
	ret = run(t, argv[0], argv[1]);
	physbio_topology_destroy(t);
	return ret;
}
