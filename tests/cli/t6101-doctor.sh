# doctor: a healthy machine has no findings, a sick one has each of them with evidence and advice.
. "$(dirname "$0")/lib.sh"

# found CHECK [SEVERITY]: the last --json output has a finding of that check
found()
{
	tr -d '\n' <"$tmp/out" | grep -Eq "\"check\": \"$1\", +\"severity\": \"${2:-[a-z]*}\""
}

nb doctor -m "$machines/k-mem-n3.tar.gz"
is "$status" 1 "mem= on the command line is a finding"
has "$tmp/out" 'mem= leaves memory unused' "and told"
nb doctor -m "$machines/n1-2g.tar.gz"
is "$status" 0 "nothing is found on a healthy machine"
has "$tmp/out" '^18 checks on n1-2g: 0 findings' "and that is said"
nb doctor --json -m "$machines/n1-2g.tar.gz"
is "$(json findings#)/$(json checks#)" 0/18 "the same as JSON"
has "$tmp/out" '"bound_tasks"' "a check whose files are absent is named"

# a sick one, made of a healthy one
tar xzf "$machines/n4-ring.tar.gz" -C "$tmp"
sick=$tmp/n4-ring
# node 2: hardly a page free
awk '/^Node/ { n = $2 + 0; z = $4 } n == 2 && z == "Normal" && /pages free/ { print "  pages free     100"; next }
	{ print }' "$sick/proc/zoneinfo" >"$tmp/z" && mv "$tmp/z" "$sick/proc/zoneinfo"
sed -i 's/^\(Node 2 MemFree: *\)[0-9]*/\1400/; s/^\(Node 2 FilePages: *\)[0-9]*/\1800000/
	s/^\(Node 2 Shmem: *\)[0-9]*/\10/' "$sick/sys/devices/system/node/node2/meminfo"
printf 'numa_hit 900000\nnuma_miss 200000\nnuma_foreign 500\ninterleave_hit 0\nlocal_node 900000\nother_node 200000\n' \
	>"$sick/sys/devices/system/node/node2/numastat"
# its free memory elsewhere in single pages
sed -i 's/^Node 3, zone   Normal .*/Node 3, zone   Normal 200000 100 0 0 0 0 0 0 0 0 0 /' "$sick/proc/buddyinfo"
rm -f "$sick/proc/pagetypeinfo"
mkdir -p "$sick/proc/sys/vm" "$sick/proc/4711"
echo 1000 >"$sick/proc/sys/vm/min_free_kbytes"
echo 1 >"$sick/proc/sys/vm/zone_reclaim_mode"
echo '7f0000000000 bind:2 anon=200000 dirty=200000 N2=200000 kernelpagesize_kB=4' \
	>"$sick/proc/4711/numa_maps"
for node in 0 1 2 3; do
	d=$sick/sys/devices/system/node/node$node/hugepages/hugepages-2048kB
	mkdir -p "$d"
	echo $((node == 1 ? 64 : 8)) >"$d/nr_hugepages"
	echo $((node == 0 ? 0 : 4)) >"$d/free_hugepages"
	echo 0 >"$d/surplus_hugepages"
done
sed -i 's/^allocstall_normal .*/allocstall_normal 50000/; s/^pgscan_direct .*/pgscan_direct 900000/
	s/^pgscan_kswapd .*/pgscan_kswapd 100000/' "$sick/proc/vmstat"
cat "$SOURCE_ROOT/tests/reports/k418-memcg.log" >>"$sick/dmesg"

nb doctor -m "$sick" --json
is "$status" 1 "the sick machine has findings"
for c in 'low_zones problem' 'bound_tasks problem' 'imbalance warning' 'hugepages warning' \
	'min_free warning' 'scale_factor warning' 'fragmentation warning' 'zone_reclaim warning' \
	'page_cache warning' 'numa_miss warning' 'reports problem'; do
	# shellcheck disable=SC2086
	ok "found: $c" found $c
done
ok "every finding has evidence" sh -c "! tr -d '\n ' <'$tmp/out' | grep -q '\"evidence\":\[\]'"
nb doctor -m "$sick"
has "$tmp/out" 'dmesg line [0-9]*: java, order 0, OOM: limit, not NUMA' "a report's likeliest cause"
has "$tmp/out" '^problem: node 2 zone Normal is under its min mark while another node' "in words"
has "$tmp/out" '^    100 pages free against min [0-9]+, low [0-9]+, high [0-9]+' "with its numbers"
has "$tmp/out" '^problem: process 4711 is bound to node 2, which is short' "the bound process"
has "$tmp/out" '^  > sysctl -w vm.min_free_kbytes=[0-9]+' "and something to try"
ok "within 100 columns" awk 'length($0) > 100 { exit 1 }' "$tmp/out"

nb doctor -m 2x4G
refused "a description cannot be examined" "doctor needs a capture"
nb doctor -m "$sick" more
refused "an argument too many" "takes no argument"
done_testing
