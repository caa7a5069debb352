-- Lab 8: what 14000, 12000, 11000 and 8000 free pages mean
-- numabox: -m machines/one-million.yaml
--
-- A zone with min 10000, low 12500, high 15000. Requests that this zone alone can serve
-- (__GFP_THISNODE on node 1): the document looks at one zone. Linux wakes kswapd in the slow path, that
-- is when no zone of the request's list passes its low mark; a request that may go elsewhere does that
-- first, and wakes nobody.

local z = machine:zone(1, "Normal")
expect(z.min == 10000 and z.low == 12500 and z.high == 15000, "min 10000, low 12500, high 15000")

local here = "GFP_KERNEL|__GFP_THISNODE|__GFP_NOWARN"
local held = {}

-- Something to reclaim: 400 MiB of a file that was read once.
local reader = machine:task{ cpu = 4, comm = "reader" }
reader:set_mempolicy("bind", { 1 })
local file = machine:file("data", "400M")
file:read(0, "400M", reader)
machine:run("2s")

-- Down to exactly `free` pages in the zone: big blocks, then smaller ones, with the rights of a task
-- that may ignore marks (__GFP_MEMALLOC), so that nothing is woken on the way.
local function lower_to(free)
  for order = 10, 0, -1 do
    while machine:zone(1, "Normal").free - (1 << order) >= free do
      local pfn = machine:alloc_pages{ gfp = "__GFP_MEMALLOC|__GFP_THISNODE|__GFP_NOWARN",
        order = order, cpu = 4, node = 1 }
      if not pfn then break end
      held[#held + 1] = { pfn, order }
      machine:drain() -- what the page set took beside it is free again
    end
  end
  return machine:zone(1, "Normal").free
end

local function give_back()
  for _, h in ipairs(held) do machine:free_pages(h[1], h[2]) end
  held = {}
  machine:drain()
  machine:run("2s") -- kswapd, should it still be awake, goes to sleep
end

local function count(event) return machine:events{ event }.count end

print("  free  above high?  below low?  below min?")
local function level(free)
  local now = lower_to(free)
  print(("%6d  %-11s  %-10s  %-10s"):format(now, now > z.high and "yes" or "no",
    now < z.low and "yes" or "no", now < z.min and "yes" or "no"))
  expect(now == free, "the zone has " .. free .. " pages free")
  local wakes, direct = count("mm_vmscan_wakeup_kswapd"), count("mm_vmscan_direct_reclaim_begin")
  local pfn, errno = machine:alloc_pages{ gfp = here, cpu = 4, node = 1 }
  local woke = count("mm_vmscan_wakeup_kswapd") > wakes
  local reclaimed = count("mm_vmscan_direct_reclaim_begin") > direct
  print(("        a request: %s, kswapd %s, %s"):format(pfn and "a page" or errno,
    woke and "is woken" or "is left alone", reclaimed and "direct reclaim" or "no direct reclaim"))
  if pfn then machine:free_pages(pfn, 0) end
  return woke, reclaimed, pfn
end

local woke, reclaimed, got = level(14000)
expect(got and not woke and not reclaimed,
  "14000 > low: kswapd is not woken (had it been awake, it would go on to high)")
give_back()

woke, reclaimed, got = level(12000)
expect(got and woke and not reclaimed,
  "FAILURE 5: 12000 < low 12500: kswapd wakes; the request is served, since it is above min")
machine:run("1s")
local now = machine:zone(1, "Normal").free
print(("        a second later: %d pages free, kswapd has stopped at high"):format(now))
expect(now >= z.high and now < z.high + 4096, "kswapd reclaims until high, not on and on")
give_back()

woke, reclaimed, got = level(11000)
expect(got and woke and not reclaimed, "FAILURE 5: 11000 < low: kswapd wakes at LOW, not at MIN")
give_back()

-- The same level for a request that may go to node 0: it does, and nobody is woken.
lower_to(11000)
local before = count("mm_vmscan_wakeup_kswapd")
local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", cpu = 4, node = 1 }
print(("        one that may go elsewhere: node %d, and nobody is woken"):format(machine:page(pfn).node))
expect(machine:page(pfn).node == 0 and count("mm_vmscan_wakeup_kswapd") == before,
  "a request with a zone above its low mark left stays in the fast path")
machine:free_pages(pfn, 0)
give_back()

woke, reclaimed, got = level(8000)
expect(woke and reclaimed and got,
  "FAILURE 5: 8000 < min: the request reclaims by itself (direct reclaim) before it is served")
give_back()

-- Who may go below min: a request that must not wait.
lower_to(8000)
before = count("mm_vmscan_direct_reclaim_begin")
local atomic = machine:alloc_pages{ gfp = "GFP_ATOMIC|__GFP_THISNODE", cpu = 4, node = 1 }
expect(atomic and count("mm_vmscan_direct_reclaim_begin") == before,
  "GFP_ATOMIC does not reclaim, and may go down to 3/8 of min: 10000 - 5000 - 1250 = 3750")
machine:free_pages(atomic, 0)
give_back()

-- The test is "free <= mark", so equality fails.
lower_to(12500)
before = count("mm_vmscan_wakeup_kswapd")
machine:alloc_pages{ gfp = here, cpu = 4, node = 1 }
expect(count("mm_vmscan_wakeup_kswapd") == before + 1, "free = low fails the test too")
