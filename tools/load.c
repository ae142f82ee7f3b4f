// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A topology from a file: a device tree says so in its first bytes, anything else is
 * text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/dtb.h>
#include <physbio/topofile.h>

#include "tools.h"

#define MAX_FILE (64u << 20)

static void *read_all(FILE *f, size_t *size)
{
	char *blob = malloc(MAX_FILE + 1);

	if (!blob)
		return NULL;
	*size = fread(blob, 1, MAX_FILE + 1, f);
	if (*size > MAX_FILE)
		errno = EFBIG;
	if (ferror(f) || *size > MAX_FILE) {
		free(blob);
		return NULL;
	}
	return blob;
}

void *read_file(const char *who, const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	void *blob = f ? read_all(f, size) : NULL;

	if (!blob)
		fprintf(stderr, "%s: %s: can't be read: %s\n", who, path,
			strerror(errno));
	if (f)
		fclose(f);
	return blob;
}

bool is_dtb(const void *blob, size_t size)
{
	static const unsigned char magic[] = { 0xd0, 0x0d, 0xfe, 0xed };

	return size >= sizeof(magic) && !memcmp(blob, magic, sizeof(magic));
}

struct physbio_topology *load_topology(const char *who, const char *path)
{
	struct physbio_topology *t = NULL;
	struct physbio_error error = { 0 };
	size_t size;
	void *blob = read_file(who, path, &size);
	int err;

	if (!blob)
		return NULL;
	err = is_dtb(blob, size) ?
		      physbio_topology_from_dtb(blob, size, &t, &error) :
		      physbio_topology_parse(blob, size, &t, &error);
	free(blob);
	if (!err)
		return t;
	fprintf(stderr, "%s: %s", who, path);
	if (error.line)
		fprintf(stderr, ":%u", error.line);
	fprintf(stderr, ": %s\n",
		*error.message ? error.message : strerror(-err));
	return NULL;
}
