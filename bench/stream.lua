-- One task reads a file much larger than memory: bench/program.c reports what it takes.
--   numabox sim --time-limit 600 bench/stream.lua [MIB]
-- numabox: -m 1x64G:4
--
-- Default: 1 TiB through 64 GiB. Page cache fills memory once; from then on kswapd makes room for what
-- read-ahead brings in, and every page passes all of it: policy, page set, tree, lists, shadow.

local mib = math.tointeger(arg[1] or 1048576)
local t = machine:task{ cpu = 0 }
local f = machine:file("stream", mib << 20)

expect(f:read(0, mib << 20, t) == mib << 20, "every byte is read")

local i, zone = f:info(), machine:zone(0, "Normal")
expect(i.cached_pages > 15 << 20, "memory is full of cache at the end")
expect(i.cached_pages + i.shadows == mib << 8, "each page is there, or its shadow is")
print(string.format("%d pages read, %d cached, %.1f s of virtual time", mib << 8, i.cached_pages,
  t:time_ns() / 1e9))
