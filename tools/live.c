// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The machine that this runs on as a topology: config space by libpci, and what the
 * kernel shows of it in /sys and /proc. A BAR register holds the bus address and the
 * resource file the CPU address: their difference is the offset. Guesses nothing that
 * neither says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <physbio/topology.h>

#include "config.h"
#include "tools.h"

#ifdef HAVE_LIBPCI
#include <pci/pci.h>

#define RESOURCE_MEM 0x200u /* flags of a line of a resource file */
#define RESOURCE_UNSET 0x20000000u
#define MAX_BRIDGE_BARS 2

/* One BAR: what the register and the kernel say. */
struct sample {
	int node, host_bridge;
	uint64_t bus, cpu, size;
	bool covered; /* some window has it */
};

struct live {
	const char *who;
	const char *root; /* of /sys and /proc; "" */
	struct pci_access *pci;
	struct pci_dev **devs; /* in the order of their addresses */
	int *nodes; /* by index in devs */
	int nr;
	struct physbio_topology *t;
	struct sample *samples;
	int nr_samples;
	bool short_config; /* registers behind the first 64 bytes are hidden */
};

/* libpci asks for a function that does not come back. */
__attribute__((noreturn, format(printf, 1, 2))) static void die(char *format,
								...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "physbio: PCI can't be read: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

static int complain(const struct live *l, const char *what, const char *name)
{
	fprintf(stderr, "%s: %s%s\n", l->who, what, name);
	return -EINVAL;
}

/* --- files --- */

static void bdf_of(const struct pci_dev *d, char *text, size_t size)
{
	snprintf(text, size, "%04x:%02x:%02x.%x", (unsigned int)d->domain,
		 d->bus, d->dev, d->func);
}

static FILE *open_attribute(const struct live *l, const struct pci_dev *d,
			    const char *name)
{
	char path[512], bdf[32];

	bdf_of(d, bdf, sizeof(bdf));
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", l->root,
		 bdf, name);
	return fopen(path, "r");
}

/* A number of a file of its own, or @otherwise. */
static long attribute(const struct live *l, const struct pci_dev *d,
		      const char *name, long otherwise)
{
	FILE *f = open_attribute(l, d, name);
	long value = otherwise;

	if (f && fscanf(f, "%ld", &value) != 1)
		value = otherwise;
	if (f)
		fclose(f);
	return value;
}

/* Does an IOMMU translate for it? A group of the type identity is passed through. */
static bool is_translated(const struct live *l, const struct pci_dev *d)
{
	FILE *f = open_attribute(l, d, "iommu_group/type");
	char type[16] = "";
	bool yes = f && fgets(type, sizeof(type), f) &&
		   !strncmp(type, "DMA", 3);

	if (f)
		fclose(f);
	return yes;
}

static FILE *open_proc(const struct live *l, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/proc/%s", l->root, name);
	return fopen(path, "r");
}

/* AMD's processors forward between root ports since family 0x17. */
static bool cpu_forwards(const struct live *l)
{
	FILE *f = open_proc(l, "cpuinfo");
	bool amd = false, done = false;
	char line[512];
	int family = 0;

	while (f && !done && fgets(line, sizeof(line), f)) {
		amd |= !strncmp(line, "vendor_id", 9) &&
		       strstr(line, "AuthenticAMD");
		done = sscanf(line, "cpu family : %d", &family) == 1;
	}
	if (f)
		fclose(f);
	return amd && family >= 0x17;
}

/* --- functions --- */

static int compare_devs(const void *a, const void *b)
{
	const struct pci_dev *x = *(struct pci_dev *const *)a;
	const struct pci_dev *y = *(struct pci_dev *const *)b;

	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	if (x->bus != y->bus)
		return x->bus < y->bus ? -1 : 1;
	return (x->dev * 8 + x->func) - (y->dev * 8 + y->func);
}

static int list_devices(struct live *l)
{
	struct pci_dev *d;
	int i = 0;

	for (d = l->pci->devices; d; d = d->next)
		l->nr++;
	l->devs = calloc((size_t)l->nr + 1, sizeof(struct pci_dev *));
	l->nodes = calloc((size_t)l->nr + 1, sizeof(*l->nodes));
	l->samples = calloc((size_t)l->nr * PHYSBIO_MAX_BARS + 1,
			    sizeof(*l->samples));
	if (!l->devs || !l->nodes || !l->samples)
		return complain(l, "no memory", "");
	for (d = l->pci->devices; d; d = d->next)
		l->devs[i++] = d;
	qsort(l->devs, (size_t)l->nr, sizeof(struct pci_dev *), compare_devs);
	return l->nr ? 0 : complain(l, "there is no PCI device", "");
}

static bool is_bridge(struct pci_dev *d)
{
	return (pci_read_byte(d, PCI_HEADER_TYPE) & 0x7f) ==
	       PCI_HEADER_TYPE_BRIDGE;
}

/* The bridge whose secondary bus a function is on, -1: it is on a root bus. */
static int bridge_above(const struct live *l, int at)
{
	const struct pci_dev *d = l->devs[at];
	int i;

	for (i = 0; i < at; i++)
		if (l->devs[i]->domain == d->domain &&
		    l->devs[i]->bus < d->bus && is_bridge(l->devs[i]) &&
		    pci_read_byte(l->devs[i], PCI_SECONDARY_BUS) == d->bus)
			return l->nodes[i];
	return -1;
}

/* The host bridge of a root bus, made when it is first met. */
static int host_bridge_of(struct live *l, const struct pci_dev *d)
{
	char name[32];
	int node;

	snprintf(name, sizeof(name), "pci%04x:%02x", (unsigned int)d->domain,
		 d->bus);
	node = physbio_topology_find(l->t, name);
	return node >= 0 ? node :
			   physbio_topology_add(l->t, PHYSBIO_HOST_BRIDGE, name,
						NULL, NULL);
}

static enum physbio_port port_of(struct pci_dev *d)
{
	static const enum physbio_port ports[16] = {
		[PCI_EXP_TYPE_ROOT_PORT] = PHYSBIO_ROOT_PORT,
		[PCI_EXP_TYPE_UPSTREAM] = PHYSBIO_UPSTREAM_PORT,
		[PCI_EXP_TYPE_DOWNSTREAM] = PHYSBIO_DOWNSTREAM_PORT,
		[PCI_EXP_TYPE_PCI_BRIDGE] = PHYSBIO_PCI_BRIDGE,
		[PCI_EXP_TYPE_PCIE_BRIDGE] = PHYSBIO_PCI_BRIDGE,
	};
	struct pci_cap *cap = pci_find_cap(d, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);

	return cap ? ports[pci_read_word(d, cap->addr + PCI_EXP_FLAGS) >> 4 &
			   15] :
		     PHYSBIO_PCI_BRIDGE;
}

static void read_acs(struct pci_dev *d, struct physbio_node *n)
{
	struct pci_cap *cap =
		pci_find_cap(d, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED);

	if (!cap)
		return;
	n->acs_cap = pci_read_word(d, cap->addr + PCI_ACS_CAP);
	n->acs_ctrl = pci_read_word(d, cap->addr + PCI_ACS_CTRL);
}

static void add_forward(struct live *l, int node, uint64_t first, uint64_t last)
{
	const struct physbio_forward w = { first, last - first + 1 };

	if (first <= last)
		physbio_topology_add_forward(l->t, node, &w, NULL);
}

/* The two memory windows of a bridge; one whose limit is below its base is closed. */
static void read_forwards(struct live *l, struct pci_dev *d, int node)
{
	uint32_t mem = pci_read_long(d, PCI_MEMORY_BASE);
	uint32_t pref = pci_read_long(d, PCI_PREF_MEMORY_BASE);
	uint64_t first = (uint64_t)(pref & 0xfff0) << 16;
	uint64_t last = (pref & 0xfff00000) | 0xfffff;

	add_forward(l, node, (uint64_t)(mem & 0xfff0) << 16,
		    (mem & 0xfff00000) | 0xfffff);
	if ((pref & PCI_PREF_RANGE_TYPE_MASK) == PCI_PREF_RANGE_TYPE_64) {
		first |= (uint64_t)pci_read_long(d, PCI_PREF_BASE_UPPER32)
			 << 32;
		last |= (uint64_t)pci_read_long(d, PCI_PREF_LIMIT_UPPER32)
			<< 32;
	}
	if (pref)
		add_forward(l, node, first, last);
}

static void describe(struct live *l, struct pci_dev *d, int node)
{
	struct physbio_node *n = physbio_topology_node(l->t, node);
	long bits = attribute(l, d, "dma_mask_bits", 64);

	n->vendor = pci_read_word(d, PCI_VENDOR_ID);
	n->device = pci_read_word(d, PCI_DEVICE_ID);
	n->numa_node = (int)attribute(l, d, "numa_node", -1);
	if (bits > 0 && bits < 64)
		n->dma_mask = (UINT64_C(1) << bits) - 1;
	physbio_topology_set_function(l->t, node, d->dev * 8 + d->func, NULL);
	l->short_config |= !pci_read_block(d, 64, (uint8_t[4]){ 0 }, 4);
	pci_fill_info(d, PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
	read_acs(d, n);
	if (n->kind == PHYSBIO_BRIDGE) {
		n->numa_node = -1;
		n->dma_mask = UINT64_MAX;
		/* What stands where no port of its kind can is a bridge still. */
		physbio_topology_set_port(l->t, node, port_of(d), NULL);
		read_forwards(l, d, node);
	}
	if (is_translated(l, d))
		physbio_topology_set_iommu(
			l->t, physbio_topology_host_bridge(l->t, node), 4096,
			NULL);
}

static int add_function(struct live *l, int at)
{
	struct pci_dev *d = l->devs[at];
	int above = bridge_above(l, at);
	struct physbio_error error;
	char bdf[32];
	int node;

	if (above < 0)
		above = host_bridge_of(l, d);
	if (above < 0)
		return complain(l, "no memory", "");
	bdf_of(d, bdf, sizeof(bdf));
	node = physbio_topology_add(
		l->t, is_bridge(d) ? PHYSBIO_BRIDGE : PHYSBIO_ENDPOINT, bdf,
		physbio_topology_node(l->t, above)->name, &error);
	if (node < 0)
		return complain(l, error.message, "");
	l->nodes[at] = node;
	describe(l, d, node);
	return 0;
}

/* --- BARs and windows --- */

/* The bus address that a BAR register holds; false: it is of ports, or there is none. */
static bool read_bar(struct pci_dev *d, int bar, int nr, uint64_t *bus,
		     bool *wide)
{
	int at = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t low = pci_read_long(d, at);

	*wide = false;
	if (low & PCI_BASE_ADDRESS_SPACE_IO)
		return false;
	*bus = low & ~UINT32_C(15);
	*wide = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
			PCI_BASE_ADDRESS_MEM_TYPE_64 &&
		bar + 1 < nr;
	if (*wide)
		*bus |= (uint64_t)pci_read_long(d, at + 4) << 32;
	return true;
}

static void add_samples(struct live *l, int at)
{
	struct pci_dev *d = l->devs[at];
	int nr = is_bridge(d) ? MAX_BRIDGE_BARS : PHYSBIO_MAX_BARS, i;
	FILE *f = open_attribute(l, d, "resource");
	uint64_t start, end, flags, bus;
	bool skip = false;

	for (i = 0; f && i < nr; i++) {
		bool wide;

		if (fscanf(f, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end,
			   &flags) != 3)
			break;
		if (skip || !read_bar(d, i, nr, &bus, &wide)) {
			skip = false;
			continue;
		}
		skip = wide;
		if (!(flags & RESOURCE_MEM) || flags & RESOURCE_UNSET ||
		    end <= start)
			continue;
		l->samples[l->nr_samples++] = (struct sample){
			l->nodes[at],
			physbio_topology_host_bridge(l->t, l->nodes[at]),
			bus,
			start,
			end - start + 1,
			false,
		};
	}
	if (f)
		fclose(f);
}

static bool is_in(const struct sample *s, int hb, uint64_t first, uint64_t last)
{
	return s->host_bridge == hb && s->cpu >= first &&
	       s->cpu + (s->size - 1) <= last;
}

/* A window of /proc/iomem: at the offset of the BARs in it, if they have one. */
static void add_window(struct live *l, int hb, uint64_t first, uint64_t last)
{
	struct physbio_bridge_window w = { first, first, last - first + 1 };
	const struct sample *one = NULL;
	int i;

	for (i = 0; i < l->nr_samples; i++) {
		if (!is_in(&l->samples[i], hb, first, last))
			continue;
		one = one ? one : &l->samples[i];
		if (l->samples[i].cpu - l->samples[i].bus !=
		    one->cpu - one->bus)
			return;
	}
	/* Where no BAR is, nothing says which bus addresses these are. */
	if (!one)
		return;
	w.bus = first - (one->cpu - one->bus);
	if (physbio_topology_add_outbound(l->t, hb, &w, NULL))
		return;
	for (i = 0; i < l->nr_samples; i++)
		if (is_in(&l->samples[i], hb, first, last))
			l->samples[i].covered = true;
}

/* Only for root: without, all addresses are 0. */
static void add_windows(struct live *l)
{
	FILE *f = open_proc(l, "iomem");
	uint64_t first, last;
	char line[512], name[32];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned int domain, bus;
		int node;

		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : PCI Bus %x:%x",
			   &first, &last, &domain, &bus) != 4 ||
		    first >= last)
			continue;
		snprintf(name, sizeof(name), "pci%04x:%02x", domain, bus);
		node = physbio_topology_find(l->t, name);
		if (node >= 0)
			add_window(l, node, first, last);
	}
	if (f)
		fclose(f);
}

/* BARs that no window is known for have one of their own. */
static int add_bars(struct live *l)
{
	struct physbio_error error;
	int i;

	for (i = 0; i < l->nr_samples; i++) {
		const struct sample *s = &l->samples[i];
		const struct physbio_bridge_window w = { s->cpu, s->bus,
							 s->size };
		const struct physbio_bar bar = { s->bus, s->size, false };

		if ((!s->covered &&
		     physbio_topology_add_outbound(l->t, s->host_bridge, &w,
						   &error)) ||
		    physbio_topology_add_bar(l->t, s->node, &bar, &error) < 0)
			return complain(l, error.message, "");
	}
	return 0;
}

/* Bus numbers of a host bridge: to the one before the next of its domain. */
static void set_buses(struct live *l)
{
	unsigned int domain, first, other, next, last;
	int i, j;

	for (i = physbio_topology_child(l->t, -1); i >= 0;
	     i = physbio_topology_next(l->t, i)) {
		sscanf(physbio_topology_node(l->t, i)->name, "pci%x:%x",
		       &domain, &first);
		last = 0xff;
		for (j = physbio_topology_child(l->t, -1); j >= 0;
		     j = physbio_topology_next(l->t, j)) {
			sscanf(physbio_topology_node(l->t, j)->name, "pci%x:%x",
			       &other, &next);
			if (other == domain && next > first && next - 1 < last)
				last = next - 1;
		}
		physbio_topology_set_buses(l->t, i, (int)domain, first, last,
					   NULL);
	}
}

static int build(struct live *l)
{
	int i, err = list_devices(l);

	physbio_topology_set_cpu_forwards(l->t, cpu_forwards(l));
	for (i = 0; i < l->nr && !err; i++)
		err = add_function(l, i);
	if (err)
		return err;
	for (i = 0; i < l->nr; i++)
		add_samples(l, i);
	add_windows(l);
	set_buses(l);
	return add_bars(l);
}

/* Of this machine by /sys; of another one by what lspci -D -xxxx wrote. */
static void open_pci(struct live *l)
{
	char path[512];

	l->pci = pci_alloc();
	l->pci->error = die;
	snprintf(path, sizeof(path), "%s/lspci", l->root);
	if (*l->root) {
		l->pci->method = PCI_ACCESS_DUMP;
		pci_set_param(l->pci, "dump.name", path);
	} else {
		l->pci->method = PCI_ACCESS_SYS_BUS_PCI;
	}
	pci_init(l->pci);
	pci_scan_bus(l->pci);
}

struct physbio_topology *live_topology(const char *who, const char *root)
{
	struct live l = { .who = who, .root = root ? root : "" };
	int err;

	if (!root && access("/sys/bus/pci/devices", R_OK)) {
		fprintf(stderr, "%s: this machine shows no PCI in /sys\n", who);
		return NULL;
	}
	open_pci(&l);
	l.t = physbio_topology_create();
	err = l.t ? build(&l) : complain(&l, "no memory", "");
	pci_cleanup(l.pci);
	free(l.samples);
	free(l.nodes);
	free(l.devs);
	if (!err && l.short_config)
		fprintf(stderr,
			"%s: registers beyond the first 64 bytes can't be read, as only root may: kinds of ports and ACS bits are unknown, and verdicts may be too good\n",
			who);
	if (!err)
		return l.t;
	physbio_topology_destroy(l.t);
	return NULL;
}
#else
struct physbio_topology *live_topology(const char *who, const char *root)
{
	fprintf(stderr, "%s: built without libpci\n", who);
	return NULL;
}
#endif
