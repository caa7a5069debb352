/* meminfo.c -- tests of src/view/meminfo.c and meminfo_fill.c. */
#include "form.h"

#include "box.h"
#include "view/meminfo.h"

static const struct {
	const char *what, *text, *name;
	int nid;
	uint64_t value;
} texts[] = {
	{"6.12",
	 "MemTotal:        2023520 kB\nHugePages_Total:       0\nVmallocTotal:   34359738367 kB\n",
	 "VmallocTotal", -1, 34359738367},
	{"narrow number", "HardwareCorrupted:     0 kB\nHardwareCorrupted: 123456 kB\n",
	 "HardwareCorrupted", -1, 0},
	{"2.6.26",
	 "MemTotal:     48258496 kB\nHugePages_Surp:      0\nHugepagesize:    262144 kB\n",
	 "Hugepagesize", -1, 262144},
	{"a node", "Node 1 MemTotal:         993064 kB\nNode 1 HugePages_Total:     0\n",
	 "MemTotal", 1, 993064},
	{"a node of 6.1", "Node 0 FileHugePages:        7 kB\n", "FileHugePages", 0, 7},
};

static void test_kernels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct nb_meminfo m;

		EXPECT_BACK(texts[i].text, &m, nb_meminfo_parse, nb_meminfo_print);
		if (nb_items_nr_raw(&m.items) || m.nid != texts[i].nid)
			fail_msg("%s: node %d, %zu raw", texts[i].what, m.nid,
				 nb_items_nr_raw(&m.items));
		assert_int_equal(nb_items_value(&m.items, texts[i].name, 99), texts[i].value);
		nb_meminfo_release(&m);
	}
}

/* Expect an old kernel's empty first line, another node's line and a cut one to come back. */
static void test_odd(void **state)
{
	static const char odd[] = "\nNode 2 MemTotal:      6045696 kB\nNode 3 MemFree:  1 kB\n"
				  "Node 2 MemFr";
	struct nb_meminfo m;

	(void)state;
	EXPECT_BACK(odd, &m, nb_meminfo_parse, nb_meminfo_print);
	assert_int_equal(m.nid, 2);
	assert_null(nb_items_find(&m.items, "MemFree"));
	assert_int_equal(nb_items_nr_raw(&m.items), 3);
	nb_meminfo_release(&m);
}

static void test_refused(void **state)
{
	struct nb_meminfo m;

	(void)state;
	EXPECT_REFUSED("", 0, &m, nb_meminfo_parse, 0, "no item");
	EXPECT_REFUSED("hello\n", 6, &m, nb_meminfo_parse, 0, "no item");
	EXPECT_REFUSED("MemTotal: 1 kB\nMemFree: lots kB\n", 32, &m, nb_meminfo_parse, 2,
		       "whole number");
}

static void test_json_keys(void **state)
{
	static const char text[] = "Active(anon):     1 kB\nHugePages_Total: 2\nDirectMap2M: 3 kB\n"
				   "KReclaimable: 4 kB\nCommitted_AS: 5 kB\nNFS_Unstable: 6 kB\n"
				   "ShmemPmdMapped: 7 kB\nDirectMap4k: 8 kB\n";
	static const char *const keys[] = {"active_anon_kib",      "huge_pages_total",
					   "direct_map_2m_kib",    "k_reclaimable_kib",
					   "committed_as_kib",     "nfs_unstable_kib",
					   "shmem_pmd_mapped_kib", "direct_map_4k_kib"};
	struct nb_meminfo m;
	json_t *j;

	(void)state;
	assert_int_equal(nb_meminfo_parse(text, strlen(text), &m, NULL), 0);
	j = nb_meminfo_json(&m);
	for (size_t i = 0; i < 8; i++) {
		if (!json_object_get(j, keys[i]))
			fail_msg("no %s", keys[i]);
		assert_int_equal(json_integer_value(json_object_get(j, keys[i])), i + 1);
	}
	json_decref(j);
	nb_meminfo_release(&m);
}

/* Expect sums over zones, and what follows from them. */
static void test_from_system(void **state)
{
	struct nb_system_info info;
	struct nb_node_info node;
	struct nb_meminfo m;
	struct box b;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	nb_system_info(b.sys, &info);
	nb_meminfo_from_system(b.sys, &m);
	assert_int_equal(nb_items_value(&m.items, "MemTotal", 0), info.managed_pages * 4);
	assert_int_equal(nb_items_value(&m.items, "MemFree", 0), info.free_pages * 4);
	assert_int_equal(nb_items_value(&m.items, "MemAvailable", 0),
			 (info.free_pages - info.totalreserve_pages) * 4);
	assert_int_equal(nb_items_value(&m.items, "CommitLimit", 0), info.managed_pages / 2 * 4);
	assert_int_equal(nb_items_value(&m.items, "Hugepagesize", 0), 2048);
	assert_non_null(nb_items_find(&m.items, "Unaccepted"));
	assert_null(nb_items_find(&m.items, "HighTotal"));
	nb_meminfo_release(&m);
	assert_int_equal(nb_node_info(b.sys, 2, &node), 0);
	assert_int_equal(nb_node_meminfo_from_system(b.sys, 2, &m), 0);
	assert_int_equal(m.nid, 2);
	assert_int_equal(nb_items_value(&m.items, "MemTotal", 0), node.managed_pages * 4);
	nb_meminfo_release(&m);
	assert_int_equal(nb_node_meminfo_from_system(b.sys, 1, &m), -NB_ENODEV);
	assert_int_equal(m.items.n, 0);
	box_shutdown(&b);
}

static void test_profiles(void **state)
{
	char *text;

	(void)state;
	text = box_view("6.1", NB_ARCH_X86_64, "node/0/meminfo");
	assert_non_null(strstr(text, "\nNode 0 FileHugePages:        0 kB\n"));
	free(text);
	text = box_view("6.12", NB_ARCH_X86_64, "node/0/meminfo");
	assert_non_null(strstr(text, "\nNode 0 FileHugePages:         0 kB\n"));
	free(text);
	text = box_view("2.6.24", NB_ARCH_X86_64, "meminfo");
	assert_non_null(strstr(text, "\nBuffers:             0 kB\n"));
	assert_non_null(strstr(text, "\nHugePages_Total:     0\n"));
	assert_null(strstr(text, "MemAvailable"));
	free(text);
	text = box_view("6.12", NB_ARCH_ARM64, "meminfo");
	assert_non_null(strstr(text, "\nCmaFree:               0 kB\n"));
	assert_null(strstr(text, "DirectMap"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),     cmocka_unit_test(test_odd),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_json_keys),
		cmocka_unit_test(test_from_system), cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
