# A file includes from its own floor and the floors below; everything outside mm/ knows the engine
# through include/numabox alone.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE_ROOT/src" || exit 1

find . -name '*.[ch]' | sed 's,^\./,,' | sort >"$tmp/files"
xargs grep -nH '#include "' <"$tmp/files" >"$tmp/includes"
awk -F: '
BEGIN {
	floor["base"] = 0; floor["machine"] = 1; floor["mm"] = 2; floor["sched"] = 3; floor["view"] = 4
	floor["read"] = 5; floor["sim"] = 6; floor["host"] = 7; floor["run"] = 7; floor["cli"] = 8
}
{
	split($1, from, "/"); split($3, q, "\""); split(q[2], to, "/")
	if (!(to[1] in floor)) { print $1 ":" $2 ": no floor: " q[2]; next }
	if (floor[to[1]] > floor[from[1]]) print $1 ":" $2 ": looks up: " q[2]
	if (to[1] == "mm" && from[1] != "mm") print $1 ":" $2 ": looks into mm/: " q[2]
	if (q[2] ~ /^base\/hosted\// && (from[1] ~ /^(machine|mm|sched)$/))
		print $1 ":" $2 ": the core takes what is hosted: " q[2]
}' "$tmp/includes" >"$tmp/wrong"
is "$(cat "$tmp/wrong")" "" "includes look down"

grep -l '#include <' $(find base machine mm -name '*.[ch]' ! -path '*hosted*' ! -name 'port_posix.c') |
	xargs grep -Hn '#include <' |
	grep -Ev '<(numabox/[a-z_]+\.h|std(arg|atomic|bool|def|int|align)\.h|limits\.h)>' >"$tmp/wrong"
is "$(cat "$tmp/wrong")" "" "the core includes no header of a libc"

awk 'FNR == 1 && $0 !~ /^\/\* / {print FILENAME}' $(cat "$tmp/files") >"$tmp/wrong"
is "$(cat "$tmp/wrong")" "" "every file opens by saying what lives there"
done_testing
