-- numabox: -m 2x32G,dist=21
-- The same work under each memory policy: where its pages land and what an access costs.
--   numabox sim examples/policies.lua [SIZE]

local size = arg[1] or "2G"
local nodes = machine:nodes()
local here, there = nodes[1], nodes[#nodes]
local cpu = machine:cpus(here)[1]

print(("%s by a task on CPU %d of node %d\n"):format(size, cpu, here))
print(("%-16s %s   %s"):format("policy", "pages by node", "ns an access"))

local function run(name, mode, mask)
  local t = machine:task{ cpu = cpu, comm = name }
  assert(t:set_mempolicy(mode, mask))
  local a = t:mmap{ length = size }
  local touched, errno = t:touch(a, size)
  local parts = {}
  for node, pages in pairs(t:node_pages()) do
    if pages > 0 then parts[#parts + 1] = ("%d: %d"):format(node, pages) end
  end
  local ns = t:latency_ns()
  print(("%-16s %-28s %.1f%s"):format(name, table.concat(parts, ", "), ns,
    touched and "" or "   " .. errno))
  t:munmap(a, size)
  t:exit()
  return ns
end

local local_ns = run("default", "default")
run("local", "local")
local remote_ns = run("bind", "bind", { there })
run("preferred", "preferred", { there })
local mixed_ns = run("interleave", "interleave", nodes)

expect(local_ns == machine:latency_ns(here, here), "the default policy stays at home")
expect(remote_ns == machine:latency_ns(here, there), "bind goes where it is told")
expect(#nodes == 1 or mixed_ns > local_ns, "interleaving costs part of the way")
