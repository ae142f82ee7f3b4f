/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Allocations of the library that fail. For a test that is linked with --wrap of these
 * three: see no_memory in tests/meson.build.
 */
#ifndef TEST_NO_MEMORY_H
#define TEST_NO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Of the allocations to come, the one that fails; 0: none. */
static unsigned int alloc_fails;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool this_one_fails(void)
{
	return alloc_fails && !--alloc_fails;
}

void *__wrap_malloc(size_t size)
{
	return this_one_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return this_one_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return this_one_fails() ? NULL : __real_realloc(old, size);
}

#endif
