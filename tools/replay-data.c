// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the bytes of each sector are. A write's data say who wrote them: each sector is
 * filled from the number of the I/O and its place on the device. So it is enough to
 * remember each sector's last writer.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay.h"

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
			 trace_op_names[io->op], offset, got, want);
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

/* A place in an I/O's memory. */
struct cursor {
	struct replay *r;
	const struct piece *piece;
	uint32_t done; /* of the piece */
};

static struct cursor cursor_of(struct replay *r, const struct io *io)
{
	return (struct cursor){ r, &r->pieces[io->first_piece], 0 };
}

/* A sector may lie across pieces. */
static void move_sector(struct cursor *c, unsigned char *sector, bool out)
{
	unsigned int at = 0;

	while (at < 512) {
		uint32_t left = c->piece->len - c->done;
		uint32_t n = 512 - at < left ? 512 - at : left;
		char *virt = c->r->pool->virt + c->piece->at + c->done;

		if (out)
			memcpy(virt, sector + at, n);
		else
			memcpy(sector + at, virt, n);
		at += n;
		c->done += n;
		if (c->done == c->piece->len) {
			c->piece++;
			c->done = 0;
		}
	}
}

void fill_write(struct replay *r, const struct io *io)
{
	uint64_t sector = io->offset / 512, n = io->len / 512, words[64];
	struct cursor c = cursor_of(r, io);

	for (; n--; sector++) {
		r->writer[sector] = (uint32_t)io->number;
		sector_content((uint32_t)io->number, sector, words);
		move_sector(&c, (unsigned char *)words, true);
	}
}

/* What the device does not write must not look right. */
void poison_read(struct replay *r, const struct io *io)
{
	unsigned int i;

	for (i = 0; i < io->nr_pieces; i++) {
		const struct piece *p = &r->pieces[io->first_piece + i];

		memset(r->pool->virt + p->at, 0xa5, p->len);
	}
}

void compare_read(struct replay *r, const struct io *io)
{
	uint64_t sector = io->offset / 512, n = io->len / 512, words[64];
	struct cursor c = cursor_of(r, io);

	for (; n--; sector++) {
		move_sector(&c, (unsigned char *)words, false);
		if (!compare_sector(r, io, words, sector))
			return;
	}
}

void forget(struct replay *r, const struct io *io)
{
	memset(&r->writer[io->offset / 512], 0,
	       (size_t)(io->len / 512) * sizeof(*r->writer));
}

/* Which pages of a chunk were ever touched, by us or by mistake. */
static void find_touched(const char *store, uint64_t len,
			 unsigned char resident[MIB / 4096])
{
	if (mincore((void *)(uintptr_t)store, len, resident))
		memset(resident, 1, MIB / 4096);
}

static bool written(const struct replay *r, uint64_t start, uint64_t len)
{
	uint64_t i;

	for (i = start / 512; i < (start + len) / 512; i++)
		if (r->writer[i])
			return true;
	return false;
}

static bool compare_sectors(struct replay *r, uint64_t start, uint64_t len)
{
	const char *store = physbio_memdev_store(r->disk);
	uint64_t at;

	for (at = start; at < start + len; at += 512)
		if (!compare_sector(r, NULL, store + at, at / 512))
			return false;
	return true;
}

/* A page that nobody touched is zeroes, and stays without memory. */
static bool compare_chunk(struct replay *r, uint64_t start, uint64_t len)
{
	const char *store = physbio_memdev_store(r->disk);
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned char resident[MIB / 4096];
	uint64_t at, n;

	find_touched(store + start, len, resident);
	for (at = 0; at < len; at += page) {
		n = len - at < page ? len - at : page;
		if (!(resident[at / page] & 1) && !written(r, start + at, n))
			continue;
		if (!compare_sectors(r, start + at, n))
			return false;
	}
	return true;
}

void compare_store(struct replay *r)
{
	uint64_t at, len;

	for (at = 0; at < r->log.size; at += MIB) {
		len = r->log.size - at < MIB ? r->log.size - at : MIB;
		if (!compare_chunk(r, at, len))
			return;
	}
}
