# Real machines from hwloc's tests: sizes, distances and CPU lists, whatever the architecture.
. "$(dirname "$0")/lib.sh"
needs_oracle
[ -d "$NUMABOX_ORACLE/hwloc" ] || skip_all "no hwloc captures"

# cpus FILE: the numbers of the bits of a cpumap file, highest digit first, on a line
cpus()
{
	tr -cd '0-9a-f' <"$1" | awk '{
		for (i = length($0); i > 0; i--) {
			v = index("0123456789abcdef", substr($0, i, 1)) - 1
			for (k = 0; k < 4; k++) {
				if (v % 2) printf " %d", (length($0) - i) * 4 + k
				v = int(v / 2)
			}
		}
	}'
}

# The nodes' own files are the judge: MemTotal, cpumap, distance. One capture is made up, with CPUs
# in the lists of several nodes; a CPU has one node, so its CPU lists are not compared.
for f in "$NUMABOX_ORACLE"/hwloc/*.tar.bz2; do
	name=$(basename "$f" .tar.bz2)
	nb show -m "$f"
	[ "$status" -eq 0 ]
	result $? "$name: summary" || explain
	nb show -m "$f" hardware
	[ "$status" -eq 0 ]
	result $? "$name: hardware" || { explain; continue; }
	rm -rf "$tmp/tree"
	mkdir "$tmp/tree"
	tar -C "$tmp/tree" -xjf "$f" --wildcards '*/devices/system/node/node[0-9]*/distance' \
		'*/devices/system/node/node[0-9]*/cpumap' '*/devices/system/node/node[0-9]*/meminfo' 2>/dev/null
	nodes=$(find "$tmp/tree" -path '*/sys/devices/system/node/node[0-9]*' -name distance | sort -V)
	[ -n "$nodes" ] || continue
	for n in $nodes; do
		id=$(basename "$(dirname "$n")" | tr -d a-z)
		want=$(tr -s ' ' <"$n" | sed 's/ $//')
		got=$(sed -n "s/^ *$id: *\(.*\)/\1/p" "$tmp/out" | tail -1 | tr -s ' ' | sed 's/ $//')
		is "$got" "$want" "$name: distances of node $id"
		kib=$(sed -n 's/.*MemTotal: *\([0-9]*\) kB/\1/p' "${n%distance}meminfo")
		is "$(sed -n "s/^node $id size: \(.*\) MB/\1/p" "$tmp/out")" "$((kib / 1024))" "$name: size of node $id"
		[ "$name" = fakeheterocpunuma ] && continue
		is "$(sed -n "s/^node $id cpus://p" "$tmp/out")" "$(cpus "${n%distance}cpumap")" "$name: CPUs of node $id"
	done
done
done_testing
