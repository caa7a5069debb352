/* capture_sysctl.c -- tests of src/read/capture_sysctl.c: which settings somebody must have
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define ZONES                                                               \
	{                                                                   \
		"proc/zoneinfo", "Node 0, zone Normal\n  managed  262144\n" \
	}
#define VM "proc/sys/vm/"

static const char *setting(const struct made *m, const char *name)
{
	for (unsigned i = 0; i < m->machine->nr_sysctls; i++)
		if (!strcmp(m->machine->sysctls[i].name, name))
			return m->machine->sysctls[i].value;
	return NULL;
}

static void test_defaults_say_nothing(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){ZONES,
					   {VM "min_free_kbytes", "67584\n"},
					   {VM "watermark_scale_factor", "10\n"},
					   {VM "watermark_boost_factor", "15000\n"},
					   {VM "lowmem_reserve_ratio", "256\t256\t32\t0\t0\n"},
					   {VM "zone_reclaim_mode", "0\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_sysctls, 0);
	unmake(&m);
}

static void test_other_values(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){ZONES,
					   {VM "watermark_scale_factor", "200\n"},
					   {VM "lowmem_reserve_ratio", "256\t256\t8\t0\t0\n"},
					   {VM "zone_reclaim_mode", "1\n"},
					   {VM "percpu_pagelist_high_fraction", "8\n"},
					   {NULL, NULL}});
	assert_string_equal(setting(&m, "vm.watermark_scale_factor"), "200");
	assert_string_equal(setting(&m, "vm.lowmem_reserve_ratio"), "256 256 8 0 0");
	assert_string_equal(setting(&m, "vm.zone_reclaim_mode"), "1");
	assert_string_equal(setting(&m, "vm.percpu_pagelist_high_fraction"), "8");
	assert_true(has_note(&m, "vm.zone_reclaim_mode = 1"));
	unmake(&m);
}

/* i386's table has other zones. */
static void test_ratio_of_i386(void **state)
{
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){ZONES,
					   {"proc/version", "Linux version 6.1-686 (x)\n"},
					   {VM "lowmem_reserve_ratio", "256\t32\t0\t0\n"},
					   {NULL, NULL}});
	assert_int_equal(m.machine->nr_sysctls, 0);
	unmake(&m);
}

/* min_free_kbytes is computed at boot; only a configuration that writes just that value makes it
 * one's own. */
static void test_min_free(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){ZONES,
				       {VM "min_free_kbytes", "90112\n"},
				       {"usr/lib/sysctl.d/10-x.conf", "vm.min_free_kbytes = 1\n"},
				       {"etc/sysctl.d/99-x.conf",
					"# vm.min_free_kbytes=2\n-vm/min_free_kbytes = 90112 \n"},
				       {NULL, NULL}});
	assert_string_equal(setting(&m, "vm.min_free_kbytes"), "90112");
	unmake(&m);
	must_make(&m, (struct text_file[]){ZONES,
					   {VM "min_free_kbytes", "90112\n"},
					   {"etc/sysctl.conf", "vm.min_free_kbytes=4096\n"},
					   {NULL, NULL}});
	assert_null(setting(&m, "vm.min_free_kbytes"));
	unmake(&m);
}

static void test_fresh(void **state)
{
	struct nb_machine *fresh;
	struct made m;

	(void)state;
	must_make(&m, (struct text_file[]){ZONES, {VM "swappiness", "1\n"}, {NULL, NULL}});
	assert_int_equal(m.machine->nr_sysctls, 1);
	fresh = nb_machine_new(&m.port);
	assert_int_equal(nb_capture_to_machine(m.capture, fresh, true, NULL), 0);
	assert_int_equal(fresh->nr_sysctls, 0);
	nb_machine_free(fresh);
	unmake(&m);
}

static bool looks_default(const char *zoneinfo)
{
	struct nb_tree *t =
		tree_of((struct text_file[]){{"proc/zoneinfo", zoneinfo}, {NULL, NULL}});
	bool is = nb_capture_ratio_is_default(t);

	nb_tree_close(t);
	return is;
}

static void test_ratio_seen_in_reserves(void **state)
{
	(void)state;
	assert_true(looks_default("Node 0, zone DMA\n        managed  3840\n"
				  "        protection: (0, 1949, 1949, 1949, 1949)\n"
				  "Node 0, zone DMA32\n        managed  500000\n"
				  "        protection: (0, 0, 0, 0, 0)\n"));
	assert_false(looks_default("Node 0, zone DMA\n        managed  3840\n"
				   "        protection: (0, 62500, 62500, 62500, 62500)\n"
				   "Node 0, zone DMA32\n        managed  500000\n"
				   "        protection: (0, 0, 0, 0, 0)\n"));
	assert_false(looks_default("noise"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_say_nothing),
		cmocka_unit_test(test_other_values),
		cmocka_unit_test(test_ratio_of_i386),
		cmocka_unit_test(test_min_free),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_ratio_seen_in_reserves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
