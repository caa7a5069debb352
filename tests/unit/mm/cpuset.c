/* cpuset.c -- the tree and its checks, what tasks get of a change, who may leave a hardwall. */
#include "sysbox.h"

#include "mm/cpuset.h"

#include <numabox/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <numabox/oom.h>

#define PAGE UINT64_C(4096)

struct fixture {
	struct sysbox box;
	struct nb_task *t;
	struct nb_cpuset *root;
};

static void start(struct fixture *f, const char *kernel)
{
	sysbox_boot(&f->box,
		    &(struct sysbox_spec){.nodes = "64M:2 64M:2 64M:1 64M:1", .kernel = kernel});
	assert_int_equal(nb_task_create(f->box.sys, 0, "t", &f->t), 0);
	f->root = nb_cpuset_root(f->box.sys);
	assert_non_null(f->root);
}

static void end(struct fixture *f)
{
	struct nb_error err = {0};

	if (nb_system_check(f->box.sys, &err))
		fail_msg("%s", err.text);
	nb_task_exit(f->t);
	nb_task_put(f->t);
	sysbox_end(&f->box);
}

static struct nb_cpumask cpus_of(uint64_t bits)
{
	return (struct nb_cpumask){{bits}};
}

static uint64_t mems_of(const struct nb_cpuset *cs)
{
	struct nb_cpuset_info info;

	nb_cpuset_info(cs, &info);
	return info.effective_mems.bits[0];
}

static uint64_t touched(struct nb_task *t, uint64_t pages)
{
	uint64_t a, n;

	assert_int_equal(nb_mmap(t, 0, pages * PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_touch(t, a, pages * PAGE, true, &n), 0);
	return a;
}

static void test_tree(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m12 = sysbox_mask(6), none = sysbox_mask(0),
			   m9 = sysbox_mask(512);
	struct nb_cpuset *a, *b, *c;
	struct fixture f;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_cpuset_set_mems(f.root, &m0), -NB_EACCES);
	assert_int_equal(nb_cpuset_create(f.root, "", &a), -NB_EINVAL);
	assert_int_equal(nb_cpuset_create(f.root, "a", &a), 0);
	assert_int_equal(nb_cpuset_create(f.root, "a", &b), -NB_EEXIST);
	assert_int_equal(nb_cpuset_create(a, "b", &b), 0);
	assert_int_equal(nb_cpuset_create(b, "c", &c), 0);
	assert_int_equal(nb_cpuset_use_v1(f.box.sys, true), -NB_EBUSY);
	assert_int_equal(nb_cpuset_remove(a), -NB_EBUSY);
	assert_int_equal(mems_of(c), 0xf); /* v2: the parent's, all the way up */
	assert_int_equal(nb_cpuset_set_mems(a, &m9), -NB_EINVAL);
	assert_int_equal(nb_cpuset_set_mems(a, &m12), 0);
	assert_int_equal(mems_of(c), 6);
	assert_int_equal(nb_cpuset_set_mems(b, &m0), 0); /* a wish that cannot be met */
	assert_int_equal(mems_of(b), 6);
	assert_int_equal(nb_cpuset_set_mems(a, &none), 0);
	assert_int_equal(mems_of(b), 1);
	assert_int_equal(nb_cpuset_set_flag(a, NB_CPUSET_MEM_EXCLUSIVE, true), -NB_EINVAL);
	assert_int_equal(nb_cpuset_attach(c, f.t), 0);
	assert_int_equal(nb_cpuset_remove(c), -NB_EBUSY);
	assert_int_equal(nb_cpuset_set_mems(c, &m0), 0);
	assert_int_equal(nb_cpuset_set_mems(c, &none), -NB_ENOSPC);
	assert_int_equal(nb_cpuset_attach(f.root, f.t), 0);
	assert_int_equal(nb_cpuset_remove(c), 0);
	assert_int_equal(nb_cpuset_remove(f.root), -NB_EBUSY);
	end(&f);
}

static void test_v1(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m01 = sysbox_mask(3), m12 = sysbox_mask(6);
	struct nb_cpumask all = cpus_of(0x3f);
	struct nb_cpuset *a, *b, *c;
	struct fixture f;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_cpuset_use_v1(f.box.sys, true), 0);
	assert_int_equal(nb_cpuset_create(f.root, "a", &a), 0);
	assert_int_equal(nb_cpuset_create(f.root, "b", &b), 0);
	assert_int_equal(nb_cpuset_create(a, "c", &c), 0);
	assert_int_equal(nb_cpuset_attach(a, f.t), -NB_ENOSPC);
	assert_int_equal(nb_cpuset_set_mems(c, &m0), -NB_EACCES); /* not the parent's */
	assert_int_equal(nb_cpuset_set_mems(a, &m01), 0);
	assert_int_equal(nb_cpuset_set_cpus(a, &all), 0);
	assert_int_equal(nb_cpuset_set_mems(c, &m0), 0);
	assert_int_equal(nb_cpuset_set_mems(a, &m12), -NB_EBUSY); /* a child has node 0 */
	assert_int_equal(nb_cpuset_set_mems(b, &m12), 0);
	assert_int_equal(nb_cpuset_set_flag(a, NB_CPUSET_MEM_EXCLUSIVE, true), -NB_EINVAL);
	assert_int_equal(nb_cpuset_set_flag(c, NB_CPUSET_MEM_EXCLUSIVE, true), -NB_EACCES);
	assert_int_equal(nb_cpuset_set_mems(b, &(struct nb_nodemask){{4}}), 0);
	assert_int_equal(nb_cpuset_set_flag(a, NB_CPUSET_MEM_EXCLUSIVE, true), 0);
	assert_int_equal(nb_cpuset_set_mems(b, &m12), -NB_EINVAL);
	end(&f);
}

static void test_pages_and_policies_follow(void **state)
{
	struct nb_nodemask m01 = sysbox_mask(3), m23 = sysbox_mask(12), m3 = sysbox_mask(8), shown;
	struct nb_cpuset *cs;
	struct fixture f;
	uint64_t a;
	int mode;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_set_mempolicy(f.t, NB_MPOL_INTERLEAVE, &m01), 0);
	a = touched(f.t, 10);
	assert_int_equal(nb_mbind(f.t, a, PAGE, NB_MPOL_BIND | NB_MPOL_F_RELATIVE_NODES, &m01, 0),
			 0);
	assert_int_equal(nb_cpuset_create(f.root, "a", &cs), 0);
	assert_int_equal(nb_cpuset_set_mems(cs, &m01), 0);
	assert_int_equal(nb_cpuset_attach(cs, f.t), 0);
	assert_int_equal(nb_cpuset_set_mems(cs, &m23), 0);
	assert_int_equal(nb_get_mempolicy(f.t, &mode, &shown), 0);
	assert_int_equal(shown.bits[0], 12);
	assert_int_equal(nb_task_node_pages(f.t, 2), 5);
	assert_int_equal(nb_task_node_pages(f.t, 3), 5);
	assert_int_equal(nb_get_mempolicy_addr(f.t, a, &mode, &shown), 0);
	assert_int_equal(shown.bits[0], 3); /* the user's own mask */
	assert_int_equal(nb_cpuset_set_mems(cs, &m3), 0);
	assert_int_equal(nb_task_node_pages(f.t, 3), 10);
	/* what was one node cannot be told apart again */
	assert_int_equal(nb_cpuset_set_mems(cs, &m01), 0);
	assert_int_equal(nb_get_mempolicy(f.t, &mode, &shown), 0);
	assert_int_equal(shown.bits[0], 1);
	assert_int_equal(nb_task_node_pages(f.t, 0), 10);
	end(&f);
}

/* v1 without memory_migrate: pages stay, new ones go to the new nodes. */
static void test_pages_stay_in_v1(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m1 = sysbox_mask(2);
	struct nb_cpumask all = cpus_of(0x3f);
	struct nb_cpuset *cs;
	struct fixture f;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_cpuset_use_v1(f.box.sys, true), 0);
	assert_int_equal(nb_cpuset_create(f.root, "a", &cs), 0);
	assert_int_equal(nb_cpuset_set_cpus(cs, &all), 0);
	assert_int_equal(nb_cpuset_set_mems(cs, &m0), 0);
	assert_int_equal(nb_cpuset_attach(cs, f.t), 0);
	(void)touched(f.t, 4);
	assert_int_equal(nb_cpuset_set_mems(cs, &m1), 0);
	assert_int_equal(nb_task_node_pages(f.t, 0), 4);
	(void)touched(f.t, 4);
	assert_int_equal(nb_task_node_pages(f.t, 1), 4);
	assert_int_equal(nb_cpuset_set_flag(cs, NB_CPUSET_MEMORY_MIGRATE, true), 0);
	assert_int_equal(nb_cpuset_set_mems(cs, &m0), 0);
	assert_int_equal(nb_task_node_pages(f.t, 0), 8);
	end(&f);
}

static void test_hardwall(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m01 = sysbox_mask(3);
	struct nb_cpumask all = cpus_of(0x3f);
	struct nb_cpuset *a, *b;
	struct fixture f;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_cpuset_use_v1(f.box.sys, true), 0);
	assert_int_equal(nb_cpuset_create(f.root, "a", &a), 0);
	assert_int_equal(nb_cpuset_set_cpus(a, &all), 0);
	assert_int_equal(nb_cpuset_set_mems(a, &m01), 0);
	assert_int_equal(nb_cpuset_create(a, "b", &b), 0);
	assert_int_equal(nb_cpuset_set_cpus(b, &all), 0);
	assert_int_equal(nb_cpuset_set_mems(b, &m0), 0);
	assert_int_equal(nb_cpuset_attach(b, f.t), 0);
	assert_true(nb_cpuset_node_allowed(f.t, 0, NB_GFP_USER));
	assert_false(nb_cpuset_node_allowed(f.t, 1, NB_GFP_USER));
	assert_true(nb_cpuset_node_allowed(f.t, 3, NB_GFP_KERNEL)); /* up to the root */
	assert_int_equal(nb_cpuset_set_flag(a, NB_CPUSET_MEM_HARDWALL, true), 0);
	assert_true(nb_cpuset_node_allowed(f.t, 1, NB_GFP_KERNEL));
	assert_false(nb_cpuset_node_allowed(f.t, 3, NB_GFP_KERNEL));
	assert_true(nb_cpuset_node_allowed(NULL, 3, NB_GFP_KERNEL));
	f.t->flags |= NB_PF_OOM_VICTIM;
	assert_true(nb_cpuset_node_allowed(f.t, 3, NB_GFP_USER));
	f.t->flags &= ~(unsigned)NB_PF_OOM_VICTIM;
	end(&f);
}

/* Node 0 is filled: the kernel's own request leaves it, a user's does not. */
static void test_allocator_obeys(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);
	struct fixture f;
	struct nb_alloc_request rq = {.order = 0, .nid = 0};
	nb_pfn_t pfn;
	uint64_t a, n;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_task_set_oom_score_adj(f.t, -1000), 0); /* nobody to kill */
	assert_int_equal(nb_set_cpuset(f.t, &m0, NULL), 0);
	assert_int_equal(nb_mmap(f.t, 0, UINT64_C(80) << 20, 3, 0, &a), 0);
	assert_int_equal(nb_touch(f.t, a, UINT64_C(80) << 20, true, &n), -NB_ENOMEM);
	assert_int_equal(nb_task_node_pages(f.t, 0), n);
	rq.task = f.t;
	rq.gfp = NB_GFP_USER;
	assert_int_equal(nb_alloc_pages(f.box.sys, &rq), NB_NO_PFN);
	rq.gfp = NB_GFP_KERNEL;
	pfn = nb_alloc_pages(f.box.sys, &rq);
	assert_int_not_equal(pfn, NB_NO_PFN);
	assert_int_equal(nb_free_pages(f.box.sys, 0, pfn, 0), 0);
	end(&f);
}

static void test_cpus(void **state)
{
	static const struct {
		const char *kernel;
		uint64_t after;
	} c[] = {{"6.12", 2}, {"6.1", 0xf}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct nb_cpumask m1 = cpus_of(2), m23 = cpus_of(0xc), m0123 = cpus_of(0xf);
		struct fixture f;

		start(&f, c[i].kernel);
		assert_int_equal(nb_sched_setaffinity(f.t, &m1), 0);
		assert_int_equal(nb_set_cpuset(f.t, NULL, &m23), 0);
		assert_int_equal(f.t->cpus_allowed.bits[0], 0xc);
		assert_int_equal(nb_task_cpu(f.t), 2);
		assert_int_equal(nb_sched_setaffinity(f.t, &m1), -NB_EINVAL);
		assert_int_equal(nb_set_cpuset(f.t, NULL, &m0123), 0);
		/* the wish from before is remembered, or forgotten */
		assert_int_equal(f.t->cpus_allowed.bits[0], c[i].after);
		assert_int_equal(nb_set_cpuset(f.t, NULL, &(struct nb_cpumask){{1u << 9}}),
				 -NB_EINVAL);
		end(&f);
	}
}

static void test_own_cpuset(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2), m9 = sysbox_mask(512), all = sysbox_mask(15);
	struct nb_cpuset_info info;
	struct nb_task *child;
	struct fixture f;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_set_cpuset(f.t, &m9, NULL), -NB_EINVAL);
	assert_ptr_equal(nb_task_cpuset(f.t), f.root);
	assert_null(f.root->child);
	assert_int_equal(nb_set_cpuset(f.t, &m1, NULL), 0);
	assert_int_equal(nb_task_fork(f.t, &child), 0);
	assert_ptr_equal(nb_task_cpuset(child), nb_task_cpuset(f.t));
	assert_int_equal(nb_set_cpuset(child, &all, NULL), 0); /* one of its own */
	assert_int_equal(f.t->mems_allowed.bits[0], 2);
	assert_int_equal(child->mems_allowed.bits[0], 15);
	assert_false(child->flags & NB_PF_CPUSET);
	nb_task_exit(child);
	nb_task_put(child);
	/* those of processes that have gone do not pile up */
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(nb_task_create(f.box.sys, 0, "t", &child), 0);
		assert_int_equal(nb_set_cpuset(child, &m1, NULL), 0);
		nb_task_exit(child);
		nb_task_put(child);
	}
	nb_cpuset_info(f.root, &info);
	assert_in_range(info.nr_children, 1, 40);
	end(&f);
}

static void test_spread(void **state)
{
	struct nb_nodemask m13 = sysbox_mask(10);
	struct nb_cpumask all = cpus_of(0x3f);
	struct nb_cpuset *cs;
	struct nb_address_space *file;
	uint64_t n;
	struct fixture f;

	(void)state;
	start(&f, NULL);
	assert_int_equal(nb_cpuset_use_v1(f.box.sys, true), 0);
	assert_int_equal(nb_cpuset_create(f.root, "a", &cs), 0);
	assert_int_equal(nb_cpuset_set_cpus(cs, &all), 0);
	assert_int_equal(nb_cpuset_set_mems(cs, &m13), 0);
	assert_int_equal(nb_cpuset_attach(cs, f.t), 0);
	assert_int_equal(nb_cpuset_spread_page_node(f.t), NB_NO_NODE);
	assert_int_equal(nb_cpuset_set_flag(cs, NB_CPUSET_MEMORY_SPREAD_PAGE, true), 0);
	assert_int_equal(nb_cpuset_spread_page_node(f.t), 1);
	assert_int_equal(nb_cpuset_spread_page_node(f.t), 3);
	assert_int_equal(nb_cpuset_spread_page_node(f.t), 1);
	/* pages of files go round, whatever the policy */
	assert_int_equal(nb_set_mempolicy(f.t, NB_MPOL_BIND, &(struct nb_nodemask){{2}}), 0);
	assert_int_equal(nb_file_create(f.box.sys, "f", 4 * PAGE, &file), 0);
	assert_int_equal(nb_file_write(f.t, file, 0, NULL, 4 * PAGE, &n), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(nb_file_node(file, i), i % 2 ? 1 : 3);
	nb_file_put(file);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_pages_and_policies_follow),
		cmocka_unit_test(test_pages_stay_in_v1),
		cmocka_unit_test(test_hardwall),
		cmocka_unit_test(test_allocator_obeys),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_own_cpuset),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
