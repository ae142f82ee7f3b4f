/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Allocations of the library that fail. For a test that is linked with --wrap=calloc:
 * see unit_wraps in tests/meson.build.
 */
#ifndef TEST_NO_MEMORY_H
#define TEST_NO_MEMORY_H

#include <stddef.h>

/* Of the callocs to come, the one that fails; 0: none. */
static unsigned int calloc_fails;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	if (calloc_fails && !--calloc_fails)
		return NULL;
	return __real_calloc(n, size);
}

#endif
