/* numabox/reclaim.h -- memory under pressure: the reclaim daemons, shrinkers, what stands on lists.
 *
 * Callers: the simulator, embedders, views.
 * Time:    the engine has none of its own. A driver calls nb_kswapd_start() once and then
 *          nb_kswapd_step() whenever a node's daemon is due; without a driver reclaim happens in
 * the requests themselves (direct reclaim), and kswapd is taken to find nothing to do. Units:
 * pages. Errors: the kernel's errno, negated. Source:  mm/vmscan.c, mm/shrinker.c; facts 7.
 * Threads: nb_kswapd_step() of a node on one thread at a time, beside all that tasks and other
 *          daemons do; it only tries their locks. nb_lru_info() at any time. The others change the
 *          system: alone. docs/threads.md, examples/threads.c.
 */
#ifndef NUMABOX_RECLAIM_H
#define NUMABOX_RECLAIM_H

#include <numabox/system.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the daemons of all nodes with memory, asleep. `woken` is told whenever one becomes due at
 * once (in the middle of an engine call: it must only take note). 0 or -NB_ENOMEM. */
int nb_kswapd_start(struct nb_system *sys, void (*woken)(void *ctx, int nid), void *ctx);

/* Runs a bounded piece of a node's daemon at the system's time. *ret_next_ns gets when it wants to
 * go on: the system's time itself for "at once, as soon as others had their turn", a later one for
 * a nap, UINT64_MAX for "when it is woken". *ret_scanned pages were looked at (for the cost of it).
 * May be called early. -NB_ENODEV: the node has no daemon. */
int nb_kswapd_step(struct nb_system *sys, int nid, uint64_t *ret_next_ns, uint64_t *ret_scanned);

/* Pages that tasks have looked at so far in reclaim of their own: a driver lets time pass over what
 * is new since it last asked, when a task waits with NB_WAIT_RECLAIM. */
uint64_t nb_direct_reclaim_pages(const struct nb_system *sys);

/* Pages of a zone on the lists of reclaim. With the multi-generation lists "active" are the two
 * youngest generations. */
struct nb_lru_info {
	uint64_t inactive_anon, active_anon, inactive_file, active_file, unevictable;
	uint64_t isolated_anon, isolated_file;        /* of the whole node */
	uint64_t refault[2], activate[2], restore[2]; /* workingset_*, of the node: anon, file */
	/* workingset_nodes, _nodereclaim: nodes of files' trees that hold only shadows, and how
	 * many of them were dropped; of the node */
	uint64_t shadow_nodes, shadow_nodes_dropped;
	uint64_t vmscan_write, vmscan_immediate; /* nr_vmscan_*, of the node */
	uint64_t swapcached_pages;               /* of the zone, in the swap cache */
	unsigned kswapd_failures;                /* 16: the node is called unreclaimable */
	bool kswapd_awake;
};
/* -NB_ENODEV, -NB_EINVAL as nb_zone_info(). */
int nb_lru_info(const struct nb_system *sys, int nid, enum nb_zone_type type,
		struct nb_lru_info *ret_info);

/* /sys/kernel/mm/lru_gen/enabled: are the lists of reclaim generations? */
bool nb_lru_gen_enabled(const struct nb_system *sys);
/* Writes it. Switching moves all pages over; kernels without multi-generation lists (before 6.1)
 * refuse with -NB_EOPNOTSUPP. */
int nb_lru_gen_set_enabled(struct nb_system *sys, bool on);
/* Writes lru_gen/min_ttl_ms: younger generations are not evicted; 0: any may be. */
void nb_lru_gen_set_min_ttl_ms(struct nb_system *sys, uint64_t ms);

struct nb_task;

/* Frees `pages` on demand, as a write to memory.reclaim does, on behalf of a task: from all nodes
 * in its CPU's order, or from one (nid; NB_NO_NODE: all). *ret_pages gets how many were freed. 0;
 * -NB_EAGAIN: no more could be; -NB_EINVAL: no such node; -NB_ESRCH. */
int nb_proactive_reclaim(struct nb_task *t, int nid, uint64_t pages, uint64_t *ret_pages);

/* A cache of objects that can be given back under pressure. */
#define NB_SHRINK_STOP UINT64_MAX
struct nb_shrinker_ops {
	void *ctx;
	/* Objects of the node that could be freed; 0: none now. */
	uint64_t (*count_objects)(void *ctx, int nid);
	/* Looks at `nr` of them; how many were freed, or NB_SHRINK_STOP. Must not call the engine
	 * but for nb_free_pages(). */
	uint64_t (*scan_objects)(void *ctx, int nid, uint64_t nr);
	unsigned seeks;            /* cost of making one again; 2 is usual, 0 is nothing */
	unsigned batch;            /* objects a call; 0: 128 */
	unsigned objects_per_page; /* to tell pages from objects; 0: they hold none */
};
struct nb_shrinker;
/* *ops is copied. 0; -NB_EINVAL a callback is missing; -NB_ENOMEM. */
int nb_shrinker_register(struct nb_system *sys, const struct nb_shrinker_ops *ops,
			 struct nb_shrinker **ret_shrinker);
/* Not from inside its own callbacks. */
void nb_shrinker_unregister(struct nb_system *sys, struct nb_shrinker *shrinker);

#ifdef __cplusplus
}
#endif
#endif
