-- Lab 16: the walk Z1 to Z7: one page, node by node, zone by zone
-- numabox: -m machines/walk.yaml
--
-- The document's walk: Normal of node 0 has 9000 pages free with low 10000; DMA32 has 500 with low 2000; DMA
-- fails; node 1 has 50000 with low 10000 and serves the request. What Linux does differently:
--   * kswapd does NOT wake at Z1: the fast path only skips a zone. kswapd is woken by the slow path,
--     when no zone of the whole list passes; here node 1 does.
--   * DMA32 is tested against low plus its lowmem_reserve for this request.
--   * The order is node order, as in this walk: all zones of the nearest node, then the next node.
--     (The document's list elsewhere, Normal of all nodes first, was an option until 4.14.)

local n0, d32, dma, n1 = machine:zone(0, "Normal"), machine:zone(0, "DMA32"), machine:zone(0, "DMA"),
  machine:zone(1, "Normal")
expect(n0.low == 10000 and d32.low == 2000 and n1.low == 10000, "the document's low marks")

-- To exactly this many free pages in a zone, waking nobody.
local function lower(node, zone, gfp, free)
  for order = 10, 0, -1 do
    while machine:zone(node, zone).free - (1 << order) >= free do
      local pfn = machine:alloc_pages{ gfp = gfp .. "__GFP_MEMALLOC|__GFP_THISNODE|__GFP_NOWARN",
        order = order, cpu = 0, node = node }
      if not pfn then break end
      machine:drain()
    end
  end
  expect(machine:zone(node, zone).free == free, ("node %d %s has %d pages free"):format(node, zone, free))
end
lower(0, "Normal", "", 9000)
lower(0, "DMA32", "GFP_DMA32|", 500)
lower(1, "Normal", "", 50000)

local before = machine:numastat()
local function step(name, zone)
  local mark = zone.low + zone.protection.Normal
  print(("%s free %5d, low %5d + reserve %5d = %5d: %s"):format(name, zone.free, zone.low,
    zone.protection.Normal, mark, zone.free > mark and "SUCCESS" or "FAIL"))
  return zone.free > mark
end
expect(not step("Z1 node 0 Normal: ", machine:zone(0, "Normal")), "Z1 fails: 9000 <= 10000")
expect(not step("Z2 node 0 DMA32:  ", machine:zone(0, "DMA32")), "Z2 fails")
expect(not step("Z3 node 0 DMA:    ", machine:zone(0, "DMA")), "Z3 fails: DMA keeps itself for DMA requests")
print("Z4 zonelist order: node " .. table.concat(machine:fallback(0), " -> node "))
expect(table.concat(machine:fallback(0), " ") == "0 1", "Z4: node 0, then node 1")
expect(step("Z5 node 1 Normal: ", machine:zone(1, "Normal")), "Z5: 50000 > 10000")

local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", cpu = 0 }
local page = machine:page(pfn)
print(("Z6 the page: frame %d, node %d; an access %g ns instead of %g"):format(pfn, page.node,
  machine:latency_ns(0, page.node), machine:latency_ns(0, 0)))
expect(page.node == 1 and page.zone == "Normal", "Z6: the page is node 1's")
expect(machine:latency_ns(0, 1) == 2.1 * machine:latency_ns(0, 0), "Z6: 2.1 times the latency, the penalty")

local after = machine:numastat()
expect(after[1].numa_miss == before[1].numa_miss + 1, "Z6: numa_miss on node 1, which had to help out")
expect(after[0].numa_foreign == before[0].numa_foreign + 1, "Z6: numa_foreign on node 0, which was wanted")
expect(after[1].other_node == before[1].other_node + 1, "Z6: other_node: it counts as remote")
print("Z7 the caller has its page")
expect(machine:events{ "mm_vmscan_wakeup_kswapd", "mm_vmscan_kswapd_wake" }.count == 0,
  "FAILURE 5: nobody woke kswapd: a zone below low alone does not, where another one serves")
machine:free_pages(pfn, 0)

-- DMA32's reserve: with 5000 free pages it is far above its own low mark, and still refuses.
local d = machine:zone(0, "DMA32")
expect(d.protection.Normal == 1000000 // 256, "the reserve is 1/256 of the zones above on its node")
expect(5000 > d.low and 5000 <= d.low + d.protection.Normal,
  "5000 free pages would pass low, not low plus reserve")

-- Only when node 1 is below its mark too does the slow path wake kswapd: of both nodes.
lower(1, "Normal", "", 9500)
pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", cpu = 0 }
local woken = {}
for _, ev in ipairs(machine:events{ "mm_vmscan_kswapd_wake" }) do woken[ev.nid] = true end
print(("with node 1 at 9500: a page of node %d, kswapd woken on node 0: %s, node 1: %s"):format(
  machine:page(pfn).node, tostring(woken[0]), tostring(woken[1])))
expect(woken[0] and woken[1], "now kswapd of both nodes is woken")
expect(machine:page(pfn).node == 0, "and the slow path goes down to min: node 0 serves (9000 > 8000)")
