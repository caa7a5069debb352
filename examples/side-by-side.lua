-- numabox: -m 2x4G,dist=21
-- Two tasks at once: each has its own clock, and what is due first runs first. The one whose memory is
-- far away needs longer for the same work.
--   numabox sim examples/side-by-side.lua

local nodes = machine:nodes()
local cpu = machine:cpus(nodes[1])[1]
local finished = {}

local function worker(t, node)
  t:set_mempolicy("bind", { node })
  local a = t:mmap{ length = "64M" }
  t:touch(a, "64M")
  local r = t:access(a, "64M", { pattern = "random", bytes = "256M" })
  finished[#finished + 1] = t:comm()
  print(("%s: %.1f ns an access, done at %.1f ms"):format(t:comm(), r.latency_ns,
    machine:time_ns() / 1e6))
end

local near = machine:task{ cpu = cpu, comm = "near" }
local far = machine:task{ cpu = cpu + 1, comm = "far" }
far:spawn(worker, far, nodes[2])
near:spawn(worker, near, nodes[1])
machine:run()

expect(finished[1] == "near" and finished[2] == "far", "the near one is done first")
