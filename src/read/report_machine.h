/* report_machine.h -- a machine rebuilt from a failure report, standing as the report found it.
 *
 * Called by report_explain.c. Zones get their sizes, marks, reserves and free blocks from the
 * report; their places in physical memory, which no report tells, follow from their types: DMA from
 * the first page, DMA32 below 4 GiB, Normal above, nodes one after the other. Every node has one
 * CPU. Memory: nb_rebuilt_release().
 */
#ifndef NB_READ_REPORT_MACHINE_H
#define NB_READ_REPORT_MACHINE_H

#include "read/report.h"
#include <numabox/system.h>

struct nb_rebuilt {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	unsigned approximate; /* zones whose free blocks could not be set as told */
};

/* What is changed before the replay; all zero: nothing. */
struct nb_report_change {
	int nid, type;         /* of the zone that gets more free memory; type -1: none */
	uint64_t single_pages; /* as free single pages */
	int block_order;       /* as one free block; -1: none */
	bool no_reserve;       /* lowmem_reserve counts as 0 */
	bool no_boost;
	bool no_highatomic; /* what is reserved for high-order atomic requests is not */
};

/* Boots it. `kernel` (a profile's key) may be NULL: the report's release, else 6.12. 0; -NB_EINVAL
 * with *err when the report has too little for a machine. */
int nb_report_rebuild(const struct nb_report *r, const char *kernel,
		      const struct nb_report_change *change, struct nb_rebuilt *ret,
		      struct nb_error *err);
void nb_rebuilt_release(struct nb_rebuilt *b);

/* The kernel's rules that fit the report, and the request's flags in the engine's bits. */
const struct nb_kernel_profile *nb_report_profile(const struct nb_report *r, const char *kernel);
nb_gfp_t nb_report_gfp(const struct nb_report *r, const struct nb_kernel_profile *p);

#endif
