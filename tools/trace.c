// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds the format of a trace by its first line, and hands each line to its reader.
 * Header lines ("# queue/NAME=VALUE") are the same in every format.
 */
#include "trace.h"
#include "trace-format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/bio.h>

/* The one that is asked first has the plainest mark. */
static const struct trace_format *const formats[] = {
	&trace_iolog,	 &trace_perf,	&trace_seg,
	&trace_blkparse, &trace_custom, &trace_bpftrace,
};

#define NR_FORMATS (sizeof(formats) / sizeof(formats[0]))

unsigned int trace_words(char *line, char **words, unsigned int max)
{
	char *save, *word;
	unsigned int n = 0;

	for (word = strtok_r(line, " \t\r", &save); word;
	     word = strtok_r(NULL, " \t\r", &save)) {
		if (n == max)
			return n + 1;
		words[n++] = word;
	}
	return n;
}

static bool is_digit(char c, int base)
{
	return base == 16 ? strchr("0123456789abcdefABCDEF", c) && c :
			    c >= '0' && c <= '9';
}

bool trace_number(const char *text, int base, uint64_t max, uint64_t *value)
{
	char *end;

	/* strtoull() would take a sign, and blanks before it. */
	if (!is_digit(*text, base))
		return false;
	errno = 0;
	*value = strtoull(text, &end, base);
	return !errno && !*end && *value <= max;
}

/*
 * F is a flush in front of the data and, behind them, a forced unit access. Letters that
 * say nothing about merging are passed over.
 */
static uint32_t rwbs_flags(const char *letters)
{
	uint32_t opf = 0;

	for (; *letters; letters++) {
		opf |= *letters == 'F' ? PB_REQ_FUA : 0;
		opf |= *letters == 'S' ? PB_REQ_SYNC : 0;
		opf |= *letters == 'M' ? PB_REQ_META : 0;
		opf |= *letters == 'A' ? PB_REQ_RAHEAD : 0;
	}
	return opf;
}

bool trace_rwbs(const char *rwbs, struct trace_event *e)
{
	bool preflush = rwbs[0] == 'F';
	const char *op = rwbs + preflush;

	if (strspn(rwbs, "FRWDENSMAVP") != strlen(rwbs) || !*rwbs)
		return false;
	switch (*op) {
	case 'R':
		e->op = TRACE_READ;
		e->opf = PB_REQ_OP_READ;
		break;
	case 'W':
		e->op = TRACE_WRITE;
		e->opf = PB_REQ_OP_WRITE;
		break;
	case 'D':
		e->op = TRACE_DISCARD;
		e->opf = op[1] == 'E' ? PB_REQ_OP_SECURE_ERASE :
					PB_REQ_OP_DISCARD;
		break;
	default:
		e->op = preflush ? TRACE_FLUSH : TRACE_NONE;
		e->opf = PB_REQ_OP_FLUSH;
	}
	e->opf |= preflush ? PB_REQ_PREFLUSH : 0;
	e->opf |= *op ? rwbs_flags(op + 1) : 0;
	return true;
}

#define MAX_SECTORS (UINT64_C(1) << 23) /* 4 GiB */
#define LAST_SECTOR (UINT64_MAX >> 9)

/* A flush has no place: blktrace writes -1. */
int trace_extent(struct trace *t, struct trace_event *e, const char *sector,
		 const char *sectors, struct physbio_error *error)
{
	uint64_t at, n;

	if (!trace_number(sector, 10, UINT64_MAX, &at))
		return trace_fail(t, error, "sector \"%.64s\" is no number",
				  sector);
	if (!trace_number(sectors, 10, MAX_SECTORS, &n))
		return trace_fail(
			t, error,
			"\"%.64s\" is no number of sectors up to %" PRIu64,
			sectors, MAX_SECTORS);
	if (n && at > LAST_SECTOR - n)
		return trace_fail(t, error,
				  "sector %" PRIu64 " + %" PRIu64
				  " sectors is beyond any device",
				  at, n);
	e->offset = at > LAST_SECTOR ? 0 : at * 512;
	e->len = n * 512;
	return 0;
}

/* CPUs of a queue: "0, 1, 4-7". What is no number ends the list. */
static void parse_cpus(struct trace *t, uint64_t hctx, const char *list)
{
	unsigned long first, last;
	char *end;

	while (is_digit(*list, 10)) {
		first = strtoul(list, &end, 10);
		last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
		for (; first <= last && first < TRACE_MAX_CPUS; first++)
			if (!t->hctxs.of_cpu[first])
				t->hctxs.of_cpu[first] = (uint16_t)(hctx + 1);
		list = end + strspn(end, ", ");
	}
}

/* "N/nr_tags=" or "N/cpu_list=" */
static void parse_hctx(struct trace *t, char *name, const char *value)
{
	char *slash = strchr(name, '/');
	uint64_t hctx, tags;

	if (!slash)
		return;
	*slash = '\0';
	if (!trace_number(name, 10, TRACE_MAX_CPUS - 1, &hctx))
		return;
	if (!strcmp(slash + 1, "cpu_list"))
		parse_cpus(t, hctx, value);
	else if (!strcmp(slash + 1, "nr_tags") &&
		 trace_number(value, 10, UINT32_MAX, &tags))
		t->hctxs.nr_tags[hctx] = (unsigned int)tags;
}

/* "# queue/NAME=VALUE" and "# mq/N/NAME=VALUE"; other comments say nothing. */
static int parse_comment(struct trace *t, char *line,
			 struct physbio_error *error)
{
	static const char mark[] = "# queue/";
	char *equals = strchr(line, '='), *name = line + sizeof(mark) - 1;
	char why[160];

	if (!strncmp(line, "# format blkparse -", 19))
		return trace_custom_formats(t, line, error);
	if (!equals)
		return 0;
	*equals = '\0';
	if (!strncmp(line, "# mq/", 5))
		parse_hctx(t, line + 5, equals + 1);
	if (strncmp(line, mark, sizeof(mark) - 1))
		return 0;
	if (settings_set(&t->settings, name, equals + 1, why, sizeof(why)) ==
	    -EINVAL)
		return trace_fail(t, error, "queue/%.64s: %s", name, why);
	return 0;
}

static const struct trace_format *find_format(const char *line)
{
	size_t i;

	for (i = 0; i < NR_FORMATS; i++)
		if (formats[i]->probe(line))
			return formats[i];
	return NULL;
}

/* What is around the events of a trace, in any format. */
static bool is_blank(const char *line)
{
	return !line[strspn(line, " \t\r")] ||
	       !strncmp(line, "Input file ", 11);
}

/* The next line that is no comment. Return: 1, 0 at the end, -errno. */
static int next_line(struct trace *t, char **line, struct physbio_error *error)
{
	int ret;

	while ((ret = lines_next(t->lines, line, error)) > 0) {
		if (**line == '#') {
			ret = parse_comment(t, *line, error);
			if (ret)
				return ret;
		} else if (!is_blank(*line)) {
			return 1;
		}
	}
	return ret;
}

static int probe(struct trace *t, struct physbio_error *error)
{
	char *line;
	int ret = next_line(t, &line, error);

	if (ret < 0)
		return ret;
	if (!ret)
		return trace_fail(t, error, "is empty: no event");
	t->format = t->nr_custom ? &trace_custom : find_format(line);
	if (!t->format)
		return trace_fail(
			t, error,
			"\"%.100s\" is no line of a known trace format", line);
	t->first = strdup(line);
	return t->first ? 0 : -ENOMEM;
}

int trace_open(const char *path, struct trace **trace,
	       struct physbio_error *error)
{
	struct trace *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	settings_init(&t->settings);
	err = lines_open(path, TRACE_MAX_LINE, &t->lines, error);
	if (err) {
		free(t);
		return err;
	}
	err = probe(t, error);
	if (err) {
		trace_close(t);
		return err;
	}
	*trace = t;
	return 0;
}

void trace_close(struct trace *t)
{
	lines_close(t->lines);
	free(t->first);
	free(t);
}

static int parse(struct trace *t, char *line, struct trace_event *e,
		 struct physbio_error *error)
{
	memset(e, 0, sizeof(*e));
	e->line = lines_number(t->lines);
	e->op = TRACE_NONE;
	return t->format->parse(t, line, e, error);
}

int trace_next(struct trace *t, struct trace_event *e,
	       struct physbio_error *error)
{
	char *line;
	int ret;

	if (t->first) {
		ret = parse(t, t->first, e, error);
		free(t->first);
		t->first = NULL;
		if (ret)
			return ret;
	}
	while ((ret = next_line(t, &line, error)) > 0) {
		ret = parse(t, line, e, error);
		if (ret)
			return ret;
	}
	return ret;
}

uint64_t trace_done(const struct trace *t)
{
	return lines_done(t->lines);
}

uint64_t trace_total(const struct trace *t)
{
	return lines_total(t->lines);
}

const char *trace_format(const struct trace *t)
{
	return t->format->name;
}

enum trace_detail trace_detail(const struct trace *t)
{
	return t->format->detail;
}

const struct settings *trace_settings(const struct trace *t)
{
	return &t->settings;
}

const struct trace_hctxs *trace_hctxs(const struct trace *t)
{
	return &t->hctxs;
}

/* A bio is recorded when it comes; what is left of a cut one came before. */
bool trace_is_io(const struct trace *t, const struct trace_event *e,
		 bool by_issue)
{
	if (e->op == TRACE_NONE)
		return false;
	if (by_issue)
		return e->action == TRACE_ISSUE;
	if (t->format->detail == TRACE_MEMORY)
		return e->action == TRACE_SUBMIT &&
		       !(e->flags & TRACE_BIO_REST);
	return e->action == TRACE_QUEUE;
}
