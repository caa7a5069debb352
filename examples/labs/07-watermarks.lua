-- Lab 7: where min, low and high come from
-- numabox: -m machines/one-million.yaml
--
-- The document: min = 1 % of managed, low = 1.25 min, high = 1.5 min; 10000, 12500 and 15000 for a zone
-- of 1,000,000 pages. Linux: min is the zone's share of min_free_kbytes, and the gap between the marks
-- is max(min / 4, managed x watermark_scale_factor / 10000). All of it in pages (FAILURES 3 and 9).
-- numabox -m machines/big-zone.yaml: the zone of the document's /proc/zoneinfo, where it is wrong.

local kib = machine:sysctl("vm.min_free_kbytes")
local factor = machine:sysctl("vm.watermark_scale_factor")
local page_kib = machine:page_size() // 1024
local lowmem, zones = 0, {}
for _, node in ipairs(machine:nodes()) do
  for _, name in ipairs{ "DMA", "DMA32", "Normal" } do
    local z = machine:zone(node, name)
    if z.managed > 0 then
      lowmem = lowmem + z.managed
      zones[#zones + 1] = { node = node, name = name, z = z }
    end
  end
end

print(("min_free_kbytes = %d KiB = %d pages, to be split over %d managed pages"):format(kib,
  kib // page_kib, lowmem))
expect(kib ~= kib // page_kib, "FAILURE 9: min_free_kbytes is in KiB, the marks are in pages")
for _, x in ipairs(zones) do
  local z = x.z
  local min = (kib // page_kib) * z.managed // lowmem
  local gap = math.max(min // 4, z.managed * factor // 10000)
  print(("node %d %-7s min  = %d x %d / %d = %d"):format(x.node, x.name, kib // page_kib, z.managed,
    lowmem, min))
  print(("               gap  = max(%d / 4, %d x %d / 10000) = %d"):format(min, z.managed, factor, gap))
  print(("               low  = %d, high = %d"):format(min + gap, min + 2 * gap))
  expect(z.min == min and z.low == min + gap and z.high == min + 2 * gap,
    "the kernel's marks are these")
end

local normal = machine:zone(1, "Normal")
if normal.managed == 1000000 then
  expect(normal.min == 10000 and normal.low == 12500 and normal.high == 15000,
    "the document's zone: 10000, 12500, 15000")
  expect(normal.min * machine:page_size() == 40960000,
    "FAILURE 3: marks are pages: 10000 of them are 40,960,000 bytes")
  -- The same zone with another min_free_kbytes: 1 % of managed is no rule.
  machine:sysctl("vm.min_free_kbytes", 4096)
  expect(machine:zone(1, "Normal").min == 499, "min follows min_free_kbytes, not the zone's size")
  expect(machine:zone(1, "Normal").low == 499 + 1000,
    "and with a small min the gap is 0.1 % of the zone, not min / 4")
else
  expect(normal.managed == 8123456 and normal.min == 12345, "the zone of the document's zoneinfo")
  expect(normal.low == 20468 and normal.high == 28591,
    "low 20468 and high 28591, not the document's 15432 and 18519")
end
