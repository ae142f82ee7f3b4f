// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tracepoints block:* as perf script and ftrace print them, and as bpftrace does when
 * it is told to:
 *
 *   bpftrace -e 'tracepoint:block:block_bio_queue,tracepoint:block:block_rq_issue {
 *     printf("%s %d %d %s %lu %u\n", probe, cpu, pid, args.rwbs, args.sector,
 *       args.nr_sector) }'
 *
 * where for block_split the last word is args.new_sector, for block_unplug the words
 * behind the pid are args.nr_rq alone, and for block_plug there are none.
 */
#include "trace-format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name; /* behind block_ */
	enum trace_action action;
} events[] = {
	{ "bio_queue", TRACE_QUEUE },
	{ "split", TRACE_SPLIT },
	{ "bio_backmerge", TRACE_BACKMERGE },
	{ "bio_frontmerge", TRACE_FRONTMERGE },
	{ "rq_merge", TRACE_RQ_MERGE },
	{ "getrq", TRACE_GETRQ },
	{ "plug", TRACE_PLUG },
	{ "unplug", TRACE_UNPLUG },
	{ "rq_insert", TRACE_INSERT },
	{ "rq_issue", TRACE_ISSUE },
	{ "rq_requeue", TRACE_REQUEUE },
	{ "rq_complete", TRACE_COMPLETE },
};

#define NR_EVENTS (sizeof(events) / sizeof(events[0]))

/* @name: "block_bio_queue", perhaps with ':' behind it and what it is of before. */
static bool find_event(const char *name, enum trace_action *action)
{
	const char *colon = strstr(name, "block:");
	size_t i, n;

	name = colon ? colon + 6 : name;
	if (strncmp(name, "block_", 6))
		return false;
	name += 6;
	n = strcspn(name, ":");
	*action = TRACE_OTHER;
	for (i = 0; i < NR_EVENTS; i++)
		if (!strncmp(events[i].name, name, n) && !events[i].name[n])
			*action = events[i].action;
	return true;
}

static int fail_words(struct trace *t, struct physbio_error *error)
{
	return trace_fail(t, error, "has too few words for its event");
}

static int set_split(struct trace *t, struct trace_event *e, const char *sector,
		     const char *rest, struct physbio_error *error)
{
	uint64_t at;

	if (trace_extent(t, e, sector, "0", error))
		return -EINVAL;
	if (!trace_number(rest, 10, UINT64_MAX, &e->arg))
		return trace_fail(t, error, "sector \"%.64s\" is no number",
				  rest);
	at = e->offset / 512;
	if (e->arg <= at || e->arg - at >= 1u << 23)
		return trace_fail(
			t, error,
			"the rest at sector %" PRIu64
			" does not begin behind the front at %" PRIu64,
			e->arg, at);
	e->len = (e->arg - at) * 512;
	return 0;
}

/* @words: RWBS SECTOR SECTORS, or what stands for SECTORS in a split */
static int set_extent(struct trace *t, struct trace_event *e, char **words,
		      struct physbio_error *error)
{
	if (!trace_rwbs(words[0], e))
		return trace_fail(t, error, "\"%.16s\" is no operation",
				  words[0]);
	if (e->action == TRACE_SPLIT)
		return set_split(t, e, words[1], words[2], error);
	return trace_extent(t, e, words[1], words[2], error);
}

static int set_unplug(struct trace *t, struct trace_event *e, const char *n,
		      struct physbio_error *error)
{
	if (trace_number(n, 10, UINT32_MAX, &e->arg))
		return 0;
	return trace_fail(t, error, "\"%.64s\" is no number of requests", n);
}

/* --- perf script --- */

/* "fio  736 [001]  36.196249: block:block_bio_queue: 254,32 WS 8192 + 32 [fio]" */
static unsigned int event_word(char **words, unsigned int n,
			       enum trace_action *action)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		size_t len = strlen(words[i]);

		if (len && words[i][len - 1] == ':' &&
		    find_event(words[i], action))
			return i;
	}
	return n;
}

static bool perf_probe(const char *line)
{
	const char *name = strstr(line, "block_");

	return name && name > line && (name[-1] == ' ' || name[-1] == ':') &&
	       strchr(name, ':') && strchr(line, '[');
}

/* "[001]" */
static bool in_brackets(const char *word, uint64_t *cpu)
{
	char digits[8];
	size_t n = strlen(word);

	if (n < 3 || n - 2 >= sizeof(digits) || *word != '[' ||
	    word[n - 1] != ']')
		return false;
	memcpy(digits, word + 1, n - 2);
	digits[n - 2] = '\0';
	return trace_number(digits, 10, UINT16_MAX, cpu);
}

/* The CPU, and the task before it: "736", or "fio-736" as ftrace has it. */
static int set_where(struct trace *t, struct trace_event *e, char **words,
		     unsigned int n, struct physbio_error *error)
{
	unsigned int i = n;
	const char *dash;
	uint64_t pid, cpu;

	while (i-- > 1)
		if (in_brackets(words[i], &cpu))
			break;
	if (!i || i >= n)
		return trace_fail(t, error, "\"%.64s\" is no CPU in brackets",
				  n > 1 ? words[n > 2 ? n - 2 : 1] : "");
	dash = strrchr(words[i - 1], '-');
	e->cpu = (unsigned int)cpu;
	if (trace_number(dash ? dash + 1 : words[i - 1], 10, UINT32_MAX, &pid))
		e->pid = (uint32_t)pid;
	return 0;
}

/* RWBS comes after the device; the extent is around '+', or '/' in a split. */
static int set_perf_extent(struct trace *t, struct trace_event *e, char **words,
			   unsigned int n, struct physbio_error *error)
{
	const char *mark = e->action == TRACE_SPLIT ? "/" : "+";
	char *extent[3];
	unsigned int i;

	for (i = 2; i + 1 < n && strcmp(words[i], mark); i++)
		;
	if (i + 1 >= n)
		return fail_words(t, error);
	extent[0] = words[1];
	extent[1] = words[i - 1];
	extent[2] = words[i + 1];
	return set_extent(t, e, extent, error);
}

static int perf_parse(struct trace *t, char *line, struct trace_event *e,
		      struct physbio_error *error)
{
	char *words[TRACE_MAX_WORDS];
	unsigned int n = trace_words(line, words, TRACE_MAX_WORDS), at;
	int ret;

	if (n > TRACE_MAX_WORDS)
		n = TRACE_MAX_WORDS;
	at = event_word(words, n, &e->action);
	if (at == n)
		return trace_fail(t, error, "has no event of the block layer");
	ret = set_where(t, e, words, at, error);
	if (ret)
		return ret;
	if (e->action == TRACE_OTHER || e->action == TRACE_PLUG)
		return 1;
	if (e->action == TRACE_UNPLUG)
		ret = set_unplug(t, e, words[n - 1], error);
	else
		ret = set_perf_extent(t, e, words + at + 1, n - at - 1, error);
	return ret ? ret : 1;
}

const struct trace_format trace_perf = {
	.name = "perf script",
	.detail = TRACE_EVENTS,
	.probe = perf_probe,
	.parse = perf_parse,
};

/* --- bpftrace --- */

static bool bpftrace_probe(const char *line)
{
	enum trace_action action;

	return find_event(line, &action) || !strncmp(line, "Attaching ", 10);
}

static int set_bpftrace(struct trace *t, struct trace_event *e, char **words,
			unsigned int n, struct physbio_error *error)
{
	uint64_t cpu, pid;

	if (n < 3)
		return fail_words(t, error);
	if (!trace_number(words[1], 10, UINT16_MAX, &cpu) ||
	    !trace_number(words[2], 10, UINT32_MAX, &pid))
		return trace_fail(t, error,
				  "CPU \"%.64s\" or PID \"%.64s\" is no number",
				  words[1], words[2]);
	e->cpu = (unsigned int)cpu;
	e->pid = (uint32_t)pid;
	if (e->action == TRACE_OTHER || e->action == TRACE_PLUG)
		return 0;
	if (n < 4 || (e->action != TRACE_UNPLUG && n < 6))
		return fail_words(t, error);
	if (e->action == TRACE_UNPLUG)
		return set_unplug(t, e, words[3], error);
	return set_extent(t, e, words + 3, error);
}

static int bpftrace_parse(struct trace *t, char *line, struct trace_event *e,
			  struct physbio_error *error)
{
	char *words[TRACE_MAX_WORDS];
	unsigned int n;
	int ret;

	if (!strncmp(line, "Attaching ", 10))
		return 0;
	n = trace_words(line, words, TRACE_MAX_WORDS);
	if (!find_event(words[0], &e->action))
		return trace_fail(t, error, "\"%.64s\" is no event", words[0]);
	ret = set_bpftrace(t, e, words, n, error);
	return ret ? ret : 1;
}

const struct trace_format trace_bpftrace = {
	.name = "bpftrace",
	.detail = TRACE_EVENTS,
	.probe = bpftrace_probe,
	.parse = bpftrace_parse,
};
