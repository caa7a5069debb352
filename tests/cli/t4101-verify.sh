# verify: the table and the JSON, a figure that is wrong, files that are missing, what is refused.
. "$(dirname "$0")/lib.sh"

# unpack NAME: a captured machine as a tree, $tmp/NAME
unpack()
{
	rm -rf "${tmp:?}/$1"
	tar -C "$tmp" -xzf "$machines/$1.tar.gz"
}

# change FILE SED: edits a file of a tree
change()
{
	sed "$2" "$1" >"$tmp/changed" && ! cmp -s "$1" "$tmp/changed" && cp "$tmp/changed" "$1"
	result $? "(the capture is changed: $2)"
}

nb verify -m "$machines/n2-cxl-hmat.tar.gz"
works "a capture is predicted"
for subject in layout zones min_free_kbytes watermarks protection pagesets zonelists nodes hardware \
	memory_blocks tiers available fragmentation sums recomputed; do
	has "$tmp/out" "^$subject +[1-9][0-9]* +[1-9][0-9]* +0 " "... $subject: all equal"
done
has "$tmp/out" '^Not predictable$' "... says what cannot be predicted"
has "$tmp/out" '^Estimated from hardware alone \(no equality is claimed\)$' "... and what hardware alone allows"
awk '/^Not predictable/ { exit } NF && $1 != "subject" && $2 ~ /^[0-9]+$/ { print $1, $2, $3 }' "$tmp/out" |
	grep -v '^all ' >"$tmp/rows"

nb verify --json -m "$machines/n2-cxl-hmat.tar.gz"
works "--json"
is "$(json compared)" "$(json equal)" "... all that was compared is equal"
is "$(json differences#)" 0 "... no differences"
i=0
while read -r subject compared equal; do
	is "$(json subjects.$i.subject) $(json subjects.$i.compared) $(json subjects.$i.equal)" \
		"$subject $compared $equal" "... row $subject is the table's"
	i=$((i + 1))
done <"$tmp/rows"
is "$(json subjects#)" "$i" "... and there are no others"
ok "... not_predictable says why" [ -n "$(json not_predictable.0.why)" ]
ok "... estimates have both figures" [ "$(json estimates.0.managed_pages)" = 3840 ]
is "$(json estimates.0.zone)" DMA "... of the zone"

# One mark of a zone is not the kernel's.
unpack n4-ring
change "$tmp/n4-ring/proc/zoneinfo" '0,/^        low      [0-9]*/s/^        low      [0-9]*/        low      77777/'
nb verify -m "$tmp/n4-ring"
is "$status" 1 "a wrong mark: status 1"
has "$tmp/out" '^  watermarks: node 0 DMA low$' "... named"
has "$tmp/out" '^    kernel:    77777$' "... with the kernel's value"
has "$tmp/out" '^    predicted: [0-9]+$' "... the predicted one"
has "$tmp/out" '^    rule:      __setup_per_zone_wmarks' "... and the rule"
nb verify --json -m "$tmp/n4-ring"
is "$(json differences#)" 1 "... one difference in JSON"
is "$(json differences.0.what)" "node 0 DMA low" "... what"
is "$(json differences.0.kernel)" 77777 "... the kernel's value as a number"
is "$(json subjects.3.subject)" watermarks "... its subject"
ok "... with one unequal figure" [ "$(json subjects.3.compared)" -eq $(($(json subjects.3.equal) + 1)) ]

# A word of the boot log, a distance, a node's mask, a block's zone, an access class, a sum.
differs()
{
	unpack "$1"
	change "$tmp/$1/$2" "$3"
	nb verify -m "$tmp/$1"
	is "$status" 1 "$4: status 1"
	has "$tmp/out" "^  $5" "... found"
}
differs n4-ring dmesg 's/Fallback order for Node 2: 2 /Fallback order for Node 2: 0 /' \
	"a wrong fallback order" "zonelists: boot log, zonelists, line 3"
differs n4-ring dmesg 's/  node   1: \[mem 0x0000000040000000/  node   1: [mem 0x0000000040001000/' \
	"a wrong node range" "layout: boot log"
differs n4-ring sys/devices/system/node/has_cpu 's/0-3/0-2/' "a wrong mask" "nodes: .*/has_cpu"
differs n4-ring proc/zoneinfo 's/^        present  3998/        present  3997/' "a wrong size" \
	"zones: node 0 DMA present"
differs n2-interleaved derived/memory_blocks.tsv 's/^\(4\t.*\)\t1$/\1\t0/' "a wrong node of a block" \
	"memory_blocks: memory block 4: node"
differs n2-cxl-hmat sysfs.tsv 's,memory_tier56/nodelist,memory_tier57/nodelist,' "a wrong tier" "tiers: .*memory_tier5"
differs n3-memless0 sys/kernel/debug/extfrag/unusable_index '1s/0.000 /0.500 /' "a wrong index" "fragmentation: node 1 DMA"
differs n4-ring sys/devices/system/node/node1/meminfo 's/MemTotal: *[0-9]*/MemTotal:  1/' "a wrong total" \
	"sums: node1/meminfo MemTotal"

unpack n4-ring
rm "$tmp/n4-ring/proc/zoneinfo" "$tmp/n4-ring/dmesg"
nb verify -m "$tmp/n4-ring"
works "without zoneinfo and boot log: what is left is equal"
has "$tmp/out" '^  proc/zoneinfo$' "... the file is listed as absent"
has "$tmp/out" '^  boot log: fallback orders$' "... and so are the log's lines"

unpack n4-ring
change "$tmp/n4-ring/proc/version" 's/6\.12\.[^ ]*/5.14.0-427.el9.x86_64/'
nb verify -m "$tmp/n4-ring"
has "$tmp/out" 'kernel 5\.14\.0-427\.el9\.x86_64 has no profile of its own: the nearest, [0-9.]+, is used' \
	"an unknown kernel: the profile used is named"
has "$tmp/out" 'no captured kernel in the tests confirms' "... as one that no capture confirms"

nb verify -m 2x32G
refused "a description has nothing to compare" "verify needs a capture"
nb verify -m "$machines/n1-2g.tar.gz" zoneinfo
refused "an argument" "verify takes no argument 'zoneinfo'"
mkdir -p "$tmp/bare/proc"
echo "Linux version 6.12.113 (x) #1" >"$tmp/bare/proc/version"
echo "MemTotal: 100 kB" >"$tmp/bare/proc/meminfo"
nb verify -m "$tmp/bare"
is "$status" 2 "nothing to compare: status 2"
done_testing
