/* lua_hugetlb.c -- tests of src/sim/lua_hugetlb.c: mounts and segments of huge pages in scenarios.
 */
#include "simtest.h"

#define M "2x1G:2,hole=0"
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* A mount reserves its minimum at once and holds its limit; files grow by mappings and fallocate.
 */
static void mount(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"machine:sysctl('vm.nr_hugepages', 8)\n"
		"local function n(what) return machine:sysfs('" POOL "' .. what) end\n"
		"local t = machine:task{ cpu = 0 }\n"
		"local fs = machine:hugetlbfs{ min_size = '4M', size = '8M' }\n"
		"print(fs, n'resv_hugepages', n'free_hugepages')\n"
		"local f = fs:file('f')\n"
		"local a = t:mmap{ file = f, length = '6M', shared = true }\n"
		"print(n'resv_hugepages', t:touch(a, '6M'))\n"
		"print(n'resv_hugepages', n'free_hugepages', f:nodes(0, '6M')[1536])\n"
		"print((select(2, t:mmap{ file = f, length = '12M', shared = true })))\n"
		"print(f:fallocate(0, '8M', t), (select(2, f:fallocate(0, '10M', t))))\n"
		"print(f:punch(0, '4M', t), n'free_hugepages')\n"
		"print(f:read(0, '16M', t), (select(2, f:write(0, '2M', t))))\n"
		"print((select(2, f:truncate('3M', t))), f:truncate('6M', t), n'free_hugepages')\n"
		"print(f:nodes('4M', '2M')[512], f:nodes('6M', '2M')[1], f:info().size)\n"
		"t:munmap(a, '6M')\n"
		"f:close()\n"
		"print(fs:umount(), fs, n'resv_hugepages', n'free_hugepages')\n"
		"print(pcall(fs.file, fs, 'g'))\n"
		"print((select(2, machine:hugetlbfs{ min_size = '32M' })))\n",
		"hugetlbfs\t2\t8\n"
		"3\t3\n"
		"0\t5\t0\n"
		"ENOMEM\n"
		"true\tENOSPC\n"
		"true\t6\n"
		"8388608\tEINVAL\n"
		"EINVAL\ttrue\t7\n"
		"0\tENOENT\t6291456\n"
		"true\thugetlbfs (unmounted)\t0\t8\n"
		"false\tit is no longer mounted\n"
		"ENOMEM\n");
}

/* A segment is reserved when it is made, unless it is told not to, and is for root. */
static void segment(void **state)
{
	(void)state;
	simtest_prints(M,
		       "machine:sysctl('vm.nr_hugepages', 4)\n"
		       "local function n(what) return machine:sysfs('" POOL "' .. what) end\n"
		       "local t = machine:task{ cpu = 0 }\n"
		       "local f = t:shmget{ size = '6M', huge = true }\n"
		       "print(n'resv_hugepages')\n"
		       "local a = t:mmap{ file = f, length = '6M', shared = true }\n"
		       "print(t:touch(a, '4M'), n'free_hugepages', n'resv_hugepages')\n"
		       "print((select(2, t:shmget{ size = '4M', huge = '2M' })))\n"
		       "print((t:shmget{ size = '4M', huge = true, noreserve = true }))\n"
		       "print((select(2, t:shmget{ size = '4M', huge = '4M' })))\n"
		       "local c = t:fork()\n"
		       "c:uid(1000)\n"
		       "print((select(2, c:shmget{ size = '2M', huge = true })))\n"
		       "print(pcall(t.shmget, t, { huge = true }))\n"
		       "print((t:shmget{ size = '2M' }))\n"
		       "print((select(2, t:shmget{ size = '900G' })))\n",
		       "3\n"
		       "2\t2\t1\n"
		       "ENOMEM\n"
		       "file /SYSV00000000\n"
		       "EINVAL\n"
		       "EPERM\n"
		       "false\tshmget: size is missing, as in shmget{ size = \"64M\" }\n"
		       "file /SYSV00000000\n"
		       "ENOMEM\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mount),
		cmocka_unit_test(segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
