/* oom.c -- tests of src/mm/oom.c: constraints, badness, who dies, what the report holds. */
#include "pressbox.h"

#include <numabox/cpuset.h>

#include <stdio.h>

struct kill_box {
	struct pressbox p;
	struct nb_oom_report report;
	struct nb_oom_task victim, task[8];
	unsigned reports;
	struct nb_nodemask nodemask;
	char cpuset[32];
};

static void keep(void *ctx, const struct nb_oom_report *r)
{
	struct kill_box *k = ctx;

	k->reports++;
	k->report = *r;
	if (r->victim)
		k->victim = *r->victim;
	snprintf(k->cpuset, sizeof(k->cpuset), "%s", r->cpuset);
	if (r->nodemask)
		k->nodemask = *r->nodemask;
	for (unsigned i = 0; i < r->nr_tasks && i < 8; i++)
		k->task[i] = r->tasks[i];
}

static void open_box(struct kill_box *k, const char *nodes)
{
	memset(k, 0, sizeof(*k));
	pressbox_open(&k->p, nodes, false);
	nb_oom_set_reporter(k->p.sys, keep, k);
}

static struct nb_task *other(struct kill_box *k, uint64_t pages)
{
	struct nb_task *t;
	uint64_t a, n;

	assert_int_equal(nb_task_create(k->p.sys, 0, "other", &t), 0);
	if (pages) {
		assert_int_equal(nb_mmap(t, 0, pages * PAGE, 3, 0, &a), 0);
		assert_int_equal(nb_touch(t, a, pages * PAGE, true, &n), 0);
	}
	return t;
}

/* The one with the most memory dies, though another asked. It is gone at once. */
static void test_biggest(void **state)
{
	struct nb_task *big, *small;
	struct kill_box k;
	uint64_t a, free;
	enum nb_oom_constraint c;
	int pid;

	(void)state;
	open_box(&k, "32M:1");
	big = other(&k, 4000);
	small = other(&k, 500);
	a = pressbox_map(&k.p, 3900);
	free = sysbox_free_pages(&k.p.box);
	assert_int_equal(pressbox_fill(&k.p, a, 3900), 3900);
	assert_false(nb_task_alive(big));
	assert_true(nb_task_alive(small));
	assert_true(nb_task_alive(k.p.t));
	assert_int_equal(k.reports, 1);
	assert_int_equal(k.report.constraint, NB_CONSTRAINT_NONE);
	assert_int_equal(k.victim.pid, nb_task_pid(big));
	assert_int_equal(k.victim.rss_anon, 4000);
	assert_int_equal(k.report.nr_tasks, 3);
	assert_int_equal(k.report.invoker.pid, nb_task_pid(k.p.t));
	assert_true(sysbox_free_pages(&k.p.box) > free - 3900 + 3500);
	assert_true(nb_oom_kill_at(k.p.sys, 0, &pid, &c));
	assert_int_equal(pid, nb_task_pid(big));
	assert_false(nb_oom_kill_at(k.p.sys, 1, &pid, &c));
	assert_int_equal(nb_vm_event_sum(k.p.sys, NB_VM_OOM_KILL), 1);
	nb_task_put(big);
	nb_task_exit(small);
	nb_task_put(small);
	pressbox_close(&k.p);
}

/* oom_score_adj: never, and first. */
static void test_adj(void **state)
{
	struct nb_task *big, *small;
	struct kill_box k;
	uint64_t a;

	(void)state;
	open_box(&k, "32M:1");
	big = other(&k, 4000);
	small = other(&k, 500);
	assert_int_equal(nb_task_set_oom_score_adj(big, -1000), 0);
	assert_int_equal(nb_task_set_oom_score_adj(small, 1000), 0);
	assert_int_equal(nb_task_set_oom_score_adj(small, 1001), -NB_EINVAL);
	assert_int_equal(nb_task_oom_score(big), 0);
	assert_true(nb_task_oom_score(small) > 1200);
	a = pressbox_map(&k.p, 3900);
	(void)pressbox_fill(&k.p, a, 3900);
	assert_true(nb_task_alive(big));
	assert_false(nb_task_alive(small));
	nb_task_exit(big);
	nb_task_put(big);
	nb_task_put(small);
	pressbox_close(&k.p);
}

/* Under BIND only those whose policy reaches the node: the other node's big task is spared. The
 * killer of itself ends at the end of its call. */
static void test_policy(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m1 = sysbox_mask(2);
	struct nb_task *far;
	struct kill_box k;
	uint64_t a, b, n;

	(void)state;
	open_box(&k, "16M:1 64M:1");
	far = other(&k, 0);
	assert_int_equal(nb_set_mempolicy(far, NB_MPOL_BIND, &m1), 0);
	assert_int_equal(nb_mmap(far, 0, 9000 * PAGE, 3, 0, &b), 0);
	assert_int_equal(nb_touch(far, b, 9000 * PAGE, true, &n), 0);
	assert_int_equal(nb_set_mempolicy(k.p.t, NB_MPOL_BIND, &m0), 0);
	a = pressbox_map(&k.p, 5000);
	assert_int_equal(nb_touch(k.p.t, a, 5000 * PAGE, true, &n), -NB_ENOMEM);
	assert_in_range(n, 3000, 4096);
	assert_false(nb_task_alive(k.p.t));
	assert_true(nb_task_alive(far));
	assert_int_equal(k.report.constraint, NB_CONSTRAINT_MEMORY_POLICY);
	assert_int_equal(k.nodemask.bits[0], 1);
	assert_int_equal(k.report.nr_tasks, 1);
	assert_int_equal(k.report.totalpages, 4096);
	assert_int_equal(k.victim.rss_anon, n - 1); /* the last one came out of the reserve */
	nb_task_exit(far);
	nb_task_put(far);
	pressbox_close(&k.p);
}

/* A cpuset's limit is one of its own kind. */
static void test_cpuset(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);
	struct kill_box k;
	uint64_t a;

	(void)state;
	open_box(&k, "16M:1 64M:1");
	assert_int_equal(nb_set_cpuset(k.p.t, &m0, NULL), 0);
	a = pressbox_map(&k.p, 5000);
	(void)pressbox_fill(&k.p, a, 5000);
	assert_false(nb_task_alive(k.p.t));
	assert_int_equal(k.report.constraint, NB_CONSTRAINT_CPUSET);
	assert_null(k.report.nodemask);
	assert_int_equal(strncmp(k.cpuset, "task-", 5), 0);
	pressbox_close(&k.p);
}

/* vm.oom_kill_allocating_task spares the big one; vm.panic_on_oom kills nobody. */
static void test_sysctls(void **state)
{
	struct nb_task *big;
	struct kill_box k;
	uint64_t a;

	(void)state;
	open_box(&k, "32M:1");
	big = other(&k, 4000);
	a = pressbox_map(&k.p, 6000);
	assert_int_equal(nb_sysctl_write(k.p.sys, "vm.panic_on_oom", "1", NULL), 0);
	assert_true(pressbox_fill(&k.p, a, 6000) < 6000);
	assert_true(nb_task_alive(k.p.t) && nb_task_alive(big));
	assert_true(k.report.panic);
	assert_null(k.report.victim);
	assert_int_equal(nb_sysctl_write(k.p.sys, "vm.panic_on_oom", "0", NULL), 0);
	assert_int_equal(nb_sysctl_write(k.p.sys, "vm.oom_kill_allocating_task", "1", NULL), 0);
	(void)pressbox_fill(&k.p, a, 6000);
	assert_true(k.report.allocating_task);
	assert_false(nb_task_alive(k.p.t));
	assert_true(nb_task_alive(big));
	nb_task_exit(big);
	nb_task_put(big);
	pressbox_close(&k.p);
}

/* Swapped pages and page tables count as well. */
static void test_points(void **state)
{
	struct kill_box k;
	uint64_t a;

	(void)state;
	open_box(&k, "64M:1");
	(void)pressbox_swapon(&k.p, 4096, -1, NB_SWAP_SYNCHRONOUS);
	a = pressbox_map(&k.p, 512);
	(void)pressbox_fill(&k.p, a, 512);
	assert_int_equal(nb_madvise(k.p.t, a, 256 * PAGE, NB_MADV_PAGEOUT), 0);
	assert_int_equal(k.p.t->mm->swap_entries, 256);
	/* (1000 + points * 1000 / total) * 2 / 3 */
	assert_int_equal(
		nb_task_oom_score(k.p.t),
		(int)((1000 + (512 + k.p.t->mm->nr_ptables) * 1000 / (16384 - 256 + 4095)) * 2 /
		      3));
	pressbox_close(&k.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_biggest), cmocka_unit_test(test_adj),
		cmocka_unit_test(test_policy),  cmocka_unit_test(test_cpuset),
		cmocka_unit_test(test_sysctls), cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
