/* scan.c -- tests of src/view/scan.c. */
#include "form.h"

#include "view/scan.h"

static void test_lines(void **state)
{
	static const char text[] = "one\n\n three\r\nfour";
	struct nb_cursor cur;
	struct nb_scan sc;

	(void)state;
	assert_int_equal(nb_scan_begin(&sc, text, strlen(text), NULL), 0);
	assert_true(nb_scan_line(&sc));
	assert_int_equal(sc.n, 3);
	assert_true(nb_scan_line(&sc));
	assert_int_equal(sc.n, 0);
	assert_true(nb_scan_line(&sc));
	assert_int_equal(sc.line, 3);
	cur = nb_scan_cursor(&sc);
	assert_true(nb_cur_lit(&cur, "three"));
	assert_true(nb_cur_end(&cur)); /* without the CR */
	assert_false(sc.cut);
	assert_true(nb_scan_line(&sc));
	assert_true(sc.cut);
	assert_false(nb_scan_line(&sc));
}

static void test_nul(void **state)
{
	struct nb_error err = {0};
	struct nb_scan sc;

	(void)state;
	assert_int_equal(nb_scan_begin(&sc, "a\nb\0c", 5, &err), -NB_EINVAL);
	assert_int_equal(err.line, 2);
	assert_int_equal(nb_scan_begin(&sc, NULL, 0, NULL), 0);
	assert_false(nb_scan_line(&sc));
}

static void test_numbers(void **state)
{
	struct nb_cursor c = nb_cursor("18446744073709551615 18446744073709551616 -1 ff", 47);
	uint64_t v = 7;

	(void)state;
	assert_true(nb_cur_u64(&c, &v));
	assert_true(v == UINT64_MAX);
	assert_false(nb_cur_u64(&c, &v)); /* a blank */
	assert_true(nb_cur_blanks(&c));
	assert_false(nb_cur_u64(&c, &v)); /* past 64 bits: nothing is taken */
	assert_true(nb_cur_lit(&c, "18446744073709551616 "));
	assert_false(nb_cur_u64(&c, &v));
	assert_true(nb_cur_lit(&c, "-1 "));
	assert_true(nb_cur_hex(&c, &v));
	assert_int_equal(v, 255);
	assert_true(nb_cur_end(&c));
	c = nb_cursor("1000", 3); /* the end is the cursor's, not the string's */
	assert_true(nb_cur_u64(&c, &v));
	assert_int_equal(v, 100);
	c = nb_cursor("1000", 4);
	assert_false(nb_cur_max(&c, 999, &v));
	assert_true(nb_cur_max(&c, 1000, &v));
}

/* Expect what logs put before a message to go, and nothing else. */
static void test_timestamps(void **state)
{
	static const char *const with[] = {"[    0.000000] Policy",
					   "<6>[   34.283262] Policy",
					   "[1.0] Policy",
					   "Jan  1 00:00:00 host kernel: [    0.1] Policy",
					   "2026-01-01T00:00:00+0100 host kernel: Policy",
					   "Policy"};
	static const char *const without[] = {"[mem 0x1000]", "[ 1] x", "kernel: x", "<x> y"};

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		struct nb_cursor c = nb_cursor(with[i], strlen(with[i]));

		nb_cur_timestamp(&c);
		if (!nb_cur_lit(&c, "Policy"))
			fail_msg("%s: left at %s", with[i], c.p);
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		struct nb_cursor c = nb_cursor(without[i], strlen(without[i]));

		nb_cur_timestamp(&c);
		assert_ptr_equal(c.p, without[i]);
	}
}

/* Expect a message that names the line and shows harmless characters of it only. */
static void test_fail(void **state)
{
	struct nb_error err = {0};
	struct nb_scan sc;

	(void)state;
	assert_int_equal(nb_scan_begin(&sc, "ok\n\033[31mred\n", 12, &err), 0);
	nb_scan_line(&sc);
	nb_scan_line(&sc);
	assert_int_equal(nb_scan_fail(&sc, &err, "row", "a number"), -NB_EINVAL);
	assert_int_equal(err.line, 2);
	assert_string_equal(err.text, "row: found \"?[31mred\", expected a number");
}

static void test_node_zone(void **state)
{
	struct nb_strings p = {0};
	struct nb_cursor c = nb_cursor("Node 12, zone  Movable rest", 27);
	const char *zone;
	int nid, type;

	(void)state;
	assert_true(nb_cur_node_zone(&c, &p, &nid, &zone, &type));
	assert_int_equal(nid, 12);
	assert_string_equal(zone, "Movable");
	assert_int_equal(type, NB_ZONE_MOVABLE);
	assert_true(nb_cur_lit(&c, " rest"));
	c = nb_cursor("Node 99999999999, zone DMA", 26);
	assert_false(nb_cur_node_zone(&c, &p, &nid, &zone, &type));
	c = nb_cursor("Node 1, zone ", 13);
	assert_false(nb_cur_node_zone(&c, &p, &nid, &zone, &type));
	nb_strings_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_nul),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_fail),    cmocka_unit_test(test_node_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
