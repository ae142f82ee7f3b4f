/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What stress tests have in common: threads of several kinds that run until enough was
 * done and all of it happened, counters that prove it, and the order in which they stop.
 * What they do to each other the tests decide.
 */
#ifndef TEST_STRESS_H
#define TEST_STRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A thread. */
struct stress_role {
	pthread_t thread;
	unsigned int kind;
	uint64_t random;
};

typedef void stress_fn(struct stress_role *role);

struct stress_kind {
	stress_fn *run; /* until stress_stopped() */
	bool single; /* one thread, besides those that --threads asks for */
};

struct stress {
	const char *name;
	/* What must have happened in the end, each at least once. */
	const char *const *counts;
	unsigned int nr_counts;
	unsigned int
		nr_ops; /* so many of them, from the first on, are operations */
	/*
	 * Those of a kind are told to stop when all of the kinds before it have ended:
	 * who is waited for stands behind those who wait.
	 */
	const struct stress_kind *kinds;
	unsigned int nr_kinds;
	void (*look)(
		void); /* now and then, to count what others counted; or NULL */
};

/* Reads the options. May exit. */
void stress_start(const struct stress *s, int argc, char **argv);

/* How many threads of a kind there will be. */
unsigned int stress_threads(unsigned int kind);

/* Runs all threads to their end. */
void stress_run(void);

/* Prints the counters. Return: whether something never happened: the exit status. */
int stress_report(void);

bool stress_stopped(const struct stress_role *role);
uint64_t stress_random(struct stress_role *role);

void stress_count(unsigned int what);
void stress_add(unsigned int what, unsigned long n);
unsigned long stress_counted(unsigned int what);

/* Ends the process with a message. */
void stress_die(const char *what, long value) __attribute__((noreturn));

/* The same, if there is an error. */
void stress_check(int err, const char *what);

#endif
