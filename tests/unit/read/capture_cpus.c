/* capture_cpus.c -- tests of src/read/capture_cpus.c: CPUs, their nodes, their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define CPU(n, name) "sys/devices/system/cpu/cpu" #n "/" name
#define NODE(n, name) "sys/devices/system/node/node" #n "/" name
#define ZONES                                                                                      \
	{                                                                                          \
		"proc/zoneinfo", "Node 0, zone Normal\n  managed  262144\nNode 1, zone Normal\n  " \
				 "managed  262144\n"                                               \
	}

static void test_sysfs(void **state)
{
	struct made m;
	const struct nb_cpu *c;

	(void)state;
	must_make(&m, (struct text_file[]){
			      ZONES,
			      {NODE(0, "cpulist"), "0,2\n"},
			      {NODE(1, "cpulist"), "1\n"},
			      {"sys/devices/system/cpu/online", "0-2\n"},
			      {CPU(0, "topology/physical_package_id"), "0\n"},
			      {CPU(0, "topology/die_id"), "-1\n"},
			      {CPU(0, "topology/cluster_id"), "65535\n"},
			      {CPU(0, "topology/core_id"), "3\n"},
			      {CPU(0, "cache/index0/shared_cpu_list"), "0\n"},
			      {CPU(0, "cache/index3/shared_cpu_list"), "0,2\n"},
			      {CPU(1, "topology/core_id"), "0\n"},
			      {CPU(2, "topology/core_id"), "4\n"},
			      {CPU(2, "cache/index3/shared_cpu_map"), "00000000,00000005\n"},
			      {CPU(3, "topology/physical_package_id"), "0\n"},
			      {NULL, NULL}});
	assert_int_equal(m.machine->nr_cpus, 4);
	c = m.machine->cpus;
	assert_int_equal(c[0].nid, 0);
	assert_int_equal(c[1].nid, 1);
	assert_int_equal(c[2].nid, 0);
	assert_int_equal(c[3].nid, 0); /* off line: the node of its package */
	assert_true(c[2].online);
	assert_false(c[3].online);
	assert_int_equal(c[0].package, 0);
	assert_int_equal(c[0].die, -1);
	assert_int_equal(c[0].cluster, -1);
	assert_int_equal(c[0].core, 3);
	assert_int_equal(c[0].llc, 0);
	assert_int_equal(c[2].llc, 0);
	assert_int_equal(c[1].llc, -1);
	unmake(&m);
}

static void test_masks(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){ZONES,
					   {NODE(0, "cpumap"), "00000000,00000001\n"},
					   {NODE(1, "cpumap"), "00000002,80000000\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_cpus, 3);
	assert_int_equal(m.machine->cpus[1].id, 31);
	assert_int_equal(m.machine->cpus[2].id, 33);
	assert_int_equal(m.machine->cpus[2].nid, 1);
	unmake(&m);
}

/* The SRAT names APIC ids; cpuinfo says whose they are. */
static void test_apic_ids(void **state)
{
	struct made m;

	(void)state;
	must_make(
		&m,
		(struct text_file[]){
			{"dmesg", "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
				  "SRAT: PXM 0 -> APIC 0x10 -> Node 0\n"
				  "SRAT: PXM 1 -> APIC 0x20 -> Node 1\n"
				  "SRAT: Node 0 PXM 0 [mem 0x00000000-0x3fffffff]\n"
				  "SRAT: Node 1 PXM 1 [mem 0x40000000-0x7fffffff]\n"},
			{"proc/cpuinfo", "processor\t: 0\napicid\t\t: 32\n\n"
					 "processor\t: 1\napicid\t\t: 16\ninitial apicid\t: 99\n"},
			{NULL, NULL}});
	assert_int_equal(m.machine->nr_cpus, 2);
	assert_int_equal(m.machine->cpus[0].nid, 1);
	assert_int_equal(m.machine->cpus[1].nid, 0);
	unmake(&m);
}

static void test_lesser_sources(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      ZONES, {"dmesg", ".... node  #1, CPUs:   #1 #2\n"}, {NULL, NULL}});
	assert_int_equal(m.machine->nr_cpus, 3);
	assert_int_equal(m.machine->cpus[0].nid, 0);
	assert_int_equal(m.machine->cpus[2].nid, 1);
	unmake(&m);
	must_make(&m,
		  (struct text_file[]){{"proc/zoneinfo",
					"Node 0, zone Normal\n        managed  262144\n  pagesets\n"
					"    cpu: 0\n              count: 1\n"
					"    cpu: 5\n              count: 1\n"},
				       {NULL, NULL}});
	assert_int_equal(m.machine->nr_cpus, 2);
	assert_int_equal(m.machine->cpus[1].id, 5);
	unmake(&m);
	must_make(&m, (struct text_file[]){ZONES, {NULL, NULL}});
	assert_int_equal(m.machine->nr_cpus, 1);
	assert_true(has_note(&m, "CPUs: not in the capture"));
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysfs),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_apic_ids),
		cmocka_unit_test(test_lesser_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
