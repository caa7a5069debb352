# doctor on every captured machine: it ends well, and says what is odd on purpose.
. "$(dirname "$0")/lib.sh"
needs_oracle

for dir in "$NUMABOX_ORACLE"/snapshots/*/; do
	name=$(basename "$dir")
	"$NUMABOX" doctor --json -m "$dir" >"$tmp/out" 2>"$tmp/err"
	status=$?
	ok "$name is examined" [ "$status" -lt 2 ]
	case $name in
	n4-asym | sched-n4-asym) has "$tmp/out" 'not symmetric' "$name: its distances" ;;
	n2-memless1 | v61-n2-memless1) has "$tmp/out" 'CPUs but no memory' "$name: its empty node" ;;
	k-numa-off-n2) has "$tmp/out" 'numa=off hides' "$name: its command line" ;;
	n1-2g | n2-eq-2g | n2-eq-4g | n4-ring) is "$(json findings#)" 0 "$name: nothing is found" ;;
	esac
done
done_testing
