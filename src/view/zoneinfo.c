/* zoneinfo.c -- the model of /proc/zoneinfo: rules of its lines, text and JSON out of it.
 *
 * The parser stands in zoneinfo_parse.c, what fills the model from a system in zoneinfo_fill.c.
 */
#include "view/view.h"
#include "view/scan.h"
#include "view/zoneinfo_priv.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct nb_zoneinfo_label nb_zoneinfo_labels[NB_ZI_NR_FIELDS] = {
	[NB_ZI_FREE] = {"pages free", "  pages free     ", "free_pages"},
	[NB_ZI_BOOST] = {"boost", "        boost    ", "boost_pages"},
	[NB_ZI_MIN] = {"min", "        min      ", "min_pages"},
	[NB_ZI_LOW] = {"low", "        low      ", "low_pages"},
	[NB_ZI_HIGH] = {"high", "        high     ", "high_pages"},
	[NB_ZI_PROMO] = {"promo", "        promo    ", "promo_pages"},
	[NB_ZI_SCANNED] = {"scanned", "        scanned  ", "scanned_pages"},
	[NB_ZI_NODE_SCANNED] = {"node_scanned", "        node_scanned  ", "node_scanned_pages"},
	[NB_ZI_SPANNED] = {"spanned", "        spanned  ", "spanned_pages"},
	[NB_ZI_PRESENT] = {"present", "        present  ", "present_pages"},
	[NB_ZI_MANAGED] = {"managed", "        managed  ", "managed_pages"},
	[NB_ZI_CMA] = {"cma", "        cma      ", "cma_pages"},
	[NB_ZI_NODE_UNRECLAIMABLE] = {"node_unreclaimable:", "  node_unreclaimable:  ",
				      "node_unreclaimable"},
	[NB_ZI_ALL_UNRECLAIMABLE] = {"all_unreclaimable:", "  all_unreclaimable: ",
				     "all_unreclaimable"},
	[NB_ZI_PREV_PRIORITY] = {"prev_priority:", "  prev_priority:     ", "prev_priority"},
	[NB_ZI_START_PFN] = {"start_pfn:", "  start_pfn:           ", "start_pfn"},
	[NB_ZI_INACTIVE_RATIO] = {"inactive_ratio:", "  inactive_ratio:    ", "inactive_ratio"},
	[NB_ZI_NODE_INACTIVE_RATIO] = {"node_inactive_ratio:", "  node_inactive_ratio: ",
				       "node_inactive_ratio"},
};

/* Before 4.8 the last block's numbers stood two columns further left. */
static const char start_pfn_old[] = "  start_pfn:         ";

bool nb_zoneinfo_get(const struct nb_zoneinfo_zone *zone, enum nb_zoneinfo_field f, uint64_t *ret)
{
	if (!(zone->has >> f & 1))
		return false;
	if (ret)
		*ret = zone->field[f];
	return true;
}

const char *nb_zoneinfo_field_key(enum nb_zoneinfo_field f)
{
	return nb_zoneinfo_labels[f].key;
}

const struct nb_zoneinfo_zone *nb_zoneinfo_find(const struct nb_zoneinfo *z, int nid,
						const char *name)
{
	for (size_t i = 0; i < z->nr_zones; i++)
		if (z->zones[i].nid == nid && strcmp(z->zones[i].name, name) == 0)
			return &z->zones[i];
	return NULL;
}

size_t nb_zoneinfo_nr_raw(const struct nb_zoneinfo *z)
{
	size_t n = 0;

	for (size_t i = 0; i < z->nr_zones; i++) {
		const struct nb_zoneinfo_zone *zone = &z->zones[i];

		n += zone->raw != NULL;
		for (size_t k = 0; k < zone->nr_lines; k++)
			n += zone->lines[k].raw != NULL;
		for (size_t k = 0; k < zone->nr_pagesets; k++)
			n += zone->pagesets[k].raw != NULL;
	}
	return n;
}

struct nb_zoneinfo_zone *nb_zoneinfo_add_zone(struct nb_zoneinfo *z, int nid, const char *name,
					      int type)
{
	struct nb_zoneinfo_zone *zone =
		nb_append(&z->zones, &z->nr_zones, &z->cap_zones, sizeof(*z->zones));

	zone->nid = nid;
	zone->name = name;
	zone->type = type;
	return zone;
}

struct nb_zoneinfo_line *nb_zoneinfo_add_line(struct nb_zoneinfo_zone *zone,
					      enum nb_zoneinfo_line_kind kind, size_t index)
{
	struct nb_zoneinfo_line *l =
		nb_append(&zone->lines, &zone->nr_lines, &zone->cap_lines, sizeof(*zone->lines));

	l->kind = kind;
	l->index = (uint32_t)index;
	return l;
}

struct nb_zoneinfo_line *nb_zoneinfo_add_field(struct nb_zoneinfo_zone *zone,
					       enum nb_zoneinfo_field f, uint64_t v)
{
	zone->has |= 1u << f;
	zone->field[f] = v;
	return nb_zoneinfo_add_line(zone, NB_ZI_LINE_FIELD, f);
}

struct nb_zoneinfo_pageset *nb_zoneinfo_add_pageset(struct nb_zoneinfo_zone *zone, int cpu)
{
	struct nb_zoneinfo_pageset *ps = nb_append(&zone->pagesets, &zone->nr_pagesets,
						   &zone->cap_pagesets, sizeof(*zone->pagesets));

	ps->cpu = cpu;
	ps->hot_cold = -1;
	nb_zoneinfo_add_line(zone, NB_ZI_LINE_PAGESET, zone->nr_pagesets - 1);
	return ps;
}

void nb_zoneinfo_rule_heading(const struct nb_zoneinfo_zone *zone, struct nb_text *out)
{
	nb_text_printf(out, "Node %d, zone %8s", zone->nid, zone->name);
}

static void rule_field(const struct nb_zoneinfo_zone *zone, const struct nb_zoneinfo_line *l,
		       struct nb_text *out)
{
	nb_text_printf(out, "%s%" PRIu64,
		       l->narrow ? start_pfn_old : nb_zoneinfo_labels[l->index].text,
		       zone->field[l->index]);
}

static void rule_protection(const struct nb_zoneinfo_zone *zone, struct nb_text *out)
{
	nb_text_puts(out, "        protection: (");
	for (unsigned i = 0; i < zone->nr_protection; i++)
		nb_text_printf(out, "%s%" PRIu64, i ? ", " : "", zone->protection[i]);
	nb_text_puts(out, ")");
}

static void rule_item(const struct nb_items *items, uint32_t i, unsigned indent,
		      struct nb_text *out)
{
	nb_text_printf(out, "%*s%-12s %" PRIu64, (int)indent, "", items->v[i].name,
		       items->v[i].value);
}

static void rule_pageset(const struct nb_zoneinfo_pageset *ps, struct nb_text *out)
{
	nb_text_printf(out, "    cpu: %d", ps->cpu);
	if (ps->hot_cold >= 0)
		nb_text_printf(out, " pcp: %d", ps->hot_cold);
	if (ps->has_max)
		nb_text_printf(out,
			       "\n              count:    %u\n              high:     %u"
			       "\n              batch:    %u\n              high_min: %u"
			       "\n              high_max: %u",
			       ps->count, ps->high, ps->batch, ps->high_min, ps->high_max);
	else
		nb_text_printf(out,
			       "\n              count: %u\n              high:  %u"
			       "\n              batch: %u",
			       ps->count, ps->high, ps->batch);
	if (ps->has_threshold)
		nb_text_printf(out, "\n  vm stats threshold: %u", ps->threshold);
}

void nb_zoneinfo_rule_line(const struct nb_zoneinfo *z, const struct nb_zoneinfo_zone *zone,
			   const struct nb_zoneinfo_line *l, struct nb_text *out)
{
	unsigned indent = z->item_indent ? z->item_indent : 6;

	switch (l->kind) {
	case NB_ZI_LINE_FIELD:
		rule_field(zone, l, out);
		break;
	case NB_ZI_LINE_PROTECTION:
		rule_protection(zone, out);
		break;
	case NB_ZI_LINE_NODE_STATS:
		nb_text_puts(out, "  per-node stats");
		break;
	case NB_ZI_LINE_NODE_ITEM:
		rule_item(&zone->node_items, l->index, indent, out);
		break;
	case NB_ZI_LINE_ITEM:
		rule_item(&zone->items, l->index, indent, out);
		break;
	case NB_ZI_LINE_PAGESETS:
		nb_text_puts(out, "  pagesets");
		break;
	case NB_ZI_LINE_PAGESET:
		rule_pageset(&zone->pagesets[l->index], out);
		break;
	case NB_ZI_LINE_RAW:
		break;
	}
}

static void print_zone(const struct nb_zoneinfo *z, const struct nb_zoneinfo_zone *zone, bool last,
		       struct nb_text *out)
{
	if (zone->raw)
		nb_text_puts(out, zone->raw);
	else
		nb_zoneinfo_rule_heading(zone, out);
	if (!last || !z->cut || zone->nr_lines)
		nb_text_add(out, "\n", 1);
	for (size_t i = 0; i < zone->nr_lines; i++) {
		const struct nb_zoneinfo_line *l = &zone->lines[i];
		const char *raw =
			l->kind == NB_ZI_LINE_PAGESET ? zone->pagesets[l->index].raw : l->raw;

		if (raw)
			nb_text_puts(out, raw);
		else
			nb_zoneinfo_rule_line(z, zone, l, out);
		if (!last || !z->cut || i + 1 < zone->nr_lines)
			nb_text_add(out, "\n", 1);
	}
}

void nb_zoneinfo_print(const struct nb_zoneinfo *z, struct nb_text *out)
{
	for (size_t i = 0; i < z->nr_zones; i++)
		print_zone(z, &z->zones[i], i + 1 == z->nr_zones, out);
}

static json_t *items_json(const struct nb_items *l)
{
	json_t *j = json_object();

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].name)
			json_object_set_new(j, l->v[i].name, nb_json_u64(l->v[i].value));
	return j;
}

static json_t *pageset_json(const struct nb_zoneinfo_pageset *ps)
{
	json_t *j = json_object();

	json_object_set_new(j, "cpu", json_integer(ps->cpu));
	if (ps->hot_cold >= 0)
		json_object_set_new(j, "pcp", json_integer(ps->hot_cold));
	json_object_set_new(j, "count_pages", json_integer(ps->count));
	json_object_set_new(j, "high_pages", json_integer(ps->high));
	json_object_set_new(j, "batch_pages", json_integer(ps->batch));
	if (ps->has_max) {
		json_object_set_new(j, "high_min_pages", json_integer(ps->high_min));
		json_object_set_new(j, "high_max_pages", json_integer(ps->high_max));
	}
	if (ps->has_threshold)
		json_object_set_new(j, "stat_threshold_pages", json_integer(ps->threshold));
	return j;
}

static json_t *zone_json(const struct nb_zoneinfo_zone *zone)
{
	json_t *j = json_object(), *a;

	json_object_set_new(j, "node", json_integer(zone->nid));
	json_object_set_new(j, "zone", nb_json_string(zone->name));
	for (unsigned f = 0; f < NB_ZI_NR_FIELDS; f++)
		if (zone->has >> f & 1)
			json_object_set_new(j, nb_zoneinfo_labels[f].key,
					    nb_json_u64(zone->field[f]));
	if (zone->protection) {
		a = json_array();
		for (unsigned i = 0; i < zone->nr_protection; i++)
			json_array_append_new(a, nb_json_u64(zone->protection[i]));
		json_object_set_new(j, "protection_pages", a);
	}
	if (zone->items.n)
		json_object_set_new(j, "counters", items_json(&zone->items));
	if (zone->node_items.n)
		json_object_set_new(j, "node_counters", items_json(&zone->node_items));
	if (zone->nr_pagesets) {
		a = json_array();
		for (size_t i = 0; i < zone->nr_pagesets; i++)
			json_array_append_new(a, pageset_json(&zone->pagesets[i]));
		json_object_set_new(j, "per_cpu", a);
	}
	return j;
}

json_t *nb_zoneinfo_json(const struct nb_zoneinfo *z)
{
	json_t *j = json_object(), *a = json_array();

	for (size_t i = 0; i < z->nr_zones; i++)
		json_array_append_new(a, zone_json(&z->zones[i]));
	json_object_set_new(j, "zones", a);
	return j;
}

void nb_zoneinfo_release(struct nb_zoneinfo *z)
{
	for (size_t i = 0; i < z->nr_zones; i++) {
		struct nb_zoneinfo_zone *zone = &z->zones[i];

		free(zone->protection);
		nb_items_release(&zone->items);
		nb_items_release(&zone->node_items);
		free(zone->pagesets);
		free(zone->lines);
	}
	free(z->zones);
	nb_strings_release(&z->strings);
	*z = (struct nb_zoneinfo){0};
}
