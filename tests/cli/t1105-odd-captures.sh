# A capture that lacks files is no error: what is there is used, the rest is computed, and the
# summary says which is which.
. "$(dirname "$0")/lib.sh"

mkdir -p "$tmp/few/proc"
cat >"$tmp/few/proc/zoneinfo" <<'X'
Node 0, zone      DMA
        managed  3840
Node 0, zone    DMA32
        managed  498000
Node 0, zone   Normal
        managed  7700000
Node 1, zone   Normal
        managed  8200000
X
nb show -m "$tmp/few"
works "managed pages alone are enough"
has "$tmp/out" '[Ee]stimated|computed' "and the summary says what is a guess"
nb show -m "$tmp/few" --json zoneinfo
grep -A30 '"node": 1' "$tmp/out" | grep -q '"managed_pages": 8200000'
result $? "the managed pages told are those shown"

mkdir -p "$tmp/sys/sys/devices/system/node/node0" "$tmp/sys/sys/devices/system/node/node1"
for n in 0 1; do
	echo "$((n * 2))-$((n * 2 + 1))" >"$tmp/sys/sys/devices/system/node/node$n/cpulist"
	echo "Node $n MemTotal:       4194304 kB" >"$tmp/sys/sys/devices/system/node/node$n/meminfo"
done
echo "10 17" >"$tmp/sys/sys/devices/system/node/node0/distance"
echo "17 10" >"$tmp/sys/sys/devices/system/node/node1/distance"
echo "0-1" >"$tmp/sys/sys/devices/system/node/online"
nb show -m "$tmp/sys" hardware
works "sysfs alone is enough"
has "$tmp/out" '^node 1 cpus: 2 3$' "with its CPUs"
has "$tmp/out" '^  1: +17 +10 *$' "and its distances"
nb show -m "$tmp/few" --observed meminfo
refused "what the capture lacks cannot be observed" "meminfo"
nb show -m "$tmp/few" --observed summary
refused "the summary is computed, not observed" "few: summary is numabox's own view"
nb show -m "$tmp/few" --observed
refused "--observed alone" "needs a VIEW"
nb show -m 2x1G --observed zoneinfo
refused "a description was never observed" "capture"
done_testing
