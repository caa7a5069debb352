/* linear.h -- the linear map, and the bytes of a backed system.
 *
 * Called by boot, shutdown and the page allocator; see include/numabox/page_alloc.h for
 * nb_page_address() and its way back.
 */
#ifndef NB_MM_LINEAR_H
#define NB_MM_LINEAR_H

#include "mm/mmzone.h"

/* Gives the system its linear map, after the memory map; `backed`: with bytes. 0, or -NB_ENOMEM
 * with *err when the host has no such address space. */
int nb_boot_linear_map(struct nb_system *sys, bool backed, struct nb_error *err);
void nb_release_linear_map(struct nb_system *sys);

/* Makes the bytes of a block usable in a backed system, and zero where asked. false without host
 * memory. */
bool nb_back_block(struct nb_system *sys, nb_pfn_t pfn, unsigned order, bool zero);

#endif
