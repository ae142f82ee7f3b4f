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

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <physbio/buffer.h>

#include "config.h"
#include "harness.h"

#define SHORTEST_NS 2000 /* of a sample */
#define SHUFFLE_SEED UINT64_C(0x9e3779b97f4a7c15)

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
	bench_note(b, "order", "shuffled in each round, seed 0x%llx",
		   (unsigned long long)SHUFFLE_SEED);
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

/* --- caches --- */

#define UNKNOWN_COLD_MIB 256u
#define MOST_COLD_MIB 1024u

/* Of the highest level that Linux knows on this CPU; 0: it knows none. */
static unsigned long sysfs_cache_kib(int cpu)
{
	unsigned long kib = 0, found;
	char path[80];
	FILE *f;
	int i;

	for (i = 0; i < 10; i++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%d/cache/index%d/size",
			 cpu, i);
		f = fopen(path, "r");
		if (!f)
			break;
		if (fscanf(f, "%luK", &found) == 1 && found > kib)
			kib = found;
		fclose(f);
	}
	return kib;
}

/* The largest that the CPU tells of in a leaf: 4 is Intel's, the other one AMD's. */
static unsigned long cpuid_cache_kib(unsigned int leaf)
{
	unsigned long kib = 0;
#if defined(__x86_64__) || defined(__i386__)
	unsigned long found;
	unsigned int a, b, c, d, i;

	for (i = 0; __get_cpuid_count(leaf, i, &a, &b, &c, &d) && (a & 31);
	     i++) {
		found = ((b >> 22) + 1ul) * ((b >> 12 & 1023) + 1) *
			((b & 4095) + 1) * (c + 1ul) / 1024;
		if (found > kib)
			kib = found;
	}
#endif
	return kib;
}

static unsigned long last_level_kib(int cpu)
{
	const unsigned long kib[] = { sysfs_cache_kib(cpu), cpuid_cache_kib(4),
				      cpuid_cache_kib(0x8000001d) };
	unsigned long most = 0;
	size_t i;

	for (i = 0; i < sizeof(kib) / sizeof(kib[0]); i++)
		if (kib[i] > most)
			most = kib[i];
	return most;
}

unsigned int bench_cold_size(const struct bench *b)
{
	static unsigned long mib;
	unsigned long kib;

	if (mib)
		return (unsigned int)(mib << 20);
	kib = last_level_kib(b->cpu);
	mib = kib ? (2 * kib + 1023) / 1024 : UNKNOWN_COLD_MIB;
	if (mib > MOST_COLD_MIB)
		mib = MOST_COLD_MIB;
	bench_note(
		b, "caches", "cold means %lu MiB of other memory: %s", mib,
		kib ? "twice the last level" :
		      "neither Linux nor the CPU says what the last level has");
	return (unsigned int)(mib << 20);
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

static double units_of(const struct bench_contestant *c, double units)
{
	return c->units ? c->units : units;
}

static void print_samples(const struct bench_contestant *c, const char *base,
			  double units, const uint64_t *samples, int nr,
			  int rounds)
{
	int round;

	printf("samples\t%s\t%s\t%.17g\t", c->name, c->base ? c->base : base,
	       units_of(c, units));
	for (round = 0; round < rounds; round++)
		printf("%llu ", (unsigned long long)samples[round * nr]);
	putchar('\n');
}

/* What the clock itself takes: the shortest sample of nothing. */
static uint64_t clock_ns(void)
{
	uint64_t least = UINT64_MAX, start, took;
	int i;

	for (i = 0; i < 1000; i++) {
		start = now_ns();
		took = now_ns() - start;
		if (took < least)
			least = took;
	}
	return least;
}

/*
 * Every sample has the clock's own time in it, and its steps: in a short one they pull a
 * ratio towards 1.
 */
static void check_length(const struct bench *b, const char *name,
			 const struct bench_contestant *c,
			 const uint64_t *samples, int nr)
{
	uint64_t least = UINT64_MAX, clock = clock_ns();
	int round;

	for (round = 0; round < b->rounds; round++)
		if (samples[round * nr] < least)
			least = samples[round * nr];
	if (least >= SHORTEST_NS && least >= 100 * clock)
		return;
	fprintf(stderr,
		"%s: %s: a sample of \"%s\" takes %llu ns, too short for a clock that takes %llu\n",
		b->name, name, c->name, (unsigned long long)least,
		(unsigned long long)clock);
	bench_value(b, c->name, "short_sample_ns", (double)least);
}

/*
 * The same order in every round would give each contestant the same predecessor, whose
 * caches and branches it would always find. Fisher and Yates, by xorshift: the same in
 * every process.
 */
static void shuffle(int *order, int nr, uint64_t *random)
{
	int i, at, other;

	for (i = nr - 1; i > 0; i--) {
		*random ^= *random << 13;
		*random ^= *random >> 7;
		*random ^= *random << 17;
		at = (int)(*random % (uint64_t)(i + 1));
		other = order[i];
		order[i] = order[at];
		order[at] = other;
	}
}

static void time_round(const struct bench_contestant *c, const int *order,
		       int nr, uint64_t *samples)
{
	int i;

	for (i = 0; i < nr; i++)
		samples[order[i]] = sample(&c[order[i]]);
}

static void time_rounds(const struct bench *b, const char *name, double units,
			const struct bench_contestant *c, int nr)
{
	uint64_t *samples =
		bench_alloc(b, (size_t)(b->rounds * nr), sizeof(*samples));
	int *order = bench_alloc(b, (size_t)nr, sizeof(*order));
	uint64_t random = SHUFFLE_SEED;
	int round, i;

	for (i = 0; i < nr; i++) {
		order[i] = i;
		sample(&c[i]); /* which warms up */
	}
	for (round = 0; round < b->rounds; round++) {
		shuffle(order, nr, &random);
		time_round(c, order, nr, &samples[round * nr]);
	}
	for (i = 0; i < nr; i++) {
		check_length(b, name, &c[i], &samples[i], nr);
		print_samples(&c[i], c[0].name, units, &samples[i], nr,
			      b->rounds);
	}
	free(order);
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
			count_event(b, fd, events[e].name, &c[i],
				    units_of(&c[i], units));
			close(fd);
		}
}

/* --- one case --- */

__attribute__((noinline)) void bench_counted(void (*run)(void *arg), void *arg)
{
	run(arg);
	__asm__ volatile("" ::: "memory"); /* so that it returns here */
}

static void count_once(const struct bench_contestant *c, double units)
{
	ready(c);
	c->run(c->arg);
	ready(c);
	printf("counted\t%s\t%.17g\n", c->name, units_of(c, units));
	fflush(stdout);
	bench_counted(c->run, c->arg);
}

void bench_time(const struct bench *b, const char *name, double units,
		const struct bench_contestant *c, int nr)
{
	int i;

	printf("case\t%s\n", name);
	fflush(stdout);
	if (b->count) {
		for (i = 0; i < nr; i++)
			count_once(&c[i], units);
		return;
	}
	time_rounds(b, name, units, c, nr);
	count_events(b, units, c, nr);
}
