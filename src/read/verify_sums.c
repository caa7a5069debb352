/* verify_sums.c -- counters of one file held against the same counters of another.
 *
 * Called by verify.c. Sizes (MemTotal, MemUsed) must be equal. Counters move while a capture reads
 * file after file: two that are equal are compared, two that differ are set aside, with two
 * exceptions that no motion explains and that are differences therefore:
 *   - event counters only grow: of two files one is older in all of them. Where some grew and some
 * shrank, the fewer are wrong.
 *   - a zone holds no more than it can: present in spanned, managed in present, free in managed.
 */
#include "base/fmt.h"
#include "read/verify_priv.h"

#include <stdlib.h>
#include <string.h>

static const char moved[] = "the counter moved between the readings of the two files";
static const char grow_rule[] = "an event counter only grows: one file is older in all of them";

/* A counter of two files. */
struct pair {
	const char *name;
	int nid; /* NB_NO_NODE: all nodes */
	uint64_t first, second;
};

struct pairs {
	struct pair *v;
	size_t n, cap;
	const char *first, *second; /* what the files are called */
};

static void add_pair(struct pairs *p, const char *name, int nid, uint64_t first, uint64_t second)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->v = nb_xrealloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = (struct pair){name, nid, first, second};
}

static bool is_event(const char *name)
{
	static const char *const names[] = {"numa_hit",        "numa_miss",  "numa_foreign",
					    "numa_interleave", "numa_local", "numa_other"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return !strncmp(name, "workingset_refault", 18) || !strncmp(name, "pgpromote", 9) ||
	       !strncmp(name, "pgdemote", 8) || !strcmp(name, "nr_dirtied") ||
	       !strcmp(name, "nr_written") || !strcmp(name, "nr_vmscan_write");
}

static void one_pair(struct nb_verify *v, const struct pairs *all, const struct pair *p, bool wrong)
{
	char node[32] = "";

	if (p->nid != NB_NO_NODE)
		nb_snprintf(node, sizeof(node), "node %d ", p->nid);
	if (p->first == p->second || wrong)
		nb_verify_u64(v, NB_VS_SUMS, p->second, p->first,
			      wrong ? grow_rule : "one counter, two files", "%s%s: %s, %s", node,
			      p->name, all->second, all->first);
	else
		nb_verify_skip(v, NB_VS_SUMS, 1, moved, "%s%s: %s, %s", node, p->name, all->second,
			       all->first);
}

/* Compares all and gives the list back. */
static void compare_pairs(struct nb_verify *v, struct pairs *p)
{
	size_t i, up = 0, down = 0;

	for (i = 0; i < p->n; i++) {
		if (!is_event(p->v[i].name))
			continue;
		up += p->v[i].second > p->v[i].first;
		down += p->v[i].second < p->v[i].first;
	}
	for (i = 0; i < p->n; i++) {
		const struct pair *x = &p->v[i];
		bool grew = x->second > x->first;

		one_pair(v, p, x,
			 is_event(x->name) && x->first != x->second && up && down &&
				 grew == (up < down));
	}
	free(p->v);
}

/* Sum of a counter over the zones of a node (NB_NO_NODE: of all); false if no zone has it. */
static bool zone_sum(const struct nb_zoneinfo *z, int nid, const char *name, uint64_t *ret)
{
	uint64_t x;
	bool any = false;
	size_t i;

	*ret = 0;
	for (i = 0; i < z->nr_zones; i++) {
		if (nid != NB_NO_NODE && z->zones[i].nid != nid)
			continue;
		if (nb_items_get(&z->zones[i].items, name, &x) ||
		    nb_items_get(&z->zones[i].node_items, name, &x)) {
			*ret += x;
			any = true;
		}
	}
	return any;
}

static void against_zones(struct nb_verify *v, const struct nb_items *l, int nid, const char *file)
{
	struct pairs p = {.first = "zoneinfo", .second = file};
	uint64_t sum;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->v[i].name && !l->v[i].raw &&
		    zone_sum(&v->obs->zoneinfo, nid, l->v[i].name, &sum))
			add_pair(&p, l->v[i].name, nid, sum, l->v[i].value);
	}
	compare_pairs(v, &p);
}

/* numastat's names of the zones' event counters. */
static void numastat_against_zones(struct nb_verify *v, const struct nb_observed_node *n)
{
	static const char *const names[][2] = {
		{"numa_hit", "numa_hit"},         {"numa_miss", "numa_miss"},
		{"numa_foreign", "numa_foreign"}, {"interleave_hit", "numa_interleave"},
		{"local_node", "numa_local"},     {"other_node", "numa_other"},
	};
	struct pairs p = {.first = "zoneinfo", .second = "numastat"};
	uint64_t sum, x;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (nb_items_get(&n->numastat.items, names[i][0], &x) &&
		    zone_sum(&v->obs->zoneinfo, n->nid, names[i][1], &sum))
			add_pair(&p, names[i][1], n->nid, sum, x);
	}
	compare_pairs(v, &p);
}

/* One zoneinfo: hit + miss and local + other both count every allocation. Another CPU may stand
 * between the two counts when the file is written; the one that writes it cannot. Source:
 * facts 4.4. */
static void verify_numa_sums(struct nb_verify *v)
{
	struct nb_system_info si;
	size_t i;

	nb_system_info(v->sys, &si);
	for (i = 0; i < v->obs->zoneinfo.nr_zones; i++) {
		const struct nb_zoneinfo_zone *z = &v->obs->zoneinfo.zones[i];
		uint64_t hit, miss, local, other;

		if (!nb_items_get(&z->items, "numa_hit", &hit) ||
		    !nb_items_get(&z->items, "numa_miss", &miss) ||
		    !nb_items_get(&z->items, "numa_local", &local) ||
		    !nb_items_get(&z->items, "numa_other", &other))
			continue;
		if (hit + miss != local + other && si.nr_cpus_online > 1)
			nb_verify_skip(v, NB_VS_SUMS, 1,
				       "another CPU counted while the zone was printed",
				       "node %d %s numa_hit + numa_miss", z->nid, z->name);
		else
			nb_verify_u64(v, NB_VS_SUMS, hit + miss, local + other,
				      "zone_statistics: each allocation counts once on both sides; "
				      "facts 4.4",
				      "node %d %s numa_hit + numa_miss", z->nid, z->name);
	}
}

static void at_most(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
		    enum nb_zoneinfo_field small, enum nb_zoneinfo_field big)
{
	uint64_t a, b;

	if (nb_zoneinfo_get(z, small, &a) && nb_zoneinfo_get(z, big, &b))
		nb_verify_u64(v, NB_VS_SUMS, a, a < b ? a : b,
			      "a part is no greater than the whole", "node %d %s %s, at most %s",
			      z->nid, z->name, nb_zoneinfo_field_key(small),
			      nb_zoneinfo_field_key(big));
}

static void verify_bounds(struct nb_verify *v)
{
	size_t i;

	for (i = 0; i < v->obs->zoneinfo.nr_zones; i++) {
		const struct nb_zoneinfo_zone *z = &v->obs->zoneinfo.zones[i];
		uint64_t stat, pages;

		if (nb_zoneinfo_get(z, NB_ZI_FREE, &pages) &&
		    nb_items_get(&z->items, "nr_free_pages", &stat))
			nb_verify_u64(v, NB_VS_SUMS, stat, pages,
				      "two lines of one zone, one counter",
				      "node %d %s nr_free_pages", z->nid, z->name);
		at_most(v, z, NB_ZI_PRESENT, NB_ZI_SPANNED);
		at_most(v, z, NB_ZI_MANAGED, NB_ZI_PRESENT);
		at_most(v, z, NB_ZI_FREE, NB_ZI_MANAGED);
	}
}

/* Some builds initialise memory only when it is wanted. It stands in MemTotal and MemFree then, but
 * neither in managed nor in the zones' free pages: more than half of what MemTotal has too much
 * must show as free. */
static bool counts_unmanaged(const struct nb_verify *v, const struct nb_meminfo *m,
			     uint64_t managed_kib)
{
	uint64_t total = nb_items_value(&m->items, "MemTotal", 0), zones = 0, pages;
	uint64_t free_kib = nb_items_value(&m->items, "MemFree", 0);
	struct nb_system_info si;
	size_t i;

	nb_system_info(v->sys, &si);
	for (i = 0; i < v->obs->zoneinfo.nr_zones; i++) {
		const struct nb_zoneinfo_zone *z = &v->obs->zoneinfo.zones[i];

		if ((m->nid == NB_NO_NODE || z->nid == m->nid) &&
		    nb_zoneinfo_get(z, NB_ZI_FREE, &pages))
			zones += pages << (si.page_shift - 10);
	}
	return total > managed_kib && free_kib > zones &&
	       free_kib - zones > (total - managed_kib) / 2;
}

/* MemTotal is what is managed; MemUsed the rest of one reading. */
static void verify_meminfo(struct nb_verify *v, const struct nb_meminfo *m, uint64_t managed_kib,
			   const char *file)
{
	uint64_t total, free_kib, used;

	if (!nb_items_get(&m->items, "MemTotal", &total))
		return;
	if (v->managed_unknown)
		nb_verify_skip(v, NB_VS_SUMS, 1, "no file tells the managed pages of every zone",
			       "%s MemTotal", file);
	else if (counts_unmanaged(v, m, managed_kib))
		nb_verify_skip(v, NB_VS_SUMS, 1,
			       "it counts memory, as free, that no zone manages yet", "%s MemTotal",
			       file);
	else
		nb_verify_u64(v, NB_VS_SUMS, total, managed_kib, "managed pages of all zones",
			      "%s MemTotal", file);
	if (nb_items_get(&m->items, "MemFree", &free_kib) &&
	    nb_items_get(&m->items, "MemUsed", &used))
		nb_verify_u64(v, NB_VS_SUMS, used, total - free_kib, "MemTotal - MemFree",
			      "%s MemUsed", file);
}

static void verify_node(struct nb_verify *v, const struct nb_observed_node *o, unsigned kib_shift)
{
	struct nb_node_info n;
	char file[48];

	if (nb_node_info(v->sys, o->nid, &n))
		return;
	nb_snprintf(file, sizeof(file), "node%d/meminfo", o->nid);
	if (o->has_meminfo)
		verify_meminfo(v, &o->meminfo, n.managed_pages << kib_shift, file);
	if (!v->obs->has_zoneinfo)
		return;
	if (o->has_vmstat)
		against_zones(v, &o->vmstat.items, o->nid, "the node's vmstat");
	if (o->has_numastat)
		numastat_against_zones(v, o);
}

void nb_verify_sums(struct nb_verify *v)
{
	struct nb_system_info si;
	size_t i;

	nb_system_info(v->sys, &si);
	if (v->obs->has_meminfo)
		verify_meminfo(v, &v->obs->meminfo, si.managed_pages << (si.page_shift - 10),
			       "proc/meminfo");
	else
		nb_verify_absent(v, "proc/meminfo");
	for (i = 0; i < v->obs->nr_nodes; i++)
		verify_node(v, &v->obs->nodes[i], si.page_shift - 10);
	if (!v->obs->has_zoneinfo)
		return;
	verify_numa_sums(v);
	verify_bounds(v);
	if (v->obs->has_vmstat)
		against_zones(v, &v->obs->vmstat.items, NB_NO_NODE, "vmstat");
	else
		nb_verify_absent(v, "proc/vmstat");
}
