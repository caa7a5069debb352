-- Lab 12: out of memory under MPOL_BIND while the other node has memory free
-- numabox: -m 2x1G:2,dist=21,hole=0
--
-- Question 3 of the document: a process bound to node 1, which has no free page, while node 0 has
-- 32768. Out of memory it is; a page fault gets the OOM killer, a call may get ENOMEM. Inside its mask
-- a bound request does fall back, and it reclaims before it gives up; that the mask holds is so for
-- requests that may use the highest zone.

local page = machine:page_size()

local function free(node)
  local n = 0
  for _, name in ipairs{ "DMA", "DMA32", "Normal" } do n = n + machine:zone(node, name).free end
  return n
end

-- Leave 32768 pages free on node 0.
local other = machine:task{ cpu = 0, comm = "other" }
other:set_mempolicy("bind", { 0 })
local much = (free(0) - 32768 - 512) * page
other:touch(other:mmap{ length = much }, much)
machine:drain()
print(("node 0: %d pages free, node 1: %d"):format(free(0), free(1)))
expect(free(0) >= 32768, "node 0 has 32768 pages free")

local bound = machine:task{ cpu = 2, comm = "bound" }
bound:set_mempolicy("bind", { 1 })
local a = bound:mmap{ length = "2G", flags = { "noreserve" } } -- more than the machine has: else refused
local before = free(0)
local n, errno, message, pages = bound:touch(a, "2G")
print(("bound to node 1: %s after %d pages (%s)"):format(errno, pages, message))
print(("node 0: %d pages free"):format(free(0)))
expect(n == nil and errno == "ENOMEM", "FAILURE 8: MPOL_BIND runs out of memory")
expect(free(0) >= 32768 and before - free(0) < 64,
  "FAILURE 8: while node 0 has its 32768 pages free (but for page tables)")
expect(pages > 240000 and pages <= 258048, "it had all of node 1 before")
if bound:alive() then bound:exit() end
machine:drain()

-- The solution: MPOL_PREFERRED, which falls back.
local soft = machine:task{ cpu = 2, comm = "preferred" }
soft:set_mempolicy("preferred", { 1 })
local size = (free(1) + 8192) * page
local b = soft:mmap{ length = size }
local done = soft:touch(b, size)
local by = soft:node_pages()
print(("preferred, node 1: %d pages of node 1, then %d of node 0"):format(by[1], by[0]))
expect(done == size // page and by[0] >= 8192, "MPOL_PREFERRED goes on on node 0")
soft:exit()
machine:drain()

-- So does PREFERRED_MANY, and BIND over both nodes: inside the mask it falls back.
for _, p in ipairs{ { "preferred_many", { 1 } }, { "bind", { 0, 1 } } } do
  local t = machine:task{ cpu = 2, comm = p[1] }
  t:set_mempolicy(p[1], p[2])
  local c = t:mmap{ length = size }
  expect(t:touch(c, size) == size // page, p[1] .. " gets all of it")
  expect(t:node_pages()[1] > 240000, p[1] .. " from node 1 first")
  t:exit()
  machine:drain()
end
