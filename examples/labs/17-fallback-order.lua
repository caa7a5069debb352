-- Lab 17: where a request goes when its zone is exhausted
-- numabox: -m 2x4G:2,dist=21,hole=0
--
-- The document lists: Normal of this node, Normal of the others, DMA32 of this node, ... , DMA, then
-- failure. That was zone order, an option until 4.14. Linux goes node by node: all zones of the nearest
-- node first. And it does not fail at the end: kswapd, reclaim, then the OOM killer.

local order = {}
for _, node in ipairs(machine:fallback(1)) do
  for _, zone in ipairs{ "Normal", "DMA32", "DMA" } do
    if machine:zone(node, zone).managed > 0 then order[#order + 1] = node .. " " .. zone end
  end
end
print("zonelist of node 1: " .. table.concat(order, ", "))
print("zonelist of node 0: node " .. table.concat(machine:fallback(0), ", node "))

-- Take blocks of 16 pages on CPU 0 of node 0 until nothing is left, and note where each comes from.
local zones = { { 0, "DMA32" }, { 0, "DMA" }, { 1, "Normal" } }
local walk, last, count, taken = {}, nil, {}, 0
local woken_after, above
while true do
  local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN", order = 4, cpu = 0 }
  if not pfn then break end
  local p = machine:page(pfn)
  local place = p.node .. " " .. p.zone
  if place ~= last then walk[#walk + 1] = place end
  last, count[place], taken = place, (count[place] or 0) + 16, taken + 16
  if not woken_after and machine:events{ "mm_vmscan_kswapd_wake" }.count > 0 then
    woken_after, above = taken, 0
    for _, x in ipairs(zones) do
      local z = machine:zone(x[1], x[2])
      if z.free - 64 > z.low + z.protection.Normal then above = above + 1 end
    end
  end
end
print("\nin the order in which they served (node, zone):")
for _, place in ipairs(walk) do print("  " .. place) end
for place, pages in pairs(count) do print(("  %-8s gave %7d pages"):format(place, pages)) end
print(("kswapd was woken after %d pages"):format(woken_after))

expect(walk[1] == "0 DMA32", "first the highest zone of the own node, which here is DMA32")
expect(count["1 Normal"] and walk[#walk]:sub(1, 1) ~= "", "then node 1")
local first_remote, last_local_before
for i, place in ipairs(walk) do
  if place:sub(1, 1) == "1" then first_remote = first_remote or i end
  if not first_remote then last_local_before = i end
end
expect(first_remote == last_local_before + 1 and walk[1]:sub(1, 1) == "0",
  "all zones of node 0 before any of node 1: node order, not zone order")
expect((count["0 DMA"] or 0) < 1024,
  "zone DMA keeps itself back (lowmem_reserve): it is not the last resort of GFP_KERNEL")
expect(above == 0, "kswapd is woken only when no zone of the list is above its low mark and reserve")
