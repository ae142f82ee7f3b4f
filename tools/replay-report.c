// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a replay tells: its settings, its figures as text or JSON, and its progress. */
#define PHYSBIO_COUNTING
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay.h"

static const struct pb_request_queue *queue_of(const struct replay *r)
{
	return physbio_memdev_bdev(r->disk)->bd_queue;
}

static const char *scheduler_name(const struct replay *r)
{
	if (r->opt->scheduler)
		return r->opt->scheduler;
	return r->settings.deadline ? "mq-deadline" : "none";
}

void print_options(const struct replay *r)
{
	const struct pb_queue_limits *l = pb_queue_limits(queue_of(r));

	printf("%s: device of %" PRIu64
	       " bytes, plug %u, scheduler %s, addresses from %s\n",
	       r->opt->path, r->log.size, r->opt->plug, scheduler_name(r),
	       r->snap.source);
	printf("limits: max_sectors %u, max_segments %u, max_segment_size %u, virt_boundary 0x%llx, depth %u\n",
	       l->max_sectors, l->max_segments, l->max_segment_size,
	       (unsigned long long)l->virt_boundary_mask, DEPTH);
}

static void print_skipped(const struct totals *t)
{
	const char *before = "  skipped                 ";
	int i;

	for (i = 0; i < MAX_NAMES && t->names[i]; i++) {
		printf("%s%s %" PRIu64, before, t->names[i], t->skipped[i]);
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
}

void print_result(const struct replay *r)
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

/* --- JSON --- */

static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < ' ')
			printf("\\u%04x", (unsigned int)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void json_head(const struct replay *r)
{
	const struct pb_queue_limits *l = pb_queue_limits(queue_of(r));

	printf("{\n  \"trace\": ");
	json_string(r->opt->path);
	printf(",\n  \"device_bytes\": %" PRIu64
	       ",\n  \"plug\": %u,\n  \"scheduler\": \"%s\",\n  \"layout\": \"%s\",\n",
	       r->log.size, r->opt->plug, scheduler_name(r),
	       layout_names[r->opt->layout]);
	printf("  \"max_sectors\": %u,\n  \"max_segments\": %u,\n  \"max_segment_size\": %u,\n",
	       l->max_sectors, l->max_segments, l->max_segment_size);
	printf("  \"virt_boundary_mask\": %llu,\n  \"runs\": [",
	       (unsigned long long)l->virt_boundary_mask);
}

struct figure {
	const char *name;
	uint64_t value;
};

static void json_figures(const struct figure *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf(", \"%s\": %" PRIu64, f[i].name, f[i].value);
}

void print_json(const struct replay *r, bool first, bool last)
{
	const struct totals *t = &r->totals;
	struct physbio_memdev_stats d;

	physbio_memdev_stats(r->disk, &d);
	if (first)
		json_head(r);
	printf("%s\n    {\"repr\": \"%s\", \"right\": %s", first ? "" : ",",
	       r->repr->name, r->wrong ? "false" : "true");
	json_figures(
		(const struct figure[]){
			{ "ios", t->ios },
			{ "trims", t->trims },
			{ "flushes", t->flushes },
			{ "bios", t->bios },
			{ "splits", r->stats.splits },
			{ "back_merges", r->stats.back_merges },
			{ "front_merges", r->stats.front_merges },
			{ "discard_merges", r->stats.discard_merges },
			{ "request_merges", r->stats.rq_merges },
			{ "requests", r->stats.requests },
			{ "segments", t->segments_before },
			{ "ranges", d.ranges },
			{ "phys_to_page",
			  physbio_counts[PHYSBIO_PHYS_TO_PAGE] },
			{ "page_to_phys",
			  physbio_counts[PHYSBIO_PAGE_TO_PHYS] },
			{ "bytes_read", d.bytes_in },
			{ "bytes_written", d.bytes_out },
			{ "bytes_compared", t->bytes_compared },
		},
		17);
	printf("}%s", last ? "\n  ]\n}\n" : "");
}

/* --- do they add up? --- */

static uint64_t pins_left(const struct replay *r)
{
	uint64_t pins = 0;
	size_t i;

	for (i = 0; i < r->pool->size; i += PB_PAGE_SIZE)
		pins += physbio_mem_pinned(
			r->mem, physbio_buffer_phys(r->pool, i), PB_PAGE_SIZE);
	return pins;
}

void check_figures(struct replay *r)
{
	struct physbio_memdev_stats d;
	uint64_t pins = pins_left(r);

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

/* --- progress --- */

#define BAR 30

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total };
	p->started = now_ms();
	p->tty = isatty(STDERR_FILENO);
}

/* The clock is asked now and then only. */
bool progress_due(struct progress *p)
{
	uint64_t now;

	if (!p->tty || !p->total || ++p->calls % 256)
		return false;
	now = now_ms();
	return now - p->started >= 1000 && now - p->shown >= 100;
}

void progress_show(struct progress *p, uint64_t done)
{
	static const char full[] = "##############################";
	uint64_t took = now_ms() - p->started, left = 0;
	int bar = BAR;

	if (done && done < p->total) {
		bar = (int)(done * BAR / p->total);
		left = took * (p->total - done) / done / 1000;
	}
	p->shown = p->started + took;
	fprintf(stderr,
		"\r%s [%-*.*s] %" PRIu64 " of %" PRIu64 ", %" PRIu64
		":%02" PRIu64 " left\033[K",
		p->what, BAR, bar, full, done, p->total, left / 60, left % 60);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
}
