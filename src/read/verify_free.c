/* verify_free.c -- fragmentation indices out of buddyinfo, and sums that must agree.
 *
 * Called by verify.c. These compare one report with another. Free memory moves while a capture
 * reads file after file: figures of a zone that disagree are set aside when two reports of the same
 * counts (buddyinfo, zoneinfo, pagetypeinfo, the node's vmstat) prove that it was in motion, by
 * that rule alone.
 */
#include "read/verify_priv.h"

#include <stdio.h>
#include <string.h>

static const char moved[] =
	"the zone's free blocks changed while the files were read: two reports of "
	"the same counts differ";

/* Free blocks of a zone and order, summed over migrate types; false if pagetypeinfo lacks the zone
 * or stopped counting. */
static bool by_type(const struct nb_pagetypeinfo *p, int nid, const char *zone, unsigned order,
		    uint64_t *ret)
{
	bool any = false;
	size_t i;

	*ret = 0;
	for (i = 0; i < p->nr_free_rows; i++) {
		const struct nb_pagetypeinfo_free *f = &p->free[i];

		if (f->nid != nid || strcmp(f->zone, zone) || order >= f->nr_orders)
			continue;
		if (f->capped >> order & 1)
			return false;
		*ret += f->nr_free[order];
		any = true;
	}
	return any;
}

static uint64_t free_pages(const struct nb_buddyinfo_row *r)
{
	uint64_t sum = 0;
	unsigned o;

	for (o = 0; o < r->nr_orders; o++)
		sum += r->nr_free[o] << o;
	return sum;
}

static const struct nb_zoneinfo_zone *zone_of(const struct nb_verify *v,
					      const struct nb_buddyinfo_row *r)
{
	return v->obs->has_zoneinfo ? nb_zoneinfo_find(&v->obs->zoneinfo, r->nid, r->zone) : NULL;
}

/* Do the reports of this zone's free memory contradict each other? */
static bool in_motion(const struct nb_verify *v, const struct nb_buddyinfo_row *r)
{
	const struct nb_zoneinfo_zone *z = zone_of(v, r);
	const struct nb_observed_node *n = nb_observed_node(v->obs, r->nid);
	uint64_t pages, sum = 0, kib;
	unsigned o;
	size_t i;

	if (z && nb_zoneinfo_get(z, NB_ZI_FREE, &pages) && pages != free_pages(r))
		return true;
	for (o = 0; v->obs->has_pagetypeinfo && o < r->nr_orders; o++) {
		if (by_type(&v->obs->pagetypeinfo, r->nid, r->zone, o, &pages) &&
		    pages != r->nr_free[o])
			return true;
	}
	if (!n || !n->has_vmstat || !nb_items_get(&n->vmstat.items, "nr_free_pages", &kib))
		return false;
	for (i = 0; i < v->obs->buddyinfo.nr_rows; i++) {
		if (v->obs->buddyinfo.rows[i].nid == r->nid)
			sum += free_pages(&v->obs->buddyinfo.rows[i]);
	}
	return kib != sum;
}

static const struct nb_buddyinfo_row *buddy_row(const struct nb_verify *v, int nid,
						const char *zone)
{
	return v->obs->has_buddyinfo ? nb_buddyinfo_find(&v->obs->buddyinfo, nid, zone) : NULL;
}

static int index_of(const struct nb_extfrag *x, const struct nb_buddyinfo_row *r, unsigned order)
{
	return x->kind == NB_EXTFRAG_INDEX ? nb_extfrag_index(r->nr_free, r->nr_orders, order)
					   : nb_unusable_index(r->nr_free, r->nr_orders, order);
}

/* Recorders read the indices long after buddyinfo, the node's counters in between: without these
 * nothing shows whether the node's memory stood still. */
static bool read_later(const struct nb_verify *v, int nid)
{
	const struct nb_observed_node *n = nb_observed_node(v->obs, nid);

	return n && n->has_vmstat;
}

static bool indices_fit(const struct nb_extfrag *x, const struct nb_extfrag_row *e,
			const struct nb_buddyinfo_row *r)
{
	unsigned o;

	for (o = 0; o < e->nr_orders && o < r->nr_orders; o++) {
		if (e->milli[o] != index_of(x, r, o))
			return false;
	}
	return true;
}

static void verify_index(struct nb_verify *v, const struct nb_extfrag *x, const char *name)
{
	size_t i;
	unsigned o;

	for (i = 0; i < x->nr_rows; i++) {
		const struct nb_extfrag_row *e = &x->rows[i];
		const struct nb_buddyinfo_row *r = buddy_row(v, e->nid, e->zone);

		if (!r)
			continue;
		if (!indices_fit(x, e, r) && (in_motion(v, r) || !read_later(v, r->nid))) {
			nb_verify_skip(v, NB_VS_FRAGMENTATION, e->nr_orders, moved, "node %d %s %s",
				       e->nid, e->zone, name);
			continue;
		}
		for (o = 0; o < e->nr_orders && o < r->nr_orders; o++) {
			char kernel[32], predicted[32];

			/* thousandths may be negative: compared as text */
			snprintf(kernel, sizeof(kernel), "%d", e->milli[o]);
			snprintf(predicted, sizeof(predicted), "%d", index_of(x, r, o));
			nb_verify_text(v, NB_VS_FRAGMENTATION, kernel, predicted,
				       "fragmentation_index, unusable_free_index; facts 8",
				       "node %d %s %s order %u (thousandths)", e->nid, e->zone,
				       name, o);
		}
	}
}

/* buddyinfo against zoneinfo and pagetypeinfo: three reads of the same lists. */
static void verify_buddy_sums(struct nb_verify *v)
{
	size_t i;

	for (i = 0; i < v->obs->buddyinfo.nr_rows; i++) {
		const struct nb_buddyinfo_row *r = &v->obs->buddyinfo.rows[i];
		const struct nb_zoneinfo_zone *z = zone_of(v, r);
		uint64_t pages;

		if (r->raw || !z || !nb_zoneinfo_get(z, NB_ZI_FREE, &pages))
			continue;
		if (in_motion(v, r))
			nb_verify_skip(v, NB_VS_SUMS, 1, moved, "node %d %s free pages", r->nid,
				       r->zone);
		else
			nb_verify_u64(v, NB_VS_SUMS, pages, free_pages(r),
				      "buddyinfo x block size = pages free",
				      "node %d %s free pages", r->nid, r->zone);
	}
}

void nb_verify_free_memory(struct nb_verify *v)
{
	if (!v->obs->has_buddyinfo) {
		nb_verify_absent(v, "proc/buddyinfo");
		return;
	}
	verify_buddy_sums(v);
	if (v->obs->has_extfrag)
		verify_index(v, &v->obs->extfrag, "extfrag_index");
	else
		nb_verify_absent(v, "sys/kernel/debug/extfrag/extfrag_index");
	if (v->obs->has_unusable)
		verify_index(v, &v->obs->unusable, "unusable_index");
	else
		nb_verify_absent(v, "sys/kernel/debug/extfrag/unusable_index");
}
