/* numa_emulation.c -- tests of src/mm/numa_emulation.c: numa=fake= in all its forms and failures.
 *
 * Three machines of the oracle hold whole boot logs of it (tests/oracle/layout.c); here are the
 * rules one by one, on machines small enough to be worked out by hand. 32 MiB are 0x2000000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_text.h"

/* 1 GiB from address 0, without holes, on one node. */
#define GIB "0 0-3fffffff"

static void fake(const char *ranges, const char *option, const char *want)
{
	struct boot_case c = {.ranges = ranges, .cmdline = option};

	boot_expect(&c, BOOT_RANGES, want);
}

static void test_count(void **state)
{
	(void)state;
	fake(GIB, "numa=fake=2", "0 0-1fffffff\n1 20000000-3fffffff\n");
	fake(GIB, "numa=fake=1", "0 0-3fffffff\n");
	/* 1024 MiB / 3 = 341.33: nodes of 320 MiB, and (21.33 x 3) / 32 = 1 node is 32 MiB bigger;
	 * the last takes the rest. 352 + 320 + 352. */
	fake(GIB, "numa=fake=3", "0 0-15ffffff\n1 16000000-29ffffff\n2 2a000000-3fffffff\n");
	/* Numbers as the kernel reads them. */
	fake(GIB, "numa=fake=0x2", "0 0-1fffffff\n1 20000000-3fffffff\n");
}

static void test_refused(void **state)
{
	struct boot_case c = {.ranges = GIB};

	(void)state;
	fake(GIB, "numa=fake=0", "0 0-3fffffff\n");
	fake(GIB, "numa=fake=", "0 0-3fffffff\n");
	fake(GIB, "numa=fake=0M", "0 0-3fffffff\n");
	fake(GIB, "numa=fake=0U", "0 0-3fffffff\n");
	fake(GIB, "numa=fake=-1", "0 0-3fffffff\n");
	c.cmdline = "numa=fake=33";
	boot_expect(
		&c, BOOT_SAID | BOOT_RANGES,
		"said Not enough memory for each node.  NUMA emulation disabled.\n0 0-3fffffff\n");
	c.cmdline = "numa=fake=5000";
	boot_expect(
		&c, BOOT_SAID | BOOT_RANGES,
		"said numa=fake=5000 too large, reducing to 1024\n"
		"said Not enough memory for each node.  NUMA emulation disabled.\n0 0-3fffffff\n");
	/* Before 6.12 emulation is x86's alone. */
	c = (struct boot_case){
		.arch = NB_ARCH_ARM64, .kernel = "6.1", .ranges = GIB, .cmdline = "numa=fake=2"};
	boot_expect(&c, BOOT_RANGES, "0 0-3fffffff\n");
	c.kernel = "6.12";
	boot_expect(&c, BOOT_RANGES, "0 0-1fffffff\n1 20000000-3fffffff\n");
}

/* Two physical nodes: one fake node from each in turn, so that neighbours have distant ids. */
static void test_round_robin(void **state)
{
	(void)state;
	fake("0 0-3fffffff, 1 40000000-7fffffff", "numa=fake=4",
	     "0 0-1fffffff\n2 20000000-3fffffff\n1 40000000-5fffffff\n3 60000000-7fffffff\n");
	/* Of unequal nodes the bigger one gives the rest: steps 0..3 are 0, 1, then 2 and 3 of
	 * node 1. */
	fake("0 0-1fffffff, 1 20000000-7fffffff", "numa=fake=4",
	     "0 0-1fffffff\n1 20000000-3fffffff\n2 40000000-5fffffff\n3 60000000-7fffffff\n");
	/* Ids go round at N: a node may get a second range. 2 nodes of 768 MiB from 512 + 1024:
	 * node 0's first part has 512 MiB only. */
	fake("0 0-1fffffff, 1 20000000-5fffffff", "numa=fake=2",
	     "0 0-1fffffff\n1 20000000-5fffffff\n");
}

static void test_uniform(void **state)
{
	struct boot_case c = {.ranges = "0 0-3fffffff, 1 40000000-7fffffff",
			      .cmdline = "numa=fake=2U"};

	(void)state;
	boot_expect(
		&c, BOOT_RANGES,
		"0 0-1fffffff\n1 20000000-3fffffff\n2 40000000-5fffffff\n3 60000000-7fffffff\n");
	/* Too small: raised to 32 MiB, and then there are not enough: it fails. */
	c.ranges = "0 0-7ffffff";
	c.cmdline = "numa=fake=8U";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "said Fake node size 16MB too small, increasing to 32MB\n"
		    "said Faking node 0 at [mem 0x0000000000000000-0x0000000001ffffff] (32MB)\n"
		    "said Faking node 1 at [mem 0x0000000002000000-0x0000000003ffffff] (32MB)\n"
		    "said Faking node 2 at [mem 0x0000000004000000-0x0000000005ffffff] (32MB)\n"
		    "said Faking node 3 at [mem 0x0000000006000000-0x0000000007ffffff] (32MB)\n"
		    "said numa_emulation: phys: 0 only got 4 of 8 nodes, failing\n"
		    "0 0-7ffffff\n");
}

static void test_size(void **state)
{
	struct boot_case c = {.ranges = GIB};

	(void)state;
	fake(GIB, "numa=fake=512M", "0 0-1fffffff\n1 20000000-3fffffff\n");
	fake(GIB, "numa=fake=1G", "0 0-3fffffff\n");
	/* The last one takes what is less than a node: 320 + 320 + 384. */
	fake(GIB, "numa=fake=320M", "0 0-13ffffff\n1 14000000-27ffffff\n2 28000000-3fffffff\n");
	/* Aligned down to 32 MiB. */
	fake(GIB, "numa=fake=540M", "0 0-1fffffff\n1 20000000-3fffffff\n");
	c.cmdline = "numa=fake=1M";
	c.ranges = "0 0-5ffffff";
	boot_expect(&c, BOOT_SAID | BOOT_RANGES,
		    "said Fake node size 1MB too small, increasing to 32MB\n"
		    "said Faking node 0 at [mem 0x0000000000000000-0x0000000001ffffff] (32MB)\n"
		    "said Faking node 1 at [mem 0x0000000002000000-0x0000000003ffffff] (32MB)\n"
		    "said Faking node 2 at [mem 0x0000000004000000-0x0000000005ffffff] (32MB)\n"
		    "0 0-1ffffff\n1 2000000-3ffffff\n2 4000000-5ffffff\n");
}

/* Picture: 512 MiB | 512 MiB hole | 512 MiB. A node grows over the hole until it has its memory, in
 * steps of 32 MiB; uniform nodes do not look. */
static void test_holes(void **state)
{
	static const char holey[] = "0 0-1fffffff, 0 40000000-5fffffff";

	(void)state;
	fake(holey, "numa=fake=2", "0 0-1fffffff\n1 40000000-5fffffff\n");
	/* 320 MiB nodes: the second needs 192 MiB below the hole and 128 MiB above; the rest is
	 * less. */
	fake(holey, "numa=fake=320M",
	     "0 0-13ffffff\n1 14000000-1fffffff\n1 40000000-47ffffff\n"
	     "2 48000000-5fffffff\n");
	/* 1536 MiB of addresses in three: the middle one is all hole, and is none. */
	fake(holey, "numa=fake=3U", "0 0-1fffffff\n2 40000000-5fffffff\n");
}

/* What would leave less than 32 MiB below 4 GiB reaches up to 4 GiB. */
static void test_4g(void **state)
{
	(void)state;
	fake("0 0-bfffffff, 0 100000000-1bfffffff", "numa=fake=3G",
	     "0 0-bfffffff\n1 100000000-1bfffffff\n");
	/* Above 4 GiB there is less than a node: it joins. */
	fake("0 0-bfffffff, 0 100000000-17fffffff", "numa=fake=3G",
	     "0 0-bfffffff\n0 100000000-17fffffff\n");
	/* 3 GiB + 16 MiB: after node 0's 3 GiB there would be 16 MiB. */
	fake("0 0-c0ffffff, 0 100000000-1bfffffff", "numa=fake=3G",
	     "0 0-c0ffffff\n1 100000000-1bfffffff\n");
}

static void test_distances(void **state)
{
	static const uint8_t phys[] = {10, 21, 21, 10};
	struct boot_case c = {.ranges = "0 0-3fffffff, 1 40000000-7fffffff",
			      .cmdline = "numa=fake=4",
			      .distances = phys};

	(void)state;
	/* Fake nodes 0 and 2 come from node 0, 1 and 3 from node 1. */
	boot_expect(&c, BOOT_DISTANCES, "10 21 10 21\n21 10 21 10\n10 21 10 21\n21 10 21 10\n");
	c.ranges = GIB;
	c.distances = NULL;
	boot_expect(&c, BOOT_DISTANCES, "10 10 10 10\n10 10 10 10\n10 10 10 10\n10 10 10 10\n");
	c.cmdline = "numa=fake=2:10,40,50,10";
	boot_expect(&c, BOOT_DISTANCES, "10 40\n50 10\n");
	/* A short list: the rest is physical. A last number without comma is not taken. */
	c.cmdline = "numa=fake=2:10,40,";
	boot_expect(&c, BOOT_DISTANCES, "10 40\n10 10\n");
	c.cmdline = "numa=fake=2:10,40";
	boot_expect(&c, BOOT_DISTANCES, "10 10\n10 10\n");
	/* What does not fit is refused, one by one. */
	c.cmdline = "numa=fake=2:11,300,40,10,";
	boot_expect(&c, BOOT_DISTANCES, "10 20\n40 10\n");
	c.cmdline = "numa=fake=512M:10,40,50,10";
	boot_expect(&c, BOOT_DISTANCES, "10 40\n50 10\n");
	/* After "2U" there is no colon where one is looked for. */
	c.cmdline = "numa=fake=2U:10,40,50,10";
	boot_expect(&c, BOOT_DISTANCES, "10 10\n10 10\n");
}

static void test_cpus(void **state)
{
	struct boot_case c = {.ranges = "0 0-3fffffff, 1 40000000-7fffffff",
			      .cpus = "0 0 1 1",
			      .cmdline = "numa=fake=4"};

	(void)state;
	/* Each CPU shows in all fake nodes of its physical one, and runs on the first of them. */
	boot_expect(&c, BOOT_CPUS,
		    "0 cpus 0-1\n1 cpus 2-3\n2 cpus 0-1\n3 cpus 2-3\nnodes of CPUs 0 0 1 1\n");
	/* Without firmware's word on CPUs they are dealt out to the fake nodes. */
	c.ranges = NULL;
	c.firmware = "ram 0-7fffffff";
	boot_expect(&c, BOOT_CPUS,
		    "0 cpus 0-3\n1 cpus 0-3\n2 cpus 0-3\n3 cpus 0-3\nnodes of CPUs 0 1 2 3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_round_robin), cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_size),        cmocka_unit_test(test_holes),
		cmocka_unit_test(test_4g),          cmocka_unit_test(test_distances),
		cmocka_unit_test(test_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
