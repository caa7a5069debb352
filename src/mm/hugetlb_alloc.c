/* hugetlb_alloc.c -- a huge page for a mapping: from its reservation, the pool, or as surplus.
 *
 * Called by hugetlb_fault.c and hugetlb_file.c. A reserved page is sure to be in the pool, but not
 * on the nodes that a policy allows: reservations are global. Without a reservation only pages that
 * nobody has reserved can be taken. The walk over nodes is that of a page request: the zonelist of
 * the node that the policy names, filtered by its mask and the cpuset.
 * Units: huge pages. Source: mm/hugetlb.c: alloc_hugetlb_folio(), dequeue_hugetlb_folio_vma(),
 * vma_has_reserves(), alloc_buddy_hugetlb_folio_with_mpol(); mm/mempolicy.c, huge_node().
 */
#include "mm/hugetlb.h"

#include "mm/page_alloc.h"

/* The map that says of this request what is reserved; NULL: nothing ever is. */
static struct nb_resv_map *map_of(const struct nb_huge_request *rq)
{
	if (!rq->v || rq->v->shared)
		return &nb_huge_file(rq->file)->resv;
	return rq->v->resv;
}

/* 1: this offset has no reservation to use. */
static int needs_reservation(const struct nb_huge_request *rq)
{
	const struct nb_resv_map *map = map_of(rq);
	bool missing;

	if (!map)
		return 1;
	missing = nb_region_missing(map, rq->index, rq->index + 1) != 0;
	/* private: what is in the map was used up */
	return !rq->v || rq->v->shared ? missing : !missing;
}

/* Source: vma_has_reserves(). */
static bool has_reserves(const struct nb_huge_request *rq, int64_t change)
{
	const struct nb_vma *v = rq->v;

	if (v && v->flags & NB_VM_NORESERVE)
		return v->shared && change == 0;
	if (!v || v->shared || v->resv)
		return change == 0;
	return false;
}

/* Where the page should come from. Source: huge_node(). */
static bool target(const struct nb_huge_request *rq, const struct nb_hstate *h, int *ret_nid,
		   const struct nb_nodemask **ret_mask)
{
	const struct nb_vma *v = rq->v;
	struct nb_task *t = rq->task;
	const struct nb_mempolicy *pol = v && v->policy ? v->policy : t->policy;

	nb_mpol_target(t, pol, nb_hstate_gfp(t->sys, h), rq->index, ret_nid, ret_mask);
	return pol && pol->mode == NB_MPOL_PREFERRED_MANY;
}

struct nb_page *nb_hstate_dequeue(struct nb_system *sys, struct nb_hstate *h,
				  const struct nb_task *task, int nid,
				  const struct nb_nodemask *mask, bool exact,
				  struct nb_zone **ret_zone)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	enum nb_zone_type highest = (enum nb_zone_type)sys->gfp_zone[nb_hstate_gfp(sys, h) & 0xf];
	const struct nb_zoneref *ref;
	int last = NB_NO_NODE;

	if (!p)
		return NULL;
	ref = exact ? p->zonelist_nofallback : p->zonelist;
	for (ref = nb_next_zoneref(ref, highest, mask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, highest, mask)) {
		struct nb_page *page;

		if (ref->nid == last || (task && task->flags & NB_PF_CPUSET &&
					 !nb_nodemask_test(&task->mems_allowed, ref->nid)))
			continue;
		last = ref->nid;
		page = nb_hstate_dequeue_node(sys, h, ref->zone->pgdat->index, ret_zone);
		if (page)
			return page;
	}
	return NULL;
}

/* Out of the pool. Under the lock. */
static struct nb_page *dequeue(struct nb_huge_request *rq, struct nb_hstate *h, int64_t change)
{
	struct nb_system *sys = rq->task->sys;
	const struct nb_nodemask *mask;
	bool spare = h->free > h->resv, many;
	struct nb_page *page = NULL;
	int nid;

	if (!spare && (rq->cow_from_owner || !has_reserves(rq, change)))
		return NULL;
	many = target(rq, h, &nid, &mask);
	if (many) {
		page = nb_hstate_dequeue(sys, h, rq->task, nid, mask, false, &rq->zone);
		mask = NULL;
	}
	if (!page)
		page = nb_hstate_dequeue(sys, h, rq->task, nid, mask, false, &rq->zone);
	return page;
}

/* A surplus page. Without the lock. */
static struct nb_page *surplus(struct nb_huge_request *rq, struct nb_hstate *h)
{
	struct nb_system *sys = rq->task->sys;
	nb_gfp_t gfp = nb_hstate_gfp(sys, h);
	const struct nb_nodemask *mask;
	struct nb_page *page = NULL;
	int nid;

	if (target(rq, h, &nid, &mask)) {
		page = nb_hstate_alloc_surplus(sys, h, gfp & ~(nb_gfp_t)NB_GFP_BIT_DIRECT_RECLAIM,
					       nid, mask, rq->task, &rq->zone);
		mask = NULL;
	}
	return page ? page : nb_hstate_alloc_surplus(sys, h, gfp, nid, mask, rq->task, &rq->zone);
}

/* The offset's reservation is used now. */
static bool commit(const struct nb_huge_request *rq)
{
	struct nb_resv_map *map = map_of(rq);

	return !map || nb_region_add(rq->task->sys->hugetlb, map, rq->index, rq->index + 1) >= 0;
}

struct nb_page *nb_huge_alloc(struct nb_huge_request *rq)
{
	struct nb_system *sys = rq->task->sys;
	struct nb_hugetlb *s = sys->hugetlb;
	struct nb_huge_file *f = nb_huge_file(rq->file);
	struct nb_page *page = NULL;
	int64_t change;
	bool needs, counted;

	nb_lock(&s->lock, sys->port);
	needs = needs_reservation(rq);
	change = needs;
	counted = needs || rq->cow_from_owner;
	if (counted) {
		change = nb_subpool_get(f->subpool, 1);
		if (change >= 0 && rq->cow_from_owner)
			change = 1;
	}
	if (change >= 0)
		page = dequeue(rq, f->h, change);
	if (!page && change >= 0) {
		nb_unlock(&s->lock, sys->port);
		page = surplus(rq, f->h);
		nb_lock(&s->lock, sys->port);
	}
	rq->restore = page && !rq->cow_from_owner && has_reserves(rq, change);
	if (rq->restore)
		f->h->resv--;
	if (page && !commit(rq)) {
		nb_unlock(&s->lock, sys->port);
		nb_hstate_free_page(sys, rq->zone, page, f->subpool, rq->restore, rq->task->cpu);
		return NULL;
	}
	if (!page && change >= 0 && counted)
		(void)nb_subpool_put(f->subpool, 1);
	nb_unlock(&s->lock, sys->port);
	return page;
}

void nb_huge_put(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		 struct nb_subpool *sp, int cpu)
{
	uint32_t left = sys->port->relax ? __atomic_sub_fetch(&page->refcount, 1, __ATOMIC_ACQ_REL)
					 : --page->refcount;

	if (left == 0)
		nb_hstate_free_page(sys, z, page, sp, false, cpu);
}
