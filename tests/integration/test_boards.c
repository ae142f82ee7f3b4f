// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the I/O of all pairs of a board ends, see pairs.h, whatever its host bridges do.
 * Then the same with bus addresses that the submitter made, as the RFC has it, and what
 * becomes of that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/tools.h"
#include "pairs.h"

static const struct forwarding forwardings[] = {
	{ "listed", PHYSBIO_P2P_LISTED, false, true },
	{ "off", PHYSBIO_P2P_UNLISTED, false, false },
	{ "for its own devices", PHYSBIO_P2P_LISTED_SAME, false, true },
	{ "by the CPU", PHYSBIO_P2P_UNLISTED, true, true },
};

#define NR_FORWARDINGS (sizeof(forwardings) / sizeof(forwardings[0]))
#define NR_IN_TABLE 2 /* the others end as the first one does, or in part */

struct result {
	struct counts phys[NR_FORWARDINGS], dma[NR_FORWARDINGS];
	unsigned long wrong;
};

static void progress(const char *what, const char *more)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s%s%s", what, *more ? ", " : "",
			more);
}

static int run_forwarding(struct board *b, unsigned int f, struct result *res)
{
	struct physbio_error error = { 0 };
	const struct forwarding *fw = &forwardings[f];
	int err = board_boot(b, fw, &error);

	progress(b->name, fw->name);
	if (!err)
		err = board_run(b, fw, &phys_physbio_repr, &res->phys[f],
				&res->wrong);
	if (!err && f < NR_IN_TABLE)
		err = board_run(b, fw, &dma_physbio_repr, &res->dma[f],
				&res->wrong);
	board_shut_down(b);
	if (err)
		fprintf(stderr, "%s: can't be set up: %s\n", b->name,
			*error.message ? error.message : strerror(-err));
	return err;
}

static void print_head(void)
{
	printf("| board | host bridges | devices | P2P through them | I/Os "
	       "| right | refused | no address | own BAR "
	       "| RFC: right | corrupted | faulted |\n"
	       "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
}

static void print_rows(const struct board *b, const struct result *res)
{
	unsigned int f;

	for (f = 0; f < NR_IN_TABLE; f++) {
		const struct counts *p = &res->phys[f], *d = &res->dma[f];

		printf("| %s | %d | %d | %s | %lu | %lu | %lu | %lu | %lu | %lu | %lu | %lu |\n",
		       b->name, board_count_nodes(b->t, PHYSBIO_HOST_BRIDGE),
		       board_count_nodes(b->t, PHYSBIO_ENDPOINT),
		       forwardings[f].name, counts_sum(p), p->n[RIGHT],
		       p->n[REFUSED], p->n[FAILED] - p->own, p->own,
		       d->n[RIGHT], d->n[CORRUPT] + d->n[BROKEN], d->n[FAILED]);
	}
}

/* The file's name without folder and suffix. */
static void name_board(struct board *b, const char *path, char *name,
		       size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, size, "%s", slash ? slash + 1 : path);
	name[strcspn(name, ".")] = '\0';
	b->name = name;
}

static int run_board(struct board *b, struct result *res)
{
	struct physbio_error error = { 0 };
	unsigned int f;
	int err = board_populate(b, &error);

	if (err) {
		fprintf(stderr,
			"%s: no devices, or no RAM that they reach: %s\n",
			b->name,
			*error.message ? error.message : strerror(-err));
		return err;
	}
	for (f = 0; f < NR_FORWARDINGS && !err; f++)
		err = run_forwarding(b, f, res);
	return err;
}

/* 0: all as it must be; 1: not; 2: no such board. */
static int do_board(const char *path, struct result *res)
{
	struct board b = { .t = load_topology("test_boards", path) };
	char name[64];
	int err;

	if (!b.t)
		return 2;
	name_board(&b, path, name, sizeof(name));
	memset(res, 0, sizeof(*res));
	err = run_board(&b, res);
	progress("", "");
	if (!err)
		print_rows(&b, res);
	physbio_topology_destroy(b.t);
	return err ? 2 : res->wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct result res;
	int i, ret = 0;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		fprintf(argc < 2 ? stderr : stdout,
			"usage: test_boards FILE...\n"
			"  FILE  a topology, text or device tree; host bridges that have nothing\n"
			"        below them get devices\n"
			"A table of how the I/O of all pairs ended; 1: some not as it must.\n");
		return argc < 2 ? 2 : 0;
	}
	print_head();
	for (i = 1; i < argc; i++) {
		int one = do_board(argv[i], &res);

		ret = one > ret ? one : ret;
	}
	return ret;
}
