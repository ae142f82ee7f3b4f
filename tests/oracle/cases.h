/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The recorded decisions of a real kernel, a case at a time. This part decides what a
 * well-formed file is; it knows nothing of what the decisions mean.
 */
#ifndef ORACLE_CASES_H
#define ORACLE_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include <physbio/error.h>

/* The recording machine's memory: flat, pages of 4 KiB; a case's base is added. */
#define ORACLE_MEM_SIZE UINT64_C(0x160000000)

struct oracle_case {
	unsigned int first; /* number of the first line */
	char section[8];
	uint64_t base;
	unsigned int nr;
	unsigned int room;
	char **lines; /* C first, E last */
};

struct oracle_file;

int oracle_open(const char *path, struct oracle_file **file,
		struct physbio_error *error);
void oracle_close(struct oracle_file *file);

/*
 * The next thing in a file: 1 a case; 2 a comment, 3 the statistics, both as
 * lines[0]; 0 the end; -errno and @error, which names the line and its fault. @c is
 * valid until the next call.
 */
int oracle_next(struct oracle_file *file, struct oracle_case **c,
		struct physbio_error *error);

/* Fill @error with where the file is read and @what is wrong. Return: -EINVAL. */
int oracle_fail(struct oracle_file *file, struct physbio_error *error,
		const char *what);

/* @n fields of a line, from the one after its type; the line is not changed. */
struct field {
	const char *text;
	int len;
};

int fields_of(const char *line, struct field *fields, int max);
uint64_t hex(struct field f);

/*
 * The shape of a line, one letter a field: w number of 32 bits, s of 64 bits, b 0 or
 * 1, f the fast path's 0 or 1, g gap bit, c character, v page+off:len, r addr:len, n
 * number of the v or r that follow, | the line may end here. NULL: no such line.
 */
const char *line_shape(char type);

/* Value of key=value in a line of such; the shape has been checked. */
uint64_t value_of(const char *line, const char *key);

#endif
