/* capture_spans.c -- tests of src/read/capture_spans.c: memory out of zoneinfo alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define ZONE(nid, name, spanned, present, managed, start)                          \
	"Node " #nid ", zone " name "\n  pages free 1\n        spanned  " #spanned \
	"\n        present  " #present "\n        managed  " #managed              \
	"\n  start_pfn:           " #start "\n"

static void expect(const struct nb_machine *m, unsigned i, uint64_t start_pfn, uint64_t end_pfn,
		   int nid)
{
	assert_true(i < m->nr_ranges);
	assert_int_equal(m->ranges[i].start >> 12, start_pfn);
	assert_int_equal(m->ranges[i].end >> 12, end_pfn);
	assert_int_equal(m->ranges[i].nid, nid);
}

/* x86's DMA zone: its hole ends at 1 MiB. */
static void test_legacy_hole(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/zoneinfo",
					    ZONE(0, "DMA", 4095, 3998, 3840, 1)
						    ZONE(0, "DMA32", 520159, 520159, 500000, 4096)},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 3);
	expect(m.machine, 0, 1, 0x9f, 0);
	expect(m.machine, 1, 0x100, 4096, 0);
	expect(m.machine, 2, 4096, 524255, 0);
	unmake(&m);
}

/* A hole whose place nobody tells: span and present count come out as printed. */
static void test_other_holes(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      {"proc/zoneinfo", ZONE(0, "DMA32", 100000, 90000, 80000, 4096)},
			      {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 2);
	expect(m.machine, 0, 4096, 4096 + 100000 - 512 - 10000, 0);
	expect(m.machine, 1, 4096 + 100000 - 512, 4096 + 100000, 0);
	unmake(&m);
}

/* A node that spans another one: the inner memory is the other's. */
static void test_interleaved(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/zoneinfo",
					    ZONE(0, "Normal", 300000, 200000, 190000, 1048576) ZONE(
						    1, "Normal", 100000, 100000, 90000, 1148576)},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 3);
	expect(m.machine, 0, 1048576, 1148576, 0);
	expect(m.machine, 1, 1148576, 1248576, 1);
	expect(m.machine, 2, 1248576, 1348576, 0);
	unmake(&m);
}

/* Managed pages alone: zones where the architecture has them, as large as what is managed. */
static void test_managed_alone(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/zoneinfo",
					    "Node 0, zone DMA\n  managed 3840\n"
					    "Node 0, zone DMA32\n  managed 498000\n"
					    "Node 0, zone Normal\n  managed 7700000\n"
					    "Node 1, zone Normal\n  managed 8200000\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_ranges, 4);
	expect(m.machine, 0, 1, 3841, 0);
	expect(m.machine, 1, 4096, 4096 + 498000, 0);
	expect(m.machine, 2, 1048576, 1048576 + 7700000, 0);
	expect(m.machine, 3, 1048576 + 7700000, 1048576 + 7700000 + 8200000, 1);
	assert_true(has_note(&m, "laid out by rule"));
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_legacy_hole),
		cmocka_unit_test(test_other_holes),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_managed_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
