/* Pools of huge pages: growing and shrinking by the files that rule them, node after node. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mm/hugetlb.h"

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define NODE(n) "/sys/devices/system/node/node" #n "/hugepages/hugepages-2048kB/"

static const struct sysbox_spec two_nodes = {.nodes = "1G:2 1G:2"};

static int put(struct sysbox *box, const char *path, const char *text)
{
	return nb_sysfs_write(box->sys, NULL, path, text);
}

static long get(struct sysbox *box, const char *path)
{
	char buf[64];
	long v = -1;
	int len = nb_sysfs_read(box->sys, path, buf, sizeof(buf));

	if (len < 0)
		return len;
	assert_int_equal(sscanf(buf, "%ld\n", &v), 1);
	return v;
}

static void expect_nodes(struct sysbox *box, long n0, long n1)
{
	struct nb_error err = {0};

	assert_int_equal(get(box, NODE(0) "nr_hugepages"), n0);
	assert_int_equal(get(box, NODE(1) "nr_hugepages"), n1);
	assert_int_equal(get(box, POOL "nr_hugepages"), n0 + n1);
	assert_int_equal(nb_hugetlb_check(box->sys, &err), 0);
}

/* Expect the turn to go on from the node after the last one: pools are never levelled. */
static void test_turns(void **state)
{
	struct sysbox box;
	uint64_t before;

	(void)state;
	sysbox_boot(&box, &two_nodes);
	before = sysbox_free_pages(&box);
	assert_int_equal(put(&box, NODE(0) "nr_hugepages", "10\n"), 0);
	assert_int_equal(put(&box, NODE(1) "nr_hugepages", "6\n"), 0);
	expect_nodes(&box, 10, 6);
	assert_int_equal(put(&box, POOL "nr_hugepages", "20"), 0);
	expect_nodes(&box, 12, 8);
	assert_int_equal(put(&box, POOL "nr_hugepages", "21"), 0);
	expect_nodes(&box, 12, 9);
	assert_int_equal(put(&box, POOL "nr_hugepages", "22"), 0);
	expect_nodes(&box, 13, 9);
	assert_int_equal(put(&box, POOL "nr_hugepages", "19"), 0);
	expect_nodes(&box, 11, 8);
	assert_int_equal(put(&box, "/proc/sys/vm/nr_hugepages", "0"), 0);
	expect_nodes(&box, 0, 0);
	nb_drain_pages(box.sys, -1);
	assert_int_equal(sysbox_free_pages(&box), before);
	sysbox_end(&box);
}

static void test_texts(void **state)
{
	static const struct {
		const char *path, *text;
		int ret;
	} cases[] = {
		{NODE(0) "nr_hugepages", "-1", -NB_EINVAL},
		{NODE(0) "nr_hugepages", "abc", -NB_EINVAL},
		{NODE(0) "nr_hugepages", "0x10", -NB_EINVAL},
		{NODE(0) "nr_hugepages", "", -NB_EINVAL},
		{NODE(0) "nr_hugepages", "4 ", -NB_EINVAL},
		{NODE(0) "nr_hugepages", "4\n\n", -NB_EINVAL},
		{NODE(0) "nr_hugepages", "99999999999999999999", -NB_ERANGE},
		{NODE(0) "free_hugepages", "3", -NB_EACCES},
		{NODE(0) "resv_hugepages", "3", -NB_ENOENT},
		{NODE(0) "nr_overcommit_hugepages", "3", -NB_ENOENT},
		{NODE(2) "nr_hugepages", "3", -NB_ENOENT},
		{POOL "surplus_hugepages", "3", -NB_EACCES},
		{POOL "nr_overcommit_hugepages", "x", -NB_EINVAL},
		{POOL "nr_hugepage", "3", -NB_ENOENT},
		{"/sys/kernel/mm/hugepages/hugepages-4096kB/nr_hugepages", "3", -NB_ENOENT},
		{"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_overcommit_hugepages", "3",
		 -NB_EINVAL},
		{"/proc/sys/vm/nr_hugepages", "-1", -NB_EINVAL},
		{"/proc/sys/vm/free_hugepages", "1", -NB_ENOENT},
		{"", "1", -NB_ENOENT},
		/* those that are fine: decimal in sysfs, any base in /proc/sys */
		{NODE(0) "nr_hugepages", "010\n", 0},
		{NODE(0) "nr_hugepages", "+10", 0},
		{"/proc/sys/vm/nr_hugepages", " 0x10 7\n", 0},
		{"/proc/sys/vm/nr_hugepages", "010", 0},
	};
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &two_nodes);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int ret = put(&box, cases[i].path, cases[i].text);

		if (ret != cases[i].ret)
			print_error("%s <- '%s'\n", cases[i].path, cases[i].text);
		assert_int_equal(ret, cases[i].ret);
	}
	assert_int_equal(get(&box, POOL "nr_hugepages"), 8); /* the last one: octal */
	sysbox_end(&box);
}

/* A node that has no more gives what it has; the write succeeds all the same. */
static void test_partial(void **state)
{
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &two_nodes);
	assert_int_equal(put(&box, NODE(1) "nr_hugepages", "100000"), 0);
	assert_int_equal(get(&box, NODE(0) "nr_hugepages"), 0);
	assert_in_range(get(&box, NODE(1) "nr_hugepages"), 480, 504);
	assert_int_equal(get(&box, "/proc/sys/vm/nr_hugepages"), get(&box, POOL "nr_hugepages"));
	assert_int_equal(put(&box, NODE(1) "nr_hugepages", "18446744073709551615"), 0);
	assert_int_equal(put(&box, NODE(1) "nr_hugepages", "0"), 0);
	expect_nodes(&box, 0, 0);
	sysbox_end(&box);
}

/* nr_hugepages_mempolicy uses the writer's nodes; the number is the total of all nodes. */
static void test_mempolicy(void **state)
{
	struct nb_nodemask one = sysbox_mask(2);
	struct nb_task *t;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &two_nodes);
	assert_int_equal(nb_task_create(box.sys, 0, "t", &t), 0);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &one), 0);
	assert_int_equal(nb_sysfs_write(box.sys, t, POOL "nr_hugepages_mempolicy", "8"), 0);
	expect_nodes(&box, 0, 8);
	assert_int_equal(nb_sysfs_write(box.sys, t, "/proc/sys/vm/nr_hugepages", "12"), 0);
	expect_nodes(&box, 2, 10);
	assert_int_equal(nb_sysfs_write(box.sys, t, POOL "nr_hugepages_mempolicy", "3"), 0);
	expect_nodes(&box, 2, 1);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_LOCAL, NULL), 0);
	assert_int_equal(nb_sysfs_write(box.sys, t, POOL "nr_hugepages_mempolicy", "7"), 0);
	expect_nodes(&box, 6, 1);
	t->uid = 1000;
	assert_int_equal(nb_sysfs_write(box.sys, t, POOL "nr_hugepages", "7"), -NB_EACCES);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

/* Reservations: what is reserved cannot go, it becomes surplus and persistent again. */
static void test_reserved(void **state)
{
	struct nb_hstate *h;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &two_nodes);
	h = nb_hstate_by_bytes(box.sys, 2 << 20);
	assert_non_null(h);
	assert_int_equal(put(&box, POOL "nr_hugepages", "8"), 0);
	assert_int_equal(nb_hstate_acct(box.sys, h, 8, NULL), 0);
	assert_int_equal(nb_hstate_acct(box.sys, h, 1, NULL), -NB_ENOMEM);
	assert_int_equal(put(&box, POOL "nr_hugepages", "1"), 0);
	expect_nodes(&box, 4, 4);
	assert_int_equal(get(&box, POOL "surplus_hugepages"), 7);
	assert_int_equal(get(&box, "/proc/sys/vm/nr_hugepages"), 1);
	assert_int_equal(put(&box, POOL "nr_hugepages", "8"), 0);
	assert_int_equal(get(&box, POOL "surplus_hugepages"), 0);
	assert_int_equal(put(&box, POOL "nr_overcommit_hugepages", "5"), 0);
	assert_int_equal(nb_hstate_acct(box.sys, h, 3, NULL), 0);
	expect_nodes(&box, 7, 4);
	assert_int_equal(get(&box, NODE(0) "surplus_hugepages"), 3);
	assert_int_equal(nb_hstate_acct(box.sys, h, 3, NULL), -NB_ENOMEM);
	expect_nodes(&box, 7, 4);
	assert_int_equal(nb_hstate_acct(box.sys, h, -11, NULL), 0);
	expect_nodes(&box, 4, 4);
	assert_int_equal(get(&box, POOL "resv_hugepages"), 0);
	sysbox_end(&box);
}

/* 1 GiB pages: from the command line, and at run time where a whole gigabyte is free. */
static void test_gigantic(void **state)
{
	static const struct sysbox_spec spec = {.nodes = "4G:2 4G:2",
						.cmdline = "hugepagesz=1G hugepages=2 "
							   "hugepagesz=2M hugepages=3"};
	const char *path = "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";
	struct nb_error err = {0};
	struct nb_hugetlb_info info;
	struct sysbox box;
	uint64_t before;

	(void)state;
	sysbox_boot(&box, &spec);
	assert_int_equal(get(&box, path), 2);
	assert_int_equal(get(&box, POOL "nr_hugepages"), 3);
	assert_true(nb_hugetlb_info(box.sys, 0, 1, &info));
	assert_int_equal(info.page_bytes, 1 << 30);
	assert_int_equal(info.nr, 1);
	assert_false(info.is_default);
	assert_int_equal(nb_system_check(box.sys, &err), 0);
	before = sysbox_free_pages(&box);
	assert_int_equal(put(&box, path, "100"), 0);
	assert_in_range(get(&box, path), 4, 6);
	assert_int_equal(nb_system_check(box.sys, &err), 0);
	assert_int_equal(nb_hugetlb_check(box.sys, &err), 0);
	assert_true(sysbox_free_pages(&box) < before);
	assert_int_equal(put(&box, path, "2"), 0);
	nb_drain_pages(box.sys, -1);
	assert_int_equal(nb_system_check(box.sys, &err), 0);
	sysbox_end(&box);
}

static void test_paths(void **state)
{
	char path[128], buf[64];
	struct sysbox box;
	unsigned n;

	(void)state;
	sysbox_boot(&box, &two_nodes);
	for (n = 0; nb_sysfs_path(box.sys, n, path, sizeof(path)); n++)
		assert_true(nb_sysfs_read(box.sys, path, buf, sizeof(buf)) > 0);
	assert_true(n >= 2 * (6 + 2 * 3) + 3);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),    cmocka_unit_test(test_texts),
		cmocka_unit_test(test_partial),  cmocka_unit_test(test_mempolicy),
		cmocka_unit_test(test_reserved), cmocka_unit_test(test_gigantic),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("mm/hugetlb_pool", tests, NULL, NULL);
}
