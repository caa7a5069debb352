# The examples in examples/: those that name their machine run on it, and what they expect holds.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE_ROOT" || exit 99

n=0
for f in examples/*.lua; do
	grep -q '^-- numabox: -m ' "$f" || continue
	nb sim "$f"
	works "$f"
	has "$tmp/out" '^expectations: [1-9][0-9]* held, 0 failed$' "$f expects something"
	n=$((n + 1))
done
ok "there are some" test "$n" -ge 4
done_testing
