// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * p2p_check FILE...
 *
 * Peer-to-peer verdicts recorded from real kernels, derived again: the topology lines of
 * a file become a topology, and what the library says of every pair, sum, nearest
 * provider and mixed list is compared. An address behind a translating IOMMU may be
 * any; whatever else a verdict has is compared there too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/machine.h>
#include <physbio/p2p.h>

#include "../../tools/lines.h"

#define MAX_LINE 65536
#define MAX_FIELDS 64
#define SHOWN 5
#define PAGE UINT64_C(4096)

/* What is not derived, by kind. */
enum skip {
	SKIP_COPY, /* a real transfer: the fabric's business */
	SKIP_IOVA, /* the address of a pair behind a translating IOMMU */
	NR_SKIPS
};

static const char *const skip_names[NR_SKIPS] = { "copy", "iova" };

/* A DMA client or host bridge: what the lines say of it beyond the topology. */
struct client {
	bool known; /* there was a line for it */
	bool translated; /* an IOMMU gives it other addresses */
	struct physbio_xlate xlate;
	struct physbio_window *windows;
	void *index;
	struct pb_device dev;
	/* host bridge: as the kernel had them, which checks nothing */
	struct physbio_bridge_window *inbound;
	unsigned int nr_inbound;
};

struct machine {
	struct physbio_topology *t;
	struct client *clients; /* by node */
	int nr_clients;
	/* by node and number of the BAR register: index at the node, -1: none */
	int (*bars)[PHYSBIO_MAX_BARS];
	uint64_t dma_mask;
	bool published_any;
};

struct check {
	const char *path;
	struct lines *lines;
	struct physbio_error *error;
	struct machine m;
	uint64_t checks, mismatches, skipped[NR_SKIPS];
	char *line; /* as it was */
	char *fields[MAX_FIELDS];
	int nr_fields;
	bool ended;
};

/* --- fields --- */

__attribute__((format(printf, 2, 3))) static int bad(struct check *c,
						     const char *format, ...)
{
	char what[160];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return lines_fail(c->lines, c->error, -EINVAL, "%s: \"%.80s\"", what,
			  c->line);
}

static int split_fields(struct check *c, char *text)
{
	char *save, *word;

	c->nr_fields = 0;
	for (word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		if (c->nr_fields == MAX_FIELDS)
			return bad(c, "more than %d fields", MAX_FIELDS);
		c->fields[c->nr_fields++] = word;
	}
	return 0;
}

/* The value of key=value, or NULL. */
static const char *value(const struct check *c, const char *key)
{
	size_t n = strlen(key);
	int i;

	for (i = 1; i < c->nr_fields; i++)
		if (!strncmp(c->fields[i], key, n) && c->fields[i][n] == '=')
			return c->fields[i] + n + 1;
	return NULL;
}

static bool number(const char *text, int base, const char *end, uint64_t *n)
{
	char *stop;

	if (!text || !*text || strspn(text, "0123456789abcdefABCDEF") == 0)
		return false;
	errno = 0;
	*n = strtoull(text, &stop, base);
	return !errno && stop != text && strchr(end, *stop);
}

static int get(struct check *c, const char *key, int base, uint64_t *n)
{
	const char *text = value(c, key);

	return number(text, base, "", n) ? 0 : bad(c, "%s= is no number", key);
}

/* A-B, as the first address and the size. */
static int get_range(struct check *c, const char *key, uint64_t *start,
		     uint64_t *size)
{
	const char *text = value(c, key);
	uint64_t last;

	if (!number(text, 16, "-", start) || !strchr(text, '-') ||
	    !number(strchr(text, '-') + 1, 16, "", &last) || last < *start)
		return bad(c, "%s= is no range", key);
	/* A size is of 64 bits: of all addresses the last one is left out. */
	*size = last - *start + (last - *start < UINT64_MAX);
	return 0;
}

/* How a value is written. */
enum format {
	ABSENT = 0,
	WORD,
	HEX,
	DECIMAL,
	SIGNED, /* decimal */
	RANGE,
};

static int get_signed(struct check *c, const char *key)
{
	const char *text = value(c, key);
	uint64_t n;

	if (text && *text == '-')
		text++;
	return number(text, 10, "", &n) ? 0 : bad(c, "%s= is no number", key);
}

/* Is there a value, written as it should be? Also of what is not used. */
static int check_value(struct check *c, const char *key, enum format format)
{
	uint64_t n, size;

	switch (format) {
	case HEX:
		return get(c, key, 16, &n);
	case DECIMAL:
		return get(c, key, 10, &n);
	case SIGNED:
		return get_signed(c, key);
	case RANGE:
		return get_range(c, key, &n, &size);
	default:
		return value(c, key) && *value(c, key) ?
			       0 :
			       bad(c, "%s= is missing", key);
	}
}

static int node_of(struct check *c, const char *name)
{
	int node = physbio_topology_find(c->m.t, name);

	return node >= 0 ? node : bad(c, "no device \"%.32s\"", name);
}

/* --- topology --- */

static int grow(struct machine *m)
{
	int nr = physbio_topology_nr(m->t), i;
	struct client *clients =
		realloc(m->clients, (size_t)nr * sizeof(*clients));

	if (!clients)
		return -ENOMEM;
	m->clients = clients;
	m->bars = realloc(m->bars, (size_t)nr * sizeof(*m->bars));
	if (!m->bars)
		return -ENOMEM;
	for (; m->nr_clients < nr; m->nr_clients++) {
		memset(&clients[m->nr_clients], 0, sizeof(*clients));
		for (i = 0; i < PHYSBIO_MAX_BARS; i++)
			m->bars[m->nr_clients][i] = -1;
	}
	return 0;
}

static int add_node(struct check *c, enum physbio_node_kind kind,
		    const char *name, const char *parent)
{
	int node = physbio_topology_add(c->m.t, kind, name, parent, c->error);
	char why[sizeof(c->error->message)];

	if (node < 0) {
		snprintf(why, sizeof(why), "%s", c->error->message);
		return bad(c, "%.100s", why);
	}
	return grow(&c->m) ? -ENOMEM : node;
}

static int line_env(struct check *c)
{
	const char *cpu = value(c, "cpu"), *slash = strchr(cpu, '/');
	uint64_t bits, family = 0;

	if (get(c, "mask", 10, &bits))
		return -EINVAL;
	if (!bits || bits > 64)
		return bad(c, "no machine");
	c->m.dma_mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	if (strcmp(cpu, "-") && (!slash || !number(slash + 1, 16, "", &family)))
		return bad(c, "cpu= is no vendor/family");
	physbio_topology_set_cpu_forwards(c->m.t, !strncmp(cpu, "amd/", 4) &&
							  family >= 0x17);
	return 0;
}

static int line_hb(struct check *c)
{
	int node;

	if (strchr(c->fields[1], '='))
		return bad(c, "no name");
	node = add_node(c, PHYSBIO_HOST_BRIDGE, c->fields[1], NULL);
	return node < 0 ? node : 0;
}

static int get_window(struct check *c, struct physbio_bridge_window *w)
{
	uint64_t cpu, bus_size;

	if (get_range(c, "cpu", &cpu, &w->size) ||
	    get_range(c, "bus", &w->bus, &bus_size))
		return -EINVAL;
	w->cpu = cpu;
	return bus_size == w->size ?
		       0 :
		       bad(c, "cpu= and bus= are not of one size");
}

/* mem or io, and what there is to say of it */
static bool is_space(const char *type)
{
	size_t n = strcspn(type, ",");

	return (n == 3 && !strncmp(type, "mem", n)) ||
	       (n == 2 && !strncmp(type, "io", n));
}

static int line_win(struct check *c)
{
	struct physbio_bridge_window w;
	struct physbio_error why;
	int node;

	if (!is_space(c->fields[2]))
		return bad(c, "no such type");
	/* Ports: on some machines not even addresses. */
	if (!strncmp(c->fields[2], "io", 2))
		return node_of(c, c->fields[1]) < 0 ? -EINVAL : 0;
	node = node_of(c, c->fields[1]);
	if (node < 0 || get_window(c, &w))
		return -EINVAL;
	return physbio_topology_add_outbound(c->m.t, node, &w, &why) ?
		       bad(c, "%.100s", why.message) :
		       0;
}

/* For the clients' translators alone: no verdict looks at it. */
static int line_dmarange(struct check *c)
{
	struct physbio_bridge_window *more;
	struct client *hb;
	int node = node_of(c, c->fields[1]);

	if (node < 0)
		return node;
	if (physbio_topology_parent(c->m.t, node) >= 0)
		return bad(c, "no host bridge");
	hb = &c->m.clients[node];
	more = realloc(hb->inbound, (hb->nr_inbound + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	hb->inbound = more;
	return get_window(c, &more[hb->nr_inbound++]);
}

static bool is_bridge(const char *type)
{
	return !strcmp(type, "rp") || !strcmp(type, "up") ||
	       !strcmp(type, "dn") || !strcmp(type, "pcie2pci") ||
	       !strcmp(type, "pci2pcie");
}

static bool is_type(const char *type)
{
	static const char *const known[] = { "ep", "legep", "rciep", "rcec",
					     "conv" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(type, known[i]))
			return true;
	return is_bridge(type);
}

/* capability/control, or none */
static int get_acs(struct check *c, uint16_t *ctrl)
{
	const char *acs = value(c, "acs");
	uint64_t cap, n = 0;

	if (strcmp(acs, "none") &&
	    (!number(acs, 16, "/", &cap) || !strchr(acs, '/') ||
	     !number(strchr(acs, '/') + 1, 16, "", &n) || n > UINT16_MAX))
		return bad(c, "acs= is no capability/control");
	*ctrl = (uint16_t)n;
	return 0;
}

/* Device and function of DOMAIN:BUS:DEVICE.FUNCTION, -1: it is none. */
static int devfn_of(const char *bdf)
{
	const char *at = strrchr(bdf, ':');
	uint64_t device, function;

	if (!at || !number(at + 1, 16, ".", &device) || !strchr(at, '.') ||
	    !number(strchr(at, '.') + 1, 16, "", &function) || device > 31 ||
	    function > 7)
		return -1;
	return (int)(device * 8 + function);
}

/* Who a function is: on a root bus, Linux asks the first one. */
static int note_function(struct check *c, int node, const char *type)
{
	struct physbio_node *n = physbio_topology_node(c->m.t, node);
	uint64_t vendor, device;
	const char *id = value(c, "id");

	if (!number(id, 16, ":", &vendor) || !strchr(id, ':') ||
	    !number(strchr(id, ':') + 1, 16, "", &device) ||
	    vendor > UINT16_MAX || device > UINT16_MAX)
		return bad(c, "id= is no vendor:device");
	n->vendor = (uint16_t)vendor;
	n->device = (uint16_t)device;
	if (!strcmp(type, "rp"))
		n->port = PHYSBIO_ROOT_PORT;
	return 0;
}

/*
 * Where it is. What is behind a bridge may be on several buses of it as far as these
 * lines say, and two of them at one number; only a root bus is asked.
 */
static int note_place(struct check *c, int node, int above)
{
	struct physbio_error why;

	if (physbio_topology_parent(c->m.t, above) >= 0)
		return 0;
	return physbio_topology_set_function(c->m.t, node,
					     devfn_of(c->fields[1]), &why) ?
		       bad(c, "%.100s", why.message) :
		       0;
}

static int line_dev(struct check *c)
{
	const char *up = value(c, "up"), *hb = value(c, "hb");
	const char *type = value(c, "type");
	uint16_t acs = 0;
	int node;

	if (!is_type(type) || devfn_of(c->fields[1]) < 0)
		return bad(c, "no such type, or no function");
	if (get_acs(c, &acs) || (value(c, "sec") && check_value(c, "sec", HEX)))
		return -EINVAL;
	/* What has devices behind it is a bridge, whatever it calls itself. */
	node = add_node(c,
			is_bridge(type) || value(c, "sec") ? PHYSBIO_BRIDGE :
							     PHYSBIO_ENDPOINT,
			c->fields[1], strcmp(up, "-") ? up : hb);
	if (node < 0)
		return node;
	physbio_topology_node(c->m.t, node)->acs_ctrl = acs;
	return note_function(c, node, type) ||
			       note_place(c, node,
					  physbio_topology_parent(c->m.t,
								  node)) ?
		       -EINVAL :
		       0;
}

static int line_bar(struct check *c)
{
	struct physbio_bar bar = { 0 };
	struct physbio_error why;
	uint64_t cpu, reg;
	int node, index;

	if (!number(c->fields[2], 10, "", &reg) || !is_space(c->fields[3]))
		return bad(c, "no number of a BAR, or no such type");
	/* Ports, and a ROM, are nobody's to reach. */
	if (!strncmp(c->fields[3], "io", 2) || reg >= PHYSBIO_MAX_BARS)
		return node_of(c, c->fields[1]) < 0 ? -EINVAL : 0;
	node = node_of(c, c->fields[1]);
	if (node < 0 || get_range(c, "cpu", &cpu, &bar.size) ||
	    get(c, "bus", 16, &bar.bus))
		return -EINVAL;
	index = physbio_topology_add_bar(c->m.t, node, &bar, &why);
	if (index < 0)
		return bad(c, "%.100s", why.message);
	if (physbio_topology_bar_phys(c->m.t, node, index) != cpu)
		return bad(c, "no window takes cpu= to bus=");
	c->m.bars[node][reg] = index;
	return 0;
}

/* BDF/N or two fields: the provider's node, and the index of the BAR. */
static int get_bar(struct check *c, const char *name, const char *reg, int *bar)
{
	uint64_t n;
	int node = node_of(c, name);

	if (node < 0)
		return node;
	if (!number(reg, 10, "", &n) || n >= PHYSBIO_MAX_BARS ||
	    c->m.bars[node][n] < 0)
		return bad(c, "no BAR %.8s of \"%.32s\"", reg, name);
	*bar = c->m.bars[node][n];
	return node;
}

static int line_bwin(struct check *c)
{
	if (!is_space(c->fields[2]))
		return bad(c, "no such type");
	return node_of(c, c->fields[1]) < 0 ? -EINVAL : 0;
}

static int line_prov(struct check *c)
{
	uint64_t published;
	int node, bar;

	node = get_bar(c, c->fields[1], c->fields[2], &bar);
	if (node < 0 || get(c, "published", 10, &published))
		return -EINVAL;
	physbio_topology_node(c->m.t, node)->bars[bar].published = published;
	return 0;
}

/* --- clients --- */

/* Everything that a constant takes to bus addresses from 0 on, up or down. */
static struct physbio_bridge_window shifted(uint64_t shift)
{
	bool down = shift >> 63;

	return (struct physbio_bridge_window){
		.cpu = down ? -shift : 0,
		.bus = down ? 0 : shift,
		.size = UINT64_C(1) << 62,
	};
}

/* Without inbound windows everything is at one constant from where the CPU has it. */
static int set_windows(struct client *cl, const struct client *hb,
		       uint64_t shift)
{
	const struct physbio_bridge_window all = shifted(shift);
	int nr = physbio_inbound_table(hb->nr_inbound ? hb->inbound : &all,
				       hb->nr_inbound ? hb->nr_inbound : 1,
				       &cl->windows);

	if (nr < 0)
		return nr;
	cl->index = calloc(1, PHYSBIO_WINDOW_INDEX_BYTES(nr));
	if (!cl->index)
		return -ENOMEM;
	return physbio_xlate_init_windows(&cl->xlate, cl->windows, (uint32_t)nr,
					  cl->index);
}

static int set_client(struct check *c, int node, uint64_t shift)
{
	struct client *cl = &c->m.clients[node];
	int hb = physbio_topology_host_bridge(c->m.t, node);

	if (cl->known)
		return bad(c, "a second line for this device");
	cl->known = true;
	cl->dev.xlate = &cl->xlate;
	cl->dev.dma_mask = c->m.dma_mask;
	if (set_windows(cl, &c->m.clients[hb], shift))
		return bad(c, "windows that no device can have");
	return 0;
}

static int line_ram(struct check *c)
{
	uint64_t phys, dma, iommu;
	int node;

	node = node_of(c, c->fields[1]);
	if (node < 0 || get(c, "phys", 16, &phys) || get(c, "dma", 16, &dma) ||
	    get(c, "iommu", 10, &iommu))
		return -EINVAL;
	c->m.clients[node].translated = iommu && dma != phys;
	/* An IOVA is at no constant from its page. */
	return set_client(c, node,
			  c->m.clients[node].translated ? 0 : dma - phys);
}

/* A client that has no line of its own has memory where the CPU has it. */
static struct client *client_of(struct check *c, int node)
{
	struct client *cl = &c->m.clients[node];

	if (!cl->known && set_client(c, node, 0))
		return NULL;
	return cl;
}

/* --- verdicts --- */

/* One page mapped for a client. */
struct mapped {
	const char *map; /* as recorded: bus, host, unsupported, error */
	int err;
	uint64_t dma;
	bool any_address;
};

static struct mapped map_host(const struct client *cl, uint64_t phys,
			      unsigned long attrs)
{
	struct mapped m = { .map = "host", .any_address = cl->translated };
	pb_dma_addr_t addr;

	if (cl->translated)
		return m;
	addr = pb_dma_map_phys(&cl->dev, phys, PAGE, PB_DMA_BIDIRECTIONAL,
			       attrs);
	m.dma = physbio_dma_value(addr);
	if (pb_dma_mapping_error(&cl->dev, addr)) {
		m.map = "error";
		m.err = -EIO;
	}
	return m;
}

static struct mapped map_peer(struct check *c, int provider, int bar,
			      int client, uint64_t phys)
{
	struct physbio_p2p_verdict v =
		physbio_p2p_verdict(c->m.t, provider, client);
	struct mapped m = { .map = "unsupported", .err = -EREMOTEIO };

	if (v.map == PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return map_host(client_of(c, client), phys, PB_DMA_ATTR_MMIO);
	if (v.map != PB_PCI_P2PDMA_MAP_BUS_ADDR)
		return m;
	m.map = "bus";
	m.err = 0;
	m.dma = phys - physbio_topology_bar_phys(c->m.t, provider, bar) +
		physbio_topology_node(c->m.t, provider)->bars[bar].bus;
	return m;
}

__attribute__((format(printf, 2, 3))) static void
differs(struct check *c, const char *format, ...)
{
	va_list args;

	if (c->mismatches++ >= SHOWN)
		return;
	printf("%s:%u: %.300s\n  derived: ", c->path, lines_number(c->lines),
	       c->line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static bool distance_is(const struct check *c, int distance)
{
	const char *text = value(c, "dist");
	char want[16];

	snprintf(want, sizeof(want), "%d", distance);
	return text && !strcmp(text, want);
}

static bool is(const struct check *c, const char *key, const char *want)
{
	const char *text = value(c, key);

	return text && !strcmp(text, want);
}

static bool address_is(const struct check *c, const char *key, uint64_t want)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIx64, want);
	return is(c, key, text);
}

static bool pair_is(struct check *c, const struct physbio_p2p_verdict *v,
		    const struct mapped *m)
{
	char err[16];

	if (!distance_is(c, v->distance) || !is(c, "map", m->map))
		return false;
	if (m->err) {
		snprintf(err, sizeof(err), "%d", m->err);
		return is(c, "err", err);
	}
	if (!is(c, "len", "1000") || !is(c, "nents", "1"))
		return false;
	if (m->any_address) {
		c->skipped[SKIP_IOVA]++;
		return true;
	}
	return address_is(c, "dma", m->dma);
}

/* Splits "BDF/N". */
static int get_provider(struct check *c, char *field, int *bar)
{
	char *slash = strchr(field, '/');

	if (!slash)
		return bad(c, "\"%.40s\" is no BDF/N", field);
	*slash = '\0';
	return get_bar(c, field, slash + 1, bar);
}

/* Does the line say what a verdict of its kind has? */
static int check_outcome(struct check *c)
{
	if (is(c, "map", "unsupported") || is(c, "map", "error"))
		return check_value(c, "err", SIGNED);
	if (!is(c, "map", "bus") && !is(c, "map", "host"))
		return bad(c, "map= is no outcome");
	if (check_value(c, "dma", HEX) || check_value(c, "len", HEX) ||
	    check_value(c, "nents", DECIMAL))
		return -EINVAL;
	return 0;
}

static int line_pair(struct check *c)
{
	struct physbio_p2p_verdict v;
	struct mapped m;
	uint64_t phys;
	int provider, client, bar;

	if (check_outcome(c))
		return -EINVAL;
	provider = get_provider(c, c->fields[1], &bar);
	if (provider < 0)
		return provider;
	client = node_of(c, c->fields[2]);
	if (client < 0 || get(c, "phys", 16, &phys))
		return -EINVAL;
	if (!client_of(c, client))
		return -EINVAL;
	c->checks++;
	v = physbio_p2p_verdict(c->m.t, provider, client);
	m = map_peer(c, provider, bar, client, phys);
	if (!pair_is(c, &v, &m))
		differs(c, "dist=%d map=%s err=%d dma=%" PRIx64 " (%s)",
			v.distance, m.map, m.err, m.dma,
			physbio_p2p_reason_text(v.reason));
	return 0;
}

/* The sum over clients, or -1 if one of them can't. */
static int distance_many(struct check *c, int provider, const int *clients,
			 int nr)
{
	int sum = 0, i;

	for (i = 0; i < nr; i++) {
		struct physbio_p2p_verdict v =
			physbio_p2p_verdict(c->m.t, provider, clients[i]);

		if (v.distance < 0)
			return -1;
		sum += v.distance;
	}
	return sum;
}

/* A provider, and clients up to the first key=value. */
static int line_many(struct check *c)
{
	int provider, clients[MAX_FIELDS], nr = 0, i, distance;

	provider = node_of(c, c->fields[1]);
	if (provider < 0)
		return provider;
	for (i = 2; i < c->nr_fields && !strchr(c->fields[i], '='); i++) {
		clients[nr] = node_of(c, c->fields[i]);
		if (clients[nr++] < 0)
			return -EINVAL;
	}
	if (!nr)
		return bad(c, "no client");
	c->checks++;
	distance = distance_many(c, provider, clients, nr);
	if (!distance_is(c, distance))
		differs(c, "dist=%d", distance);
	return 0;
}

static bool publishes(struct check *c, int node)
{
	const struct physbio_node *n = physbio_topology_node(c->m.t, node);
	unsigned int i;

	for (i = 0; i < n->nr_bars; i++)
		if (n->bars[i].published)
			return true;
	return false;
}

/* How far the nearest provider is, -1: there is none. */
static int nearest(struct check *c, int client)
{
	int i, distance, least = -1;

	for (i = 0; i < physbio_topology_nr(c->m.t); i++) {
		if (!publishes(c, i))
			continue;
		distance = distance_many(c, i, &client, 1);
		if (distance >= 0 && (least < 0 || distance < least))
			least = distance;
	}
	return least;
}

static int line_find(struct check *c)
{
	int client, found, least;

	if (c->nr_fields != 4 || strcmp(c->fields[2], "->"))
		return bad(c, "no client -> provider");
	client = node_of(c, c->fields[1]);
	if (client < 0)
		return client;
	c->checks++;
	least = nearest(c, client);
	if (!strcmp(c->fields[3], "-")) {
		if (least >= 0)
			differs(c, "a provider at distance %d", least);
		return 0;
	}
	found = node_of(c, c->fields[3]);
	if (found < 0)
		return found;
	if (!publishes(c, found) ||
	    distance_many(c, found, &client, 1) != least || least < 0)
		differs(c, "the nearest is at distance %d", least);
	return 0;
}

/* --- mixed lists --- */

/* Three entries of a list and what they are mapped to. */
struct mixed {
	uint64_t phys[3];
	struct mapped m[3];
	int err;
};

static bool is_segment(const char *field)
{
	const char *at = strchr(field, ':'), *plus = strchr(field, '+');
	uint64_t n;

	return at && plus &&
	       (!strncmp(field, "bus:", 4) || !strncmp(field, "host:", 5)) &&
	       number(at + 1, 16, "+", &n) && number(plus + 1, 16, "", &n);
}

/* A list that could be mapped ends with as many segments as it says. */
static int check_segments(struct check *c)
{
	uint64_t nents, n = 0;

	if (!is(c, "err", "0"))
		return 0;
	if (get(c, "nents", 10, &nents))
		return -EINVAL;
	while (n < (uint64_t)c->nr_fields &&
	       is_segment(c->fields[c->nr_fields - 1 - (int)n]))
		n++;
	return n == nents ? 0 : bad(c, "nents= is not the segments");
}

static int get_mixed(struct check *c, struct mixed *x, int *client)
{
	int providers[2], bars[2], i;
	const char *phys = value(c, "phys");

	if (strcmp(c->fields[2], "ram"))
		return bad(c, "no two providers and RAM");
	providers[0] = get_provider(c, c->fields[1], &bars[0]);
	if (providers[0] < 0)
		return providers[0];
	providers[1] = get_provider(c, c->fields[3], &bars[1]);
	if (providers[1] < 0)
		return providers[1];
	*client = node_of(c, c->fields[4]);
	if (*client < 0)
		return *client;
	for (i = 0; i < 3; i++) {
		if (!number(phys, 16, ",", &x->phys[i]))
			return bad(c, "phys= is no three addresses");
		phys = strchr(phys, ',') ? strchr(phys, ',') + 1 : NULL;
	}
	if (!client_of(c, *client))
		return -EINVAL;
	x->m[0] = map_peer(c, providers[0], bars[0], *client, x->phys[0]);
	x->m[1] = map_host(client_of(c, *client), x->phys[1], 0);
	x->m[2] = map_peer(c, providers[1], bars[1], *client, x->phys[2]);
	return 0;
}

/*
 * A peer that can't be reached is noticed before anything is mapped where an IOMMU maps
 * the list as a whole, else when its turn comes.
 */
static int mixed_error(const struct mixed *x, bool translated)
{
	int i;

	for (i = 0; i < 3; i++)
		if (x->m[i].err && (!translated || x->m[i].err == -EREMOTEIO))
			return x->m[i].err;
	return 0;
}

/* Segments as recorded: "bus:ADDR+LEN". Bytes that are host's may be one segment. */
static bool segments_are(struct check *c, const struct mixed *x)
{
	uint64_t host = 0, want_host = 0, addr, len;
	int i, next = 0;

	for (i = 0; i < 3; i++)
		want_host += strcmp(x->m[i].map, "host") ? 0 : PAGE;
	for (i = 0; i < c->nr_fields; i++) {
		bool bus = !strncmp(c->fields[i], "bus:", 4);
		const char *text = strchr(c->fields[i], ':');
		const char *plus = strchr(c->fields[i], '+');

		if ((!bus && strncmp(c->fields[i], "host:", 5)) ||
		    !number(text + 1, 16, "+", &addr) || !plus ||
		    !number(plus + 1, 16, "", &len))
			continue;
		if (!bus)
			host += len;
		while (next < 3 && bus && strcmp(x->m[next].map, "bus"))
			next++;
		if (bus &&
		    (next == 3 || addr != x->m[next++].dma || len != PAGE))
			return false;
	}
	while (next < 3 && strcmp(x->m[next].map, "bus"))
		next++;
	return next == 3 && host == want_host;
}

/* Where no IOMMU chooses, every host address is known, and segments stay apart. */
static bool addresses_are(struct check *c, const struct mixed *x)
{
	char want[64];
	int i, at;

	for (at = 0; at < c->nr_fields; at++)
		if (!strncmp(c->fields[at], "nents=", 6))
			break;
	for (i = 0; i < 3; i++) {
		snprintf(want, sizeof(want), "%s:%" PRIx64 "+1000", x->m[i].map,
			 x->m[i].dma);
		if (++at >= c->nr_fields || strcmp(c->fields[at], want))
			return false;
	}
	return at + 1 == c->nr_fields;
}

static int line_mixed(struct check *c)
{
	struct mixed x;
	char want[16];
	bool translated;
	int client = 0, err = check_segments(c);

	if (!err)
		err = get_mixed(c, &x, &client);
	if (err)
		return err;
	c->checks++;
	translated = client_of(c, client)->translated;
	x.err = mixed_error(&x, translated);
	snprintf(want, sizeof(want), "%d", x.err);
	if (!is(c, "err", want) ||
	    (!x.err &&
	     !(translated ? segments_are(c, &x) : addresses_are(c, &x))))
		differs(c, "err=%d %s:%" PRIx64 " %s:%" PRIx64 " %s:%" PRIx64,
			x.err, x.m[0].map, x.m[0].dma, x.m[1].map, x.m[1].dma,
			x.m[2].map, x.m[2].dma);
	if (!x.err && translated)
		c->skipped[SKIP_IOVA]++;
	return 0;
}

/* --- files --- */

static int line_copy(struct check *c)
{
	c->skipped[SKIP_COPY]++;
	return 0;
}

static int line_end(struct check *c)
{
	c->ended = true;
	return 0;
}

#define MAX_VALUES 5

/* What lines there are, the fewest fields of one, and values that each must have. */
static const struct kind {
	const char *name;
	int (*line)(struct check *c);
	int fields;
	struct {
		const char *key;
		enum format format;
	} values[MAX_VALUES];
} kinds[] = {
	{ "env",
	  line_env,
	  1,
	  { { "arch", WORD }, { "cpu", WORD }, { "mask", DECIMAL } } },
	{ "hb", line_hb, 2, { { "domain", HEX }, { "bus", HEX } } },
	{ "win", line_win, 3, { { "cpu", RANGE }, { "bus", RANGE } } },
	{ "dmarange", line_dmarange, 2, { { "cpu", RANGE }, { "bus", RANGE } } },
	{ "dev",
	  line_dev,
	  2,
	  { { "class", HEX },
	    { "up", WORD },
	    { "hb", WORD },
	    { "type", WORD },
	    { "acs", WORD } } },
	{ "bar",
	  line_bar,
	  4,
	  { { "cpu", RANGE }, { "bus", HEX }, { "raw", HEX } } },
	{ "bwin", line_bwin, 3, { { "cpu", RANGE }, { "bus", HEX } } },
	{ "prov", line_prov, 3, { { "published", DECIMAL } } },
	{ "ram",
	  line_ram,
	  2,
	  { { "phys", HEX }, { "dma", HEX }, { "iommu", DECIMAL } } },
	{ "pair", line_pair, 3, { { "dist", SIGNED }, { "phys", HEX } } },
	{ "find", line_find, 4, { { 0 } } },
	{ "many", line_many, 3, { { "dist", SIGNED } } },
	{ "mixed", line_mixed, 5, { { "phys", WORD }, { "err", SIGNED } } },
	{ "copy", line_copy, 4, { { "ret", SIGNED }, { "errno", SIGNED } } },
	{ "end", line_end, 1, { { 0 } } },
};

#define NR_KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static int check_kind(struct check *c, const struct kind *k)
{
	int i, err = 0;

	if (c->nr_fields < k->fields)
		return bad(c, "fewer than %d fields", k->fields);
	for (i = 0; !err && i < MAX_VALUES && k->values[i].format; i++)
		err = check_value(c, k->values[i].key, k->values[i].format);
	return err ? err : k->line(c);
}

static int check_fields(struct check *c)
{
	int i;

	for (i = 0; c->nr_fields && i < NR_KINDS; i++)
		if (!strcmp(kinds[i].name, c->fields[0]))
			return check_kind(c, &kinds[i]);
	return bad(c, "no such kind of line");
}

static int check_line(struct check *c)
{
	char *copy = strdup(c->line);
	int ret;

	if (!copy)
		return -ENOMEM;
	ret = split_fields(c, copy);
	if (!ret)
		ret = check_fields(c);
	free(copy);
	return ret;
}

static void machine_free(struct machine *m)
{
	int i;

	for (i = 0; i < m->nr_clients; i++) {
		free(m->clients[i].index);
		free(m->clients[i].windows);
		free(m->clients[i].inbound);
	}
	free(m->clients);
	free(m->bars);
	physbio_topology_destroy(m->t);
	memset(m, 0, sizeof(*m));
}

static int check_lines(struct check *c)
{
	int ret;

	c->ended = false;
	while ((ret = lines_next(c->lines, &c->line, c->error)) > 0) {
		if (*c->line == '#')
			continue;
		ret = check_line(c);
		if (ret)
			return ret;
	}
	if (!ret && !c->ended)
		return lines_fail(c->lines, c->error, -EINVAL,
				  "the file ends before its \"end\"");
	return ret;
}

static int check_file(struct check *c, const char *path)
{
	int ret = lines_open(path, MAX_LINE, &c->lines, c->error);

	if (ret)
		return ret;
	c->path = path;
	c->m.dma_mask = UINT64_MAX;
	c->m.t = physbio_topology_create();
	ret = c->m.t ? check_lines(c) : -ENOMEM;
	machine_free(&c->m);
	lines_close(c->lines);
	return ret;
}

static void report(const struct check *c)
{
	const char *before = " (";
	uint64_t skipped = 0;
	int i;

	for (i = 0; i < NR_SKIPS; i++)
		skipped += c->skipped[i];
	printf("checks=%" PRIu64 " mismatches=%" PRIu64 " skipped=%" PRIu64,
	       c->checks, c->mismatches, skipped);
	for (i = 0; i < NR_SKIPS; i++) {
		if (!c->skipped[i])
			continue;
		printf("%s%s %" PRIu64, before, skip_names[i], c->skipped[i]);
		before = ", ";
	}
	printf("%s\n", skipped ? ")" : "");
}

static int usage(FILE *to)
{
	fprintf(to,
		"usage: p2p_check FILE...\n"
		"  FILE  what a kernel said of peers, as tests/p2p/recorded has it; .xz too\n"
		"Exit code 0: all of it is derived; 1: some is not; 2: a file is malformed.\n");
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	struct physbio_error error;
	struct check c = { .error = &error };
	int i, err;

	if (argc < 2)
		return usage(stderr);
	if (!strcmp(argv[1], "--help"))
		return usage(stdout);
	for (i = 1; i < argc; i++) {
		memset(&error, 0, sizeof(error));
		err = check_file(&c, argv[i]);
		if (!err)
			continue;
		fprintf(stderr, "%s", argv[i]);
		if (error.line)
			fprintf(stderr, ":%u", error.line);
		fprintf(stderr, ": %s\n",
			error.err ? error.message : strerror(-err));
		return 2;
	}
	report(&c);
	return c.mismatches != 0;
}
