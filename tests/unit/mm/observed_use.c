/* observed_use.c -- tests of src/mm/observed_use.c: numbers of memory in use are kept per node and
 * counted with the lists.
 */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void test_use(void **state)
{
	struct nb_node_use use = {.slab_reclaimable_pages = 7, .kernel_stack_kib = 16};
	struct nb_zone_info z;
	struct sysbox box;

	(void)state;
	memset(&box, 0, sizeof(box));
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	assert_null(nb_node_observed_use(box.sys, 0));
	assert_null(nb_node_observed_use(box.sys, 9));
	use.anon_lru_pages[NB_ZONE_DMA32][1] = 100;
	assert_int_equal(nb_node_set_observed_use(box.sys, 9, &use), -NB_ENODEV);
	assert_int_equal(nb_node_set_observed_use(box.sys, 1, &use), 0);
	assert_null(nb_node_observed_use(box.sys, 0));
	assert_int_equal(nb_node_observed_use(box.sys, 1)->slab_reclaimable_pages, 7);
	assert_int_equal(nb_zone_info(box.sys, 1, NB_ZONE_DMA32, &z), 0);
	assert_int_equal(z.lru_pages[0], 0);
	assert_int_equal(z.lru_pages[1], 100);
	/* the last word counts */
	use.kernel_stack_kib = 32;
	assert_int_equal(nb_node_set_observed_use(box.sys, 1, &use), 0);
	assert_int_equal(nb_node_observed_use(box.sys, 1)->kernel_stack_kib, 32);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_use)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
