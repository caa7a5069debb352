/* scenario.c -- tests of src/sim/{scenario,strand,lua_*}.c: every call of the contract on small
 * machines, what mistakes get, and that two runs are the same bytes.
 */
#include "simtest.h"

#define M "2x256M,dist=21"

static void tasks(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 5, comm = 'work' }\n"
		       "print(t, t:cpu(), t:node(), t:comm(), t:alive(), t:pid() > 0)\n"
		       "print(machine:task{ cpu = 99 })\n"
		       "print(t:sched_setaffinity{0, 1}, t:cpu(), t:node())\n"
		       "print(t:sched_setaffinity('6-7'), t:cpu())\n"
		       "print(t:sched_setaffinity{ 77 })\n"
		       "print(t:exit(), t:alive(), t:exit())\n"
		       "print(t:touch(0, 1))\n"
		       "print(select('#', machine:task()), machine:task():cpu())\n",
		       "task 1000 (work)\t5\t1\twork\ttrue\ttrue\n"
		       "nil\tEINVAL\ttask: CPU 99 is not online\n"
		       "true\t0\t0\n"
		       "true\t6\n"
		       "nil\tEINVAL\tsched_setaffinity: none of these CPUs is online\n"
		       "true\tfalse\tnil\tESRCH\texit: the task has ended\n"
		       "nil\tESRCH\ttouch: the task has ended\n"
		       "1\t0\n");
}

static void memory(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '1M' }\n"
		       "print(t:rss())\n"
		       "print(t:touch(a, '1M', 'w'), t:touch(a, '1M'), t:rss())\n"
		       "print(table.concat(t:nodes(a, '12K'), ' '), t:pfn(a) > 0)\n"
		       "print(t:node_pages()[0], t:node_pages()[1])\n"
		       "print(t:zone_pages(0, 'DMA32') + t:zone_pages(0, 'DMA'))\n"
		       "print(t:munmap(a, '512K'), t:rss())\n"
		       "print(table.concat(t:nodes(a + 508 * 1024, '8K'), ' '))\n"
		       "print(t:pfn(a))\n"
		       "print(t:mmap{ length = 0 })\n"
		       "local b = t:mmap{ length = '8K', addr = 0x7ffff0000000 }\n"
		       "print(b == 0x7ffff0000000, table.concat(t:nodes(b, '8K'), ' '))\n"
		       "print(t:touch(0x1000, '4K'))\n"
		       "print(t:touch(a + 512 * 1024, 0))\n",
		       "0\t0\n"
		       "256\t0\t256\t1048576\n"
		       "0 0 0\ttrue\n"
		       "256\t0\n"
		       "256\n"
		       "true\t128\t524288\n"
		       "EFAULT 0\n"
		       "nil\tENOENT\tpfn: no page is there\n"
		       "nil\tEINVAL\tmmap of 0 bytes is refused\n"
		       "true\tENOENT ENOENT\n"
		       "nil\tEFAULT\tno such mapping (SIGSEGV) after 0 pages\t0\n"
		       "0\n");
}

static void policies(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local function pages(...)\n"
		       "  assert(t:set_mempolicy(...))\n"
		       "  local a = t:mmap{ length = '1M' }\n"
		       "  t:touch(a, '1M')\n"
		       "  local p = t:node_pages()\n"
		       "  local ns = t:latency_ns()\n"
		       "  t:munmap(a, '1M')\n"
		       "  print(p[0], p[1], ns)\n"
		       "end\n"
		       "pages('default')\n"
		       "pages('local')\n"
		       "pages('bind', {1})\n"
		       "pages('preferred', {1})\n"
		       "pages('interleave', {0, 1})\n"
		       "pages('interleave', '0-1')\n"
		       "pages('preferred_many', {1})\n"
		       "local m, n, f = t:get_mempolicy()\n"
		       "print(m, table.concat(n, ' '), #f)\n"
		       "t:set_mempolicy('bind', 1, {'static_nodes'})\n"
		       "m, n, f = t:get_mempolicy()\n"
		       "print(m, table.concat(n, ' '), f[1])\n"
		       "print((select(2, t:set_mempolicy('bind'))))\n"
		       "print((select(2, t:set_mempolicy('bind', {5}))))\n"
		       "print((select(2, t:set_mempolicy('default', {0}))))\n"
		       "t:set_mempolicy('default')\n"
		       "local a = t:mmap{ length = '1M' }\n"
		       "print(t:mbind(a, '512K', 'bind', {1}))\n"
		       "t:touch(a, '1M')\n"
		       "print(table.concat(t:nodes(a + 508 * 1024, '8K'), ' '))\n",
		       "256\t0\t80.0\n"
		       "256\t0\t80.0\n"
		       "0\t256\t168.0\n"
		       "0\t256\t168.0\n"
		       "128\t128\t124.0\n"
		       "128\t128\t124.0\n"
		       "0\t256\t168.0\n"
		       "preferred_many\t1\t0\n"
		       "bind\t1\tstatic_nodes\n"
		       "EINVAL\nEINVAL\nEINVAL\n"
		       "true\n"
		       "1 0\n");
}

/* Traffic: an access at random costs the latency, a sequential one a tenth; a full node costs. */
static void traffic(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "t:set_mempolicy('bind', {1})\n"
		       "local a = t:mmap{ length = '1M' }\n"
		       "local r = t:access(a, '1M', { pattern = 'random', count = 1000000 })\n"
		       "print(r.accesses, r.bytes, r.time_ns, r.latency_ns, t:rss())\n"
		       "r = t:access(a, '1M', { bytes = '640M' })\n"
		       "print(r.time_ns, string.format('%.3f', r.gb_per_s))\n"
		       "r = t:access(a, '4K')\n"
		       "print(r.bytes)\n"
		       "local before = t:time_ns()\n"
		       "t:access(a, '1M', { pattern = 'random', count = 10 })\n"
		       "print(t:time_ns() - before)\n"
		       "print(machine:latency_ns(0, 1), machine:distance(1, 0), "
		       "machine:latency_ns(0, 7))\n",
		       "1000000\t64000000\t168000000\t168.0\t256\t1048576\n"
		       "176160768\t3.810\n"
		       "4096\n"
		       "1680\n"
		       "168.0\t21\tnil\tENODEV\tlatency_ns: there is no such node\n");
}

static void pages(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local pfn = machine:alloc_pages{ gfp = 'GFP_KERNEL', order = 3, cpu = 0, node = 1 "
		"}\n"
		"local p = machine:page(pfn)\n"
		"print(p.node, p.zone, p.order, p.refcount, p.migratetype)\n"
		"print((select(2, machine:free_pages(pfn, 2))))\n"
		"print(machine:free_pages(pfn, 3), (select(2, machine:free_pages(pfn, 3))))\n"
		"pfn = machine:alloc_pages{ gfp = 'GFP_DMA' }\n"
		"print(machine:page(pfn).zone, pfn < 4096)\n"
		"pfn = machine:alloc_pages{ gfp = 'GFP_KERNEL|__GFP_THISNODE', node = 1 }\n"
		"print(machine:page(pfn).node)\n"
		"print((select(2, machine:alloc_pages{ order = 20 })))\n"
		"print((select(2, machine:alloc_pages{ node = 9 })))\n"
		"print((select(2, machine:alloc_pages{ cpu = 88 })))\n"
		"print((select(2, machine:alloc_pages{ gfp = 'GFP_DMA|GFP_DMA32' })))\n"
		"print(machine:page(1 << 40))\n"
		"print(machine:drain(), machine:drain(0), (select(2, machine:drain(88))))\n"
		"local n = 0\n"
		"while machine:alloc_pages{ gfp = 'GFP_KERNEL', order = 10 } do n = n + 1 end\n"
		"print(n > 100, (select(2, machine:alloc_pages{ order = 10 })))\n",
		"1\tDMA32\t3\t1\tUnmovable\n"
		"EINVAL\n"
		"true\tEINVAL\n"
		"DMA\ttrue\n"
		"1\n"
		"EINVAL\nEINVAL\nEINVAL\nEINVAL\n"
		"nil\tENOENT\tpage: there is no frame 1099511627776\n"
		"true\ttrue\tEINVAL\n"
		"true\tENOMEM\n");
}

static void counters(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local before = machine:numastat()\n"
		       "local a = t:mmap{ length = '4M' }\n"
		       "t:touch(a, '4M')\n"
		       "local after = machine:numastat()\n"
		       "local hit = after[0].numa_hit - before[0].numa_hit\n"
		       "print(hit >= 1024 and hit < 1040, after[0].local_node - "
		       "before[0].local_node == hit)\n"
		       "local z = machine:zone(0, 'DMA32')\n"
		       "print(z.min < z.low and z.low < z.high and z.free > z.high and z.managed "
		       ">= z.free)\n"
		       "print(#z.protection, z.protection.DMA32, z.nr_free[10] > 0)\n"
		       "print(machine:zone(0, 'HighMem'))\n"
		       "print((select(2, machine:zone(7, 'Normal'))))\n"
		       "print(machine:sysctl('vm.watermark_scale_factor'))\n"
		       "print(machine:sysctl('vm.watermark_scale_factor', 1000))\n"
		       "print(machine:zone(0, 'DMA32').low > z.low)\n"
		       "print((select(2, machine:sysctl('vm.watermark_scale_factor', 5000))))\n"
		       "print((select(2, machine:sysctl('vm.nothing'))))\n"
		       "print(machine:sysctl('vm.lowmem_reserve_ratio'))\n"
		       "print(machine:view('hardware'):match('available: 2 nodes %(0%-1%)'))\n"
		       "print(machine:page_size(), #machine:nodes(), #machine:cpus(), "
		       "machine:cpus(1)[1])\n"
		       "print(table.concat(machine:fallback(1), ' '))\n",
		       "true\ttrue\n"
		       "true\n"
		       "5\t0\ttrue\n"
		       "nil\tEINVAL\tzone: this machine has no zone HighMem\n"
		       "ENODEV\n"
		       "10\n"
		       "true\n"
		       "true\n"
		       "EINVAL\n"
		       "ENOENT\n"
		       "256\t256\t32\t0\t0\n"
		       "available: 2 nodes (0-1)\n"
		       "4096\t2\t8\t4\n"
		       "1 0\n");
}

static void events(void **state)
{
	(void)state;
	simtest_prints(
		"2x64M",
		"local t = machine:task{ cpu = 0, comm = 'hungry' }\n"
		"local a = t:mmap{ length = '90M' }\n"
		"print(#machine:events{ 'mm_vmscan_wakeup_kswapd' })\n"
		"t:touch(a, '90M')\n"
		"local e = machine:events{ 'mm_vmscan_wakeup_kswapd' }\n"
		"print(#e > 0, e.count == #e, e[1].name, e[1].nid, e[1].comm)\n"
		"print(machine:events('mm_page_alloc')[20].gfp_flags:match('GFP_HIGHUSER_MOVABLE'))"
		"\n"
		"print(#machine:events{}, #machine:events('mm_page_free'))\n"
		"local all = machine:events()\n"
		"local sorted = true\n"
		"for i = 2, #all do sorted = sorted and all[i - 1].time_ns <= all[i].time_ns end\n"
		"print(sorted, #all > 1000)\n",
		"0\n"
		"true\ttrue\tmm_vmscan_wakeup_kswapd\t0\thungry\nGFP_HIGHUSER_MOVABLE\n"
		"0\t0\n"
		"true\ttrue\n");
}

/* A function spawned on a task stops where it stands when the OOM killer ends the task: in its own
 * fault, while it waits for somebody else, inside pcall and coroutines. The rest goes on. */
static void killed(void **state)
{
	(void)state;
	simtest_prints("2x256M:4",
		       "local function bound(cpu, node, comm, size)\n"
		       "  local t = machine:task{ cpu = cpu, comm = comm }\n"
		       "  t:set_mempolicy('bind', { node })\n"
		       "  return t, t:mmap{ length = size }\n"
		       "end\n"
		       "local after, rest, log = nil, 0, {}\n"
		       "local hog, a = bound(0, 0, 'hog', '300M')\n"
		       "hog:spawn(function() hog:touch(a, '300M') after = true end)\n"
		       "machine:run()\n"
		       "print(hog:alive(), after, (select(2, hog:touch(a, '4K'))))\n"
		       "local big, b = bound(0, 0, 'big', '200M')\n"
		       "big:spawn(function()\n"
		       "  big:touch(b, '200M')\n"
		       "  while true do machine:run('1ms') rest = rest + 1 big:touch(b, '4K') end\n"
		       "end)\n"
		       "machine:run('1s')\n"
		       "local small, c = bound(0, 0, 'small', '100M')\n"
		       "print(small:touch(c, '100M'), small:alive(), big:alive(), rest > 100)\n"
		       "local n = rest\n"
		       "machine:run()\n"
		       "print(rest == n, machine:events('mark_victim')[2].pid == big:pid())\n"
		       "local t, d = bound(4, 1, 't', '300M')\n"
		       "t:spawn(function()\n"
		       "  log[1] = pcall(function() coroutine.wrap(function() t:touch(d, '300M') "
		       "end)() end)\n"
		       "end)\n"
		       "machine:run()\n"
		       "print(#log, t:alive())\n"
		       "local u, e = bound(4, 1, 'u', '300M')\n"
		       "local got, errno, _, pages = u:touch(e, '300M')\n"
		       "print(got, errno, pages > 50000, u:alive())\n",
		       "false\tnil\tESRCH\n"
		       "25600\ttrue\tfalse\ttrue\n"
		       "true\ttrue\n"
		       "0\tfalse\n"
		       "nil\tENOMEM\ttrue\tfalse\n");
}

/* Expect strands to be switched by their clocks, also from inside coroutines and pcall. */
static void time_order(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local order = {}\n"
		       "local function at(name) order[#order + 1] = name .. machine:time_ns() // "
		       "1000 end\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "local u = machine:task{ cpu = 1 }\n"
		       "local begin = machine:time_ns()\n"
		       "t:spawn(function() for i = 1, 3 do machine:run('10us') at('a') end end)\n"
		       "u:spawn(function(x, y) assert(x == 1 and y == 2)\n"
		       "  local co = coroutine.wrap(function() for i = 1, 2 do\n"
		       "    pcall(function() machine:run('12us') at('b') end) coroutine.yield(i) "
		       "end end)\n"
		       "  assert(co() == 1) assert(co() == 2)\n"
		       "end, 1, 2)\n"
		       "print(#order, machine:time_ns() == begin)\n"
		       "machine:run('11us')\n"
		       "print(#order)\n"
		       "print(machine:run() - begin)\n"
		       "print(table.concat(order, ' '))\n"
		       "print(machine:run() - begin)\n",
		       "0\ttrue\n"
		       "1\n"
		       "30000\n"
		       "a110 b112 a120 b124 a130\n"
		       "30000\n");
}

/* Two tasks that touch at the same time: neither runs ahead of the other by more than a grain. */
static void side_by_side(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 } local u = machine:task{ cpu = 1 }\n"
		       "local worst = 0\n"
		       "local function work(me, other)\n"
		       "  local a = me:mmap{ length = '4M' }\n"
		       "  for i = 0, 15 do\n"
		       "    me:touch(a + i * 262144, '256K')\n"
		       "    if i < 15 and other:rss() < 1024 then worst = math.max(worst, "
		       "math.abs(me:rss() - other:rss())) end\n"
		       "  end\n"
		       "end\n"
		       "t:spawn(work, t, u) u:spawn(work, u, t)\n"
		       "machine:run()\n"
		       "print(t:rss() == 1024, u:rss() == 1024, worst <= 64)\n",
		       "true\ttrue\ttrue\n");
}

/* One task cannot do two things at once: its second strand waits for the first. */
static void one_task_two_strands(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '64K' }\n"
		       "t:touch(a, '64K')\n"
		       "local begin = machine:time_ns()\n"
		       "for i = 1, 2 do t:spawn(function() t:access(a, '64K', { pattern = "
		       "'random', count = 1000 }) end) end\n"
		       "print(machine:run() - begin)\n",
		       "160000\n");
}

static void expectations(void **state)
{
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err = {0};

	(void)state;
	nb_sim_options_init(&opt);
	opt.quiet = true;
	assert_int_equal(simtest_scenario(M,
					  "expect(1 == 1, 'one')\n\nexpect(nil, 'two')\n"
					  "print(expect(5))\n",
					  &opt, &out, &err),
			 1);
	assert_non_null(strstr(nb_text_str(&out), ":3: expectation failed: two\n5\n"));
	assert_non_null(strstr(nb_text_str(&out), "expectations: 2 held, 1 failed\n"));
	nb_text_release(&out);
}

static void arguments(void **state)
{
	static const char *const args[] = {"a", "b c"};
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err = {0};

	(void)state;
	nb_sim_options_init(&opt);
	opt.quiet = true;
	opt.args = args;
	opt.nr_args = 2;
	assert_int_equal(
		simtest_scenario(M, "#!/usr/bin/numabox sim\nprint(#arg, arg[1], arg[2], ...)",
				 &opt, &out, &err),
		0);
	assert_string_equal(nb_text_str(&out), "2\ta\tb c\ta\tb c\n");
	nb_text_release(&out);
}

static void mistakes(void **state)
{
	static const struct {
		const char *code;
		unsigned line;
		const char *part;
	} cases[] = {
		{"x = = 1", 1, "unexpected symbol"},
		{"\n\nlocal x = nil + 1", 3, "arithmetic on a nil"},
		{"\nerror('my own')", 2, "my own"},
		{"\nerror({})", 2, "is a table"},
		{"machine:task{ cpus = 1 }", 1, "unknown option 'cpus'; known: cpu, comm"},
		{"machine:task(5)", 1, "table of options"},
		{"machine.task{}", 1, "machine:task()"},
		{"machine:task().touch(1)", 1, "expected a task"},
		{"machine:task():mmap{}", 1, "length is missing"},
		{"machine:task():mmap{ length = '1Q' }", 1, "'1Q'"},
		{"machine:task():mmap{ length = -1 }", 1, "0 or more"},
		{"machine:task():mmap{ length = 1.5 }", 1, "whole number"},
		{"machine:task():mmap{ length = 4096, prot = 'q' }", 1, "prot"},
		{"machine:task():set_mempolicy('bnd')", 1, "none of: default"},
		{"machine:task():set_mempolicy('bind', {1024})", 1, "from 0 to 1023"},
		{"machine:task():set_mempolicy('bind', 'x')", 1, "no list of numbers"},
		{"machine:task():touch(4096, '4K', 'q')", 1, "none of: r, w"},
		{"machine:alloc_pages{ gfp = 'GFP_NONSENSE' }", 1, "GFP_NONSENSE"},
		{"machine:alloc_pages{ order = -1 }", 1, "order is -1"},
		{"machine:zone(0, 'normal')", 1, "no zone 'normal'"},
		{"machine:view('zoneinf')", 1, "zoneinfo"},
		{"machine:events{ 'mm_nothing' }", 1, "mm_nothing"},
		{"machine:run('1 fortnight')", 1, "number of seconds"},
		{"machine:run(-1)", 1, "number of seconds"},
		{"machine:task():spawn(5)", 1, "function expected"},
		{"machine:task():spawn(function()\n machine:run() end)\nmachine:run()", 2,
		 "only the scenario itself"},
		{"machine:task():spawn(function()\n error('in there') end)\nmachine:run()", 2,
		 "in there"},
		{"table.sort({ 2, 1 }, function() machine:run('1s') end)", 1, "cannot wait"},
		{"getmetatable(machine).__index = {}", 1, ""},
		{"machine.x = 1", 1, "attempt to index"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		simtest_fails(M, cases[i].code, cases[i].line, cases[i].part);
}

/* Loops through the machine's calls are stopped as any other. */
static void limits(void **state)
{
	static const char *const loops[] = {
		"while true do machine:time_ns() end",
		"local t = machine:task()\nwhile true do pcall(t.rss, t) end",
		("local t, run = machine:task(), machine.run\n"
		 "t:spawn(function() while true do pcall(run, machine, '1us') end end) "
		 "run(machine)"),
		("local t = machine:task()\nfor i = 1, 4 do t:spawn(coroutine.wrap(function() "
		 "while true do t:rss() end end)) end machine:run()"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		struct nb_sim_options opt;
		struct nb_text out = {0};
		struct nb_error err = {0};

		nb_sim_options_init(&opt);
		opt.instruction_limit = 1000000;
		assert_int_equal(simtest_scenario(M, loops[i], &opt, &out, &err), 2);
		assert_non_null(strstr(err.text, "ran past its limit of 1000000 instructions"));
		assert_true(err.line > 0);
		nb_text_release(&out);
	}
}

/* One call that takes longer than the limit is no loop: it may end, unless a limit was named. */
static void long_calls(void **state)
{
	static const char endless[] = "local t = machine:task()\n"
				      "machine:file('f', '4T'):read(0, '4T', t)\n";
	static const char lengthy[] = "local t = machine:task()\n"
				      "machine:file('f', '50G'):read(0, '50G', t)\n";

	(void)state;
	for (unsigned work = 0; work <= 600; work += 600) {
		struct nb_sim_options opt;
		struct nb_text out = {0};
		struct nb_error err = {0};

		nb_sim_options_init(&opt);
		opt.time_limit_s = 1;
		opt.work_limit_s = work;
		if (work) {
			assert_int_equal(simtest_scenario(M, lengthy, &opt, &out, &err), 0);
		} else {
			assert_int_equal(simtest_scenario(M, endless, &opt, &out, &err), 2);
			assert_non_null(strstr(err.text, "past its limit of 1 s of wall time; --"));
			assert_int_equal(err.line, 2);
		}
		nb_text_release(&out);
	}
}

static void unreadable(void **state)
{
	struct nb_port port;
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err = {0};

	(void)state;
	nb_sim_options_init(&opt);
	opt.machine = simtest_machine(&port, M);
	opt.scenario = "/nowhere/at/all.lua";
	assert_int_equal(nb_sim_run(&opt, &out, &err), 2);
	assert_string_equal(err.file, "/nowhere/at/all.lua");
	err = (struct nb_error){0};
	opt.scenario = "/";
	assert_int_equal(nb_sim_run(&opt, &out, &err), 2);
	assert_int_equal(out.len, 0);
	nb_machine_free((struct nb_machine *)(uintptr_t)opt.machine);
	nb_text_release(&out);
}

/* A busy scenario, run twice: the same bytes, report, JSON and trace included. */
static void deterministic(void **state)
{
	static const char code[] =
		"local ts = {}\n"
		"for i = 0, 5 do local t = machine:task{ cpu = i, comm = 'w' .. i } ts[t] = i\n"
		"  t:set_mempolicy('interleave', {0, 1})\n"
		"  t:spawn(function() local a = t:mmap{ length = '8M' }\n"
		"    for k = 1, 40 do t:touch(a + math.random(0, 1900) * 4096, math.random(1, "
		"300000))\n"
		"      if math.random(10) == 1 then t:munmap(a, '1M') a = t:mmap{ length = '8M' } "
		"end end end)\n"
		"end\n"
		"machine:run()\n"
		"for t, i in pairs(ts) do print(t, i, t:rss(), t:time_ns()) end\n"
		"print(ts, print, machine, coroutine.create(print))\n"
		"for k, v in pairs{ x = 1, y = 2, 3, 4, [true] = 5 } do print(k, v) end\n"
		"print(machine:view('buddyinfo'))\n";
	struct nb_text out[4] = {{0}}, trace[2] = {{0}};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct nb_sim_options opt;
		struct nb_error err = {0};
		char *name = simtest_file(""), buf[4096];
		FILE *f;
		size_t n;

		nb_sim_options_init(&opt);
		opt.json = i % 2;
		opt.trace = i < 2 ? name : NULL;
		opt.seed = 42;
		assert_int_equal(simtest_scenario(M, code, &opt, &out[i], &err), 0);
		f = fopen(name, "r");
		while (i < 2 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
			nb_text_add(&trace[i], buf, n);
		fclose(f);
		unlink(name);
		free(name);
	}
	assert_string_equal(nb_text_str(&out[0]), nb_text_str(&out[2]));
	assert_string_equal(nb_text_str(&out[1]), nb_text_str(&out[3]));
	assert_true(trace[0].len > 100000);
	assert_string_equal(nb_text_str(&trace[0]), nb_text_str(&trace[1]));
	for (int i = 0; i < 4; i++)
		nb_text_release(&out[i]);
	nb_text_release(&trace[0]);
	nb_text_release(&trace[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks),
		cmocka_unit_test(memory),
		cmocka_unit_test(policies),
		cmocka_unit_test(traffic),
		cmocka_unit_test(pages),
		cmocka_unit_test(counters),
		cmocka_unit_test(events),
		cmocka_unit_test(killed),
		cmocka_unit_test(time_order),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(one_task_two_strands),
		cmocka_unit_test(expectations),
		cmocka_unit_test(arguments),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(limits),
		cmocka_unit_test(long_calls),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(deterministic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
