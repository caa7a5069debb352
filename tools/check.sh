#!/bin/sh
# Everything that must hold, in one go: `make check`. With a word, only the tests whose name
# contains it. The last line is "N passed, N failed"; the status tells the same.
#
#   build               gcc, every test: unit, property, oracle, fuzz corpus, cli, house
#   build-check-asan    clang with AddressSanitizer and UBSan: unit, property, fuzz corpus, cli
#   build-check-tsan    gcc with ThreadSanitizer: the tests that use threads
# Warnings are errors in all of them.
set -u
cd "$(dirname "$0")/.."
exec </dev/null
only=${1:-}
logs=
broken=0
started=$(date +%s)
export LC_ALL=C

say()
{
	printf '%s\n' "== $* ($(($(date +%s) - started)) s)"
}

# setup DIR COMPILER MESON-OPTIONS...
setup()
{
	dir=$1 compiler=$2
	shift 2
	[ -f "$dir/build.ninja" ] && return 0
	rm -rf "$dir"
	CC=$compiler meson setup "$dir" -Dwerror=true "$@" >"$dir.log" 2>&1 || {
		cat "$dir.log"
		rm -f "$dir.log"
		return 1
	}
	rm -f "$dir.log"
}

# build DIR [TARGET...]
build()
{
	say "building $1"
	ninja -C "$@" >"$1/build.log" 2>&1 || {
		grep -v '^ninja: \|^\[' "$1/build.log"
		return 1
	}
}

# run DIR TIMEOUT-FACTOR [--suite NAME | --no-suite NAME]...
run()
{
	dir=$1 factor=$2
	shift 2
	names=
	if [ -n "$only" ]; then
		names=$(meson test -C "$dir" --list "$@" 2>/dev/null |
			sed -n 's,^.* / ,,p' | grep -F -- "$only" | sort -u)
		[ -z "$names" ] && return 0
	fi
	say "testing $dir $*"
	rm -f "$dir/meson-logs/testlog.json"
	# shellcheck disable=SC2086
	meson test -C "$dir" --print-errorlogs --timeout-multiplier "$factor" "$@" $names |
		grep -v '^ninja: \|^$\|^Fail:  *0\|^Skipped:\|^Timeout:  *0\|^Full log\|OK  \|^Ok:\|^Expected Fail:\|^Unexpected Pass:'
	logs="$logs $dir/meson-logs/testlog.json"
}

lost()
{
	echo "check: $* failed" >&2
	broken=$((broken + 1))
}

asan=-Db_sanitize=address,undefined
if setup build gcc && build build; then
	run build 4
else
	lost "the build with gcc"
fi
if setup build-check-asan clang $asan -Db_lundef=false -Doptimization=1 -Ddebug=true &&
	build build-check-asan; then
	export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	run build-check-asan 8 --no-suite house --no-suite oracle
else
	lost "the build with clang"
fi
if setup build-check-tsan gcc -Db_sanitize=thread -Db_lundef=false; then
	export TSAN_OPTIONS=halt_on_error=1
	run build-check-tsan 16 --suite thread
else
	lost "the build with ThreadSanitizer"
fi

say "done"
# shellcheck disable=SC2086
exec python3 tools/tally.py --broken "$broken" $logs
