-- Lab 10: the min_free_kbytes that a two-node machine boots with
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- The document takes 67584 for its machine. That is the figure of transparent huge pages for three
-- populated zones; its machine has four (DMA, DMA32 and Normal on node 0, Normal on node 1): 90112.

local zones, managed = 0, 0
for _, node in ipairs(machine:nodes()) do
  for _, name in ipairs{ "DMA", "DMA32", "Normal" } do
    local z = machine:zone(node, name)
    if z.managed > 0 then
      zones, managed = zones + 1, managed + z.managed
    end
  end
end
local page_kib = machine:page_size() // 1024
local block = 512 -- pages of a pageblock, 2 MiB
local root = math.floor(math.sqrt(managed * page_kib * 16))
-- two pageblocks a zone, and 3 x 3 more for the three migrate types that fall back to each other
local thp = zones * block * (2 + 3 * 3) * page_kib

print(("by size:            sqrt(%d KiB x 16) = %d KiB"):format(managed * page_kib, root))
print(("for huge pages:     %d zones x 512 pages x 11 x %d KiB = %d KiB"):format(zones, page_kib, thp))
print(("vm.min_free_kbytes: %d"):format(machine:sysctl("vm.min_free_kbytes")))
expect(zones == 4, "four populated zones")
expect(3 * block * 11 * page_kib == 67584, "three would give the document's 67584")
expect(thp == 90112 and thp > root, "four give 90112, more than the square root asks for")
expect(machine:sysctl("vm.min_free_kbytes") == 90112, "and that is what the machine boots with")
