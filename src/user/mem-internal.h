/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the memory map answers to the rest of src/user.
 */
#ifndef PHYSBIO_USER_MEM_INTERNAL_H
#define PHYSBIO_USER_MEM_INTERNAL_H

#include <physbio/page.h>

/* The page of an address in the map that exists; NULL if there is none. */
struct pb_page *physbio_the_mem_page(pb_phys_addr_t paddr);

/* One pin on the folio of a page. 0, or -EOVERFLOW if it has too many. */
int physbio_page_pin(struct pb_page *page);

#endif
