/* migrate.c -- one page, lists of pages: counts, references, targets that are missing. */
#include "sysbox.h"

#include "mm/lru.h"
#include "mm/migrate.h"
#include "mm/vmstat.h"

#include <numabox/mempolicy.h>
#include <numabox/swap.h>

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

static struct nb_migrate_item item(struct nb_task *t, uint64_t addr)
{
	struct nb_migrate_item it = {0};

	it.page = nb_pfn_to_page(t->sys, nb_task_pfn(t, addr), &it.zone);
	assert_non_null(it.page);
	return it;
}

static void test_one_page(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = touched(t, 2);
	struct nb_migrate_item it = item(t, a);
	struct nb_zone *tz = NULL;
	nb_pfn_t pfn = nb_alloc_pages_node(box.sys, 0, 1, NB_GFP_HIGHUSER_MOVABLE, 0);
	struct nb_page *target = nb_pfn_to_page(box.sys, pfn, &tz);

	(void)state;
	it.page->cpupid = 77;
	nb_lru_add_drain_all(box.sys);
	assert_int_equal(nb_migrate_isolate(box.sys, it.zone, it.page), 0);
	assert_int_equal(nb_migrate_isolate(box.sys, it.zone, it.page), -NB_EBUSY);
	/* somebody else holds it: nothing happens */
	nb_get_page(box.sys, it.page);
	assert_int_equal(nb_migrate_page(box.sys, it.zone, it.page, target, tz, 0, 0), -NB_EAGAIN);
	assert_int_equal(nb_task_node(t, a), 0);
	nb_put_page(box.sys, it.zone, it.page, 0);
	assert_int_equal(nb_migrate_page(box.sys, it.zone, it.page, target, tz, 0, 0), 0);
	assert_int_equal(nb_task_pfn(t, a), pfn);
	assert_int_equal(target->refcount, 1);
	assert_int_equal(target->mapcount, 1);
	assert_int_equal(target->cpupid, 77);
	assert_false(nb_page_flags(it.page) & PG_ALLOCATED);
	end(&box, t);
}

struct targets {
	struct nb_system *sys;
	unsigned left;
};

static nb_pfn_t some_targets(void *arg, const struct nb_migrate_item *from)
{
	struct targets *to = arg;

	(void)from;
	if (!to->left)
		return NB_NO_PFN;
	to->left--;
	return nb_alloc_pages_node(to->sys, 0, 1, NB_GFP_HIGHUSER_MOVABLE, 0);
}

static void test_lists(void **state)
{
	static const char *const kernels[] = {"6.1", "6.12"};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct sysbox box;
		struct nb_task *t = start(
			&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1", .kernel = kernels[k]});
		uint64_t a = touched(t, 10);
		struct targets to = {box.sys, 4};
		struct nb_migration m = {
			.sys = box.sys, .task = t, .target = some_targets, .arg = &to};
		struct nb_migrate_item list[10];

		nb_lru_add_drain_all(box.sys);
		for (unsigned i = 0; i < 10; i++) {
			list[i] = item(t, a + i * PAGE);
			assert_int_equal(nb_migrate_isolate(box.sys, list[i].zone, list[i].page),
					 0);
		}
		/* the third is held elsewhere; the fourth's mapping goes meanwhile */
		nb_get_page(box.sys, list[2].page);
		assert_int_equal(nb_munmap(t, a + 3 * PAGE, PAGE), 0);
		assert_int_equal(nb_migrate_list(&m, list, 10), -NB_ENOMEM);
		nb_migrate_end(&m);
		nb_put_page(box.sys, list[2].zone, list[2].page, 0);
		assert_int_equal(m.succeeded, 4); /* three moved, one went */
		assert_int_equal(m.failed, 2);    /* held, and without a target; others untried */
		assert_int_equal(nb_task_node_pages(t, 1), 3);
		assert_int_equal(nb_task_node_pages(t, 0), 6);
		assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_SUCCESS), 4);
		assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGMIGRATE_FAIL), 2);
		end(&box, t);
	}
}

static void test_next(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	uint64_t a = touched(t, 1500), addr = 0, n;
	struct nb_migrate_item it;

	(void)state;
	assert_int_equal(nb_munmap(t, a, 1000 * PAGE), 0);
	assert_int_equal(nb_mmap(t, a, 10 * PAGE, 3, NB_MAP_FIXED, &n), 0);
	assert_int_equal(nb_touch(t, a + 5 * PAGE, PAGE, false, &n), 0); /* the page of zeros */
	assert_true(nb_migrate_next(t->mm, &addr, t->mm->task_size, &it));
	assert_int_equal(addr, a + 1000 * PAGE);
	addr = a + 1500 * PAGE;
	assert_false(nb_migrate_next(t->mm, &addr, t->mm->task_size, &it));
	addr = a;
	assert_false(nb_migrate_next(t->mm, &addr, a + 1000 * PAGE, &it));
	end(&box, t);
}

/* A page that came back from swap and kept its slot moves with it. */
static void test_swap_cache(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct nb_swap_options opt = {.pages = 101, .priority = NB_SWAP_PRIO_AUTO};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = touched(t, 8), n, total, free, cached, before;
	unsigned area;

	(void)state;
	assert_int_equal(nb_swapon(box.sys, &opt, &area), 0);
	assert_int_equal(nb_madvise(t, a, 8 * PAGE, NB_MADV_PAGEOUT), 0);
	assert_int_equal(nb_touch(t, a, 8 * PAGE, false, &n), 0);
	nb_swap_totals(box.sys, &total, &free, &before);
	assert_true(before > 0);
	assert_true(nb_page_flags(item(t, a).page) & PG_SWAPCACHE);
	assert_int_equal(
		nb_mbind(t, a, 8 * PAGE, NB_MPOL_BIND, &m1, NB_MPOL_MF_MOVE | NB_MPOL_MF_STRICT),
		0);
	assert_int_equal(nb_task_node_pages(t, 1), 8);
	assert_true(nb_page_flags(item(t, a).page) & PG_SWAPCACHE);
	nb_swap_totals(box.sys, &total, &free, &cached);
	assert_int_equal(cached, before);
	assert_int_equal(nb_swapoff(box.sys, area), 0);
	assert_int_equal(nb_task_node_pages(t, 1), 8);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_page),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_swap_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
