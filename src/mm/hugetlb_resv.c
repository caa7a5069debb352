/* hugetlb_resv.c -- who has reserved how many huge pages: region maps and subpools.
 *
 * Called by hugetlb_file.c and hugetlb_fault.c under the hugetlb lock. The map of a shared file
 * holds the offsets that are reserved or have a page; that of a private mapping the offsets whose
 * reservation was used up, so that what is missing in it is what is still reserved. Regions are
 * kept ascending and joined where they touch. Units: huge pages, ends exclusive.
 * Source: mm/hugetlb.c: region_chg(), region_add(), region_del(), hugepage_subpool_get_pages(),
 * hugepage_subpool_put_pages().
 */
#include "mm/hugetlb.h"

uint64_t nb_region_missing(const struct nb_resv_map *m, uint64_t from, uint64_t to)
{
	uint64_t missing = to - from;

	for (const struct nb_region *r = m->regions; r && r->from < to; r = r->next) {
		uint64_t a = r->from > from ? r->from : from, b = r->to < to ? r->to : to;

		missing -= a < b ? b - a : 0;
	}
	return missing;
}

int64_t nb_region_add(struct nb_hugetlb *s, struct nb_resv_map *m, uint64_t from, uint64_t to)
{
	uint64_t missing = nb_region_missing(m, from, to);
	struct nb_region **link = &m->regions, *r;

	if (from >= to)
		return 0;
	while (*link && (*link)->to < from)
		link = &(*link)->next;
	r = *link;
	if (!r || r->from > to) {
		r = nb_pool_get(s->sys, &s->region_pool);
		if (!r)
			return -NB_ENOMEM;
		*r = (struct nb_region){.next = *link, .from = from, .to = to};
		*link = r;
		return (int64_t)missing;
	}
	if (from < r->from)
		r->from = from;
	if (to > r->to)
		r->to = to;
	while (r->next && r->next->from <= r->to) {
		struct nb_region *next = r->next;

		if (next->to > r->to)
			r->to = next->to;
		r->next = next->next;
		nb_pool_put(s->sys, &s->region_pool, next);
	}
	return (int64_t)missing;
}

int64_t nb_region_del(struct nb_hugetlb *s, struct nb_resv_map *m, uint64_t from, uint64_t to)
{
	struct nb_region **link = &m->regions;
	int64_t gone = 0;

	while (*link && (*link)->from < to) {
		struct nb_region *r = *link;

		if (r->to <= from) {
			link = &r->next;
			continue;
		}
		if (r->from < from && r->to > to) { /* a hole inside */
			struct nb_region *upper = nb_pool_get(s->sys, &s->region_pool);

			if (!upper)
				return -NB_ENOMEM;
			*upper = (struct nb_region){.next = r->next, .from = to, .to = r->to};
			r->next = upper;
			r->to = from;
			return (int64_t)(to - from);
		}
		if (r->from < from) {
			gone += (int64_t)(r->to - from);
			r->to = from;
			link = &r->next;
		} else if (r->to > to) {
			gone += (int64_t)(to - r->from);
			r->from = to;
		} else {
			gone += (int64_t)(r->to - r->from);
			*link = r->next;
			nb_pool_put(s->sys, &s->region_pool, r);
		}
	}
	return gone;
}

int64_t nb_subpool_get(struct nb_subpool *sp, uint64_t pages)
{
	uint64_t global = pages;

	if (!sp)
		return (int64_t)pages;
	if (sp->max != UINT64_MAX) {
		if (sp->used + pages > sp->max)
			return -NB_ENOMEM;
		sp->used += pages;
	}
	if (sp->min != UINT64_MAX && sp->reserved) {
		global = pages > sp->reserved ? pages - sp->reserved : 0;
		sp->reserved -= pages - global;
	}
	return (int64_t)global;
}

uint64_t nb_subpool_put(struct nb_subpool *sp, uint64_t pages)
{
	uint64_t global = pages;

	if (!sp)
		return pages;
	if (sp->max != UINT64_MAX)
		sp->used -= pages;
	if (sp->min != UINT64_MAX && sp->used < sp->min) {
		global = sp->reserved + pages <= sp->min ? 0 : sp->reserved + pages - sp->min;
		sp->reserved += pages - global;
	}
	return global;
}
