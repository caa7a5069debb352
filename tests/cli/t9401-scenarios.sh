# Scenarios that would run for ever, take all memory, or reach out of their box.
. "$(dirname "$0")/lib.sh"

# lua TEXT...: runs it with small limits
lua()
{
	printf '%s\n' "$@" >"$tmp/s.lua"
	nb sim -m 1x1G --time-limit=2 --memory-limit=64M "$tmp/s.lua"
}

begin=$(date +%s)
lua 'while true do end'
refused "a loop" "s.lua"
lua 'pcall(function() while true do end end)' 'while true do pcall(error) end'
refused "a loop that swallows errors" "s.lua"
lua 'local s = ("a"):rep(40) .. "b"; s:rep(1000):find((".-"):rep(25) .. "c")'
refused "a search inside a string function" "s.lua\|limit"
lua 'coroutine.wrap(function() while true do end end)()'
refused "a loop in a coroutine" "s.lua"
lua 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end'
refused "more memory than allowed" "memory"
lua 'local s = "x" while true do s = s .. s end'
refused "a string that doubles" "memory"
took=$(($(date +%s) - begin))
ok "all of them stopped in time ($took s)" [ "$took" -lt 60 ]

for f in 'io.open("/etc/passwd")' 'os.execute("true")' 'os.exit(0)' 'require("os")' \
	'dofile("/etc/passwd")' 'loadfile("/etc/passwd")' 'load("\27Lua")()' 'package.loadlib("x", "y")' \
	'debug.getregistry()' 'string.dump(print)()'; do
	lua "$f"
	refused "$f" "s.lua:1"
done
lua 'syntax error here'
refused "a syntax error" "s.lua:1"
lua 'error("I give up")'
refused "an error" "s.lua:1: I give up"
lua 'machine:task{ cpu = 99 }:exit()'
refused "a result that was not looked at" "s.lua:1"
lua 'machine:nonsense()'
refused "a method that is not there" "nonsense"
nb sim -m 1x1G "$tmp/none.lua"
refused "a scenario that is not there" "none.lua"
nb sim -m 1x1G "$tmp"
refused "a directory" "."
done_testing
