/* hugetlb_migrate.c -- huge pages of a pool move to other nodes.
 *
 * Called by mbind.c, move_pages.c and migrate_pages.c. The target is a free page of the pool that
 * nobody has reserved; where there is none, a temporary page from the machine, which takes the old
 * one's place in the pool while the old one goes back to the machine.
 * Source: mm/migrate.c, unmap_and_move_huge_page(); mm/hugetlb.c: alloc_hugetlb_folio_nodemask(),
 * alloc_migrate_hugetlb_folio(), move_hugetlb_state().
 */
#include "mm/hugetlb.h"

#include "mm/pt_huge.h"

struct move {
	const struct nb_page *from;
	uint64_t pgoff;
	nb_pfn_t to;
	unsigned order, moved;
};

static int move_entry(void *arg, struct nb_vma *v)
{
	const uint64_t bits = (UINT64_C(1) << NB_PTE_SHIFT) - 1;
	struct move *m = arg;
	uint64_t addr = nb_vma_address(v, m->pgoff);
	struct nb_pt_spot spot;
	struct nb_zone *z = NULL;
	uint64_t pte;

	if (addr == UINT64_MAX || !nb_pt_spot(v->mm, addr, m->order, &spot))
		return 0;
	pte = nb_pt_spot_get(&spot);
	if (!(pte & NB_PTE_PRESENT) || nb_pfn_to_page(v->mm->sys, nb_pte_pfn(pte), &z) != m->from)
		return 0;
	nb_pt_spot_set(&spot, nb_pte_make(m->to, (unsigned)(pte & bits)));
	m->moved++;
	return 0;
}

/* A page to move to, in use with one reference; *ret_temporary: not of the pool. */
static struct nb_page *find_target(struct nb_system *sys, struct nb_hstate *h, struct nb_task *task,
				   int nid, const struct nb_nodemask *mask, bool any,
				   struct nb_zone **ret_zone, bool *ret_temporary)
{
	nb_gfp_t gfp = nb_hstate_gfp(sys, h) | (any ? 0u : NB_GFP_BIT_THISNODE);
	struct nb_hugetlb *s = sys->hugetlb;
	struct nb_page *page = NULL;

	nb_lock(&s->lock, sys->port);
	if (h->free > h->resv)
		page = nb_hstate_dequeue(sys, h, task, nid, mask, !any, ret_zone);
	nb_unlock(&s->lock, sys->port);
	*ret_temporary = !page;
	if (page || h->gigantic)
		return page;
	page = nb_hstate_alloc_buddy(sys, h, gfp | NB_GFP_BIT_RETRY_MAYFAIL, nid, mask,
				     nb_huge_cpu(sys, task), task, ret_zone);
	if (!page)
		return NULL;
	nb_lock(&s->lock, sys->port);
	h->nr++;
	h->nr_node[(*ret_zone)->pgdat->index]++;
	nb_unlock(&s->lock, sys->port);
	return page;
}

/* A temporary page has become one of the pool instead of `from`; surplus stays with the node that
 * has the page. */
static void swap_state(struct nb_system *sys, struct nb_hstate *h, const struct nb_zone *fromz,
		       const struct nb_zone *toz)
{
	unsigned from = fromz->pgdat->index, to = toz->pgdat->index;

	nb_lock(&sys->hugetlb->lock, sys->port);
	if (from != to && h->surplus_node[from]) {
		h->surplus_node[from]--;
		h->surplus_node[to]++;
	}
	h->nr--;
	h->nr_node[from]--;
	nb_unlock(&sys->hugetlb->lock, sys->port);
}

int nb_hugetlb_migrate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		       struct nb_task *task, int nid, const struct nb_nodemask *mask, bool any)
{
	struct nb_hstate *h = nb_page_hstate(sys, page);
	struct nb_rmap *r = nb_rmap_object(sys, page->mapping);
	struct move m = {.from = page, .pgoff = page->index, .order = h->order};
	int cpu = nb_huge_cpu(sys, task);
	struct nb_zone *toz = NULL;
	struct nb_page *to;
	bool temporary;

	if (!r || page->refcount != 1 + (uint32_t)page->mapcount + !r->anon)
		return -NB_EBUSY;
	to = find_target(sys, h, task, nid, mask, any, &toz, &temporary);
	if (!to)
		return -NB_ENOMEM;
	m.to = nb_zone_page_pfn(toz, to);
	nb_lock(&r->lock, sys->port);
	(void)nb_rmap_tree_walk(r, m.pgoff, m.pgoff, move_entry, &m);
	if (!r->anon)
		(void)nb_radix_replace(&((struct nb_address_space *)r)->pages, m.pgoff >> h->order,
				       nb_radix_page(m.to));
	nb_unlock(&r->lock, sys->port);
	nb_page_set_flags(to, to->flags | (page->flags & (PG_ANON | PG_DIRTY)));
	to->mapping = page->mapping;
	to->index = page->index;
	to->mapcount = (int32_t)m.moved;
	to->refcount = m.moved + !r->anon;
	page->mapcount -= (int32_t)m.moved;
	page->refcount = 0;
	if (temporary) {
		swap_state(sys, h, z, toz);
		nb_hstate_free_buddy(sys, h, z, page, cpu);
		return 0;
	}
	nb_lock(&sys->hugetlb->lock, sys->port);
	/* Counts of surplus are a node's: where the old page's node has some, it is one. */
	bool surplus = h->surplus_node[z->pgdat->index] != 0;

	if (surplus)
		nb_hstate_remove(h, z, true);
	else
		nb_hstate_enqueue(h, z, page);
	nb_unlock(&sys->hugetlb->lock, sys->port);
	if (surplus)
		nb_hstate_free_buddy(sys, h, z, page, cpu);
	return 0;
}
