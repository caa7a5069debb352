/* recorded_free.c -- see recorded_free.h. */
#include "recorded_free.h"

#include "mm/page.h"
#include "mm/page_alloc.h"

#include <stdlib.h>
#include <string.h>

void recorded_free_begin(struct recorded_free *f, const struct nb_system *sys, const char *name)
{
	memset(f, 0, sizeof(*f));
	for (int nid = 0; nid < RECORDED_NODES; nid++) {
		for (int t = 0; nb_node_data(sys, nid) && t < NB_MAX_NR_ZONES; t++) {
			int64_t free =
				recorded_zone(name, "before/proc/zoneinfo", nid,
					      nb_zone_name((enum nb_zone_type)t), "pages free");

			f->pages[nid][t] = free > 0 ? free : 0;
		}
	}
}

static void count(struct recorded_free *f, const struct nb_system *sys, uint64_t pfn, int64_t pages)
{
	struct nb_zone *z = NULL;

	if (nb_pfn_to_page(sys, pfn, &z) && z->pgdat->nid < RECORDED_NODES)
		f->pages[z->pgdat->nid][z->type] += pages;
}

void recorded_free_count(struct recorded_free *f, const struct nb_system *sys,
			 const struct rec_event *e)
{
	switch (e->kind) {
	case REC_TAKEN:
		count(f, sys, e->a[0], -(INT64_C(1) << e->a[1]));
		break;
	case REC_STOLEN:
		/* what is claimed of a smaller block than a pageblock comes off its new list, which
		 * is told by itself; so does everything before 6.10 */
		if (!sys->profile->claim_whole_block || (e->a[2] && e->a[3] < sys->pageblock_order))
			break;
		count(f, sys, e->a[0], -(INT64_C(1) << e->a[1]));
		break;
	case REC_DRAINED:
		count(f, sys, e->a[0], INT64_C(1) << e->a[1]);
		break;
	case REC_FREE: /* what no page set takes */
		if (e->a[1] > NB_COSTLY_ORDER)
			count(f, sys, e->a[0], INT64_C(1) << e->a[1]);
		break;
	case REC_TAKE_FREE:
		count(f, sys, e->a[0], -(int64_t)e->a[3]);
		break;
	default:
		break;
	}
}

void recorded_free_measure(struct recorded_free *f, const struct nb_system *sys,
			   const struct recorded *r, const char *name)
{
	struct recorded_free begin = *f;

	for (size_t i = 0; i < r->nr; i++)
		recorded_free_count(f, sys, &r->ev[i]);
	for (int nid = 0; nid < RECORDED_NODES; nid++) {
		const struct nb_pgdat *p = nb_node_data(sys, nid);

		for (int t = 0; p && t < NB_MAX_NR_ZONES; t++) {
			int64_t after =
				recorded_zone(name, "after/proc/zoneinfo", nid,
					      nb_zone_name((enum nb_zone_type)t), "pages free");
			int64_t kept = p->zone[t].stat_threshold * (int64_t)sys->nr_cpus_online;

			if (after >= 0)
				begin.unsure[nid][t] = llabs(after - f->pages[nid][t]) + kept;
		}
	}
	*f = begin;
}
