/* view_forms.c -- every view from either source: a model gets ready, its printer or JSON is called.
 *
 * Called through the registry in view.c. A model of the capture is used in place; one filled from
 * the system, or put together from other files of the capture, is released again.
 */
#include "view/fragmentation.h"
#include "view/freemem.h"
#include "view/observed.h"
#include "view/summary.h"
#include "view/view_priv.h"

static int missing(struct nb_error *err, const char *what)
{
	return nb_error_set(err, -NB_ENOENT, 0, "the capture does not hold %s", what);
}

/* A view whose form has one model for the whole machine: `member` of the capture. */
#define WHOLE_FORM(view, member, type, from, print, to_json, release, what)                     \
	int nb_view_make_##view(const struct nb_view_source *src, int nid, struct nb_text *out, \
				json_t **json, struct nb_error *err)                            \
	{                                                                                       \
		const struct type *m;                                                           \
		struct type own;                                                                \
                                                                                                \
		(void)nid;                                                                      \
		if (src->observed && !src->observed->has_##member)                              \
			return missing(err, what);                                              \
		if (!src->observed)                                                             \
			from(src->sys, &own);                                                   \
		m = src->observed ? &src->observed->member : &own;                              \
		if (out)                                                                        \
			print(m, out);                                                          \
		else                                                                            \
			*json = to_json(m);                                                     \
		if (m == &own)                                                                  \
			release(&own);                                                          \
		return 0;                                                                       \
	}

WHOLE_FORM(zoneinfo, zoneinfo, nb_zoneinfo, nb_zoneinfo_from_system, nb_zoneinfo_print,
	   nb_zoneinfo_json, nb_zoneinfo_release, "/proc/zoneinfo")
WHOLE_FORM(buddyinfo, buddyinfo, nb_buddyinfo, nb_buddyinfo_from_system, nb_buddyinfo_print,
	   nb_buddyinfo_json, nb_buddyinfo_release, "/proc/buddyinfo")
WHOLE_FORM(pagetypeinfo, pagetypeinfo, nb_pagetypeinfo, nb_pagetypeinfo_from_system,
	   nb_pagetypeinfo_print, nb_pagetypeinfo_json, nb_pagetypeinfo_release,
	   "/proc/pagetypeinfo (root alone can read it)")
WHOLE_FORM(meminfo, meminfo, nb_meminfo, nb_meminfo_from_system, nb_meminfo_print, nb_meminfo_json,
	   nb_meminfo_release, "/proc/meminfo")
WHOLE_FORM(vmstat, vmstat, nb_counters, nb_vmstat_from_system, nb_counters_print, nb_counters_json,
	   nb_counters_release, "/proc/vmstat")
WHOLE_FORM(iomem, iomem, nb_iomem, nb_iomem_from_system, nb_iomem_print, nb_iomem_json,
	   nb_iomem_release, "/proc/iomem")
WHOLE_FORM(showmem, showmem, nb_showmem, nb_showmem_from_system, nb_showmem_print, nb_showmem_json,
	   nb_showmem_release, "a Mem-Info report in its kernel log")
WHOLE_FORM(zonelists, zonelists, nb_zonelists, nb_zonelists_from_system, nb_zonelists_print,
	   nb_zonelists_json, nb_zonelists_release, "a boot log with \"Fallback order\" lines")
WHOLE_FORM(layout, layout, nb_layout, nb_layout_from_system, nb_layout_print, nb_layout_json,
	   nb_layout_release, "a boot log with \"Zone ranges:\"")

/* A view of one node's file. */
#define NODE_FORM(member, type, from, print, to_json, release)                                   \
	int nb_view_make_node_##member(const struct nb_view_source *src, int nid,                \
				       struct nb_text *out, json_t **json, struct nb_error *err) \
	{                                                                                        \
		const struct nb_observed_node *o =                                               \
			src->observed ? nb_observed_node(src->observed, nid) : NULL;             \
		const struct type *m;                                                            \
		struct type own;                                                                 \
                                                                                                 \
		if (src->observed && (!o || !o->has_##member))                                   \
			return nb_error_set(err, -NB_ENOENT, 0,                                  \
					    "the capture does not hold node%d/" #member, nid);   \
		if (!src->observed && from(src->sys, nid, &own))                                 \
			return nb_error_set(err, -NB_ENODEV, 0, "there is no node %d", nid);     \
		m = o ? &o->member : &own;                                                       \
		if (out)                                                                         \
			print(m, out);                                                           \
		else                                                                             \
			*json = to_json(m);                                                      \
		if (m == &own)                                                                   \
			release(&own);                                                           \
		return 0;                                                                        \
	}

static void distance_release(struct nb_distance *d)
{
	(void)d; /* owns nothing */
}

NODE_FORM(meminfo, nb_meminfo, nb_node_meminfo_from_system, nb_meminfo_print, nb_meminfo_json,
	  nb_meminfo_release)
NODE_FORM(numastat, nb_counters, nb_node_numastat_from_system, nb_counters_print, nb_counters_json,
	  nb_counters_release)
NODE_FORM(vmstat, nb_counters, nb_node_vmstat_from_system, nb_counters_print, nb_counters_json,
	  nb_counters_release)
NODE_FORM(distance, nb_distance, nb_distance_from_system, nb_distance_print, nb_distance_json,
	  distance_release)

/* The indices: the capture's own file, else computed from its buddyinfo. */
static int extfrag(const struct nb_view_source *src, enum nb_extfrag_kind kind, struct nb_text *out,
		   json_t **json, struct nb_error *err)
{
	const struct nb_observed *o = src->observed;
	bool index = kind == NB_EXTFRAG_INDEX;
	const struct nb_extfrag *m;
	struct nb_extfrag own = {0};

	m = &own;
	if (!o)
		nb_extfrag_from_system(src->sys, kind, &own);
	else if (index ? o->has_extfrag : o->has_unusable)
		m = index ? &o->extfrag : &o->unusable;
	else if (o->has_buddyinfo)
		nb_extfrag_from_buddyinfo(&o->buddyinfo, kind, &own);
	else
		return missing(err, "debugfs extfrag files, nor /proc/buddyinfo");
	if (out)
		nb_extfrag_print(m, out);
	else
		*json = nb_extfrag_json(m);
	nb_extfrag_release(&own);
	return 0;
}

int nb_view_make_extfrag(const struct nb_view_source *src, int nid, struct nb_text *out,
			 json_t **json, struct nb_error *err)
{
	(void)nid;
	return extfrag(src, NB_EXTFRAG_INDEX, out, json, err);
}

int nb_view_make_unusable(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err)
{
	(void)nid;
	return extfrag(src, NB_EXTFRAG_UNUSABLE, out, json, err);
}

/* Tools' text: the capture's own, else what the tool would make of the nodes' files. */
int nb_view_make_hardware(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err)
{
	const struct nb_hardware *m;
	struct nb_hardware own = {0};

	(void)nid;
	m = &own;
	if (!src->observed)
		nb_hardware_from_system(src->sys, &own);
	else if (src->observed->has_hardware)
		m = &src->observed->hardware;
	else if (!nb_hardware_from_observed(src->observed, &own))
		return missing(err, "numactl's output, nor /sys/devices/system/node");
	if (out)
		nb_hardware_print(m, out);
	else
		*json = nb_hardware_json(m);
	nb_hardware_release(&own);
	return 0;
}

int nb_view_make_numastat(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err)
{
	const struct nb_numastat *m;
	struct nb_numastat own = {0};

	(void)nid;
	m = &own;
	if (!src->observed)
		nb_numastat_from_system(src->sys, &own);
	else if (src->observed->has_numastat)
		m = &src->observed->numastat;
	else if (!nb_numastat_from_observed(src->observed, &own))
		return missing(err, "numastat's output, nor the nodes' numastat files");
	if (out)
		nb_numastat_print(m, out);
	else
		*json = nb_numastat_json(m);
	nb_numastat_release(&own);
	return 0;
}

int nb_view_make_free(const struct nb_view_source *src, int nid, struct nb_text *out, json_t **json,
		      struct nb_error *err)
{
	struct nb_freemem f;
	struct nb_meminfo m;

	(void)nid;
	if (src->observed) {
		if (!src->observed->has_meminfo)
			return missing(err, "/proc/meminfo");
		nb_freemem_from_meminfo(&src->observed->meminfo, &f);
	} else {
		nb_meminfo_from_system(src->sys, &m);
		nb_freemem_from_meminfo(&m, &f);
		nb_meminfo_release(&m);
	}
	if (out)
		nb_freemem_print(&f, out);
	else
		*json = nb_freemem_json(&f);
	return 0;
}

int nb_view_make_summary(const struct nb_view_source *src, int nid, struct nb_text *out,
			 json_t **json, struct nb_error *err)
{
	(void)nid;
	if (src->observed)
		return nb_error_set(err, -NB_ENOENT, 0,
				    "summary is numabox's own view of a booted machine: it was not "
				    "observed");
	if (out)
		nb_summary_print(src->sys, out);
	else
		*json = nb_summary_json(src->sys);
	return 0;
}

/* The order that counts as huge on the captured kernel: its pageblocks'. */
static unsigned observed_huge_order(const struct nb_observed *o)
{
	if (o->pageblock_order)
		return o->pageblock_order;
	return o->has_pagetypeinfo && o->pagetypeinfo.has_order ? o->pagetypeinfo.page_block_order
								: 9;
}

int nb_view_make_fragmentation(const struct nb_view_source *src, int nid, struct nb_text *out,
			       json_t **json, struct nb_error *err)
{
	const struct nb_observed *o = src->observed;
	const struct nb_buddyinfo *m;
	struct nb_buddyinfo own = {0};
	unsigned order, page_kib;

	(void)nid;
	if (o && !o->has_buddyinfo)
		return missing(err, "/proc/buddyinfo");
	if (o) {
		m = &o->buddyinfo;
		order = observed_huge_order(o);
		page_kib = o->page_kib ? o->page_kib : 4;
	} else {
		struct nb_system_info info;

		nb_system_info(src->sys, &info);
		nb_buddyinfo_from_system(src->sys, &own);
		m = &own;
		order = info.pageblock_order;
		page_kib = 1u << (info.page_shift - 10);
	}
	if (out)
		nb_fragmentation_print(m, order, page_kib, out);
	/* a fresh boot is never fragmented, which is not what one asks of a capture */
	if (out && src->captured)
		nb_text_puts(out, "\nThis is the machine just booted. What the capture saw: show "
				  "--observed fragmentation\n");
	if (!out)
		*json = nb_fragmentation_json(m, order, page_kib);
	nb_buddyinfo_release(&own);
	return 0;
}
