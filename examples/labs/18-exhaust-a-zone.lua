-- Lab 18: exhaust one zone and watch /proc/buddyinfo
-- numabox: -m 2x2G:2,dist=21,hole=0
--
-- The document's exercise: a program that allocates until one zone is exhausted, with /proc/buddyinfo
-- read on the way. Node 1 is one zone here (DMA32: it lies below 4 GiB). The big blocks go first, since
-- each small request splits what it must.

local function line(node, zone)
  for l in machine:view("buddyinfo"):gmatch("[^\n]+") do
    if l:match(("^Node %d, zone +%s "):format(node, zone)) then return l end
  end
end

-- What a line says: blocks by order; 4 KiB, 8 KiB, ... 4 MiB.
local function pages_of(l)
  local n, order = 0, 0
  for blocks in l:match("zone +%w+ +(.*)"):gmatch("%d+") do
    n, order = n + (tonumber(blocks) << order), order + 1
  end
  return n, order
end

local function largest(l)
  local best, order = -1, 0
  for blocks in l:match("zone +%w+ +(.*)"):gmatch("%d+") do
    if tonumber(blocks) > 0 then best = order end
    order = order + 1
  end
  return best
end

local t = machine:task{ cpu = 2, comm = "hog" }
t:set_mempolicy("bind", { 1 })
local a = t:mmap{ length = "3G" }
local before = line(1, "DMA32")
print("at first:       " .. before)
local total, orders = pages_of(before)
expect(orders == 11, "eleven columns: order 0 to 10")
expect(total == machine:zone(1, "DMA32").free, "the blocks of all orders are the free pages")
expect(largest(before) == 10, "and lie in 4 MiB blocks")

local left, got = {}, 0
for eighth = 1, 8 do
  local n, errno, _, some = t:touch(a + (eighth - 1) * (1 << 28), "256M")
  got = got + (n or some)
  local l = line(1, "DMA32")
  print(("after %4d MiB: %s"):format(eighth * 256, l))
  if not n then
    print(("                %s: the zone is exhausted after %d pages"):format(errno, got))
    expect(errno == "ENOMEM", "out of memory in the end")
    break
  end
  left[#left + 1] = (pages_of(l))
end
expect(#left == 7, "seven eighths fit")
for i = 2, #left do expect(left[i] < left[i - 1], "the free pages go down") end
local z = machine:zone(1, "DMA32")
print(("\n%d pages of %d were to be had: what lies below min (%d) is for emergencies"):format(got,
  z.managed, z.min))
expect(z.managed - got > z.min // 2 and z.managed - got < 2 * z.min + 2048,
  "exhausted means: down to the min mark, not to zero")
expect(machine:zone(0, "DMA32").free > 400000, "while node 0 has most of its memory")

-- Giving it back: the blocks merge again.
if t:alive() then t:exit() end
machine:drain()
local after = line(1, "DMA32")
print("given back:     " .. after)
expect(pages_of(after) >= total - 512, "all pages are back (but those of page tables still held)")
expect(largest(after) == 10, "merged into 4 MiB blocks")
