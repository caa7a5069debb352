-- A file's pages in memory lie where they were first read, and serve everybody from there.
--   numabox sim examples/page-cache.lua
-- numabox: -m 2x8G:4,dist=21

local size = "256M"
local pages = (256 << 20) // machine:page_size()

local function reader(node)
  return machine:task{ cpu = machine:cpus(node)[1], comm = "reader" .. node }
end

local function timed(file, t)
  local begin = machine:time_ns()
  file:read(0, size, t)
  return (machine:time_ns() - begin) / 1e6
end

local function file_pages(node)
  local n = 0
  for _, name in ipairs{ "DMA", "DMA32", "Normal", "Movable" } do
    local z = machine:zone(node, name)
    n = n + (z and z.file or 0)
  end
  return n
end

local data = machine:file("data", size)
local near, far = reader(0), reader(1)
print(("first read, by a task of node 0:  %7.1f ms (from the disk)"):format(timed(data, near)))
print(("cached: %d pages on node 0, %d on node 1"):format(file_pages(0), file_pages(1)))
expect(file_pages(0) >= pages and file_pages(1) == 0, "the cache lies on the node of who read first")
local at_home, remote = timed(data, near), timed(data, far)
print(("again, by the same:               %7.1f ms\nby a task of node 1:              %7.1f ms"):format(
  at_home, remote))
expect(remote > at_home, "the other node reads it over the link")

-- Interleaved: the reader's policy says where the pages go.
local other = machine:file("other", size)
local spread = reader(0)
spread:set_mempolicy("interleave", { 0, 1 })
local before = { [0] = file_pages(0), [1] = file_pages(1) }
timed(other, spread)
local new0, new1 = file_pages(0) - before[0], file_pages(1) - before[1]
print(("interleaved: %d pages on node 0, %d on node 1"):format(new0, new1))
expect(math.abs(new0 - new1) <= 64 and new0 + new1 >= pages, "half and half by the reader's policy")
