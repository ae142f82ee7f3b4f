/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The last line of a recording counts its lines. Counted anew here, from the lines
 * alone; what only the machine that made them could count comes from run.h.
 */
#ifndef ORACLE_STATS_H
#define ORACLE_STATS_H

#include <stdio.h>

#include "run.h"

#define STATS_MAX 128

struct stats {
	int nr;
	struct {
		char name[16];
		uint64_t value;
	} of[STATS_MAX];
	uint64_t nsegs; /* of the last Q line */
};

void stats_line(struct stats *s, const char *section, const char *line);

void stats_print(struct stats *s, const struct run_counts *counts, FILE *out);

/*
 * Does @line agree? @counts: NULL if what a representation may decide otherwise is not
 * to be compared. If not, @why names the first that differs.
 */
bool stats_agree(struct stats *s, const char *line,
		 const struct run_counts *counts, char *why, size_t size);

#endif
