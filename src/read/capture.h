/* capture.h -- a captured machine: its files, what they say, and the machine built from them.
 *
 * Callers: read/machine.c (forms host, DIR, archive), cli (show --observed, verify, sim), tests.
 * Use:     nb_capture_open() or nb_capture_host(); nb_capture_to_machine() on an empty machine,
 *          then nb_machine_seal(); after boot nb_capture_apply_observed() for `sim`.
 * Memory:  the capture owns all that it gives out, until nb_capture_free(). The machine copies.
 * Rule:    what Linux computes from the hardware is never taken from what it printed when the
 *          hardware itself is told. Sources of memory, best first (the notes say which it was):
 *            1. firmware map (dmesg e820, derived/firmware_memmap.tsv, sys/firmware/memmap) and
 *               affinity (acpi SRAT, dmesg SRAT lines)
 *            2. device tree memory nodes (arm64, no ACPI)
 *            3. "Early memory node ranges" of dmesg (debugfs memblock)
 *            4. System RAM of proc/iomem, node by memory block
 *            5. zone spans of proc/zoneinfo
 *            6. MemTotal of each node, laid out one after the other from address 0
 *          A recorder's qemu_args come in before all of them, but only if none is there.
 * Missing files are no error; what is there and cannot be right is.
 */
#ifndef NB_READ_CAPTURE_H
#define NB_READ_CAPTURE_H

#include "read/tree.h"
#include <numabox/machine.h>
#include <numabox/system.h>

struct nb_capture;

/* A directory or an archive. Errors as nb_tree_open(), and -NB_EINVAL with file and line for
 * contents that cannot be what they claim (a binary zoneinfo). */
int nb_capture_open(const char *path, struct nb_capture **ret_capture, struct nb_error *err);
/* The live machine. */
int nb_capture_host(struct nb_capture **ret_capture, struct nb_error *err);
/* Takes over `tree` (also on failure). */
int nb_capture_from_tree(struct nb_tree *tree, struct nb_capture **ret_capture,
			 struct nb_error *err);
void nb_capture_free(struct nb_capture *c);

/* The files themselves. */
struct nb_tree *nb_capture_tree(struct nb_capture *c);

/* Fills an empty machine with everything the capture tells; does not seal it. `fresh`: observed
 * run-time sysctls are left out. 0; -NB_EINVAL with *err; -NB_ENOMEM. */
int nb_capture_to_machine(struct nb_capture *c, struct nb_machine *m, bool fresh,
			  struct nb_error *err);

/* Does proc/zoneinfo show reserves of the default vm.lowmem_reserve_ratio? On a live machine the
 * setting itself is not read while this holds: reading it makes the kernel compute its reserves
 * anew. Source: mm/page_alloc.c, lowmem_reserve_ratio_sysctl_handler(). */
bool nb_capture_ratio_is_default(struct nb_tree *t);

/* Where each part of the machine is known from, one sentence each ("memory: firmware map of dmesg,
 * affinity of acpi/SRAT"), after nb_capture_to_machine(); NULL past the end. */
const char *nb_capture_note(const struct nb_capture *c, size_t i);

struct nb_observed;
/* Parses what the capture holds of Linux's own reports into *obs, an empty one (view/observed.h):
 * proc/zoneinfo and its kin, every node's files, the boot log. A report that is not there is left
 * out; one that cannot be read is an error. The caller releases *obs, also on failure. */
int nb_capture_observed(struct nb_capture *c, struct nb_observed *obs, struct nb_error *err);

/* Sets every zone of a booted system to what proc/zoneinfo, proc/pagetypeinfo and proc/buddyinfo
 * say: free blocks by order and type, marks with boost, reserves, numa counters. `sys` must have
 * been booted from this capture's machine. Zones that the capture lacks stay as booted; a zone
 * whose counts cannot be set is left as booted and noted (nb_capture_note()). -NB_ENOENT when the
 * capture has no free counts at all. */
int nb_capture_apply_observed(struct nb_capture *c, struct nb_system *sys, struct nb_error *err);

#endif
