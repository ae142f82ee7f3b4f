/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a queue is set to, by the names and in the units of sysfs, /sys/block/X/queue:
 * from the header of a recording, or from a file of NAME=VALUE lines. Decides what a
 * name means; what follows from the limits is the library's decision.
 */
#ifndef TOOLS_SETTINGS_H
#define TOOLS_SETTINGS_H

#include <stdbool.h>

#include <physbio/error.h>
#include <physbio/limits.h>

struct settings {
	struct pb_queue_limits limits; /* as given, not yet validated */
	unsigned int nomerges;
	bool deadline; /* the scheduler */
	bool has_limits; /* some limit was given */
	bool has_scheduler;
};

void settings_init(struct settings *s);

/*
 * Set what @name is. "nomerges" and "scheduler" count too; of a list of schedulers the
 * one in brackets. Return: 0; -ENOENT if the name says nothing of merging or cutting;
 * -EINVAL and @why if @value is not good.
 */
int settings_set(struct settings *s, const char *name, const char *value,
		 char *why, size_t why_size);

/*
 * Read a file of NAME=VALUE lines; "queue/" before a name, comments (#) and empty lines
 * are passed over. Return: 0, or -errno and @error.
 */
int settings_read(struct settings *s, const char *path,
		  struct physbio_error *error);

#endif
