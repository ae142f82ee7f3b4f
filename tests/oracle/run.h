/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs the inputs of a recorded case through the engine and writes the case as the
 * engine has it: the input lines as they are, every other one made anew. What agrees
 * and what not is not decided here.
 */
#ifndef ORACLE_RUN_H
#define ORACLE_RUN_H

#include "../../src/repr/ops.h"
#include "cases.h"

/* Lines that were made. */
struct text {
	char *bytes;
	size_t len, room;
	bool failed; /* no memory */
};

/* What no line says but the statistics do. */
struct run_counts {
	uint64_t frags, splits, fast, gap_lost;
};

struct run;

int run_create(const struct physbio_repr *repr, struct run **run);
void run_destroy(struct run *run);

/* Run @c. Return: 0, or -ENOMEM. @out is cleared first. */
int run_case(struct run *run, const struct oracle_case *c, struct text *out);

const struct run_counts *run_counts(const struct run *run);

#endif
