/* balancing_fault.c -- a hint fault: who uses the page, and does it move to them?
 *
 * Called by fault.c for entries with NB_PTE_HINT; names and units as balancing.h. A page moves when
 * the policy in force wants it elsewhere, the last two accesses came from that node, and the target
 * node has room above its high marks; otherwise the entry just becomes usable again.
 * Source: mm/memory.c, do_numa_page(); mm/mempolicy.c, mpol_misplaced(); mm/migrate.c,
 * migrate_misplaced_folio_prepare(), migrate_balanced_pgdat(); facts 10.2.
 */
#include "mm/balancing.h"
#include "mm/mempolicy.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

/* Where the policy wants the page; NB_NO_NODE: it does not care. *ret_local: where the access comes
 * from, if the page's use says so too. Source: mpol_misplaced(), the switch over modes. */
static int wanted_node(const struct nb_task *t, const struct nb_vma *v, uint64_t addr, int page_nid,
		       bool *ret_local)
{
	const struct nb_mempolicy *pol = v->policy ? v->policy : t->policy;
	const struct nb_nodemask *mask;
	int here = nb_task_local_node(t), nid;

	*ret_local = false;
	if (!pol) {
		*ret_local = true;
		return here;
	}
	switch (pol->mode) {
	case NB_MPOL_INTERLEAVE:
	case NB_MPOL_WEIGHTED_INTERLEAVE:
		nb_mpol_target(t, pol, NB_GFP_HIGHUSER_MOVABLE, v->inode + nb_vma_pgoff(v, addr),
			       &nid, &mask);
		return nid;
	case NB_MPOL_PREFERRED:
		return nb_nodemask_test(&pol->nodes, (unsigned)page_nid) ? NB_NO_NODE
									 : pol->node[0];
	case NB_MPOL_BIND:
	case NB_MPOL_PREFERRED_MANY:
		/* with the balancing flag pages move among the policy's nodes, never out of them */
		*ret_local = true;
		return nb_nodemask_test(&pol->nodes, (unsigned)here) ? here : NB_NO_NODE;
	default:
		return here;
	}
}

/* The node where the page should be for this access, or NB_NO_NODE: it is well where it is.
 * Remembers the access in the page. Source: mpol_misplaced(). */
static int misplaced(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_page *page,
		     int page_nid)
{
	uint32_t last = nb_page_cpupid(page);
	bool local;
	int nid = wanted_node(t, v, addr, page_nid, &local);

	if (nid == NB_NO_NODE)
		return NB_NO_NODE;
	if (local) {
		nb_page_set_cpupid(t->sys, page, nb_cpupid_of(t->cpu, t->pid));
		if (!nb_numab_should_migrate(t, last, page_nid))
			return NB_NO_NODE;
	}
	return nid == page_nid ? NB_NO_NODE : nid;
}

/* Is there a zone that would stay above its high mark with the page? */
static bool has_room(const struct nb_pgdat *pgdat, unsigned pages)
{
	for (int type = NB_MAX_NR_ZONES - 1; type >= 0; type--) {
		const struct nb_zone *z = &pgdat->zone[type];

		if (!z->managed_pages)
			continue;
		if (nb_zone_watermark_ok(z, 0, nb_wmark_pages(z, NB_WMARK_HIGH) + pages,
					 NB_ZONE_MOVABLE, NB_ALLOC_CMA))
			return true;
	}
	return false;
}

/* Moves the page; *entry's page is another one afterwards. Source: migrate_misplaced_folio(). */
static bool move(struct nb_task *t, struct nb_zone *z, struct nb_page *page, int nid)
{
	const struct nb_pgdat *pgdat = nb_node_data(t->sys, nid);
	const nb_gfp_t gfp = (NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_THISNODE |
			      NB_GFP_BIT_NOMEMALLOC | NB_GFP_BIT_NORETRY | NB_GFP_BIT_NOWARN) &
			     ~(nb_gfp_t)(NB_GFP_BIT_DIRECT_RECLAIM | NB_GFP_BIT_KSWAPD_RECLAIM);
	struct nb_migrate_to_node to = {t->sys, t, t->cpu, nid, gfp};
	struct nb_migration m = {
		.sys = t->sys,
		.task = t,
		.cpu = t->cpu,
		.mode = NB_MIGRATE_ASYNC,
		.reason = NB_MR_NUMA_MISPLACED,
		.target = nb_migrate_target_on_node,
		.arg = &to,
	};
	const struct nb_migrate_item item = {.zone = z, .page = page};

	if (!pgdat || !has_room(pgdat, 1))
		return false;
	if (!(nb_page_flags(page) & PG_ANON) &&
	    (nb_page_flags(page) & PG_DIRTY || nb_page_mapcount(page) != 1))
		return false;
	if (nb_migrate_isolate(t->sys, z, page))
		return false;
	(void)nb_migrate_list(&m, &item, 1);
	nb_migrate_end(&m);
	return m.succeeded != 0;
}

static void remember_access(struct nb_task *t, const struct nb_vma *v)
{
	if (v->numab)
		v->numab->pids_active[1] |= nb_numab_pid_bit(t->pid);
}

void nb_numa_hint_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
			unsigned i, bool write)
{
	nb_pfn_t pfn = nb_pte_pfn(leaf->entry[i]);
	unsigned flags = write || leaf->entry[i] & NB_PTE_WRITE ? 0 : NB_TNF_NO_GROUP;
	struct nb_page *page;
	struct nb_zone *z = NULL;
	uint32_t last;
	int nid, target;

	leaf->entry[i] &= ~(uint64_t)NB_PTE_HINT;
	if (pfn == NB_NO_PFN)
		return;
	page = nb_pfn_to_page(t->sys, pfn, &z);
	nid = z->pgdat->nid;
	nb_count_vm_event(t->sys, t->cpu, NB_VM_NUMA_HINT_FAULTS);
	remember_access(t, v);
	if (nb_page_mapcount(page) > 1 && v->shared)
		flags |= NB_TNF_SHARED;
	if (nid == nb_task_local_node(t)) {
		nb_count_vm_event(t->sys, t->cpu, NB_VM_NUMA_HINT_FAULTS_LOCAL);
		flags |= NB_TNF_LOCAL;
	}
	last = nb_page_cpupid(page);
	target = misplaced(t, v, addr, page, nid);
	if (target != NB_NO_NODE) {
		if (move(t, z, page, target)) {
			nb_count_vm_event(t->sys, t->cpu, NB_VM_NUMA_PAGES_MIGRATED);
			nid = target;
			flags |= NB_TNF_MIGRATED;
		} else {
			flags |= NB_TNF_FAILED;
		}
	}
	nb_task_numa_fault(t, last, nid, 1, flags);
}
