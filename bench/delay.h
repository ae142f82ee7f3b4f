/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A memory model whose lookup takes as long as one likes: VMEMMAP, and a chain of
 * instructions before it that nothing overlaps with. Included before everything else.
 */
#ifndef BENCH_DELAY_H
#define BENCH_DELAY_H

#define PB_MEMMODEL delay
#define PHYSBIO_MEMMODEL_delay PHYSBIO_MEMMODEL_vmemmap
#define physbio_delay_page_to_pfn physbio_vmemmap_page_to_pfn
#define physbio_delay_pfn_valid physbio_vmemmap_pfn_valid
#define physbio_delay_page_run physbio_vmemmap_page_run

struct pb_page;

struct pb_page *physbio_delay_pfn_to_page(unsigned long pfn);

#endif
