// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See stress.h. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stress.h"

#define MAX_COUNTS 64
#define MAX_THREADS 256

static const struct stress *the_stress;
static struct {
	long seconds, ops, threads, seed;
} options = { 60, 10000000, 6, 1 };

static unsigned long counts[MAX_COUNTS];
static unsigned int stopping; /* kinds that are told to stop */

void stress_die(const char *what, long value)
{
	fprintf(stderr, "%s: %s: %ld\n", the_stress->name, what, value);
	exit(1);
}

void stress_check(int err, const char *what)
{
	if (err)
		stress_die(what, err);
}

/* --- options --- */

static long number(const char *name, const char *text, long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < min || value > max) {
		fprintf(stderr,
			"%s: --%s: \"%s\" is not a number from %ld to %ld\n",
			the_stress->name, name, text, min, max);
		exit(2);
	}
	return value;
}

void stress_start(const struct stress *s, int argc, char **argv)
{
	static const struct option names[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "threads", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	the_stress = s;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's')
			options.seconds = number("seconds", optarg, 1, 86400);
		else if (c == 'o')
			options.ops = number("ops", optarg, 1, LONG_MAX);
		else if (c == 't')
			options.threads =
				number("threads", optarg, 3, MAX_THREADS);
		else if (c == 'r')
			options.seed = number("seed", optarg, 1, LONG_MAX);
		else
			exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "%s: \"%s\" is no option\n", s->name,
			argv[optind]);
		exit(2);
	}
}

/* --- counters --- */

void stress_add(unsigned int what, unsigned long n)
{
	__atomic_fetch_add(&counts[what], n, __ATOMIC_RELAXED);
}

void stress_count(unsigned int what)
{
	stress_add(what, 1);
}

unsigned long stress_counted(unsigned int what)
{
	return __atomic_load_n(&counts[what], __ATOMIC_RELAXED);
}

static bool all_happened(void)
{
	unsigned int i;

	for (i = 0; i < the_stress->nr_counts; i++)
		if (!stress_counted(i))
			return false;
	return true;
}

static unsigned long ops(void)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < the_stress->nr_ops; i++)
		sum += stress_counted(i);
	return sum;
}

int stress_report(void)
{
	int failed = ops() < (unsigned long)options.ops;
	unsigned int i;

	for (i = 0; i < the_stress->nr_counts; i++) {
		printf("%12lu  %s%s\n", counts[i], the_stress->counts[i],
		       counts[i] ? "" : "  NEVER HAPPENED");
		failed |= !counts[i];
	}
	printf("%12lu  operations, %ld wanted\n", ops(), options.ops);
	return failed;
}

/* --- threads --- */

uint64_t stress_random(struct stress_role *role)
{
	role->random ^= role->random << 13;
	role->random ^= role->random >> 7;
	role->random ^= role->random << 17;
	return role->random >> 11;
}

bool stress_stopped(const struct stress_role *role)
{
	return role->kind < __atomic_load_n(&stopping, __ATOMIC_ACQUIRE);
}

/* Those that --threads asks for are shared out evenly. */
unsigned int stress_threads(unsigned int kind)
{
	unsigned int nr = 0, place = 0, i;

	if (the_stress->kinds[kind].single)
		return 1;
	for (i = 0; i < the_stress->nr_kinds; i++)
		if (!the_stress->kinds[i].single) {
			nr++;
			place += i < kind;
		}
	return (unsigned int)(options.threads + nr - 1 - place) / nr;
}

static void *role_run(void *arg)
{
	struct stress_role *role = arg;

	the_stress->kinds[role->kind].run(role);
	return NULL;
}

static unsigned int roles_start(struct stress_role *roles)
{
	unsigned int kind, i, n = 0;

	for (kind = 0; kind < the_stress->nr_kinds; kind++)
		for (i = stress_threads(kind); i; i--, n++) {
			roles[n].kind = kind;
			roles[n].random = ((uint64_t)options.seed + n) *
					  0x9e3779b97f4a7c15u;
			stress_check(pthread_create(&roles[n].thread, NULL,
						    role_run, &roles[n]),
				     "thread");
		}
	return n;
}

static void roles_stop(const struct stress_role *roles, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		__atomic_store_n(&stopping, roles[i].kind + 1,
				 __ATOMIC_RELEASE);
		pthread_join(roles[i].thread, NULL);
	}
}

static bool enough(long seconds)
{
	if (the_stress->look)
		the_stress->look();
	if (seconds >= 10 * options.seconds + 30)
		return true;
	return seconds >= options.seconds &&
	       ops() >= (unsigned long)options.ops && all_happened();
}

void stress_run(void)
{
	static struct stress_role roles[2 * MAX_THREADS];
	const struct timespec second = { .tv_sec = 1 };
	unsigned int nr = roles_start(roles);
	long seconds = 0;

	do {
		nanosleep(&second, NULL);
		seconds++;
	} while (!enough(seconds));
	roles_stop(roles, nr);
	printf("%ld s, %u threads, seed %ld\n", seconds, nr, options.seed);
}
