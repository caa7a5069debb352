/* movable.c -- tests of src/mm/movable.c: where ZONE_MOVABLE begins. Starts are pfns: 1 GiB is
 * 262144.
 *
 * The machines have memory below 4 GiB on node 0 alone unless said otherwise; Normal begins at 4
 * GiB (pfn 1048576), and Movable takes from Normal, so that memory below counts as the kernel's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_text.h"

/* node 0: 2 GiB low + 2 GiB from 4 GiB; node 1: 4 GiB from 6 GiB. */
#define TWO "0 0-7fffffff, 0 100000000-17fffffff, 1 180000000-27fffffff"

static void movable(const char *ranges, const char *cmdline, const char *want)
{
	struct boot_case c = {.ranges = ranges, .cmdline = cmdline};

	boot_expect(&c, BOOT_MOVABLE, want);
}

static void test_sizes(void **state)
{
	(void)state;
	movable(TWO, NULL, "");
	/* 4 GiB for the kernel: 2 on each node. Node 0 has them below 4 GiB, so its Normal is all
	 * movable; node 1 keeps its first 2. */
	movable(TWO, "kernelcore=4G", "movable 0 1048576\nmovable 1 2097152\n");
	movable(TWO, "movablecore=4G", "movable 0 1048576\nmovable 1 2097152\n");
	/* 6 GiB: 3 on each. */
	movable(TWO, "kernelcore=6G", "movable 0 1310720\nmovable 1 2359296\n");
	movable(TWO, "movablecore=2G", "movable 0 1310720\nmovable 1 2359296\n");
	/* 2 GiB: 1 on each; node 0's low memory is more than that and counts all of it, which
	 * leaves node 1 nothing: it starts at its first page. */
	movable(TWO, "kernelcore=2G", "movable 0 1048576\nmovable 1 1572864\n");
	/* As much as there is, or more, or nothing: no Movable. */
	movable(TWO, "kernelcore=8G", "");
	movable(TWO, "kernelcore=100G", "");
	movable(TWO, "kernelcore=0", "");
	movable(TWO, "movablecore=0", "");
	/* All movable is asked: the kernel's share is nothing, which means no request at all. */
	movable(TWO, "movablecore=100G", "");
	/* The greater share for the kernel wins. */
	movable(TWO, "kernelcore=6G movablecore=4G", "movable 0 1310720\nmovable 1 2359296\n");
	movable(TWO, "kernelcore=1G movablecore=2G", "movable 0 1310720\nmovable 1 2359296\n");
}

static void test_percent(void **state)
{
	(void)state;
	movable(TWO, "kernelcore=50%", "movable 0 1048576\nmovable 1 2097152\n");
	movable(TWO, "movablecore=25%", "movable 0 1310720\nmovable 1 2359296\n");
	movable(TWO, "kernelcore=0%", "");
	movable(TWO, "kernelcore=100%", "");
	/* The last one counts; a size after a share takes its place. */
	movable(TWO, "kernelcore=10% kernelcore=75%", "movable 0 1310720\nmovable 1 2359296\n");
	movable(TWO, "kernelcore=10% kernelcore=6G", "movable 0 1310720\nmovable 1 2359296\n");
}

/* What a small node cannot give, the others do, in another round. */
static void test_rounds(void **state)
{
	(void)state;
	/* 1 + 4 + 4 GiB above 4 GiB, 6 GiB for the kernel: 2 each, node 0 has 1; of the last GiB
	 * nodes 1 and 2 get a half each: 2.5 GiB. */
	movable("0 100000000-13fffffff, 1 140000000-23fffffff, 2 240000000-33fffffff",
		"kernelcore=6G", "movable 1 1966080\nmovable 2 3014656\n");
}

static void test_rounding(void **state)
{
	(void)state;
	/* Up to 4 MiB; past the node's end there is none. */
	movable("0 100000000-17fffffff", "kernelcore=1025M", "movable 0 1311744\n");
	movable("0 100000000-17fffffff", "kernelcore=1026M", "movable 0 1311744\n");
	movable("0 100000000-1001fffff", "kernelcore=1M", "");
	/* movablecore= is rounded up first: 3 MiB are 4. */
	movable("0 100000000-13fffffff", "movablecore=3M", "movable 0 1309696\n");
}

/* All memory below 4 GiB: Movable takes from DMA32. */
static void test_low_machine(void **state)
{
	struct boot_case c = {.ranges = "0 0-7fffffff", .cmdline = "movablecore=1G"};

	(void)state;
	boot_expect(&c, BOOT_MOVABLE | BOOT_ZONES,
		    "movable 0 262144\n0 DMA 0 4096 4096\n0 DMA32 4096 258048 258048\n"
		    "0 Movable 262144 262144 262144\n");
	/* 2.6.7 knows no such zone. */
	c.kernel = "2.6.7";
	boot_expect(&c, BOOT_MOVABLE | BOOT_ZONES,
		    "0 DMA 0 4096 4096\n0 Normal 4096 520192 520192\n");
}

static void test_movable_node(void **state)
{
	struct boot_case c = {.firmware = "ram 0-7fffffff, ram 100000000-1ffffffff",
			      .srat = "0 0-7fffffff, 0 100000000-13fffffff, 1 140000000-17fffffff, "
				      "1 180000000-1ffffffff hotplug",
			      .cmdline = "movable_node"};

	(void)state;
	boot_expect(&c, BOOT_MOVABLE | BOOT_ZONES,
		    "movable 1 1572864\n0 DMA 1 4095 3999\n0 DMA32 4096 1044480 520192\n"
		    "0 Normal 1048576 262144 262144\n1 Normal 1310720 262144 262144\n"
		    "1 Movable 1572864 524288 524288\n");
	/* Other requests are not looked at then. */
	c.cmdline = "movable_node kernelcore=1G";
	boot_expect(&c, BOOT_MOVABLE, "movable 1 1572864\n");
	/* Without the word the flag means nothing. */
	c.cmdline = NULL;
	boot_expect(&c, BOOT_MOVABLE, "");
	/* A node that holds the kernel is not given away. */
	c.cmdline = "movable_node";
	c.srat = "0 0-7fffffff hotplug, 0 100000000-13fffffff hotplug, 1 140000000-1ffffffff "
		 "hotplug";
	boot_expect(&c, BOOT_MOVABLE, "movable 1 1310720\n");
	/* Nor one that holds the initrd. */
	c.early = "1000000-2ffffff freed 0, 1f0000000-1f0ffffff freed 0";
	boot_expect(&c, BOOT_MOVABLE, "");
}

static void test_mirror(void **state)
{
	/* Low memory and 1 GiB of each node are mirrored. */
	struct boot_case c = {.firmware =
				      "ram 100000-7fffffff mirror, ram 100000000-13fffffff mirror, "
				      "ram 140000000-17fffffff, ram 180000000-1bfffffff mirror, "
				      "ram 1c0000000-1ffffffff",
			      .srat = "0 0-7fffffff, 0 100000000-17fffffff, 1 180000000-1ffffffff",
			      .cmdline = "kernelcore=mirror"};

	(void)state;
	/* Normal is not cut: it spans Movable, and each counts the other's pages as absent. */
	boot_expect(&c, BOOT_MOVABLE | BOOT_ZONES,
		    "movable 0 1310720\nmovable 1 1835008\n0 DMA 256 3840 3840\n"
		    "0 DMA32 4096 1044480 520192\n0 Normal 1048576 524288 262144\n"
		    "0 Movable 1310720 262144 262144\n1 Normal 1572864 524288 262144\n"
		    "1 Movable 1835008 262144 262144\n");
	/* Unmirrored memory below 4 GiB stays the kernel's, with a warning. */
	c.firmware = "ram 100000-7fffffff, ram 100000000-13fffffff mirror, ram 140000000-1ffffffff";
	c.srat = NULL;
	boot_expect(&c, BOOT_SAID | BOOT_MOVABLE,
		    "said No NUMA configuration found\n"
		    "said Faking a node at [mem 0x0000000000000000-0x00000001ffffffff]\n"
		    "said This configuration results in unmirrored kernel memory.\nmovable 0 "
		    "1310720\n");
	/* Nothing mirrored: since 6.3 the word is ignored; 6.1 gives everything above 4 GiB away.
	 */
	c.firmware = "ram 100000-7fffffff, ram 100000000-1ffffffff";
	boot_expect(&c, BOOT_MOVABLE, "");
	c.kernel = "6.1";
	boot_expect(&c, BOOT_MOVABLE, "movable 0 1048576\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),       cmocka_unit_test(test_percent),
		cmocka_unit_test(test_rounds),      cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_low_machine), cmocka_unit_test(test_movable_node),
		cmocka_unit_test(test_mirror),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
