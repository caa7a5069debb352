# The calls of a scenario in the forms that people's scripts have them.
. "$(dirname "$0")/lib.sh"

cat >"$tmp/all.lua" <<'X'
local t = machine:task{ cpu = 0 }
expect(t:thread{ cpu = 5 }, "thread")
expect(t:fork(), "fork")
expect(t:set_mempolicy("interleave", {0, 1}), "set_mempolicy")
expect(t:get_mempolicy() == "interleave", "get_mempolicy")
expect(t:set_mempolicy("interleave", {0, 1}, {"static_nodes"}), "flags")
expect(select(3, t:get_mempolicy())[1] == "static_nodes", "flags of the mode")
expect(t:set_mempolicy("default"), "back to default")
expect(t:sched_setaffinity({4, 5}), "sched_setaffinity")
expect(t:set_cpuset{ mems = {1}, cpus = {4, 5} }, "set_cpuset")
expect(t:set_cpuset{ mems = {0, 1} }, "and with more nodes again")
local a = t:mmap{ length = "1G" }
expect(t:mmap{ length = "4K", addr = 0x7ffff7a00000 } == 0x7ffff7a00000, "mmap at an address")
expect(t:mmap{ length = "4K", shared = true } and t:mmap{ length = "4K", prot = "r" }, "shared, prot")
machine:sysctl("vm.nr_hugepages", 4)
expect(t:mmap{ length = "2M", huge = true }, "huge")
local f = machine:file("data", "10G")
expect(t:mmap{ length = "1M", file = f, shared = true }, "file")
expect(t:mbind(a, "1G", "bind", {1}, {"move", "strict"}), "mbind")
expect(t:touch(a, "1G", "w") == 262144, "touch")
expect(t:get_mempolicy{ addr = a, flags = {"addr"} } == "bind", "get_mempolicy of an address")
expect(t:get_mempolicy{ addr = a, flags = {"node", "addr"} } == 1, "and the node of its page")
local r = t:access(a, "1G", { pattern = "random", bytes = "64M" })
expect(r.bytes == 64 << 20 and r.latency_ns > 0, "access")
expect(t:mprotect(a, "4K", "r") and t:madvise(a, "1G", "dontneed"), "mprotect, madvise")
expect(t:touch(a + 4096, "1M") == 256, "touch again")
expect(t:migrate_pages({0}, {1}) == 0, "migrate_pages")
expect(#t:move_pages({a + 4096, a + 8192}, {1, 0}) == 2, "move_pages")
expect(t:nodes(a, "8K")[1] == "ENOENT" and t:nodes(a, "8K")[2] == 1, "nodes")
expect(t:numa_maps():match("N1=") and t:pmap():match("total"), "numa_maps, pmap")
expect(t:rss() > 0 and t:alive() and t:munmap(a, "1G"), "rss, alive, munmap")
local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", order = 0, cpu = 0, node = nil }
expect(machine:page(pfn).zone == "DMA32" or machine:page(pfn).zone == "Normal", "page")
expect(machine:free_pages(pfn, 0), "free_pages")
expect(machine:numastat()[1].numa_hit > 0 and machine:zone(0, "DMA32").protection, "numastat, zone")
expect(machine:sysctl("vm.min_free_kbytes", 67584) and machine:sysctl("vm.min_free_kbytes") == 67584, "sysctl")
expect(f:read(0, "16M", t) == 16 << 20 and f:write(0, "1M", t) == 1 << 20, "read, write")
local n = 0
t:spawn(function() t:touch(t:mmap{ length = "1M" }, "1M") n = n + 1 end)
machine:run("1s")
expect(n == 1 and machine:run() >= 1e9, "spawn, run")
expect(machine:view("zoneinfo"):match("Node 0") and machine:time_ns() >= 1e9, "view, time_ns")
expect(machine:events{ "mm_page_alloc" }.count > 0, "events")
expect(t:exit() and not t:alive(), "exit")
local no, errno, why = t:touch(0, 1)
expect(no == nil and errno == "ESRCH" and type(why) == "string", "nil, errno, message")
X
nb sim -m 2x4G "$tmp/all.lua"
works "all of them"
has "$tmp/out" "^expectations: 3[0-9] held, 0 failed" "and as expected"
done_testing
