/* memcg_reclaim.c -- reclaim goes over groups: whose lists are looked at, and what protects them.
 *
 * Called by vmscan.c and mglru.c for each pass over a node (nb_memcg_shrink()), by the charge that
 * met a limit and by writes to a group's files (nb_memcg_free_pages()). A pass for the whole system
 * goes over all groups, one for a group over it and those below. Since 6.11 a task that reclaims
 * stops once it has enough, and the next one goes on from there; kswapd always goes all the way.
 * memory.min is never reclaimed below, memory.low not as long as others have something; of what is
 * above, the more is taken the further above it is.
 * Source: mm/vmscan.c: shrink_node_memcgs(), try_to_free_mem_cgroup_pages(), get_scan_count();
 * mm/memcontrol.c: mem_cgroup_iter(); mm/page_counter.c: effective_protection().
 */
#include "mm/memcg.h"
#include "mm/swap.h"
#include "mm/vmscan.h"

#define PARTIAL_SINCE 6011u
#define RECURSIVE_SINCE 5007u /* memory_recursiveprot, as systemd mounts it */

int nb_memcg_swappiness(const struct nb_system *sys, const struct nb_memcg *cg)
{
	if (!cg || !cg->parent || !sys->memcg->v1)
		return (int)sys->tune.swappiness;
	return (int)cg->knob[NB_MEMCG_SWAPPINESS];
}

/* ---- protection ---- */

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What the children of a group claim and use of their protection, together. */
static uint64_t claimed(const struct nb_memcg *parent, enum nb_memcg_knob knob)
{
	uint64_t n = 0;

	for (const struct nb_memcg *c = parent->child; c; c = c->next)
		n += smaller(c->memory.usage, c->knob[knob]);
	return n;
}

/* a * b / c of numbers of pages; above 16 TiB to a few pages. */
static uint64_t share(uint64_t a, uint64_t b, uint64_t c)
{
	unsigned shift = 0;

	while ((a | b) >> shift >> 32)
		shift++;
	return ((a >> shift) * (b >> shift) / ((c >> shift) ? c >> shift : 1)) << shift;
}

/* Source: effective_protection(). */
static uint64_t effective(const struct nb_memcg *cg, enum nb_memcg_knob knob, uint64_t parent_has)
{
	uint64_t usage = cg->memory.usage, above = cg->parent->memory.usage;
	uint64_t protected = smaller(usage, cg->knob[knob]);
	uint64_t siblings = claimed(cg->parent, knob);

	parent_has = smaller(parent_has, above); /* more protects no more */
	if (siblings > parent_has)
		return share(protected, parent_has, siblings);
	if (cg->sys->profile->version < RECURSIVE_SINCE || parent_has <= siblings ||
	    above <= siblings || usage <= protected)
		return protected;
	return protected + share(parent_has - siblings, usage - protected, above - siblings);
}

void nb_memcg_protection(const struct nb_memcg *target, struct nb_memcg *cg)
{
	if (!target)
		target = cg->sys->memcg->root;
	if (cg == target || !cg->memory.usage)
		return;
	if (cg->parent == target) {
		cg->emin = cg->knob[NB_MEMCG_MIN];
		cg->elow = cg->knob[NB_MEMCG_LOW];
		return;
	}
	cg->emin = effective(cg, NB_MEMCG_MIN, cg->parent->emin);
	cg->elow = effective(cg, NB_MEMCG_LOW, cg->parent->elow);
}

/* May this pass look at the group? Source: mem_cgroup_below_min(), mem_cgroup_below_low(). */
static bool open_to(struct nb_scan_control *sc, struct nb_memcg *cg)
{
	nb_memcg_protection(sc->target, cg);
	if (!cg->parent || cg == sc->target || sc->sys->memcg->v1)
		return true;
	if (cg->emin >= cg->memory.usage)
		return false;
	if (cg->elow < cg->memory.usage)
		return true;
	if (!sc->low_reclaim) {
		sc->low_skipped = true;
		return false;
	}
	nb_memcg_event(cg, NB_MEMCG_EV_LOW);
	return true;
}

uint64_t nb_memcg_scan_size(struct nb_scan_control *sc, struct nb_memcg *cg, uint64_t size)
{
	uint64_t protected, usage, scan;

	if (!cg || !cg->parent || cg == sc->target || !(cg->emin || cg->elow))
		return size;
	protected = cg->emin;
	if (!sc->low_reclaim && cg->elow > cg->emin) {
		protected = cg->elow;
		sc->low_skipped = true;
	}
	usage = cg->memory.usage > protected ? cg->memory.usage : protected;
	scan = size - share(size, protected, usage + 1);
	return scan > NB_SWAP_CLUSTER_MAX ? scan : NB_SWAP_CLUSTER_MAX;
}

/* ---- a pass over a node ---- */

static struct nb_lruvec *lists_of(const struct nb_memcg *cg, const struct nb_pgdat *p)
{
	return cg->parent ? cg->lruvec[p->index] : p->lruvec;
}

void nb_memcg_shrink(struct nb_pgdat *p, struct nb_scan_control *sc,
		     bool (*shrink)(struct nb_pgdat *p, struct nb_scan_control *sc))
{
	struct nb_memcg *top = sc->target ? sc->target : sc->sys->memcg->root, *cg = NULL;
	bool partial = !sc->kswapd && !sc->full_walk && sc->sys->profile->version >= PARTIAL_SINCE;
	bool enough = false;

	sc->partial_walk |= partial;
	if (partial)
		cg = top->resume[p->index];
	cg = nb_memcg_walk(top, cg);
	if (!cg) /* the last walk ended with the last one: a new round */
		cg = top;
	while (cg && !enough) {
		if (open_to(sc, cg)) {
			sc->lruvec = lists_of(cg, p);
			enough = shrink(p, sc);
		}
		if (partial) {
			top->resume[p->index] = cg;
			enough |= sc->nr_reclaimed >= sc->nr_to_reclaim;
		}
		cg = nb_memcg_walk(top, cg);
		if (partial && !cg)
			top->resume[p->index] = NULL;
	}
	sc->lruvec = NULL;
}

uint64_t nb_lruvec_tree_size(const struct nb_pgdat *p, const struct nb_lruvec *v, enum nb_lru lru,
			     enum nb_zone_type highest)
{
	const struct nb_memcg_side *side = p->sys->memcg;
	const struct nb_memcg *top, *cg;
	uint64_t n = 0;

	if (nb_likely(!p->memcg_of))
		return nb_lruvec_size(v, lru, highest);
	top = v->memcg ? v->memcg : side->root;
	for (cg = top; cg; cg = nb_memcg_walk(top, cg))
		n += nb_lruvec_size(lists_of(cg, p), lru, highest);
	return n;
}

struct nb_lruvec *nb_next_lruvec(const struct nb_pgdat *p, const struct nb_lruvec *v)
{
	struct nb_memcg *cg;

	if (!v)
		return p->lruvec;
	if (nb_likely(!p->memcg_of))
		return NULL;
	cg = nb_memcg_walk(p->sys->memcg->root, v->memcg ? v->memcg : p->sys->memcg->root);
	return cg ? cg->lruvec[p->index] : NULL;
}

struct nb_lruvec *nb_target_lruvec(const struct nb_pgdat *p, const struct nb_memcg *target)
{
	return target ? lists_of(target, p) : p->lruvec;
}

/* ---- for a limit ---- */

uint64_t nb_memcg_free_pages(struct nb_memcg *cg, struct nb_task *t, int cpu, uint64_t nr,
			     nb_gfp_t gfp, bool may_swap)
{
	struct nb_system *sys = cg->sys;
	struct nb_pgdat *near = nb_node_data(sys, sys->cpu_to_node[cpu]);
	struct nb_alloc_context ac = {.gfp = gfp,
				      .gfp_full = gfp,
				      .cpu = cpu,
				      .task = t,
				      .zonelist = near->zonelist,
				      .highest_zoneidx = NB_MAX_NR_ZONES - 1};
	struct nb_scan_control sc = {.sys = sys,
				     .task = t,
				     .cpu = cpu,
				     .gfp = gfp,
				     .target = cg,
				     .reclaim_idx = NB_MAX_NR_ZONES - 1,
				     .nr_to_reclaim =
					     nr > NB_SWAP_CLUSTER_MAX ? nr : NB_SWAP_CLUSTER_MAX,
				     .priority = NB_DEF_PRIORITY,
				     .may_writepage = true,
				     .may_unmap = true,
				     .may_swap = may_swap};
	unsigned flags = t ? t->flags : 0;
	uint64_t n;

	if (t)
		t->flags |= NB_PF_MEMALLOC;
	n = nb_reclaim_rounds(&ac, &sc);
	if (t && !(flags & NB_PF_MEMALLOC))
		t->flags &= ~(unsigned)NB_PF_MEMALLOC;
	return n;
}

int nb_memcg_reclaim(struct nb_memcg *cg, uint64_t pages, int cpu, uint64_t *ret_pages)
{
	unsigned retries = 16;

	*ret_pages = 0;
	if (!nb_cpu_online(cg->sys, cpu) || !cg->online)
		return -NB_EINVAL;
	while (*ret_pages < pages) {
		uint64_t left = pages - *ret_pages, n;

		if (retries == 16 || !retries)
			nb_lru_add_drain_all(cg->sys);
		n = nb_memcg_free_pages(cg, NULL, cpu, left / 4, NB_GFP_KERNEL, true);
		if (!n && !retries--)
			return -NB_EAGAIN;
		*ret_pages += n;
	}
	return 0;
}
