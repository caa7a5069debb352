/* capture_blocks.c -- tests of src/read/capture_blocks.c: memory blocks, and what was hot-added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/capture_priv.h"
#include "tree_of.h"

#define E820 "BIOS-e820: [mem 0x0000000000100000-0x000000001fffffff] usable\n"
#define MEMORY "sys/devices/system/memory/"
#define NODE0 "sys/devices/system/node/node0/"

static void expect(const struct nb_machine *m, unsigned i, uint64_t start, uint64_t end,
		   unsigned flags)
{
	assert_true(i < m->nr_ranges);
	assert_int_equal(m->ranges[i].start, start);
	assert_int_equal(m->ranges[i].end, end);
	assert_int_equal(m->ranges[i].flags, flags);
}

static void test_hot_added(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){
			  {"dmesg", E820},
			  {"derived/memory_blocks.tsv",
			   "#block\tstate\tremovable\tvalid_zones\tphys_index\tphys_device\tnode\n"
			   "0\tonline\t1\tnone\t0\t0\t0\n"
			   "3\tonline\t1\tDMA32\t3\t0\t0\n"
			   "32\tonline\t1\tNormal\t20\t0\t0\n"
			   "33\tonline\t1\tNormal\t21\t0\t0\n"
			   "34\toffline\t1\tNormal\t22\t0\t0\n"
			   "35\tonline\t1\tMovable\t23\t0\t0\n"
			   "36\tonline\t1\tMovable\t24\t0\t7\n"
			   "x\tonline\t1\tMovable\t24\t0\t0\n"},
			  {NULL, NULL}});
	/* blocks 0 and 3 touch the map; 34 is off; 36 is of a node that there is not */
	assert_int_equal(m.machine->nr_ranges, 2);
	expect(m.machine, 0, 32ull << 27, 34ull << 27, NB_RANGE_HOTADDED);
	expect(m.machine, 1, 35ull << 27, 36ull << 27, NB_RANGE_HOTADDED | NB_RANGE_MOVABLE);
	assert_true(has_note(&m, "hot-added memory: 384 MiB"));
	unmake(&m);
}

static void test_sysfs(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"dmesg", E820},
					   {MEMORY "block_size_bytes", "10000000\n"},
					   {NODE0 "memory0/x", ""},
					   {NODE0 "memory16/x", ""},
					   {NODE0 "memory17/x", ""},
					   {NODE0 "memory18/x", ""},
					   {NODE0 "memory_failure/x", ""},
					   {MEMORY "memory16/state", "online\n"},
					   {MEMORY "memory16/valid_zones", "Normal Movable\n"},
					   {MEMORY "memory17/state", "offline\n"},
					   {MEMORY "memory18/state", "online\n"},
					   {MEMORY "memory18/valid_zones", "Movable\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 2);
	expect(m.machine, 0, 0x100000000, 0x110000000, NB_RANGE_HOTADDED);
	expect(m.machine, 1, 0x120000000, 0x130000000, NB_RANGE_HOTADDED | NB_RANGE_MOVABLE);
	unmake(&m);
}

static void test_block_node(void **state)
{
	struct nb_block blocks[] = {{0x10000000, 0, false}, {0x20000000, 1, false}};
	struct nb_capture c = {.blocks = blocks, .nr_blocks = 2, .block_bytes = 0x8000000};
	uint64_t end;

	(void)state;
	assert_int_equal(nb_capture_block_node(&c, 0, &end), NB_NO_NODE);
	assert_int_equal(end, 0x10000000);
	assert_int_equal(nb_capture_block_node(&c, 0x17ffffff, &end), 0);
	assert_int_equal(end, 0x18000000);
	assert_int_equal(nb_capture_block_node(&c, 0x18000000, &end), NB_NO_NODE);
	assert_int_equal(end, 0x20000000);
	assert_int_equal(nb_capture_block_node(&c, 0x20000000, &end), 1);
	assert_int_equal(nb_capture_block_node(&c, 0x28000000, &end), NB_NO_NODE);
	assert_int_equal(end, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hot_added),
		cmocka_unit_test(test_sysfs),
		cmocka_unit_test(test_block_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
