/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What benchmarks of a stage have in common: the representations that are compared, and a
 * case of all of them. What a stage does, and whether it did it right, the benchmark knows.
 */
#ifndef BENCH_REPRS_H
#define BENCH_REPRS_H

#include "../src/repr/ops.h"
#include "harness.h"

/* Of one case. What the functions get is what @up returned. */
struct bench_stage {
	const char *name;
	double units; /* of a sample */
	/* Makes a contestant of @stage, and verifies it. */
	void *(*up)(const void *stage, const struct physbio_repr *repr);
	void (*down)(void *arg);
	void (*ready)(
		void *arg); /* before each sample, not timed; may be NULL */
	void (*run)(void *arg); /* a sample */
	const void *stage;
	const struct bench_contestant *other; /* one more; NULL: none */
};

/*
 * Times a case, then counts conversions of one unit, in builds of the same sources that
 * count.
 */
void bench_time_stage(const struct bench *b, const struct bench_stage *s);

#endif
