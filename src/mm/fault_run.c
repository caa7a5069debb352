/* fault_run.c -- private memory written first, many pages at once.
 *
 * Called by fault.c for an empty entry. A program that fills its memory faults page after page, and
 * as long as the CPU's page set has pages and no listener wants to hear of each, nothing can come
 * between one fault and the next: no reclaim, no other policy's turn, no kill. Then pages, lists,
 * entries and counters may be done kind by kind instead of page by page. What comes out must be
 * what fault.c would have left, to the last list (tests/property/fault_runs.c); whatever is
 * uncommon is left to it. Source: that of fault.c.
 */
#include "mm/event.h"
#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/mempolicy.h"
#include "mm/oom.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"

#define RUN_PAGES 64u

/* The one node that is asked for all pages, or NB_NO_NODE: each page has one of its own, or more
 * than one. */
static int one_node(const struct nb_task *t, const struct nb_vma *v)
{
	const struct nb_mempolicy *pol = v->policy ? v->policy : t->policy;

	if (!pol || pol->mode == NB_MPOL_LOCAL)
		return nb_task_local_node(t);
	return pol->mode == NB_MPOL_PREFERRED ? pol->node[0] : NB_NO_NODE;
}

/* Empty entries from i on. */
static unsigned empty_entries(const struct nb_ptable *leaf, unsigned i, unsigned max)
{
	unsigned n = 0;

	while (n < max && !leaf->entry[i + n])
		n++;
	return n;
}

/* The pages are this mapping's own: nb_fault_map_anon() for each. */
static void map(struct nb_task *t, struct nb_vma *v, uint64_t pgoff, struct nb_zone *z,
		struct nb_page *const *pages, unsigned n, struct nb_ptable *leaf, unsigned i)
{
	const unsigned bits =
		NB_PTE_PRESENT | NB_PTE_ACCESSED | NB_PTE_DIRTY | NB_PTE_EXCLUSIVE | NB_PTE_WRITE;

	for (unsigned k = 0; k < n; k++) {
		nb_rmap_name_anon(v, pgoff + k, pages[k]);
		leaf->entry[i + k] = nb_pte_make(nb_zone_page_pfn(z, pages[k]), bits);
	}
	leaf->nr += n;
	leaf->nr_pages += n;
	nb_stat_add(t->sys, &z->nr_anon, n);
	nb_mm_count_page(v->mm, z, PG_ANON, n);
	nb_lru_add_faults(t->sys, z, pages, n, t->cpu);
}

unsigned nb_fault_anon_run(struct nb_task *t, struct nb_vma *v, uint64_t addr,
			   struct nb_ptable *leaf, unsigned i, unsigned max)
{
	struct nb_system *sys = t->sys;
	struct nb_alloc_request rq = {.cpu = t->cpu, .task = t};
	struct nb_page *pages[RUN_PAGES];
	struct nb_zone *z;
	unsigned n;

	if (v->file || !(v->prot & NB_PROT_WRITE) || v->flags & NB_VM_LOCKED || !v->anon ||
	    t->memcg || nb_event_is_told(sys, NB_EV_PAGE_FAULT_USER) ||
	    nb_event_is_told(sys, NB_EV_MM_LRU_INSERTION) || nb_fatal_signal(t))
		return 0;
	rq.nid = one_node(t, v);
	if (rq.nid == NB_NO_NODE)
		return 0;
	rq.gfp = nb_fault_gfp(sys, NB_FAULT_GFP);
	max = empty_entries(leaf, i, max < RUN_PAGES ? max : RUN_PAGES);
	n = nb_alloc_pages_run(sys, &rq, max, pages, &z);
	if (!n)
		return 0;
	if (nb_event_wanted(sys, NB_EV_PAGE_FAULT_USER))
		nb_count_event(sys, NB_EV_PAGE_FAULT_USER, t->cpu, n);
	map(t, v, nb_vma_pgoff(v, addr), z, pages, n, leaf, i);
	return n;
}
