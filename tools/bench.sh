#!/bin/sh
# `make bench`: speed and size, as they are on this computer. Reports, asserts nothing.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Instructions of one pair: those of 200,000 pairs less those of 100,000.
instructions()
{
	for n in 100000 200000; do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null \
			"$build/bench/bench-alloc" count "$1" "$n" 2>&1 |
			sed -n 's/.*Collected : //p'
	done | awk 'NR == 1 { a = $1 } NR == 2 { printf "%.0f", ($1 - a) / 100000 }'
}

# Where the loader finds a library of that name, or nothing.
library()
{
	PATH=$PATH:/sbin:/usr/sbin ldconfig -p | sed -n "s/^[[:space:]]*$1[. ].* => //p" | head -1
}

race()
{
	"$build/bench/bench-alloc" keys >"$tmp/numabox"
	"$build/bench/bench-malloc" >"$tmp/glibc"
	names='numabox glibc'
	for lib in jemalloc:libjemalloc.so mimalloc:libmimalloc.so tcmalloc:libtcmalloc_minimal.so; do
		path=$(library "${lib#*:}")
		if [ -n "$path" ]; then
			LD_PRELOAD=$path "$build/bench/bench-malloc" >"$tmp/${lib%%:*}"
			names="$names ${lib%%:*}"
		else
			absent="${absent:-}${absent:+, }${lib%%:*}"
		fi
	done
	echo "4 KiB pairs beside malloc: ns a pair, and how many times ours"
	echo "(two threads, and one thread that frees what the other took: CPU time of the busier over all pairs)"
	for name in $names; do sed "s/^/$name /" "$tmp/$name"; done | awk -v names="$names" '
		{ v[$1, $2] = $3; if (!($2 in seen)) { seen[$2] = 1; row[++rows] = $2 } }
		END {
			title["hot"] = "hot"; title["bulk"] = "bulk of 1 GiB"
			title["random"] = "random over 1 GiB"; title["one"] = "bulk, one thread"
			title["two"] = "bulk, two threads"; title["others"] = "others\047 blocks"
			n = split(names, name, " ")
			printf "  %-20s", ""
			for (i = 1; i <= n; i++) printf "  %14s", name[i]
			printf "\n"
			for (r = 1; r <= rows; r++) {
				printf "  %-20s", title[row[r]]
				for (i = 1; i <= n; i++)
					printf "  %7.1f %6s", v[name[i], row[r]],
						sprintf("x%.2f", v[name[i], row[r]] / v["numabox", row[r]])
				printf "\n"
			}
		}'
	[ -z "${absent:-}" ] || echo "  absent here: $absent"
}

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
"$build/bench/bench-boot"
"$build/bench/bench-alloc"
"$build/bench/bench-reclaim"
"$build/bench/bench-threads"
race
if command -v valgrind >/dev/null; then
	echo "instructions a pair (callgrind, the loop included): hot $(instructions hot)," \
		"threaded system $(instructions threaded), bulk $(instructions bulk)," \
		"order 9 $(instructions order9)"
else
	echo "instructions a pair: valgrind is absent here"
fi
NUMABOX=$build/numabox "$build/bench/bench-program" tests/machines/n8-3level.tar.gz
