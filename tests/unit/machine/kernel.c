/* kernel.c -- tests of src/machine/kernel.c: which profile fits which release. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/kernel.h>

static void test_nearest(void **state)
{
	static const struct {
		const char *release, *key;
		bool exact;
	} cases[] = {
		{"6.12.113+deb12-amd64", "6.12", true},
		{"6.12", "6.12", true},
		{"6.1.0-56-amd64", "6.1", true},
		{"6.1.0-50-686-pae", "6.1", true},
		{"6.18.44", "6.18", true},
		/* newer than all */
		{"6.19.0", "6.18", false},
		{"7.0.1", "6.18", false},
		{"123456789.0", "6.18", false},
		/* each window's first and last release */
		{"6.16.1", "6.18", false},
		{"6.15.9", "6.12", false},
		{"6.10.0", "6.12", false},
		{"6.9.3", "6.8", false},
		{"6.7.12", "6.8", false},
		{"6.6.30", "6.6", true},
		{"6.3.0", "6.6", false},
		{"6.2.0-39-generic", "6.1", false},
		{"5.19.0-50-generic", "6.1", false},
		{"5.18.19", "5.15", false},
		{"5.14.21", "5.15", false},
		{"5.13.0", "5.10", false},
		{"5.8.0-63-generic", "5.10", false},
		{"5.7.19", "5.4", false},
		{"5.0.0", "5.4", false},
		{"4.20.17", "4.19", false},
		{"4.17.0", "4.18", false},
		{"4.6.7", "4.18", false},
		{"4.5.7", "3.10", false},
		{"3.0.101", "3.10", false},
		{"2.6.39", "3.10", false},
		{"2.6.38", "3.10", false},
		{"2.6.37", "2.6.24", false},
		{"2.6.32-5-amd64", "2.6.24", false},
		{"2.6.24", "2.6.24", true},
		{"2.6.23.1", "2.6.24", false},
		{"2.6.17", "2.6.24", false},
		{"2.6.16.60-0.21-default", "2.6.7", false},
		{"2.6.7-1", "2.6.7", true},
		{"2.4.37", "2.6.7", false},
		{"2.6.99999999", "3.10", false},
		{"1.2.13", "2.6.7", false},
		/* distributions */
		{"6.8.0-31-generic", "6.8", true},
		{"5.15.0-91-generic", "5.15", true},
		{"5.10.0-28-amd64", "5.10", true},
		{"5.4.0-169-generic", "5.4", true},
		{"4.19.0-26-amd64", "4.19", true},
		{"4.15.0-213-generic", "4.18", false},
		{"4.9.0-19-amd64", "4.18", false},
		{"4.4.0-210-generic", "3.10", false},
		{"3.16.0-11-amd64", "3.10", false},
		/* vendors that carry later versions' parts */
		{"2.6.18-419.el5", "2.6.24", false},
		{"2.6.32-754.el6.x86_64", "3.10", false},
		{"3.10.0-1160.el7.x86_64", "3.10", false},
		{"4.18.0-553.el8_10.x86_64", "4.18", false},
		{"5.14.0-427.13.1.el9_4.x86_64", "5.15", false},
		{"6.12.0-55.9.1.el10_0.x86_64", "6.12", false},
		{"6.12.0-100.28.2.el9uek.x86_64", "6.12", false},
		{"5.15.0-300.163.18.el8uek.x86_64", "5.15", false},
		{"6.12.0-160000.9-default", "6.12", false},
		{"4.19.90-2112.8.0.oe1.x86_64", "4.19", false},
		{"5.10.0-60.18.0.50.oe2203.aarch64", "5.10", false},
		{"4.19.91-26.an8.x86_64", "4.19", false},
		{"4.19.90-24.4.v2101.ky10.x86_64", "4.19", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool exact = !cases[i].exact;
		const struct nb_kernel_profile *p = nb_kernel_nearest(cases[i].release, &exact);

		assert_non_null(p);
		if (strcmp(p->key, cases[i].key) != 0)
			fail_msg("%s: %s", cases[i].release, p->key);
		if (exact != cases[i].exact)
			fail_msg("%s: exact %d", cases[i].release, exact);
	}
	assert_null(nb_kernel_nearest("", NULL));
	assert_null(nb_kernel_nearest(NULL, NULL));
	assert_null(nb_kernel_nearest("linux", NULL));
	assert_non_null(nb_kernel_nearest("6.99999999999999999999", NULL));
}

static void test_table(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_string_equal(nb_kernel_at(0)->key, "6.12");
	for (const struct nb_kernel_profile *p; (p = nb_kernel_at(n)); n++) {
		assert_ptr_equal(nb_kernel_by_key(p->key), p);
		assert_true(p->min_free_kbytes_max >= 16384);
		assert_true(p->pcp_batch_max_kib > 0);
		assert_true(p->memmap_struct_page_bytes >= 32);
		assert_true(p->zoneinfo_format < NB_NR_TEXT_FORMATS);
		/* its own key is its own release */
		bool exact = false;

		assert_ptr_equal(nb_kernel_nearest(p->key, &exact), p);
		assert_true(exact);
		assert_true(p->since <= p->version);
	}
	assert_int_equal(n, 13);
	assert_null(nb_kernel_by_key("6"));
	assert_null(nb_kernel_by_key(""));
}

/* Expect only what captures confirm to say so. */
static void test_confirmed(void **state)
{
	(void)state;
	for (unsigned i = 0; nb_kernel_at(i); i++) {
		const struct nb_kernel_profile *p = nb_kernel_at(i);
		bool captured = !strcmp(p->key, "6.12") || !strcmp(p->key, "6.1") ||
				!strcmp(p->key, "6.18");

		assert_int_equal(p->confirmed[NB_ARCH_X86_64], captured);
		assert_false(p->confirmed[NB_ARCH_OTHER]);
	}
}

/* A rule, and the profiles that stand on either side of the release that brought it. */
static void test_rules(void **state)
{
	static const char *const by_age[] = {"2.6.7", "2.6.24", "3.10", "4.18", "4.19",
					     "5.4",   "5.10",   "5.15", "6.1",  "6.6",
					     "6.8",   "6.12",   "6.18"};
	const struct {
		const char *first; /* profile with the newer rule */
		size_t offset;
		unsigned size;
		uint32_t before, since;
	} rules[] = {
#define RULE(first, field, before, since)                  \
	{first, offsetof(struct nb_kernel_profile, field), \
	 sizeof(((struct nb_kernel_profile *)0)->field), before, since}
		RULE("3.10", has_thp, 0, 1),
		RULE("3.10", node_load_kept, 0, 1),
		RULE("4.18", has_scale_factor, 0, 1),
		RULE("4.18", zones_absent, 1u << NB_ZONE_DEVICE, 0),
		RULE("4.18", memoryless_hidden, 1, 0),
		RULE("4.18", reserve_floor_one, 1, 0),
		RULE("4.19", pcp_batch_max_kib, 512, 1024),
		RULE("5.4", has_boost, 0, 1),
		RULE("5.10", min_free_kbytes_max, 65536, 262144),
		RULE("5.10", reserve_of_empty, 1, 0),
		RULE("5.10", thp_kept_on_hotplug, 0, 1),
		RULE("5.15", thp_zones_all, 1, 0),
		RULE("5.15", pcp_orders, 0, 1),
		RULE("5.15", pcp_high_batches, 6, 0),
		RULE("6.1", zonelist_style, NB_ZONELIST_LOAD_OLD, NB_ZONELIST_LOAD_ONE),
		RULE("6.1", watermark_scale_max, 1000, 3000),
		RULE("6.1", thp_off_recalculates, 0, 1),
		RULE("6.6", movable_is_highmem, 0, 1),
		RULE("6.6", mirror_checked, 0, 1),
		RULE("6.6", gfp_atomic_bit, 1, 0),
		RULE("6.8", pcp_style, NB_PCP_FIXED, NB_PCP_AUTO),
		RULE("6.8", memoryless_own_first, 1, 0),
		RULE("6.8", below_high_first, 0, 1),
		RULE("6.12", has_promo, 0, 1),
		RULE("6.12", managed_less_memmap, 1, 0),
		RULE("6.12", claim_whole_block, 0, 1),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *found[2];
		size_t k = 0;

		while (strcmp(by_age[k], rules[i].first) != 0)
			k++;
		found[0] = by_age[k - 1];
		found[1] = by_age[k];
		for (unsigned side = 0; side < 2; side++) {
			const struct nb_kernel_profile *p = nb_kernel_by_key(found[side]);
			uint32_t v = 0;

			memcpy(&v, (const char *)p + rules[i].offset, rules[i].size);
			if (v != (side ? rules[i].since : rules[i].before))
				fail_msg("rule %zu in %s: %u", i, p->key, v);
		}
	}
}

static void test_architectures(void **state)
{
	const struct nb_kernel_profile *now = nb_kernel_at(0), *old = nb_kernel_by_key("2.6.7");

	(void)state;
	assert_int_equal(nb_kernel_zones(now, NB_ARCH_X86_64),
			 1 << NB_ZONE_DMA | 1 << NB_ZONE_DMA32 | 1 << NB_ZONE_NORMAL |
				 1 << NB_ZONE_MOVABLE | 1 << NB_ZONE_DEVICE);
	assert_int_equal(nb_kernel_zones(old, NB_ARCH_X86_64),
			 1 << NB_ZONE_DMA | 1 << NB_ZONE_NORMAL);
	assert_int_equal(nb_kernel_zones(now, NB_ARCH_I386),
			 1 << NB_ZONE_DMA | 1 << NB_ZONE_NORMAL | 1 << NB_ZONE_HIGHMEM |
				 1 << NB_ZONE_MOVABLE);
	assert_int_equal(nb_arch_max_order(NB_ARCH_X86_64, 12), 10);
	assert_int_equal(nb_arch_max_order(NB_ARCH_ARM64, 14), 11);
	assert_int_equal(nb_arch_max_order(NB_ARCH_ARM64, 16), 13);
	assert_int_equal(nb_arch_pageblock_order(NB_ARCH_X86_64, 12), 9);
	assert_int_equal(nb_arch_pageblock_order(NB_ARCH_I386, 12), 10);
	assert_int_equal(nb_arch_pageblock_order(NB_ARCH_I386PAE, 12), 9);
	assert_int_equal(nb_arch_pageblock_order(NB_ARCH_ARM64, 12), 9);
	assert_int_equal(nb_arch_pageblock_order(NB_ARCH_ARM64, 14), 11);
	assert_int_equal(nb_arch_pageblock_order(NB_ARCH_ARM64, 16), 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),       cmocka_unit_test(test_table),
		cmocka_unit_test(test_confirmed),     cmocka_unit_test(test_rules),
		cmocka_unit_test(test_architectures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
