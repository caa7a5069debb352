# explain on captured machines: every topic works, and what is worked out is what the kernel shows.
. "$(dirname "$0")/lib.sh"
needs_oracle
snapshots=$NUMABOX_ORACLE/snapshots

for name in n2-eq-2g n1-2g-nothp n4-ring n2-cxl-hmat i386-1024m arm64-n4-8g k-fake4 n2-memless1 n2-hotplug; do
	m=$snapshots/$name
	[ -d "$m" ] || continue
	for t in latency zones watermarks minfree placement fallback pfn bandwidth numastat buddyinfo; do
		"$NUMABOX" explain --json "$t" -m "$m" >"$tmp/out" 2>"$tmp/err"
		status=$?
		ok "$name: $t" [ "$status" -eq 0 ]
		is "$(json topic)" "$t" "$name: $t is JSON"
	done
	# placement: the allocator agrees
	"$NUMABOX" explain --json placement -m "$m" >"$tmp/out" 2>"$tmp/err"
	is "$(json allocator_agrees)" true "$name: the allocator agrees"
	# marks: as the kernel printed them, zone by zone
	"$NUMABOX" explain watermarks -m "$m" >"$tmp/explained" 2>"$tmp/err"
	hasnt "$tmp/explained" 'something else than these rules' "$name: every mark follows"
	# min_free_kbytes: the derivation ends at what the kernel has
	"$NUMABOX" explain --json minfree -m "$m" >"$tmp/out" 2>"$tmp/err"
	own=$(json clamped_kib)
	[ "$(json thp)" = true ] && [ "$(json thp_kib)" -gt "$own" ] && own=$(json thp_kib)
	again=$(json again_kib 2>/dev/null) && own=$again
	[ "$(json set_by_user)" = true ] || is "$own" "$(json min_free_kib)" "$name: min_free_kbytes"
	# buddyinfo: the capture's own numbers
	"$NUMABOX" explain --json buddyinfo -m "$m" >"$tmp/out" 2>"$tmp/err"
	want=$(awk 'NR == 1 { for (i = 5; i <= NF; i++) { n += $i * 2 ^ (i - 5) } print n }' \
		"$m/proc/buddyinfo")
	is "$(json zones.0.free_pages)" "$want" "$name: free pages of the first line"
done

# HMAT counts more than distance
nb explain --json latency -m "$snapshots/n2-cxl-hmat"
is "$(json pairs.1.told)" true "HMAT tells the latency"
done_testing
