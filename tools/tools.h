/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The subcommands of physbio. Exit code 0: done and right; 1: it ran, and something
 * was wrong; 2: it could not run as it was told.
 */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

#include <stdbool.h>
#include <stddef.h>

struct physbio_topology;

int replay_main(int argc, char **argv);
int topo_main(int argc, char **argv);
int p2p_main(int argc, char **argv);
int map_main(int argc, char **argv);

/* A whole file, to be freed; or NULL, and @who has said why. */
void *read_file(const char *who, const char *path, size_t *size);
bool is_dtb(const void *blob, size_t size);

/* A topology from text or a device tree; or NULL, and @who has said why. */
struct physbio_topology *load_topology(const char *who, const char *path);

/*
 * The topology of this machine, or of another one of which @root has sys/, proc/ and
 * lspci, the output of lspci -D -xxxx; or NULL, and @who has said why.
 */
struct physbio_topology *live_topology(const char *who, const char *root);

#endif
