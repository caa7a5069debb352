/* cmdline.c -- tests of src/machine/cmdline.c: finding words of the kernel command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/machine.h>

static void expect_option(const char *line, const char *word, const char *want)
{
	struct nb_machine m = {.cmdline = line};
	size_t len = 99;
	const char *s = nb_machine_option(&m, word, &len);

	if (!want) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(s, want, len);
}

static void test_option(void **state)
{
	(void)state;
	expect_option("quiet movable_node ro", "movable_node", "movable_node");
	expect_option("quiet movable-node ro", "movable_node", "movable-node");
	expect_option("movable_nodes", "movable_node", NULL);
	expect_option("xmovable_node", "movable_node", NULL);
	expect_option("movable_node=1", "movable_node", NULL);
	expect_option("kernelcore=1G", "kernelcore=", "1G");
	expect_option("kernelcore=1G kernelcore=50%", "kernelcore=", "50%");
	expect_option("kernelcore=", "kernelcore=", "");
	expect_option("nokernelcore=1G", "kernelcore=", NULL);
	expect_option("kernelcore", "kernelcore=", NULL);
	expect_option("mem=1G -- mem=2G", "mem=", "1G");
	expect_option("a=\"mem=1G quiet\" mem=3G", "mem=", "3G");
	expect_option("mem=\"2G\"", "mem=", "2G");
	expect_option("\tmem=2G\n", "mem=", "2G");
	expect_option("mem=\"2G", "mem=", "\"2G");
	expect_option("", "mem=", NULL);
	expect_option(NULL, "mem=", NULL);
}

/* Linux keeps 2,047 bytes; a word on the border is cut. */
static void test_cut_off(void **state)
{
	char line[4096];

	(void)state;
	memset(line, ' ', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	memcpy(line + 2040, "mem=123456", 10);
	expect_option(line, "mem=", "123");
	memcpy(line + 2040, "          ", 10);
	memcpy(line + 2047, "mem=1", 5);
	expect_option(line, "mem=", NULL);
}

static void test_every_occurrence(void **state)
{
	struct nb_machine m = {.cmdline = "memmap=1G$2G mem=4G memmap=2G$8G,exactmap memmap=1G"};
	static const char *const want[] = {"1G$2G", "2G$8G,exactmap", "1G"};
	size_t pos = 0, len, n = 0;
	const char *s;

	(void)state;
	while ((s = nb_machine_option_next(&m, "memmap=", &pos, &len))) {
		assert_int_equal(len, strlen(want[n]));
		assert_memory_equal(s, want[n], len);
		n++;
	}
	assert_int_equal(n, 3);
	assert_null(nb_machine_option_next(&m, "memmap=", &pos, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_every_occurrence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
