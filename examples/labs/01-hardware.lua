-- Lab 1: what the machine is: nodes, CPUs, memory, distances
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- The document's machine: two nodes of four CPUs and 32 GiB, distance 21 between them.
-- `numactl --hardware` shows it; the kernel knows it from the firmware's SRAT and SLIT tables.

print(machine:view("hardware"))

local nodes = machine:nodes()
expect(#nodes == 2, "two nodes")
expect(#machine:cpus(0) == 4 and #machine:cpus(1) == 4, "four CPUs each")
expect(machine:cpus(0)[1] == 0 and machine:cpus(1)[1] == 4, "CPUs 0-3 and 4-7")

-- The matrix: 10 on the diagonal means local, and it is the same both ways here.
for _, from in ipairs(nodes) do
  for _, to in ipairs(nodes) do
    local d = machine:distance(from, to)
    print(("node %d -> node %d: distance %d, that is %.1f times the local latency: %g ns"):format(
      from, to, d, d / 10, machine:latency_ns(from, to)))
    expect(d == (from == to and 10 or 21), "10 at home, 21 to the other")
  end
end

-- A task's memory comes from the node of the CPU that touches it first, when nothing else is said.
for _, cpu in ipairs{ 0, 3, 4, 7 } do
  local t = machine:task{ cpu = cpu }
  local a = t:mmap{ length = "1M" }
  t:touch(a, "1M")
  expect(t:node_pages()[t:node()] == 256 and t:rss() == 256, "CPU " .. cpu .. " touches at home")
  t:exit()
end
