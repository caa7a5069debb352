/* view.c -- the registry of views: their names, finding one, rendering it.
 *
 * What a view does stands in view_forms.c. To add one: its row here, in the order in which help
 * lists them, and its function there.
 */
#include "view/scan.h"
#include "view/view_priv.h"
#include <string.h>

static const struct nb_view views[] = {
	{"summary", "the machine, its nodes and zones, what is given and what is computed", false,
	 nb_view_make_summary},
	{"zoneinfo", "/proc/zoneinfo: zones with marks, spans, counters, page sets", false,
	 nb_view_make_zoneinfo},
	{"buddyinfo", "/proc/buddyinfo: free blocks per order", false, nb_view_make_buddyinfo},
	{"pagetypeinfo", "/proc/pagetypeinfo: free blocks and pageblocks per migrate type", false,
	 nb_view_make_pagetypeinfo},
	{"meminfo", "/proc/meminfo", false, nb_view_make_meminfo},
	{"vmstat", "/proc/vmstat", false, nb_view_make_vmstat},
	{"iomem", "/proc/iomem: physical address ranges", false, nb_view_make_iomem},
	{"extfrag_index", "debugfs: why an allocation of an order would fail", false,
	 nb_view_make_extfrag},
	{"unusable_index", "debugfs: share of free memory of no use to an order", false,
	 nb_view_make_unusable},
	{"node/N/meminfo", "a node's meminfo", true, nb_view_make_node_meminfo},
	{"node/N/numastat", "a node's NUMA counters", true, nb_view_make_node_numastat},
	{"node/N/vmstat", "a node's counters", true, nb_view_make_node_vmstat},
	{"node/N/distance", "a node's distances to all nodes", true, nb_view_make_node_distance},
	{"sysrq-m", "the kernel's Mem-Info report", false, nb_view_make_showmem},
	{"hardware", "as numactl --hardware: CPUs, sizes, distances", false, nb_view_make_hardware},
	{"numastat", "as the program numastat: NUMA counters, a column per node", false,
	 nb_view_make_numastat},
	{"free", "as the program free", false, nb_view_make_free},
	{"zonelists", "boot messages: fallback orders and policy zone", false,
	 nb_view_make_zonelists},
	{"layout", "boot messages: zone ranges, Movable starts, node ranges", false,
	 nb_view_make_layout},
	{"fragmentation", "is the free memory of use? judged zone by zone", false,
	 nb_view_make_fragmentation},
};

#define NR_VIEWS (sizeof(views) / sizeof(views[0]))

const struct nb_view *nb_view_at(unsigned i)
{
	return i < NR_VIEWS ? &views[i] : NULL;
}

/* "node/3/meminfo" against "node/N/meminfo". */
static bool matches(const struct nb_view *v, const char *name, int *ret_nid)
{
	struct nb_cursor cur;
	uint64_t nid;

	if (!v->per_node) {
		*ret_nid = NB_NO_NODE;
		return strcmp(v->name, name) == 0;
	}
	cur = nb_cursor(name, strlen(name));
	if (!nb_cur_lit(&cur, "node/") || !nb_cur_max(&cur, INT32_MAX, &nid) ||
	    strcmp(cur.p, v->name + strlen("node/N")) != 0)
		return false;
	*ret_nid = (int)nid;
	return true;
}

/* Edit distance of two short words; anything long is far. */
static unsigned edits(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned row[MAX + 1], la = (unsigned)strlen(a), lb = (unsigned)strlen(b);

	if (la > MAX || lb > MAX)
		return MAX;
	for (unsigned k = 0; k <= lb; k++)
		row[k] = k;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned k = 1; k <= lb; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[lb];
}

static void unknown(const char *name, struct nb_error *err)
{
	struct nb_text known = {0};
	const struct nb_view *nearest = NULL;
	unsigned best = 4;

	for (size_t i = 0; i < NR_VIEWS; i++) {
		unsigned d = edits(name, views[i].name);

		nb_text_printf(&known, "%s%s", i ? " " : "", views[i].name);
		if (d < best) {
			best = d;
			nearest = &views[i];
		}
	}
	if (nearest)
		nb_error_set(err, -NB_EINVAL, 0, "unknown view \"%.64s\"; did you mean %s?", name,
			     nearest->name);
	else
		nb_error_set(err, -NB_EINVAL, 0, "unknown view \"%.64s\", expected one of: %s",
			     name, nb_text_str(&known));
	nb_text_release(&known);
}

const struct nb_view *nb_view_find(const char *name, int *ret_nid, struct nb_error *err)
{
	for (size_t i = 0; i < NR_VIEWS; i++)
		if (matches(&views[i], name, ret_nid))
			return &views[i];
	unknown(name, err);
	return NULL;
}

int nb_view_json(const struct nb_view *v, int nid, const struct nb_view_source *src, json_t **ret,
		 struct nb_error *err)
{
	return v->make(src, nid, NULL, ret, err);
}

int nb_view_render(const struct nb_view *v, int nid, const struct nb_view_source *src,
		   enum nb_view_format format, struct nb_text *out, struct nb_error *err)
{
	json_t *j = NULL;
	int ret;

	if (format == NB_VIEW_TEXT)
		return v->make(src, nid, out, NULL, err);
	ret = v->make(src, nid, NULL, &j, err);
	if (!ret)
		nb_json_write(j, out);
	json_decref(j);
	return ret;
}
