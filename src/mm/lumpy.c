/* lumpy.c -- lumpy reclaim: how 2.6.23 to 2.6.37 made large blocks before there was compaction.
 *
 * Called by vmscan_list.c for each page that it takes off a list, lruvec locked. For a request of
 * an order the other pages of that page's block are taken as well, so that what is freed together
 * lies together; for orders above PAGE_ALLOC_COSTLY_ORDER active pages too, and use does not save
 * them. Pages of the other kind (anonymous, file) stay, as each kind has lists of its own here.
 * Source: mm/vmscan.c of 2.6.24, isolate_lru_pages(), shrink_inactive_list(); facts 7.10.
 */
#include "mm/rmap.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define LUMPY_SINCE 2623u
#define LATE_SINCE 2633u /* small orders only once it has become hard */
#define LUMPY_BEFORE 2638u

bool nb_lumpy_applies(const struct nb_scan_control *sc)
{
	unsigned version = sc->sys->profile->version;

	if (version < LUMPY_SINCE || version >= LUMPY_BEFORE || !sc->order)
		return false;
	return version < LATE_SINCE || sc->order > NB_COSTLY_ORDER ||
	       sc->priority < NB_DEF_PRIORITY - 2;
}

bool nb_lumpy_ignores_use(const struct nb_scan_control *sc)
{
	return nb_lumpy_applies(sc) && sc->order > NB_COSTLY_ORDER;
}

/* May this page of the block go, too? */
static bool fits(const struct nb_scan_control *sc, const struct nb_page *page, bool file)
{
	uint32_t f = nb_page_flags(page);

	if (!(f & PG_LRU) || f & (PG_LRU_BATCH | PG_UNEVICTABLE) || nb_flags_order(f))
		return false;
	if (nb_page_is_file_lru(page) != file || (!sc->may_unmap && nb_page_mapcount(page)))
		return false;
	return sc->order > NB_COSTLY_ORDER || !(f & PG_ACTIVE);
}

uint64_t nb_lumpy_take_block(struct nb_pgdat *p, struct nb_scan_control *sc, struct nb_zone *z,
			     const struct nb_page *tag, struct nb_page_chain *chain)
{
	nb_pfn_t at = nb_zone_page_pfn(z, tag), n = UINT64_C(1) << sc->order;
	bool file = nb_page_is_file_lru(tag);
	uint64_t taken = 0, active = 0;

	for (nb_pfn_t pfn = at & ~(n - 1), end = pfn + n; pfn < end; pfn++) {
		struct nb_zone *other = NULL;
		struct nb_page *page = nb_pfn_to_page(sc->sys, pfn, &other);

		if (!page)
			break; /* a hole: this block will never be whole */
		if (page == tag || other != z ||
		    !nb_map_is_committed(p, nb_page_dense(p->mem_map, page)) ||
		    !fits(sc, page, file) || nb_page_lruvec(z, page) != nb_scan_lruvec(p, sc) ||
		    !nb_page_tryget(sc->sys, page))
			continue;
		active += (nb_page_flags(page) & PG_ACTIVE) != 0;
		nb_lruvec_del(nb_scan_lruvec(p, sc), z, page);
		nb_page_change_flags(sc->sys, page, 0, PG_LRU | PG_ACTIVE);
		nb_chain_add(p->mem_map, chain, page);
		taken++;
	}
	nb_count_vm_events(sc->sys, sc->cpu, NB_VM_PGDEACTIVATE, active);
	return taken;
}
