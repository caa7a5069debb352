# The labs: each runs on the machine that it names, and its expectations hold.
. "$(dirname "$0")/lib.sh"
labs=$SOURCE_ROOT/examples/labs

for f in "$labs"/*.lua; do
	name=$(basename "$f")
	nb sim "$f"
	works "$name"
	has "$tmp/out" '^expectations: [1-9][0-9]* held, 0 failed$' "$name expects something"
	has "$labs/README.md" "\`$name\`" "$name is in the list"
	has "$f" '^-- numabox: -m ' "$name names its machine"
done

# The document's ten FAILUREs: each is an expectation of some lab (the text is expect()'s second argument).
for n in 1 2 3 4 5 6 7 8 9 10; do
	ok "FAILURE $n is asserted" grep -Eq "^[^-].*\"FAILURE $n: .*\"\)\$|^ *\"FAILURE $n: .*\"\)\$" "$labs"/*.lua
done
done_testing
