-- A node fills up while the other stays free: free pages over time against min, low and high, what makes room for the
-- task (clean page cache, then dirty, then swap), when it stalls in direct reclaim, and who is killed when nothing is left.
--   numabox sim examples/kswapd.lua
-- numabox: -m 2x2G:4,hole=0

local zone = machine:zone(0, "DMA32")
local SIZE, STEP = 2800, 1 -- MiB
assert(machine:swapon{ size = "512M", write_us = 10 }) -- 400 MB/s

local task = machine:task{ comm = "work", cpu = 0 }
local data = machine:file("data", "1G")
data:read(0, "700M", task)
data:write(700 << 20, 250 << 20, task)

-- Bound to node 0, which it outgrows.
local a = task:mmap{ length = SIZE << 20 }
task:mbind(a, SIZE << 20, "bind", { 0 })
local touched, slowest_ns = 0, 0
task:spawn(function()
  while touched < SIZE do
    local before = machine:time_ns()
    assert(task:touch(a + (touched << 20), STEP << 20))
    slowest_ns = math.max(slowest_ns, machine:time_ns() - before)
    touched = touched + STEP
  end
end)

local function count(event) return machine:events{ event }.count end
local function bar(pages)
  local n = math.min(24, pages * 12 // zone.high)
  return (pages < zone.min and "!" or pages < zone.low and "-" or "#"):rep(n) .. (" "):rep(24 - n)
end

print(("node 0: min %d, low %d, high %d pages. A bar of 12 reaches high; - is below low, ! below min."):format(zone.min,
  zone.low, zone.high))
print("    time    free" .. (" "):rep(26) .. "anon clean dirty  swap MiB  kswapd  direct  slowest MiB")
repeat
  machine:run("40ms")
  local z, m, v = machine:zone(0, "DMA32"), machine:values("node/0/meminfo"), machine:values("vmstat")
  local dirty = m.dirty_kib + m.writeback_kib
  if z.free < 3 * z.high then
    print(("%5d ms %7d %s %5d %5d %5d %5d %10d %7d %9.2f ms"):format(machine:time_ns() // 1000000, z.free, bar(z.free),
      (m.active_anon_kib + m.inactive_anon_kib) >> 10, (m.file_pages_kib - dirty) >> 10, dirty >> 10, v.pswpout // 256,
      count("mm_vmscan_kswapd_wake"), count("mm_vmscan_direct_reclaim_begin"), slowest_ns / 1e6))
  end
  slowest_ns = 0
until not task:alive() or touched == SIZE

print(("\nKilled after %d of %d MiB, while node 1 had %d of %d MiB free:"):format(touched, SIZE,
  machine:values("node/1/meminfo").mem_free_kib >> 10, machine:values("node/1/meminfo").mem_total_kib >> 10))
for line in (machine:oom_reports()[1] or ""):gmatch("[^\n]+") do
  if line:match("invoked oom%-killer") or line:match("^oom%-kill:") or line:match("Killed process") then print(line) end
end
expect(not task:alive(), "bound to a full node it ends with the OOM killer")
expect(count("mm_vmscan_direct_reclaim_begin") > 0, "after direct reclaim")
expect(machine:values("vmstat").pswpout > 100000, "when swap was full")
