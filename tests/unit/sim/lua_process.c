/* lua_process.c -- tests of src/sim/lua_process.c and lua_policy.c: tasks that make tasks,
 * policies, pages that move.
 */
#include "simtest.h"

#define M "2x4G:4,dist=21"

/* A child shares its parent's pages until it writes; a thread is the same process. */
static void family(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0, comm = 'shell' }\n"
		       "local a = t:mmap{ length = '64K' }\n"
		       "t:touch(a, '64K')\n"
		       "local c = t:fork()\n"
		       "print(c, c:rss(), c:cpu(), machine:page(t:pfn(a)).mapcount)\n"
		       "c:sched_setaffinity{ 5 }\n"
		       "print(c:touch(a, '64K', 'w'), machine:page(t:pfn(a)).mapcount)\n"
		       "print(c:node_pages()[1], t:node_pages()[0])\n"
		       "local th = t:thread{ cpu = 6 }\n"
		       "print(th:tgid() == t:pid(), th:pid() ~= t:pid(), th:node(), th:rss())\n"
		       "th:touch(t:mmap{ length = '4K' }, '4K')\n"
		       "print(t:rss(), t:node_pages()[1])\n"
		       "print(t:thread{ cpu = 99 })\n"
		       "print(c:exec('date'), c:comm(), c:rss())\n"
		       "print(c:uid(), c:uid(1000), c:fork():uid())\n"
		       "th:exit() print(t:alive(), t:rss())\n"
		       "t:exit() print(t:fork())\n",
		       "task 1001 (shell)\t16\t0\t2\n"
		       "16\t1\n"
		       "16\t16\n"
		       "true\ttrue\t1\t16\t65536\n"
		       "17\t1\n"
		       "nil\tEINVAL\tthread: it may not run on CPU 99\n"
		       "true\tdate\t0\t0\n"
		       "0\t1000\t1000\n"
		       "true\t17\t69632\n"
		       "nil\tESRCH\tfork: the task has ended\n");
}

static void moves(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local t = machine:task{ cpu = 0 }\n"
		"local a = t:mmap{ length = '64K' }\n"
		"t:touch(a, '32K')\n"
		"local before = t:time_ns()\n"
		"print(t:migrate_pages({ 0 }, { 1 }), t:node_pages()[1])\n"
		"print(t:time_ns() - before >= 8 * 2000)\n"
		"local st, left = t:move_pages({ a, a + 4096, a + (1 << 40), a + 61440 }, 0)\n"
		"print(table.concat(st, ' '), left)\n"
		"print(table.concat((t:move_pages{ a, a + 4096, a + 8192 }), ' '))\n"
		"print(table.concat((t:move_pages(a, { 1 })), ' '))\n"
		"print(t:move_pages({ a }, { 7 }))\n"
		"print(#t:move_pages({ a }, { 1 }, { 'move_all' }, t))\n"
		"print(t:migrate_pages({ 0 }, { 7 }))\n"
		"print(t:mbind(a, '64K', 'bind', { 1 }, { 'move', 'strict' }))\n"
		"print(table.concat(t:nodes(a, '36K'), ' '))\n",
		"0\t8\n"
		"true\n"
		"0 0 EFAULT ENOENT\t0\n"
		"0 0 1\n"
		"1\n"
		"nil\tENODEV\tmove_pages: refused\n"
		"1\n"
		"nil\tEINVAL\tmigrate_pages: refused\n"
		"true\n"
		"1 1 1 1 1 1 1 1 ENOENT\n");
}

/* What the kernel alone judges: numbers for modes and flags, addresses of the upper half. */
static void raw(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local t = machine:task{ cpu = 0 }\n"
		"local a = t:mmap{ length = '64K' }\n"
		"t:touch(a, '4K')\n"
		"local k = 0xffff800000000000\n"
		"print(table.concat((t:move_pages{ a, a + 4096, k }), ' '), #t:move_pages{})\n"
		"print((select(2, t:mbind(k, '4K', 'bind', { 0 }))))\n"
		"print((select(2, t:touch(k, '4K'))))\n"
		"print((select(2, t:set_mempolicy(7, { 0 }))), t:set_mempolicy(2, { 0 }))\n"
		"print((select(2, t:set_mempolicy(-1, { 0 }))), (t:get_mempolicy()))\n"
		"print((select(2, t:set_mempolicy('bind', { 0 }, 1 << 12))))\n"
		"print((select(2, t:mbind(a, '4K', 'bind', { 0 }, 8))), t:mbind(a, '4K', 2, 0, "
		"2))\n"
		"print((select(2, t:get_mempolicy{ flags = 8 })))\n"
		"print((select(2, t:move_pages({ a }, { 0 }, 1))))\n",
		"0 ENOENT EFAULT\t0\n"
		"EFAULT\n"
		"EFAULT\n"
		"EINVAL\ttrue\n"
		"EINVAL\tbind\n"
		"EINVAL\n"
		"EINVAL\ttrue\n"
		"EINVAL\n"
		"EINVAL\n");
	simtest_fails(M, "machine:task{}:mbind(0.5, '4K', 'bind', { 0 })", 1,
		      "mbind: address must be an address");
	simtest_fails(M, "machine:task{}:set_mempolicy('binds', { 0 })", 1,
		      "'binds' is none of: default, preferred, bind");
}

static void asking(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 4 }\n"
		       "local a = t:mmap{ length = '64K', addr = 0x7f0000000000 }\n"
		       "local function show(m, n, f)\n"
		       "  return m, n and table.concat(n, ' '), f and table.concat(f, ' ')\n"
		       "end\n"
		       "t:mbind(a, '32K', 'bind', { 0 }, 'static_nodes')\n"
		       "print(show(t:get_mempolicy{ addr = a }))\n"
		       "print(show(t:get_mempolicy{ addr = a + 32768 }))\n"
		       "print(t:get_mempolicy{ addr = a, flags = { 'node', 'addr' } })\n"
		       "print(t:rss())\n"
		       "print(table.concat(t:get_mempolicy{ flags = 'mems_allowed' }, ' '))\n"
		       "t:set_mempolicy('interleave', { 0, 1 })\n"
		       "print(t:get_mempolicy{ flags = 'node' })\n"
		       "print(t:get_mempolicy{ addr = a, flags = {} })\n"
		       "print(t:get_mempolicy{ addr = 4096 })\n"
		       "print(t:set_mempolicy_home_node(a, '32K', 1))\n"
		       "print(t:set_mempolicy_home_node(a, '32K', 9))\n"
		       "print(t:set_mempolicy_home_node(a, '32K', 1, 1))\n",
		       "bind\t0\tstatic_nodes\n"
		       "default\t\t\n"
		       "0\n"
		       "0\t0\n" /* what is read first is the page of zeros, of node 0 */
		       "0 1\n"
		       "0\n"
		       "nil\tEINVAL\tget_mempolicy: refused with these flags\n"
		       "nil\tEFAULT\tget_mempolicy: refused with these flags\n"
		       "true\n"
		       "nil\tEINVAL\tset_mempolicy_home_node: refused for this range\n"
		       "nil\tEINVAL\tset_mempolicy_home_node: refused for this range\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(family),
		cmocka_unit_test(moves),
		cmocka_unit_test(asking),
		cmocka_unit_test(raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
