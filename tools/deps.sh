#!/bin/sh
# Installs the Debian packages that building and testing need, those that are missing only.
#   deps.sh                  install
#   deps.sh bench            install what only `make bench` uses, if that is easy; never fails
#   deps.sh --check WHAT     say what is missing for WHAT (build) and fail; change nothing
set -eu

build='meson ninja-build gcc libc6-dev pkg-config libyaml-dev liblua5.4-dev libjansson-dev
libarchive-dev libzstd-dev zlib1g-dev libhwloc-dev libcmocka-dev'
check='clang clang-format libclang-rt-14-dev'
# the allocators that ours is measured beside, and a counter of instructions
bench='libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 valgrind'

missing()
{
	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || echo "$p"
	done
}

if ! command -v dpkg-query >/dev/null 2>&1; then
	# Not a Debian: the build itself will say what it lacks.
	exit 0
fi

if [ "${1:-}" = --check ]; then
	lack=$(missing $build)
	[ -z "$lack" ] && exit 0
	# Tools may also come from elsewhere (pip's meson, a newer gcc).
	command -v meson >/dev/null && command -v ninja >/dev/null && command -v cc >/dev/null &&
		command -v pkg-config >/dev/null &&
		pkg-config --exists yaml-0.1 lua5.4 jansson libarchive hwloc cmocka && exit 0
	echo "numabox: missing packages:" $lack >&2
	echo "'make deps' installs them, or: apt-get install" $lack >&2
	exit 1
fi

if [ "${1:-}" = bench ]; then
	lack=$(missing $bench)
	[ -z "$lack" ] && exit 0
	[ "$(id -u)" -eq 0 ] || {
		echo "bench: not installed, so not measured:" $lack
		exit 0
	}
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $lack \
		>/dev/null 2>&1 </dev/null || echo "bench: could not install:" $lack
	exit 0
fi

lack=$(missing $build $check)
[ -z "$lack" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null 2>&1; then
		as_root=sudo
		# Without a terminal nobody can type a password.
		[ -t 0 ] || as_root='sudo -n'
	else
		echo "numabox: missing packages:" $lack >&2
		echo "Neither root nor sudo here. As root, run: apt-get install --no-install-recommends" $lack >&2
		exit 1
	fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run()
{
	$as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null
}

echo "deps: installing" $lack
install='apt-get install -y --no-install-recommends'
# The package lists may be old or absent; they are fetched only when the first try fails.
run $install $lack || { run apt-get update && run $install $lack; } || {
	cat "$log" >&2
	echo "numabox: could not install:" $lack >&2
	exit 1
}
