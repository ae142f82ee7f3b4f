// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Detailed recordings: "TIME CPU PID EVENT ..." with the memory of each bio, the
 * segments that were counted, and the path on which something merged.
 */
#include "trace-format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool seg_probe(const char *line)
{
	unsigned int seconds, micros, cpu, pid;
	char action;

	return sscanf(line, "%u.%u %u %u %c", &seconds, &micros, &cpu, &pid,
		      &action) == 5;
}

/* The value of "KEY=VALUE" among @words; NULL if there is none. */
static const char *value_of(char **words, unsigned int n, const char *key)
{
	size_t len = strlen(key);
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strncmp(words[i], key, len) && words[i][len] == '=')
			return words[i] + len + 1;
	return NULL;
}

struct seg_line {
	struct trace *t;
	struct trace_event *e;
	char **words; /* behind the event's letter */
	unsigned int n;
	struct physbio_error *error;
};

static int get_u32(const struct seg_line *l, const char *key, int base,
		   uint32_t *out)
{
	const char *text = value_of(l->words, l->n, key);
	uint64_t value;

	if (!text)
		return trace_fail(l->t, l->error, "has no %s=", key);
	if (base == 16 && !strncmp(text, "0x", 2))
		text += 2;
	if (!trace_number(text, base, UINT32_MAX, &value))
		return trace_fail(l->t, l->error, "%s=%.64s is no number", key,
				  text);
	*out = (uint32_t)value;
	return 0;
}

/* "ADDRESS+LENGTH", hexadecimal. */
static bool parse_vec(char *text, struct trace_vec *vec)
{
	char *plus = strchr(text, '+');
	uint64_t len;

	if (!plus)
		return false;
	*plus = '\0';
	if (!trace_number(text, 16, UINT64_MAX, &vec->paddr) ||
	    !trace_number(plus + 1, 16, UINT32_MAX, &len) || !len)
		return false;
	vec->len = (uint32_t)len;
	return vec->paddr <= UINT64_MAX - len;
}

static int parse_vecs(const struct seg_line *l)
{
	char *list = (char *)(uintptr_t)value_of(l->words, l->n, "bv"), *save;
	char *word;
	unsigned int n = 0;

	if (!list)
		return trace_fail(l->t, l->error, "has no bv=");
	if (!strcmp(list, "-"))
		return 0;
	for (word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		if (n == TRACE_MAX_VECS)
			return trace_fail(l->t, l->error,
					  "has more than %d vectors",
					  TRACE_MAX_VECS);
		if (!parse_vec(word, &l->t->vecs[n++]))
			return trace_fail(
				l->t, l->error,
				"vector %u of bv= is no ADDRESS+LENGTH", n);
	}
	l->e->vecs = l->t->vecs;
	l->e->nr_vecs = n;
	return 0;
}

/* What the iterator has before it is the length of the bio. */
static int check_vecs(const struct seg_line *l)
{
	bool data = l->e->op == TRACE_READ || l->e->op == TRACE_WRITE;
	uint64_t sum = 0;
	unsigned int i;

	if ((l->e->flags & TRACE_BIO_REST) || !data)
		return 0;
	for (i = l->e->idx; i < l->e->nr_vecs; i++)
		sum += l->e->vecs[i].len;
	if (sum > l->e->done && sum - l->e->done == l->e->len &&
	    l->e->done < l->e->vecs[l->e->idx].len)
		return 0;
	return trace_fail(l->t, l->error,
			  "vectors have %llu bytes, the bio %llu",
			  (unsigned long long)sum,
			  (unsigned long long)l->e->len);
}

static void op_from_opf(struct trace_event *e)
{
	switch (e->opf & 0xff) {
	case 0:
		e->op = TRACE_READ;
		break;
	case 1:
		e->op = !e->len ? TRACE_FLUSH : TRACE_WRITE;
		break;
	case 3:
		e->op = TRACE_DISCARD;
		break;
	default:
		e->op = TRACE_NONE;
	}
}

static int parse_submit(const struct seg_line *l)
{
	int ret = get_u32(l, "opf", 16, &l->e->opf);

	if (!ret)
		ret = get_u32(l, "flags", 16, &l->e->flags);
	if (!ret)
		ret = get_u32(l, "idx", 10, &l->e->idx);
	if (!ret)
		ret = get_u32(l, "done", 10, &l->e->done);
	if (!ret)
		ret = parse_vecs(l);
	if (ret)
		return ret;
	op_from_opf(l->e);
	return check_vecs(l);
}

static int parse_path(const struct seg_line *l)
{
	static const struct {
		const char *name;
		enum trace_path path;
	} paths[] = {
		{ "plug", TRACE_PATH_PLUG },
		{ "sched", TRACE_PATH_SCHED },
		{ "insert", TRACE_PATH_INSERT },
	};
	const char *text = value_of(l->words, l->n, "path");
	size_t i;

	for (i = 0; text && i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(paths[i].name, text))
			l->e->path = paths[i].path;
	if (l->e->path)
		return 0;
	return trace_fail(l->t, l->error,
			  "path= is not one of plug, sched, insert");
}

static int parse_split(const struct seg_line *l)
{
	if (l->n != 3 || strcmp(l->words[1], "/") ||
	    !trace_number(l->words[2], 10, UINT64_MAX, &l->e->arg))
		return trace_fail(l->t, l->error,
				  "is no \"X SECTOR / SECTOR\"");
	if (trace_extent(l->t, l->e, l->words[0], "0", l->error))
		return -EINVAL;
	if (l->e->arg <= l->e->offset / 512)
		return trace_fail(l->t, l->error,
				  "the rest does not begin behind the front");
	l->e->len = (l->e->arg - l->e->offset / 512) * 512;
	return 0;
}

static int parse_unplug(const struct seg_line *l)
{
	if (l->n != 1 || !trace_number(l->words[0], 10, UINT32_MAX, &l->e->arg))
		return trace_fail(l->t, l->error,
				  "U has no number of requests");
	return 0;
}

/* The extent, and in most events the letters of the operation behind it. */
static int parse_extent(const struct seg_line *l, bool rwbs)
{
	if (l->n < 2u + rwbs)
		return trace_fail(l->t, l->error, "has %u words too few",
				  2u + rwbs - l->n);
	if (trace_extent(l->t, l->e, l->words[0], l->words[1], l->error))
		return -EINVAL;
	if (rwbs && !trace_rwbs(l->words[2], l->e))
		return trace_fail(l->t, l->error, "\"%.16s\" is no operation",
				  l->words[2]);
	return 0;
}

static int parse_issue(const struct seg_line *l)
{
	int ret = get_u32(l, "segs", 10, &l->e->segs);

	return ret ? ret : get_u32(l, "opf", 16, &l->e->opf);
}

static int parse_fields(const struct seg_line *l)
{
	static const char no_rwbs[] = "SBm";
	enum trace_action action = l->e->action;
	int ret;

	if (action == TRACE_PLUG)
		return 0;
	if (action == TRACE_UNPLUG)
		return parse_unplug(l);
	if (action == TRACE_SPLIT)
		return parse_split(l);
	ret = parse_extent(l, !strchr(no_rwbs, (int)action));
	if (ret)
		return ret;
	switch (action) {
	case TRACE_SUBMIT:
		return parse_submit(l);
	case TRACE_ATTEMPT:
		return get_u32(l, "segs", 10, &l->e->segs);
	case TRACE_ISSUE:
		return parse_issue(l);
	case TRACE_BACKMERGE:
	case TRACE_FRONTMERGE:
	case TRACE_RQ_MERGE:
	case TRACE_SILENT_MERGE:
		return parse_path(l);
	default:
		return 0;
	}
}

static int seg_parse(struct trace *t, char *line, struct trace_event *e,
		     struct physbio_error *error)
{
	char *words[TRACE_MAX_WORDS];
	unsigned int n = trace_words(line, words, TRACE_MAX_WORDS);
	uint64_t cpu, pid;
	struct seg_line l = { t, e, words + 4, n - 4, error };

	if (n < 4 || n > TRACE_MAX_WORDS)
		return trace_fail(t, error, "has %u words, not 4 to %d", n,
				  TRACE_MAX_WORDS);
	if (!trace_number(words[1], 10, UINT16_MAX, &cpu) ||
	    !trace_number(words[2], 10, UINT32_MAX, &pid))
		return trace_fail(t, error, "CPU or PID is no number");
	if (!*words[3] || words[3][1] || !strchr("SQXBMFRmGPUIDqC", *words[3]))
		return trace_fail(t, error, "\"%.16s\" is no event", words[3]);
	e->cpu = (unsigned int)cpu;
	e->pid = (uint32_t)pid;
	e->action = (enum trace_action) * words[3];
	return parse_fields(&l) ? -EINVAL : 1;
}

const struct trace_format trace_seg = {
	.name = "detailed recording",
	.detail = TRACE_MEMORY,
	.probe = seg_probe,
	.parse = seg_parse,
};
