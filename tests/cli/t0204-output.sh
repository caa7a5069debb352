# Standard output holds results alone; a reader that leaves is no error, a full disk is.
. "$(dirname "$0")/lib.sh"

"$NUMABOX" show -m 64x1G zoneinfo 2>"$tmp/err" | head -1 >"$tmp/out"
is "$(cat "$tmp/out")" "Node 0, zone      DMA" "head gets its line"
is "$(cat "$tmp/err")" "" "nobody complains of a closed pipe"
"$NUMABOX" help 2>"$tmp/err" >&-
is $? 2 "a closed standard output is an error"
if [ -c /dev/full ]; then
	"$NUMABOX" show -m 2x32G zoneinfo >/dev/full 2>"$tmp/err"
	is $? 2 "a full disk is an error"
	has "$tmp/err" 'cannot write to standard output: No space' "and says so"
fi

nb show -m 2x32G --color=always zonelists hardware
has "$tmp/out" "$(printf '\033')\[1m==> zonelists <==" "--color=always makes headings bold"
nb show -m 2x32G zonelists hardware
hasnt "$tmp/out" "$(printf '\033')" "a file gets no colour"
nb show -m 2x32G --color=never zonelists hardware
has "$tmp/out" '^==> hardware <==$' "several views have a heading each"
done_testing
