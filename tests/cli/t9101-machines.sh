# Machines that cannot be: one line that says what is wrong and what would be right, status 2.
. "$(dirname "$0")/lib.sh"

# yaml PATTERN TITLE: the machine file on standard input is refused
yaml()
{
	cat >"$tmp/m.yaml"
	nb show -m "$tmp/m.yaml"
	refused "$2" "$1"
	has "$tmp/err" '^numabox: .*/m\.yaml:[0-9]+: ' "... with file and line"
}

yaml overlap "overlapping ranges" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, ranges: [ 0x100000-0x3fffffff, 0x20000000-0x7fffffff ] }
X
yaml "in node 0 and in node 1" "a range in two nodes" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, ranges: [ 0x100000-0x3fffffff ] }
    - { id: 1, cpus: 4-7, ranges: [ 0x100000-0x3fffffff ] }
X
yaml "CPU 3" "a CPU in two nodes" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
    - { id: 1, cpus: 3-7, memory: 1G }
X
yaml "10" "a diagonal other than 10" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
    - { id: 1, cpus: 4-7, memory: 1G }
  distances: [ [10, 20], [20, 11] ]
X
yaml "2" "a matrix of the wrong size" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
    - { id: 1, cpus: 4-7, memory: 1G }
  distances: [ [10, 20, 20], [20, 10, 20], [20, 20, 10] ]
X
yaml "9" "a distance below 10" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
    - { id: 1, cpus: 4-7, memory: 1G }
  distances: [ [10, 9], [20, 10] ]
X
yaml "256" "a distance above 255" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
    - { id: 1, cpus: 4-7, memory: 1G }
  distances: [ [10, 256], [20, 10] ]
X
yaml "memory" "no node with memory" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3 }
X
yaml "99999999T" "a size that overflows" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 99999999T }
X
yaml "1000000" "node id 1,000,000" <<'X'
machine:
  nodes:
    - { id: 1000000, cpus: 0-3, memory: 1G }
X
yaml "16384 GiB" "a node above 16 TiB" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 17T }
X
yaml "managed 384000" "more managed pages in a zone than its node has" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
  zones:
    - { node: 0, zone: DMA, managed: 384000 }
X
yaml "managed 3999" "more managed pages than present ones" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G }
  zones:
    - { node: 0, zone: DMA, present: 3998, managed: 3999 }
X
yaml "colour" "an unknown key" <<'X'
machine:
  nodes:
    - { id: 0, cpus: 0-3, memory: 1G, colour: blue }
X
yaml "." "no YAML at all" <<'X'
machine: [ { {
X
yaml "." "an empty file" <<'X'
X

for m in 0x1G 2x 2x32Q 2x32G:x 2x32G,dist=9 2x32G,dist=256 2x32G,colour=blue 99999999x1G \
	2x99999999999G 1x17T 1G+ 'hwloc:bogus' 'qemu:-numa' 'qemu:-m 1Q' acpi:/nonexistent; do
	nb show -m "$m"
	refused "-m $m" "."
done
nb show -m 'qemu:-m 4G -numa node,mem=4G -numa dist,src=0,dst=9,val=20'
refused "QEMU: a distance to a node that is not there" "node 9"
nb show -m /nonexistent
refused "a file that is not there" "/nonexistent"
nb show -m /nonexistent.yaml
refused "a machine file that is not there" "/nonexistent.yaml"
mkdir "$tmp/empty"
nb show -m "$tmp/empty"
refused "a directory with nothing of a capture in it" "empty"
done_testing
