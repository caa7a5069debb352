/* kernel.c -- tests of src/machine/kernel.c: which profile fits which release. */
#include <setjmp.h>
#include <stdarg.h>
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
		{"6.19.0", "6.18", false},
		{"7.0.1", "6.18", false},
		{"6.6.30", "6.1", false},
		{"5.10.0-28-amd64", "2.6.24", false},
		{"3.10.0-1160.el7.x86_64", "2.6.24", false},
		{"2.6.32-754.el6.x86_64", "2.6.24", false},
		{"2.6.24", "2.6.24", true},
		{"2.6.23.1", "2.6.7", false},
		{"2.6.7-1", "2.6.7", true},
		{"2.4.37", "2.6.7", false},
		{"6.12.0-55.9.1.el10_0.x86_64", "6.12", false},
		{"6.12.0-100.28.2.el9uek.x86_64", "6.12", false},
		{"6.12.0-160000.9-default", "6.12", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool exact = !cases[i].exact;
		const struct nb_kernel_profile *p = nb_kernel_nearest(cases[i].release, &exact);

		assert_non_null(p);
		assert_string_equal(p->key, cases[i].key);
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
	}
	assert_int_equal(n, 5);
	assert_null(nb_kernel_by_key("6"));
	assert_null(nb_kernel_by_key(""));
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
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_architectures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
