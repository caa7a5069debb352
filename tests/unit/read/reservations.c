/* reservations.c -- tests of src/read/reservations.c: what boot had reserved, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/dmesg.h"

#define DUMP                                                                                  \
	"MEMBLOCK configuration:\n"                                                           \
	" memory size = 0x7f000 reserved size = 0x3000\n"                                     \
	" memory.cnt  = 0x1\n"                                                                \
	" memory[0x0]\t[0x0000000000001000-0x000000000007ffff], 0x7f000 bytes flags: 0x0\n"   \
	" reserved.cnt  = 0x2\n"                                                              \
	" reserved[0x0]\t[0x0000000000010000-0x0000000000010fff], 0x1000 bytes flags: 0x0\n"  \
	" reserved[0x1]\\x09[0x0000000000020000-0x0000000000021fff], 0x2000 bytes on node 0 " \
	"flags: 0x0\n"
#define END "SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=1, Nodes=1\n"

/* "10000-11000 20000-22000", ends exclusive; "" for nothing known. */
static const char *ranges(const char *text)
{
	static char out[512];
	struct nb_dmesg d;
	size_t len = 0;

	out[0] = 0;
	nb_dmesg_parse(text, strlen(text), &d);
	for (size_t i = 0; i < d.reservations.ranges.n; i++)
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%llx-%llx", i ? " " : "",
					(unsigned long long)d.reservations.ranges.v[i].start,
					(unsigned long long)d.reservations.ranges.v[i].end);
	nb_dmesg_release(&d);
	return out;
}

static const struct {
	const char *text, *want;
} cases[] = {
	{DUMP END, "10000-11000 20000-22000"},
	{"[    0.000000] " DUMP "[    0.100000] Memory: 33040K/122356K available\n",
	 "10000-11000 20000-22000"},
	/* what follows counts; pieces join, shares of pages stay bytes */
	{DUMP "memblock_reserve: [0x0000000000011000-0x0000000000011fff] memblock_alloc+0x1/0x2\n"
	      "memblock_reserve: [0x0000000000030a40-0x0000000000030a7f] f+0x1/0x2\n" END,
	 "10000-12000 20000-22000 30a40-30a80"},
	/* given back: the middle, an end, all, nothing */
	{DUMP "memblock_phys_free: [0x0000000000020800-0x0000000000020fff] f+0x1/0x2\n"
	      "memblock_free: [0x0000000000010000-0x00000000000107ff] f+0x1/0x2\n"
	      "memblock_phys_free: [0x0000000000050000-0x000000000005ffff] f+0x1/0x2\n" END,
	 "10800-11000 20000-20800 21000-22000"},
	/* an empty range is none */
	{DUMP "memblock_reserve: [0x0000000000030000-0x000000000002ffff] f+0x1/0x2\n" END,
	 "10000-11000 20000-22000"},
	/* the last dump counts, whatever was wrong before it */
	{"MEMBLOCK configuration:\n reserved.cnt  = 0x9\nmemblock_reserve: [oops\n" DUMP END,
	 "10000-11000 20000-22000"},
	/* what comes after memblock was given up is not memblock's */
	{DUMP END "memblock_phys_free: [0x0000000000010000-0x0000000000010fff] f+0x1/0x2\n"
		  "memblock_reserve: [0x0000000000060000-0x0000000000060fff] f+0x1/0x2\n",
	 "10000-11000 20000-22000"},
	/* of two boots the last */
	{"Linux version 6.1.0 (x)\n" DUMP END "Linux version 6.1.0 (x)\n", ""},
	{"Linux version 6.1.0 (x)\nLinux version 6.1.0 (x)\n" DUMP END, "10000-11000 20000-22000"},
	/* kernels that print ends in two ways */
	{"Linux version 4.19.0 (x)\n" DUMP END, ""},
	/* no end, no beginning, a line too few, a count cut off */
	{DUMP, ""},
	{"memblock_reserve: [0x0000000000011000-0x0000000000011fff] f+0x1/0x2\n" END, ""},
	{"MEMBLOCK configuration:\n reserved.cnt  = 0x2\n"
	 " reserved[0x0]\t[0x0000000000010000-0x0000000000010fff], 0x1000 bytes\n" END,
	 ""},
	{"MEMBLOCK configuration:\n reserved.cnt  = 0x\n" END, ""},
	/* lines that are not what they should be */
	{DUMP "memblock_reserve: [0x0000000000030000-0x00000000000\n" END, ""},
	{DUMP "memblock_reserve: [0x0000000000030000\n" END, ""},
	{DUMP "memblock_reserve: \n" END, ""},
	{DUMP "memblock_reserve: [30000-30fff]\n" END, ""},
	{DUMP "memblock_reserve: [0x0000000000030000-0x0000000000020000] f\n" END, ""},
	{DUMP "memblock_reserve: [0x0000000000030000-0xffffffffffffffff] f\n" END, ""},
	{DUMP "memblock_reserve: [0x0000000000030000-0x10000000000000000] f\n" END, ""},
	{DUMP "memblock_reserve: [0x0000000000030000-0x0010000000000000] f\n" END, ""},
	{DUMP "memblock_phys_free: [0x0000000000020000-] f\n" END, ""},
	{DUMP " reserved[0x2]\n" END, ""},
	/* other lines of memblock's */
	{DUMP "memblock_add: [0x0000000000100000-0x00000000077defff] f+0x73/0xb0\n"
	      "memblock_alloc_try_nid: 32768 bytes align=0x40 nid=-1 from=0x0 max_addr=0x0 f\n" END,
	 "10000-11000 20000-22000"},
};

static void test_logs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(ranges(cases[i].text), cases[i].want) != 0)
			fail_msg("case %zu: %s instead of %s", i, ranges(cases[i].text),
				 cases[i].want);
	}
}

/* Cut off anywhere, nothing is made up: all of it or none. */
static void test_truncated(void **state)
{
	static const char whole[] =
		DUMP "memblock_reserve: [0x0000000000030000-0x0000000000030fff] f+0x1/0x2\n" END;
	char text[sizeof(whole)];

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		memcpy(text, whole, n);
		text[n] = 0;
		bool ended = n >= sizeof(whole) - sizeof(END) + strlen("SLUB: ");

		assert_string_equal(ranges(text),
				    ended ? "10000-11000 20000-22000 30000-31000" : "");
	}
}

/* More than any kernel has is not believed. */
static void flood(const char *line, size_t n)
{
	size_t len = strlen(line);
	char *text = malloc(sizeof(DUMP) + n * len + sizeof(END));

	assert_non_null(text);
	strcpy(text, DUMP);
	for (size_t i = 0; i < n; i++)
		memcpy(text + sizeof(DUMP) - 1 + i * len, line, len);
	strcpy(text + sizeof(DUMP) - 1 + n * len, END);
	assert_string_equal(ranges(text), "");
	free(text);
}

static void test_too_many(void **state)
{
	(void)state;
	flood("memblock_reserve: [0x0000000000030000-0x0000000000030fff] f\n", NB_RANGES_MAX);
	flood("memblock_phys_free: [0x0000000000030000-0x0000000000030fff] f\n", NB_FREES_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logs),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
