# The core needs no libc: built with -ffreestanding -nostdinc, linked with -nostdlib, it asks the
# outside for the four functions that every compiler may call by itself, and for nothing else.
# And it has no state of its own: no writable data, so that systems share nothing.
. "$(dirname "$0")/lib.sh"

ok "the whole core links without libraries" \
	$CC -nostdlib -r -o "$tmp/core.o" -Wl,--whole-archive "$CORE_LIB" -Wl,--no-whole-archive

undefined=$(nm -u "$tmp/core.o" | awk '{print $2}' | sort |
	grep -vx 'memcpy\|memmove\|memset\|memcmp\|_GLOBAL_OFFSET_TABLE_')
is "$undefined" "" "nothing is undefined but memcpy, memmove, memset and memcmp"

symbols=$(nm "$tmp/core.o" | grep -c ' T nb_')
ok "there is a core to prove it of ($symbols functions)" [ "$symbols" -gt 50 ]

writable=$(nm "$tmp/core.o" | awk '$2 ~ /^[bBdDcCgGsS]$/ {print $3}')
is "$writable" "" "no writable data: not one global"

foreign=$(nm "$tmp/core.o" | awk '$2 == "T" && $3 !~ /^nb_/ {print $3}')
is "$foreign" "" "every name it gives to others begins with nb_"
done_testing
