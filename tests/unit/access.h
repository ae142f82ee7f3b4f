/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* May this process touch an address? Asked of the kernel, not by trying. */
#ifndef TEST_ACCESS_H
#define TEST_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static inline bool accessible(const void *addr)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long long start, end, at = (uintptr_t)addr;
	bool readable = false;
	char line[512], r;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %c", &start, &end, &r) == 3 &&
		    at >= start && at < end)
			readable = r == 'r';
	if (f)
		fclose(f);
	return readable;
}

#endif
