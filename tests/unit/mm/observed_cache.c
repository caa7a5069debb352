/* observed_cache.c -- tests of src/mm/observed_cache.c: a captured machine's page cache is counted,
 * reclaimed when memory is wanted, and becomes pages only then.
 */
#include "pressbox.h"

/* A node whose memory is in use but for `free` max-order blocks. */
static void observe(struct pressbox *p, int nid, uint64_t free)
{
	struct nb_zone_observed obs = {0};

	obs.nr_free_by_type[NB_MIGRATE_MOVABLE][p->sys->max_order] = free;
	assert_int_equal(nb_zone_set_observed(p->sys, nid, NB_ZONE_DMA32, &obs, NULL), 0);
}

static void open_observed(struct pressbox *p, bool gen)
{
	memset(p, 0, sizeof(*p));
	sysbox_boot(&p->box, &(struct sysbox_spec){.nodes = "128M:1"});
	p->sys = p->box.sys;
	assert_int_equal(nb_lru_gen_set_enabled(p->sys, gen), 0);
	observe(p, 0, 6);
}

static void reclaimed(bool gen)
{
	struct nb_lru_info info;
	struct nb_zone_info z;
	struct pressbox p;
	uint64_t a;

	open_observed(&p, gen);
	/* as many whole blocks as there are */
	assert_int_equal(nb_zone_set_observed_cache(p.sys, 0, NB_ZONE_DMA32, 10 * 1024 + 5),
			 10 * 1024);
	assert_int_equal(nb_zone_set_observed_cache(p.sys, 0, NB_ZONE_DMA32, 1024), 0);
	assert_int_equal(nb_lru_info(p.sys, 0, NB_ZONE_DMA32, &info), 0);
	assert_int_equal(info.inactive_file, 10 * 1024);
	assert_int_equal(nb_zone_info(p.sys, 0, NB_ZONE_DMA32, &z), 0);
	assert_int_equal(z.file_pages, 10 * 1024);
	assert_null(p.sys->reclaim->observed_file);
	assert_int_equal(nb_task_create(p.sys, 0, "wants", &p.t), 0);
	/* far more than is free, less than free and cache together */
	a = pressbox_map(&p, 14 * 1024);
	assert_int_equal(pressbox_fill(&p, a, 14 * 1024), 14 * 1024);
	assert_true(nb_task_alive(p.t));
	assert_int_equal(nb_lru_info(p.sys, 0, NB_ZONE_DMA32, &info), 0);
	assert_in_range(info.inactive_file, 1, 7 * 1024);
	assert_true(nb_vm_event_sum(p.sys, NB_VM_PGSTEAL_FILE) > 3000);
	assert_int_equal(nb_system_check(p.sys, NULL), 0);
	pressbox_close(&p);
}

static void test_reclaimed(void **state)
{
	(void)state;
	reclaimed(false);
	reclaimed(true);
}

/* What was not page cache stays in use: the task is killed. */
static void test_rest_stays(void **state)
{
	struct pressbox p;
	uint64_t a;

	(void)state;
	open_observed(&p, false);
	assert_int_equal(nb_zone_set_observed_cache(p.sys, 0, NB_ZONE_DMA32, 2048), 2048);
	assert_int_equal(nb_task_create(p.sys, 0, "wants", &p.t), 0);
	a = pressbox_map(&p, 20 * 1024);
	assert_in_range(pressbox_fill(&p, a, 20 * 1024), 8 * 1024, 13 * 1024);
	assert_false(nb_task_alive(p.t));
	assert_int_equal(nb_system_check(p.sys, NULL), 0);
	pressbox_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reclaimed),
		cmocka_unit_test(test_rest_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
