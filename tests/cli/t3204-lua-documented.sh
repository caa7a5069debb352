# Every call that a scenario has stands in docs/scenarios.md.
. "$(dirname "$0")/lib.sh"

sed -n 's/.*{"\([a-z_0-9]*\)", op_[a-z_]*, \(true\|false\), .*/\1/p; s/.*{"\([a-z_0-9]*\)", task_[a-z_]*}.*/\1/p' \
	"$SOURCE_ROOT"/src/sim/lua_*.c | sort -u >"$tmp/calls"
sed -n 's/.*}, *{"\([a-z_0-9]*\)", op_[a-z_]*, .*/\1/p' "$SOURCE_ROOT"/src/sim/lua_*.c |
	sort -u >>"$tmp/calls"
ok "the calls are found in the sources" [ "$(wc -l <"$tmp/calls")" -gt 60 ]
for call in $(sort -u "$tmp/calls"); do
	has "$SOURCE_ROOT/docs/scenarios.md" "[:\`]$call[({\`]" "$call"
done
done_testing
