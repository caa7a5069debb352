/* dmesg.c -- tests of src/read/dmesg.c: facts out of boot logs of many ages and wrappings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/dmesg.h"

static struct nb_dmesg parse(const char *text)
{
	struct nb_dmesg d;

	nb_dmesg_parse(text, strlen(text), &d);
	return d;
}

static void expect_range(const struct nb_mem_range *r, uint64_t start, uint64_t end,
			 enum nb_mem_type type, int nid)
{
	assert_int_equal(r->start, start);
	assert_int_equal(r->end, end);
	assert_int_equal(r->type, type);
	assert_int_equal(r->nid, nid);
}

/* One line in every wrapping that logs come in. */
static void test_wrappings(void **state)
{
	static const char *const prefixes[] = {
		"",
		"[    0.000000] ",
		"<6>[    0.000000] ",
		"[    0.000000][    T0] ",
		"[Mon Mar  3 10:00:00 2025] ",
		"kern  :info  : [    0.000000] ",
		"Mar  3 10:00:00 host kernel: [    0.000000] ",
		"Mar 03 10:00:00 host kernel: ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		struct nb_dmesg d;
		char line[256];

		snprintf(line, sizeof(line),
			 "%sBIOS-e820: [mem 0x0000000000100000-0x000000007ffdefff] usable\r\n",
			 prefixes[i]);
		d = parse(line);
		assert_int_equal(d.e820.n, 1);
		expect_range(&d.e820.v[0], 0x100000, 0x7ffdf000, NB_MEM_RAM, NB_NO_NODE);
		nb_dmesg_release(&d);
	}
}

static void test_e820(void **state)
{
	struct nb_dmesg d = parse(
		" BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n"
		" BIOS-e820: 000000000009fc00 - 00000000000a0000 (reserved)\n"
		" BIOS-e820: 00000000bff60000 - 00000000bff69000 (ACPI data)\n"
		"[    0.000000] BIOS-e820: [mem 0x00000000bff69000-0x00000000bfffffff] ACPI NVS\n"
		"[    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000013fffffff] persistent "
		"(type 7)\n"
		"[    0.000000] BIOS-e820: [mem 0x0000000140000000-0x000000017fffffff] soft "
		"reserved\n"
		"[    0.000000] BIOS-e820: [mem 0x0000000180000000-0x00000001bfffffff] type 20\n"
		"[    0.000000] BIOS-e820: [mem 0x00000001c0000000-0x0000\n");

	(void)state;
	assert_int_equal(d.e820.n, 7); /* the last line is cut */
	expect_range(&d.e820.v[0], 0, 0x9fc00, NB_MEM_RAM, NB_NO_NODE);
	expect_range(&d.e820.v[1], 0x9fc00, 0xa0000, NB_MEM_RESERVED, NB_NO_NODE);
	expect_range(&d.e820.v[2], 0xbff60000, 0xbff69000, NB_MEM_ACPI, NB_NO_NODE);
	expect_range(&d.e820.v[3], 0xbff69000, 0xc0000000, NB_MEM_NVS, NB_NO_NODE);
	expect_range(&d.e820.v[4], 0x100000000, 0x140000000, NB_MEM_PMEM, NB_NO_NODE);
	expect_range(&d.e820.v[5], 0x140000000, 0x180000000, NB_MEM_SOFT_RESERVED, NB_NO_NODE);
	expect_range(&d.e820.v[6], 0x180000000, 0x1c0000000, NB_MEM_RESERVED, NB_NO_NODE);
	assert_int_equal(d.e820.v[3].line, 4);
	nb_dmesg_release(&d);
}

/* Updates count if a last_pfn line follows: then memblock had not been filled yet. */
static void test_memory_taken_early(void **state)
{
	struct nb_dmesg d = parse("e820: update [mem 0x00000000-0x00000fff] usable ==> reserved\n"
				  "e820: update [mem 0xbf000000-0xbfffffff] usable ==> reserved\n"
				  "e820: update [mem 0xbe000000-0xbe000fff] usable ==> usable\n"
				  "last_pfn = 0xbf000 max_arch_pfn = 0x400000000\n"
				  "e820: update [mem 0xa0000000-0xa0000fff] usable ==> reserved\n");

	(void)state;
	assert_int_equal(d.taken.n, 1);
	expect_range(&d.taken.v[0], 0xbf000000, 0xc0000000, NB_MEM_RESERVED, NB_NO_NODE);
	assert_int_equal(d.max_arch_pfn, 0x400000000);
	nb_dmesg_release(&d);
}

static void test_srat(void **state)
{
	struct nb_dmesg d =
		parse("ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]\n"
		      "ACPI: SRAT: Node 1 PXM 1 [mem 0x100000000-0x57fffffff] hotplug\n"
		      "ACPI: SRAT: Node 2 PXM 2 [mem 0x580000000-0x5bfffffff] non-volatile\n"
		      "SRAT: Node 3 PXM 3 a0000000-b0000000\n"
		      "SRAT: PXM 0 -> APIC 0x00 -> Node 0\n"
		      "SRAT: PXM 1 -> APIC 20 -> Node 1\n"
		      "SRAT: PXM 255 too big 15\n"
		      "ACPI: SRAT: Node 99999 PXM 0 [mem 0x0-0xfff]\n");

	(void)state;
	assert_int_equal(d.srat.n, 4);
	expect_range(&d.srat.v[0], 0, 0xa0000, NB_MEM_RAM, 0);
	expect_range(&d.srat.v[1], 0x100000000, 0x580000000, NB_MEM_RAM, 1);
	assert_int_equal(d.srat.v[0].flags, 0);
	assert_int_equal(d.srat.v[1].flags, NB_RANGE_HOTPLUG);
	assert_int_equal(d.srat.v[2].flags, NB_RANGE_NONVOLATILE);
	expect_range(&d.srat.v[3], 0xa0000000, 0xb0000000, NB_MEM_RAM, 3);
	assert_int_equal(d.nr_cpus, 2);
	assert_int_equal(d.cpus[1].id, 0x20);
	assert_int_equal(d.cpus[1].nid, 1);
	nb_dmesg_release(&d);
}

static void test_node_ranges(void **state)
{
	struct nb_dmesg d =
		parse("Early memory node ranges\n"
		      "  node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
		      "  node   1: [mem 0x0000000100000000-0x000000013fffffff]\n"
		      "Initmem setup node 0 [mem 0x0000000000001000-0x000000003fffffff]\n"
		      "  node   2: [mem 0x0000000200000000-0x000000023fffffff]\n");

	(void)state;
	assert_int_equal(d.early.n, 2); /* what stands below another line is none */
	expect_range(&d.early.v[0], 0x1000, 0x9f000, NB_MEM_RAM, 0);
	expect_range(&d.early.v[1], 0x100000000, 0x140000000, NB_MEM_RAM, 1);
	nb_dmesg_release(&d);
	d = parse("early_node_map[2] active PFN ranges\n"
		  "    0: 0x00000010 -> 0x0000009f\n"
		  "    1: 0x00000100 -> 0x000bff60\n");
	assert_int_equal(d.early.n, 2);
	expect_range(&d.early.v[0], 0x10000, 0x9f000, NB_MEM_RAM, 0);
	expect_range(&d.early.v[1], 0x100000, 0xbff60000, NB_MEM_RAM, 1);
	nb_dmesg_release(&d);
}

static void test_texts(void **state)
{
	struct nb_dmesg d = parse("Linux version 6.12.1+x-amd64 (a@b) (gcc) #1 SMP\n"
				  "Command line: first\n"
				  "Kernel command line: second mem=1G\n"
				  "Command line: third\n");

	(void)state;
	assert_string_equal(d.release, "6.12.1+x-amd64");
	assert_string_equal(d.cmdline, "second mem=1G");
	nb_dmesg_release(&d);
	d = parse("Command line: alone\n");
	assert_string_equal(d.cmdline, "alone");
	assert_null(d.release);
	nb_dmesg_release(&d);
}

/* A log of several boots tells the last one. */
static void test_last_boot(void **state)
{
	struct nb_dmesg d = parse("Linux version 6.1 (x)\n"
				  "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
				  "Freeing initrd memory: 100K\n"
				  "Linux version 6.12 (x)\n"
				  "Freeing initrd memory: 8K\n");

	(void)state;
	assert_string_equal(d.release, "6.12");
	assert_int_equal(d.e820.n, 0);
	assert_int_equal(d.freed_initrd_kib, 8);
	nb_dmesg_release(&d);
}

static void test_low_memory(void **state)
{
	struct nb_dmesg d = parse("875MB LOWMEM available.\n");

	(void)state;
	assert_int_equal(d.lowmem_end, UINT64_C(875) << 20);
	assert_true(d.lowmem_rounded);
	nb_dmesg_release(&d);
	d = parse("875MB LOWMEM available.\n  mapped low ram: 0 - 36bfe000\n  low ram: 0 - "
		  "36bfe000\n");
	assert_int_equal(d.lowmem_end, 0x36bfe000);
	assert_false(d.lowmem_rounded);
	nb_dmesg_release(&d);
	d = parse("    lowmem  : 0xc0000000 - 0xef800000   ( 760 MB)\n");
	assert_int_equal(d.lowmem_bytes, 0x2f800000);
	nb_dmesg_release(&d);
}

static void test_freed(void **state)
{
	struct nb_dmesg d = parse("RAMDISK: [mem 0x7fe7f000-0x7fffffff]\n"
				  "Allocated new RAMDISK: [mem 0x2667d000-0x267fd478]\n"
				  "Freeing SMP alternatives memory: 40K\n"
				  "Freeing initrd memory: 4744K\n"
				  "Freeing unused decrypted memory: 2028K\n"
				  "Freeing unused kernel image (initmem) memory: 4256K\n"
				  "Freeing unused kernel image (rodata/data gap) memory: 584K\n"
				  "Freeing unused kernel memory: 16k freed\n"
				  "Freeing other things: 7K\n");

	(void)state;
	assert_int_equal(d.freed_initrd_kib, 4744);
	assert_int_equal(d.freed_init_kib, 2028 + 4256 + 584 + 16);
	assert_int_equal(d.initrd_start, 0x2667d000);
	assert_int_equal(d.initrd_end, 0x267fd479);
	nb_dmesg_release(&d);
}

static void test_page_size(void **state)
{
	struct nb_dmesg d = parse(
		"Dentry cache hash table entries: 131072 (order: 6, 1048576 bytes, linear)\n");

	(void)state;
	assert_int_equal(d.page_shift, 14);
	nb_dmesg_release(&d);
	d = parse("Dentry cache hash table entries: 131072 (order: 8, 1048576 bytes)\n"
		  "x86/mm: Memory block size: 2048MB\n");
	assert_int_equal(d.page_shift, 12);
	assert_int_equal(d.block_bytes, UINT64_C(2) << 30);
	nb_dmesg_release(&d);
	d = parse("Odd hash table entries: 131072 (order: 8, 1048575 bytes)\n");
	assert_int_equal(d.page_shift, 0);
	nb_dmesg_release(&d);
}

/* No firmware tells so many ranges: what comes beyond the limit is passed over. */
static void test_too_many(void **state)
{
	static const char line[] =
		"BIOS-e820: [mem 0x0000000000001000-0x0000000000001fff] usable\n";
	size_t n = NB_RANGES_MAX + 10, len = sizeof(line) - 1;
	char *text = malloc(n * len);
	struct nb_dmesg d;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, line, len);
	nb_dmesg_parse(text, n * len, &d);
	assert_int_equal(d.e820.n, NB_RANGES_MAX);
	nb_dmesg_release(&d);
	free(text);
}

static void test_cpus(void **state)
{
	struct nb_dmesg d = parse(".... node  #0, CPUs:      #1\n"
				  ".... node  #1, CPUs:   #2 #3\n"
				  ".... node #2, CPUs: #9000 #4\n");

	(void)state;
	assert_int_equal(d.nr_smp, 3);
	assert_int_equal(d.smp[2].id, 3);
	assert_int_equal(d.smp[2].nid, 1);
	nb_dmesg_release(&d);
}

static void test_mirror(void **state)
{
	struct nb_dmesg d =
		parse("efi: mem37: [Conventional Memory|   |MR|  |  |  |  |  |  |   |WB|WT|WC|UC] "
		      "range=[0x0000000100000000-0x000000013fffffff] (1024MB)\n"
		      "efi: mem38: [Conventional Memory|   |  |  |  |  |  |  |  |   |WB|WT|WC|UC] "
		      "range=[0x0000000140000000-0x000000017fffffff] (1024MB)\n");

	(void)state;
	assert_int_equal(d.mirror.n, 1);
	expect_range(&d.mirror.v[0], 0x100000000, 0x140000000, NB_MEM_RAM, NB_NO_NODE);
	nb_dmesg_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrappings),
		cmocka_unit_test(test_e820),
		cmocka_unit_test(test_memory_taken_early),
		cmocka_unit_test(test_srat),
		cmocka_unit_test(test_node_ranges),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_last_boot),
		cmocka_unit_test(test_low_memory),
		cmocka_unit_test(test_freed),
		cmocka_unit_test(test_page_size),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_mirror),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
