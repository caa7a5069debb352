-- Lab 24: numa_maps and numastat -p: where a process has its memory
-- numabox: -m 2x32G:4,dist=21,hole=0
--
--   numactl --membind=0 --cpunodebind=0 cat /proc/self/numa_maps
--   numastat -p $$
--
-- The document's process has 1.50 MB of heap, 0.10 MB of stack and 5.00 MB else, 6.60 MB in all on node 0.

local t = machine:task{ cpu = 0, comm = "cat" }
t:sched_setaffinity(machine:cpus(0))
t:set_mempolicy("bind", { 0 })

local program = machine:file("/bin/cat", "40K")
t:mmap{ file = program, addr = 0x400000, length = "40K", prot = "rx" }
t:touch(0x400000, "40K", "r")
local heap = t:brk()
t:brk(heap + 1536 * 1024)
t:touch(heap, 1536 * 1024)
local top = t:stack()
t:touch(top - 104 * 1024, 104 * 1024)
local rest = t:mmap{ length = 5120 * 1024 - 40 * 1024 }
t:touch(rest, 5120 * 1024 - 40 * 1024)

local maps = t:numa_maps()
print("/proc/self/numa_maps:\n" .. maps)
local line = maps:match("(00400000 [^\n]+)")
expect(line:match("^00400000 bind:0 file=/bin/cat "), "the policy and the file of the program's mapping")
expect(line:match("N0=10") and not maps:match("N1="), "10 pages from node 0, nothing from node 1")
expect(maps:match("bind:0 heap anon=384") and maps:match("bind:0 stack anon=26"), "heap and stack")

local stat = t:numastat()
print("numastat -p:" .. stat)
local function row(name)
  local node0, node1, total = stat:match(name .. " +(%d+%.%d+) +(%d+%.%d+) +(%d+%.%d+)")
  return tonumber(node0), tonumber(node1), tonumber(total)
end
local heap0 = row("Heap")
local stack0 = row("Stack")
local private0 = row("Private")
local total0, total1, total = row("Total")
expect(heap0 == 1.5 and stack0 == 0.1 and private0 == 5.0, "1.50 MB of heap, 0.10 of stack, 5.00 else")
expect(total0 == 6.6 and total1 == 0 and total == 6.6, "6.60 MB, all on node 0: good for CPUs 0-3")
