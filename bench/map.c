// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it costs to map a request for a device and to unmap it again, by how the device
 * reaches the memory: RAM through each kind of translator, a peer's memory by each way, its
 * own, what is copied because it is out of reach, and what the answer to "whose memory is it"
 * costs where a bio may be of several. Every range is compared with what that way must give
 * first, every copy with its original.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <physbio/bounce.h>
#include <physbio/iommu.h>
#include <physbio/mem.h>

#include "../src/repr/ops.h"
#include "driver.h"
#include "harness.h"

static struct bench bench = {
	.name = "map",
	.title =
		"a request is mapped and unmapped, by how the device reaches its memory",
	.rounds = 150,
};

#define PAGE 4096u
#define MIB (UINT64_C(1) << 20)
#define MAX_RANGES 256u
#define SGL_THRESHOLD (32u << 10) /* the NVMe driver's default, bytes */
#define REQUESTS 8u /* of a sample */

/* --- the machine --- */

#define RAM_START (UINT64_C(1) << 32)
#define RAM_SIZE (256 * MIB)
#define POOL_START (RAM_START + RAM_SIZE - 16 * MIB)
#define BAR_START (UINT64_C(1) << 40)
#define BAR_SIZE (256 * MIB)
#define BUS_OFFSET (UINT64_C(0) - (UINT64_C(1) << 39))
#define NR_REGIONS 16u

static struct physbio_mem *mem;
static struct physbio_region regions[NR_REGIONS];
static const struct physbio_region *region_list[NR_REGIONS];
static struct physbio_region_table region_table;

static void set_up_memory(void)
{
	struct physbio_mem_range ranges[1 + NR_REGIONS] = { { 0 } };
	struct physbio_error error;
	uint32_t i;

	ranges[0] = (struct physbio_mem_range){ RAM_START, RAM_SIZE,
						PHYSBIO_MEM_RAM, bench.node,
						NULL };
	for (i = 0; i < NR_REGIONS; i++) {
		regions[i] =
			(struct physbio_region){ BAR_START + 2 * i * BAR_SIZE,
						 BAR_SIZE, BUS_OFFSET, i };
		region_list[i] = &regions[i];
		ranges[1 + i] =
			(struct physbio_mem_range){ regions[i].start, BAR_SIZE,
						    PHYSBIO_MEM_BAR, bench.node,
						    &regions[i] };
	}
	if (physbio_mem_create(ranges, 1 + NR_REGIONS, &mem, &error))
		bench_die(&bench, "memory: %s", error.message);
	if (physbio_region_table_init(&region_table, region_list, NR_REGIONS))
		bench_die(&bench, "no such regions");
}

/* --- how a device reaches memory --- */

enum way {
	IDENTITY,
	WINDOWS,
	IOVA_STRICT,
	IOVA_DEFERRED,
	BOUNCED,
	MIXED, /* the identity, and each range is looked up among regions */
	BUS_ADDRESS, /* these are of a peer's memory: below a common bridge */
	HOST_BRIDGE,
	OWN_BAR,
	PEER_MIXED,
	PEER_IOVA, /* the host bridge, with a strict IOMMU */
	PEER_BOUNCED, /* out of reach: the CPU copies it */
	PEER_REFUSED, /* out of reach, and no policy */
	NR_WAYS
};

static const char *const way_names[NR_WAYS] = {
	[IDENTITY] = "identity",
	[WINDOWS] = "windows",
	[IOVA_STRICT] = "IOVA, strict",
	[IOVA_DEFERRED] = "IOVA, deferred",
	[BOUNCED] = "bounced",
	[MIXED] = "looked up",
	[BUS_ADDRESS] = "peer, bus address",
	[HOST_BRIDGE] = "peer, host bridge",
	[OWN_BAR] = "peer, own BAR",
	[PEER_MIXED] = "peer, looked up",
	[PEER_IOVA] = "peer, IOMMU",
	[PEER_BOUNCED] = "peer, bounced",
	[PEER_REFUSED] = "peer, refused",
};

static bool is_peer(enum way way)
{
	return way >= BUS_ADDRESS;
}

/* Sixteen windows of RAM, each with an offset of its own, and one for peers. */
#define NR_WINDOWS 17u

static struct physbio_window windows[NR_WINDOWS];

static void fill_windows(void)
{
	uint32_t i;

	for (i = 0; i < NR_WINDOWS - 1; i++)
		windows[i] = (struct physbio_window){
			RAM_START + i * (RAM_SIZE / (NR_WINDOWS - 1)),
			RAM_SIZE / (NR_WINDOWS - 1),
			(UINT64_C(1) << 44) + i * (UINT64_C(3) << 40)
		};
	windows[i] = (struct physbio_window){ BAR_START,
					      2 * NR_REGIONS * BAR_SIZE,
					      BAR_START + BUS_OFFSET };
}

struct reach {
	struct physbio_xlate xlate, inner;
	struct physbio_iommu *iommu;
	struct physbio_bounce *pool;
	uint64_t index[PHYSBIO_WINDOW_INDEX_BYTES(NR_WINDOWS) / 8];
	uint8_t p2p_map[NR_REGIONS];
	struct physbio_xlate_ops counting;
	struct pb_device dev;
};

static void windows_up(struct physbio_xlate *x, struct reach *r,
		       const struct physbio_window *w, uint32_t nr)
{
	if (phys_physbio_repr.xlate_init_windows(x, w, nr, r->index))
		bench_die(&bench, "no such windows");
}

static void iommu_up(struct reach *r, unsigned int deferred)
{
	if (physbio_iommu_create(PAGE, UINT64_C(1) << 30, UINT64_C(1) << 40,
				 &r->iommu) ||
	    physbio_iommu_set_deferred(r->iommu, deferred))
		bench_die(&bench, "no IOMMU");
	physbio_xlate_init_iommu(&r->xlate, r->iommu);
}

/* The device reaches the pool alone, and what it does not is copied, a peer's too. */
static void bounce_up(struct reach *r)
{
	static const struct physbio_window pool = { POOL_START, 16 * MIB,
						    POOL_START };

	windows_up(&r->inner, r, &pool, 1);
	if (physbio_bounce_create(mem, POOL_START, 16 * MIB, 2048, &r->pool) ||
	    physbio_xlate_init_bounce(&r->xlate, &r->inner, r->pool))
		bench_die(&bench, "no pool");
	r->xlate.bounce_p2p = true;
}

static enum pb_pci_p2pdma_map_type p2p_type(enum way way)
{
	switch (way) {
	case HOST_BRIDGE:
	case PEER_IOVA:
		return PB_PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	case PEER_BOUNCED:
	case PEER_REFUSED:
		return PB_PCI_P2PDMA_MAP_NOT_SUPPORTED;
	default:
		return PB_PCI_P2PDMA_MAP_BUS_ADDR;
	}
}

static void reach_up(struct reach *r, enum way way)
{
	phys_physbio_repr.xlate_init_identity(&r->xlate);
	if (way == WINDOWS || way == HOST_BRIDGE)
		windows_up(&r->xlate, r, windows, NR_WINDOWS);
	else if (way == IOVA_STRICT || way == IOVA_DEFERRED || way == PEER_IOVA)
		iommu_up(r, way == IOVA_DEFERRED ? 256 : 0);
	else if (way == BOUNCED || way == PEER_BOUNCED)
		bounce_up(r);
	memset(r->p2p_map, p2p_type(way), sizeof(r->p2p_map));
	phys_physbio_repr.xlate_set_p2p(&r->xlate, r->p2p_map, NR_REGIONS);
	if (way == OWN_BAR)
		physbio_xlate_set_own_bar(&r->xlate, &regions[0]);
	r->dev = (struct pb_device){ .xlate = &r->xlate,
				     .dma_mask = UINT64_MAX,
				     .numa_node = -1 };
}

static void reach_down(struct reach *r)
{
	physbio_iommu_destroy(r->iommu);
	physbio_bounce_destroy(r->pool);
}

#define ANY_ADDRESS UINT64_MAX

/* What the first byte of a range must become. */
static uint64_t expected(enum way way, uint64_t paddr)
{
	uint32_t i;

	switch (way) {
	case IDENTITY:
	case MIXED:
		return paddr;
	case WINDOWS:
	case HOST_BRIDGE:
		for (i = 0; i < NR_WINDOWS; i++)
			if (paddr - windows[i].start < windows[i].size)
				return windows[i].bus +
				       (paddr - windows[i].start);
		return 0;
	case BUS_ADDRESS:
	case PEER_MIXED:
		return paddr + BUS_OFFSET;
	case OWN_BAR:
		return paddr - regions[0].start;
	default:
		return ANY_ADDRESS;
	}
}

/* --- requests --- */

static const enum way all_ways[] = {
	IDENTITY,    WINDOWS,	  IOVA_STRICT, IOVA_DEFERRED, BOUNCED,	 MIXED,
	BUS_ADDRESS, HOST_BRIDGE, OWN_BAR,     PEER_MIXED,    PEER_IOVA,
};

static const enum way own_ways[] = { OWN_BAR, BUS_ADDRESS, HOST_BRIDGE,
				     PEER_IOVA };

static const enum way far_ways[] = { BUS_ADDRESS, PEER_BOUNCED, PEER_REFUSED };

#define WAYS(list) list, sizeof(list) / sizeof((list)[0])

static const struct shape {
	const char *name;
	unsigned int ranges;
	unsigned int range_len; /* bytes */
	unsigned int times; /* that a sample has all requests */
	unsigned int times_copied; /* of those whose bytes are copied */
	enum pb_req_op op;
	const enum way *ways;
	unsigned int nr_ways;
} shapes[] = {
	{ "4 KiB", 1, PAGE, 64, 64, PB_REQ_OP_READ, WAYS(all_ways) },
	{ "64 KiB, 16 ranges", 16, PAGE, 8, 8, PB_REQ_OP_READ, WAYS(all_ways) },
	{ "1 MiB, 1 range", 1, 1 << 20, 32, 1, PB_REQ_OP_READ, WAYS(all_ways) },
	{ "1 MiB, 256 ranges", MAX_RANGES, PAGE, 1, 1, PB_REQ_OP_READ,
	  WAYS(all_ways) },
	{ "own BAR, 4 KiB", 1, PAGE, 64, 64, PB_REQ_OP_READ, WAYS(own_ways) },
	{ "own BAR, 1 MiB, 256 ranges", MAX_RANGES, PAGE, 1, 1, PB_REQ_OP_READ,
	  WAYS(own_ways) },
	{ "bounce, 4 KiB read", 1, PAGE, 64, 64, PB_REQ_OP_READ,
	  WAYS(far_ways) },
	{ "bounce, 4 KiB write", 1, PAGE, 64, 64, PB_REQ_OP_WRITE,
	  WAYS(far_ways) },
	{ "bounce, 64 KiB read", 1, 64 << 10, 32, 8, PB_REQ_OP_READ,
	  WAYS(far_ways) },
	{ "bounce, 64 KiB write", 1, 64 << 10, 32, 8, PB_REQ_OP_WRITE,
	  WAYS(far_ways) },
	{ "bounce, 1 MiB read", 1, 1 << 20, 32, 1, PB_REQ_OP_READ,
	  WAYS(far_ways) },
	{ "bounce, 1 MiB write", 1, 1 << 20, 32, 1, PB_REQ_OP_WRITE,
	  WAYS(far_ways) },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

struct runner {
	const struct shape *shape;
	enum way way;
	struct reach reach;
	struct pb_request_queue *q;
	struct pb_block_device bdev;
	struct pb_bio bios[REQUESTS];
	struct pb_bio_vec vecs[REQUESTS][MAX_RANGES];
	struct pb_request rqs[REQUESTS];
	struct pb_nvme_list_page lists[PB_NVME_MAX_LIST_PAGES];
	struct pb_nvme_range ranges[PB_NVME_MAX_SEGS];
	struct pb_nvme_iod iods[REQUESTS];
};

/* No two ranges touch, and those of a request are in no order. */
static uint64_t range_at(const struct runner *run, unsigned int i)
{
	unsigned int n = REQUESTS * run->shape->ranges;
	uint64_t at = (uint64_t)(i * 37 % n) * 2 * run->shape->range_len;

	return (is_peer(run->way) ? BAR_START : RAM_START) + at;
}

static void fill_bio(struct runner *run, unsigned int b)
{
	struct pb_bio *bio = &run->bios[b];
	unsigned int i, n = run->shape->ranges;

	phys_physbio_repr.bio_init(bio, &run->bdev, run->vecs[b], MAX_RANGES,
				   (pb_blk_opf_t)run->shape->op);
	if (run->way == MIXED || run->way == PEER_MIXED)
		phys_physbio_repr.bio_set_mixed(bio, &region_table);
	else if (is_peer(run->way))
		phys_physbio_repr.bio_set_region(bio, &regions[0]);
	for (i = 0; i < n; i++)
		if (phys_physbio_repr.bio_add_phys(bio,
						   range_at(run, b * n + i),
						   run->shape->range_len) !=
		    (int)run->shape->range_len)
			bench_die(&bench, "%s: no such bio", run->shape->name);
}

static void requests_up(struct runner *run)
{
	unsigned int b, segs;

	for (b = 0; b < REQUESTS; b++) {
		fill_bio(run, b);
		phys_physbio_repr.bio_split_to_limits(
			&run->bios[b], pb_queue_limits(run->q), &segs);
		run->rqs[b].q = run->q;
		phys_physbio_repr.blk_rq_bio_prep(&run->rqs[b], &run->bios[b],
						  segs);
		run->iods[b].lists = run->lists;
		run->iods[b].ranges = run->ranges;
		run->iods[b].max_ranges = PB_NVME_MAX_SEGS;
		run->iods[b].sgl_supported = true;
		/* Offsets are in SGLs alone: what they are compared with is too. */
		run->iods[b].sgl_threshold =
			run->shape->ways == all_ways ? SGL_THRESHOLD : 1;
	}
}

static void runner_up(struct runner *run)
{
	static const struct pb_queue_limits limits = {
		.max_hw_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_user_sectors = 2 * PB_NVME_MAX_BYTES >> PB_SECTOR_SHIFT,
		.max_segments = PB_NVME_MAX_SEGS,
		.max_segment_size = UINT32_MAX,
		.dma_alignment = 3,
	};

	reach_up(&run->reach, run->way);
	run->q = bench_queue(&bench, &phys_physbio_repr, NULL, &limits, NULL);
	run->bdev.bd_queue = run->q;
	run->bdev.bd_nr_sectors = UINT64_MAX >> PB_SECTOR_SHIFT;
	bench_lists_up(&bench, run->lists);
	requests_up(run);
}

static void runner_down(struct runner *run)
{
	bench_lists_down(run->lists);
	phys_physbio_repr.blk_mq_destroy_queue(run->q);
	reach_down(&run->reach);
}

static pb_blk_status_t map_request(struct runner *run, unsigned int b)
{
	return phys_physbio_repr.nvme_map_data(&run->rqs[b], &run->reach.dev,
					       &run->iods[b]);
}

static void unmap_request(struct runner *run, unsigned int b)
{
	phys_physbio_repr.nvme_unmap_data(&run->rqs[b], &run->reach.dev,
					  &run->iods[b]);
}

/* Request @i of a sample. */
static unsigned int request_at(unsigned int i)
{
	return i % REQUESTS;
}

static bool is_copied(enum way way)
{
	return way == BOUNCED || way == PEER_BOUNCED;
}

/* Of a sample; of a count as many of all. */
static unsigned int nr_requests(const struct shape *shape, bool copied)
{
	return REQUESTS *
	       (copied || bench.count ? shape->times_copied : shape->times);
}

/* One after the other: lists and ranges are free again when the next one comes. */
static void run_requests(void *arg)
{
	struct runner *run = arg;
	unsigned int i, n = nr_requests(run->shape, is_copied(run->way));

	for (i = 0; i < n; i++) {
		map_request(run, request_at(i));
		unmap_request(run, request_at(i));
	}
}

/* What has been refused is not unmapped. */
static void run_refused(void *arg)
{
	struct runner *run = arg;
	unsigned int i, n = nr_requests(run->shape, is_copied(run->way));

	for (i = 0; i < n; i++)
		map_request(run, request_at(i));
}

/* --- copies --- */

static char *bytes_at(uint64_t paddr)
{
	char *bytes = physbio_mem_virt(mem, (pb_phys_addr_t)paddr);

	if (!bytes)
		bench_die(&bench, "no bytes at 0x%llx",
			  (unsigned long long)paddr);
	return bytes;
}

/* A page at a time, as the pool does it. */
static void copy_range(uint64_t to, uint64_t from, unsigned int len)
{
	unsigned int at;

	for (at = 0; at < len; at += PAGE)
		memcpy(bytes_at(to + at), bytes_at(from + at), PAGE);
}

/* What of a bounced request is neither mapping nor looking for slots. */
static void run_copy(void *arg)
{
	struct runner *run = arg;
	const struct shape *shape = run->shape;
	unsigned int i, n = nr_requests(shape, true) * shape->ranges;
	uint64_t paddr;

	for (i = 0; i < n; i++) {
		paddr = range_at(run, i % (REQUESTS * shape->ranges));
		copy_range(POOL_START, paddr, shape->range_len);
		if (shape->op == PB_REQ_OP_READ)
			copy_range(paddr, POOL_START, shape->range_len);
	}
}

static void fill_range(uint64_t paddr, unsigned int len, int seed)
{
	unsigned int at;

	for (at = 0; at < len; at += PAGE)
		memset(bytes_at(paddr + at), seed + (int)(at / PAGE), PAGE);
}

static bool same_bytes(uint64_t a, uint64_t b, unsigned int len)
{
	unsigned int at;

	for (at = 0; at < len; at += PAGE)
		if (memcmp(bytes_at(a + at), bytes_at(b + at), PAGE))
			return false;
	return true;
}

/* The device finds the data in the slot; what it has put there comes back, or does not. */
static void verify_copy(struct runner *run, unsigned int i, unsigned int b)
{
	const struct shape *shape = run->shape;
	uint64_t paddr = range_at(run, b * shape->ranges + i);
	uint64_t slot = physbio_dma_value(run->iods[b].ranges[i].addr);

	if (slot == paddr || !same_bytes(slot, paddr, shape->range_len))
		bench_die(&bench, "%s, %s: range %u is not in its slot",
			  shape->name, way_names[run->way], i);
	fill_range(slot, shape->range_len, 7);
}

static void verify_copies(struct runner *run, unsigned int b)
{
	const struct shape *shape = run->shape;
	bool back = shape->op == PB_REQ_OP_READ;
	uint64_t paddr = range_at(run, b * shape->ranges);
	unsigned int i;

	for (i = 0; i < shape->ranges; i++)
		fill_range(range_at(run, b * shape->ranges + i),
			   shape->range_len, (int)i + 1);
	map_request(run, b);
	for (i = 0; i < run->iods[b].nr_saved; i++)
		verify_copy(run, i, b);
	unmap_request(run, b);
	fill_range(POOL_START, shape->range_len, back ? 7 : 1);
	if (i != shape->ranges ||
	    !same_bytes(POOL_START, paddr, shape->range_len))
		bench_die(&bench,
			  "%s, %s: it is not what it must be at its end",
			  shape->name, way_names[run->way]);
}

/* --- how often the translator is called --- */

static struct {
	const struct physbio_xlate_ops *ops; /* that are counted */
	unsigned long maps, unmaps;
} calls;

static pb_dma_addr_t counted_map_phys(const struct pb_device *dev,
				      pb_phys_addr_t phys, uint64_t size,
				      enum pb_dma_data_direction dir,
				      unsigned long attrs)
{
	calls.maps++;
	return calls.ops->map_phys ?
		       calls.ops->map_phys(dev, phys, size, dir, attrs) :
		       physbio_dma_make(phys);
}

static void counted_unmap_phys(const struct pb_device *dev, pb_dma_addr_t addr,
			       uint64_t size, enum pb_dma_data_direction dir,
			       unsigned long attrs)
{
	calls.unmaps++;
	calls.ops->unmap_phys(dev, addr, size, dir, attrs);
}

static int counted_iova_link(const struct pb_device *dev, uint64_t iova,
			     pb_phys_addr_t phys, uint64_t size,
			     enum pb_dma_data_direction dir,
			     unsigned long attrs)
{
	calls.maps++;
	return calls.ops->iova_link(dev, iova, phys, size, dir, attrs);
}

static void counted_iova_unlink(const struct pb_device *dev, uint64_t iova,
				uint64_t size, enum pb_dma_data_direction dir,
				unsigned long attrs, bool deferred)
{
	calls.unmaps++;
	calls.ops->iova_unlink(dev, iova, size, dir, attrs, deferred);
}

/* Of one request, by the same translator with other ops. */
static void count_calls(struct runner *run)
{
	struct reach *r = &run->reach;

	calls.ops = r->xlate.ops;
	calls.maps = 0;
	calls.unmaps = 0;
	r->counting = *calls.ops;
	r->counting.map_phys = counted_map_phys;
	if (r->counting.unmap_phys)
		r->counting.unmap_phys = counted_unmap_phys;
	if (r->counting.iova_link) {
		r->counting.iova_link = counted_iova_link;
		r->counting.iova_unlink = counted_iova_unlink;
	}
	r->xlate.ops = &r->counting;
	if (map_request(run, 0) == PB_BLK_STS_OK)
		unmap_request(run, 0);
	r->xlate.ops = calls.ops;
}

/* --- verified --- */

/* The ranges of the iterator: as many as were added, and where that way leads. */
static void verify_request(struct runner *run, unsigned int b)
{
	const struct pb_device *dev = &run->reach.dev;
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;
	unsigned int n = 0;
	uint64_t want, mapped = 0;
	bool more = phys_physbio_repr.blk_rq_dma_map_iter_start(
		&run->rqs[b], dev, &state, &iter);

	for (; more; n++) {
		want = expected(run->way,
				range_at(run, b * run->shape->ranges + n));
		if (want != ANY_ADDRESS && physbio_dma_value(iter.addr) != want)
			bench_die(&bench,
				  "%s, %s: range %u is 0x%llx, not 0x%llx",
				  run->shape->name, way_names[run->way], n,
				  (unsigned long long)physbio_dma_value(
					  iter.addr),
				  (unsigned long long)want);
		mapped += iter.len;
		physbio_dma_unmap_range(dev, iter.addr, iter.len,
					pb_rq_dma_dir(&run->rqs[b]), iter.map);
		more = phys_physbio_repr.blk_rq_dma_map_iter_next(&run->rqs[b],
								  dev, &iter);
	}
	if (iter.status != PB_BLK_STS_OK ||
	    mapped != (uint64_t)run->shape->ranges * run->shape->range_len)
		bench_die(&bench, "%s, %s: %llu bytes are mapped",
			  run->shape->name, way_names[run->way],
			  (unsigned long long)mapped);
}

/* Nothing of an IOMMU or a pool may be in use any more. */
static void verify_undone(struct runner *run)
{
	struct physbio_iommu_stats iommu = { 0 };
	struct physbio_bounce_stats pool = { 0 };

	if (run->reach.iommu) {
		physbio_iommu_flush(run->reach.iommu);
		physbio_iommu_stats(run->reach.iommu, &iommu);
	}
	if (run->reach.pool)
		physbio_bounce_stats(run->reach.pool, &pool);
	if (iommu.pages || iommu.ranges || pool.slots)
		bench_die(&bench, "%s, %s: not all is unmapped",
			  run->shape->name, way_names[run->way]);
}

/* Of an IOMMU's range the whole is undone at once: that the timed way does. */
static void verify(struct runner *run)
{
	pb_blk_status_t want = run->way == PEER_REFUSED ? PB_BLK_STS_TARGET :
							  PB_BLK_STS_OK;
	unsigned int b;

	for (b = 0; b < REQUESTS; b++) {
		if (!run->reach.iommu && want == PB_BLK_STS_OK)
			verify_request(run, b);
		if (map_request(run, b) != want)
			bench_die(&bench, "%s, %s: a request has another end",
				  run->shape->name, way_names[run->way]);
		if (want == PB_BLK_STS_OK)
			unmap_request(run, b);
		if (run->reach.pool)
			verify_copies(run, b);
	}
	verify_undone(run);
}

/* --- one case --- */

/* Of one request. */
static void emit_values(struct runner *run)
{
	const char *name = way_names[run->way];
	struct physbio_bounce_stats before = { 0 }, after = { 0 };
	pb_blk_status_t status;

	count_calls(run);
	bench_value(&bench, name, "ranges", run->iods[0].nr_ranges);
	bench_value(&bench, name, "map_calls", (double)calls.maps);
	bench_value(&bench, name, "unmap_calls", (double)calls.unmaps);
	if (run->reach.pool)
		physbio_bounce_stats(run->reach.pool, &before);
	status = map_request(run, 0);
	bench_value(&bench, name, "errno", -pb_blk_status_to_errno(status));
	if (status == PB_BLK_STS_OK)
		unmap_request(run, 0);
	if (run->reach.pool)
		physbio_bounce_stats(run->reach.pool, &after);
	bench_value(&bench, name, "bytes_copied",
		    (double)(after.bytes_in - before.bytes_in +
			     after.bytes_out - before.bytes_out));
}

/* How much more than its offset in the BAR the address of a request's first range is. */
static void emit_offset(struct runner *run)
{
	struct pb_dma_iova_state state;
	struct pb_blk_dma_iter iter;

	if (run->reach.iommu ||
	    !phys_physbio_repr.blk_rq_dma_map_iter_start(
		    &run->rqs[0], &run->reach.dev, &state, &iter))
		return;
	bench_value(&bench, way_names[run->way], "address_less_offset",
		    (double)(physbio_dma_value(iter.addr) -
			     (range_at(run, 0) - BAR_START)));
}

static void emit_all(struct runner *runners, const struct shape *shape)
{
	unsigned int i;

	for (i = 0; i < shape->nr_ways; i++) {
		emit_values(&runners[i]);
		if (shape->ways == own_ways)
			emit_offset(&runners[i]);
	}
}

/* A long copy takes so much longer that it has fewer requests. */
static void time_shape(struct runner *runners, const struct shape *shape)
{
	struct bench_contestant c[NR_WAYS + 1];
	unsigned int i;
	int n = 0;

	for (i = 0; i < shape->nr_ways; i++, n++) {
		struct runner *run = &runners[i];

		c[n] = (struct bench_contestant){
			.name = way_names[run->way],
			.run = run->way == PEER_REFUSED ? run_refused :
							  run_requests,
			.arg = run,
			.units = nr_requests(shape, is_copied(run->way)),
		};
		c[n].ready = c[n].run;
	}
	if (shape->ways == far_ways)
		c[n++] = (struct bench_contestant){
			.name = "copy alone",
			.ready = run_copy,
			.run = run_copy,
			.arg = &runners[0],
			.units = nr_requests(shape, true),
		};
	bench_time(&bench, shape->name, 1, c, n);
}

static void bench_shape(const struct shape *shape)
{
	struct runner *runners =
		bench_alloc(&bench, shape->nr_ways, sizeof(*runners));
	unsigned int i;

	for (i = 0; i < shape->nr_ways; i++) {
		runners[i].shape = shape;
		runners[i].way = shape->ways[i];
		runner_up(&runners[i]);
		verify(&runners[i]);
	}
	time_shape(runners, shape);
	emit_all(runners, shape);
	for (i = 0; i < shape->nr_ways; i++)
		runner_down(&runners[i]);
	free(runners);
}

static void describe(void)
{
	bench_note_memory(&bench, mem, RAM_START, "made up");
	bench_note(
		&bench, "shown",
		"ns to map a request with PRPs or SGLs and to unmap it; ratios to RAM by the identity");
	bench_note(
		&bench, "bounced",
		"its bytes are copied into slots and, since it is a read, back");
	bench_note(
		&bench, "copies",
		"of a peer's memory are of cached memory here; a CPU reads a real BAR uncached, and far more slowly");
	bench_note(
		&bench, "looked up",
		"the bio may be of RAM and of %u regions: whose each range is",
		NR_REGIONS);
}

int main(int argc, char **argv)
{
	int i;

	bench_start(&bench, argc, argv);
	set_up_memory();
	fill_windows();
	describe();
	for (i = 0; i < NR_SHAPES; i++)
		if (bench_wanted(&bench, shapes[i].name))
			bench_shape(&shapes[i]);
	physbio_mem_destroy(mem);
	return bench_end(&bench);
}
