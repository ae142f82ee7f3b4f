// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Why a bus address can't stand in a bio. Two controllers of an LX2160A: the memory
 * is a published BAR behind the first, the disk that is to write it is behind the
 * second. The same I/O by physical address, and by the bus address that the BAR has at
 * its own port.
 */
#include <stdio.h>
#include <string.h>

#include "two-root-ports.h"

static const struct {
	const char *text;
	struct trp_case c;
} cases[] = {
	{ "32-bit windows, offsets differ; a BAR behind port 2 has the same bus address",
	  { .allowed = true, .victim = true } },
	{ "32-bit windows, offsets differ; nothing behind port 2 has that address",
	  { .allowed = true } },
	{ "64-bit windows, the same offset (0) at both ports",
	  { .allowed = true, .victim = true, .equal_offsets = true } },
	{ "32-bit windows, host bridges not allowed for P2P",
	  { .victim = true } },
};

static void print_error(int err)
{
	printf("refused or failed: %d (%s)\n", err, strerror(-err));
}

static void print_write(const struct trp_result *r)
{
	if (r->err)
		print_error(r->err);
	else if (!r->wrong_bytes)
		printf("right\n");
	else
		printf("REPORTED SUCCESS, %u of %u bytes wrong%s\n",
		       r->wrong_bytes, TRP_LEN,
		       r->disk_has_victim ? ": the other BAR's" : "");
}

static void print_read(const struct trp_result *r)
{
	if (r->read_err)
		print_error(r->read_err);
	else if (r->read_right)
		printf("right\n");
	else
		printf("REPORTED SUCCESS, the memory is %s%s\n",
		       r->memory_changed ? "wrong" : "as before",
		       r->victim_changed ? ", the other BAR overwritten" : "");
}

int main(void)
{
	struct trp_result r;
	unsigned int i;
	int repr;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		printf("%s\n  P2P through the host bridges: %s\n",
		       cases[i].text,
		       cases[i].c.allowed ? "allowed" : "not allowed");
		for (repr = TRP_PHYS; repr <= TRP_DMA; repr++) {
			if (trp_run(&cases[i].c, repr, &r)) {
				fprintf(stderr, "can't set the machine up\n");
				return 1;
			}
			if (repr == TRP_PHYS)
				printf("  memory: BAR at physical 0x%llx, bus 0x%llx at port 1\n",
				       r.paddr, r.bus);
			printf("  %s  memory to disk: ",
			       repr == TRP_PHYS ? "phys" : "dma ");
			print_write(&r);
			printf("        disk to memory: ");
			print_read(&r);
		}
	}
	return 0;
}
