/* explain.c -- tests of src/view/explain*.c: the sheet, and placements against the allocator. */
#include "form.h"

#include "box.h"
#include "view/explain.h"
#include <stdlib.h>

static void test_sheet(void **state)
{
	struct nb_sheet s;
	struct nb_words w = {0};

	(void)state;
	nb_sheet_init(&s, "topic", false);
	nb_sheet_heading(&s, "One");
	nb_sheet_step(&s, "first %d", 1);
	nb_sheet_step(
		&s, "%s",
		"a step that is longer than a line of a hundred columns is broken at a blank and "
		"goes on under its own text");
	nb_sheet_heading(&s, "Two");
	nb_sheet_note(&s, "a remark %s", nb_bytes(&w, 65536));
	nb_sheet_step(&s, "numbers begin again");
	assert_string_equal(
		nb_text_str(&s.text),
		"One\n"
		"  1. first 1\n"
		"  2. a step that is longer than a line of a hundred columns is broken at a "
		"blank and goes on under\n"
		"     its own text\n"
		"\n"
		"Two\n"
		"     a remark 64 KiB\n"
		"  1. numbers begin again\n");
	assert_int_equal(json_array_size(s.steps), 6);
	assert_string_equal(json_string_value(json_array_get(s.steps, 1)), "first 1");
	nb_sheet_release(&s);
}

/* Long words are not cut, and nothing is lost. */
static void test_long_words(void **state)
{
	char word[300];
	struct nb_sheet s;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	nb_sheet_init(&s, "topic", false);
	nb_sheet_step(&s, "a %s b", word);
	assert_non_null(strstr(nb_text_str(&s.text), word));
	assert_non_null(strstr(nb_text_str(&s.text), " b\n"));
	nb_sheet_release(&s);
}

static bool agrees(const struct nb_explain_ask *a)
{
	struct nb_sheet s;
	struct nb_error err = {0};
	const json_t *path, *agree;
	bool ok;

	nb_sheet_init(&s, "placement", false);
	assert_int_equal(nb_explain_placement(a, &s, &err), 0);
	path = json_object_get(s.root, "path");
	agree = json_object_get(s.root, "allocator_agrees");
	ok = json_is_true(agree) || (!agree && strcmp(json_string_value(path), "none") == 0);
	nb_sheet_release(&s);
	return ok;
}

/* While memory runs out: what is told is what the allocator does, or that nothing passes. */
static void test_placement_agrees(void **state)
{
	static const nb_gfp_t gfps[] = {NB_GFP_KERNEL, NB_GFP_ATOMIC, NB_GFP_HIGHUSER_MOVABLE,
					NB_GFP_DMA | NB_GFP_KERNEL, NB_GFP_DMA32 | NB_GFP_KERNEL};
	static const char *const kernels[] = {"6.12", "6.1", "4.18"};
	uint64_t rng = 7;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct box b;

		box_boot(&b, kernels[k], NB_ARCH_X86_64);
		for (unsigned i = 0; i < 1200; i++) {
			struct nb_explain_ask a = {.sys = b.sys, .zone = -1, .policy = "default"};
			struct nb_alloc_request eat = {.gfp = NB_GFP_HIGHUSER_MOVABLE |
							      NB_GFP_BIT_NORETRY,
						       .order = 10,
						       .nid = NB_NO_NODE};

			rng = rng * 6364136223846793005u + 1442695040888963407u;
			a.gfp = gfps[(rng >> 33) % 5] | NB_GFP_BIT_NORETRY;
			a.order = (unsigned)(rng >> 40) % 4;
			a.cpu = (int)((rng >> 50) % 3);
			a.node = (rng >> 60) % 4 ? NB_NO_NODE : 2;
			if (i % 20 == 0)
				assert_true(agrees(&a));
			nb_alloc_pages(b.sys, &eat);
		}
		box_shutdown(&b);
	}
}

static void test_missing(void **state)
{
	struct nb_explain_ask a = {.zone = NB_ZONE_HIGHMEM, .node = NB_NO_NODE};
	struct nb_error err = {0};
	struct nb_sheet s;
	struct box b;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	a.sys = b.sys;
	nb_sheet_init(&s, "watermarks", false);
	assert_int_equal(nb_explain_watermarks(&a, &s, &err), -NB_ENODEV);
	assert_non_null(strstr(err.text, "HighMem"));
	nb_sheet_release(&s);
	box_shutdown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sheet),
		cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_placement_agrees),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
