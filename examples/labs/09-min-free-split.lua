-- Lab 9: min_free_kbytes, split over the zones
-- numabox: -m machines/two-million.yaml
--
-- min_free_kbytes is one number in KiB for the whole machine; each zone gets its share of it, in pages,
-- in proportion to its managed pages. Example: 67584 KiB over 2,000,000 pages, of which Normal has
-- 1,500,000. The document is right here. In its question Q2 it is not: 67584 x 0.25 = 16896 there is
-- KiB, not pages (FAILURE 9).

local kib = machine:sysctl("vm.min_free_kbytes")
local pages = kib // (machine:page_size() // 1024)
print(("%d KiB / 4 = %d pages for the whole machine"):format(kib, pages))
expect(kib == 67584 and pages == 16896, "16896 pages")

local sum = 0
for _, name in ipairs{ "DMA", "DMA32", "Normal" } do
  local z = machine:zone(0, name)
  print(("%-7s %8d managed: min %6d low %6d high %6d"):format(name, z.managed, z.min, z.low, z.high))
  sum = sum + z.min
end
local normal = machine:zone(0, "Normal")
expect(normal.managed == 1500000, "1,500,000 managed pages in Normal")
expect(normal.min == 16896 * 1500000 // 2000000 and normal.min == 12672, "min = 16896 x 3/4 = 12672")
expect(normal.low == 15840, "low = 12672 + 12672 / 4 = 15840")
expect(normal.high == 19008, "high = 12672 + 2 x 3168 = 19008")
expect(sum <= pages and sum > pages - 3, "the shares make the whole, but for what division drops")

-- Q2: a quarter in DMA32, three quarters in Normal.
print("\nQ2: 67584 KiB over 1,000,000 pages of DMA32 and 3,000,000 of Normal")
print(("  DMA32: 16896 pages x 0.25 = %d pages = %d KiB"):format(pages // 4, kib // 4))
print(("  Normal: 16896 pages x 0.75 = %d pages = %d KiB"):format(pages * 3 // 4, kib * 3 // 4))
expect(pages // 4 == 4224 and pages * 3 // 4 == 12672,
  "FAILURE 9: 4224 and 12672 pages; the document's 16896 and 50688 are KiB")
local dma32 = machine:zone(0, "DMA32")
expect(dma32.min == pages * dma32.managed // 2000000, "the quarter of this machine agrees")
