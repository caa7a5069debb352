/* capture_firmware.c -- tests of src/read/capture_firmware.c: the map that boot saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/capture_priv.h"
#include "tree_of.h"

static void expect(const struct nb_machine *m, unsigned i, uint64_t start, uint64_t end,
		   enum nb_mem_type type, unsigned flags)
{
	assert_true(i < m->nr_firmware);
	assert_int_equal(m->firmware[i].start, start);
	assert_int_equal(m->firmware[i].end, end);
	assert_int_equal(m->firmware[i].type, type);
	assert_int_equal(m->firmware[i].flags, flags);
}

/* What was hot-added stands out of order in the kernel's copy of the map. */
static void test_hot_added_entries(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"derived/firmware_memmap.tsv",
					    "#start\tend\ttype\n"
					    "0x100000000\t0x13fffffff\tSystem RAM\n"
					    "0x0\t0x9fbff\tSystem RAM\n"
					    "0xf0000\t0xfffff\tReserved\n"
					    "0x100000\t0x7ffdefff\tSystem RAM\n"
					    "0x7ffdf000\t0x7fffffff\tACPI Tables\n"
					    "0x40000000\t0x4fffffff\tSystem RAM\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 4);
	expect(m.machine, 0, 0, 0x9fc00, NB_MEM_RAM, 0);
	expect(m.machine, 1, 0xf0000, 0x100000, NB_MEM_RESERVED, 0);
	expect(m.machine, 3, 0x7ffdf000, 0x80000000, NB_MEM_ACPI, 0);
	unmake(&m);
}

static void test_sysfs(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){{"sys/firmware/memmap/0/start", "0x0\n"},
					   {"sys/firmware/memmap/0/end", "0x9fbff\n"},
					   {"sys/firmware/memmap/0/type", "System RAM\n"},
					   {"sys/firmware/memmap/1/start", "0x100000\n"},
					   {"sys/firmware/memmap/1/end", "0x3fffffff\n"},
					   {"sys/firmware/memmap/1/type", "System RAM\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 2);
	expect(m.machine, 1, 0x100000, 0x40000000, NB_MEM_RAM, 0);
	assert_true(has_note(&m, "sys/firmware/memmap"));
	unmake(&m);
}

static void test_taken_and_mirrored(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){
			      {"dmesg",
			       "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
			       "BIOS-e820: [mem 0x0000000100000000-0x000000017fffffff] usable\n"
			       "e820: update [mem 0x70000000-0x7fffffff] usable ==> reserved\n"
			       "last_pfn = 0x180000 max_arch_pfn = 0x400000000\n"
			       "efi: mem7: [Conventional Memory|   |MR|  |] "
			       "range=[0x0000000140000000-0x000000015fffffff] (x)\n"},
			      {NULL, NULL}});
	assert_int_equal(m.machine->nr_firmware, 4);
	expect(m.machine, 0, 0x100000, 0x70000000, NB_MEM_RAM, 0);
	expect(m.machine, 1, 0x100000000, 0x140000000, NB_MEM_RAM, 0);
	expect(m.machine, 2, 0x140000000, 0x160000000, NB_MEM_RAM, NB_RANGE_MIRROR);
	expect(m.machine, 3, 0x160000000, 0x180000000, NB_MEM_RAM, 0);
	unmake(&m);
}

static void test_cut(void **state)
{
	struct nb_ranges l = {0};

	(void)state;
	nb_ranges_add(&l, 10, 20, NB_MEM_RAM, 1, 0, 0);
	nb_ranges_add(&l, 30, 40, NB_MEM_RAM, 2, 0, 0);
	nb_ranges_add(&l, 50, 50, NB_MEM_RAM, 2, 0, 0); /* empty: not added */
	assert_int_equal(l.n, 2);
	nb_ranges_cut(&l, 15, 35);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.v[0].end, 15);
	assert_int_equal(l.v[1].start, 35);
	nb_ranges_cut(&l, 12, 13);
	assert_int_equal(l.n, 3);
	assert_int_equal(nb_ranges_covered(&l, 0, 100), 2 + 2 + 5);
	assert_int_equal(nb_ranges_covered(&l, 11, 14), 1 + 1);
	nb_ranges_cut(&l, 0, 100);
	assert_int_equal(l.n, 0);
	nb_ranges_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hot_added_entries),
		cmocka_unit_test(test_sysfs),
		cmocka_unit_test(test_taken_and_mirrored),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
