// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parser of fio's I/O logs. Version 2: "FILE ACTION [OFFSET LENGTH]"; version 3 has
 * a time in front of it. Several jobs' logs may stand one after the other, each with a
 * header of its own.
 */
#include "iolog.h"
#include "lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define MAX_LENGTH (UINT64_C(1) << 30)
#define MAX_LINE 1023

const char *const iolog_action_names[IOLOG_NR_ACTIONS] = {
	[IOLOG_READ] = "read",	       [IOLOG_WRITE] = "write",
	[IOLOG_TRIM] = "trim",	       [IOLOG_SYNC] = "sync",
	[IOLOG_DATASYNC] = "datasync", [IOLOG_WAIT] = "wait",
	[IOLOG_ADD] = "add",	       [IOLOG_OPEN] = "open",
	[IOLOG_CLOSE] = "close",
};

struct iolog {
	struct lines *lines;
	int version; /* 0 before the first header */
	int nr_files;
	char files[IOLOG_MAX_FILES][IOLOG_NAME_MAX];
};

#define fail(log, error, err, ...) \
	lines_fail((log)->lines, error, err, __VA_ARGS__)

int iolog_open(const char *path, struct iolog **log,
	       struct physbio_error *error)
{
	struct iolog *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	err = lines_open(path, MAX_LINE, &l->lines, error);
	if (err) {
		free(l);
		return err;
	}
	*log = l;
	return 0;
}

void iolog_close(struct iolog *log)
{
	lines_close(log->lines);
	free(log);
}

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	/* strtoull() would take a sign, and blanks before it. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && !*end;
}

static int parse_header(struct iolog *log, const char *line,
			struct physbio_error *error)
{
	if (!strcmp(line, "fio version 2 iolog"))
		log->version = 2;
	else if (!strcmp(line, "fio version 3 iolog"))
		log->version = 3;
	else
		return fail(
			log, error, -EINVAL,
			"\"%.100s\" is no header of an iolog of version 2 or 3",
			line);
	return 0;
}

static int find_file(struct iolog *log, const char *name,
		     struct physbio_error *error)
{
	int i;

	for (i = 0; i < log->nr_files; i++)
		if (!strcmp(log->files[i], name))
			return i;
	if (i == IOLOG_MAX_FILES)
		return fail(log, error, -EINVAL,
			    "\"%.64s\" is file number %d, at most %d are read",
			    name, i + 1, IOLOG_MAX_FILES);
	if (strlen(name) >= IOLOG_NAME_MAX)
		return fail(log, error, -EINVAL,
			    "file name \"%.64s...\" is too long", name);
	strcpy(log->files[log->nr_files++], name);
	return i;
}

static int find_action(struct iolog *log, const char *name,
		       struct physbio_error *error)
{
	int i;

	for (i = 0; i < IOLOG_NR_ACTIONS; i++)
		if (!strcmp(iolog_action_names[i], name))
			return i;
	return fail(log, error, -EINVAL, "\"%.64s\" is no action", name);
}

static int check_extent(struct iolog *log, const struct iolog_entry *e,
			struct physbio_error *error)
{
	if (!e->len)
		return fail(log, error, -EINVAL, "length is 0");
	if (e->len > MAX_LENGTH)
		return fail(log, error, -EINVAL,
			    "length %" PRIu64 " is more than %" PRIu64, e->len,
			    MAX_LENGTH);
	if (e->len % SECTOR)
		return fail(log, error, -EINVAL,
			    "length %" PRIu64 " is not of sectors of %u bytes",
			    e->len, SECTOR);
	if (e->offset % SECTOR)
		return fail(log, error, -EINVAL,
			    "offset %" PRIu64 " is not of sectors of %u bytes",
			    e->offset, SECTOR);
	if (e->offset + e->len < e->offset)
		return fail(log, error, -EINVAL,
			    "offset %" PRIu64 " + length %" PRIu64 " wraps",
			    e->offset, e->len);
	return 0;
}

static bool moves_data(enum iolog_action action)
{
	return action == IOLOG_READ || action == IOLOG_WRITE ||
	       action == IOLOG_TRIM;
}

#define MAX_WORDS 6

static int split_words(char *line, char *words[MAX_WORDS])
{
	char *save, *word;
	int n = 0;

	for (word = strtok_r(line, " \t\r", &save); word;
	     word = strtok_r(NULL, " \t\r", &save)) {
		if (n == MAX_WORDS)
			return n + 1;
		words[n++] = word;
	}
	return n;
}

static int parse_extent(struct iolog *log, struct iolog_entry *e, char **words,
			int n, struct physbio_error *error)
{
	if (n != 2)
		return fail(log, error, -EINVAL,
			    "%s needs an offset and a length",
			    iolog_action_names[e->action]);
	if (!parse_number(words[0], &e->offset))
		return fail(log, error, -EINVAL,
			    "offset \"%.64s\" is no number of bytes", words[0]);
	if (!parse_number(words[1], &e->len))
		return fail(log, error, -EINVAL,
			    "length \"%.64s\" is no number of bytes", words[1]);
	return check_extent(log, e, error);
}

/* @words: FILE ACTION and what follows */
static int parse_action(struct iolog *log, struct iolog_entry *e, char **words,
			int n, struct physbio_error *error)
{
	uint64_t number;
	int i, found;

	found = find_action(log, words[1], error);
	if (found < 0)
		return found;
	e->action = (enum iolog_action)found;
	e->file = find_file(log, words[0], error);
	if (e->file < 0)
		return e->file;
	if (moves_data(e->action))
		return parse_extent(log, e, words + 2, n - 2, error);
	for (i = 2; i < n; i++)
		if (!parse_number(words[i], &number))
			return fail(log, error, -EINVAL,
				    "\"%.64s\" is no number", words[i]);
	return 0;
}

static int parse_line(struct iolog *log, struct iolog_entry *e, char *line,
		      struct physbio_error *error)
{
	char *words[MAX_WORDS];
	int n = split_words(line, words), first = log->version == 3;
	uint64_t time;

	memset(e, 0, sizeof(*e));
	e->line = lines_number(log->lines);
	if (first && n && !parse_number(words[0], &time))
		return fail(log, error, -EINVAL, "time \"%.64s\" is no number",
			    words[0]);
	if (n < first + 2 || n > first + 4)
		return fail(log, error, -EINVAL, "has %d words, not %d to %d",
			    n, first + 2, first + 4);
	return parse_action(log, e, words + first, n - first, error);
}

int iolog_next(struct iolog *log, struct iolog_entry *entry,
	       struct physbio_error *error)
{
	char *line;
	int ret;

	while ((ret = lines_next(log->lines, &line, error)) > 0) {
		if (!*line || *line == '#')
			continue;
		if (!log->version || !strncmp(line, "fio version ", 12)) {
			ret = parse_header(log, line, error);
			if (ret)
				return ret;
			continue;
		}
		ret = parse_line(log, entry, line, error);
		return ret ? ret : 1;
	}
	if (!ret && !log->version)
		return fail(log, error, -EINVAL, "is empty: no header");
	return ret;
}
