// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The RFC's failure and its controls, byte for byte. See examples/07-two-root-ports.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "../../examples/two-root-ports.h"

/* What must be where afterwards: after a write to the disk, and after a read from it. */
enum outcome {
	RIGHT, /* the memory's bytes on the disk, the disk's in the memory */
	CORRUPT, /* success both ways, and all bytes are the victim's */
	NOTHING, /* an error both ways, and no byte has moved */
};

static const struct {
	struct trp_case c;
	int repr;
	int err;
	enum outcome outcome;
} table[] = {
	/* offsets differ: the bus address is another device's, or nobody's */
	{ { .allowed = true, .victim = true }, TRP_PHYS, 0, RIGHT },
	{ { .allowed = true, .victim = true }, TRP_DMA, 0, CORRUPT },
	{ { .allowed = true }, TRP_PHYS, 0, RIGHT },
	{ { .allowed = true }, TRP_DMA, -EIO, NOTHING },
	/* equal offsets: right either way */
	{ { .allowed = true, .victim = true, .equal_offsets = true },
	  TRP_PHYS,
	  0,
	  RIGHT },
	{ { .allowed = true, .victim = true, .equal_offsets = true },
	  TRP_DMA,
	  0,
	  RIGHT },
	/* not allowed: phys is refused, and nobody asks dma */
	{ { .victim = true }, TRP_PHYS, -EREMOTEIO, NOTHING },
	{ { .victim = true }, TRP_DMA, 0, CORRUPT },
};

static void each_case_ends_as_it_must(void **state)
{
	struct trp_result r;
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum outcome o = table[i].outcome;

		assert_int_equal(trp_run(&table[i].c, table[i].repr, &r), 0);
		assert_int_equal(r.err, table[i].err);
		assert_int_equal(r.read_err, table[i].err);
		assert_int_equal(r.wrong_bytes, o == CORRUPT ? TRP_LEN : 0);
		assert_int_equal(r.disk_has_victim, o == CORRUPT);
		assert_int_equal(r.disk_changed, o != NOTHING);
		assert_int_equal(r.read_right, o == RIGHT);
		assert_int_equal(r.memory_changed, o == RIGHT);
		assert_int_equal(r.victim_changed, o == CORRUPT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
