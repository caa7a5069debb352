/* locks.c -- how much is done under the locks of a node: sums of what buddy.h and lru.c count.
 *
 * Called by drivers through include/numabox/locks.h. Counts are kept under the locks that they
 * are about and read without.
 */
#include <numabox/locks.h>

#include "mm/lru.h"

int nb_lock_work(const struct nb_system *sys, int nid, struct nb_lock_work *ret_work)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);

	*ret_work = (struct nb_lock_work){.lru_batch = 1};
	if (!p)
		return -NB_ENODEV;
	if (p->lruvec)
		ret_work->lru_moves = atomic_load_explicit(&p->lruvec->moved, memory_order_relaxed);
	if (sys->reclaim && sys->reclaim->batch_size)
		ret_work->lru_batch = sys->reclaim->batch_size;
	for (unsigned i = 0; i < NB_MAX_NR_ZONES; i++)
		ret_work->zone_taken +=
			atomic_load_explicit(&p->zone[i].lock_taken, memory_order_relaxed);
	return 0;
}
