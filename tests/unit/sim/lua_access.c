/* lua_access.c -- tests of src/sim/lua_access.c and tick.c: traffic, and pages that come to the
 * task while it works.
 */
#include "simtest.h"

#define M "2x4G:4,dist=21"

/* A task moves away from its memory; NUMA balancing brings the pages after it, one hint fault each.
 */
static void balancing(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '64M' }\n"
		       "t:touch(a, '64M')\n"
		       "t:sched_setaffinity(machine:cpus(1))\n"
		       "local r = t:access(a, '64M', { pattern = 'random', count = 25000000 })\n"
		       "print(t:node_pages()[0] < 32, t:node_pages()[1] > 16300)\n"
		       "print(r.latency_ns > 80 and r.latency_ns < 168, r.accesses, r.bytes)\n"
		       "r = t:access(a, '64M', { pattern = 'random', count = 1000000 })\n"
		       "print(r.latency_ns < 81, r.time_ns < 81000000)\n"
		       "local v = machine:view('vmstat')\n"
		       "local function n(what) return tonumber(v:match(what .. ' (%d+)')) end\n"
		       "print(n'numa_hint_faults' < 16384 + 64)\n"
		       "print(n'numa_pages_migrated' == t:node_pages()[1])\n",
		       "true\ttrue\n"
		       "true\t25000000\t1600000000\n"
		       "true\ttrue\n"
		       "true\n"
		       "true\n");
}

/* Without it, and for a range that is bound, they stay; and slices change no sum. */
static void stays(void **state)
{
	static const char *const work =
		"local t = machine:task{ cpu = 0 }\n"
		"local a = t:mmap{ length = '16M' }\n"
		"if bind then t:mbind(a, '16M', 'bind', { 0 }) end\n"
		"t:touch(a, '16M')\n"
		"t:sched_setaffinity(machine:cpus(1))\n"
		"local r = t:access(a, '16M', { pattern = 'random', count = 12345678 })\n"
		"print(t:node_pages()[0], r.latency_ns, r.time_ns == 12345678 * 168)\n";
	char code[1024];

	(void)state;
	snprintf(code, sizeof(code), "machine:sysctl('kernel.numa_balancing', 0)\n%s", work);
	simtest_prints(M, code, "4096\t168.0\ttrue\n");
	snprintf(code, sizeof(code), "bind = true\n%s", work);
	simtest_prints(M, code, "4096\t168.0\ttrue\n");
}

static void edges(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '64K' }\n"
		       "local r = t:access(a, '64K', { bytes = 0 })\n"
		       "print(r.bytes, r.time_ns, t:rss())\n"
		       "r = t:access(a, '64K', { bytes = 1, pattern = 'random' })\n"
		       "print(r.accesses, r.bytes)\n"
		       "print(t:access(a, 0))\n"
		       "print((select(2, t:access(a, '1G'))))\n",
		       "0\t0\t16\t65536\n"
		       "0\t1\n"
		       "nil\tEFAULT\taccess: the range holds no page\n"
		       "EFAULT\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balancing),
		cmocka_unit_test(stays),
		cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
