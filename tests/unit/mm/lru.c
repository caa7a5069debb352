/* lru.c -- tests of src/mm/lru.c and lru_gen.c: batches, second chance, the unevictable list. */
#include "pressbox.h"

/* A batch of 31 (15 before 6.11) is carried out when it is full or drained, oldest page at the
 * tail.
 */
static void test_batches(void **state)
{
	struct pressbox p;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	a = pressbox_map(&p, 64);
	assert_int_equal(pressbox_fill(&p, a, 30), 30);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 0);
	assert_int_equal(p.seen[NB_EV_MM_LRU_INSERTION], 0);
	assert_int_equal(pressbox_fill(&p, a, 31), 1);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 31);
	assert_int_equal(p.seen[NB_EV_MM_LRU_INSERTION], 31);
	assert_int_equal(pressbox_fill(&p, a, 32), 1);
	nb_lru_add_drain(p.sys, 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 32);
	pressbox_close(&p);
	/* 6.1: 15 */
	memset(&p, 0, sizeof(p));
	sysbox_boot(&p.box, &(struct sysbox_spec){.nodes = "64M:1", .kernel = "6.1"});
	assert_int_equal(p.box.sys->reclaim->batch_size, 15);
	assert_false(nb_lru_gen_enabled(p.box.sys));
	sysbox_end(&p.box);
}

/* A page that is freed while it waits in a batch is taken out of it. */
static void test_free_in_batch(void **state)
{
	struct pressbox p;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	a = pressbox_map(&p, 8);
	assert_int_equal(pressbox_fill(&p, a, 8), 8);
	assert_int_equal(nb_munmap(p.t, a, 4 * PAGE), 0);
	nb_lru_add_drain_all(p.sys);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 4);
	pressbox_close(&p);
}

/* unused -> referenced -> active (through the batch) -> referenced. */
static void test_second_chance(void **state)
{
	struct pressbox p;
	struct nb_page *page;
	struct nb_zone *z;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	a = pressbox_map(&p, 1);
	(void)pressbox_fill(&p, a, 1);
	nb_lru_add_drain(p.sys, 0);
	page = pressbox_page(&p, a, &z);
	nb_mark_page_accessed(p.sys, z, page, 0);
	assert_true(page->flags & PG_REFERENCED);
	nb_mark_page_accessed(p.sys, z, page, 0);
	assert_false(page->flags & (PG_REFERENCED | PG_ACTIVE));
	nb_lru_add_drain(p.sys, 0);
	assert_true(page->flags & PG_ACTIVE);
	assert_int_equal(p.seen[NB_EV_MM_LRU_ACTIVATE], 1);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGACTIVATE), 1);
	nb_mark_page_accessed(p.sys, z, page, 0);
	assert_int_equal(page->flags & (PG_REFERENCED | PG_ACTIVE), PG_REFERENCED | PG_ACTIVE);
	nb_lru_deactivate(p.sys, z, page, 0);
	nb_lru_add_drain(p.sys, 0);
	assert_false(page->flags & (PG_REFERENCED | PG_ACTIVE));
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGDEACTIVATE), 1);
	pressbox_close(&p);
}

/* Off its list, counted as isolated, and back. One in a batch cannot be taken. */
static void test_isolate(void **state)
{
	struct pressbox p;
	struct nb_page *page;
	struct nb_zone *z;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	a = pressbox_map(&p, 1);
	(void)pressbox_fill(&p, a, 1);
	page = pressbox_page(&p, a, &z);
	assert_false(nb_lru_isolate(p.sys, z, page));
	nb_lru_add_drain(p.sys, 0);
	assert_true(nb_lru_isolate(p.sys, z, page));
	assert_int_equal(nb_zone_lruvec(z)->isolated[0], 1);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 0);
	assert_false(nb_lru_isolate(p.sys, z, page));
	nb_lru_putback(p.sys, z, page, 0);
	nb_lru_add_drain(p.sys, 0);
	assert_int_equal(nb_zone_lruvec(z)->isolated[0], 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 1);
	/* freed while it is off the list */
	assert_true(nb_lru_isolate(p.sys, z, page));
	assert_int_equal(nb_munmap(p.t, a, PAGE), 0);
	assert_int_equal(nb_page_refcount(page), 1);
	nb_lru_putback(p.sys, z, page, 0);
	assert_int_equal(nb_zone_lruvec(z)->isolated[0], 0);
	assert_false(nb_page_flags(page) & PG_ALLOCATED);
	pressbox_close(&p);
}

static void test_unevictable(void **state)
{
	struct pressbox p;
	struct nb_page *page;
	struct nb_zone *z;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	a = pressbox_map(&p, 1);
	(void)pressbox_fill(&p, a, 1);
	nb_lru_add_drain(p.sys, 0);
	page = pressbox_page(&p, a, &z);
	nb_lru_mlock(p.sys, z, page, 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_UNEVICTABLE), 1);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 0);
	nb_lru_munlock(p.sys, z, page, 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_UNEVICTABLE), 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 1);
	pressbox_close(&p);
}

/* Faulted pages are the youngest generation, which counts as active; what is read is the oldest. */
static void test_generations(void **state)
{
	struct nb_address_space *f;
	struct pressbox p;
	struct nb_page *page;
	struct nb_zone *z;
	uint64_t a, n;

	(void)state;
	pressbox_open(&p, "64M:1", true);
	a = pressbox_map(&p, 4);
	(void)pressbox_fill(&p, a, 4);
	assert_int_equal(nb_file_create(p.sys, "f", 8 * PAGE, &f), 0);
	assert_int_equal(nb_file_read(p.t, f, 0, NULL, 8 * PAGE, &n), 0);
	nb_lru_add_drain(p.sys, 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_ACTIVE_ANON), 4);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_FILE), 8);
	page = pressbox_page(&p, a, &z);
	assert_int_equal(nb_page_gen(page), nb_gen_of_seq(nb_zone_lruvec(z)->gen.max_seq));
	assert_false(page->flags & PG_ACTIVE);
	/* switched off and on again no page is lost */
	assert_int_equal(nb_lru_gen_set_enabled(p.sys, false), 0);
	assert_int_equal(nb_page_gen(page), -1);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_ACTIVE_ANON), 4);
	assert_int_equal(nb_lru_gen_set_enabled(p.sys, true), 0);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_ACTIVE_ANON), 4);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_FILE), 8);
	nb_file_put(f);
	pressbox_close(&p);
}

/* Descriptor accesses make tiers: 0, 0 (referenced), 1 (workingset), 2, 2, 3. */
static void test_tiers(void **state)
{
	static const unsigned tier[] = {0, 0, 1, 2, 2, 3};
	struct nb_page page = {.flags = PG_ALLOCATED | PG_LRU};
	const struct nb_port port = {0};
	const struct nb_system sys = {.port = &port};

	(void)state;
	for (unsigned i = 0; i < sizeof(tier) / sizeof(tier[0]); i++) {
		assert_int_equal(nb_page_tier(&page), tier[i]);
		nb_lru_gen_inc_refs(&sys, &page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),       cmocka_unit_test(test_free_in_batch),
		cmocka_unit_test(test_second_chance), cmocka_unit_test(test_isolate),
		cmocka_unit_test(test_unevictable),   cmocka_unit_test(test_generations),
		cmocka_unit_test(test_tiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
