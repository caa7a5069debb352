/* daemons.c -- tests of src/sim/daemons.c: the kernel's threads bear their names in events. */
#include "simtest.h"

static void names(void **state)
{
	(void)state;
	/* two CPUs and one node, as recorded: kcompactd0 39, kswapd0 51 */
	simtest_prints("1x256M:2",
		       "local t = machine:task{ cpu = 0 }\n"
		       "local f = machine:file('data', '300M')\n"
		       "f:read(0, '300M', t)\n"
		       "f:write(0, '8M', t)\n"
		       "machine:run('40s')\n"
		       "local e = machine:events{ 'mm_vmscan_kswapd_wake' }[1]\n"
		       "print(e.comm, e.pid)\n"
		       "e = machine:events{ 'writeback_start' }[1]\n"
		       "print(e.comm, e.pid, e.bdi, e.reason)\n"
		       "e = machine:events{ 'mm_filemap_add_to_page_cache' }[1]\n"
		       "print(e.comm, e.s_dev, e.index)\n",
		       "kswapd0\t51\n"
		       "kworker/u8:1\t23\t254:0\t3\n"
		       "task\t254:0\t0\n");
	simtest_prints("2x256M:1,dist=21",
		       "local t = machine:task{ cpu = 1 }\n"
		       "local f = machine:file('data', '600M')\n"
		       "f:read(0, '600M', t)\n"
		       "for _, e in ipairs(machine:events{ 'mm_vmscan_kswapd_wake' }) do\n"
		       "  assert(e.comm == 'kswapd' .. e.nid, e.comm)\n"
		       "end\n"
		       "print(t:pid() >= 1000)\n",
		       "true\n");
}

/* Four huge pages of base pages: each range is looked at, isolated, collapsed. */
static void collapsed(void **state)
{
	(void)state;
	simtest_prints(
		"1x1G:2",
		"local t = machine:task{ cpu = 0 }\n"
		"local a = t:mmap{ length = '8M' }\n"
		"t:touch(a, '8M', 'w')\n"
		"t:madvise(a, '8M', 'hugepage')\n"
		"machine:run('60s')\n"
		"for _, n in ipairs{ 'mm_khugepaged_scan_pmd', 'mm_collapse_huge_page_isolate',\n"
		"                    'mm_collapse_huge_page' } do\n"
		"  local e = machine:events{ n }\n"
		"  print(n, e.count, e[1].comm, e[1].pid, e[1].status)\n"
		"end\n",
		"mm_khugepaged_scan_pmd\t4\tkhugepaged\t41\t1\n"
		"mm_collapse_huge_page_isolate\t4\tkhugepaged\t41\t1\n"
		"mm_collapse_huge_page\t4\tkhugepaged\t41\t1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(collapsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
