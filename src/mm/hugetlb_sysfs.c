/* hugetlb_sysfs.c -- the files that rule the pools: /sys/kernel/mm/hugepages, those of the nodes,
 * and /proc/sys/vm.
 *
 * Called by sysfs.c (nb_sysfs_read() and nb_sysfs_write()) and sysctl.c. One table names the files
 * of a pool; each says where it stands and whether it can be written. sysfs reads decimal numbers
 * alone, /proc/sys also 0x and octal ones.
 * Source: mm/hugetlb.c: nr_hugepages_store_common(), nr_overcommit_hugepages_store(),
 * hugetlb_sysctl_handler_common(), hugetlb_overcommit_handler(); lib/kstrtox.c.
 */
#include "mm/hugetlb.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "mm/boot.h"
#include "mm/sysfs.h"

/* As nb_kernel_profile.version. */
#define SYSFS_SINCE 2627u
#define NODE_FILES_SINCE 2632u
#define EVERY_ONLINE_NODE_SINCE 6001u /* before: nodes with memory */
#define OVERCOMMIT_SINCE 2624u

enum which { NR, NR_MEMPOLICY, OVERCOMMIT, FREE, RESV, SURPLUS };

static const struct attr {
	const char *name;
	enum which which;
	bool writable, numa, node, sysctl;
} attrs[] = {
	{"nr_hugepages", NR, true, false, true, true},
	{"nr_hugepages_mempolicy", NR_MEMPOLICY, true, true, false, true},
	{"nr_overcommit_hugepages", OVERCOMMIT, true, false, false, true},
	{"free_hugepages", FREE, false, false, true, false},
	{"resv_hugepages", RESV, false, false, false, false},
	{"surplus_hugepages", SURPLUS, false, false, true, false},
};
#define NR_ATTRS (sizeof(attrs) / sizeof(attrs[0]))

/* A file that was found. */
struct target {
	const struct attr *attr;
	struct nb_hstate *h;
	int nid; /* NB_NO_NODE: all */
};

static bool attr_exists(const struct nb_system *sys, const struct attr *a, bool node, bool sysctl)
{
	if ((node && !a->node) || (sysctl && !a->sysctl))
		return false;
	if (a->numa && (!nb_sysctl_has_numa(sys) || sys->profile->version < NODE_FILES_SINCE))
		return false;
	return a->which != OVERCOMMIT || sys->profile->version >= OVERCOMMIT_SINCE;
}

static const struct attr *attr_by_name(const struct nb_system *sys, const char *name, bool node,
				       bool sysctl)
{
	for (unsigned i = 0; i < NR_ATTRS; i++) {
		if (!nb_strcmp(name, attrs[i].name) && attr_exists(sys, &attrs[i], node, sysctl))
			return &attrs[i];
	}
	return NULL;
}

/* Has the node a directory of its own for huge pages? */
static bool node_has_files(const struct nb_system *sys, const struct nb_pgdat *p)
{
	if (!p || !nb_sysctl_has_numa(sys) || sys->profile->version < NODE_FILES_SINCE)
		return false;
	return p->online && (sys->profile->version >= EVERY_ONLINE_NODE_SINCE ||
			     nb_nodemask_test(&sys->memory_nodes, (unsigned)p->nid));
}

/* Skips `prefix` at *s. */
static bool skip(const char **s, const char *prefix)
{
	size_t n = nb_strlen(prefix);

	if (nb_strncmp(*s, prefix, n))
		return false;
	*s += n;
	return true;
}

static bool skip_number(const char **s, uint64_t *ret)
{
	const char *p = *s;

	if (*p < '0' || *p > '9')
		return false;
	for (*ret = 0; *p >= '0' && *p <= '9' && *ret < UINT64_C(1) << 50; p++)
		*ret = *ret * 10 + (uint64_t)(*p - '0');
	*s = p;
	return true;
}

static bool find(const struct nb_system *sys, const char *path, struct target *ret)
{
	struct nb_hugetlb *s = sys->hugetlb;
	bool node = skip(&path, "/sys/devices/system/node/node");
	uint64_t kib, nid = 0;

	if (!s)
		return false;
	ret->nid = NB_NO_NODE;
	if (!node && skip(&path, "/proc/sys/vm/")) {
		ret->h = nb_hstate_default(s);
		ret->attr = attr_by_name(sys, path, false, true);
		return ret->attr != NULL;
	}
	if (node) {
		if (!skip_number(&path, &nid) || nid >= NB_MAX_NODES ||
		    !skip(&path, "/hugepages/") ||
		    !node_has_files(sys, nb_node_data(sys, (int)nid)))
			return false;
		ret->nid = (int)nid;
	} else if (sys->profile->version < SYSFS_SINCE ||
		   !skip(&path, "/sys/kernel/mm/hugepages/")) {
		return false;
	}
	if (!skip(&path, "hugepages-") || !skip_number(&path, &kib) || !skip(&path, "kB/"))
		return false;
	ret->h = nb_hstate_by_bytes(sys, kib << 10);
	ret->attr = attr_by_name(sys, path, node, false);
	return ret->h && ret->attr;
}

static uint64_t value_of(const struct nb_system *sys, const struct target *t)
{
	const struct nb_hstate *h = t->h;
	unsigned at = t->nid == NB_NO_NODE ? 0 : nb_node_data(sys, t->nid)->index;
	bool node = t->nid != NB_NO_NODE;

	switch (t->attr->which) {
	case NR:
	case NR_MEMPOLICY:
		return node ? h->nr_node[at] : h->nr;
	case OVERCOMMIT:
		return h->overcommit;
	case FREE:
		return node ? h->free_node[at] : h->free;
	case RESV:
		return h->resv;
	default:
		return node ? h->surplus_node[at] : h->surplus;
	}
}

int nb_hugetlb_sysfs_read(const struct nb_system *sys, const char *path, char *buf, size_t n)
{
	struct target t;
	uint64_t v;

	if (!find(sys, path, &t))
		return -NB_ENOENT;
	v = value_of(sys, &t);
	/* /proc/sys shows the persistent pages. */
	if (!nb_strncmp(path, "/proc", 5) && t.attr->which <= NR_MEMPOLICY)
		v = t.h->max;
	return (int)nb_snprintf(buf, n, "%llu\n", (unsigned long long)v);
}

/* The nodes that the writer's policy names; false: it has none. */
static bool policy_nodes(const struct nb_task *task, struct nb_nodemask *ret)
{
	if (!task || !task->policy)
		return false;
	memset(ret, 0, sizeof(*ret));
	if (task->policy->mode == NB_MPOL_LOCAL)
		nb_nodemask_set(ret, (unsigned)nb_task_local_node(task));
	else
		*ret = task->policy->nodes;
	return true;
}

static int store(struct nb_system *sys, struct nb_task *task, const struct target *t, uint64_t v)
{
	struct nb_nodemask nodes = {{0}};

	if (t->attr->which == OVERCOMMIT) {
		if (t->h->gigantic)
			return -NB_EINVAL;
		t->h->overcommit = v;
		return 0;
	}
	if (t->nid != NB_NO_NODE)
		nb_nodemask_set(&nodes, (unsigned)t->nid);
	else if (t->attr->which != NR_MEMPOLICY || !policy_nodes(task, &nodes))
		nodes = sys->memory_nodes;
	return nb_hstate_set_max(sys, t->h, v, t->nid, &nodes, task);
}

int nb_hugetlb_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path,
			   const char *text)
{
	bool proc = !nb_strncmp(path, "/proc", 5);
	struct target t;
	uint64_t v;
	int err;

	if (!find(sys, path, &t))
		return -NB_ENOENT;
	if (!t.attr->writable || (task && task->uid))
		return -NB_EACCES;
	err = proc ? nb_sysctl_read_ulong(text, &v) : nb_sysfs_read_ulong(text, &v);
	return err ? err : store(sys, task, &t, v);
}

/* "vm.NAME" as a path below /proc/sys; false for other names. */
static bool sysctl_path(const char *name, char *buf, size_t n)
{
	if (nb_strncmp(name, "vm.", 3))
		return false;
	return nb_snprintf(buf, n, "/proc/sys/vm/%s", name + 3) < n;
}

int nb_hugetlb_sysctl_read(const struct nb_system *sys, const char *name, char *buf, size_t n)
{
	char path[64];
	int len;

	if (!sysctl_path(name, path, sizeof(path)))
		return -NB_ENOENT;
	len = nb_hugetlb_sysfs_read(sys, path, buf, n);
	if (len > 0 && (size_t)len <= n)
		buf[len - 1] = '\0'; /* without the file's newline */
	return len > 0 ? len - 1 : len;
}

int nb_hugetlb_sysctl_write(struct nb_system *sys, struct nb_task *task, const char *name,
			    const char *value)
{
	char path[64];

	if (!sysctl_path(name, path, sizeof(path)))
		return -NB_ENOENT;
	return nb_hugetlb_sysfs_write(sys, task, path, value);
}

bool nb_hugetlb_sysfs_path(const struct nb_system *sys, unsigned i, char *buf, size_t n)
{
	struct nb_hugetlb *s = sys->hugetlb;

	for (unsigned p = 0; s && p < s->nr_hstates && sys->profile->version >= SYSFS_SINCE; p++) {
		unsigned long long kib = s->hstate[p].kib;

		for (int k = -1; k < (int)sys->nr_pgdat; k++) {
			const struct nb_pgdat *node = k < 0 ? NULL : sys->pgdat[k];

			if (node && !node_has_files(sys, node))
				continue;
			for (unsigned a = 0; a < NR_ATTRS; a++) {
				if (!attr_exists(sys, &attrs[a], node != NULL, false) || i--)
					continue;
				if (node)
					(void)nb_snprintf(buf, n,
							  "/sys/devices/system/node/node%d/"
							  "hugepages/hugepages-%llukB/%s",
							  node->nid, kib, attrs[a].name);
				else
					(void)nb_snprintf(
						buf, n,
						"/sys/kernel/mm/hugepages/hugepages-%llukB/%s", kib,
						attrs[a].name);
				return true;
			}
		}
	}
	for (unsigned a = 0; s && a < NR_ATTRS; a++) {
		if (attr_exists(sys, &attrs[a], false, true) && !i--) {
			(void)nb_snprintf(buf, n, "/proc/sys/vm/%s", attrs[a].name);
			return true;
		}
	}
	return false;
}
