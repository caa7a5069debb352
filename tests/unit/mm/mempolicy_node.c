/* mempolicy_node.c -- which node a request goes to: weights, the counter, huge pages, cpusets. */
#include "sysbox.h"

#include "mm/task.h"

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

static int node_of(struct nb_system *sys, nb_pfn_t pfn, unsigned order)
{
	struct nb_page_info info;

	assert_int_not_equal(pfn, NB_NO_PFN);
	assert_int_equal(nb_page_info(sys, pfn, &info), 0);
	assert_int_equal(nb_free_pages(sys, 0, pfn, order), 0);
	return info.nid;
}

static int kernel_page(struct nb_task *t, nb_gfp_t gfp)
{
	struct nb_alloc_request rq = {.gfp = gfp, .cpu = t->cpu, .nid = NB_NO_NODE, .task = t};

	return node_of(t->sys, nb_alloc_pages(t->sys, &rq), 0);
}

static void test_weights(void **state)
{
	static const int want[] = {0, 0, 0, 1, 2, 2};
	struct nb_nodemask all = sysbox_mask(7);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1"});

	(void)state;
	assert_int_equal(nb_set_interleave_weight(box.sys, 0, 3), 0);
	assert_int_equal(nb_set_interleave_weight(box.sys, 2, 2), 0);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_WEIGHTED_INTERLEAVE, &all), 0);
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(nb_mpol_next_node(t), want[i % 6]);
		assert_int_equal(kernel_page(t, NB_GFP_KERNEL), want[i % 6]);
		assert_int_equal(node_of(box.sys,
					 nb_mpol_alloc(t, t->policy, NB_GFP_HIGHUSER_MOVABLE, 0, i),
					 0),
				 want[i % 6]);
	}
	/* no policy is asked where the node is said, and none is there in an interrupt */
	assert_int_equal(kernel_page(t, NB_GFP_KERNEL | NB_GFP_BIT_THISNODE), 0);
	assert_int_equal(node_of(box.sys, nb_alloc_page(box.sys, 1, NB_GFP_ATOMIC), 0), 1);
	assert_int_equal(nb_mpol_next_node(t), 0);
	end(&box, t);
}

/* A policy that lost the node its counter stands on goes on behind it. */
static void test_counter_behind(void **state)
{
	struct nb_nodemask m01 = sysbox_mask(3), m12 = sysbox_mask(6);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1"});

	(void)state;
	assert_int_equal(nb_set_interleave_weight(box.sys, 0, 5), 0);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_WEIGHTED_INTERLEAVE, &m01), 0);
	assert_int_equal(kernel_page(t, NB_GFP_KERNEL), 0);
	assert_int_equal(nb_set_cpuset(t, &m12, NULL), 0); /* 0, 1 become 1, 2 */
	assert_int_equal(kernel_page(t, NB_GFP_KERNEL), 1);
	assert_int_equal(kernel_page(t, NB_GFP_KERNEL), 2);
	assert_int_equal(nb_mpol_next_node(t), 1);
	end(&box, t);
}

static nb_pfn_t huge(struct nb_task *t, nb_gfp_t gfp)
{
	return nb_mpol_alloc(t, t->policy, gfp, 9, 0);
}

static void test_huge_on_one_node(void **state)
{
	const nb_gfp_t light =
		(NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP) & ~(nb_gfp_t)NB_GFP_BIT_DIRECT_RECLAIM;
	struct nb_nodemask m1 = sysbox_mask(2);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "16M:1 64M:1"});
	nb_pfn_t held[16], pfn;
	unsigned n = 0;

	(void)state;
	/* without a policy they come from the CPU's node while it has some, and then none come,
	 * though another node has plenty */
	while (n < 16 && (pfn = huge(t, light)) != NB_NO_PFN)
		held[n++] = pfn;
	assert_in_range(n, 1, 15);
	for (unsigned i = 0; i < n; i++) {
		struct nb_page_info info;

		assert_int_equal(nb_page_info(box.sys, held[i], &info), 0);
		assert_int_equal(info.nid, 0);
	}
	/* who may reclaim goes on to the whole list */
	assert_int_equal(node_of(box.sys, huge(t, NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP), 9),
			 1);
	/* a mask without the CPU's node: as any request */
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &m1), 0);
	assert_int_equal(node_of(box.sys, huge(t, light), 9), 1);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(nb_free_pages(box.sys, 0, held[i], 9), 0);
	end(&box, t);
}

static void test_target(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2), m01 = sysbox_mask(3);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	const struct nb_nodemask *mask;
	int nid;

	(void)state;
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &m1), 0);
	nb_mpol_target(t, t->policy, NB_GFP_HIGHUSER_MOVABLE, 0, &nid, &mask);
	assert_int_equal(nid, 0); /* the list of the CPU's node, filtered */
	assert_non_null(mask);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_PREFERRED, &m1), 0);
	nb_mpol_target(t, t->policy, NB_GFP_HIGHUSER_MOVABLE, 0, &nid, &mask);
	assert_int_equal(nid, 1);
	assert_null(mask);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &m01), 0);
	nb_mpol_target(t, t->policy, NB_GFP_KERNEL, NB_UNKNOWN, &nid, &mask);
	assert_int_equal(nid, 0);
	nb_mpol_target(t, t->policy, NB_GFP_HIGHUSER_MOVABLE, 7, &nid, &mask);
	assert_int_equal(nid, 1);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_counter_behind),
		cmocka_unit_test(test_huge_on_one_node),
		cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
