/* contention.h -- what waiting for the memory manager's locks costs, in virtual time.
 *
 * Called by the driver after each piece of work of a task. Off until asked for: then each LRU lock
 * and each node's zone locks is a server that works off, one after the other, the holds that
 * arrive. Work that finds it busy waits until it is free, on the task's clock. The LRU lock may be
 * one for all nodes, as in Linux 2.4, or one a node.
 * Units: ns.
 */
#ifndef NB_SIM_CONTENTION_H
#define NB_SIM_CONTENTION_H

#include <numabox/types.h>

struct nb_sim;
struct nb_sim_task;

/* What a hold costs: taking the lock over from another CPU, and each page moved under it; a hold of
 * a zone's lock serves a batch of a page set. */
enum {
	NB_HOLD_LOCK_NS = 100,
	NB_HOLD_LRU_PAGE_NS = 20,
	NB_HOLD_ZONE_NS = 1000,
};

struct nb_sim_lock {
	uint64_t free_at_ns;
	uint64_t taken, held_ns, waited_ns;
	uint64_t seen; /* of the engine's count */
};

struct nb_contention {
	bool global;    /* one LRU lock for all nodes: lru[0] */
	unsigned batch; /* pages a hold of an LRU lock serves; 0: the kernel's batches */
	struct nb_sim_lock *lru, *zone; /* [node position] */
};

/* Switches it on, or over, from now on; all figures begin at 0. */
void nb_contention_start(struct nb_sim *s, bool global, unsigned batch);
void nb_contention_release(struct nb_sim *s);
/* The task's work since the last call took locks: it waits for those that are busy. */
void nb_contention_settle(struct nb_sim_task *t);
/* Work of daemons: the locks are busy by it, nobody's clock moves. */
void nb_contention_settle_daemons(struct nb_sim *s);

#endif
