# lib.sh -- what the shell tests share. Source it first; end with done_testing.
#
# A test is one line of TAP. The program's last run stands in $status, $tmp/out and $tmp/err.
# Meson sets NUMABOX (the program), JSONQ, SOURCE_ROOT, NUMABOX_ORACLE; each test has a directory
# $tmp of its own that goes away at the end. A plan of no tests skips a whole file.
set -u
export LC_ALL=C
unset NO_COLOR
tmp=$(mktemp -d)
trap 'chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
tests_run=0
tests_failed=0
machines=$SOURCE_ROOT/tests/machines

# nb ARGUMENTS...: runs numabox, quietly
nb()
{
	"$NUMABOX" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# result STATUS TITLE: the one that prints
result()
{
	tests_run=$((tests_run + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests_run - $2"
	else
		echo "not ok $tests_run - $2"
		tests_failed=$((tests_failed + 1))
		return 1
	fi
}

# Shows what the last run said, under a failed test.
explain()
{
	sed 's/^/# err: /' "$tmp/err" | head -5
	sed 's/^/# out: /' "$tmp/out" | head -"${1:-10}"
}

# ok TITLE COMMAND...: COMMAND succeeds
ok()
{
	title=$1
	shift
	"$@" >"$tmp/ok.log" 2>&1
	result $? "$title" || { sed 's/^/# /' "$tmp/ok.log"; return 1; }
}

# is GOT WANTED TITLE
is()
{
	[ "$1" = "$2" ]
	result $? "$3" || {
		printf '%s\n' "$1" | sed 's/^/#      got: /'
		printf '%s\n' "$2" | sed 's/^/# expected: /'
		return 1
	}
}

# works TITLE: the last run had status 0 and said nothing on standard error
works()
{
	[ "$status" -eq 0 ] && [ ! -s "$tmp/err" ]
	result $? "$1" || { echo "# status: $status"; explain; return 1; }
}

# refused TITLE PATTERN: the last run had status 2, printed nothing to standard output, and one line
# "numabox: ..." that holds PATTERN (a basic regular expression) to standard error
refused()
{
	[ "$status" -eq 2 ] && [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] &&
		grep -q '^numabox: ' "$tmp/err" && grep -q -- "$2" "$tmp/err"
	result $? "$1" || { echo "# status: $status, wanted in the message: $2"; explain; return 1; }
}

# has FILE PATTERN TITLE: some line of FILE matches (extended regular expression)
has()
{
	grep -Eq -- "$2" "$1"
	result $? "$3" || { echo "# no line matches: $2"; sed 's/^/# /' "$1" | head -20; return 1; }
}

hasnt()
{
	! grep -Eq -- "$2" "$1"
	result $? "$3" || { grep -En -- "$2" "$1" | sed 's/^/# /'; return 1; }
}

# same FILE1 FILE2 TITLE
same()
{
	diff "$1" "$2" >"$tmp/diff" 2>&1
	result $? "$3" || { sed 's/^/# /' "$tmp/diff" | head -20; return 1; }
}

# json [PATH]: the value in the last output, "nodes.0.fallback.1"; "PATH#" is its length
json()
{
	"$JSONQ" "$tmp/out" "$@"
}

# needs_oracle: skips the file where the captured machines are not there
needs_oracle()
{
	[ -d "${NUMABOX_ORACLE:-}/snapshots" ] && return 0
	skip_all "no captured machines at NUMABOX_ORACLE"
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing()
{
	echo "1..$tests_run"
	[ "$tests_failed" -eq 0 ] && exit 0
	exit 1
}
