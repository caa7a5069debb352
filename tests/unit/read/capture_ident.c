/* capture_ident.c -- tests of src/read/capture_ident.c: kernel, architecture, page size, command
 * line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define ZONES "Node 0, zone Normal\n  managed  262144\n"

static void expect_arch(const char *path, const char *text, enum nb_arch arch, const char *name)
{
	struct made m;

	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES}, {path, text}, {NULL, NULL}});
	assert_int_equal(m.machine->arch, arch);
	assert_string_equal(m.machine->arch_name, name);
	if (arch == NB_ARCH_OTHER)
		assert_true(has_note(&m, "not modelled"));
	unmake(&m);
}

static void test_arch(void **state)
{
	(void)state;
	expect_arch("machine.json", "{\"arch\": \"aarch64\"}", NB_ARCH_ARM64, "aarch64");
	expect_arch("proc/sys/kernel/arch", "x86_64\n", NB_ARCH_X86_64, "x86_64");
	expect_arch("proc/hwloc-nofile-info", "OSName: Linux\nArchitecture: ia64\n", NB_ARCH_OTHER,
		    "ia64");
	expect_arch("uname", "Linux h 5.14.0 #1 SMP x86_64 x86_64 x86_64 GNU/Linux\n",
		    NB_ARCH_X86_64, "x86_64");
	expect_arch("proc/version", "Linux version 6.1.0-50-686 (x)\n", NB_ARCH_I386, "i686");
	expect_arch("proc/version", "Linux version 6.1.0-50-686-pae (x)\n", NB_ARCH_I386PAE,
		    "i686");
	expect_arch("proc/version", "Linux version 5.10 (powerpc64le-linux-gcc)\n", NB_ARCH_OTHER,
		    "ppc64");
	expect_arch("proc/cpuinfo", "processor\t: 0\nCPU architecture: 8\n", NB_ARCH_ARM64,
		    "aarch64");
	expect_arch("proc/cpuinfo", "processor\t: 0\nCPU architecture: 7\n", NB_ARCH_ARM, "armv7l");
	expect_arch("proc/cpuinfo", "vendor_id       : IBM/S390\n", NB_ARCH_OTHER, "s390x");
	expect_arch("proc/cpuinfo", "vendor     : GenuineIntel\narch       : IA-64\n",
		    NB_ARCH_OTHER, "ia64");
	expect_arch("proc/cpuinfo", "processor\t: 0\ncpu\t\t: POWER7\n", NB_ARCH_OTHER, "ppc64");
	expect_arch("proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu lm\n",
		    NB_ARCH_X86_64, "x86_64");
	expect_arch("proc/cpuinfo",
		    "vendor_id\t: GenuineIntel\nfdiv_bug\t: no\nflags\t\t: fpu lm\n", NB_ARCH_I386,
		    "i686");
	expect_arch("nothing", "", NB_ARCH_X86_64, "x86_64");
}

/* PAE shows in the highest page frame that the architecture can have. */
static void test_pae(void **state)
{
	(void)state;
	expect_arch("dmesg",
		    "Linux version 6.1.0-686 (x)\nlast_pfn = 0x80000 max_arch_pfn = 0x1000000\n",
		    NB_ARCH_I386PAE, "i686");
	expect_arch("dmesg",
		    "Linux version 6.1.0-686 (x)\nlast_pfn = 0x80000 max_arch_pfn = 0x100000\n",
		    NB_ARCH_I386, "i686");
}

static void expect_shift(const struct text_file *files, unsigned shift)
{
	struct made m;

	must_make(&m, files);
	assert_int_equal(m.machine->page_shift, shift);
	unmake(&m);
}

static void test_page_size(void **state)
{
	struct text_file arm = {"proc/version", "Linux version 6.12 (aarch64-gcc)\n"};

	(void)state;
	/* 262144 managed pages make 1 GiB, 4 GiB or 16 GiB */
	expect_shift((struct text_file[]){arm,
					  {"proc/zoneinfo", ZONES},
					  {"proc/meminfo", "MemTotal:  1048576 kB\n"},
					  {NULL, NULL}},
		     12);
	expect_shift((struct text_file[]){arm,
					  {"proc/zoneinfo", ZONES},
					  {"proc/meminfo", "MemTotal:  4190000 kB\n"},
					  {NULL, NULL}},
		     14);
	expect_shift((struct text_file[]){arm,
					  {"proc/zoneinfo", ZONES},
					  {"proc/meminfo", "MemTotal: 16777216 kB\n"},
					  {NULL, NULL}},
		     16);
	expect_shift((struct text_file[]){arm,
					  {"proc/zoneinfo", ZONES},
					  {"machine.json", "{\"page_size\": 65536}"},
					  {NULL, NULL}},
		     16);
	expect_shift((struct text_file[]){{"proc/version", "Linux version 6.12-arm64-16k (x)\n"},
					  {"proc/zoneinfo", ZONES},
					  {NULL, NULL}},
		     14);
	/* x86 has no choice, whatever a note says */
	expect_shift((struct text_file[]){{"proc/zoneinfo", ZONES},
					  {"machine.json", "{\"page_size\": 65536}"},
					  {NULL, NULL}},
		     12);
}

static void test_release(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){{"proc/zoneinfo", ZONES},
				       {"proc/version", "Linux version 6.1.0-56-amd64 (a) #1\n"},
				       {"dmesg", "Linux version 6.12 (a)\n"},
				       {NULL, NULL}});
	assert_string_equal(m.machine->release, "6.1.0-56-amd64");
	assert_string_equal(m.machine->profile->key, "6.1");
	unmake(&m);
	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES},
					   {"machine.json", "{\"kernel_key\": \"6.1\"}"},
					   {NULL, NULL}});
	assert_string_equal(m.machine->release, "6.1");
	unmake(&m);
	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES}, {NULL, NULL}});
	assert_string_equal(m.machine->release, "");
	assert_true(has_note(&m, "kernel: not told"));
	unmake(&m);
}

static void test_cmdline(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES},
					   {"proc/cmdline", "quiet mem=1G\n"},
					   {"dmesg", "Kernel command line: other\n"},
					   {NULL, NULL}});
	assert_string_equal(m.machine->cmdline, "quiet mem=1G");
	unmake(&m);
	must_make(&m, (struct text_file[]){{"proc/zoneinfo", ZONES},
					   {"machine.json", "{\"cmdline\": \"note\"}"},
					   {NULL, NULL}});
	assert_string_equal(m.machine->cmdline, "note");
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arch),      cmocka_unit_test(test_pae),
		cmocka_unit_test(test_page_size), cmocka_unit_test(test_release),
		cmocka_unit_test(test_cmdline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
