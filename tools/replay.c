// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * physbio replay: every read and write of a log goes the whole way, from pages through
 * bio, split, plug merge, request and mapping to the model device and back, and every
 * byte is compared. The log is checked to its end before the first I/O is sent.
 *
 * A write's data say who wrote them: each sector is filled from the number of the I/O
 * and its place on the device. So it is enough to remember each sector's last writer.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PHYSBIO_COUNTING
#include <physbio/buffer.h>
#include <physbio/machine.h>
#include <physbio/memdev.h>

#include "../src/repr/ops.h"
#include "iolog.h"
#include "tools.h"

#define MIB ((uint64_t)1 << 20)
#define POOL_SIZE (32 * MIB) /* of data in one plug */
#define DEPTH 64

struct options {
	const char *iolog;
	unsigned int plug;
	uint64_t size; /* 0: the highest end, rounded up to 1 MiB */
	unsigned long corrupt;
	const char *scheduler;
	const struct physbio_repr *reprs[4];
	unsigned int nr_reprs;
};

/* What the first pass over the log finds. */
struct extent_of_log {
	uint64_t end[IOLOG_MAX_FILES]; /* highest end of each file */
	uint64_t base[IOLOG_MAX_FILES]; /* where it begins on the device */
	uint64_t size;
	uint64_t ios;
};

struct totals {
	uint64_t ios, bios, flushes, trims, overlaps;
	uint64_t bytes_read, bytes_written, bytes_compared;
	uint64_t segments_before;
	uint64_t skipped[IOLOG_NR_ACTIONS];
};

/* One I/O on its way: contiguous in the pool. */
struct io {
	uint64_t number; /* in the log, from 1 */
	unsigned int line;
	enum iolog_action action;
	uint64_t offset, len; /* on the device, bytes */
	size_t at; /* in the pool, bytes */
	int err;
};

struct replay {
	const struct options *opt;
	const struct physbio_repr *repr;
	struct extent_of_log log;
	struct physbio_buffer *pool;
	struct physbio_snapshot snap;
	struct physbio_topology *topology;
	struct physbio_machine *machine;
	struct physbio_mem *mem;
	struct physbio_fabric *fabric;
	struct physbio_memdev *disk;
	struct physbio_memdev_core core;
	struct pb_bio_set bs;
	struct physbio_queue_stats stats;
	struct totals totals;
	uint32_t *writer; /* of each sector, 0: nobody */
	struct io *batch; /* what is in the plug */
	unsigned int nr_batch;
	size_t pool_used;
	struct pb_blk_plug plug;
	bool wrong;
};

static void complain(const char *format, ...)
{
	va_list args;

	fputs("physbio replay: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void complain_error(const struct physbio_error *error)
{
	if (!*error->file)
		complain("%s", error->message);
	else if (!error->line)
		complain("%s: %s", error->file, error->message);
	else
		complain("%s:%u: %s", error->file, error->line, error->message);
}

/* --- options --- */

static const struct {
	const char *name;
	const struct physbio_repr *repr;
} known_reprs[] = {
	{ "phys", &physcnt_physbio_repr },
	{ "page", &pagecnt_physbio_repr },
};

#define NR_KNOWN (sizeof(known_reprs) / sizeof(known_reprs[0]))

static int usage(FILE *to)
{
	fprintf(to,
		"usage: physbio replay --iolog FILE [OPTION...]\n"
		"  --iolog FILE   fio iolog of version 2 or 3, plain or .xz\n"
		"  --plug N       I/Os that are plugged together (default 16)\n"
		"  --size BYTES   size of the device (default: the highest end, to 1 MiB)\n"
		"  --repr LIST    representations in turn (default phys,page)\n"
		"  --scheduler NAME  none (default) or deadline\n"
		"  --corrupt N    flip a byte of the Nth transfer of each\n");
	return to == stderr ? 2 : 0;
}

static bool parse_u64(const char *name, const char *text, uint64_t min,
		      uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !errno && !*end && *value >= min &&
	    *value <= max)
		return true;
	complain("%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64,
		 name, text, min, max);
	return false;
}

static bool parse_reprs(struct options *opt, const char *list)
{
	char *copy = strdup(list), *save, *word;
	bool ok = copy;
	size_t i;

	opt->nr_reprs = 0;
	for (word = ok ? strtok_r(copy, ",", &save) : NULL; word && ok;
	     word = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < NR_KNOWN; i++)
			if (!strcmp(known_reprs[i].name, word))
				break;
		ok = i < NR_KNOWN && opt->nr_reprs < 4;
		if (ok)
			opt->reprs[opt->nr_reprs++] = known_reprs[i].repr;
		else
			complain("--repr: \"%s\" is not one of phys, page",
				 word);
	}
	free(copy);
	return ok && opt->nr_reprs;
}

static bool parse_scheduler(struct options *opt, const char *name)
{
	if (!strcmp(name, "none"))
		opt->scheduler = "none";
	else if (!strcmp(name, "deadline") || !strcmp(name, "mq-deadline"))
		opt->scheduler = "mq-deadline";
	else
		complain("--scheduler: \"%s\" is not one of none, deadline",
			 name);
	return opt->scheduler;
}

static bool parse_option(struct options *opt, int c)
{
	uint64_t value = 0;
	bool ok = true;

	switch (c) {
	case 'i':
		opt->iolog = optarg;
		break;
	case 'p':
		ok = parse_u64("--plug", optarg, 1, 4096, &value);
		opt->plug = (unsigned int)value;
		break;
	case 's':
		ok = parse_u64("--size", optarg, 1, UINT64_C(1) << 46,
			       &opt->size);
		if (ok && opt->size % 512) {
			complain("--size: %" PRIu64
				 " is not of sectors of 512 bytes",
				 opt->size);
			ok = false;
		}
		break;
	case 'c':
		ok = parse_u64("--corrupt", optarg, 1, UINT32_MAX, &value);
		opt->corrupt = (unsigned long)value;
		break;
	case 'r':
		ok = parse_reprs(opt, optarg);
		break;
	case 'd':
		ok = parse_scheduler(opt, optarg);
		break;
	default:
		ok = false;
	}
	return ok;
}

/* 0: go on; 1: --help was given; 2: something is wrong. */
static int parse_options(struct options *opt, int argc, char **argv)
{
	static const struct option options[] = {
		{ "iolog", required_argument, NULL, 'i' },
		{ "plug", required_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ "corrupt", required_argument, NULL, 'c' },
		{ "repr", required_argument, NULL, 'r' },
		{ "scheduler", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		}
		if (!parse_option(opt, c))
			return c == '?' ? usage(stderr) : 2;
	}
	if (optind < argc) {
		complain("\"%s\" is no option", argv[optind]);
		return 2;
	}
	if (!opt->iolog) {
		complain("--iolog is needed");
		return usage(stderr);
	}
	return 0;
}

/* --- first pass --- */

/* Files lie one behind the other on the device, each from a MiB on. */
static void lay_out_files(struct extent_of_log *log)
{
	int i;

	for (i = 0; i < IOLOG_MAX_FILES; i++) {
		log->base[i] = log->size;
		log->size += (log->end[i] + MIB - 1) / MIB * MIB;
	}
}

static int check_size(const struct options *opt, const struct iolog_entry *e)
{
	if (!opt->size || e->offset + e->len <= opt->size)
		return 0;
	complain("%s:%u: offset %" PRIu64 " + length %" PRIu64
		 " is beyond the device's %" PRIu64 " bytes",
		 opt->iolog, e->line, e->offset, e->len, opt->size);
	return -EINVAL;
}

static bool has_extent(enum iolog_action action)
{
	return action == IOLOG_READ || action == IOLOG_WRITE ||
	       action == IOLOG_TRIM;
}

static int read_extents(const struct options *opt, struct iolog *l,
			struct extent_of_log *log)
{
	struct physbio_error error;
	struct iolog_entry e;
	int ret;

	while ((ret = iolog_next(l, &e, &error)) > 0) {
		if (!has_extent(e.action))
			continue;
		if (check_size(opt, &e))
			return -EINVAL;
		if (e.offset + e.len > log->end[e.file])
			log->end[e.file] = e.offset + e.len;
		log->ios++;
	}
	if (ret)
		complain_error(&error);
	return ret;
}

/* Where files end up follows from where the ones before them end. */
static int check_files(const struct options *opt, struct extent_of_log *log)
{
	int i;

	lay_out_files(log);
	for (i = 0; opt->size && i < IOLOG_MAX_FILES; i++) {
		if (!log->end[i] || log->base[i] + log->end[i] <= opt->size)
			continue;
		complain("%s: file %d of the log ends at %" PRIu64
			 " of the device, which has %" PRIu64 " bytes",
			 opt->iolog, i + 1, log->base[i] + log->end[i],
			 opt->size);
		return -EINVAL;
	}
	if (opt->size)
		log->size = opt->size;
	return 0;
}

static int first_pass(const struct options *opt, struct extent_of_log *log)
{
	struct physbio_error error;
	struct iolog *l;
	int ret = iolog_open(opt->iolog, &l, &error);

	memset(log, 0, sizeof(*log));
	if (ret) {
		complain_error(&error);
		return ret;
	}
	ret = read_extents(opt, l, log);
	iolog_close(l);
	return ret ? ret : check_files(opt, log);
}

/* --- data --- */

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* What a sector holds that @writer wrote: zeroes if nobody did. */
static void sector_content(uint32_t writer, uint64_t sector, uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < 512 / sizeof(*words); i++)
		words[i] =
			writer ? mix((uint64_t)writer << 40 ^ sector << 6 ^ i) :
				 0;
}

static void report_wrong(struct replay *r, const struct io *io, uint64_t offset,
			 unsigned int want, unsigned int got)
{
	if (io)
		complain("%s: I/O %" PRIu64 " (line %u, %s): byte %" PRIu64
			 " of the device is 0x%02x, not 0x%02x",
			 r->repr->name, io->number, io->line,
			 iolog_action_names[io->action], offset, got, want);
	else
		complain("%s: written by I/O %" PRIu32 ": byte %" PRIu64
			 " of the device is 0x%02x, not 0x%02x",
			 r->repr->name, r->writer[offset / 512], offset, got,
			 want);
	r->wrong = true;
}

static bool compare_sector(struct replay *r, const struct io *io,
			   const void *got, uint64_t sector)
{
	const unsigned char *bytes = got;
	unsigned char want[512];
	unsigned int i;

	sector_content(r->writer[sector], sector, (uint64_t *)(void *)want);
	r->totals.bytes_compared += 512;
	if (!memcmp(bytes, want, 512))
		return true;
	for (i = 0; bytes[i] == want[i]; i++)
		;
	report_wrong(r, io, sector * 512 + i, want[i], bytes[i]);
	return false;
}

static void fill_write(struct replay *r, const struct io *io)
{
	uint64_t sector = io->offset / 512, n = io->len / 512, i;

	for (i = 0; i < n; i++) {
		r->writer[sector + i] = (uint32_t)io->number;
		sector_content(
			(uint32_t)io->number, sector + i,
			(uint64_t *)(void *)(r->pool->virt + io->at + i * 512));
	}
}

static void compare_read(struct replay *r, const struct io *io)
{
	uint64_t sector = io->offset / 512, n = io->len / 512, i;

	for (i = 0; i < n; i++)
		if (!compare_sector(r, io, r->pool->virt + io->at + i * 512,
				    sector + i))
			return;
}

/* Nothing of the chunk was ever touched: not by us, and not by mistake. */
static bool chunk_untouched(struct replay *r, const char *store, uint64_t len)
{
	unsigned char resident[MIB / 4096];
	uint64_t i;

	if (mincore((void *)(uintptr_t)store, len, resident))
		return false;
	for (i = 0; i < (len + 4095) / 4096; i++)
		if (resident[i] & 1)
			return false;
	return true;
}

static bool chunk_written(const struct replay *r, uint64_t start, uint64_t len)
{
	uint64_t i;

	for (i = start / 512; i < (start + len) / 512; i++)
		if (r->writer[i])
			return true;
	return false;
}

static void compare_store(struct replay *r)
{
	const char *store = physbio_memdev_store(r->disk);
	uint64_t at, i;

	for (at = 0; at < r->log.size; at += MIB) {
		uint64_t len = r->log.size - at < MIB ? r->log.size - at : MIB;

		if (chunk_untouched(r, store + at, len) &&
		    !chunk_written(r, at, len))
			continue;
		for (i = 0; i < len / 512; i++)
			if (!compare_sector(r, NULL, store + at + i * 512,
					    at / 512 + i))
				return;
	}
}

/* --- I/O --- */

struct bio_owner {
	struct replay *r;
	struct io *io;
};

static void replay_endio(struct pb_bio *bio)
{
	struct bio_owner *owner = bio->bi_private;
	struct replay *r = owner->r;
	int err = pb_blk_status_to_errno(bio->bi_status);

	if (err && !owner->io->err)
		owner->io->err = err;
	r->repr->bio_release_pages(bio, !pb_op_is_write(bio->bi_opf));
	r->repr->bio_put(bio);
	free(owner);
}

static struct pb_bio *new_bio(struct replay *r, struct io *io, pb_blk_opf_t opf,
			      uint64_t offset, unsigned short nr_vecs)
{
	struct bio_owner *owner = malloc(sizeof(*owner));
	struct pb_bio *bio =
		r->repr->bio_alloc_bioset(physbio_memdev_bdev(r->disk), nr_vecs,
					  opf, PB_GFP_KERNEL, &r->bs);

	if (!owner || !bio) {
		complain("no memory");
		exit(1);
	}
	owner->r = r;
	owner->io = io;
	bio->bi_private = owner;
	bio->bi_end_io = replay_endio;
	bio->bi_iter.bi_sector = offset / 512;
	r->totals.bios++;
	return bio;
}

/* Each representation is given what it keeps. */
static int bio_add(struct replay *r, struct pb_bio *bio, pb_phys_addr_t paddr,
		   unsigned int len)
{
	int added;

	if (r->repr == &pagecnt_physbio_repr)
		added = r->repr->bio_add_page(bio,
					      physbio_mem_page(r->mem, paddr),
					      len, pb_offset_in_page(paddr));
	else
		added = r->repr->bio_add_phys(bio, paddr, len);
	if (added && physbio_mem_pin(r->mem, paddr, len)) {
		complain("a page can't be pinned");
		exit(1);
	}
	return added;
}

static void submit_data(struct replay *r, struct io *io)
{
	pb_blk_opf_t op = io->action == IOLOG_READ ? PB_REQ_OP_READ :
						     PB_REQ_OP_WRITE;
	struct pb_bio *bio = new_bio(r, io, op, io->offset, PB_BIO_MAX_VECS);
	uint64_t done = 0;

	while (done < io->len) {
		pb_phys_addr_t paddr;
		size_t run = physbio_buffer_run(r->pool, io->at + done,
						io->len - done, &paddr);

		if (bio_add(r, bio, paddr, (unsigned int)run)) {
			done += run;
			continue;
		}
		pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
		r->totals.segments_before += bio->bi_vcnt;
		r->repr->submit_bio(bio);
		bio = new_bio(r, io, op, io->offset + done, PB_BIO_MAX_VECS);
	}
	pb_bio_set_flag(bio, PB_BIO_PAGE_PINNED);
	r->totals.segments_before += bio->bi_vcnt;
	r->repr->submit_bio(bio);
}

static void submit_trim(struct replay *r, struct io *io)
{
	struct pb_bio *bio = new_bio(r, io, PB_REQ_OP_DISCARD, io->offset, 0);

	bio->bi_iter.bi_size = (uint32_t)io->len;
	r->repr->submit_bio(bio);
}

static void submit_flush(struct replay *r, struct io *io)
{
	r->repr->submit_bio(
		new_bio(r, io, PB_REQ_OP_WRITE | PB_REQ_PREFLUSH, 0, 0));
}

/* Everything in the plug goes to the device, and what it read is compared. */
static void flush_batch(struct replay *r)
{
	unsigned int i;

	r->repr->blk_finish_plug(&r->plug);
	for (i = 0; i < r->nr_batch; i++) {
		struct io *io = &r->batch[i];

		if (io->err) {
			complain("%s: I/O %" PRIu64 " (line %u, %s at %" PRIu64
				 ") failed: %s",
				 r->repr->name, io->number, io->line,
				 iolog_action_names[io->action], io->offset,
				 strerror(-io->err));
			r->wrong = true;
		} else if (io->action == IOLOG_READ) {
			compare_read(r, io);
		}
	}
	r->nr_batch = 0;
	r->pool_used = 0;
	r->repr->blk_start_plug(&r->plug);
}

static bool overlaps(const struct io *a, const struct io *b)
{
	return a->offset < b->offset + b->len && b->offset < a->offset + a->len;
}

/* A log says nothing of what ran at the same time: what depends must not. */
static bool must_wait(struct replay *r, const struct io *io)
{
	unsigned int i;

	for (i = 0; i < r->nr_batch; i++)
		if ((io->action != IOLOG_READ ||
		     r->batch[i].action != IOLOG_READ) &&
		    overlaps(io, &r->batch[i]))
			return true;
	return false;
}

static void count_io(struct totals *t, const struct io *io)
{
	t->ios++;
	if (io->action == IOLOG_READ)
		t->bytes_read += io->len;
	else if (io->action == IOLOG_WRITE)
		t->bytes_written += io->len;
	else if (io->action == IOLOG_TRIM)
		t->trims++;
	else
		t->flushes++;
}

static void send(struct replay *r, struct io *io)
{
	uint64_t i;

	if (io->action == IOLOG_WRITE) {
		fill_write(r, io);
		submit_data(r, io);
	} else if (io->action == IOLOG_READ) {
		/* What the device does not write must not look right. */
		memset(r->pool->virt + io->at, 0xa5, io->len);
		submit_data(r, io);
	} else if (io->action == IOLOG_TRIM) {
		for (i = 0; i < io->len / 512; i++)
			r->writer[io->offset / 512 + i] = 0;
		submit_trim(r, io);
	} else {
		submit_flush(r, io);
	}
}

/* Offsets within the pool begin on pages, as buffers of direct I/O do. */
static size_t pool_need(const struct io *io)
{
	if (io->action != IOLOG_READ && io->action != IOLOG_WRITE)
		return 0;
	return (io->len + PB_PAGE_SIZE - 1) / PB_PAGE_SIZE * PB_PAGE_SIZE;
}

static void replay_piece(struct replay *r, const struct io *piece)
{
	bool wait = must_wait(r, piece);

	r->totals.overlaps += wait;
	if (wait || r->nr_batch == r->opt->plug ||
	    r->pool_used + pool_need(piece) > r->pool->size)
		flush_batch(r);
	r->batch[r->nr_batch] = *piece;
	r->batch[r->nr_batch].at = r->pool_used;
	r->pool_used += pool_need(piece);
	send(r, &r->batch[r->nr_batch++]);
}

/* An I/O of more than the pool holds goes in pieces, as from a bounded buffer. */
static void replay_io(struct replay *r, const struct io *io)
{
	struct io piece = *io;
	uint64_t left = io->len;

	count_io(&r->totals, io);
	do {
		piece.len = left < r->pool->size ? left : r->pool->size;
		replay_piece(r, &piece);
		piece.offset += piece.len;
		left -= piece.len;
	} while (left);
}

static void replay_entry(struct replay *r, const struct iolog_entry *e,
			 uint64_t number)
{
	const struct io io = {
		.number = number,
		.line = e->line,
		.action = e->action,
		.offset = r->log.base[e->file] + e->offset,
		.len = e->len,
	};

	switch (e->action) {
	case IOLOG_READ:
	case IOLOG_WRITE:
	case IOLOG_TRIM:
	case IOLOG_SYNC:
	case IOLOG_DATASYNC:
		replay_io(r, &io);
		break;
	default:
		r->totals.skipped[e->action]++;
	}
}

static void progress(const struct replay *r, uint64_t started, bool last)
{
	static uint64_t shown;
	struct timespec t;
	uint64_t now;

	if (!isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (now - started < 1000 || (!last && now - shown < 100))
		return;
	shown = now;
	fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " I/Os \033[K%s",
		r->repr->name, r->totals.ios, r->log.ios,
		last ? "\r\033[K" : "");
}

static int replay_log(struct replay *r)
{
	struct physbio_error error;
	struct iolog_entry e;
	struct iolog *l;
	struct timespec t;
	uint64_t number = 0, started;
	int ret = iolog_open(r->opt->iolog, &l, &error);

	if (ret) {
		complain_error(&error);
		return ret;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	started = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	r->repr->blk_start_plug(&r->plug);
	while ((ret = iolog_next(l, &e, &error)) > 0 && !r->wrong) {
		replay_entry(r, &e, ++number);
		progress(r, started, false);
	}
	flush_batch(r);
	r->repr->blk_finish_plug(&r->plug);
	progress(r, started, true);
	iolog_close(l);
	if (ret < 0)
		complain_error(&error);
	return ret < 0 ? ret : 0;
}

/* --- the machine --- */

static int make_machine(struct replay *r, struct physbio_error *error)
{
	struct physbio_mem_range *ram, *all;
	int n = physbio_snapshot_ranges(&r->pool, 1, &ram), err;

	if (n < 0)
		return n;
	all = realloc(ram, ((size_t)n + 1) * sizeof(*all));
	if (!all) {
		free(ram);
		return -ENOMEM;
	}
	all[n] = (struct physbio_mem_range){
		.start = r->snap.top,
		.size = (physbio_memdev_list_bytes(DEPTH) + PB_PAGE_SIZE - 1) &
			PB_PAGE_MASK,
		.kind = PHYSBIO_MEM_RAM,
		.nid = -1,
	};
	r->topology = physbio_topology_create();
	physbio_topology_add(r->topology, PHYSBIO_HOST_BRIDGE, "pci0000:00",
			     NULL, error);
	physbio_topology_add(r->topology, PHYSBIO_BRIDGE, "00:01.0",
			     "pci0000:00", error);
	physbio_topology_add(r->topology, PHYSBIO_ENDPOINT, "01:00.0",
			     "00:01.0", error);
	err = physbio_machine_create(r->topology, all, (unsigned int)n + 1,
				     &r->machine, error);
	free(all);
	if (err)
		return err;
	r->mem = physbio_machine_mem(r->machine);
	return physbio_snapshot_attach(&r->pool, 1, r->mem);
}

static int make_disk(struct replay *r)
{
	const struct physbio_repr *repr = r->repr;
	struct pb_request_queue *q;
	struct physbio_memdev_config config = {
		.core = &r->core,
		.fabric = r->fabric,
		.node = 2,
		.dev = physbio_machine_device(r->machine, 2),
		.mem = r->mem,
		.lists = r->snap.top,
		.nr_sectors = r->log.size / 512,
		.queue_depth = DEPTH,
	};
	int err;

	r->core = (struct physbio_memdev_core){
		.alloc_queue = repr->blk_mq_alloc_queue,
		.destroy_queue = repr->blk_mq_destroy_queue,
		.start_request = repr->blk_mq_start_request,
		.end_request = repr->blk_mq_end_request,
		.map_data = repr->nvme_map_data,
		.unmap_data = repr->nvme_unmap_data,
	};
	err = physbio_memdev_create(&config, &r->disk);
	if (err)
		return err;
	q = physbio_memdev_bdev(r->disk)->bd_queue;
	repr->queue_set_stats(q, &r->stats);
	return r->opt->scheduler ? repr->elevator_change(q, r->opt->scheduler) :
				   0;
}

static int make_tables(struct replay *r)
{
	size_t size = (size_t)(r->log.size / 512) * sizeof(*r->writer);

	r->batch = calloc(r->opt->plug, sizeof(*r->batch));
	r->writer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->writer == MAP_FAILED)
		r->writer = NULL;
	if (!r->batch || !r->writer)
		return -ENOMEM;
	return r->repr->bioset_init(&r->bs, 16, 0, 0);
}

static int set_up(struct replay *r)
{
	struct physbio_error error = { 0 };
	int err = make_machine(r, &error);

	if (!err)
		err = physbio_fabric_create(r->topology, r->mem, &r->fabric);
	if (!err)
		err = make_disk(r);
	if (!err)
		err = make_tables(r);
	if (err)
		complain("can't set the machine up: %s",
			 *error.message ? error.message : strerror(-err));
	return err;
}

static void tear_down(struct replay *r)
{
	physbio_memdev_destroy(r->disk);
	physbio_fabric_destroy(r->fabric);
	physbio_machine_destroy(r->machine);
	physbio_topology_destroy(r->topology);
	if (r->bs.bio_pool)
		r->repr->bioset_exit(&r->bs);
	if (r->writer)
		munmap(r->writer,
		       (size_t)(r->log.size / 512) * sizeof(*r->writer));
	free(r->batch);
}

/* --- result --- */

static void print_skipped(const struct totals *t)
{
	const char *before = "  skipped                 ";
	int i;

	for (i = 0; i < IOLOG_NR_ACTIONS; i++) {
		if (!t->skipped[i])
			continue;
		printf("%s%s %" PRIu64, before, iolog_action_names[i],
		       t->skipped[i]);
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
}

static void print_result(const struct replay *r)
{
	const struct totals *t = &r->totals;
	struct physbio_memdev_stats d;
	struct physbio_fabric_stats f;

	physbio_memdev_stats(r->disk, &d);
	physbio_fabric_stats(r->fabric, &f);
	printf("%s\n", r->repr->name);
	printf("  I/Os                    %" PRIu64 " (of these %" PRIu64
	       " trims, %" PRIu64 " flushes)\n",
	       t->ios, t->trims, t->flushes);
	printf("  bios                    %" PRIu64 "\n", t->bios);
	printf("  splits                  %lu\n", r->stats.splits);
	printf("  merges                  %lu back, %lu front, %lu discard, %lu of requests\n",
	       r->stats.back_merges, r->stats.front_merges,
	       r->stats.discard_merges, r->stats.rq_merges);
	printf("  requests                %lu\n", r->stats.requests);
	printf("  segments                %" PRIu64 " before merging, %" PRIu64
	       " after\n",
	       t->segments_before, d.ranges);
	printf("  translations            %" PRIu64 " ranges, %" PRIu64
	       " table lookups\n",
	       d.ranges, physbio_counts[PHYSBIO_LOOKUP]);
	printf("  page lookups            %" PRIu64 " phys -> page, %" PRIu64
	       " page -> phys\n",
	       physbio_counts[PHYSBIO_PHYS_TO_PAGE],
	       physbio_counts[PHYSBIO_PAGE_TO_PHYS]);
	printf("  bytes in the log        %" PRIu64 " read, %" PRIu64
	       " written\n",
	       t->bytes_read, t->bytes_written);
	printf("  bytes moved             %" PRIu64 " read, %" PRIu64
	       " written, in %lu transfers\n",
	       d.bytes_in, d.bytes_out, f.transfers);
	printf("  bytes compared          %" PRIu64 "\n", t->bytes_compared);
	printf("  waited for an overlap   %" PRIu64 " times\n", t->overlaps);
	print_skipped(t);
}

/* The figures must add up, whatever the data say. */
static void check_figures(struct replay *r)
{
	struct physbio_memdev_stats d;
	uint64_t pins =
		physbio_mem_pinned(r->mem, physbio_buffer_phys(r->pool, 0), 0);
	size_t i;

	for (i = 0; i < r->pool->size; i += PB_PAGE_SIZE)
		pins += physbio_mem_pinned(
			r->mem, physbio_buffer_phys(r->pool, i), PB_PAGE_SIZE);
	physbio_memdev_stats(r->disk, &d);
	if (d.bytes_in != r->totals.bytes_read ||
	    d.bytes_out != r->totals.bytes_written) {
		complain("%s: moved %" PRIu64 " + %" PRIu64
			 " bytes, not %" PRIu64 " + %" PRIu64,
			 r->repr->name, d.bytes_in, d.bytes_out,
			 r->totals.bytes_read, r->totals.bytes_written);
		r->wrong = true;
	}
	if (pins) {
		complain("%s: %" PRIu64 " pins are left", r->repr->name, pins);
		r->wrong = true;
	}
}

static void check_corruption(struct replay *r)
{
	struct physbio_fabric_stats f;

	physbio_fabric_stats(r->fabric, &f);
	if (!r->opt->corrupt || r->wrong)
		return;
	if (f.transfers < r->opt->corrupt)
		complain("--corrupt: there were %lu transfers, not %lu",
			 f.transfers, r->opt->corrupt);
	else
		complain("%s: transfer %lu was corrupted, and no one noticed",
			 r->repr->name, r->opt->corrupt);
	r->wrong = true;
}

static void print_options(const struct replay *r)
{
	const struct pb_queue_limits *l =
		pb_queue_limits(physbio_memdev_bdev(r->disk)->bd_queue);

	printf("%s: device of %" PRIu64
	       " bytes, plug %u, scheduler %s, addresses from %s\n",
	       r->opt->iolog, r->log.size, r->opt->plug,
	       r->opt->scheduler ? r->opt->scheduler : "none", r->snap.source);
	printf("limits: max_sectors %u, max_segments %u, max_segment_size %u, virt_boundary 0x%llx, depth %u\n",
	       l->max_sectors, l->max_segments, l->max_segment_size,
	       (unsigned long long)l->virt_boundary_mask, DEPTH);
}

/* 0: right; 1: wrong; 2: could not be done. */
static int replay_one(struct replay r, unsigned int which)
{
	const struct options *opt = r.opt;
	int err;

	r.repr = opt->reprs[which];
	err = set_up(&r);

	if (!err) {
		if (!which)
			print_options(&r);
		physbio_fabric_corrupt(r.fabric, opt->corrupt);
		memset(physbio_counts, 0, sizeof(physbio_counts));
		err = replay_log(&r);
		if (!err && !r.wrong)
			compare_store(&r);
		if (!err && !r.wrong)
			check_figures(&r);
		check_corruption(&r);
		print_result(&r);
	}
	tear_down(&r);
	return err ? 2 : r.wrong;
}

/* All representations on the same memory: one snapshot of its frames. */
static int replay_all(struct replay *r)
{
	struct physbio_error error;
	unsigned int i;
	int one, ret = 0;

	if (physbio_buffer_alloc(PHYSBIO_BUFFER_PAGES, POOL_SIZE, -1, &r->pool,
				 &error) ||
	    physbio_snapshot_take(&r->pool, 1, 1, &r->snap, &error)) {
		complain_error(&error);
		ret = 2;
	}
	for (i = 0; i < r->opt->nr_reprs && ret < 2; i++) {
		one = replay_one(*r, i);
		ret = one > ret ? one : ret;
	}
	physbio_buffer_free(r->pool);
	return ret;
}

int replay_main(int argc, char **argv)
{
	struct options opt = {
		.plug = 16,
		.reprs = { &physcnt_physbio_repr, &pagecnt_physbio_repr },
		.nr_reprs = 2,
	};
	struct replay r = { .opt = &opt };
	int ret = parse_options(&opt, argc, argv);

	if (ret)
		return ret == 1 ? 0 : 2;
	if (first_pass(&opt, &r.log))
		return 2;
	if (!r.log.size)
		r.log.size = MIB;
	ret = replay_all(&r);
	if (!ret)
		printf("every byte is right\n");
	return ret;
}
