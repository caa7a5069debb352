/* nodelist.c -- tests of src/sim/nodelist.c: numactl's node lists, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mask.h"
#include "sim/nodelist.h"

static int parse(const char *text, const char *allowed, const char *before, char *ret, size_t n,
		 struct nb_error *err)
{
	struct nb_nodemask may = {0}, prev = {0}, got = {0};
	int r;

	nb_bits_parse_list(allowed, strlen(allowed), may.bits, NB_MAX_NODES);
	if (before)
		nb_bits_parse_list(before, strlen(before), prev.bits, NB_MAX_NODES);
	nb_nodemask_set(&got, 77); /* must stay on failure */
	r = nb_nodelist_parse(text, "--membind", "nodes with memory", may.bits,
			      before ? prev.bits : NULL, got.bits, NB_MAX_NODES, err);
	nb_bits_format_list(got.bits, NB_MAX_NODES, ret, n);
	return r;
}

static void good(void **state)
{
	static const struct {
		const char *text, *allowed, *before, *want;
	} cases[] = {
		{"0", "0-3", NULL, "0"},         {"0-2", "0-3", NULL, "0-2"},
		{"3,0-1", "0-3", NULL, "0-1,3"}, {"all", "0,2,5", NULL, "0,2,5"},
		{"0-5", "0,2,5", NULL, "0,2,5"}, /* holes inside a range are left out */
		{"!0", "0-3", NULL, "1-3"},      {"!1-2", "0-3", NULL, "0,3"},
		{"+0", "2,5,9", NULL, "2"},      {"+1-2", "2,5,9", NULL, "5,9"},
		{"!+0", "2,5,9", NULL, "5,9"},   {"same", "0-3", "1", "1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char got[64];
		struct nb_error err = {0};

		assert_int_equal(parse(cases[i].text, cases[i].allowed, cases[i].before, got,
				       sizeof(got), &err),
				 0);
		assert_string_equal(got, cases[i].want);
	}
}

static void bad(void **state)
{
	static const char *const cases[] = {"",      "x",    "1-",  "1,",  ",1",
					    "1 2",   "4",    "0-4", "2-1", "!all",
					    "!0-3",  "same", "+4",  "-1",  "99999999999999999999",
					    "all,1", "!",    "+"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char got[64];
		struct nb_error err = {0};

		assert_int_equal(parse(cases[i], "0-3", NULL, got, sizeof(got), &err), -NB_EINVAL);
		assert_string_equal(got, "77");
		assert_non_null(strstr(err.text, "--membind="));
		assert_non_null(strstr(err.text, "nodes with memory: 0-3"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
