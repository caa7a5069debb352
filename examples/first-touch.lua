-- numabox: -m 2x32G
-- First touch: memory comes from the node of the CPU that touches it first, not of the one that
-- asked for it. Run on any machine of two nodes:
--   numabox sim examples/first-touch.lua

local nodes = machine:nodes()
expect(#nodes >= 2, "the machine has two nodes")
local near, far = nodes[1], nodes[2]

local function report(what, t)
  local pages = t:node_pages()
  print(("%-38s node %d: %7d pages   node %d: %7d pages   %.1f ns an access"):format(
    what, near, pages[near], far, pages[far], t:latency_ns()))
  return pages
end

-- The mapping alone takes no page.
local t = machine:task{ cpu = machine:cpus(near)[1], comm = "worker" }
local a = t:mmap{ length = "256M" }
expect(t:rss() == 0, "mmap takes no memory")

-- Half of it is touched here, then the task moves and touches the rest there.
t:touch(a, "128M")
report("touched on node " .. near, t)
t:sched_setaffinity(machine:cpus(far))
t:touch(a + 128 * 1024 * 1024, "128M")
local pages = report("moved, and the rest touched on node " .. far, t)

expect(pages[near] == pages[far], "each half stayed where it was first touched")
expect(pages[near] == 128 * 1024 * 1024 // machine:page_size(), "all pages are there")

-- Touching again moves nothing: the first touch decided.
expect(t:touch(a, "256M") == 0, "no page is faulted in twice")
