-- Two containers, each confined by a cpuset to one node; then one of them is moved to the other node.
--   numabox sim examples/containers.lua
-- numabox: -m 2x16G:8,dist=21

local function container(name, node)
  local t = machine:task{ comm = name }
  assert(t:set_cpuset{ mems = { node }, cpus = machine:cpus(node) })
  local a = t:mmap{ length = "512M" }
  t:touch(a, "512M")
  return t, a
end

local function show(t, a)
  local by, r = t:node_pages(), t:access(a, "512M", { pattern = "random", count = 100000 })
  print(("%-4s on CPU %2d of node %d: %6d + %6d pages, %5.1f ns an access"):format(t:comm(), t:cpu(),
    t:node(), by[0], by[1], r.latency_ns))
  return by, r.latency_ns
end

local web, web_buffer = container("web", 0)
local db, db_buffer = container("db", 1)
local by = show(web, web_buffer)
expect(by[1] == 0, "web has memory of node 0 alone")
by = show(db, db_buffer)
expect(by[0] == 0, "db of node 1 alone")

-- Inside the container nothing else is to be had, whatever the program asks for.
local ok, errno = web:set_mempolicy("bind", { 1 })
expect(ok == nil and errno == "EINVAL", "a policy for a node outside the cpuset is refused")
ok, errno = web:sched_setaffinity(machine:cpus(1))
expect(ok == nil and errno == "EINVAL", "so are its CPUs")

-- The administrator moves web to node 1: with cgroup v2 its pages move along.
print("\nweb is moved to node 1:")
local before = web:time_ns()
assert(web:set_cpuset{ mems = { 1 }, cpus = machine:cpus(1) })
print(("the move took %.1f ms of its time"):format((web:time_ns() - before) / 1e6))
by = show(web, web_buffer)
expect(by[0] == 0 and by[1] == 131072, "all pages have moved with it")

-- A child stays in its parent's container.
local worker = web:fork()
local b = worker:mmap{ length = "64M" }
worker:touch(b, "64M")
expect(worker:node_pages()[1] >= 16384 and worker:node() == 1, "a child is in the same container")
