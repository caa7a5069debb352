/* policy_big.c -- big.jsonl: one task fills nodes, so that its pages overflow to others or it is
 * killed.
 *
 * Each case begins on a fresh machine whose zones have as much free as they had, and the same
 * marks. What lay in page sets then, on which CPUs, and when they were emptied again, no recording
 * says: so figures may differ by as many pages as the sets of the zones in question held, before or
 * after. Compared: the nodes in the order in which they come to be used, the length of the first
 * run, pages per node; whether the task is killed, how far it came, and the constraint of the kill.
 */
#include "mm/mmzone.h"
#include "policy.h"

#include <numabox/oom.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64 /* pages: a refill more or less of a page set */

static nb_gfp_t gfp_of(enum nb_zone_type type)
{
	switch (type) {
	case NB_ZONE_DMA:
		return NB_GFP_KERNEL | NB_GFP_BIT_DMA | NB_GFP_BIT_THISNODE;
	case NB_ZONE_DMA32:
		return NB_GFP_KERNEL | NB_GFP_BIT_DMA32 | NB_GFP_BIT_THISNODE;
	case NB_ZONE_MOVABLE:
		return NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_THISNODE;
	default:
		return NB_GFP_KERNEL | NB_GFP_BIT_THISNODE;
	}
}

static uint64_t free_of(struct run *r, int nid, enum nb_zone_type type)
{
	struct nb_zone_info info;

	assert_int_equal(nb_zone_info(r->sys, nid, type, &info), 0);
	return info.free_pages;
}

/* Takes pages out of the zone until it has as many free as the kernel's had, to within a block that
 * goes past the page sets. */
static void leave_free(struct run *r, int nid, enum nb_zone_type type, uint64_t want)
{
	static const unsigned orders[] = {10, 8, 7, 6, 5, 4};

	for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		while (free_of(r, nid, type) >= want + (UINT64_C(1) << orders[i])) {
			nb_pfn_t pfn = nb_alloc_pages_node(r->sys, 0, nid, gfp_of(type), orders[i]);
			struct nb_page_info info;

			if (pfn == NB_NO_PFN)
				break;
			assert_int_equal(nb_page_info(r->sys, pfn, &info), 0);
			if (info.zone == type)
				continue;
			assert_int_equal(nb_free_pages(r->sys, 0, pfn, orders[i]), 0);
			break;
		}
	}
}

static void begin_as(struct run *r, json_t *zones)
{
	json_t *one;
	size_t i;

	json_array_foreach(zones, i, one)
	{
		const char *name = str(one, "zone");
		int nid = (int)num(one, "node"), type = nb_zone_by_name(name, strlen(name));
		struct nb_pgdat *p = nb_node_data(r->sys, nid);
		struct nb_zone *z;

		assert_non_null(p);
		assert_true(type >= 0);
		z = &p->zone[type];
		if (!z->managed_pages)
			continue;
		leave_free(r, nid, (enum nb_zone_type)type,
			   (uint64_t)(num(one, "free") + (r->phase ? 0 : num(one, "pcp"))));
		z->wmark[NB_WMARK_MIN] = (uint64_t)num(one, "min");
		z->wmark[NB_WMARK_LOW] = (uint64_t)num(one, "low");
		z->wmark[NB_WMARK_HIGH] = (uint64_t)num(one, "high");
	}
}

/* Pages in the page sets of a node's zones (-1: of all). */
static int64_t in_sets(json_t *zones, int nid)
{
	int64_t sum = 0;
	json_t *one;
	size_t i;

	json_array_foreach(zones, i, one)
	{
		if (nid < 0 || num(one, "node") == nid)
			sum += num(one, "pcp");
	}
	return sum;
}

static int64_t tolerance(json_t *o, int nid)
{
	int64_t after = in_sets(json_object_get(o, "zones_after"), nid);
	int64_t before = in_sets(json_object_get(o, "zones_before"), nid);

	return (before > after ? before : after) + BATCH;
}

static void nearly(struct run *r, const char *what, int64_t ours, int64_t theirs, int64_t within)
{
	bool near = ours - theirs <= within && theirs - ours <= within;

	equal(r, what, near ? theirs : ours, theirs);
}

struct placed {
	int order[MAX_RUN_NODES]; /* by first appearance */
	unsigned nr_order;
	int64_t first_run, pages[MAX_RUN_NODES];
};

static void look(struct nb_task *t, uint64_t addr, uint64_t n, struct placed *p)
{
	memset(p, 0, sizeof(*p));
	for (uint64_t i = 0; i < n; i++) {
		int nid = nb_task_node(t, addr + i * PAGE);

		assert_true(nid >= 0);
		if (!p->pages[nid]++)
			p->order[p->nr_order++] = nid;
		p->first_run += p->nr_order == 1 && p->pages[nid] == (int64_t)i + 1;
	}
}

/* The nodes of "runs" in the order of their first appearance, as far as that is recorded. */
static void equal_order(struct run *r, json_t *o, const struct placed *p)
{
	json_t *runs = json_object_get(o, "runs"), *one;
	bool seen[MAX_RUN_NODES] = {false};
	unsigned n = 0;
	size_t i;

	json_array_foreach(runs, i, one)
	{
		int nid = (int)json_integer_value(json_array_get(one, 0));

		if (seen[nid])
			continue;
		seen[nid] = true;
		equal(r, "next node in turn", n < p->nr_order ? p->order[n] : -1, nid);
		n++;
	}
	equal(r, "nodes that are used", p->nr_order,
	      (int64_t)json_object_size(json_object_get(o, "per_node")));
	nearly(r, "pages of the first run", p->first_run,
	       json_integer_value(json_array_get(json_array_get(runs, 0), 1)),
	       tolerance(o, p->nr_order ? p->order[0] : 0));
}

/* "CONSTRAINT_…" of the k-th kill from the end of the log. */
static bool logged_constraint(struct run *r, unsigned from_end, char *buf, size_t size)
{
	static const char mark[] = "oom-kill:constraint=";
	const char *log = text_of(r, "dmesg-oom.txt"), *at[64];
	unsigned n = 0;

	for (; log && n < 64 && (log = strstr(log, mark)); n++)
		at[n] = log += strlen(mark);
	if (from_end >= n)
		return false;
	snprintf(buf, size, "%.*s", (int)strcspn(at[n - 1 - from_end], ","), at[n - 1 - from_end]);
	return true;
}

/* Kills that the big cases behind this one ended with. */
static unsigned kills_behind(struct run *r, const char *name)
{
	const char *line = text_of(r, "big.jsonl");
	bool behind = false;
	unsigned n = 0;

	while (line && *line) {
		json_t *o = json_loadb(line, strcspn(line, "\n"), 0, NULL);

		n += behind && num(o, "child_signal") == 9;
		behind |= !strcmp(str(o, "case"), name);
		json_decref(o);
		line += strcspn(line, "\n") + 1;
	}
	return n;
}

static void equal_kill(struct run *r, const char *what)
{
	enum nb_oom_constraint constraint;
	int pid;

	if (nb_oom_kill_at(r->sys, 0, &pid, &constraint))
		equal_text(r, "constraint", nb_oom_constraint_name(constraint), what);
	else
		equal(r, "kills", 0, 1);
}

static int set_policy(struct nb_task *t, json_t *o, uint64_t addr, uint64_t n)
{
	struct nb_nodemask m = mask_of(strtoull(str(o, "mask"), NULL, 16));
	int mode = mode_by_name(str(o, "mode"));

	if (!strcmp(str(o, "how"), "set_mempolicy"))
		return nb_set_mempolicy(t, mode, &m);
	return strcmp(str(o, "how"), "mbind") ? 0 : nb_mbind(t, addr, n * PAGE, mode, &m, 0);
}

static void compare(struct run *r, struct nb_task *t, json_t *o, uint64_t addr, uint64_t n)
{
	struct placed p;
	char constraint[64];
	const char *key;
	json_t *value;

	if (num(o, "child_signal") == 9) {
		equal(r, "killed", !nb_task_alive(t), 1);
		if (!nb_task_alive(t) && logged_constraint(r, kills_behind(r, r->case_name),
							   constraint, sizeof(constraint)))
			equal_kill(r, constraint);
		return;
	}
	equal(r, "killed", !nb_task_alive(t), 0);
	if (!nb_task_alive(t))
		return;
	look(t, addr, n, &p);
	if (!strstr(str(o, "mode"), "interleave"))
		equal_order(r, o, &p);
	json_object_foreach(json_object_get(o, "per_node"), key, value)
		nearly(r, "pages of a node", p.pages[atoi(key)], json_integer_value(value),
		       tolerance(o, -1));
}

static void keep_zones(struct run *r, json_t *zones)
{
	if (!zones)
		return;
	json_incref(zones);
	json_decref(r->state);
	r->state = zones;
}

static void play(struct run *r, json_t *o)
{
	uint64_t n = (uint64_t)num(o, "pages"), addr, got = 0;
	struct nb_task *t;

	run_again(r);
	begin_as(r, r->state);
	t = child_on(r, (int)num(o, "cpu_node"));
	assert_int_equal(nb_task_set_oom_score_adj(t, 1000), 0);
	addr = mk(r, t, n, o, NULL);
	(void)nb_madvise(t, addr, n * PAGE, NB_MADV_NOHUGEPAGE);
	equal(r, "errno", -set_policy(t, o, addr, n), num(o, "errno"));
	(void)nb_touch(t, addr, n * PAGE, true, &got);
	compare(r, t, o, addr, n);
	child_end(t);
}

void play_big(struct run *r, json_t *o)
{
	keep_zones(r, json_object_get(o, "zones_before"));
	r->quiet = true;
	r->phase = r->trial_compared = r->trial_different = 0;
	play(r, o);
	r->quiet = false;
	if (r->trial_different) {
		r->phase = 1;
		play(r, o);
		r->phase = 0;
	} else {
		policy_compared += r->trial_compared;
	}
	keep_zones(r, json_object_get(o, "zones_after_kill"));
}

void play_overflow(struct run *r, json_t *o)
{
	struct nb_nodemask last = mask_of(UINT64_C(1) << r->memn[r->nm < 4 ? 1 : 3]);
	uint64_t n = (uint64_t)num(o, "pages"), addr, got;
	struct nb_task *t;

	if (strcmp(r->case_name, "cpuset-overflow-oom"))
		return;
	run_again(r);
	t = child_on(r, r->cpn[0]);
	assert_int_equal(nb_task_set_oom_score_adj(t, 1000), 0);
	assert_int_equal(nb_set_cpuset(t, &last, NULL), 0);
	addr = mk(r, t, n, o, NULL);
	(void)nb_touch(t, addr, n * PAGE, true, &got);
	equal(r, "killed", !nb_task_alive(t), num(o, "signal") == 9);
	equal_kill(r, "CONSTRAINT_CPUSET");
	child_end(t);
}
