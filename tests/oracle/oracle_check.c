// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * oracle_check [--repr phys|phys12|phyr|phys31|page|sparse] [--emit] FILE...
 *
 * Runs recorded decisions of a real kernel through the engine and compares. Decides
 * where phys may differ: "page" must agree in every field, and phys differs only where
 * page confirms what was recorded.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "run.h"
#include "stats.h"

#define SHOWN 5 /* mismatches */

/* A gap of a page and more: which bit it is says where the page began. */
#define GAP_BIT_PAGE 13

/* Where phys may differ, each described in docs/kernel-findings.md. */
enum difference {
	SAME,
	DIFFERS_BOUNDARY, /* virt boundary larger than a page */
	DIFFERS_STALE, /* gap bit left over on the fast path of a remainder */
	DIFFERS_FAST, /* what the fast path does not look at */
	MISMATCH,
};

static const char *const difference_names[] = {
	[DIFFERS_BOUNDARY] = "virt-boundary-beyond-page",
	[DIFFERS_STALE] = "stale-gap-bit",
	[DIFFERS_FAST] = "fast-path-beyond-page",
};

struct check {
	const struct physbio_repr *repr;
	bool emit;
	struct run *run, *page; /* page: NULL if run is that */
	struct text text, page_text;
	struct stats stats;
	uint64_t cases, by[MISMATCH + 1];
};

/* --- two lines --- */

static bool same(struct field a, struct field b)
{
	return a.len == b.len && !memcmp(a.text, b.text, (size_t)a.len);
}

static bool next_field(const char **p, struct field *f)
{
	if (**p != ' ')
		return false;
	f->text = ++*p;
	*p += strcspn(*p, " \n");
	f->len = (int)(*p - f->text);
	return true;
}

static bool same_gap(struct field a, struct field b)
{
	return same(a, b) || (hex(a) >= GAP_BIT_PAGE && hex(b) >= GAP_BIT_PAGE);
}

/* What phys may have otherwise in a line; gaps no longer count after a stale one. */
static bool lines_agree(const char *want, const char *got, bool stale)
{
	const char *shape = line_shape(*want);
	struct field w, g;

	if (*want != *got || !shape)
		return false;
	want++;
	got++;
	while (next_field(&want, &w)) {
		if (*shape == '|')
			shape++;
		if (!next_field(&got, &g))
			return false;
		if (!same(w, g) && *shape != 'f' &&
		    !(*shape == 'g' && (stale || same_gap(w, g))))
			return false;
		if (shape[1])
			shape++;
	}
	return *got == '\n' || !*got;
}

/*
 * The kernel recomputed the gap bit of a remainder whose offset is beyond its page;
 * phys knows that it is not, takes the fast path, and keeps what was there.
 */
static bool stale_begins(const char *want, const char *got)
{
	struct field w[9], g[9];

	if (*want != 'S' || *got != 'S' || fields_of(want, w, 9) != 9 ||
	    fields_of(got, g, 9) != 9)
		return false;
	return *w[3].text == '0' && *g[3].text == '1' && hex(g[5]) &&
	       !hex(w[5]);
}

/*
 * The kernel walked, and cut or refused for its alignment or flags, what phys takes the
 * fast path with: the same bytes, but what comes after is another story.
 */
static bool fast_alone(const char *want, const char *got)
{
	struct field w[9], g[9];
	int n = fields_of(want, w, 9);

	if (*got != 'S' || fields_of(got, g, 9) != 9 || *g[3].text != '1')
		return false;
	if (*want == 'S' && n == 9)
		return *w[3].text == '0' && hex(w[0]) == hex(g[0]) &&
		       hex(w[1]) < hex(g[1]) && hex(w[7]) == hex(g[7]) &&
		       hex(w[8]) == hex(g[8]);
	return *want == 'X' && n == 6 && hex(w[2]) == hex(g[0]) &&
	       hex(w[3]) == hex(g[1]) && hex(w[4]) == hex(g[7]) &&
	       hex(w[5]) == hex(g[8]);
}

/* --- cases --- */

static void show(const struct oracle_case *c, unsigned int at, const char *got)
{
	printf("case at line %u, %s, line %u:\n  expected %.*s\n  got      %.*s\n",
	       c->first, c->lines[0], c->first + at, 400,
	       at < c->nr ? c->lines[at] : "(nothing)", (int)strcspn(got, "\n"),
	       got);
}

static bool line_equal(const char *want, const char *got)
{
	size_t n = strlen(want);

	return !strncmp(want, got, n) && got[n] == '\n';
}

/* Is every line the same? If not, @at and @got are the first that is not. */
static bool all_equal(const struct oracle_case *c, const struct text *text,
		      unsigned int *at, const char **got)
{
	*got = text->bytes;
	for (*at = 0; *at < c->nr && **got; ++*at) {
		if (!line_equal(c->lines[*at], *got))
			return false;
		*got = strchr(*got, '\n') + 1;
	}
	return *at == c->nr && !**got;
}

/* The same for phys, from where @at and @got are. */
static enum difference compare_phys(const struct oracle_case *c,
				    unsigned int *at, const char **got)
{
	bool stale = false;

	for (; *at < c->nr && **got; ++*at) {
		const char *want = c->lines[*at];

		stale = stale || stale_begins(want, *got);
		if (!line_equal(want, *got) && !lines_agree(want, *got, stale))
			break;
		*got = strchr(*got, '\n') + 1;
	}
	if (*at == c->nr && !**got)
		return stale ? DIFFERS_STALE : SAME;
	if (value_of(c->lines[1], "fl") & 2)
		return DIFFERS_BOUNDARY;
	return *at < c->nr && fast_alone(c->lines[*at], *got) ? DIFFERS_FAST :
								MISMATCH;
}

/* @at, @got: the first line that differs */
static enum difference compare(struct check *check, const struct oracle_case *c,
			       unsigned int *at, const char **got)
{
	unsigned int page_at;
	const char *page_got;

	if (all_equal(c, &check->text, at, got))
		return SAME;
	if (!check->page || run_case(check->page, c, &check->page_text) ||
	    !all_equal(c, &check->page_text, &page_at, &page_got))
		return MISMATCH;
	return compare_phys(c, at, got);
}

static void count_lines(struct check *check, const struct oracle_case *c)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		stats_line(&check->stats, c->section, c->lines[i]);
}

static void emit_case(struct check *check, const struct oracle_case *c)
{
	char *line = check->text.bytes, *end;

	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		puts(line);
		stats_line(&check->stats, c->section, line);
	}
}

static void check_case(struct check *check, const struct oracle_case *c)
{
	enum difference d;
	const char *got;
	unsigned int at;

	count_lines(check, c);
	d = compare(check, c, &at, &got);
	if (d == MISMATCH && check->by[MISMATCH] < SHOWN)
		show(c, at, *got ? got : "(nothing)");
	check->by[d]++;
}

static void check_stats(struct check *check, const char *line)
{
	char why[256];

	if (check->emit) {
		stats_print(&check->stats, run_counts(check->run), stdout);
		return;
	}
	if (stats_agree(&check->stats, line,
			check->page ? NULL : run_counts(check->run), why,
			sizeof(why)))
		return;
	printf("statistics: %s\n", why);
	check->by[MISMATCH]++;
}

static int one_case(struct check *check, const struct oracle_case *c)
{
	int err = run_case(check->run, c, &check->text);

	if (err)
		return err;
	check->cases++;
	if (check->emit)
		emit_case(check, c);
	else
		check_case(check, c);
	return 0;
}

static int check_file(struct check *check, const char *path,
		      struct physbio_error *error)
{
	struct oracle_file *file;
	struct oracle_case *c;
	uint64_t before = check->cases;
	int ret = oracle_open(path, &file, error), seen = 0;

	if (ret)
		return ret;
	memset(&check->stats, 0, sizeof(check->stats));
	ret = run_create(check->repr, &check->run);
	if (!ret && !check->emit && !check->repr->offsets_of_page)
		ret = run_create(&page_physbio_repr, &check->page);
	while (!ret && (ret = seen = oracle_next(file, &c, error)) > 0) {
		ret = 0;
		if (seen == 1)
			ret = one_case(check, c);
		else if (seen == 3)
			check_stats(check, c->lines[0]);
		else if (check->emit)
			puts(c->lines[0]);
	}
	if (!ret && check->cases == before)
		ret = oracle_fail(file, error, "holds no case");
	run_destroy(check->run);
	run_destroy(check->page);
	check->run = NULL;
	check->page = NULL;
	oracle_close(file);
	return ret;
}

/* --- command line --- */

struct options {
	struct check check;
	char **paths;
	int nr_paths;
};

static const struct physbio_repr *repr_named(const char *name)
{
	static const struct physbio_repr *const reprs[] = {
		&phys_physbio_repr, &phys12_physbio_repr,
		&phyr_physbio_repr, &phys31_physbio_repr,
		&page_physbio_repr, &sparse_physbio_repr,
	};
	size_t i;

	for (i = 0; i < sizeof(reprs) / sizeof(reprs[0]); i++)
		if (!strcmp(reprs[i]->name, name))
			return reprs[i];
	return NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'r':
		o->check.repr = repr_named(arg);
		if (!o->check.repr)
			argp_error(
				state,
				"--repr %s: phys, phys12, phyr, phys31, page or sparse",
				arg);
		return 0;
	case 'e':
		o->check.emit = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->paths = state->argv + state->next;
		o->nr_paths = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option argp_options[] = {
	{ "repr", 'r', "NAME", 0,
	  "representation: phys (default), phys12, phyr, phys31, page (default with --emit) or sparse" },
	{ "emit", 'e', NULL, 0,
	  "write each file anew, outputs made from its inputs" },
	{ 0 },
};

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "FILE...",
	.doc = "Compare the engine with recorded decisions of a real kernel.\v"
	       "Exit status: 0 if there is no mismatch, 1 if there is, 2 if a file "
	       "can't be read or is malformed.",
};

static void report(const struct check *check)
{
	int i;

	printf("cases=%" PRIu64 " mismatches=%" PRIu64 " differs=%" PRIu64 "\n",
	       check->cases, check->by[MISMATCH],
	       check->by[DIFFERS_BOUNDARY] + check->by[DIFFERS_STALE] +
		       check->by[DIFFERS_FAST]);
	for (i = DIFFERS_BOUNDARY; i < MISMATCH; i++)
		if (check->by[i])
			printf("differs: %s=%" PRIu64 "\n", difference_names[i],
			       check->by[i]);
}

static int check_all(struct options *o)
{
	struct physbio_error error;
	int i, err;

	for (i = 0; i < o->nr_paths; i++) {
		memset(&error, 0, sizeof(error));
		err = check_file(&o->check, o->paths[i], &error);
		if (!err)
			continue;
		fprintf(stderr, "%s:%u: %s\n", o->paths[i], error.line,
			error.err ? error.message : strerror(-err));
		return 2;
	}
	if (!o->check.emit)
		report(&o->check);
	return o->check.by[MISMATCH] != 0;
}

int main(int argc, char **argv)
{
	struct options o = { .check.repr = NULL };
	int ret;

	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return 2;
	/* Only page can write what was recorded. */
	if (!o.check.repr)
		o.check.repr = o.check.emit ? &page_physbio_repr :
					      &phys_physbio_repr;
	ret = check_all(&o);
	free(o.check.text.bytes);
	free(o.check.page_text.bytes);
	return ret;
}
