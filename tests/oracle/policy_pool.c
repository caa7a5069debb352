/* policy_pool.c -- pools of huge pages in huge.jsonl: how they spread over nodes, and which of
 * their pages a task gets under each policy.
 *
 * Each case makes its own pool of eight pages a node (or what it is about) and gives it back; the
 * recorder made it once. See policy.h; poltest.c, do_huge().
 */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <numabox/hugetlb.h>

#define PAGES 12u

static int64_t node_count(struct run *r, int nid)
{
	char path[128], text[32];

	snprintf(path, sizeof(path),
		 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages", nid);
	assert_true(nb_sysfs_read(r->sys, path, text, sizeof(text)) > 0);
	return strtoll(text, NULL, 10);
}

static void equal_spread(struct run *r, json_t *o)
{
	for (unsigned i = 0; i < r->nm; i++) {
		char key[16], what[48];

		snprintf(key, sizeof(key), "node%d", r->memn[i]);
		snprintf(what, sizeof(what), "huge pages of node %d", r->memn[i]);
		equal(r, what, node_count(r, r->memn[i]), num(o, key));
	}
}

static void resize(struct run *r, struct nb_task *t, const char *name, unsigned pages)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
	snprintf(text, sizeof(text), "%u", pages);
	assert_int_equal(nb_sysfs_write(r->sys, t, path, text), 0);
}

/* hugetlb-POLICY */
static void play_policy(struct run *r, json_t *o, struct nb_task *t, const char *policy)
{
	struct nb_nodemask all = mask_of(r->memmask),
			   last = mask_of(UINT64_C(1) << r->memn[r->nm - 1]);
	uint64_t addr = 0, faulted;
	int err = 0;

	if (!strcmp(policy, "interleave"))
		err = nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &all);
	else if (!strcmp(policy, "bind-last"))
		err = nb_set_mempolicy(t, NB_MPOL_BIND, &last);
	else if (!strcmp(policy, "preferred-last"))
		err = nb_set_mempolicy(t, NB_MPOL_PREFERRED, &last);
	assert_int_equal(err, 0);
	assert_int_equal(nb_mmap(t, 0, PAGES * HUGE, 3, NB_MAP_HUGETLB | NB_MAP_NORESERVE, &addr),
			 0);
	err = nb_touch(t, addr, PAGES * HUGE, true, &faulted);
	equal(r, "SIGBUS", err == -NB_EFAULT, num(o, "signal") == 7);
	if (err)
		return;
	equal_where(r, t, addr, PAGES, HUGE, json_object_get(o, "pages"));
	equal_maps(r, t, addr, o, "numa_maps");
}

void play_pool(struct run *r, json_t *o)
{
	struct nb_task *t = child_on(r, r->cpn[0]);
	const char *name = r->case_name + strlen("hugetlb-");
	struct nb_nodemask last = mask_of(UINT64_C(1) << r->memn[r->nm - 1]);

	if (!strcmp(name, "nr_hugepages_mempolicy-bind-last")) {
		assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &last), 0);
		resize(r, t, "nr_hugepages_mempolicy", 4);
		equal_spread(r, o);
	} else {
		resize(r, t, "nr_hugepages", 8 * r->nm);
		if (!strcmp(name, "pool-spread"))
			equal_spread(r, o);
		else
			play_policy(r, o, t, name);
	}
	child_end(t);
	resize(r, NULL, "nr_hugepages", 0);
}
