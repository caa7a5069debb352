# The sources have the form of .clang-format (`make format` brings them there).
. "$(dirname "$0")/lib.sh"
cd "$SOURCE_ROOT" || exit 1
tools/format.sh --check >"$tmp/log" 2>&1
status=$?
[ "$status" -eq 77 ] && skip_all "clang-format 14 is not here"
sed -n 's/^\([^:]*\):\([0-9]*\):.*error:.*/\1:\2/p' "$tmp/log" | sort -u | head -20 >"$tmp/wrong"
is "$(cat "$tmp/wrong")" "" "nothing would be changed by make format"
done_testing
