-- numabox: -m 4x1G:4
-- One LRU lock for all, or one a node: why Linux 2.6 gave each node its own. 16 tasks fill and free
-- memory of their own node, as the processes of a parallel compile do; each page goes on a list of
-- reclaim and off it again, one by one as 2.4 did. With one lock for the whole machine they spend
-- most of their time waiting for it; with one a node far less, and with 2.6's batches hardly any.
--   numabox sim examples/lru-lock.lua
local function run(lru, batch)
  machine:contention{ lru = lru, batch = batch }
  local begin, busy = machine:time_ns(), 0
  for cpu = 0, 15 do
    local t = machine:task{ cpu = cpu }
    t:spawn(function()
      local from = t:time_ns()
      for i = 1, 4 do
        local a = t:mmap{ length = "8M" }
        t:madvise(a, "8M", "nohugepage")
        t:touch(a, "8M", "w")
        t:munmap(a, "8M")
      end
      busy = busy + t:time_ns() - from
      t:exit()
    end)
  end
  machine:run()
  local waited, taken = 0, 0
  for _, l in ipairs(machine:locks()) do
    if l.name == "lru" then
      waited, taken = waited + l.waited_ns, taken + l.taken
    end
  end
  print(string.format("%-6s %2d pages a hold: %7d holds, %5.1f %% of the time spent waiting, %6.2f ms in all",
                      lru, batch, taken, 100 * waited / busy, (machine:time_ns() - begin) / 1e6))
  return waited / busy
end

local global, node = run("global", 1), run("node", 1)
local batched = run("node", 16) -- 2.6 takes the lock once for 16 pages
expect(global > 0.5, "with one lock for all more than half of the time goes into waiting")
expect(node < global / 2, "with a lock a node it is less than half of that")
expect(batched < 0.05, "and with 2.6's batches hardly measurable")
