/* numa.c -- tests of src/mm/numa.c: when the firmware's nodes are taken, and when they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "boot_text.h"

#define MAP "ram 0-9fbff, ram 100000-7fffffff"
#define ONE "0 1000-9efff\n0 100000-7fffffff\n"
#define FAKED "said Faking a node at [mem 0x0000000000000000-0x000000007fffffff]\n"
#define NONE "said No NUMA configuration found\n" FAKED

static void test_taken(void **state)
{
	struct boot_case c = {.firmware = MAP,
			      .srat = "0 0-9ffff, 0 100000-3fffffff, 1 40000000-7fffffff"};

	(void)state;
	boot_expect(
		&c, BOOT_SAID | BOOT_RANGES,
		"said NUMA: Node 0 [mem 0x00001000-0x0009ffff] + [mem 0x00100000-0x3fffffff] -> "
		"[mem 0x00001000-0x3fffffff]\n"
		"0 1000-9efff\n0 100000-3fffffff\n1 40000000-7fffffff\n");
	/* 6.1 begins at address 0. */
	c.kernel = "6.1";
	boot_expect(
		&c, BOOT_SAID,
		"said NUMA: Node 0 [mem 0x00000000-0x0009ffff] + [mem 0x00100000-0x3fffffff] -> "
		"[mem 0x00000000-0x3fffffff]\n");
}

/* Picture: node 0 |--|  |--|, node 1 between: nothing can be joined. */
static void test_interleaved(void **state)
{
	struct boot_case c = {.firmware = MAP,
			      .srat = "1 40000000-5fffffff, 0 60000000-7fffffff, 0 0-3fffffff"};

	(void)state;
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "0 1000-9efff\n0 100000-3fffffff\n1 40000000-5fffffff\n0 60000000-7fffffff\n");
}

static void test_uncovered(void **state)
{
	struct boot_case c = {.firmware = MAP, .srat = "0 0-3fffffff, 1 40000000-6fffffff"};

	(void)state;
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "said NUMA: no nodes coverage for 256MB of 2047MB RAM\n" NONE ONE);
	c.kernel = "6.1";
	boot_expect(
		&c, BOOT_SAID | BOOT_RANGES,
		"said NUMA: nodes only cover 1791MB of your 2047MB e820 RAM. Not used.\n" NONE ONE);
}

/* 1 MiB without a node: tolerated since 6.8, not before. It is nobody's then. */
static void test_slack(void **state)
{
	struct boot_case c = {.firmware = MAP, .srat = "0 0-3fffffff, 1 40000000-7fefffff"};

	(void)state;
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "0 1000-9efff\n0 100000-3fffffff\n1 40000000-7fefffff\n");
	c.kernel = "6.1";
	boot_expect(&c, BOOT_RANGES, ONE);
	c.srat = "0 0-3fffffff, 1 40000000-7ff00fff";
	boot_expect(&c, BOOT_RANGES, "0 1000-9efff\n0 100000-3fffffff\n1 40000000-7ff00fff\n");
}

static void test_overlap(void **state)
{
	struct boot_case c = {.firmware = MAP, .srat = "0 0-4fffffff, 1 40000000-7fffffff"};

	(void)state;
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "said NUMA: node 0 [mem 0x00001000-0x4fffffff] overlaps with node 1 [mem "
		    "0x40000000-0x7fffffff]\n" NONE ONE);
	/* With itself it may. */
	c.srat = "0 0-4fffffff, 0 40000000-7fffffff";
	boot_expect(&c, BOOT_RANGES, ONE);
	/* Inside another, behind a third. */
	c.srat = "0 0-7fffffff, 0 10000000-1fffffff, 1 20000000-2fffffff";
	boot_expect(&c, BOOT_RANGES, ONE);
}

static void test_switched_off(void **state)
{
	struct boot_case c = {.firmware = MAP, .srat = "0 0-3fffffff, 1 40000000-7fffffff"};

	(void)state;
	c.cmdline = "numa=off";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES, "said NUMA turned off\n" FAKED ONE);
	c.cmdline = "numa=noacpi";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES, NONE ONE);
	c.cmdline = "acpi=off";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES, NONE ONE);
	c.srat = NULL;
	c.cmdline = NULL;
	boot_expect(&c, BOOT_SAID | BOOT_RANGES, NONE ONE);
	/* Node ranges are no firmware, but numa=off holds for them, too. */
	c.firmware = NULL;
	c.ranges = "0 0-3fffffff, 1 40000000-7fffffff";
	c.cmdline = "numa=off";
	boot_expect(&c, BOOT_RANGES, "0 0-7fffffff\n");
}

/* Blocks past the end of RAM, or in a hole, are not looked at. */
static void test_blocks_without_ram(void **state)
{
	struct boot_case c = {.firmware = MAP,
			      .srat = "0 0-3fffffff, 1 40000000-ffffffff, 0 80000000-8fffffff, 2 "
				      "100000000-1ffffffff"};

	(void)state;
	boot_expect(&c, BOOT_RANGES | BOOT_CPUS,
		    "0 1000-9efff\n0 100000-3fffffff\n1 40000000-7fffffff\n"
		    "0 cpus 0\n1 cpus \n2 cpus  offline\nnodes of CPUs 0\n");
}

static void test_too_many(void **state)
{
	struct boot_case c = {.firmware = "ram 0-ffffffff"};
	struct nb_text srat = {0};

	(void)state;
	for (unsigned i = 0; i < 2049; i++)
		nb_text_printf(&srat, "%s%u %x-%x", i ? ", " : "", i % 2, i << 16,
			       (i << 16) + 0xffff);
	nb_text_puts(&srat, ", 0 8010000-ffffffff");
	c.srat = srat.s;
	boot_expect(&c, BOOT_SAID,
		    "said NUMA: too many memblk ranges\nsaid No NUMA configuration found\n"
		    "said Faking a node at [mem 0x0000000000000000-0x00000000ffffffff]\n");
	nb_text_release(&srat);
}

static void test_other_architectures(void **state)
{
	struct boot_case c = {.arch = NB_ARCH_ARM64,
			      .firmware = "ram 40000000-bfffffff",
			      .srat = "0 40000000-7fffffff, 1 80000000-bfffffff"};

	(void)state;
	boot_expect(&c, BOOT_SAID | BOOT_RANGES, "0 40000000-7fffffff\n1 80000000-bfffffff\n");
	/* Every page must have a node there. */
	c.srat = "0 40000000-7fffffff, 1 80000000-bfffefff";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "said NUMA: no nodes coverage for 0MB of 2048MB RAM\n"
		    "said NUMA: Faking a node at [mem 0x0000000040000000-0x00000000bfffffff]\n"
		    "0 40000000-bfffffff\n");
	/* Debian's i386 has no NUMA, and says nothing. */
	c.arch = NB_ARCH_I386;
	c.firmware = MAP;
	c.srat = "0 0-3fffffff, 1 40000000-7fffffff";
	c.cpus = "0 1";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES | BOOT_CPUS, ONE "0 cpus 0-1\nnodes of CPUs 0 0\n");
	/* Others are taken as they are told. */
	c = (struct boot_case){.arch = NB_ARCH_OTHER,
			       .ranges = "2 0-3fffffff, 5 40000000-7fffffff"};
	boot_expect(&c, BOOT_SAID | BOOT_RANGES, "2 0-3fffffff\n5 40000000-7fffffff\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_uncovered),
		cmocka_unit_test(test_slack),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_blocks_without_ram),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_other_architectures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
