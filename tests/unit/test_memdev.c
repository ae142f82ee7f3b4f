// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The model device: what is submitted arrives, byte for byte, and errors come back. */
#include <endian.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "fixture.h"

#include <physbio/bounce.h>
#include <physbio/integrity.h>
#include <physbio/machine.h>
#include <physbio/memdev.h>

#define DEV_SECTORS 8192
#define BAR_START 0x30000000

static struct physbio_topology *t;
static struct physbio_machine *m;
static struct physbio_fabric *fabric;
static struct physbio_memdev *disk;
static struct test_bio tb;

/* RAM for data at RAM_START, lists behind it; devices see both 1 GiB higher. */
static int machine_up(void **state)
{
	const struct physbio_bridge_window inbound = {
		.cpu = RAM_START,
		.bus = RAM_START + 0x40000000,
		.size = 0x10000000,
	};
	const struct physbio_mem_range ram = {
		.start = RAM_START,
		.size = RAM_PAGES * PG + (4 << 20),
		.kind = PHYSBIO_MEM_RAM,
		.nid = -1,
	};

	const struct physbio_bridge_window outbound = { BAR_START, BAR_START,
							0x100000 };
	const struct physbio_bar bar = { BAR_START, 0x100000, true };

	t = physbio_topology_create();
	physbio_topology_add(t, PHYSBIO_HOST_BRIDGE, "hb", NULL, NULL);
	physbio_topology_add(t, PHYSBIO_ENDPOINT, "disk", "hb", NULL);
	if (physbio_topology_add_inbound(t, 0, &inbound, NULL) ||
	    physbio_topology_add_outbound(t, 0, &outbound, NULL) ||
	    physbio_topology_add_bar(t, 1, &bar, NULL) ||
	    physbio_machine_create(t, &ram, 1, &m, NULL))
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

static struct physbio_memdev_config config(bool sgl, bool deferred)
{
	return (struct physbio_memdev_config){
		.fabric = fabric,
		.node = 1,
		.dev = physbio_machine_device(m, 1),
		.mem = mem,
		.lists = RAM_START + RAM_PAGES * PG,
		.nr_sectors = DEV_SECTORS,
		.queue_depth = 8,
		.sgl_supported = sgl,
		.deferred = deferred,
	};
}

static void disk_up(bool sgl, bool deferred)
{
	const struct physbio_memdev_config c = config(sgl, deferred);

	assert_int_equal(physbio_memdev_create(&c, &disk), 0);
}

static int submit(pb_blk_opf_t opf, pb_sector_t sector, const struct range *r,
		  unsigned int n)
{
	unsigned int i;

	test_bio_init(&tb, opf, sector);
	tb.bio.bi_bdev = physbio_memdev_bdev(disk);
	for (i = 0; i < n; i++)
		test_bio_add(&tb, r[i].at, r[i].len);
	return pb_submit_bio_wait(&tb.bio);
}

static uint32_t fill(const struct range *r, unsigned int n, unsigned int seed,
		     unsigned char *copy)
{
	uint32_t at = 0, i;
	unsigned int j;

	srand(seed);
	for (j = 0; j < n; j++) {
		for (i = 0; i < r[j].len; i++)
			copy[at + i] = (unsigned char)rand();
		physbio_mem_write(mem, RAM_START + r[j].at, copy + at,
				  r[j].len);
		at += r[j].len;
	}
	return at;
}

static void check(const struct range *r, unsigned int n,
		  const unsigned char *want)
{
	static unsigned char got[1 << 20];
	unsigned int j;

	for (j = 0; j < n; want += r[j].len, j++) {
		physbio_mem_read(mem, RAM_START + r[j].at, got, r[j].len);
		assert_memory_equal(got, want, r[j].len);
	}
}

static void data_go_out_and_come_back(void **state)
{
	static const struct range cases[][4] = {
		{ { 0, 512 } },
		{ { 512, 3584 } },
		{ { 512, 4096 } },
		{ { 0, 1 << 20 } }, /* a list, and a split at 512 KiB */
		{ { 4096, 4096 }, { 65536, 4096 }, { 131072, 65536 } },
		{ { 512, 3584 }, { 65536, 8192 }, { 131072, 512 } },
		{ { 0, 512 }, { 65536 + 1024, 1024 }, { 131072 + 4, 512 } },
	};
	static unsigned char copy[1 << 20], none[1 << 20];
	unsigned int i, n, sgl;

	for (sgl = 0; sgl < 2; sgl++) {
		disk_up(sgl, false);
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			uint32_t len;

			for (n = 0; n < 4 && cases[i][n].len;)
				n++;
			len = fill(cases[i], n, i, copy);
			assert_int_equal(
				submit(PB_REQ_OP_WRITE, 16, cases[i], n), 0);
			assert_memory_equal((char *)physbio_memdev_store(disk) +
						    8192,
					    copy, len);
			fill(cases[i], n, i + 100, none);
			assert_int_equal(
				submit(PB_REQ_OP_READ, 16, cases[i], n), 0);
			check(cases[i], n, copy);
		}
		physbio_memdev_destroy(disk);
	}
}

static void zeroed_and_discarded_blocks_read_as_zero(void **state)
{
	static const pb_blk_opf_t ops[] = { PB_REQ_OP_WRITE_ZEROES,
					    PB_REQ_OP_DISCARD };
	char *store;
	unsigned int i;

	disk_up(false, false);
	store = physbio_memdev_store(disk);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		memset(store, 'x', 8192);
		test_bio_init(&tb, ops[i], 1);
		tb.bio.bi_bdev = physbio_memdev_bdev(disk);
		tb.bio.bi_iter.bi_size = 1024;
		assert_int_equal(pb_submit_bio_wait(&tb.bio), 0);
		assert_int_equal(store[511], 'x');
		assert_int_equal(store[512], 0);
		assert_int_equal(store[1535], 0);
		assert_int_equal(store[1536], 'x');
	}
	physbio_memdev_destroy(disk);
}

static void exactly_the_discarded_blocks_are_zero(void **state)
{
	static const struct {
		unsigned int sector, nr;
	} cases[] = {
		{ 0, 8 },   { 8, 64 }, { 1, 8 },   { 7, 2 },
		{ 3, 300 }, { 5, 3 },  { 127, 1 }, { 128, 256 },
	};
	static char want[512 * 512];
	unsigned int i;
	char *store;

	disk_up(false, false);
	store = physbio_memdev_store(disk);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(want, 'x', sizeof(want));
		memcpy(store, want, sizeof(want));
		memset(want + cases[i].sector * 512, 0, cases[i].nr * 512);
		test_bio_init(&tb, PB_REQ_OP_DISCARD, cases[i].sector);
		tb.bio.bi_bdev = physbio_memdev_bdev(disk);
		tb.bio.bi_iter.bi_size = cases[i].nr * 512;
		assert_int_equal(pb_submit_bio_wait(&tb.bio), 0);
		assert_memory_equal(store, want, sizeof(want));
	}
	physbio_memdev_destroy(disk);
}

/* The block device may be told a wrong size: the controller knows its own. */
static void blocks_behind_the_last_are_refused(void **state)
{
	static const pb_blk_opf_t ops[] = { PB_REQ_OP_READ, PB_REQ_OP_WRITE,
					    PB_REQ_OP_DISCARD };
	const struct range r = { 0, 1024 };
	unsigned int i;

	disk_up(false, false);
	physbio_memdev_bdev(disk)->bd_nr_sectors = DEV_SECTORS * 2;
	for (i = 0; i < 2; i++) {
		assert_int_equal(submit(ops[i], DEV_SECTORS - 2, &r, 1), 0);
		assert_int_equal(submit(ops[i], DEV_SECTORS - 1, &r, 1), -EIO);
		assert_int_equal(submit(ops[i], DEV_SECTORS + 9, &r, 1), -EIO);
	}
	test_bio_init(&tb, ops[2], DEV_SECTORS - 1);
	tb.bio.bi_bdev = physbio_memdev_bdev(disk);
	tb.bio.bi_iter.bi_size = 1024;
	assert_int_equal(pb_submit_bio_wait(&tb.bio), -EIO);
	physbio_memdev_destroy(disk);
}

static void limits_are_those_of_a_driver(void **state)
{
	static const struct {
		bool sgl, admin;
		uint64_t virt_boundary;
		unsigned int meta_segments;
	} cases[] = {
		{ false, false, 4095, 1 },
		{ true, false, 0, 15 },
		{ true, true, 4095, 1 },
	};
	const struct pb_queue_limits wide = {
		.max_hw_sectors = UINT32_MAX,
		.max_segments = UINT16_MAX,
		.max_integrity_segments = UINT16_MAX,
	};
	struct physbio_memdev_config c;
	const struct pb_queue_limits *lim;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c = config(cases[i].sgl, false);
		c.admin = cases[i].admin;
		assert_int_equal(physbio_memdev_create(&c, &disk), 0);
		lim = pb_queue_limits(physbio_memdev_bdev(disk)->bd_queue);
		assert_true(lim->virt_boundary_mask == cases[i].virt_boundary);
		assert_int_equal(lim->max_integrity_segments,
				 cases[i].meta_segments);
		physbio_memdev_destroy(disk);
		c.limits = &wide;
		assert_int_equal(physbio_memdev_create(&c, &disk), 0);
		lim = pb_queue_limits(physbio_memdev_bdev(disk)->bd_queue);
		assert_int_equal(lim->max_hw_sectors, (8 << 20) / 512);
		assert_int_equal(lim->max_segments, 256);
		assert_int_equal(lim->max_integrity_segments,
				 cases[i].meta_segments);
		physbio_memdev_destroy(disk);
	}
}

static void an_admin_queue_has_prps_alone(void **state)
{
	static const struct range r[] = { { 0, 65536 }, { 131072, 65536 } };
	struct physbio_memdev_config c = config(true, false);
	struct physbio_memdev_stats stats;
	unsigned int admin;

	for (admin = 0; admin < 2; admin++) {
		c.admin = admin;
		assert_int_equal(physbio_memdev_create(&c, &disk), 0);
		assert_int_equal(submit(PB_REQ_OP_WRITE, 0, r, 2), 0);
		physbio_memdev_stats(disk, &stats);
		assert_int_equal(stats.sgls, !admin);
		physbio_memdev_destroy(disk);
	}
}

/* --- metadata --- */

#define META_AT (1 << 20)

/* 64 bytes for each 512, in pieces. */
static int submit_with_meta(pb_blk_opf_t opf, const struct range *r,
			    const struct range *pieces, unsigned int n)
{
	struct pb_bio_vec table[16];
	struct pb_bio_integrity_payload bip;
	unsigned int i;

	test_bio_init(&tb, opf, 8);
	tb.bio.bi_bdev = physbio_memdev_bdev(disk);
	test_bio_add(&tb, r->at, r->len);
	pb_bio_integrity_init(&tb.bio, &bip, table, ARRAY_SIZE(table));
	for (i = 0; i < n; i++)
		assert_int_equal(pb_bio_integrity_add_phys(
					 &tb.bio, RAM_START + pieces[i].at,
					 pieces[i].len),
				 pieces[i].len);
	return pb_submit_bio_wait(&tb.bio);
}

static void meta_disk_up(struct physbio_memdev_config c)
{
	struct pb_queue_limits lim;

	physbio_memdev_limits(&lim, c.sgl_supported);
	lim.integrity.metadata_size = 64;
	c.limits = &lim;
	assert_int_equal(physbio_memdev_create(&c, &disk), 0);
}

static void metadata_go_out_and_come_back(void **state)
{
	static const struct range data = { 65536, 4096 };
	static const struct range cases[][4] = {
		{ { META_AT, 512 } },
		{ { META_AT + 4, 512 } },
		{ { META_AT, 256 }, { META_AT + 4096, 256 } },
		{ { META_AT, 4 },
		  { META_AT + 4096, 64 },
		  { META_AT + 8192 + 8, 444 } },
	};
	static const struct range back = { META_AT + 65536, 512 };
	static unsigned char copy[512], page[4096];
	struct physbio_memdev_stats stats;
	unsigned int i, n, sgl;

	for (sgl = 0; sgl < 2; sgl++) {
		meta_disk_up(config(sgl, false));
		for (i = 0; i < (sgl ? ARRAY_SIZE(cases) : 2); i++) {
			for (n = 0; n < 4 && cases[i][n].len;)
				n++;
			fill(&data, 1, i, page);
			fill(cases[i], n, i + 1, copy);
			assert_int_equal(submit_with_meta(PB_REQ_OP_WRITE,
							  &data, cases[i], n),
					 0);
			fill(&data, 1, 99, page);
			fill(&back, 1, 99, page);
			assert_int_equal(submit_with_meta(PB_REQ_OP_READ, &data,
							  &back, 1),
					 0);
			check(&back, 1, copy);
			fill(cases[i], n, 99, page);
			assert_int_equal(submit_with_meta(PB_REQ_OP_READ, &data,
							  cases[i], n),
					 0);
			check(cases[i], n, copy);
		}
		physbio_memdev_stats(disk, &stats);
		assert_int_equal(stats.meta_bytes, i * 3 * 512);
		physbio_memdev_destroy(disk);
	}
}

/* A disk without any, and one to which they are too many. */
static void metadata_that_no_one_takes_are_refused(void **state)
{
	static const struct range data = { 65536, 4096 };
	static const struct range whole = { META_AT, 512 };
	static const struct range early = { META_AT, 511 };
	struct physbio_memdev_stats stats;

	disk_up(true, false);
	assert_int_equal(submit_with_meta(PB_REQ_OP_WRITE, &data, &whole, 1),
			 -EOPNOTSUPP);
	physbio_memdev_destroy(disk);
	/* 515 bytes: the controller counts them */
	meta_disk_up(config(true, false));
	assert_int_equal(
		submit_with_meta(
			PB_REQ_OP_WRITE, &data,
			(const struct range[]){ early, { META_AT + 4096, 4 } },
			2),
		-EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.last_status, PB_NVME_SC_SGL_INVALID_METADATA);
	physbio_memdev_destroy(disk);
}

/* --- a driver that gets its descriptors wrong --- */

static pb_blk_status_t map_unaligned(struct pb_request *rq,
				     const struct pb_device *dev,
				     struct pb_nvme_iod *iod)
{
	pb_blk_status_t status = pb_nvme_map_data(rq, dev, iod);

	iod->dptr.prp.prp2 |= htole64(512);
	return status;
}

static pb_blk_status_t map_too_short(struct pb_request *rq,
				     const struct pb_device *dev,
				     struct pb_nvme_iod *iod)
{
	pb_blk_status_t status = pb_nvme_map_data(rq, dev, iod);

	iod->use_sgl = true;
	iod->dptr.sgl = (struct pb_nvme_sgl_desc){
		.addr = iod->dptr.prp.prp1,
		.length = htole32(4096),
		.type = PB_NVME_SGL_DATA,
	};
	return status;
}

static void wrong_descriptors_are_an_io_error(void **state)
{
	struct physbio_memdev_core core = {
		.alloc_queue = pb_blk_mq_alloc_queue,
		.destroy_queue = pb_blk_mq_destroy_queue,
		.start_request = pb_blk_mq_start_request,
		.end_request = pb_blk_mq_end_request,
		.map_data = map_unaligned,
		.unmap_data = pb_nvme_unmap_data,
	};
	struct physbio_memdev_config c = config(true, false);
	const struct range r = { 0, 8192 };
	struct physbio_memdev_stats stats;

	c.core = &core;
	assert_int_equal(physbio_memdev_create(&c, &disk), 0);
	assert_int_equal(submit(PB_REQ_OP_WRITE, 0, &r, 1), -EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.last_status, PB_NVME_SC_PRP_INVALID_OFFSET);
	core.map_data = map_too_short;
	assert_int_equal(submit(PB_REQ_OP_WRITE, 0, &r, 1), -EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.last_status, PB_NVME_SC_SGL_INVALID_DATA);
	assert_int_equal(stats.refused, 2);
	assert_int_equal(stats.faults, 0);
	physbio_memdev_destroy(disk);
}

/* --- a device that has its lists and a pool in reach, and no data --- */

static void what_is_out_of_reach_arrives_by_copies(void **state)
{
	static uint64_t window_index[PHYSBIO_WINDOW_INDEX_BYTES(1) / 8];
	const pb_phys_addr_t lists = RAM_START + RAM_PAGES * PG;
	const struct physbio_window window = {
		.start = lists,
		.size = 4 << 20,
		.bus = lists + 0x40000000,
	};
	static const struct range r[] = { { 512, 3584 },
					  { 65536, 20480 },
					  { 131072, 512 } };
	static unsigned char copy[1 << 20], other[1 << 20];
	struct physbio_bounce_stats stats;
	struct physbio_xlate inner, x;
	struct physbio_bounce *pool;
	struct pb_device dev = *physbio_machine_device(m, 1);
	unsigned int sgl;

	assert_int_equal(physbio_bounce_create(mem, lists + (2 << 20), 1 << 20,
					       2048, &pool),
			 0);
	assert_int_equal(physbio_xlate_init_windows(&inner, &window, 1,
						    window_index),
			 0);
	assert_int_equal(physbio_xlate_init_bounce(&x, &inner, pool), 0);
	dev.xlate = &x;
	for (sgl = 0; sgl < 2; sgl++) {
		struct physbio_memdev_config c = config(sgl, false);
		uint32_t len;

		c.dev = &dev;
		assert_int_equal(physbio_memdev_create(&c, &disk), 0);
		len = fill(r, 3, 1 + sgl, copy);
		assert_int_equal(submit(PB_REQ_OP_WRITE, 0, r, 3), 0);
		assert_memory_equal(physbio_memdev_store(disk), copy, len);
		fill(r, 3, 3, other);
		assert_int_equal(submit(PB_REQ_OP_READ, 0, r, 3), 0);
		check(r, 3, copy);
		physbio_memdev_destroy(disk);
	}
	physbio_bounce_stats(pool, &stats);
	assert_int_equal(stats.slots, 0);
	assert_int_equal(stats.bytes_in, 4 * (3584 + 20480 + 512));
	assert_int_equal(stats.bytes_out, 2 * (3584 + 20480 + 512));
	physbio_bounce_destroy(pool);
}

/* --- the device's own BAR --- */

static struct physbio_xlate own_xlate;
static struct pb_device own_dev;
static unsigned int own_unmaps;

static pb_dma_addr_t not_asked(const struct pb_device *dev, pb_phys_addr_t phys,
			       uint64_t size, enum pb_dma_data_direction dir,
			       unsigned long attrs)
{
	fail_msg("the translator was asked for 0x%llx",
		 (unsigned long long)phys);
	return PB_DMA_MAPPING_ERROR;
}

static void count_unmap(const struct pb_device *dev, pb_dma_addr_t addr,
			uint64_t size, enum pb_dma_data_direction dir,
			unsigned long attrs)
{
	own_unmaps++;
}

static const struct physbio_region *own_bar(void)
{
	return physbio_machine_region(m, 1, 0);
}

/* As the machine has it, but for the BAR; lists are mapped at once. */
static void own_disk_up(bool sgl, bool cmb)
{
	static struct physbio_xlate_ops ops;
	struct physbio_memdev_config c = config(sgl, false);

	own_dev = *physbio_machine_device(m, 1);
	own_xlate = *own_dev.xlate;
	physbio_xlate_set_own_bar(&own_xlate, own_bar());
	own_dev.xlate = &own_xlate;
	c.dev = &own_dev;
	c.cmb = cmb ? own_bar() : NULL;
	assert_int_equal(physbio_memdev_create(&c, &disk), 0);
	ops = *own_xlate.ops;
	ops.map_phys = not_asked;
	ops.unmap_phys = count_unmap;
	own_xlate.ops = &ops;
	own_unmaps = 0;
}

static void own_disk_down(void)
{
	own_xlate = *physbio_machine_device(m, 1)->xlate;
	physbio_memdev_destroy(disk);
}

/* Two ranges of it, @at bytes and 64 KiB in. The last one may go beyond its end. */
static int submit_own(pb_blk_opf_t op, uint32_t at, uint32_t len)
{
	struct pb_bio_vec bv;

	test_bio_init(&tb, op, 0);
	tb.bio.bi_bdev = physbio_memdev_bdev(disk);
	assert_int_equal(physbio_bio_set_region(&tb.bio, own_bar()), 0);
	assert_int_equal(pb_bio_add_phys(&tb.bio, BAR_START + 65536, 4096),
			 4096);
	/* a borrowed table is not looked at */
	pb_bvec_set_phys(&bv, BAR_START + at, len);
	tb.table[tb.bio.bi_vcnt++] = bv;
	tb.bio.bi_iter.bi_size += len;
	return pb_submit_bio_wait(&tb.bio);
}

static void its_own_bar_is_addressed_by_offset(void **state)
{
	struct physbio_fabric_stats before, after;
	static unsigned char bytes[8192], got[8192];
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	own_disk_up(true, true);
	physbio_fabric_stats(fabric, &before);
	assert_int_equal(physbio_mem_write(mem, BAR_START + 65536, bytes, 4096),
			 0);
	assert_int_equal(
		physbio_mem_write(mem, BAR_START + 512, bytes + 4096, 4096), 0);
	assert_int_equal(submit_own(PB_REQ_OP_WRITE, 512, 4096), 0);
	assert_memory_equal(physbio_memdev_store(disk), bytes, 8192);
	memset(physbio_memdev_store(disk), 'x', 8192);
	assert_int_equal(submit_own(PB_REQ_OP_READ, 512, 4096), 0);
	assert_int_equal(physbio_mem_read(mem, BAR_START + 512, got, 4096), 0);
	memset(bytes, 'x', 4096);
	assert_memory_equal(got, bytes, 4096);
	/* nothing went over the wires, and nothing was unmapped */
	physbio_fabric_stats(fabric, &after);
	assert_int_equal(after.transfers, before.transfers);
	assert_int_equal(own_unmaps, 0);
	own_disk_down();
}

static void beyond_its_own_bar_is_refused(void **state)
{
	own_disk_up(true, true);
	assert_int_equal(submit_own(PB_REQ_OP_WRITE, 0x100000 - 512, 512), 0);
	assert_int_equal(submit_own(PB_REQ_OP_WRITE, 0x100000 - 512, 1024),
			 -EIO);
	assert_int_equal(submit_own(PB_REQ_OP_WRITE, 0x100000, 512), -EIO);
	own_disk_down();
}

/* Nothing else says that an address is an offset: not a PRP, not such a device. */
static void an_offset_needs_a_descriptor_that_says_so(void **state)
{
	struct physbio_memdev_stats stats;

	own_disk_up(false, true);
	assert_int_equal(submit_own(PB_REQ_OP_WRITE, 0, 4096), -EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.refused, 0); /* the driver */
	own_disk_down();
	own_disk_up(true, false);
	assert_int_equal(submit_own(PB_REQ_OP_WRITE, 0, 4096), -EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.refused, 1); /* the device */
	assert_int_equal(stats.last_status, PB_NVME_SC_SGL_INVALID_TYPE);
	own_disk_down();
}

static pb_blk_status_t map_beyond(struct pb_request *rq,
				  const struct pb_device *dev,
				  struct pb_nvme_iod *iod)
{
	iod->use_sgl = true;
	iod->dptr.sgl = (struct pb_nvme_sgl_desc){
		.addr = htole64(0x80000 - 4096 + 1),
		.length = htole32(4096),
		.type = PB_NVME_SGL_DATA | PB_NVME_SGL_OFFSET,
	};
	return PB_BLK_STS_OK;
}

static void map_nothing(struct pb_request *rq, const struct pb_device *dev,
			struct pb_nvme_iod *iod)
{
}

static void a_device_checks_offsets_itself(void **state)
{
	struct physbio_memdev_core core = {
		.alloc_queue = pb_blk_mq_alloc_queue,
		.destroy_queue = pb_blk_mq_destroy_queue,
		.start_request = pb_blk_mq_start_request,
		.end_request = pb_blk_mq_end_request,
		.map_data = map_beyond,
		.unmap_data = map_nothing,
	};
	struct physbio_memdev_config c = config(true, false);
	struct physbio_region half = *own_bar(); /* there is memory behind it */
	const struct range r = { 0, 4096 };
	struct physbio_memdev_stats stats;

	half.size /= 2;
	c.core = &core;
	c.cmb = &half;
	assert_int_equal(physbio_memdev_create(&c, &disk), 0);
	assert_int_equal(submit(PB_REQ_OP_WRITE, 0, &r, 1), -EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.last_status, PB_NVME_SC_SGL_INVALID_OFFSET);
	physbio_memdev_destroy(disk);
}

static void a_flush_reaches_the_device(void **state)
{
	struct physbio_memdev_stats stats;

	disk_up(false, false);
	assert_int_equal(submit(PB_REQ_OP_WRITE | PB_REQ_PREFLUSH, 0, NULL, 0),
			 0);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.flushes, 1);
	physbio_memdev_destroy(disk);
}

/* Behind RAM there is a window, so that software maps it; no memory answers there. */
static void an_address_that_hits_nothing_is_an_io_error(void **state)
{
	struct physbio_memdev_stats stats;
	pb_phys_addr_t hole = RAM_START + 0x8000000;

	disk_up(false, false);
	test_bio_init(&tb, PB_REQ_OP_WRITE, 0);
	tb.bio.bi_bdev = physbio_memdev_bdev(disk);
#ifndef PB_REPR_PAGE
	assert_int_equal(pb_bio_add_phys(&tb.bio, hole, 512), 512);
	assert_int_equal(pb_submit_bio_wait(&tb.bio), -EIO);
	physbio_memdev_stats(disk, &stats);
	assert_int_equal(stats.faults, 1);
	assert_int_equal(stats.last_status, PB_NVME_SC_DATA_XFER_ERROR);
	assert_true(physbio_dma_value(stats.last_fault) == hole + 0x40000000);
#else
	(void)hole; /* has no page, so a page vector can't name it */
	physbio_memdev_stats(disk, &stats);
#endif
	physbio_memdev_destroy(disk);
}

static void devices_that_cannot_be_are_refused(void **state)
{
	const struct pb_queue_limits odd = { .logical_block_size = 100 };
	struct physbio_memdev_config c = config(false, false);
	struct physbio_memdev *d = NULL;
	struct pb_device blind = *c.dev;

	c.limits = &odd;
	assert_int_equal(physbio_memdev_create(&c, &d), -EINVAL);
	c = config(false, false);
	c.lists = 0x1000;
	assert_int_equal(physbio_memdev_create(&c, &d), -EINVAL);
	c.lists = BAR_START;
	assert_int_equal(physbio_memdev_create(&c, &d), -EINVAL);
	c.lists = config(false, false).lists + 512;
	assert_int_equal(physbio_memdev_create(&c, &d), -EINVAL);
	c.lists = (pb_phys_addr_t)-PB_NVME_CTRL_PAGE_SIZE;
	assert_int_equal(physbio_memdev_create(&c, &d), -EINVAL);
	c = config(false, false);
	c.nr_sectors = 0;
	assert_int_equal(physbio_memdev_create(&c, &d), -EINVAL);
	c = config(false, false);
	blind.dma_mask = 0xffff;
	c.dev = &blind;
	assert_int_equal(physbio_memdev_create(&c, &d), -EIO);
	assert_null(d);
}

/* --- a translator that must be told --- */

static int mapped;

static pb_dma_addr_t counting_map(const struct pb_device *dev,
				  pb_phys_addr_t phys, uint64_t size,
				  enum pb_dma_data_direction dir,
				  unsigned long attrs)
{
	mapped++;
	return physbio_dma_make(phys);
}

static void counting_unmap(const struct pb_device *dev, pb_dma_addr_t addr,
			   uint64_t size, enum pb_dma_data_direction dir,
			   unsigned long attrs)
{
	mapped--;
}

static void lists_are_unmapped_at_the_end(void **state)
{
	static const struct physbio_xlate_ops ops = {
		.map_phys = counting_map,
		.unmap_phys = counting_unmap,
	};
	const struct physbio_xlate x = { .ops = &ops };
	const struct pb_device counted = { .xlate = &x,
					   .dma_mask = UINT64_MAX };
	const struct pb_queue_limits odd = { .logical_block_size = 100 };
	struct physbio_memdev_config c = config(false, false);

	c.dev = &counted;
	assert_int_equal(physbio_memdev_create(&c, &disk), 0);
	assert_int_equal(mapped, 1);
	physbio_memdev_destroy(disk);
	assert_int_equal(mapped, 0);
	c.limits = &odd;
	assert_int_equal(physbio_memdev_create(&c, &disk), -EINVAL);
	assert_int_equal(mapped, 0);
}

/* --- a thread that is the device --- */

static bool stop;

static void *run_device(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		if (!physbio_memdev_poll(disk, 16))
			sched_yield();
	return NULL;
}

static void a_thread_may_be_the_device(void **state)
{
	static const struct range r[] = { { 0, 1 << 20 } };
	static unsigned char copy[1 << 20];
	pthread_t thread;
	unsigned int i;

	disk_up(false, true);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, run_device, NULL), 0);
	for (i = 0; i < 20; i++) {
		fill(r, 1, i, copy);
		assert_int_equal(submit(PB_REQ_OP_WRITE, 0, r, 1), 0);
		assert_memory_equal(physbio_memdev_store(disk), copy, 1 << 20);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	physbio_memdev_destroy(disk);
}

/* What mainline's driver sets, and what it leaves to the block layer. */
static void limits_are_those_of_an_nvme_disk(void **state)
{
	struct pb_queue_limits lim;
	unsigned int sgl;

	for (sgl = 0; sgl < 2; sgl++) {
		physbio_memdev_limits(&lim, sgl);
		assert_int_equal(pb_blk_validate_limits(&lim), 0);
		assert_int_equal(lim.max_hw_sectors, 1024);
		assert_int_equal(lim.max_segments, 129);
		assert_int_equal(lim.max_segment_size, UINT32_MAX);
		assert_true(lim.seg_boundary_mask == UINT32_MAX);
		assert_true(lim.virt_boundary_mask ==
			    (sgl ? 0 : PB_NVME_CTRL_PAGE_SIZE - 1));
		assert_int_equal(lim.dma_alignment, 3);
		assert_int_equal(lim.max_integrity_segments,
				 sgl ? PB_NVME_MAX_META_SEGS : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_those_of_an_nvme_disk),
		cmocka_unit_test(data_go_out_and_come_back),
		cmocka_unit_test(limits_are_those_of_a_driver),
		cmocka_unit_test(an_admin_queue_has_prps_alone),
		cmocka_unit_test(metadata_go_out_and_come_back),
		cmocka_unit_test(metadata_that_no_one_takes_are_refused),
		cmocka_unit_test(zeroed_and_discarded_blocks_read_as_zero),
		cmocka_unit_test(exactly_the_discarded_blocks_are_zero),
		cmocka_unit_test(blocks_behind_the_last_are_refused),
		cmocka_unit_test(wrong_descriptors_are_an_io_error),
		cmocka_unit_test(what_is_out_of_reach_arrives_by_copies),
		cmocka_unit_test(its_own_bar_is_addressed_by_offset),
		cmocka_unit_test(beyond_its_own_bar_is_refused),
		cmocka_unit_test(an_offset_needs_a_descriptor_that_says_so),
		cmocka_unit_test(a_device_checks_offsets_itself),
		cmocka_unit_test(a_flush_reaches_the_device),
		cmocka_unit_test(an_address_that_hits_nothing_is_an_io_error),
		cmocka_unit_test(devices_that_cannot_be_are_refused),
		cmocka_unit_test(lists_are_unmapped_at_the_end),
		cmocka_unit_test(a_thread_may_be_the_device),
	};

	return cmocka_run_group_tests(tests, machine_up, machine_down);
}
