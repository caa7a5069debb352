/* numabox/replica.h -- a copy on every node of what is only read.
 *
 * Callers: the simulator, embedders. Linux has patches for this (2.6 era) and never took them; it
 * is an option of the machine, off by default. A task that reads a page of a file which lies on
 * another node gets a copy on its own; the first writer ends all copies of a page. Memory:  copies
 * are pages of the page cache: reclaim takes them like others, one by one. Source:  "read-only
 * pagecache replication" RFCs of 2007; facts 12.1; the paper of 2004, 3.3.
 */
#ifndef NUMABOX_REPLICA_H
#define NUMABOX_REPLICA_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	NB_REPLICATE_CACHE = 1 << 0,  /* pages of files that are read, or mapped and not written */
	NB_REPLICATE_TEXT = 1 << 1,   /* those of mappings that are executed */
	NB_REPLICATE_KERNEL = 1 << 2, /* the kernel's own text */
};

/* What is to be copied from now on (0: nothing any more; copies that are there stay until they are
 * written to or reclaimed). Boot takes "replicate=cache,text,kernel" of the command line.
 * kernel_bytes: the kernel's text, for NB_REPLICATE_KERNEL: each node with memory but the first
 * gets as much of its own, and gives it back when the option goes.
 * 0, -NB_EINVAL, -NB_ENOMEM: no memory on some node, nothing is changed. */
int nb_set_replication(struct nb_system *sys, unsigned what, uint64_t kernel_bytes);

struct nb_replication_info {
	unsigned what;
	uint64_t pages;           /* copies now, beyond the first of each page */
	uint64_t kernel_pages;    /* of the kernel's text, on all nodes together */
	uint64_t made, collapsed; /* copies ever; of these ended by a writer */
	uint64_t reclaimed;       /* ... taken by reclaim or invalidation */
	uint64_t failed;          /* no room on the reader's node: the remote page served */
	uint64_t reads, faults;   /* pages read, entries made, from a copy instead of remotely */
};
/* What is replicated (NB_REPLICATE_*) and what it has cost and saved so far. */
void nb_replication_info(const struct nb_system *sys, struct nb_replication_info *ret_info);
/* Copies that lie on a node. */
uint64_t nb_node_replicas(const struct nb_system *sys, int nid);

#ifdef __cplusplus
}
#endif
#endif
