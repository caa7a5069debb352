# Captures that were damaged, or made to do harm.
. "$(dirname "$0")/lib.sh"

capture()
{
	rm -rf "$tmp/c"
	mkdir -p "$tmp/c/proc"
}

capture
printf 'Node 0, zone      DMA\n  pages free     38' >"$tmp/c/proc/zoneinfo"
nb show -m "$tmp/c"
refused "a zoneinfo cut off before it says anything of use" "."
capture
head -c 4096 /dev/urandom >"$tmp/c/proc/zoneinfo"
nb show -m "$tmp/c"
refused "a binary zoneinfo" "zoneinfo"
capture
printf 'Node 0, zone Normal\n  managed 99999999999999999999999\n' >"$tmp/c/proc/zoneinfo"
nb show -m "$tmp/c"
refused "a number past 64 bits" "zoneinfo:2"
capture
printf 'Node 99999999, zone Normal\n  managed 1000\n' >"$tmp/c/proc/zoneinfo"
nb show -m "$tmp/c"
refused "a node that cannot be" "zoneinfo"
capture
ln -s /etc/passwd "$tmp/c/proc/zoneinfo"
nb show -m "$tmp/c"
refused "a link out of the tree is not followed" "."
hasnt "$tmp/err" root "and nothing of it is shown"
capture
mkfifo "$tmp/c/proc/zoneinfo"
nb show -m "$tmp/c"
refused "a pipe is not waited for" "."

# A good capture within archives that are not.
good()
{
	rm -rf "$tmp/a"
	mkdir -p "$tmp/a/cap/proc"
	cat >"$tmp/a/cap/proc/zoneinfo" <<'X'
Node 0, zone   Normal
        managed  1000000
X
}
good
tar -C "$tmp/a" -cf "$tmp/good.tar" cap
nb show -m "$tmp/good.tar"
works "the good archive loads"

canary=$tmp/canary
good
echo harm >"$canary"
tar -C "$tmp/a" -cPf "$tmp/abs.tar" cap "$canary"
rm "$canary"
nb show -m "$tmp/abs.tar"
[ ! -e "$canary" ]
result $? "an absolute path writes nothing"
refused "and is refused" "abs.tar.*absolute\|abs.tar"
good
echo harm >"$tmp/a/up"
(cd "$tmp/a/cap" && tar -cPf "$tmp/dots.tar" proc ../up)
nb show -m "$tmp/dots.tar"
refused "a path with .. is refused" '\.\.'
good
ln -s /etc/passwd "$tmp/a/cap/proc/meminfo"
tar -C "$tmp/a" -cf "$tmp/link.tar" cap
nb show -m "$tmp/link.tar" --observed meminfo
is "$status" 2 "a link out of an archive leads nowhere"
hasnt "$tmp/out" root "and nothing of its target is shown"
good
(cd "$tmp/a/cap/proc" && head -c 300000000 /dev/zero >buddyinfo)
tar -C "$tmp/a" -czf "$tmp/bomb.tar.gz" cap
ok "a bomb is small on disk" [ "$(wc -c <"$tmp/bomb.tar.gz")" -lt 1000000 ]
# A sanitizer's shadow does not fit into any such limit.
([ "$SANITIZED" = none ] && ulimit -v 2000000; "$NUMABOX" show -m "$tmp/bomb.tar.gz" >"$tmp/out" 2>"$tmp/err" </dev/null)
status=$?
refused "and is refused" "bomb"
head -c 2000 "$tmp/good.tar" | gzip | head -c 100 >"$tmp/cut.tar.gz"
nb show -m "$tmp/cut.tar.gz"
refused "an archive cut off" "cut.tar.gz"
head -c 10000 /dev/urandom >"$tmp/noise.tar.xz"
nb show -m "$tmp/noise.tar.xz"
refused "noise is no archive" "noise.tar.xz"
done_testing
