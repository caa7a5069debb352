/* numa_maps.c -- /proc/PID/numa_maps: parser, printer, JSON; the text of a policy.
 *
 * Called through numa_maps.h. The order of a line's words is the kernel's; a line whose words stand
 * otherwise is kept as it is. Source: fs/proc/task_mmu.c, show_numa_map(); facts 6.7.
 */
#include "view/numa_maps.h"
#include "base/mask.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_line(const struct nb_numa_maps_line *l, struct nb_text *out)
{
	nb_text_printf(out, "%08" PRIx64 " %s", l->start, l->policy);
	if (l->file)
		nb_text_printf(out, " file=%s", l->file);
	else if (l->heap)
		nb_text_puts(out, " heap");
	else if (l->stack)
		nb_text_puts(out, " stack");
	if (l->huge)
		nb_text_puts(out, " huge");
	if (l->anon)
		nb_text_printf(out, " anon=%" PRIu64, l->anon);
	if (l->dirty)
		nb_text_printf(out, " dirty=%" PRIu64, l->dirty);
	if (l->mapped)
		nb_text_printf(out, " mapped=%" PRIu64, l->mapped);
	if (l->mapmax)
		nb_text_printf(out, " mapmax=%" PRIu64, l->mapmax);
	if (l->swapcache)
		nb_text_printf(out, " swapcache=%" PRIu64, l->swapcache);
	if (l->has_active)
		nb_text_printf(out, " active=%" PRIu64, l->active);
	if (l->writeback)
		nb_text_printf(out, " writeback=%" PRIu64, l->writeback);
	for (size_t i = 0; i < l->nr_nodes; i++)
		nb_text_printf(out, " N%d=%" PRIu64, l->nodes[i].nid, l->nodes[i].pages);
	if (l->kernelpagesize_kib)
		nb_text_printf(out, " kernelpagesize_kB=%" PRIu64, l->kernelpagesize_kib);
}

/* ---- parser ---- */

static const char *const policies[] = {
	"default", "prefer (many)", "prefer", "bind", "interleave", "local", "weighted interleave"};

/* The policy's words, of which two have a blank inside. */
static bool take_policy(struct nb_cursor *c, struct nb_strings *p, const char **ret)
{
	const char *begin = c->p, *rest;

	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		if (!nb_cur_lit(c, policies[i]))
			continue;
		nb_cur_word(c, 0, &rest);
		*ret = nb_strings_intern(p, begin, (size_t)(c->p - begin));
		return true;
	}
	return false;
}

static bool take_node(struct nb_cursor *c, struct nb_numa_maps_line *l)
{
	struct nb_numa_maps_node *n;
	uint64_t nid, pages;

	if (!nb_cur_lit(c, "N") || !nb_cur_max(c, NB_MAX_NODES - 1, &nid) || !nb_cur_lit(c, "=") ||
	    !nb_cur_u64(c, &pages))
		return false;
	n = nb_append(&l->nodes, &l->nr_nodes, &l->cap_nodes, sizeof(*n));
	n->nid = (int)nid;
	n->pages = pages;
	return true;
}

static bool take_count(struct nb_cursor *c, struct nb_numa_maps_line *l)
{
	const struct {
		const char *name;
		uint64_t *v;
	} counts[] = {
		{"anon=", &l->anon},           {"dirty=", &l->dirty},
		{"mapped=", &l->mapped},       {"mapmax=", &l->mapmax},
		{"swapcache=", &l->swapcache}, {"active=", &l->active},
		{"writeback=", &l->writeback}, {"kernelpagesize_kB=", &l->kernelpagesize_kib},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		if (!nb_cur_lit(c, counts[i].name))
			continue;
		l->has_active |= counts[i].v == &l->active;
		return nb_cur_u64(c, counts[i].v);
	}
	return false;
}

/* One word behind the policy; false: not known. */
static bool take_word(struct nb_cursor *c, struct nb_strings *p, struct nb_numa_maps_line *l)
{
	const char *w;
	size_t n;

	if (nb_cur_lit(c, "file=")) {
		n = nb_cur_word(c, 0, &w);
		l->file = nb_strings_intern(p, w, n);
		return true;
	}
	if (nb_cur_lit(c, "heap"))
		return l->heap = true;
	if (nb_cur_lit(c, "stack"))
		return l->stack = true;
	if (nb_cur_lit(c, "huge"))
		return l->huge = true;
	return *c->p == 'N' ? take_node(c, l) : take_count(c, l);
}

static int parse_line(struct nb_scan *sc, struct nb_numa_maps *m, struct nb_error *err)
{
	struct nb_cursor c = nb_cursor(sc->s, sc->n);
	struct nb_numa_maps_line *l = nb_append(&m->lines, &m->nr_lines, &m->cap_lines, sizeof(*l));
	struct nb_text rule = {0};

	if (sc->cut) {
		m->cut = true;
		l->raw = nb_scan_raw(sc, &m->strings, NULL);
		return 0;
	}
	if (!nb_cur_hex(&c, &l->start) || !nb_cur_blanks(&c) ||
	    !take_policy(&c, &m->strings, &l->policy))
		return nb_scan_fail(sc, err, "mapping",
				    "an address and a policy, as in "
				    "\"7f00 default anon=1 N0=1\"");
	while (nb_cur_lit(&c, " ") && !nb_cur_end(&c) && take_word(&c, &m->strings, l))
		;
	print_line(l, &rule);
	l->raw = nb_scan_raw(sc, &m->strings, &rule);
	nb_text_release(&rule);
	return 0;
}

int nb_numa_maps_parse(const char *text, size_t len, struct nb_numa_maps *m, struct nb_error *err)
{
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*m = (struct nb_numa_maps){0};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, m, err);
	if (!ret && !m->nr_lines)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "found no mapping, expected lines \"ADDRESS POLICY ...\"");
	if (ret)
		nb_numa_maps_release(m);
	return ret;
}

void nb_numa_maps_print(const struct nb_numa_maps *m, struct nb_text *out)
{
	for (size_t i = 0; i < m->nr_lines; i++) {
		if (m->lines[i].raw)
			nb_text_puts(out, m->lines[i].raw);
		else
			print_line(&m->lines[i], out);
		if (!m->cut || i + 1 < m->nr_lines)
			nb_text_add(out, "\n", 1);
	}
}

void nb_numa_maps_release(struct nb_numa_maps *m)
{
	for (size_t i = 0; i < m->nr_lines; i++)
		free(m->lines[i].nodes);
	free(m->lines);
	nb_strings_release(&m->strings);
	*m = (struct nb_numa_maps){0};
}

json_t *nb_numa_maps_json(const struct nb_numa_maps *m)
{
	json_t *j = json_object(), *lines = json_array();

	for (size_t i = 0; i < m->nr_lines; i++) {
		const struct nb_numa_maps_line *l = &m->lines[i];
		json_t *o, *nodes;

		if (!l->policy)
			continue;
		o = json_object();
		nodes = json_object();
		json_object_set_new(o, "start", nb_json_u64(l->start));
		json_object_set_new(o, "policy", nb_json_string(l->policy));
		if (l->file)
			json_object_set_new(o, "file", nb_json_string(l->file));
		json_object_set_new(o, "heap", json_boolean(l->heap));
		json_object_set_new(o, "stack", json_boolean(l->stack));
		json_object_set_new(o, "huge", json_boolean(l->huge));
		json_object_set_new(o, "anon", nb_json_u64(l->anon));
		json_object_set_new(o, "dirty", nb_json_u64(l->dirty));
		json_object_set_new(o, "mapped", nb_json_u64(l->mapped));
		json_object_set_new(o, "swapcache", nb_json_u64(l->swapcache));
		json_object_set_new(o, "writeback", nb_json_u64(l->writeback));
		if (l->has_active)
			json_object_set_new(o, "active", nb_json_u64(l->active));
		for (size_t k = 0; k < l->nr_nodes; k++) {
			char key[16];

			snprintf(key, sizeof(key), "%d", l->nodes[k].nid);
			json_object_set_new(nodes, key, nb_json_u64(l->nodes[k].pages));
		}
		json_object_set_new(o, "pages_by_node", nodes);
		json_object_set_new(o, "page_kib", nb_json_u64(l->kernelpagesize_kib));
		json_array_append_new(lines, o);
	}
	json_object_set_new(j, "mappings", lines);
	return j;
}

/* ---- policies ---- */

#define BALANCING_SHOWN_SINCE 6001u /* 6.1.192 as recorded */

void nb_mpol_text(int mode_and_flags, const struct nb_nodemask *nodes,
		  const struct nb_kernel_profile *profile, struct nb_text *out)
{
	static const char *const name[NB_MPOL_MAX] = {
		[NB_MPOL_DEFAULT] = "default",
		[NB_MPOL_PREFERRED] = "prefer",
		[NB_MPOL_BIND] = "bind",
		[NB_MPOL_INTERLEAVE] = "interleave",
		[NB_MPOL_LOCAL] = "local",
		[NB_MPOL_PREFERRED_MANY] = "prefer (many)",
		[NB_MPOL_WEIGHTED_INTERLEAVE] = "weighted interleave",
	};
	const int all =
		NB_MPOL_F_STATIC_NODES | NB_MPOL_F_RELATIVE_NODES | NB_MPOL_F_NUMA_BALANCING;
	int flags = mode_and_flags & all, mode = mode_and_flags & ~all;

	nb_text_puts(out, mode >= 0 && mode < NB_MPOL_MAX ? name[mode] : "unknown");
	if (flags)
		nb_text_puts(out, "=");
	if (flags & NB_MPOL_F_STATIC_NODES)
		nb_text_puts(out, "static");
	else if (flags & NB_MPOL_F_RELATIVE_NODES)
		nb_text_puts(out, "relative");
	if ((flags & NB_MPOL_F_NUMA_BALANCING) && profile->version >= BALANCING_SHOWN_SINCE)
		nb_text_printf(out, "%sbalancing", flags & (flags - 1) ? "|" : "");
	if (mode != NB_MPOL_DEFAULT && mode != NB_MPOL_LOCAL && !nb_nodemask_empty(nodes)) {
		nb_text_puts(out, ":");
		nb_text_add_list(out, nodes->bits, NB_MAX_NODES);
	}
}
