-- A container at its memory limit: first its own page cache goes, then its memory to swap, then one of its processes is
-- killed, while the machine has most of its memory free. More memory, or another node, would not have helped.
--   numabox sim examples/container-limit.lua
-- numabox: -m 2x4G,dist=21

local function MiB(n) return ("%4d MiB"):format(n // 1048576) end
local function free() return machine:zone(0, "Normal").free + machine:zone(1, "Normal").free end

-- A neighbour without a limit: nothing that follows may cost it a page.
local neighbour = machine:task{ comm = "neighbour", cpu = 4 }
local log = machine:file("log", "256M")
log:read(0, "256M", neighbour)

local web = machine:cgroup("/web", { max = "512M", swap_max = "128M" })
local server = machine:task{ comm = "server", cpu = 0 }
web:add(server)

-- Reading a file of 1 GiB through a limit of 512 MiB: the group reclaims its own cache.
local data = machine:file("data", "1G")
data:read(0, "1G", server)
local i = web:info()
print(("after reading 1 GiB   %s in use, of it %s cache; at the limit %d times, %d killed"):format(MiB(i.current),
  MiB(i.file), i.max, i.oom_kill))
expect(i.current <= 512 << 20 and i.oom_kill == 0, "page cache never kills: it is given up")
expect(log:info().cached_pages == 65536, "the neighbour's cache is untouched")

-- Memory of its own that fits: cache makes room for it.
local a = server:mmap{ length = "384M" }
server:touch(a, "384M")
i = web:info()
print(("after 384 MiB         %s in use, of it %s anonymous, %s cache"):format(MiB(i.current), MiB(i.anon), MiB(i.file)))
expect(i.anon == 384 << 20, "the program has all of it in memory")

-- More than the limit, with swap: some goes out.
machine:swapon{ size = "1G" }
local b = server:mmap{ length = "192M" }
server:touch(b, "192M")
i = web:info()
print(("after 576 MiB         %s in use, %s in swap"):format(MiB(i.current), MiB(i.swap)))
expect(i.swap > 32 << 20 and server:alive(), "what does not fit is swapped")

-- More than limit and swap together.
local before = free()
local c = server:mmap{ length = "256M" }
local done, errno = server:touch(c, "256M")
i = web:info()
print(("after 832 MiB         %s; %d killed, while %d MiB of the machine were free"):format(tostring(errno), i.oom_kill,
  before // 256))
expect(not server:alive() and i.oom_kill == 1, "the server is killed by its group's limit")
expect(before > 5 * 1024 * 256, "more than 5 GiB were free")

local report = machine:oom_reports()[1]
for line in report:gmatch("[^\n]+") do
  if line:match("^memory:") or line:match("^swap:") or line:match("^oom%-kill") or line:match("^Memory cgroup out") then
    print(line)
  end
end
expect(report:match("constraint=CONSTRAINT_MEMCG") and report:match("oom_memcg=/web,task_memcg=/web"),
  "the report names the group: a limit, not NUMA")
expect(log:info().cached_pages == 65536, "and the neighbour still has all of its cache")
