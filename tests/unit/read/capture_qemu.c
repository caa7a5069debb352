/* capture_qemu.c -- tests of src/read/capture_qemu.c: a recorder's note of the QEMU arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define ARGS                                                                          \
	"\"qemu_args\": [\"-machine\", \"q35\", \"-m\", \"2048M\", \"-smp\", \"2\", " \
	"\"-numa\", \"node,nodeid=0,cpus=0,mem=1024M\", "                             \
	"\"-numa\", \"node,nodeid=1,cpus=1,mem=1024M\", "                             \
	"\"-numa\", \"dist,src=0,dst=1,val=25\"]"
#define ZONES                                                                                   \
	{                                                                                       \
		"proc/zoneinfo", "Node 0, zone DMA32\n  managed 250000\nNode 1, zone DMA32\n  " \
				 "managed 250000\n"                                             \
	}

static void test_used_alone(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){ZONES,
					   {"machine.json", "{" ARGS ", \"cmdline\": \"quiet\", "
							    "\"kernel_key\": \"6.1\"}"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_nodes, 2);
	assert_int_equal(m.machine->nr_cpus, 2);
	assert_int_equal(m.machine->cpus[1].nid, 1);
	assert_int_equal(nb_machine_distance(m.machine, 0, 1), 25);
	assert_true(m.machine->nr_firmware > 0);
	assert_string_equal(m.machine->cmdline, "quiet");
	assert_string_equal(m.machine->profile->key, "6.1");
	assert_non_null(nb_machine_zone_fact(m.machine, 1, NB_ZONE_DMA32));
	unmake(&m);
}

/* Where the capture knows the hardware itself, the note gives what is still missing. */
static void test_distances_only(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      {"dmesg",
			       "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
			       "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x1fffffff]\n"
			       "ACPI: SRAT: Node 1 PXM 1 [mem 0x20000000-0x7fffffff]\n"},
			      {"machine.json", "{" ARGS "}"},
			      {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 1);
	assert_int_equal(nb_machine_distance(m.machine, 0, 1), 25);
	unmake(&m);
}

/* With other tables put in front the arguments say too little. */
static void test_other_tables(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      ZONES,
			      {"machine.json", "{" ARGS ", \"acpi_override_initrd\": \"x.cpio\"}"},
			      {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 0);
	assert_int_equal(nb_machine_distance(m.machine, 0, 1), 20);
	unmake(&m);
}

static void test_bad_arguments(void **state)
{
	struct made m;

	(void)state;
	make_machine(&m, (struct text_file[]){ZONES,
					      {"machine.json", "{\"qemu_args\": [\"-m\", 7]}"},
					      {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL);
	assert_string_equal(m.err.file, "made/machine.json");
	unmake(&m);
	make_machine(&m,
		     (struct text_file[]){ZONES,
					  {"machine.json", "{\"qemu_args\": [\"-m\", \"much\"]}"},
					  {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL);
	assert_non_null(strstr(m.err.text, "qemu_args"));
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_used_alone),
		cmocka_unit_test(test_distances_only),
		cmocka_unit_test(test_other_tables),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
