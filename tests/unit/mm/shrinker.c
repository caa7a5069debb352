/* shrinker.c -- tests of src/mm/shrinker.c and node_reclaim.c. */
#include "pressbox.h"

struct cache {
	uint64_t objects, asked[64];
	unsigned calls;
	bool stop;
};

static uint64_t count(void *ctx, int nid)
{
	struct cache *c = ctx;

	return nid == 0 ? c->objects : 0;
}

static uint64_t scan(void *ctx, int nid, uint64_t nr)
{
	struct cache *c = ctx;

	(void)nid;
	if (c->stop)
		return NB_SHRINK_STOP;
	if (c->calls < 64)
		c->asked[c->calls++] = nr;
	c->objects -= nr < c->objects ? nr : c->objects;
	return nr;
}

/* (objects >> priority) * 4 / seeks in batches of 128; the rest is kept for the next pass. */
static void test_formula(void **state)
{
	struct cache c = {.objects = 1 << 20};
	struct nb_shrinker_ops ops = {.ctx = &c,
				      .count_objects = count,
				      .scan_objects = scan,
				      .seeks = 2,
				      .objects_per_page = 16};
	struct nb_shrinker *s;
	struct pressbox p;

	(void)state;
	pressbox_open(&p, "64M:1 64M:1", false);
	assert_int_equal(nb_shrinker_register(p.sys, &ops, &s), 0);
	/* 2^20 >> 12 = 256, times 2: 512 objects, four batches */
	assert_int_equal(nb_shrink_slab(p.sys, 0, 12, NB_GFP_KERNEL, 0), 32);
	assert_int_equal(c.calls, 4);
	assert_int_equal(c.asked[0], 128);
	assert_int_equal(p.seen[NB_EV_MM_SHRINK_SLAB_START], 1);
	assert_int_equal(p.last[NB_EV_MM_SHRINK_SLAB_START].field[2], NB_GFP_KERNEL);
	assert_int_equal(p.last[NB_EV_MM_SHRINK_SLAB_START].field[4], 512);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_SLABS_SCANNED), 512);
	/* too few for a batch: deferred, until enough has gathered */
	c = (struct cache){.objects = 100000};
	assert_int_equal(nb_shrink_slab(p.sys, 0, 12, NB_GFP_KERNEL, 0), 0); /* 48 */
	assert_int_equal(nb_shrink_slab(p.sys, 0, 12, NB_GFP_KERNEL, 0), 0);
	assert_int_equal(p.last[NB_EV_MM_SHRINK_SLAB_END].field[2], 96);
	assert_int_equal(c.calls, 0);
	/* a small cache is scanned whole */
	c = (struct cache){.objects = 40};
	(void)nb_shrink_slab(p.sys, 0, 0, NB_GFP_KERNEL, 0);
	assert_int_equal(c.asked[0], 80);
	/* another node has none; a cache that wants no more is left alone */
	assert_int_equal(nb_shrink_slab(p.sys, 1, 0, NB_GFP_KERNEL, 0), 0);
	c = (struct cache){.objects = 1 << 20, .stop = true};
	assert_int_equal(nb_shrink_slab(p.sys, 0, 12, NB_GFP_KERNEL, 0), 0);
	nb_shrinker_unregister(p.sys, s);
	assert_int_equal(nb_shrink_slab(p.sys, 0, 12, NB_GFP_KERNEL, 0), 0);
	ops.scan_objects = NULL;
	assert_int_equal(nb_shrinker_register(p.sys, &ops, &s), -NB_EINVAL);
	pressbox_close(&p);
}

/* zone_reclaim_mode keeps a task's memory near while the node has page cache to give. */
static void node_reclaim(const char *mode, bool near)
{
	struct nb_address_space *f;
	struct pressbox p;
	uint64_t a, n;

	pressbox_open(&p, "32M:1 32M:1", false);
	assert_int_equal(nb_file_create(p.sys, "f", 4000 * PAGE, &f), 0);
	assert_int_equal(nb_file_read(p.t, f, 0, NULL, 4000 * PAGE, &n), 0);
	nb_lru_add_drain(p.sys, 0);
	assert_int_equal(nb_sysctl_write(p.sys, "vm.zone_reclaim_mode", mode, NULL), 0);
	a = pressbox_map(&p, 6000);
	assert_int_equal(pressbox_fill(&p, a, 6000), 6000);
	assert_int_equal(nb_task_node_pages(p.t, 0) > 5900, near);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_ZONE_RECLAIM_SUCCESS) > 0, near);
	nb_file_put(f);
	pressbox_close(&p);
}

static void test_node_reclaim(void **state)
{
	(void)state;
	node_reclaim("0", false);
	node_reclaim("1", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formula),
		cmocka_unit_test(test_node_reclaim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
