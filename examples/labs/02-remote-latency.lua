-- Lab 2: what a remote access costs, and a million and a billion of them
-- numabox: -m 2x32G:4,dist=21,hole=0
--
-- Given: a local access takes 80 ns, the distance from node 0 to node 1 is 21.
-- The document's numbers hold. Its other figures for the same thing (150 ns in a picture) do not
-- follow from the distance: a distance is a ratio of latencies, by convention 10 for local.

local near = machine:latency_ns(0, 0)
local ratio = machine:distance(0, 1) / machine:distance(0, 0)
local far = near * ratio
local extra = far - near

print(("1. distance 10 is local:            %g ns"):format(near))
print(("2. distance 21 is remote:           21 / 10 = %g times"):format(ratio))
print(("3. remote latency:                  %g ns x %g = %g ns"):format(near, ratio, far))
print(("4. extra per remote access:         %g - %g = %g ns"):format(far, near, extra))
print(("5. a million remote accesses:       %g ms extra"):format(extra * 1e6 / 1e6))

expect(near == 80 and far == 168 and extra == 88, "80 ns, 168 ns, 88 ns extra")
expect(machine:latency_ns(0, 1) == far, "the engine's remote latency is the same")
expect(machine:latency_ns(1, 0) == far, "and it is symmetric")
expect(ratio == 2.1, "FAILURE 1: distance 21 means 2.1 times the latency, not 21 times")
expect(far ~= near * 21, "FAILURE 1: 80 x 21 = 1680 ns would be wrong")

-- Measured: a million accesses at random addresses, one after the other.
local function time_of(accesses, home)
  local t = machine:task{ cpu = 0 }
  t:set_mempolicy("bind", home)
  local a = t:mmap{ length = "64M" }
  t:touch(a, "64M")
  local r = t:access(a, "64M", { pattern = "random", count = accesses })
  t:exit()
  return r.time_ns
end

local million = time_of(1000000, { 1 }) - time_of(1000000, { 0 })
print(("   on the engine:                   %g ms extra"):format(million / 1e6))
expect(million == 88000000, "88 ms for a million")

print("\n6. a billion accesses (document: 80 s, 168 s, half remote 124 s)")
local all_local, all_remote = time_of(1000000000, { 0 }), time_of(1000000000, { 1 })
print(("   all local  %g s\n   all remote %g s"):format(all_local / 1e9, all_remote / 1e9))
expect(all_local == 80e9 and all_remote == 168e9, "80 s and 168 s")

-- Half of the pages on each node: interleaved.
local t = machine:task{ cpu = 0 }
t:set_mempolicy("interleave", { 0, 1 })
local a = t:mmap{ length = "64M" }
t:touch(a, "64M")
local r = t:access(a, "64M", { pattern = "random", count = 1000000000 })
print(("   50 %% remote %g s: %g ns on average"):format(r.time_ns / 1e9, r.latency_ns))
expect(r.time_ns == 124e9 and r.latency_ns == 124, "124 s, 124 ns on average")
expect(r.latency_ns - near == 44, "a penalty of 44 ns on average")

-- The document promises +50 % from local allocation. That is an upper bound, and only nearly so:
-- if a program did nothing but wait for memory, all local would be 124 / 80 = 1.55 times as fast.
-- What share of its time a program spends in such misses decides.
local function speedup(share) return 1 / (1 - share + share * near / r.latency_ns) end
for _, share in ipairs{ 1, 0.5, 0.1 } do
  print(("   a program that waits for memory %3d %% of its time gains %.0f %%"):format(
    share * 100, (speedup(share) - 1) * 100))
end
expect(math.abs(speedup(1) - 1.55) < 1e-9, "at most 1.55 times, not a flat +50 %")
expect(speedup(0.1) < 1.04, "and next to nothing where memory is a tenth of the time")
