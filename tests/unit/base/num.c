/* num.c -- tests of src/base/num.c: numbers and sizes out of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fmt.h"

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -NB_ERANGE, 0},
		{"99999999999999999999999", -NB_ERANGE, 0},
		{"0x10", 0, 16},
		{"0XfF", 0, 255},
		{"0xffffffffffffffff", 0, UINT64_MAX},
		{"0x10000000000000000", -NB_ERANGE, 0},
		{"010", 0, 10},
		{"", -NB_EINVAL, 0},
		{"-1", -NB_EINVAL, 0},
		{"+1", -NB_EINVAL, 0},
		{" 1", -NB_EINVAL, 0},
		{"1 ", -NB_EINVAL, 0},
		{"0x", -NB_EINVAL, 0},
		{"1K", -NB_EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = 77;

		assert_int_equal(nb_parse_u64(cases[i].text, strlen(cases[i].text), &v),
				 cases[i].ret);
		assert_int_equal(v, cases[i].ret ? 77 : cases[i].value);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"4096B", 0, 4096},
		{"4K", 0, 4096},
		{"32G", 0, UINT64_C(32) << 30},
		{"32g", 0, UINT64_C(32) << 30},
		{"32GiB", 0, UINT64_C(32) << 30},
		{"32GB", 0, UINT64_C(32) << 30},
		{"1.5G", 0, UINT64_C(3) << 29},
		{"0.1K", 0, 102},
		{"2.25T", 0, UINT64_C(9) << 38},
		{"0x1000", 0, 4096},
		{"0x10K", 0, 16384},
		{"15E", 0, UINT64_C(15) << 60},
		{"16E", -NB_ERANGE, 0},
		{"17179869184G", -NB_ERANGE, 0},
		{"1.5", -NB_EINVAL, 0},
		{"1.G", -NB_EINVAL, 0},
		{".5G", -NB_EINVAL, 0},
		{"", -NB_EINVAL, 0},
		{"G", -NB_EINVAL, 0},
		{"32GG", -NB_EINVAL, 0},
		{"32 G", -NB_EINVAL, 0},
		{"-1G", -NB_EINVAL, 0},
		{"4iB", -NB_EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = 77;

		if (nb_parse_size(cases[i].text, strlen(cases[i].text), &v) != cases[i].ret)
			fail_msg("%s", cases[i].text);
		assert_int_equal(v, cases[i].ret ? 77 : cases[i].value);
	}
}

/* What the kernel's memparse() makes of a text, and where it stops. */
static void test_memparse(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
		size_t used;
	} cases[] = {
		{"1G", UINT64_C(1) << 30, 2},
		{"256M$0x20000000", UINT64_C(256) << 20, 4},
		{"0x20000000", 0x20000000, 10},
		{"010K", 8192, 4},
		{"50%", 50, 2},
		{"8U", 8, 1},
		{"0x", 0, 1},
		{"08", 0, 1},
		{"", 0, 0},
		{"mirror", 0, 0},
		{"16E", 0, 3},
		{"1k@", 1024, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t used;

		assert_int_equal(nb_memparse(cases[i].text, strlen(cases[i].text), &used),
				 cases[i].value);
		assert_int_equal(used, cases[i].used);
	}
}

static void test_length_is_respected(void **state)
{
	uint64_t v;
	size_t used;

	(void)state;
	assert_int_equal(nb_parse_u64("12345", 2, &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(nb_memparse("12G", 2, &used), 12);
	assert_int_equal(used, 2);
	assert_int_equal(nb_parse_size("1.5GiBx", 6, &v), 0);
}

static void test_int_sqrt(void **state)
{
	static const uint64_t roots[] = {0, 1, 2, 3, 5, 255, 256, 65535, 65536, 5659, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		uint64_t r = roots[i];

		assert_int_equal(nb_int_sqrt(r * r), r);
		assert_int_equal(nb_int_sqrt(r * r + r + r), r);
		if (r)
			assert_int_equal(nb_int_sqrt(r * r - 1), r - 1);
	}
	assert_int_equal(nb_int_sqrt(UINT64_MAX), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),      cmocka_unit_test(test_size),
		cmocka_unit_test(test_memparse), cmocka_unit_test(test_length_is_respected),
		cmocka_unit_test(test_int_sqrt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
