-- numabox: -m 2x1G
-- A node fills up: a default allocation goes on to the next node of the fallback order, a bound one
-- runs out of memory while other nodes have plenty.
--   numabox sim examples/fallback.lua

local nodes = machine:nodes()
local home = nodes[1]
local page = machine:page_size()

local function free_pages(node)
  local n = 0
  for _, zone in ipairs{ "DMA", "DMA32", "Normal", "HighMem", "Movable" } do
    local z = machine:zone(node, zone)
    if z then n = n + z.free end
  end
  return n
end

print("fallback order of node " .. home .. ": " .. table.concat(machine:fallback(home), " "))
local much = (free_pages(home) + free_pages(nodes[2]) // 2) * page

-- BIND: only these nodes, to the end.
local bound = machine:task{ cpu = machine:cpus(home)[1], comm = "bound" }
bound:set_mempolicy("bind", { home })
local a = bound:mmap{ length = much }
local function given(node)
  local n = machine:numastat()[node]
  return n.numa_hit + n.numa_miss
end
local elsewhere = given(nodes[2])
local touched, errno, message = bound:touch(a, much)
print("bind:    " .. tostring(errno) .. ", " .. tostring(message))
print(("         while node %d has %d pages free"):format(nodes[2], free_pages(nodes[2])))
expect(errno == "ENOMEM", "a bound task runs out of memory")
expect(given(nodes[2]) == elsewhere, "and never takes a page elsewhere")
if bound:alive() then bound:exit() end -- it may have met the OOM killer
machine:drain()

-- DEFAULT: the rest comes from the next node, and numastat says so.
local before = machine:numastat()
local free = machine:task{ cpu = machine:cpus(home)[1], comm = "default" }
local b = free:mmap{ length = much }
expect(free:touch(b, much) == much // page, "the default policy gets all of it")
local after = machine:numastat()
local missed = after[nodes[2]].numa_miss - before[nodes[2]].numa_miss
print(("default: %d pages here, %d on node %d (numa_miss +%d there)"):format(
  free:node_pages()[home], free:node_pages()[nodes[2]], nodes[2], missed))
expect(missed >= free:node_pages()[nodes[2]], "each page from elsewhere is a numa_miss there")
