// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every field of every line is checked here, and whatever the engine could not bear to
 * be told: a page outside the memory map, a block size of 0.
 */
#include "cases.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/lines.h"

#define MAX_LINE (1u << 20)

struct oracle_file {
	struct lines *lines;
	struct oracle_case c;
	bool done; /* the statistics were seen */
};

static const struct {
	char type;
	const char *shape;
} shapes[] = {
	{ 'B', "cswwwww" },  { 'N', "cswwwww" },   { 'A', "swww" },
	{ 'U', "swww" },     { 'V', "nwv" },	   { 'K', "" },
	{ 'I', "cwwswww" },  { 'S', "swwfwggww" }, { 'X', "wcswww" },
	{ 'T', "" },	     { 'Q', "swwwwgw" },   { 'G', "nr" },
	{ 'M', "ccswwgw" },  { 'W', "w" },	   { 'y', "cw" },
	{ 'Y', "bc" },	     { 'F', "wc|wswwgw" }, { 'p', "wgwwgw" },
	{ 'J', "wswww|rr" }, { 'P', "vvbbwbgb" },  { 'O', "cwsw" },
	{ 'e', "w" },	     { 'E', "" },
};

#define NR_SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

static const char *const limit_keys[] = { "ms",	 "mss", "sb",  "vb",  "mx",
					  "mhx", "ch",	"da",  "lb",  "pb",
					  "md",	 "dg",	"dal", "mds", "mwz",
					  "fl",	 "mfs", "mse", "zwg", "mza",
					  "amx", "abd", "aun", "aux", NULL };

static const char *const raw_keys[] = { "ms",	"mss",	 "sb",	  "vb",	 "mhx",
					"mdx",	"mux",	 "ch",	  "da",	 "lb",
					"pb",	"iomin", "ioopt", "mhd", "mud",
					"dg",	"dal",	 "mds",	  "mwz", "mse",
					"feat", "zwg",	 "hza",	  "ahm", "ahb",
					"ahn",	"ahx",	 NULL };

const char *line_shape(char type)
{
	int i;

	for (i = 0; i < NR_SHAPES; i++)
		if (shapes[i].type == type)
			return shapes[i].shape;
	return NULL;
}

int fields_of(const char *line, struct field *fields, int max)
{
	const char *p = line + 1;
	int n = 0;

	while (*p == ' ' && n < max) {
		fields[n].text = ++p;
		p += strcspn(p, " ");
		fields[n].len = (int)(p - fields[n].text);
		n++;
	}
	return n;
}

uint64_t hex(struct field f)
{
	return strtoull(f.text, NULL, 16);
}

uint64_t value_of(const char *line, const char *key)
{
	size_t n = strlen(key);
	const char *p;

	for (p = line; (p = strchr(p, ' '));) {
		p++;
		if (!strncmp(p, key, n) && p[n] == '=')
			return strtoull(p + n + 1, NULL, 16);
	}
	return 0;
}

/* --- the shape of one line --- */

static bool is_hex(struct field f, int digits)
{
	int i;

	if (!f.len || f.len > digits || (f.len > 1 && f.text[0] == '0'))
		return false;
	for (i = 0; i < f.len; i++)
		if (!strchr("0123456789abcdef", f.text[i]))
			return false;
	return true;
}

/* The part of @f up to @end, which is taken away with it. */
static struct field cut(struct field *f, char end)
{
	const char *p = memchr(f->text, end, (size_t)f->len);
	struct field part = { f->text, p ? (int)(p - f->text) : 0 };

	if (p) {
		f->text = p + 1;
		f->len -= part.len + 1;
	}
	return part;
}

static bool is_vec(struct field f, bool page)
{
	if (page && !is_hex(cut(&f, '+'), 16))
		return false;
	return is_hex(cut(&f, ':'), page ? 8 : 16) && is_hex(f, 8);
}

static bool field_ok(struct field f, char shape)
{
	switch (shape) {
	case 's':
		return is_hex(f, 16);
	case 'w':
	case 'n':
		return is_hex(f, 8);
	case 'g':
		return is_hex(f, 2);
	case 'b':
	case 'f':
		return f.len == 1 && (*f.text == '0' || *f.text == '1');
	case 'c':
		return f.len == 1;
	case 'v':
		return is_vec(f, true);
	default:
		return is_vec(f, false);
	}
}

static int bad(struct oracle_file *file, struct physbio_error *error,
	       const char *line, const char *what)
{
	return lines_fail(file->lines, error, -EINVAL, "%s: \"%.80s\"", what,
			  line);
}

/*
 * The number n counts the fields of the last letter; a letter between the two stands
 * for itself.
 */
static int check_shape(struct oracle_file *file, const char *line,
		       const char *shape, struct physbio_error *error)
{
	uint64_t list = 0;
	bool listed = false;
	const char *p = line + 1;
	struct field f;

	while (*p) {
		if (*shape == '|')
			shape++;
		if (!*shape || *p != ' ')
			return bad(file, error, line, "too many fields");
		f.text = ++p;
		p += strcspn(p, " ");
		f.len = (int)(p - f.text);
		if (listed && !shape[1] && !list--)
			return bad(file, error, line, "too many fields");
		if (!field_ok(f, *shape))
			return lines_fail(
				file->lines, error, -EINVAL,
				"\"%.*s\" is no value for this field: \"%.80s\"",
				f.len, f.text, line);
		if (*shape == 'n') {
			list = hex(f);
			listed = true;
		}
		if (!listed || shape[1])
			shape++;
	}
	if (listed ? list || shape[1] : *shape && *shape != '|')
		return bad(file, error, line, "too few fields");
	return 0;
}

static int check_keys(struct oracle_file *file, const char *line,
		      const char *const *keys, struct physbio_error *error)
{
	const char *p = line + 1;
	struct field f, key;

	for (; *keys; keys++) {
		if (*p++ != ' ')
			return bad(file, error, line, "too few fields");
		f.text = p;
		p += strcspn(p, " ");
		f.len = (int)(p - f.text);
		key = cut(&f, '=');
		if (key.len != (int)strlen(*keys) ||
		    strncmp(key.text, *keys, (size_t)key.len))
			return lines_fail(file->lines, error, -EINVAL,
					  "%s= is missing: \"%.80s\"", *keys,
					  line);
		if (!is_hex(f, strcmp(*keys, "sb") && strcmp(*keys, "vb") ? 8 :
									    16))
			return lines_fail(file->lines, error, -EINVAL,
					  "%s=%.*s is no number: \"%.80s\"",
					  *keys, f.len, f.text, line);
	}
	return *p ? bad(file, error, line, "too many fields") : 0;
}

static bool block_ok(uint64_t size)
{
	return size >= 512 && !(size & (size - 1));
}

/* What the engine takes as given of limits in force. */
static int check_limits(struct oracle_file *file, const char *line,
			struct physbio_error *error)
{
	int err = check_keys(file, line, limit_keys, error);

	if (err)
		return err;
	if (!block_ok(value_of(line, "lb")) || !block_ok(value_of(line, "pb")))
		return bad(file, error, line, "a block size that is none");
	if (!value_of(line, "mss") || value_of(line, "ms") > 0xffff ||
	    value_of(line, "mds") > 0xffff)
		return bad(file, error, line, "a segment limit that is none");
	if (value_of(line, "zwg") & (value_of(line, "zwg") - 1))
		return bad(file, error, line, "zwg is no power of two");
	return 0;
}

/* --- what a line may say --- */

static bool in_memory(const struct oracle_case *c, uint64_t page, uint64_t off,
		      uint64_t len)
{
	return page >= c->base && !(page & 0xfff) &&
	       page - c->base < ORACLE_MEM_SIZE &&
	       off + len <= ORACLE_MEM_SIZE - (page - c->base);
}

static bool vec_in_memory(const struct oracle_case *c, struct field f)
{
	uint64_t page = hex(cut(&f, '+')), off = hex(cut(&f, ':'));

	return in_memory(c, page, off, hex(f));
}

static bool addresses_ok(const struct oracle_case *c, const char *line)
{
	struct field f[3];
	const char *p;
	int n = fields_of(line, f, 3);

	if (*line == 'A' || *line == 'U')
		return in_memory(c, hex(f[0]), hex(f[1]), hex(f[2]));
	if (*line == 'P')
		return vec_in_memory(c, f[0]) && vec_in_memory(c, f[1]);
	if (*line != 'V' || n < 3)
		return true;
	for (p = f[2].text; p; p = strchr(p, ' ')) {
		p += *p == ' ';
		f[0].text = p;
		f[0].len = (int)strcspn(p, " ");
		if (!vec_in_memory(c, f[0]))
			return false;
	}
	return true;
}

static bool chars_ok(const char *line)
{
	struct field f[3];

	fields_of(line, f, 3);
	switch (*line) {
	case 'B':
	case 'O':
		return strchr("rwdezap", *f[0].text);
	case 'N':
		return strchr("dez", *f[0].text);
	case 'I':
		return strchr("scat", *f[0].text);
	case 'F':
		return hex(f[0]) < 2;
	default:
		return true;
	}
}

static int check_line(struct oracle_file *file, const char *line,
		      struct physbio_error *error)
{
	const char *shape = line_shape(*line);
	int err;

	if (*line == 'L')
		return check_limits(file, line, error);
	if (*line == 'R')
		return check_keys(file, line, raw_keys, error);
	if (!shape)
		return bad(file, error, line, "no such type of line");
	err = check_shape(file, line, shape, error);
	if (err)
		return err;
	if (!chars_ok(line))
		return bad(file, error, line, "an unknown operation or kind");
	if (!addresses_ok(&file->c, line))
		return bad(file, error, line, "an address outside of memory");
	return 0;
}

/* Which lines may stand after a line in a case, as far as reading it needs. */
static int check_order(struct oracle_file *file, const char *line, char last,
		       struct physbio_error *error)
{
	bool val = !strcmp(file->c.section, "VAL");

	if (last == 'C' && *line != (val ? 'R' : 'L'))
		return bad(file, error, line, "limits must come first");
	if ((*line == 'L' && last != (val ? 'R' : 'C')) ||
	    (*line == 'R' && !val) || (*line == 'e' && last != 'R'))
		return bad(file, error, line, "limits out of place");
	if (strchr("AU", *line) && !strchr("BAU", last))
		return bad(file, error, line, "no bio to add to");
	if (*line == 'V' && !strchr("BAU", last))
		return bad(file, error, line, "no bio that has vectors");
	if (*line == 'I' && !strchr("VI", last))
		return bad(file, error, line, "no table to move in");
	if (strchr("BAU", last) && !strchr("AUV", *line))
		return bad(file, error, line, "a bio without its table");
	return 0;
}

/* --- cases --- */

static int keep_line(struct oracle_case *c, const char *line)
{
	unsigned int room = c->room ? 2 * c->room : 64;
	char **more;

	if (c->nr == c->room) {
		more = realloc(c->lines, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->lines = more;
		c->room = room;
	}
	c->lines[c->nr] = strdup(line);
	return c->lines[c->nr++] ? 0 : -ENOMEM;
}

static void drop_lines(struct oracle_case *c)
{
	while (c->nr)
		free(c->lines[--c->nr]);
}

static const char *const sections[] = {
	"RW",  "VB",  "CHK", "BLK", "SEG", "DMA", "NOW", "UNP", "UNV", "CLN",
	"EE6", "MAP", "MRG", "MRV", "MRT", "MRD", "FLG", "RQM", "RQD", "PLG",
	"DSC", "ATM", "ATR", "ZON", "PT",  "ADV", "ADD", "PRM", "VAL", NULL
};

static int begin_case(struct oracle_file *file, const char *line,
		      struct physbio_error *error)
{
	struct oracle_case *c = &file->c;
	struct field f[4];
	int i;

	if (fields_of(line, f, 4) != 3 || !is_hex(f[0], 8) ||
	    !is_hex(f[2], 13) || (hex(f[2]) & ((UINT64_C(1) << 40) - 1)))
		return bad(file, error, line, "no number, section and base");
	for (i = 0; sections[i]; i++)
		if ((int)strlen(sections[i]) == f[1].len &&
		    !strncmp(sections[i], f[1].text, (size_t)f[1].len))
			break;
	if (!sections[i])
		return bad(file, error, line, "no such section");
	strcpy(c->section, sections[i]);
	c->base = hex(f[2]);
	c->first = lines_number(file->lines);
	return 0;
}

/* The rest of a case, whose C line was read. */
static int read_case(struct oracle_file *file, struct physbio_error *error)
{
	struct oracle_case *c = &file->c;
	char *line, last = 'C';
	int ret;

	while ((ret = lines_next(file->lines, &line, error)) > 0) {
		if (*line == '#')
			continue;
		ret = check_line(file, line, error);
		if (!ret)
			ret = check_order(file, line, last, error);
		if (!ret)
			ret = keep_line(c, line);
		if (ret)
			return ret;
		last = *line;
		if (last == 'E')
			return c->nr > 2 ?
				       0 :
				       bad(file, error, line, "an empty case");
	}
	return ret ? ret :
		     lines_fail(file->lines, error, -EINVAL,
				"the file ends within a case");
}

int oracle_next(struct oracle_file *file, struct oracle_case **c,
		struct physbio_error *error)
{
	char *line;
	int ret = lines_next(file->lines, &line, error);

	if (ret <= 0)
		return ret;
	if (file->done)
		return bad(file, error, line, "a line after the statistics");
	drop_lines(&file->c);
	*c = &file->c;
	ret = keep_line(&file->c, line);
	if (ret)
		return ret;
	switch (*line) {
	case '#':
		return 2;
	case 'Z':
		file->done = true;
		return 3;
	case 'C':
		ret = begin_case(file, line, error);
		if (!ret)
			ret = read_case(file, error);
		return ret ? ret : 1;
	default:
		return bad(file, error, line, "no case begins so");
	}
}

int oracle_fail(struct oracle_file *file, struct physbio_error *error,
		const char *what)
{
	return lines_fail(file->lines, error, -EINVAL, "%s", what);
}

int oracle_open(const char *path, struct oracle_file **file,
		struct physbio_error *error)
{
	struct oracle_file *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	err = lines_open(path, MAX_LINE, &f->lines, error);
	if (err) {
		free(f);
		return err;
	}
	*file = f;
	return 0;
}

void oracle_close(struct oracle_file *file)
{
	drop_lines(&file->c);
	free(file->c.lines);
	lines_close(file->lines);
	free(file);
}
