/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lines of a text file, plain or .xz by its name. Knows nothing of what is in
 * them; a reader of some format stands on this.
 */
#ifndef TOOLS_LINES_H
#define TOOLS_LINES_H

#include <stddef.h>
#include <stdint.h>

#include <physbio/error.h>

struct lines;

/* Open @path, whose lines have at most @max bytes. Return: 0, or -errno and @error. */
int lines_open(const char *path, size_t max, struct lines **lines,
	       struct physbio_error *error);
void lines_close(struct lines *lines);

/*
 * The next line without its end, valid until the next call. Return: 1; 0 at the end;
 * -errno and @error if the file can't be read or the line has a zero byte or is too
 * long.
 */
int lines_next(struct lines *lines, char **line, struct physbio_error *error);

/* Number of the line that was given last, from 1. */
unsigned int lines_number(const struct lines *lines);

/* How far it is in the file, in bytes of it; packed ones if it is packed. */
uint64_t lines_done(const struct lines *lines);
uint64_t lines_total(const struct lines *lines);

/* Fill @error with this file, this line and a message. Return: @err. */
__attribute__((format(printf, 4, 5))) int
lines_fail(const struct lines *lines, struct physbio_error *error, int err,
	   const char *format, ...);

#endif
