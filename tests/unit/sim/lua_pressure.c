/* lua_pressure.c -- tests of src/sim/lua_pressure.c: reclaim that a scenario asks for. */
#include "simtest.h"

static void reclaim(void **state)
{
	(void)state;
	simtest_prints(
		"2x1G:2,dist=21",
		"machine:swapon{ size = '64M' }\n"
		"local t = machine:task{ cpu = 0 }\n"
		"local a = t:mmap{ length = '1M' }\n"
		"local function n(k)\n"
		"  return tonumber(machine:view('vmstat'):match('\\n' .. k .. ' (%d+)'))\n"
		"end\n"
		"t:touch(a, '1M')\n"
		"t:madvise(a, '1M', 'pageout')\n"
		"print(t:nodes(a, '4K')[1], n'nr_swapcached', n'pswpout')\n"
		"machine:run('1s')\n"
		"local before = t:time_ns()\n"
		"print(t:reclaim('1M'), n'nr_swapcached', t:time_ns() - before >= 8 * 20000)\n"
		"print(t:touch(a, '1M', 'r'), n'pswpin')\n"
		"print(t:reclaim('1M', 1))\n"
		"print(t:reclaim('1M', 7))\n",
		"ENOENT\t256\t256\n"
		"256\t0\ttrue\n"
		"256\t256\n"
		"nil\tEAGAIN\treclaim: no more than 0 pages could be freed\t0\n"
		"nil\tEINVAL\treclaim: there is no node 7\n");
	simtest_fails("1x1G", "machine:task{}:reclaim('all')", 1, "reclaim: size is 'all'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reclaim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
