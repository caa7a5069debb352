/* opts.c -- the option parser: every way to write an option, and every wrong one. */
#include "cli/opts.h"
#include "base/hosted/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct vars {
	const char *machine, *when;
	struct nb_opt_list sysctl;
	bool json, all;
	struct nb_opt_list args;
	char *line; /* what the texts point into */
};

static const struct nb_opt own[] = {
	{'m', "machine", "MACHINE", NB_OPT_STRING, offsetof(struct vars, machine), "", 0, NULL},
	{0, "sysctl", "N=V", NB_OPT_LIST, offsetof(struct vars, sysctl), "", 0, NULL},
	{'a', "all", NULL, NB_OPT_FLAG, offsetof(struct vars, all), "", 0, NULL},
	{0},
};
static const struct nb_opt common[] = {
	{'j', "json", NULL, NB_OPT_FLAG, offsetof(struct vars, json), "", 0, NULL},
	{0, "color", "WHEN", NB_OPT_STRING, offsetof(struct vars, when), "", NB_COMPLETE_WORDS,
	 "auto always never"},
	{0},
};

/* Parses the words of `line` (parted by blanks; "~" stands for an empty one). */
static int parse(const char *line, struct vars *v, struct nb_error *err)
{
	struct nb_opt_group groups[] = {{"own", own, v}, {"common", common, v}};
	char *words[16];
	int n = 0;

	memset(v, 0, sizeof(*v));
	memset(err, 0, sizeof(*err));
	v->line = nb_xstrdup(line);
	for (char *w = strtok(v->line, " "); w; w = strtok(NULL, " "))
		words[n++] = strcmp(w, "~") == 0 ? (char *)"" : w;
	return nb_opts_parse(groups, 2, n, words, &v->args, err);
}

static void release(struct vars *v)
{
	struct nb_opt_group groups[] = {{"own", own, v}, {"common", common, v}};

	nb_opts_release(groups, 2);
	nb_opt_list_release(&v->args);
	free(v->line);
}

static const struct {
	const char *line, *machine, *when;
	bool json, all;
	unsigned nr_sysctl, nr_args;
	const char *arg0;
} good[] = {
	{"", NULL, NULL, false, false, 0, 0, NULL},
	{"-m x", "x", NULL, false, false, 0, 0, NULL},
	{"-mx", "x", NULL, false, false, 0, 0, NULL},
	{"-m=x", "x", NULL, false, false, 0, 0, NULL},
	{"--machine x", "x", NULL, false, false, 0, 0, NULL},
	{"--machine=x", "x", NULL, false, false, 0, 0, NULL},
	{"--machine=x=y", "x=y", NULL, false, false, 0, 0, NULL},
	{"--machine=", "", NULL, false, false, 0, 0, NULL},
	{"--machine ~", "", NULL, false, false, 0, 0, NULL},
	{"-m -j", "-j", NULL, false, false, 0, 0, NULL},
	{"-m 1 -m 2", "2", NULL, false, false, 0, 0, NULL},
	{"view -j", NULL, NULL, true, false, 0, 1, "view"},
	{"-j view", NULL, NULL, true, false, 0, 1, "view"},
	{"-aj", NULL, NULL, true, true, 0, 0, NULL},
	{"-ajm x", "x", NULL, true, true, 0, 0, NULL},
	{"-ajmx", "x", NULL, true, true, 0, 0, NULL},
	{"-- -j", NULL, NULL, false, false, 0, 1, "-j"},
	{"-a -- --all --", NULL, NULL, false, true, 0, 2, "--all"},
	{"- -j", NULL, NULL, true, false, 0, 1, "-"},
	{"~ -j", NULL, NULL, true, false, 0, 1, ""},
	{"--sysctl a=1 --sysctl=b=2", NULL, NULL, false, false, 2, 0, NULL},
	{"--color=never", NULL, "never", false, false, 0, 0, NULL},
};

static void same_text(const char *a, const char *b)
{
	assert_true(!a == !b);
	if (a)
		assert_string_equal(a, b);
}

static void test_good(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct vars v;
		struct nb_error err;

		assert_int_equal(parse(good[i].line, &v, &err), 0);
		same_text(v.machine, good[i].machine);
		same_text(v.when, good[i].when);
		assert_int_equal(v.json, good[i].json);
		assert_int_equal(v.all, good[i].all);
		assert_int_equal(v.sysctl.n, good[i].nr_sysctl);
		assert_int_equal(v.args.n, good[i].nr_args);
		if (good[i].nr_args)
			assert_string_equal(v.args.v[0], good[i].arg0);
		release(&v);
	}
}

static const struct {
	const char *line, *says;
} bad[] = {
	{"--machin", "unknown option '--machin'; did you mean '--machine'?"},
	{"--jsno", "unknown option '--jsno'; did you mean '--json'?"},
	{"--frobnicate=1", "unknown option '--frobnicate'"},
	{"-x", "unknown option '-x'"},
	{"-jx", "unknown option '-x'"},
	{"-m", "-m needs a value: -m MACHINE"},
	{"-jm", "-m needs a value: -m MACHINE"},
	{"--machine", "--machine needs a value: --machine=MACHINE"},
	{"--json=1", "--json takes no value, found '1'"},
	{"--color=blue", "--color: 'blue' is none of: auto always never"},
	{"--color=aut", "--color: 'aut' is none of: auto always never"},
	{"--color ~", "--color: '' is none of: auto always never"},
};

static void test_bad(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vars v;
		struct nb_error err;

		assert_int_equal(parse(bad[i].line, &v, &err), -NB_EINVAL);
		assert_string_equal(err.text, bad[i].says);
		release(&v);
	}
}

/* A list grows in order, and ends with NULL as argv does. */
static void test_list(void **state)
{
	struct vars v;
	struct nb_error err;

	(void)state;
	assert_int_equal(parse("--sysctl a --sysctl b --sysctl c", &v, &err), 0);
	assert_string_equal(v.sysctl.v[0], "a");
	assert_string_equal(v.sysctl.v[2], "c");
	assert_null(v.sysctl.v[3]);
	release(&v);
	assert_int_equal(v.sysctl.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
