# The captured machines that come with the project: loaded from their archives, verified against
# what their kernels printed, and shown as they were shown before (UPDATE=1 writes that anew).
. "$(dirname "$0")/lib.sh"

for archive in "$machines"/*.tar.gz; do
	name=$(basename "$archive" .tar.gz)
	nb verify -m "$archive"
	works "$name: every figure is predicted"
	mkdir "$tmp/$name"
	tar -C "$tmp" -xzf "$archive"
	nb show -m "$archive" --observed zoneinfo
	same "$tmp/$name/proc/zoneinfo" "$tmp/out" "$name: --observed zoneinfo is the kernel's own"
	nb show -m "$archive" summary hardware zonelists layout zoneinfo
	works "$name: shows"
	# Where it was read from is the only thing that may differ between checkouts.
	sed 's, (from .*),,' "$tmp/out" >"$tmp/got"
	[ -n "${UPDATE:-}" ] && cp "$tmp/got" "$machines/$name.expected"
	same "$machines/$name.expected" "$tmp/got" "$name: and as it was shown before"
	nb show -m "$tmp/$name" summary hardware zonelists layout zoneinfo
	sed 's, (from .*),,' "$tmp/out" >"$tmp/plain"
	same "$tmp/got" "$tmp/plain" "$name: the tree shows what its archive shows"
done
done_testing
