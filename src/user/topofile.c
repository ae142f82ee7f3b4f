// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The words of a line and what they mean. Whether what they say can be is topology.c's
 * decision, whose messages are passed on with the line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/topofile.h>

#define MAX_LINE 1024
#define MAX_WORDS 16

struct parser {
	struct physbio_topology *t;
	struct physbio_error *error;
	unsigned int line;
	char text[MAX_LINE];
	char *words[MAX_WORDS];
	int nr;
	unsigned int used; /* a bit for each word that meant something */
};

__attribute__((format(printf, 2, 3))) static int bad(struct parser *p,
						     const char *format, ...)
{
	va_list args;

	memset(p->error, 0, sizeof(*p->error));
	p->error->err = -EINVAL;
	p->error->line = p->line;
	va_start(args, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	return -EINVAL;
}

/* topology.c has said why; the line is ours. */
static int with_line(struct parser *p, int err)
{
	if (err >= 0)
		return 0;
	p->error->line = p->line;
	return err;
}

/* --- words --- */

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, text[1] == 'x' ? 16 : 10);
	return !errno && !*end;
}

/* One to four hexadecimal digits. */
static bool parse_hex(const char *text, uint64_t *value)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	if (!n || n > 4 || text[n])
		return false;
	*value = strtoull(text, NULL, 16);
	return true;
}

/* A name comes first, and is none of the other words whatever it is. */
#define FIRST_OPTION 2

/* The value behind KEY=, or NULL. */
static const char *value(struct parser *p, const char *key)
{
	size_t n = strlen(key);
	int i;

	for (i = FIRST_OPTION; i < p->nr; i++)
		if (!strncmp(p->words[i], key, n) && p->words[i][n] == '=') {
			p->used |= 1u << i;
			return p->words[i] + n + 1;
		}
	return NULL;
}

static bool word(struct parser *p, const char *name)
{
	int i;

	for (i = FIRST_OPTION; i < p->nr; i++)
		if (!strcmp(p->words[i], name)) {
			p->used |= 1u << i;
			return true;
		}
	return false;
}

static int number(struct parser *p, const char *key, uint64_t *n)
{
	const char *text = value(p, key);

	if (!text)
		return bad(p, "%s: %s= is missing", p->words[0], key);
	if (!parse_number(text, n))
		return bad(p, "%s: %s=%.40s is no number", p->words[0], key,
			   text);
	return 0;
}

/* As number(), but what is not there stays as it is. */
static int number_if(struct parser *p, const char *key, uint64_t max,
		     uint64_t *n)
{
	uint64_t given;

	if (!value(p, key))
		return 0;
	if (number(p, key, &given))
		return -EINVAL;
	if (given > max)
		return bad(p, "%s: %s=%" PRIu64 " is more than %" PRIu64,
			   p->words[0], key, given, max);
	*n = given;
	return 0;
}

static int all_used(struct parser *p)
{
	int i;

	for (i = 1; i < p->nr; i++)
		if (!(p->used & 1u << i))
			return bad(p, "%s: \"%.40s\" means nothing here",
				   p->words[0], p->words[i]);
	return 0;
}

static const char *name(struct parser *p)
{
	if (p->nr < 2)
		return NULL;
	p->used |= 1u << 1;
	return p->words[1];
}

static int node_named(struct parser *p)
{
	const char *text = name(p);
	int node = text ? physbio_topology_find(p->t, text) : -ENOENT;

	return node >= 0 ? node :
			   bad(p, "%s: there is no \"%.40s\"", p->words[0],
			       text ? text : "");
}

/* --- lines --- */

static int line_cpu(struct parser *p)
{
	const char *what = name(p);

	if (!what || strcmp(what, "forwards"))
		return bad(p, "cpu: forwards is missing");
	physbio_topology_set_cpu_forwards(p->t, true);
	return 0;
}

/* Two numbers with something between them. */
static bool parse_two(const char *text, int base, char between, uint64_t *a,
		      uint64_t *b)
{
	const char *middle = strchr(text, between);
	char first[24];

	if (!middle || (size_t)(middle - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(middle - text));
	first[middle - text] = '\0';
	return base == 16 ?
		       parse_hex(first, a) && parse_hex(middle + 1, b) :
		       parse_number(first, a) && parse_number(middle + 1, b);
}

static int parse_buses(struct parser *p, int node)
{
	const char *buses = value(p, "buses");
	uint64_t domain, first, last;

	if (!buses && !value(p, "domain"))
		return 0;
	if (number(p, "domain", &domain))
		return -EINVAL;
	if (!buses || !parse_two(buses, 10, '-', &first, &last) ||
	    first > UINT8_MAX || last > UINT8_MAX || domain > INT32_MAX)
		return bad(p, "%s: no domain=N buses=FIRST-LAST", p->words[0]);
	return physbio_topology_set_buses(p->t, node, (int)domain,
					  (unsigned int)first,
					  (unsigned int)last, p->error);
}

static int parse_iommu(struct parser *p, int node)
{
	uint64_t granule = 0;

	if (number_if(p, "iommu", UINT32_MAX, &granule))
		return -EINVAL;
	return physbio_topology_set_iommu(p->t, node, (uint32_t)granule,
					  p->error);
}

static int parse_numa(struct parser *p, struct physbio_node *n)
{
	uint64_t numa = UINT64_MAX;

	if (number_if(p, "numa", INT32_MAX, &numa))
		return -EINVAL;
	n->numa_node = numa == UINT64_MAX ? -1 : (int)numa;
	return 0;
}

static int line_host_bridge(struct parser *p)
{
	const char *text = name(p);
	struct physbio_node *n;
	int err, node = physbio_topology_add(p->t, PHYSBIO_HOST_BRIDGE,
					     text ? text : "", NULL, p->error);

	if (node < 0)
		return node;
	n = physbio_topology_node(p->t, node);
	if (word(p, "listed"))
		n->p2p_listed = PHYSBIO_P2P_LISTED;
	else if (word(p, "listed-same"))
		n->p2p_listed = PHYSBIO_P2P_LISTED_SAME;
	n->p2p_routed = !word(p, "unrouted");
	err = parse_numa(p, n);
	if (!err)
		err = parse_iommu(p, node);
	return err ? err : parse_buses(p, node);
}

static int line_window(struct parser *p)
{
	struct physbio_bridge_window w;
	uint64_t cpu;
	int node = node_named(p);

	if (node < 0 || number(p, "cpu", &cpu) || number(p, "bus", &w.bus) ||
	    number(p, "size", &w.size))
		return -EINVAL;
	w.cpu = (pb_phys_addr_t)cpu;
	if (w.cpu != cpu)
		return bad(p, "%s: cpu=0x%" PRIx64 " is too high", p->words[0],
			   cpu);
	return !strcmp(p->words[0], "outbound") ?
		       physbio_topology_add_outbound(p->t, node, &w, p->error) :
		       physbio_topology_add_inbound(p->t, node, &w, p->error);
}

static const char *const port_names[PHYSBIO_NR_PORTS] = {
	[PHYSBIO_ROOT_PORT] = "root",
	[PHYSBIO_UPSTREAM_PORT] = "upstream",
	[PHYSBIO_DOWNSTREAM_PORT] = "downstream",
	[PHYSBIO_PCI_BRIDGE] = "pci",
};

static const char *const acs_hw_names[] = {
	[PHYSBIO_ACS_ALWAYS] = "always",
	[PHYSBIO_ACS_NEVER] = "never",
};

/* The number of one of a few names behind KEY=; 0 if there is no such word. */
static int choice(struct parser *p, const char *key, const char *const *names,
		  int nr)
{
	const char *text = value(p, key);
	int i;

	if (!text)
		return 0;
	for (i = 1; i < nr; i++)
		if (!strcmp(names[i], text))
			return i;
	return bad(p, "%s: there is no %s=%.40s", p->words[0], key, text);
}

static int parse_acs(struct parser *p, struct physbio_node *n)
{
	uint64_t ctrl = 0, cap = 0;
	int hw = choice(p, "acs-hw", acs_hw_names, 3);

	if (hw < 0 || number_if(p, "acs", UINT16_MAX, &ctrl) ||
	    number_if(p, "acs-cap", UINT16_MAX, &cap))
		return -EINVAL;
	n->acs_hw = (enum physbio_acs_hw)hw;
	n->acs_ctrl = (uint16_t)ctrl;
	n->acs_cap = (uint16_t)cap;
	return 0;
}

/* Where a function is and what it is, and its ACS bits. */
static int parse_function(struct parser *p, int node)
{
	struct physbio_node *n = physbio_topology_node(p->t, node);
	const char *id = value(p, "id"), *at = value(p, "at");
	uint64_t a = 0, b = 0;

	if (id && (!parse_two(id, 16, ':', &a, &b) || a > UINT16_MAX ||
		   b > UINT16_MAX))
		return bad(p, "%s: id=%.40s is no VENDOR:DEVICE", p->words[0],
			   id);
	n->vendor = (uint16_t)a;
	n->device = (uint16_t)b;
	if (at && (!parse_two(at, 16, '.', &a, &b) || a > 31 || b > 7))
		return bad(p, "%s: at=%.40s is no DEVICE.FUNCTION", p->words[0],
			   at);
	if (parse_acs(p, n))
		return -EINVAL;
	return at ? physbio_topology_set_function(p->t, node, (int)(a * 8 + b),
						  p->error) :
		    0;
}

static int add_below(struct parser *p, enum physbio_node_kind kind)
{
	const char *text = name(p), *below = value(p, "below");

	return physbio_topology_add(p->t, kind, text ? text : "",
				    below ? below : "", p->error);
}

static int line_bridge(struct parser *p)
{
	int err, port = choice(p, "port", port_names, PHYSBIO_NR_PORTS);
	int node = port < 0 ? port : add_below(p, PHYSBIO_BRIDGE);

	if (node < 0)
		return node;
	err = physbio_topology_set_port(p->t, node, (enum physbio_port)port,
					p->error);
	return err ? err : parse_function(p, node);
}

static int line_endpoint(struct parser *p)
{
	uint64_t mask = 64;
	struct physbio_node *n;
	int node;

	if (number_if(p, "mask", 64, &mask))
		return -EINVAL;
	if (!mask)
		return bad(p, "%s: mask=0 reaches nothing", p->words[0]);
	node = add_below(p, PHYSBIO_ENDPOINT);
	if (node < 0)
		return node;
	n = physbio_topology_node(p->t, node);
	n->dma_mask = UINT64_MAX >> (64 - mask);
	return parse_numa(p, n) ? -EINVAL : parse_function(p, node);
}

static int line_forward(struct parser *p)
{
	struct physbio_forward w;
	int node = node_named(p);

	if (node < 0 || number(p, "bus", &w.bus) || number(p, "size", &w.size))
		return -EINVAL;
	return physbio_topology_add_forward(p->t, node, &w, p->error);
}

static int line_bar(struct parser *p)
{
	struct physbio_bar bar = { .published = word(p, "published") };
	int node = node_named(p);

	if (node < 0 || number(p, "bus", &bar.bus) ||
	    number(p, "size", &bar.size))
		return -EINVAL;
	return physbio_topology_add_bar(p->t, node, &bar, p->error);
}

static const struct {
	const char *name;
	int (*parse)(struct parser *p);
} kinds[] = {
	{ "cpu", line_cpu },	       { "host-bridge", line_host_bridge },
	{ "outbound", line_window },   { "inbound", line_window },
	{ "bridge", line_bridge },     { "forward", line_forward },
	{ "endpoint", line_endpoint }, { "bar", line_bar },
};

#define NR_KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static int split_words(struct parser *p)
{
	char *save, *w;

	p->nr = 0;
	p->used = 1;
	p->text[strcspn(p->text, "#")] = '\0';
	for (w = strtok_r(p->text, " \t\r", &save); w;
	     w = strtok_r(NULL, " \t\r", &save)) {
		if (p->nr == MAX_WORDS)
			return bad(p, "more than %d words", MAX_WORDS);
		p->words[p->nr++] = w;
	}
	return 0;
}

static int parse_line(struct parser *p)
{
	int i, err = split_words(p);

	if (err || !p->nr)
		return err;
	for (i = 0; i < NR_KINDS; i++)
		if (!strcmp(kinds[i].name, p->words[0]))
			break;
	if (i == NR_KINDS)
		return bad(p, "\"%.40s\" is no kind of line", p->words[0]);
	err = with_line(p, kinds[i].parse(p));
	return err ? err : all_used(p);
}

static int parse_all(struct parser *p, const char *text, size_t size)
{
	const char *end;
	size_t len;
	int err = 0;

	for (; size && !err; text += len, size -= len) {
		p->line++;
		end = memchr(text, '\n', size);
		len = end ? (size_t)(end - text) + 1 : size;
		if (len > MAX_LINE - 1)
			return bad(p, "longer than %d bytes", MAX_LINE - 2);
		memcpy(p->text, text, len);
		p->text[end ? len - 1 : len] = '\0';
		if (strlen(p->text) != (end ? len - 1 : len))
			return bad(p, "has a zero byte");
		err = parse_line(p);
	}
	return err;
}

int physbio_topology_parse(const char *text, size_t size,
			   struct physbio_topology **topology,
			   struct physbio_error *error)
{
	struct physbio_error unused;
	struct parser p = { .error = error ? error : &unused };
	int err;

	p.t = physbio_topology_create();
	if (!p.t) {
		bad(&p, "no memory for a topology");
		return p.error->err = -ENOMEM;
	}
	err = parse_all(&p, text, size);
	if (err) {
		physbio_topology_destroy(p.t);
		return err;
	}
	*topology = p.t;
	return 0;
}

/* --- the other way --- */

static void format_windows(FILE *f, const char *kind,
			   const struct physbio_node *n,
			   const struct physbio_bridge_window *w,
			   unsigned int nr)
{
	for (; nr; nr--, w++)
		fprintf(f,
			"%s %s cpu=0x%" PRIx64 " bus=0x%" PRIx64
			" size=0x%" PRIx64 "\n",
			kind, n->name, (uint64_t)w->cpu, w->bus, w->size);
}

static void format_host_bridge(FILE *f, const struct physbio_node *n)
{
	static const char *const listings[] = { "", " listed", " listed-same" };

	fprintf(f, "host-bridge %s%s%s", n->name, listings[n->p2p_listed],
		n->p2p_routed ? "" : " unrouted");
	if (n->domain >= 0)
		fprintf(f, " domain=%d buses=0x%x-0x%x", n->domain,
			n->first_bus, n->last_bus);
	if (n->iommu_granule)
		fprintf(f, " iommu=%" PRIu32, n->iommu_granule);
	if (n->numa_node >= 0)
		fprintf(f, " numa=%d", n->numa_node);
	fputc('\n', f);
	format_windows(f, "outbound", n, n->outbound, n->nr_outbound);
	format_windows(f, "inbound", n, n->inbound, n->nr_inbound);
}

static unsigned int mask_bits(uint64_t mask)
{
	unsigned int bits = 0;

	for (; mask; mask >>= 1)
		bits++;
	return bits;
}

static void format_function(FILE *f, const struct physbio_node *n)
{
	if (n->devfn >= 0)
		fprintf(f, " at=%02x.%x", n->devfn >> 3, n->devfn & 7);
	if (n->vendor || n->device)
		fprintf(f, " id=%04x:%04x", n->vendor, n->device);
	if (n->acs_ctrl)
		fprintf(f, " acs=0x%x", n->acs_ctrl);
	if (n->acs_cap)
		fprintf(f, " acs-cap=0x%x", n->acs_cap);
	if (n->acs_hw != PHYSBIO_ACS_AS_SET)
		fprintf(f, " acs-hw=%s", acs_hw_names[n->acs_hw]);
}

static void format_bridge(FILE *f, const struct physbio_node *n,
			  const struct physbio_node *above)
{
	unsigned int i;

	fprintf(f, "bridge %s below=%s", n->name, above->name);
	if (n->port != PHYSBIO_PORT_UNKNOWN)
		fprintf(f, " port=%s", port_names[n->port]);
	format_function(f, n);
	fputc('\n', f);
	for (i = 0; i < n->nr_forwards; i++)
		fprintf(f, "forward %s bus=0x%" PRIx64 " size=0x%" PRIx64 "\n",
			n->name, n->forwards[i].bus, n->forwards[i].size);
}

static void format_endpoint(FILE *f, const struct physbio_node *n,
			    const struct physbio_node *above)
{
	fprintf(f, "endpoint %s below=%s", n->name, above->name);
	if (n->dma_mask != UINT64_MAX)
		fprintf(f, " mask=%u", mask_bits(n->dma_mask));
	if (n->numa_node >= 0)
		fprintf(f, " numa=%d", n->numa_node);
	format_function(f, n);
	fputc('\n', f);
}

static void format_bars(FILE *f, const struct physbio_node *n)
{
	unsigned int i;

	for (i = 0; i < n->nr_bars; i++)
		fprintf(f, "bar %s bus=0x%" PRIx64 " size=0x%" PRIx64 "%s\n",
			n->name, n->bars[i].bus, n->bars[i].size,
			n->bars[i].published ? " published" : "");
}

char *physbio_topology_format(struct physbio_topology *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i;

	if (!f)
		return NULL;
	if (physbio_topology_cpu_forwards(t))
		fprintf(f, "cpu forwards\n");
	for (i = 0; i < physbio_topology_nr(t); i++) {
		struct physbio_node *n = physbio_topology_node(t, i);

		if (n->kind == PHYSBIO_HOST_BRIDGE)
			format_host_bridge(f, n);
		else if (n->kind == PHYSBIO_BRIDGE)
			format_bridge(f, n,
				      physbio_topology_node(t, n->parent));
		else
			format_endpoint(f, n,
					physbio_topology_node(t, n->parent));
		format_bars(f, n);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
