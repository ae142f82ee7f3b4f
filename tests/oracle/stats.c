// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the line. */
static const char *const names[] = {
	"RW",	    "VB",	"CHK",		"BLK",	    "SEG",
	"DMA",	    "NOW",	"UNP",		"UNV",	    "CLN",
	"EE6",	    "MAP",	"MRG",		"MRV",	    "MRT",
	"MRD",	    "FLG",	"RQM",		"RQD",	    "PLG",
	"DSC",	    "ATM",	"ATR",		"ZON",	    "PT",
	"ADV",	    "ADD",	"PRM",		"VAL",	    "frags",
	"splits",   "sgs",	"adds",		"rejected", "einval",
	"eagain",   "e_atomic", "e_misaligned", "e_zero",   "e_both",
	"e_append", "skip",	"trunc",	"mb",	    "mf",
	"md",	    "mn",	"mx",		"rqok",	    "rqno",
	"sg_over",  "sg_less",	"fast",		"plug_ok",  "plug_no",
	"pt_ok",    "pt_no",	"lim_bad",	"gap_lost",
};

#define NR_NAMES ((int)(sizeof(names) / sizeof(names[0])))

/* These come in pairs behind the others, those that are 0 left out. */
static const char reasons[] = "+DLSaghjlmoprs";

static uint64_t *stat_of(struct stats *s, const char *name)
{
	int i;

	for (i = 0; i < s->nr; i++)
		if (!strcmp(s->of[i].name, name))
			return &s->of[i].value;
	if (i == STATS_MAX)
		return &s->of[0].value; /* more names than there are */
	snprintf(s->of[i].name, sizeof(s->of[i].name), "%s", name);
	s->nr++;
	return &s->of[i].value;
}

static void count(struct stats *s, const char *name)
{
	++*stat_of(s, name);
}

static void count_reason(struct stats *s, const char *kind, char reason)
{
	char name[8];

	snprintf(name, sizeof(name), "%s_%c", kind, reason);
	count(s, name);
}

static void count_error(struct stats *s, const struct field *f)
{
	static const struct {
		char why;
		const char *name;
	} whys[] = { { 'A', "e_atomic" },
		     { 'M', "e_misaligned" },
		     { 'Z', "e_zero" },
		     { 'B', "e_both" },
		     { 'P', "e_append" } };
	unsigned int i;

	count(s, hex(f[0]) == 0xb ? "eagain" : "einval");
	for (i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (whys[i].why == *f[1].text)
			count(s, whys[i].name);
}

static void count_merge(struct stats *s, const struct field *f)
{
	char name[3] = { 'm', *f[0].text, '\0' };

	if (*f[0].text == '-')
		return;
	count(s, name);
	count_reason(s, "bio", *f[1].text);
}

/* @f: the segments of the request are in the Q line before */
static void count_map(struct stats *s, const struct field *f, uint64_t nsegs)
{
	*stat_of(s, "sgs") += hex(f[0]);
	if (hex(f[0]) > nsegs)
		count(s, "sg_over");
	if (hex(f[0]) < nsegs)
		count(s, "sg_less");
}

void stats_line(struct stats *s, const char *section, const char *line)
{
	struct field f[8];
	int n = fields_of(line, f, 8);

	switch (*line) {
	case 'C':
		count(s, section);
		break;
	case 'A':
	case 'U':
		count(s, "adds");
		if (!hex(f[3]))
			count(s, "rejected");
		break;
	case 'X':
		count_error(s, f);
		break;
	case 'K':
		count(s, "skip");
		break;
	case 'T':
		count(s, "trunc");
		break;
	case 'M':
		count_merge(s, f);
		break;
	case 'Y':
		count(s, *f[0].text == '1' ? "rqok" : "rqno");
		count_reason(s, "rq", *f[1].text);
		break;
	case 'Q':
		s->nsegs = hex(f[2]);
		break;
	case 'G':
		count_map(s, f, s->nsegs);
		break;
	case 'F':
		count(s, n > 2 && *f[1].text != '-' ? "plug_ok" : "plug_no");
		break;
	case 'p':
		count(s, hex(f[0]) ? "pt_no" : "pt_ok");
		break;
	case 'e':
		count(s, "lim_bad");
		break;
	}
}

static void take_counts(struct stats *s, const struct run_counts *counts)
{
	*stat_of(s, "frags") = counts->frags;
	*stat_of(s, "splits") = counts->splits;
	*stat_of(s, "fast") = counts->fast;
	*stat_of(s, "gap_lost") = counts->gap_lost;
}

void stats_print(struct stats *s, const struct run_counts *counts, FILE *out)
{
	uint64_t bio, rq;
	char name[8];
	int i;

	take_counts(s, counts);
	fputc('Z', out);
	for (i = 0; i < NR_NAMES; i++)
		fprintf(out, " %s=%" PRIx64, names[i], *stat_of(s, names[i]));
	for (i = 0; reasons[i]; i++) {
		snprintf(name, sizeof(name), "bio_%c", reasons[i]);
		bio = *stat_of(s, name);
		snprintf(name, sizeof(name), "rq_%c", reasons[i]);
		rq = *stat_of(s, name);
		if (bio || rq)
			fprintf(out, " bio_%c=%" PRIx64 " rq_%c=%" PRIx64,
				reasons[i], bio, reasons[i], rq);
	}
	fputc('\n', out);
}

static bool is_count(const char *name)
{
	return !strcmp(name, "frags") || !strcmp(name, "splits") ||
	       !strcmp(name, "fast") || !strcmp(name, "gap_lost");
}

static bool known(const char *name)
{
	int i;

	for (i = 0; i < NR_NAMES; i++)
		if (!strcmp(names[i], name))
			return true;
	return !strncmp(name, "bio_", 4) || !strncmp(name, "rq_", 3);
}

bool stats_agree(struct stats *s, const char *line,
		 const struct run_counts *counts, char *why, size_t size)
{
	char name[16];
	uint64_t got, value;
	int at;

	if (counts)
		take_counts(s, counts);
	for (line++; *line; line += at) {
		if (sscanf(line, " %15[^=]=%" SCNx64 "%n", name, &value, &at) !=
			    2 ||
		    !known(name)) {
			snprintf(why, size, "no statistic: \"%.80s\"", line);
			return false;
		}
		got = *stat_of(s, name);
		if (got != value && (counts || !is_count(name))) {
			snprintf(why, size,
				 "%s is %" PRIx64 ", counted %" PRIx64, name,
				 value, got);
			return false;
		}
	}
	return true;
}
