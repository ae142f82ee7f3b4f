// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#ifdef HAVE_LIBLZMA
#include <lzma.h>
#endif

#define BUFFER 65536

struct lines {
	const char *path;
	FILE *f;
	unsigned int line;
	size_t max;
	unsigned char out[BUFFER]; /* text that was not given yet */
	size_t at, end;
#ifdef HAVE_LIBLZMA
	bool xz;
	lzma_stream lzma;
	unsigned char in[BUFFER];
#endif
	char text[]; /* of the line, max bytes and a zero */
};

int lines_fail(const struct lines *lines, struct physbio_error *error, int err,
	       const char *format, ...)
{
	va_list args;

	memset(error, 0, sizeof(*error));
	error->err = err;
	error->line = lines->line;
	snprintf(error->file, sizeof(error->file), "%s", lines->path);
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return err;
}

static bool is_xz(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && !strcmp(path + n - 3, ".xz");
}

#ifdef HAVE_LIBLZMA
static int open_xz(struct lines *l)
{
	l->xz = is_xz(l->path);
	if (l->xz && lzma_stream_decoder(&l->lzma, UINT64_MAX,
					 LZMA_CONCATENATED) != LZMA_OK)
		return -ENOMEM;
	return 0;
}

static void close_xz(struct lines *l)
{
	if (l->xz)
		lzma_end(&l->lzma);
}

static int fill_xz(struct lines *l)
{
	lzma_ret ret = LZMA_OK;

	l->lzma.next_out = l->out;
	l->lzma.avail_out = BUFFER;
	while (ret == LZMA_OK && l->lzma.avail_out == BUFFER) {
		if (!l->lzma.avail_in) {
			l->lzma.next_in = l->in;
			l->lzma.avail_in = fread(l->in, 1, BUFFER, l->f);
		}
		ret = lzma_code(&l->lzma,
				l->lzma.avail_in ? LZMA_RUN : LZMA_FINISH);
	}
	l->at = 0;
	l->end = BUFFER - l->lzma.avail_out;
	return ret == LZMA_OK || ret == LZMA_STREAM_END ? 0 : -EILSEQ;
}
#else
static int open_xz(struct lines *l)
{
	return is_xz(l->path) ? -EOPNOTSUPP : 0;
}

static void close_xz(struct lines *l)
{
}
#endif

static int fill(struct lines *l)
{
#ifdef HAVE_LIBLZMA
	if (l->xz)
		return fill_xz(l);
#endif
	l->at = 0;
	l->end = fread(l->out, 1, BUFFER, l->f);
	return ferror(l->f) ? -EIO : 0;
}

static int fail_read(struct lines *l, struct physbio_error *error, int err)
{
	if (err == -EILSEQ)
		return lines_fail(l, error, err,
				  "can't be read: damaged, or cut short");
	return lines_fail(l, error, err, "can't be read: %s", strerror(-err));
}

int lines_next(struct lines *l, char **line, struct physbio_error *error)
{
	size_t n = 0;
	int err;

	l->line++;
	*line = l->text;
	for (;;) {
		if (l->at == l->end) {
			err = fill(l);
			if (err)
				return fail_read(l, error, err);
			if (!l->end)
				break;
		}
		l->text[n] = (char)l->out[l->at++];
		if (l->text[n] == '\n')
			break;
		if (!l->text[n])
			return lines_fail(l, error, -EINVAL, "has a zero byte");
		if (++n > l->max)
			return lines_fail(l, error, -EINVAL,
					  "is longer than %zu bytes", l->max);
	}
	if (!n && l->at == l->end && !l->end)
		return 0;
	l->text[n] = '\0';
	return 1;
}

unsigned int lines_number(const struct lines *l)
{
	return l->line;
}

uint64_t lines_done(const struct lines *l)
{
	off_t at = ftello(l->f);

	return at < 0 ? 0 : (uint64_t)at;
}

/* Of a pipe nobody knows: 0. */
uint64_t lines_total(const struct lines *l)
{
	struct stat st;

	return fstat(fileno(l->f), &st) || !S_ISREG(st.st_mode) ?
		       0 :
		       (uint64_t)st.st_size;
}

int lines_open(const char *path, size_t max, struct lines **lines,
	       struct physbio_error *error)
{
	struct lines *l = calloc(1, sizeof(*l) + max + 1);
	int err;

	if (!l)
		return -ENOMEM;
	l->path = path;
	l->max = max;
	l->f = fopen(path, "r");
	err = l->f ? open_xz(l) : -errno;
	if (err) {
		lines_fail(l, error, err, "can't be opened: %s",
			   strerror(-err));
		lines_close(l);
		return err;
	}
	*lines = l;
	return 0;
}

void lines_close(struct lines *l)
{
	close_xz(l);
	if (l->f)
		fclose(l->f);
	free(l);
}
