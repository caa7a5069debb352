/* side_by_side.c -- tests of src/view/side_by_side.c. */
#include "form.h"

#include "view/side_by_side.h"
#include <stdlib.h>

static json_t *doc(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static void test_pairs(void **state)
{
	/* elements that name themselves are paired by name, whatever their place */
	json_t *a = doc("{\"x\": 1, \"zones\": [{\"node\": 0, \"zone\": \"DMA\", \"free\": 10}, "
			"{\"node\": 1, \"zone\": \"Normal\", \"free\": 20}], \"list\": [1, 2], "
			"\"gone\": true}");
	json_t *b = doc("{\"x\": 1, \"zones\": [{\"node\": 1, \"zone\": \"Normal\", \"free\": 25}, "
			"{\"node\": 0, \"zone\": \"DMA\", \"free\": 10}], \"list\": [1, 3], "
			"\"new\": \"word\"}");
	const struct nb_side_options opt = {.label_a = "A", .label_b = "B", .seconds = 10};
	json_t *j = nb_side_json(a, b, &opt), *d = json_object_get(j, "differences");
	struct nb_text t = {0};

	(void)state;
	assert_int_equal(json_array_size(d), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(d, 0), "what")),
			    "zones node 1 Normal free");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(d, 0), "difference")),
			 5);
	assert_string_equal(json_string_value(json_object_get(json_array_get(d, 1), "what")),
			    "list 1");
	assert_true(json_is_null(json_object_get(json_array_get(d, 2), "b")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(d, 3), "b")), "word");
	/* x, DMA's name and free, Normal's name, list 0 */
	assert_int_equal(json_integer_value(json_object_get(j, "equal")), 5);
	json_decref(j);
	nb_side_print(a, b, &opt, &t);
	assert_non_null(strstr(nb_text_str(&t), "zones node 1 Normal free "));
	assert_non_null(strstr(nb_text_str(&t), "+25.0 %"));
	assert_non_null(strstr(nb_text_str(&t), " 0.5\n"));
	assert_non_null(strstr(nb_text_str(&t), "5 other figures are equal"));
	nb_text_release(&t);
	json_decref(a);
	json_decref(b);
}

static void test_equal(void **state)
{
	json_t *a = doc("{\"a\": [{\"pid\": 1, \"v\": 2.5}, {\"pid\": 1, \"v\": 3}]}");
	const struct nb_side_options opt = {.label_a = "A", .label_b = "B"};
	struct nb_text t = {0};

	(void)state;
	/* two elements of one name: the first pairs with the first */
	nb_side_print(a, a, &opt, &t);
	assert_string_equal(nb_text_str(&t), "2 figures are equal\n");
	nb_text_release(&t);
	json_decref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
