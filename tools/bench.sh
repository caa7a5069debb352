#!/bin/sh
# `make bench`: speed and size, as they are on this computer. Reports, asserts nothing.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
"$build/bench/bench-boot"
"$build/bench/bench-alloc"
NUMABOX=$build/numabox "$build/bench/bench-program" tests/machines/n8-3level.tar.gz
