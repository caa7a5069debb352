/* verify_blocks.h -- the machine that is left after memory blocks went off or came online.
 *
 * Called by verify_steps.c.
 */
#ifndef NB_READ_VERIFY_BLOCKS_H
#define NB_READ_VERIFY_BLOCKS_H

#include "read/verify_priv.h"

/* Boots what the blocks of steps/STEP/memory_blocks.txt leave of the boot map, with the managed
 * pages of that step's zoneinfo. While no block differs from the first step's, it is the machine as
 * booted, whose reserves were computed again. 0; negative errno (noted in *v) when the files do not
 * allow it. Source: mm/memory_hotplug.c, online_pages() and offline_pages(); facts 12.4. */
int nb_verify_boot_blocks(struct nb_verify *v, const char *step, struct nb_system **ret_sys);

/* Does a block of steps/ change its state at all? */
bool nb_verify_blocks_change(struct nb_verify *v);

#endif
