/* policy_cpuset.c -- cpuset.jsonl: a task under a policy in a cpuset whose memory nodes change from
 * mems1 to mems2, mems3 and back; after each change what the policy says and where the pages are.
 */
#include "base/mask.h"
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct nb_nodemask mems_of(json_t *o, const char *key)
{
	struct nb_nodemask m = {{0}};
	const char *list = str(o, key);

	assert_int_equal(nb_bits_parse_list(list, strlen(list), m.bits, NB_MAX_NODES), 0);
	return m;
}

static void equal_allowed(struct run *r, struct nb_task *t, json_t *o, const char *key)
{
	struct nb_nodemask m = {{0}};

	equal(r, "get_mempolicy(MEMS_ALLOWED)",
	      nb_get_mempolicy_flags(t, 0, NB_MPOL_F_MEMS_ALLOWED, NULL, &m), 0);
	equal(r, "mems_allowed", (int64_t)m.bits[0], (int64_t)strtoull(str(o, key), NULL, 16));
}

static void write_mems(struct nb_cpuset *cs, json_t *o, const char *key)
{
	struct nb_nodemask m = mems_of(o, key);

	assert_int_equal(nb_cpuset_set_mems(cs, &m), 0);
}

static uint64_t set_policy(struct run *r, struct nb_task *t, json_t *o)
{
	uint64_t p = mk(r, t, 40, o, "pages1"), mask = strtoull(str(o, "mask"), NULL, 16);
	int mode = (int)num(o, "mode") | (int)num(o, "flags");
	struct nb_user words = {mask ? &mask : NULL, sizeof(mask), false};

	if (json_object_get(o, "mbind"))
		equal_ret(r, o, "mbind",
			  nb_sys_mbind(t, p, 40 * PAGE, (uint64_t)mode, words, mask ? 64 : 0, 0));
	else
		equal_ret(r, o, "set_mempolicy",
			  nb_sys_set_mempolicy(t, mode, words, mask ? 64 : 0));
	return p;
}

static void steps(struct run *r, struct nb_task *t, struct nb_cpuset *cs, json_t *o)
{
	uint64_t p = set_policy(r, t, o), at = json_object_get(o, "mbind") ? p : 0;

	equal_allowed(r, t, o, "mems_allowed");
	equal_policy(r, t, at, o, "pol1");
	touch(t, p, 12);
	equal_pages(r, t, p, 12, o, "pages1");
	write_mems(cs, o, "mems2");
	equal_allowed(r, t, o, "mems_allowed2");
	equal_policy(r, t, at, o, "pol2");
	equal_pages(r, t, p, 12, o, "pages1_after_change");
	touch(t, p + 12 * PAGE, 12);
	equal_pages(r, t, p + 12 * PAGE, 12, o, "pages2");
	equal_maps(r, t, p, o, "maps2");
	write_mems(cs, o, "mems3");
	equal_policy(r, t, at, o, "pol3");
	touch(t, p + 24 * PAGE, 12);
	equal_pages(r, t, p + 24 * PAGE, 12, o, "pages3");
	equal_maps(r, t, p, o, "maps3");
	write_mems(cs, o, "mems1");
	equal_policy(r, t, at, o, "pol4");
	equal_pages(r, t, p, 36, o, "all_pages_back");
}

/* Before 6.2 joining a cpuset forgets the affinity: the recorder's task then ran on any CPU, and
 * which is found out as a phase is. */
static void run_anywhere(struct run *r, struct nb_task *t)
{
	struct nb_cpumask one = {{UINT64_C(1) << r->cpu_of[r->cpn[r->phase % r->nc]]}};

	if (r->machine->profile->version < 6002)
		assert_int_equal(nb_sched_setaffinity(t, &one), 0);
}

void play_cpuset(struct run *r, json_t *o)
{
	struct nb_cpuset *root = nb_cpuset_root(r->sys), *cs = nb_cpuset_find(root, "t");
	struct nb_task *t;

	if (!json_object_get(o, "mems1"))
		return;
	if (!cs)
		assert_int_equal(nb_cpuset_create(root, "t", &cs), 0);
	write_mems(cs, o, "mems1");
	t = child_on(r, r->cpn[0]);
	assert_int_equal(nb_cpuset_attach(cs, t), 0);
	run_anywhere(r, t);
	steps(r, t, cs, o);
	assert_int_equal(nb_cpuset_attach(root, t), 0);
	child_end(t);
}
