/* numabox/locks.h -- how much is done under the locks of a node.
 *
 * Callers: drivers that tell what waiting for them costs (the engine itself has no time).
 */
#ifndef NUMABOX_LOCKS_H
#define NUMABOX_LOCKS_H

#include <numabox/system.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Since boot. */
struct nb_lock_work {
	uint64_t lru_moves;  /* pages put on or taken off the node's lists, under its LRU lock */
	uint64_t zone_taken; /* times that a lock of one of its zones was taken */
	unsigned lru_batch;  /* pages that one hold of the LRU lock usually serves: the kernel's
				batches */
};
/* Reads a node's; any thread, a moment old. -NB_ENODEV. */
int nb_lock_work(const struct nb_system *sys, int nid, struct nb_lock_work *ret_work);

#ifdef __cplusplus
}
#endif
#endif
