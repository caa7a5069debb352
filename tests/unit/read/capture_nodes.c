/* capture_nodes.c -- tests of src/read/capture_nodes.c: nodes and distances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define NODE(n, name) "sys/devices/system/node/node" #n "/" name
#define ONLINE "sys/devices/system/node/online"
#define MEM(n)                                                            \
	{                                                                 \
		NODE(n, "meminfo"), "Node " #n " MemTotal:  1048576 kB\n" \
	}

static void test_sysfs(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{ONLINE, "0,3\n"},
					   MEM(0),
					   MEM(3),
					   {NODE(0, "distance"), "10 21\n"},
					   {NODE(3, "distance"), "31 10\n"},
					   {"sys/devices/system/node/has_generic_initiator", "3\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 2);
	assert_int_equal(m.machine->nodes[1].id, 3);
	assert_true(m.machine->nodes[1].generic_initiator);
	assert_false(m.machine->nodes[0].generic_initiator);
	assert_int_equal(nb_machine_distance(m.machine, 0, 3), 21);
	assert_int_equal(nb_machine_distance(m.machine, 3, 0), 31);
	unmake(&m);
}

static void test_directories_alone(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){MEM(0), MEM(10), {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 2);
	assert_int_equal(m.machine->nodes[1].id, 10);
	assert_null(m.machine->distances);
	assert_int_equal(nb_machine_distance(m.machine, 0, 10), 20);
	assert_true(has_note(&m, "distances: not in the capture"));
	unmake(&m);
}

/* A node of the tables that is not on line, and one that only the tables know. */
static void test_tables(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      {"dmesg",
			       "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
			       "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x7fffffff]\n"
			       "ACPI: SRAT: Node 1 PXM 1 [mem 0x100000000-0x17fffffff] hotplug\n"},
			      {ONLINE, "0\n"},
			      {NODE(0, "distance"), "10\n"},
			      {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 2);
	assert_true(m.machine->nodes[0].online);
	assert_false(m.machine->nodes[1].online);
	assert_int_equal(nb_machine_distance(m.machine, 0, 1), 20);
	unmake(&m);
}

static void test_numactl(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      {ONLINE, "0-1\n"},
			      MEM(0),
			      MEM(1),
			      {"numactl--hardware",
			       "available: 2 nodes (0-1)\nnode 0 cpus: 0\nnode 0 size: 1024 MB\n"
			       "node 0 free: 900 MB\nnode 1 cpus: 1\nnode 1 size: 1024 MB\n"
			       "node 1 free: 900 MB\nnode distances:\nnode   0   1 \n"
			       "  0:  10  17 \n  1:  28  10 \n"},
			      {NULL, NULL}});
	assert_int_equal(nb_machine_distance(m.machine, 0, 1), 17);
	assert_int_equal(nb_machine_distance(m.machine, 1, 0), 28);
	unmake(&m);
}

static void test_bad_rows(void **state)
{
	struct made m;

	(void)state;
	make_machine(&m, (struct text_file[]){{ONLINE, "0-1\n"},
					      MEM(0),
					      {NODE(0, "distance"), "10 x\n"},
					      {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL);
	assert_string_equal(m.err.file, "made/" NODE(0, "distance"));
	unmake(&m);
	/* a row of another length is another moment's: not used */
	must_make(&m, (struct text_file[]){{ONLINE, "0-1\n"},
					   MEM(0),
					   {NODE(0, "distance"), "10 21 31\n"},
					   {NULL, NULL}});
	assert_int_equal(nb_machine_distance(m.machine, 0, 1), 20);
	unmake(&m);
	make_machine(&m, (struct text_file[]){{ONLINE, "0-1\n"},
					      MEM(0),
					      {NODE(0, "distance"), "10 9\n"},
					      {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL); /* what no kernel has is said at sealing */
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysfs),    cmocka_unit_test(test_directories_alone),
		cmocka_unit_test(test_tables),   cmocka_unit_test(test_numactl),
		cmocka_unit_test(test_bad_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
