// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What blkparse prints: its default format, and formats given with -f and -F. Both are
 * read by the conversions that blkparse writes them by. A header line
 * "# format blkparse -f '...' -F 'X,...'" tells those of a file; without it a custom
 * format is the one that recordings have.
 */
#include "trace-format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CUSTOM "%c %s %T.%t %p %a %d %S %n"
#define DEFAULT "%D %c %s %T.%t %p %a %d "

/* Tried in turn; one with letters is of actions that begin with one of them. */
struct blk_format {
	const char *actions;
	const char *text;
};

static const struct blk_format default_formats[] = {
	{ "X", DEFAULT "%S / %U [%C]" },
	{ "UT", DEFAULT "[%C] %U" },
	{ "P", DEFAULT "[%C]" },
	{ "A", DEFAULT "%S + %n <- (%D) %U" },
	{ "", DEFAULT "%S + %n [%C]" },
	{ "", DEFAULT "[%C]" }, /* a flush has no extent */
	{ "C", DEFAULT "%S [%e]" }, /* data that one was asked for with */
	{ "m", "%D %c %s %T.%t %p %a %P" },
	{ NULL, NULL },
};

static const struct blk_format custom_formats[] = {
	{ "X", CUSTOM " / %U" },
	{ "UT", "%c %s %T.%t %p %a - 0 0 %U" },
	{ "P", "%c %s %T.%t %p %a - 0 0" },
	{ "", CUSTOM },
	{ NULL, NULL },
};

#define FIELD_MAX 64

/* The text of each conversion, as the line has it. */
struct blk_fields {
	char text[128][FIELD_MAX];
};

/* The end of a field: where the format's next character, or a blank, is. */
static size_t field_length(const char *line, char conversion, char next)
{
	/* a command may have blanks, and brackets, in it */
	const char *end = conversion == 'C' && next ? strrchr(line, next) :
						      NULL;

	if (conversion == 'P')
		return strlen(line);
	if (end)
		return (size_t)(end - line);
	for (end = line; *end && *end != ' ' && *end != '\t' && *end != next;)
		end++;
	return (size_t)(end - line);
}

static const char *skip_blanks(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

/* One conversion, with its flags and width. Return: what follows it; NULL: no field. */
static const char *match_field(const char *format, const char **line,
			       struct blk_fields *f)
{
	unsigned char conversion;
	size_t n, len;

	format += 1 + strspn(format + 1, "-0123456789");
	conversion = (unsigned char)*format;
	if (!conversion || conversion > 127)
		return NULL;
	*line = skip_blanks(*line);
	len = field_length(*line, (char)conversion, format[1]);
	if (!len)
		return NULL;
	n = len < FIELD_MAX ? len : FIELD_MAX - 1;
	memcpy(f->text[conversion], *line, n);
	f->text[conversion][n] = '\0';
	*line += len;
	return format + 1;
}

static bool match(const char *format, const char *line, struct blk_fields *f)
{
	while (*format) {
		if (*format == '%') {
			format = match_field(format, &line, f);
			if (!format)
				return false;
		} else if (*format == ' ' || *format == '\t') {
			line = skip_blanks(line);
			format++;
		} else if (*format++ != *line++) {
			return false;
		}
	}
	return !*skip_blanks(line);
}

static bool fits(const char *format, const char *actions, const char *line,
		 struct blk_fields *f)
{
	memset(f, 0, sizeof(*f));
	return match(format, line, f) && *f->text['a'] &&
	       (!*actions || strchr(actions, *f->text['a']));
}

/* The action is a word of each line: the @nr-th from 0. */
static char action_at(const char *line, unsigned int nr)
{
	line = skip_blanks(line);
	while (nr--)
		line = skip_blanks(line + strcspn(line, " \t"));
	return *line;
}

/* Most formats are of other actions, and need not be tried. */
static bool find_fields(const struct blk_format *formats, char action,
			const char *line, struct blk_fields *f)
{
	for (; formats->text; formats++)
		if ((!*formats->actions || strchr(formats->actions, action)) &&
		    fits(formats->text, formats->actions, line, f))
			return true;
	return false;
}

static bool find_default(const char *line, struct blk_fields *f)
{
	return find_fields(default_formats, action_at(line, 5), line, f);
}

static bool find_recorded(const char *line, struct blk_fields *f)
{
	return find_fields(custom_formats, action_at(line, 4), line, f);
}

/* Those of one action first: the general one may fit too. */
static bool find_custom(const struct trace *t, const char *line,
			struct blk_fields *f)
{
	const struct trace_custom *c = t->custom, *end = c + t->nr_custom;

	for (; c < end; c++)
		if (c->action &&
		    fits(c->text, (const char[]){ c->action, 0 }, line, f))
			return true;
	for (c = t->custom; c < end; c++)
		if (!c->action && fits(c->text, "", line, f))
			return true;
	return false;
}

/* --- the formats of a file --- */

/* Between quotes: \\n ends the line, \\t is a blank. */
static void copy_format(char *to, const char *from, size_t n)
{
	size_t i, at = 0;

	for (i = 0; i < n; i++) {
		bool escape = from[i] == '\\' && i + 1 < n;

		if (escape && from[++i] == 'n')
			continue;
		to[at++] = escape && from[i] == 't' ? '\t' : from[i];
	}
	to[at] = '\0';
}

/* @text: behind the quote. Return: behind the closing one; NULL: it is no format. */
static const char *add_format(struct trace *t, bool one_action,
			      const char *text)
{
	struct trace_custom *c = &t->custom[t->nr_custom];
	const char *end = strchr(text, '\'');

	if (!end || t->nr_custom == TRACE_MAX_CUSTOM)
		return NULL;
	c->action = 0;
	if (one_action) {
		if (end - text < 2 || text[1] != ',')
			return NULL;
		c->action = *text;
		text += 2;
	}
	if (end - text >= TRACE_NAME_MAX)
		return NULL;
	copy_format(c->text, text, (size_t)(end - text));
	t->nr_custom++;
	return end + 1;
}

int trace_custom_formats(struct trace *t, char *line,
			 struct physbio_error *error)
{
	const char *at = strchr(line, '-');

	while (at && *at) {
		bool one = !strncmp(at, "-F '", 4);

		at = one || !strncmp(at, "-f '", 4) ?
			     add_format(t, one, at + 4) :
			     NULL;
		if (at)
			at = skip_blanks(at);
	}
	if (at)
		return 0;
	return trace_fail(
		t, error,
		"\"%.100s\" is not \"# format blkparse -f 'FORMAT' -F 'X,FORMAT'\"",
		line);
}

static bool custom_probe(const char *line)
{
	struct blk_fields f;

	return find_recorded(line, &f);
}

static bool blk_probe(const char *line)
{
	struct blk_fields f;

	return find_default(line, &f);
}

static int optional_number(struct trace *t, const char *what, const char *text,
			   uint64_t max, uint64_t *value,
			   struct physbio_error *error)
{
	*value = 0;
	if (!*text || trace_number(text, 10, max, value))
		return 0;
	return trace_fail(t, error, "%s \"%s\" is no number", what, text);
}

/* blktrace's letter is ours, but for a requeue: R is a merge of requests here. */
static enum trace_action action_of(const char *text)
{
	if (*text == 'R')
		return TRACE_REQUEUE;
	if (*text == 'T')
		return TRACE_UNPLUG;
	return strchr("QXMFGPUIDC", *text) ? (enum trace_action) * text :
					     TRACE_OTHER;
}

/* X: the rest begins at %U; its extent is that of the front part. */
static int set_split(struct trace *t, struct trace_event *e,
		     struct physbio_error *error)
{
	if (e->arg <= e->offset / 512 || e->arg - e->offset / 512 >= 1u << 23)
		return trace_fail(
			t, error,
			"the rest at sector %" PRIu64
			" does not begin behind the front at %" PRIu64,
			e->arg, e->offset / 512);
	e->len = (e->arg - e->offset / 512) * 512;
	return 0;
}

static int set_extent(struct trace *t, struct blk_fields *f,
		      struct trace_event *e, struct physbio_error *error)
{
	int ret;

	if (!*f->text['d'] || !strcmp(f->text['d'], "-"))
		return 0;
	if (!trace_rwbs(f->text['d'], e))
		return trace_fail(t, error, "\"%.16s\" is no operation",
				  f->text['d']);
	if (!*f->text['S'])
		return 0;
	ret = trace_extent(t, e, f->text['S'],
			   *f->text['n'] ? f->text['n'] : "0", error);
	if (!ret && e->action == TRACE_SPLIT)
		ret = set_split(t, e, error);
	return ret;
}

static bool find_any(const struct trace *t, const char *line,
		     struct blk_fields *f)
{
	if (t->format == &trace_blkparse)
		return find_default(line, f);
	if (t->nr_custom)
		return find_custom(t, line, f);
	return find_recorded(line, f);
}

static int blk_event(struct trace *t, struct blk_fields *f,
		     struct trace_event *e, struct physbio_error *error)
{
	uint64_t cpu, pid;
	int ret;

	ret = optional_number(t, "CPU", f->text['c'], UINT16_MAX, &cpu, error);
	if (!ret)
		ret = optional_number(t, "PID", f->text['p'], UINT32_MAX, &pid,
				      error);
	if (!ret)
		ret = optional_number(t, "what follows,", f->text['U'],
				      UINT64_MAX, &e->arg, error);
	if (ret)
		return ret;
	e->cpu = (unsigned int)cpu;
	e->pid = (uint32_t)pid;
	e->action = action_of(f->text['a']);
	ret = e->action == TRACE_OTHER ? 0 : set_extent(t, f, e, error);
	return ret ? ret : 1;
}

/* What blkparse prints behind the events: sums of each CPU and of all. */
static bool is_summary(const char *line)
{
	return !strncmp(line, "CPU", 3) || !strncmp(line, "Total (", 7) ||
	       !strncmp(line, "Throughput ", 11) || *line == ' ' ||
	       !strncmp(line, "Events ", 7) || !strncmp(line, "Skips: ", 7);
}

static int custom_parse(struct trace *t, char *line, struct trace_event *e,
			struct physbio_error *error)
{
	struct blk_fields f;

	if (find_any(t, line, &f))
		return blk_event(t, &f, e, error);
	return trace_fail(t, error, "\"%.100s\" is no line of blkparse", line);
}

static int blk_parse(struct trace *t, char *line, struct trace_event *e,
		     struct physbio_error *error)
{
	int ret = custom_parse(t, line, e, error);

	return ret == -EINVAL && is_summary(line) && !blk_probe(line) ? 0 : ret;
}

const struct trace_format trace_blkparse = {
	.name = "blkparse",
	.detail = TRACE_EVENTS,
	.probe = blk_probe,
	.parse = blk_parse,
};

const struct trace_format trace_custom = {
	.name = "blkparse -f",
	.detail = TRACE_EVENTS,
	.probe = custom_probe,
	.parse = custom_parse,
};
