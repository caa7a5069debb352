/* policy_alloc.c -- alloc.jsonl and the transparent huge pages of huge.jsonl: one task touches one
 * mapping under one policy. Compared: results, the node of each page, the policy as told, the
 * numa_maps line, and each node's counters. The latter hold what the recorder's process took for
 * itself besides (page tables, kernel memory for VMAs): at most HANDFUL requests, in whole
 * requests, and never a miss. */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BIG = 1,
	DESCENDING = 2,
	READ_ONLY = 4,
	POPULATE = 8,
	RANDOM = 16,
	HALFWAY = 64,
	THP = 128,
	ODD_START = 256
};
#define HANDFUL 4

struct counters {
	int64_t v[MAX_RUN_NODES][NB_NR_NUMA_EVENTS];
};

static const char *const counter_name[NB_NR_NUMA_EVENTS] = {
	[NB_NUMA_HIT] = "numa_hit",         [NB_NUMA_MISS] = "numa_miss",
	[NB_NUMA_FOREIGN] = "numa_foreign", [NB_NUMA_INTERLEAVE] = "interleave_hit",
	[NB_NUMA_LOCAL] = "local_node",     [NB_NUMA_OTHER] = "other_node",
};

static void read_counters(struct run *r, struct counters *c)
{
	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < r->nr_nodes; i++) {
		for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++) {
			struct nb_zone_info info;

			if (nb_zone_info(r->sys, (int)i, (enum nb_zone_type)z, &info))
				continue;
			for (unsigned e = 0; e < NB_NR_NUMA_EVENTS; e++)
				c->v[i][e] += (int64_t)info.numa[e];
		}
	}
}

/* Requests of the recorder's own: on which nodes does not matter. */
static void equal_counters(struct run *r, const struct counters *a, const struct counters *b,
			   json_t *delta)
{
	int64_t extra = 0, interleaved = 0;

	for (unsigned i = 0; i < r->nr_nodes; i++) {
		int64_t d[NB_NR_NUMA_EVENTS];
		char key[16];
		json_t *node;

		snprintf(key, sizeof(key), "%u", i);
		node = json_object_get(delta, key);
		for (unsigned e = 0; e < NB_NR_NUMA_EVENTS; e++)
			d[e] = num(node, counter_name[e]) - (b->v[i][e] - a->v[i][e]);
		equal(r, "numa_miss", d[NB_NUMA_MISS], 0);
		equal(r, "numa_foreign", d[NB_NUMA_FOREIGN], 0);
		equal(r, "what is neither local nor other", d[NB_NUMA_HIT],
		      d[NB_NUMA_LOCAL] + d[NB_NUMA_OTHER]);
		extra += d[NB_NUMA_HIT] < 0 ? -d[NB_NUMA_HIT] : d[NB_NUMA_HIT];
		interleaved +=
			d[NB_NUMA_INTERLEAVE] < 0 ? -d[NB_NUMA_INTERLEAVE] : d[NB_NUMA_INTERLEAVE];
	}
	if (extra > HANDFUL)
		equal(r, "numa_hit, all nodes: off by", extra, HANDFUL);
	else
		equal(r, "numa_hit", 0, 0);
	equal(r, "interleave_hit: further off than numa_hit", interleaved > extra, 0);
}

/* "wilv-…-weights-3,1,2" set weights for this case and the next; "…-reset" and others know 1. */
static void set_weights(struct run *r)
{
	const char *list = strstr(r->case_name, "weights-");
	bool listed = list && list[8] >= '0' && list[8] <= '9';
	char *p = (char *)(list ? list + 8 : "");

	for (unsigned i = 0; i < r->nm; i++) {
		int nid = r->memn[i];

		if (listed)
			r->weight[nid] = (uint8_t)strtoul(p, &p, 10);
		else if (!list || strstr(r->case_name, "reset"))
			r->weight[nid] = 1;
		p += *p == ',';
		assert_int_equal(nb_set_interleave_weight(r->sys, nid, r->weight[nid]), 0);
	}
}

/* The recorder passes no mask where no bit is set. */
static int set_policy(struct run *r, struct nb_task *t, json_t *o, uint64_t addr, uint64_t len)
{
	int mode = mode_by_name(str(o, "mode")) | (int)num(o, "flags"), err = 0;
	uint64_t mask = strtoull(str(o, "mask"), NULL, 16);
	struct nb_user words = {mask ? &mask : NULL, sizeof(mask), false};

	if (!strcmp(str(o, "how"), "set_mempolicy"))
		err = nb_sys_set_mempolicy(t, mode, words, mask ? 64 : 0);
	else if (!strcmp(str(o, "how"), "mbind"))
		err = nb_sys_mbind(t, addr, len, (uint64_t)mode, words, mask ? 64 : 0, 0);
	equal(r, "result", err ? -1 : 0, num(o, "ret"));
	equal(r, "errno", -err, num(o, "errno"));
	return err;
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void touch_one(struct nb_task *t, uint64_t addr, bool write)
{
	uint64_t got;

	assert_int_equal(nb_touch(t, addr, 1, write, &got), 0);
}

static void touch_case(struct run *r, struct nb_task *t, json_t *o, uint64_t addr, uint64_t n,
		       uint64_t step)
{
	unsigned opts = (unsigned)num(o, "opts");
	uint64_t seed = UINT64_C(88172645463325252);
	bool late = opts & HALFWAY && !strcmp(str(o, "how"), "mbind");

	for (uint64_t i = 0; i < n; i++) {
		uint64_t page = i;

		if (late && i == n / 2)
			(void)set_policy(r, t, o, addr, n * step);
		if (opts & DESCENDING)
			page = n - 1 - i;
		else if (opts & RANDOM)
			page = next_random(&seed) % n;
		touch_one(t, addr + page * step, !(opts & READ_ONLY));
	}
}

static uint64_t map_case(struct run *r, struct nb_task *t, json_t *o, uint64_t len)
{
	unsigned opts = (unsigned)num(o, "opts");
	uint64_t addr = mk(r, t, len / PAGE + 3, o, NULL);

	if (opts & ODD_START && !json_object_get(o, "addr"))
		addr += 3 * PAGE;
	(void)nb_madvise(t, addr, len, opts & THP ? NB_MADV_HUGEPAGE : NB_MADV_NOHUGEPAGE);
	return addr;
}

/* Policy, home node, touches. 0, or the policy's errno. */
static int run_steps(struct run *r, struct nb_task *t, json_t *o, uint64_t addr, uint64_t n,
		     uint64_t step)
{
	unsigned opts = (unsigned)num(o, "opts");
	bool mbind = !strcmp(str(o, "how"), "mbind");
	int err = mbind && !(opts & HALFWAY) ? set_policy(r, t, o, addr, n * step) : 0;

	if (json_object_get(o, "home"))
		equal(r, "home node's errno",
		      -nb_sys_set_mempolicy_home_node(t, addr, n * step, (uint64_t)num(o, "home"),
						      0),
		      num(o, "home_errno"));
	if (!err)
		touch_case(r, t, o, addr, n, step);
	return err;
}

static void compare(struct run *r, struct nb_task *t, json_t *o, uint64_t addr, uint64_t n,
		    uint64_t step)
{
	equal_where(r, t, addr, n, step, o);
	equal_policy(r, t, 0, o, "get_mempolicy");
	equal_policy(r, t, addr, o, "get_mempolicy_addr");
	equal_maps(r, t, addr, o, "numa_maps");
}

void play_alloc(struct run *r, json_t *o)
{
	uint64_t n = (uint64_t)num(o, "pages"), addr;
	uint64_t step = num(o, "opts") & THP ? HUGE : PAGE;
	struct counters before, after;
	struct nb_task *t;
	int err = 0;

	if (!n)
		return;
	set_weights(r);
	t = child_on(r, (int)num(o, "cpu_node"));
	if (!strcmp(str(o, "how"), "set_mempolicy"))
		err = set_policy(r, t, o, 0, 0);
	addr = map_case(r, t, o, n * step);
	read_counters(r, &before);
	if (!err)
		err = run_steps(r, t, o, addr, n, step);
	read_counters(r, &after);
	if (!err) {
		equal_counters(r, &before, &after, json_object_get(o, "numastat_delta"));
		compare(r, t, o, addr, n, step);
	}
	child_end(t);
}

/* Are huge pages given at faults yet? */
static bool huge_faults(struct run *r)
{
	struct nb_task *t = child_on(r, r->cpn[0]);
	uint64_t addr = UINT64_C(0x7fff00000000), got;
	bool huge;

	assert_int_equal(nb_mmap(t, addr, HUGE, 3, NB_MAP_FIXED, &addr), 0);
	(void)nb_madvise(t, addr, HUGE, NB_MADV_HUGEPAGE);
	assert_int_equal(nb_touch(t, addr, 1, true, &got), 0);
	huge = nb_task_rss_pages(t) > HUGE_PAGES;
	child_end(t);
	return huge;
}

void play_huge(struct run *r, json_t *o)
{
	if (strncmp(r->case_name, "thp-", 4))
		run_case(r, o, play_pool);
	else if (!huge_faults(r))
		policy_waiting++;
	else
		run_case(r, o, play_alloc);
}
