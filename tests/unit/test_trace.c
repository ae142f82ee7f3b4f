// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Traces of every format: what is read, and what is refused with which words. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../tools/trace.h"

static char path[] = "/tmp/physbio-trace-XXXXXX";
static struct physbio_error error;

static int up(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int down(void **state)
{
	return unlink(path);
}

static void write_log(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* How many entries, or the error of the first bad line. */
static int count(void)
{
	struct trace_event e;
	struct trace *log;
	int ret, n = 0;

	memset(&error, 0, sizeof(error));
	ret = trace_open(path, &log, &error);
	if (ret)
		return ret;
	while ((ret = trace_next(log, &e, &error)) > 0)
		n++;
	trace_close(log);
	return ret ? ret : n;
}

static void both_versions_are_read(void **state)
{
	static const struct {
		const char *text;
		int entries;
	} cases[] = {
		{ "fio version 2 iolog\nf add\nf open\nf read 0 512\nf close\n",
		  4 },
		{ "fio version 2 iolog\nf write 512 1024\nf wait 100 0\n", 2 },
		{ "fio version 3 iolog\n0 f add\n12 f write 0 4096\n", 2 },
		{ "# job\nfio version 3 iolog\n\n0 f sync 0 0\n1 f datasync\n",
		  2 },
		/* two jobs, one behind the other */
		{ "fio version 3 iolog\n0 f trim 0 512\nfio version 2 iolog\ng add\n",
		  2 },
		/* no end of line at the end; CR before it */
		{ "fio version 2 iolog\nf read 0 512\r\nf read 512 512", 2 },
		{ "fio version 2 iolog\n", 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		write_log(cases[i].text);
		assert_int_equal(count(), cases[i].entries);
	}
}

static void entries_say_what_and_where(void **state)
{
	struct trace_event e;
	struct trace *log;

	write_log("fio version 3 iolog\n5 a add\n6 b write 1024 4096\n");
	assert_int_equal(trace_open(path, &log, &error), 0);
	assert_int_equal(trace_next(log, &e, &error), 1);
	assert_int_equal(e.op, TRACE_NONE);
	assert_string_equal(e.name, "add");
	assert_int_equal(e.file, 0);
	assert_int_equal(trace_next(log, &e, &error), 1);
	assert_int_equal(e.op, TRACE_WRITE);
	assert_int_equal(e.file, 1);
	assert_int_equal(e.offset, 1024);
	assert_int_equal(e.len, 4096);
	assert_int_equal(e.line, 3);
	assert_int_equal(trace_next(log, &e, &error), 0);
	trace_close(log);
}

#define V2 "fio version 2 iolog\n"
#define V3 "fio version 3 iolog\n"

static void malformed_lines_are_named(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *says;
	} cases[] = {
		{ "", 1, "empty" },
		{ "hello\n", 1, "hello" },
		{ "fio version 1 iolog\n", 1, "version 1" },
		{ V2 "f read 0 -512\n", 2, "\"-512\"" },
		{ V2 "f read -1 512\n", 2, "\"-1\"" },
		{ V2 "f read +1 512\n", 2, "\"+1\"" },
		{ V2 "f read 0x200 512\n", 2, "0x200" },
		{ V2 "f read 0 99999999999999999999\n", 2, "9999" },
		{ V2 "f read 0 1073742336\n", 2, "1073742336" },
		{ V2 "f read 18446744073709551104 1024\n", 2, "wraps" },
		{ V2 "f read 0 0\n", 2, "is 0" },
		{ V2 "f read 0 100\n", 2, "100" },
		{ V2 "f read 100 512\n", 2, "100" },
		{ V2 "f read 0\n", 2, "offset and a length" },
		{ V2 "f read\n", 2, "offset and a length" },
		{ V2 "f\n", 2, "words" },
		{ V2 "f read 0 512 1 2\n", 2, "words" },
		{ V2 "f add\nf scribble 0 512\n", 3, "scribble" },
		{ V2 "f wait soon\n", 2, "soon" },
		{ V3 "f read 0 512\n", 2, "\"f\"" },
		{ V3 "x f read 0 512\n", 2, "\"x\"" },
		{ V3 "1 f read 0 512 3\n", 2, "words" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		write_log(cases[i].text);
		assert_int_equal(count(), -EINVAL);
		if (error.line != cases[i].line ||
		    !strstr(error.message, cases[i].says) ||
		    strcmp(error.file, path))
			fail_msg("case %u: %s:%u: %s", i, error.file,
				 error.line, error.message);
	}
}

#define SEG "1.000001 0 7 "
#define BV "opf=0x801 flags=0x0 vcnt=1 idx=0 done=0 bv="
#define BLK "8,0 0 1 0.000000000 7 "
#define NEW "0 1 0.000000000 7 "
#define PERF "fio 7 [001] 1.000001: block:"
#define BPF "tracepoint:block:"

static void malformed_lines_of_other_formats_are_named(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *says;
	} cases[] = {
		{ SEG "P\n" SEG "W 0 8\n", 2, "\"W\"" },
		{ SEG "P\n" SEG "QQ 0 8\n", 2, "\"QQ\"" },
		{ SEG "P\n1.0 0\n", 2, "2 words" },
		{ SEG "P\n1.0 x 7 P\n", 2, "CPU" },
		{ SEG "P\n" SEG "Q 0\n", 2, "too few" },
		{ SEG "P\n" SEG "Q -1 8 W\n", 2, "\"-1\"" },
		{ SEG "P\n" SEG "Q 0 8 Z\n", 2, "\"Z\"" },
		{ SEG "P\n" SEG "Q 0 99999999 W\n", 2, "99999999" },
		{ SEG "P\n" SEG "Q 36028797018963967 8 W\n", 2, "beyond" },
		{ SEG "P\n" SEG "U x\n", 2, "number of requests" },
		{ SEG "P\n" SEG "X 0 8\n", 2, "X SECTOR / SECTOR" },
		{ SEG "P\n" SEG "X 8 / 8\n", 2, "behind the front" },
		{ SEG "P\n" SEG "B 0 8\n", 2, "no segs=" },
		{ SEG "P\n" SEG "B 0 8 segs=x\n", 2, "segs=x" },
		{ SEG "P\n" SEG "M 0 8 W\n", 2, "path=" },
		{ SEG "P\n" SEG "M 0 8 W path=sideways\n", 2, "path=" },
		{ SEG "P\n" SEG "D 0 8 W segs=1\n", 2, "no opf=" },
		{ SEG "P\n" SEG "S 0 8 opf=0x1 flags=0x0\n", 2, "no idx=" },
		{ SEG "P\n" SEG "S 0 8 " BV "1000\n", 2, "vector 1" },
		{ SEG "P\n" SEG "S 0 8 " BV "1000+g\n", 2, "vector 1" },
		{ SEG "P\n" SEG "S 0 8 " BV "1000+0\n", 2, "vector 1" },
		{ SEG "P\n" SEG "S 0 8 " BV "1000+200\n", 2, "512 bytes" },
		{ SEG "P\n# queue/max_segments=x\n", 2, "max_segments" },
		{ "# queue/scheduler=bfq\n" SEG "P\n", 1, "scheduler" },
		{ "# queue/nomerges=3\n" SEG "P\n", 1, "nomerges" },
		{ BLK "Q W 0 + 8 [x]\n" BLK "Q W 0 + 8\n", 2, "blkparse" },
		{ BLK "Q W 0 + 8 [x]\n" BLK "Q W z + 8 [x]\n", 2, "\"z\"" },
		{ BLK "Q W 0 + 8 [x]\n" BLK "Q Z 0 + 8 [x]\n", 2, "\"Z\"" },
		{ BLK "Q W 0 + 8 [x]\n" BLK "X W 8 / 8 [x]\n", 2, "front" },
		{ BLK "Q W 0 + 8 [x]\n" BLK "U N [x] y\n", 2, "no number" },
		{ NEW "Q W 0 8\n" NEW "Q W 0\n", 2, "blkparse" },
		{ NEW "Q W 0 8\n" NEW "Q W 0 x\n", 2, "\"x\"" },
		{ PERF "block_plug: [x]\nhello\n", 2, "no event" },
		{ PERF "block_plug: [x]\n" PERF "block_getrq: 8,0 W 0 [x]\n", 2,
		  "too few" },
		{ PERF "block_plug: [x]\n" PERF
		       "block_getrq: 8,0 Z 0 + 8 [x]\n",
		  2, "\"Z\"" },
		{ PERF "block_plug: [x]\n" PERF
		       "block_split: 8,0 W 8 / 0 [x]\n",
		  2, "front" },
		{ PERF "block_plug: [x]\n" PERF "block_unplug: [x] y\n", 2,
		  "\"y\"" },
		{ BPF "block_plug 0 7\nhello\n", 2, "\"hello\"" },
		{ BPF "block_plug 0 7\n" BPF "block_plug 0\n", 2, "too few" },
		{ BPF "block_plug 0 7\n" BPF "block_plug 0 x\n", 2, "PID" },
		{ BPF "block_plug 0 7\n" BPF "block_getrq 0 7 W 0\n", 2,
		  "too few" },
		{ BPF "block_plug 0 7\n" BPF "block_getrq 0 7 W 0 x\n", 2,
		  "\"x\"" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		write_log(cases[i].text);
		if (count() != -EINVAL || error.line != cases[i].line ||
		    !strstr(error.message, cases[i].says) ||
		    strcmp(error.file, path))
			fail_msg("case %u: %s:%u: %s", i, error.file,
				 error.line, error.message);
	}
}

/* The same events, as each format has them. */
static void every_format_says_the_same(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{ "detailed recording", SEG "Q 8 16 WS\n" SEG "X 8 / 16\n" SEG
					    "U 3\n" SEG "C 8 8 WS\n" },
		{ "blkparse",
		  "8,0    0        1     0.000000000     7  Q  WS 8 + 16 [a b]\n"
		  "  8,0    0        2     0.000000001     7  X  WS 8 / 16 [a]\n"
		  "  8,0    0        3     0.000000001     7 UT   N [a] 3\n"
		  "  8,0    0        4     0.000000001     7  C  WS 8 + 8 [0]\n"
		  "CPU0 (8,0):\n Reads Queued:           0,        0KiB\n" },
		{ "blkparse -f", NEW "Q WS 8 16\n" NEW "X WS 8 8 / 16\n" NEW
				     "U - 0 0 3\n" NEW "C WS 8 8\n" },
		{ "perf script",
		  PERF "block_bio_queue: 8,0 WS 8 + 16 [a]\n" PERF
		       "block_split: 8,0 WS 8 / 16 [a]\n" PERF
		       "block_unplug: [a] 3\n" PERF
		       "block_rq_complete: 8,0 WS () 8 + 8 none,0,0 [0]\n" },
		{ "bpftrace",
		  "Attaching 4 probes...\n" BPF
		  "block_bio_queue 0 7 WS 8 16\n" BPF
		  "block_split 0 7 WS 8 16\n" BPF "block_unplug 0 7 3\n" BPF
		  "block_rq_complete 0 7 WS 8 8\n" },
	};
	static const struct {
		enum trace_action action;
		uint64_t sector, sectors, arg;
	} want[] = {
		{ TRACE_QUEUE, 8, 16, 0 },
		{ TRACE_SPLIT, 8, 8, 16 },
		{ TRACE_UNPLUG, 0, 0, 3 },
		{ TRACE_COMPLETE, 8, 8, 0 },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trace_event e;
		struct trace *log;

		write_log(cases[i].text);
		assert_int_equal(trace_open(path, &log, &error), 0);
		assert_string_equal(trace_format(log), cases[i].format);
		for (j = 0; j < ARRAY_SIZE(want); j++) {
			assert_int_equal(trace_next(log, &e, &error), 1);
			assert_int_equal(e.action, want[j].action);
			assert_int_equal(e.offset, want[j].sector * 512);
			assert_int_equal(e.len, want[j].sectors * 512);
			assert_int_equal(e.arg, want[j].arg);
			assert_int_equal(e.pid, 7);
		}
		assert_int_equal(trace_next(log, &e, &error), 0);
		trace_close(log);
	}
}

/* As blkparse was told to write it. */
static void a_custom_format_is_told_in_the_header(void **state)
{
	static const struct {
		const char *text;
		int entries;
		const char *says;
	} cases[] = {
		{ "# format blkparse -f '%a;%S;%n;%d\\n'\nQ;8;16;W\nD;8;16;W\n",
		  2, "" },
		{ "# format blkparse -f '%a %3d\\t%S+%n\\n' -F 'U,%a=%U\\n'\nQ W 8+16\nU=3\n",
		  2, "" },
		{ "# format blkparse -f '%a %d %S %n\\n'\nQ W 8 x\n", -EINVAL,
		  "\"x\"" },
		{ "# format blkparse -f '%a %d %S %n\\n'\nQ W 8\n", -EINVAL,
		  "blkparse" },
		{ "# format blkparse -f '%a\nQ W 8\n", -EINVAL, "FORMAT" },
		{ "# format blkparse -F '%a'\nQ W 8\n", -EINVAL, "FORMAT" },
		{ "# format blkparse -q\nQ W 8\n", -EINVAL, "FORMAT" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		write_log(cases[i].text);
		if (count() != cases[i].entries ||
		    !strstr(error.message, cases[i].says))
			fail_msg("case %u: %s:%u: %s", i, error.file,
				 error.line, error.message);
	}
}

static void a_recording_says_where_memory_was(void **state)
{
	struct trace_event e;
	struct trace *log;

	write_log(
		"# queue/max_segments=14\n# queue/max_sectors_kb=64\n"
		"# queue/scheduler=none [mq-deadline] bfq \n# mq/0/nr_tags=16\n"
		"# mq/0/cpu_list=0, 2-3\n" SEG "S 0 3 " BV
		"1f00+100,2000+500\n");
	assert_int_equal(trace_open(path, &log, &error), 0);
	assert_int_equal(trace_next(log, &e, &error), 1);
	assert_int_equal(e.nr_vecs, 2);
	assert_int_equal(e.vecs[0].paddr, 0x1f00);
	assert_int_equal(e.vecs[1].len, 0x500);
	assert_int_equal(e.op, TRACE_WRITE);
	assert_int_equal(trace_settings(log)->limits.max_segments, 14);
	assert_int_equal(trace_settings(log)->limits.max_user_sectors, 128);
	assert_true(trace_settings(log)->deadline);
	assert_int_equal(trace_hctxs(log)->nr_tags[0], 16);
	assert_int_equal(trace_hctxs(log)->of_cpu[3], 1);
	assert_int_equal(trace_hctxs(log)->of_cpu[1], 0);
	trace_close(log);
}

static void files_of_limits_are_read_as_sysfs_has_them(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *says;
	} cases[] = {
		{ "# a disk\nmax_segments=7\nqueue/max_hw_sectors_kb=64\n\n", 0,
		  "" },
		{ "write_cache=write back\nfua=1\nnomerges=2\nnr_requests=3\n",
		  0, "" },
		{ "max_segments=70000\n", -EINVAL, "up to 65535" },
		{ "max_segment_size=-1\n", -EINVAL, "\"-1\"" },
		{ "max_segment=7\n", -EINVAL, "no limit" },
		{ "max_segments\n", -EINVAL, "NAME=VALUE" },
		{ "write_cache=back\n", -EINVAL, "write through" },
		{ "fua=2\n", -EINVAL, "0 or 1" },
		{ "nomerges=3\n", -EINVAL, "0, 1 or 2" },
		{ "scheduler=bfq\n", -EINVAL, "mq-deadline" },
	};
	struct settings s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		write_log(cases[i].text);
		settings_init(&s);
		memset(&error, 0, sizeof(error));
		assert_int_equal(settings_read(&s, path, &error), cases[i].err);
		if (!strstr(error.message, cases[i].says))
			fail_msg("case %u: %s", i, error.message);
		if (!i) {
			assert_int_equal(s.limits.max_segments, 7);
			assert_int_equal(s.limits.max_hw_sectors, 128);
		}
	}
}

static void lines_without_end_are_refused(void **state)
{
	FILE *f = fopen(path, "w");
	int i;

	assert_non_null(f);
	fputs(V2, f);
	for (i = 0; i < 70000; i++)
		fputc('x', f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(count(), -EINVAL);
	assert_int_equal(error.line, 2);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(V2 "f read", f);
	fputc('\0', f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(count(), -EINVAL);
}

static void a_missing_file_is_named(void **state)
{
	struct trace *log = NULL;

	assert_int_equal(trace_open("/nonexistent/log", &log, &error), -ENOENT);
	assert_string_equal(error.file, "/nonexistent/log");
	assert_null(log);
	/* a folder opens, and can't be read */
	assert_int_equal(trace_open("/", &log, &error), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_are_read),
		cmocka_unit_test(entries_say_what_and_where),
		cmocka_unit_test(malformed_lines_are_named),
		cmocka_unit_test(malformed_lines_of_other_formats_are_named),
		cmocka_unit_test(every_format_says_the_same),
		cmocka_unit_test(a_custom_format_is_told_in_the_header),
		cmocka_unit_test(a_recording_says_where_memory_was),
		cmocka_unit_test(files_of_limits_are_read_as_sysfs_has_them),
		cmocka_unit_test(lines_without_end_are_refused),
		cmocka_unit_test(a_missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, up, down);
}
