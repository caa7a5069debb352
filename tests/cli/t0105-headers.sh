# Each public header compiles alone, as C and (where there is a compiler for it) as C++, and
# speaks of every function that it declares.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE_ROOT/include" || exit 1

for h in numabox/*.h; do
	echo "#include <$h>" >"$tmp/one.c"
	ok "$h stands alone" $CC -std=c11 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only "$tmp/one.c"
done
if command -v c++ >/dev/null 2>&1; then
	for h in numabox/*.h; do
		echo "#include <$h>" >"$tmp/one.cc"
		ok "$h is C++ too" c++ -Wall -Werror -I. -fsyntax-only "$tmp/one.cc"
	done
fi

awk '
FNR == 1 { prev = "" }
/^[A-Za-z_][A-Za-z0-9_ \*]*nb_[a-z0-9_]*\(/ && !/^(typedef|static|#)/ {
	if (prev !~ /\*\/[ \t]*$/ && prev !~ /^__attribute__/ && prev !~ /;[ \t]*$/)
		print FILENAME ":" FNR
}
{ prev = $0 }' numabox/*.h >"$tmp/wrong"
is "$(cat "$tmp/wrong")" "" "public functions are documented"
done_testing
