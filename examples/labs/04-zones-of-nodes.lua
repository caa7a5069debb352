-- Lab 4: which node has which zones
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- Zones are bounds of addresses, nodes are where memory hangs: a node has a zone where it has memory
-- between its bounds. With memory laid out from address 0, node 0 has the low zones.

local page = machine:page_size()
print("                    start           end   pages")
for _, node in ipairs(machine:nodes()) do
  for _, name in ipairs{ "DMA", "DMA32", "Normal" } do
    local z = machine:zone(node, name)
    if z.present > 0 then
      print(("node %d %-7s %#12x  %#12x  %d"):format(node, name, z.start_pfn * page,
        (z.start_pfn + z.spanned) * page, z.spanned))
    end
  end
end

expect(machine:zone(0, "DMA").present > 0 and machine:zone(0, "DMA32").present > 0,
  "node 0 has DMA and DMA32")
expect(machine:zone(0, "Normal").spanned == (28 << 30) // page, "and 28 GiB of Normal")
expect(machine:zone(1, "DMA").present == 0 and machine:zone(1, "DMA32").present == 0,
  "FAILURE 10: the second node has no DMA zones here")
expect(machine:zone(1, "Normal").spanned == 8388608, "node 1: 32 GiB / 4 KiB = 8388608 pages")
expect(machine:zone(1, "Normal").start_pfn == 8388608, "beginning at 32 GiB")

-- So a driver on node 1 that wants DMA memory gets it from node 0, whatever node it asks for.
local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL|GFP_DMA32", cpu = 4, node = 1 }
print(("\na GFP_DMA32 page for CPU 4 of node 1: frame %d, node %d, zone %s"):format(pfn,
  machine:page(pfn).node, machine:page(pfn).zone))
expect(machine:page(pfn).node == 0, "low memory is on node 0 alone")
local none, errno = machine:alloc_pages{ gfp = "GFP_KERNEL|GFP_DMA32|__GFP_THISNODE", cpu = 4, node = 1 }
expect(none == nil and errno == "ENOMEM", "and from node 1 alone there is none")
