/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a loader says about input that it refuses. The library prints nothing: a
 * tool prints this.
 */
#ifndef PHYSBIO_ERROR_H
#define PHYSBIO_ERROR_H

struct physbio_error {
	int err; /* -errno, 0: none */
	unsigned int line; /* line of the file, from 1; 0: not one line's fault */
	char file[256]; /* "" if no file is concerned */
	char message[256]; /* names the value; no trailing newline */
};

#endif
