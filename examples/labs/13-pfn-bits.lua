-- Lab 13: page frame numbers and how many bits they take
-- numabox: -m 64G:8,hole=0
--
-- Question 1 of the document: ZONE_NORMAL lies above 4 GiB, does a 32-bit frame number reach it?

local page = machine:page_size()
local bytes = 64 << 30
local frames = bytes // page
local highest = frames - 1

local function bits(n)
  local b = 0
  while n > 0 do n, b = n >> 1, b + 1 end
  return b
end

print(("64 GiB / 4 KiB = %d = 0x%x frames"):format(frames, frames))
print(("the highest frame is 0x%x: %d bits"):format(highest, bits(highest)))
print(("an address of this machine takes %d bits"):format(bits(bytes - 1)))
print(("32-bit frame numbers cover %d TiB"):format(((1 << 32) * page) >> 40))
expect(frames == 16777216 and frames == 0x1000000, "16777216 = 0x1000000 frames")
expect(bits(highest) == 24, "24 bits hold every frame number (log2 of 0x1000000)")
expect(bits(bytes - 1) == 36, "where a byte address takes 36")
expect(((1 << 32) * page) >> 40 == 16, "32 bits cover 16 TiB")

local normal = machine:zone(0, "Normal")
expect(normal.start_pfn + normal.spanned - 1 == highest, "Normal's last frame is the machine's")
expect(bits(normal.start_pfn) == 21 and normal.start_pfn == 1 << 20,
  "Normal begins at frame 0x100000, a small number: addresses are above 32 bits, frames are not")
expect(machine:page(highest).zone == "Normal", "the highest frame is there")
local none, errno = machine:page(frames)
expect(none == nil and errno == "ENOENT", "the next one is not")
