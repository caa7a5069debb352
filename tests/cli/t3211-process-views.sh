# numa_maps, smaps, pmap -x, numastat -p of a scenario's task: the kernel's and the programs' text.
. "$(dirname "$0")/lib.sh"

cat >"$tmp/views.lua" <<'L'
local t = machine:task{ cpu = 0 }
t:set_mempolicy("interleave", {0, 1})
local a = t:mmap{ length = "512K" }
t:touch(a, "512K", "w")
t:mbind(a, "256K", "bind", {1}, {})
local b = t:mmap{ length = "64K", shared = true }
t:touch(b, "64K", "w")
local function part(name, text) io_out = "== " .. name .. "\n" .. text; print(io_out) end
part("numa_maps", t:numa_maps())
part("pmap", t:pmap())
part("maps", t:maps())
part("smaps", t:smaps())
part("status", t:status())
part("numastat", machine:view("numastat -p", t))
expect(machine:view("numa_maps", t) == t:numa_maps(), "the view is the method")
expect(not pcall(function() return machine:view("nonsense", t) end), "no such view of a task")
L
nb sim -m 2x4G -q "$tmp/views.lua"
works "a task's views print"
sed -n '/^== numa_maps/,/^== pmap/p' "$tmp/out" >"$tmp/numa_maps"
has "$tmp/numa_maps" '^[0-9a-f]+ bind:1 anon=64 dirty=64( active=[0-9]+)? N0=32 N1=32 kernelpagesize_kB=4$' \
	"numa_maps: the mapping's own policy"
has "$tmp/numa_maps" '^[0-9a-f]+ interleave:0-1 anon=64 ' "numa_maps: the task's policy elsewhere"
has "$tmp/numa_maps" ' file=/dev/zero\\040\(deleted\) dirty=16' "numa_maps: shared anonymous memory"
has "$tmp/out" '^Address           Kbytes     RSS   Dirty Mode  Mapping$' "pmap: its heading"
has "$tmp/out" '^00[0-9a-f]{14}     256     256     256 rw---   \[ anon \]$' "pmap: a mapping"
has "$tmp/out" '^total kB             576     576     576$' "pmap: the sum"
has "$tmp/out" '^[0-9a-f]+-[0-9a-f]+ rw-s 00000000 00:01 [0-9]+ +/dev/zero \(deleted\)$' "maps: a file"
has "$tmp/out" '^Private_Dirty:       256 kB$' "smaps: Private_Dirty"
has "$tmp/out" '^Pss_Dirty:           256 kB$' "smaps: Pss_Dirty"
has "$tmp/out" '^VmFlags: rd wr mr mw me ac sd $' "smaps: VmFlags"
has "$tmp/out" '^VmRSS:	     576 kB$' "status: VmRSS"
has "$tmp/out" '^Per-node process memory usage \(in MBs\) for PID 1000 \(task\)$' "numastat -p: title"
has "$tmp/out" '^Private                      0\.28            0\.28            0\.56$' "numastat -p: a row"
done_testing
