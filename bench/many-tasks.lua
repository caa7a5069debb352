-- Many tasks that fill a big machine at once: bench/program.c reports what it takes.
--   numabox sim --time-limit 600 bench/many-tasks.lua [TASKS [MIB [huge]]]
-- numabox: -m 16x72G:4
--
-- Default: 10,000 tasks on 64 CPUs of 16 nodes, 64 GiB in all; with 1048576 MiB it is 1 TiB resident, which
-- takes 11 GB of this computer's memory; with "huge" they ask for transparent huge pages.

local tasks = math.tointeger(arg[1] or 10000)
local mib = math.tointeger(arg[2] or 65536)
local page = machine:page_size()
local pages = (mib << 20) // page // tasks
local cpus = machine:cpus()
local all = {}

for i = 1, tasks do
  local t = machine:task{ cpu = cpus[(i - 1) % #cpus + 1] }
  all[i] = t
  t:spawn(function()
    local a = t:mmap{ length = pages * page }
    if arg[3] == "huge" then t:madvise(a, pages * page, "hugepage") end
    t:touch(a, pages * page)
  end)
end
machine:run()

local resident, home = 0, 0
for _, t in ipairs(all) do
  resident = resident + t:rss()
  home = home + t:node_pages()[t:node()]
end
expect(resident == tasks * pages, "every page of every task is resident")
expect(home == resident, "and local: no node was full")
