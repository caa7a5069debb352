/* lua_file.c -- tests of src/sim/lua_file.c: files, memory files, the disk, copies. */
#include "simtest.h"

#define M "2x4G:4,dist=21"

/* A file on the disk: what is read comes with its window, what is written stays dirty until it is
 * synced. */
static void files(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local t = machine:task{ cpu = 0 }\n"
		"local f = machine:file('data', '1M')\n"
		"print(f, f:info().size, f:info().cached_pages)\n"
		"print(f:read(0, '64K', t), f:info().cached_pages)\n"
		"print(f:read('1020K', '64K'), f:read('2M', 1))\n"
		"print(f:write('1M', '8K'), f:info().size, f:info().dirty_pages)\n"
		"print(f:sync(), f:info().dirty_pages, f:info().writeback_pages)\n"
		"print(f:truncate('32K'), f:info().cached_pages)\n"
		"print(table.concat(f:nodes('24K', '16K'), ' '))\n"
		"print(f:fadvise(0, 0, 'dontneed'), f:info().cached_pages)\n"
		"print(f:fallocate(0, '4K'), f:info().size, f:fallocate(0, '40K'), f:info().size)\n"
		"print(f:readahead(0, '20K'), f:info().cached_pages)\n"
		"print(pcall(f.read, f))\n"
		"print(f:close(), tostring(f), (pcall(f.info, f)))\n",
		"file data\t1048576\t0\n"
		"65536\t32\n"
		"4096\t0\n"
		"8192\t1056768\t2\n"
		"true\t0\t0\n"
		"true\t8\n"
		"0 0 ENOENT ENOENT\n"
		"true\t0\n"
		"true\t32768\ttrue\t40960\n"
		"true\t5\n"
		"false\tread: length is missing: a number of bytes, or a text such as \"40G\"\n"
		"true\tfile (closed)\tfalse\n");
}

/* Interleaved by the object; holes, room made in advance, a bad option, a second mapping. */
static void memory_files(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "local s = machine:shmem('seg', '64K', 'interleave:0-1')\n"
		       "local a = t:mmap{ file = s, length = '64K', shared = true }\n"
		       "print(t:touch(a, '64K', 'w'), t:node_pages()[0], t:node_pages()[1])\n"
		       "print(s:info().shmem, s:info().cached_pages, s:info().dirty_pages)\n"
		       "print(s:punch(0, '32K', t), s:info().cached_pages, t:rss())\n"
		       "print(s:fallocate(0, '128K', t), s:info().size, s:info().cached_pages)\n"
		       "print(machine:shmem('x', '4K', 'bind'))\n"
		       "local p = t:mmap{ file = s, offset = '64K', length = '8K', prot = 'r' }\n"
		       "print(t:touch(p, '8K', 'r'), (select(2, t:touch(p, '4K', 'w'))))\n",
		       "16\t8\t8\n"
		       "true\t16\t0\n"
		       "true\t8\t8\t32768\n"
		       "true\t131072\t32\n"
		       "nil\tEINVAL\tshmem: mpol=bind is refused\n"
		       "1\tEFAULT\n");
}

/* 4 pages at 1 ms and 4 MiB a second take 4.9 ms; 16 take 16.6. */
static void disk_and_time(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "print(machine:disk{ latency = '1ms', bandwidth = '4M' })\n"
		       "local f = machine:file('data', '1M')\n"
		       "local before = t:time_ns()\n"
		       "f:read(0, '4K', t)\n"
		       "print((t:time_ns() - before) // 100000)\n"
		       "f:write('512K', '64K', t)\n"
		       "before = t:time_ns()\n"
		       "print(machine:sync(t), (t:time_ns() - before) // 1000000)\n"
		       "machine:sysctl('vm.dirty_expire_centisecs', 100)\n"
		       "f:write(0, '4K', t)\n"
		       "machine:run('10s')\n"
		       "print(f:info().dirty_pages)\n"
		       "print(machine:sysctl('vm.drop_caches', 1), f:info().cached_pages)\n"
		       "print(machine:disk{ bandwidth = 0 })\n",
		       "true\n"
		       "49\n"
		       "true\t16\n"
		       "0\n"
		       "true\t0\n"
		       "nil\tEINVAL\tdisk: the bandwidth must not be 0\n");
}

/* The second read of a remote file is local; a writer ends the copies of his pages. */
static void copies(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local near, far = machine:task{ cpu = 0 }, machine:task{ cpu = 4 }\n"
		"local f = machine:file('libc', '1M')\n"
		"f:read(0, '1M', near)\n"
		"print(machine:replication{ cache = true })\n"
		"f:read(0, '1M', far); f:read(0, '1M', far)\n"
		"local r = machine:replication()\n"
		"print(r.pages, r.memory_bytes, r.made, r.local_reads, r.remote_accesses_saved)\n"
		"f:write(0, '64K', near)\n"
		"print(machine:replication().pages, machine:replication().collapsed)\n"
		"print(machine:replication{ kernel = '8M' }, machine:replication().kernel_pages)\n",
		"true\n"
		"256\t1048576\t256\t512\t16384\n"
		"240\t16\n"
		"true\t2048\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(memory_files),
		cmocka_unit_test(disk_and_time),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
