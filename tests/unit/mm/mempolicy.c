/* mempolicy.c -- policies of a task: their checks, and where pages and kernel pages go. */
#include "sysbox.h"

#include "mm/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define STATIC NB_MPOL_F_STATIC_NODES
#define RELATIVE NB_MPOL_F_RELATIVE_NODES

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

static void test_what_is_accepted(void **state)
{
	static const struct {
		int mode;
		uint64_t mask;
		int err, shown_mode;
		uint64_t shown;
	} c[] = {
		{NB_MPOL_DEFAULT, 0, 0, NB_MPOL_DEFAULT, 0},
		{NB_MPOL_DEFAULT, 1, -NB_EINVAL, 0, 0},
		{NB_MPOL_DEFAULT | STATIC, 0, 0, NB_MPOL_DEFAULT, 0},
		{NB_MPOL_PREFERRED, 0, 0, NB_MPOL_LOCAL, 0},
		{NB_MPOL_PREFERRED, 6, 0, NB_MPOL_PREFERRED, 2},
		{NB_MPOL_PREFERRED | STATIC, 0, -NB_EINVAL, 0, 0},
		{NB_MPOL_LOCAL, 1, -NB_EINVAL, 0, 0},
		{NB_MPOL_LOCAL | RELATIVE, 0, -NB_EINVAL, 0, 0},
		{NB_MPOL_BIND, 0, -NB_EINVAL, 0, 0},
		{NB_MPOL_BIND, 0x30, -NB_EINVAL, 0, 0},     /* no such nodes */
		{NB_MPOL_BIND, 0x3c, 0, NB_MPOL_BIND, 0xc}, /* cut silently */
		{NB_MPOL_BIND | STATIC, 0x3c, 0, NB_MPOL_BIND | STATIC, 0x3c},
		{NB_MPOL_BIND | RELATIVE, 0x30, 0, NB_MPOL_BIND | RELATIVE, 0x30}, /* folded */
		{NB_MPOL_BIND | STATIC | RELATIVE, 1, -NB_EINVAL, 0, 0},
		{NB_MPOL_INTERLEAVE | NB_MPOL_F_NUMA_BALANCING, 1, -NB_EINVAL, 0, 0},
		{NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING, 1, 0,
		 NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING, 1},
		{NB_MPOL_MAX, 1, -NB_EINVAL, 0, 0},
		{-1, 1, -NB_EINVAL, 0, 0},
	};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1 64M:1"});

	(void)state;
	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct nb_nodemask m = sysbox_mask(c[i].mask), shown;
		int mode;

		assert_int_equal(nb_set_mempolicy(t, NB_MPOL_DEFAULT, NULL), 0);
		assert_int_equal(nb_set_mempolicy(t, c[i].mode, &m), c[i].err);
		assert_int_equal(nb_get_mempolicy(t, &mode, &shown), 0);
		assert_int_equal(mode, c[i].shown_mode);
		assert_int_equal(shown.bits[0], c[i].shown);
	}
	end(&box, t);
	/* what 6.1 does not know yet */
	t = start(&box, &(struct sysbox_spec){.nodes = "64M:1", .kernel = "6.1"});
	assert_int_equal(
		nb_set_mempolicy(t, NB_MPOL_WEIGHTED_INTERLEAVE, &(struct nb_nodemask){{1}}),
		-NB_EINVAL);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_PREFERRED_MANY | NB_MPOL_F_NUMA_BALANCING,
					  &(struct nb_nodemask){{1}}),
			 -NB_EINVAL);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_PREFERRED_MANY, &(struct nb_nodemask){{1}}),
			 0);
	end(&box, t);
}

/* A page without a place goes by the task's counter, which starts anew with the policy. */
static void test_kernel_pages_take_turns(void **state)
{
	struct nb_nodemask m = sysbox_mask(0xd);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1 64M:1"});
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .cpu = 0, .nid = NB_NO_NODE, .task = t};
	static const int want[] = {0, 2, 3, 0, 2};

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &m), 0);
		for (unsigned i = 0; i < 5; i++) {
			nb_pfn_t pfn = nb_alloc_pages(box.sys, &rq);
			struct nb_page_info info;

			assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
			assert_int_equal(info.nid, want[i]);
			assert_int_equal(nb_free_pages(box.sys, 0, pfn, 0), 0);
		}
	}
	assert_int_equal(sysbox_numa(&box, 2, NB_NUMA_INTERLEAVE), 4);
	/* a node that is named is obeyed, and THISNODE asks no policy */
	rq.gfp |= NB_GFP_BIT_THISNODE;
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_PREFERRED, &m), 0);
	assert_int_equal(nb_free_pages(box.sys, 0, nb_alloc_pages(box.sys, &rq), 0), 0);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_HIT), 4 + 1);
	end(&box, t);
}

static void test_weights(void **state)
{
	struct nb_nodemask m = sysbox_mask(7);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1"});
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .cpu = 0, .nid = NB_NO_NODE, .task = t};
	static const int want[] = {0, 0, 0, 1, 2, 2, 0, 0, 0, 1};

	(void)state;
	assert_int_equal(nb_set_interleave_weight(box.sys, 0, 3), 0);
	assert_int_equal(nb_set_interleave_weight(box.sys, 2, 2), 0);
	assert_int_equal(nb_set_interleave_weight(box.sys, 2, 256), -NB_EINVAL);
	assert_int_equal(nb_set_interleave_weight(box.sys, 3, 1), -NB_ENODEV);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_WEIGHTED_INTERLEAVE, &m), 0);
	for (unsigned i = 0; i < 10; i++) {
		nb_pfn_t pfn = nb_alloc_pages(box.sys, &rq);
		struct nb_page_info info;

		assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
		assert_int_equal(info.nid, want[i]);
		assert_int_equal(nb_free_pages(box.sys, 0, pfn, 0), 0);
	}
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_INTERLEAVE),
			 0); /* not counted for weighted */
	end(&box, t);
}

/* BIND holds for requests that reach the policy zone (Normal here); those for DMA32 are free to go.
 */
static void test_bind_and_the_policy_zone(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "5G:1 1G:1"});
	static const struct {
		nb_gfp_t gfp;
		int nid;
	} c[] = {{NB_GFP_KERNEL, 1},
		 {NB_GFP_HIGHUSER_MOVABLE, 1},
		 {NB_GFP_KERNEL | NB_GFP_DMA32, 0}};

	(void)state;
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &m1), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct nb_alloc_request rq = {
			.gfp = c[i].gfp, .cpu = 0, .nid = NB_NO_NODE, .task = t};
		nb_pfn_t pfn = nb_alloc_pages(box.sys, &rq);
		struct nb_page_info info;

		assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
		assert_int_equal(info.nid, c[i].nid);
		assert_int_equal(nb_free_pages(box.sys, 0, pfn, 0), 0);
	}
	end(&box, t);
}

/* Preferred spills over along the preferred node's list, and numastat tells whose miss it was. */
static void test_spill_over_counts(void **state)
{
	static const uint8_t d[] = {10, 20, 30, 20, 10, 40, 30, 40, 10};
	struct nb_nodemask m1 = sysbox_mask(2);
	struct sysbox box;
	struct nb_task *t =
		start(&box, &(struct sysbox_spec){.nodes = "64M:1 16M:1 64M:1", .distances = d});
	uint64_t a, n;

	(void)state;
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_PREFERRED, &m1), 0);
	assert_int_equal(nb_mmap(t, 0, 8192 * PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_touch(t, a, 8192 * PAGE, true, &n), 0);
	assert_int_equal(nb_task_node_pages(t, 0) + nb_task_node_pages(t, 1), 8192);
	assert_int_equal(nb_task_node_pages(t, 2), 0);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_MISS), sysbox_numa(&box, 1, NB_NUMA_FOREIGN));
	assert_true(sysbox_numa(&box, 0, NB_NUMA_MISS) >= nb_task_node_pages(t, 0));
	assert_true(sysbox_numa(&box, 1, NB_NUMA_HIT) >= nb_task_node_pages(t, 1));
	assert_int_equal(sysbox_numa(&box, 1, NB_NUMA_OTHER), sysbox_numa(&box, 1, NB_NUMA_HIT));
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_LOCAL), sysbox_numa(&box, 0, NB_NUMA_MISS));
	end(&box, t);
}

/* What a cpuset's change from nodes 0-1 to 2-3 makes of policies, and what is told of them then. */
static void test_rebind(void **state)
{
	static const struct {
		int mode;
		uint64_t mask, nodes, shown;
	} c[] = {
		{NB_MPOL_BIND, 3, 0xc, 0xc},
		{NB_MPOL_BIND, 2, 0x8, 0x8},
		{NB_MPOL_BIND | STATIC, 3, 0xc, 0x3}, /* nothing is left: the cpuset's */
		{NB_MPOL_INTERLEAVE | RELATIVE, 6, 0xc, 0x6},
		{NB_MPOL_WEIGHTED_INTERLEAVE, 1, 0x4, 0x4},
		/* the preferred ones keep their nodes, and lose the user's mask */
		{NB_MPOL_PREFERRED, 2, 0x2, 0x2},
		{NB_MPOL_PREFERRED | STATIC, 2, 0x2, 0xc},
		{NB_MPOL_PREFERRED_MANY, 3, 0x3, 0x3},
		{NB_MPOL_PREFERRED_MANY | RELATIVE, 3, 0x3, 0xc},
		{NB_MPOL_LOCAL, 0, 0, 0},
	};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1 64M:1"});
	const struct nb_nodemask m01 = sysbox_mask(3), m23 = sysbox_mask(12);

	(void)state;
	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct nb_nodemask m = sysbox_mask(c[i].mask), shown;
		struct nb_mempolicy *pol, *kept;

		t->mems_allowed = m01;
		assert_int_equal(nb_mpol_new(t, c[i].mode, &m, &pol), 0);
		kept = pol;
		nb_mpol_get(kept);
		pol = nb_mpol_rebind(box.sys, pol, &m23);
		assert_int_equal(pol->nodes.bits[0], c[i].nodes);
		nb_mpol_show(pol, NULL, &shown);
		assert_int_equal(shown.bits[0], c[i].shown);
		/* whoever else has it keeps it as it was */
		if (c[i].mode != NB_MPOL_LOCAL)
			assert_ptr_not_equal(pol, kept);
		nb_mpol_put(box.sys, kept);
		/* the same nodes again: nothing changes */
		kept = pol;
		nb_mpol_get(kept);
		pol = nb_mpol_rebind(box.sys, pol, &m23);
		assert_int_equal(pol->nodes.bits[0], c[i].nodes);
		nb_mpol_put(box.sys, kept);
		nb_mpol_put(box.sys, pol);
	}
	assert_null(nb_mpol_rebind(box.sys, NULL, &m23));
	t->mems_allowed = box.sys->memory_nodes;
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_accepted),
		cmocka_unit_test(test_kernel_pages_take_turns),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_bind_and_the_policy_zone),
		cmocka_unit_test(test_spill_over_counts),
		cmocka_unit_test(test_rebind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
