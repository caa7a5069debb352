/* watermark.c -- min_free_kbytes, the marks of a zone, and what zones keep for lower requests.
 *
 * Called by system.c once at boot (nb_boot_watermarks) and by sysctl.c whenever a tunable
 * changes; page_alloc.c and the views only read what stands in struct nb_zone.
 * Invariants: wmark MIN <= LOW <= HIGH <= PROMO; all are stored without the boost;
 *     lowmem_reserve[j] == 0 for j <= the zone's own type, and grows with j.
 * Units: pages, but min_free_kbytes is KiB. Divisions cut off, as unsigned long does.
 * Source: mm/page_alloc.c, calculate_min_free_kbytes(), __setup_per_zone_wmarks(),
 *     setup_per_zone_lowmem_reserve(), calculate_totalreserve_pages(); mm/khugepaged.c,
 *     set_recommended_min_free_kbytes(); mm/vmstat.c, refresh_zone_stat_thresholds();
 *     facts part 1, sections 2.1 to 2.8.
 *
 * Boot computes with the pages that were managed then ("at init"): the initial RAM disk and
 * init memory are given back later, and nothing computes again by itself. Gigantic pages
 * taken from the firmware's memory are missing even from those until hugetlb starts, which is
 * between the first pass and the second.
 */
#include "base/fmt.h"
#include "mm/boot.h"
#include "mm/hugetlb_boot.h"
#include "mm/watermark.h"

static uint64_t kbytes_to_pages(const struct nb_system *sys, uint64_t kbytes)
{
	return kbytes >> (sys->page_shift - 10);
}

/* Pages that a GFP_USER request could get down to the high marks, on all nodes.
 * Source: mm/page_alloc.c, nr_free_buffer_pages(). */
static uint64_t nr_free_buffer_pages(const struct nb_system *sys, enum when when)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_NORMAL; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];
			uint64_t high = z->wmark[NB_WMARK_HIGH] + boost(z);
			uint64_t n = managed(z, when);

			if (populated(z) && n > high)
				sum += n - high;
		}
	}
	return sum;
}

/* The square root of low memory; what a user has set stays if it is greater. */
static void calculate_min_free_kbytes(struct nb_system *sys, enum when when)
{
	uint64_t lowmem_kbytes = nr_free_buffer_pages(sys, when) << (sys->page_shift - 10);
	unsigned factor =
		sys->profile->min_free_root_factor ? sys->profile->min_free_root_factor : 16;
	int64_t root = (int64_t)nb_int_sqrt(lowmem_kbytes * factor);
	int64_t max = sys->profile->min_free_kbytes_max;

	if (root <= sys->tune.user_min_free_kbytes) {
		nb_boot_message(sys,
				"min_free_kbytes is not updated to %lld because user defined value "
				"%lld is preferred",
				(long long)root, (long long)sys->tune.user_min_free_kbytes);
		return;
	}
	if (root < (int64_t)MIN_FREE_KBYTES_FLOOR)
		root = MIN_FREE_KBYTES_FLOOR;
	if (root > max)
		root = max;
	sys->tune.min_free_kbytes = root;
}

/* What transparent huge pages want kept free: two pageblocks a zone, and one for each pair
 * of migrate types that a page set holds, at most a twentieth of what is free. */
static void thp_recommended_min_free(struct nb_system *sys, enum when when)
{
	unsigned last = sys->profile->thp_zones_all ? NB_MAX_NR_ZONES - 1 : NB_ZONE_NORMAL;
	uint64_t block = UINT64_C(1) << sys->pageblock_order;
	uint64_t zones = 0, want, cap;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t <= last; t++)
			zones += populated(&sys->pgdat[i]->zone[t]);
	}
	want = block * zones * (2 + NB_MIGRATE_PCPTYPES * NB_MIGRATE_PCPTYPES);
	cap = nr_free_buffer_pages(sys, when) / 20;
	if (want > cap)
		want = cap;
	want <<= sys->page_shift - 10;
	if ((int64_t)want <= sys->tune.min_free_kbytes)
		return;
	if (sys->tune.user_min_free_kbytes >= 0)
		nb_boot_message(sys,
				"raising min_free_kbytes from %lld to %llu to help transparent "
				"hugepage allocations",
				(long long)sys->tune.min_free_kbytes, (unsigned long long)want);
	sys->tune.min_free_kbytes = (int64_t)want;
}

void nb_wmark_compute(const struct nb_zone *z, uint64_t pages_min, uint64_t lowmem_pages,
		      enum when when, struct nb_wmark_parts *w)
{
	const struct nb_kernel_profile *prof = z->sys->profile;
	uint64_t n = managed(z, when), scale = z->sys->tune.watermark_scale_factor;
	uint64_t share = lowmem_pages ? pages_min * n / lowmem_pages : 0, gap;

	*w = (struct nb_wmark_parts){.min_free_pages = pages_min, .lowmem_pages = lowmem_pages};
	w->managed_pages = n;
	w->shares = !like_highmem(z);
	w->share_pages = w->min_pages = share;
	w->quarter_pages = gap = share >> 2;
	if (!w->shares) {
		w->min_pages = n / 1024;
		if (w->min_pages < CLUSTER_MAX)
			w->min_pages = CLUSTER_MAX;
		if (w->min_pages > 128)
			w->min_pages = 128;
	}
	/* n * scale / 10000 without a product past 64 bits */
	w->scaled_pages = n / 10000 * scale + n % 10000 * scale / 10000;
	w->scale_factor = prof->has_scale_factor ? (unsigned)scale : 0;
	if (prof->has_scale_factor && w->scaled_pages > gap)
		gap = w->scaled_pages;
	w->low_pages = w->min_pages + gap;
	w->high_pages = w->min_pages + 2 * gap;
	w->promo_pages = w->min_pages + 3 * gap;
	if (!prof->has_scale_factor)
		w->high_pages = w->min_pages + share / 2;
	if (prof->marks_are_multiples) {
		w->low_pages = 2 * w->min_pages;
		w->high_pages = 3 * w->min_pages;
	}
}

static void set_zone_wmarks(struct nb_zone *z, uint64_t pages_min, uint64_t lowmem_pages,
			    enum when when)
{
	struct nb_wmark_parts w;

	nb_wmark_compute(z, pages_min, lowmem_pages, when, &w);
	atomic_store_explicit(&z->watermark_boost, 0, memory_order_relaxed);
	z->wmark[NB_WMARK_MIN] = w.min_pages;
	z->wmark[NB_WMARK_LOW] = w.low_pages;
	z->wmark[NB_WMARK_HIGH] = w.high_pages;
	z->wmark[NB_WMARK_PROMO] = w.promo_pages;
}

uint64_t nb_wmark_lowmem_pages(const struct nb_system *sys, enum when when)
{
	uint64_t lowmem_pages = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (!like_highmem(z))
				lowmem_pages += managed(z, when);
		}
	}
	return lowmem_pages;
}

static void setup_wmarks(struct nb_system *sys, enum when when)
{
	uint64_t pages_min = kbytes_to_pages(sys, (uint64_t)sys->tune.min_free_kbytes);
	uint64_t lowmem_pages = nb_wmark_lowmem_pages(sys, when);

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (!nb_zone_configured(sys, (enum nb_zone_type)t))
				continue;
			nb_lock(&z->lock, sys->port);
			set_zone_wmarks(z, pages_min, lowmem_pages, when);
			nb_unlock(&z->lock, sys->port);
		}
	}
}

static void totalreserve(struct nb_system *sys, enum when when)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		p->totalreserve_pages = 0;
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			const struct nb_zone *z = &p->zone[t];
			uint64_t max = 0;

			for (unsigned j = t; j < NB_MAX_NR_ZONES; j++) {
				if (z->lowmem_reserve[j] > max)
					max = z->lowmem_reserve[j];
			}
			max += z->wmark[NB_WMARK_HIGH] + boost(z);
			if (max > managed(z, when))
				max = managed(z, when);
			p->totalreserve_pages += max;
		}
		total += p->totalreserve_pages;
	}
	sys->totalreserve_pages = total;
}

/* Only zones of the same node count. An empty upper zone repeats the sum so far, except
 * where the profile says that it reserves nothing. */
static void set_zone_reserve(struct nb_pgdat *p, unsigned t, enum when when)
{
	struct nb_system *sys = p->sys;
	struct nb_zone *z = &p->zone[t];
	unsigned ratio = sys->tune.lowmem_reserve_ratio[t];
	bool clear = ratio == 0 || (managed(z, when) == 0 && !sys->profile->reserve_of_empty);
	uint64_t sum = 0;

	for (unsigned j = 0; j < NB_MAX_NR_ZONES; j++)
		z->lowmem_reserve[j] = 0;
	for (unsigned j = t + 1; j < NB_MAX_NR_ZONES; j++) {
		uint64_t upper = managed(&p->zone[j], when);

		if (!nb_zone_configured(sys, (enum nb_zone_type)j))
			continue;
		sum += upper;
		if (!clear && (upper || !sys->profile->reserve_sparse))
			z->lowmem_reserve[j] = sum / ratio;
	}
}

static void setup_lowmem_reserve(struct nb_system *sys, enum when when)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
			set_zone_reserve(sys->pgdat[i], t, when);
	}
	totalreserve(sys, when);
}

static unsigned fls64(uint64_t x)
{
	unsigned n = 0;

	while (x) {
		n++;
		x >>= 1;
	}
	return n;
}

/* Counts of each CPU may drift this far from the zone's before they are folded in. When the other
 * CPUs came up no zone had marks yet, so each got a drift mark then, and only a zone with one is
 * looked at again when its kswapd first goes to sleep; that is after hugetlb has started. */
static void stat_thresholds(struct nb_system *sys, enum when when)
{
	unsigned cpus = sys->nr_cpus_online ? sys->nr_cpus_online : 1;

	if (when == WHEN_POSTCORE && cpus > 1)
		when = WHEN_INIT;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];
			uint64_t mem = managed(z, when) >> (27 - sys->page_shift);
			uint64_t gap = z->wmark[NB_WMARK_LOW] - z->wmark[NB_WMARK_MIN];
			uint64_t n, pressure;

			if (!z->present_pages)
				continue;
			n = 2ull * fls64(cpus) * (1 + fls64(mem));
			n = n > 125 ? 125 : n;
			pressure = gap / cpus;
			pressure = pressure < 1 ? 1 : pressure > 125 ? 125 : pressure;
			z->stat_threshold_normal = (int)n;
			atomic_store_explicit(&z->stat_threshold, (int)n, memory_order_relaxed);
			z->stat_threshold_pressure = (int)pressure;
			if (cpus * n > gap)
				z->percpu_drift_mark = z->wmark[NB_WMARK_HIGH] + cpus * n;
			else if (cpus > 1 && !z->percpu_drift_mark)
				z->percpu_drift_mark = cpus * n;
		}
	}
}

static void reclaim_ratios(struct nb_system *sys, enum when when)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];
			uint64_t n = managed(z, when);

			z->min_unmapped_pages = n * sys->tune.min_unmapped_ratio / 100;
			z->min_slab_pages = n * sys->tune.min_slab_ratio / 100;
		}
	}
}

/* The start of khugepaged, after hugetlb's. With transparent huge pages off the square root is
 * taken again, now with the first high marks left out; with little memory nothing happens. */
static void thp_init(struct nb_system *sys)
{
	uint64_t total = 0;

	if (!sys->profile->has_thp)
		return;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
			total += managed(&sys->pgdat[i]->zone[t], WHEN_INIT);
	}
	if (total < THP_MIN_RAM_BYTES >> sys->page_shift) {
		sys->tune.thp_always_or_madvise = false;
		return;
	}
	if (sys->tune.thp_always_or_madvise)
		thp_recommended_min_free(sys, WHEN_INIT);
	else if (sys->profile->thp_off_recalculates)
		calculate_min_free_kbytes(sys, WHEN_INIT);
	else
		return;
	setup_wmarks(sys, WHEN_INIT);
	totalreserve(sys, WHEN_INIT);
}

/* Huge pages are switched on or off at run time. Source: start_stop_khugepaged(),
 * set_recommended_min_free_kbytes(). */
void nb_thp_start_stop(struct nb_system *sys)
{
	if (sys->tune.thp_always_or_madvise)
		thp_recommended_min_free(sys, WHEN_NOW);
	else if (sys->profile->thp_off_recalculates)
		calculate_min_free_kbytes(sys, WHEN_NOW);
	else
		return;
	setup_wmarks(sys, WHEN_NOW);
	totalreserve(sys, WHEN_NOW);
}

/* What each block of memory that is onlined later does: everything again, and khugepaged's say. */
static void init_per_zone_wmark_min(struct nb_system *sys, enum when when)
{
	calculate_min_free_kbytes(sys, when);
	setup_wmarks(sys, when);
	totalreserve(sys, when);
	stat_thresholds(sys, when);
	setup_lowmem_reserve(sys, when);
	reclaim_ratios(sys, when);
	if (!sys->profile->thp_kept_on_hotplug || !sys->tune.thp_always_or_madvise)
		return;
	thp_recommended_min_free(sys, when);
	setup_wmarks(sys, when);
	totalreserve(sys, when);
}

/* Bytes of a memory block. Source: arch/x86/mm/init_64.c, probe_memory_block_size(); elsewhere a
 * block is a section. */
static uint64_t memory_block_bytes(const struct nb_system *sys)
{
	uint64_t end = sys->max_pfn << sys->page_shift, bytes = UINT64_C(2) << 30;

	if (sys->machine->arch == NB_ARCH_ARM64)
		return sys->page_shift == 16 ? UINT64_C(512) << 20 : UINT64_C(128) << 20;
	if (end < UINT64_C(64) << 30)
		return UINT64_C(128) << 20;
	while (bytes > UINT64_C(128) << 20 && end & (bytes - 1))
		bytes >>= 1;
	return bytes;
}

static struct nb_zone *zone_of(const struct nb_system *sys, const struct nb_mem_range *r,
			       nb_pfn_t pfn)
{
	struct nb_pgdat *p = nb_node_data(sys, r->nid);
	bool movable = r->flags & NB_RANGE_MOVABLE && nb_zone_configured(sys, NB_ZONE_MOVABLE);

	for (unsigned t = 0; p && t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone *z = &p->zone[t];

		if (movable == (t == NB_ZONE_MOVABLE) && z->coming_pages &&
		    pfn >= z->zone_start_pfn && pfn < nb_zone_end_pfn(z))
			return z;
	}
	return NULL;
}

/* Memory that was added after boot comes block by block, in address order. */
static void online_blocks(struct nb_system *sys)
{
	uint64_t block = memory_block_bytes(sys) >> sys->page_shift;

	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		const struct nb_mem_range *r = &sys->memblock[i];
		nb_pfn_t pfn = r->start >> sys->page_shift, end = r->end >> sys->page_shift;

		while (r->flags & NB_RANGE_HOTADDED && pfn < end) {
			uint64_t n = end - pfn < block ? end - pfn : block;
			struct nb_zone *z = zone_of(sys, r, pfn);

			if (!z)
				break;
			z->coming_pages -= n < z->coming_pages ? n : z->coming_pages;
			init_per_zone_wmark_min(sys, WHEN_INIT);
			pfn += n;
		}
	}
}

int nb_boot_watermarks(struct nb_system *sys, struct nb_error *err)
{
	bool more_to_come = nb_has_hotadded(sys);

	(void)err;
	nb_boot_gigantic_pages(sys);
	for (unsigned i = 0; more_to_come && i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		z->coming_pages = nb_zone_hotadded_pages(sys, z);
	}
	calculate_min_free_kbytes(sys, WHEN_POSTCORE);
	setup_wmarks(sys, WHEN_POSTCORE);
	totalreserve(sys, WHEN_POSTCORE);
	stat_thresholds(sys, WHEN_POSTCORE);
	setup_lowmem_reserve(sys, WHEN_POSTCORE);
	reclaim_ratios(sys, WHEN_POSTCORE);
	thp_init(sys);
	if (more_to_come)
		online_blocks(sys);
	return 0;
}

void nb_setup_per_zone_wmarks(struct nb_system *sys, bool at_init)
{
	setup_wmarks(sys, at_init ? WHEN_INIT : WHEN_NOW);
	totalreserve(sys, at_init ? WHEN_INIT : WHEN_NOW);
}

void nb_setup_per_zone_lowmem_reserve(struct nb_system *sys, bool at_init)
{
	setup_lowmem_reserve(sys, at_init ? WHEN_INIT : WHEN_NOW);
}

void nb_calculate_totalreserve_pages(struct nb_system *sys)
{
	totalreserve(sys, WHEN_NOW);
}

void nb_refresh_zone_stat_thresholds(struct nb_system *sys)
{
	stat_thresholds(sys, WHEN_NOW);
}

void nb_setup_reclaim_ratios(struct nb_system *sys)
{
	reclaim_ratios(sys, WHEN_NOW);
}
