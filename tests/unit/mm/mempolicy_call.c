/* mempolicy_call.c -- get_mempolicy's flags, masks with maxnode, pointers that are wrong. */
#include "sysbox.h"

#include "mm/task.h"

#include <numabox/mempolicy.h>
#include <string.h>

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

#define NODE NB_MPOL_F_NODE
#define ADDR NB_MPOL_F_ADDR
#define MEMS NB_MPOL_F_MEMS_ALLOWED

static void test_flags(void **state)
{
	struct nb_nodemask m01 = sysbox_mask(3), m1 = sysbox_mask(2), got;
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = touched(t, 2), b, n;
	int mode;

	(void)state;
	assert_int_equal(nb_get_mempolicy_flags(t, 0, 8, &mode, &got), -NB_EINVAL);
	assert_int_equal(nb_get_mempolicy_flags(t, a, 0, &mode, &got), -NB_EINVAL);
	assert_int_equal(nb_get_mempolicy_flags(t, a, MEMS, &mode, &got), 0); /* never looked at */
	assert_int_equal(got.bits[0], 3);
	assert_int_equal(nb_get_mempolicy_flags(t, 0, MEMS | NODE, &mode, &got), -NB_EINVAL);
	assert_int_equal(nb_get_mempolicy_flags(t, 0, MEMS | ADDR, &mode, &got), -NB_EINVAL);
	assert_int_equal(nb_get_mempolicy_flags(t, 0x1000, ADDR, &mode, &got), -NB_EFAULT);
	/* the node of a page; one that was not there is faulted in */
	assert_int_equal(nb_get_mempolicy_flags(t, a, NODE | ADDR, &mode, &got), 0);
	assert_int_equal(mode, 0);
	assert_int_equal(nb_mmap(t, 0, 2 * PAGE, 3, NB_MAP_SHARED, &b), 0);
	assert_int_equal(nb_mbind(t, b, 2 * PAGE, NB_MPOL_BIND, &m1, 0), 0);
	n = nb_task_rss_pages(t);
	assert_int_equal(nb_get_mempolicy_flags(t, b, NODE | ADDR, &mode, &got), 0);
	assert_int_equal(mode, 1);
	assert_int_equal(got.bits[0], 2);
	assert_int_equal(nb_task_rss_pages(t), n + 1);
	/* the next of interleaving: told, and not taken */
	assert_int_equal(nb_get_mempolicy_flags(t, 0, NODE, &mode, &got), -NB_EINVAL);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &m01), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(nb_get_mempolicy_flags(t, 0, NODE, &mode, &got), 0);
		assert_int_equal(mode, 0);
	}
	assert_int_equal(got.bits[0], 3);
	end(&box, t);
}

static int set(struct nb_task *t, int mode, const uint64_t *words, unsigned n, uint64_t maxnode)
{
	struct nb_user u = {(void *)(uintptr_t)words, n * 8, false};

	return nb_sys_set_mempolicy(t, mode, u, maxnode);
}

static void test_maxnode(void **state)
{
	uint64_t m0 = 1, m1 = 2, m9 = 1u << 9, long_one[512] = {1};
	const struct nb_user bad = {.bad = true}, null = {0};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});

	(void)state;
	assert_int_equal(set(t, NB_MPOL_BIND, &m0, 1, 1), -NB_EINVAL); /* no bit counts */
	assert_int_equal(set(t, NB_MPOL_BIND, &m0, 1, 2), 0);
	assert_int_equal(set(t, NB_MPOL_BIND, &m1, 1, 2), -NB_EINVAL);
	assert_int_equal(set(t, NB_MPOL_BIND, &m1, 1, 3), 0);
	assert_int_equal(set(t, NB_MPOL_BIND, &m9, 1, 64), -NB_EINVAL); /* no such node */
	assert_int_equal(set(t, NB_MPOL_BIND, &m0, 1, 0), -NB_EINVAL);  /* wraps to a huge mask */
	assert_int_equal(set(t, NB_MPOL_DEFAULT, NULL, 0, 0), 0);
	assert_int_equal(set(t, NB_MPOL_BIND, long_one, 512, 32768), 0);
	assert_int_equal(set(t, NB_MPOL_BIND, long_one, 512, 32770), -NB_EINVAL); /* over a page */
	assert_int_equal(set(t, NB_MPOL_BIND, long_one, 16, 1026), -NB_EFAULT);   /* reads on */
	long_one[16] = 1;
	assert_int_equal(set(t, NB_MPOL_BIND, long_one, 512, 1025), 0);
	assert_int_equal(set(t, NB_MPOL_BIND, long_one, 512, 1026), -NB_EINVAL);
	assert_int_equal(nb_sys_set_mempolicy(t, NB_MPOL_DEFAULT, bad, 64), -NB_EFAULT);
	assert_int_equal(nb_sys_set_mempolicy(t, 99, bad, 64), -NB_EINVAL); /* the mode is first */
	assert_int_equal(nb_sys_set_mempolicy(t, NB_MPOL_LOCAL, null, 64), 0);
	end(&box, t);
}

static void test_what_is_written(void **state)
{
	uint64_t out[512], m01 = 3;
	const struct nb_user bad = {.bad = true}, null = {0};
	struct nb_user um = {out, sizeof(out), false}, uo;
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	int mode = -1;

	(void)state;
	uo = (struct nb_user){&mode, sizeof(mode), false};
	assert_int_equal(set(t, NB_MPOL_BIND, &m01, 1, 64), 0);
	memset(out, 0xff, sizeof(out));
	assert_int_equal(nb_sys_get_mempolicy(t, uo, um, 1, 0, 0), -NB_EINVAL); /* too short */
	assert_int_equal(nb_sys_get_mempolicy(t, uo, um, 130, 0, 0), 0);
	assert_int_equal(mode, NB_MPOL_BIND);
	assert_int_equal(out[0], 3);
	assert_int_equal(out[1], 0);
	assert_int_equal(out[2], 0); /* 129 bits are three words */
	assert_int_equal(out[3], UINT64_MAX);
	assert_int_equal(nb_sys_get_mempolicy(t, null, null, 0, 0, 0), 0);
	assert_int_equal(nb_sys_get_mempolicy(t, bad, um, 1024, 0, 0), -NB_EFAULT);
	assert_int_equal(nb_sys_get_mempolicy(t, uo, bad, 1024, 0, 0), -NB_EFAULT);
	assert_int_equal(nb_sys_get_mempolicy(t, uo, um, 32769, 0, 0), 0);
	assert_int_equal(nb_sys_get_mempolicy(t, uo, um, 65536, 0, 0), -NB_EINVAL);
	end(&box, t);
}

static void test_others(void **state)
{
	uint64_t m0 = 1, m1 = 2;
	struct nb_user u0 = {&m0, 8, false}, u1 = {&m1, 8, false};
	const struct nb_user bad = {.bad = true};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = touched(t, 4);

	(void)state;
	/* what a mode or a mask is wrong with comes before flags, addresses and pids */
	assert_int_equal(nb_sys_mbind(t, a + 1, PAGE, 99, bad, 64, 99), -NB_EINVAL);
	assert_int_equal(nb_sys_mbind(t, a + 1, PAGE, NB_MPOL_BIND, bad, 64, 99), -NB_EFAULT);
	assert_int_equal(nb_sys_mbind(t, a, UINT64_MAX, NB_MPOL_BIND, u0, 64, 0), 0);
	assert_int_equal(nb_sys_migrate_pages(t, 99999, 64, bad, u1), -NB_EFAULT);
	assert_int_equal(nb_sys_migrate_pages(t, 99999, 64, u0, u1), -NB_ESRCH);
	assert_int_equal(nb_sys_migrate_pages(t, 0, 64, u0, u1), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 4);
	assert_int_equal(nb_sys_migrate_pages(t, 1, 64, u0, u1), 0);
	assert_int_equal(nb_sys_migrate_pages(t, 2, 64, u0, u1), -NB_EINVAL);
	assert_int_equal(nb_sys_set_mempolicy_home_node(t, a, PAGE, UINT64_MAX, 0), -NB_EINVAL);
	assert_int_equal(nb_sys_set_mempolicy_home_node(t, a, UINT64_MAX, 0, 0), 0);
	nb_task_set_uid(t, 5);
	assert_int_equal(nb_task_uid(t), 5);
	assert_int_equal(nb_sys_migrate_pages(t, 1, 64, u0, u1), -NB_EPERM);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_maxnode),
		cmocka_unit_test(test_what_is_written),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
