# The forms of MACHINE: what is described is what is shown.
. "$(dirname "$0")/lib.sh"

hardware()
{
	nb show hardware -m "$1"
	works "$1"
}

hardware 2x32G:8,dist=21
has "$tmp/out" '^node 1 cpus: 8 9 10 11 12 13 14 15$' "8 CPUs a node"
hardware 32G:4+64G:8+512G:0
has "$tmp/out" '^available: 3 nodes \(0-2\)$' "unequal nodes"
has "$tmp/out" '^node 2 cpus:$' "a node without CPUs"
hardware 'qemu:-m 4G -smp 4 -object memory-backend-ram,id=m0,size=1G -object memory-backend-ram,id=m1,size=3G -numa node,nodeid=0,memdev=m0,cpus=0-1 -numa node,nodeid=1,memdev=m1,cpus=2-3 -numa dist,src=0,dst=1,val=31'
has "$tmp/out" '^node 1 cpus: 2 3$' "QEMU's CPUs"
has "$tmp/out" '^  0: +10 +31 *$' "QEMU's distances, one direction told"
hardware 'hwloc:node:2 core:2 pu:2'
has "$tmp/out" '^available: 2 nodes \(0-1\)$' "an hwloc synthetic string"

cat >"$tmp/two.yaml" <<'X'
machine:
  name: two-socket
  arch: x86_64
  kernel: { version: 6.12, cmdline: "movablecore=8G", sysctl: { vm.min_free_kbytes: 67584 } }
  nodes:
    - { id: 0, cpus: 0-3, memory: 32G }
    - { id: 1, cpus: 4-7, ranges: [ 0x880000000-0x107fffffff ] }
  distances: [ [10, 21], [21, 10] ]
  latency_ns: { local: 80 }
  bandwidth: { local: 50G }
X
hardware "$tmp/two.yaml"
has "$tmp/out" '^  1: +21 +10 *$' "YAML: distances"
nb show -m "$tmp/two.yaml" layout
has "$tmp/out" 'Movable zone start for each node' "YAML: its command line counts"
nb show -m "$tmp/two.yaml" --json zoneinfo
min=$(for i in 0 1 2 3 4 5 6 7 8 9; do json zones.$i.zone; json zones.$i.min_pages; done 2>/dev/null |
	paste - - | awk '$1 != "Movable" {s += $2} END {print s}')
ok "YAML: its min_free_kbytes counts ($min pages)" [ "$min" -ge 16892 ] && [ "$min" -le 16896 ]

nb show -m 2x4G --cmdline movablecore=2G --json zoneinfo
has "$tmp/out" '"zone": "Movable"' "--cmdline"
nb show -m 2x4G --sysctl vm.min_free_kbytes=131072 zoneinfo
cp "$tmp/out" "$tmp/raised"
nb show -m 2x4G zoneinfo
ok "--sysctl changes the marks" test -n "$(diff "$tmp/raised" "$tmp/out")"
nb show -m 2x4G --kernel 6.1 zoneinfo
hasnt "$tmp/out" '^ +promo ' "--kernel 6.1 prints no promo mark"
nb show -m 2x4G --arch i386 zoneinfo
is "$status" 0 "--arch i386"
has "$tmp/out" 'zone  HighMem' "has high memory"

# 1,024 nodes, 64 TiB, 8,192 CPUs
nb show -m 1024x4G:8 zonelists
works "1,024 nodes with 8,192 CPUs"
is "$(grep -c '^Fallback order' "$tmp/out")" 1024 "each has its order"
nb show -m 64x1T:16 summary
works "64 TiB"
done_testing
