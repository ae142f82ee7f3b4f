// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See resolvers.h. The build renames the table to the name of its memory model. */
#include "resolvers.h"

#define STRING(x) #x
#define NAME_OF(x) STRING(x)
#define MEMBER(prefix, member) .member = prefix##member,

extern const struct resolver resolver;

const struct resolver resolver = { .name = NAME_OF(PB_MEMMODEL),
				   .id = PHYSBIO_THE_MEMMODEL,
				   RESOLVER_FUNCTIONS(MEMBER) };
