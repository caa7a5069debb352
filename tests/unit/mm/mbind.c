/* mbind.c -- order of checks, where policies land, which pages move, home nodes. */
#include "sysbox.h"

#include "mm/rmap.h"
#include "mm/vmstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
enum { STRICT = 1, MOVE = 2, MOVE_ALL = 4 };

static struct nb_task *start(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_task *t;

	sysbox_boot(box, spec);
	assert_int_equal(nb_task_create(box->sys, 0, "t", &t), 0);
	return t;
}

static void end(struct sysbox *box, struct nb_task *t)
{
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(box);
}

static uint64_t map(struct nb_task *t, uint64_t addr, uint64_t len, int flags)
{
	uint64_t got;

	assert_int_equal(nb_mmap(t, addr, len, 3, flags, &got), 0);
	return got;
}

static void test_mbind_checks(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m1 = sysbox_mask(2), none = sysbox_mask(0);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = map(t, 0, 4 * PAGE, 0), n;

	(void)state;
	assert_int_equal(nb_munmap(t, a + 2 * PAGE, PAGE), 0);
	assert_int_equal(nb_mbind(t, a, 4 * PAGE, NB_MPOL_BIND, &m0, 0), -NB_EFAULT);
	assert_int_equal(nb_mbind(t, a, 4 * PAGE, NB_MPOL_DEFAULT, NULL, 0),
			 0); /* holes are allowed */
	assert_int_equal(nb_mbind(t, a + 2 * PAGE, PAGE, NB_MPOL_DEFAULT, NULL, 0), -NB_EFAULT);
	assert_int_equal(nb_mbind(t, a, 2 * PAGE, NB_MPOL_BIND, &m0, 8), -NB_EINVAL);
	assert_int_equal(nb_mbind(t, a + 1, PAGE, NB_MPOL_BIND, &m0, 0), -NB_EINVAL);
	assert_int_equal(nb_mbind(t, a, PAGE, NB_MPOL_BIND, &none, 0), -NB_EINVAL);
	assert_int_equal(nb_mbind(t, a, 0, NB_MPOL_BIND, &none, 0), 0);
	/* strict: pages that lie elsewhere are an error, and nothing is bound then */
	assert_int_equal(nb_touch(t, a, 2 * PAGE, true, &n), 0);
	assert_int_equal(nb_mbind(t, a, 2 * PAGE, NB_MPOL_BIND, &m0, STRICT), 0);
	assert_int_equal(nb_mbind(t, a, 2 * PAGE, NB_MPOL_BIND, &m1, STRICT), -NB_EIO);
	{
		struct nb_nodemask nodes;
		int mode;

		assert_int_equal(nb_get_mempolicy_addr(t, a, &mode, &nodes), 0);
		assert_int_equal(nodes.bits[0], 1);
		assert_int_equal(nb_get_mempolicy_addr(t, a + 2 * PAGE, &mode, &nodes), -NB_EFAULT);
	}
	end(&box, t);
}

static void test_mbind_moves(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2), m01 = sysbox_mask(3);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = map(t, 0, 100 * PAGE, 0), n;

	(void)state;
	assert_int_equal(nb_touch(t, a, 100 * PAGE, true, &n), 0);
	assert_int_equal(nb_task_node_pages(t, 0), 100);
	assert_int_equal(nb_mbind(t, a, 50 * PAGE, NB_MPOL_BIND, &m1, MOVE | STRICT), 0);
	assert_int_equal(nb_task_node_pages(t, 0), 50);
	assert_int_equal(nb_task_node_pages(t, 1), 50);
	assert_int_equal(nb_task_node(t, a + 49 * PAGE), 1);
	assert_int_equal(nb_task_node(t, a + 50 * PAGE), 0);
	/* pages that lie inside the mask stay where they are */
	assert_int_equal(nb_mbind(t, a, 100 * PAGE, NB_MPOL_INTERLEAVE, &m01, MOVE_ALL), 0);
	assert_int_equal(nb_task_node_pages(t, 0), 50);
	assert_int_equal(nb_task_rss_pages(t), 100);
	end(&box, t);
}

static void test_strict_binds_nothing(void **state)
{
	static const char *const kernels[] = {"6.1", "6.12"};
	struct nb_nodemask m0 = sysbox_mask(1), m1 = sysbox_mask(2);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sysbox box;
		struct nb_task *t = start(
			&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1", .kernel = kernels[i]});
		uint64_t a = map(t, 0, 3 * PAGE, 0), n;
		int mode;

		/* a page on the wrong node is found before a hole behind its mapping */
		assert_int_equal(nb_touch(t, a, PAGE, true, &n), 0);
		assert_int_equal(nb_mbind(t, a + PAGE, PAGE, NB_MPOL_BIND, &m0, 0), 0);
		assert_int_equal(nb_munmap(t, a + 2 * PAGE, PAGE), 0);
		assert_int_equal(nb_mbind(t, a, 3 * PAGE, NB_MPOL_BIND, &m1, STRICT), -NB_EIO);
		assert_int_equal(nb_mbind(t, a, 3 * PAGE, NB_MPOL_BIND, &m1, 0), -NB_EFAULT);
		assert_int_equal(nb_get_mempolicy_addr(t, a, &mode, NULL), 0);
		assert_int_equal(mode, NB_MPOL_DEFAULT);
		end(&box, t);
	}
}

static void test_shared_pages(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"}), *child;
	uint64_t a = map(t, 0, 8 * PAGE, 0), n;

	(void)state;
	assert_int_equal(nb_touch(t, a, 8 * PAGE, true, &n), 0);
	assert_int_equal(nb_task_fork(t, &child), 0);
	/* left alone, and that is no failure */
	assert_int_equal(nb_mbind(t, a, 8 * PAGE, NB_MPOL_BIND, &m1, MOVE | STRICT), 0);
	assert_int_equal(nb_task_node_pages(t, 0), 8);
	t->uid = 1000;
	assert_int_equal(nb_mbind(t, a, 8 * PAGE, NB_MPOL_BIND, &m1, MOVE_ALL), -NB_EPERM);
	assert_int_equal(nb_mbind(t, a + 1, 8 * PAGE, NB_MPOL_BIND, &m1, MOVE_ALL), -NB_EPERM);
	t->uid = 0;
	assert_int_equal(nb_mbind(t, a, 8 * PAGE, NB_MPOL_BIND, &m1, MOVE_ALL), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 8);
	assert_int_equal(nb_task_node_pages(child, 1), 8);
	assert_int_equal(nb_task_pfn(t, a + PAGE), nb_task_pfn(child, a + PAGE));
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_SUCCESS), 8);
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_FAIL), 0);
	nb_task_exit(child);
	nb_task_put(child);
	end(&box, t);
}

static void test_pinned_page_stays(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = map(t, 0, 3 * PAGE, 0), n;
	struct nb_page *page;
	struct nb_zone *z;
	int mode;

	(void)state;
	assert_int_equal(nb_touch(t, a, 3 * PAGE, true, &n), 0);
	page = nb_pfn_to_page(box.sys, nb_task_pfn(t, a + PAGE), &z);
	nb_get_page(box.sys, page);
	assert_int_equal(nb_mbind(t, a, 3 * PAGE, NB_MPOL_BIND, &m1, MOVE), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 2);
	assert_int_equal(nb_mbind(t, a, 3 * PAGE, NB_MPOL_BIND, &m1, MOVE | STRICT), -NB_EIO);
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_FAIL), 2);
	/* bound all the same: only what STRICT alone refuses is not */
	assert_int_equal(nb_get_mempolicy_addr(t, a, &mode, NULL), 0);
	assert_int_equal(mode, NB_MPOL_BIND);
	nb_put_page(box.sys, z, page, 0);
	assert_int_equal(nb_mbind(t, a, 3 * PAGE, NB_MPOL_BIND, &m1, MOVE | STRICT), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 3);
	end(&box, t);
}

/* DEFAULT and LOCAL name no node: every page moves to where the task's policy wants it. */
static void test_moves_without_nodes(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = map(t, 0, 10 * PAGE, 0), n;
	nb_pfn_t before;

	(void)state;
	assert_int_equal(nb_mbind(t, a, 10 * PAGE, NB_MPOL_BIND, &m1, 0), 0);
	assert_int_equal(nb_touch(t, a, 10 * PAGE, true, &n), 0);
	assert_int_equal(nb_mbind(t, a, 10 * PAGE, NB_MPOL_DEFAULT, NULL, MOVE), 0);
	assert_int_equal(nb_task_node_pages(t, 0), 10);
	before = nb_task_pfn(t, a);
	assert_int_equal(nb_mbind(t, a, 10 * PAGE, NB_MPOL_LOCAL, NULL, MOVE), 0);
	assert_int_equal(nb_task_node_pages(t, 0), 10);
	assert_int_not_equal(nb_task_pfn(t, a), before);
	end(&box, t);
}

static void test_home_node(void **state)
{
	struct nb_nodemask m01 = sysbox_mask(3);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = map(t, 0, 4 * PAGE, 0), n;

	(void)state;
	assert_int_equal(nb_set_mempolicy_home_node(t, a, 4 * PAGE, 1, 0), -NB_ENOENT);
	assert_int_equal(nb_mbind(t, a, 2 * PAGE, NB_MPOL_BIND, &m01, 0), 0);
	assert_int_equal(nb_mbind(t, a + 2 * PAGE, 2 * PAGE, NB_MPOL_INTERLEAVE, &m01, 0), 0);
	assert_int_equal(nb_set_mempolicy_home_node(t, a, 4 * PAGE, 2, 0), -NB_EINVAL);
	assert_int_equal(nb_set_mempolicy_home_node(t, a, 4 * PAGE, 1, 1), -NB_EINVAL);
	/* what came before the mapping that has another mode stays set */
	assert_int_equal(nb_set_mempolicy_home_node(t, a, 4 * PAGE, 1, 0), -NB_EOPNOTSUPP);
	assert_int_equal(nb_touch(t, a, 2 * PAGE, true, &n), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 2);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mbind_checks),
		cmocka_unit_test(test_mbind_moves),
		cmocka_unit_test(test_strict_binds_nothing),
		cmocka_unit_test(test_shared_pages),
		cmocka_unit_test(test_pinned_page_stays),
		cmocka_unit_test(test_moves_without_nodes),
		cmocka_unit_test(test_home_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
