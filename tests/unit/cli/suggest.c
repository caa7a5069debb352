/* suggest.c -- which word is near enough to be meant. */
#include "cli/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"summary", "zoneinfo", "zonelists", "buddyinfo",
				    "free",    "show",     "sim",       "capture"};

static const char *nearest(const char *typed)
{
	struct nb_nearest n;

	nb_nearest_init(&n, typed);
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nb_nearest_try(&n, words[i]);
	return n.best;
}

static const struct {
	const char *typed, *meant; /* NULL: nothing is near */
} cases[] = {
	{"zonelist", "zonelists"},
	{"zoneinf", "zoneinfo"},
	{"zonefino", "zoneinfo"},
	{"zneinfo", "zoneinfo"},
	{"shwo", "show"},
	{"sho", "show"},
	{"shows", "show"},
	{"captrue", "capture"},
	{"cap", "capture"},
	{"buddy", "buddyinfo"},
	{"sm", "sim"},
	{"sum", "summary"},
	{"xyzzy", NULL},
	{"", NULL},
	{"z", NULL},
	{"zoneinfozoneinfo", NULL},
	{"fere", "free"},
	{"eerf", NULL},
};

static void test_cases(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = nearest(cases[i].typed);

		if (!cases[i].meant != !got || (got && strcmp(got, cases[i].meant) != 0)) {
			print_error("'%s': got %s, expected %s\n", cases[i].typed,
				    got ? got : "nothing",
				    cases[i].meant ? cases[i].meant : "nothing");
			fail();
		}
	}
}

static void test_text(void **state)
{
	struct nb_nearest n;
	char buf[64], small[8];

	(void)state;
	nb_nearest_init(&n, "shwo");
	assert_string_equal(nb_nearest_text(&n, buf, sizeof(buf)), "");
	nb_nearest_try(&n, "show");
	assert_string_equal(nb_nearest_text(&n, buf, sizeof(buf)), "; did you mean 'show'?");
	assert_int_equal(strlen(nb_nearest_text(&n, small, sizeof(small))), sizeof(small) - 1);
}

/* Words longer than the table are never near, and never overrun it. */
static void test_long(void **state)
{
	char typed[500];

	(void)state;
	memset(typed, 'z', sizeof(typed) - 1);
	typed[sizeof(typed) - 1] = '\0';
	assert_null(nearest(typed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
