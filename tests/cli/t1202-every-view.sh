# Every view of every captured machine that comes with the project: as text, as JSON, as observed.
# What a capture does not hold is said in one line; nothing else may fail.
. "$(dirname "$0")/lib.sh"

views="summary zoneinfo buddyinfo pagetypeinfo meminfo vmstat iomem extfrag_index unusable_index
node/0/meminfo node/0/numastat node/0/vmstat node/0/distance sysrq-m hardware numastat free
zonelists layout fragmentation"

for archive in "$machines"/*.tar.gz; do
	name=$(basename "$archive" .tar.gz)
	mkdir "$tmp/$name"
	tar -C "$tmp" -xzf "$archive"
	failed=
	for v in $views; do
		nb show -m "$tmp/$name" "$v"
		[ "$status" -eq 0 ] && [ ! -s "$tmp/err" ] || failed="$failed $v"
		# A kernel without NUMA says nothing of fallback orders.
		[ -s "$tmp/out" ] || [ "$v" = zonelists ] || failed="$failed empty:$v"
		nb show -m "$tmp/$name" --json "$v"
		[ "$status" -eq 0 ] && json >/dev/null 2>&1 || failed="$failed json:$v"
		nb show -m "$tmp/$name" --observed "$v"
		case $status in
		0) [ -s "$tmp/out" ] || [ "$v" = zonelists ] || failed="$failed observed:$v" ;;
		2) grep -q 'does not hold\|was not observed' "$tmp/err" || failed="$failed observed:$v" ;;
		*) failed="$failed observed:$v" ;;
		esac
	done
	is "$failed" "" "$name: every view"
done
done_testing
