/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all benchmarks have in common: options, the CPU, the clock, and contestants that are
 * called in turn. It says how long every sample took and leaves to bench/run what
 * becomes of the samples: see there for the lines that are printed. What is compared the
 * benchmarks decide, and they verify it before.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <physbio/mem.h>

struct bench {
	const char *name;
	const char *title; /* what is compared */
	/* by the options */
	int rounds; /* samples of each contestant */
	const char *filter; /* a part of a case's name */
	char **cases; /* or whole names */
	int nr_cases;
	bool list; /* no more than the names of the cases */
	bool count; /* for callgrind: each contestant once, no clock */
	int cpu;
	int node; /* NUMA node of the CPU, and so of the device that it serves */
};

/* One of those that are compared. */
struct bench_contestant {
	const char *name;
	const char *base; /* whom it is compared with; NULL: the first */
	void (*ready)(
		void *arg); /* before each sample, not timed; may be NULL */
	void (*run)(void *arg); /* a sample */
	void *arg;
	double units; /* of its samples; 0: as many as the others' */
};

/* Reads the options, refuses a build that is not the kernel's, and pins. May exit. */
void bench_start(struct bench *b, int argc, char **argv);

/* Return: what main() returns. */
int bench_end(const struct bench *b);

/* Ends the process with a message. */
void bench_die(const struct bench *b, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Something that a report should say of the machine or the memory. */
void bench_note(const struct bench *b, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* And where memory is: the page struct of an address that was touched. */
void bench_note_memory(const struct bench *b, const struct physbio_mem *mem,
		       pb_phys_addr_t paddr, const char *source);

/* Memory without bytes, for page vectors under both models; or the process ends. */
#define BENCH_RAM ((pb_phys_addr_t)4 << 30)

struct physbio_mem *bench_ram(const struct bench *b, uint64_t size);

/* Will the case be run? */
bool bench_runs(const struct bench *b, const char *name);

/* Is the case one of those that are asked for? Each case is asked about once. */
bool bench_wanted(struct bench *b, const char *name);

/* A case that this machine can't have. */
void bench_skip(const struct bench *b, const char *name, const char *why);

/*
 * Calls contestants in turn, in another order in each round: the same orders in every
 * process. @units are how many I/Os, entries or ranges a sample has, of those that don't say
 * so themselves; times are for one. A sample must be so long that the clock's own time is
 * lost in it; one that is not is named, and its length is in the results.
 */
void bench_time(const struct bench *b, const char *name, double units,
		const struct bench_contestant *c, int nr);

/* What does not depend on the clock: a count for one unit, of the case before. */
void bench_value(const struct bench *b, const char *contestant, const char *key,
		 double value);

/*
 * What a sample of @c does, which is compiled from a build that counts: conversions, lookups
 * and atomics for each of c->units, as values of the case before. Calls c->ready and c->run.
 */
void bench_count(const struct bench *b, const struct bench_contestant *c);

/* A contestant of the case before that this machine can't have. */
void bench_absent(const struct bench *b, const char *contestant,
		  const char *why);

/* Calls @run: the function that a tool which counts is told to look into. */
void bench_counted(void (*run)(void *arg), void *arg);

/*
 * Memory of which every other page is given back: what is allocated then comes out of what
 * is free. Return: what to give back by bench_unfragment().
 */
void *bench_fragment(const struct bench *b);
void bench_unfragment(void *hog);

/*
 * Bytes that one must read so that nothing else is in a cache: twice what the last level
 * has; more than a core's share of any, if nobody says what that is. Noted.
 */
unsigned int bench_cold_size(const struct bench *b);

/* Zeroed, on cache lines of its own; or the process ends. */
void *bench_alloc(const struct bench *b, size_t n, size_t size);

#endif
