/* vmstat.c -- tests of src/view/vmstat.c, stats.c and names.c. */
#include "form.h"

#include "box.h"
#include "view/vmstat.h"
#include <numabox/page_alloc.h>

static void test_counters(void **state)
{
	static const char text[] = "nr_free_pages 489107\npgfault 18446744073709551615\n";
	struct nb_counters c;
	json_t *j;

	(void)state;
	EXPECT_BACK(text, &c, nb_counters_parse, nb_counters_print);
	assert_int_equal(nb_items_nr_raw(&c.items), 0);
	assert_int_equal(nb_items_value(&c.items, "nr_free_pages", 0), 489107);
	j = nb_counters_json(&c);
	assert_int_equal(json_integer_value(json_object_get(j, "nr_free_pages")), 489107);
	assert_true(json_is_real(json_object_get(j, "pgfault"))); /* past 2^63 */
	json_decref(j);
	nb_counters_release(&c);
}

/* Expect odd lines back; a number cut by the end of the text is no number. */
static void test_odd(void **state)
{
	struct nb_counters c;

	(void)state;
	EXPECT_BACK("a 1\nb  2\nc 03\n\nd 12", &c, nb_counters_parse, nb_counters_print);
	assert_int_equal(nb_items_value(&c.items, "b", 0), 2);
	assert_int_equal(nb_items_value(&c.items, "c", 0), 3);
	assert_null(nb_items_find(&c.items, "d"));
	nb_counters_release(&c);
}

static void test_refused(void **state)
{
	struct nb_counters c;

	(void)state;
	EXPECT_REFUSED("", 0, &c, nb_counters_parse, 0, "no line");
	EXPECT_REFUSED("a 1\nb x\n", 8, &c, nb_counters_parse, 2, "whole number");
	EXPECT_REFUSED("a 1 2\n", 6, &c, nb_counters_parse, 1, "whole number");
	EXPECT_REFUSED("\x7f"
		       "ELF\0\0",
		       6, &c, nb_counters_parse, 1, "NUL");
}

/* Expect the engine's counts under the kernel's names, in node and whole. */
static void test_counts(void **state)
{
	struct nb_counters before, after, node;
	struct nb_alloc_request rq = {
		.gfp = NB_GFP_KERNEL, .order = 0, .cpu = 2, .nid = NB_NO_NODE};
	struct box b;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	nb_vmstat_from_system(b.sys, &before);
	assert_true(nb_alloc_pages(b.sys, &rq) != NB_NO_PFN);
	nb_vmstat_from_system(b.sys, &after);
	assert_int_equal(nb_items_value(&after.items, "numa_hit", 0),
			 nb_items_value(&before.items, "numa_hit", 0) + 1);
	assert_int_equal(nb_items_value(&after.items, "pgalloc_normal", 0),
			 nb_items_value(&before.items, "pgalloc_normal", 0) + 1);
	nb_counters_release(&before);
	nb_counters_release(&after);
	assert_int_equal(nb_node_numastat_from_system(b.sys, 2, &node), 0);
	assert_int_equal(nb_items_value(&node.items, "numa_hit", 0), 1);
	assert_int_equal(nb_items_value(&node.items, "local_node", 0), 1);
	assert_int_equal(nb_items_value(&node.items, "interleave_hit", 9), 0);
	nb_counters_release(&node);
	assert_int_equal(nb_node_vmstat_from_system(b.sys, 2, &node), 0);
	assert_null(nb_items_find(&node.items, "pgfault")); /* no events in a node's file */
	nb_counters_release(&node);
	assert_int_equal(nb_node_vmstat_from_system(b.sys, 7, &node), -NB_ENODEV);
	box_shutdown(&b);
}

/* Expect the dirty thresholds and the memmap of a fresh machine: 4 GiB in 32 sections of 128 MiB.
 */
static void test_derived(void **state)
{
	struct nb_system_info info;
	struct nb_counters c;
	struct box b;
	uint64_t avail;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	nb_system_info(b.sys, &info);
	nb_vmstat_from_system(b.sys, &c);
	avail = info.free_pages - info.totalreserve_pages + 1;
	assert_int_equal(nb_items_value(&c.items, "nr_dirty_threshold", 0), 819 * avail / 4096);
	assert_int_equal(nb_items_value(&c.items, "nr_dirty_background_threshold", 0),
			 409 * avail / 4096);
	assert_int_equal(nb_items_value(&c.items, "nr_memmap_boot_pages", 0), 32 * 512);
	nb_counters_release(&c);
	box_shutdown(&b);
}

static const struct {
	const char *kernel;
	enum nb_arch arch;
	const char *has, *lacks;
} lists[] = {
	{"6.12", NB_ARCH_X86_64, "\npgdemote_khugepaged ", "\npgsteal_proactive "},
	{"6.18", NB_ARCH_X86_64, "\nnr_free_pages_blocks ", "\nnr_bounce "},
	{"6.1", NB_ARCH_X86_64, "\npgsteal_direct 0\npgdemote_kswapd 0\n", "\nnr_iommu_pages "},
	{"6.1", NB_ARCH_I386PAE, "\npgalloc_high ", "\nnuma_hit "},
	{"6.12", NB_ARCH_ARM64, "\ncma_alloc_success ", "\nthp_split_pud "},
	{"2.6.24", NB_ARCH_X86_64, "\npgscan_kswapd_dma32 ", "\npgscan_kswapd "},
	{"2.6.7", NB_ARCH_X86_64, "\npgscan_direct_high ", "\nnr_free_pages "},
	{"3.10", NB_ARCH_X86_64, "\npgsteal_kswapd_dma32 0\npgsteal_kswapd_normal 0\n",
	 "\nallocstall_normal "},
	{"4.18", NB_ARCH_X86_64, "\nnr_written 0\nnr_dirty_threshold ", "\npgreuse "},
	{"4.19", NB_ARCH_X86_64, "\npgalloc_movable 0\nallocstall_dma ", "\nnr_file_hugepages "},
	{"5.4", NB_ARCH_X86_64, "\nnr_unstable 0\nnr_vmscan_write ", "\nthp_migration_success "},
	{"5.10", NB_ARCH_X86_64, "\nswap_ra_hit 0\nnr_unstable 0\n", "\npgdemote_kswapd "},
	{"5.15", NB_ARCH_X86_64, "\ndirect_map_level3_splits 0\nnr_unstable 0\n", "\ncow_ksm "},
	{"6.6", NB_ARCH_X86_64, "\npgdemote_khugepaged 0\npgscan_kswapd ", "\nzswpwb "},
	{"6.8", NB_ARCH_X86_64, "\nzswpwb ", "\nnr_memmap_pages "},
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char *text = box_view(lists[i].kernel, lists[i].arch, "vmstat");

		if (!strstr(text, lists[i].has) || strstr(text, lists[i].lacks))
			fail_msg("%s: %s", lists[i].kernel, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters), cmocka_unit_test(test_odd),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_counts),
		cmocka_unit_test(test_derived),  cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
