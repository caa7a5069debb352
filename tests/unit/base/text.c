/* text.c -- tests of src/base/hosted/text.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"

static void test_grows(void **state)
{
	struct nb_text t = {0};

	(void)state;
	assert_string_equal(nb_text_str(&t), "");
	for (int i = 0; i < 5000; i++)
		nb_text_printf(&t, "%d,", i % 10);
	assert_int_equal(t.len, 10000);
	assert_int_equal(strlen(t.s), 10000);
	nb_text_clear(&t);
	assert_string_equal(nb_text_str(&t), "");
	nb_text_add(&t, "a\0b", 3);
	nb_text_puts(&t, "c");
	assert_memory_equal(t.s, "a\0bc", 5);
	nb_text_printf(&t, "%3000d", 7);
	assert_int_equal(t.len, 3004);
	nb_text_release(&t);
	assert_null(t.s);
}

static void test_lines(void **state)
{
	static const char text[] = "one\r\n\ntwo\nlast";
	static const char *const want[] = {"one", "", "two", "last"};
	const char *line;
	size_t pos = 0, len, n = 0;

	(void)state;
	while (nb_next_line(text, sizeof(text) - 1, &pos, &line, &len)) {
		assert_int_equal(len, strlen(want[n]));
		assert_memory_equal(line, want[n], len);
		n++;
	}
	assert_int_equal(n, 4);
	pos = 0;
	assert_false(nb_next_line("", 0, &pos, &line, &len));
	assert_true(nb_next_line("\n", 1, &pos, &line, &len));
	assert_int_equal(len, 0);
	assert_false(nb_next_line("\n", 1, &pos, &line, &len));
}

static void test_strings(void **state)
{
	char *s = nb_xstrdup("abc"), *n = nb_xstrndup("abcdef", 2);
	int *v = nb_xcalloc(0, 4);

	(void)state;
	assert_string_equal(s, "abc");
	assert_string_equal(n, "ab");
	v = nb_xrealloc(v, 10, sizeof(*v));
	v[9] = 1;
	free(s);
	free(n);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
