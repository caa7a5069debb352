/* shuffle.c -- page_alloc.shuffle=1: the same blocks, in an order that the seed decides. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct allocbox box;

static char *lists(uint64_t seed, const char *cmdline)
{
	char *text;

	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-10ffffff",
						    .facts = "0 DMA32 65536",
						    .cmdline = cmdline,
						    .seed = seed});
	text = strdup(allocbox_lists(&box, 0, NB_ZONE_DMA32));
	allocbox_end(&box);
	return text;
}

static void order_by_seed(void **state)
{
	char *plain = lists(7, NULL), *a = lists(7, "page_alloc.shuffle=1");
	char *b = lists(7, "page_alloc.shuffle=1"), *c = lists(8, "page_alloc.shuffle=1");

	(void)state;
	assert_string_equal(plain, "10M:1000*64");
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(plain);
	free(a);
	free(b);
	free(c);
}

static void every_block_once(void **state)
{
	char *text = lists(3, "page_alloc.shuffle=1"), *s = strchr(text, ':') + 1;
	bool seen[64] = {false};
	unsigned moved = 0, n = 0;

	(void)state;
	for (; *s; s += *s == ',', n++) {
		unsigned long pfn = strtoul(s, &s, 16);

		assert_true(pfn >= 0x1000 && pfn < 0x11000 && pfn % 1024 == 0);
		assert_false(seen[(pfn - 0x1000) / 1024]);
		seen[(pfn - 0x1000) / 1024] = true;
		moved += (pfn - 0x1000) / 1024 != n;
	}
	assert_int_equal(n, 64);
	assert_true(moved > 32);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_by_seed),
		cmocka_unit_test(every_block_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
