/* table.c -- tests of src/view/table.c. */
#include "form.h"

#include "view/table.h"

static void fill(struct nb_table *t)
{
	nb_table_column(t, "what", NB_TABLE_LEFT);
	nb_table_column(t, "n", NB_TABLE_RIGHT);
	nb_table_column(t, "why", NB_TABLE_LEFT);
	nb_table_cell(t, "%s", "caf\xc3\xa9");
	nb_table_cell_styled(t, NB_TABLE_BAD, "%d", 12345);
	nb_table_cell(t, "x");
	nb_table_cell(t, "long words");
	nb_table_cell(t, "%d", 1);
	nb_table_end_row(t);
}

/* Expect columns by their widest cell, two blanks between, none at the end; code points count. */
static void test_plain(void **state)
{
	struct nb_table t = {.indent = 1};
	struct nb_text out = {0};

	(void)state;
	fill(&t);
	nb_table_print(&t, &out);
	assert_string_equal(nb_text_str(&out), " what            n  why\n"
					       " caf\xc3\xa9        12345  x\n"
					       " long words      1\n");
	nb_text_release(&out);
	nb_table_release(&t);
}

static void test_colour(void **state)
{
	struct nb_table t = {.colour = true};
	struct nb_text out = {0};

	(void)state;
	fill(&t);
	nb_table_print(&t, &out);
	assert_non_null(strstr(nb_text_str(&out), "\033[31m12345\033[0m  x\n"));
	assert_non_null(strstr(nb_text_str(&out), "\033[1mwhat\033[0m            \033[1mn\033[0m"));
	nb_text_release(&out);
	nb_table_release(&t);
}

static void test_empty(void **state)
{
	struct nb_table t = {0};
	struct nb_text out = {0};

	(void)state;
	nb_table_print(&t, &out);
	assert_int_equal(out.len, 0);
	nb_table_column(&t, "only", NB_TABLE_LEFT);
	nb_table_print(&t, &out);
	assert_string_equal(nb_text_str(&out), "only\n");
	nb_text_release(&out);
	nb_table_release(&t);
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} t[] = {{0, "0 B"},
		 {1023, "1023 B"},
		 {1024, "1 KiB"},
		 {1536, "1.5 KiB"},
		 {UINT64_C(64) << 30, "64 GiB"},
		 {(UINT64_C(31) << 30) + (UINT64_C(512) << 20), "31.5 GiB"},
		 {UINT64_MAX, "16.0 EiB"}};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nb_text out = {0};

		nb_text_size(&out, t[i].bytes);
		assert_string_equal(nb_text_str(&out), t[i].text);
		nb_text_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
