/* move_pages.c -- statuses, runs of entries, errors in between, what is written and what is not. */
#include "sysbox.h"

#include "mm/rmap.h"

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

#define MOVE NB_MPOL_MF_MOVE

static void test_statuses(void **state)
{
	static const char *const kernels[] = {"6.1", "6.12"};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct sysbox box;
		struct nb_task *t = start(
			&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1", .kernel = kernels[k]});
		uint64_t a, n, q[6];
		int nodes[6] = {1, 0, 1, 1, 1, 1}, st[6];

		assert_int_equal(nb_mmap(t, 0, 4 * PAGE, 3, 0, &a), 0);
		assert_int_equal(nb_touch(t, a, 2 * PAGE, true, &n), 0);
		assert_int_equal(nb_touch(t, a + 3 * PAGE, PAGE, false, &n), 0);
		for (unsigned i = 0; i < 4; i++)
			q[i] = a + i * PAGE;
		q[4] = a + 4 * PAGE;
		q[5] = a; /* a second time: it has moved by then */
		assert_int_equal(nb_move_pages(t, t, 6, q, nodes, st, MOVE), 0);
		assert_int_equal(st[0], 1);
		assert_int_equal(st[1], 0);
		assert_int_equal(st[2], k ? -NB_ENOENT : -NB_EFAULT);
		assert_int_equal(st[3], -NB_EFAULT); /* the page of zeros */
		assert_int_equal(st[4], -NB_EFAULT);
		assert_int_equal(st[5], 1);
		nodes[0] = 0;
		nodes[5] = 0;
		q[1] = a; /* twice in one run: it is off its list */
		assert_int_equal(nb_move_pages(t, t, 2, q, nodes, st, MOVE), 0);
		assert_int_equal(st[0], 0);
		assert_int_equal(st[1], -NB_EBUSY);
		assert_int_equal(nb_task_node(t, a), 0);
		end(&box, t);
	}
}

static void test_errors_in_between(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 0:1"});
	uint64_t a = touched(t, 4), q[4] = {a, a + PAGE, a + 2 * PAGE, a + 3 * PAGE};
	int nodes[4] = {1, 2, 1, 1}, st[4] = {-77, -77, -77, -77};

	(void)state;
	/* the run before the entry that is wrong has been moved, and told */
	assert_int_equal(nb_move_pages(t, t, 4, q, nodes, st, MOVE), -NB_ENODEV);
	assert_int_equal(st[0], 1);
	assert_int_equal(st[1], -77);
	assert_int_equal(nb_task_node(t, a), 1);
	nodes[1] = NB_MAX_NODES;
	assert_int_equal(nb_move_pages(t, t, 4, q, nodes, st, MOVE), -NB_ENODEV);
	assert_int_equal(nb_move_pages(t, t, 4, q, nodes, st, 1), -NB_EINVAL);
	assert_int_equal(nb_set_cpuset(t, &m0, NULL), 0);
	assert_int_equal(nb_move_pages(t, t, 1, q, nodes, st, MOVE), -NB_EACCES);
	nb_task_set_uid(t, 7);
	assert_int_equal(nb_move_pages(t, t, 1, q, nodes, st, NB_MPOL_MF_MOVE_ALL), -NB_EPERM);
	end(&box, t);
}

static void test_pinned(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = touched(t, 4), q[4] = {a, a + PAGE, a + 2 * PAGE, a + 3 * PAGE};
	int nodes[4] = {1, 1, 0, 1}, st[4] = {-77, -77, -77, -77};
	struct nb_zone *z;
	struct nb_page *page = nb_pfn_to_page(box.sys, nb_task_pfn(t, a), &z);

	(void)state;
	nb_get_page(box.sys, page);
	/* one of the run stays: it, and the entries that were not come to, are counted; the entry
	 * that ended the run had its answer */
	assert_int_equal(nb_move_pages(t, t, 4, q, nodes, st, MOVE), 1 + 2);
	assert_int_equal(st[0], -77);
	assert_int_equal(st[1], -77);
	assert_int_equal(nb_task_node(t, a + PAGE), 1);
	nb_put_page(box.sys, z, page, 0);
	end(&box, t);
}

static void test_raw(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"}), *other;
	uint64_t a = touched(t, 2), q[2] = {a, a + PAGE};
	int nodes[2] = {1, 1}, st[2];
	const struct nb_user none = {0}, bad = {.bad = true}, uq = {q, sizeof(q), false},
			     un = {nodes, sizeof(nodes), false}, us = {st, sizeof(st), false};
	struct nb_user half = {st, sizeof(st[0]), false};

	(void)state;
	assert_int_equal(nb_task_create(box.sys, 1, "other", &other), 0);
	assert_int_equal(nb_sys_move_pages(t, 0, 0, none, none, none, 0), 0);
	assert_int_equal(nb_sys_move_pages(t, 0, 2, none, un, us, MOVE), -NB_EFAULT);
	assert_int_equal(nb_sys_move_pages(t, 0, 2, uq, bad, us, MOVE), -NB_EFAULT);
	assert_int_equal(nb_sys_move_pages(t, 0, 2, uq, un, bad, MOVE), -NB_EFAULT);
	assert_int_equal(nb_task_node(t, a), 1); /* moved all the same */
	assert_int_equal(nb_sys_move_pages(t, 0, UINT64_C(1) << 62, uq, none, us, 0), -NB_EFAULT);
	assert_int_equal(nb_sys_move_pages(t, 0, 2, uq, none, half, 0), -NB_EFAULT);
	assert_int_equal(nb_sys_move_pages(t, 0, 2, uq, none, us, 0), 0);
	assert_int_equal(st[1], 1);
	assert_int_equal(nb_sys_move_pages(t, 99999, 2, uq, un, us, MOVE), -NB_ESRCH);
	assert_int_equal(nb_sys_move_pages(t, 2, 1, uq, un, us, MOVE), -NB_EINVAL);
	assert_int_equal(nb_sys_move_pages(t, nb_task_pid(other), 2, uq, un, us, MOVE), 0);
	assert_int_equal(st[0], -NB_EFAULT);
	nb_task_set_uid(t, 7);
	assert_int_equal(nb_sys_move_pages(t, nb_task_pid(other), 2, uq, un, us, MOVE), -NB_EPERM);
	assert_int_equal(nb_sys_move_pages(t, 1, 2, uq, un, us, MOVE), -NB_EPERM);
	nb_task_exit(other);
	nb_task_put(other);
	end(&box, t);
}

static void test_long_run(void **state)
{
	enum { N = 1300 };
	static uint64_t q[N];
	static int nodes[N], st[N];
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = touched(t, N);

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		q[i] = a + i * PAGE;
		nodes[i] = 1;
		st[i] = -77;
	}
	assert_int_equal(nb_move_pages(t, t, N, q, nodes, st, MOVE), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(st[i], 1);
	assert_int_equal(nb_task_node_pages(t, 1), N);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses), cmocka_unit_test(test_errors_in_between),
		cmocka_unit_test(test_pinned),   cmocka_unit_test(test_raw),
		cmocka_unit_test(test_long_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
