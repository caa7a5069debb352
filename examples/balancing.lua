-- A task is moved to another node and its memory stays behind: what NUMA balancing does about it, second
-- by second, and what binding the memory would have meant.
--   numabox sim examples/balancing.lua
-- numabox: -m 2x32G:8,dist=21

local near, far = machine:nodes()[1], machine:nodes()[2]
local size = "512M"

local function run(name, prepare)
  local t = machine:task{ cpu = machine:cpus(near)[1], comm = name }
  local a = t:mmap{ length = size }
  if prepare then prepare(t, a) end
  t:touch(a, size)
  t:sched_setaffinity(machine:cpus(far))
  print(("%s: filled on node %d, then moved to node %d"):format(name, near, far))
  local first, last
  for second = 1, 4 do
    local begin = t:time_ns()
    local r
    repeat -- about a second of random accesses
      r = t:access(a, size, { pattern = "random", count = 1000000 })
    until t:time_ns() - begin > 1e9
    local by = t:node_pages()
    print(("  %d s: %6d pages of node %d, %6d of node %d, %5.1f ns an access"):format(second, by[near],
      near, by[far], far, r.latency_ns))
    first, last = first or r.latency_ns, r.latency_ns
  end
  local by = t:node_pages()
  t:exit()
  return first, last, by
end

local here, there = machine:latency_ns(far, far), machine:latency_ns(far, near)
local _, last, by = run("default")
-- (a few pages stand in a batch of the CPU that faulted them in, on no list yet, and cannot be moved)
expect(last < here + 0.1 and by[near] < 32, "its pages have come after it")
local v = machine:view("vmstat")
local hints, moved = v:match("numa_hint_faults (%d+)"), v:match("numa_pages_migrated (%d+)")
print(("  %s hint faults, %s pages moved\n"):format(hints, moved))
expect(tonumber(moved) == by[far] and tonumber(hints) < 131072 + 256, "one hint fault and one move a page")

local first
first, last, by = run("bound", function(t, a) t:mbind(a, size, "bind", { near }) end)
expect(first == there and last == there and by[far] == 0, "a bound range is not touched")
print("")

machine:sysctl("kernel.numa_balancing", 0)
first, last, by = run("off")
expect(last == there and by[far] == 0, "without balancing the pages stay for ever")
