-- A database with one big buffer pool and threads on both nodes: bind, interleave, preferred or nothing?
--   numabox sim examples/database.lua [POOL]     POOL: size of the buffer pool, default 1G
-- numabox: -m 2x256G:16,dist=21
--
-- The pool is filled by one loader thread, as most databases do at their start; then every thread reads all
-- of it at random. Try 300G (10 s and 4 GB of this computer's memory): more than a node has.

local pool = arg[1] or "1G"
local nodes = machine:nodes()
machine:sysctl("kernel.numa_balancing", 0) -- most databases ask for that

local function run(name, mode, mask)
  local db = machine:task{ cpu = machine:cpus(nodes[1])[1], comm = name }
  if mode then assert(db:set_mempolicy(mode, mask)) end
  local a = db:mmap{ length = pool, shared = true }
  local begin = db:time_ns()
  local n, errno = db:touch(a, pool)
  local result = { name = name, errno = errno, load_s = (db:time_ns() - begin) / 1e9 }
  if not n then return result end
  local by, all = db:node_pages(), db:rss()
  result.share = by[nodes[1]] / all
  local ns = {}
  for i, node in ipairs(nodes) do
    local thread = db:thread{ cpu = machine:cpus(node)[2] }
    ns[i] = thread:access(a, pool, { pattern = "random", count = 100000 }).latency_ns
    thread:exit()
  end
  result.here, result.there = ns[1], ns[#nodes]
  result.average = (ns[1] + ns[#nodes]) / 2
  db:exit()
  machine:drain()
  return result
end

print(("buffer pool of %s on %s\n"):format(pool, tostring(machine)))
print("policy              loaded in   on node 0   threads of node 0   of node 1   average")
local function show(r)
  if r.errno then
    print(("%-18s  %s: it does not fit"):format(r.name, r.errno))
  else
    print(("%-18s  %7.2f s   %7.1f %%   %14.1f ns   %6.1f ns %6.1f ns"):format(r.name, r.load_s,
      r.share * 100, r.here, r.there, r.average))
  end
  return r
end

local default = show(run("first touch"))
local interleave = show(run("interleave=all", "interleave", nodes))
local bind = show(run("membind=0", "bind", { nodes[1] }))
local preferred = show(run("preferred=0", "preferred", { nodes[1] }))
local many = show(run("membind=all", "bind", nodes))

-- With threads everywhere the average does not depend on where the pages are: each page is near to half
-- of the threads. What differs is who waits, and which memory controller has to serve everybody.
local function about(a, b) return math.abs(a - b) < 0.5 end
expect(about(interleave.here, interleave.there), "interleaved, all threads are alike")
expect(about(interleave.average, default.average), "and the average is the same as by first touch")
expect(interleave.share > 0.49 and interleave.share < 0.51, "half of the traffic to each controller")
expect(not default.errno and not preferred.errno and not many.errno, "what may fall back fits")
if not bind.errno then
  expect(bind.share == 1, "bound to node 0: all of it there")
  expect(bind.there > 2 * bind.here, "so the threads of the other node wait twice as long")
else
  expect(bind.errno == "ENOMEM" and default.share < 1,
    "a pool larger than the node cannot be bound to it, while the other node has room")
end
