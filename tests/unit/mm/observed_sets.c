/* observed_sets.c -- tests of src/mm/observed_sets.c: a captured machine's page sets hold as many
 * pages as was seen, of both kinds, and give them back one by one.
 */
#include "mm/pcp.h"
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

/* A node of 127 max-order blocks, four of which are free and 20 pageblocks are unmovable. */
static void observe(struct sysbox *box)
{
	struct nb_zone_observed obs = {0};

	memset(box, 0, sizeof(*box));
	sysbox_boot(box, &(struct sysbox_spec){.nodes = "512M:2"});
	obs.nr_free_by_type[NB_MIGRATE_MOVABLE][box->sys->max_order] = 4;
	obs.nr_pageblocks[NB_MIGRATE_UNMOVABLE] = 20;
	obs.nr_pageblocks[NB_MIGRATE_MOVABLE] = 230;
	assert_int_equal(nb_zone_set_observed(box->sys, 0, NB_ZONE_DMA32, &obs, NULL), 0);
}

static unsigned on_list(const struct nb_zone *z, const struct nb_pcp *pcp, enum nb_migratetype mt)
{
	unsigned n = 0;

	for (nb_link_t l = pcp->list[mt].first; l; l = nb_link_page(z->mem_map, l)->next)
		n++;
	return n;
}

static void test_filled(void **state)
{
	const struct nb_set_observed sets[] = {{0, 700, 900}, {1, 3, 0}, {7, 5, 5}};
	struct nb_zone_info before;
	struct sysbox box;

	(void)state;
	observe(&box);
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_DMA32, &before), 0);
	/* there is no CPU 7 */
	assert_int_equal(nb_zone_set_observed_sets(box.sys, 0, NB_ZONE_DMA32, sets, 3), 703);
	struct nb_zone *z = &nb_node_data(box.sys, 0)->zone[NB_ZONE_DMA32];
	struct nb_pcp *pcp = nb_zone_pcp_peek(z, 0);

	assert_int_equal(pcp->count, 700);
	assert_int_equal(pcp->high, 900);
	assert_int_equal(on_list(z, pcp, NB_MIGRATE_UNMOVABLE), 350);
	assert_int_equal(on_list(z, pcp, NB_MIGRATE_MOVABLE), 350);
	assert_int_equal(nb_zone_pcp_peek(z, 1)->count, 3);
	assert_int_equal(nb_system_check(box.sys, NULL), 0);
	/* used sets are left alone */
	assert_int_equal(nb_zone_set_observed_sets(box.sys, 0, NB_ZONE_DMA32, sets, 3), 0);
	assert_int_equal(nb_zone_set_observed_sets(box.sys, 5, NB_ZONE_DMA32, sets, 3), 0);
	/* free again, no two of them are one block */
	nb_drain_all_pages(box.sys, 0);
	assert_int_equal(nb_zone_free_pages_snapshot(z), before.free_pages + 703);
	assert_int_equal(z->free_area[0].nr_free, 703);
	assert_int_equal(nb_system_check(box.sys, NULL), 0);
	sysbox_end(&box);
}

/* As much as there are whole blocks in use. */
static void test_too_many(void **state)
{
	const struct nb_set_observed one = {0, 120000, 0};
	struct sysbox box;
	unsigned n;

	(void)state;
	observe(&box);
	n = nb_zone_set_observed_sets(box.sys, 0, NB_ZONE_DMA32, &one, 1);
	assert_in_range(n, 50000, 65000);
	assert_int_equal(nb_system_check(box.sys, NULL), 0);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filled),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
