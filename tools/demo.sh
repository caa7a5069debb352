#!/bin/sh
# `make demo`: this computer captured and shown, then the same piece of work under four memory
# policies on the capture and on a two-node machine. Needs no root; writes below build/demo alone.
set -eu
build=${1:-build}
numabox=$build/numabox
work=$build/demo
rm -rf "$work"
mkdir -p "$work"

title()
{
	printf '\n### %s\n' "$1"
}

# A command as it would be typed, then what it prints.
try()
{
	printf '\n$ numabox'
	for a in "$@"; do
		case $a in
		*[!A-Za-z0-9,.:=/_-]*) printf " '%s'" "$a" ;;
		*) printf ' %s' "$a" ;;
		esac
	done
	printf '\n'
	"$numabox" "$@"
}

title "This computer, captured and read back"
try capture -o "$work/host.tar.gz"
try show -m "$work/host.tar.gz"
try show -m "$work/host.tar.gz" zonelists hardware

# A piece of work that fits: an eighth of what is free, 4 GiB at most.
free_kib=$(sed -n 's/^MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo)
size=$((free_kib / 8 / 1024))
[ "$size" -gt 4096 ] && size=4096
[ "$size" -lt 16 ] && size=16
# The policies name the last node that has memory.
node=$(sed 's/.*[-,]//' /sys/devices/system/node/has_memory 2>/dev/null || true)
[ -n "$node" ] || node=0

title "The same work under four policies, on this computer"
try sim -m "$work/host.tar.gz" \
	--policies "default,bind=$node,preferred=$node,interleave=all" touch "${size}M"

title "The same work under four policies, on two nodes of 32 GiB (distance 21, 80 ns local)"
try sim -m 2x32G,dist=21 --cpunodebind=0 \
	--policies default,bind=1,preferred=1,interleave=all touch 30G

title "Where to go from here"
printf '%s\n' "$numabox help" "$numabox show -m MACHINE zoneinfo    (README.md tells of the forms of MACHINE)"
