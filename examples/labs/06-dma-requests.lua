-- Lab 6: what a device can reach, and what a request flag promises
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- An ISA device reaches 16 MiB, a 32-bit PCI device 4 GiB, a modern one everything. Without zones a
-- 32-bit device could be handed a frame at 0x9_0000_0000.

local page = machine:page_size()
local kinds = {
  { "GFP_KERNEL|GFP_DMA",   16 << 20, "DMA",    "legacy ISA driver" },
  { "GFP_KERNEL|GFP_DMA32", 4 << 30,  "DMA32",  "32-bit PCI" },
  { "GFP_KERNEL",           64 << 30, "Normal", "the kernel's own" },
  { "GFP_HIGHUSER",         64 << 30, "Normal", "user pages" },
}

for _, k in ipairs(kinds) do
  local gfp, limit, zone, who = table.unpack(k)
  local pfn = machine:alloc_pages{ gfp = gfp, cpu = 0 }
  print(("%-22s %-18s frame %8d, address %#12x, zone %s"):format(gfp, who, pfn, pfn * page,
    machine:page(pfn).zone))
  expect(machine:page(pfn).zone == zone, gfp .. " is served from " .. zone)
  expect((pfn + 1) * page <= limit, "all of it below the limit")
end

-- Whatever the state of the machine: take frames of each kind until there are no more.
local taken = {}
for _, k in ipairs{ kinds[1], kinds[2] } do
  local worst, n = 0, 0
  while true do
    local pfn = machine:alloc_pages{ gfp = k[1] .. "|__GFP_NORETRY|__GFP_NOWARN", order = 6, cpu = 0 }
    if not pfn then break end
    worst, n = math.max(worst, pfn + 63), n + 1
    taken[#taken + 1] = pfn
  end
  print(("%-22s %d blocks of 256 KiB until none is left, the highest ends at %#x"):format(k[1], n,
    (worst + 1) * page))
  expect(n > 0 and (worst + 1) * page <= k[2], "never a frame above the device's reach")
end

-- Address 0x9_0000_0000 is what a 32-bit device would have been given without zones.
local there = machine:page(0x900000000 // page)
print(("0x9_0000_0000: node %d, zone %s"):format(there.node, there.zone))
expect(there.zone == "Normal" and 0x900000000 >= 4 << 30, "a frame that such a device cannot address")

-- Fallback goes down, never up: with DMA32 full, GFP_KERNEL is still served, from Normal.
local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", cpu = 0 }
expect(machine:page(pfn).zone == "Normal", "GFP_KERNEL takes Normal first")
