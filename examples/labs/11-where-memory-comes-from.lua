-- Lab 11: where memory comes from under each policy
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- Given: the application runs on CPU 3 of node 0; node 0 has 20 GiB free, node 1 has 30 GiB.

local page = machine:page_size()
local GiB = (1 << 30) // page

local function free(node)
  local n = 0
  for _, name in ipairs{ "DMA", "DMA32", "Normal" } do n = n + machine:zone(node, name).free end
  return n
end

-- Somebody else holds the rest.
local other = machine:task{ cpu = 0, comm = "other" }
for node, want in pairs{ [0] = 20 * GiB, [1] = 30 * GiB } do
  assert(other:set_mempolicy("bind", { node }))
  local much = (free(node) - want) * page
  local a = other:mmap{ length = much }
  other:madvise(a, much, "hugepage") -- only to be quick
  other:touch(a, much)
end
machine:drain()
print(("node 0: %.1f GiB free, node 1: %.1f GiB free\n"):format(free(0) / GiB, free(1) / GiB))

local function run(mode, nodes, size, huge)
  local t = machine:task{ cpu = 3, comm = mode }
  assert(t:set_mempolicy(mode, nodes))
  local a = t:mmap{ length = size, addr = 0x7f0000000000 }
  local first = {}
  t:touch(a, 4 * page)
  for i, node in ipairs(t:nodes(a, 4 * page)) do first[i] = node end
  if huge then t:madvise(a, size, "hugepage") end
  local done, errno = t:touch(a, size)
  local pages = t:alive() and t:node_pages() or nil
  if pages then
    print(("%-11s %-4s first pages from node %s; in all %5.2f GiB of node 0, %5.2f GiB of node 1"):format(
      mode, size, table.concat(first, " "), pages[0] / GiB, pages[1] / GiB))
  end
  return { first = first, pages = pages, done = done, errno = errno, task = t }
end

local function finish(r)
  if r.task:alive() then r.task:exit() end
  machine:drain()
end

-- LOCAL: the running CPU's node first, the other when it is exhausted.
local r = run("local", nil, "16G", true)
expect(r.first[1] == 0 and r.pages[0] == 16 * GiB, "local: all of 16 GiB from node 0")
finish(r)
r = run("local", nil, "24G", true)
expect(r.done and r.pages[0] > 19 * GiB and r.pages[1] >= 4 * GiB,
  "local: 24 GiB fall back to node 1 once node 0 is down to its marks")
finish(r)

-- INTERLEAVE: in turn. Over a mapping the turn goes by address, so that it is the same whoever
-- touches which page first; this mapping's first page is an even one.
r = run("interleave", { 0, 1 }, "1G")
expect(table.concat(r.first, " ") == "0 1 0 1", "interleave: 0, 1, 0, 1")
expect(r.pages[0] == GiB // 2 and r.pages[1] == GiB // 2, "half and half")
finish(r)
local t = machine:task{ cpu = 3 }
t:set_mempolicy("interleave", { 0, 1 })
local odd = t:mmap{ length = "16K", addr = 0x7f0000001000 }
t:touch(odd, "16K")
expect(table.concat(t:nodes(odd, "16K"), " ") == "1 0 1 0",
  "a mapping at an odd page begins with node 1: the document's 'allocation 0 -> node 0' is by luck")
t:exit()

-- The document's set_mempolicy(MPOL_INTERLEAVE, &mask, 2) with mask 0x3 sets node 0 alone: maxnode counts
-- one more than the bits that are used, 3 is needed.
t = machine:task{ cpu = 3 }
t:set_mempolicy("interleave", { 0 }) -- what that call does
t:touch(t:mmap{ length = "4M" }, "4M")
expect(t:node_pages()[1] == 0, "with maxnode 2 'interleave over both' is node 0 alone")
t:exit()

-- BIND to node 1: nothing from node 0, which has 20 GiB free.
r = run("bind", { 1 }, "16G", true)
expect(r.pages[0] == 0 and r.pages[1] == 16 * GiB, "bind: all allocations from node 1")
expect(free(0) >= 19 * GiB, "node 0 has 20 GiB free, not used")
finish(r)
r = run("bind", { 1 }, "40G", true)
print(("bind        40G  %s, with %.1f GiB free on node 0"):format(r.errno, free(0) / GiB))
expect(r.errno == "ENOMEM" and free(0) >= 19 * GiB,
  "FAILURE 4: node 1 exhausted: out of memory, no fallback, with memory free elsewhere")
finish(r)
