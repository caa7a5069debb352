-- Lab 23: the paradox test: CPU of node 0, memory bound to node 1
-- numabox: -m 2x32G:4,dist=21,hole=0
--
--   numactl --membind=1 --cpunodebind=0 PROGRAM
--
-- Every access that goes to memory is remote: 2.1 times the latency. The document's PROGRAM is dd from
-- /dev/zero to /dev/null, whose 1 MiB buffer stays in the cache: that one runs at full speed. A program
-- whose data do not fit pays in full.

local function numactl(membind, cpunodebind)
  local t = machine:task{ cpu = machine:cpus(cpunodebind)[1], comm = "program" }
  t:sched_setaffinity(machine:cpus(cpunodebind))
  t:set_mempolicy("bind", { membind })
  local a = t:mmap{ length = "1G" }
  t:touch(a, "1G")
  local walk = t:access(a, "1G", { pattern = "random", count = 10000000 })
  local stream = t:access(a, "1G", { pattern = "sequential", bytes = "10G" })
  print(("membind=%d cpunodebind=%d: %5.1f ns an access, a stream of %.2f GB/s"):format(membind,
    cpunodebind, walk.latency_ns, stream.gb_per_s))
  expect(t:node_pages()[membind] == 262144, "all pages from the node of --membind")
  t:exit()
  return walk, stream
end

local near, near_stream = numactl(0, 0)
local far, far_stream = numactl(1, 0)
expect(far.latency_ns / near.latency_ns == 2.1, "2.1 times the latency")
local part = far_stream.gb_per_s / near_stream.gb_per_s
print(("the stream runs at %.1f %% of the local one"):format(part * 100))
expect(math.abs(part - 1 / 2.1) < 1e-3, "47.6 %: the document's 47 % and \"about 48 %\"")
local back = numactl(1, 1)
expect(back.latency_ns == 80, "with CPU and memory on node 1 nothing is remote")
