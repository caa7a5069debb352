/* cpuset_rules.c -- what a cpuset may become: the checks of both versions, in their order. */
#include "sysbox.h"

#include "mm/cpuset_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct family {
	struct sysbox box;
	struct nb_cpuset *root, *a, *b, *a1;
};

static void start(struct family *f, bool v1)
{
	struct nb_nodemask m01 = sysbox_mask(3), m0 = sysbox_mask(1), m2 = sysbox_mask(4);
	struct nb_cpumask all = {{7}}, c0 = {{1}}, c2 = {{4}};

	sysbox_boot(&f->box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1"});
	f->root = nb_cpuset_root(f->box.sys);
	assert_int_equal(nb_cpuset_use_v1(f->box.sys, v1), 0);
	assert_int_equal(nb_cpuset_create(f->root, "a", &f->a), 0);
	assert_int_equal(nb_cpuset_create(f->root, "b", &f->b), 0);
	assert_int_equal(nb_cpuset_create(f->a, "a1", &f->a1), 0);
	assert_int_equal(nb_cpuset_set_mems(f->a, &m01), 0);
	assert_int_equal(nb_cpuset_set_cpus(f->a, v1 ? &all : &c0), 0);
	assert_int_equal(nb_cpuset_set_mems(f->a1, &m0), 0);
	assert_int_equal(nb_cpuset_set_cpus(f->a1, &c0), 0);
	assert_int_equal(nb_cpuset_set_mems(f->b, &m2), 0);
	assert_int_equal(nb_cpuset_set_cpus(f->b, &c2), 0);
}

static int would(const struct nb_cpuset *cs, uint64_t mems, uint64_t cpus, unsigned flags)
{
	struct nb_nodemask m = sysbox_mask(mems);
	struct nb_cpumask c = {{cpus}};
	struct nb_cpuset_trial trial = {&m, &c, cs->flags | flags};

	return nb_cpuset_validate(cs, &trial);
}

static void test_v1_keeps_order(void **state)
{
	struct family f;

	(void)state;
	start(&f, true);
	assert_int_equal(would(f.a, 3, 7, 0), 0);
	assert_int_equal(would(f.a, 2, 7, 0), -NB_EBUSY); /* a1 has node 0 */
	assert_int_equal(would(f.a, 3, 6, 0), -NB_EBUSY);
	assert_int_equal(would(f.a1, 4, 1, 0), -NB_EACCES);
	assert_int_equal(would(f.a1, 1, 1, NB_CPUSET_MEM_EXCLUSIVE), -NB_EACCES);
	assert_int_equal(would(f.a, 3, 7, NB_CPUSET_MEM_EXCLUSIVE), 0);
	assert_int_equal(would(f.a, 7, 7, NB_CPUSET_MEM_EXCLUSIVE), -NB_EINVAL); /* b's */
	assert_int_equal(would(f.a, 3, 7, NB_CPUSET_CPU_EXCLUSIVE), -NB_EINVAL);
	sysbox_end(&f.box);
}

static void test_v2_only_asks_siblings(void **state)
{
	struct family f;
	struct nb_task *t;

	(void)state;
	start(&f, false);
	assert_int_equal(would(f.a, 4, 2, 0), 0);
	assert_int_equal(would(f.a1, 6, 7, 0), 0);
	assert_int_equal(would(f.a, 0, 0, 0), 0);
	assert_int_equal(nb_task_create(f.box.sys, 0, "t", &t), 0);
	assert_int_equal(nb_cpuset_attach(f.a, t), 0);
	assert_int_equal(nb_cpuset_nr_tasks(f.a), 1);
	assert_int_equal(would(f.a, 0, 1, 0), -NB_ENOSPC);
	assert_int_equal(would(f.a, 3, 0, 0), -NB_ENOSPC);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&f.box);
}

static void test_cpu_sets(void **state)
{
	struct nb_cpumask a = {{6}}, b = {{7}}, c = {{1}}, out;

	(void)state;
	assert_true(nb_cpus_subset(&a, &b));
	assert_false(nb_cpus_subset(&b, &a));
	assert_true(nb_cpus_intersect(&a, &b));
	assert_false(nb_cpus_intersect(&a, &c));
	nb_cpus_and(&out, &b, &c);
	assert_int_equal(out.bits[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1_keeps_order),
		cmocka_unit_test(test_v2_only_asks_siblings),
		cmocka_unit_test(test_cpu_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
