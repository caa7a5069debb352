/* iomem.c -- tests of src/view/iomem.c. */
#include "form.h"

#include "box.h"
#include "view/iomem.h"

static void test_tree(void **state)
{
	static const char text[] = "00000000-00000fff : Reserved\n"
				   "b0000000-bfffffff : PCI ECAM 0000 [bus 00-ff]\n"
				   "  b0000000-bfffffff : Reserved\n"
				   "    b0000000-bfffffff : pnp 00:05\n"
				   "100000000-8ffffffff : PCI Bus 0000:00\n";
	struct nb_iomem m;

	(void)state;
	EXPECT_BACK(text, &m, nb_iomem_parse, nb_iomem_print);
	assert_int_equal(nb_iomem_nr_raw(&m), 0);
	assert_int_equal(m.entries[3].depth, 2);
	assert_string_equal(m.entries[1].name, "PCI ECAM 0000 [bus 00-ff]");
	assert_true(m.entries[4].end == UINT64_C(0x8ffffffff));
	assert_false(m.hidden);
	nb_iomem_release(&m);
}

static void test_hidden(void **state)
{
	struct nb_iomem m;

	(void)state;
	EXPECT_BACK("00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n", &m,
		    nb_iomem_parse, nb_iomem_print);
	assert_true(m.hidden);
	nb_iomem_release(&m);
}

static void test_refused(void **state)
{
	struct nb_iomem m;

	(void)state;
	EXPECT_REFUSED("", 0, &m, nb_iomem_parse, 0, "no range");
	EXPECT_REFUSED("00-0f : a\nnonsense\n", 19, &m, nb_iomem_parse, 2, "START-END : NAME");
	EXPECT_REFUSED("0f-00 : a\n", 10, &m, nb_iomem_parse, 1, "at or after");
}

/* Expect RAM of one node after the other in one piece, the hole left out. */
static void test_from_system(void **state)
{
	char *text = box_view("6.12", NB_ARCH_X86_64, "iomem");

	(void)state;
	assert_string_equal(text, "00000000-bfffffff : System RAM\n"
				  "100000000-13fffffff : System RAM\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_from_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
