/* vmscan.c -- tests of src/mm/vmscan*.c, mglru*.c and workingset.c: what is reclaimed, and what is
 * not.
 */
#include "pressbox.h"

static struct nb_scan_control control(struct pressbox *p, int priority)
{
	return (struct nb_scan_control){.sys = p->sys,
					.gfp = NB_GFP_KERNEL,
					.nr_to_reclaim = 32,
					.priority = priority,
					.reclaim_idx = NB_MAX_NR_ZONES - 1,
					.may_writepage = true,
					.may_unmap = true,
					.may_swap = true};
}

static struct nb_address_space *read_file(struct pressbox *p, uint64_t pages)
{
	struct nb_address_space *f;
	uint64_t n;

	assert_int_equal(nb_file_create(p->sys, "f", pages * PAGE, &f), 0);
	assert_int_equal(nb_file_read(p->t, f, 0, NULL, pages * PAGE, &n), 0);
	nb_lru_add_drain(p->sys, 0);
	return f;
}

/* A file that is larger than memory streams through it, with either form of the lists. */
static void stream(bool gen)
{
	struct nb_address_space *f;
	struct nb_file_info info;
	struct pressbox p;
	uint64_t n;

	pressbox_open(&p, "32M:1", gen);
	assert_int_equal(nb_file_create(p.sys, "big", UINT64_C(256) << 20, &f), 0);
	for (uint64_t at = 0; at < UINT64_C(256) << 20; at += UINT64_C(1) << 20)
		assert_int_equal(nb_file_read(p.t, f, at, NULL, UINT64_C(1) << 20, &n), 0);
	nb_file_info(f, &info);
	assert_in_range(info.cached_pages, 4000, 8192);
	assert_true(info.shadows > 50000);
	n = nb_vm_event_sum(p.sys, NB_VM_PGSTEAL_DIRECT);
	assert_true(n + info.cached_pages >= 65536);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGSTEAL_FILE), n);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGSTEAL_ANON), 0);
	assert_true(nb_vm_event_sum(p.sys, NB_VM_ALLOCSTALL + NB_ZONE_MOVABLE) > 0);
	nb_file_put(f);
	pressbox_close(&p);
}

static void test_stream(void **state)
{
	(void)state;
	stream(false);
	stream(true);
}

/* Anonymous memory goes to swap and comes back; without swap it is killed. */
static void test_anonymous(void **state)
{
	struct pressbox p;
	uint64_t a, n;

	(void)state;
	for (int gen = 0; gen < 2; gen++) {
		pressbox_open(&p, "32M:1", gen);
		(void)pressbox_swapon(&p, 16384, -1, NB_SWAP_SSD);
		a = pressbox_map(&p, 12000);
		assert_int_equal(pressbox_fill(&p, a, 12000), 12000);
		assert_true(p.t->mm->swap_entries > 4000);
		assert_int_equal(p.t->mm->swap_entries + p.t->mm->anon_pages, 12000);
		assert_true(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT) >= p.t->mm->swap_entries);
		assert_int_equal(nb_touch(p.t, a, 12000 * PAGE, false, &n), 0);
		assert_true(nb_vm_event_sum(p.sys, NB_VM_PSWPIN) > 4000);
		assert_true(nb_vm_event_sum(p.sys, NB_VM_PGMAJFAULT) > 500);
		assert_int_equal(nb_system_check(p.sys, NULL), 0);
		pressbox_close(&p);
	}
}

/* A referenced page has its second chance, one referenced twice is activated, an unused one goes.
 */
static void test_references(void **state)
{
	struct pressbox p;
	struct nb_scan_control sc;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SYNCHRONOUS);
	a = pressbox_map(&p, 32);
	(void)pressbox_fill(&p, a, 32);
	nb_lru_add_drain(p.sys, 0);
	sc = control(&p, 0);
	/* accessed by the fault itself: kept, marked */
	assert_int_equal(nb_shrink_inactive(nb_node_data(p.sys, 0), &sc, NB_LRU_INACTIVE_ANON, 32),
			 0);
	assert_int_equal(p.last[NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE].field[9], 32);
	(void)pressbox_fill(&p, a, 16); /* half of them are used again */
	assert_int_equal(nb_shrink_inactive(nb_node_data(p.sys, 0), &sc, NB_LRU_INACTIVE_ANON, 32),
			 16);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_ACTIVE_ANON), 16);
	assert_int_equal(p.t->mm->swap_entries, 16);
	/* and deactivated when the active list is scanned, remembered as a working set */
	nb_shrink_active(nb_node_data(p.sys, 0), &sc, NB_LRU_ACTIVE_ANON, 32);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_INACTIVE_ANON), 16);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGREFILL), 16);
	pressbox_close(&p);
}

/* Nothing dirty is dropped: it stays, marked to come to the tail once it is written. */
static void test_dirty_stays(void **state)
{
	struct nb_address_space *f;
	struct nb_file_info info;
	struct nb_scan_control sc;
	struct pressbox p;
	uint64_t n;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	assert_int_equal(nb_file_create(p.sys, "f", 64 * PAGE, &f), 0);
	assert_int_equal(nb_file_write(p.t, f, 0, NULL, 64 * PAGE, &n), 0);
	nb_lru_add_drain(p.sys, 0);
	sc = control(&p, 0);
	for (unsigned i = 0; i < 4; i++)
		(void)nb_shrink_inactive(nb_node_data(p.sys, 0), &sc, NB_LRU_INACTIVE_FILE, 32);
	nb_file_info(f, &info);
	assert_int_equal(info.cached_pages, 64);
	assert_int_equal(info.dirty_pages, 64);
	nb_file_put(f);
	pressbox_close(&p);
}

/* MADV_FREE's pages go without a slot; one written to since stays. */
static void test_lazyfree(void **state)
{
	struct nb_scan_control sc;
	struct pressbox p;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	a = pressbox_map(&p, 32);
	(void)pressbox_fill(&p, a, 32);
	assert_int_equal(nb_madvise(p.t, a, 32 * PAGE, NB_MADV_FREE), 0);
	(void)pressbox_fill(&p, a, 1);
	nb_lru_add_drain(p.sys, 0);
	sc = control(&p, 0);
	for (unsigned i = 0; i < 3; i++)
		(void)nb_shrink_inactive(nb_node_data(p.sys, 0), &sc, NB_LRU_INACTIVE_FILE, 32);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGLAZYFREED), 31);
	assert_int_equal(p.t->mm->anon_pages, 1);
	assert_int_not_equal(nb_task_pfn(p.t, a), NB_NO_PFN);
	pressbox_close(&p);
}

/* inactive * sqrt(10 * GiB) < active. */
static void test_inactive_ratio(void **state)
{
	struct nb_lruvec v = {.gen = {.enabled = false}};
	struct pressbox p;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	v.nr[NB_LRU_INACTIVE_ANON][NB_ZONE_NORMAL] = 1000;
	v.nr[NB_LRU_ACTIVE_ANON][NB_ZONE_NORMAL] = 1000;
	assert_false(nb_inactive_is_low(nb_node_data(p.sys, 0), &v, NB_LRU_INACTIVE_ANON));
	v.nr[NB_LRU_ACTIVE_ANON][NB_ZONE_NORMAL] = 1001;
	assert_true(nb_inactive_is_low(nb_node_data(p.sys, 0), &v, NB_LRU_INACTIVE_ANON));
	/* 10 GiB: 10 */
	v.nr[NB_LRU_INACTIVE_ANON][NB_ZONE_NORMAL] = 300000;
	v.nr[NB_LRU_ACTIVE_ANON][NB_ZONE_NORMAL] = 2400000;
	assert_false(nb_inactive_is_low(nb_node_data(p.sys, 0), &v, NB_LRU_INACTIVE_ANON));
	v.nr[NB_LRU_INACTIVE_ANON][NB_ZONE_NORMAL] = 200000;
	assert_true(nb_inactive_is_low(nb_node_data(p.sys, 0), &v, NB_LRU_INACTIVE_ANON));
	pressbox_close(&p);
}

/* Costs halve when they pass a quarter of the lists. */
static void test_cost(void **state)
{
	struct nb_lruvec v = {.gen = {.enabled = false}};
	struct pressbox p;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	v.nr[NB_LRU_INACTIVE_FILE][0] = 400;
	nb_lru_note_cost(nb_node_data(p.sys, 0), &v, true, 1, 10);
	assert_int_equal(v.file_cost, 42);
	nb_lru_note_cost(nb_node_data(p.sys, 0), &v, false, 0, 60);
	assert_int_equal(v.file_cost, 21);
	assert_int_equal(v.anon_cost, 30);
	pressbox_close(&p);
}

/* A page that comes back while the active lists are longer than it was away is active at once. */
static void test_refault(void **state)
{
	struct nb_address_space *f;
	struct nb_page page = {.flags = PG_ALLOCATED};
	struct nb_lru_info info;
	struct pressbox p;
	struct nb_zone *z;
	struct nb_lruvec *v;
	uint64_t shadow;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	f = read_file(&p, 16);
	z = pressbox_zone(&p, 0);
	v = nb_zone_lruvec(z);
	shadow = nb_workingset_eviction(p.sys, z, &page, NULL);
	assert_int_not_equal(shadow, 0);
	v->nr[NB_LRU_ACTIVE_FILE][0] = 5;
	nb_workingset_age(v, 4);
	nb_workingset_refault(p.sys, z, &page, shadow);
	assert_true(page.flags & PG_ACTIVE);
	page.flags = PG_ALLOCATED;
	nb_workingset_age(v, 10);
	nb_workingset_refault(p.sys, z, &page, shadow);
	assert_false(page.flags & PG_ACTIVE);
	v->nr[NB_LRU_ACTIVE_FILE][0] = 0;
	assert_int_equal(nb_lru_info(p.sys, 0, NB_ZONE_DMA32, &info), 0);
	assert_int_equal(info.refault[1], 2);
	assert_int_equal(info.activate[1], 1);
	nb_file_put(f);
	pressbox_close(&p);
}

/* With swappiness 0 an empty swap does not help; with 60 it does. */
static void test_swappiness_zero(void **state)
{
	struct pressbox p;
	uint64_t a;

	(void)state;
	for (int gen = 0; gen < 2; gen++) {
		pressbox_open(&p, "32M:1", gen);
		assert_int_equal(nb_sysctl_write(p.sys, "vm.swappiness", "0", NULL), 0);
		(void)pressbox_swapon(&p, 16384, -1, NB_SWAP_SSD);
		a = pressbox_map(&p, 12000);
		assert_true(pressbox_fill(&p, a, 12000) < 12000);
		assert_false(nb_task_alive(p.t));
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT), 0);
		pressbox_close(&p);
	}
}

/* A full bound node swaps while the other has memory. */
static void test_bound_node_swaps(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct pressbox p;
	uint64_t a, free0;

	(void)state;
	pressbox_open(&p, "32M:1 32M:1", false);
	(void)pressbox_swapon(&p, 16384, -1, NB_SWAP_SSD);
	assert_int_equal(nb_set_mempolicy(p.t, NB_MPOL_BIND, &m1), 0);
	a = pressbox_map(&p, 12000);
	free0 = pressbox_zone(&p, 0)->nr_free_pages;
	assert_int_equal(pressbox_fill(&p, a, 12000), 12000);
	assert_true(p.t->mm->swap_entries > 3000);
	assert_int_equal(nb_task_node_pages(p.t, 0), 0);
	assert_true(free0 <= pressbox_zone(&p, 0)->nr_free_pages + 128);
	pressbox_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_dirty_stays),
		cmocka_unit_test(test_lazyfree),
		cmocka_unit_test(test_inactive_ratio),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_refault),
		cmocka_unit_test(test_swappiness_zero),
		cmocka_unit_test(test_bound_node_swaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
