/* bootlog.c -- tests of src/view/layout.c and zonelists.c. */
#include "form.h"

#include "box.h"
#include "view/layout.h"
#include "view/zonelists.h"

static const char log_612[] =
	"[    0.000000] Zone ranges:\n"
	"[    0.000000]   DMA      [mem 0x0000000000001000-0x0000000000ffffff]\n"
	"[    0.000000]   Normal   empty\n"
	"[    0.000000] Movable zone start for each node\n"
	"[    0.000000]   Node 3: 0x0000000200000000\n"
	"[    0.000000] Early memory node ranges\n"
	"[    0.000000]   node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
	"[    0.000000] Initmem setup node 0 [mem 0x0000000000001000-0x000000003fffffff]\n"
	"[    0.000000] Initmem setup node 1 as memoryless\n"
	"[    0.000000] On node 0, zone DMA: 1 pages in unavailable ranges\n"
	"[    0.000000]   DMA      of another section\n"
	"[    0.100000] Fallback order for Node 0: 0 1 \n"
	"[    0.100000] Fallback order for Node 1: 0 \n"
	"[    0.100000] Built 2 zonelists, mobility grouping on.  Total pages: 524157\n"
	"[    0.100000] Policy zone: DMA32\n"
	"[    3.227296] Fallback order for Node 1: 1 0 \n"
	"[    3.227687] Built 2 zonelists, mobility grouping off.  Total pages: 494266\n"
	"[    3.227752] Policy zone: Normal\n";

static void test_layout_log(void **state)
{
	struct nb_text t = {0};
	struct nb_layout l;

	(void)state;
	assert_int_equal(nb_layout_parse(log_612, strlen(log_612), &l, NULL), 0);
	assert_int_equal(l.zones.n, 2);
	assert_string_equal(l.zones.v[0].zone, "DMA");
	assert_true(l.zones.v[1].empty);
	assert_int_equal(l.movable.v[0].nid, 3);
	assert_true(l.movable.v[0].start == UINT64_C(0x200000000));
	assert_int_equal(l.nodes.v[0].end, 0x9efff);
	assert_int_equal(l.initmem.n, 2);
	assert_true(l.initmem.v[1].empty);
	nb_layout_print(&l, &t);
	assert_string_equal(nb_text_str(&t),
			    "Zone ranges:\n"
			    "  DMA      [mem 0x0000000000001000-0x0000000000ffffff]\n"
			    "  Normal   empty\n"
			    "Movable zone start for each node\n"
			    "  Node 3: 0x0000000200000000\n"
			    "Early memory node ranges\n"
			    "  node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
			    "Initmem setup node 0 [mem 0x0000000000001000-0x000000003fffffff]\n"
			    "Initmem setup node 1 as memoryless\n");
	nb_text_release(&t);
	nb_layout_release(&l);
}

/* Expect frame numbers, decimal or hex, ends exclusive, to be bytes. */
static void test_layout_old(void **state)
{
	static const char old[] =
		"Zone PFN ranges:\n  DMA      0x00000001 -> 0x00001000\n"
		"  Normal       4096 ->   262144\n"
		"  HighMem    262144 ->   262144\n"
		"Movable zone start PFN for each node\n"
		"early_node_map[1] active PFN ranges\n    0:        1 ->   262144\n";
	struct nb_layout l;

	(void)state;
	assert_int_equal(nb_layout_parse(old, strlen(old), &l, NULL), 0);
	assert_true(l.pfns);
	assert_int_equal(l.zones.v[0].start, 0x1000);
	assert_int_equal(l.zones.v[0].end, 0xffffff);
	assert_int_equal(l.zones.v[1].end, 0x3fffffff);
	assert_true(l.zones.v[2].empty);
	assert_int_equal(l.nodes.v[0].end, 0x3fffffff);
	nb_layout_release(&l);
}

static void test_layout_refused(void **state)
{
	struct nb_layout l;

	(void)state;
	assert_int_equal(nb_layout_parse("hello\n", 6, &l, NULL), -NB_ENOENT);
	EXPECT_REFUSED("Zone ranges:\n  DMA      [mem 0x5-0x4]\n", 38, &l, nb_layout_parse, 2,
		       "zone range");
	EXPECT_REFUSED("Early memory node ranges\n  node 5000: [mem 0x0-0x1]\n", 52, &l,
		       nb_layout_parse, 2, "below 1024");
}

static void test_layout_of_system(void **state)
{
	char *text = box_view("6.12", NB_ARCH_X86_64, "layout");

	(void)state;
	assert_non_null(strstr(text, "  Normal   [mem 0x0000000100000000-0x000000013fffffff]\n"
				     "  Device   empty\n"
				     "Movable zone start for each node\n"
				     "Early memory node ranges\n"
				     "  node   0: [mem 0x"));
	assert_non_null(
		strstr(text, "Initmem setup node 2 [mem 0x0000000100000000-0x000000013fffffff]\n"));
	free(text);
	text = box_view("2.6.24", NB_ARCH_X86_64, "layout");
	assert_non_null(strstr(text, "Zone PFN ranges:\n"));
	assert_non_null(strstr(text, "  Normal    1048576 ->  1310720\n"));
	free(text);
}

/* Expect the last word on each list to count. */
static void test_zonelists_log(void **state)
{
	struct nb_zonelists z;
	struct nb_text t = {0};
	json_t *j;

	(void)state;
	assert_int_equal(nb_zonelists_parse(log_612, strlen(log_612), &z, NULL), 0);
	nb_zonelists_print(&z, &t);
	assert_string_equal(nb_text_str(&t), "Fallback order for Node 0: 0 1 \n"
					     "Fallback order for Node 1: 1 0 \n"
					     "Policy zone: Normal\n");
	nb_text_clear(&t);
	nb_zonelists_print_built(&z, &t);
	assert_string_equal(
		nb_text_str(&t),
		"Built 2 zonelists, mobility grouping on.  Total pages: 524157\n"); /* as at boot */
	j = nb_zonelists_json(&z);
	assert_string_equal(json_string_value(json_object_get(j, "policy_zone")), "Normal");
	assert_int_equal(json_array_size(json_object_get(j, "nodes")), 2);
	json_decref(j);
	nb_text_release(&t);
	nb_zonelists_release(&z);
}

static void test_zonelists_old(void **state)
{
	static const char old[] =
		"Built 1 zonelists in Node order, mobility grouping on.  Total pages: 9\n";
	struct nb_zonelists z;

	(void)state;
	assert_int_equal(nb_zonelists_parse(old, strlen(old), &z, NULL), 0);
	assert_true(z.has_built && z.mobility_grouping);
	assert_int_equal(z.total_pages, 9);
	assert_null(z.policy_zone);
	nb_zonelists_release(&z);
	assert_int_equal(nb_zonelists_parse("x\n", 2, &z, NULL), -NB_ENOENT);
	EXPECT_REFUSED("Fallback order for Node 0: 0 x \n", 32, &z, nb_zonelists_parse, 1,
		       "node ids");
}

/* Expect distances to order the lists, and kernels without NUMA to print none. */
static void test_zonelists_of_system(void **state)
{
	char *text = box_view("6.12", NB_ARCH_X86_64, "zonelists");

	(void)state;
	assert_string_equal(text, "Fallback order for Node 0: 0 2 \n"
				  "Fallback order for Node 2: 2 0 \n"
				  "Policy zone: Normal\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout_log),          cmocka_unit_test(test_layout_old),
		cmocka_unit_test(test_layout_refused),      cmocka_unit_test(test_layout_of_system),
		cmocka_unit_test(test_zonelists_log),       cmocka_unit_test(test_zonelists_old),
		cmocka_unit_test(test_zonelists_of_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
