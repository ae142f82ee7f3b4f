// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and units of sysfs become members of the limits. */
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lines.h"
#include "trace-format.h"

enum unit {
	PLAIN,
	KIB, /* kept in sectors */
	BYTES, /* kept in sectors */
};

/* max_sectors is derived; what sysfs shows of it is what was asked for. */
static const struct limit {
	const char *name;
	size_t offset;
	unsigned char size;
	enum unit unit;
} limits[] = {
#define LIMIT(name, member, unit)                                              \
	{                                                                      \
		name, offsetof(struct pb_queue_limits, member),                \
			sizeof(((struct pb_queue_limits *)NULL)->member), unit \
	}
	LIMIT("logical_block_size", logical_block_size, PLAIN),
	LIMIT("physical_block_size", physical_block_size, PLAIN),
	LIMIT("minimum_io_size", io_min, PLAIN),
	LIMIT("optimal_io_size", io_opt, PLAIN),
	LIMIT("max_hw_sectors_kb", max_hw_sectors, KIB),
	LIMIT("max_sectors_kb", max_user_sectors, KIB),
	LIMIT("max_segments", max_segments, PLAIN),
	LIMIT("max_segment_size", max_segment_size, PLAIN),
	LIMIT("max_integrity_segments", max_integrity_segments, PLAIN),
	LIMIT("seg_boundary_mask", seg_boundary_mask, PLAIN),
	LIMIT("virt_boundary_mask", virt_boundary_mask, PLAIN),
	LIMIT("dma_alignment", dma_alignment, PLAIN),
	LIMIT("chunk_sectors", chunk_sectors, PLAIN),
	LIMIT("discard_granularity", discard_granularity, PLAIN),
	LIMIT("discard_max_hw_bytes", max_hw_discard_sectors, BYTES),
	LIMIT("discard_max_bytes", max_user_discard_sectors, BYTES),
	LIMIT("max_discard_segments", max_discard_segments, PLAIN),
	LIMIT("write_zeroes_max_bytes", max_write_zeroes_sectors, BYTES),
#undef LIMIT
};

#define NR_LIMITS (sizeof(limits) / sizeof(limits[0]))

void settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
}

static int bad(char *why, size_t size, const char *value, const char *what)
{
	snprintf(why, size, "\"%.64s\" is not %s", value, what);
	return -EINVAL;
}

static uint64_t limit_max(const struct limit *l)
{
	uint64_t most = l->size == 8 ? UINT64_MAX :
				       (UINT64_C(1) << 8 * l->size) - 1;

	if (l->unit == KIB)
		return most / 2;
	return l->unit == BYTES ? most * 512 : most;
}

static void limit_store(struct pb_queue_limits *lim, const struct limit *l,
			uint64_t value)
{
	char *at = (char *)lim + l->offset;
	uint32_t v32;
	uint16_t v16;

	if (l->unit != PLAIN)
		value = l->unit == KIB ? value * 2 : value / 512;
	v32 = (uint32_t)value;
	v16 = (uint16_t)value;
	if (l->size == 8)
		memcpy(at, &value, 8);
	else if (l->size == 4)
		memcpy(at, &v32, 4);
	else
		memcpy(at, &v16, 2);
}

static int set_limit(struct settings *s, const struct limit *l,
		     const char *value, char *why, size_t size)
{
	uint64_t number;
	char what[64];

	snprintf(what, sizeof(what), "a number up to %" PRIu64, limit_max(l));
	if (!trace_number(value, 10, limit_max(l), &number))
		return bad(why, size, value, what);
	limit_store(&s->limits, l, number);
	s->has_limits = true;
	return 0;
}

static int set_feature(struct settings *s, uint32_t feature, bool on)
{
	s->limits.features &= ~feature;
	if (on)
		s->limits.features |= feature;
	s->has_limits = true;
	return 0;
}

/* "none [mq-deadline] bfq ", or one name alone. */
static int set_scheduler(struct settings *s, const char *value, char *why,
			 size_t size)
{
	const char *open = strchr(value, '[');
	const char *name = open ? open + 1 : value;
	size_t n = strcspn(name, open ? "]" : " ");

	s->has_scheduler = true;
	s->deadline = (n == 11 && !strncmp(name, "mq-deadline", n)) ||
		      (n == 8 && !strncmp(name, "deadline", n));
	if (s->deadline || (n == 4 && !strncmp(name, "none", n)))
		return 0;
	return bad(why, size, value, "none or mq-deadline");
}

static int set_nomerges(struct settings *s, const char *value, char *why,
			size_t size)
{
	if (*value < '0' || *value > '2' || value[1])
		return bad(why, size, value, "0, 1 or 2");
	s->nomerges = (unsigned int)(*value - '0');
	return 0;
}

static int set_flag(struct settings *s, uint32_t feature, const char *value,
		    char *why, size_t size)
{
	if ((*value != '0' && *value != '1') || value[1])
		return bad(why, size, value, "0 or 1");
	return set_feature(s, feature, *value == '1');
}

static int set_write_cache(struct settings *s, const char *value, char *why,
			   size_t size)
{
	bool back = !strcmp(value, "write back");

	if (!back && strcmp(value, "write through"))
		return bad(why, size, value, "write back or write through");
	return set_feature(s, PB_BLK_FEAT_WRITE_CACHE, back);
}

int settings_set(struct settings *s, const char *name, const char *value,
		 char *why, size_t size)
{
	size_t i;

	for (i = 0; i < NR_LIMITS; i++)
		if (!strcmp(limits[i].name, name))
			return set_limit(s, &limits[i], value, why, size);
	if (!strcmp(name, "scheduler"))
		return set_scheduler(s, value, why, size);
	if (!strcmp(name, "nomerges"))
		return set_nomerges(s, value, why, size);
	if (!strcmp(name, "write_cache"))
		return set_write_cache(s, value, why, size);
	if (!strcmp(name, "fua"))
		return set_flag(s, PB_BLK_FEAT_FUA, value, why, size);
	return -ENOENT;
}

/* What sysfs has beside it, so that a whole directory can be given. */
static bool says_nothing(const char *name)
{
	static const char *const names[] = {
		"add_random",
		"atomic_write_boundary_bytes",
		"atomic_write_max_bytes",
		"atomic_write_unit_max_bytes",
		"atomic_write_unit_min_bytes",
		"dax",
		"discard_zeroes_data",
		"hw_sector_size",
		"io_poll",
		"io_poll_delay",
		"io_timeout",
		"iostats",
		"max_active_zones",
		"max_open_zones",
		"nr_requests",
		"nr_zones",
		"read_ahead_kb",
		"rotational",
		"rq_affinity",
		"stable_writes",
		"wbt_lat_usec",
		"write_same_max_bytes",
		"zone_append_max_bytes",
		"zone_write_granularity",
		"zoned",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int parse_line(struct settings *s, struct lines *lines, char *line,
		      struct physbio_error *error)
{
	char *name = line + (strncmp(line, "queue/", 6) ? 0 : 6);
	char *equals = strchr(line, '='), why[160];
	int ret;

	if (!line[strspn(line, " \t\r")] || *line == '#')
		return 0;
	if (!equals)
		return lines_fail(lines, error, -EINVAL,
				  "\"%.64s\" is no NAME=VALUE", line);
	*equals = '\0';
	ret = settings_set(s, name, equals + 1, why, sizeof(why));
	if (ret == -EINVAL)
		return lines_fail(lines, error, ret, "%.64s: %s", name, why);
	if (ret == -ENOENT && !says_nothing(name))
		return lines_fail(lines, error, -EINVAL,
				  "\"%.64s\" is no limit of a queue", name);
	return 0;
}

int settings_read(struct settings *s, const char *path,
		  struct physbio_error *error)
{
	struct lines *lines;
	char *line;
	int ret = lines_open(path, 1023, &lines, error);

	if (ret)
		return ret;
	while ((ret = lines_next(lines, &line, error)) > 0) {
		ret = parse_line(s, lines, line, error);
		if (ret)
			break;
	}
	lines_close(lines);
	return ret;
}
