-- Memory that comes and goes: bench/program.c reports what it takes.
--   numabox sim bench/turnover.lua unmap|fork|swap|huge [MIB]
-- numabox: -m 2x64G:4
--
-- unmap: mappings are filled and given back, 32 GiB at a time (default 96 GiB in all).
-- fork:  a process of 256 MiB has children that each write 16 MiB (default 200 children).
-- swap:  a task goes over more than its node has, twice (default 80 GiB).
-- huge:  like unmap, by transparent huge pages (default 300 GiB in all).

local mode, n = arg[1], math.tointeger(arg[2])
local t = machine:task{ cpu = 0 }

local function turn_over(mib, advice)
  for _ = 1, mib // 32768 do
    local a = t:mmap{ length = "32G" }
    if advice then t:madvise(a, "32G", advice) end
    t:touch(a, "32G")
    expect(t:rss() == (32 << 30) // machine:page_size(), "all of it is resident")
    t:munmap(a, "32G")
  end
  expect(t:rss() == 0, "and gone")
end

if mode == "unmap" then
  turn_over(n or 98304)
elseif mode == "huge" then
  turn_over(n or 307200, "hugepage")
elseif mode == "fork" then
  local a = t:mmap{ length = "256M" }
  t:touch(a, "256M")
  for _ = 1, n or 200 do
    local child = t:fork()
    child:touch(a, "16M")
    child:exit()
  end
  expect(t:rss() == (256 << 20) // machine:page_size(), "the parent has what it had")
elseif mode == "swap" then
  local bytes = (n or 81920) << 20
  machine:swapon{ size = "256G", priority = 5 }
  t:set_mempolicy("bind", { 0 })
  local a = t:mmap{ length = bytes }
  for _ = 1, 2 do t:touch(a, bytes) end
  expect(t:alive(), "nobody had to be killed")
else
  error("unmap, fork, swap or huge?")
end
