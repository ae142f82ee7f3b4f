// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The controller's half of PRPs and SGLs: what the specification allows is moved, what it
 * refuses has its status, and nothing that is written there makes it do anything else.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

/* Data from the start on, descriptors in the upper half. */
#define RAM_PAGES ((4 << 20) / PB_PAGE_SIZE)
#define LISTS (2u << 20)

#include "fixture.h"

#include <physbio/machine.h>

#include "../../src/user/nvmectrl.h"

static struct physbio_topology *t;
static struct physbio_machine *m;
static struct physbio_fabric *fabric;
static unsigned char store[1 << 20], metadata[4096];

/* Where devices see the first megabyte and the others; NULL: where CPUs do. */
static const struct physbio_bridge_window *windows;

static int add_windows(void)
{
	return windows &&
	       (physbio_topology_add_inbound(t, 0, &windows[0], NULL) ||
		physbio_topology_add_inbound(t, 0, &windows[1], NULL));
}

static int machine_up(void **state)
{
	const struct physbio_mem_range ram = {
		.start = RAM_START,
		.size = RAM_PAGES * PG,
		.kind = PHYSBIO_MEM_RAM,
		.nid = -1,
	};

	t = physbio_topology_create();
	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	physbio_topology_add(t, PHYSBIO_ENDPOINT, "disk", "hb", NULL);
	if (add_windows() || physbio_machine_create(t, &ram, 1, &m, NULL))
		return -1;
	mem = physbio_machine_mem(m);
	return physbio_fabric_create(t, mem, &fabric);
}

static int machine_down(void **state)
{
	physbio_fabric_destroy(fabric);
	physbio_machine_destroy(m);
	physbio_topology_destroy(t);
	return 0;
}

static pb_le64 le64(uint64_t value)
{
	return htole64(value);
}

static uint64_t bus(uint64_t at)
{
	return RAM_START + at;
}

static uint16_t transfer(const struct physbio_nvmectrl_cmd *cmd)
{
	const struct physbio_nvmectrl ctrl = { .fabric = fabric,
					       .node = 1,
					       .sgl_supported = true };
	pb_dma_addr_t fault;

	return physbio_nvmectrl_transfer(&ctrl, cmd, &fault);
}

static unsigned char byte_at(uint32_t at)
{
	return (unsigned char)(at ^ at >> 8 ^ at >> 16);
}

/* Memory of which every byte says where it is. */
static void fill_memory(void)
{
	static unsigned char bytes[LISTS];
	uint32_t i;

	for (i = 0; i < LISTS; i++)
		bytes[i] = byte_at(i);
	physbio_mem_write(mem, RAM_START, bytes, sizeof(bytes));
}

/* --- PRP --- */

/* A slot of a list: where it is and what it says, both from the start of RAM. */
struct slot {
	uint32_t at;
	uint64_t value;
};

static void put_slot(const struct slot *slot)
{
	const pb_le64 value = le64(bus(slot->value));

	physbio_mem_write(mem, RAM_START + slot->at, &value, sizeof(value));
}

static struct physbio_nvmectrl_cmd prp_command(uint64_t prp1, uint64_t prp2,
					       uint32_t len)
{
	return (struct physbio_nvmectrl_cmd){
		.to_device = true,
		.dptr.prp = { le64(bus(prp1)), le64(bus(prp2)) },
		.data = store,
		.len = len,
	};
}

static void prp_offsets(void **state)
{
	static const struct {
		uint64_t prp1, prp2;
		uint32_t len;
		uint16_t want;
	} cases[] = {
		{ 0, 0, 512, PB_NVME_SC_SUCCESS },
		{ 4, 0, 4092, PB_NVME_SC_SUCCESS },
		{ 2, 0, 512, PB_NVME_SC_PRP_INVALID_OFFSET },
		{ 4095, 0, 512, PB_NVME_SC_PRP_INVALID_OFFSET },
		{ 0, 3, 4096, PB_NVME_SC_SUCCESS }, /* not looked at */
		{ 0, 8192, 8192, PB_NVME_SC_SUCCESS },
		{ 0, 8196, 8192, PB_NVME_SC_PRP_INVALID_OFFSET },
		{ 4092, 8192, 4100, PB_NVME_SC_SUCCESS },
		{ 4092, 8192 + 2048, 8, PB_NVME_SC_PRP_INVALID_OFFSET },
		{ 0, LISTS + 4, 12288, PB_NVME_SC_PRP_INVALID_OFFSET },
		{ 0, LISTS + 8, 12288, PB_NVME_SC_SUCCESS },
		{ 64u << 20, 0, 512, PB_NVME_SC_DATA_XFER_ERROR },
		{ 0, 64u << 20, 12288, PB_NVME_SC_DATA_XFER_ERROR },
	};
	static const struct slot slots[] = { { LISTS + 8, 4096 },
					     { LISTS + 16, 16384 } };
	struct physbio_nvmectrl_cmd cmd;
	unsigned int i;

	put_slot(&slots[0]);
	put_slot(&slots[1]);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		cmd = prp_command(cases[i].prp1, cases[i].prp2, cases[i].len);
		assert_int_equal(transfer(&cmd), cases[i].want);
	}
}

/* Pages at @pages, in this order, are what is in the store. */
static void store_holds(const uint32_t *pages, unsigned int n)
{
	uint32_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < 4096; j++)
			assert_int_equal(store[i * 4096 + j],
					 byte_at(pages[i] + j));
}

/*
 * Four entries from 0xff0 on, of which the page holds two: the second chains. Where only
 * two are needed, it is data.
 */
static void a_list_may_begin_within_a_page_and_chains_at_its_end(void **state)
{
	static const struct slot slots[] = {
		{ LISTS + 0xff0, 20480 },
		{ LISTS + 0xff8, LISTS + 0x8000 },
		{ LISTS + 0x8000, 4096 },
		{ LISTS + 0x8008, 40960 },
	};
	static const uint32_t pages[] = { 0, 20480, 4096, 40960 };
	const struct slot data = { LISTS + 0xff8, 8192 };
	const uint32_t short_pages[] = { 0, 20480, 8192 };
	struct physbio_nvmectrl_cmd cmd;
	unsigned int i;

	fill_memory();
	for (i = 0; i < ARRAY_SIZE(slots); i++)
		put_slot(&slots[i]);
	cmd = prp_command(0, LISTS + 0xff0, 4 * 4096);
	assert_int_equal(transfer(&cmd), PB_NVME_SC_SUCCESS);
	store_holds(pages, 4);
	put_slot(&data);
	cmd = prp_command(0, LISTS + 0xff0, 3 * 4096);
	assert_int_equal(transfer(&cmd), PB_NVME_SC_SUCCESS);
	store_holds(short_pages, 3);
}

/* One slot, and that one chains. */
static void the_last_slot_of_a_page_may_be_the_first_of_the_list(void **state)
{
	static const struct slot slots[] = {
		{ LISTS + 0xff8, LISTS + 0x8000 },
		{ LISTS + 0x8000, 4096 },
		{ LISTS + 0x8008, 40960 },
	};
	static const uint32_t pages[] = { 0, 4096, 40960 };
	struct physbio_nvmectrl_cmd cmd;
	unsigned int i;

	fill_memory();
	for (i = 0; i < ARRAY_SIZE(slots); i++)
		put_slot(&slots[i]);
	cmd = prp_command(0, LISTS + 0xff8, 3 * 4096);
	assert_int_equal(transfer(&cmd), PB_NVME_SC_SUCCESS);
	store_holds(pages, 3);
}

static void entries_and_chained_lists_are_page_aligned(void **state)
{
	static const struct {
		struct slot first, second;
		uint16_t want;
	} cases[] = {
		{ { LISTS + 0xff8, LISTS + 0x8008 },
		  { LISTS + 0x8008, 4096 },
		  PB_NVME_SC_PRP_INVALID_OFFSET },
		{ { LISTS + 0xff8, LISTS + 0x8000 },
		  { LISTS + 0x8000, 4096 + 512 },
		  PB_NVME_SC_PRP_INVALID_OFFSET },
		{ { LISTS + 0xff8, 64u << 20 },
		  { LISTS, 0 },
		  PB_NVME_SC_DATA_XFER_ERROR },
	};
	struct physbio_nvmectrl_cmd cmd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put_slot(&cases[i].first);
		put_slot(&cases[i].second);
		cmd = prp_command(0, LISTS + 0xff8, 3 * 4096);
		assert_int_equal(transfer(&cmd), cases[i].want);
	}
}

/* Each page's last slot points to the page itself: data come from it, until the end. */
static void a_prp_list_that_bites_its_tail_ends_with_the_data(void **state)
{
	const struct slot tail = { LISTS + 0xff8, LISTS };
	struct physbio_nvmectrl_cmd cmd;
	uint32_t i;

	for (i = 0; i < 511; i++)
		put_slot(&(struct slot){ LISTS + i * 8, 0 });
	put_slot(&tail);
	cmd = prp_command(0, LISTS + 0xff0, sizeof(store));
	assert_int_equal(transfer(&cmd), PB_NVME_SC_SUCCESS);
}

/* --- SGL --- */

#define DATA PB_NVME_SGL_DATA
#define SEG PB_NVME_SGL_SEGMENT
#define LAST PB_NVME_SGL_LAST_SEGMENT

/* A descriptor: where it is, 0: in the command; addresses from the start of RAM. */
struct desc {
	uint32_t at;
	uint64_t addr;
	uint32_t len;
	uint8_t type;
};

static struct pb_nvme_sgl_desc make_desc(const struct desc *d)
{
	return (struct pb_nvme_sgl_desc){
		.addr = le64(bus(d->addr)),
		.length = htole32(d->len),
		.type = d->type,
	};
}

static void put_desc(const struct desc *d)
{
	const struct pb_nvme_sgl_desc desc = make_desc(d);

	physbio_mem_write(mem, RAM_START + d->at, &desc, sizeof(desc));
}

static struct physbio_nvmectrl_cmd sgl_command(const struct desc *d,
					       uint32_t len)
{
	return (struct physbio_nvmectrl_cmd){
		.flags = PB_NVME_CMD_SGL_METABUF,
		.to_device = true,
		.dptr.sgl = make_desc(d),
		.data = store,
		.len = len,
	};
}

/* Every case moves 1024 bytes, or is refused. */
static const struct sgl_case {
	struct desc d[6];
	uint16_t want;
} sgl_cases[] = {
	{ { { 0, 0, 1024, DATA } }, PB_NVME_SC_SUCCESS },
	{ { { 0, 1, 1024, DATA } }, PB_NVME_SC_SUCCESS },
	{ { { 0, 0, 1023, DATA } }, PB_NVME_SC_SGL_INVALID_DATA },
	{ { { 0, 0, 1025, DATA } }, PB_NVME_SC_SGL_INVALID_DATA },
	{ { { 0, 0, 0, DATA } }, PB_NVME_SC_SGL_INVALID_DATA },
	{ { { 0, 64u << 20, 1024, DATA } }, PB_NVME_SC_DATA_XFER_ERROR },
	{ { { 0, 0, 1024, 0x10 } }, PB_NVME_SC_SGL_INVALID_TYPE }, /* bucket */
	{ { { 0, 0, 1024, 0x40 } }, PB_NVME_SC_SGL_INVALID_TYPE }, /* keyed */
	{ { { 0, 0, 1024, 0x01 } }, PB_NVME_SC_SGL_INVALID_TYPE }, /* offset */
	{ { { 0, 0, 1024, 0xf0 } }, PB_NVME_SC_SGL_INVALID_TYPE },
	/* a last segment */
	{ { { 0, LISTS, 16, LAST }, { LISTS, 0, 1024, DATA } },
	  PB_NVME_SC_SUCCESS },
	{ { { 0, LISTS + 8, 32, LAST },
	    { LISTS + 8, 0, 512, DATA },
	    { LISTS + 24, 4096, 512, DATA } },
	  PB_NVME_SC_SUCCESS },
	{ { { 0, LISTS + 4, 16, LAST }, { LISTS + 4, 0, 1024, DATA } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, LISTS, 0, LAST } }, PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, LISTS, 24, LAST }, { LISTS, 0, 1024, DATA } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, LISTS, 1, LAST }, { LISTS, 0, 1024, DATA } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, 64u << 20, 16, LAST } }, PB_NVME_SC_DATA_XFER_ERROR },
	{ { { 0, LISTS, 0xfffffff0, LAST } }, PB_NVME_SC_SGL_INVALID_COUNT },
	/* data of no bytes */
	{ { { 0, LISTS, 48, LAST },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, 64u << 20, 0, DATA },
	    { LISTS + 32, 0, 512, DATA } },
	  PB_NVME_SC_SUCCESS },
	/* too short, too long, wrong in the middle */
	{ { { 0, LISTS, 32, LAST },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, 0, 511, DATA } },
	  PB_NVME_SC_SGL_INVALID_DATA },
	{ { { 0, LISTS, 32, LAST },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, 0, 513, DATA } },
	  PB_NVME_SC_SGL_INVALID_DATA },
	{ { { 0, LISTS, 48, LAST },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, 0, 512, DATA },
	    { LISTS + 32, 0, 1, DATA } },
	  PB_NVME_SC_SGL_INVALID_DATA },
	{ { { 0, LISTS, 32, LAST },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, 0, 512, 0x50 } },
	  PB_NVME_SC_SGL_INVALID_TYPE },
	/* a last segment points nowhere */
	{ { { 0, LISTS, 32, LAST },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, LISTS + 64, 16, LAST },
	    { LISTS + 64, 0, 512, DATA } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, LISTS, 32, LAST },
	    { LISTS, LISTS + 64, 16, SEG },
	    { LISTS + 16, 0, 1024, DATA } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	/* chains */
	{ { { 0, LISTS, 32, SEG },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, LISTS + 64, 16, LAST },
	    { LISTS + 64, 0, 512, DATA } },
	  PB_NVME_SC_SUCCESS },
	{ { { 0, LISTS, 16, SEG },
	    { LISTS, LISTS + 32, 16, SEG },
	    { LISTS + 32, LISTS + 64, 32, SEG },
	    { LISTS + 64, 0, 1000, DATA },
	    { LISTS + 80, LISTS + 128, 16, LAST },
	    { LISTS + 128, 0, 24, DATA } },
	  PB_NVME_SC_SUCCESS },
	/* a segment that is not the last must point to the next */
	{ { { 0, LISTS, 16, SEG }, { LISTS, 0, 1024, DATA } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, LISTS, 32, SEG },
	    { LISTS, LISTS + 64, 16, LAST },
	    { LISTS + 16, 0, 512, DATA },
	    { LISTS + 64, 0, 512, DATA } },
	  PB_NVME_SC_SGL_INVALID_COUNT },
	{ { { 0, LISTS, 32, SEG },
	    { LISTS, LISTS + 64, 16, SEG },
	    { LISTS + 16, LISTS + 64, 16, LAST },
	    { LISTS + 64, 0, 1024, DATA } },
	  PB_NVME_SC_SGL_INVALID_COUNT },
	{ { { 0, LISTS, 16, SEG }, { LISTS, LISTS + 64, 0, LAST } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	{ { { 0, LISTS, 16, SEG }, { LISTS, LISTS + 60, 16, LAST } },
	  PB_NVME_SC_SGL_INVALID_LAST },
	/* a loop, with data and without */
	{ { { 0, LISTS, 16, SEG }, { LISTS, LISTS, 16, SEG } },
	  PB_NVME_SC_SGL_INVALID_COUNT },
	{ { { 0, LISTS, 32, SEG },
	    { LISTS, 0, 0, DATA },
	    { LISTS + 16, LISTS, 32, SEG } },
	  PB_NVME_SC_SGL_INVALID_COUNT },
	{ { { 0, LISTS, 32, SEG },
	    { LISTS, 0, 512, DATA },
	    { LISTS + 16, LISTS, 32, SEG } },
	  PB_NVME_SC_SGL_INVALID_DATA },
};

static void sgls_are_as_specified_or_refused(void **state)
{
	struct physbio_nvmectrl_cmd cmd;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sgl_cases); i++) {
		const struct sgl_case *c = &sgl_cases[i];

		for (j = 1; j < ARRAY_SIZE(c->d); j++)
			if (c->d[j].at)
				put_desc(&c->d[j]);
		cmd = sgl_command(&c->d[0], 1024);
		if (transfer(&cmd) != c->want)
			fail_msg("case %u: status 0x%x, not 0x%x", i,
				 transfer(&cmd), c->want);
	}
}

/* Memory up to the last address, and from the first one on. */
static void nothing_lies_behind_the_last_address(void **state)
{
	static const struct physbio_bridge_window ends[] = {
		{ RAM_START, -(uint64_t)(1 << 20), 1 << 20 },
		{ RAM_START + (1 << 20), 0, 15 << 20 },
	};
	/* at bus address 0x1000 */
	const uint64_t data = 0x1000 - (uint64_t)RAM_START;
	const struct desc last = { (1 << 20) - 16, data, 512, DATA };
	const struct desc first = { 1 << 20, data, 512, DATA };
	struct physbio_nvmectrl_cmd cmd = {
		.flags = PB_NVME_CMD_SGL_METABUF,
		.to_device = true,
		.dptr.sgl = { .addr = le64(-(uint64_t)512),
			      .length = htole32(512) },
		.data = store,
		.len = 512,
	};

	machine_down(NULL);
	windows = ends;
	assert_int_equal(machine_up(NULL), 0);
	assert_int_equal(transfer(&cmd), PB_NVME_SC_SUCCESS);
	cmd.dptr.sgl.length = htole32(1024);
	cmd.len = 1024;
	assert_int_equal(transfer(&cmd), PB_NVME_SC_DATA_XFER_ERROR);
	put_desc(&last);
	put_desc(&first);
	cmd.dptr.sgl = (struct pb_nvme_sgl_desc){ .addr = le64(-(uint64_t)16),
						  .length = htole32(32),
						  .type = LAST };
	assert_int_equal(transfer(&cmd), PB_NVME_SC_DATA_XFER_ERROR);
	machine_down(NULL);
	windows = NULL;
	assert_int_equal(machine_up(NULL), 0);
}

static void flags_say_which_of_them_it_is(void **state)
{
	const struct physbio_nvmectrl plain = { .fabric = fabric,
						.node = 1,
						.sgl_supported = false };
	const struct desc d = { 0, 0, 1024, DATA };
	struct physbio_nvmectrl_cmd cmd = sgl_command(&d, 1024);
	pb_dma_addr_t fault;

	assert_int_equal(physbio_nvmectrl_transfer(&plain, &cmd, &fault),
			 PB_NVME_SC_INVALID_FIELD);
	cmd.flags = PB_NVME_CMD_SGL_METASEG;
	assert_int_equal(transfer(&cmd), PB_NVME_SC_SUCCESS);
	cmd.flags = PB_NVME_CMD_SGL_ALL;
	assert_int_equal(transfer(&cmd), PB_NVME_SC_INVALID_FIELD);
	cmd = prp_command(0, 0, 1024);
	assert_int_equal(physbio_nvmectrl_transfer(&plain, &cmd, &fault),
			 PB_NVME_SC_SUCCESS);
}

static void metadata_have_a_buffer_or_an_sgl(void **state)
{
	static const struct {
		uint8_t flags;
		uint64_t at; /* what the pointer says */
		struct desc d; /* at LISTS */
		uint16_t want;
	} cases[] = {
		{ PB_NVME_CMD_SGL_METABUF,
		  8192,
		  { LISTS, 0, 0, 0 },
		  PB_NVME_SC_SUCCESS },
		{ PB_NVME_CMD_SGL_METABUF,
		  8194,
		  { LISTS, 0, 0, 0 },
		  PB_NVME_SC_INVALID_FIELD },
		{ PB_NVME_CMD_SGL_METABUF,
		  64u << 20,
		  { LISTS, 0, 0, 0 },
		  PB_NVME_SC_DATA_XFER_ERROR },
		{ PB_NVME_CMD_SGL_METASEG,
		  LISTS,
		  { LISTS, 8192, 16, DATA },
		  PB_NVME_SC_SUCCESS },
		{ PB_NVME_CMD_SGL_METASEG,
		  LISTS,
		  { LISTS, 8192, 15, DATA },
		  PB_NVME_SC_SGL_INVALID_METADATA },
		{ PB_NVME_CMD_SGL_METASEG,
		  LISTS,
		  { LISTS, 8192, 17, DATA },
		  PB_NVME_SC_SGL_INVALID_METADATA },
		{ PB_NVME_CMD_SGL_METASEG,
		  LISTS + 4,
		  { LISTS, 0, 16, DATA },
		  PB_NVME_SC_INVALID_FIELD },
		{ PB_NVME_CMD_SGL_METASEG,
		  64u << 20,
		  { LISTS, 0, 16, DATA },
		  PB_NVME_SC_DATA_XFER_ERROR },
		{ PB_NVME_CMD_SGL_METASEG,
		  LISTS,
		  { LISTS, 0, 16, 0x10 },
		  PB_NVME_SC_SGL_INVALID_TYPE },
	};
	const struct desc data = { 0, 0, 1024, DATA };
	struct physbio_nvmectrl_cmd cmd;
	unsigned int i, j;

	fill_memory();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(metadata, 0, sizeof(metadata));
		put_desc(&cases[i].d);
		cmd = sgl_command(&data, 1024);
		cmd.flags = cases[i].flags;
		cmd.metadata = le64(bus(cases[i].at));
		cmd.meta = metadata;
		cmd.meta_len = 16;
		assert_int_equal(transfer(&cmd), cases[i].want);
		for (j = 0; cases[i].want == PB_NVME_SC_SUCCESS && j < 16; j++)
			assert_int_equal(metadata[j], byte_at(8192 + j));
		assert_int_equal(metadata[16], 0);
	}
}

/* --- whatever is there --- */

static uint32_t rnd(uint32_t n)
{
	return (uint32_t)rand() % n;
}

/* Mostly near what is right: that is where the wrong ones hide. */
static uint64_t any_addr(void)
{
	static const uint64_t odd[] = { 0, UINT64_MAX, UINT64_MAX - 4095,
					UINT64_C(1) << 63 };

	switch (rnd(8)) {
	case 0:
		return odd[rnd(ARRAY_SIZE(odd))];
	case 1:
		return bus(rnd(8u << 20));
	case 2:
		return bus(rnd(LISTS) & ~4095u);
	case 3:
		return bus(LISTS + (rnd(1u << 20) & ~4095u));
	default:
		return bus(LISTS + (rnd(4096) & ~7u));
	}
}

static uint32_t any_len(void)
{
	static const uint32_t odd[] = { 0,     1,	   15,	      4096,
					65536, UINT32_MAX, 0xfffffff0 };

	return rnd(4) ? 16 * rnd(32) : odd[rnd(ARRAY_SIZE(odd))];
}

static struct pb_nvme_sgl_desc any_desc(void)
{
	static const uint8_t types[] = { DATA, DATA, DATA, DATA,
					 SEG,  SEG,  LAST, 0x31 };
	struct pb_nvme_sgl_desc desc = {
		.addr = le64(any_addr()),
		.length = htole32(any_len()),
		.type = types[rnd(ARRAY_SIZE(types))],
	};

	if (!rnd(16))
		((unsigned char *)&desc)[rnd(16)] ^= 1u << rnd(8);
	return desc;
}

/* A page of descriptors or of entries, as a driver would fill it that is out of its mind. */
static void any_lists(void)
{
	struct pb_nvme_sgl_desc descs[256];
	pb_le64 entries[512];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(descs); i++)
		descs[i] = any_desc();
	for (i = 0; i < ARRAY_SIZE(entries); i++)
		entries[i] = le64(any_addr());
	physbio_mem_write(mem, RAM_START + LISTS,
			  rnd(2) ? (void *)descs : (void *)entries, 4096);
}

/* Guards around the controller's memory, for builds without a sanitizer too. */
static void hostile_descriptors_move_nothing_out_of_place(void **state)
{
	static unsigned char guarded[65536 + 8192], guard[4096];
	const unsigned int seed = 20261125;
	unsigned int i, moved = 0, seen[256] = { 0 };

	srand(seed);
	printf("seed %u\n", seed);
	memset(guarded, 0xa5, sizeof(guarded));
	memset(guard, 0xa5, sizeof(guard));
	for (i = 0; i < 20000; i++) {
		uint32_t len = 4 * (1 + rnd(rnd(2) ? 16384 : 256));
		struct physbio_nvmectrl_cmd cmd = {
			.flags = (uint8_t)rnd(256),
			.to_device = rnd(2),
			.dptr.sgl = any_desc(),
			.metadata = le64(any_addr()),
			.data = guarded + 4096,
			.len = len,
			.meta = metadata,
			.meta_len = rnd(2) ? 16 * rnd(32) : 0,
		};
		uint16_t status;

		if (!(i % 8))
			any_lists();
		if (rnd(2))
			cmd.dptr.prp.prp2 = le64(any_addr());
		status = transfer(&cmd);
		seen[status & 0xff]++;
		moved += status == PB_NVME_SC_SUCCESS;
		assert_memory_equal(guarded, guard, 4096);
		assert_memory_equal(guarded + 4096 + len, guard, 4096);
		memset(guarded + 4096, 0xa5, len);
	}
	/* None of these would tell anything if all had died of the same. */
	assert_true(moved > 100);
	assert_true(seen[PB_NVME_SC_DATA_XFER_ERROR] > 100);
	assert_true(seen[PB_NVME_SC_PRP_INVALID_OFFSET] > 100);
	assert_true(seen[PB_NVME_SC_SGL_INVALID_LAST] > 100);
	assert_true(seen[PB_NVME_SC_SGL_INVALID_COUNT] > 100);
	assert_true(seen[PB_NVME_SC_SGL_INVALID_TYPE] > 100);
	assert_true(seen[PB_NVME_SC_SGL_INVALID_DATA] > 100);
}

/* --- what nvme.c builds --- */

/* Windows end in the middle of the data: no vector is near there. */
#define BORDER (1u << 20)
#define LISTS_SIZE (1u << 20)

enum world_kind {
	IDENTITY,
	WINDOWS,
	IOMMU_4K,
	IOMMU_64K,
	NR_WORLDS
};

static struct world {
	const struct pb_device *dev;
	pb_dma_addr_t lists; /* LISTS, for the device */
	struct physbio_iommu *iommu;
	struct physbio_xlate xlate;
	struct pb_device translated;
} world;

static unsigned long iommu_pages(void)
{
	struct physbio_iommu_stats stats = { 0, 0 };

	if (world.iommu)
		physbio_iommu_stats(world.iommu, &stats);
	return stats.pages;
}

static void iommu_up(uint32_t granule)
{
	assert_int_equal(physbio_iommu_create(granule, 0x1000000, 0x10000000,
					      &world.iommu),
			 0);
	physbio_xlate_init_iommu(&world.xlate, world.iommu);
	world.translated.xlate = &world.xlate;
	world.translated.dma_mask = UINT64_MAX;
	world.dev = &world.translated;
	assert_int_equal(physbio_fabric_set_iommu(fabric, 0, world.iommu), 0);
}

static void world_up(enum world_kind kind)
{
	static const struct physbio_bridge_window shifted[] = {
		{ RAM_START, RAM_START + 0x40000000, BORDER },
		{ RAM_START + BORDER, RAM_START + 0x50000000, 15 * BORDER },
	};

	windows = kind == WINDOWS ? shifted : NULL;
	assert_int_equal(machine_up(NULL), 0);
	memset(&world, 0, sizeof(world));
	world.dev = physbio_machine_device(m, 1);
	if (kind == IOMMU_4K || kind == IOMMU_64K)
		iommu_up(kind == IOMMU_4K ? 4096 : 65536);
	world.lists = pb_dma_map_phys(world.dev, RAM_START + LISTS, LISTS_SIZE,
				      PB_DMA_TO_DEVICE, 0);
	assert_int_equal(pb_dma_mapping_error(world.dev, world.lists), 0);
}

static void world_down(void)
{
	pb_dma_unmap_phys(world.dev, world.lists, LISTS_SIZE, PB_DMA_TO_DEVICE,
			  0);
	assert_int_equal(iommu_pages(), 0);
	machine_down(NULL);
	physbio_iommu_destroy(world.iommu);
	windows = NULL;
}

/* One request at a time has these. */
static struct pb_nvme_list_page list_pages[PB_NVME_MAX_LIST_PAGES];
static struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];

/* How often each way was gone. */
static struct {
	unsigned int prp, prp_list, sgl, sgl_list, small, coalesced;
} ways;

static struct pb_nvme_list_page list_at(uint32_t at)
{
	return (struct pb_nvme_list_page){
		physbio_mem_virt(mem, RAM_START + LISTS + at),
		physbio_dma_add(world.lists, at),
	};
}

static struct pb_nvme_iod any_iod(bool sgl, bool small_segments)
{
	static const uint32_t thresholds[] = { 0, 1, 4096,
					       PB_NVME_SGL_THRESHOLD };
	struct pb_nvme_iod iod = {
		.lists = list_pages,
		.ranges = ranges,
		.max_ranges = ARRAY_SIZE(ranges),
		.sgl_supported = sgl,
		/* no PRP says where a segment ends within a page */
		.user_cmd = small_segments || !rnd(4),
		.sgl_threshold = thresholds[rnd(ARRAY_SIZE(thresholds))],
	};
	unsigned int i;

	for (i = 0; i < PB_NVME_MAX_LIST_PAGES; i++)
		list_pages[i] = list_at((rnd(32) * 5 + i) * 4096);
	if (rnd(2))
		iod.small = list_at((768u << 10) + rnd(256) * 256);
	return iod;
}

static void count_way(const struct pb_nvme_iod *iod)
{
	uint64_t list = iod->use_sgl ? le64toh(iod->dptr.sgl.addr) :
				       le64toh(iod->dptr.prp.prp2);
	bool has_list = list - physbio_dma_value(world.lists) < LISTS_SIZE;

	ways.coalesced += pb_dma_use_iova(&iod->state);
	ways.small += iod->small.virt &&
		      list == physbio_dma_value(iod->small.dma);
	if (iod->use_sgl)
		has_list ? ways.sgl_list++ : ways.sgl++;
	else
		has_list ? ways.prp_list++ : ways.prp++;
}

/* Driver, then controller, as far apart as the command between them. */
static void carry_out(struct pb_request *rq, bool sgl)
{
	const struct physbio_nvmectrl ctrl = { .fabric = fabric,
					       .node = 1,
					       .sgl_supported = sgl };
	const struct pb_queue_limits *lim = pb_queue_limits(rq->q);
	struct pb_nvme_iod iod =
		any_iod(sgl, lim->max_segment_size != UINT32_MAX);
	unsigned long pages = iommu_pages();
	struct physbio_nvmectrl_cmd cmd;
	pb_dma_addr_t fault;

	assert_int_equal(
		pb_blk_status_to_errno(pb_nvme_map_data(rq, world.dev, &iod)),
		0);
	count_way(&iod);
	cmd = (struct physbio_nvmectrl_cmd){
		.flags = iod.use_sgl ? PB_NVME_CMD_SGL_METABUF : 0,
		.to_device = pb_op_is_write(rq->cmd_flags),
		.dptr = iod.dptr,
		.data = store + (pb_blk_rq_pos(rq) << PB_SECTOR_SHIFT),
		.len = pb_blk_rq_bytes(rq),
	};
	assert_int_equal(physbio_nvmectrl_transfer(&ctrl, &cmd, &fault),
			 PB_NVME_SC_SUCCESS);
	pb_nvme_unmap_data(rq, world.dev, &iod);
	assert_int_equal(iommu_pages(), pages);
}

/* Anywhere in the data, whole pages for PRPs. */
static uint32_t any_place(uint32_t len)
{
	uint32_t half = BORDER - 65536 - len;

	return (rnd(2) ? BORDER + 65536 : 0) + (rnd(half) & ~4095u);
}

/*
 * Vectors whose sum is a multiple of 512. Without SGLs all but the ends meet at pages,
 * with them they begin and end at any dword. Often the next one follows the last.
 */
static unsigned int any_vectors(struct range *r, unsigned int max, bool gaps)
{
	unsigned int n = 1 + rnd(rnd(2) ? 3 : max), i;
	uint32_t total = 0;

	for (i = 0; i < n; i++) {
		uint32_t from = gaps || !i ? 4 * rnd(1024) : 0;
		uint32_t len = 4096 * (1 + rnd(rnd(8) ? 2 : 12)) - from;

		if (gaps)
			len = 4 + 4 * rnd(len / 4);
		if (i == n - 1)
			len = 512 * (1 + rnd(16)) + (-total & 511);
		r[i] = (struct range){ any_place(65536) + from, len };
		if (i && rnd(2) && r[i - 1].at + r[i - 1].len < 800000 &&
		    (gaps || (r[i - 1].at + r[i - 1].len) % 4096 == 0))
			r[i].at = r[i - 1].at + r[i - 1].len;
		total += len;
	}
	return n;
}

/* An IOMMU can't join segments that end within a granule because they are small. */
static struct pb_queue_limits any_limits(bool sgl)
{
	static const uint32_t sizes[] = { 4096, 8192, 65536, UINT32_MAX };
	struct pb_queue_limits lim = {
		.max_hw_sectors = 128 + rnd(1024),
		.max_segments = (unsigned short)(3 + rnd(100)),
		.max_segment_size = sgl && !world.iommu ? sizes[rnd(4)] :
							  UINT32_MAX,
		.seg_boundary_mask = rnd(2) ? 0xffff : UINT64_MAX,
		.virt_boundary_mask = sgl ? 0 : 4095,
		.dma_alignment = 3,
	};

	/* a boundary of a segment's size at least */
	if (lim.max_segment_size > 65536)
		lim.seg_boundary_mask = UINT64_MAX;
	return lim;
}

static void submit(pb_blk_opf_t opf, const struct pb_queue_limits *lim,
		   const struct range *r, unsigned int n, bool sgl)
{
	static struct test_queue tq;
	static struct test_bio tb;
	unsigned int i;

	test_queue_up(&tq, lim, KEPT_MAX);
	test_bio_init(&tb, opf, 0);
	tb.bio.bi_bdev = &tq.bdev;
	for (i = 0; i < n; i++)
		test_bio_add(&tb, r[i].at, r[i].len);
	pb_submit_bio(&tb.bio);
	for (i = 0; i < nr_kept; i++)
		carry_out(kept[i], sgl);
	end_kept(PB_BLK_STS_OK);
	assert_int_equal(tb.ended, 1);
	assert_true(tb.bio.bi_status == PB_BLK_STS_OK);
	test_queue_down(&tq);
}

/* 300 segments: a page of 255 and a pointer, and one of the last 45. */
static void a_chained_sgl_is_followed(void **state)
{
	const struct pb_queue_limits lim = {
		.max_hw_sectors = 2048,
		.max_user_sectors = 2048,
		.max_segments = 512,
		.max_segment_size = 4096,
		.dma_alignment = 3,
	};
	static struct range r[150];
	unsigned int i, j, lists;

	machine_down(NULL);
	world_up(IDENTITY);
	fill_memory();
	lists = ways.sgl_list;
	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct range){ (149 - i) * 12288 + 4, 4096 + 512 };
	submit(PB_REQ_OP_WRITE, &lim, r, ARRAY_SIZE(r), true);
	assert_int_equal(ways.sgl_list, lists + 1);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		for (j = 0; j < r[i].len; j++)
			assert_int_equal(store[i * 4608 + j],
					 byte_at(r[i].at + j));
	world_down();
	assert_int_equal(machine_up(NULL), 0);
}

/* Out of memory, and back to other bytes: all of memory is compared. */
static void one_round(bool sgl)
{
	static unsigned char image[LISTS], got[LISTS];
	const struct pb_queue_limits lim = any_limits(sgl);
	struct range r[48];
	unsigned int n = any_vectors(r, ARRAY_SIZE(r), sgl), i;
	uint32_t at = 0, j;

	for (j = 0; j < LISTS; j++)
		image[j] = byte_at(j);
	fill_memory();
	submit(PB_REQ_OP_WRITE, &lim, r, n, sgl);
	for (i = 0; i < n; at += r[i].len, i++)
		assert_memory_equal(store + at, image + r[i].at, r[i].len);
	for (j = 0; j < at; j++)
		store[j] ^= 0x5a;
	submit(PB_REQ_OP_READ, &lim, r, n, sgl);
	for (i = 0, at = 0; i < n; at += r[i].len, i++)
		memcpy(image + r[i].at, store + at, r[i].len);
	physbio_mem_read(mem, RAM_START, got, sizeof(got));
	assert_memory_equal(got, image, sizeof(got));
}

static void what_is_built_is_parsed_back_to_the_same_bytes(void **state)
{
	const unsigned int seed = 20261126, rounds = 100;
	enum world_kind kind;
	unsigned int i;

	srand(seed);
	printf("seed %u\n", seed);
	machine_down(NULL);
	for (kind = IDENTITY; kind < NR_WORLDS; kind++) {
		world_up(kind);
		for (i = 0; i < rounds; i++)
			one_round(i % 2);
		world_down();
	}
	assert_int_equal(machine_up(NULL), 0);
	assert_true(ways.prp > 20);
	assert_true(ways.prp_list > 20);
	assert_true(ways.sgl > 20);
	assert_true(ways.sgl_list > 20);
	assert_true(ways.small > 20);
	assert_true(ways.coalesced > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prp_offsets),
		cmocka_unit_test(
			a_list_may_begin_within_a_page_and_chains_at_its_end),
		cmocka_unit_test(
			the_last_slot_of_a_page_may_be_the_first_of_the_list),
		cmocka_unit_test(entries_and_chained_lists_are_page_aligned),
		cmocka_unit_test(
			a_prp_list_that_bites_its_tail_ends_with_the_data),
		cmocka_unit_test(sgls_are_as_specified_or_refused),
		cmocka_unit_test(nothing_lies_behind_the_last_address),
		cmocka_unit_test(flags_say_which_of_them_it_is),
		cmocka_unit_test(metadata_have_a_buffer_or_an_sgl),
		cmocka_unit_test(hostile_descriptors_move_nothing_out_of_place),
		cmocka_unit_test(a_chained_sgl_is_followed),
		cmocka_unit_test(
			what_is_built_is_parsed_back_to_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, machine_up, machine_down);
}
