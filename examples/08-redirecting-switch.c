// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Why the fabric is not what config space says. A switch that sends peers' requests up
 * without an ACS bit that says so, below an IOMMU: Linux chooses the peer's bus address,
 * which the IOMMU takes for one of its own. Recorded on a real kernel: no error, and
 * 16,320 of 16,384 bytes wrong.
 */
#include <stdio.h>
#include <string.h>

#include "redirecting-switch.h"

static const struct {
	const char *text;
	struct rs_case c;
} cases[] = {
	{ "the switch does as its bits say: it lets peers pass",
	  { .iommu = true, .buffer = true } },
	{ "it redirects, and there is no IOMMU", { .redirects = true } },
	{ "it redirects, and its bits say so",
	  { .redirects = true, .bits = true, .iommu = true, .buffer = true } },
	{ "it redirects, its bits don't say so, the address is somebody's buffer",
	  { .redirects = true, .iommu = true, .buffer = true } },
	{ "the same, and nothing is mapped at the address",
	  { .redirects = true, .iommu = true } },
};

static void print_io(const char *way, const struct rs_io *io)
{
	if (io->err)
		printf("  %s: %s\n", way, strerror(-io->err));
	else if (io->wrong)
		printf("  %s: REPORTED SUCCESS, %u of %u bytes wrong\n", way,
		       io->wrong, RS_LEN);
	else
		printf("  %s: right\n", way);
}

static void print_hit(const struct rs_result *r)
{
	if (r->map != PB_PCI_P2PDMA_MAP_BUS_ADDR) {
		printf("  Linux: through the host bridge\n");
		return;
	}
	printf("  Linux: by bus address 0x%x; the fabric: ", RS_BAR);
	if (r->hit.kind == PHYSBIO_HIT_BAR)
		printf("that is the peer\n");
	else if (r->hit.kind == PHYSBIO_HIT_RAM)
		printf("MISMATCH, that is RAM at 0x%llx\n",
		       (unsigned long long)r->hit.paddr);
	else
		printf("MISMATCH, that is nothing\n");
}

int main(void)
{
	struct rs_result r;
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (rs_run(&cases[i].c, &r)) {
			fprintf(stderr, "can't set the machine up\n");
			return 1;
		}
		printf("%s\n", cases[i].text);
		print_hit(&r);
		print_io("peer to disk", &r.to_disk);
		print_io("disk to peer", &r.to_peer);
		if (r.buffer_changed)
			printf("  somebody's buffer is overwritten\n");
	}
	return 0;
}
