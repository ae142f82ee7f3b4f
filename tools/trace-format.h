/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a reader of a format gives to trace.c, and the words and numbers that all of them
 * read alike. A reader keeps no memory but what is in struct trace.
 */
#ifndef TOOLS_TRACE_FORMAT_H
#define TOOLS_TRACE_FORMAT_H

#include "lines.h"
#include "trace.h"

#define TRACE_MAX_LINE 65535
#define TRACE_MAX_VECS 4096
#define TRACE_MAX_WORDS 24
#define TRACE_NAME_MAX 256

struct trace_format {
	const char *name;
	enum trace_detail detail;
	/* Is @line, the first that is no comment, of this format? */
	bool (*probe)(const char *line);
	/* 1: an event; 0: none in this line; -errno and @error. May write to @line. */
	int (*parse)(struct trace *t, char *line, struct trace_event *e,
		     struct physbio_error *error);
};

extern const struct trace_format trace_iolog, trace_blkparse, trace_custom,
	trace_seg, trace_perf, trace_bpftrace;

#define TRACE_MAX_CUSTOM 8

/* A format of blkparse -f, or of -F for the actions that begin with a letter. */
struct trace_custom {
	char action; /* 0: any */
	char text[TRACE_NAME_MAX];
};

struct trace {
	struct lines *lines;
	const struct trace_format *format;
	char *first; /* the line that told the format, until it was read */
	bool queued; /* perf, bpftrace: bios are recorded, not only requests */
	struct settings settings;
	struct trace_hctxs hctxs;
	struct trace_vec vecs[TRACE_MAX_VECS];
	int version; /* of the iolog */
	unsigned int nr_custom;
	struct trace_custom custom[TRACE_MAX_CUSTOM];
	unsigned int nr_files;
	char files[TRACE_MAX_FILES][TRACE_NAME_MAX];
};

#define trace_fail(t, error, ...) \
	lines_fail((t)->lines, error, -EINVAL, __VA_ARGS__)

/* Words between blanks, in place. Return: how many; @max + 1: more than @max. */
unsigned int trace_words(char *line, char **words, unsigned int max);

/* All of @text is a number without a sign. */
bool trace_number(const char *text, int base, uint64_t max, uint64_t *value);

/* @rwbs of blktrace becomes operation and flags. Return: false if it is none. */
bool trace_rwbs(const char *rwbs, struct trace_event *e);

/*
 * Take the formats from "# format blkparse -f 'FORMAT' -F 'X,FORMAT'". Return: 0, or
 * -EINVAL and @error; another comment is none of these and 0.
 */
int trace_custom_formats(struct trace *t, char *line,
			 struct physbio_error *error);

/* Check and set an extent in sectors. Return: 0, or -EINVAL and @error. */
int trace_extent(struct trace *t, struct trace_event *e, const char *sector,
		 const char *sectors, struct physbio_error *error);

#endif
