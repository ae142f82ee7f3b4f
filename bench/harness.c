// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What all benchmarks have in common, see harness.h. Times are those of the machine's
 * clock, on one CPU; what a time means it does not know.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <physbio/buffer.h>

#include "config.h"
#include "harness.h"

void bench_die(const struct bench *b, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", b->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* --- options --- */

static void usage(const struct bench *b, FILE *to)
{
	fprintf(to,
		"usage: %s [--rounds N | --quick] [--filter TEXT | --case NAME...] [--cpu N] [--list | --count]\n"
		"Prints samples, not results: those are made by ./dev bench, see there.\n"
		"  --rounds N     samples of each contestant (default %d)\n"
		"  --quick        a quarter of them\n"
		"  --filter TEXT  only cases with TEXT in their name\n"
		"  --case NAME    only this one, and others that are named so\n"
		"  --cpu N        run on this CPU (default: the one it starts on)\n"
		"  --list         the names of the cases\n"
		"  --count        call each contestant once more, for a tool that counts\n",
		b->name, b->rounds);
}

static int number(const struct bench *b, const char *name, const char *text,
		  long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < min || value > max)
		bench_die(b, "%s: \"%s\" is not a number from %ld to %ld", name,
			  text, min, max);
	return (int)value;
}

static void parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "quick", no_argument, NULL, 'q' },
		{ "filter", required_argument, NULL, 'f' },
		{ "case", required_argument, NULL, 'n' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "list", no_argument, NULL, 'l' },
		{ "count", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	b->cpu = -1;
	b->cases = bench_alloc(b, (size_t)argc, sizeof(*b->cases));
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			b->rounds = number(b, "--rounds", optarg, 1, 1000000);
			break;
		case 'q':
			b->rounds = (b->rounds + 3) / 4;
			break;
		case 'f':
			b->filter = optarg;
			break;
		case 'n':
			b->cases[b->nr_cases++] = optarg;
			break;
		case 'c':
			b->cpu = number(b, "--cpu", optarg, 0, CPU_SETSIZE - 1);
			break;
		case 'l':
			b->list = true;
			break;
		case 'i':
			b->count = true;
			break;
		case 'h':
			usage(b, stdout);
			exit(0);
		default:
			usage(b, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		bench_die(b, "\"%s\" is no option", argv[optind]);
}

static void pin(struct bench *b)
{
	unsigned int cpu, node = 0;
	cpu_set_t set;

	if (b->cpu < 0)
		b->cpu = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET((size_t)b->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die(b, "can't run on CPU %d: %s", b->cpu,
			  strerror(errno));
	if (!getcpu(&cpu, &node))
		b->node = (int)node;
}

void bench_start(struct bench *b, int argc, char **argv)
{
	parse(b, argc, argv);
	if (!*PHYSBIO_KERNEL_FLAGS)
		bench_die(
			b,
			"this build is not as the kernel is built: its times would mean nothing. Use ./dev bench");
	pin(b);
	printf("bench\t%s\t%s\n", b->name, b->title);
}

int bench_end(const struct bench *b)
{
	free(b->cases);
	return fflush(stdout) ? 1 : 0;
}

void bench_note(const struct bench *b, const char *key, const char *format, ...)
{
	va_list args;

	printf("note\t%s\t", key);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void bench_note_memory(const struct bench *b, const struct physbio_mem *mem,
		       pb_phys_addr_t paddr, const char *source)
{
	int node = physbio_mem_nid(mem, paddr);
	char numa[80];

	physbio_numa_describe(numa, sizeof(numa));
	if (node < 0)
		bench_note(b, "memory", "%s; addresses: %s", numa, source);
	else
		bench_note(b, "memory",
			   "%s, page structs on node %d; addresses: %s", numa,
			   node, source);
}

struct physbio_mem *bench_ram(const struct bench *b, uint64_t size)
{
	const struct physbio_mem_range ram = { BENCH_RAM, size,
					       PHYSBIO_MEM_RAM_EMPTY, b->node,
					       NULL };
	const struct physbio_mem_options options = {
		.models = PHYSBIO_MEMMODEL_BIT(vmemmap) |
			  PHYSBIO_MEMMODEL_BIT(sparsemem_extreme),
	};
	struct physbio_error error;
	struct physbio_mem *mem;

	if (physbio_mem_create_for(&ram, 1, &options, &mem, &error))
		bench_die(b, "memory: %s", error.message);
	return mem;
}

/* --- cases --- */

static bool asked_for(const struct bench *b, const char *name)
{
	int i;

	for (i = 0; i < b->nr_cases; i++)
		if (!strcmp(b->cases[i], name))
			return true;
	return !b->nr_cases && (!b->filter || strstr(name, b->filter));
}

bool bench_runs(const struct bench *b, const char *name)
{
	return !b->list && asked_for(b, name);
}

bool bench_wanted(struct bench *b, const char *name)
{
	bool wanted = asked_for(b, name);

	if (!wanted || !b->list)
		return wanted;
	printf("case\t%s\n", name);
	return false;
}

void bench_skip(const struct bench *b, const char *name, const char *why)
{
	printf("skip\t%s\t%s\n", name, why);
}

void bench_value(const struct bench *b, const char *contestant, const char *key,
		 double value)
{
	printf("value\t%s\t%s\t%.12g\n", contestant, key, value);
}

void bench_absent(const struct bench *b, const char *contestant,
		  const char *why)
{
	printf("absent\t%s\t%s\n", contestant, why);
}

void *bench_alloc(const struct bench *b, size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n * size + 63) / 64 * 64);

	if (!p)
		bench_die(b, "no memory");
	return memset(p, 0, n * size);
}

/* --- fragmented memory --- */

#define HOG_SIZE (UINT64_C(512) << 20)

void *bench_fragment(const struct bench *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at;
	char *hog = mmap(NULL, HOG_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (hog == MAP_FAILED)
		bench_die(b, "memory: %s", strerror(errno));
	madvise(hog, HOG_SIZE, MADV_NOHUGEPAGE);
	for (at = 0; at < HOG_SIZE; at += page)
		hog[at] = 1;
	for (at = 0; at < HOG_SIZE; at += 2 * page)
		madvise(hog + at, page, MADV_DONTNEED);
	return hog;
}

void bench_unfragment(void *hog)
{
	munmap(hog, HOG_SIZE);
}

/* --- samples --- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void ready(const struct bench_contestant *c)
{
	if (c->ready)
		c->ready(c->arg);
}

static uint64_t sample(const struct bench_contestant *c)
{
	uint64_t start;

	ready(c);
	start = now_ns();
	c->run(c->arg);
	return now_ns() - start;
}

static void print_samples(const struct bench_contestant *c, const char *base,
			  const uint64_t *samples, int nr, int rounds)
{
	int round;

	printf("samples\t%s\t%s\t", c->name, c->base ? c->base : base);
	for (round = 0; round < rounds; round++)
		printf("%llu ", (unsigned long long)samples[round * nr]);
	putchar('\n');
}

static void time_rounds(const struct bench *b, const struct bench_contestant *c,
			int nr)
{
	uint64_t *samples =
		bench_alloc(b, (size_t)(b->rounds * nr), sizeof(*samples));
	int round, i, turn;

	for (i = 0; i < nr; i++)
		sample(&c[i]); /* which warms up */
	for (round = 0; round < b->rounds; round++)
		for (i = 0; i < nr; i++) {
			turn = (round + i) % nr;
			samples[round * nr + turn] = sample(&c[turn]);
		}
	for (i = 0; i < nr; i++)
		print_samples(&c[i], c[0].name, &samples[i], nr, b->rounds);
	free(samples);
}

/* --- the CPU's counters, where there are some --- */

#define COUNTED_ROUNDS 20

static const struct {
	const char *name;
	uint64_t config;
} events[] = {
	{ "instructions", PERF_COUNT_HW_INSTRUCTIONS },
	{ "cycles", PERF_COUNT_HW_CPU_CYCLES },
	{ "branch_misses", PERF_COUNT_HW_BRANCH_MISSES },
	{ "cache_misses", PERF_COUNT_HW_CACHE_MISSES },
};

#define NR_EVENTS ((int)(sizeof(events) / sizeof(events[0])))

static int open_event(uint64_t config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void count_event(const struct bench *b, int fd, const char *event,
			const struct bench_contestant *c, double units)
{
	uint64_t sum = 0;
	int round;

	for (round = 0; round < COUNTED_ROUNDS; round++) {
		ready(c);
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
		c->run(c->arg);
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	}
	if (read(fd, &sum, sizeof(sum)) == (ssize_t)sizeof(sum))
		bench_value(b, c->name, event,
			    (double)sum / COUNTED_ROUNDS / units);
}

static void count_events(const struct bench *b, double units,
			 const struct bench_contestant *c, int nr)
{
	int i, e, fd;

	for (i = 0; i < nr; i++)
		for (e = 0; e < NR_EVENTS; e++) {
			fd = open_event(events[e].config);
			if (fd < 0)
				continue;
			count_event(b, fd, events[e].name, &c[i], units);
			close(fd);
		}
}

/* --- one case --- */

__attribute__((noinline)) void bench_counted(void (*run)(void *arg), void *arg)
{
	run(arg);
	__asm__ volatile("" ::: "memory"); /* so that it returns here */
}

static void count_once(const struct bench_contestant *c)
{
	ready(c);
	c->run(c->arg);
	ready(c);
	printf("counted\t%s\n", c->name);
	fflush(stdout);
	bench_counted(c->run, c->arg);
}

void bench_time(const struct bench *b, const char *name, double units,
		const struct bench_contestant *c, int nr)
{
	int i;

	printf("case\t%s\t%.17g\n", name, units);
	fflush(stdout);
	if (b->count) {
		for (i = 0; i < nr; i++)
			count_once(&c[i]);
		return;
	}
	time_rounds(b, c, nr);
	count_events(b, units, c, nr);
}
