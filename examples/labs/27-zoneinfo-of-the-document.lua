-- Lab 27: the /proc/zoneinfo that the document shows
-- numabox: -m machines/big-zone.yaml
--
-- Node 0, zone Normal: managed 8123456, min 12345, low 15432, high 18519. Such a zone does not exist: those
-- marks are 1.25 and 1.5 min. Linux widens the gap for big zones (watermark_scale_factor, since 4.6), so that
-- kswapd has room to work: low is 20468 and high 28591. Here it is node 1's zone.

local z = machine:zone(1, "Normal")
expect(z.managed == 8123456 and z.min == 12345, "the document's zone, with its min")

local text = machine:view("zoneinfo"):match("Node 1, zone +Normal.-\n(  pages free.-protection)")
print("Node 1, zone   Normal\n" .. text:gsub("%s*protection", ""))
local function line(name) return tonumber(text:match(name .. " +(%d+)")) end
expect(line("min") == z.min and line("low") == z.low and line("high") == z.high,
  "zoneinfo prints the same marks")

local by_document = { low = z.min * 5 // 4, high = z.min * 3 // 2 }
local gap = math.max(z.min // 4, z.managed * 10 // 10000)
print(("the document: low %d, high %d\nLinux:        gap = max(%d, %d) = %d, low %d, high %d"):format(
  by_document.low, by_document.high, z.min // 4, z.managed * 10 // 10000, gap, z.low, z.high))
expect(by_document.low == 15431 and by_document.high == 18517,
  "1.25 and 1.5 min give the document's 15432 and 18519, but for rounding")
expect(gap == 8123, "0.1 % of the zone is more than a quarter of min")
expect(z.low == 20468 and z.high == 28591, "low 20468 and high 28591")

-- The gap is what kswapd has between being woken and requests that must reclaim for themselves.
print(("between low and min: %d pages = %d MiB (the document's: %d MiB)"):format(z.low - z.min,
  (z.low - z.min) // 256, (by_document.low - z.min) // 256))
expect((z.low - z.min) // 256 == 31, "31 MiB, where 1.25 would leave 12")

-- All of it follows the sysctl.
machine:sysctl("vm.watermark_scale_factor", 100)
expect(machine:zone(1, "Normal").low == z.min + 81234, "a factor of 100 makes it 1 % of the zone")
