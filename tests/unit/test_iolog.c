// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Logs of fio: what is read, and what is refused with which words. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../tools/iolog.h"

static char path[] = "/tmp/physbio-iolog-XXXXXX";
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
	struct iolog_entry e;
	struct iolog *log;
	int ret, n = 0;

	memset(&error, 0, sizeof(error));
	ret = iolog_open(path, &log, &error);
	if (ret)
		return ret;
	while ((ret = iolog_next(log, &e, &error)) > 0)
		n++;
	iolog_close(log);
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
	struct iolog_entry e;
	struct iolog *log;

	write_log("fio version 3 iolog\n5 a add\n6 b write 1024 4096\n");
	assert_int_equal(iolog_open(path, &log, &error), 0);
	assert_int_equal(iolog_next(log, &e, &error), 1);
	assert_int_equal(e.action, IOLOG_ADD);
	assert_int_equal(e.file, 0);
	assert_int_equal(iolog_next(log, &e, &error), 1);
	assert_int_equal(e.action, IOLOG_WRITE);
	assert_int_equal(e.file, 1);
	assert_int_equal(e.offset, 1024);
	assert_int_equal(e.len, 4096);
	assert_int_equal(e.line, 3);
	assert_int_equal(iolog_next(log, &e, &error), 0);
	iolog_close(log);
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

static void lines_without_end_are_refused(void **state)
{
	FILE *f = fopen(path, "w");
	int i;

	assert_non_null(f);
	fputs(V2, f);
	for (i = 0; i < 5000; i++)
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
	struct iolog *log = NULL;

	assert_int_equal(iolog_open("/nonexistent/log", &log, &error), -ENOENT);
	assert_string_equal(error.file, "/nonexistent/log");
	assert_null(log);
	assert_int_equal(iolog_open("/", &log, &error), 0);
	iolog_close(log); /* a folder opens, and can't be read */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_are_read),
		cmocka_unit_test(entries_say_what_and_where),
		cmocka_unit_test(malformed_lines_are_named),
		cmocka_unit_test(lines_without_end_are_refused),
		cmocka_unit_test(a_missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, up, down);
}
