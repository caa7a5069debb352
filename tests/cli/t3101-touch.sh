# `sim touch`: one task under numactl's options, and where its pages land.
. "$(dirname "$0")/lib.sh"

nb sim -m 2x32G --cpunodebind=0 --membind=1 touch 20G --json
works "membind"
ok "is JSON" json
is "$(json tasks#)" 1 "one task"
pages=$((20 * 1024 * 1024 / 4))
is "$(json tasks.0.pages_by_node.1)" "$pages" "all 20 GiB on node 1"
ok "nothing on node 0" [ "$(json tasks.0.pages_by_node.0 2>/dev/null || echo 0)" = 0 ]
ok "remote accesses cost 160 ns (distance 20, 80 ns local)" \
	awk "BEGIN {exit !($(json tasks.0.latency_ns) == 160)}"
ok "numastat is there" json numastat
ok "events are there" json events

nb sim -m 2x32G --cpunodebind 0 touch 1G --json
is "$(json tasks.0.pages_by_node.0)" 262144 "by default, local"
ok "local accesses cost 80 ns" awk "BEGIN {exit !($(json tasks.0.latency_ns) == 80)}"
nb sim -m 2x32G --cpunodebind=0 --interleave=all touch 1G --json
is "$(json tasks.0.pages_by_node.1)" 131072 "interleave: half and half"
nb sim -m 2x32G --cpunodebind=0 --preferred=1 touch 40G --json
is "$(json tasks#)" 1 "preferred"
ok "preferred: overflows to node 0" [ "$(json tasks.0.pages_by_node.0)" -gt 2000000 ]
nb sim -m 2x32G,dist=21 --cpunodebind=0 --membind=1 touch 1G --json
ok "distance 21: 168 ns" awk "BEGIN {exit !($(json tasks.0.latency_ns) == 168)}"

nb sim -m 2x32G --cpunodebind=0 touch 1G
works "as text"
has "$tmp/out" 'Normal' "says the zones"
has "$tmp/out" 'Fallback order|fallback' "and the fallback order"
has "$tmp/out" '80(\.0+)? ns' "and the latency"
nb sim -m 2x32G --policies default,bind=1,preferred=1,interleave=all touch 1G
works "four policies"
has "$tmp/out" 'interleave' "a row for each"

nb sim -m 2x4G --cpunodebind=0 --view numastat --view zoneinfo touch 64M
works "--view"
has "$tmp/out" 'numa_hit' "prints the view after the run"
# what a run counts does not hang on whether each event is written down
cat > "$tmp/work.lua" <<'END'
local t = machine:task{ cpu = 1 }
local f = machine:file("data", "400M")
f:read(0, "400M", t)
local a = t:mmap{ length = "700M" }
t:touch(a, "700M")
t:munmap(a, "300M")
f:read(0, "400M", t)
machine:run("3s")
END
nb sim -m 2x512M:2 --json --view vmstat --view zoneinfo --trace "$tmp/trace" "$tmp/work.lua"
works "with every event written down"
cp "$tmp/out" "$tmp/told"
ok "more of a kind than is kept" [ "$(json events.mm_page_alloc)" -gt 200000 ]
is "$(grep -c ': mm_page_alloc: ' "$tmp/trace")" "$(json events.mm_page_alloc)" "all of them"
nb sim -m 2x512M:2 --json --view vmstat --view zoneinfo "$tmp/work.lua"
ok "the same without: counts, counters, zones" cmp "$tmp/told" "$tmp/out"

nb sim -m 2x4G --trace "$tmp/trace" touch 1M
works "--trace"
has "$tmp/trace" 'mm_page_alloc: .*pfn=0x[0-9a-f]+ order=0' "writes ftrace's text"

"$NUMABOX" sim -m 2x4G touch 64M --json >"$tmp/one"
"$NUMABOX" sim -m 2x4G touch 64M --json >"$tmp/two"
same "$tmp/one" "$tmp/two" "the same work twice: the same bytes out"

nb sim -m 2x4G
refused "nothing to run" "touch SIZE"
nb sim -m 2x4G touch
refused "touch without a size" "size"
nb sim -m 2x4G touch 1Q
refused "a size that is none" "1Q"
nb sim -m 2x4G --membind=7 touch 1M
refused "a node that is not there" "7"
nb sim -m 2x4G --membind=0 --interleave=all touch 1M
refused "two policies at once" "polic"
nb sim -m 2x4G --view zonefino touch 1M
refused "a misspelt view" "zoneinfo"
nb sim -m 2x4G --time-limit=soon touch 1M
refused "a limit that is no number" "time-limit: 'soon'"
done_testing
