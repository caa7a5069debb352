/* migrate.c -- see migrate.h.
 *
 * Mapped pages move by rmap (all entries at once, or none), cached ones by their address space's
 * tree. Nothing waits: where Linux would wait for write-back or for a lock, and then move the page,
 * it counts as one that could not be moved (docs/deviations.md).
 * Source: mm/migrate.c, folio_migrate_mapping(), folio_migrate_flags(), migrate_folio_done().
 */
#include "mm/migrate.h"

#include "base/mem.h"
#include "mm/address_space.h"
#include "mm/event.h"
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/pt_huge.h"
#include "mm/swap.h"
#include "mm/vmstat.h"

#define BATCHED_SINCE 6003u

static uint64_t pages_of(const struct nb_page *page)
{
	return UINT64_C(1) << nb_page_order(page);
}

int nb_migrate_isolate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page)
{
	if (nb_page_flags(page) & PG_HUGETLB) {
		nb_get_page(sys, page);
		return 0;
	}
	return nb_lru_isolate(sys, z, page) ? 0 : -NB_EBUSY;
}

void nb_migrate_putback(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (nb_page_flags(page) & PG_HUGETLB) /* those are on no list */
		nb_put_page(sys, z, page, cpu);
	else
		nb_lru_putback(sys, z, page, cpu);
}

/* Does nobody know of the page but its mappings, its cache (a file's, or that of swap) and the one
 * who moves it? */
static bool only_known_users(const struct nb_page *page, const struct nb_address_space *as)
{
	bool cached = as || nb_page_flags(page) & PG_SWAPCACHE;
	uint32_t known = 1 + (uint32_t)nb_migrate_mapcount(page) + cached;

	return nb_page_refcount(page) == known;
}

struct commit {
	struct nb_address_space *as;
	struct nb_migrate_item from, to;
};

/* No mapping reaches the page now: bytes and caches move. */
static int commit_move(void *arg)
{
	const struct commit *c = arg;
	struct nb_system *sys = c->from.zone->sys;

	if (c->as) /* somebody may have found it in the cache meanwhile */
		return nb_as_replace(c->as, c->from.zone, c->from.page, c->to.zone, c->to.page, 1);
	nb_copy_page_bytes(c->from.zone, c->from.page, c->to.zone, c->to.page);
	if (nb_page_flags(c->from.page) & PG_SWAPCACHE)
		nb_swap_cache_replace(sys, c->from.zone, c->from.page, c->to.zone, c->to.page);
	return 0;
}

/* With both pages locked. */
static int move_locked(struct nb_system *sys, struct commit *c, int holder)
{
	uint32_t flags = nb_page_flags(c->from.page);

	c->as = nb_page_as(sys, c->from.page);
	if (flags & PG_WRITEBACK || !only_known_users(c->from.page, c->as) ||
	    nb_rmap_move(sys, c->from.zone, c->from.page, c->to.zone, c->to.page, holder,
			 commit_move, c))
		return -NB_EAGAIN;
	nb_page_change_flags(sys, c->to.page, flags & PG_WORKINGSET, 0);
	nb_page_set_cpupid_bits(sys, c->to.page, nb_page_cpupid_bits(c->from.page));
	nb_memcg_migrate(c->from.zone, c->from.page, c->to.zone, c->to.page);
	return 0;
}

int nb_migrate_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		    struct nb_page *target, struct nb_zone *target_zone, int holder, int cpu)
{
	struct commit c = {.from = {z, page, 0}, .to = {target_zone, target, 0}};
	int err;

	if (!nb_page_trylock(sys, page))
		return -NB_EAGAIN;
	nb_page_lock(sys, target); /* nobody has it yet */
	err = move_locked(sys, &c, holder);
	nb_page_unlock(sys, target);
	nb_page_unlock(sys, page);
	if (err)
		return err;
	nb_lru_add(sys, target_zone, target, cpu);
	nb_lru_forget(sys, z, page);
	nb_put_page(sys, target_zone, target, cpu);
	nb_put_page(sys, z, page, cpu);
	return 0;
}

/* A page of a pool of huge pages. Source: unmap_and_move_huge_page(). */
static void move_hugetlb(struct nb_migration *m, const struct nb_migrate_item *it)
{
	uint64_t pages = UINT64_C(1) << nb_page_hstate(m->sys, it->page)->order;
	const struct nb_nodemask *mask = NULL;
	int nid = NB_NO_NODE;
	bool any = m->where && m->where(m->arg, it, &nid, &mask);

	if (m->where && !nb_hugetlb_migrate(m->sys, it->zone, it->page, m->task, nid, mask, any)) {
		m->succeeded += pages;
		return;
	}
	m->failed += pages;
	m->failed_entries++;
	nb_migrate_putback(m->sys, it->zone, it->page, m->cpu);
}

static void count_moved(struct nb_migration *m, uint64_t pages)
{
	m->succeeded += pages;
	m->thp_succeeded += pages > 1;
}

/* The page's last other user went while it was isolated: it just goes. */
static bool gone_meanwhile(struct nb_migration *m, const struct nb_migrate_item *it)
{
	if (nb_page_refcount(it->page) != 1)
		return false;
	count_moved(m, pages_of(it->page));
	nb_lru_forget(m->sys, it->zone, it->page);
	nb_put_page(m->sys, it->zone, it->page, m->cpu);
	return true;
}

static void count_failed(struct nb_migration *m, const struct nb_page *page)
{
	m->failed += pages_of(page);
	m->failed_entries++;
	m->thp_failed += pages_of(page) > 1;
}

/* The target is there: the page moves, or both go back. */
static void finish(struct nb_migration *m, const struct nb_migrate_item *it, nb_pfn_t pfn)
{
	struct nb_zone *tz = NULL;
	struct nb_page *target = nb_pfn_to_page(m->sys, pfn, &tz);
	uint64_t pages = pages_of(it->page);

	if (!nb_migrate_page(m->sys, it->zone, it->page, target, tz, m->daemon ? -1 : m->cpu,
			     m->cpu)) {
		count_moved(m, pages);
		return;
	}
	if (m->untarget)
		m->untarget(m->arg, pfn);
	else
		nb_put_page(m->sys, tz, target, m->cpu);
	count_failed(m, it->page);
	nb_migrate_putback(m->sys, it->zone, it->page, m->cpu);
}

static void putback_from(struct nb_migration *m, const struct nb_migrate_item *list, unsigned i,
			 unsigned n)
{
	for (; i < n; i++)
		nb_migrate_putback(m->sys, list[i].zone, list[i].page, m->cpu);
}

/* Target and move, page by page. */
static int one_by_one(struct nb_migration *m, const struct nb_migrate_item *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		nb_pfn_t pfn;

		if (gone_meanwhile(m, &list[i]))
			continue;
		pfn = m->target(m->arg, &list[i]);
		if (pfn == NB_NO_PFN) {
			count_failed(m, list[i].page);
			putback_from(m, list, i, n);
			return -NB_ENOMEM;
		}
		finish(m, &list[i], pfn);
	}
	return 0;
}

/* All targets, then all moves. What has none, and what comes behind it, is put back. */
static int batched(struct nb_migration *m, const struct nb_migrate_item *list, unsigned n)
{
	nb_pfn_t target[NB_MIGRATE_BATCH];
	unsigned have;
	int err = 0;

	for (have = 0; have < n; have++) {
		target[have] = NB_NO_PFN;
		if (gone_meanwhile(m, &list[have]))
			continue;
		target[have] = m->target(m->arg, &list[have]);
		if (target[have] == NB_NO_PFN) {
			count_failed(m, list[have].page);
			err = -NB_ENOMEM;
			break;
		}
	}
	for (unsigned i = 0; i < have; i++) {
		if (target[i] != NB_NO_PFN)
			finish(m, &list[i], target[i]);
	}
	putback_from(m, list, have, n);
	return err;
}

int nb_migrate_list(struct nb_migration *m, const struct nb_migrate_item *list, unsigned n)
{
	unsigned i = 0;
	int err = 0;

	if (n && !m->started && nb_event_wanted(m->sys, NB_EV_MM_MIGRATE_PAGES_START))
		nb_emit(m->sys, NB_EV_MM_MIGRATE_PAGES_START, m->cpu, m->task, m->mode, m->reason);
	m->started |= n != 0;
	while (i < n) {
		unsigned end = i;

		/* pages of pools go on their own; afterwards nothing tells that they were some */
		if (nb_page_flags(list[i].page) & PG_HUGETLB) {
			move_hugetlb(m, &list[i++]);
			continue;
		}
		while (end < n && !(nb_page_flags(list[end].page) & PG_HUGETLB))
			end++;
		if (err)
			putback_from(m, list, i, end);
		else
			err = m->sys->profile->version >= BATCHED_SINCE
				      ? batched(m, list + i, end - i)
				      : one_by_one(m, list + i, end - i);
		i = end;
	}
	return err;
}

void nb_migrate_end(struct nb_migration *m)
{
	if (m->succeeded)
		nb_count_vm_events(m->sys, m->cpu, NB_VM_PGMIGRATE_SUCCESS, m->succeeded);
	if (m->failed)
		nb_count_vm_events(m->sys, m->cpu, NB_VM_PGMIGRATE_FAIL, m->failed);
	if (nb_event_wanted(m->sys, NB_EV_MM_MIGRATE_PAGES))
		nb_emit(m->sys, NB_EV_MM_MIGRATE_PAGES, m->cpu, m->task, m->succeeded, m->failed,
			m->thp_succeeded, m->thp_failed, 0, 0, m->mode, m->reason);
}

nb_pfn_t nb_migrate_target_on_node(void *arg, const struct nb_migrate_item *from)
{
	const struct nb_migrate_to_node *to = arg;
	struct nb_alloc_request rq = {
		.gfp = to->gfp,
		.order = nb_page_order(from->page),
		.cpu = to->cpu,
		.nid = to->nid,
		.task = to->task,
	};

	if (rq.order)
		rq.gfp = (rq.gfp & ~(nb_gfp_t)NB_GFP_RECLAIM) | NB_GFP_TRANSHUGE;
	return nb_alloc_pages(to->sys, &rq);
}

bool nb_migrate_where_on_node(void *arg, const struct nb_migrate_item *from, int *ret_nid,
			      const struct nb_nodemask **ret_mask)
{
	const struct nb_migrate_to_node *to = arg;

	(void)from;
	*ret_nid = to->nid;
	*ret_mask = NULL;
	return !(to->gfp & NB_GFP_BIT_THISNODE);
}

bool nb_migrate_next(const struct nb_mm *mm, uint64_t *addr, uint64_t end,
		     struct nb_migrate_item *ret)
{
	uint64_t entry, bytes;

	while ((entry = nb_pt_next_entry(mm, addr, end, &bytes))) {
		nb_pfn_t pfn = nb_pte_pfn(entry);

		if (pfn != NB_NO_PFN && !(*addr & (bytes - 1))) {
			ret->page = nb_pfn_to_page(mm->sys, pfn, &ret->zone);
			/* of a run of entries only the first leads to the head */
			if ((nb_page_flags(ret->page) & (PG_ALLOCATED | PG_TAIL)) == PG_ALLOCATED)
				return true;
		}
		*addr = (*addr & ~(bytes - 1)) + bytes;
	}
	return false;
}
