/* summary.c -- tests of src/view/summary.c and summary_json.c. */
#include "form.h"

#include "box.h"
#include "view/summary.h"

/* 5 GiB of frames, 4 GiB of RAM in 32 sections, spans of 3 and 1 GiB. */
static void test_memmap(void **state)
{
	struct nb_memmap_cost c;
	struct box b;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	nb_memmap_cost(b.sys, &c);
	assert_int_equal(c.struct_page_bytes, 64);
	assert_int_equal(c.flat_bytes, (5 << 18) * 64);
	assert_int_equal(c.per_node_bytes, (4 << 18) * 64);
	assert_int_equal(c.sparse_bytes, (4 << 18) * 64);
	assert_int_equal(c.pfn_bits, 21); /* the last frame is 5 * 2^18 - 1 */
	assert_true(c.ours_bytes > 0 && c.ours_bytes < c.sparse_bytes);
	box_shutdown(&b);
	box_boot(&b, "6.1", NB_ARCH_I386PAE);
	nb_memmap_cost(b.sys, &c);
	assert_int_equal(c.struct_page_bytes, 40);
	box_shutdown(&b);
}

static void test_text(void **state)
{
	char *text = box_view("6.12", NB_ARCH_X86_64, "summary");

	(void)state;
	assert_non_null(strstr(text, "machine    box\n"));
	assert_non_null(strstr(text, "profile 6.12 on x86_64: confirmed by captured kernels\n"));
	assert_non_null(strstr(text, "4 GiB present, 2 nodes, 3 CPUs, pages of 4 KiB"));
	assert_non_null(
		strstr(text, "sizeof(struct page) = 64 bytes; a frame number needs 21 bits\n"));
	assert_non_null(strstr(text, "numabox keeps 32 bytes a touched page"));
	assert_non_null(strstr(text, "estimated"));
	free(text);
	text = box_view("2.6.24", NB_ARCH_X86_64, "summary");
	assert_non_null(strstr(text, "not confirmed by any captured kernel\n"));
	free(text);
	text = box_view("6.12", NB_ARCH_OTHER, "summary");
	assert_non_null(strstr(text, "are not modelled: one plain Normal zone a node\n"));
	free(text);
}

static void test_json(void **state)
{
	const json_t *zone, *node;
	struct nb_zone_info z;
	struct box b;
	json_t *j;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	assert_int_equal(nb_zone_info(b.sys, 2, NB_ZONE_NORMAL, &z), 0);
	j = nb_summary_json(b.sys);
	assert_int_equal(json_integer_value(json_object_get(j, "present_pages")), 4 << 18);
	assert_true(json_is_true(json_object_get(json_object_get(j, "kernel"), "confirmed")));
	node = json_array_get(json_object_get(j, "nodes"), 1);
	assert_int_equal(json_integer_value(json_object_get(node, "node")), 2);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(node, "distances"), 0)),
			 31);
	zone = json_array_get(json_object_get(j, "zones"), 2);
	assert_string_equal(json_string_value(json_object_get(zone, "zone")), "Normal");
	assert_int_equal(json_integer_value(json_object_get(zone, "managed_pages")),
			 z.managed_pages);
	assert_int_equal(json_integer_value(json_object_get(zone, "absent_pages")), 0);
	assert_string_equal(json_string_value(json_object_get(zone, "managed_source")),
			    nb_source_name(z.managed_source));
	json_decref(j);
	box_shutdown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memmap),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
