// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A switch that is not as its config space says, byte for byte. See
 * examples/08-redirecting-switch.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "../../examples/redirecting-switch.h"

/*
 * As many as were recorded, in both directions. A byte that has not come, or not from
 * where it should, is some constant (here: memory that nobody has written). Of bytes
 * that take every value alike, one in 256 is right by that: 64 of 16384. That this is
 * why it was so many in the recording is inferred from the number.
 */
#define RECORDED_WRONG 16320u

#define BUS PB_PCI_P2PDMA_MAP_BUS_ADDR
#define HOST PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE

static const struct {
	struct rs_case c;
	enum pb_pci_p2pdma_map_type map;
	enum physbio_hit_kind hit; /* if map is BUS */
	int err;
	unsigned int wrong;
	bool buffer_changed;
} table[] = {
	/* config space and hardware agree */
	{ { .iommu = true, .buffer = true }, BUS, PHYSBIO_HIT_BAR, 0, 0, false },
	{ { .redirects = true, .bits = true, .iommu = true, .buffer = true },
	  HOST,
	  PHYSBIO_HIT_RAM,
	  0,
	  0,
	  false },
	/* they don't; without an IOMMU the request comes down again */
	{ { .redirects = true }, BUS, PHYSBIO_HIT_BAR, 0, 0, false },
	{ { .redirects = true, .iommu = true, .buffer = true },
	  BUS,
	  PHYSBIO_HIT_RAM,
	  0,
	  RECORDED_WRONG,
	  true },
	{ { .redirects = true, .iommu = true },
	  BUS,
	  PHYSBIO_HIT_NOTHING,
	  -EIO,
	  RECORDED_WRONG,
	  false },
};

static void each_case_ends_as_it_must(void **state)
{
	struct rs_result r;
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(rs_run(&table[i].c, &r), 0);
		assert_int_equal(r.map, table[i].map);
		assert_int_equal(r.to_disk.err, table[i].err);
		assert_int_equal(r.to_peer.err, table[i].err);
		assert_int_equal(r.to_disk.wrong, table[i].wrong);
		assert_int_equal(r.to_peer.wrong, table[i].wrong);
		assert_int_equal(r.buffer_changed, table[i].buffer_changed);
		if (r.map == BUS)
			assert_int_equal(r.hit.kind, table[i].hit);
		if (r.map == BUS && r.hit.kind == PHYSBIO_HIT_RAM)
			assert_int_equal(r.hit.paddr, RS_BUFFER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
