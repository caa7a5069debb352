-- Lab 20: a task that moves away from its memory, and is reunited with it
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- The document: all memory of a process (6.6 MB) on node 0, good for CPUs 0-3; when it moves to CPU 4,
-- each access is remote. Its "6.6 MB x 1.1 = 7.26 MB of latency penalty" is no unit: the cost is per
-- access, 88 ns each. Existing pages stay where they are unless somebody moves them.

local pages = 6600 * 1024 // 4096
local t = machine:task{ cpu = 0, comm = "bash" }
local a = t:mmap{ length = pages * 4096 }
t:touch(a, pages * 4096)

local function look(what)
  local by = t:node_pages()
  local r = t:access(a, pages * 4096, { pattern = "random", count = 1000000 })
  print(("%-34s CPU %d of node %d; pages: %d + %d; %5.1f ns an access, %5.1f ms a million"):format(what,
    t:cpu(), t:node(), by[0], by[1], r.latency_ns, r.time_ns / 1e6))
  return by, r
end

local by, r = look("at home")
expect(by[0] == pages and r.latency_ns == 80, "all local: 80 ns")

t:sched_setaffinity{ 4, 5, 6, 7 }
by, r = look("moved to CPU 4")
expect(by[0] == pages and by[1] == 0, "its pages stay where they were first touched")
expect(r.latency_ns == 168 and r.time_ns == 168000000, "every access is remote: 88 ms more a million")

-- New pages come from the new node: first touch again.
local b = t:mmap{ length = "1M" }
t:touch(b, "1M")
expect(t:node_pages()[1] == 256, "what it touches first from now on is on node 1")
t:munmap(b, "1M")

-- Moved back together, as the migratepages program does: all its pages of node 0 to node 1.
local left = t:migrate_pages({ 0 }, { 1 })
by, r = look("migrate_pages(0 -> 1)")
expect(left == 0 and by[0] == 0 and by[1] == pages, "every page was moved")
expect(r.latency_ns == 80, "and all accesses are local again")

-- Or back to where they were, page by page: move_pages for a list of addresses.
t:sched_setaffinity{ 0 }
local list = {}
for i = 0, pages - 1 do list[i + 1] = a + i * 4096 end
local status, not_moved = t:move_pages(list, 0)
expect(not_moved == 0 and status[1] == 0 and status[pages] == 0, "move_pages says node 0 for each")
by, r = look("back on CPU 0, move_pages to 0")
expect(by[0] == pages and r.latency_ns == 80, "together again")

-- NUMA balancing does the same by itself: while the task works, the kernel takes access rights away piece by
-- piece, and the faults that follow say who uses the page from where.
t:sched_setaffinity{ 4 }
print("\nmoved to CPU 4 again, left to NUMA balancing:")
for second = 1, 4 do
  t:access(a, pages * 4096, { pattern = "random", count = 6000000 })
  by = t:node_pages()
  print(("  after about %d s: %4d pages on node 0, %4d on node 1"):format(second, by[0], by[1]))
end
local v = machine:view("vmstat")
print(("  numa_hint_faults %s, numa_pages_migrated %s"):format(v:match("numa_hint_faults (%d+)"),
  v:match("numa_pages_migrated (%d+)")))
expect(by[1] >= pages - 32, "its pages have come after it (but for some that were in a CPU's batch)")
by, r = look("NUMA balancing has moved them")
expect(r.latency_ns < 82, "and accesses are local once more")

-- What it costs: a move is worth it when a page is used often enough afterwards.
local move_ns = 2000
print(("\na move costs about %d ns: it pays after %d remote accesses to the page"):format(move_ns,
  math.ceil(move_ns / 88)))
expect(math.ceil(move_ns / 88) == 23, "23 accesses of 88 ns extra")
