/* error.c -- tests of src/base/error.c and of the names in src/base/types.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/error.h>

static void test_first_cause_stays(void **state)
{
	struct nb_error e = {0};

	(void)state;
	assert_int_equal(nb_error_set(&e, -NB_EINVAL, 7, "CPU %d in %s", 5, "node 1"), -NB_EINVAL);
	assert_int_equal(nb_error_set(&e, -NB_ENOMEM, 9, "later"), -NB_ENOMEM);
	assert_int_equal(e.code, -NB_EINVAL);
	assert_int_equal(e.line, 7);
	assert_string_equal(e.text, "CPU 5 in node 1");
	nb_error_file(&e, "a.yaml");
	nb_error_file(&e, "b.yaml");
	assert_string_equal(e.file, "a.yaml");
	assert_int_equal(nb_error_set(NULL, -NB_EIO, 0, "nobody listens"), -NB_EIO);
	nb_error_file(NULL, "x");
}

static void test_long_text_is_cut(void **state)
{
	struct nb_error e = {0};
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	nb_error_set(&e, -NB_EINVAL, 0, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	nb_error_file(&e, text);
	assert_int_equal(strlen(e.file), sizeof(e.file) - 1);
}

static void test_names(void **state)
{
	(void)state;
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		const char *name = nb_zone_name((enum nb_zone_type)t);

		assert_int_equal(nb_zone_by_name(name, strlen(name)), t);
	}
	assert_int_equal(nb_zone_by_name("normal", 6), -NB_EINVAL);
	assert_int_equal(nb_zone_by_name("DMA32", 3), NB_ZONE_DMA);
	assert_string_equal(nb_zone_name(NB_MAX_NR_ZONES), "?");
	assert_string_equal(nb_migratetype_name(NB_MIGRATE_HIGHATOMIC), "HighAtomic");
	assert_string_equal(nb_migratetype_name(NB_MIGRATE_TYPES), "?");
	assert_string_equal(nb_errno_name(-NB_ENOMEM), "ENOMEM");
	assert_string_equal(nb_errno_name(NB_EOPNOTSUPP), "EOPNOTSUPP");
	assert_string_equal(nb_errno_name(INT32_MIN), "E?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_cause_stays),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
