/* lua_cpuset.c -- tests of src/sim/lua_cpuset.c: cpusets of tasks. */
#include "simtest.h"

#define M "2x4G:4,dist=21"

static void version_2(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local t = machine:task{ cpu = 0 }\n"
		"print(t:set_cpuset{ mems = { 1 }, cpus = { 4, 5 } }, t:cpu(), t:node())\n"
		"local a = t:mmap{ length = '1M' }\n"
		"t:touch(a, '1M')\n"
		"print(t:node_pages()[0], t:node_pages()[1])\n"
		"print(t:set_mempolicy('bind', { 0 }))\n"
		"print(t:set_cpuset{ mems = { 0 } }, t:node_pages()[0], t:node_pages()[1])\n"
		"local c = t:cpuset()\n"
		"print(table.concat(c.mems, ' '), table.concat(c.cpus, ' '), c.tasks, c.flags[1])\n"
		"print(table.concat(t:get_mempolicy{ flags = 'mems_allowed' }, ' '))\n"
		"print(t:set_cpuset{ mems = { 7 } })\n"
		"print(t:sched_setaffinity{ 0 })\n"
		"local u = machine:task()\n"
		"print(u:set_cpuset(t), u:cpu(), u:cpuset().tasks)\n"
		"print((t:set_cpuset{ flags = { 'mem_hardwall' } }))\n",
		"true\t4\t1\n"
		"0\t256\n"
		"nil\tEINVAL\tset_mempolicy: this mode with these nodes is refused\n"
		"true\t256\t0\n" /* version 2 moves the pages along */
		"0\t4 5\t1\tmemory_migrate\n"
		"0\n"
		"nil\tEINVAL\tset_cpuset: these nodes and CPUs are refused\n"
		"nil\tEINVAL\tsched_setaffinity: none of these CPUs is online\n"
		"true\t4\t2\n"
		"nil\n");
}

static void version_1(void **state)
{
	(void)state;
	simtest_prints(M,
		       "print(machine:cpuset_v1(true))\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "print(t:set_cpuset{ mems = { 1 }, cpus = { 4, 5 } })\n"
		       "local a = t:mmap{ length = '1M' }\n"
		       "t:touch(a, '1M')\n"
		       "print(t:set_cpuset{ mems = { 0 } }, t:node_pages()[1])\n"
		       "print(t:set_cpuset{ flags = { 'mem_hardwall', 'memory_migrate' } })\n"
		       "print(table.concat(t:cpuset().flags, ' '))\n"
		       "print(t:set_cpuset{ flags = {} }, #t:cpuset().flags)\n"
		       "print((machine:cpuset_v1(false)))\n",
		       "true\n"
		       "true\n"
		       "true\t256\n" /* version 1 leaves them where they are */
		       "true\n"
		       "mem_hardwall memory_migrate\n"
		       "true\t0\n"
		       "nil\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2),
		cmocka_unit_test(version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
