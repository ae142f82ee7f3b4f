// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What all benchmarks have in common, see harness.h. Times are those of the machine's
 * clock, on one CPU; what a time means it does not know.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "commit.h"
#include "config.h"
#include "harness.h"

void bench_die(const struct bench *b, const char *format, ...)
{
	va_list args;

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
		"usage: %s [--quick] [--rounds N] [--filter TEXT] [--cpu N] [--json FILE]\n"
		"  --quick        %d rounds instead of %d\n"
		"  --rounds N     samples of everything for every contestant\n"
		"  --filter TEXT  only those with TEXT in their name\n"
		"  --cpu N        run on this CPU (default: the one it starts on)\n"
		"  --json FILE    write the result to FILE too (twice at most)\n",
		b->name, b->quick_rounds, b->rounds);
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
		{ "quick", no_argument, NULL, 'q' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "filter", required_argument, NULL, 'f' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int rounds = 0, c;
	bool quick = false;

	b->cpu = -1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			quick = true;
			break;
		case 'r':
			rounds = number(b, "--rounds", optarg, 3, 1000000);
			break;
		case 'f':
			b->filter = optarg;
			break;
		case 'c':
			b->cpu = number(b, "--cpu", optarg, 0, CPU_SETSIZE - 1);
			break;
		case 'j':
			if (b->nr_json == 2)
				bench_die(b, "--json: at most two files");
			b->json[b->nr_json++] = optarg;
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
	if (rounds || quick)
		b->rounds = rounds ? rounds : b->quick_rounds;
}

/* --- the machine --- */

static void pin(struct bench *b)
{
	cpu_set_t set;

	if (b->cpu < 0)
		b->cpu = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET((size_t)b->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die(b, "can't run on CPU %d: %s", b->cpu,
			  strerror(errno));
}

static void cpu_model(char *text, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(text, size, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(text, size, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

static void describe_nodes(struct bench *b)
{
	FILE *f = fopen("/sys/devices/system/node/online", "r");
	unsigned int cpu, node = 0;

	snprintf(b->nodes, sizeof(b->nodes), "0");
	if (f && fgets(b->nodes, sizeof(b->nodes), f))
		b->nodes[strcspn(b->nodes, "\n")] = '\0';
	if (f)
		fclose(f);
	if (!getcpu(&cpu, &node))
		b->node = (int)node;
}

static void describe(struct bench *b)
{
	struct utsname u;

	describe_nodes(b);
	cpu_model(b->cpu_model, sizeof(b->cpu_model));
	uname(&u);
	snprintf(b->kernel, sizeof(b->kernel), "%s %s %s", u.sysname, u.release,
		 u.machine);
	if (getloadavg(b->load, 3) != 3)
		b->load[0] = b->load[1] = b->load[2] = -1;
}

void bench_start(struct bench *b, int argc, char **argv)
{
	parse(b, argc, argv);
	if (!*PHYSBIO_KERNEL_FLAGS)
		bench_die(
			b,
			"this build is not as the kernel is built: its times would mean nothing. Use ./dev bench");
	pin(b);
	describe(b);
}

bool bench_wanted(const struct bench *b, const char *name)
{
	return !b->filter || strstr(name, b->filter);
}

uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void *bench_alloc(const struct bench *b, size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n * size + 63) / 64 * 64);

	if (!p)
		bench_die(b, "no memory");
	return memset(p, 0, n * size);
}

/* --- samples --- */

static int compare_doubles(const void *a, const void *b)
{
	double da = *(const double *)a, db = *(const double *)b;

	return da < db ? -1 : da > db;
}

double bench_median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare_doubles);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void bench_progress(const struct bench *b, const char *what, int round)
{
	static uint64_t last;
	uint64_t now = bench_now_ns();

	if (!isatty(STDERR_FILENO) || now - last < 100000000u)
		return;
	last = now;
	fprintf(stderr, "\r%-30s round %d of %d \033[K", what, round,
		b->rounds);
}

void bench_progress_done(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* --- output --- */

void bench_print_head(const struct bench *b)
{
	printf("libphysbio %s, commit %s: %s\n", PHYSBIO_VERSION,
	       PHYSBIO_COMMIT, b->title);
	printf("compiler  %s\nflags     %s\n", PHYSBIO_COMPILER,
	       PHYSBIO_KERNEL_FLAGS);
	printf("cpu       %s, pinned to CPU %d\nkernel    %s\n", b->cpu_model,
	       b->cpu, b->kernel);
	printf("nodes     %s; CPU and device on node %d%s\n", b->nodes, b->node,
	       strpbrk(b->nodes, ",-") ?
		       "" :
		       " (one node: nothing is placed, all memory is near)");
	printf("load      %.2f %.2f %.2f\n", b->load[0], b->load[1],
	       b->load[2]);
}

FILE *bench_json_open(const struct bench *b, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		bench_die(b, "%s: %s", path, strerror(errno));
	fprintf(f,
		"{\n  \"version\": \"%s\",\n  \"commit\": \"%s\",\n  \"compiler\": \"%s\",\n  \"flags\": \"%s\",\n",
		PHYSBIO_VERSION, PHYSBIO_COMMIT, PHYSBIO_COMPILER,
		PHYSBIO_KERNEL_FLAGS);
	fprintf(f, "  \"nodes\": \"%s\",\n  \"node\": %d,\n", b->nodes,
		b->node);
	fprintf(f,
		"  \"cpu\": \"%s\",\n  \"kernel\": \"%s\",\n  \"load\": [%.2f, %.2f, %.2f],\n  \"rounds\": %d,\n",
		b->cpu_model, b->kernel, b->load[0], b->load[1], b->load[2],
		b->rounds);
	return f;
}

void bench_json_close(const struct bench *b, const char *path, FILE *f)
{
	fputs("}\n", f);
	if (fclose(f))
		bench_die(b, "%s: %s", path, strerror(errno));
}
