/* capture_facts.c -- tests of src/read/capture_facts.c: managed pages, now and at boot. */
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
	"\n        cma      0\n  start_pfn:           " #start "\n"
#define LOG                                                               \
	"BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable\n" \
	"ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x1fffffff]\n"          \
	"ACPI: SRAT: Node 1 PXM 1 [mem 0x20000000-0x3fffffff]\n"
#define ZONES                                          \
	ZONE(0, "DMA", 3840, 3840, 3700, 256)          \
	ZONE(0, "DMA32", 126976, 126976, 120000, 4096) \
	ZONE(1, "DMA32", 131072, 131072, 100000, 131072)

static uint64_t at_init(const struct made *m, int nid, enum nb_zone_type type)
{
	const struct nb_zone_fact *f = nb_machine_zone_fact(m->machine, nid, type);

	assert_non_null(f);
	return f->managed_at_init_pages;
}

static void test_managed(void **state)
{
	struct made m;
	const struct nb_zone_fact *f;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES}, {"dmesg", LOG}, {NULL, NULL}});
	f = nb_machine_zone_fact(m.machine, 1, NB_ZONE_DMA32);
	assert_non_null(f);
	assert_int_equal(f->managed_pages, 100000);
	assert_int_equal(f->present_pages, 131072);
	assert_int_equal(f->cma_pages, 0);
	assert_int_equal(f->managed_at_init_pages, NB_UNKNOWN);
	assert_true(has_note(&m, "no boot log, taken as those of today"));
	unmake(&m);
}

/* The initrd lies across two nodes: each gets its part back. */
static void test_initrd_across_nodes(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES},
					   {"dmesg", LOG "RAMDISK: [mem 0x1ff00000-0x202fffff]\n"
							 "Freeing initrd memory: 4096K\n"},
					   {NULL, NULL}});
	assert_int_equal(at_init(&m, 0, NB_ZONE_DMA), 3700);
	assert_int_equal(at_init(&m, 0, NB_ZONE_DMA32), 120000 - 256);
	assert_int_equal(at_init(&m, 1, NB_ZONE_DMA32), 100000 - 768);
	unmake(&m);
}

static void test_kernel_by_iomem(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){
			  {"proc/zoneinfo", ZONES},
			  {"proc/iomem",
			   "00100000-3fffffff : System RAM\n  01000000-01ffffff : Kernel code\n"},
			  {"dmesg", LOG "Freeing unused kernel image (initmem) memory: 400K\n"},
			  {NULL, NULL}});
	assert_int_equal(at_init(&m, 0, NB_ZONE_DMA32), 120000 - 100);
	assert_int_equal(at_init(&m, 1, NB_ZONE_DMA32), 100000);
	unmake(&m);
}

/* Without iomem: the zone that lacks most, or 16 MiB without KASLR. */
static void test_kernel_without_iomem(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      {"proc/zoneinfo", ZONES},
			      {"dmesg", LOG "Freeing unused kernel image (initmem) memory: 400K\n"},
			      {NULL, NULL}});
	assert_int_equal(at_init(&m, 0, NB_ZONE_DMA32), 120000);
	assert_int_equal(at_init(&m, 1, NB_ZONE_DMA32), 100000 - 100);
	unmake(&m);
	must_make(&m, (struct text_file[]){
			      {"proc/zoneinfo", ZONES},
			      {"proc/cmdline", "nokaslr\n"},
			      {"dmesg", LOG "Freeing unused kernel image (initmem) memory: 400K\n"},
			      {NULL, NULL}});
	assert_int_equal(at_init(&m, 0, NB_ZONE_DMA32), 120000 - 100);
	unmake(&m);
}

static void test_impossible(void **state)
{
	struct made m;

	(void)state;
	make_machine(&m, (struct text_file[]){
				 {"proc/zoneinfo", ZONE(0, "DMA32", 1000, 1000, 1001, 4096)},
				 {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL);
	assert_int_equal(m.err.line, 1);
	assert_non_null(strstr(m.err.text, "1001"));
	unmake(&m);
}

/* Zones that the architecture's model lacks are left out; a zone twice is wrong. */
static void test_odd_zones(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){{"proc/version", "Linux version 5.10-s390x\n"},
				       {"proc/zoneinfo", "Node 0, zone DMA\n  managed 500000\n"
							 "Node 0, zone Normal\n  managed 500000\n"},
				       {NULL, NULL}});
	assert_int_equal(m.machine->nr_zone_facts, 1);
	unmake(&m);
	make_machine(&m, (struct text_file[]){{"proc/zoneinfo",
					       "Node 0, zone Normal\n  managed 500000\n"
					       "Node 0, zone Normal\n  managed 500000\n"},
					      {NULL, NULL}});
	assert_int_equal(m.bad, -NB_EINVAL);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_managed),         cmocka_unit_test(test_initrd_across_nodes),
		cmocka_unit_test(test_kernel_by_iomem), cmocka_unit_test(test_kernel_without_iomem),
		cmocka_unit_test(test_impossible),      cmocka_unit_test(test_odd_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
