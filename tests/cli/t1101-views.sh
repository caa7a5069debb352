# Every view of a described machine, as text and as JSON.
. "$(dirname "$0")/lib.sh"

nb show -m 2x32G
works "show without a view works"
cp "$tmp/out" "$tmp/default"
nb show -m 2x32G summary
same "$tmp/default" "$tmp/out" "and is the summary"

for v in summary zoneinfo buddyinfo pagetypeinfo meminfo vmstat iomem extfrag_index unusable_index \
	node/0/meminfo node/1/numastat node/1/vmstat node/0/distance sysrq-m hardware numastat free \
	zonelists layout fragmentation; do
	nb show -m 2x32G "$v"
	works "show $v"
	ok "show $v prints something" [ -s "$tmp/out" ]
	nb show -m 2x32G --json "$v"
	works "show --json $v"
	ok "show --json $v is JSON" json
	is "$(head -c 1 "$tmp/out")" "{" "show --json $v is an object"
done

nb show -m 2x32G,dist=21 zonelists
printf '%s\n' 'Fallback order for Node 0: 0 1 ' 'Fallback order for Node 1: 1 0 ' >"$tmp/want"
head -2 "$tmp/out" >"$tmp/got"
same "$tmp/want" "$tmp/got" "zonelists: a line for each node, as the kernel prints it"
has "$tmp/out" '^Policy zone: Normal$' "zonelists: the policy zone"
nb show -m 2x32G,dist=21 --json zonelists
is "$(json nodes.1.fallback)" "[1,0]" "zonelists --json: the order of node 1"
is "$(json policy_zone)" Normal "zonelists --json: the policy zone"

nb show -m 2x32G,dist=21 hardware
has "$tmp/out" '^available: 2 nodes \(0-1\)$' "hardware: as numactl begins"
has "$tmp/out" '^node 1 cpus: 4 5 6 7$' "hardware: CPUs, four a node"
has "$tmp/out" '^  0: +10 +21 *$' "hardware: distances"

nb show -m 2x32G --json zoneinfo
is "$(json zones.0.zone)" DMA "zoneinfo --json: zones in order"
is "$(json zones.2.protection_pages#)" 5 "zoneinfo --json: five protections on x86-64"
for key in node free_pages min_pages low_pages high_pages spanned_pages present_pages managed_pages \
	start_pfn; do
	ok "zoneinfo --json: $key" json "zones.2.$key"
done

nb show -m 2x32G --json zonelists hardware
ok "two views are one JSON object" json
ok "with a member each: zonelists" json zonelists.policy_zone
ok "with a member each: hardware" json hardware
nb show -m 2x32G zonelists layout
has "$tmp/out" '^==> zonelists <==$' "two views have headings"
has "$tmp/out" '^==> layout <==$' "both of them"
done_testing
