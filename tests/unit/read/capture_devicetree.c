/* capture_devicetree.c -- tests of src/read/capture_devicetree.c: memory nodes of a device tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define BASE "sys/firmware/devicetree/base/"

static void expect(const struct nb_machine *m, unsigned i, uint64_t start, uint64_t end, int nid)
{
	assert_true(i < m->nr_ranges);
	assert_int_equal(m->ranges[i].start, start);
	assert_int_equal(m->ranges[i].end, end);
	assert_int_equal(m->ranges[i].nid, nid);
}

static void test_recorded(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/version", "Linux version 6.12-arm64 (x)\n"},
					   {"derived/devicetree_memory.txt",
					    "/sys/firmware/devicetree/base/memory@c0000000 "
					    "00000000c00000000000000080000000 node 00000001\n"
					    "/sys/firmware/devicetree/base/memory@40000000 "
					    "00000000400000000000000080000000 node 00000000\n"
					    "junk\n"
					    "/x zz node 00000000\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 2);
	assert_int_equal(m.machine->nr_ranges, 2);
	expect(m.machine, 0, 0x40000000, 0xc0000000, 0);
	expect(m.machine, 1, 0xc0000000, 0x140000000, 1);
	unmake(&m);
}

static void test_32_bit_cells(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/version", "Linux version 5.10-armmp (x)\n"},
					   {"derived/devicetree_memory.txt",
					    "/base/memory@60000000 6000000020000000\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->arch, NB_ARCH_ARM);
	expect(m.machine, 0, 0x60000000, 0x80000000, 0);
	unmake(&m);
}

/* Cells as the live tree has them, with zero bytes in them. */
static void test_live(void **state)
{
	static const unsigned char two[4] = {0, 0, 0, 2};
	static const unsigned char reg[32] = {0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0,
					      0, 0, 0, 1, 0,    0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0};
	struct nb_tree *t = tree_of((struct text_file[]){
		{"proc/version", "Linux version 6.12-arm64 (x)\n"}, {NULL, NULL}});
	struct made m = {0};

	(void)state;
	nb_tree_add(t, BASE "#address-cells", two, 4);
	nb_tree_add(t, BASE "#size-cells", two, 4);
	nb_tree_add(t, BASE "memory@40000000/reg", reg, 32);
	nb_tree_add(t, BASE "memory-controller/reg", reg, 32);
	nb_port_posix(&m.port, false);
	assert_int_equal(nb_capture_from_tree(t, &m.capture, NULL), 0);
	m.machine = nb_machine_new(&m.port);
	assert_int_equal(nb_capture_to_machine(m.capture, m.machine, false, NULL), 0);
	assert_int_equal(m.machine->nr_ranges, 2);
	expect(m.machine, 0, 0x40000000, 0x50000000, 0);
	expect(m.machine, 1, 0x100000000, 0x120000000, 0);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_32_bit_cells),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
