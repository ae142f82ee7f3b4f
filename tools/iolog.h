/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads what fio's --write_iolog wrote, versions 2 and 3, plain or .xz, a line at a
 * time. Decides what a well-formed line is; what is done with it is the caller's.
 */
#ifndef TOOLS_IOLOG_H
#define TOOLS_IOLOG_H

#include <stdint.h>

#include <physbio/error.h>

enum iolog_action {
	IOLOG_READ,
	IOLOG_WRITE,
	IOLOG_TRIM,
	IOLOG_SYNC,
	IOLOG_DATASYNC,
	IOLOG_WAIT,
	IOLOG_ADD,
	IOLOG_OPEN,
	IOLOG_CLOSE,
	IOLOG_NR_ACTIONS,
};

#define IOLOG_MAX_FILES 64
#define IOLOG_NAME_MAX 256

struct iolog_entry {
	enum iolog_action action;
	int file; /* index of the file's name in the log */
	uint64_t offset; /* bytes; 0 for actions without data */
	uint64_t len; /* bytes; 0 for actions without data */
	unsigned int line; /* from 1 */
};

struct iolog;

extern const char *const iolog_action_names[IOLOG_NR_ACTIONS];

/* Open a log. Return: 0, or -errno and @error. */
int iolog_open(const char *path, struct iolog **log,
	       struct physbio_error *error);
void iolog_close(struct iolog *log);

/*
 * The next entry. Reads, writes and trims have a length that is not 0, are of whole
 * sectors, at most 1 GiB long, and do not wrap. Return: 1; 0 at the end; -errno and
 * @error, which names file, line and value.
 */
int iolog_next(struct iolog *log, struct iolog_entry *entry,
	       struct physbio_error *error);

#endif
