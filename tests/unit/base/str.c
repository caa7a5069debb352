/* str.c -- tests of src/base/str.c: comparing, and the stable sort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fmt.h"

static void test_compare(void **state)
{
	(void)state;
	assert_int_equal(nb_strlen(""), 0);
	assert_int_equal(nb_strlen("abc"), 3);
	assert_int_equal(nb_strcmp("abc", "abc"), 0);
	assert_true(nb_strcmp("abc", "abd") < 0);
	assert_true(nb_strcmp("abc", "ab") > 0);
	assert_true(nb_strcmp("\x7f", "\x80") < 0);
	assert_int_equal(nb_strncmp("abcd", "abxx", 2), 0);
	assert_true(nb_str_is("nodeX", 4, "node"));
	assert_false(nb_str_is("node", 4, "nod"));
	assert_false(nb_str_is("nod", 3, "node"));
	assert_true(nb_str_is("", 0, ""));
}

struct item {
	int key;
	unsigned place;
};

static int cmp_item(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Expect every length from 0 on to come out sorted, equal keys in their first order. */
static void test_sort(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		struct item *v = calloc(n + 1, sizeof(*v)), *tmp = calloc(n + 1, sizeof(*tmp));

		for (unsigned i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			v[i].key = (int)(seed >> 16) % 17;
			v[i].place = i;
		}
		nb_sort(v, n, sizeof(*v), tmp, cmp_item);
		for (unsigned i = 1; i < n; i++) {
			assert_true(v[i - 1].key <= v[i].key);
			assert_true(v[i - 1].key < v[i].key || v[i - 1].place < v[i].place);
		}
		free(v);
		free(tmp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
