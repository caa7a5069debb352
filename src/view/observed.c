/* observed.c -- texts of a capture, handed over by name, into the models of their forms.
 *
 * Called by read/capture_views.c. A second text of one name replaces the first; a text that its
 * parser refuses changes nothing. Which names there are stands in observed.h.
 */
#include "view/observed.h"
#include "base/mask.h"
#include "view/scan.h"
#include <stdlib.h>
#include <string.h>

/* Each parses into a model of its own and replaces the old one only when that went well. */
#define REPLACE(flag, member, release, call)        \
	do {                                        \
		ret = (call);                       \
		if (!ret) {                         \
			if (flag)                   \
				release(&(member)); \
			(member) = model;           \
			(flag) = true;              \
		}                                   \
	} while (0)

static struct nb_observed_node *node_of(struct nb_observed *o, int nid)
{
	struct nb_observed_node n = {.nid = nid};
	size_t at = 0;

	while (at < o->nr_nodes && o->nodes[at].nid < nid)
		at++;
	if (at < o->nr_nodes && o->nodes[at].nid == nid)
		return &o->nodes[at];
	nb_append(&o->nodes, &o->nr_nodes, &o->cap_nodes, sizeof(*o->nodes));
	memmove(&o->nodes[at + 1], &o->nodes[at], (o->nr_nodes - 1 - at) * sizeof(*o->nodes));
	o->nodes[at] = n;
	return &o->nodes[at];
}

static int add_counters(bool *has, struct nb_counters *member, const char *text, size_t len,
			struct nb_error *err)
{
	struct nb_counters model;
	int ret;

	REPLACE(*has, *member, nb_counters_release, nb_counters_parse(text, len, &model, err));
	return ret;
}

static int add_meminfo(bool *has, struct nb_meminfo *member, const char *text, size_t len,
		       struct nb_error *err)
{
	struct nb_meminfo model;
	int ret;

	REPLACE(*has, *member, nb_meminfo_release, nb_meminfo_parse(text, len, &model, err));
	return ret;
}

static int add_cpus(struct nb_observed_node *n, const char *text, size_t len, struct nb_error *err)
{
	if (nb_bits_parse_list(text, len, n->cpus.bits, NB_MAX_CPUS))
		return nb_error_set(err, -NB_EINVAL, 1, "expected a list of CPUs such as 0-3,8");
	n->has_cpus = true;
	return 0;
}

static int add_distance(struct nb_observed_node *n, const char *text, size_t len,
			struct nb_error *err)
{
	int ret = nb_distance_parse(text, len, &n->distance, err);

	n->has_distance = n->has_distance || !ret;
	return ret;
}

static int add_to_node(struct nb_observed_node *n, const char *file, const char *text, size_t len,
		       struct nb_error *err)
{
	if (strcmp(file, "meminfo") == 0)
		return add_meminfo(&n->has_meminfo, &n->meminfo, text, len, err);
	if (strcmp(file, "numastat") == 0)
		return add_counters(&n->has_numastat, &n->numastat, text, len, err);
	if (strcmp(file, "vmstat") == 0)
		return add_counters(&n->has_vmstat, &n->vmstat, text, len, err);
	if (strcmp(file, "distance") == 0)
		return add_distance(n, text, len, err);
	if (strcmp(file, "cpulist") == 0)
		return add_cpus(n, text, len, err);
	return -NB_ENOENT;
}

/* "N/meminfo" and its like, behind "node/". A node of which nothing is known is not kept. */
static int add_node_file(struct nb_observed *o, const char *name, const char *text, size_t len,
			 struct nb_error *err)
{
	struct nb_cursor cur = nb_cursor(name, strlen(name));
	struct nb_observed_node *n;
	uint64_t nid;
	int ret;

	if (!nb_cur_max(&cur, NB_MAX_NODES - 1, &nid) || !nb_cur_lit(&cur, "/"))
		return -NB_ENOENT;
	n = node_of(o, (int)nid);
	ret = add_to_node(n, cur.p, text, len, err);
	if (!n->has_meminfo && !n->has_numastat && !n->has_vmstat && !n->has_distance &&
	    !n->has_cpus) {
		size_t at = (size_t)(n - o->nodes);

		memmove(n, n + 1, (--o->nr_nodes - at) * sizeof(*n));
		memset(&o->nodes[o->nr_nodes], 0, sizeof(*n));
	}
	return ret;
}

static int add_extfrag(struct nb_observed *o, enum nb_extfrag_kind kind, const char *text,
		       size_t len, struct nb_error *err)
{
	bool *has = kind == NB_EXTFRAG_INDEX ? &o->has_extfrag : &o->has_unusable;
	struct nb_extfrag *member = kind == NB_EXTFRAG_INDEX ? &o->extfrag : &o->unusable;
	struct nb_extfrag model;
	int ret;

	REPLACE(*has, *member, nb_extfrag_release, nb_extfrag_parse(text, len, kind, &model, err));
	return ret;
}

#define ADD_FORM(form, type)                                                       \
	static int add_##form(struct nb_observed *o, const char *text, size_t len, \
			      struct nb_error *err)                                \
	{                                                                          \
		struct type model;                                                 \
		int ret;                                                           \
                                                                                   \
		REPLACE(o->has_##form, o->form, nb_##form##_release,               \
			nb_##form##_parse(text, len, &model, err));                \
		return ret;                                                        \
	}

ADD_FORM(zoneinfo, nb_zoneinfo)
ADD_FORM(buddyinfo, nb_buddyinfo)
ADD_FORM(pagetypeinfo, nb_pagetypeinfo)
ADD_FORM(iomem, nb_iomem)
ADD_FORM(hardware, nb_hardware)
ADD_FORM(numastat, nb_numastat)
ADD_FORM(zonelists, nb_zonelists)
ADD_FORM(layout, nb_layout)
ADD_FORM(showmem, nb_showmem)

/* The last report of a log; that there is none is no error. */
static int add_last_showmem(struct nb_observed *o, const char *text, size_t len,
			    struct nb_error *err)
{
	for (;;) {
		struct nb_error why = {0};
		int ret = add_showmem(o, text, len, &why);

		if (ret == -NB_ENOENT)
			return 0;
		if (ret)
			return nb_error_set(err, ret, why.line, "%s", why.text);
		text += o->showmem.used;
		len -= o->showmem.used;
	}
}

/* A boot log: what it has of the three; a log that has none of them is none of our concern. */
static int add_dmesg(struct nb_observed *o, const char *text, size_t len, struct nb_error *err)
{
	int ret = add_zonelists(o, text, len, NULL);

	if (!ret || ret == -NB_ENOENT)
		ret = add_layout(o, text, len, NULL);
	if (!ret || ret == -NB_ENOENT)
		ret = add_last_showmem(o, text, len, err);
	return ret;
}

int nb_observed_add(struct nb_observed *o, const char *name, const char *text, size_t len,
		    struct nb_error *err)
{
	static const struct {
		const char *name;
		int (*add)(struct nb_observed *, const char *, size_t, struct nb_error *);
	} forms[] = {
		{"zoneinfo", add_zoneinfo},         {"buddyinfo", add_buddyinfo},
		{"pagetypeinfo", add_pagetypeinfo}, {"iomem", add_iomem},
		{"hardware", add_hardware},         {"numastat", add_numastat},
		{"zonelists", add_zonelists},       {"layout", add_layout},
		{"sysrq-m", add_showmem},           {"dmesg", add_dmesg},
	};
	int ret = -NB_ENOENT;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(name, forms[i].name) != 0)
			continue;
		ret = forms[i].add(o, text, len, err);
		if (ret)
			nb_error_file(err, name);
		return ret;
	}
	if (strcmp(name, "meminfo") == 0)
		ret = add_meminfo(&o->has_meminfo, &o->meminfo, text, len, err);
	else if (strcmp(name, "vmstat") == 0)
		ret = add_counters(&o->has_vmstat, &o->vmstat, text, len, err);
	else if (strcmp(name, "extfrag_index") == 0)
		ret = add_extfrag(o, NB_EXTFRAG_INDEX, text, len, err);
	else if (strcmp(name, "unusable_index") == 0)
		ret = add_extfrag(o, NB_EXTFRAG_UNUSABLE, text, len, err);
	else if (strncmp(name, "node/", 5) == 0)
		ret = add_node_file(o, name + 5, text, len, err);
	if (ret && ret != -NB_ENOENT)
		nb_error_file(err, name);
	return ret;
}

const struct nb_observed_node *nb_observed_node(const struct nb_observed *o, int nid)
{
	for (size_t i = 0; i < o->nr_nodes; i++)
		if (o->nodes[i].nid == nid)
			return &o->nodes[i];
	return NULL;
}

void nb_observed_release(struct nb_observed *o)
{
	nb_zoneinfo_release(&o->zoneinfo);
	nb_buddyinfo_release(&o->buddyinfo);
	nb_pagetypeinfo_release(&o->pagetypeinfo);
	nb_meminfo_release(&o->meminfo);
	nb_counters_release(&o->vmstat);
	nb_iomem_release(&o->iomem);
	nb_extfrag_release(&o->extfrag);
	nb_extfrag_release(&o->unusable);
	nb_hardware_release(&o->hardware);
	nb_numastat_release(&o->numastat);
	nb_zonelists_release(&o->zonelists);
	nb_layout_release(&o->layout);
	nb_showmem_release(&o->showmem);
	for (size_t i = 0; i < o->nr_nodes; i++) {
		nb_meminfo_release(&o->nodes[i].meminfo);
		nb_counters_release(&o->nodes[i].numastat);
		nb_counters_release(&o->nodes[i].vmstat);
	}
	free(o->nodes);
	*o = (struct nb_observed){0};
}
