/* migrate_pages.c -- sets of nodes that correspond, permissions, memory that is missing. */
#include "sysbox.h"

#include "mm/vmstat.h"

#include <numabox/cpuset.h>
#include <numabox/mempolicy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)

static struct nb_task *start(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_task *t;

	sysbox_boot(box, spec);
	assert_int_equal(nb_task_create(box->sys, 0, "t", &t), 0);
	return t;
}

static void end(struct sysbox *box, struct nb_task *t)
{
	struct nb_error err = {0};

	if (nb_system_check(box->sys, &err))
		fail_msg("%s", err.text);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(box);
}

static uint64_t touched(struct nb_task *t, uint64_t pages)
{
	uint64_t a, n;

	assert_int_equal(nb_mmap(t, 0, pages * PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_touch(t, a, pages * PAGE, true, &n), 0);
	return a;
}

static int migrate(struct nb_task *caller, struct nb_task *t, uint64_t from, uint64_t to)
{
	struct nb_nodemask f = sysbox_mask(from), m = sysbox_mask(to);

	return nb_migrate_pages(caller, t, &f, &m);
}

/* Nodes 0 and 1 hold 10 and 20 pages. */
static void fill(struct nb_task *t)
{
	struct nb_nodemask m0 = sysbox_mask(1), m1 = sysbox_mask(2);

	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &m0), 0);
	(void)touched(t, 10);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &m1), 0);
	(void)touched(t, 20);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_DEFAULT, NULL), 0);
}

static void test_correspondence(void **state)
{
	static const struct {
		uint64_t from, to, pages[4], moved;
	} c[] = {
		{3, 12, {0, 0, 10, 20}, 30}, /* 0 to 2, 1 to 3 */
		{3, 6, {0, 10, 20, 0}, 30},  /* 1 is emptied before 0 is moved into it */
		{3, 3, {10, 20, 0, 0}, 0},   {3, 2, {0, 30, 0, 0}, 10}, /* sizes differ: 1, in both,
									   stays */
		{7, 3, {10, 20, 0, 0}, 0},   {1, 8, {0, 20, 0, 10}, 10}, {8, 1, {10, 20, 0, 0}, 0},
		{15, 8, {0, 0, 0, 30}, 30},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct sysbox box;
		struct nb_task *t =
			start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1 64M:1"});

		fill(t);
		assert_int_equal(migrate(t, t, c[i].from, c[i].to), 0);
		for (int nid = 0; nid < 4; nid++)
			assert_int_equal(nb_task_node_pages(t, nid), c[i].pages[nid]);
		assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_SUCCESS), c[i].moved);
		end(&box, t);
	}
}

static void test_permissions(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"}), *other;

	(void)state;
	assert_int_equal(nb_task_create(box.sys, 1, "other", &other), 0);
	(void)touched(other, 4);
	nb_task_set_uid(t, 1000);
	assert_int_equal(migrate(t, other, 2, 1), -NB_EPERM);
	nb_task_set_uid(other, 1000);
	assert_int_equal(migrate(t, other, 2, 1), 0);
	assert_int_equal(nb_task_node_pages(other, 0), 4);
	assert_int_equal(migrate(t, other, 1, 0), -NB_EINVAL);
	assert_int_equal(migrate(t, other, 1, 8), -NB_EPERM); /* not its nodes */
	nb_task_set_uid(t, 0);
	assert_int_equal(migrate(t, other, 1, 8), -NB_EINVAL);
	assert_int_equal(nb_set_cpuset(other, &m0, NULL), 0);
	nb_task_set_uid(t, 1000);
	assert_int_equal(migrate(t, other, 1, 2), -NB_EPERM);
	nb_task_set_uid(t, 0);
	assert_int_equal(migrate(t, other, 1, 2), 0); /* root may; they are its own that count */
	nb_task_exit(other);
	assert_int_equal(migrate(t, other, 1, 2), -NB_ESRCH);
	nb_task_put(other);
	end(&box, t);
}

static void test_shared_and_full(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 16M:1"}), *child;
	uint64_t a = touched(t, 6000), n;

	(void)state;
	(void)a;
	/* more than node 1 holds: the rest stays, and the answer is the errno */
	assert_int_equal(migrate(t, t, 1, 2), -NB_ENOMEM);
	n = nb_task_node_pages(t, 1);
	assert_in_range(n, 1000, 4096);
	assert_int_equal(nb_task_node_pages(t, 0), 6000 - n);
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_FAIL), 1);
	assert_int_equal(migrate(t, t, 2, 1), 0);
	assert_int_equal(nb_task_fork(t, &child), 0);
	nb_task_set_uid(t, 1000);
	nb_task_set_uid(child, 1000);
	assert_int_equal(migrate(t, t, 1, 2), 0); /* shared pages are nobody's failure */
	assert_int_equal(nb_task_node_pages(t, 0), 6000);
	nb_task_exit(child);
	nb_task_put(child);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_correspondence),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_shared_and_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
