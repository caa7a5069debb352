/* pcp.c -- per-CPU page sets: blocks that a CPU takes and gives back without the zone's lock.
 *
 * A set has a list per order 0..3 and migrate type, and two of pageblock order (movable, other).
 * Taking is from the head, giving to the head, refills go to the tail in the order obtained, and
 * blocks go back to the free lists from the tail. Two schemes decide how many: a fixed `high`
 * (to 6.6), and the auto-tuned one in which `high` floats between high_min and high_max (6.7 and
 * later). Pages in a set count as not free. Source: mm/page_alloc.c: rmqueue_bulk(),
 * nr_pcp_alloc(), nr_pcp_free(), nr_pcp_high(), free_pcppages_bulk(), free_unref_page_commit();
 * facts 5.5. How large a set may be is pcp_setup.c's, emptying sets pcp_drain.c's.
 */
#include "mm/pcp.h"

#include "mm/boot.h"
#include "mm/event.h"
#include "mm/vmstat.h"

/* Descriptors that are fetched ahead where pages follow each other. */
#define RUN_AHEAD 16

static unsigned list_order(const struct nb_system *sys, unsigned list)
{
	return list < NB_MIGRATE_PCPTYPES * NB_PCP_ORDERS ? list / NB_MIGRATE_PCPTYPES
							  : sys->pageblock_order;
}

struct nb_pcp *nb_zone_pcp_make(struct nb_zone *z, int cpu)
{
	struct nb_system *sys = z->sys;
	_Atomic(struct nb_pcp *) *sets;
	struct nb_pcp *pcp, *none = NULL;

	/* On cache lines of its own. */
	uintptr_t mem = (uintptr_t)nb_system_alloc(sys, sizeof(*pcp) + 128);

	if (!mem)
		return NULL;
	pcp = (struct nb_pcp *)((mem + 63) & ~(uintptr_t)63);
	nb_pcp_set_limits(z, pcp);
	/* The machine's cache sizes are not known; those of today's CPUs hold a batch. */
	pcp->flags = PCPF_FREE_HIGH_BATCH;
	pcp->local = sys->cpu_to_node[cpu] == z->pgdat->nid;
	pcp->threaded = sys->port->relax != NULL;
	pcp->auto_tuned = sys->profile->pcp_style == NB_PCP_AUTO;
	sets = atomic_load_explicit(&z->pageset, memory_order_acquire);
	if (!sets) {
		nb_lock(&z->lock, sys->port);
		sets = atomic_load_explicit(&z->pageset, memory_order_acquire);
		if (!sets) {
			sets = nb_system_alloc(sys, (size_t)sys->nr_cpu_ids * sizeof(*sets));
			atomic_store_explicit(&z->pageset, sets, memory_order_release);
		}
		nb_unlock(&z->lock, sys->port);
	}
	if (!sets)
		return NULL;
	/* a daemon that acts here may have been faster; what was made then stays unused */
	return atomic_compare_exchange_strong(&sets[cpu], &none, pcp) ? pcp : none;
}

/* How many blocks a refill asks for under the auto-tuned scheme. */
static int refill_auto(struct nb_zone *z, struct nb_pcp *pcp, unsigned order)
{
	int base = pcp->batch, batch = base;
	int high = pcp->high = nb_pcp_clamp(pcp->high, pcp->high_min, pcp->high_max);

	if (nb_unlikely(high < base))
		return 1;
	if (!order)
		batch = base << pcp->alloc_factor;
	if (pcp->high_min != pcp->high_max &&
	    !(atomic_load_explicit(&z->flags, memory_order_relaxed) & ZONE_BELOW_HIGH))
		high = pcp->high = nb_pcp_min(high + batch, pcp->high_max);
	if (!order) {
		int room = nb_pcp_max(high - pcp->count - base, base);

		if (batch <= room && pcp->alloc_factor < NB_PCP_BATCH_SCALE_MAX)
			pcp->alloc_factor++;
		batch = nb_pcp_min(batch, room);
	}
	return batch > 1 ? nb_pcp_max(batch >> order, 2) : batch;
}

static int refill_count(struct nb_zone *z, struct nb_pcp *pcp, unsigned order)
{
	if (pcp->auto_tuned)
		return refill_auto(z, pcp, order);
	return pcp->batch > 1 ? nb_pcp_max(pcp->batch >> order, 2) : pcp->batch;
}

/* Appends `n` consecutive pages to a list. */
static void append_run(struct nb_zone *z, struct nb_list *list, struct nb_page *page, unsigned n,
		       enum nb_migratetype mt)
{
	uint32_t flags = PG_PCP | (uint32_t)mt << PG_MT_SHIFT | z->page_bits;
	nb_link_t first = nb_page_link(z->mem_map, page), prev = list->last;

	for (unsigned i = 0; i < n; i++) {
		__builtin_prefetch(page + i + RUN_AHEAD, 1);
		nb_page_set_flags(page + i, flags);
		page[i].prev = prev;
		prev = first + i;
		page[i].next = prev + 1;
	}
	page[n - 1].next = 0;
	if (list->last)
		nb_link_page(z->mem_map, list->last)->next = first;
	else
		list->first = first;
	list->last = prev;
}

void nb_pcp_refill(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, enum nb_migratetype mt,
		   unsigned alloc_flags, int cpu)
{
	struct nb_list *list = &pcp->list[nb_pcp_list_of(order, mt)];
	enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
	int want = refill_count(z, pcp, order), got = 0;

	bool lump = !z->sys->profile->claim_whole_block;

	nb_zone_lock(z, cpu);
	if (lump)
		nb_account_lump(z, true);
	while (got < want) {
		struct nb_page *page = NULL;
		unsigned n = 0;

		if (!order && mode == NB_RMQUEUE_NORMAL && !(alloc_flags & NB_ALLOC_CMA))
			page = nb_rmqueue_run(z, mt, (unsigned)(want - got), &n);
		if (page) {
			append_run(z, list, page, n, mt);
			got += (int)n;
			continue;
		}
		page = nb_rmqueue(z, order, mt, alloc_flags, &mode);

		if (nb_unlikely(!page))
			break;
		nb_page_set_flags(page, page->flags | PG_PCP | order);
		nb_list_add_tail(z->mem_map, list, page);
		got++;
	}
	if (lump)
		nb_account_lump(z, false);
	nb_zone_unlock(z);
	pcp->count += got << order;
	pcp->expire = NB_PCP_EXPIRE;
}

/* How many single pages at a list's tail are the pages of one aligned block, and in which order
 * they stand there (*ret_step: 1 ascending, -1 descending from the tail). */
static unsigned run_at_tail(const struct nb_zone *z, const struct nb_list *list, int count,
			    int *ret_step)
{
	const struct nb_page *map = z->mem_map, *page = map + (list->last - 1);
	nb_link_t link = list->last;
	int step = page->prev == link + 1 ? 1 : -1;
	uint32_t edge = step > 0 ? link - 1 : link; /* its dense number, or the next one up */
	unsigned max = edge ? 1u << __builtin_ctz(edge) : 1u << z->sys->pageblock_order;
	unsigned n = 1;

	*ret_step = step;
	while (n < max && (int)n < count && page->prev == link + (nb_link_t)step) {
		link = page->prev;
		page += step;
		__builtin_prefetch(page + step * RUN_AHEAD, 1);
		n++;
	}
	return n;
}

/* Frees a run of pages from a list's tail as one block; the number of pages, 0: there is none. */
static int free_run(struct nb_zone *z, struct nb_list *list, int count)
{
	struct nb_page *map = z->mem_map, *page = nb_link_page(map, list->last);
	unsigned order, n;
	int step;

	if (count < 2 || (page->prev != list->last + 1 && page->prev != list->last - 1))
		return 0;
	n = run_at_tail(z, list, count, &step);
	order = 31u - (unsigned)__builtin_clz(n);
	if (order > z->sys->pageblock_order)
		order = z->sys->pageblock_order;
	if (nb_unlikely(z->capture_at) && order > z->capture_at - 1u)
		order = z->capture_at - 1u; /* a block that somebody waits for must not be missed */
	n = 1u << order;
	enum nb_migratetype mt = z->sys->profile->claim_whole_block
					 ? nb_pageblock_mt(z, nb_page_dense(map, page))
					 : nb_page_mt(page);

	if (!order || mt >= NB_MIGRATE_PCPTYPES)
		return 0;
	struct nb_page *last = page + (int)(n - 1) * step; /* nearest the list's head */

	list->last = last->prev;
	if (last->prev)
		nb_link_page(map, last->prev)->next = 0;
	else
		list->first = 0;
	nb_free_run(z, step > 0 ? page : last, order, mt);
	return (int)n;
}

void nb_pcp_free_bulk(struct nb_zone *z, struct nb_pcp *pcp, int count, unsigned first, int cpu)
{
	struct nb_system *sys = z->sys;
	bool told = nb_event_is_told(sys, NB_EV_MM_PAGE_PCPU_DRAIN);
	unsigned l = first;

	count = nb_pcp_min(count, pcp->count);
	pcp->expire = NB_PCP_EXPIRE;
	nb_zone_lock(z, cpu);
	while (count > 0) {
		while (!pcp->list[l].last)
			l = l + 1 < NB_NR_PCP_LISTS ? l + 1 : 0;
		struct nb_list *list = &pcp->list[l];
		unsigned order = list_order(sys, l);

		while (count > 0 && list->last) {
			int n = order || told ? 0 : free_run(z, list, count);

			if (n) {
				count -= n;
				pcp->count -= n;
				if (nb_event_wanted(sys, NB_EV_MM_PAGE_PCPU_DRAIN))
					nb_count_event(sys, NB_EV_MM_PAGE_PCPU_DRAIN, cpu,
						       (uint64_t)n);
				continue;
			}
			struct nb_page *page = nb_link_page(z->mem_map, list->last);
			enum nb_migratetype mt =
				sys->profile->claim_whole_block
					? nb_pageblock_mt(z, nb_page_dense(z->mem_map, page))
					: nb_page_mt(page);

			nb_list_del(z->mem_map, list, page);
			count -= 1 << order;
			pcp->count -= 1 << order;
			nb_free_one_page(z, page, order, mt, NB_FPI_NONE);
			if (nb_event_wanted(sys, NB_EV_MM_PAGE_PCPU_DRAIN))
				nb_emit(sys, NB_EV_MM_PAGE_PCPU_DRAIN, cpu, NULL,
					nb_zone_page_pfn(z, page), order, mt);
		}
		l = l + 1 < NB_NR_PCP_LISTS ? l + 1 : 0;
	}
	nb_zone_unlock(z);
}

/* Fixed scheme: how full the set may be now. */
static int high_fixed(const struct nb_zone *z, const struct nb_pcp *pcp, bool free_high)
{
	if (!pcp->high || free_high)
		return 0;
	if (nb_unlikely(atomic_load_explicit(&z->flags, memory_order_relaxed) &
			ZONE_RECLAIM_ACTIVE))
		return nb_pcp_min(pcp->batch * 4, pcp->high);
	return pcp->high;
}

/* Auto-tuned scheme: the same, and how `high` itself moves. */
static int high_auto(const struct nb_zone *z, struct nb_pcp *pcp, bool free_high)
{
	unsigned flags = atomic_load_explicit(&z->flags, memory_order_relaxed);
	int batch = pcp->batch;
	int high = pcp->high = nb_pcp_clamp(pcp->high, pcp->high_min, pcp->high_max);

	if (nb_unlikely(!high))
		return 0;
	if (nb_unlikely(free_high)) {
		pcp->high = nb_pcp_max(high - (batch << NB_PCP_BATCH_SCALE_MAX), pcp->high_min);
		return 0;
	}
	if (nb_unlikely(flags & ZONE_RECLAIM_ACTIVE)) {
		pcp->high = nb_pcp_max(high - nb_pcp_max(pcp->free_count, batch), pcp->high_min);
		return nb_pcp_min(batch * 4, pcp->high);
	}
	if (pcp->high_min == pcp->high_max)
		return high;
	if (flags & ZONE_BELOW_HIGH) {
		pcp->high = nb_pcp_max(high - nb_pcp_max(pcp->free_count, batch), pcp->high_min);
		return nb_pcp_max(pcp->count, pcp->high_min);
	}
	if (pcp->count >= high && pcp->high < pcp->free_count + batch)
		pcp->high = nb_pcp_clamp(pcp->free_count + batch, pcp->high_min, pcp->high_max);
	return high;
}

static int bulk_fixed(struct nb_pcp *pcp, int high, bool free_high)
{
	int room = high - pcp->batch, batch = pcp->batch << pcp->free_count;

	if (nb_unlikely(free_high))
		return pcp->count;
	if (nb_unlikely(high < pcp->batch))
		return 1;
	if (batch < room && pcp->free_count < NB_PCP_BATCH_SCALE_MAX)
		pcp->free_count++;
	/* min wins over max where they cross, as in the kernel's clamp(). */
	return nb_pcp_min(nb_pcp_max(batch, pcp->batch), nb_pcp_max(room, 0));
}

static int bulk_auto(const struct nb_pcp *pcp, int high, bool free_high)
{
	if (nb_unlikely(free_high))
		return nb_pcp_min(pcp->count, pcp->batch << NB_PCP_BATCH_SCALE_MAX);
	if (nb_unlikely(high < pcp->batch))
		return 1;
	return nb_pcp_clamp(pcp->free_count, pcp->batch, high - pcp->batch);
}

static void commit_fixed(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, unsigned list,
			 int cpu)
{
	bool free_high = pcp->free_count && order && order <= NB_COSTLY_ORDER;
	int high = high_fixed(z, pcp, free_high);

	if (pcp->count >= high)
		nb_pcp_free_bulk(z, pcp, bulk_fixed(pcp, high, free_high), list, cpu);
}

static void commit_auto(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, unsigned list,
			int cpu)
{
	int batch = pcp->batch, cap = batch << NB_PCP_BATCH_SCALE_MAX;
	bool free_high = false;

	if (order && order <= NB_COSTLY_ORDER) {
		free_high = pcp->free_count >= batch && (pcp->flags & PCPF_PREV_FREE_HIGH_ORDER) &&
			    (!(pcp->flags & PCPF_FREE_HIGH_BATCH) || pcp->count >= batch);
		pcp->flags |= PCPF_PREV_FREE_HIGH_ORDER;
	} else {
		pcp->flags &= (uint8_t)~PCPF_PREV_FREE_HIGH_ORDER;
	}
	if (pcp->free_count < cap)
		pcp->free_count = (int16_t)nb_pcp_min(pcp->free_count + (1 << order), cap);
	int high = high_auto(z, pcp, free_high);

	if (nb_likely(pcp->count < high))
		return;
	nb_pcp_free_bulk(z, pcp, bulk_auto(pcp, high, free_high), list, cpu);
	if ((atomic_load_explicit(&z->flags, memory_order_relaxed) & ZONE_BELOW_HIGH) &&
	    nb_zone_watermark_ok(z, 0, nb_wmark_pages(z, NB_WMARK_HIGH), NB_ZONE_MOVABLE, 0))
		atomic_fetch_and_explicit(&z->flags, ~(unsigned)ZONE_BELOW_HIGH,
					  memory_order_relaxed);
}

void nb_pcp_settle(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, unsigned list, int cpu)
{
	if (pcp->auto_tuned) {
		pcp->alloc_factor >>= 1;
		commit_auto(z, pcp, order, list, cpu);
	} else {
		commit_fixed(z, pcp, order, list, cpu);
	}
}

int nb_pcp_settle_unlock(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, unsigned list,
			 int cpu)
{
	nb_pcp_settle(z, pcp, order, list, cpu);
	nb_pcp_unlock(pcp);
	return 0;
}
