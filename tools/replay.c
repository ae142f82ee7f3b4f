// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio replay: every read and write of a trace goes the whole way through the engine,
 * and every byte is compared. The trace is checked to its end before the first I/O is
 * sent. With --check the decisions of recordings are compared instead.
 */
#define PHYSBIO_COUNTING
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay.h"
#include "tools.h"

void complain(const char *format, ...)
{
	va_list args;

	/* over a line of progress */
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	fputs("physbio replay: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void complain_error(const struct physbio_error *error)
{
	if (!*error->file)
		complain("%s", error->message);
	else if (!error->line)
		complain("%s: %s", error->file, error->message);
	else
		complain("%s:%u: %s", error->file, error->line, error->message);
}

/* --- options --- */

static const struct {
	const char *name;
	const struct physbio_repr *repr;
} known_reprs[] = {
	{ "phys", &physcnt_physbio_repr },
	{ "page", &pagecnt_physbio_repr },
};

#define NR_KNOWN (sizeof(known_reprs) / sizeof(known_reprs[0]))

static int usage(FILE *to)
{
	fprintf(to,
		"usage: physbio replay [OPTION...] TRACE\n"
		"       physbio replay --check RECORDING...\n"
		"  TRACE          fio iolog (version 2 or 3), blkparse (default or custom), a detailed\n"
		"                 recording, perf script or bpftrace of block:*; plain or .xz\n"
		"  --iolog FILE   the same as TRACE\n"
		"  --plug N       I/Os that are plugged together (default 16)\n"
		"  --size BYTES   size of the device (default: the highest end, to 1 MiB)\n"
		"  --repr LIST    representations in turn (default phys,page)\n"
		"  --scheduler NAME  none or deadline (default: as the trace says, else none)\n"
		"  --limits FILE  NAME=VALUE lines, as in /sys/block/X/queue (default: as the trace\n"
		"                 says, else an NVMe disk's)\n"
		"  --topology FILE  machine to replay on, text or device tree\n"
		"  --device NAME  endpoint of it that is the disk (default: the first)\n"
		"  --layout NAME  where buffers lie: frames (default: as pages come), contiguous\n"
		"                 (default with --topology), scattered, recorded\n"
		"  --json         print the result as JSON\n"
		"  --corrupt N    flip a byte of the Nth transfer of each\n"
		"  --check        does the engine decide as was recorded?\n");
	return to == stderr ? 2 : 0;
}

static bool parse_u64(const char *name, const char *text, uint64_t min,
		      uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !errno && !*end && *value >= min &&
	    *value <= max)
		return true;
	complain("%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64,
		 name, text, min, max);
	return false;
}

static bool add_repr(struct options *opt, const char *name)
{
	size_t i;

	for (i = 0; i < NR_KNOWN; i++)
		if (!strcmp(known_reprs[i].name, name) && opt->nr_reprs < 4) {
			opt->reprs[opt->nr_reprs++] = known_reprs[i].repr;
			return true;
		}
	complain("--repr: \"%s\" is not one of phys, page", name);
	return false;
}

static bool parse_reprs(struct options *opt, const char *list)
{
	char *copy = strdup(list), *save, *word;
	bool ok = copy;

	opt->nr_reprs = 0;
	for (word = ok ? strtok_r(copy, ",", &save) : NULL; word && ok;
	     word = strtok_r(NULL, ",", &save))
		ok = add_repr(opt, word);
	free(copy);
	return ok && opt->nr_reprs;
}

static bool parse_scheduler(struct options *opt, const char *name)
{
	if (!strcmp(name, "none"))
		opt->scheduler = "none";
	else if (!strcmp(name, "deadline") || !strcmp(name, "mq-deadline"))
		opt->scheduler = "mq-deadline";
	else
		complain("--scheduler: \"%s\" is not one of none, deadline",
			 name);
	return opt->scheduler;
}

static bool parse_layout(struct options *opt, const char *name)
{
	unsigned int i;

	for (i = LAYOUT_FRAMES; i <= LAYOUT_RECORDED; i++)
		if (!strcmp(layout_names[i], name)) {
			opt->layout = (enum layout)i;
			return true;
		}
	complain(
		"--layout: \"%s\" is not one of frames, contiguous, scattered, recorded",
		name);
	return false;
}

static bool parse_size(struct options *opt, const char *text)
{
	if (!parse_u64("--size", text, 1, UINT64_C(1) << 46, &opt->size))
		return false;
	if (!(opt->size % 512))
		return true;
	complain("--size: %" PRIu64 " is not of sectors of 512 bytes",
		 opt->size);
	return false;
}

static bool parse_number_option(struct options *opt, int c)
{
	uint64_t value;

	if (c == 'p') {
		if (!parse_u64("--plug", optarg, 1, 4096, &value))
			return false;
		opt->plug = (unsigned int)value;
		return true;
	}
	if (!parse_u64("--corrupt", optarg, 1, UINT32_MAX, &value))
		return false;
	opt->corrupt = (unsigned long)value;
	return true;
}

static bool parse_option(struct options *opt, int c)
{
	switch (c) {
	case 'i':
		opt->path = optarg;
		return true;
	case 'l':
		opt->limits = optarg;
		return true;
	case 't':
		opt->topology = optarg;
		return true;
	case 'e':
		opt->device = optarg;
		return true;
	case 'j':
		opt->json = true;
		return true;
	case 'k':
		opt->check = true;
		return true;
	case 's':
		return parse_size(opt, optarg);
	case 'r':
		return parse_reprs(opt, optarg);
	case 'd':
		return parse_scheduler(opt, optarg);
	case 'y':
		return parse_layout(opt, optarg);
	case 'p':
	case 'c':
		return parse_number_option(opt, c);
	default:
		return false;
	}
}

/* What is no option: a trace, or with --check any number of them. */
static int parse_operands(struct options *opt, int argc, char **argv)
{
	int left = argc - optind;

	if (left && !opt->check && (opt->path || left > 1)) {
		complain("\"%s\" is no option", argv[argc - 1]);
		return 2;
	}
	if (left && !opt->check)
		opt->path = argv[optind];
	if (!opt->path && !left) {
		complain("a trace, or --iolog, is needed");
		return usage(stderr);
	}
	/* The pages of this machine are not those of another. */
	if (opt->topology && opt->layout == LAYOUT_FRAMES)
		opt->layout = LAYOUT_CONTIGUOUS;
	if (opt->device && !opt->topology) {
		complain("--device needs --topology");
		return 2;
	}
	return 0;
}

/* 0: go on; 1: --help was given; 2: something is wrong. */
static int parse_options(struct options *opt, int argc, char **argv)
{
	static const struct option options[] = {
		{ "iolog", required_argument, NULL, 'i' },
		{ "plug", required_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ "corrupt", required_argument, NULL, 'c' },
		{ "repr", required_argument, NULL, 'r' },
		{ "scheduler", required_argument, NULL, 'd' },
		{ "limits", required_argument, NULL, 'l' },
		{ "topology", required_argument, NULL, 't' },
		{ "device", required_argument, NULL, 'e' },
		{ "layout", required_argument, NULL, 'y' },
		{ "json", no_argument, NULL, 'j' },
		{ "check", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		}
		if (!parse_option(opt, c))
			return c == '?' ? usage(stderr) : 2;
	}
	return parse_operands(opt, argc, argv);
}

/* --- first pass --- */

/* Files lie one behind the other on the device, each from a MiB on. */
static void lay_out_files(struct extent_of_trace *log)
{
	int i;

	for (i = 0; i < TRACE_MAX_FILES; i++) {
		log->base[i] = log->size;
		log->size += (log->end[i] + MIB - 1) / MIB * MIB;
	}
}

static int check_size(const struct options *opt, const struct trace_event *e)
{
	if (!opt->size || e->offset + e->len <= opt->size)
		return 0;
	complain("%s:%u: offset %" PRIu64 " + length %" PRIu64
		 " is beyond the device's %" PRIu64 " bytes",
		 opt->path, e->line, e->offset, e->len, opt->size);
	return -EINVAL;
}

/* Bios and, in case none is recorded, requests. */
static int read_extents(const struct options *opt, struct trace *t,
			struct extent_of_trace *log)
{
	struct physbio_error error;
	struct progress progress;
	struct trace_event e;
	uint64_t issues = 0;
	int ret;

	progress_start(&progress, "reading", trace_total(t));
	while ((ret = trace_next(t, &e, &error)) > 0) {
		bool bio = trace_is_io(t, &e, false);

		if (progress_due(&progress))
			progress_show(&progress, trace_done(t));
		if (!bio && !trace_is_io(t, &e, true))
			continue;
		if (check_size(opt, &e))
			return -EINVAL;
		if (e.offset + e.len > log->end[e.file])
			log->end[e.file] = e.offset + e.len;
		if (bio)
			log->ios++;
		else
			issues++;
	}
	progress_end(&progress);
	if (ret)
		complain_error(&error);
	log->by_issue = !log->ios;
	if (log->by_issue)
		log->ios = issues;
	return ret;
}

/* Where files end up follows from where the ones before them end. */
static int check_files(const struct options *opt, struct extent_of_trace *log)
{
	int i;

	lay_out_files(log);
	for (i = 0; opt->size && i < TRACE_MAX_FILES; i++) {
		if (!log->end[i] || log->base[i] + log->end[i] <= opt->size)
			continue;
		complain("%s: file %d of the log ends at %" PRIu64
			 " of the device, which has %" PRIu64 " bytes",
			 opt->path, i + 1, log->base[i] + log->end[i],
			 opt->size);
		return -EINVAL;
	}
	if (opt->size)
		log->size = opt->size;
	return 0;
}

static int first_pass(struct replay *r)
{
	const struct options *opt = r->opt;
	struct physbio_error error;
	struct trace *t;
	int ret = trace_open(opt->path, &t, &error);

	if (ret) {
		complain_error(&error);
		return ret;
	}
	ret = read_extents(opt, t, &r->log);
	r->settings = *trace_settings(t);
	trace_close(t);
	if (ret)
		return ret;
	if (opt->limits) {
		settings_init(&r->settings);
		ret = settings_read(&r->settings, opt->limits, &error);
		if (ret) {
			complain_error(&error);
			return ret;
		}
	}
	return check_files(opt, &r->log);
}

/* --- replay --- */

static int replay_trace(struct replay *r, struct trace *t)
{
	struct physbio_error error;
	struct progress progress;
	struct trace_event e;
	uint64_t number = 0;
	int ret;

	progress_start(&progress, r->repr->name, r->log.ios);
	r->repr->blk_start_plug(&r->plug);
	while ((ret = trace_next(t, &e, &error)) > 0 && !r->wrong) {
		if (trace_is_io(t, &e, r->log.by_issue))
			replay_event(r, &e, ++number);
		else if (e.name)
			replay_skip(r, &e);
		if (progress_due(&progress))
			progress_show(&progress, number);
	}
	flush_batch(r);
	r->repr->blk_finish_plug(&r->plug);
	progress_end(&progress);
	if (ret < 0)
		complain_error(&error);
	return ret < 0 ? ret : 0;
}

static void check_corruption(struct replay *r)
{
	struct physbio_fabric_stats f;

	physbio_fabric_stats(r->fabric, &f);
	if (!r->opt->corrupt || r->wrong)
		return;
	if (f.transfers < r->opt->corrupt)
		complain("--corrupt: there were %lu transfers, not %lu",
			 f.transfers, r->opt->corrupt);
	else
		complain("%s: transfer %lu was corrupted, and no one noticed",
			 r->repr->name, r->opt->corrupt);
	r->wrong = true;
}

static int run(struct replay *r)
{
	struct physbio_error error;
	struct trace *t;
	int err = trace_open(r->opt->path, &t, &error);

	if (err) {
		complain_error(&error);
		return err;
	}
	physbio_fabric_corrupt(r->fabric, r->opt->corrupt);
	memset(physbio_counts, 0, sizeof(physbio_counts));
	err = replay_trace(r, t);
	trace_close(t);
	if (!err && !r->wrong)
		compare_store(r);
	if (!err && !r->wrong)
		check_figures(r);
	check_corruption(r);
	return err;
}

/* 0: right; 1: wrong; 2: could not be done. */
static int replay_one(struct replay r, unsigned int which)
{
	const struct options *opt = r.opt;
	int err;

	r.repr = opt->reprs[which];
	err = machine_up(&r);
	if (!err) {
		if (!which && !opt->json)
			print_options(&r);
		err = run(&r);
		if (opt->json)
			print_json(&r, !which, which + 1 == opt->nr_reprs);
		else
			print_result(&r);
	}
	machine_down(&r);
	return err ? 2 : r.wrong;
}

/* All representations on the same memory: one snapshot of its frames. */
static int replay_all(struct replay *r)
{
	struct physbio_error error = { 0 };
	unsigned int i;
	int one, ret = 0;

	if (physbio_buffer_alloc(PHYSBIO_BUFFER_PAGES, POOL_SIZE, -1, &r->pool,
				 &error) ||
	    layout_frames(r, &error)) {
		complain_error(&error);
		ret = 2;
	}
	for (i = 0; i < r->opt->nr_reprs && ret < 2; i++) {
		one = replay_one(*r, i);
		ret = one > ret ? one : ret;
	}
	physbio_buffer_free(r->pool);
	return ret;
}

/* --- check --- */

static int check_one(const struct options *opt, const char *path,
		     struct check_result *sum)
{
	struct physbio_error error;
	int err = check_trace(path, opt->json, sum, &error);

	if (err)
		complain_error(&error);
	return err ? 2 : 0;
}

static int check_all(const struct options *opt, char **paths, int nr)
{
	struct check_result sum = { 0 };
	int i, one, ret = opt->path ? check_one(opt, opt->path, &sum) : 0;

	for (i = 0; i < nr; i++) {
		one = check_one(opt, paths[i], &sum);
		ret = one > ret ? one : ret;
	}
	if (opt->json)
		printf("{\"decisions\": %" PRIu64 ", \"mismatches\": %" PRIu64
		       ", \"inputs\": %" PRIu64 "}\n",
		       sum.decisions, sum.mismatches, sum.inputs);
	else
		printf("decisions=%" PRIu64 " mismatches=%" PRIu64
		       " inputs=%" PRIu64 "\n",
		       sum.decisions, sum.mismatches, sum.inputs);
	return ret ? ret : sum.mismatches != 0;
}

int replay_main(int argc, char **argv)
{
	struct options opt = {
		.plug = 16,
		.reprs = { &physcnt_physbio_repr, &pagecnt_physbio_repr },
		.nr_reprs = 2,
	};
	struct replay r = { .opt = &opt };
	int ret = parse_options(&opt, argc, argv);

	if (ret)
		return ret == 1 ? 0 : 2;
	if (opt.check)
		return check_all(&opt, argv + optind, argc - optind);
	if (first_pass(&r))
		return 2;
	if (!r.log.size)
		r.log.size = MIB;
	ret = replay_all(&r);
	if (!ret && !opt.json)
		printf("every byte is right\n");
	return ret;
}
