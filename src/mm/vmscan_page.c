/* vmscan_page.c -- what becomes of a page that reclaim has in its hands.
 *
 * Called by vmscan_list.c and mglru.c with chains of isolated pages, and for MADV_PAGEOUT. The
 * order of questions is the kernel's: may it go at all, is it being written, was it used, does it
 * need a place in swap, who maps it, is it dirty, does anybody else hold it. Nothing dirty is ever
 * dropped: a file's dirty page is left to write-back, an anonymous one is written to its slot.
 * Large pages are kept whole: they are activated where the kernel would split them.
 * Source: mm/vmscan.c: shrink_folio_list(), folio_check_references(),
 * folio_check_dirty_writeback(), pageout(), __remove_mapping(); facts 7.3.
 */
#include "mm/filemap.h"
#include "mm/huge_memory.h"
#include "mm/address_space.h"
#include "mm/event.h"
#include "mm/file_event.h"
#include "mm/kswapd.h"
#include "mm/memcg.h"
#include "mm/rmap.h"
#include "mm/swap_area.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define RECLAIM_PAGES_EVENT_SINCE 6013u

enum fate { FREED, KEEP, ACTIVATE, GO_ON };
enum references { REF_RECLAIM, REF_RECLAIM_CLEAN, REF_KEEP, REF_ACTIVATE };

struct job {
	struct nb_pgdat *p;
	struct nb_scan_control *sc;
	struct nb_reclaim_stat *st;
	struct nb_zone *z;
	struct nb_page *page;
	uint64_t n;
	bool file; /* on a list of file pages */
	bool ignore_references, clean_only;
};

static bool has(const struct job *j, uint32_t flags)
{
	return nb_page_flags(j->page) & flags;
}

static bool mapped(const struct job *j)
{
	return nb_page_mapcount(j->page) != 0;
}

static void change(const struct job *j, uint32_t set, uint32_t clear)
{
	nb_page_change_flags(j->sc->sys, j->page, set, clear);
}

/* What a second look at accessed bits says. */
static enum references check_references(const struct job *j)
{
	unsigned vm_flags = 0;
	int ptes = 0;
	bool referenced;

	if (mapped(j))
		ptes = nb_page_referenced(j->sc->sys, j->z, j->page, nb_scan_holder(j->sc),
					  &vm_flags);
	if (vm_flags & NB_VM_LOCKED)
		return REF_ACTIVATE;
	if (ptes < 0)
		return REF_KEEP;
	referenced = has(j, PG_REFERENCED);
	if (referenced)
		change(j, 0, PG_REFERENCED);
	if (ptes) {
		change(j, PG_REFERENCED, 0);
		if (referenced || ptes > 1)
			return REF_ACTIVATE;
		if (vm_flags >> 24 & NB_PROT_EXEC && j->file)
			return REF_ACTIVATE;
		return REF_KEEP;
	}
	if (referenced && j->file)
		return REF_RECLAIM_CLEAN;
	return REF_RECLAIM;
}

/* Dirty pages that flushers see to, and those on their way to the disk. Anonymous ones are
 * reclaim's own business. */
static enum fate look_at_writeback(const struct job *j)
{
	bool dirty = j->file && !has(j, PG_ANON) && has(j, PG_DIRTY);
	bool writeback = j->file && !has(j, PG_ANON) && has(j, PG_WRITEBACK);

	if (dirty || writeback)
		j->st->nr_dirty += j->n;
	if (dirty && !writeback)
		j->st->nr_unqueued_dirty += j->n;
	if (writeback && has(j, PG_RECLAIM))
		j->st->nr_congested += j->n;
	if (!has(j, PG_WRITEBACK))
		return GO_ON;
	if (j->sc->kswapd && has(j, PG_RECLAIM) && nb_kswapd_saw(j->p, NB_PGDAT_WRITEBACK)) {
		j->st->nr_immediate += j->n;
		return ACTIVATE;
	}
	change(j, PG_RECLAIM, 0);
	j->st->nr_writeback += j->n;
	return ACTIVATE;
}

static enum fate look_at_references(struct job *j)
{
	if (j->ignore_references)
		return GO_ON;
	switch (check_references(j)) {
	case REF_ACTIVATE:
		return ACTIVATE;
	case REF_KEEP:
		j->st->nr_ref_keep += j->n;
		return KEEP;
	case REF_RECLAIM_CLEAN:
		j->clean_only = true;
		return GO_ON;
	case REF_RECLAIM:
	default:
		return GO_ON;
	}
}

/* Anonymous memory needs a slot before anything else. */
static enum fate look_for_slot(struct job *j)
{
	if (!has(j, PG_ANON) || !has(j, PG_SWAPBACKED) || has(j, PG_SWAPCACHE))
		return GO_ON;
	if (!(j->sc->gfp & NB_GFP_BIT_IO))
		return KEEP;
	/* a huge page goes in pieces; the others wait on their list again */
	if (j->n > 1 &&
	    nb_thp_split_page(j->sc->sys, j->z, j->page, nb_scan_holder(j->sc), j->sc->cpu))
		return ACTIVATE;
	j->n = 1;
	if (!nb_swap_add(j->sc->sys, j->z, j->page, j->sc->cpu))
		return ACTIVATE;
	return GO_ON;
}

struct dup {
	struct nb_system *sys;
	nb_swp_t entry;
};

static void dup_entry(void *arg)
{
	struct dup *d = arg;

	nb_swap_dup(d->sys, d->entry);
}

static int see_dirty(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf, unsigned i)
{
	(void)arg, (void)v, (void)addr;
	return leaf->entry[i] & NB_PTE_DIRTY ? 1 : 0;
}

/* Takes all mappings away. */
static enum fate unmap(const struct job *j)
{
	struct dup d = {.sys = j->sc->sys};
	uint64_t pte = 0;
	bool gone;

	if (!mapped(j))
		return GO_ON;
	if (has(j, PG_SWAPCACHE)) {
		d.entry = nb_page_swap(d.sys, j->z, j->page);
		pte = nb_pte_swap(d.entry);
	} else if (has(j, PG_ANON) && nb_rmap_walk(d.sys, j->z, j->page, nb_scan_holder(j->sc),
						   see_dirty, NULL) != 0) {
		/* given up by MADV_FREE, and written to again since: it is wanted */
		change(j, PG_SWAPBACKED, 0);
		j->st->nr_lazyfree_fail += j->n;
		return ACTIVATE;
	}
	gone = nb_try_to_unmap(d.sys, j->z, j->page, nb_scan_holder(j->sc), pte, false,
			       pte ? dup_entry : NULL, &d);
	if (gone)
		return GO_ON;
	j->st->nr_unmap_fail += j->n;
	return ACTIVATE;
}

/* A task sleeps while the devices take no more; kswapd is a machine of steps and goes on later. */
static void wait_for_devices(const struct nb_scan_control *sc)
{
	uint64_t until_ns = sc->kswapd ? 0 : nb_swap_device_busy_until(sc->sys);

	if (until_ns) {
		nb_wait_until(sc->sys, sc->task, NB_WAIT_IO, until_ns);
		nb_swap_poll(sc->sys, false);
	}
}

/* Writes a page of memory to its slot. */
static enum fate page_out(const struct job *j)
{
	struct nb_system *sys = j->sc->sys;
	uint64_t pfn = nb_zone_page_pfn(j->z, j->page);

	if (!sys->port->relax)
		wait_for_devices(j->sc);
	/* the cache's reference and ours: anybody else would see it change under him */
	if (nb_page_refcount(j->page) != 2)
		return KEEP;
	change(j, PG_RECLAIM, 0);
	if (nb_swap_writepage(sys, j->z, j->page, j->sc->cpu)) {
		change(j, 0, PG_RECLAIM);
		return ACTIVATE;
	}
	if (nb_event_wanted(sys, NB_EV_MM_VMSCAN_WRITE_FOLIO))
		nb_emit(sys, NB_EV_MM_VMSCAN_WRITE_FOLIO, j->sc->cpu, j->sc->task, pfn,
			0x9u); /* RECLAIM_WB_ANON, _ASYNC */
	nb_stat_add(sys, &j->p->lruvec->vmscan_write, (int64_t)j->n);
	j->st->nr_pageout += j->n;
	if (has(j, PG_WRITEBACK | PG_DIRTY))
		return KEEP; /* comes to the tail when it is written */
	change(j, 0, PG_RECLAIM);
	return GO_ON;
}

static enum fate look_at_dirt(const struct job *j)
{
	if (!has(j, PG_DIRTY))
		return GO_ON;
	if (j->file && !has(j, PG_ANON)) {
		/* flushers write files; comes to the tail afterwards */
		nb_stat_add(j->sc->sys, &j->p->lruvec->vmscan_immediate, (int64_t)j->n);
		change(j, PG_RECLAIM, 0);
		return ACTIVATE;
	}
	if (j->clean_only)
		return KEEP;
	if (!(j->sc->gfp & (NB_GFP_BIT_FS | NB_GFP_BIT_IO)) || !j->sc->may_writepage)
		return KEEP;
	/* shared memory gets its slot here; it is written next, out of the swap cache */
	if (!has(j, PG_ANON) && !has(j, PG_SWAPCACHE) &&
	    !nb_shmem_swap_out(j->sc->sys, j->z, j->page, j->sc->cpu))
		return ACTIVATE;
	return page_out(j);
}

/* Takes the page from its cache, if nobody but us holds it. */
static bool remove_mapping(const struct job *j)
{
	struct nb_system *sys = j->sc->sys;
	struct nb_address_space *as;

	if (has(j, PG_SWAPCACHE))
		return nb_swap_cache_remove_if_unused(
			sys, j->z, j->page,
			nb_workingset_eviction(sys, j->z, j->page, j->sc->target));
	if (has(j, PG_ANON)) {
		/* given up by MADV_FREE: nothing is lost */
		if (has(j, PG_SWAPBACKED | PG_DIRTY) || nb_page_refcount(j->page) != 1)
			return false;
		nb_count_vm_events(sys, j->sc->cpu, NB_VM_PGLAZYFREED, j->n);
		nb_memcg_count(nb_page_memcg(j->z, j->page), NB_MEMCG_PGLAZYFREED, j->n);
		return true;
	}
	as = nb_page_as(sys, j->page);
	if (!as)
		return false;
	/* memory files: a page that was never written to, which comes back as zeroes */
	if (!nb_as_remove_if_unused(
		    as, j->z, j->page, 1,
		    j->file ? nb_workingset_eviction(sys, j->z, j->page, j->sc->target) : 0))
		return false;
	nb_event_cached(as, NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE, j->z, j->page,
			nb_page_index(j->page), j->sc->cpu, j->sc->task);
	nb_put_page(sys, j->z, j->page, j->sc->cpu); /* the cache's */
	return true;
}

static enum fate decide(struct job *j)
{
	enum fate f;

	j->sc->nr_scanned += j->n;
	if (has(j, PG_MLOCKED))
		return ACTIVATE;
	if (!j->sc->may_unmap && mapped(j))
		return KEEP;
	f = look_at_writeback(j);
	if (f == GO_ON)
		f = look_at_references(j);
	if (f == GO_ON)
		f = look_for_slot(j);
	if (f == GO_ON)
		f = unmap(j);
	if (f == GO_ON)
		f = look_at_dirt(j);
	if (f != GO_ON)
		return f;
	return remove_mapping(j) ? FREED : KEEP;
}

/* Stays, as one in use. A cached page whose slot is dear gives it up. */
static void activate(const struct job *j)
{
	struct nb_system *sys = j->sc->sys;

	if (has(j, PG_SWAPCACHE) && (nb_swap_full(sys) || has(j, PG_MLOCKED)))
		(void)nb_swap_free_cached(sys, j->z, j->page, j->sc->cpu);
	if (has(j, PG_MLOCKED))
		return;
	change(j, PG_ACTIVE, 0);
	j->st->nr_activate[j->file] += j->n;
	nb_count_vm_events(sys, j->sc->cpu, NB_VM_PGACTIVATE, j->n);
	nb_memcg_count(nb_page_memcg(j->z, j->page), NB_MEMCG_PGACTIVATE, j->n);
}

uint64_t nb_shrink_pages(struct nb_pgdat *p, struct nb_scan_control *sc, struct nb_page_chain *c,
			 bool ignore_references, struct nb_reclaim_stat *st)
{
	struct nb_page_chain kept = {0, 0};
	uint64_t reclaimed = 0;
	struct nb_page *page;

	while ((page = nb_chain_take(p->mem_map, c))) {
		struct job j = {.p = p,
				.sc = sc,
				.st = st,
				.z = nb_page_zone(p, page),
				.page = page,
				.n = nb_lru_page_nr(page),
				.file = nb_page_is_file_lru(page),
				.ignore_references = ignore_references};
		enum fate f;

		page->next = page->prev = 0;
		if (sc->sys->port->relax && !j.file) /* who has it locked does not wait */
			wait_for_devices(sc);
		if (!nb_page_trylock(sc->sys, page)) { /* it is being mapped, moved or cut off */
			nb_chain_add(p->mem_map, &kept, page);
			continue;
		}
		f = decide(&j);
		if (f == ACTIVATE)
			activate(&j);
		nb_page_unlock(sc->sys, page);
		if (f == FREED) {
			reclaimed += j.n;
			nb_page_change_flags(sc->sys, page, 0, PG_ACTIVE);
			nb_put_page(sc->sys, j.z, page, sc->cpu);
			continue;
		}
		/* the last to hold it may have let go while it was here */
		if (nb_page_refcount(page) == 1) {
			nb_put_page(sc->sys, j.z, page, sc->cpu);
			continue;
		}
		nb_chain_add(p->mem_map, &kept, page);
	}
	*c = kept;
	return reclaimed;
}

uint64_t nb_reclaim_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	struct nb_scan_control sc = {.sys = sys,
				     .cpu = cpu,
				     .gfp = NB_GFP_KERNEL,
				     .reclaim_idx = NB_MAX_NR_ZONES - 1,
				     .may_writepage = true,
				     .may_unmap = true,
				     .may_swap = true};
	struct nb_page_chain c = {0, 0};
	struct nb_reclaim_stat st = {0};
	uint64_t n;

	nb_lru_forget(sys, z, page);
	nb_page_change_flags(sys, page, 0, PG_ACTIVE);
	nb_chain_add(z->mem_map, &c, page);
	n = nb_shrink_pages(z->pgdat, &sc, &c, true, &st);
	nb_putback_chain(z->pgdat, &c, cpu);
	if (sys->profile->version >= RECLAIM_PAGES_EVENT_SINCE &&
	    nb_event_wanted(sys, NB_EV_MM_VMSCAN_RECLAIM_PAGES))
		nb_emit(sys, NB_EV_MM_VMSCAN_RECLAIM_PAGES, cpu, NULL, (uint64_t)z->pgdat->nid,
			sc.nr_scanned, n, st.nr_dirty, st.nr_writeback, st.nr_congested,
			st.nr_immediate, st.nr_activate[0], st.nr_activate[1], st.nr_ref_keep,
			st.nr_unmap_fail);
	return n;
}
