/* touch_policy.c -- memory policies and CPU bindings out of numactl's words.
 *
 * Called by touch.c. Source: numactl(8); what the words mean to the kernel: set_mempolicy(2).
 */
#include "sim/touch.h"

#include "sim/nodelist.h"

#include "base/hosted/text.h"
#include "base/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY "nodes with memory"

/* numactl's --preferred takes one node. */
static int check_one(const struct nb_touch_policy *p, struct nb_error *err)
{
	if (p->mode == NB_MPOL_PREFERRED && nb_nodemask_weight(&p->nodes) != 1)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s: takes one node; --preferred-many takes several", p->label);
	return 0;
}

int nb_touch_policy_numactl(const struct nb_numactl_options *o, const struct nb_nodemask *memory,
			    struct nb_touch_policy *ret_policy, struct nb_error *err)
{
	const struct {
		const char *option, *value;
		int mode;
	} given[] = {
		{"--interleave", o->interleave, NB_MPOL_INTERLEAVE},
		{"--weighted-interleave", o->weighted_interleave, NB_MPOL_WEIGHTED_INTERLEAVE},
		{"--preferred", o->preferred, NB_MPOL_PREFERRED},
		{"--preferred-many", o->preferred_many, NB_MPOL_PREFERRED_MANY},
		{"--membind", o->membind, NB_MPOL_BIND},
		{"--localalloc", o->localalloc ? "" : NULL, NB_MPOL_LOCAL},
	};
	struct nb_touch_policy p = {.label = "default", .mode = NB_MPOL_DEFAULT};
	const char *first = NULL;
	int ret;

	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		if (!given[i].value)
			continue;
		if (first)
			return nb_error_set(
				err, -NB_EINVAL, 0,
				"%s and %s: a task has one memory policy; give one of them", first,
				given[i].option);
		first = given[i].option;
		p.mode = given[i].mode;
		if (p.mode == NB_MPOL_LOCAL) {
			snprintf(p.label, sizeof(p.label), "%s", first);
			continue;
		}
		snprintf(p.label, sizeof(p.label), "%s=%s", first, given[i].value);
		ret = nb_nodelist_parse(given[i].value, first, MEMORY, memory->bits, NULL,
					p.nodes.bits, NB_MAX_NODES, err);
		if (ret)
			return ret;
		ret = check_one(&p, err);
		if (ret)
			return ret;
	}
	*ret_policy = p;
	return 0;
}

static const struct {
	const char *name;
	int mode;
	bool nodes;
} words[] = {
	{"default", NB_MPOL_DEFAULT, false},
	{"local", NB_MPOL_LOCAL, false},
	{"localalloc", NB_MPOL_LOCAL, false},
	{"bind", NB_MPOL_BIND, true},
	{"membind", NB_MPOL_BIND, true},
	{"preferred", NB_MPOL_PREFERRED, true},
	{"preferred-many", NB_MPOL_PREFERRED_MANY, true},
	{"interleave", NB_MPOL_INTERLEAVE, true},
	{"weighted-interleave", NB_MPOL_WEIGHTED_INTERLEAVE, true},
};

/* The mode that a piece "bind=1" or "default" begins, or -1. */
static int word_at(const char *s, size_t len)
{
	size_t name = 0;

	while (name < len && s[name] != '=')
		name++;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].name) == name && !memcmp(words[i].name, s, name))
			return (int)i;
	return -1;
}

/* Length of the policy that begins at s: up to a comma that another mode follows. */
static size_t policy_length(const char *s)
{
	size_t end = strcspn(s, ",");

	while (s[end] == ',') {
		const char *next = s + end + 1;
		size_t len = strcspn(next, ",");

		if (word_at(next, len) >= 0 || !len || strspn(next, "0123456789-+!") == 0)
			break;
		end += 1 + len;
	}
	return end;
}

static int read_policy(const char *s, size_t len, const struct nb_nodemask *memory,
		       struct nb_touch_policy *p, struct nb_error *err)
{
	int w = word_at(s, len), ret;
	const char *eq = memchr(s, '=', len);
	char *list;

	if (w < 0)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "--policies: unknown policy '%.*s'; known: default, local, "
				    "bind=NODES, preferred=NODE, preferred-many=NODES, "
				    "interleave=NODES, weighted-interleave=NODES",
				    (int)(len > 60 ? 60 : len), s);
	if (words[w].nodes != (eq != NULL))
		return nb_error_set(err, -NB_EINVAL, 0, "--policies: '%s' %s", words[w].name,
				    eq ? "takes no nodes" : "needs nodes, as in bind=1");
	*p = (struct nb_touch_policy){.mode = words[w].mode};
	snprintf(p->label, sizeof(p->label), "%.*s", (int)len, s);
	if (!eq)
		return 0;
	list = nb_xstrndup(eq + 1, len - (size_t)(eq + 1 - s));
	ret = nb_nodelist_parse(list, words[w].name, MEMORY, memory->bits, NULL, p->nodes.bits,
				NB_MAX_NODES, err);
	free(list);
	return ret ? ret : check_one(p, err);
}

int nb_touch_policy_list(const char *text, const struct nb_nodemask *memory,
			 struct nb_touch_policy **ret_policies, unsigned *ret_n,
			 struct nb_error *err)
{
	struct nb_touch_policy *p = NULL;
	unsigned n = 0;
	int ret;

	for (const char *s = text;;) {
		size_t len = policy_length(s);

		p = nb_xrealloc(p, n + 1, sizeof(*p));
		ret = read_policy(s, len, memory, &p[n++], err);
		if (ret) {
			free(p);
			return ret;
		}
		if (!s[len])
			break;
		s += len + 1;
	}
	*ret_policies = p;
	*ret_n = n;
	return 0;
}

int nb_touch_cpus(const struct nb_numactl_options *o, const struct nb_cost *cost,
		  struct nb_cpumask *ret_cpus, bool *ret_given, struct nb_error *err)
{
	struct nb_cpumask online = {0}, cpus;
	struct nb_nodemask with_cpus = {0}, nodes;
	int ret;

	for (unsigned i = 0; i < cost->nr_cpus; i++) {
		if (cost->cpu_node[i] == NB_NO_NODE)
			continue;
		nb_cpumask_set(&online, i);
		nb_nodemask_set(&with_cpus, cost->cpu_node[i]);
	}
	cpus = online;
	if (o->cpunodebind) {
		ret = nb_nodelist_parse(o->cpunodebind, "--cpunodebind", "nodes with CPUs",
					with_cpus.bits, NULL, nodes.bits, NB_MAX_NODES, err);
		if (ret)
			return ret;
		for (unsigned i = 0; i < cost->nr_cpus; i++)
			if (cost->cpu_node[i] != NB_NO_NODE &&
			    !nb_nodemask_test(&nodes, cost->cpu_node[i]))
				nb_cpumask_clear(&cpus, i);
	}
	if (o->physcpubind) {
		online = cpus;
		ret = nb_nodelist_parse(o->physcpubind, "--physcpubind",
					o->cpunodebind ? "CPUs on these nodes" : "CPUs",
					online.bits, NULL, cpus.bits, NB_MAX_CPUS, err);
		if (ret)
			return ret;
	}
	*ret_cpus = cpus;
	*ret_given = o->cpunodebind || o->physcpubind;
	return 0;
}
