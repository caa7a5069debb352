/* xml_bounds.c -- what passes on to hwloc and what does not, hiding places included. */
#include "read/xml_bounds.h"
#include "form.h"

static const char *const good[] = {
	"",
	"text",
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE topology SYSTEM "
	"\"hwloc2.dtd\">\n<topology/>",
	"<?xml version='1.0'?><!-- <object> \"' --><a b='>' c=\"/>\"><object os_index = "
	"\"7\"/></a>",
	"<object os_index=\"4294967295\"/><object os_index=\"-1\"/>",
};

static const struct {
	const char *xml;
	int code;
	unsigned line;
	const char *says;
} bad[] = {
	{"<a", -NB_EINVAL, 1, "a tag that does not end"},
	{"<a>\n</a", -NB_EINVAL, 2, "a tag that does not end"},
	{"<a\n\nb>", -NB_EINVAL, 3, "an attribute without a value"},
	{"<a b=c>", -NB_EINVAL, 1, "an attribute without quotes"},
	{"<a b='c\">", -NB_EINVAL, 1, "a quote that is left open"},
	{"<a <b>", -NB_EINVAL, 1, "an attribute without a value"},
	{"<!-- ", -NB_EINVAL, 1, "a comment that does not end"},
	{"<?xml ", -NB_EINVAL, 1, "an instruction that does not end"},
	{"<?xml encoding='UTF-16'?>", -NB_EINVAL, 1, "its encoding is not UTF-8"},
	{"<?xml encoding = \"utf-7\" ?>", -NB_EINVAL, 1, "its encoding is not UTF-8"},
	{"<!DOCTYPE a [<!ENTITY b \"<object>\">]>", -NB_EINVAL, 1, "declarations of its own"},
	{"<![CDATA[<a>]]>", -NB_EINVAL, 1, "a declaration"},
	{"<a>\n<b os_index=\"65537\"/>", -NB_EFBIG, 2, "os_index: more than 65536"},
	{"<b os_index\n=\n'99999999999999999999'/>", -NB_EINVAL, 3, "a number that is none"},
	{"<b os_index=\"&#57;&#57;\"/>", -NB_EINVAL, 1, "a number that is none"},
	{"<b nbobjs=\"8193\"/>", -NB_EFBIG, 1, "nbobjs: more than 8192"},
};

static int check(const char *xml, size_t len, struct nb_error *err)
{
	memset(err, 0, sizeof(*err));
	return nb_xml_check(xml, len, err);
}

static void test_good(void **state)
{
	struct nb_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (check(good[i], strlen(good[i]), &err))
			fail_msg("%s: %s", good[i], err.text);
	}
}

static void test_bad(void **state)
{
	struct nb_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = check(bad[i].xml, strlen(bad[i].xml), &err);

		if (rc != bad[i].code || err.line != bad[i].line || !strstr(err.text, bad[i].says))
			fail_msg("%s: %d, line %u: %s", bad[i].xml, rc, err.line, err.text);
	}
	assert_int_equal(check("<a>\0</a>", 8, &err), -NB_EINVAL);
	assert_non_null(strstr(err.text, "NUL"));
}

/* n times a piece. */
static int repeat(const char *piece, int n, struct nb_error *err)
{
	struct nb_text t = {0};
	int rc;

	for (int i = 0; i < n; i++)
		nb_text_puts(&t, piece);
	rc = check(nb_text_str(&t), t.len, err);
	nb_text_release(&t);
	return rc;
}

static void test_counts(void **state)
{
	struct nb_error err;

	(void)state;
	assert_int_equal(repeat("<a>", 64, &err), 0);
	assert_int_equal(repeat("<a>", 65, &err), -NB_EFBIG);
	assert_non_null(strstr(err.text, "levels of nesting: more than 64"));
	/* A quoted or commented end is none. */
	assert_int_equal(repeat("<a b=\"/></a>\">", 65, &err), -NB_EFBIG);
	assert_int_equal(repeat("<a><!-- </a> -->", 65, &err), -NB_EFBIG);
	assert_int_equal(repeat("<a></a>", 1000, &err), 0);
	assert_int_equal(repeat("<object/>", 2048, &err), 0);
	assert_int_equal(repeat("<object/>", 2049, &err), -NB_EFBIG);
	assert_non_null(strstr(err.text, "objects below one: more than 2048"));
	assert_int_equal(repeat("<a><object/></a>", 3000, &err), 0);
	assert_int_equal(repeat("<info/>", 200001, &err), -NB_EFBIG);
	assert_non_null(strstr(err.text, "elements: more than 200000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
