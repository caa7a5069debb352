/* tools.c -- tests of src/view/hardware.c, numastat.c, freemem.c and distance.c: tools' text. */
#include "form.h"

#include "box.h"
#include "view/distance.h"
#include "view/freemem.h"
#include "view/hardware.h"
#include "view/numastat.h"

static const char box_hardware[] = "available: 2 nodes (0,2)\n"
				   "node 0 cpus: 0 1\n"
				   "node 0 size: %u MB\n"
				   "node 0 free: %u MB\n"
				   "node 2 cpus: 2\n"
				   "node 2 size: %u MB\n"
				   "node 2 free: %u MB\n"
				   "node distances:\n"
				   "node   0   2 \n"
				   "  0:  10  21 \n"
				   "  2:  31  10 \n";

static void test_hardware_of_system(void **state)
{
	struct nb_node_info n0, n2;
	struct nb_text want = {0};
	struct box b;
	char *text = box_view("6.12", NB_ARCH_X86_64, "hardware");

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	assert_int_equal(nb_node_info(b.sys, 0, &n0), 0);
	assert_int_equal(nb_node_info(b.sys, 2, &n2), 0);
	box_shutdown(&b);
	nb_text_printf(&want, box_hardware, (unsigned)(n0.managed_pages >> 8),
		       (unsigned)(n0.free_pages >> 8), (unsigned)(n2.managed_pages >> 8),
		       (unsigned)(n2.free_pages >> 8));
	assert_string_equal(text, nb_text_str(&want));
	nb_text_release(&want);
	free(text);
}

static void test_hardware_parsed(void **state)
{
	static const char text[] = "available: 2 nodes (0,9)\nnode 0 cpus: 0 4 12\n"
				   "node 0 size: 1006 MB\nnode 0 free: <not available>\n"
				   "node 9 cpus:\nnode 9 size: <not available>\n"
				   "node 9 free: <not available>\n"
				   "No distance information available.\n";
	static const char old[] = "available: 1 nodes (0-0)\nnode 0 cpus: 0\nnode 0 size: 5 MB\n"
				  "node 0 free: 3 MB\nnode distances:\nnode   0\n  0:  10\n";
	struct nb_hardware h;

	(void)state;
	EXPECT_BACK(text, &h, nb_hardware_parse, nb_hardware_print);
	assert_null(h.raw);
	assert_int_equal(h.nr_nodes, 2);
	assert_int_equal(h.nodes[0].nr_cpus, 3);
	assert_int_equal(h.nodes[0].cpus[2], 12);
	assert_true(h.nodes[0].has_size);
	assert_false(h.nodes[0].has_free);
	assert_null(h.distances);
	nb_hardware_release(&h);
	EXPECT_BACK(old, &h, nb_hardware_parse, nb_hardware_print);
	assert_non_null(h.raw); /* another version's blanks */
	assert_int_equal(h.distances[0], 10);
	nb_hardware_release(&h);
	EXPECT_REFUSED("hello\n", 6, &h, nb_hardware_parse, 0, "no node");
	EXPECT_REFUSED("node 0 size: big MB\n", 20, &h, nb_hardware_parse, 1, "whole number");
	EXPECT_REFUSED("node 0 cpus: 0\n  1:  10\n", 24, &h, nb_hardware_parse, 2, "told of above");
	EXPECT_REFUSED("node 0 cpus: 0\n  0: \n", 21, &h, nb_hardware_parse, 2, "every node");
}

static void test_numastat(void **state)
{
	static const char text[] = "                           node0          node12\n"
				   "numa_hit                    2736            5317\n"
				   "other_node                   336            1522\n";
	struct nb_numastat n;
	char *box;

	(void)state;
	EXPECT_BACK(text, &n, nb_numastat_parse, nb_numastat_print);
	assert_null(n.raw);
	assert_int_equal(n.nids[1], 12);
	assert_string_equal(n.names[1], "other_node");
	assert_int_equal(n.values[3], 1522);
	nb_numastat_release(&n);
	EXPECT_REFUSED("node0\nnuma_hit x\n", 17, &n, nb_numastat_parse, 2, "whole number");
	EXPECT_REFUSED("who\n", 4, &n, nb_numastat_parse, 1, "columns");
	EXPECT_REFUSED("node0\n", 6, &n, nb_numastat_parse, 0, "no row");
	box = box_view("6.12", NB_ARCH_X86_64, "numastat");
	assert_memory_equal(box, "                           node0           node2\nnuma_hit ", 58);
	free(box);
}

static void test_distance(void **state)
{
	struct nb_distance d;

	(void)state;
	EXPECT_BACK(" 20 10\n", &d, nb_distance_parse, nb_distance_print);
	assert_true(d.leading_blank);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.v[0], 20);
	EXPECT_BACK("10 21 31", &d, nb_distance_parse, nb_distance_print);
	assert_int_equal(d.v[2], 31);
	EXPECT_REFUSED("", 0, &d, nb_distance_parse, 0, "nothing");
	EXPECT_REFUSED("10  20\n", 7, &d, nb_distance_parse, 1, "one blank");
	EXPECT_REFUSED("10 020\n", 7, &d, nb_distance_parse, 1, "one blank");
	EXPECT_REFUSED("10\n20\n", 6, &d, nb_distance_parse, 2, "single line");
	assert_int_equal(d.n, 3); /* unchanged by what was refused */
}

/* Expect what procps makes of the same meminfo. */
static void test_freemem(void **state)
{
	static const char meminfo[] = "MemTotal:       24684084 kB\nMemFree:        24227924 kB\n"
				      "MemAvailable:   24324576 kB\nBuffers:           10000 kB\n"
				      "Cached:           300000 kB\nShmem:              8872 kB\n"
				      "SReclaimable:      41972 kB\nSwapTotal:            10 kB\n"
				      "SwapFree:              4 kB\n";
	static const char table[] =
		"               total        used        free      shared  buff/cache   available\n"
		"Mem:        24684084      359508    24227924        8872      351972    24324576\n"
		"Swap:             10           6           4\n";
	struct nb_freemem f, again;
	struct nb_text t = {0};
	struct nb_meminfo m;

	(void)state;
	assert_int_equal(nb_meminfo_parse(meminfo, strlen(meminfo), &m, NULL), 0);
	nb_freemem_from_meminfo(&m, &f);
	nb_freemem_print(&f, &t);
	assert_string_equal(nb_text_str(&t), table);
	assert_int_equal(nb_freemem_parse(table, strlen(table), &again, NULL), 0);
	assert_memory_equal(&f, &again, sizeof(f));
	EXPECT_REFUSED("Swap: 1 2 3\n", 12, &again, nb_freemem_parse, 0, "Mem:");
	EXPECT_REFUSED("Mem: 1 2\n", 9, &again, nb_freemem_parse, 1, "whole numbers");
	nb_text_release(&t);
	nb_meminfo_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hardware_of_system),
		cmocka_unit_test(test_hardware_parsed),
		cmocka_unit_test(test_numastat),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_freemem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
