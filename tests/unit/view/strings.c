/* strings.c -- tests of src/view/strings.c. */
#include "form.h"

#include <stdio.h>

#include "view/strings.h"

/* Expect one copy of equal bytes and other copies of others, also past many growths and long
 * strings. */
static void test_intern(void **state)
{
	struct nb_strings p = {0};
	const char *first[1000];
	char buf[32];
	char *big = nb_xcalloc(10001, 1);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(buf, sizeof(buf), "item_%d_tail", i);

		first[i] = nb_strings_intern(&p, buf, (size_t)n);
	}
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(buf, sizeof(buf), "item_%d_tail", i);

		assert_string_equal(first[i], buf);
		assert_ptr_equal(nb_strings_intern(&p, buf, (size_t)n), first[i]);
	}
	assert_int_equal(p.nr, 1000);
	assert_string_equal(nb_strings_intern(&p, "item_1_tail", 6), "item_1");
	assert_string_equal(nb_strings_intern(&p, "", 0), "");
	memset(big, 'x', 10000);
	assert_string_equal(nb_strings_intern(&p, big, 10000), big);
	assert_ptr_equal(nb_strings_intern(&p, big, 10000), nb_strings_intern(&p, big, 10000));
	free(big);
	nb_strings_release(&p);
	assert_null(p.chunks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_intern)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
