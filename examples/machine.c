// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a text to a machine with a disk. What is done with it the examples say. */
#include "machine.h"

#include <string.h>

#include <physbio/topofile.h>

int machine_boot(struct machine *m, const char *text, pb_phys_addr_t ram)
{
	const struct physbio_mem_range range = { ram, MACHINE_RAM,
						 PHYSBIO_MEM_RAM, -1, NULL };
	int err = physbio_topology_parse(text, strlen(text), &m->t, NULL);

	if (!err)
		err = physbio_machine_create(m->t, &range, 1, &m->m, NULL);
	if (err)
		return err;
	m->ram = ram;
	m->mem = physbio_machine_mem(m->m);
	m->node = physbio_topology_find(m->t, "disk");
	m->dev = *physbio_machine_device(m->m, m->node);
	return physbio_fabric_create(m->t, m->mem, &m->fabric);
}

int machine_add_disk(struct machine *m, const struct physbio_memdev_core *core)
{
	const struct physbio_memdev_config config = {
		.core = core,
		.fabric = m->fabric,
		.node = m->node,
		.dev = &m->dev,
		.mem = m->mem,
		.lists = m->ram,
		.nr_sectors = 64,
		.queue_depth = 1,
	};

	return physbio_memdev_create(&config, &m->disk);
}

void machine_shut_down(struct machine *m)
{
	physbio_memdev_destroy(m->disk);
	physbio_fabric_destroy(m->fabric);
	physbio_machine_destroy(m->m);
	physbio_topology_destroy(m->t);
}

const struct physbio_region *machine_bar(struct machine *m, const char *name)
{
	int node = physbio_topology_find(m->t, name);

	return node < 0 ? NULL : physbio_machine_region(m->m, node, 0);
}

unsigned char *machine_bar_bytes(struct machine *m, const char *name)
{
	const struct physbio_region *bar = machine_bar(m, name);

	return bar ? physbio_mem_virt(m->mem, bar->start) : NULL;
}

unsigned int count_wrong(const unsigned char *got, const unsigned char *want,
			 unsigned int len)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < len; i++)
		wrong += got[i] != want[i];
	return wrong;
}

bool is_filled(const unsigned char *bytes, unsigned char c, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len && bytes[i] == c;)
		i++;
	return i == len;
}
