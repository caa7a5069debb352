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
  machine:run("2s") -- kswapd, should it be awake, goes to sleep
end

local function asked_to_wake() return machine:events{ "mm_vmscan_wakeup_kswapd" }.count end

print("  free  above high?  below low?  below min?")
local function level(free, wakes, served)
  local now = lower_to(free)
  print(("%6d  %-11s  %-10s  %-10s"):format(now, now > z.high and "yes" or "no",
    now < z.low and "yes" or "no", now < z.min and "yes" or "no"))
  expect(now == free, "the zone has " .. free .. " pages free")
  local before = asked_to_wake()
  local pfn, errno = machine:alloc_pages{ gfp = here, cpu = 4, node = 1 }
  local woke = asked_to_wake() > before
  print(("        a request: kswapd %s, %s"):format(woke and "is woken" or "is left alone",
    pfn and "a page" or errno))
  if pfn then machine:free_pages(pfn, 0) machine:drain() end
  return woke, pfn
end

local woke, got = level(14000)
expect(got and not woke, "14000 > low: kswapd is not woken (if it ran already, it goes on to high)")
give_back()

woke, got = level(12000)
expect(got and woke, "FAILURE 5: 12000 < low 12500: kswapd wakes, the request is served above min")
give_back()

lower_to(11000)
-- the same level for a request that may go to node 0: it does, and nobody is woken
local before = asked_to_wake()
local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", cpu = 4, node = 1 }
print(("        one that may go elsewhere: node %d, and nobody is woken"):format(machine:page(pfn).node))
expect(machine:page(pfn).node == 0 and asked_to_wake() == before,
  "a request with a zone above its low mark left stays in the fast path")
machine:free_pages(pfn, 0)
give_back()

woke, got = level(8000)
expect(not got,
  "FAILURE 5: 8000 < min: only reclaim by the request itself could serve it, and nothing is reclaimable")
-- who may go below min: a request that must not fail or wait
local atomic = machine:alloc_pages{ gfp = "GFP_ATOMIC|__GFP_THISNODE", cpu = 4, node = 1 }
expect(atomic, "GFP_ATOMIC may use 5/8 of min: 8000 > 10000 - 5000 - 1250")
give_back()

