-- Lab 19: an application under each policy
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- The document's exercise: measure application performance with different NUMA policies. One task on CPU
-- 0 fills a buffer of 1 GiB, then reads it at random.

local results = {}
local function run(name, mode, nodes)
  local before = machine:numastat()
  local t = machine:task{ cpu = 0, comm = name }
  assert(t:set_mempolicy(mode, nodes))
  local a = t:mmap{ length = "1G", addr = 0x7e0000000000 }
  t:touch(a, "1G")
  local r = t:access(a, "1G", { pattern = "random", count = 100000000 })
  local pages, after = t:node_pages(), machine:numastat()
  results[name] = { ns = r.latency_ns, s = r.time_ns / 1e9, pages = pages,
    hit = after[1].numa_hit - before[1].numa_hit, miss = after[1].numa_miss - before[1].numa_miss,
    other = after[1].other_node - before[1].other_node }
  print(("%-12s node 0: %8d pages  node 1: %8d pages  %6.1f ns an access  %6.2f s"):format(name,
    pages[0], pages[1], r.latency_ns, r.time_ns / 1e9))
  t:exit()
end

run("default", "default")
run("local", "local")
run("bind-0", "bind", { 0 })
run("bind-1", "bind", { 1 })
run("preferred-1", "preferred", { 1 })
run("interleave", "interleave", { 0, 1 })

expect(results["local"].ns == 80 and results.default.ns == 80, "local: 80 ns, no penalty")
expect(results["bind-1"].ns == 168, "all remote: 168 ns")
expect(results.interleave.ns == 124, "half remote: 124 ns, a penalty of 44 ns on average")
expect(math.abs(results["bind-1"].s / results["bind-0"].s - 2.1) < 1e-6, "2.1 times the time")
expect(results.interleave.pages[0] == results.interleave.pages[1], "interleave: half and half")
expect(results["preferred-1"].pages[1] == results["bind-1"].pages[1],
  "preferred and bind do not differ as long as there is memory")

-- The document reads numastat as hit = local, miss = remote. They are two questions:
-- hit and miss ask whether the page came from where the policy wanted it, local_node and other_node
-- whether that is the node of the running CPU.
local r = results["bind-1"]
print(("\nbound to node 1 from CPU 0: numa_hit +%d, numa_miss +%d, other_node +%d on node 1"):format(
  r.hit, r.miss, r.other))
expect(r.hit >= 262144 and r.miss == 0, "a bind that succeeds is numa_hit, however far away")
expect(r.other >= 262144, "and other_node, since the CPU is on node 0")
