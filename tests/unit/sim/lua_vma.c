/* lua_vma.c -- tests of src/sim/lua_vma.c and of mmap's options: mappings that change. */
#include "simtest.h"

#define M "2x4G:4,dist=21"

static void changes(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '64K' }\n"
		       "t:touch(a, '64K')\n"
		       "print(t:mprotect(a, '4K', 'r'), (select(2, t:touch(a, '4K', 'w'))))\n"
		       "print(t:mprotect(a, '4K', 'rw'), t:touch(a, '4K', 'w'))\n"
		       "print(t:mprotect(a + 1, '4K', 'r'))\n"
		       "print(t:mprotect(1 << 40, '4K', 'r'))\n"
		       "print(t:madvise(a, '32K', 'dontneed'), t:rss())\n"
		       "print(t:madvise(a, '32K', 'populate_write'), t:rss())\n"
		       "print(t:madvise(1 << 40, '4K', 'willneed'))\n"
		       "local pfn = t:pfn(a)\n"
		       "local b = t:mremap(a, '64K', '1M', 'maymove')\n"
		       "print(t:pfn(b) == pfn, t:rss())\n"
		       "print(t:mremap(b, '1M', '16K') == b, t:rss())\n"
		       "print(t:mremap(12288, '4K', '8K'))\n",
		       "true\tEFAULT\n"
		       "true\t0\n"
		       "nil\tEINVAL\tmprotect of this range is refused\n"
		       "nil\tENOMEM\tmprotect of this range is refused\n"
		       "true\t8\t32768\n"
		       "true\t16\t65536\n"
		       "nil\tENOMEM\tmadvise of this range is refused\n"
		       "true\t16\t65536\n"
		       "true\t4\t16384\n"
		       "nil\tEFAULT\tmremap of this range is refused\n");
}

static void heap_and_stack(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 4 }\n"
		       "local start = t:brk()\n"
		       "print(t:brk(start + 65536) - start)\n"
		       "print(t:touch(start, '64K'), t:node_pages()[1])\n"
		       "print(t:brk(start) - start, t:rss())\n"
		       "local top = t:stack()\n"
		       "print(t:touch(top - 4096, '4K'), t:touch(top - (1 << 20), '4K'))\n"
		       "print(t:stack())\n",
		       "65536\n"
		       "16\t16\n"
		       "0\t0\t0\n"
		       "1\t1\n"
		       "nil\tEEXIST\tstack: it has one, or there is no room\n");
}

static void locked(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local a = t:mmap{ length = '64K' }\n"
		       "print(t:mlock(a, '16K'), t:rss())\n"
		       "print(t:mlock(a + 16384, '16K', 'onfault'), t:rss())\n"
		       "print(t:munlock(a, '32K'), t:rss())\n"
		       "print(t:mlockall{ 'current', 'future' }, t:rss())\n"
		       "t:mmap{ length = '64K' }\n"
		       "print(t:rss(), t:munlockall())\n"
		       "print(t:mlockall{})\n"
		       "local b = t:mmap{ length = '64K', flags = 'populate' }\n"
		       "print(t:touch(b, '64K'))\n",
		       "true\t4\t16384\n"
		       "true\t4\t16384\n"
		       "true\t4\t16384\n"
		       "true\t16\t65536\n"
		       "32\ttrue\n"
		       "nil\tEINVAL\tmlockall of this range is refused\n"
		       "0\n");
}

/* Pools of huge pages by their files, and a mapping of them. */
static void huge(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local pool = '/sys/kernel/mm/hugepages/hugepages-2048kB/'\n"
		"print(machine:sysfs(pool .. 'nr_hugepages', 40), machine:sysfs(pool .. "
		"'free_hugepages'))\n"
		"print(machine:sysctl('vm.nr_hugepages'))\n"
		"local t = machine:task{ cpu = 4 }\n"
		"local a = t:mmap{ length = '20M', huge = true }\n"
		"print(machine:sysfs(pool .. 'resv_hugepages'))\n"
		"print(t:touch(a, '20M'), machine:sysfs(pool .. 'free_hugepages'))\n"
		"print(t:nodes(a, '4K')[1])\n"
		"print(t:mmap{ length = '100M', huge = '2M' })\n"
		"print(t:munmap(a, '20M'), machine:sysfs(pool .. 'free_hugepages'))\n"
		"local b = t:mmap{ length = '100M', huge = true, flags = 'noreserve' }\n"
		"print(t:touch(b, '100M'))\n"
		"print(t:munmap(b, '100M'), t:touch(b, '4K'))\n"
		"print(machine:sysfs(pool .. 'free_hugepages', 1))\n"
		"print(machine:sysfs('/sys/nothing'))\n"
		"print(machine:interleave_weight(0, 3), machine:interleave_weight(0, 300))\n",
		"true\t40\n"
		"40\n"
		"10\n"
		"10\t30\n"
		"1\n"
		"nil\tENOMEM\tmmap of 104857600 bytes is refused\n"
		"true\t40\n"
		"nil\tEFAULT\ta mapping without a page behind it (SIGBUS) after 40 pages\t40\n"
		"true\tnil\tEFAULT\tno such mapping (SIGSEGV) after 0 pages\t0\n"
		"nil\tEACCES\tsysfs: writing "
		"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages is "
		"refused\n"
		"nil\tENOENT\tsysfs: /sys/nothing cannot be read\n"
		"true\tnil\tEINVAL\tinterleave_weight: node 0, weight 300; 1 to 255\n");
}

static void mistakes(void **state)
{
	(void)state;
	simtest_fails(M, "machine:task():mprotect(4096, '4K')", 1, "prot is missing");
	simtest_fails(M, "machine:task():madvise(4096, '4K', 'dontned')", 1, "none of: normal");
	simtest_fails(M, "machine:task():mmap{ length = 4096, huge = '3M' }", 1, "power of two");
	simtest_fails(M, "machine:task():mmap{ length = 4096, file = 5 }", 1, "expected a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),  cmocka_unit_test(heap_and_stack),
		cmocka_unit_test(locked),   cmocka_unit_test(huge),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
