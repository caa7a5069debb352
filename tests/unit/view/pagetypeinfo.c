/* pagetypeinfo.c -- tests of src/view/pagetypeinfo.c. */
#include "form.h"

#include "box.h"
#include "view/pagetypeinfo.h"

static const char text[] = "Page block order: 9\n"
			   "Pages per block:  512\n"
			   "\n"
			   "Free pages count per migrate type at order       0      1 \n"
			   "Node    0, zone   Normal, type    Unmovable      5 >100000 \n"
			   "Node    0, zone   Normal, type          CMA      0      0 \n"
			   "\n"
			   "Number of blocks type     Unmovable          CMA \n"
			   "Node 0, zone   Normal           17            2 \n";

static void test_rows(void **state)
{
	struct nb_pagetypeinfo p;

	(void)state;
	EXPECT_BACK(text, &p, nb_pagetypeinfo_parse, nb_pagetypeinfo_print);
	assert_int_equal(nb_pagetypeinfo_nr_raw(&p), 0);
	assert_int_equal(p.page_block_order, 9);
	assert_int_equal(p.pages_per_block, 512);
	assert_int_equal(p.nr_free_rows, 2);
	assert_string_equal(p.free[0].type, "Unmovable");
	assert_int_equal(p.free[0].nr_free[0], 5);
	assert_int_equal(p.free[0].nr_free[1], 100000);
	assert_int_equal(p.free[0].capped, 2);
	assert_int_equal(p.nr_types, 2);
	assert_string_equal(p.types[1], "CMA");
	assert_int_equal(p.blocks[0].nr_blocks[1], 2);
	nb_pagetypeinfo_release(&p);
}

/* Expect the sections of other kernels to be kept where they stand. */
static void test_unknown_section(void **state)
{
	static const char mixed[] = "Page block order: 9\nPage block order: 10\n"
				    "Number of mixed blocks    Unmovable \n"
				    "Node    0, zone   Normal, type      Reserve      1 \n";
	struct nb_pagetypeinfo p;

	(void)state;
	EXPECT_BACK(mixed, &p, nb_pagetypeinfo_parse, nb_pagetypeinfo_print);
	assert_int_equal(p.page_block_order, 9);
	assert_int_equal(nb_pagetypeinfo_type(p.free[0].type), NB_MIGRATE_HIGHATOMIC);
	assert_int_equal(nb_pagetypeinfo_type("Movable"), NB_MIGRATE_MOVABLE);
	assert_int_equal(nb_pagetypeinfo_type("Shiny"), -1);
	nb_pagetypeinfo_release(&p);
}

static void test_refused(void **state)
{
	struct nb_pagetypeinfo p;

	(void)state;
	EXPECT_REFUSED("Page block order: 9\n", 20, &p, nb_pagetypeinfo_parse, 0, "no row");
	EXPECT_REFUSED("Node 0, zone DMA, type Movable 1 x\n", 35, &p, nb_pagetypeinfo_parse, 1,
		       "whole numbers");
	EXPECT_REFUSED("Node 0 zone DMA\n", 16, &p, nb_pagetypeinfo_parse, 1, "Node N, zone NAME");
}

/* Expect a set per node with memory, with the profile's types, and pageblocks that cover the zone.
 */
static void test_from_system(void **state)
{
	struct nb_pagetypeinfo p;
	struct box b;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	nb_pagetypeinfo_from_system(b.sys, &p);
	assert_int_equal(p.nr_types, 5); /* no CMA on Debian's amd64 */
	assert_int_equal(p.nr_free_rows, 3 * 5);
	assert_int_equal(p.nr_blocks_rows, 3);
	assert_int_equal(p.blocks[2].nr_blocks[NB_MIGRATE_MOVABLE], 512); /* 1 GiB */
	nb_pagetypeinfo_release(&p);
	box_shutdown(&b);
	box_boot(&b, "6.12", NB_ARCH_ARM64);
	nb_pagetypeinfo_from_system(b.sys, &p);
	assert_int_equal(p.nr_types, 6);
	assert_string_equal(p.types[4], "CMA");
	nb_pagetypeinfo_release(&p);
	box_shutdown(&b);
	box_boot(&b, "2.6.24", NB_ARCH_X86_64);
	nb_pagetypeinfo_from_system(b.sys, &p);
	assert_int_equal(p.nr_types, 4);
	assert_string_equal(p.types[3], "Reserve");
	nb_pagetypeinfo_release(&p);
	box_shutdown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_unknown_section),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_from_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
