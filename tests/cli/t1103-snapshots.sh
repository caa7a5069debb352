# Captures of real kernels: every one loads and shows, and --observed gives back what it holds.
. "$(dirname "$0")/lib.sh"
needs_oracle

for d in "$NUMABOX_ORACLE"/snapshots/*/; do
	name=$(basename "$d")
	nb show -m "$d" summary
	works "$name"
done

d=$NUMABOX_ORACLE/snapshots/n4-ring
for v in zoneinfo buddyinfo pagetypeinfo meminfo vmstat; do
	nb show -m "$d" --observed "$v"
	same "$d/proc/$v" "$tmp/out" "n4-ring: --observed $v is what the kernel printed"
done
for v in hardware numastat; do
	nb show -m "$d" --observed "$v"
	works "n4-ring: --observed $v"
done
nb show -m "$d" --observed node/2/meminfo
same "$d/sys/devices/system/node/node2/meminfo" "$tmp/out" "n4-ring: --observed node/2/meminfo"
nb show -m "$d" --observed --json zoneinfo
ok "--observed --json is JSON" json

fallback()
{
	sed -n 's/^\(\[[^]]*\] \)*\(Fallback order for Node .*\)/\2/p; s/^\(\[[^]]*\] \)*\(Policy zone: .*\)/\2/p' "$1"
}
for name in n4-ring n8-3level n4-asym n16-ring n3-memless0 v61-n2-memless1; do
	fallback "$NUMABOX_ORACLE/snapshots/$name/dmesg" >"$tmp/want"
	nb show -m "$NUMABOX_ORACLE/snapshots/$name" zonelists
	fallback "$tmp/out" >"$tmp/got"
	same "$tmp/want" "$tmp/got" "$name: zonelists as the kernel said"
done

# The same capture in archives.
nb show -m "$d" zoneinfo
cp "$tmp/out" "$tmp/want"
for z in '' .gz .bz2 .xz; do
	case $z in
	.gz) tool=gzip ;;
	.bz2) tool=bzip2 ;;
	.xz) tool=xz ;;
	*) tool=tar ;;
	esac
	command -v $tool >/dev/null 2>&1 || continue
	tar -C "$NUMABOX_ORACLE/snapshots" -c${z:+a}f "$tmp/n4.tar$z" n4-ring
	nb show -m "$tmp/n4.tar$z" zoneinfo
	same "$tmp/want" "$tmp/out" "from a .tar$z"
done
done_testing
