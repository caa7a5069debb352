-- Lab 28: reading a line of /proc/buddyinfo
-- numabox: -m 2x8G:4,dist=21,hole=0
--
-- The document's lines: a number for each order, how many free blocks of 4 KiB, 8 KiB, ... 4 MiB there are.

local lines = {
  "Node 0, zone DMA 1 0 0 1 2 1 1 0 1 1 3",
  "Node 0, zone DMA32 3912 3015 2107 1293 624 243 82 24 8 3 67",
  "Node 0, zone Normal 12851 8742 5211 2834 1203 412 127 38 11 2 142",
  "Node 1, zone Normal 15234 9876 6543 3210 1234 567 234 123 45 12 189",
}

local function read(line)
  local blocks = {}
  for n in line:match("zone +%w+ +(.*)"):gmatch("%d+") do blocks[#blocks + 1] = tonumber(n) end
  local pages, count = 0, 0
  for order = 0, #blocks - 1 do
    pages, count = pages + (blocks[order + 1] << order), count + blocks[order + 1]
  end
  return blocks, pages, count
end

-- How much of the free memory a request of that order cannot use.
local function unusable(blocks, pages, order)
  local good = 0
  for o = order, #blocks - 1 do good = good + (blocks[o + 1] << o) end
  return (pages - good) / pages
end

for _, line in ipairs(lines) do
  local blocks, pages, count = read(line)
  print(line)
  print(("  %d blocks, %d pages, %.1f MiB; of it useless for a huge page (2 MiB): %.0f %%"):format(count,
    pages, pages / 256, unusable(blocks, pages, 9) * 100))
end

local blocks, pages, count = read(lines[3])
expect(#blocks == 11, "orders 0 to 10")
expect(blocks[1] == 12851, "12851 single pages")
expect(pages == 12851 + 8742 * 2 + 5211 * 4 + 2834 * 8 + 1203 * 16 + 412 * 32 + 127 * 64 + 38 * 128 +
  11 * 256 + 2 * 512 + 142 * 1024, "each block counts 2^order pages")
expect(pages == 268523 and count == 31573, "268523 pages in 31573 blocks: 1 GiB")
expect(math.floor(unusable(blocks, pages, 9) * 100) == 45, "nearly half of it is in pieces too small for a huge page")

-- A fresh machine's line: nothing but the biggest blocks.
local function own(node, zone)
  return machine:view("buddyinfo"):match(("(Node %d, zone +%s [^\n]+)"):format(node, zone))
end
local fresh = own(1, "Normal")
print("\n" .. fresh)
local b, p = read(fresh)
expect(b[11] * 1024 == p and p == machine:zone(1, "Normal").free, "all free memory in blocks of 4 MiB")

-- What makes small blocks: many requests, of which every second is given back.
local taken = {}
for i = 1, 20000 do taken[i] = machine:alloc_pages{ gfp = "GFP_KERNEL", cpu = 4 } end
for i = 1, #taken, 2 do machine:free_pages(taken[i], 0, 4) end
machine:drain()
local after = own(1, "Normal")
print(after)
b, p = read(after)
expect(b[1] > 9000, "thousands of single pages whose neighbours are in use: the danger sign")
for i = 2, #taken, 2 do machine:free_pages(taken[i], 0, 4) end
machine:drain()
expect(own(1, "Normal") == fresh, "given back, they merge into what was there before")
