/* replica.h -- copies of a file's pages on the nodes that read them.
 *
 * Called by filemap.c (whoever only reads), file_write.c and mkwrite (collapse), truncate.c, and by
 * address_space.c when a page is to leave its cache. A copy has `mapping` and `index` of its page,
 * is clean, lies on another node, and holds one reference for the chain that it is in; the tree
 * holds the master alone. Lock: the file's.
 * Equation (nb_replica_check()): a page's copies lie on nodes that differ from each other and from
 * the master's; nr_repl of a zone == copies in it.
 */
#ifndef NB_MM_REPLICA_H
#define NB_MM_REPLICA_H

#include "mm/filemap.h"

#include <numabox/replica.h>

struct nb_replica {
	struct nb_replica *next;
	struct nb_zone *zone;
	struct nb_page *page;
};

struct nb_replication {
	unsigned what;
	uint64_t kernel_bytes;
	_Atomic uint64_t pages, made, collapsed, reclaimed, failed, reads, faults;
	struct nb_pool pool;
	nb_pfn_t *kernel; /* blocks of the kernel's text */
	unsigned nr_kernel, kernel_order;
};

/* What the command line asks for. */
void nb_replication_boot(struct nb_system *sys);
/* Made with the system's first file. NULL without memory. */
struct nb_replication *nb_replication_new(struct nb_system *sys);

/* Are copies wanted for a read() (v NULL) or a read fault of v? */
bool nb_replica_wanted(const struct nb_address_space *as, const struct nb_vma *v);
/* A copy of the page near the task, made where it may be; the caller's reference moves to it. The
 * page itself where there is none. */
struct nb_page *nb_replica_near(struct nb_task *t, struct nb_address_space *as, bool fault,
				struct nb_zone **zone, struct nb_page *page);
/* For fault-around: the copy that is there; the page itself where it lies near; else NULL, so that
 * a fault of its own makes the copy. The caller's reference moves, or goes. */
struct nb_page *nb_replica_mapped_near(const struct nb_task *t, struct nb_address_space *as,
				       struct nb_zone **zone, struct nb_page *page);
/* Somebody will write to the page at index (or it goes): all copies end, out of mappings too. */
void nb_replica_collapse(struct nb_address_space *as, uint64_t index, int cpu);
/* Of [first, last]. */
void nb_replica_collapse_range(struct nb_address_space *as, uint64_t first, uint64_t last, int cpu);

/* The task's node where it has a copy of the page, else NB_NO_NODE. */
int nb_replica_node(const struct nb_task *t, struct nb_address_space *as, uint64_t index);

/* Under the file's lock. Is the page a copy? Then it leaves its chain; the chain's reference
 * becomes the caller's. */
bool nb_replica_detach(struct nb_address_space *as, struct nb_page *page);
/* A copy that may take the master's place, out of its chain, with the chain's reference; NULL. */
struct nb_page *nb_replica_promote(struct nb_address_space *as, uint64_t index,
				   struct nb_zone **ret_zone);

/* 0, or -NB_EIO with *err. */
int nb_replica_check(const struct nb_address_space *as, struct nb_error *err);

#endif
