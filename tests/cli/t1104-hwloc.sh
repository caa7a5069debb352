# Real machines from hwloc's tests: sizes, distances and CPU lists, whatever the architecture.
. "$(dirname "$0")/lib.sh"
needs_oracle
[ -d "$NUMABOX_ORACLE/hwloc" ] || skip_all "no hwloc captures"

# values FILE: the node's MemTotal, cpumap words and distances, by sysfs alone
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
	tar -C "$tmp/tree" -xjf "$f" --wildcards '*/devices/system/node/node*/distance' 2>/dev/null
	nodes=$(find "$tmp/tree" -path '*/sys/devices/system/node/node[0-9]*' -name distance | sort -V)
	[ -n "$nodes" ] || continue
	for n in $nodes; do
		id=$(basename "$(dirname "$n")" | tr -d a-z)
		want=$(tr -s ' ' <"$n" | sed 's/ $//')
		got=$(sed -n "s/^ *$id: *\(.*\)/\1/p" "$tmp/out" | tail -1 | tr -s ' ' | sed 's/ $//')
		is "$got" "$want" "$name: distances of node $id"
	done
done
done_testing
