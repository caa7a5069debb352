# A scenario may name the machine that it runs on when the command line names none.
. "$(dirname "$0")/lib.sh"

cat >"$tmp/four.lua" <<'X'
#!/usr/bin/env numabox sim
-- A comment before it, and the line with its quotes
--
-- numabox: -m 4x1G:2,dist=15 --cmdline "numa_balancing=disable page_alloc.shuffle=0" --sysctl vm.min_free_kbytes=8192
print(#machine:nodes(), machine:distance(0, 1), machine:sysctl("vm.min_free_kbytes"))
-- numabox: -m 9x1G (not in the head: only the comments at the top count)
X
nb sim -q "$tmp/four.lua"
works "without -m it runs on its own machine"
is "$(cat "$tmp/out")" "4	15	8192" "with the options that it names"
nb sim -q -m 2x2G "$tmp/four.lua"
works "-m comes first"
hasnt "$tmp/out" '8192' "and then none of the head's options counts"
nb sim -q --sysctl vm.min_free_kbytes=16384 "$tmp/four.lua"
is "$(cat "$tmp/out")" "4	15	16384" "a sysctl of the command line is written after the head's"
nb sim -q --kernel 6.1 "$tmp/four.lua"
works "another kernel on its own machine"

# a machine file beside the scenario, from any directory
mkdir "$tmp/d"
printf 'machine:\n  name: beside\n  nodes:\n    - { id: 0, cpus: 0, memory: 3G }\n' >"$tmp/d/m.yaml"
printf -- '-- numabox: -m m.yaml\nprint(tostring(machine))\n' >"$tmp/d/s.lua"
nb sim -q "$tmp/d/s.lua"
is "$(cat "$tmp/out")" "machine beside" "a file's name counts from the scenario's directory"

# a scenario out of a pipe is not read twice
printf 'print(#machine:nodes())\n' | "$NUMABOX" sim -q -m 2x1G /dev/stdin >"$tmp/out" 2>"$tmp/err"
is "$(cat "$tmp/out")" "2" "a scenario out of a pipe"
printf -- '-- numabox: -m 3x1G\nprint("read whole")\n' | "$NUMABOX" sim -q /dev/stdin >"$tmp/out" 2>"$tmp/err"
is "$(cat "$tmp/out")" "read whole" "and nothing of it is lost without -m"

# what is wrong is told with file and line
head_is()
{
	printf -- '-- a scenario\n-- numabox: %s\nprint(1)\n' "$1" >"$tmp/bad.lua"
	nb sim "$tmp/bad.lua"
}
head_is '-m 2x1G --trace /tmp/never'
refused "options that are not a machine's" 'bad.lua:2: .*--trace'
head_is '-m 2x1G extra'
refused "words that are no options" "bad.lua:2: .*extra"
head_is '-m "2x1G'
refused "a quote without its end" 'bad.lua:2: .*quote'
head_is '-m 2x'
refused "no machine" '2x'
head_is '-m'
refused "nothing after -m" 'bad.lua:2: '
head_is '-m none.yaml'
refused "a file that is not there" 'none.yaml'
done_testing
