-- Who was it: a memory policy, or a container's limit? Two programs die of "out of memory" on the same machine, with the
-- same amount of memory free. The report's constraint tells them apart, and so does what helps.
--   numabox sim examples/labs/29-container-limit-or-numa.lua
-- numabox: -m 2x2G,dist=21

local GiB = 1 << 30

-- 1. A program bound to node 0 (numactl --membind=0) wants 3 GiB; node 1 stays empty.
local bound = machine:task{ comm = "bound", cpu = 0 }
bound:set_mempolicy("bind", { 0 })
bound:touch(bound:mmap{ length = "3G" }, "3G")
expect(not bound:alive(), "bound to a full node, it dies")
local by_policy = machine:oom_reports()[1]
expect(by_policy:match("constraint=CONSTRAINT_MEMORY_POLICY,nodemask=0,"), "the report says: a policy, node 0")

-- 2. The same without the binding: node 1 takes what node 0 cannot.
local free_now = machine:task{ comm = "unbound", cpu = 0 }
free_now:touch(free_now:mmap{ length = "3G" }, "3G")
expect(free_now:alive(), "without the binding it lives: that was NUMA")
free_now:exit()

-- 3. A program in a container of 1 GiB wants 3 GiB, with both nodes empty.
local limited = machine:cgroup("/limited", { max = "1G" })
local inside = machine:task{ comm = "inside", cpu = 0 }
limited:add(inside)
inside:touch(inside:mmap{ length = "3G" }, "3G")
expect(not inside:alive(), "at its limit, it dies")
local by_limit = machine:oom_reports()[2]
expect(by_limit:match("constraint=CONSTRAINT_MEMCG,nodemask=%(null%)"), "the report says: a group")
expect(not by_limit:match("Mem%-Info"), "and says nothing of the nodes: they play no part")
expect(limited:info().current < GiB, "its memory is back")

-- 4. All of the machine's memory, by every policy, changes nothing; a higher limit does.
local again = machine:task{ comm = "again", cpu = 0 }
limited:add(again)
again:set_mempolicy("interleave", { 0, 1 })
again:touch(again:mmap{ length = "3G" }, "3G")
expect(not again:alive(), "interleaved over both nodes it dies just the same: a limit, not NUMA")
limited:write("memory.max", "4G")
local last = machine:task{ comm = "last", cpu = 0 }
limited:add(last)
last:touch(last:mmap{ length = "3G" }, "3G")
expect(last:alive(), "with a higher limit it lives")

for _, report in ipairs{ by_policy, by_limit } do
  print(report:match("oom%-kill:[^\n]+"))
end
