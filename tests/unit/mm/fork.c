/* fork.c -- children, threads, other programs: who has which pages, and with what counts. */
#include "sysbox.h"

#include "mm/rmap.h"
#include "mm/vmstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define HUGE UINT64_C(2097152)
#define BASE UINT64_C(0x7fff00000000)

static struct sysbox box;

static struct nb_task *start(const char *nodes)
{
	struct nb_task *t;

	sysbox_boot(&box, &(struct sysbox_spec){.nodes = nodes});
	assert_int_equal(nb_task_create(box.sys, 0, "parent", &t), 0);
	return t;
}

static void check(void)
{
	struct nb_error err = {0};

	if (nb_system_check(box.sys, &err))
		fail_msg("%s", err.text);
}

static void leave(struct nb_task *t)
{
	nb_task_exit(t);
	nb_task_put(t);
}

static void end(struct nb_task *t, uint64_t before)
{
	check();
	leave(t);
	check();
	nb_drain_pages(box.sys, -1);
	assert_int_equal(sysbox_free_pages(&box), before);
	sysbox_end(&box);
}

static uint64_t map(struct nb_task *t, uint64_t addr, uint64_t len, int prot, int flags)
{
	uint64_t got;

	assert_int_equal(nb_mmap(t, addr, len, prot, flags | (addr ? NB_MAP_FIXED : 0), &got), 0);
	return got;
}

static uint64_t touch(struct nb_task *t, uint64_t addr, uint64_t len, bool write)
{
	uint64_t n;

	assert_int_equal(nb_touch(t, addr, len, write, &n), 0);
	return n;
}

static struct nb_page_info page_at(struct nb_task *t, uint64_t addr)
{
	struct nb_page_info info;

	assert_int_equal(nb_page_info(box.sys, nb_task_pfn(t, addr), &info), 0);
	return info;
}

static void expect_counts(struct nb_task *t, uint64_t addr, unsigned refs, int maps)
{
	struct nb_page_info info = page_at(t, addr);

	assert_int_equal(info.refcount, refs);
	assert_int_equal(info.mapcount, maps);
}

/* Shared until somebody writes; the last owner writes in place. */
static void test_copy_on_write(void **state)
{
	struct nb_task *t = start("64M:1"), *c, *g;
	uint64_t before = sysbox_free_pages(&box), a = map(t, BASE, 8 * PAGE, 3, 0);
	nb_pfn_t old;

	(void)state;
	touch(t, a, 4 * PAGE, true);
	old = nb_task_pfn(t, a);
	assert_int_equal(nb_task_fork(t, &c), 0);
	assert_int_equal(nb_task_fork(c, &g), 0);
	check();
	expect_counts(t, a, 3, 3);
	assert_int_equal(nb_task_rss_pages(g), 4);
	assert_int_equal(touch(t, a, PAGE, false), 0);
	assert_int_equal(touch(c, a, PAGE, true), 1); /* copies */
	expect_counts(t, a, 2, 2);
	expect_counts(c, a, 1, 1);
	assert_true(nb_task_pfn(c, a) != old);
	assert_int_equal(touch(t, a, PAGE, true), 1);
	expect_counts(g, a, 1, 1);
	assert_int_equal(touch(g, a, PAGE, true), 1); /* the last one keeps it */
	assert_true(nb_task_pfn(g, a) == old);
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGREUSE), 1);
	leave(c);
	check();
	leave(g);
	expect_counts(t, a + PAGE, 1, 1);
	end(t, before);
}

/* Tables of the child are as the parent's, and the zeros of a read are still no page. */
static void test_tables_and_zeros(void **state)
{
	struct nb_task *t = start("64M:1"), *c;
	uint64_t before = sysbox_free_pages(&box), a = map(t, BASE, 3 * HUGE, 3, 0);
	uint64_t b = map(t, 0, 4 * PAGE, 3, 0);

	(void)state;
	touch(t, a, HUGE, false);
	touch(t, b, PAGE, false);
	touch(t, a + 2 * HUGE, PAGE, true);
	assert_int_equal(nb_task_fork(t, &c), 0);
	assert_int_equal(c->mm->nr_ptables, 4); /* two leaves; b has no private page: not copied */
	assert_int_equal(t->mm->nr_ptables, c->mm->nr_ptables + 2);
	assert_int_equal(nb_task_rss_pages(c), 1);
	assert_int_equal(nb_task_node(c, a), -NB_EFAULT);
	assert_int_equal(nb_task_node(c, b), -NB_ENOENT);
	assert_int_equal(touch(c, a, PAGE, true), 1);
	assert_int_equal(nb_task_rss_pages(c), 2);
	check();
	leave(c);
	end(t, before);
}

static void test_advice(void **state)
{
	struct nb_task *t = start("64M:1"), *c;
	uint64_t before = sysbox_free_pages(&box), a = map(t, BASE, 8 * PAGE, 3, 0), n;

	(void)state;
	touch(t, a, 8 * PAGE, true);
	assert_int_equal(nb_madvise(t, a, 2 * PAGE, NB_MADV_DONTFORK), 0);
	assert_int_equal(nb_madvise(t, a + 2 * PAGE, 2 * PAGE, NB_MADV_WIPEONFORK), 0);
	assert_int_equal(nb_task_fork(t, &c), 0);
	assert_int_equal(nb_task_rss_pages(c), 4);
	assert_int_equal(nb_touch(c, a, PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(nb_task_node(c, a + 2 * PAGE), -NB_ENOENT);
	assert_int_equal(touch(c, a + 2 * PAGE, 2 * PAGE, true), 2);
	check();
	leave(c);
	end(t, before);
}

static void test_inheritance(void **state)
{
	struct nb_nodemask both = sysbox_mask(3), got;
	struct nb_task *t = start("64M:1 64M:1"), *c;
	uint64_t before = sysbox_free_pages(&box), a = map(t, BASE, 64 * PAGE, 3, 0);
	int mode;

	(void)state;
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &both), 0);
	assert_int_equal(nb_mbind(t, a, 8 * PAGE, NB_MPOL_BIND, &both, 0), 0);
	assert_int_equal(nb_task_fork(t, &c), 0);
	assert_int_equal(nb_get_mempolicy(c, &mode, &got), 0);
	assert_int_equal(mode, NB_MPOL_INTERLEAVE);
	assert_int_equal(nb_get_mempolicy_addr(c, a, &mode, &got), 0);
	assert_int_equal(mode, NB_MPOL_BIND);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_DEFAULT, NULL), 0);
	assert_int_equal(nb_get_mempolicy(c, &mode, &got), 0);
	assert_int_equal(mode, NB_MPOL_INTERLEAVE);
	assert_int_equal(nb_task_pid(c), nb_task_pid(t) + 1);
	assert_int_equal(nb_task_tgid(c), nb_task_pid(c));
	assert_string_equal(nb_task_comm(c), "parent");
	/* another program keeps the policy and nothing of the address space */
	touch(c, a + 32 * PAGE, 4 * PAGE, true);
	assert_int_equal(nb_task_exec(c, "other"), 0);
	assert_int_equal(nb_task_rss_pages(c), 0);
	assert_int_equal(nb_get_mempolicy(c, &mode, &got), 0);
	assert_int_equal(mode, NB_MPOL_INTERLEAVE);
	assert_string_equal(nb_task_comm(c), "other");
	leave(c);
	end(t, before);
}

static void test_threads(void **state)
{
	struct nb_task *t = start("64M:2"), *a, *b, *c;
	uint64_t before = sysbox_free_pages(&box), m = map(t, BASE, 8 * PAGE, 3, 0);

	(void)state;
	assert_int_equal(nb_task_thread(t, 7, &a), -NB_EINVAL);
	assert_int_equal(nb_task_thread(t, 1, &a), 0);
	assert_int_equal(nb_task_thread(a, 0, &b), 0);
	assert_ptr_equal(a->mm, t->mm);
	assert_int_equal(nb_task_tgid(b), nb_task_pid(t));
	touch(a, m, 4 * PAGE, true);
	assert_int_equal(nb_task_rss_pages(t), 4);
	assert_int_equal(nb_task_fork(b, &c), 0);
	/* the first thread ends: the next one leads, the memory stays */
	nb_task_exit(t);
	assert_ptr_equal(b->leader, a);
	assert_int_equal(nb_task_tgid(b), nb_task_pid(t));
	assert_int_equal(nb_task_rss_pages(b), 4);
	check();
	/* a thread that becomes another program ends the others and takes the process's pid */
	assert_int_equal(nb_task_exec(b, "new"), 0);
	assert_false(nb_task_alive(a));
	assert_int_equal(nb_task_pid(b), nb_task_pid(t));
	expect_counts(c, m, 1, 1);
	leave(c);
	nb_task_put(a);
	nb_task_put(t);
	end(b, before);
}

/* A page of memory that is shared has as many mappings as processes have touched it. */
static void test_shared_memory(void **state)
{
	struct nb_task *t = start("64M:1"), *c;
	uint64_t before = sysbox_free_pages(&box), m = map(t, BASE, 4 * PAGE, 3, NB_MAP_SHARED);

	(void)state;
	touch(t, m, 2 * PAGE, true);
	assert_int_equal(nb_task_fork(t, &c), 0);
	touch(c, m, PAGE, true);
	assert_int_equal(nb_task_pfn(c, m), nb_task_pfn(t, m));
	assert_int_equal(page_at(c, m).mapcount, 2);
	check();
	leave(c);
	check();
	end(t, before);
}

/* Memory that runs out half-way leaves no trace of the child. */
static void test_no_memory(void **state)
{
	struct nb_task *t = start("16M:1"), *c;
	uint64_t before = sysbox_free_pages(&box),
		 m = map(t, BASE - (UINT64_C(1) << 34), UINT64_C(1) << 32, 3, NB_MAP_NORESERVE), n;
	int err = 0;

	(void)state;
	t->oom_score_adj = -1000; /* nobody is killed for it */
	/* a page in each of many tables: the child needs as many tables again */
	for (uint64_t at = m; !err && at < m + (UINT64_C(1) << 32); at += HUGE)
		err = nb_touch(t, at, PAGE, true, &n);
	assert_int_equal(err, -NB_ENOMEM);
	assert_int_equal(nb_task_fork(t, &c), -NB_ENOMEM);
	end(t, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_on_write), cmocka_unit_test(test_tables_and_zeros),
		cmocka_unit_test(test_advice),        cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_threads),       cmocka_unit_test(test_shared_memory),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
