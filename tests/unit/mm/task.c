/* task.c -- birth, death, affinity, the list of tasks; and that the checker finds what is wrong. */
#include "sysbox.h"
#include "mm/page.h"
#include "mm/pagetable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define PAGE UINT64_C(4096)

static void test_life(void **state)
{
	struct sysbox box;
	struct nb_task *a, *b, *c;
	uint64_t addr, n;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:2 64M:2"});
	assert_null(nb_system_task(box.sys, 0));
	assert_int_equal(nb_task_create(box.sys, 4, "x", &a), -NB_EINVAL);
	assert_int_equal(nb_task_create(box.sys, -1, "x", &a), -NB_EINVAL);
	assert_int_equal(nb_task_create(box.sys, 3, "a name of more than sixteen", &a), 0);
	assert_int_equal(nb_task_create(box.sys, 0, NULL, &b), 0);
	assert_int_equal(nb_task_create(box.sys, 0, "c", &c), 0);
	assert_int_equal(strlen(nb_task_comm(a)), 15);
	assert_true(nb_task_pid(a) < nb_task_pid(b) && nb_task_pid(b) < nb_task_pid(c));
	assert_int_equal(nb_task_cpu(a), 3);
	nb_task_exit(b);
	assert_false(nb_task_alive(b));
	assert_ptr_equal(nb_system_task(box.sys, 0), a);
	assert_ptr_equal(nb_system_task(box.sys, 1), c);
	assert_null(nb_system_task(box.sys, 2));
	/* the dead answer politely */
	assert_int_equal(nb_mmap(b, 0, PAGE, 3, 0, &addr), -NB_ESRCH);
	assert_int_equal(nb_touch(b, 0, PAGE, true, &n), -NB_ESRCH);
	assert_int_equal(nb_set_mempolicy(b, NB_MPOL_LOCAL, NULL), -NB_ESRCH);
	assert_int_equal(nb_task_rss_pages(b), 0);
	assert_int_equal(nb_task_pfn(b, 0) == NB_NO_PFN, 1);
	nb_task_exit(b);
	nb_task_put(b);
	/* put first: the handle goes with the task */
	nb_task_put(c);
	assert_true(nb_task_alive(c));
	nb_task_exit(c);
	nb_task_exit(a);
	nb_task_put(a);
	sysbox_end(&box);
}

static void test_exit_gives_all_back(void **state)
{
	struct sysbox box;
	struct nb_task *t;
	uint64_t addr, n, before;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:2 64M:2"});
	before = sysbox_free_pages(&box);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(nb_task_create(box.sys, 0, "t", &t), 0);
		assert_int_equal(nb_mmap(t, 0, 5000 * PAGE, 3, 0, &addr), 0);
		assert_int_equal(nb_touch(t, addr, 5000 * PAGE, true, &n), 0);
		assert_int_equal(n, 5000);
		assert_true(sysbox_free_pages(&box) < before - 5000);
		nb_task_exit(t);
		nb_task_put(t);
		assert_int_equal(sysbox_free_pages(&box), before);
	}
	sysbox_end(&box);
}

static void test_affinity(void **state)
{
	struct nb_cpumask cpus;
	struct sysbox box;
	struct nb_task *t;
	uint64_t addr, n;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:2 64M:2"});
	assert_int_equal(nb_task_create(box.sys, 1, "t", &t), 0);
	memset(&cpus, 0, sizeof(cpus));
	assert_int_equal(nb_sched_setaffinity(t, &cpus), -NB_EINVAL);
	nb_cpumask_set(&cpus, 100);
	assert_int_equal(nb_sched_setaffinity(t, &cpus), -NB_EINVAL);
	nb_cpumask_set(&cpus, 1);
	nb_cpumask_set(&cpus, 2);
	assert_int_equal(nb_sched_setaffinity(t, &cpus), 0);
	assert_int_equal(nb_task_cpu(t), 1); /* may stay */
	nb_cpumask_clear(&cpus, 1);
	nb_cpumask_set(&cpus, 3);
	assert_int_equal(nb_sched_setaffinity(t, &cpus), 0);
	assert_int_equal(nb_task_cpu(t), 2);
	/* local is now node 1 */
	assert_int_equal(nb_mmap(t, 0, 10 * PAGE, 3, 0, &addr), 0);
	assert_int_equal(nb_touch(t, addr, 10 * PAGE, true, &n), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 10);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

static void test_check_finds(void **state)
{
	struct nb_error err = {0};
	struct nb_ptable *leaf;
	struct sysbox box;
	struct nb_task *t;
	uint64_t addr, n;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	assert_int_equal(nb_task_create(box.sys, 0, "t", &t), 0);
	assert_int_equal(nb_mmap(t, 0, 4 * PAGE, 3, 0, &addr), 0);
	assert_int_equal(nb_touch(t, addr, 4 * PAGE, true, &n), 0);
	assert_int_equal(nb_tasks_check(box.sys, &err), 0);
	t->mm->rss_pages++;
	assert_int_equal(nb_tasks_check(box.sys, &err), -NB_EIO);
	assert_non_null(strstr(err.text, "resident pages"));
	t->mm->rss_pages--;
	leaf = nb_pt_leaf(t->mm, addr);
	leaf->nr_pages++;
	assert_int_equal(nb_tasks_check(box.sys, NULL), -NB_EIO);
	leaf->nr_pages--;
	t->mm->nr_vmas++;
	assert_int_equal(nb_tasks_check(box.sys, NULL), -NB_EIO);
	t->mm->nr_vmas--;
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_exit_gives_all_back),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_check_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
