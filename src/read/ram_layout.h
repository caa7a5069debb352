/* ram_layout.h -- where memory lies when only its size is told.
 *
 * Called by the short form, machine files ("memory: 32G") and hwloc's forms. Memory is laid from
 * address 0 upwards, node after node, and goes on at 4 GiB where it meets the PCI hole. Without
 * other word the hole is QEMU's q35's: from 2 GiB when there are 2.75 GiB or more, from 2.75 GiB
 * (where nothing then reaches it) when there is less. There is no hole for the legacy video memory:
 * such a machine is ideal.
 */
#ifndef NB_READ_RAM_LAYOUT_H
#define NB_READ_RAM_LAYOUT_H

#include <numabox/machine.h>

#define NB_RAM_LAYOUT_4G (UINT64_C(1) << 32)
#define NB_RAM_LAYOUT_MAX (UINT64_C(1) << 52) /* as nb_machine_seal() */

struct nb_ram_layout {
	uint64_t next;       /* first byte not yet given out */
	uint64_t hole_start; /* the hole ends at 4 GiB; NB_RAM_LAYOUT_4G: no hole */
};

/* q35's hole for a machine of `total_bytes`. */
void nb_ram_layout_init(struct nb_ram_layout *l, uint64_t total_bytes);

/* A hole that the user asked for: 0 for none, else its first byte, below 4 GiB.
 * -NB_EINVAL with *err. */
int nb_ram_layout_set_hole(struct nb_ram_layout *l, uint64_t start, unsigned line,
			   struct nb_error *err);

/* Gives `bytes` to node `nid` as one or two ranges. -NB_EINVAL (not whole pages), -NB_ERANGE (past
 * 2^52), -NB_ENOMEM, with *err. */
int nb_ram_layout_place(struct nb_ram_layout *l, struct nb_machine *m, int nid, uint64_t bytes,
			unsigned flags, unsigned line, struct nb_error *err);

#endif
