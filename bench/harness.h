/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all benchmarks have in common: options, the CPU and the clock, samples and what
 * becomes of them, the head of a report. What is compared they decide themselves.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bench {
	const char *name;
	const char *title; /* what is compared */
	int rounds; /* samples of each contestant */
	int quick_rounds; /* with --quick */
	/* by the options */
	const char *json[2];
	int nr_json;
	const char *filter;
	int cpu;
	/* of this machine */
	char cpu_model[128];
	char kernel[256];
	char nodes[64]; /* NUMA nodes that are online */
	int node; /* of the CPU, and so of the device that it serves */
	double load[3];
};

/* Reads the options, refuses a build that is not the kernel's, and pins. May exit. */
void bench_start(struct bench *b, int argc, char **argv);

/* Is @name among those that --filter asks for? */
bool bench_wanted(const struct bench *b, const char *name);

/* Ends the process with a message. */
void bench_die(const struct bench *b, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

uint64_t bench_now_ns(void);

/* Zeroed, on cache lines of its own; or the process ends. */
void *bench_alloc(const struct bench *b, size_t n, size_t size);

/* Sorts @values. */
double bench_median(double *values, int n);

/* A line that says how far it is, if someone watches; and its removal. */
void bench_progress(const struct bench *b, const char *what, int round);
void bench_progress_done(void);

void bench_print_head(const struct bench *b);

/* The file with everything of the head in it, and its end. */
FILE *bench_json_open(const struct bench *b, const char *path);
void bench_json_close(const struct bench *b, const char *path, FILE *f);

#endif
