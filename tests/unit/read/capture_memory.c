/* capture_memory.c -- tests of src/read/capture_memory.c: the best source of memory wins, and says
 * so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define E820                                                              \
	"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n" \
	"BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
#define SRAT                                                     \
	"ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x3fffffff]\n" \
	"ACPI: SRAT: Node 1 PXM 1 [mem 0x40000000-0x7fffffff]\n"
#define EARLY                                                       \
	"Early memory node ranges\n"                                \
	"  node   0: [mem 0x0000000000001000-0x000000000009efff]\n" \
	"  node   0: [mem 0x0000000000100000-0x000000003fffffff]\n" \
	"  node   1: [mem 0x0000000040000000-0x000000007fffffff]\n"
#define NODE(n, name) "sys/devices/system/node/node" #n "/" name
#define TWO_NODES                                         \
	{                                                 \
		"sys/devices/system/node/online", "0-1\n" \
	}

static void expect_range(const struct nb_machine *m, unsigned i, uint64_t start, uint64_t end,
			 int nid)
{
	assert_true(i < m->nr_ranges);
	assert_int_equal(m->ranges[i].start, start);
	assert_int_equal(m->ranges[i].end, end);
	assert_int_equal(m->ranges[i].nid, nid);
}

/* With a map and affinity the kernel's rules decide; the ranges that it printed are not looked at.
 */
static void test_firmware(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"dmesg", E820 SRAT EARLY}, TWO_NODES, {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 2);
	assert_int_equal(m.machine->nr_affinity, 2);
	assert_int_equal(m.machine->nr_ranges, 0);
	assert_int_equal(m.machine->nr_nodes, 2);
	assert_true(has_note(&m, "firmware map from BIOS-e820"));
	assert_true(has_note(&m, "SRAT lines of dmesg"));
	unmake(&m);
}

/* One node needs no affinity. */
static void test_firmware_of_one_node(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"dmesg", E820}, {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 2);
	assert_int_equal(m.machine->nr_nodes, 1);
	unmake(&m);
}

/* Several nodes and no affinity: what the kernel printed is better than a guess. */
static void test_node_ranges(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"dmesg", E820 EARLY}, TWO_NODES, {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 0);
	assert_int_equal(m.machine->nr_ranges, 3);
	expect_range(m.machine, 2, 0x40000000, 0x80000000, 1);
	assert_true(has_note(&m, "node ranges of dmesg"));
	unmake(&m);
}

static void test_firmware_by_blocks(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){
			  {"derived/firmware_memmap.tsv",
			   "0x0\t0x9fbff\tSystem RAM\n0x100000\t0x1fffffff\tSystem RAM\n"},
			  {"derived/memory_blocks.tsv", "#block\tstate\tnode\n0\tonline\t0\n1\tonli"
							"ne\t0\n2\tonline\t1\n3\tonline\t1\n"},
			  TWO_NODES,
			  {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 3);
	expect_range(m.machine, 0, 0, 0x9f000, 0); /* whole pages */
	expect_range(m.machine, 1, 0x100000, 0x10000000, 0);
	expect_range(m.machine, 2, 0x10000000, 0x20000000, 1);
	assert_true(has_note(&m, "nodes by memory blocks"));
	unmake(&m);
}

static void test_iomem(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/iomem", "00001000-0009fbff : System RAM\n"
							  "00100000-3fffffff : System RAM\n"
							  "  01000000-01ffffff : Kernel code\n"
							  "fed00000-fed003ff : HPET 0\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 2);
	expect_range(m.machine, 1, 0x100000, 0x40000000, 0);
	unmake(&m);
}

static void test_memblock_of_debugfs(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){{"sys/kernel/debug/memblock/memory",
					"   0: 0x0000000040000000..0x00000000bfffffff    0 NONE\n"
					"   1: 0x00000000c0000000..0x000000013fffffff    1 NONE\n"},
				       TWO_NODES,
				       {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 2);
	expect_range(m.machine, 1, 0xc0000000, 0x140000000, 1);
	unmake(&m);
}

static void test_totals(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{NODE(0, "meminfo"), "Node 0 MemTotal:  1048576 kB\n"},
					   {NODE(1, "meminfo"), "Node 1 MemTotal:  2097152 kB\n"},
					   {NODE(2, "cpulist"), "0\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 3);
	expect_range(m.machine, 0, 0, 0x40000000, 0);
	expect_range(m.machine, 1, 0x40000000, 0x80000000,
		     1); /* the hole below 4 GiB is left out */
	expect_range(m.machine, 2, 0x100000000, 0x140000000, 1);
	assert_int_equal(m.machine->memory_source, NB_SOURCE_ESTIMATED);
	unmake(&m);
	must_make(&m,
		  (struct text_file[]){{"proc/meminfo", "MemTotal:  1048576 kB\n"}, {NULL, NULL}});
	expect_range(m.machine, 0, 0, 0x40000000, 0);
	unmake(&m);
}

static void test_nothing(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/cpuinfo", "processor\t: 0\n"}, {NULL, NULL}});
	assert_true(has_note(&m, "1 GiB a node assumed"));
	unmake(&m);
	make_machine(&m,
		     (struct text_file[]){{"proc/version", "Linux version 6.1\n"}, {NULL, NULL}});
	assert_int_equal(m.bad, -NB_ENOENT);
	unmake(&m);
	make_machine(
		&m, (struct text_file[]){{"proc/zoneinfo", "Node 0, zone Normal\n  pages free 3\n"},
					 {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL);
	assert_string_equal(m.err.file, "made/proc/zoneinfo");
	unmake(&m);
}

/* With numa=fake the nodes of sysfs are not the hardware's. */
static void test_emulated_nodes(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"dmesg", E820 EARLY},
					   {"proc/cmdline", "quiet numa=fake=2\n"},
					   TWO_NODES,
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 1);
	assert_int_equal(m.machine->nr_firmware, 2);
	unmake(&m);
}

static void test_limits(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"dmesg", E820 "875MB LOWMEM available.\n"
							  "  low ram: 0 - 36bfe000\n"},
					   {"proc/version", "Linux version 6.1-686 (x)\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->lowmem_end, 0x36bfe000);
	unmake(&m);
	/* a 1 GiB zone DMA, as on boards whose devices reach no further */
	must_make(&m, (struct text_file[]){{"proc/version", "Linux version 6.12-arm64 (x)\n"},
					   {"proc/zoneinfo",
					    "Node 0, zone DMA\n  spanned 262144\n  present "
					    "262144\n  managed 250000\n  start_pfn: 0\n"
					    "Node 0, zone DMA32\n  spanned 786432\n  present "
					    "700000\n  managed 690000\n  start_pfn: 262144\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->dma_limit, 0x40000000);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_firmware),       cmocka_unit_test(test_firmware_of_one_node),
		cmocka_unit_test(test_node_ranges),    cmocka_unit_test(test_firmware_by_blocks),
		cmocka_unit_test(test_iomem),          cmocka_unit_test(test_memblock_of_debugfs),
		cmocka_unit_test(test_totals),         cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_emulated_nodes), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
