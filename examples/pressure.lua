-- Memory under pressure: a working set that grows past the machine, first without swap, then with it.
--   numabox sim examples/pressure.lua
-- numabox: -m 1x1G:4

local function grow(t, size, step)
  -- more than there is: without "noreserve" vm.overcommit_memory=0 would refuse it at once
  local a = t:mmap{ length = size << 20, flags = { "noreserve" } }
  for mib = 0, size - step, step do
    local n, errno = t:touch(a + (mib << 20), step << 20)
    if not n then return mib, errno end
  end
  return size
end

local function count(event) return machine:events{ event }.count end
local function told(what, reached, errno)
  print(("%-13s %4d MiB%s; kswapd woken %d times, direct reclaim %d times, %d killed"):format(what,
    reached, errno and " (" .. errno .. ")" or "", count("mm_vmscan_wakeup_kswapd"),
    count("mm_vmscan_direct_reclaim_begin"), count("mark_victim")))
end

-- The page cache goes first: it can be read again.
local reader = machine:task{ comm = "reader" }
local log = machine:file("log", "512M")
log:read(0, "512M", reader)
print(("page cache:   %d MiB of a file"):format(log:info().cached_pages // 256))
expect(log:info().cached_pages == 131072, "all of the file is in memory")

local t = machine:task{ comm = "grows" }
local reached, errno = grow(t, 1200, 50)
told("without swap:", reached, errno)
expect(errno == "ENOMEM" and not t:alive(), "without swap it ends with the OOM killer")
expect(log:info().cached_pages < 20000, "after the page cache was given up")
expect(machine:oom_reports()[1]:match("Out of memory: Killed process"), "the kernel's report says so")

assert(machine:swapon{ size = "1G" })
local u = machine:task{ comm = "swaps" }
reached, errno = grow(u, 1200, 50)
told("with swap:", reached, errno)
expect(reached == 1200 and u:alive(), "with swap it gets all of it")
local in_swap = u:status():match("VmSwap:%s+(%d+)")
print(("              %d MiB in memory, %d MiB in swap"):format(u:rss() // 256, in_swap // 1024))
expect(tonumber(in_swap) > 200 * 1024, "part of it is in swap")
