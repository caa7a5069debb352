# compare: machines, settings and captures side by side.
. "$(dirname "$0")/lib.sh"

nb compare 2x2G 4x1G touch 2500M
works "the same touch on two machines"
has "$tmp/out" '^ +2x2G +4x1G +difference' "a column each"
has "$tmp/out" 'numastat .*node 0.*numa_hit|numastat 0 numa_hit' "with numastat's figures"

nb compare -m 2x8G --sysctl-b vm.min_free_kbytes=1048576 --json
works "one machine under two settings"
is "$(json b)" "vm.min_free_kbytes=1048576" "the second side is named by its setting"
ok "the marks differ" sh -c "tr -d '\n' <'$tmp/out' | grep -q 'zone.*Normal.*min_pages'"
nb show -m 2x8G --json zoneinfo
a=$(json zones.2.min_pages)
nb show -m 2x8G --sysctl vm.min_free_kbytes=1048576 --json zoneinfo
b=$(json zones.2.min_pages)
nb compare -m 2x8G --sysctl-b vm.min_free_kbytes=1048576
has "$tmp/out" "node 0 Normal min_pages +$a +$b +[+]$((b - a)) " "by just what show prints of each"

nb compare 2x8G 2x8G
works "a machine with itself"
has "$tmp/out" '^[0-9]+ figures are equal$' "nothing differs"
hasnt "$tmp/out" 'difference' "and no table is printed"
nb compare 2x8G 2x8G --all
has "$tmp/out" 'difference' "--all prints equal figures too"

nb compare -m 2x8G --kernel-b 2.6.24
works "under another kernel"
nb compare -m 2x8G --cmdline-b "movablecore=4G"
works "under another command line"
has "$tmp/out" 'Movable managed_pages' "Movable memory appears"

cat >"$tmp/work.lua" <<'L'
local t = machine:task{ cpu = 0 }
local a = t:mmap{ length = arg[1] or "1G" }
print(t:touch(a, arg[1] or "1G", "w"))
expect(tostring(machine:sysctl("vm.swappiness")) ~= "7", "not seven")
L
nb compare -m 2x2G --sysctl-b vm.swappiness=7 "$tmp/work.lua" 512M
is "$status" 1 "an expectation that fails on one side"
has "$tmp/out" 'expectations failed +0 +1' "is in the table"
has "$tmp/out" '^vm.swappiness=7 printed:$' "what each printed stands apart where it differs"
nb compare -m 2x2G --sysctl-b vm.swappiness=8 "$tmp/work.lua" 512M
works "the same work, no expectation fails"
has "$tmp/out" '^Both printed:$' "what both printed stands once"

nb compare
refused "no machines" "two machines"
nb compare 2x8G
refused "one machine" "two machines"
nb compare -m 2x8G
refused "-m without a second side" "sysctl-b"
nb compare 2x8G nonsense
refused "a machine that is none" "nonsense"
nb compare 2x2G 4x1G touch
refused "touch without a size" "needs a size"
nb compare -m 2x8G --sysctl-b vm.nonsense=1
refused "an unknown sysctl" "vm.nonsense"

nb compare "$machines/n1-2g.tar.gz" "$machines/n4-ring.tar.gz" --json
works "two captures"
ok "their counters are compared" grep -q '"vmstat ' "$tmp/out"
# one host at two times
if [ -d "${NUMABOX_ORACLE:-}/traces/oom-n2/before" ]; then
	nb compare "$NUMABOX_ORACLE/traces/oom-n2/before" "$NUMABOX_ORACLE/traces/oom-n2/after"
	works "one host at two times"
	has "$tmp/out" 'oom_kill +0 +1 ' "who was killed meanwhile is counted"
fi
done_testing
