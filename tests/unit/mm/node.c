/* node.c -- tests of src/mm/node.c: which nodes are online, and which CPUs are on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_text.h"

static void test_memoryless(void **state)
{
	static const uint8_t d[] = {10, 31, 21, 31, 10, 31, 21, 31, 10};
	struct boot_case c = {.firmware = "ram 0-9fbff, ram 100000-7fffffff",
			      .srat = "1 0-3fffffff, 2 40000000-7fffffff",
			      .cpus = "0 0 1 2 0",
			      .distances = d};

	(void)state;
	/* Today a node with CPUs alone is a node. */
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-1,4\n1 cpus 2\n2 cpus 3\nnodes of CPUs 0 0 1 2 0\n");
	/* Old x86 has none such: its CPUs go to the nearest with memory. */
	c.kernel = "2.6.24";
	boot_expect(&c, BOOT_CPUS, "1 cpus 2\n2 cpus 0-1,3-4\nnodes of CPUs 2 2 1 2 2\n");
	c.distances = NULL;
	boot_expect(&c, BOOT_CPUS, "1 cpus 0-2,4\n2 cpus 3\nnodes of CPUs 1 1 1 2 1\n");
	/* That was x86's way alone. */
	c.arch = NB_ARCH_OTHER;
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-1,4\n1 cpus 2\n2 cpus 3\nnodes of CPUs 0 0 1 2 0\n");
}

static void test_memory_only(void **state)
{
	struct boot_case c = {.ranges = "0 0-3fffffff, 1 40000000-7fffffff", .cpus = "0 0"};

	(void)state;
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-1\n1 cpus \nnodes of CPUs 0 0\n");
}

/* CPUs that firmware places nowhere. */
static void test_dealt_out(void **state)
{
	struct boot_case c = {.ranges = "0 0-3fffffff, 3 40000000-7fffffff", .cpus = "- - 0 - -"};

	(void)state;
	boot_expect(&c, BOOT_CPUS, "0 cpus 0,2,4\n3 cpus 1,3\nnodes of CPUs 0 3 0 3 0\n");
	/* AMD's code takes the number of the last-level cache for a node: 0, 0, (told), 1 and 2 are
	 * not there. */
	c.vendor = "AuthenticAMD";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-4\n3 cpus \nnodes of CPUs 0 0 0 0 0\n");
	c.ranges = "0 0-3fffffff, 1 40000000-7fffffff";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-2,4\n1 cpus 3\nnodes of CPUs 0 0 0 1 0\n");
	c.vendor = NULL;
	c.cpus = "0 1 0 1";
	c.cmdline = "numa=off";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-3\nnodes of CPUs 0 0 0 0\n");
}

static void test_cpu_limits(void **state)
{
	struct boot_case c = {.ranges = "0 0-3fffffff, 1 40000000-7fffffff", .cpus = "0 0 1 1"};

	(void)state;
	c.cmdline = "maxcpus=3";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-1\n1 cpus 2\nnodes of CPUs 0 0 1 1\n");
	c.cmdline = "nosmp";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0\n1 cpus \nnodes of CPUs 0 0 1 1\n");
	c.cmdline = "maxcpus=0";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0\n1 cpus \nnodes of CPUs 0 0 1 1\n");
	c.cmdline = "nr_cpus=2";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-1\n1 cpus \nnodes of CPUs 0 0\n");
	c.cmdline = "maxcpus=many";
	boot_expect(&c, BOOT_CPUS, "0 cpus 0-1\n1 cpus 2-3\nnodes of CPUs 0 0 1 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memoryless),
		cmocka_unit_test(test_memory_only),
		cmocka_unit_test(test_dealt_out),
		cmocka_unit_test(test_cpu_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
