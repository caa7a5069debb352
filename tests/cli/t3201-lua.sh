# Lua scenarios from the command line.
. "$(dirname "$0")/lib.sh"

cat >"$tmp/first.lua" <<'X'
local t = machine:task{ cpu = 0 }
t:set_mempolicy("interleave", {0, 1})
local a = t:mmap{ length = "1G" }
print("faulted", t:touch(a, "1G", "w"))
local on = { [0] = 0, [1] = 0 }
for _, node in ipairs(t:nodes(a, "1G")) do on[node] = on[node] + 1 end
expect(on[0] == on[1], "half and half")
expect(arg[1] == "hello", "arguments arrive")
X
nb sim -m 2x4G "$tmp/first.lua" hello
works "a scenario runs"
has "$tmp/out" '^faulted	262144$' "print prints"
nb sim -m 2x4G --json "$tmp/first.lua" hello
is "$status" 0 "with --json too"
ok "standard output is JSON alone" json
is "$(json expectations.held)" 2 "expectations that held are counted"
has "$tmp/err" '^faulted' "what it prints goes to standard error then"
nb sim -m 2x4G "$tmp/first.lua" goodbye
is "$status" 1 "a failed expectation: status 1"
has "$tmp/out" 'arguments arrive' "and says which"

cat >"$tmp/errno.lua" <<'X'
local t = machine:task{ cpu = 0 }
local ok, name, text = t:set_mempolicy("bind", {9})
expect(ok == nil and name == "EINVAL", "a node that is not there: EINVAL")
expect(machine:zone(0, "Normal").high > machine:zone(0, "Normal").low, "zone()")
expect(machine:sysctl("vm.min_free_kbytes") > 0, "sysctl reads")
local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL", order = 3, cpu = 0 }
expect(machine:page(pfn).order == 3, "page()")
machine:free_pages(pfn, 3)
expect(machine:view("zonelists"):match("Policy zone"), "view()")
expect(machine:numastat()[0].numa_hit > 0, "numastat()")
X
nb sim -m 2x8G "$tmp/errno.lua"
works "errors, zones, pages, views"

cat >"$tmp/spawn.lua" <<'X'
local done = {}
for cpu = 0, 3 do
	local t = machine:task{ cpu = cpu }
	t:spawn(function()
		local a = t:mmap{ length = "4M" }
		t:touch(a, "4M", "w")
		done[#done + 1] = cpu
	end)
end
machine:run()
expect(#done == 4, "all four ended")
expect(machine:time_ns() > 0, "time has passed")
X
nb sim -m 2x4G "$tmp/spawn.lua"
works "spawn and run"
done_testing
