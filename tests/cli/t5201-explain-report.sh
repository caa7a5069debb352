# explain FILE: failure reports of kernels 3.10 to 6.12, with every kind of prefix.
. "$(dirname "$0")/lib.sh"
reports=$SOURCE_ROOT/tests/reports

# top FILE: the likeliest cause
top()
{
	nb explain --json "$reports/$1"
	works "$1 is explained"
	is "$(json reports.0.causes.0.cause)" "$2" "$1: the likeliest cause is $2"
}

top k310-order2-atomic.log fragmentation
is "$(json reports.0.profile)" 3.10 "its release gives the rules"
is "$(json reports.0.replays.0.succeeds)" false "replayed as reported it fails"
is "$(json reports.0.replays.1.change) $(json reports.0.replays.1.succeeds)" "smaller_order true" \
	"a smaller order would have done"

top k418-memcg.log memcg_limit
nb explain "$reports/k418-memcg.log"
has "$tmp/out" 'limit, not NUMA' "a container's kill: limit, not NUMA"
has "$tmp/out" '1048576 KiB' "with the limit"
has "$tmp/out" 'With its memory interleaved over all nodes: it is killed all the same' "nodes play no part"
nb explain --json "$reports/k418-memcg.log"
is "$(json reports.0.replays.0.change) $(json reports.0.replays.0.succeeds)" "as_reported false" \
	"played again at its limit it is killed"
is "$(json reports.0.replays.1.change) $(json reports.0.replays.1.succeeds)" "twice_the_memory false" \
	"with more memory just the same"
is "$(json reports.0.replays.2.change) $(json reports.0.replays.2.succeeds)" "all_nodes false" "on all nodes, too"
is "$(json reports.0.replays.3.change) $(json reports.0.replays.3.succeeds)" "higher_limit true" \
	"with a higher limit it lives"
is "$(json reports.0.replays.4.change) $(json reports.0.replays.4.succeeds)" "with_swap true" "or with swap"

top k49-i386-lowmem.log low_zone
is "$(json reports.0.zones.0.verdict)" too_high "HighMem is closed to kernel memory"
is "$(json reports.0.zones.1.misses_by_pages)" 10209 "Normal misses by its min mark"

top k515-cpuset.log cpuset
is "$(json reports.0.zones.3.verdict)" cpuset "node 1 is closed by the cpuset"
is "$(json reports.0.replays.1.change) $(json reports.0.replays.1.succeeds)" "without_mask true" \
	"without the cpuset it would have succeeded"
is "$(json reports.0.replays.1.node)" 1 "from node 1"

top k54-dma32.log low_zone
is "$(json reports.0.replays.1.change) $(json reports.0.replays.1.succeeds)" "any_zone true" \
	"from any zone it would have succeeded"

top k61-atomic-burst.log atomic_burst
is "$(json reports.0.zones.0.mark_reduced_pages)" 5553 "GFP_ATOMIC: three eighths of min"

top k68-thp.log fragmentation
is "$(json reports.0.zones.1.verdict)" other_node "THISNODE closes node 1"
is "$(json reports.0.causes.1.cause)" has_fallback "and the caller has a fallback"

top k414-arm.log low_zone
is "$(json reports.0.zones.1.zone)" Normal "32-bit ARM: its DMA zone is low memory"
ok "without the high-order atomic reserve it succeeds" sh -c "grep -A2 no_highatomic '$tmp/out' |
	grep -q '\"succeeds\": true'"

# bound by a policy: the report has its node alone, but counts the free pages of all
top k612-oom-bind.log memory_policy
has "$tmp/out" 'KiB were free on nodes that the report leaves out' "free memory elsewhere is told"

# the zones that a request may use count, not the machine: low memory is full of slab while high
# memory is free; and what passes by a page is not "room"
top k32-i386pae-mail.log low_zone
is "$(json reports.0.causes.1.cause)" exhausted "low memory itself is used up"
has "$tmp/out" 'of 903760 KiB slab that can be shrunk' "of low memory, not of the machine"
top k26-slab.log exhausted
has "$tmp/out" 'slab 96 %' "before 2.6.20: read, and its slab named"
is "$(json reports.0.profile)" 2.6.24 "by the rules of its time"

# most of the memory is free by the time of the report: never "used up"
top k419-second-kill.log came_free
hasnt "$tmp/out" 'used up' "what is free is not used up"

# swapoff under way, in a mail that breaks every long line
top k416-swapoff-mail.log swapoff
is "$(json reports.0.zones#) $(json reports.0.line)" "2 1" "a mail's broken first line, and its zones"

# the kill's own line is cut off: the choice is told all the same
top k514-memcg-chosen.log memcg_limit
is "$(json reports.0.killed.name) $(json reports.0.killed.rss_kib)" "qemu-system-x86 16807064" \
	"who was chosen, from the task table"
is "$(json reports.0.killed.oom_score_adj)" 986 "with its oom_score_adj"

# every replay that adds what was missing succeeds
for f in k310-order2-atomic k49-i386-lowmem k515-cpuset k54-dma32 k61-atomic-burst k68-thp; do
	nb explain --json "$reports/$f.log"
	ok "$f: what was missing would have helped" sh -c "grep -A3 -E '\"(more_free_pages|one_block)\"' \
		'$tmp/out' | grep -q '\"succeeds\": true'"
	nb explain "$reports/$f.log"
	ok "$f: keeps to 100 columns" awk 'length($0) > 100 { exit 1 }' "$tmp/out"
done

# the same reports as rsyslog and a mail leave them
for pair in k310-rsyslog:k310-order2-atomic k61-mail:k61-atomic-burst; do
	nb explain "$reports/${pair#*:}.log"
	sed 1d "$tmp/out" >"$tmp/plain"
	nb explain "$reports/${pair%%:*}.log"
	sed 1d "$tmp/out" >"$tmp/odd"
	same "$tmp/plain" "$tmp/odd" "${pair%%:*}: read as the plain log is"
done

# standard input, another kernel's rules, cut reports
"$NUMABOX" explain --kernel 5.4 - <"$reports/k54-dma32.log" >"$tmp/out" 2>"$tmp/err"
status=$?
works "from standard input, by another kernel's rules"
head -c 1200 "$reports/k515-cpuset.log" >"$tmp/cut.log"
nb explain "$tmp/cut.log"
works "a report that is cut off"
cat "$reports/k418-memcg.log" "$reports/k68-thp.log" >"$tmp/two.log"
nb explain --json "$tmp/two.log"
is "$(json reports#)" 2 "two reports in one log"

# a capture: its own logs, as a directory and as an archive
mkdir -p "$tmp/sosreport-a/proc" "$tmp/sosreport-a/sos_commands/kernel" "$tmp/sosreport-a/var/log"
echo quiet >"$tmp/sosreport-a/sos_commands/kernel/dmesg_-T"
nb explain "$tmp/sosreport-a"
refused "a capture without a report" 'no failure report in dmesg'
cp "$reports/k418-memcg.log" "$tmp/sosreport-a/var/log/messages"
nb explain "$tmp/sosreport-a"
has "$tmp/out" 'limit, not NUMA' "a report out of a sosreport's var/log/messages"
tar cJf "$tmp/sos.tar.xz" -C "$tmp" sosreport-a
nb explain "$tmp/sos.tar.xz"
has "$tmp/out" 'limit, not NUMA' "and out of its archive"
rm -r "$tmp/sosreport-a/var" "$tmp/sosreport-a/sos_commands/kernel/dmesg_-T"
nb explain "$tmp/sosreport-a"
refused "a capture without a log" 'no log in it'

printf 'nothing here\n' >"$tmp/none.log"
nb explain "$tmp/none.log"
refused "a log without a report" 'found no report'
nb explain "$tmp/absent.log"
refused "a file that is not there" 'neither a topic nor a file'

# what a kernel of our own recorded
if [ -f "${NUMABOX_ORACLE:-}/traces/oom-n2/dmesg" ]; then
	nb explain --json "$NUMABOX_ORACLE/traces/oom-n2/dmesg"
	works "a recorded OOM kill"
	is "$(json reports.0.causes.0.cause)" exhausted "memory was used up"
	is "$(json reports.0.constraint)" none "no constraint"
	is "$(json reports.0.killed.name)" work "who was killed"
	is "$(json reports.0.replays.0.succeeds)" false "replayed it fails"
fi
done_testing
