/* lua_pressure.c -- tests of src/sim/lua_pressure.c: reclaim that a scenario asks for. */
#include "simtest.h"

#include <stdio.h>

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

/* A fault waits for its page: the device's time for what is read with it, and its latency. */
static void device_time(void **state)
{
	static const char script[] = "machine:sysctl('vm.page-cluster', 0)\n"
				     "machine:swapon{ size = '64M', %s }\n"
				     "local t = machine:task{ cpu = 0 }\n"
				     "local a = t:mmap{ length = '1M' }\n"
				     "t:touch(a, '1M'); t:madvise(a, '1M', 'pageout')\n"
				     "machine:run('1s')\n"
				     "t:reclaim('1M')\n"
				     "local before = t:time_ns()\n"
				     "t:touch(a, 4096, 'r')\n"
				     "local ns = t:time_ns() - before\n"
				     "print(ns // 10000)\n";
	static const struct {
		const char *options, *us;
	} c[] = {
		{"write_us = 20, read_us = 300", "32\n"},
		{"write_us = 20, read_us = 300, rotational = true", "32\n"},
		{"write_us = 0, read_us = 0", "0\n"},
		{"zram = true, write_us = 70", "7\n"},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		snprintf(text, sizeof(text), script, c[i].options);
		simtest_prints("1x1G:2", text, c[i].us);
	}
}

/* More than the queue takes: a task that reclaims for itself sleeps. */
static void full_queue(void **state)
{
	(void)state;
	simtest_prints("1x1G:2",
		       "machine:swapon{ size = '1G', write_us = 100 }\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '1200M' }\n"
		       "assert(t:touch(a, '1200M'))\n"
		       "local v = machine:values('vmstat')\n"
		       "print(v.pswpout > 50000, v.allocstall_movable > 0)\n"
		       "print(t:time_ns() > (v.pswpout - 1024) * 100000)\n",
		       "true\ttrue\ntrue\n");
}

/* Clean pages that went first must not hide that all that is left is dirty: the flusher writes. */
static void dirty_behind_clean(void **state)
{
	(void)state;
	simtest_prints("2x2G:4,hole=0",
		       "machine:sysctl('vm.watermark_scale_factor', 200)\n"
		       "machine:swapon{ size = '512M', write_us = 10 }\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "local f = machine:file('f', '1G')\n"
		       "f:read(0, '700M', t); f:write('700M', '250M', t)\n"
		       "local a = t:mmap{ length = '2100M' }\n"
		       "t:mbind(a, '2100M', 'bind', { 0 })\n"
		       "assert(t:touch(a, '2100M'))\n"
		       "print(machine:values('meminfo').dirty_kib)\n",
		       "0\n");
}

/* All page cache is dirty. Looking at it, again and again, takes time too: the disk gets on
 * meanwhile, nobody is killed, and each page is looked at a few times, not thousands. */
static void mostly_dirty(void **state)
{
	static const char body[] = "machine:lru_gen(%s)\n"
				   "machine:sysctl('vm.dirty_ratio', 95)\n"
				   "machine:sysctl('vm.dirty_background_ratio', 90)\n"
				   "local t = machine:task{ cpu = 0 }\n"
				   "local f = machine:file('f', '1G')\n"
				   "f:write(0, '800M', t)\n"
				   "local a = t:mmap{ length = '512M' }\n"
				   "print(t:touch(a, '512M'))\n"
				   "local v = machine:values('vmstat')\n"
				   "print(v.pgscan_file + v.pgrefill < 30 * 200 * 1024)\n";
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), body, "true");
	simtest_prints("1x1G:2,hole=0", text, "131072\ntrue\n");
	snprintf(text, sizeof(text), body, "false");
	simtest_prints("1x1G:2,hole=0", text, "131072\ntrue\n");
}

/* What may be promised, and what meminfo says of it. */
static void overcommit(void **state)
{
	(void)state;
	simtest_prints("1x1G:2,hole=0",
		       "local t = machine:task{}\n"
		       "local function kib(w) return tonumber(machine:view('meminfo'):match(w .. "
		       "':%s+(%d+)')) end\n"
		       "local had = kib('CommitLimit')\n"
		       "print(machine:sysctl('vm.overcommit_memory'), "
		       "machine:sysctl('vm.overcommit_ratio'))\n"
		       "print(t:mmap{ length = '2G' })\n"
		       "print(t:mmap{ length = '2G', flags = 'noreserve' } ~= nil, "
		       "kib('Committed_AS'))\n"
		       "print(t:mmap{ length = '64M' } ~= nil, kib('Committed_AS'))\n"
		       "print(machine:swapon{ size = '1G' } ~= nil, kib('CommitLimit') - had)\n"
		       "machine:sysctl('vm.overcommit_memory', 2)\n"
		       "machine:sysctl('vm.overcommit_kbytes', 131072)\n"
		       "print(machine:sysctl('vm.overcommit_ratio'), kib('CommitLimit'))\n"
		       "print((select(2, t:mmap{ length = '1100M', flags = 'noreserve' })))\n"
		       "print(t:mmap{ length = '1000M', flags = 'noreserve' } ~= nil)\n"
		       "print((select(2, t:fork())))\n"
		       "print(t:mmap{ length = '64M', shared = true })\n",
		       "0\t50\n"
		       "nil\tENOMEM\tmmap of 2147483648 bytes is refused\n"
		       "true\t0\n"
		       "true\t65536\n"
		       "true\t1048572\n"
		       "0\t1179644\n"
		       "ENOMEM\n"
		       "true\n"
		       "ENOMEM\n"
		       "nil\tENOMEM\tmmap of 67108864 bytes is refused\n");
}

/* Pages on their way to swap count as being written, and are through when time has passed, though
 * nobody reclaims. */
static void writeback(void **state)
{
	(void)state;
	simtest_prints("1x1G:2",
		       "machine:swapon{ size = '64M', write_us = 1000 }\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '1M' }\n"
		       "local function kib(k)\n"
		       "  return tonumber(machine:view('meminfo'):match(k .. ':%s+(%d+)'))\n"
		       "end\n"
		       "t:touch(a, '1M')\n"
		       "t:madvise(a, '1M', 'pageout')\n"
		       "print(kib'Writeback' > 512, kib'SwapCached')\n"
		       "machine:run('1s')\n"
		       "print(kib'Writeback', kib'SwapCached')\n"
		       "print(machine:view('vmstat'):match('nr_written %d+'))\n",
		       "true\t1024\n"
		       "0\t1024\n"
		       "nr_written 256\n");
}

/* A task waits for the disk where most of what could be reclaimed is on its way there, and gets all
 * it wants; where nothing is, waiting would not help, and it is killed without. */
static void waiting(void **state)
{
	(void)state;
	simtest_prints("1x256M:2",
		       "machine:disk{ bandwidth = '20M' }\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "local f = machine:file('d', 0)\n"
		       "f:write(0, '60M', t)\n"
		       "local a = t:mmap{ length = '220M' }\n"
		       "print(t:touch(a, '220M', 'w'), "
		       "machine:events{ 'mm_vmscan_throttled' }.count > 0)\n",
		       "56320\ttrue\n");
	simtest_prints("1x256M:2",
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '250M' }\n"
		       "print((select(2, t:touch(a, '250M', 'w'))), "
		       "machine:events{ 'mm_vmscan_throttled' }.count)\n",
		       "ENOMEM\t0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overcommit),         cmocka_unit_test(reclaim),
		cmocka_unit_test(writeback),          cmocka_unit_test(waiting),
		cmocka_unit_test(device_time),        cmocka_unit_test(full_queue),
		cmocka_unit_test(dirty_behind_clean), cmocka_unit_test(mostly_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
