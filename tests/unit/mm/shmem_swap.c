/* shmem_swap.c -- pages of memory files go out to swap under pressure, come back where the object's
 * policy wants them, and are forgotten with the file.
 */
#include "filebox.h"

#include "mm/lru.h"
#include "mm/swap_area.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#include <numabox/swap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

struct world {
	struct filebox b;
	struct nb_address_space *as;
	unsigned area;
};

static void begin(struct world *w, const char *nodes, const char *mpol)
{
	struct nb_swap_options opt = {
		.pages = 30000, .priority = NB_SWAP_PRIO_AUTO, .device = NB_SWAP_SYNCHRONOUS};

	filebox_boot(&w->b, nodes, NULL, true);
	assert_int_equal(nb_swapon(w->b.sys, &opt, &w->area), 0);
	w->as = filebox_shmem(&w->b, 0, mpol);
}

static void end(struct world *w)
{
	nb_file_put(w->as);
	assert_int_equal(nb_swapoff(w->b.sys, w->area), 0);
	filebox_end(&w->b);
}

/* Page i holds i. */
static void fill(struct world *w, uint64_t pages)
{
	uint64_t n;

	for (uint64_t i = 0; i < pages; i++)
		assert_int_equal(nb_file_write(w->b.t, w->as, i * PAGE, &i, sizeof(i), &n), 0);
}

static void compare(struct world *w, uint64_t pages)
{
	uint64_t n, got;

	for (uint64_t i = 0; i < pages; i++) {
		assert_int_equal(nb_file_read(w->b.t, w->as, i * PAGE, &got, sizeof(got), &n), 0);
		assert_int_equal(got, i);
	}
}

/* More private memory than there is room for beside the file. */
static void press(struct world *w)
{
	uint64_t a, n, pages = sysbox_free_pages(&w->b.box) + 2000;

	assert_int_equal(nb_mmap(w->b.t, 0, pages * PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_touch(w->b.t, a, pages * PAGE, true, &n), 0);
	assert_int_equal(nb_munmap(w->b.t, a, pages * PAGE), 0);
}

static void test_out_and_in(void **state)
{
	struct world w;
	uint64_t out;

	(void)state;
	begin(&w, "32M:1", NULL);
	fill(&w, 3000);
	press(&w);
	out = w.as->nrshadows;
	assert_true(out > 500);
	assert_int_equal(w.as->nrpages + out, 3000);
	assert_int_equal(filebox_sum(&w.b, offsetof(struct nb_zone, nr_shmem)), w.as->nrpages);
	filebox_check(&w.b);
	compare(&w, 3000);
	assert_int_equal(w.as->nrshadows, 0);
	assert_int_equal(w.as->nrpages, 3000);
	filebox_check(&w.b);
	end(&w);
}

/* Where a page was plays no part: it comes back by inode number + offset. */
static void test_policy_at_swap_in(void **state)
{
	struct nb_nodemask one = sysbox_mask(2);
	struct world w;

	(void)state;
	begin(&w, "32M:1 32M:1", "interleave:0-1");
	assert_int_equal(nb_set_mempolicy(w.b.t, NB_MPOL_BIND, &one), 0); /* it has no say */
	fill(&w, 3000);
	assert_int_equal(nb_set_mempolicy(w.b.t, NB_MPOL_DEFAULT, NULL), 0);
	press(&w);
	assert_true(w.as->nrshadows > 0);
	compare(&w, 3000);
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(nb_file_node(w.as, i), (w.as->ino + i) % 2);
	end(&w);
}

/* Truncation and the file's end give slots back without reading them. */
static void test_forgotten(void **state)
{
	struct world w;
	uint64_t total, left, cached, in;

	(void)state;
	begin(&w, "32M:1", NULL);
	fill(&w, 3000);
	press(&w);
	in = filebox_vm_event(&w.b, "pswpin");
	assert_int_equal(nb_file_truncate(w.b.t, w.as, 100 * PAGE), 0);
	assert_true(w.as->nrpages + w.as->nrshadows <= 100);
	assert_int_equal(filebox_vm_event(&w.b, "pswpin"), in);
	filebox_check(&w.b);
	compare(&w, 100);
	assert_int_equal(nb_file_truncate(w.b.t, w.as, 0), 0);
	nb_swap_totals(w.b.sys, &total, &left, &cached);
	assert_true(total - left <= 64); /* a CPU keeps some for its next pages */
	end(&w);
}

static void test_swapoff(void **state)
{
	struct world w;
	struct nb_swap_options opt = {.pages = 30000, .priority = NB_SWAP_PRIO_AUTO};

	(void)state;
	begin(&w, "32M:1", NULL);
	fill(&w, 3000);
	press(&w);
	assert_true(w.as->nrshadows > 0);
	assert_int_equal(nb_swapoff(w.b.sys, w.area), 0);
	assert_int_equal(w.as->nrshadows, 0);
	filebox_check(&w.b);
	compare(&w, 3000);
	assert_int_equal(nb_swapon(w.b.sys, &opt, &w.area), 0);
	end(&w);
}

/* A page that was only ever read is zeroes: it goes without a slot. */
static void test_never_written(void **state)
{
	struct world w;
	uint64_t a, n;

	(void)state;
	begin(&w, "32M:1", NULL);
	assert_int_equal(nb_file_truncate(w.b.t, w.as, 3000 * PAGE), 0);
	assert_int_equal(
		nb_mmap_file(w.b.t, w.as, 0, 0, 3000 * PAGE, NB_PROT_READ, NB_MAP_SHARED, &a), 0);
	assert_int_equal(nb_touch(w.b.t, a, 3000 * PAGE, false, &n), 0);
	assert_int_equal(nb_munmap(w.b.t, a, 3000 * PAGE), 0);
	assert_int_equal(w.as->nrpages, 3000);
	press(&w);
	assert_true(w.as->nrpages < 2500);
	assert_int_equal(w.as->nrshadows, 0);
	end(&w);
}

/* All pages of the file out, and out of the cache: without marks of use they go at the second look.
 */
static void put_out(struct world *w, uint64_t pages)
{
	struct nb_system *sys = w->b.sys;

	nb_lru_add_drain_all(sys);
	for (uint64_t i = 0; i < pages; i++) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_as_find(w->as, i, &z, NULL);

		assert_non_null(page);
		nb_put_page(sys, z, page, 0);
		nb_page_change_flags(sys, page, 0, PG_REFERENCED | PG_ACTIVE);
		assert_true(nb_lru_isolate(sys, z, page));
		(void)sys->hooks.reclaim_page(sys, z, page, 0);
	}
	assert_int_equal(w->as->nrpages, 0);
	assert_int_equal(sys->swap->nr_cached, 0);
}

/* Wanted soon: read into the swap cache, all that is asked for and nothing else; a fault finds it.
 * One that was not asked for comes with the slots around its own. */
static void test_willneed(void **state)
{
	struct world w;
	uint64_t a, n, in;

	(void)state;
	begin(&w, "64M:1", NULL);
	fill(&w, 64);
	put_out(&w, 64);
	assert_int_equal(
		nb_mmap_file(w.b.t, w.as, 8 * PAGE, 0, 56 * PAGE, NB_PROT_READ, NB_MAP_SHARED, &a),
		0);
	in = nb_vm_event_sum(w.b.sys, NB_VM_PSWPIN);
	assert_int_equal(nb_madvise(w.b.t, a + 2 * PAGE, 10 * PAGE, NB_MADV_WILLNEED), 0);
	assert_int_equal(nb_vm_event_sum(w.b.sys, NB_VM_PSWPIN) - in, 10);
	assert_int_equal(w.b.sys->swap->nr_cached, 10);
	assert_int_equal(w.as->nrpages, 0);
	assert_int_equal(nb_touch(w.b.t, a + 2 * PAGE, 10 * PAGE, false, &n), 0);
	assert_int_equal(nb_vm_event_sum(w.b.sys, NB_VM_PSWPIN) - in, 10);
	assert_int_equal(nb_vm_event_sum(w.b.sys, NB_VM_PGMAJFAULT), 0);
	assert_int_equal(w.b.sys->swap->nr_cached, 0);
	assert_int_equal(nb_touch(w.b.t, a + 40 * PAGE, PAGE, false, &n), 0);
	assert_int_equal(nb_vm_event_sum(w.b.sys, NB_VM_PSWPIN) - in, 18);
	assert_int_equal(nb_vm_event_sum(w.b.sys, NB_VM_SWAP_RA), 7);
	assert_int_equal(nb_vm_event_sum(w.b.sys, NB_VM_PGMAJFAULT), 1);
	compare(&w, 64);
	assert_int_equal(nb_munmap(w.b.t, a, 56 * PAGE), 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_and_in),    cmocka_unit_test(test_policy_at_swap_in),
		cmocka_unit_test(test_forgotten),     cmocka_unit_test(test_swapoff),
		cmocka_unit_test(test_never_written), cmocka_unit_test(test_willneed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
