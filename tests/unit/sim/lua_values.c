/* lua_values.c -- tests of src/sim/lua_values.c: a view's figures as a table. */
#include "simtest.h"

static void values(void **state)
{
	(void)state;
	simtest_prints("2x1G:2",
		       "local t = machine:task{ cpu = 0 }\n"
		       "local before = machine:values('vmstat').pgfault\n"
		       "t:touch(t:mmap{ length = '1M' }, '1M')\n"
		       "print(machine:values('vmstat').pgfault - before)\n"
		       "print(machine:values('node/0/meminfo').anon_pages_kib)\n"
		       "local z = machine:values('zoneinfo').zones\n"
		       "print(z[1].zone, z[1].node, #z[1].protection_pages > 2)\n"
		       "print(machine:values('numastat') ~= nil)\n",
		       "256\n1024\nDMA\t0\ttrue\ntrue\n");
	simtest_fails("1x1G", "machine:values('zoneinf')", 1, "zoneinfo");
	simtest_fails("1x1G", "machine:values()", 1, "string expected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
