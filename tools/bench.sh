#!/bin/sh
# `make bench`: speed and size, as they are on this computer. Reports, asserts nothing.
set -eu
build=${1:-build}

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
found=0
for b in "$build"/bench/bench-*; do
	[ -f "$b" ] && [ -x "$b" ] || continue
	found=1
	printf '\n== %s\n' "$(basename "$b")"
	NUMABOX=$build/numabox "$b"
done
[ "$found" -eq 1 ] || { echo "bench: nothing to run in $build/bench" >&2; exit 1; }

# The program as a whole: seconds and peak memory of one run.
printf '\n== numabox, wall time and peak memory\n'
python3 - "$build/numabox" <<'X'
import os, subprocess, sys, time, resource

numabox = sys.argv[1]
runs = [
    ("show -m 1T (summary)", ["show", "-m", "1T:16"]),
    ("show -m 64x1T:16 (summary)", ["show", "-m", "64x1T:16"]),
    ("show -m 1024x64G:8 zonelists", ["show", "-m", "1024x64G:8", "zonelists"]),
    ("sim -m 2x256G touch 256G", ["sim", "-m", "2x256G", "touch", "256G"]),
]
snapshot = os.environ.get("NUMABOX_ORACLE", "../shared/oracle") + "/snapshots/n4-ring"
if os.path.isdir(snapshot):
    runs.append(("show -m SNAPSHOT zoneinfo", ["show", "-m", snapshot, "zoneinfo"]))
for title, args in runs:
    start = time.perf_counter()
    child = subprocess.Popen([numabox] + args, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    print(f"{title:32} {wall * 1000:10.1f} ms {usage.ru_maxrss / 1024:10.1f} MiB"
          + ("" if status == 0 else f"   status {os.waitstatus_to_exitcode(status)}"))
X
