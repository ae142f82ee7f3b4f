// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The RFC's failure and its controls, byte for byte. See examples/07-two-root-ports.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "../../examples/two-root-ports.h"

/* How one case must end, for a write to the disk and for a read from it. */
struct expectation {
	struct trp_case c;
	int repr;
	int err;
	unsigned int wrong_bytes;
	bool disk_has_victim;
	bool read_right;
	bool victim_changed;
};

static const struct expectation table[] = {
	/* offsets differ: the bus address is another device's, or nobody's */
	{ { .allowed = true, .victim = true },
	  TRP_PHYS,
	  0,
	  0,
	  false,
	  true,
	  false },
	{ { .allowed = true, .victim = true },
	  TRP_DMA,
	  0,
	  TRP_LEN,
	  true,
	  false,
	  true },
	{ { .allowed = true }, TRP_PHYS, 0, 0, false, true, false },
	{ { .allowed = true }, TRP_DMA, -EIO, 0, false, false, false },
	/* equal offsets: right either way */
	{ { .allowed = true, .victim = true, .equal_offsets = true },
	  TRP_PHYS,
	  0,
	  0,
	  false,
	  true,
	  false },
	{ { .allowed = true, .victim = true, .equal_offsets = true },
	  TRP_DMA,
	  0,
	  0,
	  false,
	  true,
	  false },
	/* not allowed: phys is refused, and nobody asks dma */
	{ { .victim = true }, TRP_PHYS, -EREMOTEIO, 0, false, false, false },
	{ { .victim = true }, TRP_DMA, 0, TRP_LEN, true, false, true },
};

static void each_case_ends_as_it_must(void **state)
{
	struct trp_result r;
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct expectation *e = &table[i];

		assert_int_equal(trp_run(&e->c, e->repr, &r), 0);
		assert_int_equal(r.err, e->err);
		assert_int_equal(r.read_err, e->err);
		assert_int_equal(r.wrong_bytes, e->wrong_bytes);
		assert_int_equal(r.disk_has_victim, e->disk_has_victim);
		assert_int_equal(r.read_right, e->read_right);
		assert_int_equal(r.victim_changed, e->victim_changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
