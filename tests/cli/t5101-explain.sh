# explain: the training module's worked examples, with the kernel's answer.
. "$(dirname "$0")/lib.sh"

topics="latency zones watermarks minfree placement fallback pfn bandwidth numastat buddyinfo"

nb explain
works "explain alone works"
for t in $topics; do
	has "$tmp/out" "^$t +[a-z]" "and lists $t"
done
nb explain --json
is "$(json topics#)" 10 "ten topics in JSON"

for t in $topics; do
	nb explain "$t" -m 2x32G,dist=21
	works "explain $t works"
	ok "explain $t says something" [ "$(wc -l <"$tmp/out")" -gt 4 ]
	ok "explain $t keeps to 100 columns" awk 'length($0) > 100 { exit 1 }' "$tmp/out"
	nb explain --json "$t" -m 2x32G,dist=21
	works "explain --json $t works"
	is "$(json topic)" "$t" "explain --json $t names its topic"
	ok "explain --json $t has its steps" [ "$(json steps#)" -gt 3 ]
done

# 80 ns, distance 21: 168 ns, 88 more; a million, a billion, half of them
nb explain latency -m 2x32G,dist=21 --json
is "$(json pairs.1.latency_ns)" 168.0 "21 / 10 x 80 ns = 168 ns"
is "$(json pairs.1.extra_ns)" 88.0 "88 ns extra"
is "$(json pairs.1.million_extra_ms)" 88.0 "88 ms for a million"
is "$(json pairs.1.billion_s)" 168.0 "168 s for a billion"
is "$(json pairs.1.billion_half_remote_s)" 124.0 "124 s when half of them are remote"
nb explain latency -m 2x32G,dist=21
has "$tmp/out" '21 / 10 = 2\.1 times, not 21 times' "21 is no factor of 21"

# 64 GiB without a hole: 4096 + 1044480 + 15728640
nb explain zones -m 1x64G,hole=0 --json
is "$(json zones.0.spanned_pages)" 4096 "DMA: 16 MiB"
is "$(json zones.1.spanned_pages)" 1044480 "DMA32: 16 MiB to 4 GiB"
is "$(json zones.2.spanned_pages)" 15728640 "Normal: 60 GiB"
is "$(json present_pages)" 16777216 "64 GiB / 4 KiB"
is "$(json holes#)" 0 "no hole"
nb explain zones -m 1x64G --json
is "$(json holes.0.start)" 2147483648 "by default there is one, from 2 GiB"
is "$(json zones.1.absent_pages)" 524288 "2 GiB of it in DMA32"
is "$(json present_pages)" 16777216 "and no memory is lost"

# a zone of a million pages with min 10000: the document's marks, by the kernel's rule
cat >"$tmp/million.yaml" <<'Y'
machine:
  name: million
  nodes: [ { id: 0, cpus: 0-3, ranges: [ 0x100000000-0x200000000 ] } ]
  kernel: { version: 6.12, sysctl: { vm.min_free_kbytes: 40000 } }
  zones: [ { node: 0, zone: Normal, managed: 1000000 } ]
Y
sed -i 's/0x200000000/0x1ffffffff/' "$tmp/million.yaml"
nb explain watermarks -m "$tmp/million.yaml" --free 14000,12000 --free 11000,8000 --json
is "$(json zones.0.min_pages)/$(json zones.0.low_pages)/$(json zones.0.high_pages)" \
	10000/12500/15000 "min 10000, low 12500, high 15000"
is "$(json zones.0.what_if#)" 4 "four what-ifs"
is "$(json zones.0.what_if.0.state)" between_low_and_high "14000: kswapd is not woken"
is "$(json zones.0.what_if.1.state)" between_min_and_low "12000: woken"
is "$(json zones.0.what_if.2.kswapd_woken)" true "11000: woken"
is "$(json zones.0.what_if.2.direct_reclaim)" false "but nobody reclaims directly"
is "$(json zones.0.what_if.3.direct_reclaim)" true "8000: direct reclaim"
is "$(json zones.0.atomic_floor_pages)" 3750 "atomic requests go down to 3/8 of min"

# the document's own zone: low 20468 and high 28591, not 15432 and 18519
sed 's/40000/49380/; s/managed: 1000000/managed: 8123456/; s/0x1ffffffff/0x8ffffffff/' "$tmp/million.yaml" >"$tmp/doc.yaml"
nb explain watermarks -m "$tmp/doc.yaml" --json
is "$(json zones.0.min_pages)/$(json zones.0.low_pages)/$(json zones.0.high_pages)" \
	12345/20468/28591 "the scale factor makes the gap of a large zone"

# min_free_kbytes: 90112 for four zones, shares in pages
nb explain minfree -m 2x32G --json
is "$(json min_free_kib)" 90112 "four zones: 90112 KiB"
is "$(json thp_zones)" 4 "THP counts four"
nb explain minfree -m 2x32G --sysctl vm.min_free_kbytes=67584
has "$tmp/out" '67584 KiB / 4 KiB = 16896 pages' "67584 KiB are 16896 pages"
has "$tmp/out" 'was written: 67584 KiB' "and a write is told"

# where memory comes from under each policy
nb explain placement -m 2x32G --cpu 3 --policy local --json
is "$(json node) $(json path)" "0 fast" "local: node 0"
is "$(json allocator_agrees)" true "the allocator does so"
nb explain placement -m 2x32G --cpu 3 --policy bind=1 --json
is "$(json node)" 1 "bind=1: node 1, from a CPU of node 0"
is "$(json walk.0.verdict)" policy "node 0 is closed"
nb explain placement -m 2x32G --cpu 3 --policy bind=1
has "$tmp/out" 'numa_hit of node 1' "and that is a hit, not a miss"
has "$tmp/out" 'other_node' "but for another node's CPU"
nb explain placement -m 2x32G --policy interleave=all --json
is "$(json allocator_agrees)" true "interleave: the counter's next node, as the allocator"
nb explain placement -m 2x32G --gfp 'GFP_DMA|GFP_KERNEL' --json
is "$(json zone)" DMA "GFP_DMA comes from DMA"
nb explain placement -m 2x32G --gfp 'GFP_KERNEL|__GFP_THISNODE' --node 1 --json
is "$(json node)" 1 "THISNODE on node 1"
is "$(json walk.0.node)" 1 "its list begins with itself"

nb explain fallback -m 2x32G,dist=21 --json
is "$(json nodes.0.zonelist.0.zone) $(json nodes.0.zonelist.1.zone) $(json nodes.0.zonelist.3.node)" \
	"Normal DMA32 1" "node order: all zones of node 0, then node 1"

nb explain pfn 16777215 -m 2x32G --json
is "$(json pfns.0.aligned_order)" 0 "an odd frame begins a single page"
is "$(json pfns.0.node) $(json pfns.0.zone)" "1 Normal" "and lies on node 1"
is "$(json pfn_bits)" 25 "66 GiB with the hole: 25 bits"
nb explain pfn 0x80000 -m 2x32G --json
is "$(json pfns.0.present)" false "the hole has no memory"

# pasted lines of buddyinfo
printf 'Node 0, zone   Normal  12851   8742   5211   2834   1203    412    127     38     11      2    142 \n' \
	>"$tmp/lines"
nb explain buddyinfo "$tmp/lines" --json
works "pasted lines of buddyinfo"
is "$(json zones.0.free_pages)" 268523 "12851 + 2 x 8742 + 4 x 5211 + ... pages"
is "$(json zones.0.orders.10.free_kib)" 581632 "142 blocks of 4 MiB"
printf 'nothing\n' >"$tmp/lines"
nb explain buddyinfo "$tmp/lines"
refused "lines that are none" "lines:1"

# refused
nb explain latencie
refused "a misspelt topic" "did you mean 'latency'"
nb explain latency more -m 2x32G
refused "an argument too many" "takes no argument"
nb explain placement -m 2x32G --gfp GFP_KERNAL
refused "an unknown flag" "GFP_KERNAL"
nb explain placement -m 2x32G --order 11
refused "an order too high" "0 to 10"
nb explain placement -m 2x32G --cpu 99
refused "no such CPU" "no CPU 99"
nb explain watermarks -m 2x32G --node 5
refused "no such node" "no node 5"
nb explain watermarks -m 2x32G --node 1 --zone DMA
refused "no such zone there" "no such zone"
nb explain watermarks -m 2x32G --free 12x
refused "--free takes pages" "12x"
nb explain pfn 12q -m 2x32G
refused "a frame is a number" "12q"
nb explain placement -m 2x32G --policy bind=7
refused "a policy with a node that is not there" "7"
nb explain placement -m 2x32G --policy bind=1 --node 0
refused "policy and node at once" "one of them"
done_testing
