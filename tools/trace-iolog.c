// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parser of fio's I/O logs. Version 2: "FILE ACTION [OFFSET LENGTH]"; version 3 has
 * a time in front of it. Several jobs' logs may stand one after the other, each with a
 * header of its own.
 */
#include "trace-format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define MAX_LENGTH (UINT64_C(1) << 30)

static const struct {
	const char *name;
	enum trace_op op;
} actions[] = {
	{ "read", TRACE_READ },	     { "write", TRACE_WRITE },
	{ "trim", TRACE_DISCARD },   { "sync", TRACE_FLUSH },
	{ "datasync", TRACE_FLUSH }, { "wait", TRACE_NONE },
	{ "add", TRACE_NONE },	     { "open", TRACE_NONE },
	{ "close", TRACE_NONE },
};

#define NR_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static int parse_header(struct trace *log, const char *line,
			struct physbio_error *error)
{
	if (!strcmp(line, "fio version 2 iolog"))
		log->version = 2;
	else if (!strcmp(line, "fio version 3 iolog"))
		log->version = 3;
	else
		return trace_fail(
			log, error,
			"\"%.100s\" is no header of an iolog of version 2 or 3",
			line);
	return 0;
}

static int find_file(struct trace *log, const char *name,
		     struct physbio_error *error)
{
	unsigned int i;

	for (i = 0; i < log->nr_files; i++)
		if (!strcmp(log->files[i], name))
			return (int)i;
	if (i == TRACE_MAX_FILES)
		return trace_fail(
			log, error,
			"\"%.64s\" is file number %u, at most %d are read",
			name, i + 1, TRACE_MAX_FILES);
	if (strlen(name) >= TRACE_NAME_MAX)
		return trace_fail(log, error,
				  "file name \"%.64s...\" is too long", name);
	strcpy(log->files[log->nr_files++], name);
	return (int)i;
}

static int find_action(struct trace *log, const char *name,
		       struct physbio_error *error)
{
	size_t i;

	for (i = 0; i < NR_ACTIONS; i++)
		if (!strcmp(actions[i].name, name))
			return (int)i;
	return trace_fail(log, error, "\"%.64s\" is no action", name);
}

static int check_extent(struct trace *log, const struct trace_event *e,
			struct physbio_error *error)
{
	if (!e->len)
		return trace_fail(log, error, "length is 0");
	if (e->len > MAX_LENGTH)
		return trace_fail(log, error,
				  "length %" PRIu64 " is more than %" PRIu64,
				  e->len, MAX_LENGTH);
	if (e->len % SECTOR)
		return trace_fail(log, error,
				  "length %" PRIu64
				  " is not of sectors of %u bytes",
				  e->len, SECTOR);
	if (e->offset % SECTOR)
		return trace_fail(log, error,
				  "offset %" PRIu64
				  " is not of sectors of %u bytes",
				  e->offset, SECTOR);
	if (e->offset + e->len < e->offset)
		return trace_fail(log, error,
				  "offset %" PRIu64 " + length %" PRIu64
				  " wraps",
				  e->offset, e->len);
	return 0;
}

#define MAX_WORDS 6

static int parse_extent(struct trace *log, struct trace_event *e, char **words,
			int n, struct physbio_error *error)
{
	if (n != 2)
		return trace_fail(log, error, "%s needs an offset and a length",
				  e->name);
	if (!trace_number(words[0], 10, UINT64_MAX, &e->offset))
		return trace_fail(log, error,
				  "offset \"%.64s\" is no number of bytes",
				  words[0]);
	if (!trace_number(words[1], 10, UINT64_MAX, &e->len))
		return trace_fail(log, error,
				  "length \"%.64s\" is no number of bytes",
				  words[1]);
	return check_extent(log, e, error);
}

/* @words: FILE ACTION and what follows */
static int parse_action(struct trace *log, struct trace_event *e, char **words,
			int n, struct physbio_error *error)
{
	uint64_t number;
	int i, found;

	found = find_action(log, words[1], error);
	if (found < 0)
		return found;
	e->action = TRACE_QUEUE;
	e->op = actions[found].op;
	e->name = actions[found].name;
	found = find_file(log, words[0], error);
	if (found < 0)
		return found;
	e->file = (unsigned int)found;
	if (e->op < TRACE_FLUSH)
		return parse_extent(log, e, words + 2, n - 2, error);
	for (i = 2; i < n; i++)
		if (!trace_number(words[i], 10, UINT64_MAX, &number))
			return trace_fail(log, error, "\"%.64s\" is no number",
					  words[i]);
	return 0;
}

static int parse_entry(struct trace *log, struct trace_event *e, char *line,
		       struct physbio_error *error)
{
	char *words[MAX_WORDS];
	int n = (int)trace_words(line, words, MAX_WORDS);
	int first = log->version == 3;
	uint64_t time;

	if (first && n && !trace_number(words[0], 10, UINT64_MAX, &time))
		return trace_fail(log, error, "time \"%.64s\" is no number",
				  words[0]);
	if (n < first + 2 || n > first + 4)
		return trace_fail(log, error, "has %d words, not %d to %d", n,
				  first + 2, first + 4);
	return parse_action(log, e, words + first, n - first, error);
}

static int iolog_parse(struct trace *log, char *line, struct trace_event *e,
		       struct physbio_error *error)
{
	int ret;

	if (!log->version || !strncmp(line, "fio version ", 12))
		return parse_header(log, line, error);
	ret = parse_entry(log, e, line, error);
	return ret ? ret : 1;
}

static bool iolog_probe(const char *line)
{
	return !strncmp(line, "fio version ", 12);
}

const struct trace_format trace_iolog = {
	.name = "fio iolog",
	.detail = TRACE_IOS,
	.probe = iolog_probe,
	.parse = iolog_parse,
};
