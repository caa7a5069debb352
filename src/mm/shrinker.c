/* shrinker.c -- caches that are not pages of tasks: how much of each is given back.
 *
 * Called by every pass over a node. A shrinker is registered by whoever owns such a cache: the
 * embedder, workingset.c for its shadow entries. How many of its objects are asked for follows
 * from their number, the pass's priority and what each costs to make again; what was not worth
 * a batch is kept for the next time, per node.
 * Source: mm/shrinker.c: do_shrink_slab(), shrink_slab(); facts 7.6.
 */
#include <numabox/reclaim.h>

#include "mm/event.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define DEFAULT_BATCH 128u

struct nb_shrinker {
	struct nb_shrinker_ops ops;
	struct nb_shrinker *next;
	bool gone;
	uint64_t *deferred; /* [node position] */
};

int nb_shrinker_register(struct nb_system *sys, const struct nb_shrinker_ops *ops,
			 struct nb_shrinker **ret_shrinker)
{
	struct nb_shrinker *s = nb_system_alloc(sys, sizeof(*s)), **link;

	if (!ops->count_objects || !ops->scan_objects)
		return -NB_EINVAL;
	if (!s)
		return -NB_ENOMEM;
	s->ops = *ops;
	s->deferred = nb_system_alloc(sys, sys->nr_pgdat * sizeof(*s->deferred));
	if (!s->deferred)
		return -NB_ENOMEM;
	nb_lock(&sys->reclaim->lock, sys->port);
	link = &sys->reclaim->shrinkers;
	while (*link)
		link = &(*link)->next;
	*link = s;
	nb_unlock(&sys->reclaim->lock, sys->port);
	*ret_shrinker = s;
	return 0;
}

void nb_shrinker_unregister(struct nb_system *sys, struct nb_shrinker *shrinker)
{
	struct nb_shrinker **link;

	if (!shrinker || shrinker->gone)
		return;
	nb_lock(&sys->reclaim->lock, sys->port);
	link = &sys->reclaim->shrinkers;
	while (*link && *link != shrinker)
		link = &(*link)->next;
	if (*link)
		*link = shrinker->next;
	shrinker->gone = true;
	nb_unlock(&sys->reclaim->lock, sys->port);
}

/* How many objects this pass should look at, by the cache's size. */
static uint64_t wanted(const struct nb_shrinker *s, uint64_t freeable, int priority)
{
	if (!s->ops.seeks)
		return freeable / 2;
	return (freeable >> priority) * 4 / s->ops.seeks;
}

static uint64_t shrink_one(struct nb_system *sys, struct nb_shrinker *s, unsigned node, int nid,
			   int priority, nb_gfp_t gfp, int cpu)
{
	uint64_t batch = s->ops.batch ? s->ops.batch : DEFAULT_BATCH;
	uint64_t freeable = s->ops.count_objects(s->ops.ctx, nid), freed = 0, scanned = 0;
	uint64_t deferred, delta, total, next;

	if (!freeable)
		return 0;
	deferred = s->deferred[node];
	s->deferred[node] = 0;
	delta = wanted(s, freeable, priority);
	total = (deferred >> priority) + delta;
	if (total > 2 * freeable)
		total = 2 * freeable;
	if (nb_event_wanted(sys, NB_EV_MM_SHRINK_SLAB_START))
		nb_emit(sys, NB_EV_MM_SHRINK_SLAB_START, cpu, NULL, (uint64_t)nid, deferred, gfp,
			freeable, delta, total, (uint64_t)priority);
	while (total >= batch || total >= freeable) {
		uint64_t n = total < batch ? total : batch, got;

		got = s->ops.scan_objects(s->ops.ctx, nid, n);
		if (got == NB_SHRINK_STOP)
			break;
		freed += got;
		nb_count_vm_events(sys, cpu, NB_VM_SLABS_SCANNED, n);
		total -= n;
		scanned += n;
		if (!n)
			break;
	}
	next = deferred + delta > scanned ? deferred + delta - scanned : 0;
	if (next > 2 * freeable)
		next = 2 * freeable;
	s->deferred[node] += next;
	if (nb_event_wanted(sys, NB_EV_MM_SHRINK_SLAB_END))
		nb_emit(sys, NB_EV_MM_SHRINK_SLAB_END, cpu, NULL, (uint64_t)nid, deferred, next,
			freed, total);
	return freed;
}

uint64_t nb_shrink_slab(struct nb_system *sys, int nid, int priority, nb_gfp_t gfp, int cpu)
{
	uint64_t pages = 0;

	if (nb_likely(!sys->reclaim->shrinkers))
		return 0;
	if (!nb_trylock(&sys->reclaim->lock, sys->port))
		return 0;
	for (struct nb_shrinker *s = sys->reclaim->shrinkers; s; s = s->next) {
		uint64_t objects =
			shrink_one(sys, s, (unsigned)sys->node_index[nid], nid, priority, gfp, cpu);

		if (s->ops.objects_per_page)
			pages += objects / s->ops.objects_per_page;
	}
	nb_unlock(&sys->reclaim->lock, sys->port);
	return pages;
}
