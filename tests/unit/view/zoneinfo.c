/* zoneinfo.c -- tests of src/view/zoneinfo*.c. */
#include "form.h"

#include "box.h"
#include "view/zoneinfo.h"

static const char text_612[] = "Node 1, zone    DMA32\n"
			       "  per-node stats\n"
			       "      nr_active_anon 1750\n"
			       "      nr_written   0\n"
			       "  pages free     488681\n"
			       "        boost    512\n"
			       "        min      11177\n"
			       "        low      13971\n"
			       "        high     16765\n"
			       "        promo    19559\n"
			       "        spanned  520159\n"
			       "        present  520158\n"
			       "        managed  501272\n"
			       "        cma      0\n"
			       "        protection: (0, 1948, 7)\n"
			       "      nr_free_pages 488681\n"
			       "      numa_hit     6237\n"
			       "  pagesets\n"
			       "    cpu: 3\n"
			       "              count: 197\n"
			       "              high:  7048\n"
			       "              batch: 63\n"
			       "  vm stats threshold: 30\n"
			       "  node_unreclaimable:  1\n"
			       "  start_pfn:           4096\n"
			       "Node 1, zone   Normal\n"
			       "  pages free     0\n";

/* Expect typed fields out of 6.12's text, and nothing kept raw. */
static void test_fields(void **state)
{
	struct nb_zoneinfo z;
	const struct nb_zoneinfo_zone *zone;
	uint64_t v;

	(void)state;
	EXPECT_BACK(text_612, &z, nb_zoneinfo_parse, nb_zoneinfo_print);
	assert_int_equal(nb_zoneinfo_nr_raw(&z), 0);
	assert_int_equal(z.nr_zones, 2);
	zone = nb_zoneinfo_find(&z, 1, "DMA32");
	assert_non_null(zone);
	assert_int_equal(zone->type, NB_ZONE_DMA32);
	assert_int_equal(zone->line, 1);
	assert_true(nb_zoneinfo_get(zone, NB_ZI_BOOST, &v));
	assert_int_equal(v, 512);
	assert_true(nb_zoneinfo_get(zone, NB_ZI_PROMO, &v));
	assert_int_equal(v, 19559);
	assert_true(nb_zoneinfo_get(zone, NB_ZI_START_PFN, &v));
	assert_int_equal(v, 4096);
	assert_false(nb_zoneinfo_get(zone, NB_ZI_SCANNED, &v));
	assert_int_equal(zone->nr_protection, 3);
	assert_int_equal(zone->protection[1], 1948);
	assert_int_equal(nb_items_value(&zone->node_items, "nr_active_anon", 0), 1750);
	assert_int_equal(nb_items_value(&zone->items, "numa_hit", 0), 6237);
	assert_int_equal(nb_items_value(&zone->items, "nr_active_anon", 99), 99);
	assert_int_equal(zone->nr_pagesets, 1);
	assert_int_equal(zone->pagesets[0].cpu, 3);
	assert_int_equal(zone->pagesets[0].high, 7048);
	assert_int_equal(zone->pagesets[0].threshold, 30);
	assert_false(zone->pagesets[0].has_max);
	assert_null(nb_zoneinfo_find(&z, 0, "DMA32"));
	assert_int_equal(z.zones[1].has, 1u << NB_ZI_FREE);
	nb_zoneinfo_release(&z);
}

/* Expect a changed field to be printed by rule. */
static void test_changed(void **state)
{
	struct nb_zoneinfo z;
	struct nb_text t = {0};

	(void)state;
	assert_int_equal(nb_zoneinfo_parse(text_612, strlen(text_612), &z, NULL), 0);
	z.zones[0].field[NB_ZI_MANAGED] = 7;
	nb_zoneinfo_print(&z, &t);
	assert_non_null(strstr(nb_text_str(&t), "\n        managed  7\n"));
	nb_text_release(&t);
	nb_zoneinfo_release(&z);
}

static const struct {
	const char *what, *text;
	size_t raw; /* lines that no rule prints */
} kernels[] = {
	{"2.6.24: hot and cold sets, list positions",
	 "Node 0, zone   Normal\n  pages free     2917\n        min      936\n"
	 "        scanned  0 (a: 17 i: 0)\n    nr_free_pages 2917\n    nr_vmscan_write 0\n"
	 "        protection: (0, 0, 1024)\n  pagesets\n"
	 "    cpu: 0 pcp: 0\n              count: 152\n              high:  186\n"
	 "              batch: 31\n"
	 "    cpu: 0 pcp: 1\n              count: 53\n              high:  62\n"
	 "              batch: 15\n  vm stats threshold: 16\n"
	 "  all_unreclaimable: 0\n  prev_priority:     12\n  start_pfn:         4096\n",
	 1},
	{"2.6.32",
	 "Node 0, zone      DMA\n  pages free     3979\n        scanned  0\n    nr_free_pages "
	 "3979\n"
	 "        protection: (0, 2999, 16123, 16123)\n  all_unreclaimable: 1\n"
	 "  prev_priority:     12\n  start_pfn:         1\n  inactive_ratio:    1\n",
	 0},
	{"4.9",
	 "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 1822\n"
	 "  pages free     3976\n        node_scanned  0\n      nr_free_pages 3976\n"
	 "  node_unreclaimable:  0\n  start_pfn:           1\n  node_inactive_ratio: 0\n",
	 0},
	{"6.18: page sets with bounds",
	 "Node 0, zone    DMA32\n  pages free     772852\n  pagesets\n    cpu: 0\n"
	 "              count:    4\n              high:     1657\n              batch:    63\n"
	 "              high_min: 1657\n              high_max: 48307\n  vm stats threshold: 24\n",
	 0},
	{"a kernel to come: unknown lines stay where they are",
	 "Node 0, zone   Normal\n  pages free     1\n        shiny    new thing\n  tail: x\n"
	 "        min      2\n",
	 2},
	{"another program's blanks",
	 "Node  0, zone Normal\npages free 1\n\tmin 2\n  protection: (1,2)\r\n", 4},
	{"the end is missing", "Node 0, zone   Normal\n  pages free     12", 1},
};

static void test_kernels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct nb_zoneinfo z;

		EXPECT_BACK(kernels[i].text, &z, nb_zoneinfo_parse, nb_zoneinfo_print);
		if (nb_zoneinfo_nr_raw(&z) != kernels[i].raw)
			fail_msg("%s: %zu raw lines", kernels[i].what, nb_zoneinfo_nr_raw(&z));
		nb_zoneinfo_release(&z);
	}
}

/* Expect numbers out of lines whose blanks are not Linux's; a cut number is none. */
static void test_values_of_raw(void **state)
{
	struct nb_zoneinfo z;
	uint64_t v;

	(void)state;
	assert_int_equal(nb_zoneinfo_parse(kernels[5].text, strlen(kernels[5].text), &z, NULL), 0);
	assert_true(nb_zoneinfo_get(&z.zones[0], NB_ZI_MIN, &v));
	assert_int_equal(v, 2);
	assert_int_equal(z.zones[0].nr_protection, 2);
	nb_zoneinfo_release(&z);
	assert_int_equal(nb_zoneinfo_parse(kernels[6].text, strlen(kernels[6].text), &z, NULL), 0);
	assert_false(nb_zoneinfo_get(&z.zones[0], NB_ZI_FREE, NULL));
	assert_true(z.cut);
	nb_zoneinfo_release(&z);
	assert_int_equal(nb_zoneinfo_parse(kernels[0].text, strlen(kernels[0].text), &z, NULL), 0);
	assert_int_equal(z.zones[0].nr_pagesets, 2);
	assert_int_equal(z.zones[0].pagesets[1].hot_cold, 1);
	assert_int_equal(z.zones[0].pagesets[1].batch, 15);
	nb_zoneinfo_release(&z);
}

static void test_refused(void **state)
{
	static const char nul[] = "Node 0, zone DMA\n  pages\0free";
	struct nb_zoneinfo z;

	(void)state;
	EXPECT_REFUSED("", 0, &z, nb_zoneinfo_parse, 0, "no zone");
	EXPECT_REFUSED("hello\n", 6, &z, nb_zoneinfo_parse, 1, "Node N, zone NAME");
	EXPECT_REFUSED(nul, sizeof(nul) - 1, &z, nb_zoneinfo_parse, 2, "NUL");
	EXPECT_REFUSED("Node 0, zone DMA\n  min x\n", 25, &z, nb_zoneinfo_parse, 2, "whole number");
	EXPECT_REFUSED("Node 0, zone DMA\n  min 18446744073709551616\n", 44, &z, nb_zoneinfo_parse,
		       2, "2^64");
	EXPECT_REFUSED("Node 0, zone DMA\nNode x\n", 24, &z, nb_zoneinfo_parse, 2,
		       "found \"Node x\"");
	EXPECT_REFUSED("Node 0, zone DMA\n  protection: (1, 2\n", 37, &z, nb_zoneinfo_parse, 2,
		       "\")\"");
}

static void test_json(void **state)
{
	struct nb_zoneinfo z;
	const json_t *zone;
	json_t *j;

	(void)state;
	assert_int_equal(nb_zoneinfo_parse(text_612, strlen(text_612), &z, NULL), 0);
	j = nb_zoneinfo_json(&z);
	zone = json_array_get(json_object_get(j, "zones"), 0);
	assert_int_equal(json_integer_value(json_object_get(zone, "node")), 1);
	assert_string_equal(json_string_value(json_object_get(zone, "zone")), "DMA32");
	assert_int_equal(json_integer_value(json_object_get(zone, "free_pages")), 488681);
	assert_int_equal(json_integer_value(json_object_get(zone, "promo_pages")), 19559);
	assert_int_equal(json_integer_value(json_object_get(zone, "start_pfn")), 4096);
	assert_int_equal(json_array_size(json_object_get(zone, "protection_pages")), 3);
	assert_int_equal(json_array_size(json_object_get(zone, "per_cpu")), 1);
	json_decref(j);
	nb_zoneinfo_release(&z);
}

/* Expect each profile's own lines. */
static void test_from_system(void **state)
{
	struct {
		const char *kernel, *has, *lacks;
	} t[] = {
		{"6.12", "        promo    ", "high_min:"},
		{"6.1", "        cma      ", "        promo    "},
		{"6.18", "              high_min: ", "nr_bounce"},
		{"2.6.24", "  prev_priority:     12\n  start_pfn:         ", "per-node stats"},
		{"3.10", "\n        scanned  0\n        spanned  ", "per-node stats"},
		{"3.10", "\n    nr_written   0\n    numa_hit     0\n", "\n        cma "},
		{"3.10", "\n  all_unreclaimable: 0\n  start_pfn:         ", "prev_priority"},
		{"3.10", "\n  inactive_ratio:    1\n", "pcp: 0"},
		{"4.18", "\n      nr_written   0\n                   0\n  pages free ", "scanned"},
		{"4.18", "\n      nr_mlock     0\n      nr_page_table_pages 0\n", "cma      "},
		{"4.19", "\n      workingset_refault 0\n", "        boost "},
		{"5.4", "\n      workingset_restore 0\n", "        boost "},
		{"5.4", "\n      nr_kernel_misc_reclaimable 0\n  pages free ", "cma      "},
		{"5.10", "\n      nr_foll_pin_released 0\n      nr_kernel_stack 0\n", "cma      "},
		{"5.15", "\n        cma      0\n        protection: (", "        boost "},
		{"5.15", "\n      nr_swapcached 0\n  pages free ", "nr_throttled_written"},
		{"6.6", "\n        boost    0\n", "        promo "},
		{"6.6", "\n      pgpromote_candidate 0\n  pages free ", "nr_iommu_pages"},
		{"6.8", "\n      pgdemote_khugepaged 0\n  pages free ", "        promo "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *text = box_view(t[i].kernel, NB_ARCH_X86_64, "zoneinfo");
		struct nb_zoneinfo z;

		assert_non_null(strstr(text, t[i].has));
		assert_null(strstr(text, t[i].lacks));
		EXPECT_BACK(text, &z, nb_zoneinfo_parse, nb_zoneinfo_print);
		assert_non_null(nb_zoneinfo_find(&z, 2, "Normal"));
		nb_zoneinfo_release(&z);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),      cmocka_unit_test(test_changed),
		cmocka_unit_test(test_kernels),     cmocka_unit_test(test_values_of_raw),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_json),
		cmocka_unit_test(test_from_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
