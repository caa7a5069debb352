/* zone.c -- tests of src/mm/zone.c: the zones of each architecture, what they hold, what is
 * managed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_text.h"

static void test_x86_64(void **state)
{
	/* 2 GiB nodes with the hole from 2 to 4 GiB: DMA and DMA32 on node 0, DMA32 has the hole in
	 * its possible range only. */
	struct boot_case c = {.ranges = "0 0-7fffffff, 1 100000000-17fffffff"};

	(void)state;
	boot_expect(
		&c, BOOT_LIMITS | BOOT_ZONES,
		"DMA 0-4096\nDMA32 4096-1048576\nNormal 1048576-1572864\n"
		"0 DMA 0 4096 4096\n0 DMA32 4096 520192 520192\n1 Normal 1048576 524288 524288\n");
	/* No memory above 4 GiB: no Normal. Both nodes have DMA32. */
	c.ranges = "0 0-3fffffff, 1 40000000-7fffffff";
	boot_expect(&c, BOOT_LIMITS | BOOT_ZONES,
		    "DMA 0-4096\nDMA32 4096-524288\n0 DMA 0 4096 4096\n0 DMA32 4096 258048 258048\n"
		    "1 DMA32 262144 262144 262144\n");
	/* 8 MiB: DMA alone, and it begins at the first page there is. */
	c.ranges = "0 100000-7fffff";
	boot_expect(&c, BOOT_LIMITS | BOOT_ZONES, "DMA 256-2048\n0 DMA 256 1792 1792\n");
	/* All above 4 GiB. */
	c.ranges = "0 100000000-13fffffff";
	boot_expect(&c, BOOT_LIMITS | BOOT_ZONES,
		    "Normal 1048576-1310720\n0 Normal 1048576 262144 262144\n");
}

/* Picture, GiB: node 0 |4-5|  |6-7|, node 1 |5-6|  |7-8|. Each spans the other's memory, which
 * counts as absent. */
static void test_interleaved(void **state)
{
	struct boot_case c = {.ranges = "0 100000000-13fffffff, 1 140000000-17fffffff, "
					"0 180000000-1bfffffff, 1 1c0000000-1ffffffff"};

	(void)state;
	boot_expect(&c, BOOT_ZONES,
		    "0 Normal 1048576 786432 524288\n1 Normal 1310720 786432 524288\n");
}

static void test_i386(void **state)
{
	struct boot_case c = {.arch = NB_ARCH_I386, .firmware = "ram 100000-7fffffff"};

	(void)state;
	/* Low memory of Debian's 6.1 kernels: to 0x36bfe000, 0x36ffe000 with PAE. */
	boot_expect(&c, BOOT_LIMITS, "DMA 256-4096\nNormal 4096-224254\nHighMem 224254-524288\n");
	c.arch = NB_ARCH_I386PAE;
	boot_expect(&c, BOOT_LIMITS, "DMA 256-4096\nNormal 4096-225278\nHighMem 225278-524288\n");
	c.cmdline = "vmalloc=384M";
	boot_expect(&c, BOOT_LIMITS, "DMA 256-4096\nNormal 4096-157694\nHighMem 157694-524288\n");
	/* What the boot log said counts. */
	c.lowmem_end = 0x30000000;
	boot_expect(&c, BOOT_LIMITS, "DMA 256-4096\nNormal 4096-196608\nHighMem 196608-524288\n");
	/* A small machine has no high memory. */
	c = (struct boot_case){.arch = NB_ARCH_I386, .firmware = "ram 100000-fffffff"};
	boot_expect(&c, BOOT_LIMITS | BOOT_ZONES,
		    "DMA 256-4096\nNormal 4096-65536\n0 DMA 256 3840 3840\n0 Normal 4096 61440 "
		    "61440\n");
	/* ZONE_MOVABLE takes from HighMem. */
	c.firmware = "ram 100000-7fffffff";
	c.cmdline = "movablecore=512M";
	boot_expect(&c, BOOT_ZONES,
		    "0 DMA 256 3840 3840\n0 Normal 4096 220158 220158\n"
		    "0 HighMem 224254 168962 168962\n0 Movable 393216 131072 131072\n");
}

static void test_arm(void **state)
{
	struct boot_case c = {.arch = NB_ARCH_ARM64, .ranges = "0 40000000-bfffffff"};

	(void)state;
	/* A 2 GiB machine has DMA alone. */
	boot_expect(&c, BOOT_LIMITS, "DMA 262144-786432\n");
	c.ranges = "0 40000000-13fffffff";
	boot_expect(&c, BOOT_LIMITS, "DMA 262144-1048576\nNormal 1048576-1310720\n");
	/* A device that reaches 1 GiB (Raspberry Pi 4): three zones. */
	c.ranges = "0 0-13fffffff";
	c.dma_limit = 0x40000000;
	boot_expect(&c, BOOT_LIMITS,
		    "DMA 0-262144\nDMA32 262144-1048576\nNormal 1048576-1310720\n");
	/* Memory begins above 4 GiB: all is DMA. */
	c.ranges = "0 8000000000-80ffffffff";
	c.dma_limit = 0;
	boot_expect(&c, BOOT_LIMITS, "DMA 134217728-135266304\n");
	/* Pages of 64 KiB. */
	c.ranges = "0 40000000-13fffffff";
	c.page_shift = 16;
	boot_expect(&c, BOOT_LIMITS, "DMA 16384-65536\nNormal 65536-81920\n");
	/* 32 bits: Normal and HighMem. */
	c = (struct boot_case){.arch = NB_ARCH_ARM, .firmware = "ram 80000000-bfffffff"};
	boot_expect(&c, BOOT_LIMITS | BOOT_ZONES,
		    "Normal 524288-720896\nHighMem 720896-786432\n0 Normal 524288 196608 196608\n"
		    "0 HighMem 720896 65536 65536\n");
	c.arch = NB_ARCH_OTHER;
	boot_expect(&c, BOOT_LIMITS, "Normal 524288-786432\n");
}

static void test_hot_added(void **state)
{
	struct boot_case c = {
		.firmware = "ram 0-3fffffff, ram 40000000-7fffffff",
		.srat = "0 0-3fffffff, 1 40000000-ffffffff",
		.ranges = "0 100000000-13fffffff hotadded, 1 80000000-87ffffff hotadded, "
			  "1 140000000-17fffffff hotadded movable"};

	(void)state;
	/* New memory widens the zone that its frames are in, or makes Normal, or Movable if it was
	 * onlined so. The possible ranges stay as boot made them. */
	boot_expect(
		&c, BOOT_RANGES | BOOT_LIMITS | BOOT_ZONES,
		"0 1000-9ffff\n0 100000-3fffffff\n1 40000000-7fffffff\n"
		"1 80000000-87ffffff hotadded\n0 100000000-13fffffff hotadded\n"
		"1 140000000-17fffffff hotadded\n"
		"DMA 1-4096\nDMA32 4096-524288\n"
		"0 DMA 1 4095 3999\n0 DMA32 4096 258048 258048\n0 Normal 1048576 262144 262144\n"
		"1 DMA32 262144 262144 262144\n1 Normal 524288 32768 32768\n"
		"1 Movable 1310720 262144 262144\n");
	/* Its node may not be there. */
	c.cmdline = "numa=off";
	boot_expect(&c, BOOT_ZONES,
		    "0 DMA 1 4095 3999\n0 DMA32 4096 520192 520192\n0 Normal 524288 786432 294912\n"
		    "0 Movable 1310720 262144 262144\n");
}

static void test_hot_added_is_ram_already(void **state)
{
	struct boot_case c = {.firmware = "ram 0-7fffffff",
			      .ranges = "0 40000000-4fffffff hotadded"};
	char *text = boot_error(&c);

	(void)state;
	assert_non_null(strstr(text, "0x40000000-0x4fffffff"));
	free(text);
}

/* Without observation: present less 64 bytes a present page, off the node's top. */
static void test_estimated(void **state)
{
	struct boot_case c = {.ranges = "0 0-7fffffff, 1 100000000-17fffffff"};

	(void)state;
	boot_expect(&c, BOOT_MANAGED,
		    "0 DMA managed 4096 init 4096 estimated\n0 DMA32 managed 512000 init 512000 "
		    "estimated\n"
		    "1 Normal managed 516096 init 516096 estimated\n");
	/* The top zone may be too small for it. */
	c.ranges = "0 0-ffffffff, 0 100000000-100ffffff";
	boot_expect(&c, BOOT_MANAGED,
		    "0 DMA managed 4096 init 4096 estimated\n"
		    "0 DMA32 managed 1032128 init 1032128 estimated\n"
		    "0 Normal managed 0 init 0 estimated\n");
	/* The map cannot lie in high memory. */
	c = (struct boot_case){
		.arch = NB_ARCH_I386, .firmware = "ram 1000000-6fffffff", .lowmem_end = 0x30000000};
	boot_expect(&c, BOOT_MANAGED,
		    "0 Normal managed 185408 init 185408 estimated\n"
		    "0 HighMem managed 262144 init 262144 estimated\n");
}

static void test_observed(void **state)
{
	struct boot_case c = {.ranges = "0 0-7fffffff",
			      .facts = "0 DMA managed 3840 init 3840 present 4096, "
				       "0 DMA32 managed 500000 init 490000 present 520192"};

	(void)state;
	boot_expect(
		&c, BOOT_MANAGED,
		"0 DMA managed 3840 init 3840 given\n0 DMA32 managed 500000 init 490000 given\n");
	/* Managed alone is enough. */
	c.facts = "0 DMA32 managed 500000";
	boot_expect(&c, BOOT_MANAGED,
		    "0 DMA managed 4096 init 4096 estimated\n0 DMA32 managed 500000 init 500000 "
		    "given\n");
	/* Another command line makes other zones: what was seen of the old ones says nothing of
	 * them. */
	c.facts =
		"0 DMA managed 3840 init 3840 present 4096, 0 DMA32 managed 500000 present 520192";
	c.cmdline = "movablecore=1G";
	boot_expect(
		&c, BOOT_MANAGED,
		"0 DMA managed 3840 init 3840 given\n0 DMA32 managed 258048 init 258048 estimated\n"
		"0 Movable managed 254208 init 254208 estimated\n");
	c.facts = "0 DMA32 managed 500000";
	boot_expect(&c, BOOT_MANAGED,
		    "0 DMA managed 4096 init 4096 estimated\n0 DMA32 managed 258048 init 258048 "
		    "estimated\n"
		    "0 Movable managed 253952 init 253952 estimated\n");
}

/* What lay in memory early and was given back late: so much less was managed when boot set
 * watermarks. */
static void test_freed_later(void **state)
{
	struct boot_case c = {
		.ranges = "0 0-7fffffff, 1 80000000-ffffffff",
		.facts = "0 DMA managed 3840, 0 DMA32 managed 500000, 1 DMA32 managed 520000",
		.early = "2000000-2ffffff freed 700, 7ff00000-7fffffff freed 256"};

	(void)state;
	boot_expect(&c, BOOT_MANAGED,
		    "0 DMA managed 3840 init 3840 given\n0 DMA32 managed 500000 init 499044 given\n"
		    "1 DMA32 managed 520000 init 520000 given\n");
	/* Over a border each zone has its part. */
	c.early = "fff000-1000fff freed 2, 7ff00000-800fffff freed 512";
	boot_expect(&c, BOOT_MANAGED,
		    "0 DMA managed 3840 init 3839 given\n0 DMA32 managed 500000 init 499743 given\n"
		    "1 DMA32 managed 520000 init 519744 given\n");
	/* Only facts have it: an estimate knows nothing of the image. */
	c.facts = "0 DMA managed 3840";
	boot_expect(
		&c, BOOT_MANAGED,
		"0 DMA managed 3840 init 3839 given\n0 DMA32 managed 512256 init 512256 estimated\n"
		"1 DMA32 managed 516096 init 516096 estimated\n");
	/* More than there is leaves nothing. */
	c.early = "0-ffffff freed 4503599627370495";
	boot_expect(
		&c, BOOT_MANAGED,
		"0 DMA managed 3840 init 0 given\n0 DMA32 managed 512256 init 512256 estimated\n"
		"1 DMA32 managed 516096 init 516096 estimated\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_64),      cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_i386),        cmocka_unit_test(test_arm),
		cmocka_unit_test(test_hot_added),   cmocka_unit_test(test_hot_added_is_ram_already),
		cmocka_unit_test(test_estimated),   cmocka_unit_test(test_observed),
		cmocka_unit_test(test_freed_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
