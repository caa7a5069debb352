-- Lab 22: the zone_stats module: all zones of all nodes, with free, min, low, high, managed
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- The document's module walks for_each_zone inside for_each_online_node. That macro goes over the zones of
-- all nodes, so it prints every zone under every node. Right is to walk the node's own zones:
-- NODE_DATA(nid)->node_zones[].

local names = { "DMA", "DMA32", "Normal", "Movable" }

local function print_zone_stats()
  local printed = 0
  for _, node in ipairs(machine:nodes()) do
    print(("Node %d:"):format(node))
    for _, name in ipairs(names) do
      local z = machine:zone(node, name)
      if z.present > 0 then
        printed = printed + 1
        print(("  Zone %s:\n    Free pages: %d\n    Min: %d\n    Low: %d\n    High: %d\n    Managed: %d"):format(
          name, z.free, z.min, z.low, z.high, z.managed))
        expect(z.min <= z.low and z.low <= z.high and z.free <= z.managed, "the marks are in order")
      end
    end
  end
  return printed
end

local zones = print_zone_stats()
local wrong = zones * #machine:nodes()
print(("\n%d zones; the document's loop would print %d"):format(zones, wrong))
expect(zones == 4 and wrong == 8, "four zones, not eight")

-- The same from /proc/zoneinfo.
local found = 0
for node, name in machine:view("zoneinfo"):gmatch("Node (%d+), zone +(%w+)") do
  if machine:zone(tonumber(node), name).present > 0 then found = found + 1 end
end
expect(found == zones, "zoneinfo has these four populated ones")
