// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What this project exists to rule out. Never linked: ./dev lint runs sparse over it,
 * which must object to each marked line, and to no other.
 */
#include <physbio/types.h>

void mix_addresses(pb_phys_addr_t paddr, pb_dma_addr_t daddr);
void mix_addresses(pb_phys_addr_t paddr, pb_dma_addr_t daddr)
{
	pb_dma_addr_t made = physbio_dma_make(paddr);
	uint64_t value = physbio_dma_value(daddr);

	daddr = physbio_dma_add(daddr, 512);
	daddr = paddr; /* MUST FAIL: a physical address is no bus address */
	paddr = daddr; /* MUST FAIL: nor the other way round */
	daddr = daddr + 512; /* MUST FAIL: arithmetic is for the helpers */
	if (daddr == value) /* MUST FAIL: they can't be compared */
		daddr = made;
}
