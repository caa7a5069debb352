/* e820.c -- tests of src/mm/e820.c: what is RAM, after the command line and the boot rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_text.h"

static void ram(enum nb_arch arch, const char *firmware, const char *cmdline, const char *want)
{
	struct boot_case c = {.arch = arch, .firmware = firmware, .cmdline = cmdline};

	boot_expect(&c, BOOT_RANGES, want);
}

#define X86(firmware, cmdline, want) ram(NB_ARCH_X86_64, firmware, cmdline, want)

static void test_trimming(void **state)
{
	(void)state;
	/* As SeaBIOS tells it: half a page at 0x9fc00, first page reserved. */
	X86("ram 0-9fbff, res 9fc00-9ffff, res f0000-fffff, ram 100000-7ffdefff, res "
	    "7ffdf000-7fffffff",
	    NULL, "0 1000-9efff\n0 100000-7ffdefff\n");
	/* A map that knows no legacy hole: Linux does. */
	X86("ram 0-3fffffff", NULL, "0 1000-9ffff\n0 100000-3fffffff\n");
	/* Ranges shrink to whole pages; what is less than a page goes. */
	X86("ram 100800-2007ff, ram 300001-300ffe, ram 400000-7fffff", NULL,
	    "0 101000-1fffff\n0 400000-7fffff\n");
	/* Touching ranges are one. */
	X86("ram 100000-1fffff, ram 200000-3fffff", NULL, "0 100000-3fffff\n");
}

static void test_overlaps(void **state)
{
	(void)state;
	X86("ram 100000-7fffffff, res 20000000-2fffffff", NULL,
	    "0 100000-1fffffff\n0 30000000-7fffffff\n");
	X86("res 20000000-2fffffff, ram 100000-7fffffff, acpi 2ffff000-30000fff", NULL,
	    "0 100000-1fffffff\n0 30001000-7fffffff\n");
	X86("ram 100000-4fffffff, ram 30000000-7fffffff", NULL, "0 100000-7fffffff\n");
	X86("ram 100000-7fffffff, pmem 100000000-1ffffffff, soft 200000000-2ffffffff, bad "
	    "60000000-60000fff",
	    NULL, "0 100000-5fffffff\n0 60001000-7fffffff\n");
}

static void test_mem(void **state)
{
	static const char map[] = "ram 0-9fbff, ram 100000-7fffffff, ram 100000000-17fffffff";

	(void)state;
	X86(map, "mem=1G", "0 1000-9efff\n0 100000-3fffffff\n");
	X86(map, "mem=5G", "0 1000-9efff\n0 100000-7fffffff\n0 100000000-13fffffff\n");
	/* Each one cuts: the order does not matter. */
	X86(map, "mem=1G mem=5G", "0 1000-9efff\n0 100000-3fffffff\n");
	/* No size: no effect. */
	X86(map, "mem=0 mem=nopentium", "0 1000-9efff\n0 100000-7fffffff\n0 100000000-17fffffff\n");
	X86(map, "quiet -- mem=1G", "0 1000-9efff\n0 100000-7fffffff\n0 100000000-17fffffff\n");
}

static void test_memmap(void **state)
{
	static const char map[] = "ram 0-9fbff, ram 100000-7fffffff, res 80000000-8fffffff";

	(void)state;
	X86(map, "memmap=256M$0x20000000",
	    "0 1000-9efff\n0 100000-1fffffff\n0 30000000-7fffffff\n");
	X86(map, "memmap=256M#512M", "0 1000-9efff\n0 100000-1fffffff\n0 30000000-7fffffff\n");
	X86(map, "memmap=1G!1G", "0 1000-9efff\n0 100000-3fffffff\n");
	X86(map, "memmap=1G", "0 1000-9efff\n0 100000-3fffffff\n");
	X86(map, "memmap=1G@4G", "0 1000-9efff\n0 100000-7fffffff\n0 100000000-13fffffff\n");
	/* RAM that the firmware reserved stays reserved: the higher type wins. */
	X86(map, "memmap=256M@2G", "0 1000-9efff\n0 100000-7fffffff\n");
	X86(map, "memmap=exactmap,640K@0,255M@1M", "0 1000-9ffff\n0 100000-fffffff\n");
	X86(map, "memmap=exactmap memmap=640K@0 memmap=255M@1M",
	    "0 1000-9ffff\n0 100000-fffffff\n");
	/* In the order of the command line: what comes after mem= is not cut by it. */
	X86(map, "mem=1G memmap=1G@4G", "0 1000-9efff\n0 100000-3fffffff\n0 100000000-13fffffff\n");
	X86(map, "memmap=1G@4G mem=1G", "0 1000-9efff\n0 100000-3fffffff\n");
	/* Types may be changed. */
	X86(map, "memmap=256M%0x20000000-1+2",
	    "0 1000-9efff\n0 100000-1fffffff\n0 30000000-7fffffff\n");
	X86(map, "memmap=256M%2G-2+1", "0 1000-9efff\n0 100000-8fffffff\n");
	X86(map, "memmap=256M%1G-2+1", "0 1000-9efff\n0 100000-7fffffff\n");
	X86(map, "memmap=1G%1G-1", "0 1000-9efff\n0 100000-3fffffff\n");
	X86(map, "memmap=256M%512M+2", "0 1000-9efff\n0 100000-1fffffff\n0 30000000-7fffffff\n");
	X86(map, "memmap=1G%4G+1", "0 1000-9efff\n0 100000-7fffffff\n0 100000000-13fffffff\n");
	/* What cannot be read changes nothing. */
	X86(map, "memmap=nonsense memmap=", "0 1000-9efff\n0 100000-7fffffff\n");
}

static void test_32bit(void **state)
{
	static const char map[] = "ram 100000-bfffffff, ram 100000000-10ffffffff";

	(void)state;
	/* Without PAE a range that reaches past 4 GiB is not taken; with it, 64 GiB are the end. */
	ram(NB_ARCH_I386, map, NULL, "0 100000-bfffffff\n");
	ram(NB_ARCH_I386PAE, map, NULL, "0 100000-bfffffff\n0 100000000-fffffffff\n");
}

static void test_arm(void **state)
{
	static const char map[] = "ram 40000000-7fffffff, ram 100000000-13fffffff";

	(void)state;
	/* arm64's mem= is an amount, not an address. No page or hole is special. */
	ram(NB_ARCH_ARM64, map, NULL, "0 40000000-7fffffff\n0 100000000-13fffffff\n");
	ram(NB_ARCH_ARM64, map, "mem=512M", "0 40000000-5fffffff\n");
	ram(NB_ARCH_ARM64, map, "mem=1536M", "0 40000000-7fffffff\n0 100000000-11fffffff\n");
	ram(NB_ARCH_ARM64, map, "mem=64G", "0 40000000-7fffffff\n0 100000000-13fffffff\n");
	ram(NB_ARCH_ARM, "ram 80000000-bfffffff", "mem=256M", "0 80000000-8fffffff\n");
	ram(NB_ARCH_ARM, "ram 80000000-bfffffff", "mem=256M@0x80000000 mem=256M@0xa0000000",
	    "0 80000000-8fffffff\n0 a0000000-afffffff\n");
}

static void test_mirror(void **state)
{
	(void)state;
	X86("ram 100000-3fffffff mirror, ram 40000000-7fffffff, ram 80000000-8fffffff mirror", NULL,
	    "0 100000-3fffffff mirror\n0 40000000-7fffffff\n0 80000000-8fffffff mirror\n");
}

/* Node ranges are memory as it is: no page or hole is taken out. The command line holds. */
static void test_ranges(void **state)
{
	struct boot_case c = {.ranges = "0 0-3fffffff, 1 40000000-7fffffff"};

	(void)state;
	boot_expect(&c, BOOT_RANGES, "0 0-3fffffff\n1 40000000-7fffffff\n");
	c.cmdline = "mem=1280M";
	boot_expect(&c, BOOT_RANGES, "0 0-3fffffff\n1 40000000-4fffffff\n");
}

static void test_nothing_left(void **state)
{
	struct boot_case c = {.firmware = "ram 0-9fbff, ram 100000-3fffffff", .cmdline = "mem=1K"};
	char *text = boot_error(&c);

	(void)state;
	assert_non_null(strstr(text, "command line leaves none"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trimming),     cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_mem),          cmocka_unit_test(test_memmap),
		cmocka_unit_test(test_32bit),        cmocka_unit_test(test_arm),
		cmocka_unit_test(test_mirror),       cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
