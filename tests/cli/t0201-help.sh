# Every command has --help with usage, options and examples, and a man page that says the same.
. "$(dirname "$0")/lib.sh"

nb help
works "help works"
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tmp/out")
cp "$tmp/out" "$tmp/help"
nb --help
same "$tmp/help" "$tmp/out" "--help is help"
for c in show capture sim help version; do
	has "$tmp/help" "^  $c +[a-z]" "help names $c"
done
hasnt "$tmp/help" '@[A-Z]+@' "no placeholder is left"

# What a reader of the man page sees, as one long line of words.
plain()
{
	sed -e '/^\.\\"/d' -e 's/^\.[A-Z][A-Za-z]* *//' -e 's/\\-/-/g' -e 's/\\e/\\/g' \
		-e 's/\\&//g' -e 's/"//g' "$1" | tr -s ' \n' '  '
}

for c in $commands; do
	nb "$c" --help
	works "$c --help works"
	cp "$tmp/out" "$tmp/help"
	nb help "$c"
	same "$tmp/help" "$tmp/out" "help $c is the same"
	has "$tmp/help" "^Usage: numabox $c" "$c: usage"
	has "$tmp/help" "^Examples:" "$c: examples"
	has "$tmp/help" "^  -h, --help " "$c: options"
	ok "$c: no line is wider than 100 columns" awk 'length > 100 {exit 1}' "$tmp/help"

	man=$BUILD_ROOT/man/numabox-$c.1
	ok "$c has a man page" [ -s "$man" ]
	plain "$man" >"$tmp/man"
	# Every option, example and sentence of --help stands in the man page.
	sed 's/"//g' "$tmp/help" | tr -s ' \n' '  ' | sed 's/Usage: .*Examples: //' >"$tmp/examples"
	sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*=*[A-Z=]*\) .*/\2/p; s/^ *\(-., \)\{0,1\}\(--[a-z-]*=*[A-Z=]*\)$/\2/p' \
		"$tmp/help" | sort -u >"$tmp/options"
	missing=$(while read -r o; do grep -qF -- "$o" "$tmp/man" || echo "$o"; done <"$tmp/options")
	is "$missing" "" "$c: every option of --help is in the man page"
	grep -o -- ' --[a-z][a-z-]*' "$tmp/man" | sort -u >"$tmp/named"
	missing=$(while read -r o; do grep -qF -- "$o" "$tmp/help" || echo "$o"; done <"$tmp/named")
	is "$missing" "" "$c: every option of the man page is in --help"
	sed -n '/^Examples:/,$s/^  \([^ ].*\)/\1/p' "$tmp/help" | sed 's/"//g' >"$tmp/examples"
	missing=$(while IFS= read -r e; do grep -qF -- "$e" "$tmp/man" || echo "$e"; done <"$tmp/examples")
	is "$missing" "" "$c: every example of --help is in the man page"
	if command -v man >/dev/null 2>&1; then
		warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z \
			"$man" 2>&1 >/dev/null | head -3)
		is "$warnings" "" "$c: man formats its page without a warning"
	fi
done
ok "the program has a man page" [ -s "$BUILD_ROOT/man/numabox.1" ]
done_testing
