/* probe_marks.c -- how marks and min_free_kbytes came about, with every number on the way.
 *
 * Called through numabox/probe.h by explain and doctor. The formulas are watermark.c's; here they
 * are applied once more, and nothing is set. Boot computes in two passes: the root first, then
 * khugepaged's recommendation, whose cap looks at the high marks of the first pass.
 * Units: pages, KiB where a name says so. Source: facts 2.1, 2.2.
 */
#include "base/fmt.h"
#include "mm/watermark.h"

int nb_probe_wmark_parts(const struct nb_system *sys, int nid, enum nb_zone_type type,
			 struct nb_wmark_parts *ret)
{
	static const enum when tries[] = {WHEN_INIT, WHEN_NOW, WHEN_POSTCORE};
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	uint64_t pages_min = (uint64_t)sys->tune.min_free_kbytes >> (sys->page_shift - 10);

	if (!p)
		return -NB_ENODEV;
	if ((unsigned)type >= NB_MAX_NR_ZONES || !nb_zone_configured(sys, type))
		return -NB_EINVAL;
	const struct nb_zone *z = &p->zone[type];

	/* Which count of managed pages was looked at, the marks themselves tell. */
	for (unsigned i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		nb_wmark_compute(z, pages_min, nb_wmark_lowmem_pages(sys, tries[i]), tries[i], ret);
		ret->in_force = ret->min_pages == z->wmark[NB_WMARK_MIN] &&
				ret->low_pages == z->wmark[NB_WMARK_LOW] &&
				ret->high_pages == z->wmark[NB_WMARK_HIGH];
		if (ret->in_force)
			return 0;
	}
	nb_wmark_compute(z, pages_min, nb_wmark_lowmem_pages(sys, WHEN_INIT), WHEN_INIT, ret);
	return 0;
}

/* Pages above the high marks that the first pass gave, of zones that GFP_USER may use. */
static uint64_t above_first_high(const struct nb_system *sys, uint64_t min_free_kib)
{
	uint64_t pages_min = min_free_kib >> (sys->page_shift - 10), sum = 0;
	uint64_t lowmem = nb_wmark_lowmem_pages(sys, WHEN_POSTCORE);

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_NORMAL; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];
			uint64_t n = managed(z, WHEN_INIT);
			struct nb_wmark_parts w;

			if (!populated(z))
				continue;
			nb_wmark_compute(z, pages_min, lowmem, WHEN_POSTCORE, &w);
			sum += n > w.high_pages ? n - w.high_pages : 0;
		}
	}
	return sum;
}

static void thp_parts(const struct nb_system *sys, struct nb_min_free_parts *p)
{
	unsigned last = sys->profile->thp_zones_all ? NB_MAX_NR_ZONES - 1 : NB_ZONE_NORMAL;
	unsigned to_kib = sys->page_shift - 10;

	p->thp = sys->profile->has_thp && sys->tune.thp_always_or_madvise;
	p->pageblock_pages = UINT64_C(1) << sys->pageblock_order;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t <= last; t++)
			p->thp_zones += populated(&sys->pgdat[i]->zone[t]);
	}
	p->thp_wanted_kib =
		p->pageblock_pages * p->thp_zones * (2 + NB_MIGRATE_PCPTYPES * NB_MIGRATE_PCPTYPES)
		<< to_kib;
	p->thp_cap_kib = above_first_high(sys, p->clamped_kib) / 20 << to_kib;
	p->thp_kib = p->thp_wanted_kib < p->thp_cap_kib ? p->thp_wanted_kib : p->thp_cap_kib;
}

static uint64_t clamped(const struct nb_system *sys, uint64_t root_kib)
{
	uint64_t max = sys->profile->min_free_kbytes_max;

	if (root_kib < MIN_FREE_KBYTES_FLOOR)
		return MIN_FREE_KBYTES_FLOOR;
	return root_kib > max ? max : root_kib;
}

/* With huge pages off, and memory enough for them, the second pass takes the root once more. */
static void again_parts(const struct nb_system *sys, struct nb_min_free_parts *p)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++)
		total += managed(&sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES],
				 WHEN_INIT);
	p->again = sys->profile->has_thp && !p->thp && sys->profile->thp_off_recalculates &&
		   total >= THP_MIN_RAM_BYTES >> sys->page_shift;
	p->again_lowmem_kib = above_first_high(sys, p->clamped_kib) << (sys->page_shift - 10);
	p->again_kib = clamped(sys, nb_int_sqrt(p->again_lowmem_kib * p->root_factor));
}

void nb_probe_min_free(const struct nb_system *sys, struct nb_min_free_parts *ret)
{
	uint64_t lowmem = 0;

	*ret = (struct nb_min_free_parts){0};
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_NORMAL; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];

			lowmem += populated(z) ? managed(z, WHEN_POSTCORE) : 0;
		}
	}
	ret->lowmem_kib = lowmem << (sys->page_shift - 10);
	ret->root_factor =
		sys->profile->min_free_root_factor ? sys->profile->min_free_root_factor : 16;
	ret->root_kib = nb_int_sqrt(ret->lowmem_kib * ret->root_factor);
	ret->max_kib = sys->profile->min_free_kbytes_max;
	ret->clamped_kib = clamped(sys, ret->root_kib);
	thp_parts(sys, ret);
	again_parts(sys, ret);
	ret->in_force_kib = (uint64_t)sys->tune.min_free_kbytes;
	ret->by_user = sys->tune.user_min_free_kbytes >= 0;
}
