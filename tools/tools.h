/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The subcommands of physbio. Exit code 0: done and right; 1: it ran, and something
 * was wrong; 2: it could not run as it was told.
 */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

int replay_main(int argc, char **argv);
int topo_main(int argc, char **argv);

#endif
