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
#define MAX_WORDS 8

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

/* The value behind KEY=, or NULL. */
static const char *value(struct parser *p, const char *key)
{
	size_t n = strlen(key);
	int i;

	for (i = 1; i < p->nr; i++)
		if (!strncmp(p->words[i], key, n) && p->words[i][n] == '=') {
			p->used |= 1u << i;
			return p->words[i] + n + 1;
		}
	return NULL;
}

static bool word(struct parser *p, const char *name)
{
	int i;

	for (i = 1; i < p->nr; i++)
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
	if (!word(p, "forwards"))
		return bad(p, "cpu: forwards is missing");
	physbio_topology_set_cpu_forwards(p->t, true);
	return 0;
}

static int line_host_bridge(struct parser *p)
{
	const char *text = name(p);
	struct physbio_node *n;
	int node = physbio_topology_add(p->t, PHYSBIO_HOST_BRIDGE,
					text ? text : "", NULL, p->error);

	if (node < 0)
		return node;
	n = physbio_topology_node(p->t, node);
	if (word(p, "listed"))
		n->p2p_listed = PHYSBIO_P2P_LISTED;
	else if (word(p, "listed-same"))
		n->p2p_listed = PHYSBIO_P2P_LISTED_SAME;
	n->p2p_routed = !word(p, "unrouted");
	return 0;
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

static int line_device(struct parser *p)
{
	bool bridge = !strcmp(p->words[0], "bridge");
	uint64_t acs = 0, mask = 64, numa = UINT64_MAX;
	const char *text = name(p), *below = value(p, "below");
	struct physbio_node *n;
	int node;

	if (number_if(p, "acs", UINT16_MAX, &acs) ||
	    (!bridge && (number_if(p, "mask", 64, &mask) ||
			 number_if(p, "numa", INT32_MAX, &numa))))
		return -EINVAL;
	if (!mask)
		return bad(p, "%s: mask=0 reaches nothing", p->words[0]);
	node = physbio_topology_add(p->t,
				    bridge ? PHYSBIO_BRIDGE : PHYSBIO_ENDPOINT,
				    text ? text : "", below ? below : "",
				    p->error);
	if (node < 0)
		return node;
	n = physbio_topology_node(p->t, node);
	n->acs_ctrl = (uint16_t)acs;
	n->dma_mask = UINT64_MAX >> (64 - mask);
	n->numa_node = numa == UINT64_MAX ? -1 : (int)numa;
	return 0;
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
	{ "cpu", line_cpu },	     { "host-bridge", line_host_bridge },
	{ "outbound", line_window }, { "inbound", line_window },
	{ "bridge", line_device },   { "endpoint", line_device },
	{ "bar", line_bar },
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
	if (!p.t)
		return -ENOMEM;
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

	fprintf(f, "host-bridge %s%s%s\n", n->name, listings[n->p2p_listed],
		n->p2p_routed ? "" : " unrouted");
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

static void format_device(FILE *f, const struct physbio_node *n,
			  const struct physbio_node *above)
{
	unsigned int i;

	fprintf(f, "%s %s below=%s",
		n->kind == PHYSBIO_BRIDGE ? "bridge" : "endpoint", n->name,
		above->name);
	if (n->acs_ctrl)
		fprintf(f, " acs=0x%x", n->acs_ctrl);
	if (n->dma_mask != UINT64_MAX)
		fprintf(f, " mask=%u", mask_bits(n->dma_mask));
	if (n->numa_node >= 0)
		fprintf(f, " numa=%d", n->numa_node);
	fputc('\n', f);
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
		else
			format_device(f, n,
				      physbio_topology_node(t, n->parent));
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
