/* sysctl.c -- run-time settings: what is accepted, what it does, what is said otherwise. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

struct attempt {
	const char *name, *value;
	int err;
	const char *reads; /* afterwards */
	const char *said;  /* a part of the error's text */
};

static void play(struct sysbox *box, const struct attempt *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct nb_error err = {0};
		char now[128];

		assert_int_equal(nb_sysctl_write(box->sys, a[i].name, a[i].value, &err), a[i].err);
		if (a[i].err && !strstr(err.text, a[i].said))
			fail_msg("'%s' does not say '%s'", err.text, a[i].said);
		if (!a[i].reads)
			continue;
		assert_int_equal(nb_sysctl_read(box->sys, a[i].name, now, sizeof(now)),
				 strlen(a[i].reads));
		assert_string_equal(now, a[i].reads);
	}
}
#define PLAY(box, a) play(box, a, sizeof(a) / sizeof((a)[0]))

static void test_ranges(void **state)
{
	static const struct attempt a[] = {
		{"vm.min_free_kbytes", "67584", 0, "67584", NULL},
		{"vm.min_free_kbytes", " 0x100 \n", 0, "256", NULL},
		{"vm.min_free_kbytes", "010", 0, "8", NULL},
		{"vm.min_free_kbytes", "12 13", 0, "12", NULL},
		{"vm.min_free_kbytes", "-1", -NB_EINVAL, "12", "0 to 2147483647"},
		{"vm.min_free_kbytes", "2147483648", -NB_EINVAL, "12", "no whole number"},
		{"vm.min_free_kbytes", "12abc", -NB_EINVAL, "12", "no whole number"},
		{"vm.min_free_kbytes", "0x", -NB_EINVAL, "12", "no whole number"},
		{"vm.min_free_kbytes", "", -NB_EINVAL, "12", "no whole number"},
		{"vm.min_free_kbytes", "-", -NB_EINVAL, "12", "no whole number"},
		{"vm.watermark_scale_factor", "0", -NB_EINVAL, "10", "1 to 3000"},
		{"vm.watermark_scale_factor", "3000", 0, "3000", NULL},
		{"vm.watermark_scale_factor", "3001", -NB_EINVAL, "3000", "1 to 3000"},
		{"vm.watermark_boost_factor", "0", 0, "0", NULL},
		{"vm.percpu_pagelist_high_fraction", "7", -NB_EINVAL, "0", "0, or 8 and more"},
		{"vm.percpu_pagelist_high_fraction", "8", 0, "8", NULL},
		{"vm.zone_reclaim_mode", "7", 0, "7", NULL},
		{"vm.numa_stat", "2", -NB_EINVAL, "1", "0 to 1"},
		{"vm.swappiness", "200", 0, "200", NULL},
		{"vm.swappiness", "201", -NB_EINVAL, "200", "0 to 200"},
		{"vm.min_unmapped_ratio", "101", -NB_EINVAL, "1", "0 to 100"},
		{"vm.min_slab_ratio", "100", 0, "100", NULL},
		{"kernel.numa_balancing", "5", -NB_EINVAL, "1", "0 to 4"},
		{"kernel.numa_balancing", "2", 0, "2", NULL},
		{"vm.lowmem_reserve_ratio", "128", 0, "128\t256\t32\t0\t0", NULL},
		{"vm.lowmem_reserve_ratio", "1 2 3 4 5", 0, "1\t2\t3\t4\t5", NULL},
		{"vm.lowmem_reserve_ratio", "9 x", -NB_EINVAL, "1\t2\t3\t4\t5", "no whole number"},
		{"vm.lowmem_reserve_ratio", "-3 0", 0, "0\t0\t3\t4\t5", NULL},
		{"vm.numa_zonelist_order", "n", 0, "Node", NULL},
		{"vm.numa_zonelist_order", "x", -NB_EINVAL, "Node", "default and node"},
	};
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:2 2G:2"});
	PLAY(&box, a);
	sysbox_end(&box);
}

static void test_names(void **state)
{
	static const struct attempt a[] = {
		{"vm.min_fre_kbytes", "1", -NB_ENOENT, NULL, "did you mean vm.min_free_kbytes?"},
		{"swappiness", "1", -NB_ENOENT, NULL, "did you mean vm.swappiness?"},
		{"net.ipv4.ip_forward", "1", -NB_ENOENT, NULL, "unknown sysctl"},
		{"", "1", -NB_ENOENT, NULL, "unknown sysctl"},
	};
	static const struct attempt old[] = {
		{"vm.watermark_scale_factor", "10", -NB_ENOENT, NULL, "2.6.24"},
		{"vm.watermark_boost_factor", "10", -NB_ENOENT, NULL, "no such sysctl"},
		{"vm.swappiness", "101", -NB_EINVAL, "60", "0 to 100"},
		{"vm.lowmem_reserve_ratio", "0", 0, "1\t256\t32\t32", NULL},
		{"vm.numa_zonelist_order", "Node", 0, "Node", NULL},
	};
	struct sysbox box;
	char buf[8];

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:2"});
	PLAY(&box, a);
	for (unsigned i = 0; nb_sysctl_name(i); i++)
		assert_true(nb_sysctl_read(box.sys, nb_sysctl_name(i), buf, sizeof(buf)) > 0);
	assert_int_equal(nb_sysctl_read(box.sys, "vm.nonsense", buf, sizeof(buf)), -NB_ENOENT);
	/* as snprintf: cut, and the whole length told */
	assert_int_equal(nb_sysctl_read(box.sys, "vm.lowmem_reserve_ratio", buf, sizeof(buf)), 14);
	assert_string_equal(buf, "256\t256");
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:2", .kernel = "2.6.24"});
	PLAY(&box, old);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){
				  .nodes = "512M:2", .kernel = "6.1", .arch = NB_ARCH_I386PAE});
	assert_int_equal(nb_sysctl_write(box.sys, "vm.zone_reclaim_mode", "1", NULL), -NB_ENOENT);
	sysbox_end(&box);
}

static void test_effects(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .cpu = 0, .nid = 0};
	struct nb_zone_info z;
	struct sysbox box;
	nb_pfn_t pfn;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8G:2 8G:2", .kernel = "6.1"});
	/* page sets follow the low mark of the zone, shared by the node's CPUs */
	assert_int_equal(nb_sysctl_write(box.sys, "vm.min_free_kbytes", "400000", NULL), 0);
	assert_int_equal(nb_zone_info(box.sys, 1, NB_ZONE_NORMAL, &z), 0);
	assert_int_equal(z.pcp_high_min, z.wmark_pages[NB_WMARK_LOW] / 2);
	assert_int_equal(nb_sysctl_write(box.sys, "vm.percpu_pagelist_high_fraction", "8", NULL),
			 0);
	assert_int_equal(nb_zone_info(box.sys, 1, NB_ZONE_NORMAL, &z), 0);
	assert_int_equal(z.pcp_high_min, z.managed_pages / 8 / 2);
	/* numa_stat off: counters are cleared and stand still */
	pfn = nb_alloc_pages(box.sys, &rq);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_HIT), 1);
	assert_int_equal(nb_sysctl_write(box.sys, "vm.numa_stat", "0", NULL), 0);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_HIT), 0);
	assert_int_equal(nb_free_pages(box.sys, 0, pfn, 0), 0);
	pfn = nb_alloc_pages(box.sys, &rq);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_HIT), 0);
	assert_int_equal(nb_free_pages(box.sys, 0, pfn, 0), 0);
	sysbox_end(&box);
}

static void test_machine_settings(void **state)
{
	struct nb_error err = {0};
	struct sysbox box;
	char now[32];

	(void)state;
	/* command line first (a wrong one is ignored), then the machine's own */
	sysbox_boot(&box, &(struct sysbox_spec){
				  .nodes = "2G:2 2G:2",
				  .cmdline = "sysctl.vm.swappiness=10 sysctl.vm/min_slab_ratio=7 "
					     "sysctl.vm.numa_stat=9 numa_balancing=disable -- "
					     "sysctl.vm.swappiness=1",
				  .sysctl = {"vm.swappiness", "20"}});
	assert_true(nb_sysctl_read(box.sys, "vm.swappiness", now, sizeof(now)) > 0);
	assert_string_equal(now, "20");
	assert_true(nb_sysctl_read(box.sys, "vm.min_slab_ratio", now, sizeof(now)) > 0);
	assert_string_equal(now, "7");
	assert_true(nb_sysctl_read(box.sys, "kernel.numa_balancing", now, sizeof(now)) > 0);
	assert_string_equal(now, "0");
	sysbox_end(&box);

	/* a wrong one names its line, and nothing is booted */
	sysbox_machine(&box, &(struct sysbox_spec){
				     .nodes = "2G:2",
				     .sysctl = {"vm.swappiness", "20", "vm.swapiness", "1"}});
	assert_int_equal(nb_system_boot(&box.port, box.machine, NULL, &box.sys, &err), -NB_ENOENT);
	assert_null(box.sys);
	assert_int_equal(err.line, 8);
	assert_non_null(strstr(err.text, "vm.swappiness"));
	nb_machine_free(box.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_machine_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
