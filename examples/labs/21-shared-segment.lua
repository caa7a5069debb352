-- Lab 21: a shared segment that one thread faults in and all nodes use
-- numabox: -m 4x8G:2,dist=20,hole=0
--
-- First touch puts all of it on the node of the thread that initialises it: everybody else is remote.
-- Interleaved (a policy of the object, by mbind), each node has its share.

local size = "1G"
local nodes = machine:nodes()

-- The average latency of each node's threads, reading the whole segment at random.
local function use(t, a)
  local sum, parts = 0, {}
  for _, node in ipairs(nodes) do
    local worker = t:thread{ cpu = machine:cpus(node)[1] }
    local r = worker:access(a, size, { pattern = "random", count = 1000000 })
    parts[#parts + 1] = ("node %d: %.0f ns"):format(node, r.latency_ns)
    sum = sum + r.latency_ns
    worker:exit()
  end
  print("  " .. table.concat(parts, ", ") .. (", on average %.0f ns"):format(sum / #nodes))
  return sum / #nodes
end

local function show(t)
  local parts = {}
  for node, pages in pairs(t:node_pages()) do parts[#parts + 1] = node .. ": " .. pages end
  print("  pages by node: " .. table.concat(parts, ", "))
end

print("faulted in by one thread on node 0:")
local t = machine:task{ cpu = 0, comm = "server" }
local a = t:mmap{ length = size, shared = true }
t:touch(a, size)
show(t)
expect(t:node_pages()[0] == 262144, "all of it on node 0")
local one = use(t, a)
expect(one == (80 + 3 * 160) / 4, "one node is at home, three pay the distance: 140 ns on average")
t:munmap(a, size)

print("interleaved by mbind before the first touch:")
a = t:mmap{ length = size, shared = true }
t:mbind(a, size, "interleave", nodes)
t:touch(a, size)
show(t)
for _, node in ipairs(nodes) do expect(t:node_pages()[node] == 65536, "a quarter on each node") end
local many = use(t, a)
expect(many == (80 + 3 * 160) / 4, "the average over all nodes is the same")
print("  the gain: no node is slower than the others, and no memory controller serves all of them")
local spread = t:thread{ cpu = machine:cpus(3)[1] }
expect(spread:access(a, size, { pattern = "random", count = 1000 }).latency_ns == 140,
  "a thread of node 3 has 140 ns now instead of 160")
spread:exit()
t:munmap(a, size)

print("each thread initialises the part that it works on:")
a = t:mmap{ length = size, shared = true }
local part = (1 << 30) // #nodes
local worst = 0
for i, node in ipairs(nodes) do
  local worker = t:thread{ cpu = machine:cpus(node)[1] }
  worker:touch(a + (i - 1) * part, part)
  local r = worker:access(a + (i - 1) * part, part, { pattern = "random", count = 1000000 })
  worst = math.max(worst, r.latency_ns)
  worker:exit()
end
show(t)
print(("  every thread reads its own part at %.0f ns"):format(worst))
expect(worst == 80, "parallel first touch: everybody is at home")

-- A child that maps the same segment sees the same pages: shared memory is not copied.
local child = t:fork()
expect(child:touch(a, size) >= 0 and child:pfn(a) == t:pfn(a), "the child has the parent's pages")
