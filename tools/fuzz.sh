#!/bin/sh
# `make fuzz`: every reader under libFuzzer with the sanitizers, FUZZ_SECONDS each (default 30).
# What it finds is kept in build-check-fuzz/found; the corpus in tests/fuzz is only read.
set -eu
cd "$(dirname "$0")/.."
dir=build-check-fuzz
if [ ! -f $dir/build.ninja ]; then
	CC=clang meson setup $dir -Dfuzzer=true -Db_sanitize=address,undefined -Db_lundef=false \
		>$dir.log 2>&1 || { cat $dir.log; exit 1; }
	mv $dir.log $dir/setup.log
fi
ninja -C $dir --quiet fuzzers
mkdir -p $dir/found
status=0
for f in "$dir"/tests/fuzz/fuzz_*; do
	[ -f "$f" ] && [ -x "$f" ] || continue
	name=$(basename "$f" | sed 's/^fuzz_//')
	corpus=tests/fuzz/corpus/$name
	mkdir -p "$dir/corpus/$name"
	echo "== $name"
	"$f" -max_total_time="${FUZZ_SECONDS:-30}" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/found/$name-" "$dir/corpus/$name" \
		$([ -d "$corpus" ] && echo "$corpus") >"$dir/found/$name.log" 2>&1 ||
		{ tail -20 "$dir/found/$name.log"; status=1; }
	grep '^stat::number_of_executed_units\|^stat::new_units_added' "$dir/found/$name.log" || true
done
exit $status
