/* fmt.c -- tests of src/base/fmt.c: texts against what C99 says, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fmt.h"

#define SAME(...)                                                           \
	do {                                                                \
		char ours_[128], libc_[128];                                \
		size_t n_ = nb_snprintf(ours_, sizeof(ours_), __VA_ARGS__); \
		int m_ = snprintf(libc_, sizeof(libc_), __VA_ARGS__);       \
		assert_string_equal(ours_, libc_);                          \
		assert_int_equal(n_, m_);                                   \
	} while (0)

static void test_as_c99(void **state)
{
	(void)state;
	SAME("plain %% text");
	SAME("%s|%10s|%-10s|%.3s|%.*s|%10.2s", "abc", "abc", "abc", "abcdef", 2, "xyz", "abc");
	SAME("%c|%3c|%-3c|", 'x', 'y', 'z');
	SAME("%d %d %d %5d %-5d| %05d", 0, -1, INT32_MIN, -42, 42, -42);
	SAME("%u %u %10u %010u", 0u, UINT32_MAX, 7u, 7u);
	SAME("%ld %lu %lld %llu %zu", -5L, 5UL, INT64_MIN + 0LL, UINT64_MAX + 0ULL, (size_t)99);
	SAME("%x %#x %#010x %#018llx %-8x|", 0xbeefu, 0xbeefu, 0x1fu, 0x1000ULL, 0xau);
	SAME("%*d|%*d|", 6, 42, -6, 42);
	SAME("%3d|%3d|%6lu |", 1000, 10, 3UL);
}

static void test_own_rules(void **state)
{
	char buf[64];

	(void)state;
	/* As the kernel's: %#x of zero has its prefix. */
	nb_snprintf(buf, sizeof(buf), "%#018llx", 0ULL);
	assert_string_equal(buf, "0x0000000000000000");
	nb_snprintf(buf, sizeof(buf), "%p", (void *)(uintptr_t)0x1234);
	assert_string_equal(buf, "0x1234");
}

static void test_cut_off(void **state)
{
	char buf[8];

	(void)state;
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(nb_snprintf(buf, 4, "%d", 123456), 6);
	assert_string_equal(buf, "123");
	assert_int_equal(buf[4], 'x');
	assert_int_equal(nb_snprintf(buf, 1, "abc"), 3);
	assert_string_equal(buf, "");
	assert_int_equal(nb_snprintf(NULL, 0, "%s %d", "abc", 17), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_c99),
		cmocka_unit_test(test_own_rules),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
