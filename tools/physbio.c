// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The physbio command: finds the subcommand, and knows nothing else. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "tools.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} commands[] = {
	{ "replay", replay_main,
	  "carry the I/O of a log through the engine and verify it" },
	{ "topo", topo_main,
	  "print a machine: its bridges, windows and devices" },
	{ "p2p", p2p_main, "which devices reach each other's memory, and how" },
	{ "map", map_main,
	  "the bus addresses of a range for a device, and what they hit" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *to)
{
	size_t i;

	fprintf(to, "physbio %s\nusage: physbio COMMAND [OPTION...]\n",
		PHYSBIO_VERSION);
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].text);
	fprintf(to, "physbio COMMAND --help tells the options\n");
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && !strcmp(argv[1], "--help"))
		return usage(stdout);
	for (i = 0; argc > 1 && i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "physbio: \"%s\" is no command\n", argv[1]);
	return usage(stderr);
}
