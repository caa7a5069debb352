# `capture`: this computer into a directory, an archive and a machine file, as whoever runs the
# tests and as an ordinary user; each loads again and shows the same.
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 1

# What could not be read is said on standard error, a line each; that is no failure.
captured()
{
	[ "$status" -eq 0 ] && ! grep -qv '^numabox: ' "$tmp/err"
	result $? "$1" || explain
}

nb capture -o dir
captured "into a directory"
is "$(cat "$tmp/out")" dir "the name is the result"
ok "with its zoneinfo" [ -s dir/proc/zoneinfo ]
nb capture -o file.tar.gz
captured "into an archive"
ok "that tar reads" tar -tzf file.tar.gz
nb capture -o file.yaml
captured "into a machine file"
has file.yaml '^machine:' "that is one"
nb capture -o other.yaml --json
ok "--json is JSON" json
is "$(json path)" other.yaml "and names the file"

# Managed pages and marks do not change between two captures; free counts do.
for m in dir file.tar.gz file.yaml; do
	nb show -m $m hardware
	works "$m loads"
	grep -v ' free: ' "$tmp/out" >"$m.hardware"
	nb show -m $m layout
	cp "$tmp/out" "$m.layout"
	nb show -m $m zonelists
	cp "$tmp/out" "$m.zonelists"
done
for v in layout zonelists hardware; do
	same dir.$v file.tar.gz.$v "$v: the archive shows what the directory shows"
	same dir.$v file.yaml.$v "$v: the machine file shows what the directory shows"
done
nb show -m dir --observed zoneinfo
same dir/proc/zoneinfo "$tmp/out" "--observed zoneinfo is what was captured"
nb show -m host layout
works "the live machine itself"

# Nothing that names the owner.
host=$(cat /proc/sys/kernel/hostname)
if [ ${#host} -gt 3 ]; then
	is "$(grep -rlw -- "$host" dir 2>/dev/null | head -3)" "" "the host's name is not in it"
fi

nb capture -o dir
refused "a directory with something in it is left alone" "dir"
nb capture -o no/such/place.yaml
refused "a place that is not there" "no/such/place.yaml"
nb capture -o
refused "no name" "-o needs a value"
nb capture dir2
refused "an argument instead of -o" "capture takes no argument 'dir2'"
nb capture -o ''
refused "an empty name" "empty"
if [ -c /dev/full ]; then
	"$NUMABOX" capture -o dir3 >/dev/full 2>"$tmp/err" </dev/null
	is $? 2 "a result that cannot be told"
fi

# A root of its own: what a capture of a capture finds.
mkdir root
cp -r dir/proc dir/sys root/
nb capture --root root -o again
captured "--root"
ok "took that zoneinfo" cmp -s dir/proc/zoneinfo again/proc/zoneinfo

# As an ordinary user.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null 2>&1; then
	mkdir -m 777 user
	chmod 711 "$tmp"
	cp "$NUMABOX" user/numabox
	(cd user && setpriv --reuid=65534 --regid=65534 --clear-groups ./numabox capture -o cap.tar.gz \
		>"$tmp/out" 2>"$tmp/err" </dev/null)
	status=$?
	captured "an ordinary user can capture"
	nb show -m user/cap.tar.gz
	works "and that loads"
	nb show -m user/cap.tar.gz hardware
	has "$tmp/out" '^node 0 cpus: 0' "with its CPUs"
fi
done_testing
